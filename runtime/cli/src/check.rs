//! `pentane check`: is the policy sound? Everything that can be said without running it.

use std::collections::BTreeSet;

use clap::Args as ClapArgs;
use daemon::policy::rule_count;
use lang::checked::Checked;
use lang::diag::{Diagnostic, Severity};
use lang::source::{SourceId, Span};
use lang::testing::rule_label;
use runtime::capability::{needing_users, refusals};

use crate::effort::Effort;
use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded, hung};
use crate::load::{Policy, PolicyArgs};
use crate::output::{Output, Paint};
use crate::report::{self, Format, counted};
use crate::{hash, settings};

/// How many rules a note names.
const MOST_NAMED: usize = 5;

/// What `check` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    effort: Effort,
    /// How findings look
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the rules that stand before those of every policy, and check nothing
    #[arg(long)]
    show_prelude: bool,
    /// Warnings count as errors do
    #[arg(long)]
    deny_warnings: bool,
    /// What `run` refuses in this version counts as an error, too, and is shown where it stands
    #[arg(long)]
    for_run: bool,
}

/// Parses, resolves, checks and compiles a policy and reports what it finds.
///
/// # Errors
/// There is no policy to check, the view is unfit, or nobody takes the output.
pub fn check(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.show_prelude {
        out.text(lang::builtin::PRELUDE)?;
        return Ok(Exit::Good);
    }
    if args.for_run {
        settings::sound_for_run()?;
    }
    let mut policy = Policy::load(&args.policy)?;
    policy.prove(args.effort.budget())?;
    let refused = policy.program.as_ref().map(|program| refusals(program.policy()));
    if args.for_run {
        policy.diagnostics.extend(refused.iter().flatten().cloned());
        policy.settle();
    }
    report::write(out, &policy, refused.as_deref(), args.format)?;
    let Some(program) = &policy.program else { return Ok(policy.exit_without_program()) };
    if policy.is_undecided {
        return Ok(Exit::Undecided);
    }
    if policy.count(Severity::Error) > 0 {
        return Ok(Exit::Bad);
    }
    if args.deny_warnings && policy.count(Severity::Warning) > 0 {
        if args.format.is_text() {
            out.line("not ok: `--deny-warnings` counts warnings as errors")?;
        }
        return Ok(Exit::Bad);
    }
    if args.format.is_text() {
        let colour = args.format == Format::Human;
        out.line(sum(out, &policy, program.policy(), colour))?;
        policy.in_view_text().map_or(Ok(()), |line| out.line(hung(&line)))?;
        if let Some(line) = refused.as_deref().and_then(|refused| of_run(program.policy(), refused)) {
            let note = if colour { out.paint(Paint::Bold, "note") } else { "note".to_owned() };
            out.line(format!("{note}: {line}"))?;
        }
        if let Some(line) = args.for_run.then(|| of_users(program.policy())).flatten() {
            let note = if colour { out.paint(Paint::Bold, "note") } else { "note".to_owned() };
            out.text(&format!("{note}: {line}\n"))?;
        }
    }
    Ok(Exit::Good)
}

/// `ok: 12 rules, 4 tests, 2 assertions proved in any view, policy 6ba3054a5f25`
fn sum(out: &Output, policy: &Policy, checked: &Checked, colour: bool) -> String {
    let ok = if colour { out.paint(Paint::Green, "ok") } else { "ok".to_owned() };
    let (rules, tests) = (counted(rule_count(checked), "rule"), counted(checked.tests.len(), "test"));
    let proved = match checked.assertions.len() {
        0 => String::new(),
        count => format!(", {} proved in any view", counted(count, "assertion")),
    };
    let unsettled = match policy.unsettled_rules() {
        0 => String::new(),
        count => format!(", {} too costly to compare with the others", counted(count, "rule")),
    };
    format!("{ok}: {rules}, {tests}{proved}{unsettled}, policy {}", hash::shown(&policy.hash))
}

/// What is to be known of rules that ask for users.
fn of_users(checked: &Checked) -> Option<String> {
    let needing = needing_users(checked);
    let named: Vec<String> = needing.iter().take(MOST_NAMED).map(|id| rule_label(checked, *id)).collect();
    let more = if needing.len() > named.len() { format!(" and {} more", needing.len() - named.len()) } else { String::new() };
    let count = counted(needing.len(), "rule");
    let line =
        format!("nothing logs users in in this version, so {count} for users will match nothing: {}{more}", named.join(", "));
    (!needing.is_empty()).then(|| folded(&line, WIDTH - "note: ".len()).join("\n      "))
}

/// What is to be known of a sound policy that `run` does not take.
fn of_run(checked: &Checked, refused: &[Diagnostic]) -> Option<String> {
    let statements = checked.rules.iter().map(|rule| rule.span).chain(checked.default.span);
    let starts: BTreeSet<(SourceId, u32)> = refused.iter().map(|one| (one.span.source, one.span.start)).collect();
    let holds = |span: &Span| starts.range((span.source, span.start)..(span.source, span.end)).next().is_some();
    let count = statements.filter(holds).collect::<BTreeSet<_>>().len();
    let codes: BTreeSet<&str> = refused.iter().map(|one| one.code.text()).collect();
    let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
    (count > 0).then(|| format!("`run` refuses {} ({codes}): see `check --for-run`", counted(count, "statement")))
}
