//! THE table of words that people bring along from other tools, with what stands for them here. It is asked where a text is wrong
//! already, so that no word in it is ever taken for another. Knows nothing of grammar beyond the place of a word.

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where a statement starts.
    Statement,
    /// Where a verdict is needed, and a statement may start.
    Verdict,
    /// Where a rule goes on: a clause, or an operator behind a set or a condition.
    Clause,
    /// Where a set, a service or one of their names is needed.
    Name,
    /// The same, where no declared name is near.
    Plural,
}

/// What stands for a foreign word.
#[derive(Clone, Copy, Debug)]
enum Here {
    /// This, in its place.
    Write(&'static str),
    /// Something else, in words.
    Say(&'static str),
}

use Here::{Say, Write};
use Place::{Clause, Name, Plural, Statement, Verdict};

const RULE: Here = Say("a rule is written `allow from A to B for tcp/80;`");
const PORTS: Here = Say("ports belong to a service: `for tcp/80`");

/// How the ends of a flow are joined.
const ARROW: &str = "write `->`, the initiator first";

/// The table, by place.
const WORDS: &[(Place, &str, Here)] = &[
    (Verdict, "accept", Write("allow")),
    (Verdict, "accepted", Write("allow")),
    (Verdict, "allowed", Write("allow")),
    (Verdict, "block", Write("deny")),
    (Verdict, "blocked", Write("deny")),
    (Verdict, "denied", Write("deny")),
    (Verdict, "discard", Write("deny")),
    (Verdict, "drop", Write("deny")),
    (Verdict, "dropped", Write("deny")),
    (Verdict, "forbid", Write("deny")),
    (Verdict, "grant", Write("allow")),
    (Verdict, "permit", Write("allow")),
    (Verdict, "permitted", Write("allow")),
    (Verdict, "prohibit", Write("deny")),
    (Verdict, "refuse", Write("reject")),
    (Verdict, "rejected", Write("reject")),
    (Statement, "access-list", RULE),
    (Statement, "acl", RULE),
    (Statement, "ip6tables", RULE),
    (Statement, "iptables", RULE),
    (Statement, "nft", RULE),
    (Statement, "rule", RULE),
    (Statement, "ufw", RULE),
    (Statement, "device", Write("host")),
    (Statement, "import", Write("include")),
    (Statement, "machine", Write("host")),
    (Statement, "router", Write("gateway")),
    (Statement, "schedule", Write("time")),
    (Statement, "subnet", Write("network")),
    (Clause, "but", Say("a set without some of its members is written with `-`: `any - pc`")),
    (Clause, "except", Say("a set without some of its members is written with `-`: `any - pc`")),
    (Clause, "without", Say("a set without some of its members is written with `-`: `any - pc`")),
    (Clause, "unless", Say("write `when not`, and the condition")),
    (Clause, "if", Write("when")),
    (Clause, "where", Write("when")),
    (Clause, "during", Say("declare the hours, `time NAME = mon-fri 08:00-18:00;`, and write `when time in NAME`")),
    (Clause, "between", Say("declare the hours, `time NAME = mon-fri 08:00-18:00;`, and write `when time in NAME`")),
    (Clause, "dport", PORTS),
    (Clause, "eq", PORTS),
    (Clause, "port", PORTS),
    (Clause, "ports", PORTS),
    (Clause, "proto", PORTS),
    (Clause, "dst", Write("to")),
    (Clause, "destination", Write("to")),
    (Clause, "into", Write("to")),
    (Clause, "towards", Write("to")),
    (Clause, "source", Write("from")),
    (Clause, "src", Write("from")),
    (Clause, "expires", Write("until")),
    (Clause, "through", Write("via")),
    (Clause, "using", Write("for")),
    (Name, "*", Write("any")),
    (Name, "all", Write("any")),
    (Name, "anybody", Write("any")),
    (Name, "anyone", Write("any")),
    (Name, "everybody", Write("any")),
    (Name, "everyone", Write("any")),
    (Name, "everything", Write("any")),
    (Name, "nobody", Write("none")),
    (Name, "outside", Write("internet")),
    (Name, "wan", Write("internet")),
    (Name, "world", Write("internet")),
    (Name, "ah", Write("ip/51")),
    (Name, "egp", Write("ip/8")),
    (Name, "eigrp", Write("ip/88")),
    (Name, "esp", Write("ip/50")),
    (Name, "gre", Write("ip/47")),
    (Name, "icmp6", Write("icmpv6")),
    (Name, "igmp", Write("ip/2")),
    (Name, "ipip", Write("ip/4")),
    (Name, "ipv6-icmp", Write("icmpv6")),
    (Name, "l2tp", Write("udp/1701")),
    (Name, "ospf", Write("ip/89")),
    (Name, "pim", Write("ip/103")),
    (Name, "vrrp", Write("ip/112")),
    (Name, "www", Write("http")),
    (Plural, "employees", Write("authenticated")),
    (Plural, "people", Write("authenticated")),
    (Plural, "users", Write("authenticated")),
];

/// The types of ICMP and of ICMPv6 by the names that packet filters give them (IANA ICMP and ICMPv6 parameters).
const ICMP_TYPES: &[(&str, u8, u8)] = &[
    ("echo", 8, 128),
    ("echo-reply", 0, 129),
    ("echo-request", 8, 128),
    ("destination-unreachable", 3, 1),
    ("unreachable", 3, 1),
    ("time-exceeded", 11, 3),
    ("parameter-problem", 12, 4),
    ("redirect", 5, 137),
];

/// What to do about a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    /// In words.
    pub help: String,
    /// The one word that stands for it here, if there is one.
    pub instead: Option<&'static str>,
}

impl Advice {
    /// To write one word for another.
    pub(crate) fn write(instead: &'static str, word: &str) -> Advice {
        Advice { help: format!("write `{instead}` for `{word}`"), instead: Some(instead) }
    }

    /// What no word alone does.
    pub(crate) fn say(help: impl Into<String>) -> Advice {
        Advice { help: help.into(), instead: None }
    }
}

/// What to do about a word that is none of the language's in its place; nothing if the table does not know it.
pub(crate) fn advice(place: Place, word: &str) -> Option<Advice> {
    let lower = word.to_ascii_lowercase();
    let (_, _, here) = WORDS.iter().find(|(of, known, _)| *of == place && *known == lower)?;
    Some(match here {
        Write(instead) => Advice::write(instead, word),
        Say(what) => Advice::say(*what),
    })
}

/// The type of ICMP, or of ICMPv6, that has this name elsewhere.
pub(crate) fn icmp_type(protocol: &str, name: &str) -> Option<u8> {
    let (_, v4, v6) = ICMP_TYPES.iter().find(|(known, ..)| *known == name)?;
    Some(if protocol == "icmpv6" { *v6 } else { *v4 })
}

/// What to do about a character of other languages; `rest` is the text from it on, `before` the word before it.
pub(crate) fn sign(c: char, rest: &str, before: &str) -> Option<String> {
    let help = match c {
        '\'' => return Some(quoted(rest, before)),
        '.' => return wildcard(rest, before),
        '@' if joins(rest, before) => "a user at a host is written `user NAME and host NAME`, in a flow without the `and`",
        '!' => "write `not`, or `!=` between a field and its value",
        '*' => "everything is written `any`",
        _ if is_arrow(c) || rest.starts_with("<-") => ARROW,
        '<' | '>' => return Some(bound(c, rest, before)),
        _ => return None,
    };
    Some(help.to_owned())
}

/// True for a sign between two names; `rest` is the text from it on, `before` the word before it.
fn joins(rest: &str, before: &str) -> bool {
    let name = before.starts_with(|c: char| c.is_ascii_alphabetic()) && crate::keyword::row(before).is_none();
    name && rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// What to write for `'a'`: names stand without quotes, strings in double ones; `before` is the word before it.
fn quoted(rest: &str, before: &str) -> String {
    let strings = ["include", "test", "owner", "ticket", "directory", "tagged", "class"];
    let inner = rest.get(1..).and_then(|rest| rest.split_once('\'')).map(|(inner, _)| inner);
    let plain = |inner: &&str| {
        inner.len() <= 60 && !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c))
    };
    match inner.filter(plain) {
        Some(inner) if !strings.contains(&before) => format!("names stand without quotes: write `{inner}`"),
        Some(inner) => format!("strings stand in double quotes: `\"{inner}\"`"),
        None => "strings stand in double quotes: `\"…\"`".to_owned(),
    }
}

/// The prefix that `10.0.0.*` stands for; `rest` is the text from the first `.*` on, `before` what stands before it.
fn wildcard(rest: &str, before: &str) -> Option<String> {
    let octets = before.split('.').filter(|octet| octet.parse::<u8>().is_ok()).count();
    let stars = 4_usize.checked_sub(octets).filter(|_| octets == before.split('.').count())?;
    rest.starts_with(&".*".repeat(stars.max(1))).then(|| format!("write `{before}{}/{}`", ".0".repeat(stars), 8 * octets))
}

/// True for the arrows that are one character.
pub(crate) fn is_arrow(c: char) -> bool {
    matches!(c, '\u{2190}' | '\u{2192}' | '\u{21d0}' | '\u{21d2}' | '\u{27f5}' | '\u{27f6}')
}

/// The range that `> 1024` and the like stand for: up to the limits of the field before it.
fn bound(c: char, rest: &str, before: &str) -> String {
    let value = rest.trim_start_matches(['<', '>']);
    let or_equal = value.starts_with('=');
    let digits: String = value.trim_start_matches('=').trim_start().chars().take_while(char::is_ascii_digit).collect();
    let limits = crate::keyword::field(before).and_then(|field| match field {
        crate::ast::CondField::Header(header) => crate::literal::limits(header),
        _ => None,
    });
    let range = digits.parse::<u64>().ok().zip(limits).and_then(|(number, limits)| match (c, or_equal) {
        ('>', true) => Some((number, *limits.end())),
        ('>', false) => Some((number.checked_add(1)?, *limits.end())),
        (_, true) => Some((*limits.start(), number)),
        (_, false) => Some((*limits.start(), number.checked_sub(1)?)),
    });
    match range.filter(|(first, last)| first <= last) {
        None if digits.is_empty() => ARROW.to_owned(),
        Some((first, last)) => format!("write a range: `{before} in {first}-{last}`"),
        None => "numbers are compared with ranges: `tpdst in 1024-65535`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyword::{self, Role};
    use crate::{builtin, literal};

    #[test]
    fn no_word_is_in_the_table_twice_or_means_something_here() {
        for (i, (place, word, _)) in WORDS.iter().enumerate() {
            assert!(WORDS[i + 1..].iter().all(|(of, other, _)| (of, other) != (place, word)), "{word}");
            assert!(keyword::row(word).is_none() && builtin::set(word).is_none(), "{word}");
            assert!(builtin::protocol(word).is_none() && builtin::service(word).is_none(), "{word}");
        }
    }

    #[test]
    fn what_is_to_be_written_is_of_the_language() {
        for (place, word, here) in WORDS {
            let Write(instead) = here else { continue };
            let role = keyword::row(instead).map(|row| row.role);
            let known = match place {
                Verdict => role == Some(Role::Verdict),
                Statement => role == Some(Role::Statement),
                Clause => role == Some(Role::Clause),
                Name | Plural => {
                    builtin::set(instead).is_some() || builtin::service(instead).is_some() || literal::service(instead).is_ok()
                }
            };
            assert!(known, "{word}: {instead}");
        }
    }

    #[test]
    fn bounds_become_ranges() {
        let told = |text: &str, before: &str| sign(text.chars().next().unwrap(), text, before).unwrap();
        assert_eq!(told("> 1024;", "tpdst"), "write a range: `tpdst in 1025-65535`");
        assert_eq!(told(">= 1024;", "tpdst"), "write a range: `tpdst in 1024-65535`");
        assert_eq!(told("<= 46;", "dscp"), "write a range: `dscp in 0-46`");
        assert_eq!(told("< 0", "tpdst"), "numbers are compared with ranges: `tpdst in 1024-65535`");
        assert_eq!(told("> b", "a"), "write `->`, the initiator first");
        assert_eq!(told("<- b", "a"), "write `->`, the initiator first");
    }
}
