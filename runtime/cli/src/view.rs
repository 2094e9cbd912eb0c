//! A view file, read and held against a policy. Knows nothing of what is asked in the view.

mod shape;

use std::path::Path;

use compiler::view::{Present, ViewError, ViewFile};
use daemon::files::{read_bounded, unreadable};
use lang::checked::Checked;
use serde_json::Value;

use crate::exit::Failure;
use crate::load::STDIN;
use crate::suppose::{Supposed, Touch};

/// How many of the mistakes of a view are told.
const MAX_TOLD: usize = 100;

/// How many characters of each.
const MAX_LENGTH: usize = 300;

/// The view in a file, with what is supposed of it.
///
/// # Errors
/// The file cannot be had, is no view, or does not fit the policy.
pub fn read(path: &Path, policy: &Checked, supposed: &Supposed) -> Result<Present, Failure> {
    let name = path.display().to_string();
    if name == STDIN {
        return Err(Failure::Cannot("a view is read from a file, and not from standard input".to_owned()));
    }
    let bytes = read_bounded(path).map_err(|error| Failure::Cannot(unreadable(&name, &error)))?;
    let no_view = |why: &dyn std::fmt::Display| Failure::Cannot(format!("{name} is not a view: {why}"));
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(no_view(&"it starts with a byte order mark: save it as UTF-8 without one"));
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| match path.extension() {
        Some(end) if end == "pol" => Failure::Cannot(format!(
            "{name} is a policy: a view is JSON, as `pentane help view` says, and the policy stands before `--view`"
        )),
        Some(_) | None => no_view(&error),
    })?;
    if let Some(why) = shape::misshapen(&value) {
        return Err(no_view(&why));
    }
    let mut file: ViewFile = serde_json::from_slice(&bytes).map_err(|error| no_view(&error))?;
    let touched = supposed.change(&mut file, policy)?;
    file.resolve(policy).map_err(|errors| {
        // What is wrong with the view as it stands is no change's fault.
        let own = serde_json::from_slice::<ViewFile>(&bytes).ok().and_then(|file| file.resolve(policy).err());
        match own {
            Some(own) => unfit(&name, own.iter().map(ViewError::to_string)),
            None => unfit_changes(&name, &errors, &touched),
        }
    })
}

/// What is wrong with a view.
fn unfit(name: &str, errors: impl ExactSizeIterator<Item = String>) -> Failure {
    let more = errors.len().saturating_sub(MAX_TOLD);
    let one = |error: String| format!("\n  {}", error.chars().take(MAX_LENGTH).collect::<String>());
    let all: String = errors.take(MAX_TOLD).map(one).collect();
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    Failure::Cannot(format!("the view {name} does not fit the policy:{all}{more}"))
}

/// What is wrong with changes of a view, each as it was typed.
fn unfit_changes(name: &str, errors: &[ViewError], touched: &[Touch]) -> Failure {
    let one = |error: &ViewError| match guilty(error, touched) {
        Some(touch) => format!("`{}`: {}", touch.typed, error.fault),
        None => error.to_string(),
    };
    match errors {
        [error] => Failure::Cannot(one(error).chars().take(MAX_LENGTH).collect()),
        errors => unfit(&format!("{name} with changes"), errors.iter().map(one)),
    }
}

/// The change that is at fault: of those of the same station, the last that has most of its words in what is wrong.
fn guilty<'t>(error: &ViewError, touched: &'t [Touch]) -> Option<&'t Touch> {
    let text = error.fault.to_string();
    let shared = |touch: &&Touch| {
        let words = touch.typed.split([' ', '=', '@']);
        let is_told = |word: &str| text.contains(&format!("`{word}`"));
        words.filter(|word| is_told(word) || word.rsplit_once(':').is_some_and(|(switch, _)| is_told(switch))).count()
    };
    touched.iter().filter(|touch| format!("stations[{}]", touch.station) == error.place).max_by_key(shared)
}
