//! How large a policy may be: what follows from its text many times over is counted before it fills the memory. Knows nothing of what
//! is counted beyond its number.

use crate::checked::{Effect, Rule};
use crate::codes::names::E0231;
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;

/// How many rules a policy may have; an `outbound-only` and a rule with `pin` are two.
pub const MAX_RULES: usize = 200_000;

/// How many flows the lines of all tests may stand for.
pub const MAX_TEST_FLOWS: usize = 250_000;

/// How many stations declared hosts may be: each of a host's MAC addresses, by itself and with each of its IP addresses.
pub const MAX_STATIONS: usize = 1_000_000;

/// How many kinds of traffic may be joined with others, those of a service counted in each place.
pub const MAX_JOINED_TERMS: usize = 10_000_000;

/// How many assertions and invariants a policy may have.
pub const MAX_CLAIMS: usize = 20_000;

/// How many flows of tests may meet how many rules. Most flows are decided without looking at most rules, but not all.
pub const MAX_JUDGEMENTS: usize = 5_000_000_000;

/// A rule that only audits counts for so many: a flow that it matches goes on behind it.
const AUDIT: usize = 30;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Rules,
    TestFlows,
    Stations,
    JoinedTerms,
    Claims,
    Judgements,
}

impl Counted {
    fn limit(self) -> usize {
        match self {
            Counted::Rules => MAX_RULES,
            Counted::TestFlows => MAX_TEST_FLOWS,
            Counted::Stations => MAX_STATIONS,
            Counted::JoinedTerms => MAX_JOINED_TERMS,
            Counted::Claims => MAX_CLAIMS,
            Counted::Judgements => MAX_JUDGEMENTS,
        }
    }

    /// What the policy has too many of, and what to do about it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Counted::Rules => ("rules", "let one rule speak of a group, a network or a range where many speak of its members"),
            Counted::TestFlows => ("flows in its tests", "test some members of large sets in place of all"),
            Counted::JoinedTerms => (
                "kinds of traffic joined, those of a service in each place",
                "give services that stand together often one name: `service NAME = …;`",
            ),
            Counted::Claims => ("assertions and invariants", "let one speak of a group where many speak of its members"),
            Counted::Judgements => ("pairs of a flow in its tests and a rule", "test some members of large sets in place of all"),
            Counted::Stations => {
                ("pairs of a MAC address and an IP address of one host", "declare as several hosts what is several machines")
            }
        }
    }
}

impl Checker {
    /// Reports tests that would run for too long, at the last of them.
    pub(super) fn judgements(&mut self) {
        let cost = |rule: &Rule| if matches!(rule.effect, Effect::Audit(_)) { AUDIT } else { 1 };
        let rules: usize = self.policy.rules.iter().map(cost).sum();
        if let Some(last) = self.policy.tests.last().map(|test| test.span) {
            self.room_for(Counted::Judgements, rules.saturating_mul(self.test_flows), last);
        }
    }

    /// True if there may be this many; if not, that is reported the first time, and there is no policy.
    pub(super) fn room_for(&mut self, counted: Counted, count: usize, span: Span) -> bool {
        if count <= counted.limit() {
            return true;
        }
        self.damaged = true;
        if !self.exceeded.contains(&counted) {
            self.exceeded.push(counted);
            let (what, help) = counted.words();
            let message = format!("here the policy has more than {} {what}", counted.limit());
            self.report(Diagnostic::new(E0231, span, message).help(help));
        }
        false
    }
}
