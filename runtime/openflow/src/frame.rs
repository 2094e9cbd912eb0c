//! The header that every message of every version starts with, and the cutting of a byte stream into whole messages by it.
//! Knows nothing of what messages mean.

use bytes::{Bytes, BytesMut};

use crate::error::{BAD_LEN, DecodeError, DecodeErrorKind};

/// The length of a header in bytes: the least that a message can have.
pub const HEADER_LENGTH: usize = 8;

/// `ofp_header` (OpenFlow 1.3.5 §7.1.1), the same in all versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the protocol: 1 for 1.0, 4 for 1.3.
    pub version: u8,
    /// The type of the message, `OFPT_*`, as the version numbers it.
    pub kind: u8,
    /// The length of the message with this header, in bytes.
    pub length: u16,
    /// The transaction: an answer has the number of its request.
    pub xid: u32,
}

impl Header {
    /// The header at the start of `bytes`, if they are that many.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let [version, kind, l0, l1, x0, x1, x2, x3] = *bytes.first_chunk::<HEADER_LENGTH>()?;
        Some(Header { version, kind, length: u16::from_be_bytes([l0, l1]), xid: u32::from_be_bytes([x0, x1, x2, x3]) })
    }

    /// The header of a whole frame, whose length field must be the frame's own.
    ///
    /// # Errors
    /// When the frame has no header or another length than its header says.
    pub fn of(frame: &[u8]) -> Result<Header, DecodeError> {
        let header = Header::read(frame).ok_or(DecodeError::new(
            "ofp_header",
            "length",
            frame.len(),
            DecodeErrorKind::Truncated,
            BAD_LEN,
        ))?;
        if usize::from(header.length) == frame.len() {
            Ok(header)
        } else {
            Err(DecodeError::new("ofp_header", "length", 2, DecodeErrorKind::BadLength, BAD_LEN))
        }
    }
}

/// Takes the first whole message off `buffer`, uncopied; nothing if more bytes must come first. Never needs more than
/// 65,535 bytes in the buffer.
///
/// # Errors
/// When the header tells a length below its own eight bytes: the stream has no next message then, and must be closed.
pub fn split_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, DecodeError> {
    let Some(header) = Header::read(buffer) else { return Ok(None) };
    let length = usize::from(header.length);
    if length < HEADER_LENGTH {
        return Err(DecodeError::new("ofp_header", "length", 2, DecodeErrorKind::BadLength, BAD_LEN));
    }
    if buffer.len() < length {
        return Ok(None);
    }
    Ok(Some(buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_the_lengths_that_headers_tell() {
        let mut buffer = BytesMut::from(&[1, 2, 0, 9, 0, 0, 0, 7, 0xaa, 4, 20, 0, 8, 0, 0][..]);
        let frame = split_frame(&mut buffer).unwrap().unwrap();
        assert_eq!(Header::of(&frame).unwrap(), Header { version: 1, kind: 2, length: 9, xid: 7 });
        assert_eq!(split_frame(&mut buffer), Ok(None));
        buffer.extend_from_slice(&[0, 9]);
        assert_eq!(Header::of(&split_frame(&mut buffer).unwrap().unwrap()).unwrap().xid, 9);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_length_below_the_header_is_an_error_and_not_a_loop() {
        let mut buffer = BytesMut::from(&[4, 0, 0, 7, 0, 0, 0, 1][..]);
        assert_eq!(split_frame(&mut buffer).unwrap_err().kind, DecodeErrorKind::BadLength);
        assert_eq!(Header::of(&[4, 0, 0, 9, 0, 0, 0, 1]).unwrap_err().kind, DecodeErrorKind::BadLength);
        assert_eq!(Header::of(&[4]).unwrap_err().kind, DecodeErrorKind::Truncated);
    }
}
