//! Tells when a policy file may have changed: by SIGHUP, or because something happened in its folder. Knows nothing of policy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A burst of events ends when nothing happened for this long: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// Why the policy is to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// SIGHUP came.
    Signal,
    /// Something happened in a folder with a policy file.
    FileChanged,
}

/// Watches the folders of the files: a file that is replaced by a rename is another file, its folder stays.
pub struct Watch {
    changes: mpsc::UnboundedReceiver<()>,
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    /// When the burst under way ends, if nothing more happens.
    quiet_at: Option<Instant>,
}

impl Watch {
    /// Watches nothing yet. Where the system cannot watch, only SIGHUP reloads.
    pub fn new() -> Watch {
        let (sender, changes) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // A closed channel means that the daemon is ending.
                let _ = sender.send(());
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "files are not watched; reload with SIGHUP");
        }
        Watch { changes, watcher: watcher.ok(), folders: BTreeSet::new(), quiet_at: None }
    }

    /// Watches the folders of these files too.
    pub fn add(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        for file in files {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if self.folders.contains(folder) {
                continue;
            }
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder.to_owned());
                }
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "folder is not watched; reload with SIGHUP"),
            }
        }
    }

    /// Waits until something happened and it has been quiet since. May be given up at any time and called again: nothing is lost.
    pub async fn changed(&mut self) {
        loop {
            let happened = match self.quiet_at {
                None => self.changes.recv().await,
                Some(end) => match tokio::time::timeout_at(end, self.changes.recv()).await {
                    Ok(happened) => happened,
                    Err(_) => {
                        self.quiet_at = None;
                        return;
                    }
                },
            };
            if happened.is_none() {
                std::future::pending::<()>().await;
            }
            self.quiet_at = Some(Instant::now() + QUIET);
        }
    }
}
