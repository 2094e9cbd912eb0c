//! What must hold of a policy that checks: the compiled program answers as the plain evaluator, nothing that is decided contradicts
//! what was proved, and a flow in words reads back as itself.

use std::sync::Arc;

use compiler::{Analysis, Budget, Program, View, explain, findings};
use lang::ast::Policy;
use lang::checked::{Checked, RuleId};
use lang::diag::any_error;
use lang::eval::{Reference, judge};
use lang::facts::{Facts, Proof, RuleFact};
use lang::flow::Flow;
use lang::flowspec::{flow_text, read};
use lang::testing;

use crate::sound;

/// Enough for small policies; large ones are for benchmarks.
const BUDGET: Budget = Budget { claim: 20_000, rule: 2_000, rules: 50_000, claims: 50_000, examples: 500_000 };

/// How many flows of a policy are looked at.
const FLOWS: usize = 200;

/// How many ends are tried with one another, beside those that the policy's tests name.
const ENDS: usize = 5;

/// Services that are tried between them.
const SERVICES: [&str; 6] = ["", "tcp/80", "udp/53", "icmp", "icmp6", "arp"];

/// Fails, if something is answered in two ways.
pub(crate) fn holds(policy: Checked, tree: &Policy) {
    let policy = Arc::new(policy);
    let program = Program::compile(policy.clone(), &View::new(&policy));
    let (facts, found) = findings(&program, tree, None, BUDGET);
    let mut sources = policy.sources.clone();
    lang::check::add_prelude_of(&found, &mut sources);
    sound::findings(&found, &sources);
    assert_eq!(testing::run(&policy, &program), testing::run(&policy, &Reference(&policy)));
    let mut flows = witnesses(&facts);
    flows.extend(examples(&program));
    let from_proofs = flows.len();
    flows.extend(policy.tests.iter().flat_map(|test| &test.cases).flat_map(|case| case.flows.iter().cloned()));
    flows.extend(between_ends(&policy));
    for (number, flow) in flows.iter().take(from_proofs + FLOWS).enumerate() {
        let answer = program.judge(flow);
        assert_eq!(answer, judge(&policy, flow), "{flow:?}");
        assert_eq!(explain(&program, flow).judgement, answer, "{flow:?}");
        agrees(&facts, answer.rule, flow);
        reads_back(&policy, flow, number < from_proofs);
    }
    for (id, fact) in &facts.rules {
        if let RuleFact::Decides(flow) | RuleFact::Redundant(flow, _) = fact {
            assert_eq!(judge(&policy, flow).rule, Some(*id), "{flow:?}");
        }
    }
}

/// What was proved never to decide does not.
fn agrees(facts: &Facts, rule: Option<RuleId>, flow: &Flow) {
    match rule {
        Some(rule) => {
            let dead = |fact: &RuleFact| matches!(fact, RuleFact::Shadowed(_) | RuleFact::MatchesNothing);
            let fact = facts.rules.iter().find(|(id, _)| *id == rule);
            assert!(fact.is_none_or(|(_, fact)| !dead(fact)), "{rule:?} decides {flow:?}");
        }
        None => assert!(facts.default != Some(Proof::Proved), "the default decides {flow:?}"),
    }
}

/// Flows that proofs name.
fn witnesses(facts: &Facts) -> Vec<Flow> {
    let proofs = facts.assertions.iter().chain(facts.scopes.iter().map(|(_, proof)| proof)).chain(&facts.default);
    let refuted = proofs.filter_map(|proof| match proof {
        Proof::Refuted(flow) => Some(flow),
        Proof::Proved | Proof::Undecided(_) => None,
    });
    let of_rules = facts.rules.iter().filter_map(|(_, fact)| match fact {
        RuleFact::Decides(flow) | RuleFact::Redundant(flow, _) => Some(flow),
        _ => None,
    });
    refuted.chain(of_rules).chain(facts.overlaps.iter().map(|overlap| &overlap.flow)).map(|flow| Flow::clone(flow)).collect()
}

/// A flow for each region that no test reaches; it is decided there.
fn examples(program: &Program) -> Vec<Flow> {
    let uncovered = program.regions_of_tests().uncovered;
    let Some(analysis) = Analysis::new(program, BUDGET) else { return Vec::new() };
    let examples = analysis.examples(&uncovered, &|_| true);
    for (region, flow) in uncovered.iter().zip(&examples) {
        if let Some(flow) = flow {
            assert_eq!(judge(program.policy(), flow).rule, Some(region.rule), "{flow:?}");
        }
    }
    examples.into_iter().flatten().collect()
}

/// Flows between declared hosts, users, the internet, and machines that nobody knows.
fn between_ends(policy: &Checked) -> Vec<Flow> {
    let hosts = policy.hosts.iter().take(ENDS).map(|host| format!("host {}", host.name));
    let users = policy.users.iter().take(ENDS).map(|user| format!("user {}", user.name));
    let others = ["internet", "10.0.0.1", "user none"].map(str::to_owned);
    let ends: Vec<String> = hosts.chain(users).chain(others).collect();
    let pairs = ends.iter().flat_map(|src| ends.iter().map(move |dst| (src, dst)));
    let lines = pairs.flat_map(|(src, dst)| SERVICES.iter().map(move |service| format!("{src} -> {dst} {service}")));
    lines.take(FLOWS).filter_map(|line| read(policy, &line).ok()).flatten().collect()
}

/// A flow in words is this flow: what the language has no words for stands behind `#`.
fn reads_back(policy: &Checked, flow: &Flow, from_proof: bool) {
    let text = flow_text(policy, flow);
    assert!(!text.contains('\n'), "{text}");
    match read(policy, &text) {
        Ok(flows) => {
            let same = flows.iter().any(|other| judge(policy, other) == judge(policy, flow));
            assert!(same || text.contains('#'), "{text}: {flow:?}\n{flows:?}");
        }
        Err(why) => assert!(!from_proof && !any_error(&why.found), "`{text}` is no flow: {:?}\n{flow:?}", why.found),
    }
}
