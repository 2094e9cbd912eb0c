//! JUnit XML, as build servers read it: suites of cases. Knows nothing of other formats.

use lang::diag::Severity;
use lang::testing::TestRun;

use super::{Note, failure};
use crate::exit::Failure;
use crate::output::Output;

/// One case of a suite.
struct Case {
    class: String,
    name: String,
    /// What is wrong with it: a code, and the message.
    failed: Option<(&'static str, String)>,
    /// What is to be known of it.
    said: Option<String>,
}

/// Findings: one case for each, and one for each file that has no error. Warnings do not fail.
///
/// # Errors
/// Nobody takes the output.
pub fn write_findings(out: &mut Output, notes: &[Note], files: &[String]) -> Result<(), Failure> {
    let is_wrong = |file: &String| {
        let mut errors = notes.iter().filter(|note| note.severity == Severity::Error);
        errors.any(|note| note.at.as_ref().is_none_or(|at| at.file == *file))
    };
    let sound = files.iter().filter(|file| !is_wrong(file));
    let sound = sound.map(|file| Case { class: file.clone(), name: "check".to_owned(), failed: None, said: None });
    let found = notes.iter().map(|note| {
        let (class, place) = match &note.at {
            Some(at) => (at.file.clone(), format!("{}:{}", at.line, at.column)),
            None => (files.join(", "), String::new()),
        };
        let separator = if place.is_empty() { "" } else { ":" };
        let text = || format!("{class}{separator}{place}: {}", note.message);
        let (failed, said) = match note.severity {
            Severity::Error => (Some((note.code, text())), None),
            Severity::Warning | Severity::Info => (None, Some(text())),
        };
        let name = format!("{place}{separator} {} {}", note.code, note.title).trim_start().to_owned();
        Case { name, class, failed, said }
    });
    write(out, "pentane check", &sound.chain(found).collect::<Vec<_>>())
}

/// The cases of `test` blocks.
///
/// # Errors
/// Nobody takes the output.
pub fn write_tests(out: &mut Output, run: &TestRun) -> Result<(), Failure> {
    let cases = run.results.iter().map(|result| {
        let at = &result.position;
        let failed = (!result.passed).then(|| ("E0401", format!("{}:{}:{}: {}", at.file, at.line, at.column, failure(result))));
        let name = format!("{}:{}: {} => {}", at.file, at.line, result.flow, result.expected);
        Case { class: result.name.to_string(), name, failed, said: None }
    });
    write(out, "pentane test", &cases.collect::<Vec<_>>())
}

fn write(out: &mut Output, suite: &str, cases: &[Case]) -> Result<(), Failure> {
    let failures = cases.iter().filter(|case| case.failed.is_some()).count();
    let counts = format!("name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\"", escaped(suite), cases.len());
    out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    out.line(format!("<testsuites {counts}>"))?;
    out.line(format!("  <testsuite {counts}>"))?;
    cases.iter().try_for_each(|case| out.line(element(case)))?;
    out.line("  </testsuite>")?;
    out.line("</testsuites>")
}

fn element(case: &Case) -> String {
    let head = format!("    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", escaped(&case.class), escaped(&case.name));
    match (&case.failed, &case.said) {
        (Some((code, text)), _) => {
            let first = text.lines().next().unwrap_or_default();
            format!(
                "{head}>\n      <failure type=\"{code}\" message=\"{}\">{}</failure>\n    </testcase>",
                escaped(first),
                escaped(text)
            )
        }
        (None, Some(text)) => format!("{head}>\n      <system-out>{}</system-out>\n    </testcase>", escaped(text)),
        (None, None) => format!("{head}/>"),
    }
}

/// Text of an element or an attribute (XML 1.0 §2.2, §2.4): what XML cannot hold is shown as U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(letter),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
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
    }
}
