//! `pentane init`: a new folder with a policy to begin with. It writes two files, and never over what is there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// The policy, with `NAME` where its name is to stand.
const POLICY: &str = include_str!("init/starter.pol");

/// What the commands read in its folder.
const SETTINGS: &str = include_str!("init/starter.toml");

/// The name of that file.
const SETTINGS_FILE: &str = "pentane.toml";

/// What stands for the name.
const PLACEHOLDER: &str = "NAME";

/// The name where the folder's cannot be one.
const OTHER_NAME: &str = "site";

/// What `init` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The folder, which is made if it is not there; without it this one
    #[arg(value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    folder: PathBuf,
    /// The name of the policy and of its file; without it that of the folder
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Makes a folder with a policy.
///
/// # Errors
/// Something is there already, the name cannot be one, the folder cannot be written, or nobody takes the output.
pub fn init(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if let Some(name) = args.name.as_deref().filter(|name| !is_name(name)) {
        let why = "a letter, then letters, digits, `-` and `_`";
        return Err(Failure::Cannot(format!("`{name}` cannot be the name of a policy: write {why}")));
    }
    let folder = &args.folder;
    let there = fs::metadata(folder);
    if there.as_ref().is_ok_and(|found| !found.is_dir()) {
        return Err(Failure::Cannot(format!("`{}` is a file, not a folder", folder.display())));
    }
    let name = args.name.clone().unwrap_or_else(|| name_of(folder));
    let policy_file = format!("{name}.pol");
    let files = [(SETTINGS_FILE, SETTINGS), (&policy_file, POLICY)];
    refuse_present(folder, &files.map(|(file, _)| file))?;
    if there.is_err() {
        fs::create_dir_all(folder).map_err(|error| Failure::Cannot(format!("`{}` cannot be made: {error}", folder.display())))?;
    }
    write(folder, &files.map(|(file, text)| (file, text.replace(PLACEHOLDER, &name))))?;
    tell(out, folder, &policy_file)
}

fn tell(out: &mut Output, folder: &Path, policy_file: &str) -> Result<Exit, Failure> {
    let here = folder == Path::new(".");
    let place = if here { "this folder".to_owned() } else { format!("`{}`", folder.display()) };
    out.line(format!("`{SETTINGS_FILE}` and `{policy_file}` are in {place}. What to call there next:"))?;
    out.line("  pentane check   whether it is sound, and what it asserts holds")?;
    out.line("  pentane test    whether it answers as its tests want")?;
    out.line("  pentane run     to carry it out on the switches that connect")?;
    Ok(Exit::Good)
}

/// Names what is there already.
fn refuse_present(folder: &Path, files: &[&str]) -> Result<(), Failure> {
    let present = files.iter().map(|file| folder.join(file)).filter(|path| path.symlink_metadata().is_ok());
    let present: Vec<String> = present.map(|path| format!("`{}`", path.display())).collect();
    match present.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::Cannot(format!("{one} is there already: nothing was written"))),
        several => Err(Failure::Cannot(format!("{} are there already: nothing was written", several.join(" and ")))),
    }
}

/// Writes all files or none, and none over another.
fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let mut made: Vec<PathBuf> = Vec::new();
    for (file, text) in files {
        let path = folder.join(file);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        if opened.is_ok() {
            made.push(path.clone());
        }
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        if let Err(error) = written {
            // What could not be removed is of less interest than why it was not kept.
            made.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(unwritten(&path, &error));
        }
    }
    Ok(())
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::Cannot(format!("`{}` cannot be written: {error}", path.display()))
}

/// The name of a folder, if it can be one of a policy.
fn name_of(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let whole = fs::canonicalize(&whole).unwrap_or(whole);
    let name = whole.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name));
    name.unwrap_or(OTHER_NAME).to_owned()
}

/// True for what can be the name of a file anywhere, and is not hidden.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
        && text.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_those_of_the_daemon() {
        let text = SETTINGS.replace(PLACEHOLDER, "office");
        let config = daemon::Config::parse(Path::new("x/pentane.toml"), &text).unwrap();
        assert_eq!(config.policy_files(Path::new("x/pentane.toml")), [Path::new("x/office.pol")]);
        assert!(config.plain_listen().is_some_and(|listen| listen.ip().is_loopback()));
        // What is in comments can be put in force as it stands.
        let all = text.replace("# W0301", "W0301");
        assert_ne!(all, text);
        assert!(daemon::Config::parse(Path::new("pentane.toml"), &all).is_ok());
    }

    #[test]
    fn names_are_those_that_every_file_system_takes() {
        for name in ["a", "Office-2", "x_y"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", ".a", "a/b", "../x", "a.pol", "büro", "a b", "-a", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(name_of(Path::new("not-there/office/.")), "office");
        assert_eq!(name_of(Path::new("/")), OTHER_NAME);
    }
}
