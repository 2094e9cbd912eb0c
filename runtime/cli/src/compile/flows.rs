//! Entries of switches, as they would be installed: of a whole view, or of one conversation. Knows nothing of how they are found.

use std::collections::{BTreeMap, BTreeSet};

use compiler::plan::{Asked, Means};
use compiler::{Identity, Program, Template, destination, first_packet, source};
use lang::checked::{Checked, RuleId, Verdict};
use lang::flow::{Flow, Judgement};
use lang::flowspec::flow_text;
use lang::testing::rule_label;
use net::{Dpid, MacAddr};
use runtime::course::Course;
use runtime::dialect::{MeterId, Version, can_match, ofctl};
use runtime::map::Map;
use runtime::route::Hop;
use runtime::tables::{self, Gap, Line, Step};
use serde::Serialize;

use super::{Args, Mode, Of};
use crate::exit::{Exit, Failure};
use crate::explain;
use crate::json;
use crate::load::{Policy, now};
use crate::output::Output;
use crate::report::Format;

/// How many of the rules that cost most are told.
const COSTLIEST: usize = 10;

/// The meter of a conversation whose rate is limited: the first, while no other is known.
const METER: MeterId = MeterId(1);

/// Entries by switch.
type Tables = BTreeMap<Dpid, Vec<Line>>;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    policy: String,
    of: &'static str,
    mode: &'static str,
    /// How many there are in all.
    entries: usize,
    switches: Vec<Switch>,
    /// The rules that cost most, the dearest first.
    costs: Vec<Cost>,
}

#[derive(Serialize)]
struct Switch {
    switch: String,
    dpid: String,
    count: usize,
    /// Nothing if sizes alone were asked for.
    entries: Option<Vec<Entry>>,
}

#[derive(Serialize)]
struct Entry {
    priority: u16,
    #[serde(rename = "match")]
    matching: String,
    actions: String,
    rules: Vec<Option<json::Rule>>,
    /// Why the controller is asked although policy lets the packets pass.
    gap: Option<String>,
}

#[derive(Serialize)]
struct Cost {
    rule: Option<json::Rule>,
    entries: usize,
}

/// Entries are of stations, and a view tells where those are.
pub(super) fn wants_view(args: &Args) -> Result<(), Failure> {
    match &args.policy.view {
        Some(_) => Ok(()),
        None => Err(Failure::cannot("what switches would do hangs on where stations are: give a view with --view FILE")),
    }
}

/// Prints the entries.
///
/// # Errors
/// A switch is not declared, the flows cannot be installed, there are too many entries, or nobody takes the output.
pub fn print(args: &Args, policy: &Policy, program: &Program, out: &mut Output) -> Result<Exit, Failure> {
    wants_view(args)?;
    let checked = program.policy();
    let wanted = switches(&args.switch, checked)?;
    let mut map = policy.links.as_ref().map(|links| Map::new(checked, links));
    let tables = match args.mode {
        Mode::Proactive => match planned(args, policy, program, map.as_mut())? {
            Ok(tables) => tables,
            Err(exit) => return Ok(exit),
        },
        Mode::Template | Mode::Exact => match conversations(args, policy, program, map.as_mut())? {
            Ok(tables) => tables,
            Err(exit) => return Ok(exit),
        },
    };
    let tables: Tables = tables.into_iter().filter(|(dpid, _)| wanted.is_empty() || wanted.contains(dpid)).collect();
    if args.format != Format::Human {
        return document(args, policy, checked, &tables, out);
    }
    for (dpid, lines) in &tables {
        out.line(format!("# switch {} ({dpid}): {}", switch_name(checked, *dpid), counted(lines.len(), "entry", "entries")))?;
        if !args.explain_size {
            for line in lines {
                out.line(ofctl::line(&line.slot.region, line.slot.priority, &line.actions) + &remark(checked, line))?;
            }
        }
    }
    if tables.is_empty() {
        out.line("# no entries: the controller is asked about every conversation")?;
    }
    if args.explain_size {
        for (rule, entries) in costs(&tables).into_iter().take(COSTLIEST) {
            out.line(format!("# {entries} of {}", rule_text(checked, rule)))?;
        }
        let free = tables.values().flatten().filter(|line| line.rules.is_empty()).count();
        out.line(format!("# {free} of no rule: what the controller wants to see, and what no entry matches"))?;
    }
    Ok(Exit::Good)
}

/// What switches may do unasked.
fn planned(args: &Args, policy: &Policy, program: &Program, map: Option<&mut Map>) -> Result<Result<Tables, Exit>, Failure> {
    let between = match pairs(args, policy, program) {
        Ok(between) => between,
        Err(exit) => return Ok(Err(exit)),
    };
    let plan = program
        .plan(&policy.view, &Asked { between: between.as_deref(), means: means(args.of), limit: args.limit }, now())
        .map_err(|error| {
            let limit = error.limit;
            Failure::Cannot(format!("there would be more than {limit} entries: name a pair with --pair, or raise --limit"))
        })?;
    Ok(Ok(tables::of_plan(&plan, program.policy(), map)))
}

/// The MAC addresses of the pairs that are asked about; nothing for all.
pub(super) fn pairs(args: &Args, policy: &Policy, program: &Program) -> Result<Option<Vec<(MacAddr, MacAddr)>>, Exit> {
    let Some(pair) = &args.pair else { return Ok(None) };
    let flows = explain::flows_of(pair, policy, program.policy())?;
    Ok(Some(flows.iter().filter_map(|flow| Some((flow.src.mac?, flow.dst.mac?))).collect()))
}

pub(super) fn means(of: Of) -> Means {
    match of {
        Of::V10 => Means { modern: false, blocks: false },
        Of::V13 => Means { modern: true, blocks: true },
    }
}

/// The entries of the conversations that are asked about.
fn conversations(
    args: &Args,
    policy: &Policy,
    program: &Program,
    mut map: Option<&mut Map>,
) -> Result<Result<Tables, Exit>, Failure> {
    let flows = match explain::flows_of(args.pair.as_deref().unwrap_or_default(), policy, program.policy()) {
        Ok(flows) => flows,
        Err(exit) => return Ok(Err(exit)),
    };
    let mut tables = Tables::new();
    for flow in &at_once(flows) {
        let entries = conversation(args, policy, program, flow, map.as_deref_mut())
            .map_err(|why| Failure::Cannot(format!("{}: {why}", flow_text(program.policy(), flow))))?;
        for (dpid, line) in entries {
            let lines = tables.entry(dpid).or_default();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    Ok(Ok(tables))
}

/// Each flow once: one without a time stands for every time, and entries are for one, which is now where none is said.
pub(super) fn at_once(flows: Vec<Flow>) -> Vec<Flow> {
    let several = flows.iter().any(|flow| flow.time != flows.first().and_then(|first| first.time));
    let mut once: Vec<Flow> = Vec::new();
    for mut flow in flows {
        if several {
            flow.time = None;
        }
        let same = |other: &Flow| other.src == flow.src && other.dst == flow.dst && other.headers == flow.headers;
        if !once.iter().any(same) {
            once.push(flow);
        }
    }
    once
}

fn conversation(
    args: &Args,
    policy: &Policy,
    program: &Program,
    flow: &Flow,
    map: Option<&mut Map>,
) -> Result<Vec<(Dpid, Line)>, String> {
    let checked = program.policy();
    let (at, key) = first_packet(checked, &policy.view, flow).ok_or(super::UNTOLD)?;
    let ends = match (source(checked, &policy.view, at, &key), destination(checked, &policy.view, &key)) {
        (Identity::Known(src), Identity::Known(dst)) => (src, dst),
        (Identity::Refused(refusal), _) | (_, Identity::Refused(refusal)) => return Err(refusal.to_string()),
    };
    let time = flow.time.unwrap_or_else(now);
    let judgement = program.judge_key(&ends.0, &ends.1, &key, time);
    installable(&judgement)?;
    let exact = program.template(&key, &ends.1, &judgement);
    let fits = |template: &Template| {
        let regions = std::iter::once(&template.region).chain(&template.reply);
        regions.into_iter().all(|region| can_match(version(args.of), region))
    };
    // What a version cannot say so widely is said of the conversation alone.
    let wide = (args.mode == Mode::Template).then(|| program.widest(&key, (&ends.0, &ends.1), time)).filter(fits);
    let template = wide.unwrap_or(exact);
    if !template.installable {
        return Err("switches cannot tell its packets from others, so each is handed on by the controller".to_owned());
    }
    if !fits(&template) {
        return Err(format!("OpenFlow {} cannot match its packets", version(args.of)));
    }
    let meter = template.duties.limit.map(|_| METER);
    if meter.is_some() && args.of == Of::V10 {
        return Err("its rate is limited, and OpenFlow 1.0 has no meters".to_owned());
    }
    let course = match (template.verdict, ends.1.location, map) {
        (Verdict::Allow, Some(to), Some(map)) => map
            .course(checked, (at, to), &template, |id| policy.view.places_of(checked, id))
            .map_err(|error| format!("it is allowed, and has no way: {error}"))?,
        (Verdict::Allow, Some(to), None) if to.dpid == at.dpid && to != at && stays(&template) => {
            Course::along(vec![Hop { dpid: at.dpid, in_port: at.port, out_port: to.port }])
        }
        (Verdict::Allow, _, None) => return Err("it is allowed, and no view with links tells its way (see --view)".to_owned()),
        (Verdict::Allow, None, _) => return Err("it is allowed, and not told where it leaves".to_owned()),
        (Verdict::Deny | Verdict::Reject | Verdict::Redirect, ..) => Course::default(),
    };
    let rules: BTreeSet<_> = [template.rule].into();
    let line = |step: Step| Line { slot: step.slot, actions: step.actions, rules: rules.clone(), gap: None };
    let steps = tables::of_conversation(&template, at, &course, meter);
    Ok(steps.into_iter().map(|step| (step.dpid, line(step))).collect())
}

/// True if what a conversation is bound to says nothing of other ports than its own.
fn stays(template: &Template) -> bool {
    template.via.is_empty() && template.duties.mirror.is_empty() && template.duties.avoid.is_empty()
}

/// What a policy demands that no entry of this version does: it is refused by `run`, and no entry may stand in for it.
pub(super) fn installable(judgement: &Judgement) -> Result<(), String> {
    match judgement.verdict {
        Verdict::Redirect => Err("this version cannot carry out `redirect`, and installs nothing for it".to_owned()),
        Verdict::Allow | Verdict::Deny | Verdict::Reject => Ok(()),
    }
}

fn version(of: Of) -> Version {
    match of {
        Of::V10 => Version::V10,
        Of::V13 => Version::V13,
    }
}

fn switches(names: &[String], policy: &Checked) -> Result<Vec<Dpid>, Failure> {
    let one = |name: &String| {
        let found = policy.switches.iter().find(|switch| *switch.name == **name || switch.dpid.to_string() == *name);
        found.map(|switch| switch.dpid).ok_or_else(|| Failure::Cannot(format!("no switch `{name}` is declared")))
    };
    names.iter().map(one).collect()
}

fn switch_name(policy: &Checked, dpid: Dpid) -> &str {
    policy.switch_of(dpid).map_or("", |switch| &*switch.name)
}

pub(super) fn rule_text(policy: &Checked, rule: Option<RuleId>) -> String {
    rule.map_or_else(|| "the default".to_owned(), |rule| rule_label(policy, rule))
}

/// Who says so, behind the entry.
fn remark(policy: &Checked, line: &Line) -> String {
    let rules: Vec<String> = line.rules.iter().map(|rule| rule_text(policy, *rule)).collect();
    let gap = line.gap.map(gap_text);
    let parts: Vec<String> = rules.into_iter().chain(gap).collect();
    // A file may be called anything, and a line ends where it ends.
    let text = parts.join(", ").replace(char::is_control, "\u{fffd}");
    if parts.is_empty() { String::new() } else { format!(" # {text}") }
}

fn gap_text(gap: Gap) -> String {
    match gap {
        Gap::Untold => "allowed, but no links are told".to_owned(),
        Gap::NoPath(why) => format!("allowed, but {why}"),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How many entries each rule has a part in, the dearest first.
fn costs(tables: &Tables) -> Vec<(Option<RuleId>, usize)> {
    let mut costs: BTreeMap<Option<RuleId>, usize> = BTreeMap::new();
    for rule in tables.values().flatten().flat_map(|line| &line.rules) {
        *costs.entry(*rule).or_default() += 1;
    }
    let mut costs: Vec<_> = costs.into_iter().collect();
    costs.sort_by_key(|(rule, entries)| (std::cmp::Reverse(*entries), *rule));
    costs
}

fn document(args: &Args, policy: &Policy, checked: &Checked, tables: &Tables, out: &mut Output) -> Result<Exit, Failure> {
    let entry = |line: &Line| {
        let text = ofctl::line(&line.slot.region, line.slot.priority, &line.actions);
        Entry {
            priority: line.slot.priority,
            matching: ofctl::fields(&line.slot.region).join(","),
            actions: text.rsplit_once("actions=").map_or_else(String::new, |(_, actions)| actions.to_owned()),
            rules: line.rules.iter().map(|rule| json::Rule::deciding(checked, *rule)).collect(),
            gap: line.gap.map(gap_text),
        }
    };
    let switch = |(dpid, lines): (&Dpid, &Vec<Line>)| Switch {
        switch: switch_name(checked, *dpid).to_owned(),
        dpid: dpid.to_string(),
        count: lines.len(),
        entries: (!args.explain_size).then(|| lines.iter().map(entry).collect()),
    };
    let cost = |(rule, entries)| Cost { rule: json::Rule::deciding(checked, rule), entries };
    json::write(
        out,
        &Document {
            schema: "pentane.compile/1",
            policy: policy.hash.clone(),
            of: if args.of == Of::V10 { "1.0" } else { "1.3" },
            mode: match args.mode {
                Mode::Proactive => "proactive",
                Mode::Template => "template",
                Mode::Exact => "exact",
            },
            entries: tables.values().map(Vec::len).sum(),
            switches: tables.iter().map(switch).collect(),
            costs: costs(tables).into_iter().take(COSTLIEST).map(cost).collect(),
        },
    )?;
    Ok(Exit::Good)
}
