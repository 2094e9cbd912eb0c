//! What hangs on a cable: a host, a gateway or a box, all of one shape for the network. Knows nothing of where it is plugged in.

use bytes::Bytes;
use net::{Location, Time};

use crate::gateway::Gateway;
use crate::host::Host;
use crate::middlebox::{Middlebox, Side};

/// Names a node of one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) usize);

/// A node.
#[derive(Debug)]
pub enum Node {
    /// An end host.
    Host(Box<Host>),
    /// A router to the rest of the world.
    Gateway(Box<Gateway>),
    /// A box that frames pass through.
    Middlebox(Box<Middlebox>),
}

/// A node with its name and its cables.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) name: String,
    pub(super) node: Node,
    pub(super) at: Option<Location>,
    pub(super) out: Option<Location>,
}

impl From<Host> for Node {
    fn from(host: Host) -> Self {
        Node::Host(Box::new(host))
    }
}

impl From<Gateway> for Node {
    fn from(gateway: Gateway) -> Self {
        Node::Gateway(Box::new(gateway))
    }
}

impl From<Middlebox> for Node {
    fn from(middlebox: Middlebox) -> Self {
        Node::Middlebox(Box::new(middlebox))
    }
}

impl Node {
    /// The host, if it is one.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        match self {
            Node::Host(host) => Some(host),
            Node::Gateway(_) | Node::Middlebox(_) => None,
        }
    }

    /// The gateway, if it is one.
    #[must_use]
    pub fn gateway(&self) -> Option<&Gateway> {
        match self {
            Node::Gateway(gateway) => Some(gateway),
            Node::Host(_) | Node::Middlebox(_) => None,
        }
    }

    /// The box, if it is one.
    #[must_use]
    pub fn middlebox(&self) -> Option<&Middlebox> {
        match self {
            Node::Middlebox(middlebox) => Some(middlebox),
            Node::Host(_) | Node::Gateway(_) => None,
        }
    }

    pub(super) fn host_mut(&mut self) -> Option<&mut Host> {
        match self {
            Node::Host(host) => Some(host),
            Node::Gateway(_) | Node::Middlebox(_) => None,
        }
    }

    pub(super) fn gateway_mut(&mut self) -> Option<&mut Gateway> {
        match self {
            Node::Gateway(gateway) => Some(gateway),
            Node::Host(_) | Node::Middlebox(_) => None,
        }
    }

    pub(super) fn middlebox_mut(&mut self) -> Option<&mut Middlebox> {
        match self {
            Node::Middlebox(middlebox) => Some(middlebox),
            Node::Host(_) | Node::Gateway(_) => None,
        }
    }

    /// A frame from a cable: whether the node passes on what it gets, and what it sends by which cable.
    pub(super) fn receive(&mut self, side: Side, frame: Bytes, now: Time) -> (bool, Vec<(Side, Bytes)>) {
        let answers = match self {
            Node::Host(host) => host.from_wire(&frame, now),
            Node::Gateway(gateway) => gateway.from_wire(&frame, now),
            Node::Middlebox(middlebox) => return (true, middlebox.from_wire(side, frame).into_iter().collect()),
        };
        (false, answers.into_iter().map(|answer| (Side::In, answer)).collect())
    }

    pub(super) fn tick(&mut self, now: Time) -> Vec<Bytes> {
        match self {
            Node::Host(host) => host.tick(now),
            Node::Gateway(gateway) => gateway.tick(now),
            Node::Middlebox(_) => Vec::new(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Node::Host(host) => host.deadline(),
            Node::Gateway(gateway) => gateway.deadline(),
            Node::Middlebox(_) => None,
        }
    }
}
