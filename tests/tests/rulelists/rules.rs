//! Rules over five fields of IPv4 headers, the first that matches deciding: read plainly, and as text of a policy. Knows nothing of the
//! formats that they come in.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use compiler::{Program, View};
use fuzz::mutate::Dice;
use lang::checked::{Checked, Verdict};
use lang::flow::{End, Flow, Headers};
use net::{EtherType, IpProto, Transport};

/// Every port.
pub const ALL_PORTS: RangeInclusive<u16> = 0..=u16::MAX;

/// Protocols whose headers have ports.
pub const WITH_PORTS: [u8; 3] = [6, 17, 132];

/// Addresses that are as this one, but for these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// One of them, with none of those bits.
    pub base: u32,
    /// Bits that do not count.
    pub wild: u32,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it does.
    pub allows: bool,
    /// Where from.
    pub src: Addresses,
    /// Where to.
    pub dst: Addresses,
    /// The protocol; nothing is all.
    pub proto: Option<u8>,
    /// Source ports.
    pub sports: RangeInclusive<u16>,
    /// Destination ports.
    pub dports: RangeInclusive<u16>,
}

/// The five fields of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Source address.
    pub src: u32,
    /// Destination address.
    pub dst: u32,
    /// Protocol.
    pub proto: u8,
    /// Source and destination port, if it has any.
    pub ports: Option<(u16, u16)>,
}

/// How a rule is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `from`, `to`, `for`, and `when` for what these cannot say.
    Clauses,
    /// One `when`.
    Condition,
}

impl Addresses {
    /// Those of a prefix.
    pub fn prefix(base: u32, length: u8) -> Addresses {
        let wild = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
        Addresses { base: base & !wild, wild }
    }

    /// True for one of them.
    pub fn has(self, address: u32) -> bool {
        address & !self.wild == self.base & !self.wild
    }

    /// True if the bits that do not count are the last ones.
    pub fn is_prefix(self) -> bool {
        self.wild.checked_add(1).is_none_or(u32::is_power_of_two)
    }

    /// The first and the last, where they are a prefix.
    pub fn range(self) -> (u32, u32) {
        assert!(self.is_prefix(), "{self:?}");
        (self.base & !self.wild, self.base | self.wild)
    }

    /// The prefixes that they are together.
    fn prefixes(self) -> Vec<String> {
        let tail = self.wild.trailing_ones();
        let scattered = self.wild & u32::MAX.checked_shl(tail).unwrap_or(0);
        let mut all = Vec::new();
        let mut bits = 0_u32;
        loop {
            all.push(format!("{}/{}", Ipv4Addr::from((self.base & !self.wild) | bits), 32 - tail));
            // The next number within these bits.
            bits = bits.wrapping_sub(scattered) & scattered;
            if bits == 0 {
                return all;
            }
        }
    }
}

impl Rule {
    /// True if the header is one that it speaks of.
    pub fn matches(&self, header: &Header) -> bool {
        let inside = |range: &RangeInclusive<u16>, port: Option<u16>| {
            *range == ALL_PORTS || port.is_some_and(|port| range.contains(&port))
        };
        self.src.has(header.src)
            && self.dst.has(header.dst)
            && self.proto.is_none_or(|proto| proto == header.proto)
            && inside(&self.sports, header.ports.map(|ports| ports.0))
            && inside(&self.dports, header.ports.map(|ports| ports.1))
    }

    /// As a rule of a policy, with the declarations that it takes.
    fn text(&self, name: &str, style: Style, declarations: &mut String) -> String {
        let verdict = if self.allows { "allow" } else { "deny" };
        let mut ends = [self.src, self.dst].into_iter().zip(["src", "dst"]).map(|(addresses, side)| {
            let prefixes = addresses.prefixes();
            if let [only] = prefixes.as_slice() {
                return only.clone();
            }
            let _ = writeln!(declarations, "group {name}.{side} = network {{ {} }};", prefixes.join(", "));
            format!("{name}.{side}")
        });
        let (src, dst) = (ends.next().unwrap(), ends.next().unwrap());
        let range = |range: &RangeInclusive<u16>| format!("{}-{}", range.start(), range.end());
        let mut tests = Vec::new();
        let mut text = format!("{name}: {verdict}");
        let mut dports = self.dports != ALL_PORTS;
        match style {
            Style::Condition => {
                tests.extend([format!("nwsrc in {src}"), format!("nwdst in {dst}")]);
                tests.extend(self.proto.map(|proto| format!("protocol = {proto}")));
            }
            Style::Clauses => {
                let _ = write!(text, " from {src} to {dst}");
                if let Some(proto) = self.proto {
                    let word = match proto {
                        6 => "tcp".to_owned(),
                        17 => "udp".to_owned(),
                        132 => "sctp".to_owned(),
                        other => format!("ip/{other}"),
                    };
                    let service =
                        if dports && WITH_PORTS.contains(&proto) { format!("/{}", range(&self.dports)) } else { String::new() };
                    dports &= service.is_empty();
                    let _ = write!(text, " for {word}{service}");
                }
            }
        }
        if self.sports != ALL_PORTS {
            tests.push(format!("tpsrc in {}", range(&self.sports)));
        }
        if dports {
            tests.push(format!("tpdst in {}", range(&self.dports)));
        }
        if !tests.is_empty() {
            let _ = write!(text, " when {}", tests.join(" and "));
        }
        text + ";\n"
    }
}

impl Header {
    /// As a flow between ends of which nothing but the address is known.
    pub fn flow(&self) -> Flow {
        let end = |address: u32| End { address: Some(IpAddr::V4(address.into())), ..End::default() };
        let headers = Headers {
            dl_type: Some(EtherType::IPV4),
            proto: Some(IpProto(self.proto)),
            dscp: Some(0),
            transport: self.ports.map(|(src, dst)| Transport::Ports { src, dst }),
            ..Headers::default()
        };
        Flow { src: end(self.src), dst: end(self.dst), headers, time: None }
    }
}

/// The first rule that matches.
pub fn first(rules: &[Rule], header: &Header) -> Option<usize> {
    rules.iter().position(|rule| rule.matches(header))
}

/// The whole list as a policy that has nothing else: no prelude, and `deny` where no rule matches.
pub fn policy(rules: &[Rule], style: Style) -> Arc<Checked> {
    let mut text = String::from("section prelude { }\ndefault deny;\n");
    let mut declarations = String::new();
    for (place, rule) in rules.iter().enumerate() {
        text += &rule.text(&format!("r{place}"), style, &mut declarations);
    }
    tests::policy(&[("list.pol", declarations + &text)])
}

/// A list of rules as both of its programs.
pub struct Compiled<'a> {
    rules: &'a [Rule],
    programs: [Program; 2],
}

impl<'a> Compiled<'a> {
    /// Compiles it within the limits.
    pub fn new(rules: &'a [Rule]) -> Compiled<'a> {
        let programs = [Style::Clauses, Style::Condition].map(|style| {
            let policy = policy(rules, style);
            assert_eq!(policy.rules.len(), rules.len());
            Program::try_compile(policy, &View::default()).unwrap()
        });
        Compiled { rules, programs }
    }

    /// The program of the rules written in clauses.
    pub fn program(&self) -> &Program {
        &self.programs[0]
    }

    /// Both programs decide the header as the list does, by the same rule, which is returned.
    pub fn agrees(&self, list: &str, header: &Header) -> Option<usize> {
        let wanted = first(self.rules, header);
        let verdict = if wanted.is_some_and(|place| self.rules[place].allows) { Verdict::Allow } else { Verdict::Deny };
        for program in &self.programs {
            let found = program.judge(&header.flow());
            let told = (found.verdict, found.rule.map(|rule| rule.index()));
            assert_eq!(told, (verdict, wanted), "{list}: {header:?}: {:?}", wanted.map(|place| &self.rules[place]));
        }
        wanted
    }
}

/// A header around the edges of a rule: each field at one of its ends, or one beyond. Packets of protocols without ports have none,
/// unless `bare`: then every header is five numbers.
pub fn around(dice: &mut Dice, rule: &Rule, bare: bool) -> Header {
    let address = |dice: &mut Dice, addresses: Addresses| {
        let (low, high) = (addresses.base & !addresses.wild, addresses.base | addresses.wild);
        let within = low | (dice.below(usize::MAX) as u32 & addresses.wild);
        [low, high, low.wrapping_sub(1), high.wrapping_add(1), within, within][dice.below(6)]
    };
    let port = |dice: &mut Dice, range: &RangeInclusive<u16>| {
        let (low, high) = (*range.start(), *range.end());
        [low, high, low.wrapping_sub(1), high.wrapping_add(1), low.midpoint(high)][dice.below(5)]
    };
    let own = rule.proto.unwrap_or([6, 17, 132, 1, 47][dice.below(5)]);
    let proto = if dice.below(8) == 0 { [0, 1, 6, 17, 58, 132, 255][dice.below(7)] } else { own };
    let (src, dst) = (address(dice, rule.src), address(dice, rule.dst));
    let ports = Some((port(dice, &rule.sports), port(dice, &rule.dports)));
    Header { src, dst, proto, ports: ports.filter(|_| bare || WITH_PORTS.contains(&proto)) }
}
