//! What the grammar's actions call: literals become values, and what is wrong with them becomes findings.
//! Knows nothing of the order of tokens.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use lalrpop_util::ErrorRecovery;
use net::{Dpid, Field, Fingerprint, MacAddr, Prefix, VlanId};

use super::{Failure, MAX_MISTAKES};
use crate::ast::{
    Atom, ClauseKind, CompareOp, Cond, CondField, ErrorItem, Expr, FieldTest, HostMember, Ident, Item, LocationDecl, LocationRef,
    NetworkDecl, PortList, ServiceRef, SetOp, Spanned, SwitchMember, Term, VerdictWord,
};
use crate::builtin::{self, SetMeaning};
use crate::checked::{Kind, ServiceTerm};
use crate::codes::syntax;
use crate::diag::{Diagnostic, Findings};
use crate::keyword;
use crate::lexer::{Tok, span};
use crate::literal::{self, LiteralError};
use crate::source::{SourceId, Span, shown};

mod flows;
mod statements;

pub(crate) use statements::SectionPart;

/// The text being parsed and what was found wrong with it.
#[derive(Debug)]
pub(crate) struct Build<'t> {
    /// Which text.
    pub(super) source: SourceId,
    /// The text.
    pub(super) text: &'t str,
    /// What is wrong so far.
    pub(super) diagnostics: Findings,
    /// Mistakes that lines of blocks recovered from.
    pub(super) failures: Vec<Failure>,
}

/// The joiners of lists that are one expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Group {
    /// `or`
    Or,
    /// `and`
    And,
    /// `&`
    Intersection,
}

impl<'t> Build<'t> {
    pub(super) fn new(source: SourceId, text: &'t str, diagnostics: Findings) -> Self {
        Build { source, text, diagnostics, failures: Vec::new() }
    }

    pub(crate) fn span(&self, l: usize, r: usize) -> Span {
        span(self.source, l, r.max(l))
    }

    fn slice(&self, l: usize, r: usize) -> &'t str {
        self.text.get(l..r).unwrap_or("")
    }

    /// A name as it is seen: what hides in it has been reported.
    pub(crate) fn ident(&self, l: usize, r: usize) -> Ident {
        Ident { text: Arc::from(shown(self.slice(l, r))), span: self.span(l, r) }
    }

    /// A name, which starts with a letter.
    pub(crate) fn name(&mut self, l: usize, r: usize) -> Ident {
        let name = self.ident(l, r);
        if name.text.starts_with(|first: char| first.is_ascii_digit() || first == '_') {
            let message = format!("names start with a letter, and `{}` does not", name.text);
            self.diagnostics.push(Diagnostic::new(syntax::E0107, name.span, message));
        }
        name
    }

    /// The string between the quotes, with `\"` and `\\` read.
    pub(crate) fn string(&self, l: usize, r: usize) -> Spanned<Arc<str>> {
        let quoted = self.slice(l, r);
        let inner = quoted.strip_prefix('"').unwrap_or(quoted);
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        let mut text = String::with_capacity(inner.len());
        let mut escaped = false;
        for c in inner.chars() {
            escaped = c == '\\' && !escaped;
            if !escaped {
                text.push(c);
            }
        }
        Spanned { value: Arc::from(text), span: self.span(l, r) }
    }

    pub(crate) fn recovered(&mut self, error: ErrorRecovery<usize, Tok, ()>) {
        // One statement can hold all of a file; what is said of the first ones is enough.
        if self.failures.len() < MAX_MISTAKES {
            self.failures.push(error.error);
        }
    }

    /// `vlan 5` puts packets into a VLAN; any other field in the place of a clause belongs to `when`.
    pub(crate) fn field_clause(&mut self, l: usize, r: usize, number: Option<(usize, usize)>) -> ClauseKind {
        let word = self.slice(l, r);
        if let ("vlan", Some((from, to))) = (word, number) {
            let span = self.span(from, to);
            let id = self.number(from, to).map(|number| number.value.into_inner());
            let id = match id {
                None => return ClauseKind::Error,
                Some((first, last)) if first == last => u16::try_from(first).ok().and_then(VlanId::new),
                Some(_) => None,
            };
            return match id.filter(|id| id.get() != 0) {
                Some(value) => ClauseKind::Vlan(Spanned { value, span }),
                None => {
                    let message = format!("`{}` is no VLAN: 1 to 4094", self.slice(from, to));
                    self.diagnostics.push(Diagnostic::new(syntax::E0123, span, message));
                    ClauseKind::Error
                }
            };
        }
        let found = Diagnostic::new(syntax::E0101, self.span(l, r), format!("a condition on `{word}` stands behind `when`"))
            .help(format!("write `when {word} …`"));
        self.diagnostics.push(found);
        ClauseKind::Error
    }

    /// Reads the literal between `l` and `r`; reports it if it has no value.
    fn read<T>(&mut self, l: usize, r: usize, read: impl FnOnce(&'t str) -> Result<T, LiteralError>) -> Option<Spanned<T>> {
        let span = self.span(l, r);
        match read(self.slice(l, r)) {
            Ok(value) => Some(Spanned { value, span }),
            Err(error) => {
                self.refuse(span, error);
                None
            }
        }
    }

    fn refuse(&mut self, span: Span, error: LiteralError) {
        self.diagnostics.push(Diagnostic::new(error.code, span, error.message).maybe_help(error.help));
    }

    pub(crate) fn mac(&mut self, l: usize, r: usize) -> Option<Spanned<MacAddr>> {
        self.read(l, r, literal::mac)
    }

    pub(crate) fn any_mac(&mut self, l: usize, r: usize) -> Option<Spanned<MacAddr>> {
        self.read(l, r, literal::any_mac)
    }

    pub(crate) fn prefix(&mut self, l: usize, r: usize) -> Option<Spanned<Prefix>> {
        self.read(l, r, literal::prefix)
    }

    pub(crate) fn address(&mut self, l: usize, r: usize) -> Option<Spanned<IpAddr>> {
        self.read(l, r, literal::address)
    }

    pub(crate) fn dpid(&mut self, l: usize, r: usize) -> Option<Spanned<Dpid>> {
        self.read(l, r, literal::dpid)
    }

    pub(crate) fn number(&mut self, l: usize, r: usize) -> Option<Spanned<RangeInclusive<u64>>> {
        self.read(l, r, literal::range)
    }

    pub(crate) fn switch_ports(&mut self, l: usize, r: usize) -> Option<Spanned<RangeInclusive<u32>>> {
        self.read(l, r, literal::switch_ports)
    }

    pub(crate) fn service(&mut self, l: usize, r: usize) -> Option<Spanned<ServiceTerm>> {
        self.read(l, r, literal::service)
    }

    pub(crate) fn service_ref(&mut self, l: usize, r: usize) -> ServiceRef {
        let span = self.span(l, r);
        self.service(l, r).map_or(ServiceRef::Error(span), ServiceRef::Term)
    }

    pub(crate) fn location(&mut self, l: usize, r: usize) -> Option<LocationRef> {
        let read = self.read(l, r, literal::location)?;
        let (switch, port) = read.value;
        let colon = l + switch.len();
        let switch = self.ident(l, colon);
        Some(LocationRef::Port { switch, port: Spanned { value: port, span: self.span(colon + 1, r) }, span: read.span })
    }

    pub(crate) fn port_atom(&mut self, l: usize, r: usize) -> Option<Atom> {
        if flows::is_moment(self.slice(l, r)) {
            self.stray_moment(l, r);
            return None;
        }
        match self.location(l, r)? {
            LocationRef::Port { switch, port, .. } => Some(Atom::Port { switch, port }),
            LocationRef::Name(name) => Some(Atom::Name(name)),
        }
    }

    pub(crate) fn built_in(&self, l: usize, r: usize) -> Option<Atom> {
        builtin::set(self.slice(l, r)).map(|meaning| match meaning {
            SetMeaning::Any => Atom::Any,
            SetMeaning::Set(set) => Atom::BuiltIn(set),
        })
    }

    pub(crate) fn term(&self, kind: Option<Spanned<Kind>>, atom: Option<Atom>, l: usize, r: usize) -> Expr {
        let span = self.span(l, r);
        atom.map_or(Expr::Error(span), |atom| Expr::Term(Term { kind, atom, span }))
    }

    pub(crate) fn multicast(&self, prefix: Option<Spanned<Prefix>>, l: usize, r: usize) -> Expr {
        self.term(None, prefix.map(Atom::Multicast), l, r)
    }

    pub(crate) fn chain(&self, first: Expr, rest: Vec<(Spanned<SetOp>, Expr)>) -> Expr {
        if rest.is_empty() { first } else { Expr::Chain { first: Box::new(first), rest } }
    }

    /// The one element of a list, or all of them joined.
    pub(crate) fn group(&self, group: Group, mut list: Vec<Expr>) -> Expr {
        match (list.len(), group) {
            (1, _) => list.swap_remove(0),
            (_, Group::Or) => Expr::Or(list),
            (_, Group::And) => Expr::And(list),
            (_, Group::Intersection) => Expr::Intersection(list),
        }
    }

    /// The one condition of a list, or all of them joined.
    pub(crate) fn cond_group(&self, group: Group, mut list: Vec<Cond>) -> Cond {
        match (list.len(), group) {
            (1, _) => list.swap_remove(0),
            (_, Group::Or) => Cond::Or(list),
            (_, Group::And | Group::Intersection) => Cond::And(list),
        }
    }

    pub(crate) fn field_test(
        &mut self,
        (from, end): (usize, usize),
        op: Spanned<CompareOp>,
        value: Expr,
        l: usize,
        r: usize,
    ) -> Cond {
        let span = self.span(l, r);
        let word = self.slice(from, end);
        let Some(field) = keyword::field(word) else { return Cond::Error(span) };
        if let CondField::Header(header) = field
            && !self.within_limits(word, header, &value)
        {
            return Cond::Error(span);
        }
        Cond::Test(FieldTest { field: Spanned { value: field, span: self.span(from, end) }, op, value, span })
    }

    /// False, and reported, if a number in the value exceeds what the field can hold.
    fn within_limits(&mut self, word: &str, field: Field, value: &Expr) -> bool {
        let before = self.diagnostics.total();
        let mut open = vec![value];
        while let Some(expr) = open.pop() {
            match expr {
                Expr::Term(Term { atom: Atom::Number(range), span, .. }) => {
                    if let Err(error) = literal::check_limits(word, field, range) {
                        self.refuse(*span, error);
                    }
                }
                Expr::Braced { members: parts, .. } | Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => {
                    open.extend(parts);
                }
                Expr::Chain { first, rest } => {
                    open.push(first);
                    open.extend(rest.iter().map(|(_, part)| part));
                }
                Expr::Not(inner, _) => open.push(inner),
                Expr::Term(_) | Expr::Error(_) => {}
            }
        }
        self.diagnostics.total() == before
    }

    pub(crate) fn location_decl(&self, name: Ident, at: Option<LocationRef>, l: usize, r: usize) -> Item {
        let span = self.span(l, r);
        match at {
            Some(at) => Item::Location(LocationDecl { name, at, span }),
            None => Item::Error(ErrorItem { span, name: Some(name) }),
        }
    }

    pub(crate) fn network_decl(&self, name: Ident, list: Vec<Option<Spanned<Prefix>>>, l: usize, r: usize) -> Item {
        let damaged = list.iter().any(Option::is_none);
        Item::Network(NetworkDecl { name, prefixes: list.into_iter().flatten().collect(), damaged, span: self.span(l, r) })
    }

    pub(crate) fn port_list(&self, list: Vec<Option<Spanned<RangeInclusive<u32>>>>, l: usize, r: usize) -> Option<PortList> {
        let ranges: Option<Vec<_>> = list.into_iter().collect();
        ranges.map(|ranges| PortList { ranges, span: self.span(l, r) })
    }

    /// `certificate "sha256:…";`
    pub(crate) fn certificate(&mut self, text: &Spanned<Arc<str>>, l: usize, r: usize) -> SwitchMember {
        let span = self.span(l, r);
        match text.value.parse::<Fingerprint>() {
            Ok(value) => SwitchMember::Certificate(Spanned { value, span: text.span }, span),
            Err(_) => {
                let message = format!("`{}` is no fingerprint of a certificate", text.value);
                let help = "write `sha256:` and 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` has them";
                self.diagnostics.push(Diagnostic::new(syntax::E0128, text.span, message).help(help));
                SwitchMember::Error(span)
            }
        }
    }

    pub(crate) fn macs(&self, list: Vec<Option<Spanned<MacAddr>>>, l: usize, r: usize) -> HostMember {
        let span = self.span(l, r);
        let macs: Option<Vec<_>> = list.into_iter().collect();
        macs.map_or(HostMember::Error(span), |macs| HostMember::Mac(macs, span))
    }

    pub(crate) fn addresses(&self, list: Vec<Option<Spanned<IpAddr>>>, l: usize, r: usize) -> HostMember {
        let span = self.span(l, r);
        let addresses: Option<Vec<_>> = list.into_iter().collect();
        addresses.map_or(HostMember::Error(span), |addresses| HostMember::Ip(addresses, span))
    }

    /// A verdict for every flow: `outbound-only` and `pass` are none, and are reported.
    pub(crate) fn outcome(&mut self, verdict: Spanned<VerdictWord>) -> Option<Spanned<VerdictWord>> {
        match verdict.value {
            VerdictWord::Allow | VerdictWord::Deny | VerdictWord::Reject | VerdictWord::Redirect => Some(verdict),
            VerdictWord::OutboundOnly | VerdictWord::Pass => {
                let message = format!("`{}` is no verdict for one flow", self.slice_of(verdict.span));
                let found = Diagnostic::new(syntax::E0117, verdict.span, message)
                    .help("write `allow`, `deny`, `reject` or `redirect portal`");
                self.diagnostics.push(found);
                None
            }
        }
    }

    fn slice_of(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or("")
    }
}
