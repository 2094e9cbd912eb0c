//! The shape of the command line. What each command is asked stands with the command.

use clap::{Parser, Subcommand};

use crate::{
    bench, check, compile, demo, diff, exit, explain, fix, fmt, help, import, init, lsp, man, matrix, prove, run, test, whatif,
    who,
};

/// Network access policy: written as text, proved, carried out by OpenFlow switches.
#[derive(Parser, Debug)]
#[command(name = "pentane", version, after_help = exit::table())]
#[command(disable_help_subcommand = true, arg_required_else_help = true, max_term_width = 80)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a new policy to begin with
    Init(init::Args),
    /// Check a policy: syntax, names, kinds
    Check(check::Args),
    /// Lay policy files out in the one way
    Fmt(fmt::Args),
    /// Take out what a policy says for nothing, if that is proved
    Fix(fix::Args),
    /// Run the tests that a policy holds
    Test(test::Args),
    /// Prove the assertions of a policy, and nothing else
    Prove(prove::Args),
    /// Say what happens to a flow, and why
    Explain(explain::Args),
    /// Print what a policy compiles to
    Compile(compile::Args),
    /// Say who may start conversations with whom
    Who(who::Args),
    /// Say which sets may start conversations with which
    Matrix(matrix::Args),
    /// Say which flows two policies, or two views of one, decide otherwise
    Diff(diff::Args),
    /// Say what would be if hosts, users, groups or switches were otherwise
    Whatif(whatif::Args),
    /// Carry over a policy of Ethane, SNAC or Faucet
    Import(import::Args),
    /// Enforce the policy on the switches that connect
    Run(run::Args),
    /// Show a whole campus at work on this machine
    Demo(demo::Args),
    /// Measure how fast flows are decided and set up on this machine
    Bench(bench::Args),
    /// Serve an editor, on standard input and output
    Lsp(lsp::Args),
    /// Print the page of a diagnostic code
    Help(help::Args),
    /// Print a page for man
    Man(man::Args),
    /// Print what a shell needs to complete commands and options
    Completions(man::CompletionArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
