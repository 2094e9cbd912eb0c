//! W0307: a default that nothing is left to.

use super::Input;
use crate::diag::Diagnostic;
use crate::facts::Proof;

lint! {
    W0307 "default that decides nothing" {
        what "The policy states a default, and its rules decide every flow."
        why "Whoever reads the default believes that something falls to it."
        example "host roo { mac 00:16:3e:00:00:12; }\nallow from roo;\ndeny;\ndefault allow;"
        instead "Remove the default, or the rule that takes everything."
        clean "host roo { mac 00:16:3e:00:00:12; }\nallow from roo;\ndefault deny;"
    }
}

/// Finds it.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let proved = input.facts.default == Some(Proof::Proved);
    let span = input.policy.default.span.filter(|_| proved);
    span.map(|span| Diagnostic::new(W0307, span, "no flow is left to the default: the rules decide them all"))
        .into_iter()
        .collect()
}
