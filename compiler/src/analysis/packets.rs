//! Classes of packets: headers that no test of the policy tells apart, of packets that there can be. Knows nothing of ends.

use std::collections::BTreeSet;

use indexmap::IndexSet;
use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use lang::flowspec::SOURCE_PORT;
use net::{EtherType, Field, IpProto, Transport, VlanId, VlanTag};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::area::{Bits, bits_of};
use super::space::TooComplex;
use crate::service::{ServiceSets, is_classed, passes};

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
    /// Some test asks for ports whatever the protocol: each protocol that has them counts, named or not.
    any_ports: bool,
    /// Later fragments are packets, too.
    fragments: bool,
    /// Every test of the one attribute that joins Ethernet type, protocol, and what follows.
    tests: IndexSet<HeaderTest, FxBuildHasher>,
    /// Every test of the tag.
    tags: IndexSet<HeaderTest, FxBuildHasher>,
}

/// Classes of packets, by Ethernet type, protocol, destination port, ICMP type and code.
#[derive(Debug)]
pub(super) struct Packets {
    /// One packet of each class.
    pub(super) headers: Vec<Headers>,
    /// How many ports or sorts of packet each stands for.
    pub(super) weights: Vec<f64>,
    /// For each test the classes that pass it.
    pub(super) passing: FxHashMap<HeaderTest, Bits>,
}

/// How many packets may be told apart by how many tests, and how many words the classes of all tests may take.
const MAX_TOLD: usize = 64_000_000;
const MAX_WORDS: usize = 16_000_000;

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
        self.any_ports |=
            matches!(test, HeaderTest::TpSrc(_) | HeaderTest::TpDst(_) | HeaderTest::Present(Field::TpSrc | Field::TpDst));
        let tests = if is_of_tag(test) { &mut self.tags } else { &mut self.tests };
        if !tests.contains(test) {
            tests.insert(test.clone());
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

    /// The classes of packets.
    pub(super) fn packets(&self) -> Result<Packets, TooComplex> {
        // Most tests are of services, ports and the like, for which there are classes already: what they say of one packet of a
        // class they say of all. The few others are asked of each packet.
        let (classed, others): (Vec<&HeaderTest>, Vec<&HeaderTest>) = self.tests.iter().partition(|test| is_classed(test));
        let mut sets = ServiceSets::default();
        let numbers: Vec<_> = classed.iter().map(|test| sets.intern(vec![((*test).clone(), true)])).collect();
        let services = sets.classify().ok_or(TooComplex)?;
        let candidates = self.candidates();
        let words = classed.len().div_ceil(64);
        let classes = services.all().count();
        if classes.saturating_mul(words) > MAX_WORDS || candidates.len().saturating_mul(others.len() + 1) > MAX_TOLD {
            return Err(TooComplex);
        }
        let mut told: Vec<Vec<u64>> = vec![vec![0; words]; classes];
        for (place, number) in numbers.iter().enumerate() {
            for class in services.classes_of(*number) {
                if let Some(word) = told.get_mut(class.index()).and_then(|told| told.get_mut(place / 64)) {
                    *word |= 1 << (place % 64);
                }
            }
        }
        // Classes that no test tells apart are one: the first of them stands for all.
        let mut first: FxHashMap<&[u64], usize> = FxHashMap::default();
        let alike: Vec<usize> =
            told.iter().enumerate().map(|(class, told)| *first.entry(told.as_slice()).or_insert(class)).collect();
        let mut known: FxHashMap<(u8, usize, Vec<bool>), usize> = FxHashMap::default();
        let mut packets = Packets { headers: Vec::new(), weights: Vec::new(), passing: FxHashMap::default() };
        let mut tells: Vec<&[u64]> = Vec::new();
        for (headers, weight) in candidates {
            let class = alike.get(services.class(&headers).index()).copied().unwrap_or(0);
            let asked: Vec<bool> = others.iter().map(|test| passes(test, &headers)).collect();
            match known.get(&(sort(&headers), class, asked.clone())).and_then(|place| packets.weights.get_mut(*place)) {
                Some(all) => *all += weight,
                None => {
                    known.insert((sort(&headers), class, asked), packets.headers.len());
                    packets.headers.push(headers);
                    packets.weights.push(weight);
                    tells.push(told.get(class).map_or(&[], Vec::as_slice));
                }
            }
        }
        let size = packets.headers.len();
        if size.div_ceil(64).saturating_mul(self.tests.len()) > MAX_WORDS {
            return Err(TooComplex);
        }
        let mut passing: Vec<Bits> = classed.iter().map(|_| Bits::none(size)).collect();
        for (packet, told) in tells.iter().enumerate() {
            for (word, first) in told.iter().zip((0..).step_by(64)) {
                for bit in bits_of(*word) {
                    if let Some(bits) = passing.get_mut(first + bit) {
                        bits.add(packet);
                    }
                }
            }
        }
        let passed = |test: &HeaderTest| Bits::of(size, |class| packets.headers.get(class).is_some_and(|one| passes(test, one)));
        let others: Vec<(HeaderTest, Bits)> = others.into_iter().map(|test| (test.clone(), passed(test))).collect();
        packets.passing = classed.into_iter().cloned().zip(passing).chain(others).collect();
        Ok(packets)
    }

    /// Packets that there can be, the most usual first; fragments and packets without a protocol start no conversation.
    fn candidates(&self) -> Vec<(Headers, f64)> {
        let mut all = Vec::new();
        for dl_type in [EtherType::IPV4, EtherType::IPV6] {
            let mut protos = vec![IpProto::TCP, IpProto::UDP];
            protos.push(if dl_type == EtherType::IPV4 { IpProto::ICMP } else { IpProto::ICMPV6 });
            protos.extend(self.any_ports.then_some(IpProto::SCTP));
            protos.extend(self.protos.iter().map(|proto| IpProto(*proto)).chain(self.other_proto()));
            let foreign = if dl_type == EtherType::IPV4 { IpProto::ICMPV6 } else { IpProto::ICMP };
            for (place, proto) in protos.iter().enumerate() {
                if protos.iter().take(place).any(|earlier| earlier == proto) {
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
                    // Nobody knows what follows the header of a protocol that belongs to the other family.
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

    /// For each test of the tag the classes of these that pass it.
    pub(super) fn passing_tags(&self, tags: &[Option<VlanTag>]) -> Result<FxHashMap<HeaderTest, Bits>, TooComplex> {
        if tags.len().saturating_mul(self.tags.len()) > MAX_TOLD {
            return Err(TooComplex);
        }
        let with = |vlan| Headers { vlan, ..Headers::default() };
        let passed = |test| Bits::of(tags.len(), |class| tags.get(class).is_some_and(|tag| passes(test, &with(*tag))));
        Ok(self.tags.iter().map(|test| (test.clone(), passed(test))).collect())
    }

    /// One VLAN tag of each class, none first.
    pub(super) fn tags(&self) -> Vec<Option<VlanTag>> {
        let mut tags = vec![None];
        if !self.tags.is_empty() {
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

/// What is told of a packet without any test: the family, of which addresses must be, and what stands behind the header.
pub(super) fn sort(headers: &Headers) -> u8 {
    let family = match headers.dl_type {
        Some(EtherType::IPV4) => 1,
        Some(EtherType::IPV6) => 2,
        _ => 0,
    };
    let behind = match headers.transport {
        Some(Transport::Ports { .. }) => 1,
        Some(Transport::Icmp { .. }) => 2,
        None => 0,
    };
    family * 3 + behind
}

/// True for tests of the tag, the DSCP and the source port, which are attributes of their own.
fn is_of_tag(test: &HeaderTest) -> bool {
    matches!(test, HeaderTest::Vlan(_) | HeaderTest::Pcp(_)) || matches!(test, HeaderTest::Present(Field::Vlan | Field::Pcp))
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
