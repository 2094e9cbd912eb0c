//! LLDP data units (IEEE 802.1AB §8): read strictly, written plainly. Knows nothing of links, nor of our own probes.

use std::fmt;

use net::MacAddr;

/// The nearest-bridge group address: no bridge passes it on (IEEE 802.1AB §7.1).
pub const NEAREST_BRIDGE: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0, 0, 0x0e]);
/// The subtype of a locally assigned chassis identifier (§8.5.2.2).
pub const CHASSIS_LOCAL: u8 = 7;
/// The subtype of a locally assigned port identifier (§8.5.3.2).
pub const PORT_LOCAL: u8 = 7;

const END: u8 = 0;
const CHASSIS: u8 = 1;
const PORT: u8 = 2;
const TTL: u8 = 3;
const ORGANISATIONAL: u8 = 127;
/// TLVs that are read, at most; a frame of full length with small ones holds more, but nobody sends that.
const TLVS: usize = 256;

/// One type, length and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Type, 0 to 127.
    pub kind: u8,
    /// Value, up to 511 bytes.
    pub value: &'a [u8],
}

/// A chassis or port identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'a> {
    /// What sort of identifier it is.
    pub subtype: u8,
    /// The identifier, 1 to 255 bytes.
    pub value: &'a [u8],
}

/// An organisationally specific TLV (§8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organisational<'a> {
    /// The organisation.
    pub oui: [u8; 3],
    /// Its own subtype.
    pub subtype: u8,
    /// Its own value, up to 507 bytes.
    pub value: &'a [u8],
}

/// A data unit that is sound as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// The sender's chassis.
    pub chassis: Id<'a>,
    /// The sender's port.
    pub port: Id<'a>,
    /// How long it holds, in seconds; 0 withdraws it.
    pub ttl: u16,
    optional: &'a [u8],
}

/// Why bytes are not an LLDP data unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LldpError {
    /// A TLV leaves the frame.
    Overrun,
    /// There is no end TLV, or it is not empty.
    MissingEnd,
    /// Chassis, port and time to live are not the first three.
    Mandatory,
    /// One of these comes again.
    Repeated,
    /// A TLV is too short or too long for its type.
    Length,
    /// More TLVs than anybody sends.
    TooMany,
}

impl fmt::Display for LldpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LldpError::Overrun => "a TLV is longer than the frame",
            LldpError::MissingEnd => "no empty end TLV",
            LldpError::Mandatory => "the unit does not begin with chassis, port and time to live",
            LldpError::Repeated => "a mandatory TLV is repeated",
            LldpError::Length => "a TLV has an impossible length",
            LldpError::TooMany => "too many TLVs",
        })
    }
}

impl std::error::Error for LldpError {}

fn next(bytes: &[u8]) -> Result<(Tlv<'_>, &[u8]), LldpError> {
    let (head, rest) =
        bytes.split_first_chunk::<2>().ok_or(if bytes.is_empty() { LldpError::MissingEnd } else { LldpError::Overrun })?;
    let head = u16::from_be_bytes(*head);
    let (value, rest) = rest.split_at_checked(usize::from(head & 0x01ff)).ok_or(LldpError::Overrun)?;
    Ok((Tlv { kind: (head >> 9) as u8, value }, rest))
}

impl<'a> Unit<'a> {
    /// Reads what follows the Ethernet header; padding after the end TLV is left alone.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(bytes: &'a [u8]) -> Result<Unit<'a>, LldpError> {
        let (chassis, rest) = id(bytes, CHASSIS)?;
        let (port, rest) = id(rest, PORT)?;
        let (ttl, optional) = next(rest)?;
        if ttl.kind != TTL {
            return Err(LldpError::Mandatory);
        }
        let ttl = u16::from_be_bytes(*ttl.value.first_chunk().ok_or(LldpError::Length)?);
        check_optional(optional)?;
        Ok(Unit { chassis, port, ttl, optional })
    }

    /// The optional TLVs in their order.
    pub fn optional(&self) -> impl Iterator<Item = Tlv<'a>> + use<'a> {
        let mut rest = self.optional;
        std::iter::from_fn(move || {
            let (tlv, behind) = next(rest).ok()?;
            rest = behind;
            (tlv.kind != END).then_some(tlv)
        })
    }

    /// The organisationally specific TLVs in their order.
    pub fn organisational(&self) -> impl Iterator<Item = Organisational<'a>> + use<'a> {
        self.optional().filter(|tlv| tlv.kind == ORGANISATIONAL).filter_map(|tlv| {
            let (&[a, b, c, subtype], value) = tlv.value.split_first_chunk()?;
            Some(Organisational { oui: [a, b, c], subtype, value })
        })
    }
}

fn id(bytes: &[u8], kind: u8) -> Result<(Id<'_>, &[u8]), LldpError> {
    let (tlv, rest) = next(bytes)?;
    if tlv.kind != kind {
        return Err(LldpError::Mandatory);
    }
    match tlv.value {
        [subtype, value @ ..] if (1..=255).contains(&value.len()) => Ok((Id { subtype: *subtype, value }, rest)),
        _ => Err(LldpError::Length),
    }
}

fn check_optional(mut rest: &[u8]) -> Result<(), LldpError> {
    for _ in 0..TLVS {
        let (tlv, behind) = next(rest)?;
        match tlv.kind {
            END if tlv.value.is_empty() => return Ok(()),
            END => return Err(LldpError::MissingEnd),
            CHASSIS | PORT | TTL => return Err(LldpError::Repeated),
            ORGANISATIONAL if tlv.value.len() < 4 => return Err(LldpError::Length),
            _ => rest = behind,
        }
    }
    Err(LldpError::TooMany)
}

/// Appends a TLV; a value beyond 511 bytes is cut there.
fn put(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let value = parts.concat();
    let value = value.get(..511).unwrap_or(&value);
    let head = (u16::from(kind) << 9) | (value.len() as u16);
    out.extend(head.to_be_bytes());
    out.extend(value);
}

/// Writes a data unit with these organisationally specific TLVs.
#[must_use]
pub fn build(chassis: Id<'_>, port: Id<'_>, ttl: u16, organisational: &[Organisational<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    put(&mut out, CHASSIS, &[&[chassis.subtype], chassis.value]);
    put(&mut out, PORT, &[&[port.subtype], port.value]);
    put(&mut out, TTL, &[&ttl.to_be_bytes()]);
    for own in organisational {
        put(&mut out, ORGANISATIONAL, &[&own.oui, &[own.subtype], own.value]);
    }
    put(&mut out, END, &[]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHASSIS_TLV: &[u8] = &[0x02, 0x02, 7, b'a'];
    const PORT_TLV: &[u8] = &[0x04, 0x02, 7, b'1'];
    const TTL_TLV: &[u8] = &[0x06, 0x02, 0, 120];
    const END_TLV: &[u8] = &[0, 0];

    fn unit(tail: &[&[u8]]) -> Vec<u8> {
        [&[CHASSIS_TLV, PORT_TLV, TTL_TLV][..], tail].concat().concat()
    }

    #[test]
    fn a_unit_survives_the_wire_with_padding() {
        let own = Organisational { oui: [1, 2, 3], subtype: 4, value: b"value" };
        let mut bytes = build(Id { subtype: 7, value: b"a" }, Id { subtype: 7, value: b"1" }, 120, &[own]);
        bytes.extend([0; 20]);
        let unit = Unit::parse(&bytes).unwrap();
        assert_eq!((unit.chassis.value, unit.port.value, unit.ttl), (&b"a"[..], &b"1"[..], 120));
        assert_eq!(unit.organisational().collect::<Vec<_>>(), [own]);
    }

    #[test]
    fn what_breaks_the_format_is_named() {
        for (bytes, error) in [
            (vec![], LldpError::MissingEnd),
            (vec![2], LldpError::Overrun),
            (vec![0x02, 0xff, 7], LldpError::Overrun),
            (PORT_TLV.to_vec(), LldpError::Mandatory),
            (vec![0x02, 0x01, 7], LldpError::Length),
            ([CHASSIS_TLV, PORT_TLV, END_TLV].concat(), LldpError::Mandatory),
            ([CHASSIS_TLV, PORT_TLV, &[0x06, 0x01, 0], END_TLV].concat(), LldpError::Length),
            (unit(&[]), LldpError::MissingEnd),
            (unit(&[&[0, 1, 0]]), LldpError::MissingEnd),
            (unit(&[TTL_TLV, END_TLV]), LldpError::Repeated),
            (unit(&[&[0xfe, 0x03, 1, 2, 3], END_TLV]), LldpError::Length),
            (unit(&[&[0x0a, 0x05, 1, 2], END_TLV]), LldpError::Overrun),
            (unit(&[&[0x0a, 0x00].repeat(300), END_TLV]), LldpError::TooMany),
        ] {
            assert_eq!(Unit::parse(&bytes), Err(error), "{bytes:02x?}");
        }
    }
}
