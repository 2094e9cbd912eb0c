//! `pentane test`.

use crate::run::{assert_run, told};

#[test]
fn tests_that_pass_are_counted() {
    assert_run!(told(&["test", "small.pol", "--coverage"]));
}

#[test]
fn what_no_test_reaches_gets_a_line_that_would() {
    assert_run!(told(&["test", "small.pol", "--uncovered"]));
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
fn explanations_are_for_people_and_programs_of_ours() {
    let sarif = told(&["explain", "griffin -> www", "small.pol", "--format", "sarif"]);
    assert_eq!((sarif.code, &*sarif.stdout), (2, ""), "{sarif}");
}
