//! `pentane explain`: what happens to a flow and why. Reads the flow, completes it from the view, asks the program.

mod against;
pub mod complete;
mod text;
mod unless;
pub mod way;

use clap::{Args as ClapArgs, ValueEnum};
use compiler::{Explanation, Program};
use lang::checked::{Checked, Effect, RuleId, Verdict};
use lang::diag::Diagnostic;
use lang::flow::{Flow, Judgement};
use lang::flowspec::{self, flow_text};
use lang::parse::parse_flow;
use lang::report::{Style, concise, render};
use lang::source::{Position, SourceMap};
use lang::testing::{duty_words, outcome, rule_label};

use crate::exit::{Exit, Failure};
use crate::json::{self, Answer, Explain, Near, Rule};
use crate::load::{Policy, PolicyArgs, now};
use crate::output::{self, Output};
use crate::report::{self, Format};
use against::against;
use unless::{Silent, unless};
use way::{Way, Ways};

/// What `explain` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The flow: 'user bob host griffin at edge1:1 -> internet tcp/80'
    #[arg(value_name = "FLOW")]
    flow: String,
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// A file of the policy; may be given several times, and adds to FILES
    #[arg(long = "policy", value_name = "FILE")]
    also: Vec<String>,
    /// The verdict that is expected; any other ends with 1
    #[arg(long, value_enum)]
    expect: Option<Expected>,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// A verdict by its word.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Expected {
    Allow,
    Deny,
    Reject,
    Redirect,
}

/// Flows that are judged alike.
struct Alike {
    flow: Flow,
    judgement: Judgement,
    count: usize,
    /// The way of this flow.
    way: Way,
    /// How many of them are allowed and have no way, and the first with the reason.
    lost: usize,
    first_lost: Option<(Flow, String)>,
}

/// One answer with all that is to be said of it.
struct Answered<'a> {
    policy: &'a Checked,
    /// The flow in text.
    flow: String,
    explanation: Explanation,
    /// How many flows are answered like this.
    count: usize,
    /// The way of the flow.
    way: Way,
    /// How many of them have no way, and the first, in text, with the reason.
    lost: usize,
    first_lost: Option<(String, String)>,
    /// What the verdict hangs on that nobody said; nothing where a view says it.
    unless: Vec<String>,
    /// What the view says otherwise than the flow.
    against_view: Vec<String>,
}

/// The flows that a text stands for, and what it leaves open.
struct Asked {
    flows: Vec<Flow>,
    silent: Option<Silent>,
    /// Of each end, whether the text says where it is.
    placed: [bool; 2],
}

/// Judges a flow and says why.
///
/// # Errors
/// There is no policy, the view is unfit, or nobody takes the output.
pub fn explain(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.format != Format::Human {
        out.plain();
    }
    let files = args.policy.files.iter().chain(&args.also).cloned().collect();
    let named = PolicyArgs { files, ..args.policy.clone() };
    misplaced(&args.flow, &named)?;
    let policy = Policy::load(&named)?;
    let Some(program) = &policy.program else {
        report::write_instead(out, &policy, args.format)?;
        return Ok(policy.exit_without_program());
    };
    let asked = match read_flows(&args.flow, &policy, program.policy()) {
        Ok(asked) => asked,
        Err((sources, found)) => {
            if args.format.is_text() {
                output::complain(&flow_report(&sources, &found, args.format));
            } else {
                json::write(out, &report::of_findings(&policy.hash, &found, &sources))?;
            }
            return Ok(Exit::CannotDo);
        }
    };
    let alike = judge(program, asked.flows, &mut Ways::of(&policy, program.policy(), asked.placed));
    let is_one = alike.iter().map(|alike| alike.count).sum::<usize>() == 1;
    let answers: Vec<Answered<'_>> = alike
        .iter()
        .map(|alike| Answered {
            policy: program.policy(),
            flow: if is_one { args.flow.trim().to_owned() } else { flow_text(program.policy(), &alike.flow) },
            explanation: compiler::explain(program, &alike.flow),
            count: alike.count,
            way: alike.way.clone(),
            lost: alike.lost,
            first_lost: alike.first_lost.as_ref().map(|(flow, why)| (flow_text(program.policy(), flow), why.clone())),
            unless: asked.silent.map(|silent| unless(program, &alike.flow, silent)).unwrap_or_default(),
            against_view: policy
                .view_name
                .as_ref()
                .map_or_else(Vec::new, |_| against(&policy.view, program.policy(), &alike.flow)),
        })
        .collect();
    match args.format {
        Format::Concise => {
            for answer in &answers {
                let outcome = outcome(answer.policy, &answer.explanation.judgement);
                let way = answer.way.missing().map_or_else(String::new, |why| format!(", and no path: {why}"));
                out.line(format!("{} => {outcome}{way}", answer.flow))?;
            }
        }
        Format::Human | Format::Plain => text::write(out, &policy, args.flow.trim(), &answers)?,
        _ => json::write(out, &as_json(&policy, &answers))?,
    }
    let exit = exit(args.expect, &answers);
    if let (Some(expected), true, Exit::Bad) = (args.expect, args.format.is_text(), &exit) {
        out.line(missed(expected, &answers))?;
    }
    Ok(exit)
}

/// Why the answer is not the one that was expected.
fn missed(expected: Expected, answers: &[Answered<'_>]) -> String {
    let wanted = expected.verdict();
    match answers.iter().find(|answer| answer.explanation.judgement.verdict != wanted) {
        Some(other) => format!("expected {wanted}, and it is {}", other.explanation.judgement.verdict),
        None => format!("expected {wanted}, and it is not set up: there is no path"),
    }
}

impl Expected {
    fn verdict(self) -> Verdict {
        match self {
            Expected::Allow => Verdict::Allow,
            Expected::Deny => Verdict::Deny,
            Expected::Reject => Verdict::Reject,
            Expected::Redirect => Verdict::Redirect,
        }
    }
}

/// Says so where the shell or the user took the flow for something else: the words of a flow for files, or a file for the flow.
fn misplaced(flow: &str, named: &PolicyArgs) -> Result<(), Failure> {
    const ARROW: &str = "->";
    let Some(missing) = named.missing().find(|file| file.contains(ARROW)).or_else(|| named.missing().next()) else {
        return Ok(());
    };
    if missing.contains(ARROW) && !flow.contains(ARROW) {
        return Err(Failure::Cannot(format!(
            "`{missing}` is a flow and no file: the flow stands first, `explain '{missing}' {flow}`"
        )));
    }
    if flow.contains(ARROW) {
        return Ok(());
    }
    Err(Failure::Cannot(format!(
        "the flow `{flow}` has no `->`, and there is no file `{missing}`: put the whole flow in quotes, as in \
         '{flow} -> internet tcp/443'"
    )))
}

/// Without an expectation, flows that are judged differently have no answer in common.
fn exit(expected: Option<Expected>, answers: &[Answered<'_>]) -> Exit {
    let mut verdicts = answers.iter().map(|answer| answer.explanation.judgement.verdict);
    match expected.map(Expected::verdict) {
        // No path, no flow.
        Some(Verdict::Allow) if answers.iter().any(|answer| answer.lost > 0) => Exit::Bad,
        Some(wanted) if verdicts.all(|verdict| verdict == wanted) => Exit::Good,
        Some(_) => Exit::Bad,
        None if is_uniform(answers) => Exit::Good,
        None => Exit::Undecided,
    }
}

fn is_uniform(answers: &[Answered<'_>]) -> bool {
    let mut verdicts = answers.iter().map(|answer| answer.explanation.judgement.verdict);
    verdicts.next().is_none_or(|first| verdicts.all(|verdict| verdict == first))
}

/// The flows that the text stands for, completed from the view; or what is wrong with the text, and the texts to show it in.
fn read_flows(text: &str, policy: &Policy, checked: &Checked) -> Result<Asked, (SourceMap, Vec<Diagnostic>)> {
    let mut sources = policy.sources.clone();
    let id = sources.add("FLOW", text);
    let (spec, found) = parse_flow(&sources, id);
    let Some(spec) = spec else { return Err((sources, found)) };
    let mut flows = match flowspec::flows(checked, &sources, &spec) {
        Ok(flows) => flows,
        Err(found) => return Err((sources, found)),
    };
    let placed = [&spec.src, &spec.dst].map(|terms| complete::says_place(checked, terms));
    if policy.view_name.is_none() {
        return Ok(Asked { flows, silent: Some(Silent::of(&spec)), placed });
    }
    for flow in &mut flows {
        complete::flow(flow, &spec, &policy.view);
    }
    Ok(Asked { flows, silent: None, placed })
}

/// The flows that a text stands for, for people. Says what is wrong with it, if it cannot be read.
///
/// # Errors
/// How the command ends then.
pub fn flows_of(text: &str, policy: &Policy, checked: &Checked) -> Result<Vec<Flow>, Exit> {
    read_flows(text, policy, checked).map(|asked| asked.flows).map_err(|(sources, found)| {
        output::complain(&flow_report(&sources, &found, Format::Human));
        Exit::CannotDo
    })
}

fn flow_report(sources: &SourceMap, found: &[Diagnostic], format: Format) -> String {
    let style = Style { color: format == Format::Human && output::stderr_colour() };
    let one = |found| match format {
        Format::Concise => concise(found, sources) + "\n",
        _ => render(found, sources, style),
    };
    if found.is_empty() {
        return "error: the flow cannot be read\n".to_owned();
    }
    found.iter().map(one).collect()
}

/// Judges all flows and puts those together that are judged alike, in the order in which they come.
fn judge(program: &Program, flows: Vec<Flow>, ways: &mut Ways<'_>) -> Vec<Alike> {
    let mut alike: Vec<Alike> = Vec::new();
    for flow in flows {
        let judgement = program.judge(&flow);
        let way = ways.of_flow(&flow, &judgement);
        let place = alike.iter().position(|alike| alike.judgement == judgement);
        let lost = way.missing().map(|why| (flow.clone(), why.to_owned()));
        match place.and_then(|place| alike.get_mut(place)) {
            Some(alike) => {
                alike.count += 1;
                alike.lost += usize::from(lost.is_some());
                alike.first_lost = alike.first_lost.take().or(lost);
            }
            None => alike.push(Alike { flow, judgement, count: 1, way, lost: lost.iter().count(), first_lost: lost }),
        }
    }
    alike
}

fn as_json(policy: &Policy, answers: &[Answered<'_>]) -> Explain {
    let mut all = answers.iter().map(Answered::as_json);
    let nothing = Answer {
        flow: String::new(),
        verdict: Verdict::Deny.word(),
        rule: None,
        via: Vec::new(),
        bound_to: Vec::new(),
        audited: Vec::new(),
        path: None,
        no_path: None,
        because: Vec::new(),
        nearest: Vec::new(),
        unless: Vec::new(),
        against_view: Vec::new(),
    };
    Explain {
        schema: "pentane.explain/1",
        answer: all.next().unwrap_or(nothing),
        policy: policy.hash.clone(),
        world: if policy.view_name.is_some() { "view" } else { "flow" },
        flows: answers.iter().map(|answer| answer.count).sum(),
        others: all.collect(),
    }
}

impl Answered<'_> {
    fn place(&self, rule: RuleId) -> Option<Position> {
        self.policy.rule(rule).map(|rule| self.policy.sources.position(rule.span))
    }

    fn via(&self) -> Vec<String> {
        let via = &self.explanation.judgement.via;
        via.iter().filter_map(|id| self.policy.middleboxes.get(id.index())).map(|middlebox| middlebox.name.to_string()).collect()
    }

    /// What else the conversation is bound to, in the words of the language.
    fn duties(&self) -> Vec<String> {
        duty_words(self.policy, &self.explanation.judgement.duties)
    }

    /// What rules that only audit would have done.
    fn audited(&self) -> Vec<String> {
        let one = |id: &RuleId| {
            let Effect::Audit(verdict) = self.policy.rule(*id)?.effect else { return None };
            Some(format!("{verdict} by {}", rule_label(self.policy, *id)))
        };
        self.explanation.judgement.audited.iter().filter_map(one).collect()
    }

    /// When the rule that decides ended, if it has.
    fn ended(&self) -> Option<String> {
        let end = self.policy.rule(self.explanation.judgement.rule?)?.until.filter(|end| *end <= now())?;
        let at = self.policy.calendar.text(end);
        Some(format!("at {at}: now this rule decides nothing (`pentane check` says so: E0222)"))
    }

    fn as_json(&self) -> Answer {
        let Explanation { judgement, because, nearest, .. } = &self.explanation;
        let near = |near: &compiler::Nearest| {
            let at = self.place(near.rule)?;
            let rule = rule_label(self.policy, near.rule);
            Some(Near { rule, file: at.file.to_string(), line: at.line, lacks: near.lacks.clone() })
        };
        Answer {
            flow: self.flow.clone(),
            verdict: judgement.verdict.word(),
            rule: Rule::deciding(self.policy, judgement.rule),
            via: self.via(),
            bound_to: self.duties(),
            audited: self.audited(),
            path: self.way.ports(self.policy),
            no_path: self.way.missing().map(str::to_owned),
            because: because.clone(),
            nearest: nearest.iter().filter_map(near).collect(),
            unless: self.unless.clone(),
            against_view: self.against_view.clone(),
        }
    }
}
