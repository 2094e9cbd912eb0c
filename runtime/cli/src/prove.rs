//! `pentane prove`: does what the policy claims of itself hold of every flow, in every view?

use clap::Args as ClapArgs;
use compiler::Program;
use lang::check::add_prelude_of;
use lang::checked::Checked;
use lang::codes::tests_and_assertions::{E0405, E0406};
use lang::diag::Severity;
use lang::facts::{Facts, Proof};
use lang::flowspec::flow_text;
use lang::lint::vacuous_assertion::W0317;
use lang::proofs;
use lang::report::{Pen, Style, concise};
use lang::source::Position;
use lang::testing;

use crate::effort::Effort;
use crate::exit::{Exit, Failure};
use crate::fold::hung;
use crate::hash;
use crate::json::{self, Assertion, Check};
use crate::load::{Policy, PolicyArgs};
use crate::output::{Output, Paint};
use crate::report::{self, Format, counted};

/// What `prove` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    effort: Effort,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// Proves or refutes the assertions of a policy, and that the rules of its sections keep to their scopes. Lints are not asked.
///
/// # Errors
/// There is no policy, the view is unfit, or nobody takes the output.
pub fn prove(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.format != Format::Human {
        out.plain();
    }
    let mut policy = Policy::load(&args.policy)?;
    let Some(program) = policy.program.take() else {
        report::write_instead(out, &policy, args.format)?;
        return Ok(policy.exit_without_program());
    };
    let (facts, found) = compiler::claims(&program, &policy.tree, args.effort.budget());
    let in_view = policy.claims_in_view(&program, &facts, args.effort.budget());
    policy.diagnostics = found;
    policy.take_in_view(in_view);
    add_prelude_of(&policy.diagnostics, &mut policy.sources);
    let failed = policy.count(Severity::Error);
    policy.settle();
    if args.format == Format::Json {
        json::write(out, &as_json(&policy, program.policy(), &facts))?;
    } else {
        write_text(out, &policy, &program, &facts, args.format)?;
        if args.format != Format::Concise {
            sum(out, &policy, program.policy(), &facts, failed)?;
        }
    }
    Ok(match failed {
        0 => Exit::Good,
        _ if policy.is_undecided => Exit::Undecided,
        _ => Exit::Bad,
    })
}

fn as_json(policy: &Policy, checked: &Checked, facts: &Facts) -> Check {
    let found = report::of_findings(&policy.hash, &policy.diagnostics, &policy.sources);
    Check { schema: "pentane.prove/1", assertions: Assertion::all(checked, facts, policy.in_view.as_ref()), ..found }
}

fn write_text(out: &mut Output, policy: &Policy, program: &Program, facts: &Facts, format: Format) -> Result<(), Failure> {
    let checked = program.policy();
    if format == Format::Concise {
        return write_concise(out, policy, program, facts);
    }
    for (place, (assertion, proof)) in checked.assertions.iter().zip(&facts.assertions).enumerate() {
        one(out, program, assertion, proof)?;
        if facts.is_vacuous(place) {
            out.line(format!("  but       there is no flow that it is about ({W0317})"))?;
        }
        one_in_view(out, policy, program, (place, proof))?;
    }
    // An assertion has had its line; what is left is about rules that leave the scope of their section.
    let of_assertions = [E0405, E0406];
    let mut pen = Pen::new(Style { color: out.colour() });
    for found in policy.diagnostics.iter().filter(|found| !of_assertions.contains(&found.code)) {
        out.line(pen.draw(found, &policy.sources))?;
    }
    Ok(())
}

/// A line for each assertion, in any view and in the one that is given, and for each finding about sections:
/// `campus.pol:40: refuted: servers-stay-in: FLOW => allow by web`.
fn write_concise(out: &mut Output, policy: &Policy, program: &Program, facts: &Facts) -> Result<(), Failure> {
    let checked = program.policy();
    let line = |assertion: &lang::checked::Assertion, proof: &Proof, world: &str| {
        let Position { file, line, .. } = checked.sources.position(assertion.span);
        let (word, flow) = match proof {
            Proof::Proved => ("proved", None),
            Proof::Refuted(flow) => ("refuted", Some(flow)),
            Proof::Undecided(_) => ("undecided", None),
        };
        let shown = |flow: &lang::flow::Flow| {
            format!(": {} => {}", flow_text(checked, flow), testing::outcome(checked, &program.judge(flow)))
        };
        format!("{file}:{line}: {word}{world}: {}{}", assertion.name, flow.map_or_else(String::new, |flow| shown(flow)))
    };
    for (place, (assertion, proof)) in checked.assertions.iter().zip(&facts.assertions).enumerate() {
        out.line(line(assertion, proof, ""))?;
        if let Some((facts, name)) = policy.in_view.as_ref().zip(policy.view_name.as_ref())
            && let Some(proof) = facts.assertions.get(place)
        {
            out.line(line(assertion, proof, &format!(" in {name}")))?;
        }
    }
    let of_assertions = [E0405, E0406];
    let others = policy.diagnostics.iter().filter(|found| !of_assertions.contains(&found.code));
    others.into_iter().try_for_each(|found| out.line(concise(found, &policy.sources)))
}

/// `proved: servers-stay-in (campus.pol:40)`
fn one(out: &mut Output, program: &Program, assertion: &lang::checked::Assertion, proof: &Proof) -> Result<(), Failure> {
    let checked = program.policy();
    let Position { file, line, .. } = checked.sources.position(assertion.span);
    let word = match proof {
        Proof::Proved => out.paint(Paint::Green, "proved"),
        Proof::Refuted(_) => out.paint(Paint::Red, "refuted"),
        Proof::Undecided(_) => out.paint(Paint::Bold, "undecided"),
    };
    out.line(format!("{word}: {} ({file}:{line})", assertion.name))?;
    let flow = match proof {
        Proof::Proved => return Ok(()),
        Proof::Refuted(flow) => flow,
        Proof::Undecided(limit) => return out.line(format!("  {}", proofs::more(*limit))),
    };
    out.line(format!("  flow      {}", flow_text(checked, flow)))?;
    out.line(format!("  it is     {}", testing::outcome(checked, &program.judge(flow))))
}

/// `  here      proved`, with the name of the view; nothing where that is so in every view, too.
fn one_in_view(out: &mut Output, policy: &Policy, program: &Program, (place, of_any): (usize, &Proof)) -> Result<(), Failure> {
    let Some((facts, name)) = policy.in_view.as_ref().zip(policy.view_name.as_ref()) else { return Ok(()) };
    let (word, flow) = match facts.assertions.get(place) {
        None => return Ok(()),
        Some(Proof::Proved) if *of_any == Proof::Proved && !facts.is_vacuous(place) => return Ok(()),
        Some(Proof::Proved) if facts.is_vacuous(place) => ("proved, since there is no flow that it is about", None),
        Some(Proof::Proved) => ("proved", None),
        Some(Proof::Refuted(flow)) => ("refuted", Some(flow)),
        Some(Proof::Undecided(_)) => ("undecided", None),
    };
    out.line(format!("  in {name}  {word}"))?;
    let Some(flow) = flow else { return Ok(()) };
    out.line(format!("    flow    {}", flow_text(program.policy(), flow)))?;
    out.line(format!("    it is   {}", testing::outcome(program.policy(), &program.judge(flow))))
}

fn sum(out: &mut Output, policy: &Policy, checked: &Checked, facts: &Facts, failed: usize) -> Result<(), Failure> {
    policy.in_view_text().map_or(Ok(()), |line| out.line(hung(&line)))?;
    let hash = hash::shown(&policy.hash);
    let scopes = match facts.scopes.len() {
        0 => String::new(),
        count => format!(", {} in the scope of their sections", counted(count, "rule")),
    };
    match (checked.assertions.len(), failed) {
        (0, 0) if facts.scopes.is_empty() => out.line(format!("there is nothing to prove in policy {hash}")),
        (all, 0) => {
            let ok = out.paint(Paint::Green, "ok");
            out.line(format!("{ok}: {} proved in any view{scopes}, policy {hash}", counted(all, "assertion")))
        }
        (_, failed) => out.line(format!("{} not proved, policy {hash}", counted(failed, "claim"))),
    }
}
