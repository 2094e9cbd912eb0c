//! What was found in a policy, as text or JSON: the report of `check`, and of every command that meets a policy with errors.
//! Knows nothing of what the command was asked.

use clap::ValueEnum;
use lang::diag::Severity;
use lang::report::{Style, concise, render};

use crate::exit::Failure;
use crate::json::{self, Check, Finding};
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
}

/// What was found and a line that sums it up, on standard output.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, policy: &Policy, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => json::write(out, &as_json(policy)),
        Format::Human | Format::Plain | Format::Concise => {
            let text = text(policy, format, out.colour() && format == Format::Human);
            out.text(&text)
        }
    }
}

/// The same for a command whose answer something else was to be: text goes to standard error, JSON to standard output.
///
/// # Errors
/// Nobody takes the output.
pub fn write_instead(out: &mut Output, policy: &Policy, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return write(out, policy, format);
    }
    output::complain(&text(policy, format, output::stderr_colour() && format == Format::Human));
    Ok(())
}

fn text(policy: &Policy, format: Format, color: bool) -> String {
    let mut text = String::new();
    for found in &policy.diagnostics {
        if format == Format::Concise {
            text.push_str(&concise(found, &policy.sources));
        } else {
            text.push_str(&render(found, &policy.sources, Style { color }));
        }
        text.push('\n');
    }
    text.push_str(&sum(policy));
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
    let plural = if count == 1 || word == "info" { "" } else { "s" };
    format!("{count} {word}{plural}")
}

fn as_json(policy: &Policy) -> Check {
    Check {
        schema: "pentane.check/1",
        policy: policy.hash.clone(),
        errors: policy.count(Severity::Error),
        warnings: policy.count(Severity::Warning),
        diagnostics: policy.diagnostics.iter().map(|found| Finding::of(found, &policy.sources)).collect(),
        assertions: Vec::new(),
    }
}
