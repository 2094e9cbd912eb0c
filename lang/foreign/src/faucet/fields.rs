//! What a rule of Faucet matches, as conditions here: fields of OpenFlow 1.3 with their values and masks, and the fields that a
//! switch wants beside them. Knows nothing of what a rule does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use net::{EtherType, IpProto, MacAddr, Prefix};

use crate::Problem;
use crate::logic::{Class, Cond, Side, Test};
use crate::place::Place;

use super::read::{Fields, Told};
use super::yaml::{Kind, Node};

/// How many ranges a mask of ports may stand for.
const MOST_RANGES: usize = 32;

/// What a packet has to be for a switch to take a match of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    Arp,
    Ipv4,
    Ipv6,
    Ip,
    /// One of the protocols with ports.
    Proto(u8),
    /// Any of them.
    Ports,
    Icmp,
    Icmpv6,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    EtherType,
    Mac(Side),
    Vlan,
    Pcp,
    Dscp,
    Proto,
    V4(Side),
    V6(Side),
    Port(Side),
    IcmpType,
    IcmpCode,
    InPort,
    /// A number of so many bits that nobody here tests.
    Lost(u32),
    /// An address of this family in a place that nobody here tests.
    LostAddress(bool),
    LostMac,
}

use Need::{Arp, Icmp, Icmpv6, Ip, Ipv4, Ipv6, Nothing, Ports};
use Value::{
    Dscp, EtherType as Type, IcmpCode, IcmpType, InPort, Lost, LostAddress, LostMac, Mac, Pcp, Port, Proto, V4, V6, Vlan,
};

/// The fields by name, each with the one that it is: old names stand behind new ones.
const FIELDS: &[(&str, &str, Need, Value)] = &[
    ("in_port", "in_port", Nothing, InPort),
    ("in_phy_port", "in_phy_port", Nothing, Lost(32)),
    ("metadata", "metadata", Nothing, Lost(64)),
    ("eth_dst", "eth_dst", Nothing, Mac(Side::Dst)),
    ("eth_src", "eth_src", Nothing, Mac(Side::Src)),
    ("eth_type", "eth_type", Nothing, Type),
    ("vlan_vid", "vlan_vid", Nothing, Vlan),
    ("vlan_pcp", "vlan_pcp", Nothing, Pcp),
    ("ip_dscp", "ip_dscp", Ip, Dscp),
    ("ip_ecn", "ip_ecn", Ip, Lost(2)),
    ("ip_proto", "ip_proto", Ip, Proto),
    ("ipv4_src", "ipv4_src", Ipv4, V4(Side::Src)),
    ("ipv4_dst", "ipv4_dst", Ipv4, V4(Side::Dst)),
    ("tcp_src", "tcp_src", Need::Proto(6), Port(Side::Src)),
    ("tcp_dst", "tcp_dst", Need::Proto(6), Port(Side::Dst)),
    ("udp_src", "udp_src", Need::Proto(17), Port(Side::Src)),
    ("udp_dst", "udp_dst", Need::Proto(17), Port(Side::Dst)),
    ("sctp_src", "sctp_src", Need::Proto(132), Port(Side::Src)),
    ("sctp_dst", "sctp_dst", Need::Proto(132), Port(Side::Dst)),
    ("icmpv4_type", "icmpv4_type", Icmp, IcmpType),
    ("icmpv4_code", "icmpv4_code", Icmp, IcmpCode),
    ("arp_op", "arp_op", Arp, Lost(16)),
    ("arp_spa", "arp_spa", Arp, LostAddress(true)),
    ("arp_tpa", "arp_tpa", Arp, LostAddress(true)),
    ("arp_sha", "arp_sha", Arp, LostMac),
    ("arp_tha", "arp_tha", Arp, LostMac),
    ("ipv6_src", "ipv6_src", Ipv6, V6(Side::Src)),
    ("ipv6_dst", "ipv6_dst", Ipv6, V6(Side::Dst)),
    ("ipv6_flabel", "ipv6_flabel", Ipv6, Lost(20)),
    ("icmpv6_type", "icmpv6_type", Icmpv6, IcmpType),
    ("icmpv6_code", "icmpv6_code", Icmpv6, IcmpCode),
    ("ipv6_nd_target", "ipv6_nd_target", Icmpv6, LostAddress(false)),
    ("ipv6_nd_sll", "ipv6_nd_sll", Icmpv6, LostMac),
    ("ipv6_nd_tll", "ipv6_nd_tll", Icmpv6, LostMac),
    ("mpls_label", "mpls_label", Nothing, Lost(20)),
    ("mpls_tc", "mpls_tc", Nothing, Lost(3)),
    ("mpls_bos", "mpls_bos", Nothing, Lost(1)),
    ("pbb_isid", "pbb_isid", Nothing, Lost(24)),
    ("tunnel_id", "tunnel_id", Nothing, Lost(64)),
    ("ipv6_exthdr", "ipv6_exthdr", Ipv6, Lost(9)),
    ("eth_type_nxm", "eth_type_nxm", Nothing, Lost(16)),
    ("ip_proto_nxm", "ip_proto_nxm", Nothing, Lost(8)),
    ("nw_ttl", "nw_ttl", Ip, Lost(8)),
    ("ct_state", "ct_state", Nothing, Lost(32)),
    ("ct_zone", "ct_zone", Nothing, Lost(16)),
    ("ct_mark", "ct_mark", Nothing, Lost(32)),
    ("ct_label", "ct_label", Nothing, Lost(127)),
    ("dl_dst", "eth_dst", Nothing, Mac(Side::Dst)),
    ("dl_src", "eth_src", Nothing, Mac(Side::Src)),
    ("dl_type", "eth_type", Nothing, Type),
    ("dl_vlan", "vlan_vid", Nothing, Vlan),
    ("nw_proto", "ip_proto", Ip, Proto),
    ("nw_src", "ipv4_src", Ipv4, V4(Side::Src)),
    ("nw_dst", "ipv4_dst", Ipv4, V4(Side::Dst)),
    // Of versions before 1.6.
    ("tp_src", "tp_src", Ports, Port(Side::Src)),
    ("tp_dst", "tp_dst", Ports, Port(Side::Dst)),
];

/// The names of all fields.
pub(crate) fn names() -> Vec<&'static str> {
    FIELDS.iter().map(|(name, ..)| *name).collect()
}

/// What a rule matches.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    /// All but what follows.
    pub(crate) cond: Cond,
    /// A test of the VLAN, which a list of a VLAN replaces by its own.
    pub(crate) vlan: Cond,
    /// A port, which a list of a port replaces by its own.
    pub(crate) in_port: Option<(u32, Place)>,
}

/// Reads what a rule matches; nothing if a value is wrong, which is told.
pub(crate) fn read(fields: &Fields<'_>, told: &mut Told) -> Option<Match> {
    let mut found = Match { cond: Cond::Any, vlan: Cond::Any, in_port: None };
    let mut parts = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut sound = true;
    let mut known = Known::default();
    let rows = fields.iter().filter_map(|(word, key, value)| {
        FIELDS.iter().find(|(name, ..)| *name == word).map(|(_, field, need, how)| (word, *field, *need, *how, key.place, value))
    });
    let rows: Vec<_> = rows.collect();
    for (word, field, _, how, place, value) in &rows {
        if seen.contains(field) {
            told.wrong(Problem::new(*place, format!("`{word}` is `{field}`, which is said already")).help("remove one of them"));
            sound = false;
        }
        seen.push(field);
        match one(word, *how, value, &mut known, told) {
            None => sound = false,
            Some(Part::Cond(cond)) => parts.push(cond),
            Some(Part::Vlan(cond)) => found.vlan = cond,
            Some(Part::InPort(port)) => found.in_port = Some((port, *place)),
        }
    }
    let parts = Cond::All(parts);
    let missing = rows.iter().find(|(_, _, need, ..)| !known.meets(*need));
    found.cond = match missing {
        None => parts,
        Some((word, _, need, _, place, value)) => {
            let why = format!("without {} beside it, a switch refuses the rule, so that it never was", need.words());
            let meant = Cond::All(vec![need.implied(), parts]);
            Cond::bounded(*place, format!("{word}: {}", value.shown()), why, meant, Cond::Never)
        }
    };
    sound.then_some(found)
}

enum Part {
    Cond(Cond),
    Vlan(Cond),
    InPort(u32),
}

/// What the packets of a rule are known to be.
#[derive(Default)]
struct Known {
    ether: Option<u16>,
    proto: Option<u8>,
}

impl Known {
    fn meets(&self, need: Need) -> bool {
        let ip = matches!(self.ether, Some(0x0800 | 0x86dd));
        match need {
            Nothing => true,
            Arp => self.ether == Some(0x0806),
            Ipv4 => self.ether == Some(0x0800),
            Ipv6 => self.ether == Some(0x86dd),
            Ip => ip,
            Need::Proto(wanted) => ip && self.proto == Some(wanted),
            Ports => ip && self.proto.is_some_and(|proto| IpProto(proto).has_ports()),
            Icmp => self.ether == Some(0x0800) && self.proto == Some(1),
            Icmpv6 => self.ether == Some(0x86dd) && self.proto == Some(58),
        }
    }
}

impl Need {
    fn words(self) -> String {
        let ip = "`eth_type: 0x800` or `0x86dd`";
        match self {
            Nothing => String::new(),
            Arp => "`eth_type: 0x806`".to_owned(),
            Ipv4 => "`eth_type: 0x800`".to_owned(),
            Ipv6 => "`eth_type: 0x86dd`".to_owned(),
            Ip => ip.to_owned(),
            Need::Proto(proto) => format!("{ip} and `ip_proto: {proto}`"),
            Ports => format!("{ip} and an `ip_proto` with ports"),
            Icmp => "`eth_type: 0x800` and `ip_proto: 1`".to_owned(),
            Icmpv6 => "`eth_type: 0x86dd` and `ip_proto: 58`".to_owned(),
        }
    }

    /// What whoever wrote the rule has meant.
    fn implied(self) -> Cond {
        match self {
            Nothing | Ip | Ports => Cond::Any,
            Arp => Cond::ether(EtherType::ARP),
            Ipv4 => Cond::ether(EtherType::IPV4),
            Ipv6 => Cond::ether(EtherType::IPV6),
            Need::Proto(proto) => Cond::proto([proto]),
            Icmp => Cond::All(vec![Cond::ether(EtherType::IPV4), Cond::proto([1])]),
            Icmpv6 => Cond::All(vec![Cond::ether(EtherType::IPV6), Cond::proto([58])]),
        }
    }
}

/// One field.
fn one(word: &str, how: Value, value: &Node, known: &mut Known, told: &mut Told) -> Option<Part> {
    let place = value.place;
    let said = || format!("{word}: {}", value.shown());
    let cond = match how {
        Type => {
            let number = u16::try_from(number(word, value, u64::from(u16::MAX), told)?).ok()?;
            known.ether = Some(number);
            if number >= 0x0600 {
                Cond::ether(EtherType(number))
            } else {
                Cond::unsaid(place, said(), "frames with a length in place of a type are not told apart")
            }
        }
        Proto => {
            let number = u8::try_from(number(word, value, 255, told)?).ok()?;
            known.proto = Some(number);
            Cond::proto([number])
        }
        Mac(side) => mac(side, word, value, told)?,
        Vlan => return vlan(word, value, told).map(Part::Vlan),
        Pcp => Cond::field(format!("pcp = {}", number(word, value, 7, told)?)),
        Dscp => Cond::field(format!("dscp = {}", number(word, value, 63, told)?)),
        V4(side) => within(side, address(word, value, true, told)?, place, said()),
        V6(side) => within(side, address(word, value, false, told)?, place, said()),
        Port(side) => {
            let (number, mask) = masked(word, value, 16, told)?;
            ports(side, number, mask)
                .unwrap_or_else(|| Cond::unsaid(place, said(), "its mask stands for too many ranges of ports"))
        }
        IcmpType => Cond::field(format!("icmp-type = {}", number(word, value, 255, told)?)),
        IcmpCode => Cond::field(format!("icmp-code = {}", number(word, value, 255, told)?)),
        InPort => return in_port(word, value, told).map(Part::InPort),
        Lost(bits) => {
            masked(word, value, bits, told)?;
            Cond::unsaid(place, said(), format!("no rule here looks at `{word}`"))
        }
        LostAddress(v4) => {
            address(word, value, v4, told)?;
            Cond::unsaid(place, said(), format!("no rule here looks at `{word}`"))
        }
        LostMac => {
            mac(Side::Src, word, value, told)?;
            Cond::unsaid(place, said(), format!("no rule here looks at `{word}`"))
        }
    };
    Some(Part::Cond(cond))
}

/// A number, or a string that shows one.
fn number(word: &str, value: &Node, high: u64, told: &mut Told) -> Option<u64> {
    let number = match &value.kind {
        Kind::Int(number) => u64::try_from(*number).ok(),
        Kind::Str(text) => written(text).and_then(|number| u64::try_from(number).ok()),
        Kind::Null | Kind::Bool(_) | Kind::Float(_) | Kind::List(_) | Kind::Map(_) => None,
    };
    let found = number.filter(|number| *number <= high);
    if found.is_none() {
        let message = format!("`{word}` is a number from 0 to {high}, and this is `{}`", value.shown());
        told.wrong(Problem::new(value.place, message));
    }
    found
}

/// A number as Python's `int(…, 0)` reads it.
fn written(text: &str) -> Option<u128> {
    let lower = text.trim().to_ascii_lowercase();
    for (mark, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(mark) {
            return u128::from_str_radix(digits, radix).ok();
        }
    }
    if lower.len() > 1 && lower.starts_with('0') && lower.contains(|c| c != '0') {
        return None;
    }
    lower.parse().ok()
}

/// A number with or without a mask: `0x10/0xfff0`.
fn masked(word: &str, value: &Node, bits: u32, told: &mut Told) -> Option<(u128, u128)> {
    let all = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    let found = match &value.kind {
        Kind::Int(number) => u128::try_from(*number).ok().map(|number| (number, all)),
        Kind::Str(text) => match text.split_once('/') {
            Some((number, mask)) => written(number).zip(written(mask)),
            None => written(text).map(|number| (number, all)),
        },
        Kind::Null | Kind::Bool(_) | Kind::Float(_) | Kind::List(_) | Kind::Map(_) => None,
    };
    let found = found.filter(|(number, mask)| *number <= all && *mask <= all);
    if found.is_none() {
        let message = format!("`{word}` is a number from 0 to {all}, with or without a mask, and this is `{}`", value.shown());
        told.wrong(Problem::new(value.place, message));
    }
    found
}

/// Ports with these bits: as ranges, if they are not too many.
fn ports(side: Side, number: u128, mask: u128) -> Option<Cond> {
    let (number, mask) = (u16::try_from(number & mask).ok()?, u16::try_from(mask).ok()?);
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in (0..=u16::MAX).filter(|port| port & mask == number) {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => ranges.push((port, port)),
        }
        if ranges.len() > MOST_RANGES {
            return None;
        }
    }
    Some(Cond::Either(ranges.into_iter().map(|(low, high)| Cond::Test(Test::Port(side, low..=high))).collect()))
}

/// A number as it is, or a decimal string, is a VLAN; a hexadecimal string is what the switch compares, the mark of a tag included.
fn vlan(word: &str, value: &Node, told: &mut Told) -> Option<Cond> {
    const TAGGED: u128 = 0x1000;
    let said = format!("{word}: {}", value.shown());
    let read = match &value.kind {
        Kind::Int(number) => u128::try_from(*number).ok().map(|number| (number | TAGGED, 0x1fff)),
        Kind::Str(text) => match text.split_once('/') {
            Some((number, mask)) => written(number).zip(written(mask)),
            None if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => {
                text.parse::<u128>().ok().map(|number| (number | TAGGED, 0x1fff))
            }
            None => written(text).map(|number| (number, 0x1fff)),
        },
        Kind::Null | Kind::Bool(_) | Kind::Float(_) | Kind::List(_) | Kind::Map(_) => None,
    };
    let any = || Cond::field("vlan in 1-4094");
    match read.filter(|(number, mask)| *number <= 0x1fff && *mask <= 0x1fff) {
        Some((0, 0x1fff)) => Some(any().negated()),
        Some((TAGGED, TAGGED)) => Some(any()),
        Some((TAGGED, 0x1fff)) => {
            let why = "a priority tag is no VLAN here: frames with one are among those without";
            Some(Cond::bounded(value.place, said, why, any().negated(), Cond::Never))
        }
        Some((number @ 0x1001..=0x1ffe, 0x1fff)) => Some(Cond::field(format!("vlan = {}", number - TAGGED))),
        Some(_) => Some(Cond::unsaid(value.place, said, "VLANs are compared one by one")),
        None => {
            let message = format!("`{word}` is a VLAN from 0 to 4095, and this is `{}`", value.shown());
            told.wrong(Problem::new(value.place, message));
            None
        }
    }
}

fn in_port(word: &str, value: &Node, told: &mut Told) -> Option<u32> {
    match &value.kind {
        // Ports that no host is at.
        Kind::Str(text) if matches!(text.to_ascii_uppercase().as_str(), "LOCAL" | "CONTROLLER") => Some(0),
        _ => number(word, value, 0xffff_ff00, told).and_then(|number| u32::try_from(number).ok()),
    }
}

/// A MAC address with or without a mask.
fn mac(side: Side, word: &str, value: &Node, told: &mut Told) -> Option<Cond> {
    let wrong = |told: &mut Told| {
        let message = format!("`{word}` is a MAC address, with or without a mask, and this is `{}`", value.shown());
        told.wrong(Problem::new(value.place, message).help("write it in quotes, such as \"02:00:00:00:00:01\""));
        None
    };
    let Kind::Str(text) = &value.kind else { return wrong(told) };
    let (address, mask) = text.split_once('/').unwrap_or((text, "ff:ff:ff:ff:ff:ff"));
    let (Ok(address), Ok(mask)) = (address.parse::<MacAddr>(), mask.parse::<MacAddr>()) else { return wrong(told) };
    let (address, mask) = (address.to_bits(), mask.to_bits());
    let everyone = || Cond::end(Side::Dst, Class::Address, "broadcast");
    let groups = || Cond::Either(vec![everyone(), Cond::end(Side::Dst, Class::Address, "multicast")]);
    const GROUP: u64 = 0x0100_0000_0000;
    Some(match (side, mask, MacAddr::from_bits(address)) {
        (_, 0, _) => Cond::Any,
        // A frame from a group is refused before any policy is asked.
        (Side::Src, 0xffff_ffff_ffff, mac) if mac.is_multicast() => Cond::Never,
        (Side::Dst, 0xffff_ffff_ffff, mac) if mac.is_broadcast() => everyone(),
        (_, 0xffff_ffff_ffff, mac) => Cond::end(side, Class::Mac, mac.to_string()),
        (Side::Dst, GROUP, _) if address & GROUP != 0 => groups(),
        (Side::Dst, GROUP, _) => groups().negated(),
        _ => Cond::unsaid(value.place, format!("{word}: {text}"), "MAC addresses are compared as a whole"),
    })
}

/// An address with a mask, as bits.
struct Masked {
    address: IpAddr,
    /// How many bits in front are compared.
    length: u8,
    /// True if others behind them are, too.
    more: bool,
}

fn within(side: Side, found: Masked, place: Place, said: String) -> Cond {
    let Some(prefix) = Prefix::truncate(found.address, found.length) else { return Cond::Any };
    let cond = Cond::Test(Test::Within(side, prefix));
    // The Ethernet type, which stands beside it, says that there is an address.
    let cond = if found.length == 0 { Cond::Any } else { cond };
    if found.more { Cond::bounded(place, said, "its mask is no prefix", cond, Cond::Never) } else { cond }
}

/// An address with or without a mask: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`.
fn address(word: &str, value: &Node, v4: bool, told: &mut Told) -> Option<Masked> {
    let family = if v4 { "an IPv4 address" } else { "an IPv6 address" };
    let wrong = |told: &mut Told, what: String, help: &str| {
        told.wrong(Problem::new(value.place, what).help(help));
        None
    };
    let Kind::Str(text) = &value.kind else {
        let message = format!("`{word}` is {family}, with or without a mask, and this is `{}`", value.shown());
        return wrong(told, message, "write it in quotes");
    };
    let (address, mask) = text.split_once('/').map_or((text.as_str(), None), |(address, mask)| (address, Some(mask)));
    let parsed =
        if v4 { address.parse::<Ipv4Addr>().ok().map(IpAddr::V4) } else { address.parse::<Ipv6Addr>().ok().map(IpAddr::V6) };
    let Some(address) = parsed else {
        return wrong(told, format!("`{word}` is {family}, and this is `{text}`"), "write an address, with or without a mask");
    };
    let most: u8 = if v4 { 32 } else { 128 };
    let Some(mask) = mask else { return Some(Masked { address, length: most, more: false }) };
    if mask.chars().all(|c| c.is_ascii_digit()) {
        let Some(length) = mask.parse::<u8>().ok().filter(|length| *length <= most) else {
            let message = format!("a prefix of {family} is 0 to {most} bits long, and this is /{mask}");
            return wrong(told, message, &format!("write a length from 0 to {most}"));
        };
        return Some(Masked { address, length, more: false });
    }
    let bits = match (mask.parse::<IpAddr>(), v4) {
        (Ok(IpAddr::V4(mask)), true) => u128::from(mask.to_bits()) << 96,
        (Ok(IpAddr::V6(mask)), false) => mask.to_bits(),
        _ => return wrong(told, format!("`{mask}` is no mask of {family}"), "write a length, such as /24"),
    };
    let ones = u8::try_from(bits.leading_ones()).unwrap_or(most);
    Some(Masked { address, length: ones, more: bits.count_ones() != bits.leading_ones() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        let cases =
            [("80", Some(80)), ("0x50", Some(80)), ("0o17", Some(15)), ("010", None), ("0", Some(0)), ("x", None), ("-1", None)];
        for (text, wanted) in cases {
            assert_eq!(written(text), wanted, "{text}");
        }
    }

    #[test]
    fn masks_of_ports_are_ranges() {
        let range = |low, high| Cond::Test(Test::Port(Side::Dst, low..=high));
        assert_eq!(ports(Side::Dst, 0x50, 0xfff0), Some(Cond::Either(vec![range(0x50, 0x5f)])));
        assert_eq!(ports(Side::Dst, 1, 0xffff), Some(Cond::Either(vec![range(1, 1)])));
        let Some(Cond::Either(two)) = ports(Side::Dst, 0, 0x7fff) else { panic!() };
        assert_eq!(two, [range(0, 0), range(0x8000, 0x8000)]);
        assert_eq!(ports(Side::Dst, 0, 1), None, "every even port");
    }
}
