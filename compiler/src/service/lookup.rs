//! Finds which of many packets may pass a test without looking at each: tests mostly name a protocol and a port or two. Knows
//! nothing of classes.

use std::ops::RangeInclusive;

use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use net::{IpProto, Transport};
use rustc_hash::FxHashMap;

/// Packets by protocol and destination port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookup {
    count: usize,
    protos: FxHashMap<IpProto, Vec<usize>>,
    /// For each protocol, none included, the packets with ports, by port.
    ports: FxHashMap<Option<IpProto>, Vec<(u16, usize)>>,
}

impl Lookup {
    /// Of packets, which are known by their places.
    pub(crate) fn new<'a>(packets: impl IntoIterator<Item = &'a Headers>) -> Lookup {
        let mut lookup = Lookup::default();
        for (place, headers) in packets.into_iter().enumerate() {
            lookup.count += 1;
            if let Some(proto) = headers.proto {
                lookup.protos.entry(proto).or_default().push(place);
            }
            if let Some(Transport::Ports { dst, .. }) = headers.transport {
                lookup.ports.entry(headers.proto).or_default().push((dst, place));
            }
        }
        lookup.ports.values_mut().for_each(|list| list.sort_unstable());
        lookup
    }

    /// The places of packets among which are all that pass the test, each once, in no order.
    pub(crate) fn near(&self, test: &HeaderTest) -> Vec<usize> {
        match test {
            HeaderTest::Service(terms) => {
                let mut places: Vec<usize> = terms.iter().flat_map(|term| self.near_term(term)).copied().collect();
                if terms.len() > 1 {
                    places.sort_unstable();
                    places.dedup();
                }
                places
            }
            HeaderTest::TpDst(range) => self.ports.values().flat_map(|list| within(list, range)).copied().collect(),
            HeaderTest::DlType(_)
            | HeaderTest::Vlan(_)
            | HeaderTest::Pcp(_)
            | HeaderTest::Dscp(_)
            | HeaderTest::TpSrc(_)
            | HeaderTest::IcmpType(_)
            | HeaderTest::IcmpCode(_)
            | HeaderTest::Present(_) => self.all(),
        }
    }

    /// All places.
    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.count).collect()
    }

    fn near_term(&self, term: &ServiceTerm) -> Box<dyn Iterator<Item = &usize> + '_> {
        match term {
            ServiceTerm::Ports(proto, range) => {
                let list = self.ports.get(&Some(*proto)).map_or(&[][..], Vec::as_slice);
                Box::new(within(list, range))
            }
            ServiceTerm::Protocol(proto) | ServiceTerm::Icmp(proto, ..) => Box::new(self.protos.get(proto).into_iter().flatten()),
        }
    }
}

/// The places in a list by port that are within a range.
fn within<'a>(list: &'a [(u16, usize)], range: &RangeInclusive<u16>) -> impl Iterator<Item = &'a usize> + use<'a> {
    let start = list.partition_point(|(port, _)| port < range.start());
    let end = list.partition_point(|(port, _)| port <= range.end());
    list.get(start..end).unwrap_or_default().iter().map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::passes;
    use net::EtherType;

    /// Whatever the test, those that pass are among those near it.
    #[test]
    fn whatever_passes_is_near() {
        let mut packets = vec![Headers::default()];
        for proto in [None, Some(IpProto::TCP), Some(IpProto::UDP), Some(IpProto::ICMP), Some(IpProto(89))] {
            let of = |transport| Headers { dl_type: Some(EtherType::IPV4), proto, transport, ..Headers::default() };
            packets.push(of(None));
            packets.extend([0, 22, 80, 65535].map(|dst| of(Some(Transport::Ports { src: 1, dst }))));
            packets.push(of(Some(Transport::Icmp { kind: 8, code: 0 })));
        }
        let lookup = Lookup::new(&packets);
        let tcp = |range| ServiceTerm::Ports(IpProto::TCP, range);
        for test in [
            HeaderTest::Service(vec![tcp(80..=80)]),
            HeaderTest::Service(vec![
                tcp(0..=65535),
                ServiceTerm::Protocol(IpProto::TCP),
                ServiceTerm::Icmp(IpProto::ICMP, 8, None),
            ]),
            HeaderTest::Service(Vec::new()),
            HeaderTest::TpDst(22..=80),
            HeaderTest::DlType(EtherType::IPV4),
            HeaderTest::IcmpType(8..=8),
            HeaderTest::Present(net::Field::TpDst),
        ] {
            let near = lookup.near(&test);
            for (place, packet) in packets.iter().enumerate() {
                assert!(
                    !passes(&test, packet) || near.iter().filter(|other| **other == place).count() == 1,
                    "{test:?} {packet:?}"
                );
            }
        }
    }
}
