//! W0320: a test line without a service, where services are decided otherwise.

use super::{Input, MOST};
use crate::checked::TestCase;
use crate::diag::{Diagnostic, Severity};
use crate::flow::{Flow, Headers};
use crate::services;

lint! {
    W0320 "test without a service" {
        what "A line of a test names no service, and the policy decides some service between the same ends otherwise. It is told as a remark, unless `[severity]` in pentane.toml makes more of it."
        why "Without a service, a flow is a packet of IP that is neither TCP, nor UDP, nor ICMP: hardly any packet of the network. The line passes, and says nothing of what programs send."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\ntest \"they do not talk\" { roo -> kanga => deny; }"
        instead "Name services: `roo -> kanga tcp/80 => deny;`. What holds of all of them is an assertion: `assert never from roo to kanga;`."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\ntest \"they do not talk, but for ssh\" { roo -> kanga tcp/80 => deny; roo -> kanga ssh => allow; }"
    }
}

/// How many flows of one line are tried.
const MOST_FLOWS: usize = 20;

/// How many flows are tried in all.
const MOST_TRIES: usize = 300_000;

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let cases = input.policy.tests.iter().flat_map(|test| &test.cases).filter(|case| is_bare(case));
    let mut tries = MOST_TRIES;
    let mut services: Option<Vec<Headers>> = None;
    let mut found = Vec::new();
    for case in cases {
        let services = services.get_or_insert_with(|| services::named(input.policy));
        if let Some(flow) = decided_otherwise(input, case, services, &mut tries) {
            let message = "without a service, this line is of packets that programs hardly send: a service is decided otherwise";
            let help = "name services in the line, or claim it of all of them: `assert never from … to …;`";
            let mut one = Diagnostic::new(W0320, case.span, message).help(help);
            one.severity = Severity::Info;
            found.push(input.shown_by(one, &flow));
        }
        if found.len() >= MOST || tries == 0 {
            break;
        }
    }
    found
}

/// True if the line says nothing of what is in the packet.
fn is_bare(case: &TestCase) -> bool {
    !case.flow_text.contains("dltype") && case.flows.first().is_some_and(services::lacks_one)
}

/// A flow of the line with a service that is decided otherwise than the line wants, where the line itself is as it wants.
fn decided_otherwise(input: &Input<'_>, case: &TestCase, services: &[Headers], tries: &mut usize) -> Option<Flow> {
    let is_wanted = |flow: &Flow| input.decide.decide(flow).verdict == case.verdict;
    for flow in case.flows.iter().take(MOST_FLOWS).filter(|flow| is_wanted(flow)) {
        for other in services.iter().filter_map(|headers| services::with(flow, headers)) {
            *tries = tries.checked_sub(1)?;
            if !is_wanted(&other) {
                return Some(other);
            }
        }
    }
    None
}
