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
