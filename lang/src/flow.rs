//! A flow as policy sees it: two ends with all that is known of them, and the headers of the first packet; and the answer to it.
//! Knows nothing of how an end came to be known, nor of how the answer is found.

use std::net::IpAddr;

use net::{EtherType, IpProto, Location, MacAddr, Time, Transport, VlanTag};

use crate::checked::{Duties, GatewayId, GroupId, HostId, MiddleboxId, RuleId, UserId, Verdict};

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
    pub users: Vec<Person>,
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
    /// Dynamic groups that it is a member of, whoever uses it: all but those of users. Ascending.
    pub groups: Vec<GroupId>,
}

/// A user who is logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// The user, if it is a declared one.
    pub user: Option<UserId>,
    /// Dynamic groups of users that it is a member of. Ascending.
    pub groups: Vec<GroupId>,
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
    /// When its first packet is sent; absent where nothing says.
    pub time: Option<Time>,
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
    /// What else it is bound to.
    pub duties: Duties,
    /// Rules that only audit and would have decided, had they been in force: in their order.
    pub audited: Vec<RuleId>,
}

/// Whatever answers flows: the compiled program everywhere, the reference evaluator in tests.
pub trait Decide {
    /// The answer to one flow.
    fn decide(&self, flow: &Flow) -> Judgement;
}

impl Judgement {
    /// Binds the conversation to this, too: what binds it more wins, what cannot be joined stays as it is.
    pub fn bind(&mut self, via: &[MiddleboxId], duties: &Duties) {
        let one_way = self.via.is_empty() || self.duties.one_way;
        for id in via {
            if !self.via.contains(id) {
                self.via.push(*id);
            }
        }
        let own = &mut self.duties;
        own.one_way = one_way && (via.is_empty() || duties.one_way) && !self.via.is_empty();
        join(&mut own.avoid, &duties.avoid);
        join(&mut own.mirror, &duties.mirror);
        own.vlan = own.vlan.or(duties.vlan);
        own.queue = own.queue.or(duties.queue);
        own.limit = match (own.limit, duties.limit) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
    }
}

/// Adds what is not there; both ascending.
fn join<T: Copy + Ord>(own: &mut Vec<T>, more: &[T]) {
    own.extend(more);
    own.sort_unstable();
    own.dedup();
}

impl Person {
    /// A declared user who is in no dynamic group.
    #[must_use]
    pub fn declared(user: UserId) -> Person {
        Person { user: Some(user), groups: Vec::new() }
    }
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
