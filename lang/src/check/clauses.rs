//! Rules: their clauses, what verdict and clauses may say together, and the two halves of `outbound-only`.
//! Knows nothing of how conditions are made.

use std::sync::Arc;

use crate::ast::{ClauseKind, Cond as TreeCond, Expr, Ident, RuleStmt, ServiceRef, VerdictWord};
use crate::checked::{Cond, MiddleboxId, Part, Rule, RuleId, Verdict};
use crate::codes::names::{E0203, E0213, E0214, E0215, E0216};
use crate::diag::Diagnostic;
use crate::flow::Side;
use crate::resolve::Symbol;
use crate::source::Span;
use crate::types;

use super::Checker;
use super::conditions::Wanted;

/// The clauses of a rule, each at most once.
#[derive(Default)]
struct Clauses<'a> {
    from: Option<(&'a Expr, Span)>,
    to: Option<(&'a Expr, Span)>,
    services: Option<(&'a [ServiceRef], Span)>,
    at: Option<(&'a Expr, Span)>,
    via: Option<(&'a [Ident], Span)>,
    when: Option<(&'a TreeCond, Span)>,
    log: Option<((), Span)>,
    damaged: bool,
}

impl Checker {
    /// Checks a rule and adds it, or both halves of it.
    pub(super) fn rule(&mut self, stmt: &RuleStmt) {
        let clauses = self.clauses(stmt);
        self.damaged |= clauses.damaged;
        let via = clauses.via.map_or_else(|| Some(Vec::new()), |(names, _)| self.via(names));
        match stmt.verdict.value {
            VerdictWord::Allow => {
                let cond = self.conjunction(&clauses, Side::Src);
                self.add_rule(stmt, cond, Verdict::Allow, via, Part::Whole);
            }
            VerdictWord::Deny => {
                if let Some((_, span)) = clauses.via {
                    let message = "a denied flow passes no middlebox";
                    self.report(Diagnostic::new(E0215, span, message).help("remove `via`, or write `allow`"));
                }
                let cond = self.conjunction(&clauses, Side::Src);
                self.add_rule(stmt, cond, Verdict::Deny, Some(Vec::new()), Part::Whole);
            }
            VerdictWord::OutboundOnly => self.outbound_only(stmt, &clauses, via),
        }
    }

    /// Deny what the other side initiates towards `from`, wherever that is; then allow as the text says. The deny half goes first,
    /// so that two outbound-only ends cannot reach each other.
    fn outbound_only(&mut self, stmt: &RuleStmt, clauses: &Clauses<'_>, via: Option<Vec<MiddleboxId>>) {
        if let Some((_, span)) = clauses.when {
            let message = "`when` cannot stand on an `outbound-only`: the deny half would need its mirror";
            self.report(Diagnostic::new(E0215, span, message).help("write the `deny` and the `allow` that you mean"));
        }
        if clauses.from.is_none() && !clauses.damaged {
            let message = "`outbound-only` needs `from`: whom others may not reach";
            self.report(Diagnostic::new(E0213, stmt.verdict.span, message));
        }
        // Mistakes in the clauses are found once, in the allow half.
        let allow = self.conjunction(clauses, Side::Src);
        let found = self.found.len();
        let mirrored = clauses.ends();
        let deny = self.conjunction(&mirrored, Side::Dst);
        self.found.truncate(found);
        self.add_rule(stmt, deny, Verdict::Deny, Some(Vec::new()), Part::OutboundDeny);
        self.add_rule(stmt, allow, Verdict::Allow, via, Part::OutboundAllow);
    }

    /// All clauses together, with `from` and `at` about this side and `to` about the other.
    fn conjunction(&mut self, clauses: &Clauses<'_>, initiator: Side) -> Option<Cond> {
        let nothing = || Some(Cond::All(Vec::new()));
        let from = clauses.from.map_or_else(nothing, |(expr, _)| self.end_cond(expr, initiator, Wanted::END));
        let to = clauses.to.map_or_else(nothing, |(expr, _)| self.end_cond(expr, initiator.other(), Wanted::END));
        let services = clauses.services.map_or_else(nothing, |(list, span)| {
            let terms = self.services(list)?;
            self.service_cond(terms, span)
        });
        let at = clauses.at.map_or_else(nothing, |(expr, _)| self.end_cond(expr, initiator, Wanted::PLACE));
        let when = clauses.when.map_or_else(nothing, |(cond, _)| self.when(cond));
        [from, to, services, at, when].into_iter().collect::<Option<Vec<_>>>().map(types::all)
    }

    /// Rules are numbered in the order in which they are tried. A damaged one gets no row: then there is no policy to number.
    fn add_rule(&mut self, stmt: &RuleStmt, cond: Option<Cond>, verdict: Verdict, via: Option<Vec<MiddleboxId>>, part: Part) {
        let (Some(cond), Some(via)) = (cond, via) else {
            self.damaged = true;
            return;
        };
        self.policy.rules.push(Rule {
            id: RuleId(u32::try_from(self.policy.rules.len()).unwrap_or(u32::MAX)),
            name: stmt.label.as_ref().map(|label| Arc::clone(&label.text)),
            cond,
            verdict,
            via,
            log: stmt.clauses.iter().any(|clause| matches!(clause.kind, ClauseKind::Log)),
            part,
            span: stmt.span,
        });
    }

    fn clauses<'a>(&mut self, stmt: &'a RuleStmt) -> Clauses<'a> {
        let mut clauses = Clauses::default();
        for clause in &stmt.clauses {
            let span = clause.span;
            match &clause.kind {
                ClauseKind::From(expr) => self.single(&mut clauses.from, expr, span, "from"),
                ClauseKind::To(expr) => self.single(&mut clauses.to, expr, span, "to"),
                ClauseKind::For(services) => self.single(&mut clauses.services, services.as_slice(), span, "for"),
                ClauseKind::At(expr) => self.single(&mut clauses.at, expr, span, "at"),
                ClauseKind::Via(names) => self.single(&mut clauses.via, names.as_slice(), span, "via"),
                ClauseKind::When(cond) => self.single(&mut clauses.when, cond, span, "when"),
                ClauseKind::Log => self.single(&mut clauses.log, (), span, "log"),
                ClauseKind::Error => clauses.damaged = true,
            }
        }
        clauses
    }

    fn single<T>(&mut self, slot: &mut Option<(T, Span)>, value: T, span: Span, word: &str) {
        match slot {
            None => *slot = Some((value, span)),
            Some((_, first)) => {
                let first = *first;
                let message = format!("a rule has one `{word}`, and this is the second");
                let help = match word {
                    "from" | "to" | "at" => "join them in one clause: `|` for either, `&` for both",
                    "for" | "via" => "list them in one clause, with commas",
                    "when" => "join them in one clause with `and`",
                    _ => "remove it",
                };
                self.report(Diagnostic::new(E0214, span, message).related(first, "the first is here").help(help));
            }
        }
    }

    /// The middleboxes that a `via` names, in order; nothing if one is unknown or named twice.
    pub(super) fn via(&mut self, names: &[Ident]) -> Option<Vec<MiddleboxId>> {
        let mut boxes: Option<Vec<MiddleboxId>> = Some(Vec::new());
        for (place, name) in names.iter().enumerate() {
            if let Some(first) = names.iter().take(place).find(|first| first.text == name.text) {
                let message = format!("middlebox `{}` is named twice", name.text);
                self.report(Diagnostic::new(E0216, name.span, message).related(first.span, "first named here"));
                boxes = None;
                continue;
            }
            let id = match self.lookup(name, None) {
                Some(Symbol::Middlebox(id)) => Some(id),
                None | Some(Symbol::Damaged | Symbol::Unresolved(_)) => None,
                Some(other) => {
                    let message = format!("`{}` is {}, not a middlebox", name.text, other.what(&self.policy));
                    self.report(Diagnostic::new(E0203, name.span, message));
                    None
                }
            };
            boxes = boxes.zip(id).map(|(mut boxes, id)| {
                boxes.push(id);
                boxes
            });
        }
        boxes
    }
}

impl<'a> Clauses<'a> {
    /// The clauses that say who the ends are: neither where one is attached nor what the traffic is.
    fn ends(&self) -> Clauses<'a> {
        Clauses { from: self.from, to: self.to, ..Clauses::default() }
    }
}
