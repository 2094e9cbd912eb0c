//! What the server needs of the machine that it runs on. Knows nothing of the protocol.

use std::sync::Arc;

use lang::diag::Diagnostic;
use lang::import::LoadError;
use net::Time;

/// Files, time and threads. Paths are absolute, with `/` between their parts.
pub trait Host: Send + Sync {
    /// The bytes of a file of the policy with these entries, under the rules of [`lang::import::Loader`].
    ///
    /// # Errors
    /// Why it cannot be had.
    fn read(&self, entries: &[String], path: &str) -> Result<Vec<u8>, LoadError>;

    /// What `pentane.toml` in a folder says; nothing if there is none.
    fn settings(&self, folder: &str) -> Option<Settings>;

    /// The policy files of a folder.
    fn policies(&self, folder: &str) -> Vec<String>;

    /// The present.
    fn now(&self) -> Time;

    /// Does work beside the server's own.
    fn spawn(&self, work: Box<dyn FnOnce() + Send>);
}

/// A machine without files, on which it is always the same time.
#[derive(Clone, Copy, Debug)]
pub struct Nothing {
    /// The present.
    pub now: Time,
    /// What becomes of work beside the server's own.
    pub spawn: fn(Box<dyn FnOnce() + Send>),
}

impl Host for Nothing {
    fn read(&self, _: &[String], _: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::NotFound)
    }

    fn settings(&self, _: &str) -> Option<Settings> {
        None
    }

    fn policies(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn now(&self) -> Time {
        self.now
    }

    fn spawn(&self, work: Box<dyn FnOnce() + Send>) {
        (self.spawn)(work);
    }
}

/// Gives findings their severities, and drops those that nobody asked for.
pub type Severities = Arc<dyn Fn(&mut Vec<Diagnostic>) + Send + Sync>;

/// What `pentane.toml` says of a policy.
#[derive(Clone)]
pub struct Settings {
    /// The entries, relative to its folder.
    pub entries: Vec<String>,
    /// How bad findings are to be taken.
    pub severities: Severities,
    /// Why it cannot be used, if so.
    pub problem: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("entries", &self.entries).field("problem", &self.problem).finish_non_exhaustive()
    }
}
