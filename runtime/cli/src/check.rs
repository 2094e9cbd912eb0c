//! `pentane check`: is the policy sound? Everything that can be said without running it.

use clap::Args as ClapArgs;
use daemon::policy::rule_count;
use lang::diag::Severity;

use crate::exit::{Exit, Failure};
use crate::hash;
use crate::load::{Policy, PolicyArgs};
use crate::output::{Output, Paint};
use crate::report::{self, Format, counted};

/// What `check` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
    /// How findings look
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the rules that stand before those of every policy, and check nothing
    #[arg(long)]
    show_prelude: bool,
    /// Warnings count as errors do
    #[arg(long)]
    deny_warnings: bool,
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
    let mut policy = Policy::load(&args.policy)?;
    policy.prove()?;
    report::write(out, &policy, args.format)?;
    let Some(program) = &policy.program else { return Ok(policy.exit_without_program()) };
    if policy.is_undecided {
        return Ok(Exit::Undecided);
    }
    if policy.count(Severity::Error) > 0 {
        return Ok(Exit::Bad);
    }
    if args.deny_warnings && policy.count(Severity::Warning) > 0 {
        return Ok(Exit::Bad);
    }
    if args.format.is_text() {
        let checked = program.policy();
        let ok = if args.format == Format::Human { out.paint(Paint::Green, "ok") } else { "ok".to_owned() };
        let (rules, tests) = (counted(rule_count(checked), "rule"), counted(checked.tests.len(), "test"));
        let proved = match checked.assertions.len() {
            0 => String::new(),
            count => format!(", {} proved in any view", counted(count, "assertion")),
        };
        let unsettled = match policy.unsettled_rules() {
            0 => String::new(),
            count => format!(", {} too costly to compare with the others", counted(count, "rule")),
        };
        out.line(format!("{ok}: {rules}, {tests}{proved}{unsettled}, policy {}", hash::shown(&policy.hash)))?;
    }
    Ok(Exit::Good)
}
