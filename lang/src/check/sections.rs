//! Sections, and rules in their order; what is assumed and claimed of the policy. Knows nothing of how clauses are read.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::{AssertStmt, ClauseKind, InvariantStmt, Relation, SectionHead};
use crate::builtin::PRELUDE_NAME;
use crate::checked::{Assertion, Claim, Cond, Effect, Fact, Invariant, Kind, RuleId, Section, SectionId, SetExpr};
use crate::codes::names::{E0202, E0203, E0215, E0220};
use crate::codes::tests_and_assertions::E0404;
use crate::diag::Diagnostic;
use crate::resolve::Body;
use crate::source::Span;
use crate::types::{self, Value};

use super::Checker;
use super::limits::Counted;

impl Checker {
    /// Adds rules and sections in their order.
    pub(super) fn body(&mut self, body: &[Body<'_>]) {
        let mut open: Vec<SectionId> = Vec::new();
        for part in body {
            match part {
                Body::Open(head) => {
                    let parent = open.last().copied();
                    open.push(self.open_section(head, parent));
                }
                Body::Close => {
                    if let Some(id) = open.pop() {
                        self.close_section(id);
                    }
                }
                Body::Rule(rule) => self.rule(rule, open.last().copied()),
            }
        }
    }

    fn next_rule(&self) -> RuleId {
        RuleId(u32::try_from(self.policy.rules.len()).unwrap_or(u32::MAX))
    }

    fn open_section(&mut self, head: &SectionHead, parent: Option<SectionId>) -> SectionId {
        let first = self.next_rule();
        if let Some(first) = self.sections.get(&head.name.text) {
            let message = format!("two sections have the name `{}`", head.name.text);
            let found = Diagnostic::new(E0202, head.name.span, message).related(*first, "the first is here");
            self.report(found);
        } else if &*head.name.text == PRELUDE_NAME && (first.0 > 0 || parent.is_some()) {
            let found =
                Diagnostic::new(E0220, head.name.span, "the prelude stands before all rules, and here are some before it");
            self.report(found.help("move it to the front of the policy, before the first rule"));
        }
        self.sections.entry(head.name.text.clone()).or_insert(head.span);
        let scope = match &head.scope {
            None => Some(Cond::All(Vec::new())),
            Some(scope) => self.when(scope),
        };
        self.damaged |= scope.is_none();
        let inherited = parent.and_then(|id| self.policy.sections.get(id.index())).and_then(|section| section.owner.clone());
        self.policy.sections.push(Section {
            name: head.name.text.clone(),
            scope: scope.unwrap_or(Cond::All(Vec::new())),
            parent,
            first,
            end: first,
            owner: head.owner.as_ref().map(|owner| Arc::clone(&owner.value)).or(inherited),
            span: head.span,
        });
        SectionId(u32::try_from(self.policy.sections.len() - 1).unwrap_or(u32::MAX))
    }

    /// Its end is known now: that is where its `pass` goes on.
    fn close_section(&mut self, id: SectionId) {
        let end = self.next_rule();
        let Some(section) = self.policy.sections.get_mut(id.index()) else { return };
        section.end = end;
        let first = section.first.index();
        if &*section.name == PRELUDE_NAME {
            self.policy.prelude_end = end;
        }
        for rule in self.policy.rules.iter_mut().skip(first).filter(|rule| rule.section == Some(id)) {
            if let Effect::Pass(target) = &mut rule.effect {
                *target = end;
            }
        }
    }

    /// Takes an invariant.
    pub(super) fn invariant(&mut self, stmt: &InvariantStmt) {
        if !self.room_for(Counted::Claims, self.policy.invariants.len() + 1, stmt.span) {
            return;
        }
        let sets: Vec<Option<(Kind, SetExpr)>> = stmt.sets.iter().map(|set| self.plain_set(set)).collect();
        let Some(sets) = sets.into_iter().collect::<Option<Vec<_>>>() else {
            self.damaged = true;
            return;
        };
        let fact = match (stmt.relation.value, sets.as_slice()) {
            (Relation::Nonempty, [(kind, set)]) => Fact::Nonempty(*kind, set.clone()),
            (Relation::Disjoint | Relation::Subset, [(left, _), (right, _)]) if left != right => {
                let (left, right) = (types::plural(*left), types::plural(*right));
                let message = format!("one set is of {left}, the other of {right}");
                self.report(Diagnostic::new(E0203, stmt.span, message));
                return;
            }
            (Relation::Disjoint, [(kind, a), (_, b)]) => Fact::Disjoint(*kind, a.clone(), b.clone()),
            (Relation::Subset, [(kind, a), (_, b)]) => Fact::Subset(*kind, a.clone(), b.clone()),
            (Relation::Nonempty | Relation::Disjoint | Relation::Subset, _) => {
                // The parser has counted them.
                self.damaged = true;
                return;
            }
        };
        self.policy.invariants.push(Invariant { fact, span: stmt.span });
    }

    /// A set that is neither `any` nor of services.
    fn plain_set(&mut self, set: &crate::ast::Expr) -> Option<(Kind, SetExpr)> {
        match self.value(set, None) {
            Value::Set(value) => Some((value.kind, value.set)),
            Value::Muted => None,
            Value::Any | Value::Services(_) => {
                let message = format!("`{}` is no set of ends", self.excerpt(set.span()));
                self.report(Diagnostic::new(E0203, set.span(), message));
                None
            }
        }
    }

    /// Takes all assertions.
    pub(super) fn assertions(&mut self, stmts: &[&AssertStmt]) {
        let mut labels: HashMap<Arc<str>, Span> = HashMap::new();
        for stmt in stmts {
            if let Some(label) = &stmt.label {
                self.damaged |= !label.is_sound();
                if let Some(first) = labels.insert(label.text.clone(), label.span) {
                    let message = format!("two assertions have the name `{}`", label.text);
                    self.report(Diagnostic::new(E0202, label.span, message).related(first, "first used here"));
                }
            }
            self.assertion(stmt);
        }
    }

    fn assertion(&mut self, stmt: &AssertStmt) {
        if !self.room_for(Counted::Claims, self.policy.assertions.len() + self.policy.invariants.len() + 1, stmt.span) {
            return;
        }
        for clause in &stmt.clauses {
            let fits = matches!(
                clause.kind,
                ClauseKind::From(_)
                    | ClauseKind::To(_)
                    | ClauseKind::For(_)
                    | ClauseKind::At(_)
                    | ClauseKind::When(_)
                    | ClauseKind::Via(_)
                    | ClauseKind::Error
            );
            if !fits {
                let message = format!("`{}` cannot stand on an `assert`", self.excerpt(clause.span));
                let help = "a pattern is made of `from`, `to`, `for`, `at` and `when`; `via` says which way";
                self.report(Diagnostic::new(E0215, clause.span, message).help(help));
            }
        }
        let (clauses, via) = self.pattern(&stmt.clauses);
        let (Some(clauses), Some(via)) = (clauses, via) else {
            self.damaged = true;
            return;
        };
        let pattern = types::all(clauses.iter().map(|(_, cond)| cond.clone()).collect());
        if pattern == Cond::All(Vec::new()) && stmt.claim.value == Claim::Never && via.is_empty() {
            let found = Diagnostic::new(E0404, stmt.span, "that nothing at all is ever allowed is no policy");
            self.report(found.help("say of which flows it holds: `from`, `to`, `for`, `at`, `when`"));
        }
        let name = match &stmt.label {
            Some(label) => label.text.clone(),
            None => self.statement_text(stmt.span).into(),
        };
        self.policy.assertions.push(Assertion { name, claim: stmt.claim.value, pattern, clauses, via, span: stmt.span });
    }

    /// A statement on one line, without its `;`.
    fn statement_text(&self, span: Span) -> String {
        let text = self.policy.sources.text(span).trim_end_matches(';');
        let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before));
        lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    }
}
