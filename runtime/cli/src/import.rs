//! `pentane import`: a policy of another system becomes one of this. Knows nothing of how it is carried over.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use daemon::files::{read_bounded, unreadable};
use foreign::{Imported, Place, Problem};

use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded};
use crate::json::{self, Import};
use crate::output::{self, Output};
use crate::replace::replace;
use crate::report::{Format, counted};

/// What `import` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// What the file is written in
    #[arg(value_enum)]
    language: Language,
    /// The policy of the other system
    #[arg(value_name = "FILE")]
    file: String,
    /// Write the policy into this file, and not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file that is there
    #[arg(long, requires = "output")]
    force: bool,
    /// The list that is meant, of a file of Faucet with lists alone
    #[arg(long, value_name = "NAME")]
    acl: Option<String>,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A policy file of Ethane
    PolEth,
    /// A policy module of SNAC
    Sepl,
    /// A configuration of Faucet, or lists of one
    Faucet,
}

/// Carries a policy over, and says what it leaves out.
///
/// # Errors
/// The file cannot be had, the result cannot be written, or nobody takes the output.
pub fn import(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.acl.is_some() && args.language != Language::Faucet {
        return Err(Failure::cannot("`--acl` names a list of Faucet, and this is another language"));
    }
    if let Some(path) = args.output.as_deref().filter(|path| path.is_dir()) {
        return Err(Failure::Cannot(format!("`{}` is a folder, and the policy goes into a file", path.display())));
    }
    if let Some(path) = args.output.as_deref().filter(|path| !args.force && path.exists()) {
        return Err(taken(path));
    }
    let bytes = read_bounded(Path::new(&args.file)).map_err(|error| Failure::Cannot(unreadable(&args.file, &error)))?;
    let result = carried(args, bytes);
    match (&result, &args.output) {
        (Ok(imported), Some(path)) => write(path, &imported.text, args.force)?,
        (Ok(imported), None) if args.format != Format::Json => out.text(&imported.text)?,
        (Ok(_) | Err(_), _) => {}
    }
    if args.format == Format::Json {
        json::write(out, &Import::of(&args.file, &result))?;
    } else {
        tell(&args.file, &result);
    }
    Ok(match result {
        Ok(imported) if imported.left_out.is_empty() => Exit::Good,
        Ok(_) | Err(_) => Exit::Bad,
    })
}

fn carried(args: &Args, bytes: Vec<u8>) -> Result<Imported, Vec<Problem>> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..sound).unwrap_or_default()).into_owned();
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        let place = Place { line: number(before.matches('\n').count()), column: number(column) };
        let help = Some("save the file as UTF-8".to_owned());
        vec![Problem { place, message: format!("this is not UTF-8, from offset {sound} on"), help }]
    })?;
    match args.language {
        Language::PolEth => foreign::pol_eth(&text, &args.file),
        Language::Sepl => foreign::sepl(&text, &args.file),
        Language::Faucet => foreign::faucet(&text, &args.file, args.acl.as_deref()),
    }
}

/// Puts the policy into a file: a new one, or with `--force` in place of the one that is there, as a whole.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let unwritten = |error| Failure::Cannot(format!("`{}` cannot be written: {error}", path.display()));
    if force && path.exists() {
        return replace(path, text).map_err(unwritten);
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(taken(path)),
        other => other.map_err(unwritten)?,
    };
    file.write_all(text.as_bytes()).map_err(unwritten)
}

fn taken(path: &Path) -> Failure {
    Failure::Cannot(format!("`{}` is there already: `--force` replaces it", path.display()))
}

/// What was left out, and what else is to be known; or all that is wrong. On standard error, since the policy is the answer.
fn tell(file: &str, result: &Result<Imported, Vec<Problem>>) {
    let mut text = String::new();
    let mut line = |place: Place, said: &str| {
        for (number, part) in folded(&format!("{file}:{}:{}: {said}", place.line, place.column), WIDTH - 4).iter().enumerate() {
            text.push_str(&format!("{}{part}\n", if number == 0 { "" } else { "    " }));
        }
    };
    match result {
        Ok(imported) => {
            for one in &imported.left_out {
                line(one.place, &format!("left out: `{}`: {}", one.what, one.why));
            }
            for note in &imported.notes {
                line(note.place, &format!("note: {}", note.text));
            }
            if !imported.left_out.is_empty() {
                text.push_str(&format!("{file}: {} left out\n", counted(imported.left_out.len(), "thing")));
            }
        }
        Err(problems) => {
            for problem in problems {
                let help = problem.help.as_deref().map_or_else(String::new, |help| format!(" ({help})"));
                line(problem.place, &format!("error: {}{help}", problem.message));
            }
            text.push_str(&format!("{file}: {}, nothing is carried over\n", counted(problems.len(), "error")));
        }
    }
    output::complain(&text);
}
