//! The messages of both versions and the structures in them, each by its number, its name and its least body.

use openflow::DecodeErrorKind as Kind;

use super::{exactly, frame, read, refused, variant};
use crate::{Message, decode, hex};

/// A match of 1.0 that matches everything.
const ANY10: &str = "003820ff 0000 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 00000000 0000 0000";
/// A match of 1.3 that matches everything.
const ANY13: &str = "0001 0004 00000000";
const PORT10: &str = "0001 020000000001 00000000000000000000000000000000 00000000 00000000 00000000 00000000 00000000 00000000";
const PORT13: &str = "00000001 00000000 020000000001 0000 00000000000000000000000000000000 00000000 00000000 \
                      00000000 00000000 00000000 00000000 00000000 00000000";

/// A type's number, its name, its least body; whether any bytes may follow it.
type Row = (u8, &'static str, String, bool);

fn row(number: u8, name: &'static str, body: &str, open_ended: bool) -> Row {
    (number, name, body.to_owned(), open_ended)
}

fn zeros(bytes: usize) -> String {
    "00".repeat(bytes)
}

fn messages10() -> [Row; 22] {
    [
        row(0, "OFPT_HELLO", "", true),
        row(1, "OFPT_ERROR", "0001 0001", true),
        row(2, "OFPT_ECHO_REQUEST", "", true),
        row(3, "OFPT_ECHO_REPLY", "", true),
        row(4, "OFPT_VENDOR", "00002320", true),
        row(5, "OFPT_FEATURES_REQUEST", "", false),
        row(6, "OFPT_FEATURES_REPLY", &zeros(24), false),
        row(7, "OFPT_GET_CONFIG_REQUEST", "", false),
        row(8, "OFPT_GET_CONFIG_REPLY", "0000 0080", false),
        row(9, "OFPT_SET_CONFIG", "0000 0080", false),
        row(10, "OFPT_PACKET_IN", "00000001 0000 0001 00 00", true),
        row(11, "OFPT_FLOW_REMOVED", &format!("{ANY10}{}", zeros(40)), false),
        row(12, "OFPT_PORT_STATUS", &format!("00 00000000000000 {PORT10}"), false),
        row(13, "OFPT_PACKET_OUT", "ffffffff 0001 0000", true),
        row(14, "OFPT_FLOW_MOD", &format!("{ANY10} {}", zeros(24)), false),
        row(15, "OFPT_PORT_MOD", &zeros(24), false),
        row(16, "OFPT_STATS_REQUEST", "0000 0000", false),
        row(17, "OFPT_STATS_REPLY", "0003 0000", false),
        row(18, "OFPT_BARRIER_REQUEST", "", false),
        row(19, "OFPT_BARRIER_REPLY", "", false),
        row(20, "OFPT_QUEUE_GET_CONFIG_REQUEST", "0001 0000", false),
        row(21, "OFPT_QUEUE_GET_CONFIG_REPLY", "0001 000000000000", false),
    ]
}

fn messages13() -> [Row; 30] {
    [
        row(0, "OFPT_HELLO", "", true),
        row(1, "OFPT_ERROR", "0001 0001", true),
        row(2, "OFPT_ECHO_REQUEST", "", true),
        row(3, "OFPT_ECHO_REPLY", "", true),
        row(4, "OFPT_EXPERIMENTER", "00002320 00000001", true),
        row(5, "OFPT_FEATURES_REQUEST", "", false),
        row(6, "OFPT_FEATURES_REPLY", &zeros(24), false),
        row(7, "OFPT_GET_CONFIG_REQUEST", "", false),
        row(8, "OFPT_GET_CONFIG_REPLY", "0000 0080", false),
        row(9, "OFPT_SET_CONFIG", "0000 0080", false),
        row(10, "OFPT_PACKET_IN", &format!("ffffffff 0000 00 00 {} {ANY13} 0000", zeros(8)), true),
        row(11, "OFPT_FLOW_REMOVED", &format!("{} {ANY13}", zeros(40)), false),
        row(12, "OFPT_PORT_STATUS", &format!("00 00000000000000 {PORT13}"), false),
        row(13, "OFPT_PACKET_OUT", "ffffffff fffffffd 0000 000000000000", true),
        row(14, "OFPT_FLOW_MOD", &format!("{} {ANY13}", zeros(40)), false),
        row(15, "OFPT_GROUP_MOD", "0000 00 00 00000001", false),
        row(16, "OFPT_PORT_MOD", &zeros(32), false),
        row(17, "OFPT_TABLE_MOD", "00 000000 00000000", false),
        row(18, "OFPT_MULTIPART_REQUEST", "0000 0000 00000000", false),
        row(19, "OFPT_MULTIPART_REPLY", "0003 0000 00000000", false),
        row(20, "OFPT_BARRIER_REQUEST", "", false),
        row(21, "OFPT_BARRIER_REPLY", "", false),
        row(22, "OFPT_QUEUE_GET_CONFIG_REQUEST", "00000001 00000000", false),
        row(23, "OFPT_QUEUE_GET_CONFIG_REPLY", "00000001 00000000", false),
        row(24, "OFPT_ROLE_REQUEST", "00000002 00000000 0000000000000007", false),
        row(25, "OFPT_ROLE_REPLY", "00000003 00000000 0000000000000007", false),
        row(26, "OFPT_GET_ASYNC_REQUEST", "", false),
        row(27, "OFPT_GET_ASYNC_REPLY", &zeros(24), false),
        row(28, "OFPT_SET_ASYNC", &zeros(24), false),
        row(29, "OFPT_METER_MOD", "0000 0001 00000001", false),
    ]
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::V10(message) => message.name(),
        Message::V13(message) => message.name(),
    }
}

#[test]
fn every_message_has_its_number_its_name_and_its_least_body() {
    for (version, rows) in [(1, messages10().to_vec()), (4, messages13().to_vec())] {
        for (at, (number, named, body, open_ended)) in rows.iter().enumerate() {
            assert_eq!(usize::from(*number), at);
            let body = hex(body);
            assert_eq!(name(&exactly(version, *number, &body, *open_ended)), *named);
            if *open_ended && *number != 0 {
                for cut in body.len().saturating_sub(1)..body.len() {
                    refused(&frame(version, *number, &body[..cut]));
                }
                read(&frame(version, *number, &[&body[..], &[1, 2, 3]].concat()));
            }
        }
        for past in u8::try_from(rows.len()).unwrap()..=255 {
            let error = refused(&frame(version, past, &[0; 16]));
            assert_eq!((error.kind, error.answer(), error.offset), (Kind::BadType, (1, 1), 1), "{past}");
        }
    }
}

/// A kind of statistics: number, name, least body of the request and of the reply, and what may come again in a reply.
type Statistics = (u16, &'static str, String, String, String);

fn part(number: u16, name: &'static str, request: &str, reply: &str, entry: &str) -> Statistics {
    (number, name, request.to_owned(), reply.to_owned(), entry.to_owned())
}

fn statistics10() -> [Statistics; 7] {
    let flows = format!("{ANY10} ff 00 ffff");
    [
        part(0, "Desc", "", &zeros(1056), ""),
        part(1, "Flow", &flows, "", &format!("0058 00 00 {ANY10} {}", zeros(44))),
        part(2, "Aggregate", &flows, &zeros(24), ""),
        part(3, "Table", "", "", &zeros(64)),
        part(4, "Port", "ffff 000000000000", "", &zeros(104)),
        part(5, "Queue", "fffc 0000 ffffffff", "", &zeros(32)),
        part(13, "PortDesc", "", "", PORT10),
    ]
}

fn statistics13() -> [Statistics; 14] {
    let flows = format!("ff 000000 ffffffff ffffffff 00000000 {} {ANY13}", zeros(16));
    let ones = "00000001 00000000";
    [
        part(0, "Desc", "", &zeros(1056), ""),
        part(1, "Flow", &flows, "", &format!("0038 00 00 {} {ANY13}", zeros(44))),
        part(2, "Aggregate", &flows, &zeros(24), ""),
        part(3, "Table", "", "", &zeros(24)),
        part(4, "PortStats", ones, "", &zeros(112)),
        part(5, "Queue", "ffffffff ffffffff", "", &zeros(40)),
        part(6, "Group", ones, "", &format!("0038 0000 {}", zeros(52))),
        part(7, "GroupDesc", "", "", "0018 00 00 00000001 0010 0001 ffffffff ffffffff 00000000"),
        part(8, "GroupFeatures", "", &zeros(40), ""),
        part(9, "Meter", ones, "", &format!("00000001 0038 000000000000 {}", zeros(44))),
        part(10, "MeterConfig", ones, "", "0018 0001 00000001 0001 0010 000003e8 00000000 00000000"),
        part(11, "MeterFeatures", "", &zeros(16), ""),
        part(12, "TableFeatures", "", "", &format!("0040 01 0000000000 {}", zeros(56))),
        part(13, "PortDesc", "", "", PORT13),
    ]
}

/// The name of a body among the statistics.
fn body_name(message: &Message) -> String {
    let shown = match message {
        Message::V10(openflow::v10::Message::StatsRequest(request)) => format!("{:?}", request.body),
        Message::V10(openflow::v10::Message::StatsReply(reply)) => format!("{:?}", reply.body),
        Message::V13(openflow::v13::Message::MultipartRequest(request)) => format!("{:?}", request.body),
        Message::V13(openflow::v13::Message::MultipartReply(reply)) => format!("{:?}", reply.body),
        other => panic!("{other:?}"),
    };
    variant(&shown).to_owned()
}

fn check_statistics(version: u8, request: u8, pad: usize, rows: &[Statistics]) {
    let reply = request + 1;
    for (number, named, question, answer, entry) in rows {
        let head = [&number.to_be_bytes()[..], &[0, 0], &vec![0; pad]].concat();
        let asked = exactly(version, request, &[&head, &hex(question)[..]].concat(), false);
        assert_eq!(body_name(&asked), *named);
        let more = [&number.to_be_bytes()[..], &[0, 1], &vec![0; pad]].concat();
        for (head, times) in [(&head, 0), (&more, 0), (&more, 1), (&head, 3)] {
            let body = [head, &hex(answer)[..], &hex(&entry.repeat(times))].concat();
            assert_eq!(body_name(&exactly(version, reply, &body, false)), *named);
        }
    }
    for kind in [request, reply] {
        let past = u16::try_from(rows.len()).unwrap().max(14);
        for unknown in [past, past + 1, 0xfffe] {
            let error = refused(&frame(version, kind, &[&unknown.to_be_bytes()[..], &[0; 22]].concat()));
            assert_eq!((error.kind, error.answer()), (Kind::BadType, (1, 2)), "{unknown}");
        }
        let experimenter = [&[0xff, 0xff, 0, 0][..], &vec![0; pad], &[0, 0, 0x23, 0x20, 0, 0, 0, 5, 1, 2, 3]].concat();
        let known = body_name(&read(&frame(version, kind, &experimenter)));
        assert_eq!(known, if version == 1 { "Vendor" } else { "Experimenter" });
        refused(&frame(version, kind, &experimenter[..4 + pad + 3]));
    }
}

#[test]
fn every_kind_of_statistics_has_its_number_and_its_sizes() {
    check_statistics(1, 16, 0, &statistics10());
    check_statistics(4, 18, 4, &statistics13());
}

/// An element with a header of type and length: number, name, and the bytes behind the header.
type Element = (u16, &'static str, &'static str);

const ACTIONS10: [Element; 12] = [
    (0, "Output", "0001 0080"),
    (1, "SetVlanVid", "0005 0000"),
    (2, "SetVlanPcp", "05 000000"),
    (3, "StripVlan", "00000000"),
    (4, "SetDlSrc", "020000000001 000000000000"),
    (5, "SetDlDst", "020000000001 000000000000"),
    (6, "SetNwSrc", "0a000001"),
    (7, "SetNwDst", "0a000001"),
    (8, "SetNwTos", "b8 000000"),
    (9, "SetTpSrc", "0050 0000"),
    (10, "SetTpDst", "0050 0000"),
    (11, "Enqueue", "0001 000000000000 00000002"),
];

const ACTIONS13: [Element; 16] = [
    (0, "Output", "00000001 ffff 000000000000"),
    (11, "CopyTtlOut", "00000000"),
    (12, "CopyTtlIn", "00000000"),
    (15, "SetMplsTtl", "40 000000"),
    (16, "DecMplsTtl", "00000000"),
    (17, "PushVlan", "8100 0000"),
    (18, "PopVlan", "00000000"),
    (19, "PushMpls", "8847 0000"),
    (20, "PopMpls", "0800 0000"),
    (21, "SetQueue", "00000001"),
    (22, "Group", "00000001"),
    (23, "SetNwTtl", "40 000000"),
    (24, "DecNwTtl", "00000000"),
    (25, "SetField", "80000c02 1005 000000000000"),
    (26, "PushPbb", "88e7 0000"),
    (27, "PopPbb", "00000000"),
];

const INSTRUCTIONS: [Element; 6] = [
    (1, "GotoTable", "03 000000"),
    (2, "WriteMetadata", "00000000 0000000000000001 ffffffffffffffff"),
    (3, "WriteActions", "00000000"),
    (4, "ApplyActions", "00000000"),
    (5, "ClearActions", "00000000"),
    (6, "Meter", "00000001"),
];

fn element(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap();
    [&number.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

/// Each element alone, twice, with eight bytes more and fewer than it has, with length 0 and 4; then all numbers that no element has.
fn check_elements(
    rows: &[Element],
    frame_of: fn(&[u8]) -> bytes::Bytes,
    shown: fn(&Message) -> Vec<String>,
    (bad_type, bad_len): ((u16, u16), (u16, u16)),
) {
    for (number, named, body) in rows {
        let body = hex(body);
        let whole = element(*number, &body);
        for times in [1, 2, 40] {
            let names = shown(&read(&frame_of(&whole.repeat(times))));
            assert_eq!(names, vec![(*named).to_owned(); times]);
        }
        for length in [0, 4, 7, whole.len() + 8] {
            let mut wrong = whole.clone();
            wrong[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            let error = refused(&frame_of(&wrong));
            assert_eq!((error.kind, error.answer()), (Kind::BadLength, bad_len), "{named} of length {length}");
        }
        if !named.ends_with("Actions") {
            refused(&frame_of(&element(*number, &[&body[..], &[0; 8]].concat())));
        }
    }
    let known: Vec<u16> = rows.iter().map(|row| row.0).collect();
    for number in (0..0x100).chain([0x7fff, 0xfffe]).filter(|number| !known.contains(number)) {
        let error = refused(&frame_of(&element(number, &[0; 4])));
        assert_eq!((error.kind, error.answer()), (Kind::BadType, bad_type), "{number}");
    }
    let own = frame_of(&element(0xffff, &hex("00002320 0102030405060708")));
    assert!(["Vendor", "Experimenter"].contains(&&*shown(&read(&own))[0]));
}

fn variants<T: std::fmt::Debug>(elements: &[T]) -> Vec<String> {
    elements.iter().map(|element| variant(&format!("{element:?}")).to_owned()).collect()
}

#[test]
fn every_action_of_1_0_has_its_number_and_its_length() {
    let packet_out = |actions: &[u8]| {
        let length = u16::try_from(actions.len()).unwrap();
        frame(1, 13, &[&[0xff, 0xff, 0xff, 0xff, 0, 1][..], &length.to_be_bytes(), actions].concat())
    };
    let shown = |message: &Message| match message {
        Message::V10(openflow::v10::Message::PacketOut(packet)) => variants(&packet.actions),
        other => panic!("{other:?}"),
    };
    check_elements(&ACTIONS10, packet_out, shown, ((2, 0), (2, 1)));
}

#[test]
fn every_action_of_1_3_has_its_number_and_its_length() {
    let packet_out = |actions: &[u8]| {
        let length = u16::try_from(actions.len()).unwrap();
        let head = [&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1][..], &length.to_be_bytes(), &[0; 6]].concat();
        frame(4, 13, &[&head[..], actions].concat())
    };
    let shown = |message: &Message| match message {
        Message::V13(openflow::v13::Message::PacketOut(packet)) => variants(&packet.actions),
        other => panic!("{other:?}"),
    };
    check_elements(&ACTIONS13, packet_out, shown, ((2, 0), (2, 1)));
}

#[test]
fn every_instruction_has_its_number_and_its_length() {
    let flow_mod = |instructions: &[u8]| frame(4, 14, &[&[0; 40][..], &hex(ANY13), instructions].concat());
    let shown = |message: &Message| match message {
        Message::V13(openflow::v13::Message::FlowMod(entry)) => variants(&entry.instructions),
        other => panic!("{other:?}"),
    };
    check_elements(&INSTRUCTIONS, flow_mod, shown, ((3, 0), (3, 7)));
}

#[test]
fn fields_are_set_by_the_rules() {
    let set = |field: &str| {
        let action = element(25, &hex(field));
        frame(4, 13, &[&hex("ffffffff 00000001")[..], &[0, action.len().try_into().unwrap()], &[0; 6], &action].concat())
    };
    for (field, answer) in [
        ("80000004 00000001 00000000", (2, 13)),
        ("80000204 00000001 00000000", (2, 13)),
        ("80000408 0000000000000001", (2, 13)),
        ("80000d04 1005 1fff 00000000", (2, 13)),
        ("80000c02 3005 000000000000", (2, 15)),
        ("80001001 40 00000000000000", (2, 15)),
        ("80000c02 1005 00000000000000 0000000000000000", (2, 1)),
        ("80000c02 1005 00000000000000000000 00000000", (2, 14)),
        ("80000c04 1005 0000 00000000", (2, 1)),
    ] {
        let error = refused(&set(field));
        assert_eq!(error.answer(), answer, "{field}: {error}");
    }
    // Open vSwitch's own fields can be set, too; who sends them knows what they are.
    read(&set("00010004 00000001 00000000"));
}

#[test]
fn every_band_of_a_meter_has_its_number() {
    let config = |band: &str| {
        let band = hex(band);
        let length = u16::try_from(8 + band.len()).unwrap().to_be_bytes();
        frame(4, 19, &[&hex("000a 0000 00000000")[..], &length, &hex("0001 00000001"), &band].concat())
    };
    for (band, known) in [
        ("0001 0010 000003e8 00000000 00000000", true),
        ("0002 0010 000003e8 00000000 01 000000", true),
        ("ffff 0018 000003e8 00000000 00002320 0102030405060708", true),
        ("0000 0010 000003e8 00000000 00000000", false),
        ("0003 0010 000003e8 00000000 00000000", false),
        ("0001 0018 000003e8 00000000 00000000 0000000000000000", false),
        ("0001 0000 000003e8 00000000 00000000", false),
        ("0001 0008 000003e8", false),
    ] {
        let frame = config(band);
        assert_eq!(decode(&frame).is_ok(), known, "{band}");
    }
}

#[test]
fn every_property_of_a_queue_has_its_number() {
    let reply = |property: &str| {
        let property = hex(property);
        let length = u16::try_from(16 + property.len()).unwrap().to_be_bytes();
        frame(4, 23, &[&hex("00000001 00000000 00000001 00000001")[..], &length, &[0; 6], &property].concat())
    };
    let shown = |property: &str| match read(&reply(property)) {
        Message::V13(openflow::v13::Message::QueueGetConfigReply(reply)) => variants(&reply.queues[0].properties).concat(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown("0001 0010 00000000 01f4 000000000000"), "MinRate");
    assert_eq!(shown("0002 0010 00000000 01f4 000000000000"), "MaxRate");
    assert_eq!(shown("ffff 0018 00000000 00002320 00000000 0102030405060708"), "Experimenter");
    assert_eq!(shown("0003 0010 00000000 0102030405060708"), "Other");
    for wrong in [
        "0001 0000 00000000 01f4 000000000000",
        "0001 0008 00000000",
        "0002 0018 00000000 01f4 000000000000 0000000000000000",
        "ffff 0008 00000000",
    ] {
        refused(&reply(wrong));
    }
}

#[test]
fn every_property_of_a_table_has_its_number() {
    let reply = |property: &[u8]| {
        let length = u16::try_from(64 + property.len()).unwrap().to_be_bytes();
        frame(4, 19, &[&hex("000c 0000 00000000")[..], &length, &[1], &[0; 61], property].concat())
    };
    let shown = |property: &[u8]| match read(&reply(property)) {
        Message::V13(openflow::v13::Message::MultipartReply(openflow::v13::MultipartReply {
            body: openflow::v13::MultipartReplyBody::TableFeatures(tables),
            ..
        })) => variants(&tables[0].properties.iter().map(|property| &property.body).collect::<Vec<_>>()).concat(),
        other => panic!("{other:?}"),
    };
    for number in 0..16_u16 {
        let (name, body) = match number {
            0 | 1 | 4..=7 => ("Elements", "0001 0004 ffff 0008 00002320"),
            2 | 3 => ("NextTables", "01 02 03"),
            8 | 10 | 12..=15 => ("Oxms", "80000a02 80001708"),
            _ => ("", ""),
        };
        let mut property = element(number, &hex(body));
        property.resize(property.len().next_multiple_of(8), 0);
        if name.is_empty() {
            assert_eq!(refused(&reply(&property)).answer(), (13, 2), "{number}");
        } else {
            assert_eq!(shown(&property), name, "{number}");
            property[2..4].copy_from_slice(&[0, 0]);
            assert_eq!(refused(&reply(&property)).kind, Kind::BadLength, "{number}");
        }
    }
    for number in [0xfffe, 0xffff] {
        assert_eq!(shown(&element(number, &hex("00002320 00000001 01020304"))), "Experimenter");
    }
}

#[test]
fn buckets_have_whole_lengths() {
    let group = |bucket: &str| frame(4, 15, &hex(&format!("0000 00 00 00000001 {bucket}")));
    read(&group("0010 0001 ffffffff ffffffff 00000000"));
    read(&group("0020 0001 ffffffff ffffffff 00000000 0000 0010 00000001 ffff 000000000000"));
    for wrong in ["0000", "0008", "000f", "0014", "0018", "0110"] {
        let error = refused(&group(&format!("{wrong} 0001 ffffffff ffffffff 00000000")));
        assert_eq!(error.kind, Kind::BadLength, "{wrong}: {error}");
    }
}
