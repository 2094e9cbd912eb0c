//! Conditions: over one end, as `from`, `to` and `at` have them, and over any field, as `when` has them.
//! Knows nothing of verdicts.

use std::ops::RangeInclusive;

use net::{EtherType, Field, IpProto};

use crate::ast::{self, Atom, CompareOp, CondField, Expr, FieldTest, SetOp};
use crate::builtin;
use crate::checked::{Aspect, Cond, EndTest, HeaderTest, Kind, ServiceTerm};
use crate::codes::names::{E0203, E0207, E0217, E0218};
use crate::diag::Diagnostic;
use crate::flow::Side;
use crate::source::Span;
use crate::suggest::{self, Candidate};
use crate::types::{self, Terms, Value};

use super::Checker;
use super::limits::Counted;

const ETHER_TYPE: &str = "an Ethernet type";

/// What a place of the language takes: one of these kinds, and what to call it in messages. No kinds: any but services.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    kinds: &'static [Kind],
    word: &'static str,
}

impl Wanted {
    pub(super) const END: Wanted = Wanted { kinds: &[], word: "an end of a flow" };
    pub(super) const PLACE: Wanted = Wanted { kinds: &[Kind::Location, Kind::Switch], word: "a location or a switch" };
    const USER: Wanted = Wanted { kinds: &[Kind::User], word: "a user" };
    const HOST: Wanted = Wanted { kinds: &[Kind::Host], word: "a host" };
    const MAC: Wanted = Wanted { kinds: &[Kind::Mac], word: "a MAC address" };
    const NETWORK: Wanted = Wanted { kinds: &[Kind::Network], word: "an address or network" };

    fn accepts(self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl Checker {
    /// The condition that an expression puts on one end; nothing if it is damaged.
    pub(super) fn end_cond(&mut self, expr: &Expr, side: Side, wanted: Wanted) -> Option<Cond> {
        match expr {
            Expr::And(parts) => {
                let parts = self.end_conds(parts, side, wanted)?;
                Some(types::all(parts))
            }
            Expr::Or(parts) => Some(Cond::Any(self.end_conds(parts, side, wanted)?)),
            Expr::Not(inner, span) => {
                let cond = self.end_cond(inner, side, wanted)?;
                if cond == Cond::All(Vec::new()) {
                    self.report(Diagnostic::new(E0207, *span, "`not any` is nobody"));
                    return None;
                }
                Some(Cond::Not(Box::new(cond)))
            }
            Expr::Term(_) | Expr::Braced { .. } | Expr::Chain { .. } | Expr::Intersection(_) | Expr::Error(_) => {
                let value = self.value(expr, wanted.kinds.first().copied());
                self.set_cond(value, side, wanted, expr.span())
            }
        }
    }

    /// All of them, or nothing; all mistakes are found.
    fn end_conds(&mut self, parts: &[Expr], side: Side, wanted: Wanted) -> Option<Vec<Cond>> {
        let conds: Vec<Option<Cond>> = parts.iter().map(|part| self.end_cond(part, side, wanted)).collect();
        conds.into_iter().collect()
    }

    fn set_cond(&mut self, value: Value, side: Side, wanted: Wanted, span: Span) -> Option<Cond> {
        match value {
            Value::Any => Some(Cond::All(Vec::new())),
            Value::Muted => None,
            Value::Services(_) => {
                let message = format!("a service where {} is needed: `{}`", wanted.word, self.excerpt(span));
                self.report(Diagnostic::new(E0203, span, message).help("services stand behind `for`"));
                None
            }
            Value::Set(set) if !wanted.accepts(set.kind) => {
                let message = format!("{} where {} is needed: `{}`", types::one(set.kind), wanted.word, self.excerpt(span));
                let help = format!("`when {} in …` tests {}", types::field_of(set.kind, side), types::plural(set.kind));
                self.report(Diagnostic::new(E0203, span, message).help(help));
                None
            }
            Value::Set(set) if set.empty => {
                let message = format!("`{}` has no members", self.excerpt(span));
                let help = "give it a member, take this out, or write `any` where everybody is meant";
                self.report(Diagnostic::new(E0207, span, message).help(help));
                None
            }
            Value::Set(set) => Some(types::member_cond(side, &set.set)),
        }
    }

    /// The condition of a `when`; nothing if it is damaged.
    pub(super) fn when(&mut self, cond: &ast::Cond) -> Option<Cond> {
        match cond {
            ast::Cond::And(parts) => self.whens(parts).map(types::all),
            ast::Cond::Or(parts) => self.whens(parts).map(Cond::Any),
            ast::Cond::Not(inner, _) => Some(Cond::Not(Box::new(self.when(inner)?))),
            ast::Cond::Test(test) => self.field_test(test),
            ast::Cond::Time { op, time, .. } => self.time_cond(*op, time),
            ast::Cond::From(expr, _) => self.end_cond(expr, Side::Src, Wanted::END),
            ast::Cond::To(expr, _) => self.end_cond(expr, Side::Dst, Wanted::END),
            ast::Cond::At(expr, _) => self.end_cond(expr, Side::Src, Wanted::PLACE),
            ast::Cond::For(services, span) => {
                let terms = self.services(services)?;
                self.service_cond(terms, *span)
            }
            ast::Cond::Error(_) => {
                self.damaged = true;
                None
            }
        }
    }

    fn whens(&mut self, parts: &[ast::Cond]) -> Option<Vec<Cond>> {
        let conds: Vec<Option<Cond>> = parts.iter().map(|part| self.when(part)).collect();
        conds.into_iter().collect()
    }

    fn field_test(&mut self, test: &FieldTest) -> Option<Cond> {
        let cond = match test.field.value {
            CondField::User(side) => self.end_cond(&test.value, side, Wanted::USER),
            CondField::Host(side) => self.end_cond(&test.value, side, Wanted::HOST),
            CondField::AccessPoint(side) => self.end_cond(&test.value, side, Wanted::PLACE),
            CondField::Header(field) => self.header_test(field, &test.value),
        }?;
        match test.op.value {
            CompareOp::Equal | CompareOp::In => Some(cond),
            CompareOp::NotEqual | CompareOp::NotIn if cond == Cond::All(Vec::new()) => {
                self.report(Diagnostic::new(E0207, test.span, "nothing is outside `any`"));
                None
            }
            CompareOp::NotEqual | CompareOp::NotIn => {
                let differs = Cond::Not(Box::new(cond));
                Some(match presence(test.field.value) {
                    Some(present) => types::all(vec![present, differs]),
                    None => differs,
                })
            }
        }
    }

    fn header_test(&mut self, field: Field, value: &Expr) -> Option<Cond> {
        match field {
            Field::DlSrc => self.end_cond(value, Side::Src, Wanted::MAC),
            Field::DlDst => self.end_cond(value, Side::Dst, Wanted::MAC),
            Field::NwSrc => self.end_cond(value, Side::Src, Wanted::NETWORK),
            Field::NwDst => self.end_cond(value, Side::Dst, Wanted::NETWORK),
            Field::Protocol => self.protocol(value),
            Field::DlType => {
                let types = self.numbers(value, ETHER_TYPE, &(0x0600..=0xffff))?;
                let tests = types.into_iter().map(|(range, span)| self.ether_type(&range, span)).collect::<Vec<_>>();
                tests.into_iter().collect::<Option<Vec<_>>>().map(any_header)
            }
            Field::Vlan => self.ranges(value, "a VLAN", 1..=4094_u16, HeaderTest::Vlan),
            Field::Pcp => self.ranges(value, "a VLAN priority", 0..=7_u8, HeaderTest::Pcp),
            Field::Dscp => self.ranges(value, "a DSCP", 0..=63_u8, HeaderTest::Dscp),
            Field::TpSrc => self.ranges(value, "a port", 0..=u16::MAX, HeaderTest::TpSrc),
            Field::TpDst => self.ranges(value, "a port", 0..=u16::MAX, HeaderTest::TpDst),
            Field::IcmpType => self.ranges(value, "an ICMP type", 0..=u8::MAX, HeaderTest::IcmpType),
            Field::IcmpCode => self.ranges(value, "an ICMP code", 0..=u8::MAX, HeaderTest::IcmpCode),
            Field::InPort => {
                self.report(Diagnostic::new(E0203, value.span(), "the port a packet came in on is tested with `apsrc`"));
                None
            }
        }
    }

    fn ether_type(&mut self, range: &RangeInclusive<u64>, span: Span) -> Option<HeaderTest> {
        match u16::try_from(*range.start()) {
            Ok(value) if range.start() == range.end() => Some(HeaderTest::DlType(EtherType(value))),
            _ => {
                self.report(Diagnostic::new(E0217, span, "Ethernet types are compared one by one, not as a range"));
                None
            }
        }
    }

    /// A test of numbers within the limits of their field.
    fn ranges<T>(
        &mut self,
        value: &Expr,
        what: &str,
        limits: RangeInclusive<T>,
        test: fn(RangeInclusive<T>) -> HeaderTest,
    ) -> Option<Cond>
    where
        T: Copy + Into<u64> + TryFrom<u64>,
    {
        let limits = (*limits.start()).into()..=(*limits.end()).into();
        let ranges = self.numbers(value, what, &limits)?;
        let narrow = |range: RangeInclusive<u64>| Some(T::try_from(*range.start()).ok()?..=T::try_from(*range.end()).ok()?);
        ranges.into_iter().map(|(range, _)| narrow(range).map(test)).collect::<Option<Vec<_>>>().map(any_header)
    }

    /// The numbers that an expression lists, each within the limits.
    fn numbers(&mut self, expr: &Expr, what: &str, limits: &RangeInclusive<u64>) -> Option<Vec<(RangeInclusive<u64>, Span)>> {
        match expr {
            Expr::Term(term) => match &term.atom {
                Atom::Number(range) => {
                    if limits.contains(range.start()) && limits.contains(range.end()) {
                        return Some(vec![(range.clone(), term.span)]);
                    }
                    let (low, high) = (limits.start(), limits.end());
                    let message = format!("`{}` is not {what}: {low} to {high}", self.excerpt(term.span));
                    self.report(Diagnostic::new(E0217, term.span, message));
                    None
                }
                Atom::Name(name)
                    if builtin::ether_type(&name.text).is_some() && limits.contains(&0x0800) && *limits.start() > 0 =>
                {
                    builtin::ether_type(&name.text).map(|found| vec![(found.0.into()..=found.0.into(), term.span)])
                }
                _ => self.not_numbers(term.span, what),
            },
            Expr::Braced { kind: None, members, span } => {
                if members.is_empty() {
                    self.report(Diagnostic::new(E0207, *span, "a comparison with nothing"));
                    return None;
                }
                let all: Vec<Option<_>> = members.iter().map(|member| self.numbers(member, what, limits)).collect();
                all.into_iter().collect::<Option<Vec<_>>>().map(|lists| lists.concat())
            }
            Expr::Chain { first, rest } if rest.iter().all(|(op, _)| op.value == SetOp::Union) => {
                let mut all = vec![self.numbers(first, what, limits)];
                all.extend(rest.iter().map(|(_, operand)| self.numbers(operand, what, limits)).collect::<Vec<_>>());
                all.into_iter().collect::<Option<Vec<_>>>().map(|lists| lists.concat())
            }
            Expr::Error(_) => {
                self.damaged = true;
                None
            }
            Expr::Braced { kind: Some(_), .. }
            | Expr::Chain { .. }
            | Expr::Intersection(_)
            | Expr::Not(..)
            | Expr::And(_)
            | Expr::Or(_) => self.not_numbers(expr.span(), what),
        }
    }

    fn not_numbers<T>(&mut self, span: Span, what: &str) -> Option<T> {
        let message = format!("`{}` is not {what}: a number or a range is needed", self.excerpt(span));
        let names = builtin::ETHER_TYPES.iter().filter(|_| what == ETHER_TYPE).map(|(name, _)| Candidate { name, kind: None });
        let near = suggest::nearest(&self.excerpt(span), None, names);
        self.report(Diagnostic::new(E0203, span, message).maybe_help(suggest::did_you_mean(&near)));
        None
    }

    /// `protocol = ssh`, `protocol in { tcp, web }`, `protocol = 89`, `protocol in web - tcp/443`.
    fn protocol(&mut self, expr: &Expr) -> Option<Cond> {
        match expr {
            Expr::Term(term) if matches!(term.atom, Atom::Number(_)) => {
                let mut terms = Vec::new();
                for (range, _) in self.numbers(expr, "an IP protocol", &(0..=255))? {
                    terms.extend(
                        range.filter_map(|value| u8::try_from(value).ok()).map(|value| ServiceTerm::Protocol(IpProto(value))),
                    );
                }
                self.joined_terms = self.joined_terms.saturating_add(terms.len());
                if !self.room_for(Counted::JoinedTerms, self.joined_terms, expr.span()) {
                    return None;
                }
                Some(Cond::Header(HeaderTest::Service(terms.into())))
            }
            Expr::Chain { first, rest } => {
                if !self.few_operands(rest.len(), expr.span()) {
                    return None;
                }
                let mut cond = self.protocol(first);
                for (op, operand) in rest {
                    let right = self.protocol(operand);
                    cond = cond.zip(right).map(|(left, right)| match op.value {
                        SetOp::Union => Cond::Any(vec![left, right]),
                        SetOp::Difference => types::all(vec![left, Cond::Not(Box::new(right))]),
                    });
                }
                cond
            }
            Expr::Intersection(parts) => {
                let parts: Vec<Option<Cond>> = parts.iter().map(|part| self.protocol(part)).collect();
                parts.into_iter().collect::<Option<Vec<_>>>().map(types::all)
            }
            Expr::Braced { kind: None | Some(ast::Spanned { value: Kind::Service, .. }), members, .. } if !members.is_empty() => {
                let parts: Vec<Option<Cond>> = members.iter().map(|member| self.protocol(member)).collect();
                parts.into_iter().collect::<Option<Vec<_>>>().map(Cond::Any)
            }
            Expr::And(_) | Expr::Or(_) | Expr::Not(..) => {
                self.report(Diagnostic::new(E0218, expr.span(), "compare the field in each part of the condition"));
                None
            }
            Expr::Term(_) | Expr::Braced { .. } | Expr::Error(_) => {
                let value = self.value(expr, Some(Kind::Service));
                match self.of_kind(value, Kind::Service, expr.span()) {
                    Value::Any => Some(Cond::All(Vec::new())),
                    Value::Set(_) | Value::Muted => None,
                    Value::Services(terms) => self.service_cond(terms, expr.span()),
                }
            }
        }
    }

    /// The condition that a packet is traffic of one of these sorts.
    pub(super) fn service_cond(&mut self, terms: Terms, span: Span) -> Option<Cond> {
        if terms.list().is_empty() {
            let message = format!("`{}` has no members", self.excerpt(span));
            self.report(Diagnostic::new(E0207, span, message));
            return None;
        }
        Some(Cond::Header(HeaderTest::Service(terms.shared())))
    }

    /// A chain nests as deep as it is long, and evaluation follows it.
    fn few_operands(&mut self, count: usize, span: Span) -> bool {
        let few = u32::try_from(count).is_ok_and(|count| count < types::MAX_NESTING);
        if !few {
            let excerpt = self.excerpt(span);
            self.report_nesting(span, &excerpt);
        }
        few
    }
}

/// That the field has a value: a comparison with what is absent fails, `!=` and `not in` included. Nothing for users, where nobody
/// is a value, and for hosts, where one that is not declared is a host.
fn presence(field: CondField) -> Option<Cond> {
    let known = |side, aspect| Some(Cond::End(side, EndTest::Known(aspect)));
    match field {
        CondField::User(_) | CondField::Host(_) => None,
        CondField::AccessPoint(side) => known(side, Aspect::Location),
        CondField::Header(Field::DlSrc) => known(Side::Src, Aspect::Mac),
        CondField::Header(Field::DlDst) => known(Side::Dst, Aspect::Mac),
        CondField::Header(Field::NwSrc) => known(Side::Src, Aspect::Address),
        CondField::Header(Field::NwDst) => known(Side::Dst, Aspect::Address),
        CondField::Header(field) => Some(Cond::Header(HeaderTest::Present(field))),
    }
}

fn any_header(mut tests: Vec<HeaderTest>) -> Cond {
    match tests.pop() {
        Some(only) if tests.is_empty() => Cond::Header(only),
        Some(last) => {
            tests.push(last);
            Cond::Any(tests.into_iter().map(Cond::Header).collect())
        }
        None => Cond::Any(Vec::new()),
    }
}
