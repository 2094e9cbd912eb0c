//! What a change of the network, of who is where, or of the policy does to trees.

use std::collections::BTreeSet;
use std::time::Duration;

use net::Dpid;
use runtime::{Event, Settings};
use tests::{World, at, rules};

use crate::casts::{
    CAMPUS, GROUP, PORT, V10, V13, all_but, cast, count, entries, frame, got, hello, is_calm, once, quiet, trees,
};

const SELECTIVE: &str = "deny from griffin to roo;\nallow from griffin to multicast;\ndefault deny;";

/// The campus with a tree of `griffin` in it.
fn planted(text: &str, versions: &[u8]) -> World {
    let settings = Settings { broadcasts_per_second: if versions == V10 { 0 } else { 1000 }, ..quiet() };
    let mut world = World::campus_with(rules(text), versions, settings);
    hello(&mut world, &CAMPUS);
    cast(&mut world, "griffin", GROUP, PORT);
    assert_eq!(trees(&world), 1);
    world.take_events();
    world
}

/// The cookies of the entries of trees.
fn cookies(world: &World) -> BTreeSet<u64> {
    let flows = world.network.switches().flat_map(emulator::Switch::flows);
    flows
        .filter(|flow| flow.matching.and_then(|region| region.dl_dst).is_some_and(net::MacAddr::is_multicast))
        .map(|flow| flow.cookie)
        .collect()
}

#[test]
fn t12_a_tree_is_drawn_anew_where_a_link_is_lost_and_nobody_gets_two() {
    for versions in [V10, V13] {
        for cable in [(0x1, 25), (0x2, 25), (0x10, 8), (0x1, 26)] {
            let mut world = planted("default allow;", versions);
            world.network.cable_down(at(cable.0, cable.1));
            world.run(Duration::from_millis(100));
            assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]), "{cable:x?}");
            assert_eq!(count(&world), entries(&world).len(), "one entry at each switch");
            assert!(is_calm(&world) && trees(&world) == 1);
        }
    }
}

#[test]
fn t13_a_part_that_is_cut_off_gets_nothing_and_comes_back_into_the_tree() {
    let mut world = planted("default allow;", V13);
    for port in [25, 26] {
        world.network.cable_down(at(0x2, port));
    }
    world.run(Duration::from_millis(100));
    for _ in 0..2 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin", "roo"]));
    }
    assert!(!entries(&world).contains_key(&Dpid(0x2)), "nothing is left there");
    for port in [25, 26] {
        world.network.cable_up(at(0x2, port));
    }
    world.run(Duration::from_secs(5));
    for _ in 0..2 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
    }
    assert!(is_calm(&world));
}

#[test]
fn i02_a_receiver_that_moves_takes_its_copy_along() {
    for versions in [V10, V13] {
        let mut world = planted(SELECTIVE, versions);
        let node = world.node("glaptop");
        world.network.move_node(node, at(0x2, 7));
        world.run(Duration::from_millis(100));
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin", "roo", "glaptop"]), "not before it is known");
        hello(&mut world, &["glaptop"]);
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin", "roo"]));
        assert_eq!(trees(&world), 1, "it is the tree that brings it");
        assert!(is_calm(&world));
    }
}

#[test]
fn i02_whoever_may_get_none_takes_the_copy_away_from_the_port_that_it_comes_to() {
    let mut world = planted(SELECTIVE, V13);
    let (glaptop, roo) = (world.node("glaptop"), world.node("roo"));
    world.network.move_node(glaptop, at(0x1, 9));
    world.network.move_node(roo, at(0x1, 3));
    for name in ["roo", "glaptop"] {
        hello(&mut world, &[name]);
        assert!(!cast(&mut world, "griffin", GROUP, PORT).contains_key("roo"));
    }
    assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin", "roo"]));
}

#[test]
fn i02_a_sender_that_moves_leaves_no_tree_behind() {
    let mut world = planted("default allow;", V13);
    hello(&mut world, &["glaptop"]);
    cast(&mut world, "glaptop", GROUP, PORT);
    assert_eq!(trees(&world), 2);
    let node = world.node("glaptop");
    world.network.move_node(node, at(0x2, 7));
    world.run(Duration::from_millis(50));
    assert_eq!(trees(&world), 1);
    for _ in 0..2 {
        assert_eq!(cast(&mut world, "glaptop", GROUP, PORT), all_but(&["glaptop"]));
    }
    let begins = entries(&world).into_iter().flat_map(|(dpid, all)| all.into_iter().map(move |one| (dpid, one)));
    let own = world.host("glaptop").mac();
    let at_edges = begins.filter(|(dpid, one)| one.dl_src == Some(own) && *dpid == Dpid(0x2));
    assert_eq!(at_edges.map(|(_, one)| one.in_port).collect::<Vec<_>>(), [Some(net::PortNo(7))]);
}

#[test]
fn y12_what_a_policy_no_longer_allows_stops_at_once() {
    for versions in [V10, V13] {
        let mut world = planted("default allow;", versions);
        let (sent, node) = (frame(&mut world, "griffin", GROUP, PORT, b"after"), world.node("griffin"));
        world.apply(rules("deny from griffin to multicast;\ndefault allow;"));
        assert_eq!((count(&world), trees(&world)), (0, 0));
        let told = world.take_events();
        assert!(told.iter().any(|event| matches!(event, Event::Revoked { .. })), "{told:?}");
        world.network.inject(node, sent);
        world.run(Duration::from_millis(100));
        assert_eq!(got(&world, b"after"), once(&[]));
    }
}

#[test]
fn y12_whom_a_policy_no_longer_lets_have_it_is_cut_off_at_once_and_the_others_notice_nothing() {
    for versions in [V10, V13] {
        let mut world = planted("default allow;", versions);
        let before = cookies(&world);
        let (sent, node) = (frame(&mut world, "griffin", GROUP, PORT, b"after"), world.node("griffin"));
        world.apply(rules(
            "deny from griffin to roo;\ndeny from griffin to glaptop;\ndeny from griffin to http-server;\ndefault allow;",
        ));
        world.network.forget_delivered();
        world.network.inject(node, sent);
        world.run(Duration::from_millis(100));
        assert_eq!(got(&world, b"after"), all_but(&["griffin", "roo", "glaptop", "http-server"]), "the very next one");
        assert_eq!(cookies(&world), before, "it is the same tree");
        world.apply(rules("default allow;"));
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
        assert_eq!(cookies(&world), before);
    }
}

#[test]
fn y12_what_does_not_concern_a_tree_sends_nothing_for_it() {
    let mut world = planted("default allow;", V13);
    world.apply(rules("deny from roo to griffin for ssh;\ndefault allow;"));
    let told = world.take_events();
    let changed = |event: &Event| matches!(event, Event::Rerouted { .. } | Event::Revoked { .. });
    assert!(!told.iter().any(changed), "{told:?}");
    hello(&mut world, &["roo", "gphone"]);
    let told = world.take_events();
    assert!(!told.iter().any(changed), "{told:?}");
}

#[test]
fn s05_a_restart_keeps_trees_that_would_be_drawn_alike_and_their_meters() {
    for versions in [V10, V13] {
        let mut world = planted("default allow;", versions);
        let (before, meters) = (cookies(&world), meters(&world));
        world.kill_daemon();
        let (sent, node) = (frame(&mut world, "griffin", GROUP, PORT, b"meanwhile"), world.node("griffin"));
        world.network.forget_delivered();
        world.network.inject(node, sent);
        world.network.run(world.network.now().after(Duration::from_millis(10)));
        assert_eq!(got(&world, b"meanwhile"), all_but(&["griffin"]), "without a daemon");
        world.start_daemon();
        world.run(Duration::from_secs(10));
        assert_eq!((cookies(&world), self::meters(&world)), (before, meters));
        assert_eq!((trees(&world), cast(&mut world, "griffin", GROUP, PORT)), (1, all_but(&["griffin"])));
        world.apply(rules("default deny;"));
        assert_eq!((count(&world), self::meters(&world)), (0, Vec::new()));
    }
}

/// The meters of the first switch.
fn meters(world: &World) -> Vec<u32> {
    world.network.switch(Dpid(0x1)).unwrap().meters().collect()
}

#[test]
fn s05_a_restart_takes_out_trees_that_would_be_others_and_what_is_forbidden_meanwhile() {
    let mut world = planted("default allow;", V13);
    let before = cookies(&world);
    world.kill_daemon();
    world.network.cable_down(at(0x1, 25));
    world.start_daemon();
    world.run(Duration::from_secs(10));
    assert!(cookies(&world).is_disjoint(&before));
    assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
    world.apply_while_dead(rules("deny from griffin to multicast;\ndefault allow;"));
    world.run(Duration::from_secs(10));
    assert_eq!((count(&world), trees(&world)), (0, 0));
    assert!(is_calm(&world));
}

#[test]
fn s07_a_tree_that_nobody_sends_into_ends_with_all_its_entries_and_its_meter() {
    let mut world = planted("default allow;", V13);
    assert_eq!(meters(&world).len(), 1);
    world.run(Duration::from_secs(302));
    assert_eq!((count(&world), trees(&world), meters(&world)), (0, 0, Vec::new()));
}

#[test]
fn s06_a_switch_that_lost_its_entries_gets_them_back() {
    let mut world = planted("default allow;", V13);
    world.run(Duration::from_secs(1));
    world.network.reboot(Dpid(0x2));
    world.disconnect(Dpid(0x2));
    world.network.closed().for_each(drop);
    world.connect(Dpid(0x2));
    world.run(Duration::from_secs(8));
    assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
    assert_eq!(count(&world), 3);
    assert!(is_calm(&world));
}
