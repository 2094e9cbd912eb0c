//! Packets between switch and controller: OpenFlow 1.3.5 §7.3.7 and §7.4.1.

use bytes::{Bytes, BytesMut};

use super::action::{Action, read_actions, write_actions};
use super::{Match, PortNo, kind};
use crate::cursor::{Reader, Writer, codes, write_frame};
use crate::error::{DecodeError, EncodeError};
use crate::glance::{Glance, four, two};

codes! {
    /// `ofp_packet_in_reason`.
    PacketInReason(u8) "OFPR_" { NO_MATCH = 0, ACTION = 1, INVALID_TTL = 2 }
}

/// `ofp_packet_in`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketIn {
    /// The packet held back by the switch, or `OFP_NO_BUFFER`.
    pub buffer_id: u32,
    /// The packet's length in bytes; `data` may hold only the start of it.
    pub total_len: u16,
    /// Why it is sent.
    pub reason: PacketInReason,
    /// The table of the entry that sent it.
    pub table_id: u8,
    /// The cookie of that entry, or all ones.
    pub cookie: u64,
    /// What the switch knows of the packet beside its bytes; the port it came in on among it.
    pub matching: Match,
    /// The packet, or its start.
    pub data: Bytes,
}

/// `ofp_packet_out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOut {
    /// A packet held back by the switch, or `OFP_NO_BUFFER` if `data` is the packet.
    pub buffer_id: u32,
    /// The port that it counts as come in on, or `CONTROLLER`.
    pub in_port: PortNo,
    /// What to do with it; nothing drops it.
    pub actions: Vec<Action>,
    /// The packet.
    pub data: Bytes,
}

/// A packet-in of which this is the whole message, read in place; nothing if it tells more than the port, or that is no real one (1 to
/// 0xffffff00, §7.2.1).
#[must_use]
pub fn glance(message: &[u8]) -> Option<Glance<'_>> {
    /// `OFPMT_OXM`, 12 bytes; in them `OFPXMC_OPENFLOW_BASIC`, `OFPXMT_OFB_IN_PORT`, 4 bytes (§7.2.3).
    const MATCH: u32 = 0x0001_000c;
    const IN_PORT: u32 = 0x8000_0004;
    const OFPP_MAX: u32 = 0xffff_ff00;
    let in_port = four(message, 32).filter(|port| (1..=OFPP_MAX).contains(port))?;
    if four(message, 24) != Some(MATCH) || four(message, 28) != Some(IN_PORT) {
        return None;
    }
    Some(Glance {
        buffer_id: four(message, 8)?,
        total_len: two(message, 12)?,
        in_port: net::PortNo(in_port),
        data: message.get(42..)?,
    })
}

impl PacketIn {
    /// The port the packet came in on, if the match tells it.
    #[must_use]
    pub fn in_port(&self) -> Option<PortNo> {
        self.matching.in_port()
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<PacketIn, DecodeError> {
        let buffer_id = r.get("buffer_id")?;
        let total_len = r.get("total_len")?;
        let reason = r.get("reason")?;
        let table_id = r.get("table_id")?;
        let cookie = r.get("cookie")?;
        let matching = Match::read(r)?;
        r.skip(2)?;
        Ok(PacketIn { buffer_id, total_len, reason, table_id, cookie, matching, data: r.rest() })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.buffer_id);
        w.put(self.total_len);
        w.put(self.reason);
        w.put(self.table_id);
        w.put(self.cookie);
        self.matching.write(w);
        w.pad(2);
        w.put_slice(&self.data);
    }
}

impl PacketOut {
    /// Appends a whole message from borrowed parts.
    ///
    /// # Errors
    /// When the message exceeds 65,535 bytes; nothing is written then.
    pub fn encode_parts(
        (buffer_id, in_port): (u32, PortNo),
        actions: &[Action],
        data: &[u8],
        xid: u32,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        write_frame(out, super::VERSION, kind::PACKET_OUT, xid, |w| write_parts(w, buffer_id, in_port, actions, data))
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<PacketOut, DecodeError> {
        let buffer_id = r.get("buffer_id")?;
        let in_port = r.get("in_port")?;
        let actions_len: u16 = r.get("actions_len")?;
        r.skip(6)?;
        let actions = read_actions(r.child(usize::from(actions_len), "actions_len", "ofp_packet_out")?)?;
        Ok(PacketOut { buffer_id, in_port, actions, data: r.rest() })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        write_parts(w, self.buffer_id, self.in_port, &self.actions, &self.data);
    }
}

fn write_parts(w: &mut Writer<'_>, buffer_id: u32, in_port: PortNo, actions: &[Action], data: &[u8]) {
    w.put(buffer_id);
    w.put(in_port);
    let length = w.at();
    w.pad(8);
    let start = w.at();
    write_actions(actions, w);
    w.fill_length(start, length);
    w.put_slice(data);
}
