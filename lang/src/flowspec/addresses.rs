//! Which addresses stand for all of a prefix, or of the internet: one for each part that no test of the policy can tell apart.
//! Knows nothing of text.
//!
//! Prefixes lie within one another or apart, so that the narrowest one around an address decides every test of it: of each
//! prefix that the policy mentions, one address will do that lies in none narrower.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use net::Prefix;

use crate::checked::{Checked, Cond, EndTest, SetExpr};

use super::complete;

/// Every prefix and every declared address that a policy mentions, IPv4 first, each in front of those within it.
#[derive(Debug)]
pub(crate) struct Mentions(Vec<Prefix>);

/// Addresses that no machine has, or that are not forwarded (RFC 6890, RFC 5771, RFC 4291 §2.7).
const SPECIAL: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(0, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 4),
    (IpAddr::V4(Ipv4Addr::new(240, 0, 0, 0)), 4),
    (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 127),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
];

/// Plain addresses of a site (RFC 1918, RFC 4193).
const USUAL: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(192, 168, 0, 7)),
    IpAddr::V4(Ipv4Addr::new(172, 16, 0, 7)),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7)),
];

fn special() -> impl Iterator<Item = Prefix> {
    SPECIAL.into_iter().filter_map(|(address, length)| Prefix::truncate(address, length))
}

/// An address of each part of all addresses that some test of the policy tells from the others.
#[must_use]
pub fn address_cells(policy: &Checked) -> Vec<IpAddr> {
    Mentions::of(policy).cells()
}

impl Mentions {
    /// Those of rules, groups, networks, hosts and gateways.
    pub(crate) fn of(policy: &Checked) -> Self {
        let mut all = Vec::new();
        policy.groups.iter().for_each(|group| set_prefixes(&group.members, &mut all));
        policy.rules.iter().for_each(|rule| cond_prefixes(&rule.cond, &mut all));
        policy.assertions.iter().for_each(|assertion| cond_prefixes(&assertion.pattern, &mut all));
        policy.sections.iter().for_each(|section| cond_prefixes(&section.scope, &mut all));
        all.extend(declared(policy).map(Prefix::host));
        all.sort_unstable_by_key(order);
        all.dedup();
        Mentions(all)
    }

    /// An address of each part that some test of the policy tells from the others, special addresses among them.
    fn cells(&self) -> Vec<IpAddr> {
        let more: Vec<Prefix> = special().chain([Prefix::host(IpAddr::V4(Ipv4Addr::BROADCAST))]).collect();
        let everything = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let all = everything.into_iter().filter_map(|zero| Prefix::truncate(zero, 0));
        let parts = all.flat_map(|prefix| self.parts(prefix, &more));
        parts
            .map(|(part, address)| if part.length() == 0 { self.usual(&more, part).unwrap_or(address) } else { address })
            .collect()
    }

    /// An address that people take for a plain one, if it lies in no part that is told apart.
    fn usual(&self, more: &[Prefix], within: Prefix) -> Option<IpAddr> {
        let told = |address: &IpAddr| self.0.iter().chain(more).any(|part| part.length() > 0 && part.contains(*address));
        USUAL.into_iter().find(|address| within.contains(*address) && !told(address))
    }

    /// Addresses that stand for all of a prefix: its own first. Those that no machine has stand for nothing, unless the prefix
    /// is of them alone.
    pub(super) fn within(&self, prefix: Prefix) -> Vec<IpAddr> {
        let left_out: Vec<Prefix> = special().filter(|special| prefix.covers(special) && prefix != *special).collect();
        let parts = self.parts(prefix, &left_out).into_iter().map(|(_, address)| address);
        parts.filter(|address| !left_out.iter().any(|special| special.contains(*address))).collect()
    }

    /// Addresses that stand for the internet besides the example address that it has anyway: of parts that a rule or a group
    /// tells from it.
    pub(super) fn beyond(&self, policy: &Checked) -> Vec<IpAddr> {
        let declared: HashSet<IpAddr> = declared(policy).collect();
        let left_out: Vec<Prefix> = special().collect();
        let mut all = Vec::new();
        for family in [complete::Family::V4, complete::Family::V6] {
            let Some(example) = complete::beyond(policy, family) else { continue };
            let Some(everything) = Prefix::truncate(example, 0) else { continue };
            let parts = self.parts(everything, &left_out);
            let narrowest = parts.iter().map(|(part, _)| *part).filter(|part| part.contains(example)).max_by_key(Prefix::length);
            let others = parts.into_iter().filter(|(part, _)| Some(*part) != narrowest).map(|(_, address)| address);
            all.extend(others.filter(|address| {
                let special = left_out.iter().any(|special| special.contains(*address));
                !special && !declared.contains(address) && !policy.is_inside(*address)
            }));
        }
        all
    }

    /// Each part of a prefix with an address in it and in no narrower part.
    fn parts(&self, prefix: Prefix, more: &[Prefix]) -> Vec<(Prefix, IpAddr)> {
        let from = self.0.partition_point(|other| order(other) < order(&prefix));
        let inside = self.0.iter().skip(from).take_while(|other| prefix.covers(other));
        let mut parts: Vec<Prefix> = std::iter::once(&prefix).chain(inside).chain(more).copied().collect();
        parts.retain(|part| prefix.covers(part));
        parts.sort_unstable_by_key(order);
        parts.dedup();
        let mut found = vec![None; parts.len()];
        let mut open: Vec<Open> = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let (start, last) = (bits(part.network()), last_bits(part));
            close(&mut open, &mut found, Some(start));
            if let Some(parent) = open.last() {
                parent.note(start.checked_sub(1), &mut found);
            }
            open.push(Open { place, start, last, next: Some(start) });
        }
        close(&mut open, &mut found, None);
        let address = |part: &Prefix, bits: u128| match part.network() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX))),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        };
        let usual = |place: usize, first: u128| usual_of(parts.get(place..).unwrap_or_default(), first);
        let found = found.into_iter().enumerate().map(|(place, bits)| bits.map(|bits| usual(place, bits)));
        parts.iter().zip(found).filter_map(|(part, bits)| bits.map(|bits| (*part, address(part, bits)))).collect()
    }
}

/// An address of the first of some parts that a machine would have, where the first address of it is free: that one is nobody's.
/// Parts within it follow it, by their starts.
fn usual_of(parts: &[Prefix], first: u128) -> u128 {
    let Some((part, rest)) = parts.split_first() else { return first };
    let start = bits(part.network());
    let is_free = |wanted: &u128| {
        let mut near = rest.iter().take_while(|other| part.covers(other) && bits(other.network()) <= *wanted);
        *wanted < last_bits(part) && !near.any(|other| *wanted <= last_bits(other))
    };
    if first == start {
        [7, 1, 9].into_iter().filter_map(|more| start.checked_add(more)).find(is_free).unwrap_or(first)
    } else {
        first
    }
}

/// A part whose end has not been reached.
struct Open {
    place: usize,
    start: u128,
    last: u128,
    /// The first address behind all narrower parts so far; nothing behind the last address of all.
    next: Option<u128>,
}

impl Open {
    /// Notes the first address up to this one that is in no narrower part; where a host can have the second, that.
    fn note(&self, up_to: Option<u128>, found: &mut [Option<u128>]) {
        let (Some(next), Some(up_to), Some(slot)) = (self.next, up_to, found.get_mut(self.place)) else { return };
        if slot.is_none() && next <= up_to {
            *slot = Some(if next == self.start && next < up_to { next + 1 } else { next });
        }
    }
}

/// Closes the parts that end before an address, or all.
fn close(open: &mut Vec<Open>, found: &mut [Option<u128>], before: Option<u128>) {
    while let Some(part) = open.pop_if(|part| before.is_none_or(|before| part.last < before)) {
        part.note(Some(part.last), found);
        if let Some(parent) = open.last_mut() {
            parent.next = part.last.checked_add(1);
        }
    }
}

fn declared(policy: &Checked) -> impl Iterator<Item = IpAddr> {
    let hosts = policy.hosts.iter().flat_map(|host| &host.addresses);
    hosts.chain(policy.gateways.iter().flat_map(|gateway| &gateway.addresses)).copied()
}

fn set_prefixes(set: &SetExpr, all: &mut Vec<Prefix>) {
    match set {
        SetExpr::Leaf(EndTest::Address(prefix)) => all.push(*prefix),
        SetExpr::Leaf(_) => {}
        SetExpr::Union(parts) => parts.iter().for_each(|part| set_prefixes(part, all)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
            set_prefixes(a, all);
            set_prefixes(b, all);
        }
    }
}

fn cond_prefixes(cond: &Cond, all: &mut Vec<Prefix>) {
    match cond {
        Cond::End(_, EndTest::Address(prefix)) => all.push(*prefix),
        Cond::End(..) | Cond::Header(_) | Cond::Time(_) => {}
        Cond::Not(inner) => cond_prefixes(inner, all),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| cond_prefixes(part, all)),
    }
}

/// A prefix comes before those within it.
fn order(prefix: &Prefix) -> (bool, u128, u8) {
    (prefix.network().is_ipv6(), bits(prefix.network()), prefix.length())
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn last_bits(prefix: &Prefix) -> u128 {
    let width = if prefix.network().is_ipv4() { 32 } else { 128 };
    let rest = width - u32::from(prefix.length()).min(width);
    bits(prefix.network()) | 1_u128.checked_shl(rest).map_or(u128::MAX, |size| size - 1)
}
