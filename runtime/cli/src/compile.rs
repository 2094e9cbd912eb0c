//! `pentane compile`: the decision structure of a policy, as it is searched. Knows nothing of how it is built.

use clap::{Args as ClapArgs, ValueEnum};
use compiler::Program;
use lang::flow::{End, Flow};

use crate::exit::{Exit, Failure};
use crate::explain;
use crate::load::{Policy, PolicyArgs};
use crate::output::Output;
use crate::report::{self, Format};

/// How many pairs of ends are printed.
const MAX_PAIRS: usize = 100;

/// What `compile` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    emit: Emit,
    /// For these two ends alone: 'user bob host griffin -> www'
    #[arg(long, value_name = "FLOW")]
    pair: Option<String>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Emit {
    /// Decision trees: source, destination, service, rule
    #[default]
    Tree,
    /// The same as a graph for Graphviz
    Dot,
}

/// Prints what a policy compiles to.
///
/// # Errors
/// There is no policy, the view is unfit, the pair stands for too many, or nobody takes the output.
pub fn compile(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let policy = Policy::load(&args.policy)?;
    let Some(program) = &policy.program else {
        report::write_instead(out, &policy, Format::Human)?;
        return Ok(policy.exit_without_program());
    };
    let Some(pair) = &args.pair else {
        out.text(&match args.emit {
            Emit::Tree => program.tree(),
            Emit::Dot => program.tree_dot(),
        })?;
        return Ok(Exit::Good);
    };
    let flows = match explain::flows_of(pair, &policy, program.policy()) {
        Ok(flows) => flows,
        Err(exit) => return Ok(exit),
    };
    let pairs = pairs(&flows);
    if pairs.len() > MAX_PAIRS {
        let count = pairs.len();
        return Err(Failure::Cannot(format!("this stands for {count} pairs of ends, more than {MAX_PAIRS}: name fewer")));
    }
    for (src, dst) in pairs {
        out.text(&one(program, args.emit, src, dst))?;
    }
    Ok(Exit::Good)
}

fn one(program: &Program, emit: Emit, src: &End, dst: &End) -> String {
    match emit {
        Emit::Tree => program.pair_tree(src, dst),
        Emit::Dot => program.pair_dot(src, dst),
    }
}

/// Each pair of ends once, in order.
fn pairs(flows: &[Flow]) -> Vec<(&End, &End)> {
    let mut pairs: Vec<(&End, &End)> = Vec::new();
    for flow in flows {
        if !pairs.contains(&(&flow.src, &flow.dst)) {
            pairs.push((&flow.src, &flow.dst));
        }
    }
    pairs
}
