//! Reads the policy again beside the loop, one reading at a time: the loop decides packets meanwhile. Knows nothing of what the policy
//! says.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle};

use crate::policy::{self, Loaded};
use crate::watch::Reason;

/// The reading under way, and whether another is to follow it.
pub struct Reading {
    load: Arc<dyn Fn() -> Loaded + Send + Sync>,
    under_way: Option<(Reason, JoinHandle<Loaded>)>,
    again: Option<Reason>,
}

impl Reading {
    /// Will read these files.
    pub fn of(files: Vec<PathBuf>) -> Reading {
        Reading::by(move || policy::load(&files))
    }

    /// Will read in this way.
    pub fn by(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Reading {
        Reading { load: Arc::new(load), under_way: None, again: None }
    }

    /// Begins to read. While a reading is under way, one more follows it, however often this is asked: what was asked for last is what
    /// is read last.
    pub fn ask(&mut self, reason: Reason) {
        if self.under_way.is_some() {
            // Who sent a signal wants an answer, even if nothing changed.
            self.again = Some(if self.again == Some(Reason::Signal) { Reason::Signal } else { reason });
            return;
        }
        let load = self.load.clone();
        self.under_way = Some((reason, tokio::task::spawn_blocking(move || load())));
    }

    /// Waits for the end of the reading under way, for ever if there is none. May be given up at any time and called again.
    ///
    /// # Errors
    /// The reading broke off.
    pub async fn done(&mut self) -> (Reason, Result<Loaded, JoinError>) {
        let Some((reason, reading)) = &mut self.under_way else { return pending().await };
        let (reason, loaded) = (*reason, reading.await);
        self.under_way = None;
        if let Some(again) = self.again.take() {
            self.ask(again);
        }
        (reason, loaded)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn however_often_it_is_asked_one_more_follows() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = begun.clone();
        let (gate, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let mut reading = Reading::by(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            wait.lock().unwrap().recv().unwrap();
            policy::load(&[])
        });
        reading.ask(Reason::FileChanged);
        for _ in 0..100 {
            reading.ask(Reason::Signal);
            reading.ask(Reason::FileChanged);
        }
        gate.send(()).unwrap();
        assert_eq!(reading.done().await.0, Reason::FileChanged);
        gate.send(()).unwrap();
        assert_eq!(reading.done().await.0, Reason::Signal, "the signal's answer is not lost");
        assert!(reading.under_way.is_none() && reading.again.is_none());
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
