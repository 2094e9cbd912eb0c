//! The switch as a controller of OpenFlow 1.0 sees it.

use bytes::{Bytes, BytesMut};
use net::{EtherType, FlowMatch, PortNo, Time, VlanMatch};
use openflow::v10::{
    Action, FlowMod, FlowModCommand, FlowModFlags, FlowRemovedReason, FlowStatsRequest, Match, Message, PacketInReason,
    PacketOut, PortMod, PortNo as Wire, PortState, StatsFlags, StatsReplyBody, StatsRequest, StatsRequestBody,
};

use super::{SECOND, frame, frame_to, greeted, ports, small};
use crate::switch::{Output, Switch, SwitchConfig};

const OUT_2: Action = Action::Output { port: Wire(2), max_len: 0 };
const OUT_3: Action = Action::Output { port: Wire(3), max_len: 0 };

fn switch() -> Switch {
    greeted(small(), &[1])
}

fn decoded(outputs: &[Output]) -> Vec<Message> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Controller(_, bytes) => Some(Message::decode(bytes).unwrap().1),
            Output::Port(..) | Output::Close(_) => None,
        })
        .collect()
}

fn send(switch: &mut Switch, message: &Message, at: u64) -> Vec<Message> {
    decoded(&send_raw(switch, message, at))
}

fn send_raw(switch: &mut Switch, message: &Message, at: u64) -> Vec<Output> {
    let mut bytes = BytesMut::new();
    message.encode(9, &mut bytes).unwrap();
    switch.from_controller(&bytes, Time(at))
}

fn error(messages: &[Message]) -> String {
    match messages {
        [Message::Error(error)] => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn to(port: u16) -> Match {
    let web = FlowMatch { dl_type: Some(EtherType::IPV4), nw_proto: Some(net::IpProto::TCP), ..FlowMatch::default() };
    let mut matching = Match::from_flow(&web).unwrap();
    matching.wildcards.0 &= !openflow::v10::Wildcards::TP_DST.0;
    matching.tp_dst = port;
    matching
}

fn add(matching: Match, priority: u16, actions: &[Action]) -> FlowMod {
    FlowMod { actions: actions.to_vec(), ..FlowMod::add(matching, priority) }
}

#[test]
fn features_and_description_tell_of_the_switch() {
    let mut switch = switch();
    let messages = send(&mut switch, &Message::FeaturesRequest, 0);
    let [Message::FeaturesReply(features)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((features.datapath_id.0, features.n_tables, features.ports.len()), (0x42, 1, 4));
    assert_eq!(features.ports[0].name.to_string(), "port1");
    let echo = send(&mut switch, &Message::EchoRequest(Bytes::from_static(b"x")), 0);
    assert_eq!(echo, [Message::EchoReply(Bytes::from_static(b"x"))]);
    assert_eq!(send(&mut switch, &Message::BarrierRequest, 0), [Message::BarrierReply]);
}

#[test]
fn a_miss_asks_the_controller_and_the_highest_priority_wins() {
    let mut switch = switch();
    let asked = decoded(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    let [Message::PacketIn(packet)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((packet.in_port, packet.reason, &packet.data), (Wire(1), PacketInReason::NO_MATCH, &frame(1, 2)));
    assert_eq!(send(&mut switch, &Message::FlowMod(add(Match::ANY, 1, &[OUT_2])), 0), []);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2]);
    assert_eq!(send(&mut switch, &Message::FlowMod(add(to(80), 2, &[OUT_3])), 0), []);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3]);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame_to(1, 2, 22), Time(0))), [2]);
    // An entry without actions drops.
    assert_eq!(send(&mut switch, &Message::FlowMod(add(to(22), 3, &[])), 0), []);
    assert_eq!(switch.from_port(PortNo(1), frame_to(1, 2, 22), Time(0)), []);
    // Nothing goes back out of the port that it came in on.
    assert_eq!(switch.from_port(PortNo(3), frame(1, 2), Time(0)), []);
}

#[test]
fn entries_without_wildcards_go_before_all() {
    let mut switch = switch();
    let key = packet::parse(&frame(1, 2)).unwrap().key;
    let mut exact = Match::from_flow(&FlowMatch { in_port: Some(PortNo(1)), dscp: Some(0), ..FlowMatch::exact(&key) }).unwrap();
    exact.wildcards.0 = 0;
    send(&mut switch, &Message::FlowMod(add(Match::ANY, 60_000, &[OUT_2])), 0);
    send(&mut switch, &Message::FlowMod(add(exact, 1, &[OUT_3])), 0);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3]);
}

#[test]
fn timeouts_remove_and_tell_with_counters() {
    let mut switch = switch();
    let idle = FlowMod { idle_timeout: 10, flags: FlowModFlags::SEND_FLOW_REM, ..add(to(80), 5, &[OUT_2]) };
    let hard = FlowMod { hard_timeout: 30, flags: FlowModFlags::SEND_FLOW_REM, cookie: 77, ..add(to(22), 5, &[OUT_2]) };
    send(&mut switch, &Message::FlowMod(idle), 0);
    send(&mut switch, &Message::FlowMod(hard), 0);
    for at in [5, 14, 23] {
        assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(at * SECOND))), [2]);
        assert_eq!(switch.tick(Time((at + 1) * SECOND)), []);
    }
    assert_eq!(switch.tick(Time(29 * SECOND)), []);
    let gone = decoded(&switch.tick(Time(30 * SECOND)));
    let [Message::FlowRemoved(hard)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!((hard.cookie, hard.reason, hard.duration_sec), (77, FlowRemovedReason::HARD_TIMEOUT, 30));
    let gone = decoded(&switch.tick(Time(33 * SECOND)));
    let [Message::FlowRemoved(idle)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!((idle.reason, idle.packet_count, idle.byte_count), (FlowRemovedReason::IDLE_TIMEOUT, 3, 3 * 54));
    assert_eq!(switch.flows().count(), 0);
}

#[test]
fn strict_and_loose_deletion_differ() {
    let mut switch = switch();
    for (matching, priority) in [(to(80), 5), (to(22), 5), (Match::ANY, 5)] {
        send(&mut switch, &Message::FlowMod(add(matching, priority, &[OUT_2])), 0);
    }
    let delete =
        |command, matching, priority| Message::FlowMod(FlowMod { command, out_port: Wire::NONE, ..add(matching, priority, &[]) });
    send(&mut switch, &delete(FlowModCommand::DELETE_STRICT, to(80), 4), 0);
    assert_eq!(switch.flows().count(), 3);
    send(&mut switch, &delete(FlowModCommand::DELETE_STRICT, Match::ANY, 5), 0);
    assert_eq!(switch.flows().count(), 2);
    send(&mut switch, &delete(FlowModCommand::DELETE, to(80), 0), 0);
    assert_eq!(switch.flows().count(), 1);
    let by_port = FlowMod { out_port: Wire(3), command: FlowModCommand::DELETE, ..add(Match::ANY, 0, &[]) };
    send(&mut switch, &Message::FlowMod(by_port), 0);
    assert_eq!(switch.flows().count(), 1);
    send(&mut switch, &delete(FlowModCommand::DELETE, Match::ANY, 0), 0);
    assert_eq!(switch.flows().count(), 0);
}

#[test]
fn adding_replaces_modifying_keeps_counters() {
    let mut switch = switch();
    send(&mut switch, &Message::FlowMod(add(to(80), 5, &[OUT_2])), 0);
    switch.from_port(PortNo(1), frame(1, 2), Time(0));
    let modify = FlowMod { command: FlowModCommand::MODIFY, cookie: 8, ..add(Match::ANY, 0, &[OUT_3]) };
    send(&mut switch, &Message::FlowMod(modify), 0);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3]);
    let flow = switch.flows().next().unwrap();
    assert_eq!((flow.packets, flow.cookie, flow.priority), (2, 8, 5));
    send(&mut switch, &Message::FlowMod(add(to(80), 5, &[OUT_2])), 0);
    assert_eq!(switch.flows().map(|flow| flow.packets).collect::<Vec<_>>(), [0]);
    // A modification that finds nothing adds.
    let strict = FlowMod { command: FlowModCommand::MODIFY_STRICT, ..add(to(22), 9, &[OUT_2]) };
    send(&mut switch, &Message::FlowMod(strict), 0);
    assert_eq!(switch.flows().count(), 2);
}

#[test]
fn overlap_full_tables_and_bad_actions_are_refused() {
    let mut switch = switch();
    send(&mut switch, &Message::FlowMod(add(to(80), 5, &[])), 0);
    let checked = FlowMod { flags: FlowModFlags::CHECK_OVERLAP, ..add(Match::ANY, 5, &[]) };
    assert_eq!(error(&send(&mut switch, &Message::FlowMod(checked.clone()), 0)), "FLOW_MOD_FAILED/OVERLAP");
    assert_eq!(send(&mut switch, &Message::FlowMod(FlowMod { priority: 6, ..checked }), 0), []);
    for port in [1, 2] {
        assert_eq!(send(&mut switch, &Message::FlowMod(add(to(port), 5, &[])), 0), []);
    }
    let full = send(&mut switch, &Message::FlowMod(add(to(3), 5, &[])), 0);
    assert_eq!(error(&full), "FLOW_MOD_FAILED/ALL_TABLES_FULL");
    for port in [Wire(0), Wire::NONE, Wire::NORMAL, Wire::TABLE] {
        let bad = add(to(80), 5, &[Action::Output { port, max_len: 0 }]);
        assert_eq!(error(&send(&mut switch, &Message::FlowMod(bad), 0)), "BAD_ACTION/BAD_OUT_PORT");
    }
    let vendor = Message::Vendor { vendor: 1, data: Bytes::new() };
    assert_eq!(error(&send(&mut switch, &vendor, 0)), "BAD_REQUEST/BAD_VENDOR");
    assert_eq!(error(&send(&mut switch, &Message::BarrierReply, 0)), "BAD_REQUEST/BAD_TYPE");
}

#[test]
fn packets_out_go_where_they_are_sent() {
    let mut switch = switch();
    let out = |port, in_port| {
        let actions = vec![Action::Output { port, max_len: 0 }];
        Message::PacketOut(PacketOut { buffer_id: u32::MAX, in_port, actions, data: frame(1, 2) })
    };
    for (message, expected) in [
        (out(Wire(3), Wire::NONE), &[3][..]),
        (out(Wire::FLOOD, Wire(2)), &[1, 3, 4]),
        (out(Wire::ALL, Wire::NONE), &[1, 2, 3, 4]),
        (out(Wire::IN_PORT, Wire(2)), &[2]),
        (out(Wire(2), Wire(2)), &[]),
    ] {
        assert_eq!(ports(&send_raw(&mut switch, &message, 0)), expected);
    }
    let asked = send(&mut switch, &out(Wire::TABLE, Wire(1)), 0);
    assert!(matches!(asked.as_slice(), [Message::PacketIn(_)]), "{asked:?}");
    let asked = send(&mut switch, &out(Wire::CONTROLLER, Wire(1)), 0);
    let [Message::PacketIn(packet)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(packet.reason, PacketInReason::ACTION);
}

#[test]
fn buffers_hold_packets_until_they_are_released() {
    let mut switch = greeted(SwitchConfig { buffers: 2, ..small() }, &[1]);
    let long = {
        let mut long = frame(1, 2).to_vec();
        long.resize(300, 0);
        Bytes::from(long)
    };
    let ask = |switch: &mut Switch| match decoded(&switch.from_port(PortNo(1), long.clone(), Time(0))).as_slice() {
        [Message::PacketIn(packet)] => packet.clone(),
        other => panic!("{other:?}"),
    };
    let first = ask(&mut switch);
    assert_eq!((first.data.len(), first.total_len), (128, 300));
    let release =
        |buffer_id| Message::PacketOut(PacketOut { buffer_id, in_port: Wire::NONE, actions: vec![OUT_2], data: Bytes::new() });
    assert_eq!(send_raw(&mut switch, &release(first.buffer_id), 0), [Output::Port(PortNo(2), long.clone())]);
    assert_eq!(error(&send(&mut switch, &release(first.buffer_id), 0)), "BAD_REQUEST/BUFFER_UNKNOWN");
    let (old, _, last) = (ask(&mut switch), ask(&mut switch), ask(&mut switch));
    assert_eq!(error(&send(&mut switch, &release(old.buffer_id), 0)), "BAD_REQUEST/BUFFER_UNKNOWN");
    let entry = FlowMod { buffer_id: last.buffer_id, ..add(Match::ANY, 5, &[OUT_3]) };
    assert_eq!(send_raw(&mut switch, &Message::FlowMod(entry), 0), [Output::Port(PortNo(3), long.clone())]);
}

#[test]
fn rewriting_and_tags_reach_the_wire() {
    let mut switch = switch();
    let actions = [Action::SetVlanVid(5), OUT_2, Action::StripVlan, OUT_3];
    send(&mut switch, &Message::FlowMod(add(Match::ANY, 5, &actions)), 0);
    let outputs = switch.from_port(PortNo(1), frame(1, 2), Time(0));
    let [Output::Port(PortNo(2), tagged), Output::Port(PortNo(3), plain)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(packet::parse(tagged).unwrap().key.vlan.unwrap().id, net::VlanId::new(5));
    assert_eq!(plain, &frame(1, 2));
    let untagged = Match::from_flow(&FlowMatch { vlan: VlanMatch::Untagged, ..FlowMatch::default() }).unwrap();
    send(&mut switch, &Message::FlowMod(add(untagged, 9, &[])), 0);
    assert_eq!(switch.from_port(PortNo(1), frame(1, 2), Time(0)), []);
    assert_eq!(ports(&switch.from_port(PortNo(1), tagged.clone(), Time(0))), [2, 3]);
}

#[test]
fn ports_change_and_are_told() {
    let mut switch = switch();
    send(&mut switch, &Message::FlowMod(add(Match::ANY, 5, &[OUT_2])), 0);
    let told = decoded(&switch.set_port(PortNo(2), false, Time(0)));
    let [Message::PortStatus(status)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((status.desc.port_no, status.desc.state), (Wire(2), PortState::LINK_DOWN));
    assert_eq!(switch.set_port(PortNo(2), false, Time(0)), []);
    assert_eq!(switch.from_port(PortNo(1), frame(1, 2), Time(0)), []);
    assert_eq!(switch.counters(PortNo(2)).unwrap().tx_dropped, 1);
    switch.set_port(PortNo(2), true, Time(0));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2]);
    let change = |hw_addr| PortMod {
        port_no: Wire(2),
        hw_addr,
        config: openflow::v10::PortConfig::PORT_DOWN,
        mask: openflow::v10::PortConfig::PORT_DOWN,
        advertise: openflow::v10::PortFeatures::NONE,
    };
    let wrong = send(&mut switch, &Message::PortMod(change(net::MacAddr::ZERO)), 0);
    assert_eq!(error(&wrong), "PORT_MOD_FAILED/BAD_HW_ADDR");
    let right = change(switch.port_mac(PortNo(2)).unwrap());
    assert!(matches!(send(&mut switch, &Message::PortMod(right), 0).as_slice(), [Message::PortStatus(_)]));
    assert_eq!(switch.from_port(PortNo(1), frame(1, 2), Time(0)), []);
}

#[test]
fn statistics_tell_of_entries_and_come_in_parts() {
    let mut switch = greeted(SwitchConfig { capacity: 2000, ..small() }, &[1]);
    for port in 0..1000 {
        send(&mut switch, &Message::FlowMod(add(to(port), 5, &[OUT_2])), 0);
    }
    switch.from_port(PortNo(1), frame(1, 2), Time(0));
    let wanted = FlowStatsRequest { matching: Match::ANY, table_id: 0xff, out_port: Wire::NONE };
    let ask = |body| Message::StatsRequest(StatsRequest { flags: StatsFlags::NONE, body });
    let parts = send(&mut switch, &ask(StatsRequestBody::Flow(wanted.clone())), 0);
    let mut entries = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let Message::StatsReply(reply) = part else { panic!("{part:?}") };
        assert_eq!(reply.flags.contains(StatsFlags::REPLY_MORE), at + 1 < parts.len());
        let StatsReplyBody::Flow(flows) = &reply.body else { panic!("{reply:?}") };
        entries.extend(flows.iter().map(|flow| (flow.matching.tp_dst, flow.packet_count)));
    }
    entries.sort_unstable();
    assert!(parts.len() > 1);
    assert_eq!(entries, (0..1000).map(|port| (port, u64::from(port == 80))).collect::<Vec<_>>());
    let sums = send(&mut switch, &ask(StatsRequestBody::Aggregate(wanted)), 0);
    let [Message::StatsReply(reply)] = sums.as_slice() else { panic!("{sums:?}") };
    let StatsReplyBody::Aggregate(sums) = &reply.body else { panic!("{reply:?}") };
    assert_eq!((sums.flow_count, sums.packet_count), (1000, 1));
    let tables = send(&mut switch, &ask(StatsRequestBody::Table), 0);
    let [Message::StatsReply(reply)] = tables.as_slice() else { panic!("{tables:?}") };
    let StatsReplyBody::Table(tables) = &reply.body else { panic!("{reply:?}") };
    assert_eq!((tables[0].max_entries, tables[0].active_count, tables[0].matched_count), (2000, 1000, 1));
}

#[test]
fn entries_outlive_the_connection_but_not_a_reboot_or_another_version() {
    let mut switch = switch();
    send(&mut switch, &Message::FlowMod(add(Match::ANY, 5, &[OUT_2])), 0);
    switch.disconnect();
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2]);
    let again = |switch: &mut Switch, version| {
        switch.connect(Time(0));
        let mut bytes = BytesMut::new();
        openflow::Hello::offering(&[version]).encode(1, &mut bytes).unwrap();
        switch.from_controller(&bytes, Time(0));
    };
    again(&mut switch, 1);
    assert_eq!(switch.flows().count(), 1);
    again(&mut switch, 4);
    assert_eq!(switch.flows().count(), 0);
    again(&mut switch, 1);
    send(&mut switch, &Message::FlowMod(add(Match::ANY, 5, &[OUT_2])), 0);
    switch.reboot();
    assert_eq!((switch.flows().count(), switch.is_connected()), (0, false));
    assert_eq!(switch.from_port(PortNo(1), frame(1, 2), Time(0)), []);
}
