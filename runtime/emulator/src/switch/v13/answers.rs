//! What the switch answers to questions of OpenFlow 1.3 about itself. Changes nothing.

use net::Time;
use openflow::Text;
use openflow::v13::{
    BadRequest, Capabilities, Desc, FeaturesReply, FlowStats, FlowStatsRequest, Instruction, Message, MultipartFlags,
    MultipartReply, MultipartReplyBody, MultipartRequest, MultipartRequestBody, Port as WirePort, PortConfig, PortFeatures,
    PortNo, PortState, PortStats, TableFeaturesFailed, TableStats,
};

use super::{Refusal, flow, group, meter, queue, tables};
use crate::switch::SwitchConfig;
use crate::switch::datapath::Datapath;
use crate::switch::port::Port;

/// Bytes of a reply, about: the rest goes into further replies.
const PART: usize = 32_000;
/// Kilobits per second of every port.
const SPEED: u32 = 1_000_000;

pub(super) fn features(config: &SwitchConfig, datapath: &Datapath) -> FeaturesReply {
    FeaturesReply {
        datapath_id: config.dpid,
        n_buffers: u32::try_from(config.buffers).unwrap_or(u32::MAX),
        n_tables: u8::try_from(datapath.tables.len()).unwrap_or(u8::MAX),
        auxiliary_id: 0,
        capabilities: Capabilities::FLOW_STATS
            | Capabilities::TABLE_STATS
            | Capabilities::PORT_STATS
            | Capabilities::GROUP_STATS
            | Capabilities::QUEUE_STATS,
        reserved: 0,
    }
}

pub(super) fn describe(port: &Port) -> WirePort {
    let bit = |on: bool, flag: PortConfig| if on { flag } else { PortConfig::NONE };
    let config = port.config;
    let features = PortFeatures::ONE_GB_FD | PortFeatures::COPPER;
    WirePort {
        port_no: port.number.into(),
        hw_addr: port.mac,
        name: Text::new(&port.name()),
        config: bit(config.down, PortConfig::PORT_DOWN)
            | bit(config.no_recv, PortConfig::NO_RECV)
            | bit(config.no_fwd, PortConfig::NO_FWD)
            | bit(config.no_packet_in, PortConfig::NO_PACKET_IN),
        state: if port.link { PortState::LIVE } else { PortState::LINK_DOWN },
        curr: features,
        advertised: features,
        supported: features,
        peer: PortFeatures::NONE,
        curr_speed: SPEED,
        max_speed: SPEED,
    }
}

/// The answer to a multipart request, in parts.
pub(super) fn multipart(
    request: MultipartRequest,
    config: &SwitchConfig,
    datapath: &Datapath,
    now: Time,
) -> Result<Vec<Message>, Refusal> {
    type Ask = MultipartRequestBody;
    type Answer = MultipartReplyBody;
    if request.flags.contains(MultipartFlags::MORE) {
        return Err(BadRequest::MULTIPART_BUFFER_OVERFLOW.into());
    }
    let body = match request.body {
        Ask::Flow(wanted) => return flows(&wanted, datapath, now),
        Ask::Aggregate(wanted) => Answer::Aggregate(flow::aggregate(&wanted, datapath)?),
        Ask::Desc => Answer::Desc(Box::new(Desc {
            mfr_desc: Text::new("Pentane"),
            hw_desc: Text::new("emulated"),
            sw_desc: Text::new(env!("CARGO_PKG_VERSION")),
            serial_num: Text::new("None"),
            dp_desc: Text::new(&config.dpid.to_string()),
        })),
        Ask::Table => Answer::Table(table_statistics(datapath)),
        Ask::PortStats(wanted) => Answer::PortStats(ports(wanted.port_no, datapath)?),
        Ask::Queue(wanted) => Answer::Queue(queue::statistics(&wanted, datapath)?),
        Ask::Group(wanted) => Answer::Group(group::statistics(wanted, datapath, now)),
        Ask::GroupDesc => Answer::GroupDesc(group::descriptions(datapath)),
        Ask::GroupFeatures => Answer::GroupFeatures(group::features()),
        Ask::Meter(wanted) => Answer::Meter(meter::statistics(wanted, datapath, now)?),
        Ask::MeterConfig(wanted) => Answer::MeterConfig(meter::configurations(wanted, datapath)?),
        Ask::MeterFeatures => Answer::MeterFeatures(meter::features(datapath)),
        Ask::TableFeatures(wanted) if wanted.is_empty() => Answer::TableFeatures(tables::features(datapath)),
        // The tables are as they are.
        Ask::TableFeatures(_) => return Err(TableFeaturesFailed::EPERM.into()),
        Ask::PortDesc => Answer::PortDesc(datapath.ports.values().map(describe).collect()),
        Ask::Experimenter { .. } => return Err(BadRequest::BAD_EXPERIMENTER.into()),
    };
    Ok(vec![reply(false, body)])
}

fn reply(more: bool, body: MultipartReplyBody) -> Message {
    let flags = if more { MultipartFlags::MORE } else { MultipartFlags::NONE };
    Message::MultipartReply(MultipartReply { flags, body })
}

/// About how long an entry's statistics are on the wire.
fn length(entry: &FlowStats) -> usize {
    let actions = entry.instructions.iter().map(|instruction| match instruction {
        Instruction::WriteActions(actions) | Instruction::ApplyActions(actions) => 8 + 32 * actions.len(),
        _ => 24,
    });
    64 + 40 * entry.matching.fields().len() + actions.sum::<usize>()
}

fn flows(wanted: &FlowStatsRequest, datapath: &Datapath, now: Time) -> Result<Vec<Message>, Refusal> {
    let mut parts = vec![Vec::new()];
    let mut used = 0;
    for entry in flow::statistics(wanted, datapath, now)? {
        let size = length(&entry);
        if used + size > PART {
            parts.push(Vec::new());
            used = 0;
        }
        used += size;
        if let Some(part) = parts.last_mut() {
            part.push(entry);
        }
    }
    let last = parts.len() - 1;
    Ok(parts.into_iter().enumerate().map(|(at, part)| reply(at < last, MultipartReplyBody::Flow(part))).collect())
}

fn table_statistics(datapath: &Datapath) -> Vec<TableStats> {
    (0_u8..)
        .zip(&datapath.tables)
        .map(|(table_id, table)| TableStats {
            table_id,
            active_count: u32::try_from(table.len()).unwrap_or(u32::MAX),
            lookup_count: table.looked_up,
            matched_count: table.matched,
        })
        .collect()
}

fn ports(wanted: PortNo, datapath: &Datapath) -> Result<Vec<PortStats>, Refusal> {
    let known = wanted.physical().is_some_and(|port| datapath.ports.contains_key(&port));
    if !known && wanted != PortNo::ANY {
        return Err(BadRequest::BAD_PORT.into());
    }
    let chosen = datapath.ports.values().filter(|port| wanted == PortNo::ANY || wanted.physical() == Some(port.number));
    Ok(chosen
        .map(|port| PortStats {
            port_no: port.number.into(),
            rx_packets: port.counters.rx_packets,
            tx_packets: port.counters.tx_packets,
            rx_bytes: port.counters.rx_bytes,
            tx_bytes: port.counters.tx_bytes,
            rx_dropped: port.counters.rx_dropped,
            tx_dropped: port.counters.tx_dropped,
            rx_errors: 0,
            tx_errors: 0,
            rx_frame_err: 0,
            rx_over_err: 0,
            rx_crc_err: 0,
            collisions: 0,
            // Nobody told the switch when it was switched on.
            duration_sec: 0,
            duration_nsec: 0,
        })
        .collect())
}
