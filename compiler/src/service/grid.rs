//! The grid of packets: every axis cut where a test of the policy begins or ends, so that a test takes whole cells. Knows nothing of
//! rules.

use std::ops::{Range, RangeInclusive};

use indexmap::{IndexMap, IndexSet};
use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use net::{EtherType, IpProto, Transport};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::Class;

/// Values that some test names, ascending; each axis is cut where a test begins or ends.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    dl_types: Vec<EtherType>,
    protos: Vec<IpProto>,
    ports: Vec<u16>,
    kinds: Vec<u8>,
    codes: Vec<u8>,
}

/// A box of the grid, by places along each axis.
#[derive(Clone, Debug, Default)]
pub(super) struct Area {
    dl_types: Range<usize>,
    protos: Range<usize>,
    transports: Range<usize>,
    /// Of ICMP headers only those with these codes.
    codes: Option<Range<usize>>,
}

impl Area {
    /// How many cells have to be looked at.
    pub(super) fn count(&self) -> usize {
        self.dl_types.len().saturating_mul(self.protos.len()).saturating_mul(self.transports.len())
    }
}

impl Grid {
    pub(super) fn new(terms: &IndexSet<HeaderTest, FxBuildHasher>) -> Grid {
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

    /// The place of a packet's cell.
    pub(super) fn cell(&self, headers: &Headers) -> usize {
        let dl_type = place_of(&self.dl_types, headers.dl_type);
        let proto = place_of(&self.protos, headers.proto);
        let transport = match headers.transport {
            None => 0,
            Some(Transport::Ports { dst, .. }) => self.ports.partition_point(|start| *start <= dst),
            Some(Transport::Icmp { kind, code }) => self.icmp(self.kind(kind), self.code(code)),
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

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        (self.dl_types.len() + 1).saturating_mul(self.protos.len() + 1).saturating_mul(self.transports())
    }

    /// Takes what it costs to look at the cells of all these tests; false if there is not enough left.
    pub(super) fn takes<'t>(&self, visits: &mut usize, tests: impl Iterator<Item = &'t HeaderTest>) -> bool {
        for test in tests {
            match visits.checked_sub(self.area_of_single(test).count()) {
                Some(left) => *visits = left,
                None => return false,
            }
        }
        true
    }

    /// The cells that pass a test that is no list of services.
    pub(super) fn area_of(&self, test: &HeaderTest) -> Area {
        let any = self.everywhere();
        match test {
            HeaderTest::Service(_) => any,
            HeaderTest::DlType(dl_type) => Area { dl_types: place(place_of(&self.dl_types, Some(*dl_type))), ..any },
            HeaderTest::TpDst(range) => Area { transports: self.runs(range), ..any },
            HeaderTest::IcmpType(range) => {
                let (first, last) = (self.kind(*range.start()), self.kind(*range.end()));
                Area { transports: self.icmp(first, 0)..self.icmp(last + 1, 0), ..any }
            }
            HeaderTest::IcmpCode(range) => {
                let codes = Some(self.code(*range.start())..self.code(*range.end()) + 1);
                Area { transports: self.icmp(0, 0)..self.transports(), codes, ..any }
            }
            HeaderTest::Vlan(_) | HeaderTest::Pcp(_) | HeaderTest::Dscp(_) | HeaderTest::TpSrc(_) | HeaderTest::Present(_) => any,
        }
    }

    /// The cells that pass a term of a service.
    pub(super) fn area_of_term(&self, term: &ServiceTerm) -> Area {
        let any = self.everywhere();
        let protos = |proto: IpProto| place(place_of(&self.protos, Some(proto)));
        match term {
            ServiceTerm::Protocol(proto) => Area { protos: protos(*proto), ..any },
            ServiceTerm::Ports(proto, range) => Area { protos: protos(*proto), transports: self.runs(range), ..any },
            ServiceTerm::Icmp(proto, kind, code) => {
                let kind = self.kind(*kind);
                let transports = match code {
                    None => self.icmp(kind, 0)..self.icmp(kind + 1, 0),
                    Some(code) => place(self.icmp(kind, self.code(*code))),
                };
                Area { protos: protos(*proto), transports, ..any }
            }
        }
    }

    /// The same of a test that is no list, or a list of one.
    fn area_of_single(&self, test: &HeaderTest) -> Area {
        match test {
            HeaderTest::Service(terms) => terms.first().map_or_else(Area::default, |term| self.area_of_term(term)),
            other => self.area_of(other),
        }
    }

    fn everywhere(&self) -> Area {
        Area {
            dl_types: 0..self.dl_types.len() + 1,
            protos: 0..self.protos.len() + 1,
            transports: 0..self.transports(),
            codes: None,
        }
    }

    fn kind(&self, kind: u8) -> usize {
        self.kinds.partition_point(|start| *start <= kind).saturating_sub(1)
    }

    fn code(&self, code: u8) -> usize {
        self.codes.partition_point(|start| *start <= code).saturating_sub(1)
    }

    /// The place of an ICMP type and code along the transport axis.
    fn icmp(&self, kind: usize, code: usize) -> usize {
        1 + self.ports.len() + kind * self.codes.len() + code
    }

    /// The cells of an area, by their places.
    pub(super) fn cells_of(&self, area: &Area) -> impl Iterator<Item = usize> {
        let (protos, transports, codes) = (area.protos.clone(), area.transports.clone(), area.codes.clone());
        let rows = area.dl_types.clone().flat_map(move |dl_type| {
            protos.clone().map(move |proto| (dl_type * (self.protos.len() + 1) + proto) * self.transports())
        });
        let has_code = move |transport: &usize| {
            let code = || (transport - self.icmp(0, 0)) % self.codes.len().max(1);
            codes.as_ref().is_none_or(|codes| codes.contains(&code()))
        };
        rows.flat_map(move |row| {
            let has_code = has_code.clone();
            transports.clone().filter(move |transport| has_code(transport)).map(move |transport| row + transport)
        })
    }

    /// The cells of a range of ports along the transport axis.
    fn runs(&self, range: &RangeInclusive<u16>) -> Range<usize> {
        let place = |port: &u16| self.ports.partition_point(|start| start <= port);
        place(range.start())..place(range.end()) + 1
    }

    /// Splits the one class of all cells by one term after the other, and gives each class a sample.
    pub(super) fn refine(&self, terms: &IndexSet<HeaderTest, FxBuildHasher>) -> (Vec<Class>, Vec<Headers>) {
        let cells = self.samples();
        let mut classes = vec![0_u32; cells.len()];
        let mut next = 1_u32;
        let mut moved: FxHashMap<u32, u32> = FxHashMap::default();
        for term in terms {
            moved.clear();
            for place in self.cells_of(&self.area_of_single(term)) {
                if let Some(class) = classes.get_mut(place) {
                    *class = *moved.entry(*class).or_insert_with(|| {
                        next = next.saturating_add(1);
                        next - 1
                    });
                }
            }
        }
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

/// One place alone.
fn place(place: usize) -> Range<usize> {
    place..place + 1
}

/// 0 for what no test names, else its place from 1.
fn place_of<T: Ord>(axis: &[T], value: Option<T>) -> usize {
    value.and_then(|value| axis.binary_search(&value).ok()).map_or(0, |place| place + 1)
}
