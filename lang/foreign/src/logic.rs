//! Conditions on the way from another language to this one: tests as the policy language has them, joined by `and`, `or` and
//! `not`, and among them what it has no counterpart for. Knows neither language's text.
//!
//! What has no counterpart is bounded: `at_least` is a condition that holds wherever the original does, `at_most` one that holds
//! only where the original does. A deny is carried over by the former, an allow by the latter: so that neither makes the policy
//! wider, whatever was left out.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use net::{EtherType, IpProto, Prefix};

use crate::place::Place;

/// Which end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The initiator.
    Src,
    /// The responder.
    Dst,
}

/// What sort of set an end is looked for in: which field of `when` tests it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// Users: `usrc`, `udst`.
    User,
    /// Hosts: `hsrc`, `hdst`.
    Host,
    /// Locations and switches: `apsrc`, `apdst`.
    Place,
    /// Addresses: `nwsrc`, `nwdst`.
    Address,
    /// MAC addresses: `dlsrc`, `dldst`.
    Mac,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// The end is in this set, spelled as the policy language does.
    End(Side, Class, String),
    /// The address of the end is in this prefix.
    Within(Side, Prefix),
    /// The packet has this Ethernet type.
    Ether(EtherType),
    /// The packet is of one of these IP protocols.
    Proto(BTreeSet<u8>),
    /// A port of TCP, UDP or SCTP in this range.
    Port(Side, RangeInclusive<u16>),
    /// The traffic is one of these services, by name.
    Service(Vec<String>),
    /// Another test, spelled out: `icmp-type = 8`.
    Field(String),
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cond {
    /// Holds for every flow.
    Any,
    /// Holds for none.
    Never,
    /// One test.
    Test(Test),
    /// Does not hold.
    Not(Box<Cond>),
    /// All hold.
    All(Vec<Cond>),
    /// At least one holds.
    Either(Vec<Cond>),
    /// Something that the policy language cannot say.
    Unsaid(Box<Unsaid>),
}

/// Something that the policy language cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsaid {
    /// Where the original says it.
    pub(crate) place: Place,
    /// In the words of the original.
    pub(crate) what: String,
    /// Why it cannot be said.
    pub(crate) why: String,
    /// Holds wherever it does.
    pub(crate) at_least: Cond,
    /// Holds only where it does.
    pub(crate) at_most: Cond,
}

/// Which bound of a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtLeast,
    AtMost,
}

impl Bound {
    fn other(self) -> Bound {
        match self {
            Bound::AtLeast => Bound::AtMost,
            Bound::AtMost => Bound::AtLeast,
        }
    }
}

/// What is known of a packet where a condition stands, from what else has to hold there.
#[derive(Clone, Default)]
struct Known {
    ether: Option<EtherType>,
    protos: Option<BTreeSet<u8>>,
}

impl Cond {
    pub(crate) fn end(side: Side, class: Class, set: impl Into<String>) -> Cond {
        Cond::Test(Test::End(side, class, set.into()))
    }

    pub(crate) fn field(text: impl Into<String>) -> Cond {
        Cond::Test(Test::Field(text.into()))
    }

    pub(crate) fn ether(value: EtherType) -> Cond {
        Cond::Test(Test::Ether(value))
    }

    pub(crate) fn proto(protos: impl IntoIterator<Item = u8>) -> Cond {
        Cond::Test(Test::Proto(protos.into_iter().collect()))
    }

    pub(crate) fn negated(self) -> Cond {
        match self {
            Cond::Not(inner) => *inner,
            Cond::Any => Cond::Never,
            Cond::Never => Cond::Any,
            other => Cond::Not(Box::new(other)),
        }
    }

    /// Something that cannot be said and of which nothing is known.
    pub(crate) fn unsaid(place: Place, what: impl Into<String>, why: impl Into<String>) -> Cond {
        Cond::bounded(place, what, why, Cond::Any, Cond::Never)
    }

    /// Something that cannot be said, between what can be.
    pub(crate) fn bounded(place: Place, what: impl Into<String>, why: impl Into<String>, at_least: Cond, at_most: Cond) -> Cond {
        Cond::Unsaid(Box::new(Unsaid { place, what: what.into(), why: why.into(), at_least, at_most }))
    }

    /// A condition that can be said and holds wherever this one does.
    pub(crate) fn at_least(&self) -> Cond {
        self.bound(Bound::AtLeast).settled()
    }

    /// A condition that can be said and holds only where this one does.
    pub(crate) fn at_most(&self) -> Cond {
        self.bound(Bound::AtMost).settled()
    }

    fn bound(&self, bound: Bound) -> Cond {
        let all = |parts: &[Cond]| parts.iter().map(|part| part.bound(bound)).collect();
        match self {
            Cond::Any | Cond::Never | Cond::Test(_) => self.clone(),
            Cond::Not(inner) => inner.bound(bound.other()).negated(),
            Cond::All(parts) => Cond::All(all(parts)),
            Cond::Either(parts) => Cond::Either(all(parts)),
            Cond::Unsaid(unsaid) => match bound {
                Bound::AtLeast => unsaid.at_least.bound(bound),
                Bound::AtMost => unsaid.at_most.bound(bound),
            },
        }
    }

    /// What in it cannot be said.
    pub(crate) fn gaps(&self) -> Vec<&Unsaid> {
        match self {
            Cond::Any | Cond::Never | Cond::Test(_) => Vec::new(),
            Cond::Not(inner) => inner.gaps(),
            Cond::All(parts) | Cond::Either(parts) => parts.iter().flat_map(Cond::gaps).collect(),
            Cond::Unsaid(unsaid) => vec![unsaid],
        }
    }

    /// The condition with both ends exchanged, which holds of answers where this one holds of what they answer.
    pub(crate) fn mirrored(&self) -> Cond {
        let all = |parts: &[Cond]| parts.iter().map(Cond::mirrored).collect();
        match self {
            Cond::Any | Cond::Never => self.clone(),
            // An answer of ICMP has a type of its own.
            Cond::Test(Test::Field(text)) if text.starts_with("icmp-") => {
                Cond::unsaid(Place::default(), text, "nothing says what answers it")
            }
            Cond::Test(test) => Cond::Test(test.mirrored()),
            Cond::Not(inner) => inner.mirrored().negated(),
            Cond::All(parts) => Cond::All(all(parts)),
            Cond::Either(parts) => Cond::Either(all(parts)),
            Cond::Unsaid(unsaid) => Cond::Unsaid(Box::new(Unsaid {
                at_least: unsaid.at_least.mirrored(),
                at_most: unsaid.at_most.mirrored(),
                ..(**unsaid).clone()
            })),
        }
    }

    /// The same in a simple form: what is known to hold where it stands is left away.
    pub(crate) fn settled(&self) -> Cond {
        self.settle(&Known::default())
    }

    fn settle(&self, known: &Known) -> Cond {
        match self {
            Cond::Any | Cond::Never => self.clone(),
            Cond::Test(test) => known.decide(test),
            Cond::Not(inner) => inner.settle(known).negated(),
            Cond::All(parts) => all(parts, known.clone()),
            Cond::Either(parts) => either(parts.iter().map(|part| part.settle(known))),
            Cond::Unsaid(unsaid) => {
                let (at_least, at_most) = (unsaid.at_least.settle(known), unsaid.at_most.settle(known));
                Cond::Unsaid(Box::new(Unsaid { at_least, at_most, ..(**unsaid).clone() }))
            }
        }
    }
}

fn all(parts: &[Cond], mut known: Known) -> Cond {
    let mut flat = Vec::new();
    flatten(parts, &mut flat);
    // What a test stands on goes before what hangs on it.
    flat.sort_by_key(|part| match part {
        Cond::Test(Test::Ether(_)) => 0,
        Cond::Test(Test::Proto(_)) => 1,
        _ => 2,
    });
    let (tests, rest): (Vec<&Cond>, Vec<&Cond>) = flat.into_iter().partition(|part| matches!(part, Cond::Test(_)));
    let mut settled: Vec<Cond> = Vec::new();
    for part in tests {
        match part.settle(&known) {
            Cond::Any => {}
            Cond::Never => return Cond::Never,
            other => {
                if let Cond::Test(test) = &other {
                    known.learn(test);
                }
                if !settled.contains(&other) {
                    settled.push(other);
                }
            }
        }
    }
    for part in rest {
        match part.settle(&known) {
            Cond::Any => {}
            Cond::Never => return Cond::Never,
            Cond::All(inner) => settled.extend(inner.into_iter().filter(|part| !matches!(part, Cond::Any))),
            other => {
                if !settled.contains(&other) {
                    settled.push(other);
                }
            }
        }
    }
    joined(settled, Cond::Any, Cond::All)
}

fn flatten<'a>(parts: &'a [Cond], flat: &mut Vec<&'a Cond>) {
    for part in parts {
        match part {
            Cond::All(inner) => flatten(inner, flat),
            other => flat.push(other),
        }
    }
}

fn either(parts: impl Iterator<Item = Cond>) -> Cond {
    let mut settled: Vec<Cond> = Vec::new();
    for part in parts {
        match part {
            Cond::Any => return Cond::Any,
            Cond::Never => {}
            Cond::Either(inner) => settled.extend(inner),
            other => {
                if !settled.contains(&other) {
                    settled.push(other);
                }
            }
        }
    }
    joined(factored(settled), Cond::Never, Cond::Either)
}

/// Alternatives that start with the same test, as one that says it once: so that what they are turned round to stays small.
fn factored(parts: Vec<Cond>) -> Vec<Cond> {
    let mut groups: Vec<(Cond, Vec<Vec<Cond>>)> = Vec::new();
    for part in parts {
        let mut tests = match part {
            Cond::All(tests) => tests,
            one => vec![one],
        };
        if tests.is_empty() {
            return vec![Cond::Any];
        }
        let first = tests.remove(0);
        match groups.iter_mut().find(|(other, _)| *other == first) {
            Some((_, rests)) => rests.push(tests),
            None => groups.push((first, vec![tests])),
        }
    }
    groups
        .into_iter()
        .map(|(first, rests)| {
            // One that asks for nothing more takes in the others.
            if rests.iter().any(Vec::is_empty) {
                return first;
            }
            let mut tests = vec![first];
            match either(rests.into_iter().map(|tests| joined(tests, Cond::Any, Cond::All))) {
                Cond::All(more) => tests.extend(more),
                other => tests.push(other),
            }
            Cond::All(tests)
        })
        .collect()
}

/// Several parts joined; one alone as it is, and none as what that comes to.
fn joined(mut parts: Vec<Cond>, none: Cond, join: fn(Vec<Cond>) -> Cond) -> Cond {
    match parts.pop() {
        None => none,
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
    }
}

impl Test {
    fn mirrored(&self) -> Test {
        match self {
            Test::End(side, class, set) => Test::End(side.other(), *class, set.clone()),
            Test::Within(side, prefix) => Test::Within(side.other(), *prefix),
            Test::Port(side, range) => Test::Port(side.other(), range.clone()),
            Test::Ether(_) | Test::Proto(_) | Test::Service(_) | Test::Field(_) => self.clone(),
        }
    }
}

impl Known {
    /// The test as far as it is not decided by what is known.
    fn decide(&self, test: &Test) -> Cond {
        let unless = |holds: bool| if holds { Cond::Any } else { Cond::Never };
        match test {
            Test::Ether(value) => match self.ether {
                Some(known) => unless(known == *value),
                None => Cond::Test(test.clone()),
            },
            Test::Proto(protos) => match &self.protos {
                Some(known) if known.is_subset(protos) => Cond::Any,
                Some(known) if known.is_disjoint(protos) => Cond::Never,
                Some(known) => Cond::Test(Test::Proto(known & protos)),
                None if protos.is_empty() => Cond::Never,
                None => Cond::Test(test.clone()),
            },
            Test::Port(..)
                if self.protos.as_ref().is_some_and(|known| known.iter().all(|proto| !IpProto(*proto).has_ports())) =>
            {
                Cond::Never
            }
            Test::Within(_, prefix) if self.ether.is_some_and(|known| known != family(*prefix)) => Cond::Never,
            Test::End(..) | Test::Within(..) | Test::Port(..) | Test::Service(_) | Test::Field(_) => Cond::Test(test.clone()),
        }
    }

    fn learn(&mut self, test: &Test) {
        match test {
            Test::Ether(value) => self.ether = Some(*value),
            Test::Proto(protos) => self.protos = Some(protos.clone()),
            Test::End(..) | Test::Within(..) | Test::Port(..) | Test::Service(_) | Test::Field(_) => {}
        }
    }
}

/// The Ethernet type of the packets that carry addresses of this prefix.
fn family(prefix: Prefix) -> EtherType {
    match prefix.network() {
        IpAddr::V4(_) => EtherType::IPV4,
        IpAddr::V6(_) => EtherType::IPV6,
    }
}

impl Side {
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Src => Side::Dst,
            Side::Dst => Side::Src,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap() -> Cond {
        Cond::unsaid(Place::default(), "func('f')", "nothing runs it")
    }

    #[test]
    fn what_cannot_be_said_is_bounded_from_both_sides_and_turned_by_not() {
        let vlan = Cond::field("vlan = 5");
        let both = Cond::All(vec![vlan.clone(), gap()]);
        assert_eq!((both.at_least(), both.at_most()), (vlan.clone(), Cond::Never));
        let neither = both.negated();
        assert_eq!((neither.at_least(), neither.at_most()), (Cond::Any, vlan.clone().negated()));
        let one = Cond::Either(vec![vlan.clone(), gap()]);
        assert_eq!((one.at_least(), one.at_most()), (Cond::Any, vlan));
        assert_eq!(one.gaps().len(), 1);
    }

    #[test]
    fn what_is_known_is_not_said_twice() {
        let tcp = Cond::All(vec![
            Cond::Either(vec![
                Cond::All(vec![Cond::proto([6, 17]), Cond::Test(Test::Port(Side::Dst, 80..=80))]),
                Cond::All(vec![Cond::proto([1]), Cond::field("icmp-code = 80")]),
            ]),
            Cond::ether(EtherType::IPV4),
            Cond::proto([6]),
            Cond::Test(Test::Within(Side::Src, "10.0.0.0/8".parse().unwrap())),
        ]);
        let Cond::All(parts) = tcp.settled() else { panic!("{tcp:?}") };
        assert_eq!(parts.len(), 4, "{parts:?}");
        assert!(parts.contains(&Cond::Test(Test::Port(Side::Dst, 80..=80))));
        let contradiction = Cond::All(vec![Cond::ether(EtherType::IPV6), Cond::ether(EtherType::IPV4)]);
        assert_eq!(contradiction.settled(), Cond::Never);
        let nested = Cond::All(vec![Cond::ether(EtherType::IPV4), Cond::ether(EtherType::ARP).negated()]);
        assert_eq!(nested.settled(), Cond::ether(EtherType::IPV4));
    }

    #[test]
    fn what_alternatives_have_in_common_is_said_once() {
        let port = |number| Cond::All(vec![Cond::proto([6, 17]), Cond::Test(Test::Port(Side::Dst, number..=number))]);
        let icmp = |number| Cond::All(vec![Cond::proto([1]), Cond::field(format!("icmp-code = {number}"))]);
        let one = |number| Cond::All(vec![Cond::ether(EtherType::IPV4), Cond::Either(vec![port(number), icmp(number)])]);
        let Cond::All(parts) = Cond::Either(vec![one(1), one(2), one(3)]).settled() else { panic!() };
        let [Cond::Test(Test::Ether(_)), Cond::Either(two)] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(two.len(), 2, "{two:?}");
        let tcp = Cond::proto([6]);
        assert_eq!(Cond::Either(vec![Cond::All(vec![tcp.clone(), Cond::field("dscp = 1")]), tcp.clone()]).settled(), tcp);
    }

    #[test]
    fn a_mirror_exchanges_both_ends() {
        let cond = Cond::All(vec![Cond::end(Side::Src, Class::Host, "a"), Cond::Test(Test::Port(Side::Dst, 1..=2)).negated()]);
        assert_ne!(cond.mirrored(), cond);
        assert_eq!(cond.mirrored().mirrored(), cond);
    }
}
