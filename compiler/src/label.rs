//! Labels: whatever a rule can name about one end, numbered; and the record of an end, which is the list of its labels.
//! Knows groups and their nesting; knows nothing of rules.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::sync::Arc;

use indexmap::IndexMap;
use lang::checked::{Aspect, BuiltIn, Checked, EndTest, GroupId, SetExpr};
use lang::flow::{End, Person, Place};
use net::{Location, MacAddr};
use rustc_hash::{FxBuildHasher, FxHashSet};
use smallvec::SmallVec;

use atoms::{Atom, Atoms};

mod atoms;

/// A label. Those of the policy's groups are the groups' own numbers; all others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LabelId(pub(crate) u32);

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
    atoms: Atoms,
    /// For each group what its members must pass; nothing if every end that passes one of its leaves is a member.
    forms: Vec<Option<Form>>,
}

/// A set, so that it is soon told of an end whether it is a member.
#[derive(Clone, Debug)]
enum Form {
    /// Those that pass one of the tests, are members of one of the groups, or are in one of the other sets.
    AnyOf(FxHashSet<EndTest>, FxHashSet<GroupId>, Vec<Form>),
    /// Those in both.
    Both(Box<Form>, Box<Form>),
    /// Those in the first but not in the second.
    Without(Box<Form>, Box<Form>),
}

/// An end as one of its users: the labels it has, and a Bloom filter of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    fingerprint: [u64; 8],
    labels: SmallVec<[LabelId; NEAR]>,
}

/// So many labels stand beside the fingerprint; longer lists stand elsewhere.
const NEAR: usize = 20;

/// The records of an end without an address and with each of its own.
pub(crate) type Ends = SmallVec<[(Option<IpAddr>, Arc<[Record]>); 2]>;

/// Room for what is needed to find a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// An end whose lists are used again.
    pub(crate) end: End,
    tests: Vec<EndTest>,
    passed: Vec<EndTest>,
    member_of: FxHashSet<GroupId>,
    labels: Vec<LabelId>,
    agenda: BinaryHeap<Reverse<LabelId>>,
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
    pub(crate) fn at(place: usize) -> LabelId {
        LabelId(u32::try_from(place).unwrap_or(u32::MAX))
    }

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
            atoms: Atoms::with_room(policy.users.len(), policy.hosts.len(), policy.groups.len()),
            forms: Vec::new(),
        };
        for (group, id) in policy.groups.iter().zip((0..).map(GroupId)) {
            let weight = if group.dynamic.is_some() { DYNAMIC_WEIGHT } else { labels.set_weight(&group.members) };
            let label = labels.add(Meaning::Test(EndTest::Group(id)), weight);
            labels.atom(EndTest::Group(id)).label = Some(label);
            labels.forms.push(None);
            labels.set_members(label, &group.members);
        }
        for built_in in BUILT_IN {
            labels.test(EndTest::BuiltIn(built_in));
        }
        labels
    }

    fn set_members(&mut self, label: LabelId, members: &SetExpr) {
        if let Some(form) = self.forms.get_mut(label.index()) {
            *form = (!is_plain(members)).then(|| Form::of(members));
        }
        self.note_leaves(members);
        self.lead_to(members, label);
    }

    /// A group has other members now. Weights stay as they were: rules keep their anchors.
    pub(crate) fn change_members(&mut self, group: GroupId, before: &SetExpr, after: &SetExpr) {
        let label = LabelId(group.0);
        if !is_plain(before) || !is_plain(after) {
            leaves(before).into_iter().for_each(|leaf| self.atom(leaf).sets.retain(|set| *set != label));
            return self.set_members(label, after);
        }
        let [left, joined] = differing_leaves(before, after);
        left.into_iter().for_each(|leaf| self.atom(leaf).sets.retain(|set| *set != label));
        joined.into_iter().for_each(|leaf| self.atom(leaf).sets.push(label));
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
        self.atoms.get(test).and_then(|atom| atom.label)
    }

    /// All labels from this one on.
    pub(crate) fn from(&self, first: usize) -> impl Iterator<Item = &Meaning> {
        self.meanings.iter().skip(first)
    }

    /// Every MAC address that a group or a rule names.
    pub(crate) fn named_macs(&self) -> Vec<MacAddr> {
        self.atoms.macs()
    }

    /// Every port that a group or a rule names.
    pub(crate) fn named_locations(&self) -> Vec<Location> {
        self.atoms.locations()
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

    /// How many bytes they take, by the size of their tables.
    pub(crate) fn bytes(&self) -> usize {
        let lists: usize = self.lists.keys().map(|tests| 3 * tests.capacity() * size_of::<EndTest>()).sum();
        let meanings = self.meanings.capacity() * (size_of::<Meaning>() + size_of::<u64>());
        lists + self.atoms.bytes() + meanings + self.forms.capacity() * size_of::<Option<Form>>()
    }

    /// The records of an end, one for each of its users, or one for `none`.
    pub(crate) fn records(&self, policy: &Checked, end: &End) -> Vec<Record> {
        let mut scratch = Scratch::default();
        faces(end).map(|user| self.record_with(policy, end, user, &mut scratch)).collect()
    }

    /// The record of an end as this user.
    pub(crate) fn record(&self, policy: &Checked, end: &End, user: Option<&Person>) -> Record {
        self.record_with(policy, end, user, &mut Scratch::default())
    }

    /// The same, in room that is used again. Sets are settled in ascending order, in which every set comes after those it names; only
    /// sets that something true leads to are looked at.
    fn record_with(&self, policy: &Checked, end: &End, user: Option<&Person>, scratch: &mut Scratch) -> Record {
        let Scratch { tests, passed, member_of, labels, agenda, end: _ } = scratch;
        passed.clear();
        member_of.clear();
        labels.clear();
        agenda.clear();
        self.tests_passed(end, user, tests);
        for test in tests.iter() {
            if let Some(atom) = self.atoms.get(*test) {
                passed.push(*test);
                labels.extend(atom.label);
                agenda.extend(atom.sets.iter().copied().map(Reverse));
            }
        }
        let mut settled = None;
        while let Some(Reverse(set)) = agenda.pop() {
            if settled.replace(set) == Some(set) {
                continue;
            }
            let member = match self.forms.get(set.index()) {
                Some(Some(form)) => form.holds(passed, member_of),
                Some(None) | None => true,
            };
            if member {
                labels.push(set);
            }
            if member && set.index() < policy.groups.len() {
                member_of.insert(GroupId(set.0));
                if let Some(atom) = self.atoms.get(EndTest::Group(GroupId(set.0))) {
                    agenda.extend(atom.sets.iter().copied().map(Reverse));
                }
            }
        }
        Record::new(labels)
    }

    /// The records of an end that has no address, and with each of these, one for each of its users. Addresses that no rule or group
    /// tells apart share theirs.
    pub(crate) fn records_by_address(
        &self,
        policy: &Checked,
        end: &mut End,
        addresses: impl Iterator<Item = IpAddr>,
        scratch: &mut Scratch,
    ) -> Ends {
        let mut records = |end: &End| -> Arc<[Record]> {
            let mut record = |user| self.record_with(policy, end, user, scratch);
            match end.users.as_slice() {
                [] => Arc::new([record(None)]),
                [user] => Arc::new([record(Some(user))]),
                users => users.iter().map(Some).map(record).collect(),
            }
        };
        let without: Arc<[Record]> = records(end);
        let mut all = Ends::new();
        all.push((None, Arc::clone(&without)));
        for address in addresses {
            let told = self.atoms.get(EndTest::Known(Aspect::Address)).is_some()
                || self.atoms.prefixes_of(address).any(|prefix| self.atoms.get(prefix).is_some());
            end.address = Some(address);
            all.push((end.address, if told { records(end) } else { Arc::clone(&without) }));
        }
        end.address = None;
        all
    }

    /// True if the end as this user passes the test, which need not have a label.
    pub(crate) fn passes(&self, policy: &Checked, end: &End, user: Option<&Person>, test: EndTest) -> bool {
        match (test, self.find(test)) {
            (_, Some(label)) => self.record(policy, end, user).has(label),
            (EndTest::Address(prefix), None) => end.address.is_some_and(|address| prefix.contains(address)),
            (_, None) => {
                let mut tests = Vec::new();
                self.tests_passed(end, user, &mut tests);
                tests.contains(&test)
            }
        }
    }

    /// Every test but membership in groups of the text that the end passes and that may be an atom.
    fn tests_passed(&self, end: &End, user: Option<&Person>, tests: &mut Vec<EndTest>) {
        tests.clear();
        tests.extend(user.and_then(|person| person.user).map(EndTest::User));
        tests.extend(user.into_iter().flat_map(|person| &person.groups).chain(&end.groups).copied().map(EndTest::Group));
        tests.extend(end.host.map(EndTest::Host));
        tests.extend(end.location.map(EndTest::Location));
        tests.extend(end.location.map(|location| EndTest::Switch(location.dpid)));
        tests.extend(end.mac.map(EndTest::Mac));
        tests.extend(end.address.into_iter().flat_map(|address| self.atoms.prefixes_of(address)));
        tests.extend(end.location.map(|_| EndTest::Known(Aspect::Location)));
        tests.extend(end.mac.map(|_| EndTest::Known(Aspect::Mac)));
        tests.extend(end.address.map(|_| EndTest::Known(Aspect::Address)));
        tests.extend(BUILT_IN.into_iter().filter(|set| is_in(*set, end, user)).map(EndTest::BuiltIn));
    }

    fn add(&mut self, meaning: Meaning, weight: u64) -> LabelId {
        let label = LabelId(u32::try_from(self.meanings.len()).unwrap_or(u32::MAX));
        self.meanings.push(meaning);
        self.weights.push(weight);
        label
    }

    fn atom(&mut self, test: EndTest) -> &mut Atom {
        self.atoms.occurring(test)
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
    fn new(labels: &mut Vec<LabelId>) -> Record {
        labels.sort_unstable();
        labels.dedup();
        let mut fingerprint = [0; 8];
        for label in labels.iter() {
            let (word, bit) = label.bit();
            if let Some(word) = fingerprint.get_mut(word) {
                *word |= bit;
            }
        }
        Record { fingerprint, labels: SmallVec::from_slice(labels) }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Record>() + if self.labels.spilled() { self.labels.capacity() * size_of::<LabelId>() } else { 0 }
    }

    /// The same with one label more, which is greater than those.
    pub(crate) fn with(&self, label: LabelId) -> Record {
        let mut record = self.clone();
        let (word, bit) = label.bit();
        if let Some(word) = record.fingerprint.get_mut(word) {
            *word |= bit;
        }
        record.labels.push(label);
        record
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

/// The tests that a set is made of, in the order of the text.
pub(crate) fn leaves(set: &SetExpr) -> Vec<EndTest> {
    match set {
        SetExpr::Leaf(test) => vec![*test],
        SetExpr::Union(parts) => parts.iter().flat_map(leaves).collect(),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => [leaves(a), leaves(b)].concat(),
    }
}

/// The tests in the first set alone, and those in the second alone.
pub(crate) fn differing_leaves(before: &SetExpr, after: &SetExpr) -> [Vec<EndTest>; 2] {
    let (before, after) = (leaves(before), leaves(after));
    // Mostly little is changed: what is the same at both ends need not be looked up, but for what stands there twice.
    let same = |(one, two): &(&EndTest, &EndTest)| one == two;
    let first = before.iter().zip(&after).take_while(same).count();
    let shorter = before.len().min(after.len()) - first;
    let last = before.iter().rev().zip(after.iter().rev()).take(shorter).take_while(same).count();
    let middle = |all: &[EndTest]| all.get(first..all.len() - last).unwrap_or_default().to_vec();
    let (had, has) = (middle(&before), middle(&after));
    let kept = |test: &EndTest| before.iter().take(first).chain(before.iter().rev().take(last)).any(|other| other == test);
    let only = |all: Vec<EndTest>| all.into_iter().filter(|test| !kept(test)).collect();
    if had.len() <= 8 && has.len() <= 8 {
        let (had, has): (Vec<EndTest>, Vec<EndTest>) = (only(had), only(has));
        let left = had.iter().copied().filter(|test| !has.contains(test)).collect();
        let joined = has.iter().copied().filter(|test| !had.contains(test)).collect();
        return [left, joined];
    }
    let [had, has] = [&before, &after].map(|all| all.iter().copied().collect::<FxHashSet<EndTest>>());
    let only = |all: &FxHashSet<EndTest>, other: &FxHashSet<EndTest>| {
        let mut only: Vec<EndTest> = all.difference(other).copied().collect();
        only.sort_unstable();
        only
    };
    [only(&had, &has), only(&has, &had)]
}

pub(crate) fn is_plain(set: &SetExpr) -> bool {
    match set {
        SetExpr::Leaf(_) => true,
        SetExpr::Union(parts) => parts.iter().all(is_plain),
        SetExpr::Intersection(..) | SetExpr::Difference(..) => false,
    }
}

impl Form {
    fn of(set: &SetExpr) -> Form {
        let boxed = |set: &SetExpr| Box::new(Form::of(set));
        let any_of = |parts: &[SetExpr]| {
            let leaf = |part: &SetExpr| if let SetExpr::Leaf(test) = part { Some(*test) } else { None };
            let group = |test| if let EndTest::Group(id) = test { Some(id) } else { None };
            let leaves = parts.iter().filter_map(leaf);
            let rest = parts.iter().filter(|part| leaf(part).is_none()).map(Form::of).collect();
            Form::AnyOf(leaves.clone().collect(), leaves.filter_map(group).collect(), rest)
        };
        match set {
            SetExpr::Leaf(_) => any_of(std::slice::from_ref(set)),
            SetExpr::Union(parts) => any_of(parts),
            SetExpr::Intersection(a, b) => Form::Both(boxed(a), boxed(b)),
            SetExpr::Difference(a, b) => Form::Without(boxed(a), boxed(b)),
        }
    }

    /// True if an end that passes these tests, and is a member of these groups of the text, is a member. Groups can be very many: the
    /// shorter of two lists of them is looked through.
    fn holds(&self, passed: &[EndTest], member_of: &FxHashSet<GroupId>) -> bool {
        match self {
            Form::AnyOf(tests, groups, rest) => {
                let (few, many) = if groups.len() < member_of.len() { (groups, member_of) } else { (member_of, groups) };
                passed.iter().any(|test| tests.contains(test))
                    || few.iter().any(|group| many.contains(group))
                    || rest.iter().any(|form| form.holds(passed, member_of))
            }
            Form::Both(a, b) => a.holds(passed, member_of) && b.holds(passed, member_of),
            Form::Without(a, b) => a.holds(passed, member_of) && !b.holds(passed, member_of),
        }
    }
}
