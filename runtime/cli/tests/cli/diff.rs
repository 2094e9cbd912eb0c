//! `pentane diff`.
#![expect(clippy::unwrap_used, reason = "what cannot be written has failed the test")]

use std::fs;

use crate::run::{assert_run, run, scratch, told};

const OLD: &str = "switch edge { dpid 0x1; access 1-24; }\nmiddlebox ids { at edge:20; }\nhost a { mac 00:16:3e:00:00:01; }\n\
    host b { mac 00:16:3e:00:00:02; at edge:2; }\nuser bob;\nuser eve;\ngroup people = user { bob, eve };\n\
    web: allow from people to a for tcp/80;\nssh: allow from bob to b for ssh;\nno: deny to a;\nallow from eve to b for tcp/443;\n";

fn policies(name: &str, edits: &[(&str, &str)]) -> std::path::PathBuf {
    let folder = scratch(name);
    let new = edits.iter().fold(OLD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    fs::write(folder.join("old.pol"), OLD).unwrap();
    fs::write(folder.join("new.pol"), new).unwrap();
    folder
}

const EDITS: &[(&str, &str)] = &[
    ("for tcp/80;", "for tcp/80 via ids limit 5mbps;"),
    ("user { bob, eve }", "user { bob }"),
    ("for ssh", "for tcp/22-23"),
    ("deny to a", "reject to a"),
    ("02; at edge:2", "02; at edge:3"),
];

#[test]
fn what_is_gained_lost_and_changed_is_told() {
    let folder = policies("diff", EDITS);
    assert_run!(run(&folder, &["diff", "old.pol", "new.pol"]));
    assert_run!(run(&folder, &["diff", "old.pol", "new.pol", "--format", "concise"]));
    let json = run(&folder, &["diff", "old.pol", "new.pol", "--format", "json"]);
    assert_run!(json);
}

#[test]
fn every_flow_is_answered_as_it_is_told() {
    replay(&policies("diff-replayed", EDITS));
    // What the old policy does not declare has other words there.
    let edits = [
        ("user bob;", "user bob;\nhost c { mac 00:16:3e:00:00:03; }"),
        ("host a ", "host www "),
        ("to a", "to www"),
        ("from eve to b", "from c to b"),
    ];
    let folder = policies("diff-renamed", &edits);
    replay(&folder);
    assert_run!(run(&folder, &["diff", "old.pol", "new.pol"]));
}

fn replay(folder: &std::path::Path) {
    let json = run(folder, &["diff", "old.pol", "new.pol", "--format", "json"]).json();
    let mut replayed = 0;
    for sort in ["gained", "lost", "changed"] {
        for change in json[sort].as_array().unwrap() {
            for (file, side) in [("old.pol", "before"), ("new.pol", "after")] {
                let old = change["old_flow"].as_str().filter(|_| side == "before");
                let flow = old.unwrap_or(change["flow"].as_str().unwrap());
                let answer = run(folder, &["explain", flow, file, "--format", "json"]).json();
                let told = change[side].as_str().unwrap().split(' ').next();
                assert_eq!(answer["verdict"].as_str(), told, "{flow}");
                replayed += 1;
            }
        }
    }
    assert!(replayed >= 4, "{replayed}");
}

#[test]
fn only_those_who_ask_get_another_exit_code() {
    let folder = policies("diff-code", EDITS);
    assert_eq!(run(&folder, &["diff", "old.pol", "new.pol"]).code, 0);
    assert_eq!(run(&folder, &["diff", "old.pol", "new.pol", "--exit-code"]).code, 1);
    let same = run(&folder, &["diff", "old.pol", "old.pol", "--exit-code"]);
    assert_eq!(same.code, 0, "{same}");
    assert_run!(same);
}

#[test]
fn another_text_with_the_same_meaning_is_no_difference() {
    let edits = [
        ("from people to a", "from user { bob, eve } to a"),
        ("ssh: allow from bob to b for ssh;", "s: allow from bob to b for tcp/22;"),
    ];
    let folder = policies("diff-same", &edits);
    let told = run(&folder, &["diff", "old.pol", "new.pol", "--exit-code"]);
    assert_eq!(told.code, 0, "{told}");
}

#[test]
fn what_is_declared_otherwise_is_a_difference() {
    let folder = policies("diff-declared", &[("02; at edge:2", "0f")]);
    let told = run(&folder, &["diff", "old.pol", "new.pol", "--exit-code"]);
    assert_eq!(told.code, 1, "{told}");
    assert_run!(told);
}

#[test]
fn one_policy_may_be_standard_input_and_both_must_be_there() {
    assert_run!(told(&["diff", "-", "-"]));
    let missing = told(&["diff", "small.pol", "nowhere.pol"]);
    assert_eq!(missing.code, 2, "{missing}");
    assert_run!(missing);
    let wrong = told(&["diff", "five.pol", "small.pol"]);
    assert_eq!((wrong.code, &*wrong.stdout), (1, ""), "{wrong}");
    assert_run!(told(&["diff", "small.pol", "small.pol", "--format", "junit"]));
}

/// Rules that overlap in too many ways to be told apart.
#[test]
fn what_is_not_found_out_is_undecided() {
    let folder = scratch("diff-undecided");
    let mut text = "user bob;\nhost a { mac 00:16:3e:00:00:01; }\n".to_owned();
    for n in 0..600 {
        let ports = format!("tcp/{}-{} when tpsrc in {}-{}", n * 7, n * 90 + 300, n * 11, 60000 - n * 13);
        text.push_str(&format!("allow from any to any for {ports} and dscp in {}-{};\n", n % 30, 33 + n % 30));
    }
    fs::write(folder.join("old.pol"), &text).unwrap();
    fs::write(folder.join("new.pol"), format!("{text}last: deny from bob to a for tcp;\n")).unwrap();
    let told = run(&folder, &["diff", "old.pol", "new.pol"]);
    assert_eq!(told.code, 3, "{told}");
    assert_run!(told);
}

#[test]
fn a_folder_stands_for_the_policy_that_its_pentane_toml_names() {
    let folder = scratch("diff-folders");
    for (name, verdict) in [("old", "deny"), ("new", "allow")] {
        let inner = folder.join(name);
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("pentane.toml"), "policy = [\"hosts.pol\", \"rules.pol\"]\n").unwrap();
        fs::write(inner.join("hosts.pol"), "host a { mac 00:16:3e:00:00:01; }\nhost b { mac 00:16:3e:00:00:02; }\n").unwrap();
        fs::write(inner.join("rules.pol"), format!("one: {verdict} from a to b for ssh;\n")).unwrap();
    }
    assert_run!(run(&folder, &["diff", "old", "new"]));
    fs::remove_file(folder.join("old/pentane.toml")).unwrap();
    assert_run!(run(&folder, &["diff", "old", "new"]));
}
