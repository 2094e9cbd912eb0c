//! Decision regions: the alternatives of rules that can each decide flows, and which of them the tests of a policy reach.
//! A query on the decision structure; knows nothing of how its answer is shown.

use std::collections::BTreeSet;

use lang::checked::RuleId;
use lang::flow::Flow;

use crate::index::{Clause, ClauseId};
use crate::program::Program;

/// One way in which a rule can match: one alternative of its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The rule.
    pub rule: RuleId,
    /// Which of its alternatives, from 0.
    pub alternative: usize,
    /// How many it has.
    pub alternatives: usize,
    pub(crate) clause: ClauseId,
    /// What must hold: `usrc in group students and apsrc wap1, any destination, any service`.
    pub text: String,
}

/// Which regions decided at least one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// Those that did, in the order of the rules.
    pub covered: Vec<Region>,
    /// Those that did not.
    pub uncovered: Vec<Region>,
}

impl Program {
    /// Which regions of the site's deciding rules the tests of the policy reach.
    #[must_use]
    pub fn regions_of_tests(&self) -> Regions {
        let cases = self.policy().tests.iter().flat_map(|test| &test.cases);
        self.regions(cases.flat_map(|case| &case.flows))
    }

    /// Which regions of the site's deciding rules decide these flows.
    pub fn regions<'a>(&self, flows: impl IntoIterator<Item = &'a Flow>) -> Regions {
        let reached: BTreeSet<ClauseId> = flows.into_iter().filter_map(|flow| self.deciding_clause(flow)).collect();
        let mut regions = Regions::default();
        let clauses: Vec<(ClauseId, Clause<'_>)> =
            self.index().numbered().filter(|(_, clause)| self.is_counted(clause.rule)).collect();
        for of_rule in clauses.chunk_by(|(_, one), (_, other)| one.rule == other.rule) {
            for (alternative, (id, clause)) in of_rule.iter().enumerate() {
                let (alternatives, text) = (of_rule.len(), self.clause_text(clause));
                let region = Region { rule: clause.rule, alternative, alternatives, clause: *id, text };
                let list = if reached.contains(id) { &mut regions.covered } else { &mut regions.uncovered };
                list.push(region);
            }
        }
        regions
    }

    pub(crate) fn deciding_clause(&self, flow: &Flow) -> Option<ClauseId> {
        self.decision(&self.records(&flow.src), &self.records(&flow.dst), &flow.headers, &self.moment(flow.time)).clause
    }

    /// True for rules of the site that decide.
    fn is_counted(&self, rule: RuleId) -> bool {
        rule >= self.policy().prelude_end && self.policy().rule(rule).is_some_and(|rule| rule.verdict().is_some())
    }
}

#[cfg(test)]
mod tests;
