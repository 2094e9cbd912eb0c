//! Flows in text, both ways: what `user gina host gphone at wap1 -> www tcp/80` stands for, and the line for a flow.
//! Knows nothing of rules.
//!
//! What the text leaves open is filled in. A host has its first MAC address, its first declared address of the flow's family, and
//! its pinned place. A user without a host sits at a device that is not declared. `internet` is an example address in no
//! declared network, at the first gateway, and one more address for each part that the policy tells apart; so is a network. Port ranges stand for both their ends and one port inside; a protocol with ports but
//! without one given stands for port 65000, ICMP for an echo request; the source port is 49152. Without a service
//! there are no headers but the Ethernet type and a DSCP of 0, unless `vlan 5`, `dscp 46` and the like say more. Where rules test the
//! time and the text says none, a flow stands for one in each stretch of time that they tell apart. The family is IPv4, unless the text gives an IPv6 address or ICMPv6, or a named
//! host has IPv6 addresses alone.

mod addresses;
mod complete;
mod ends;
mod headers;
mod members;
mod possible;
mod print;

use std::ops::RangeInclusive;

use net::{EtherType, Field, IpProto, Time, Transport};

use crate::ast::{Atom, EndTerm, FlowSpec, ServiceRef, Term};
use crate::builtin;
use crate::checked::{Checked, Kind, ServiceTerm};
use crate::codes::names::E0203;
use crate::codes::tests_and_assertions::{E0402, E0403};
use crate::diag::{self, Diagnostic};
use crate::flow::{Flow, Headers, Place, Side};
use crate::parse;
use crate::resolve::{Names, Symbol};
use crate::source::{SourceMap, Span};
use complete::Family;

pub use addresses::address_cells;
pub(crate) use members::Known;

use addresses::Mentions;
use ends::Draft;

pub use complete::usual_address;
pub use print::{flow_text, location_text};

/// How many flows one pattern may stand for.
pub const MAX_FLOWS: usize = 100_000;

/// The source port of flows in text: the first of the dynamic range (RFC 6335 §6).
pub const SOURCE_PORT: u16 = 49152;

/// The destination port where the text names a protocol alone.
const ANY_PORT: u16 = 65000;

/// What a service says of the headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Traffic {
    proto: Option<IpProto>,
    transport: Option<Transport>,
}

impl Traffic {
    /// The same in packets of this family: what follows the header of ICMP of the other one is no kind of it.
    fn within(self, family: Family) -> Traffic {
        let is_foreign = self.family().is_some_and(|own| own != family);
        Traffic { transport: self.transport.filter(|_| !is_foreign), ..self }
    }

    /// The family that the protocol belongs to, if to one alone.
    fn family(self) -> Option<Family> {
        match self.proto {
            Some(IpProto::ICMP) => Some(Family::V4),
            Some(IpProto::ICMPV6) => Some(Family::V6),
            _ => None,
        }
    }
}

/// The flows that a pattern stands for: one for each choice out of the sets that it names; at least one, at most [`MAX_FLOWS`].
///
/// # Errors
/// What is wrong with it, with places in the text that it was read from, which is one of these.
pub fn flows(policy: &Checked, texts: &SourceMap, spec: &FlowSpec) -> Result<Vec<Flow>, Vec<Diagnostic>> {
    resolve(policy, &Names::of(policy), &Known::default(), texts, spec)
}

/// A text that is no flow of the policy, and why.
#[derive(Debug)]
pub struct Unreadable {
    /// The text, for reports.
    pub sources: SourceMap,
    /// What is wrong with it.
    pub found: Vec<Diagnostic>,
}

/// The flows that a line stands for, as `pentane explain` reads it.
///
/// # Errors
/// What is wrong with the line.
pub fn read(policy: &Checked, line: &str) -> Result<Vec<Flow>, Unreadable> {
    Reader::new(policy).read(line)
}

/// Reads many lines of one policy.
pub struct Reader<'a> {
    policy: &'a Checked,
    names: Names,
    known: Known,
}

impl<'a> Reader<'a> {
    /// A reader of flows of this policy.
    #[must_use]
    pub fn new(policy: &'a Checked) -> Reader<'a> {
        Reader { policy, names: Names::of(policy), known: Known::default() }
    }

    /// The flows that a line stands for.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn read(&self, line: &str) -> Result<Vec<Flow>, Unreadable> {
        let mut sources = SourceMap::default();
        let id = sources.add("flow", line);
        let (spec, mut found) = parse::parse_flow(&sources, id);
        let flows = match spec {
            Some(spec) if !diag::any_error(&found) => {
                resolve(self.policy, &self.names, &self.known, &sources, &spec).map_err(|more| found.extend(more))
            }
            _ => Err(()),
        };
        flows.map_err(|()| Unreadable { sources, found })
    }

    /// True if the line of the flow stands for the flow and nothing else.
    #[must_use]
    pub fn reads_back(&self, flow: &Flow) -> bool {
        self.read(&flow_text(self.policy, flow)).is_ok_and(|flows| flows == [flow.clone()])
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// The same, for a policy that is still being checked. No findings: what is wrong has been reported already.
/// What is `known` holds for all flows of the policy.
pub(crate) fn resolve(
    policy: &Checked,
    names: &Names,
    known: &Known,
    texts: &SourceMap,
    spec: &FlowSpec,
) -> Result<Vec<Flow>, Vec<Diagnostic>> {
    let site = ends::Site { policy, names, known, texts };
    let mut found = Vec::new();
    let (traffic, trailing) = match &spec.service {
        None => (Some(vec![Traffic::default()]), None),
        Some(service) => traffic_of(policy, names, service, &mut found),
    };
    let trailing = trailing.map(EndTerm::Term);
    let src = ends::drafts(site, &spec.src.iter().collect::<Vec<_>>(), spec.span, &mut found);
    let dst_terms: Vec<&EndTerm> = spec.dst.iter().chain(&trailing).collect();
    let dst = ends::drafts(site, &dst_terms, spec.span, &mut found);
    let (Some(src), Some(dst), Some(traffic)) = (src, dst, traffic) else { return Err(found) };
    if !found.is_empty() {
        return Err(found);
    }
    let times = times_of(policy, spec);
    let count = src.len().saturating_mul(dst.len()).saturating_mul(traffic.len()).saturating_mul(times.len());
    if count == 0 || count > MAX_FLOWS {
        return Err(vec![report_count(spec.span, count)]);
    }
    let mut flows = product(policy, &src, &dst, &traffic, family_said(spec));
    if flows.is_empty() {
        let message = "the flow mixes IPv4 and IPv6";
        let help = "give both ends addresses of one family, or leave them out";
        return Err(vec![Diagnostic::new(E0402, spec.span, message).help(help)]);
    }
    if let Some(why) = sort_out(policy, &mut flows).filter(|_| flows.is_empty()) {
        let found = Diagnostic::new(E0402, spec.span, format!("there is no such flow: {why}"));
        return Err(vec![found.help("name ends that there can be, and leave out what follows from them")]);
    }
    for term in &spec.headers {
        for flow in &mut flows {
            headers::set(&mut flow.headers, term).map_err(|found| vec![*found])?;
            if !matches!(flow.headers.dl_type, Some(EtherType::IPV4 | EtherType::IPV6)) {
                (flow.src.address, flow.dst.address) = (None, None);
            }
        }
    }
    Ok(flows.into_iter().flat_map(|flow| times.iter().map(move |time| Flow { time: *time, ..flow.clone() })).collect())
}

/// Leaves the flows that there can be; why there cannot be the first of the others.
fn sort_out(policy: &Checked, flows: &mut Vec<Flow>) -> Option<String> {
    let mut first = None;
    flows.retain(|flow| {
        let refusal = [Side::Src, Side::Dst].into_iter().find_map(|side| possible::refusal(policy, side, flow.end(side)));
        let possible = refusal.is_none();
        first = first.take().or(refusal);
        possible
    });
    first
}

/// When the flows are sent: as the text says, else once in each stretch of time that the rules tell apart, their ends in the
/// future. Not known where no rule asks.
fn times_of(policy: &Checked, spec: &FlowSpec) -> Vec<Option<Time>> {
    if let Some(moment) = &spec.time {
        return vec![Some(policy.calendar.moment(moment.value, &policy.windows(), &policy.ends()))];
    }
    if !policy.tests_time() {
        return vec![None];
    }
    policy.samples_of_time().iter().copied().map(Some).collect()
}

fn report_count(span: Span, count: usize) -> Diagnostic {
    match count {
        0 => Diagnostic::new(E0403, span, "the sets that the flow names have no members: it stands for no flow")
            .help("name an end that somebody or something is"),
        _ => Diagnostic::new(E0403, span, format!("the flow stands for {count} flows, more than {MAX_FLOWS}"))
            .help("name a member of the set, or a smaller one"),
    }
}

/// The family that `dltype` says.
fn family_said(spec: &FlowSpec) -> Option<Family> {
    let types = spec.headers.iter().filter(|term| term.field.value == Field::DlType);
    let mut families = types.filter_map(|term| match EtherType(u16::try_from(term.value).ok()?) {
        EtherType::IPV4 => Some(Family::V4),
        EtherType::IPV6 => Some(Family::V6),
        _ => None,
    });
    families.next_back()
}

/// Every choice whose parts are of one family: the one that is said, if one is.
fn product(policy: &Checked, src: &[Draft], dst: &[Draft], traffic: &[Traffic], said: Option<Family>) -> Vec<Flow> {
    let mut flows = Vec::new();
    let both = [Family::V4, Family::V6].into_iter().all(|family| traffic.iter().any(|one| one.family() == Some(family)));
    if let Some(said) = said {
        let fits = |draft: &&Draft| draft.address.is_none_or(|address| Family::of(address) == said);
        for src in src.iter().filter(fits) {
            for dst in dst.iter().filter(fits) {
                let own = traffic.iter().filter(|one| !both || one.family().is_none_or(|own| own == said));
                flows.extend(own.map(|traffic| flow_of(policy, src, dst, traffic.within(said), said)));
            }
        }
        return flows;
    }
    for src in src {
        for dst in dst {
            // A service of both families, such as `ping`, is that of the ends' own.
            let family = complete::family(policy, src, dst, None).filter(|_| both);
            for traffic in traffic.iter().filter(|one| family.is_none() || one.family().is_none_or(|own| Some(own) == family)) {
                flows.extend(flow(policy, src, dst, *traffic));
            }
        }
    }
    flows
}

/// The flow of one choice, if its parts are of one family.
fn flow(policy: &Checked, src: &Draft, dst: &Draft, traffic: Traffic) -> Option<Flow> {
    let family = complete::family(policy, src, dst, traffic.family())?;
    Some(flow_of(policy, src, dst, traffic, family))
}

fn flow_of(policy: &Checked, src: &Draft, dst: &Draft, traffic: Traffic, family: Family) -> Flow {
    let dl_type = match family {
        Family::V4 => EtherType::IPV4,
        Family::V6 => EtherType::IPV6,
    };
    let mut initiator = complete::end(policy, src, family);
    // As in packets: who has no address yet sends from none.
    let inside = initiator.place == Place::Inside;
    initiator.address = initiator.address.filter(|address| !(inside && address.is_unspecified()));
    Flow {
        src: initiator,
        dst: complete::end(policy, dst, family),
        headers: Headers {
            dl_type: Some(dl_type),
            proto: traffic.proto,
            dscp: Some(0),
            transport: traffic.transport,
            ..Headers::default()
        },
        time: None,
    }
}

/// What the last word stands for: traffic, or one more term of the responder.
fn traffic_of(
    policy: &Checked,
    names: &Names,
    service: &ServiceRef,
    found: &mut Vec<Diagnostic>,
) -> (Option<Vec<Traffic>>, Option<Term>) {
    let terms = match service {
        ServiceRef::Term(term) => vec![term.value.clone()],
        ServiceRef::Error(_) => return (None, None),
        ServiceRef::Name(name) => match names.get(&name.text) {
            Some(Symbol::Service(place)) => policy.services.get(place).map_or_else(Vec::new, |service| service.terms.to_vec()),
            Some(Symbol::Damaged | Symbol::Unresolved(_)) => return (None, None),
            Some(
                Symbol::Switch(_)
                | Symbol::Location(_)
                | Symbol::Host(_)
                | Symbol::User(_)
                | Symbol::Gateway(_)
                | Symbol::Middlebox(_)
                | Symbol::Time(_)
                | Symbol::Group(_),
            ) => {
                let term = Term { kind: None, atom: Atom::Name(name.clone()), span: name.span };
                return (Some(vec![Traffic::default()]), Some(term));
            }
            None => match builtin::service(&name.text) {
                Some(terms) => terms,
                None => {
                    found.extend(names.unknown_in_flow(policy, name, Some(Kind::Service)));
                    return (None, None);
                }
            },
        },
    };
    if terms.is_empty() {
        found.push(Diagnostic::new(E0203, service.span(), "the service has no members"));
        return (None, None);
    }
    (Some(terms.iter().flat_map(traffic_of_term).collect()), None)
}

/// Examples of a kind of traffic.
fn traffic_of_term(term: &ServiceTerm) -> Vec<Traffic> {
    let ports = |proto, dst| Traffic { proto: Some(proto), transport: Some(Transport::Ports { src: SOURCE_PORT, dst }) };
    let icmp = |proto, kind, code| Traffic { proto: Some(proto), transport: Some(Transport::Icmp { kind, code }) };
    match term {
        ServiceTerm::Protocol(IpProto::ICMP) => vec![icmp(IpProto::ICMP, 8, 0)],
        ServiceTerm::Protocol(IpProto::ICMPV6) => vec![icmp(IpProto::ICMPV6, 128, 0)],
        ServiceTerm::Protocol(proto) if proto.has_ports() => vec![ports(*proto, ANY_PORT)],
        ServiceTerm::Protocol(proto) => vec![Traffic { proto: Some(*proto), transport: None }],
        ServiceTerm::Ports(proto, range) => examples(range).into_iter().map(|port| ports(*proto, port)).collect(),
        ServiceTerm::Icmp(proto, kind, code) => vec![icmp(*proto, *kind, code.unwrap_or(0))],
    }
}

/// Both ends of a range and one number inside.
fn examples(range: &RangeInclusive<u16>) -> Vec<u16> {
    let (low, high) = (*range.start(), *range.end());
    let mut ports = vec![low, low + (high.saturating_sub(low)) / 2, high];
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests;
