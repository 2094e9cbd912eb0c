//! Shares of a switch's table: of drop entries, of conversations, and of quarantines.

use std::net::Ipv4Addr;
use std::time::Duration;

use emulator::switch::SwitchConfig;
use net::{Dpid, MacAddr};
use packet::Arp;
use runtime::event::Limit;
use runtime::install::{FLOW_PRIORITY, QUARANTINE_PRIORITY};
use runtime::{Blame, Event, Rates, Settings};
use tests::{World, at, rules};

use crate::{PORT, RPHONE, SERVER, V10, V13, acquainted, inject, port, segment, told};

/// Nothing is shed for its rate: only shares are at work.
fn unhurried() -> Settings {
    let rates = Rates { per_port: 1_000_000, per_host: 1_000_000, per_switch: 1_000_000 };
    Settings { packets: rates, flows: rates, ..Settings::default() }
}

/// The campus, with so many entries in edge1.
fn cramped(text: &str, versions: &[u8], capacity: usize) -> World {
    let mut world = World::campus_with(rules(text), versions, unhurried());
    world.disconnect(Dpid(0x1));
    world.network.add_switch(SwitchConfig { versions: versions.to_vec(), capacity, ..SwitchConfig::new(Dpid(0x1), 26) });
    world.network.link(at(0x1, 25), at(0x10, 1));
    world.network.link(at(0x1, 26), at(0x11, 1));
    for (name, port) in [("griffin", 1), ("glaptop", 3), ("rlaptop", 4), ("gphone", 5), ("rphone", 6)] {
        let node = world.node(name);
        world.network.move_node(node, at(0x1, port));
    }
    world.connect(Dpid(0x1));
    world.run(Duration::from_secs(4));
    acquainted(&mut world);
    world
}

/// Different flows from `rphone` to the server, so many at once, again and again.
fn flows(world: &mut World, per_step: u16, steps: u16) {
    let (own, server) = (world.ip("rphone"), world.ip("http-server"));
    for step in 0..steps {
        for number in 0..per_step {
            inject(world, "rphone", segment((RPHONE, own), (SERVER, server), (1 + step * per_step + number, 9)));
        }
        world.run(Duration::from_millis(50));
    }
}

fn entries(world: &World, priority: u16) -> usize {
    world.network.switch(Dpid(0x1)).unwrap().flows().filter(|flow| flow.priority == priority).count()
}

fn drops(world: &World) -> usize {
    let wanted = world.controller.as_ref().unwrap().wanted();
    let dropping = wanted
        .iter()
        .filter(|(dpid, slot, wanted)| *dpid == Dpid(0x1) && slot.priority == FLOW_PRIORITY && wanted.actions.is_empty());
    dropping.count()
}

#[test]
fn r05_one_host_gets_its_share_of_drop_entries_and_then_one_that_is_wider() {
    for versions in [V13, V10] {
        let mut world = cramped("deny from rphone to http-server for tcp/9;\ndefault allow;", versions, 1000);
        flows(&mut world, 100, 20);
        let mine = drops(&world);
        assert!((30..=64).contains(&mine), "{versions:?}: a sixteenth of the room that is left: {mine}");
        let events = world.take_events();
        let shut = |event: &&Event| matches!(event, Event::Shut { blame: Blame::Host(RPHONE), .. });
        let shuts = events.iter().filter(shut).count();
        assert!((1..=2).contains(&shuts), "once, and not again and again: {shuts}");
        assert!(told(&events, Limit::Denials).0 >= 1, "it is told as a limit");
        assert!(!events.iter().any(|event| matches!(event, Event::TableFull { .. } | Event::SwitchError { .. })));
        let server = world.ip("http-server");
        assert!(world.tcp("griffin", server, 80), "others have room");
    }
}

#[test]
fn r05_nobody_begins_conversations_until_no_room_is_left() {
    for versions in [V13, V10] {
        let mut world = cramped("default allow;", versions, 1000);
        flows(&mut world, 100, 40);
        let held = entries(&world, FLOW_PRIORITY);
        assert!((200..=420).contains(&held), "{versions:?}: a third of the table for one host: {held}");
        assert!(told(&world.take_events(), Limit::Room).0 >= 1);
        let server = world.ip("http-server");
        for (number, name) in ["griffin", "glaptop", "rlaptop", "gphone"].into_iter().enumerate() {
            assert!(world.tcp(name, server, 80 + u16::try_from(number).unwrap()), "{name} has room");
        }
        assert!(!world.take_events().iter().any(|event| matches!(event, Event::TableFull { .. } | Event::SwitchError { .. })));
    }
}

#[test]
fn r05_many_made_up_hosts_of_one_port_have_the_share_of_the_port() {
    let mut world = cramped("deny to http-server for tcp/9;\ndefault allow;", V13, 1000);
    let server = world.ip("http-server");
    for step in 0..20_u8 {
        for number in 0..100_u8 {
            let sender = (MacAddr([6, 0, 0, 0, step, number]), Ipv4Addr::new(10, 70, step, number));
            inject(&mut world, "rphone", segment(sender, (SERVER, server), (7, 9)));
        }
        world.run(Duration::from_millis(50));
    }
    let all = drops(&world);
    assert!((60..=125).contains(&all), "an eighth of the room that is left: {all}");
    assert!(world.tcp("griffin", server, 80));
}

#[test]
fn r05_a_switch_that_takes_less_than_it_said_is_believed_by_what_it_shows() {
    let mut world = cramped("deny from rphone to http-server for tcp/9;\ndefault allow;", V13, 1000);
    let told_full = |world: &mut World| world.take_events().iter().filter(|one| matches!(one, Event::TableFull { .. })).count();
    // Somebody fills the switch behind our back.
    let mut bytes = bytes::BytesMut::new();
    for number in 0..960_u32 {
        let matching = openflow::v13::Match::from_iter([openflow::v13::Oxm::InPort(net::PortNo(100 + number).into())]);
        let add = openflow::v13::FlowMod::add(0, matching, 1);
        openflow::v13::Message::FlowMod(add).encode(0xbad, &mut bytes).unwrap();
    }
    let now = world.network.now();
    world.network.from_controller(Dpid(0x1), &bytes, now);
    flows(&mut world, 50, 100);
    let full = told_full(&mut world);
    assert!((1..=3).contains(&full), "no loop of putting in and taking out: {full}");
}

#[test]
fn r07_quarantines_of_one_port_are_bounded() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    // Machines at gphone's port, which answer; somebody at rphone's says that he is all of them.
    let mac = |number: u8| MacAddr([6, 0, 0, 0, 9, number]);
    let ip = |number: u8| Ipv4Addr::new(10, 9, 9, number);
    for number in 0..40 {
        inject(&mut world, "gphone", Arp::request(mac(number), ip(number), ip(number)).to_frame());
    }
    world.run(Duration::from_millis(100));
    for _ in 0..4 {
        for number in 0..40 {
            inject(&mut world, "rphone", Arp::request(mac(number), ip(number), ip(number)).to_frame());
            world.run(Duration::from_millis(2));
            inject(&mut world, "gphone", Arp::request(mac(number), ip(number), ip(number)).to_frame());
            world.run(Duration::from_millis(2));
        }
        world.run(Duration::from_millis(900));
    }
    let wanted = world.controller.as_ref().unwrap().wanted();
    let held = wanted.iter().filter(|(_, slot, _)| slot.priority == QUARANTINE_PRIORITY).count();
    assert_eq!(held, 16);
    assert!(told(&world.take_events(), Limit::Quarantines).0 >= 1);
    assert_eq!(world.controller.as_ref().unwrap().view().at(port()).count(), 1, "none of them moved to {PORT:?}");
}
