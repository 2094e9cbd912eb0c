//! An emulated end host: it resolves addresses, answers what it is asked, opens conversations and records how they end. Does no I/O
//! and reads no clock; knows nothing of what its cable leads to.

mod conversation;
mod neighbour;
mod stream;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use net::{IpHeader, IpProto, MacAddr, Prefix, Time};
use packet::arp::{Arp, Operation};
use packet::build::{self, IpEnds};
use packet::icmp::Echo;
use packet::ndp::{ALL_NODES, Flags};
use packet::tcp::Segment;
use packet::udp::Datagram;
use packet::{Fragment, Frame, IpPayload, Ndp, Payload};

pub(crate) use conversation::Kind as ConversationKind;
pub use conversation::{ConversationId, ConversationView, Outcome};

use conversation::{Conversations, Kind};
use neighbour::Neighbours;
use stream::Streams;

/// How long a question waits before it is asked again.
pub const RETRY: Duration = Duration::from_secs(1);
/// How often a question is asked.
pub const TRIES: u8 = 3;

/// How a host is made.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Its hardware address.
    pub mac: MacAddr,
    /// Its address.
    pub ip: Ipv4Addr,
    /// The addresses that are on its own network.
    pub prefix: Prefix,
    /// The router for all others.
    pub gateway: Option<Ipv4Addr>,
    /// The TCP and UDP ports that answer; absent, all do.
    pub listen: Option<Vec<u16>>,
    /// True for a router to the rest of the world: every address outside the prefix is here too.
    pub beyond: bool,
}

impl HostConfig {
    /// A host on 10.0.0.0/8 where every port answers, without a gateway.
    #[must_use]
    pub fn new(mac: MacAddr, ip: Ipv4Addr) -> HostConfig {
        let prefix = Prefix::truncate(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8).unwrap_or(Prefix::host(ip.into()));
        HostConfig { mac, ip, prefix, gateway: None, listen: None, beyond: false }
    }
}

/// Counts of frames that came in for a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// All of them.
    pub frames: u64,
    /// ARP packets.
    pub arp: u64,
    /// IPv4 packets for one of its addresses.
    pub ip: u64,
    /// Frames for somebody else, and those that could not be read.
    pub foreign: u64,
}

/// An emulated end host.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    neighbours: Neighbours,
    conversations: Conversations,
    streams: Streams,
    received: Received,
    from: BTreeMap<Ipv4Addr, u64>,
    addresses6: Vec<Ipv6Addr>,
    outbox: Vec<Bytes>,
}

/// Peers of which packets are counted, at most.
const PEERS: usize = 4096;

impl Host {
    /// A host that has said nothing yet.
    #[must_use]
    pub fn new(config: HostConfig) -> Host {
        Host {
            config,
            neighbours: Neighbours::default(),
            conversations: Conversations::default(),
            streams: Streams::default(),
            received: Received::default(),
            from: BTreeMap::new(),
            addresses6: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// Gives it an IPv6 address, for which it answers the questions of its neighbours.
    pub fn add_address6(&mut self, address: Ipv6Addr) {
        self.addresses6.push(address);
    }

    /// Its hardware address.
    #[must_use]
    pub fn mac(&self) -> MacAddr {
        self.config.mac
    }

    /// Its address.
    #[must_use]
    pub fn ip(&self) -> Ipv4Addr {
        self.config.ip
    }

    /// What came in so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.received
    }

    /// How many IPv4 packets came in from an address.
    #[must_use]
    pub fn received_from(&self, source: Ipv4Addr) -> u64 {
        self.from.get(&source).copied().unwrap_or(0)
    }

    /// Makes only these TCP and UDP ports answer.
    pub fn listen(&mut self, ports: &[u16]) {
        self.config.listen = Some(ports.to_vec());
    }

    /// Sends an ICMP echo request; the frames go out with the next [`Host::tick`].
    pub fn ping(&mut self, dst: Ipv4Addr, now: Time) -> ConversationId {
        self.open(Kind::Ping, self.config.ip, dst, 0, now)
    }

    /// Opens a TCP connection, sends a request, and closes it when the answer came.
    pub fn open_tcp(&mut self, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        self.open(Kind::Tcp { keep: false }, self.config.ip, dst, port, now)
    }

    /// Opens a TCP connection that stays open: [`Host::say`] sends more on it.
    pub fn open_tcp_kept(&mut self, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        self.open(Kind::Tcp { keep: true }, self.config.ip, dst, port, now)
    }

    /// Sends a UDP datagram and waits for an answer.
    pub fn send_udp(&mut self, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        self.open(Kind::Udp, self.config.ip, dst, port, now)
    }

    fn open(&mut self, kind: Kind, src: Ipv4Addr, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        let id = self.conversations.open(kind, src, dst, port, now);
        self.ask(id, now);
        id
    }

    /// Opens a conversation from another of its addresses: a router speaking for the world behind it.
    pub(crate) fn open_from(&mut self, kind: Kind, src: Ipv4Addr, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        self.open(kind, src, dst, port, now)
    }

    /// Sends more data on a kept TCP connection, if it is established.
    pub fn say(&mut self, id: ConversationId, now: Time) {
        if let Some((src, dst, bytes)) = self.conversations.say(id) {
            self.send(src, dst, IpProto::TCP, &bytes, now);
        }
    }

    /// How a conversation stands.
    #[must_use]
    pub fn outcome(&self, id: ConversationId) -> Outcome {
        self.conversations.get(id).map_or(Outcome::Pending, |conversation| conversation.outcome)
    }

    /// All that is known of a conversation.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<ConversationView> {
        self.conversations.view(id)
    }

    /// Asks, or asks again, what a conversation starts with.
    fn ask(&mut self, id: ConversationId, now: Time) {
        if let Some((src, dst, proto, bytes)) = self.conversations.question(id, now) {
            self.send(src, dst, proto, &bytes, now);
        }
    }

    /// Puts an IPv4 packet on the wire, when the next hop's address is known.
    fn send(&mut self, src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto, payload: &[u8], now: Time) {
        let inside = self.config.prefix.contains(dst.into());
        let Some(hop) = (if inside { Some(dst) } else { self.config.gateway }) else { return };
        let ends = IpEnds { src_mac: self.config.mac, dst_mac: MacAddr::ZERO, src_ip: src, dst_ip: dst };
        let Some(frame) = build::ipv4(&ends, proto, payload) else { return };
        let question = Arp::request(self.config.mac, self.config.ip, hop);
        self.outbox.extend(self.neighbours.send(hop, frame, &question, now));
    }

    /// A frame from the wire; gives the frames that it sends at once.
    pub fn from_wire(&mut self, frame: &[u8], now: Time) -> Vec<Bytes> {
        self.received.frames += 1;
        match packet::parse(frame) {
            Ok(parsed) if parsed.key.dl_dst == self.config.mac || parsed.key.dl_dst.is_multicast() => {
                self.receive(frame, &parsed, now);
            }
            Ok(_) | Err(_) => self.received.foreign += 1,
        }
        std::mem::take(&mut self.outbox)
    }

    fn receive(&mut self, frame: &[u8], parsed: &Frame<'_>, now: Time) {
        match parsed.payload {
            Payload::Arp(arp) => {
                self.received.arp += 1;
                self.receive_arp(&arp, now);
            }
            Payload::Ip(payload) => {
                let Some(ip) = parsed.key.ip else { return };
                if ip.src.is_ipv6() {
                    return self.receive_neighbour(parsed.key.dl_src, &ip, &payload);
                }
                let (IpAddr::V4(src), IpAddr::V4(dst)) = (ip.src, ip.dst) else { return };
                if !self.owns(dst) {
                    self.received.foreign += 1;
                    return;
                }
                self.received.ip += 1;
                if self.from.len() < PEERS || self.from.contains_key(&src) {
                    *self.from.entry(src).or_default() += 1;
                }
                match ip.proto {
                    // Datagrams are not put together again: a later part alone is nothing to answer.
                    _ if payload.fragment == Fragment::Later => {}
                    IpProto::ICMP => self.receive_icmp(src, dst, payload.bytes, now),
                    IpProto::TCP => self.receive_tcp(src, dst, payload.bytes, now),
                    IpProto::UDP => self.receive_udp(frame, src, dst, payload.bytes, now),
                    _ => {}
                }
            }
            Payload::Lldp(_) | Payload::Eapol(_) | Payload::Other => {}
        }
    }

    fn owns(&self, address: Ipv4Addr) -> bool {
        address == self.config.ip || self.config.beyond && !self.config.prefix.contains(address.into())
    }

    fn receive_arp(&mut self, arp: &Arp, now: Time) {
        let for_us = arp.target_ip == self.config.ip;
        if !arp.sender_ip.is_unspecified() && arp.sender_mac != self.config.mac {
            self.outbox.extend(self.neighbours.learn(arp.sender_ip, arp.sender_mac, for_us, now));
        }
        if for_us && arp.operation == Operation::Request && arp.sender_mac != self.config.mac {
            self.outbox.push(arp.reply(self.config.mac).to_frame().into());
        }
    }

    /// Answers for its own IPv6 addresses; speaks of nothing else in that family.
    fn receive_neighbour(&mut self, from: MacAddr, ip: &IpHeader, payload: &IpPayload<'_>) {
        let (Ok(Ndp::Solicitation { target, .. }), IpAddr::V6(src)) = (Ndp::parse(ip, payload), ip.src) else { return };
        if !self.addresses6.contains(&target) {
            return;
        }
        let test = src.is_unspecified();
        let flags = Flags { router: false, solicited: !test, overriding: true };
        let answer = Ndp::Advertisement { target, target_mac: Some(self.config.mac), flags };
        let to = if test { ALL_NODES } else { (from, src) };
        self.outbox.push(answer.to_frame((self.config.mac, target), to).into());
    }

    fn receive_icmp(&mut self, src: Ipv4Addr, dst: Ipv4Addr, bytes: &[u8], now: Time) {
        match Echo::parse(bytes) {
            Some(echo) if echo.reply => self.conversations.echoed(src, echo.id, now),
            Some(echo) => {
                let reply = Echo { reply: true, ..echo }.to_bytes();
                self.send(dst, src, IpProto::ICMP, &reply, now);
            }
            None => self.conversations.unreachable(bytes, now),
        }
    }

    fn listens(&self, port: u16) -> bool {
        // Ports that clients speak from (RFC 6335 §6) answer nobody, or two hosts would answer each other for ever.
        self.config.listen.as_ref().map_or(port < 49_152, |ports| ports.contains(&port))
    }

    fn receive_udp(&mut self, frame: &[u8], src: Ipv4Addr, dst: Ipv4Addr, bytes: &[u8], now: Time) {
        let Some(datagram) = Datagram::parse(bytes) else { return };
        if self.conversations.answered(src, datagram.src, datagram.dst, now) {
            return;
        }
        if self.listens(datagram.dst) {
            let answer = Datagram { src: datagram.dst, dst: datagram.src, data: datagram.data };
            if let Some(bytes) = answer.to_bytes(&conversation::ends(dst, src)) {
                self.send(dst, src, IpProto::UDP, &bytes, now);
            }
        } else if let Some(error) = conversation::port_unreachable(frame) {
            self.send(dst, src, IpProto::ICMP, &error, now);
        }
    }

    fn receive_tcp(&mut self, src: Ipv4Addr, dst: Ipv4Addr, bytes: &[u8], now: Time) {
        let Some(segment) = Segment::parse(bytes) else { return };
        let ours = self.conversations.segment(src, &segment, now);
        let answers = match ours {
            Some(answers) => answers,
            None => self.streams.segment((src, dst), &segment, self.listens(segment.dst)),
        };
        for answer in answers {
            self.send(dst, src, IpProto::TCP, &answer, now);
        }
    }

    /// What is due: frames of new conversations, questions asked again, conversations given up.
    pub fn tick(&mut self, now: Time) -> Vec<Bytes> {
        self.outbox.extend(self.neighbours.tick(now));
        for id in self.conversations.due(now) {
            self.ask(id, now);
        }
        std::mem::take(&mut self.outbox)
    }

    /// When [`Host::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if !self.outbox.is_empty() {
            return Some(Time(0));
        }
        self.neighbours.deadline().into_iter().chain(self.conversations.deadline()).min()
    }
}

#[cfg(test)]
mod tests;
