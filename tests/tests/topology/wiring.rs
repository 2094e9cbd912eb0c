//! Cables in one direction, crossed ones, loops, plain switches between ports.

use std::net::Ipv4Addr;
use std::time::Duration;

use net::{Location, MacAddr};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::Event;
use runtime::neighbours::Wiring;
use tests::{World, at};

use crate::plans::{count, links, name, open_policy, plan, reaches};

/// The network of a plan, rewired before the daemon sees it, after half a minute.
fn rewired(size: usize, edges: &[(usize, usize)], rewire: impl FnOnce(&mut World)) -> World {
    let mut world = World::over(&plan(size, edges), open_policy(size));
    rewire(&mut world);
    world.take_events();
    world.run(Duration::from_secs(30));
    world
}

/// What was told of wiring: each thing once.
fn told(world: &mut World) -> Vec<Wiring> {
    let events = world.take_events();
    events.into_iter().filter_map(|event| if let Event::Miswired(wiring) = event { Some(wiring) } else { None }).collect()
}

/// The port of a switch for a further cable.
fn spare(switch: u64, number: u32) -> Location {
    at(switch, 40 + number)
}

#[test]
fn t10_a_link_in_one_direction_is_not_used_and_told_once() {
    let mut world = rewired(3, &[(1, 2), (2, 3)], |world| world.network.wire(spare(1, 0), spare(3, 0)));
    assert_eq!(links(&world), 2);
    assert_eq!(told(&mut world), [Wiring::OneWay { from: spare(1, 0), to: spare(3, 0) }]);
    assert!(reaches(&mut world, 1, 3) && reaches(&mut world, 3, 1), "the long way");
}

#[test]
fn t10_crossed_fibres_are_not_used_and_told_with_all_places() {
    let (a, b, c) = (spare(1, 0), spare(2, 0), spare(3, 0));
    let mut world = rewired(3, &[(1, 2), (2, 3)], |world| {
        world.network.wire(a, b);
        world.network.wire(b, c);
    });
    assert_eq!(links(&world), 2);
    assert_eq!(told(&mut world), [Wiring::Crossed { from: a, at: b, to: c }]);
    assert!(reaches(&mut world, 1, 3));
}

#[test]
fn t10_a_fibre_that_breaks_in_one_direction_takes_the_link_out_of_use() {
    let mut world = rewired(3, &[(1, 2), (2, 3), (3, 1)], |_| {});
    assert!(reaches(&mut world, 1, 2));
    // What leaves the second switch goes nowhere, and both ports keep their carrier.
    world.network.wire(at(2, 10), at(9, 1));
    world.take_events();
    world.run(Duration::from_secs(30));
    assert_eq!(links(&world), 2);
    assert_eq!(told(&mut world), [Wiring::OneWay { from: at(1, 10), to: at(2, 10) }]);
    assert!(reaches(&mut world, 1, 2));
}

#[test]
fn loops_and_reflections_are_not_used_and_told_once() {
    let mut world = rewired(2, &[(1, 2)], |world| {
        world.network.link(spare(1, 0), spare(1, 1));
        world.network.wire(spare(2, 0), spare(2, 0));
    });
    assert_eq!(links(&world), 1);
    assert_eq!(told(&mut world), [Wiring::Loop { a: spare(1, 0), b: spare(1, 1) }, Wiring::Reflected { at: spare(2, 0) }]);
    assert!(reaches(&mut world, 1, 2));
    assert_eq!((world.network.faults().loops, world.network.faults().storm), (0, 0));
}

#[test]
fn t14_a_plain_switch_between_two_is_a_cable() {
    let mut world = rewired(2, &[], |world| world.network.segment(&[spare(1, 0), spare(2, 0)]));
    assert_eq!((links(&world), told(&mut world)), (1, vec![]));
    assert!(reaches(&mut world, 1, 2));
}

#[test]
fn t14_a_plain_switch_between_three_is_told_and_not_used_and_hosts_stay_at_their_ports() {
    let ports = [spare(1, 0), spare(2, 0), spare(3, 0)];
    let mut world = rewired(3, &[(1, 2), (2, 3)], |world| world.network.segment(&ports));
    assert_eq!(links(&world), 2);
    assert_eq!(told(&mut world), [Wiring::Segment { ports: ports.to_vec() }]);
    assert!(reaches(&mut world, 1, 3) && reaches(&mut world, 3, 2));
    for node in 1..=3 {
        let ip = world.ip(&name(node)).into();
        let view = world.controller.as_ref().unwrap().view();
        let station = view.owner(ip).and_then(|mac| view.station(mac)).unwrap();
        assert_eq!(station.location, Some(at(node as u64, 1)));
    }
    assert_eq!((world.network.faults().loops, world.network.faults().storm), (0, 0));
}

#[test]
fn t09_a_link_that_flaps_is_held_and_costs_a_bounded_number_of_messages() {
    let mut world = rewired(3, &[(1, 2), (2, 3), (3, 1)], |_| {});
    assert!(reaches(&mut world, 1, 2));
    world.take_events();
    let (mut rerouted, mut held) = (0, 0);
    for round in 0..100 {
        for up in [false, true] {
            if up {
                world.network.cable_up(at(1, 10))
            } else {
                world.network.cable_down(at(1, 10))
            }
            // What switches say is heard at the end of a stretch of time, and answered in the next.
            [1, 49].into_iter().for_each(|time| world.run(Duration::from_millis(time)));
        }
        let events = world.take_events();
        for event in &events {
            rerouted += usize::from(matches!(event, Event::Rerouted { .. }));
            held += usize::from(matches!(event, Event::LinkHeld { .. }));
        }
        if round > 10 {
            assert_eq!(links(&world), 2, "round {round}: {events:?}");
        }
    }
    assert_eq!(held, 1, "told once");
    assert!(rerouted <= 5, "{rerouted}");
    assert!(reaches(&mut world, 1, 2));
    assert_eq!((world.network.faults().loops, world.network.faults().storm), (0, 0));
    world.run(Duration::from_secs(8));
    assert_eq!(links(&world), 2, "not quiet for long enough");
    world.run(Duration::from_secs(8));
    assert_eq!(links(&world), 3);
    assert_eq!(count(&mut world, |event| matches!(event, Event::LinkHeld { .. })), 0);
}

#[test]
fn t17_a_loop_behind_host_ports_storms_nobody() {
    let mut world = rewired(2, &[(1, 2)], |world| world.network.link(at(1, 7), at(1, 8)));
    world.take_events();
    let before = world.controller.as_ref().unwrap().status().counters.packet_ins;
    let ends = IpEnds {
        src_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        dst_mac: MacAddr([0xff; 6]),
        src_ip: Ipv4Addr::new(10, 0, 0, 2),
        dst_ip: Ipv4Addr::BROADCAST,
    };
    let frame = build::udp(&ends, &Datagram { src: 4000, dst: 9, data: b"all" }).unwrap();
    let node = world.node(&name(1));
    for _ in 0..20 {
        // It is relayed into the loop from both of its ends.
        world.network.inject(node, frame.clone().into());
        assert!(reaches(&mut world, 1, 2) && reaches(&mut world, 2, 1));
        world.run(Duration::from_millis(500));
    }
    let packets = world.controller.as_ref().unwrap().status().counters.packet_ins - before;
    assert!(packets < 2_000, "{packets}");
    assert_eq!((world.network.faults().loops, world.network.faults().storm), (0, 0));
    let view = world.controller.as_ref().unwrap().view();
    assert!([7, 8].iter().all(|port| view.at(at(1, *port)).count() == 0), "nobody is taken for a host in the loop");
}
