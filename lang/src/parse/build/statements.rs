//! Statements with words of their own: rules, sections, times, settings, and what is said of the policy. Knows nothing of sets.

use std::sync::Arc;

use net::Prefix;

use super::Build;
use crate::ast::{
    AssertStmt, Atom, Clause, ClauseKind, Cond, DefaultStmt, ErrorItem, Expr, HostMember, Ident, InvariantStmt, Item,
    LocationRef, Relation, RuleStmt, SectionHead, Setting, SettingStmt, Spanned, TimeDecl, VerdictWord, WindowRef,
};
use crate::calendar::{self, Calendar, Until};
use crate::checked::{Claim, DynamicSource, MultiUser, Rate, Served};
use crate::codes::{Code, syntax};
use crate::diag::Diagnostic;
use crate::literal::{self, when};
use crate::source::Span;
use crate::suggest::{self, Candidate};

/// A part of the head of a section.
#[derive(Clone, Debug)]
pub(crate) enum SectionPart {
    /// `scope (…)`, and where its word stands.
    Scope(Cond, Span),
    /// `owner "…"`
    Owner(Spanned<Arc<str>>),
}

impl<'t> Build<'t> {
    pub(crate) fn rule(
        &self,
        label: Option<Ident>,
        audit: Option<Clause>,
        verdict: Spanned<VerdictWord>,
        mut clauses: Vec<Clause>,
        l: usize,
        r: usize,
    ) -> Item {
        clauses.extend(audit);
        Item::Rule(RuleStmt { label, verdict, clauses, span: self.span(l, r) })
    }

    /// The portal is all that can be redirected to.
    pub(crate) fn redirect(&mut self, target: Option<Ident>, l: usize, r: usize) -> Spanned<VerdictWord> {
        if let Some(target) = target.filter(|target| &*target.text != "portal") {
            self.unknown_word(&target, "place to redirect to", &["portal"]);
        }
        Spanned { value: VerdictWord::Redirect, span: self.span(l, r) }
    }

    pub(crate) fn avoid(&self, places: Vec<Option<LocationRef>>) -> ClauseKind {
        let places: Option<Vec<_>> = places.into_iter().collect();
        places.map_or(ClauseKind::Error, ClauseKind::Avoid)
    }

    pub(crate) fn rate(&mut self, (l, r): (usize, usize)) -> Option<Spanned<Rate>> {
        self.read(l, r, when::rate)
    }

    pub(crate) fn queue(&mut self, l: usize, r: usize) -> Option<Spanned<u32>> {
        self.read(l, r, literal::queue)
    }

    /// `2026-12-31`, with a time of day behind a `T` or a blank.
    pub(crate) fn until(&mut self, (l, r): (usize, usize), time: Option<(usize, usize)>) -> Option<Spanned<Until>> {
        let Some((from, to)) = time else { return self.read(l, r, when::until) };
        let (day, time) = (self.slice(l, r), self.slice(from, to));
        self.read(l, to, |_| when::until_minute(day, time))
    }

    pub(crate) fn radius(&mut self, word: &Ident, class: Spanned<Arc<str>>) -> Option<Atom> {
        if &*word.text == "class" {
            return Some(Atom::Dynamic(DynamicSource::RadiusClass(class.value)));
        }
        self.unknown_word(word, "thing that RADIUS tells of a user", &["class"]);
        None
    }

    /// What a host or gateway serves; `none` stands alone.
    pub(crate) fn serves(&mut self, words: &[Ident], l: usize, r: usize) -> HostMember {
        let span = self.span(l, r);
        let mut served = Vec::new();
        for word in words {
            match Served::of_word(&word.text) {
                Some(value) => served.push(Spanned { value, span: word.span }),
                None if &*word.text == "none" && words.len() == 1 => {}
                None => {
                    let known: Vec<&str> = Served::ALL.iter().map(|one| one.word()).collect();
                    self.unknown_word(word, "thing to serve", &known);
                    return HostMember::Error(span);
                }
            }
        }
        HostMember::Serves(served, span)
    }

    pub(crate) fn routes(&self, list: Vec<Option<Spanned<Prefix>>>, l: usize, r: usize) -> HostMember {
        let span = self.span(l, r);
        let prefixes: Option<Vec<_>> = list.into_iter().collect();
        prefixes.map_or(HostMember::Error(span), |prefixes| HostMember::Routes(prefixes, span))
    }

    /// The words between these places, and the stretch that they are.
    pub(super) fn words(&self, places: &[(usize, usize)]) -> (Vec<&'t str>, Span) {
        let words = places.iter().map(|(l, r)| self.slice(*l, *r)).collect();
        let (l, r) = (places.first().map_or(0, |place| place.0), places.last().map_or(0, |place| place.1));
        (words, self.span(l, r))
    }

    pub(crate) fn window(&mut self, places: &[(usize, usize)]) -> Option<WindowRef> {
        let (words, span) = self.words(places);
        if let ([(l, r)], [word]) = (places, words.as_slice())
            && word.starts_with(|first: char| first.is_ascii_alphabetic())
            && *word != "daily"
            && calendar::weekdays(word).is_none()
        {
            return Some(WindowRef::Name(self.name(*l, *r)));
        }
        match when::window(&words) {
            Ok(value) => Some(WindowRef::Window(Spanned { value, span })),
            Err(error) => {
                self.refuse(span, error);
                None
            }
        }
    }

    pub(crate) fn time_decl(&self, name: Ident, windows: Vec<Option<WindowRef>>, l: usize, r: usize) -> Item {
        let damaged = windows.iter().any(Option::is_none);
        Item::Time(TimeDecl { name, windows: windows.into_iter().flatten().collect(), damaged, span: self.span(l, r) })
    }

    pub(crate) fn scope(&mut self, word: Ident, scope: Cond) -> SectionPart {
        if &*word.text != "scope" {
            self.unknown_word(&word, "part of a section's head", &["scope", "owner"]);
        }
        SectionPart::Scope(scope, word.span)
    }

    pub(crate) fn section(&mut self, name: Ident, parts: Vec<SectionPart>, l: usize, r: usize) -> Item {
        let mut head = SectionHead { name, scope: None, owner: None, span: self.span(l, r) };
        for part in parts {
            let (second, span) = match part {
                SectionPart::Scope(scope, span) => (head.scope.replace(Box::new(scope)).is_some(), span),
                SectionPart::Owner(owner) => (head.owner.replace(owner.clone()).is_some(), owner.span),
            };
            if second {
                self.diagnostics.push(Diagnostic::new(syntax::E0101, span, "a section says this once, and this is the second"));
            }
        }
        Item::Section(head)
    }

    pub(crate) fn invariant(&mut self, word: Ident, sets: Vec<Expr>, l: usize, r: usize) -> Item {
        let span = self.span(l, r);
        let known = [("disjoint", Relation::Disjoint, 2), ("subset", Relation::Subset, 2), ("nonempty", Relation::Nonempty, 1)];
        let Some((name, relation, count)) = known.into_iter().find(|(name, ..)| *name == &*word.text) else {
            self.unknown_word(&word, "relation", &known.map(|(name, ..)| name));
            return Item::Error(ErrorItem { span, name: None });
        };
        if sets.len() != count {
            let sets = sets.len();
            let message = format!("`{name}` is about {count} set{}, and here are {sets}", if count == 1 { "" } else { "s" });
            self.diagnostics.push(Diagnostic::new(syntax::E0101, word.span, message));
            return Item::Error(ErrorItem { span, name: None });
        }
        Item::Invariant(InvariantStmt { relation: Spanned { value: relation, span: word.span }, sets, span })
    }

    pub(crate) fn assertion(&mut self, label: Option<Ident>, word: Ident, clauses: Vec<Clause>, l: usize, r: usize) -> Item {
        let span = self.span(l, r);
        let claim = match &*word.text {
            "never" => Claim::Never,
            "always" => Claim::Always,
            _ => {
                self.unknown_word(&word, "claim", &["never", "always"]);
                return Item::Error(ErrorItem { span, name: label });
            }
        };
        Item::Assert(AssertStmt { label, claim: Spanned { value: claim, span: word.span }, clauses, span })
    }

    /// Reports a word that is none of the few that can stand there.
    fn unknown_word(&mut self, word: &Ident, what: &str, known: &[&str]) {
        self.not_among(syntax::E0118, word, what, known);
    }

    pub(crate) fn default_stmt(&self, verdict: Option<Spanned<VerdictWord>>, l: usize, r: usize) -> Item {
        let span = self.span(l, r);
        verdict.map_or(Item::Error(ErrorItem { span, name: None }), |verdict| Item::Default(DefaultStmt { verdict, span }))
    }

    pub(crate) fn setting_stmt(&mut self, name: &Ident, value: &Ident, l: usize, r: usize) -> Item {
        let span = self.span(l, r);
        let place = name.span.to(value.span);
        let setting = match &*name.text {
            "multi-user" => self.multi_user(value).map(Setting::MultiUser),
            "time-zone" => self.time_zone(value).map(Setting::TimeZone),
            _ => {
                self.not_among(syntax::E0112, name, "setting", &["multi-user", "time-zone"]);
                None
            }
        };
        match setting {
            Some(setting) => Item::Setting(SettingStmt { setting: Spanned { value: setting, span: place }, span }),
            None => Item::Error(ErrorItem { span, name: None }),
        }
    }

    fn multi_user(&mut self, value: &Ident) -> Option<MultiUser> {
        match &*value.text {
            "least-restrictive" => Some(MultiUser::LeastRestrictive),
            "most-restrictive" => Some(MultiUser::MostRestrictive),
            _ => {
                self.not_among(syntax::E0112, value, "value of `multi-user`", &["least-restrictive", "most-restrictive"]);
                None
            }
        }
    }

    fn time_zone(&mut self, value: &Ident) -> Option<Calendar> {
        let found = Calendar::of_zone(&value.text);
        if found.is_none() {
            let zones: Vec<String> = Calendar::zones().collect();
            let near = suggest::nearest(&value.text, None, zones.iter().map(|name| Candidate { name, kind: None }));
            let help = suggest::did_you_mean(&near).unwrap_or_else(|| "zones are named as in `\"Europe/Berlin\"`".to_owned());
            let message = format!("`{}` is no time zone of the IANA database", value.text);
            self.diagnostics.push(Diagnostic::new(syntax::E0112, value.span, message).help(help));
        }
        found
    }

    fn not_among(&mut self, code: Code, word: &Ident, what: &str, known: &[&str]) {
        let near = suggest::nearest(&word.text, None, known.iter().map(|name| Candidate { name, kind: None }));
        let quoted: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let help = suggest::did_you_mean(&near).unwrap_or_else(|| format!("there is {}", quoted.join(" and ")));
        let message = format!("`{}` is no {what}", word.text);
        self.diagnostics.push(Diagnostic::new(code, word.span, message).help(help));
    }
}
