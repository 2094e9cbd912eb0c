//! W0314: a rule that ends within two weeks.

use std::time::Duration;

use super::Input;
use crate::checked::Verdict;
use crate::codes::names::E0222;
use crate::diag::Diagnostic;

lint! {
    W0314 "rule ends soon" {
        what "The `until` of a rule is less than two weeks away."
        why "At that moment everything that the rule allows is revoked, and what it denies is open to the rules behind it."
        example "host roo { mac 00:16:3e:00:00:12; }\nallow from roo until 2026-12-01;"
        instead "Extend it, or let it end. When it has ended, `check` says so (E0222)."
        clean "host roo { mac 00:16:3e:00:00:12; }\nallow from roo until 2036-12-01;"
    }
}

/// How long before its end a rule is told of.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Finds them, and rules that have ended, which are errors.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let Some(now) = input.now else { return Vec::new() };
    let calendar = &input.policy.calendar;
    let expired = input.policy.expired(now).map(|(rule, end)| {
        let message = format!("this rule has expired: it matches nothing since {}", calendar.text(end));
        Diagnostic::new(E0222, rule.span, message).help("remove it, or give it a new date")
    });
    let ending = input.policy.expired(now.after(SOON)).filter(|(_, end)| *end > now).map(|(rule, end)| {
        let message = format!("this rule ends at {} ({})", calendar.text(end), calendar.zone());
        let then = match rule.verdict() {
            Some(Verdict::Allow | Verdict::Redirect) => "what it allows is then revoked",
            Some(Verdict::Deny | Verdict::Reject) | None => "what it decides is then left to the rules behind it",
        };
        let help = format!("give `until` a later date, or let it end: {then}");
        Diagnostic::new(W0314, rule.span, message).help(help)
    });
    expired.chain(ending).collect()
}
