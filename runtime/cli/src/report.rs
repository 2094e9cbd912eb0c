//! What was found in a policy, as text or JSON: the report of `check`, and of every command that meets a policy with errors.
//! Knows nothing of what the command was asked.

use clap::ValueEnum;
use daemon::policy::is_of_entry;
use lang::diag::{Diagnostic, Severity};
use lang::report::{Pen, Style, concise};
use lang::source::SourceMap;

use crate::exit::Failure;
use crate::formats::{self, Note};
use crate::json::{self, Assertion, Check, Finding};
use crate::load::Policy;
use crate::output::{self, Output};

/// How answers look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text with excerpts, coloured on a terminal
    #[default]
    Human,
    /// The same without colour
    Plain,
    /// One line for each finding
    Concise,
    /// JSON; its fields are a stable interface
    Json,
    /// SARIF 2.1.0; `check` and `test` alone
    Sarif,
    /// Annotations of GitHub; `check` and `test` alone
    Github,
    /// JUnit XML; `check` and `test` alone
    Junit,
}

impl Format {
    /// True for what people read as it stands.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Human | Format::Plain | Format::Concise)
    }

    /// Refuses the formats of other tools, for a command that has nothing for them.
    ///
    /// # Errors
    /// It is one of them.
    pub fn refuse_foreign(self, command: &str) -> Result<(), Failure> {
        if self.is_text() || self == Format::Json {
            return Ok(());
        }
        Err(Failure::cannot(format!("`{command}` answers in `human`, `plain`, `concise` and `json`")))
    }
}

/// What was found and a line that sums it up, on standard output. A policy that is not there gets no report: why it cannot be had
/// goes to standard error.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, policy: &Policy, format: Format) -> Result<(), Failure> {
    if format.is_text() && policy.unreadable {
        return write_instead(out, policy, format);
    }
    match format {
        Format::Json => {
            let mut check = of_findings(&policy.hash, &policy.diagnostics, &policy.sources);
            check.unsettled_rules = policy.unsettled_rules();
            if let Some(program) = &policy.program {
                check.assertions = Assertion::all(program.policy(), &policy.facts);
            }
            json::write(out, &check)
        }
        Format::Human | Format::Plain | Format::Concise => {
            let text = text(policy, format, out.colour() && format == Format::Human);
            out.text(&text)
        }
        Format::Sarif | Format::Github | Format::Junit => write_instead(out, policy, format),
    }
}

/// The same for a command whose answer something else was to be: text goes to standard error, what programs read to standard output.
///
/// # Errors
/// Nobody takes the output.
pub fn write_instead(out: &mut Output, policy: &Policy, format: Format) -> Result<(), Failure> {
    let notes = || Note::of_findings(&policy.diagnostics, &policy.sources);
    match format {
        Format::Json => json::write(out, &of_findings(&policy.hash, &policy.diagnostics, &policy.sources)),
        Format::Sarif => formats::write_sarif(out, &notes()),
        Format::Github => formats::write_github(out, &notes()),
        Format::Junit => formats::write_junit(out, policy, &notes()),
        Format::Human | Format::Plain | Format::Concise => {
            output::complain(&text(policy, format, output::stderr_colour() && format == Format::Human));
            Ok(())
        }
    }
}

fn text(policy: &Policy, format: Format, color: bool) -> String {
    let mut text = String::new();
    let mut pen = Pen::new(Style { color });
    for found in &policy.diagnostics {
        if is_of_entry(found, &policy.sources) {
            text.push_str(&format!("error: {}\n", found.message));
            continue;
        }
        if format == Format::Concise {
            text.push_str(&concise(found, &policy.sources));
        } else {
            text.push_str(&pen.draw(found, &policy.sources));
        }
        text.push('\n');
    }
    if !policy.unreadable {
        text.push_str(&sum(policy));
    }
    text
}

/// `campus.pol: 5 errors, 1 warning`, or nothing.
fn sum(policy: &Policy) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|severity| (policy.count(severity), severity.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    if counts.is_empty() { String::new() } else { format!("{}: {}\n", policy.entries.join(", "), counts.join(", ")) }
}

/// `1 error`, `2 errors`
pub fn counted(count: usize, word: &str) -> String {
    match word {
        _ if count == 1 => format!("1 {word}"),
        "info" => format!("{count} info"),
        "switch" => format!("{count} switches"),
        _ => format!("{count} {word}s"),
    }
}

/// What was found in the policy with this hash, or in a flow that it was asked about.
pub fn of_findings(hash: &str, found: &[Diagnostic], sources: &SourceMap) -> Check {
    let count = |severity| found.iter().filter(|found| found.severity == severity).count();
    Check {
        schema: "pentane.check/1",
        policy: hash.to_owned(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        diagnostics: found.iter().map(|found| Finding::of(found, sources)).collect(),
        assertions: Vec::new(),
        unsettled_rules: 0,
    }
}
