//! Long scripts of edits: after each step the program equals, and answers as, one compiled from nothing.

use std::sync::Arc;

use lang::checked::{Checked, RuleId};
use lang::eval;

use super::super::edited::{self, Done};
use super::super::generate::{self, Draw};
use super::*;

/// The program says the same as one compiled from nothing, and hangs together.
fn is_sound(program: &Program, view: &View, seed: u64) {
    let whole = Program::compile(Arc::clone(program.policy()), view);
    let told = whole.labels_in_words();
    assert!(program.labels_in_words().is_superset(&told), "seed {seed}");
    assert_eq!(program.canonical(&told), whole.canonical(&told), "seed {seed}");
    program.index.check();
}

fn answers_alike(program: &Program, view: &View, draw: &mut Draw, seed: u64) {
    for _ in 0..15 {
        let flow = generate::flow(draw, view, program.policy());
        assert_eq!(program.judge(&flow), eval::judge(program.policy(), &flow), "seed {seed}: {flow:?}");
    }
    let ends: Vec<_> =
        view.stations().map(|station| crate::principal::end_of(station, station.addresses.first().copied())).collect();
    for src in &ends {
        let dst = draw.pick(&ends);
        let flow = lang::flow::Flow { src: src.clone(), dst, ..generate::flow(draw, view, program.policy()) };
        assert_eq!(program.judge(&flow), eval::judge(program.policy(), &flow), "seed {seed}: {flow:?}");
    }
}

#[test]
fn a_recompiled_program_equals_one_compiled_from_nothing() {
    let (mut partial, mut anew, mut empty) = (0, 0, 0);
    for seed in 0..250 {
        let draw = &mut Draw::new(seed);
        let mut policy = Arc::new(generate::policy(draw));
        let mut view = generate::view(draw, &policy);
        let mut program = Program::compile(Arc::clone(&policy), &view);
        for _ in 0..16 {
            if draw.chance(4) {
                let before = view.clone();
                generate::disturb(draw, &mut view, &policy);
                program.update(&view, &before.changed_stations(&view));
                is_sound(&program, &view, seed);
                continue;
            }
            let mut edited = Checked::clone(&policy);
            let done = edited::edit(draw, &mut edited);
            let edited = Arc::new(edited);
            view = view.rebase(&policy, &edited);
            let fits = program.index.excess.is_empty();
            let change = program.recompile(Arc::clone(&edited), &view);
            match done {
                Done::Text => assert!(!fits || change.is_empty(), "seed {seed}: {change:?}"),
                Done::Rules | Done::Members | Done::Whole | Done::Declarations => {}
            }
            if change.is_partial() {
                partial += 1
            } else {
                anew += 1
            }
            empty += usize::from(change.is_empty());
            policy = edited;
            is_sound(&program, &view, seed);
            answers_alike(&program, &view, draw, seed);
        }
    }
    assert!(partial > 1_500 && anew > 100 && empty > 100, "{partial} {anew} {empty}");
}

#[test]
fn a_copy_does_not_see_what_changes_after() {
    for seed in 0..60 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let mut program = Program::compile(Arc::clone(&policy), &view);
        let copy = program.clone();
        let mut edited = Checked::clone(&policy);
        for _ in 0..6 {
            edited::edit(draw, &mut edited);
            program.recompile(Arc::new(edited.clone()), &view);
        }
        is_sound(&copy, &view, seed);
        answers_alike(&copy, &view, draw, seed);
    }
}

/// Rules that each name a port of their own come and go, many of them, so that classes are found anew.
#[test]
fn many_new_services_are_told_apart() {
    let draw = &mut Draw::new(5);
    let mut policy = Arc::new(generate::policy(draw));
    let view = generate::view(draw, &policy);
    let mut program = Program::compile(Arc::clone(&policy), &view);
    let mut found_anew = 0;
    for port in 0..400_u16 {
        let mut edited = Checked::clone(&policy);
        let from = lang::checked::Cond::End(lang::flow::Side::Src, EndTest::Host(lang::checked::HostId(u32::from(port % 5))));
        let ports = lang::checked::HeaderTest::TpDst(port * 7..=port * 7 + port % 5);
        let cond = lang::checked::Cond::All(vec![from, lang::checked::Cond::Header(ports)]);
        let at = draw.below(u32::try_from(edited.rules.len()).unwrap() + 1);
        let rule = lang::checked::Rule::plain(RuleId(at), cond, generate::verdict(draw), generate::span());
        edited::insert(&mut edited, at as usize, rule, true);
        policy = Arc::new(edited);
        let change = program.replace_rules(Arc::clone(&policy), &view, at as usize..at as usize, at as usize..at as usize + 1);
        assert_eq!(change.rules(), Some((0, 1)));
        found_anew += usize::from(matches!(change.extent, Extent::Parts(Parts { classes: true, .. })));
        answers_alike(&program, &view, draw, u64::from(port));
        if port % 40 == 0 {
            is_sound(&program, &view, u64::from(port));
        }
    }
    assert!(found_anew > 1);
}

/// A rule is put in behind the first, again and again, so that keys are given anew.
#[test]
fn rules_put_in_at_one_place_stay_in_order() {
    let draw = &mut Draw::new(11);
    let mut policy = Arc::new(generate::policy(draw));
    let view = generate::view(draw, &policy);
    let mut program = Program::compile(Arc::clone(&policy), &view);
    for _ in 0..300 {
        let mut edited = Checked::clone(&policy);
        let rule = generate::rule(
            draw,
            RuleId(1),
            u32::try_from(policy.groups.len()).unwrap(),
            u32::try_from(policy.rules.len()).unwrap() + 1,
        );
        edited::insert(&mut edited, 1, rule, true);
        policy = Arc::new(edited);
        program.recompile(Arc::clone(&policy), &view);
        answers_alike(&program, &view, draw, 11);
    }
    is_sound(&program, &view, 11);
}
