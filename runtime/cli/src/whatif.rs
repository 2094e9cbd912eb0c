//! `pentane whatif`: what would be if this or that were otherwise on the network? Tells what becomes of flows, or asks another
//! question of the changed state. Knows nothing of how a change is made, nor of the answers.

use clap::{Args as ClapArgs, Parser};

use crate::args::{Cli, Command};
use crate::effort::Effort;
use crate::exit::{Exit, Failure};
use crate::load::{Policy, PolicyArgs, STDIN};
use crate::output::Output;
use crate::report::{self, Format};
use crate::suppose::Supposed;
use crate::turn;

/// What `whatif` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    supposed: Supposed,
    #[command(flatten)]
    effort: Effort,
    /// End with 1 if any flow fares otherwise
    #[arg(long)]
    exit_code: bool,
    /// How the answer looks; a question says its own
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
    /// A question of the changed state: explain, who, matrix, prove, check or test, with its arguments; without it, what becomes of
    /// flows is told
    #[arg(last = true, value_name = "QUESTION")]
    question: Vec<String>,
}

/// Makes changes and asks.
///
/// # Errors
/// There is no view, a change cannot be made, or nobody takes the output.
pub fn whatif(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.policy.view.is_none() {
        return Err(Failure::Cannot("changes are of a state of the network: say which with `--view FILE`".to_owned()));
    }
    if args.supposed.is_nothing() {
        return Err(Failure::Cannot("nothing changes: say what does, such as `--move HOST=SWITCH:PORT`".to_owned()));
    }
    let changed = PolicyArgs { supposed: args.supposed.clone(), ..args.policy.clone() };
    if !args.question.is_empty() {
        return ask(args, &changed, out);
    }
    if args.format != Format::Human {
        out.plain();
    }
    if args.policy.files.iter().any(|file| file == STDIN) {
        return Err(Failure::Cannot(
            "two states are told apart by reading the policy twice, and not from standard input".to_owned(),
        ));
    }
    let states = [Policy::load(&args.policy)?, Policy::load(&changed)?];
    for state in &states {
        if state.program.is_none() {
            report::write_instead(out, state, args.format)?;
            return Ok(state.exit_without_program());
        }
    }
    turn::tell(out, &states, args.effort.budget(), (args.format, args.exit_code))
}

/// Another command's question.
fn ask(args: &Args, changed: &PolicyArgs, out: &mut Output) -> Result<Exit, Failure> {
    if args.exit_code {
        return Err(Failure::Cannot("`--exit-code` is about flows that fare otherwise: a question has its own end".to_owned()));
    }
    let words = std::iter::once("pentane").chain(args.question.iter().map(String::as_str));
    let mut asked = match Cli::try_parse_from(words) {
        Ok(asked) => asked.command,
        Err(error) => {
            // Should nobody read standard error, the exit code still says it.
            let _ = error.print();
            return Ok(Exit::CannotDo);
        }
    };
    let of_question = match &mut asked {
        Command::Explain(asked) => Some(&mut asked.policy),
        Command::Who(asked) => asked.policy_mut(),
        Command::Matrix(asked) => Some(&mut asked.policy),
        Command::Prove(asked) => Some(&mut asked.policy),
        Command::Check(asked) => Some(&mut asked.policy),
        Command::Test(asked) => Some(&mut asked.policy),
        Command::Init(_)
        | Command::Fmt(_)
        | Command::Fix(_)
        | Command::Compile(_)
        | Command::Diff(_)
        | Command::Whatif(_)
        | Command::Import(_)
        | Command::Run(_)
        | Command::Demo(_)
        | Command::Bench(_)
        | Command::Lsp(_)
        | Command::Help(_)
        | Command::Man(_)
        | Command::Completions(_) => {
            let word = args.question.first().map_or("", String::as_str);
            let why = format!("`{word}` asks nothing of a view: ask explain, who, matrix, prove, check or test");
            return Err(Failure::Cannot(why));
        }
    };
    if let Some(own) = of_question {
        if !own.files.is_empty() || own.view.is_some() {
            return Err(Failure::Cannot("the policy and the view are told before `--`".to_owned()));
        }
        *own = changed.clone();
    }
    crate::dispatch(&asked, out)
}
