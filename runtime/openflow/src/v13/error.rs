//! Error messages of OpenFlow 1.3.5 §7.4.4: the table of types and codes, and the message.

use std::fmt;

use bytes::Bytes;

use crate::cursor::{Reader, Writer, error_table};
use crate::error::DecodeError;

error_table! {
    HELLO_FAILED = 0, HelloFailed "OFPHFC_" { INCOMPATIBLE = 0, EPERM = 1 };
    BAD_REQUEST = 1, BadRequest "OFPBRC_" {
        BAD_VERSION = 0, BAD_TYPE = 1, BAD_MULTIPART = 2, BAD_EXPERIMENTER = 3, BAD_EXP_TYPE = 4, EPERM = 5, BAD_LEN = 6,
        BUFFER_EMPTY = 7, BUFFER_UNKNOWN = 8, BAD_TABLE_ID = 9, IS_SLAVE = 10, BAD_PORT = 11, BAD_PACKET = 12,
        MULTIPART_BUFFER_OVERFLOW = 13,
    };
    BAD_ACTION = 2, BadAction "OFPBAC_" {
        BAD_TYPE = 0, BAD_LEN = 1, BAD_EXPERIMENTER = 2, BAD_EXP_TYPE = 3, BAD_OUT_PORT = 4, BAD_ARGUMENT = 5, EPERM = 6,
        TOO_MANY = 7, BAD_QUEUE = 8, BAD_OUT_GROUP = 9, MATCH_INCONSISTENT = 10, UNSUPPORTED_ORDER = 11, BAD_TAG = 12,
        BAD_SET_TYPE = 13, BAD_SET_LEN = 14, BAD_SET_ARGUMENT = 15,
    };
    BAD_INSTRUCTION = 3, BadInstruction "OFPBIC_" {
        UNKNOWN_INST = 0, UNSUP_INST = 1, BAD_TABLE_ID = 2, UNSUP_METADATA = 3, UNSUP_METADATA_MASK = 4, BAD_EXPERIMENTER = 5,
        BAD_EXP_TYPE = 6, BAD_LEN = 7, EPERM = 8,
    };
    BAD_MATCH = 4, BadMatch "OFPBMC_" {
        BAD_TYPE = 0, BAD_LEN = 1, BAD_TAG = 2, BAD_DL_ADDR_MASK = 3, BAD_NW_ADDR_MASK = 4, BAD_WILDCARDS = 5, BAD_FIELD = 6,
        BAD_VALUE = 7, BAD_MASK = 8, BAD_PREREQ = 9, DUP_FIELD = 10, EPERM = 11,
    };
    FLOW_MOD_FAILED = 5, FlowModFailed "OFPFMFC_" {
        UNKNOWN = 0, TABLE_FULL = 1, BAD_TABLE_ID = 2, OVERLAP = 3, EPERM = 4, BAD_TIMEOUT = 5, BAD_COMMAND = 6, BAD_FLAGS = 7,
    };
    GROUP_MOD_FAILED = 6, GroupModFailed "OFPGMFC_" {
        GROUP_EXISTS = 0, INVALID_GROUP = 1, WEIGHT_UNSUPPORTED = 2, OUT_OF_GROUPS = 3, OUT_OF_BUCKETS = 4,
        CHAINING_UNSUPPORTED = 5, WATCH_UNSUPPORTED = 6, LOOP = 7, UNKNOWN_GROUP = 8, CHAINED_GROUP = 9, BAD_TYPE = 10,
        BAD_COMMAND = 11, BAD_BUCKET = 12, BAD_WATCH = 13, EPERM = 14,
    };
    PORT_MOD_FAILED = 7, PortModFailed "OFPPMFC_" {
        BAD_PORT = 0, BAD_HW_ADDR = 1, BAD_CONFIG = 2, BAD_ADVERTISE = 3, EPERM = 4,
    };
    TABLE_MOD_FAILED = 8, TableModFailed "OFPTMFC_" { BAD_TABLE = 0, BAD_CONFIG = 1, EPERM = 2 };
    QUEUE_OP_FAILED = 9, QueueOpFailed "OFPQOFC_" { BAD_PORT = 0, BAD_QUEUE = 1, EPERM = 2 };
    SWITCH_CONFIG_FAILED = 10, SwitchConfigFailed "OFPSCFC_" { BAD_FLAGS = 0, BAD_LEN = 1, EPERM = 2 };
    ROLE_REQUEST_FAILED = 11, RoleRequestFailed "OFPRRFC_" { STALE = 0, UNSUP = 1, BAD_ROLE = 2 };
    METER_MOD_FAILED = 12, MeterModFailed "OFPMMFC_" {
        UNKNOWN = 0, METER_EXISTS = 1, INVALID_METER = 2, UNKNOWN_METER = 3, BAD_COMMAND = 4, BAD_FLAGS = 5, BAD_RATE = 6,
        BAD_BURST = 7, BAD_BAND = 8, BAD_BAND_VALUE = 9, OUT_OF_METERS = 10, OUT_OF_BANDS = 11,
    };
    TABLE_FEATURES_FAILED = 13, TableFeaturesFailed "OFPTFFC_" {
        BAD_TABLE = 0, BAD_METADATA = 1, BAD_TYPE = 2, BAD_LEN = 3, BAD_ARGUMENT = 4, EPERM = 5,
    };
    + EXPERIMENTER = 0xffff
}

/// `ofp_error_msg`. Shown as `FLOW_MOD_FAILED/TABLE_FULL`.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// The type.
    pub kind: ErrorType,
    /// The code, whose meaning depends on the type; for `EXPERIMENTER` the experimenter's own type, and the data starts with the
    /// experimenter.
    pub code: u16,
    /// At least the first 64 bytes of the message that failed; for `HELLO_FAILED` a text.
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

    /// Whose error it is, if the type is `EXPERIMENTER`.
    #[must_use]
    pub fn experimenter(&self) -> Option<u32> {
        let number = self.data.first_chunk().copied().map(u32::from_be_bytes);
        number.filter(|_| self.kind == ErrorType::EXPERIMENTER)
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
        if let Some(experimenter) = self.experimenter() {
            return write!(f, "{}/{experimenter:#x}/{}", self.kind, self.code);
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
