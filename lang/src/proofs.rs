//! Findings about what a policy claims of itself: assertions, scopes of sections, invariants. Knows nothing of how they are proved.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::net::IpAddr;

use crate::checked::{Assertion, Checked, Claim, EndTest, Fact, GroupId, HostId, Kind, SetExpr, UserId, Verdict};
use crate::codes::names::E0231;
use crate::codes::tests_and_assertions::{E0405, E0406, E0407, E0408, E0409};
use crate::diag::Diagnostic;
use crate::eval::end_is_in;
use crate::facts::{Limit, Proof};
use crate::flow::{End, Person};
use crate::lint::Input;
use crate::types;

/// How many tests may be made to find declarations against all invariants.
const MAX_TESTS: usize = 50_000_000;

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
                let help = format!("narrow it to the scope, or move it out of `{name}`");
                input.shown_by(Diagnostic::new(E0407, rule.span, message).help(help), flow)
            }
            Proof::Undecided(limit) => {
                let message = format!("whether this rule keeps to the scope of `{name}` was not found out");
                let help = format!("{}; or split it into simpler rules, or move it out of `{name}`", more(*limit));
                Diagnostic::new(E0408, rule.span, message).help(help)
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

/// What was used up, and what can be done about it.
#[must_use]
pub fn more(limit: Limit) -> &'static str {
    match limit {
        Limit::Steps => "the steps for one claim are used up: `--budget N` gives N times as many",
        Limit::StepsOfAll => "the steps for all claims together are used up: `--budget N` gives N times as many",
        Limit::Parts => "it comes apart into more parts than are kept, which `--budget` does not change",
    }
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
        Proof::Undecided(limit) => {
            let found = Diagnostic::new(E0406, assertion.span, "whether this holds was not found out within the budget");
            Some(found.help(format!("{}; or split the rules or the assertion", more(*limit))))
        }
    }
}

/// What does not hold in one view, called by this name, though it holds in every view that the invariants admit; or of which that is
/// not known.
#[must_use]
pub fn in_view(input: &Input<'_>, proofs: &[Proof], view: &str) -> Vec<Diagnostic> {
    let claims = input.policy.assertions.iter().zip(&input.facts.assertions).zip(proofs);
    let of_claim = |((assertion, of_any), proof): ((&Assertion, &Proof), &Proof)| match (of_any, proof) {
        (Proof::Proved, Proof::Refuted(flow)) => {
            let message = format!("this is not so in the view {view}, which breaks an invariant: here is a flow against it");
            let found = Diagnostic::new(E0405, assertion.span, message);
            Some(input.shown_by(found.help("correct the memberships in the view, or the invariant"), flow))
        }
        (Proof::Proved, Proof::Undecided(limit)) => {
            let message = format!("whether this holds in the view {view} was not found out within the budget");
            Some(
                Diagnostic::new(E0406, assertion.span, message)
                    .help(format!("{}; it holds in every view that breaks no invariant", more(*limit))),
            )
        }
        // What does not hold in all views is told as that.
        (Proof::Refuted(_) | Proof::Undecided(_), _) | (Proof::Proved, Proof::Proved) => None,
    };
    claims.filter_map(of_claim).collect()
}

/// Declared members that contradict what an invariant says of them.
fn invariants(policy: &Checked) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let members = Members { policy, addresses: OnceCell::new() };
    let mut left = MAX_TESTS;
    for invariant in &policy.invariants {
        let (kind, sets): (Kind, Vec<&SetExpr>) = match &invariant.fact {
            Fact::Disjoint(kind, a, b) | Fact::Subset(kind, a, b) => (*kind, vec![a, b]),
            Fact::Nonempty(kind, a) => (*kind, vec![a]),
        };
        let cost = members.count(kind).saturating_mul(sets.iter().map(|set| size(policy, set).leaves).sum());
        let Some(rest) = left.checked_sub(cost) else {
            let message = "with this, the invariants are too much to be compared with the declarations";
            let help = "say it of smaller groups, or of fewer";
            found.push(Diagnostic::new(E0231, invariant.span, message).help(help));
            break;
        };
        left = rest;
        if let Some((why, help)) = against(&members, &invariant.fact) {
            let message = format!("the declarations contradict this: {why}");
            found.push(Diagnostic::new(E0409, invariant.span, message).help(help));
        }
    }
    found
}

/// What is declared against a fact, and what to do about it.
fn against(members: &Members<'_>, fact: &Fact) -> Option<(String, String)> {
    let policy = members.policy;
    match fact {
        Fact::Disjoint(kind, a, b) => {
            let both =
                members.find(*kind, |end, person| end_is_in(policy, a, end, person) && end_is_in(policy, b, end, person))?;
            Some((format!("{both} is in both sets"), format!("take {both} out of one of them, or remove the invariant")))
        }
        Fact::Subset(kind, a, b) => {
            let left =
                members.find(*kind, |end, person| end_is_in(policy, a, end, person) && !end_is_in(policy, b, end, person))?;
            let help = format!("put {left} into the second set, or take it out of the first");
            Some((format!("{left} is in the first set and not in the second"), help))
        }
        Fact::Nonempty(kind, a) if !size(policy, a).dynamic && matches!(kind, Kind::User | Kind::Host) => {
            let some = members.find(*kind, |end, person| end_is_in(policy, a, end, person));
            let help = format!("give it {}, or remove the invariant", types::one(*kind));
            some.is_none().then(|| ("it has no member".to_owned(), help))
        }
        Fact::Nonempty(..) => None,
    }
}

/// What is declared, of each kind.
struct Members<'a> {
    policy: &'a Checked,
    addresses: OnceCell<Vec<IpAddr>>,
}

impl Members<'_> {
    /// An address of each part that the policy tells apart.
    fn addresses(&self) -> &[IpAddr] {
        self.addresses.get_or_init(|| crate::flowspec::address_cells(self.policy))
    }

    /// How many there are of a kind.
    fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::User => self.policy.users.len(),
            Kind::Host | Kind::Mac => self.policy.hosts.iter().map(|host| host.macs.len()).sum(),
            Kind::Location => self.policy.locations.len(),
            Kind::Network => self.addresses().len(),
            Kind::Switch | Kind::Service => 0,
        }
    }

    /// The first of which something holds, in words.
    fn find(&self, kind: Kind, holds: impl Fn(&End, Option<&Person>) -> bool) -> Option<String> {
        let policy = self.policy;
        match kind {
            Kind::User => {
                let mut users = (0..).map(UserId).zip(&policy.users);
                users
                    .find(|(id, _)| {
                        let person = Person::declared(*id);
                        holds(&End::default(), Some(&person))
                    })
                    .map(|(_, user)| format!("`{}`", user.name))
            }
            Kind::Host | Kind::Mac => {
                let mut hosts = (0..).map(HostId).zip(&policy.hosts);
                hosts
                    .find(|(id, host)| {
                        host.macs.iter().any(|mac| holds(&End { host: Some(*id), mac: Some(*mac), ..End::default() }, None))
                    })
                    .map(|(_, host)| format!("`{}`", host.name))
            }
            Kind::Location => {
                let mut places = policy.locations.iter();
                let place = places.find(|place| holds(&End { location: Some(place.at), ..End::default() }, None));
                place.map(|place| format!("`{}`", place.name))
            }
            Kind::Network => {
                let mut addresses = self.addresses().iter().copied();
                let against = addresses.find(|address| holds(&End { address: Some(*address), ..End::default() }, None));
                against.map(|address| address.to_string())
            }
            Kind::Switch | Kind::Service => None,
        }
    }
}

/// What a set is made of, groups followed, each once.
#[derive(Default)]
struct Size {
    leaves: usize,
    /// Some members are known at run time alone.
    dynamic: bool,
}

fn size(policy: &Checked, set: &SetExpr) -> Size {
    let mut size = Size::default();
    let mut seen: HashSet<GroupId> = HashSet::new();
    let mut open = vec![set];
    while let Some(set) = open.pop() {
        match set {
            SetExpr::Leaf(EndTest::Group(id)) => {
                size.leaves += 1;
                if let Some(group) = policy.groups.get(id.index()).filter(|_| seen.insert(*id)) {
                    size.dynamic |= group.dynamic.is_some();
                    open.push(&group.members);
                }
            }
            SetExpr::Leaf(_) => size.leaves += 1,
            SetExpr::Union(parts) => open.extend(parts),
            SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => open.extend([&**a, &**b]),
        }
    }
    size
}
