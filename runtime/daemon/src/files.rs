//! Brings policy files from the file system: what an include may reach, and what cannot be read. Knows nothing of their text.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use lang::import::{LoadError, Loader};
use lang::parse::MAX_FILE;

/// The files of one policy. Entries may be anything that can be read; an include must be a regular file in the folder of an entry,
/// symbolic links followed.
pub struct PolicyFiles {
    entries: Vec<PathBuf>,
    unreadable: Cell<bool>,
}

impl PolicyFiles {
    /// The files of the policy with these entries, paths as the user named them.
    pub fn of(entries: &[String]) -> PolicyFiles {
        PolicyFiles { entries: entries.iter().map(|entry| normal(Path::new(entry))).collect(), unreadable: Cell::new(false) }
    }

    /// True if an entry could not be had when it was asked for.
    pub fn lacks_entry(&self) -> bool {
        self.unreadable.get()
    }

    /// Refuses what is reached through a symbolic link that leaves the folder of its entry, and what is no regular file. Links
    /// within the folder are how mounted configurations are swapped as a whole.
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
        let kind = fs::metadata(target).map_err(|error| because(&error))?.file_type();
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => Err(LoadError::IsDirectory),
            (false, true) => Ok(()),
            (false, false) => Err(LoadError::Other("it is no regular file".to_owned())),
        }
    }
}

impl Loader for PolicyFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let path = normal(Path::new(path));
        if self.entries.contains(&path) {
            let read = read_bounded(&path);
            // A text that is too long was found and refused; the others are not there to be judged.
            self.unreadable.set(self.unreadable.get() || read.as_ref().is_err_and(|error| *error != LoadError::TooLarge));
            return read;
        }
        self.check_include(&path)?;
        read_bounded(&path)
    }
}

/// The bytes of a file, at most [`MAX_FILE`] of them.
///
/// # Errors
/// Why they cannot be had.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, LoadError> {
    let file = File::open(path).map_err(|error| because(&error))?;
    if file.metadata().map_err(|error| because(&error))?.is_dir() {
        return Err(LoadError::IsDirectory);
    }
    take_bounded(file)
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

fn because(error: &io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LoadError::NotFound,
        io::ErrorKind::IsADirectory => LoadError::IsDirectory,
        io::ErrorKind::PermissionDenied => LoadError::Permission,
        _ => LoadError::Other(error.to_string()),
    }
}

/// The path without `.`, and without `..` where something stands before it: the form in which paths are compared.
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
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_in_one_form() {
        for (path, plain) in
            [("./a.pol", "a.pol"), ("x/../a.pol", "a.pol"), ("../a.pol", "../a.pol"), ("/x//y/./a", "/x/y/a"), ("", "")]
        {
            assert_eq!(normal(Path::new(path)), Path::new(plain), "{path}");
        }
    }
}
