//! Lines over statements: what of rules is used and proved, whether assertions hold, whether tests pass. Knows nothing of how that
//! was found out.

use lang::ast::Item;
use lang::checked::{Checked, Part, RuleId};
use lang::facts::{Proof as Outcome, RuleFact};
use lang::source::Span;
use lsp_types::{CodeLens, Command, Url};
use serde_json::{Value, json};

use crate::hover::percent;
use crate::place::Place;
use crate::proof::Proof;

/// The lines of a document, those of rules without their text: that is made when it is to be seen. None before the policy is proved.
pub(crate) fn lenses(place: &Place<'_>, uri: &Url) -> Vec<CodeLens> {
    let (Some(proof), Some(policy), Some(file)) = (place.proof, place.policy(), place.snapshot.file(place.source)) else {
        return Vec::new();
    };
    let mut lenses = Vec::new();
    for item in &file.items {
        let Some(range) = place.snapshot.range(item.span()) else { continue };
        let (title, data) = match item {
            Item::Rule(rule) => (None, json!({ "uri": uri, "start": rule.span.start, "end": rule.span.end })),
            Item::Assert(stmt) => (assertion(policy, proof, stmt.span), Value::Null),
            Item::Test(block) => (test(policy, proof, block.span), Value::Null),
            _ => continue,
        };
        if title.is_some() || !data.is_null() {
            lenses.push(CodeLens { range, command: title.map(told), data: (!data.is_null()).then_some(data) });
        }
    }
    lenses
}

/// The document that a line without text is about.
pub(crate) fn uri_of(asked: &CodeLens) -> Option<Url> {
    Url::parse(asked.data.as_ref()?.get("uri")?.as_str()?).ok()
}

/// The line with its text. What has changed meanwhile is asked for anew by the editor.
pub(crate) fn resolve(place: Option<&Place<'_>>, asked: CodeLens) -> CodeLens {
    let number = |name: &str| asked.data.as_ref()?.get(name)?.as_u64().and_then(|number| u32::try_from(number).ok());
    let title = match (place, number("start"), number("end")) {
        (Some(place), Some(start), Some(end)) => rule(place, Span { source: place.source, start, end }),
        _ => None,
    };
    CodeLens { command: Some(told(title.unwrap_or_default())), ..asked }
}

/// A line that does nothing when it is clicked at.
fn told(title: String) -> Command {
    Command { title, command: String::new(), arguments: None }
}

fn rule(place: &Place<'_>, statement: Span) -> Option<String> {
    let proof = place.proof?;
    // Of a statement that is two rules, the half that its author means.
    let rule = place.rules(statement).find(|rule| !matches!(rule.part, Part::OutboundDeny | Part::PinDeny))?;
    let mut parts = vec![match proof.cases_of(rule.id) {
        0 => "no test reaches it".to_owned(),
        1 => "1 case of the tests".to_owned(),
        cases => format!("{cases} cases of the tests"),
    }];
    match fact(proof, rule.id) {
        Some(RuleFact::MatchesNothing) => parts.push("matches nothing".to_owned()),
        Some(RuleFact::Shadowed(_)) => parts.push("decides nothing: earlier rules do".to_owned()),
        Some(RuleFact::Redundant(..)) => parts.push("makes no difference".to_owned()),
        Some(RuleFact::Decides(_) | RuleFact::Undecided) | None => {
            parts.extend(proof.share(rule.id).map(|share| format!("decides {} of what it matches", percent(share.decided))));
        }
    }
    Some(parts.join(" · "))
}

pub(crate) fn fact(proof: &Proof, rule: RuleId) -> Option<&RuleFact> {
    proof.facts.rules.iter().find(|(id, _)| *id == rule).map(|(_, fact)| fact)
}

fn assertion(policy: &Checked, proof: &Proof, statement: Span) -> Option<String> {
    let place = policy.assertions.iter().position(|assertion| assertion.span == statement)?;
    Some(match proof.facts.assertions.get(place)? {
        Outcome::Proved if proof.facts.is_vacuous(place) => "proved, and about no flow".to_owned(),
        Outcome::Proved => "proved in any view".to_owned(),
        Outcome::Refuted(flow) => format!("refuted: {}", lang::flowspec::flow_text(policy, flow)),
        Outcome::Undecided(_) => "not found out within the budget".to_owned(),
    })
}

fn test(policy: &Checked, proof: &Proof, block: Span) -> Option<String> {
    let place = policy.tests.iter().position(|test| block.holds(test.span))?;
    let before: usize = policy.tests.iter().take(place).map(|test| test.cases.len()).sum();
    let count = policy.tests.get(place)?.cases.len();
    let results = proof.tests.results.get(before..before + count)?;
    let failed: Vec<_> = results.iter().filter(|result| !result.passed).collect();
    Some(match failed.first() {
        None => format!("{count} passed"),
        Some(first) => format!(
            "{} of {count} failed; line {}: {}, and {} is wanted",
            failed.len(),
            first.position.line,
            first.actual,
            first.expected
        ),
    })
}
