//! Facts about a flow in the words of the policy. Knows nothing of which facts matter.

use std::fmt::Display;

use lang::builtin::protocol_text;
use lang::checked::{EndTest, GroupId, HeaderTest, SetExpr};
use lang::flow::{Flow, Person, Place, Side};
use net::{Field, Transport};

use super::Fact;
use crate::label::Meaning;
use crate::names::{Names, Subject, field, header_field};

/// A flow, for one user at each end, and the names to speak of it.
pub(super) struct Words<'a> {
    pub(super) names: Names<'a>,
    pub(super) flow: &'a Flow,
    pub(super) src_user: Option<&'a Person>,
    pub(super) dst_user: Option<&'a Person>,
}

impl Words<'_> {
    /// The fact as it is: `hsrc griffin is in group private (through desktops)`, `hsrc gphone is not griffin`.
    pub(super) fn state(&self, fact: &Fact<'_>, is: bool) -> String {
        let verb = if is { "is" } else { "is not" };
        match fact {
            Fact::End(side, label) => match self.names.labels.meaning(*label) {
                Some(Meaning::Test(test)) => self.state_test(*side, *test, verb),
                Some(Meaning::AnyOf(tests)) => match tests.iter().find(|test| is && self.passes(*side, **test)) {
                    Some(test) => self.state_test(*side, *test, verb),
                    None => format!("{} {verb} one of {}", self.subject(*side, tests.first()), self.names.list(tests)),
                },
                None => String::new(),
            },
            Fact::Header(test) => {
                format!("{} {} {verb} {}", header_field(test), self.header(test), self.names.wanted(test))
            }
            Fact::Time(test) => format!("time {} {verb} {}", self.time(), self.names.wanted_time(*test)),
        }
    }

    /// The fact as it would have to be, and what is instead: `usrc in group members (it is none)`.
    pub(super) fn want(&self, fact: &Fact<'_>, wanted: bool) -> String {
        let not = if wanted { "" } else { "not " };
        match fact {
            Fact::End(side, label) => {
                let (subject, what) = (self.names.subject_of_label(*label), self.names.predicate_of_label(*label));
                format!("{} {not}{what} (it is {})", field(*side, subject), self.value(*side, subject))
            }
            Fact::Header(test) => {
                format!("{} {not}{} (it is {})", header_field(test), self.names.wanted(test), self.header(test))
            }
            Fact::Time(test) => format!("time {not}{} (it is {})", self.names.wanted_time(*test), self.time()),
        }
    }

    /// An end with all that is known of it.
    pub(super) fn end(&self, side: Side) -> String {
        let end = self.flow.end(side);
        let place = match end.place {
            Place::Inside => None,
            Place::Internet(_) => Some("internet".to_owned()),
            Place::Gateway(id) => self.names.policy.gateways.get(id.index()).map(|gateway| format!("gateway {}", gateway.name)),
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
            text.push_str(&format!(" at {}", self.names.location(location)));
        }
        if let Some(address) = end.address {
            text.push_str(&format!(", {address}"));
        }
        text
    }

    fn time(&self) -> String {
        self.flow.time.map_or("unknown".to_owned(), |time| self.names.policy.calendar.text(time))
    }

    /// The user that an end is judged as.
    pub(super) fn user(&self, side: Side) -> String {
        self.value(side, Subject::User)
    }

    /// A user by name, or by the groups that tell of one who is not declared.
    fn person(&self, person: &Person) -> String {
        let name = person.user.map(|id| self.names.user_name(id));
        let groups = person.groups.iter().map(|id| self.names.name(&self.names.policy.groups, id.index()));
        match name {
            Some(name) => name,
            None => format!("a user of {}", groups.collect::<Vec<_>>().join(", ")),
        }
    }

    fn state_test(&self, side: Side, test: EndTest, verb: &str) -> String {
        let through = match test {
            EndTest::Group(id) if verb == "is" => self.through(side, id),
            _ => String::new(),
        };
        format!("{} {verb} {}{through}", self.subject(side, Some(&test)), self.names.predicate(test))
    }

    fn subject(&self, side: Side, test: Option<&EndTest>) -> String {
        let subject = test.map_or(Subject::Place, |test| self.names.subject_of(*test));
        format!("{} {}", field(side, subject), self.value(side, subject))
    }

    fn value(&self, side: Side, subject: Subject) -> String {
        let end = self.flow.end(side);
        let user = match side {
            Side::Src => self.src_user,
            Side::Dst => self.dst_user,
        };
        match subject {
            Subject::User => user.map_or("none".to_owned(), |person| self.person(person)),
            Subject::Host => end.host.map_or("undeclared".to_owned(), |id| self.names.name(&self.names.policy.hosts, id.index())),
            Subject::Location => end.location.map_or("unknown".to_owned(), |at| self.names.location(at)),
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

    /// The chain of groups that leads to the membership, the innermost first.
    fn through(&self, side: Side, id: GroupId) -> String {
        let mut names = Vec::new();
        let mut group = self.names.policy.groups.get(id.index());
        while let Some(EndTest::Group(inner)) = group.and_then(|group| self.member_by(side, &group.members)) {
            names.push(self.names.name(&self.names.policy.groups, inner.index()));
            group = self.names.policy.groups.get(inner.index());
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
        self.names.labels.passes(self.names.policy, end, user, test)
    }

    /// The value of the header that a test asks.
    fn header(&self, test: &HeaderTest) -> String {
        let headers = &self.flow.headers;
        let (ports, icmp) = match headers.transport {
            Some(Transport::Ports { src, dst }) => (Some((src, dst)), None),
            Some(Transport::Icmp { kind, code }) => (None, Some((kind, code))),
            None => (None, None),
        };
        match test {
            HeaderTest::Service(_) => self.protocol(),
            HeaderTest::DlType(_) => shown(headers.dl_type.map(|dl_type| format!("{dl_type:?}"))),
            HeaderTest::Vlan(_) => shown(headers.vlan.and_then(|tag| tag.id)),
            HeaderTest::Pcp(_) => shown(headers.vlan.map(|tag| tag.pcp)),
            HeaderTest::Dscp(_) => shown(headers.dscp),
            HeaderTest::TpSrc(_) => shown(ports.map(|(src, _)| src)),
            HeaderTest::TpDst(_) => shown(ports.map(|(_, dst)| dst)),
            HeaderTest::IcmpType(_) => shown(icmp.map(|(kind, _)| kind)),
            HeaderTest::IcmpCode(_) => shown(icmp.map(|(_, code)| code)),
            HeaderTest::Present(field) => match field {
                Field::Vlan => shown(headers.vlan.and_then(|tag| tag.id)),
                Field::Pcp => shown(headers.vlan.map(|tag| tag.pcp)),
                Field::Dscp => shown(headers.dscp),
                Field::TpSrc => shown(ports.map(|(src, _)| src)),
                Field::TpDst => shown(ports.map(|(_, dst)| dst)),
                Field::IcmpType => shown(icmp.map(|(kind, _)| kind)),
                Field::IcmpCode => shown(icmp.map(|(_, code)| code)),
                Field::Protocol => self.protocol(),
                Field::DlType => shown(headers.dl_type.map(|dl_type| format!("{dl_type:?}"))),
                Field::InPort | Field::DlSrc | Field::DlDst | Field::NwSrc | Field::NwDst => "absent".to_owned(),
            },
        }
    }

    fn protocol(&self) -> String {
        let headers = &self.flow.headers;
        let Some(proto) = headers.proto else { return "absent".to_owned() };
        match headers.transport {
            Some(Transport::Ports { dst, .. }) => format!("{}/{dst}", protocol_text(proto)),
            Some(Transport::Icmp { kind, code }) => format!("{}/{kind}/{code}", protocol_text(proto)),
            None => protocol_text(proto),
        }
    }
}

fn shown<T: Display>(value: Option<T>) -> String {
    value.map_or("absent".to_owned(), |value| value.to_string())
}
