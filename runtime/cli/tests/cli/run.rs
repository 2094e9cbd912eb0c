//! Runs the binary in a folder and shows what came of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose binary cannot be run has failed")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What came of a run.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The folder with the policies of these tests.
pub fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies")
}

/// A folder for one test alone, empty.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// An empty folder with files of these texts.
pub fn with_texts(name: &str, texts: &[(&str, &str)]) -> PathBuf {
    let folder = scratch(name);
    for (file, text) in texts {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

/// An empty folder with `small.pol` and a view of this text, `v.json`.
pub fn with_view(name: &str, view: &str) -> PathBuf {
    let folder = scratch(name);
    for file in ["small.pol", "inventory.pol"] {
        std::fs::copy(policies().join(file), folder.join(file)).unwrap();
    }
    std::fs::write(folder.join("v.json"), view).unwrap();
    folder
}

/// The binary in a folder, with nothing in its environment that changes what it prints.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pentane"));
    command.current_dir(folder).args(args).stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// Runs the binary to its end.
pub fn run(folder: &Path, args: &[&str]) -> Run {
    Run::of(command(folder, args).output().unwrap())
}

/// Runs it in the folder with the policies of these tests.
pub fn told(args: &[&str]) -> Run {
    run(&policies(), args)
}

impl Run {
    /// What came of it, as text.
    pub fn of(output: Output) -> Run {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Compares a run with its snapshot; hashes of policies are left out, so that a policy may get a comment, and so is the time.
macro_rules! assert_run {
    ($run:expr) => {
        insta::with_settings!({ filters => vec![("\\b[0-9a-f]{64}\\b", "HASH"), ("policy +[0-9a-f]{12}\\b", "policy HASH"), ("timestamp=\"[-0-9T:]{19}\"", "timestamp=\"TIME\"")], omit_expression => true }, {
            insta::assert_snapshot!($run.to_string());
        })
    };
}

pub(crate) use assert_run;
