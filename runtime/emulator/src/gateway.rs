//! A router to the rest of the world: every IPv4 address outside the site is behind it, answers like a host, and can open
//! conversations. Knows nothing of policy, and filters nothing.

use std::net::Ipv4Addr;

use bytes::Bytes;
use net::{MacAddr, Prefix, Time};

use crate::host::{ConversationId, ConversationView, Host, HostConfig, Outcome, Received};

pub(crate) use crate::host::ConversationKind as Kind;

/// The internet and the router that leads to it.
#[derive(Debug)]
pub struct Gateway(Host);

impl Gateway {
    /// The router of a site: its addresses inside, and the prefix that the site has.
    #[must_use]
    pub fn new(mac: MacAddr, ip: Ipv4Addr, site: Prefix) -> Gateway {
        Gateway(Host::new(HostConfig { mac, ip, prefix: site, gateway: None, listen: None, beyond: true }))
    }

    /// Its hardware address inside.
    #[must_use]
    pub fn mac(&self) -> MacAddr {
        self.0.mac()
    }

    /// Its address inside.
    #[must_use]
    pub fn ip(&self) -> Ipv4Addr {
        self.0.ip()
    }

    /// What came in so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.0.received()
    }

    /// How many IPv4 packets came in from an address.
    #[must_use]
    pub fn received_from(&self, source: Ipv4Addr) -> u64 {
        self.0.received_from(source)
    }

    /// An ICMP echo request from an address outside to one inside.
    pub fn ping(&mut self, src: Ipv4Addr, dst: Ipv4Addr, now: Time) -> ConversationId {
        self.0.open_from(Kind::Ping, src, dst, 0, now)
    }

    /// A TCP connection from an address outside to one inside.
    pub fn open_tcp(&mut self, src: Ipv4Addr, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        self.0.open_from(Kind::Tcp { keep: false }, src, dst, port, now)
    }

    /// A UDP datagram from an address outside to one inside.
    pub fn send_udp(&mut self, src: Ipv4Addr, dst: Ipv4Addr, port: u16, now: Time) -> ConversationId {
        self.0.open_from(Kind::Udp, src, dst, port, now)
    }

    /// How a conversation stands.
    #[must_use]
    pub fn outcome(&self, id: ConversationId) -> Outcome {
        self.0.outcome(id)
    }

    /// All that is known of a conversation.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<ConversationView> {
        self.0.conversation(id)
    }

    /// A frame from inside; gives the frames that it sends at once.
    pub fn from_wire(&mut self, frame: &[u8], now: Time) -> Vec<Bytes> {
        self.0.from_wire(frame, now)
    }

    /// What is due, as [`Host::tick`].
    pub fn tick(&mut self, now: Time) -> Vec<Bytes> {
        self.0.tick(now)
    }

    /// When [`Gateway::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.0.deadline()
    }
}
