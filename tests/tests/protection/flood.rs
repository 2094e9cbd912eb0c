//! Floods of packets and of new flows, of one host and of made-up ones, of probes and of broadcasts.

use std::net::Ipv4Addr;
use std::time::Duration;

use net::{EtherType, FlowMatch, MacAddr, PortNo};
use packet::{Arp, build};
use runtime::event::Limit;
use runtime::install::SHED_PRIORITY;
use runtime::{Blame, Event};
use tests::{World, rules};

use crate::{GPHONE, PORT, RPHONE, SERVER, V10, V13, acquainted, counters, inject, port, segment, told};

/// Ten thousand packets a second, so many a step of 50 ms.
const BURST: u32 = 500;

/// What the flood is made of, by the number of the packet.
type Flood = fn(&World, u32) -> Vec<u8>;

fn from_one(world: &World, number: u32) -> Vec<u8> {
    let ports = (u16::try_from(1 + number % 65_000).unwrap(), u16::try_from(1 + number / 65_000).unwrap());
    segment((RPHONE, world.ip("rphone")), (SERVER, world.ip("http-server")), ports)
}

fn from_many(world: &World, number: u32) -> Vec<u8> {
    let [_, a, b, c] = number.to_be_bytes();
    let sender = (MacAddr([6, 0, 0, a, b, c]), Ipv4Addr::new(10, 1 + a, b, c));
    segment(sender, (SERVER, world.ip("http-server")), (7, 9))
}

/// Floods from `rphone` for some steps of 50 ms.
fn flood(world: &mut World, steps: u32, frame: Flood) {
    for step in 0..steps {
        for number in 0..BURST {
            let frame = frame(world, step * BURST + number);
            inject(world, "rphone", frame);
        }
        world.run(Duration::from_millis(50));
    }
}

/// What `griffin` waits for an answer of the server on a new connection, while this goes on at each step.
fn set_up(world: &mut World, port: u16, mut meanwhile: impl FnMut(&mut World)) -> Duration {
    let (server, begun) = (world.ip("http-server"), world.network.now());
    let id = world.host("griffin").open_tcp(server, port, begun);
    let mut step = || {
        meanwhile(world);
        world.run(Duration::from_micros(100));
        world.host("griffin").outcome(id).is_success().then(|| world.network.now().since(begun))
    };
    (0..2000).find_map(|_| step()).unwrap()
}

fn shut(events: &[Event]) -> Vec<(Blame, u16)> {
    let shut = |event: &Event| match event {
        Event::Shut { at, blame, seconds } if *at == port() => Some((*blame, *seconds)),
        _ => None,
    };
    events.iter().filter_map(shut).collect()
}

#[test]
fn r01_and_r02_a_flood_of_new_flows_is_shed_and_then_dropped_by_its_switch_and_others_are_served_as_before() {
    for versions in [V13, V10] {
        let mut world = World::campus(rules("default allow;"), versions);
        acquainted(&mut world);
        let calm = set_up(&mut world, 80, |_| {});
        let before = counters(&world);
        flood(&mut world, 18, from_one);
        let mut number = 9000;
        let under = set_up(&mut world, 81, |world| {
            number += 1;
            let frame = from_one(world, number);
            inject(world, "rphone", frame);
        });
        assert!(under <= calm * 2, "{versions:?}: {calm:?} without, {under:?} under a flood");
        flood(&mut world, 8, from_one);
        let after = counters(&world);
        let decided = after.allowed - before.allowed;
        assert!((500..1300).contains(&decided), "of 13,000 new flows {decided} were decided");
        assert!(after.shed - before.shed > 5_000);
        let events = world.take_events();
        assert_eq!(shut(&events), [(Blame::Host(RPHONE), 2)], "{versions:?}");
        let (count, dropped) = told(&events, Limit::FlowsOfHost);
        assert!((1..=4).contains(&count) && dropped > 100, "told once a second with how often: {count}, {dropped}");
        let region = FlowMatch { in_port: Some(PortNo(PORT.1)), dl_src: Some(RPHONE), ..FlowMatch::default() };
        let wanted = world.controller.as_ref().unwrap().wanted();
        assert!(wanted.iter().any(|(_, slot, _)| slot.region == region && slot.priority == SHED_PRIORITY));
        assert_eq!(world.controller.as_ref().unwrap().shed_at(port()), after.shed);
        // While its switch drops it, nothing comes up.
        flood(&mut world, 4, from_one);
        let quiet = counters(&world).packet_ins - after.packet_ins;
        assert!(quiet < 100, "{quiet} packets came up while their sender is shut");
        world.run(Duration::from_secs(12));
        assert!(!world.controller.as_ref().unwrap().wanted().into_iter().any(|(_, slot, _)| slot.priority == SHED_PRIORITY));
    }
}

#[test]
fn r01_what_stands_of_a_shut_sender_goes_on() {
    let mut world = World::campus(rules("default allow;"), V13);
    let server = world.ip("http-server");
    let now = world.network.now();
    let id = world.host("rphone").open_tcp_kept(server, 80, now);
    assert!(world.settle("rphone", id));
    flood(&mut world, 30, from_one);
    assert_eq!(shut(&world.take_events()).len(), 1);
    let answers = world.host("rphone").conversation(id).unwrap().answers;
    let now = world.network.now();
    world.host("rphone").say(id, now);
    world.run(Duration::from_millis(50));
    assert!(world.host("rphone").conversation(id).unwrap().answers > answers);
}

#[test]
fn r01_made_up_senders_are_dropped_by_their_kind_and_a_neighbour_is_answered() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let own = world.ip("rphone");
    let target = world.ip("http-server");
    let mut answered = 0;
    for second in 0..6_u32 {
        for step in 0..20 {
            for number in 0..BURST {
                let frame = from_many(&world, second * 20 * BURST + step * BURST + number);
                inject(&mut world, "rphone", frame);
            }
            world.run(Duration::from_millis(50));
        }
        world.network.forget_delivered();
        inject(&mut world, "rphone", Arp::request(RPHONE, own, target).to_frame());
        world.run(Duration::from_millis(20));
        let node = world.node("rphone");
        answered += usize::from(world.network.delivered().any(|one| one.node == node && one.frame[12..14] == [8, 6]));
    }
    let events = world.take_events();
    assert!(shut(&events).iter().all(|(blame, _)| *blame == Blame::Kind(EtherType::IPV4)), "{:?}", shut(&events));
    assert!(!shut(&events).is_empty());
    assert_eq!(answered, 6, "ARP of who is there has its part");
    assert!(world.controller.as_ref().unwrap().view().at(port()).count() <= 256);
}

#[test]
fn t06_a_flood_of_probes_is_dropped_by_its_switch_and_links_stay() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let lldp: Flood = |_, _| build::ethernet(MacAddr([1, 0x80, 0xc2, 0, 0, 0x0e]), RPHONE, EtherType::LLDP, &[2, 7, 4]);
    flood(&mut world, 400, lldp);
    let events = world.take_events();
    assert!(!events.iter().any(|event| matches!(event, Event::LinkDown(_))), "other ports are probed as ever");
    assert_eq!(world.controller.as_ref().unwrap().status().links, 5);
    let shut = shut(&events);
    assert!(shut.iter().all(|(blame, _)| *blame == Blame::Host(RPHONE)) && !shut.is_empty(), "{shut:?}");
    assert!(counters(&world).packet_ins < 100_000, "of 200,000: {}", counters(&world).packet_ins);
}

/// Broadcasts of a few machines that a loop repeats without end: how many `glaptop` heard in three seconds of it.
fn storm(world: &mut World) -> usize {
    let storm: Flood = |_, number| {
        let last = u8::try_from(number % 3).unwrap();
        let sender = (MacAddr([6, 0, 0, 0, 0, last]), Ipv4Addr::new(10, 66, 0, last));
        segment(sender, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST), (137, 137))
    };
    world.network.forget_delivered();
    flood(world, 60, storm);
    let laptop = world.node("glaptop");
    world.network.delivered().filter(|one| one.node == laptop).count()
}

#[test]
fn t17_a_loop_behind_a_port_is_limited_at_that_port() {
    let mut world = World::campus(rules("default allow;"), V10);
    acquainted(&mut world);
    let calm = set_up(&mut world, 80, |_| {});
    let heard = storm(&mut world);
    assert!(heard < 4 * 50 + 20, "relayed within the limit of its port: {heard}");
    assert!(set_up(&mut world, 81, |_| {}) <= calm * 2);
    let events = world.take_events();
    assert!(!shut(&events).is_empty(), "its switch drops it");
    let (count, _) = told(&events, Limit::Relays);
    assert!(count <= 4, "told once a second: {count}");
}

#[test]
fn t17_where_switches_carry_it_a_meter_bounds_a_loop_and_nothing_comes_up() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let calm = set_up(&mut world, 80, |_| {});
    let before = counters(&world).packet_ins;
    let heard = storm(&mut world);
    assert!(heard > 100 && heard < 4 * 1000, "of 30,000, what the port may send to everybody: {heard}");
    assert!(counters(&world).packet_ins - before < 1000, "{}", counters(&world).packet_ins - before);
    assert!(set_up(&mut world, 81, |_| {}) <= calm * 2);
}

#[test]
fn i06_packets_of_who_is_not_believed_come_up_once_in_two_seconds() {
    let mut world = World::campus(rules("default allow;"), V13);
    acquainted(&mut world);
    let (victim, server) = (world.ip("gphone"), world.ip("http-server"));
    let before = counters(&world).spoofed;
    for _ in 0..100 {
        inject(&mut world, "rphone", segment((RPHONE, victim), (SERVER, server), (7, 9)));
        world.run(Duration::from_millis(50));
    }
    let came_up = counters(&world).spoofed - before;
    assert!((1..=6).contains(&came_up), "{came_up} of 100 in five seconds");
    // What it may send is not touched.
    assert!(world.tcp("rphone", server, 80));
    assert_eq!(crate::owner(&world, victim), Some(GPHONE));
}

#[test]
fn r01_packets_that_have_no_way_come_up_once_in_two_seconds_and_at_once_when_there_is_one() {
    let mut world = World::campus(rules("default allow;"), V13);
    assert!(world.tcp("roo", world.ip("http-server"), 80) && world.tcp("rphone", world.ip("http-server"), 80));
    for link in [25, 26] {
        world.network.cable_down(tests::at(0x1, link));
    }
    world.run(Duration::from_millis(100));
    let roo = (MacAddr([2, 0, 0, 0, 0, 0x12]), world.ip("roo"));
    let own = (RPHONE, world.ip("rphone"));
    let before = counters(&world).unroutable;
    for _ in 0..40 {
        inject(&mut world, "rphone", segment(own, roo, (7, 9)));
        world.run(Duration::from_millis(50));
    }
    let came_up = counters(&world).unroutable - before;
    assert!((1..=3).contains(&came_up), "{came_up} of 40 in two seconds");
    inject(&mut world, "rphone", segment(own, roo, (7, 9)));
    world.network.cable_up(tests::at(0x1, 25));
    world.run(Duration::from_millis(300));
    world.network.forget_delivered();
    inject(&mut world, "rphone", segment(own, roo, (7, 9)));
    world.run(Duration::from_millis(50));
    let node = world.node("roo");
    assert!(world.network.delivered().any(|one| one.node == node && one.frame[12..14] == [8, 0]), "the link is back");
}
