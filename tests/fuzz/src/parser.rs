//! The parser: what cannot be read is reported, in its place; what comes next in an unfinished text is told wherever it ends.

use lang::ast::{File, Item};
use lang::diag::any_error;
use lang::parse::{parse, parse_flow, up_to};
use lang::source::SourceMap;

use crate::sound;

/// In how many places of a text it is asked what may come next.
const PLACES: usize = 40;

/// Fails, if a statement gets lost without a report.
pub(crate) fn holds(text: &str) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let (File { items, .. }, found) = parse(&sources, id);
    sound::findings(&found, &sources);
    let damaged = items.iter().any(|item| matches!(item, Item::Error(_)));
    assert!(!damaged || any_error(&found), "a statement is lost without an error");
    let mut end = 0;
    for item in &items {
        let span = item.span();
        sound::span(span, &sources);
        assert!(end <= span.start, "{item:?} starts within the statement before it");
        end = span.end;
    }
    let (flow, found) = parse_flow(&sources, id);
    sound::findings(&found, &sources);
    assert!(flow.is_some() || any_error(&found), "a flow is lost without an error");
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    for at in places.iter().step_by(places.len() / PLACES + 1) {
        let before = up_to(text, *at);
        assert!(before.tokens.iter().all(|token| token.start < token.end && token.end <= *at), "{before:?} at {at}");
    }
}
