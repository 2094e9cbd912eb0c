//! How large a policy may be: what follows from its text many times over is counted before it fills the memory. Knows nothing of what
//! is counted beyond its number.

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

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Rules,
    TestFlows,
    Stations,
}

impl Counted {
    fn limit(self) -> usize {
        match self {
            Counted::Rules => MAX_RULES,
            Counted::TestFlows => MAX_TEST_FLOWS,
            Counted::Stations => MAX_STATIONS,
        }
    }

    /// What the policy has too many of, and what to do about it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Counted::Rules => ("rules", "let one rule speak of a group, a network or a range where many speak of its members"),
            Counted::TestFlows => ("flows in its tests", "test some members of large sets in place of all"),
            Counted::Stations => {
                ("pairs of a MAC address and an IP address of one host", "declare as several hosts what is several machines")
            }
        }
    }
}

impl Checker {
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
