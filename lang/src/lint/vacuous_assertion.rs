//! W0317: an assertion that holds because there is no flow that it is about.

use super::{Input, MOST};
use crate::checked::Assertion;
use crate::diag::Diagnostic;
use crate::facts::Vacuous;

lint! {
    W0317 "assertion about nothing" {
        what "An assertion is proved because there is no flow that it is about: what its clauses ask contradicts itself, or what is declared (a pinned host at another port, two hosts at one end, an address of the site beyond the gateway), or an invariant. Or it is about the internet, and no gateway is declared."
        why "It would hold under any rules at all. It looks like a guarantee and watches over nothing."
        example "switch edge1 { dpid 0x1; access 1-24; }\nhost roo { mac 00:16:3e:00:00:12; at edge1:1; }\ndeny from roo;\nassert never from roo at edge1:3;"
        instead "Correct the clauses that are told, or remove the assertion."
        clean "switch edge1 { dpid 0x1; access 1-24; }\nhost roo { mac 00:16:3e:00:00:12; at edge1:1; }\ndeny from roo;\nassert never from roo at edge1:1;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let assertions = &input.policy.assertions;
    let vacuous = input.facts.vacuous.iter().filter_map(|one| Some((one, assertions.get(one.assertion)?)));
    vacuous.map(|(one, assertion)| report(one, assertion)).take(MOST).collect()
}

fn report(vacuous: &Vacuous, assertion: &Assertion) -> Diagnostic {
    let message = "this holds under any rules: there is no flow that it is about";
    let mut found = Diagnostic::new(W0317, assertion.span, message);
    let spans = vacuous.clauses.iter().filter_map(|place| assertion.clauses.get(*place)).map(|(span, _)| *span);
    let alone = if vacuous.clauses.len() == 1 { "no flow fits this" } else { "these exclude each other" };
    for span in spans {
        found = found.related(span, alone);
    }
    if vacuous.lacks_gateway {
        found.help("nothing is `internet` where no gateway is declared: `gateway NAME { at SWITCH:PORT; }`")
    } else {
        found.help("it contradicts itself, or what is declared of the names in it")
    }
}
