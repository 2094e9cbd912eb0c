//! Rules that make no difference, and pairs of which the order decides. Knows nothing of messages.
//!
//! Examples first: of most rules a few flows show that they matter, which costs a look-up each. Only for the others areas are cut.

use std::collections::BTreeMap;

use lang::checked::{Effect, Rule, RuleId};
use lang::facts::{Overlap, RuleFact, Taken};
use lang::flow::Flow;

use super::Analysis;
use super::area::Area;
use super::walk::{Flow as Control, Stopped, spend, step};
use super::witness::{Dice, Point};

/// How many flows of a rule are tried before areas are cut.
const TRIES: usize = 16;

/// How many flows of an area show who decides it, where it cannot be cut exactly.
const SAMPLES: usize = 100;

/// How many flows a walk looks at before areas are cut.
const STEPS_OF_A_WALK: usize = 40;

/// Of how many rules that cover another, those that take most, a flow is told.
const MAX_FLOWS_OF_SHARES: usize = 6;

/// How many steps exact shares may cost.
const EXACT_SHARES: u64 = 3_000;

/// In larger policies pairs of which the order decides are not looked for.
const MAX_RULES_FOR_OVERLAPS: usize = 500;

/// How many pairs of which the order decides are told.
const MAX_OVERLAPS: usize = 50;

impl Analysis<'_> {
    /// What is known of each rule of the site, and pairs of which the order decides.
    pub(super) fn rules(&self) -> (Vec<(RuleId, RuleFact)>, Vec<Overlap>) {
        let mut facts = Vec::new();
        let (mut alive, mut matters) = (self.budget.rules, self.budget.rules);
        for rule in self.program.policy().site_rules() {
            let fact = match self.example_of(rule, alive > 0) {
                Some(flow) => RuleFact::Decides(Box::new(flow)),
                None => self.limited(&mut alive, |steps| self.rule(rule, steps)),
            };
            let fact = match fact {
                RuleFact::Decides(flow) if rule.verdict().is_some() && !self.matters(rule, &flow) => {
                    // What is not found out about a rule that decides is not told.
                    let redundant = self.limited(&mut matters, |steps| self.redundant(rule, &flow, steps));
                    if redundant == RuleFact::Undecided { RuleFact::Decides(flow) } else { redundant }
                }
                other => other,
            };
            facts.push((rule.id, fact));
        }
        // Of many rules the order decides all the time.
        let overlaps = if self.rules.len() <= MAX_RULES_FOR_OVERLAPS { self.overlaps() } else { Vec::new() };
        (facts, overlaps)
    }

    /// An answer within the budget of one rule, and of all.
    fn limited(&self, left: &mut u64, ask: impl FnOnce(&mut u64) -> Result<RuleFact, Stopped>) -> RuleFact {
        let granted = self.budget.rule.min(*left);
        let mut steps = granted;
        let fact = if granted == 0 { Err(Stopped) } else { ask(&mut steps) };
        *left = left.saturating_sub(granted - steps);
        fact.unwrap_or(RuleFact::Undecided)
    }

    /// A flow that the rule decides, if luck finds one; sought longer where areas could still be cut if there is none.
    fn example_of(&self, rule: &Rule, longer: bool) -> Option<Flow> {
        let areas = self.rules.get(rule.id.index())?.as_ref()?;
        let mut dice = Dice::new(u64::from(rule.id.0) + 1);
        let cost = self.space.cost_of_guess() as u64;
        for _ in 0..TRIES {
            for area in areas {
                if !self.may_try(cost) {
                    return None;
                }
                let Some(point) = self.space.guess(area, &mut dice) else { continue };
                let flow = self.space.flow(&point);
                if matches!(self.decides(rule, &flow), Decision::This) {
                    return Some(flow);
                }
            }
        }
        if longer { self.wander(rule, areas, &mut dice) } else { None }
    }

    /// What is known of a rule of which no example was found.
    fn rule(&self, rule: &Rule, steps: &mut u64) -> Result<RuleFact, Stopped> {
        let Some(Some(areas)) = self.rules.get(rule.id.index()) else { return Err(Stopped) };
        if self.none_exists(areas, steps)? {
            return Ok(RuleFact::MatchesNothing);
        }
        self.covered(rule, areas, steps)
    }

    /// A flow that the rule decides, found by stepping out of whatever rule decides the last one.
    fn wander(&self, rule: &Rule, areas: &[Area], dice: &mut Dice) -> Option<Flow> {
        let cost = self.space.cost_of_guess() as u64;
        for area in areas {
            let mut point = self.space.guess(area, dice);
            for _ in 0..STEPS_OF_A_WALK {
                if !self.may_try(cost) {
                    return None;
                }
                let Some(here) = &point else {
                    point = self.space.guess(area, dice);
                    continue;
                };
                let flow = self.space.flow(here);
                match self.decides(rule, &flow) {
                    Decision::This => return Some(flow),
                    Decision::Nobody => return None,
                    Decision::Other(first) => {
                        let around = self.rules.get(first.index()).and_then(Option::as_deref).unwrap_or_default();
                        point = self.space.step_out(here, area, around, dice);
                    }
                }
            }
        }
        None
    }

    /// True if some areas have no flow that there can be.
    pub(super) fn none_exists(&self, areas: &[Area], steps: &mut u64) -> Result<bool, Stopped> {
        for area in areas {
            if self.space.find(area, steps, None)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Who decides a flow that the rule matches.
    fn decides(&self, rule: &Rule, flow: &Flow) -> Decision {
        let judgement = self.judged(flow, None);
        match rule.effect {
            Effect::Audit(_) => {
                if judgement.audited.contains(&rule.id) {
                    Decision::This
                } else {
                    Decision::Nobody
                }
            }
            // Whether it is reached at all is told by cutting.
            Effect::Pass(_) => Decision::Nobody,
            Effect::Decide(_) => match judgement.rule {
                Some(id) if id == rule.id => Decision::This,
                Some(id) => Decision::Other(id),
                None => Decision::Nobody,
            },
        }
    }

    /// Pairs of rules of which the order decides, with a flow of each, as far as the budget goes.
    fn overlaps(&self) -> Vec<Overlap> {
        let mut found = Vec::new();
        let mut steps = self.budget.rules;
        for second in self.program.policy().site_rules().iter().filter(|rule| rule.verdict().is_some()) {
            if self.overlaps_of(second, &mut steps, &mut found).is_err() || found.len() >= MAX_OVERLAPS {
                break;
            }
        }
        found
    }

    fn overlaps_of(&self, second: &Rule, steps: &mut u64, found: &mut Vec<Overlap>) -> Result<(), Stopped> {
        let first_of_site = self.program.policy().prelude_end;
        let Some(Some(own)) = self.rules.get(second.id.index()) else { return Ok(()) };
        let before = self.meeting(second.id, second.id.index(), steps)?;
        for (place, (first, areas)) in before.iter().enumerate() {
            step(steps)?;
            let within = |inner: &[Area], outer: &[Area]| inner.iter().all(|one| outer.iter().any(|other| one.is_within(other)));
            let other = first.verdict().is_some() && first.verdict() != second.verdict();
            if first.id < first_of_site || !other || within(own, areas) || within(areas, own) {
                continue;
            }
            let covers: Vec<&Area> = before.iter().take(place).flat_map(|(_, all)| *all).collect();
            for both in own.iter().flat_map(|one| areas.iter().filter_map(|other| one.and(other))) {
                let Some(point) = self.space.uncovered(&both, &covers, steps)? else { continue };
                let flow = self.space.flow(&point);
                if self.program.judge(&flow).rule == Some(first.id) {
                    found.push(Overlap { first: first.id, second: second.id, flow: Box::new(flow) });
                    break;
                }
            }
        }
        Ok(())
    }

    /// True if the flow, which the rule decides, would be decided otherwise without it.
    fn matters(&self, rule: &Rule, flow: &Flow) -> bool {
        let without = self.judged(flow, Some(rule.id));
        let with = self.judged(flow, None);
        (without.verdict, without.via, without.duties) != (with.verdict, with.via, with.duties)
    }

    /// Who decides everything that the rule matches, if it decides nothing itself.
    fn covered(&self, rule: &Rule, areas: &[Area], steps: &mut u64) -> Result<RuleFact, Stopped> {
        if let Some(flow) = self.uncovered(rule, areas, steps)? {
            return Ok(RuleFact::Decides(Box::new(flow)));
        }
        let mut shares = Shares::default();
        let mut exact = EXACT_SHARES;
        for area in areas {
            match self.reaching(rule, area, &mut exact, &mut shares) {
                Ok(None) => {}
                Ok(Some(flow)) => return Ok(RuleFact::Decides(Box::new(flow))),
                Err(Stopped) => {
                    shares = self.sampled(areas, rule.id);
                    break;
                }
            }
        }
        let taken = shares.sorted().into_iter().enumerate().map(|(place, (by, share, point))| {
            let flow = (place < MAX_FLOWS_OF_SHARES).then(|| self.taken_by(by, &point)).flatten();
            Taken { by, share, flow: flow.map(Box::new) }
        });
        Ok(RuleFact::Shadowed(taken.collect()))
    }

    /// The flow of a point that a rule takes; the program has the last word.
    fn taken_by(&self, rule: RuleId, point: &Point) -> Option<Flow> {
        let flow = self.space.flow(point);
        let passes = self.program.policy().rule(rule).is_some_and(|rule| matches!(rule.effect, Effect::Pass(_)));
        // What passes is decided by whatever comes behind.
        (passes || self.judged(&flow, None).rule == Some(rule)).then_some(flow)
    }

    /// A flow that the rule matches and none before it.
    pub(super) fn uncovered(&self, rule: &Rule, areas: &[Area], steps: &mut u64) -> Result<Option<Flow>, Stopped> {
        let before = self.meeting(rule.id, rule.id.index(), steps)?;
        for area in areas {
            let covers: Vec<&Area> = before.iter().flat_map(|(_, all)| *all).filter(|cover| cover.meets(area)).collect();
            if let Some(point) = self.space.uncovered(area, &covers, steps)? {
                return Ok(Some(self.space.flow(&point)));
            }
        }
        Ok(None)
    }

    /// The deciding rules before `end` that may match flows of this one, with what of it gets to them; and those that lead past it.
    fn meeting(&self, rule: RuleId, end: usize, steps: &mut u64) -> Result<Vec<(&Rule, &Vec<Area>)>, Stopped> {
        spend(steps, self.sketches.cost(rule.index(), end))?;
        let mut meeting = Vec::new();
        for place in self.sketches.meeting(rule.index(), end) {
            let Some(other) = self.program.policy().rules.get(place) else { continue };
            match other.effect {
                Effect::Audit(_) => continue,
                Effect::Pass(behind) if !(other.id < rule && rule < behind) => continue,
                Effect::Pass(_) | Effect::Decide(_) => {}
            }
            let Some(Some(areas)) = self.reach.get(place) else { return Err(Stopped) };
            meeting.push((other, areas));
        }
        Ok(meeting)
    }

    /// Who decides how much of what a rule matches, as far as some flows show.
    /// What gets past the rule by a `pass` counts for that.
    fn sampled(&self, areas: &[Area], rule: RuleId) -> Shares {
        let mut shares = Shares::default();
        let mut dice = Dice::new(1);
        for area in areas {
            let weight = self.space.volume(area);
            let mut points: Vec<Point> = (0..SAMPLES).filter_map(|_| self.space.guess(area, &mut dice)).collect();
            if points.is_empty() {
                // Where guesses fail, one flow that is sought says more than none.
                points.extend(self.space.find(area, &mut EXACT_SHARES.clone(), None).ok().flatten());
            }
            for point in points {
                let decided = self.program.judge(&self.space.flow(&point)).rule;
                let by = decided.filter(|id| *id <= rule).or_else(|| self.leads_past(rule, &point)).or(decided);
                if let Some(id) = by {
                    shares.add(id, weight, point);
                }
            }
        }
        shares
    }

    /// The first rule that leads a flow past another one.
    fn leads_past(&self, rule: RuleId, point: &Point) -> Option<RuleId> {
        let before = self.program.policy().rules.get(..rule.index())?;
        let mut leading = before.iter().filter(|one| matches!(one.effect, Effect::Pass(behind) if rule < behind));
        leading
            .find(|one| self.reach.get(one.id.index()).into_iter().flatten().flatten().any(|area| point.is_in(area)))
            .map(|one| one.id)
    }

    /// The part of all flows that a rule matches, and who decides them, with their parts of it, the largest first, as far as some
    /// flows show. Nothing if it is too complex, or matches none.
    #[must_use]
    pub fn share(&self, rule: RuleId) -> Option<(f64, Vec<(RuleId, f64)>)> {
        let areas = self.rules.get(rule.index())?.as_ref()?;
        let shares = self.sampled(areas, rule);
        if shares.total() <= 0.0 {
            return None;
        }
        let volume: f64 = areas.iter().map(|area| self.space.volume(area)).sum();
        Some((volume.min(1.0), shares.sorted().into_iter().map(|(id, share, _)| (id, share)).collect()))
    }

    /// A flow of the area that gets as far as the rule; else adds to the shares of those that decide before.
    fn reaching(&self, rule: &Rule, area: &Area, steps: &mut u64, shares: &mut Shares) -> Result<Option<Flow>, Stopped> {
        let mut alive = None;
        self.walk_to(area.clone(), rule.id, steps, &mut |inside, before, steps| {
            let Some(point) = self.space.find(inside, steps, None)? else { return Ok(Control::GoOn) };
            match before {
                Some(id) => {
                    shares.add(id, self.space.volume(inside), point);
                    Ok(Control::GoOn)
                }
                None => {
                    alive = Some(self.space.flow(&point));
                    Ok(Control::Stop)
                }
            }
        })?;
        Ok(alive)
    }

    /// Whether everything that the rule decides would be decided just so without it: of each rule behind it that decides
    /// otherwise, and of the default, whether some flow gets there.
    fn redundant(&self, rule: &Rule, example: &Flow, steps: &mut u64) -> Result<RuleFact, Stopped> {
        let Some(Some(areas)) = self.reach.get(rule.id.index()) else { return Err(Stopped) };
        let policy = self.program.policy();
        let others = self.meeting(rule.id, policy.rules.len(), steps)?;
        let alike = |other: &Rule| other.verdict() == rule.verdict() && other.via == rule.via && other.duties == rule.duties;
        let by_default = rule.verdict() != Some(policy.default.verdict) || rule.has_obligations();
        for (place, (other, target)) in others.iter().enumerate() {
            if other.id <= rule.id || other.verdict().is_none() || alike(other) {
                continue;
            }
            step(steps)?;
            let both: Vec<Area> = areas.iter().flat_map(|area| target.iter().filter_map(|one| area.and(one))).collect();
            if both.is_empty() {
                continue;
            }
            let first: Vec<&Area> =
                others.iter().take(place).filter(|(one, _)| one.id != rule.id).flat_map(|(_, all)| *all).collect();
            for area in both {
                if let Some(point) = self.space.uncovered(&area, &first, steps)? {
                    return Ok(RuleFact::Decides(Box::new(self.space.flow(&point))));
                }
            }
        }
        if by_default {
            let all: Vec<&Area> = others.iter().filter(|(one, _)| one.id != rule.id).flat_map(|(_, all)| *all).collect();
            for area in areas {
                if let Some(point) = self.space.uncovered(area, &all, steps)? {
                    return Ok(RuleFact::Decides(Box::new(self.space.flow(&point))));
                }
            }
        }
        let instead = self.program.judge_behind(example, rule.id).rule;
        Ok(RuleFact::Redundant(Box::new(example.clone()), instead))
    }
}

/// For each of some rules how much of an area it takes, and a flow of that.
#[derive(Default)]
struct Shares(BTreeMap<RuleId, (f64, Point)>);

impl Shares {
    fn add(&mut self, rule: RuleId, volume: f64, point: Point) {
        self.0.entry(rule).or_insert((0.0, point)).0 += volume;
    }

    fn total(&self) -> f64 {
        self.0.values().map(|(volume, _)| volume).sum()
    }

    /// Each rule's part of what all take, the largest first.
    fn sorted(self) -> Vec<(RuleId, f64, Point)> {
        let total = self.total();
        let mut all: Vec<(RuleId, f64, Point)> =
            self.0.into_iter().map(|(id, (volume, point))| (id, volume / total, point)).collect();
        all.sort_by(|(one, a, _), (other, b, _)| b.total_cmp(a).then(one.cmp(other)));
        all
    }
}

/// Who decides a flow.
enum Decision {
    This,
    Other(RuleId),
    Nobody,
}
