//! The line for a flow, as `explain` and `test` blocks read it. Knows nothing of who asks for it.

use net::{EtherType, IpProto, Location, Transport};

use crate::builtin;
use crate::checked::{Checked, EndTest, Group, GroupId, SetExpr};
use crate::flow::{End, Flow, Headers, Person, Place};

use super::complete::{self, Family};
use super::ends::Draft;
use super::{SOURCE_PORT, Traffic};

/// One line in the syntax of flows: `user gina host gphone at wap1 -> www tcp/80`. A line made from a flow that came from text
/// reads back as the same flow. What the syntax has no words for (fragments, a responder without its address)
/// stands behind `#`.
#[must_use]
pub fn flow_text(policy: &Checked, flow: &Flow) -> String {
    let family = if flow.headers.dl_type == Some(EtherType::IPV6) { Family::V6 } else { Family::V4 };
    let mut src = draft(policy, &flow.src, family);
    let mut dst = draft(policy, &flow.dst, family);
    // Text gives a host its own address; one that has none yet sends from `0.0.0.0` or `::`.
    let lacks = |end: &End, draft: &Draft| {
        flow.headers.proto.is_some() && end.address.is_none() && complete::end(policy, draft, family).address.is_some()
    };
    if flow.src.place == Place::Inside && lacks(&flow.src, &src) {
        src.address = Some(complete::unspecified(family));
    }
    let traffic = Traffic { proto: flow.headers.proto, transport: flow.headers.transport };
    if complete::family(policy, &src, &dst, traffic.family()) != Some(family) {
        // An address tells the family, unless the service is one of the other.
        match (flow.src.address, flow.dst.address) {
            (_, Some(address)) => dst.address = Some(address),
            (Some(address), None) => src.address = Some(address),
            (None, None) => {}
        }
    }
    let told = complete::family(policy, &src, &dst, traffic.family()) == Some(family);
    let mut text = format!("{} -> {}", end_text(policy, &src, true), end_text(policy, &dst, false));
    if let Some(service) = service_text(&flow.headers) {
        text.push(' ');
        text.push_str(&service);
    }
    let is_ip = matches!(flow.headers.dl_type, Some(EtherType::IPV4 | EtherType::IPV6));
    for term in
        is_ip.then(|| type_term(flow.headers.dl_type).filter(|_| !told)).flatten().into_iter().chain(header_terms(&flow.headers))
    {
        text.push(' ');
        text.push_str(&term);
    }
    if let Some(time) = flow.time {
        text.push_str(" time ");
        text.push_str(&policy.calendar.text(time));
    }
    let mut remarks = remarks(&flow.headers);
    for (end, draft, who) in [(&flow.src, &src, "the initiator"), (&flow.dst, &dst, "the responder")] {
        if lacks(end, draft) && !draft.address.is_some_and(|address| address.is_unspecified()) {
            remarks.push(format!("{who} without an address"));
        }
    }
    if !remarks.is_empty() {
        text.push_str(" # ");
        text.push_str(&remarks.join(", "));
    }
    text
}

/// A location by its declared name, else as `switch:port`, else as `dpid:port`.
#[must_use]
pub fn location_text(policy: &Checked, at: Location) -> String {
    if let Some(named) = policy.location_at(at) {
        return named.name.to_string();
    }
    match policy.switch_of(at.dpid) {
        Some(switch) => format!("{}:{}", switch.name, at.port),
        None => at.to_string(),
    }
}

/// The least that must be said for the end to read back.
fn draft(policy: &Checked, end: &End, family: Family) -> Draft {
    let inside = end.place == Place::Inside;
    let mut draft = Draft {
        users: end.users.clone(),
        groups: end.groups.clone(),
        host: end.host,
        location: end.location.filter(|_| inside),
        place: (!inside).then_some(end.place),
        ..Draft::default()
    };
    let read = complete::end(policy, &draft, family);
    if read.location != end.location || read.place != end.place {
        draft.location = end.location;
    }
    if read.address != end.address {
        draft.address = end.address;
    }
    // The MAC address of a group follows from its address, unless rules tell by it.
    let of_group = end.place == Place::Multicast;
    let read = if of_group { complete::end(policy, &draft, family) } else { read };
    if read.mac != end.mac && !(of_group && end.mac.is_none()) {
        draft.mac = end.mac;
    }
    if inside && end.host.is_none() && complete::end(policy, &draft, family) != *end {
        draft.unregistered = true;
    }
    draft
}

fn end_text(policy: &Checked, draft: &Draft, initiator: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    for person in &draft.users {
        words.push(person_text(policy, person));
    }
    for group in &draft.groups {
        words.push(dynamic_text(policy, *group));
    }
    if draft.users.is_empty() && draft.place.is_none() && initiator {
        words.push("user none".to_owned());
    }
    if let Some(place) = draft.place {
        words.extend(place_text(policy, place, draft));
    }
    if draft.unregistered {
        words.push("unregistered".to_owned());
    }
    if let Some(host) = draft.host.and_then(|id| policy.hosts.get(id.index())) {
        let alone = words.is_empty() && draft.location.is_none() && draft.mac.is_none() && draft.address.is_none();
        words.push(if alone { host.name.to_string() } else { format!("host {}", host.name) });
    }
    words.extend(draft.mac.map(|mac| mac.to_string()));
    if draft.place != Some(Place::Multicast) {
        words.extend(draft.address.map(|address| address.to_string()));
    }
    words.extend(draft.location.map(|at| format!("at {}", location_text(policy, at))));
    if words.is_empty() {
        words.push("unregistered".to_owned());
    }
    words.join(" ")
}

/// `user bob & profs`; somebody who is not declared is told by a group.
fn person_text(policy: &Checked, person: &Person) -> String {
    let declared = person.user.and_then(|id| policy.users.get(id.index())).map(|user| format!("user {}", user.name));
    let groups = person.groups.iter().map(|group| dynamic_text(policy, *group));
    let all: Vec<String> = declared.into_iter().chain(groups).collect();
    if all.is_empty() { "user unregistered".to_owned() } else { all.join(" & ") }
}

/// A dynamic group: by the name of a group that is nothing else, else as it is spelled.
fn dynamic_text(policy: &Checked, id: GroupId) -> String {
    let alone = |group: &&Group| group.members == SetExpr::Leaf(EndTest::Group(id)) && group.dynamic.is_none();
    let named = policy.groups.iter().find(alone).or_else(|| policy.groups.get(id.index()));
    named.map_or_else(String::new, |group| group.name.to_string())
}

fn place_text(policy: &Checked, place: Place, draft: &Draft) -> Option<String> {
    match place {
        Place::Inside => None,
        Place::Internet(_) => Some("internet".to_owned()),
        Place::Gateway(id) => policy.gateways.get(id.index()).map(|gateway| gateway.name.to_string()),
        Place::Broadcast => Some("broadcast".to_owned()),
        Place::Multicast => Some(match draft.address {
            Some(address) => format!("multicast {address}"),
            None => "multicast".to_owned(),
        }),
        Place::Controller => Some("controller".to_owned()),
    }
}

/// `tcp/80`, `icmp/8`, `ip/89`.
fn service_text(headers: &Headers) -> Option<String> {
    let proto = headers.proto?;
    let name = builtin::protocol_name(proto).map_or_else(|| format!("ip/{}", proto.0), str::to_owned);
    Some(match headers.transport {
        Some(Transport::Ports { dst, .. }) if proto.has_ports() => format!("{name}/{dst}"),
        Some(Transport::Icmp { kind, code: 0 }) => format!("{name}/{kind}"),
        Some(Transport::Icmp { kind, code }) => format!("{name}/{kind}/{code}"),
        Some(Transport::Ports { .. }) | None => name,
    })
}

/// What is said of the other headers: only what a flow in text would not have anyway.
fn header_terms(headers: &Headers) -> Vec<String> {
    let mut terms = Vec::new();
    terms.extend(type_term(headers.dl_type.filter(|other| *other != EtherType::IPV4 && *other != EtherType::IPV6)));
    if let Some(tag) = headers.vlan {
        terms.extend(tag.id.map(|id| format!("vlan {id}")));
        if tag.pcp != 0 || tag.id.is_none() {
            terms.push(format!("pcp {}", tag.pcp));
        }
    }
    terms.extend(headers.dscp.filter(|dscp| *dscp != 0).map(|dscp| format!("dscp {dscp}")));
    if let Some(Transport::Ports { src, .. }) = headers.transport
        && src != SOURCE_PORT
    {
        terms.push(format!("tpsrc {src}"));
    }
    terms
}

/// `dltype arp`
fn type_term(dl_type: Option<EtherType>) -> Option<String> {
    let dl_type = dl_type?;
    Some(match builtin::ether_type_name(dl_type) {
        Some(name) => format!("dltype {name}"),
        None => format!("dltype {:#06x}", dl_type.0),
    })
}

/// What the syntax has no words for.
fn remarks(headers: &Headers) -> Vec<String> {
    // Of ICMP in packets of the other family nobody knows the kind.
    let icmp = if headers.dl_type == Some(EtherType::IPV6) { IpProto::ICMPV6 } else { IpProto::ICMP };
    let headed = headers.proto.is_some_and(|proto| proto.has_ports() || proto == icmp);
    if headed && headers.transport.is_none() { vec!["fragment".to_owned()] } else { Vec::new() }
}
