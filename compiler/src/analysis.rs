//! What holds of all flows under a policy, in every view that its declarations and invariants admit: assertions, scopes, rules
//! that decide nothing. Exact on classes of flows; each answer "no" comes with a flow that the program confirms.
//! Knows nothing of messages.
//!
//! A condition is a union of areas (see `area`), the space of all flows knows which combinations cannot be (see `space`), and the
//! first match is taken by cutting areas off one rule after the other. All of it is under a budget of steps: what is not
//! found out within it is undecided, which is no proof.

mod area;
mod cover;
mod packets;
mod rules;
mod sketch;
mod space;
mod uncovered;
mod walk;
mod without;
mod witness;

use lang::checked::{Assertion, Claim, Cond, Effect, MiddleboxId, Rule, RuleId, Verdict};
use lang::facts::{Facts, Proof};
use lang::flow::Flow;

use crate::program::Program;
use area::Area;
use sketch::Sketches;
use space::{Space, TooComplex};
use walk::{Flow as Control, Outcome, Stopped};
pub use without::same_without;
use witness::Dice;

/// How many steps an analysis may take. A step compares two areas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// For each claim: an assertion, the scope of a rule.
    pub claim: u64,
    /// For each rule, and for the default, of which nothing is claimed.
    pub rule: u64,
    /// For all rules together: to find out whether they decide anything, and as many again whether that makes a difference.
    pub rules: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { claim: 4_000_000, rule: 60_000, rules: 500_000 }
    }
}

/// How many flows are tried before areas are cut to find one that is left to the default.
const TRIES_OF_DEFAULT: usize = 50;

/// The analysis of one program.
pub struct Analysis<'a> {
    program: &'a Program,
    space: Space<'a>,
    /// For each rule the flows that it matches; nothing where they are too complex.
    rules: Vec<Option<Vec<Area>>>,
    /// Which rules may match flows of which others.
    sketches: Sketches,
    /// The same without what an earlier `pass` leads past the rule.
    reach: Vec<Option<Vec<Area>>>,
    budget: Budget,
}

impl std::fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis").field("rules", &self.rules.len()).field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// Everything that findings are made of.
#[must_use]
pub fn facts(program: &Program, budget: Budget) -> Facts {
    let analysis = Analysis::new(program, budget);
    let (rules, overlaps) = analysis.rules();
    Facts { default: Some(analysis.default_is_unreachable()), rules, overlaps, ..analysis.claims() }
}

/// Whether what the policy claims of itself holds: its assertions, and the scopes of its sections. Nothing else is looked at.
#[must_use]
pub fn claims(program: &Program, budget: Budget) -> Facts {
    let policy = program.policy();
    if policy.assertions.is_empty() && policy.sections.iter().all(|section| section.scope == Cond::All(Vec::new())) {
        return Facts::default();
    }
    Analysis::new(program, budget).claims()
}

impl<'a> Analysis<'a> {
    /// Prepares the analysis of a program.
    #[must_use]
    pub fn new(program: &'a Program, budget: Budget) -> Analysis<'a> {
        Analysis::over(program, Space::new(program.policy()), budget)
    }

    fn over(program: &'a Program, space: Space<'a>, budget: Budget) -> Analysis<'a> {
        let rules: Vec<_> = program.policy().rules.iter().map(|rule| space.areas(&rule.cond, true).ok()).collect();
        let sketches = Sketches::of(&space, &rules);
        let reach = reach(&space, &program.policy().rules, &rules);
        Analysis { program, space, rules, reach, sketches, budget }
    }

    fn claims(&self) -> Facts {
        let assertions = self.program.policy().assertions.iter().map(|assertion| self.assertion(assertion)).collect();
        Facts { assertions, scopes: self.scopes(), ..Facts::default() }
    }

    /// Whether an assertion holds: for each pair of users, in every view.
    #[must_use]
    pub fn assertion(&self, assertion: &Assertion) -> Proof {
        let holds = |outcome: &Outcome<'_>| match assertion.claim {
            Claim::Never => !(outcome.verdict == Verdict::Allow && assertion.via.iter().all(|id| outcome.via.contains(id))),
            Claim::Always => outcome.verdict == Verdict::Allow && passes_in_order(outcome.via, &assertion.via),
        };
        self.holds_for_all(&assertion.pattern, holds)
    }

    /// Whether something holds of how all flows of a pattern are decided.
    fn holds_for_all(&self, pattern: &Cond, holds: impl Fn(&Outcome<'_>) -> bool) -> Proof {
        let Ok(areas) = self.space.areas(pattern, true) else { return Proof::Undecided };
        let mut steps = self.budget.claim;
        for area in areas {
            let mut against = None;
            let walked = self.walk(area, RuleId(0), &mut steps, &mut |inside, outcome, steps| {
                if !holds(outcome) {
                    against = self.example(inside, outcome.rule, steps)?;
                }
                Ok(if against.is_some() { Control::Stop } else { Control::GoOn })
            });
            match (walked, against) {
                (_, Some(flow)) => return Proof::Refuted(Box::new(flow)),
                (Err(Stopped), None) => return Proof::Undecided,
                (Ok(()), None) => {}
            }
        }
        Proof::Proved
    }

    /// For each rule of the site in a section whether it speaks of flows of its scope alone.
    fn scopes(&self) -> Vec<(RuleId, Proof)> {
        let policy = self.program.policy();
        let mut found = Vec::new();
        for rule in policy.site_rules() {
            let mut section = rule.section;
            let mut scopes: Vec<Cond> = Vec::new();
            while let Some(one) = section.and_then(|id| policy.sections.get(id.index())) {
                scopes.push(one.scope.clone());
                section = one.parent;
            }
            scopes.retain(|scope| *scope != Cond::All(Vec::new()));
            if !scopes.is_empty() {
                found.push((rule.id, self.keeps_to(rule.id, &Cond::All(scopes))));
            }
        }
        found
    }

    fn keeps_to(&self, rule: RuleId, scope: &Cond) -> Proof {
        let (Some(Some(areas)), Ok(outside)) = (self.rules.get(rule.index()), self.space.areas(scope, false)) else {
            return Proof::Undecided;
        };
        let mut steps = self.budget.claim;
        for area in areas {
            for beyond in outside.iter().filter_map(|beyond| area.and(beyond)) {
                match self.space.find(&beyond, &mut steps, None) {
                    Ok(Some(point)) => return Proof::Refuted(Box::new(self.space.flow(&point))),
                    Ok(None) => {}
                    Err(Stopped) => return Proof::Undecided,
                }
            }
        }
        Proof::Proved
    }

    /// Whether no flow is left to the default: refuted with one that is.
    fn default_is_unreachable(&self) -> Proof {
        let mut steps = self.budget.rule;
        let mut dice = Dice::new(1);
        for _ in 0..TRIES_OF_DEFAULT {
            if let Ok(Some(point)) = self.space.find(&Area::all(), &mut steps, Some(&mut dice)) {
                let flow = self.space.flow(&point);
                if self.program.judge(&flow).rule.is_none() {
                    return Proof::Refuted(Box::new(flow));
                }
            }
        }
        let mut left = None;
        let walked = self.walk(Area::all(), RuleId(0), &mut steps, &mut |inside, outcome, steps| {
            if outcome.rule.is_none() {
                left = self.example(inside, None, steps)?;
            }
            Ok(if left.is_some() { Control::Stop } else { Control::GoOn })
        });
        match (walked, left) {
            (_, Some(flow)) => Proof::Refuted(Box::new(flow)),
            (Err(Stopped), None) => Proof::Undecided,
            (Ok(()), None) => Proof::Proved,
        }
    }

    /// A flow of an area that there can be, decided as the area is; the program has the last word.
    fn example(&self, area: &Area, rule: Option<RuleId>, steps: &mut u64) -> Result<Option<Flow>, Stopped> {
        let Some(point) = self.space.find(area, steps, None)? else { return Ok(None) };
        let flow = self.space.flow(&point);
        // Should the two ever disagree, nothing is claimed.
        if self.program.judge(&flow).rule == rule { Ok(Some(flow)) } else { Err(Stopped) }
    }
}

/// For each rule the flows that it matches and that no `pass` before it leads past it, if that gets there itself; nothing where any
/// of those is too complex.
fn reach(space: &Space<'_>, rules: &[Rule], areas: &[Option<Vec<Area>>]) -> Vec<Option<Vec<Area>>> {
    let mut leading: Vec<(RuleId, Option<Vec<Area>>)> = Vec::new();
    let mut reach = Vec::with_capacity(areas.len());
    for (rule, own) in rules.iter().zip(areas) {
        leading.retain(|(behind, _)| rule.id < *behind);
        let past: Option<Vec<&[Area]>> = leading.iter().map(|(_, areas)| areas.as_deref()).collect();
        let left = own.as_ref().zip(past).and_then(|(own, past)| without(space, own, past.into_iter().flatten()));
        if let Effect::Pass(behind) = rule.effect {
            leading.push((behind, left.clone()));
        }
        reach.push(left);
    }
    reach
}

/// The flows of some areas that are in none of others; nothing if that is too complex.
fn without<'o>(space: &Space<'_>, areas: &[Area], others: impl Iterator<Item = &'o Area>) -> Option<Vec<Area>> {
    let mut left = areas.to_vec();
    for other in others {
        left =
            left.iter().flat_map(|area| if area.meets(other) { space.minus(area, other) } else { vec![area.clone()] }).collect();
        if left.len() > space::MAX_AREAS {
            return None;
        }
    }
    Some(left)
}

/// True if the wanted middleboxes are among these, in their order.
fn passes_in_order(via: &[MiddleboxId], wanted: &[MiddleboxId]) -> bool {
    let mut rest = via.iter();
    wanted.iter().all(|id| rest.any(|other| other == id))
}

impl From<TooComplex> for Stopped {
    fn from(_: TooComplex) -> Self {
        Stopped
    }
}

#[cfg(test)]
mod tests;
