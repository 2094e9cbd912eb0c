//! Millions of flows: what the decision structure answers is what plain evaluation says, under a view that was compiled, and
//! under one that changed since and was brought in by updates. Each failure names its seed and its flow.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use lang::eval;
use lang::flow::Flow;
use net::MacAddr;

use super::super::Program;
use super::super::generate::{self, Draw};
use crate::view::View;

/// How many answers came from where.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    by_rule: usize,
    by_default: usize,
    several_users: usize,
}

impl Counted {
    fn all(self) -> usize {
        self.by_rule + self.by_default
    }

    /// Judges a flow in both ways.
    fn judge(&mut self, program: &Program, flow: &Flow, seed: u64) {
        let wanted = eval::judge(program.policy(), flow);
        assert_eq!(program.judge(flow), wanted, "seed {seed}: {flow:?}\n{:#?}", program.policy().rules);
        if wanted.rule.is_some() {
            self.by_rule += 1
        } else {
            self.by_default += 1
        }
        self.several_users += usize::from(flow.src.users.len() > 1 || flow.dst.users.len() > 1);
    }
}

/// Flows of one view each.
fn compiled(seeds: Range<u64>, flows: usize) -> Counted {
    let mut counted = Counted::default();
    for seed in seeds {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        (0..flows).for_each(|_| counted.judge(&program, &generate::flow(draw, &view, &policy), seed));
    }
    counted
}

/// Flows after each of some changes of the view; of ends as they are, and as they were before it.
fn updated(seeds: Range<u64>, rounds: usize, flows: usize) -> Counted {
    let mut counted = Counted::default();
    for seed in seeds {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let mut view = View::new(&policy);
        let mut program = Program::compile(policy.clone(), &view);
        for _ in 0..rounds {
            let before = view.clone();
            let mut changed: BTreeSet<MacAddr> = BTreeSet::new();
            for _ in 0..1 + draw.below(6) {
                let last = view.clone();
                generate::disturb(draw, &mut view, &policy);
                changed.extend(last.changed_stations(&view));
            }
            program.update(&view, &changed.into_iter().collect::<Vec<_>>());
            for place in 0..flows {
                let ends = if place % 4 == 0 { &before } else { &view };
                counted.judge(&program, &generate::flow(draw, ends, &policy), seed);
            }
        }
    }
    counted
}

/// Enough of each sort.
fn assert_mixed(counted: Counted, flows: usize) {
    assert_eq!(counted.all(), flows);
    let enough = flows / 20;
    assert!(counted.by_rule > enough && counted.by_default > enough && counted.several_users > enough, "{counted:?}");
}

// In parts, for as many threads.

#[test]
fn flows_of_policies_10000_to_12500() {
    assert_mixed(compiled(10_000..12_500, 400), 1_000_000);
}

#[test]
fn flows_of_policies_12500_to_15000() {
    assert_mixed(compiled(12_500..15_000, 400), 1_000_000);
}

#[test]
fn flows_after_updates_under_policies_20000_to_21000() {
    assert_mixed(updated(20_000..21_000, 10, 75), 750_000);
}

#[test]
fn flows_after_updates_under_policies_21000_to_22000() {
    assert_mixed(updated(21_000..22_000, 10, 75), 750_000);
}
