//! JUnit XML, as build servers read it: a suite of cases. What is written fits the published schemas of Ant and of Jenkins alike.
//! Knows nothing of other formats.

use lang::codes::Code;
use lang::codes::tests_and_assertions::E0401;
use lang::diag::Severity;

use super::{Note, ToldTests, failure};
use crate::exit::Failure;
use crate::load::Policy;
use crate::output::Output;

/// What was looked at, and what came of it.
struct Suite<'a> {
    name: &'static str,
    policy: &'a Policy,
    cases: Vec<Case>,
    /// What is to be known of cases that did not fail.
    said: Vec<String>,
}

/// One case of a suite.
struct Case {
    class: String,
    name: String,
    /// What is wrong with it.
    failed: Option<Wrong>,
}

/// What is wrong with a case: a code, where it is, and a message.
struct Wrong {
    code: Code,
    place: String,
    message: String,
}

/// Findings: one case for each, and one for each file that has no error. Warnings do not fail.
///
/// # Errors
/// Nobody takes the output.
pub fn write_findings(out: &mut Output, policy: &Policy, notes: &[Note]) -> Result<(), Failure> {
    let is_wrong = |file: &String| {
        let mut errors = notes.iter().filter(|note| note.severity == Severity::Error);
        errors.any(|note| note.at.as_ref().is_none_or(|at| at.file == *file))
    };
    let sound = policy.entries.iter().filter(|file| !is_wrong(file));
    let mut cases: Vec<Case> = sound.map(|file| Case { class: file.clone(), name: "check".to_owned(), failed: None }).collect();
    let mut said = Vec::new();
    for note in notes {
        let (class, column, place) = match &note.at {
            Some(at) => {
                (at.file.clone(), format!("{}:{}: ", at.line, at.column), format!("{}:{}:{}: ", at.file, at.line, at.column))
            }
            None => (policy.entries.join(", "), String::new(), String::new()),
        };
        let title = format!("{column}{} {}", note.code, note.title());
        let (name, failed) = match note.severity {
            Severity::Error => (title, Some(Wrong { code: note.code, place, message: note.message.clone() })),
            // A case that passes has no message: its name says it all.
            Severity::Warning | Severity::Info => {
                said.push(format!("{place}{}", note.message));
                (format!("{title}: {}", first_line(&note.message)), None)
            }
        };
        cases.push(Case { class, name, failed });
    }
    write(out, &Suite { name: "pentane check", policy, cases, said })
}

/// The cases of `test` blocks that are told. Failures that are not are a case of their own, so that all counts are those of the
/// cases in the suite.
///
/// # Errors
/// Nobody takes the output.
pub fn write_tests(out: &mut Output, policy: &Policy, told: &ToldTests<'_>) -> Result<(), Failure> {
    let cases = told.cases.iter().map(|result| {
        let at = &result.position;
        let place = format!("{}:{}:{}: ", at.file, at.line, at.column);
        let failed = (!result.passed).then(|| Wrong { code: E0401, place, message: failure(result) });
        let name = format!("{}:{}: {} => {}", at.file, at.line, result.flow, result.expected);
        Case { class: result.name.to_string(), name, failed }
    });
    let more = told.more_failures().map(|message| {
        let failed = Some(Wrong { code: E0401, place: String::new(), message: message.clone() });
        Case { class: policy.entries.join(", "), name: message, failed }
    });
    let said = (told.more_passed > 0).then(|| format!("{} more cases passed and are not shown", told.more_passed));
    let (cases, said) = (cases.chain(more).collect(), said.into_iter().collect());
    write(out, &Suite { name: "pentane test", policy, cases, said })
}

fn write(out: &mut Output, suite: &Suite) -> Result<(), Failure> {
    let Suite { name, policy, cases, said } = suite;
    let failures = cases.iter().filter(|case| case.failed.is_some()).count();
    out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    out.line("<testsuites>")?;
    out.line(format!(
        "  <testsuite id=\"0\" package=\"pentane\" name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"0\" \
         timestamp=\"{}\" hostname=\"localhost\">",
        cases.len(),
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S"),
    ))?;
    out.line("    <properties>")?;
    out.line(format!("      <property name=\"version\" value=\"{}\"/>", env!("CARGO_PKG_VERSION")))?;
    out.line(format!("      <property name=\"policy\" value=\"{}\"/>", policy.hash))?;
    out.line("    </properties>")?;
    cases.iter().try_for_each(|case| out.line(element(case)))?;
    out.line(format!("    <system-out>{}</system-out>", escaped(&said.join("\n"))))?;
    out.line("    <system-err></system-err>")?;
    out.line("  </testsuite>")?;
    out.line("</testsuites>")
}

fn element(case: &Case) -> String {
    let head = format!("    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", attribute(&case.class), attribute(&case.name));
    match &case.failed {
        Some(Wrong { code, place, message }) => format!(
            "{head}>\n      <failure type=\"{code}\" message=\"{}\">{}</failure>\n    </testcase>",
            attribute(&format!("{place}{}", first_line(message))),
            escaped(&format!("{place}{message}"))
        ),
        None => format!("{head}/>"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The value of an attribute: ends of lines and tabs would be read as blanks (XML 1.0 §3.3.3).
fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Text of an element (XML 1.0 §2.2, §2.4): what XML cannot hold, or better does not, is shown as U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(letter),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_an_attribute_and_no_message_an_element() {
        assert_eq!(escaped("a\"b</failure>&\u{1b}[0m"), "a&quot;b&lt;/failure&gt;&amp;\u{fffd}[0m");
        assert_eq!(escaped("]]>\r\n\u{9b}\u{ffff}é\u{1f427}"), "]]&gt;\u{fffd}\n\u{fffd}\u{fffd}é\u{1f427}");
        assert_eq!(attribute("a\n\tb"), "a&#10;&#9;b");
    }
}
