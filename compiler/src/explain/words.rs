//! Facts about a flow in the words of the policy. Knows nothing of which facts matter.

use std::fmt::Display;

use lang::checked::{BuiltIn, Checked, EndTest, GroupId, HeaderTest, Kind, RuleId, ServiceTerm, SetExpr, UserId};
use lang::flow::{Place, Side};
use net::{Location, Transport};

use super::Fact;
use crate::label::{Labels, Meaning};
use crate::view::location_text;

/// A flow, for one user at each end, and the names to speak of it.
pub(super) struct Words<'a> {
    pub(super) policy: &'a Checked,
    pub(super) labels: &'a Labels,
    pub(super) flow: &'a lang::flow::Flow,
    pub(super) src_user: Option<UserId>,
    pub(super) dst_user: Option<UserId>,
}

/// The seven fields of Ethane that an end can be asked about, and what has no word there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    User,
    Host,
    Location,
    Mac,
    Address,
    Place,
}

impl Words<'_> {
    /// The fact as it is: `hsrc griffin is in group private (through desktops)`, `hsrc gphone is not griffin`.
    pub(super) fn state(&self, fact: &Fact<'_>, is: bool) -> String {
        let verb = if is { "is" } else { "is not" };
        match fact {
            Fact::End(side, label) => match self.labels.meaning(*label) {
                Some(Meaning::Test(test)) => self.state_test(*side, *test, verb),
                Some(Meaning::AnyOf(tests)) => match tests.iter().find(|test| is && self.passes(*side, **test)) {
                    Some(test) => self.state_test(*side, *test, verb),
                    None => format!("{} {verb} one of {}", self.subject(*side, tests.first()), self.list(tests)),
                },
                None => String::new(),
            },
            Fact::Header(test) => format!("{} {verb} {}", self.header(test), self.wanted(test)),
        }
    }

    /// The fact as it would have to be, and what is instead: `usrc in group members (it is none)`.
    pub(super) fn want(&self, fact: &Fact<'_>, wanted: bool) -> String {
        let not = if wanted { "" } else { "not " };
        match fact {
            Fact::End(side, label) => {
                let (first, what) = match self.labels.meaning(*label) {
                    Some(Meaning::Test(test)) => (Some(test), self.predicate(*test)),
                    Some(Meaning::AnyOf(tests)) => (tests.first(), format!("one of {}", self.list(tests))),
                    None => (None, String::new()),
                };
                let subject = first.map_or(Subject::Place, |test| self.subject_of(*test));
                format!("{} {not}{what} (it is {})", field(*side, subject), self.value(*side, subject))
            }
            Fact::Header(test) => {
                let header = self.header(test);
                let (name, value) = header.split_once(' ').unwrap_or((&header, ""));
                format!("{name} {not}{} (it is {value})", self.wanted(test))
            }
        }
    }

    /// An end with all that is known of it.
    pub(super) fn end(&self, side: Side) -> String {
        let end = self.flow.end(side);
        let place = match end.place {
            Place::Inside => None,
            Place::Internet(_) => Some("internet".to_owned()),
            Place::Gateway(id) => self.policy.gateways.get(id.index()).map(|gateway| format!("gateway {}", gateway.name)),
            Place::Broadcast => Some("broadcast".to_owned()),
            Place::Multicast => Some("multicast".to_owned()),
            Place::Controller => Some("controller".to_owned()),
        };
        let mut text = match (place, end.host) {
            (Some(place), _) => place,
            (None, Some(_)) => format!("{} on {}", self.user(side), self.value(side, Subject::Host)),
            (None, None) => format!("{} on {}", self.user(side), self.value(side, Subject::Mac)),
        };
        if let Some(location) = end.location {
            text.push_str(&format!(" at {}", self.location(location)));
        }
        if let Some(address) = end.address {
            text.push_str(&format!(", {address}"));
        }
        text
    }

    /// The user that an end is judged as.
    pub(super) fn user(&self, side: Side) -> String {
        self.value(side, Subject::User)
    }

    /// A rule: its name, or where it stands.
    pub(super) fn rule(&self, id: RuleId) -> String {
        let Some(rule) = self.policy.rule(id) else { return "a rule".to_owned() };
        let position = self.policy.sources.position(rule.span);
        match &rule.name {
            Some(name) => format!("rule {name}"),
            None => format!("rule at {}:{}", position.file, position.line),
        }
    }

    fn state_test(&self, side: Side, test: EndTest, verb: &str) -> String {
        let through = match test {
            EndTest::Group(id) if verb == "is" => self.through(side, id),
            _ => String::new(),
        };
        format!("{} {verb} {}{through}", self.subject(side, Some(&test)), self.predicate(test))
    }

    fn subject(&self, side: Side, test: Option<&EndTest>) -> String {
        let subject = test.map_or(Subject::Place, |test| self.subject_of(*test));
        format!("{} {}", field(side, subject), self.value(side, subject))
    }

    fn subject_of(&self, test: EndTest) -> Subject {
        match test {
            EndTest::User(_) | EndTest::BuiltIn(BuiltIn::Unauthenticated | BuiltIn::Authenticated) => Subject::User,
            EndTest::Host(_) | EndTest::BuiltIn(BuiltIn::Registered | BuiltIn::Unregistered) => Subject::Host,
            EndTest::Location(_) | EndTest::Switch(_) => Subject::Location,
            EndTest::Address(_) => Subject::Address,
            EndTest::Mac(_) => Subject::Mac,
            EndTest::Group(id) => match self.policy.groups.get(id.index()).map(|group| group.kind) {
                Some(Kind::User) => Subject::User,
                Some(Kind::Host) => Subject::Host,
                Some(Kind::Location | Kind::Switch) => Subject::Location,
                Some(Kind::Network) => Subject::Address,
                Some(Kind::Mac) => Subject::Mac,
                Some(Kind::Service) | None => Subject::Place,
            },
            EndTest::BuiltIn(
                BuiltIn::Internet | BuiltIn::Gateway | BuiltIn::Broadcast | BuiltIn::Multicast | BuiltIn::Controller,
            ) => Subject::Place,
        }
    }

    fn value(&self, side: Side, subject: Subject) -> String {
        let end = self.flow.end(side);
        let user = match side {
            Side::Src => self.src_user,
            Side::Dst => self.dst_user,
        };
        match subject {
            Subject::User => user.map_or("none".to_owned(), |id| self.user_name(id)),
            Subject::Host => end.host.map_or("undeclared".to_owned(), |id| self.name(&self.policy.hosts, id.index())),
            Subject::Location => end.location.map_or("unknown".to_owned(), |at| self.location(at)),
            Subject::Mac => end.mac.map_or("unknown".to_owned(), |mac| mac.to_string()),
            Subject::Address => end.address.map_or("absent".to_owned(), |address| address.to_string()),
            Subject::Place => match end.place {
                Place::Inside => "inside",
                Place::Internet(_) => "internet",
                Place::Gateway(_) => "gateway",
                Place::Broadcast => "broadcast",
                Place::Multicast => "multicast",
                Place::Controller => "controller",
            }
            .to_owned(),
        }
    }

    fn predicate(&self, test: EndTest) -> String {
        match test {
            EndTest::Group(id) => match self.policy.groups.get(id.index()) {
                Some(group) if group.network => format!("in network {}", group.name),
                Some(group) => format!("in group {}", group.name),
                None => "in an unknown group".to_owned(),
            },
            EndTest::Switch(dpid) => match self.policy.switches.iter().find(|switch| switch.dpid == dpid) {
                Some(switch) => format!("on switch {}", switch.name),
                None => format!("on switch {dpid}"),
            },
            EndTest::Address(prefix) if !prefix.is_host() => format!("in {prefix}"),
            other => self.bare(other),
        }
    }

    /// The word that a policy would use.
    fn bare(&self, test: EndTest) -> String {
        match test {
            EndTest::User(id) => self.user_name(id),
            EndTest::Host(id) => self.name(&self.policy.hosts, id.index()),
            EndTest::Location(at) => self.location(at),
            EndTest::Switch(dpid) => dpid.to_string(),
            EndTest::Address(prefix) => prefix.to_string(),
            EndTest::Mac(mac) => mac.to_string(),
            EndTest::Group(id) => self.name(&self.policy.groups, id.index()),
            EndTest::BuiltIn(set) => built_in(set).to_owned(),
        }
    }

    fn list(&self, tests: &[EndTest]) -> String {
        tests.iter().map(|test| self.bare(*test)).collect::<Vec<_>>().join(", ")
    }

    /// The chain of groups that leads to the membership, the innermost first.
    fn through(&self, side: Side, id: GroupId) -> String {
        let mut names = Vec::new();
        let mut group = self.policy.groups.get(id.index());
        while let Some(EndTest::Group(inner)) = group.and_then(|group| self.member_by(side, &group.members)) {
            names.push(self.name(&self.policy.groups, inner.index()));
            group = self.policy.groups.get(inner.index());
        }
        names.reverse();
        if names.is_empty() { String::new() } else { format!(" (through {})", names.join(", ")) }
    }

    /// The first leaf by which the end is a member; it is a leaf of something that the end must be in.
    fn member_by(&self, side: Side, set: &SetExpr) -> Option<EndTest> {
        match set {
            SetExpr::Leaf(test) => self.passes(side, *test).then_some(*test),
            SetExpr::Union(parts) => parts.iter().find_map(|part| self.member_by(side, part)),
            SetExpr::Intersection(a, b) => self.member_by(side, a).filter(|_| self.member_by(side, b).is_some()),
            SetExpr::Difference(a, b) => self.member_by(side, a).filter(|_| self.member_by(side, b).is_none()),
        }
    }

    fn passes(&self, side: Side, test: EndTest) -> bool {
        let end = self.flow.end(side);
        let user = match side {
            Side::Src => self.src_user,
            Side::Dst => self.dst_user,
        };
        self.labels.passes(self.policy, end, user, test)
    }

    /// The header that a test asks, and its value.
    fn header(&self, test: &HeaderTest) -> String {
        let headers = &self.flow.headers;
        let (ports, icmp) = match headers.transport {
            Some(Transport::Ports { src, dst }) => (Some((src, dst)), None),
            Some(Transport::Icmp { kind, code }) => (None, Some((kind, code))),
            None => (None, None),
        };
        match test {
            HeaderTest::Service(_) => format!("protocol {}", self.protocol()),
            HeaderTest::DlType(_) => format!("dltype {}", shown(headers.dl_type.map(|dl_type| format!("{dl_type:?}")))),
            HeaderTest::Vlan(_) => format!("vlan {}", shown(headers.vlan.and_then(|tag| tag.id))),
            HeaderTest::Pcp(_) => format!("pcp {}", shown(headers.vlan.map(|tag| tag.pcp))),
            HeaderTest::Dscp(_) => format!("dscp {}", shown(headers.dscp)),
            HeaderTest::TpSrc(_) => format!("tpsrc {}", shown(ports.map(|(src, _)| src))),
            HeaderTest::TpDst(_) => format!("tpdst {}", shown(ports.map(|(_, dst)| dst))),
            HeaderTest::IcmpType(_) => format!("icmp-type {}", shown(icmp.map(|(kind, _)| kind))),
            HeaderTest::IcmpCode(_) => format!("icmp-code {}", shown(icmp.map(|(_, code)| code))),
        }
    }

    fn wanted(&self, test: &HeaderTest) -> String {
        match test {
            HeaderTest::Service(terms) => match self.policy.services.iter().find(|service| service.terms == *terms) {
                Some(service) => service.name.to_string(),
                None => terms.iter().map(term).collect::<Vec<_>>().join(", "),
            },
            HeaderTest::DlType(dl_type) => format!("{dl_type:?}"),
            HeaderTest::Vlan(range) | HeaderTest::TpSrc(range) | HeaderTest::TpDst(range) => span(range.start(), range.end()),
            HeaderTest::Pcp(range) | HeaderTest::Dscp(range) | HeaderTest::IcmpType(range) | HeaderTest::IcmpCode(range) => {
                span(range.start(), range.end())
            }
        }
    }

    fn protocol(&self) -> String {
        let headers = &self.flow.headers;
        let Some(proto) = headers.proto else { return "absent".to_owned() };
        match headers.transport {
            Some(Transport::Ports { dst, .. }) => format!("{}/{dst}", proto_name(proto)),
            Some(Transport::Icmp { kind, code }) => format!("{}/{kind}/{code}", proto_name(proto)),
            None => proto_name(proto),
        }
    }

    fn location(&self, at: Location) -> String {
        match self.policy.locations.iter().find(|named| named.at == at) {
            Some(named) => named.name.to_string(),
            None => location_text(at, self.policy),
        }
    }

    fn user_name(&self, id: UserId) -> String {
        self.name(&self.policy.users, id.index())
    }

    fn name<T: Named>(&self, table: &[T], index: usize) -> String {
        table.get(index).map_or("unknown", Named::name).to_owned()
    }
}

/// What stands in a table of the policy under a name.
trait Named {
    fn name(&self) -> &str;
}

impl Named for lang::checked::User {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for lang::checked::Host {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for lang::checked::Group {
    fn name(&self) -> &str {
        &self.name
    }
}

fn field(side: Side, subject: Subject) -> &'static str {
    match (subject, side) {
        (Subject::User, Side::Src) => "usrc",
        (Subject::User, Side::Dst) => "udst",
        (Subject::Host, Side::Src) => "hsrc",
        (Subject::Host, Side::Dst) => "hdst",
        (Subject::Location, Side::Src) => "apsrc",
        (Subject::Location, Side::Dst) => "apdst",
        (Subject::Mac, Side::Src) => "dlsrc",
        (Subject::Mac, Side::Dst) => "dldst",
        (Subject::Address, Side::Src) => "nwsrc",
        (Subject::Address, Side::Dst) => "nwdst",
        (Subject::Place, Side::Src) => "source",
        (Subject::Place, Side::Dst) => "destination",
    }
}

fn built_in(set: BuiltIn) -> &'static str {
    match set {
        BuiltIn::Unauthenticated => "unauthenticated",
        BuiltIn::Authenticated => "authenticated",
        BuiltIn::Registered => "registered",
        BuiltIn::Unregistered => "unregistered",
        BuiltIn::Internet => "internet",
        BuiltIn::Gateway => "gateway",
        BuiltIn::Broadcast => "broadcast",
        BuiltIn::Multicast => "multicast",
        BuiltIn::Controller => "controller",
    }
}

fn term(term: &ServiceTerm) -> String {
    match term {
        ServiceTerm::Protocol(proto) => proto_name(*proto),
        ServiceTerm::Ports(proto, range) => format!("{}/{}", proto_name(*proto), span(range.start(), range.end())),
        ServiceTerm::Icmp(proto, kind, None) => format!("{}/{kind}", proto_name(*proto)),
        ServiceTerm::Icmp(proto, kind, Some(code)) => format!("{}/{kind}/{code}", proto_name(*proto)),
    }
}

fn proto_name(proto: net::IpProto) -> String {
    use net::IpProto;
    match proto {
        IpProto::TCP => "tcp".to_owned(),
        IpProto::UDP => "udp".to_owned(),
        IpProto::SCTP => "sctp".to_owned(),
        IpProto::ICMP => "icmp".to_owned(),
        IpProto::ICMPV6 => "icmpv6".to_owned(),
        IpProto(number) => format!("ip/{number}"),
    }
}

fn span<T: Display + PartialEq>(start: T, end: T) -> String {
    if start == end { start.to_string() } else { format!("{start}-{end}") }
}

fn shown<T: Display>(value: Option<T>) -> String {
    value.map_or("absent".to_owned(), |value| value.to_string())
}
