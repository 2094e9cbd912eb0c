//! SARIF 2.1.0 (OASIS): one run with its rules and results. Knows nothing of other formats.

use std::collections::{BTreeMap, BTreeSet};

use lang::codes::{Code, Page};
use lang::diag::Severity;
use serde_json::{Value, json};

use super::{Note, Place, Region};
use crate::exit::Failure;
use crate::json;
use crate::output::Output;

/// One log with one run.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, notes: &[Note]) -> Result<(), Failure> {
    json::write(out, &log(notes))
}

fn log(notes: &[Note]) -> Value {
    let codes: BTreeSet<Code> = notes.iter().map(|note| note.code).collect();
    let places: BTreeMap<Code, usize> = codes.iter().copied().zip(0..).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = notes.iter().map(|note| result(note, places.get(&note.code).copied())).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "pentane", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What is to be known of a code, at the level that it has by default.
fn rule(code: Code) -> Value {
    let mut rule = json!({"id": code.text(), "defaultConfiguration": {"level": level(code.severity())}});
    if let (Some(page), Some(members)) = (code.page(), rule.as_object_mut()) {
        members.insert("shortDescription".to_owned(), json!({"text": message(page.title)}));
        members.insert("fullDescription".to_owned(), json!({"text": message(page.what)}));
        let help = help(page);
        members.insert("help".to_owned(), json!({"text": message(&help), "markdown": braces(&help)}));
    }
    rule
}

/// The page of a code as Markdown that reads well as text, too. Without the example: examples are full of braces, and readers are not
/// agreed on whether those in help are doubled.
fn help(page: &Page) -> String {
    let Page { code, title, what, why, instead, .. } = page;
    format!("# {code}: {title}\n\n{what}\n\n{why}\n\n{instead}\n\n`pentane help {code}` shows an example.\n")
}

fn result(note: &Note, rule: Option<usize>) -> Value {
    let (code, level, text) = (note.code.text(), level(note.severity), message(&note.message));
    let mut result = json!({"ruleId": code, "ruleIndex": rule, "level": level, "message": {"text": text}});
    let Some(members) = result.as_object_mut() else { return result };
    if let Some(at) = &note.at {
        members.insert("locations".to_owned(), json!([{"physicalLocation": location(at)}]));
    }
    if !note.related.is_empty() {
        let related = (1..).zip(&note.related).map(|(id, (place, why))| match place {
            Place::Text(at) => json!({"id": id, "physicalLocation": location(at), "message": {"text": message(why)}}),
            Place::BuiltIn(name) => json!({"id": id, "logicalLocations": [{"name": name}], "message": {"text": message(why)}}),
        });
        members.insert("relatedLocations".to_owned(), related.collect());
    }
    result
}

/// A message: no part of it is taken for a place to fill in (§3.11.5) or for a link (§3.11.6).
fn message(text: &str) -> String {
    let mut parts = text.split("](");
    let mut safe = parts.next().map(braces).unwrap_or_default();
    for part in parts {
        let before = safe.bytes().rev().take_while(|byte| *byte == b'\\').count();
        safe.push_str(if before % 2 == 0 { "\\](" } else { "](" });
        safe.push_str(&braces(part));
    }
    safe
}

fn braces(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn location(at: &Region) -> Value {
    json!({
        "artifactLocation": {"uri": uri(&at.file)},
        "region": {"startLine": at.line, "startColumn": at.column, "endLine": at.end_line, "endColumn": at.end_column},
    })
}

/// A path as a relative reference or a `file` URI (RFC 3986, RFC 8089).
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let mut uri = scheme.to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use lang::codes::tests_and_assertions::E0401;

    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("site/campus.pol"), "site/campus.pol");
        assert_eq!(uri("/srv/käse 1.pol"), "file:///srv/k%C3%A4se%201.pol");
        assert_eq!(uri("a:b.pol"), "a%3Ab.pol");
        assert_eq!(uri("100%#?.pol"), "100%25%23%3F.pol");
    }

    #[test]
    fn no_part_of_a_message_is_filled_in_or_a_link() {
        assert_eq!(message("expected `{`, found `{0}`"), "expected `{{`, found `{{0}}`");
        assert_eq!(message("[see](https://example.org) [1]"), "[see\\](https://example.org) [1]");
        assert_eq!(message("[a\\](b) [a\\\\](b)"), "[a\\](b) [a\\\\\\](b)");
    }

    #[test]
    fn a_rule_has_the_level_of_its_code_and_a_page() {
        let rule = rule(E0401);
        assert_eq!((rule["id"].as_str(), rule["defaultConfiguration"]["level"].as_str()), (Some("E0401"), Some("error")));
        assert!(rule["help"]["markdown"].as_str().is_some_and(|page| page.starts_with("# E0401: ")));
    }
}
