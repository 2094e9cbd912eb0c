//! What many questions cost others: frames out of all ports, moves in question, tests of addresses, and who answers them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use net::MacAddr;
use packet::ndp::{Flags, solicited_node};
use packet::{Arp, Ndp};
use runtime::event::{Limit, Suspicion};
use runtime::{Event, Settings};
use tests::{World, rules};

use crate::{GPHONE, RPHONE, V13, acquainted, inject, owner, port, told};

fn tested(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 7, number)
}

/// A station tests an address before it uses it.
fn test(mac: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    Ndp::Solicitation { target, source_mac: None }.to_frame((mac, Ipv6Addr::UNSPECIFIED), solicited_node(target))
}

/// A station says that it has an address.
fn answer(mac: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    let flags = Flags { router: false, solicited: false, overriding: true };
    Ndp::Advertisement { target, target_mac: Some(mac), flags }.to_frame((mac, target), packet::ndp::ALL_NODES)
}

#[test]
fn r07_questions_of_all_ports_together_are_bounded_and_told() {
    let settings = Settings { copies: (400, 100_000), ..Settings::default() };
    let mut world = World::campus_with(rules("default allow;"), V13, settings);
    acquainted(&mut world);
    world.network.forget_delivered();
    let names = ["griffin", "glaptop", "rlaptop", "gphone", "rphone"];
    for number in 0..30_u8 {
        for (place, name) in (0..).zip(names) {
            let (mac, ip) = (world.host(name).mac(), world.ip(name));
            inject(&mut world, name, Arp::request(mac, ip, Ipv4Addr::new(10, 98, place, number)).to_frame());
        }
        world.run(Duration::from_millis(10));
    }
    let (count, dropped) = told(&world.take_events(), Limit::Copies);
    assert!(count >= 1 && dropped >= 1, "{count} {dropped}");
    let asked = world.network.delivered().filter(|one| one.frame[12..14] == [8, 6]).count();
    assert!(asked < 1000, "each within its port's share, and all within theirs: {asked}");
    world.run(Duration::from_secs(3));
    assert!(world.ping("griffin", world.ip("roo")), "it passes");
}

#[test]
fn r07_stations_that_would_move_to_one_port_are_bounded() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let mac = |number: u8| MacAddr([6, 0, 0, 0, 8, number]);
    let ip = |number: u8| Ipv4Addr::new(10, 97, 0, number);
    for number in 0..200 {
        inject(&mut world, "gphone", Arp::request(mac(number), ip(number), ip(number)).to_frame());
    }
    world.run(Duration::from_millis(100));
    world.network.forget_delivered();
    for number in 0..200 {
        inject(&mut world, "rphone", Arp::request(mac(number), ip(number), ip(number)).to_frame());
    }
    world.run(Duration::from_millis(100));
    let node = world.node("gphone");
    let asked = world.network.delivered().filter(|one| one.node == node && one.frame[12..14] == [8, 6]).count();
    assert!(asked <= 64, "{asked} questions for 200 that are all at once somewhere else");
    assert!(told(&world.take_events(), Limit::Moves).1 >= 1);
    // Another port has its own share.
    world.network.cable_down(tests::at(0x1, 3));
    world.run(Duration::from_millis(100));
    let ip = world.ip("glaptop");
    inject(&mut world, "rlaptop", Arp::request(MacAddr([2, 0, 0, 0, 0, 0x13]), ip, ip).to_frame());
    world.run(Duration::from_millis(100));
    let place = world.controller.as_ref().unwrap().view().station(MacAddr([2, 0, 0, 0, 0, 0x13])).unwrap().location;
    assert_eq!(place, Some(tests::at(0x1, 4)));
}

#[test]
fn r07_tests_of_addresses_are_bounded_by_port() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let mac = |number: u8| MacAddr([6, 0, 0, 0, 7, number]);
    for number in 0..200_u8 {
        inject(&mut world, "rphone", test(mac(number), tested(number.into())));
    }
    world.run(Duration::from_millis(100));
    inject(&mut world, "gphone", test(GPHONE, tested(900)));
    world.run(Duration::from_secs(3));
    let events = world.take_events();
    assert!(told(&events, Limit::Tests).1 + told(&events, Limit::Questions).1 >= 100);
    assert_eq!(owner(&world, tested(900)), Some(GPHONE), "another port tests as ever");
    let held = (0..200).filter(|number| owner(&world, tested(*number)).is_some()).count();
    assert!(held <= 64, "{held}");
}

#[test]
fn i09_who_answers_for_every_address_that_others_test_is_believed_a_few_times_and_no_more() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let mut lost = 0;
    for number in 0..12 {
        inject(&mut world, "gphone", test(GPHONE, tested(number)));
        world.run(Duration::from_millis(50));
        inject(&mut world, "rphone", answer(RPHONE, tested(number)));
        world.run(Duration::from_millis(1500));
        lost += usize::from(owner(&world, tested(number)) == Some(RPHONE));
    }
    assert_eq!(lost, 4);
    let events = world.take_events();
    let contested =
        |event: &&Event| matches!(event, Event::AddressContested { mac: RPHONE, tester: GPHONE, at, .. } if *at == port());
    assert_eq!(events.iter().filter(contested).count(), 4, "each is told");
    assert!(events.iter().any(|event| matches!(event, Event::Spoofed { mac: RPHONE, why: Suspicion::Contested, .. })));
    assert_eq!((4..12).filter(|number| owner(&world, tested(*number)) == Some(GPHONE)).count(), 8);
}

#[test]
fn i09_what_nobody_could_be_asked_about_is_nobodys_for_having_been_silent() {
    let settings = Settings { relays_per_second: 0, ..Settings::default() };
    let mut world = World::campus_with(rules("default allow;"), V13, settings);
    acquainted(&mut world);
    inject(&mut world, "gphone", test(GPHONE, tested(1)));
    world.run(Duration::from_secs(2));
    assert_eq!(owner(&world, tested(1)), None);
}

#[test]
fn i01_a_place_that_is_shut_keeps_its_station() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let (own, server) = (world.ip("rphone"), world.ip("http-server"));
    // The victim sends too much and is dropped by its switch; meanwhile somebody says that he is it.
    for step in 0..60_u16 {
        for number in 0..500 {
            let ports = (1 + (step * 500 + number) % 60_000, 9);
            inject(&mut world, "rphone", crate::segment((RPHONE, own), (crate::SERVER, server), ports));
        }
        if step > 22 {
            inject(&mut world, "gphone", Arp::request(RPHONE, own, own).to_frame());
        }
        world.run(Duration::from_millis(50));
        let place = world.controller.as_ref().unwrap().view().station(RPHONE).unwrap().location;
        assert_eq!(place, Some(port()), "its silence proves nothing: step {step}");
    }
    assert!(world.take_events().iter().any(|event| matches!(event, Event::Shut { .. })));
}
