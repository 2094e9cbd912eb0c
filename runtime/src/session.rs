//! One connection to a switch, from its first byte to its end. Knows nothing of what the switch is used for.
//!
//! ```text
//!            HELLO            FEATURES_REPLY            ports            admitted          entries
//!  AwaitHello ──▶ AwaitFeatures ──▶ AwaitPorts (1.3 only) ──▶ Pending ──────────▶ AwaitFlows ──▶ Up
//!      └── each step within the deadline, nothing out of turn: else the connection ends ──┘
//! ```

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use net::{Dpid, Time};
use openflow::{DecodeError, Header, Hello, OFPT_HELLO, negotiate, split_frame};

use crate::controller::PORTS_LIMIT;
use crate::dialect::{self, Features, FromSwitch, Inexpressible, PacketIn, PortState, Present, ToSwitch, Version};
use crate::effect::{ConnId, Effects};
use crate::event::SessionEnd;
use crate::record::{FlowId, Way};
use crate::settings::Settings;

/// Flow-mods remembered so that an error can be tied to its flow.
const REMEMBERED: usize = 4096;
/// Malformed messages that one connection may send before it ends.
const MALFORMED_LIMIT: u32 = 16;
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
    next_xid: u32,
    malformed: u32,
    barriers: VecDeque<(u32, Way, Time)>,
    sent: VecDeque<(u32, FlowId)>,
}

#[derive(Debug)]
enum Stage {
    AwaitHello,
    AwaitFeatures(Version),
    AwaitPorts(Version, Dpid, Vec<PortState>),
    Pending(Version, Dpid),
    AwaitFlows(Version, Dpid, Vec<Present>),
    Up(Version, Dpid),
}

/// What a session tells the controller.
#[derive(Debug)]
pub enum Said {
    /// The switch has introduced itself.
    Introduced(Dpid, Vec<PortState>),
    /// The entries that it held when it was admitted.
    Flows(Dpid, Vec<Present>),
    /// It is in use, and says this.
    PacketIn(Dpid, PacketIn),
    /// A port changed.
    PortStatus(Dpid, PortState, bool),
    /// An entry is gone.
    FlowRemoved(Dpid, FlowRemoved),
    /// A barrier asked for by this way was passed.
    Passed(Way),
    /// The switch could not do something, for this flow if it is known.
    Error(u32, String, Option<FlowId>),
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
    pub fn open(conn: ConnId, now: Time, out: &mut Effects) -> Session {
        let mut session = Session {
            conn,
            input: BytesMut::new(),
            stage: Stage::AwaitHello,
            since: now,
            heard: now,
            asked: 0,
            request: 0,
            next_xid: 1,
            malformed: 0,
            barriers: VecDeque::new(),
            sent: VecDeque::new(),
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
            Stage::AwaitPorts(_, dpid, _) | Stage::Pending(_, dpid) | Stage::AwaitFlows(_, dpid, _) | Stage::Up(_, dpid) => {
                Some(dpid)
            }
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
            | Stage::Up(version, _) => Some(version),
        }
    }

    /// When anything last came from the switch.
    #[must_use]
    pub fn last_heard(&self) -> Time {
        self.heard
    }

    /// Takes in bytes; [`Session::next`] tells what they say.
    pub fn receive(&mut self, bytes: BytesMut) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input.extend_from_slice(&bytes);
        }
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
                let fatal = !self.is_up() && !self.is_pending();
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
            FromSwitch::Flows { flows, more } if xid == self.request => self.flows(version, flows, more, now),
            FromSwitch::BarrierReply => Ok(self.passed(xid)),
            FromSwitch::Error { text } => Ok(Some(Said::Error(xid, text, self.flow_of(xid)))),
            FromSwitch::PacketIn(packet) => Ok(self.up().map(|dpid| Said::PacketIn(dpid, packet))),
            FromSwitch::PortStatus { port, deleted } => Ok(self.dpid().map(|dpid| Said::PortStatus(dpid, port, deleted))),
            FromSwitch::FlowRemoved { cookie, priority, region, deleted } => {
                Ok(self.up().map(|dpid| Said::FlowRemoved(dpid, FlowRemoved { cookie, priority, region, deleted })))
            }
            FromSwitch::Ports { .. } | FromSwitch::Flows { .. } | FromSwitch::EchoReply | FromSwitch::Other => Ok(None),
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

    fn flows(&mut self, version: Version, mut part: Vec<Present>, more: bool, now: Time) -> Result<Option<Said>, SessionEnd> {
        let Stage::AwaitFlows(_, dpid, flows) = &mut self.stage else { return Ok(None) };
        let progress = !part.is_empty();
        flows.append(&mut part);
        if flows.len() > FLOWS_LIMIT {
            return Err(SessionEnd::Unexpected("more entries than are read"));
        }
        if more {
            if progress {
                self.since = now;
            }
            return Ok(None);
        }
        let (dpid, flows) = (*dpid, std::mem::take(flows));
        self.enter(Stage::Up(version, dpid), now);
        Ok(Some(Said::Flows(dpid, flows)))
    }

    /// The switch is one of ours: asks which entries it holds. What it says until then is not acted on.
    pub fn admit(&mut self, now: Time, out: &mut Effects) {
        if let Stage::Pending(version, dpid) = self.stage {
            self.enter(Stage::AwaitFlows(version, dpid, Vec::new()), now);
            self.request = self.next_xid;
            self.say(&ToSwitch::FlowsRequest, out);
        }
    }

    /// The switch is no longer one of ours: it is held, and gets nothing more.
    pub fn suspend(&mut self, now: Time) {
        if let Stage::Up(version, dpid) | Stage::AwaitFlows(version, dpid, _) = self.stage {
            self.enter(Stage::Pending(version, dpid), now);
        }
    }

    /// Says something. False if the version cannot say it.
    pub fn say(&mut self, message: &ToSwitch<'_>, out: &mut Effects) -> bool {
        let Some(version) = self.version() else { return false };
        let xid = self.xid();
        dialect::encode(version, xid, message, out.buffer(self.conn)).is_ok()
    }

    /// Says something for a flow, so that an error in answer can be tied to it.
    ///
    /// # Errors
    /// The version cannot say it, or none is agreed yet.
    pub fn say_for(&mut self, flow: FlowId, message: &ToSwitch<'_>, out: &mut Effects) -> Result<(), Inexpressible> {
        let version = self.version().ok_or(Inexpressible)?;
        let xid = self.xid();
        dialect::encode(version, xid, message, out.buffer(self.conn))?;
        if self.sent.len() >= REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back((xid, flow));
        Ok(())
    }

    /// Asks for a barrier on behalf of a flow's present way.
    pub fn barrier(&mut self, way: Way, now: Time, out: &mut Effects) {
        let xid = self.next_xid;
        if self.say(&ToSwitch::Barrier, out) {
            self.barriers.push_back((xid, way, now));
        }
    }

    /// Looks at the clock: asks for signs of life.
    ///
    /// # Errors
    /// The switch is overdue with a step of the handshake, a barrier or any sign of life.
    pub fn tick(&mut self, settings: &Settings, now: Time, out: &mut Effects) -> Result<(), SessionEnd> {
        if !self.is_up() && !self.is_pending() {
            let overdue = now.since(self.since) >= settings.handshake_deadline;
            return if overdue { Err(SessionEnd::HandshakeTimeout) } else { Ok(()) };
        }
        if self.barriers.front().is_some_and(|(_, _, asked)| now.since(*asked) >= settings.handshake_deadline) {
            return Err(SessionEnd::Silent);
        }
        if self.asked >= 3 {
            return Err(SessionEnd::Silent);
        }
        if now.since(self.heard) >= settings.echo_interval * (self.asked + 1) {
            self.asked += 1;
            self.say(&ToSwitch::EchoRequest, out);
        }
        Ok(())
    }

    fn up(&self) -> Option<Dpid> {
        if let Stage::Up(_, dpid) = self.stage { Some(dpid) } else { None }
    }

    fn passed(&mut self, xid: u32) -> Option<Said> {
        let place = self.barriers.iter().position(|(asked, ..)| *asked == xid)?;
        let (_, way, _) = self.barriers.remove(place)?;
        Some(Said::Passed(way))
    }

    fn flow_of(&self, xid: u32) -> Option<FlowId> {
        let place = self.sent.binary_search_by_key(&xid, |(sent, _)| *sent).ok()?;
        self.sent.get(place).map(|(_, flow)| *flow)
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
