//! `pentane diff`: which flows do two policies decide otherwise? Loads both, asks the compiler, tells. Knows nothing of how it is
//! found out.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use compiler::Redeclared;
use compiler::analysis::{Change, Difference, difference, in_terms_of};
use lang::checked::{Checked, RuleId, Verdict};
use lang::flow::Judgement;
use lang::flowspec::flow_text;
use lang::testing::{duty_words, outcome, rule_label};

use crate::effort::{Effort, MORE};
use crate::exit::{Exit, Failure};
use crate::json::{self, Changed, Diff, Redeclaration, Rule, Unsettled};
use crate::load::{Policy, PolicyArgs, STDIN};
use crate::output::{Output, Paint};
use crate::report::{self, Format, counted};
use crate::{hash, settings, turn};

/// How many flows of each sort are told to people; JSON has all.
const MAX_TOLD: usize = 50;

/// What `diff` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The old policy's file, or a folder with a pentane.toml; `-` reads standard input
    #[arg(value_name = "OLD", required_unless_present = "view")]
    old: Option<String>,
    /// The new policy's file, or a folder with a pentane.toml; `-` reads standard input
    #[arg(value_name = "NEW", required_unless_present = "view", conflicts_with = "view")]
    new: Option<String>,
    /// What was true on the network: compares two views of the policy OLD, or of that of this folder
    #[arg(long, value_name = "FILE", requires = "view_after")]
    view: Option<PathBuf>,
    /// What is true on it after
    #[arg(long, value_name = "FILE", requires = "view")]
    view_after: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    /// End with 1 if there is any difference
    #[arg(long)]
    exit_code: bool,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// What becomes of flows that are answered otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Gained,
    Lost,
    Changed,
}

/// In the order in which they are told, with what they are called, and what is meant.
const SORTS: [(Sort, &str, &str, Paint); 3] = [
    (Sort::Gained, "gained", "allowed by the new policy, not by the old one", Paint::Green),
    (Sort::Lost, "lost", "allowed by the old policy, not by the new one", Paint::Red),
    (Sort::Changed, "changed", "allowed by both, or by neither, in another way", Paint::Bold),
];

/// Compares two policies: tells which flows are decided otherwise.
///
/// # Errors
/// A policy is not there, both are standard input, or nobody takes the output.
pub fn diff(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.format != Format::Human {
        out.plain();
    }
    if let Some(after) = args.view_after.clone() {
        return views(args, after, out);
    }
    let [old, new] = [&args.old, &args.new].map(|named| named.as_deref().unwrap_or(STDIN));
    if old == STDIN && new == STDIN {
        return Err(Failure::Cannot("only one of two policies can be read from standard input".to_owned()));
    }
    let [old, new] = [old, new].map(|named| Policy::load(&PolicyArgs { files: files(named)?, ..PolicyArgs::default() }));
    let policies = [old?, new?];
    let mut checked: Vec<&Checked> = Vec::new();
    for policy in &policies {
        match &policy.program {
            Some(program) => checked.push(program.policy()),
            None => {
                report::write_instead(out, policy, args.format)?;
                return Ok(policy.exit_without_program());
            }
        }
    }
    let [old, new] = checked[..] else { return Ok(Exit::CannotDo) };
    let found = difference(old, new, args.effort.budget());
    match args.format {
        Format::Json => json::write(out, &as_json(&policies, &found))?,
        Format::Concise => {
            found.changes.iter().try_for_each(|change| out.line(concise(&policies, &found, change)))?;
            found.redeclared.iter().try_for_each(|one| out.line(otherwise(one)))?;
        }
        _ => write_text(out, &policies, &found)?,
    }
    Ok(exit(args.exit_code, &found))
}

/// Compares two views of one policy.
fn views(args: &Args, after: PathBuf, out: &mut Output) -> Result<Exit, Failure> {
    let files = args.old.as_deref().map_or_else(|| Ok(Vec::new()), files)?;
    if files.iter().any(|file| file == STDIN) {
        return Err(Failure::Cannot("a policy of two views is read twice, and not from standard input".to_owned()));
    }
    let load = |view: Option<PathBuf>| Policy::load(&PolicyArgs { files: files.clone(), view, ..PolicyArgs::default() });
    let states = [load(args.view.clone())?, load(Some(after))?];
    for state in &states {
        if state.program.is_none() {
            report::write_instead(out, state, args.format)?;
            return Ok(state.exit_without_program());
        }
    }
    turn::tell(out, &states, args.effort.budget(), (args.format, args.exit_code))
}

/// The files of a policy: the one that is named, or those that pentane.toml in a folder of that name does.
fn files(named: &str) -> Result<Vec<String>, Failure> {
    let folder = Path::new(named);
    match settings::of_folder(folder).filter(|_| folder.is_dir()) {
        Some(Ok((files, _))) => Ok(files.iter().map(|file| folder.join(file).display().to_string()).collect()),
        Some(Err(why)) => Err(Failure::Cannot(format!("{named}: {why}"))),
        None => Ok(vec![named.to_owned()]),
    }
}

fn exit(asked: bool, found: &Difference) -> Exit {
    let differs = !found.changes.is_empty() || !found.redeclared.is_empty();
    match (asked && differs, found.is_settled()) {
        (true, _) => Exit::Bad,
        (false, true) => Exit::Good,
        (false, false) => Exit::Undecided,
    }
}

fn sort(change: &Change) -> Sort {
    let [before, after] = [&change.before, &change.after].map(|answer| answer.verdict == Verdict::Allow);
    match (before, after) {
        (false, true) => Sort::Gained,
        (true, false) => Sort::Lost,
        (true, true) | (false, false) => Sort::Changed,
    }
}

/// The changes of a sort.
fn of_sort(found: &Difference, wanted: Sort) -> impl Iterator<Item = &Change> {
    found.changes.iter().filter(move |change| sort(change) == wanted)
}

/// The flow as the new policy reads it, and as the old one does, if that is in other words.
fn flows(policies: &[Policy; 2], found: &Difference, change: &Change) -> (String, Option<String>) {
    let [old, new] = [0, 1].map(|side: usize| {
        let joint = &found.sides[side];
        let program = policies.get(side).and_then(|policy| policy.program.as_ref());
        program.map_or_else(
            || flow_text(joint, &change.flow),
            |program| flow_text(program.policy(), &in_terms_of(joint, &change.flow, program.policy())),
        )
    });
    let other = (old != new).then_some(old);
    (new, other)
}

/// `lost: user bob -> a tcp/80: allow by web -> deny by default`
fn concise(policies: &[Policy; 2], found: &Difference, change: &Change) -> String {
    let wanted = sort(change);
    let word = SORTS.iter().find(|(one, ..)| *one == wanted).map_or("", |(_, word, ..)| word);
    let [before, after] = answers(found, change).map(|(policy, answer)| full_answer(policy, answer));
    format!("{word}: {}: {before} => {after}", flows(policies, found, change).0)
}

/// `declared otherwise: host a: at core:9 => at core:12`
fn otherwise(one: &Redeclared) -> String {
    let [before, after] = [&one.before, &one.after].map(|text| text.as_deref().unwrap_or("not declared"));
    format!("declared otherwise: {}: {before} => {after}", one.what)
}

/// What both policies answer, each with itself.
fn answers<'d>(found: &'d Difference, change: &'d Change) -> [(&'d Checked, &'d Judgement); 2] {
    [(&*found.sides[0], &change.before), (&*found.sides[1], &change.after)]
}

/// `allow via proxy limit 50mbps by guest-web`
pub fn full_answer(policy: &Checked, answer: &Judgement) -> String {
    let by = answer.rule.map_or_else(|| "default".to_owned(), |id| rule_label(policy, id));
    let place = answer.rule.and_then(|id| policy.rule(id)).filter(|rule| rule.name.is_some());
    let place = place.map(|rule| policy.sources.position(rule.span)).map(|at| format!(" ({}:{})", at.file, at.line));
    format!("{} by {by}{}", bare_answer(policy, answer), place.unwrap_or_default())
}

/// `allow via proxy limit 50mbps`
pub fn bare_answer(policy: &Checked, answer: &Judgement) -> String {
    let mut words = vec![answer.verdict.to_string()];
    let via = outcome(policy, answer).via;
    if !via.is_empty() {
        words.push(format!("via {}", via.iter().map(|name| &**name).collect::<Vec<&str>>().join(", ")));
    }
    words.extend(duty_words(policy, &answer.duties));
    words.join(" ")
}

fn write_text(out: &mut Output, policies: &[Policy; 2], found: &Difference) -> Result<(), Failure> {
    for (wanted, word, meaning, paint) in SORTS {
        let count = of_sort(found, wanted).count();
        if count == 0 {
            continue;
        }
        let word = out.paint(paint, word);
        out.line(format!("{word}: {meaning}"))?;
        for change in of_sort(found, wanted).take(MAX_TOLD) {
            let (flow, before) = flows(policies, found, change);
            out.line(format!("  {flow}"))?;
            if let Some(before) = before {
                out.line(format!("  to the old policy: {before}"))?;
            }
            for (when, (policy, answer)) in ["before", "after "].into_iter().zip(answers(found, change)) {
                out.line(format!("    {when} {}", full_answer(policy, answer)))?;
            }
        }
        if count > MAX_TOLD {
            out.line(format!("  and {} more (all with --format json)", counted(count - MAX_TOLD, "class")))?;
        }
        out.line("")?;
    }
    redeclared(out, &found.redeclared)?;
    unsettled(out, found)?;
    sum(out, policies, found)
}

fn redeclared(out: &mut Output, all: &[Redeclared]) -> Result<(), Failure> {
    if all.is_empty() {
        return Ok(());
    }
    let word = out.paint(Paint::Bold, "declared otherwise");
    out.line(format!("{word}: flows are compared as if this had changed first"))?;
    for one in all.iter().take(MAX_TOLD) {
        out.line(format!("  {}", one.what))?;
        for (when, text) in [("before", &one.before), ("after ", &one.after)] {
            out.line(format!("    {when} {}", text.as_deref().unwrap_or("not declared")))?;
        }
    }
    if all.len() > MAX_TOLD {
        out.line(format!("  and {} more (all with --format json)", all.len() - MAX_TOLD))?;
    }
    out.line("")
}

/// The rules of which it is not known what becomes of all of their flows.
fn undecided(found: &Difference) -> impl Iterator<Item = (&'static str, &Checked, RuleId)> {
    let of_side = |(word, side): (&'static str, usize)| {
        let policy = &*found.sides[side];
        found.undecided[side].iter().map(move |id| (word, policy, *id))
    };
    [("old", 0), ("new", 1)].into_iter().flat_map(of_side)
}

fn unsettled(out: &mut Output, found: &Difference) -> Result<(), Failure> {
    let count = undecided(found).count();
    if count == 0 {
        return Ok(());
    }
    let word = out.paint(Paint::Bold, "undecided");
    out.line(format!("{word}: what becomes of all flows of these was not found out"))?;
    for (of, policy, id) in undecided(found).take(MAX_TOLD) {
        out.line(format!("  {} of the {of} policy", rule_label(policy, id)))?;
    }
    if count > MAX_TOLD {
        out.line(format!("  and {} more (all with --format json)", counted(count - MAX_TOLD, "rule")))?;
    }
    out.line("")
}

fn sum(out: &mut Output, policies: &[Policy; 2], found: &Difference) -> Result<(), Failure> {
    let [old, new] = policies.each_ref().map(|policy| hash::shown(&policy.hash));
    let counts = SORTS.map(|(wanted, word, ..)| format!("{} {word}", of_sort(found, wanted).count())).join(", ");
    let rest = match (found.is_settled(), found.redeclared.is_empty()) {
        (true, true) => "all other flows are proved unchanged, in any view",
        (true, false) => "all others are proved unchanged, but for what is declared otherwise",
        (false, _) => &format!("that all others are unchanged is not proved\n{MORE}"),
    };
    let first = match (found.changes.is_empty(), found.redeclared.is_empty()) {
        (true, true) if found.is_settled() => "no flow is decided otherwise: proved, in any view".to_owned(),
        (true, false) if found.is_settled() => {
            "by the rules no flow is decided otherwise\nby what is declared otherwise, flows may be".to_owned()
        }
        (true, _) => format!("no difference was found\n{rest}"),
        (false, _) => format!("classes of flows: {counts}\n{rest}"),
    };
    out.line(first)?;
    out.line(format!("policies {old} and {new}"))
}

fn as_json(policies: &[Policy; 2], found: &Difference) -> Diff {
    let changed = |change: &Change| {
        let [before, after] = answers(found, change);
        let (flow, old_flow) = flows(policies, found, change);
        Changed {
            flow,
            old_flow,
            before: bare_answer(before.0, before.1),
            after: bare_answer(after.0, after.1),
            before_rule: Rule::deciding(before.0, before.1.rule),
            after_rule: Rule::deciding(after.0, after.1.rule),
            pairs: None,
        }
    };
    let all = |wanted: Sort| of_sort(found, wanted).map(changed).collect();
    let redeclared = found.redeclared.iter().map(|one| Redeclaration {
        what: one.what.clone(),
        before: one.before.clone(),
        after: one.after.clone(),
    });
    let undecided =
        undecided(found).filter_map(|(of, policy, id)| Some(Unsettled { policy: of, rule: Rule::deciding(policy, Some(id))? }));
    Diff {
        schema: "pentane.diff/1",
        old: policies[0].hash.clone(),
        new: policies[1].hash.clone(),
        world: "any-view",
        old_view: None,
        new_view: None,
        gained: all(Sort::Gained),
        lost: all(Sort::Lost),
        changed: all(Sort::Changed),
        redeclared: redeclared.collect(),
        undecided: undecided.collect(),
        notes: None,
        settled: found.is_settled() && found.redeclared.is_empty(),
    }
}
