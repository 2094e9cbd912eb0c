//! Faults before a switch is in use.

use std::time::Duration;

use net::Dpid;
use openflow::v13::{ErrorType, Message, PortReason};
use runtime::event::SessionEnd;
use runtime::{ConnId, Event};

use super::desk::{
    Desk, FLOWS_ASKED, PORTS_ASKED, adds, announcement, datagram, features, hello, no_flows, packet_in, port_desc, port_status,
    wire,
};

fn end(desk: &Desk, conn: ConnId) -> Option<SessionEnd> {
    desk.events.iter().find_map(|event| match event {
        Event::SessionEnded { conn: which, reason, .. } if *which == conn => Some(reason.clone()),
        _ => None,
    })
}

fn errors(heard: &[(u32, Message)]) -> Vec<(u32, ErrorType, u16)> {
    let error = |(xid, message): &(u32, Message)| match message {
        Message::Error(error) => Some((*xid, error.kind, error.code)),
        _ => None,
    };
    heard.iter().filter_map(error).collect()
}

#[test]
fn p01_hello_element_of_length_zero() {
    let (mut desk, good) = Desk::with_good();
    for length in [0, 1, 3] {
        let bad = desk.connect();
        desk.bytes(bad, &[4, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, length, 0, 0, 0, 0x10]);
        assert!(desk.closed.contains(&bad));
        assert!(matches!(end(&desk, bad), Some(SessionEnd::Malformed(_))));
        assert_eq!(errors(&desk.heard(bad)).len(), 1);
        desk.serves(good);
    }
}

#[test]
fn p02_header_shorter_than_itself() {
    for length in [0, 1, 7] {
        for after_hello in [false, true] {
            let (mut desk, good) = Desk::with_good();
            let bad = desk.connect();
            if after_hello {
                desk.bytes(bad, &hello(&[4]));
            }
            desk.heard(bad);
            desk.bytes(bad, &[4, 10, 0, length, 0, 0, 0, 9, 4, 10, 0, 8, 0, 0, 0, 10]);
            let bad_len = (ErrorType::BAD_REQUEST, 6);
            assert_eq!(errors(&desk.heard(bad)).iter().map(|(_, kind, code)| (*kind, *code)).collect::<Vec<_>>(), [bad_len]);
            assert!(desk.closed.contains(&bad));
            desk.serves(good);
        }
    }
}

#[test]
fn p02_header_shorter_than_itself_in_use() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.join(0x2, &[1]);
    assert!(desk.is_up(0x2));
    desk.bytes(bad, &[4, 10, 0, 0, 0, 0, 0, 9]);
    assert!(desk.closed.contains(&bad) && !desk.is_up(0x2));
    desk.serves(good);
}

#[test]
fn p03_other_version_after_negotiation() {
    for version in [0, 1, 2, 3, 5, 6, 255] {
        let (mut desk, good) = Desk::with_good();
        let bad = desk.join(0x2, &[1, 25]);
        desk.heard(bad);
        let mut frame = wire(0x33, &port_status(PortReason::ADD, 9, true));
        frame[0] = version;
        desk.bytes(bad, &frame);
        assert_eq!(errors(&desk.heard(bad)), [(0x33, ErrorType::BAD_REQUEST, 0)]);
        assert!(desk.closed.contains(&bad));
        assert!(!desk.events.iter().any(|event| matches!(event, Event::Port { .. })), "it changed nothing");
        desk.serves(good);
    }
}

#[test]
fn p04_unknown_message_type() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.join(0x2, &[1]);
    desk.heard(bad);
    for kind in [30, 77, 255] {
        desk.bytes(bad, &[4, kind, 0, 8, 0, 0, 0, 5]);
        assert_eq!(errors(&desk.heard(bad)), [(5, ErrorType::BAD_REQUEST, 1)]);
        assert!(!desk.closed.contains(&bad) && desk.is_up(0x2));
    }
    desk.serves(good);
}

#[test]
fn p04_nothing_but_unknown_types_ends_the_connection() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.join(0x2, &[1]);
    for _ in 0..1000 {
        desk.bytes(bad, &[4, 99, 0, 8, 0, 0, 0, 5]);
    }
    assert!(desk.closed.contains(&bad));
    desk.serves(good);
}

#[test]
fn p05_a_peer_that_says_nothing_is_cut_off() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.connect();
    desk.wait(Duration::from_secs(4));
    assert!(!desk.closed.contains(&bad));
    desk.wait(Duration::from_secs(6));
    assert_eq!(end(&desk, bad), Some(SessionEnd::HandshakeTimeout));
    desk.serves(good);
}

#[test]
fn p05_a_peer_that_stops_half_way_is_cut_off() {
    let steps = [hello(&[4]), wire(1, &features(0x2, 0)), wire(PORTS_ASKED, &port_desc(&[1]))];
    for said in 1..=steps.len() {
        let (mut desk, good) = Desk::with_good();
        let bad = desk.connect();
        for step in &steps[..said] {
            desk.bytes(bad, step);
        }
        desk.wait(Duration::from_secs(10));
        assert_eq!(end(&desk, bad), Some(SessionEnd::HandshakeTimeout), "after {said} steps");
        desk.serves(good);
    }
}

#[test]
fn p07_a_thousand_peers_of_one_byte_a_second_are_cut_off_and_delay_nobody() {
    let (mut desk, good) = Desk::with_good();
    let slow: Vec<ConnId> = (0..1000).map(|_| desk.connect()).collect();
    let frame = hello(&[4]);
    for byte in frame.iter().take(10) {
        for conn in &slow {
            desk.bytes(*conn, &[*byte]);
        }
        desk.serves(good);
        desk.wait(Duration::from_secs(1));
    }
    assert!(slow.iter().all(|conn| desk.closed.contains(conn)));
    assert!(slow.iter().all(|conn| end(&desk, *conn) == Some(SessionEnd::HandshakeTimeout)));
}

#[test]
fn p06_anything_before_hello() {
    let (mut desk, good) = Desk::with_good();
    let early = [
        wire(1, &features(0x2, 0)),
        wire(1, &Message::PacketIn(packet_in(1, &announcement(9)))),
        wire(1, &Message::EchoRequest(Default::default())),
        wire(1, &port_status(PortReason::DELETE, 25, false)),
    ];
    for frame in early {
        let bad = desk.connect();
        desk.bytes(bad, &[frame, hello(&[4]), wire(2, &features(0x2, 0)), wire(PORTS_ASKED, &port_desc(&[1]))].concat());
        assert!(desk.closed.contains(&bad), "and what follows is not read");
        assert!(!desk.is_up(0x2) && desk.place(9).is_none());
        desk.serves(good);
    }
}

#[test]
fn p08_no_common_version() {
    let (mut desk, good) = Desk::with_good();
    for frame in [hello(&[2, 3]), hello(&[5, 6]), vec![3, 0, 0, 8, 0, 0, 0, 1], vec![0, 0, 0, 8, 0, 0, 0, 1]] {
        let bad = desk.connect();
        desk.bytes(bad, &frame);
        assert_eq!(end(&desk, bad), Some(SessionEnd::Version));
        assert!(desk.closed.contains(&bad));
        let mut said = desk.sent.remove(&bad).unwrap();
        let hello = openflow::split_frame(&mut said).unwrap().unwrap();
        let failed = openflow::split_frame(&mut said).unwrap().unwrap();
        assert_eq!((hello[1], failed[1]), (0, 1));
        assert_eq!(failed[8..12], [0, 0, 0, 0], "HELLO_FAILED, INCOMPATIBLE");
        assert!(failed[12..].windows(8).any(|text| text == b"OpenFlow"), "says in words which versions would do");
        desk.serves(good);
    }
}

#[test]
fn p08_bitmap_and_header_disagree() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.connect();
    let mut frame = hello(&[4]);
    frame[0] = 6;
    desk.bytes(bad, &frame);
    assert!(!desk.closed.contains(&bad), "the bitmap counts (OpenFlow 1.3.5 §6.3.1)");
    assert!(desk.heard(bad).iter().any(|(_, message)| *message == Message::FeaturesRequest));
    desk.serves(good);
}

#[test]
fn p09_a_second_features_reply_renames_nobody() {
    for (second, refused) in [(0x2, false), (0x10, true), (0x99, true)] {
        let (mut desk, good) = Desk::with_good();
        let bad = desk.join(0x2, &[1]);
        desk.say(bad, 7, &features(second, 0));
        assert_eq!(desk.closed.contains(&bad), refused);
        assert!(!desk.is_up(second) || second == 0x2);
        assert_eq!(desk.is_up(0x2), !refused);
        desk.serves(good);
    }
}

#[test]
fn p09_a_second_features_reply_in_the_handshake() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.connect();
    desk.bytes(
        bad,
        &[hello(&[4]), wire(1, &features(0x2, 0)), wire(1, &features(0x10, 0)), wire(PORTS_ASKED, &port_desc(&[1]))].concat(),
    );
    assert!(desk.closed.contains(&bad));
    assert!(!desk.is_up(0x2) && !desk.is_up(0x10));
    desk.serves(good);
}

#[test]
fn p10_the_same_dpid_again_is_refused_while_the_first_lives() {
    let (mut desk, good) = Desk::with_good();
    let thief = desk.join(0x1, &[1, 2, 25, 26]);
    assert!(desk.closed.contains(&thief));
    assert_eq!(end(&desk, thief), Some(SessionEnd::DuplicateDpid));
    assert!(desk.is_up(0x1));
    desk.serves(good);
    desk.falls_silent(good);
    desk.wait(Duration::from_secs(20));
    assert_eq!(end(&desk, good), Some(SessionEnd::Silent));
    let next = desk.join(0x1, &[1, 2, 25, 26]);
    assert!(!desk.closed.contains(&next) && desk.is_up(0x1));
    desk.packet(next, 1, &announcement(1));
    desk.packet(next, 2, &announcement(2));
    desk.serves(next);
}

#[test]
fn p10_who_only_claims_a_dpid_changes_nothing_of_its_owner() {
    let (mut desk, good) = Desk::with_good();
    assert!(desk.place(1).is_some());
    let thief = desk.connect();
    desk.bytes(thief, &[hello(&[4]), wire(1, &features(0x1, 0))].concat());
    desk.say(thief, 0, &port_status(PortReason::DELETE, 1, false));
    desk.say(thief, 0, &port_status(PortReason::MODIFY, 2, false));
    desk.say(thief, 0, &Message::PacketIn(packet_in(2, &announcement(1))));
    assert!(desk.place(1).is_some() && desk.place(2).is_some(), "the thief speaks for nobody");
    desk.hang_up(thief);
    desk.serves(good);
}

#[test]
fn p10_dpids_that_are_only_claimed_are_not_remembered() {
    let (mut desk, good) = Desk::with_good();
    for dpid in 0x1000..0x1100 {
        let bad = desk.connect();
        desk.bytes(bad, &[hello(&[4]), wire(1, &features(dpid, 0))].concat());
        desk.say(bad, 0, &port_status(PortReason::ADD, 1, true));
        desk.hang_up(bad);
    }
    assert!(!format!("{:?}", desk.controller).contains("10ff"), "nothing is kept of who never introduced itself");
    desk.serves(good);
}

#[test]
fn p11_an_undeclared_switch_is_pending_and_gets_nothing() {
    let (mut desk, good) = Desk::with_good();
    let stranger = desk.join(0x99, &[1, 2]);
    assert!(desk.events.iter().any(|event| matches!(event, Event::SwitchPending { dpid: Dpid(0x99), .. })));
    desk.heard(stranger);
    desk.packet(stranger, 1, &announcement(3));
    desk.packet(stranger, 2, &announcement(4));
    desk.packet(stranger, 1, &datagram(3, 4, 5, 6));
    desk.say(stranger, 0, &port_status(PortReason::ADD, 3, true));
    desk.say(stranger, 0, &no_flows(false));
    desk.wait(Duration::from_secs(30));
    assert!(!desk.closed.contains(&stranger), "held, not cut off: it answers echoes");
    let heard = desk.heard(stranger);
    assert!(heard.iter().all(|(_, message)| matches!(message, Message::EchoRequest(_))), "{heard:?}");
    assert_eq!((desk.place(3), desk.place(4)), (None, None));
    assert_eq!(desk.controller.status().switches, 1);
    assert!(adds(&heard).is_empty());
    desk.serves(good);
}

#[test]
fn p13_auxiliary_connections_are_refused() {
    let (mut desk, good) = Desk::with_good();
    for dpid in [0x1, 0x2] {
        let bad = desk.connect();
        desk.bytes(bad, &[hello(&[4]), wire(1, &features(dpid, 1))].concat());
        assert_eq!(end(&desk, bad), Some(SessionEnd::Auxiliary));
        assert!(desk.closed.contains(&bad));
    }
    desk.serves(good);
}

#[test]
fn p21_a_multipart_reply_that_never_ends_is_given_up() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.connect();
    desk.bytes(bad, &[hello(&[4]), wire(1, &features(0x2, 0)), wire(PORTS_ASKED, &port_desc(&[1]))].concat());
    let asked = desk.heard(bad).last().map(|(xid, _)| *xid).unwrap();
    for _ in 0..20 {
        desk.say(bad, asked, &no_flows(true));
        desk.wait(Duration::from_secs(1));
    }
    assert!(desk.closed.contains(&bad), "parts with nothing in them are no progress");
    desk.serves(good);
}

#[test]
fn p21_an_answer_to_another_request_is_none() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.connect();
    desk.bytes(bad, &[hello(&[4]), wire(1, &features(0x2, 0))].concat());
    desk.say(bad, 0xdead, &port_desc(&[1]));
    desk.say(bad, PORTS_ASKED, &no_flows(false));
    assert!(!desk.is_up(0x2));
    desk.say(bad, PORTS_ASKED, &port_desc(&[1]));
    desk.say(bad, 0xdead, &no_flows(false));
    assert!(!desk.is_up(0x2), "that was not what was asked");
    desk.say(bad, FLOWS_ASKED, &no_flows(false));
    assert!(desk.is_up(0x2));
    desk.serves(good);
}
