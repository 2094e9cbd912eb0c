//! Error messages of OpenFlow 1.0.1 §5.4.4: the table of types and codes, and the message.

use std::fmt;

use bytes::Bytes;

use crate::cursor::{Reader, Writer, error_table};
use crate::error::DecodeError;

error_table! {
    HELLO_FAILED = 0, HelloFailed "OFPHFC_" { INCOMPATIBLE = 0, EPERM = 1 };
    BAD_REQUEST = 1, BadRequest "OFPBRC_" {
        BAD_VERSION = 0, BAD_TYPE = 1, BAD_STAT = 2, BAD_VENDOR = 3, BAD_SUBTYPE = 4, EPERM = 5, BAD_LEN = 6, BUFFER_EMPTY = 7,
        BUFFER_UNKNOWN = 8,
    };
    BAD_ACTION = 2, BadAction "OFPBAC_" {
        BAD_TYPE = 0, BAD_LEN = 1, BAD_VENDOR = 2, BAD_VENDOR_TYPE = 3, BAD_OUT_PORT = 4, BAD_ARGUMENT = 5, EPERM = 6, TOO_MANY = 7,
        BAD_QUEUE = 8,
    };
    FLOW_MOD_FAILED = 3, FlowModFailed "OFPFMFC_" {
        ALL_TABLES_FULL = 0, OVERLAP = 1, EPERM = 2, BAD_EMERG_TIMEOUT = 3, BAD_COMMAND = 4, UNSUPPORTED = 5,
    };
    PORT_MOD_FAILED = 4, PortModFailed "OFPPMFC_" { BAD_PORT = 0, BAD_HW_ADDR = 1 };
    QUEUE_OP_FAILED = 5, QueueOpFailed "OFPQOFC_" { BAD_PORT = 0, BAD_QUEUE = 1, EPERM = 2 };
    + VENDOR = 0xb0c2
}

/// An error that this version has no number for (`nx_vendor_error`): Open vSwitch sends its own, and those of later versions, as
/// code 0 of the type `VENDOR`, which the specification does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorError {
    /// Whose error it is.
    pub vendor: u32,
    /// The vendor's type.
    pub kind: u16,
    /// The vendor's code.
    pub code: u16,
}

/// `ofp_error_msg`. Shown as `FLOW_MOD_FAILED/ALL_TABLES_FULL`.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// The type.
    pub kind: ErrorType,
    /// The code, whose meaning depends on the type.
    pub code: u16,
    /// At least the first 64 bytes of the message that failed; for `HELLO_FAILED` a text; for `VENDOR` a [`VendorError`] before
    /// them.
    pub data: Bytes,
}

impl Error {
    /// The answer to a message: its first 64 bytes are sent back.
    #[must_use]
    pub fn answering(code: impl Into<(ErrorType, u16)>, frame: &Bytes) -> Error {
        let (kind, code) = code.into();
        Error { kind, code, data: frame.slice(..frame.len().min(64)) }
    }

    /// The answer to a message that could not be decoded.
    #[must_use]
    pub fn undecodable(error: &DecodeError, frame: &Bytes) -> Error {
        let (kind, code) = error.answer();
        Error::answering((ErrorType(kind), code), frame)
    }

    /// What the vendor says, in an error of the type `VENDOR`.
    #[must_use]
    pub fn vendor(&self) -> Option<VendorError> {
        let [v0, v1, v2, v3, k0, k1, c0, c1] = *self.data.first_chunk()?;
        (self.kind == ErrorType::VENDOR && self.code == 0).then_some(VendorError {
            vendor: u32::from_be_bytes([v0, v1, v2, v3]),
            kind: u16::from_be_bytes([k0, k1]),
            code: u16::from_be_bytes([c0, c1]),
        })
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Error, DecodeError> {
        Ok(Error { kind: r.get("type")?, code: r.get("code")?, data: r.rest() })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.kind.0);
        w.put(self.code);
        w.put_slice(&self.data);
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(VendorError { vendor, kind, code }) = self.vendor() {
            return write!(f, "{}/{vendor:#x}/{kind}/{code}", self.kind);
        }
        match code_name(self.kind, self.code) {
            Some(code) => write!(f, "{}/{code}", self.kind),
            None => write!(f, "{}/{}", self.kind, self.code),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} bytes)", self.data.len())
    }
}
