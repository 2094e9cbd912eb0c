//! `pentane explain`.

use crate::run::{assert_run, told};

#[test]
fn an_allow_names_its_rule_and_its_obligations() {
    assert_run!(told(&["explain", "user none host roo at wap1 -> internet tcp/80", "small.pol"]));
}

#[test]
fn a_deny_names_what_would_have_allowed_it() {
    assert_run!(told(&["explain", "user none host roo at wap1 -> internet tcp/22", "small.pol"]));
    assert_run!(told(&["explain", "internet -> www tcp/80", "small.pol"]));
}

#[test]
fn json_has_its_fields() {
    assert_run!(told(&["explain", "user none host roo at wap1 -> internet tcp/22", "small.pol", "--format", "json"]));
    assert_run!(told(&["explain", "internet -> www tcp/80", "small.pol", "--format", "json"]));
}

#[test]
fn an_unexpected_verdict_ends_with_one() {
    let flow = "host griffin -> host roo tcp/22";
    for (expected, code) in [("allow", 0), ("deny", 1)] {
        let told = told(&["explain", flow, "--expect", expected, "--policy", "small.pol"]);
        assert_eq!(told.code, code, "{told}");
    }
}

#[test]
fn flows_that_are_judged_differently_are_undecided() {
    let flow = "host griffin -> www web";
    assert_run!(told(&["explain", "desktops -> www web", "small.pol"]));
    assert_eq!(told(&["explain", flow, "small.pol", "--expect", "allow"]).code, 0);
    let mixed = "host griffin -> www mixed";
    assert_run!(told(&["explain", mixed, "small.pol"]));
    assert_run!(told(&["explain", mixed, "small.pol", "--format", "concise"]));
    assert_run!(told(&["explain", mixed, "small.pol", "--format", "json"]));
    assert_eq!(told(&["explain", mixed, "small.pol", "--expect", "allow"]).code, 1);
}

#[test]
fn a_flow_that_cannot_be_read_is_shown_with_its_mistake() {
    assert_run!(told(&["explain", "host griffin > www tcp/80", "small.pol"]));
    assert_run!(told(&["explain", "host grifin -> www tcp/80", "small.pol", "--format", "concise"]));
    assert_run!(told(&["explain", "", "small.pol"]));
    assert_run!(told(&["explain", "desktops -> registered", "small.pol"]));
}

#[test]
fn a_view_says_what_the_flow_does_not() {
    let args = ["explain", "host roo -> internet tcp/22", "small.pol", "--view", "view.json"];
    assert_run!(told(&args));
    // Whom the flow names is not replaced by whom the view knows.
    let args = ["explain", "user none host roo -> internet tcp/22", "small.pol", "--view", "view.json", "--expect", "deny"];
    assert_eq!(told(&args).code, 0);
    // An address that a station of the view has is that station's.
    let args = ["explain", "10.0.1.16 -> host griffin tcp/22", "small.pol", "--view", "view.json", "--format", "json"];
    assert_eq!(told(&args).json()["rule"]["line"], 8);
}

#[test]
fn what_the_verdict_hangs_on_is_said() {
    assert_run!(told(&["explain", "host roo -> internet tcp/80", "small.pol"]));
    assert_run!(told(&["explain", "host roo at wap1 -> internet tcp/22", "small.pol"]));
    let said = told(&["explain", "user none host roo at wap1 -> internet tcp/22", "small.pol", "--format", "json"]);
    assert_eq!(said.json()["unless"], serde_json::json!([]), "{said}");
}

#[test]
fn a_policy_with_errors_explains_nothing() {
    let told = told(&["explain", "host griffin -> www tcp/80", "five.pol"]);
    assert_eq!((told.code, &*told.stdout), (1, ""), "{told}");
}
