//! A document that a question is about, with the policy that it belongs to. Knows nothing of questions.

use lang::ast::Item;
use lang::checked::{Checked, Rule};
use lang::diag::Diagnostic;
use lang::source::{SourceId, Span};

use crate::names::Occurrence;
use crate::project::Snapshot;
use crate::proof::Proof;
use crate::text::{Text, small};

/// A document with its policy.
pub(crate) struct Place<'a> {
    /// The policy.
    pub(crate) snapshot: &'a Snapshot,
    /// The document.
    pub(crate) source: SourceId,
    /// What was proved of the policy as it stands; nothing while that is under way.
    pub(crate) proof: Option<&'a Proof>,
    /// What was found in the policy.
    pub(crate) found: Vec<&'a Diagnostic>,
}

impl<'a> Place<'a> {
    /// The document's text.
    pub(crate) fn text(&self) -> Option<&'a Text> {
        self.snapshot.text(self.source)
    }

    /// The name at a byte.
    pub(crate) fn name(&self, offset: usize) -> Option<&'a Occurrence> {
        self.snapshot.names().at(self.source, offset)
    }

    /// The policy without errors, if it is one.
    pub(crate) fn policy(&self) -> Option<&'a Checked> {
        self.snapshot.policy.as_deref()
    }

    /// The statement that holds a byte.
    pub(crate) fn item(&self, offset: usize) -> Option<&'a Item> {
        let offset = small(offset);
        let mut items = self.snapshot.file(self.source)?.items.iter();
        items.find(|item| item.span().start <= offset && offset <= item.span().end)
    }

    /// The rules that a statement makes.
    pub(crate) fn rules(&self, statement: Span) -> impl Iterator<Item = &'a Rule> + use<'a> {
        self.policy().into_iter().flat_map(|policy| policy.site_rules()).filter(move |rule| rule.span == statement)
    }
}
