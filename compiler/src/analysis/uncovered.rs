//! A flow for each decision region that no test reaches: what a test of it could be. Knows nothing of how tests are written.

use std::collections::BTreeMap;

use lang::checked::RuleId;
use lang::flow::Flow;

use super::Analysis;
use super::area::Area;
use super::walk::Flow as Control;
use super::witness::Dice;
use crate::coverage::Region;
use crate::index::ClauseId;

/// How many flows are tried in each part of what a rule decides: a part may hold several regions.
const TRIES: usize = 24;

impl Analysis<'_> {
    /// For each region a flow that it decides and that is fit; nothing where none was found within the budget.
    #[must_use]
    pub fn examples(&self, regions: &[Region], fit: &dyn Fn(&Flow) -> bool) -> Vec<Option<Flow>> {
        let mut found: BTreeMap<ClauseId, Flow> = BTreeMap::new();
        for of_rule in regions.chunk_by(|one, other| one.rule == other.rule) {
            let Some(first) = of_rule.first() else { continue };
            let wanted: Vec<ClauseId> = of_rule.iter().map(|region| region.clause).collect();
            self.examples_of(first.rule, &wanted, fit, &mut found);
        }
        regions.iter().map(|region| found.remove(&region.clause)).collect()
    }

    fn examples_of(&self, rule: RuleId, wanted: &[ClauseId], fit: &dyn Fn(&Flow) -> bool, found: &mut BTreeMap<ClauseId, Flow>) {
        let Some(Some(areas)) = self.rules.get(rule.index()) else { return };
        let mut dice = Dice::new(u64::from(rule.0) + 1);
        let granted = self.grant();
        let mut steps = granted;
        for area in areas {
            // What is not found within the budget is left out.
            let _ = self.walk(area.clone(), RuleId(0), &mut steps, &mut |inside, outcome, steps| {
                if outcome.rule == Some(rule) {
                    let flows = self.tries(inside, &mut dice, steps);
                    for flow in flows.into_iter().filter(|flow| fit(flow)) {
                        let clause = self.program.deciding_clause(&flow).filter(|clause| wanted.contains(clause));
                        if let Some(clause) = clause {
                            found.entry(clause).or_insert(flow);
                        }
                    }
                }
                let all = wanted.iter().all(|clause| found.contains_key(clause));
                Ok(if all { Control::Stop } else { Control::GoOn })
            });
        }
        self.spend(granted - steps);
    }

    /// Flows of an area: the first one, and some of the others.
    fn tries(&self, area: &Area, dice: &mut Dice, steps: &mut u64) -> Vec<Flow> {
        let first = self.space.find(area, steps, None).ok().flatten();
        let cost = self.space.cost_of_guess() as u64;
        let others = (0..TRIES).take_while(|_| self.may_try(cost)).filter_map(|_| self.space.guess(area, dice));
        first.into_iter().chain(others).map(|point| self.space.flow(&point)).collect()
    }
}
