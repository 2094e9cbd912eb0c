//! W0311: an `outbound-only`, or a rule with `pin`, of which an earlier rule leaves one half.

use super::Input;
use crate::checked::Part;
use crate::diag::Diagnostic;
use crate::facts::{RuleFact, Taken};

lint! {
    W0311 "half of a rule decides nothing" {
        what "An `outbound-only` is two rules: what others initiate is denied, then what it says is allowed. A rule with `pin` is two, too. Of one of the halves earlier rules leave nothing."
        why "Only half of what the line says happens: the end can be reached after all, or cannot reach out."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow to roo;\noutbound-only from roo;"
        instead "Move the rule before those that cut it, or say in two rules what is meant."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\noutbound-only from roo;\nallow to kanga;"
    }
}

/// What to do about a half that these take, or that no flow matches.
fn help(input: &Input<'_>, half: Part, by: &[Taken]) -> String {
    let alone = match half {
        Part::OutboundDeny => "write `allow` for `outbound-only`: nobody can start anything the other way",
        Part::PinDeny => "leave out `pin`: it can start nowhere else",
        Part::Whole | Part::OutboundAllow | Part::PinAllow => "correct what it asks, or write the `deny` that is left of it",
    };
    match by.iter().map(|taken| taken.by).filter(|by| *by >= input.policy.prelude_end).min() {
        Some(first) => format!("move it before {}, or say in two rules what is meant", input.rule(first)),
        None if by.is_empty() => alone.to_owned(),
        None => "say in two rules what is meant: the prelude goes first".to_owned(),
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    for (id, fact) in &input.facts.rules {
        let Some(rule) = input.policy.rule(*id) else { continue };
        let half = match rule.part {
            Part::Whole => continue,
            Part::OutboundDeny => "what it denies",
            Part::OutboundAllow => "what it allows",
            Part::PinDeny => "what it denies from elsewhere",
            Part::PinAllow => "what it allows from there",
        };
        let by = match fact {
            RuleFact::Shadowed(by) => by.as_slice(),
            RuleFact::MatchesNothing => &[],
            RuleFact::Decides(_) | RuleFact::Redundant(..) | RuleFact::Undecided => continue,
        };
        let message = if by.is_empty() {
            format!("{half} is nothing: no flow matches it")
        } else {
            format!("{half} is decided by rules before it")
        };
        let mut found = Diagnostic::new(W0311, rule.span, message).help(help(input, rule.part, by));
        for taken in by.iter().take(3) {
            if let Some(other) = input.policy.rule(taken.by) {
                found = found.related(other.span, "takes it");
            }
        }
        if let Some(flow) = by.first().and_then(|most| most.flow.as_ref()) {
            found = input.shown_by(found, flow);
        }
        all.push(found);
    }
    all
}
