//! W0303: a rule that others before it leave nothing to decide.

use super::Input;
use crate::checked::{Cond, Part, Rule, RuleId};
use crate::diag::Diagnostic;
use crate::facts::{RuleFact, Taken};
use crate::flowspec::flow_text;

lint! {
    W0303 "rule that decides nothing" {
        what "Every flow that a rule matches is decided by rules before it: by one of them, or by several together. They are named with the share of the rule's flows that each takes, and a flow of each share."
        why "The rule says something that does not happen. Where the rules before it give another verdict, the policy does not do what this line promises."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\ndeny from roo for tcp/1-1023;\ndeny from roo for tcp/1024-65535;\ndeny from roo for tcp/0;\nallow from roo to kanga for tcp;"
        instead "Move the rule before those that cover it, narrow those, or remove it."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for tcp;\ndeny from roo for tcp/1-1023;"
    }
}

/// How many rules that cover another are named.
const MAX_NAMED: usize = 6;

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let shadowed = input.facts.rules.iter().filter_map(|(id, fact)| match fact {
        RuleFact::Shadowed(by) => Some((*id, by.as_slice())),
        _ => None,
    });
    shadowed.filter_map(|(id, by)| report(input, id, by)).collect()
}

/// What is told of the halves of an `outbound-only` is another lint.
fn report(input: &Input<'_>, id: RuleId, by: &[Taken]) -> Option<Diagnostic> {
    let rule = input.policy.rule(id).filter(|rule| rule.part == Part::Whole)?;
    let by = alone(input, rule, by).map_or(by, std::slice::from_ref);
    let message = match by {
        [] => "this rule decides nothing: all that it matches passes it by".to_owned(),
        [only] => format!("this rule decides nothing: {} covers it", input.rule(only.by)),
        several => format!("this rule decides nothing: {} rules before it cover it together", several.len()),
    };
    let mut found = Diagnostic::new(W0303, rule.span, message);
    for (place, taken) in by.iter().take(MAX_NAMED).enumerate() {
        if let Some(other) = input.policy.rule(taken.by) {
            let verdict = other.verdict().map_or("passes", |verdict| verdict.word());
            // The first share's is the witness of the whole.
            let flow = taken.flow.as_ref().filter(|_| place > 0).map(|flow| flow_text(input.policy, flow));
            found = found.related_by_flow(other.span, format!("takes {} of it: {verdict}", percent(taken.share)), flow);
        }
    }
    if let Some(flow) = by.first().and_then(|most| most.flow.as_ref()) {
        found = input.shown_by(found, flow);
    }
    Some(found.help("move it before them, narrow them, or remove it"))
}

/// The one of them that asks for nothing that the rule does not ask for: it would cover the rule without the others.
fn alone<'a>(input: &Input<'_>, rule: &Rule, by: &'a [Taken]) -> Option<&'a Taken> {
    let asked = parts(&rule.cond);
    let covers = |other: &Rule| parts(&other.cond).iter().all(|part| asked.contains(part));
    by.iter().find(|taken| input.policy.rule(taken.by).is_some_and(covers))
}

/// What must hold together.
fn parts(cond: &Cond) -> &[Cond] {
    match cond {
        Cond::All(parts) => parts,
        one => std::slice::from_ref(one),
    }
}

/// A share in whole hundredths, never rounded to nothing or all.
fn percent(share: f64) -> String {
    match (share * 100.0).round() {
        whole if share > 0.0 && whole < 1.0 => "less than 1 %".to_owned(),
        whole if share < 1.0 && whole > 99.0 => "more than 99 %".to_owned(),
        whole => format!("{whole} %"),
    }
}
