//! What holds of all flows under a policy, in every view that its declarations and invariants admit: assertions, scopes, rules
//! that decide nothing. Exact on classes of flows; each answer "no" comes with a flow that the program confirms.
//! Knows nothing of messages.
//!
//! A condition is a union of areas (see `area`), the space of all flows knows which combinations cannot be (see `space`), and the
//! first match is taken by cutting areas off one rule after the other. All of it is under a budget of steps: what is not
//! found out within it is undecided, which is no proof.

mod area;
mod cover;
mod difference;
mod packets;
mod reach;
mod rules;
mod sketch;
mod space;
mod together;
mod uncovered;
mod vacuous;
mod walk;
mod without;
mod witness;

use std::cell::Cell;
use std::collections::HashMap;

use lang::checked::{Assertion, Checked, Claim, Cond, Effect, MiddleboxId, Rule, RuleId, SectionId, Verdict};
use lang::facts::{Facts, Limit, Proof, RuleFact, Vacuous};
use lang::flow::{Flow, Judgement};

use crate::program::Program;
use crate::view::View;
use area::Area;
pub use difference::{Answered, Change, Difference, Turn, Turned, Ways, difference, in_terms_of, turn};
pub use reach::{Fate, Other, Reach, Reached};
use sketch::Sketches;
use space::{Space, TooComplex};
use walk::{Flow as Control, Outcome, Stopped, spend};
pub use without::same_without;
use witness::Dice;

/// How many steps an analysis may take. A step compares two areas, or makes one, and more where it names many attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// For each claim: an assertion, the scope of a rule.
    pub claim: u64,
    /// For each rule, and for the default, of which nothing is claimed.
    pub rule: u64,
    /// For all rules together: to find out whether they decide anything, and as many again whether that makes a difference.
    pub rules: u64,
    /// For all claims together.
    pub claims: u64,
    /// For examples: how many words of areas, and how many alternatives of rules, are looked at to find them.
    pub examples: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { claim: 4_000_000, rule: 60_000, rules: 600_000, claims: 30_000_000, examples: 500_000_000 }
    }
}

impl Budget {
    /// So many times as much.
    #[must_use]
    pub fn times(self, factor: u32) -> Budget {
        let Budget { claim, rule, rules, claims, examples } = self;
        let more = |steps: u64| steps.saturating_mul(u64::from(factor));
        Budget { claim: more(claim), rule: more(rule), rules: more(rules), claims: more(claims), examples: more(examples) }
    }

    /// The same for areas of so many words: a step takes longer, the larger they are.
    fn scaled(self, words: usize) -> Budget {
        let weight = (words as u64 / WORDS_OF_A_STEP).max(1);
        let Budget { claim, rule, rules, claims, examples } = self;
        Budget { claim: claim / weight, rule: rule / weight, rules: rules / weight, claims: claims / weight, examples }
    }
}

/// It was not found out, and not for want of steps.
const PARTS: Proof = Proof::Undecided(Limit::Parts);

/// Areas of so many words, of all attributes together, are compared in one step.
const WORDS_OF_A_STEP: u64 = 128;

/// How many words the areas of all rules may take.
const MAX_WORDS: usize = 16_000_000;

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
    /// What is left of the budget for examples, and for claims.
    examples: Cell<u64>,
    claims: Cell<u64>,
}

impl std::fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis").field("rules", &self.rules.len()).field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// Everything that findings are made of.
#[must_use]
pub fn facts(program: &Program, budget: Budget) -> Facts {
    let Some(analysis) = Analysis::new(program, budget) else { return undecided(program) };
    let (rules, overlaps) = analysis.rules();
    let default = Some(analysis.default_is_unreachable());
    Facts { default, rules, overlaps, beyond_no_gateway: analysis.beyond_no_gateway(), ..analysis.claims() }
}

/// Whether what the policy claims of itself holds: its assertions, and the scopes of its sections. Nothing else is looked at.
#[must_use]
pub fn claims(program: &Program, budget: Budget) -> Facts {
    let policy = program.policy();
    if policy.assertions.is_empty() && policy.sections.iter().all(|section| section.scope == Cond::All(Vec::new())) {
        return Facts::default();
    }
    match Analysis::new(program, budget) {
        Some(analysis) => analysis.claims(),
        None => Facts { rules: Vec::new(), ..undecided(program) },
    }
}

/// Whether the assertions hold of the flows that there can be in one view, beside what is known of all views.
#[must_use]
pub fn claims_in_view(program: &Program, view: &View, of_any: &Facts, budget: Budget) -> Facts {
    let policy = program.policy();
    // What holds in every view that the invariants admit holds in this one, if it must be one of them.
    let follows = |proof: &Proof| *proof == Proof::Proved && policy.invariants.is_empty();
    if policy.assertions.is_empty() {
        return Facts::default();
    }
    let Some(analysis) = Analysis::in_view(program, view, budget) else {
        let known = of_any.assertions.iter().map(|proof| if follows(proof) { Proof::Proved } else { PARTS });
        return Facts { assertions: known.collect(), vacuous: of_any.vacuous.clone(), ..Facts::default() };
    };
    let asked = policy.assertions.iter().zip(&of_any.assertions);
    let assertions: Vec<Proof> =
        asked.map(|(one, proof)| if follows(proof) { Proof::Proved } else { analysis.assertion(one) }).collect();
    let vacuous = analysis.all_vacuous(&assertions);
    Facts { assertions, vacuous, ..Facts::default() }
}

/// What is known of a policy that is too large to be analysed.
fn undecided(program: &Program) -> Facts {
    let policy = program.policy();
    Facts {
        assertions: policy.assertions.iter().map(|_| PARTS).collect(),
        scopes: scoped(policy).map(|(rule, _)| (rule.id, PARTS)).collect(),
        rules: policy.site_rules().iter().map(|rule| (rule.id, RuleFact::Undecided)).collect(),
        ..Facts::default()
    }
}

/// The rules of the site in a section with a scope, and the innermost such section.
fn scoped(policy: &Checked) -> impl Iterator<Item = (&Rule, SectionId)> {
    policy.site_rules().iter().filter_map(|rule| Some((rule, scoping(policy, rule.section)?)))
}

/// The innermost section with a scope, of this one and those around it.
fn scoping(policy: &Checked, mut section: Option<SectionId>) -> Option<SectionId> {
    while let Some(id) = section {
        let one = policy.sections.get(id.index())?;
        if one.scope != Cond::All(Vec::new()) {
            return Some(id);
        }
        section = one.parent;
    }
    None
}

impl<'a> Analysis<'a> {
    /// Prepares the analysis of a program; nothing if the policy is too large for it.
    #[must_use]
    pub fn new(program: &'a Program, budget: Budget) -> Option<Analysis<'a>> {
        Analysis::over(program, Space::new(program.policy()).ok()?, budget)
    }

    /// The same of the flows that there can be in one view.
    #[must_use]
    pub fn in_view(program: &'a Program, view: &'a View, budget: Budget) -> Option<Analysis<'a>> {
        Analysis::over(program, Space::in_view(program.policy(), view).ok()?, budget)
    }

    fn over(program: &'a Program, space: Space<'a>, budget: Budget) -> Option<Analysis<'a>> {
        let mut words = 0_usize;
        let mut rules: Vec<Option<Vec<Area>>> = Vec::with_capacity(program.policy().rules.len());
        for rule in &program.policy().rules {
            let areas = space.areas(&rule.cond, true).ok();
            words = words.saturating_add(areas.iter().flatten().map(Area::words).sum());
            if words > MAX_WORDS {
                return None;
            }
            rules.push(areas);
        }
        let sketches = Sketches::of(&space, &rules);
        let reach = reach(&space, &program.policy().rules, &rules);
        let budget = budget.scaled(space.weight());
        let (examples, claims) = (Cell::new(budget.examples), Cell::new(budget.claims));
        Some(Analysis { program, space, rules, reach, sketches, budget, examples, claims })
    }

    /// An answer about a claim, within the budget of one and of all.
    fn claim(&self, ask: impl FnOnce(&mut u64) -> Proof) -> Proof {
        let granted = self.grant();
        let mut steps = granted;
        let proof = if granted == 0 { PARTS } else { ask(&mut steps) };
        self.spend(granted - steps);
        match proof {
            Proof::Undecided(_) if steps > 0 => PARTS,
            Proof::Undecided(_) if granted < self.budget.claim => Proof::Undecided(Limit::StepsOfAll),
            Proof::Undecided(_) => Proof::Undecided(Limit::Steps),
            Proof::Proved | Proof::Refuted(_) => proof,
        }
    }

    /// The budget of one claim, as far as that of all goes.
    fn grant(&self) -> u64 {
        self.budget.claim.min(self.claims.get())
    }

    /// Takes what a claim has cost.
    fn spend(&self, steps: u64) {
        self.claims.set(self.claims.get().saturating_sub(steps));
    }

    fn claims(&self) -> Facts {
        let all = &self.program.policy().assertions;
        let assertions: Vec<Proof> = all.iter().map(|assertion| self.assertion(assertion)).collect();
        let scopes = self.scopes();
        // What is claimed comes first, should the budget not do for all.
        let vacuous = self.all_vacuous(&assertions);
        Facts { assertions, vacuous, scopes, ..Facts::default() }
    }

    /// The assertions that are proved because there is no flow that they are about.
    fn all_vacuous(&self, proofs: &[Proof]) -> Vec<Vacuous> {
        let proved = self.program.policy().assertions.iter().zip(proofs).enumerate();
        let proved = proved.filter(|(_, (_, proof))| **proof == Proof::Proved);
        proved.filter_map(|(place, (assertion, _))| self.vacuous(place, assertion)).collect()
    }

    /// Whether an assertion holds: for each pair of users, in every view.
    #[must_use]
    pub fn assertion(&self, assertion: &Assertion) -> Proof {
        let holds = |outcome: &Outcome<'_>| match assertion.claim {
            Claim::Never => !(outcome.verdict == Verdict::Allow && assertion.via.iter().all(|id| outcome.via.contains(id))),
            Claim::Always => outcome.verdict == Verdict::Allow && passes_in_order(outcome.via, &assertion.via),
        };
        self.claim(|steps| self.holds_for_all(&assertion.pattern, holds, steps))
    }

    /// Whether something holds of how all flows of a pattern are decided.
    fn holds_for_all(&self, pattern: &Cond, holds: impl Fn(&Outcome<'_>) -> bool, steps: &mut u64) -> Proof {
        let Ok(areas) = self.space.areas(pattern, true) else { return PARTS };
        for area in areas {
            let mut against = None;
            let walked = self.walk(area, RuleId(0), steps, &mut |inside, outcome, steps| {
                if !holds(outcome) {
                    against = self.example(inside, outcome.rule, steps)?;
                }
                Ok(if against.is_some() { Control::Stop } else { Control::GoOn })
            });
            match (walked, against) {
                (_, Some(flow)) => return Proof::Refuted(Box::new(flow)),
                (Err(Stopped), None) => return PARTS,
                (Ok(()), None) => {}
            }
        }
        Proof::Proved
    }

    /// For each rule of the site in a section whether it speaks of flows of its scope alone.
    fn scopes(&self) -> Vec<(RuleId, Proof)> {
        let mut known: HashMap<SectionId, Option<Vec<Area>>> = HashMap::new();
        let policy = self.program.policy();
        let of_rule = |(rule, section): (&Rule, SectionId)| {
            let outside = known.entry(section).or_insert_with(|| self.outside(section));
            let proof = match outside {
                Some(outside) => self.claim(|steps| self.keeps_to(rule.id, outside, steps)),
                None => PARTS,
            };
            (rule.id, proof)
        };
        scoped(policy).map(of_rule).collect()
    }

    /// The flows outside of the scopes of a section and of those around it; nothing if they are too complex.
    fn outside(&self, section: SectionId) -> Option<Vec<Area>> {
        let policy = self.program.policy();
        let mut scopes: Vec<Cond> = Vec::new();
        let mut next = Some(section);
        while let Some(one) = next.and_then(|id| policy.sections.get(id.index())) {
            scopes.push(one.scope.clone());
            next = one.parent;
        }
        self.space.areas(&Cond::All(scopes), false).ok()
    }

    fn keeps_to(&self, rule: RuleId, outside: &[Area], steps: &mut u64) -> Proof {
        let Some(Some(areas)) = self.rules.get(rule.index()) else { return PARTS };
        for area in areas {
            if spend(steps, outside.len() as u64).is_err() {
                return PARTS;
            }
            for beyond in outside.iter().filter_map(|beyond| area.and(beyond)) {
                match self.space.find(&beyond, steps, None) {
                    Ok(Some(point)) => return Proof::Refuted(Box::new(self.space.flow(&point))),
                    Ok(None) => {}
                    Err(Stopped) => return PARTS,
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
            (Err(Stopped), None) => PARTS,
            (Ok(()), None) => Proof::Proved,
        }
    }

    /// Takes what an example costs; false if the budget does not allow it any more.
    fn may_try(&self, cost: u64) -> bool {
        let left = self.examples.get().checked_sub(cost);
        self.examples.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The answer to a flow that is tried, of the rules behind one or of all; what it costs to find it is taken.
    fn judged(&self, flow: &Flow, behind: Option<RuleId>) -> Judgement {
        let (judgement, looked_at) = self.program.judge_counting(flow, behind);
        self.may_try(looked_at);
        judgement
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
