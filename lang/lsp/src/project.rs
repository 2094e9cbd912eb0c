//! A policy that is being written: its entries, and what loading and checking its texts came to. Knows nothing of the protocol.

use std::sync::{Arc, OnceLock};

use lang::ast::{File, Policy};
use lang::check::check_loaded;
use lang::checked::Checked;
use lang::diag::{self, Diagnostic};
use lang::import::{self, LoadError, Loader};
use lang::source::{SourceId, SourceMap, Span};

use crate::document::Documents;
use crate::host::Host;
use crate::names::Names;
use crate::text::Text;
use crate::uri;

/// Which policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// The folder that names of files are relative to; empty for a document that is no file.
    pub(crate) root: String,
    /// The entries, relative to it.
    pub(crate) entries: Vec<String>,
}

/// A policy as it stands.
#[derive(Debug)]
pub(crate) struct Snapshot {
    key: Key,
    /// Its texts.
    pub(crate) sources: SourceMap,
    /// The tree of what could be read.
    pub(crate) tree: Policy,
    /// The policy, if there is no error in it.
    pub(crate) policy: Option<Arc<Checked>>,
    /// What reading and checking found.
    pub(crate) found: Vec<Diagnostic>,
    /// Every name in it, once somebody asks.
    names: OnceLock<Names>,
    /// The texts with their lines as the protocol counts, once somebody asks.
    texts: Vec<OnceLock<Text>>,
}

/// Open documents before files.
struct Overlay<'a> {
    key: &'a Key,
    entries: Vec<String>,
    documents: &'a Documents,
    host: &'a dyn Host,
}

impl Loader for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let path = uri::join(&self.key.root, path);
        match self.documents.get(&path) {
            Some(document) => Ok(document.text.as_str().as_bytes().to_vec()),
            None => self.host.read(&self.entries, &path),
        }
    }
}

impl Key {
    /// A policy of one file, or of a document that is no file.
    pub(crate) fn alone(path: &str) -> Key {
        if !path.starts_with('/') {
            return Key { root: String::new(), entries: vec![path.to_owned()] };
        }
        let (root, name) = uri::split(path);
        Key { root: root.to_owned(), entries: vec![name.to_owned()] }
    }

    /// Loads and checks it.
    pub(crate) fn load(&self, documents: &Documents, host: &dyn Host) -> Snapshot {
        let entries = self.entries.iter().map(|entry| uri::join(&self.root, entry)).collect();
        let names: Vec<&str> = self.entries.iter().map(String::as_str).collect();
        let loaded = import::load(&names, &Overlay { key: self, entries, documents, host });
        let (policy, mut found) = check_loaded(&loaded);
        diag::sort(&mut found, &loaded.sources);
        Snapshot {
            key: self.clone(),
            names: OnceLock::new(),
            texts: loaded.sources.iter().map(|_| OnceLock::new()).collect(),
            sources: loaded.sources,
            tree: loaded.policy,
            policy: policy.map(Arc::new),
            found,
        }
    }
}

impl Snapshot {
    /// The text at a path, if it is one of the policy's.
    pub(crate) fn source(&self, path: &str) -> Option<SourceId> {
        self.sources.iter().find(|(_, source)| uri::join(&self.key.root, &source.name) == path).map(|(id, _)| id)
    }

    /// The path of a text.
    pub(crate) fn path(&self, id: SourceId) -> Option<String> {
        self.sources.get(id).map(|source| uri::join(&self.key.root, &source.name))
    }

    /// A text with its lines.
    pub(crate) fn text(&self, id: SourceId) -> Option<&Text> {
        let source = self.sources.get(id)?;
        Some(self.texts.get(id.0 as usize)?.get_or_init(|| Text::new(source.text.to_string())))
    }

    /// Every name in the policy.
    pub(crate) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(&self.tree))
    }

    /// The statements of a text.
    pub(crate) fn file(&self, id: SourceId) -> Option<&File> {
        self.tree.file(id)
    }

    /// Where a stretch of text is, for the editor.
    pub(crate) fn location(&self, span: Span) -> Option<lsp_types::Location> {
        let uri = uri::of_path(&self.path(span.source)?)?;
        Some(lsp_types::Location { uri, range: self.range(span)? })
    }

    /// The same in its text.
    pub(crate) fn range(&self, span: Span) -> Option<lsp_types::Range> {
        Some(self.text(span.source)?.range(span.range()))
    }
}
