//! Packets between switch and controller: OpenFlow 1.0.1 §5.3.6 and §5.4.1.

use bytes::{Bytes, BytesMut};

use super::action::{Action, read_actions};
use super::{PortNo, kind};
use crate::cursor::{Reader, Writer, codes, write_frame};
use crate::error::{DecodeError, EncodeError};
use crate::glance::{Glance, four, two};

codes! {
    /// `ofp_packet_in_reason`.
    PacketInReason(u8) "OFPR_" { NO_MATCH = 0, ACTION = 1 }
}

/// `ofp_packet_in`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketIn {
    /// The packet held back by the switch, or `OFP_NO_BUFFER`.
    pub buffer_id: u32,
    /// The packet's length in bytes; `data` may hold only the start of it.
    pub total_len: u16,
    /// Port the packet came in on.
    pub in_port: PortNo,
    /// Why it is sent.
    pub reason: PacketInReason,
    /// The packet, or its start.
    pub data: Bytes,
}

/// `ofp_packet_out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOut {
    /// A packet held back by the switch, or `OFP_NO_BUFFER` if `data` is the packet.
    pub buffer_id: u32,
    /// The port that it counts as come in on; `NONE` if none.
    pub in_port: PortNo,
    /// What to do with it; nothing drops it.
    pub actions: Vec<Action>,
    /// The packet.
    pub data: Bytes,
}

impl PacketIn {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<PacketIn, DecodeError> {
        let buffer_id = r.get("buffer_id")?;
        let total_len = r.get("total_len")?;
        let in_port = r.get("in_port")?;
        let reason = r.get("reason")?;
        r.skip(1)?;
        Ok(PacketIn { buffer_id, total_len, in_port, reason, data: r.rest() })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.buffer_id);
        w.put(self.total_len);
        w.put(self.in_port);
        w.put(self.reason);
        w.pad(1);
        w.put_slice(&self.data);
    }
}

/// A packet-in of which this is the whole message, read in place; nothing if it came in on no real port (1 to 0xff00, §5.2.1).
#[must_use]
pub fn glance(message: &[u8]) -> Option<Glance<'_>> {
    const OFPP_MAX: u16 = 0xff00;
    let in_port = two(message, 14).filter(|port| (1..=OFPP_MAX).contains(port))?;
    Some(Glance {
        buffer_id: four(message, 8)?,
        total_len: two(message, 12)?,
        in_port: net::PortNo(in_port.into()),
        data: message.get(18..)?,
    })
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
    w.put(0_u16);
    let start = w.at();
    for action in actions {
        action.write(w);
    }
    w.fill_length(start, length);
    w.put_slice(data);
}
