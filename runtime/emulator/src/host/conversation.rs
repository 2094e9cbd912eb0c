//! The conversations that a host has opened, from the question to the outcome. Sends nothing itself.
//!
//! ```text
//! ping, UDP:  asking --answer--> Answered
//! TCP:        asking --SYN-ACK--> Established --data--> Answered (--FIN--> closed, unless kept)
//! each:       asking --RST, unreachable--> Refused;  asking, three times unanswered --> TimedOut
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use net::{IpProto, MacAddr, Time};
use packet::build::IpEnds;
use packet::checksum::checksum;
use packet::icmp::Echo;
use packet::tcp::{ACK, FIN, PSH, RST, SYN, Segment};
use packet::udp::Datagram;

use super::{RETRY, TRIES};

/// Names a conversation of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(u64);

/// How a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing has come back yet.
    Pending,
    /// The TCP handshake is done; no data has come back.
    Established {
        /// Since when.
        at: Time,
    },
    /// An answer came.
    Answered {
        /// When the first one came.
        at: Time,
    },
    /// Somebody refused: TCP reset, or ICMP unreachable.
    Refused {
        /// When.
        at: Time,
    },
    /// Nothing came back, though it was asked three times.
    TimedOut {
        /// When it was given up.
        at: Time,
    },
}

impl Outcome {
    /// True once the other end was reached and agreed to talk.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Outcome::Established { .. } | Outcome::Answered { .. })
    }

    /// True if nothing more will come.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Outcome::Refused { .. } | Outcome::TimedOut { .. })
    }
}

/// What sort of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ping,
    Udp,
    Tcp { keep: bool },
}

/// All that is known of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationView {
    /// Where it goes.
    pub dst: Ipv4Addr,
    /// The destination port; 0 for a ping.
    pub port: u16,
    /// When it was opened.
    pub opened: Time,
    /// How it stands.
    pub outcome: Outcome,
    /// How many answers with data came.
    pub answers: u64,
    /// When the last packet came from the other end.
    pub heard: Option<Time>,
}

#[derive(Debug)]
pub(super) struct Conversation {
    kind: Kind,
    src: Ipv4Addr,
    dst: Ipv4Addr,
    port: u16,
    /// Our port, or the identifier of a ping.
    own: u16,
    opened: Time,
    tries: u8,
    /// When to ask again; nothing once that is over.
    next: Option<Time>,
    pub(super) outcome: Outcome,
    /// The next sequence number that we send.
    seq: u32,
    /// The next sequence number that we await.
    ack: u32,
    answers: u64,
    heard: Option<Time>,
}

/// Conversations that are remembered, at most: the oldest is forgotten.
const REMEMBERED: usize = 100_000;
/// The first ephemeral port (RFC 6335 §6).
const FIRST_PORT: u16 = 49_152;
const REQUEST: &[u8] = b"request";

#[derive(Debug, Default)]
pub(super) struct Conversations {
    all: BTreeMap<ConversationId, Conversation>,
    own: BTreeMap<(u8, u16), ConversationId>,
    due: std::collections::BTreeSet<(Time, ConversationId)>,
    opened: u64,
}

/// The ends for a checksum, which needs no hardware addresses.
pub(super) fn ends(src_ip: Ipv4Addr, dst_ip: Ipv4Addr) -> IpEnds {
    IpEnds { src_mac: MacAddr::ZERO, dst_mac: MacAddr::ZERO, src_ip, dst_ip }
}

fn proto(kind: Kind) -> IpProto {
    match kind {
        Kind::Ping => IpProto::ICMP,
        Kind::Udp => IpProto::UDP,
        Kind::Tcp { .. } => IpProto::TCP,
    }
}

impl Conversation {
    fn segment(&self, flags: u8, data: &[u8]) -> Vec<u8> {
        let segment = Segment { src: self.own, dst: self.port, seq: self.seq, ack: self.ack, flags, data };
        segment.to_bytes(&ends(self.src, self.dst))
    }

    /// Sends the request: the bytes, and the sequence number moves on.
    fn request(&mut self) -> Vec<u8> {
        let bytes = self.segment(PSH | ACK, REQUEST);
        self.seq = self.seq.wrapping_add(REQUEST.len() as u32);
        bytes
    }

    fn answer(&mut self, now: Time) {
        self.answers += 1;
        if !matches!(self.outcome, Outcome::Answered { .. }) {
            self.outcome = Outcome::Answered { at: now };
        }
    }
}

impl Conversations {
    pub(super) fn open(&mut self, kind: Kind, src: Ipv4Addr, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        let id = ConversationId(self.opened);
        let own = FIRST_PORT + (self.opened % u64::from(u16::MAX - FIRST_PORT)) as u16;
        self.opened += 1;
        let conversation = Conversation {
            kind,
            src,
            dst,
            port,
            own,
            opened: now,
            tries: 0,
            next: None,
            outcome: Outcome::Pending,
            seq: 1000,
            ack: 0,
            answers: 0,
            heard: None,
        };
        self.all.insert(id, conversation);
        self.own.insert((proto(kind).0, own), id);
        if self.all.len() > REMEMBERED
            && let Some((id, old)) = self.all.pop_first()
        {
            self.wait(id, old.next, None);
        }
        id
    }

    pub(super) fn get(&self, id: ConversationId) -> Option<&Conversation> {
        self.all.get(&id)
    }

    pub(super) fn view(&self, id: ConversationId) -> Option<ConversationView> {
        let conversation = self.all.get(&id)?;
        Some(ConversationView {
            dst: conversation.dst,
            port: conversation.port,
            opened: conversation.opened,
            outcome: conversation.outcome,
            answers: conversation.answers,
            heard: conversation.heard,
        })
    }

    fn wait(&mut self, id: ConversationId, before: Option<Time>, next: Option<Time>) {
        if let Some(before) = before {
            self.due.remove(&(before, id));
        }
        if let Some(next) = next {
            self.due.insert((next, id));
        }
    }

    /// The packet that opens it, if it is still to be asked: ends, protocol and content.
    pub(super) fn question(&mut self, id: ConversationId, now: Time) -> Option<(Ipv4Addr, Ipv4Addr, IpProto, Vec<u8>)> {
        let conversation = self.all.get_mut(&id)?;
        let before = conversation.next.take();
        conversation.tries += 1;
        conversation.next = Some(now.after(RETRY));
        let bytes = match conversation.kind {
            Kind::Ping => {
                let seq = u16::from(conversation.tries);
                Echo { reply: false, id: conversation.own, seq, data: REQUEST }.to_bytes()
            }
            Kind::Udp => {
                let datagram = Datagram { src: conversation.own, dst: conversation.port, data: REQUEST };
                datagram.to_bytes(&ends(conversation.src, conversation.dst))?
            }
            Kind::Tcp { .. } => conversation.segment(SYN, &[]),
        };
        let (src, dst, next) = (conversation.src, conversation.dst, conversation.next);
        let proto = proto(conversation.kind);
        self.wait(id, before, next);
        Some((src, dst, proto, bytes))
    }

    /// More data on an established connection: ends and content.
    pub(super) fn say(&mut self, id: ConversationId) -> Option<(Ipv4Addr, Ipv4Addr, Vec<u8>)> {
        let conversation = self.all.get_mut(&id)?;
        let ready = conversation.kind == Kind::Tcp { keep: true } && conversation.outcome.is_success();
        ready.then(|| (conversation.src, conversation.dst, conversation.request()))
    }

    /// Those to ask again; those that were asked often enough are given up.
    pub(super) fn due(&mut self, now: Time) -> Vec<ConversationId> {
        let mut again = Vec::new();
        while let Some((at, id)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            let Some(conversation) = self.all.get_mut(&id) else { continue };
            conversation.next = None;
            if conversation.tries < TRIES {
                again.push(id);
            } else {
                conversation.outcome = Outcome::TimedOut { at: now };
            }
        }
        again
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The open conversation with this peer on this port of ours; it has been heard of, and is asked no more.
    fn hear(&mut self, proto: IpProto, own: u16, peer: Ipv4Addr, now: Time) -> Option<&mut Conversation> {
        let id = *self.own.get(&(proto.0, own))?;
        let conversation = self.all.get_mut(&id).filter(|conversation| conversation.dst == peer)?;
        conversation.heard = Some(now);
        if let Some(before) = conversation.next.take() {
            self.due.remove(&(before, id));
        }
        Some(conversation)
    }

    /// An echo reply came.
    pub(super) fn echoed(&mut self, peer: Ipv4Addr, id: u16, now: Time) {
        if let Some(conversation) = self.hear(IpProto::ICMP, id, peer, now) {
            conversation.answer(now);
        }
    }

    /// A datagram came: true if it answers one of ours.
    pub(super) fn answered(&mut self, peer: Ipv4Addr, port: u16, own: u16, now: Time) -> bool {
        match self.hear(IpProto::UDP, own, peer, now) {
            Some(conversation) if conversation.port == port => {
                conversation.answer(now);
                true
            }
            Some(_) | None => false,
        }
    }

    /// An ICMP message that is no echo came: if it says that a packet of ours did not arrive, that conversation is refused.
    pub(super) fn unreachable(&mut self, message: &[u8], now: Time) {
        let Some((&[3, ..], quoted)) = message.split_first_chunk::<8>() else { return };
        let Some(&[version, .., d0, d1, d2, d3]) = quoted.first_chunk::<20>() else { return };
        let header = usize::from(version & 0x0f) * 4;
        let (Some(&proto), Some(&[s0, s1, ..])) = (quoted.get(9), quoted.get(header..header + 4)) else { return };
        let own = match IpProto(proto) {
            IpProto::ICMP => match quoted.get(header + 4..header + 6) {
                Some(&[i0, i1]) => u16::from_be_bytes([i0, i1]),
                _ => return,
            },
            _ => u16::from_be_bytes([s0, s1]),
        };
        let peer = Ipv4Addr::new(d0, d1, d2, d3);
        if let Some(conversation) = self.hear(IpProto(proto), own, peer, now) {
            conversation.outcome = Outcome::Refused { at: now };
        }
    }

    /// A segment came: what to answer if it is of a connection that we opened, nothing if it is not.
    pub(super) fn segment(&mut self, peer: Ipv4Addr, segment: &Segment<'_>, now: Time) -> Option<Vec<Vec<u8>>> {
        let id = self.own.get(&(IpProto::TCP.0, segment.dst))?;
        self.all.get(id).filter(|conversation| conversation.port == segment.src && conversation.dst == peer)?;
        let conversation = self.hear(IpProto::TCP, segment.dst, peer, now)?;
        let mut answers = Vec::new();
        if segment.flags & RST != 0 {
            // What was answered stays answered: the outcome is that of the opening.
            if !matches!(conversation.outcome, Outcome::Answered { .. }) {
                conversation.outcome = Outcome::Refused { at: now };
            }
            return Some(answers);
        }
        if segment.flags & (SYN | ACK) == SYN | ACK {
            if conversation.outcome == Outcome::Pending || conversation.outcome.is_failure() {
                conversation.outcome = Outcome::Established { at: now };
                conversation.seq = conversation.seq.wrapping_add(1);
                conversation.ack = segment.seq.wrapping_add(1);
                answers.push(conversation.segment(ACK, &[]));
                answers.push(conversation.request());
            }
            return Some(answers);
        }
        if !conversation.outcome.is_success() || segment.seq != conversation.ack {
            return Some(answers);
        }
        conversation.ack = conversation.ack.wrapping_add(segment.data.len() as u32);
        if !segment.data.is_empty() {
            conversation.answer(now);
            let last = conversation.kind == Kind::Tcp { keep: false };
            answers.push(conversation.segment(if last { FIN | ACK } else { ACK }, &[]));
            conversation.seq = conversation.seq.wrapping_add(u32::from(last));
        }
        if segment.flags & FIN != 0 {
            conversation.ack = conversation.ack.wrapping_add(1);
            answers.push(conversation.segment(ACK, &[]));
        }
        Some(answers)
    }
}

/// The ICMP message that nobody listens at the port that an untagged frame is for (RFC 792, RFC 1122 §3.2.2.1).
pub(super) fn port_unreachable(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = frame.get(14..)?;
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let mut message = vec![3, 3, 0, 0, 0, 0, 0, 0];
    message.extend(packet.get(..header + 8)?);
    let [high, low] = checksum(&message).to_be_bytes();
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&[high, low]);
    }
    Some(message)
}
