//! `pentane test`: does the policy answer as its `test` blocks want?

use std::sync::Arc;

use clap::Args as ClapArgs;
use compiler::{Analysis, Budget, Program, Region, View};
use lang::checked::{Checked, Part, Rule, RuleId};
use lang::flow::Flow;
use lang::flowspec;
use lang::source::Position;
use lang::testing::{self, TestResult, TestRun, rule_label};
use net::Time;

use crate::excerpt;
use crate::exit::{Exit, Failure};
use crate::explain::complete;
use crate::fold::WIDTH;
use crate::formats::{self, Note, ToldTests};
use crate::hash;
use crate::json::{self, Case, Coverage, Ended, Share, Tests, Uncovered};
use crate::load::{Policy, PolicyArgs, now};
use crate::output::{Output, Paint};
use crate::report::{self, Format, counted};

/// How many expired rules are named to people; JSON has all.
const MOST_EXPIRED: usize = 20;

/// What `test` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Name the rules that decide no flow of any test
    #[arg(long)]
    coverage: bool,
    /// Show what no test reaches, alternatives of rules too, each with a line that would test it
    #[arg(long)]
    uncovered: bool,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the tests of a policy against its program.
///
/// # Errors
/// There is no policy to test, the view is unfit, or nobody takes the output.
pub fn test(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.format.is_foreign() && (args.coverage || args.uncovered) {
        let which = if args.coverage { "--coverage" } else { "--uncovered" };
        return Err(Failure::Cannot(format!("the formats of other tools have no place for `{which}`")));
    }
    if args.format != Format::Human {
        out.plain();
    }
    let policy = Policy::load(&args.policy)?;
    let Some(program) = &policy.program else {
        report::write_instead(out, &policy, args.format)?;
        return Ok(policy.exit_without_program());
    };
    let completed = policy.view_name.as_ref().map(|_| in_view(program, &policy.view));
    let program = completed.as_ref().unwrap_or(program);
    let run = testing::run(program.policy(), program);
    let told = ToldTests::of(&run);
    match args.format {
        Format::Json => json::write(out, &as_json(program, &run, &told, args.uncovered))?,
        Format::Sarif => formats::write_sarif(out, &Note::of_tests(&told, &policy.sources))?,
        Format::Github => formats::write_github(out, &Note::of_tests(&told, &policy.sources))?,
        Format::Junit => formats::write_junit_tests(out, &policy, &told)?,
        Format::Human | Format::Plain | Format::Concise => {
            for result in told.cases.iter().filter(|result| !result.passed) {
                failure(out, program.policy(), result, args.format)?;
            }
            if let Some(more) = told.more_failures() {
                out.line(format!("{more}\n"))?;
            }
            if args.coverage || args.uncovered {
                coverage(out, program, &run)?;
            }
            if args.uncovered {
                uncovered(out, program)?;
            }
            expired(out, program.policy())?;
            sum(out, &policy, &run)?;
        }
    }
    Ok(if run.failed() == 0 { Exit::Good } else { Exit::Bad })
}

fn failure(out: &mut Output, policy: &Checked, result: &TestResult, format: Format) -> Result<(), Failure> {
    let TestResult { name, position: Position { file, line, column }, flow, expected, actual, .. } = result;
    if format == Format::Concise {
        return out.line(format!("{file}:{line}:{column}: failed: {flow} => {expected}, but it is {actual}"));
    }
    let failed = out.paint(Paint::Red, "failed");
    out.line(format!("{failed}: {name}"))?;
    out.line(format!("  at        {file}:{line}:{column}"))?;
    out.line(format!("  flow      {flow}"))?;
    out.line(format!("  expected  {expected}"))?;
    out.line(format!("  actual    {actual}"))?;
    let decided = policy.rules.iter().find(|rule| rule_label(policy, rule.id) == actual.by);
    if let Some(span) = decided.map_or(policy.default.span, |rule| Some(rule.span)) {
        out.text(&excerpt::of(&policy.sources, span, "            "))?;
    }
    out.line("")
}

fn coverage(out: &mut Output, program: &Program, run: &TestRun) -> Result<(), Failure> {
    let (policy, covered) = (program.policy(), &run.coverage);
    let has = |part| policy.site_rules().iter().any(|rule| rule.part == part);
    let note = match (has(Part::OutboundDeny), has(Part::PinDeny)) {
        (true, true) => " (an outbound-only is two, and so is a rule with pin)",
        (true, false) => " (an outbound-only is two)",
        (false, true) => " (a rule with pin is two)",
        (false, false) => "",
    };
    out.line(format!("coverage: {} of {}{note} decided a flow", covered.covered.len(), counted(covered.total(), "rule")))?;
    for id in &covered.uncovered {
        out.line(format!("  never    {}", place_and_name(policy, *id, WIDTH - 11)))?;
    }
    let regions = program.regions_of_tests();
    let all = regions.covered.len() + regions.uncovered.len();
    out.line(format!("          {} of {} of their conditions", regions.covered.len(), counted(all, "alternative")))
}

/// An alternative of a rule that no test reaches, with a line that does, if there is one.
struct Untested {
    region: Region,
    line: Option<String>,
}

impl Untested {
    fn all(program: &Program) -> Vec<Untested> {
        let policy = program.policy();
        let line_of = |flow: &Flow| testing::case_text(policy, flow, &program.judge(flow));
        let regions = program.regions_of_tests().uncovered;
        let reader = flowspec::Reader::new(policy);
        let fit = |flow: &Flow| reader.reads_back(flow) && line_of(flow).is_some();
        let flows = match Analysis::new(program, Budget::default()) {
            Some(analysis) => analysis.examples(&regions, &fit),
            None => regions.iter().map(|_| None).collect(),
        };
        let untested = regions.into_iter().zip(flows);
        untested.map(|(region, flow)| Untested { region, line: flow.as_ref().and_then(line_of) }).collect()
    }

    /// What tells it from the other alternatives of its rule, if there are any.
    fn alternative(&self) -> Option<&str> {
        (self.region.alternatives > 1).then_some(&*self.region.text)
    }

    fn as_json(&self, policy: &Checked) -> Option<Uncovered> {
        let rule = policy.rule(self.region.rule)?;
        let Position { file, line, .. } = policy.sources.position(rule.span);
        Some(Uncovered {
            name: rule.name.as_deref().map(str::to_owned),
            file: file.to_string(),
            line,
            half: half(rule),
            alternative: self.alternative().map(str::to_owned),
            test: self.line.clone(),
        })
    }
}

/// What no test reaches, each with a line that does.
fn uncovered(out: &mut Output, program: &Program) -> Result<(), Failure> {
    let all = Untested::all(program);
    for one in &all {
        out.line("")?;
        out.line(place_and_name(program.policy(), one.region.rule, WIDTH))?;
        if let Some(text) = one.alternative() {
            out.line(format!("  where    {text}"))?;
        }
        match &one.line {
            Some(line) => out.line(format!("  test     {line}"))?,
            None => out.line("  test     no flow was found that it decides: see `pentane check`")?,
        }
    }
    if all.is_empty() { Ok(()) } else { out.line("") }
}

/// Which half of its statement a rule is, if it is one.
fn half(rule: &Rule) -> Option<&'static str> {
    match rule.part {
        Part::Whole => None,
        Part::OutboundDeny | Part::PinDeny => Some("what it denies"),
        Part::OutboundAllow | Part::PinAllow => Some("what it allows"),
    }
}

/// A rule with its place and its first line, in so many characters if they suffice.
fn place_and_name(policy: &Checked, id: RuleId, most: usize) -> String {
    let Some(rule) = policy.rule(id) else { return rule_label(policy, id) };
    let Position { file, line, .. } = policy.sources.position(rule.span);
    let half = half(rule).map_or_else(String::new, |half| format!(" ({half})"));
    let place = format!("{file}:{line}: ");
    let room = most.saturating_sub(place.chars().count() + half.chars().count());
    format!("{place}{}{half}", excerpt::first_line(&policy.sources, rule.span, room))
}

/// Rules whose time is over: a test that gives no time is of the time when they still decided.
fn expired(out: &mut Output, policy: &Checked) -> Result<(), Failure> {
    let all: Vec<(&Rule, Time)> = policy.expired(now()).collect();
    let (Some(_), count) = (all.first(), all.len()) else { return Ok(()) };
    let have = if count == 1 { "has" } else { "have" };
    let rules = counted(count, "rule");
    out.line(format!("note: {rules} {have} expired; a test without a time is of the time before that"))?;
    for (rule, end) in all.iter().take(MOST_EXPIRED) {
        let Position { file, line, .. } = policy.sources.position(rule.span);
        let before = format!("  {}  {file}:{line}: ", policy.calendar.text(*end));
        let text = excerpt::first_line(&policy.sources, rule.span, WIDTH.saturating_sub(before.chars().count()));
        out.line(format!("{before}{text}"))?;
    }
    if count > MOST_EXPIRED {
        out.line(format!("  and {} more (all with --format json)", count - MOST_EXPIRED))?;
    }
    Ok(())
}

/// The program with tests of flows as the view has them.
fn in_view(program: &Program, view: &View) -> Program {
    let mut policy = Checked::clone(program.policy());
    complete::tests(&mut policy, view);
    Program::compile(Arc::new(policy), view)
}

fn sum(out: &mut Output, policy: &Policy, run: &TestRun) -> Result<(), Failure> {
    let hash = hash::shown(&policy.hash);
    match (run.results.len(), run.failed()) {
        (0, _) => out.line(format!("there are no tests in policy {hash}")),
        (all, 0) => {
            let ok = out.paint(Paint::Green, "ok");
            out.line(format!("{ok}: {} passed, policy {hash}", counted(all, "test case")))
        }
        (all, failed) => out.line(format!("{failed} of {} failed, policy {hash}", counted(all, "test case"))),
    }
}

fn as_json(program: &Program, run: &TestRun, told: &ToldTests<'_>, uncovered: bool) -> Tests {
    let (policy, regions) = (program.policy(), program.regions_of_tests());
    let case = |result: &&TestResult| Case {
        name: result.name.to_string(),
        file: result.position.file.to_string(),
        line: result.position.line,
        result: if result.passed { "passed" } else { "failed" },
        flow: result.flow.clone(),
        expected: result.expected.clone(),
        actual: result.actual.to_string(),
    };
    let ended = |(rule, end): (&Rule, Time)| {
        let Position { file, line, .. } = policy.sources.position(rule.span);
        Ended { name: rule.name.as_deref().map(str::to_owned), file: file.to_string(), line, since: policy.calendar.text(end) }
    };
    Tests {
        schema: "pentane.test/1",
        passed: run.passed(),
        failed: run.failed(),
        tests: told.cases.iter().map(case).collect(),
        left_out: told.more_failed + told.more_passed,
        uncovered: uncovered.then(|| Untested::all(program).iter().filter_map(|one| one.as_json(policy)).collect()),
        expired: policy.expired(now()).map(ended).collect(),
        coverage: Coverage {
            rules: Share { covered: run.coverage.covered.len(), total: run.coverage.total() },
            regions: Share { covered: regions.covered.len(), total: regions.covered.len() + regions.uncovered.len() },
        },
    }
}
