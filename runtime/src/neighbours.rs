//! What probes tell of the wiring: which port heard the probes of which others, and what of that is a cable. Knows nothing of links in
//! use, of sessions or of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use net::{Dpid, Location, Time};

/// Ports whose probes are remembered as heard at one port. More are one segment all the same.
const HEARD_AT: usize = 16;

/// When a port heard another.
#[derive(Clone, Copy, Debug)]
struct Heard {
    first: Time,
    last: Time,
}

/// Wiring that no packet is sent over, and that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wiring {
    /// Probes pass in one direction only.
    OneWay {
        /// Where they leave.
        from: Location,
        /// Where they arrive.
        to: Location,
    },
    /// Two directions of a port belong to two cables: what arrives is from one port, and what leaves goes to another.
    Crossed {
        /// Whose probes arrive at the port.
        from: Location,
        /// The port.
        at: Location,
        /// Where its own probes arrive.
        to: Location,
    },
    /// Two ports of one switch are joined.
    Loop {
        /// The one.
        a: Location,
        /// The other.
        b: Location,
    },
    /// A port hears itself.
    Reflected {
        /// Which.
        at: Location,
    },
    /// More than two ports hear each other: something that forwards by itself is between them.
    Segment {
        /// Which, ascending.
        ports: Vec<Location>,
    },
}

/// Who was heard where.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    heard: BTreeMap<Location, BTreeMap<Location, Heard>>,
    told: BTreeMap<Location, BTreeSet<Location>>,
}

impl Neighbours {
    /// A probe that left `from` came in at `to`. True if none did before.
    pub(crate) fn hear(&mut self, from: Location, to: Location, now: Time) -> bool {
        let at = self.heard.entry(to).or_default();
        let is_new = !at.contains_key(&from);
        if at.len() >= HEARD_AT && is_new {
            return false;
        }
        at.entry(from).or_insert(Heard { first: now, last: now }).last = now;
        self.told.entry(from).or_default().insert(to);
        is_new
    }

    /// The port at the other end of the cable at this one: each hears the other, and nobody else hears or is heard.
    pub(crate) fn peer(&self, at: Location) -> Option<Location> {
        let peer = self.only(at)?;
        (self.only(peer) == Some(at) && peer.dpid != at.dpid).then_some(peer)
    }

    /// The one port that is heard here, if it is the one that hears this one.
    fn only(&self, at: Location) -> Option<Location> {
        let heard = self.heard.get(&at).filter(|heard| heard.len() == 1)?;
        let told = self.told.get(&at).filter(|told| told.len() == 1)?;
        let (from, to) = (*heard.keys().next()?, *told.iter().next()?);
        (from == to).then_some(from)
    }

    /// Forgets what was heard at a port and of it. Returns the ports that this may alter something for.
    pub(crate) fn forget(&mut self, at: Location) -> Vec<Location> {
        let from: Vec<Location> = self.heard.remove(&at).into_iter().flat_map(BTreeMap::into_keys).collect();
        let to: Vec<Location> = self.told.remove(&at).into_iter().flatten().collect();
        for other in &from {
            drop_from(&mut self.told, other, |told| told.remove(&at), BTreeSet::is_empty);
        }
        for other in &to {
            drop_from(&mut self.heard, other, |heard| heard.remove(&at).is_some(), BTreeMap::is_empty);
        }
        from.into_iter().chain(to).collect()
    }

    /// Forgets all ports of a switch.
    pub(crate) fn forget_switch(&mut self, dpid: Dpid) -> Vec<Location> {
        let own = |at: &&Location| at.dpid == dpid;
        let ports: BTreeSet<Location> = self.heard.keys().filter(own).chain(self.told.keys().filter(own)).copied().collect();
        ports.into_iter().flat_map(|at| self.forget(at)).collect()
    }

    /// Forgets what was not heard again since, but for what a silent switch may have said or heard. Returns the ports that this may alter
    /// something for.
    pub(crate) fn expire(&mut self, since: Time, silent: &BTreeSet<Dpid>) -> Vec<Location> {
        let stale: Vec<(Location, Location)> = self
            .heard
            .iter()
            .flat_map(|(to, from)| from.iter().map(move |(from, heard)| (*from, *to, heard.last)))
            .filter(|(.., last)| *last < since)
            .map(|(from, to, _)| (from, to))
            .filter(|(from, to)| !silent.contains(&from.dpid) && !silent.contains(&to.dpid))
            .collect();
        for (from, to) in &stale {
            drop_from(&mut self.heard, to, |heard| heard.remove(from).is_some(), BTreeMap::is_empty);
            drop_from(&mut self.told, from, |told| told.remove(to), BTreeSet::is_empty);
        }
        stale.into_iter().flat_map(|(from, to)| [from, to]).collect()
    }

    /// Wiring that is no cable between two switches, and was so for two intervals.
    pub(crate) fn faults(&self, interval: Duration, now: Time) -> BTreeSet<Wiring> {
        let mut into: BTreeMap<Location, BTreeSet<Location>> = BTreeMap::new();
        let mut out: BTreeMap<Location, BTreeSet<Location>> = BTreeMap::new();
        for (to, all) in &self.heard {
            let lasting = |heard: &Heard| now.since(heard.first) >= interval * 2 && now.since(heard.last) < interval * 2;
            for (from, _) in all.iter().filter(|(_, heard)| lasting(heard)) {
                into.entry(*to).or_default().insert(*from);
                out.entry(*from).or_default().insert(*to);
            }
        }
        let mut faults = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for start in into.keys() {
            let ports = connected(*start, &into, &out);
            if !seen.is_superset(&ports) {
                faults.extend(self.fault_of(&ports, &into, &out));
                seen.extend(ports);
            }
        }
        faults
    }

    /// What is wrong with ports that are joined somehow.
    fn fault_of(&self, ports: &BTreeSet<Location>, into: &Joined, out: &Joined) -> Vec<Wiring> {
        let all = |joined: &Joined, at: &Location| joined.get(at).cloned().unwrap_or_default();
        let several = |at: &Location| all(into, at).len() > 1 || all(out, at).len() > 1;
        if ports.len() > 2 && ports.iter().any(several) {
            return vec![Wiring::Segment { ports: ports.iter().copied().collect() }];
        }
        let mut faults = Vec::new();
        for at in ports {
            for from in all(into, at) {
                let other_way = self.told.get(at).is_some_and(|told| told.contains(&from));
                let crossed = all(out, at).into_iter().find(|to| *to != from && !other_way);
                if from == *at {
                    faults.push(Wiring::Reflected { at: *at });
                } else if from.dpid == at.dpid {
                    faults.push(Wiring::Loop { a: from.min(*at), b: from.max(*at) });
                } else if let Some(to) = crossed {
                    faults.push(Wiring::Crossed { from, at: *at, to });
                } else if !other_way && !ports.iter().any(|port| all(into, port).len() == 1 && all(out, port).len() == 1) {
                    faults.push(Wiring::OneWay { from, to: *at });
                }
            }
        }
        faults
    }
}

/// Ports, and the ports that each is joined to in one direction.
type Joined = BTreeMap<Location, BTreeSet<Location>>;

/// All ports that are joined to one, in whatever direction.
fn connected(start: Location, into: &Joined, out: &Joined) -> BTreeSet<Location> {
    let mut ports = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for other in [into.get(&at), out.get(&at)].into_iter().flatten().flatten() {
            if ports.insert(*other) {
                open.push(*other);
            }
        }
    }
    ports
}

/// Takes one thing out of a set, and the set out with its last.
fn drop_from<Set>(
    all: &mut BTreeMap<Location, Set>,
    key: &Location,
    take: impl FnOnce(&mut Set) -> bool,
    is_empty: impl FnOnce(&Set) -> bool,
) {
    if let Some(set) = all.get_mut(key) {
        take(set);
        if is_empty(set) {
            all.remove(key);
        }
    }
}

impl Wiring {
    /// The ports that it is about.
    #[must_use]
    pub fn ports(&self) -> Vec<Location> {
        match self {
            Wiring::OneWay { from, to } => vec![*from, *to],
            Wiring::Crossed { from, at, to } => vec![*from, *at, *to],
            Wiring::Loop { a, b } => vec![*a, *b],
            Wiring::Reflected { at } => vec![*at],
            Wiring::Segment { ports } => ports.clone(),
        }
    }
}

impl fmt::Display for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wiring::OneWay { .. } => "probes pass from the first port to the second, and not back",
            Wiring::Crossed { .. } => "what the first port sends arrives at the second, and what the second sends at the third",
            Wiring::Loop { .. } => "two ports of one switch are joined",
            Wiring::Reflected { .. } => "a port hears itself",
            Wiring::Segment { .. } => "more than two ports are joined by something that is no switch of ours",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::location;

    const INTERVAL: Duration = Duration::from_secs(3);

    /// A port by its switch and its number.
    type Port = (u64, u32);

    /// Probes pass like this, for five intervals.
    fn heard(ways: &[(Port, Port)]) -> (Neighbours, BTreeSet<Wiring>) {
        let mut neighbours = Neighbours::default();
        let mut now = Time(1_000_000);
        for _ in 0..5 {
            for (from, to) in ways {
                neighbours.hear(location(from.0, from.1), location(to.0, to.1), now);
            }
            now = now.after(INTERVAL);
        }
        let faults = neighbours.faults(INTERVAL, now);
        (neighbours, faults)
    }

    #[test]
    fn a_cable_is_two_ports_that_hear_each_other_and_nobody_else() {
        let (neighbours, faults) = heard(&[((1, 1), (2, 1)), ((2, 1), (1, 1))]);
        assert_eq!((neighbours.peer(location(1, 1)), faults.len()), (Some(location(2, 1)), 0));
    }

    #[test]
    fn one_way_and_crossed_cables_are_told_with_their_ports() {
        let (neighbours, faults) = heard(&[((1, 1), (2, 1))]);
        assert_eq!(neighbours.peer(location(1, 1)), None);
        assert_eq!(faults, BTreeSet::from([Wiring::OneWay { from: location(1, 1), to: location(2, 1) }]));
        let (_, faults) = heard(&[((1, 1), (2, 1)), ((2, 1), (3, 1))]);
        let crossed = Wiring::Crossed { from: location(1, 1), at: location(2, 1), to: location(3, 1) };
        assert_eq!(faults, BTreeSet::from([crossed]));
    }

    #[test]
    fn loops_reflections_and_segments_are_no_cables() {
        let (neighbours, faults) = heard(&[((1, 1), (1, 2)), ((1, 2), (1, 1))]);
        assert_eq!(faults, BTreeSet::from([Wiring::Loop { a: location(1, 1), b: location(1, 2) }]));
        assert_eq!(neighbours.peer(location(1, 1)), None);
        let (_, faults) = heard(&[((1, 1), (1, 1))]);
        assert_eq!(faults, BTreeSet::from([Wiring::Reflected { at: location(1, 1) }]));
        let all = [(1, 1), (2, 1), (3, 1)];
        let ways: Vec<_> = all.iter().flat_map(|a| all.iter().filter(move |b| *b != a).map(move |b| (*a, *b))).collect();
        let (neighbours, faults) = heard(&ways);
        assert_eq!(faults, BTreeSet::from([Wiring::Segment { ports: all.map(|(dpid, port)| location(dpid, port)).to_vec() }]));
        assert!(all.iter().all(|(dpid, port)| neighbours.peer(location(*dpid, *port)).is_none()));
    }

    #[test]
    fn what_is_forgotten_is_forgotten_at_both_ends() {
        let (mut neighbours, _) = heard(&[((1, 1), (2, 1)), ((2, 1), (1, 1)), ((3, 1), (2, 1))]);
        assert_eq!(neighbours.peer(location(1, 1)), None, "a third is heard there");
        neighbours.forget(location(3, 1));
        assert_eq!(neighbours.peer(location(1, 1)), Some(location(2, 1)));
        neighbours.forget_switch(Dpid(2));
        assert!(neighbours.heard.is_empty() && neighbours.told.is_empty());
    }
}
