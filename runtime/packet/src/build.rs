//! Frames for emulated hosts, benchmarks and answers: Ethernet and IPv4 around what is to be said. Knows no state.

use std::net::{Ipv4Addr, Ipv6Addr};

use net::{EtherType, IpProto, MacAddr, VlanTag};
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::checksum::{Checksum, checksum};
use crate::icmp::Echo;
use crate::tcp::Segment;
use crate::udp::Datagram;

/// The shortest frame on the wire, check sequence not counted (IEEE 802.3 §3.2.8).
pub const MINIMUM_FRAME: usize = 60;

/// Both ends of an IPv4 packet on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpEnds {
    /// Source MAC address.
    pub src_mac: MacAddr,
    /// Destination MAC address.
    pub dst_mac: MacAddr,
    /// Source address.
    pub src_ip: Ipv4Addr,
    /// Destination address.
    pub dst_ip: Ipv4Addr,
}

impl IpEnds {
    /// The ends of the answer.
    #[must_use]
    pub fn swapped(&self) -> IpEnds {
        IpEnds { src_mac: self.dst_mac, dst_mac: self.src_mac, src_ip: self.dst_ip, dst_ip: self.src_ip }
    }
}

#[derive(Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct Ipv4Wire {
    version_length: u8,
    tos: u8,
    total_length: U16,
    id: U16,
    fragment: U16,
    ttl: u8,
    proto: u8,
    checksum: U16,
    src: [u8; 4],
    dst: [u8; 4],
}

/// An Ethernet II frame, not padded.
#[must_use]
pub fn ethernet(dst: MacAddr, src: MacAddr, kind: EtherType, payload: &[u8]) -> Vec<u8> {
    [&dst.0[..], &src.0[..], &kind.0.to_be_bytes()[..], payload].concat()
}

/// The frame with an 802.1Q tag before its type; unchanged if it is shorter than its addresses.
#[must_use]
pub fn tag(frame: &[u8], tag: VlanTag) -> Vec<u8> {
    let Some((addresses, rest)) = frame.split_at_checked(12) else { return frame.to_vec() };
    let tci = (u16::from(tag.pcp & 7) << 13) | tag.id.map_or(0, net::VlanId::get);
    [addresses, &EtherType::VLAN.0.to_be_bytes()[..], &tci.to_be_bytes()[..], rest].concat()
}

/// The frame padded with zeros to the least that a wire carries.
#[must_use]
pub fn pad(mut frame: Vec<u8>) -> Vec<u8> {
    if frame.len() < MINIMUM_FRAME {
        frame.resize(MINIMUM_FRAME, 0);
    }
    frame
}

/// An IPv4 packet in its frame; nothing if it is longer than 65,535 bytes.
#[must_use]
pub fn ipv4(ends: &IpEnds, proto: IpProto, payload: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Ipv4Wire {
        version_length: 0x45,
        tos: 0,
        total_length: U16::new(u16::try_from(size_of::<Ipv4Wire>() + payload.len()).ok()?),
        id: U16::ZERO,
        // Do not fragment: identification may then be zero (RFC 6864 §4.1).
        fragment: U16::new(0x4000),
        ttl: 64,
        proto: proto.0,
        checksum: U16::ZERO,
        src: ends.src_ip.octets(),
        dst: ends.dst_ip.octets(),
    };
    wire.checksum = U16::new(checksum(wire.as_bytes()));
    Some(ethernet(ends.dst_mac, ends.src_mac, EtherType::IPV4, &[wire.as_bytes(), payload].concat()))
}

/// An ICMP echo in its frame; nothing if it is too long.
#[must_use]
pub fn echo(ends: &IpEnds, echo: &Echo<'_>) -> Option<Vec<u8>> {
    ipv4(ends, IpProto::ICMP, &echo.to_bytes())
}

/// A TCP segment in its frame; nothing if it is too long.
#[must_use]
pub fn tcp(ends: &IpEnds, segment: &Segment<'_>) -> Option<Vec<u8>> {
    ipv4(ends, IpProto::TCP, &segment.to_bytes(ends))
}

/// A UDP datagram in its frame; nothing if it is too long.
#[must_use]
pub fn udp(ends: &IpEnds, datagram: &Datagram<'_>) -> Option<Vec<u8>> {
    ipv4(ends, IpProto::UDP, &datagram.to_bytes(ends)?)
}

/// An IPv6 packet in its frame; nothing if it is longer than 65,535 bytes.
#[must_use]
pub fn ipv6(
    src: (MacAddr, Ipv6Addr),
    dst: (MacAddr, Ipv6Addr),
    proto: IpProto,
    hop_limit: u8,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let length = u16::try_from(payload.len()).ok()?.to_be_bytes();
    let head = [&[0x60, 0, 0, 0][..], &length, &[proto.0, hop_limit], &src.1.octets(), &dst.1.octets()].concat();
    Some(ethernet(dst.0, src.0, EtherType::IPV6, &[&head[..], payload].concat()))
}

/// An ICMPv6 message for the link, whose octets of the checksum are zero, in its frame.
#[must_use]
pub fn icmpv6(src: (MacAddr, Ipv6Addr), dst: (MacAddr, Ipv6Addr), message: &[u8]) -> Vec<u8> {
    let mut sum = Checksum::pseudo_header(src.1.into(), dst.1.into(), IpProto::ICMPV6, message.len());
    sum.add(message);
    let mut message = message.to_vec();
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&sum.finish().to_be_bytes());
    }
    ipv6(src, dst, IpProto::ICMPV6, 255, &message).unwrap_or_default()
}

/// A UDP datagram over IPv6 in its frame; nothing if it is too long.
#[must_use]
pub fn udp6(src: (MacAddr, Ipv6Addr), dst: (MacAddr, Ipv6Addr), datagram: &Datagram<'_>) -> Option<Vec<u8>> {
    ipv6(src, dst, IpProto::UDP, 64, &datagram.to_bytes_between(src.1.into(), dst.1.into())?)
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    use net::VlanId;

    use super::*;
    use crate::{Payload, parse, tcp};

    const ENDS: IpEnds = IpEnds {
        src_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        dst_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        src_ip: Ipv4Addr::new(10, 0, 0, 1),
        dst_ip: Ipv4Addr::new(10, 0, 0, 2),
    };

    #[test]
    fn segments_carry_the_checksums_that_etherparse_computes() {
        let segment = Segment { src: 1024, dst: 80, seq: 7, ack: 9, flags: tcp::SYN | tcp::ACK, data: b"odd" };
        let frame = tcp(&ENDS, &segment).unwrap();
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("no IPv4") };
        let Some(TransportSlice::Tcp(theirs)) = &sliced.transport else { panic!("no TCP") };
        assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
        assert_eq!(theirs.checksum(), theirs.calc_checksum_ipv4(ENDS.src_ip.octets(), ENDS.dst_ip.octets()).unwrap());
        let Payload::Ip(payload) = parse(&frame).unwrap().payload else { panic!("no IP") };
        assert_eq!(Segment::parse(payload.bytes), Some(segment));
        assert_eq!(payload.tcp_flags, Some(tcp::SYN | tcp::ACK));
    }

    #[test]
    fn datagrams_carry_the_checksum_that_etherparse_computes() {
        let datagram = Datagram { src: 1024, dst: 53, data: b"question" };
        let frame = pad(udp(&ENDS, &datagram).unwrap());
        assert_eq!(frame.len(), MINIMUM_FRAME);
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("no IPv4") };
        let Some(TransportSlice::Udp(udp)) = &sliced.transport else { panic!("no UDP") };
        assert_eq!(udp.checksum(), udp.to_header().calc_checksum_ipv4(&ip.header().to_header(), udp.payload()).unwrap());
        let Payload::Ip(payload) = parse(&frame).unwrap().payload else { panic!("no IP") };
        assert_eq!(Datagram::parse(payload.bytes), Some(datagram));
    }

    #[test]
    fn an_echo_survives_its_frame_and_its_tag() {
        let question = Echo { reply: false, id: 3, seq: 4, data: b"ping" };
        let vlan = VlanTag { id: VlanId::new(7), pcp: 5 };
        let frame = tag(&echo(&ENDS, &question).unwrap(), vlan);
        let parsed = parse(&frame).unwrap();
        assert_eq!(parsed.key.vlan, Some(vlan));
        let Payload::Ip(payload) = parsed.payload else { panic!("no IP") };
        assert_eq!(Echo::parse(payload.bytes), Some(question));
    }
}
