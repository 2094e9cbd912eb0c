//! What a policy says of itself: invariants, assertions and tests. Knows nothing of how they are shown to hold.

use std::sync::Arc;

use super::{Cond, Kind, MiddleboxId, RuleId, SetExpr, Verdict};
use crate::flow::Flow;
use crate::source::Span;

/// `invariant disjoint(a, b);`: what may be assumed of memberships in any view.
#[derive(Clone, Debug)]
pub struct Invariant {
    /// What holds.
    pub fact: Fact,
    /// The statement.
    pub span: Span,
}

/// What holds of one or two sets, which are of one kind and not of services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Nobody is in both.
    Disjoint(Kind, SetExpr, SetExpr),
    /// Whoever is in the first is in the second.
    Subset(Kind, SetExpr, SetExpr),
    /// Somebody is in it.
    Nonempty(Kind, SetExpr),
}

/// `NAME: assert never from … to …;`: holds for all flows, for each pair of users, in every view that the invariants admit.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Its name; its text where it has none.
    pub name: Arc<str>,
    /// What is claimed of the flows.
    pub claim: Claim,
    /// Which flows.
    pub pattern: Cond,
    /// The clauses that say so, in their order: the pattern is all of them together.
    pub clauses: Vec<(Span, Cond)>,
    /// With `always`: they pass these in this order. With `never`: they are not allowed through all of these.
    pub via: Vec<MiddleboxId>,
    /// The statement.
    pub span: Span,
}

/// What an assertion claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// None of the flows is allowed.
    Never,
    /// Every one of the flows is allowed.
    Always,
}

/// `test "NAME" { … }`
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: Arc<str>,
    /// The header of the block.
    pub span: Span,
    /// What it says, in order.
    pub cases: Vec<TestCase>,
}

/// `FLOW => VERDICT [via …] [by RULE];`: holds if it holds for every one of the flows.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// The flows that the pattern stands for; more than one where it names sets.
    pub flows: Vec<Flow>,
    /// The wanted verdict.
    pub verdict: Verdict,
    /// The wanted middleboxes in their order, if the case says; else any will do.
    pub via: Option<Vec<MiddleboxId>>,
    /// What must have decided, if the case says.
    pub by: Option<DecidedBy>,
    /// The text of the flow.
    pub flow_text: Arc<str>,
    /// The whole case.
    pub span: Span,
}

/// What a test wants to have decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// One of these rules: those of one name.
    Rules(Vec<RuleId>),
    /// The default.
    Default,
}
