//! Every single failure of every network: whoever a plain search still reaches has a way, a shortest, and nobody else has one.

use std::collections::{BTreeMap, VecDeque};

use fuzz::mutate::Dice;
use net::Location;
use runtime::route::{Constraint, NoPath, path};
use tests::at;

use crate::{HOST, OTHER_HOST, Site, graphs};

/// Switches that ways are asked for to, after each failure.
const ASKED: usize = 6;

/// How many switches packets from here come to before they are at each other one.
fn distances(site: &Site, from: u64) -> BTreeMap<u64, usize> {
    let mut next: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (from, to) in &site.network.links {
        next.entry(from.dpid.0).or_default().push(to.dpid.0);
    }
    let mut reached = BTreeMap::from([(from, 1)]);
    let mut open = VecDeque::from([from]);
    while let Some(here) = open.pop_front() {
        let passed = reached[&here];
        for other in next.get(&here).into_iter().flatten() {
            if !reached.contains_key(other) {
                reached.insert(*other, passed + 1);
                open.push_back(*other);
            }
        }
    }
    reached
}

/// Asks for some ways, and says how many there were and were not.
fn measure(site: &mut Site, dice: &mut Dice, told: &mut [usize; 2]) {
    let alive: Vec<u64> = site.network.switches.iter().copied().collect();
    let Some(from) = alive.get(dice.below(alive.len().max(1))).copied() else { return };
    let reached = distances(site, from);
    for _ in 0..ASKED {
        let to = alive[dice.below(alive.len())];
        let found = path(&mut site.topology, at(from, HOST), at(to, OTHER_HOST), &[], &Constraint::default());
        match (&found, reached.get(&to)) {
            (Ok(hops), Some(switches)) if hops.len() == *switches => told[0] += 1,
            (Err(NoPath::Unreachable { .. }), None) => told[1] += 1,
            (found, plainly) => panic!("{}: {from} to {to}: {found:?}, plainly {plainly:?}", site.name),
        }
    }
}

#[test]
fn t12_after_every_single_failure_of_every_network_just_those_are_reached_who_can_be() {
    let mut told = [0; 2];
    for (seed, graph) in graphs().iter().enumerate() {
        let dice = &mut Dice((seed as u64) << 1 | 1);
        let mut site = Site::new(graph);
        let cables: Vec<Location> = site.cables.iter().map(|(a, b)| if dice.below(2) == 0 { *a } else { *b }).collect();
        for port in cables {
            site.set(port, false);
            measure(&mut site, dice, &mut told);
            site.set(port, true);
        }
        for dpid in 1..=site.size {
            site.stop(dpid);
            measure(&mut site, dice, &mut told);
            site.start(dpid);
        }
        measure(&mut site, dice, &mut told);
    }
    assert!(told[0] > 5_000 && told[1] > 300, "{told:?}");
}
