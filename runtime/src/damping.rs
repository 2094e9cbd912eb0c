//! Links that go down and up again and again, and ports that others shout at: how often, and until when they are left alone. Knows
//! nothing of what is done about it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use net::{Location, Time};

/// A link that is lost this often …
const FLAPS: usize = 5;
/// … in this time is held out of use …
const WITHIN: Duration = Duration::from_secs(10);
/// … until nothing has happened at its ports for this long.
pub(crate) const QUIET: Duration = Duration::from_secs(10);
/// Links remembered at most: of those that are not held, the one that was lost least recently goes first.
const LINKS: usize = 4_096;

/// A cable by its ends, the lower first.
pub(crate) type Pair = (Location, Location);

/// How often links were lost lately.
#[derive(Debug, Default)]
pub(crate) struct Damping {
    links: BTreeMap<Pair, Flaps>,
}

#[derive(Debug, Default)]
struct Flaps {
    lost: VecDeque<Time>,
    /// While the link is held: when something last happened to it.
    held: Option<Time>,
}

/// A cable by its ends.
pub(crate) fn pair(a: Location, b: Location) -> Pair {
    (a.min(b), a.max(b))
}

impl Damping {
    /// The link was lost. True if it is to be held from now on.
    pub(crate) fn lost(&mut self, link: Pair, now: Time) -> bool {
        if self.links.len() >= LINKS && !self.links.contains_key(&link) {
            let free = self.links.iter().filter(|(_, flaps)| flaps.held.is_none());
            let oldest = free.min_by_key(|(_, flaps)| flaps.lost.back().copied()).map(|(link, _)| *link);
            // Those that are held are not forgotten, and as many are enough.
            let Some(oldest) = oldest else { return false };
            self.links.remove(&oldest);
        }
        let flaps = self.links.entry(link).or_default();
        flaps.lost.push_back(now);
        while flaps.lost.front().is_some_and(|first| now.since(*first) > WITHIN) {
            flaps.lost.pop_front();
        }
        if flaps.held.is_some() || flaps.lost.len() < FLAPS {
            return false;
        }
        flaps.held = Some(now);
        true
    }

    /// A port went up or down: a link that is held there is not quiet.
    pub(crate) fn stirred(&mut self, at: Location, now: Time) {
        for (link, flaps) in &mut self.links {
            if (link.0 == at || link.1 == at) && flaps.held.is_some() {
                flaps.held = Some(now);
            }
        }
    }

    /// Links that have been quiet for long enough: they are held no longer.
    pub(crate) fn calmed(&mut self, now: Time) -> Vec<Pair> {
        let calm = |flaps: &Flaps| flaps.held.is_some_and(|last| now.since(last) >= QUIET);
        let calmed: Vec<Pair> = self.links.iter().filter(|(_, flaps)| calm(flaps)).map(|(link, _)| *link).collect();
        let idle = |flaps: &Flaps| flaps.held.is_none() && flaps.lost.back().is_none_or(|last| now.since(*last) > WITHIN);
        self.links.retain(|_, flaps| !calm(flaps) && !idle(flaps));
        calmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::location;

    fn second(tenths: u64) -> Time {
        Time(tenths * 100_000)
    }

    #[test]
    fn a_link_that_flaps_is_held_until_it_is_quiet() {
        let link = pair(location(2, 1), location(1, 1));
        assert_eq!(link.0, location(1, 1));
        let mut damping = Damping::default();
        let held: Vec<bool> = (0..8).map(|at| damping.lost(link, second(at))).collect();
        assert_eq!(held, [false, false, false, false, true, false, false, false], "told once");
        damping.stirred(location(2, 1), second(50));
        assert!(damping.calmed(second(149)).is_empty());
        assert_eq!(damping.calmed(second(150)), [link]);
        assert!(damping.calmed(second(300)).is_empty() && damping.links.is_empty());
    }

    #[test]
    fn losses_far_apart_are_no_flapping() {
        let link = pair(location(2, 1), location(1, 1));
        let mut damping = Damping::default();
        assert!((0..50).all(|at| !damping.lost(link, second(at * 30))));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut damping = Damping::default();
        for port in 0..5_000 {
            damping.lost(pair(location(1, port), location(2, port)), second(u64::from(port)));
        }
        assert_eq!(damping.links.len(), LINKS);
    }
}
