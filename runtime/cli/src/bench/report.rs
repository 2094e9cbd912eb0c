//! Figures for people and for machines. Knows nothing of how they came about.

use std::time::Duration;

use serde::Serialize;

use super::Mode;
use super::generator::{Answered, Load};
use crate::exit::Failure;
use crate::output::Output;

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line a figure.
    Human,
    /// One object, schema `pentane.bench/1`.
    Json,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    name: String,
    mode: &'static str,
    of: &'static str,
    switches: u16,
    hops: u8,
    macs: u16,
    rules: u32,
    flows: u64,
    flows_per_s: f64,
    cpu_s_per_million: f64,
    p50_us: u32,
    p99_us: u32,
    p999_us: u32,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    machine: String,
    results: &'a [Measured],
}

/// Rules of the campus that every site has.
const CAMPUS_RULES: u32 = 7;

impl Measured {
    /// The figures of one load.
    pub fn new(load: &Load, answered: &Answered, cpu: Duration) -> Measured {
        let mode = match load.mode {
            Mode::Throughput => "throughput",
            Mode::Latency => "latency",
        };
        #[expect(clippy::cast_precision_loss, reason = "a figure to be read, of less than 2^52")]
        let answers = answered.answers as f64;
        let quantile = |per_mille: usize| {
            let place = answered.latencies.len() * per_mille / 1000;
            answered.latencies.get(place.min(answered.latencies.len().saturating_sub(1))).copied().unwrap_or(0)
        };
        Measured {
            name: format!("{mode}-{}", load.switches),
            mode,
            of: "1.0",
            switches: load.switches,
            hops: 1,
            macs: load.hosts,
            rules: load.rules + CAMPUS_RULES,
            flows: answered.answers,
            flows_per_s: (answers / answered.elapsed.as_secs_f64()).round(),
            cpu_s_per_million: cpu.as_secs_f64() / answers * 1e6,
            p50_us: quantile(500),
            p99_us: quantile(990),
            p999_us: quantile(999),
        }
    }
}

/// Prints the heading.
///
/// # Errors
/// Nobody takes the output.
pub fn heading(format: Format, out: &mut Output) -> Result<(), Failure> {
    match format {
        Format::Human => out.line("mode        switches  rules    flows/s  CPU s/million   p50 us   p99 us  p99.9 us"),
        Format::Json => Ok(()),
    }
}

/// Prints one figure, as soon as it is there.
///
/// # Errors
/// Nobody takes the output.
pub fn one(measured: &Measured, format: Format, out: &mut Output) -> Result<(), Failure> {
    match format {
        Format::Human => out.line(format_args!(
            "{:<10}  {:>8}  {:>5}  {:>9.0}  {:>13.2}  {:>7}  {:>7}  {:>8}",
            measured.mode,
            measured.switches,
            measured.rules,
            measured.flows_per_s,
            measured.cpu_s_per_million,
            measured.p50_us,
            measured.p99_us,
            measured.p999_us
        )),
        Format::Json => Ok(()),
    }
}

/// Prints all figures as one object, if that is the format.
///
/// # Errors
/// Nobody takes the output.
pub fn all(results: &[Measured], format: Format, out: &mut Output) -> Result<(), Failure> {
    match format {
        Format::Human => Ok(()),
        Format::Json => {
            let document = Document { schema: "pentane.bench/1", machine: machine(), results };
            let text = serde_json::to_string(&document).map_err(|error| Failure::cannot(error.to_string()))?;
            out.line(text)
        }
    }
}

/// The processor, as the system names it, and how many of them.
pub(super) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    format!("{cores} × {}", model.unwrap_or("unknown processor"))
}
