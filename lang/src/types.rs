//! Kinds of sets, and the algebra of sets: what may be joined with what, and which sets are empty by construction.
//! Knows nothing of names.

use std::collections::BTreeSet;

use crate::checked::{BuiltIn, Cond, EndTest, Group, Kind, ServiceTerm, SetExpr};
use crate::flow::Side;

/// How deep sets may nest: groups in groups, and operators in them, together. Evaluation follows it by recursion.
pub(crate) const MAX_NESTING: u32 = 500;

/// Sets of more listed members than this are not compared member by member.
const MAX_LISTED: usize = 10_000;

/// What an expression stands for.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `any`: no restriction, of every kind.
    Any,
    /// A set of ends.
    Set(TypedSet),
    /// Kinds of traffic.
    Services(Vec<ServiceTerm>),
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
        let set = SetExpr::Union(vec![
            SetExpr::Leaf(EndTest::BuiltIn(BuiltIn::Registered)),
            SetExpr::Leaf(EndTest::BuiltIn(BuiltIn::Unregistered)),
        ]);
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
        let disjoint = match (listed(&self.set, groups), listed(&other.set, groups)) {
            (Some(a), Some(b)) => a.is_disjoint(&b),
            _ => false,
        };
        TypedSet {
            kind: self.kind,
            empty: self.empty || other.empty || disjoint,
            depth: self.depth.max(other.depth).saturating_add(1),
            set: SetExpr::Intersection(Box::new(self.set), Box::new(other.set)),
        }
    }

    /// Those in the first and not in the second; of one kind.
    pub(crate) fn difference(self, other: TypedSet, groups: &[Group]) -> TypedSet {
        let swallowed = match (listed(&self.set, groups), listed(&other.set, groups)) {
            (Some(a), Some(b)) => a.is_subset(&b),
            _ => self.set == other.set,
        };
        TypedSet {
            kind: self.kind,
            empty: self.empty || swallowed,
            depth: self.depth.max(other.depth).saturating_add(1),
            set: SetExpr::Difference(Box::new(self.set), Box::new(other.set)),
        }
    }
}

/// The members of a set, if the text lists them all one by one and they are not too many. Prefixes and built-in sets are no list.
fn listed(set: &SetExpr, groups: &[Group]) -> Option<BTreeSet<EndTest>> {
    let mut budget = MAX_LISTED;
    list(set, groups, &mut budget)
}

fn list(set: &SetExpr, groups: &[Group], budget: &mut usize) -> Option<BTreeSet<EndTest>> {
    *budget = budget.checked_sub(1)?;
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => list(&groups.get(id.index())?.members, groups, budget),
        SetExpr::Leaf(EndTest::Address(_) | EndTest::BuiltIn(_)) => None,
        SetExpr::Leaf(
            test @ (EndTest::User(_) | EndTest::Host(_) | EndTest::Location(_) | EndTest::Switch(_) | EndTest::Mac(_)),
        ) => Some(BTreeSet::from([*test])),
        SetExpr::Union(parts) => {
            let mut members = BTreeSet::new();
            for part in parts {
                members.append(&mut list(part, groups, budget)?);
            }
            Some(members)
        }
        SetExpr::Intersection(a, b) => {
            let (a, b) = (list(a, groups, budget)?, list(b, groups, budget)?);
            Some(a.intersection(&b).copied().collect())
        }
        SetExpr::Difference(a, b) => {
            let (a, b) = (list(a, groups, budget)?, list(b, groups, budget)?);
            Some(a.difference(&b).copied().collect())
        }
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
            other @ (Cond::End(..) | Cond::Header(_) | Cond::Not(_) | Cond::Any(_)) => flat.push(other),
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
