//! What is said of no flow at all: assertions that hold for want of one, and rules of an internet that there is not.
//! Knows nothing of messages.

use lang::checked::{Assertion, Cond, RuleId};
use lang::facts::Vacuous;

use super::Analysis;
use super::area::Area;
use super::walk::Stopped;

impl Analysis<'_> {
    /// An assertion that no flow is the subject of, with clauses that are enough for that; nothing if there is such a flow, or it was
    /// not found out whether there is.
    pub(super) fn vacuous(&self, place: usize, assertion: &Assertion) -> Option<Vacuous> {
        let granted = self.grant();
        let mut steps = granted;
        let found = self.vacuous_clauses(assertion, &mut steps);
        self.spend(granted - steps);
        found.map(|(clauses, lacks_gateway)| Vacuous { assertion: place, clauses, lacks_gateway })
    }

    fn vacuous_clauses(&self, assertion: &Assertion, steps: &mut u64) -> Option<(Vec<usize>, bool)> {
        if !self.fits_no_packet(&assertion.pattern, steps).ok()? {
            return None;
        }
        // Each is left out in turn; what no flow fits without it does not need it.
        let mut needed: Vec<usize> = (0..assertion.clauses.len()).collect();
        for place in 0..assertion.clauses.len() {
            let others: Vec<usize> = needed.iter().copied().filter(|other| *other != place).collect();
            let conds = others.iter().filter_map(|other| assertion.clauses.get(*other)).map(|(_, cond)| cond.clone()).collect();
            match self.fits_no_packet(&Cond::All(conds), steps) {
                Ok(true) => needed = others,
                Ok(false) => {}
                Err(Stopped) => break,
            }
        }
        let lacks_gateway = self.program.policy().gateways.is_empty() && {
            let areas = self.space.areas(&assertion.pattern, true).ok()?;
            self.none_exists(&areas, steps) == Ok(false)
        };
        Some((needed, lacks_gateway))
    }

    /// Rules that some flow of the internet matches and no other, where no gateway is declared that it could be behind.
    pub(super) fn beyond_no_gateway(&self) -> Vec<RuleId> {
        if !self.program.policy().gateways.is_empty() {
            return Vec::new();
        }
        let mut left = self.budget.rules;
        let mut found = Vec::new();
        for rule in self.program.policy().site_rules() {
            let Some(Some(areas)) = self.rules.get(rule.id.index()) else { continue };
            let granted = self.budget.rule.min(left);
            let mut steps = granted;
            let none = self.none_exists(areas, &mut steps).and_then(|none| Ok(!none && self.none_on_site(areas, &mut steps)?));
            left = left.saturating_sub(granted - steps);
            found.extend((none == Ok(true)).then_some(rule.id));
        }
        found
    }

    /// True if no packet can bring a flow of the pattern about.
    fn fits_no_packet(&self, pattern: &Cond, steps: &mut u64) -> Result<bool, Stopped> {
        let areas = self.space.areas(pattern, true)?;
        if self.program.policy().gateways.is_empty() { self.none_on_site(&areas, steps) } else { self.none_exists(&areas, steps) }
    }

    /// True if every flow of some areas is from or to an internet that no gateway leads to.
    fn none_on_site(&self, areas: &[Area], steps: &mut u64) -> Result<bool, Stopped> {
        let beyond = self.space.beyond_no_gateway();
        let inside = super::without(&self.space, areas, beyond.iter()).ok_or(Stopped)?;
        self.none_exists(&inside, steps)
    }
}
