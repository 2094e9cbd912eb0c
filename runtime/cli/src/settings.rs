//! What the offline commands read of `pentane.toml`: where the policy is. Everything else in it is the daemon's and not looked at.

use std::path::Path;

use daemon::files::{read_bounded, unreadable};
use lang::import::LoadError;
use serde::Deserialize;

use crate::exit::Failure;

/// The file that is looked for in the current folder.
const FILE: &str = "pentane.toml";

#[derive(Deserialize)]
struct Settings {
    policy: Option<Policy>,
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
    named_in(&String::from_utf8_lossy(&bytes)).map_err(Failure::Cannot)
}

fn named_in(text: &str) -> Result<Vec<String>, String> {
    let settings: Settings = toml::from_str(text).map_err(|error| format!("{FILE}: {}", error.to_string().trim_end()))?;
    let files = match settings.policy {
        Some(Policy::One(file)) => vec![file],
        Some(Policy::Several(files)) => files,
        None => Vec::new(),
    };
    if files.is_empty() {
        return Err(format!("{FILE} does not say where the policy is: write `policy = \"campus.pol\"`"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::named_in;

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
