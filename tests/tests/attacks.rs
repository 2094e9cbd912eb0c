//! Attacks on the runtime that once got through, and must not again.
use std::net::Ipv4Addr;
use std::time::Duration;

use net::{Dpid, EtherType, MacAddr};
use packet::Arp;
use packet::build::{IpEnds, ethernet, tcp, udp};
use packet::tcp::Segment;
use packet::udp::Datagram;
use runtime::Event;
use tests::{World, at, inventory, policy, rules};

const V13: &[u8] = &[1, 4];
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

fn mac(last: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, last])
}
fn location(world: &World, who: MacAddr) -> Option<net::Location> {
    world.controller.as_ref()?.view().station(who)?.location
}

#[test]
fn i01_a_station_that_cannot_be_asked_is_not_moved() {
    let mut world = World::campus(rules("default allow;"), V13);
    let (victim, thief) = (world.node("glaptop"), world.node("gphone"));
    let frame = ethernet(mac(0x12), mac(0x13), EtherType(0x88b5), &[0; 46]);
    world.network.inject(victim, frame.clone().into());
    world.run(Duration::from_millis(100));
    assert_eq!(location(&world, mac(0x13)), Some(at(1, 3)));
    world.network.inject(thief, frame.into());
    world.run(Duration::from_secs(2));
    assert_eq!(location(&world, mac(0x13)), Some(at(1, 3)), "HIJACKED");
}

#[test]
fn i01_a_station_whose_switch_is_away_is_not_moved() {
    let mut world = World::campus(rules("default allow;"), V13);
    assert!(world.tcp("glaptop", world.ip("http-server"), 80));
    assert!(world.tcp("roo", world.ip("http-server"), 80));
    world.disconnect(Dpid(0x2));
    let thief = world.node("gphone");
    let frame = ethernet(mac(0x21), mac(0x12), EtherType(0x88b5), &[0; 46]);
    world.network.inject(thief, frame.into());
    world.run(Duration::from_secs(2));
    assert_eq!(location(&world, mac(0x12)), Some(at(2, 2)), "HIJACKED");
}

#[test]
fn i05_nobody_inside_takes_an_address_of_the_internet() {
    let mut world = World::campus(rules("default allow;"), V13);
    assert!(world.tcp("griffin", OUTSIDE, 80));
    let thief = world.node("gphone");
    world.network.inject(thief, Arp::request(mac(0x15), OUTSIDE, OUTSIDE).to_frame().into());
    world.run(Duration::from_millis(100));
    assert!(world.tcp("griffin", OUTSIDE, 81), "CUT");
}

#[test]
fn i05_an_address_in_use_is_not_taken() {
    let mut world = World::campus(rules("default allow;"), V13);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    let now = world.network.now();
    let id = world.host("glaptop").open_tcp_kept(server, 80, now);
    assert!(world.settle("glaptop", id));
    for _ in 0..14 {
        world.run(Duration::from_secs(21));
        let now = world.network.now();
        world.host("glaptop").say(id, now);
    }
    world.run(Duration::from_secs(7));
    assert_eq!(world.controller.as_ref().unwrap().conversations(), 1, "the conversation lives");
    let thief = world.node("gphone");
    world.network.inject(thief, Arp::request(mac(0x15), laptop, laptop).to_frame().into());
    world.run(Duration::from_millis(200));
    let owner = world.controller.as_ref().unwrap().view().owner(laptop.into());
    let revoked = world.take_events().iter().any(|e| matches!(e, Event::Revoked { .. }));
    assert_eq!((owner, revoked), (Some(mac(0x13)), false), "STOLEN");
}

#[test]
fn a_denial_does_not_take_the_reply_along() {
    let mut world = World::campus(rules("deny from http-server to glaptop;\ndefault allow;"), V13);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 22));
    let ends = IpEnds { src_mac: mac(0x21), dst_mac: mac(0x13), src_ip: server, dst_ip: laptop };
    let (s, l) = (world.node("http-server"), world.node("glaptop"));
    let down = packet::build::ipv4(&ends, net::IpProto(47), b"xxxxxxxxxxxx").unwrap();
    let up = packet::build::ipv4(&ends.swapped(), net::IpProto(47), b"xxxxxxxxxxxx").unwrap();
    world.network.inject(s, down.clone().into());
    world.run(Duration::from_millis(300));
    world.network.inject(l, up.clone().into());
    world.run(Duration::from_millis(300));
    let got = |w: &World| w.network.host(w.node("glaptop")).unwrap().received().ip;
    let before = got(&world);
    world.network.inject(s, down.clone().into());
    world.run(Duration::from_millis(100));
    assert_eq!(got(&world), before + 1, "the answer passes at first");
    world.run(Duration::from_secs(12));
    world.disconnect(Dpid(0x10));
    world.run(Duration::from_secs(1));
    world.connect(Dpid(0x10));
    world.run(Duration::from_secs(1));
    world.network.inject(l, up.into());
    world.run(Duration::from_millis(100));
    let before = got(&world);
    world.network.inject(s, down.into());
    world.run(Duration::from_millis(300));
    assert_eq!(got(&world), before + 1, "CUT: the reply entry was forgotten with the denial");
}

#[test]
fn a_box_whose_port_moves_is_gone_round_by_nobody() {
    let text = "allow from griffin to roo via http-proxy;\ndefault allow;";
    let mut world = World::campus(rules(text), V13);
    let roo = world.ip("roo");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(roo, 22, now);
    assert!(world.settle("griffin", id));
    world.take_events();
    let inv = inventory().replace("out core:41", "out core:44");
    assert!(inv.contains("core:44"));
    world.apply(policy(&[("test.pol", format!("include \"inventory.pol\";\n{text}")), ("inventory.pol", inv)]));
    world.run(Duration::from_secs(1));
    let on_41: Vec<_> = world
        .controller
        .as_ref()
        .unwrap()
        .wanted()
        .into_iter()
        .filter(|(d, s, _)| d.0 == 0x10 && s.region.in_port.is_some_and(|p| p.0 == 41))
        .collect();
    assert!(on_41.is_empty(), "entries still take packets in at the old port: {}", on_41.len());
}

#[test]
fn a_port_that_is_closed_takes_its_host_along() {
    let text = "default allow;";
    let mut world = World::campus(rules(text), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    let inv = inventory()
        .replace("switch core { dpid 0x10; uplink 1-8; access 9-48; }", "switch core { dpid 0x10; uplink 1-8; access 10-48; }");
    assert!(inv.contains("access 10-48"));
    world.apply(policy(&[("test.pol", format!("include \"inventory.pol\";\n{text}")), ("inventory.pol", inv)]));
    world.run(Duration::from_secs(1));
    assert!(!world.tcp("griffin", server, 81), "REACHES a host at a closed port");
}

#[test]
fn what_was_denied_during_a_restart_does_not_go_on_reversed() {
    let mut world = World::campus(rules("default allow;"), V13);
    let roo = world.ip("roo");
    let griffin = world.ip("griffin");
    let l = world.node("griffin");
    let s = world.node("roo");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(roo, 22, now);
    assert!(world.settle("griffin", id));
    let port = world.controller.as_ref().unwrap().standing().into_iter().find_map(|c| c.key.tp_src()).unwrap();
    let ends = IpEnds { src_mac: mac(0x12), dst_mac: mac(0x11), src_ip: roo, dst_ip: griffin };
    let data = tcp(&ends, &Segment { src: 22, dst: port, seq: 1, ack: 1, flags: 0x18, data: b"more" }).unwrap();
    world.apply_while_dead(rules("deny from griffin to roo;\ndefault allow;"));
    world.run(Duration::from_secs(12));
    world.take_events();
    // both are known to the new run
    world.network.inject(l, Arp::request(mac(0x11), griffin, griffin).to_frame().into());
    world.network.inject(s, Arp::request(mac(0x12), roo, roo).to_frame().into());
    world.run(Duration::from_millis(200));
    world.network.inject(s, data.into());
    world.run(Duration::from_millis(300));
    let before = world.network.host(s).unwrap().received().ip;
    let back = tcp(&ends.swapped(), &Segment { src: port, dst: 22, seq: 5, ack: 5, flags: 0x18, data: b"secret" }).unwrap();
    world.network.inject(l, back.into());
    world.run(Duration::from_millis(300));
    let after = world.network.host(s).unwrap().received().ip;
    assert_eq!(after, before, "PASSED griffin -> roo, which is denied");
}

#[test]
fn a_second_card_of_a_host_may_use_its_address() {
    let inv = inventory() + "host twin { mac 02:00:00:00:00:31, 02:00:00:00:00:15x; ip 10.0.9.31; }\n";
    let inv = inv.replace(
        "host gphone { mac 02:00:00:00:00:15; }",
        "host gphone { mac 02:00:00:00:00:31, 02:00:00:00:00:15; ip 10.0.1.15; }",
    );
    let inv = inv.lines().filter(|l| !l.starts_with("host twin")).collect::<Vec<_>>().join("\n");
    let mut world = World::campus(
        policy(&[("test.pol", "include \"inventory.pol\";\ndefault allow;".to_owned()), ("inventory.pol", inv)]),
        V13,
    );
    let server = world.ip("http-server");
    assert!(
        world.tcp("gphone", server, 80),
        "CUT: {:?}",
        world.take_events().into_iter().filter(|e| matches!(e, Event::Spoofed { .. })).collect::<Vec<_>>()
    );
}

#[test]
fn r07_a_scan_is_not_multiplied() {
    let mut world = World::campus(rules("default allow;"), V13);
    let thief = world.node("gphone");
    let me = world.ip("gphone");
    world.network.forget_delivered();
    for n in 0..200_u8 {
        world.network.inject(thief, Arp::request(mac(0x15), me, Ipv4Addr::new(10, 77, 0, n)).to_frame().into());
    }
    world.run(Duration::from_millis(500));
    let heard = world.network.delivered().count();
    assert!(heard < 1000, "{heard} frames for 200");
}

#[test]
fn a_broadcast_frame_around_a_packet_to_one_address_reaches_nobody() {
    let mut world = World::campus(rules("deny from gphone to glaptop;\ndefault allow;"), V13);
    let (laptop, me) = (world.ip("glaptop"), world.ip("gphone"));
    let thief = world.node("gphone");
    let ends = IpEnds { src_mac: mac(0x15), dst_mac: MacAddr([0xff; 6]), src_ip: me, dst_ip: laptop };
    world.network.forget_delivered();
    world.network.inject(thief, udp(&ends, &Datagram { src: 5, dst: 5, data: b"x" }).unwrap().into());
    world.run(Duration::from_millis(200));
    let l = world.node("glaptop");
    let n = world.network.delivered().filter(|d| d.node == l).count();
    assert_eq!(n, 0, "the laptop got it");
}

#[test]
fn a_rest_is_not_remembered_for_ever() {
    let mut world = World::campus(rules("default allow;"), V13);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 22));
    let ends = IpEnds { src_mac: mac(0x21), dst_mac: mac(0x13), src_ip: server, dst_ip: laptop };
    let (s, l) = (world.node("http-server"), world.node("glaptop"));
    let down = packet::build::ipv4(&ends, net::IpProto(47), b"xxxxxxxxxxxx").unwrap();
    let up = packet::build::ipv4(&ends.swapped(), net::IpProto(47), b"xxxxxxxxxxxx").unwrap();
    world.network.inject(l, up.into());
    world.run(Duration::from_millis(300));
    world.apply(rules("deny from glaptop to http-server;\ndefault allow;"));
    let got = |w: &World| w.network.host(w.node("glaptop")).unwrap().received().ip;
    let before = got(&world);
    for _ in 0..90 {
        world.network.inject(s, down.clone().into());
        world.run(Duration::from_secs(10));
    }
    assert!(got(&world) > before, "CUT: http-server to glaptop is allowed, and 15 minutes later it is not");
}

#[test]
fn an_address_that_nobody_owns_opens_nothing() {
    let mut world = World::campus(rules("network lab = 10.4.0.0/16;\nallow from gphone to lab;\ndefault deny;"), V13);
    let (roo, me) = (world.ip("roo"), world.ip("gphone"));
    let (s, l) = (world.node("roo"), world.node("gphone"));
    world.network.inject(s, Arp::request(mac(0x12), roo, roo).to_frame().into());
    world.network.inject(l, Arp::request(mac(0x15), me, me).to_frame().into());
    world.run(Duration::from_millis(100));
    let ends = IpEnds { src_mac: mac(0x15), dst_mac: mac(0x12), src_ip: me, dst_ip: Ipv4Addr::new(10, 4, 0, 77) };
    world.network.forget_delivered();
    world.network.inject(l, udp(&ends, &Datagram { src: 5, dst: 5, data: b"x" }).unwrap().into());
    world.run(Duration::from_millis(200));
    let there = world.network.delivered().filter(|d| d.node == s && d.frame[12] == 8 && d.frame[13] == 0).count();
    let back = udp(&ends.swapped(), &Datagram { src: 5, dst: 5, data: b"y" }).unwrap();
    world.network.inject(s, back.into());
    world.run(Duration::from_millis(200));
    let here = world.network.delivered().filter(|d| d.node == l && d.frame[12] == 8 && d.frame[13] == 0).count();
    assert_eq!((there, here), (0, 0), "gphone and roo talk although nothing allows it");
}

#[test]
fn t07_bridge_protocols_stay_on_their_link() {
    let mut world = World::campus(rules("default allow;"), V13);
    let l = world.node("gphone");
    world.network.forget_delivered();
    let bpdu = ethernet(MacAddr([1, 0x80, 0xc2, 0, 0, 0]), mac(0x15), EtherType(0x0027), &[0x42; 46]);
    let eapol = ethernet(MacAddr([1, 0x80, 0xc2, 0, 0, 3]), mac(0x15), EtherType::EAPOL, &[1; 46]);
    world.network.inject(l, bpdu.into());
    world.network.inject(l, eapol.into());
    world.run(Duration::from_millis(200));
    let n = world.network.delivered().filter(|d| d.frame[..3] == [1, 0x80, 0xc2] && d.frame[12..14] != [0x88, 0xcc]).count();
    assert_eq!(n, 0);
}

#[test]
fn icmp_errors_about_an_allowed_conversation_pass() {
    let mut world = World::campus(rules("outbound-only from glaptop;\ndefault allow;"), V13);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 80));
    let port = world.controller.as_ref().unwrap().standing().into_iter().find_map(|c| c.key.tp_src()).unwrap();
    let (s, l) = (world.node("http-server"), world.node("glaptop"));
    let up = IpEnds { src_mac: mac(0x13), dst_mac: mac(0x21), src_ip: laptop, dst_ip: server };
    let quoted = tcp(&up, &Segment { src: port, dst: 80, seq: 1, ack: 1, flags: 0x10, data: b"" }).unwrap();
    let mut body = vec![3, 4, 0, 0, 0, 0, 5, 0];
    body.extend_from_slice(&quoted[14..42]);
    let error = packet::build::ipv4(&up.swapped(), net::IpProto::ICMP, &body).unwrap();
    let before = world.network.host(l).unwrap().received().ip;
    world.network.inject(s, error.into());
    world.run(Duration::from_millis(200));
    assert_eq!(world.network.host(l).unwrap().received().ip, before + 1, "CUT: fragmentation needed");
}

/// The old policy's numbers of hosts mean others in the new one: what is told must be told in the old one's words.
#[test]
fn what_a_closed_port_takes_along_is_told_in_the_words_that_allowed_it() {
    let mut world = World::campus(rules("allow from griffin to http-server;\ndefault deny;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    world.take_events();
    let shut = inventory().replace("access 9-48; }", "access 10-48; }");
    let texts = [
        ("test.pol", "include \"more.pol\";\ninclude \"inventory.pol\";\ndefault deny;\n".to_owned()),
        ("more.pol", "host newcomer { mac 02:00:00:00:00:77; }\nhost another { mac 02:00:00:00:00:78; }\n".to_owned()),
        ("inventory.pol", shut),
    ];
    world.apply(policy(&texts));
    let told: Vec<(String, String)> = world
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Revoked { flow, allowed_by, .. } => Some((flow.to_string(), allowed_by.to_string())),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.contains("griffin") && told[0].0.contains("http-server"), "{told:?}");
    assert_eq!(told[0].1, "test.pol:2");
}
