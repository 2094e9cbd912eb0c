//! Which rules of two policies are the same. Knows nothing of what they match.

use std::hash::Hash;

use lang::checked::{Checked, Cond, Duties, Effect, MiddleboxId, Rule, RuleId};
use rustc_hash::FxHashMap;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::decides;

/// How a rule stands to the other policy. Rules that have a counterpart stand in the same order in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The same stands there; or it only reports.
    Same,
    /// That one does the same with other flows.
    Like(RuleId),
    /// Nothing there is like it.
    Alone,
}

/// For each rule of both policies, which are in terms of both, how it stands to the other one.
pub(super) fn align(old: &Checked, new: &Checked) -> [Vec<Match>; 2] {
    let rules = [old, new].map(|policy| policy.rules.iter().filter(|rule| decides(rule)).collect::<Vec<&Rule>>());
    let mut matches = [old, new].map(|policy| {
        let one = |rule: &Rule| if decides(rule) { Match::Alone } else { Match::Same };
        policy.rules.iter().map(one).collect::<Vec<Match>>()
    });
    let keys = numbered([&rules[0], &rules[1]], &exact);
    let mut pairs = Vec::new();
    let mut gap = [0..0, 0..0];
    for op in capture_diff_slices(Algorithm::Patience, &keys[0], &keys[1]) {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                pair_gap(&rules, &gap, &mut matches, &mut pairs);
                for place in 0..len {
                    let (Some(one), Some(two)) = (rules[0].get(old_index + place), rules[1].get(new_index + place)) else {
                        continue;
                    };
                    set(&mut matches, one.id, two.id, [Match::Same, Match::Same]);
                    pairs.push((one.id, two.id));
                }
                gap = [old_index + len..old_index + len, new_index + len..new_index + len];
            }
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                gap[0].end = gap[0].end.max(op.old_range().end);
                gap[1].end = gap[1].end.max(op.new_range().end);
            }
        }
    }
    pair_gap(&rules, &gap, &mut matches, &mut pairs);
    let of_rules = |policy: &Checked, id: RuleId| policy.rule(id).map(|rule| rule.effect);
    for (one, two) in &pairs {
        if let (Some(Effect::Pass(old_end)), Some(Effect::Pass(new_end))) = (of_rules(old, *one), of_rules(new, *two)) {
            let before = pairs.partition_point(|(id, _)| *id < old_end);
            let after = pairs.partition_point(|(_, id)| *id < new_end);
            if before != after {
                // It leads past other rules.
                set(&mut matches, *one, *two, [Match::Alone, Match::Alone]);
            }
        }
    }
    matches
}

/// Pairs rules between two that are the same: those that do the same, in their order.
fn pair_gap(
    rules: &[Vec<&Rule>; 2],
    gap: &[std::ops::Range<usize>; 2],
    matches: &mut [Vec<Match>; 2],
    pairs: &mut Vec<(RuleId, RuleId)>,
) {
    let parts = [0, 1].map(|side| rules[side].get(gap[side].clone()).unwrap_or_default());
    if parts.iter().any(|part| part.is_empty()) {
        return;
    }
    let keys = numbered(parts, &does);
    for op in capture_diff_slices(Algorithm::Patience, &keys[0], &keys[1]) {
        let DiffOp::Equal { old_index, new_index, len } = op else { continue };
        for place in 0..len {
            let (Some(one), Some(two)) = (parts[0].get(old_index + place), parts[1].get(new_index + place)) else { continue };
            if matches!(one.effect, Effect::Decide(_)) {
                set(matches, one.id, two.id, [Match::Like(two.id), Match::Like(one.id)]);
                pairs.push((one.id, two.id));
            }
        }
    }
}

fn set(matches: &mut [Vec<Match>; 2], one: RuleId, two: RuleId, found: [Match; 2]) {
    for ((side, id), found) in matches.iter_mut().zip([one, two]).zip(found) {
        if let Some(slot) = side.get_mut(id.index()) {
            *slot = found;
        }
    }
}

/// A number for each key, the same for the same.
fn numbered<'r, K: Hash + Eq>(sides: [&[&'r Rule]; 2], key: &dyn Fn(&'r Rule) -> K) -> [Vec<u32>; 2] {
    let mut known: FxHashMap<K, u32> = FxHashMap::default();
    sides.map(|side| {
        let number = |rule: &&'r Rule| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known.entry(key(rule)).or_insert(next)
        };
        side.iter().map(number).collect()
    })
}

/// What a rule does, wherever it leads to.
fn does(rule: &Rule) -> (Effect, &[MiddleboxId], &Duties) {
    let effect = match rule.effect {
        Effect::Pass(_) => Effect::Pass(RuleId(0)),
        other => other,
    };
    (effect, &rule.via, &rule.duties)
}

/// What a rule does with which flows.
fn exact(rule: &Rule) -> (&Cond, (Effect, &[MiddleboxId], &Duties)) {
    (&rule.cond, does(rule))
}
