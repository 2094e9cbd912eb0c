//! Where the parts of the tree stand in the text. Knows nothing of what they say.

use super::{Cond, EndTerm, Expr, Item, LocationRef, ServiceRef};
use crate::source::{SourceId, Span};

impl LocationRef {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            LocationRef::Port { span, .. } => *span,
            LocationRef::Name(name) => name.span,
        }
    }
}

impl ServiceRef {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            ServiceRef::Term(term) => term.span,
            ServiceRef::Name(name) => name.span,
            ServiceRef::Error(span) => *span,
        }
    }
}

impl EndTerm {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            EndTerm::Term(term) => term.span,
            EndTerm::Member { span, .. } | EndTerm::At(_, span) => *span,
        }
    }
}

impl Expr {
    /// Where it stands: from its first term to its last.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Expr::Term(term) => term.span,
            Expr::Braced { span, .. } | Expr::Not(_, span) | Expr::Error(span) => *span,
            Expr::Chain { first, rest } => {
                let span = first.span();
                rest.last().map_or(span, |(_, last)| span.to(last.span()))
            }
            Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => between(parts.first(), parts.last(), Expr::span),
        }
    }
}

impl Cond {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Cond::And(parts) | Cond::Or(parts) => between(parts.first(), parts.last(), Cond::span),
            Cond::Not(_, span)
            | Cond::Error(span)
            | Cond::Time { span, .. }
            | Cond::From(_, span)
            | Cond::To(_, span)
            | Cond::At(_, span)
            | Cond::For(_, span) => *span,
            Cond::Test(test) => test.span,
        }
    }
}

impl Item {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Item::Include(item) => item.span,
            Item::Switch(item) => item.span,
            Item::Location(item) => item.span,
            Item::Host(item) => item.span,
            Item::User(item) => item.span,
            Item::Group(item) => item.span,
            Item::Network(item) => item.span,
            Item::Service(item) => item.span,
            Item::Gateway(item) => item.span,
            Item::Middlebox(item) => item.span,
            Item::Rule(item) => item.span,
            Item::Section(item) => item.span,
            Item::SectionEnd(span) => *span,
            Item::Time(item) => item.span,
            Item::Invariant(item) => item.span,
            Item::Assert(item) => item.span,
            Item::Default(item) => item.span,
            Item::Setting(item) => item.span,
            Item::Test(item) => item.span,
            Item::Error(item) => item.span,
        }
    }
}

/// The stretch over a list; of an empty one, which the parser never makes, the start of the first text.
fn between<T>(first: Option<&T>, last: Option<&T>, span: fn(&T) -> Span) -> Span {
    match (first, last) {
        (Some(first), Some(last)) => span(first).to(span(last)),
        _ => Span { source: SourceId(0), start: 0, end: 0 },
    }
}
