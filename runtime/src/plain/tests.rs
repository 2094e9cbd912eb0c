//! Plain conversations against a map of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::{Program, View};
use lang::flow::End;
use net::{Dpid, Location, MacAddr, PortNo};

use super::*;

/// Places of stations as a program has them, whatever they are.
fn placed() -> compiler::Placed {
    let mut sources = lang::source::SourceMap::default();
    let id = sources.add("a.pol", "switch s { dpid 0x1; }\nhost h { mac 02:00:00:00:00:01; }\n");
    let (file, found) = lang::parse::parse(&sources, id);
    let tree = lang::ast::Policy { files: vec![file], entries: vec![id] };
    let policy = Arc::new(lang::check::check(&sources, &tree, found).0.unwrap());
    let mut view = View::new(&policy);
    assert!(view.attach(MacAddr([2, 0, 0, 0, 0, 1]), at(1), &policy));
    let station = view.station(MacAddr([2, 0, 0, 0, 0, 1])).unwrap();
    let end = End { host: station.host, location: station.location, mac: Some(station.mac), ..End::default() };
    Program::compile(policy.clone(), &view).placed(&end).unwrap()
}

fn at(port: u32) -> Location {
    Location::new(Dpid(1), PortNo(port))
}

fn seated(count: u8) -> (Plains, Vec<SeatId>) {
    let (mut plains, placed) = (Plains::new(7, 0), placed());
    let seat = |number: u8| {
        let who = (MacAddr([2, 0, 0, 0, 0, number]), [10, 0, 0, number].into());
        Seat::new(who, at(number.into()), Arc::default(), placed)
    };
    let ids = (1..=count).map(|number| plains.seats.insert(seat(number))).collect();
    (plains, ids)
}

fn plain(number: u64, seats: [SeatId; 2], sport: u16) -> Plain {
    Plain {
        id: FlowId(number),
        seats,
        ports: [sport, 80],
        proto: IpProto::TCP,
        dscp: 0,
        vlan: None,
        rule: None,
        installed: Time(number),
        idle: [false, false],
        trunk: None,
    }
}

#[test]
fn a_conversation_is_found_from_both_ends_and_by_its_number() {
    let (mut plains, seats) = seated(2);
    let one = plain(0x50_0001, [seats[0], seats[1]], 4000);
    let place = plains.insert(one.clone());
    assert_eq!(plains.find(&one.wire()), Some((place, Direction::Forward)));
    assert_eq!(plains.find(&one.wire().turned()), Some((place, Direction::Reply)));
    assert_eq!(plains.numbered(one.id), Some(place));
    let other = |wire: Wire| plains.find(&wire).is_none();
    assert!(other(Wire { ports: [80, 4000], ..one.wire() }));
    assert!(other(Wire { proto: IpProto::UDP, ..one.wire() }));
    assert!(other(Wire { vlan: VlanId::new(7), ..one.wire() }));
    assert!(plains.numbered(FlowId(0x50_0002)).is_none());
}

#[test]
fn the_entries_of_a_switch_are_counted_until_both_directions_are_silent() {
    let (mut plains, seats) = seated(2);
    let place = plains.insert(plain(1, [seats[0], seats[1]], 4000));
    assert_eq!((plains.held(Dpid(1)), plains.seats.begun_at(at(1)), plains.seats.begun_at(at(2))), (2, 1, 0));
    assert!(!plains.fell_silent(place, Direction::Reply));
    assert!(!plains.fell_silent(place, Direction::Reply), "it is told once more");
    assert_eq!(plains.held(Dpid(1)), 1);
    assert!(plains.fell_silent(place, Direction::Forward));
    plains.remove(place);
    assert_eq!((plains.held(Dpid(1)), plains.seats.begun_by(MacAddr([2, 0, 0, 0, 0, 1])), plains.len()), (0, 0, 0));
}

/// Anything put in and taken out, against a map.
#[test]
fn whatever_is_put_in_and_taken_out_what_is_there_is_found() {
    let (mut plains, seats) = seated(5);
    let mut known: BTreeMap<u64, (Plain, PlainId)> = BTreeMap::new();
    let mut state: u64 = 9;
    for number in 1..20_000_u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = usize::try_from(state >> 40).unwrap();
        if draw % 5 < 3 {
            let (a, b) = (draw / 5 % 5, draw / 25 % 5);
            let one = plain(number, [seats[a], seats[b]], u16::try_from(draw / 125 % 1000).unwrap());
            if a != b && plains.find(&one.wire()).is_none() {
                let place = plains.insert(one.clone());
                known.insert(number, (one, place));
            }
        } else if let Some((&number, (one, place))) = known.range(number.saturating_sub(state % 4000)..).next() {
            assert_eq!(plains.remove(*place).map(|gone| gone.id), Some(one.id));
            known.remove(&number);
        }
    }
    assert_eq!(plains.len(), known.len());
    for (one, place) in known.values() {
        assert_eq!((plains.find(&one.wire()), plains.numbered(one.id)), (Some((*place, Direction::Forward)), Some(*place)));
    }
    for seat in seats {
        let own: Vec<FlowId> = plains.of_seat(seat).iter().map(|place| plains.get(*place).unwrap().id).collect();
        let all: Vec<FlowId> = known.values().filter(|(one, _)| one.seats.contains(&seat)).map(|(one, _)| one.id).collect();
        assert_eq!(own, all);
        assert!(plains.seats.get(seat).unwrap().flows().len() <= 17 + 2 * all.len(), "what is gone is forgotten");
    }
}
