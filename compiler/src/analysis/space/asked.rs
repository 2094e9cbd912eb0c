//! What the conditions of a policy ask, so that values are told apart no further. Knows nothing of areas.

use std::collections::HashSet;

use indexmap::IndexSet;
use lang::calendar::Window;
use lang::checked::{Aspect, BuiltIn, Checked, Cond, EndTest, Fact, GroupId, Kind, SetExpr, TimeTest};
use lang::eval::time_passes;
use net::Time;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{ADDRESS, AT, Bits, Cuts, Labels, TooComplex, USER, WHO};

/// How many instants may be looked at, and how often one may be held against a window or an end.
const MAX_STRETCHES: usize = 500_000;
const MAX_TOLD: usize = 50_000_000;

/// Stretches of time.
pub(super) struct Times {
    /// One instant of each.
    pub(super) samples: Vec<Option<Time>>,
    /// For each test those that pass it.
    pub(super) passing: FxHashMap<TimeTest, Bits>,
}

/// What is asked, over all conditions.
pub(super) struct Asked<'a> {
    pub(super) policy: &'a Checked,
    pub(super) plain: &'a [Option<usize>],
    pub(super) labels: Labels,
    pub(super) cuts: Cuts,
    pub(super) times: IndexSet<TimeTest, FxBuildHasher>,
    pub(super) at: bool,
    pub(super) mac: bool,
    pub(super) address: bool,
    pub(super) groups: HashSet<GroupId>,
    /// Groups that have come apart into their leaves.
    pub(super) apart: HashSet<GroupId>,
}

impl Asked<'_> {
    pub(super) fn add(&mut self, cond: &Cond) {
        match cond {
            Cond::End(_, test) => self.add_test(*test),
            Cond::Header(test) => self.cuts.add(test),
            Cond::Time(test) => {
                self.times.insert(*test);
            }
            Cond::Not(inner) => self.add(inner),
            Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| self.add(part)),
        }
    }

    fn add_test(&mut self, test: EndTest) {
        if let (EndTest::Group(id), None) = (test, part_of(test, self.plain))
            && self.apart.insert(id)
            && let Some(group) = self.policy.groups.get(id.index())
        {
            // It comes apart into its leaves.
            self.add_set(&group.members);
        }
        self.labels.test(test);
        if let EndTest::Group(id) = test
            && self.groups.insert(id)
            && let Some(group) = self.policy.groups.get(id.index())
        {
            self.note_groups(&group.members);
        }
        self.address |= matches!(test, EndTest::Address(_) | EndTest::Known(Aspect::Address));
        self.mac |= matches!(test, EndTest::Mac(_) | EndTest::Known(Aspect::Mac));
        self.at |= matches!(test, EndTest::Location(_) | EndTest::Switch(_) | EndTest::Known(Aspect::Location));
    }

    pub(super) fn add_fact(&mut self, fact: &Fact) {
        let (Fact::Disjoint(_, a, _) | Fact::Subset(_, a, _) | Fact::Nonempty(_, a)) = fact;
        self.add_set(a);
        if let Fact::Disjoint(_, _, b) | Fact::Subset(_, _, b) = fact {
            self.add_set(b);
        }
    }

    fn note_groups(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Leaf(EndTest::Group(id)) => {
                if self.groups.insert(*id)
                    && let Some(group) = self.policy.groups.get(id.index())
                {
                    self.note_groups(&group.members);
                }
            }
            SetExpr::Leaf(test) => {
                self.address |= matches!(test, EndTest::Address(_));
            }
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.note_groups(part)),
            SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
                self.note_groups(a);
                self.note_groups(b);
            }
        }
    }

    fn add_set(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Leaf(test) => self.add_test(*test),
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.add_set(part)),
            SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
                self.add_set(a);
                self.add_set(b);
            }
        }
    }
}

/// Every condition of a policy.
pub(super) fn conditions(policy: &Checked) -> impl Iterator<Item = &Cond> {
    let rules = policy.rules.iter().map(|rule| &rule.cond);
    let scopes = policy.sections.iter().map(|section| &section.scope);
    rules.chain(scopes).chain(policy.assertions.iter().map(|assertion| &assertion.pattern))
}

/// One instant for each stretch that the tests tell apart, unknown where nothing asks; and for each test those that pass it.
pub(super) fn times(policy: &Checked, tests: &IndexSet<TimeTest, FxBuildHasher>) -> Result<Times, TooComplex> {
    if tests.is_empty() {
        return Ok(Times { samples: vec![None], passing: FxHashMap::default() });
    }
    let windows: Vec<Window> = policy.windows();
    let mut ends: Vec<Time> =
        tests.iter().filter_map(|test| if let TimeTest::Before(end) = test { Some(*end) } else { None }).collect();
    ends.sort_unstable();
    ends.dedup();
    if policy.calendar.cost_of_stretches(&windows, &ends) > MAX_STRETCHES {
        return Err(TooComplex);
    }
    let stretches = policy.calendar.stretches(&windows, &ends);
    let named: Vec<TimeTest> = tests.iter().copied().filter(|test| !matches!(test, TimeTest::Before(_))).collect();
    if stretches.len().saturating_mul(windows.len() + named.len()) > MAX_TOLD {
        return Err(TooComplex);
    }
    // Between the same two ends all tests for an end are alike.
    let end = |test: &TimeTest| if let TimeTest::Before(end) = test { Some(*end) } else { None };
    let mut ends: Vec<Time> = tests.iter().filter_map(end).collect();
    ends.sort_unstable();
    let mut known: HashSet<(usize, Vec<bool>)> = HashSet::new();
    let told = |time: &Time| {
        let passed: Vec<bool> = named.iter().map(|test| time_passes(policy, *test, *time)).collect();
        (ends.partition_point(|end| end <= time), passed)
    };
    let samples: Vec<Option<Time>> = stretches.into_iter().filter(|time| known.insert(told(time))).map(Some).collect();
    if samples.len().saturating_mul(tests.len()) > MAX_TOLD {
        return Err(TooComplex);
    }
    let passes = |class: usize, test| samples.get(class).copied().flatten().is_some_and(|time| time_passes(policy, test, time));
    let passing = tests.iter().map(|test| (*test, Bits::of(samples.len(), |class| passes(class, *test)))).collect();
    Ok(Times { samples, passing })
}

/// For each group the one attribute that decides it.
pub(super) fn plain_groups(policy: &Checked) -> Vec<Option<usize>> {
    let mut plain: Vec<Option<usize>> = Vec::with_capacity(policy.groups.len());
    for group in &policy.groups {
        let part = match group.dynamic {
            Some(_) => None,
            None => set_part(&group.members, &plain).unwrap_or(Some(match group.kind {
                Kind::User => USER,
                Kind::Location | Kind::Switch => AT,
                Kind::Network => ADDRESS,
                Kind::Host | Kind::Mac | Kind::Service => WHO,
            })),
        };
        plain.push(part);
    }
    plain
}

/// The one attribute that decides a set: nothing where it has no leaf, nothing inside where there are several.
fn set_part(set: &SetExpr, plain: &[Option<usize>]) -> Option<Option<usize>> {
    let join = |a: Option<Option<usize>>, b: Option<Option<usize>>| match (a, b) {
        (None, other) | (other, None) => other,
        (Some(a), Some(b)) => Some(a.filter(|a| b == Some(*a))),
    };
    match set {
        SetExpr::Leaf(test) => Some(part_of(*test, plain)),
        SetExpr::Union(parts) => parts.iter().fold(None, |all, part| join(all, set_part(part, plain))),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => join(set_part(a, plain), set_part(b, plain)),
    }
}

pub(super) fn part_of(test: EndTest, plain: &[Option<usize>]) -> Option<usize> {
    match test {
        EndTest::User(_) | EndTest::BuiltIn(BuiltIn::Unauthenticated | BuiltIn::Authenticated) => Some(USER),
        EndTest::Host(_) | EndTest::Mac(_) | EndTest::BuiltIn(_) | EndTest::Known(Aspect::Mac) => Some(WHO),
        EndTest::Location(_) | EndTest::Switch(_) | EndTest::Known(Aspect::Location) => Some(AT),
        EndTest::Address(_) | EndTest::Known(Aspect::Address) => Some(ADDRESS),
        EndTest::Group(id) => plain.get(id.index()).copied().flatten(),
    }
}
