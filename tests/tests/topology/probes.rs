//! Probes that are flooded, relayed, or sent while ports go down.

use std::sync::Arc;
use std::time::Duration;

use lang::checked::Checked;
use net::{Location, MacAddr};
use packet::{Probe, ProbeKey};
use runtime::Event;
use runtime::event::Limit;
use tests::{World, at, policy};

use crate::plans::{FIRST_LINK, HOST, links, name, plan, reaches, world};

/// The epoch of the first daemon of a world.
const EPOCH: u64 = 1_790_000_001;

/// A probe that the daemon sent this long ago.
fn probe(world: &World, from: Location, age: Duration) -> Vec<u8> {
    let now = world.network.now().0 - u64::try_from(age.as_micros()).unwrap();
    let probe = Probe { dpid: from.dpid, port: from.port, nonce: EPOCH, sent: net::Time(now) };
    probe.build(&ProbeKey([EPOCH.to_le_bytes()[0]; 32]), MacAddr([2, 0, 0, 0, 0, 1]))
}

/// Why probes were refused since the last look.
fn refused(world: &mut World) -> Vec<(Location, &'static str)> {
    let events = world.take_events();
    events.iter().filter_map(|event| if let Event::ProbeRefused { at, why } = event { Some((*at, *why)) } else { None }).collect()
}

/// Says nothing of the ports of two switches.
fn says_nothing() -> Arc<Checked> {
    let text = "default allow;\nswitch s1 { dpid 0x1; }\nswitch s2 { dpid 0x2; }\n";
    policy(&[("open.pol", text.to_owned())])
}

/// Two switches that declare nothing of their ports, joined by a cable.
fn undeclared() -> World {
    World::over(&plan(2, &[(1, 2)]), says_nothing())
}

#[test]
fn t06_a_flood_of_probes_is_looked_at_within_a_limit_and_other_links_are_found_in_time() {
    let mut world = world(3, &[(1, 2)]);
    let node = world.node(&name(1));
    world.take_events();
    let frame = probe(&world, at(2, FIRST_LINK), Duration::ZERO);
    for round in 0..100 {
        for _ in 0..100 {
            world.network.inject(node, frame.clone().into());
        }
        if round == 10 {
            world.network.link(at(2, 40), at(3, 40));
        }
        world.run(Duration::from_millis(10));
    }
    assert_eq!(links(&world), 2, "found meanwhile");
    let limited = |event: &Event| matches!(event, Event::Limited { at: port, what: Limit::Probes, .. } if *port == at(1, HOST));
    let told = world.take_events().iter().filter(|event| limited(event)).count();
    assert!((1..=2).contains(&told), "once a second: {told}");
}

#[test]
fn t03_a_probe_that_was_sent_before_a_port_went_down_is_refused_and_told() {
    let mut world = undeclared();
    world.take_events();
    let node = world.node(&name(1));
    world.run(Duration::from_millis(500));
    // The host takes its port down and up while it relays what it heard elsewhere.
    world.network.cable_down(at(1, HOST));
    world.network.cable_up(at(1, HOST));
    world.run(Duration::from_millis(10));
    let frame = probe(&world, at(2, HOST), Duration::from_millis(200));
    world.network.inject(node, frame.into());
    world.run(Duration::from_millis(10));
    assert_eq!(refused(&mut world), [(at(1, HOST), "was sent before a port on its way went down")]);
    assert_eq!(links(&world), 1);
}

#[test]
fn t02_a_probe_that_silent_hosts_hand_on_slower_than_a_cable_makes_no_link() {
    let mut world = undeclared();
    world.run(Duration::from_secs(6));
    world.take_events();
    for _ in 0..5 {
        for (node, other) in [(1, 2), (2, 1)] {
            let frame = probe(&world, at(other, HOST), Duration::from_millis(130));
            let node = world.node(&name(node));
            world.network.inject(node, frame.into());
        }
        world.run(Duration::from_secs(1));
    }
    assert_eq!(links(&world), 1);
    let why = refused(&mut world);
    assert!(why.len() >= 4, "{why:?}");
    assert!(why.iter().all(|(_, why)| *why == "was under way for longer than a cable takes"), "{why:?}");
}

#[test]
fn t02_a_slow_control_channel_keeps_no_cable_out() {
    let mut world = undeclared();
    for dpid in [1, 2] {
        world.lag.insert(net::Dpid(dpid), Duration::from_millis(180));
    }
    world.run(Duration::from_secs(12));
    let (port, other) = (at(1, FIRST_LINK), at(2, FIRST_LINK));
    for up in [false, true] {
        if up {
            world.network.cable_up(port)
        } else {
            world.network.cable_down(port)
        }
        world.run(Duration::from_secs(10));
        assert_eq!(world.controller.as_ref().unwrap().links().any(|link| link.from == port && link.to == other), up);
    }
}

#[test]
fn t03_a_port_that_a_host_was_at_makes_no_link_for_a_minute_however_often_it_goes_down() {
    let mut world = undeclared();
    assert!(reaches(&mut world, 1, 2) && reaches(&mut world, 2, 1));
    world.run(Duration::from_secs(12));
    world.take_events();
    let nodes = [world.node(&name(1)), world.node(&name(2))];
    for port in [at(1, HOST), at(2, HOST)] {
        world.network.cable_down(port);
        world.network.cable_up(port);
    }
    for _ in 0..10 {
        world.run(Duration::from_secs(1));
        // Both relay genuine probes of each other's port, as fast as a cable.
        let frames = [probe(&world, at(2, HOST), Duration::ZERO), probe(&world, at(1, HOST), Duration::ZERO)];
        nodes.iter().zip(frames).for_each(|(node, frame)| world.network.inject(*node, frame.into()));
    }
    world.run(Duration::from_millis(100));
    assert_eq!(links(&world), 1);
    let why = refused(&mut world);
    assert!(why.iter().all(|(_, why)| *why == "came in on a port where a host is, or was a minute ago"), "{why:?}");
    assert!(why.len() >= 10, "{why:?}");
}

#[test]
fn t08_a_probe_at_a_port_where_a_host_is_leaves_the_host_where_it_is() {
    let mut world = undeclared();
    assert!(reaches(&mut world, 1, 2) && reaches(&mut world, 2, 1));
    world.run(Duration::from_secs(12));
    let node = world.node(&name(1));
    let frame = probe(&world, at(2, HOST), Duration::ZERO);
    world.network.inject(node, frame.into());
    world.run(Duration::from_millis(100));
    let view = world.controller.as_ref().unwrap().view();
    assert_eq!(view.at(at(1, HOST)).count(), 1);
    assert!(reaches(&mut world, 2, 1));
}

#[test]
fn t02_a_port_that_a_host_is_at_makes_no_link_right_after_its_declaration_is_gone() {
    let mut world = world(2, &[(1, 2)]);
    assert!(reaches(&mut world, 1, 2) && reaches(&mut world, 2, 1));
    world.run(Duration::from_secs(12));
    world.apply(says_nothing());
    world.run(Duration::from_millis(100));
    assert_eq!(links(&world), 1);
    world.take_events();
    for (node, other) in [(1, 2), (2, 1)] {
        let frame = probe(&world, at(other, HOST), Duration::ZERO);
        let node = world.node(&name(node));
        world.network.inject(node, frame.into());
    }
    world.run(Duration::from_millis(100));
    let why = "came in on a port where a host is, or was a minute ago";
    assert_eq!(refused(&mut world), [(at(1, HOST), why), (at(2, HOST), why)]);
    assert_eq!(links(&world), 1);
}
