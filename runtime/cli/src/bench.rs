//! `pentane bench`: the load generators behind the documented figures. Knows nothing of how the daemon works: it is a process of its
//! own, spoken to over loopback TCP and measured from outside.

mod changes;
mod compile;
mod daemon_process;
mod draw;
mod edits;
mod generator;
mod lookup;
mod network;
mod openflow;
mod report;
mod routes;
mod site;
mod timing;
mod world;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::run::on_runtime;

/// Measures how fast flows are decided and set up.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to measure.
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Flow set-up: emulated switches offer flow initiations and count complete answers.
    Openflow(Box<openflow::Openflow>),
    /// Policies: reading, checking, compiling and proving them, and editing them with the language server.
    Compile(compile::Args),
    /// Ways: what a link event and the search for a way cost in a large network.
    Routes(routes::Args),
    /// A running network: memory for each switch, host and flow, and how long it takes until what is denied is out of the switches.
    Network(network::Args),
}

/// Runs a benchmark and prints its figures.
///
/// # Errors
/// It cannot be done.
pub fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    match &args.what {
        What::Openflow(asked) => openflow::run(asked, out),
        What::Compile(asked) => compile::run(asked, out),
        What::Routes(asked) => routes::run(asked, out),
        What::Network(asked) => on_runtime(network::run(asked, out)),
    }
}
