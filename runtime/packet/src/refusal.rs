//! What a sender is told whose packet is refused: a TCP reset (RFC 9293 §3.10.7.1), or that communication is administratively
//! prohibited (RFC 1812 §5.2.7.1, RFC 4443 §3.1). Knows nothing of who refuses.

use std::net::IpAddr;

use net::{EtherType, FlowKey, IpHeader, IpProto, Transport};

use crate::build::{ethernet, tag};
use crate::checksum::Checksum;
use crate::parse::{Fragment, Frame, Payload, parse};
use crate::tcp::{ACK, FIN, RST, SYN, Segment};

/// The longest ICMP error, IP header included: RFC 1812 §4.3.2.3.
const LONGEST_V4: usize = 576;
/// The same for IPv6: RFC 4443 §2.4 (c).
const LONGEST_V6: usize = 1280;
/// Hop limit of what is told.
const TTL: u8 = 64;

/// The frame that tells the sender of this one that it is refused, as if its destination said so. Nothing where nothing may be
/// told: to a reset or an ICMP error, a fragment that is not the first, a packet to or from many or nobody (RFC 1122 §3.2.2).
#[must_use]
pub fn refusal(frame: &[u8]) -> Option<Vec<u8>> {
    let Frame { key, payload } = parse(frame).ok()?;
    let (ip, Payload::Ip(content)) = (key.ip?, payload) else { return None };
    let first = matches!(content.fragment, Fragment::Whole | Fragment::First);
    if !first || key.dl_dst.is_multicast() || !is_one(ip.src) || !is_one(ip.dst) {
        return None;
    }
    let told = match ip.proto {
        IpProto::TCP => packet(&ip, IpProto::TCP, &reset(&ip, content.bytes, length(frame, &key)?)?)?,
        _ => prohibited(&ip, frame, &key)?,
    };
    let told = ethernet(key.dl_src, key.dl_dst, key.dl_type, &told);
    Some(key.vlan.map_or(told.clone(), |vlan| tag(&told, vlan)))
}

/// True for the address of a single host.
fn is_one(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || broadcast)
}

/// The reset that answers a segment: nothing answers a reset.
fn reset(ip: &IpHeader, segment: &[u8], length: usize) -> Option<Vec<u8>> {
    let theirs = Segment::parse(segment)?;
    if theirs.flags & RST != 0 {
        return None;
    }
    let header = segment.len() - theirs.data.len();
    let ends = [SYN, FIN].into_iter().filter(|flag| theirs.flags & flag != 0).count();
    let occupied = u32::try_from(length.checked_sub(header)? + ends).ok()?;
    let (seq, ack, flags) = match theirs.flags & ACK {
        0 => (0, theirs.seq.wrapping_add(occupied), RST | ACK),
        _ => (theirs.ack, 0, RST),
    };
    let mut bytes = Vec::with_capacity(20);
    for port in [theirs.dst, theirs.src] {
        bytes.extend(port.to_be_bytes());
    }
    for number in [seq, ack] {
        bytes.extend(number.to_be_bytes());
    }
    // Five words of header, no window, and neither checksum yet nor anything urgent.
    bytes.extend([5 << 4, flags, 0, 0, 0, 0, 0, 0]);
    Some(with_checksum(ip, IpProto::TCP, bytes, 16))
}

/// The ICMP error that quotes a packet.
fn prohibited(ip: &IpHeader, frame: &[u8], key: &FlowKey) -> Option<Vec<u8>> {
    let quoted = frame.get(start(key)..)?;
    let (proto, head, limit) = match ip.src {
        IpAddr::V4(_) => (IpProto::ICMP, [3, 13], LONGEST_V4 - 20 - 8),
        IpAddr::V6(_) => (IpProto::ICMPV6, [1, 1], LONGEST_V6 - 40 - 8),
    };
    let error = match ip.transport {
        Some(Transport::Icmp { kind, .. }) if ip.proto == IpProto::ICMP => !matches!(kind, 0 | 8 | 13..=18),
        Some(Transport::Icmp { kind, .. }) if ip.proto == IpProto::ICMPV6 => kind < 128,
        // Too short to tell.
        _ => matches!(ip.proto, IpProto::ICMP | IpProto::ICMPV6),
    };
    if error {
        return None;
    }
    let quoted = quoted.get(..quoted.len().min(limit).min(length(frame, key)? + header(frame, key)?))?;
    let bytes = [&head[..], &[0; 6], quoted].concat();
    packet(ip, proto, &with_checksum(ip, proto, bytes, 2))
}

/// Bytes before the IP header.
fn start(key: &FlowKey) -> usize {
    if key.vlan.is_some() { 18 } else { 14 }
}

/// Bytes of the IP header, extension headers not counted.
fn header(frame: &[u8], key: &FlowKey) -> Option<usize> {
    match key.dl_type {
        EtherType::IPV4 => Some(usize::from(frame.get(start(key))? & 0x0f) * 4),
        EtherType::IPV6 => Some(40),
        _ => None,
    }
}

/// Bytes behind the IP header, as that says.
fn length(frame: &[u8], key: &FlowKey) -> Option<usize> {
    let field = |at: usize| frame.get(start(key) + at..)?.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)));
    match key.dl_type {
        EtherType::IPV4 => field(2)?.checked_sub(header(frame, key)?),
        EtherType::IPV6 => field(4),
        _ => None,
    }
}

/// The bytes of an upper layer with the checksum that belongs there, from the packet's destination to its source.
fn with_checksum(ip: &IpHeader, proto: IpProto, mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let mut sum = match proto {
        IpProto::ICMP => Checksum::default(),
        _ => Checksum::pseudo_header(ip.dst, ip.src, proto, bytes.len()),
    };
    sum.add(&bytes);
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&sum.finish().to_be_bytes());
    }
    bytes
}

/// An IP packet back to the source.
fn packet(ip: &IpHeader, proto: IpProto, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    match (ip.dst, ip.src) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut head = vec![0x45, 0];
            head.extend(length.checked_add(20)?.to_be_bytes());
            // Do not fragment: identification may then be zero (RFC 6864 §4.1).
            head.extend([0, 0, 0x40, 0, TTL, proto.0, 0, 0]);
            head.extend(from.octets());
            head.extend(to.octets());
            let sum = crate::checksum::checksum(&head).to_be_bytes();
            if let Some(place) = head.get_mut(10..12) {
                place.copy_from_slice(&sum);
            }
            Some([&head, content].concat())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let head = [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &[proto.0, TTL], &from.octets(), &to.octets()].concat();
            Some([&head, content].concat())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};

    use super::*;
    use crate::icmp_error::quoted;

    const V4: ([u8; 4], [u8; 4]) = ([10, 0, 0, 1], [10, 0, 0, 2]);

    fn from_v4() -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(V4.0, V4.1, 9)
    }

    fn from_v6() -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
        let (src, dst) = (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv6(src.octets(), dst.octets(), 9)
    }

    fn frame<T>(
        step: etherparse::PacketBuilderStep<T>,
        write: impl FnOnce(etherparse::PacketBuilderStep<T>, &mut Vec<u8>),
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(step, &mut bytes);
        bytes
    }

    /// Sequence and acknowledgement numbers and flags of the reset that answers, with checksums that are right.
    fn reset_of(bytes: &[u8]) -> Option<(u32, u32, u8)> {
        let told = refusal(bytes)?;
        let sliced = SlicedPacket::from_ethernet(&told).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("no TCP") };
        let sum = match &sliced.net {
            Some(NetSlice::Ipv4(ip)) => {
                assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
                tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap()
            }
            Some(NetSlice::Ipv6(ip)) => tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!((tcp.checksum(), tcp.source_port(), tcp.destination_port()), (sum, 80, 4000));
        Some((tcp.sequence_number(), tcp.acknowledgment_number(), tcp.slice()[13]))
    }

    #[test]
    fn a_first_segment_is_reset_as_if_its_port_were_closed() {
        let syn = frame(from_v4().tcp(4000, 80, 7, 100).syn(), |step, out| step.write(out, &[]).unwrap());
        assert_eq!(reset_of(&syn), Some((0, 8, RST | ACK)));
        let six = frame(from_v6().tcp(4000, 80, u32::MAX, 100).syn(), |step, out| step.write(out, &[]).unwrap());
        assert_eq!(reset_of(&six), Some((0, 0, RST | ACK)));
        let data = frame(from_v4().tcp(4000, 80, 7, 100).fin(), |step, out| step.write(out, b"four").unwrap());
        assert_eq!(reset_of(&data), Some((0, 12, RST | ACK)));
        let later = frame(from_v4().tcp(4000, 80, 7, 100).ack(55), |step, out| step.write(out, b"four").unwrap());
        assert_eq!(reset_of(&later), Some((55, 0, RST)));
        let reset = frame(from_v4().tcp(4000, 80, 7, 100).rst(), |step, out| step.write(out, &[]).unwrap());
        assert_eq!(refusal(&reset), None);
    }

    #[test]
    fn what_is_no_tcp_is_told_that_it_is_prohibited_and_which_packet_it_was() {
        for (bytes, kind, code) in [
            (frame(from_v4().udp(4000, 80), |step, out| step.write(out, &[7; 900]).unwrap()), 3, 13),
            (frame(from_v6().udp(4000, 80), |step, out| step.write(out, &[7; 1400]).unwrap()), 1, 1),
        ] {
            let told = refusal(&bytes).unwrap();
            let (about, answer) = (parse(&bytes).unwrap(), parse(&told).unwrap());
            let (Payload::Ip(content), Some(ip)) = (answer.payload, answer.key.ip) else { panic!("no IP") };
            assert_eq!(ip.transport, Some(Transport::Icmp { kind, code }));
            assert_eq!(quoted(&ip, content.bytes), about.key.ip);
            assert_eq!((ip.src, ip.dst), about.key.ip.map(|ip| (ip.dst, ip.src)).unwrap());
            let mut sum = if kind == 3 {
                Checksum::default()
            } else {
                Checksum::pseudo_header(ip.src, ip.dst, ip.proto, content.bytes.len())
            };
            sum.add(content.bytes);
            assert_eq!(sum.finish(), 0);
            assert!(told.len() <= 14 + if kind == 3 { LONGEST_V4 } else { LONGEST_V6 });
        }
    }

    #[test]
    fn a_tag_comes_back_and_what_was_cut_short_or_padded_is_quoted_as_far_as_it_goes() {
        let whole = frame(from_v4().udp(4000, 80), |step, out| step.write(out, &[7; 3]).unwrap());
        let padded = crate::build::pad(whole.clone());
        assert_eq!(refusal(&padded), refusal(&whole));
        let vlan = net::VlanTag { id: net::VlanId::new(7), pcp: 3 };
        assert_eq!(parse(&refusal(&tag(&whole, vlan)).unwrap()).unwrap().key.vlan, Some(vlan));
        let long = frame(from_v4().udp(4000, 80), |step, out| step.write(out, &[7; 300]).unwrap());
        assert_eq!(refusal(&long[..128]).unwrap().len(), 14 + 20 + 8 + 128 - 14);
    }

    #[test]
    fn nobody_is_told_of_errors_of_groups_or_of_later_fragments() {
        let error = frame(from_v4().icmpv4_raw(3, 1, [0; 4]), |step, out| step.write(out, &[0; 28]).unwrap());
        assert_eq!(refusal(&error), None);
        let echo = frame(from_v4().icmpv4_echo_request(1, 1), |step, out| step.write(out, &[]).unwrap());
        assert!(refusal(&echo).is_some());
        let mut many = frame(from_v4().udp(4000, 80), |step, out| step.write(out, &[]).unwrap());
        many[0] = 1;
        assert_eq!(refusal(&many), None);
        let mut group = frame(from_v4().udp(4000, 80), |step, out| step.write(out, &[]).unwrap());
        group[30..34].copy_from_slice(&Ipv4Addr::new(224, 0, 0, 5).octets());
        assert_eq!(refusal(&group), None);
        let mut later = frame(from_v4().udp(4000, 80), |step, out| step.write(out, &[0; 64]).unwrap());
        later[21] = 9;
        assert_eq!(refusal(&later), None);
    }

    #[test]
    fn bytes_of_any_kind_are_answered_or_not_and_nothing_else() {
        let whole = frame(from_v6().tcp(4000, 80, 7, 100).syn(), |step, out| step.write(out, &[1; 20]).unwrap());
        for length in 0..whole.len() {
            let _ = refusal(&whole[..length]);
            for byte in [0, 6, 17, 58, 255] {
                let mut odd = whole.clone();
                odd[length] = byte;
                let _ = refusal(&odd);
            }
        }
    }
}
