//! Our words in OpenFlow 1.0. Knows nothing of other versions.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};
use net::{VlanId, VlanMatch};
use openflow::DecodeError;
use openflow::v10::{
    ALL_TABLES, Action as Wire, ConfigFlags, FeaturesReply, FlowMod, FlowModCommand, FlowModFailed, FlowModFlags, FlowRemoved,
    FlowRemovedReason, FlowStats, FlowStatsRequest, Match, Message, OFP_NO_BUFFER, PacketIn as WirePacketIn, PacketOut, PhyPort,
    PortConfig, PortNo, PortReason, PortState as WirePortState, StatsFlags, StatsReply, StatsReplyBody, StatsRequest,
    StatsRequestBody, SwitchConfig,
};
use openflow::v10::{Error, ErrorType};

use super::{
    Action, Actions, Answer, Description, Entry, Failing, Features, FromSwitch, Inexpressible, PacketIn, PortState, Present,
    Question, Room, ToSwitch, WireMatch,
};

/// Whole packets to the controller (OpenFlow 1.0.1 §5.2.4: bytes of the packet).
const WHOLE: u16 = 0xffff;

pub(super) fn decode(frame: &Bytes) -> Result<(u32, FromSwitch), DecodeError> {
    let (xid, message) = Message::decode(frame)?;
    let said = match message {
        Message::EchoRequest(data) => FromSwitch::EchoRequest(data),
        Message::EchoReply(_) => FromSwitch::EchoReply,
        Message::FeaturesReply(reply) => features(&reply),
        Message::PacketIn(packet) => packet_in(packet),
        Message::FlowRemoved(removed) => flow_removed(&removed),
        Message::PortStatus(status) => match port(&status.desc) {
            Some(port) => FromSwitch::PortStatus { port, deleted: status.reason == PortReason::DELETE },
            None => FromSwitch::Other,
        },
        Message::StatsReply(StatsReply { flags, body: StatsReplyBody::Flow(flows) }) => {
            FromSwitch::Flows { flows: flows.iter().map(present).collect(), more: flags.contains(StatsFlags::REPLY_MORE) }
        }
        Message::StatsReply(StatsReply { body: StatsReplyBody::Desc(desc), .. }) => {
            FromSwitch::Told(Answer::Description(Description {
                vendor: desc.mfr_desc.to_string(),
                hardware: desc.hw_desc.to_string(),
                software: desc.sw_desc.to_string(),
                serial: desc.serial_num.to_string(),
            }))
        }
        Message::StatsReply(StatsReply { flags, body: StatsReplyBody::Table(tables) }) => FromSwitch::Told(Answer::Tables {
            rooms: tables
                .iter()
                .map(|table| Room { table: table.table_id, entries: table.max_entries, port_masks: false })
                .collect(),
            more: flags.contains(StatsFlags::REPLY_MORE),
        }),
        Message::BarrierReply => FromSwitch::BarrierReply,
        Message::Error(error) => {
            let full = (error.kind, error.code) == FlowModFailed::ALL_TABLES_FULL.into();
            FromSwitch::Error { text: error.to_string(), kind: if full { Failing::Full } else { Failing::Other } }
        }
        _ => FromSwitch::Other,
    };
    Ok((xid, said))
}

pub(super) fn encode(xid: u32, message: &ToSwitch<'_>, out: &mut BytesMut) -> Result<(), Inexpressible> {
    let whole = match message {
        ToSwitch::Add(entry) => return add(xid, entry, out),
        ToSwitch::Delete { region, priority } => {
            let matching = Match::from_flow(region).ok_or(Inexpressible)?;
            let delete = FlowMod { command: FlowModCommand::DELETE_STRICT, ..FlowMod::add(matching, *priority) };
            Message::FlowMod(delete)
        }
        ToSwitch::PacketOut { in_port, buffer, frame, out: actions } => {
            let in_port = in_port.and_then(PortNo::of).unwrap_or(PortNo::NONE);
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
        ToSwitch::PortsRequest
        | ToSwitch::MetersRequest
        | ToSwitch::AddMeter { .. }
        | ToSwitch::ChangeMeter { .. }
        | ToSwitch::DeleteMeter { .. }
        | ToSwitch::GroupsRequest
        | ToSwitch::AddGroup { .. }
        | ToSwitch::ChangeGroup { .. }
        | ToSwitch::DeleteGroup { .. }
        | ToSwitch::Role { .. }
        | ToSwitch::Asynchronous => return Err(Inexpressible),
        ToSwitch::DeleteForeign { matching: WireMatch::V10(matching), priority, .. } => {
            Message::FlowMod(FlowMod { command: FlowModCommand::DELETE_STRICT, ..FlowMod::add(*matching, *priority) })
        }
        ToSwitch::DeleteForeign { matching: WireMatch::V13(_), .. } => return Err(Inexpressible),
        ToSwitch::FlowsRequest => Message::StatsRequest(StatsRequest {
            flags: StatsFlags::NONE,
            body: StatsRequestBody::Flow(FlowStatsRequest { matching: Match::ANY, table_id: ALL_TABLES, out_port: PortNo::NONE }),
        }),
        ToSwitch::Ask(question) => Message::StatsRequest(StatsRequest { flags: StatsFlags::NONE, body: asking(*question)? }),
        ToSwitch::Barrier => Message::BarrierRequest,
        ToSwitch::EchoRequest => Message::EchoRequest(Bytes::new()),
        ToSwitch::EchoReply(data) => Message::EchoReply(data.clone()),
        ToSwitch::Error { kind, code, offending } => {
            Message::Error(Error { kind: ErrorType(*kind), code: *code, data: Bytes::copy_from_slice(offending) })
        }
    };
    whole.encode(xid, out).map_err(|_| Inexpressible)
}

fn asking(question: Question) -> Result<StatsRequestBody, Inexpressible> {
    match question {
        Question::Description => Ok(StatsRequestBody::Desc),
        Question::Tables => Ok(StatsRequestBody::Table),
        Question::Groups | Question::Meters => Err(Inexpressible),
    }
}

fn add(xid: u32, entry: &Entry<'_>, out: &mut BytesMut) -> Result<(), Inexpressible> {
    let matching = Match::from_flow(&entry.region).ok_or(Inexpressible)?;
    let message = FlowMod {
        cookie: entry.cookie,
        idle_timeout: entry.idle,
        hard_timeout: entry.hard,
        flags: if entry.notify { FlowModFlags::SEND_FLOW_REM } else { FlowModFlags::NONE },
        ..FlowMod::add(matching, entry.priority)
    };
    message.encode_applying(&wire_actions(entry.actions)?, xid, out).map_err(|_| Inexpressible)
}

fn wire_actions(actions: &[Action]) -> Result<Vec<Wire>, Inexpressible> {
    let mut wire = Vec::with_capacity(actions.len());
    let mut queue = None;
    for action in actions {
        match action {
            Action::Output(port) => wire.push(output(PortNo::of(*port).ok_or(Inexpressible)?, queue)),
            Action::Return => wire.push(output(PortNo::IN_PORT, queue)),
            Action::Controller => wire.push(Wire::Output { port: PortNo::CONTROLLER, max_len: WHOLE }),
            Action::Tag(vlan) | Action::Retag(vlan) => wire.push(Wire::SetVlanVid(vlan.get())),
            Action::Untag => wire.push(Wire::StripVlan),
            Action::Queue(number) => queue = Some(*number),
            Action::Meter(_) | Action::Group(_) => return Err(Inexpressible),
        }
    }
    Ok(wire)
}

fn output(port: PortNo, queue: Option<u32>) -> Wire {
    match queue {
        Some(queue_id) => Wire::Enqueue { port, queue_id },
        None => Wire::Output { port, max_len: 0 },
    }
}

/// The tag that an entry sets is one more or another in place of it, as its match says; nothing for what we never write.
fn our_actions(actions: &[Wire], vlan: VlanMatch) -> Option<Actions> {
    let mut ours = Actions::new();
    let mut tagged = vlan != VlanMatch::Untagged;
    let mut queue = None;
    for action in actions {
        match action {
            Wire::Output { port: PortNo::CONTROLLER, .. } => ours.push(Action::Controller),
            Wire::Output { port, .. } => ours.push(our_output(*port)?),
            Wire::Enqueue { port, queue_id } => {
                if queue != Some(*queue_id) {
                    ours.push(Action::Queue(*queue_id));
                    queue = Some(*queue_id);
                }
                ours.push(our_output(*port)?);
            }
            Wire::SetVlanVid(id) => {
                let id = VlanId::new(*id)?;
                ours.push(if tagged { Action::Retag(id) } else { Action::Tag(id) });
                tagged = true;
            }
            Wire::StripVlan => {
                ours.push(Action::Untag);
                tagged = false;
            }
            _ => return None,
        }
    }
    Some(ours)
}

fn our_output(port: PortNo) -> Option<Action> {
    if port == PortNo::IN_PORT { Some(Action::Return) } else { port.physical().map(Action::Output) }
}

fn features(reply: &FeaturesReply) -> FromSwitch {
    FromSwitch::Features(Features {
        dpid: reply.datapath_id,
        auxiliary: 0,
        ports: Some(reply.ports.iter().filter_map(port).collect()),
        buffers: reply.n_buffers,
        tables: reply.n_tables,
        capabilities: reply.capabilities.0,
        actions: Some(reply.actions),
    })
}

fn port(desc: &PhyPort) -> Option<PortState> {
    let down = desc.config.contains(PortConfig::PORT_DOWN) || desc.state.contains(WirePortState::LINK_DOWN);
    Some(PortState { port: desc.port_no.physical()?, up: !down, mac: desc.hw_addr })
}

fn packet_in(packet: WirePacketIn) -> FromSwitch {
    let Some(in_port) = packet.in_port.physical() else { return FromSwitch::Other };
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
        deleted: removed.reason == FlowRemovedReason::DELETE,
    }
}

fn present(flow: &FlowStats) -> Present {
    let region = flow.matching.to_flow();
    let actions = region.and_then(|region| our_actions(&flow.actions, region.vlan));
    let foreign = (region.is_none() || actions.is_none()).then(|| WireMatch::V10(flow.matching));
    Present { table: 0, priority: flow.priority, cookie: flow.cookie, packets: flow.packet_count, region, actions, foreign }
}
