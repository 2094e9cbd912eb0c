//! Runs the `test` blocks of a policy against whatever decides, and counts which rules decided. Prints nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::checked::{Avoid, Checked, DecidedBy, Duties, MiddleboxId, RuleId, Test, TestCase, Verdict};
use crate::flow::{Decide, Flow, Judgement};
use crate::flowspec::{flow_text, location_text};
use crate::literal::when::rate_text;
use crate::source::Position;

/// What came of all `test` blocks of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// One for each case, in the order of the text.
    pub results: Vec<TestResult>,
    /// Which rules the tests reach.
    pub coverage: Coverage,
}

/// What came of one case of a `test` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The name of the block.
    pub name: Arc<str>,
    /// Where the case stands.
    pub position: Position,
    /// True if every flow of the case was answered as wanted.
    pub passed: bool,
    /// The first flow that was answered otherwise; where the case passed, the flow as the text has it.
    pub flow: String,
    /// What the case wants: `allow via ids by guest-web`.
    pub expected: String,
    /// The answer, in the same form. Where the case passed, the answer to its first flow.
    pub actual: Outcome,
}

/// The answer to a flow, with names instead of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happens.
    pub verdict: Verdict,
    /// What decided: a rule's name, `rule at FILE:LINE` for one without, or `default`.
    pub by: String,
    /// The middleboxes to pass, in order.
    pub via: Vec<Arc<str>>,
}

/// Which rules decided at least one flow of a test. The default is no rule and is not counted, nor are the rules of the prelude
/// and those that decide nothing; the two halves of an `outbound-only`, and of a rule with `pin`, count as two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Rules that decided a flow, ascending.
    pub covered: Vec<RuleId>,
    /// Rules that decided none, ascending.
    pub uncovered: Vec<RuleId>,
}

impl TestRun {
    /// Number of cases that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.passed).count()
    }

    /// Number of cases that passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.results.len() - self.failed()
    }
}

impl Coverage {
    /// Number of rules of the policy that are counted.
    #[must_use]
    pub fn total(&self) -> usize {
        self.covered.len() + self.uncovered.len()
    }
}

impl Verdict {
    /// The verdict in one word, as JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Redirect => "redirect",
            Verdict::Reject => "reject",
            Verdict::Deny => "deny",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Verdict::Redirect => "redirect portal",
            Verdict::Allow | Verdict::Reject | Verdict::Deny => self.word(),
        })
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.verdict)?;
        write_via(f, self.via.iter().map(|name| &**name))?;
        write!(f, " by {}", self.by)
    }
}

fn write_via<'a>(f: &mut impl std::fmt::Write, names: impl Iterator<Item = &'a str>) -> std::fmt::Result {
    for (place, name) in names.enumerate() {
        f.write_str(if place == 0 { " via " } else { ", " })?;
        f.write_str(name)?;
    }
    Ok(())
}

/// Each thing that a conversation is bound to besides middleboxes, as a rule spells it.
#[must_use]
pub fn duty_words(policy: &Checked, duties: &Duties) -> Vec<String> {
    let avoid = |one: &Avoid| match one {
        Avoid::Switch(dpid) => {
            let named = policy.switches.iter().find(|switch| switch.dpid == *dpid);
            named.map_or_else(|| dpid.to_string(), |switch| switch.name.to_string())
        }
        Avoid::Port(at) => location_text(policy, *at),
        Avoid::Host(id) => policy.hosts.get(id.index()).map_or_else(String::new, |host| host.name.to_string()),
    };
    let mut words = Vec::new();
    words.extend(duties.one_way.then(|| "one-way".to_owned()));
    if !duties.avoid.is_empty() {
        words.push(format!("avoid {}", duties.avoid.iter().map(avoid).collect::<Vec<_>>().join(", ")));
    }
    words.extend(duties.vlan.map(|vlan| format!("vlan {vlan}")));
    words.extend(duties.limit.map(|limit| format!("limit {}", rate_text(limit))));
    if !duties.mirror.is_empty() {
        words.push(format!("mirror {}", middlebox_names(policy, &duties.mirror).join(", ")));
    }
    words.extend(duties.queue.map(|queue| format!("queue {queue}")));
    words
}

/// Runs all tests of a policy.
#[must_use]
pub fn run(policy: &Checked, decide: &dyn Decide) -> TestRun {
    let mut deciding = BTreeSet::new();
    let mut results = Vec::new();
    for test in &policy.tests {
        for case in &test.cases {
            results.push(run_case(policy, decide, test, case, &mut deciding));
        }
    }
    let deciding_rules = policy.site_rules().iter().filter(|rule| rule.verdict().is_some());
    let (covered, uncovered) = deciding_rules.map(|rule| rule.id).partition(|id| deciding.contains(id));
    TestRun { results, coverage: Coverage { covered, uncovered } }
}

fn run_case(policy: &Checked, decide: &dyn Decide, test: &Test, case: &TestCase, deciding: &mut BTreeSet<RuleId>) -> TestResult {
    let mut first: Option<Judgement> = None;
    let mut failure: Option<(&Flow, Judgement)> = None;
    for flow in &case.flows {
        let judgement = decide.decide(flow);
        deciding.extend(judgement.rule);
        if failure.is_none() && !is_wanted(case, &judgement) {
            failure = Some((flow, judgement.clone()));
        }
        first.get_or_insert(judgement);
    }
    // A case without flows says nothing about the policy and does not pass; `check` refuses it.
    let passed = failure.is_none() && first.is_some();
    let (flow, judgement) = match failure {
        Some((flow, judgement)) => (flow_text(policy, flow), Some(judgement)),
        None => (case.flow_text.to_string(), first),
    };
    TestResult {
        name: test.name.clone(),
        position: policy.sources.position(case.span),
        passed,
        flow,
        expected: expected(policy, case),
        actual: judgement.map_or_else(|| nothing(policy), |judgement| outcome(policy, &judgement)),
    }
}

fn is_wanted(case: &TestCase, judgement: &Judgement) -> bool {
    let by = match &case.by {
        None => true,
        Some(DecidedBy::Default) => judgement.rule.is_none(),
        Some(DecidedBy::Rules(rules)) => judgement.rule.is_some_and(|rule| rules.contains(&rule)),
    };
    by && judgement.verdict == case.verdict && case.via.as_ref().is_none_or(|via| *via == judgement.via)
}

/// The answer to a flow in names.
#[must_use]
pub fn outcome(policy: &Checked, judgement: &Judgement) -> Outcome {
    Outcome {
        verdict: judgement.verdict,
        by: judgement.rule.map_or_else(|| "default".to_owned(), |rule| rule_label(policy, rule)),
        via: middlebox_names(policy, &judgement.via),
    }
}

/// A line of a `test` block that holds of this flow as it is judged; nothing if the language has no words for the flow.
#[must_use]
pub fn case_text(policy: &Checked, flow: &Flow, judgement: &Judgement) -> Option<String> {
    let mut text = flow_text(policy, flow);
    if text.contains('#') {
        return None;
    }
    text.push_str(&format!(" => {}", judgement.verdict));
    let names = middlebox_names(policy, &judgement.via);
    write_via(&mut text, names.iter().map(|name| &**name)).ok()?;
    match judgement.rule {
        None => text.push_str(" by default"),
        Some(id) => {
            if let Some(name) = policy.rule(id).and_then(|rule| rule.name.as_ref()) {
                text.push_str(&format!(" by {name}"));
            }
        }
    }
    text.push(';');
    Some(text)
}

/// How a rule is named in answers: by its name, else by its place.
#[must_use]
pub fn rule_label(policy: &Checked, id: RuleId) -> String {
    let Some(rule) = policy.rule(id) else { return format!("rule {}", id.0) };
    match &rule.name {
        Some(name) => name.to_string(),
        None => {
            let Position { file, line, .. } = policy.sources.position(rule.span);
            format!("rule at {file}:{line}")
        }
    }
}

fn nothing(policy: &Checked) -> Outcome {
    Outcome { verdict: policy.default.verdict, by: "default".to_owned(), via: Vec::new() }
}

fn middlebox_names(policy: &Checked, via: &[MiddleboxId]) -> Vec<Arc<str>> {
    via.iter().filter_map(|id| policy.middleboxes.get(id.index())).map(|middlebox| middlebox.name.clone()).collect()
}

fn expected(policy: &Checked, case: &TestCase) -> String {
    let mut text = case.verdict.to_string();
    if let Some(via) = &case.via {
        let names = middlebox_names(policy, via);
        // Writing to a String cannot fail.
        let _ = write_via(&mut text, names.iter().map(|name| &**name));
    }
    match &case.by {
        None => {}
        Some(DecidedBy::Default) => text.push_str(" by default"),
        Some(DecidedBy::Rules(rules)) => {
            if let Some(rule) = rules.first() {
                text.push_str(" by ");
                text.push_str(&rule_label(policy, *rule));
            }
        }
    }
    text
}
