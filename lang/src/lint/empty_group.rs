//! W0309: a group without members.

use super::Input;
use crate::checked::{EndTest, Group, Kind, SetExpr};
use crate::diag::Diagnostic;
use crate::types;

/// How many members are looked at in a group that cuts or takes away; of a larger one nothing is said.
const MAX_MEMBERS: usize = 100_000;

/// How many in all groups together.
const MAX_LOOKED_AT: usize = 2_000_000;

lint! {
    W0309 "group without members" {
        what "No declared user or host is a member of a group: what it joins, cuts or takes away leaves nobody. Where a rule is narrowed by it, that is error E0207."
        why "A rule about nobody says nothing."
        example "user bob;\ngroup left = bob - bob;\ngroup all = left | user bob;\nallow from all;"
        instead "Give it members, or remove it."
        clean "user bob;\nuser eve;\ngroup left = user { bob, eve } - user bob;\nallow from left;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let policy = input.policy;
    let mut left = MAX_LOOKED_AT;
    // Groups stand behind those that they name.
    let mut fills: Vec<Fill> = Vec::with_capacity(policy.groups.len());
    for group in &policy.groups {
        let fill = if group.dynamic.is_some() { Fill::Open } else { fill(&fills, &group.members) };
        fills.push(match fill {
            Fill::Unknown => {
                let mut room = MAX_MEMBERS.min(left);
                left -= room;
                let members = types::listed(&group.members, &policy.groups, &mut room);
                left += room;
                if members.is_some_and(|members| members.is_empty()) { Fill::Empty } else { Fill::Some }
            }
            known => known,
        });
    }
    let empty = policy.groups.iter().zip(fills).filter(|(_, fill)| *fill == Fill::Empty).map(|(group, _)| group);
    let of_people = empty.filter(|group| matches!(group.kind, Kind::User | Kind::Host));
    let report = |group: &Group| {
        let found = Diagnostic::new(W0309, group.span, format!("the group `{}` has no members", group.name));
        found.help(format!("give it {}, or remove it here and where it is named", types::one(group.kind)))
    };
    of_people.map(report).collect()
}

/// What is known of the members of a set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// Some can come from elsewhere than declarations: dynamic groups, built-in sets.
    Open,
    /// There are some.
    Some,
    /// There are none.
    Empty,
    /// They have to be looked at.
    Unknown,
}

/// What is known of a set, given what is known of the groups that it names.
fn fill(groups: &[Fill], set: &SetExpr) -> Fill {
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => groups.get(id.index()).copied().unwrap_or(Fill::Open),
        SetExpr::Leaf(EndTest::User(_) | EndTest::Host(_)) => Fill::Some,
        SetExpr::Leaf(_) => Fill::Open,
        SetExpr::Union(parts) => {
            let all: Vec<Fill> = parts.iter().map(|part| fill(groups, part)).collect();
            [Fill::Open, Fill::Some, Fill::Unknown].into_iter().find(|fill| all.contains(fill)).unwrap_or(Fill::Empty)
        }
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => match (fill(groups, a), fill(groups, b)) {
            (Fill::Open, _) | (_, Fill::Open) => Fill::Open,
            _ => Fill::Unknown,
        },
    }
}
