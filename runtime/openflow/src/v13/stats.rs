//! What a switch counts, beside groups and meters: OpenFlow 1.3.5 §7.3.5.1 to §7.3.5.5.

use super::instruction::{Instruction, read_instructions, write_instructions};
use super::{FlowModFlags, Match, PortNo};
use crate::cursor::{Reader, Text, Writer, wire_struct};
use crate::error::DecodeError;

/// The queue number that stands for every queue (`OFPQ_ALL`).
pub const OFPQ_ALL: u32 = 0xffff_ffff;

wire_struct! {
    /// `ofp_desc`.
    Desc as "ofp_desc" {
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

/// `ofp_flow_stats_request` and `ofp_aggregate_stats_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStatsRequest {
    /// Entries of this table, or `OFPTT_ALL`.
    pub table_id: u8,
    /// With an output to this port, unless `ANY`.
    pub out_port: PortNo,
    /// That use this group, unless `OFPG_ANY`.
    pub out_group: u32,
    /// Whose cookie has these bits.
    pub cookie: u64,
    /// Where this mask has bits.
    pub cookie_mask: u64,
    /// Whose match lies within.
    pub matching: Match,
}

/// `ofp_flow_stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStats {
    /// The entry's table.
    pub table_id: u8,
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
    /// Its options.
    pub flags: FlowModFlags,
    /// Its cookie.
    pub cookie: u64,
    /// Packets that it matched.
    pub packet_count: u64,
    /// Bytes that it matched.
    pub byte_count: u64,
    /// Its match.
    pub matching: Match,
    /// Its instructions.
    pub instructions: Vec<Instruction>,
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
        /// How many entries it holds.
        @3 active_count: u32,
        /// Packets looked up.
        lookup_count: u64,
        /// Packets that matched an entry.
        matched_count: u64,
    }
}

wire_struct! {
    /// `ofp_port_stats_request`.
    PortStatsRequest as "ofp_port_stats_request" {
        /// The port; `ANY` for all.
        port_no: PortNo,
        ; @4
    }
}

wire_struct! {
    /// `ofp_port_stats`. A counter that the switch does not have is all ones.
    PortStats as "ofp_port_stats" {
        /// The port.
        port_no: PortNo,
        /// Packets received.
        @4 rx_packets: u64,
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
        /// Its age: seconds.
        duration_sec: u32,
        /// And nanoseconds on top.
        duration_nsec: u32,
    }
}

wire_struct! {
    /// `ofp_queue_stats_request`.
    QueueStatsRequest as "ofp_queue_stats_request" {
        /// The port; `ANY` for all.
        port_no: PortNo,
        /// The queue; [`OFPQ_ALL`] for all.
        queue_id: u32,
    }
}

wire_struct! {
    /// `ofp_queue_stats`.
    QueueStats as "ofp_queue_stats" {
        /// The port.
        port_no: PortNo,
        /// The queue.
        queue_id: u32,
        /// Bytes sent.
        tx_bytes: u64,
        /// Packets sent.
        tx_packets: u64,
        /// Packets dropped for overrun.
        tx_errors: u64,
        /// Its age: seconds.
        duration_sec: u32,
        /// And nanoseconds on top.
        duration_nsec: u32,
    }
}

impl FlowStatsRequest {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<FlowStatsRequest, DecodeError> {
        let table_id = r.get("table_id")?;
        r.skip(3)?;
        let out_port = r.get("out_port")?;
        let out_group = r.get("out_group")?;
        r.skip(4)?;
        let cookie = r.get("cookie")?;
        let cookie_mask = r.get("cookie_mask")?;
        Ok(FlowStatsRequest { table_id, out_port, out_group, cookie, cookie_mask, matching: Match::read_asked(r)? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.table_id);
        w.pad(3);
        w.put(self.out_port);
        w.put(self.out_group);
        w.pad(4);
        w.put(self.cookie);
        w.put(self.cookie_mask);
        self.matching.write(w);
    }
}

impl FlowStats {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<FlowStats, DecodeError> {
        let length = usize::from(r.peek_u16(0, "length")?);
        let mut r = r.structure(length, 56, "length", "ofp_flow_stats")?;
        r.skip(2)?;
        let table_id = r.get("table_id")?;
        r.skip(1)?;
        let duration_sec = r.get("duration_sec")?;
        let duration_nsec = r.get("duration_nsec")?;
        let priority = r.get("priority")?;
        let idle_timeout = r.get("idle_timeout")?;
        let hard_timeout = r.get("hard_timeout")?;
        let flags = r.get("flags")?;
        r.skip(4)?;
        Ok(FlowStats {
            table_id,
            duration_sec,
            duration_nsec,
            priority,
            idle_timeout,
            hard_timeout,
            flags,
            cookie: r.get("cookie")?,
            packet_count: r.get("packet_count")?,
            byte_count: r.get("byte_count")?,
            matching: Match::read(&mut r)?,
            instructions: read_instructions(r)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(2);
        w.put(self.table_id);
        w.pad(1);
        w.put(self.duration_sec);
        w.put(self.duration_nsec);
        w.put(self.priority);
        w.put(self.idle_timeout);
        w.put(self.hard_timeout);
        w.put(self.flags);
        w.pad(4);
        w.put(self.cookie);
        w.put(self.packet_count);
        w.put(self.byte_count);
        self.matching.write(w);
        write_instructions(&self.instructions, w);
        w.fill_length(start, start);
    }
}
