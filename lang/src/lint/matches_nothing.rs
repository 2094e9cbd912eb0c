//! W0305: a rule whose condition never holds.

use super::Input;
use crate::checked::Part;
use crate::diag::Diagnostic;
use crate::facts::RuleFact;

lint! {
    W0305 "condition that never holds" {
        what "There is no flow that a rule matches: what it asks contradicts itself, or what is declared (two hosts at one end, a pinned host at another port, an address of the site beyond the gateway, a port of a protocol without ports)."
        why "The rule says something that cannot happen; something else was meant."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow when hsrc = roo and hsrc = kanga;"
        instead "Correct the condition: `or` where either is meant, the other field where the other end is."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow when hsrc = roo or hsrc = kanga;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let never = input.facts.rules.iter().filter(|(_, fact)| *fact == RuleFact::MatchesNothing);
    let rules = never.filter_map(|(id, _)| input.policy.rule(*id)).filter(|rule| rule.part == Part::Whole);
    rules
        .map(|rule| {
            let found = Diagnostic::new(W0305, rule.span, "no flow can match this rule");
            found.help("what it asks contradicts itself, or what is declared of the names in it")
        })
        .collect()
}
