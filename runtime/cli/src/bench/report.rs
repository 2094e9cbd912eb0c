//! Figures for people and for machines. Knows nothing of how they came about.

use serde::Serialize;

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
    pub name: String,
    pub mode: &'static str,
    pub population: &'static str,
    pub of: &'static str,
    pub switches: u16,
    pub hops: u8,
    pub macs: u32,
    pub rules: u32,
    pub flows: u64,
    pub flows_per_s: f64,
    pub cpu_s_per_million: f64,
    pub p50_us: u32,
    pub p99_us: u32,
    pub p999_us: u32,
    pub null_flows_per_s: f64,
    pub ratio_to_null: f64,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    machine: String,
    results: &'a [Measured],
}

impl Measured {
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
        out.line("mode       switches  rules  flows/s CPU s/M  p50 us  p99 us p99.9us   null/s ratio")?;
    }
    out.line(format_args!(
        "{:<10} {:>8} {:>6} {:>8.0} {:>7.2} {:>7} {:>7} {:>7} {:>8.0} {:>5.3}",
        measured.mode,
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
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    format!("{cores} × {}", model.unwrap_or("unknown processor"))
}
