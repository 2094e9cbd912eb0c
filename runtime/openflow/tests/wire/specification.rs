//! The specifications of 1.0.1 and 1.3.5 as lists, held against the codec: every number, name, length and rule of them. The lists
//! are written down here a second time, so that what is missing or mistyped in the codec is found.

#![expect(clippy::panic, reason = "a frame that is read otherwise than the specification says fails its test")]

mod errors;
mod names;
mod oxm;
mod structures;

use bytes::Bytes;
use openflow::{DecodeError, DecodeErrorKind};

use crate::{Message, decode, encode};

/// A whole frame of this version and type.
fn frame(version: u8, kind: u8, body: &[u8]) -> Bytes {
    let length = u16::try_from(body.len() + 8).unwrap();
    [&[version, kind][..], &length.to_be_bytes(), &[0, 0, 0, 9], body].concat().into()
}

/// What the frame says; it must come back byte by byte.
fn read(frame: &Bytes) -> Message {
    let (xid, message) = decode(frame).unwrap_or_else(|error| panic!("{error}: {frame:x}"));
    assert_eq!(encode(&message, xid), frame, "{message:?}");
    message
}

/// Why the frame says nothing.
fn refused(frame: &Bytes) -> DecodeError {
    match decode(frame) {
        Ok((_, message)) => panic!("{message:?} came out of {frame:x}"),
        Err(error) => error,
    }
}

/// The name of a value in Rust's words: what stands before its first bracket.
fn variant(shown: &str) -> &str {
    shown.split(['(', ' ', '{']).next().unwrap()
}

/// What must hold of a body: it is read whole, and not if a byte is missing. Where nothing may follow it, one more is too many.
fn exactly(version: u8, kind: u8, body: &[u8], open_ended: bool) -> Message {
    let message = read(&frame(version, kind, body));
    if let Some(short) = body.len().checked_sub(1).filter(|_| !open_ended) {
        refused(&frame(version, kind, &body[..short]));
        let error = refused(&frame(version, kind, &[body, &[0]].concat()));
        let kinds = [DecodeErrorKind::Trailing, DecodeErrorKind::Truncated, DecodeErrorKind::BadLength];
        assert!(kinds.contains(&error.kind), "{error}");
    }
    message
}
