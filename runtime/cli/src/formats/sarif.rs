//! SARIF 2.1.0 (OASIS): one run with its rules and results. Knows nothing of other formats.

use std::collections::BTreeMap;

use lang::diag::Severity;
use serde_json::{Value, json};

use super::{Note, Region};
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
    let mut rules: BTreeMap<&str, &Note> = BTreeMap::new();
    for note in notes {
        rules.entry(note.code).or_insert(note);
    }
    let places: BTreeMap<&str, usize> = rules.keys().copied().zip(0..).collect();
    let described: Vec<Value> = rules
        .iter()
        .map(|(code, note)| json!({"id": code, "shortDescription": {"text": note.title}, "defaultConfiguration": {"level": level(note)}}))
        .collect();
    let results: Vec<Value> = notes.iter().map(|note| result(note, places.get(note.code).copied())).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "pentane", "version": env!("CARGO_PKG_VERSION"), "rules": described}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(note: &Note, rule: Option<usize>) -> Value {
    let mut result = json!({"ruleId": note.code, "ruleIndex": rule, "level": level(note), "message": {"text": note.message}});
    let Some(members) = result.as_object_mut() else { return result };
    if let Some(at) = &note.at {
        members.insert("locations".to_owned(), json!([{"physicalLocation": location(at)}]));
    }
    if !note.related.is_empty() {
        let related = (1..).zip(&note.related);
        let related =
            related.map(|(id, (at, why))| json!({"id": id, "physicalLocation": location(at), "message": {"text": why}}));
        members.insert("relatedLocations".to_owned(), related.collect());
    }
    result
}

fn level(note: &Note) -> &'static str {
    match note.severity {
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
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("site/campus.pol"), "site/campus.pol");
        assert_eq!(uri("/srv/käse 1.pol"), "file:///srv/k%C3%A4se%201.pol");
        assert_eq!(uri("a:b.pol"), "a%3Ab.pol");
    }
}
