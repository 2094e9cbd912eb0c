//! Lists of ClassBench, and headers that were made to hit them.

use std::path::Path;

use fuzz::mutate::Dice;

use super::proofs;
use super::rules::{ALL_PORTS, Addresses, Compiled, Header, Rule, around};

/// How many headers around the edges of each rule are decided.
const AROUND: usize = 10;

/// A list with its headers.
struct Set {
    name: String,
    rules: Vec<Rule>,
    trace: Vec<Header>,
}

/// `@ADDRESS/LENGTH  ADDRESS/LENGTH  FROM : TO  FROM : TO  PROTO/MASK  FLAGS/MASK`. What is asked of flags is left out: they are no
/// part of the five fields.
fn rule(line: &str, place: usize) -> Rule {
    let words: Vec<&str> = line.trim_start_matches('@').split_whitespace().collect();
    let [src, dst, sfrom, ":", sto, dfrom, ":", dto, proto, ..] = words.as_slice() else { panic!("no rule: {line}") };
    let addresses = |word: &str| {
        let (base, length) = word.split_once('/').unwrap();
        Addresses::prefix(base.parse::<std::net::Ipv4Addr>().unwrap().into(), length.parse().unwrap())
    };
    let hex = |word: &str| u8::from_str_radix(word.trim_start_matches("0x"), 16).unwrap();
    let (proto, mask) = proto.split_once('/').unwrap();
    assert!([0, 0xff].contains(&hex(mask)), "{line}");
    Rule {
        allows: place % 3 != 1,
        src: addresses(src),
        dst: addresses(dst),
        proto: (hex(mask) == 0xff).then(|| hex(proto)),
        sports: sfrom.parse().unwrap()..=sto.parse().unwrap(),
        dports: dfrom.parse().unwrap()..=dto.parse().unwrap(),
    }
}

/// `SRC DST SPORT DPORT PROTO …`, all in decimal.
fn header(line: &str) -> Header {
    let fields: Vec<u32> = line.split_whitespace().take(5).map(|word| word.parse().unwrap()).collect();
    let [src, dst, sport, dport, proto] = fields[..] else { panic!("no header: {line}") };
    let ports = (sport.try_into().unwrap(), dport.try_into().unwrap());
    Header { src, dst, proto: proto.try_into().unwrap(), ports: Some(ports) }
}

/// Every list of the corpus.
fn given(folder: &Path) -> Vec<Set> {
    let mut sets = Vec::new();
    for size in tests::files(folder, "rules") {
        let text = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = size.strip_prefix(folder).unwrap();
        let trace = folder.join("trace_shot").join(format!("{}_trace", name.display()));
        sets.push(Set {
            name: name.display().to_string(),
            rules: text(&size).lines().enumerate().map(|(place, line)| rule(line, place)).collect(),
            trace: text(&trace).lines().map(header).collect(),
        });
    }
    assert!(sets.len() >= 12, "{} lists", sets.len());
    sets
}

/// A list of the same shape: few addresses, prefixes of them of all lengths, well-known ports and ranges, nested in one another.
fn made(seed: u64) -> Set {
    let dice = &mut Dice(seed << 1 | 1);
    let bases: Vec<u32> = (0..6).map(|_| dice.below(usize::MAX) as u32).collect();
    let addresses = |dice: &mut Dice| {
        let near = bases[dice.below(bases.len())] ^ dice.below(32) as u32;
        Addresses::prefix(near, [0, 8, 16, 24, 27, 28, 29, 30, 31, 32, 32, 32][dice.below(12)])
    };
    let ports = |dice: &mut Dice| {
        let one = [22, 53, 80, 123, 443, 1521, 7777, 65535][dice.below(8)];
        [ALL_PORTS, ALL_PORTS, one..=one, one..=one, 0..=1023, 1024..=65535, 53..=one.max(53)][dice.below(7)].clone()
    };
    let proto = |dice: &mut Dice| [Some(6), Some(6), Some(17), Some(1), Some(47), None][dice.below(6)];
    let mut rules: Vec<Rule> = Vec::new();
    for place in 0..150 {
        let (src, dst, proto) = (addresses(dice), addresses(dice), proto(dice));
        rules.push(Rule { allows: place % 3 != 1, src, dst, proto, sports: ports(dice), dports: ports(dice) });
    }
    // Most of the wide rules last, or the others had nothing to decide.
    rules[..100].sort_by_key(|rule| rule.src.wild.count_ones() + rule.dst.wild.count_ones());
    let trace = (0..300).map(|_| around(dice, &rules[dice.clone().below(rules.len())], true)).collect();
    Set { name: format!("made of seed {seed}"), rules, trace }
}

fn sets() -> Vec<Set> {
    match tests::corpus("policy/classbench_vppacl") {
        Some(folder) => given(&folder),
        None => (1..=12).map(made).collect(),
    }
}

#[test]
fn every_header_is_decided_by_the_rule_that_comes_first() {
    let (mut rules, mut headers, mut by_rule) = (0, 0, 0);
    for set in sets() {
        let compiled = Compiled::new(&set.rules);
        let dice = &mut Dice(0x2545_f491);
        let edges = set.rules.iter().flat_map(|rule| [rule; AROUND]).enumerate();
        let edges = edges.map(|(place, rule)| around(dice, rule, place % 2 == 0));
        for header in set.trace.iter().copied().chain(edges) {
            headers += 1;
            by_rule += usize::from(compiled.agrees(&set.name, &header).is_some());
        }
        rules += set.rules.len();
    }
    assert!(headers > AROUND * rules && by_rule > headers / 4 && by_rule < headers, "{rules} {headers} {by_rule}");
}

#[test]
fn rules_that_decide_nothing_are_just_those_of_which_no_header_is_left() {
    let mut told = proofs::Told::default();
    for set in sets() {
        told.add(proofs::check(&set.name, &set.rules));
    }
    assert!(told.shadowed > 20 && told.never > 20 && told.decides > 1_000, "{told:?}");
}
