//! What switches can do, as they tell it or do not.

use std::time::Duration;

use net::Dpid;
use openflow::Text;
use openflow::v13::{
    BadRequest, Desc, Error, GroupCapabilities, GroupFeatures, Message, MeterFeatures, MultipartFlags, MultipartReply,
    MultipartReplyBody, MultipartRequestBody, TableFeatures,
};
use runtime::dialect::{GroupKind, Subject};
use runtime::{ConnId, Event};
use tests::World;

use super::desk::{Desk, PORTS_ASKED, features, hello, no_flows, port_desc, wire};

const EDGE: Dpid = Dpid(0x1);

/// A switch that was admitted, and the transactions in which it was asked for its description, tables, groups, meters and entries.
fn asked(desk: &mut Desk) -> (ConnId, [u32; 5]) {
    let conn = desk.connect();
    desk.bytes(conn, &[hello(&[4]), wire(1, &features(EDGE.0, 0)), wire(PORTS_ASKED, &port_desc(&[1, 2]))].concat());
    let mut xids = [0; 5];
    for (xid, message) in desk.heard(conn) {
        let Message::MultipartRequest(request) = message else { continue };
        let place = match request.body {
            MultipartRequestBody::Desc => 0,
            MultipartRequestBody::TableFeatures(_) => 1,
            MultipartRequestBody::GroupFeatures => 2,
            MultipartRequestBody::MeterFeatures => 3,
            MultipartRequestBody::Flow(_) => 4,
            _ => continue,
        };
        xids[place] = xid;
    }
    assert!(xids.iter().all(|xid| *xid != 0) && xids[4] == *xids.iter().max().unwrap(), "the entries last: {xids:?}");
    (conn, xids)
}

fn reply(more: bool, body: MultipartReplyBody) -> Message {
    let flags = if more { MultipartFlags::MORE } else { MultipartFlags::NONE };
    Message::MultipartReply(MultipartReply { flags, body })
}

fn tables(more: bool, numbers: &[u8]) -> Message {
    let table = |number: &u8| TableFeatures {
        table_id: *number,
        name: Text::default(),
        metadata_match: 0,
        metadata_write: 0,
        config: 0,
        max_entries: 1000 + u32::from(*number),
        properties: Vec::new(),
    };
    reply(more, MultipartReplyBody::TableFeatures(numbers.iter().map(table).collect()))
}

fn groups() -> Message {
    let capabilities = GroupCapabilities::SELECT_WEIGHT;
    let max_groups = [100, 0, 0, 7];
    reply(false, MultipartReplyBody::GroupFeatures(GroupFeatures { types: 0b1001, capabilities, max_groups, actions: [1; 4] }))
}

fn meters() -> Message {
    let meters = MeterFeatures { max_meter: 16, band_types: 0b10, capabilities: 0b101, max_bands: 1, max_color: 8 };
    reply(false, MultipartReplyBody::MeterFeatures(meters))
}

fn description() -> Message {
    let text = |text| Text::new(text);
    let desc = Desc {
        mfr_desc: text("Nicira, Inc."),
        hw_desc: text("Open vSwitch"),
        sw_desc: text("3.1.0"),
        serial_num: Text::new("None"),
        dp_desc: text("br0"),
    };
    reply(false, MultipartReplyBody::Desc(Box::new(desc)))
}

#[test]
fn what_a_switch_tells_is_known_when_it_joins() {
    let mut desk = Desk::new();
    let (conn, [asked_description, asked_tables, asked_groups, asked_meters, entries]) = asked(&mut desk);
    desk.say(conn, asked_tables, &tables(true, &[0, 1]));
    desk.say(conn, asked_tables, &tables(false, &[2]));
    desk.say(conn, asked_description, &description());
    desk.say(conn, asked_meters, &meters());
    desk.say(conn, asked_groups, &groups());
    desk.say(conn, entries, &no_flows(false));
    assert!(desk.is_up(EDGE.0));
    let can = desk.controller.capabilities(EDGE).unwrap();
    assert_eq!(can.n_tables(), 8);
    assert_eq!([0, 2, 3].map(|table| can.max_entries(table)), [Some(1000), Some(1002), None]);
    let has = GroupKind::EVERY.map(|kind| can.has_group(kind));
    assert_eq!((can.has_groups(), has), (true, [true, false, false, true]));
    assert!(can.has_fast_failover() && can.groups().is_some_and(|groups| groups.weights && !groups.chaining));
    assert_eq!(can.groups().unwrap().most(GroupKind::FastFailover), Some(7));
    let meters = *can.meters().unwrap();
    assert!(meters.drops && !meters.remarks && meters.kilobits && !meters.packets && meters.bursts);
    let told = can.description().unwrap();
    assert_eq!((told.vendor.as_str(), told.software.as_str()), ("Nicira, Inc.", "3.1.0"));
    desk.hang_up(conn);
    assert!(desk.controller.capabilities(EDGE).is_none(), "nothing is kept of who is gone");
}

#[test]
fn what_a_switch_refuses_to_tell_it_lacks() {
    let mut desk = Desk::new();
    let (conn, [asked_description, asked_tables, asked_groups, asked_meters, entries]) = asked(&mut desk);
    for xid in [asked_description, asked_tables, asked_groups] {
        let (kind, code) = BadRequest::BAD_MULTIPART.into();
        desk.say(conn, xid, &Message::Error(Error { kind, code, data: Default::default() }));
    }
    // Features of meters that cannot be read: the header and half a body.
    desk.bytes(conn, &[&[4, 19, 0, 20][..], &asked_meters.to_be_bytes(), &[0, 11, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]].concat());
    desk.say(conn, entries, &no_flows(false));
    assert!(desk.is_up(EDGE.0) && !desk.closed.contains(&conn));
    assert!(!desk.events.iter().any(|event| matches!(event, Event::SwitchError { .. })), "no failure: {:?}", desk.events);
    let can = desk.controller.capabilities(EDGE).unwrap();
    assert!(!can.has_groups() && !can.has_meters() && can.description().is_none());
    assert_eq!(can.max_entries(0), None);
}

#[test]
fn p21_answers_to_what_was_not_asked_change_nothing() {
    let mut desk = Desk::new();
    let (conn, [_, asked_tables, asked_groups, asked_meters, entries]) = asked(&mut desk);
    desk.say(conn, asked_groups, &meters());
    desk.say(conn, asked_meters, &groups());
    desk.say(conn, 0xdead, &description());
    for _ in 0..2_000 {
        desk.say(conn, asked_tables, &tables(true, &[0, 1, 2, 255]));
    }
    desk.say(conn, entries, &no_flows(false));
    assert!(desk.is_up(EDGE.0));
    let can = desk.controller.capabilities(EDGE).unwrap();
    assert!(!can.has_groups() && !can.has_meters() && can.description().is_none());
    assert_eq!(can.max_entries(255), Some(1255));
    assert!(format!("{can:?}").len() < 1_000, "answers without end take no room");
    desk.say(conn, asked_groups, &groups());
    assert!(desk.controller.capabilities(EDGE).unwrap().has_fast_failover(), "a late answer counts");
}

#[test]
fn p21_answers_that_never_end_keep_no_switch_in_the_handshake() {
    let mut desk = Desk::new();
    let (conn, [_, asked_tables, ..]) = asked(&mut desk);
    for _ in 0..200 {
        desk.say(conn, asked_tables, &tables(true, &[0]));
        desk.wait(Duration::from_millis(100));
    }
    assert!(desk.closed.contains(&conn));
}

#[test]
fn emulated_switches_of_both_versions_tell_what_they_can() {
    for versions in [&[1][..], &[1, 4]] {
        let world = World::campus(tests::campus_policy(), versions);
        let can = world.controller.as_ref().unwrap().capabilities(EDGE).unwrap();
        let modern = versions.contains(&4);
        assert_eq!(can.max_entries(0), Some(1_000_000));
        assert_eq!((can.has_groups(), can.has_fast_failover(), can.has_meters()), (modern, modern, modern));
        assert_eq!(can.actions().is_some(), !modern, "1.0 tells its actions");
        assert_eq!(can.description().unwrap().vendor, "Pentane");
    }
}

#[test]
fn p18_an_error_says_what_it_is_about() {
    let (mut desk, good) = Desk::with_good();
    desk.heard(good);
    desk.packet(good, 1, &super::desk::datagram(1, 2, 5, 6));
    let heard = desk.heard(good);
    let said = |wanted: fn(&Message) -> bool| heard.iter().find(|(_, message)| wanted(message)).unwrap().0;
    let entry = said(|message| matches!(message, Message::FlowMod(_)));
    let packet = said(|message| matches!(message, Message::PacketOut(_)));
    let (kind, code) = BadRequest::BAD_LEN.into();
    for (xid, about, has_flow) in
        [(packet, Some(Subject::PacketOut), false), (9_999, None, false), (entry, Some(Subject::Entry), true)]
    {
        desk.events.clear();
        desk.say(good, xid, &Message::Error(Error { kind, code, data: Default::default() }));
        let told = desk.events.iter().find_map(|event| match event {
            Event::SwitchError { about, flow, .. } => Some((*about, flow.is_some())),
            _ => None,
        });
        assert_eq!(told, Some((about, has_flow)));
    }
    let removal = desk.heard(good).into_iter().find(|(_, message)| matches!(message, Message::FlowMod(_))).unwrap().0;
    desk.events.clear();
    desk.say(good, removal, &Message::Error(Error { kind, code, data: Default::default() }));
    assert!(matches!(&desk.events[..], [Event::SwitchError { about: Some(Subject::Removal), .. }]), "{:?}", desk.events);
}

#[test]
fn p19_a_barrier_that_is_refused_opens_nothing() {
    let mut desk = Desk::new();
    let near = desk.join(0x1, &[1, 2, 25]);
    let far = desk.join(0x10, &[1, 9]);
    desk.cable((near, 25), (far, 1));
    desk.wait(Duration::from_secs(7));
    desk.packet(near, 1, &super::desk::announcement(1));
    desk.packet(far, 9, &super::desk::announcement(3));
    desk.loses_barriers(far);
    desk.heard(far);
    desk.heard(near);
    desk.packet(near, 1, &super::desk::datagram(1, 3, 5, 6));
    let barrier = desk.heard(far).into_iter().find(|(_, message)| *message == Message::BarrierRequest).unwrap().0;
    let (kind, code) = BadRequest::BAD_TYPE.into();
    desk.say(far, barrier, &Message::Error(Error { kind, code, data: Default::default() }));
    assert!(desk.controller.conversations() == 0, "what nobody vouches for does not come about");
    assert!(super::desk::adds(&desk.heard(near)).is_empty());
    let about = |event: &Event| matches!(event, Event::SwitchError { about: Some(Subject::Barrier), flow: Some(_), .. });
    assert!(desk.events.iter().any(about));
}
