//! `pentane compile`: the decision structure of a policy, as it is searched, and what would be installed. Knows nothing of how it
//! is built.

mod flows;
mod templates;

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

/// Why a flow has no packet that an entry could match.
const UNTOLD: &str = "its first packet is not known: it wants a service, and both ends a place and an address (see --view)";

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
    /// How wide entries are; exact and template are of the flow in --pair
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Entries of this switch alone; may be given several times
    #[arg(long, value_name = "SWITCH")]
    switch: Vec<String>,
    /// The OpenFlow version that entries are for
    #[arg(long, value_enum, default_value_t)]
    of: Of,
    /// How many entries each switch gets, and which rules cost most
    #[arg(long)]
    explain_size: bool,
    /// No more entries than this in all
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    limit: usize,
    /// How entries are printed
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// How wide entries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// What switches may do before any packet comes
    #[default]
    Proactive,
    /// One conversation, as widely as every rule lets it be
    Template,
    /// One conversation and no other
    Exact,
}

/// A version of OpenFlow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Of {
    /// 1.0: no IPv6, no blocks of ports
    #[value(name = "1.0")]
    V10,
    /// 1.3, with ports masked as Open vSwitch does
    #[default]
    #[value(name = "1.3")]
    V13,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Emit {
    /// Decision trees: source, destination, service, rule
    #[default]
    Tree,
    /// The same as a graph for Graphviz
    Dot,
    /// Regions of packets that are answered alike, and why
    Templates,
    /// The entries of each switch, as `ovs-ofctl add-flows` reads them
    Flows,
}

/// Prints what a policy compiles to.
///
/// # Errors
/// There is no policy, the view is unfit, the pair stands for too many, or nobody takes the output.
pub fn compile(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    misfit(args)?;
    let policy = Policy::load(&args.policy)?;
    let Some(program) = &policy.program else {
        report::write_instead(out, &policy, args.format)?;
        return Ok(policy.exit_without_program());
    };
    match args.emit {
        Emit::Tree | Emit::Dot => structure(args, &policy, program, out),
        Emit::Templates => templates::print(args, &policy, program, out),
        Emit::Flows => flows::print(args, &policy, program, out),
    }
}

/// Options that say nothing of what is printed are a mistake.
fn misfit(args: &Args) -> Result<(), Failure> {
    let flows = args.emit == Emit::Flows;
    let tree = matches!(args.emit, Emit::Tree | Emit::Dot);
    let wrong = [
        (!flows && !args.switch.is_empty(), "--switch", "--emit flows"),
        (!flows && args.explain_size, "--explain-size", "--emit flows"),
        (tree && args.format != Format::Human, "--format", "--emit templates or --emit flows"),
        (args.mode != Mode::Proactive && !flows, "--mode", "--emit flows"),
        (args.mode != Mode::Proactive && args.pair.is_none(), "this --mode", "--pair FLOW"),
    ];
    match wrong.iter().find(|(is_wrong, ..)| *is_wrong) {
        Some((_, option, of)) => Err(Failure::Cannot(format!("{option} goes with {of}"))),
        None => Ok(()),
    }
}

fn structure(args: &Args, policy: &Policy, program: &Program, out: &mut Output) -> Result<Exit, Failure> {
    let Some(pair) = &args.pair else {
        out.text(&if args.emit == Emit::Dot { program.tree_dot() } else { program.tree() })?;
        return Ok(Exit::Good);
    };
    let flows = match explain::flows_of(pair, policy, program.policy()) {
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
    if emit == Emit::Dot { program.pair_dot(src, dst) } else { program.pair_tree(src, dst) }
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
