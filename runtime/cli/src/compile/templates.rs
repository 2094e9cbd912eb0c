//! Regions of packets that are answered alike: around one flow, or between all stations of a view. Knows nothing of switches.

use compiler::plan::{Asked, Outcome, Planned};
use compiler::template::Template;
use compiler::{Identity, Program, destination, first_packet, source};
use lang::checked::Checked;
use lang::flow::Flow;
use lang::flowspec::flow_text;
use net::{FlowMatch, Location};
use runtime::dialect::ofctl;
use serde::Serialize;

use super::Args;
use super::flows::{at_once, installable, means, rule_text, wants_view};
use crate::exit::{Exit, Failure};
use crate::explain;
use crate::json;
use crate::load::{Policy, now};
use crate::output::Output;
use crate::report::Format;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    policy: String,
    templates: Vec<Region>,
}

/// One region.
#[derive(Serialize)]
struct Region {
    /// The flow that it is around; nothing where it is of all.
    flow: Option<String>,
    /// Where its packets come in.
    at: String,
    #[serde(rename = "match")]
    matching: String,
    /// What passes back with it; nothing if nothing does.
    answers: Option<String>,
    /// `allow`, `deny`, `reject`, `redirect`; `ask` where the controller decides each conversation.
    outcome: String,
    rules: Vec<Option<json::Rule>>,
    /// The same for people.
    #[serde(skip)]
    why: String,
}

/// Prints the regions.
///
/// # Errors
/// A flow cannot be told from others, there are too many regions, or nobody takes the output.
pub fn print(args: &Args, policy: &Policy, program: &Program, out: &mut Output) -> Result<Exit, Failure> {
    wants_view(args)?;
    let regions = match &args.pair {
        Some(pair) => {
            let flows = match explain::flows_of(pair, policy, program.policy()) {
                Ok(flows) => flows,
                Err(exit) => return Ok(exit),
            };
            at_once(flows).iter().map(|flow| around(policy, program, flow)).collect::<Result<Vec<_>, _>>()?
        }
        None => {
            let plan = program
                .plan(&policy.view, &Asked { between: None, means: means(args.of), limit: args.limit }, now())
                .map_err(|error| {
                    Failure::Cannot(format!("there would be more than {} regions: name a pair, or raise --limit", error.limit))
                })?;
            plan.entries.iter().map(|entry| planned(program.policy(), entry)).collect()
        }
    };
    if args.format != Format::Human {
        let document = Document { schema: "pentane.compile/1", policy: policy.hash.clone(), templates: regions };
        json::write(out, &document)?;
        return Ok(Exit::Good);
    }
    for region in &regions {
        if let Some(flow) = &region.flow {
            out.line(flow)?;
        }
        out.line(format!("  at {}: {} ({})", region.at, region.outcome, region.why))?;
        out.line(format!("    {}", region.matching))?;
        if let Some(answers) = &region.answers {
            out.line(format!("    answers: {answers}"))?;
        }
    }
    if regions.is_empty() {
        out.line("no regions: the controller is asked about every conversation")?;
    }
    Ok(Exit::Good)
}

/// The widest region around a flow.
fn around(policy: &Policy, program: &Program, flow: &Flow) -> Result<Region, Failure> {
    let checked = program.policy();
    let text = flow_text(checked, flow);
    let cannot = |why: &str| Failure::Cannot(format!("{text}: {why}"));
    let packet = first_packet(checked, &policy.view, flow);
    let (at, key) = packet.ok_or_else(|| cannot(super::UNTOLD))?;
    let (src, dst) = match (source(checked, &policy.view, at, &key), destination(checked, &policy.view, &key)) {
        (Identity::Known(src), Identity::Known(dst)) => (src, dst),
        (Identity::Refused(refusal), _) | (_, Identity::Refused(refusal)) => return Err(cannot(&refusal.to_string())),
    };
    let time = flow.time.unwrap_or_else(now);
    installable(&program.judge_key(&src, &dst, &key, time)).map_err(|why| cannot(&why))?;
    let template = program.widest(&key, (&src, &dst), time);
    if !template.installable {
        return Err(cannot("switches cannot tell its packets from others"));
    }
    Ok(of_template(checked, text, at, &template))
}

fn of_template(policy: &Checked, flow: String, at: Location, template: &Template) -> Region {
    let inside = FlowMatch { in_port: Some(at.port), ..template.region };
    Region {
        flow: Some(flow),
        at: place(policy, at),
        matching: ofctl::fields(&inside).join(","),
        answers: template.reply.map(|reply| ofctl::fields(&reply).join(",")),
        outcome: template.verdict.to_string(),
        rules: vec![json::Rule::deciding(policy, template.rule)],
        why: rule_text(policy, template.rule),
    }
}

fn planned(policy: &Checked, entry: &Planned) -> Region {
    let inside = FlowMatch { in_port: Some(entry.ingress.port), ..entry.region };
    let why: Vec<String> = entry.rules.iter().map(|rule| rule_text(policy, *rule)).collect();
    Region {
        flow: None,
        at: place(policy, entry.ingress),
        matching: ofctl::fields(&inside).join(","),
        answers: None,
        outcome: match entry.outcome {
            Outcome::Deliver { to } => format!("allow to {}", place(policy, to)),
            Outcome::Drop => "deny".to_owned(),
            Outcome::Ask => "ask".to_owned(),
        },
        rules: entry.rules.iter().map(|rule| json::Rule::deciding(policy, *rule)).collect(),
        why: if why.is_empty() { "each conversation".to_owned() } else { why.join(", ") },
    }
}

fn place(policy: &Checked, at: Location) -> String {
    let switch = policy.switch_of(at.dpid).map_or_else(|| at.dpid.to_string(), |switch| switch.name.to_string());
    format!("{switch}:{}", at.port)
}
