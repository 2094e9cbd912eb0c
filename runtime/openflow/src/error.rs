//! What is wrong with bytes that are not the message they claim to be. Knows no version beyond the numbers of the answer.

use std::fmt;

/// `OFPET_BAD_REQUEST` / `OFPBRC_BAD_LEN`: the same numbers in 1.0 and 1.3.
pub(crate) const BAD_LEN: (u16, u16) = (1, 6);

/// Bytes that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The message or structure, by its name in the specification.
    pub what: &'static str,
    /// The field of it.
    pub field: &'static str,
    /// Where in the frame, in bytes from its start.
    pub offset: usize,
    /// What is wrong.
    pub kind: DecodeErrorKind,
    answer: (u16, u16),
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The structure ends before the field does.
    Truncated,
    /// A length that its parent cannot hold or that its type does not have.
    BadLength,
    /// Bytes after the last field.
    Trailing,
    /// The frame is of another version.
    BadVersion,
    /// A type that the version does not know.
    BadType,
    /// A value outside the field's range.
    BadValue,
    /// A mask on a field that has none, or one that does not cover the value.
    BadMask,
    /// A match field without the field that it needs.
    Prerequisite,
    /// The same match field twice.
    Duplicate,
    /// Well formed, but of a class or kind that is not spoken here.
    Unsupported,
}

/// A message that is longer than the 65,535 bytes which a header can tell; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// Its length in bytes.
    pub length: usize,
}

impl DecodeError {
    pub(crate) fn new(what: &'static str, field: &'static str, offset: usize, kind: DecodeErrorKind, answer: (u16, u16)) -> Self {
        DecodeError { what, field, offset, kind, answer }
    }

    /// The type and code of the `OFPT_ERROR` to answer with, in the version that was decoded.
    #[must_use]
    pub fn answer(&self) -> (u16, u16) {
        self.answer
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeErrorKind::Truncated => "ends too early",
            DecodeErrorKind::BadLength => "has a wrong length",
            DecodeErrorKind::Trailing => "is followed by bytes that do not belong to it",
            DecodeErrorKind::BadVersion => "is of another version",
            DecodeErrorKind::BadType => "is unknown",
            DecodeErrorKind::BadValue => "is out of range",
            DecodeErrorKind::BadMask => "has a wrong mask",
            DecodeErrorKind::Prerequisite => "lacks the field that it needs",
            DecodeErrorKind::Duplicate => "occurs twice",
            DecodeErrorKind::Unsupported => "is not supported",
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` at byte {} {}", self.what, self.field, self.offset, self.kind)
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message of {} bytes exceeds OpenFlow's 65535", self.length)
    }
}

impl std::error::Error for EncodeError {}
