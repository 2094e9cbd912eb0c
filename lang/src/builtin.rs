//! THE table of names that the language brings along: sets, well-known services and protocols. Knows nothing of declarations.

use net::{EtherType, IpProto};

use crate::checked::{BuiltIn, Kind, ServiceTerm};
use crate::types::built_in_kind;

/// The rules that stand before those of every policy without a `section prelude` of its own.
pub const PRELUDE: &str = include_str!("builtin/prelude.pol");

/// The name of the section that replaces [`PRELUDE`], and of the text that it is.
pub const PRELUDE_NAME: &str = "prelude";

/// What a built-in set's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetMeaning {
    /// Everything: no restriction.
    Any,
    /// Those that pass this test.
    Set(BuiltIn),
}

/// Every built-in set by name. The first name of a meaning is the one that is printed.
pub const SETS: &[(&str, SetMeaning)] = &[
    ("any", SetMeaning::Any),
    ("none", SetMeaning::Set(BuiltIn::Unauthenticated)),
    ("unauthenticated", SetMeaning::Set(BuiltIn::Unauthenticated)),
    ("authenticated", SetMeaning::Set(BuiltIn::Authenticated)),
    ("registered", SetMeaning::Set(BuiltIn::Registered)),
    ("unregistered", SetMeaning::Set(BuiltIn::Unregistered)),
    ("internet", SetMeaning::Set(BuiltIn::Internet)),
    ("gateway", SetMeaning::Set(BuiltIn::Gateway)),
    ("broadcast", SetMeaning::Set(BuiltIn::Broadcast)),
    ("multicast", SetMeaning::Set(BuiltIn::Multicast)),
    ("controller", SetMeaning::Set(BuiltIn::Controller)),
];

impl SetMeaning {
    /// The kind of its members; `any` is of none.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        match self {
            SetMeaning::Any => None,
            SetMeaning::Set(set) => Some(built_in_kind(set)),
        }
    }
}

/// IP protocols that have a name in the language (IANA protocol numbers); all others are written `ip/N`.
pub const PROTOCOLS: &[(&str, IpProto)] = &[
    ("tcp", IpProto::TCP),
    ("udp", IpProto::UDP),
    ("sctp", IpProto::SCTP),
    ("icmp", IpProto::ICMP),
    ("icmpv6", IpProto::ICMPV6),
];

/// Ethernet types that have a name where `dltype` is compared (IANA 802 numbers).
pub const ETHER_TYPES: &[(&str, EtherType)] = &[
    ("ipv4", EtherType::IPV4),
    ("ipv6", EtherType::IPV6),
    ("arp", EtherType::ARP),
    ("lldp", EtherType::LLDP),
    ("eapol", EtherType::EAPOL),
];

/// One part of a well-known service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WellKnownTerm {
    /// A destination port.
    Port(IpProto, u16),
    /// A range of destination ports, both ends in it.
    Range(IpProto, u16, u16),
    /// An ICMP or ICMPv6 type.
    Icmp(IpProto, u8),
}

use WellKnownTerm::{Icmp, Port, Range};

/// Well-known services (IANA service names and port numbers). A declaration of the same name takes precedence.
pub const SERVICES: &[(&str, &[WellKnownTerm])] = &[
    ("http", &[Port(IpProto::TCP, 80)]),
    ("https", &[Port(IpProto::TCP, 443)]),
    ("ssh", &[Port(IpProto::TCP, 22)]),
    ("telnet", &[Port(IpProto::TCP, 23)]),
    ("smtp", &[Port(IpProto::TCP, 25)]),
    ("smtps", &[Port(IpProto::TCP, 465)]),
    ("submission", &[Port(IpProto::TCP, 587)]),
    ("dns", &[Port(IpProto::UDP, 53), Port(IpProto::TCP, 53)]),
    ("mdns", &[Port(IpProto::UDP, 5353)]),
    ("dhcp", &[Port(IpProto::UDP, 67), Port(IpProto::UDP, 68)]),
    ("dhcpv6", &[Port(IpProto::UDP, 546), Port(IpProto::UDP, 547)]),
    ("ntp", &[Port(IpProto::UDP, 123)]),
    ("snmp", &[Port(IpProto::UDP, 161)]),
    ("snmptrap", &[Port(IpProto::UDP, 162)]),
    ("syslog", &[Port(IpProto::UDP, 514)]),
    ("ldap", &[Port(IpProto::TCP, 389), Port(IpProto::UDP, 389)]),
    ("ldaps", &[Port(IpProto::TCP, 636)]),
    ("kerberos", &[Port(IpProto::TCP, 88), Port(IpProto::UDP, 88)]),
    ("radius", &[Port(IpProto::UDP, 1812), Port(IpProto::UDP, 1813)]),
    ("rdp", &[Port(IpProto::TCP, 3389), Port(IpProto::UDP, 3389)]),
    ("vnc", &[Port(IpProto::TCP, 5900)]),
    ("smb", &[Port(IpProto::TCP, 445)]),
    ("imap", &[Port(IpProto::TCP, 143)]),
    ("imaps", &[Port(IpProto::TCP, 993)]),
    ("pop3", &[Port(IpProto::TCP, 110)]),
    ("pop3s", &[Port(IpProto::TCP, 995)]),
    ("nfs", &[Port(IpProto::TCP, 2049), Port(IpProto::UDP, 2049)]),
    ("ftp", &[Port(IpProto::TCP, 21)]),
    ("tftp", &[Port(IpProto::UDP, 69)]),
    ("rsync", &[Port(IpProto::TCP, 873)]),
    ("ipp", &[Port(IpProto::TCP, 631)]),
    ("sip", &[Port(IpProto::UDP, 5060), Port(IpProto::TCP, 5060)]),
    ("sips", &[Port(IpProto::TCP, 5061)]),
    ("netbios", &[Range(IpProto::UDP, 137, 138), Port(IpProto::TCP, 139)]),
    ("mysql", &[Port(IpProto::TCP, 3306)]),
    ("postgresql", &[Port(IpProto::TCP, 5432)]),
    ("ping", &[Icmp(IpProto::ICMP, 8), Icmp(IpProto::ICMPV6, 128)]),
];

impl WellKnownTerm {
    /// The same as a term of a checked service.
    #[must_use]
    pub fn term(self) -> ServiceTerm {
        match self {
            Port(proto, port) => ServiceTerm::Ports(proto, port..=port),
            Range(proto, first, last) => ServiceTerm::Ports(proto, first..=last),
            Icmp(proto, kind) => ServiceTerm::Icmp(proto, kind, None),
        }
    }
}

/// The meaning of a built-in set's name.
#[must_use]
pub fn set(name: &str) -> Option<SetMeaning> {
    SETS.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// The terms of a well-known service.
#[must_use]
pub fn service(name: &str) -> Option<Vec<ServiceTerm>> {
    let (_, terms) = SERVICES.iter().find(|(known, _)| *known == name)?;
    Some(terms.iter().map(|term| term.term()).collect())
}

/// The protocol with this name.
#[must_use]
pub fn protocol(name: &str) -> Option<IpProto> {
    PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, proto)| *proto)
}

/// The Ethernet type with this name.
#[must_use]
pub fn ether_type(name: &str) -> Option<EtherType> {
    ETHER_TYPES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

/// The name of an Ethernet type, if it has one.
#[must_use]
pub fn ether_type_name(wanted: EtherType) -> Option<&'static str> {
    ETHER_TYPES.iter().find(|(_, known)| *known == wanted).map(|(name, _)| *name)
}

/// The name of a protocol, if it has one.
#[must_use]
pub fn protocol_name(proto: IpProto) -> Option<&'static str> {
    PROTOCOLS.iter().find(|(_, known)| *known == proto).map(|(name, _)| *name)
}

/// A protocol as the language writes it: its name, or `ip/N`.
#[must_use]
pub fn protocol_text(proto: IpProto) -> String {
    protocol_name(proto).map_or_else(|| format!("ip/{}", proto.0), str::to_owned)
}

/// The printed name of a built-in set.
#[must_use]
pub fn set_name(set: BuiltIn) -> &'static str {
    SETS.iter().find(|(_, meaning)| *meaning == SetMeaning::Set(set)).map_or("any", |(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_stands_for_two_things() {
        let names: Vec<&str> = SETS
            .iter()
            .map(|(name, _)| *name)
            .chain(PROTOCOLS.iter().map(|(name, _)| *name))
            .chain(SERVICES.iter().map(|(name, _)| *name))
            .collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), distinct.len());
    }

    #[test]
    fn names_and_meanings_lead_to_each_other() {
        assert_eq!(set("internet"), Some(SetMeaning::Set(BuiltIn::Internet)));
        assert_eq!(set_name(BuiltIn::Unauthenticated), "none");
        assert_eq!(protocol("sctp").and_then(protocol_name), Some("sctp"));
        assert_eq!(service("http"), Some(vec![ServiceTerm::Ports(IpProto::TCP, 80..=80)]));
        assert_eq!(service("gopher"), None);
    }
}
