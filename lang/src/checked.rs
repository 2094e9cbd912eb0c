//! A policy without errors: names resolved, kinds right, conditions in one form. The only way to one is `check`.
//! Knows nothing of the live network.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use net::{Dpid, EtherType, Field, IpProto, Location, MacAddr, PortNo, Prefix};

use crate::flow::{Flow, Side};
use crate::source::{SourceMap, Span};

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
    /// Rules in the order of trial; an `outbound-only` is two.
    pub rules: Vec<Rule>,
    /// What happens to a flow that no rule matches.
    pub default: DefaultRule,
    /// The users of one host disagree: which verdict wins.
    pub multi_user: MultiUser,
    /// `test` blocks.
    pub tests: Vec<Test>,
}

/// `switch NAME { dpid …; access …; uplink …; }`
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
    /// The declaration.
    pub span: Span,
}

/// `middlebox NAME { in …; out …; }` or `middlebox NAME { at …; }`
#[derive(Clone, Debug)]
pub struct Middlebox {
    /// Its name.
    pub name: Arc<str>,
    /// How it is attached.
    pub attachment: Attachment,
    /// The declaration.
    pub span: Span,
}

/// How a middlebox is attached.
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
    /// The declaration.
    pub span: Span,
}

/// A set of ends, as an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub terms: Vec<ServiceTerm>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cond {
    /// One test of one end.
    End(Side, EndTest),
    /// One test of the packet's headers.
    Header(HeaderTest),
    /// The condition does not hold.
    Not(Box<Cond>),
    /// All hold; true if empty.
    All(Vec<Cond>),
    /// At least one holds; false if empty.
    Any(Vec<Cond>),
}

/// What can be asked of a packet's headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeaderTest {
    /// It is one of these kinds of traffic.
    Service(Vec<ServiceTerm>),
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

/// What a rule does with a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Set the conversation up.
    Allow,
    /// Drop, with a drop entry in the switch.
    Deny,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its number, which is its place.
    pub id: RuleId,
    /// Its name, if the text gives one.
    pub name: Option<Arc<str>>,
    /// When it matches.
    pub cond: Cond,
    /// What it does.
    pub verdict: Verdict,
    /// Middleboxes to pass, in order from initiator to responder. Empty unless the verdict is allow.
    pub via: Vec<MiddleboxId>,
    /// Record each match in the log.
    pub log: bool,
    /// Which part of its statement it is.
    pub part: Part,
    /// The statement in the text.
    pub span: Span,
}

/// Which part of its statement a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The half of an `outbound-only` that denies what others initiate.
    OutboundDeny,
    /// The half of an `outbound-only` that allows what it says.
    OutboundAllow,
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

/// `test "NAME" { … }`
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: Arc<str>,
    /// The header of the block.
    pub span: Span,
    /// What it says, in order.
    pub cases: Vec<TestCase>,
}

/// `FLOW => VERDICT [via …] [by RULE];`: holds if it holds for every one of the flows.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// The flows that the pattern stands for; more than one where it names sets.
    pub flows: Vec<Flow>,
    /// The wanted verdict.
    pub verdict: Verdict,
    /// The wanted middleboxes in their order, if the case says; else any will do.
    pub via: Option<Vec<MiddleboxId>>,
    /// What must have decided, if the case says.
    pub by: Option<DecidedBy>,
    /// The text of the flow.
    pub flow_text: Arc<str>,
    /// The whole case.
    pub span: Span,
}

/// What a test wants to have decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// One of these rules: those of one name.
    Rules(Vec<RuleId>),
    /// The default.
    Default,
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
    /// The host with this number; ids come from the same policy.
    #[must_use]
    pub fn host_of_mac(&self, mac: MacAddr) -> Option<HostId> {
        let place = self.hosts.iter().position(|host| host.macs.contains(&mac))?;
        u32::try_from(place).ok().map(HostId)
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

    /// True if the address lies in a declared network.
    #[must_use]
    pub fn is_inside(&self, address: IpAddr) -> bool {
        self.groups.iter().filter(|group| group.network).any(|group| group.members.has_address(address))
    }
}

impl SetExpr {
    /// True if the leaves that are prefixes make the address a member; named groups are not followed (networks name none).
    fn has_address(&self, address: IpAddr) -> bool {
        match self {
            SetExpr::Leaf(EndTest::Address(prefix)) => prefix.contains(address),
            SetExpr::Leaf(_) => false,
            SetExpr::Union(parts) => parts.iter().any(|part| part.has_address(address)),
            SetExpr::Intersection(a, b) => a.has_address(address) && b.has_address(address),
            SetExpr::Difference(a, b) => a.has_address(address) && !b.has_address(address),
        }
    }
}
