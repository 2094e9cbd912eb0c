//! Rules of the policy as text. Knows nothing of the language that they come from.

use std::fmt::Write;

use net::{EtherType, IpProto};

use crate::logic::{Class, Cond, Side, Test};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    Deny,
    Redirect,
    /// Leaves the section.
    Pass,
    /// Its condition is made of ends and services alone: [`is_plain`].
    OutboundOnly,
}

/// A rule, all of which can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) verdict: Verdict,
    /// Settled.
    pub(crate) cond: Cond,
    pub(crate) duties: Duties,
}

/// What is bound to what a rule allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Duties {
    /// Middleboxes to pass, in this order.
    pub(crate) via: Vec<String>,
    /// No more than this rate.
    pub(crate) limit: Option<String>,
}

impl Duties {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Duties::default()
    }
}

impl Rule {
    pub(crate) fn new(verdict: Verdict, cond: Cond) -> Rule {
        Rule { verdict, cond, duties: Duties::default() }
    }

    /// The statement.
    pub(crate) fn text(&self) -> String {
        // What `at` says holds of the allow half of an `outbound-only` alone, and what `from` says of both.
        let mut clauses = Clauses { places_in_from: self.verdict == Verdict::OutboundOnly, ..Clauses::default() };
        match &self.cond {
            Cond::All(parts) => clauses.take(parts),
            one => clauses.take(std::slice::from_ref(one)),
        }
        let word = match self.verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Redirect => "redirect portal",
            Verdict::Pass => "pass",
            Verdict::OutboundOnly => "outbound-only",
        };
        let mut text = word.to_owned();
        // Writing to a String cannot fail.
        let _ = clauses.write(&mut text);
        if !self.duties.via.is_empty() {
            let _ = write!(text, " via {}", self.duties.via.join(", "));
        }
        if let Some(limit) = &self.duties.limit {
            let _ = write!(text, " limit {limit}");
        }
        text.push(';');
        text
    }
}

/// True if the condition, settled, can be said without `when`: sets of ends, and one list of services.
pub(crate) fn is_plain(cond: &Cond) -> bool {
    let parts = match cond {
        Cond::Any => &[],
        Cond::All(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let services = parts.iter().filter(|part| matches!(part, Cond::Test(Test::Service(_)))).count();
    let ends = parts.iter().filter(|part| matches!(part, Cond::Test(Test::End(..)))).count();
    services <= 1 && services + ends == parts.len()
}

/// The parts of a conjunction by the clauses that say them best.
#[derive(Default)]
struct Clauses {
    from: Vec<String>,
    to: Vec<String>,
    services: Vec<String>,
    at: Vec<String>,
    when: Vec<String>,
    places_in_from: bool,
}

impl Clauses {
    fn take(&mut self, parts: &[Cond]) {
        let mut protos: Option<&std::collections::BTreeSet<u8>> = None;
        let mut ports: Option<&std::ops::RangeInclusive<u16>> = None;
        for part in parts {
            match part {
                Cond::Any => {}
                Cond::Test(Test::End(Side::Src, Class::Place, set)) if !self.places_in_from => self.at.push(set.clone()),
                Cond::Test(Test::End(Side::Src, _, set)) => self.from.push(set.clone()),
                Cond::Test(Test::End(Side::Dst, _, set)) => self.to.push(set.clone()),
                Cond::Test(Test::Within(Side::Src, prefix)) => self.from.push(prefix.to_string()),
                Cond::Test(Test::Within(Side::Dst, prefix)) => self.to.push(prefix.to_string()),
                Cond::Test(Test::Service(names)) if self.services.is_empty() => self.services = names.clone(),
                Cond::Test(Test::Proto(set)) if protos.is_none() => protos = Some(set),
                Cond::Test(Test::Port(Side::Dst, range)) if ports.is_none() => ports = Some(range),
                other => self.when.push(said(other, Level::And)),
            }
        }
        match (protos, ports) {
            (Some(protos), Some(range)) if self.services.is_empty() && protos.iter().all(|proto| IpProto(*proto).has_ports()) => {
                self.services = protos.iter().map(|proto| format!("{}/{}", protocol(*proto), range_text(range))).collect();
            }
            (Some(protos), None) if self.services.is_empty() => {
                self.services = protos.iter().map(|proto| service(*proto)).collect();
            }
            (protos, ports) => {
                let protos = protos.map(|set| Cond::Test(Test::Proto(set.clone())));
                let ports = ports.map(|range| Cond::Test(Test::Port(Side::Dst, range.clone())));
                self.when.extend([protos, ports].into_iter().flatten().map(|test| said(&test, Level::And)));
            }
        }
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let any = [&self.from, &self.to, &self.services, &self.at, &self.when].iter().all(|clause| clause.is_empty());
        if self.from.is_empty() && (any || self.places_in_from) {
            text.push_str(" from any");
        }
        let clauses = [
            (" from ", joined(&self.from)),
            (" to ", joined(&self.to)),
            (" for ", self.services.join(", ")),
            (" at ", joined(&self.at)),
            (" when ", self.when.join(" and ")),
        ];
        for (word, said) in clauses.iter().filter(|(_, said)| !said.is_empty()) {
            write!(text, "{word}{said}")?;
        }
        Ok(())
    }
}

/// Sets that an end is in, all of them.
fn joined(sets: &[String]) -> String {
    match sets {
        [only] => only.clone(),
        several => several.iter().map(|set| grouped(set)).collect::<Vec<_>>().join(" and "),
    }
}

/// A set that can stand between operators.
fn grouped(set: &str) -> String {
    if set.contains(" | ") { format!("({set})") } else { set.to_owned() }
}

/// How tightly the place of a condition binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
}

/// A condition as `when` has it.
fn said(cond: &Cond, level: Level) -> String {
    match cond {
        // Settled conditions have neither inside; as a whole, a rule without condition is written without `when`.
        Cond::Any => "(tpsrc in 0-65535 or not tpsrc in 0-65535)".to_owned(),
        Cond::Never => "(tpsrc in 0-65535 and not tpsrc in 0-65535)".to_owned(),
        Cond::Test(test) => test_text(test),
        Cond::Not(inner) => format!("not {}", said(inner, Level::Not)),
        Cond::All(parts) => wrapped(parts, " and ", Level::And, level),
        Cond::Either(parts) => wrapped(parts, " or ", Level::Or, level),
        // Bounded before it gets here.
        Cond::Unsaid(unsaid) => said(&unsaid.at_most, level),
    }
}

fn wrapped(parts: &[Cond], word: &str, own: Level, level: Level) -> String {
    let text = parts.iter().map(|part| said(part, own)).collect::<Vec<_>>().join(word);
    if level > own { format!("({text})") } else { text }
}

fn test_text(test: &Test) -> String {
    match test {
        Test::End(side, class, set) => {
            let one = !set.contains([' ', '{']);
            format!("{} {} {set}", field(*side, *class), if one { "=" } else { "in" })
        }
        Test::Within(side, prefix) if prefix.is_host() => format!("{} = {prefix}", field(*side, Class::Address)),
        Test::Within(side, prefix) => format!("{} in {prefix}", field(*side, Class::Address)),
        Test::Ether(value) => format!("dltype = {}", ether_text(*value)),
        Test::Proto(protos) => match protos.iter().map(|proto| protocol(*proto)).collect::<Vec<_>>().as_slice() {
            [only] => format!("protocol = {only}"),
            several => format!("protocol in {{ {} }}", several.join(", ")),
        },
        Test::Port(side, range) => {
            let field = match side {
                Side::Src => "tpsrc",
                Side::Dst => "tpdst",
            };
            let word = if range.start() == range.end() { "=" } else { "in" };
            format!("{field} {word} {}", range_text(range))
        }
        Test::Service(names) => match names.as_slice() {
            [only] => format!("protocol = {only}"),
            several => format!("protocol in {{ {} }}", several.join(", ")),
        },
        Test::Field(text) => text.clone(),
    }
}

fn field(side: Side, class: Class) -> &'static str {
    match (class, side) {
        (Class::User, Side::Src) => "usrc",
        (Class::User, Side::Dst) => "udst",
        (Class::Host, Side::Src) => "hsrc",
        (Class::Host, Side::Dst) => "hdst",
        (Class::Place, Side::Src) => "apsrc",
        (Class::Place, Side::Dst) => "apdst",
        (Class::Address, Side::Src) => "nwsrc",
        (Class::Address, Side::Dst) => "nwdst",
        (Class::Mac, Side::Src) => "dlsrc",
        (Class::Mac, Side::Dst) => "dldst",
    }
}

pub(crate) fn ether_text(value: EtherType) -> String {
    let named = lang::builtin::ETHER_TYPES.iter().find(|(_, known)| *known == value);
    named.map_or_else(|| format!("{:#06x}", value.0), |(name, _)| (*name).to_owned())
}

/// The protocol where a field is compared.
fn protocol(proto: u8) -> String {
    let named = lang::builtin::PROTOCOLS.iter().find(|(_, known)| known.0 == proto);
    named.map_or_else(|| proto.to_string(), |(name, _)| (*name).to_owned())
}

/// The protocol where a service is wanted.
fn service(proto: u8) -> String {
    let named = lang::builtin::PROTOCOLS.iter().find(|(_, known)| known.0 == proto);
    named.map_or_else(|| format!("ip/{proto}"), |(name, _)| (*name).to_owned())
}

fn range_text(range: &std::ops::RangeInclusive<u16>) -> String {
    if range.start() == range.end() { range.start().to_string() } else { format!("{}-{}", range.start(), range.end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cond: Cond) -> String {
        Rule::new(Verdict::Allow, cond.settled()).text()
    }

    #[test]
    fn clauses_say_what_they_can_and_when_says_the_rest() {
        let host = |name: &str| Cond::end(Side::Src, Class::Host, name);
        let cond = Cond::All(vec![
            host("roo"),
            Cond::end(Side::Src, Class::User, "bob | bill"),
            Cond::end(Side::Src, Class::Place, "waps"),
            Cond::end(Side::Dst, Class::Host, "servers"),
            Cond::proto([6]),
            Cond::Test(Test::Port(Side::Dst, 80..=80)),
            Cond::ether(EtherType::IPV4),
            Cond::Either(vec![Cond::field("vlan = 5"), host("kanga").negated()]),
        ]);
        assert_eq!(
            text(cond),
            "allow from roo and (bob | bill) to servers for tcp/80 at waps when dltype = ipv4 and (vlan = 5 or not hsrc = kanga);"
        );
        assert_eq!(text(Cond::Any), "allow from any;");
        assert_eq!(text(Cond::proto([47])), "allow for ip/47;");
        assert_eq!(text(Cond::proto([1, 6]).negated()), "allow when not protocol in { icmp, tcp };");
        let not_both = Cond::All(vec![Cond::field("vlan = 5"), Cond::field("dscp = 1")]).negated();
        assert_eq!(text(not_both), "allow when not (vlan = 5 and dscp = 1);");
        let icmp = Cond::All(vec![Cond::proto([6, 1]), Cond::Test(Test::Port(Side::Dst, 1..=2))]);
        assert_eq!(text(icmp), "allow when protocol in { icmp, tcp } and tpdst in 1-2;");
    }
}
