//! What a rule binds an allowed conversation to, over the emulated campus: VLANs, queues, copies, one-way boxes, refusals.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use emulator::host::Outcome;
use emulator::middlebox::Side;
use emulator::switch::Action as Does;
use net::Dpid;
use openflow::v13;
use runtime::Event;
use tests::{World, at, rules};

const V10: &[u8] = &[1];
const V13: &[u8] = &[1, 4];
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// Frames that a box has seen on one side.
fn seen(world: &World, name: &str, side: Side) -> u64 {
    let id = world.node(name);
    world.network.middlebox(id).unwrap().seen(side).frames
}

/// What the entries of conversations at a switch do, one line each.
fn entries(world: &World, dpid: u64) -> Vec<String> {
    let switch = world.network.switch(Dpid(dpid)).unwrap();
    let conversations = switch.flows().filter(|flow| flow.priority == runtime::install::FLOW_PRIORITY);
    let mut all: Vec<String> = conversations
        .map(|flow| {
            let actions: Vec<String> = flow.instructions.actions().map(word).collect();
            format!("{:?} {}", flow.matching.unwrap().vlan, actions.join(" "))
        })
        .collect();
    all.sort();
    all
}

fn word(action: &Does) -> String {
    format!("{action:?}")
}

#[test]
fn a_conversation_is_carried_in_its_vlan_and_delivered_as_it_was_sent() {
    for versions in [V10, V13] {
        let mut world = World::campus(rules("allow from griffin to http-server for http vlan 30;\ndefault deny;"), versions);
        let server = world.ip("http-server");
        assert!(world.tcp("griffin", server, 80), "hosts know nothing of VLANs, and the answers come through");
        let (edge, core) = (entries(&world, 0x1).join("\n"), entries(&world, 0x10).join("\n"));
        assert!(edge.contains("Untagged") && edge.contains("Id(30)"), "{edge}");
        assert!(core.contains("Untagged") && core.contains("Id(30)"), "{core}");
        assert!(world.take_events().iter().all(|event| !matches!(event, Event::SwitchError { .. })));
    }
}

#[test]
fn a_vlan_is_seen_by_the_boxes_on_the_way() {
    let mut world = World::campus(rules("allow from griffin to http-server via ids, http-proxy vlan 30;\ndefault deny;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    for name in ["ids", "http-proxy"] {
        let id = world.node(name);
        let keys = &world.network.middlebox(id).unwrap().seen(Side::In).last;
        assert!(!keys.is_empty(), "{name}");
        for key in keys {
            let vlan = key.vlan.and_then(|tag| tag.id).map(net::VlanId::get);
            assert_eq!(vlan, Some(30), "{name}");
        }
    }
}

#[test]
fn copies_of_both_directions_come_to_the_box_and_the_conversation_goes_on() {
    for versions in [V10, V13] {
        for (from, to) in [("griffin", "http-server"), ("griffin", "roo"), ("rphone", "nfs-server")] {
            let text = format!("allow from {from} to {to} mirror ids;\ndefault deny;");
            let mut world = World::campus(rules(&text), versions);
            let there = world.ip(to);
            assert!(world.tcp(from, there, 80), "{from} to {to}");
            let copies: Vec<net::FlowKey> = {
                let id = world.node("ids");
                let seen = world.network.middlebox(id).unwrap().seen(Side::In);
                seen.last.iter().copied().collect()
            };
            let here = world.ip(from);
            for source in [here, there] {
                let from_source = |key: &&net::FlowKey| key.ip.is_some_and(|ip| ip.src == source);
                assert!(copies.iter().filter(from_source).count() >= 2, "{from} to {to}: {copies:?}");
            }
            assert!(world.network.faults().loops == 0, "{from} to {to}");
        }
    }
}

#[test]
fn nothing_is_copied_of_what_no_rule_says_so_of() {
    let mut world = World::campus(rules("allow from griffin to http-server for http mirror ids;\ndefault allow;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    let copies = seen(&world, "ids", Side::In);
    assert!(copies > 0);
    assert!(world.tcp("roo", server, 80) && world.tcp("griffin", server, 443));
    assert_eq!(seen(&world, "ids", Side::In), copies);
}

#[test]
fn where_copies_cannot_come_there_is_no_flow() {
    let mut world = World::campus(rules("allow from griffin to http-server mirror ids;\ndefault deny;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    world.network.cable_down(at(0x10, 42));
    assert!(!world.tcp("griffin", server, 80));
    let events = world.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::Unroutable { .. })), "{events:?}");
    world.network.cable_up(at(0x10, 42));
    assert!(world.tcp("griffin", server, 81));
}

#[test]
fn one_way_spares_the_box_the_answers() {
    for versions in [V10, V13] {
        let mut world = World::campus(rules("allow from rphone to internet via http-proxy one-way;\ndefault deny;"), versions);
        assert!(world.tcp("rphone", OUTSIDE, 80));
        assert!(seen(&world, "http-proxy", Side::In) > 0);
        assert_eq!(seen(&world, "http-proxy", Side::Out), 0);
    }
}

#[test]
fn packets_wait_in_their_queue_at_every_port() {
    for versions in [V10, V13] {
        let mut world = World::campus(rules("allow from griffin to http-server queue 2;\ndefault deny;"), versions);
        let server = world.ip("http-server");
        assert!(world.tcp("griffin", server, 80));
        for dpid in [0x1, 0x10] {
            let all = entries(&world, dpid);
            assert!(!all.is_empty() && all.iter().all(|entry| entry.contains("Queue(Some(2))")), "{all:?}");
        }
    }
}

#[test]
fn whoever_is_rejected_hears_of_it_at_once_and_whoever_is_denied_does_not() {
    for versions in [V10, V13] {
        let mut world =
            World::campus(rules("reject from griffin for tcp/22;\ndeny from griffin for tcp/23;\ndefault allow;"), versions);
        let server = world.ip("http-server");
        let now = world.network.now();
        let refused = world.host("griffin").open_tcp(server, 22, now);
        let dropped = world.host("griffin").open_tcp(server, 23, now);
        world.run(Duration::from_millis(300));
        assert!(matches!(world.host("griffin").outcome(refused), Outcome::Refused { .. }));
        assert!(matches!(world.host("griffin").outcome(dropped), Outcome::Pending));
        // Once more, from another port: told again, however soon.
        let now = world.network.now();
        let again = world.host("griffin").open_tcp(server, 22, now);
        world.run(Duration::from_millis(300));
        assert!(matches!(world.host("griffin").outcome(again), Outcome::Refused { .. }));
        assert!(world.tcp("griffin", server, 80));
    }
}

#[test]
fn a_flood_of_what_is_rejected_is_told_no_more_often_than_the_limit_says() {
    let mut world = World::campus(rules("reject from griffin for tcp/22;\ndefault allow;"), V13);
    let server = world.ip("http-server");
    let now = world.network.now();
    let all: Vec<_> = (0..200).map(|_| world.host("griffin").open_tcp(server, 22, now)).collect();
    world.run(Duration::from_millis(500));
    let told = all.iter().filter(|id| matches!(world.host("griffin").outcome(**id), Outcome::Refused { .. })).count();
    assert!((1..=50).contains(&told), "{told}");
    assert!(
        world.take_events().iter().any(|event| matches!(event, Event::Limited { what: runtime::event::Limit::Refusals, .. }))
    );
}

#[test]
fn what_a_conversation_is_bound_to_changes_with_the_policy_and_it_goes_on() {
    let mut world = World::campus(rules("allow from griffin to http-server;\ndefault deny;"), V13);
    let server = world.ip("http-server");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(server, 80, now);
    world.run(Duration::from_secs(1));
    for bound in ["vlan 30", "mirror ids", "queue 3", "via http-proxy", "via http-proxy one-way", ""] {
        let before = world.host("griffin").conversation(id).unwrap().answers;
        world.apply(rules(&format!("allow from griffin to http-server {bound};\ndefault deny;")));
        for _ in 0..20 {
            let now = world.network.now();
            world.host("griffin").say(id, now);
            world.run(Duration::from_millis(50));
        }
        let more = world.host("griffin").conversation(id).unwrap().answers - before;
        assert!(more >= 20, "{bound}: {more}");
    }
    world.run(Duration::from_secs(1));
    let entries = entries(&world, 0x1);
    assert_eq!(entries.len(), 2, "nothing is left of what it was bound to: {entries:?}");
}

/// The core that the entries at edge1 lead to, by the uplinks they use.
fn uplinks(world: &World) -> Vec<u32> {
    let all = entries(world, 0x1);
    [25, 26].into_iter().filter(|port| all.iter().any(|entry| entry.contains(&format!("to: Port({port})")))).collect()
}

#[test]
fn a_conversation_keeps_off_switches_and_cables_and_has_no_way_where_that_leaves_none() {
    for (avoid, way) in [("core", vec![26]), ("core2", vec![25]), ("edge1:25", vec![26]), ("core2:1", vec![25])] {
        let text = format!("allow from griffin to roo avoid {avoid};\ndefault deny;");
        let mut world = World::campus(rules(&text), V13);
        let roo = world.ip("roo");
        let reached = world.tcp("griffin", roo, 80);
        let apart = world.network.location(world.node("roo")).unwrap().dpid != Dpid(0x1);
        assert!(reached, "{avoid}");
        assert!(!apart || uplinks(&world) == way, "{avoid}: {:?}", uplinks(&world));
    }
    let mut world = World::campus(rules("allow from griffin to http-server avoid core;\ndefault deny;"), V13);
    let server = world.ip("http-server");
    assert!(!world.tcp("griffin", server, 80), "the server is attached to it");
    assert!(world.take_events().iter().any(|event| matches!(event, Event::Unroutable { .. })));
}

#[test]
fn a_packet_that_lost_its_entry_on_the_way_is_known_in_its_vlan() {
    let mut world = World::campus(rules("allow from griffin to http-server vlan 30;\ndefault deny;"), V13);
    let server = world.ip("http-server");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(server, 80, now);
    world.run(Duration::from_secs(1));
    // Somebody clears the switch of the server.
    let clear = v13::FlowMod { command: v13::FlowModCommand::DELETE, ..v13::FlowMod::add(v13::OFPTT_ALL, v13::Match::ANY, 0) };
    let mut bytes = bytes::BytesMut::new();
    v13::Message::FlowMod(clear).encode(7, &mut bytes).unwrap();
    let now = world.network.now();
    world.network.from_controller(Dpid(0x10), &bytes, now);
    let before = world.host("griffin").conversation(id).unwrap().answers;
    for _ in 0..20 {
        let now = world.network.now();
        world.host("griffin").say(id, now);
        world.run(Duration::from_millis(50));
    }
    assert!(world.host("griffin").conversation(id).unwrap().answers > before + 15, "its next packet brings the entries back");
}

/// How many answers come to one that sends 200 small segments in a second.
fn answers_in_a_second(world: &mut World, from: &str, server: Ipv4Addr) -> u64 {
    let now = world.network.now();
    let id = world.host(from).open_tcp_kept(server, 80, now);
    assert!(world.settle(from, id), "{from} is let through");
    let before = world.host(from).conversation(id).unwrap().answers;
    for _ in 0..200 {
        let now = world.network.now();
        world.host(from).say(id, now);
        world.run(Duration::from_millis(5));
    }
    world.host(from).conversation(id).unwrap().answers - before
}

#[test]
fn what_is_limited_has_no_more_than_its_rate_and_gives_its_meter_back() {
    let text = "allow from griffin to http-server limit 16kbps;\nallow from roo to http-server;\ndefault deny;";
    let mut world = World::campus(rules(text), V13);
    let server = world.ip("http-server");
    let limited = answers_in_a_second(&mut world, "griffin", server);
    let free = answers_in_a_second(&mut world, "roo", server);
    // 16 kbit/s are 2,000 bytes a second, and as many at once at the beginning: of segments of 60 bytes both ways.
    assert!((5..=60).contains(&limited), "{limited}");
    assert!(free > 190, "{free}");
    let meters = |world: &World| world.network.switch(Dpid(0x1)).unwrap().meters().count();
    assert_eq!(meters(&world), 1);
    // Another rate for what goes on; then none.
    world.apply(rules(&text.replace("16kbps", "1gbps")));
    world.run(Duration::from_secs(1));
    assert!(answers_in_a_second(&mut world, "griffin", server) > 190);
    world.apply(rules("allow from griffin to http-server;\nallow from roo to http-server;\ndefault deny;"));
    world.run(Duration::from_secs(1));
    assert_eq!(meters(&world), 0);
    assert!(world.take_events().iter().all(|event| !matches!(event, Event::SwitchError { .. })));
}

#[test]
fn where_nothing_counts_what_is_limited_does_not_pass() {
    let mut world = World::campus(rules("allow from griffin to http-server limit 1gbps;\ndefault deny;"), V10);
    let server = world.ip("http-server");
    assert!(!world.tcp("griffin", server, 80), "OpenFlow 1.0 has no meters");
    let mut world = World::campus(rules("allow from griffin to http-server limit 900bps;\ndefault deny;"), V13);
    assert!(!world.tcp("griffin", server, 80), "a meter counts whole kilobits");
}

#[test]
fn a_daemon_that_comes_back_finds_the_meters_of_what_stands() {
    let text = "allow from griffin to http-server limit 16kbps;\ndefault deny;";
    let mut world = World::campus(rules(text), V13);
    let server = world.ip("http-server");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(server, 80, now);
    assert!(world.settle("griffin", id));
    world.kill_daemon();
    world.start_daemon();
    world.run(Duration::from_secs(12));
    assert_eq!(world.network.switch(Dpid(0x1)).unwrap().meters().count(), 1);
    let before = world.host("griffin").conversation(id).unwrap().answers;
    let now = world.network.now();
    world.host("griffin").say(id, now);
    world.run(Duration::from_secs(1));
    assert_eq!(world.host("griffin").conversation(id).unwrap().answers, before + 1);
    world.apply(rules("default deny;"));
    world.run(Duration::from_secs(1));
    assert_eq!(world.network.switch(Dpid(0x1)).unwrap().meters().count(), 0);
}

#[test]
fn answers_of_what_lost_its_box_open_no_way_around_it() {
    let text = "allow from griffin to http-server via ids;\nallow from http-server to griffin;\ndefault deny;";
    let mut world = World::campus(rules(text), V13);
    let (server, griffin) = (world.ip("http-server"), world.ip("griffin"));
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(server, 80, now);
    assert!(world.settle("griffin", id));
    world.network.cable_down(at(0x10, 42));
    world.run(Duration::from_secs(1));
    // A segment that the server still has under way.
    let key = world.controller.as_ref().unwrap().standing().into_iter().map(|one| one.key).next();
    assert_eq!(key, None, "the box is gone, and the conversation with it");
    let ends = packet::build::IpEnds {
        src_mac: net::MacAddr([2, 0, 0, 0, 0, 0x21]),
        dst_mac: net::MacAddr([2, 0, 0, 0, 0, 0x11]),
        src_ip: server,
        dst_ip: griffin,
    };
    let segment = |src, dst, flags| packet::tcp::Segment { src, dst, seq: 1, ack: 1, flags, data: b"late" };
    let own = 49_152;
    let late = packet::build::tcp(&ends, &segment(80, own, packet::tcp::ACK)).unwrap();
    let node = world.node("http-server");
    world.network.inject(node, late.into());
    world.run(Duration::from_secs(1));
    assert!(uplinks(&world).is_empty(), "{:?}", entries(&world, 0x1));
    assert!(world.tcp("http-server", griffin, 22), "what is new is allowed by its own rule");
}

#[test]
fn boxes_that_change_places_see_what_is_under_way() {
    let text = |boxes: &str| rules(&format!("allow from griffin to http-server via {boxes};\ndefault deny;"));
    for seed in 0..20 {
        let mut world = World::campus(text("ids, http-proxy"), V13);
        world.network.delay_by_seed(seed, Duration::from_millis(3));
        let server = world.ip("http-server");
        let now = world.network.now();
        let id = world.host("griffin").open_tcp_kept(server, 80, now);
        assert!(world.settle("griffin", id));
        world.run(Duration::from_millis(100));
        let node = world.node("http-server");
        let got = |world: &World| world.network.host(node).unwrap().received().ip;
        let before = (got(&world), seen(&world, "ids", Side::In), seen(&world, "http-proxy", Side::In));
        for step in 0..60 {
            if step % 20 == 10 {
                world.apply(text(if step == 30 { "ids, http-proxy" } else { "http-proxy, ids" }));
            }
            let now = world.network.now();
            world.host("griffin").say(id, now);
            world.run(Duration::from_millis(2));
        }
        world.run(Duration::from_millis(200));
        let after = (got(&world), seen(&world, "ids", Side::In), seen(&world, "http-proxy", Side::In));
        let arrived = after.0 - before.0;
        assert!(arrived > 10, "{arrived}");
        assert!(after.1 - before.1 >= arrived && after.2 - before.2 >= arrived, "seed {seed}: {before:?} {after:?}");
        assert_eq!(world.network.faults().loops, 0);
    }
}

#[test]
fn a_daemon_that_comes_back_leads_what_it_finds_through_the_boxes_of_now() {
    for versions in [V10, V13] {
        let mut world = World::campus(rules("allow from griffin to http-server via ids;\ndefault deny;"), versions);
        let server = world.ip("http-server");
        let now = world.network.now();
        let id = world.host("griffin").open_tcp_kept(server, 80, now);
        assert!(world.settle("griffin", id));
        world.apply_while_dead(rules("allow from griffin to http-server via http-proxy;\ndefault deny;"));
        world.run(Duration::from_secs(12));
        let (ids, proxy) = (seen(&world, "ids", Side::In), seen(&world, "http-proxy", Side::In));
        let answers = world.host("griffin").conversation(id).unwrap().answers;
        let now = world.network.now();
        world.host("griffin").say(id, now);
        world.run(Duration::from_millis(300));
        assert!(world.host("griffin").conversation(id).unwrap().answers > answers, "it goes on");
        assert_eq!(seen(&world, "ids", Side::In), ids);
        assert!(seen(&world, "http-proxy", Side::In) > proxy);
        let controller = world.controller.as_ref().unwrap();
        let wanted = controller.wanted().into_iter().filter(|(_, slot, _)| slot.priority > 0).count();
        let held: usize = world.network.switches().map(|one| one.flows().filter(|flow| flow.priority > 0).count()).sum();
        assert_eq!(wanted, held, "nothing of the old way is left");
    }
}

#[test]
fn of_a_switch_that_is_undeclared_while_it_is_away_nothing_is_kept() {
    let mut world = World::campus(rules("default allow;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("roo", server, 80));
    world.disconnect(Dpid(0x2));
    let text = format!("{}default allow;\n", tests::shipped("campus/inventory.pol"));
    let fewer = tests::policy(&[("test.pol", text + "switch core2 { dpid 0x11; uplink 1-8; access 9-48; }\n")]);
    world.apply(fewer);
    let controller = world.controller.as_ref().unwrap();
    assert!(controller.wanted().into_iter().all(|(dpid, ..)| dpid != Dpid(0x2)));
    assert!(controller.conversations() == 0, "what went through it is over");
}
