//! `pentane test`: does the policy answer as its `test` blocks want?

use clap::Args as ClapArgs;
use compiler::{Analysis, Budget, Program, Regions};
use lang::checked::{Checked, Part, RuleId};
use lang::flow::Flow;
use lang::flowspec;
use lang::source::Position;
use lang::testing::{self, TestResult, TestRun, rule_label};

use crate::excerpt;
use crate::exit::{Exit, Failure};
use crate::formats::{self, Note, ToldTests};
use crate::hash;
use crate::json::{self, Case, Coverage, Share, Tests};
use crate::load::{Policy, PolicyArgs};
use crate::output::{Output, Paint};
use crate::report::{self, Format, counted};

/// What `test` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
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
    let run = testing::run(program.policy(), program);
    let told = ToldTests::of(&run);
    match args.format {
        Format::Json => json::write(out, &as_json(&run, &told, &program.regions_of_tests()))?,
        Format::Sarif => formats::write_sarif(out, &Note::of_tests(&told))?,
        Format::Github => formats::write_github(out, &Note::of_tests(&told))?,
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
        out.line(format!("  never    {}", place_and_name(policy, *id)))?;
    }
    let regions = program.regions_of_tests();
    let all = regions.covered.len() + regions.uncovered.len();
    out.line(format!("          {} of {} of their conditions", regions.covered.len(), counted(all, "alternative")))
}

/// What no test reaches, each with a line that does.
fn uncovered(out: &mut Output, program: &Program) -> Result<(), Failure> {
    let policy = program.policy();
    let line_of = |flow: &Flow| testing::case_text(policy, flow, &program.judge(flow));
    let regions = program.regions_of_tests().uncovered;
    let reader = flowspec::Reader::new(policy);
    let fit = |flow: &Flow| reader.reads_back(flow) && line_of(flow).is_some();
    let flows = match Analysis::new(program, Budget::default()) {
        Some(analysis) => analysis.examples(&regions, &fit),
        None => regions.iter().map(|_| None).collect(),
    };
    for (region, flow) in regions.iter().zip(flows) {
        out.line("")?;
        out.line(place_and_name(policy, region.rule))?;
        if region.alternatives > 1 {
            out.line(format!("  where    {}", region.text))?;
        }
        match flow.as_ref().and_then(line_of) {
            Some(line) => out.line(format!("  test     {line}"))?,
            None => out.line("  test     no flow was found that it decides: see `pentane check`")?,
        }
    }
    if regions.is_empty() { Ok(()) } else { out.line("") }
}

fn place_and_name(policy: &Checked, id: RuleId) -> String {
    let Some(rule) = policy.rule(id) else { return rule_label(policy, id) };
    let Position { file, line, .. } = policy.sources.position(rule.span);
    let half = match rule.part {
        Part::Whole => "",
        Part::OutboundDeny | Part::PinDeny => " (what it denies)",
        Part::OutboundAllow | Part::PinAllow => " (what it allows)",
    };
    format!("{file}:{line}: {}{half}", excerpt::first_line(&policy.sources, rule.span))
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

fn as_json(run: &TestRun, told: &ToldTests<'_>, regions: &Regions) -> Tests {
    let case = |result: &&TestResult| Case {
        name: result.name.to_string(),
        file: result.position.file.to_string(),
        line: result.position.line,
        result: if result.passed { "passed" } else { "failed" },
        flow: result.flow.clone(),
        expected: result.expected.clone(),
        actual: result.actual.to_string(),
    };
    Tests {
        schema: "pentane.test/1",
        passed: run.passed(),
        failed: run.failed(),
        tests: told.cases.iter().map(case).collect(),
        left_out: told.more_failed + told.more_passed,
        coverage: Coverage {
            rules: Share { covered: run.coverage.covered.len(), total: run.coverage.total() },
            regions: Share { covered: regions.covered.len(), total: regions.covered.len() + regions.uncovered.len() },
        },
    }
}
