//! Hosts that talk across switches whose entries a controller installed over the wire.

use bytes::BytesMut;
use net::{EtherType, FlowMatch, IpProto, MacAddr};
use openflow::{Hello, v10, v13};

use super::*;
use crate::campus::Campus;
use crate::host::{HostConfig, Outcome};
use crate::middlebox::Shape;

const EDGE: Dpid = Dpid(0x1);
const CORE: Dpid = Dpid(0x10);
const SECOND: u64 = 1_000_000;

fn at(dpid: Dpid, port: u32) -> Location {
    Location::new(dpid, PortNo(port))
}

fn tell(network: &mut Network, dpid: Dpid, message: impl FnOnce(&mut BytesMut)) {
    let mut bytes = BytesMut::new();
    message(&mut bytes);
    let now = network.now();
    network.from_controller(dpid, &bytes, now);
}

fn connect(network: &mut Network, version: u8) {
    let dpids: Vec<Dpid> = network.switches().map(Switch::dpid).collect();
    for dpid in dpids {
        network.connect(dpid);
        tell(network, dpid, |out| Hello::offering(&[version]).encode(1, out).unwrap());
        assert_eq!(network.switch(dpid).unwrap().version(), Some(version));
    }
}

/// Installs an entry in the words of the version that the switch speaks.
fn install(network: &mut Network, dpid: Dpid, matching: &FlowMatch, priority: u16, ports: &[u32]) {
    let version = network.switch(dpid).unwrap().version();
    tell(network, dpid, |out| {
        if version == Some(v10::VERSION) {
            let mut entry = v10::FlowMod::add(v10::Match::from_flow(matching).unwrap(), priority);
            entry.actions =
                ports.iter().map(|port| v10::Action::Output { port: v10::PortNo(*port as u16), max_len: 0 }).collect();
            v10::Message::FlowMod(entry).encode(2, out).unwrap();
        } else {
            let mut entry = v13::FlowMod::add(0, v13::Match::from_flow(matching).unwrap(), priority);
            let actions = ports.iter().map(|port| v13::Action::Output { port: v13::PortNo(*port), max_len: 0 }).collect();
            entry.instructions = vec![v13::Instruction::ApplyActions(actions)];
            v13::Message::FlowMod(entry).encode(2, out).unwrap();
        }
    });
    let errors: Vec<_> = network.to_controller().filter(|(_, bytes)| bytes[1] == 1).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn towards(mac: MacAddr) -> FlowMatch {
    FlowMatch { dl_dst: Some(mac), ..FlowMatch::default() }
}

/// Entries that lead every frame to its host, broadcasts to all hosts, as a learning switch would have them in the end.
fn lead_everywhere(network: &mut Network, campus: &Campus) {
    let hosts = campus.hosts.iter().chain(&campus.gateway);
    for host in hosts {
        for (dpid, uplink) in [(EDGE, 25), (CORE, 1)] {
            let port = if host.at.dpid == dpid { host.at.port.0 } else { uplink };
            install(network, dpid, &towards(host.mac), 10, &[port]);
        }
    }
    // Not by the boxes: the one in line would be a loop.
    install(network, EDGE, &towards(MacAddr::BROADCAST), 10, &[1, 2, 3, 4, 5, 6, 25]);
    install(network, CORE, &towards(MacAddr::BROADCAST), 10, &[1, 9, 10, 48]);
}

fn campus(version: u8) -> (Network, Campus) {
    let plan = Campus::ethane(2);
    let mut network = plan.build(Time(SECOND), Duration::from_micros(10));
    connect(&mut network, version);
    lead_everywhere(&mut network, &plan);
    (network, plan)
}

#[test]
fn every_pair_of_hosts_talks_across_switches_of_both_versions() {
    for version in [1, 4] {
        let (mut network, plan) = campus(version);
        let mut asked = Vec::new();
        for from in &plan.hosts {
            let id = network.find(from.name).unwrap();
            for to in plan.hosts.iter().filter(|to| to.name != from.name) {
                let now = network.now();
                let host = network.host_mut(id).unwrap();
                asked.push((id, host.ping(to.ip, now)));
                asked.push((id, host.open_tcp(to.ip, 80, now)));
                asked.push((id, host.send_udp(to.ip, 53, now)));
            }
            let now = network.now();
            asked.push((id, network.host_mut(id).unwrap().open_tcp([93, 184, 216, 34].into(), 443, now)));
        }
        let until = network.now().after(Duration::from_secs(10));
        network.run(until);
        assert_eq!(asked.len(), 8 * (7 * 3 + 1));
        for (id, conversation) in asked {
            let outcome = network.host(id).unwrap().outcome(conversation);
            assert!(matches!(outcome, Outcome::Answered { .. }), "{outcome:?}");
        }
        assert_eq!(network.faults().loops, 0);
        assert_eq!(network.now(), until);
    }
}

#[test]
fn latency_is_felt_and_a_denied_conversation_times_out() {
    let (mut network, _) = campus(4);
    let (griffin, roo) = (network.find("griffin").unwrap(), network.find("roo").unwrap());
    let target = network.host(roo).unwrap().ip();
    let start = network.now();
    let ping = network.host_mut(griffin).unwrap().ping(target, start);
    network.run(start.after(Duration::from_secs(1)));
    // Question, answer, echo, reply: each by two cables of 10 microseconds.
    assert_eq!(network.host(griffin).unwrap().outcome(ping), Outcome::Answered { at: start.after(Duration::from_micros(80)) });
    let ssh = FlowMatch { dl_type: Some(EtherType::IPV4), nw_proto: Some(IpProto::TCP), ..FlowMatch::default() };
    install(&mut network, EDGE, &ssh, 20, &[]);
    let now = network.now();
    let tcp = network.host_mut(griffin).unwrap().open_tcp(target, 22, now);
    network.run(now.after(Duration::from_secs(10)));
    let outcome = network.host(griffin).unwrap().outcome(tcp);
    assert_eq!(outcome, Outcome::TimedOut { at: now.after(Duration::from_secs(3)) });
}

#[test]
fn the_proxy_sees_what_is_sent_through_it_in_both_directions() {
    let (mut network, plan) = campus(4);
    let (phone, proxy) = (network.find("gphone").unwrap(), network.find("http-proxy").unwrap());
    let border = plan.gateway.as_ref().unwrap();
    let mac = network.host(phone).unwrap().mac();
    // Outward: core:1 -> proxy in, out -> gateway; back: gateway -> proxy out, in -> edge.
    let out = FlowMatch { dl_src: Some(mac), dl_dst: Some(border.mac), ..FlowMatch::default() };
    let back = FlowMatch { dl_src: Some(border.mac), dl_dst: Some(mac), ..FlowMatch::default() };
    let by = |port, matching: &FlowMatch| FlowMatch { in_port: Some(PortNo(port)), ..*matching };
    install(&mut network, CORE, &by(1, &out), 20, &[40]);
    install(&mut network, CORE, &by(41, &out), 20, &[48]);
    install(&mut network, CORE, &by(48, &back), 20, &[41]);
    install(&mut network, CORE, &by(40, &back), 20, &[1]);
    let now = network.now();
    let far = [93, 184, 216, 34].into();
    let web = network.host_mut(phone).unwrap().open_tcp(far, 80, now);
    network.run(now.after(Duration::from_secs(1)));
    assert!(network.host(phone).unwrap().outcome(web).is_success());
    let seen = network.middlebox(proxy).unwrap();
    let outward = seen.seen(Side::In).last.iter().filter(|key| key.tp_dst() == Some(80)).count();
    let inward = seen.seen(Side::Out).last.iter().filter(|key| key.tp_src() == Some(80)).count();
    assert!(outward >= 4 && inward >= 3, "{outward} {inward}");
    network.middlebox_mut(proxy).unwrap().set_dropping(true);
    let now = network.now();
    let web = network.host_mut(phone).unwrap().open_tcp(far, 80, now);
    network.run(now.after(Duration::from_secs(5)));
    assert!(matches!(network.host(phone).unwrap().outcome(web), Outcome::TimedOut { .. }));
}

#[test]
fn cables_break_hosts_move_and_switches_reboot() {
    let (mut network, _) = campus(1);
    let roo = network.find("roo").unwrap();
    let count = |network: &mut Network, kind: u8| network.to_controller().filter(|(_, bytes)| bytes[1] == kind).count();
    let port_status = 12;
    assert_eq!(count(&mut network, port_status), 0);
    network.cable_down(at(EDGE, 25));
    assert_eq!(count(&mut network, port_status), 2);
    let now = network.now();
    let server = network.host_mut(roo).unwrap().ping([10, 0, 9, 10].into(), now);
    network.run(now.after(Duration::from_secs(5)));
    assert!(network.host(roo).unwrap().outcome(server).is_failure());
    network.cable_up(at(EDGE, 25));
    network.move_node(roo, at(CORE, 20));
    assert_eq!(count(&mut network, port_status), 4);
    assert_eq!(network.location(roo), Some(at(CORE, 20)));
    let mac = network.host(roo).unwrap().mac();
    install(&mut network, CORE, &towards(mac), 10, &[20]);
    let now = network.now();
    let server = network.host_mut(roo).unwrap().ping([10, 0, 9, 10].into(), now);
    network.run(now.after(Duration::from_secs(5)));
    assert!(network.host(roo).unwrap().outcome(server).is_success());
    network.reboot(CORE);
    assert_eq!(network.closed().collect::<Vec<_>>(), [CORE]);
    assert_eq!(network.switch(CORE).unwrap().flows().count(), 0);
    let now = network.now();
    let server = network.host_mut(roo).unwrap().ping([10, 0, 9, 10].into(), now);
    network.run(now.after(Duration::from_secs(5)));
    assert!(network.host(roo).unwrap().outcome(server).is_failure());
}

#[test]
fn a_loop_ends_and_is_counted() {
    let mut network = Network::new(Time(0), Duration::ZERO);
    for dpid in [EDGE, CORE] {
        network.add_switch(SwitchConfig::new(dpid, 4));
    }
    network.link(at(EDGE, 1), at(CORE, 1));
    network.link(at(EDGE, 2), at(CORE, 2));
    let config = HostConfig::new(MacAddr([2, 0, 0, 0, 0, 1]), [10, 0, 0, 1].into());
    let host = network.add_node("host", Host::new(config).into(), at(EDGE, 3), None);
    connect(&mut network, 1);
    for dpid in [EDGE, CORE] {
        install(&mut network, dpid, &FlowMatch::default(), 1, &[0xfffb]);
    }
    network.host_mut(host).unwrap().ping([10, 0, 0, 2].into(), Time(0));
    network.run(Time(10));
    assert!(network.faults().loops > 0);
    assert_eq!(network.deadline(), Some(Time(SECOND)));
}

#[test]
fn a_one_armed_box_returns_frames_and_deliveries_are_recorded() {
    let mut network = Network::new(Time(0), Duration::ZERO);
    network.add_switch(SwitchConfig::new(EDGE, 4));
    let config = HostConfig::new(MacAddr([2, 0, 0, 0, 0, 1]), [10, 0, 0, 1].into());
    let host = network.add_node("host", Host::new(config).into(), at(EDGE, 1), None);
    let ids = network.add_node("ids", Middlebox::new(Shape::OneArmed, 4).into(), at(EDGE, 2), None);
    connect(&mut network, 4);
    let by = |port| FlowMatch { in_port: Some(PortNo(port)), ..FlowMatch::default() };
    install(&mut network, EDGE, &by(1), 1, &[2]);
    install(&mut network, EDGE, &by(2), 1, &[1]);
    network.host_mut(host).unwrap().ping([10, 0, 0, 2].into(), Time(0));
    network.run(Time(10));
    let reached: Vec<NodeId> = network.delivered().map(|delivered| delivered.node).collect();
    assert_eq!(reached, [ids, host]);
    assert_eq!(network.middlebox(ids).unwrap().seen(Side::In).frames, 1);
    network.forget_delivered();
    assert_eq!(network.delivered().count(), 0);
}

#[test]
fn what_a_switch_asks_waits_for_its_controller() {
    let plan = Campus::ethane(3);
    let mut network = plan.build(Time(0), Duration::ZERO);
    connect(&mut network, 1);
    network.to_controller().for_each(drop);
    let griffin = network.find("griffin").unwrap();
    network.host_mut(griffin).unwrap().ping([10, 0, 1, 12].into(), Time(0));
    network.run(Time(5));
    let asked: Vec<_> = network.to_controller().collect();
    assert_eq!(asked.len(), 1);
    let (dpid, bytes) = &asked[0];
    let (_, message) = v10::Message::decode(bytes).unwrap();
    let v10::Message::PacketIn(packet) = message else { panic!("{message:?}") };
    assert_eq!((*dpid, packet.in_port.0), (EDGE, 1));
    // The controller answers the question itself, as it will for every host.
    let parsed = packet::parse(&packet.data).unwrap();
    let packet::Payload::Arp(question) = parsed.payload else { panic!("{parsed:?}") };
    let answer = question.reply(MacAddr([2, 0, 0, 0, 0, 0x12])).to_frame();
    let actions = [v10::Action::Output { port: v10::PortNo(1), max_len: 0 }];
    tell(&mut network, EDGE, |out| {
        v10::PacketOut::encode_parts((u32::MAX, v10::PortNo::NONE), &actions, &answer, 3, out).unwrap();
    });
    network.run(Time(6));
    let asked: Vec<_> = network.to_controller().collect();
    assert_eq!(asked.len(), 1, "the echo request");
}

/// What a controller hears in which order, where two switches are told to answer three times each.
fn heard(seed: Option<u64>) -> Vec<(Dpid, u32)> {
    let mut network = Campus::ethane(2).build(Time(0), Duration::from_micros(50));
    connect(&mut network, 4);
    network.to_controller();
    if let Some(seed) = seed {
        network.delay_by_seed(seed, Duration::from_millis(5));
    }
    for xid in 1..=3 {
        for dpid in [EDGE, CORE] {
            tell(&mut network, dpid, |out| v13::Message::BarrierRequest.encode(xid, out).unwrap());
        }
    }
    let mut answers = Vec::new();
    while network.step(Time(SECOND)) {
        answers.extend(network.to_controller().map(|(dpid, bytes)| (dpid, openflow::Header::read(&bytes).unwrap().xid)));
    }
    answers.extend(network.to_controller().map(|(dpid, bytes)| (dpid, openflow::Header::read(&bytes).unwrap().xid)));
    answers
}

#[test]
fn seeds_reorder_what_is_under_way_but_not_one_connection() {
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let answers = heard(Some(seed));
        assert_eq!(answers, heard(Some(seed)));
        for dpid in [EDGE, CORE] {
            let own: Vec<u32> = answers.iter().filter(|(from, _)| *from == dpid).map(|(_, xid)| *xid).collect();
            assert_eq!(own, [1, 2, 3], "seed {seed}");
        }
        orders.insert(answers);
    }
    // Three and three can be mixed in twenty ways.
    assert!(orders.len() > 10, "{}", orders.len());
    assert_eq!(heard(None).len(), 6);
}

#[test]
fn what_is_under_way_is_lost_with_its_connection() {
    let mut network = Campus::ethane(2).build(Time(0), Duration::from_micros(50));
    connect(&mut network, 4);
    assert!(network.to_controller().count() > 0);
    network.delay_by_seed(1, Duration::from_millis(5));
    tell(&mut network, EDGE, |out| v13::Message::BarrierRequest.encode(1, out).unwrap());
    network.disconnect(EDGE);
    network.run(Time(SECOND));
    assert_eq!(network.to_controller().count(), 0);
}
