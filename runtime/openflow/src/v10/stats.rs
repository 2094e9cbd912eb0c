//! Statistics of OpenFlow 1.0.1 §5.3.5.

use bytes::Bytes;

use super::action::{Action, read_actions};
use super::{BadRequest, Match, PhyPort, PortNo, Wildcards};
use crate::cursor::{Reader, Text, Wire, Writer, flags, wire_struct};
use crate::error::{DecodeError, DecodeErrorKind};

const DESC: u16 = 0;
const FLOW: u16 = 1;
const AGGREGATE: u16 = 2;
const TABLE: u16 = 3;
const PORT: u16 = 4;
const QUEUE: u16 = 5;
/// Not of the specification; Open vSwitch answers it when the ports do not fit into a features reply.
const PORT_DESC: u16 = 13;
const VENDOR: u16 = 0xffff;

/// The table number that stands for every table.
pub const ALL_TABLES: u8 = 0xff;
/// The queue number that stands for every queue (`OFPQ_ALL`).
pub const OFPQ_ALL: u32 = 0xffff_ffff;

flags! {
    /// `ofp_stats_reply_flags`.
    StatsFlags(u16) "OFPSF_" { REPLY_MORE = 1 }
}

/// `ofp_stats_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsRequest {
    /// None defined.
    pub flags: StatsFlags,
    /// What is asked.
    pub body: StatsRequestBody,
}

/// The body of a statistics request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatsRequestBody {
    /// What kind of switch it is.
    Desc,
    /// Entries.
    Flow(FlowStatsRequest),
    /// Sums over entries.
    Aggregate(FlowStatsRequest),
    /// Tables.
    Table,
    /// Counters of one port, or of all for `NONE`.
    Port(PortNo),
    /// Counters of queues.
    Queue(QueueStatsRequest),
    /// Descriptions of all ports (Open vSwitch).
    PortDesc,
    /// A vendor's own.
    Vendor {
        /// The vendor.
        vendor: u32,
        /// Its bytes.
        data: Bytes,
    },
}

/// `ofp_stats_reply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsReply {
    /// Whether more replies follow.
    pub flags: StatsFlags,
    /// The answer, or this part of it.
    pub body: StatsReplyBody,
}

/// The body of a statistics reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatsReplyBody {
    /// What kind of switch it is.
    Desc(Box<DescStats>),
    /// Entries.
    Flow(Vec<FlowStats>),
    /// Sums over entries.
    Aggregate(AggregateStats),
    /// Tables.
    Table(Vec<TableStats>),
    /// Counters of ports.
    Port(Vec<PortStats>),
    /// Counters of queues.
    Queue(Vec<QueueStats>),
    /// Descriptions of ports (Open vSwitch).
    PortDesc(Vec<PhyPort>),
    /// A vendor's own.
    Vendor {
        /// The vendor.
        vendor: u32,
        /// Its bytes.
        data: Bytes,
    },
}

wire_struct! {
    /// `ofp_desc_stats`.
    DescStats as "ofp_desc_stats" {
        /// Manufacturer.
        mfr_desc: Text<256>,
        /// Hardware.
        hw_desc: Text<256>,
        /// Software.
        sw_desc: Text<256>,
        /// Serial number.
        serial_num: Text<32>,
        /// The datapath, in words of its owner.
        dp_desc: Text<256>,
    }
}

wire_struct! {
    /// `ofp_flow_stats_request` and `ofp_aggregate_stats_request`.
    FlowStatsRequest as "ofp_flow_stats_request" {
        /// Entries whose match lies within.
        matching: Match,
        /// Of this table; 0xff for all, 0xfe for emergency.
        table_id: u8,
        /// With an output to this port, unless `NONE`.
        @1 out_port: PortNo,
    }
}

wire_struct! {
    /// `ofp_queue_stats_request`.
    QueueStatsRequest as "ofp_queue_stats_request" {
        /// The port; `ALL` for all.
        port_no: PortNo,
        /// The queue; [`OFPQ_ALL`] for all.
        @2 queue_id: u32,
    }
}

/// `ofp_flow_stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStats {
    /// The entry's table.
    pub table_id: u8,
    /// The entry's match.
    pub matching: Match,
    /// Its age: seconds.
    pub duration_sec: u32,
    /// And nanoseconds on top.
    pub duration_nsec: u32,
    /// Its priority.
    pub priority: u16,
    /// Its idle timeout in seconds.
    pub idle_timeout: u16,
    /// Its hard timeout in seconds.
    pub hard_timeout: u16,
    /// Its cookie.
    pub cookie: u64,
    /// Packets that it matched.
    pub packet_count: u64,
    /// Bytes that it matched.
    pub byte_count: u64,
    /// Its actions.
    pub actions: Vec<Action>,
}

wire_struct! {
    /// `ofp_aggregate_stats_reply`.
    AggregateStats as "ofp_aggregate_stats_reply" {
        /// Packets that the entries matched.
        packet_count: u64,
        /// Bytes that the entries matched.
        byte_count: u64,
        /// Number of entries.
        flow_count: u32,
        ; @4
    }
}

wire_struct! {
    /// `ofp_table_stats`.
    TableStats as "ofp_table_stats" {
        /// The table.
        table_id: u8,
        /// Its name.
        @3 name: Text<32>,
        /// What it can wildcard.
        wildcards: Wildcards,
        /// How many entries it holds at most.
        max_entries: u32,
        /// How many it holds.
        active_count: u32,
        /// Packets looked up.
        lookup_count: u64,
        /// Packets that matched an entry.
        matched_count: u64,
    }
}

wire_struct! {
    /// `ofp_port_stats`. A counter that the switch does not have is all ones.
    PortStats as "ofp_port_stats" {
        /// The port.
        port_no: PortNo,
        /// Packets received.
        @6 rx_packets: u64,
        /// Packets sent.
        tx_packets: u64,
        /// Bytes received.
        rx_bytes: u64,
        /// Bytes sent.
        tx_bytes: u64,
        /// Packets dropped on receipt.
        rx_dropped: u64,
        /// Packets dropped on sending.
        tx_dropped: u64,
        /// Errors on receipt, those below included.
        rx_errors: u64,
        /// Errors on sending.
        tx_errors: u64,
        /// Frame alignment errors.
        rx_frame_err: u64,
        /// Overruns.
        rx_over_err: u64,
        /// CRC errors.
        rx_crc_err: u64,
        /// Collisions.
        collisions: u64,
    }
}

wire_struct! {
    /// `ofp_queue_stats`.
    QueueStats as "ofp_queue_stats" {
        /// The port.
        port_no: PortNo,
        /// The queue.
        @2 queue_id: u32,
        /// Bytes sent.
        tx_bytes: u64,
        /// Packets sent.
        tx_packets: u64,
        /// Packets dropped for overrun.
        tx_errors: u64,
    }
}

impl StatsRequest {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<StatsRequest, DecodeError> {
        let kind: u16 = r.get("type")?;
        let flags = r.get("flags")?;
        let body = match kind {
            DESC => StatsRequestBody::Desc,
            FLOW => StatsRequestBody::Flow(r.get("body")?),
            AGGREGATE => StatsRequestBody::Aggregate(r.get("body")?),
            TABLE => StatsRequestBody::Table,
            PORT => {
                let port = r.get("port_no")?;
                r.skip(6)?;
                StatsRequestBody::Port(port)
            }
            QUEUE => StatsRequestBody::Queue(r.get("body")?),
            PORT_DESC => StatsRequestBody::PortDesc,
            VENDOR => StatsRequestBody::Vendor { vendor: r.get("vendor")?, data: r.rest() },
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadRequest::BAD_STAT)),
        };
        Ok(StatsRequest { flags, body })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.body.kind());
        w.put(self.flags);
        match &self.body {
            StatsRequestBody::Desc | StatsRequestBody::Table | StatsRequestBody::PortDesc => {}
            StatsRequestBody::Flow(request) | StatsRequestBody::Aggregate(request) => request.put(w),
            StatsRequestBody::Port(port) => {
                w.put(*port);
                w.pad(6);
            }
            StatsRequestBody::Queue(request) => request.put(w),
            StatsRequestBody::Vendor { vendor, data } => {
                w.put(*vendor);
                w.put_slice(data);
            }
        }
    }
}

impl StatsRequestBody {
    fn kind(&self) -> u16 {
        match self {
            StatsRequestBody::Desc => DESC,
            StatsRequestBody::Flow(_) => FLOW,
            StatsRequestBody::Aggregate(_) => AGGREGATE,
            StatsRequestBody::Table => TABLE,
            StatsRequestBody::Port(_) => PORT,
            StatsRequestBody::Queue(_) => QUEUE,
            StatsRequestBody::PortDesc => PORT_DESC,
            StatsRequestBody::Vendor { .. } => VENDOR,
        }
    }
}

impl StatsReply {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<StatsReply, DecodeError> {
        let kind: u16 = r.get("type")?;
        let flags = r.get("flags")?;
        let body = match kind {
            DESC => StatsReplyBody::Desc(Box::new(r.get("body")?)),
            FLOW => StatsReplyBody::Flow(r.list(FlowStats::read)?),
            AGGREGATE => StatsReplyBody::Aggregate(r.get("body")?),
            TABLE => StatsReplyBody::Table(r.values("body")?),
            PORT => StatsReplyBody::Port(r.values("body")?),
            QUEUE => StatsReplyBody::Queue(r.values("body")?),
            PORT_DESC => StatsReplyBody::PortDesc(r.values("body")?),
            VENDOR => StatsReplyBody::Vendor { vendor: r.get("vendor")?, data: r.rest() },
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadRequest::BAD_STAT)),
        };
        Ok(StatsReply { flags, body })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.body.kind());
        w.put(self.flags);
        match &self.body {
            StatsReplyBody::Desc(desc) => desc.put(w),
            StatsReplyBody::Flow(entries) => {
                for entry in entries {
                    entry.write(w);
                }
            }
            StatsReplyBody::Aggregate(sums) => sums.put(w),
            StatsReplyBody::Table(tables) => w.put_all(tables),
            StatsReplyBody::Port(ports) => w.put_all(ports),
            StatsReplyBody::Queue(queues) => w.put_all(queues),
            StatsReplyBody::PortDesc(ports) => w.put_all(ports),
            StatsReplyBody::Vendor { vendor, data } => {
                w.put(*vendor);
                w.put_slice(data);
            }
        }
    }
}

impl StatsReplyBody {
    fn kind(&self) -> u16 {
        match self {
            StatsReplyBody::Desc(_) => DESC,
            StatsReplyBody::Flow(_) => FLOW,
            StatsReplyBody::Aggregate(_) => AGGREGATE,
            StatsReplyBody::Table(_) => TABLE,
            StatsReplyBody::Port(_) => PORT,
            StatsReplyBody::Queue(_) => QUEUE,
            StatsReplyBody::PortDesc(_) => PORT_DESC,
            StatsReplyBody::Vendor { .. } => VENDOR,
        }
    }
}

impl FlowStats {
    fn read(r: &mut Reader<'_>) -> Result<FlowStats, DecodeError> {
        let length = usize::from(r.peek_u16(0, "length")?);
        let mut r = r.structure(length, 88, "length", "ofp_flow_stats")?;
        r.skip(2)?;
        let table_id = r.get("table_id")?;
        r.skip(1)?;
        let matching = r.get("match")?;
        let duration_sec = r.get("duration_sec")?;
        let duration_nsec = r.get("duration_nsec")?;
        let priority = r.get("priority")?;
        let idle_timeout = r.get("idle_timeout")?;
        let hard_timeout = r.get("hard_timeout")?;
        r.skip(6)?;
        Ok(FlowStats {
            table_id,
            matching,
            duration_sec,
            duration_nsec,
            priority,
            idle_timeout,
            hard_timeout,
            cookie: r.get("cookie")?,
            packet_count: r.get("packet_count")?,
            byte_count: r.get("byte_count")?,
            actions: read_actions(r)?,
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(2);
        w.put(self.table_id);
        w.pad(1);
        self.matching.put(w);
        w.put(self.duration_sec);
        w.put(self.duration_nsec);
        w.put(self.priority);
        w.put(self.idle_timeout);
        w.put(self.hard_timeout);
        w.pad(6);
        w.put(self.cookie);
        w.put(self.packet_count);
        w.put(self.byte_count);
        for action in &self.actions {
            action.write(w);
        }
        w.fill_length(start, start);
    }
}
