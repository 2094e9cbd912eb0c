//! `pentane bench compile`: what a policy costs from its text to its proofs, and after an edit. Policies are generated. Knows
//! nothing of the daemon.

use std::fmt::Write as _;
use std::sync::Arc;

use compiler::{Budget, Program, View};
use lang::check::check_loaded;
use lang::import::{self, LoadError, Loader};
use net::Time;
use serde::Serialize;

use super::changes::in_mb;
use super::draw::Draw;
use super::report::{Format, machine};
use super::timing::{in_ms, timed};
use super::world::{HOSTS, Shape, World};
use super::{changes, edits, lookup};
use crate::exit::{Exit, Failure};
use crate::json;
use crate::output::Output;

/// What policies to measure with.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Ends within a minute: 1,000 and 10,000 rules, and fewer flows that are tracked.
    #[arg(long)]
    quick: bool,
    /// Numbers of rules to measure with; 132, 1,000, 10,000 and 100,000 if not given.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    rules: Vec<u32>,
    /// Edits to measure; the middle and the longest are told.
    #[arg(long, value_name = "N", default_value_t = 20)]
    edits: u32,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How many decided flows are tracked.
const TRACKED: u32 = 500_000;
const TRACKED_QUICK: u32 = 50_000;

/// The figures of one policy.
#[derive(Debug, Serialize)]
struct Measured {
    name: String,
    rules: u32,
    /// Of a policy over few hosts, from its text.
    read_ms: f64,
    check_ms: f64,
    prove_ms: f64,
    edit_p50_ms: f64,
    edit_max_ms: f64,
    /// Of the large site: declared hosts, each attached with one user.
    endpoints: usize,
    compile_ms: f64,
    /// What the structure takes, by the size of its tables.
    memory_mb: f64,
    /// What the process has when all is compiled; nothing where the system does not say.
    process_mb: Option<f64>,
    /// Flows between any two hosts.
    cold_p50_ns: u64,
    cold_p99_ns: u64,
    /// Flows of which few are most, with answers kept: from two stations that are known; and from all that is known of two ends.
    zipf_mean_ns: u64,
    zipf_judge_ns: u64,
    /// The same flows as cold, by trying one rule after the other.
    linear_p50_ns: u64,
    /// A host at another port, a user logged in instead of another: in the program, once the view has it.
    move_p50_us: f64,
    move_p99_us: f64,
    join_p50_us: f64,
    join_p99_us: f64,
    /// A user in a declared group, or out of it; a rule put in, or taken out: in the program.
    member_p50_us: f64,
    member_p99_us: f64,
    insert_p50_us: f64,
    insert_p99_us: f64,
    remove_p50_us: f64,
    remove_p99_us: f64,
    /// A rule put in, found by comparing all of both policies.
    recompile_p50_ms: f64,
    /// To find which of so many flows a rule that was put in or taken out decides otherwise.
    tracked_flows: usize,
    tracked_mb: f64,
    affected_mean_ms: f64,
    affected_p50_ms: f64,
    affected_p99_ms: f64,
    /// How many they are.
    affected_flows: f64,
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

/// Measures, and prints the figures of each policy.
///
/// # Errors
/// The server does not answer, or nobody takes the output.
pub fn run(asked: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let sizes: &[u32] = match (asked.rules.as_slice(), asked.quick) {
        ([], true) => &[1_000, 10_000],
        ([], false) => &[132, 1_000, 10_000, 100_000],
        (some, _) => some,
    };
    let human = asked.format == Format::Human;
    if human {
        out.line(format!("machine: {}", machine()))?;
    }
    let mut results = Vec::new();
    for rules in sizes.iter().copied() {
        for shape in [Shape::Services, Shape::Ports] {
            let one = measure(rules, shape, asked)?;
            if human {
                print(&one, out)?;
            }
            results.push(one);
        }
    }
    if !human {
        json::write(out, &Document { schema: "pentane.bench/1", machine: machine(), results })?;
    }
    Ok(Exit::Good)
}

fn print(one: &Measured, out: &mut Output) -> Result<(), Failure> {
    out.line(format!(
        "{}: read {:.1} ms, check {:.1}, prove {:.1}; edit {:.1}, at most {:.1}",
        one.name, one.read_ms, one.check_ms, one.prove_ms, one.edit_p50_ms, one.edit_max_ms
    ))?;
    out.line(format!("  {} endpoints: compile {:.1} ms, {:.1} MB", one.endpoints, one.compile_ms, one.memory_mb))?;
    out.line(format!(
        "  flow {} ns, p99 {}; popular {}, from its ends {}; by trying all rules {}",
        one.cold_p50_ns, one.cold_p99_ns, one.zipf_mean_ns, one.zipf_judge_ns, one.linear_p50_ns
    ))?;
    out.line(format!(
        "  us, p50 and p99: move {:.2} {:.2}, log-in {:.2} {:.2}, member {:.2} {:.2}, rule in {:.2} {:.2}, out {:.2} {:.2}",
        one.move_p50_us,
        one.move_p99_us,
        one.join_p50_us,
        one.join_p99_us,
        one.member_p50_us,
        one.member_p99_us,
        one.insert_p50_us,
        one.insert_p99_us,
        one.remove_p50_us,
        one.remove_p99_us
    ))?;
    out.line(format!(
        "  rule in, by comparing: {:.1} ms; {:.1} of {} flows affected, found in {:.4} ms, p50 {:.4}, p99 {:.4}; {:.1} MB",
        one.recompile_p50_ms,
        one.affected_flows,
        one.tracked_flows,
        one.affected_mean_ms,
        one.affected_p50_ms,
        one.affected_p99_ms,
        one.tracked_mb
    ))?;
    out.flush()
}

fn measure(rules: u32, shape: Shape, asked: &Args) -> Result<Measured, Failure> {
    let name = match shape {
        Shape::Services => "services",
        Shape::Ports => "ports",
    };
    let text = Text(policy(rules, shape));
    let (loaded, read) = timed(|| import::load(&["bench.pol"], &text));
    let ((checked, found), check) = timed(|| check_loaded(&loaded));
    let checked = checked.ok_or_else(|| Failure::cannot(format!("the generated policy has errors: {found:?}")))?;
    let checked = Arc::new(checked);
    let program = Program::compile(Arc::clone(&checked), &View::new(&checked));
    let (_, prove) = timed(|| compiler::findings(&program, &loaded.policy, Some(Time(0)), Budget::default()));
    drop((program, loaded));
    let edits = edits::measure(text.0, asked.edits.max(1)).map_err(Failure::Cannot)?;
    let middle = edits.get(edits.len() / 2).copied().unwrap_or_default();
    let world = World::new(rules, shape);
    let view = world.view();
    let policy = Arc::new(world.policy.clone());
    let (program, compile) = timed(|| Program::compile(Arc::clone(&policy), &view));
    let (memory_mb, process_mb) = (in_mb(program.bytes()), memory());
    let (program, looked_up) = lookup::measure(&policy, program, &view, shape);
    drop(policy);
    let changed = changes::measure(world, program, view, shape, if asked.quick { TRACKED_QUICK } else { TRACKED });
    Ok(Measured {
        name: format!("{name}-{rules}"),
        rules,
        read_ms: in_ms(read),
        check_ms: in_ms(check),
        prove_ms: in_ms(prove),
        edit_p50_ms: in_ms(middle),
        edit_max_ms: in_ms(edits.last().copied().unwrap_or_default()),
        endpoints: HOSTS as usize,
        compile_ms: in_ms(compile),
        memory_mb,
        process_mb,
        cold_p50_ns: looked_up.cold_p50_ns,
        cold_p99_ns: looked_up.cold_p99_ns,
        zipf_mean_ns: looked_up.zipf_mean_ns,
        zipf_judge_ns: looked_up.zipf_judge_ns,
        linear_p50_ns: looked_up.linear_p50_ns,
        move_p50_us: changed.moves[0],
        move_p99_us: changed.moves[1],
        join_p50_us: changed.joins[0],
        join_p99_us: changed.joins[1],
        member_p50_us: changed.members[0],
        member_p99_us: changed.members[1],
        insert_p50_us: changed.inserts[0],
        insert_p99_us: changed.inserts[1],
        remove_p50_us: changed.removals[0],
        remove_p99_us: changed.removals[1],
        recompile_p50_ms: changed.recompile_p50_ms,
        tracked_flows: changed.tracked_flows,
        tracked_mb: changed.tracked_mb,
        affected_mean_ms: changed.affected_mean_ms,
        affected_p50_ms: changed.affected_p50_ms,
        affected_p99_ms: changed.affected_p99_ms,
        affected_flows: changed.affected_flows,
    })
}

/// The resident memory of this process, in MB (proc(5), `VmRSS`).
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((f64::from(kilobytes) / 102.4).round() / 10.0)
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
