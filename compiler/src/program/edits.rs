//! Which rules of a policy stand where those of the one before stood. Knows nothing of how they are compiled.

use lang::checked::{Checked, Effect, Rule, RuleId};
use rustc_hash::FxHashMap;

use crate::index::Edit;

/// Two places, of the policy before and of the new one.
type Pair = (usize, usize);

/// The edits that lead from one policy to the other, in their order. Rules that are the same in both keep their order, and are as
/// many as can be found without trying: those that stand alike at either end, and a longest run of those that occur in both.
pub(super) fn edits(old: &Checked, new: &Checked) -> Vec<Edit> {
    let (olds, news) = (old.rules.as_slice(), new.rules.as_slice());
    let alike = |(one, two): &(&Rule, &Rule)| does_the_same(one, two);
    let first = olds.iter().zip(news).take_while(alike).count();
    let shorter = olds.len().min(news.len()) - first;
    let last = olds.iter().rev().zip(news.iter().rev()).take(shorter).take_while(alike).count();
    let (old_end, new_end) = (olds.len() - last, news.len() - last);
    let mut pairs: Vec<Pair> = (0..first).map(|place| (place, place)).collect();
    let middles = [olds.get(first..old_end), news.get(first..new_end)].map(Option::unwrap_or_default);
    pairs.extend(common(middles).into_iter().map(|(one, two)| (first + one, first + two)));
    pairs.extend((0..last).map(|place| (old_end + place, new_end + place)));
    keep_passes(old, new, &mut pairs);
    between(&pairs, olds.len(), news.len())
}

/// What lies between pairs.
fn between(pairs: &[Pair], old: usize, new: usize) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut at = (0, 0);
    for (one, two) in pairs.iter().copied().chain([(old, new)]) {
        if at != (one, two) {
            edits.push(Edit { old: at.0..one, new: at.1..two });
        }
        at = (one + 1, two + 1);
    }
    edits
}

/// A longest run of rules in the order of both. Where a rule occurs several times, the first are the same, and the second, and so on.
fn common([olds, news]: [&[Rule]; 2]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut numbers: FxHashMap<Alike<'_>, Vec<usize>> = FxHashMap::default();
    for (place, rule) in olds.iter().enumerate() {
        numbers.entry(Alike(rule)).or_default().push(place);
    }
    let mut seen: FxHashMap<Alike<'_>, usize> = FxHashMap::default();
    for (place, rule) in news.iter().enumerate() {
        let nth = seen.entry(Alike(rule)).or_default();
        if let Some(old) = numbers.get(&Alike(rule)).and_then(|all| all.get(*nth)) {
            pairs.push((*old, place));
        }
        *nth += 1;
    }
    longest_rising(&pairs)
}

/// As many of the pairs as rise in both, of which the second does already.
fn longest_rising(pairs: &[Pair]) -> Vec<Pair> {
    // For each length the pair that ends such a run with the smallest first place; and before each pair the one before it there.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let first = |at: usize| pairs.get(at).map_or(usize::MAX, |pair| pair.0);
    for (at, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| first(*end) < pair.0);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut at = ends.last().copied();
    let mut run = Vec::with_capacity(ends.len());
    while let Some(place) = at {
        run.extend(pairs.get(place).copied());
        at = before.get(place).copied().flatten();
    }
    run.reverse();
    run
}

/// Takes away the pairs of rules that lead behind other rules than before.
fn keep_passes(old: &Checked, new: &Checked, pairs: &mut Vec<Pair>) {
    let target = |policy: &Checked, place: usize| match policy.rules.get(place).map(|rule| rule.effect) {
        Some(Effect::Pass(behind)) => Some(behind),
        Some(Effect::Decide(_) | Effect::Audit(_)) | None => None,
    };
    let leads_elsewhere = |pair: &&Pair| match (target(old, pair.0), target(new, pair.1)) {
        (Some(one), Some(two)) => {
            pairs.partition_point(|other| other.0 < one.index()) != pairs.partition_point(|other| other.1 < two.index())
        }
        (None, _) | (_, None) => false,
    };
    let gone: Vec<Pair> = pairs.iter().filter(leads_elsewhere).copied().collect();
    if !gone.is_empty() {
        pairs.retain(|pair| gone.binary_search(pair).is_err());
    }
}

/// What a rule does with which flows, wherever it leads to.
#[derive(Clone, Copy)]
struct Alike<'r>(&'r Rule);

impl PartialEq for Alike<'_> {
    fn eq(&self, other: &Self) -> bool {
        does_the_same(self.0, other.0)
    }
}

impl Eq for Alike<'_> {}

impl std::hash::Hash for Alike<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.0.cond, led(self.0.effect), &self.0.via, &self.0.duties).hash(state);
    }
}

fn does_the_same(one: &Rule, two: &Rule) -> bool {
    led(one.effect) == led(two.effect) && one.cond == two.cond && one.via == two.via && one.duties == two.duties
}

/// The effect, wherever it leads to.
fn led(effect: Effect) -> Effect {
    match effect {
        Effect::Pass(_) => Effect::Pass(RuleId(0)),
        Effect::Decide(_) | Effect::Audit(_) => effect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rising_run_is_found() {
        assert_eq!(longest_rising(&[]), []);
        assert_eq!(longest_rising(&[(4, 0), (0, 1), (1, 2), (3, 3), (2, 5)]), [(0, 1), (1, 2), (2, 5)]);
        assert_eq!(longest_rising(&[(9, 0), (8, 1)]).len(), 1);
    }

    #[test]
    fn what_is_between_pairs_are_the_edits() {
        assert_eq!(between(&[(0, 0), (1, 1)], 2, 2), []);
        assert_eq!(between(&[(0, 0), (1, 2)], 2, 3), [Edit { old: 1..1, new: 1..2 }]);
        assert_eq!(between(&[(1, 0)], 3, 1), [Edit { old: 0..1, new: 0..0 }, Edit { old: 2..3, new: 1..1 }]);
    }
}
