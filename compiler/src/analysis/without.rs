//! Whether a policy decides the same without some of its rules. Knows nothing of texts.
//!
//! A rule that goes leaves its flows to the rules behind it. Of each of those that does otherwise, and of the default, it is asked
//! whether such a flow gets there. Stricter than what lints ask: invariants are not taken for granted, for a view may break them;
//! later fragments count, for they are judged; and the answers for several users of one host must come out the same together.

use std::sync::Arc;

use lang::checked::{Checked, Effect, Group, Rule, RuleId};
use lang::facts::{Limit, Proof};
use lang::flow::Flow;

use super::area::Area;
use super::space::Space;
use super::walk::{Stopped, step};
use super::{Analysis, Budget, PARTS};
use crate::program::Program;
use crate::view::View;

/// A rule, and the flows that it matches.
type Near<'n> = (&'n Rule, &'n [Area]);

/// Whether every flow that there can be is answered the same without these rules, given in their order: the verdict, the middleboxes,
/// what else the conversation is bound to, whether it is logged and what is audited. Which rule decides may change.
///
/// Refuted with a flow that is answered otherwise.
#[must_use]
pub fn same_without(policy: &Checked, gone: &[RuleId], budget: Budget) -> Proof {
    if gone.is_empty() {
        return Proof::Proved;
    }
    let mut policy = Checked { invariants: Vec::new(), ..policy.clone() };
    if policy.gateways.is_empty() {
        // No packet comes from the internet, so that nothing need be inside.
        policy.groups = policy.groups.into_iter().map(|group| Group { network: false, ..group }).collect();
    }
    let view = View::new(&policy);
    let program = Program::compile(Arc::new(policy), &view);
    let space = Space::with_fragments(program.policy()).ok();
    let Some(analysis) = space.and_then(|space| Analysis::over(&program, space, budget)) else { return PARTS };
    let mut steps = budget.claim;
    for id in gone {
        match analysis.missed(*id, gone, &mut steps) {
            Ok(None) => {}
            Ok(Some(flow)) => return Proof::Refuted(Box::new(flow)),
            Err(Stopped) if steps > 0 => return PARTS,
            Err(Stopped) => return Proof::Undecided(Limit::Steps),
        }
    }
    Proof::Proved
}

impl Analysis<'_> {
    /// A flow that is answered otherwise without the rule and the others that go.
    fn missed(&self, id: RuleId, gone: &[RuleId], steps: &mut u64) -> Result<Option<Flow>, Stopped> {
        let policy = self.program.policy();
        let (Some(rule), Some(Some(areas))) = (policy.rule(id), self.reach.get(id.index())) else { return Err(Stopped) };
        match rule.effect {
            Effect::Decide(_) => self.decided_otherwise(rule, areas, gone, steps),
            // Flows that get there only once others are gone may need it.
            Effect::Pass(_) if gone.len() > 1 => Err(Stopped),
            // Who reports or leads on does so for every flow that gets there.
            Effect::Audit(_) | Effect::Pass(_) => self.uncovered(rule, areas, steps),
        }
    }

    fn decided_otherwise(&self, rule: &Rule, areas: &[Area], gone: &[RuleId], steps: &mut u64) -> Result<Option<Flow>, Stopped> {
        let policy = self.program.policy();
        let near = self.near(rule)?;
        let kept_behind = |other: &Rule| other.id > rule.id && gone.binary_search(&other.id).is_err();
        // What stands before the rule counts even if it goes: its flows have their own turn.
        let covers = |place: usize| -> Vec<&Area> {
            let first = near.iter().take(place).filter(|(one, _)| one.id < rule.id || kept_behind(one));
            first.filter(|(one, _)| one.verdict().is_some()).flat_map(|(_, all)| *all).collect()
        };
        let mut last = rule.id;
        for (place, (other, target)) in near.iter().enumerate().filter(|(_, (other, _))| kept_behind(other)) {
            if alike(rule, other) {
                last = other.id;
                continue;
            }
            step(steps)?;
            let both = areas.iter().flat_map(|area| target.iter().filter_map(|one| area.and(one)));
            if let Some(flow) = self.first_uncovered(both, &covers(place), steps)? {
                return Ok(Some(flow));
            }
        }
        if rule.verdict() != Some(policy.default.verdict) || rule.has_obligations() || rule.log {
            let left = self.first_uncovered(areas.iter().cloned(), &covers(near.len()), steps)?;
            if left.is_some() {
                return Ok(left);
            }
        }
        if self.may_change_places(rule, last, gone) { Err(Stopped) } else { Ok(None) }
    }

    /// Of allowed conversations of several users of one host the first of the rules binds first. True if a rule that binds otherwise
    /// stands between this one and the last of those in its place.
    fn may_change_places(&self, rule: &Rule, last: RuleId, gone: &[RuleId]) -> bool {
        let between = self.program.policy().rules.iter().filter(|other| rule.id < other.id && other.id < last);
        let binds_otherwise = |other: &Rule| {
            other.verdict() == rule.verdict()
                && other.has_obligations()
                && (&other.via, &other.duties) != (&rule.via, &rule.duties)
        };
        rule.has_obligations()
            && between.into_iter().any(|other| gone.binary_search(&other.id).is_err() && binds_otherwise(other))
    }

    /// The rules that may match flows of this one, with what of it gets to them; not the rule itself, nor those that pass.
    fn near(&self, rule: &Rule) -> Result<Vec<Near<'_>>, Stopped> {
        let policy = self.program.policy();
        let mut near = Vec::new();
        for place in self.sketches.meeting(rule.id.index(), policy.rules.len()) {
            let Some(other) = policy.rules.get(place).filter(|other| other.id != rule.id) else { continue };
            if matches!(other.effect, Effect::Pass(_)) {
                continue;
            }
            let Some(Some(areas)) = self.reach.get(place) else { return Err(Stopped) };
            near.push((other, areas.as_slice()));
        }
        Ok(near)
    }

    /// A flow of one of the areas that no cover has.
    fn first_uncovered(
        &self,
        areas: impl Iterator<Item = Area>,
        covers: &[&Area],
        steps: &mut u64,
    ) -> Result<Option<Flow>, Stopped> {
        for area in areas {
            if let Some(point) = self.space.uncovered(&area, covers, steps)? {
                return Ok(Some(self.space.flow(&point)));
            }
        }
        Ok(None)
    }
}

/// True if both answer a flow in the same way.
fn alike(one: &Rule, other: &Rule) -> bool {
    other.verdict() == one.verdict() && other.via == one.via && other.duties == one.duties && other.log == one.log
}

#[cfg(test)]
mod tests;
