//! Edits that tidy a policy, each proved to leave its meaning: what `pentane fix` does. Texts come in as values and go out as values.
//! Knows nothing of files, nor of how what was done is told.
//!
//! Findings that have a plain repair are repaired, as many together as can be proved together. After each step the whole policy is
//! loaded and checked from the new texts. The step is kept if nothing new is found in them, they say what the old ones said, the rules
//! that are gone are proved to have made no difference, and tests come out as they did. Whatever is not proved is not done.

mod candidate;
mod done;
mod state;
mod texts;

use std::collections::BTreeMap;

use lang::checked::Checked;
use lang::codes::text::W0702;
use lang::diag::{Diagnostic, Severity};
use lang::facts::Proof;
use lang::flowspec::flow_text;
use lang::meaning::lacking;
use lang::source::SourceMap;
use lang::testing::{TestResult, TestRun};
use net::Time;

use crate::analysis::{Budget, same_without};
use candidate::{Candidate, Key, disjoint};
pub use done::{Done, Left, Why};
use state::State;
pub use texts::Changed;
use texts::Texts;

/// What is to be tidied.
pub struct Request<'a> {
    /// The entries of the policy, as they were named.
    pub entries: &'a [String],
    /// All its texts, those of its includes among them.
    pub sources: &'a SourceMap,
    /// The present, if it is to count.
    pub now: Option<Time>,
    /// How many steps a proof may take.
    pub budget: Budget,
    /// Gives findings the severities that a site wants, and drops those that it does not want: they are not repaired either.
    pub severities: &'a dyn Fn(&mut Vec<Diagnostic>),
}

/// What came of it.
#[derive(Debug)]
pub struct Fixed {
    /// The texts that are others now.
    pub changed: Vec<Changed>,
    /// What was done, in the order of the texts.
    pub done: Vec<Done>,
    /// What has a plain repair and was left, and why.
    pub left: Vec<Left>,
    /// All texts as they are now.
    pub sources: SourceMap,
}

/// Tidies a policy.
///
/// # Errors
/// What is wrong with it: a policy with errors has no meaning that could be kept.
pub fn fix(request: &Request<'_>) -> Result<Fixed, Vec<Diagnostic>> {
    let texts = Texts::new(request.sources);
    let state = State::load(request, texts)?;
    let mut work = Work { request, state, done: Vec::new(), refused: BTreeMap::new() };
    // What was refused may go once something else has gone: the last round is one in which nothing does.
    loop {
        let before = work.done.len();
        work.refused.clear();
        work.exhaust();
        let laid_out = work.lay_out();
        if work.done.len() == before && !laid_out {
            break;
        }
    }
    Ok(work.end())
}

struct Work<'a> {
    request: &'a Request<'a>,
    state: State,
    done: Vec<Done>,
    /// What was tried on the present texts and not kept.
    refused: BTreeMap<Key, Why>,
}

impl Work<'_> {
    /// Repairs until all that is left was refused: many at once, and half as many where that is refused.
    fn exhaust(&mut self) {
        let mut most = usize::MAX;
        loop {
            let open = self.state.candidates().into_iter().filter_map(|(_, found)| found.ok());
            let mut open: Vec<Candidate> = open.filter(|one| !self.refused.contains_key(&one.key)).collect();
            let turn = open.iter().map(|one| one.turn).min();
            open.retain(|one| Some(one.turn) == turn);
            let batch = disjoint(&open, most);
            let Some(first) = batch.first() else { return };
            match self.attempt(&batch) {
                Ok((state, done)) => {
                    self.state = state;
                    self.done.extend(done);
                    most = most.saturating_mul(2);
                }
                Err(why) if batch.len() == 1 => {
                    self.refused.insert(first.key.clone(), why);
                }
                Err(_) => most = batch.len() / 2,
            }
        }
    }

    /// The policy with these repairs, and what was done; names that nothing uses any more, and whatever else is plain and appears only
    /// then, go along.
    fn attempt(&self, batch: &[&Candidate]) -> Result<(State, Vec<Done>), Why> {
        let mut state = &self.state;
        let mut next;
        let mut done = Vec::new();
        let mut step: Vec<Candidate> = batch.iter().copied().cloned().collect();
        loop {
            done.extend(step.iter().map(|one| state.done(one)));
            let edits: Vec<_> = step.iter().flat_map(|one| one.edits.clone()).collect();
            next = State::load(self.request, state.edited(&edits)).map_err(|found| first_error(&found))?;
            let fresh = next.fresh(&self.state);
            let Some(first) = fresh.first().map(|found| found.code) else { break };
            // What somebody marked as meant has to stay what it was, its mark too.
            if fresh.iter().any(|found| found.code == W0702) {
                return Err(Why::Finds(W0702));
            }
            let follow: Option<Vec<Candidate>> = fresh.into_iter().map(|found| next.candidate(found).ok()).collect();
            let follow = follow.ok_or(Why::Finds(first))?;
            step = disjoint(&follow, usize::MAX).into_iter().cloned().collect();
            state = &next;
        }
        keeps_meaning(&self.state, &next, self.request.budget)?;
        Ok((next, done))
    }

    /// Lays out again what was laid out before it was edited. True if that changed anything.
    fn lay_out(&mut self) -> bool {
        let Some(texts) = self.state.laid_out() else { return false };
        let Ok(state) = State::load(self.request, texts) else { return false };
        if !state.fresh(&self.state).is_empty() || keeps_meaning(&self.state, &state, self.request.budget).is_err() {
            return false;
        }
        self.state = state;
        true
    }

    fn end(self) -> Fixed {
        let mut left = Vec::new();
        for (found, candidate) in self.state.candidates() {
            let why = match candidate {
                Ok(one) => self.refused.get(&one.key).cloned().unwrap_or(Why::Undecided),
                Err(why) => why,
            };
            left.push(self.state.left(found, why));
        }
        let mut done = self.done;
        done.sort_by_key(|one| (self.state.texts.place_of(&one.file), one.line));
        Fixed { changed: self.state.texts.changed(), done, left, sources: self.state.loaded.sources }
    }
}

/// Whether the new policy says and does what the old one does.
fn keeps_meaning(old: &State, new: &State, budget: Budget) -> Result<(), Why> {
    if new.texts.changed().iter().any(|one| one.new.trim().is_empty()) {
        return Err(Why::Empties);
    }
    let policy: &Checked = old.program.policy();
    let gone = lacking(policy, new.program.policy()).map_err(Why::Says)?;
    match same_without(policy, &gone, budget) {
        Proof::Proved => {}
        Proof::Refuted(flow) => return Err(Why::Flow(flow_text(policy, &flow))),
        Proof::Undecided(_) => return Err(Why::Undecided),
    }
    match first_other(&old.tests, &new.tests) {
        Some(name) => Err(Why::Test(name)),
        None => Ok(()),
    }
}

/// Why a policy that has these findings is none.
fn first_error(found: &[Diagnostic]) -> Why {
    let error = found.iter().find(|found| found.code.severity() == Severity::Error);
    error.map_or(Why::NoEdit, |found| Why::Finds(found.code))
}

/// The first test that comes out otherwise.
fn first_other(old: &TestRun, new: &TestRun) -> Option<String> {
    if old.results.len() != new.results.len() {
        return Some(String::new());
    }
    let same = |(one, other): &(&TestResult, &TestResult)| {
        one.passed == other.passed && one.actual.verdict == other.actual.verdict && one.actual.via == other.actual.via
    };
    let mut pairs = old.results.iter().zip(&new.results);
    pairs.find(|pair| !same(pair)).map(|(one, _)| one.name.to_string())
}

#[cfg(test)]
mod tests;
