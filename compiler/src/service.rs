//! Service classes: packets that no rule's service can tell apart are one class, found by a few binary searches.
//! Knows Ethernet type, IP protocol, destination port, ICMP type and code; every other header is left to the rules.

use std::hash::BuildHasher;
use std::sync::Arc;

use indexmap::IndexSet;
use lang::checked::{HeaderTest, ServiceTerm};
use lang::flow::Headers;
use net::{Field, IpProto, Transport};
use rustc_hash::{FxBuildHasher, FxHashMap};

use grid::Grid;

mod grid;

/// A conjunction of header tests, negated where the flag is false.
pub(crate) type Tests = Vec<(HeaderTest, bool)>;

/// A set of classes, numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServiceSet(u32);

/// A class, numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class(u32);

/// The sets that the rules of a policy use.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceSets {
    numbers: FxHashMap<Arc<Tests>, ServiceSet>,
    all: Vec<Arc<Tests>>,
}

/// The classes, and which of them each set holds.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    sets: ServiceSets,
    /// What classes are told apart by.
    terms: IndexSet<HeaderTest, FxBuildHasher>,
    grid: Grid,
    /// For each cell of the grid its class.
    classes: Vec<Class>,
    /// For each class the headers of one packet in it.
    samples: Vec<Headers>,
    /// For each set its classes.
    rows: Vec<Row>,
    /// For each set whether all packets of its classes are in it; in one that came later some may not be, and its tests tell.
    exact: Vec<bool>,
    /// How many sets came later.
    late: usize,
}

/// The classes of one set.
#[derive(Clone, Debug)]
enum Row {
    /// A few, ascending.
    Few(Box<[u32]>),
    /// One bit for each class.
    Bits(Box<[u64]>),
}

impl Row {
    /// In whichever form is the smaller one.
    fn of(bits: Vec<u64>) -> Row {
        let count: usize = bits.iter().map(|word| word.count_ones() as usize).sum();
        if count >= 2 * bits.len() {
            return Row::Bits(bits.into());
        }
        let few = (0..).step_by(64).zip(&bits).flat_map(|(first, word)| bits_of(*word).map(move |bit| first + bit));
        Row::Few(few.collect())
    }

    fn has(&self, class: u32) -> bool {
        match self {
            Row::Few(few) => few.binary_search(&class).is_ok(),
            Row::Bits(bits) => bits.get(class as usize / 64).is_some_and(|word| word >> (class % 64) & 1 == 1),
        }
    }

    /// How much room it takes, in words.
    fn words(&self) -> usize {
        match self {
            Row::Few(few) => few.len().div_ceil(2) + 1,
            Row::Bits(bits) => bits.len(),
        }
    }
}

/// The places of the bits that are set, ascending.
fn bits_of(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

/// Where tests of services begin and end, along each axis: ascending, from the least value on.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    pub(crate) protos: Vec<IpProto>,
    pub(crate) ports: Vec<u16>,
    pub(crate) kinds: Vec<u8>,
    pub(crate) codes: Vec<u8>,
}

impl Axes {
    /// Of these tests, which classes decide.
    pub(crate) fn of<'a>(tests: impl Iterator<Item = &'a HeaderTest>) -> Axes {
        let terms = tests.flat_map(single_terms).collect();
        Grid::new(&terms).into_axes()
    }
}

/// How many cells the grid may have, how many of them may be looked at for all tests together, and how many words the rows may take.
const MAX_CELLS: usize = 4_000_000;
const MAX_VISITS: usize = 100_000_000;
const MAX_WORDS: usize = 16_000_000;

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
        tests.sort_by_cached_key(|test| FxBuildHasher.hash_one(test));
        tests.dedup();
        if let Some(known) = self.numbers.get(&tests) {
            return *known;
        }
        let tests = Arc::new(tests);
        let next = ServiceSet(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(Arc::clone(&tests));
        self.numbers.insert(tests, next);
        next
    }

    /// The tests of a set, in an order of their own.
    pub(crate) fn tests(&self, set: ServiceSet) -> Option<&Arc<Tests>> {
        self.all.get(set.0 as usize)
    }

    /// Finds the classes of all sets; nothing if they are too many, or cost too much to be found.
    pub(crate) fn classify(&self) -> Option<Services> {
        let mut terms: IndexSet<HeaderTest, FxBuildHasher> = IndexSet::default();
        // Sets mostly share their services.
        let tests: IndexSet<&HeaderTest, FxBuildHasher> =
            self.all.iter().flat_map(|tests| tests.iter()).map(|(test, _)| test).collect();
        tests.iter().for_each(|test| terms.extend(single_terms(test)));
        let grid = Grid::new(&terms);
        let mut visits = MAX_VISITS;
        if grid.cells() > MAX_CELLS || grid.cost(terms.len()) > MAX_VISITS {
            return None;
        }
        let (classes, samples) = grid.refine(&terms);
        let rows = Vec::with_capacity(self.all.len());
        let exact = vec![true; self.all.len()];
        let mut services = Services { sets: self.clone(), terms, grid, classes, samples, rows, exact, late: 0 };
        let mut words = 0_usize;
        for tests in &self.all {
            let row = services.row(tests, &mut visits)?;
            words = words.saturating_add(row.words());
            if words > MAX_WORDS {
                return None;
            }
            services.rows.push(row);
        }
        Some(services)
    }
}

/// The alternatives of a test, each of which is one box of the grid.
fn single_terms(test: &HeaderTest) -> Vec<HeaderTest> {
    match test {
        HeaderTest::Service(terms) => terms.iter().map(|term| HeaderTest::Service([term.clone()].into())).collect(),
        other => vec![other.clone()],
    }
}

impl Services {
    /// No set is told from another: each holds every packet.
    pub(crate) fn all_alike(sets: &ServiceSets) -> Services {
        let grid = Grid::new(&IndexSet::default());
        let (classes, samples) = grid.refine(&IndexSet::default());
        let rows = sets.all.iter().map(|_| Row::of(vec![1])).collect();
        let exact = sets.all.iter().map(|tests| tests.is_empty()).collect();
        Services { sets: sets.clone(), terms: IndexSet::default(), grid, classes, samples, rows, exact, late: 0 }
    }

    /// The number of the set of packets that pass all tests; one that is not known yet is told by its tests where the classes do
    /// not tell it. Nothing if that would be too much to look at.
    pub(crate) fn add(&mut self, tests: Tests) -> Option<ServiceSet> {
        let set = self.sets.intern(tests);
        if self.rows.len() < self.sets.all.len() {
            let tests = Arc::clone(self.sets.tests(set)?);
            let row = self.row(&tests, &mut MAX_VISITS.clone())?;
            self.exact.push(tests.iter().all(|(test, _)| self.tells(test)));
            self.rows.push(row);
            self.late += 1;
        }
        Some(set)
    }

    /// True if so many sets came later that classes are better found anew.
    pub(crate) fn is_worn(&self) -> bool {
        self.late > 64 + (self.rows.len() - self.late) / 8
    }

    /// The tests of a set.
    pub(crate) fn tests(&self, set: ServiceSet) -> Option<&Arc<Tests>> {
        self.sets.tests(set)
    }

    /// True if a packet's class tells whether it passes.
    fn tells(&self, test: &HeaderTest) -> bool {
        single_terms(test).iter().all(|term| self.terms.contains(term))
    }

    /// True if a packet of the class is in the set whenever the class is.
    pub(crate) fn is_exact(&self, set: ServiceSet) -> bool {
        self.exact.get(set.0 as usize).copied().unwrap_or(false)
    }

    /// Which classes have packets that pass all tests, or may have; nothing if that would be too much to look at.
    fn row(&self, tests: &Tests, visits: &mut usize) -> Option<Row> {
        if let [(test, true)] = tests.as_slice() {
            let mut few = Vec::new();
            self.passing(test, visits, |class| few.push(class))?;
            few.sort_unstable();
            few.dedup();
            if few.len() < self.samples.len() / 32 {
                return Some(Row::Few(few.into()));
            }
        }
        let mut row = vec![u64::MAX; self.samples.len().div_ceil(64)];
        *visits = visits.checked_sub(row.len())?;
        if let (Some(last), rest @ 1..) = (row.last_mut(), self.samples.len() % 64) {
            *last = (1 << rest) - 1;
        }
        for (test, wanted) in tests {
            let mut passing = vec![0_u64; row.len()];
            // What only some packets of a class pass, others do not.
            if !*wanted && !self.tells(test) {
                continue;
            }
            self.passing(test, visits, |class| {
                if let Some(word) = passing.get_mut(class as usize / 64) {
                    *word |= 1 << (class % 64);
                }
            })?;
            for (word, passing) in row.iter_mut().zip(&passing) {
                *word &= if *wanted { *passing } else { !passing };
            }
        }
        Some(Row::of(row))
    }

    /// Tells of each class that passes a test, some several times. Only cells are looked at that can.
    fn passing(&self, test: &HeaderTest, visits: &mut usize, mut tell: impl FnMut(u32)) -> Option<()> {
        let mut mark = |cell: usize| {
            if let Some(Class(class)) = self.classes.get(cell) {
                tell(*class);
            }
        };
        match test {
            HeaderTest::Service(terms) => terms.iter().try_for_each(|term| {
                let area = self.grid.area_of_term(term);
                *visits = visits.checked_sub(area.count())?;
                self.grid.cells_of(&area).for_each(&mut mark);
                Some(())
            }),
            other => {
                let area = self.grid.area_of(other);
                *visits = visits.checked_sub(area.count())?;
                self.grid.cells_of(&area).for_each(&mut mark);
                Some(())
            }
        }
    }

    /// How many bytes they take, by the size of their tables.
    pub(crate) fn bytes(&self) -> usize {
        let rows: usize = self.rows.iter().map(|row| size_of::<Row>() + 8 * row.words()).sum();
        let sets: usize = self.sets.all.iter().map(|tests| 48 + tests.capacity() * size_of::<(HeaderTest, bool)>()).sum();
        let terms = self.terms.capacity() * (size_of::<HeaderTest>() + 2 * size_of::<usize>());
        rows + sets + terms + self.classes.capacity() * size_of::<Class>() + self.samples.capacity() * size_of::<Headers>()
    }

    /// The class of a packet.
    pub(crate) fn class(&self, headers: &Headers) -> Class {
        self.classes.get(self.grid.cell(headers)).copied().unwrap_or(Class(u32::MAX))
    }

    /// True if the class is in the set.
    pub(crate) fn holds(&self, set: ServiceSet, class: Class) -> bool {
        self.rows.get(set.0 as usize).is_some_and(|row| row.has(class.0))
    }

    /// The classes of a set, ascending.
    pub(crate) fn classes_of(&self, set: ServiceSet) -> impl Iterator<Item = Class> {
        let (few, bits): (&[u32], &[u64]) = match self.rows.get(set.0 as usize) {
            Some(Row::Few(few)) => (few, &[]),
            Some(Row::Bits(bits)) => (&[], bits),
            None => (&[], &[]),
        };
        let many = (0..).step_by(64).zip(bits).flat_map(|(first, word)| bits_of(*word).map(move |bit| first + bit));
        few.iter().copied().chain(many).map(Class)
    }

    /// True if every packet is in the set.
    pub(crate) fn is_all(&self, set: ServiceSet) -> bool {
        self.is_exact(set) && self.all().all(|class| self.holds(set, class))
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
