//! Policies of other systems, carried over: Ethane's Pol-Eth, SEPL of SNAC, and the access control lists of Faucet become the text
//! of a policy that never allows a flow that the original does not. Knows nothing of files, of the network, or of how the result
//! is decided: texts come in, and a text goes out with all that it leaves out.

mod draft;
mod faucet;
mod logic;
mod names;
mod place;
mod pol_eth;
mod rule;
mod sepl;
mod split;
mod standin;
mod token;

use lang::source::SourceMap;

pub use place::Place;

/// What became of a policy of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The policy, laid out. It checks without an error.
    pub text: String,
    /// What the original says and the policy does not, in the order of the original: where it left something out, the policy
    /// allows less.
    pub left_out: Vec<LeftOut>,
    /// What else is to be known of the policy: what was filled in that the original does not say, and how slips were read.
    pub notes: Vec<Note>,
}

/// Something that the policy language has no counterpart for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Where it stands in the original.
    pub place: Place,
    /// It, in the words of the original.
    pub what: String,
    /// Why it could not be carried over, and what stands for it: one sentence without a full stop.
    pub why: String,
}

/// Something to be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What in the original it is about.
    pub place: Place,
    /// One sentence without a full stop.
    pub text: String,
}

/// A mistake in the original, which makes it no policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong, with the value: one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Problem {
        Problem { place, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// Advice on a word that is none of these; without a near one, what there is.
    pub(crate) fn meant<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
        let candidates = known.into_iter().map(|name| lang::suggest::Candidate { name, kind: None });
        let near = lang::suggest::nearest(wrong, None, candidates);
        Problem { help: lang::suggest::did_you_mean(&near).or(self.help), ..self }
    }
}

/// Carries over a policy file of Ethane (Casado et al., SIGCOMM 2007, section 4). `file` is what the result calls it.
///
/// # Errors
/// Every mistake in the text, in its order.
pub fn pol_eth(text: &str, file: &str) -> Result<Imported, Vec<Problem>> {
    pol_eth::import(text, file).map_err(|problems| few(told_apart(text, problems)))
}

/// Carries over a policy module of SNAC, the rules of which are SEPL. `file` is what the result calls it.
///
/// # Errors
/// Every mistake in the text, in its order.
pub fn sepl(text: &str, file: &str) -> Result<Imported, Vec<Problem>> {
    sepl::import(text, file).map_err(|problems| few(told_apart(text, problems)))
}

/// Carries over a configuration of Faucet: its access control lists, and between which ports its VLANs carry anything. Of a file
/// that has lists and no datapaths, `acl` says which list is meant, if there are several. `file` is what the result calls it.
///
/// # Errors
/// Every mistake in the text, in its order.
pub fn faucet(text: &str, file: &str, acl: Option<&str>) -> Result<Imported, Vec<Problem>> {
    faucet::import(text, file, acl).map_err(|problems| few(told_apart(text, problems)))
}

/// What is wrong with a text; of a policy of this language, that it is one.
fn told_apart(text: &str, problems: Vec<Problem>) -> Vec<Problem> {
    let mut sources = SourceMap::default();
    let id = sources.add("", text);
    let (read, mistakes) = lang::parse::parse(&sources, id);
    if read.items.len() <= mistakes.len() {
        return problems;
    }
    let found = Problem::new(Place { line: 1, column: 1 }, "this is a policy of Pentane already");
    vec![found.help("`pentane check` reads it as it is")]
}

/// How many mistakes are told.
const MAX_PROBLEMS: usize = 1_000;

/// The first mistakes, and how many more there are.
fn few(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if let Some(place) = problems.last().map(|last| last.place).filter(|_| more > 0) {
        problems.push(Problem::new(place, format!("{more} more errors are not shown")));
    }
    problems
}

/// Mistakes, each on a line, as tests compare them.
#[cfg(test)]
fn told(problems: &[Problem]) -> Vec<String> {
    let one = |problem: &Problem| {
        let Place { line, column } = problem.place;
        let help = problem.help.as_deref().map_or_else(String::new, |help| format!(" ({help})"));
        format!("{line}:{column} {}{help}", problem.message)
    };
    problems.iter().map(one).collect()
}
