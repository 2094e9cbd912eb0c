//! Every message of both versions, there and back; and matches from and to the version-independent region.

mod matches;
mod v10;
mod v13;

use bytes::{Bytes, BytesMut};
use net::MacAddr;
use openflow::Hello;

use crate::{Message, decode, encode};

const XID: u32 = 0x0102_0304;
const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x1f]);
const PAYLOAD: Bytes = Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef]);

fn messages() -> Vec<Message> {
    let v10 = v10::messages().into_iter().map(Message::V10);
    let v13 = v13::messages().into_iter().map(Message::V13);
    v10.chain(v13).collect()
}

/// The frames of all messages here.
pub(crate) fn frames() -> impl Iterator<Item = Bytes> {
    messages().into_iter().map(|message| encode(&message, XID))
}

#[test]
fn every_message_comes_back() {
    for message in messages() {
        let frame = encode(&message, XID);
        assert_eq!(decode(&frame), Ok((XID, message)), "{frame:x}");
    }
}

#[test]
fn every_kind_of_message_is_among_them() {
    let kinds = |version| {
        let mut kinds: Vec<u8> = frames().filter(|frame| frame[0] == version).map(|frame| frame[1]).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(1), (0..=21).collect::<Vec<u8>>());
    assert_eq!(kinds(4), (0..=29).collect::<Vec<u8>>());
}

#[test]
fn every_frame_cut_short_is_an_error_or_a_shorter_message() {
    for frame in frames() {
        for length in 8..frame.len() {
            let mut cut = frame[..length].to_vec();
            cut[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            if let Ok((xid, message)) = decode(&cut.into()) {
                assert!(encode(&message, xid).len() <= length, "{message:?}");
            }
        }
    }
}

#[test]
fn payloads_are_slices_of_the_frame() {
    let packet = openflow::v13::PacketIn {
        buffer_id: 1,
        total_len: 4,
        reason: openflow::v13::PacketInReason::ACTION,
        table_id: 0,
        cookie: 0,
        matching: openflow::v13::Match::ANY,
        data: PAYLOAD,
    };
    let frame = encode(&Message::V13(openflow::v13::Message::PacketIn(packet)), XID);
    let Ok((_, Message::V13(openflow::v13::Message::PacketIn(packet)))) = decode(&frame) else { panic!("no packet-in") };
    assert!(frame.as_ptr_range().contains(&packet.data.as_ptr()));
}

#[test]
fn a_message_that_no_header_can_tell_is_not_written() {
    let mut out = BytesMut::from(&b"before"[..]);
    let echo = openflow::v13::Message::EchoRequest(Bytes::from(vec![0; 65_528]));
    assert_eq!(echo.encode(XID, &mut out).unwrap_err().length, 65_536);
    assert_eq!(&out[..], b"before");
    let echo = openflow::v13::Message::EchoRequest(Bytes::from(vec![0; 65_527]));
    echo.encode(XID, &mut out).unwrap();
    assert_eq!(out.len(), 6 + 65_535);
}

#[test]
fn errors_are_named_and_answer_what_failed() {
    let frame = encode(&Message::V13(openflow::v13::Message::Hello(Hello::offering(&[4]))), XID);
    let full = openflow::v13::Error::answering(openflow::v13::FlowModFailed::TABLE_FULL, &frame);
    assert_eq!(full.to_string(), "FLOW_MOD_FAILED/TABLE_FULL");
    assert_eq!(full.data, frame);
    let full = openflow::v10::Error::answering(openflow::v10::FlowModFailed::ALL_TABLES_FULL, &frame);
    assert_eq!(full.to_string(), "FLOW_MOD_FAILED/ALL_TABLES_FULL");
    let odd = openflow::v13::Error { kind: openflow::v13::ErrorType(77), code: 5, data: Bytes::new() };
    assert_eq!(odd.to_string(), "77/5");
}
