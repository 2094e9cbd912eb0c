//! Texts of files replaced in one step: whoever reads one meanwhile sees the old text or the new. Links stay links, permissions stay.
//! Knows nothing of what the texts say.
//!
//! A file with several names (hard links) is refused. The new text would stand under one of them, and the others would keep the old
//! one: two policies where there was one. Written in place it would stand under all of them, but a machine that stops meanwhile
//! would leave neither text.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A new text beside the file that it is to replace. Unless it is put there, it goes.
pub struct Staged {
    new: PathBuf,
    target: PathBuf,
}

/// Writes a new text beside a file.
///
/// # Errors
/// The file is not there, has other names, or nothing can be written beside it.
pub fn stage(path: &Path, text: &str) -> io::Result<Staged> {
    let target = fs::canonicalize(path)?;
    let metadata = fs::metadata(&target)?;
    let names = metadata.nlink();
    if names > 1 {
        let why = format!("it has {names} names (hard links), and the others would keep the old text: remove them, or copy it");
        return Err(io::Error::other(why));
    }
    let permissions = metadata.permissions();
    let new = beside(&target);
    let file = OpenOptions::new().write(true).create_new(true).open(&new)?;
    let staged = Staged { new, target };
    fill(file, text, permissions)?;
    Ok(staged)
}

/// Replaces the text of a file.
///
/// # Errors
/// It cannot be written; it is as it was then.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    stage(path, text)?.place()
}

impl Staged {
    /// Puts the new text in the place of the old one.
    ///
    /// # Errors
    /// It cannot be put there; the file is as it was.
    pub fn place(self) -> io::Result<()> {
        fs::rename(&self.new, &self.target)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Once it was put in its place it is not here any more. That it could not be removed is of less interest than why it was left.
        let _ = fs::remove_file(&self.new);
    }
}

fn fill(mut file: File, text: &str, permissions: Permissions) -> io::Result<()> {
    file.set_permissions(permissions)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name in the same folder that no other run uses.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_file_with_another_name_is_left_as_it_is_and_nothing_beside_it() {
        let scratch = Scratch::new("replace").unwrap();
        let [one, other] = ["a.pol", "b.pol"].map(|name| scratch.path().join(name));
        fs::write(&one, "user a;\n").unwrap();
        fs::hard_link(&one, &other).unwrap();
        let why = replace(&one, "user b;\n").unwrap_err().to_string();
        assert!(why.starts_with("it has 2 names (hard links)"), "{why}");
        assert_eq!(
            (fs::read_to_string(&one).unwrap(), fs::read_dir(scratch.path()).unwrap().count()),
            ("user a;\n".to_owned(), 2)
        );
        fs::remove_file(&other).unwrap();
        replace(&one, "user b;\n").unwrap();
        assert_eq!(fs::read_to_string(&one).unwrap(), "user b;\n");
    }
}
