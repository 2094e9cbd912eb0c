//! Flows: ends, service, headers, time, and what is said where one of their words is misspelt. Knows nothing of statements.

use net::Field;

use super::super::expected::unknown_word;
use super::Build;
use crate::ast::{Atom, CondField, EndTerm, FlowSpec, HeaderTerm, ServiceRef, Spanned, Term};
use crate::builtin;
use crate::calendar::Moment;
use crate::checked::Kind;
use crate::codes::syntax;
use crate::diag::Diagnostic;
use crate::keyword;
use crate::literal::{self, when};
use crate::source::Span;
use crate::suggest::{self, Candidate};

impl Build<'_> {
    pub(crate) fn header_term(&mut self, (l, end): (usize, usize), (from, to): (usize, usize)) -> Option<HeaderTerm> {
        let word = self.slice(l, end);
        let span = self.span(l, end);
        let (Some(CondField::Header(field)), Some(limits)) =
            (keyword::field(word), keyword::field(word).and_then(header_of).and_then(literal::limits))
        else {
            let message = format!("`{word}` is said of a flow by its ends or its service");
            self.diagnostics.push(Diagnostic::new(syntax::E0101, span, message));
            return None;
        };
        let text = self.slice(from, to);
        if let (Field::DlType, Some(dl_type)) = (field, builtin::ether_type(text)) {
            return Some(HeaderTerm { field: Spanned { value: field, span }, value: u64::from(dl_type.0) });
        }
        let range = self.number(from, to)?.value;
        if range.start() != range.end() || !limits.contains(range.start()) {
            let message = format!("`{text}` is no value of `{word}`: one number from {} to {}", limits.start(), limits.end());
            self.diagnostics.push(Diagnostic::new(syntax::E0123, self.span(from, to), message));
            return None;
        }
        Some(HeaderTerm { field: Spanned { value: field, span }, value: *range.start() })
    }

    pub(crate) fn flow_term(&self, kind: Option<Spanned<Kind>>, atom: Option<Atom>, l: usize, r: usize) -> Option<Term> {
        atom.map(|atom| Term { kind, atom, span: self.span(l, r) })
    }

    pub(crate) fn end_term(&self, of: Option<Term>, groups: Vec<Option<Term>>, l: usize, r: usize) -> Option<EndTerm> {
        let groups: Vec<Term> = groups.into_iter().collect::<Option<_>>()?;
        let of = of?;
        Some(if groups.is_empty() { EndTerm::Term(of) } else { EndTerm::Member { of, groups, span: self.span(l, r) } })
    }

    /// A flow; nothing if a part of it could not be read, which has been reported.
    pub(crate) fn flow(
        &mut self,
        src: Vec<Option<EndTerm>>,
        dst: Vec<Option<EndTerm>>,
        headers: Vec<Option<HeaderTerm>>,
        time: Option<Vec<(usize, usize)>>,
        l: usize,
        r: usize,
    ) -> Option<FlowSpec> {
        let src: Vec<EndTerm> = src.into_iter().collect::<Option<_>>()?;
        let mut dst: Vec<EndTerm> = dst.into_iter().collect::<Option<_>>()?;
        let headers: Vec<HeaderTerm> = headers.into_iter().collect::<Option<_>>()?;
        let time = match time {
            None => None,
            Some(places) => Some(self.moment(&places)?),
        };
        if let Some((span, near)) = misspelt_behind_service(&dst) {
            self.diagnostics.push(unknown_word(span, self.slice_of(span), &near));
            return None;
        }
        let service = split_service(&mut dst);
        let mut sound = true;
        for misplaced in src.iter().chain(&dst).filter(|term| is_service(term)) {
            let message =
                format!("the service `{}` stands behind the responder, at the end of the flow", self.slice_of(misplaced.span()));
            self.diagnostics.push(Diagnostic::new(syntax::E0101, misplaced.span(), message));
            sound = false;
        }
        if dst.is_empty() {
            let place = service.as_ref().map_or(self.span(r, r), ServiceRef::span);
            let found = Diagnostic::new(syntax::E0101, place, "the flow names no responder")
                .help("write who is spoken to before the service: `-> internet tcp/80`");
            self.diagnostics.push(found);
            sound = false;
        }
        sound.then(|| FlowSpec { src, dst, service, headers, time, span: self.span(l, r) })
    }

    /// Reports a moment in the place of an end: the word before it is probably a misspelt `time`.
    pub(super) fn stray_moment(&mut self, l: usize, r: usize) {
        let mut end = l;
        for _ in 0..2 {
            let before = self.slice(0, end).trim_end();
            let word = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).next().unwrap_or("");
            let (from, to) = (before.len() - word.len(), before.len());
            let near = near(word, ["time"].into_iter());
            if !near.is_empty() {
                self.diagnostics.push(unknown_word(self.span(from, to), word, &near));
                return;
            }
            end = from;
        }
        let message = format!("`{}` is a time, and no place", self.slice(l, r));
        let found = Diagnostic::new(syntax::E0126, self.span(l, r), message);
        self.diagnostics.push(found.help("in a flow `time` stands before it: `time mon 10:00`"));
    }

    fn moment(&mut self, places: &[(usize, usize)]) -> Option<Spanned<Moment>> {
        let (words, span) = self.words(places);
        match when::moment(&words) {
            Ok(value) => Some(Spanned { value, span }),
            Err(error) => {
                self.refuse(span, error);
                None
            }
        }
    }
}

fn header_of(field: CondField) -> Option<Field> {
    match field {
        CondField::Header(field) => Some(field),
        CondField::User(_) | CondField::Host(_) | CondField::AccessPoint(_) => None,
    }
}

/// True for `tcp/80` and the like.
fn is_service(term: &EndTerm) -> bool {
    matches!(term, EndTerm::Term(Term { atom: Atom::Service(_), .. }))
}

/// True for `10:00` and `2026-12-24T10:00`, which read like a port of a switch.
pub(super) fn is_moment(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && (when::moment(&[text]).is_ok() || when::moment(&["mon", text]).is_ok())
}

/// A name behind the service that is nearly one of the words which stand there, and those.
fn misspelt_behind_service(dst: &[EndTerm]) -> Option<(Span, Vec<&'static str>)> {
    let service = dst.iter().position(is_service)?;
    let EndTerm::Term(Term { kind: None, atom: Atom::Name(name), .. }) = dst.get(service + 1)? else { return None };
    let near = near(&name.text, keyword::flow_words());
    (!near.is_empty()).then_some((name.span, near))
}

fn near(word: &str, words: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    suggest::nearest(word, None, words.map(|name| Candidate { name, kind: None }))
}

/// Takes the service from the end of the responder: one that is spelled out, or a bare name behind another term.
fn split_service(dst: &mut Vec<EndTerm>) -> Option<ServiceRef> {
    let service = match dst.last()? {
        EndTerm::Term(Term { kind: None, atom: Atom::Service(term), span }) => {
            ServiceRef::Term(Spanned { value: term.clone(), span: *span })
        }
        EndTerm::Term(Term { kind: None, atom: Atom::Name(name), .. }) if dst.len() > 1 => ServiceRef::Name(name.clone()),
        EndTerm::Term(_) | EndTerm::Member { .. } | EndTerm::At(..) => return None,
    };
    dst.pop();
    Some(service)
}
