//! What is to be said of a policy that checks and compiles: claims that do not hold, and lints. Knows nothing of how it is shown.

use lang::ast::Policy;
use lang::diag::Diagnostic;
use lang::facts::Facts;
use lang::lint::{self, Input};
use lang::{proofs, suppress};
use net::Time;

use crate::analysis::{self, Budget, facts};
use crate::program::Program;
use crate::view::View;

/// What is proved of what the policy claims of itself, and what of it does not hold: what forbids its use. Lints are not asked.
#[must_use]
pub fn claims(program: &Program, tree: &Policy, budget: Budget) -> (Facts, Vec<Diagnostic>) {
    let facts = analysis::claims(program, budget);
    let found = proofs::check(&Input { policy: program.policy(), tree, facts: &facts, decide: program, now: None });
    (facts, found)
}

/// What of its assertions holds in one view, called by this name, beside what is known of all views; and what does not hold in it
/// though it holds in every view that the invariants admit.
#[must_use]
pub fn claims_in_view(
    program: &Program,
    tree: &Policy,
    (name, view): (&str, &View),
    of_any: &Facts,
    budget: Budget,
) -> (Facts, Vec<Diagnostic>) {
    let facts = analysis::claims_in_view(program, view, of_any, budget);
    let input = Input { policy: program.policy(), tree, facts: of_any, decide: program, now: None };
    let found = proofs::in_view(&input, &facts.assertions, name);
    (facts, found)
}

/// What is proved of a policy, and what is found in it on that ground. `now` is the present, if it is to count: rules that have
/// expired are errors then.
#[must_use]
pub fn findings(program: &Program, tree: &Policy, now: Option<Time>, budget: Budget) -> (Facts, Vec<Diagnostic>) {
    let policy = program.policy();
    let facts = facts(program, budget);
    let input = Input { policy, tree, facts: &facts, decide: program, now };
    let mut found = proofs::check(&input);
    found.extend(lint::check(&input));
    let found = suppress::apply(&policy.sources, tree, found);
    (facts, found)
}
