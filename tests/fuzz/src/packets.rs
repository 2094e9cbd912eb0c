//! Frames that hosts send, out of any bytes: what is read lies within them, and what we can write of it is read the same again.

use net::{IpHeader, MacAddr};
use packet::lldp::Unit;
use packet::ndp::Ndp;
use packet::{Arp, IpPayload, Payload, Probe, ProbeKey, build, icmp_error, parse};

/// The address of whoever answers.
const OURS: MacAddr = MacAddr([2, 0x50, 0x4e, 0, 0, 1]);

/// Frames with a header before the bytes, for those that are about one protocol.
fn framed(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[0xff; 6], &OURS.0[..], &kind.to_be_bytes(), payload].concat()
}

fn within(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || (whole.as_ptr_range().contains(&part.as_ptr()) && part.len() <= whole.len())
}

/// Any frame: its key, alone and with padding behind it.
pub(crate) fn packet(frame: &[u8]) {
    let read = match parse(frame) {
        Ok(read) => read,
        Err(why) => {
            assert!(!why.name().is_empty() && !why.to_string().is_empty());
            return;
        }
    };
    assert!(read.key.dl_src.is_unicast(), "a frame from a group");
    match read.payload {
        Payload::Ip(content) => {
            assert!(within(content.bytes, frame));
            assert!(read.key.ip.is_some());
            if let Some(ip) = read.key.ip {
                upper(&ip, &content);
            }
        }
        Payload::Arp(arp) => answered(arp),
        Payload::Lldp(bytes) => {
            assert!(within(bytes, frame));
            lldp(bytes);
        }
        Payload::Eapol(bytes) => assert!(within(bytes, frame)),
        Payload::Other => {}
    }
    // Whoever reads a prefix of the frame reads no other key than of the whole, but for what is cut off.
    let padded = build::pad(frame.to_vec());
    assert!(padded.len() >= 60 && padded.starts_with(frame));
}

/// What reads the content of IP packets.
fn upper(ip: &IpHeader, content: &IpPayload<'_>) {
    if let Some(quoted) = icmp_error::quoted(ip, content.bytes) {
        assert_eq!(quoted.src.is_ipv4(), ip.src.is_ipv4(), "an error quotes its own kind of packet");
        assert!(quoted.transport.is_some() && quoted.dscp < 64);
    }
    if let Ok(message) = Ndp::parse(ip, content) {
        neighbour(message, ip);
    }
    if let Some(segment) = packet::tcp::Segment::parse(content.bytes) {
        assert!(within(segment.data, content.bytes));
    }
    if let Some(datagram) = packet::udp::Datagram::parse(content.bytes) {
        assert!(within(datagram.data, content.bytes));
    }
    if let Some(echo) = packet::icmp::Echo::parse(content.bytes) {
        assert_eq!(packet::icmp::Echo::parse(&echo.to_bytes()), Some(echo));
    }
}

/// A message of neighbour discovery comes back from its own frame.
fn neighbour(message: Ndp, ip: &IpHeader) {
    let (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) = (ip.src, ip.dst) else {
        assert!(ip.src.is_ipv6() && ip.dst.is_ipv6(), "neighbours of IPv4");
        return;
    };
    let frame = message.to_frame((OURS, src), (MacAddr::BROADCAST, dst));
    let again = parse(&frame).ok().and_then(|frame| match (frame.key.ip, frame.payload) {
        (Some(ip), Payload::Ip(content)) => Ndp::parse(&ip, &content).ok(),
        _ => None,
    });
    assert_eq!(again, Some(message));
}

/// A request or a reply comes back from its own frame, and so does the answer to it.
fn answered(arp: Arp) {
    for arp in [arp, arp.reply(OURS)] {
        let frame = arp.to_frame();
        assert_eq!(parse(&frame).map(|frame| frame.payload), Ok(Payload::Arp(arp)));
    }
}

/// ARP out of any bytes, as a payload.
pub(crate) fn arp(bytes: &[u8]) {
    if let Some(arp) = Arp::parse(bytes) {
        answered(arp);
    }
    packet(&framed(0x0806, bytes));
}

/// An LLDP data unit out of any bytes; it is no probe of ours, since nobody has the key.
pub(crate) fn lldp(bytes: &[u8]) {
    match Unit::parse(bytes) {
        Err(why) => assert!(!why.to_string().is_empty()),
        Ok(unit) => {
            assert!(within(unit.chassis.value, bytes) && within(unit.port.value, bytes));
            assert!(unit.optional().all(|tlv| within(tlv.value, bytes)));
            assert!(unit.organisational().all(|tlv| within(tlv.value, bytes)));
            assert!(unit.optional().count() <= 256);
            let own: Vec<_> = unit.organisational().collect();
            let again = packet::lldp::build(unit.chassis, unit.port, unit.ttl, &own);
            let read = Unit::parse(&again);
            assert!(read.is_ok(), "{read:?}");
            if let Ok(read) = read {
                assert_eq!((read.chassis, read.port, read.ttl), (unit.chassis, unit.port, unit.ttl));
                assert!(read.organisational().eq(own.iter().copied()));
            }
        }
    }
    assert!(Probe::verify(bytes, &ProbeKey([7; 32])).is_err(), "somebody made a probe without the key");
}

/// The content of an IPv4 and of an IPv6 packet, as an ICMP error.
pub(crate) fn quote(bytes: &[u8]) {
    let content = bytes.get(..1400).unwrap_or(bytes);
    packet(&framed(0x0800, &ipv4(content)));
    packet(&framed(0x86dd, &ipv6(content)));
}

/// The content of an IPv6 packet as a message of neighbour discovery, with the checksum that it needs.
pub(crate) fn ndp(bytes: &[u8]) {
    let mut content = bytes.get(..1400).unwrap_or(bytes).to_vec();
    if let Some(place) = content.get_mut(2..4) {
        place.fill(0);
    }
    let header = ipv6(&content);
    let sum = packet::checksum::Checksum::pseudo_header(SRC.into(), DST.into(), net::IpProto::ICMPV6, content.len());
    let mut sum = sum;
    sum.add(&content);
    let sum = sum.finish().to_be_bytes();
    let mut frame = framed(0x86dd, &header);
    if let Some(place) = frame.get_mut(14 + 40 + 2..14 + 40 + 4) {
        place.copy_from_slice(&sum);
    }
    packet(&frame);
}

const SRC: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const DST: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// An ICMP packet with this content.
fn ipv4(content: &[u8]) -> Vec<u8> {
    let length = (20 + content.len() as u16).to_be_bytes();
    let head = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&head[..], content].concat()
}

/// An ICMPv6 packet with this content and the hop limit of neighbours.
fn ipv6(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &length, &[58, 255], &SRC.octets(), &DST.octets(), content].concat()
}
