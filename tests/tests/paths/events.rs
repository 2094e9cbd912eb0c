//! Link events without end against breadth-first search: what is kept and repaired is what would be found anew, whatever happened before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fuzz::mutate::Dice;
use net::{Dpid, Location, Time};
use runtime::route::{Constraint, Spread, path};
use runtime::topology::Topology;
use tests::at;

/// Events, unless `PENTANE_LINK_EVENTS` says how many.
const EVENTS: usize = 3_000;
const SIZE: usize = 60;
const CABLES: usize = 90;
/// Switches whose distances are compared after each event.
const ROOTS: usize = 3;
const HOST: u32 = 1;

/// The same network, told to the runtime and kept plainly.
struct Twin {
    topology: Topology,
    switches: BTreeSet<u64>,
    up: BTreeSet<usize>,
    cables: Vec<(Location, Location)>,
}

impl Twin {
    fn new(cables: Vec<(Location, Location)>) -> Twin {
        let mut twin = Twin { topology: Topology::default(), switches: BTreeSet::new(), up: BTreeSet::new(), cables };
        (1..=SIZE as u64).for_each(|dpid| twin.start(dpid));
        twin
    }

    fn start(&mut self, dpid: u64) {
        self.switches.insert(dpid);
        self.topology.add_switch(Dpid(dpid));
        self.topology.set_port(at(dpid, HOST), true);
        for place in 0..self.cables.len() {
            self.mend(place);
        }
    }

    fn stop(&mut self, dpid: u64) {
        self.switches.remove(&dpid);
        self.topology.remove_switch(Dpid(dpid));
        let cables = &self.cables;
        self.up.retain(|place| cables[*place].0.dpid.0 != dpid && cables[*place].1.dpid.0 != dpid);
    }

    fn mend(&mut self, place: usize) {
        let (a, b) = self.cables[place];
        if self.switches.contains(&a.dpid.0) && self.switches.contains(&b.dpid.0) && self.up.insert(place) {
            for (from, to) in [(a, b), (b, a)] {
                self.topology.set_port(a, true);
                self.topology.set_port(b, true);
                self.topology.confirm(from, to, Time(1));
            }
        }
    }

    fn cut(&mut self, place: usize, end: usize) {
        self.up.remove(&place);
        let (a, b) = self.cables[place];
        self.topology.set_port([a, b][end], false);
    }

    fn distances(&self, root: u64) -> BTreeMap<u64, u16> {
        let mut joined: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for place in &self.up {
            let (a, b) = self.cables[*place];
            joined.entry(a.dpid.0).or_default().push(b.dpid.0);
            joined.entry(b.dpid.0).or_default().push(a.dpid.0);
        }
        let mut distances = BTreeMap::from([(root, 0)]);
        let mut open = VecDeque::from([root]);
        while let Some(here) = open.pop_front() {
            for other in joined.get(&here).into_iter().flatten() {
                if !distances.contains_key(other) {
                    distances.insert(*other, distances[&here] + 1);
                    open.push_back(*other);
                }
            }
        }
        distances
    }
}

fn drawn(dice: &mut Dice) -> Vec<(Location, Location)> {
    let mut cables = Vec::new();
    let mut port = 10;
    for node in 2..=SIZE + CABLES {
        let b = if node <= SIZE { node } else { 1 + dice.below(SIZE) };
        let a = 1 + dice.below(if node <= SIZE { node - 1 } else { SIZE });
        if a != b {
            port += 2;
            cables.push((at(a as u64, port), at(b as u64, port + 1)));
        }
    }
    cables
}

#[test]
fn after_any_number_of_link_events_distances_are_those_of_breadth_first_search() {
    let events = std::env::var("PENTANE_LINK_EVENTS").map_or(EVENTS, |events| events.parse().unwrap());
    let dice = &mut Dice(41);
    let mut twin = Twin::new(drawn(dice));
    let mut apart = 0;
    for event in 0..events {
        let dpid = 1 + dice.below(SIZE) as u64;
        let place = dice.below(twin.cables.len());
        match dice.below(20) {
            0 if twin.switches.contains(&dpid) => twin.stop(dpid),
            0 | 1 => twin.start(dpid),
            // More goes down than comes up until few links are left, and then the other way round.
            2..=10 => twin.cut(place, dice.below(2)),
            _ if (event / 200) % 2 == 0 => twin.mend(place),
            _ => {}
        }
        for _ in 0..ROOTS {
            let root = 1 + dice.below(SIZE) as u64;
            let plain = twin.distances(root);
            for dpid in 1..=SIZE as u64 {
                let expected =
                    plain.get(&dpid).copied().filter(|_| twin.switches.contains(&root) && twin.switches.contains(&dpid));
                assert_eq!(twin.topology.links_between(Dpid(dpid), Dpid(root)), expected, "event {event}: {dpid} to {root}");
                apart += usize::from(expected.is_none());
            }
        }
    }
    assert!(apart > events, "{apart}");
}

#[test]
fn the_same_network_has_the_same_ways_whatever_happened_to_it() {
    let dice = &mut Dice(43);
    let cables = drawn(dice);
    let mut old = Twin::new(cables.clone());
    for _ in 0..400 {
        let place = dice.below(cables.len());
        if dice.below(2) == 0 { old.cut(place, dice.below(2)) } else { old.mend(place) }
    }
    (0..cables.len()).rev().for_each(|place| old.mend(place));
    let mut new = Twin::new(cables);
    assert_eq!(old.up, new.up);
    for number in 0..2_000_u16 {
        let (from, to) = (at(1 + dice.below(SIZE) as u64, HOST), at(1 + dice.below(SIZE) as u64, HOST));
        let region = net::FlowMatch {
            transport: net::TransportMatch::exact(net::Transport::Ports { src: number, dst: 80 }),
            ..net::FlowMatch::default()
        };
        for spread in [None, Some(Spread::of(&region, 5))] {
            let constraint = Constraint { spread, ..Constraint::default() };
            let ways = [&mut old, &mut new].map(|twin| path(&mut twin.topology, from, to, &[], &constraint));
            assert_eq!(ways[0], ways[1]);
        }
    }
}
