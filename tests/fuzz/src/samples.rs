//! What a fuzzer of frames starts from: sound frames of every kind, so that it need not find them.

use net::{EtherType, IpProto, MacAddr, PortNo, Time};
use packet::build::{IpEnds, ethernet, pad, tag, udp};
use packet::ndp::{Flags, Ndp};
use packet::{Arp, Probe, ProbeKey};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::messages::{Reader, frames};

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x11]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x12]);
const A4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const A6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x11);
const B6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x12);

/// Bytes that a target starts from; none for targets of texts.
#[must_use]
pub fn samples(target: &str) -> Vec<Vec<u8>> {
    let of_version = |version: u8| {
        let all = (1..4).flat_map(|seed| frames(seed, Reader::Specification));
        all.filter(|frame| frame.first() == Some(&version)).map(|frame| frame.to_vec()).collect::<Vec<_>>()
    };
    match target {
        "openflow10" => of_version(1),
        "openflow13" => of_version(4),
        "stream" => {
            [of_version(1), of_version(4)].iter().flat_map(|all| all.chunks(5).map(<[_]>::concat).collect::<Vec<_>>()).collect()
        }
        "match" => matches(&of_version(1), &of_version(4)),
        "packet" => packets(),
        "arp" => cut_off(14, &[Arp::request(A, A4, B4).to_frame(), Arp::probe(A, B4).reply(B).to_frame()]),
        "ndp" => cut_off(54, &neighbours()),
        "quote" => quotes(),
        "lldp" => cut_off(14, &[probe()]),
        _ => Vec::new(),
    }
}

/// The fields of flow-mods, by the places where the versions have them.
fn matches(old: &[Vec<u8>], new: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let flow_mods = |all: &[Vec<u8>], range: fn(&[u8]) -> Option<&[u8]>| -> Vec<Vec<u8>> {
        let chosen = all.iter().filter(|frame| frame.get(1) == Some(&14));
        chosen.filter_map(|frame| range(frame)).map(<[u8]>::to_vec).collect()
    };
    [flow_mods(old, |frame| frame.get(8..48)), flow_mods(new, fields)].concat()
}

/// The fields of a flow-mod of 1.3.
fn fields(frame: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes(*frame.get(50..52)?.first_chunk()?);
    frame.get(52..48 + usize::from(length))
}

fn cut_off(head: usize, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    frames.iter().filter_map(|frame| frame.get(head..)).map(<[u8]>::to_vec).collect()
}

fn neighbours() -> Vec<Vec<u8>> {
    let flags = Flags { router: false, solicited: true, overriding: true };
    [
        Ndp::Solicitation { target: B6, source_mac: Some(A) },
        Ndp::Solicitation { target: B6, source_mac: None },
        Ndp::Advertisement { target: A6, target_mac: Some(A), flags },
    ]
    .map(|message| message.to_frame((A, A6), (B, B6)))
    .to_vec()
}

fn probe() -> Vec<u8> {
    let probe = Probe { dpid: net::Dpid(0x11), port: PortNo(7), nonce: 5, sent: Time(9) };
    probe.build(&ProbeKey([1; 32]), A)
}

fn datagram() -> Vec<u8> {
    let ends = IpEnds { src_mac: A, dst_mac: B, src_ip: A4, dst_ip: B4 };
    udp(&ends, &packet::udp::Datagram { src: 5353, dst: 53, data: b"who is there?" }).unwrap_or_default()
}

/// ICMP errors of both versions without their IP headers, and an error of each in full.
fn quotes() -> Vec<Vec<u8>> {
    let quoted = datagram().get(14..).unwrap_or_default().to_vec();
    let six = neighbours().iter().filter_map(|frame| frame.get(14..)).map(<[u8]>::to_vec).next().unwrap_or_default();
    [(3, &quoted), (11, &quoted), (12, &quoted), (1, &six), (2, &six), (3, &six)]
        .map(|(kind, quote)| [&[kind, 1, 0, 0, 0, 0, 0, 0], &quote[..]].concat())
        .to_vec()
}

fn packets() -> Vec<Vec<u8>> {
    let ends = IpEnds { src_mac: A, dst_mac: B, src_ip: A4, dst_ip: B4 };
    let segment = packet::tcp::Segment { src: 40_000, dst: 443, seq: 1, ack: 0, flags: 2, data: &[] };
    let mut all = vec![
        Arp::request(A, A4, B4).to_frame(),
        probe(),
        datagram(),
        packet::build::tcp(&ends, &segment).unwrap_or_default(),
        packet::build::ipv4(&ends, IpProto::SCTP, &[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_or_default(),
        ethernet(B, A, EtherType::EAPOL, &[1, 1, 0, 0]),
        pad(datagram()),
        tag(&datagram(), net::VlanTag { id: net::VlanId::new(5), pcp: 3 }),
    ];
    all.extend(neighbours());
    for quote in quotes() {
        all.extend(packet::build::ipv4(&ends, IpProto::ICMP, &quote));
    }
    all
}
