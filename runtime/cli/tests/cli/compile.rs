//! `pentane compile`.

use crate::run::{assert_run, told};

#[test]
fn a_policy_is_printed_as_the_trees_that_are_searched() {
    assert_run!(told(&["compile", "small.pol"]));
}

#[test]
fn a_pair_of_ends_has_a_tree_of_what_can_still_decide() {
    assert_run!(told(&["compile", "small.pol", "--pair", "griffin -> www"]));
    assert_run!(told(&["compile", "small.pol", "--pair", "griffin -> www", "--emit", "dot"]));
}

#[test]
fn what_cannot_be_compiled_is_said() {
    assert_run!(told(&["compile", "small.pol", "--pair", "griffn -> www"]));
    let wrong = told(&["compile", "five.pol"]);
    assert_eq!((wrong.code, &*wrong.stdout), (1, ""), "{wrong}");
}

#[test]
fn the_entries_of_a_view_are_printed_with_their_rules() {
    assert_run!(told(&["compile", "small.pol", "--view", "cabled.json", "--emit", "flows"]));
    assert_run!(told(&["compile", "small.pol", "--view", "cabled.json", "--emit", "flows", "--explain-size"]));
    assert_run!(told(&["compile", "small.pol", "--view", "cabled.json", "--emit", "flows", "--switch", "core", "--of", "1.0"]));
    assert_run!(told(&["compile", "small.pol", "--view", "cabled.json", "--emit", "templates"]));
}

#[test]
fn a_conversation_has_its_entries_at_every_switch_of_its_way() {
    let flows = |mode| ["compile", "small.pol", "--view", "cabled.json", "--emit", "flows", "--mode", mode];
    let pair = ["--pair", "roo -> www tcp/443", "--format", "json"];
    assert_run!(told(&[&flows("exact")[..], &pair].concat()));
    assert_run!(told(&[&flows("template")[..], &["--pair", "rphone -> roo tcp/80"]].concat()));
    let templates = ["compile", "small.pol", "--view", "cabled.json", "--emit", "templates", "--pair", "rphone -> roo tcp/80"];
    assert_run!(told(&templates));
}

#[test]
fn entries_that_cannot_be_are_said() {
    let flows = ["compile", "small.pol", "--emit", "flows"];
    let with = |more: &[&str]| told(&[&flows[..], more].concat());
    assert_run!(with(&[]));
    assert_run!(with(&["--view", "cabled.json", "--switch", "edge9"]));
    assert_run!(with(&["--view", "cabled.json", "--limit", "3"]));
    assert_run!(with(&["--mode", "exact"]));
    assert_run!(with(&["--view", "cabled.json", "--mode", "exact", "--pair", "griffin -> www tcp/80"]));
    assert_run!(told(&["compile", "small.pol", "--explain-size"]));
}
