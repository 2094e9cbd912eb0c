//! What we mean, in the words of the OpenFlow version that a switch speaks: the one place where policy's entries and OpenFlow meet,
//! and the only one that looks at a version. Knows nothing of sessions or decisions.

mod abilities;
pub mod ofctl;
mod subject;
mod v10;
mod v13;

use std::cell::Cell;
use std::fmt;

use bytes::{Bytes, BytesMut};
use net::{Dpid, FlowMatch, MacAddr, PortNo, VlanId};
use openflow::{DecodeError, ExactEntry, Release};
use smallvec::SmallVec;

use crate::install::Slot;
use crate::meters::Pace;

pub use abilities::{Answer, Description, GroupKind, Groups, Meters, Question, Room};
pub use subject::Subject;

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
    /// Its meters; more follow if so marked.
    Meters {
        /// Each with its rate, if it is of the kind that we make.
        meters: Vec<(MeterId, Option<Pace>)>,
        /// Another part follows.
        more: bool,
    },
    /// Its groups; more follow if so marked.
    Groups {
        /// Each with its ports, if it is of the kind that we make.
        groups: Vec<(GroupId, Option<[PortNo; 2]>)>,
        /// Another part follows.
        more: bool,
    },
    /// What it says to a question about itself.
    Told(Answer),
    /// The role that we have with it.
    Role(Role),
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
        /// What follows from it.
        kind: Failing,
    },
    /// Something that we did not ask for and need not know.
    Other,
}

/// What a controller may do with a switch (OpenFlow 1.3.5 §6.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What all others that are equal may do.
    Equal,
    /// Alone, it may change entries.
    Master,
    /// It may look.
    Slave,
}

/// Kinds of errors that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// We may only look: another is the master.
    Slave,
    /// A master with a newer generation has been there.
    Stale,
    /// Anything else.
    Other,
    /// A table has no room for another entry.
    Full,
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
    /// Packets that it can hold back.
    pub buffers: u32,
    /// How many tables it has.
    pub tables: u8,
    /// The bits of `ofp_capabilities`.
    pub capabilities: u32,
    /// Bit `n` says that it has the action of type `n`, where the version tells that here.
    pub actions: Option<u32>,
}

/// A port and whether it can carry packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortState {
    /// Its number.
    pub port: PortNo,
    /// It has a carrier and is not administratively down.
    pub up: bool,
    /// Its own MAC address.
    pub mac: MacAddr,
}

/// A packet that a switch sends up.
#[derive(Clone, Debug)]
pub struct PacketIn {
    /// Where it came in.
    pub in_port: PortNo,
    /// Where the switch keeps it, if it does; taken by whoever sends it on.
    pub buffer: Cell<Option<u32>>,
    /// The packet, or its beginning.
    pub frame: Bytes,
    /// It is the whole packet.
    pub whole: bool,
}

/// A packet that a switch sends up, in the bytes of its message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance<'a> {
    /// Where it came in.
    pub(crate) in_port: PortNo,
    /// Where the switch keeps it, if it does.
    pub(crate) buffer: Option<u32>,
    /// The packet, or its beginning.
    pub(crate) frame: &'a [u8],
    /// It is the whole packet.
    pub(crate) whole: bool,
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
    /// Packets that it has carried.
    pub packets: u64,
    /// What it matches, if that can be expressed.
    pub region: Option<FlowMatch>,
    /// What it does, if that can be expressed.
    pub actions: Option<Actions>,
    /// What it matches in the words of its switch, where it is not an entry of the form that we make.
    pub foreign: Option<WireMatch>,
}

impl Present {
    /// Where it is, if that can be expressed.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        self.region.map(|region| Slot { region, priority: self.priority })
    }
}

/// A match in the words of a version, kept to take out an entry that ours cannot express.
#[derive(Clone, Debug)]
pub enum WireMatch {
    /// Of OpenFlow 1.0.
    V10(openflow::v10::Match),
    /// Of OpenFlow 1.3.
    V13(Box<openflow::v13::Match>),
}

/// One thing that an entry does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Out of a port that it did not come in on.
    Output(PortNo),
    /// Back where it came from.
    Return,
    /// To us, whole.
    Controller,
    /// Put a VLAN tag on a frame that has none.
    Tag(VlanId),
    /// Put another VLAN into the tag that is there.
    Retag(VlanId),
    /// Take the VLAN tag off.
    Untag,
    /// Let what is output behind this wait in a queue of its port.
    Queue(u32),
    /// Drop it if it exceeds a rate; stands before everything else.
    Meter(MeterId),
    /// To the first port of the group that is alive.
    Group(GroupId),
}

/// What an entry does with a packet, in order. Nothing: drop.
pub type Actions = SmallVec<[Action; 2]>;

/// A meter of one switch, 1 to 0xffff0000 (OpenFlow 1.3.5 §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterId(pub u32);

/// A group of one switch, 0 to 0xffffff00 (OpenFlow 1.3.5 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

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
    /// What are you, and what can you do? Nothing, where the version has no such question.
    Ask(Question),
    /// Which role have we? With a generation: we are to be the master. Nothing, where the version has no roles.
    Role {
        /// Ours, which grows from start to start.
        claim: Option<u64>,
    },
    /// Send of your own accord what we use, and no more. Nothing, where the version always sends all.
    Asynchronous,
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
    /// Count packets by a new meter, and drop what exceeds the rate.
    AddMeter {
        /// Which.
        id: MeterId,
        /// The rate.
        pace: Pace,
    },
    /// Another rate for a meter that is there.
    ChangeMeter {
        /// Which.
        id: MeterId,
        /// The rate.
        pace: Pace,
    },
    /// Take a meter out.
    DeleteMeter {
        /// Which.
        id: MeterId,
    },
    /// Which meters have you?
    MetersRequest,
    /// Send what comes to a new group out of the first of these ports that is alive.
    AddGroup {
        /// Which.
        id: GroupId,
        /// The ports.
        ports: [PortNo; 2],
    },
    /// The same with a group that is there.
    ChangeGroup {
        /// Which.
        id: GroupId,
        /// The ports.
        ports: [PortNo; 2],
    },
    /// Take a group out.
    DeleteGroup {
        /// Which.
        id: GroupId,
    },
    /// Which groups have you?
    GroupsRequest,
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

/// Reads a packet-in, of which this is the whole message, in place. Nothing for what is not as almost all are: [`decode`] says what it
/// is.
pub(crate) fn glance(version: Version, frame: &[u8]) -> Option<Glance<'_>> {
    let read = match version {
        Version::V10 => openflow::v10::glance(frame),
        Version::V13 => openflow::v13::glance(frame),
    };
    let openflow::Glance { in_port, buffer_id, total_len, data } = read?;
    let buffer = (buffer_id != openflow::v13::OFP_NO_BUFFER).then_some(buffer_id);
    Some(Glance { in_port, buffer, frame: data, whole: data.len() >= usize::from(total_len) })
}

/// Writes the entry of one flow. Nothing if the version cannot say it, and then nothing is written.
pub(crate) fn add_exact(version: Version, xid: u32, entry: &ExactEntry<'_>, out: &mut BytesMut) -> Option<()> {
    match version {
        Version::V10 => openflow::v10::add_exact(entry, xid, out),
        Version::V13 => openflow::v13::add_exact(entry, xid, out),
    }
}

/// Sends a packet on from port to port: the one that the switch keeps, or this. Nothing if the version cannot say it, and then nothing is written.
pub(crate) fn release(
    version: Version,
    xid: u32,
    ((in_port, out_port), buffer, data): ((PortNo, PortNo), Option<u32>, &[u8]),
    out: &mut BytesMut,
) -> Option<()> {
    let packet = Release { in_port, out_port, buffer_id: buffer.unwrap_or(openflow::v13::OFP_NO_BUFFER), data };
    match version {
        Version::V10 => openflow::v10::release(&packet, xid, out),
        Version::V13 => openflow::v13::release(&packet, xid, out),
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

/// True if the version can match exactly this region.
#[must_use]
pub fn can_match(version: Version, region: &FlowMatch) -> bool {
    match version {
        Version::V10 => openflow::v10::Match::from_flow(region).is_some(),
        Version::V13 => openflow::v13::Match::from_flow(region).is_some(),
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
