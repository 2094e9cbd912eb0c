//! Peers made of bytes before a runtime: faithful switches that answer what they are asked, and peers that say what a test wants.
//! Knows nothing of the emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use net::{Dpid, Fingerprint, Location, MacAddr, PortNo, Time};
use openflow::v13::{
    Action, Capabilities, FeaturesReply, FlowModCommand, Match, Message, MultipartFlags, MultipartReply, MultipartReplyBody,
    MultipartRequestBody, OFP_NO_BUFFER, Oxm, PacketIn, PacketInReason, Port, PortConfig, PortFeatures, PortReason, PortState,
    PortStatus,
};
use openflow::{Hello, split_frame};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::{ConnId, Controller, Effects, Event, Input, Peer, Rates, Settings};

const START: Time = Time(1_790_000_000_000_000);
const TICK: Duration = Duration::from_millis(50);

/// The transactions in which a switch of 1.3 is asked for its ports and, once it is admitted, for its entries.
pub const PORTS_ASKED: u32 = 4;
pub const FLOWS_ASKED: u32 = 12;

/// A switch that does as it is asked.
#[derive(Clone, Debug)]
struct Faithful {
    dpid: u64,
    ports: Vec<u32>,
    answers_barriers: bool,
}

/// A runtime, and everybody who is connected to it.
pub struct Desk {
    pub controller: Controller,
    pub now: Time,
    pub events: Vec<Event>,
    pub closed: BTreeSet<ConnId>,
    pub sent: BTreeMap<ConnId, BytesMut>,
    faithful: BTreeMap<ConnId, Faithful>,
    cables: BTreeMap<(ConnId, u32), (ConnId, u32)>,
    heard: BTreeMap<ConnId, Vec<(u32, Message)>>,
    next: u64,
    next_port: u16,
}

/// One message of OpenFlow 1.3.
pub fn wire(xid: u32, message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    message.encode(xid, &mut out).unwrap();
    out.to_vec()
}

/// HELLO with these versions in its bitmap.
pub fn hello(versions: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    Hello::offering(versions).encode(1, &mut out).unwrap();
    out.to_vec()
}

pub fn features(dpid: u64, auxiliary_id: u8) -> Message {
    let (n_buffers, n_tables) = (0, 8);
    Message::FeaturesReply(FeaturesReply {
        datapath_id: Dpid(dpid),
        n_buffers,
        n_tables,
        auxiliary_id,
        capabilities: Capabilities::FLOW_STATS,
        reserved: 0,
    })
}

fn port(number: u32, up: bool) -> Port {
    Port {
        port_no: PortNo(number).into(),
        hw_addr: MacAddr([0x0e, 0, 0, 0, 0, 1]),
        name: Default::default(),
        config: PortConfig::NONE,
        state: if up { PortState::NONE } else { PortState::LINK_DOWN },
        curr: PortFeatures::NONE,
        advertised: PortFeatures::NONE,
        supported: PortFeatures::NONE,
        peer: PortFeatures::NONE,
        curr_speed: 0,
        max_speed: 0,
    }
}

pub fn port_desc(numbers: &[u32]) -> Message {
    let ports = numbers.iter().map(|number| port(*number, true)).collect();
    Message::MultipartReply(MultipartReply::new(MultipartReplyBody::PortDesc(ports)))
}

pub fn no_flows(more: bool) -> Message {
    let flags = if more { MultipartFlags::MORE } else { MultipartFlags::NONE };
    Message::MultipartReply(MultipartReply { flags, body: MultipartReplyBody::Flow(Vec::new()) })
}

pub fn no_meters() -> Message {
    Message::MultipartReply(MultipartReply::new(MultipartReplyBody::MeterConfig(Vec::new())))
}

pub fn port_status(reason: PortReason, number: u32, up: bool) -> Message {
    Message::PortStatus(PortStatus { reason, desc: port(number, up) })
}

pub fn packet_in(in_port: u32, frame: &[u8]) -> PacketIn {
    PacketIn {
        buffer_id: OFP_NO_BUFFER,
        total_len: u16::try_from(frame.len()).unwrap(),
        reason: PacketInReason::NO_MATCH,
        table_id: 0,
        cookie: 0,
        matching: Match::from_iter([Oxm::InPort(PortNo(in_port).into())]),
        data: Bytes::copy_from_slice(frame),
    }
}

/// The address of host `last`, and its MAC address.
pub fn host(last: u8) -> (MacAddr, Ipv4Addr) {
    (MacAddr([2, 0, 0, 0, 7, last]), Ipv4Addr::new(10, 7, 0, last))
}

/// Host `last` tells everybody of its address.
pub fn announcement(last: u8) -> Vec<u8> {
    let (mac, ip) = host(last);
    packet::Arp::request(mac, ip, ip).to_frame()
}

/// A datagram from host to host.
pub fn datagram(from: u8, to: u8, src: u16, dst: u16) -> Vec<u8> {
    let ((src_mac, src_ip), (dst_mac, dst_ip)) = (host(from), host(to));
    build::udp(&IpEnds { src_mac, dst_mac, src_ip, dst_ip }, &Datagram { src, dst, data: b"some data" }).unwrap()
}

impl Desk {
    /// Nobody is connected yet; everything is allowed on the campus with four switches.
    pub fn new() -> Desk {
        Desk::under("default allow;")
    }

    pub fn under(text: &str) -> Desk {
        Desk::with(text, Settings { epoch: 77, ..Settings::default() })
    }

    /// It is to be the master of each switch.
    pub fn master(text: &str, epoch: u64) -> Desk {
        Desk::with(text, Settings { epoch, master: true, ..Settings::default() })
    }

    fn with(text: &str, settings: Settings) -> Desk {
        // Thousands of things happen at the same time here.
        let rates = Rates { per_port: 1_000_000, per_host: 1_000_000, per_switch: 1_000_000 };
        let settings = Settings { probe_key: [9; 32], packets: rates, flows: rates, ..settings };
        Desk {
            controller: Controller::new(tests::rules(text), settings, START).unwrap(),
            now: START,
            events: Vec::new(),
            closed: BTreeSet::new(),
            sent: BTreeMap::new(),
            faithful: BTreeMap::new(),
            cables: BTreeMap::new(),
            heard: BTreeMap::new(),
            next: 0,
            next_port: 1000,
        }
    }

    /// A desk with one good switch, `edge1`, where hosts 1 and 2 are at ports 1 and 2.
    pub fn with_good() -> (Desk, ConnId) {
        let mut desk = Desk::new();
        let good = desk.join(0x1, &[1, 2, 25, 26]);
        desk.packet(good, 1, &announcement(1));
        desk.packet(good, 2, &announcement(2));
        (desk, good)
    }

    pub fn step(&mut self, input: Input) {
        let mut out = Effects::default();
        self.controller.step(input, self.now, &mut out);
        self.events.append(&mut out.events);
        for (conn, bytes) in out.sends {
            self.sent.entry(conn).or_default().extend_from_slice(&bytes);
        }
        self.closed.extend(out.closes);
    }

    /// Somebody connects over plain TCP.
    pub fn connect(&mut self) -> ConnId {
        self.connect_with(None)
    }

    /// Somebody connects, and has shown this certificate.
    pub fn connect_with(&mut self, certificate: Option<Fingerprint>) -> ConnId {
        self.next += 1;
        let conn = ConnId(self.next);
        let peer = Peer { address: (Ipv4Addr::LOCALHOST, 40_000).into(), certificate };
        self.step(Input::Connected(conn, peer));
        conn
    }

    /// These bytes come in one segment; faithful switches answer what follows from them.
    pub fn bytes(&mut self, conn: ConnId, bytes: &[u8]) {
        if !self.closed.contains(&conn) {
            self.step(Input::Received(conn, BytesMut::from(bytes)));
        }
        self.pump();
    }

    pub fn say(&mut self, conn: ConnId, xid: u32, message: &Message) {
        self.bytes(conn, &wire(xid, message));
    }

    pub fn packet(&mut self, conn: ConnId, in_port: u32, frame: &[u8]) {
        self.say(conn, 0, &Message::PacketIn(packet_in(in_port, frame)));
    }

    /// The connection ends from the other side.
    pub fn hang_up(&mut self, conn: ConnId) {
        self.faithful.remove(&conn);
        self.heard.remove(&conn);
        self.sent.remove(&conn);
        if !self.closed.remove(&conn) {
            self.step(Input::Closed(conn));
        }
    }

    /// A faithful switch connects.
    pub fn join(&mut self, dpid: u64, ports: &[u32]) -> ConnId {
        self.join_with(None, dpid, ports)
    }

    /// A faithful switch connects with this certificate.
    pub fn join_with(&mut self, certificate: Option<Fingerprint>, dpid: u64, ports: &[u32]) -> ConnId {
        let conn = self.connect_with(certificate);
        self.faithful.insert(conn, Faithful { dpid, ports: ports.to_vec(), answers_barriers: true });
        self.bytes(conn, &hello(&[1, 4]));
        conn
    }

    /// Faithful switches connect, all of them before one is answered.
    pub fn join_at_once(&mut self, dpids: &[u64], ports: &[u32]) -> Vec<ConnId> {
        let greeting = hello(&[1, 4]);
        let mut conns = Vec::new();
        for dpid in dpids {
            let conn = self.connect();
            self.faithful.insert(conn, Faithful { dpid: *dpid, ports: ports.to_vec(), answers_barriers: true });
            self.step(Input::Received(conn, BytesMut::from(&greeting[..])));
            conns.push(conn);
        }
        self.pump();
        conns
    }

    /// It answers nothing any more.
    pub fn falls_silent(&mut self, conn: ConnId) {
        self.faithful.remove(&conn);
    }

    pub fn loses_barriers(&mut self, conn: ConnId) {
        self.faithful.get_mut(&conn).unwrap().answers_barriers = false;
    }

    /// A cable between two faithful switches, for LLDP.
    pub fn cable(&mut self, a: (ConnId, u32), b: (ConnId, u32)) {
        self.cables.insert(a, b);
        self.cables.insert(b, a);
    }

    /// Time passes.
    pub fn wait(&mut self, duration: Duration) {
        let until = self.now.after(duration);
        while self.now < until {
            self.now = self.now.after(TICK);
            self.step(Input::Tick);
            self.pump();
        }
    }

    /// What was said on a connection since the last call.
    pub fn heard(&mut self, conn: ConnId) -> Vec<(u32, Message)> {
        self.collect(conn);
        self.heard.remove(&conn).unwrap_or_default()
    }

    pub fn is_up(&self, dpid: u64) -> bool {
        self.events.iter().rev().find_map(|event| match event {
            Event::SwitchJoined { dpid: which, .. } if which.0 == dpid => Some(true),
            Event::SwitchLeft { dpid: which } if which.0 == dpid => Some(false),
            _ => None,
        }) == Some(true)
    }

    /// Where host `last` is taken to be.
    pub fn place(&self, last: u8) -> Option<Location> {
        self.controller.view().station(host(last).0)?.location
    }

    /// A good switch is served at once, as if nobody else were there: its echo is answered, and a new flow of its hosts 1 and 2
    /// gets its entries.
    pub fn serves(&mut self, good: ConnId) {
        assert!(!self.closed.contains(&good), "the good switch was cut off");
        self.heard(good);
        self.next_port = self.next_port.checked_add(1).unwrap_or(1000);
        self.say(good, 0xecc0, &Message::EchoRequest(Bytes::from_static(b"alive?")));
        self.packet(good, 1, &datagram(1, 2, self.next_port, 9));
        let heard = self.heard(good);
        let echo = (0xecc0, Message::EchoReply(Bytes::from_static(b"alive?")));
        assert!(heard.contains(&echo), "no echo: {heard:?}");
        assert_eq!(adds(&heard).len(), 2, "{heard:?}");
        assert!(heard.iter().any(|(_, message)| matches!(message, Message::PacketOut(_))), "{heard:?}");
    }

    fn collect(&mut self, conn: ConnId) {
        let Some(sent) = self.sent.get_mut(&conn) else { return };
        let mut stream = std::mem::take(sent);
        while let Some(frame) = split_frame(&mut stream).unwrap() {
            if frame[0] == 4 && frame[1] != 0 {
                let said = Message::decode(&frame).unwrap();
                self.heard.entry(conn).or_default().push(said);
            }
        }
        assert!(stream.is_empty(), "half a message");
    }

    fn pump(&mut self) {
        loop {
            let conns: Vec<ConnId> = self.faithful.keys().copied().collect();
            let mut quiet = true;
            for conn in conns {
                let before = self.heard.get(&conn).map_or(0, Vec::len);
                self.collect(conn);
                let fresh: Vec<_> = self.heard.get(&conn).map(|all| all[before..].to_vec()).unwrap_or_default();
                for (xid, message) in fresh {
                    if let Some((to, bytes)) = self.answer(conn, xid, &message) {
                        quiet = false;
                        self.step(Input::Received(to, BytesMut::from(&bytes[..])));
                    }
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn answer(&self, conn: ConnId, xid: u32, message: &Message) -> Option<(ConnId, Vec<u8>)> {
        let one = self.faithful.get(&conn)?;
        let answer = match message {
            Message::FeaturesRequest => features(one.dpid, 0),
            Message::EchoRequest(data) => Message::EchoReply(data.clone()),
            Message::BarrierRequest if one.answers_barriers => Message::BarrierReply,
            Message::MultipartRequest(request) => match request.body {
                MultipartRequestBody::PortDesc => port_desc(&one.ports),
                MultipartRequestBody::Flow(_) => no_flows(false),
                MultipartRequestBody::MeterConfig(_) => no_meters(),
                _ => return None,
            },
            Message::PacketOut(packet) => {
                let Some(Action::Output { port, .. }) = packet.actions.first() else { return None };
                let (far, in_port) = self.cables.get(&(conn, port.0)).filter(|(far, _)| self.faithful.contains_key(far))?;
                return Some((*far, wire(0, &Message::PacketIn(packet_in(*in_port, &packet.data)))));
            }
            _ => return None,
        };
        Some((conn, wire(xid, &answer)))
    }
}

/// Entries that were put in, with the xid of each.
pub fn adds(heard: &[(u32, Message)]) -> Vec<(u32, u64)> {
    flow_mods(heard, FlowModCommand::ADD)
}

/// Entries that were taken out.
pub fn deletes(heard: &[(u32, Message)]) -> Vec<(u32, u64)> {
    flow_mods(heard, FlowModCommand::DELETE_STRICT)
}

fn flow_mods(heard: &[(u32, Message)], command: FlowModCommand) -> Vec<(u32, u64)> {
    heard
        .iter()
        .filter_map(|(xid, message)| match message {
            Message::FlowMod(change) if change.command == command && (change.priority > 0) => Some((*xid, change.cookie)),
            _ => None,
        })
        .collect()
}
