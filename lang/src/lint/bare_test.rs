//! W0320: a test line without a service, where services are decided otherwise.

use std::collections::BTreeSet;

use net::{EtherType, IpProto, Transport};

use super::{Input, MOST};
use crate::checked::{Cond, HeaderTest, ServiceTerm, TestCase};
use crate::diag::{Diagnostic, Severity};
use crate::flow::{Flow, Headers};
use crate::flowspec::SOURCE_PORT;

lint! {
    W0320 "test without a service" {
        what "A line of a test names no service, and the policy decides some service between the same ends otherwise."
        why "Without a service, a flow is a packet of IP that is neither TCP, nor UDP, nor ICMP: hardly any packet of the network. The line passes, and says nothing of what programs send."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\ntest \"they do not talk\" { roo -> kanga => deny; }"
        instead "Name services: `roo -> kanga tcp/80 => deny;`. What holds of all of them is an assertion: `assert never from roo to kanga;`."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\ntest \"they do not talk, but for ssh\" { roo -> kanga tcp/80 => deny; roo -> kanga ssh => allow; }"
    }
}

/// How many flows of one line, and how many services, are tried.
const MOST_FLOWS: usize = 20;
const MOST_SERVICES: usize = 200;

/// How many flows are tried in all.
const MOST_TRIES: usize = 300_000;

/// A port that no rule need name.
const OTHER_PORT: u16 = 65_000;

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let cases = input.policy.tests.iter().flat_map(|test| &test.cases).filter(|case| is_bare(case));
    let mut tries = MOST_TRIES;
    let mut services: Option<Vec<Headers>> = None;
    let mut found = Vec::new();
    for case in cases {
        let services = services.get_or_insert_with(|| services_of(input));
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
    let open = |flow: &Flow| {
        let ip = matches!(flow.headers.dl_type, None | Some(EtherType::IPV4 | EtherType::IPV6));
        ip && flow.headers.proto.is_none() && flow.headers.vlan.is_none()
    };
    !case.flow_text.contains("dltype") && case.flows.first().is_some_and(open)
}

/// A flow of the line with a service that is decided otherwise than the line wants, where the line itself is as it wants.
fn decided_otherwise(input: &Input<'_>, case: &TestCase, services: &[Headers], tries: &mut usize) -> Option<Flow> {
    let is_wanted = |flow: &Flow| input.decide.decide(flow).verdict == case.verdict;
    for flow in case.flows.iter().take(MOST_FLOWS).filter(|flow| is_wanted(flow)) {
        for headers in services.iter().filter(|headers| fits(headers, flow)) {
            *tries = tries.checked_sub(1)?;
            let other = Flow { headers: Headers { dl_type: flow.headers.dl_type, ..*headers }, ..flow.clone() };
            if !is_wanted(&other) {
                return Some(other);
            }
        }
    }
    None
}

/// ICMP is of one family.
fn fits(headers: &Headers, flow: &Flow) -> bool {
    let v6 = flow.headers.dl_type == Some(EtherType::IPV6);
    match headers.proto {
        Some(IpProto::ICMP) => !v6,
        Some(IpProto::ICMPV6) => v6,
        _ => true,
    }
}

/// A packet of each service that a rule names, and of others.
fn services_of(input: &Input<'_>) -> Vec<Headers> {
    let mut found = BTreeSet::from([(IpProto::TCP.0, OTHER_PORT), (IpProto::UDP.0, OTHER_PORT)]);
    for rule in &input.policy.rules {
        gather(&rule.cond, &mut found);
        if found.len() >= MOST_SERVICES {
            break;
        }
    }
    found.into_iter().take(MOST_SERVICES).map(|(proto, value)| headers(IpProto(proto), value)).collect()
}

/// A packet of a protocol: to this port, or with this ICMP type and code.
fn headers(proto: IpProto, value: u16) -> Headers {
    let [kind, code] = value.to_be_bytes();
    let transport = match proto {
        _ if proto.has_ports() => Some(Transport::Ports { src: SOURCE_PORT, dst: value }),
        IpProto::ICMP | IpProto::ICMPV6 => Some(Transport::Icmp { kind, code }),
        _ => None,
    };
    Headers { proto: Some(proto), dscp: Some(0), transport, ..Headers::default() }
}

fn gather(cond: &Cond, found: &mut BTreeSet<(u8, u16)>) {
    match cond {
        Cond::Header(HeaderTest::Service(terms)) => found.extend(terms.iter().map(of_term)),
        Cond::Header(HeaderTest::TpDst(range)) => {
            found.extend([IpProto::TCP, IpProto::UDP].map(|proto| (proto.0, *range.start())));
        }
        Cond::Header(_) | Cond::End(..) | Cond::Time(_) => {}
        Cond::Not(inner) => gather(inner, found),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| gather(part, found)),
    }
}

fn of_term(term: &ServiceTerm) -> (u8, u16) {
    match term {
        ServiceTerm::Ports(proto, range) => (proto.0, *range.start()),
        ServiceTerm::Icmp(proto, kind, code) => (proto.0, u16::from_be_bytes([*kind, code.unwrap_or(0)])),
        // An echo request.
        ServiceTerm::Protocol(proto @ IpProto::ICMP) => (proto.0, u16::from_be_bytes([8, 0])),
        ServiceTerm::Protocol(proto @ IpProto::ICMPV6) => (proto.0, u16::from_be_bytes([128, 0])),
        ServiceTerm::Protocol(proto) => (proto.0, OTHER_PORT),
    }
}
