//! Changes the headers of frames: tags pushed and popped, fields set, checksums kept right. A field that the frame does not have
//! stays unset.

use std::net::IpAddr;

use net::{EtherType, IpProto};

use super::action::Set;

const TYPE: usize = 12;

/// Where the headers of a frame begin.
struct Layout {
    tagged: bool,
    kind: EtherType,
    network: usize,
}

fn layout(frame: &[u8]) -> Option<Layout> {
    let mut at = TYPE;
    for _ in 0..3 {
        let kind = EtherType(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
        if !is_tag(kind) {
            return Some(Layout { tagged: at > TYPE, kind, network: at + 2 });
        }
        at += 4;
    }
    None
}

fn is_tag(kind: EtherType) -> bool {
    matches!(kind, EtherType::VLAN | EtherType::QINQ)
}

/// The transport header: its protocol and place; for IPv6 only right behind the fixed header.
fn transport(frame: &[u8], layout: &Layout) -> Option<(IpProto, usize)> {
    let header = frame.get(layout.network..)?;
    match layout.kind {
        EtherType::IPV4 if later_fragment(header)? => None,
        EtherType::IPV4 => Some((IpProto(*header.get(9)?), layout.network + usize::from(header.first()? & 0x0f) * 4)),
        EtherType::IPV6 => Some((IpProto(*header.get(6)?), layout.network + 40)),
        _ => None,
    }
}

fn later_fragment(header: &[u8]) -> Option<bool> {
    Some(u16::from_be_bytes([*header.get(6)?, *header.get(7)?]) & 0x1fff != 0)
}

/// Adds an outermost tag of this type; its identifier and priority are those of the tag behind it, or zero.
pub(super) fn push_vlan(frame: &mut Vec<u8>, tpid: u16) {
    let Some(layout) = layout(frame) else { return };
    let tci = match frame.get(14..16) {
        Some([a, b]) if layout.tagged => [*a, *b],
        _ => [0, 0],
    };
    let [a, b] = tpid.to_be_bytes();
    frame.splice(TYPE..TYPE, [a, b, tci[0], tci[1]]);
}

/// Takes the outermost tag off.
pub(super) fn pop_vlan(frame: &mut Vec<u8>) {
    if layout(frame).is_some_and(|layout| layout.tagged) {
        frame.drain(TYPE..TYPE + 4);
    }
}

/// Sets a field.
pub(super) fn set(frame: &mut Vec<u8>, field: Set) {
    match field {
        Set::DlDst(mac) => put(frame, 0, &mac.0),
        Set::DlSrc(mac) => put(frame, 6, &mac.0),
        Set::VlanId { id, push } => set_tci(frame, 0x0fff, id, push),
        Set::Pcp { pcp, push } => set_tci(frame, 0xe000, u16::from(pcp) << 13, push),
        Set::NwSrc(address) => set_address(frame, address, 12, 8),
        Set::NwDst(address) => set_address(frame, address, 16, 24),
        Set::Dscp(dscp) => set_dscp(frame, dscp),
        Set::TpSrc(port) => set_port(frame, 0, port),
        Set::TpDst(port) => set_port(frame, 2, port),
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = frame.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn set_tci(frame: &mut Vec<u8>, mask: u16, value: u16, push: bool) {
    let Some(layout) = layout(frame) else { return };
    if !layout.tagged {
        if !push {
            return;
        }
        push_vlan(frame, EtherType::VLAN.0);
    }
    if let Some([a, b]) = frame.get(14..16) {
        let tci = u16::from_be_bytes([*a, *b]) & !mask | value & mask;
        put(frame, 14, &tci.to_be_bytes());
    }
}

fn set_address(frame: &mut [u8], address: IpAddr, at_v4: usize, at_v6: usize) {
    let Some(layout) = layout(frame) else { return };
    let (kind, at, new) = match address {
        IpAddr::V4(v4) => (EtherType::IPV4, at_v4, v4.octets().to_vec()),
        IpAddr::V6(v6) => (EtherType::IPV6, at_v6, v6.octets().to_vec()),
    };
    if layout.kind != kind {
        return;
    }
    let at = layout.network + at;
    let Some(old) = frame.get(at..at + new.len()).map(<[u8]>::to_vec) else { return };
    put(frame, at, &new);
    if kind == EtherType::IPV4 {
        adjust(frame, layout.network + 10, &old, &new);
    }
    if let Some((proto, start)) = transport(frame, &layout) {
        adjust_transport(frame, proto, start, &old, &new, true);
    }
}

fn set_dscp(frame: &mut [u8], dscp: u8) {
    let Some(layout) = layout(frame) else { return };
    let at = layout.network;
    let Some(&[first, second]) = frame.get(at..).and_then(<[u8]>::first_chunk) else { return };
    match layout.kind {
        EtherType::IPV4 => {
            let new = [first, dscp << 2 | second & 3];
            put(frame, at, &new);
            adjust(frame, at + 10, &[first, second], &new);
        }
        EtherType::IPV6 => {
            let word = u16::from_be_bytes([first, second]) & 0xf03f | u16::from(dscp & 0x3f) << 6;
            put(frame, at, &word.to_be_bytes());
        }
        _ => {}
    }
}

fn set_port(frame: &mut [u8], offset: usize, port: u16) {
    let Some(layout) = layout(frame) else { return };
    let Some((proto, start)) = transport(frame, &layout) else { return };
    if !proto.has_ports() {
        return;
    }
    let Some(old) = frame.get(start + offset..start + offset + 2).map(<[u8]>::to_vec) else { return };
    put(frame, start + offset, &port.to_be_bytes());
    adjust_transport(frame, proto, start, &old, &port.to_be_bytes(), false);
}

/// Decrements the time to live; false if it is at its end.
pub(super) fn decrement_ttl(frame: &mut [u8]) -> bool {
    let Some(layout) = layout(frame) else { return true };
    let at = match layout.kind {
        EtherType::IPV4 => layout.network + 8,
        EtherType::IPV6 => layout.network + 7,
        _ => return true,
    };
    let Some([ttl, next]) = frame.get(at..at + 2).and_then(|pair| pair.first_chunk().copied()) else { return true };
    if ttl <= 1 {
        return false;
    }
    put(frame, at, &[ttl - 1]);
    if layout.kind == EtherType::IPV4 {
        adjust(frame, layout.network + 10, &[ttl, next], &[ttl - 1, next]);
    }
    true
}

fn adjust_transport(frame: &mut [u8], proto: IpProto, start: usize, old: &[u8], new: &[u8], pseudo_header: bool) {
    match proto {
        IpProto::TCP => adjust(frame, start + 16, old, new),
        // Zero says that there is no checksum.
        IpProto::UDP if frame.get(start + 6..start + 8) != Some(&[0, 0]) => adjust(frame, start + 6, old, new),
        IpProto::ICMPV6 if pseudo_header => adjust(frame, start + 2, old, new),
        _ => {}
    }
}

/// Adjusts the checksum at a place for changed words (RFC 1624, equation 3).
fn adjust(frame: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let Some(&[high, low]) = frame.get(at..).and_then(<[u8]>::first_chunk) else { return };
    let word = |pair: &[u8; 2]| u32::from(u16::from_be_bytes(*pair));
    let mut sum = u32::from(!u16::from_be_bytes([high, low]));
    for pair in old.as_chunks().0 {
        sum += 0xffff - word(pair);
    }
    for pair in new.as_chunks().0 {
        sum += word(pair);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    put(frame, at, &(!(sum as u16)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use net::{MacAddr, VlanId, VlanTag};
    use packet::build::{IpEnds, tcp, udp};
    use packet::tcp::{SYN, Segment};
    use packet::udp::Datagram;

    use super::*;

    const ENDS: IpEnds = IpEnds {
        src_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        dst_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        src_ip: Ipv4Addr::new(10, 0, 0, 1),
        dst_ip: Ipv4Addr::new(10, 0, 0, 2),
    };

    #[test]
    fn a_rewritten_frame_equals_the_one_built_so() {
        let other = IpEnds { dst_mac: MacAddr([2, 0, 0, 0, 0, 9]), dst_ip: Ipv4Addr::new(10, 200, 3, 9), ..ENDS };
        let sets = [Set::DlDst(other.dst_mac), Set::NwDst(other.dst_ip.into()), Set::TpDst(8080), Set::TpSrc(7)];
        let segment = Segment { src: 1024, dst: 80, seq: 1, ack: 2, flags: SYN, data: b"odd" };
        let mut frame = tcp(&ENDS, &segment).unwrap();
        let datagram = Datagram { src: 1024, dst: 80, data: b"odd" };
        let mut datagrams = udp(&ENDS, &datagram).unwrap();
        for field in sets {
            set(&mut frame, field);
            set(&mut datagrams, field);
        }
        assert_eq!(frame, tcp(&other, &Segment { src: 7, dst: 8080, ..segment }).unwrap());
        assert_eq!(datagrams, udp(&other, &Datagram { src: 7, dst: 8080, ..datagram }).unwrap());
    }

    #[test]
    fn tags_come_and_go() {
        let plain = tcp(&ENDS, &Segment { src: 1, dst: 2, seq: 0, ack: 0, flags: SYN, data: b"" }).unwrap();
        let mut frame = plain.clone();
        set(&mut frame, Set::VlanId { id: 5, push: false });
        assert_eq!(frame, plain);
        set(&mut frame, Set::VlanId { id: 5, push: true });
        set(&mut frame, Set::Pcp { pcp: 3, push: true });
        assert_eq!(frame, packet::build::tag(&plain, VlanTag { id: VlanId::new(5), pcp: 3 }));
        push_vlan(&mut frame, EtherType::QINQ.0);
        set(&mut frame, Set::VlanId { id: 6, push: false });
        assert_eq!(packet::parse(&frame).unwrap().key.vlan, Some(VlanTag { id: VlanId::new(6), pcp: 3 }));
        pop_vlan(&mut frame);
        pop_vlan(&mut frame);
        pop_vlan(&mut frame);
        assert_eq!(frame, plain);
    }

    #[test]
    fn the_ipv4_header_stays_sound() {
        let mut frame = tcp(&ENDS, &Segment { src: 1, dst: 2, seq: 0, ack: 0, flags: SYN, data: b"" }).unwrap();
        set(&mut frame, Set::Dscp(46));
        assert!(decrement_ttl(&mut frame));
        assert_eq!(packet::checksum::checksum(&frame[14..34]), 0);
        assert_eq!(packet::parse(&frame).unwrap().key.ip.unwrap().dscp, 46);
        frame[22] = 1;
        assert!(!decrement_ttl(&mut frame));
        for length in 0..40 {
            let mut cut = frame[..length].to_vec();
            set(&mut cut, Set::NwSrc(Ipv4Addr::LOCALHOST.into()));
            set(&mut cut, Set::TpDst(1));
            set(&mut cut, Set::Dscp(1));
            pop_vlan(&mut cut);
            assert_eq!(cut.len(), length);
        }
    }
}
