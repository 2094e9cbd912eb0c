//! What a set expression stands for: names looked up, kinds held apart. Knows nothing of where the set is used.

use net::Prefix;

use crate::ast::{Atom, Expr, Ident, ServiceRef, SetOp, Term};
use crate::builtin;
use crate::checked::{BuiltIn, DynamicSource, EndTest, Kind, SetExpr};
use crate::codes::names::{E0203, E0204, E0206, E0207, E0218};
use crate::diag::Diagnostic;
use crate::resolve::Symbol;
use crate::source::Span;
use crate::types::{self, MAX_NESTING, Terms, TypedSet, Value};

use super::limits::Counted;
use super::{Checker, brackets};

/// Longer excerpts are cut in messages.
const MAX_EXCERPT: usize = 40;

/// An operator between two sets.
#[derive(Clone, Copy)]
enum Operator {
    Union,
    Difference,
    Intersection,
}

impl Checker {
    /// What a name stands for; nothing if it is unknown, which is reported.
    pub(super) fn lookup(&mut self, name: &Ident, wanted: Option<Kind>) -> Option<Symbol> {
        let symbol = self.names.get(&name.text);
        if symbol.is_none() {
            // Text that cannot be a name has been reported by the lexer; it must not pass all the same.
            self.damaged = true;
            self.found.extend(self.names.unknown(&self.policy, name, wanted));
        }
        symbol
    }

    /// What an expression stands for. `wanted` orders suggestions, no more.
    pub(super) fn value(&mut self, expr: &Expr, wanted: Option<Kind>) -> Value {
        match expr {
            Expr::Term(term) => self.term(term, wanted),
            Expr::Braced { kind, members, span } => self.braced(kind.map(|kind| kind.value), members, *span, wanted),
            Expr::Chain { first, rest } => {
                let mut value = self.value(first, wanted);
                for (op, operand) in rest {
                    let right = self.value(operand, wanted);
                    let op = match op.value {
                        SetOp::Union => Operator::Union,
                        SetOp::Difference => Operator::Difference,
                    };
                    value = self.combine(op, value, right, operand.span());
                }
                value
            }
            Expr::Intersection(parts) => {
                let mut value = Value::Any;
                for part in parts {
                    let right = self.value(part, wanted);
                    value = self.combine(Operator::Intersection, value, right, part.span());
                }
                value
            }
            Expr::Not(_, span) => self.refuse_logic("not", "`any - …`", *span),
            Expr::And(_) => self.refuse_logic("and", "`&`", expr.span()),
            Expr::Or(_) => self.refuse_logic("or", "`|`", expr.span()),
            Expr::Error(_) => {
                self.damaged = true;
                Value::Muted
            }
        }
    }

    fn refuse_logic(&mut self, word: &str, instead: &str, span: Span) -> Value {
        let message = format!("`{word}` joins conditions, not sets");
        self.report(Diagnostic::new(E0218, span, message).help(format!("in a set, write {instead}")));
        Value::Muted
    }

    fn term(&mut self, term: &Term, wanted: Option<Kind>) -> Value {
        let wanted = term.kind.map(|kind| kind.value).or(wanted);
        let value = match &term.atom {
            Atom::Name(name) => self.named(name, wanted),
            Atom::Any => Value::Any,
            Atom::BuiltIn(set) => Value::Set(TypedSet::leaf(types::built_in_kind(*set), EndTest::BuiltIn(*set))),
            Atom::Multicast(prefix) => self.multicast(prefix.value, prefix.span),
            Atom::Address(prefix) => Value::Set(TypedSet::leaf(Kind::Network, EndTest::Address(*prefix))),
            Atom::Mac(mac) => Value::Set(TypedSet::leaf(Kind::Mac, EndTest::Mac(*mac))),
            Atom::Port { switch, port } => match self.port(switch, port.value, term.span) {
                Some(place) => Value::Set(TypedSet::leaf(Kind::Location, EndTest::Location(place))),
                None => Value::Muted,
            },
            Atom::Service(service) => Value::Services(Terms::one(service.clone())),
            Atom::Dynamic(source) => self.dynamic(source, wanted, term.span),
            Atom::Number(_) => {
                let message = format!("a number stands for no set: `{}`", self.excerpt(term.span));
                self.report(Diagnostic::new(E0203, term.span, message));
                Value::Muted
            }
        };
        match term.kind {
            Some(_) if matches!(value, Value::Any) => {
                let message = format!("`any` is of no kind: `{}`", self.excerpt(term.span));
                let help = "write `any` for everybody, `authenticated` for any user, `registered` for any host";
                self.report(Diagnostic::new(E0203, term.span, message).help(help));
                Value::Muted
            }
            Some(kind) => self.of_kind(value, kind.value, term.span),
            None => value,
        }
    }

    /// The value if it is of this kind; else the mistake is reported.
    pub(super) fn of_kind(&mut self, value: Value, wanted: Kind, span: Span) -> Value {
        let actual = match &value {
            Value::Any | Value::Muted => return value,
            Value::Set(set) => set.kind,
            Value::Services(_) => Kind::Service,
        };
        if actual == wanted {
            return value;
        }
        self.report_kind(span, actual, types::one(wanted));
        Value::Muted
    }

    pub(super) fn report_kind(&mut self, span: Span, actual: Kind, wanted: &str) {
        let message = format!("{} where {wanted} is needed: `{}`", types::one(actual), self.excerpt(span));
        self.report(Diagnostic::new(E0203, span, message));
    }

    fn named(&mut self, name: &Ident, wanted: Option<Kind>) -> Value {
        if self.names.get(&name.text).is_none()
            && let Some(terms) = builtin::service(&name.text)
        {
            return Value::Services(Terms::of(terms.into()));
        }
        let Some(symbol) = self.lookup(name, wanted) else { return Value::Muted };
        match symbol {
            Symbol::Switch(id) => match self.policy.switches.get(id.index()) {
                Some(switch) => Value::Set(TypedSet::leaf(Kind::Switch, EndTest::Switch(switch.dpid))),
                None => Value::Muted,
            },
            Symbol::Location(place) => match self.policy.locations.get(place) {
                Some(location) => Value::Set(TypedSet::leaf(Kind::Location, EndTest::Location(location.at))),
                None => Value::Muted,
            },
            Symbol::Host(id) => Value::Set(TypedSet::leaf(Kind::Host, EndTest::Host(id))),
            Symbol::User(id) => Value::Set(TypedSet::leaf(Kind::User, EndTest::User(id))),
            Symbol::Gateway(id) => self.gateway_set(id),
            Symbol::Group(id) => match (self.policy.groups.get(id.index()), self.facts.get(id.index())) {
                (Some(group), Some(facts)) => Value::Set(TypedSet {
                    kind: group.kind,
                    set: SetExpr::Leaf(EndTest::Group(id)),
                    empty: facts.empty,
                    depth: facts.depth.saturating_add(1),
                }),
                _ => Value::Muted,
            },
            Symbol::Service(place) => {
                self.policy.services.get(place).map_or(Value::Muted, |service| Value::Services(Terms::of(service.terms.clone())))
            }
            Symbol::Middlebox(_) => {
                let message = format!("`{}` is a middlebox, which is no end of a flow", name.text);
                self.report(Diagnostic::new(E0203, name.span, message).help("name it in `via`"));
                Value::Muted
            }
            Symbol::Time(_) => {
                let message = format!("`{}` is a time, which is no end of a flow", name.text);
                self.report(Diagnostic::new(E0203, name.span, message).help(format!("write `when time in {}`", name.text)));
                Value::Muted
            }
            Symbol::Unresolved(_) | Symbol::Damaged => Value::Muted,
        }
    }

    /// A set whose members are known at run time. Directories and RADIUS tell of users; anything can be tagged.
    fn dynamic(&mut self, source: &DynamicSource, wanted: Option<Kind>, span: Span) -> Value {
        let users = matches!(source, DynamicSource::Directory(_) | DynamicSource::RadiusClass(_));
        let (DynamicSource::Directory(text) | DynamicSource::RadiusClass(text) | DynamicSource::Tagged(text)) = source;
        if text.trim().is_empty() {
            self.report(Diagnostic::new(E0207, span, "a dynamic set needs to be told by something: the string is empty"));
            return Value::Muted;
        }
        let kind = if users { Some(Kind::User) } else { wanted };
        match kind {
            Some(kind @ (Kind::User | Kind::Host)) => {
                let id = self.dynamic_group(kind, source, span);
                Value::Set(TypedSet::leaf(kind, EndTest::Group(id)))
            }
            _ => {
                let message = format!("`{}` does not say what is tagged", self.excerpt(span));
                self.report(Diagnostic::new(E0203, span, message).help("write `host tagged \"…\"` or `user tagged \"…\"`"));
                Value::Muted
            }
        }
    }

    /// One gateway: a gateway, at its port. No two are at one port.
    fn gateway_set(&self, id: crate::checked::GatewayId) -> Value {
        let Some(gateway) = self.policy.gateways.get(id.index()) else { return Value::Muted };
        let any_gateway = SetExpr::Leaf(EndTest::BuiltIn(BuiltIn::Gateway));
        let there = SetExpr::Leaf(EndTest::Location(gateway.at));
        let set = SetExpr::Intersection(Box::new(any_gateway), Box::new(there));
        Value::Set(TypedSet { kind: Kind::Host, set, empty: false, depth: 2 })
    }

    fn multicast(&mut self, prefix: Prefix, span: Span) -> Value {
        if !prefix.network().is_multicast() {
            let message = format!("no multicast group lies in {prefix}");
            let help = "multicast groups are 224.0.0.0/4 and ff00::/8";
            self.report(Diagnostic::new(E0207, span, message).help(help));
            return Value::Muted;
        }
        let groups = SetExpr::Leaf(EndTest::BuiltIn(BuiltIn::Multicast));
        let there = SetExpr::Leaf(EndTest::Address(prefix));
        let set = SetExpr::Intersection(Box::new(groups), Box::new(there));
        Value::Set(TypedSet { kind: Kind::Network, set, empty: false, depth: 2 })
    }

    fn braced(&mut self, kind: Option<Kind>, members: &[Expr], span: Span, wanted: Option<Kind>) -> Value {
        let mut value = match kind {
            Some(Kind::Service) => Value::Services(Terms::none()),
            Some(kind) => Value::Set(TypedSet::nobody(kind)),
            None if members.is_empty() => {
                self.report(Diagnostic::new(E0207, span, "a set without members and without a kind"));
                return Value::Muted;
            }
            None => Value::Muted,
        };
        let mut muted = false;
        for (place, member) in members.iter().enumerate() {
            let mut next = self.value(member, kind.or(wanted));
            if let Some(kind) = kind {
                next = self.of_kind(next, kind, member.span());
            }
            muted |= matches!(next, Value::Muted);
            value = match value {
                Value::Muted if kind.is_none() && place == 0 => next,
                value => self.combine(Operator::Union, value, next, member.span()),
            };
        }
        if muted { Value::Muted } else { self.shallow(value, span) }
    }

    fn combine(&mut self, op: Operator, left: Value, right: Value, span: Span) -> Value {
        let value = match (op, left, right) {
            (_, Value::Muted, _) | (_, _, Value::Muted) => return Value::Muted,
            (Operator::Union, Value::Any, _) | (Operator::Union, _, Value::Any) => Value::Any,
            (Operator::Intersection, Value::Any, other) | (Operator::Intersection, other, Value::Any) => other,
            (Operator::Difference, _, Value::Any) => {
                self.report(Diagnostic::new(E0207, span, "nothing is left when `any` is taken away"));
                Value::Muted
            }
            (Operator::Difference, Value::Any, Value::Set(right)) => {
                Value::Set(TypedSet::everybody(right.kind).difference(right, &self.policy.groups))
            }
            (Operator::Union, Value::Services(left), Value::Services(right)) => match self.joined(left, right, span) {
                Some(all) => Value::Services(all),
                None => Value::Muted,
            },
            (_, Value::Any | Value::Services(_), Value::Services(_)) => {
                let message = "services are joined with `|` only";
                self.report(Diagnostic::new(E0218, span, message).help("list the ports that are meant"));
                Value::Muted
            }
            (_, Value::Set(left), Value::Services(_)) => self.mixed(left.kind, Kind::Service, span),
            (_, Value::Services(_), Value::Set(right)) => self.mixed(Kind::Service, right.kind, span),
            (_, Value::Set(left), Value::Set(right)) if left.kind != right.kind => self.mixed(left.kind, right.kind, span),
            (Operator::Union, Value::Set(left), Value::Set(right)) => Value::Set(left.union(right)),
            (Operator::Intersection, Value::Set(left), Value::Set(right)) => {
                Value::Set(left.intersection(right, &self.policy.groups))
            }
            (Operator::Difference, Value::Set(left), Value::Set(right)) => {
                Value::Set(left.difference(right, &self.policy.groups))
            }
        };
        self.shallow(value, span)
    }

    fn mixed(&mut self, left: Kind, right: Kind, span: Span) -> Value {
        let excerpt = self.excerpt(span);
        let message = format!("`{excerpt}` is of {}, the set before it of {}", types::plural(right), types::plural(left));
        let (a, b) = (types::field_of(left, crate::flow::Side::Src), types::field_of(right, crate::flow::Side::Src));
        let help = format!("write two rules, or say which field each part is about: `when {a} in … or {b} in …`");
        self.report(Diagnostic::new(E0204, span, message).help(help));
        Value::Muted
    }

    /// The value, unless evaluating it would go too deep.
    fn shallow(&mut self, value: Value, span: Span) -> Value {
        match value {
            Value::Set(set) if set.depth > MAX_NESTING => {
                let excerpt = self.excerpt(span);
                self.report_nesting(span, &excerpt);
                Value::Muted
            }
            value => value,
        }
    }

    pub(super) fn report_nesting(&mut self, span: Span, what: &str) {
        let message = format!("`{what}` nests deeper than {MAX_NESTING} levels");
        let help = "list the members of the inner ones directly";
        self.report(Diagnostic::new(E0206, span, message).help(help));
    }

    /// The traffic that services stand for together; nothing if one of them is unknown.
    pub(super) fn services(&mut self, services: &[ServiceRef]) -> Option<Terms> {
        let mut all = Some(Terms::none());
        for service in services {
            let terms = match service {
                ServiceRef::Term(term) => Some(Terms::one(term.value.clone())),
                ServiceRef::Name(name) => {
                    let value = self.named(name, Some(Kind::Service));
                    match self.of_kind(value, Kind::Service, name.span) {
                        Value::Services(terms) => Some(terms),
                        Value::Any | Value::Set(_) | Value::Muted => None,
                    }
                }
                ServiceRef::Error(_) => {
                    self.damaged = true;
                    None
                }
            };
            all = all.zip(terms).and_then(|(all, terms)| self.joined(all, terms, service.span()));
        }
        all
    }

    /// Both together; nothing if that would be too much, which is reported.
    fn joined(&mut self, left: Terms, right: Terms, span: Span) -> Option<Terms> {
        // One that is joined with nothing is shared.
        if !left.list().is_empty() {
            self.joined_terms = self.joined_terms.saturating_add(right.list().len());
            if !self.room_for(Counted::JoinedTerms, self.joined_terms, span) {
                return None;
            }
        }
        Some(left.join(right))
    }

    /// The text at a place, with its brackets, on one line and not too long.
    pub(super) fn excerpt(&self, span: Span) -> String {
        let mut words = String::new();
        let span = brackets::closed(&self.policy.sources, span);
        for word in self.policy.sources.text(span).split_whitespace() {
            words.push_str(if words.is_empty() { "" } else { " " });
            words.push_str(word);
            if words.len() > 4 * MAX_EXCERPT {
                break;
            }
        }
        if let Some((cut, _)) = words.char_indices().nth(MAX_EXCERPT) {
            words.truncate(cut);
            words.push('…');
        }
        words
    }
}
