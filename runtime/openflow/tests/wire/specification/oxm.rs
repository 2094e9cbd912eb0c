//! The 40 fields of OpenFlow 1.3.5 §7.2.3.7, tables 11 and 12: number, name, length, range, mask, prerequisite.

use openflow::DecodeErrorKind as Kind;
use openflow::v13::Message as V13;

use super::{frame, read, refused};
use crate::{Message, hex};

/// Whether a mask may follow.
#[derive(Clone, Copy, PartialEq)]
enum Mask {
    No,
    Yes,
    /// The specification has none; Open vSwitch has, and we use it there.
    OpenVSwitch,
}
use Mask::{No, OpenVSwitch, Yes};

/// One field: number, name, bytes, bits, mask, and the fields that it needs.
type Field = (u8, &'static str, usize, u32, Mask, &'static str);

const IP: &str = "80000a02 0800";
const IP6: &str = "80000a02 86dd";
const ARP: &str = "80000a02 0806";
const MPLS: &str = "80000a02 8847";
const PBB: &str = "80000a02 88e7";
const TCP: &str = "80000a02 0800 80001401 06";
const UDP: &str = "80000a02 0800 80001401 11";
const SCTP: &str = "80000a02 86dd 80001401 84";
const ICMP: &str = "80000a02 0800 80001401 01";
const ICMP6: &str = "80000a02 86dd 80001401 3a";
const NS: &str = "80000a02 86dd 80001401 3a 80003a01 87";
const NA: &str = "80000a02 86dd 80001401 3a 80003a01 88";

const FIELDS: [Field; 40] = [
    (0, "in_port", 4, 32, No, ""),
    (1, "in_phy_port", 4, 32, No, "80000004 00000001"),
    (2, "metadata", 8, 64, Yes, ""),
    (3, "eth_dst", 6, 48, Yes, ""),
    (4, "eth_src", 6, 48, Yes, ""),
    (5, "eth_type", 2, 16, No, ""),
    (6, "vlan_vid", 2, 13, Yes, ""),
    (7, "vlan_pcp", 1, 3, No, "80000c02 1005"),
    (8, "ip_dscp", 1, 6, No, IP),
    (9, "ip_ecn", 1, 2, No, IP6),
    (10, "ip_proto", 1, 8, No, IP),
    (11, "ipv4_src", 4, 32, Yes, IP),
    (12, "ipv4_dst", 4, 32, Yes, IP),
    (13, "tcp_src", 2, 16, OpenVSwitch, TCP),
    (14, "tcp_dst", 2, 16, OpenVSwitch, TCP),
    (15, "udp_src", 2, 16, OpenVSwitch, UDP),
    (16, "udp_dst", 2, 16, OpenVSwitch, UDP),
    (17, "sctp_src", 2, 16, OpenVSwitch, SCTP),
    (18, "sctp_dst", 2, 16, OpenVSwitch, SCTP),
    (19, "icmpv4_type", 1, 8, No, ICMP),
    (20, "icmpv4_code", 1, 8, No, ICMP),
    (21, "arp_op", 2, 16, No, ARP),
    (22, "arp_spa", 4, 32, Yes, ARP),
    (23, "arp_tpa", 4, 32, Yes, ARP),
    (24, "arp_sha", 6, 48, Yes, ARP),
    (25, "arp_tha", 6, 48, Yes, ARP),
    (26, "ipv6_src", 16, 128, Yes, IP6),
    (27, "ipv6_dst", 16, 128, Yes, IP6),
    (28, "ipv6_flabel", 4, 20, Yes, IP6),
    (29, "icmpv6_type", 1, 8, No, ICMP6),
    (30, "icmpv6_code", 1, 8, No, ICMP6),
    (31, "ipv6_nd_target", 16, 128, No, NS),
    (32, "ipv6_nd_sll", 6, 48, No, NS),
    (33, "ipv6_nd_tll", 6, 48, No, NA),
    (34, "mpls_label", 4, 20, No, MPLS),
    (35, "mpls_tc", 1, 3, No, MPLS),
    (36, "mpls_bos", 1, 1, No, "80000a02 8848"),
    (37, "pbb_isid", 3, 24, Yes, PBB),
    (38, "tunnel_id", 8, 64, Yes, ""),
    (39, "ipv6_exthdr", 2, 9, Yes, IP6),
];

/// A field with this value, the last byte first, and this mask.
fn oxm(number: u8, value: &[u8], mask: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len() + mask.len()).unwrap();
    [&[0x80, 0, number << 1 | u8::from(!mask.is_empty()), length], value, mask].concat()
}

/// The greatest value of so many bits, in so many bytes.
fn greatest(bytes: usize, bits: u32) -> Vec<u8> {
    let value = u128::MAX >> (128 - bits);
    value.to_be_bytes()[16 - bytes..].to_vec()
}

fn one(bytes: usize) -> Vec<u8> {
    greatest(bytes, 1)
}

/// A match of these fields, padded.
fn matching(fields: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fields.len() + 4).unwrap();
    let mut bytes = [&[0, 1][..], &length.to_be_bytes(), fields].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A flow-mod that asks for these fields.
fn asking(fields: &[u8]) -> bytes::Bytes {
    let head = hex("0000000000000000 0000000000000000 00 00 0000 0000 0000 ffffffff ffffffff ffffffff 0000 0000");
    frame(4, 14, &[&head[..], &matching(fields)].concat())
}

/// A packet-in that tells these fields.
fn telling(fields: &[u8]) -> bytes::Bytes {
    let head = hex("ffffffff 0000 00 00 0000000000000000");
    frame(4, 10, &[&head[..], &matching(fields), &[0, 0]].concat())
}

/// The name of the last field of a match.
fn last_name(message: &Message) -> &'static str {
    let matching = match message {
        Message::V13(V13::FlowMod(entry)) => &entry.matching,
        Message::V13(V13::PacketIn(packet)) => &packet.matching,
        other => panic!("{other:?}"),
    };
    matching.fields().last().unwrap().name()
}

fn all() -> impl Iterator<Item = (Field, Vec<u8>)> {
    FIELDS.into_iter().map(|field| (field, hex(field.5).to_vec()))
}

#[test]
fn every_field_has_its_number_its_name_and_its_length() {
    for (at, ((number, name, bytes, bits, ..), needs)) in all().enumerate() {
        assert_eq!(usize::from(number), at);
        for value in [one(bytes), greatest(bytes, bits)] {
            let field = oxm(number, &value, &[]);
            assert_eq!(last_name(&read(&asking(&[&needs[..], &field].concat()))), name);
            assert_eq!(last_name(&read(&telling(&field))), name, "what is told needs no prerequisite");
        }
        for wrong in [bytes - 1, bytes + 1] {
            let error = refused(&asking(&[&needs[..], &oxm(number, &vec![0; wrong], &[])].concat()));
            assert_eq!(error.answer(), (4, 1), "{name} of {wrong} bytes: {error}");
            refused(&telling(&oxm(number, &vec![0; wrong], &[])));
        }
    }
    assert_eq!(last_name(&read(&telling(&oxm(40, &[0], &[])))), "oxm", "none has a higher number");
}

#[test]
fn every_field_is_masked_only_where_it_may_be() {
    for ((number, name, bytes, bits, mask, _), needs) in all() {
        let masked = |value: &[u8], mask: &[u8]| asking(&[&needs[..], &oxm(number, value, mask)].concat());
        let whole = greatest(bytes, bits);
        if mask == No {
            let error = refused(&masked(&one(bytes), &whole));
            assert_eq!((error.kind, error.answer()), (Kind::BadMask, (4, 8)), "{name}: {error}");
            continue;
        }
        assert_eq!(last_name(&read(&masked(&one(bytes), &whole))), name);
        let error = refused(&masked(&one(bytes), &vec![0; bytes]));
        assert_eq!((error.kind, error.answer()), (Kind::BadMask, (4, 5)), "{name}: {error}");
        let error = refused(&masked(&one(bytes), &whole[1..]));
        assert_eq!(error.answer(), (4, 1), "a mask as long as the value: {name}: {error}");
    }
    assert_eq!(FIELDS.iter().filter(|field| field.4 == Yes).count(), 16);
    assert_eq!(FIELDS.iter().filter(|field| field.4 == OpenVSwitch).count(), 6);
}

#[test]
fn every_field_has_its_range() {
    for ((number, name, bytes, bits, mask, _), needs) in all() {
        if bits == u32::try_from(bytes * 8).unwrap() {
            continue;
        }
        let over = greatest(bytes, bits + 1);
        let error = refused(&asking(&[&needs[..], &oxm(number, &over, &[])].concat()));
        assert_eq!((error.kind, error.answer()), (Kind::BadValue, (4, 7)), "{name}: {error}");
        if mask == Yes {
            let error = refused(&asking(&[&needs[..], &oxm(number, &one(bytes), &over)].concat()));
            assert_eq!((error.kind, error.answer()), (Kind::BadValue, (4, 7)), "{name}: {error}");
        }
    }
}

#[test]
fn every_field_comes_behind_what_it_needs_and_once() {
    for ((number, name, bytes, ..), needs) in all() {
        let field = oxm(number, &one(bytes), &[]);
        let error = refused(&asking(&[&needs[..], &field, &field].concat()));
        assert_eq!((error.kind, error.answer()), (Kind::Duplicate, (4, 10)), "{name}: {error}");
        if needs.is_empty() {
            continue;
        }
        // Without all of it, and with every field of it but one.
        let error = refused(&asking(&field));
        assert_eq!((error.kind, error.answer()), (Kind::Prerequisite, (4, 9)), "{name}: {error}");
        let last = needs.len() - 4 - usize::from(last_length(&needs));
        let error = refused(&asking(&[&needs[..last], &field].concat()));
        assert_eq!((error.kind, error.answer()), (Kind::Prerequisite, (4, 9)), "{name}: {error}");
        // Behind the field it is too late.
        refused(&asking(&[&field, &needs[..]].concat()));
    }
}

/// The length of the last field's value.
fn last_length(fields: &[u8]) -> u8 {
    let (mut at, mut length) = (0, 0);
    while at < fields.len() {
        length = fields[at + 3];
        at += 4 + usize::from(length);
    }
    length
}

#[test]
fn each_prerequisite_must_have_the_right_value() {
    for (field, wrong) in [
        ("80000e01 05", "80000c02 0000"),
        ("80001604 0a000001", IP6),
        ("80001a02 0050", UDP),
        ("80001e02 0050", TCP),
        ("80002202 0050", TCP),
        ("80002601 08", ICMP6),
        ("80002a02 0001", IP),
        ("80003410 00000000000000000000000000000001", IP),
        ("80003a01 87", ICMP),
        ("80003e10 00000000000000000000000000000001", "80000a02 86dd 80001401 3a 80003a01 80"),
        ("80004006 020000000001", NA),
        ("80004206 020000000001", NS),
        ("80004404 00000001", IP),
        ("80004a03 000001", MPLS),
    ] {
        let error = refused(&asking(&[hex(wrong), hex(field)].concat()));
        assert_eq!(error.answer(), (4, 9), "{field} behind {wrong}: {error}");
    }
}

/// Fields of Nicira's and of the foundation's own, as Open vSwitch sends them: kept as they came.
#[test]
fn fields_of_other_classes_that_switches_send_are_kept() {
    for (field, what) in [
        ("00010604 c0a80001", "NXM_NX_REG3"),
        ("00013e04 0a000001", "NXM_NX_TUN_IPV4_SRC"),
        ("00014204 00000007", "NXM_NX_PKT_MARK"),
        ("0001d308 00000021 00000021", "NXM_NX_CT_STATE, masked"),
        ("00010004 00000001", "NXM_NX_REG0"),
        ("8001 0008 0000000000000001", "the first packet register"),
        ("ffff5406 4f4e4600 0012", "tcp_flags of the foundation"),
        ("ffff5508 4f4e4600 0012 0fff", "and masked"),
        ("ffff5608 4f4e4600 00000001", "actset_output of the foundation"),
    ] {
        assert_eq!(last_name(&read(&telling(&hex(field)))), "oxm", "{what}");
    }
}
