//! What a text can make Pentane use: files, lines and nesting beyond all measure end in a message, in a gigabyte of address space and
//! in bounded time, whatever the command. The files are made here, and taken away again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose files cannot be made, or whose binary hangs, has failed")]

mod large;
mod many;
mod odd;
mod others;
mod told;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::run::scratch;

/// Address space of a run, in KiB.
const SPACE: u64 = 1 << 20;

/// A run that takes longer hangs.
const TIME: Duration = Duration::from_secs(60);

/// More is no message any more; a thousand findings with their excerpts and flows are less.
const LONGEST: usize = 4 << 20;

/// Every command that reads a policy.
const COMMANDS: &[&str] = &["check", "fmt", "test", "explain", "prove"];

/// What came of a run. It can be long: it is shown cut.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = |text: &str| text.chars().take(1_000).collect::<String>();
        write!(f, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, cut(&self.stdout), cut(&self.stderr))
    }
}

/// A folder that is taken away at the end: what is in it is large.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Should it stay, the next run takes it away.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(name: &str) -> Folder {
        Folder(scratch(&format!("limits-{name}")))
    }

    /// Puts a file there.
    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs the binary there within its bounds. It ends by itself and says what is the matter, and no more than people read.
    fn run(&self, args: &[&str]) -> Said {
        let run = bounded(&self.0, args);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.len() < LONGEST, "{args:?} says {} bytes", said.len());
        for bad in ["panicked", "overflowed its stack", "memory allocation", "out of memory"] {
            assert!(!said.contains(bad), "{args:?}: {run}");
        }
        run
    }

    /// Runs a command on a policy.
    fn command(&self, command: &str, file: &str) -> Said {
        match command {
            "fmt" => self.run(&["fmt", "--check", file]),
            "explain" => self.run(&["explain", "10.0.0.1 -> 10.0.0.2 tcp/80", file]),
            _ => self.run(&[command, file]),
        }
    }

    /// Puts a policy there and checks it: what was said.
    fn checked(&self, text: impl AsRef<[u8]>) -> Said {
        self.put("a.pol", text);
        self.command("check", "a.pol")
    }

    /// Puts a policy there that every one of the commands refuses with this code, at this place, with advice.
    fn refused(&self, commands: &[&str], text: impl AsRef<[u8]>, code: &str, place: &str) {
        self.put("a.pol", text);
        for command in commands {
            let run = self.command(command, "a.pol");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(run.code, 1, "{command}: {run}");
            assert!(said.contains(&format!("[{code}] Error: ")), "{command}: no {code}: {run}");
            assert!(said.contains(place), "{command}: not at {place}: {run}");
            assert!(said.contains("Help: "), "{command}: no advice: {run}");
        }
    }
}

/// Runs the binary in a folder, with bounded address space; fails if it hangs or a signal ends it.
fn bounded(folder: &Path, args: &[&str]) -> Said {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {SPACE}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_pentane")]);
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").spawn().unwrap();
    let id = child.id().to_string();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(TIME) else {
        Command::new("kill").args(["-9", &id]).status().unwrap();
        panic!("{args:?} does not end");
    };
    waiter.join().unwrap().unwrap();
    let output = output.unwrap();
    assert!(output.status.code().is_some(), "{args:?} ended by {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// What a number of lines say.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}
