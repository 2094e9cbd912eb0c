//! A complete answer as it was told to the switches of a line: what the null responder repeats. Knows nothing of where it came from.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::case::Version;
use super::wire::{Layout, Said};

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shape {
    of_13: bool,
    /// At each switch of the line, one message after the other.
    messages: Vec<Vec<Vec<u8>>>,
}

/// What the null responder is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// What it answers.
    pub(super) shape: Shape,
}

impl Shape {
    /// The answer of these messages.
    pub(super) fn new(version: Version, messages: Vec<Vec<Vec<u8>>>) -> Shape {
        Shape { of_13: version == Version::V13, messages }
    }

    /// The version of the messages.
    pub(super) fn version(&self) -> Version {
        if self.of_13 { Version::V13 } else { Version::V10 }
    }

    /// Switches in the line.
    pub(super) fn hops(&self) -> usize {
        self.messages.len()
    }

    /// True if both have the same kinds of messages, of the same lengths.
    pub(super) fn is_like(&self, other: &Shape) -> bool {
        let outline = |shape: &Shape| -> Vec<Vec<(Option<u8>, usize)>> {
            let of_one = |told: &Vec<Vec<u8>>| told.iter().map(|frame| (frame.get(1).copied(), frame.len())).collect();
            shape.messages.iter().map(of_one).collect()
        };
        outline(self) == outline(other)
    }

    /// Entries that are put in, at each switch.
    pub(super) fn entries(&self, layout: &Layout) -> Vec<u64> {
        let is_entry = |frame: &&Vec<u8>| matches!(layout.read(frame), Said::Added(_));
        self.messages.iter().map(|told| told.iter().filter(is_entry).count() as u64).collect()
    }

    /// All that a switch of the line is told, and where in it buffers are named.
    pub(super) fn told(&self, place: usize, layout: &Layout) -> (Vec<u8>, Vec<usize>) {
        let (mut all, mut buffers) = (Vec::new(), Vec::new());
        for frame in self.messages.get(place).into_iter().flatten() {
            buffers.extend(layout.buffer_at(frame).map(|at| all.len() + at));
            all.extend_from_slice(frame);
        }
        (all, buffers)
    }
}

impl Task {
    /// Writes it down for the null responder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        fs::write(file, text).map_err(|error| format!("cannot write the answer down: {error}"))
    }

    /// Reads what was written down.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(file: &Path) -> Result<Task, String> {
        let text = fs::read(file).map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
        serde_json::from_slice(&text).map_err(|error| format!("`{}` is no answer: {error}", file.display()))
    }
}
