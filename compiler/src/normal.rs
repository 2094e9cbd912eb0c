//! Conditions as alternatives: each a conjunction of what must hold, and must not hold, at either end and in the headers.
//! Knows nothing of the order of rules, nor of what they do.

use std::sync::Arc;

use lang::checked::{Cond, EndTest, HeaderTest, ServiceTerm, TimeTest};
use lang::flow::Side;
use rustc_hash::FxHashMap;

use crate::label::{LabelId, Labels};

/// More alternatives in one condition are not indexed.
pub(crate) const MAX_ALTERNATIVES: usize = 64;

/// How many literals may be copied to join the alternatives of one condition: each is copied for each part that follows.
const MAX_COPIED: usize = 1_000_000;

/// From this length on a conjunction is long.
const LONG: usize = 32;

/// Services with more terms than this together are not joined into one: the list would be made for each rule again.
const MAX_JOINED: usize = 1_000;

/// One thing that must hold, or where `wanted` is false, must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) atom: LiteralAtom,
    pub(crate) wanted: bool,
}

/// What a literal is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LiteralAtom {
    /// The end has the label.
    End(Side, LabelId),
    /// The headers pass the test.
    Header(HeaderTest),
    /// The time passes the test.
    Time(TimeTest),
}

/// A conjunction without duplicates and without contradictions.
pub(crate) type Alternative = Vec<Literal>;

/// The condition has more alternatives than [`MAX_ALTERNATIVES`]; as many were counted. So does one whose alternatives are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) usize);

/// The alternatives of a condition; none if it never holds.
pub(crate) fn alternatives(cond: &Cond, labels: &mut Labels) -> Result<Vec<Alternative>, TooMany> {
    normalise(cond, true, labels)
}

fn normalise(cond: &Cond, wanted: bool, labels: &mut Labels) -> Result<Vec<Alternative>, TooMany> {
    match (cond, wanted) {
        (Cond::End(side, test), _) => Ok(vec![vec![Literal { atom: LiteralAtom::End(*side, labels.test(*test)), wanted }]]),
        (Cond::Header(test), _) => Ok(vec![vec![Literal { atom: LiteralAtom::Header(test.clone()), wanted }]]),
        (Cond::Time(test), _) => Ok(vec![vec![Literal { atom: LiteralAtom::Time(*test), wanted }]]),
        (Cond::Not(inner), _) => normalise(inner, !wanted, labels),
        (Cond::All(parts), true) | (Cond::Any(parts), false) => conjunction(parts, wanted, labels),
        (Cond::All(parts), false) => disjunction(parts, false, labels),
        (Cond::Any(parts), true) => {
            let lists = Lists::gather(parts);
            let mut all = lists.literals(labels);
            limited_extend(&mut all, disjunction_of(&lists.rest, true, labels)?)?;
            Ok(all)
        }
    }
}

fn conjunction(parts: &[Cond], wanted: bool, labels: &mut Labels) -> Result<Vec<Alternative>, TooMany> {
    let mut all = vec![Joined::default()];
    let mut copied = 0;
    for part in parts {
        let factor = normalise(part, wanted, labels)?;
        if let ([one], [more]) = (all.as_mut_slice(), factor.as_slice()) {
            if !one.add(more) {
                all.clear();
            }
            continue;
        }
        let mut product: Vec<Joined> = Vec::new();
        for left in &all {
            for right in &factor {
                copied += left.literals.len() + right.len();
                let mut both = left.clone();
                if both.add(right) && !product.iter().any(|other| other.literals == both.literals) {
                    product.push(both);
                }
                if product.len() > MAX_ALTERNATIVES || copied > MAX_COPIED {
                    return Err(TooMany(product.len().max(MAX_ALTERNATIVES + 1)));
                }
            }
        }
        all = product;
    }
    Ok(all.into_iter().map(|joined| joined.literals).collect())
}

fn disjunction(parts: &[Cond], wanted: bool, labels: &mut Labels) -> Result<Vec<Alternative>, TooMany> {
    disjunction_of(&parts.iter().collect::<Vec<_>>(), wanted, labels)
}

fn disjunction_of(parts: &[&Cond], wanted: bool, labels: &mut Labels) -> Result<Vec<Alternative>, TooMany> {
    let mut all = Vec::new();
    for part in parts {
        limited_extend(&mut all, normalise(part, wanted, labels)?)?;
    }
    Ok(all)
}

fn limited_extend(all: &mut Vec<Alternative>, more: Vec<Alternative>) -> Result<(), TooMany> {
    for alternative in more {
        if !all.contains(&alternative) {
            all.push(alternative);
        }
    }
    if all.len() > MAX_ALTERNATIVES { Err(TooMany(all.len())) } else { Ok(()) }
}

/// A conjunction as it grows. What a long one holds is looked up, not looked through.
#[derive(Clone, Default)]
struct Joined {
    literals: Alternative,
    known: FxHashMap<LiteralAtom, bool>,
}

impl Joined {
    /// Adds literals that are to hold, too; false if they contradict it.
    fn add(&mut self, more: &[Literal]) -> bool {
        for literal in more {
            match self.wanted(&literal.atom) {
                Some(wanted) if wanted == literal.wanted => {}
                Some(_) => return false,
                None => self.push(literal),
            }
        }
        true
    }

    fn wanted(&self, atom: &LiteralAtom) -> Option<bool> {
        if self.known.is_empty() {
            return self.literals.iter().find(|other| other.atom == *atom).map(|other| other.wanted);
        }
        self.known.get(atom).copied()
    }

    fn push(&mut self, literal: &Literal) {
        self.literals.push(literal.clone());
        if self.literals.len() == LONG {
            self.known = self.literals.iter().map(|one| (one.atom.clone(), one.wanted)).collect();
        } else if self.literals.len() > LONG {
            self.known.insert(literal.atom.clone(), literal.wanted);
        }
    }
}

/// The parts of a disjunction that make one literal together: tests of the same end, and services.
#[derive(Default)]
struct Lists<'a> {
    src: Vec<EndTest>,
    dst: Vec<EndTest>,
    services: Vec<Arc<[ServiceTerm]>>,
    rest: Vec<&'a Cond>,
}

impl<'a> Lists<'a> {
    fn gather(parts: &'a [Cond]) -> Lists<'a> {
        let mut lists = Lists::default();
        lists.add(parts);
        lists
    }

    fn add(&mut self, parts: &'a [Cond]) {
        for part in parts {
            match part {
                Cond::End(Side::Src, test) => self.src.push(*test),
                Cond::End(Side::Dst, test) => self.dst.push(*test),
                Cond::Header(HeaderTest::Service(terms)) => self.services.push(Arc::clone(terms)),
                Cond::Any(inner) => self.add(inner),
                Cond::Header(_) | Cond::Time(_) | Cond::Not(_) | Cond::All(_) => self.rest.push(part),
            }
        }
    }

    fn literals(&self, labels: &mut Labels) -> Vec<Alternative> {
        let mut all = Vec::new();
        for (side, tests) in [(Side::Src, &self.src), (Side::Dst, &self.dst)] {
            if !tests.is_empty() {
                let label = labels.any_of(tests.clone());
                all.push(vec![Literal { atom: LiteralAtom::End(side, label), wanted: true }]);
            }
        }
        let header = |test| vec![Literal { atom: LiteralAtom::Header(test), wanted: true }];
        let count: usize = self.services.iter().map(|terms| terms.len()).sum();
        match self.services.as_slice() {
            [] => {}
            [one] => all.push(header(HeaderTest::Service(Arc::clone(one)))),
            several if count > MAX_JOINED => {
                all.extend(several.iter().map(|terms| header(HeaderTest::Service(Arc::clone(terms)))));
            }
            several => {
                let terms: Vec<ServiceTerm> = several.iter().flat_map(|terms| terms.iter().cloned()).collect();
                all.push(header(HeaderTest::Service(terms.into())));
            }
        }
        all
    }
}
