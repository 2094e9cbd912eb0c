//! `pentane man` and `pentane completions`: what the shell and `man` are to know of the command line, made from the one
//! description of it that `--help` is made from.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, Args as ClapArgs, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;
use crate::exit::{Exit, Failure};
use crate::help;
use crate::output::Output;
use crate::report::counted;

/// What a page says of where it comes from.
const VERSION: &str = concat!("pentane ", env!("CARGO_PKG_VERSION"));

/// What `man` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The command (`who can-reach`); without it the page of pentane itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// What `completions` is asked.
#[derive(ClapArgs, Debug)]
pub struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Prints a page for `man`, or writes all of them.
///
/// # Errors
/// There is no such command, the folder cannot be written, or nobody takes the output.
pub fn man(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let cli = described();
    if let Some(folder) = &args.out {
        let pages = write_all(&cli, folder)?;
        out.line(format!("{} in {}", counted(pages, "page"), folder.display()))?;
        return Ok(Exit::Good);
    }
    let command = help::command(&cli, &args.command).ok_or_else(|| Failure::Cannot(help::unknown(&args.command, &cli)))?;
    out.text(&page(command)?)?;
    Ok(Exit::Good)
}

/// Prints the completions of a shell.
///
/// # Errors
/// Nobody takes the output.
pub fn completions(args: &CompletionArgs, out: &mut Output) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut with_topics(), "pentane", &mut text);
    out.text(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Good)
}

/// The command line with the words that `help` and `man` take, of which a shell is to know. The commands themselves read any word,
/// and give advice on one that there is not.
fn with_topics() -> Command {
    let cli = Cli::command();
    // Words must live as long as the process, which ends with its answer.
    let words: BTreeSet<String> = help::all_commands(&cli).iter().flat_map(|one| one.split(' ')).map(str::to_owned).collect();
    let commands: Vec<&'static str> = words.into_iter().map(|word| &*word.leak()).collect();
    let codes = lang::codes::pages().map(|page| page.code.text());
    let topics: Vec<&'static str> = codes.chain([help::VIEW]).chain(commands.iter().copied()).collect();
    let taking = |words: Vec<&'static str>| move |arg: Arg| arg.value_parser(PossibleValuesParser::new(words));
    let cli = cli.mut_subcommand("help", |help| help.mut_arg("topic", taking(topics)));
    cli.mut_subcommand("man", |man| man.mut_arg("command", taking(commands)))
}

/// The command line, each command under its whole name: `pentane-check`.
fn described() -> Command {
    let mut cli = Cli::command();
    cli.build();
    cli
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    let page = Man::new(command.clone()).section("1").source(VERSION).manual("Pentane");
    page.render(&mut text).map_err(|error| Failure::Cannot(format!("no page can be made: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// One file for this command and each below it.
fn write_all(cli: &Command, folder: &Path) -> Result<usize, Failure> {
    let unwritten = |error: std::io::Error| Failure::cannot(format!("`{}` cannot be written: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(unwritten)?;
    let name = cli.get_display_name().unwrap_or_else(|| cli.get_name());
    fs::write(folder.join(format!("{name}.1")), page(cli)?).map_err(unwritten)?;
    let mut pages = 1;
    for command in cli.get_subcommands() {
        pages += write_all(command, folder)?;
    }
    Ok(pages)
}
