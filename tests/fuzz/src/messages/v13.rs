//! Messages of OpenFlow 1.3, and what is in their lists. Multipart messages are drawn next door.

use net::Dpid;
use openflow::Hello;
use openflow::v13::{
    Action, AsyncConfig, Bucket, Capabilities, ConfigFlags, Error, ErrorType, FeaturesReply, FlowMod, FlowModCommand,
    FlowModFlags, FlowRemoved, FlowRemovedReason, GroupMod, GroupModCommand, GroupType, Instruction, Message, MeterBand,
    MeterFlags, MeterMod, MeterModCommand, OFP_NO_BUFFER, OFPG_ANY, OFPTT_ALL, OFPVID_PRESENT, Oxm, PacketIn, PacketInReason,
    PacketOut, PacketQueue, PortConfig, PortFeatures, PortMod, PortNo, PortReason, PortStatus, QueueGetConfigReply,
    QueueGetConfigRequest, QueueProperty, Role, RoleRequest, SwitchConfig, TableMod,
};

use super::fields::{Packets, matching};
use super::{Draw, quoted, v13_multipart};

/// One of every kind.
pub(super) fn messages(draw: &mut Draw) -> Vec<Message> {
    let mut all = vec![
        Message::Hello(Hello::offering(&[1, 4])),
        Message::Error(Error { kind: ErrorType(draw.below(14) as u16), code: draw.below(2) as u16, data: quoted(4) }),
        Message::EchoRequest(draw.data(40)),
        Message::EchoReply(draw.data(40)),
        Message::FeaturesRequest,
        Message::FeaturesReply(FeaturesReply {
            datapath_id: Dpid(draw.u64()),
            n_buffers: draw.u32(),
            n_tables: draw.u8(),
            auxiliary_id: draw.u8(),
            capabilities: Capabilities(draw.bits(9) as u32 & 0x16f),
            reserved: 0,
        }),
        Message::GetConfigRequest,
        Message::GetConfigReply(config(draw)),
        Message::SetConfig(config(draw)),
        Message::TableMod(TableMod { table_id: draw.u8(), config: draw.bits(2) as u32 }),
        Message::BarrierRequest,
        Message::BarrierReply,
        Message::RoleRequest(role(draw)),
        Message::RoleReply(role(draw)),
        Message::GetAsyncRequest,
        Message::GetAsyncReply(masks(draw)),
        Message::SetAsync(masks(draw)),
        Message::FlowMod(entry(draw)),
        Message::FlowMod(entry(draw)),
        Message::MeterMod(meter(draw)),
    ];
    all.extend(packets(draw));
    all.extend(ports(draw));
    all.extend(groups(draw).into_iter().map(Message::GroupMod));
    all.extend(v13_multipart::messages(draw));
    if draw.anything() {
        all.push(Message::Experimenter { experimenter: draw.u32(), exp_type: draw.u32(), data: draw.data(30) });
    }
    all
}

fn config(draw: &mut Draw) -> SwitchConfig {
    SwitchConfig { flags: ConfigFlags(draw.below(3) as u16), miss_send_len: draw.u16() }
}

fn role(draw: &mut Draw) -> RoleRequest {
    RoleRequest { role: Role(draw.below(4) as u32), generation_id: draw.u64() }
}

fn masks(draw: &mut Draw) -> AsyncConfig {
    AsyncConfig {
        packet_in_mask: draw.bits(3) as u32,
        packet_in_mask_slave: draw.bits(3) as u32,
        port_status_mask: draw.bits(3) as u32,
        port_status_mask_slave: draw.bits(3) as u32,
        flow_removed_mask: draw.bits(4) as u32,
        flow_removed_mask_slave: draw.bits(4) as u32,
    }
}

pub(super) fn physical(draw: &mut Draw) -> PortNo {
    PortNo(1 + draw.bits(15) as u32)
}

/// A port that a packet can be sent to.
fn target(draw: &mut Draw) -> PortNo {
    let special = [0xfff8, 0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe].map(|low| 0xffff_0000 | low);
    if draw.dice.once_in(3) { PortNo(draw.dice.one(&special)) } else { physical(draw) }
}

fn packets(draw: &mut Draw) -> Vec<Message> {
    let (data, port) = (draw.data(90), physical(draw));
    let mut known = vec![Oxm::InPort(port), Oxm::TunnelId(draw.u64(), None), Oxm::Metadata(draw.u64(), None)];
    known.truncate(1 + draw.below(3));
    let (removed, _) = matching(draw);
    vec![
        Message::PacketIn(PacketIn {
            buffer_id: draw.dice.one(&[1, 0x1234, OFP_NO_BUFFER]),
            total_len: data.len() as u16,
            reason: PacketInReason(draw.below(3) as u8),
            table_id: draw.bits(7) as u8,
            cookie: draw.u64(),
            matching: known.into_iter().collect(),
            data,
        }),
        Message::PacketOut(PacketOut {
            buffer_id: OFP_NO_BUFFER,
            in_port: PortNo(draw.dice.one(&[0xffff_fffd, 0xffff_fffe, 7])),
            actions: actions(draw, Packets::Any),
            data: draw.data(90),
        }),
        Message::PacketOut(PacketOut {
            buffer_id: draw.below(900) as u32,
            in_port: physical(draw),
            actions: actions(draw, Packets::Any),
            data: draw.data(0),
        }),
        Message::FlowRemoved(FlowRemoved {
            cookie: draw.u64(),
            priority: draw.u16(),
            reason: FlowRemovedReason(draw.below(4) as u8),
            table_id: draw.bits(7) as u8,
            duration_sec: draw.u32(),
            duration_nsec: draw.u32(),
            idle_timeout: draw.u16(),
            hard_timeout: draw.u16(),
            packet_count: draw.u64(),
            byte_count: draw.u64(),
            matching: removed,
        }),
    ]
}

fn ports(draw: &mut Draw) -> Vec<Message> {
    let port = physical(draw);
    vec![
        Message::PortStatus(PortStatus { reason: PortReason(draw.below(3) as u8), desc: v13_multipart::port(draw) }),
        Message::PortMod(PortMod {
            port_no: port,
            hw_addr: draw.mac(),
            config: PortConfig(draw.bits(7) as u32 & 0x65),
            mask: PortConfig(draw.bits(7) as u32 & 0x65),
            advertise: PortFeatures(draw.bits(16) as u32),
        }),
        Message::QueueGetConfigRequest(QueueGetConfigRequest { port }),
        Message::QueueGetConfigReply(QueueGetConfigReply {
            port,
            queues: draw.some(|draw| PacketQueue { queue_id: draw.u32(), port, properties: draw.some(property) }),
        }),
    ]
}

fn property(draw: &mut Draw) -> QueueProperty {
    match draw.below(if draw.anything() { 4 } else { 2 }) {
        0 => QueueProperty::MinRate(draw.bits(10) as u16),
        1 => QueueProperty::MaxRate(draw.bits(10) as u16),
        2 => QueueProperty::Experimenter { experimenter: draw.u32(), data: draw.eights(20) },
        _ => QueueProperty::Other { property: 3 + draw.bits(8) as u16, data: draw.eights(20) },
    }
}

fn entry(draw: &mut Draw) -> FlowMod {
    let (matching, packets) = matching(draw);
    let command = FlowModCommand(draw.below(5) as u8);
    let deletes = matches!(command, FlowModCommand::DELETE | FlowModCommand::DELETE_STRICT);
    let table_id = if deletes && draw.dice.once_in(2) { OFPTT_ALL } else { draw.bits(6) as u8 };
    FlowMod {
        cookie: draw.u64(),
        cookie_mask: if command == FlowModCommand::ADD { 0 } else { draw.u64() },
        table_id,
        command,
        idle_timeout: draw.u16(),
        hard_timeout: draw.u16(),
        priority: draw.u16(),
        buffer_id: OFP_NO_BUFFER,
        out_port: if deletes { PortNo(draw.dice.one(&[0xffff_ffff, 4])) } else { PortNo::ANY },
        out_group: if deletes { draw.dice.one(&[OFPG_ANY, 5]) } else { OFPG_ANY },
        flags: FlowModFlags(draw.bits(5) as u16),
        matching,
        instructions: if deletes { Vec::new() } else { instructions(draw, packets) },
    }
}

/// Each at most once, as a switch wants it.
pub(super) fn instructions(draw: &mut Draw, packets: Packets) -> Vec<Instruction> {
    let mut all = Vec::new();
    if draw.dice.once_in(3) {
        all.push(Instruction::Meter(1 + draw.bits(10) as u32));
    }
    if draw.dice.once_in(2) {
        all.push(Instruction::ApplyActions(actions(draw, packets)));
    }
    if draw.dice.once_in(4) {
        all.push(Instruction::ClearActions);
    }
    if draw.dice.once_in(3) {
        let output = Action::Output { port: physical(draw), max_len: 0 };
        all.push(Instruction::WriteActions(vec![Action::SetQueue(draw.u32()), output]));
    }
    if draw.dice.once_in(3) {
        let metadata_mask = draw.u64();
        all.push(Instruction::WriteMetadata { metadata: draw.u64() & metadata_mask, metadata_mask });
    }
    if draw.dice.once_in(3) {
        all.push(Instruction::GotoTable(100 + draw.bits(6) as u8));
    }
    if draw.anything() && draw.dice.once_in(3) {
        all.push(Instruction::Experimenter { experimenter: draw.u32(), data: draw.eights(20) });
    }
    all
}

pub(super) fn actions(draw: &mut Draw, packets: Packets) -> Vec<Action> {
    let mut all = Vec::new();
    for _ in 0..draw.below(5) {
        match draw.below(8) {
            0 => all.push(Action::SetQueue(draw.u32())),
            1 => all.push(Action::Group(draw.bits(16) as u32)),
            2 => all.extend([Action::SetField(Oxm::EthDst(draw.mac(), None)), Action::SetField(Oxm::EthSrc(draw.mac(), None))]),
            3 if packets == Packets::Ip => all.extend([
                Action::SetField(Oxm::Ipv4Src(draw.u32().into(), None)),
                Action::SetField(Oxm::Ipv4Dst(draw.u32().into(), None)),
                Action::SetNwTtl(draw.u8()),
            ]),
            3 if packets == Packets::Ip6 => all.extend([Action::DecNwTtl, Action::SetField(Oxm::IpDscp(draw.bits(6) as u8))]),
            3 if packets == Packets::Mpls => all.extend([Action::SetMplsTtl(draw.u8()), Action::DecMplsTtl]),
            4 if draw.anything() => all.push(anything(draw)),
            5 => all.extend([
                Action::PushVlan(0x8100),
                Action::SetField(Oxm::VlanVid(OFPVID_PRESENT | draw.bits(12) as u16, None)),
                Action::PopVlan,
            ]),
            _ => all.push(Action::Output { port: target(draw), max_len: draw.u16() }),
        }
    }
    // Behind it packets are of another kind: nothing follows.
    if draw.dice.once_in(6) {
        all.push(Action::PushMpls(draw.dice.one(&[0x8847, 0x8848])));
    }
    all
}

/// Actions that Open vSwitch has not, or has in some places alone.
fn anything(draw: &mut Draw) -> Action {
    match draw.below(9) {
        0 => Action::CopyTtlOut,
        1 => Action::CopyTtlIn,
        2 => Action::PushPbb(0x88e7),
        3 => Action::PopPbb,
        4 => Action::PopMpls(draw.u16()),
        5 => Action::SetField(Oxm::PbbIsid(draw.dice.bytes(), None)),
        6 => Action::SetField(Oxm::Ipv6NdTarget(u128::from(draw.u64()).into())),
        7 => Action::SetField(Oxm::TcpDst(draw.u16(), None)),
        _ => Action::Experimenter { experimenter: draw.u32(), data: draw.eights(24) },
    }
}

/// Groups of each type, and one deletion.
fn groups(draw: &mut Draw) -> Vec<GroupMod> {
    let mut all = Vec::new();
    for kind in [GroupType::ALL, GroupType::SELECT, GroupType::INDIRECT, GroupType::FF] {
        all.push(GroupMod {
            command: GroupModCommand(draw.below(2) as u16),
            kind,
            group_id: draw.bits(31) as u32,
            buckets: buckets(draw, kind),
        });
    }
    let group_id = draw.dice.one(&[openflow::v13::OFPG_ALL, 3]);
    all.push(GroupMod { command: GroupModCommand::DELETE, kind: GroupType::ALL, group_id, buckets: Vec::new() });
    all
}

/// What buckets a group of this type has.
pub(super) fn buckets(draw: &mut Draw, kind: GroupType) -> Vec<Bucket> {
    let times = if kind == GroupType::INDIRECT { 1 } else { draw.below(4) };
    draw.times(times, |draw| Bucket {
        weight: if kind == GroupType::SELECT { 1 + draw.bits(8) as u16 } else { 0 },
        watch_port: if kind == GroupType::FF { physical(draw) } else { PortNo::ANY },
        watch_group: OFPG_ANY,
        actions: actions(draw, Packets::Any),
    })
}

fn meter(draw: &mut Draw) -> MeterMod {
    let flags = draw.dice.one(&[MeterFlags::KBPS, MeterFlags::PKTPS, MeterFlags::KBPS | MeterFlags::BURST]);
    let times = 1 + draw.below(3);
    MeterMod {
        command: MeterModCommand(draw.below(3) as u16),
        flags: flags | if draw.dice.once_in(2) { MeterFlags::STATS } else { MeterFlags::NONE },
        meter_id: 1 + draw.bits(16) as u32,
        bands: draw.times(times, band),
    }
}

pub(super) fn band(draw: &mut Draw) -> MeterBand {
    let (rate, burst_size) = (draw.u32(), draw.u32());
    if draw.dice.once_in(2) {
        MeterBand::Drop { rate, burst_size }
    } else {
        MeterBand::DscpRemark { rate, burst_size, prec_level: draw.u8() }
    }
}
