//! Values of literals, read strictly: each refusal names the value and, where it can be told, what was probably meant.
//! Knows nothing of where a literal stands.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use net::{Dpid, Field, IpProto, MacAddr, PortNo, Prefix, PrefixError};

use crate::builtin;
use crate::checked::ServiceTerm;
use crate::codes::{Code, syntax};
use crate::phrasebook;
use crate::suggest::{self, Candidate};

pub mod when;

/// The greatest number of a physical switch port (OpenFlow 1.3.5 §7.2.1).
pub const MAX_SWITCH_PORT: u32 = 0xffff_ff00;

/// Why a literal has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralError {
    /// The code to report it under.
    pub code: Code,
    /// What is wrong, with the value.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl LiteralError {
    fn new(code: Code, message: String) -> Self {
        LiteralError { code, message, help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A MAC address that a host can have.
///
/// # Errors
/// E0120, if it is malformed, a group address, or zero.
pub fn mac(text: &str) -> Result<MacAddr, LiteralError> {
    let address = any_mac(text)?;
    if address.is_unicast() {
        return Ok(address);
    }
    let which = if address.is_multicast() { "a group address" } else { "no address at all" };
    Err(LiteralError::new(syntax::E0120, format!("`{text}` is {which}, which no host can have")))
}

/// A MAC address of any sort.
///
/// # Errors
/// E0120, if it is malformed.
pub fn any_mac(text: &str) -> Result<MacAddr, LiteralError> {
    text.parse().map_err(|_| not_a_mac(text))
}

/// The refusal of what should be a MAC address.
pub(crate) fn not_a_mac(text: &str) -> LiteralError {
    let strange = text.chars().find(|c| !c.is_ascii_hexdigit() && !matches!(c, ':' | '-' | '.'));
    let help = match (meant_mac(text), strange) {
        (Some(meant), _) => format!("write `{meant}`"),
        (None, Some(c)) if text.matches([':', '-']).count() == 5 => format!("`{c}` is no hexadecimal digit"),
        (None, _) => "a MAC address has six pairs of hexadecimal digits: `02:00:00:00:00:11`".to_owned(),
    };
    LiteralError::new(syntax::E0120, format!("`{text}` is not a MAC address")).help(help)
}

/// The twelve digits of a MAC address, however others group them, as they are written here.
fn meant_mac(text: &str) -> Option<String> {
    let digits: Vec<char> = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let sound = digits.len() == 12 && digits.iter().all(char::is_ascii_hexdigit);
    sound.then(|| digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join(":"))
}

/// A prefix without host bits.
///
/// # Errors
/// E0121 or E0122.
pub fn prefix(text: &str) -> Result<Prefix, LiteralError> {
    text.parse().map_err(|error| prefix_error(text, &error))
}

/// One address.
///
/// # Errors
/// E0121, if it is malformed or a prefix.
pub fn address(text: &str) -> Result<IpAddr, LiteralError> {
    let prefix = match text.parse::<Prefix>() {
        Ok(prefix) => prefix,
        Err(PrefixError::HostBits { .. }) => return Err(no_length(text, false)),
        Err(error) => return Err(prefix_error(text, &error)),
    };
    if text.contains('/') {
        Err(no_length(text, prefix.length() < if prefix.network().is_ipv4() { 32 } else { 128 }))
    } else {
        Ok(prefix.network())
    }
}

/// The refusal of a prefix in the place of an address; `whole` if it is the address of a network that is written.
fn no_length(text: &str, whole: bool) -> LiteralError {
    let alone = text.split('/').next().unwrap_or(text);
    let help = if whole {
        format!("a host has an address of its own, without a length, and `{alone}` is the network's")
    } else {
        format!("write `{alone}`")
    };
    LiteralError::new(syntax::E0121, format!("`{text}` is a prefix, and here one address is needed")).help(help)
}

fn prefix_error(text: &str, error: &PrefixError) -> LiteralError {
    match error {
        PrefixError::TooLong { limit } => {
            let length = text.split('/').nth(1).unwrap_or("");
            LiteralError::new(syntax::E0121, format!("`/{length}` is no length of a prefix in `{text}`"))
                .help(format!("lengths are 0 to {limit} here"))
        }
        PrefixError::HostBits { meant } => {
            let alone = text.split('/').next().unwrap_or(text);
            LiteralError::new(syntax::E0122, format!("`{text}` has bits set to the right of its length"))
                .help(format!("write `{meant}` for the network, or `{alone}` for the one address"))
        }
        PrefixError::Mapped => {
            let error =
                LiteralError::new(syntax::E0121, format!("`{text}` is an IPv4 address in IPv6 form, which no packet carries"));
            match mapped(text) {
                Some(meant) => error.help(format!("write `{meant}`")),
                None => error,
            }
        }
        PrefixError::Malformed => malformed(text),
    }
}

/// The IPv4 form of a mapped address, with its length.
fn mapped(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let IpAddr::V6(v6) = address.parse().ok()? else { return None };
    let v4 = v6.to_ipv4_mapped()?;
    match length.map(str::parse::<u8>) {
        None => Some(v4.to_string()),
        Some(Ok(length @ 96..=128)) => Some(format!("{v4}/{}", length - 96)),
        Some(_) => None,
    }
}

fn malformed(text: &str) -> LiteralError {
    let error = LiteralError::new(syntax::E0121, format!("`{text}` is not an address"));
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    if when::clock(address).is_ok() {
        return error.help("it is a time: declare `time NAME = mon-fri 08:00-18:00;`, and write `when time in NAME`");
    }
    if let Some(meant) = reversed_service(text) {
        return error.help(format!("write `{meant}`"));
    }
    let masked = length.and_then(mask_length).map(|length| format!("{address}/{length}"));
    if let Some(meant) = masked.filter(|meant| prefix(meant).is_ok()) {
        return error.help(format!("write `{meant}`"));
    }
    if let Some(prefixes) = address_range(text) {
        let list = prefixes.join(" | ");
        return error.help(format!("a range is written as its prefixes: `{list}` in a rule, with commas for `|` in a network"));
    }
    if address.contains('-') {
        return error.help("ranges of addresses are written as prefixes, joined with `|` in a rule, with commas in a network: `10.4.0.0/17 | 10.4.128.0/18`");
    }
    if length == Some("") {
        return error.help("the length is missing behind the `/`");
    }
    if address.contains(':') {
        return error.help("an IPv6 address has eight groups of up to four hexadecimal digits, with one `::` for groups of zero");
    }
    let octets: Vec<&str> = address.split('.').collect();
    if let Some(big) = octets.iter().find(|octet| octet.parse::<u32>().is_ok_and(|value| value > 255)) {
        return error.help(format!("`{big}` is more than 255"));
    }
    if let (Some(zero), 4) = (octets.iter().find(|octet| octet.len() > 1 && octet.starts_with('0')), octets.len()) {
        return error.help(format!("write `{zero}` without leading zeros: some read them as octal"));
    }
    if octets.len() < 4 && octets.iter().all(|octet| octet.parse::<u8>().is_ok()) && length.is_some() {
        let zeros = ".0".repeat(4 - octets.len());
        return error.help(format!("did you mean `{address}{zeros}/{}`?", length.unwrap_or("")));
    }
    error.help("an IPv4 address has four numbers: `10.0.9.10`")
}

/// The prefixes that make up `10.0.0.1-10.0.0.9`, if they are few.
fn address_range(text: &str) -> Option<Vec<String>> {
    let (first, last) = text.split_once('-')?;
    let read = |text: &str| text.trim().parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let (mut first, last) = (u64::from(read(first)?), u64::from(read(last)?));
    let mut prefixes = Vec::new();
    while first <= last {
        // The largest block that starts here and does not reach beyond the end.
        let free = (0..=32_u32).rev().find(|bits| first.is_multiple_of(1 << bits) && first + (1 << bits) <= last + 1)?;
        let address = std::net::Ipv4Addr::from(u32::try_from(first).ok()?);
        prefixes.push(if free == 0 { address.to_string() } else { format!("{address}/{}", 32 - free) });
        first += 1 << free;
    }
    (1..=6).contains(&prefixes.len()).then_some(prefixes)
}

/// The length of the prefix that a netmask stands for, be it written as such or turned round.
pub(crate) fn mask_length(mask: &str) -> Option<u32> {
    let mask = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    let mask = if mask.leading_ones() > 0 || mask == 0 { mask } else { !mask };
    (mask.leading_ones() + mask.trailing_zeros() >= u32::BITS).then(|| mask.leading_ones())
}

/// `80/tcp` in the order of the language.
pub(crate) fn reversed_service(text: &str) -> Option<String> {
    let (ports, name) = text.split_once('/')?;
    let written = format!("{name}/{ports}");
    (builtin::protocol(name).is_some() && service(&written).is_ok()).then_some(written)
}

/// A number, decimal or `0x` hexadecimal, of at most 64 bits.
fn plain_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// A number or a range, `FIRST-LAST`, of at most 64 bits.
///
/// # Errors
/// E0123 for what is too large or no number, E0124 for a reversed range.
pub fn range(text: &str) -> Result<RangeInclusive<u64>, LiteralError> {
    let no_number = |part: &str| LiteralError::new(syntax::E0123, format!("`{part}` is not a number that is known here"));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = match (plain_number(first), plain_number(last)) {
        (Some(low), Some(high)) => (low, high),
        (None, _) => return Err(no_number(if first.is_empty() { text } else { first })),
        (_, None) => return Err(no_number(if last.is_empty() { text } else { last })),
    };
    if low > high {
        let error = LiteralError::new(syntax::E0124, format!("the range `{text}` is reversed"));
        return Err(error.help(format!("did you mean `{last}-{first}`?")));
    }
    Ok(low..=high)
}

/// A datapath identifier.
///
/// # Errors
/// E0123, if it is no number of 64 bits.
pub fn dpid(text: &str) -> Result<Dpid, LiteralError> {
    if text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Switches show theirs as 16 hexadecimal digits.
        let message = format!("`{text}` is decimal or hexadecimal, who knows");
        let hex = text.trim_start_matches('0');
        let help = format!("write `0x{}`, if it is hexadecimal as switches show it", if hex.is_empty() { "0" } else { hex });
        return Err(LiteralError::new(syntax::E0123, message).help(help));
    }
    text.parse().map_err(|_| {
        LiteralError::new(syntax::E0123, format!("`{text}` is not a datapath identifier"))
            .help("a datapath identifier is one number of 64 bits: `0x1` or `1`")
    })
}

/// The refusal of a datapath identifier as switches print it, in hexadecimal digits alone or in pairs; nothing for other words.
pub(crate) fn printed_dpid(text: &str) -> Option<LiteralError> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let value = u64::from_str_radix(&digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
    let error = LiteralError::new(syntax::E0123, format!("`{text}` is not a datapath identifier"));
    Some(error.help(format!("hexadecimal numbers start with `0x`: write `{value:#x}`")))
}

/// Switch ports: 1 to [`MAX_SWITCH_PORT`].
///
/// # Errors
/// E0123 or E0124.
pub fn switch_ports(text: &str) -> Result<RangeInclusive<u32>, LiteralError> {
    let (first, last) = range(text)?.into_inner();
    match (u32::try_from(first), u32::try_from(last)) {
        (Ok(first @ 1..), Ok(last)) if last <= MAX_SWITCH_PORT => Ok(first..=last),
        _ => Err(LiteralError::new(syntax::E0123, format!("`{text}` is no switch port"))
            .help(format!("switch ports are 1 to {MAX_SWITCH_PORT}"))),
    }
}

/// The number of a queue: 0 to 4,294,967,294; the one behind means all (OpenFlow 1.3.5 §7.2.2).
///
/// # Errors
/// E0123.
pub fn queue(text: &str) -> Result<u32, LiteralError> {
    match range(text)?.into_inner() {
        (first, last) if first == last && first < u64::from(u32::MAX) => Ok(u32::try_from(first).unwrap_or(0)),
        _ => Err(LiteralError::new(syntax::E0123, format!("`{text}` is no queue")).help("a queue is one number: `queue 3`")),
    }
}

/// `edge1:5`: the switch's name and the port.
///
/// # Errors
/// E0123, if the port is no port number.
pub fn location(text: &str) -> Result<(&str, PortNo), LiteralError> {
    let (switch, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    match switch_ports(port) {
        Ok(range) if digits => Ok((switch, PortNo(*range.start()))),
        _ => Err(LiteralError::new(syntax::E0123, format!("`{port}` in `{text}` is no switch port"))
            .help(format!("a location is a switch and a port number, 1 to {MAX_SWITCH_PORT}: `edge1:5`"))),
    }
}

/// `tcp`, `tcp/80`, `tcp/8000-8080`, `icmp/3/1`, `ip/89`.
///
/// # Errors
/// E0123, E0124 or E0125.
pub fn service(text: &str) -> Result<ServiceTerm, LiteralError> {
    let mut parts = text.split('/');
    let name = parts.next().unwrap_or("");
    let rest: Vec<&str> = parts.collect();
    if name == "ip" {
        return ip_protocol(text, &rest);
    }
    let Some(proto) = builtin::protocol(name) else { return Err(unknown_protocol(text, name)) };
    if let [part] = rest.as_slice()
        && let Some(error) = named_part(text, name, proto, part)
    {
        return Err(error);
    }
    match (rest.as_slice(), proto.has_ports()) {
        ([], _) => Ok(ServiceTerm::Protocol(proto)),
        ([ports], true) => {
            let (first, last) = limited(text, ports, u64::from(u16::MAX), "ports")?;
            Ok(ServiceTerm::Ports(proto, first..=last))
        }
        ([kind], false) => Ok(ServiceTerm::Icmp(proto, one_byte(text, kind)?, None)),
        ([kind, code], false) => Ok(ServiceTerm::Icmp(proto, one_byte(text, kind)?, Some(one_byte(text, code)?))),
        _ => Err(not_a_service(text)),
    }
}

fn not_a_service(text: &str) -> LiteralError {
    LiteralError::new(syntax::E0125, format!("`{text}` is not a service"))
        .help("services are written `tcp/80`, `udp/5000-5010`, `icmp/8`, `icmp/3/1` or `ip/89`")
}

/// The refusal of a word in the place of a port or type: `tcp/http`, `icmp/echo`.
fn named_part(text: &str, name: &str, proto: IpProto, part: &str) -> Option<LiteralError> {
    if !part.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let of_proto = |term: &ServiceTerm| match term {
        ServiceTerm::Ports(of, ports) if *of == proto => Some(*ports.start()),
        ServiceTerm::Ports(..) | ServiceTerm::Icmp(..) | ServiceTerm::Protocol(_) => None,
    };
    let known = builtin::service(part).and_then(|terms| terms.iter().find_map(of_proto));
    let help = match (proto.has_ports(), known) {
        (_, _) if matches!(part, "any" | "all") => format!("write `{name}` for all of it"),
        (true, Some(port)) => format!("write `{name}/{port}`, or the service by its name: `{part}`"),
        (true, None) => format!("write its number, as in `{name}/80`"),
        (false, _) => {
            format!("write `{name}/{}`", phrasebook::icmp_type(name, part).map_or("TYPE".to_owned(), |of| of.to_string()))
        }
    };
    let what = if proto.has_ports() { "number of a port" } else { "number of a type" };
    Some(LiteralError::new(syntax::E0123, format!("`{part}` in `{text}` is no {what}")).help(help))
}

fn ip_protocol(text: &str, rest: &[&str]) -> Result<ServiceTerm, LiteralError> {
    match rest {
        [number] => Ok(ServiceTerm::Protocol(IpProto(one_byte(text, number)?))),
        _ => Err(not_a_service(text)),
    }
}

fn unknown_protocol(text: &str, name: &str) -> LiteralError {
    let known = builtin::PROTOCOLS.iter().map(|(name, _)| Candidate { name, kind: None });
    let near = suggest::did_you_mean(&suggest::nearest(name, None, known));
    LiteralError {
        help: Some(
            near.unwrap_or_else(|| "protocols are `tcp`, `udp`, `sctp`, `icmp`, `icmpv6`, and `ip/N` for others".to_owned()),
        ),
        ..LiteralError::new(syntax::E0125, format!("`{name}` in `{text}` is not a protocol"))
    }
}

fn limited(text: &str, part: &str, limit: u64, what: &str) -> Result<(u16, u16), LiteralError> {
    if part.is_empty() {
        return Err(not_a_service(text));
    }
    let (first, last) = range(part)?.into_inner();
    match (u16::try_from(first), u16::try_from(last)) {
        (Ok(first), Ok(last)) if u64::from(last) <= limit => Ok((first, last)),
        _ => {
            let over = if first > limit { first } else { last };
            Err(LiteralError::new(syntax::E0123, format!("`{over}` in `{text}` is out of range"))
                .help(format!("{what} are 0 to {limit}")))
        }
    }
}

/// One number of 8 bits: an ICMP type or code, an IP protocol.
fn one_byte(text: &str, part: &str) -> Result<u8, LiteralError> {
    let (first, last) = limited(text, part, u64::from(u8::MAX), "types, codes and protocol numbers")?;
    match u8::try_from(first) {
        Ok(byte) if first == last => Ok(byte),
        _ => Err(not_a_service(text)),
    }
}

/// The numbers that a header field can hold; nothing for fields whose values are not numbers.
#[must_use]
pub fn limits(field: Field) -> Option<RangeInclusive<u64>> {
    match field {
        Field::Vlan => Some(1..=4094),
        Field::Pcp => Some(0..=7),
        Field::Dscp => Some(0..=63),
        Field::Protocol | Field::IcmpType | Field::IcmpCode => Some(0..=255),
        Field::TpSrc | Field::TpDst | Field::DlType => Some(0..=65535),
        Field::InPort | Field::DlSrc | Field::DlDst | Field::NwSrc | Field::NwDst => None,
    }
}

/// Checks numbers against the limits of the header field with this word.
///
/// # Errors
/// E0123, naming the first number that is out of range.
pub fn check_limits(word: &str, field: Field, range: &RangeInclusive<u64>) -> Result<(), LiteralError> {
    let Some(limits) = limits(field) else { return Ok(()) };
    let bad = [*range.start(), *range.end()].into_iter().find(|number| !limits.contains(number));
    bad.map_or(Ok(()), |number| {
        Err(LiteralError::new(syntax::E0123, format!("`{word}` is never {number}")).help(format!(
            "`{word}` is {} to {}",
            limits.start(),
            limits.end()
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: std::fmt::Debug>(result: Result<T, LiteralError>) -> String {
        let error = result.unwrap_err();
        format!("{} {} ({})", error.code, error.message, error.help.unwrap_or_default())
    }

    #[test]
    fn refusals_name_the_value_and_what_was_meant() {
        let told = [
            told(mac("02:00:00:00:12")),
            told(mac("01:00:5e:00:00:01")),
            told(prefix("10.4.0.1/16")),
            told(prefix("10.4.0.0/33")),
            told(prefix("::ffff:10.0.0.1")),
            told(prefix("::ffff:10.0.0.0/104")),
            told(prefix("10.4/16")),
            told(prefix("10.4.0.256")),
            told(prefix("10.4.0.0/")),
            told(prefix("10.0.0.1-10.0.0.9")),
            told(prefix("10.0.0.010")),
            told(address("10.0.9.10/24")),
            told(address("10.0.9.0/24")),
            told(prefix("10.0.0.0/255.255.255.0")),
            told(prefix("10.0.0.0/0.0.0.255")),
            told(prefix("10.0.0.0/255.0.255.0")),
            told(prefix("80/tcp")),
            told(prefix("08:00-18:00")),
            told(any_mac("02:00:00:00:00:0G")),
            told(any_mac("0200.0000.0009")),
            told(service("tcp/http")),
            told(service("udp/http")),
            told(service("tcp/any")),
            told(service("icmp/echo")),
            told(service("icmpv6/echo")),
            told(service("tcp/65536")),
            told(service("tcp/8080-8000")),
            told(service("tpc/80")),
            told(service("icmp/8/256")),
            told(service("tcp/80/1")),
            told(service("tcp/")),
            told(location("edge1:0")),
            told(location("edge1:eth0")),
            told(switch_ports("24-1")),
            told(check_limits("vlan", Field::Vlan, &(4095..=4095))),
            told(dpid("1-2")),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn good_values_are_read() {
        assert_eq!(service("tcp/8000-8080"), Ok(ServiceTerm::Ports(IpProto::TCP, 8000..=8080)));
        assert_eq!(service("icmp/3/1"), Ok(ServiceTerm::Icmp(IpProto::ICMP, 3, Some(1))));
        assert_eq!(service("ip/89"), Ok(ServiceTerm::Protocol(IpProto(89))));
        assert_eq!(location("edge1:5"), Ok(("edge1", PortNo(5))));
        assert_eq!(switch_ports("1-24"), Ok(1..=24));
        assert_eq!(dpid("0x10"), Ok(Dpid(16)));
        assert_eq!(range("0x800"), Ok(0x800..=0x800));
        assert!(check_limits("vlan", Field::Vlan, &(1..=4094)).is_ok());
    }
}
