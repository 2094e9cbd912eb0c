//! Kinds of sets, and the algebra of sets: what may be joined with what, and which sets are empty by construction.
//! Knows nothing of names.

use std::collections::BTreeSet;

use net::Prefix;

use crate::checked::{BuiltIn, Cond, EndTest, Group, Kind, SetExpr};
use crate::flow::Side;

mod terms;

pub(crate) use terms::Terms;

/// How deep sets may nest: groups in groups, and operators in them, together. Evaluation follows it by recursion.
pub(crate) const MAX_NESTING: u32 = 500;

/// Sets of more listed members than this are not compared member by member.
const MAX_LISTED: usize = 1_000;

/// Sets of more prefixes than this are not compared prefix by prefix.
const MAX_PREFIXES: usize = 64;

/// What an expression stands for.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `any`: no restriction, of every kind.
    Any,
    /// A set of ends.
    Set(TypedSet),
    /// Kinds of traffic.
    Services(Terms),
    /// Something is wrong with it, which has been reported.
    Muted,
}

/// A set of ends of one kind.
#[derive(Clone, Debug)]
pub(crate) struct TypedSet {
    /// What its members are.
    pub kind: Kind,
    /// The set.
    pub set: SetExpr,
    /// True if it has no member, whatever the network.
    pub empty: bool,
    /// How deep it nests, groups followed.
    pub depth: u32,
}

impl TypedSet {
    /// The set of those that pass one test that names no group.
    pub(crate) fn leaf(kind: Kind, test: EndTest) -> Self {
        TypedSet { kind, set: SetExpr::Leaf(test), empty: false, depth: 1 }
    }

    /// The set without members.
    pub(crate) fn nobody(kind: Kind) -> Self {
        TypedSet { kind, set: SetExpr::Union(Vec::new()), empty: true, depth: 1 }
    }

    /// Every end, as a set of this kind: used for `any - x`.
    pub(crate) fn everybody(kind: Kind) -> Self {
        let all = [
            BuiltIn::Registered,
            BuiltIn::Unregistered,
            BuiltIn::Internet,
            BuiltIn::Gateway,
            BuiltIn::Broadcast,
            BuiltIn::Multicast,
            BuiltIn::Controller,
        ];
        let set = SetExpr::Union(all.into_iter().map(|set| SetExpr::Leaf(EndTest::BuiltIn(set))).collect());
        TypedSet { kind, set, empty: false, depth: 2 }
    }

    /// Those in either; of one kind. Unions of unions stay flat.
    pub(crate) fn union(self, other: TypedSet) -> TypedSet {
        if self.empty {
            return TypedSet { depth: self.depth.max(other.depth), ..other };
        }
        if other.empty {
            return TypedSet { depth: self.depth.max(other.depth), ..self };
        }
        let (kind, one_more) = (self.kind, other.depth.saturating_add(1));
        let (set, depth) = match self.set {
            SetExpr::Union(mut parts) => {
                parts.push(other.set);
                (SetExpr::Union(parts), self.depth.max(one_more))
            }
            first @ (SetExpr::Leaf(_) | SetExpr::Intersection(..) | SetExpr::Difference(..)) => {
                (SetExpr::Union(vec![first, other.set]), self.depth.saturating_add(1).max(one_more))
            }
        };
        TypedSet { kind, set, empty: false, depth }
    }

    /// Those in both; of one kind.
    pub(crate) fn intersection(self, other: TypedSet, groups: &[Group]) -> TypedSet {
        let disjoint = are_disjoint(&self.set, &other.set, groups);
        TypedSet {
            kind: self.kind,
            empty: self.empty || other.empty || disjoint,
            depth: self.depth.max(other.depth).saturating_add(1),
            set: SetExpr::Intersection(Box::new(self.set), Box::new(other.set)),
        }
    }

    /// Those in the first and not in the second; of one kind.
    pub(crate) fn difference(self, other: TypedSet, groups: &[Group]) -> TypedSet {
        let swallowed = self.set == other.set || is_covered(&self.set, &other.set, groups);
        TypedSet {
            kind: self.kind,
            empty: self.empty || swallowed,
            depth: self.depth.max(other.depth).saturating_add(1),
            set: SetExpr::Difference(Box::new(self.set), Box::new(other.set)),
        }
    }
}

/// True if two sets have no member in common, as far as their text shows.
fn are_disjoint(a: &SetExpr, b: &SetExpr, groups: &[Group]) -> bool {
    if let (Some(a), Some(b)) = (few(a, groups), few(b, groups)) {
        return a.is_disjoint(&b);
    }
    match (prefixes(a, groups), prefixes(b, groups)) {
        (Some(a), Some(b)) => a.iter().all(|a| b.iter().all(|b| !a.covers(b) && !b.covers(a))),
        _ => false,
    }
}

/// True if every member of the first set is in the second, as far as their text shows.
fn is_covered(inner: &SetExpr, outer: &SetExpr, groups: &[Group]) -> bool {
    if let (Some(inner), Some(outer)) = (few(inner, groups), few(outer, groups)) {
        return inner.is_subset(&outer);
    }
    match (prefixes(inner, groups), prefixes(outer, groups)) {
        (Some(inner), Some(outer)) => inner.iter().all(|inner| outer.iter().any(|outer| outer.covers(inner))),
        _ => false,
    }
}

/// The prefixes that a set joins, if it is made of a few prefixes alone.
fn prefixes(set: &SetExpr, groups: &[Group]) -> Option<Vec<Prefix>> {
    let mut all = Vec::new();
    let mut open = vec![set];
    // The budget also ends a walk over groups that name one another many times.
    for _ in 0..MAX_PREFIXES {
        match open.pop() {
            None => return Some(all),
            Some(SetExpr::Leaf(EndTest::Address(prefix))) => all.push(*prefix),
            Some(SetExpr::Leaf(EndTest::Group(id))) => {
                let group = groups.get(id.index()).filter(|group| group.dynamic.is_none())?;
                open.push(&group.members);
            }
            Some(SetExpr::Union(parts)) if parts.len() <= MAX_PREFIXES => open.extend(parts),
            Some(SetExpr::Leaf(_) | SetExpr::Union(_) | SetExpr::Intersection(..) | SetExpr::Difference(..)) => return None,
        }
    }
    None
}

/// The members of a set, if the text lists them all one by one and the budget is enough to look at them. Prefixes and built-in sets are
/// no list.
pub(crate) fn listed(set: &SetExpr, groups: &[Group], budget: &mut usize) -> Option<BTreeSet<EndTest>> {
    let mut members = BTreeSet::new();
    list(set, groups, budget, &mut members).then_some(members)
}

/// The same for one of two sets that are compared.
fn few(set: &SetExpr, groups: &[Group]) -> Option<BTreeSet<EndTest>> {
    let mut budget = MAX_LISTED;
    listed(set, groups, &mut budget)
}

/// Adds the members of a set; false if they are not listed or too many.
fn list(set: &SetExpr, groups: &[Group], budget: &mut usize, members: &mut BTreeSet<EndTest>) -> bool {
    let Some(left) = budget.checked_sub(1) else { return false };
    *budget = left;
    let mut alone = |set| {
        let mut members = BTreeSet::new();
        list(set, groups, budget, &mut members).then_some(members)
    };
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => {
            let group = groups.get(id.index()).filter(|group| group.dynamic.is_none());
            group.is_some_and(|group| list(&group.members, groups, budget, members))
        }
        SetExpr::Leaf(EndTest::Address(_) | EndTest::BuiltIn(_) | EndTest::Known(_)) => false,
        SetExpr::Leaf(
            test @ (EndTest::User(_) | EndTest::Host(_) | EndTest::Location(_) | EndTest::Switch(_) | EndTest::Mac(_)),
        ) => {
            members.insert(*test);
            true
        }
        SetExpr::Union(parts) => parts.len() <= *budget && parts.iter().all(|part| list(part, groups, budget, members)),
        SetExpr::Intersection(a, b) => match (alone(a), alone(b)) {
            (Some(a), Some(b)) => {
                members.extend(a.intersection(&b));
                true
            }
            _ => false,
        },
        SetExpr::Difference(a, b) => match (alone(a), alone(b)) {
            (Some(a), Some(b)) => {
                members.extend(a.difference(&b));
                true
            }
            _ => false,
        },
    }
}

/// The condition that one end is a member.
pub(crate) fn member_cond(side: Side, set: &SetExpr) -> Cond {
    match set {
        SetExpr::Leaf(test) => Cond::End(side, *test),
        SetExpr::Union(parts) => Cond::Any(parts.iter().map(|part| member_cond(side, part)).collect()),
        SetExpr::Intersection(a, b) => all(vec![member_cond(side, a), member_cond(side, b)]),
        SetExpr::Difference(a, b) => all(vec![member_cond(side, a), Cond::Not(Box::new(member_cond(side, b)))]),
    }
}

/// All of these, in the simplest form: nested conjunctions are joined, one alone stands for itself.
pub(crate) fn all(parts: Vec<Cond>) -> Cond {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Cond::All(inner) => flat.extend(inner),
            other @ (Cond::End(..) | Cond::Header(_) | Cond::Time(_) | Cond::Not(_) | Cond::Any(_)) => flat.push(other),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            Cond::All(flat)
        }
        None => Cond::All(flat),
    }
}

/// The kind of a built-in set's members.
pub(crate) fn built_in_kind(set: BuiltIn) -> Kind {
    match set {
        BuiltIn::Unauthenticated | BuiltIn::Authenticated => Kind::User,
        BuiltIn::Registered | BuiltIn::Unregistered | BuiltIn::Gateway | BuiltIn::Controller => Kind::Host,
        BuiltIn::Internet | BuiltIn::Broadcast | BuiltIn::Multicast => Kind::Network,
    }
}

/// One member in words: `a host`.
pub(crate) fn one(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "a user",
        Kind::Host => "a host",
        Kind::Location => "a location",
        Kind::Switch => "a switch",
        Kind::Network => "an address or network",
        Kind::Mac => "a MAC address",
        Kind::Service => "a service",
    }
}

/// The word of the language for it.
pub(crate) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "user",
        Kind::Host => "host",
        Kind::Location => "location",
        Kind::Switch => "switch",
        Kind::Network => "network",
        Kind::Mac => "mac",
        Kind::Service => "service",
    }
}

/// Several members in words: `hosts`.
pub(crate) fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "users",
        Kind::Host => "hosts",
        Kind::Location => "locations",
        Kind::Switch => "switches",
        Kind::Network => "addresses",
        Kind::Mac => "MAC addresses",
        Kind::Service => "services",
    }
}

/// The field that tests the kind, as `when` names it.
pub(crate) fn field_of(kind: Kind, side: Side) -> &'static str {
    match (kind, side) {
        (Kind::User, Side::Src) => "usrc",
        (Kind::User, Side::Dst) => "udst",
        (Kind::Host, Side::Src) => "hsrc",
        (Kind::Host, Side::Dst) => "hdst",
        (Kind::Location | Kind::Switch, Side::Src) => "apsrc",
        (Kind::Location | Kind::Switch, Side::Dst) => "apdst",
        (Kind::Network, Side::Src) => "nwsrc",
        (Kind::Network, Side::Dst) => "nwdst",
        (Kind::Mac, Side::Src) => "dlsrc",
        (Kind::Mac, Side::Dst) => "dldst",
        (Kind::Service, _) => "protocol",
    }
}
