//! The reader of the language, from outside: sources beside their reports.

use lang::ast::{File, Item};
use lang::diag::Diagnostic;
use lang::parse::parse;
use lang::source::SourceMap;

fn read(text: &str) -> (File, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let (file, diagnostics) = parse(&sources, id);
    (file, diagnostics, sources)
}

/// Each report on a line: place, code, message and help.
fn told(text: &str) -> String {
    let (_, diagnostics, sources) = read(text);
    let line = |found: &Diagnostic| {
        let at = sources.position(found.span);
        let related = found.related.iter().map(|other| format!(" [{}: {}]", sources.position(other.span).line, other.message));
        let help = found.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}:{} {} {}{}{help}\n", at.line, at.column, found.code, found.message, related.collect::<String>())
    };
    diagnostics.iter().map(line).collect()
}

const CAMPUS: &str = include_str!("campus.pol");

#[test]
fn the_campus_is_read_without_a_report() {
    let (file, diagnostics, _) = read(CAMPUS);
    assert!(diagnostics.is_empty(), "{}", told(CAMPUS));
    assert!(file.items.iter().all(|item| !matches!(item, Item::Error(_))));
    assert_eq!(file.items.len(), 44);
    assert_eq!(file.comments.len(), 9);
}
