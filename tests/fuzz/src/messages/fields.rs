//! Match fields of OpenFlow 1.3: those of a packet of some kind, each behind what it needs.

use std::net::{Ipv4Addr, Ipv6Addr};

use openflow::v13::{Match, OFPVID_NONE, OFPVID_PRESENT, Oxm, PortNo};

use super::Draw;

/// What kind of packet a match is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Packets {
    /// Any.
    Any,
    /// TCP, UDP, SCTP or ICMP over IPv4.
    Ip,
    /// The same over IPv6, and neighbour discovery.
    Ip6,
    /// ARP.
    Arp,
    /// MPLS.
    Mpls,
    /// Provider backbone bridges.
    Pbb,
}

/// Fields of packets of a kind that is drawn, too.
pub(super) fn matching(draw: &mut Draw) -> (Match, Packets) {
    let kinds = [Packets::Any, Packets::Ip, Packets::Ip6, Packets::Arp, Packets::Mpls, Packets::Pbb];
    let kind = kinds.get(draw.below(if draw.anything() { 6 } else { 5 })).copied().unwrap_or(Packets::Any);
    let mut fields = link(draw);
    match kind {
        Packets::Any => {}
        Packets::Ip => ip(draw, &mut fields),
        Packets::Ip6 => ip6(draw, &mut fields),
        Packets::Arp => arp(draw, &mut fields),
        Packets::Mpls => fields.extend([
            Oxm::EthType(draw.dice.one(&[0x8847, 0x8848])),
            Oxm::MplsLabel(draw.bits(20) as u32),
            Oxm::MplsTc(draw.bits(3) as u8),
            Oxm::MplsBos(draw.bits(1) as u8),
        ]),
        Packets::Pbb => fields.extend([Oxm::EthType(0x88e7), Oxm::PbbIsid(draw.dice.bytes(), None)]),
    }
    (fields.into_iter().collect(), kind)
}

/// A value and a mask that covers it, or none.
fn masked<T>(draw: &mut Draw, value: u128, bits: u32, make: fn(u128) -> T) -> (T, Option<T>) {
    let high = u128::MAX >> (128 - bits);
    if draw.dice.once_in(2) {
        return (make(value & high), None);
    }
    let mask = match draw.below(3) {
        0 => high,
        1 => high & !(high >> draw.below(bits as usize)),
        _ => u128::from(draw.u64()) << draw.below(64) & high,
    };
    // A mask of nothing is no test; nobody writes one, and Open vSwitch leaves it out.
    let mask = if mask == 0 { high } else { mask };
    (make(value & mask), Some(make(mask)))
}

fn value(draw: &mut Draw) -> u128 {
    u128::from_be_bytes(draw.dice.bytes())
}

fn mac(bits: u128) -> net::MacAddr {
    let [.., a, b, c, d, e, f] = bits.to_be_bytes();
    net::MacAddr([a, b, c, d, e, f])
}

fn ipv4(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(bits as u32)
}

fn link(draw: &mut Draw) -> Vec<Oxm> {
    let mut fields = Vec::new();
    let bits = value(draw);
    if draw.dice.once_in(2) {
        fields.push(Oxm::InPort(PortNo(1 + draw.bits(15) as u32)));
        if draw.anything() {
            fields.push(Oxm::InPhyPort(PortNo(draw.u32())));
        }
    }
    if draw.dice.once_in(4) {
        let (value, mask) = masked(draw, bits, 64, |bits| bits as u64);
        fields.push(Oxm::Metadata(value, mask));
    }
    if draw.dice.once_in(4) {
        let (value, mask) = masked(draw, bits, 64, |bits| bits as u64);
        fields.push(Oxm::TunnelId(value, mask));
    }
    if draw.dice.once_in(2) {
        let (value, mask) = masked(draw, bits, 48, mac);
        fields.push(Oxm::EthDst(value, mask));
    }
    if draw.dice.once_in(2) {
        let (value, mask) = masked(draw, bits >> 48, 48, mac);
        fields.push(Oxm::EthSrc(value, mask));
    }
    match draw.below(4) {
        0 => fields.push(Oxm::VlanVid(OFPVID_NONE, None)),
        1 => fields.push(Oxm::VlanVid(OFPVID_PRESENT, Some(OFPVID_PRESENT))),
        2 => fields.extend([Oxm::VlanVid(OFPVID_PRESENT | draw.bits(12) as u16, None), Oxm::VlanPcp(draw.bits(3) as u8)]),
        _ => {}
    }
    fields
}

fn ip(draw: &mut Draw, fields: &mut Vec<Oxm>) {
    fields.push(Oxm::EthType(0x0800));
    class(draw, fields);
    let bits = value(draw);
    let (src, mask) = masked(draw, bits, 32, ipv4);
    fields.push(Oxm::Ipv4Src(src, mask));
    let (dst, mask) = masked(draw, bits >> 32, 32, ipv4);
    fields.push(Oxm::Ipv4Dst(dst, mask));
    if draw.dice.once_in(4) {
        fields.extend([Oxm::IpProto(1), Oxm::Icmpv4Type(draw.u8()), Oxm::Icmpv4Code(draw.u8())]);
    } else {
        transport(draw, fields);
    }
}

fn ip6(draw: &mut Draw, fields: &mut Vec<Oxm>) {
    fields.push(Oxm::EthType(0x86dd));
    class(draw, fields);
    let (src, dst, target) = (value(draw), value(draw), value(draw));
    let (src, mask) = masked(draw, src, 128, Ipv6Addr::from_bits);
    fields.push(Oxm::Ipv6Src(src, mask));
    let (dst, mask) = masked(draw, dst, 128, Ipv6Addr::from_bits);
    fields.push(Oxm::Ipv6Dst(dst, mask));
    let bits = value(draw);
    let (label, mask) = masked(draw, bits, 20, |bits| bits as u32);
    fields.push(Oxm::Ipv6Flabel(label, mask));
    if draw.anything() {
        let (headers, mask) = masked(draw, bits, 9, |bits| bits as u16);
        fields.push(Oxm::Ipv6Exthdr(headers, mask));
    }
    let target = Ipv6Addr::from_bits(target);
    match draw.below(4) {
        0 => fields.extend([Oxm::IpProto(58), Oxm::Icmpv6Type(draw.u8()), Oxm::Icmpv6Code(draw.u8())]),
        1 => fields.extend([
            Oxm::IpProto(58),
            Oxm::Icmpv6Type(135),
            Oxm::Icmpv6Code(0),
            Oxm::Ipv6NdTarget(target),
            Oxm::Ipv6NdSll(draw.mac()),
        ]),
        2 => fields.extend([
            Oxm::IpProto(58),
            Oxm::Icmpv6Type(136),
            Oxm::Icmpv6Code(0),
            Oxm::Ipv6NdTarget(target),
            Oxm::Ipv6NdTll(draw.mac()),
        ]),
        _ => transport(draw, fields),
    }
}

fn class(draw: &mut Draw, fields: &mut Vec<Oxm>) {
    if draw.dice.once_in(2) {
        fields.extend([Oxm::IpDscp(draw.bits(6) as u8), Oxm::IpEcn(draw.bits(2) as u8)]);
    }
}

fn transport(draw: &mut Draw, fields: &mut Vec<Oxm>) {
    let (src, dst) = (value(draw), value(draw));
    let (src, src_mask) = masked(draw, src, 16, |bits| bits as u16);
    let (dst, dst_mask) = masked(draw, dst, 16, |bits| bits as u16);
    match draw.below(4) {
        0 => fields.extend([Oxm::IpProto(6), Oxm::TcpSrc(src, src_mask), Oxm::TcpDst(dst, dst_mask)]),
        1 => fields.extend([Oxm::IpProto(17), Oxm::UdpSrc(src, src_mask), Oxm::UdpDst(dst, dst_mask)]),
        2 => fields.extend([Oxm::IpProto(132), Oxm::SctpSrc(src, src_mask), Oxm::SctpDst(dst, dst_mask)]),
        _ => fields.push(Oxm::IpProto(draw.u8())),
    }
}

fn arp(draw: &mut Draw, fields: &mut Vec<Oxm>) {
    let (bits, macs) = (value(draw), value(draw));
    fields.extend([Oxm::EthType(0x0806), Oxm::ArpOp(draw.bits(8) as u16)]);
    let (address, mask) = masked(draw, bits, 32, ipv4);
    fields.push(Oxm::ArpSpa(address, mask));
    let (address, mask) = masked(draw, bits >> 32, 32, ipv4);
    fields.push(Oxm::ArpTpa(address, mask));
    let (address, mask) = masked(draw, macs, 48, mac);
    fields.push(Oxm::ArpSha(address, mask));
    let (address, mask) = masked(draw, macs >> 48, 48, mac);
    fields.push(Oxm::ArpTha(address, mask));
}
