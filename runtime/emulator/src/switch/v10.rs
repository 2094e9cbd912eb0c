//! OpenFlow 1.0 as the switch speaks it: requests carried out on the datapath and answered, events told. Knows no other version.

mod flow;
mod queue;

use bytes::{Bytes, BytesMut};
use net::{PortNo, Time};
use openflow::Text;
use openflow::v10::{
    BadRequest, Capabilities, ConfigFlags, DescStats, Error, ErrorType, FeaturesReply, FlowRemoved, FlowRemovedReason, Message,
    OFP_NO_BUFFER, PacketIn, PacketInReason, PacketOut, PhyPort, PortConfig, PortFeatures, PortMod, PortModFailed, PortReason,
    PortState, PortStats, PortStatus, StatsFlags, StatsReply, StatsReplyBody, StatsRequestBody, SwitchConfig as WireConfig,
    TableStats, Wildcards,
};

use super::SwitchConfig;
use super::datapath::{Cause, Datapath, Event, Packet, RemovedReason, Why};
use super::port::{Port, PortConfig as OwnConfig};
use super::table::Spelling;

type Wire = openflow::v10::PortNo;
/// The type and code of an error.
type Refusal = (ErrorType, u16);

/// Bytes of a statistics reply, about: the rest goes into further replies.
const PART: usize = 32_000;
/// Actions 0 to 11: every one that the version has.
const ACTIONS: u32 = 0x0fff;

/// Carries a message out. Answers go to `replies`, and are to be sent after the events.
pub(super) fn receive(
    frame: &Bytes,
    config: &SwitchConfig,
    datapath: &mut Datapath,
    now: Time,
    events: &mut Vec<Event>,
    replies: &mut BytesMut,
) {
    let own_xid = openflow::Header::read(frame).map_or(0, |header| header.xid);
    let (xid, answers) = match Message::decode(frame) {
        Err(error) => (own_xid, vec![Message::Error(Error::undecodable(&error, frame))]),
        Ok((xid, message)) => match answer(message, config, datapath, now, events) {
            Ok(answers) => (xid, answers),
            Err(refusal) => (xid, vec![Message::Error(Error::answering(refusal, frame))]),
        },
    };
    for message in answers {
        // What is too long for a message is left out: nothing here is, for statistics come in parts.
        let _too_long = message.encode(xid, replies);
    }
}

fn answer(
    message: Message,
    config: &SwitchConfig,
    datapath: &mut Datapath,
    now: Time,
    events: &mut Vec<Event>,
) -> Result<Vec<Message>, Refusal> {
    Ok(match message {
        Message::Hello(_) | Message::Error(_) | Message::EchoReply(_) => Vec::new(),
        Message::EchoRequest(data) => vec![Message::EchoReply(data)],
        Message::FeaturesRequest => vec![Message::FeaturesReply(features(config, datapath))],
        Message::GetConfigRequest => {
            vec![Message::GetConfigReply(WireConfig { flags: ConfigFlags::FRAG_NORMAL, miss_send_len: datapath.miss_send_len })]
        }
        Message::SetConfig(wanted) => {
            datapath.miss_send_len = wanted.miss_send_len;
            Vec::new()
        }
        Message::BarrierRequest => vec![Message::BarrierReply],
        Message::FlowMod(entry) => {
            flow::carry_out(&entry, datapath, now, events)?;
            Vec::new()
        }
        Message::PacketOut(packet) => {
            packet_out(&packet, datapath, now, events)?;
            Vec::new()
        }
        Message::PortMod(change) => {
            port_mod(&change, datapath, events)?;
            Vec::new()
        }
        Message::StatsRequest(request) => statistics(&request.body, config, datapath, now)?,
        Message::QueueGetConfigRequest(request) => {
            vec![Message::QueueGetConfigReply(queue::configurations(request.port, datapath)?)]
        }
        Message::Vendor { .. } => return Err(BadRequest::BAD_VENDOR.into()),
        Message::FeaturesReply(_)
        | Message::GetConfigReply(_)
        | Message::PacketIn(_)
        | Message::FlowRemoved(_)
        | Message::PortStatus(_)
        | Message::StatsReply(_)
        | Message::BarrierReply
        | Message::QueueGetConfigReply(_) => return Err(BadRequest::BAD_TYPE.into()),
    })
}

/// Tells of an event.
pub(super) fn tell(datapath: &Datapath, event: &Event, out: &mut BytesMut) {
    let message = match event {
        Event::Send(..) => return,
        Event::PacketIn(packet) => Message::PacketIn(PacketIn {
            buffer_id: packet.buffer.unwrap_or(OFP_NO_BUFFER),
            total_len: u16::try_from(packet.total).unwrap_or(u16::MAX),
            in_port: narrow(packet.in_port),
            reason: match packet.reason {
                Why::Miss => PacketInReason::NO_MATCH,
                // No action of this version ends a packet's life.
                Why::Action | Why::EndOfLife => PacketInReason::ACTION,
            },
            data: packet.data.clone(),
        }),
        Event::Removed(removed) => {
            let entry = &removed.entry;
            let Spelling::V10 { matching, .. } = *entry.spelling else { return };
            let age = removed.at.since(entry.installed);
            Message::FlowRemoved(FlowRemoved {
                matching,
                cookie: entry.cookie,
                priority: entry.priority,
                reason: match removed.reason {
                    RemovedReason::Idle => FlowRemovedReason::IDLE_TIMEOUT,
                    RemovedReason::Hard => FlowRemovedReason::HARD_TIMEOUT,
                    RemovedReason::Delete | RemovedReason::GroupDelete => FlowRemovedReason::DELETE,
                },
                duration_sec: seconds(age),
                duration_nsec: age.subsec_nanos(),
                idle_timeout: entry.idle_timeout,
                packet_count: entry.packets,
                byte_count: entry.bytes,
            })
        }
        Event::PortChanged(number) => {
            let Some(desc) = datapath.ports.get(number).and_then(describe) else { return };
            Message::PortStatus(PortStatus { reason: PortReason::MODIFY, desc })
        }
    };
    // A packet-in of a frame beyond 65,517 bytes cannot be told.
    let _too_long = message.encode(0, out);
}

fn seconds(age: std::time::Duration) -> u32 {
    u32::try_from(age.as_secs()).unwrap_or(u32::MAX)
}

/// The number in this version: the reserved ones keep their low half.
fn narrow(port: PortNo) -> Wire {
    openflow::v10::PortNo(port.0 as u16)
}

/// The number in the datapath: reserved ones lie at the end, as in later versions.
fn widen(port: Wire) -> PortNo {
    port.physical().unwrap_or(PortNo(0xffff_0000 | u32::from(port.0)))
}

fn describe(port: &Port) -> Option<PhyPort> {
    let bit = |on: bool, flag: PortConfig| if on { flag } else { PortConfig::NONE };
    let config = port.config;
    let features = PortFeatures::ONE_GB_FD | PortFeatures::COPPER;
    Some(PhyPort {
        port_no: openflow::v10::PortNo::of(port.number)?,
        hw_addr: port.mac,
        name: Text::new(&port.name()),
        config: bit(config.down, PortConfig::PORT_DOWN)
            | bit(config.no_recv, PortConfig::NO_RECV)
            | bit(config.no_flood, PortConfig::NO_FLOOD)
            | bit(config.no_fwd, PortConfig::NO_FWD)
            | bit(config.no_packet_in, PortConfig::NO_PACKET_IN),
        state: if port.link { PortState::NONE } else { PortState::LINK_DOWN },
        curr: features,
        advertised: features,
        supported: features,
        peer: PortFeatures::NONE,
    })
}

fn features(config: &SwitchConfig, datapath: &Datapath) -> FeaturesReply {
    FeaturesReply {
        datapath_id: config.dpid,
        n_buffers: u32::try_from(config.buffers).unwrap_or(u32::MAX),
        n_tables: 1,
        capabilities: Capabilities::FLOW_STATS
            | Capabilities::TABLE_STATS
            | Capabilities::PORT_STATS
            | Capabilities::ARP_MATCH_IP,
        actions: ACTIONS,
        ports: datapath.ports.values().filter_map(describe).collect(),
    }
}

fn packet_out(packet: &PacketOut, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let actions = flow::actions(&packet.actions, true)?;
    let (in_port, bytes) = match packet.buffer_id {
        OFP_NO_BUFFER => (widen(packet.in_port), packet.data.clone()),
        buffer => datapath.buffers.take(buffer).ok_or(Refusal::from(BadRequest::BUFFER_UNKNOWN))?,
    };
    let cause = Cause { table: 0, cookie: u64::MAX, miss: false, packet_out: true };
    datapath.execute(&mut Packet::new(in_port, bytes), &actions, cause, 0, now, events);
    Ok(())
}

fn port_mod(change: &PortMod, datapath: &mut Datapath, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let number = change.port_no.physical().ok_or(Refusal::from(PortModFailed::BAD_PORT))?;
    let port = datapath.ports.get_mut(&number).ok_or(Refusal::from(PortModFailed::BAD_PORT))?;
    if port.mac != change.hw_addr {
        return Err(PortModFailed::BAD_HW_ADDR.into());
    }
    let pick = |now: bool, flag: PortConfig| {
        if change.mask.contains(flag) { change.config.contains(flag) } else { now }
    };
    let before = port.config;
    port.config = OwnConfig {
        down: pick(before.down, PortConfig::PORT_DOWN),
        no_recv: pick(before.no_recv, PortConfig::NO_RECV),
        no_flood: pick(before.no_flood, PortConfig::NO_FLOOD),
        no_fwd: pick(before.no_fwd, PortConfig::NO_FWD),
        no_packet_in: pick(before.no_packet_in, PortConfig::NO_PACKET_IN),
    };
    if port.config != before {
        events.push(Event::PortChanged(number));
    }
    Ok(())
}

fn statistics(
    request: &StatsRequestBody,
    config: &SwitchConfig,
    datapath: &Datapath,
    now: Time,
) -> Result<Vec<Message>, Refusal> {
    let body = match request {
        StatsRequestBody::Flow(wanted) => return Ok(flow_statistics(wanted, datapath, now)),
        StatsRequestBody::Aggregate(wanted) => StatsReplyBody::Aggregate(flow::aggregate(wanted, datapath)),
        StatsRequestBody::Desc => StatsReplyBody::Desc(Box::new(DescStats {
            mfr_desc: Text::new("Pentane"),
            hw_desc: Text::new("emulated"),
            sw_desc: Text::new(env!("CARGO_PKG_VERSION")),
            serial_num: Text::new("None"),
            dp_desc: Text::new(&config.dpid.to_string()),
        })),
        StatsRequestBody::Table => StatsReplyBody::Table(datapath.tables.iter().take(1).map(table_statistics).collect()),
        StatsRequestBody::Port(port) => StatsReplyBody::Port(port_statistics(*port, datapath)?),
        StatsRequestBody::Queue(wanted) => StatsReplyBody::Queue(queue::statistics(wanted, datapath)?),
        StatsRequestBody::PortDesc => StatsReplyBody::PortDesc(datapath.ports.values().filter_map(describe).collect()),
        StatsRequestBody::Vendor { .. } => return Err(BadRequest::BAD_VENDOR.into()),
    };
    Ok(vec![Message::StatsReply(StatsReply { flags: StatsFlags::NONE, body })])
}

fn flow_statistics(wanted: &openflow::v10::FlowStatsRequest, datapath: &Datapath, now: Time) -> Vec<Message> {
    let mut parts = vec![Vec::new()];
    let mut length = 0;
    for entry in flow::statistics(wanted, datapath, now) {
        let size = 88 + 16 * entry.actions.len();
        if length + size > PART {
            parts.push(Vec::new());
            length = 0;
        }
        length += size;
        if let Some(part) = parts.last_mut() {
            part.push(entry);
        }
    }
    let last = parts.len() - 1;
    let flags = |at: usize| if at < last { StatsFlags::REPLY_MORE } else { StatsFlags::NONE };
    parts
        .into_iter()
        .enumerate()
        .map(|(at, part)| Message::StatsReply(StatsReply { flags: flags(at), body: StatsReplyBody::Flow(part) }))
        .collect()
}

fn table_statistics(table: &super::table::Table) -> TableStats {
    TableStats {
        table_id: 0,
        name: Text::new("classifier"),
        wildcards: Wildcards::ALL,
        max_entries: u32::try_from(table.capacity()).unwrap_or(u32::MAX),
        active_count: u32::try_from(table.len()).unwrap_or(u32::MAX),
        lookup_count: table.looked_up,
        matched_count: table.matched,
    }
}

fn port_statistics(wanted: Wire, datapath: &Datapath) -> Result<Vec<PortStats>, Refusal> {
    let every = wanted == openflow::v10::PortNo::NONE;
    let chosen: Vec<PortStats> = datapath
        .ports
        .values()
        .filter(|port| every || wanted.physical() == Some(port.number))
        .filter_map(|port| {
            let counters = port.counters;
            Some(PortStats {
                port_no: openflow::v10::PortNo::of(port.number)?,
                rx_packets: counters.rx_packets,
                tx_packets: counters.tx_packets,
                rx_bytes: counters.rx_bytes,
                tx_bytes: counters.tx_bytes,
                rx_dropped: counters.rx_dropped,
                tx_dropped: counters.tx_dropped,
                rx_errors: 0,
                tx_errors: 0,
                rx_frame_err: 0,
                rx_over_err: 0,
                rx_crc_err: 0,
                collisions: 0,
            })
        })
        .collect();
    // The version has no code for an unknown port; Open vSwitch answers with an empty list too.
    Ok(chosen)
}
