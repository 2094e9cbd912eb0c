//! Where stations are: who is quarantined, whose MAC addresses nobody else has, and cards, hubs and made-up addresses.

use std::net::Ipv4Addr;
use std::time::Duration;

use net::MacAddr;
use packet::Arp;
use runtime::event::{Event, Suspicion};
use runtime::install::QUARANTINE_PRIORITY;
use tests::{World, at};

use crate::{
    GPHONE, ROUTER_IP, RPHONE, STRANGER, V10, V13, hello, inject, open, owner, place, seconds, settings, site, suspects,
    suspicions,
};

fn quarantines(world: &World) -> usize {
    let wanted = world.controller.as_ref().unwrap().wanted();
    wanted.iter().filter(|(_, slot, _)| slot.priority == QUARANTINE_PRIORITY).count()
}

/// Somebody at `rphone` says again and again that he is `gphone`, which answers.
fn flapping(world: &mut World) -> Ipv4Addr {
    let ip = world.ip("gphone");
    hello(world, "gphone", GPHONE, ip);
    world.take_events();
    for _ in 0..20 {
        inject(world, "rphone", Arp::request(GPHONE, ip, ip).to_frame());
        world.run(Duration::from_millis(100));
    }
    ip
}

#[test]
fn i04_who_is_proved_to_be_elsewhere_is_dropped_by_its_switch_for_a_time() {
    for versions in [V13, V10] {
        let mut world = World::campus(site("default allow;", &[]), versions);
        let ip = flapping(&mut world);
        let events = world.take_events();
        let told = events.iter().filter(|event| matches!(event, Event::Quarantined { mac: GPHONE, seconds: 60, .. })).count();
        assert_eq!((told, quarantines(&world)), (1, 1), "told once, held by one entry");
        let doubts = events.iter().filter(|event| matches!(event, Event::Spoofed { .. })).count();
        assert!((1..=2).contains(&doubts), "{doubts}");
        let before = world.controller.as_ref().unwrap().status().counters.packet_ins;
        for _ in 0..50 {
            inject(&mut world, "rphone", Arp::request(GPHONE, ip, ip).to_frame());
        }
        let after = world.controller.as_ref().unwrap().status().counters.packet_ins;
        assert!(after - before < 30, "the controller hears of links alone: {}", after - before);
        let server = world.ip("http-server");
        assert!(world.tcp("gphone", server, 80) && world.tcp("rphone", server, 80), "both go on where they are");
        seconds(&mut world, 61);
        assert_eq!(quarantines(&world), 0);
    }
}

#[test]
fn i04_and_i02_a_quarantine_ends_when_the_proven_place_does() {
    let mut world = open();
    flapping(&mut world);
    world.network.cable_down(at(0x1, 5));
    world.run(Duration::from_millis(50));
    assert_eq!(quarantines(&world), 0);
    let ip = world.ip("gphone");
    inject(&mut world, "rphone", Arp::request(GPHONE, ip, ip).to_frame());
    assert_eq!(place(&world, GPHONE), Some(at(0x1, 6)), "the cable was moved");
}

#[test]
fn i10_mac_addresses_of_switches_are_not_for_hosts() {
    let mut world = open();
    let ports: Vec<MacAddr> =
        [1, 6].map(|port| world.network.switch(net::Dpid(1)).unwrap().port_mac(net::PortNo(port)).unwrap()).to_vec();
    for (mac, believed) in [(ports[0], false), (ports[1], true)] {
        inject(&mut world, "rphone", Arp::request(mac, Ipv4Addr::new(10, 0, 1, 99), ROUTER_IP).to_frame());
        assert_eq!(place(&world, mac).is_some(), believed, "at its own port the switch's system may be the host");
        assert_eq!(suspects(&mut world, mac, &Suspicion::Reserved), !believed);
    }
}

#[test]
fn cards_of_one_host_share_its_addresses_wherever_they_are() {
    let two = &[(
        "host rlaptop { mac 02:00:00:00:00:14; }",
        "host rlaptop { mac 02:00:00:00:00:14, 02:00:00:00:00:77; ip 10.0.1.14; }",
    )];
    let mut world = World::campus(site("default allow;", two), V13);
    let (first, ip) = (MacAddr([2, 0, 0, 0, 0, 0x14]), Ipv4Addr::new(10, 0, 1, 14));
    // At ports where nobody answers for it.
    hello(&mut world, "gphone", first, ip);
    assert_eq!(owner(&world, ip), Some(first));
    for (name, mac) in [("rphone", STRANGER), ("gphone", first), ("rphone", STRANGER)] {
        hello(&mut world, name, mac, ip);
        seconds(&mut world, 2);
        assert_eq!(owner(&world, ip), Some(mac), "whichever card speaks has it, once the other was silent");
    }
    assert_eq!(suspicions(&mut world), []);
    assert_eq!((place(&world, first), place(&world, STRANGER)), (Some(at(0x1, 5)), Some(at(0x1, 6))));
}

#[test]
fn several_stations_behind_one_port_are_several_stations() {
    let mut world = open();
    for last in 0..5 {
        hello(&mut world, "rphone", MacAddr([6, 0, 0, 0, 2, last]), Ipv4Addr::new(10, 0, 7, last + 1));
    }
    for last in 0..5 {
        assert_eq!(owner(&world, Ipv4Addr::new(10, 0, 7, last + 1)), Some(MacAddr([6, 0, 0, 0, 2, last])));
        assert_eq!(place(&world, MacAddr([6, 0, 0, 0, 2, last])), Some(at(0x1, 6)));
    }
    let server = world.ip("http-server");
    assert!(world.tcp("rphone", server, 80));
}

#[test]
fn a_made_up_mac_address_is_a_station_of_its_own_and_its_predecessor_makes_room() {
    let mut world = open();
    let ip = Ipv4Addr::new(10, 0, 7, 1);
    let (old, new) = (MacAddr([6, 1, 1, 1, 1, 1]), MacAddr([6, 2, 2, 2, 2, 2]));
    hello(&mut world, "rphone", old, ip);
    hello(&mut world, "rphone", new, ip);
    assert_eq!(owner(&world, ip), Some(old), "for all that is known they are two");
    seconds(&mut world, settings().address_lifetime.as_secs() + 2);
    hello(&mut world, "rphone", new, ip);
    assert_eq!(owner(&world, ip), Some(new));
}

const TWO_CARDS: &[(&str, &str)] = &[
    ("host gphone { mac 02:00:00:00:00:15; }", "host gphone { mac 02:00:00:00:00:15, 02:00:00:00:00:16; ip 10.0.1.15; }"),
    ("host rphone { mac 02:00:00:00:00:16; }\n", ""),
];

#[test]
fn i05_a_second_card_has_an_address_of_the_first_only_once_that_is_silent() {
    let mut world = World::campus(site("default allow;", TWO_CARDS), V13);
    let ip = world.ip("gphone");
    hello(&mut world, "gphone", GPHONE, ip);
    assert_eq!(owner(&world, ip), Some(GPHONE));
    world.take_events();
    for _ in 0..4 {
        hello(&mut world, "rphone", RPHONE, ip);
        seconds(&mut world, 2);
        assert_eq!(owner(&world, ip), Some(GPHONE), "the first card answers for it");
    }
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    world.network.cable_down(at(0x1, 5));
    world.run(Duration::from_millis(100));
    hello(&mut world, "rphone", RPHONE, ip);
    assert_eq!(owner(&world, ip), Some(RPHONE), "who is not there is not asked");
}

#[test]
fn a_second_card_has_an_address_after_a_second_of_silence() {
    let mut world = World::campus(site("default allow;", TWO_CARDS), V13);
    let ip = world.ip("gphone");
    // The first card was seen where nobody answers for it any more.
    hello(&mut world, "rlaptop", GPHONE, ip);
    hello(&mut world, "rphone", RPHONE, ip);
    assert_eq!(owner(&world, ip), Some(GPHONE));
    seconds(&mut world, 2);
    assert_eq!(owner(&world, ip), Some(RPHONE));
}
