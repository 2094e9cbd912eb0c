//! The first match over areas: who decides which part of an area. Knows nothing of what is asked of the answer.

use std::ops::Range;

use lang::checked::{Effect, MiddleboxId, RuleId, Verdict};

use super::Analysis;
use super::area::Area;

/// The budget is used up, or a rule is too complex: no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;

/// How flows of an area are decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<'a> {
    /// By which rule; nothing is the default.
    pub(super) rule: Option<RuleId>,
    pub(super) verdict: Verdict,
    pub(super) via: &'a [MiddleboxId],
}

/// Whether a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    Stop,
}

/// The rules that a walk goes along.
#[derive(Clone, Copy)]
struct Part<'c> {
    candidates: &'c [RuleId],
    /// The rule before which they all stand, if the question is what gets there: what passes it does not.
    to: Option<RuleId>,
}

/// What is told of each part of an area.
pub(super) type Visit<'v> = dyn FnMut(&Area, &Outcome<'_>, &mut u64) -> Result<Flow, Stopped> + 'v;

/// The same of the rules before one: which decides the part; nothing where it gets as far as the one.
pub(super) type VisitBefore<'v> = dyn FnMut(&Area, Option<RuleId>, &mut u64) -> Result<Flow, Stopped> + 'v;

/// How many bytes the parts of an area may take that are kept at once: rules on many attributes cut it into ever more, each larger.
const MAX_KEPT: usize = 64 << 20;

/// Fewer parts than this are not counted.
const FEW: usize = 1_000;

/// Stops if so many parts are more than can be kept.
pub(super) fn may_keep(parts: &[Area]) -> Result<(), Stopped> {
    let fits = parts.len() < FEW || parts.iter().map(Area::bytes).sum::<usize>() <= MAX_KEPT;
    if fits { Ok(()) } else { Err(Stopped) }
}

/// Takes a step of the budget.
pub(super) fn step(steps: &mut u64) -> Result<(), Stopped> {
    spend(steps, 1)
}

/// Takes so many steps of the budget.
pub(super) fn spend(steps: &mut u64, count: u64) -> Result<(), Stopped> {
    let left = steps.checked_sub(count);
    // What does not suffice is used up.
    *steps = left.unwrap_or(0);
    left.map(|_| ()).ok_or(Stopped)
}

/// So many sets of areas are copied in one step.
const SETS_OF_A_STEP: usize = 16;

/// Takes what it has cost to make some areas: those that name many attributes cost far more than to compare them.
pub(super) fn pay_for(areas: &[Area], steps: &mut u64) -> Result<(), Stopped> {
    spend(steps, (areas.len() + areas.iter().map(Area::sets).sum::<usize>() / SETS_OF_A_STEP) as u64)
}

/// Pays for the parts that an area comes apart into, and stops if those outside, which are kept, take too much room.
fn take_note(area: &Area, inside: &Area, outside: &[Area], kept: &mut usize, steps: &mut u64) -> Result<(), Stopped> {
    pay_for(std::slice::from_ref(inside), steps)?;
    pay_for(outside, steps)?;
    *kept = kept.saturating_sub(area.bytes()) + outside.iter().map(Area::bytes).sum::<usize>();
    if *kept > MAX_KEPT { Err(Stopped) } else { Ok(()) }
}

impl Analysis<'_> {
    /// Tells of each part of an area who decides it, of the rules from this one on.
    pub(super) fn walk(&self, area: Area, from: RuleId, steps: &mut u64, visit: &mut Visit<'_>) -> Result<(), Stopped> {
        let candidates = self.candidates(&area, from.index()..self.rules.len(), steps)?;
        let mut open = vec![(area, 0)];
        while let Some((area, start)) = open.pop() {
            let all = Part { candidates: &candidates, to: None };
            if self.walk_one(area, start, all, &mut open, steps, visit)? == Flow::Stop {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Tells of each part of an area which rule before this one decides it; nothing where it gets as far as the rule.
    pub(super) fn walk_to(&self, area: Area, to: RuleId, steps: &mut u64, visit: &mut VisitBefore<'_>) -> Result<(), Stopped> {
        let candidates = self.candidates(&area, 0..to.index(), steps)?;
        let mut open = vec![(area, 0)];
        while let Some((area, start)) = open.pop() {
            let before = Part { candidates: &candidates, to: Some(to) };
            let walked = self.walk_one(area, start, before, &mut open, steps, &mut |inside, outcome, steps| {
                visit(inside, outcome.rule, steps)
            })?;
            if walked == Flow::Stop {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Those of some rules that match a part of the area and do more than audit.
    fn candidates(&self, area: &Area, of: Range<usize>, steps: &mut u64) -> Result<Vec<RuleId>, Stopped> {
        let mut candidates = Vec::new();
        for rule in self.program.policy().rules.get(of).unwrap_or_default() {
            let Some(Some(areas)) = self.rules.get(rule.id.index()) else { return Err(Stopped) };
            spend(steps, areas.len() as u64)?;
            if !matches!(rule.effect, Effect::Audit(_)) && areas.iter().any(|one| one.meets(area)) {
                candidates.push(rule.id);
            }
        }
        Ok(candidates)
    }

    fn walk_one(
        &self,
        area: Area,
        start: usize,
        part: Part<'_>,
        open: &mut Vec<(Area, usize)>,
        steps: &mut u64,
        visit: &mut Visit<'_>,
    ) -> Result<Flow, Stopped> {
        let policy = self.program.policy();
        let mut pieces = vec![area];
        let mut kept = 0_usize;
        for (place, id) in part.candidates.iter().enumerate().skip(start) {
            let (Some(rule), Some(Some(areas))) = (policy.rule(*id), self.rules.get(id.index())) else { continue };
            for one in areas {
                let mut rest = Vec::with_capacity(pieces.len());
                for piece in pieces {
                    step(steps)?;
                    let Some(inside) = piece.and(one) else {
                        rest.push(piece);
                        continue;
                    };
                    let outside = self.space.minus(&piece, one);
                    take_note(&piece, &inside, &outside, &mut kept, steps)?;
                    rest.extend(outside);
                    match rule.effect {
                        Effect::Decide(verdict) => {
                            let outcome = Outcome { rule: Some(*id), verdict, via: &rule.via };
                            if visit(&inside, &outcome, steps)? == Flow::Stop {
                                return Ok(Flow::Stop);
                            }
                        }
                        Effect::Pass(behind) if part.to.is_some_and(|to| behind > to) => {
                            // It leads past the rule in question.
                            let outcome = Outcome { rule: Some(*id), verdict: policy.default.verdict, via: &[] };
                            if visit(&inside, &outcome, steps)? == Flow::Stop {
                                return Ok(Flow::Stop);
                            }
                        }
                        Effect::Pass(behind) => {
                            open.push((inside, part.candidates.partition_point(|other| *other < behind).max(place + 1)));
                        }
                        Effect::Audit(_) => {
                            kept += inside.bytes();
                            rest.push(inside);
                        }
                    }
                }
                pieces = rest;
            }
            if pieces.is_empty() {
                return Ok(Flow::GoOn);
            }
        }
        let verdict = policy.default.verdict;
        for piece in pieces {
            if visit(&piece, &Outcome { rule: None, verdict, via: &[] }, steps)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::GoOn)
    }
}
