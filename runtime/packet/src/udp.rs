//! UDP datagrams (RFC 768), as emulated hosts and tests speak them.

use std::net::IpAddr;

use net::IpProto;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::build::IpEnds;
use crate::checksum::Checksum;

/// A datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Data.
    pub data: &'a [u8],
}

#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct Wire {
    src: U16,
    dst: U16,
    length: U16,
    checksum: U16,
}

impl<'a> Datagram<'a> {
    /// Reads an IP packet's content; nothing if the length in the header is impossible. Trusts the checksum.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Datagram<'a>> {
        let (wire, _) = Wire::ref_from_prefix(bytes).ok()?;
        let data = bytes.get(..usize::from(wire.length.get()))?.get(size_of::<Wire>()..)?;
        Some(Datagram { src: wire.src.get(), dst: wire.dst.get(), data })
    }

    /// The datagram with its checksum; nothing if it is longer than 65,535 bytes.
    #[must_use]
    pub fn to_bytes(&self, ends: &IpEnds) -> Option<Vec<u8>> {
        self.to_bytes_between(ends.src_ip.into(), ends.dst_ip.into())
    }

    /// The same between any two addresses of one family.
    #[must_use]
    pub fn to_bytes_between(&self, src: IpAddr, dst: IpAddr) -> Option<Vec<u8>> {
        let length = size_of::<Wire>() + self.data.len();
        let mut wire = Wire {
            src: U16::new(self.src),
            dst: U16::new(self.dst),
            length: U16::new(u16::try_from(length).ok()?),
            checksum: U16::ZERO,
        };
        let mut sum = Checksum::pseudo_header(src, dst, IpProto::UDP, length);
        sum.add(wire.as_bytes());
        sum.add(self.data);
        // Zero would say that there is no checksum (RFC 768).
        wire.checksum = U16::new(match sum.finish() {
            0 => 0xffff,
            sum => sum,
        });
        Some([wire.as_bytes(), self.data].concat())
    }
}
