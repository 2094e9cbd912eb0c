//! A policy between two steps: its texts, what they say, and what is found in them. Knows nothing of what is done about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lang::check::check_loaded;
use lang::diag::{Diagnostic, Severity};
use lang::facts::Facts;
use lang::import::{self, Loaded};
use lang::repair::Edit;
use lang::testing::{self, TestRun};

use super::candidate::{Candidate, Key};
use super::texts::Texts;
use super::{Done, Left, Request, Why};
use crate::findings::findings;
use crate::program::Program;
use crate::view::View;

/// A policy without errors.
pub(super) struct State {
    pub(super) texts: Texts,
    pub(super) loaded: Loaded,
    pub(super) program: Program,
    pub(super) facts: Facts,
    pub(super) found: Vec<Diagnostic>,
    pub(super) tests: TestRun,
}

impl State {
    /// Loads, checks and proves.
    pub(super) fn load(request: &Request<'_>, texts: Texts) -> Result<State, Vec<Diagnostic>> {
        let names: Vec<&str> = request.entries.iter().map(String::as_str).collect();
        let loaded = import::load(&names, &texts);
        let (checked, mut found) = check_loaded(&loaded);
        let Some(checked) = checked.map(Arc::new) else { return Err(found) };
        let program = Program::compile(checked.clone(), &View::new(&checked));
        found.extend(program.excess().iter().filter_map(|excess| excess.diagnostic(&checked)));
        let (facts, more) = findings(&program, &loaded.policy, request.now, request.budget);
        found.extend(more);
        (request.severities)(&mut found);
        lang::diag::sort(&mut found, &loaded.sources);
        if found.iter().any(|found| found.code.severity() == Severity::Error) {
            return Err(found);
        }
        let tests = testing::run(&checked, &program);
        Ok(State { texts, loaded, program, facts, found, tests })
    }

    pub(super) fn edited(&self, edits: &[Edit]) -> Texts {
        self.texts.edited(&self.loaded.sources, edits)
    }

    pub(super) fn laid_out(&self) -> Option<Texts> {
        self.texts.laid_out(&self.loaded.sources)
    }

    /// What is found here and was not there.
    pub(super) fn fresh(&self, before: &State) -> Vec<&Diagnostic> {
        let mut known: BTreeMap<Key, ()> = before.keys().into_iter().map(|key| (key, ())).collect();
        self.found.iter().zip(self.keys()).filter(|(_, key)| known.remove(key).is_none()).map(|(found, _)| found).collect()
    }

    /// What each finding is called, whatever stands before it in its text.
    fn keys(&self) -> Vec<Key> {
        let mut seen: BTreeMap<Key, usize> = BTreeMap::new();
        let mut keys = Vec::new();
        for found in &self.found {
            let first = Key::of(found, &self.loaded.sources);
            let place = seen.entry(first.clone()).or_default();
            keys.push(first.nth(*place));
            *place += 1;
        }
        keys
    }

    /// The findings that have a plain repair, each with it, or with why it is left.
    pub(super) fn candidates(&self) -> Vec<(&Diagnostic, Result<Candidate, Why>)> {
        let all = self.found.iter().zip(self.keys()).filter(|(found, _)| Candidate::is_of(found.code));
        all.map(|(found, key)| (found, Candidate::new(self, found, key))).collect()
    }

    /// The plain repair of one finding.
    pub(super) fn candidate(&self, wanted: &Diagnostic) -> Result<Candidate, Why> {
        let mut all = self.found.iter().zip(self.keys());
        let key = all.find(|(found, _)| std::ptr::eq(*found, wanted)).map(|(_, key)| key);
        match key.filter(|_| Candidate::is_of(wanted.code)) {
            Some(key) => Candidate::new(self, wanted, key),
            None => Err(Why::Finds(wanted.code)),
        }
    }

    /// What a repair does, told of the texts as they were at first.
    pub(super) fn done(&self, one: &Candidate) -> Done {
        let at = self.loaded.sources.position(one.at);
        let line = self.texts.origin(&at.file, at.line);
        Done { file: at.file, line, code: one.code, what: one.what.clone() }
    }

    /// What is left.
    pub(super) fn left(&self, found: &Diagnostic, why: Why) -> Left {
        let at = self.loaded.sources.position(found.span);
        let old_line = self.texts.origin(&at.file, at.line);
        Left { file: at.file, old_line, line: at.line, code: found.code, why }
    }
}
