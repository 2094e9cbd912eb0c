//! The codec against frames: hand-made cases, each message there and back, third-party samples, and all of them damaged.

#![expect(clippy::unwrap_used, reason = "what a test cannot read, it fails on")]

mod cases;
mod corpus;
mod damage;
mod exact;
mod roundtrip;
mod specification;

use bytes::{Bytes, BytesMut};
use openflow::{DecodeError, Header, v10, v13};

/// A message of either version.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a match of 1.3 holds its fields inline")]
enum Message {
    V10(v10::Message),
    V13(v13::Message),
}

/// Decodes a frame by the version of its header; a HELLO of any other version, too.
fn decode(frame: &Bytes) -> Result<(u32, Message), DecodeError> {
    match Header::of(frame)?.version {
        v10::VERSION => v10::Message::decode(frame).map(|(xid, message)| (xid, Message::V10(message))),
        _ => v13::Message::decode(frame).map(|(xid, message)| (xid, Message::V13(message))),
    }
}

fn encode(message: &Message, xid: u32) -> Bytes {
    let mut out = BytesMut::new();
    match message {
        Message::V10(message) => message.encode(xid, &mut out).unwrap(),
        Message::V13(message) => message.encode(xid, &mut out).unwrap(),
    }
    out.freeze()
}

/// The bytes of hexadecimal text; white space does not count.
fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
    assert!(digits.len().is_multiple_of(2), "odd number of digits: {text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn messages_stay_small_enough_to_pass_by_value() {
    assert!(size_of::<v10::Message>() <= 256, "{}", size_of::<v10::Message>());
    assert!(size_of::<v13::Message>() <= 640, "{}", size_of::<v13::Message>());
}
