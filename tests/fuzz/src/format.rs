//! The canonical form: a text that can be read is printed, reads back as the same tree with the same comments, and is printed just
//! so again; what cannot be read is not printed.

use lang::ast::File;
use lang::diag::any_error;
use lang::format::format;
use lang::import::Loaded;
use lang::meaning;
use lang::parse::parse;
use lang::source::SourceMap;

use crate::check;

/// Fails, if printing loses or changes something.
pub(crate) fn holds(text: &str) {
    let readable = !any_error(&read(text).1);
    let Some(once) = printed(text) else {
        assert!(!readable, "a text without errors is not printed");
        return;
    };
    assert!(readable, "a text with errors is printed:\n{once}");
    assert_eq!(Some(&once), printed(&once).as_ref(), "printing twice is printing once");
    let ((before, ..), (after, ..)) = (read(text), read(&once));
    assert_eq!(shape(&before), shape(&after), "the tree is another in\n{once}");
    assert_eq!(comments(text, &before), comments(&once, &after), "the comments are others in\n{once}");
    means_the_same(text, &once);
}

/// A text that checks means what its canonical form means.
fn means_the_same(text: &str, once: &str) {
    let (Loaded { .. }, Some(before)) = check::checked(text.as_bytes()) else { return };
    let after = check::checked(once.as_bytes()).1;
    assert!(after.is_some(), "the canonical form does not check:\n{once}");
    if let Some(after) = after {
        assert_eq!(meaning::lacking(&before, &after), Ok(Vec::new()), "in\n{once}");
        assert_eq!(meaning::lacking(&after, &before), Ok(Vec::new()), "in\n{once}");
    }
}

fn read(text: &str) -> (File, Vec<lang::diag::Diagnostic>) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    parse(&sources, id)
}

fn printed(text: &str) -> Option<String> {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    format(&sources, id).ok()
}

/// The tree without its places.
fn shape(file: &File) -> String {
    let debug = format!("{:?}", file.items);
    let mut parts = debug.split("Span { ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('}').map_or("", |(_, rest)| rest))
}

fn comments(text: &str, file: &File) -> Vec<String> {
    let texts = file.comments.iter().filter_map(|comment| text.get(comment.span.range()));
    texts.map(|comment| comment.trim_end().to_owned()).collect()
}
