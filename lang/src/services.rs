//! Services that a policy tells apart, as packets: to try with a flow that names none. Knows nothing of what is decided.

use std::collections::BTreeSet;

use net::{EtherType, IpProto, Transport};

use crate::checked::{Checked, Cond, HeaderTest, ServiceTerm};
use crate::flow::{Flow, Headers};
use crate::flowspec::SOURCE_PORT;

/// How many services are tried.
const MOST: usize = 200;

/// A port that no rule need name.
const OTHER_PORT: u16 = 65_000;

/// True if a flow is a packet of IP of which nothing is said: neither protocol, nor tag.
#[must_use]
pub fn lacks_one(flow: &Flow) -> bool {
    let ip = matches!(flow.headers.dl_type, None | Some(EtherType::IPV4 | EtherType::IPV6));
    ip && flow.headers.proto.is_none() && flow.headers.vlan.is_none()
}

/// The flow with these headers in packets of its own family; nothing if they are of the other one.
#[must_use]
pub fn with(flow: &Flow, headers: &Headers) -> Option<Flow> {
    let v6 = flow.headers.dl_type == Some(EtherType::IPV6);
    let fits = match headers.proto {
        Some(IpProto::ICMP) => !v6,
        Some(IpProto::ICMPV6) => v6,
        _ => true,
    };
    fits.then(|| Flow { headers: Headers { dl_type: flow.headers.dl_type, ..*headers }, ..flow.clone() })
}

/// A packet of each service that a rule names, and of others.
#[must_use]
pub fn named(policy: &Checked) -> Vec<Headers> {
    let mut found = BTreeSet::from([(IpProto::TCP.0, OTHER_PORT), (IpProto::UDP.0, OTHER_PORT)]);
    for rule in &policy.rules {
        gather(&rule.cond, &mut found);
        if found.len() >= MOST {
            break;
        }
    }
    found.into_iter().take(MOST).map(|(proto, value)| headers(IpProto(proto), value)).collect()
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
