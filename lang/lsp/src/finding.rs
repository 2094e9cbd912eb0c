//! Findings as the protocol has them. Knows nothing of how they were found.

use lang::codes::Code;
use lang::diag::{Diagnostic, Severity};
use lsp_types as lsp;
use lsp_types::{DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, NumberOrString};

use lang::lint::duplicate_member::W0302;
use lang::lint::matches_nothing::W0305;
use lang::lint::redundant_rule::W0304;
use lang::lint::shadowed_rule::W0303;
use lang::lint::unused_name::W0301;

use crate::project::Snapshot;

/// Shown as grey text: without them nothing would change.
const NEEDLESS: &[Code] = &[W0301, W0302, W0303, W0304, W0305];

/// The finding; nothing if its place is in no text.
pub(crate) fn shown(snapshot: &Snapshot, found: &Diagnostic) -> Option<lsp::Diagnostic> {
    let related: Vec<DiagnosticRelatedInformation> = found
        .related
        .iter()
        .filter_map(|one| Some(DiagnosticRelatedInformation { location: snapshot.location(one.span)?, message: one.told() }))
        .collect();
    Some(lsp::Diagnostic {
        range: snapshot.range(found.span)?,
        severity: Some(match found.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(found.code.text().to_owned())),
        source: Some("pentane".to_owned()),
        message: message(found),
        related_information: (!related.is_empty()).then_some(related),
        tags: NEEDLESS.contains(&found.code).then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..lsp::Diagnostic::default()
    })
}

/// What is wrong, what shows it, and what to do.
fn message(found: &Diagnostic) -> String {
    let mut lines = vec![found.message.clone()];
    if let Some(witness) = &found.witness {
        lines.push(format!("flow: {}, decided by {}", witness.flow, witness.decided_by));
    }
    lines.extend(found.help.iter().map(|help| format!("help: {help}")));
    lines.join("\n")
}
