//! Links and switches that go down: whoever the rest of the network joins reaches each other, and nobody else.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use fuzz::mutate::Dice;
use net::{Dpid, Location};
use runtime::Event;
use tests::{World, at};

use crate::plans::{FIRST_LINK, HOST, count, links, name, open_policy, plan, reaches, world};

/// Hosts that are tried after each failure, and failures tried in a network.
const PAIRS: usize = 4;
const FAILURES: usize = 6;
/// The largest network of others that is built.
const LARGEST: usize = 40;

/// Rings and drawn networks, or small ones of the corpus, as numbers of switches and cables.
fn graphs() -> Vec<(usize, Vec<(usize, usize)>)> {
    let ring = |size: usize| (size, (1..=size).map(|node| (node, node % size + 1)).collect());
    let Some(folder) = tests::corpus("topology/topologyzoo") else {
        let drawn = (0..6).map(|seed| {
            let dice = &mut Dice(seed << 1 | 1);
            let size = 3 + dice.below(6);
            let mut edges: Vec<(usize, usize)> = (2..=size).map(|node| (1 + dice.below(node - 1), node)).collect();
            edges.extend((0..3).map(|_| (1 + dice.below(size), 1 + dice.below(size))).filter(|(a, b)| a != b));
            (size, edges)
        });
        return [ring(3), ring(4), ring(6)].into_iter().chain(drawn).collect();
    };
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let attribute = |tag: &str, name: &str| {
            tag.split(&format!(" {name}=\"")).nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
        };
        let tags =
            |name: &'static str| text.split('<').filter(move |tag| tag.split(' ').next() == Some(name)).collect::<Vec<_>>();
        let nodes: Vec<String> = tags("node").into_iter().filter_map(|tag| attribute(tag, "id")).collect();
        let place = |tag: &str, end: &str| nodes.iter().position(|id| Some(id) == attribute(tag, end).as_ref()).unwrap() + 1;
        let edges = tags("edge").into_iter().map(|tag| (place(tag, "source"), place(tag, "target")));
        (nodes.len(), edges.filter(|(a, b)| a != b).collect::<Vec<_>>())
    };
    let all: Vec<_> = tests::files(&folder, "graphml").iter().map(read).filter(|(size, _)| *size > 1).collect();
    assert!(all.len() > 150);
    all.into_iter().filter(|(size, _)| *size <= LARGEST).collect()
}

/// Which switches the cables that are whole join to this one.
fn joined(cables: &[(Location, Location)], dead: &BTreeSet<usize>, from: u64) -> BTreeSet<u64> {
    let mut reached = BTreeSet::from([from]);
    let mut open = VecDeque::from([from]);
    while let Some(here) = open.pop_front() {
        for (_, (a, b)) in cables.iter().enumerate().filter(|(place, _)| !dead.contains(place)) {
            let other = match here {
                here if a.dpid.0 == here => b.dpid.0,
                here if b.dpid.0 == here => a.dpid.0,
                _ => continue,
            };
            if reached.insert(other) {
                open.push_back(other);
            }
        }
    }
    reached
}

/// Tries some pairs against what the graph says; the last argument is a switch that is off.
fn measure(
    world: &mut World,
    cables: &[(Location, Location)],
    dead: &BTreeSet<usize>,
    off: Option<usize>,
    dice: &mut Dice,
) -> usize {
    let size = world.network.switches().count();
    for _ in 0..PAIRS {
        let (from, to) = (1 + dice.below(size), 1 + dice.below(size));
        if from == to {
            continue;
        }
        let on = Some(from) != off && Some(to) != off;
        let predicted = on && joined(cables, dead, from as u64).contains(&(to as u64));
        assert_eq!(reaches(world, from, to), predicted, "{from} to {to} of {size}, without {dead:?} and {off:?}");
    }
    PAIRS
}

#[test]
fn t12_after_any_failure_just_those_reach_each_other_that_the_rest_of_the_network_joins() {
    let mut tried = 0;
    for (seed, (size, edges)) in graphs().into_iter().enumerate() {
        let plan = plan(size, &edges);
        let cables = plan.links.clone();
        // A switch has ports for so many cables.
        if edges.iter().any(|(a, _)| edges.iter().filter(|(b, c)| b == a || c == a).count() > 40) {
            continue;
        }
        let mut world = World::over(&plan, open_policy(size));
        let dice = &mut Dice((seed as u64) << 1 | 1);
        for node in 1..=size {
            // Every host speaks once, so that it is known where it is.
            reaches(&mut world, node, node % size + 1);
        }
        for _ in 0..FAILURES {
            let cable = dice.below(cables.len());
            world.network.cable_down(cables[cable].0);
            world.run(Duration::from_millis(100));
            tried += measure(&mut world, &cables, &BTreeSet::from([cable]), None, dice);
            world.network.cable_up(cables[cable].0);
            world.run(Duration::from_secs(4));
            let node = 1 + dice.below(size);
            let own = |(_, (a, b)): &(usize, &(Location, Location))| a.dpid.0 == node as u64 || b.dpid.0 == node as u64;
            let dead: BTreeSet<usize> = cables.iter().enumerate().filter(own).map(|(place, _)| place).collect();
            fall(&mut world, node, &cables, &dead, false);
            tried += measure(&mut world, &cables, &dead, Some(node), dice);
            fall(&mut world, node, &cables, &dead, true);
            world.run(Duration::from_secs(4));
            reaches(&mut world, node, node % size + 1);
        }
        let faults = world.network.faults();
        assert_eq!((faults.loops, faults.storm), (0, 0));
    }
    assert!(tried > 200, "{tried}");
}

/// A switch loses its power, or gets it back.
fn fall(world: &mut World, node: usize, cables: &[(Location, Location)], own: &BTreeSet<usize>, up: bool) {
    let host = at(node as u64, HOST);
    let ports: Vec<Location> = own.iter().map(|place| cables[*place].0).chain([host]).collect();
    for port in ports {
        if up { world.network.cable_up(port) } else { world.network.cable_down(port) }
    }
    if up {
        world.connect(Dpid(node as u64));
    } else {
        world.disconnect(Dpid(node as u64));
    }
    world.run(Duration::from_millis(200));
}

#[test]
fn t11_of_two_cables_one_dies_and_traffic_takes_the_other_at_once() {
    let mut world = world(2, &[(1, 2), (1, 2)]);
    assert_eq!(links(&world), 2);
    for port in 0..2 {
        assert!(reaches(&mut world, 1, 2));
        world.network.cable_down(at(1, FIRST_LINK + port));
        world.run(Duration::from_millis(100));
        assert_eq!(links(&world), 1);
        let (address, now) = (world.ip(&name(2)), world.network.now());
        assert!(world.ping(&name(1), address));
        assert!(world.network.now().since(now) <= Duration::from_millis(200));
        world.network.cable_up(at(1, FIRST_LINK + port));
        world.run(Duration::from_secs(4));
    }
    assert_eq!(world.network.faults().loops, 0);
}

#[test]
fn t13_two_halves_keep_their_policy_and_merge_without_a_storm() {
    // Two triangles, joined by two cables.
    let edges = [(1, 2), (2, 3), (3, 1), (4, 5), (5, 6), (6, 4), (1, 4), (2, 5)];
    let mut world = world(6, &edges);
    assert!(reaches(&mut world, 1, 6) && reaches(&mut world, 3, 5));
    let bridges = [at(1, FIRST_LINK + 2), at(2, FIRST_LINK + 2)];
    bridges.iter().for_each(|port| world.network.cable_down(*port));
    world.run(Duration::from_secs(1));
    assert!(reaches(&mut world, 1, 3) && reaches(&mut world, 4, 6), "each half goes on");
    assert!(!reaches(&mut world, 1, 6) && !reaches(&mut world, 5, 3));
    world.take_events();
    let before = world.controller.as_ref().unwrap().status().counters.packet_ins;
    bridges.iter().for_each(|port| world.network.cable_up(*port));
    world.run(Duration::from_secs(4));
    let packets = world.controller.as_ref().unwrap().status().counters.packet_ins - before;
    assert!(packets < 100, "{packets}");
    assert_eq!(count(&mut world, |event| matches!(event, Event::Revoked { .. })), 0, "nothing that stands is touched");
    assert!(reaches(&mut world, 1, 6) && reaches(&mut world, 5, 3));
    assert_eq!((world.network.faults().loops, world.network.faults().storm), (0, 0));
}

#[test]
fn t15_a_switch_that_comes_back_with_other_ports_is_found_anew() {
    let mut world = world(3, &[(1, 2), (2, 3)]);
    assert!(reaches(&mut world, 1, 2) && reaches(&mut world, 2, 1));
    let host = world.node(&name(2));
    world.disconnect(Dpid(2));
    world.network.cable_down(at(2, FIRST_LINK));
    world.network.cable_down(at(2, FIRST_LINK + 1));
    world.network.move_node(host, at(2, 5));
    world.network.link(at(1, 30), at(2, 30));
    world.network.link(at(2, 31), at(3, 30));
    world.connect(Dpid(2));
    world.run(Duration::from_secs(4));
    assert_eq!(links(&world), 2);
    assert!(reaches(&mut world, 2, 1) && reaches(&mut world, 1, 2) && reaches(&mut world, 1, 3));
    let view = world.controller.as_ref().unwrap().view();
    assert_eq!((view.at(at(2, HOST)).count(), view.at(at(2, 5)).count()), (0, 1));
}

/// What is told of links and of conversations while one of three switches in a row, each with a conversation to the others, says
/// nothing; `cut` says whether a cable of it is cut meanwhile, at the other end.
fn told_of_a_silent_switch(cut: bool) -> (usize, usize, bool) {
    let mut world = world(3, &[(1, 2), (2, 3)]);
    for (from, to) in [(1, 3), (3, 2), (2, 1)] {
        assert!(reaches(&mut world, from, to));
    }
    world.take_events();
    world.lag.insert(Dpid(3), Duration::from_secs(600));
    if cut {
        world.network.cable_down(at(2, FIRST_LINK + 1));
    }
    world.run(Duration::from_secs(12));
    let events = world.take_events();
    let links = events.iter().filter(|event| matches!(event, Event::LinkDown(_))).count();
    let revoked = events.iter().filter(|event| matches!(event, Event::Revoked { .. })).count();
    world.run(Duration::from_secs(12));
    let events = world.take_events();
    let later = events.iter().any(|event| matches!(event, Event::Revoked { .. }));
    assert!(events.iter().any(|event| matches!(event, Event::SwitchLeft { dpid } if *dpid == Dpid(3))), "it is dead by now");
    (links, revoked, later)
}

#[test]
fn p27_a_switch_that_falls_silent_takes_no_link_and_no_conversation_along() {
    assert_eq!(told_of_a_silent_switch(false), (0, 0, false));
}

#[test]
fn p27_a_cable_of_a_silent_switch_that_is_cut_at_its_other_end_takes_along_what_needs_it() {
    let (links, revoked, later) = told_of_a_silent_switch(true);
    assert_eq!((links, revoked, later), (2, 2, false));
}
