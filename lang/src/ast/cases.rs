//! The parts of the tree that say what flows are and what is to become of them. Knows nothing of rules.

use std::sync::Arc;

use net::Field;

use super::{Ident, LocationRef, ServiceRef, Spanned, Term, VerdictWord};
use crate::calendar::Moment;
use crate::source::Span;

/// `test "NAME" { … }`
#[derive(Clone, Debug)]
pub struct TestBlock {
    /// The name between the quotes.
    pub name: Spanned<Arc<str>>,
    /// What it says, in order.
    pub cases: Vec<CaseStmt>,
    /// The block.
    pub span: Span,
}

/// `FLOW => VERDICT [via …] [by RULE];`
#[derive(Clone, Debug)]
pub struct CaseStmt {
    /// The flow; absent if it could not be read, which has been reported.
    pub flow: Option<FlowSpec>,
    /// The wanted verdict.
    pub verdict: Option<Spanned<VerdictWord>>,
    /// The wanted middleboxes, if the case says.
    pub via: Option<Vec<Ident>>,
    /// What must have decided, if the case says.
    pub by: Option<ByRef>,
    /// The case.
    pub span: Span,
}

/// What a case wants to have decided.
#[derive(Clone, Debug)]
pub enum ByRef {
    /// `by guest-web`
    Rule(Ident),
    /// `by default`
    Default(Span),
}

/// `user none host rphone at wap2 -> internet tcp/80`
#[derive(Clone, Debug)]
pub struct FlowSpec {
    /// The initiator: what is said of it, in order.
    pub src: Vec<EndTerm>,
    /// The responder.
    pub dst: Vec<EndTerm>,
    /// What comes last, if it is a service spelled out (`tcp/80`, `icmp`), or a bare name behind at least one other term of the
    /// responder: then it is a service if one has that name, and else belongs to `dst`.
    pub service: Option<ServiceRef>,
    /// What is said of the other headers: `vlan 5 dscp 46`.
    pub headers: Vec<HeaderTerm>,
    /// When: `time mon 10:00`.
    pub time: Option<Spanned<Moment>>,
    /// All of it.
    pub span: Span,
}

/// `vlan 5`, `tpsrc 1024`, `dltype arp`
#[derive(Clone, Debug)]
pub struct HeaderTerm {
    /// The field.
    pub field: Spanned<Field>,
    /// Its value, which is within the limits of the field.
    pub value: u64,
}

/// One thing said of an end of a flow.
#[derive(Clone, Debug)]
pub enum EndTerm {
    /// `user gina`, `phones`, `10.0.9.10`, `internet`
    Term(Term),
    /// `user gina & profs`: one that is a member of dynamic groups.
    Member {
        /// Who.
        of: Term,
        /// Of which groups, at least one.
        groups: Vec<Term>,
        /// All of it.
        span: Span,
    },
    /// `at wap1:3`
    At(LocationRef, Span),
}
