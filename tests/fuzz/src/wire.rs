//! OpenFlow frames, streams and matches out of any bytes: what is read comes back, what is not read has an error, and neither takes
//! more memory than the bytes themselves allow.

use bytes::{Bytes, BytesMut};
use openflow::{DecodeError, EncodeError, Header, Hello, negotiate, split_frame, v10, v13};

/// The versions that are spoken here.
const OURS: [u8; 2] = [v10::VERSION, v13::VERSION];

/// Longest that a frame can be.
const LONGEST: usize = 65_535;

/// The bytes with a header of this version and their own length, so that they are read further.
fn dressed(bytes: &[u8], version: u8) -> Bytes {
    let mut frame = bytes.get(..LONGEST).unwrap_or(bytes).to_vec();
    frame.resize(frame.len().max(8), 0);
    let length = (frame.len() as u16).to_be_bytes();
    for (at, byte) in [(0, version), (2, length[0]), (3, length[1])] {
        if let Some(place) = frame.get_mut(at) {
            *place = byte;
        }
    }
    frame.into()
}

/// Reads the frame, writes what it says, reads that.
fn comes_back<M: PartialEq + std::fmt::Debug>(
    frame: &Bytes,
    decode: fn(&Bytes) -> Result<(u32, M), DecodeError>,
    encode: fn(&M, u32, &mut BytesMut) -> Result<(), EncodeError>,
) {
    match decode(frame) {
        Err(error) => {
            assert!(error.offset <= frame.len(), "the place of an error is not in the frame: {error:?}");
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
        }
        Ok((xid, message)) => {
            let mut out = BytesMut::new();
            // What was written with less padding than we write can become too long; only near the greatest length.
            if encode(&message, xid, &mut out).is_err() {
                assert!(frame.len() > LONGEST / 2, "{message:?} is too long all at once");
                return;
            }
            assert!(out.len() <= frame.len() * 2 + 16, "{} bytes became {}", frame.len(), out.len());
            let again = decode(&out.freeze());
            assert_eq!(again, Ok((xid, message)), "it does not come back");
        }
    }
}

/// Frames of 1.0.
pub(crate) fn openflow10(bytes: &[u8]) {
    for frame in [Bytes::copy_from_slice(bytes), dressed(bytes, v10::VERSION)] {
        comes_back(&frame, v10::Message::decode, v10::Message::encode);
    }
}

/// Frames of 1.3.
pub(crate) fn openflow13(bytes: &[u8]) {
    for frame in [Bytes::copy_from_slice(bytes), dressed(bytes, v13::VERSION)] {
        comes_back(&frame, v13::Message::decode, v13::Message::encode);
    }
}

/// A stream falls into the same frames however it comes in, and its HELLO leads to a version that both ends speak, or to none.
pub(crate) fn stream(bytes: &[u8]) {
    let size = usize::from(bytes.first().copied().unwrap_or(1)).max(1);
    let whole = cut(bytes.chunks(bytes.len().max(1)));
    let pieces = cut(bytes.chunks(size));
    assert_eq!(whole, pieces, "pieces of {size} bytes make other frames");
    let taken: usize = whole.0.iter().map(Bytes::len).sum();
    assert!(taken <= bytes.len());
    for frame in &whole.0 {
        assert!(Header::of(frame).is_ok(), "a frame without a header of its own length");
    }
    let Some(Ok((_, hello))) = whole.0.first().map(Hello::decode) else { return };
    let offered = |version: &u8| hello.offers(*version) || hello.bitmap.is_none() && *version <= hello.version;
    match negotiate(&OURS, &hello) {
        Some(version) => assert!(OURS.contains(&version) && offered(&version), "{version} for {hello:?}"),
        None => assert!(hello.bitmap.is_none() || !OURS.iter().any(|version| hello.offers(*version)), "{hello:?}"),
    }
}

/// The frames, and whether the stream ended in an error.
fn cut<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, bool) {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match split_frame(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
        assert!(buffer.len() <= LONGEST, "{} bytes wait", buffer.len());
    }
    (frames, false)
}

/// Matches: of 1.3 out of fields, of 1.0 out of the first forty bytes. What a region can express comes back from it.
pub(crate) fn matches(bytes: &[u8]) {
    let fields = bytes.get(..LONGEST - 64).unwrap_or(bytes);
    let mut body = vec![0; 40];
    body.extend([0, 1]);
    body.extend((fields.len() as u16 + 4).to_be_bytes());
    body.extend(fields);
    body.resize(body.len().next_multiple_of(8), 0);
    let frame = dressed(&[&[4, 14, 0, 0, 0, 0, 0, 1], &body[..]].concat(), v13::VERSION);
    comes_back(&frame, v13::Message::decode, v13::Message::encode);
    if let Ok((_, v13::Message::FlowMod(entry))) = v13::Message::decode(&frame)
        && let Some(flow) = entry.matching.to_flow()
        && let Some(again) = v13::Match::from_flow(&flow)
    {
        assert_eq!(again.to_flow(), Some(flow), "{:?} became {again:?}", entry.matching);
    }
    let mut old = fields.get(..40).unwrap_or(fields).to_vec();
    old.resize(64, 0);
    let frame = dressed(&[&[1, 14, 0, 0, 0, 0, 0, 1], &old[..]].concat(), v10::VERSION);
    if let Ok((_, v10::Message::FlowMod(entry))) = v10::Message::decode(&frame)
        && let Some(flow) = entry.matching.to_flow()
        && let Some(again) = v10::Match::from_flow(&flow)
    {
        assert_eq!(again.to_flow(), Some(flow), "{:?} became {again:?}", entry.matching);
    }
}
