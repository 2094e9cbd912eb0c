//! Faults of a switch that is in use.

use std::time::Duration;

use net::{Location, PortNo};
use openflow::v13::{Error, ErrorType, FlowRemoved, FlowRemovedReason, Match, Message, PacketIn, PacketOut, PortReason};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::event::{Cause, SessionEnd};
use runtime::{ConnId, Event};

use super::desk::{
    Desk, FLOWS_ASKED, PORTS_ASKED, adds, announcement, datagram, deletes, features, hello, host, no_flows, packet_in, port_desc,
    port_status, wire,
};

fn at(dpid: u64, port: u32) -> Location {
    tests::at(dpid, port)
}

/// Two switches with a cable between them; host 1 at the first, host 3 at the second.
fn pair() -> (Desk, ConnId, ConnId) {
    let mut desk = Desk::new();
    let near = desk.join(0x1, &[1, 2, 25]);
    let far = desk.join(0x10, &[1, 9]);
    desk.cable((near, 25), (far, 1));
    desk.wait(Duration::from_secs(7));
    assert_eq!(desk.controller.links().count(), 2, "{:?}", desk.events);
    desk.packet(near, 1, &announcement(1));
    desk.packet(near, 2, &announcement(2));
    desk.packet(far, 9, &announcement(3));
    desk.heard(near);
    desk.heard(far);
    (desk, near, far)
}

#[test]
fn p14_flow_removed_for_a_cookie_that_nobody_gave() {
    let (mut desk, good) = Desk::with_good();
    desk.serves(good);
    let before: Vec<_> = desk.controller.wanted();
    let any = before.iter().find(|(_, slot, _)| slot.priority > 0).unwrap();
    for cookie in [0, 7, u64::MAX, any.2.cookie ^ 1] {
        desk.say(
            good,
            0,
            &Message::FlowRemoved(FlowRemoved {
                cookie,
                priority: any.1.priority,
                reason: FlowRemovedReason::IDLE_TIMEOUT,
                table_id: 0,
                duration_sec: 1,
                duration_nsec: 0,
                idle_timeout: 0,
                hard_timeout: 0,
                packet_count: 0,
                byte_count: 0,
                matching: Match::from_flow(&any.1.region).unwrap(),
            }),
        );
    }
    assert_eq!(desk.controller.wanted().len(), before.len());
    desk.serves(good);
}

#[test]
fn p16_a_refused_entry_takes_its_conversation_along() {
    let (mut desk, good) = Desk::with_good();
    desk.heard(good);
    desk.packet(good, 1, &datagram(1, 2, 5, 6));
    let added = adds(&desk.heard(good));
    assert_eq!(added.len(), 2);
    desk.events.clear();
    let error = Error { kind: ErrorType::FLOW_MOD_FAILED, code: 6, data: Default::default() };
    desk.say(good, added[1].0, &Message::Error(error));
    assert_eq!(deletes(&desk.heard(good)).len(), 2, "both directions go");
    let told = desk.events.iter().find_map(|event| match event {
        Event::SwitchError { flow, error, .. } => Some((flow.clone(), error.clone())),
        _ => None,
    });
    let (flow, error) = told.unwrap();
    assert!(flow.unwrap().contains("10.7.0.1") && error.contains("FLOW_MOD_FAILED"));
    assert!(desk.events.iter().any(|event| matches!(event, Event::Revoked { cause: Cause::SwitchRefused, .. })));
    assert!(desk.controller.conversations() == 0);
    desk.serves(good);
}

#[test]
fn p16_a_refused_entry_at_a_switch_on_the_way_keeps_the_ingress_shut() {
    let (mut desk, near, far) = pair();
    desk.loses_barriers(far);
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    let added = adds(&desk.heard(far));
    assert_eq!(added.len(), 2);
    assert!(adds(&desk.heard(near)).is_empty(), "the ingress waits for the barrier");
    let error = Error { kind: ErrorType::FLOW_MOD_FAILED, code: 1, data: Default::default() };
    desk.say(far, added[0].0, &Message::Error(error));
    assert!(desk.controller.conversations() == 0);
    let heard = desk.heard(near);
    assert!(adds(&heard).is_empty() && !heard.iter().any(|(_, message)| matches!(message, Message::PacketOut(_))));
    assert_eq!(deletes(&desk.heard(far)).len(), 2);
    desk.serves(near);
}

#[test]
fn p18_errors_for_unknown_transactions() {
    let (mut desk, good) = Desk::with_good();
    desk.serves(good);
    let before = desk.controller.conversations();
    for xid in [0, 1, 0xffff_ffff] {
        for (kind, code) in [(0, 0), (5, 1), (99, 99), (0xffff, 1)] {
            let error = Error { kind: ErrorType(kind), code, data: b"anything".to_vec().into() };
            desk.say(good, xid, &Message::Error(error));
        }
    }
    assert_eq!(desk.controller.conversations(), before);
    desk.serves(good);
}

#[test]
fn p19_a_lost_barrier_reply_ends_the_connection_and_nothing_stays_half_open() {
    let (mut desk, near, far) = pair();
    desk.loses_barriers(far);
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    assert_eq!(desk.controller.conversations(), 1);
    desk.wait(Duration::from_secs(6));
    let ended = |event: &Event| matches!(event, Event::SessionEnded { conn, reason: SessionEnd::Silent, .. } if *conn == far);
    assert!(desk.events.iter().any(ended));
    assert!(desk.controller.conversations() == 0, "it was never open and is forgotten");
    assert!(desk.controller.wanted().into_iter().all(|(_, slot, _)| slot.priority == 0));
    assert!(adds(&desk.heard(near)).is_empty());
    desk.serves(near);
}

#[test]
fn p20_a_barrier_reply_that_comes_twice_or_late_opens_nothing_early() {
    let (mut desk, near, far) = pair();
    desk.loses_barriers(far);
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    let heard = desk.heard(far);
    let asked = heard.iter().find(|(_, message)| *message == Message::BarrierRequest).unwrap().0;
    desk.say(far, asked.wrapping_add(1), &Message::BarrierReply);
    assert!(adds(&desk.heard(near)).is_empty());
    desk.say(far, asked, &Message::BarrierReply);
    desk.say(far, asked, &Message::BarrierReply);
    let heard = desk.heard(near);
    assert_eq!(adds(&heard).len(), 2, "once");
    assert_eq!(heard.iter().filter(|(_, message)| matches!(message, Message::PacketOut(_))).count(), 1);
}

#[test]
fn p25_packet_ins_that_are_not_what_they_say() {
    let (mut desk, good) = Desk::with_good();
    desk.heard(good);
    let whole = datagram(1, 2, 5, 6);
    let mut empty = packet_in(1, &[]);
    empty.total_len = 60;
    desk.say(good, 0, &Message::PacketIn(empty.clone()));
    empty.buffer_id = 4;
    desk.say(good, 0, &Message::PacketIn(empty));
    let mut cut = packet_in(1, &whole[..44]);
    cut.total_len = u16::try_from(whole.len()).unwrap();
    desk.say(good, 0, &Message::PacketIn(cut));
    let outs = outs(&desk.heard(good));
    assert!(outs.iter().all(|out| out.actions.is_empty()), "no stump goes on: {outs:?}");
    assert_eq!(outs.iter().map(|out| out.buffer_id).collect::<Vec<_>>(), [4], "what the switch keeps of one is dropped");
    for length in 0..whole.len() {
        desk.packet(good, 1, &whole[..length]);
    }
    desk.serves(good);
}

#[test]
fn p25_a_buffered_packet_is_released_by_its_number() {
    let (mut desk, good) = Desk::with_good();
    desk.heard(good);
    let whole = datagram(1, 2, 5, 6);
    let mut cut = packet_in(1, &whole[..44]);
    (cut.total_len, cut.buffer_id) = (u16::try_from(whole.len()).unwrap(), 4);
    desk.say(good, 0, &Message::PacketIn(cut));
    let heard = desk.heard(good);
    let outs = outs(&heard);
    assert_eq!(outs.len(), 1);
    assert_eq!((outs[0].buffer_id, outs[0].data.len()), (4, 0));
    let unknown = Error { kind: ErrorType::BAD_REQUEST, code: 8, data: Default::default() };
    desk.say(good, heard.last().unwrap().0, &Message::Error(unknown));
    assert_eq!(desk.controller.conversations(), 1, "a lost buffer is a lost packet, not a lost flow");
    desk.serves(good);
}

#[test]
fn p25_a_switch_need_not_keep_what_goes_nowhere() {
    let (mut desk, good) = Desk::with_good();
    desk.heard(good);
    let stolen = packet::Arp::request(host(9).0, host(1).1, host(2).1).to_frame();
    let from_another = {
        let ((src_mac, src_ip), (dst_mac, dst_ip)) = ((host(9).0, host(1).1), host(2));
        let data = b"not mine";
        build::udp(&IpEnds { src_mac, dst_mac, src_ip, dst_ip }, &Datagram { src: 5, dst: 6, data }).unwrap()
    };
    let to_nobody = datagram(1, 77, 5, 6);
    for (buffer_id, frame) in [(1, &stolen), (2, &from_another), (3, &to_nobody)] {
        desk.say(good, 0, &Message::PacketIn(PacketIn { buffer_id, ..packet_in(1, frame) }));
        let outs = outs(&desk.heard(good));
        let dropped = outs.iter().filter(|out| out.buffer_id == buffer_id && out.actions.is_empty() && out.data.is_empty());
        assert_eq!(dropped.count(), 1, "{outs:?}");
    }
    desk.serves(good);
}

#[test]
fn r07_senders_at_one_port_that_are_not_believed_fill_no_log() {
    let (mut desk, good) = Desk::with_good();
    for last in 10..110 {
        desk.packet(good, 1, &packet::Arp::request(host(last).0, host(2).1, host(1).1).to_frame());
    }
    let told = |desk: &Desk| desk.events.iter().filter(|event| matches!(event, Event::Spoofed { .. })).count();
    let first = told(&desk);
    assert!((1..=16).contains(&first), "{first}");
    desk.wait(Duration::from_secs(1));
    desk.packet(good, 1, &packet::Arp::request(host(10).0, host(2).1, host(1).1).to_frame());
    assert_eq!(told(&desk), first + 1, "and others in the next second");
    desk.serves(good);
}

fn outs(heard: &[(u32, Message)]) -> Vec<PacketOut> {
    heard.iter().filter_map(|(_, m)| if let Message::PacketOut(out) = m { Some(out.clone()) } else { None }).collect()
}

#[test]
fn p25_packet_ins_from_ports_that_no_host_can_be_at() {
    let (mut desk, good) = Desk::with_good();
    for port in [0, 9, 25, 77, 0xffff_ff00, 0xffff_fffe, 0xffff_ffff] {
        desk.packet(good, port, &announcement(9));
    }
    assert!(desk.place(9).is_none_or(|place| place == at(0x1, 9)), "{:?}", desk.place(9));
    desk.serves(good);
}

#[test]
fn p26_port_status_of_every_odd_kind() {
    let (mut desk, near, far) = pair();
    let up = |desk: &Desk| desk.controller.links().count();
    for (reason, port, state) in [
        (PortReason::DELETE, 99, false),
        (PortReason::MODIFY, 98, true),
        (PortReason::ADD, 2, true),
        (PortReason::ADD, 2, true),
        (PortReason(9), 2, true),
        (PortReason::ADD, 0xffff_fffe, true),
    ] {
        desk.say(near, 0, &port_status(reason, port, state));
        assert_eq!(up(&desk), 2);
        assert!(desk.place(2).is_some());
    }
    let mut odd = wire(0, &port_status(PortReason::MODIFY, 2, true));
    odd[8 + 8 + 16..8 + 8 + 16 + 16].fill(0xff);
    desk.bytes(near, &odd);
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    assert_eq!(desk.controller.conversations(), 1);
    desk.say(near, 0, &port_status(PortReason::DELETE, 25, false));
    assert_eq!(up(&desk), 0, "both directions");
    assert!(desk.controller.conversations() == 0, "its conversation has no other way");
    desk.say(near, 0, &port_status(PortReason::ADD, 25, true));
    desk.wait(Duration::from_secs(7));
    assert_eq!(up(&desk), 2);
    desk.serves(near);
    assert!(!desk.closed.contains(&far));
}

#[test]
fn p26_ports_without_end_are_bounded() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.join(0x2, &[1]);
    let mut many = Vec::new();
    for port in 1..=70_000 {
        many.extend(wire(0, &port_status(PortReason::ADD, port + 100, false)));
    }
    desk.bytes(bad, &many);
    let kept = desk.events.iter().filter(|event| matches!(event, Event::Port { .. })).count();
    assert_eq!(kept, 0);
    assert!(!format!("{:?}", desk.controller).contains("70100"), "more ports than a switch has are not kept");
    desk.serves(good);
}

#[test]
fn p27_a_switch_that_answers_no_echo_is_dead_in_bounded_time() {
    let (mut desk, near, far) = pair();
    desk.falls_silent(far);
    desk.wait(Duration::from_secs(16));
    assert!(desk.closed.contains(&far) && !desk.is_up(0x10));
    assert_eq!(desk.controller.links().count(), 0);
    desk.serves(near);
}

#[test]
fn p27_bytes_that_never_become_a_message_are_no_sign_of_life() {
    let (mut desk, near, far) = pair();
    desk.falls_silent(far);
    desk.bytes(far, &[4, 10, 0xff, 0xff, 0, 0, 0, 0]);
    for _ in 0..40 {
        desk.bytes(far, &[0]);
        desk.wait(Duration::from_secs(1));
    }
    assert!(desk.closed.contains(&far));
    desk.serves(near);
}

#[test]
fn p28_segments_make_no_difference() {
    let script: Vec<u8> = [
        hello(&[4]),
        wire(9, &features(0x1, 0)),
        wire(PORTS_ASKED, &port_desc(&[1, 2, 25])),
        wire(FLOWS_ASKED, &no_flows(false)),
        wire(0, &Message::PacketIn(packet_in(2, &announcement(2)))),
        wire(0, &Message::PacketIn(packet_in(1, &announcement(1)))),
        wire(0, &Message::PacketIn(packet_in(1, &datagram(1, 2, 5, 6)))),
        wire(0, &port_status(PortReason::MODIFY, 2, false)),
    ]
    .concat();
    let play = |size: usize| {
        let mut desk = Desk::new();
        let conn = desk.connect();
        for piece in script.chunks(size) {
            desk.bytes(conn, piece);
        }
        assert!(desk.is_up(0x1));
        (desk.sent.remove(&conn).unwrap(), format!("{:?}", desk.events), desk.controller.status())
    };
    let whole = play(script.len());
    assert!(whole.1.contains("Decided"), "{}", whole.1);
    for size in [1, 2, 7, 8, 9, 63, 500] {
        assert_eq!(play(size), whole, "in pieces of {size}");
    }
    assert_eq!(whole.2.switches, 1);
}

#[test]
fn c04_barriers_of_an_earlier_way_do_not_open_a_later_one() {
    let mut desk = Desk::under("allow from any to any via http-proxy;\ndefault allow;");
    let near = desk.join(0x1, &[1, 25, 26]);
    let core = desk.join(0x10, &[1, 8, 9, 40, 41]);
    let other = desk.join(0x11, &[1, 8]);
    desk.cable((near, 25), (core, 1));
    desk.cable((near, 26), (other, 1));
    desk.cable((other, 8), (core, 8));
    desk.wait(Duration::from_secs(7));
    assert_eq!(desk.controller.links().count(), 6);
    desk.packet(near, 1, &announcement(1));
    desk.packet(core, 9, &announcement(3));
    for conn in [near, core, other] {
        desk.loses_barriers(conn);
        desk.heard(conn);
    }
    let barrier =
        |heard: &[(u32, Message)]| heard.iter().find(|(_, message)| *message == Message::BarrierRequest).map(|one| one.0);
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    let first = barrier(&desk.heard(core)).unwrap();
    desk.say(near, 0, &port_status(PortReason::MODIFY, 25, false));
    let shut = barrier(&desk.heard(near)).unwrap();
    assert_eq!(desk.events.iter().filter(|event| matches!(event, Event::Rerouted { .. })).count(), 1);
    assert!(adds(&desk.heard(other)).is_empty(), "the ingress is shut first");
    desk.say(core, first, &Message::BarrierReply);
    assert!(adds(&desk.heard(other)).is_empty(), "that was a barrier of the way before");
    desk.say(near, shut, &Message::BarrierReply);
    assert!(!adds(&desk.heard(other)).is_empty());
    assert!(adds(&desk.heard(near)).is_empty(), "the new way waits for its own barriers");
    let asked = [(core, barrier(&desk.heard(core)).unwrap())];
    for (conn, xid) in asked {
        desk.say(conn, xid, &Message::BarrierReply);
    }
    assert!(adds(&desk.heard(near)).is_empty(), "one is still to come");
}

#[test]
fn c04_two_changes_of_way_in_a_row_leave_nothing_of_the_first() {
    let mut desk = Desk::new();
    let near = desk.join(0x1, &[1, 25, 26]);
    let core = desk.join(0x10, &[1, 7, 8, 9]);
    let other = desk.join(0x11, &[1, 7, 8]);
    desk.cable((near, 25), (core, 1));
    desk.cable((near, 26), (other, 1));
    desk.cable((other, 8), (core, 8));
    desk.cable((other, 7), (core, 7));
    desk.wait(Duration::from_secs(7));
    desk.packet(near, 1, &announcement(1));
    desk.packet(core, 9, &announcement(3));
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    assert_eq!(desk.controller.conversations(), 1);
    for conn in [core, other] {
        desk.loses_barriers(conn);
        desk.heard(conn);
    }
    desk.say(near, 0, &port_status(PortReason::MODIFY, 25, false));
    desk.say(other, 0, &port_status(PortReason::MODIFY, 7, false));
    for conn in [core, other] {
        for (xid, message) in desk.heard(conn) {
            if message == Message::BarrierRequest {
                desk.say(conn, xid, &Message::BarrierReply);
            }
        }
    }
    let left: Vec<_> = desk.controller.wanted().into_iter().filter(|(_, slot, _)| slot.priority > 0).collect();
    assert_eq!(left.len(), 6, "two entries at each of three switches: {left:?}");
    let in_port = |port: u32| left.iter().any(|(_, slot, _)| slot.region.in_port == Some(PortNo(port)));
    assert!(!in_port(25) && !in_port(7), "{left:?}");
}
