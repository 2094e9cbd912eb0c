//! What we mean, in the words of the OpenFlow version that a switch speaks: the one place where policy's entries and OpenFlow meet,
//! and the only one that looks at a version. Knows nothing of sessions or decisions.

mod v10;
mod v13;

use std::fmt;

use bytes::{Bytes, BytesMut};
use net::{Dpid, FlowMatch, PortNo};
use openflow::DecodeError;

/// A version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// OpenFlow 1.0, wire version 0x01.
    V10,
    /// OpenFlow 1.3, wire version 0x04.
    V13,
}

/// What a switch says.
#[derive(Clone, Debug)]
pub enum FromSwitch {
    /// The answer to a features request.
    Features(Features),
    /// Descriptions of its ports; more follow if so marked.
    Ports {
        /// The ports.
        ports: Vec<PortState>,
        /// Another part follows.
        more: bool,
    },
    /// A port came, changed or went.
    PortStatus {
        /// The port as it is now, or was last.
        port: PortState,
        /// It no longer exists.
        deleted: bool,
    },
    /// A packet for us.
    PacketIn(PacketIn),
    /// An entry is gone.
    FlowRemoved {
        /// Its cookie.
        cookie: u64,
        /// Its priority.
        priority: u16,
        /// What it matched, if that can be expressed.
        region: Option<FlowMatch>,
        /// It was deleted, not timed out.
        deleted: bool,
    },
    /// Entries of its tables; more follow if so marked.
    Flows {
        /// The entries.
        flows: Vec<Present>,
        /// Another part follows.
        more: bool,
    },
    /// All before the barrier is done.
    BarrierReply,
    /// It asks whether we live.
    EchoRequest(Bytes),
    /// It lives.
    EchoReply,
    /// It could not do something.
    Error {
        /// In OpenFlow's words.
        text: String,
    },
    /// Something that we did not ask for and need not know.
    Other,
}

/// What a switch tells of itself.
#[derive(Clone, Debug)]
pub struct Features {
    /// Who it is.
    pub dpid: Dpid,
    /// Not zero for an auxiliary connection (OpenFlow 1.3.5 §6.3.7).
    pub auxiliary: u8,
    /// Its ports, where the version tells them here.
    pub ports: Option<Vec<PortState>>,
}

/// A port and whether it can carry packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortState {
    /// Its number.
    pub port: PortNo,
    /// It has a carrier and is not administratively down.
    pub up: bool,
}

/// A packet that a switch sends up.
#[derive(Clone, Debug)]
pub struct PacketIn {
    /// Where it came in.
    pub in_port: PortNo,
    /// Where the switch keeps it, if it does.
    pub buffer: Option<u32>,
    /// The packet, or its beginning.
    pub frame: Bytes,
    /// It is the whole packet.
    pub whole: bool,
}

/// An entry found in a switch.
#[derive(Clone, Debug)]
pub struct Present {
    /// Its table.
    pub table: u8,
    /// Its priority.
    pub priority: u16,
    /// Its cookie.
    pub cookie: u64,
    /// What it matches, if that can be expressed.
    pub region: Option<FlowMatch>,
    /// What it does, if that can be expressed.
    pub actions: Option<Vec<Action>>,
    /// What it matches in the words of its switch, where it is not an entry of the form that we make.
    pub foreign: Option<WireMatch>,
}

/// A match in the words of a version, kept to take out an entry that ours cannot express.
#[derive(Clone, Debug)]
pub enum WireMatch {
    /// Of OpenFlow 1.0.
    V10(openflow::v10::Match),
    /// Of OpenFlow 1.3.
    V13(Box<openflow::v13::Match>),
}

/// What an entry does with a packet. None: drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Out of a port that it did not come in on.
    Output(PortNo),
    /// Back where it came from.
    Return,
    /// To us, whole.
    Controller,
}

/// What is said to a switch.
#[derive(Clone, Debug)]
pub enum ToSwitch<'a> {
    /// No version in common.
    HelloFailed,
    /// Who are you?
    FeaturesRequest,
    /// How much of a packet we want.
    SetConfig {
        /// Bytes.
        miss_send_len: u16,
    },
    /// Which ports have you? Nothing, where the features tell.
    PortsRequest,
    /// Which entries have you?
    FlowsRequest,
    /// Say when all before this is done.
    Barrier,
    /// Are you there?
    EchoRequest,
    /// We are here.
    EchoReply(Bytes),
    /// Put an entry in, or in place of the one with the same match and priority.
    Add(Entry<'a>),
    /// Take out the entry with exactly this match and priority.
    Delete {
        /// What it matches.
        region: FlowMatch,
        /// Its priority.
        priority: u16,
    },
    /// Take out an entry with exactly this match, whatever it is, and this priority.
    DeleteForeign {
        /// Its table.
        table: u8,
        /// What it matches.
        matching: &'a WireMatch,
        /// Its priority.
        priority: u16,
    },
    /// Send a packet out.
    PacketOut {
        /// Where it had come in.
        in_port: Option<PortNo>,
        /// Where the switch keeps it.
        buffer: Option<u32>,
        /// The packet, if the switch does not keep it.
        frame: &'a [u8],
        /// Where to.
        out: &'a [Action],
    },
    /// The answer to what was not understood.
    Error {
        /// Error type of the version.
        kind: u16,
        /// Error code of the type.
        code: u16,
        /// The beginning of the offending message.
        offending: &'a [u8],
    },
}

/// An entry to put in.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What it matches.
    pub region: FlowMatch,
    /// Higher wins.
    pub priority: u16,
    /// What it does.
    pub actions: &'a [Action],
    /// Its provenance.
    pub cookie: u64,
    /// Seconds of silence after which it goes; 0: never.
    pub idle: u16,
    /// Seconds after which it goes; 0: never.
    pub hard: u16,
    /// Tell us when it goes.
    pub notify: bool,
}

/// The version cannot say this: nothing was written, and nothing wider may stand in for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inexpressible;

impl fmt::Display for Inexpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the switch's OpenFlow version cannot match these fields")
    }
}

/// Reads one whole frame.
///
/// # Errors
/// Says what is wrong with it and where.
pub fn decode(version: Version, frame: &Bytes) -> Result<(u32, FromSwitch), DecodeError> {
    match version {
        Version::V10 => v10::decode(frame),
        Version::V13 => v13::decode(frame),
    }
}

/// Writes one message.
///
/// # Errors
/// The version cannot say it.
pub fn encode(version: Version, xid: u32, message: &ToSwitch<'_>, out: &mut BytesMut) -> Result<(), Inexpressible> {
    match version {
        Version::V10 => v10::encode(xid, message, out),
        Version::V13 => v13::encode(xid, message, out),
    }
}

impl Version {
    /// What we offer in HELLO.
    pub const OFFERED: &'static [u8] = &[1, 4];

    /// The version with this wire number.
    #[must_use]
    pub fn from_wire(version: u8) -> Option<Version> {
        match version {
            1 => Some(Version::V10),
            4 => Some(Version::V13),
            _ => None,
        }
    }

    /// True if a switch of this version drops packets that match no entry (OpenFlow 1.3.5 §5.4), and must be told to send them up.
    #[must_use]
    pub fn drops_misses(self) -> bool {
        match self {
            Version::V10 => false,
            Version::V13 => true,
        }
    }

    /// Its number in the header of a message.
    #[must_use]
    pub fn wire(self) -> u8 {
        match self {
            Version::V10 => 1,
            Version::V13 => 4,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V10 => "1.0",
            Version::V13 => "1.3",
        })
    }
}
