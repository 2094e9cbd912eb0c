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
mod report;
mod routes;
mod site;
mod timing;
mod world;

use std::time::Duration;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::run::on_runtime;

use generator::Load;
use report::{Format, Measured};

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
    Openflow(Openflow),
    /// Policies: reading, checking, compiling and proving them, and editing them with the language server.
    Compile(compile::Args),
    /// Ways: what a link event and the search for a way cost in a large network.
    Routes(routes::Args),
    /// A running network: memory for each switch, host and flow, and how long it takes until what is denied is out of the switches.
    Network(network::Args),
}

/// Flow set-up over OpenFlow.
#[derive(clap::Args, Debug)]
struct Openflow {
    /// Ends within a minute: fewer switches, fewer flows.
    #[arg(long)]
    quick: bool,
    /// Numbers of switches to measure with.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    switches: Vec<u16>,
    /// Flows to set up for each figure.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    flows: u32,
    /// Registered hosts at each switch.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    hosts: u16,
    /// Rules of the policy beside those of the campus; 0 and 10,000 are measured if not given.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    rules: Vec<u32>,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How initiations are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Many at a time.
    Throughput,
    /// One at a time at each switch.
    Latency,
}

/// Runs a benchmark and prints its figures.
///
/// # Errors
/// It cannot be done.
pub fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    match &args.what {
        What::Openflow(asked) => on_runtime(openflow(asked, out)),
        What::Compile(asked) => compile::run(asked, out),
        What::Routes(asked) => routes::run(asked, out),
        What::Network(asked) => on_runtime(network::run(asked, out)),
    }
}

async fn openflow(asked: &Openflow, out: &mut Output) -> Result<Exit, Failure> {
    let mut results = Vec::new();
    report::heading(asked.format, out)?;
    for load in loads(asked) {
        let measured = measure(load).await.map_err(|why| Failure::cannot(format!("{} switches: {why}", load.switches)))?;
        report::one(&measured, asked.format, out)?;
        out.flush()?;
        results.push(measured);
    }
    report::all(&results, asked.format, out)?;
    Ok(Exit::Good)
}

fn loads(asked: &Openflow) -> Vec<Load> {
    let switches: Vec<u16> = match (asked.switches.as_slice(), asked.quick) {
        ([], true) => vec![1, 16],
        ([], false) => vec![1, 4, 16, 64],
        (some, _) => some.to_vec(),
    };
    let rules: &[u32] = if asked.rules.is_empty() { &[0, 10_000] } else { &asked.rules };
    let flows = if asked.quick { asked.flows.min(50_000) } else { asked.flows };
    let mut loads = Vec::new();
    for rules in rules.iter().copied() {
        for switches in switches.iter().copied().map(|count| count.max(1)) {
            for mode in [Mode::Throughput, Mode::Latency] {
                let flows = if mode == Mode::Latency { flows / 10 } else { flows }.max(u32::from(switches));
                loads.push(Load { switches, hosts: asked.hosts.max(2), flows, rules, mode });
            }
        }
    }
    loads
}

/// Starts a daemon, loads it, and measures.
async fn measure(load: Load) -> Result<Measured, String> {
    let site = site::write(&load)?;
    let daemon = daemon_process::start(&site.config(), site.address()).await?;
    let mut before = Duration::ZERO;
    let answered = generator::run(&load, site.address(), || {
        before = daemon.cpu()?;
        Ok(())
    })
    .await?;
    Ok(Measured::new(&load, &answered, daemon.cpu()?.saturating_sub(before)))
}
