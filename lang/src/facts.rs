//! What is proved of a policy as a whole: the one form in which the compiler's analysis tells it, and from which findings are made.
//! Knows nothing of how it was proved.

use crate::checked::RuleId;
use crate::flow::Flow;

/// Whether a claim holds of all flows in every view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It does.
    Proved,
    /// It does not: here is a flow of which it does not hold.
    Refuted(Box<Flow>),
    /// It could not be found out: this did not suffice.
    Undecided(Limit),
}

/// What keeps something from being found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The steps that one claim may take are used up.
    Steps,
    /// The steps that all claims together may take are used up.
    StepsOfAll,
    /// It comes apart into more parts than are kept. More steps do not help.
    Parts,
}

/// What is known of one rule.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleFact {
    /// It decides this flow; it, or none at all, makes a difference.
    Decides(Box<Flow>),
    /// No flow matches it.
    MatchesNothing,
    /// Every flow that it matches is decided by these before it, the one that takes most first.
    Shadowed(Vec<Taken>),
    /// What it decides would be decided just so without it: this flow, by that rule; nothing is the default.
    Redundant(Box<Flow>, Option<RuleId>),
    /// It could not be found out within the budget.
    Undecided,
}

/// What a rule takes of the flows of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The rule that takes it.
    pub by: RuleId,
    /// Which part of them that is.
    pub share: f64,
    /// One of them; of those that take least there is none.
    pub flow: Option<Box<Flow>>,
}

/// Two rules that match one flow and would decide it differently, of which neither covers the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The one that decides.
    pub first: RuleId,
    /// The one that would have.
    pub second: RuleId,
    /// The flow.
    pub flow: Box<Flow>,
}

/// An assertion that holds for want of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacuous {
    /// Which assertion, by its place.
    pub assertion: usize,
    /// Clauses of its pattern, by their places, that no flow fits together; without any of them some flow does. All of them where it
    /// was not found out which it takes.
    pub clauses: Vec<usize>,
    /// True if some flow of the internet would be its subject, were there a gateway.
    pub lacks_gateway: bool,
}

/// All that is known of a policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// For each assertion whether it holds.
    pub assertions: Vec<Proof>,
    /// Those of them that are proved because there is no flow that they are about.
    pub vacuous: Vec<Vacuous>,
    /// For each rule of the site in a section with a scope whether it keeps to it.
    pub scopes: Vec<(RuleId, Proof)>,
    /// For each rule of the site.
    pub rules: Vec<(RuleId, RuleFact)>,
    /// Rules of the site that match flows of the internet alone, while no gateway is declared that it could be behind.
    pub beyond_no_gateway: Vec<RuleId>,
    /// Whether some flow is left to the default; such a flow.
    pub default: Option<Proof>,
    /// Pairs of which the order decides, a few.
    pub overlaps: Vec<Overlap>,
}

impl Facts {
    /// True if the assertion at this place holds for want of a flow that it is about.
    #[must_use]
    pub fn is_vacuous(&self, assertion: usize) -> bool {
        self.vacuous.iter().any(|one| one.assertion == assertion)
    }
}
