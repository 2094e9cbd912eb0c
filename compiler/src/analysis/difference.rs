//! What two policies decide otherwise, of all flows that there can be. Knows nothing of texts.
//!
//! A flow whose answer changes is decided, under one of the policies, by a rule that the other lacks or that matches it there alone
//! (see `align`): the others stand in the same order and match the same. So it is enough to look at what those rules decide, and
//! to ask the other policy about that. Each part of it is compared exactly; what is not found out within the budget is told.

mod align;
mod terms;
mod views;

use std::collections::BTreeSet;
use std::sync::Arc;

use lang::checked::{Checked, Duties, Effect, MiddleboxId, Rule, RuleId, Verdict};
use lang::flow::{Flow, Judgement};

use super::area::Area;
use super::space::Space;
use super::walk::{Flow as Control, Outcome, Stopped, may_keep};
use super::witness::Dice;
use super::{Analysis, Budget, without};
use crate::joint::{Joint, Redeclared};
use crate::program::Program;
use crate::view::View;
use align::{Match, align};
pub use terms::in_terms_of;
pub use views::{Answered, Turn, Turned, Ways, turn};

/// How many classes of flows are told.
const MAX_CHANGES: usize = 1_000;

/// How many flows are tried where a part cannot be compared exactly.
const TRIES: usize = 200;

/// What two policies decide otherwise.
#[derive(Debug)]
pub struct Difference {
    /// The old policy and the new one, in terms of both together: their rules have the numbers and the places that they had.
    pub sides: [Arc<Checked>; 2],
    /// One flow of each class of flows that are answered otherwise. A class is decided by one rule before, and by one after.
    pub changes: Vec<Change>,
    /// What is declared otherwise. Flows are compared as if that had changed first.
    pub redeclared: Vec<Redeclared>,
    /// Whether there is anything else is not known of the flows of these rules, of the old policy and of the new one.
    pub undecided: [Vec<RuleId>; 2],
    /// Nothing was compared, or more changes were found than are told.
    pub is_cut: bool,
}

/// Flows that are answered otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// One of them, in the terms of both policies.
    pub flow: Flow,
    /// What the old policy answers.
    pub before: Judgement,
    /// What the new policy answers.
    pub after: Judgement,
}

impl Difference {
    /// True if it is proved that there is nothing but the changes.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.is_cut && self.undecided.iter().all(Vec::is_empty)
    }

    /// True if there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.redeclared.is_empty() && self.is_settled()
    }
}

/// Compares what two policies decide: for each pair of users, in every view that the declarations of both and the invariants that
/// they share admit. What is logged and audited is not compared.
#[must_use]
pub fn difference(old: &Checked, new: &Checked, budget: Budget) -> Difference {
    let Joint { sides, all, redeclared } = Joint::of(old, new);
    let mut found = Difference { sides, changes: Vec::new(), redeclared, undecided: [Vec::new(), Vec::new()], is_cut: false };
    let matches = align(&found.sides[0], &found.sides[1]);
    let [before, after] = [0, 1].map(|side| found.sides[side].default.verdict);
    if before == after && matches.iter().flatten().all(|one| *one == Match::Same) {
        return found;
    }
    let programs = [0, 1].map(|side| Program::compile(Arc::clone(&found.sides[side]), &View::new(&all)));
    let [of_old, of_new] = [0, 1].map(|side| Analysis::over(&programs[side], Space::new(&all).ok()?, budget));
    let Some(analyses) = of_old.zip(of_new) else {
        found.is_cut = true;
        return found;
    };
    let mut comparison = Comparison { analyses: [analyses.0, analyses.1], seen: BTreeSet::new(), found };
    comparison.rules(&matches);
    if before != after {
        comparison.defaults();
    }
    let mut found = comparison.found;
    found
        .changes
        .sort_by_key(|change| (change.after.rule.map_or(u32::MAX, |id| id.0), change.before.rule.map_or(u32::MAX, |id| id.0)));
    found
}

/// What decides a flow under both policies.
type Class = [Option<RuleId>; 2];

/// A comparison under way.
struct Comparison<'a> {
    /// Both number the classes of attributes alike, so that areas are of both.
    analyses: [Analysis<'a>; 2],
    /// Classes that are told.
    seen: BTreeSet<Class>,
    found: Difference,
}

impl Comparison<'_> {
    fn rules(&mut self, matches: &[Vec<Match>; 2]) {
        for (side, of_side) in matches.iter().enumerate() {
            for (id, found) in (0..).map(RuleId).zip(of_side) {
                if *found != Match::Same && !self.found.is_cut && self.rule(side, id, *found).is_err() {
                    self.found.undecided[side].push(id);
                }
            }
        }
    }

    /// What the rule of one side decides, if it is no rule of the other side that does.
    fn rule(&mut self, side: usize, id: RuleId, found: Match) -> Result<(), Stopped> {
        let areas = self.own_areas(side, id, found).ok_or(Stopped)?;
        let mut result = Ok(());
        for area in areas {
            let mut steps = self.analyses[side].grant();
            let granted = steps;
            let compared = self.reaching(side, id, &area, &mut steps);
            self.analyses[side].spend(granted - steps);
            if compared.is_err() {
                self.guess(&area, id);
                result = compared;
            }
        }
        result
    }

    /// What the rule matches and its counterpart does not.
    fn own_areas(&self, side: usize, id: RuleId, found: Match) -> Option<Vec<Area>> {
        let [own, other] = [&self.analyses[side], &self.analyses[1 - side]];
        let areas = own.rules.get(id.index())?.as_ref()?;
        let counterpart = match found {
            Match::Same => return Some(Vec::new()),
            Match::Alone => None,
            Match::Like(partner) => other.rules.get(partner.index())?.as_ref(),
        };
        let Some(counterpart) = counterpart else { return Some(areas.clone()) };
        without(&own.space, areas, counterpart.iter()).or_else(|| Some(areas.clone()))
    }

    /// Compares the flows of an area that get as far as the rule of one side.
    fn reaching(&mut self, side: usize, id: RuleId, area: &Area, steps: &mut u64) -> Result<(), Stopped> {
        let mut parts = Vec::new();
        self.analyses[side].walk_to(area.clone(), id, steps, &mut |inside, before, _| {
            if before.is_none() {
                parts.push(inside.clone());
                // Not after each, which would count them all over again.
                if parts.len().is_power_of_two() {
                    may_keep(&parts)?;
                }
            }
            Ok(Control::GoOn)
        })?;
        for part in parts {
            self.compare(side, id, &part, steps)?;
        }
        Ok(())
    }

    /// Compares the flows of a part that the rules of one side from this one on decide.
    fn compare(&mut self, side: usize, from: RuleId, part: &Area, steps: &mut u64) -> Result<(), Stopped> {
        let Comparison { analyses, seen, found } = self;
        let [own, other] = [&analyses[side], &analyses[1 - side]];
        own.walk(part.clone(), from, steps, &mut |inside, outcome, steps| {
            let one = Answer::of(own, outcome);
            other.walk(inside.clone(), RuleId(0), steps, &mut |inside, outcome, steps| {
                let two = Answer::of(other, outcome);
                let mut class = [one.rule, two.rule];
                if side == 1 {
                    class.reverse();
                }
                if !one.differs(&two) || seen.contains(&class) {
                    return Ok(Control::GoOn);
                }
                if found.changes.len() >= MAX_CHANGES {
                    found.is_cut = true;
                    return Err(Stopped);
                }
                let Some(point) = own.space.find(inside, steps, None)? else { return Ok(Control::GoOn) };
                let change = change(analyses, own.space.flow(&point));
                // Should areas and programs ever disagree, nothing is claimed.
                let Some(change) = change.filter(|change| [change.before.rule, change.after.rule] == class) else {
                    return Err(Stopped);
                };
                seen.insert(class);
                found.changes.push(change);
                Ok(Control::GoOn)
            })?;
            Ok(Control::GoOn)
        })
    }

    /// Of flows that both policies leave to their defaults one is enough.
    fn defaults(&mut self) {
        let [old, new] = &self.analyses;
        let mut steps = old.grant();
        let granted = steps;
        let mut witness = None;
        let walked = old.walk(Area::all(), RuleId(0), &mut steps, &mut |inside, outcome, steps| {
            if outcome.rule.is_some() {
                return Ok(Control::GoOn);
            }
            new.walk(inside.clone(), RuleId(0), steps, &mut |inside, outcome, steps| {
                if outcome.rule.is_none() {
                    witness = new.space.find(inside, steps, None)?.map(|point| new.space.flow(&point));
                }
                Ok(if witness.is_some() { Control::Stop } else { Control::GoOn })
            })?;
            Ok(if witness.is_some() { Control::Stop } else { Control::GoOn })
        });
        old.spend(granted - steps);
        let change = witness.and_then(|flow| change(&self.analyses, flow));
        match change.filter(|change| change.before.rule.is_none() && change.after.rule.is_none()) {
            Some(change) => self.found.changes.push(change),
            None if walked.is_err() => self.guess_default(),
            None => {}
        }
    }

    fn guess_default(&mut self) {
        self.guess(&Area::all(), RuleId(0));
        self.found.is_cut = true;
    }

    /// Tries some flows of an area: what they show is so, what they do not show is not known.
    fn guess(&mut self, area: &Area, seed: RuleId) {
        let mut dice = Dice::new(u64::from(seed.0) + 1);
        for _ in 0..TRIES {
            let space = &self.analyses[0].space;
            let Some(flow) = space.guess(area, &mut dice).map(|point| space.flow(&point)) else { continue };
            let Some(change) = change(&self.analyses, flow) else { continue };
            if self.found.changes.len() < MAX_CHANGES && self.seen.insert([change.before.rule, change.after.rule]) {
                self.found.changes.push(change);
            }
        }
    }
}

/// The change that a flow shows; nothing if it is answered alike.
fn change(analyses: &[Analysis<'_>; 2], flow: Flow) -> Option<Change> {
    let [before, after] = [0, 1].map(|side: usize| analyses[side].program.judge(&flow));
    let differs = before.verdict != after.verdict || (&before.via, &before.duties) != (&after.via, &after.duties);
    differs.then_some(Change { flow, before, after })
}

/// How flows of a part are answered.
struct Answer<'a> {
    rule: Option<RuleId>,
    verdict: Verdict,
    via: &'a [MiddleboxId],
    duties: Option<&'a Duties>,
}

impl<'a> Answer<'a> {
    fn of(analysis: &'a Analysis<'_>, outcome: &Outcome<'_>) -> Answer<'a> {
        let rule: Option<&Rule> = outcome.rule.and_then(|id| analysis.program.policy().rule(id));
        let via = rule.map_or(&[][..], |rule| &rule.via);
        let duties = rule.map(|rule| &rule.duties).filter(|duties| **duties != Duties::default());
        Answer { rule: outcome.rule, verdict: outcome.verdict, via, duties }
    }

    fn differs(&self, other: &Answer<'_>) -> bool {
        (self.verdict, self.via, self.duties) != (other.verdict, other.via, other.duties)
    }
}

/// True if a rule does more than report.
fn decides(rule: &Rule) -> bool {
    !matches!(rule.effect, Effect::Audit(_))
}

#[cfg(test)]
mod tests;
