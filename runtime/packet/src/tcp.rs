//! TCP segments (RFC 9293 §3.1), as emulated hosts and tests speak them: no options are written, none are understood.

use net::IpProto;
use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::build::IpEnds;
use crate::checksum::Checksum;

/// No more data from the sender.
pub const FIN: u8 = 0x01;
/// Synchronise sequence numbers.
pub const SYN: u8 = 0x02;
/// Reset the connection.
pub const RST: u8 = 0x04;
/// Push.
pub const PSH: u8 = 0x08;
/// The acknowledgement number counts.
pub const ACK: u8 = 0x10;

/// A segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags, the low eight bits.
    pub flags: u8,
    /// Data.
    pub data: &'a [u8],
}

#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct Wire {
    src: U16,
    dst: U16,
    seq: U32,
    ack: U32,
    offset: u8,
    flags: u8,
    window: U16,
    checksum: U16,
    urgent: U16,
}

impl<'a> Segment<'a> {
    /// Reads an IP packet's content; nothing if the header length is impossible. Trusts the checksum.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Segment<'a>> {
        let (wire, _) = Wire::ref_from_prefix(bytes).ok()?;
        let header = usize::from(wire.offset >> 4) * 4;
        if header < size_of::<Wire>() {
            return None;
        }
        Some(Segment {
            src: wire.src.get(),
            dst: wire.dst.get(),
            seq: wire.seq.get(),
            ack: wire.ack.get(),
            flags: wire.flags,
            data: bytes.get(header..)?,
        })
    }

    /// The segment with its checksum.
    #[must_use]
    pub fn to_bytes(&self, ends: &IpEnds) -> Vec<u8> {
        let mut wire = Wire {
            src: U16::new(self.src),
            dst: U16::new(self.dst),
            seq: U32::new(self.seq),
            ack: U32::new(self.ack),
            offset: 5 << 4,
            flags: self.flags,
            window: U16::new(0xffff),
            checksum: U16::ZERO,
            urgent: U16::ZERO,
        };
        let length = size_of::<Wire>() + self.data.len();
        let mut sum = Checksum::pseudo_header(ends.src_ip.into(), ends.dst_ip.into(), IpProto::TCP, length);
        sum.add(wire.as_bytes());
        sum.add(self.data);
        wire.checksum = U16::new(sum.finish());
        [wire.as_bytes(), self.data].concat()
    }
}
