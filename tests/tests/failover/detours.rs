//! Detours in drawn networks, packet by packet: around each link that has one, in front of the same boxes, and never round and round.

use std::collections::BTreeSet;

use fuzz::mutate::Dice;
use lang::checked::{Attachment, MiddleboxId};
use net::{Dpid, Location, Time};
use runtime::failover::{Detour, detours};
use runtime::route::{Constraint, Hop, Stage, path, reverse};
use runtime::topology::{Link, Topology};
use tests::at;

const FIRST_LINK: u32 = 10;
const BOX: u32 = 5;

/// A network that hangs together, with cables to spare.
fn network(dice: &mut Dice) -> (usize, Topology) {
    let size = 2 + dice.below(7);
    let mut edges: Vec<(usize, usize)> = (2..=size).map(|node| (1 + dice.below(node - 1), node)).collect();
    edges.extend((0..2 + dice.below(8)).map(|_| (1 + dice.below(size), 1 + dice.below(size))).filter(|(a, b)| a != b));
    let mut topology = Topology::default();
    for node in 1..=size {
        topology.add_switch(Dpid(node as u64));
        for port in 1..=40 {
            topology.set_port(at(node as u64, port), true);
        }
    }
    let mut next = vec![FIRST_LINK; size + 1];
    for (a, b) in edges {
        let ends = [a, b].map(|node| {
            next[node] += 1;
            at(node as u64, next[node])
        });
        topology.confirm(ends[0], ends[1], Time(0));
        topology.confirm(ends[1], ends[0], Time(0));
    }
    (size, topology)
}

/// Where packets go that come in here, if the link at a port is down: the ports that they leave switches at.
fn follow(topology: &Topology, hops: &[Hop], around: &[Detour], dead: &Link) -> Result<Vec<Location>, Location> {
    let (mut here, mut left) = (Location::new(hops[0].dpid, hops[0].in_port), Vec::new());
    let mut seen = BTreeSet::new();
    loop {
        assert!(seen.insert(here), "round and round at {here}");
        let joined = around.iter().find(|one| one.joins == here).map(|one| Location::new(here.dpid, one.like));
        let place = joined.unwrap_or(here);
        let of_way = hops.iter().find(|hop| (hop.dpid, hop.in_port) == (place.dpid, place.port));
        let beside = || around.iter().flat_map(|one| &one.hops).find(|hop| (hop.dpid, hop.in_port) == (here.dpid, here.port));
        let Some(hop) = of_way.or_else(beside) else { panic!("nothing waits at {here}") };
        let is_dead = |port| [dead.from, dead.to].contains(&Location::new(here.dpid, port));
        let mut out = hop.out_port;
        if of_way.is_some() && is_dead(out) {
            let Some(detour) = around.iter().find(|one| one.at == place) else { return Err(here) };
            assert_eq!(detour.ports[0], out);
            out = detour.ports[1];
            assert_ne!(out, here.port, "no group sends back where it came from");
        }
        if is_dead(out) {
            return Err(here);
        }
        let exit = Location::new(here.dpid, out);
        left.push(exit);
        here = match topology.link_at(exit) {
            Some(link) => link.to,
            // The box sends it back on its port.
            None if out.0 == BOX => exit,
            None => return Ok(left),
        };
    }
}

#[test]
fn t11_around_each_link_that_has_a_detour_packets_come_to_the_end_and_to_every_box_in_its_turn() {
    let (mut around, mut with_boxes, mut without) = (0, 0, 0);
    for seed in 0..4000_u64 {
        let dice = &mut Dice(seed << 1 | 1);
        let (size, mut topology) = network(dice);
        let node = |dice: &mut Dice| 1 + dice.below(size) as u64;
        let (from, to) = (at(node(dice), 1), at(node(dice), 2));
        let boxes: Vec<[Attachment; 1]> =
            (0..dice.below(3)).map(|_| [Attachment::OneArmed { at: at(node(dice), BOX) }]).collect();
        let stages: Vec<Stage<'_>> = (0..).map(MiddleboxId).zip(&boxes).map(|(id, instances)| Stage { id, instances }).collect();
        let Ok(hops) = path(&mut topology, from, to, &stages, &Constraint::default()) else { continue };
        let banned = at(node(dice), FIRST_LINK + 1 + u32::try_from(dice.below(4)).unwrap());
        let usable = |link: &Link| link.from != banned && link.to != banned;
        for hops in [reverse(&hops), hops] {
            let found = detours(&topology, &hops, &usable);
            let touched = |one: &Detour| {
                let between = one.hops.iter().flat_map(|hop| [(hop.dpid, hop.in_port), (hop.dpid, hop.out_port)]);
                let mut all = between.chain([(one.at.dpid, one.ports[1]), (one.joins.dpid, one.joins.port)]);
                all.any(|(dpid, port)| Location::new(dpid, port) == banned)
            };
            assert!(!found.iter().any(touched), "seed {seed}");
            let of_boxes = |left: &[Location]| left.iter().copied().filter(|one| one.port.0 == BOX).collect::<Vec<_>>();
            let wanted: Vec<Location> = hops.iter().map(|hop| Location::new(hop.dpid, hop.out_port)).collect();
            for hop in &hops {
                let Some(link) = topology.link_at(Location::new(hop.dpid, hop.out_port)) else { continue };
                match follow(&topology, &hops, &found, &link) {
                    Ok(left) => {
                        assert_eq!((left.last(), of_boxes(&left)), (wanted.last(), of_boxes(&wanted)), "seed {seed}");
                        around += 1;
                        with_boxes += usize::from(!of_boxes(&wanted).is_empty());
                    }
                    Err(stuck) => {
                        let first = found.iter().any(|one| (one.at.dpid, one.ports[0]) == (hop.dpid, hop.out_port));
                        // One cable may be passed twice, in both directions: around one of them it may not be.
                        let twice = hops.iter().filter(|other| {
                            let exit = Location::new(other.dpid, other.out_port);
                            exit == link.from || exit == link.to
                        });
                        assert!(!first || twice.count() > 1, "seed {seed}: stuck at {stuck} on a detour of {link:?}");
                        without += 1;
                    }
                }
            }
        }
    }
    assert!(around > 3000 && with_boxes > 300 && without > 100, "{around} {with_boxes} {without}");
}
