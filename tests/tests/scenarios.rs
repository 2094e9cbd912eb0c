//! Whole stories: emulated hosts talk, the policy decides, switches are told, things change.

#![expect(clippy::unwrap_used, reason = "a suite fails its test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use emulator::middlebox::Side;
use lang::checked::Verdict;
use lang::eval::judge;
use net::{Dpid, Location};
use runtime::Event;
use tests::{World, at, campus_policy, policy, rules};

const V10: &[u8] = &[1];
const V13: &[u8] = &[1, 4];
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const HOSTS: [&str; 8] = ["griffin", "roo", "glaptop", "rlaptop", "gphone", "rphone", "http-server", "nfs-server"];

fn decisions(world: &mut World) -> Vec<(Verdict, Option<String>)> {
    let policy = world.controller.as_ref().unwrap().policy().clone();
    let name =
        |rule| policy.deciding_span(rule).map(|span| policy.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" "));
    world
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Decided(decided) => Some((decided.verdict, name(decided.rule))),
            _ => None,
        })
        .collect()
}

/// Flow entries of every switch, but for those that send misses up.
fn entries(world: &World) -> Vec<String> {
    let mut all: Vec<String> = world
        .network
        .switches()
        .flat_map(|switch| {
            let dpid = switch.dpid();
            switch.flows().filter(|flow| flow.priority > 0).map(move |flow| {
                format!("{dpid} {:?} {:?} {:x} {:?}", flow.matching, flow.instructions, flow.cookie, flow.installed)
            })
        })
        .collect();
    all.sort();
    all
}

#[test]
fn links_are_found_and_switches_join() {
    for versions in [V10, V13] {
        let world = World::campus(campus_policy(), versions);
        let status = world.controller.as_ref().unwrap().status();
        assert_eq!((status.switches, status.links), (4, 5));
    }
}

#[test]
fn a_switch_that_is_not_declared_is_pending_and_holds_no_flow_of_ours() {
    for versions in [V10, V13] {
        let two = policy(&[
            ("campus.pol", tests::shipped("campus/campus.pol")),
            ("inventory.pol", tests::shipped("campus/inventory.pol")),
        ]);
        let mut world = World::campus(two, versions);
        let pending = world.take_events().iter().filter(|event| matches!(event, Event::SwitchPending { .. })).count();
        assert_eq!(pending, 2);
        let server = world.ip("http-server");
        assert!(!world.ping("roo", server), "roo is behind a switch that nobody declared");
        for dpid in [0x2, 0x11] {
            let switch = world.network.switch(Dpid(dpid)).unwrap();
            assert!(switch.is_connected());
            assert_eq!(switch.flows().count(), 0);
        }
        world.apply(campus_policy());
        world.run(Duration::from_secs(2));
        assert!(world.ping("roo", server), "declared now, admitted at once");
    }
}

#[test]
fn what_hosts_can_do_is_what_the_reference_says() {
    for versions in [V10, V13] {
        let policy = campus_policy();
        let mut world = World::campus(policy.clone(), versions);
        for from in HOSTS {
            for to in HOSTS.into_iter().filter(|to| *to != from) {
                let ip = world.ip(to);
                world.take_events();
                let reached = world.tcp(from, ip, 80);
                let first = world.take_events().into_iter().find_map(|event| match event {
                    Event::Decided(decided) => Some(decided),
                    _ => None,
                });
                let decided = first.unwrap_or_else(|| panic!("{from} to {to}: no decision"));
                let judged = judge(&policy, &decided.flow);
                assert_eq!((decided.verdict, decided.rule), (judged.verdict, judged.rule), "{from} to {to}");
                assert_eq!(reached, decided.verdict == Verdict::Allow, "{from} to {to}, {versions:?}");
            }
        }
        assert_eq!(world.network.faults().loops, 0);
    }
}

#[test]
fn a_denied_sender_gets_a_drop_entry_and_stops_loading_the_controller() {
    let mut world = World::campus(rules("deny from griffin to http-server for tcp/80;\ndefault allow;"), V13);
    let ip = world.ip("http-server");
    assert!(!world.tcp("griffin", ip, 80), "three SYNs, a second apart");
    let denied = decisions(&mut world);
    assert_eq!(denied, [(Verdict::Deny, Some("deny from griffin to http-server for tcp/80;".to_owned()))]);
    assert!(world.tcp("griffin", ip, 81));
}

#[test]
fn replies_pass_and_responders_may_not_initiate() {
    let mut world = World::campus(rules("outbound-only from glaptop;\ndefault allow;"), V13);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 443));
    assert!(!world.tcp("http-server", laptop, 443));
    assert!(!world.ping("http-server", laptop));
    assert!(world.ping("glaptop", server));
}

#[test]
fn web_traffic_of_guests_passes_the_proxy_both_ways_and_nothing_else_does() {
    for versions in [V10, V13] {
        let mut world = World::campus(campus_policy(), versions);
        let proxy = world.node("http-proxy");
        assert!(world.tcp("rphone", OUTSIDE, 80));
        let (sent, answered) = {
            let proxy = world.network.middlebox(proxy).unwrap();
            (proxy.seen(Side::In).frames, proxy.seen(Side::Out).frames)
        };
        assert!(sent > 0 && answered > 0, "in {sent}, out {answered}");
        let server = world.ip("nfs-server");
        assert!(world.tcp("griffin", OUTSIDE, 80) && world.tcp("griffin", server, 22));
        assert!(!world.tcp("rphone", OUTSIDE, 22));
        let proxy = world.network.middlebox(proxy).unwrap();
        assert_eq!((proxy.seen(Side::In).frames, proxy.seen(Side::Out).frames), (sent, answered));
    }
}

#[test]
fn one_armed_and_inline_boxes_in_order() {
    let mut world = World::campus(rules("allow from roo to http-server via ids, http-proxy;\ndefault allow;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("roo", server, 80));
    for name in ["ids", "http-proxy"] {
        let id = world.node(name);
        assert!(world.network.middlebox(id).unwrap().seen(Side::In).frames > 0, "{name}");
    }
}

#[test]
fn a_middlebox_that_is_down_means_no_flow() {
    let mut world = World::campus(rules("allow from any to internet for tcp/80 via http-proxy;\ndefault deny;"), V13);
    assert!(world.tcp("griffin", OUTSIDE, 80));
    world.network.cable_down(at(0x10, 41));
    world.run(Duration::from_millis(200));
    assert!(!world.tcp("griffin", OUTSIDE, 80));
    assert!(world.take_events().iter().any(|event| matches!(event, Event::Unroutable { .. })));
    world.network.cable_up(at(0x10, 41));
    world.run(Duration::from_millis(200));
    assert!(world.tcp("griffin", OUTSIDE, 80));
}

#[test]
fn a_policy_change_revokes_exactly_what_it_denies() {
    for versions in [V10, V13] {
        let before = rules("allow from griffin to http-server;\nallow from griffin to nfs-server;\ndefault deny;");
        let after = rules("allow from griffin to nfs-server;\n# and nothing else\ndefault deny;");
        let mut world = World::campus(before, versions);
        let (http, nfs) = (world.ip("http-server"), world.ip("nfs-server"));
        let now = world.network.now();
        let cut = world.host("griffin").open_tcp_kept(http, 80, now);
        let kept = world.host("griffin").open_tcp_kept(nfs, 2049, now);
        assert!(world.settle("griffin", cut) && world.settle("griffin", kept));
        let both = entries(&world);
        world.take_events();
        world.apply(after);
        let events = world.take_events();
        let revoked: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Revoked { flow, allowed_by, .. } => Some((flow.to_string(), allowed_by.to_string())),
                _ => None,
            })
            .collect();
        assert_eq!(revoked.len(), 1, "{events:?}");
        assert!(revoked[0].0.contains("http-server") && revoked[0].1 == "test.pol:2", "{revoked:?}");
        let left = entries(&world);
        assert_eq!(left.len(), both.len() / 2);
        assert!(left.iter().all(|entry| both.contains(entry)), "what stays was not touched: cookie and age are the same");
        let heard = |world: &mut World, id| world.host("griffin").conversation(id).unwrap().answers;
        let (cut_before, kept_before) = (heard(&mut world, cut), heard(&mut world, kept));
        let now = world.network.now();
        world.host("griffin").say(cut, now);
        world.host("griffin").say(kept, now);
        world.run(Duration::from_secs(1));
        assert_eq!(heard(&mut world, cut), cut_before);
        assert!(heard(&mut world, kept) > kept_before);
    }
}

#[test]
fn a_denial_ends_when_the_policy_allows() {
    let mut world = World::campus(rules("default deny;"), V13);
    let server = world.ip("http-server");
    assert!(!world.ping("griffin", server));
    world.apply(rules("default allow;"));
    assert!(world.ping("griffin", server));
    assert!(entries(&world).iter().all(|entry| !entry.contains("Instructions([])")));
}

#[test]
fn a_link_goes_down_and_conversations_take_the_other_way() {
    for versions in [V10, V13] {
        let mut world = World::campus(rules("default allow;"), versions);
        let roo = world.ip("roo");
        let now = world.network.now();
        let id = world.host("griffin").open_tcp_kept(roo, 22, now);
        assert!(world.settle("griffin", id));
        let standing = world.controller.as_ref().unwrap().standing();
        let used = standing.iter().find(|one| one.ingress == at(0x1, 1) && one.course.hops.len() > 1).unwrap().course.hops[0];
        world.network.cable_down(Location::new(used.dpid, used.out_port));
        world.run(Duration::from_millis(20));
        let before = world.host("griffin").conversation(id).unwrap().answers;
        let now = world.network.now();
        world.host("griffin").say(id, now);
        world.run(Duration::from_millis(100));
        assert!(world.host("griffin").conversation(id).unwrap().answers > before);
        assert!(world.take_events().iter().any(|event| matches!(event, Event::Rerouted { .. })));
        assert_eq!(world.network.faults().loops, 0);
    }
}

#[test]
fn a_waypointed_conversation_never_goes_around_its_box() {
    let text = "allow from griffin to roo via http-proxy;\ndefault allow;";
    let mut world = World::campus(rules(text), V13);
    let roo = world.ip("roo");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(roo, 22, now);
    assert!(world.settle("griffin", id));
    for _ in 0..3 {
        world.network.cable_down(at(0x1, 25));
        let proxy = world.node("http-proxy");
        let (roo_node, before) = (world.node("roo"), world.network.middlebox(proxy).unwrap().seen(Side::In).frames);
        let heard = |world: &World| world.network.host(roo_node).unwrap().received().ip;
        let got = heard(&world);
        let now = world.network.now();
        world.host("griffin").say(id, now);
        world.run(Duration::from_millis(100));
        let through = world.network.middlebox(proxy).unwrap().seen(Side::In).frames - before;
        assert!(heard(&world) - got <= through, "every packet that arrived had passed the box");
        world.network.cable_up(at(0x1, 25));
        world.run(Duration::from_secs(1));
    }
}

#[test]
fn a_host_that_moves_takes_its_permission_along_and_leaves_nothing_behind() {
    let mut world = World::campus(rules("default allow;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("glaptop", server, 80));
    let laptop = world.node("glaptop");
    world.network.move_node(laptop, at(0x2, 9));
    world.run(Duration::from_millis(100));
    assert!(entries(&world).iter().all(|entry| !entry.contains("02:00:00:00:00:13")), "nothing of it is left");
    assert!(world.tcp("glaptop", server, 80));
    let view = world.controller.as_ref().unwrap().view();
    assert_eq!(view.station("02:00:00:00:00:13".parse().unwrap()).unwrap().location, Some(at(0x2, 9)));
}

#[test]
fn a_pinned_host_does_not_move() {
    let mut world = World::campus(rules("default allow;"), V13);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80));
    let griffin = world.node("griffin");
    world.network.move_node(griffin, at(0x2, 9));
    world.run(Duration::from_millis(100));
    assert!(!world.tcp("griffin", server, 80));
    assert!(world.take_events().iter().any(|event| matches!(event, Event::Spoofed { .. })));
}

#[test]
fn a_thief_of_an_address_gets_nothing_and_the_victim_keeps_it() {
    let mut world = World::campus(rules("default allow;"), V13);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 80));
    let thief = world.node("gphone");
    let forged = packet::Arp::request("02:00:00:00:00:13".parse().unwrap(), laptop, server).to_frame();
    world.network.inject(thief, forged.into());
    world.run(Duration::from_secs(3));
    let owner = "02:00:00:00:00:13".parse().unwrap();
    assert_eq!(world.controller.as_ref().unwrap().view().station(owner).unwrap().location, Some(at(0x1, 3)));
    assert!(world.tcp("glaptop", server, 81));
    let stolen = packet::Arp::request("02:00:00:00:00:15".parse().unwrap(), server, laptop).to_frame();
    world.network.inject(thief, stolen.into());
    world.run(Duration::from_millis(100));
    assert_eq!(world.controller.as_ref().unwrap().view().owner(server.into()), Some("02:00:00:00:00:21".parse().unwrap()));
}

#[test]
fn a_daemon_that_dies_and_comes_back_interrupts_nothing_that_is_allowed() {
    for versions in [V10, V13] {
        let text = "allow from griffin to roo;\nallow from glaptop to http-server via http-proxy;\ndefault deny;";
        let mut world = World::campus(rules(text), versions);
        let (roo, server) = (world.ip("roo"), world.ip("http-server"));
        let now = world.network.now();
        let first = world.host("griffin").open_tcp_kept(roo, 22, now);
        let second = world.host("glaptop").open_tcp_kept(server, 80, now);
        assert!(world.settle("griffin", first) && world.settle("glaptop", second));
        let before = entries(&world);
        world.kill_daemon();
        world.run(Duration::from_secs(1));
        let now = world.network.now();
        world.host("griffin").say(first, now);
        world.run(Duration::from_millis(100));
        world.start_daemon();
        world.run(Duration::from_secs(12));
        assert_eq!(entries(&world), before, "no entry was touched");
        assert_eq!(world.controller.as_ref().unwrap().conversations(), 2);
        let answers = world.host("griffin").conversation(first).unwrap().answers;
        let now = world.network.now();
        world.host("griffin").say(first, now);
        world.run(Duration::from_millis(100));
        assert!(world.host("griffin").conversation(first).unwrap().answers > answers);
    }
}

#[test]
fn what_a_new_policy_denies_does_not_survive_a_restart() {
    let mut world = World::campus(rules("default allow;"), V13);
    let roo = world.ip("roo");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(roo, 22, now);
    assert!(world.settle("griffin", id));
    world.apply_while_dead(rules("deny from griffin to roo;\ndefault allow;"));
    world.run(Duration::from_secs(12));
    assert_eq!(entries(&world), Vec::<String>::new());
}

#[test]
fn a_reconnecting_switch_gets_what_it_lacks_and_loses_what_it_should_not_have() {
    let mut world = World::campus(rules("default allow;"), V13);
    let roo = world.ip("roo");
    let now = world.network.now();
    let id = world.host("griffin").open_tcp_kept(roo, 22, now);
    assert!(world.settle("griffin", id));
    world.disconnect(Dpid(0x1));
    world.run(Duration::from_secs(1));
    world.apply(rules("default deny;"));
    assert!(!entries(&world).is_empty(), "the switch out of reach still has its entries");
    world.connect(Dpid(0x1));
    world.run(Duration::from_secs(1));
    assert_eq!(entries(&world), Vec::<String>::new());
}

/// Puts entries in that another controller might have left: one that our form can express, and one that it cannot.
fn leave_foreign_entries(world: &mut World, version: u8) {
    use bytes::BytesMut;
    use openflow::{v10, v13};
    let mut bytes = BytesMut::new();
    let now = world.network.now();
    if version == 1 {
        let flood = v10::Action::Output { port: v10::PortNo::FLOOD, max_len: 0 };
        let all = v10::FlowMod { actions: vec![flood], ..v10::FlowMod::add(v10::Match::ANY, 60_000) };
        v10::Message::FlowMod(all).encode(7, &mut bytes).unwrap();
        let strip = v10::FlowMod { actions: vec![v10::Action::StripVlan], ..v10::FlowMod::add(v10::Match::ANY, 59_000) };
        v10::Message::FlowMod(strip).encode(8, &mut bytes).unwrap();
    } else {
        let flood = v13::Action::Output { port: v13::PortNo::FLOOD, max_len: 0 };
        let apply = vec![v13::Instruction::ApplyActions(vec![flood])];
        let all = v13::FlowMod { instructions: apply, ..v13::FlowMod::add(0, v13::Match::ANY, 60_000) };
        v13::Message::FlowMod(all).encode(7, &mut bytes).unwrap();
        v13::Message::FlowMod(v13::FlowMod::add(1, v13::Match::ANY, 59_000)).encode(8, &mut bytes).unwrap();
    }
    world.network.from_controller(Dpid(0x1), &bytes, now);
}

#[test]
fn entries_of_others_are_taken_out_whatever_they_say() {
    for versions in [V10, V13] {
        let mut world = World::campus(rules("default deny;"), versions);
        leave_foreign_entries(&mut world, *versions.last().unwrap());
        assert_eq!(entries(&world).len(), 2);
        world.disconnect(Dpid(0x1));
        world.connect(Dpid(0x1));
        world.run(Duration::from_secs(1));
        assert_eq!(entries(&world), Vec::<String>::new());
        let foreign = world.take_events().iter().rev().find_map(|event| match event {
            Event::Reconciled { foreign, .. } => Some(*foreign),
            _ => None,
        });
        assert_eq!(foreign, Some(2), "{versions:?}");
    }
}

/// A later fragment of a UDP datagram from griffin to the file server.
fn later_fragment(world: &World) -> Vec<u8> {
    use packet::build::{IpEnds, udp};
    use packet::udp::Datagram;
    let (griffin, server) = (world.node("griffin"), world.node("nfs-server"));
    let (griffin, server) = (world.network.host(griffin).unwrap(), world.network.host(server).unwrap());
    let ends = IpEnds { src_mac: griffin.mac(), dst_mac: server.mac(), src_ip: griffin.ip(), dst_ip: server.ip() };
    let mut frame = udp(&ends, &Datagram { src: 50_000, dst: 2049, data: &[7; 32] }).unwrap();
    frame[14 + 7] = 185;
    frame[14 + 10..14 + 12].fill(0);
    let checksum = packet::checksum::checksum(&frame[14..34]);
    frame[14 + 10..14 + 12].copy_from_slice(&checksum.to_be_bytes());
    frame
}

#[test]
fn a_later_fragment_passes_alone_where_everything_between_the_two_may_pass_and_leaves_no_entry() {
    for (text, passes) in [("default allow;", 1), ("allow from griffin to nfs-server for udp/2049;\ndefault deny;", 0)] {
        let mut world = World::campus(rules(text), V13);
        let server = world.ip("nfs-server");
        world.ping("griffin", server);
        let node = world.node("nfs-server");
        let heard = |world: &World| world.network.host(node).unwrap().received().ip;
        let (before, held) = (heard(&world), entries(&world));
        let frame = later_fragment(&world);
        let griffin = world.node("griffin");
        world.network.inject(griffin, frame.into());
        world.run(Duration::from_millis(100));
        assert_eq!(heard(&world) - before, passes, "{text}");
        assert_eq!(entries(&world), held, "{text}");
    }
}
