//! Findings about what a policy claims of itself: assertions, scopes of sections, invariants. Knows nothing of how they are proved.

use crate::checked::{Assertion, Checked, Claim, EndTest, Fact, HostId, Kind, SetExpr, UserId, Verdict};
use crate::codes::tests_and_assertions::{E0405, E0406, E0407, E0408, E0409};
use crate::diag::Diagnostic;
use crate::eval::end_passes;
use crate::facts::Proof;
use crate::flow::{End, Person};
use crate::lint::Input;

/// What is wrong with the claims of a policy: each that does not hold, or of which it is not known.
#[must_use]
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut found = invariants(input.policy);
    for (assertion, proof) in input.policy.assertions.iter().zip(&input.facts.assertions) {
        found.extend(of_assertion(input, assertion, proof));
    }
    for (id, proof) in &input.facts.scopes {
        let Some(rule) = input.policy.rule(*id) else { continue };
        let section = rule.section.and_then(|id| input.policy.sections.get(id.index()));
        let name = section.map_or("", |section| &section.name);
        let report = match proof {
            Proof::Proved => continue,
            Proof::Refuted(flow) => {
                let message = format!("this rule matches flows outside the scope of `{name}`");
                input.shown_by(Diagnostic::new(E0407, rule.span, message), flow)
            }
            Proof::Undecided => {
                let message = format!("whether this rule keeps to the scope of `{name}` was not found out");
                Diagnostic::new(E0408, rule.span, message)
            }
        };
        found.push(match section {
            Some(section) => report.related(section.span, "the scope is this"),
            None => report,
        });
    }
    // The halves of a statement say the same.
    found.dedup_by(|one, other| one.span == other.span && one.message == other.message);
    found
}

fn of_assertion(input: &Input<'_>, assertion: &Assertion, proof: &Proof) -> Option<Diagnostic> {
    match proof {
        Proof::Proved => None,
        Proof::Refuted(flow) => {
            let judgement = input.decide.decide(flow);
            let message = match (assertion.claim, judgement.verdict) {
                (Claim::Never, _) => "this is not so: here is a flow that is allowed".to_owned(),
                (Claim::Always, Verdict::Allow) => "this is not so: here is a flow that is allowed another way".to_owned(),
                (Claim::Always, verdict) => format!("this is not so: here is a flow whose verdict is `{verdict}`"),
            };
            let mut found = Diagnostic::new(E0405, assertion.span, message);
            if let Some(rule) = judgement.rule.and_then(|id| input.policy.rule(id)) {
                found = found.related(rule.span, format!("decides it: {}", judgement.verdict));
            }
            Some(input.shown_by(found, flow))
        }
        Proof::Undecided => {
            let found = Diagnostic::new(E0406, assertion.span, "whether this holds was not found out within the budget");
            Some(found.help("what is not proved does not count: split the rules or the assertion"))
        }
    }
}

/// Declared members that contradict what an invariant says of them.
fn invariants(policy: &Checked) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for invariant in &policy.invariants {
        let against = match &invariant.fact {
            Fact::Disjoint(kind, a, b) => {
                member(policy, *kind, |end, person| is_in(policy, a, end, person) && is_in(policy, b, end, person))
            }
            Fact::Subset(kind, a, b) => {
                member(policy, *kind, |end, person| is_in(policy, a, end, person) && !is_in(policy, b, end, person))
            }
            Fact::Nonempty(kind, a) if !is_dynamic(policy, a) && matches!(kind, Kind::User | Kind::Host) => {
                match member(policy, *kind, |end, person| is_in(policy, a, end, person)) {
                    Some(_) => None,
                    None => Some("it has no member".to_owned()),
                }
            }
            Fact::Nonempty(..) => None,
        };
        if let Some(why) = against {
            found.push(Diagnostic::new(E0409, invariant.span, format!("the declarations contradict this: {why}")));
        }
    }
    found
}

/// The first declared user or host of which something holds, in words.
pub(crate) fn member(policy: &Checked, kind: Kind, holds: impl Fn(&End, Option<&Person>) -> bool) -> Option<String> {
    match kind {
        Kind::User => {
            let mut users = (0..).map(UserId).zip(&policy.users);
            users
                .find(|(id, _)| {
                    let person = Person::declared(*id);
                    holds(&End::default(), Some(&person))
                })
                .map(|(_, user)| format!("`{}` is against it", user.name))
        }
        Kind::Host | Kind::Mac => {
            let mut hosts = (0..).map(HostId).zip(&policy.hosts);
            hosts
                .find(|(id, host)| {
                    host.macs.iter().any(|mac| holds(&End { host: Some(*id), mac: Some(*mac), ..End::default() }, None))
                })
                .map(|(_, host)| format!("`{}` is against it", host.name))
        }
        Kind::Location => {
            let places = policy.locations.iter().find(|place| holds(&End { location: Some(place.at), ..End::default() }, None));
            places.map(|place| format!("`{}` is against it", place.name))
        }
        Kind::Network => {
            let addresses = crate::flowspec::address_cells(policy);
            let against = addresses.into_iter().find(|address| holds(&End { address: Some(*address), ..End::default() }, None));
            against.map(|address| format!("{address} is against it"))
        }
        Kind::Switch | Kind::Service => None,
    }
}

fn is_in(policy: &Checked, set: &SetExpr, end: &End, person: Option<&Person>) -> bool {
    match set {
        SetExpr::Leaf(test) => end_passes(policy, *test, end, person),
        SetExpr::Union(parts) => parts.iter().any(|part| is_in(policy, part, end, person)),
        SetExpr::Intersection(a, b) => is_in(policy, a, end, person) && is_in(policy, b, end, person),
        SetExpr::Difference(a, b) => is_in(policy, a, end, person) && !is_in(policy, b, end, person),
    }
}

fn is_dynamic(policy: &Checked, set: &SetExpr) -> bool {
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => {
            policy.groups.get(id.index()).is_some_and(|group| group.dynamic.is_some() || is_dynamic(policy, &group.members))
        }
        SetExpr::Leaf(_) => false,
        SetExpr::Union(parts) => parts.iter().any(|part| is_dynamic(policy, part)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => is_dynamic(policy, a) || is_dynamic(policy, b),
    }
}
