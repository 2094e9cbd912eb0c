//! Hosts that lie: about who they are, where they are, which address they have, and that they are switches.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use lang::checked::Checked;
use net::{EtherType, Location, MacAddr};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use packet::{Arp, Probe, ProbeKey};
use runtime::Event;
use runtime::event::Suspicion;
use tests::{World, at, inventory, policy, rules};

const V13: &[u8] = &[1, 4];
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// The epoch of the first daemon of a world.
const EPOCH: u64 = 1_790_000_001;
const GATEWAY: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xfe]);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const VICTIM: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x13]);
const THIEF: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x16]);
const SERVER: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x21]);
/// A machine behind somebody's hub, which answers nothing.
const PHANTOM: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x77]);
const PHANTOM_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 77);

fn open() -> World {
    World::campus(rules("default allow;"), V13)
}

fn declared_router() -> Arc<Checked> {
    let inventory = inventory().replace("gateway border { at core:48; }", "gateway border { at core:48; ip 10.0.0.1; }");
    assert!(inventory.contains("ip 10.0.0.1"));
    policy(&[("test.pol", "include \"inventory.pol\";\ndefault allow;".into()), ("inventory.pol", inventory)])
}

fn inject(world: &mut World, name: &str, frame: Vec<u8>) {
    let node = world.node(name);
    world.network.inject(node, frame.into());
}

fn datagram(src: (MacAddr, Ipv4Addr), dst: (MacAddr, Ipv4Addr)) -> Vec<u8> {
    let ends = IpEnds { src_mac: src.0, dst_mac: dst.0, src_ip: src.1, dst_ip: dst.1 };
    build::udp(&ends, &Datagram { src: 4000, dst: 9, data: b"forged" }).unwrap()
}

fn place(world: &World, mac: MacAddr) -> Option<Location> {
    world.controller.as_ref().unwrap().view().station(mac)?.location
}

fn owner(world: &World, ip: Ipv4Addr) -> Option<MacAddr> {
    world.controller.as_ref().unwrap().view().owner(ip.into())
}

/// How many alarms of this kind there were since the last look.
fn alarms(world: &mut World, kind: impl Fn(&Suspicion) -> bool) -> usize {
    world.take_events().iter().filter(|event| matches!(event, Event::Spoofed { why, .. } if kind(why))).count()
}

/// Frames from or for this address that a node received.
fn received(world: &World, name: &str, mac: MacAddr) -> usize {
    let node = world.node(name);
    let concerns = |frame: &[u8]| packet::parse(frame).is_ok_and(|frame| frame.key.dl_src == mac || frame.key.dl_dst == mac);
    world.network.delivered().filter(|one| one.node == node && concerns(&one.frame)).count()
}

#[test]
fn i01_a_location_cannot_be_hijacked_while_its_host_answers() {
    let mut world = open();
    let (server, victim) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 80) && world.tcp("rphone", server, 80));
    world.network.forget_delivered();
    for round in 0..40 {
        inject(&mut world, "rphone", datagram((VICTIM, victim), (SERVER, server)));
        inject(&mut world, "rphone", Arp::request(VICTIM, victim, victim).to_frame());
        world.run(Duration::from_millis(150));
        assert_eq!(place(&world, VICTIM), Some(at(0x1, 3)), "round {round}");
    }
    assert!(world.tcp("glaptop", server, 81) && world.tcp("http-server", victim, 82));
    assert_eq!(received(&world, "rphone", VICTIM), 0, "the thief hears nothing of it");
    assert_eq!(world.host("rphone").received_from(server), world.host("rphone").received_from(server));
    assert!(alarms(&mut world, |why| matches!(why, Suspicion::StillAt(_))) > 0);
}

#[test]
fn i03_a_host_that_left_without_a_word_is_believed_after_its_old_place_was_silent() {
    let mut world = open();
    inject(&mut world, "gphone", Arp::request(PHANTOM, PHANTOM_IP, ROUTER).to_frame());
    world.run(Duration::from_millis(50));
    assert_eq!(place(&world, PHANTOM), Some(at(0x1, 5)));
    inject(&mut world, "rphone", Arp::request(PHANTOM, PHANTOM_IP, ROUTER).to_frame());
    world.run(Duration::from_millis(500));
    assert_eq!(place(&world, PHANTOM), Some(at(0x1, 5)), "the old place has a second to answer");
    world.run(Duration::from_millis(700));
    assert_eq!(place(&world, PHANTOM), Some(at(0x1, 6)));
}

#[test]
fn i03_a_move_to_a_port_that_went_down_meanwhile_is_forgotten() {
    let mut world = open();
    inject(&mut world, "gphone", Arp::request(PHANTOM, PHANTOM_IP, ROUTER).to_frame());
    world.run(Duration::from_millis(50));
    inject(&mut world, "rphone", Arp::request(PHANTOM, PHANTOM_IP, ROUTER).to_frame());
    world.run(Duration::from_millis(50));
    world.network.cable_down(at(0x1, 6));
    world.run(Duration::from_secs(2));
    assert_eq!(place(&world, PHANTOM), Some(at(0x1, 5)));
}

#[test]
fn i04_one_address_at_two_ports_does_not_flap() {
    let mut world = open();
    for _ in 0..50 {
        for name in ["gphone", "rphone"] {
            inject(&mut world, name, Arp::request(PHANTOM, PHANTOM_IP, ROUTER).to_frame());
            world.run(Duration::from_millis(50));
        }
    }
    assert_eq!(place(&world, PHANTOM), Some(at(0x1, 5)));
    let events = world.take_events();
    assert!(!events.iter().any(|event| matches!(event, Event::StationMoved { .. })));
    let told = events.iter().filter(|event| matches!(event, Event::Spoofed { .. })).count();
    assert!((1..=6).contains(&told), "told once a second: {told}");
}

#[test]
fn i05_the_gateways_address_is_not_for_hosts() {
    for declared in [false, true] {
        let mut world = if declared { World::campus(declared_router(), V13) } else { open() };
        assert!(world.ping("glaptop", OUTSIDE) && world.ping("rphone", OUTSIDE));
        world.take_events();
        for forged in [
            Arp::request(THIEF, ROUTER, ROUTER).to_frame(),
            Arp::request(VICTIM, world.ip("glaptop"), ROUTER).reply(THIEF).to_frame(),
            datagram((THIEF, ROUTER), (VICTIM, world.ip("glaptop"))),
        ] {
            inject(&mut world, "rphone", forged);
            world.run(Duration::from_millis(1100));
        }
        assert!(alarms(&mut world, |why| *why == Suspicion::Reserved) >= 2);
        assert_eq!(owner(&world, ROUTER), None);
        assert!(world.ping("glaptop", OUTSIDE));
    }
}

#[test]
fn i05_the_gateways_address_claimed_before_the_gateway_spoke() {
    for declared in [false, true] {
        let mut world = if declared { World::campus(declared_router(), V13) } else { open() };
        inject(&mut world, "rphone", Arp::request(THIEF, ROUTER, ROUTER).to_frame());
        world.run(Duration::from_millis(100));
        assert_eq!(owner(&world, ROUTER), (!declared).then_some(THIEF), "a declaration comes first, else who speaks first");
        let gateway = world.node("border");
        let now = world.network.now();
        let inside = world.ip("glaptop");
        world.network.gateway_mut(gateway).unwrap().ping(OUTSIDE, inside, now);
        world.run(Duration::from_secs(2));
        assert_eq!(owner(&world, ROUTER), None, "who asks at the gateway's port has its own address");
        assert!(world.ping("glaptop", OUTSIDE), "declared: {declared}");
        assert_eq!(received(&world, "rphone", VICTIM), 0);
    }
}

#[test]
fn i05_a_registered_address_is_not_for_others_even_before_its_owner_spoke() {
    let mut world = open();
    let server = world.ip("http-server");
    for _ in 0..3 {
        inject(&mut world, "rphone", Arp::request(THIEF, server, server).to_frame());
        let forged = datagram((THIEF, server), (VICTIM, world.ip("glaptop")));
        inject(&mut world, "rphone", forged);
        world.run(Duration::from_millis(500));
    }
    assert_eq!(owner(&world, server), Some(SERVER));
    assert!(alarms(&mut world, |why| *why == Suspicion::AddressOf(SERVER)) > 0);
    assert!(world.tcp("glaptop", server, 80));
    assert_eq!(received(&world, "rphone", VICTIM), 0);
}

#[test]
fn i05_arp_that_names_another_than_its_sender() {
    let mut world = open();
    let (server, victim) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 80));
    let mut forged = Arp::request(THIEF, victim, victim).to_frame();
    forged[22..28].copy_from_slice(&VICTIM.0);
    inject(&mut world, "rphone", forged);
    world.run(Duration::from_millis(200));
    assert_eq!((place(&world, VICTIM), owner(&world, victim)), (Some(at(0x1, 3)), Some(VICTIM)));
    assert_eq!(alarms(&mut world, |why| *why == Suspicion::AddressOf(VICTIM)), 1);
}

#[test]
fn i06_a_packet_with_anothers_source_address_is_dropped() {
    let mut world = open();
    let (server, victim) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 80) && world.tcp("rphone", server, 80));
    world.take_events();
    let from = world.node("http-server");
    let before = world.network.host(from).unwrap().received_from(victim);
    inject(&mut world, "rphone", datagram((THIEF, victim), (SERVER, server)));
    world.run(Duration::from_millis(500));
    assert_eq!(world.network.host(from).unwrap().received_from(victim), before);
    assert_eq!(owner(&world, victim), Some(VICTIM));
    assert_eq!(alarms(&mut world, |why| *why == Suspicion::AddressOf(VICTIM)), 1);
}

#[test]
fn i06_addresses_that_nobody_can_have_are_not_claimed() {
    let mut world = open();
    let server = world.ip("http-server");
    assert!(world.tcp("rphone", server, 80));
    for address in [[255, 255, 255, 255], [224, 0, 0, 1], [127, 0, 0, 1], [0, 0, 0, 0]].map(Ipv4Addr::from) {
        inject(&mut world, "rphone", datagram((THIEF, address), (SERVER, server)));
        inject(&mut world, "rphone", Arp::request(THIEF, address, server).to_frame());
        world.run(Duration::from_millis(200));
        assert_eq!(owner(&world, address), None);
    }
}

#[test]
fn r07_a_flood_of_mac_addresses_is_bounded_at_the_port_and_over_time() {
    let mut world = open();
    let server = world.ip("http-server");
    assert!(world.tcp("glaptop", server, 80));
    for flap in 0..25_u8 {
        for host in 0..=255_u8 {
            for more in 0..2 {
                let mac = MacAddr([6, 0, 0, more, flap, host]);
                let frame = Arp::request(mac, Ipv4Addr::new(10, 100 + more, flap, host), ROUTER).to_frame();
                inject(&mut world, "rphone", frame);
            }
        }
        world.run(Duration::from_millis(50));
        let view = world.controller.as_ref().unwrap().view();
        assert!(view.at(at(0x1, 6)).count() <= 256);
        assert!(view.stations().count() <= 4096 + 256 + 16, "{}", view.stations().count());
        world.network.cable_down(at(0x1, 6));
        world.network.cable_up(at(0x1, 6));
        world.run(Duration::from_millis(50));
    }
    assert!(world.tcp("glaptop", server, 81), "others hear nothing of it");
}

#[test]
fn i10_the_controllers_and_the_gateways_mac_address_are_not_for_hosts() {
    let mut world = open();
    assert!(world.ping("glaptop", OUTSIDE));
    world.take_events();
    for mac in [runtime::Settings::default().mac, GATEWAY] {
        inject(&mut world, "rphone", Arp::request(mac, PHANTOM_IP, ROUTER).to_frame());
        let forged = datagram((mac, PHANTOM_IP), (VICTIM, world.ip("glaptop")));
        inject(&mut world, "rphone", forged);
        world.run(Duration::from_secs(2));
        assert_eq!((place(&world, mac), owner(&world, PHANTOM_IP)), (None, None));
        assert!(alarms(&mut world, |why| *why == Suspicion::Reserved) > 0, "{mac}");
    }
    assert!(world.ping("glaptop", OUTSIDE));
}

#[test]
fn i10_who_took_the_gateways_mac_address_before_it_spoke_loses_it() {
    let mut world = open();
    inject(&mut world, "rphone", Arp::request(GATEWAY, PHANTOM_IP, ROUTER).to_frame());
    world.run(Duration::from_secs(2));
    assert!(world.ping("glaptop", OUTSIDE), "the port is declared: whoever is there is the gateway");
    assert_eq!(place(&world, GATEWAY), None);
}

#[test]
fn i11_odd_sources_and_types() {
    for (text, passes) in [("default deny;", false), ("default allow;", true)] {
        let mut world = World::campus(rules(text), V13);
        for name in ["rphone", "glaptop"] {
            let (mac, ip) = (world.host(name).mac(), world.ip(name));
            inject(&mut world, name, Arp::request(mac, ip, ROUTER).to_frame());
        }
        world.run(Duration::from_millis(100));
        for source in [MacAddr::ZERO, MacAddr([1, 0, 0x5e, 0, 0, 1]), MacAddr([0xff; 6])] {
            inject(&mut world, "rphone", Arp::request(source, PHANTOM_IP, ROUTER).to_frame());
            let forged = datagram((source, PHANTOM_IP), (VICTIM, world.ip("glaptop")));
            inject(&mut world, "rphone", forged);
            world.run(Duration::from_millis(100));
            assert!(world.controller.as_ref().unwrap().view().station(source).is_none());
        }
        assert_eq!(owner(&world, PHANTOM_IP), None);
        world.network.forget_delivered();
        for kind in [0x8870, 46, 0x05ff, 0x0600] {
            inject(&mut world, "rphone", build::ethernet(VICTIM, THIEF, EtherType(kind), &[7; 46]));
            world.run(Duration::from_millis(300));
        }
        assert_eq!(received(&world, "glaptop", THIEF) > 0, passes, "by the default rule");
        assert!(world.network.switches().all(emulator::Switch::is_connected));
    }
}

fn probe(world: &World, from: Location, nonce: u64, age: Duration, key: u8) -> Vec<u8> {
    let sent = net::Time(world.network.now().0 - u64::try_from(age.as_micros()).unwrap());
    let probe = Probe { dpid: from.dpid, port: from.port, nonce, sent };
    probe.build(&ProbeKey([key; 32]), runtime::Settings::default().mac)
}

fn key() -> u8 {
    EPOCH.to_le_bytes()[0]
}

fn refused(world: &mut World) -> Vec<(Location, &'static str)> {
    let why = |event: Event| match event {
        Event::ProbeRefused { at, why } => Some((at, why)),
        _ => None,
    };
    world.take_events().into_iter().filter_map(why).collect()
}

/// A world whose host at edge1:6 has just sent this, and what was refused of it.
fn after(frame: impl Fn(&World) -> Vec<u8>) -> (World, Vec<(Location, &'static str)>) {
    let mut world = open();
    let server = world.ip("http-server");
    assert!(world.tcp("rphone", server, 80));
    world.take_events();
    let frame = frame(&world);
    inject(&mut world, "rphone", frame);
    world.run(Duration::from_millis(200));
    let refused = refused(&mut world);
    assert_eq!(world.controller.as_ref().unwrap().status().links, 5, "no link more, none less");
    assert_eq!(place(&world, THIEF), Some(at(0x1, 6)));
    assert!(world.tcp("rphone", server, 81), "its traffic goes on");
    (world, refused)
}

#[test]
fn t01_a_forged_probe_makes_no_link() {
    let (_, why) = after(|world| probe(world, at(0x10, 1), EPOCH, Duration::ZERO, 0x99));
    assert_eq!(why, [(at(0x1, 6), "forged, or of another run")]);
}

#[test]
fn t02_and_t08_a_genuine_probe_at_a_host_port_makes_no_link_and_no_internal_port() {
    let (_, why) = after(|world| probe(world, at(0x1, 5), EPOCH, Duration::ZERO, key()));
    assert_eq!(why, [(at(0x1, 6), "came in on a port that is not an uplink")]);
    let (_, why) = after(|world| probe(world, at(0x2, 25), EPOCH, Duration::ZERO, key()));
    assert_eq!(why.len(), 1);
}

#[test]
fn t02_probes_are_not_sent_to_host_ports() {
    let mut world = open();
    world.run(Duration::from_secs(10));
    let lldp = |frame: &[u8]| frame[12..14] == EtherType::LLDP.0.to_be_bytes();
    assert!(!world.network.delivered().any(|one| lldp(&one.frame)), "so no host has one to relay");
}

#[test]
fn t04_old_probes_and_those_of_another_run_are_refused() {
    for (nonce, age) in [(EPOCH, Duration::from_secs(4)), (EPOCH, Duration::from_secs(86_400)), (EPOCH - 1, Duration::ZERO)] {
        let (_, why) = after(|world| probe(world, at(0x10, 1), nonce, age, key()));
        assert_eq!(why, [(at(0x1, 6), "replayed")]);
    }
}

#[test]
fn t05_malformed_units_cost_nothing_but_their_frame() {
    let whole = |world: &World| probe(world, at(0x10, 1), EPOCH, Duration::ZERO, key());
    let mut world = open();
    let frame = whole(&world);
    for length in 12..frame.len() {
        inject(&mut world, "rphone", frame[..length].to_vec());
        let mut overrun = frame.clone();
        overrun[length] ^= 0xff;
        inject(&mut world, "rphone", overrun);
        world.run(Duration::from_millis(10));
    }
    assert!(world.network.switches().all(emulator::Switch::is_connected));
    assert_eq!(world.controller.as_ref().unwrap().status().links, 5);
    let server = world.ip("http-server");
    assert!(world.tcp("rphone", server, 80));
    let (_, why) = after(|_| build::ethernet(MacAddr([1, 0x80, 0xc2, 0, 0, 0x0e]), THIEF, EtherType::LLDP, &[2, 7, 4]));
    assert_eq!(why, [(at(0x1, 6), "malformed")]);
}

#[test]
fn t06_a_flood_of_probes_is_told_once_a_second() {
    let mut world = open();
    let frame = probe(&world, at(0x10, 1), EPOCH, Duration::ZERO, 0x99);
    for _ in 0..20 {
        for _ in 0..100 {
            inject(&mut world, "rphone", frame.clone());
        }
        world.run(Duration::from_millis(100));
    }
    let told = refused(&mut world).len();
    assert!((1..=3).contains(&told), "{told}");
    assert_eq!(world.controller.as_ref().unwrap().status().links, 5);
}
