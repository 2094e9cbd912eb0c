//! The switch's ends of the connections to its controllers: byte streams cut into messages, HELLO, and the version that was agreed.
//!
//! ```text
//! closed --connect: HELLO--> greeting --HELLO with a common version--> open(version)
//!   ^                           | none in common, or something else: ERROR     |
//!   +---------------------------+----------------- disconnect, broken framing -+
//! ```
//!
//! Entries are in the words of one version, so that further controllers are offered that of the first alone.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use net::Time;
use openflow::{Header, Hello, OFPT_HELLO, negotiate, split_frame};

use super::datapath::{Datapath, Event};
use super::{ControllerId, Output, SwitchConfig, v10, v13};

#[derive(Debug)]
enum State {
    Greeting,
    Open(Dialect),
}

#[derive(Debug)]
enum Dialect {
    V10,
    V13(v13::Connection),
}

/// One connection that stands.
#[derive(Debug)]
struct Channel {
    state: State,
    input: BytesMut,
}

impl Channel {
    fn version(&self) -> Option<u8> {
        match self.state {
            State::Greeting => None,
            State::Open(Dialect::V10) => Some(openflow::v10::VERSION),
            State::Open(Dialect::V13(_)) => Some(openflow::v13::VERSION),
        }
    }
}

#[derive(Debug)]
pub(super) struct Session {
    versions: Vec<u8>,
    channels: BTreeMap<ControllerId, Channel>,
    /// The version whose words the entries are in.
    spoken: Option<u8>,
    /// The newest election that was heard of, whoever told of it (OpenFlow 1.3.5 §6.3.6).
    generation: Option<u64>,
}

impl Session {
    pub(super) fn new(versions: &[u8]) -> Session {
        let versions = versions.iter().copied().filter(|version| matches!(version, 1 | 4)).collect();
        Session { versions, channels: BTreeMap::new(), spoken: None, generation: None }
    }

    pub(super) fn is_connected(&self, controller: ControllerId) -> bool {
        self.channels.contains_key(&controller)
    }

    pub(super) fn version(&self, controller: ControllerId) -> Option<u8> {
        self.channels.get(&controller)?.version()
    }

    /// The versions that a controller is offered.
    fn offered(&self, controller: ControllerId) -> Vec<u8> {
        let mut others = self.channels.iter().filter(|(other, _)| **other != controller);
        match others.find_map(|(_, channel)| channel.version()) {
            Some(version) => vec![version],
            None => self.versions.clone(),
        }
    }

    pub(super) fn connect(&mut self, controller: ControllerId) -> Option<Bytes> {
        self.channels.insert(controller, Channel { state: State::Greeting, input: BytesMut::new() });
        let mut out = BytesMut::new();
        // A switch of OpenFlow 1.0 sends no elements.
        let offered = self.offered(controller);
        let hello = match *offered.as_slice() {
            [only @ 1] => Hello { version: only, bitmap: None },
            _ => Hello::offering(&offered),
        };
        hello.encode(1, &mut out).ok()?;
        Some(out.freeze())
    }

    pub(super) fn disconnect(&mut self, controller: ControllerId) {
        self.channels.remove(&controller);
    }

    /// Every connection is gone, and what was heard of elections.
    pub(super) fn forget(&mut self) {
        self.channels.clear();
        self.generation = None;
    }

    pub(super) fn receive(
        &mut self,
        (controller, bytes): (ControllerId, &[u8]),
        config: &SwitchConfig,
        datapath: &mut Datapath,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let Some(channel) = self.channels.get_mut(&controller) else { return };
        channel.input.extend_from_slice(bytes);
        while let Some(channel) = self.channels.get_mut(&controller) {
            match split_frame(&mut channel.input) {
                Ok(None) => return,
                Ok(Some(frame)) => self.frame(controller, &frame, config, datapath, now, out),
                Err(_) => self.close(controller, out),
            }
        }
    }

    fn close(&mut self, controller: ControllerId, out: &mut Vec<Output>) {
        self.disconnect(controller);
        out.push(Output::Close(controller));
    }

    fn frame(
        &mut self,
        controller: ControllerId,
        frame: &Bytes,
        config: &SwitchConfig,
        datapath: &mut Datapath,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let mut events = Vec::new();
        let mut replies = BytesMut::new();
        let Some(channel) = self.channels.get_mut(&controller) else { return };
        match &mut channel.state {
            State::Greeting => {
                self.greet(controller, frame, datapath, out);
                return;
            }
            State::Open(Dialect::V10) => v10::receive(frame, config, datapath, now, &mut events, &mut replies),
            State::Open(Dialect::V13(connection)) => {
                connection.generation = self.generation;
                connection.receive(frame, config, datapath, now, &mut events, &mut replies);
                self.generation = connection.generation;
                if connection.is_master() {
                    self.demote_others(controller);
                }
            }
        }
        self.tell(datapath, events, out);
        while let Ok(Some(reply)) = split_frame(&mut replies) {
            out.push(Output::Controller(controller, reply));
        }
    }

    /// There is one master at most (§6.3.6).
    fn demote_others(&mut self, master: ControllerId) {
        for (controller, channel) in &mut self.channels {
            if *controller != master
                && let State::Open(Dialect::V13(connection)) = &mut channel.state
            {
                connection.demote();
            }
        }
    }

    fn greet(&mut self, controller: ControllerId, frame: &Bytes, datapath: &mut Datapath, out: &mut Vec<Output>) {
        let hello = match Header::read(frame) {
            Some(header) if header.kind == OFPT_HELLO => Hello::decode(frame).ok(),
            _ => None,
        };
        let Some((xid, hello)) = hello else { return self.close(controller, out) };
        let dialect = match negotiate(&self.offered(controller), &hello) {
            Some(openflow::v10::VERSION) => Dialect::V10,
            Some(openflow::v13::VERSION) => Dialect::V13(v13::Connection::default()),
            Some(_) | None => {
                out.extend(self.incompatible(xid).map(|error| Output::Controller(controller, error)));
                return self.close(controller, out);
            }
        };
        let miss = match dialect {
            Dialect::V10 => super::datapath::Miss::Controller,
            Dialect::V13(_) => super::datapath::Miss::Drop,
        };
        if let Some(channel) = self.channels.get_mut(&controller) {
            channel.state = State::Open(dialect);
        }
        let version = self.version(controller);
        if self.spoken != version {
            datapath.clear();
            self.spoken = version;
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

    /// Tells each controller that listens what happened; frames go out in any case.
    pub(super) fn tell(&self, datapath: &Datapath, events: Vec<Event>, out: &mut Vec<Output>) {
        let mut message = BytesMut::new();
        for event in events {
            if let Event::Send(port, frame) = event {
                out.push(Output::Port(port, frame));
                continue;
            }
            for (controller, channel) in &self.channels {
                match &channel.state {
                    State::Greeting => {}
                    State::Open(Dialect::V10) => v10::tell(datapath, &event, &mut message),
                    State::Open(Dialect::V13(connection)) => connection.tell(datapath, &event, &mut message),
                }
                if !message.is_empty() {
                    out.push(Output::Controller(*controller, message.split().freeze()));
                }
            }
        }
    }
}
