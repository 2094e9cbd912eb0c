//! W0315: a protocol with all of its ports, in a list with ports of another.

use std::collections::BTreeSet;

use super::{Input, MOST};
use crate::ast::{ClauseKind, Item, RuleStmt, ServiceRef};
use crate::checked::ServiceTerm;
use crate::diag::Diagnostic;

lint! {
    W0315 "whole protocol beside a port of another" {
        what "A list of services has a protocol alone, such as `tcp`, and a port of another protocol, such as `udp/53`."
        why "`tcp, udp/53` is all of TCP and one port of UDP. Whoever meant port 53 of both allows far more."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for tcp, udp/53;"
        instead "Write the port behind each: `tcp/53, udp/53`. If all of the protocol is meant, write `tcp/0-65535`, or two rules."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for tcp/53, udp/53;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for item in input.tree.items() {
        match item {
            Item::Service(decl) => list(&decl.terms, &mut found),
            Item::Rule(rule) => rule_lists(rule, &mut found),
            _ => {}
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

fn rule_lists(rule: &RuleStmt, found: &mut Vec<Diagnostic>) {
    for clause in &rule.clauses {
        if let ClauseKind::For(terms) = &clause.kind {
            list(terms, found);
        }
    }
}

fn list(terms: &[ServiceRef], found: &mut Vec<Diagnostic>) {
    let spelt = || terms.iter().filter_map(|term| if let ServiceRef::Term(term) = term { Some(term) } else { None });
    let with_ports: BTreeSet<u8> =
        spelt().filter_map(|term| if let ServiceTerm::Ports(proto, _) = &term.value { Some(proto.0) } else { None }).collect();
    for whole in spelt() {
        let ServiceTerm::Protocol(proto) = &whole.value else { continue };
        let other = spelt().find_map(|term| match &term.value {
            ServiceTerm::Ports(other, range) if other != proto => Some((term.span, *range.start(), *range.end())),
            _ => None,
        });
        let Some((span, first, last)) = other.filter(|_| proto.has_ports() && !with_ports.contains(&proto.0)) else { continue };
        let name = crate::builtin::protocol_name(*proto).unwrap_or("ip");
        let port = if first == last { first.to_string() } else { format!("{first}-{last}") };
        let message = format!("`{name}` alone is all of it: the port is that of another protocol");
        let help = format!("write `{name}/{port}`; if all of it is meant, `{name}/0-65535`");
        found.push(Diagnostic::new(W0315, whole.span, message).related(span, "the port").help(help));
    }
}
