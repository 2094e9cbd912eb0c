//! Delays out of a seed, so that what is under way arrives in another order with each seed; on one cable, and in one direction of one
//! connection, the order is kept. Knows nothing of what is under way.

use std::collections::BTreeMap;
use std::time::Duration;

use net::{Dpid, Time};

use super::End;

/// What keeps its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// A cable, towards one of its ends.
    Cable(End),
    /// From a switch to its controller.
    Up(Dpid),
    /// From a controller to its switch.
    Down(Dpid),
}

#[derive(Debug)]
pub(super) struct Jitter {
    state: u64,
    /// The longest delay, in microseconds.
    most: u64,
    /// When the last of a lane arrives.
    last: BTreeMap<Lane, Time>,
}

impl Jitter {
    pub(super) fn new(seed: u64, most: Duration) -> Jitter {
        Jitter { state: seed, most: u64::try_from(most.as_micros()).unwrap_or(u64::MAX), last: BTreeMap::new() }
    }

    /// When what would arrive at `soonest` arrives.
    pub(super) fn due(&mut self, lane: Lane, soonest: Time) -> Time {
        let delay = Duration::from_micros(self.draw() % self.most.saturating_add(1).max(1));
        let last = self.last.entry(lane).or_default();
        *last = soonest.after(delay).max(*last);
        *last
    }

    /// The finaliser of splitmix64.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
