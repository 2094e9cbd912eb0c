//! Labels: whatever a rule can name about one end, numbered; and the record of an end, which is the list of its labels.
//! Knows groups and their nesting; knows nothing of rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use indexmap::IndexMap;
use lang::checked::{Aspect, BuiltIn, Checked, EndTest, GroupId, SetExpr};
use lang::flow::{End, Person, Place};
use net::{Location, MacAddr, Prefix};
use rustc_hash::{FxBuildHasher, FxHashSet};

/// A label. Those of the policy's groups are the groups' own numbers; all others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LabelId(u32);

/// What a label says of an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Meaning {
    /// It passes this test.
    Test(EndTest),
    /// It passes one of these: a list in a rule, ascending.
    AnyOf(Vec<EndTest>),
}

/// All labels of a policy. Groups and built-in sets have theirs from the start, individuals only if a rule names them.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    meanings: Vec<Meaning>,
    weights: Vec<u64>,
    lists: IndexMap<Vec<EndTest>, LabelId, FxBuildHasher>,
    atoms: IndexMap<EndTest, Atom, FxBuildHasher>,
    /// For each group what its members must pass; nothing if every end that passes one of its leaves is a member.
    forms: Vec<Option<Form>>,
    /// Family and length of every prefix that is an atom.
    lengths: BTreeSet<(bool, u8)>,
}

/// A set, so that it is soon told of an end whether it is a member.
#[derive(Clone, Debug)]
enum Form {
    /// Those that pass one of the tests, or are in one of the other sets.
    AnyOf(FxHashSet<EndTest>, Vec<Form>),
    /// Those in both.
    Both(Box<Form>, Box<Form>),
    /// Those in the first but not in the second.
    Without(Box<Form>, Box<Form>),
}

/// One test that occurs in a group or a rule.
#[derive(Clone, Debug, Default)]
struct Atom {
    label: Option<LabelId>,
    /// Sets that an end can only be in by passing this test or another one that leads to them.
    sets: Vec<LabelId>,
}

/// An end as one of its users: the labels it has, and a Bloom filter of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    labels: Box<[LabelId]>,
    fingerprint: [u64; 8],
}

/// How many members a dynamic group is taken to have.
const DYNAMIC_WEIGHT: u64 = 1 << 10;

const BUILT_IN: [BuiltIn; 9] = [
    BuiltIn::Unauthenticated,
    BuiltIn::Authenticated,
    BuiltIn::Registered,
    BuiltIn::Unregistered,
    BuiltIn::Internet,
    BuiltIn::Gateway,
    BuiltIn::Broadcast,
    BuiltIn::Multicast,
    BuiltIn::Controller,
];

impl LabelId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// Word and bit in a fingerprint: Fibonacci hashing to 9 bits.
    fn bit(self) -> (usize, u64) {
        let hash = self.0.wrapping_mul(0x9e37_79b9) >> 23;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }
}

impl Labels {
    /// The labels that need no rule: groups and built-in sets.
    pub(crate) fn new(policy: &Checked) -> Labels {
        let mut labels = Labels {
            meanings: Vec::new(),
            weights: Vec::new(),
            lists: IndexMap::default(),
            atoms: IndexMap::default(),
            forms: Vec::new(),
            lengths: BTreeSet::new(),
        };
        for (group, id) in policy.groups.iter().zip((0..).map(GroupId)) {
            let weight = if group.dynamic.is_some() { DYNAMIC_WEIGHT } else { labels.set_weight(&group.members) };
            let label = labels.add(Meaning::Test(EndTest::Group(id)), weight);
            labels.atom(EndTest::Group(id)).label = Some(label);
            labels.forms.push((!is_plain(&group.members)).then(|| Form::of(&group.members)));
            labels.note_leaves(&group.members);
            labels.lead_to(&group.members, label);
        }
        for built_in in BUILT_IN {
            labels.test(EndTest::BuiltIn(built_in));
        }
        labels
    }

    /// The label of a test in a rule.
    pub(crate) fn test(&mut self, test: EndTest) -> LabelId {
        if let Some(label) = self.find(test) {
            return label;
        }
        let weight = self.test_weight(test);
        let label = self.add(Meaning::Test(test), weight);
        self.atom(test).label = Some(label);
        label
    }

    /// The label of a list of alternatives in a rule: a group without a name.
    pub(crate) fn any_of(&mut self, mut tests: Vec<EndTest>) -> LabelId {
        tests.sort_unstable();
        tests.dedup();
        if let [test] = tests.as_slice() {
            return self.test(*test);
        }
        if let Some(label) = self.lists.get(&tests) {
            return *label;
        }
        let weight = tests.iter().fold(0_u64, |sum, test| sum.saturating_add(self.test_weight(*test)));
        let label = self.add(Meaning::AnyOf(tests.clone()), weight);
        for test in &tests {
            self.atom(*test).sets.push(label);
        }
        self.lists.insert(tests, label);
        label
    }

    /// The label of a test, if it has one.
    pub(crate) fn find(&self, test: EndTest) -> Option<LabelId> {
        self.atoms.get(&test).and_then(|atom| atom.label)
    }

    /// Every MAC address that a group or a rule names.
    pub(crate) fn named_macs(&self) -> Vec<MacAddr> {
        self.atoms.keys().filter_map(|test| if let EndTest::Mac(mac) = test { Some(*mac) } else { None }).collect()
    }

    /// Every port that a group or a rule names.
    pub(crate) fn named_locations(&self) -> Vec<Location> {
        self.atoms.keys().filter_map(|test| if let EndTest::Location(at) = test { Some(*at) } else { None }).collect()
    }

    /// What a label says.
    pub(crate) fn meaning(&self, label: LabelId) -> Option<&Meaning> {
        self.meanings.get(label.index())
    }

    /// How many ends will have the label, by order of magnitude: a function of the policy's text alone.
    pub(crate) fn weight(&self, label: LabelId) -> u64 {
        self.weights.get(label.index()).copied().unwrap_or(u64::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.meanings.len()
    }

    /// The records of an end, one for each of its users, or one for `none`.
    pub(crate) fn records(&self, policy: &Checked, end: &End) -> Vec<Record> {
        faces(end).map(|user| self.record(policy, end, user)).collect()
    }

    /// The record of an end as this user. Sets are settled in ascending order, in which every set comes after those it names;
    /// only sets that something true leads to are looked at.
    pub(crate) fn record(&self, policy: &Checked, end: &End, user: Option<&Person>) -> Record {
        let mut labels = Vec::new();
        let mut passed = Vec::new();
        let mut agenda: BTreeSet<LabelId> = BTreeSet::new();
        for test in self.tests_passed(end, user) {
            if let Some(atom) = self.atoms.get(&test) {
                passed.push(test);
                labels.extend(atom.label);
                agenda.extend(&atom.sets);
            }
        }
        while let Some(set) = agenda.pop_first() {
            let group = policy.groups.get(set.index());
            let member = match self.forms.get(set.index()) {
                Some(Some(form)) => form.holds(&passed),
                Some(None) | None => true,
            };
            if member {
                labels.push(set);
            }
            if member && group.is_some() {
                let test = EndTest::Group(GroupId(set.0));
                passed.push(test);
                agenda.extend(self.atoms.get(&test).iter().flat_map(|atom| &atom.sets));
            }
        }
        Record::new(labels)
    }

    /// True if the end as this user passes the test, which need not have a label.
    pub(crate) fn passes(&self, policy: &Checked, end: &End, user: Option<&Person>, test: EndTest) -> bool {
        match (test, self.find(test)) {
            (_, Some(label)) => self.record(policy, end, user).has(label),
            (EndTest::Address(prefix), None) => end.address.is_some_and(|address| prefix.contains(address)),
            (_, None) => self.tests_passed(end, user).contains(&test),
        }
    }

    /// Every test but membership in groups of the text that the end passes and that may be an atom.
    fn tests_passed(&self, end: &End, user: Option<&Person>) -> Vec<EndTest> {
        let mut tests = Vec::with_capacity(24);
        tests.extend(user.and_then(|person| person.user).map(EndTest::User));
        tests.extend(user.into_iter().flat_map(|person| &person.groups).chain(&end.groups).copied().map(EndTest::Group));
        tests.extend(end.host.map(EndTest::Host));
        tests.extend(end.location.map(EndTest::Location));
        tests.extend(end.location.map(|location| EndTest::Switch(location.dpid)));
        tests.extend(end.mac.map(EndTest::Mac));
        tests.extend(end.address.into_iter().flat_map(|address| self.prefixes_of(address)));
        tests.extend(end.location.map(|_| EndTest::Known(Aspect::Location)));
        tests.extend(end.mac.map(|_| EndTest::Known(Aspect::Mac)));
        tests.extend(end.address.map(|_| EndTest::Known(Aspect::Address)));
        tests.extend(BUILT_IN.into_iter().filter(|set| is_in(*set, end, user)).map(EndTest::BuiltIn));
        tests
    }

    fn prefixes_of(&self, address: IpAddr) -> impl Iterator<Item = EndTest> {
        let family = self.lengths.range((address.is_ipv6(), 0)..=(address.is_ipv6(), u8::MAX));
        family.filter_map(move |(_, length)| Prefix::truncate(address, *length)).map(EndTest::Address)
    }

    fn add(&mut self, meaning: Meaning, weight: u64) -> LabelId {
        let label = LabelId(u32::try_from(self.meanings.len()).unwrap_or(u32::MAX));
        self.meanings.push(meaning);
        self.weights.push(weight);
        label
    }

    fn atom(&mut self, test: EndTest) -> &mut Atom {
        if let EndTest::Address(prefix) = test {
            self.lengths.insert((prefix.network().is_ipv6(), prefix.length()));
        }
        self.atoms.entry(test).or_default()
    }

    fn note_leaves(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Leaf(test) => {
                self.atom(*test);
            }
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.note_leaves(part)),
            SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
                self.note_leaves(a);
                self.note_leaves(b);
            }
        }
    }

    /// Notes the set at tests of which at least one holds for every member. For `a & b` and `a - b` those of `a` are enough.
    fn lead_to(&mut self, set: &SetExpr, label: LabelId) {
        match set {
            SetExpr::Leaf(test) => {
                let sets = &mut self.atom(*test).sets;
                if sets.last() != Some(&label) {
                    sets.push(label);
                }
            }
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.lead_to(part, label)),
            SetExpr::Intersection(a, _) | SetExpr::Difference(a, _) => self.lead_to(a, label),
        }
    }

    fn test_weight(&self, test: EndTest) -> u64 {
        match test {
            EndTest::User(_) | EndTest::Host(_) | EndTest::Location(_) | EndTest::Mac(_) => 1,
            EndTest::Switch(_) => 48,
            EndTest::Address(prefix) => {
                let width: u8 = if prefix.network().is_ipv4() { 32 } else { 128 };
                1 << width.saturating_sub(prefix.length()).min(24)
            }
            EndTest::Group(id) => self.weight(LabelId(id.0)),
            EndTest::BuiltIn(BuiltIn::Gateway | BuiltIn::Controller) => 1,
            EndTest::BuiltIn(BuiltIn::Broadcast | BuiltIn::Multicast) => 1 << 10,
            EndTest::BuiltIn(BuiltIn::Internet) => 1 << 32,
            EndTest::BuiltIn(BuiltIn::Unauthenticated | BuiltIn::Authenticated) => 1 << 33,
            EndTest::BuiltIn(BuiltIn::Registered | BuiltIn::Unregistered) | EndTest::Known(_) => 1 << 33,
        }
    }

    fn set_weight(&self, set: &SetExpr) -> u64 {
        match set {
            SetExpr::Leaf(test) => self.test_weight(*test),
            SetExpr::Union(parts) => parts.iter().fold(0, |sum, part| self.set_weight(part).saturating_add(sum)),
            SetExpr::Intersection(a, b) => self.set_weight(a).min(self.set_weight(b)),
            SetExpr::Difference(a, _) => self.set_weight(a),
        }
    }
}

impl Record {
    fn new(mut labels: Vec<LabelId>) -> Record {
        labels.sort_unstable();
        labels.dedup();
        let mut fingerprint = [0; 8];
        for label in &labels {
            let (word, bit) = label.bit();
            if let Some(word) = fingerprint.get_mut(word) {
                *word |= bit;
            }
        }
        Record { labels: labels.into_boxed_slice(), fingerprint }
    }

    /// The labels, ascending.
    pub(crate) fn labels(&self) -> &[LabelId] {
        &self.labels
    }

    /// True if the end has the label; most that it has not are told by the fingerprint alone.
    pub(crate) fn has(&self, label: LabelId) -> bool {
        let (word, bit) = label.bit();
        self.fingerprint.get(word).is_some_and(|word| word & bit != 0) && self.labels.binary_search(&label).is_ok()
    }
}

/// The users of an end, or `none` where there is no user: never empty.
pub(crate) fn faces(end: &End) -> impl Iterator<Item = Option<&Person>> {
    let nobody = end.users.is_empty().then_some(None);
    nobody.into_iter().chain(end.users.iter().map(Some))
}

fn is_in(set: BuiltIn, end: &End, user: Option<&Person>) -> bool {
    match set {
        BuiltIn::Unauthenticated => user.is_none(),
        BuiltIn::Authenticated => user.is_some(),
        BuiltIn::Registered => end.host.is_some(),
        BuiltIn::Unregistered => end.host.is_none() && end.place == Place::Inside,
        BuiltIn::Internet => matches!(end.place, Place::Internet(_)),
        BuiltIn::Gateway => matches!(end.place, Place::Gateway(_)),
        BuiltIn::Broadcast => end.place == Place::Broadcast,
        BuiltIn::Multicast => end.place == Place::Multicast,
        BuiltIn::Controller => end.place == Place::Controller,
    }
}

fn is_plain(set: &SetExpr) -> bool {
    match set {
        SetExpr::Leaf(_) => true,
        SetExpr::Union(parts) => parts.iter().all(is_plain),
        SetExpr::Intersection(..) | SetExpr::Difference(..) => false,
    }
}

impl Form {
    fn of(set: &SetExpr) -> Form {
        let boxed = |set: &SetExpr| Box::new(Form::of(set));
        match set {
            SetExpr::Leaf(test) => Form::AnyOf(FxHashSet::from_iter([*test]), Vec::new()),
            SetExpr::Union(parts) => {
                let leaf = |part: &SetExpr| if let SetExpr::Leaf(test) = part { Some(*test) } else { None };
                let tests = parts.iter().filter_map(leaf).collect();
                Form::AnyOf(tests, parts.iter().filter(|part| leaf(part).is_none()).map(Form::of).collect())
            }
            SetExpr::Intersection(a, b) => Form::Both(boxed(a), boxed(b)),
            SetExpr::Difference(a, b) => Form::Without(boxed(a), boxed(b)),
        }
    }

    /// True if an end that passes these tests is a member.
    fn holds(&self, passed: &[EndTest]) -> bool {
        match self {
            Form::AnyOf(tests, rest) => {
                passed.iter().any(|test| tests.contains(test)) || rest.iter().any(|form| form.holds(passed))
            }
            Form::Both(a, b) => a.holds(passed) && b.holds(passed),
            Form::Without(a, b) => a.holds(passed) && !b.holds(passed),
        }
    }
}
