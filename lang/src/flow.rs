//! A flow as policy sees it: two ends with all that is known of them, and the headers of the first packet; and the answer to it.
//! Knows nothing of how an end came to be known, nor of how the answer is found.

use std::net::IpAddr;

use net::{EtherType, IpProto, Location, MacAddr, Transport, VlanTag};

use crate::checked::{GatewayId, HostId, MiddleboxId, RuleId, UserId, Verdict};

/// Which end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The initiator.
    Src,
    /// The responder.
    Dst,
}

/// One end of a flow. Absent values fail every test for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct End {
    /// Users logged in on it, ascending; empty is the pseudo-user `none`.
    pub users: Vec<UserId>,
    /// The host, if it is a declared one.
    pub host: Option<HostId>,
    /// Where it is attached, if that is known.
    pub location: Option<Location>,
    /// Its MAC address.
    pub mac: Option<MacAddr>,
    /// Its IP address.
    pub address: Option<IpAddr>,
    /// What sort of end it is.
    pub place: Place,
}

/// What sort of end of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A machine on the site.
    #[default]
    Inside,
    /// Beyond this gateway, with an address in no declared network.
    Internet(Option<GatewayId>),
    /// A gateway itself.
    Gateway(GatewayId),
    /// Everyone: the broadcast address.
    Broadcast,
    /// A multicast group.
    Multicast,
    /// The controller.
    Controller,
}

/// The headers that are not about an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Headers {
    /// Ethernet type; absent where a test flow leaves it open.
    pub dl_type: Option<EtherType>,
    /// Outermost VLAN tag.
    pub vlan: Option<VlanTag>,
    /// IP protocol.
    pub proto: Option<IpProto>,
    /// DSCP.
    pub dscp: Option<u8>,
    /// Ports, or ICMP type and code.
    pub transport: Option<Transport>,
}

/// A flow initiation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The initiator.
    pub src: End,
    /// The responder.
    pub dst: End,
    /// The rest of the headers.
    pub headers: Headers,
}

/// The answer to a flow: always one verdict, always one deciding rule or the default.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Judgement {
    /// What happens.
    pub verdict: Verdict,
    /// The deciding rule; nothing is the default.
    pub rule: Option<RuleId>,
    /// Middleboxes that the conversation must pass, in order.
    pub via: Vec<MiddleboxId>,
}

/// Whatever answers flows: the compiled program everywhere, the reference evaluator in tests.
pub trait Decide {
    /// The answer to one flow.
    fn decide(&self, flow: &Flow) -> Judgement;
}

impl Flow {
    /// One end.
    #[must_use]
    pub fn end(&self, side: Side) -> &End {
        match side {
            Side::Src => &self.src,
            Side::Dst => &self.dst,
        }
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Src => Side::Dst,
            Side::Dst => Side::Src,
        }
    }
}
