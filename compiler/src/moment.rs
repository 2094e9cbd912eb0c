//! The time of a flow as rules see it: which declared times it lies in. Knows nothing of any other part of a flow.

use lang::checked::{Checked, TimeTest};
use net::Time;

/// A time, with the declared times that it lies in found once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    time: Option<Time>,
    /// For each declared time whether it holds; empty where no rule asks.
    open: Vec<bool>,
}

impl Moment {
    /// What a policy tells of a time.
    pub(crate) fn new(policy: &Checked, time: Time) -> Moment {
        let civil = policy.calendar.civil(time);
        let open = policy.times.iter().map(|named| named.windows.iter().any(|window| window.contains(civil))).collect();
        Moment { time: Some(time), open }
    }

    /// True if the time passes the test. One that is not known passes none.
    pub(crate) fn passes(&self, test: TimeTest) -> bool {
        let Some(time) = self.time else { return false };
        match test {
            TimeTest::Known => true,
            TimeTest::Before(end) => time < end,
            TimeTest::Within(id) => self.open.get(id.index()).copied().unwrap_or(false),
        }
    }
}
