//! `pentane test`.

use std::fs;

use crate::run::{assert_run, run, scratch, told};

#[test]
fn tests_that_pass_are_counted() {
    assert_run!(told(&["test", "small.pol", "--coverage"]));
}

#[test]
fn what_no_test_reaches_gets_a_line_that_would() {
    let human = told(&["test", "small.pol", "--uncovered"]);
    let json = told(&["test", "small.pol", "--uncovered", "--format", "json"]).json();
    let lines: Vec<&str> = json["uncovered"].as_array().unwrap().iter().map(|one| one["test"].as_str().unwrap()).collect();
    assert!(lines.len() > 1 && lines.iter().all(|line| human.stdout.contains(&format!("  test     {line}\n"))), "{json}");
    assert_eq!(lines.len(), human.stdout.matches("\n  test ").count(), "{human}");
    assert_run!(human);
}

#[test]
fn a_failure_shows_the_flow_and_what_decided() {
    assert_run!(told(&["test", "failing.pol"]));
    assert_run!(told(&["test", "failing.pol", "--format", "concise"]));
}

#[test]
fn json_has_its_fields() {
    assert_run!(told(&["test", "failing.pol", "--format", "json"]));
}

#[test]
fn a_policy_with_errors_is_not_tested() {
    let human = told(&["test", "five.pol"]);
    assert_eq!((human.code, &*human.stdout), (1, ""), "{human}");
    assert!(human.stderr.contains("five.pol: 5 errors"), "{human}");
    let json = told(&["test", "five.pol", "--format", "json"]);
    assert_eq!((json.code, json.json()["schema"].as_str()), (1, Some("pentane.check/1")), "{json}");
    assert_eq!(told(&["test", "gone.pol"]).code, 2);
}

#[test]
fn a_policy_without_tests_says_so() {
    assert_run!(told(&["test", "inventory.pol"]));
}

#[test]
fn failures_are_told_to_the_tools_of_others() {
    for format in ["github", "junit"] {
        assert_run!(told(&["test", "failing.pol", "--format", format]));
    }
    let sarif = told(&["test", "failing.pol", "--format", "sarif"]);
    assert_eq!((sarif.code, sarif.json()["runs"][0]["results"].as_array().map(Vec::len)), (1, Some(2)), "{sarif}");
}

#[test]
fn rules_that_have_expired_are_told() {
    let folder = scratch("test-expired");
    let text = "host h { mac 02:00:00:00:00:01; }\nhost w { mac 02:00:00:00:00:02; }\nvisit: allow from h to w until 2020-01-01;\n\
        outbound-only from w until 2020-01-01;\ntest \"then\" { h -> w => allow; h -> w time 2026-11-27T10:00 => deny; }\n";
    fs::write(folder.join("a.pol"), text).unwrap();
    assert_run!(run(&folder, &["test", "a.pol", "--coverage"]));
    let expired = &run(&folder, &["test", "a.pol", "--format", "json"]).json()["expired"];
    assert_eq!(
        (expired[0]["name"].as_str(), expired[0]["since"].as_str()),
        (Some("visit"), Some("2020-01-02 00:00")),
        "{expired}"
    );
    assert_eq!((expired[1]["line"].as_u64(), expired.as_array().map(Vec::len)), (Some(4), Some(2)), "{expired}");
}

#[test]
fn coverage_is_not_dropped_without_a_word() {
    for format in ["sarif", "github", "junit"] {
        let told = told(&["test", "small.pol", "--coverage", "--format", format]);
        let why = "error: the formats of other tools have no place for `--coverage`\n";
        assert_eq!((told.code, &*told.stdout, &*told.stderr), (2, "", why));
    }
}

#[test]
fn a_statement_that_is_two_rules_is_said_to_be() {
    let folder = scratch("halves");
    let site = "switch edge { dpid 0x1; access 1-9; }\nuser bob;\nuser eve;\n";
    for (rules, note) in [
        ("allow from bob pin edge:1;", " (a rule with pin is two)"),
        ("outbound-only from bob;", " (an outbound-only is two)"),
        ("allow from bob pin edge:1;\noutbound-only from eve;", " (an outbound-only is two, and so is a rule with pin)"),
        ("allow from bob;", ""),
    ] {
        fs::write(folder.join("a.pol"), format!("{site}{rules}\n")).unwrap();
        let told = run(&folder, &["test", "a.pol", "--coverage"]);
        let first = told.stdout.lines().next().unwrap();
        assert!(first.ends_with(&format!("{note} decided a flow")) && first.contains('(') != note.is_empty(), "{told}");
    }
}

#[test]
fn explanations_are_for_people_and_programs_of_ours() {
    let sarif = told(&["explain", "griffin -> www", "small.pol", "--format", "sarif"]);
    assert_eq!((sarif.code, &*sarif.stdout), (2, ""), "{sarif}");
}
