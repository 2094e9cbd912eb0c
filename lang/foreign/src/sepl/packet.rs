//! What NOX takes the fields of a packet for (its `Flow`), as conditions here: a field that a packet lacks is zero; of IP, version 4
//! alone is read; type and code of ICMP stand where ports do. Knows nothing of principals.
//!
//! NOX also compares addresses and operations of ARP packets with `nwsrc`, `nwdst` and `nwproto`. No policy sees those here, since
//! the controller answers ARP itself: no such test holds of ARP.

use std::net::IpAddr;

use net::{EtherType, IpProto, MacAddr, Prefix};

use crate::logic::{Class, Cond, Side, Test};

/// What a frame without a tag has for a VLAN (OpenFlow 1.0, `OFP_VLAN_NONE`).
pub(crate) const VLAN_NONE: u64 = 0xffff;

fn ipv4(cond: Cond) -> Cond {
    Cond::All(vec![Cond::ether(EtherType::IPV4), cond])
}

/// `nwproto(N)`
pub(crate) fn proto(number: u8) -> Cond {
    if number > 0 {
        return ipv4(Cond::proto([number]));
    }
    // Zero: no IPv4 packet at all, or one of protocol 0; ARP has its operation there.
    let other = ipv4(Cond::field("protocol in 1-255"));
    Cond::All(vec![other.negated(), Cond::ether(EtherType::ARP).negated()])
}

/// `tpsrc(N)`, `tpdst(N)`
pub(crate) fn port(side: Side, number: u16) -> Cond {
    if number == 0 {
        return numbers(side, 1, u16::MAX).negated();
    }
    numbers(side, number, number)
}

/// A port, or type or code of ICMP, from here to there.
fn numbers(side: Side, low: u16, high: u16) -> Cond {
    let ports = Cond::All(vec![Cond::proto([IpProto::TCP.0, IpProto::UDP.0]), Cond::Test(Test::Port(side, low..=high))]);
    let field = match side {
        Side::Src => "icmp-type",
        Side::Dst => "icmp-code",
    };
    let icmp = match (u8::try_from(low), u8::try_from(high).unwrap_or(u8::MAX)) {
        (Err(_), _) => return ipv4(ports),
        (Ok(low), high) if low == high => format!("{field} = {low}"),
        (Ok(low), high) => format!("{field} in {low}-{high}"),
    };
    ipv4(Cond::Either(vec![ports, Cond::All(vec![Cond::proto([IpProto::ICMP.0]), Cond::field(icmp)])]))
}

/// `nwsrc("A")`, `subnetsrc("A/N")`: nothing if no address has the bits, since some are set to the right of the prefix.
pub(crate) fn address(side: Side, prefix: Prefix) -> Cond {
    if prefix.length() == 0 {
        return Cond::Any;
    }
    let known = ipv4(Cond::Test(Test::Within(side, prefix)));
    match prefix.network() {
        // What has no address has zero for one.
        IpAddr::V4(network) if network.is_unspecified() => {
            let some = Prefix::truncate(prefix.network(), 0).map(|all| Cond::Test(Test::Within(side, all)));
            let none = some.map(|some| Cond::All(vec![some.negated(), Cond::ether(EtherType::ARP).negated()]));
            Cond::Either(std::iter::once(known).chain(none).collect())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => known,
    }
}

/// `dltype(N)`: nothing where the policy language does not tell frames by it.
pub(crate) fn ether(number: u16) -> Option<Cond> {
    (number >= 0x0600).then(|| Cond::ether(EtherType(number)))
}

/// `dlvlan(N)`: nothing where the policy language does not tell frames by it.
pub(crate) fn vlan(number: u64) -> Option<Cond> {
    match number {
        VLAN_NONE => Some(untagged()),
        1..=4094 => Some(Cond::field(format!("vlan = {number}"))),
        _ => None,
    }
}

/// A frame without a VLAN.
pub(crate) fn untagged() -> Cond {
    Cond::field("vlan in 1-4094").negated()
}

/// `dlsrc(M)`, `dldst(M)`
pub(crate) fn mac(side: Side, mac: MacAddr) -> Cond {
    match side {
        // A frame from a group is refused before any policy is asked.
        Side::Src if mac.is_multicast() => Cond::Never,
        Side::Dst if mac.is_broadcast() => Cond::end(Side::Dst, Class::Address, "broadcast"),
        Side::Src | Side::Dst => Cond::end(side, Class::Mac, mac.to_string()),
    }
}

/// A protocol that SEPL has a name for: Ethernet type, IP protocol, and a port at either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) ether: Option<u16>,
    pub(crate) proto: Option<u8>,
    pub(crate) port: Option<u16>,
}

const fn row(ether: Option<u16>, proto: Option<u8>, port: Option<u16>) -> Protocol {
    Protocol { ether, proto, port }
}

/// The protocols by name.
pub(crate) const PROTOCOLS: &[(&str, Protocol)] = &[
    ("arp", row(Some(0x0806), None, None)),
    ("ipv4", row(Some(0x0800), None, None)),
    ("tcp", row(None, Some(6), None)),
    ("udp", row(None, Some(17), None)),
    ("icmp", row(None, Some(1), None)),
    ("ipv4_icmp", row(Some(0x0800), Some(1), None)),
    ("ipv4_tcp", row(Some(0x0800), Some(6), None)),
    ("ipv4_udp", row(Some(0x0800), Some(17), None)),
    ("http", row(None, None, Some(80))),
    ("dhcps", row(None, None, Some(67))),
    ("dhcpc", row(None, None, Some(68))),
    ("dhcp6s", row(None, None, Some(547))),
    ("dhcp6c", row(None, None, Some(546))),
    ("tcp_http", row(None, Some(6), Some(80))),
    ("ipv4_tcp_http", row(Some(0x0800), Some(6), Some(80))),
    ("ssh", row(None, None, Some(22))),
    ("dns", row(None, Some(17), Some(53))),
];

/// `protocol("dns")`; nothing where the policy language does not tell frames by it.
pub(crate) fn protocol(protocol: Protocol) -> Option<Cond> {
    let mut parts = Vec::new();
    if let Some(number) = protocol.ether {
        parts.push(ether(number)?);
    }
    parts.extend(protocol.proto.map(proto));
    if let Some(number) = protocol.port {
        parts.push(Cond::Either(vec![port(Side::Src, number), port(Side::Dst, number)]));
    }
    Some(Cond::All(parts))
}
