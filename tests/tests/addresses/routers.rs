//! Machines behind a declared host: several addresses behind one MAC address.

use std::net::Ipv4Addr;

use runtime::Source;
use runtime::event::Suspicion;
use tests::World;

use crate::{GPHONE, RPHONE, V13, binding, datagram, frames, hello, inject, owner, seconds, site, suspects, suspicions};

const ROUTED: &[(&str, &str)] =
    &[("host rphone { mac 02:00:00:00:00:16; }", "host rphone { mac 02:00:00:00:00:16; routes 10.9.0.0/16; }")];

fn inner(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 1, last)
}

#[test]
fn whoever_is_behind_a_declared_router_is_the_router_here() {
    let mut world = World::campus(site("default allow;", ROUTED), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    let own = world.ip("rphone");
    hello(&mut world, "rphone", RPHONE, own);
    for last in 0..40 {
        let from = (RPHONE, inner(last));
        inject(&mut world, "rphone", datagram(from, (net::MacAddr([2, 0, 0, 0, 0, 0x21]), server), (4000, 9), b"x"));
        assert_eq!(binding(&world, inner(last)).map(|one| (one.mac, one.source)), Some((RPHONE, Source::Registration)), "{last}");
    }
    assert_eq!(suspicions(&mut world), [], "more than one station may claim");
}

#[test]
fn who_is_behind_a_router_is_found_through_it_before_it_has_spoken() {
    let mut world = World::campus(site("default allow;", ROUTED), V13);
    let own = world.ip("rphone");
    hello(&mut world, "rphone", RPHONE, own);
    world.network.forget_delivered();
    let now = world.network.now();
    world.host("griffin").ping(inner(200), now);
    seconds(&mut world, 2);
    assert_eq!(owner(&world, inner(200)), Some(RPHONE), "the router answers for it");
    let reached = frames(&world, "rphone").iter().any(|frame| packet::parse(frame).is_ok_and(|frame| frame.key.ip.is_some()));
    assert!(reached, "and gets its packets");
}

#[test]
fn i05_what_is_behind_a_router_is_nobody_elses() {
    let mut world = World::campus(site("default allow;", ROUTED), V13);
    hello(&mut world, "gphone", GPHONE, inner(7));
    assert!(suspects(&mut world, GPHONE, &Suspicion::AddressOf(RPHONE)));
    assert_eq!(owner(&world, inner(7)), None);
}

#[test]
fn a_router_that_is_declared_no_longer_keeps_no_address() {
    let mut world = World::campus(site("default allow;", ROUTED), V13);
    hello(&mut world, "rphone", RPHONE, inner(7));
    assert_eq!(owner(&world, inner(7)), Some(RPHONE));
    world.apply(site("default allow;", &[]));
    seconds(&mut world, 32);
    assert_eq!(owner(&world, inner(7)), None);
}

#[test]
fn r07_what_may_not_be_reached_behind_a_router_takes_no_room() {
    let mut world = World::campus(site("allow to griffin;\nallow from glaptop;\ndefault deny;", ROUTED), V13);
    let own = world.ip("rphone");
    hello(&mut world, "rphone", RPHONE, own);
    let phone = world.ip("gphone");
    hello(&mut world, "gphone", GPHONE, phone);
    for last in 0..50 {
        inject(&mut world, "gphone", datagram((GPHONE, phone), (RPHONE, inner(last)), (4000, 9), b"x"));
        assert_eq!(owner(&world, inner(last)), None, "it is denied");
    }
    let laptop = world.ip("glaptop");
    let mac = net::MacAddr([2, 0, 0, 0, 0, 0x13]);
    hello(&mut world, "glaptop", mac, laptop);
    inject(&mut world, "glaptop", datagram((mac, laptop), (RPHONE, inner(7)), (4000, 9), b"x"));
    assert_eq!(owner(&world, inner(7)), Some(RPHONE), "what is allowed is known there");
}

#[test]
fn r07_addresses_behind_a_router_do_not_count_as_its_own() {
    let mut world = World::campus(site("default allow;", ROUTED), V13);
    for last in 0..40 {
        hello(&mut world, "rphone", RPHONE, inner(last));
    }
    let most = crate::settings().addresses_per_station;
    for last in 0..u8::try_from(most).unwrap() + 4 {
        let own = Ipv4Addr::new(10, 8, 0, last);
        hello(&mut world, "rphone", RPHONE, own);
        assert_eq!(owner(&world, own).is_some(), usize::from(last) < most, "{last}");
    }
    hello(&mut world, "rphone", RPHONE, inner(200));
    assert_eq!(owner(&world, inner(200)), Some(RPHONE), "and neither takes from the other");
}
