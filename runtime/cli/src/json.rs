//! The JSON of the offline commands. Field names and the values of `schema` are part of the interface: a change of meaning takes a
//! new version of the schema. Knows nothing of how the answers came about.

mod diff;
mod rule;

use lang::checked::Checked;
use lang::diag::Diagnostic;
use lang::facts::{Facts, Proof};
use lang::flowspec::flow_text;
use lang::source::SourceMap;
use serde::Serialize;

use crate::exit::Failure;
use crate::output::Output;

pub use diff::{Changed, Diff, Redeclaration, Unsettled};
pub use rule::{Near, Rule};

/// `pentane check --format json`, and the answer of every other command to a policy or a flow that does not check.
#[derive(Serialize)]
pub struct Check {
    /// `pentane.check/1`
    pub schema: &'static str,
    /// The policy's hash.
    pub policy: String,
    /// How many errors.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// What was found, in the order of the text.
    pub diagnostics: Vec<Finding>,
    /// What came of the assertions.
    pub assertions: Vec<Assertion>,
    /// Rules of which it was not found out whether they decide anything.
    pub unsettled_rules: usize,
    /// What `pentane run` refuses of it in this version, as many as are told of findings; nothing where that was not looked for.
    pub refused_by_run: Option<Vec<Finding>>,
}

/// `pentane import --format json`
#[derive(Serialize)]
pub struct Import {
    /// `pentane.import/1`
    pub schema: &'static str,
    /// The file of the other system, as it was named.
    pub file: String,
    /// The policy; nothing if the file is wrong.
    pub policy: Option<String>,
    /// What has no counterpart, in the order of the file.
    pub left_out: Vec<LeftOut>,
    /// What else is to be known.
    pub notes: Vec<ImportNote>,
    /// What is wrong with the file.
    pub problems: Vec<ImportProblem>,
}

/// Something without a counterpart.
#[derive(Serialize)]
pub struct LeftOut {
    line: u32,
    column: u32,
    /// It, in the words of the file.
    pub what: String,
    /// Why it was left out, and what stands for it.
    pub why: String,
}

/// Something to be known of what was carried over.
#[derive(Serialize)]
pub struct ImportNote {
    line: u32,
    column: u32,
    /// What.
    pub note: String,
}

/// A mistake in the file.
#[derive(Serialize)]
pub struct ImportProblem {
    line: u32,
    column: u32,
    message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Import {
    /// What came of a file.
    pub fn of(file: &str, result: &Result<foreign::Imported, Vec<foreign::Problem>>) -> Import {
        let mut import = Import {
            schema: "pentane.import/1",
            file: file.to_owned(),
            policy: None,
            left_out: Vec::new(),
            notes: Vec::new(),
            problems: Vec::new(),
        };
        match result {
            Ok(found) => {
                import.policy = Some(found.text.clone());
                import.left_out.extend(found.left_out.iter().map(|one| LeftOut {
                    line: one.place.line,
                    column: one.place.column,
                    what: one.what.clone(),
                    why: one.why.clone(),
                }));
                import.notes.extend(found.notes.iter().map(|one| ImportNote {
                    line: one.place.line,
                    column: one.place.column,
                    note: one.text.clone(),
                }));
            }
            Err(problems) => import.problems.extend(problems.iter().map(|one| ImportProblem {
                line: one.place.line,
                column: one.place.column,
                message: one.message.clone(),
                help: one.help.clone(),
            })),
        }
        import
    }
}

/// One finding.
#[derive(Serialize)]
pub struct Finding {
    /// `E0201`
    pub code: &'static str,
    /// `error`, `warning`, `info`
    pub severity: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where a report says it: `did you mean …`.
    pub help: Option<String>,
    #[serde(flatten)]
    place: Place,
    /// Other places.
    pub related: Vec<Related>,
    /// A flow that shows it.
    pub witness: Option<Witness>,
}

/// A place in the text, as people count.
#[derive(Serialize)]
struct Place {
    file: String,
    line: u32,
    column: u32,
}

/// Another place that belongs to a finding.
#[derive(Serialize)]
pub struct Related {
    #[serde(flatten)]
    place: Place,
    /// Why it belongs.
    pub message: String,
    /// A flow of which that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

/// A flow that shows a finding.
#[derive(Serialize)]
pub struct Witness {
    /// The flow, as `pentane explain` reads it.
    pub flow: String,
    /// What decides it.
    pub decided_by: String,
}

/// What came of one assertion.
#[derive(Serialize)]
pub struct Assertion {
    /// Its name, or its text where it has none.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// `proved`, `refuted`, `undecided`
    pub result: &'static str,
    /// True if it is proved because there is no flow that it is about.
    pub vacuous: bool,
    /// In which world it was asked: `any-view`, or `view` for the one that was given.
    pub world: &'static str,
    /// A flow against it.
    pub counterexample: Option<String>,
}

impl Assertion {
    /// What is known of the assertions of a policy: in any view, and then in the one that was given.
    pub fn all(policy: &Checked, facts: &Facts, in_view: Option<&Facts>) -> Vec<Assertion> {
        let of_world = |(world, facts): (&'static str, &Facts)| {
            let all = policy.assertions.iter().zip(&facts.assertions).enumerate();
            let one = |(place, (assertion, proof))| Assertion::of(policy, assertion, proof, facts.is_vacuous(place), world);
            all.map(one).collect::<Vec<_>>()
        };
        let worlds = [("any-view", facts)].into_iter().chain(in_view.map(|facts| ("view", facts)));
        worlds.flat_map(of_world).collect()
    }

    fn of(
        policy: &Checked,
        assertion: &lang::checked::Assertion,
        proof: &Proof,
        vacuous: bool,
        world: &'static str,
    ) -> Assertion {
        let at = policy.sources.position(assertion.span);
        let (result, counterexample) = match proof {
            Proof::Proved => ("proved", None),
            Proof::Refuted(flow) => ("refuted", Some(flow_text(policy, flow))),
            Proof::Undecided(_) => ("undecided", None),
        };
        let name = assertion.name.to_string();
        Assertion { name, file: at.file.to_string(), line: at.line, result, vacuous, world, counterexample }
    }
}

/// `pentane test --format json`
#[derive(Serialize)]
pub struct Tests {
    /// `pentane.test/1`
    pub schema: &'static str,
    /// How many cases passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// The cases in the order of the text: the first that failed, and the first that passed.
    pub tests: Vec<Case>,
    /// How many cases are not listed.
    pub left_out: usize,
    /// What no test reaches, if that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncovered: Option<Vec<Uncovered>>,
    /// Rules that have expired.
    pub expired: Vec<Ended>,
    /// What the tests reach.
    pub coverage: Coverage,
}

/// A rule, or an alternative of it, that no test reaches.
#[derive(Serialize)]
pub struct Uncovered {
    /// The rule's name, if the text gives one.
    pub name: Option<String>,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Of an `outbound-only` and of a rule with `pin`: `what it denies`, `what it allows`.
    pub half: Option<&'static str>,
    /// What tells the alternative from the others of the rule, if there are any.
    pub alternative: Option<String>,
    /// A line of a `test` block that reaches it; nothing where no flow was found that it decides.
    pub test: Option<String>,
}

/// A rule that has expired.
#[derive(Serialize)]
pub struct Ended {
    /// Its name, if the text gives one.
    pub name: Option<String>,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Since when it matches nothing, in the zone of the policy: `2026-12-02 00:00`
    pub since: String,
}

/// One line of a `test` block.
#[derive(Serialize)]
pub struct Case {
    /// The name of the block.
    pub name: String,
    /// The file of the line.
    pub file: String,
    /// The line.
    pub line: u32,
    /// `passed` or `failed`
    pub result: &'static str,
    /// The flow; of several the first that failed.
    pub flow: String,
    /// What the text wants.
    pub expected: String,
    /// What the policy answers.
    pub actual: String,
}

/// What tests reach.
#[derive(Serialize)]
pub struct Coverage {
    /// Rules that decided a flow.
    pub rules: Share,
    /// Alternatives of their conditions that did.
    pub regions: Share,
}

/// A part of a whole.
#[derive(Serialize)]
pub struct Share {
    /// The part.
    pub covered: usize,
    /// The whole.
    pub total: usize,
}

/// `pentane fix --format json`
#[derive(Serialize)]
pub struct Fix {
    /// `pentane.fix/1`
    pub schema: &'static str,
    /// The policy's hash before.
    pub policy: String,
    /// Its hash with all fixes.
    pub fixed: String,
    /// True if files were written.
    pub written: bool,
    /// What was done, or would be.
    pub fixes: Vec<Fixed>,
    /// What has a repair that was not made.
    pub left: Vec<LeftAsItIs>,
    /// What changes in each file.
    pub files: Vec<FileDiff>,
}

/// One edit.
#[derive(Serialize)]
pub struct Fixed {
    /// The file.
    pub file: String,
    /// The line in the text as it was.
    pub line: u32,
    /// The finding that it answers.
    pub code: &'static str,
    /// What was done, in a few words.
    pub what: String,
}

/// A finding that was left.
#[derive(Serialize)]
pub struct LeftAsItIs {
    /// The file.
    pub file: String,
    /// The line in the text as it is.
    pub line: u32,
    /// The finding.
    pub code: &'static str,
    /// Why, in a few words.
    pub why: String,
    /// True if it was not found out whether anything would change.
    pub undecided: bool,
}

/// What changes in a file.
#[derive(Serialize)]
pub struct FileDiff {
    /// The file.
    pub file: String,
    /// A unified diff.
    pub diff: String,
}

/// `pentane explain --format json`
#[derive(Serialize)]
pub struct Explain {
    /// `pentane.explain/1`
    pub schema: &'static str,
    /// The first answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// The policy's hash.
    pub policy: String,
    /// `flow`: only what the flow says and the policy declares is known; `view`: the given view, too.
    pub world: &'static str,
    /// How many flows the text stands for.
    pub flows: usize,
    /// Where those are answered differently: one answer of each other sort.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Answer>,
}

/// The answer to one flow.
#[derive(Serialize)]
pub struct Answer {
    /// The flow.
    pub flow: String,
    /// `allow` or `deny`
    pub verdict: &'static str,
    /// The deciding rule, or the default's statement; nothing where the default decides and the text does not state it.
    pub rule: Option<Rule>,
    /// Middleboxes to pass, in order.
    pub via: Vec<String>,
    /// What else the conversation is bound to, as a rule spells it: `limit 5mbps`.
    pub bound_to: Vec<String>,
    /// What rules that only audit would have done: `deny by strict`.
    pub audited: Vec<String>,
    /// Every port that the flow passes, in order, if the view tells links and the flow is allowed.
    pub path: Option<Vec<String>>,
    /// Why there is no path and the flow, though allowed, is not set up.
    pub no_path: Option<String>,
    /// The facts by which the rule matched.
    pub because: Vec<String>,
    /// For a deny: the rules that would have allowed the flow but for one fact.
    pub nearest: Vec<Near>,
    /// What the verdict hangs on that neither the flow nor a view says.
    pub unless: Vec<String>,
    /// What the view says otherwise than the flow, which has its way.
    pub against_view: Vec<String>,
}

/// `pentane who … --format json`
#[derive(Serialize)]
pub struct Who {
    /// `pentane.who/1`
    pub schema: &'static str,
    /// `can-reach` or `is-reachable-from`
    pub question: &'static str,
    /// The ends that were asked about.
    pub ends: String,
    /// The services, if only some were asked about.
    pub services: Option<String>,
    /// The policy's hash.
    pub policy: String,
    /// `any-view`: of all flows that there can be; `view`: of those in the view.
    pub world: &'static str,
    /// By rule, in the order of the rules.
    pub allowed: Vec<Got>,
    /// True if nobody else gets through.
    pub settled: bool,
}

/// Who gets through by one rule.
#[derive(Serialize)]
pub struct Got {
    /// The rule; nothing for a default that is not written.
    pub rule: Option<Rule>,
    /// Middleboxes to pass, in order.
    pub via: Vec<String>,
    /// Declared users.
    pub users: Vec<String>,
    /// True if it is also allowed where nobody is logged in.
    pub nobody: bool,
    /// True if it is also allowed to users who are not declared.
    pub undeclared_users: bool,
    /// Declared hosts.
    pub hosts: Vec<String>,
    /// Other ends: `unregistered`, `internet`, `gateway border`, …
    pub others: Vec<String>,
    /// Dynamic groups that all of them are in.
    pub members_of: Vec<String>,
    /// One of the flows.
    pub flow: String,
}

/// `pentane matrix --format json`
#[derive(Serialize)]
pub struct Matrix {
    /// `pentane.matrix/1`
    pub schema: &'static str,
    /// The policy's hash.
    pub policy: String,
    /// `any-view`: of all flows that there can be; `view`: of those in the view.
    pub world: &'static str,
    /// The services, if only some were asked about.
    pub services: Option<String>,
    /// The initiators: a row each.
    pub from: Vec<String>,
    /// The responders: a column each.
    pub to: Vec<String>,
    /// Row by row.
    pub cells: Vec<Vec<Cell>>,
}

/// What becomes of the flows between two sets.
#[derive(Serialize)]
pub struct Cell {
    /// `all`, `some`, `none`, `empty` or `undecided`
    pub allowed: &'static str,
    /// One that is allowed.
    pub allowed_flow: Option<String>,
    /// One that is not.
    pub refused_flow: Option<String>,
}

impl Finding {
    /// A finding with its places as people count them.
    pub fn of(found: &Diagnostic, sources: &SourceMap) -> Finding {
        let place = |span| {
            let at = sources.position(span);
            Place { file: at.file.to_string(), line: at.line, column: at.column }
        };
        let related = found.related.iter().map(|other| Related {
            place: place(other.span),
            message: other.message.clone(),
            flow: other.flow.clone(),
        });
        Finding {
            code: found.code.text(),
            severity: found.severity.word(),
            message: found.message.clone(),
            help: found.help.clone(),
            place: place(found.span),
            related: related.collect(),
            witness: found.witness.as_ref().map(|w| Witness { flow: w.flow.clone(), decided_by: w.decided_by.clone() }),
        }
    }
}

/// Writes one object, on lines of its own.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Cannot(format!("no JSON can be made: {error}")))?;
    out.line(text)
}
