//! Conditions in portions that a policy takes: the compiler writes a condition as alternatives, and refuses one that has too many.
//! Knows nothing of what conditions are about.

use crate::logic::{Cond, Test};

/// How many alternatives a condition may have at most; as many as the compiler takes (E0230).
const MOST: usize = 64;

/// How many portions a condition may be cut into.
const MOST_PORTIONS: usize = 4096;

/// How many tests all portions may have together: most of them are in each.
const MOST_TESTS: usize = 1_000_000;

/// Conditions of few alternatives each, one of which holds where the condition does. Nothing if they would be too many.
pub(crate) fn portions(cond: &Cond) -> Option<Vec<Cond>> {
    if weight(cond, true) <= MOST {
        return Some(vec![cond.clone()]);
    }
    let whole = inner_negations(cond, true);
    let least = weight(&whole, true) / MOST;
    if least > MOST_PORTIONS || least.saturating_mul(size(&whole)) > MOST_TESTS {
        return None;
    }
    let mut done = Vec::new();
    let mut open = vec![whole];
    while let Some(cond) = open.pop() {
        if weight(&cond, true) <= MOST {
            done.push(cond.settled());
        } else {
            open.extend(halves(&cond)?);
        }
        if done.len() + open.len() > MOST_PORTIONS {
            return None;
        }
    }
    done.reverse();
    Some(done)
}

/// How many tests it has.
fn size(cond: &Cond) -> usize {
    match cond {
        Cond::Any | Cond::Never | Cond::Test(_) => 1,
        Cond::Not(inner) => size(inner),
        Cond::All(parts) | Cond::Either(parts) => parts.iter().map(size).sum(),
        Cond::Unsaid(unsaid) => size(&unsaid.at_least) + size(&unsaid.at_most),
    }
}

/// How many alternatives the condition, or its negation, is written as: at most as many as this.
fn weight(cond: &Cond, wanted: bool) -> usize {
    match (cond, wanted) {
        (Cond::Any | Cond::Never, _) => 1,
        (Cond::Test(test), wanted) => test_weight(test, wanted),
        (Cond::Not(inner), _) => weight(inner, !wanted),
        (Cond::All(parts), true) | (Cond::Either(parts), false) => {
            parts.iter().fold(1, |product: usize, part| product.saturating_mul(weight(part, wanted)))
        }
        (Cond::All(parts), false) | (Cond::Either(parts), true) => {
            parts.iter().fold(0, |sum: usize, part| sum.saturating_add(weight(part, wanted)))
        }
        (Cond::Unsaid(unsaid), _) => weight(&unsaid.at_least, wanted).max(weight(&unsaid.at_most, wanted)),
    }
}

/// A test of several values of a field is that many alternatives; sets of ends and lists of services are one.
fn test_weight(test: &Test, wanted: bool) -> usize {
    match test {
        Test::Field(text) if wanted => 1 + text.matches(',').count(),
        Test::Field(_)
        | Test::End(..)
        | Test::Proto(_)
        | Test::Service(_)
        | Test::Within(..)
        | Test::Ether(_)
        | Test::Port(..) => 1,
    }
}

/// The condition with `not` in front of single tests alone.
fn inner_negations(cond: &Cond, wanted: bool) -> Cond {
    let all = |parts: &[Cond]| parts.iter().map(|part| inner_negations(part, wanted)).collect();
    match (cond, wanted) {
        (Cond::Not(inner), _) => inner_negations(inner, !wanted),
        (Cond::All(parts), true) | (Cond::Either(parts), false) => Cond::All(all(parts)),
        (Cond::All(parts), false) | (Cond::Either(parts), true) => Cond::Either(all(parts)),
        (Cond::Any | Cond::Never | Cond::Test(_) | Cond::Unsaid(_), true) => cond.clone(),
        (Cond::Any | Cond::Never | Cond::Test(_) | Cond::Unsaid(_), false) => cond.clone().negated(),
    }
}

/// The condition as two, by the first of its parts that is an alternative.
fn halves(cond: &Cond) -> Option<[Cond; 2]> {
    match cond {
        Cond::Either(parts) if parts.len() > 1 => {
            let (one, other) = parts.split_at(parts.len() / 2);
            Some([Cond::Either(one.to_vec()), Cond::Either(other.to_vec())])
        }
        Cond::Either(parts) => halves(parts.first()?),
        Cond::All(parts) => {
            let place = parts.iter().position(|part| weight(part, true) > 1 && halves(part).is_some())?;
            let with = |part: Cond| {
                let mut parts = parts.clone();
                if let Some(slot) = parts.get_mut(place) {
                    *slot = part;
                }
                Cond::All(parts)
            };
            let [one, other] = halves(parts.get(place)?)?;
            Some([with(one), with(other)])
        }
        Cond::Any | Cond::Never | Cond::Test(_) | Cond::Not(_) | Cond::Unsaid(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(number: usize) -> Cond {
        Cond::field(format!("vlan = {number}"))
    }

    #[test]
    fn a_light_condition_is_left_as_it_is() {
        let cond = Cond::All(vec![one(1), Cond::Either(vec![one(2), one(3)]).negated()]);
        assert_eq!(portions(&cond), Some(vec![cond]));
    }

    #[test]
    fn a_heavy_one_is_cut_into_light_ones_that_together_are_the_same() {
        let sum = |from: usize| Cond::Either((from..from + 10).map(one).collect());
        let cond = Cond::All(vec![sum(0), sum(100), Cond::All((200..203).map(one).collect()).negated()]);
        let cut = portions(&cond).unwrap();
        assert!(cut.len() > 1 && cut.iter().all(|part| weight(part, true) <= MOST));
        let total: usize = cut.iter().map(|part| weight(part, true)).sum();
        assert_eq!(total, 300);
    }

    #[test]
    fn what_would_be_too_much_is_refused() {
        let sums = (0..40).map(|place| Cond::Either(vec![one(place * 2 + 1), one(place * 2 + 2)]));
        assert_eq!(portions(&Cond::All(sums.collect())), None);
        let sums = (0..16).map(|place| Cond::Either(vec![one(place * 2 + 1), one(place * 2 + 2)]));
        let many = (100..1_100).map(one);
        assert!(portions(&Cond::All(sums.clone().collect())).is_some());
        assert_eq!(portions(&Cond::All(sums.chain(many).collect())), None, "each portion would have them all");
    }
}
