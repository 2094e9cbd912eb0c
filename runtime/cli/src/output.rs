//! The one way to standard output and standard error. A reader that has seen enough ends the command quietly; anything else that
//! keeps output from being written is an error. Knows nothing of what is written.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::ExitCode;

use crate::exit::{Exit, Failure};
use crate::fold::hung;

/// What a shell shows of a command that was ended by SIGPIPE: 128 + 13.
const BROKEN_PIPE: u8 = 141;

/// Standard output, buffered, and how to dress what goes there.
pub struct Output {
    out: BufWriter<Stdout>,
    colour: bool,
}

/// How a word is dressed on a terminal (ECMA-48 SGR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Good news.
    Green,
    /// Bad news.
    Red,
    /// Worth noting.
    Bold,
}

impl Output {
    /// Standard output of this process.
    pub fn new() -> Output {
        let out = io::stdout();
        let colour = out.is_terminal() && wants_colour();
        Output { out: BufWriter::new(out), colour }
    }

    /// True if standard output is a terminal whose user wants colour.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Colour off, whatever the terminal.
    pub fn plain(&mut self) {
        self.colour = false;
    }

    /// The word, dressed if there is colour.
    pub fn paint(&self, paint: Paint, word: &str) -> String {
        let code = match paint {
            Paint::Green => 32,
            Paint::Red => 31,
            Paint::Bold => 1,
        };
        if self.colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    }

    /// Writes text as it is.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).map_err(Failure::Output)
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(Failure::Output)
    }

    /// Hands on what is still buffered, for a reader who waits.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Output)
    }

    /// Writes what is still buffered and says how the process ends.
    pub fn close(mut self, end: Result<Exit, Failure>) -> ExitCode {
        let flushed = self.out.flush();
        match (end, flushed) {
            (Err(Failure::Output(error)), _) | (Ok(_), Err(error)) => unwritten(&error),
            (Err(Failure::Cannot(why)), _) => {
                complain_of(&why);
                Exit::CannotDo.into()
            }
            (Ok(exit), Ok(())) => exit.into(),
        }
    }
}

/// Writes to standard error. If nobody takes it there is nobody to tell.
pub fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Says on standard error why something cannot be done.
pub fn complain_of(why: &str) {
    complain(&(hung(&format!("error: {why}")) + "\n"));
}

/// True if reports on standard error may be coloured.
pub fn stderr_colour() -> bool {
    io::stderr().is_terminal() && wants_colour()
}

/// <https://no-color.org>: set and not empty. A dumb terminal knows no colours.
fn wants_colour() -> bool {
    let set = |name, wanted: fn(&str) -> bool| std::env::var_os(name).is_some_and(|value| value.to_str().is_some_and(wanted));
    !set("NO_COLOR", |value| !value.is_empty()) && !set("TERM", |value| value == "dumb")
}

fn unwritten(error: &io::Error) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::from(BROKEN_PIPE);
    }
    complain(&format!("error: the output cannot be written: {error}\n"));
    Exit::CannotDo.into()
}
