//! Sets of ends and conditions, as the text has them. Knows nothing of where they stand.

use std::ops::RangeInclusive;

use net::{Field, MacAddr, PortNo, Prefix};

use super::{Ident, ServiceRef, Spanned};
use crate::checked::{BuiltIn, DynamicSource, Kind, ServiceTerm};
use crate::flow::Side;
use crate::source::Span;

/// A set of ends, or a condition over one end, or the right-hand side of a comparison.
///
/// `&` binds tighter than `|` and `-`, which bind tighter than `and`, then `or`; `not` binds tightest. Nesting is at most
/// [`MAX_DEPTH`](crate::parse::MAX_DEPTH) deep, so that recursion over it is safe; lists are as long as the text.
#[derive(Clone, Debug)]
pub enum Expr {
    /// One term.
    Term(Term),
    /// `host { a, b }`, or `{ a, b }` where a kind is plain: any of these.
    Braced {
        /// The kind in front of the brace.
        kind: Option<Spanned<Kind>>,
        /// The members.
        members: Vec<Expr>,
        /// All of it.
        span: Span,
    },
    /// `a | b - c`: evaluated from left to right.
    Chain {
        /// The leftmost operand.
        first: Box<Expr>,
        /// Operators with their right operands; never empty.
        rest: Vec<(Spanned<SetOp>, Expr)>,
    },
    /// `a & b & c`: at least two.
    Intersection(Vec<Expr>),
    /// `not a`
    Not(Box<Expr>, Span),
    /// `a and b`: at least two.
    And(Vec<Expr>),
    /// `a or b`: at least two.
    Or(Vec<Expr>),
    /// Could not be read; reported.
    Error(Span),
}

/// `|` and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOp {
    /// `|`
    Union,
    /// `-`
    Difference,
}

/// One term: what it says, and the kind word in front of it, if any.
#[derive(Clone, Debug)]
pub struct Term {
    /// `user` in `user plum`.
    pub kind: Option<Spanned<Kind>>,
    /// What follows.
    pub atom: Atom,
    /// Kind and atom.
    pub span: Span,
}

/// The smallest parts of expressions.
#[derive(Clone, Debug)]
pub enum Atom {
    /// A declared name.
    Name(Ident),
    /// `any`
    Any,
    /// `internet`, `broadcast`, `none`, …
    BuiltIn(BuiltIn),
    /// `multicast 239.1.0.0/16`
    Multicast(Spanned<Prefix>),
    /// `directory "cn=…"`, `radius class "…"`, `tagged "…"`
    Dynamic(DynamicSource),
    /// `10.4.0.0/16`, `10.0.9.10`, `2001:db8::1`
    Address(Prefix),
    /// `02:00:00:00:00:11`
    Mac(MacAddr),
    /// `edge1:5`
    Port {
        /// The switch, by name.
        switch: Ident,
        /// The port.
        port: Spanned<PortNo>,
    },
    /// `tcp/80`
    Service(ServiceTerm),
    /// `80`, `8000-8080`, `0x800`: never reversed. Ends of flows are never numbers; in comparisons, the limits of the field hold.
    Number(RangeInclusive<u64>),
}

/// A general condition. Nesting is at most [`MAX_DEPTH`](crate::parse::MAX_DEPTH) deep.
#[derive(Clone, Debug)]
pub enum Cond {
    /// `a and b`: at least two.
    And(Vec<Cond>),
    /// `a or b`: at least two.
    Or(Vec<Cond>),
    /// `not a`
    Not(Box<Cond>, Span),
    /// `usrc in students`
    Test(FieldTest),
    /// `time in office`
    Time {
        /// How it is compared: `in` and `=` are one, `not in` and `!=` are the other.
        op: Spanned<CompareOp>,
        /// With what.
        time: Ident,
        /// All of it.
        span: Span,
    },
    /// `from X`
    From(Expr, Span),
    /// `to Y`
    To(Expr, Span),
    /// `at L`
    At(Expr, Span),
    /// `for S`
    For(Vec<ServiceRef>, Span),
    /// Could not be read; reported.
    Error(Span),
}

/// A comparison.
#[derive(Clone, Debug)]
pub struct FieldTest {
    /// The field.
    pub field: Spanned<CondField>,
    /// How it is compared.
    pub op: Spanned<CompareOp>,
    /// With what: a set for ends, numbers for headers, services for `protocol`.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// A field of a flow, as `when` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CondField {
    /// `usrc`, `udst`
    User(Side),
    /// `hsrc`, `hdst`
    Host(Side),
    /// `apsrc`, `apdst`
    AccessPoint(Side),
    /// A header, by its row in [`net::FIELDS`]; never `in_port`.
    Header(Field),
}

/// How a field is compared. `!=` is plain negation of `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `in`
    In,
    /// `not in`
    NotIn,
}
