//! Edits: the document laid out, and answers to findings. Knows nothing of how they were found.

use std::collections::HashMap;

use lang::diag::{Diagnostic, Severity};
use lang::repair::{self, Edit};
use lang::source::{SourceMap, Span};
use lang::{flowspec, format, testing};
use lsp_types::{CodeAction, CodeActionKind, CodeActionOrCommand, Range, TextEdit, Url, WorkspaceEdit};

use crate::finding;
use crate::place::Place;
use crate::uri;

/// The edit that lays the document out; none if it is so already, nothing if it has errors.
pub(crate) fn format(place: &Place<'_>) -> Option<Vec<TextEdit>> {
    let text = place.text()?;
    let mut sources = SourceMap::default();
    let id = sources.add("document", text.as_str());
    let new_text = format::format(&sources, id).ok()?;
    if new_text == text.as_str() {
        return Some(Vec::new());
    }
    Some(vec![TextEdit { range: text.whole(), new_text }])
}

/// What can be done about what was found in a range of the document.
pub(crate) fn actions(place: &Place<'_>, range: Range) -> Vec<CodeActionOrCommand> {
    let Some(text) = place.text() else { return Vec::new() };
    let (start, end) = (text.offset(range.start), text.offset(range.end));
    let touches = |span: Span| span.source == place.source && span.range().start <= end && start <= span.range().end;
    let mut actions = Vec::new();
    for found in place.found.iter().filter(|found| touches(found.span)) {
        let repairs = repair::of(found, &place.snapshot.sources, &place.snapshot.tree);
        for (number, repair) in repairs.into_iter().enumerate() {
            // Of a policy that stands, nothing is preferred that may change what it does.
            let is_preferred = number == 0 && (repair.keeps_meaning || found.severity == Severity::Error);
            actions.extend(action(place, found, repair.title, &repair.edits, is_preferred));
        }
        actions.extend(as_test(place, found));
    }
    actions
}

fn action(
    place: &Place<'_>,
    found: &Diagnostic,
    title: String,
    edits: &[Edit],
    is_preferred: bool,
) -> Option<CodeActionOrCommand> {
    let mut changes: HashMap<Url, Vec<TextEdit>> = HashMap::new();
    for edit in edits {
        let uri = uri::of_path(&place.snapshot.path(edit.span.source)?)?;
        let made = TextEdit { range: place.snapshot.range(edit.span)?, new_text: edit.text.clone() };
        changes.entry(uri).or_default().push(made);
    }
    Some(CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: finding::shown(place.snapshot, found).map(|shown| vec![shown]),
        edit: Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }),
        is_preferred: Some(is_preferred),
        ..CodeAction::default()
    }))
}

/// The flow that shows a finding, as a test at the end of the document: it holds what happens now, so that a change is noticed.
fn as_test(place: &Place<'_>, found: &Diagnostic) -> Option<CodeActionOrCommand> {
    let (witness, proof, policy) = (found.witness.as_ref()?, place.proof?, place.policy()?);
    let flows = flowspec::read(policy, &witness.flow).ok()?;
    let flow = flows.first()?;
    let case = testing::case_text(policy, flow, &proof.program.judge(flow))?;
    let text = place.text()?.as_str();
    let line = place.snapshot.sources.position(found.span).line;
    let gap = if text.is_empty() || text.ends_with('\n') { "\n" } else { "\n\n" };
    let block = format!("{gap}test \"{} of line {line}\" {{\n    {case}\n}}\n", found.code);
    let at = u32::try_from(text.len()).ok()?;
    let end = Span { source: place.source, start: at, end: at };
    action(place, found, "add the flow as a test".to_owned(), &[Edit { span: end, text: block }], false)
}
