//! What the server knows: open documents, the policies that they belong to, what was found in those and told. Knows nothing of
//! requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossbeam_channel::Sender;
use lang::diag::{self, Diagnostic};
use lsp_server::{Message, Notification, Request};
use lsp_types as lsp;
use lsp_types::notification::{Notification as _, PublishDiagnostics};
use lsp_types::request::{CodeLensRefresh, Request as _};
use lsp_types::{InitializeParams, PublishDiagnosticsParams, Url};

use crate::document::Documents;
use crate::finding;
use crate::host::{Host, Settings};
use crate::place::Place;
use crate::project::{Key, Snapshot};
use crate::proof::{self, Proof, Proved};
use crate::uri;

/// How many policy files beside a document are looked into for one that includes it.
const MAX_LOOKED_INTO: usize = 64;

/// Everything that the server knows.
pub(super) struct State {
    to_editor: Sender<Message>,
    host: Arc<dyn Host>,
    done: Sender<Proved>,
    refreshes_lenses: bool,
    asked: i32,
    pub(super) documents: Documents,
    /// Documents that were opened, changed or closed since the last check; everything may have changed if a file did.
    dirty: BTreeSet<String>,
    everything: bool,
    /// The policy that a document belongs to.
    homes: BTreeMap<String, Key>,
    projects: BTreeMap<Key, Project>,
    /// Why `pentane.toml` of some folders cannot be used.
    problems: BTreeMap<String, String>,
    /// A proof is under way.
    proving: bool,
    told: BTreeMap<Url, Vec<lsp::Diagnostic>>,
}

/// A policy that an open document belongs to.
struct Project {
    settings: Option<Settings>,
    snapshot: Arc<Snapshot>,
    proved: Option<(Option<Proof>, Vec<Diagnostic>)>,
    /// A proof of the snapshot was begun.
    begun: bool,
}

impl State {
    pub(super) fn new(to_editor: Sender<Message>, host: Arc<dyn Host>, done: Sender<Proved>, params: &InitializeParams) -> State {
        let lenses = params.capabilities.workspace.as_ref().and_then(|all| all.code_lens.as_ref());
        State {
            to_editor,
            host,
            done,
            refreshes_lenses: lenses.and_then(|lenses| lenses.refresh_support).unwrap_or(false),
            asked: 0,
            documents: Documents::default(),
            dirty: BTreeSet::new(),
            everything: false,
            homes: BTreeMap::new(),
            projects: BTreeMap::new(),
            problems: BTreeMap::new(),
            proving: false,
            told: BTreeMap::new(),
        }
    }

    /// Says something to the editor; one that is gone is noticed where it is listened to.
    pub(super) fn say(&self, message: impl Into<Message>) {
        let _ = self.to_editor.send(message.into());
    }

    pub(super) fn now(&self) -> net::Time {
        self.host.now()
    }

    /// A document is not what it was.
    pub(super) fn touch(&mut self, path: String) {
        self.dirty.insert(path);
    }

    /// Some file is not what it was.
    pub(super) fn touch_all(&mut self) {
        self.everything = true;
    }

    /// The document, with the policy that it belongs to.
    pub(super) fn place(&self, uri: &Url) -> Option<Place<'_>> {
        let path = uri::path_of(uri);
        let project = self.projects.get(self.homes.get(&path)?)?;
        let proved = project.proved.as_ref();
        Some(Place {
            snapshot: &project.snapshot,
            source: project.snapshot.source(&path)?,
            proof: proved.and_then(|(proof, _)| proof.as_ref()),
            found: project.snapshot.found.iter().chain(proved.into_iter().flat_map(|(_, found)| found)).collect(),
        })
    }

    /// The policies of all open documents.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&Key, &Snapshot)> {
        self.projects.iter().map(|(key, project)| (key, &*project.snapshot))
    }

    pub(super) fn load(&self, key: &Key, documents: &Documents) -> Snapshot {
        key.load(documents, &*self.host)
    }

    pub(super) fn home(&self, uri: &Url) -> Option<&Key> {
        self.homes.get(&uri::path_of(uri))
    }

    /// Checks again what is not what it was, tells what was found, and has the rest proved.
    pub(super) fn refresh(&mut self) {
        if !self.everything && self.dirty.is_empty() {
            return;
        }
        let dirty = std::mem::take(&mut self.dirty);
        if std::mem::take(&mut self.everything) {
            self.homes.clear();
            self.projects.clear();
            self.problems.clear();
        }
        let open: BTreeSet<String> = self.documents.paths().cloned().collect();
        self.homes.retain(|path, _| open.contains(path));
        // One that was opened and holds what its file holds changes nothing.
        let differs = |snapshot: &Snapshot, path: &str, id| {
            let text = snapshot.sources.get(id).map(|source| &*source.text);
            self.documents.get(path).is_none_or(|document| text != Some(document.text.as_str()))
        };
        let of_text = |snapshot: &Snapshot, path: &str| snapshot.source(path).is_some_and(|id| differs(snapshot, path, id));
        let stale = |project: &Project| dirty.iter().any(|path| of_text(&project.snapshot, path));
        let again: Vec<Key> = self.projects.iter().filter(|(_, project)| stale(project)).map(|(key, _)| key.clone()).collect();
        let mut old = Vec::new();
        for key in again {
            let snapshot = self.load(&key, &self.documents);
            if let Some(project) = self.projects.get_mut(&key) {
                old.push(std::mem::replace(project, Project::new(project.settings.clone(), snapshot)));
            }
        }
        for path in &open {
            let home = self.homes.get(path).and_then(|key| self.projects.get(key));
            if home.is_none_or(|project| project.snapshot.source(path).is_none()) {
                let home = self.find_home(path);
                self.homes.insert(path.clone(), home);
            }
        }
        let homes: BTreeSet<&Key> = self.homes.values().collect();
        self.projects.retain(|key, _| homes.contains(key));
        self.tell();
        // Taking a large policy apart takes its time, and nobody waits for it.
        if !old.is_empty() {
            self.host.spawn(Box::new(move || drop(old)));
        }
    }

    /// The policy that a document belongs to: what `pentane.toml` names, what another open document belongs to, a file beside it
    /// that includes it; else it is one by itself.
    fn find_home(&mut self, path: &str) -> Key {
        let alone = Key::alone(path);
        let mut folder = alone.root.clone();
        while !folder.is_empty() {
            if let Some(settings) = self.host.settings(&folder) {
                let key = Key { root: folder.clone(), entries: settings.entries.clone() };
                if let Some(problem) = settings.problem {
                    self.problems.insert(folder, problem);
                } else if self.includes(&key, Some(settings), path) {
                    return key;
                }
                break;
            }
            match uri::split(&folder).0 {
                above if above == folder => break,
                above => folder = above.to_owned(),
            }
        }
        let open: Vec<Key> = self.projects.keys().cloned().collect();
        if let Some(key) = open.into_iter().find(|key| self.includes(key, None, path)) {
            return key;
        }
        let beside = if alone.root.is_empty() { Vec::new() } else { self.host.policies(&alone.root) };
        for other in beside.iter().filter(|other| *other != path).take(MAX_LOOKED_INTO) {
            let key = Key::alone(other);
            if self.includes(&key, None, path) {
                return key;
            }
        }
        self.keep(&alone, None);
        alone
    }

    /// True if the document is a text of the policy, which is kept then.
    fn includes(&mut self, key: &Key, settings: Option<Settings>, path: &str) -> bool {
        if let Some(project) = self.projects.get(key) {
            return project.snapshot.source(path).is_some();
        }
        let snapshot = self.load(key, &self.documents);
        let includes = snapshot.source(path).is_some();
        if includes {
            self.projects.insert(key.clone(), Project::new(settings, snapshot));
        }
        includes
    }

    fn keep(&mut self, key: &Key, settings: Option<Settings>) {
        let snapshot = self.load(key, &self.documents);
        self.projects.insert(key.clone(), Project::new(settings, snapshot));
    }

    /// Tells the editor of each text what was found in it, where that is not what it was told before.
    fn tell(&mut self) {
        let mut all: BTreeMap<Url, Vec<lsp::Diagnostic>> = BTreeMap::new();
        for project in self.projects.values() {
            for (id, _) in project.snapshot.sources.iter() {
                if let Some(uri) = project.snapshot.path(id).and_then(|path| uri::of_path(&path)) {
                    all.entry(uri).or_default();
                }
            }
            for found in project.found() {
                let place = project.snapshot.path(found.span.source).and_then(|path| uri::of_path(&path));
                if let (Some(uri), Some(shown)) = (place, finding::shown(&project.snapshot, &found)) {
                    let of_text = all.entry(uri).or_default();
                    if !of_text.contains(&shown) {
                        of_text.push(shown);
                    }
                }
            }
        }
        for (uri, settings) in self.settings_with_problems() {
            all.entry(uri).or_default().push(settings);
        }
        let gone: Vec<Url> = self.told.keys().filter(|uri| !all.contains_key(uri)).cloned().collect();
        for uri in gone {
            self.publish(uri, Vec::new());
        }
        for (uri, found) in &all {
            // Of a file that is not open, nothing is no news.
            let no_news = found.is_empty() && self.documents.get(&uri::path_of(uri)).is_none();
            if self.told.get(uri) != Some(found) && (!no_news || self.told.contains_key(uri)) {
                self.publish(uri.clone(), found.clone());
            }
        }
        self.told = all;
    }

    /// Why `pentane.toml` cannot be used, at its first line.
    fn settings_with_problems(&self) -> Vec<(Url, lsp::Diagnostic)> {
        let shown = |(folder, problem): (&String, &String)| {
            let uri = uri::of_path(&uri::join(folder, "pentane.toml"))?;
            let severity = Some(lsp::DiagnosticSeverity::ERROR);
            let source = Some("pentane".to_owned());
            Some((uri, lsp::Diagnostic { severity, source, message: problem.clone(), ..lsp::Diagnostic::default() }))
        };
        self.problems.iter().filter_map(shown).collect()
    }

    fn publish(&self, uri: Url, diagnostics: Vec<lsp::Diagnostic>) {
        let version = self.documents.get(&uri::path_of(&uri)).map(|document| document.version);
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        self.say(Notification::new(PublishDiagnostics::METHOD.to_owned(), params));
    }

    /// True if there is a policy that could be proved and has not been as it stands.
    pub(super) fn has_to_prove(&self) -> bool {
        !self.proving && self.projects.values().any(Project::is_unproved)
    }

    /// Has the next policy proved that has not been as it stands: one at a time.
    pub(super) fn prove_next(&mut self) {
        if self.proving {
            return;
        }
        let Some((key, project)) = self.projects.iter_mut().find(|(_, project)| project.is_unproved()) else { return };
        project.begun = true;
        self.proving = true;
        proof::start(&self.host, key.clone(), Arc::clone(&project.snapshot), self.done.clone());
    }

    /// Takes what was proved, unless the policy has changed since.
    pub(super) fn take(&mut self, proved: Proved) {
        self.proving = false;
        let project = self.projects.get_mut(&proved.key);
        if let Some(project) = project.filter(|project| Arc::ptr_eq(&project.snapshot, &proved.snapshot)) {
            project.proved = Some((proved.result, proved.found));
            self.tell();
            self.refresh_lenses();
        }
    }

    fn refresh_lenses(&mut self) {
        if self.refreshes_lenses {
            self.asked += 1;
            let id = lsp_server::RequestId::from(self.asked);
            self.say(Request::new(id, CodeLensRefresh::METHOD.to_owned(), ()));
        }
    }
}

impl Project {
    fn new(settings: Option<Settings>, snapshot: Snapshot) -> Project {
        Project { settings, snapshot: Arc::new(snapshot), proved: None, begun: false }
    }

    fn is_unproved(&self) -> bool {
        !self.begun && self.snapshot.policy.is_some()
    }

    /// All that was found, with the severities that it is to have.
    fn found(&self) -> Vec<Diagnostic> {
        let proved = self.proved.iter().flat_map(|(_, found)| found);
        let mut all: Vec<Diagnostic> = self.snapshot.found.iter().chain(proved).cloned().collect();
        match &self.settings {
            Some(settings) => (settings.severities)(&mut all),
            None => all.retain(|found| found.code != lang::lint::order_decides::W0306),
        }
        diag::sort(&mut all, &self.snapshot.sources);
        all
    }
}
