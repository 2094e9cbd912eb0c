//! Actions of OpenFlow 1.0.1 §5.2.4.

use std::net::Ipv4Addr;

use bytes::Bytes;
use net::MacAddr;

use super::{BadAction, PortNo};
use crate::cursor::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// What an entry does with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send it out.
    Output {
        /// Where.
        port: PortNo,
        /// How many bytes at most, when the port is the controller.
        max_len: u16,
    },
    /// Set the VLAN identifier, adding a tag if there is none.
    SetVlanVid(u16),
    /// Set the VLAN priority, adding a tag if there is none.
    SetVlanPcp(u8),
    /// Take the VLAN tag off.
    StripVlan,
    /// Set the source MAC address.
    SetDlSrc(MacAddr),
    /// Set the destination MAC address.
    SetDlDst(MacAddr),
    /// Set the source address.
    SetNwSrc(Ipv4Addr),
    /// Set the destination address.
    SetNwDst(Ipv4Addr),
    /// Set the TOS byte but for its two ECN bits.
    SetNwTos(u8),
    /// Set the source port.
    SetTpSrc(u16),
    /// Set the destination port.
    SetTpDst(u16),
    /// Send it out through a queue.
    Enqueue {
        /// Where.
        port: PortNo,
        /// The queue on that port.
        queue_id: u32,
    },
    /// A vendor's own.
    Vendor {
        /// The vendor's OUI or number.
        vendor: u32,
        /// Its bytes; with the vendor and the header before it, a multiple of eight.
        data: Bytes,
    },
}

/// Reads the actions that fill the structure.
pub(super) fn read_actions(r: Reader<'_>) -> Result<Vec<Action>, DecodeError> {
    r.answering(BadAction::BAD_LEN).list(Action::read)
}

impl Action {
    fn read(r: &mut Reader<'_>) -> Result<Action, DecodeError> {
        let kind = r.peek_u16(0, "type")?;
        let length = usize::from(r.peek_u16(2, "len")?);
        if length < 8 || length % 8 != 0 {
            return Err(r.fail("len", DecodeErrorKind::BadLength));
        }
        let mut r = r.child(length, "len", "ofp_action_header")?;
        r.skip(4)?;
        let action = match kind {
            0 => Action::Output { port: r.get("port")?, max_len: r.get("max_len")? },
            1 => Action::SetVlanVid(padded(&mut r, "vlan_vid", 2)?),
            2 => Action::SetVlanPcp(padded(&mut r, "vlan_pcp", 3)?),
            3 => {
                r.skip(4)?;
                Action::StripVlan
            }
            4 => Action::SetDlSrc(padded(&mut r, "dl_addr", 6)?),
            5 => Action::SetDlDst(padded(&mut r, "dl_addr", 6)?),
            6 => Action::SetNwSrc(r.get("nw_addr")?),
            7 => Action::SetNwDst(r.get("nw_addr")?),
            8 => Action::SetNwTos(padded(&mut r, "nw_tos", 3)?),
            9 => Action::SetTpSrc(padded(&mut r, "tp_port", 2)?),
            10 => Action::SetTpDst(padded(&mut r, "tp_port", 2)?),
            11 => Action::Enqueue { port: padded(&mut r, "port", 6)?, queue_id: r.get("queue_id")? },
            0xffff => Action::Vendor { vendor: r.get("vendor")?, data: r.rest() },
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadAction::BAD_TYPE)),
        };
        if !r.is_empty() {
            return Err(r.fail("len", DecodeErrorKind::BadLength));
        }
        Ok(action)
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        match self {
            Action::Output { port, max_len } => w.element(0, |w| {
                w.put(*port);
                w.put(*max_len);
            }),
            Action::SetVlanVid(vid) => w.element(1, |w| w.put(*vid)),
            Action::SetVlanPcp(pcp) => w.element(2, |w| w.put(*pcp)),
            Action::StripVlan => w.element(3, |w| w.pad(4)),
            Action::SetDlSrc(mac) => w.element(4, |w| w.put(*mac)),
            Action::SetDlDst(mac) => w.element(5, |w| w.put(*mac)),
            Action::SetNwSrc(address) => w.element(6, |w| w.put(*address)),
            Action::SetNwDst(address) => w.element(7, |w| w.put(*address)),
            Action::SetNwTos(tos) => w.element(8, |w| w.put(*tos)),
            Action::SetTpSrc(port) => w.element(9, |w| w.put(*port)),
            Action::SetTpDst(port) => w.element(10, |w| w.put(*port)),
            Action::Enqueue { port, queue_id } => w.element(11, |w| {
                w.put(*port);
                w.pad(6);
                w.put(*queue_id);
            }),
            Action::Vendor { vendor, data } => w.element(0xffff, |w| {
                w.put(*vendor);
                w.put_slice(data);
            }),
        }
    }
}

/// A value with padding behind it.
fn padded<T: crate::cursor::Wire>(r: &mut Reader<'_>, field: &'static str, pad: usize) -> Result<T, DecodeError> {
    let value = r.get(field)?;
    r.skip(pad)?;
    Ok(value)
}
