//! Every name in a tree: where it is declared and where it is used. Knows nothing of what names stand for.

use crate::ast::{
    Atom, ByRef, ClauseKind, Cond, EndTerm, Expr, FlowSpec, HostMember, Ident, Item, LocationRef, MiddleboxMember, ServiceRef,
    Term, WindowRef,
};

/// What a name does at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Declares something that rules can name.
    Declares,
    /// Names something declared.
    Uses,
    /// Names a rule.
    Labels,
    /// Names a rule that a test wants to have decided.
    UsesLabel,
    /// Names a section or an assertion.
    Heads,
}

/// Tells of every name of a statement, in the order of the text.
pub fn visit<'a>(item: &'a Item, tell: &mut dyn FnMut(&'a Ident, Role)) {
    let mut walk = Walk { tell };
    match item {
        Item::Include(_) | Item::Default(_) | Item::Setting(_) | Item::SectionEnd(_) => {}
        Item::Switch(decl) => walk.declares(&decl.name),
        Item::Location(decl) => {
            walk.declares(&decl.name);
            walk.place(&decl.at);
        }
        Item::Host(decl) => walk.host(&decl.name, &decl.members),
        Item::Gateway(decl) => walk.host(&decl.name, &decl.members),
        Item::User(decl) => walk.declares(&decl.name),
        Item::Group(decl) => {
            walk.declares(&decl.name);
            walk.expr(&decl.members);
        }
        Item::Network(decl) => walk.declares(&decl.name),
        Item::Service(decl) => {
            walk.declares(&decl.name);
            walk.services(&decl.terms);
        }
        Item::Middlebox(decl) => {
            walk.declares(&decl.name);
            for member in &decl.members {
                match member {
                    MiddleboxMember::In(at, _) | MiddleboxMember::Out(at, _) | MiddleboxMember::At(at, _) => walk.place(at),
                    MiddleboxMember::Error(_) => {}
                }
            }
        }
        Item::Rule(rule) => {
            rule.label.iter().for_each(|label| walk.tell(label, Role::Labels));
            rule.clauses.iter().for_each(|clause| walk.clause(&clause.kind));
        }
        Item::Section(head) => {
            walk.tell(&head.name, Role::Heads);
            head.scope.iter().for_each(|scope| walk.cond(scope));
        }
        Item::Time(decl) => {
            walk.declares(&decl.name);
            for window in &decl.windows {
                match window {
                    WindowRef::Window(_) => {}
                    WindowRef::Name(name) => walk.uses(name),
                }
            }
        }
        Item::Invariant(stmt) => stmt.sets.iter().for_each(|set| walk.expr(set)),
        Item::Assert(stmt) => {
            stmt.label.iter().for_each(|label| walk.tell(label, Role::Heads));
            stmt.clauses.iter().for_each(|clause| walk.clause(&clause.kind));
        }
        Item::Test(block) => {
            for case in &block.cases {
                case.flow.iter().for_each(|flow| walk.flow(flow));
                case.via.iter().flatten().for_each(|name| walk.uses(name));
                match &case.by {
                    Some(ByRef::Rule(name)) => walk.tell(name, Role::UsesLabel),
                    Some(ByRef::Default(_)) | None => {}
                }
            }
        }
        Item::Error(error) => error.name.iter().for_each(|name| walk.declares(name)),
    }
}

struct Walk<'t, 'a> {
    tell: &'t mut dyn FnMut(&'a Ident, Role),
}

impl<'a> Walk<'_, 'a> {
    fn tell(&mut self, name: &'a Ident, role: Role) {
        (self.tell)(name, role);
    }

    fn declares(&mut self, name: &'a Ident) {
        self.tell(name, Role::Declares);
    }

    fn uses(&mut self, name: &'a Ident) {
        self.tell(name, Role::Uses);
    }

    fn host(&mut self, name: &'a Ident, members: &'a [HostMember]) {
        self.declares(name);
        for member in members {
            match member {
                HostMember::At(at, _) => self.place(at),
                HostMember::Mac(..)
                | HostMember::Ip(..)
                | HostMember::Serves(..)
                | HostMember::Routes(..)
                | HostMember::Error(_) => {}
            }
        }
    }

    fn place(&mut self, at: &'a LocationRef) {
        match at {
            LocationRef::Port { switch, .. } => self.uses(switch),
            LocationRef::Name(name) => self.uses(name),
        }
    }

    fn services(&mut self, services: &'a [ServiceRef]) {
        for service in services {
            match service {
                ServiceRef::Name(name) => self.uses(name),
                ServiceRef::Term(_) | ServiceRef::Error(_) => {}
            }
        }
    }

    fn term(&mut self, term: &'a Term) {
        match &term.atom {
            Atom::Name(name) => self.uses(name),
            Atom::Port { switch, .. } => self.uses(switch),
            Atom::Any
            | Atom::BuiltIn(_)
            | Atom::Multicast(_)
            | Atom::Dynamic(_)
            | Atom::Address(_)
            | Atom::Mac(_)
            | Atom::Service(_)
            | Atom::Number(_) => {}
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Term(term) => self.term(term),
            Expr::Braced { members: parts, .. } | Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => {
                parts.iter().for_each(|part| self.expr(part));
            }
            Expr::Chain { first, rest } => {
                self.expr(first);
                rest.iter().for_each(|(_, part)| self.expr(part));
            }
            Expr::Not(inner, _) => self.expr(inner),
            Expr::Error(_) => {}
        }
    }

    fn cond(&mut self, cond: &'a Cond) {
        match cond {
            Cond::And(parts) | Cond::Or(parts) => parts.iter().for_each(|part| self.cond(part)),
            Cond::Not(inner, _) => self.cond(inner),
            Cond::Test(test) => self.expr(&test.value),
            Cond::Time { time, .. } => self.uses(time),
            Cond::From(expr, _) | Cond::To(expr, _) | Cond::At(expr, _) => self.expr(expr),
            Cond::For(services, _) => self.services(services),
            Cond::Error(_) => {}
        }
    }

    fn clause(&mut self, clause: &'a ClauseKind) {
        match clause {
            ClauseKind::From(expr) | ClauseKind::To(expr) | ClauseKind::At(expr) | ClauseKind::Pin(expr) => self.expr(expr),
            ClauseKind::For(services) => self.services(services),
            ClauseKind::Via(names) | ClauseKind::Mirror(names) => names.iter().for_each(|name| self.uses(name)),
            ClauseKind::When(cond) => self.cond(cond),
            ClauseKind::Avoid(places) => places.iter().for_each(|place| self.place(place)),
            ClauseKind::OneWay
            | ClauseKind::Vlan(_)
            | ClauseKind::Limit(_)
            | ClauseKind::Queue(_)
            | ClauseKind::Log
            | ClauseKind::Audit
            | ClauseKind::Until(_)
            | ClauseKind::Owner(_)
            | ClauseKind::Ticket(_)
            | ClauseKind::Error => {}
        }
    }

    fn flow(&mut self, flow: &'a FlowSpec) {
        for term in flow.src.iter().chain(&flow.dst) {
            match term {
                EndTerm::Term(term) => self.term(term),
                EndTerm::Member { of, groups, .. } => {
                    self.term(of);
                    groups.iter().for_each(|group| self.term(group));
                }
                EndTerm::At(at, _) => self.place(at),
            }
        }
        if let Some(ServiceRef::Name(name)) = &flow.service {
            self.uses(name);
        }
    }
}
