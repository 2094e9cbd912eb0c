//! The switch's end of the connection to its controller: a byte stream cut into messages, HELLO, and the version that was agreed.
//!
//! ```text
//! closed --connect: HELLO--> greeting --HELLO with a common version--> open(version)
//!   ^                           | none in common, or something else: ERROR     |
//!   +---------------------------+----------------- disconnect, broken framing -+
//! ```

use bytes::{Bytes, BytesMut};
use net::Time;
use openflow::{Header, Hello, OFPT_HELLO, negotiate, split_frame};

use super::datapath::{Datapath, Event};
use super::{Output, SwitchConfig, v10, v13};

#[derive(Debug)]
enum State {
    Closed,
    Greeting,
    Open(Dialect),
}

#[derive(Debug)]
enum Dialect {
    V10,
    V13(v13::Connection),
}

#[derive(Debug)]
pub(super) struct Session {
    versions: Vec<u8>,
    state: State,
    /// The version whose words the entries are in.
    spoken: Option<u8>,
    input: BytesMut,
}

impl Session {
    pub(super) fn new(versions: &[u8]) -> Session {
        let versions = versions.iter().copied().filter(|version| matches!(version, 1 | 4)).collect();
        Session { versions, state: State::Closed, spoken: None, input: BytesMut::new() }
    }

    pub(super) fn is_connected(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    pub(super) fn version(&self) -> Option<u8> {
        match self.state {
            State::Closed | State::Greeting => None,
            State::Open(Dialect::V10) => Some(openflow::v10::VERSION),
            State::Open(Dialect::V13(_)) => Some(openflow::v13::VERSION),
        }
    }

    pub(super) fn connect(&mut self) -> Option<Bytes> {
        self.disconnect();
        self.state = State::Greeting;
        let mut out = BytesMut::new();
        // A switch of OpenFlow 1.0 sends no elements.
        let hello = match *self.versions.as_slice() {
            [only @ 1] => Hello { version: only, bitmap: None },
            _ => Hello::offering(&self.versions),
        };
        hello.encode(1, &mut out).ok()?;
        Some(out.freeze())
    }

    pub(super) fn disconnect(&mut self) {
        self.state = State::Closed;
        self.input.clear();
    }

    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        config: &SwitchConfig,
        datapath: &mut Datapath,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        if !self.is_connected() {
            return;
        }
        self.input.extend_from_slice(bytes);
        loop {
            match split_frame(&mut self.input) {
                Ok(None) => return,
                Ok(Some(frame)) => self.frame(&frame, config, datapath, now, out),
                Err(_) => self.close(out),
            }
            if !self.is_connected() {
                return;
            }
        }
    }

    fn close(&mut self, out: &mut Vec<Output>) {
        self.disconnect();
        out.push(Output::Close);
    }

    fn frame(&mut self, frame: &Bytes, config: &SwitchConfig, datapath: &mut Datapath, now: Time, out: &mut Vec<Output>) {
        let mut events = Vec::new();
        let mut replies = BytesMut::new();
        match &mut self.state {
            State::Closed => return,
            State::Greeting => {
                self.greet(frame, datapath, out);
                return;
            }
            State::Open(Dialect::V10) => v10::receive(frame, config, datapath, now, &mut events, &mut replies),
            State::Open(Dialect::V13(connection)) => {
                connection.receive(frame, config, datapath, now, &mut events, &mut replies);
            }
        }
        self.tell(datapath, events, out);
        while let Ok(Some(reply)) = split_frame(&mut replies) {
            out.push(Output::Controller(reply));
        }
    }

    fn greet(&mut self, frame: &Bytes, datapath: &mut Datapath, out: &mut Vec<Output>) {
        let hello = match Header::read(frame) {
            Some(header) if header.kind == OFPT_HELLO => Hello::decode(frame).ok(),
            _ => None,
        };
        let Some((xid, hello)) = hello else { return self.close(out) };
        let dialect = match negotiate(&self.versions, &hello) {
            Some(openflow::v10::VERSION) => Dialect::V10,
            Some(openflow::v13::VERSION) => Dialect::V13(v13::Connection::default()),
            Some(_) | None => {
                out.extend(self.incompatible(xid).map(Output::Controller));
                return self.close(out);
            }
        };
        let miss = match dialect {
            Dialect::V10 => super::datapath::Miss::Controller,
            Dialect::V13(_) => super::datapath::Miss::Drop,
        };
        self.state = State::Open(dialect);
        if self.spoken != self.version() {
            datapath.clear();
            self.spoken = self.version();
        }
        datapath.miss = miss;
    }

    /// `OFPET_HELLO_FAILED` with `OFPHFC_INCOMPATIBLE`, in our highest version.
    fn incompatible(&self, xid: u32) -> Option<Bytes> {
        let text = Bytes::from_static(b"no version in common");
        let mut out = BytesMut::new();
        if self.versions.contains(&openflow::v13::VERSION) {
            let (kind, code) = openflow::v13::HelloFailed::INCOMPATIBLE.into();
            let error = openflow::v13::Error { kind, code, data: text };
            openflow::v13::Message::Error(error).encode(xid, &mut out).ok()?;
        } else {
            let (kind, code) = openflow::v10::HelloFailed::INCOMPATIBLE.into();
            let error = openflow::v10::Error { kind, code, data: text };
            openflow::v10::Message::Error(error).encode(xid, &mut out).ok()?;
        }
        Some(out.freeze())
    }

    /// Tells the controller what happened, if one listens; frames go out in any case.
    pub(super) fn tell(&self, datapath: &Datapath, events: Vec<Event>, out: &mut Vec<Output>) {
        let mut message = BytesMut::new();
        for event in events {
            if let Event::Send(port, frame) = event {
                out.push(Output::Port(port, frame));
                continue;
            }
            match &self.state {
                State::Closed | State::Greeting => {}
                State::Open(Dialect::V10) => v10::tell(datapath, &event, &mut message),
                State::Open(Dialect::V13(connection)) => connection.tell(datapath, &event, &mut message),
            }
            if !message.is_empty() {
                out.push(Output::Controller(message.split().freeze()));
            }
        }
    }
}
