//! The formats for other tools: what is hard to write in them. The published schemas are for `tests/formats`.
#![expect(clippy::unwrap_used, reason = "a test whose folder cannot be had has failed")]

use std::fs;

use crate::run::{Run, run, scratch};

/// What is said of a policy of this text in a file of this name.
fn checked(folder: &str, name: &str, text: &str, format: &str) -> Run {
    let folder = scratch(folder);
    fs::write(folder.join(name), text).unwrap();
    run(&folder, &["check", name, "--format", format])
}

#[test]
fn the_prelude_is_a_place_and_no_file() {
    let text = "host roo { mac 02:00:00:00:00:12; }\nallow to broadcast for udp/67;\nallow from roo;\n";
    let sarif = checked("prelude-place", "a.pol", text, "sarif").json();
    let result = &sarif["runs"][0]["results"][0];
    let related = &result["relatedLocations"][0];
    assert_eq!(result["ruleId"].as_str(), Some("W0303"));
    assert_eq!(related["logicalLocations"][0]["name"].as_str(), Some("prelude"), "{sarif}");
    assert!(related.get("physicalLocation").is_none(), "{sarif}");
}

#[test]
fn warnings_are_cases_that_pass_and_are_told_in_the_suite() {
    let junit = checked("junit-warning", "a.pol", "user bob;\ngroup eve = user { bob };\nallow from bob;\n", "junit");
    let case =
        "<testcase classname=\"a.pol\" name=\"2:7: W0301 name that nothing uses: the group `eve` is never used\" time=\"0\"/>";
    assert!(junit.stdout.contains(case), "{junit}");
    assert!(junit.stdout.contains("<system-out>a.pol:2:7: the group `eve` is never used"), "{junit}");
    assert!(junit.stdout.contains("tests=\"2\" failures=\"0\""), "{junit}");
}

#[test]
fn a_line_end_in_a_name_is_no_line_end_of_a_message() {
    let junit = checked("line-end", "a\nb.pol", "allow from nobody;\n", "junit");
    assert!(junit.stdout.contains("message=\"a&#10;b.pol:1:12: unknown name `nobody`\""), "{junit}");
    let github = checked("line-end", "a\nb.pol", "allow from nobody;\n", "github");
    assert!(github.stdout.starts_with("::error file=a%0Ab.pol,line=1,") && github.stdout.lines().count() == 1, "{github}");
}

#[test]
fn a_file_name_does_nothing_to_a_terminal() {
    for format in ["human", "concise", "plain"] {
        let run = checked("odd-name", "e\u{1b}[31m\nx.pol", "allow from nobody;\n", format);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(told.contains("e\u{fffd}[31m\u{fffd}x.pol:1:12"), "{format}: {run}");
        assert!(!told.contains('\u{1b}'), "{format}: {run}");
    }
}

#[test]
fn a_byte_order_mark_takes_no_column() {
    for format in ["concise", "human", "github", "junit"] {
        let run = checked("mark", "a.pol", "\u{feff}user bob; allow from nobody;\n", format);
        let place = if format == "github" { "line=1,endLine=1,col=22,endColumn=28" } else { "a.pol:1:22" };
        assert!(run.stdout.contains(place), "{format}: {run}");
    }
}

#[test]
fn what_a_message_quotes_does_nothing_to_a_terminal() {
    for format in ["human", "concise", "json", "sarif", "github", "junit"] {
        let run = checked("quoted", "a.pol", "allow from \"\u{1b}[31m\u{202e}x\";\n", format);
        assert!(run.stdout.contains("\u{fffd}[31m\u{fffd}x"), "{format}: {run}");
        assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{format}: {run}");
    }
}
