//! THE table of exit codes, and why a command could not do what it was asked. Knows nothing of any one command.

use std::io;
use std::process::ExitCode;

/// How a command ended. The numbers are part of the interface and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and the answer is good.
    Good = 0,
    /// Done, and the answer is bad.
    Bad = 1,
    /// Could not do it.
    CannotDo = 2,
    /// Undecided or stale.
    Undecided = 3,
    /// Daemon or switch not reachable, or not permitted.
    Unreachable = 4,
    /// Rolled back.
    RolledBack = 5,
}

/// Every exit code with its meaning, ascending.
pub const EXITS: &[(Exit, &str)] = &[
    (Exit::Good, "done, and the answer is good"),
    (Exit::Bad, "done, and the answer is bad: errors, a failed test, an unexpected verdict"),
    (Exit::CannotDo, "could not do it: usage, unreadable file, bad configuration"),
    (Exit::Undecided, "undecided or stale"),
    (Exit::Unreachable, "daemon or switch not reachable, or not permitted"),
    (Exit::RolledBack, "rolled back"),
];

/// Why a command stopped before it had an answer.
#[derive(Debug)]
pub enum Failure {
    /// What it was asked cannot be done: one sentence without a full stop at the end.
    Cannot(String),
    /// Nobody takes the output.
    Output(io::Error),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Failure {
    /// What was asked cannot be done.
    pub fn cannot(why: impl Into<String>) -> Failure {
        Failure::Cannot(why.into())
    }
}

/// The table as text, for `--help`.
pub fn table() -> String {
    let rows = EXITS.iter().map(|(exit, meaning)| format!("  {}  {meaning}", *exit as u8));
    std::iter::once("Exit codes:".to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_their_places() {
        let codes: Vec<u8> = EXITS.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
    }
}
