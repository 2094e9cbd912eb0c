//! The documentation, held against the program: examples are run, tables are compared with what they list, links lead somewhere.
//! `UPDATE_DOCS=1 cargo nextest run -p tests --test docs` writes the pages that are made from the code (`docs/errors`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be read has failed the test")]

mod links;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compiler::{Budget, Program, View};
use lang::checked::Checked;
use lang::diag::{Diagnostic, Severity};
use lang::flow::Decide;
use lang::import::{LoadError, Loader};
use lang::source::SourceMap;
use lang::testing;
use net::Time;
use tests::repository;

/// One fenced block of a page.
struct Block {
    /// The page, relative to the repository.
    page: String,
    /// The line of the fence.
    line: usize,
    /// What stands behind the fence: `pentane error=E0203`.
    info: String,
    /// The text.
    text: String,
}

impl Block {
    fn language(&self) -> &str {
        self.info.split_whitespace().next().unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The codes of an attribute, in the order of the text: `W0301` and `W0303` of `warning=W0301,W0303`.
    fn codes(&self, name: &str) -> Vec<&str> {
        self.attribute(name).into_iter().flat_map(|codes| codes.split(',')).collect()
    }

    fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// Files that a page shows, by name; behind them, the shipped campus.
struct Shown(BTreeMap<String, String>);

impl Loader for Shown {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if let Some(text) = self.0.get(path) {
            return Ok(text.clone().into_bytes());
        }
        std::fs::read(repository().join("policies/campus").join(path)).map_err(|_| LoadError::NotFound)
    }
}

/// What checking a policy of a page came to.
struct Outcome {
    sources: SourceMap,
    checked: Option<Arc<Checked>>,
    found: Vec<Diagnostic>,
    /// Warnings, in the order of the text.
    warned: Vec<Diagnostic>,
}

/// 2026-11-27.
const NOW: Time = Time(1_795_737_600_000_000);

fn check(entry: &str, files: &Shown) -> Outcome {
    let read = lang::import::load(&[entry], files);
    let (checked, mut found) = lang::check::check(&read.sources, &read.policy, read.diagnostics);
    let checked = checked.map(Arc::new);
    let mut warned = Vec::new();
    if let Some(policy) = &checked {
        let program = Program::compile(policy.clone(), &View::new(policy));
        found.extend(program.excess().iter().filter_map(|excess| excess.diagnostic(policy)));
        let analysed = compiler::findings(&program, &read.policy, Some(NOW), Budget::default()).1;
        let (errors, rest): (Vec<_>, Vec<_>) = analysed.into_iter().partition(|one| one.severity == Severity::Error);
        found.extend(errors);
        warned.extend(rest.into_iter().filter(|one| one.severity == Severity::Warning));
        lang::diag::sort(&mut warned, &read.sources);
    }
    Outcome { sources: read.sources, checked, found, warned }
}

impl Outcome {
    fn lines(&self) -> String {
        self.lines_of(&self.found)
    }

    fn lines_of(&self, found: &[Diagnostic]) -> String {
        found.iter().map(|one| lang::report::concise(one, &self.sources) + "\n").collect()
    }
}

fn text(name: &str) -> String {
    let path = repository().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All pages, relative to the repository.
fn pages() -> Vec<String> {
    let root = repository();
    let mut open = vec![root.join("docs")];
    let mut found: Vec<String> = ["README.md", "tests/lab/README.md", "lang/editors/README.md"].map(str::to_owned).to_vec();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.strip_prefix(&root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (place, line) in text(page).lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                open = true;
                found.push(Block { page: page.to_owned(), line: place + 1, info: info.to_owned(), text: String::new() });
            }
            None if open => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "{page}: a block is never closed");
    found
}

/// The files that a page shows.
fn shown(blocks: &[Block]) -> Shown {
    let files = blocks.iter().filter_map(|block| Some((block.attribute("file")?.to_owned(), block.text.clone())));
    Shown(files.collect())
}

fn codes(found: &[Diagnostic]) -> Vec<&'static str> {
    found.iter().map(|one| one.code.text()).collect()
}

#[test]
fn policies_of_the_documentation_check_and_pass_their_tests() {
    let mut run = 0;
    for page in pages() {
        let blocks = blocks(&page);
        let mut files = shown(&blocks);
        for block in blocks.iter().filter(|block| block.language() == "pentane") {
            run += 1;
            let place = block.place();
            let entry = block.attribute("file").unwrap_or("page.pol");
            files.0.insert(entry.to_owned(), block.text.clone());
            let outcome = check(entry, &files);
            assert_eq!(codes(&outcome.found), block.codes("error"), "{place}\n{}", outcome.lines());
            // Of a policy with errors, nothing is looked for beside them.
            let warned = (codes(&outcome.warned), block.codes("warning"));
            assert_eq!(warned.0, warned.1, "{place}\n{}", outcome.lines_of(&outcome.warned));
            if block.attribute("error").is_some() {
                continue;
            }
            let policy = outcome.checked.unwrap_or_else(|| panic!("{place}: no policy"));
            let program = Program::compile(policy.clone(), &View::new(&policy));
            let deciders: [&dyn Decide; 2] = [&lang::eval::Reference(&policy), &program];
            for decider in deciders {
                let failed: Vec<_> = testing::run(&policy, decider).results.into_iter().filter(|one| !one.passed).collect();
                assert!(failed.is_empty(), "{place}\n{failed:#?}");
            }
        }
    }
    assert!(run > 30, "only {run} blocks were found");
}

#[test]
fn policies_of_the_documentation_are_laid_out_as_fmt_does() {
    for page in pages() {
        for block in blocks(&page).iter().filter(|block| block.language() == "pentane" && block.attribute("error").is_none()) {
            let mut sources = SourceMap::default();
            let id = sources.add("page.pol", block.text.as_str());
            let formatted = lang::format::format(&sources, id).unwrap_or_else(|_| panic!("{}", block.place()));
            assert_eq!(formatted, block.text, "{}", block.place());
        }
    }
}

/// A command of a session and what it printed.
struct Said<'a> {
    words: Vec<String>,
    output: Vec<&'a str>,
}

fn session(block: &Block) -> Vec<Said<'_>> {
    let mut said: Vec<Said<'_>> = Vec::new();
    for line in block.text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => said.push(Said { words: words(command), output: Vec::new() }),
            None => said.last_mut().unwrap_or_else(|| panic!("{} starts with output", block.place())).output.push(line),
        }
    }
    said
}

/// The words of a command line, quotes taken off.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in command.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Sessions show what the commands really say: the answer, who gave it and where, how many, and every finding's place.
#[test]
fn sessions_of_the_documentation_are_what_the_commands_say() {
    let mut held = 0;
    for page in pages() {
        let blocks = blocks(&page);
        let files = shown(&blocks);
        for block in blocks.iter().filter(|block| block.language() == "console") {
            for said in session(block) {
                let words: Vec<&str> = said.words.iter().map(String::as_str).collect();
                let ["pentane", command, rest @ ..] = words.as_slice() else { continue };
                // Those in a view are run as they are, with the tests of the commands.
                if rest.contains(&"--view") {
                    continue;
                }
                let arguments: Vec<&str> = rest.iter().copied().filter(|word| !word.starts_with('-')).collect();
                let entry = arguments.iter().copied().find(|word| word.ends_with(".pol")).map(str::to_owned);
                let Some(entry) = entry.or_else(|| entry_of(&blocks)) else { continue };
                let output = said.output.join("\n");
                let place = format!("{}: {words:?}", block.place());
                held += usize::from(match *command {
                    "check" => hold_check(&check(&entry, &files), &output, &place),
                    "test" => hold_test(&check(&entry, &files), &output, &place),
                    "explain" => hold_explain(&check(&entry, &files), arguments[0], &output, &place),
                    _ => false,
                });
            }
        }
    }
    assert!(held >= 6, "only {held} commands were held");
}

/// The policy that the `pentane.toml` of a page names.
fn entry_of(blocks: &[Block]) -> Option<String> {
    let settings = blocks.iter().find(|block| block.attribute("file") == Some("pentane.toml"))?;
    let table: toml::Table = settings.text.parse().ok()?;
    table.get("policy").and_then(toml::Value::as_str).map(str::to_owned)
}

fn hold_check(outcome: &Outcome, output: &str, place: &str) -> bool {
    match &outcome.checked {
        Some(policy) => {
            let lines: BTreeSet<_> = policy.site_rules().iter().map(|rule| rule.span).collect();
            let (rules, tests) = (lines.len(), policy.tests.len());
            let line = format!("ok: {rules} rules, {tests} tests");
            assert!(output.starts_with(&line), "{place}\nwanted: {line}\n{output}");
            let proved = format!("{} assertion", policy.assertions.len());
            assert_eq!(output.contains(" proved in any view"), !policy.assertions.is_empty(), "{place}\n{output}");
            assert!(policy.assertions.is_empty() || output.contains(&proved), "{place}\n{output}");
            assert!(outcome.warned.is_empty(), "{place} does not show:\n{}", outcome.lines_of(&outcome.warned));
        }
        None => {
            for one in &outcome.found {
                let at = outcome.sources.position(one.span);
                let (code, file) = (one.code, format!("{}:{}:{}", at.file, at.line, at.column));
                let drawn = lang::report::render(one, &outcome.sources, lang::report::Style::default());
                let line = lang::report::concise(one, &outcome.sources);
                let told = output.contains(drawn.trim_end()) || output.contains(&line);
                assert!(told, "{place}\nlacks {code} at {file}, which is\n{drawn}\n{line}");
            }
            assert!(output.contains(&format!("{} errors", outcome.found.len())), "{place}\n{output}");
        }
    }
    true
}

fn hold_test(outcome: &Outcome, output: &str, place: &str) -> bool {
    let policy = outcome.checked.clone().unwrap_or_else(|| panic!("{place}\n{}", outcome.lines()));
    let program = Program::compile(policy.clone(), &View::new(&policy));
    let run = testing::run(&policy, &program);
    if run.failed() == 0 {
        assert!(output.contains(&format!("ok: {} test cases passed", run.passed())), "{place}\n{output}");
    } else {
        assert!(output.contains(&run.failed().to_string()), "{place}\n{output}");
    }
    if let Some(line) = output.lines().find(|line| line.starts_with("coverage: ")) {
        let wanted = format!("coverage: {} of {} rules", run.coverage.covered.len(), run.coverage.total());
        assert!(line.starts_with(&wanted), "{place}\nwanted: {wanted}\n{line}");
    }
    true
}

fn hold_explain(outcome: &Outcome, flow: &str, output: &str, place: &str) -> bool {
    let policy = outcome.checked.clone().unwrap_or_else(|| panic!("{place}\n{}", outcome.lines()));
    let program = Program::compile(policy.clone(), &View::new(&policy));
    let mut sources = policy.sources.clone();
    let id = sources.add("FLOW", flow);
    let (spec, found) = lang::parse::parse_flow(&sources, id);
    assert!(found.is_empty(), "{place}: {found:?}");
    let flows = lang::flowspec::flows(&policy, &sources, &spec.unwrap()).unwrap();
    for flow in &flows {
        let judgement = program.decide(flow);
        let first = output.lines().any(|line| line.split_whitespace().next() == Some(&judgement.verdict.to_string()));
        assert!(first, "{place}: nothing says {}\n{output}", judgement.verdict);
        let at = policy.sources.position(policy.deciding_span(judgement.rule).unwrap());
        let at = format!("{}:{}", at.file, at.line);
        let by = output.lines().any(|line| line.trim_start().starts_with("by ") && line.ends_with(&at));
        assert!(by, "{place}: nothing says that {at} decided\n{output}");
    }
    for line in output.lines().filter(|line| line.trim_start().starts_with("because")) {
        let facts = flows.iter().flat_map(|flow| compiler::explain(&program, flow).because);
        let fact = line.trim_start().trim_start_matches("because").trim();
        assert!(facts.into_iter().any(|known| known == fact), "{place}: {fact}");
    }
    true
}

#[test]
fn each_diagnostic_has_its_page() {
    let folder = repository().join("docs/errors");
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    let mut index =
        "# Diagnostics\n\nOne page for each code, made from the table in `lang/src/codes.rs`. `pentane help CODE` prints \
                     the same.\n\n| code | severity | what |\n|---|---|---|\n"
            .to_owned();
    for page in lang::codes::pages() {
        let (code, severity) = (page.code, page.code.severity().word());
        index.push_str(&format!("| [{code}]({code}.md) | {severity} | {} |\n", page.title));
        wanted.insert(format!("{code}.md"), page.markdown());
    }
    wanted.insert("README.md".to_owned(), index);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &wanted {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    let there: BTreeMap<String, String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    for (name, text) in &wanted {
        assert_eq!(there.get(name), Some(text), "docs/errors/{name}: UPDATE_DOCS=1 cargo nextest run -p tests --test docs");
    }
    assert_eq!(there.len(), wanted.len(), "a page without a code: {:?}", there.keys());
}

/// Every word in backticks of a page.
fn code_words(page: &str) -> BTreeSet<String> {
    let text = text(page);
    let mut words = BTreeSet::new();
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            words.insert(part.to_owned());
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_language_page_names_every_word_of_the_language() {
    let named = code_words("docs/language.md");
    let page = text("docs/language.md");
    for row in lang::keyword::KEYWORDS {
        let seen = named.contains(row.word) || page.contains(&format!(" {} ", row.word));
        assert!(seen, "docs/language.md does not name `{}`", row.word);
    }
    let sets = lang::builtin::SETS.iter().map(|(name, _)| *name);
    let services = lang::builtin::SERVICES.iter().map(|(name, _)| *name);
    let protocols = lang::builtin::PROTOCOLS.iter().map(|(name, _)| *name);
    let types = lang::builtin::ETHER_TYPES.iter().map(|(name, _)| *name);
    let fields = lang::keyword::fields().map(|(name, _)| name);
    for name in sets.chain(services).chain(protocols).chain(types).chain(fields) {
        assert!(named.contains(name), "docs/language.md does not name `{name}`");
    }
}

/// The settings of `pentane.toml` as the daemon reads them: key and default, where the source gives one.
fn settings() -> BTreeMap<String, Option<String>> {
    let source = text("runtime/daemon/src/config.rs");
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut keys = BTreeMap::new();
    let sections = ["Config", "OpenFlow", "OpenFlowTls", "Log", "Flows", "Discovery", "Routing", "Hosts", "Limits", "Protection"];
    for section in sections {
        let body = between(source, &format!("pub struct {section} {{"), "\n}");
        let prefix = match section {
            "Config" => String::new(),
            "OpenFlowTls" => "openflow.tls.".to_owned(),
            other => format!("{}.", other.to_lowercase()),
        };
        let defaults = source.split(&format!("        {section} {{")).nth(1).and_then(|rest| rest.split('}').next());
        for field in body.lines().filter_map(|line| line.trim().strip_prefix("pub ")) {
            let (name, kind) = field.trim_end_matches(',').split_once(": ").unwrap();
            if sections.iter().any(|other| kind == *other || kind == format!("Option<{other}>")) {
                continue;
            }
            let default = defaults
                .into_iter()
                .flat_map(|text| text.split(','))
                .find_map(|one| one.trim().strip_prefix(&format!("{name}: ")));
            keys.insert(format!("{prefix}{name}"), default.map(str::to_owned));
        }
    }
    keys
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no `{from}`")).1;
    rest.split_once(to).unwrap_or_else(|| panic!("no `{to}` after `{from}`")).0
}

/// The first two cells of each row of a page's tables.
fn rows(page: &str) -> Vec<(String, String)> {
    let cells = |line: &str| -> Option<(String, String)> {
        let mut cells = line.strip_prefix("| ")?.split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned());
        Some((cells.next()?, cells.next()?))
    };
    text(page).lines().filter_map(cells).collect()
}

#[test]
fn the_configuration_page_has_every_key_with_its_default() {
    let known = settings();
    assert!(known.len() > 10, "{known:?}");
    let rows: BTreeMap<String, String> = rows("docs/configuration.md").into_iter().filter(|(key, _)| key != "key").collect();
    assert_eq!(rows.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    for (key, default) in &known {
        let Some(default) = default.as_ref().filter(|one| *one == "Vec::new()" || !one.contains("::")) else { continue };
        let default = if default == "Vec::new()" { "none".to_owned() } else { default.replace('_', "") };
        assert_eq!(rows[key].replace(',', ""), default, "{key}");
    }
}

/// Events of the log with their fields, from the macros that write them.
fn events() -> BTreeMap<String, BTreeSet<String>> {
    let mut events = BTreeMap::new();
    for file in ["runtime/daemon/src/log.rs", "runtime/cli/src/run.rs"] {
        for call in text(file).split("tracing::").skip(1) {
            let Some((level, rest)) = call.split_once("!(") else { continue };
            if !["info", "warn", "error", "debug"].contains(&level) {
                continue;
            }
            let arguments = rest.split(");").next().unwrap_or_default();
            let Some(name) = arguments.split("event = \"").nth(1).and_then(|rest| rest.split('"').next()) else { continue };
            let fields = split_arguments(arguments).into_iter().filter_map(|one| field_name(&one)).collect();
            events.insert(name.to_owned(), fields);
        }
    }
    events
}

/// Arguments of a macro, split at the commas outside of parentheses and strings.
fn split_arguments(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted) = (0_i32, false);
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts
}

fn field_name(argument: &str) -> Option<String> {
    let name = argument.split('=').next()?.trim().trim_start_matches(['%', '?']);
    let plain = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    (plain && name != "event").then(|| name.to_owned())
}

#[test]
fn the_operations_page_has_every_event_of_the_log_with_its_fields() {
    let known = events();
    assert!(known.len() > 20, "{known:?}");
    let page = text("docs/operations.md");
    let table = between(&page, "<!-- events -->", "<!-- end of events -->");
    let mut told = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let fields: BTreeSet<String> = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        told.insert(cells[0].trim_matches('`').to_owned(), fields);
    }
    assert_eq!(told, known);
}

#[test]
fn the_command_page_has_every_command() {
    let page = text("docs/cli.md");
    let body = text("runtime/cli/src/args.rs");
    let body = between(&body, "pub enum Command {", "\n}");
    let names = body.lines().filter_map(|line| line.trim().split_once('(')).map(|(name, _)| name.to_lowercase());
    let names: Vec<String> = names.filter(|name| name.chars().all(|letter| letter.is_ascii_lowercase())).collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("\n## pentane {name}\n")), "docs/cli.md has no section for `pentane {name}`");
    }
    let exits = text("runtime/cli/src/exit.rs");
    for row in between(&exits, "pub const EXITS: &[(Exit, &str)] = &[", "];").lines().filter(|line| line.contains('"')) {
        let meaning = row.split('"').nth(1).unwrap_or_default();
        assert!(page.contains(meaning), "docs/cli.md does not say: {meaning}");
    }
}

#[test]
fn the_command_page_has_every_option_and_every_field() {
    let page = text("docs/cli.md");
    let mut options = 0;
    for file in [
        "init",
        "check",
        "fmt",
        "fix",
        "import",
        "prove",
        "man",
        "test",
        "explain",
        "run",
        "demo",
        "bench/openflow",
        "load",
        "lsp",
    ] {
        let source = text(&format!("runtime/cli/src/{file}.rs"));
        for after in source.split("#[arg(").skip(1).filter(|after| between(after, "", ")]").contains("long")) {
            let (attribute, field) = after.split_once(")]").unwrap();
            let field = field.trim_start().trim_start_matches("pub ");
            let name = attribute.split("long = \"").nth(1).map_or_else(|| field.split(':').next(), |rest| rest.split('"').next());
            let option = format!("--{}", name.unwrap_or_default().trim().replace('_', "-"));
            assert!(page.contains(&option), "docs/cli.md does not name `{option}` of {file}");
            options += 1;
        }
    }
    assert!(options > 12, "only {options} options were found");
    let json = text("runtime/cli/src/json.rs");
    let bench = text("runtime/cli/src/bench/report.rs");
    let measured = between(&bench, "pub struct Measured {", "\n}").lines();
    let fields = json.lines().filter_map(|line| line.strip_prefix("    pub ")).chain(measured.map(str::trim));
    let fields: Vec<&str> = fields.filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert!(fields.len() > 40, "{fields:?}");
    for field in fields.into_iter().filter(|field| *field != "answer" && !field.contains(' ')) {
        let named = page.contains(&format!("`{field}`")) || page.contains(&format!("\"{field}\""));
        assert!(named, "docs/cli.md does not name the field `{field}`");
    }
}

#[test]
fn the_two_commands_of_the_readme_are_there() {
    let readme = text("README.md");
    assert!(readme.contains("\ncargo run --release -p cli -- demo\n") && readme.contains("\n./tests/all\n"));
    assert!(repository().join("tests/all").exists());
    assert!(text("runtime/cli/src/args.rs").contains("Demo("), "the demo is a command");
}

#[test]
fn what_stands_on_a_terminal_fits_it() {
    for page in pages() {
        for block in blocks(&page).iter().filter(|block| ["console", "text"].contains(&block.language())) {
            for line in block.text.lines() {
                assert!(line.chars().count() <= 80, "{}: {line}", block.place());
            }
        }
    }
}
