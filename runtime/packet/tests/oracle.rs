//! The parser against etherparse: on generated packets, on mutated ones, and on captures of other projects.
#![expect(clippy::disallowed_methods, reason = "a test reads its captures")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use etherparse::{LaxNetSlice, LaxSlicedPacket, LinkSlice, PacketBuilder, TransportSlice};
use net::Transport;
use packet::{Frame, Payload, Probe, ProbeKey, lldp, ndp, parse};
use proptest::prelude::*;

/// Where both parsers see an IP packet, they see the same. Returns whether there was anything to compare.
fn agree(bytes: &[u8]) -> bool {
    let Ok(frame) = parse(bytes) else { return false };
    let sliced = LaxSlicedPacket::from_ethernet(bytes).expect("we read an Ethernet header");
    let Some(LinkSlice::Ethernet2(ethernet)) = &sliced.link else { panic!("no Ethernet") };
    assert_eq!((frame.key.dl_src.0, frame.key.dl_dst.0), (ethernet.source(), ethernet.destination()));
    let Some(ip) = frame.key.ip else { return false };
    // etherparse leaves 802.3 frames with SNAP alone.
    let Some(slice) = sliced.net.as_ref() else { return false };
    if let Some(tag) = frame.key.vlan {
        let outer = sliced.vlan_ids().first().map_or(0, |id| id.value());
        assert_eq!(tag.id.map_or(0, net::VlanId::get), outer);
    }
    let (src, dst, class, proto): (IpAddr, IpAddr, u8, _) = match slice {
        LaxNetSlice::Ipv4(v4) => {
            let header = v4.header();
            (header.source_addr().into(), header.destination_addr().into(), header.dcp().value(), header.protocol())
        }
        LaxNetSlice::Ipv6(v6) => {
            let header = v6.header();
            (header.source_addr().into(), header.destination_addr().into(), header.traffic_class() >> 2, v6.payload().ip_number)
        }
        LaxNetSlice::Arp(_) => panic!("ARP has no IP header"),
    };
    assert_eq!((ip.src, ip.dst, ip.dscp, ip.proto.0), (src, dst, class, proto.0));
    compare_transport(&frame, ip.transport, sliced.transport.as_ref());
    true
}

fn compare_transport(frame: &Frame<'_>, ours: Option<Transport>, theirs: Option<&TransportSlice<'_>>) {
    let expected = match theirs {
        Some(TransportSlice::Tcp(tcp)) => Transport::Ports { src: tcp.source_port(), dst: tcp.destination_port() },
        Some(TransportSlice::Udp(udp)) => Transport::Ports { src: udp.source_port(), dst: udp.destination_port() },
        Some(TransportSlice::Icmpv4(icmp)) => Transport::Icmp { kind: icmp.type_u8(), code: icmp.code_u8() },
        Some(TransportSlice::Icmpv6(icmp)) => Transport::Icmp { kind: icmp.type_u8(), code: icmp.code_u8() },
        // SCTP is not etherparse's, and it refuses lengths that we do not look at.
        Some(_) | None => return,
    };
    let behind_authentication = frame.key.ip.is_some_and(|ip| ip.proto.0 == 51);
    let family = matches!(theirs, Some(TransportSlice::Icmpv4(_))) && frame.key.dl_type == net::EtherType::IPV6
        || matches!(theirs, Some(TransportSlice::Icmpv6(_))) && frame.key.dl_type == net::EtherType::IPV4;
    // A switch does not look behind an authentication header in IPv4, nor for one family's ICMP in the other.
    if behind_authentication || family {
        assert_eq!(ours, None);
    } else {
        assert_eq!(ours, Some(expected));
    }
    if let (Some(TransportSlice::Tcp(tcp)), Payload::Ip(payload)) = (theirs, frame.payload) {
        let flags = payload.tcp_flags.unwrap();
        assert_eq!((flags & 2 != 0, flags & 16 != 0, flags & 1 != 0), (tcp.syn(), tcp.ack(), tcp.fin()));
    }
}

/// Every reader in the package, on the same bytes.
fn read_everything(bytes: &[u8]) {
    if let Ok(frame) = parse(bytes) {
        match frame.payload {
            Payload::Lldp(unit) => {
                let tlvs = lldp::Unit::parse(unit).map(|unit| unit.optional().count());
                assert!(tlvs.is_err() || tlvs.is_ok_and(|count| count <= bytes.len()));
                assert!(Probe::verify(unit, &ProbeKey([9; 32])).is_err());
            }
            Payload::Ip(payload) => {
                assert!(payload.bytes.len() <= bytes.len());
                if let Some(ip) = frame.key.ip {
                    assert!(ndp::Ndp::parse(&ip, &payload).is_err() || payload.hop_limit == 255);
                }
                assert!(packet::tcp::Segment::parse(payload.bytes).is_none_or(|it| it.data.len() <= bytes.len()));
                assert!(packet::udp::Datagram::parse(payload.bytes).is_none_or(|it| it.data.len() <= bytes.len()));
                assert!(packet::icmp::Echo::parse(payload.bytes).is_none_or(|it| it.data.len() <= bytes.len()));
            }
            Payload::Arp(arp) => assert!(arp.sender_mac.is_unicast()),
            Payload::Eapol(_) | Payload::Other => assert!(frame.key.ip.is_none()),
        }
    }
}

prop_compose! {
    fn addresses()(src in any::<[u8; 6]>(), dst in any::<[u8; 6]>()) -> ([u8; 6], [u8; 6]) {
        let [first, rest @ ..] = src;
        let mut own = [(first & 0xfe) | 2; 6];
        own[1..].copy_from_slice(&rest);
        (own, dst)
    }
}

prop_compose! {
    fn sound_frame()(
        (src, dst) in addresses(),
        tag in proptest::option::of(1_u16..4095),
        six in any::<bool>(),
        source in any::<[u8; 16]>(),
        destination in any::<[u8; 16]>(),
        kind in 0_u8..4,
        (sport, dport) in any::<(u16, u16)>(),
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) -> Vec<u8> {
        let four = |address: [u8; 16]| [address[0], address[1], address[2], address[3]];
        let link = PacketBuilder::ethernet2(src, dst);
        let mut out = Vec::new();
        macro_rules! upper {
            ($ip:expr) => {
                match kind {
                    0 => $ip.tcp(sport, dport, 1, 1000).syn().write(&mut out, &data).unwrap(),
                    1 => $ip.udp(sport, dport).write(&mut out, &data).unwrap(),
                    2 if six => $ip.icmpv6_echo_request(sport, dport).write(&mut out, &data).unwrap(),
                    2 => $ip.icmpv4_echo_request(sport, dport).write(&mut out, &data).unwrap(),
                    _ => $ip.write(&mut out, etherparse::IpNumber::EXPERIMENTAL_AND_TESTING_0, &data).unwrap(),
                }
            };
        }
        match (tag.map(|tag| tag.try_into().unwrap()), six) {
            (Some(tag), true) => upper!(link.single_vlan(tag).ipv6(source, destination, 64)),
            (Some(tag), false) => upper!(link.single_vlan(tag).ipv4(four(source), four(destination), 64)),
            (None, true) => upper!(link.ipv6(source, destination, 64)),
            (None, false) => upper!(link.ipv4(four(source), four(destination), 64)),
        }
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sound_frames_are_read_as_etherparse_reads_them(frame in sound_frame()) {
        prop_assert!(agree(&frame));
        let key = parse(&frame).unwrap().key;
        prop_assert_eq!(parse(&packet::build::pad(frame.clone())).unwrap().key, key);
        let cut = &frame[..frame.len().min(128)];
        prop_assert_eq!(parse(cut).unwrap().key, key);
    }

    #[test]
    fn mutated_frames_never_panic_and_never_disagree(
        frame in sound_frame(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        length in any::<proptest::sample::Index>(),
    ) {
        let mut frame = frame;
        for (index, value) in changes {
            let at = index.index(frame.len());
            frame[at] = value;
        }
        frame.truncate(length.index(frame.len() * 2).max(1));
        read_everything(&frame);
        agree(&frame);
    }

    #[test]
    fn arbitrary_bytes_behind_each_type_never_panic(
        kind in proptest::sample::select(vec![0x0800_u16, 0x86dd, 0x0806, 0x88cc, 0x888e, 0x8100, 0x88a8, 0x0026]),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        frame.extend(kind.to_be_bytes());
        frame.extend(bytes);
        read_everything(&frame);
        agree(&frame);
    }
}

/// The Ethernet frames of a classic capture file in either byte order; empty for other link types and formats.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let big = match file.first_chunk::<4>() {
        Some([0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d]) => true,
        Some([0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1]) => false,
        _ => return Vec::new(),
    };
    let number = |at: usize| {
        let bytes: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) } as usize)
    };
    let mut out = Vec::new();
    let mut at = 24;
    while let (Some(1), Some(length)) = (number(20), number(at + 8)) {
        let Some(frame) = file.get(at + 16..at + 16 + length) else { break };
        out.push(frame);
        at += 16 + length;
    }
    out
}

fn captures(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            captures(&path, out);
        } else {
            out.push(path);
        }
    }
    out.sort();
}

/// A capture of one small frame, so that the reader is exercised where no others are at hand.
fn own_capture() -> Vec<u8> {
    let ends = packet::build::IpEnds {
        src_mac: net::MacAddr([2, 0, 0, 0, 0, 1]),
        dst_mac: net::MacAddr([2, 0, 0, 0, 0, 2]),
        src_ip: [10, 0, 0, 1].into(),
        dst_ip: [10, 0, 0, 2].into(),
    };
    let frame = packet::build::udp(&ends, &packet::udp::Datagram { src: 1, dst: 2, data: b"x" }).unwrap();
    let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
    file.extend([0; 8]);
    file.extend(length);
    file.extend(length);
    file.extend(frame);
    file
}

#[test]
fn captures_are_read_as_etherparse_reads_them() {
    let mut compared = frames(&own_capture()).into_iter().filter(|frame| agree(frame)).count();
    assert_eq!(compared, 1);
    let Some(corpus) = std::env::var_os("PENTANE_CORPUS") else { return };
    let mut files = Vec::new();
    captures(&Path::new(&corpus).join("packets"), &mut files);
    let mut malformed = 0;
    for path in files {
        let file = std::fs::read(&path).unwrap();
        for frame in frames(&file) {
            read_everything(frame);
            // Captures from loopback devices and made by hand have no source address.
            let mut frame = frame.to_vec();
            frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
            read_everything(&frame[..frame.len().min(128)]);
            malformed += usize::from(parse(&frame).is_err());
            compared += usize::from(agree(&frame));
        }
        // The fuzz seeds of lldpd are bare frames.
        read_everything(&file);
    }
    assert!(compared > 1000, "{compared} frames compared");
    assert!(malformed < 10, "{malformed} of {compared} frames refused");
}
