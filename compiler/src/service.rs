//! Service classes: packets that no rule's service can tell apart are one class, found by a few binary searches.
//! Knows Ethernet type, IP protocol, destination port, ICMP type and code; every other header is left to the rules.

mod lookup;

use indexmap::{IndexMap, IndexSet};
use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use net::{EtherType, Field, IpProto, Transport};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::bits::bits_of;
pub(crate) use lookup::Lookup;

/// A conjunction of header tests, negated where the flag is false.
pub(crate) type Tests = Vec<(HeaderTest, bool)>;

/// A set of classes, numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServiceSet(u32);

/// A class, numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class(u32);

/// The sets that the rules of a policy use, before the classes are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceSets(IndexMap<Tests, ServiceSet, FxBuildHasher>);

/// The classes, and which of them each set holds.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    grid: Grid,
    /// For each cell of the grid its class.
    classes: Vec<Class>,
    /// For each class the headers of one packet in it.
    samples: Vec<Headers>,
    /// For each set one bit for each class.
    rows: Vec<Box<[u64]>>,
}

/// Values that some test names, ascending; each axis is cut where a test begins or ends.
#[derive(Clone, Debug)]
struct Grid {
    dl_types: Vec<EtherType>,
    protos: Vec<IpProto>,
    ports: Vec<u16>,
    kinds: Vec<u8>,
    codes: Vec<u8>,
}

/// True for the tests that classes decide.
pub(crate) fn is_classed(test: &HeaderTest) -> bool {
    match test {
        HeaderTest::Service(_)
        | HeaderTest::DlType(_)
        | HeaderTest::TpDst(_)
        | HeaderTest::IcmpType(_)
        | HeaderTest::IcmpCode(_) => true,
        // Classes take protocols and ports that no test names together with none at all.
        HeaderTest::Vlan(_) | HeaderTest::Pcp(_) | HeaderTest::Dscp(_) | HeaderTest::TpSrc(_) | HeaderTest::Present(_) => false,
    }
}

/// True if the headers pass the test.
pub(crate) fn passes(test: &HeaderTest, headers: &Headers) -> bool {
    let (ports, icmp) = match headers.transport {
        Some(Transport::Ports { src, dst }) => (Some((src, dst)), None),
        Some(Transport::Icmp { kind, code }) => (None, Some((kind, code))),
        None => (None, None),
    };
    match test {
        HeaderTest::Service(terms) => terms.iter().any(|term| is_term(term, headers)),
        HeaderTest::DlType(dl_type) => headers.dl_type == Some(*dl_type),
        HeaderTest::Vlan(range) => headers.vlan.and_then(|tag| tag.id).is_some_and(|id| range.contains(&id.get())),
        HeaderTest::Pcp(range) => headers.vlan.is_some_and(|tag| range.contains(&tag.pcp)),
        HeaderTest::Dscp(range) => headers.dscp.is_some_and(|dscp| range.contains(&dscp)),
        HeaderTest::TpSrc(range) => ports.is_some_and(|(src, _)| range.contains(&src)),
        HeaderTest::TpDst(range) => ports.is_some_and(|(_, dst)| range.contains(&dst)),
        HeaderTest::IcmpType(range) => icmp.is_some_and(|(kind, _)| range.contains(&kind)),
        HeaderTest::IcmpCode(range) => icmp.is_some_and(|(_, code)| range.contains(&code)),
        HeaderTest::Present(field) => match field {
            Field::DlType => headers.dl_type.is_some(),
            Field::Vlan => headers.vlan.and_then(|tag| tag.id).is_some(),
            Field::Pcp => headers.vlan.is_some(),
            Field::Dscp => headers.dscp.is_some(),
            Field::Protocol => headers.proto.is_some(),
            Field::TpSrc | Field::TpDst => ports.is_some(),
            Field::IcmpType | Field::IcmpCode => icmp.is_some(),
            Field::InPort | Field::DlSrc | Field::DlDst | Field::NwSrc | Field::NwDst => false,
        },
    }
}

fn is_term(term: &ServiceTerm, headers: &Headers) -> bool {
    match (term, headers.transport) {
        (ServiceTerm::Protocol(proto), _) => headers.proto == Some(*proto),
        (ServiceTerm::Ports(proto, range), Some(Transport::Ports { dst, .. })) => {
            headers.proto == Some(*proto) && range.contains(&dst)
        }
        (ServiceTerm::Icmp(proto, wanted, wanted_code), Some(Transport::Icmp { kind, code })) => {
            headers.proto == Some(*proto) && *wanted == kind && wanted_code.is_none_or(|wanted| wanted == code)
        }
        (ServiceTerm::Ports(..) | ServiceTerm::Icmp(..), _) => false,
    }
}

impl ServiceSets {
    /// The number of the set of packets that pass all tests.
    pub(crate) fn intern(&mut self, mut tests: Tests) -> ServiceSet {
        tests.sort_by_cached_key(|(test, wanted)| format!("{test:?} {wanted}"));
        tests.dedup();
        let next = ServiceSet(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        *self.0.entry(tests).or_insert(next)
    }

    /// Finds the classes of all sets.
    pub(crate) fn classify(&self) -> Services {
        let terms: IndexSet<HeaderTest, FxBuildHasher> =
            self.0.keys().flatten().flat_map(|(test, _)| single_terms(test)).collect();
        let grid = Grid::new(&terms);
        let (classes, samples) = grid.refine(&terms);
        let lookup = Lookup::new(&samples);
        let rows = self.0.keys().map(|tests| row(tests, &samples, &lookup)).collect();
        Services { grid, classes, samples, rows }
    }
}

/// The alternatives of a test, each of which is one box of the grid.
fn single_terms(test: &HeaderTest) -> Vec<HeaderTest> {
    match test {
        HeaderTest::Service(terms) => terms.iter().map(|term| HeaderTest::Service(vec![term.clone()])).collect(),
        other => vec![other.clone()],
    }
}

fn row(tests: &Tests, samples: &[Headers], lookup: &Lookup) -> Box<[u64]> {
    let mut bits = vec![0_u64; samples.len().div_ceil(64)];
    let wanted = tests.iter().find(|(_, wanted)| *wanted);
    for place in wanted.map_or_else(|| lookup.all(), |(test, _)| lookup.near(test)) {
        if let (Some(sample), Some(word)) = (samples.get(place), bits.get_mut(place / 64))
            && tests.iter().all(|(test, wanted)| passes(test, sample) == *wanted)
        {
            *word |= 1 << (place % 64);
        }
    }
    bits.into_boxed_slice()
}

impl Services {
    /// The class of a packet.
    pub(crate) fn class(&self, headers: &Headers) -> Class {
        self.classes.get(self.grid.cell(headers)).copied().unwrap_or(Class(u32::MAX))
    }

    /// True if the class is in the set.
    pub(crate) fn holds(&self, set: ServiceSet, class: Class) -> bool {
        let word = self.rows.get(set.0 as usize).and_then(|row| row.get(class.0 as usize / 64));
        word.is_some_and(|word| word >> (class.0 % 64) & 1 == 1)
    }

    /// True if every packet is in the set.
    pub(crate) fn is_all(&self, set: ServiceSet) -> bool {
        self.all().all(|class| self.holds(set, class))
    }

    /// The classes in a set, ascending.
    pub(crate) fn classes_of(&self, set: ServiceSet) -> impl Iterator<Item = Class> {
        let words = self.rows.get(set.0 as usize).into_iter().flat_map(|row| row.iter().enumerate());
        let places = words.flat_map(|(place, word)| bits_of(*word).map(move |bit| place * 64 + bit));
        places.map(|place| Class(u32::try_from(place).unwrap_or(u32::MAX)))
    }

    /// Every class.
    pub(crate) fn all(&self) -> impl Iterator<Item = Class> {
        (0..).map(Class).take(self.samples.len())
    }
}

impl Class {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Grid {
    fn new(terms: &IndexSet<HeaderTest, FxBuildHasher>) -> Grid {
        let mut grid = Grid { dl_types: Vec::new(), protos: Vec::new(), ports: vec![0], kinds: vec![0], codes: vec![0] };
        for term in terms {
            grid.cut(term);
        }
        grid.dl_types.sort_unstable();
        grid.dl_types.dedup();
        grid.protos.sort_unstable();
        grid.protos.dedup();
        grid.ports.sort_unstable();
        grid.ports.dedup();
        for axis in [&mut grid.kinds, &mut grid.codes] {
            axis.sort_unstable();
            axis.dedup();
        }
        grid
    }

    fn cut(&mut self, term: &HeaderTest) {
        match term {
            HeaderTest::Service(terms) => terms.iter().for_each(|term| self.cut_term(term)),
            HeaderTest::DlType(dl_type) => self.dl_types.push(*dl_type),
            HeaderTest::TpDst(range) => self.ports.extend([Some(*range.start()), range.end().checked_add(1)].iter().flatten()),
            HeaderTest::IcmpType(range) => self.kinds.extend([Some(*range.start()), range.end().checked_add(1)].iter().flatten()),
            HeaderTest::IcmpCode(range) => self.codes.extend([Some(*range.start()), range.end().checked_add(1)].iter().flatten()),
            HeaderTest::Vlan(_) | HeaderTest::Pcp(_) | HeaderTest::Dscp(_) | HeaderTest::TpSrc(_) | HeaderTest::Present(_) => {}
        }
    }

    fn cut_term(&mut self, term: &ServiceTerm) {
        match term {
            ServiceTerm::Protocol(proto) => self.protos.push(*proto),
            ServiceTerm::Ports(proto, range) => {
                self.protos.push(*proto);
                self.cut(&HeaderTest::TpDst(range.clone()));
            }
            ServiceTerm::Icmp(proto, kind, code) => {
                self.protos.push(*proto);
                self.cut(&HeaderTest::IcmpType(*kind..=*kind));
                if let Some(code) = code {
                    self.cut(&HeaderTest::IcmpCode(*code..=*code));
                }
            }
        }
    }

    /// Cells along the transport axis: no such header, one for each run of ports, one for each run of types and codes.
    fn transports(&self) -> usize {
        1 + self.ports.len() + self.kinds.len() * self.codes.len()
    }

    fn cell(&self, headers: &Headers) -> usize {
        let dl_type = place_of(&self.dl_types, headers.dl_type);
        let proto = place_of(&self.protos, headers.proto);
        let transport = match headers.transport {
            None => 0,
            Some(Transport::Ports { dst, .. }) => self.ports.partition_point(|start| *start <= dst),
            Some(Transport::Icmp { kind, code }) => {
                let kind = self.kinds.partition_point(|start| *start <= kind).saturating_sub(1);
                let code = self.codes.partition_point(|start| *start <= code).saturating_sub(1);
                1 + self.ports.len() + kind * self.codes.len() + code
            }
        };
        (dl_type * (self.protos.len() + 1) + proto) * self.transports() + transport
    }

    /// The headers of one packet in every cell, in the order of the cells.
    fn samples(&self) -> Vec<Headers> {
        let ports = self.ports.iter().map(|dst| Some(Transport::Ports { src: 0, dst: *dst }));
        let icmp =
            self.kinds.iter().flat_map(|kind| self.codes.iter().map(|code| Some(Transport::Icmp { kind: *kind, code: *code })));
        let transports: Vec<Option<Transport>> = std::iter::once(None).chain(ports).chain(icmp).collect();
        let mut samples = Vec::new();
        for dl_type in std::iter::once(None).chain(self.dl_types.iter().copied().map(Some)) {
            for proto in std::iter::once(None).chain(self.protos.iter().copied().map(Some)) {
                let of = |transport: &Option<Transport>| Headers { dl_type, proto, transport: *transport, ..Headers::default() };
                samples.extend(transports.iter().map(of));
            }
        }
        samples
    }

    /// Splits the one class of all cells by one term after the other, and gives each class a sample.
    fn refine(&self, terms: &IndexSet<HeaderTest, FxBuildHasher>) -> (Vec<Class>, Vec<Headers>) {
        let cells = self.samples();
        let classes = split(&cells, terms);
        let mut compact: IndexMap<u32, Headers, FxBuildHasher> = IndexMap::default();
        let mut numbered = Vec::with_capacity(cells.len());
        for (class, cell) in classes.iter().zip(&cells) {
            let entry = compact.entry(*class);
            numbered.push(Class(u32::try_from(entry.index()).unwrap_or(u32::MAX)));
            entry.or_insert(*cell);
        }
        (numbered, compact.into_values().collect())
    }
}

/// For each packet a number that it shares with those that no test tells from it.
pub(crate) fn split<'a>(packets: &[Headers], tests: impl IntoIterator<Item = &'a HeaderTest>) -> Vec<u32> {
    let lookup = Lookup::new(packets);
    let mut classes = vec![0_u32; packets.len()];
    let mut next = 1_u32;
    let mut moved: FxHashMap<u32, u32> = FxHashMap::default();
    for test in tests {
        moved.clear();
        for place in lookup.near(test) {
            if let (Some(class), Some(packet)) = (classes.get_mut(place), packets.get(place))
                && passes(test, packet)
            {
                *class = *moved.entry(*class).or_insert_with(|| {
                    next = next.saturating_add(1);
                    next - 1
                });
            }
        }
    }
    classes
}

/// 0 for what no test names, else its place from 1.
fn place_of<T: Ord>(axis: &[T], value: Option<T>) -> usize {
    value.and_then(|value| axis.binary_search(&value).ok()).map_or(0, |place| place + 1)
}
