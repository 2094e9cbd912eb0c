//! `pentane matrix`: may these sets start conversations with those? One question for each pair. Knows nothing of how it is found out.

use clap::Args as ClapArgs;
use compiler::analysis::Fate;
use lang::checked::{Checked, Kind};
use lang::flowspec::flow_text;

use crate::effort::{Effort, MORE};
use crate::exit::{Exit, Failure};
use crate::fold::hung;
use crate::json::{self, Cell, Matrix};
use crate::load::{Policy, PolicyArgs};
use crate::output::{Output, Paint};
use crate::question::Part;
use crate::report::{self, Format};
use crate::{absent, hash, question};

/// How many sets may stand on each side.
const MAX_SETS: usize = 60;

/// What `matrix` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    effort: Effort,
    /// The initiators, as they stand behind `from` in a rule; without it the groups of users and hosts
    #[arg(long, value_name = "SET,SET,…")]
    from: Vec<String>,
    /// The responders, as they stand behind `to` in a rule; without it the groups of hosts, networks, and the internet
    #[arg(long, value_name = "SET,SET,…")]
    to: Vec<String>,
    /// For these services alone, as they stand behind `for` in a rule
    #[arg(long = "for", value_name = "SERVICES")]
    services: Option<String>,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// What becomes of the flows of a pair of sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    All,
    Some,
    None,
    Empty,
    Undecided,
}

/// What each answer is called, how it looks in a table, and what it means.
const ANSWERS: [(Answer, &str, &str, &str, Paint); 5] = [
    (Answer::All, "all", "all", "every flow is allowed", Paint::Green),
    (Answer::Some, "some", "some", "some are, others are not", Paint::Bold),
    (Answer::None, "none", "-", "none is allowed", Paint::Red),
    (Answer::Empty, "empty", "", "there is no such flow", Paint::Bold),
    (Answer::Undecided, "undecided", "?", "it was not found out", Paint::Bold),
];

/// The table and its sides.
struct Table {
    from: Vec<String>,
    to: Vec<String>,
    /// Row by row.
    cells: Vec<Vec<Fate>>,
}

/// Asks of each pair of sets, and prints the table.
///
/// # Errors
/// There is no policy, it has too many sets, or nobody takes the output.
pub fn matrix(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.format != Format::Human {
        out.plain();
    }
    misplaced(args)?;
    let policy = Policy::load(&args.policy)?;
    let Some(program) = &policy.program else {
        report::write_instead(out, &policy, args.format)?;
        return Ok(policy.exit_without_program());
    };
    let (from, to) = sides(args, program.policy())?;
    let services = args.services.as_ref().map(|services| Part { behind: "for", argument: "--for", text: services });
    let pair = |one, other| {
        let one = Part { behind: "from", argument: "--from", text: one };
        let other = Part { behind: "to", argument: "--to", text: other };
        [one, other].into_iter().chain(services).collect()
    };
    let questions: Vec<Vec<Part<'_>>> =
        from.iter().flat_map(|one| to.iter().map(move |other| (one, other))).map(|(one, other)| pair(one, other)).collect();
    let asked = match question::read(&policy, &questions) {
        Ok(asked) => asked,
        Err(unreadable) => return unreadable.tell(out, &policy, args.format),
    };
    let analysis = asked.analysis(&policy, args.effort.budget());
    let fates: Vec<Fate> = asked
        .patterns
        .iter()
        .map(|pattern| analysis.as_ref().map_or_else(Fate::default, |analysis| analysis.fate(pattern)))
        .collect();
    let cells = fates.chunks(to.len().max(1)).map(<[Fate]>::to_vec).collect();
    let table = Table { from, to, cells };
    match args.format {
        Format::Json => json::write(out, &as_json(args, &policy, asked.program.policy(), &table))?,
        Format::Concise => concise(out, &table)?,
        _ => write_text(out, &policy, absent::note(&policy, asked.program.policy(), &asked.patterns), &table)?,
    }
    let undecided = table.cells.iter().flatten().any(|fate| answer(fate) == Answer::Undecided);
    Ok(if undecided { Exit::Undecided } else { Exit::Good })
}

/// Says so where a further set of a side stands where a file is expected.
fn misplaced(args: &Args) -> Result<(), Failure> {
    let sides = [("--from", &args.from), ("--to", &args.to)];
    let given: Vec<(&str, &str)> = sides.iter().filter_map(|(option, sets)| Some((*option, sets.last()?.trim()))).collect();
    let Some(set) = args.policy.missing().find(|file| !given.is_empty() && !file.ends_with(".pol")) else { return Ok(()) };
    let examples: Vec<String> = given.iter().map(|(option, last)| format!("`{option} {last},{set}`")).collect();
    let examples = examples.join(" or ");
    Err(Failure::Cannot(format!("`{set}` is no file: the sets of one side are joined with commas, {examples}")))
}

/// The sets of a list: commas in braces are of a set.
fn split(sets: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let parts = sets.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.map(|set| set.trim().to_owned()).collect()
}

/// The sets of both sides.
fn sides(args: &Args, policy: &Checked) -> Result<(Vec<String>, Vec<String>), Failure> {
    let groups = |kinds: &[Kind]| -> Vec<String> {
        let of_kinds = policy.groups.iter().filter(|group| kinds.contains(&group.kind));
        // A dynamic set inside an expression has no name of its own.
        of_kinds.filter(|group| !group.name.contains(' ')).map(|group| group.name.to_string()).collect()
    };
    let trimmed = |sets: &[String]| -> Vec<String> { sets.iter().flat_map(|sets| split(sets)).collect() };
    let from = if args.from.is_empty() { groups(&[Kind::User, Kind::Host]) } else { trimmed(&args.from) };
    let to = if args.to.is_empty() {
        let internet = (!policy.gateways.is_empty()).then(|| "internet".to_owned());
        groups(&[Kind::Host, Kind::Network]).into_iter().chain(internet).collect()
    } else {
        trimmed(&args.to)
    };
    for (side, option) in [(&from, "--from"), (&to, "--to")] {
        if side.is_empty() {
            return Err(Failure::Cannot(format!("the policy declares no groups for this side: name sets with {option}")));
        }
        if side.len() > MAX_SETS {
            let count = side.len();
            return Err(Failure::Cannot(format!(
                "{count} sets are more than fit a table of {MAX_SETS}: name some with {option}"
            )));
        }
    }
    Ok((from, to))
}

fn answer(fate: &Fate) -> Answer {
    match (fate.allowed.is_some(), fate.refused.is_some(), fate.settled) {
        (true, true, _) => Answer::Some,
        (_, _, false) => Answer::Undecided,
        (true, false, true) => Answer::All,
        (false, true, true) => Answer::None,
        (false, false, true) => Answer::Empty,
    }
}

fn words(wanted: Answer) -> (&'static str, &'static str, Paint) {
    let found = ANSWERS.iter().find(|(answer, ..)| *answer == wanted);
    found.map_or(("", "", Paint::Bold), |(_, word, sign, _, paint)| (word, sign, *paint))
}

fn concise(out: &mut Output, table: &Table) -> Result<(), Failure> {
    for (from, row) in table.from.iter().zip(&table.cells) {
        for (to, fate) in table.to.iter().zip(row) {
            out.line(format!("{from} -> {to}: {}", words(answer(fate)).0))?;
        }
    }
    Ok(())
}

/// A row for each initiator. Responders are numbered, so that any number of them fits a terminal.
fn write_text(out: &mut Output, policy: &Policy, note: Option<String>, table: &Table) -> Result<(), Failure> {
    out.line("to")?;
    for (number, to) in table.to.iter().enumerate() {
        out.line(format!("  {:>2}  {to}", number + 1))?;
    }
    let width = table.from.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    out.line("")?;
    let heads: String = (1..=table.to.len()).map(|number| format!("{number:>5}")).collect();
    out.line(format!("{:width$}{heads}", "from"))?;
    for (from, row) in table.from.iter().zip(&table.cells) {
        let mut line = format!("{from:width$}");
        for fate in row {
            let (_, sign, paint) = words(answer(fate));
            let padded = format!("{sign:>5}");
            line.push_str(&if sign.is_empty() { padded } else { out.paint(paint, &padded) });
        }
        out.line(line)?;
    }
    out.line("")?;
    let has = |wanted| table.cells.iter().flatten().any(|fate| answer(fate) == wanted);
    for (wanted, _, sign, meaning, _) in ANSWERS.into_iter().filter(|(wanted, ..)| has(*wanted)) {
        let sign = if sign.is_empty() { "blank" } else { sign };
        out.line(format!("{sign}: {meaning}"))?;
        if wanted == Answer::Undecided {
            out.line(format!("   {MORE}"))?;
        }
        if wanted == Answer::Some {
            out.line("      who may: pentane who can-reach SET")?;
        }
    }
    if let Some(note) = note {
        out.line(note)?;
    }
    let (world, ways) = (policy.world_text(), policy.but_ways_text());
    out.line(hung(&format!("{world}{ways}; policy {}", hash::shown(&policy.hash))))
}

fn as_json(args: &Args, policy: &Policy, checked: &Checked, table: &Table) -> Matrix {
    let cell = |fate: &Fate| Cell {
        allowed: words(answer(fate)).0,
        allowed_flow: fate.allowed.as_ref().map(|flow| flow_text(checked, flow)),
        refused_flow: fate.refused.as_ref().map(|flow| flow_text(checked, flow)),
    };
    Matrix {
        schema: "pentane.matrix/1",
        policy: policy.hash.clone(),
        world: policy.world(),
        services: args.services.clone(),
        from: table.from.clone(),
        to: table.to.clone(),
        cells: table.cells.iter().map(|row| row.iter().map(cell).collect()).collect(),
    }
}
