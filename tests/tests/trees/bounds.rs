//! How much goes along trees, and how many there are.

use std::time::Duration;

use net::Dpid;
use runtime::event::Limit;
use runtime::{Event, Settings};
use tests::{World, rules};

use crate::casts::{
    ALL, CAMPUS, GROUP, PORT, V10, V13, all_but, cast, count, frame, got, hello, is_calm, packet_ins, quiet, trees,
};

fn campus(versions: &[u8], settings: Settings) -> World {
    let mut world = World::campus_with(rules("default allow;"), versions, settings);
    hello(&mut world, &CAMPUS);
    world
}

/// Sends so many frames at once, and tells how many came to one host.
fn flood(world: &mut World, from: &str, port: u16, frames: usize) -> usize {
    let (sent, node) = (frame(world, from, ALL, port, b"flood"), world.node(from));
    world.network.forget_delivered();
    for _ in 0..frames {
        world.network.inject(node, sent.clone());
    }
    world.run(Duration::from_millis(50));
    got(world, b"flood").get("http-server").copied().unwrap_or(0)
}

#[test]
fn t17_what_a_port_sends_to_everybody_is_bounded_by_its_switch() {
    let mut world = campus(V13, Settings { broadcasts_per_second: 20, ..quiet() });
    cast(&mut world, "griffin", ALL, PORT);
    cast(&mut world, "griffin", ALL, PORT + 1);
    assert_eq!(world.network.switch(Dpid(0x1)).unwrap().meters().count(), 1, "one meter for the port");
    world.run(Duration::from_secs(2));
    let before = packet_ins(&world);
    let (first, second) = (flood(&mut world, "griffin", PORT, 500), flood(&mut world, "griffin", PORT + 1, 500));
    assert!((15..=21).contains(&first) && second <= 2, "{first} {second}");
    let heard = packet_ins(&world) - before;
    assert!(heard <= 25, "{heard}: the router answers what it gets; of the rest the controller hears nothing");
    world.run(Duration::from_secs(2));
    assert!((15..=21).contains(&flood(&mut world, "griffin", PORT + 1, 500)));
    let other = cast(&mut world, "gphone", ALL, PORT);
    assert_eq!(other, all_but(&["gphone"]), "another port has its own");
    assert!(is_calm(&world));
}

#[test]
fn t17_a_switch_that_cannot_bound_it_sends_it_to_the_controller_which_does() {
    let mut world = campus(V10, Settings::default());
    for _ in 0..3 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
    }
    assert_eq!((count(&world), trees(&world)), (0, 0));
    world.run(Duration::from_secs(2));
    assert_eq!(flood(&mut world, "griffin", PORT, 500), 50);
}

#[test]
fn t17_only_the_switch_where_a_tree_begins_has_to_bound_it() {
    let mut plan = emulator::campus::Campus::ethane(4);
    for switch in plan.switches.iter_mut().filter(|switch| switch.dpid != Dpid(0x1)) {
        switch.versions = vec![1];
    }
    let mut world = World::over(&plan, rules("default allow;"));
    hello(&mut world, &CAMPUS);
    for _ in 0..2 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
        assert_eq!(cast(&mut world, "roo", GROUP, PORT), all_but(&["roo"]));
    }
    assert_eq!((count(&world), trees(&world)), (3, 1), "that of griffin, whose switch has meters");
}

#[test]
fn t17_trees_are_bounded_and_what_is_beyond_is_relayed() {
    let mut world = campus(V13, Settings { trees: 32, ..Settings::default() });
    world.take_events();
    for port in 0..6 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT + port), all_but(&["griffin"]), "{port}");
    }
    assert_eq!(trees(&world), 2, "a part of all for each port");
    let told = world.take_events();
    let limited = told.iter().filter(|event| matches!(event, Event::Limited { what: Limit::Trees, .. }));
    assert_eq!(limited.count(), 1, "told once a second");
    assert_eq!(cast(&mut world, "gphone", GROUP, PORT), all_but(&["gphone"]));
    assert_eq!(trees(&world), 3);
}
