//! The next packets that a connection has brought, read in place, and what they will need, looked up together: each is far away in
//! memory, and so they wait together and not one after the other. Changes nothing.

use std::hint::black_box;
use std::net::IpAddr;

use compiler::{Class, Program};
use lang::flow::Headers;
use net::{FlowKey, IpProto, Transport};
use openflow::Header;
use packet::{Frame, Payload, dhcp, dhcp6};
use smallvec::SmallVec;

use crate::controller::Controller;
use crate::dialect::{self, Glance, Version};
use crate::fast::can_say;
use crate::limits::Sender;
use crate::plain::{SeatId, Wire};

/// Packets that are looked at together.
pub(crate) const AHEAD: usize = 16;

/// A packet-in.
pub(crate) struct Ahead<'a> {
    /// The length of its message, in bytes.
    pub(crate) length: usize,
    /// Nothing for what is no packet as almost all are.
    pub(crate) read: Option<Read<'a>>,
}

/// A packet of TCP, UDP or SCTP that can be told apart from others.
pub(crate) struct Read<'a> {
    pub(crate) glance: Glance<'a>,
    pub(crate) key: FlowKey,
    /// What policy sees of it.
    pub(crate) headers: Headers,
    /// Its addresses, and its ports.
    pub(crate) ends: [IpAddr; 2],
    ports: [u16; 2],
    proto: IpProto,
    /// Where its sender and its receiver sit, if that was looked up, and both do.
    pub(crate) seats: Option<[SeatId; 2]>,
    /// What policy tells it from others by, if that was looked up.
    pub(crate) class: Option<Class>,
}

impl Read<'_> {
    /// Whose buckets it takes from.
    pub(crate) fn sender(&self) -> Sender {
        Sender { mac: self.key.dl_src, kind: self.key.dl_type }
    }

    /// What tells its conversation from others.
    pub(crate) fn wire(&self, seats: [SeatId; 2]) -> Wire {
        Wire { seats, ports: self.ports, proto: self.proto, vlan: self.key.vlan.and_then(|tag| tag.id) }
    }
}

/// Reads as many packet-ins at the head of what a connection brought, as long as there are such.
pub(crate) fn read(version: Version, mut input: &[u8], most: usize) -> SmallVec<[Ahead<'_>; AHEAD]> {
    let mut batch = SmallVec::new();
    while batch.len() < most {
        let Some((message, rest)) = packet_in(input, version).and_then(|length| input.split_at_checked(length)) else { break };
        let Some(glance) = dialect::glance(version, message) else { break };
        batch.push(Ahead { length: message.len(), read: read_one(version, glance) });
        input = rest;
    }
    batch
}

/// The length of the packet-in at the beginning, if there is one, whole.
fn packet_in(input: &[u8], version: Version) -> Option<usize> {
    const PACKET_IN: u8 = 10;
    let header = Header::read(input)?;
    let length = usize::from(header.length);
    (header.kind == PACKET_IN && header.version == version.wire() && length <= input.len()).then_some(length)
}

/// Reads one packet.
pub(crate) fn read_one(version: Version, glance: Glance<'_>) -> Option<Read<'_>> {
    let whole = glance.whole || glance.buffer.is_some();
    let Frame { key, payload } = packet::parse(glance.frame).ok().filter(|_| whole)?;
    let ip = key.ip.filter(|_| matches!(payload, Payload::Ip(_)))?;
    let Some(Transport::Ports { src, dst }) = ip.transport else { return None };
    let watched = [dhcp::SERVER_PORT, dhcp::CLIENT_PORT, dhcp6::SERVER_PORT, dhcp6::CLIENT_PORT];
    if watched.contains(&dst) || !can_say(version, &key) {
        return None;
    }
    let headers = Program::headers(&key);
    Some(Read { glance, key, headers, ends: [ip.src, ip.dst], ports: [src, dst], proto: ip.proto, seats: None, class: None })
}

impl Controller {
    /// Looks up where the ends of packets sit, and reads what their decisions will read.
    pub(crate) fn look_ahead(&self, batch: &mut [Ahead<'_>]) {
        for read in batch.iter_mut().filter_map(|packet| packet.read.as_mut()) {
            let [src, dst] = read.ends;
            let seats = [self.plains.seats.find(read.key.dl_src, src), self.plains.seats.find(read.key.dl_dst, dst)];
            read.seats = seats[0].zip(seats[1]).map(|(src, dst)| [src, dst]);
            read.class = Some(self.program.class(&read.headers));
        }
        let mut seen = 0_u64;
        for read in batch.iter().filter_map(|packet| packet.read.as_ref()) {
            let (Some([src, dst]), Some(class)) = (read.seats, read.class) else { continue };
            let (Some(from), Some(to)) = (self.plains.seats.get(src), self.plains.seats.get(dst)) else { continue };
            seen ^= u64::from(self.plains.find(&read.wire([src, dst])).is_some());
            seen ^= from.buckets.as_ref().map_or(0, |buckets| self.limits.glimpse(buckets));
            seen ^= self.program.glimpse(from.placed, to.placed, class);
        }
        black_box(seen);
    }
}
