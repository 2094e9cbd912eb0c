//! Our words in OpenFlow 1.3. Knows nothing of other versions.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};
use net::{EtherType, VlanId};
use openflow::DecodeError;
use openflow::v13::{
    Action as Wire, AsyncConfig, BadRequest, Bucket, ConfigFlags, Error, ErrorType, FlowMod, FlowModCommand, FlowModFailed,
    FlowModFlags, FlowRemoved, FlowRemovedReason, FlowStats, FlowStatsRequest, GroupCapabilities, GroupDesc, GroupFeatures,
    GroupMod, GroupModCommand, GroupType, Instruction, Match, Message, MeterBand, MeterConfig, MeterFeatures, MeterFlags,
    MeterMod, MeterModCommand, MultipartFlags, MultipartReply, MultipartReplyBody, MultipartRequest, MultipartRequestBody,
    OFP_NO_BUFFER, OFPCML_NO_BUFFER, OFPG_ANY, OFPM_ALL, OFPTT_ALL, OFPVID_PRESENT, OFPXMC_OPENFLOW_BASIC, Oxm,
    PacketIn as WirePacketIn, PacketOut, Port, PortConfig, PortNo, PortReason, PortState as WirePortState, Role as WireRole,
    RoleRequest, RoleRequestFailed, SwitchConfig, TableFeatureBody, TableFeatureProp, TableFeaturePropType, TableFeatures,
};

use crate::meters::{Kbps, Pace};

use super::{
    Action, Actions, Answer, Description, Entry, Failing, Features, FromSwitch, GroupId, Groups, Inexpressible, MeterId, Meters,
    PacketIn, PortState, Present, Question, Role, Room, ToSwitch, WireMatch,
};

/// All our entries stand in the first table.
const TABLE: u8 = 0;

/// Bit `n` is for reason `n`: packets of an entry or of none, but not those whose TTL ran out; every change of a port; every end of an
/// entry that was to be told. A slave hears of ports alone.
const WANTED: AsyncConfig = AsyncConfig {
    packet_in_mask: 0b011,
    packet_in_mask_slave: 0,
    port_status_mask: 0b111,
    port_status_mask_slave: 0b111,
    flow_removed_mask: 0b1111,
    flow_removed_mask_slave: 0,
};

pub(super) fn decode(frame: &Bytes) -> Result<(u32, FromSwitch), DecodeError> {
    let (xid, message) = Message::decode(frame)?;
    let said = match message {
        Message::EchoRequest(data) => FromSwitch::EchoRequest(data),
        Message::EchoReply(_) => FromSwitch::EchoReply,
        Message::FeaturesReply(reply) => FromSwitch::Features(Features {
            dpid: reply.datapath_id,
            auxiliary: reply.auxiliary_id,
            ports: None,
            buffers: reply.n_buffers,
            tables: reply.n_tables,
            capabilities: reply.capabilities.0,
            actions: None,
        }),
        Message::PacketIn(packet) => packet_in(packet),
        Message::FlowRemoved(removed) => flow_removed(&removed),
        Message::PortStatus(status) => match port(&status.desc) {
            Some(port) => FromSwitch::PortStatus { port, deleted: status.reason == PortReason::DELETE },
            None => FromSwitch::Other,
        },
        Message::MultipartReply(MultipartReply { flags, body }) => multipart(body, flags.contains(MultipartFlags::MORE)),
        Message::BarrierReply => FromSwitch::BarrierReply,
        Message::RoleReply(RoleRequest { role, .. }) => match role {
            WireRole::EQUAL => FromSwitch::Role(Role::Equal),
            WireRole::MASTER => FromSwitch::Role(Role::Master),
            WireRole::SLAVE => FromSwitch::Role(Role::Slave),
            _ => FromSwitch::Other,
        },
        Message::Error(error) => FromSwitch::Error { text: error.to_string(), kind: failing(&error) },
        _ => FromSwitch::Other,
    };
    Ok((xid, said))
}

pub(super) fn encode(xid: u32, message: &ToSwitch<'_>, out: &mut BytesMut) -> Result<(), Inexpressible> {
    let whole = match message {
        ToSwitch::Add(entry) => return add(xid, entry, out),
        ToSwitch::Delete { region, priority } => {
            let matching = Match::from_flow(region).ok_or(Inexpressible)?;
            Message::FlowMod(FlowMod { command: FlowModCommand::DELETE_STRICT, ..FlowMod::add(TABLE, matching, *priority) })
        }
        ToSwitch::DeleteForeign { table, matching: WireMatch::V13(matching), priority } => {
            let delete = FlowMod::add(*table, (**matching).clone(), *priority);
            Message::FlowMod(FlowMod { command: FlowModCommand::DELETE_STRICT, ..delete })
        }
        ToSwitch::DeleteForeign { matching: WireMatch::V10(_), .. } => return Err(Inexpressible),
        ToSwitch::PacketOut { in_port, buffer, frame, out: actions } => {
            let in_port = in_port.map_or(PortNo::CONTROLLER, PortNo::from);
            let actions = wire_actions(actions)?;
            let buffer = buffer.unwrap_or(OFP_NO_BUFFER);
            return PacketOut::encode_parts((buffer, in_port), &actions, frame, xid, out).map_err(|_| Inexpressible);
        }
        ToSwitch::HelloFailed => Message::Error(Error {
            kind: ErrorType::HELLO_FAILED,
            code: 0,
            data: Bytes::from_static(b"Pentane speaks OpenFlow 1.0 and 1.3"),
        }),
        ToSwitch::FeaturesRequest => Message::FeaturesRequest,
        ToSwitch::SetConfig { miss_send_len } => {
            Message::SetConfig(SwitchConfig { flags: ConfigFlags::FRAG_NORMAL, miss_send_len: *miss_send_len })
        }
        ToSwitch::PortsRequest => Message::MultipartRequest(MultipartRequest::new(MultipartRequestBody::PortDesc)),
        ToSwitch::FlowsRequest => {
            Message::MultipartRequest(MultipartRequest::new(MultipartRequestBody::Flow(FlowStatsRequest {
                table_id: OFPTT_ALL,
                out_port: PortNo::ANY,
                out_group: OFPG_ANY,
                cookie: 0,
                cookie_mask: 0,
                matching: Match::ANY,
            })))
        }
        ToSwitch::AddMeter { id, pace } => meter(MeterModCommand::ADD, *id, Some(*pace)),
        ToSwitch::ChangeMeter { id, pace } => meter(MeterModCommand::MODIFY, *id, Some(*pace)),
        ToSwitch::DeleteMeter { id } => meter(MeterModCommand::DELETE, *id, None),
        ToSwitch::AddGroup { id, ports } => group(GroupModCommand::ADD, *id, ports),
        ToSwitch::ChangeGroup { id, ports } => group(GroupModCommand::MODIFY, *id, ports),
        ToSwitch::DeleteGroup { id } => group(GroupModCommand::DELETE, *id, &[]),
        ToSwitch::GroupsRequest => Message::MultipartRequest(MultipartRequest::new(MultipartRequestBody::GroupDesc)),
        ToSwitch::MetersRequest => Message::MultipartRequest(MultipartRequest::new(MultipartRequestBody::MeterConfig(OFPM_ALL))),
        ToSwitch::Ask(question) => Message::MultipartRequest(MultipartRequest::new(match question {
            Question::Description => MultipartRequestBody::Desc,
            Question::Tables => MultipartRequestBody::TableFeatures(Vec::new()),
            Question::Groups => MultipartRequestBody::GroupFeatures,
            Question::Meters => MultipartRequestBody::MeterFeatures,
        })),
        ToSwitch::Role { claim } => Message::RoleRequest(RoleRequest {
            role: if claim.is_some() { WireRole::MASTER } else { WireRole::NOCHANGE },
            generation_id: claim.unwrap_or(0),
        }),
        ToSwitch::Asynchronous => Message::SetAsync(WANTED),
        ToSwitch::Barrier => Message::BarrierRequest,
        ToSwitch::EchoRequest => Message::EchoRequest(Bytes::new()),
        ToSwitch::EchoReply(data) => Message::EchoReply(data.clone()),
        ToSwitch::Error { kind, code, offending } => {
            Message::Error(Error { kind: ErrorType(*kind), code: *code, data: Bytes::copy_from_slice(offending) })
        }
    };
    whole.encode(xid, out).map_err(|_| Inexpressible)
}

fn add(xid: u32, entry: &Entry<'_>, out: &mut BytesMut) -> Result<(), Inexpressible> {
    let matching = Match::from_flow(&entry.region).ok_or(Inexpressible)?;
    let (meter, actions) = match entry.actions {
        [Action::Meter(meter), rest @ ..] => (Some(meter.0), rest),
        all => (None, all),
    };
    let message = FlowMod {
        cookie: entry.cookie,
        idle_timeout: entry.idle,
        hard_timeout: entry.hard,
        flags: if entry.notify { FlowModFlags::SEND_FLOW_REM } else { FlowModFlags::NONE },
        ..FlowMod::add(TABLE, matching, entry.priority)
    };
    message.encode_applying(meter, &wire_actions(actions)?, xid, out).map_err(|_| Inexpressible)
}

fn meter(command: MeterModCommand, id: MeterId, pace: Option<Pace>) -> Message {
    let (flags, rate) = match pace {
        Some(Pace::Bits(rate)) => (MeterFlags::KBPS, Some(rate.0)),
        Some(Pace::Packets(rate)) => (MeterFlags::PKTPS, Some(rate)),
        None => (MeterFlags::KBPS, None),
    };
    let bands = rate.map(|rate| MeterBand::Drop { rate, burst_size: 0 }).into_iter().collect();
    Message::MeterMod(MeterMod { command, flags, meter_id: id.0, bands })
}

fn group(command: GroupModCommand, id: GroupId, ports: &[net::PortNo]) -> Message {
    let bucket = |port: &net::PortNo| Bucket {
        weight: 0,
        watch_port: PortNo::from(*port),
        watch_group: OFPG_ANY,
        actions: vec![Wire::Output { port: PortNo::from(*port), max_len: 0 }],
    };
    Message::GroupMod(GroupMod { command, kind: GroupType::FF, group_id: id.0, buckets: ports.iter().map(bucket).collect() })
}

/// The ports, if the group is one that we could have made.
fn ports(group: &GroupDesc) -> Option<[net::PortNo; 2]> {
    let port = |bucket: &Bucket| match bucket.actions[..] {
        [Wire::Output { port, .. }] if bucket.watch_port == port && bucket.watch_group == OFPG_ANY => port.physical(),
        _ => None,
    };
    match &group.buckets[..] {
        [first, second] if group.kind == GroupType::FF => Some([port(first)?, port(second)?]),
        _ => None,
    }
}

/// The rate, if the meter is one that we could have made.
fn pace(config: &MeterConfig) -> Option<Pace> {
    match config.bands[..] {
        [MeterBand::Drop { rate, .. }] if config.flags.contains(MeterFlags::KBPS) => Some(Pace::Bits(Kbps(rate))),
        [MeterBand::Drop { rate, .. }] if config.flags.contains(MeterFlags::PKTPS) => Some(Pace::Packets(rate)),
        _ => None,
    }
}

fn wire_actions(actions: &[Action]) -> Result<Vec<Wire>, Inexpressible> {
    let mut wire = Vec::with_capacity(actions.len() + 1);
    for action in actions {
        if matches!(action, Action::Tag(_)) {
            wire.push(Wire::PushVlan(EtherType::VLAN.0));
        }
        wire.push(match action {
            Action::Output(port) => Wire::Output { port: PortNo::from(*port), max_len: 0 },
            Action::Return => Wire::Output { port: PortNo::IN_PORT, max_len: 0 },
            Action::Controller => Wire::Output { port: PortNo::CONTROLLER, max_len: OFPCML_NO_BUFFER },
            Action::Tag(vlan) | Action::Retag(vlan) => into_vlan(*vlan),
            Action::Untag => Wire::PopVlan,
            Action::Queue(number) => Wire::SetQueue(*number),
            Action::Group(group) => Wire::Group(group.0),
            // An instruction of its own, which stands before the actions.
            Action::Meter(_) => return Err(Inexpressible),
        });
    }
    Ok(wire)
}

fn into_vlan(vlan: VlanId) -> Wire {
    Wire::SetField(Oxm::VlanVid(OFPVID_PRESENT | vlan.get(), None))
}

fn out_of_vlan(field: &Oxm) -> Option<VlanId> {
    let Oxm::VlanVid(value, None) = field else { return None };
    (value & OFPVID_PRESENT != 0).then(|| VlanId::new(value & !OFPVID_PRESENT)).flatten()
}

fn our_instructions(instructions: &[Instruction]) -> Option<Actions> {
    match instructions {
        [] => Some(Actions::new()),
        [Instruction::ApplyActions(actions)] => our_actions(actions, Actions::new()),
        [Instruction::Meter(meter)] => Some(Actions::from_slice(&[Action::Meter(MeterId(*meter))])),
        [Instruction::Meter(meter), Instruction::ApplyActions(actions)]
        | [Instruction::ApplyActions(actions), Instruction::Meter(meter)] => {
            our_actions(actions, Actions::from_slice(&[Action::Meter(MeterId(*meter))]))
        }
        _ => None,
    }
}

/// Nothing for what we never write.
fn our_actions(actions: &[Wire], mut ours: Actions) -> Option<Actions> {
    let mut pushed = false;
    for action in actions {
        let one = match action {
            Wire::PushVlan(kind) if *kind == EtherType::VLAN.0 && !pushed => {
                pushed = true;
                continue;
            }
            Wire::SetField(field) => {
                let id = out_of_vlan(field)?;
                if std::mem::take(&mut pushed) { Action::Tag(id) } else { Action::Retag(id) }
            }
            _ if pushed => return None,
            Wire::Output { port: PortNo::IN_PORT, .. } => Action::Return,
            Wire::Output { port: PortNo::CONTROLLER, .. } => Action::Controller,
            Wire::Output { port, .. } => Action::Output(port.physical()?),
            Wire::PopVlan => Action::Untag,
            Wire::SetQueue(number) => Action::Queue(*number),
            Wire::Group(group) => Action::Group(GroupId(*group)),
            _ => return None,
        };
        ours.push(one);
    }
    (!pushed).then_some(ours)
}

fn failing(error: &Error) -> Failing {
    let what = (error.kind, error.code);
    if what == BadRequest::IS_SLAVE.into() {
        Failing::Slave
    } else if what == RoleRequestFailed::STALE.into() {
        Failing::Stale
    } else if what == FlowModFailed::TABLE_FULL.into() {
        Failing::Full
    } else {
        Failing::Other
    }
}

fn multipart(body: MultipartReplyBody, more: bool) -> FromSwitch {
    match body {
        MultipartReplyBody::PortDesc(ports) => FromSwitch::Ports { ports: ports.iter().filter_map(port).collect(), more },
        MultipartReplyBody::Flow(flows) => FromSwitch::Flows { flows: flows.iter().map(present).collect(), more },
        MultipartReplyBody::MeterConfig(meters) => {
            FromSwitch::Meters { meters: meters.iter().map(|one| (MeterId(one.meter_id), pace(one))).collect(), more }
        }
        MultipartReplyBody::GroupDesc(groups) => {
            FromSwitch::Groups { groups: groups.iter().map(|one| (GroupId(one.group_id), ports(one))).collect(), more }
        }
        MultipartReplyBody::Desc(desc) => FromSwitch::Told(Answer::Description(Description {
            vendor: desc.mfr_desc.to_string(),
            hardware: desc.hw_desc.to_string(),
            software: desc.sw_desc.to_string(),
            serial: desc.serial_num.to_string(),
        })),
        MultipartReplyBody::TableFeatures(tables) => {
            FromSwitch::Told(Answer::Tables { rooms: tables.iter().map(room).collect(), more })
        }
        MultipartReplyBody::GroupFeatures(groups) => FromSwitch::Told(Answer::Groups(our_groups(&groups))),
        MultipartReplyBody::MeterFeatures(meters) => FromSwitch::Told(Answer::Meters(our_meters(&meters))),
        _ => FromSwitch::Other,
    }
}

fn room(table: &TableFeatures) -> Room {
    let matched = table.properties.iter().filter(|one| one.kind == TableFeaturePropType::MATCH);
    let fields =
        |one: &TableFeatureProp| if let TableFeatureBody::Oxms(fields) = &one.body { fields.clone() } else { Vec::new() };
    let fields: Vec<u32> = matched.flat_map(fields).collect();
    // Class and number with the mask bit, without the length: `OFPXMT_OFB_TCP_DST`, `_UDP_DST` and `_SCTP_DST`.
    let masked = |number: u32| fields.iter().any(|field| field >> 8 == u32::from(OFPXMC_OPENFLOW_BASIC) << 8 | number << 1 | 1);
    Room { table: table.table_id, entries: table.max_entries, port_masks: [14, 16, 18].into_iter().all(masked) }
}

fn our_groups(groups: &GroupFeatures) -> Groups {
    let mut most = [None; 4];
    for (bit, (place, max)) in most.iter_mut().zip(groups.max_groups).enumerate() {
        if groups.types >> bit & 1 == 1 {
            *place = Some(max);
        }
    }
    Groups {
        most,
        weights: groups.capabilities.contains(GroupCapabilities::SELECT_WEIGHT),
        select_liveness: groups.capabilities.contains(GroupCapabilities::SELECT_LIVENESS),
        chaining: groups.capabilities.contains(GroupCapabilities::CHAINING),
    }
}

fn our_meters(meters: &MeterFeatures) -> Meters {
    // Bits of `band_types` by `ofp_meter_band_type`: 1 drops, 2 remarks. Those of `capabilities` are `ofp_meter_flags`.
    let flag = |flag: MeterFlags| meters.capabilities & u32::from(flag.0) != 0;
    Meters {
        most: meters.max_meter,
        bands: meters.max_bands,
        drops: meters.band_types >> 1 & 1 == 1,
        remarks: meters.band_types >> 2 & 1 == 1,
        kilobits: flag(MeterFlags::KBPS),
        packets: flag(MeterFlags::PKTPS),
        bursts: flag(MeterFlags::BURST),
    }
}

fn port(desc: &Port) -> Option<PortState> {
    let down = desc.config.contains(PortConfig::PORT_DOWN) || desc.state.contains(WirePortState::LINK_DOWN);
    Some(PortState { port: desc.port_no.physical()?, up: !down, mac: desc.hw_addr })
}

fn packet_in(packet: WirePacketIn) -> FromSwitch {
    let Some(in_port) = packet.in_port().and_then(PortNo::physical) else { return FromSwitch::Other };
    FromSwitch::PacketIn(PacketIn {
        in_port,
        buffer: Cell::new((packet.buffer_id != OFP_NO_BUFFER).then_some(packet.buffer_id)),
        whole: packet.data.len() >= usize::from(packet.total_len),
        frame: packet.data,
    })
}

fn flow_removed(removed: &FlowRemoved) -> FromSwitch {
    FromSwitch::FlowRemoved {
        cookie: removed.cookie,
        priority: removed.priority,
        region: removed.matching.to_flow(),
        deleted: matches!(removed.reason, FlowRemovedReason::DELETE | FlowRemovedReason::GROUP_DELETE),
    }
}

fn present(flow: &FlowStats) -> Present {
    let (region, actions) = (flow.matching.to_flow(), our_instructions(&flow.instructions));
    let ours = region.is_some() && actions.is_some() && flow.table_id == TABLE;
    let foreign = (!ours).then(|| WireMatch::V13(Box::new(flow.matching.clone())));
    Present {
        table: flow.table_id,
        priority: flow.priority,
        cookie: flow.cookie,
        packets: flow.packet_count,
        region,
        actions,
        foreign,
    }
}
