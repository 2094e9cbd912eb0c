//! Figures for people and for machines. Knows nothing of how they came about.

use serde::Serialize;

use super::openflow::{Case, Figures};
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
    population: &'static str,
    of: &'static str,
    switches: u16,
    hops: u8,
    macs: u32,
    rules: u32,
    flows: u64,
    flows_per_s: f64,
    cpu_s_per_million: f64,
    p50_us: u32,
    p99_us: u32,
    p999_us: u32,
    null_flows_per_s: f64,
    ratio_to_null: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offered_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_per_s: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flood: bool,
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
    /// The figures of a case.
    pub fn new(case: &Case, figures: &Figures) -> Measured {
        Measured {
            name: case.name(),
            mode: case.mode.name(),
            population: case.population.name(),
            of: case.version.name(),
            switches: case.switches(),
            hops: case.hops,
            macs: case.macs,
            rules: case.rules + CAMPUS_RULES,
            flows: figures.flows,
            flows_per_s: figures.flows_per_s.round(),
            cpu_s_per_million: figures.cpu_s_per_million,
            p50_us: figures.p50_us,
            p99_us: figures.p99_us,
            p999_us: figures.p999_us,
            null_flows_per_s: figures.null_flows_per_s.round(),
            ratio_to_null: figures.flows_per_s / figures.null_flows_per_s,
            load_percent: (case.load > 0).then_some(case.load),
            offered_per_s: figures.offered_per_s.map(f64::round),
            changes_per_s: (case.changes > 0).then_some(case.changes),
            flood: case.flood,
        }
    }

    /// The mode, and the rate if there is one.
    fn label(&self) -> String {
        match self.load_percent {
            Some(percent) => format!("{} {percent}%", self.mode),
            None => self.mode.to_owned(),
        }
    }

    /// What rows that stand together have in common.
    fn kind(&self) -> (&'static str, &'static str, u8, u32) {
        (self.population, self.of, self.hops, self.macs)
    }
}

/// Prints one figure, as soon as it is there; what it is of, if the one before is of something else.
///
/// # Errors
/// Nobody takes the output.
pub fn one(measured: &Measured, before: Option<&Measured>, format: Format, out: &mut Output) -> Result<(), Failure> {
    if format == Format::Json {
        return Ok(());
    }
    if before.is_none_or(|before| before.kind() != measured.kind()) {
        let (population, of, hops, macs) = measured.kind();
        let gap = if before.is_some() { "\n" } else { "" };
        let hops = if hops == 1 { "1 hop".to_owned() } else { format!("{hops} hops") };
        out.line(format_args!("{gap}{population}, OpenFlow {of}, {hops}, {macs} MAC addresses at each switch"))?;
        out.line("mode       switches  rules  flows/s  CPU/M p50 us  p99 us p99.9us   null/s ratio")?;
    }
    out.line(format_args!(
        "{:<10} {:>8} {:>6} {:>8.0} {:>6.2} {:>6} {:>7} {:>7} {:>8.0} {:>5.3}",
        measured.label(),
        measured.switches,
        measured.rules,
        measured.flows_per_s,
        measured.cpu_s_per_million,
        measured.p50_us,
        measured.p99_us,
        measured.p999_us,
        measured.null_flows_per_s,
        measured.ratio_to_null
    ))
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
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    // Not those that this process may use: the benchmark itself stays on one.
    let listed = info.lines().filter(|line| line.starts_with("processor")).count();
    let cores = if listed > 0 { listed } else { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) };
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    format!("{cores} × {}", model.unwrap_or("unknown processor"))
}
