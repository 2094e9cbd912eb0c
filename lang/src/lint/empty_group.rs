//! W0309: a group without members.

use super::Input;
use crate::checked::Kind;
use crate::diag::Diagnostic;
use crate::eval::end_passes;
use crate::proofs::member;

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
    let of_people = policy.groups.iter().zip((0..).map(crate::checked::GroupId)).filter(|(group, _)| {
        matches!(group.kind, Kind::User | Kind::Host) && !is_open(policy, &group.members) && group.dynamic.is_none()
    });
    let test = |id| crate::checked::EndTest::Group(id);
    let empty = of_people
        .filter(|(group, id)| member(policy, group.kind, |end, person| end_passes(policy, test(*id), end, person)).is_none());
    empty.map(|(group, _)| Diagnostic::new(W0309, group.span, format!("the group `{}` has no members", group.name))).collect()
}

/// True if members can come from elsewhere than declarations: dynamic groups, built-in sets.
fn is_open(policy: &crate::checked::Checked, set: &crate::checked::SetExpr) -> bool {
    use crate::checked::{EndTest, SetExpr};
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => {
            policy.groups.get(id.index()).is_none_or(|group| group.dynamic.is_some() || is_open(policy, &group.members))
        }
        SetExpr::Leaf(EndTest::User(_) | EndTest::Host(_)) => false,
        SetExpr::Leaf(_) => true,
        SetExpr::Union(parts) => parts.iter().any(|part| is_open(policy, part)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => is_open(policy, a) || is_open(policy, b),
    }
}
