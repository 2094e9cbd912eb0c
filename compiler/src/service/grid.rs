//! The grid of packets: every axis cut where a test of the policy begins or ends, so that a test takes whole cells. Knows nothing of
//! rules.

use std::ops::{Range, RangeInclusive};

use indexmap::IndexSet;
use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use net::{EtherType, IpProto, Transport};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{Axes, Class};

/// Values that some test names, ascending; each axis is cut where a test begins or ends.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    dl_types: Vec<EtherType>,
    protos: Vec<IpProto>,
    ports: Vec<u16>,
    kinds: Vec<u8>,
    codes: Vec<u8>,
    /// For each port the last cut at or before it, where there are many cuts.
    runs: Option<Box<[u16]>>,
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
        let mut grid =
            Grid { dl_types: Vec::new(), protos: Vec::new(), ports: vec![0], kinds: vec![0], codes: vec![0], runs: None };
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
        grid.runs = (grid.ports.len() > MANY_CUTS).then(|| runs(&grid.ports));
        grid
    }

    /// Where its axes are cut.
    pub(super) fn into_axes(self) -> Axes {
        let Grid { protos, ports, kinds, codes, .. } = self;
        Axes { protos, ports, kinds, codes }
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
            Some(Transport::Ports { dst, .. }) => match self.runs.as_ref().and_then(|runs| runs.get(usize::from(dst))) {
                Some(run) => usize::from(*run) + 1,
                None => self.ports.partition_point(|start| *start <= dst),
            },
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

    /// How much it costs to find the classes that so many terms make.
    pub(super) fn cost(&self, terms: usize) -> usize {
        let rows = (self.dl_types.len() + 1).saturating_mul(self.protos.len() + 1);
        rows.saturating_mul(terms.saturating_add(self.kinds.len()))
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

    /// Gives each cell a class, and each class a sample: cells that the same few terms take are of one class. Where many take a cell, it
    /// is a class of its own, which says no less.
    pub(super) fn refine(&self, terms: &IndexSet<HeaderTest, FxBuildHasher>) -> (Vec<Class>, Vec<Headers>) {
        let areas: Vec<Area> = terms.iter().map(|term| self.area_of_single(term)).collect();
        let cells = self.samples();
        let mut numbered = Vec::with_capacity(cells.len());
        let mut samples: Vec<Headers> = Vec::new();
        let mut known: FxHashMap<Vec<u32>, Class> = FxHashMap::default();
        for dl_type in 0..=self.dl_types.len() {
            for proto in 0..=self.protos.len() {
                let mut edges = self.edges(&areas, dl_type, proto).into_iter().peekable();
                let mut open: IndexSet<u32, FxBuildHasher> = IndexSet::default();
                let mut class = None;
                for transport in 0..self.transports() {
                    while let Some(edge) = edges.next_if(|edge| edge.at <= transport) {
                        if edge.opens {
                            open.insert(edge.term)
                        } else {
                            open.swap_remove(&edge.term)
                        };
                        class = None;
                    }
                    let sample = cells.get(numbered.len()).copied().unwrap_or_default();
                    let mut fresh = || {
                        samples.push(sample);
                        Class(u32::try_from(samples.len() - 1).unwrap_or(u32::MAX))
                    };
                    let found = class.unwrap_or_else(|| match open.len() {
                        0..=MAX_TOLD => {
                            let mut told: Vec<u32> = open.iter().copied().collect();
                            told.sort_unstable();
                            *known.entry(told).or_insert_with(fresh)
                        }
                        _ => fresh(),
                    });
                    class = Some(found);
                    numbered.push(found);
                }
            }
        }
        (numbered, samples)
    }

    /// Where terms begin and end along the transport axis of one Ethernet type and one protocol, in order.
    fn edges(&self, areas: &[Area], dl_type: usize, proto: usize) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (term, area) in (0..).zip(areas) {
            if !area.dl_types.contains(&dl_type) || !area.protos.contains(&proto) {
                continue;
            }
            let mut add = |range: Range<usize>| {
                if range.is_empty() {
                    return;
                }
                edges.push(Edge { at: range.start, opens: true, term });
                edges.push(Edge { at: range.end, opens: false, term });
            };
            match &area.codes {
                None => add(area.transports.clone()),
                Some(codes) => {
                    (0..self.kinds.len()).for_each(|kind| add(self.icmp(kind, codes.start)..self.icmp(kind, codes.end)))
                }
            }
        }
        // What ends is taken away before the same term begins again.
        edges.sort_unstable_by_key(|edge| (edge.at, edge.opens, edge.term));
        edges
    }
}

/// Where a term begins or ends.
struct Edge {
    at: usize,
    opens: bool,
    term: u32,
}

/// Cells that more terms take than this are not compared with others.
const MAX_TOLD: usize = 32;

/// From this many cuts on, a table tells where a port lies.
const MANY_CUTS: usize = 16;

/// For each port the place of the last cut at or before it.
fn runs(cuts: &[u16]) -> Box<[u16]> {
    let mut runs = Vec::with_capacity(1 << 16);
    let mut place = 0;
    for port in 0..=u16::MAX {
        while cuts.get(usize::from(place) + 1).is_some_and(|next| *next <= port) {
            place += 1;
        }
        runs.push(place);
    }
    runs.into()
}

/// One place alone.
fn place(place: usize) -> Range<usize> {
    place..place + 1
}

/// 0 for what no test names, else its place from 1.
fn place_of<T: Ord>(axis: &[T], value: Option<T>) -> usize {
    value.and_then(|value| axis.binary_search(&value).ok()).map_or(0, |place| place + 1)
}
