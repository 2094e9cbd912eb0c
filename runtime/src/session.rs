//! One connection to a switch, from its first byte to its end. Knows nothing of what the switch is used for.
//!
//! ```text
//!            HELLO            FEATURES_REPLY            ports            admitted          entries
//!  AwaitHello ──▶ AwaitFeatures ──▶ AwaitPorts (1.3 only) ──▶ Pending ──────────▶ AwaitFlows ──▶ Up
//!      └── each step within the deadline, nothing out of turn: else the connection ends ──┘   ▲      │ another is the
//!                                                                        the role is back └─ Standby ◀┘ master (1.3 only)
//! ```

mod capabilities;
mod input;
mod latency;
mod role;
mod sent;
mod verify;
mod voice;

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use net::{Dpid, PortNo, Time};
use openflow::{DecodeError, Header, Hello, OFPT_HELLO, negotiate, split_frame};

pub use capabilities::Capabilities;
pub use role::Demotion;
pub(crate) use voice::Voice;

use crate::controller::PORTS_LIMIT;
use crate::dialect::{
    self, Failing, Features, FromSwitch, GroupId, Inexpressible, MeterId, PacketIn, PortState, Present, Question, Subject,
    ToSwitch, Version,
};
use crate::effect::{ConnId, Effects, Peer};
use crate::event::SessionEnd;
use crate::meters::Pace;
use crate::record::{FlowId, Way};
use crate::settings::Settings;
use latency::Latency;
use sent::Sent;
use verify::Verifying;

/// Malformed messages that one connection may send before it ends.
const MALFORMED_LIMIT: u32 = 16;
/// Meters of one switch, and groups, that are read when it connects.
const METERS_LIMIT: usize = 262_144;
/// Entries of one switch that are read when it connects.
const FLOWS_LIMIT: usize = 2_000_000;

/// One connection.
#[derive(Debug)]
pub struct Session {
    conn: ConnId,
    input: BytesMut,
    stage: Stage,
    since: Time,
    heard: Time,
    asked: u32,
    /// The transaction of the request whose parts are awaited.
    request: u32,
    /// That of the question which meters it has.
    meters_request: u32,
    /// That of the question which groups it has.
    groups_request: u32,
    next_xid: u32,
    malformed: u32,
    barriers: VecDeque<(u32, Way, Time)>,
    sent: Sent,
    capabilities: Capabilities,
    peer: Peer,
    /// It was asked to show that it lives, then.
    proving: Option<Time>,
    /// It was asked what it holds, while it is in use.
    verifying: Option<Verifying>,
    latency: Latency,
}

#[derive(Debug)]
enum Stage {
    AwaitHello,
    AwaitFeatures(Version),
    AwaitPorts(Version, Dpid, Vec<PortState>),
    Pending(Version, Dpid),
    AwaitFlows(Version, Dpid, Box<Held>),
    Up(Version, Dpid),
    Standby(Version, Dpid),
}

/// What a switch held when it was admitted.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Its meters, with their rates.
    pub meters: Vec<FoundMeter>,
    /// Its groups, with their ports.
    pub groups: Vec<FoundGroup>,
    /// Its entries.
    pub flows: Vec<Present>,
}

/// A group that a switch has, with its ports if it is of the kind that we make.
type FoundGroup = (GroupId, Option<[PortNo; 2]>);

/// A meter that a switch has, with its rate if it is of the kind that we make.
type FoundMeter = (MeterId, Option<Pace>);

/// What a session tells the controller.
#[derive(Debug)]
pub enum Said {
    /// The switch has introduced itself.
    Introduced(Dpid, Vec<PortState>),
    /// The meters and entries that it held when it was admitted.
    Holds(Dpid, Box<Held>),
    /// It is in use, and says this.
    PacketIn(Dpid, PacketIn),
    /// A port changed.
    PortStatus(Dpid, PortState, bool),
    /// The entries that it holds, while it is in use.
    Verified(Dpid, Vec<Present>),
    /// An entry is gone.
    FlowRemoved(Dpid, FlowRemoved),
    /// A barrier asked for by this way was passed.
    Passed(Way),
    /// The switch could not do something.
    Failed(Failure),
    /// Another controller is the master of the switch: nothing may be installed until the role is back.
    Standby {
        /// Which.
        dpid: Dpid,
        /// How it showed; nothing if that was told before.
        why: Option<Demotion>,
        /// The flow that something was to be installed for.
        flow: Option<FlowId>,
    },
}

/// What a switch could not do.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The transaction.
    pub xid: u32,
    /// In OpenFlow's words.
    pub error: String,
    /// What it was asked to do, if that is known.
    pub subject: Option<Subject>,
    /// The flow that it was for, if it was for one.
    pub flow: Option<FlowId>,
    /// A table has no room for it.
    pub full: bool,
}

/// An entry that is gone.
#[derive(Clone, Copy, Debug)]
pub struct FlowRemoved {
    /// Its cookie.
    pub cookie: u64,
    /// Its priority.
    pub priority: u16,
    /// What it matched.
    pub region: Option<net::FlowMatch>,
    /// It was deleted, not timed out.
    pub deleted: bool,
}

impl Session {
    /// A new connection: greets at once.
    pub fn open(conn: ConnId, peer: Peer, now: Time, out: &mut Effects) -> Session {
        let mut session = Session {
            conn,
            input: BytesMut::new(),
            stage: Stage::AwaitHello,
            since: now,
            heard: now,
            asked: 0,
            request: 0,
            meters_request: 0,
            groups_request: 0,
            next_xid: 1,
            malformed: 0,
            barriers: VecDeque::new(),
            sent: Sent::default(),
            capabilities: Capabilities::default(),
            peer,
            proving: None,
            verifying: None,
            latency: Latency::default(),
        };
        let xid = session.xid();
        let hello = Hello::offering(Version::OFFERED);
        if hello.encode(xid, out.buffer(conn)).is_err() {
            session.since = Time(0);
        }
        session
    }

    /// Which switch it is, once it told.
    #[must_use]
    pub fn dpid(&self) -> Option<Dpid> {
        match self.stage {
            Stage::AwaitHello | Stage::AwaitFeatures(_) => None,
            Stage::AwaitPorts(_, dpid, _)
            | Stage::Pending(_, dpid)
            | Stage::AwaitFlows(_, dpid, ..)
            | Stage::Up(_, dpid)
            | Stage::Standby(_, dpid) => Some(dpid),
        }
    }

    /// True while it takes flows.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up(..))
    }

    /// True while it is held because nobody admitted it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Pending(..))
    }

    /// The version spoken, once it is agreed.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self.stage {
            Stage::AwaitHello => None,
            Stage::AwaitFeatures(version)
            | Stage::AwaitPorts(version, ..)
            | Stage::Pending(version, _)
            | Stage::AwaitFlows(version, ..)
            | Stage::Up(version, _)
            | Stage::Standby(version, _) => Some(version),
        }
    }

    /// Who is at the far end.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// What the switch can do, as far as it told.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// When anything last came from the switch.
    #[must_use]
    pub fn last_heard(&self) -> Time {
        self.heard
    }

    /// The next thing that the bytes so far say. Answers to the switch itself are written on the way.
    ///
    /// # Errors
    /// The connection must end, for the reason given; the parting message is written.
    pub fn next(&mut self, settings: &Settings, now: Time, out: &mut Effects) -> Result<Option<Said>, SessionEnd> {
        loop {
            let frame = match split_frame(&mut self.input) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.broken(&error, &self.input.clone().freeze(), out)),
            };
            // Only whole messages are signs of life: one that never ends is none.
            self.heard = now;
            self.asked = 0;
            self.proving = None;
            if let Some(said) = self.frame(&frame, settings, now, out)? {
                return Ok(Some(said));
            }
        }
    }

    fn frame(&mut self, frame: &Bytes, settings: &Settings, now: Time, out: &mut Effects) -> Result<Option<Said>, SessionEnd> {
        let Some(header) = Header::read(frame) else { return Err(SessionEnd::Malformed("a header".into())) };
        let Some(version) = self.version() else { return self.hello(header, frame, now, out).map(|()| None) };
        if header.version != version.wire() {
            // OFPET_BAD_REQUEST (1), OFPBRC_BAD_VERSION (0), the same in both versions.
            self.error(version, header.xid, (1, 0), frame, out);
            return Err(SessionEnd::Malformed(format!("version {:#04x} after {version} was agreed", header.version)));
        }
        if header.kind == OFPT_HELLO {
            return Ok(None);
        }
        match dialect::decode(version, frame) {
            Ok((xid, message)) => self.message(version, xid, message, settings, now, out),
            Err(error) => {
                self.error(version, header.xid, error.answer(), frame, out);
                self.malformed += 1;
                // An answer that cannot be read is as good as none.
                let optional = self.capabilities.refused(header.xid);
                let fatal = !optional && self.is_greeting();
                if fatal || self.malformed >= MALFORMED_LIMIT { Err(SessionEnd::Malformed(error.to_string())) } else { Ok(None) }
            }
        }
    }

    fn hello(&mut self, header: Header, frame: &Bytes, now: Time, out: &mut Effects) -> Result<(), SessionEnd> {
        if header.kind != OFPT_HELLO {
            return Err(SessionEnd::Unexpected("anything before HELLO"));
        }
        let hello = Hello::decode(frame).map_err(|error| self.broken(&error, frame, out))?.1;
        let agreed = negotiate(Version::OFFERED, &hello).and_then(Version::from_wire);
        let Some(version) = agreed else {
            let spoken = if hello.version < Version::V13.wire() { Version::V10 } else { Version::V13 };
            let xid = self.xid();
            let _ = dialect::encode(spoken, xid, &ToSwitch::HelloFailed, out.buffer(self.conn));
            return Err(SessionEnd::Version);
        };
        self.enter(Stage::AwaitFeatures(version), now);
        self.say(&ToSwitch::FeaturesRequest, out);
        Ok(())
    }

    fn message(
        &mut self,
        version: Version,
        xid: u32,
        message: FromSwitch,
        settings: &Settings,
        now: Time,
        out: &mut Effects,
    ) -> Result<Option<Said>, SessionEnd> {
        match message {
            FromSwitch::EchoRequest(payload) => {
                let _ = dialect::encode(version, xid, &ToSwitch::EchoReply(payload), out.buffer(self.conn));
                Ok(None)
            }
            FromSwitch::Features(features) => self.features(version, features, settings, now, out),
            FromSwitch::Ports { ports, more } if xid == self.request => self.ports(version, ports, more, now),
            FromSwitch::Meters { meters, .. } if xid == self.meters_request => self.meters(meters),
            FromSwitch::Groups { groups, .. } if xid == self.groups_request => self.groups(groups),
            FromSwitch::Flows { flows, more } if xid == self.request => self.flows(version, flows, more, now),
            FromSwitch::Flows { flows, more } => Ok(self.verified(xid, flows, more)),
            FromSwitch::Told(answer) => {
                if self.capabilities.answered(xid, answer) && matches!(self.stage, Stage::AwaitFlows(..)) {
                    self.since = now;
                }
                Ok(None)
            }
            FromSwitch::BarrierReply => Ok(self.passed(xid)),
            FromSwitch::Role(role) => Ok(self.role_told(role, settings, now, out)),
            FromSwitch::Error { text, kind } => Ok(self.failed(xid, text, kind, now)),
            FromSwitch::PacketIn(packet) => Ok(self.up().map(|dpid| Said::PacketIn(dpid, packet))),
            FromSwitch::PortStatus { port, deleted } => Ok(self.dpid().map(|dpid| Said::PortStatus(dpid, port, deleted))),
            FromSwitch::FlowRemoved { cookie, priority, region, deleted } => {
                Ok(self.up().map(|dpid| Said::FlowRemoved(dpid, FlowRemoved { cookie, priority, region, deleted })))
            }
            FromSwitch::EchoReply => {
                self.echo_answered(xid, settings, now, out);
                Ok(None)
            }
            FromSwitch::Ports { .. } | FromSwitch::Meters { .. } | FromSwitch::Groups { .. } | FromSwitch::Other => Ok(None),
        }
    }

    fn features(
        &mut self,
        version: Version,
        features: Features,
        settings: &Settings,
        now: Time,
        out: &mut Effects,
    ) -> Result<Option<Said>, SessionEnd> {
        if !matches!(self.stage, Stage::AwaitFeatures(_)) {
            // A second FEATURES_REPLY must not rename the switch: the old state stays.
            return match self.dpid() {
                Some(dpid) if dpid == features.dpid => Ok(None),
                _ => Err(SessionEnd::Unexpected("a FEATURES_REPLY with another dpid")),
            };
        }
        if features.auxiliary != 0 {
            return Err(SessionEnd::Auxiliary);
        }
        self.capabilities = Capabilities::of(&features);
        self.say(&ToSwitch::SetConfig { miss_send_len: settings.miss_send_len }, out);
        if let Some(ports) = features.ports {
            self.enter(Stage::Pending(version, features.dpid), now);
            return Ok(Some(Said::Introduced(features.dpid, ports)));
        }
        self.enter(Stage::AwaitPorts(version, features.dpid, Vec::new()), now);
        self.request = self.next_xid;
        self.say(&ToSwitch::PortsRequest, out);
        Ok(None)
    }

    fn ports(&mut self, version: Version, mut part: Vec<PortState>, more: bool, now: Time) -> Result<Option<Said>, SessionEnd> {
        let Stage::AwaitPorts(_, dpid, ports) = &mut self.stage else { return Ok(None) };
        ports.append(&mut part);
        if ports.len() > PORTS_LIMIT {
            return Err(SessionEnd::Unexpected("more ports than a switch can have"));
        }
        if more {
            return Ok(None);
        }
        let (dpid, ports) = (*dpid, std::mem::take(ports));
        self.enter(Stage::Pending(version, dpid), now);
        Ok(Some(Said::Introduced(dpid, ports)))
    }

    fn meters(&mut self, mut part: Vec<FoundMeter>) -> Result<Option<Said>, SessionEnd> {
        let Stage::AwaitFlows(_, _, held) = &mut self.stage else { return Ok(None) };
        held.meters.append(&mut part);
        if held.meters.len() > METERS_LIMIT { Err(SessionEnd::Unexpected("more meters than are read")) } else { Ok(None) }
    }

    fn groups(&mut self, mut part: Vec<FoundGroup>) -> Result<Option<Said>, SessionEnd> {
        let Stage::AwaitFlows(_, _, held) = &mut self.stage else { return Ok(None) };
        held.groups.append(&mut part);
        if held.groups.len() > METERS_LIMIT { Err(SessionEnd::Unexpected("more groups than are read")) } else { Ok(None) }
    }

    fn flows(&mut self, version: Version, mut part: Vec<Present>, more: bool, now: Time) -> Result<Option<Said>, SessionEnd> {
        let Stage::AwaitFlows(_, dpid, held) = &mut self.stage else { return Ok(None) };
        let progress = !part.is_empty();
        held.flows.append(&mut part);
        if held.flows.len() > FLOWS_LIMIT {
            return Err(SessionEnd::Unexpected("more entries than are read"));
        }
        if more {
            if progress {
                self.since = now;
            }
            return Ok(None);
        }
        let (dpid, held) = (*dpid, std::mem::take(held));
        self.enter(Stage::Up(version, dpid), now);
        Ok(Some(Said::Holds(dpid, held)))
    }

    /// The switch is one of ours: asks what it can do and what it holds. What it says until then is not acted on. The
    /// entries come last: what was not answered until then is taken for missing until it is.
    pub fn admit(&mut self, settings: &Settings, now: Time, out: &mut Effects) {
        if let Stage::Pending(version, dpid) | Stage::Standby(version, dpid) = self.stage {
            self.enter(Stage::AwaitFlows(version, dpid, Box::default()), now);
            self.ask_role(settings, out);
            self.say(&ToSwitch::Asynchronous, out);
            for question in Question::EVERY {
                let xid = self.next_xid;
                if self.say(&ToSwitch::Ask(question), out) {
                    self.capabilities.asked(xid, question);
                }
            }
            self.meters_request = self.next_xid;
            self.say(&ToSwitch::MetersRequest, out);
            // Who uses no groups makes none, and need not know.
            if settings.failover {
                self.groups_request = self.next_xid;
                self.say(&ToSwitch::GroupsRequest, out);
            }
            self.request = self.next_xid;
            self.say(&ToSwitch::FlowsRequest, out);
        }
    }

    /// The switch is no longer one of ours: it is held, and gets nothing more.
    pub fn suspend(&mut self, now: Time) {
        if let Stage::Up(version, dpid) | Stage::AwaitFlows(version, dpid, ..) | Stage::Standby(version, dpid) = self.stage {
            self.enter(Stage::Pending(version, dpid), now);
        }
    }

    /// Says something. False if the version cannot say it.
    pub fn say(&mut self, message: &ToSwitch<'_>, out: &mut Effects) -> bool {
        self.tell(None, message, out).is_ok()
    }

    /// Says something for a flow, so that an error in answer can be tied to it.
    ///
    /// # Errors
    /// The version cannot say it, or none is agreed yet.
    pub fn say_for(&mut self, flow: FlowId, message: &ToSwitch<'_>, out: &mut Effects) -> Result<(), Inexpressible> {
        self.tell(Some(flow), message, out)
    }

    fn tell(&mut self, flow: Option<FlowId>, message: &ToSwitch<'_>, out: &mut Effects) -> Result<(), Inexpressible> {
        let version = self.version().ok_or(Inexpressible)?;
        dialect::encode(version, self.next_xid, message, out.buffer(self.conn))?;
        let xid = self.xid();
        self.sent.remember(xid, Subject::of(message), flow);
        Ok(())
    }

    /// Asks for a barrier on behalf of a flow's present way.
    pub fn barrier(&mut self, way: Way, now: Time, out: &mut Effects) {
        let xid = self.next_xid;
        if self.tell(Some(way.id), &ToSwitch::Barrier, out).is_ok() {
            self.barriers.push_back((xid, way, now));
        }
    }

    /// Looks at the clock: asks for signs of life.
    ///
    /// # Errors
    /// The switch is overdue with a step of the handshake, a barrier or any sign of life.
    pub fn tick(&mut self, settings: &Settings, now: Time, out: &mut Effects) -> Result<(), SessionEnd> {
        if self.is_greeting() {
            let overdue = now.since(self.since) >= settings.handshake_deadline;
            return if overdue { Err(SessionEnd::HandshakeTimeout) } else { Ok(()) };
        }
        if self.barriers.front().is_some_and(|(_, _, asked)| now.since(*asked) >= settings.handshake_deadline) {
            return Err(SessionEnd::Silent);
        }
        let unproved = self.proving.is_some_and(|asked| now.since(asked) >= settings.echo_interval);
        if self.asked >= 3 || unproved {
            return Err(SessionEnd::Silent);
        }
        if matches!(self.stage, Stage::Standby(..)) && now.since(self.since) >= settings.echo_interval {
            self.since = now;
            self.ask_role(settings, out);
        }
        if now.since(self.heard) >= settings.echo_interval * (self.asked + 1) {
            self.asked += 1;
            self.say(&ToSwitch::EchoRequest, out);
        }
        if let Some(dpid) = self.up() {
            self.look_at_latency(dpid, settings, now, out);
        }
        Ok(())
    }

    /// True in a step of the handshake that must not take long.
    fn is_greeting(&self) -> bool {
        match self.stage {
            Stage::AwaitHello | Stage::AwaitFeatures(_) | Stage::AwaitPorts(..) | Stage::AwaitFlows(..) => true,
            Stage::Pending(..) | Stage::Up(..) | Stage::Standby(..) => false,
        }
    }

    fn up(&self) -> Option<Dpid> {
        if let Stage::Up(_, dpid) = self.stage { Some(dpid) } else { None }
    }

    fn passed(&mut self, xid: u32) -> Option<Said> {
        let place = self.barriers.iter().position(|(asked, ..)| *asked == xid)?;
        let (_, way, _) = self.barriers.remove(place)?;
        Some(Said::Passed(way))
    }

    /// The switch could not do something. That it does not answer what it need not is no failure.
    fn failed(&mut self, xid: u32, error: String, kind: Failing, now: Time) -> Option<Said> {
        if self.capabilities.refused(xid) {
            return None;
        }
        self.barriers.retain(|(asked, ..)| *asked != xid);
        let (subject, flow) = self.sent.find(xid).map_or((None, None), |(subject, flow)| (Some(subject), flow));
        match (kind, subject) {
            (Failing::Slave, _) => self.demoted(Demotion::Refused, flow, now),
            (Failing::Stale, Some(Subject::Role)) => self.demoted(Demotion::Stale, None, now),
            // It knows no roles, so that nobody else can have another; or always sends all.
            (
                Failing::Stale | Failing::Full | Failing::Other,
                Some(Subject::Role | Subject::Asynchronous | Subject::Meters | Subject::Groups),
            ) => None,
            (Failing::Stale | Failing::Full | Failing::Other, _) => {
                let full = kind == Failing::Full && subject == Some(Subject::Entry);
                Some(Said::Failed(Failure { xid, error, subject, flow, full }))
            }
        }
    }

    fn broken(&mut self, error: &DecodeError, frame: &Bytes, out: &mut Effects) -> SessionEnd {
        let version = self.version().unwrap_or(Version::V13);
        self.error(version, 0, error.answer(), frame, out);
        SessionEnd::Malformed(error.to_string())
    }

    /// Answers with an OFPT_ERROR that quotes at least 64 bytes of the offending message (OpenFlow 1.3.5 §7.5.4).
    fn error(&self, version: Version, xid: u32, (kind, code): (u16, u16), frame: &Bytes, out: &mut Effects) {
        let offending = frame.get(..frame.len().min(64)).unwrap_or_default();
        let _ = dialect::encode(version, xid, &ToSwitch::Error { kind, code, offending }, out.buffer(self.conn));
    }

    fn enter(&mut self, stage: Stage, now: Time) {
        self.stage = stage;
        self.since = now;
    }

    fn xid(&mut self) -> u32 {
        let xid = self.next_xid;
        self.next_xid = self.next_xid.checked_add(1).unwrap_or(1);
        xid
    }
}
