//! `pentane prove`.

use crate::run::{assert_run, run, scratch, told};
use std::fs;

const CLAIMS: &str = "user bob;\nuser eve;\nsection eves scope (usrc = eve) {\n    allow from eve for ssh;\n}\nallow from bob for http;\n\
    nobody-but-bob: assert never from eve for http;\nbob-reads: assert always from bob for tcp/80;\n\
    bob-only-reads: assert never from bob for tcp/80-81;\n";

#[test]
fn each_assertion_gets_its_answer() {
    let folder = scratch("claims");
    fs::write(folder.join("claims.pol"), CLAIMS).unwrap();
    assert_run!(run(&folder, &["prove", "claims.pol"]));
    let json = run(&folder, &["prove", "claims.pol", "--format", "json"]);
    assert_eq!((json.code, json.json()["assertions"][2]["result"].as_str()), (1, Some("refuted")), "{json}");
    assert_run!(json);
}

#[test]
fn claims_that_hold_are_good_news_and_none_are_no_news() {
    let folder = scratch("claims-held");
    let held: String = CLAIMS.lines().take(8).map(|line| format!("{line}\n")).collect();
    fs::write(folder.join("held.pol"), held).unwrap();
    assert_run!(run(&folder, &["prove", "held.pol"]));
    fs::write(folder.join("none.pol"), "user bob;\nallow from bob;\n").unwrap();
    assert_run!(run(&folder, &["prove", "none.pol"]));
}

#[test]
fn a_claim_about_no_flow_is_not_passed_over() {
    let folder = scratch("claims-vacuous");
    fs::write(
        folder.join("vacuous.pol"),
        "user bob;\nuser eve;\nallow from bob;\nassert never from bob when usrc = eve;\nassert always from bob;\n",
    )
    .unwrap();
    assert_run!(run(&folder, &["prove", "vacuous.pol"]));
    let json = run(&folder, &["prove", "vacuous.pol", "--format", "json"]).json();
    let vacuous: Vec<bool> = json["assertions"].as_array().unwrap().iter().map(|one| one["vacuous"].as_bool().unwrap()).collect();
    assert_eq!(vacuous, [true, false]);
}

#[test]
fn a_rule_outside_its_scope_is_shown() {
    let folder = scratch("claims-scope");
    fs::write(folder.join("scope.pol"), CLAIMS.replace("allow from eve", "allow from bob")).unwrap();
    let told = run(&folder, &["prove", "scope.pol", "--format", "concise"]);
    assert_eq!(told.code, 1, "{told}");
    assert_run!(told);
}

#[test]
fn what_is_no_policy_is_not_proved() {
    let told = told(&["prove", "five.pol"]);
    assert_eq!((told.code, &*told.stdout), (1, ""), "{told}");
}

#[test]
fn formats_of_others_are_refused() {
    assert_run!(told(&["prove", "small.pol", "--format", "junit"]));
}
