//! Rules that make no difference, and pairs of which the order decides. Knows nothing of messages.
//!
//! Examples first: of most rules a few flows show that they matter, which costs a look-up each. Only for the others areas are cut.

use std::collections::BTreeMap;

use lang::checked::{Effect, Rule, RuleId};
use lang::facts::{Overlap, RuleFact};
use lang::flow::Flow;

use super::Analysis;
use super::area::Area;
use super::walk::{Flow as Control, Stopped};
use super::witness::Dice;

/// How many flows of a rule are tried before areas are cut.
const TRIES: usize = 6;

/// How many pairs of which the order decides are told.
const MAX_OVERLAPS: usize = 50;

impl Analysis<'_> {
    /// What is known of each rule of the site, and pairs of which the order decides.
    pub(super) fn rules(&self) -> (Vec<(RuleId, RuleFact)>, Vec<Overlap>) {
        let mut facts = Vec::new();
        let mut overlaps: BTreeMap<(RuleId, RuleId), Flow> = BTreeMap::new();
        for rule in self.program.policy().site_rules() {
            let mut steps = self.budget.steps;
            let fact = self.rule(rule, &mut steps, &mut overlaps).unwrap_or(RuleFact::Undecided);
            facts.push((rule.id, fact));
        }
        let overlaps = overlaps.into_iter().map(|((first, second), flow)| Overlap { first, second, flow: Box::new(flow) });
        (facts, overlaps.collect())
    }

    fn rule(&self, rule: &Rule, steps: &mut u64, overlaps: &mut BTreeMap<(RuleId, RuleId), Flow>) -> Result<RuleFact, Stopped> {
        let Some(Some(areas)) = self.rules.get(rule.id.index()) else { return Err(Stopped) };
        let mut examples = Vec::new();
        let mut dice = Dice::new(u64::from(rule.id.0) + 1);
        for attempt in 0..TRIES {
            for area in areas {
                let chosen = if attempt == 0 { None } else { Some(&mut dice) };
                let Some(point) = self.space.find(area, steps, chosen)? else { continue };
                let flow = self.space.flow(&point);
                match self.decides(rule, &flow) {
                    Decision::This => examples.push(flow),
                    Decision::Other(first) => self.note_overlap(first, rule, flow, overlaps),
                    Decision::Nobody => {}
                }
            }
            if examples.len() > 2 {
                break;
            }
            if attempt == 0 && examples.is_empty() && self.none_exists(areas, steps)? {
                return Ok(RuleFact::MatchesNothing);
            }
        }
        if examples.is_empty() {
            return self.covered(rule, areas, steps);
        }
        // What only audits or passes makes no difference by its verdict.
        if rule.verdict().is_none() || examples.iter().any(|flow| self.matters(rule, flow)) {
            let flow = examples.swap_remove(0);
            return Ok(RuleFact::Decides(Box::new(flow)));
        }
        self.redundant(rule, areas, examples.swap_remove(0), steps)
    }

    fn none_exists(&self, areas: &[Area], steps: &mut u64) -> Result<bool, Stopped> {
        for area in areas {
            if self.space.find(area, steps, None)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Who decides a flow that the rule matches.
    fn decides(&self, rule: &Rule, flow: &Flow) -> Decision {
        let judgement = self.program.judge(flow);
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

    fn note_overlap(&self, first: RuleId, rule: &Rule, flow: Flow, overlaps: &mut BTreeMap<(RuleId, RuleId), Flow>) {
        let policy = self.program.policy();
        let differs = policy.rule(first).is_some_and(|first| first.verdict() != rule.verdict());
        let room = overlaps.len() < MAX_OVERLAPS && first >= policy.prelude_end && first < rule.id;
        let covers = |outer: RuleId, inner: RuleId| match (self.rules.get(outer.index()), self.rules.get(inner.index())) {
            (Some(Some(outer)), Some(Some(inner))) => inner.iter().all(|one| outer.iter().any(|other| one.is_within(other))),
            _ => true,
        };
        if differs && room && !covers(first, rule.id) && !covers(rule.id, first) {
            overlaps.entry((first, rule.id)).or_insert(flow);
        }
    }

    /// True if the flow, which the rule decides, would be decided otherwise without it.
    fn matters(&self, rule: &Rule, flow: &Flow) -> bool {
        let without = self.program.judge_behind(flow, rule.id);
        let with = self.program.judge(flow);
        (without.verdict, without.via, without.duties) != (with.verdict, with.via, with.duties)
    }

    /// Who decides everything that the rule matches, if it decides nothing itself.
    fn covered(&self, rule: &Rule, areas: &[Area], steps: &mut u64) -> Result<RuleFact, Stopped> {
        let mut shares: BTreeMap<RuleId, f64> = BTreeMap::new();
        for area in areas {
            let alive = self.reaching(rule, area, steps, &mut shares)?;
            if let Some(flow) = alive {
                return Ok(RuleFact::Decides(Box::new(flow)));
            }
        }
        let total: f64 = shares.values().sum();
        if shares.is_empty() {
            return Ok(RuleFact::MatchesNothing);
        }
        let mut by: Vec<(RuleId, f64)> = shares.into_iter().map(|(id, share)| (id, share / total)).collect();
        by.sort_by(|(one, a), (other, b)| b.total_cmp(a).then(one.cmp(other)));
        Ok(RuleFact::Shadowed(by))
    }

    /// A flow of the area that gets as far as the rule; else adds to the shares of those that decide before.
    fn reaching(
        &self,
        rule: &Rule,
        area: &Area,
        steps: &mut u64,
        shares: &mut BTreeMap<RuleId, f64>,
    ) -> Result<Option<Flow>, Stopped> {
        let mut alive = None;
        self.walk_to(area.clone(), rule.id, steps, &mut |inside, before, steps| {
            let Some(point) = self.space.find(inside, steps, None)? else { return Ok(Control::GoOn) };
            match before {
                Some(id) => {
                    *shares.entry(id).or_default() += self.space.volume(inside);
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

    /// Whether everything that the rule decides would be decided just so without it.
    fn redundant(&self, rule: &Rule, areas: &[Area], example: Flow, steps: &mut u64) -> Result<RuleFact, Stopped> {
        let mut matters = None;
        for area in areas {
            let mut reached = Vec::new();
            self.walk_to(area.clone(), rule.id, steps, &mut |inside, before, _| {
                if before.is_none() {
                    reached.push(inside.clone());
                }
                Ok(Control::GoOn)
            })?;
            for inside in reached {
                self.walk(inside, RuleId(rule.id.0 + 1), steps, &mut |part, outcome, steps| {
                    let duties = outcome.rule.and_then(|id| self.program.policy().rule(id)).map(|rule| &rule.duties);
                    let alike = rule.verdict() == Some(outcome.verdict)
                        && outcome.via == rule.via
                        && duties.map_or(rule.duties == lang::checked::Duties::default(), |duties| *duties == rule.duties);
                    if !alike && let Some(point) = self.space.find(part, steps, None)? {
                        matters = Some(self.space.flow(&point));
                        return Ok(Control::Stop);
                    }
                    Ok(Control::GoOn)
                })?;
                if let Some(flow) = matters.take() {
                    return Ok(RuleFact::Decides(Box::new(flow)));
                }
            }
        }
        let instead = self.program.judge_behind(&example, rule.id).rule;
        Ok(RuleFact::Redundant(Box::new(example), instead))
    }
}

/// Who decides a flow.
enum Decision {
    This,
    Other(RuleId),
    Nobody,
}
