//! The shape of the repository, held: which package may know which, where a library may be named, what pure packages are kept from,
//! and how sources look. Reads text and manifests; knows nothing of what the code does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be read has failed the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tests::repository;
use toml::{Table, Value};

/// Packages by folder, and the packages of ours that each may name under `[dependencies]` and `[dev-dependencies]`: I2.
const EDGES: &[(&str, &str, &[&str])] = &[
    ("net", "lang/net", &[]),
    ("lang", "lang", &["net"]),
    ("foreign", "lang/foreign", &["net", "lang"]),
    ("compiler", "compiler", &["net", "lang"]),
    ("lsp", "lang/lsp", &["net", "lang", "compiler"]),
    ("openflow", "runtime/openflow", &["net"]),
    ("packet", "runtime/packet", &["net"]),
    ("emulator", "runtime/emulator", &["net", "openflow", "packet"]),
    ("runtime", "runtime", &["net", "lang", "compiler", "openflow", "packet"]),
    ("daemon", "runtime/daemon", &["net", "lang", "compiler", "openflow", "packet", "runtime"]),
    ("cli", "runtime/cli", &["net", "lang", "foreign", "compiler", "lsp", "openflow", "packet", "runtime", "emulator", "daemon"]),
    ("fuzz", "tests/fuzz", &["net", "lang", "foreign", "compiler", "openflow", "packet"]),
    ("twin", "tests/lab/twin", &["net", "openflow", "packet", "emulator"]),
    ("tests", "tests", &["net", "lang", "foreign", "compiler", "openflow", "packet", "runtime", "emulator", "fuzz"]),
];

/// Packages that do I/O. Each has a clippy.toml of its own, without the purity bans; no other package may: I1.
const IMPURE: &[&str] = &["daemon", "cli", "tests"];

/// What pure packages may not call or name, by the root's clippy.toml: I1.
const BANS: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::fs::metadata",
    "std::fs::File",
    "std::env::var",
    "std::thread::spawn",
    "std::thread::sleep",
    "std::process::exit",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];

/// Lints that the workspace switches on and every package inherits.
const LINTS: &[&str] = &[
    "disallowed_methods",
    "disallowed_types",
    "print_stdout",
    "print_stderr",
    "unwrap_used",
    "expect_used",
    "panic",
    "todo",
    "wildcard_imports",
    "allow_attributes",
];

/// Where a library may be named: the library, and the files or folders that may: I3. The manifests of the packages follow from it.
const PLACES: &[(&str, &[&str])] = &[
    ("ariadne", &["lang/src/report.rs"]),
    ("lalrpop_util", &["lang/src/parse.rs", "lang/src/parse", "lang/src/grammar.lalrpop"]),
    ("lalrpop_mod!", &["lang/src/parse.rs"]),
    ("logos", &["lang/src/lexer.rs", "lang/foreign/src/token.rs"]),
    ("saphyr_parser", &["lang/foreign/src/faucet/yaml.rs"]),
    ("petgraph", &["runtime/src/distance.rs", "runtime/src/topology.rs"]),
    ("tokio", &["runtime/daemon", "runtime/cli"]),
    ("tracing", &["runtime/daemon", "runtime/cli"]),
    ("rustls", &["runtime/daemon/src/tls.rs", "runtime/daemon/tests"]),
    ("tokio_rustls", &["runtime/daemon"]),
    ("socket2", &["runtime/daemon/src/doors.rs"]),
    ("rcgen", &["runtime/daemon/tests"]),
    ("notify::", &["runtime/daemon/src/watch.rs"]),
    ("getrandom", &["runtime/cli"]),
    ("rustix", &["runtime/cli/src/bench/openflow"]),
    ("clap", &["runtime/cli"]),
    ("lsp_server", &["lang/lsp", "runtime/cli/src/lsp/wire.rs", "runtime/cli/src/bench/edits.rs"]),
    ("lsp_types", &["lang/lsp"]),
];

/// Files of more than this many lines need a reason here.
const LONGEST: usize = 600;
const LONG: &[(&str, &str)] = &[];

/// Folders that are not sources.
const OUTSIDE: &[&str] =
    &["target", ".git", "lang/editors/vscode/node_modules", "tests/fuzz/targets/target", "tests/fuzz/targets/artifacts"];

fn manifest(folder: &str) -> Table {
    let path = repository().join(folder).join("Cargo.toml");
    text(&path).parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files of the repository, relative to its folder, in order.
fn files() -> Vec<String> {
    let root = repository();
    let mut open = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if OUTSIDE.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// Rust sources with their text.
fn sources() -> Vec<(String, String)> {
    let root = repository();
    let names = files().into_iter().filter(|name| name.ends_with(".rs"));
    names.map(|name| (name.clone(), text(&root.join(&name)))).collect()
}

/// True if the file is the place, or in it.
fn is_in(file: &str, place: &str) -> bool {
    file == place || file.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
}

/// A line without its strings, and without what follows `//`.
fn code(line: &str) -> String {
    let bare: Vec<&str> = line.split('"').step_by(2).collect();
    bare.join(" ").split("//").next().unwrap_or_default().to_owned()
}

/// True if the word stands in the line, not as a part of another.
fn names(line: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !(before.is_some_and(is_part) || word.ends_with(is_part) && after.is_some_and(is_part))
    })
}

fn table<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(table, |table, name| table.get(*name).and_then(Value::as_table))
}

#[test]
fn packages_are_those_of_the_table() {
    let root = manifest("");
    let members = root["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().map(|member| member.as_str().unwrap()).collect();
    let known: BTreeSet<&str> = EDGES.iter().map(|(_, folder, _)| *folder).collect();
    assert_eq!(members, known);
    for (name, folder, _) in EDGES {
        assert_eq!(manifest(folder)["package"]["name"].as_str(), Some(*name), "{folder}");
    }
}

#[test]
fn arrows_between_packages_point_inwards() {
    let ours: BTreeMap<&str, &[&str]> = EDGES.iter().map(|(name, _, may)| (*name, *may)).collect();
    for (name, folder, may) in EDGES {
        let manifest = manifest(folder);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for named in table(&manifest, &[section]).into_iter().flat_map(Table::keys) {
                let allowed = !ours.contains_key(named.as_str()) || may.contains(&named.as_str());
                assert!(allowed, "`{name}` may not know `{named}`: {folder}/Cargo.toml, [{section}]");
            }
        }
        assert!(table(&manifest, &["target"]).is_none(), "{folder}/Cargo.toml has dependencies that this test does not see");
        // What a package may know, everything that it knows may know too: the table itself has no way round.
        for known in *may {
            assert!(!ours[known].contains(name), "`{name}` and `{known}` would know each other");
        }
    }
}

#[test]
fn every_dependency_comes_from_the_workspace_and_says_what_for() {
    for (_, folder, _) in EDGES {
        let name = format!("{folder}/Cargo.toml");
        let text = text(&repository().join(&name));
        let parsed = manifest(folder);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (named, value) in table(&parsed, &[section]).into_iter().flatten() {
                assert_eq!(table_of(value).get("workspace").and_then(Value::as_bool), Some(true), "{name}: {named}");
                let is_ours = EDGES.iter().any(|(ours, ..)| ours == named);
                let line = text.lines().find(|line| line.starts_with(&format!("{named}.workspace"))).unwrap_or_default();
                assert!(is_ours || line.contains('#'), "{name}: `{named}` does not say what for");
            }
        }
    }
}

fn table_of(value: &Value) -> Table {
    value.as_table().cloned().unwrap_or_default()
}

#[test]
fn libraries_are_named_in_their_places_alone() {
    for (library, places) in PLACES {
        let mut seen = false;
        for (file, text) in sources() {
            let here = places.iter().any(|place| is_in(&file, place));
            for (number, line) in text.lines().enumerate().filter(|(_, line)| names(&code(line), library)) {
                // The generator's own build script.
                let exempt = file == "lang/build.rs";
                assert!(here || exempt, "{file}:{}: `{library}` belongs to {places:?}: {line}", number + 1);
                seen |= here;
            }
        }
        assert!(seen, "`{library}` is named nowhere in {places:?}");
    }
}

#[test]
fn the_generated_parser_is_named_in_one_module() {
    let parsers = ["StatementParser", "FlowParser"];
    let mut users = BTreeSet::new();
    for (file, text) in sources() {
        if text.lines().any(|line| parsers.iter().any(|name| names(&code(line), name))) {
            users.insert(file);
        }
    }
    assert_eq!(users, BTreeSet::from(["lang/src/parse.rs".to_owned()]));
}

#[test]
fn pure_packages_are_kept_pure() {
    let root: Table = text(&repository().join("clippy.toml")).parse().unwrap();
    let lists = ["disallowed-methods", "disallowed-types"];
    let banned: BTreeSet<&str> = lists
        .iter()
        .flat_map(|list| root[*list].as_array().unwrap())
        .map(|ban| ban.get("path").and_then(Value::as_str).unwrap())
        .collect();
    for ban in BANS {
        assert!(banned.contains(ban), "clippy.toml does not ban {ban}");
    }
    for (name, folder, _) in EDGES {
        let own = repository().join(folder).join("clippy.toml").exists();
        assert_eq!(own, IMPURE.contains(name), "{folder}/clippy.toml: only packages that do I/O have one, and all of those");
    }
}

#[test]
fn lints_are_switched_on_in_every_package() {
    let root = manifest("");
    let clippy = table(&root, &["workspace", "lints", "clippy"]).unwrap();
    for lint in LINTS {
        assert_eq!(clippy.get(*lint).and_then(Value::as_str), Some("warn"), "{lint}: warnings are errors where it counts");
    }
    let rust = table(&root, &["workspace", "lints", "rust"]).unwrap();
    assert_eq!(rust["unsafe_code"].as_str(), Some("forbid"));
    assert_eq!(rust["missing_docs"].as_str(), Some("warn"));
    for (_, folder, _) in EDGES {
        assert_eq!(manifest(folder)["lints"]["workspace"].as_bool(), Some(true), "{folder}/Cargo.toml");
    }
    let ci = text(&repository().join(".ci/run"));
    assert!(ci.contains("cargo clippy --workspace --all-targets -- -D warnings"));
}

#[test]
fn the_version_of_openflow_is_looked_at_in_the_dialect_alone() {
    for (file, text) in sources() {
        let exempt = ["runtime/openflow", "runtime/emulator", "runtime/src/dialect", "runtime/src/dialect.rs", "tests"];
        if exempt.iter().any(|place| is_in(&file, place)) || !is_in(&file, "runtime") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let asks = names(&code(line), "openflow::v10") || names(&code(line), "openflow::v13");
            let measures = is_in(&file, "runtime/cli/src/bench");
            assert!(!asks || measures, "{file}:{}: messages of one version belong to the dialect: {line}", number + 1);
        }
    }
}

#[test]
fn flow_mods_are_sent_by_the_installer_alone() {
    // Of what can be said to a switch, these change its tables: I8.
    let changes = ["ToSwitch::Add", "ToSwitch::Delete", "ToSwitch::DeleteForeign"];
    let mut senders = BTreeSet::new();
    for (file, text) in sources() {
        if text.lines().any(|line| changes.iter().any(|change| names(&code(line), change)))
            && !is_in(&file, "runtime/src/dialect")
            && !is_in(&file, "tests")
        {
            senders.insert(file);
        }
    }
    assert_eq!(senders, BTreeSet::from(["runtime/src/install.rs".to_owned()]));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for (file, text) in sources() {
        assert!(text.starts_with("//! "), "{file} does not start with `//!`");
        assert!(!file.ends_with("/mod.rs"), "{file}: write `foo.rs` beside `foo/`");
    }
}

#[test]
fn files_are_short() {
    let reasons: BTreeMap<&str, &str> = LONG.iter().copied().collect();
    for (file, text) in sources() {
        let lines = text.lines().count();
        let listed = reasons.contains_key(file.as_str());
        assert_eq!(lines > LONGEST, listed, "{file} has {lines} lines; {LONGEST} are allowed unless listed with a reason");
    }
    assert!(LONG.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_left_out() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("#[ig", "nore"),
        concat!("unimple", "mented!("),
    ];
    for (file, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for mark in marks {
                assert!(!line.contains(mark), "{file}:{}: {line}", number + 1);
            }
        }
    }
}

#[test]
fn the_repository_names_no_machine() {
    let marks =
        [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("C:", "\\")];
    for file in files() {
        let bytes = std::fs::read(repository().join(&file)).unwrap();
        let Ok(text) = String::from_utf8(bytes) else { continue };
        for (number, line) in text.lines().enumerate() {
            for mark in marks {
                // What stands in a folder of ours is at no place of a machine.
                let inside = |at: usize| line.get(..at).is_some_and(|before| before.ends_with(char::is_alphanumeric));
                let named = line.match_indices(mark).any(|(at, _)| !inside(at));
                assert!(!named, "{file}:{} names a place on one machine: {line}", number + 1);
            }
        }
    }
}

#[test]
fn what_is_named_in_these_tables_exists() {
    let root: PathBuf = repository();
    for (_, places) in PLACES {
        for place in *places {
            assert!(root.join(place).exists(), "{place}");
        }
    }
}
