//! What the verdict hangs on that the flow leaves open: a user or a place that policy speaks of and that would turn it round.
//! Knows one open fact at a time, not two together.

use std::collections::BTreeSet;

use compiler::Program;
use lang::ast::FlowSpec;
use lang::checked::{Checked, Cond, EndTest, Kind, SetExpr};
use lang::flow::{End, Flow, Person, Place, Side};
use lang::flowspec::{flow_text, location_text};
use lang::services;
use lang::testing::outcome;

use super::complete::says_users;

/// How many values of one fact are tried.
const MAX_TRIED: usize = 10_000;

/// Which ends of a flow may have users that the text does not name.
#[derive(Clone, Copy)]
pub struct Silent {
    src: bool,
    dst: bool,
}

impl Silent {
    /// What the text does not say.
    pub fn of(spec: &FlowSpec) -> Silent {
        Silent { src: !says_users(&spec.src), dst: !says_users(&spec.dst) }
    }
}

/// For each open fact the first value that turns the verdict round, with the answer then: `the initiator is at wap1: deny by …`.
pub fn unless(program: &Program, flow: &Flow, silent: Silent) -> Vec<String> {
    let policy = program.policy();
    let asked = asked(policy);
    let mut found = Vec::new();
    for (side, silent, who) in [(Side::Src, silent.src, "the initiator"), (Side::Dst, silent.dst, "the responder")] {
        let end = flow.end(side);
        if end.place != Place::Inside {
            continue;
        }
        if end.location.is_none() {
            found.extend(turning(program, flow, side, &asked, |test, end| {
                let EndTest::Location(at) = test else { return None };
                end.location = Some(at);
                Some(format!("{who} is at {}", location_text(policy, at)))
            }));
        }
        if end.users.is_empty() && silent {
            found.extend(turning(program, flow, side, &asked, |test, end| {
                let EndTest::User(user) = test else { return None };
                end.users = vec![Person::declared(user)];
                policy.users.get(user.index()).map(|user| format!("{who} has user {}", user.name))
            }));
            found.extend(turning(program, flow, side, &asked, |test, end| {
                let EndTest::Group(id) = test else { return None };
                let group = policy.groups.get(id.index()).filter(|group| group.dynamic.is_some() && group.kind == Kind::User)?;
                end.users = vec![Person { user: None, groups: vec![id] }];
                Some(format!("{who} has a {}", group.name))
            }));
        }
    }
    found.extend(other_service(program, flow));
    found
}

/// The first service that turns the verdict round, where the flow names none.
fn other_service(program: &Program, flow: &Flow) -> Option<String> {
    if !services::lacks_one(flow) {
        return None;
    }
    let policy = program.policy();
    let verdict = program.judge(flow).verdict;
    services::named(policy).iter().find_map(|headers| {
        let other = services::with(flow, headers)?;
        let judgement = program.judge(&other);
        (judgement.verdict != verdict).then(|| {
            let text = flow_text(policy, &other);
            format!("it is of a service, as {text}: then {}", outcome(policy, &judgement))
        })
    })
}

/// The first of the tests that, made true by `make`, turns the verdict round.
fn turning(
    program: &Program,
    flow: &Flow,
    side: Side,
    asked: &BTreeSet<EndTest>,
    make: impl Fn(EndTest, &mut End) -> Option<String>,
) -> Option<String> {
    let verdict = program.judge(flow).verdict;
    asked.iter().take(MAX_TRIED).find_map(|test| {
        let mut other = flow.clone();
        let end = match side {
            Side::Src => &mut other.src,
            Side::Dst => &mut other.dst,
        };
        let what = make(*test, end)?;
        let judgement = program.judge(&other);
        (judgement.verdict != verdict).then(|| format!("{what}: then {}", outcome(program.policy(), &judgement)))
    })
}

/// Everything that rules and groups ask of an end.
fn asked(policy: &Checked) -> BTreeSet<EndTest> {
    let mut tests = BTreeSet::new();
    for rule in &policy.rules {
        in_condition(&rule.cond, &mut tests);
    }
    for group in &policy.groups {
        in_set(&group.members, &mut tests);
    }
    tests
}

fn in_condition(condition: &Cond, tests: &mut BTreeSet<EndTest>) {
    match condition {
        Cond::End(_, test) => {
            tests.insert(*test);
        }
        Cond::Header(_) | Cond::Time(_) => {}
        Cond::Not(inner) => in_condition(inner, tests),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| in_condition(part, tests)),
    }
}

fn in_set(set: &SetExpr, tests: &mut BTreeSet<EndTest>) {
    match set {
        SetExpr::Leaf(test) => {
            tests.insert(*test);
        }
        SetExpr::Union(parts) => parts.iter().for_each(|part| in_set(part, tests)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
            in_set(a, tests);
            in_set(b, tests);
        }
    }
}
