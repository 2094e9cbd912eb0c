//! Random frames, out of few values, so that entries and packets meet. Knows nothing of entries.

use std::net::{Ipv4Addr, Ipv6Addr};

use net::MacAddr;
use packet::checksum::checksum;

use crate::draw::Draw;

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const ARP: u16 = 0x0806;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const SCTP: u8 = 132;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;

pub(crate) const PORTS: &[u16] = &[22, 53, 80, 81, 1024, 40_000];
pub(crate) const VLANS: &[u16] = &[1, 2, 3, 100];
pub(crate) const DSCPS: &[u8] = &[0, 10, 46];

pub(crate) fn mac(draw: &mut Draw) -> MacAddr {
    if draw.one_in(12) { MacAddr([0xff; 6]) } else { MacAddr([2, 0, 0, 0, 0, 1 + draw.below(4) as u8]) }
}

pub(crate) fn v4(draw: &mut Draw) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, draw.below(2) as u8, 1 + draw.below(3) as u8)
}

pub(crate) fn v6(draw: &mut Draw) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, draw.below(2) as u16, 1 + draw.below(3) as u16)
}

/// A frame, tagged or not, of IPv4, IPv6, ARP or what no switch looks into.
pub(crate) fn frame(draw: &mut Draw) -> Vec<u8> {
    let mut bytes = mac(draw).0.to_vec();
    bytes.extend([2, 0, 0, 0, 0, 1 + draw.below(4) as u8]);
    if draw.one_in(2) {
        let tag = u16::from(draw.pick(&[0_u8, 0, 3, 7])) << 13 | draw.pick(VLANS);
        bytes.extend(VLAN.to_be_bytes());
        bytes.extend(tag.to_be_bytes());
    }
    let (kind, rest) = match draw.below(10) {
        0..6 => (IPV4, ipv4(draw)),
        6..8 => (IPV6, ipv6(draw)),
        8 => (ARP, arp(draw)),
        _ => (0x88b5, vec![7; 46]),
    };
    bytes.extend(kind.to_be_bytes());
    bytes.extend(rest);
    bytes.resize(bytes.len().max(64), 0);
    bytes
}

fn ipv4(draw: &mut Draw) -> Vec<u8> {
    let (source, destination) = (v4(draw), v4(draw));
    let protocol = draw.pick(&[TCP, TCP, UDP, UDP, ICMP, SCTP, 47]);
    let pseudo = [&source.octets()[..], &destination.octets()].concat();
    let rest = transport(draw, protocol, &pseudo);
    let fragment = draw.pick(&[0_u16, 0, 0, 0, 0, 0, 0, 0, 0x0003]);
    let length = 20 + rest.len() as u16;
    let mut header = vec![0x45, draw.pick(DSCPS) << 2 | draw.below(2) as u8];
    header.extend(length.to_be_bytes());
    header.extend([0, 7]);
    header.extend(fragment.to_be_bytes());
    header.extend([draw.pick(&[1, 2, 64, 64]), protocol, 0, 0]);
    header.extend(pseudo);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [header, rest].concat()
}

fn ipv6(draw: &mut Draw) -> Vec<u8> {
    let (source, destination) = (v6(draw), v6(draw));
    let protocol = draw.pick(&[TCP, UDP, ICMPV6, SCTP]);
    let pseudo = [&source.octets()[..], &destination.octets()].concat();
    let rest = transport(draw, protocol, &pseudo);
    let class = u32::from(draw.pick(DSCPS) << 2 | draw.below(2) as u8);
    let mut header = (6 << 28 | class << 20 | 5_u32).to_be_bytes().to_vec();
    header.extend((rest.len() as u16).to_be_bytes());
    header.extend([protocol, draw.pick(&[1, 2, 64, 64])]);
    header.extend(pseudo);
    [header, rest].concat()
}

/// What IP carries, with a right checksum where it lies in the first twenty bytes.
fn transport(draw: &mut Draw, protocol: u8, addresses: &[u8]) -> Vec<u8> {
    let ports = [draw.pick(PORTS).to_be_bytes(), draw.pick(PORTS).to_be_bytes()].concat();
    let (mut bytes, at) = match protocol {
        TCP => ([ports, vec![0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 16, 0, 0, 0, 0, 0]].concat(), 16),
        UDP => ([ports, vec![0, 12, 0, 0, b't', b'w', b'i', b'n']].concat(), 6),
        SCTP => return [ports, vec![0; 16]].concat(),
        ICMP => {
            let mut bytes = vec![draw.pick(&[0, 8]), 0, 0, 0, 0, 1, 0, 1];
            let sum = checksum(&bytes);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
            return bytes;
        }
        ICMPV6 => (vec![draw.pick(&[128, 129]), 0, 0, 0, 0, 1, 0, 1], 2),
        _ => return vec![0; 20],
    };
    let sum = checksum(&[addresses, &[0, protocol], &(bytes.len() as u16).to_be_bytes(), &bytes].concat());
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn arp(draw: &mut Draw) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, draw.pick(&[1, 2])];
    bytes.extend([2, 0, 0, 0, 0, 1 + draw.below(4) as u8]);
    bytes.extend(v4(draw).octets());
    bytes.extend([0; 6]);
    bytes.extend(v4(draw).octets());
    bytes
}
