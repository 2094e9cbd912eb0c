//! Scans: told, and ended where the settings say so.

use std::net::Ipv4Addr;
use std::time::Duration;

use packet::Arp;
use runtime::install::QUARANTINE_PRIORITY;
use runtime::{Event, Scanning, Settings};
use tests::{World, inventory, policy, rules};

use crate::{RPHONE, SERVER, V13, acquainted, inject, port, segment};

fn watched(text: &str, quarantine: bool) -> World {
    let scanning = Scanning { destinations: 20, window: Duration::from_secs(10), quarantine };
    let mut world = World::campus_with(rules(text), V13, Settings { scanning, ..Settings::default() });
    acquainted(&mut world);
    world
}

fn scans(world: &mut World) -> usize {
    let told = |event: &&Event| matches!(event, Event::Scan { mac: RPHONE, at, destinations: 20, seconds: 10 } if *at == port());
    world.take_events().iter().filter(told).count()
}

fn unknown(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, number)
}

#[test]
fn r07_who_asks_for_many_that_are_not_there_is_told_once() {
    let mut world = watched("default allow;", false);
    let own = world.ip("rphone");
    for round in 0..3 {
        for number in 0..19 {
            inject(&mut world, "rphone", Arp::request(RPHONE, own, unknown(number)).to_frame());
            world.run(Duration::from_millis(25));
        }
        assert_eq!(scans(&mut world), 0, "nineteen again and again are no scan: {round}");
    }
    for number in 19..40 {
        inject(&mut world, "rphone", Arp::request(RPHONE, own, unknown(number)).to_frame());
        world.run(Duration::from_millis(25));
    }
    assert_eq!(scans(&mut world), 1);
    assert!(world.tcp("rphone", world.ip("http-server"), 80), "it is told, and no more");
}

#[test]
fn r07_destinations_that_are_denied_count_and_a_scan_ends_in_quarantine() {
    let mut world = watched("allow to http-server;\ndefault deny;", true);
    let (own, now) = (world.ip("rphone"), world.network.now());
    let server = world.ip("http-server");
    let id = world.host("rphone").open_tcp_kept(server, 80, now);
    assert!(world.settle("rphone", id));
    // Machines that are there, and that it may not reach.
    for number in 0..30 {
        let mac = net::MacAddr([6, 0, 0, 0, 4, number]);
        inject(&mut world, "gphone", Arp::request(mac, unknown(number), unknown(number)).to_frame());
        world.run(Duration::from_millis(5));
        inject(&mut world, "rphone", segment((RPHONE, own), (mac, unknown(number)), (7, 9)));
        world.run(Duration::from_millis(5));
    }
    assert_eq!(scans(&mut world), 1);
    let wanted = world.controller.as_ref().unwrap().wanted();
    assert_eq!(wanted.iter().filter(|(_, slot, _)| slot.priority == QUARANTINE_PRIORITY).count(), 1);
    let before = world.network.delivered().count();
    let now = world.network.now();
    world.host("rphone").say(id, now);
    world.run(Duration::from_millis(50));
    let node = world.node("http-server");
    let reached = world.network.delivered().skip(before).any(|one| one.node == node && one.frame[6..12] == RPHONE.0);
    assert!(!reached, "nothing of it passes, what stood included");
    assert!(world.tcp("griffin", server, 81));
    world.run(Duration::from_secs(62));
    assert!(world.tcp("rphone", server, 82), "and it ends");
}

#[test]
fn r07_a_server_of_dhcp_that_looks_whether_addresses_are_free_is_no_scan() {
    let was = "host nfs-server { mac 02:00:00:00:00:22; ip 10.0.9.11; }";
    let serves = "host nfs-server { mac 02:00:00:00:00:22; ip 10.0.9.11; at core:10; serves dhcp; }";
    for (inventory, told) in [(inventory(), 1), (inventory().replace(was, serves), 0)] {
        let text = "include \"inventory.pol\";\ndefault allow;".to_owned();
        let scanning = Scanning { destinations: 20, window: Duration::from_secs(10), quarantine: false };
        let site = policy(&[("test.pol", text), ("inventory.pol", inventory)]);
        let mut world = World::campus_with(site, V13, Settings { scanning, ..Settings::default() });
        let (mac, ip) = (world.host("nfs-server").mac(), world.ip("nfs-server"));
        for number in 0..40 {
            inject(&mut world, "nfs-server", Arp::request(mac, ip, unknown(number)).to_frame());
            world.run(Duration::from_millis(25));
        }
        let scans = world.take_events().iter().filter(|event| matches!(event, Event::Scan { .. })).count();
        assert_eq!(scans, told);
    }
}

#[test]
fn r07_a_server_that_many_ask_and_who_answers_them_is_no_scan() {
    let mut world = watched("default allow;", true);
    let server = world.ip("http-server");
    for name in ["griffin", "glaptop", "rlaptop", "gphone", "rphone"] {
        assert!(world.tcp(name, server, 80));
    }
    let own = world.ip("rphone");
    for port in 0..60 {
        inject(&mut world, "rphone", segment((RPHONE, own), (SERVER, server), (7, 100 + port)));
        world.run(Duration::from_millis(20));
    }
    assert_eq!(scans(&mut world), 0, "many ports of one that is there");
}
