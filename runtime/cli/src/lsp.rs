//! `pentane lsp`: serves an editor. Gives the server files, the clock and threads; knows nothing of the protocol.

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ::lsp::{Ended, Host, Settings, serve};
use clap::Args as ClapArgs;
use daemon::files::PolicyFiles;
use lang::import::{LoadError, Loader};
use net::Time;

use crate::exit::{Exit, Failure};
use crate::settings;

mod wire;

/// What `lsp` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// Speak over standard input and output: the only way, taken so that editors may say it
    #[arg(long)]
    stdio: bool,
}

/// Serves one editor until it leaves.
///
/// # Errors
/// Nobody is at the other end.
pub fn lsp(_: &Args) -> Result<Exit, Failure> {
    if stdin().is_terminal() {
        return Err(Failure::cannot(
            "`pentane lsp` speaks with an editor, which starts it by itself: docs/editors.md says how each is told to",
        ));
    }
    let (connection, writer) = wire::connect();
    let ended = serve(&connection, Arc::new(Machine));
    // With nobody left to say anything, what was said is written out.
    drop(connection);
    let _ = writer.join();
    Ok(match ended {
        Ended::InOrder => Exit::Good,
        Ended::Abandoned => Exit::Bad,
    })
}

/// This machine.
struct Machine;

impl Host for Machine {
    fn read(&self, entries: &[String], path: &str) -> Result<Vec<u8>, LoadError> {
        PolicyFiles::of(entries).read(path)
    }

    fn settings(&self, folder: &str) -> Option<Settings> {
        Some(match settings::of_folder(Path::new(folder))? {
            Ok((entries, severities)) => {
                Settings { entries, severities: Arc::new(move |found| severities.apply(found)), problem: None }
            }
            Err(problem) => {
                let severities = settings::Severities::default();
                Settings {
                    entries: Vec::new(),
                    severities: Arc::new(move |found| severities.apply(found)),
                    problem: Some(problem),
                }
            }
        })
    }

    fn policies(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let policies = paths.filter(|path: &PathBuf| path.extension().is_some_and(|ext| ext == "pol") && path.is_file());
        let mut all: Vec<String> = policies.map(|path| path.to_string_lossy().into_owned()).collect();
        all.sort();
        all
    }

    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Time(u64::try_from(since).unwrap_or(u64::MAX))
    }

    fn spawn(&self, work: Box<dyn FnOnce() + Send>) {
        // The work says for itself when it is done, and the server does not outlive it for it.
        drop(std::thread::spawn(work));
    }
}
