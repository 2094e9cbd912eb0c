//! ICMP echo (RFC 792), as emulated hosts and tests speak it. Errors are built elsewhere.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::checksum::Checksum;

/// An echo request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// True for a reply.
    pub reply: bool,
    /// Identifier, the asker's choice.
    pub id: u16,
    /// Sequence number.
    pub seq: u16,
    /// Data that the reply repeats.
    pub data: &'a [u8],
}

#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct Wire {
    kind: u8,
    code: u8,
    checksum: U16,
    id: U16,
    seq: U16,
}

impl<'a> Echo<'a> {
    /// Reads an IP packet's content; nothing if it is another message or its checksum is wrong.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Echo<'a>> {
        let (wire, data) = Wire::ref_from_prefix(bytes).ok()?;
        let reply = match (wire.kind, wire.code) {
            (8, 0) => false,
            (0, 0) => true,
            _ => return None,
        };
        let sound = crate::checksum::checksum(bytes) == 0;
        sound.then_some(Echo { reply, id: wire.id.get(), seq: wire.seq.get(), data })
    }

    /// The message, to be put into an IP packet.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut wire = Wire {
            kind: if self.reply { 0 } else { 8 },
            code: 0,
            checksum: U16::ZERO,
            id: U16::new(self.id),
            seq: U16::new(self.seq),
        };
        let mut sum = Checksum::default();
        sum.add(wire.as_bytes());
        sum.add(self.data);
        wire.checksum = U16::new(sum.finish());
        [wire.as_bytes(), self.data].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_survives_the_wire_and_a_wrong_checksum_does_not() {
        let echo = Echo { reply: false, id: 7, seq: 9, data: b"odd" };
        let mut bytes = echo.to_bytes();
        assert_eq!(Echo::parse(&bytes), Some(echo));
        bytes[9] ^= 1;
        assert_eq!(Echo::parse(&bytes), None);
        assert_eq!(Echo::parse(&bytes[..7]), None);
    }
}
