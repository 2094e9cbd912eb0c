//! `pentane bench compile`: what a policy costs from its text to its proofs, and after an edit. Policies are generated. Knows
//! nothing of the daemon.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compiler::{Budget, Program, View};
use lang::check::check_loaded;
use lang::import::{self, LoadError, Loader};
use net::Time;
use serde::Serialize;

use super::draw::Draw;
use super::report::{Format, machine};
use super::{edits, lookup};
use crate::exit::{Exit, Failure};
use crate::json;
use crate::output::Output;

/// What policies to measure with.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Ends within seconds: 1,000 rules alone.
    #[arg(long)]
    quick: bool,
    /// Numbers of rules to measure with; 1,000 and 10,000 if not given.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    rules: Vec<u32>,
    /// Edits to measure; the middle and the longest are told.
    #[arg(long, value_name = "N", default_value_t = 20)]
    edits: u32,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What rules name behind `for`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One of 300 declared services.
    Services,
    /// A port of its own.
    Ports,
}

/// The figures of one policy, in milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    name: String,
    rules: u32,
    read_ms: f64,
    check_ms: f64,
    compile_ms: f64,
    prove_ms: f64,
    edit_p50_ms: f64,
    edit_max_ms: f64,
    /// Declared hosts, each attached with one user.
    endpoints: usize,
    /// What the process has when all is compiled, in MB; nothing where the system does not say.
    memory_mb: Option<f64>,
    /// Flows between any two hosts.
    cold_p50_ns: u64,
    cold_p99_ns: u64,
    /// Flows of which few are most: all of them, divided.
    zipf_mean_ns: u64,
    /// The same flows as cold, by trying one rule after the other.
    linear_p50_ns: u64,
    /// A host at another port, a user logged in instead of another: in the view and in the program.
    move_p50_us: f64,
    join_p50_us: f64,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    machine: String,
    results: Vec<Measured>,
}

/// The one text of a generated policy.
pub(super) struct Text(pub(super) String);

impl Loader for Text {
    fn read(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Ok(self.0.clone().into_bytes())
    }
}

/// Measures, and prints a line for each policy.
///
/// # Errors
/// The server does not answer, or nobody takes the output.
pub fn run(asked: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let sizes: &[u32] = match (asked.rules.as_slice(), asked.quick) {
        ([], true) => &[1_000],
        ([], false) => &[1_000, 10_000],
        (some, _) => some,
    };
    let human = asked.format == Format::Human;
    if human {
        out.line(format!("machine: {}", machine()))?;
        out.line("of a policy, ms: read  check  compile  prove  edit (middle, longest)")?;
        out.line("  of a flow, ns: middle, of 100 the slowest, popular; by trying all rules")?;
        out.line("  of a change, us: a host moves, a user logs in")?;
    }
    let mut results = Vec::new();
    for rules in sizes.iter().copied() {
        for shape in [Shape::Services, Shape::Ports] {
            let one = measure(rules, shape, asked.edits)?;
            if human {
                out.line(format!(
                    "{:<16} {:>7.1} {:>6.1} {:>8.1} {:>6.1} {:>6.1} {:>6.1}",
                    one.name, one.read_ms, one.check_ms, one.compile_ms, one.prove_ms, one.edit_p50_ms, one.edit_max_ms
                ))?;
                out.line(format!(
                    "  flow {:>8} {:>6} {:>6}; {:>9}   change {:>6.2} {:>6.2}",
                    one.cold_p50_ns, one.cold_p99_ns, one.zipf_mean_ns, one.linear_p50_ns, one.move_p50_us, one.join_p50_us
                ))?;
                out.flush()?;
            }
            results.push(one);
        }
    }
    if !human {
        json::write(out, &Document { schema: "pentane.bench/1", machine: machine(), results })?;
    }
    Ok(Exit::Good)
}

fn measure(rules: u32, shape: Shape, edits: u32) -> Result<Measured, Failure> {
    let name = match shape {
        Shape::Services => "services",
        Shape::Ports => "ports",
    };
    let text = Text(policy(rules, shape));
    let (loaded, read) = timed(|| import::load(&["bench.pol"], &text));
    let ((checked, found), check) = timed(|| check_loaded(&loaded));
    let checked = checked.ok_or_else(|| Failure::cannot(format!("the generated policy has errors: {found:?}")))?;
    let checked = Arc::new(checked);
    let (program, compile) = timed(|| Program::compile(Arc::clone(&checked), &View::new(&checked)));
    let (_, prove) = timed(|| compiler::findings(&program, &loaded.policy, Some(Time(0)), Budget::default()));
    let memory_mb = memory();
    let figures = lookup::measure(&checked);
    let edits = edits::measure(text.0, edits.max(1)).map_err(Failure::Cannot)?;
    let middle = edits.get(edits.len() / 2).copied().unwrap_or_default();
    Ok(Measured {
        name: format!("{name}-{rules}"),
        rules,
        read_ms: in_ms(read),
        check_ms: in_ms(check),
        compile_ms: in_ms(compile),
        prove_ms: in_ms(prove),
        edit_p50_ms: in_ms(middle),
        edit_max_ms: in_ms(edits.last().copied().unwrap_or_default()),
        endpoints: checked.hosts.len(),
        memory_mb,
        cold_p50_ns: figures.cold_p50_ns,
        cold_p99_ns: figures.cold_p99_ns,
        zipf_mean_ns: figures.zipf_mean_ns,
        linear_p50_ns: figures.linear_p50_ns,
        move_p50_us: figures.move_p50_us,
        join_p50_us: figures.join_p50_us,
    })
}

/// The resident memory of this process, in MB (proc(5), `VmRSS`).
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((f64::from(kilobytes) / 102.4).round() / 10.0)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed())
}

fn in_ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A policy of this many rules over 2,000 users, 2,000 hosts, 400 groups and 300 services. Always the same.
fn policy(rules: u32, shape: Shape) -> String {
    const MEMBERS: u32 = 2_000;
    const GROUPS: u32 = 200;
    const SERVICES: u32 = 300;
    let mut draw = Draw::new(1);
    let mut text = String::from("default deny;\n");
    // Writing to a string cannot fail.
    for number in 0..MEMBERS {
        let [_, _, high, low] = number.to_be_bytes();
        let _ =
            writeln!(text, "user u{number};\nhost h{number} {{ mac 02:00:00:00:{high:02x}:{low:02x}; ip 10.1.{high}.{low}; }}");
    }
    for number in 0..GROUPS {
        let members = |draw: &mut Draw, letter: char| {
            let all: Vec<String> = (0..10).map(|one| format!("{letter}{}", (draw.below(MEMBERS / 10)) * 10 + one)).collect();
            all.join(", ")
        };
        let (users, hosts) = (members(&mut draw, 'u'), members(&mut draw, 'h'));
        let _ = writeln!(text, "group ug{number} = user {{ {users} }};\ngroup hg{number} = host {{ {hosts} }};");
    }
    for number in 0..SERVICES {
        let _ = writeln!(text, "service s{number} = tcp/{};", 1_000 + number);
    }
    for number in 0..rules {
        let from = match draw.below(3) {
            0 => format!("ug{}", draw.below(GROUPS)),
            1 => format!("u{}", draw.below(MEMBERS)),
            _ => format!("h{}", draw.below(MEMBERS)),
        };
        let to = if draw.below(2) == 0 { format!("hg{}", draw.below(GROUPS)) } else { format!("h{}", draw.below(MEMBERS)) };
        let verdict = if draw.below(4) == 0 { "deny" } else { "allow" };
        let service = match shape {
            Shape::Services => format!("s{}", draw.below(SERVICES)),
            Shape::Ports => format!("{}/{}", if draw.below(2) == 0 { "tcp" } else { "udp" }, draw.below(60_000) + 1),
        };
        let _ = writeln!(text, "r{number}: {verdict} from {from} to {to} for {service};");
    }
    text
}
