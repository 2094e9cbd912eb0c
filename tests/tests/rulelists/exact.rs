//! Which rules of a list decide nothing, exactly: the headers of a rule are a box over five axes, and the boxes of the rules before it
//! are cut off until nothing or a header is left. Knows nothing of how the compiler finds it out.

use super::rules::{ALL_PORTS, Header, Rule, WITH_PORTS};

/// From and to along each axis: source, destination, protocol, source port, destination port.
type Area = [(u32, u32); 5];

/// Behind all ports: the packet has none.
const NO_PORT: u32 = 65_536;

/// Every header, those without ports too.
const EVERYTHING: Area = [(0, u32::MAX), (0, u32::MAX), (0, 255), (0, NO_PORT), (0, NO_PORT)];

/// A header of the rule at this place that no rule before it takes, of packets that there can be.
pub fn decides(rules: &[Rule], place: usize) -> Option<Header> {
    let before: Vec<Area> = impossible().into_iter().chain(rules[..place].iter().map(area)).collect();
    left(area(&rules[place]), &before.iter().collect::<Vec<_>>()).map(header)
}

/// True if no packet that there can be is one of the rule's.
pub fn is_empty(rule: &Rule) -> bool {
    left(area(rule), &impossible().iter().collect::<Vec<_>>()).is_none()
}

fn area(rule: &Rule) -> Area {
    let proto = rule.proto.map_or((0, 255), |proto| (u32::from(proto), u32::from(proto)));
    let ports = |range: &std::ops::RangeInclusive<u16>| {
        if *range == ALL_PORTS { (0, NO_PORT) } else { (u32::from(*range.start()), u32::from(*range.end())) }
    };
    [rule.src.range(), rule.dst.range(), proto, ports(&rule.sports), ports(&rule.dports)]
}

/// What no packet is: nobody sends from a group, from everyone's address, from none, or from one of the machine alone; nobody is
/// reached at the last two; what has ports has both, and only three protocols do.
fn impossible() -> Vec<Area> {
    const HERE: (u32, u32) = (0x7f00_0000, 0x7fff_ffff);
    let with = |axis: usize, range: (u32, u32), rest: Area| {
        let mut area = rest;
        area[axis] = range;
        area
    };
    let sources = [(0, 0), HERE, (0xe000_0000, 0xefff_ffff), (u32::MAX, u32::MAX)];
    let mut all: Vec<Area> = sources.into_iter().map(|range| with(0, range, EVERYTHING)).collect();
    all.extend([(0, 0), HERE].map(|range| with(1, range, EVERYTHING)));
    for axis in [3, 4] {
        for proto in WITH_PORTS.map(u32::from) {
            all.push(with(axis, (NO_PORT, NO_PORT), with(2, (proto, proto), EVERYTHING)));
        }
        for between in [(0, 5), (7, 16), (18, 131), (133, 255)] {
            all.push(with(axis, (0, NO_PORT - 1), with(2, between, EVERYTHING)));
        }
    }
    all
}

/// A point of the area that is in none of the others.
fn left(mut area: Area, others: &[&Area]) -> Option<Area> {
    let meets = |area: &Area, other: &Area| area.iter().zip(other).all(|(one, two)| one.0 <= two.1 && two.0 <= one.1);
    let others: Vec<&Area> = others.iter().copied().filter(|other| meets(&area, other)).collect();
    let Some((first, rest)) = others.split_first() else { return Some(area) };
    for axis in 0..area.len() {
        let (from, to) = area[axis];
        if from < first[axis].0 {
            area[axis] = (from, first[axis].0 - 1);
            if let Some(found) = left(area, rest) {
                return Some(found);
            }
        }
        if first[axis].1 < to {
            area[axis] = (first[axis].1 + 1, to);
            if let Some(found) = left(area, rest) {
                return Some(found);
            }
        }
        area[axis] = (from.max(first[axis].0), to.min(first[axis].1));
    }
    None
}

fn header(area: Area) -> Header {
    let [src, dst, proto, sport, dport] = area.map(|(from, _)| from);
    let ports = u16::try_from(sport).ok().zip(u16::try_from(dport).ok());
    Header { src, dst, proto: u8::try_from(proto).unwrap(), ports }
}
