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
    let shares = percents(&by.iter().map(|taken| taken.share).collect::<Vec<f64>>());
    for (place, (taken, share)) in by.iter().zip(shares).take(MAX_NAMED).enumerate() {
        if let Some(other) = input.policy.rule(taken.by) {
            let verdict = other.verdict().map_or("passes", |verdict| verdict.word());
            // The first share's is the witness of the whole.
            let flow = taken.flow.as_ref().filter(|_| place > 0).map(|flow| flow_text(input.policy, flow));
            found = found.related_by_flow(other.span, format!("takes {} of it: {verdict}", percent(taken.share, share)), flow);
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

/// Shares in whole hundredths that make as many together as the shares do: those that lose most by being cut get one more.
fn percents(shares: &[f64]) -> Vec<f64> {
    let exact: Vec<f64> = shares.iter().map(|share| share * 100.0).collect();
    let mut whole: Vec<f64> = exact.iter().map(|one| one.floor()).collect();
    let mut left = exact.iter().sum::<f64>().round() - whole.iter().sum::<f64>();
    let mut lost: Vec<(f64, &mut f64)> = exact.iter().zip(&mut whole).map(|(exact, whole)| (exact - *whole, whole)).collect();
    lost.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    for (_, whole) in lost {
        if left < 1.0 {
            break;
        }
        *whole += 1.0;
        left -= 1.0;
    }
    whole
}

/// A share in whole hundredths, in words where that would be nothing or all.
fn percent(share: f64, whole: f64) -> String {
    if share > 0.0 && whole < 1.0 {
        "less than 1 %".to_owned()
    } else if share < 1.0 && whole > 99.0 {
        "more than 99 %".to_owned()
    } else {
        format!("{whole} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_in_hundredths_make_a_hundred() {
        for (shares, wanted) in [
            (&[1.0][..], &[100.0][..]),
            (&[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], &[34.0, 33.0, 33.0]),
            (&[0.555, 0.445], &[56.0, 44.0]),
            (&[0.125; 8], &[13.0, 13.0, 13.0, 13.0, 12.0, 12.0, 12.0, 12.0]),
            (&[0.996, 0.002, 0.002], &[100.0, 0.0, 0.0]),
            (&[0.29, 0.71], &[29.0, 71.0]),
            // One of several, which would cover the rule alone.
            (&[0.404], &[40.0]),
            (&[], &[]),
        ] {
            assert_eq!(percents(shares), wanted, "{shares:?}");
        }
    }

    #[test]
    fn what_is_not_all_is_never_told_as_all_nor_as_nothing() {
        assert_eq!(percent(0.996, 100.0), "more than 99 %");
        assert_eq!(percent(0.002, 0.0), "less than 1 %");
        assert_eq!(percent(1.0, 100.0), "100 %");
    }
}
