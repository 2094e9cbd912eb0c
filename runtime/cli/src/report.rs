//! What was found in a policy, as text or JSON: the report of `check`, and of every command that meets a policy with errors.
//! Knows nothing of what the command was asked.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use daemon::files::{FOLDER, NO_FILE};
use daemon::policy::is_of_entry;
use lang::diag::{self, Diagnostic, Severity};
use lang::report::{Pen, Style, concise};
use lang::source::{SourceMap, shown_name};

use crate::exit::Failure;
use crate::fold::hung;
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
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub
    Github,
    /// JUnit XML
    Junit,
}

impl Format {
    /// True for what people read as it stands.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Human | Format::Plain | Format::Concise)
    }

    /// True for the formats of other tools.
    pub fn is_foreign(self) -> bool {
        !self.is_text() && self != Format::Json
    }

    /// Reads the word of a format, for a command that has nothing for other tools.
    pub fn own() -> impl TypedValueParser<Value = Format> {
        let own = Format::value_variants().iter().filter(|format| !format.is_foreign());
        let words = PossibleValuesParser::new(own.filter_map(ValueEnum::to_possible_value));
        words.map(|word| Format::from_str(&word, false).unwrap_or_default())
    }
}

/// What was found and a line that sums it up, on standard output; in JSON, too, what `run` refuses of it. A policy that is not there gets no report: why it cannot be had
/// goes to standard error.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, policy: &Policy, refused: Option<&[Diagnostic]>, format: Format) -> Result<(), Failure> {
    if format.is_text() && policy.unreadable {
        return write_instead(out, policy, format);
    }
    match format {
        Format::Json => {
            let mut check = of_findings(&policy.hash, &policy.diagnostics, &policy.sources);
            check.unsettled_rules = policy.unsettled_rules();
            check.refused_by_run = refused.map(|all| few(all).iter().map(|found| Finding::of(found, &policy.sources)).collect());
            if let Some(program) = &policy.program {
                check.assertions = Assertion::all(program.policy(), &policy.facts, policy.in_view.as_ref());
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

/// As many findings as are told, and how many more there are.
fn few(all: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut told = all.to_vec();
    diag::cap(&mut told);
    told
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
            let line = format!("error: {}", with_way_out(&found.message));
            text.push_str(&if format == Format::Concise { line } else { hung(&line) });
            text.push('\n');
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
    if policy.count(Severity::Error) > 0 {
        text.extend(policy.in_view_text().map(|line| hung(&line) + "\n"));
    }
    text
}

/// Why a file cannot be had, and what can be done instead.
pub fn with_way_out(why: &str) -> String {
    match why {
        _ if why.ends_with(NO_FILE) => format!("{why} (`-` is standard input)"),
        _ if why.ends_with(FOLDER) => format!("{why} (name the policy's first file in it)"),
        _ => why.to_owned(),
    }
}

/// `campus.pol: 5 errors, 1 warning`, or nothing.
fn sum(policy: &Policy) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|severity| (policy.count(severity), severity.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    let names: Vec<String> = policy.entries.iter().map(|name| shown_name(&name.as_str().into()).to_string()).collect();
    if counts.is_empty() { String::new() } else { format!("{}: {}\n", names.join(", "), counts.join(", ")) }
}

/// `1 error`, `2 errors`
pub fn counted(count: usize, word: &str) -> String {
    match word {
        _ if count == 1 => format!("1 {word}"),
        "info" => format!("{count} info"),
        "switch" | "class" => format!("{count} {word}es"),
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
        refused_by_run: None,
    }
}
