//! Our words in OpenFlow 1.3. Knows nothing of other versions.

use bytes::{Bytes, BytesMut};
use openflow::DecodeError;
use openflow::v13::{
    Action as Wire, ConfigFlags, Error, ErrorType, FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason,
    FlowStats, FlowStatsRequest, Instruction, Match, Message, MultipartFlags, MultipartReply, MultipartReplyBody,
    MultipartRequest, MultipartRequestBody, OFP_NO_BUFFER, OFPCML_NO_BUFFER, OFPG_ANY, OFPTT_ALL, PacketIn as WirePacketIn,
    PacketOut, Port, PortConfig, PortNo, PortReason, PortState as WirePortState, SwitchConfig,
};

use super::{Action, Entry, Features, FromSwitch, Inexpressible, PacketIn, PortState, Present, ToSwitch, WireMatch};

/// All our entries stand in the first table.
const TABLE: u8 = 0;

pub(super) fn decode(frame: &Bytes) -> Result<(u32, FromSwitch), DecodeError> {
    let (xid, message) = Message::decode(frame)?;
    let said = match message {
        Message::EchoRequest(data) => FromSwitch::EchoRequest(data),
        Message::EchoReply(_) => FromSwitch::EchoReply,
        Message::FeaturesReply(reply) => {
            FromSwitch::Features(Features { dpid: reply.datapath_id, auxiliary: reply.auxiliary_id, ports: None })
        }
        Message::PacketIn(packet) => packet_in(packet),
        Message::FlowRemoved(removed) => flow_removed(&removed),
        Message::PortStatus(status) => match port(&status.desc) {
            Some(port) => FromSwitch::PortStatus { port, deleted: status.reason == PortReason::DELETE },
            None => FromSwitch::Other,
        },
        Message::MultipartReply(MultipartReply { flags, body }) => multipart(body, flags.contains(MultipartFlags::MORE)),
        Message::BarrierReply => FromSwitch::BarrierReply,
        Message::Error(error) => FromSwitch::Error { text: error.to_string() },
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
            let actions = wire_actions(actions);
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
    let message = FlowMod {
        cookie: entry.cookie,
        idle_timeout: entry.idle,
        hard_timeout: entry.hard,
        flags: if entry.notify { FlowModFlags::SEND_FLOW_REM } else { FlowModFlags::NONE },
        ..FlowMod::add(TABLE, matching, entry.priority)
    };
    message.encode_applying(&wire_actions(entry.actions), xid, out).map_err(|_| Inexpressible)
}

fn wire_actions(actions: &[Action]) -> Vec<Wire> {
    let one = |action: &Action| match action {
        Action::Output(port) => Wire::Output { port: PortNo::from(*port), max_len: 0 },
        Action::Return => Wire::Output { port: PortNo::IN_PORT, max_len: 0 },
        Action::Controller => Wire::Output { port: PortNo::CONTROLLER, max_len: OFPCML_NO_BUFFER },
    };
    actions.iter().map(one).collect()
}

fn our_actions(instructions: &[Instruction]) -> Option<Vec<Action>> {
    let one = |action: &Wire| match action {
        Wire::Output { port: PortNo::IN_PORT, .. } => Some(Action::Return),
        Wire::Output { port: PortNo::CONTROLLER, .. } => Some(Action::Controller),
        Wire::Output { port, .. } => port.physical().map(Action::Output),
        _ => None,
    };
    match instructions {
        [] => Some(Vec::new()),
        [Instruction::ApplyActions(actions)] => actions.iter().map(one).collect(),
        _ => None,
    }
}

fn multipart(body: MultipartReplyBody, more: bool) -> FromSwitch {
    match body {
        MultipartReplyBody::PortDesc(ports) => FromSwitch::Ports { ports: ports.iter().filter_map(port).collect(), more },
        MultipartReplyBody::Flow(flows) => FromSwitch::Flows { flows: flows.iter().map(present).collect(), more },
        _ => FromSwitch::Other,
    }
}

fn port(desc: &Port) -> Option<PortState> {
    let down = desc.config.contains(PortConfig::PORT_DOWN) || desc.state.contains(WirePortState::LINK_DOWN);
    Some(PortState { port: desc.port_no.physical()?, up: !down })
}

fn packet_in(packet: WirePacketIn) -> FromSwitch {
    let Some(in_port) = packet.in_port().and_then(PortNo::physical) else { return FromSwitch::Other };
    FromSwitch::PacketIn(PacketIn {
        in_port,
        buffer: (packet.buffer_id != OFP_NO_BUFFER).then_some(packet.buffer_id),
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
    let (region, actions) = (flow.matching.to_flow(), our_actions(&flow.instructions));
    let ours = region.is_some() && actions.is_some() && flow.table_id == TABLE;
    let foreign = (!ours).then(|| WireMatch::V13(Box::new(flow.matching.clone())));
    Present { table: flow.table_id, priority: flow.priority, cookie: flow.cookie, region, actions, foreign }
}
