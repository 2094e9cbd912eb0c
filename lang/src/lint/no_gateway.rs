//! W0318: a rule about the internet, where no gateway is declared.

use std::collections::HashSet;

use super::{Input, MOST};
use crate::diag::Diagnostic;

lint! {
    W0318 "internet without a gateway" {
        what "A rule is about the internet alone, and no gateway is declared. The internet is what lies beyond a gateway: without one, no packet comes from there or goes there."
        why "The rule does nothing. A machine of the site that sends to such an address sends to nobody that policy knows, and the packet does not pass, whatever the rule says."
        example "host roo { mac 00:16:3e:00:00:12; }\nallow from roo to internet for tcp/443;"
        instead "Declare the port that leads out: `gateway border { at core:48; }`, in the file that declares the switches."
        clean "switch core { dpid 0x10; access 9-48; }\ngateway border { at core:48; }\nhost roo { mac 00:16:3e:00:00:12; }\nallow from roo to internet for tcp/443;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut told = HashSet::new();
    let rules = input.facts.beyond_no_gateway.iter().filter_map(|id| input.policy.rule(*id));
    // The halves of a statement say the same.
    let rules = rules.filter(|rule| told.insert(rule.span));
    rules
        .map(|rule| {
            let message = "no packet can match this rule: no gateway is declared, so nothing is `internet`";
            let help = "declare where the internet is: `gateway NAME { at SWITCH:PORT; }`";
            Diagnostic::new(W0318, rule.span, message).help(help)
        })
        .take(MOST)
        .collect()
}
