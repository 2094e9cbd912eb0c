//! The documents that the editor has open: what they hold counts, not what the disk holds. Knows nothing of policies.

use std::collections::BTreeMap;

use lsp_types::TextDocumentContentChangeEvent;

use crate::text::Text;

/// The open documents, by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents(BTreeMap<String, Document>);

/// One open document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// What it holds.
    pub(crate) text: Text,
    /// The editor's number of this state.
    pub(crate) version: i32,
}

impl Documents {
    pub(crate) fn open(&mut self, path: String, version: i32, text: String) {
        self.0.insert(path, Document { text: Text::new(text), version });
    }

    /// False if the document is not open.
    pub(crate) fn change(&mut self, path: &str, version: i32, changes: Vec<TextDocumentContentChangeEvent>) -> bool {
        let Some(document) = self.0.get_mut(path) else { return false };
        document.text = document.text.changed(changes);
        document.version = version;
        true
    }

    pub(crate) fn close(&mut self, path: &str) {
        self.0.remove(path);
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Document> {
        self.0.get(path)
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}
