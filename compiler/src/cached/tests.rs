//! Kept answers against the plain evaluator, with changes of the view and of the policy in between.

use super::*;
use crate::program::edited;
use crate::program::generate::{self, Draw};
use lang::eval;

#[test]
fn kept_answers_are_never_of_an_earlier_state() {
    let (mut kept, mut changes) = (0, 0);
    for seed in 0..250 {
        let draw = &mut Draw::new(seed);
        let mut policy = Arc::new(generate::policy(draw));
        let mut view = generate::view(draw, &policy);
        // So few places that answers drive each other out, or so many that they stay.
        let size = draw.pick(&[4, 1 << 12]);
        let mut cached = Cached::new(Program::compile(Arc::clone(&policy), &view), size);
        for _ in 0..30 {
            let ends: Vec<End> = view
                .stations()
                .flat_map(|one| {
                    let addresses = std::iter::once(None).chain(one.addresses.iter().copied().map(Some));
                    addresses.map(|address| crate::principal::end_of(one, address)).collect::<Vec<_>>()
                })
                .collect();
            let flows: Vec<Flow> = (0..12)
                .map(|_| {
                    let any = generate::flow(draw, &view, &policy);
                    if draw.chance(4) { any } else { Flow { src: draw.pick(&ends), dst: draw.pick(&ends), ..any } }
                })
                .collect();
            for flow in flows.iter().chain(&flows) {
                assert_eq!(cached.judge(flow), eval::judge(&policy, flow), "seed {seed}: {flow:?}");
            }
            kept += cached.answers.iter().filter(|answer| answer.decided != NOTHING).count();
            changes += 1;
            if draw.chance(2) {
                let before = view.clone();
                generate::disturb(draw, &mut view, &policy);
                cached.update(&view, &before.changed_stations(&view));
            } else {
                let mut next = Checked::clone(&policy);
                edited::edit(draw, &mut next);
                let next = Arc::new(next);
                view = view.rebase(&policy, &next);
                cached.recompile(Arc::clone(&next), &view);
                policy = next;
            }
        }
    }
    assert!(kept > 10_000, "{kept} after {changes}");
}

#[test]
fn an_answer_that_is_there_is_used() {
    let draw = &mut Draw::new(21);
    let mut policy = generate::policy(draw);
    policy.rules.clear();
    let view = generate::view(draw, &policy);
    let mut cached = Cached::new(Program::compile(Arc::new(policy), &view), 1 << 10);
    let end = |nth: usize| crate::principal::end_of(view.stations().nth(nth).unwrap(), None);
    let (src, dst) = (cached.placed(&end(0)).unwrap(), cached.placed(&end(1)).unwrap());
    let headers = Headers::default();
    let mut decided = cached.decide(src, dst, &headers, None);
    assert_eq!(cached.decide(src, dst, &headers, None), decided);
    // Whatever stands there is given: here another verdict.
    let place = cached.answers.iter().position(|answer| answer.decided != NOTHING).unwrap();
    cached.answers[place].decided ^= 3;
    decided.verdict = cached.answers[place].decided().verdict;
    assert_eq!(cached.decide(src, dst, &headers, None), decided);
    let mac = view.stations().next().unwrap().mac;
    let mut moved = view.clone();
    moved.remove(mac);
    moved.attach(mac, generate::location(draw), cached.policy());
    let stamp = cached.answers[place].stamp;
    cached.update(&moved, &[mac]);
    if let Some(src) = moved.station(mac).map(|one| crate::principal::end_of(one, None)).and_then(|end| cached.placed(&end)) {
        cached.decide(src, dst, &headers, None);
        assert_ne!(cached.answers[place].stamp, stamp);
    }
}
