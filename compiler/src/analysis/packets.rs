//! Classes of packets: headers that no test of the policy tells apart, of packets that there can be. Knows nothing of ends.

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};
use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use lang::flowspec::SOURCE_PORT;
use net::{EtherType, IpProto, Transport, VlanId, VlanTag};
use rustc_hash::FxBuildHasher;

use crate::service::split;

/// What the classes of packets are told apart by.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    dl_types: BTreeSet<u16>,
    protos: BTreeSet<u8>,
    ports: BTreeSet<u16>,
    kinds: BTreeSet<u8>,
    codes: BTreeSet<u8>,
    vlans: BTreeSet<u16>,
    pcps: BTreeSet<u8>,
    dscps: BTreeSet<u8>,
    sources: BTreeSet<u16>,
    tag_is_asked: bool,
    /// Later fragments are packets, too.
    fragments: bool,
    /// Every test of the one attribute that joins Ethernet type, protocol, and what follows.
    tests: IndexSet<HeaderTest, FxBuildHasher>,
}

/// Ethernet types that no policy needs to name: IEEE 802.1 local experimental. Should one name them, the next that it does not.
const OTHER_TYPES: [u16; 2] = [0x88b5, 0x88b6];

/// What a sort of packets without ports counts for: as much as all ports of a protocol.
const WHOLE: f64 = 65_536.0;

/// IP protocols that no policy needs to name: for experiments (RFC 3692). Should one name them, the next that it does not.
const OTHER_PROTOS: [u8; 2] = [253, 254];

/// The least Ethernet type: what is below is a length (IEEE 802.3 §3.2.6).
const FIRST_TYPE: u16 = 0x600;

impl Cuts {
    /// For questions about later fragments, too: packets that tell neither ports nor kind, and that the controller carries by hand.
    pub(super) fn with_fragments() -> Cuts {
        Cuts { fragments: true, ..Cuts::default() }
    }

    pub(super) fn add(&mut self, test: &HeaderTest) {
        match test {
            HeaderTest::Service(terms) => terms.iter().for_each(|term| self.add_term(term)),
            HeaderTest::DlType(dl_type) => {
                self.dl_types.insert(dl_type.0);
            }
            HeaderTest::Vlan(range) => cut(&mut self.vlans, *range.start(), range.end().checked_add(1)),
            HeaderTest::Pcp(range) => cut(&mut self.pcps, *range.start(), range.end().checked_add(1)),
            HeaderTest::Dscp(range) => cut(&mut self.dscps, *range.start(), range.end().checked_add(1)),
            HeaderTest::TpSrc(range) => cut(&mut self.sources, *range.start(), range.end().checked_add(1)),
            HeaderTest::TpDst(range) => cut(&mut self.ports, *range.start(), range.end().checked_add(1)),
            HeaderTest::IcmpType(range) => cut(&mut self.kinds, *range.start(), range.end().checked_add(1)),
            HeaderTest::IcmpCode(range) => cut(&mut self.codes, *range.start(), range.end().checked_add(1)),
            HeaderTest::Present(_) => {}
        }
        self.tag_is_asked |= is_of_tag(test);
        if !is_of_tag(test) && !self.tests.contains(test) {
            self.tests.insert(test.clone());
        }
    }

    fn add_term(&mut self, term: &ServiceTerm) {
        match term {
            ServiceTerm::Protocol(proto) => {
                self.protos.insert(proto.0);
            }
            ServiceTerm::Ports(proto, range) => {
                self.protos.insert(proto.0);
                cut(&mut self.ports, *range.start(), range.end().checked_add(1));
            }
            ServiceTerm::Icmp(proto, kind, code) => {
                self.protos.insert(proto.0);
                cut(&mut self.kinds, *kind, kind.checked_add(1));
                if let Some(code) = code {
                    cut(&mut self.codes, *code, code.checked_add(1));
                }
            }
        }
    }

    /// One packet of each class and how many ports or sorts of packet it stands for, by Ethernet type, protocol, destination port, ICMP type and code.
    pub(super) fn packets(&self) -> Vec<(Headers, f64)> {
        let (packets, weights): (Vec<Headers>, Vec<f64>) = self.candidates().into_iter().unzip();
        let mut classes: IndexMap<(u32, u8), (Headers, f64), FxBuildHasher> = IndexMap::default();
        for ((packet, weight), class) in packets.iter().zip(weights).zip(split(&packets, &self.tests)) {
            classes.entry((class, sort(packet))).or_insert((*packet, 0.0)).1 += weight;
        }
        classes.into_values().collect()
    }

    /// Packets that there can be, the most usual first; packets without a protocol are judged by nobody, and fragments start no
    /// conversation.
    fn candidates(&self) -> Vec<(Headers, f64)> {
        let mut all = Vec::new();
        for dl_type in [EtherType::IPV4, EtherType::IPV6] {
            let mut protos = vec![IpProto::TCP, IpProto::UDP];
            protos.push(if dl_type == EtherType::IPV4 { IpProto::ICMP } else { IpProto::ICMPV6 });
            protos.extend(self.protos.iter().map(|proto| IpProto(*proto)).chain(self.other_proto()));
            let foreign = if dl_type == EtherType::IPV4 { IpProto::ICMPV6 } else { IpProto::ICMP };
            for (place, proto) in protos.iter().enumerate() {
                if protos.iter().take(place).any(|earlier| earlier == proto) || (*proto == foreign && !self.fragments) {
                    continue;
                }
                let of = |transport| Headers {
                    dl_type: Some(dl_type),
                    proto: Some(*proto),
                    dscp: Some(0),
                    transport,
                    ..Headers::default()
                };
                if *proto == foreign {
                    all.push((of(None), WHOLE));
                } else if proto.has_ports() {
                    let starts: Vec<u16> = cells(&self.ports).collect();
                    let ends = starts.iter().skip(1).map(|next| u32::from(*next)).chain([1 << 16]);
                    let width = |start: u16, end: u32| f64::from(end.saturating_sub(u32::from(start)));
                    let ports = starts.iter().zip(ends);
                    all.extend(
                        ports.map(|(dst, end)| (of(Some(Transport::Ports { src: SOURCE_PORT, dst: *dst })), width(*dst, end))),
                    );
                } else if matches!(*proto, IpProto::ICMP | IpProto::ICMPV6) {
                    for kind in cells(&self.kinds) {
                        all.extend(cells(&self.codes).map(|code| (of(Some(Transport::Icmp { kind, code })), 1.0)));
                    }
                } else {
                    all.push((of(None), WHOLE));
                }
                if self.fragments {
                    all.push((of(None), WHOLE));
                }
            }
        }
        let others = self.dl_types.iter().copied().chain([EtherType::ARP.0]).chain(self.other_type());
        let others = others.filter(|dl_type| ![EtherType::IPV4.0, EtherType::IPV6.0].contains(dl_type));
        all.extend(others.map(|dl_type| (Headers { dl_type: Some(EtherType(dl_type)), ..Headers::default() }, WHOLE)));
        all
    }

    fn other_proto(&self) -> Option<IpProto> {
        let known = [IpProto::TCP, IpProto::UDP, IpProto::ICMP, IpProto::ICMPV6];
        let mut all = OTHER_PROTOS.into_iter().chain(0..=u8::MAX).map(IpProto);
        all.find(|proto| !self.protos.contains(&proto.0) && !known.contains(proto))
    }

    fn other_type(&self) -> Option<u16> {
        let known = [EtherType::IPV4.0, EtherType::IPV6.0, EtherType::ARP.0];
        let mut all = OTHER_TYPES.into_iter().chain(FIRST_TYPE..=u16::MAX);
        all.find(|dl_type| !self.dl_types.contains(dl_type) && !known.contains(dl_type))
    }

    /// One VLAN tag of each class, none first.
    pub(super) fn tags(&self) -> Vec<Option<VlanTag>> {
        let mut tags = vec![None];
        if self.tag_is_asked {
            // The first identifier is 1.
            let mut ids: Vec<VlanId> = cells(&self.vlans).filter_map(|id| VlanId::new(id.max(1))).collect();
            ids.dedup();
            for id in [None].into_iter().chain(ids.into_iter().map(Some)) {
                tags.extend(cells(&self.pcps).filter(|pcp| *pcp < 8).map(|pcp| Some(VlanTag { id, pcp })));
            }
        }
        tags
    }

    /// One DSCP of each class.
    pub(super) fn dscps(&self) -> Vec<u8> {
        cells(&self.dscps).filter(|dscp| *dscp < 64).collect()
    }

    /// One source port of each class: that of flows in text for its class.
    pub(super) fn sources(&self) -> Vec<u16> {
        let starts: Vec<u16> = cells(&self.sources).collect();
        let usual = starts.partition_point(|start| *start <= SOURCE_PORT).saturating_sub(1);
        starts.iter().enumerate().map(|(place, start)| if place == usual { SOURCE_PORT } else { *start }).collect()
    }
}

/// What packets are told apart by though no test does: addresses must be of their family, and ports are not ICMP types.
fn sort(headers: &Headers) -> u8 {
    let family = match headers.dl_type {
        Some(EtherType::IPV4) => 1,
        Some(EtherType::IPV6) => 2,
        _ => 0,
    };
    let transport = match headers.transport {
        Some(Transport::Ports { .. }) => 1,
        Some(Transport::Icmp { .. }) => 2,
        None => 0,
    };
    family * 3 + transport
}

/// True for tests of the tag, the DSCP and the source port, which are attributes of their own.
fn is_of_tag(test: &HeaderTest) -> bool {
    matches!(test, HeaderTest::Vlan(_) | HeaderTest::Pcp(_))
        || matches!(test, HeaderTest::Present(net::Field::Vlan | net::Field::Pcp))
}

fn cut<T: Copy + Ord>(axis: &mut BTreeSet<T>, start: T, behind: Option<T>) {
    axis.insert(start);
    axis.extend(behind);
}

/// The first value of each cell of an axis.
fn cells<T: Copy + Ord + Default>(axis: &BTreeSet<T>) -> impl Iterator<Item = T> {
    let zero = (!axis.contains(&T::default())).then(T::default);
    zero.into_iter().chain(axis.iter().copied())
}
