//! ICMP errors (RFC 792, RFC 4443 §3): which packet they are about. Knows nothing of who may send one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use net::{IpHeader, IpProto, Transport};

/// Bytes of an ICMP error before the packet that it quotes.
const HEAD: usize = 8;

/// The headers of the packet that an ICMP error quotes: as much of them as identifies its conversation. `ip` and `bytes` are the
/// error's own IP header and content; nothing if that is no ICMP error, or quotes too little.
#[must_use]
pub fn quoted(ip: &IpHeader, bytes: &[u8]) -> Option<IpHeader> {
    let (kind, quote) = (*bytes.first()?, bytes.get(HEAD..)?);
    match ip.proto {
        IpProto::ICMP if matches!(kind, 3 | 11 | 12) => quoted_v4(quote),
        IpProto::ICMPV6 if matches!(kind, 1..=4) => quoted_v6(quote),
        _ => None,
    }
}

fn quoted_v4(quote: &[u8]) -> Option<IpHeader> {
    let first = *quote.first()?;
    let length = usize::from(first & 0x0f) * 4;
    let fragment = u16::from_be_bytes(array(quote, 6)?) & 0x1fff;
    if first >> 4 != 4 || length < 20 || fragment != 0 {
        return None;
    }
    let proto = IpProto(*quote.get(9)?);
    let [src, dst]: [[u8; 4]; 2] = [array(quote, 12)?, array(quote, 16)?];
    let transport = transport(proto, quote.get(length..)?)?;
    let (src, dst) = (IpAddr::V4(Ipv4Addr::from(src)), IpAddr::V4(Ipv4Addr::from(dst)));
    Some(IpHeader { src, dst, proto, dscp: *quote.get(1)? >> 2, transport: Some(transport) })
}

fn quoted_v6(quote: &[u8]) -> Option<IpHeader> {
    let [first, second]: [u8; 2] = array(quote, 0)?;
    if first >> 4 != 6 {
        return None;
    }
    let proto = IpProto(*quote.get(6)?);
    let [src, dst]: [[u8; 16]; 2] = [array(quote, 8)?, array(quote, 24)?];
    let transport = transport(proto, quote.get(40..)?)?;
    let (src, dst) = (IpAddr::V6(Ipv6Addr::from(src)), IpAddr::V6(Ipv6Addr::from(dst)));
    let dscp = (first << 4 | second >> 4) >> 2;
    Some(IpHeader { src, dst, proto, dscp, transport: Some(transport) })
}

fn transport(proto: IpProto, bytes: &[u8]) -> Option<Transport> {
    if proto.has_ports() {
        let [src, dst] = [array(bytes, 0)?, array(bytes, 2)?].map(u16::from_be_bytes);
        return Some(Transport::Ports { src, dst });
    }
    let [kind, code]: [u8; 2] = array(bytes, 0)?;
    matches!(proto, IpProto::ICMP | IpProto::ICMPV6).then_some(Transport::Icmp { kind, code })
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use net::MacAddr;

    use super::*;
    use crate::build::{IpEnds, tcp};
    use crate::tcp::{ACK, Segment};
    use crate::{Payload, parse};

    fn packet() -> Vec<u8> {
        let (src_ip, dst_ip) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let (src_mac, dst_mac) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
        let ends = IpEnds { src_mac, dst_mac, src_ip, dst_ip };
        tcp(&ends, &Segment { src: 4000, dst: 80, seq: 1, ack: 1, flags: ACK, data: b"much" }).unwrap()
    }

    fn error_about(quote: &[u8], kind: u8) -> Option<IpHeader> {
        let ip = IpHeader {
            src: Ipv4Addr::new(10, 0, 0, 2).into(),
            dst: Ipv4Addr::new(10, 0, 0, 1).into(),
            proto: IpProto::ICMP,
            dscp: 0,
            transport: Some(Transport::Icmp { kind, code: 4 }),
        };
        quoted(&ip, &[&[kind, 4, 0, 0, 0, 0, 5, 220][..], quote].concat())
    }

    #[test]
    fn eight_bytes_behind_the_header_tell_the_conversation() {
        let packet = packet();
        let parsed = parse(&packet).unwrap();
        assert!(matches!(parsed.payload, Payload::Ip(_)));
        assert_eq!(error_about(&packet[14..14 + 28], 3), parsed.key.ip);
    }

    #[test]
    fn what_is_no_error_or_quotes_too_little_tells_nothing() {
        let packet = packet();
        assert_eq!(error_about(&packet[14..], 8), None);
        for length in 0..22 {
            assert_eq!(error_about(&packet[14..14 + length], 3), None, "{length}");
        }
        let mut fragment = packet[14..].to_vec();
        fragment[7] = 9;
        assert_eq!(error_about(&fragment, 3), None);
        for byte in 0..=255 {
            let mut odd = packet[14..].to_vec();
            odd[0] = byte;
            let told = error_about(&odd, 11);
            assert!(told.is_none() || byte >> 4 == 4);
        }
    }
}
