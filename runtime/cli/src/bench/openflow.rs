//! `pentane bench openflow`: emulated switches in one thread offer flow initiations to a daemon and, in turns with it, to a null
//! responder. Both are processes of their own, on another core. Knows nothing of how the daemon works.

mod beside;
mod case;
mod connection;
mod cores;
mod fleet;
mod greeting;
mod initiation;
mod line;
mod measure;
mod null;
mod offer;
mod population;
mod shape;
mod wire;

use std::path::PathBuf;

use super::report::{self, Format, Measured};
use crate::exit::{Exit, Failure};
use crate::output::Output;

pub(super) use case::Case;
use case::{Mode, Population, Version, cases};
use cores::Cores;
pub(super) use measure::Figures;

/// What to measure with.
#[derive(clap::Args, Debug)]
pub struct Openflow {
    /// Ends within a minute: some of each, one round, fewer flows.
    #[arg(long)]
    quick: bool,
    /// Who begins flows; registered hosts if not given and other loads are.
    #[arg(long, value_enum, value_name = "WHO,…", value_delimiter = ',')]
    population: Vec<Population>,
    /// Many flows under way at a time, or one, or so many a second.
    #[arg(long, value_enum, value_name = "MODE,…", value_delimiter = ',')]
    mode: Vec<Mode>,
    /// Versions of OpenFlow.
    #[arg(long, value_enum, value_name = "VERSION,…", value_delimiter = ',')]
    of: Vec<Version>,
    /// Switches on the way of each flow; lines of so many are linked.
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    hops: Vec<u8>,
    /// Numbers of switches that flows begin at.
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    switches: Vec<u16>,
    /// Unregistered MAC addresses at each switch (populations `unknown` and `cbench`).
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    macs: Vec<u32>,
    /// Rules of the policy beside those of the campus.
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    rules: Vec<u32>,
    /// Rates in mode `load`, in percent of what is answered at most; 50, 90 and 400 if not given.
    #[arg(long, value_name = "PERCENT,…", value_delimiter = ',')]
    load: Vec<u32>,
    /// Hosts that nobody knows, a second, at a switch beside those that flows begin at.
    #[arg(long, value_name = "N", default_value_t = 0)]
    changes: u32,
    /// A switch beside those that flows begin at sends packets without end, which are refused.
    #[arg(long)]
    flood: bool,
    /// Flows to set up for each figure.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    flows: u32,
    /// Registered hosts at each switch (all populations but `zipf`).
    #[arg(long, value_name = "N", default_value_t = 1000)]
    hosts: u32,
    /// Flows under way at each switch that flows begin at, in throughput mode; 512 at up to 4 of them and 128 from 16 on if not given.
    #[arg(long, value_name = "N")]
    window: Option<u32>,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Be the null responder of another process, which wrote this file.
    #[arg(long, hide = true, value_name = "FILE")]
    null_responder: Option<PathBuf>,
}

/// Measures, and prints the figures.
///
/// # Errors
/// It cannot be measured, or nobody takes the output.
pub fn run(asked: &Openflow, out: &mut Output) -> Result<Exit, Failure> {
    if let Some(file) = &asked.null_responder {
        return null::respond(file).map(|()| Exit::Good).map_err(Failure::cannot);
    }
    let cases = cases(asked).map_err(Failure::cannot)?;
    let cores = Cores::split().map_err(Failure::cannot)?;
    let mut results: Vec<Measured> = Vec::new();
    for case in &cases {
        let figures = measure::measure(case, &cores).map_err(|why| Failure::cannot(format!("{}: {why}", case.name())))?;
        let measured = Measured::new(case, &figures);
        report::one(&measured, results.last(), asked.format, out)?;
        out.flush()?;
        results.push(measured);
    }
    report::all(&results, asked.format, out)?;
    Ok(Exit::Good)
}
