//! Brings policy files from the file system: what an include may reach, and what cannot be read. Knows nothing of their text.

use std::cell::Cell;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use lang::import::{LoadError, Loader};
use lang::parse::MAX_FILE;

/// The files of one policy. All are regular files; an include must be in the folder of an entry, symbolic
/// links followed.
pub struct PolicyFiles {
    entries: Vec<PathBuf>,
    /// The text of an entry that is no file.
    given: Option<(PathBuf, Result<Vec<u8>, LoadError>)>,
    unreadable: Cell<bool>,
}

/// Why what is neither a file nor a folder is not opened.
pub const NO_FILE: &str = "it is no regular file";

/// What is said of a folder where a file is needed, behind its name.
pub const FOLDER: &str = "is a folder, not a file";

impl PolicyFiles {
    /// The files of the policy with these entries, paths as the user named them.
    pub fn of(entries: &[String]) -> PolicyFiles {
        let entries = entries.iter().map(|entry| normal(Path::new(entry))).collect();
        PolicyFiles { entries, given: None, unreadable: Cell::new(false) }
    }

    /// With the bytes of an entry that is no file, under the name by which it is asked for.
    #[must_use]
    pub fn with(mut self, name: &str, bytes: Result<Vec<u8>, LoadError>) -> PolicyFiles {
        self.given = Some((normal(Path::new(name)), bytes));
        self
    }

    /// True if an entry could not be had when it was asked for.
    pub fn lacks_entry(&self) -> bool {
        self.unreadable.get()
    }

    /// Refuses what is reached through a symbolic link that leaves the folder of its entry. Links within the folder are how mounted
    /// configurations are swapped as a whole.
    fn check_include(&self, path: &Path) -> Result<(), LoadError> {
        let folders = self.entries.iter().filter_map(|entry| entry.parent());
        let longest = folders.filter(|folder| path.starts_with(folder)).max_by_key(|folder| folder.components().count());
        let folder = longest.ok_or(LoadError::Outside)?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let (target, folder) = (fs::canonicalize(path), fs::canonicalize(folder).map_err(|error| because(&error))?);
        let target = target.map_err(|error| because(&error))?;
        if !target.starts_with(folder) {
            return Err(LoadError::Symlink);
        }
        Ok(())
    }
}

impl Loader for PolicyFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let path = normal(Path::new(path));
        if self.entries.contains(&path) {
            let given = self.given.as_ref().filter(|(name, _)| *name == path);
            let read = given.map_or_else(|| read_bounded(&path), |(_, bytes)| bytes.clone());
            // A text that is too long was found and refused; the others are not there to be judged.
            self.unreadable.set(self.unreadable.get() || read.as_ref().is_err_and(|error| *error != LoadError::TooLarge));
            return read;
        }
        self.check_include(&path)?;
        read_bounded(&path)
    }
}

/// The bytes of a regular file, at most [`MAX_FILE`] of them. Anything else may never end, or never begin: it is refused unopened.
///
/// # Errors
/// Why they cannot be had.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, LoadError> {
    check_kind(&fs::metadata(path).map_err(|error| because(&error))?)?;
    take_bounded(File::open(path).map_err(|error| because(&error))?)
}

/// All bytes of a stream, at most [`MAX_FILE`] of them.
///
/// # Errors
/// Why they cannot be had.
pub fn take_bounded(stream: impl Read) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    stream.take(limit).read_to_end(&mut bytes).map_err(|error| because(&error))?;
    if bytes.len() > MAX_FILE { Err(LoadError::TooLarge) } else { Ok(bytes) }
}

/// Why a file that a command needs cannot be had, as a sentence.
#[must_use]
pub fn unreadable(name: &str, error: &LoadError) -> String {
    match error {
        LoadError::NotFound => format!("there is no file `{name}`"),
        LoadError::IsDirectory => format!("`{name}` {FOLDER}"),
        LoadError::Outside => format!("`{name}` is outside the policy's folder"),
        LoadError::Symlink => format!("`{name}` is behind a symbolic link"),
        LoadError::TooLarge => format!("`{name}` has more than {} bytes", MAX_FILE),
        LoadError::Permission => format!("`{name}` may not be read"),
        LoadError::Other(why) => format!("`{name}` cannot be read: {why}"),
    }
}

/// The text of a file that a command needs.
///
/// # Errors
/// It is none, as a sentence.
pub fn as_text(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or(0);
        format!("`{name}` is not UTF-8: byte {byte:#04x} at offset {at}")
    })
}

fn check_kind(found: &Metadata) -> Result<(), LoadError> {
    match (found.is_dir(), found.is_file()) {
        (true, _) => Err(LoadError::IsDirectory),
        (false, true) => Ok(()),
        (false, false) => Err(LoadError::Other(NO_FILE.to_owned())),
    }
}

fn because(error: &io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LoadError::NotFound,
        io::ErrorKind::IsADirectory => LoadError::IsDirectory,
        io::ErrorKind::PermissionDenied => LoadError::Permission,
        _ => LoadError::Other(error.to_string()),
    }
}

/// The path without `.`, and without `..` where something stands before it: the form in which paths are compared. The current folder
/// is `.`.
fn normal(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::ParentDir | Component::Normal(_) => plain.push(part),
        }
    }
    if plain.as_os_str().is_empty() && !path.as_os_str().is_empty() {
        plain.push(Component::CurDir);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_in_one_form() {
        for (path, plain) in [
            ("./a.pol", "a.pol"),
            ("x/../a.pol", "a.pol"),
            ("../a.pol", "../a.pol"),
            ("/x//y/./a", "/x/y/a"),
            ("", ""),
            (".", "."),
            ("x/..", "."),
        ] {
            assert_eq!(normal(Path::new(path)), Path::new(plain), "{path}");
        }
    }
}
