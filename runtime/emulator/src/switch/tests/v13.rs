//! The switch as a controller of OpenFlow 1.3 sees it.

mod meters;

use bytes::{Bytes, BytesMut};
use net::{EtherType, FlowMatch, IpProto, PortNo, Time};
use openflow::v13::{
    Action, Bucket, FlowMod, FlowModCommand, FlowModFlags, FlowRemovedReason, FlowStatsRequest, GroupMod, GroupModCommand,
    GroupType, Instruction, Match, Message, MultipartReplyBody, MultipartRequest, MultipartRequestBody, OFP_NO_BUFFER, OFPG_ANY,
    OFPTT_ALL, Oxm, PacketInReason, PortNo as Wire, Role, RoleRequest,
};

use super::{SECOND, frame, frame_to, greeted, ports, small};
use crate::switch::{Output, Switch};

fn out(port: u32) -> Action {
    Action::Output { port: Wire(port), max_len: 0xffff }
}

fn switch() -> Switch {
    greeted(small(), &[1, 4])
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
    let mut bytes = BytesMut::new();
    message.encode(9, &mut bytes).unwrap();
    decoded(&switch.from_controller(&bytes, Time(at)))
}

fn error(messages: &[Message]) -> String {
    match messages {
        [Message::Error(error)] => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn to(port: u16) -> Match {
    [Oxm::EthType(0x0800), Oxm::IpProto(6), Oxm::TcpDst(port, None)].into_iter().collect()
}

fn add(table: u8, matching: Match, priority: u16, instructions: Vec<Instruction>) -> FlowMod {
    FlowMod { instructions, ..FlowMod::add(table, matching, priority) }
}

fn apply(actions: &[Action]) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(actions.to_vec())]
}

fn install(switch: &mut Switch, entry: FlowMod) {
    assert_eq!(send(switch, &Message::FlowMod(entry), 0), []);
}

#[test]
fn without_a_table_miss_entry_a_miss_is_dropped() {
    let mut switch = switch();
    assert_eq!(switch.from_port(PortNo(1), frame(1, 2), Time(0)), []);
    install(&mut switch, add(0, Match::ANY, 0, apply(&[out(Wire::CONTROLLER.0)])));
    let asked = decoded(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    let [Message::PacketIn(packet)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((packet.in_port(), packet.reason), (Some(Wire(1)), PacketInReason::NO_MATCH));
    assert_eq!((packet.buffer_id, &packet.data), (OFP_NO_BUFFER, &frame(1, 2)));
    install(&mut switch, FlowMod { cookie: 5, ..add(0, to(80), 1, apply(&[out(Wire::CONTROLLER.0)])) });
    let asked = decoded(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    let [Message::PacketIn(packet)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((packet.cookie, packet.reason), (5, PacketInReason::ACTION));
}

#[test]
fn tables_are_passed_in_order_with_metadata_and_action_set() {
    let mut switch = switch();
    let on = |table| Instruction::GotoTable(table);
    let mark = Instruction::WriteMetadata { metadata: 0xa5, metadata_mask: 0xff };
    install(&mut switch, add(0, to(80), 5, vec![Instruction::WriteActions(vec![out(2)]), mark, on(3)]));
    install(&mut switch, add(0, Match::ANY, 1, vec![on(3)]));
    let marked: Match = [Oxm::Metadata(0xa0, Some(0xf0))].into_iter().collect();
    install(&mut switch, add(3, marked, 5, vec![Instruction::ApplyActions(vec![out(3)]), on(4)]));
    install(&mut switch, add(4, Match::ANY, 0, Vec::new()));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3, 2]);
    assert_eq!(switch.from_port(PortNo(1), frame_to(1, 2, 22), Time(0)), []);
    install(&mut switch, add(4, to(80), 5, vec![Instruction::ClearActions, Instruction::WriteActions(vec![out(4)])]));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3, 4]);
    for (table, next) in [(3, 3), (3, 2), (0, 200)] {
        let back = send(&mut switch, &Message::FlowMod(add(table, to(1), 1, vec![on(next)])), 0);
        assert_eq!(error(&back), "BAD_INSTRUCTION/BAD_TABLE_ID");
    }
    let beyond = send(&mut switch, &Message::FlowMod(add(200, to(1), 1, Vec::new())), 0);
    assert_eq!(error(&beyond), "FLOW_MOD_FAILED/BAD_TABLE_ID");
}

#[test]
fn cookies_narrow_deletions_and_changes() {
    let mut switch = switch();
    for (port, cookie) in [(80, 0x11), (81, 0x12), (82, 0x21)] {
        install(&mut switch, FlowMod { cookie, ..add(0, to(port), 5, apply(&[out(2)])) });
    }
    let by_cookie = |command, cookie, cookie_mask| FlowMod {
        command,
        cookie,
        cookie_mask,
        table_id: 0,
        out_port: Wire::ANY,
        out_group: OFPG_ANY,
        ..add(0, Match::ANY, 0, apply(&[out(3)]))
    };
    install(&mut switch, by_cookie(FlowModCommand::MODIFY, 0x10, 0xf0));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame_to(1, 2, 81), Time(0))), [3]);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame_to(1, 2, 82), Time(0))), [2]);
    install(&mut switch, by_cookie(FlowModCommand::DELETE, 0x11, u64::MAX));
    assert_eq!(switch.flows().count(), 2);
    install(&mut switch, FlowMod { table_id: OFPTT_ALL, ..by_cookie(FlowModCommand::DELETE, 0x10, 0xf0) });
    assert_eq!(switch.flows().map(|flow| flow.cookie).collect::<Vec<_>>(), [0x21]);
    // A change that finds nothing adds nothing.
    install(&mut switch, by_cookie(FlowModCommand::MODIFY, 0x10, 0xf0));
    assert_eq!(switch.flows().count(), 1);
}

#[test]
fn removal_is_told_with_its_reason_only_if_asked() {
    let mut switch = switch();
    let told = FlowModFlags::SEND_FLOW_REM;
    install(&mut switch, FlowMod { flags: told, idle_timeout: 1, ..add(0, to(80), 5, Vec::new()) });
    install(&mut switch, FlowMod { flags: told, ..add(1, to(81), 5, Vec::new()) });
    install(&mut switch, FlowMod { idle_timeout: 1, ..add(0, to(82), 5, Vec::new()) });
    assert_eq!(switch.deadline(), Some(Time(SECOND)));
    let gone = decoded(&switch.tick(Time(SECOND)));
    let [Message::FlowRemoved(removed)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!((removed.reason, removed.table_id, &removed.matching), (FlowRemovedReason::IDLE_TIMEOUT, 0, &to(80)));
    assert_eq!(switch.deadline(), None);
    let all = FlowMod { command: FlowModCommand::DELETE, table_id: OFPTT_ALL, ..add(0, Match::ANY, 0, Vec::new()) };
    let gone = send(&mut switch, &Message::FlowMod(all), 2 * SECOND);
    let [Message::FlowRemoved(removed)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!((removed.reason, removed.table_id, removed.duration_sec), (FlowRemovedReason::DELETE, 1, 2));
}

#[test]
fn replacing_keeps_counters_unless_told_to_reset() {
    let mut switch = switch();
    let entry = add(0, to(80), 5, Vec::new());
    install(&mut switch, entry.clone());
    switch.from_port(PortNo(1), frame(1, 2), Time(0));
    install(&mut switch, entry.clone());
    assert_eq!(switch.flows().next().unwrap().packets, 1);
    install(&mut switch, FlowMod { flags: FlowModFlags::RESET_COUNTS, ..entry });
    assert_eq!(switch.flows().next().unwrap().packets, 0);
}

#[test]
fn roles_come_from_elections_and_a_slave_changes_nothing() {
    let mut switch = switch();
    let role = |role, generation_id| Message::RoleRequest(RoleRequest { role, generation_id });
    let granted = |messages: Vec<Message>| match messages.as_slice() {
        [Message::RoleReply(reply)] => (reply.role, reply.generation_id),
        other => panic!("{other:?}"),
    };
    assert_eq!(granted(send(&mut switch, &role(Role::NOCHANGE, 0), 0)), (Role::EQUAL, u64::MAX));
    assert_eq!(granted(send(&mut switch, &role(Role::MASTER, 7), 0)), (Role::MASTER, 7));
    assert_eq!(error(&send(&mut switch, &role(Role::SLAVE, 6), 0)), "ROLE_REQUEST_FAILED/STALE");
    install(&mut switch, add(0, Match::ANY, 0, apply(&[out(Wire::CONTROLLER.0)])));
    assert_eq!(granted(send(&mut switch, &role(Role::SLAVE, 8), 0)), (Role::SLAVE, 8));
    let refused = send(&mut switch, &Message::FlowMod(add(0, to(80), 5, Vec::new())), 0);
    assert_eq!(error(&refused), "BAD_REQUEST/IS_SLAVE");
    assert_eq!(switch.from_port(PortNo(1), frame(1, 2), Time(0)), []);
    assert!(matches!(decoded(&switch.set_port(PortNo(2), false, Time(0))).as_slice(), [Message::PortStatus(_)]));
    assert_eq!(granted(send(&mut switch, &role(Role::EQUAL, 0), 0)), (Role::EQUAL, 8));
    assert_eq!(decoded(&switch.from_port(PortNo(1), frame(1, 2), Time(0))).len(), 1);
}

/// A bucket that leads out of a port, and is live with it where that can be.
fn bucket(kind: GroupType, port: u32) -> Bucket {
    let watches = matches!(kind, GroupType::SELECT | GroupType::FF);
    Bucket {
        weight: u16::from(kind == GroupType::SELECT),
        watch_port: if watches { Wire(port) } else { Wire::ANY },
        watch_group: OFPG_ANY,
        actions: vec![out(port)],
    }
}

#[test]
fn groups_copy_choose_and_fail_over() {
    let mut switch = switch();
    let group = |command, kind, group_id, buckets: &[u32]| {
        let buckets = buckets.iter().map(|port| bucket(kind, *port)).collect();
        Message::GroupMod(GroupMod { command, kind, group_id, buckets })
    };
    let unknown = add(0, Match::ANY, 5, apply(&[Action::Group(1)]));
    assert_eq!(error(&send(&mut switch, &Message::FlowMod(unknown.clone()), 0)), "BAD_ACTION/BAD_OUT_GROUP");
    assert_eq!(send(&mut switch, &group(GroupModCommand::ADD, GroupType::ALL, 1, &[2, 3]), 0), []);
    let again = send(&mut switch, &group(GroupModCommand::ADD, GroupType::ALL, 1, &[]), 0);
    assert_eq!(error(&again), "GROUP_MOD_FAILED/GROUP_EXISTS");
    install(&mut switch, FlowMod { flags: FlowModFlags::SEND_FLOW_REM, ..unknown });
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2, 3]);
    assert_eq!(send(&mut switch, &group(GroupModCommand::MODIFY, GroupType::FF, 1, &[2, 3]), 0), []);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2]);
    switch.set_port(PortNo(2), false, Time(0));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3]);
    switch.set_port(PortNo(2), true, Time(0));
    assert_eq!(send(&mut switch, &group(GroupModCommand::MODIFY, GroupType::SELECT, 1, &[2, 3, 4]), 0), []);
    let mut chosen: Vec<u32> =
        (0..64).flat_map(|port| ports(&switch.from_port(PortNo(1), frame_to(1, 2, port), Time(0)))).collect();
    let once = ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), once);
    assert_eq!(chosen.len(), 64);
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen, [2, 3, 4]);
    // Those that are not live are not chosen.
    switch.set_port(PortNo(3), false, Time(0));
    let chosen = (0..64).flat_map(|port| ports(&switch.from_port(PortNo(1), frame_to(1, 2, port), Time(0))));
    let chosen: std::collections::BTreeSet<u32> = chosen.collect();
    assert_eq!(chosen, [2, 4].into());
    // Entries go with their group.
    let gone = send(&mut switch, &group(GroupModCommand::DELETE, GroupType::ALL, 1, &[]), 0);
    let [Message::FlowRemoved(removed)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!(removed.reason, FlowRemovedReason::GROUP_DELETE);
}

#[test]
fn groups_that_cannot_be_are_refused() {
    let mut switch = switch();
    let group = |command, kind, group_id, buckets: Vec<Bucket>| Message::GroupMod(GroupMod { command, kind, group_id, buckets });
    let to_group = |next: u32| Bucket { actions: vec![Action::Group(next)], ..bucket(GroupType::ALL, 2) };
    type Do = GroupModCommand;
    assert_eq!(send(&mut switch, &group(Do::ADD, GroupType::ALL, 1, vec![bucket(GroupType::ALL, 2)]), 0), []);
    assert_eq!(send(&mut switch, &group(Do::ADD, GroupType::ALL, 2, vec![to_group(1), bucket(GroupType::ALL, 3)]), 0), []);
    let two = vec![bucket(GroupType::ALL, 2), bucket(GroupType::ALL, 3)];
    for (message, wanted) in [
        (group(Do::ADD, GroupType::INDIRECT, 3, two), "GROUP_MOD_FAILED/INVALID_GROUP"),
        (group(Do::ADD, GroupType::FF, 3, vec![bucket(GroupType::ALL, 2)]), "GROUP_MOD_FAILED/INVALID_GROUP"),
        (group(Do::ADD, GroupType::ALL, 3, vec![bucket(GroupType::FF, 2)]), "GROUP_MOD_FAILED/WATCH_UNSUPPORTED"),
        (
            group(Do::ADD, GroupType::ALL, 3, vec![Bucket { weight: 1, ..bucket(GroupType::ALL, 2) }]),
            "GROUP_MOD_FAILED/INVALID_GROUP",
        ),
        (group(Do::MODIFY, GroupType::ALL, 3, Vec::new()), "GROUP_MOD_FAILED/UNKNOWN_GROUP"),
        (group(Do::MODIFY, GroupType::ALL, 1, vec![to_group(1)]), "GROUP_MOD_FAILED/LOOP"),
        (group(Do::MODIFY, GroupType::ALL, 1, vec![to_group(2)]), "GROUP_MOD_FAILED/LOOP"),
        (group(Do::DELETE, GroupType::ALL, 1, Vec::new()), "GROUP_MOD_FAILED/CHAINED_GROUP"),
        (group(Do::ADD, GroupType::ALL, 3, vec![to_group(9)]), "BAD_ACTION/BAD_OUT_GROUP"),
    ] {
        assert_eq!(error(&send(&mut switch, &message, 0)), wanted, "{message:?}");
    }
    // A group that watches another is live with it.
    let watching = Bucket { watch_port: Wire::ANY, watch_group: 4, ..bucket(GroupType::FF, 3) };
    assert_eq!(send(&mut switch, &group(Do::ADD, GroupType::FF, 4, vec![bucket(GroupType::FF, 2)]), 0), []);
    assert_eq!(send(&mut switch, &group(Do::ADD, GroupType::FF, 5, vec![watching, bucket(GroupType::FF, 4)]), 0), []);
    install(&mut switch, add(0, Match::ANY, 5, apply(&[Action::Group(5), Action::Group(2)])));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [3, 2, 3]);
    switch.set_port(PortNo(2), false, Time(0));
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [4, 3]);
}

#[test]
fn the_actions_of_a_bucket_are_a_set() {
    let mut switch = switch();
    let actions = vec![out(2), out(3), Action::SetField(Oxm::EthDst(net::MacAddr([2, 0, 0, 0, 0, 9]), None))];
    let buckets = vec![Bucket { actions, ..bucket(GroupType::INDIRECT, 2) }];
    let group = GroupMod { command: GroupModCommand::ADD, kind: GroupType::INDIRECT, group_id: 1, buckets };
    assert_eq!(send(&mut switch, &Message::GroupMod(group), 0), []);
    install(&mut switch, add(0, Match::ANY, 5, apply(&[Action::Group(1), out(4)])));
    let outputs = switch.from_port(PortNo(1), frame(1, 2), Time(0));
    // One output is left, after the header is set; what comes after the group is as it was.
    let [Output::Port(PortNo(3), copy), Output::Port(PortNo(4), whole)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((copy[5], whole), (9, &frame(1, 2)));
}

#[test]
fn the_controller_hears_of_packets_whose_life_ends() {
    let mut switch = switch();
    install(&mut switch, add(0, to(80), 5, apply(&[Action::DecNwTtl, out(2)])));
    let mut dying = frame(1, 2).to_vec();
    dying[22] = 1;
    let asked = decoded(&switch.from_port(PortNo(1), dying, Time(0)));
    let [Message::PacketIn(packet)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(packet.reason, PacketInReason::INVALID_TTL);
    assert_eq!(ports(&switch.from_port(PortNo(1), frame(1, 2), Time(0))), [2]);
}

#[test]
fn actions_must_fit_the_packets_that_reach_them() {
    let mut switch = switch();
    let dst = Action::SetField(Oxm::Ipv4Dst([10, 0, 0, 9].into(), None));
    let port = Action::SetField(Oxm::UdpDst(53, None));
    let vid = Action::SetField(Oxm::VlanVid(0x1007, None));
    let ip: Match = [Oxm::EthType(0x86dd)].into_iter().collect();
    let push = Action::PushVlan(0x8100);
    for (matching, actions, wanted) in [
        (Match::ANY, vec![dst.clone()], "BAD_ACTION/MATCH_INCONSISTENT"),
        (ip, vec![dst], "BAD_ACTION/MATCH_INCONSISTENT"),
        (to(80), vec![port], "BAD_ACTION/MATCH_INCONSISTENT"),
        (to(80), vec![vid.clone()], "BAD_ACTION/MATCH_INCONSISTENT"),
        (to(80), vec![Action::PopVlan], "BAD_ACTION/MATCH_INCONSISTENT"),
        (Match::ANY, vec![Action::DecNwTtl], "BAD_ACTION/MATCH_INCONSISTENT"),
        (to(80), vec![push.clone(), Action::PopVlan, vid], "BAD_ACTION/MATCH_INCONSISTENT"),
        (to(80), vec![push.clone(), push.clone(), push], "BAD_ACTION/BAD_TAG"),
    ] {
        let refused = send(&mut switch, &Message::FlowMod(add(0, matching, 5, apply(&actions))), 0);
        assert_eq!(error(&refused), wanted, "{actions:?}");
    }
}

#[test]
fn set_field_and_tags_change_what_goes_out() {
    let mut switch = switch();
    let actions = [
        Action::SetField(Oxm::EthDst(net::MacAddr([2, 0, 0, 0, 0, 9]), None)),
        Action::PushVlan(0x8100),
        Action::SetField(Oxm::VlanVid(0x1007, None)),
        out(2),
    ];
    install(&mut switch, add(0, to(80), 5, apply(&actions)));
    let outputs = switch.from_port(PortNo(1), frame(1, 2), Time(0));
    let [Output::Port(PortNo(2), sent)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let key = packet::parse(sent).unwrap().key;
    assert_eq!((key.dl_dst.0[5], key.vlan.unwrap().id, key.tp_dst()), (9, net::VlanId::new(7), Some(80)));
    for (action, wanted) in [
        (Action::SetField(Oxm::MplsTc(1)), "BAD_ACTION/BAD_SET_TYPE"),
        (Action::PopMpls(0x0800), "BAD_ACTION/BAD_TYPE"),
        (Action::PushVlan(0x9100), "BAD_ACTION/BAD_ARGUMENT"),
    ] {
        let refused = send(&mut switch, &Message::FlowMod(add(0, to(80), 5, apply(&[action]))), 0);
        assert_eq!(error(&refused), wanted);
    }
    let unknown: Match = [Oxm::TunnelId(1, None)].into_iter().collect();
    let refused = send(&mut switch, &Message::FlowMod(add(0, unknown, 5, Vec::new())), 0);
    assert_eq!(error(&refused), "BAD_MATCH/BAD_FIELD");
}

#[test]
fn multipart_questions_are_answered() {
    let mut switch = switch();
    let flow = FlowMatch { dl_type: Some(EtherType::IPV4), nw_proto: Some(IpProto::TCP), ..FlowMatch::default() };
    install(&mut switch, add(2, Match::from_flow(&flow).unwrap(), 5, apply(&[out(2)])));
    assert_eq!(switch.flows().next().unwrap().matching, Some(flow));
    let mut ask = |body| match send(&mut switch, &Message::MultipartRequest(MultipartRequest::new(body)), 3 * SECOND).as_slice() {
        [Message::MultipartReply(reply)] => reply.body.clone(),
        other => panic!("{other:?}"),
    };
    let wanted = |table_id| FlowStatsRequest {
        table_id,
        out_port: Wire::ANY,
        out_group: OFPG_ANY,
        cookie: 0,
        cookie_mask: 0,
        matching: Match::ANY,
    };
    let MultipartReplyBody::Flow(flows) = ask(MultipartRequestBody::Flow(wanted(OFPTT_ALL))) else { panic!("flows") };
    assert_eq!((flows.len(), flows[0].table_id, flows[0].duration_sec), (1, 2, 3));
    assert_eq!(flows[0].instructions, apply(&[out(2)]));
    assert_eq!(ask(MultipartRequestBody::Flow(wanted(0))), MultipartReplyBody::Flow(Vec::new()));
    let MultipartReplyBody::PortDesc(described) = ask(MultipartRequestBody::PortDesc) else { panic!("ports") };
    assert_eq!(described.iter().map(|port| port.port_no.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let MultipartReplyBody::Table(tables) = ask(MultipartRequestBody::Table) else { panic!("tables") };
    assert_eq!(tables.iter().map(|table| table.active_count).collect::<Vec<_>>(), [0, 0, 1, 0, 0, 0, 0, 0]);
    let MultipartReplyBody::TableFeatures(tables) = ask(MultipartRequestBody::TableFeatures(Vec::new())) else { panic!() };
    assert_eq!((tables.len(), tables[0].max_entries), (8, 4));
    let next = |table: usize| {
        tables[table].properties.iter().find_map(|property| match &property.body {
            openflow::v13::TableFeatureBody::NextTables(next) => Some(next.len()),
            _ => None,
        })
    };
    assert_eq!((next(0), next(7)), (Some(7), Some(0)));
    let MultipartReplyBody::Desc(desc) = ask(MultipartRequestBody::Desc) else { panic!("desc") };
    assert_eq!(desc.dp_desc.to_string(), "0x42");
}

#[test]
fn what_is_not_understood_is_answered_as_the_specification_says() {
    let mut switch = switch();
    for (bytes, wanted) in [
        (&[4, 99, 0, 8, 0, 0, 0, 9][..], "BAD_REQUEST/BAD_TYPE"),
        (&[1, 2, 0, 8, 0, 0, 0, 9], "BAD_REQUEST/BAD_VERSION"),
        (&[4, 21, 0, 8, 0, 0, 0, 9], "BAD_REQUEST/BAD_TYPE"),
        (&[4, 14, 0, 8, 0, 0, 0, 9], "BAD_REQUEST/BAD_LEN"),
        (&[4, 4, 0, 16, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1], "BAD_REQUEST/BAD_EXPERIMENTER"),
    ] {
        let outputs = switch.from_controller(bytes, Time(0));
        let [Output::Controller(_, answer)] = outputs.as_slice() else { panic!("{outputs:?}") };
        let (xid, message) = Message::decode(answer).unwrap();
        assert_eq!((xid, error(&[message])), (9, wanted.to_owned()));
    }
    assert_eq!(send(&mut switch, &Message::EchoRequest(Bytes::new()), 0), [Message::EchoReply(Bytes::new())]);
}
