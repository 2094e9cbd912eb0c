//! An explanation for people. Knows nothing of how it was found.

use lang::checked::Verdict;
use lang::source::Position;

use super::{Answered, is_uniform};
use crate::exit::Failure;
use crate::fold::{WIDTH, folded, hung};
use crate::load::Policy;
use crate::output::{Output, Paint};
use crate::report::counted;
use crate::{excerpt, hash};

/// Writes the answers to the flows that a text stands for, and in which world they hold.
///
/// # Errors
/// Nobody takes the output.
pub fn write(out: &mut Output, policy: &Policy, asked: &str, answers: &[Answered<'_>]) -> Result<(), Failure> {
    let flows: usize = answers.iter().map(|answer| answer.count).sum();
    if flows > 1 {
        let how = match (is_uniform(answers), answers.len()) {
            (true, 0 | 1) => "all judged alike",
            (true, _) => "with one verdict for different reasons",
            (false, _) => "and they are not all judged alike",
        };
        out.line(format!("{}\nstands for {}, {how}\n", hung(asked), counted(flows, "flow")))?;
    }
    for answer in answers {
        one(out, answer, flows)?;
        out.line("")?;
    }
    row(out, "holds", [world(policy)])?;
    row(out, "policy", [hash::shown(&policy.hash).to_owned()])
}

fn world(policy: &Policy) -> String {
    match &policy.view_name {
        Some(view) => format!("in the view {view}"),
        None => "for the flow as it is written: what neither it nor the policy says of its ends is unknown".to_owned(),
    }
}

fn one(out: &mut Output, answer: &Answered<'_>, flows: usize) -> Result<(), Failure> {
    let explanation = &answer.explanation;
    let verdict = explanation.judgement.verdict;
    let paint = match verdict {
        Verdict::Allow => Paint::Green,
        Verdict::Deny | Verdict::Reject | Verdict::Redirect => Paint::Red,
    };
    let word = out.paint(paint, &verdict.to_string());
    let share = match answer.count {
        _ if flows == 1 => String::new(),
        1 => format!(" (1 of {flows})"),
        count => format!(" ({count} of {flows}), for example"),
    };
    let margin = verdict.word().chars().count() + share.chars().count() + 2;
    let flow = folded(&answer.flow, WIDTH - margin).join(&format!("\n{:margin$}", ""));
    out.line(format!("{word}{share}  {flow}\n"))?;
    row(out, "by", [decider(answer)])?;
    if let Some(span) = answer.policy.deciding_span(explanation.judgement.rule) {
        out.text(&excerpt::of(&answer.policy.sources, span, "             "))?;
    }
    row(out, "from", [explanation.src.clone()])?;
    row(out, "to", [explanation.dst.clone()])?;
    row(out, "but", answer.against_view.clone())?;
    row(out, "because", explanation.because.clone())?;
    let via = answer.via();
    row(out, "via", (!via.is_empty()).then(|| via.join(", ")))?;
    row(out, "path", answer.way.text(answer.policy, &explanation.judgement))?;
    row(out, "no path", lost(answer))?;
    let nearest = explanation.nearest.iter().map(|near| {
        let at = answer.place(near.rule).map(|Position { file, line, .. }| format!("{file}:{line}")).unwrap_or_default();
        let name = answer.policy.rule(near.rule).and_then(|rule| rule.name.as_deref());
        let rule = name.map_or(at.clone(), |name| format!("{name} at {at}"));
        format!("{rule} would allow it, but lacks: {}", near.lacks)
    });
    let duties = answer.duties();
    row(out, "bound to", (!duties.is_empty()).then(|| duties.join(", ")))?;
    row(out, "audited", answer.audited())?;
    row(out, "ended", answer.ended())?;
    row(out, "nearest", nearest)?;
    row(out, "unless", answer.unless.clone())
}

/// Of several flows with one answer, those that have no way.
fn lost(answer: &Answered<'_>) -> Option<String> {
    let (flow, why) = answer.first_lost.as_ref().filter(|_| answer.count > 1)?;
    Some(format!("for {} of {}, such as {flow}: {why}", answer.lost, answer.count))
}

/// `guest-web, campus.pol:37`; `the default, campus.pol:40`
fn decider(answer: &Answered<'_>) -> String {
    let rule = answer.explanation.judgement.rule;
    let name = match rule {
        None => Some("the default"),
        Some(id) => answer.policy.rule(id).and_then(|rule| rule.name.as_deref()),
    };
    let place = answer.policy.deciding_span(rule).map(|span| {
        let Position { file, line, .. } = answer.policy.sources.position(span);
        format!("{file}:{line}")
    });
    let parts: Vec<String> = name.map(str::to_owned).into_iter().chain(place).collect();
    parts.join(", ")
}

/// A heading with its lines; nothing where there are none. What a line has no room for goes on below it, indented.
fn row(out: &mut Output, heading: &str, lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    for (place, line) in lines.into_iter().enumerate() {
        let heading = if place == 0 { heading } else { "" };
        let lines = folded(&line, WIDTH - 13).join(&format!("\n{:13}", ""));
        out.line(format!("  {heading:8} {lines}"))?;
    }
    Ok(())
}
