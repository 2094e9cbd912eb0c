//! Findings and failed tests for the tools of others: SARIF, annotations of GitHub, JUnit. Knows nothing of how they are found.

mod github;
mod junit;
mod sarif;

use daemon::policy::is_of_entry;
use lang::builtin::{PRELUDE, PRELUDE_NAME};
use lang::codes::Code;
use lang::codes::tests_and_assertions::E0401;
use lang::diag::{Diagnostic, Severity};
use lang::source::{BYTE_ORDER_MARK, Position, SourceMap, Span};
use lang::testing::{TestResult, TestRun};

pub use github::write as write_github;
pub use junit::{write_findings as write_junit, write_tests as write_junit_tests};
pub use sarif::write as write_sarif;

/// A stretch of text, as people count: lines and columns from 1, columns in characters; the end is behind the last character.
pub struct Region {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// One thing that is wrong, or worth knowing.
pub struct Note {
    pub code: Code,
    pub severity: Severity,
    /// What is wrong, what to do about it, and a flow that shows it: a line each.
    pub message: String,
    /// Nothing if there is no text that it is about.
    pub at: Option<Region>,
    pub related: Vec<(Place, String)>,
}

/// Another place that a note is about.
pub enum Place {
    /// In a file of the policy.
    Text(Region),
    /// In what the language brings along: there is no such file.
    BuiltIn(&'static str),
}

impl Region {
    fn of(sources: &SourceMap, span: Span) -> Region {
        let (from, to) = (sources.position(span), sources.position(Span { start: span.end, ..span }));
        Region { file: from.file.to_string(), line: from.line, column: from.column, end_line: to.line, end_column: to.column }
    }

    /// From a place to the end of its line, blanks at the end not counted.
    fn to_line_end(sources: &SourceMap, at: &Position) -> Region {
        let text = sources.iter().find(|(_, source)| source.name == at.file).map_or("", |(_, source)| &source.text);
        let line = text.trim_start_matches(BYTE_ORDER_MARK).lines().zip(1..).find(|(_, number)| *number == at.line);
        let length = line.map_or(0, |(line, _)| line.trim_end().chars().count());
        let end_column = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(1).max(at.column.saturating_add(1));
        Region { file: at.file.to_string(), line: at.line, column: at.column, end_line: at.line, end_column }
    }
}

impl Place {
    fn of(sources: &SourceMap, span: Span) -> Place {
        match sources.get(span.source) {
            Some(source) if *source.name == *PRELUDE_NAME && *source.text == *PRELUDE => Place::BuiltIn(PRELUDE_NAME),
            Some(_) | None => Place::Text(Region::of(sources, span)),
        }
    }
}

impl Note {
    /// A few words on what sort of finding it is.
    pub fn title(&self) -> &'static str {
        self.code.page().map_or("", |page| page.title)
    }

    /// What was found in a policy.
    pub fn of_findings(found: &[Diagnostic], sources: &SourceMap) -> Vec<Note> {
        found.iter().map(|one| Note::of(one, sources)).collect()
    }

    fn of(found: &Diagnostic, sources: &SourceMap) -> Note {
        let mut message = found.message.clone();
        if let Some(help) = &found.help {
            message.push_str(&format!("\nhelp: {help}"));
        }
        if let Some(witness) = &found.witness {
            message.push_str(&format!("\na flow that shows it: {} (decided by {})", witness.flow, witness.decided_by));
        }
        let related = found.related.iter().map(|one| (Place::of(sources, one.span), one.told()));
        Note {
            code: found.code,
            severity: found.severity,
            message,
            at: (!is_of_entry(found, sources)).then(|| Region::of(sources, found.span)),
            related: related.collect(),
        }
    }

    /// What failed in a run of tests.
    pub fn of_tests(told: &ToldTests<'_>, sources: &SourceMap) -> Vec<Note> {
        let note = |message, at| Note { code: E0401, severity: Severity::Error, message, at, related: Vec::new() };
        let failed = told.cases.iter().filter(|result| !result.passed);
        let region = |result: &TestResult| Region::to_line_end(sources, &result.position);
        let mut notes: Vec<Note> = failed.map(|result| note(failure(result), Some(region(result)))).collect();
        notes.extend(told.more_failures().map(|message| note(message, None)));
        notes
    }
}

/// How many failed cases are told.
const MOST_FAILED: usize = 1_000;

/// How many cases that passed are listed for programs.
const MOST_PASSED: usize = 10_000;

/// The cases of a run that are told, and how many are not.
pub struct ToldTests<'a> {
    /// In the order of the text.
    pub cases: Vec<&'a TestResult>,
    /// Cases beside these that failed.
    pub more_failed: usize,
    /// Cases beside these that passed.
    pub more_passed: usize,
}

impl ToldTests<'_> {
    /// The first cases that failed, and the first that passed.
    pub fn of(run: &TestRun) -> ToldTests<'_> {
        let (mut failed, mut passed) = (0_usize, 0_usize);
        let few = |result: &&TestResult| {
            let (count, most) = if result.passed { (&mut passed, MOST_PASSED) } else { (&mut failed, MOST_FAILED) };
            *count += 1;
            *count <= most
        };
        let cases = run.results.iter().filter(few).collect();
        ToldTests { cases, more_failed: failed.saturating_sub(MOST_FAILED), more_passed: passed.saturating_sub(MOST_PASSED) }
    }

    /// What is said of the failures that are not told, if there are any.
    pub fn more_failures(&self) -> Option<String> {
        (self.more_failed > 0).then(|| format!("{} more failures are not shown", self.more_failed))
    }
}

/// What is wrong with a case that failed.
fn failure(result: &TestResult) -> String {
    format!("{}: {} => {}, but it is {}", result.name, result.flow, result.expected, result.actual)
}
