//! Groups, networks and services: resolved so that each comes after those that it names, circles reported.
//! Knows nothing of rules.

use std::sync::Arc;

use crate::ast::{Atom, Expr, Ident, ServiceRef};
use crate::checked::{DynamicSource, Group, GroupId, Kind, Service, SetExpr};
use crate::codes::names::{E0203, E0205, E0206};
use crate::diag::Diagnostic;
use crate::resolve::{SetDecl, Symbol};
use crate::source::Span;
use crate::types::{self, Terms, TypedSet, Value};

use super::{Checker, GroupFacts};

/// How many names of a circle a message lists.
const MAX_CHAIN: usize = 8;

/// How many terms all services may have together, those that they name counted each time.
const MAX_TERMS: usize = 1_000_000;

/// A declaration that another names, and where.
#[derive(Clone, Copy)]
struct Use {
    target: usize,
    span: Span,
}

/// How far a declaration has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Open,
    Done,
}

impl Checker {
    /// Resolves all groups, networks and services.
    pub(super) fn groups(&mut self, sets: &[SetDecl<'_>]) {
        let uses: Vec<Vec<Use>> = sets.iter().map(|decl| self.uses(*decl)).collect();
        let mut progress = vec![Progress::New; sets.len()];
        for start in 0..sets.len() {
            self.resolve_from(start, sets, &uses, &mut progress);
        }
    }

    /// Depth first, on a stack of our own: nesting is as deep as the text makes it.
    fn resolve_from(&mut self, start: usize, sets: &[SetDecl<'_>], uses: &[Vec<Use>], progress: &mut [Progress]) {
        let mut path: Vec<(usize, std::slice::Iter<'_, Use>)> = Vec::new();
        let enter = |node: usize, path: &mut Vec<_>, progress: &mut [Progress]| {
            if let (Some(state), Some(uses)) = (progress.get_mut(node), uses.get(node)) {
                *state = Progress::Open;
                path.push((node, uses.iter()));
            }
        };
        if progress.get(start) == Some(&Progress::New) {
            enter(start, &mut path, progress);
        }
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            let Some(next) = rest.next() else {
                path.pop();
                if let (Some(state), Some(decl)) = (progress.get_mut(node), sets.get(node)) {
                    *state = Progress::Done;
                    self.define(node, *decl);
                }
                continue;
            };
            match progress.get(next.target) {
                Some(Progress::New) => enter(next.target, &mut path, progress),
                Some(Progress::Open) => {
                    let nodes: Vec<usize> = path.iter().map(|(node, _)| *node).collect();
                    let circle = nodes.iter().position(|node| *node == next.target).and_then(|from| nodes.get(from..));
                    self.report_circle(circle.unwrap_or_default(), next.span, sets);
                }
                Some(Progress::Done) | None => {}
            }
        }
    }

    fn report_circle(&mut self, circle: &[usize], closing: Span, sets: &[SetDecl<'_>]) {
        let names: Vec<&Ident> = circle.iter().filter_map(|node| sets.get(*node)).map(|decl| decl.name()).collect();
        let Some(first) = names.first() else { return };
        let mut chain: Vec<String> = names.iter().take(MAX_CHAIN).map(|name| format!("`{}`", name.text)).collect();
        if names.len() > MAX_CHAIN {
            chain.push(format!("… {} more …", names.len() - MAX_CHAIN));
        }
        chain.push(format!("`{}`", first.text));
        let message = format!("`{}` contains itself: {}", first.text, chain.join(" → "));
        let mut diagnostic = Diagnostic::new(E0205, first.span, message);
        if names.len() > 1 {
            diagnostic = diagnostic.related(closing, "the circle closes here");
        }
        self.report(diagnostic);
        for name in names {
            self.names.define(&name.text, Symbol::Damaged);
        }
    }

    /// The declarations of sets that this one names.
    fn uses(&self, decl: SetDecl<'_>) -> Vec<Use> {
        let mut uses = Vec::new();
        let mut name = |name: &Ident| {
            if let Some(Symbol::Unresolved(target)) = self.names.get(&name.text) {
                uses.push(Use { target, span: name.span });
            }
        };
        match decl {
            SetDecl::Group(decl) => each_name(&decl.members, &mut name),
            SetDecl::Network(_) => {}
            SetDecl::Service(decl) => {
                for term in &decl.terms {
                    if let ServiceRef::Name(service) = term {
                        name(service);
                    }
                }
            }
        }
        uses
    }

    /// Gives a set its meaning; everything that it names has one.
    fn define(&mut self, place: usize, decl: SetDecl<'_>) {
        let value = match decl {
            SetDecl::Group(decl) => self.value(&decl.members, None),
            SetDecl::Network(decl) => {
                self.damaged |= decl.damaged;
                if decl.damaged { Value::Muted } else { Value::Set(prefixes(decl)) }
            }
            SetDecl::Service(decl) => self.services(&decl.terms).map_or(Value::Muted, Value::Services),
        };
        let name = decl.name();
        let symbol = match value {
            Value::Set(set) => self.add_group(decl, set),
            Value::Services(terms) => self.add_service(decl, terms),
            Value::Any => {
                let message = format!("`{}` would be `any`, which is of no kind", name.text);
                self.report(Diagnostic::new(E0203, name.span, message).help("write `any` where the group is used"));
                Symbol::Damaged
            }
            Value::Muted => Symbol::Damaged,
        };
        // Damage has been reported where it is; it must not pass even if it were not.
        self.damaged |= symbol == Symbol::Damaged;
        // A second declaration of a name does not take it over, and a member of a circle stays damaged.
        if self.names.get(&name.text) == Some(Symbol::Unresolved(place)) {
            self.names.define(&name.text, symbol);
        }
    }

    fn add_group(&mut self, decl: SetDecl<'_>, set: TypedSet) -> Symbol {
        let (network, span) = match decl {
            SetDecl::Network(decl) => (true, decl.span),
            SetDecl::Group(decl) => (false, decl.span),
            SetDecl::Service(decl) => (false, decl.span),
        };
        let TypedSet { kind, set: members, empty, depth } = set;
        let id = GroupId(u32::try_from(self.policy.groups.len()).unwrap_or(u32::MAX));
        self.policy.groups.push(Group { name: decl.name().text.clone(), kind, members, network, dynamic: None, span });
        self.facts.push(GroupFacts { empty, depth });
        if depth >= types::MAX_NESTING {
            self.report_nesting(decl.name().span, &decl.name().text);
            return Symbol::Damaged;
        }
        Symbol::Group(id)
    }

    fn add_service(&mut self, decl: SetDecl<'_>, terms: Terms) -> Symbol {
        let (name, span): (Arc<str>, Span) = match decl {
            SetDecl::Group(decl) => (decl.name.text.clone(), decl.span),
            SetDecl::Network(decl) => (decl.name.text.clone(), decl.span),
            SetDecl::Service(decl) => (decl.name.text.clone(), decl.span),
        };
        self.terms = self.terms.saturating_add(terms.list().len());
        if self.terms > MAX_TERMS {
            // Every service that names others copies their terms.
            self.report_terms(decl.name());
            return Symbol::Damaged;
        }
        self.policy.services.push(Service { name, terms: terms.shared(), span: Some(span) });
        Symbol::Service(self.policy.services.len() - 1)
    }
}

impl Checker {
    /// The group that a dynamic set is: one for each source and kind.
    pub(super) fn dynamic_group(&mut self, kind: Kind, source: &DynamicSource, span: Span) -> GroupId {
        if let Some(known) = self.dynamic.get(&(kind, source.clone())) {
            return *known;
        }
        let id = GroupId(u32::try_from(self.policy.groups.len()).unwrap_or(u32::MAX));
        let name = format!("{} {source}", types::word(kind)).into();
        let members = SetExpr::Union(Vec::new());
        self.policy.groups.push(Group { name, kind, members, network: false, dynamic: Some(source.clone()), span });
        self.facts.push(GroupFacts { empty: false, depth: 1 });
        self.dynamic.insert((kind, source.clone()), id);
        id
    }

    fn report_terms(&mut self, name: &Ident) {
        let message = format!("with `{}`, services have more than {MAX_TERMS} terms together", name.text);
        self.report(Diagnostic::new(E0206, name.span, message).help("name services inside services less deeply"));
        self.terms = 0;
    }
}

fn prefixes(decl: &crate::ast::NetworkDecl) -> TypedSet {
    let leaf = |prefix: &crate::ast::Spanned<net::Prefix>| SetExpr::Leaf(crate::checked::EndTest::Address(prefix.value));
    let set = SetExpr::Union(decl.prefixes.iter().map(leaf).collect());
    TypedSet { kind: Kind::Network, set, empty: decl.prefixes.is_empty(), depth: 2 }
}

/// Every name in an expression.
fn each_name(expr: &Expr, visit: &mut impl FnMut(&Ident)) {
    match expr {
        Expr::Term(term) => match &term.atom {
            Atom::Name(name) => visit(name),
            Atom::Any
            | Atom::Dynamic(_)
            | Atom::BuiltIn(_)
            | Atom::Multicast(_)
            | Atom::Address(_)
            | Atom::Mac(_)
            | Atom::Port { .. }
            | Atom::Service(_)
            | Atom::Number(_) => {}
        },
        Expr::Braced { members, .. } => members.iter().for_each(|member| each_name(member, visit)),
        Expr::Chain { first, rest } => {
            each_name(first, visit);
            rest.iter().for_each(|(_, operand)| each_name(operand, visit));
        }
        Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().for_each(|part| each_name(part, visit));
        }
        Expr::Not(inner, _) => each_name(inner, visit),
        Expr::Error(_) => {}
    }
}
