//! What goes in and what comes out of one step. Knows nothing of sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use indexmap::IndexMap;
use lang::checked::Checked;
use net::Fingerprint;

use crate::event::Event;

/// Room for what one batch of packets usually leads to: bytes.
const OUTPUT: usize = 16 * 1024;

/// A connection to a switch, numbered by the daemon, never used again after it closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Who is at the far end of a connection, as far as the connection shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address and port.
    pub address: SocketAddr,
    /// Its certificate, which is of our CA, valid and its own: shown by TLS. Nothing over plain TCP.
    pub certificate: Option<Fingerprint>,
}

impl Peer {
    /// Somebody who connects over plain TCP.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Peer {
        Peer { address, certificate: None }
    }
}

/// What the daemon tells the runtime.
#[derive(Clone, Debug)]
pub enum Input {
    /// A switch connected, from there.
    Connected(ConnId, Peer),
    /// Bytes came from a switch, in any portions.
    Received(ConnId, BytesMut),
    /// A connection is gone.
    Closed(ConnId),
    /// A checked policy is to be in force from now on.
    Policy(Arc<Checked>),
    /// Time has passed. Wanted at least every 100 ms.
    Tick,
}

/// What the daemon is to do after a step, in order for each connection.
#[derive(Debug, Default)]
pub struct Effects {
    /// Bytes to send.
    pub sends: IndexMap<ConnId, BytesMut>,
    /// Connections to close once their bytes are sent.
    pub closes: Vec<ConnId>,
    /// What happened.
    pub events: Vec<Event>,
}

impl Effects {
    /// The buffer of what is to be sent on a connection.
    pub fn buffer(&mut self, conn: ConnId) -> &mut BytesMut {
        self.sends.entry(conn).or_insert_with(|| BytesMut::with_capacity(OUTPUT))
    }

    /// Tells that something happened.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }
}
