//! A policy joined with another decides as it did alone.

use lang::eval;

use super::*;
use crate::principal::{Identity, destination, source};
use crate::program::Program;
use crate::program::generate::{self, Draw};

/// The policy with other names for some users and hosts, groups in another order, and one host fewer.
fn renamed(draw: &mut Draw, policy: &Checked) -> Checked {
    let mut other = policy.clone();
    for user in &mut other.users {
        if draw.chance(3) {
            user.name = format!("{}-too", user.name).into();
        }
    }
    other.hosts.reverse();
    other.hosts.truncate(3);
    other.groups = Vec::new();
    other.rules = Vec::new();
    other.invariants = Vec::new();
    other
}

#[test]
fn each_side_decides_its_flows_as_it_did_alone() {
    let mut known = 0;
    for seed in 0..600 {
        let draw = &mut Draw::new(seed);
        let policy = generate::policy(draw);
        let other = renamed(draw, &policy);
        // As the new one its things keep their numbers, but for groups; those are asked for by number in memberships.
        let joint = Joint::of(&other, &policy);
        let strangers = joint.sides[1].groups.len() - policy.groups.len();
        let view = generate::view(draw, &policy);
        for _ in 0..400 {
            let (at, key) = (generate::location(draw), generate::key(draw));
            let (Identity::Known(src), Identity::Known(dst)) =
                (source(&policy, &view, at, &key), destination(&policy, &view, &key))
            else {
                continue;
            };
            let flow = lang::flow::Flow { src, dst, headers: Program::headers(&key), time: Some(generate::time(draw)) };
            let alone = eval::judge(&policy, &flow);
            let mut shifted = flow.clone();
            for end in [&mut shifted.src, &mut shifted.dst] {
                let shift = |ids: &mut Vec<GroupId>| ids.iter_mut().for_each(|id| id.0 += number(strangers));
                shift(&mut end.groups);
                end.users.iter_mut().for_each(|person| shift(&mut person.groups));
            }
            known += 1;
            assert_eq!(eval::judge(&joint.sides[1], &shifted), alone, "seed {seed}");
        }
    }
    assert!(known > 1_500, "{known}");
}
