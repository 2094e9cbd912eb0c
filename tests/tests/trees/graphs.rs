//! Trees in drawn networks, against what a plain search says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use emulator::campus::{Campus, HostPlan, SwitchPlan};
use fuzz::mutate::Dice;
use lang::checked::Checked;
use net::{Dpid, Location, MacAddr, Prefix, Time};
use runtime::course::Tree;
use runtime::topology::Topology;
use tests::{World, at, policy};

use crate::casts::{Copies, GROUP, PORT, cast, count, entries, frame, hello, is_calm, once};

const PORTS: u32 = 40;
const FIRST_LINK: u32 = 10;

/// Switches 1 to `size` with a host each, and cables between them.
struct Site {
    size: usize,
    cables: Vec<(Location, Location)>,
    names: Vec<&'static str>,
}

impl Site {
    /// A tree of cables, and some more beside it.
    fn drawn(dice: &mut Dice) -> Site {
        let size = 2 + dice.below(7);
        let mut edges: Vec<(usize, usize)> = (2..=size).map(|node| (1 + dice.below(node - 1), node)).collect();
        edges.extend((0..dice.below(6)).map(|_| (1 + dice.below(size), 1 + dice.below(size))).filter(|(a, b)| a != b));
        Site::of(size, &edges)
    }

    fn of(size: usize, edges: &[(usize, usize)]) -> Site {
        let mut next = vec![FIRST_LINK; size + 1];
        let mut port = |node: usize| {
            next[node] += 1;
            at(node as u64, next[node] - 1)
        };
        let cables = edges.iter().map(|(a, b)| (port(*a), port(*b))).collect();
        let names = (1..=size).map(|node| &*Box::leak(format!("h{node}").into_boxed_str())).collect();
        Site { size, cables, names }
    }

    fn plan(&self, versions: &[u8]) -> Campus {
        let byte = |node: usize| u8::try_from(node).unwrap();
        Campus {
            site: Prefix::truncate(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8).unwrap(),
            switches: (1..=self.size)
                .map(|node| SwitchPlan { name: "", dpid: Dpid(node as u64), ports: PORTS, versions: versions.to_vec() })
                .collect(),
            links: self.cables.clone(),
            hosts: (1..=self.size)
                .zip(&self.names)
                .map(|(node, name)| HostPlan {
                    name,
                    mac: MacAddr([2, 0, 0, 0, 0, byte(node)]),
                    ip: Ipv4Addr::new(10, 0, 0, byte(node)),
                    at: at(node as u64, 1),
                })
                .collect(),
            gateway: None,
            middleboxes: Vec::new(),
        }
    }

    /// The first host sends to groups, and these get none.
    fn policy(&self, forbidden: &BTreeSet<usize>) -> Arc<Checked> {
        let mut text = String::new();
        for node in 1..=self.size {
            writeln!(text, "switch s{node} {{ dpid {node:#x}; access 1-9; uplink 10-40; }}").unwrap();
            writeln!(text, "host h{node} {{ mac 02:00:00:00:00:{node:02x}; }}").unwrap();
        }
        for node in forbidden {
            writeln!(text, "deny from h1 to h{node};").unwrap();
        }
        text += "allow from h1 to multicast;\ndefault deny;\n";
        policy(&[("site.pol", text)])
    }

    /// How many cables lie between the first switch and each that these join to it.
    fn distances(&self, dead: &BTreeSet<usize>) -> BTreeMap<u64, usize> {
        let mut found = BTreeMap::from([(1, 0)]);
        let mut open = VecDeque::from([1]);
        while let Some(here) = open.pop_front() {
            for (_, (a, b)) in self.cables.iter().enumerate().filter(|(place, _)| !dead.contains(place)) {
                for (from, to) in [(a, b), (b, a)] {
                    if from.dpid.0 == here && !found.contains_key(&to.dpid.0) {
                        found.insert(to.dpid.0, found[&here] + 1);
                        open.push_back(to.dpid.0);
                    }
                }
            }
        }
        found
    }

    fn expected(&self, dead: &BTreeSet<usize>, forbidden: &BTreeSet<usize>) -> Copies {
        let reached = self.distances(dead);
        let may = |node: &usize| *node != 1 && !forbidden.contains(node);
        let can = |node: &usize| may(node) && reached.contains_key(&(*node as u64));
        let names = |nodes: Vec<usize>| nodes.into_iter().map(|node| self.names[node - 1]).collect::<Vec<_>>();
        let reached = names((1..=self.size).filter(can).collect());
        // Where there can be no tree the controller brings it.
        once(&if reached.is_empty() { names((1..=self.size).filter(may).collect()) } else { reached })
    }
}

fn some_of(dice: &mut Dice, size: usize) -> BTreeSet<usize> {
    (2..=size).filter(|_| dice.below(3) == 0).collect()
}

#[test]
fn t12_in_any_network_exactly_those_get_a_copy_who_may_and_can() {
    let mut some = 0;
    for seed in 0..40_u64 {
        let dice = &mut Dice(seed << 1 | 1);
        let site = Site::drawn(dice);
        let mut forbidden = some_of(dice, site.size);
        let mut world = World::over(&site.plan(if seed.is_multiple_of(2) { &[1, 4] } else { &[4] }), site.policy(&forbidden));
        hello(&mut world, &site.names);
        let mut dead = BTreeSet::new();
        for round in 0..4 {
            let wanted = site.expected(&dead, &forbidden);
            for _ in 0..2 {
                assert_eq!(cast(&mut world, "h1", GROUP, PORT), wanted, "seed {seed}, round {round}");
            }
            assert_eq!(count(&world), entries(&world).len(), "seed {seed}, round {round}: one entry at each switch");
            some += wanted.len();
            assert!(is_calm(&world), "seed {seed}");
            if round == 2 {
                forbidden = some_of(dice, site.size);
                world.apply(site.policy(&forbidden));
            } else {
                let cable = dice.below(site.cables.len());
                dead.insert(cable);
                world.network.cable_down(site.cables[cable].0);
                world.run(Duration::from_millis(50));
            }
        }
    }
    assert!(some > 200, "{some}");
}

#[test]
fn t12_a_tree_goes_to_each_leaf_by_a_shortest_way() {
    for seed in 0..300_u64 {
        let dice = &mut Dice(seed << 1 | 1);
        let site = Site::drawn(dice);
        let mut topology = Topology::default();
        for node in 1..=site.size {
            topology.add_switch(Dpid(node as u64));
            for port in 1..=PORTS {
                topology.set_port(at(node as u64, port), true);
            }
        }
        let dead: BTreeSet<usize> = (0..site.cables.len()).filter(|_| dice.below(4) == 0).collect();
        for (_, (a, b)) in site.cables.iter().enumerate().filter(|(place, _)| !dead.contains(place)) {
            topology.confirm(*a, *b, Time(0));
            topology.confirm(*b, *a, Time(0));
        }
        let wanted: BTreeSet<Location> =
            (1..=site.size).flat_map(|node| [at(node as u64, 2), at(node as u64, 3)]).filter(|_| dice.below(2) == 0).collect();
        let tree = Tree::grown(&topology, at(1, 1), &wanted, |_| true);
        let distances = site.distances(&dead);
        let reachable: BTreeSet<Location> = wanted.iter().copied().filter(|leaf| distances.contains_key(&leaf.dpid.0)).collect();
        assert_eq!(tree.leaves, reachable, "seed {seed}");
        // Follows a packet, copy by copy.
        let mut open = VecDeque::from([(at(1, 1), 0)]);
        let mut found = BTreeSet::new();
        while let Some((here, length)) = open.pop_front() {
            for branch in tree.branches.iter().filter(|branch| branch.at == here) {
                let out = Location::new(here.dpid, branch.out);
                match topology.link_at(out) {
                    Some(link) => open.push_back((link.to, length + 1)),
                    None => {
                        assert!(found.insert(out), "seed {seed}: {out} gets two");
                        assert_eq!(length, distances[&out.dpid.0], "seed {seed}: {out}");
                    }
                }
            }
        }
        assert_eq!(found, reachable, "seed {seed}");
        let entrances: BTreeSet<Location> = tree.branches.iter().map(|branch| branch.at).collect();
        assert_eq!(entrances.len(), tree.entrances().len(), "seed {seed}: packets come in at one port of a switch");
    }
}

/// A ring with two chords, hosts at all its switches.
fn mesh() -> Site {
    Site::of(6, &[(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1), (1, 4), (2, 5)])
}

#[test]
fn c06_while_cables_come_and_go_no_frame_comes_twice_and_none_goes_round() {
    let mut arrived = 0;
    for seed in 0..24_u64 {
        let dice = &mut Dice(seed << 1 | 1);
        let site = mesh();
        let forbidden = some_of(dice, site.size);
        let mut world = World::over(&site.plan(&[1, 4]), site.policy(&forbidden));
        hello(&mut world, &site.names);
        world.network.delay_by_seed(seed, Duration::from_millis(2));
        let node = world.node("h1");
        let mut down = BTreeSet::new();
        for number in 0..400_u32 {
            if number % 20 == 10 {
                let cable = dice.below(site.cables.len());
                let end = site.cables[cable].0;
                if down.remove(&cable) {
                    world.network.cable_up(end);
                } else {
                    down.insert(cable);
                    world.network.cable_down(end);
                }
                let (dpid, lag) = (Dpid(1 + dice.below(site.size) as u64), [0, 3, 20, 60][dice.below(4)]);
                world.lag.insert(dpid, Duration::from_millis(lag));
            }
            let sent = frame(&mut world, "h1", GROUP, PORT, format!("<{number}>").as_bytes());
            world.network.inject(node, sent);
            world.run(Duration::from_millis(3));
        }
        world.run(Duration::from_millis(500));
        let mut copies: BTreeMap<(usize, Vec<u8>), usize> = BTreeMap::new();
        for one in world.network.delivered() {
            let Some(start) = one.frame.iter().position(|byte| *byte == b'<') else { continue };
            let name = world.network.nodes().find(|(id, ..)| *id == one.node).map(|(_, name, _)| name).unwrap();
            let who = site.names.iter().position(|own| *own == name).unwrap() + 1;
            let text = one.frame[start..].iter().copied().take_while(|byte| *byte != b'>').collect();
            assert!(!forbidden.contains(&who), "seed {seed}: {name} got one");
            *copies.entry((who, text)).or_default() += 1;
        }
        let twice: Vec<_> = copies.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}");
        assert!(is_calm(&world), "seed {seed}: {:?}", world.network.faults());
        arrived += copies.len();
    }
    assert!(arrived > 10_000, "{arrived}");
}
