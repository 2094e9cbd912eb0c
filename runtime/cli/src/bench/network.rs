//! `pentane bench network`: what switches, hosts and installed flows cost the daemon in memory, and how long it takes until what a policy
//! no longer allows is out of the switches. The daemon is a process of its own, measured from outside. Knows nothing of how it works.

use std::time::Instant;

use serde::Serialize;

use super::daemon_process::{self, DaemonProcess};
use super::generator::{Load, Switch};
use super::report::{Format, machine};
use super::site::{self, Plan, Site};
use super::timing::in_ms;
use crate::exit::{Exit, Failure};
use crate::json;
use crate::output::Output;

/// What to measure with.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Ends within a minute: fewer switches and hosts, and at most 10,000 flows.
    #[arg(long)]
    quick: bool,
    /// Numbers of installed flows whose permission is taken away; 1, 1,000 and 100,000 if not given.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    flows: Vec<u32>,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Registered hosts at the switch that flows are set up through.
const HOSTS: u32 = 1_000;

/// One figure.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Measured {
    /// What one of many costs in memory.
    Memory { name: &'static str, count: u32, bytes_each: u64, daemon_mb: u64 },
    /// From the signal that has the policy read again to the last delete that the switch got.
    Revocation { name: String, flows: u32, entries: u64, last_delete_ms: f64, cpu_ms: f64 },
}

#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    machine: String,
    results: Vec<Measured>,
}

/// Measures, and prints the figures.
///
/// # Errors
/// Nobody takes the output, or it cannot be measured.
pub async fn run(asked: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let flows: &[u32] = match (asked.flows.as_slice(), asked.quick) {
        ([], true) => &[1, 1_000, 10_000],
        ([], false) => &[1, 1_000, 100_000],
        (some, _) => some,
    };
    let mut results = Vec::new();
    let (switches, crowd) = if asked.quick { (100, 8) } else { (250, 32) };
    results.push(of_switches(switches).await.map_err(Failure::cannot)?);
    results.push(of_hosts(crowd).await.map_err(Failure::cannot)?);
    for count in flows.iter().copied() {
        results.extend(of_flows(count.max(1)).await.map_err(Failure::cannot)?);
    }
    match asked.format {
        Format::Human => {
            out.line(format!("machine: {}", machine()))?;
            for one in &results {
                print(one, out)?;
            }
        }
        Format::Json => json::write(out, &Document { schema: "pentane.bench/1", machine: machine(), results })?,
    }
    Ok(Exit::Good)
}

fn print(one: &Measured, out: &mut Output) -> Result<(), Failure> {
    match one {
        Measured::Memory { name, count, bytes_each, daemon_mb } => {
            out.line(format!("{name:<12} {bytes_each:>9} bytes each, of {count}; the daemon has {daemon_mb} MB then"))
        }
        Measured::Revocation { flows, entries, last_delete_ms, cpu_ms, .. } => out.line(format!(
            "revocation   {last_delete_ms:>9.1} ms from SIGHUP to the last of {entries} deletes, of {flows} flows; {cpu_ms:.1} ms of the processor"
        )),
    }
}

fn load(switches: u16, hosts: u32, flows: u32) -> Load {
    Load { switches, hosts, flows }
}

fn begin(load: &Load) -> Result<(Site, DaemonProcess), String> {
    let plan = Plan { lines: load.switches, hops: 1, hosts: load.hosts, users: 0, rules: 0, grouped: false };
    let site = site::write(&plan)?;
    let daemon = daemon_process::start(&site.config(), site.address())?;
    Ok((site, daemon))
}

fn each(before: u64, after: u64, count: u32) -> u64 {
    after.saturating_sub(before) / u64::from(count.max(1))
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

/// Switches of 48 ports with nobody at them.
async fn of_switches(count: u16) -> Result<Measured, String> {
    let load = load(count, 2, 0);
    let (site, daemon) = begin(&load)?;
    let before = daemon.memory()?;
    let mut switches = Vec::new();
    for number in 0..count {
        switches.push(Switch::connect(site.address(), number, load).await?);
    }
    let after = daemon.memory()?;
    let count = u32::from(count);
    Ok(Measured::Memory { name: "switch", count, bytes_each: each(before, after, count), daemon_mb: megabytes(after) })
}

/// Registered hosts that are heard of, a thousand at each switch.
async fn of_hosts(switches: u16) -> Result<Measured, String> {
    let load = load(switches, HOSTS, 0);
    let (site, daemon) = begin(&load)?;
    let mut connected = Vec::new();
    for number in 0..switches {
        connected.push(Switch::connect(site.address(), number, load).await?);
    }
    let before = daemon.memory()?;
    for switch in &mut connected {
        switch.announce().await?;
    }
    let after = daemon.memory()?;
    let count = u32::from(switches) * HOSTS;
    Ok(Measured::Memory { name: "host", count, bytes_each: each(before, after, count), daemon_mb: megabytes(after) })
}

/// Flows through one switch: what they cost while they are there, and how long it takes until all are out.
async fn of_flows(count: u32) -> Result<Vec<Measured>, String> {
    let load = load(1, HOSTS, count);
    let (site, daemon) = begin(&load)?;
    let mut switch = Switch::connect(site.address(), 0, load).await?;
    switch.announce().await?;
    let before = daemon.memory()?;
    let put_in = switch.offer().await?;
    let after = daemon.memory()?;
    site.deny()?;
    let cpu = daemon.cpu()?;
    let begun = Instant::now();
    daemon.reload()?;
    let entries = switch.taken_out(put_in).await?;
    let elapsed = begun.elapsed();
    let cpu_ms = in_ms(daemon.cpu()?.saturating_sub(cpu));
    let revocation = Measured::Revocation {
        name: format!("revocation-{count}"),
        flows: count,
        entries,
        last_delete_ms: in_ms(elapsed),
        cpu_ms,
    };
    let memory = Measured::Memory { name: "flow", count, bytes_each: each(before, after, count), daemon_mb: megabytes(after) };
    // The memory of a few drowns in what is set aside for many.
    Ok(if count < 1_000 { vec![revocation] } else { vec![memory, revocation] })
}
