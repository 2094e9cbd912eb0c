//! The binary `pentane`: reads the command line, lets one command answer, and ends with its exit code.

mod absent;
mod args;
mod bench;
mod check;
mod compile;
mod demo;
mod diff;
mod effort;
mod excerpt;
mod exit;
mod explain;
mod fix;
mod fmt;
mod fold;
mod formats;
mod hash;
mod help;
mod import;
mod init;
mod json;
mod load;
mod lsp;
mod man;
mod matrix;
mod members;
mod output;
mod prove;
mod question;
mod replace;
mod report;
mod run;
mod scratch;
mod settings;
mod suppose;
mod test;
mod turn;
mod view;
mod whatif;
mod who;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::{Exit, Failure};
use output::Output;

fn main() -> ExitCode {
    let mut out = Output::new();
    let end = match Cli::try_parse() {
        Ok(cli) => dispatch(&cli.command, &mut out),
        Err(error) if error.use_stderr() => {
            // Should nobody read standard error, the exit code still says it.
            let _ = error.print();
            Ok(Exit::CannotDo)
        }
        Err(asked) => {
            let text = if out.colour() { asked.render().ansi().to_string() } else { asked.render().to_string() };
            out.text(&text).map(|()| Exit::Good)
        }
    };
    out.close(end)
}

pub(crate) fn dispatch(command: &Command, out: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::init(args, out),
        Command::Check(args) => check::check(args, out),
        Command::Fmt(args) => fmt::fmt(args, out),
        Command::Fix(args) => fix::fix(args, out),
        Command::Test(args) => test::test(args, out),
        Command::Prove(args) => prove::prove(args, out),
        Command::Explain(args) => explain::explain(args, out),
        Command::Compile(args) => compile::compile(args, out),
        Command::Who(args) => who::who(args, out),
        Command::Matrix(args) => matrix::matrix(args, out),
        Command::Diff(args) => diff::diff(args, out),
        Command::Whatif(args) => whatif::whatif(args, out),
        Command::Import(args) => import::import(args, out),
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::run(args, out),
        Command::Bench(args) => bench::run(args, out),
        Command::Lsp(args) => lsp::lsp(args),
        Command::Help(args) => help::help(args, out),
        Command::Man(args) => man::man(args, out),
        Command::Completions(args) => man::completions(args, out),
    }
}
