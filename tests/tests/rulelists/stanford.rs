//! Access lists of routers, as those of Stanford's backbone: numbered and named ones, of sources alone or of both ends.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use fuzz::mutate::Dice;

use super::proofs;
use super::rules::{ALL_PORTS, Addresses, Compiled, Header, Rule, around};

/// How many headers around the edges of each rule are decided, and how many of each list with fields of different rules.
const AROUND: usize = 150;
const MIXED: usize = 200;

/// A router that we made up: what is written is as in the lists of others, what it says is ours.
const OWN: &str = "\
interface Vlan7
 ip access-group 120 in
access-list 7 permit 192.0.2.17
access-list 7 deny   192.0.2.0 0.0.0.255
access-list 7 permit any
access-list 120 remark what others may not reach
access-list 120 permit tcp any any established
access-list 120 deny   udp any 198.51.0.1 0.0.100.0 eq snmp
access-list 120 deny   ip any host 198.51.100.9
access-list 120 permit tcp host 192.0.2.3 192.0.2.128 0.0.0.127 range 137 139
access-list 120 deny   tcp any gt 1023 203.0.113.0 0.0.0.128 lt 1024
access-list 120 permit udp 192.0.2.0 0.0.0.31 eq domain any
access-list 120 deny   icmp any any
access-list 120 permit ip 192.0.2.0 0.0.0.255 any
ip access-list extended edge
 deny   tcp any any eq smtp
 deny   udp any any range netbios-ns netbios-ss
 permit ip any any
 deny   tcp any any eq 445
!
ip access-list standard inner
 permit 192.0.2.0 0.0.0.63
";

/// What is left of a line.
struct Words<'a>(std::iter::Peekable<std::str::SplitWhitespace<'a>>, &'a str);

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Words<'a> {
        Words(line.split_whitespace().peekable(), line)
    }

    fn word(&mut self) -> &'a str {
        self.0.next().unwrap_or_else(|| panic!("a word is missing: {}", self.1))
    }

    fn address(&mut self) -> u32 {
        let word = self.word();
        word.parse::<std::net::Ipv4Addr>().unwrap_or_else(|_| panic!("{word} in {}", self.1)).into()
    }

    /// `any`, `host ADDRESS`, or an address with the bits that do not count; those may be left out where they are `optional`.
    fn addresses(&mut self, optional: bool) -> Addresses {
        match *self.0.peek().unwrap() {
            "any" => {
                self.word();
                Addresses { base: 0, wild: u32::MAX }
            }
            "host" => {
                self.word();
                Addresses { base: self.address(), wild: 0 }
            }
            _ => {
                let base = self.address();
                let wild = if optional && self.0.peek().is_none() { 0 } else { self.address() };
                Addresses { base: base & !wild, wild }
            }
        }
    }

    fn port(&mut self) -> u16 {
        let word = self.word();
        let named = [
            ("smtp", 25),
            ("telnet", 23),
            ("domain", 53),
            ("tftp", 69),
            ("sunrpc", 111),
            ("ident", 113),
            ("netbios-ns", 137),
            ("netbios-dgm", 138),
            ("netbios-ss", 139),
            ("snmp", 161),
            ("lpd", 515),
        ];
        let known = named.iter().find(|(name, _)| *name == word).map(|(_, port)| *port);
        known.unwrap_or_else(|| word.parse().unwrap_or_else(|_| panic!("port {word} in {}", self.1)))
    }

    fn ports(&mut self) -> RangeInclusive<u16> {
        let Some(word) = self.0.next_if(|word| ["eq", "gt", "lt", "range"].contains(word)) else { return ALL_PORTS };
        let port = self.port();
        match word {
            "eq" => port..=port,
            "gt" => port + 1..=u16::MAX,
            "lt" => 0..=port - 1,
            _ => port..=self.port(),
        }
    }
}

/// A rule of a list. One of established connections begins none, and says nothing of a packet that does.
fn rule(line: &str, verdict: &str, mut words: Words<'_>, extended: bool) -> Option<Rule> {
    let any = Addresses { base: 0, wild: u32::MAX };
    let allows = match verdict {
        "permit" => true,
        "deny" => false,
        _ => panic!("{line}"),
    };
    let rule = if extended {
        let proto = match words.word() {
            "ip" => None,
            "icmp" => Some(1),
            "tcp" => Some(6),
            "udp" => Some(17),
            _ => panic!("{line}"),
        };
        let (src, sports) = (words.addresses(false), words.ports());
        let (dst, dports) = (words.addresses(false), words.ports());
        Rule { allows, src, dst, proto, sports, dports }
    } else {
        Rule { allows, src: words.addresses(true), dst: any, proto: None, sports: ALL_PORTS, dports: ALL_PORTS }
    };
    let established = words.0.next_if_eq(&"established").is_some();
    assert!(words.0.all(|word| word == "log"), "{line}");
    (!established).then_some(rule)
}

/// The lists of a router, by name.
fn lists(config: &str) -> BTreeMap<String, Vec<Rule>> {
    let mut lists: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
    let mut open: Option<(String, bool)> = None;
    for line in config.lines() {
        let mut words = Words::of(line);
        let inside = line.starts_with(' ');
        match (words.0.next(), &open) {
            (Some("ip"), _) if words.0.next_if_eq(&"access-list").is_some() && !inside => {
                let extended = words.word() == "extended";
                open = Some((words.word().to_owned(), extended));
            }
            (Some("access-list"), _) if !inside => {
                let name = words.word();
                let number: u32 = name.parse().unwrap();
                let verdict = words.word();
                let extended = (100..200).contains(&number) || (2000..2700).contains(&number);
                let own = lists.entry(name.to_owned()).or_default();
                if verdict != "remark" {
                    own.extend(rule(line, verdict, words, extended));
                }
                open = None;
            }
            (Some(verdict), Some((name, extended))) if inside && verdict != "remark" => {
                lists.entry(name.clone()).or_default().extend(rule(line, verdict, words, *extended));
            }
            _ if !inside => open = None,
            _ => {}
        }
    }
    lists
}

/// Every list of every router, with a name.
fn all() -> Vec<(String, Vec<Rule>)> {
    let named = |router: &str, config: &str| -> Vec<(String, Vec<Rule>)> {
        lists(config).into_iter().map(|(name, rules)| (format!("{router} {name}"), rules)).collect()
    };
    let Some(folder) = tests::corpus("policy/stanford_backbone") else { return named("own", OWN) };
    let mut found = Vec::new();
    for path in tests::files(&folder, "txt") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(router) = name.strip_suffix("_config.txt") {
            found.extend(named(router, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() > 50, "{} lists", found.len());
    found
}

#[test]
fn lists_are_read_as_they_are_written() {
    let own = lists(OWN);
    let sizes: Vec<(&str, usize)> = own.iter().map(|(name, rules)| (name.as_str(), rules.len())).collect();
    assert_eq!(sizes, [("120", 7), ("7", 3), ("edge", 4), ("inner", 1)]);
    let snmp = &own["120"][0];
    let asked = |third: u8| Header { src: 1, dst: u32::from_be_bytes([198, 51, third, 1]), proto: 17, ports: Some((5, 161)) };
    let matched: Vec<u8> = (0..=255).filter(|third| snmp.matches(&asked(*third))).collect();
    assert_eq!(matched, [0, 4, 32, 36, 64, 68, 96, 100], "bits that do not count may stand anywhere");
}

#[test]
fn access_lists_decide_as_they_are_written() {
    let (mut headers, mut rules, mut by_rule) = (0, 0, 0);
    let lists = all();
    for (name, list) in &lists {
        let compiled = Compiled::new(list);
        let dice = &mut Dice(0x2545_f491);
        let near = list.iter().flat_map(|rule| [rule; AROUND]);
        let mut tried: Vec<Header> = near.map(|rule| around(dice, rule, false)).collect();
        for _ in 0..MIXED {
            let mut one = || around(dice, &list[dice.clone().below(list.len())], false);
            let (src, dst, rest) = (one(), one(), one());
            tried.push(Header { src: src.src, dst: dst.dst, ..rest });
        }
        for header in &tried {
            by_rule += usize::from(compiled.agrees(name, header).is_some());
        }
        headers += tried.len();
        rules += list.len();
    }
    assert!(headers >= AROUND * rules && by_rule > headers / 4 && by_rule < headers, "{rules} {headers} {by_rule}");
    if lists.len() > 10 {
        assert!(headers >= 100_000, "{headers}");
    }
}

#[test]
fn rules_that_decide_nothing_are_just_those_of_which_no_header_is_left() {
    let mut told = proofs::Told::default();
    for (name, list) in all() {
        // What is cut off exactly are ranges of addresses.
        if list.iter().all(|rule| rule.src.is_prefix() && rule.dst.is_prefix()) {
            told.add(proofs::check(&name, &list));
        }
    }
    assert!(told.decides > 5, "{told:?}");
}
