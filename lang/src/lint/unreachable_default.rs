//! W0307: a default that nothing is left to.

use super::Input;
use crate::checked::Cond;
use crate::diag::Diagnostic;
use crate::facts::Proof;

lint! {
    W0307 "default that decides nothing" {
        what "The policy states a default, and its rules decide every flow."
        why "Whoever reads the default believes that something falls to it."
        example "host roo { mac 00:16:3e:00:00:12; }\nallow from roo;\ndeny;\ndefault allow;"
        instead "Remove the default, or the rule that takes everything."
        clean "host roo { mac 00:16:3e:00:00:12; }\nallow from roo;\ndefault deny;"
    }
}

/// Finds it.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let proved = input.facts.default == Some(Proof::Proved);
    let Some(span) = input.policy.default.span.filter(|_| proved) else { return Vec::new() };
    let all = input.policy.site_rules().iter().find(|rule| rule.cond == Cond::All(Vec::new()));
    let help = match all {
        Some(rule) => format!("remove it, or narrow {}, which takes all flows that get there", input.rule(rule.id)),
        None => "remove it, or narrow a rule, so that something is left to it".to_owned(),
    };
    vec![Diagnostic::new(W0307, span, "no flow is left to the default: the rules decide them all").help(help)]
}
