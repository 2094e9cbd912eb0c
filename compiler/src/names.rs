//! The names of things in a policy, as its author wrote them or would have. Knows nothing of any flow.

use std::fmt::Display;

use lang::builtin::ether_type_name;
use lang::checked::{Aspect, BuiltIn, Checked, EndTest, HeaderTest, Kind, RuleId, TimeTest, UserId};
use lang::flow::Side;
use lang::flowspec::location_text;
use lang::testing::rule_label;
use net::{FIELDS, Location};

use crate::label::{LabelId, Labels, Meaning};

/// A policy and its labels.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) policy: &'a Checked,
    pub(crate) labels: &'a Labels,
}

/// The seven fields of Ethane that an end can be asked about, and what has no word there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    User,
    Host,
    Location,
    Mac,
    Address,
    Place,
}

impl Names<'_> {
    /// What a label asks of an end: `hsrc in group private`.
    pub(crate) fn label(&self, side: Side, label: LabelId, wanted: bool) -> String {
        let not = if wanted { "" } else { "not " };
        format!("{} {not}{}", field(side, self.subject_of_label(label)), self.predicate_of_label(label))
    }

    /// What a label asks, without the field.
    pub(crate) fn predicate_of_label(&self, label: LabelId) -> String {
        match self.labels.meaning(label) {
            Some(Meaning::Test(test)) => self.predicate(*test),
            Some(Meaning::AnyOf(tests)) => format!("one of {}", self.list(tests)),
            None => "unknown".to_owned(),
        }
    }

    /// Which field a label asks; for a list of alternatives that of the first.
    pub(crate) fn subject_of_label(&self, label: LabelId) -> Subject {
        let first = match self.labels.meaning(label) {
            Some(Meaning::Test(test)) => Some(test),
            Some(Meaning::AnyOf(tests)) => tests.first(),
            None => None,
        };
        first.map_or(Subject::Place, |test| self.subject_of(*test))
    }

    /// A rule: its name, or where it stands.
    pub(crate) fn rule(&self, id: RuleId) -> String {
        rule_label(self.policy, id)
    }

    /// Which field a test asks.
    pub(crate) fn subject_of(&self, test: EndTest) -> Subject {
        match test {
            EndTest::User(_) | EndTest::BuiltIn(BuiltIn::Unauthenticated | BuiltIn::Authenticated) => Subject::User,
            EndTest::Host(_) | EndTest::BuiltIn(BuiltIn::Registered | BuiltIn::Unregistered) => Subject::Host,
            EndTest::Location(_) | EndTest::Switch(_) | EndTest::Known(Aspect::Location) => Subject::Location,
            EndTest::Address(_) | EndTest::Known(Aspect::Address) => Subject::Address,
            EndTest::Mac(_) | EndTest::Known(Aspect::Mac) => Subject::Mac,
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

    /// What a test asks of its field.
    pub(crate) fn predicate(&self, test: EndTest) -> String {
        match test {
            EndTest::Group(id) => match self.policy.groups.get(id.index()) {
                Some(group) if group.network => format!("in network {}", group.name),
                Some(group) if group.dynamic.is_some() => format!("in {}", group.name),
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
            EndTest::Known(_) => "known".to_owned(),
        }
    }

    /// Tests as the policy lists them.
    pub(crate) fn list(&self, tests: &[EndTest]) -> String {
        tests.iter().map(|test| self.bare(*test)).collect::<Vec<_>>().join(", ")
    }

    /// What a header test asks, with its field: `protocol web`.
    pub(crate) fn header(&self, test: &HeaderTest, wanted: bool) -> String {
        let not = if wanted { "" } else { "not " };
        format!("{} {not}{}", header_field(test), self.wanted(test))
    }

    /// What a test of the time asks: `time in office`.
    pub(crate) fn time(&self, test: TimeTest, wanted: bool) -> String {
        format!("time {}{}", if wanted { "" } else { "not " }, self.wanted_time(test))
    }

    /// What a test of the time asks for.
    pub(crate) fn wanted_time(&self, test: TimeTest) -> String {
        match test {
            TimeTest::Within(id) => format!("in {}", self.name(&self.policy.times, id.index())),
            TimeTest::Before(end) => format!("before {}", self.policy.calendar.text(end)),
            TimeTest::Known => "known".to_owned(),
        }
    }

    /// What a header test asks for.
    pub(crate) fn wanted(&self, test: &HeaderTest) -> String {
        match test {
            HeaderTest::Service(terms) => match self.policy.services.iter().find(|service| service.terms == *terms) {
                Some(service) => service.name.to_string(),
                None => terms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            },
            HeaderTest::DlType(dl_type) => ether_type_name(*dl_type).map_or_else(|| format!("{dl_type:?}"), str::to_owned),
            HeaderTest::Vlan(range) | HeaderTest::TpSrc(range) | HeaderTest::TpDst(range) => span(range.start(), range.end()),
            HeaderTest::Pcp(range) | HeaderTest::Dscp(range) | HeaderTest::IcmpType(range) | HeaderTest::IcmpCode(range) => {
                span(range.start(), range.end())
            }
            HeaderTest::Present(_) => "present".to_owned(),
        }
    }

    /// A location: its declared name, or `SWITCH:PORT`.
    pub(crate) fn location(&self, at: Location) -> String {
        location_text(self.policy, at)
    }

    /// A user's name.
    pub(crate) fn user_name(&self, id: UserId) -> String {
        self.name(&self.policy.users, id.index())
    }

    /// The name of an entry of one of the policy's tables.
    pub(crate) fn name<T: Named>(&self, table: &[T], index: usize) -> String {
        table.get(index).map_or("unknown", Named::name).to_owned()
    }
}

/// What stands in a table of the policy under a name.
pub(crate) trait Named {
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

impl Named for lang::checked::NamedTime {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for lang::checked::Group {
    fn name(&self) -> &str {
        &self.name
    }
}

/// The language's word for a field of one end.
pub(crate) fn field(side: Side, subject: Subject) -> &'static str {
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

fn span<T: Display + PartialEq>(start: T, end: T) -> String {
    if start == end { start.to_string() } else { format!("{start}-{end}") }
}

/// The language's word for the header that a test asks.
pub(crate) fn header_field(test: &HeaderTest) -> &'static str {
    match test {
        HeaderTest::Service(_) => "protocol",
        HeaderTest::DlType(_) => "dltype",
        HeaderTest::Vlan(_) => "vlan",
        HeaderTest::Pcp(_) => "pcp",
        HeaderTest::Dscp(_) => "dscp",
        HeaderTest::TpSrc(_) => "tpsrc",
        HeaderTest::TpDst(_) => "tpdst",
        HeaderTest::IcmpType(_) => "icmp-type",
        HeaderTest::IcmpCode(_) => "icmp-code",
        HeaderTest::Present(field) => FIELDS.iter().find(|row| row.field == *field).map_or("header", |row| row.name),
    }
}
