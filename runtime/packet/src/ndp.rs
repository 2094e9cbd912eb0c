//! Neighbour solicitations and advertisements (RFC 4861 §4.3, §4.4). Knows nothing of who owns an address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use net::{EtherType, IpHeader, IpProto, MacAddr, Prefix, Transport};

use crate::build::ethernet;
use crate::checksum::Checksum;
use crate::{Fragment, IpPayload};

/// Octets before the options.
const FIXED: usize = 24;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const ROUTER_ADVERTISEMENT: u8 = 134;
const PREFIX_INFORMATION: u8 = 3;

/// A message of neighbour discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ndp {
    /// Who has the target?
    Solicitation {
        /// The address asked for.
        target: Ipv6Addr,
        /// The asker's link-layer address; absent in duplicate address detection (RFC 4862 §5.4.2).
        source_mac: Option<MacAddr>,
    },
    /// The sender has the target.
    Advertisement {
        /// The address.
        target: Ipv6Addr,
        /// Its link-layer address; may be absent in the answer to a unicast solicitation.
        target_mac: Option<MacAddr>,
        /// What else it says.
        flags: Flags,
    },
}

/// The flags of an advertisement (RFC 4861 §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The sender is a router.
    pub router: bool,
    /// It answers a solicitation from the destination.
    pub solicited: bool,
    /// It overrides what the receiver has cached.
    pub overriding: bool,
}

/// Why a packet is not a sound message of neighbour discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdpError {
    /// Another message.
    NotNeighbour,
    /// A hop limit below 255: it came through a router (RFC 4861 §7.1).
    HopLimit,
    /// A fragment, or a code other than 0 (RFC 6980 §5).
    Form,
    /// It ends too early, or an option has length 0 or leaves the message.
    Length,
    /// The checksum is wrong, or the frame was cut short.
    Checksum,
    /// A target, source or destination that §7.1.1 or §7.1.2 forbids.
    Address,
}

impl fmt::Display for NdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NdpError::NotNeighbour => "not a neighbour solicitation or advertisement",
            NdpError::HopLimit => "the hop limit is not 255",
            NdpError::Form => "a fragment, or a code other than 0",
            NdpError::Length => "the message or an option has an impossible length",
            NdpError::Checksum => "the checksum is wrong",
            NdpError::Address => "an address that neighbour discovery forbids",
        })
    }
}

impl std::error::Error for NdpError {}

impl Ndp {
    /// Reads a parsed IPv6 packet, checking what RFC 4861 §7.1.1 and §7.1.2 ask of a receiver.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(ip: &IpHeader, payload: &IpPayload<'_>) -> Result<Ndp, NdpError> {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (ip.src, ip.dst) else { return Err(NdpError::NotNeighbour) };
        let (IpProto::ICMPV6, Some(Transport::Icmp { kind: kind @ (SOLICITATION | ADVERTISEMENT), code })) =
            (ip.proto, ip.transport)
        else {
            return Err(NdpError::NotNeighbour);
        };
        if payload.hop_limit != 255 {
            return Err(NdpError::HopLimit);
        }
        if code != 0 || payload.fragment != Fragment::Whole {
            return Err(NdpError::Form);
        }
        let (fixed, options) = payload.bytes.split_first_chunk::<FIXED>().ok_or(NdpError::Length)?;
        if checksum(src, dst, payload.bytes) != 0 {
            return Err(NdpError::Checksum);
        }
        let [_, _, _, _, flags, _, _, _, target @ ..] = *fixed;
        let target = Ipv6Addr::from(target);
        if target.is_multicast() {
            return Err(NdpError::Address);
        }
        if kind == SOLICITATION {
            let source_mac = option(options, SOURCE_LINK_LAYER)?;
            if src.is_unspecified() && (source_mac.is_some() || !is_solicited_node(dst)) {
                return Err(NdpError::Address);
            }
            return Ok(Ndp::Solicitation { target, source_mac });
        }
        let flags = Flags { router: flags & 0x80 != 0, solicited: flags & 0x40 != 0, overriding: flags & 0x20 != 0 };
        if dst.is_multicast() && flags.solicited {
            return Err(NdpError::Address);
        }
        Ok(Ndp::Advertisement { target, target_mac: option(options, TARGET_LINK_LAYER)?, flags })
    }

    /// The message in its frame, with its checksum and hop limit 255.
    #[must_use]
    pub fn to_frame(&self, src: (MacAddr, Ipv6Addr), dst: (MacAddr, Ipv6Addr)) -> Vec<u8> {
        let (kind, flags, target, option, mac) = match *self {
            Ndp::Solicitation { target, source_mac } => (SOLICITATION, 0, target, SOURCE_LINK_LAYER, source_mac),
            Ndp::Advertisement { target, target_mac, flags } => {
                (ADVERTISEMENT, flags.to_bits(), target, TARGET_LINK_LAYER, target_mac)
            }
        };
        let body = |sum: u16| {
            let mut message = vec![kind, 0];
            message.extend(sum.to_be_bytes());
            message.extend([flags, 0, 0, 0]);
            message.extend(target.octets());
            if let Some(mac) = mac {
                message.extend([option, 1]);
                message.extend(mac.0);
            }
            message
        };
        let message = body(checksum(src.1, dst.1, &body(0)));
        let length = if mac.is_some() { 32_u16 } else { 24 };
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([IpProto::ICMPV6.0, 255]);
        packet.extend(src.1.octets());
        packet.extend(dst.1.octets());
        packet.extend(message);
        ethernet(dst.0, src.0, EtherType::IPV6, &packet)
    }
}

impl Flags {
    fn to_bits(self) -> u8 {
        u8::from(self.router) << 7 | u8::from(self.solicited) << 6 | u8::from(self.overriding) << 5
    }
}

/// The prefixes that a router advertisement (RFC 4861 §4.2, §4.6.2) puts on the link, with the seconds that they hold.
///
/// # Errors
/// What keeps it from being one.
pub fn prefixes(ip: &IpHeader, payload: &IpPayload<'_>) -> Result<Vec<(Prefix, u32)>, NdpError> {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (ip.src, ip.dst) else { return Err(NdpError::NotNeighbour) };
    if payload.hop_limit != 255 {
        return Err(NdpError::HopLimit);
    }
    if payload.fragment != Fragment::Whole {
        return Err(NdpError::Form);
    }
    let (fixed, mut options) = payload.bytes.split_first_chunk::<16>().ok_or(NdpError::Length)?;
    if fixed.first_chunk() != Some(&[ROUTER_ADVERTISEMENT, 0]) {
        return Err(NdpError::NotNeighbour);
    }
    if checksum(src, dst, payload.bytes) != 0 {
        return Err(NdpError::Checksum);
    }
    if !src.is_unicast_link_local() {
        return Err(NdpError::Address);
    }
    let mut found = Vec::new();
    while let [kind, units, ..] = *options {
        let (option, rest) = options.split_at_checked(usize::from(units) * 8).ok_or(NdpError::Length)?;
        if option.is_empty() {
            return Err(NdpError::Length);
        }
        if kind == PREFIX_INFORMATION {
            let option: &[u8; 32] = option.first_chunk().ok_or(NdpError::Length)?;
            let [_, _, length, flags, v0, v1, v2, v3, _, _, _, _, _, _, _, _, prefix @ ..] = *option;
            let prefix = Prefix::truncate(IpAddr::V6(Ipv6Addr::from(prefix)), length).ok_or(NdpError::Length)?;
            if flags & 0x80 != 0 {
                found.push((prefix, u32::from_be_bytes([v0, v1, v2, v3])));
            }
        }
        options = rest;
    }
    if options.is_empty() { Ok(found) } else { Err(NdpError::Length) }
}

/// A router's advertisement of one prefix to everybody, in its frame, with hop limit 255.
#[must_use]
pub fn advertisement(src: (MacAddr, Ipv6Addr), prefix: Prefix, seconds: u32) -> Vec<u8> {
    let network = match prefix.network() {
        IpAddr::V6(network) => network.octets(),
        IpAddr::V4(_) => [0; 16],
    };
    let mut body = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend([PREFIX_INFORMATION, 4, prefix.length(), 0xc0]);
    body.extend([seconds.to_be_bytes(), seconds.to_be_bytes()].concat());
    body.extend([0; 4]);
    body.extend(network);
    crate::build::icmpv6(src, ALL_NODES, &body)
}

/// The group of all nodes on the link, and the MAC address that carries it.
pub const ALL_NODES: (MacAddr, Ipv6Addr) = (MacAddr([0x33, 0x33, 0, 0, 0, 1]), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));

/// The link-local address that a MAC address makes (RFC 4291, appendix A).
#[must_use]
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// The multicast address that the owner of `target` listens to (RFC 4291 §2.7.1), and the MAC address that carries it.
#[must_use]
pub fn solicited_node(target: Ipv6Addr) -> (MacAddr, Ipv6Addr) {
    let [.., a, b, c] = target.octets();
    let ip = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    (MacAddr([0x33, 0x33, 0xff, a, b, c]), ip)
}

fn is_solicited_node(address: Ipv6Addr) -> bool {
    solicited_node(address).1 == address
}

fn checksum(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> u16 {
    let mut sum = Checksum::pseudo_header(src.into(), dst.into(), IpProto::ICMPV6, message.len());
    sum.add(message);
    sum.finish()
}

/// The first link-layer address option of this kind, every option being checked.
fn option(mut options: &[u8], wanted: u8) -> Result<Option<MacAddr>, NdpError> {
    let mut found = None;
    while let [kind, units, ..] = *options {
        let length = usize::from(units) * 8;
        let (option, rest) = options.split_at_checked(length).ok_or(NdpError::Length)?;
        let [_, _, a, b, c, d, e, f, ..] = *option else { return Err(NdpError::Length) };
        if kind == wanted && found.is_none() {
            found = Some(MacAddr([a, b, c, d, e, f]));
        }
        options = rest;
    }
    if options.is_empty() { Ok(found) } else { Err(NdpError::Length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Payload, parse};

    const A: (MacAddr, Ipv6Addr) = (MacAddr([2, 0, 0, 0, 0, 1]), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
    const B: (MacAddr, Ipv6Addr) = (MacAddr([2, 0, 0, 0, 0, 2]), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2));

    fn read(frame: &[u8]) -> Result<Ndp, NdpError> {
        let parsed = parse(frame).unwrap();
        let Payload::Ip(payload) = parsed.payload else { panic!("no IP") };
        Ndp::parse(&parsed.key.ip.unwrap(), &payload)
    }

    #[test]
    fn both_messages_survive_the_wire() {
        let question = Ndp::Solicitation { target: B.1, source_mac: Some(A.0) };
        assert_eq!(read(&question.to_frame(A, solicited_node(B.1))), Ok(question));
        let flags = Flags { router: false, solicited: true, overriding: true };
        let answer = Ndp::Advertisement { target: B.1, target_mac: Some(B.0), flags };
        assert_eq!(read(&answer.to_frame(B, A)), Ok(answer));
        let bare = Ndp::Advertisement { target: B.1, target_mac: None, flags: Flags { router: true, ..flags } };
        assert_eq!(read(&bare.to_frame(B, A)), Ok(bare));
    }

    #[test]
    fn what_a_receiver_must_refuse_is_refused() {
        let question = Ndp::Solicitation { target: B.1, source_mac: Some(A.0) };
        let good = question.to_frame(A, solicited_node(B.1));
        let mut routed = good.clone();
        routed[21] = 254;
        assert_eq!(read(&routed), Err(NdpError::HopLimit));
        let mut corrupt = good.clone();
        corrupt[70] ^= 1;
        assert_eq!(read(&corrupt), Err(NdpError::Checksum));
        assert_eq!(read(&good[..80]), Err(NdpError::Checksum));
        let unspecified = (A.0, Ipv6Addr::UNSPECIFIED);
        assert_eq!(read(&question.to_frame(unspecified, solicited_node(B.1))), Err(NdpError::Address));
        let detection = Ndp::Solicitation { target: B.1, source_mac: None };
        assert_eq!(read(&detection.to_frame(unspecified, solicited_node(B.1))), Ok(detection));
        assert_eq!(read(&detection.to_frame(unspecified, B)), Err(NdpError::Address));
        let group = Ndp::Solicitation { target: solicited_node(B.1).1, source_mac: None };
        assert_eq!(read(&group.to_frame(A, B)), Err(NdpError::Address));
    }

    #[test]
    fn prefixes_of_an_advertisement_are_read_and_any_other_bytes_refused() {
        let (router, prefix) = ((A.0, link_local(A.0)), "2001:db8:1::/64".parse().unwrap());
        let frame = advertisement(router, prefix, 600);
        let read = |frame: &[u8]| {
            let parsed = parse(frame).unwrap();
            let Payload::Ip(payload) = parsed.payload else { panic!("no IP") };
            prefixes(&parsed.key.ip.unwrap(), &payload)
        };
        assert_eq!(read(&frame), Ok(vec![(prefix, 600)]));
        let mut routed = frame.clone();
        routed[21] = 64;
        assert_eq!(read(&routed), Err(NdpError::HopLimit));
        let mut corrupt = frame.clone();
        corrupt[90] ^= 1;
        assert_eq!(read(&corrupt), Err(NdpError::Checksum));
        assert_eq!(read(&advertisement((A.0, "2001:db8::1".parse().unwrap()), prefix, 1)), Err(NdpError::Address));
    }

    #[test]
    fn an_option_of_length_zero_or_beyond_the_end_is_refused() {
        assert_eq!(option(&[1, 0, 0, 0, 0, 0, 0, 0], 1), Err(NdpError::Length));
        assert_eq!(option(&[1, 2, 0, 0, 0, 0, 0, 0], 1), Err(NdpError::Length));
        assert_eq!(option(&[1], 1), Err(NdpError::Length));
        assert_eq!(option(&[9, 1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 7], 1), Ok(Some(MacAddr([2, 0, 0, 0, 0, 7]))));
    }
}
