//! What happened, for logs, the demo and tests. Knows nothing of where it is shown.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use compiler::principal::Refusal;
use lang::checked::{GatewayId, RuleId, Served, Verdict};
use lang::flow::Flow;
use net::{Dpid, Fingerprint, FlowMatch, Location, MacAddr, Prefix};
use packet::ndp::NdpError;

use crate::dialect::{Subject, Version};
use crate::effect::ConnId;
use crate::hosts::{Loss, Source};
use crate::limits::Blame;
use crate::neighbours::Wiring;
use crate::route::NoPath;
use crate::session::Demotion;
use crate::topology::Link;

/// Something that happened on the network or to the policy.
#[derive(Clone, Debug)]
pub enum Event {
    /// A declared switch is ready and takes flows.
    SwitchJoined {
        /// Which.
        dpid: Dpid,
        /// The version spoken.
        version: Version,
    },
    /// A switch that the inventory does not know is connected; it gets no flow.
    SwitchPending {
        /// Which.
        dpid: Dpid,
        /// The certificate that it shows, by which it can be declared.
        certificate: Option<Fingerprint>,
    },
    /// Another controller is the master of a switch: nothing is installed there until the role is back.
    SwitchStandby {
        /// Which.
        dpid: Dpid,
        /// How it showed.
        why: Demotion,
    },
    /// Somebody says that it is a switch which is connected already.
    DpidClaimed {
        /// Which.
        dpid: Dpid,
        /// Who has been that switch until now.
        holder: SocketAddr,
        /// Who says so too.
        by: SocketAddr,
    },
    /// A switch that lives takes too long to answer: its control channel is jammed, or it has too much to do.
    EchoSlow {
        /// Which.
        dpid: Dpid,
        /// How long it took, or has taken until now, in milliseconds.
        millis: u64,
    },
    /// It answers in time again.
    EchoPrompt {
        /// Which.
        dpid: Dpid,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A switch is gone.
    SwitchLeft {
        /// Which.
        dpid: Dpid,
    },
    /// A connection was refused or ended by us.
    SessionEnded {
        /// Which.
        conn: ConnId,
        /// The switch, if it had told which it is.
        dpid: Option<Dpid>,
        /// Why.
        reason: SessionEnd,
    },
    /// A switch reported an error.
    SwitchError {
        /// Which.
        dpid: Option<Dpid>,
        /// The transaction that it is about.
        xid: u32,
        /// The error in OpenFlow's words.
        error: String,
        /// What the switch was asked to do, if that is remembered.
        about: Option<Subject>,
        /// The flow that it was for, if it was a flow-mod of ours.
        flow: Option<String>,
    },
    /// A port went up or down.
    Port {
        /// Which.
        at: Location,
        /// It has a carrier now.
        up: bool,
    },
    /// A link came into use.
    LinkUp(Link),
    /// A link went out of use.
    LinkDown(Link),
    /// A link went out of use too often: it is not used until nothing has happened at its ports for a while.
    LinkHeld {
        /// Which, in one direction.
        link: Link,
        /// For how long nothing may happen.
        quiet: Duration,
    },
    /// Ports are wired in a way over which no packet is sent.
    Miswired(Wiring),
    /// A probe that is not ours, or not of this run, or came in where none may.
    ProbeRefused {
        /// Where it came in.
        at: Location,
        /// Why it is not believed.
        why: &'static str,
    },
    /// A station was seen for the first time, or again after it had gone.
    StationAttached {
        /// Which.
        mac: MacAddr,
        /// Where.
        at: Location,
    },
    /// A station is at another port now.
    StationMoved {
        /// Which.
        mac: MacAddr,
        /// Where it was.
        from: Location,
        /// Where it is.
        to: Location,
    },
    /// A station is no longer attached.
    StationDetached {
        /// Which.
        mac: MacAddr,
        /// Where it was.
        at: Location,
    },
    /// A station uses an address that nobody had.
    AddressClaimed {
        /// Who.
        mac: MacAddr,
        /// What.
        address: IpAddr,
        /// Where that is known from.
        source: Source,
    },
    /// A trusted server gave a station an address, or lets it keep one.
    LeaseBound {
        /// Who.
        mac: MacAddr,
        /// What.
        address: IpAddr,
        /// Where the station is.
        at: Location,
        /// How long it holds.
        seconds: u32,
        /// What the station calls itself.
        name: Option<Arc<str>>,
    },
    /// A trusted server delegated a prefix to a station: what is in it lies behind the station.
    PrefixDelegated {
        /// Who.
        mac: MacAddr,
        /// What.
        prefix: Prefix,
        /// How long it holds.
        seconds: u32,
    },
    /// A station has an address no longer.
    AddressReleased {
        /// Who.
        mac: MacAddr,
        /// What.
        address: IpAddr,
        /// Where it had been known from.
        source: Source,
        /// Why it ended.
        why: Loss,
    },
    /// The name that a station gave itself is none, or another has it.
    NameRefused {
        /// Who.
        mac: MacAddr,
        /// Where.
        at: Location,
    },
    /// A MAC address was seen again and again where its station is proved not to be: its switch drops it there for a time.
    Quarantined {
        /// Which.
        mac: MacAddr,
        /// Where it is dropped.
        at: Location,
        /// For how long.
        seconds: u64,
    },
    /// The inner side of a gateway was seen.
    GatewayLearned {
        /// Which.
        gateway: GatewayId,
        /// Its address.
        mac: MacAddr,
    },
    /// A packet whose sender is not what it says. It was dropped.
    Spoofed {
        /// Where it came in.
        at: Location,
        /// Who it says it is from.
        mac: MacAddr,
        /// What is wrong.
        why: Suspicion,
    },
    /// A flow was decided.
    Decided(Box<Decided>),
    /// No entries stand before packets come: there would be more than these limits let.
    NothingPlanned {
        /// Stations attached.
        stations: usize,
        /// Entries that there may be.
        limit: usize,
    },
    /// A flow that the policy allows could not be set up. It was dropped.
    Unroutable {
        /// The flow.
        flow: Arc<Flow>,
        /// What is missing.
        why: NoPath,
    },
    /// A conversation that was allowed is no longer; its entries are deleted.
    Revoked {
        /// The flow, in the words of the policy that had allowed it.
        flow: Arc<str>,
        /// Where that policy allowed it: file and line, or `default`.
        allowed_by: Arc<str>,
        /// What happened to it.
        cause: Cause,
        /// Where the policy now denies it, if that is the cause.
        denied_by: Option<Option<RuleId>>,
    },
    /// A conversation goes another way now.
    Rerouted {
        /// The flow.
        flow: Arc<Flow>,
        /// Switches on the new way.
        switches: usize,
    },
    /// A policy is in force.
    PolicyInForce {
        /// Conversations that it left alone.
        kept: usize,
        /// Conversations that it revoked or sent another way.
        changed: usize,
        /// Drop entries that it took away.
        undropped: usize,
    },
    /// What was found on a switch when it connected, against what is wanted there.
    Reconciled {
        /// Which.
        dpid: Dpid,
        /// Entries that stay as they are.
        kept: usize,
        /// Entries that were missing.
        added: usize,
        /// Entries of ours that nothing wants.
        removed: usize,
        /// Entries that are not ours; removed.
        foreign: usize,
        /// Entries that are not ours, and stay by the settings.
        adopted: usize,
    },
    /// A switch in use held something else than was wanted; that is put right.
    Repaired {
        /// Which.
        dpid: Dpid,
        /// Entries that were missing, or did something else.
        added: usize,
        /// Entries of ours that nothing wants.
        removed: usize,
        /// Entries of others; removed.
        foreign: usize,
    },
    /// A switch has no room for another entry.
    TableFull {
        /// Which.
        dpid: Dpid,
        /// Drop entries that were taken out to make room.
        evicted: usize,
    },
    /// Something was dropped for a limit.
    Limited {
        /// Where.
        at: Location,
        /// Which limit.
        what: Limit,
        /// How often since it was told last.
        dropped: u64,
    },
    /// A host asked for many different destinations that are not there, or that it may not reach.
    Scan {
        /// Who.
        mac: MacAddr,
        /// Where.
        at: Location,
        /// For how many.
        destinations: usize,
        /// In so many seconds.
        seconds: u64,
    },
    /// Somebody answers for an address that another tests before its use, and of which nobody was known to have it.
    AddressContested {
        /// Who answers, and has it now.
        mac: MacAddr,
        /// Where.
        at: Location,
        /// What.
        address: IpAddr,
        /// Who tests it.
        tester: MacAddr,
    },
    /// A port has asked too much for a while: its switch drops some of it for a time. What stands goes on.
    Shut {
        /// Which.
        at: Location,
        /// What is dropped of it.
        blame: Blame,
        /// For how long.
        seconds: u16,
    },
}

/// A decision about a flow.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The flow.
    pub flow: Arc<Flow>,
    /// What the policy says.
    pub verdict: Verdict,
    /// The deciding rule; nothing is the default.
    pub rule: Option<RuleId>,
    /// Middleboxes on the way.
    pub via: Vec<lang::checked::MiddleboxId>,
    /// Rules that only audit and would have decided.
    pub audited: Vec<RuleId>,
    /// Switches on the way; 0 if it is not set up.
    pub switches: usize,
    /// The packets that it was decided for, if they are more than those of the flow.
    pub covers: Option<FlowMatch>,
}

/// Why a packet's sender is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// The host is pinned to another port.
    Pinned(Location),
    /// The station still answers where it was.
    StillAt(Location),
    /// It is the address of a gateway, the controller, or of a group.
    Reserved,
    /// The identification of the packet failed.
    Refused(Refusal),
    /// The address belongs to another.
    AddressOf(MacAddr),
    /// The address is a public one, which lies beyond a gateway.
    Outside(IpAddr),
    /// Its lease of the address ended a while ago, and nobody gave it the address again.
    Withheld(IpAddr),
    /// Only declared ports may answer this.
    NotServed(Served),
    /// It speaks for others as a relay agent of DHCP does.
    Relayed,
    /// It is no sound message of neighbour discovery.
    Discovery(NdpError),
    /// It answers for too many addresses that others test.
    Contested,
}

/// Why a conversation ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The policy changed.
    Policy,
    /// A time that the policy names began or ended.
    Time,
    /// An end of it changed: moved, gone, other users, other address.
    Endpoint,
    /// The network changed and there is no other way under its constraints.
    NoPath,
    /// A switch on its way refused an entry.
    SwitchRefused,
}

/// Why a connection was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// No step of the handshake within the deadline.
    HandshakeTimeout,
    /// No version in common.
    Version,
    /// Bytes that are no OpenFlow message.
    Malformed(String),
    /// A message that may not come now.
    Unexpected(&'static str),
    /// An auxiliary connection: not used.
    Auxiliary,
    /// The same dpid is connected already and alive.
    DuplicateDpid,
    /// Another showed a certificate as this switch, and this connection had none.
    Displaced,
    /// The switch is declared with certificates, and none of them was shown.
    NotItsCertificate {
        /// What was shown.
        shown: Option<Fingerprint>,
    },
    /// The certificate that was shown is declared for another switch.
    CertificateOf(Dpid),
    /// Echo requests or barriers were not answered.
    Silent,
    /// The peer closed.
    Closed,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Stations at one port.
    Stations,
    /// Addresses of one station.
    Addresses,
    /// Conversations in all.
    Conversations,
    /// Relayed broadcast and multicast.
    Relays,
    /// Trees for broadcast and multicast.
    Trees,
    /// Senders told that they are refused.
    Refusals,
    /// Drop entries for packets that no conversation brought to their place.
    Strays,
    /// LLDP frames.
    Probes,
    /// Requests for leases that wait, or leases, at one port.
    Leases,
    /// Packets of one port.
    PacketsOfPort,
    /// Packets of one MAC address at a port.
    PacketsOfHost,
    /// Packets of one switch.
    PacketsOfSwitch,
    /// New flows of one port.
    FlowsOfPort,
    /// New flows of one MAC address at a port.
    FlowsOfHost,
    /// New flows of one switch.
    FlowsOfSwitch,
    /// A share of a switch's table for conversations.
    Room,
    /// A share of a switch's table for drop entries.
    Denials,
    /// Questions for addresses because of one port.
    Questions,
    /// Frames out of many ports, in all.
    Copies,
    /// Frames out of many ports of one switch.
    CopiesOfSwitch,
    /// Stations that would move to one port.
    Moves,
    /// Addresses that are tested at one port, or in all.
    Tests,
    /// Answers of one port for addresses that others test.
    Contests,
    /// Senders in quarantine at one port, or in all.
    Quarantines,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blame::Host(mac) => write!(f, "what {mac} sends"),
            Blame::Kind(kind) => write!(f, "frames of type {:#06x}", kind.0),
            Blame::Port => f.write_str("everything"),
        }
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Suspicion::Pinned(at) => write!(f, "the host is pinned to port {at}"),
            Suspicion::StillAt(at) => write!(f, "the station still answers at port {at}"),
            Suspicion::Reserved => f.write_str("the address is reserved"),
            Suspicion::Refused(refusal) => write!(f, "{refusal}"),
            Suspicion::Outside(address) => write!(f, "{address} is a public address, and no declared network has it"),
            Suspicion::Withheld(address) => {
                write!(f, "its lease of {address} has ended, and no server gave it the address again")
            }
            Suspicion::NotServed(served) => write!(f, "nothing at this port is declared to serve {}", served.word()),
            Suspicion::Relayed => f.write_str("a relay agent of DHCP may only be where DHCP is served"),
            Suspicion::Discovery(error) => write!(f, "neighbour discovery: {error}"),
            Suspicion::Contested => f.write_str("it answers for too many addresses that others test"),
            Suspicion::AddressOf(mac) => write!(f, "the address belongs to {mac}"),
        }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionEnd::HandshakeTimeout => f.write_str("the handshake took too long"),
            SessionEnd::Version => f.write_str("no OpenFlow version in common (1.0 and 1.3 are spoken)"),
            SessionEnd::Malformed(what) => write!(f, "malformed message: {what}"),
            SessionEnd::Unexpected(what) => write!(f, "unexpected message: {what}"),
            SessionEnd::Auxiliary => f.write_str("auxiliary connections are not used"),
            SessionEnd::DuplicateDpid => f.write_str("a switch with this dpid is connected and alive"),
            SessionEnd::Displaced => f.write_str("another has shown a certificate as this switch, and this connection has none"),
            SessionEnd::NotItsCertificate { shown: None } => {
                f.write_str("the switch is declared with a certificate, and comes without one, over plain TCP")
            }
            SessionEnd::NotItsCertificate { shown: Some(shown) } => {
                write!(f, "the switch is declared with another certificate than {shown}")
            }
            SessionEnd::CertificateOf(dpid) => write!(f, "the certificate is declared for switch {dpid}"),
            SessionEnd::Silent => f.write_str("the switch does not answer"),
            SessionEnd::Closed => f.write_str("the switch closed the connection"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Policy => "the policy changed",
            Cause::Time => "a time of the policy began or ended",
            Cause::Endpoint => "an end of it changed",
            Cause::NoPath => "no way is left under its constraints",
            Cause::SwitchRefused => "a switch refused an entry",
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Stations => "stations at one port",
            Limit::Addresses => "addresses of one station",
            Limit::Conversations => "conversations",
            Limit::Leases => "leases and requests for them at one port",
            Limit::Relays => "relayed broadcasts a second",
            Limit::Trees => "trees for broadcasts",
            Limit::Strays => "drop entries for stray packets",
            Limit::Refusals => "senders told a second that they are refused",
            Limit::Probes => "LLDP frames a second",
            Limit::PacketsOfPort => "packets of a port a second",
            Limit::PacketsOfHost => "packets of a host a second",
            Limit::PacketsOfSwitch => "packets of a switch a second",
            Limit::FlowsOfPort => "new flows of a port a second",
            Limit::FlowsOfHost => "new flows of a host a second",
            Limit::FlowsOfSwitch => "new flows of a switch a second",
            Limit::Room => "a sender's share of a table for conversations",
            Limit::Denials => "a sender's share of a table for drop entries",
            Limit::Questions => "questions for addresses because of a port a second",
            Limit::Copies => "frames out of many ports a second",
            Limit::CopiesOfSwitch => "frames out of many ports of a switch a second",
            Limit::Moves => "stations that move to one port",
            Limit::Tests => "addresses that are tested at one port",
            Limit::Contests => "answers of one port for addresses that others test",
            Limit::Quarantines => "senders in quarantine at one port",
        })
    }
}
