//! What the offline commands read of `pentane.toml`: where the policy is. Everything else in it is the daemon's, and looked at only for
//! `check --for-run`.

use std::path::Path;

use std::collections::BTreeMap;

use daemon::Config;
use daemon::config::{malformed, malformed_at, place_of};
use daemon::files::{as_text, read_bounded, unreadable};
use daemon::tls::Tls;
use lang::codes::{self, Code};
use lang::diag::{Diagnostic, Severity};
use lang::import::{LoadError, MAX_FILES};
use lang::lint::order_decides::W0306;
use lang::suggest::{Candidate, did_you_mean, nearest};
use serde::Deserialize;

use crate::exit::Failure;

/// The file that is looked for in the current folder.
const FILE: &str = "pentane.toml";

#[derive(Deserialize)]
struct Settings {
    policy: Option<Policy>,
    #[serde(default)]
    severity: BTreeMap<String, Level>,
}

/// How bad a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Off,
    Info,
    Warning,
    Error,
}

/// How bad findings are to be taken, by their codes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Severities(BTreeMap<Code, Level>);

impl Severities {
    /// Gives findings their severities, and drops those that are turned off.
    pub fn apply(&self, found: &mut Vec<Diagnostic>) {
        found.retain_mut(|found| {
            match self.0.get(&found.code) {
                // Exceptions are written so: it is told to those who ask.
                None if found.code == W0306 => return false,
                None => {}
                Some(Level::Off) => return false,
                Some(Level::Info) => found.severity = Severity::Info,
                Some(Level::Warning) => found.severity = Severity::Warning,
                Some(Level::Error) => found.severity = Severity::Error,
            }
            true
        });
    }
}

/// Reads the file's text.
fn read(text: &str) -> Result<Settings, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| malformed(Path::new(FILE), text, &error).to_string())
}

/// What is wrong with the value of a key.
fn wrong(text: &str, key: &str, message: &str) -> String {
    malformed_at(Path::new(FILE), text, place_of(text, key), message).to_string()
}

/// The severities that `pentane.toml` in the current folder gives; none if there is no such file.
///
/// # Errors
/// The file cannot be read, names a code that there is not, or would make light of an error.
pub fn severities() -> Result<Severities, Failure> {
    match read_bounded(Path::new(FILE)) {
        Ok(bytes) => as_text(FILE, bytes).and_then(|text| severities_in(&text)).map_err(Failure::Cannot),
        Err(LoadError::NotFound) => Ok(Severities::default()),
        Err(error) => Err(Failure::cannot(unreadable(FILE, &error))),
    }
}

/// Reads all of `pentane.toml` in the current folder as `run` does; nothing if there is no such file.
///
/// # Errors
/// `run` would not start with it.
pub fn sound_for_run() -> Result<(), Failure> {
    let path = Path::new(FILE);
    if !path.exists() {
        return Ok(());
    }
    let config = Config::read(path).map_err(|error| Failure::cannot(error.to_string()))?;
    match config.tls_files(path) {
        Some(files) => Tls::read(files).map(|_| ()).map_err(Failure::cannot),
        None => Ok(()),
    }
}

/// What `pentane.toml` in a folder says of the policy there, for those who are not in it: its files and how bad findings are.
/// Nothing if there is no such file.
pub fn of_folder(folder: &Path) -> Option<Result<(Vec<String>, Severities), String>> {
    match read_bounded(&folder.join(FILE)) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Some(named_in(&text).and_then(|files| Ok((files, severities_in(&text)?))))
        }
        Err(LoadError::NotFound) => None,
        Err(error) => Some(Err(unreadable(FILE, &error))),
    }
}

fn severities_in(text: &str) -> Result<Severities, String> {
    let settings = read(text)?;
    let mut severities = BTreeMap::new();
    for (name, level) in settings.severity {
        let Some(page) = codes::find(&name) else {
            let near = nearest(&name, None, codes::pages().map(|page| Candidate { name: page.code.text(), kind: None }));
            let advice = did_you_mean(&near).map(|advice| format!(": {advice}")).unwrap_or_default();
            let message = format!("[severity] names `{name}`, and there is no such code{advice}");
            return Err(wrong(text, &format!("severity.{name}"), &message));
        };
        if page.code.severity() == Severity::Error && level != Level::Error {
            let message = format!("[severity] makes light of {}: errors forbid the use of a policy and stay errors", page.code);
            return Err(wrong(text, &format!("severity.{name}"), &message));
        }
        severities.insert(page.code, level);
    }
    Ok(Severities(severities))
}

/// `policy = "campus.pol"` or `policy = ["campus.pol", "guests.pol"]`
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a file name or a list of file names")]
enum Policy {
    One(String),
    Several(Vec<String>),
}

/// The policy's files as `pentane.toml` in the current folder names them, relative to it.
///
/// # Errors
/// There is no such file, or it does not say.
pub fn policy_files() -> Result<Vec<String>, Failure> {
    let bytes = read_bounded(Path::new(FILE)).map_err(|error| match error {
        LoadError::NotFound => Failure::cannot(format!("no policy file was named, and there is no {FILE} in this folder")),
        _ => Failure::cannot(unreadable(FILE, &error)),
    })?;
    as_text(FILE, bytes).and_then(|text| named_in(&text)).map_err(Failure::Cannot)
}

fn named_in(text: &str) -> Result<Vec<String>, String> {
    let settings = read(text)?;
    let files = match settings.policy {
        Some(Policy::One(file)) => vec![file],
        Some(Policy::Several(files)) => files,
        None => Vec::new(),
    };
    if files.len() > MAX_FILES {
        return Err(format!(
            "{FILE} names {} files of the policy, and {MAX_FILES} are the most: let one include the others",
            files.len()
        ));
    }
    if files.is_empty() {
        return Err(format!("{FILE} does not say where the policy is: write `policy = \"campus.pol\"`"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Level, named_in, severities_in};

    #[test]
    fn severities_are_those_of_known_warnings() {
        let read = severities_in("[severity]\nW0303 = \"error\"\nw0306 = \"off\"\n").unwrap();
        assert_eq!(read.0.into_values().collect::<Vec<_>>(), [Level::Error, Level::Off]);
        for (text, why) in [
            ("[severity]\nW0399 = \"off\"", "no such code"),
            ("[severity]\nE0201 = \"warning\"", "makes light of E0201"),
            ("[severity]\nW0303 = \"loud\"", "unknown variant"),
        ] {
            let told = severities_in(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    #[test]
    fn one_file_or_several_and_the_rest_is_the_daemons() {
        assert_eq!(named_in("policy = \"a.pol\"\nlisten = \"[::]:6653\"\n[api]\nsocket = \"s\"\n").unwrap(), ["a.pol"]);
        assert_eq!(named_in("policy = [\"a.pol\", \"b.pol\"]").unwrap(), ["a.pol", "b.pol"]);
    }

    #[test]
    fn what_does_not_name_a_policy_is_refused() {
        for (text, why) in [
            ("", "does not say"),
            ("policy = []", "does not say"),
            ("policy = 5", "expected a file name or a list of file names"),
            ("policy =", "pentane.toml"),
        ] {
            let told = named_in(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
