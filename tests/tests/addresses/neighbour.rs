//! IPv6: who answers for whom, tests of addresses, and advertisements of routers.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use lang::checked::Served;
use net::{MacAddr, Prefix};
use packet::Ndp;
use packet::ndp::{self, NdpError};
use runtime::event::{Event, Limit, Suspicion};
use runtime::{Loss, Source};
use tests::{World, at};

use crate::{
    CONTROLLER, GPHONE, ROUTER, RPHONE, STRANGER, advertise, binding, frames, heard, inject, link_local, open, owner, place,
    seconds, settings, solicit, suspects, test_address,
};

const FIRST: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, 0x15);
const SECOND: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, 0x16);

/// Both phones have an address of their own.
fn two() -> World {
    let mut world = open();
    inject(&mut world, "gphone", advertise(GPHONE, FIRST));
    inject(&mut world, "rphone", advertise(RPHONE, SECOND));
    assert_eq!((owner(&world, FIRST), owner(&world, SECOND)), (Some(GPHONE), Some(RPHONE)));
    world.network.forget_delivered();
    world.take_events();
    world
}

#[test]
fn i09_a_question_is_answered_from_the_view_to_its_asker_alone() {
    let mut world = two();
    inject(&mut world, "gphone", solicit(GPHONE, FIRST, SECOND));
    let answers = heard(&world, "gphone");
    let [(src, dst, Ndp::Advertisement { target, target_mac, flags })] = answers[..] else { panic!("{answers:?}") };
    assert_eq!((src, dst, target, target_mac), (RPHONE, GPHONE, SECOND, Some(RPHONE)));
    assert!(flags.solicited && flags.overriding && !flags.router);
    for other in ["rphone", "griffin", "http-server"] {
        assert_eq!(heard(&world, other), [], "{other} hears nothing of it");
    }
}

#[test]
fn i09_who_tests_an_address_of_another_is_told_whose_it_is() {
    let mut world = two();
    inject(&mut world, "rphone", test_address(RPHONE, FIRST));
    let answers = heard(&world, "rphone");
    let [(src, _, Ndp::Advertisement { target, flags, .. })] = answers[..] else { panic!("{answers:?}") };
    assert_eq!((src, target, flags.solicited), (GPHONE, FIRST, false));
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    seconds(&mut world, 3);
    assert_eq!(owner(&world, FIRST), Some(GPHONE), "the owner keeps it");
}

#[test]
fn i09_a_free_address_is_its_testers_when_nobody_has_objected() {
    let mut world = open();
    inject(&mut world, "gphone", test_address(GPHONE, FIRST));
    assert_eq!(owner(&world, FIRST), None, "the test goes on");
    inject(&mut world, "rphone", test_address(RPHONE, FIRST));
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)), "who tests first is first");
    seconds(&mut world, 2);
    assert_eq!(owner(&world, FIRST), Some(GPHONE));
    assert_eq!(binding(&world, FIRST).unwrap().source, Source::Claim);
}

#[test]
fn i09_a_silent_owner_is_asked_before_its_address_is_given_away() {
    let mut world = open();
    world.host("rphone").add_address6(SECOND);
    inject(&mut world, "rphone", advertise(RPHONE, link_local(RPHONE)));
    inject(&mut world, "gphone", test_address(GPHONE, SECOND));
    seconds(&mut world, 2);
    assert_eq!(owner(&world, SECOND), Some(RPHONE));
    assert!(heard(&world, "gphone").iter().any(|(src, _, _)| *src == RPHONE), "the tester is told");
}

#[test]
fn i09_an_advertisement_for_anothers_address_is_refused_and_told() {
    let mut world = two();
    inject(&mut world, "rphone", advertise(RPHONE, FIRST));
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    world.run(Duration::from_secs(1));
    let named = Ndp::Solicitation { target: FIRST, source_mac: Some(GPHONE) };
    let named = named.to_frame((RPHONE, SECOND), ndp::solicited_node(FIRST));
    inject(&mut world, "rphone", named);
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)), "another's MAC address within");
    assert_eq!(owner(&world, FIRST), Some(GPHONE));
    let own = link_local(CONTROLLER);
    world.run(Duration::from_secs(1));
    inject(&mut world, "rphone", advertise(RPHONE, own));
    assert!(suspects(&mut world, RPHONE, &Suspicion::Reserved), "nor the controller's own");
    assert_eq!(heard(&world, "gphone"), []);
}

#[test]
fn i09_what_came_through_a_router_is_no_neighbours() {
    let mut world = two();
    let mut routed = solicit(RPHONE, SECOND, FIRST);
    routed[21] = 64;
    inject(&mut world, "rphone", routed);
    assert!(suspects(&mut world, RPHONE, &Suspicion::Discovery(NdpError::HopLimit)));
    assert_eq!(heard(&world, "rphone"), []);
}

#[test]
fn i09_several_addresses_of_one_host_up_to_a_limit() {
    let mut world = open();
    let most = settings().addresses_per_station;
    for last in 0..u16::try_from(most).unwrap() + 4 {
        let address = Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 1, last);
        inject(&mut world, "gphone", advertise(GPHONE, address));
        assert_eq!(owner(&world, address).is_some(), usize::from(last) < most, "{address}");
    }
    let limited = |event: &Event| matches!(event, Event::Limited { what: Limit::Addresses, .. });
    assert!(world.take_events().iter().any(limited));
}

#[test]
fn r07_unknown_neighbours_are_asked_for_within_a_share_of_each_port() {
    let mut world = two();
    for last in 0..200 {
        let node = world.node("rphone");
        let frame = solicit(RPHONE, SECOND, Ipv6Addr::new(0xfd00, 0, 0, 9, 0, 0, 0, last));
        world.network.inject(node, frame.into());
    }
    world.run(Duration::from_millis(500));
    let questions = heard(&world, "griffin");
    assert!(questions.iter().all(|(src, ..)| *src == CONTROLLER), "never the asker's own frame");
    let most = settings().relays_per_second as usize;
    assert!((1..=most).contains(&questions.len()), "{}", questions.len());
    assert_eq!(heard(&world, "rphone"), [], "the asker is not asked");
}

#[test]
fn r07_the_destination_of_a_flow_is_asked_for_as_in_ipv4() {
    let mut world = two();
    world.host("griffin").add_address6("fd00::1:0:0:0:11".parse().unwrap());
    let target: Ipv6Addr = "fd00::1:0:0:0:11".parse().unwrap();
    let datagram = packet::udp::Datagram { src: 4000, dst: 9, data: b"x" };
    let griffin = MacAddr([2, 0, 0, 0, 0, 0x11]);
    let frame = packet::build::udp6((RPHONE, SECOND), (griffin, target), &datagram).unwrap();
    inject(&mut world, "rphone", frame);
    assert_eq!(owner(&world, target), Some(griffin));
}

#[test]
fn i09_only_declared_routers_advertise_themselves() {
    let mut world = open();
    let prefix: Prefix = "2001:db8:1::/64".parse().unwrap();
    for name in ["border", "rphone"] {
        let mac = if name == "border" { ROUTER } else { RPHONE };
        inject(&mut world, name, advertise(mac, link_local(mac)));
    }
    world.network.forget_delivered();
    world.take_events();
    inject(&mut world, "rphone", ndp::advertisement((RPHONE, link_local(RPHONE)), prefix, 600));
    assert_eq!(frames(&world, "gphone").len(), 0);
    assert!(suspects(&mut world, RPHONE, &Suspicion::NotServed(Served::Ra)));
    let slaac: Ipv6Addr = "2001:db8:1::15".parse().unwrap();
    inject(&mut world, "gphone", advertise(GPHONE, slaac));
    assert_eq!(owner(&world, slaac), None, "no trusted router has said that this is here");
    world.network.forget_delivered();
    inject(&mut world, "border", ndp::advertisement((ROUTER, link_local(ROUTER)), prefix, 600));
    for hearer in ["gphone", "rphone", "http-server"] {
        assert_eq!(frames(&world, hearer).len(), 1, "{hearer}");
    }
    inject(&mut world, "gphone", advertise(GPHONE, slaac));
    assert_eq!(owner(&world, slaac), Some(GPHONE));
    let message = [137, 0, 0, 0, 0, 0, 0, 0];
    let redirect = packet::build::icmpv6((RPHONE, link_local(RPHONE)), (GPHONE, link_local(GPHONE)), &message);
    world.network.forget_delivered();
    world.run(Duration::from_secs(1));
    inject(&mut world, "rphone", redirect);
    assert!(suspects(&mut world, RPHONE, &Suspicion::NotServed(Served::Ra)), "nor redirect others");
    assert_eq!(frames(&world, "gphone").len(), 0);
}

#[test]
fn i09_questions_for_routers_are_for_their_ports() {
    let mut world = open();
    inject(&mut world, "rphone", advertise(RPHONE, link_local(RPHONE)));
    world.network.forget_delivered();
    let all_routers = (MacAddr([0x33, 0x33, 0, 0, 0, 2]), "ff02::2".parse().unwrap());
    let question = packet::build::icmpv6((RPHONE, link_local(RPHONE)), all_routers, &[133, 0, 0, 0, 0, 0, 0, 0]);
    inject(&mut world, "rphone", question);
    assert_eq!(frames(&world, "border").len(), 1);
    for other in ["gphone", "griffin", "http-server"] {
        assert_eq!(frames(&world, other).len(), 0, "{other}");
    }
}

#[test]
fn i03_a_station_that_speaks_ipv6_alone_is_asked_where_it_was() {
    for answers in [false, true] {
        let mut world = open();
        let (mac, address) = if answers { (GPHONE, link_local(GPHONE)) } else { (STRANGER, link_local(STRANGER)) };
        if answers {
            world.host("gphone").add_address6(address);
        }
        inject(&mut world, "gphone", advertise(mac, address));
        inject(&mut world, "rphone", advertise(mac, address));
        seconds(&mut world, 2);
        let wanted = if answers { at(0x1, 5) } else { at(0x1, 6) };
        assert_eq!(place(&world, mac), Some(wanted), "it answers there: {answers}");
    }
}

#[test]
fn i05_the_gateway_defends_its_addresses_in_ipv6() {
    let mut world = open();
    let own = link_local(ROUTER);
    inject(&mut world, "border", solicit(ROUTER, own, FIRST));
    inject(&mut world, "rphone", advertise(RPHONE, own));
    assert!(suspects(&mut world, RPHONE, &Suspicion::Reserved));
    world.network.forget_delivered();
    inject(&mut world, "rphone", advertise(RPHONE, link_local(RPHONE)));
    inject(&mut world, "rphone", solicit(RPHONE, link_local(RPHONE), own));
    let router = heard(&world, "rphone")
        .into_iter()
        .any(|(src, _, message)| src == ROUTER && matches!(message, Ndp::Advertisement { flags, .. } if flags.router));
    assert!(router, "and stays a router");
}

#[test]
fn i09_an_address_that_is_used_no_more_is_free() {
    let mut world = two();
    seconds(&mut world, settings().address_lifetime.as_secs() + 2);
    assert_eq!(owner(&world, FIRST), None);
    let released = |event: &Event| matches!(event, Event::AddressReleased { address, why: Loss::Silent, .. } if *address == IpAddr::V6(FIRST));
    assert!(world.take_events().iter().any(released));
}
