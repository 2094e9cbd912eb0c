//! Entries for more than one flow, and entries that stand before any packet comes: as wide as permission, and no wider, whatever
//! changes.

#![expect(clippy::unwrap_used, reason = "a suite fails its test")]

use std::sync::Arc;
use std::time::Duration;

use emulator::host::ConversationId;
use lang::checked::Checked;
use net::{Dpid, VlanMatch};
use runtime::record::PLANNED;
use runtime::{Event, Settings, Width};
use tests::{World, at, rules};

const V10: &[u8] = &[1];
const V13: &[u8] = &[1, 4];

fn campus(policy: Arc<Checked>, versions: &[u8], width: Width) -> World {
    World::campus_with(policy, versions, Settings { width, ..Settings::default() })
}

/// Flows that the controller was asked about so far.
fn asked(world: &World) -> u64 {
    let counters = world.controller.as_ref().unwrap().status().counters;
    counters.allowed + counters.denied
}

/// Entries of every switch with whose they are, but for those that send misses up.
fn entries(world: &World) -> Vec<(u64, String)> {
    let mut all: Vec<(u64, String)> = Vec::new();
    for switch in world.network.switches() {
        for flow in switch.flows().filter(|flow| flow.priority > 0) {
            let what = format!("{} {} {:?} {:?}", switch.dpid(), flow.priority, flow.matching, flow.instructions);
            all.push((flow.cookie, what));
        }
    }
    all.sort();
    all
}

fn planned(world: &World) -> Vec<String> {
    let all = entries(world).into_iter().filter(|(cookie, what)| *cookie == PLANNED && !what.contains("Controller"));
    all.map(|(_, what)| what).collect()
}

fn connected(world: &mut World, from: &str, to: &str, port: u16) -> ConversationId {
    let (ip, now) = (world.ip(to), world.network.now());
    let id = world.host(from).open_tcp_kept(ip, port, now);
    assert!(world.settle(from, id), "{from} to {to}:{port}");
    id
}

/// True if what this end says is answered.
fn goes_on(world: &mut World, from: &str, id: ConversationId) -> bool {
    let before = world.host(from).conversation(id).unwrap().answers;
    let now = world.network.now();
    world.host(from).say(id, now);
    world.run(Duration::from_millis(300));
    world.host(from).conversation(id).unwrap().answers > before
}

/// Everybody has said something, so that everybody is known.
fn all_speak(world: &mut World) {
    let router = world.ip("border");
    for name in ["griffin", "roo", "glaptop", "http-server", "nfs-server"] {
        world.ping(name, router);
    }
}

#[test]
fn r01_a_denied_scan_costs_a_few_packets_and_not_one_for_each_port() {
    let mut world = campus(rules("deny from griffin to any for tcp;\ndefault allow;"), V13, Width::Template);
    all_speak(&mut world);
    let (server, before) = (world.ip("http-server"), asked(&world));
    for port in 1..200 {
        let now = world.network.now();
        world.host("griffin").open_tcp(server, port, now);
        world.run(Duration::from_millis(5));
    }
    assert!(asked(&world) - before <= 12, "{} flows came up", asked(&world) - before);
    assert!(!world.tcp("griffin", server, 80));
    assert!(world.tcp("roo", server, 80) && world.ping("griffin", server), "others, and what is allowed, go on");
}

#[test]
fn a_pair_that_may_both_begin_shares_two_entries() {
    for versions in [V10, V13] {
        let mut world = campus(rules("default allow;"), versions, Width::Template);
        all_speak(&mut world);
        connected(&mut world, "griffin", "roo", 22);
        let (held, before) = (entries(&world).len(), asked(&world));
        for port in [80, 443, 2049] {
            connected(&mut world, "griffin", "roo", port);
            connected(&mut world, "roo", "griffin", port);
        }
        assert_eq!((entries(&world).len(), asked(&world)), (held, before));
    }
}

#[test]
fn what_one_side_alone_may_begin_stays_exact() {
    let mut world = campus(rules("outbound-only from glaptop;\ndefault allow;"), V13, Width::Template);
    let (server, laptop) = (world.ip("http-server"), world.ip("glaptop"));
    assert!(world.tcp("glaptop", server, 443));
    assert!(!world.tcp("http-server", laptop, 443), "answers do not open the way for initiations");
    assert!(world.tcp("glaptop", server, 80), "a denial of the other direction does not stop answers");
    let id = connected(&mut world, "glaptop", "http-server", 22);
    assert!(!world.tcp("http-server", laptop, 22));
    assert!(goes_on(&mut world, "glaptop", id));
}

#[test]
fn a_direction_that_is_revoked_takes_its_connections_along_and_leaves_the_other() {
    for (versions, width) in [(V10, Width::Template), (V13, Width::Template), (V13, Width::Proactive)] {
        let mut world = campus(rules("default allow;"), versions, width);
        all_speak(&mut world);
        world.run(Duration::from_secs(2));
        let id = connected(&mut world, "griffin", "roo", 22);
        assert!(goes_on(&mut world, "griffin", id));
        world.apply(rules("deny from griffin to roo;\ndefault allow;"));
        assert!(!goes_on(&mut world, "griffin", id), "{width:?}");
        // What roo repeats is the rest of what griffin began, and opens nothing.
        let now = world.network.now();
        world.host("roo").tick(now);
        world.run(Duration::from_secs(3));
        assert!(!goes_on(&mut world, "griffin", id), "{width:?}");
        let other = connected(&mut world, "roo", "griffin", 80);
        assert!(goes_on(&mut world, "roo", other));
        let roo = world.ip("roo");
        assert!(!world.tcp("griffin", roo, 80));
    }
}

#[test]
fn an_edit_that_changes_nothing_for_an_entry_leaves_it_alone() {
    for width in [Width::Template, Width::Proactive] {
        let mut world = campus(rules("deny from glaptop to http-server;\ndefault allow;"), V13, width);
        all_speak(&mut world);
        let laptop = connected(&mut world, "griffin", "roo", 22);
        world.run(Duration::from_secs(2));
        let before = entries(&world);
        world.apply(rules("# new words\ndeny from glaptop to http-server; # and so on\ndefault allow;"));
        assert_eq!(entries(&world), before);
        world.apply(rules("deny from glaptop to http-server;\ndeny from gphone to nfs-server;\ndefault allow;"));
        assert_eq!(entries(&world), before);
        assert!(goes_on(&mut world, "griffin", laptop));
    }
}

#[test]
fn what_stands_needs_no_controller() {
    for versions in [V10, V13] {
        let policy = rules("deny from griffin to nfs-server;\ndeny from nfs-server to griffin;\ndefault allow;");
        let mut world = campus(policy, versions, Width::Proactive);
        all_speak(&mut world);
        world.run(Duration::from_secs(3));
        let before = asked(&world);
        connected(&mut world, "griffin", "roo", 22);
        connected(&mut world, "http-server", "glaptop", 8080);
        assert_eq!(asked(&world), before, "nothing came up");
        let nfs = world.ip("nfs-server");
        assert!(!world.tcp("griffin", nfs, 2049));
        // What is to be asked about is dropped by who has nobody to ask: neighbours are asked for now and then.
        world.kill_daemon();
        connected(&mut world, "griffin", "roo", 80);
        connected(&mut world, "roo", "griffin", 80);
        assert!(!world.tcp("griffin", nfs, 22));
    }
}

#[test]
fn what_is_logged_obliged_or_watched_is_asked_about() {
    let text = "allow from griffin to roo for tcp/22 log;\nallow from any to any for tcp/80 via http-proxy;\ndefault allow;";
    let mut world = campus(rules(text), V13, Width::Proactive);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    for port in [22, 80] {
        let before = asked(&world);
        connected(&mut world, "griffin", "roo", port);
        assert!(asked(&world) > before, "{port}");
    }
    let (before, roo) = (asked(&world), world.ip("roo"));
    assert!(world.ping("griffin", roo));
    assert_eq!(asked(&world), before, "of what nobody watches, nothing");
}

#[test]
fn what_stands_follows_moves_cables_and_policies() {
    let mut world = campus(rules("default allow;"), V13, Width::Proactive);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    let id = connected(&mut world, "roo", "http-server", 80);
    world.network.cable_down(at(0x2, 25));
    world.run(Duration::from_millis(100));
    assert!(goes_on(&mut world, "roo", id), "the other way");
    world.network.cable_up(at(0x2, 25));
    world.run(Duration::from_secs(4));
    let node = world.node("roo");
    world.network.move_node(node, at(0x1, 9));
    let router = world.ip("border");
    world.ping("roo", router);
    world.run(Duration::from_secs(3));
    assert!(goes_on(&mut world, "roo", id), "from the new place");
    let roo = format!("{:?}", world.host("roo").mac());
    assert!(!planned(&world).iter().any(|one| one.starts_with("0x0000000000000002") && one.contains(&roo)));
    world.apply(rules("deny from roo to http-server;\ndefault allow;"));
    assert!(!goes_on(&mut world, "roo", id), "at once");
}

#[test]
fn s05_what_stands_is_kept_over_a_restart() {
    for versions in [V10, V13] {
        let mut world = campus(rules("default allow;"), versions, Width::Proactive);
        all_speak(&mut world);
        world.run(Duration::from_secs(3));
        let before = planned(&world);
        assert!(!before.is_empty());
        world.kill_daemon();
        world.start_daemon();
        world.run(Duration::from_secs(12));
        assert_eq!(planned(&world), before, "no entry was touched");
        world.apply_while_dead(rules("deny from griffin to roo;\ndefault allow;"));
        world.run(Duration::from_secs(12));
        let (griffin, roo) = (world.host("griffin").mac(), world.host("roo").mac());
        let delivers = |one: &String| {
            let of_pair = one.contains(&format!("dl_src: Some({griffin})")) && one.contains(&format!("dl_dst: Some({roo})"));
            of_pair && one.contains("Port(")
        };
        assert!(!planned(&world).iter().any(delivers));
    }
}

#[test]
fn s05_wide_entries_are_kept_over_a_restart() {
    for versions in [V10, V13] {
        let mut world = campus(rules("default allow;"), versions, Width::Template);
        all_speak(&mut world);
        let id = connected(&mut world, "griffin", "roo", 22);
        let wide = |world: &World| -> Vec<(u64, String)> {
            let all = entries(world).into_iter();
            all.filter(|(_, what)| what.contains("transport: Any")).collect()
        };
        let before = wide(&world);
        assert!(!before.is_empty());
        world.kill_daemon();
        world.start_daemon();
        world.run(Duration::from_secs(12));
        assert_eq!(wide(&world), before, "no entry was touched");
        assert!(goes_on(&mut world, "griffin", id));
    }
}

#[test]
fn p17_a_switch_with_little_room_has_nothing_planned_and_is_asked() {
    let settings = Settings { width: Width::Proactive, ..Settings::default() };
    let mut world = World::cramped(V13, 24, settings);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    let little = planned(&world).into_iter().filter(|one| one.starts_with("0x0000000000000001")).count();
    assert!(little <= 12 && planned(&world).len() > little, "{little}");
    connected(&mut world, "griffin", "roo", 22);
    assert_eq!(world.network.faults().loops, 0);
}

#[test]
fn too_many_are_not_planned_and_that_is_told() {
    let settings = Settings { width: Width::Proactive, planned: 3, ..Settings::default() };
    let mut world = World::campus_with(rules("default allow;"), V13, settings);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    let told = world.take_events().iter().filter(|event| matches!(event, Event::NothingPlanned { .. })).count();
    assert_eq!((told, planned(&world).len()), (1, 0));
    connected(&mut world, "griffin", "roo", 22);
}

#[test]
fn who_is_carried_by_what_stands_is_alive() {
    let mut world = campus(rules("default allow;"), V13, Width::Proactive);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    let id = connected(&mut world, "griffin", "roo", 22);
    for _ in 0..70 {
        world.run(Duration::from_secs(10));
        assert!(goes_on(&mut world, "griffin", id));
    }
    let controller = world.controller.as_ref().unwrap();
    assert!(controller.binding(world.ip("griffin").into()).is_some());
    world.run(Duration::from_secs(700));
    let controller = world.controller.as_ref().unwrap();
    assert!(controller.binding(world.ip("griffin").into()).is_none(), "who is silent is not");
}

#[test]
fn wide_entries_ask_for_no_tag_where_no_rule_does() {
    let mut world = campus(rules("deny from griffin to any for tcp;\ndefault allow;"), V13, Width::Template);
    all_speak(&mut world);
    let server = world.ip("http-server");
    assert!(!world.tcp("griffin", server, 80));
    let edge = world.network.switch(Dpid(1)).unwrap();
    let drops = edge.flows().filter(|flow| flow.instructions.actions().next().is_none());
    let regions: Vec<_> = drops.filter_map(|flow| flow.matching).filter(|region| region.dl_src.is_some()).collect();
    assert!(regions.iter().any(|region| region.vlan == VlanMatch::Any && region.nw_dst.is_none()), "{regions:?}");
}

#[test]
fn r07_made_up_stations_end_nothing_that_stands_for_those_who_are_declared() {
    let mut world = campus(rules("default allow;"), V13, Width::Proactive);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    let before = planned(&world).len();
    let node = world.node("gphone");
    for last in 0..=255 {
        let (mac, ip) = (net::MacAddr([6, 0, 0, 0, 1, last]), std::net::Ipv4Addr::new(10, 99, 0, last));
        world.network.inject(node, packet::Arp::request(mac, ip, ip).to_frame().into());
        world.run(Duration::from_millis(20));
    }
    world.run(Duration::from_secs(3));
    assert!(planned(&world).len() >= before, "{before} before, {} now", planned(&world).len());
    let asked_before = asked(&world);
    connected(&mut world, "griffin", "roo", 22);
    assert_eq!(asked(&world), asked_before);
}

#[test]
fn answers_after_a_silence_are_not_dropped_by_what_stands() {
    let text = "allow from griffin to http-server for udp/9;\ndeny from http-server to griffin;\ndefault allow;";
    let mut world = campus(rules(text), V13, Width::Proactive);
    all_speak(&mut world);
    world.run(Duration::from_secs(3));
    let server = world.ip("http-server");
    // The way there stays in use, the way back is silent for longer than its entries last.
    let silent = (world.node("griffin"), world.node("http-server"));
    let datagram = |world: &mut World, back: bool| {
        let (griffin, own) = (world.host("griffin").mac(), world.ip("griffin"));
        let there = packet::build::IpEnds {
            src_mac: griffin,
            dst_mac: "02:00:00:00:00:21".parse().unwrap(),
            src_ip: own,
            dst_ip: server,
        };
        let ends = packet::build::IpEnds { src_mac: there.dst_mac, dst_mac: griffin, src_ip: server, dst_ip: own };
        let (ends, src, dst) = if back { (ends, 9, 77) } else { (there, 77, 9) };
        packet::build::udp(&ends, &packet::udp::Datagram { src, dst, data: b"data" }).unwrap()
    };
    for _ in 0..14 {
        let frame = datagram(&mut world, false);
        world.network.inject(silent.0, frame.into());
        world.run(Duration::from_secs(50));
    }
    world.network.forget_delivered();
    let frame = datagram(&mut world, true);
    world.network.inject(silent.1, frame.into());
    world.run(Duration::from_millis(500));
    let to_griffin = world.network.delivered().filter(|one| one.node == silent.0).count();
    assert!(to_griffin > 0, "the answer comes through");
}

#[test]
fn s05_a_policy_that_comes_while_the_network_is_found_again_is_enforced_at_once() {
    for width in [Width::Exact, Width::Proactive] {
        let mut world = campus(rules("default allow;"), V13, width);
        all_speak(&mut world);
        world.run(Duration::from_secs(3));
        let id = connected(&mut world, "griffin", "roo", 22);
        world.kill_daemon();
        world.start_daemon();
        // One switch does not come back, so that the others are waited for.
        world.disconnect(Dpid(0x11));
        world.run(Duration::from_secs(2));
        assert!(goes_on(&mut world, "griffin", id), "{width:?}");
        world.apply(rules("deny from griffin to roo;\ndeny from roo to griffin;\ndefault allow;"));
        assert!(!goes_on(&mut world, "griffin", id), "{width:?}");
    }
}
