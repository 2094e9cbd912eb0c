//! A policy without errors: names resolved, kinds right, conditions in one form. The only way to one is `check`.
//! Knows nothing of the live network.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use net::{Dpid, EtherType, Field, Fingerprint, IpProto, Location, MacAddr, PortNo, Prefix, Time};

use crate::builtin;
use crate::calendar::{Calendar, Window};
use crate::flow::Side;
use crate::source::{SourceMap, Span};

mod claims;
mod lookup;
mod rule;
mod served;

pub use claims::{Assertion, Claim, DecidedBy, Fact, Invariant, Test, TestCase};
pub use lookup::Lookup;
pub use rule::{Avoid, Duties, Effect, Part, Rate, Rule, Verdict};
pub use served::Served;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Its place in the table of its kind.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(/** A user in [`Checked::users`]. */ UserId);
id!(/** A host in [`Checked::hosts`]. */ HostId);
id!(/** A switch in [`Checked::switches`]. */ SwitchId);
id!(/** A group, or a network, in [`Checked::groups`]. */ GroupId);
id!(/** A gateway in [`Checked::gateways`]. */ GatewayId);
id!(/** A middlebox in [`Checked::middleboxes`]. */ MiddleboxId);
id!(/** A declared time in [`Checked::times`]. */ TimeId);
id!(/** A section in [`Checked::sections`]. */ SectionId);
id!(/** A rule in [`Checked::rules`]. Rules are numbered in the order in which they are tried. */ RuleId);

/// A checked policy. Rules stand in the order in which they are tried; the first that matches decides, else the default.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The texts it was made from.
    pub sources: SourceMap,
    /// Declared switches.
    pub switches: Vec<Switch>,
    /// Declared names of locations.
    pub locations: Vec<NamedLocation>,
    /// Declared hosts.
    pub hosts: Vec<Host>,
    /// Declared users.
    pub users: Vec<User>,
    /// Declared gateways.
    pub gateways: Vec<Gateway>,
    /// Declared middleboxes.
    pub middleboxes: Vec<Middlebox>,
    /// Declared groups of users, hosts, locations, switches, MAC addresses and networks, and declared networks.
    pub groups: Vec<Group>,
    /// Declared services and groups of services, flattened.
    pub services: Vec<Service>,
    /// Declared times.
    pub times: Vec<NamedTime>,
    /// Whose wall clock the windows of times are read on.
    pub calendar: Calendar,
    /// Sections, each before those inside it.
    pub sections: Vec<Section>,
    /// The first rule behind the prelude.
    pub prelude_end: RuleId,
    /// Rules in the order of trial, the prelude's first; an `outbound-only` or a rule with `pin` is two.
    pub rules: Vec<Rule>,
    /// What happens to a flow that no rule matches.
    pub default: DefaultRule,
    /// The users of one host disagree: which verdict wins.
    pub multi_user: MultiUser,
    /// What may be assumed of memberships.
    pub invariants: Vec<Invariant>,
    /// What must hold for all flows.
    pub assertions: Vec<Assertion>,
    /// `test` blocks.
    pub tests: Vec<Test>,
    /// Answers found in all of this, when they are first asked.
    pub lookup: Lookup,
}

/// `switch NAME { dpid …; certificate …; access …; uplink …; }`
#[derive(Clone, Debug)]
pub struct Switch {
    /// Its name.
    pub name: Arc<str>,
    /// Its datapath identifier, unique in the policy.
    pub dpid: Dpid,
    /// Ports that hosts may use. Together with `uplink` empty: nothing was said, every port may be either.
    pub access: PortSet,
    /// Ports that lead to other switches.
    pub uplink: PortSet,
    /// Certificates by one of which it is known, each of this switch alone. None: it is known by its identifier.
    pub certificates: Vec<Fingerprint>,
    /// The declaration.
    pub span: Span,
}

/// Ports of one switch, as ranges in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSet(pub Vec<RangeInclusive<u32>>);

/// `location NAME = SWITCH:PORT;`
#[derive(Clone, Debug)]
pub struct NamedLocation {
    /// Its name.
    pub name: Arc<str>,
    /// The access point.
    pub at: Location,
    /// The declaration.
    pub span: Span,
}

/// `host NAME { mac …; ip …; at …; }`
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: Arc<str>,
    /// Its MAC addresses; each belongs to one host only.
    pub macs: Vec<MacAddr>,
    /// Its registered addresses; each belongs to one host only.
    pub addresses: Vec<IpAddr>,
    /// The only place where it may be, if it is pinned.
    pub pin: Option<Location>,
    /// What it is trusted to answer, ascending; one that serves anything is pinned.
    pub serves: Vec<Served>,
    /// The networks behind it: any address of them is its own, as far as this network can tell.
    pub routes: Vec<Prefix>,
    /// The declaration.
    pub span: Span,
}

/// `user NAME;`
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: Arc<str>,
    /// The declaration.
    pub span: Span,
}

/// `gateway NAME { at SWITCH:PORT; }`: beyond it lies the internet. `mac` and `ip` are its inner side's, learned where not given.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its name.
    pub name: Arc<str>,
    /// The port that it is attached to.
    pub at: Location,
    /// Its MAC address, if declared.
    pub mac: Option<MacAddr>,
    /// Its own addresses, if declared.
    pub addresses: Vec<IpAddr>,
    /// What is trusted to be answered at its port, ascending.
    pub serves: Vec<Served>,
    /// The declaration.
    pub span: Span,
}

/// `middlebox NAME { in …; out …; }` or `middlebox NAME { at …; }`, with as many places as it has instances.
#[derive(Clone, Debug)]
pub struct Middlebox {
    /// Its name.
    pub name: Arc<str>,
    /// How each of its instances is attached: all in line, or all one-armed.
    pub attachments: Vec<Attachment>,
    /// The declaration.
    pub span: Span,
}

/// How an instance of a middlebox is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// Bump in the wire: packets from initiator to responder go in at `inside` and come out at `outside`; replies the other way.
    Inline {
        /// The port that packets from the initiator are sent to.
        inside: Location,
        /// The port that they come back on.
        outside: Location,
    },
    /// One-armed: packets come back on the port that they were sent to.
    OneArmed {
        /// That port.
        at: Location,
    },
}

impl Attachment {
    /// Where packets from the initiator go in, and where they come out: on one port, if it has one arm.
    #[must_use]
    pub fn ports(&self) -> [Location; 2] {
        match *self {
            Attachment::Inline { inside, outside } => [inside, outside],
            Attachment::OneArmed { at } => [at, at],
        }
    }
}

/// What the members of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Users.
    User,
    /// Hosts.
    Host,
    /// Locations.
    Location,
    /// Switches.
    Switch,
    /// Address prefixes.
    Network,
    /// MAC addresses.
    Mac,
    /// Services.
    Service,
}

/// `group NAME = KIND { … };`, `group NAME = A | B;` or `network NAME = …;`. Services are not here.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// What its members are: anything but [`Kind::Service`].
    pub kind: Kind,
    /// Its members. Groups named in it stand before it in [`Checked::groups`].
    pub members: SetExpr,
    /// True for `network` declarations: their addresses are inside the site.
    pub network: bool,
    /// Where members come from at run time; `members` is empty then. A dynamic set inside an expression is a group of its own,
    /// with its text for a name.
    pub dynamic: Option<DynamicSource>,
    /// The declaration.
    pub span: Span,
}

/// Where the members of a dynamic group come from at run time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DynamicSource {
    /// `directory "cn=profs,ou=groups,dc=campus"`: a group of a directory, by its distinguished name.
    Directory(Arc<str>),
    /// `radius class "staff"`: the Class attribute (RFC 2865 §5.25) of the log-in.
    RadiusClass(Arc<str>),
    /// `tagged "printer"`: whatever an operator has given this tag.
    Tagged(Arc<str>),
}

/// `time NAME = mon-fri 08:00-18:00;`
#[derive(Clone, Debug)]
pub struct NamedTime {
    /// Its name.
    pub name: Arc<str>,
    /// When it holds: in any of these. Times named in the text are in it.
    pub windows: Vec<Window>,
    /// The declaration.
    pub span: Span,
}

/// `section NAME scope (…) owner "…" { … }`, or the prelude.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: Arc<str>,
    /// What its rules may speak about; true for all flows where the text gives none. Those of the sections around it hold, too.
    pub scope: Cond,
    /// The section around it.
    pub parent: Option<SectionId>,
    /// Its first rule.
    pub first: RuleId,
    /// The first rule behind it.
    pub end: RuleId,
    /// Who answers for it.
    pub owner: Option<Arc<str>>,
    /// Its head.
    pub span: Span,
}

/// A set of ends, as an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetExpr {
    /// Those that pass one test.
    Leaf(EndTest),
    /// Those in any.
    Union(Vec<SetExpr>),
    /// Those in both.
    Intersection(Box<SetExpr>, Box<SetExpr>),
    /// Those in the first but not in the second.
    Difference(Box<SetExpr>, Box<SetExpr>),
}

/// What can be asked of one end of a flow. An absent value (no such header, no user, unknown place) fails every test for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndTest {
    /// This user is the one being judged.
    User(UserId),
    /// It is this host.
    Host(HostId),
    /// It is attached here.
    Location(Location),
    /// It is attached to this switch.
    Switch(Dpid),
    /// Its address lies in this prefix.
    Address(Prefix),
    /// It has this MAC address.
    Mac(MacAddr),
    /// It is a member of this group or network.
    Group(GroupId),
    /// A built-in set.
    BuiltIn(BuiltIn),
    /// This is known of it, whatever it is.
    Known(Aspect),
}

/// What may be known or unknown of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Where it is attached.
    Location,
    /// Its MAC address.
    Mac,
    /// Its IP address.
    Address,
}

/// Sets that the language brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuiltIn {
    /// `none`, `unauthenticated`: no user is logged in.
    Unauthenticated,
    /// A user is logged in.
    Authenticated,
    /// The host is declared.
    Registered,
    /// A machine on the site that is no declared host.
    Unregistered,
    /// An address in no declared network, beyond a gateway.
    Internet,
    /// A gateway itself.
    Gateway,
    /// Everyone on the segment.
    Broadcast,
    /// A group address.
    Multicast,
    /// The controller itself.
    Controller,
}

/// `service NAME = tcp/80, …;` or a group of services, flattened.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// What belongs to it: any one of these.
    pub terms: Arc<[ServiceTerm]>,
    /// The declaration; absent for the well-known services that the language brings along.
    pub span: Option<Span>,
}

/// One kind of traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServiceTerm {
    /// Any packet of an IP protocol: `tcp`, `icmp`, `ip/89`.
    Protocol(IpProto),
    /// Destination ports of TCP, UDP or SCTP: `tcp/8000-8080`.
    Ports(IpProto, RangeInclusive<u16>),
    /// ICMP or ICMPv6 type, and code if given: `icmp/8`, `icmp/3/1`.
    Icmp(IpProto, u8, Option<u8>),
}

/// A condition over a flow. A test of an absent header is false; `Not` is plain negation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cond {
    /// One test of one end.
    End(Side, EndTest),
    /// One test of the packet's headers.
    Header(HeaderTest),
    /// One test of the time of the first packet. Where that is not known, it fails.
    Time(TimeTest),
    /// The condition does not hold.
    Not(Box<Cond>),
    /// All hold; true if empty.
    All(Vec<Cond>),
    /// At least one holds; false if empty.
    Any(Vec<Cond>),
}

/// What can be asked of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeTest {
    /// It lies in a declared time.
    Within(TimeId),
    /// It is before this instant: `until`.
    Before(Time),
    /// It is known: what every comparison with it needs.
    Known,
}

/// What can be asked of a packet's headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeaderTest {
    /// It is one of these kinds of traffic.
    Service(Arc<[ServiceTerm]>),
    /// Ethernet type.
    DlType(EtherType),
    /// VLAN identifier in this range.
    Vlan(RangeInclusive<u16>),
    /// VLAN priority in this range.
    Pcp(RangeInclusive<u8>),
    /// DSCP in this range.
    Dscp(RangeInclusive<u8>),
    /// Source port in this range.
    TpSrc(RangeInclusive<u16>),
    /// Destination port in this range.
    TpDst(RangeInclusive<u16>),
    /// ICMP or ICMPv6 type in this range.
    IcmpType(RangeInclusive<u8>),
    /// ICMP or ICMPv6 code in this range.
    IcmpCode(RangeInclusive<u8>),
    /// The packet has this header, whatever its value. Of the fields that a [`HeaderTest`] tests; no packet has another.
    Present(Field),
}

/// What happens to a flow that no rule matches: deny, if the text does not say.
#[derive(Clone, Copy, Debug)]
pub struct DefaultRule {
    /// What it does.
    pub verdict: Verdict,
    /// The `default` statement, if there is one.
    pub span: Option<Span>,
}

/// `setting multi-user = …;`: the users of one host disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MultiUser {
    /// The least restrictive verdict wins: Ethane's rule.
    #[default]
    LeastRestrictive,
    /// The most restrictive verdict wins: SNAC's rule.
    MostRestrictive,
}

impl std::fmt::Display for DynamicSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DynamicSource::Directory(name) => write!(f, "directory {name:?}"),
            DynamicSource::RadiusClass(class) => write!(f, "radius class {class:?}"),
            DynamicSource::Tagged(tag) => write!(f, "tagged {tag:?}"),
        }
    }
}

/// As the language writes it.
impl std::fmt::Display for ServiceTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServiceTerm::Protocol(proto) => f.write_str(&builtin::protocol_text(*proto)),
            ServiceTerm::Ports(proto, range) if range.start() == range.end() => {
                write!(f, "{}/{}", builtin::protocol_text(*proto), range.start())
            }
            ServiceTerm::Ports(proto, range) => {
                write!(f, "{}/{}-{}", builtin::protocol_text(*proto), range.start(), range.end())
            }
            ServiceTerm::Icmp(proto, kind, None) => write!(f, "{}/{kind}", builtin::protocol_text(*proto)),
            ServiceTerm::Icmp(proto, kind, Some(code)) => write!(f, "{}/{kind}/{code}", builtin::protocol_text(*proto)),
        }
    }
}

impl Cond {
    /// True if a part of it tests the time.
    #[must_use]
    pub fn tests_time(&self) -> bool {
        match self {
            Cond::Time(_) => true,
            Cond::End(..) | Cond::Header(_) => false,
            Cond::Not(inner) => inner.tests_time(),
            Cond::All(parts) | Cond::Any(parts) => parts.iter().any(Cond::tests_time),
        }
    }
}

impl PortSet {
    /// True if the port is in it.
    #[must_use]
    pub fn contains(&self, port: PortNo) -> bool {
        self.0.iter().any(|range| range.contains(&port.0))
    }

    /// True if nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Checked {
    /// The policy that says nothing: it declares nothing and denies everything, without a prelude.
    #[must_use]
    pub fn empty(sources: SourceMap) -> Checked {
        Checked {
            sources,
            switches: Vec::new(),
            locations: Vec::new(),
            hosts: Vec::new(),
            users: Vec::new(),
            gateways: Vec::new(),
            middleboxes: Vec::new(),
            groups: Vec::new(),
            services: Vec::new(),
            times: Vec::new(),
            calendar: Calendar::default(),
            sections: Vec::new(),
            prelude_end: RuleId(0),
            rules: Vec::new(),
            default: DefaultRule { verdict: Verdict::Deny, span: None },
            multi_user: MultiUser::default(),
            invariants: Vec::new(),
            assertions: Vec::new(),
            tests: Vec::new(),
            lookup: Lookup::default(),
        }
    }

    /// The rules of the site: all but the prelude's.
    #[must_use]
    pub fn site_rules(&self) -> &[Rule] {
        self.rules.get(self.prelude_end.index()..).unwrap_or_default()
    }

    /// The windows of all declared times.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        self.times.iter().flat_map(|time| time.windows.iter().cloned()).collect()
    }

    /// The instants at which rules end.
    #[must_use]
    pub fn ends(&self) -> Vec<Time> {
        self.rules.iter().filter_map(|rule| rule.until).collect()
    }

    /// The rule, or nothing for an id of another policy.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index())
    }

    /// The place to name in messages for a deciding rule: of the default statement, where no rule decided.
    #[must_use]
    pub fn deciding_span(&self, rule: Option<RuleId>) -> Option<Span> {
        match rule {
            Some(id) => self.rule(id).map(|rule| rule.span),
            None => self.default.span,
        }
    }
}
