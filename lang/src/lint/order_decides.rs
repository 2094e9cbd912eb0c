//! W0306: two rules of which the order decides.

use super::Input;
use crate::diag::{Diagnostic, Severity};

lint! {
    W0306 "order decides between two rules" {
        what "Two rules match some of the same flows, would decide them differently, and neither covers the other: the one that stands first wins. Not a mistake by itself: exceptions are written so. It is told only where `[severity]` in pentane.toml gives it a severity."
        why "Whoever moves one of them changes what happens."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\ndeny from roo for ssh;\nallow to kanga;"
        instead "Nothing, if the order is meant. A test with the flow that is shown keeps it."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\ndeny from roo;\nallow from kanga;"
    }
}

/// How many pairs are told.
const MAX_TOLD: usize = 5;

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let told = input.facts.overlaps.iter().take(MAX_TOLD).filter_map(|overlap| {
        let (first, second) = (input.policy.rule(overlap.first)?, input.policy.rule(overlap.second)?);
        // A deny behind a narrower allow, or the other way round, is how exceptions are written.
        let message = format!("what this rule and {} both match is decided by the one that stands first", input.rule(first.id));
        let mut found = Diagnostic::new(W0306, second.span, message).related(first.span, "stands first");
        found.severity = Severity::Info;
        Some(input.shown_by(found, &overlap.flow))
    });
    told.collect()
}
