//! Conversations that lost their permission while their packets were under way. What their responders still send would look like
//! the first packets of conversations of their own, and let the old one go on through the replies to the new one. Knows nothing of
//! why they ended.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use net::{FlowKey, FlowMatch, IpProto, Location, Shape, Time};

/// How long after its last packet a TCP connection may still send some: it repeats a segment after two minutes at most (RFC 6298
/// §2.5 lets that be the limit).
const REST: Duration = Duration::from_secs(300);
/// How long others may: what comes later is a conversation of its own.
const BRIEF_REST: Duration = Duration::from_secs(30);

/// Where the initiators of ended conversations were, by the region of the answers to them.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    ingress: HashMap<FlowMatch, (Location, Time)>,
    order: VecDeque<(Time, FlowMatch)>,
    /// Of those that were of more than one flow: few, so that none has to be forgotten.
    shapes: BTreeSet<Shape>,
}

/// What a packet may be the rest of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Where the initiator was.
    pub(crate) ingress: Location,
    /// Of many conversations at once: a packet that begins one of its own is none of them.
    pub(crate) wide: bool,
}

impl Ended {
    /// A conversation from here ended; at most `limit` are remembered, and then the oldest goes.
    pub(crate) fn remember(&mut self, reply: FlowMatch, ingress: Location, limit: usize, now: Time) {
        self.age(now);
        while self.ingress.len() >= limit.max(1) {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.ingress.remove(&oldest);
        }
        let until = now.after(if reply.nw_proto == Some(IpProto::TCP) { REST } else { BRIEF_REST });
        if self.ingress.insert(reply, (ingress, until)).is_none() {
            self.order.push_back((until, reply));
        }
    }

    /// The same for a region of more than one flow.
    pub(crate) fn remember_wide(&mut self, reply: FlowMatch, ingress: Location, limit: usize, now: Time) {
        self.shapes.insert(Shape::of(&reply));
        self.remember(reply, ingress, limit, now);
    }

    /// If a packet with this key may be the rest of an ended conversation: where its initiator was. A TCP connection is remembered
    /// anew then; of other protocols nothing tells the rest from something new for long.
    pub(crate) fn rest(&mut self, key: &FlowKey, now: Time) -> Option<Rest> {
        if self.ingress.is_empty() {
            return None;
        }
        let exact = FlowMatch::exact(key);
        let regions = std::iter::once(exact).chain(self.shapes.iter().filter_map(|shape| shape.around(key)));
        for region in regions {
            let Some((ingress, until)) = self.ingress.get_mut(&region).filter(|(_, until)| *until > now) else { continue };
            if key.ip.is_some_and(|ip| ip.proto == IpProto::TCP) {
                *until = now.after(REST);
            }
            return Some(Rest { ingress: *ingress, wide: region != exact });
        }
        None
    }

    /// True if a packet with this key may be the rest of one of many ended conversations.
    pub(crate) fn covers(&self, key: &FlowKey, now: Time) -> bool {
        let mut regions = self.shapes.iter().filter_map(|shape| shape.around(key));
        regions.any(|region| self.ingress.get(&region).is_some_and(|(_, until)| *until > now))
    }

    /// Its initiator may talk again.
    pub(crate) fn forget(&mut self, key: &FlowKey) {
        self.ingress.remove(&FlowMatch::exact(key));
        for region in self.shapes.iter().filter_map(|shape| shape.around(key)) {
            self.ingress.remove(&region);
        }
    }

    /// Lets go of those that have been silent for long.
    fn age(&mut self, now: Time) {
        while let Some((due, region)) = self.order.front().copied().filter(|(due, _)| *due <= now) {
            self.order.pop_front();
            match self.ingress.get(&region) {
                Some((_, until)) if *until > due => self.order.push_back((*until, region)),
                _ => {
                    self.ingress.remove(&region);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use net::{Dpid, EtherType, IpHeader, IpProto, MacAddr, PortNo, Transport};

    use super::*;

    fn key(port: u16) -> FlowKey {
        let ip = IpHeader {
            src: [10, 0, 0, 1].into(),
            dst: [10, 0, 0, 2].into(),
            proto: IpProto::TCP,
            dscp: 0,
            transport: Some(Transport::Ports { src: port, dst: 80 }),
        };
        let (dl_src, dl_dst) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
        FlowKey { dl_src, dl_dst, dl_type: EtherType::IPV4, vlan: None, ip: Some(ip) }
    }

    fn place() -> Location {
        Location::new(Dpid(1), PortNo(3))
    }

    fn one() -> Option<Rest> {
        Some(Rest { ingress: place(), wide: false })
    }

    #[test]
    fn the_rest_of_many_is_known_whatever_its_ports() {
        let mut ended = Ended::default();
        let many = FlowMatch { transport: net::TransportMatch::Any, ..FlowMatch::exact(&key(1).reply()) };
        ended.remember_wide(many, place(), 10, Time(0));
        assert_eq!(ended.rest(&key(9).reply(), Time(1)), Some(Rest { ingress: place(), wide: true }));
        assert_eq!(ended.rest(&key(9), Time(1)), None);
        ended.remember(FlowMatch::exact(&key(9).reply()), place(), 10, Time(1));
        assert_eq!(ended.rest(&key(9).reply(), Time(2)), one());
        ended.forget(&key(9).reply());
        assert_eq!(ended.rest(&key(8).reply(), Time(3)), None);
    }

    #[test]
    fn the_rest_of_a_conversation_is_known_until_it_is_silent() {
        let (mut ended, start) = (Ended::default(), Time(0));
        ended.remember(FlowMatch::exact(&key(1).reply()), place(), 10, start);
        assert_eq!(ended.rest(&key(1).reply(), start), one());
        assert_eq!(ended.rest(&key(1), start), None);
        let late = start.after(REST - Duration::from_secs(1));
        assert_eq!(ended.rest(&key(1).reply(), late), one());
        assert_eq!(ended.rest(&key(1).reply(), start.after(REST)), one(), "the packet before kept it");
        assert_eq!(ended.rest(&key(1).reply(), start.after(REST * 3)), None);
        ended.remember(FlowMatch::exact(&key(2).reply()), place(), 10, start.after(REST * 4));
        assert_eq!(ended.ingress.len(), 1);
    }

    #[test]
    fn what_may_talk_again_is_forgotten() {
        let mut ended = Ended::default();
        ended.remember(FlowMatch::exact(&key(1).reply()), place(), 10, Time(0));
        ended.forget(&key(1).reply());
        assert_eq!(ended.rest(&key(1).reply(), Time(0)), None);
        ended.remember(FlowMatch::exact(&key(2).reply()), place(), 10, Time(0).after(REST));
        assert_eq!((ended.ingress.len(), ended.order.len()), (1, 1));
    }

    #[test]
    fn no_more_than_the_limit_are_remembered() {
        let mut ended = Ended::default();
        for port in 0..50 {
            ended.remember(FlowMatch::exact(&key(port).reply()), place(), 10, Time(u64::from(port)));
        }
        assert_eq!((ended.ingress.len(), ended.order.len()), (10, 10));
        assert_eq!(ended.rest(&key(49).reply(), Time(50)), one());
    }
}
