//! `pentane fmt`: policy files in the one layout. A file is replaced as a whole or not at all, and never if it has errors.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::Args as ClapArgs;
use lang::diag;
use lang::import;
use lang::report::{Pen, Style};
use lang::source::{SourceId, SourceMap};
use similar::TextDiff;

use crate::exit::{Exit, Failure};
use crate::load::STDIN;
use crate::output::{self, Output};
use crate::replace::replace;
use crate::report::{counted, with_way_out};
use crate::settings;
use daemon::files::{PolicyFiles, read_bounded, take_bounded, unreadable};

/// How long the least difference is looked for; then one that is larger does.
const DIFF_TIME: Duration = Duration::from_secs(2);

/// What `fmt` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The files; without them the policy that pentane.toml in this folder names, its includes with it. `-` reads standard input
    /// and writes standard output
    #[arg(value_name = "FILES")]
    files: Vec<String>,
    /// Write nothing, name the files that would change, and end with 1 if there are any
    #[arg(long)]
    check: bool,
    /// Write nothing, show what would change, and end with 1 if anything would
    #[arg(long)]
    diff: bool,
}

/// What became of one file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was as it should be.
    Kept,
    /// It was changed, or would be.
    Changed,
    /// It has errors.
    Errors,
    /// It is not there or cannot be read.
    Unreadable,
}

/// Lays files out.
///
/// # Errors
/// There is nothing to lay out, a file cannot be written, or nobody takes the output.
pub fn fmt(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let files = if args.files.is_empty() { policy_and_includes()? } else { args.files.clone() };
    let mut fates = Vec::new();
    for file in &files {
        fates.push(one(file, args, out)?);
    }
    let all = |fate| fates.iter().filter(|other| **other == fate).count();
    let changed = all(Fate::Changed);
    if args.check && changed > 0 {
        output::complain(&format!("{} would change\n", counted(changed, "file")));
    }
    Ok(match (all(Fate::Unreadable), all(Fate::Errors)) {
        (1.., _) => Exit::CannotDo,
        (0, 1..) => Exit::Bad,
        (0, 0) if changed > 0 && (args.check || args.diff) => Exit::Bad,
        (0, 0) => Exit::Good,
    })
}

/// The files of the policy that pentane.toml names.
fn policy_and_includes() -> Result<Vec<String>, Failure> {
    let entries = settings::policy_files()?;
    let names: Vec<&str> = entries.iter().map(String::as_str).collect();
    let loaded = import::load(&names, &PolicyFiles::of(&entries));
    // Entries that cannot be read are among the texts, so that they are reported below.
    Ok(loaded.sources.iter().map(|(_, source)| source.name.to_string()).collect())
}

fn one(file: &str, args: &Args, out: &mut Output) -> Result<Fate, Failure> {
    let read = if file == STDIN { take_bounded(io::stdin().lock()) } else { read_bounded(Path::new(file)) };
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) => {
            output::complain_of(&with_way_out(&unreadable(file, &error)));
            return Ok(Fate::Unreadable);
        }
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            output::complain(&format!("error[{}]: `{file}` is not UTF-8 at offset {at}\n", lang::codes::syntax::E0109));
            return Ok(Fate::Errors);
        }
    };
    match formatted(file, &text) {
        Ok(new) => place(file, &text, &new, args, out),
        Err(report) => {
            output::complain(&report);
            Ok(Fate::Errors)
        }
    }
}

/// The text in its layout, or the report on its errors.
fn formatted(file: &str, text: &str) -> Result<String, String> {
    let mut sources = SourceMap::default();
    let id: SourceId = sources.add(file, text);
    lang::format::format(&sources, id).map_err(|mut found| {
        diag::sort(&mut found, &sources);
        let style = Style { color: output::stderr_colour() };
        let mut pen = Pen::new(style);
        let reports: String = found.iter().map(|found| pen.draw(found, &sources) + "\n").collect();
        format!("{reports}{file}: {}, left as it is\n", counted(found.len(), "error"))
    })
}

/// Puts the new text where it is wanted.
fn place(file: &str, old: &str, new: &str, args: &Args, out: &mut Output) -> Result<Fate, Failure> {
    let is_kept = old == new;
    if args.diff && !is_kept {
        let diff = TextDiff::configure().timeout(DIFF_TIME).diff_lines(old, new);
        out.text(&diff.unified_diff().header(file, file).to_string())?;
    } else if args.check && !is_kept {
        out.line(file)?;
    } else if file == STDIN && !args.check && !args.diff {
        out.text(new)?;
    } else if !is_kept {
        replace(Path::new(file), new).map_err(|error| Failure::Cannot(format!("`{file}` cannot be written: {error}")))?;
    }
    Ok(if is_kept { Fate::Kept } else { Fate::Changed })
}
