//! A new name for what is declared, in every file of the policy. Only where the policy says with it what it said before.

use std::collections::{BTreeMap, HashMap};

use lang::builtin;
use lang::lexer::{Tok, lex};
use lang::repair::{Edit, apply};
use lang::source::{SourceId, Span};
use lsp_types::{Position, PrepareRenameResponse, TextEdit, Url, WorkspaceEdit};

use crate::document::Documents;
use crate::names::Occurrence;
use crate::place::Place;
use crate::project::Snapshot;
use crate::uri;

/// What is to get a new name; why it cannot have one.
pub(crate) fn prepare(place: &Place<'_>, at: Position) -> Result<PrepareRenameResponse, String> {
    let name = renamable(place, at)?;
    let range = place.snapshot.range(name.span).ok_or("the place is not in the text")?;
    Ok(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: name.name.to_string() })
}

fn renamable<'a>(place: &Place<'a>, at: Position) -> Result<&'a Occurrence, String> {
    let offset = place.text().map(|text| text.offset(at)).unwrap_or_default();
    let name = place.name(offset).ok_or("there is no name here that the policy declares")?;
    match place.snapshot.names().declaration(name.space, &name.name) {
        Some(_) => Ok(name),
        None => Err(format!("`{}` is not declared in this policy, so that it has no other name", name.name)),
    }
}

/// The edits that give the name at a place a new one. `again` loads the policy from other documents.
pub(crate) fn rename(
    place: &Place<'_>,
    at: Position,
    new: &str,
    documents: &Documents,
    again: impl FnOnce(&Documents) -> Snapshot,
) -> Result<WorkspaceEdit, String> {
    let name = renamable(place, at)?;
    let snapshot = place.snapshot;
    if &*name.name == new {
        return Ok(WorkspaceEdit::default());
    }
    check_word(new)?;
    if let Some(taken) = snapshot.names().places(name.space, new).next() {
        let at = snapshot.sources.position(taken.span);
        return Err(format!("`{new}` is taken: see {}:{}", at.file, at.line));
    }
    let mut edits: BTreeMap<SourceId, Vec<Span>> = BTreeMap::new();
    for one in snapshot.names().places(name.space, &name.name) {
        edits.entry(one.span.source).or_default().push(one.span);
    }
    check_meaning(snapshot, name, new, &edits, documents, again)?;
    let mut changes: HashMap<Url, Vec<TextEdit>> = HashMap::new();
    for (source, spans) in edits {
        let uri = snapshot.path(source).and_then(|path| uri::of_path(&path)).ok_or("a file of the policy has no URI")?;
        let of_text = spans.iter().filter_map(|span| Some(TextEdit { range: snapshot.range(*span)?, new_text: new.to_owned() }));
        changes.insert(uri, of_text.collect());
    }
    Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// Refuses what is no name, or means something already.
fn check_word(new: &str) -> Result<(), String> {
    let lexed = lex(SourceId(0), new);
    let one = matches!(lexed.tokens.as_slice(), [token] if token.tok == Tok::Name && token.start == 0 && token.end == new.len());
    if !one || lexed.diagnostics.total() > 0 || !new.is_ascii() {
        return Err(format!("`{new}` is no name: letters, digits, `-`, `_` and `.`, and no word of the language"));
    }
    if builtin::service(new).is_some() || builtin::set(new).is_some() || builtin::protocol(new).is_some() {
        return Err(format!("`{new}` is a name that the language brings along"));
    }
    Ok(())
}

/// Reads the policy with the edits made: nothing new may be wrong with it, and the same places must bear the name.
fn check_meaning(
    snapshot: &Snapshot,
    name: &Occurrence,
    new: &str,
    edits: &BTreeMap<SourceId, Vec<Span>>,
    documents: &Documents,
    again: impl FnOnce(&Documents) -> Snapshot,
) -> Result<(), String> {
    let mut changed = documents.clone();
    for (source, spans) in edits {
        let edits: Vec<Edit> = spans.iter().map(|span| Edit { span: *span, text: new.to_owned() }).collect();
        if let (Some(path), Some(text)) = (snapshot.path(*source), snapshot.text(*source)) {
            changed.open(path, 0, apply(text.as_str(), &edits));
        }
    }
    let after = again(&changed);
    let codes = |snapshot: &Snapshot| snapshot.found.iter().map(|found| found.code).collect::<Vec<_>>();
    let (before, then) = (snapshot.names().places(name.space, &name.name).count(), after.names().places(name.space, new).count());
    if before != then || codes(snapshot) != codes(&after) {
        let why = after.found.iter().find(|found| found.message.contains(new)).map(|found| format!(": {}", found.message));
        return Err(format!("with the name `{new}` the policy would say something else{}", why.unwrap_or_default()));
    }
    Ok(())
}
