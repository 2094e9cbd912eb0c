//! Things that happen at the same time: whatever comes between a decision and its entries, nothing is opened that is not allowed by then.

use std::time::Duration;

use lang::checked::Verdict;
use openflow::v13::{Message, PortReason};
use runtime::{ConnId, Event, Input};

use crate::desk::{Desk, adds, announcement, datagram, deletes, packet_in, port_status, wire};

/// Two switches with a cable between them, and a host at each; the far one answers no barrier of its own accord.
fn pair() -> (Desk, ConnId, ConnId) {
    let mut desk = Desk::new();
    let near = desk.join(0x1, &[1, 2, 25]);
    let far = desk.join(0x10, &[1, 9]);
    desk.cable((near, 25), (far, 1));
    desk.wait(Duration::from_secs(7));
    desk.packet(near, 1, &announcement(1));
    desk.packet(far, 9, &announcement(3));
    desk.loses_barriers(far);
    for conn in [near, far] {
        desk.heard(conn);
    }
    (desk, near, far)
}

/// A conversation is decided, and waits for the far switch: the number of the barrier.
fn opening(desk: &mut Desk, near: ConnId, far: ConnId) -> u32 {
    desk.packet(near, 1, &datagram(1, 3, 5, 6));
    let heard = desk.heard(far);
    assert!(!adds(&heard).is_empty() && adds(&desk.heard(near)).is_empty(), "the far end first");
    let asked = heard.iter().find(|(_, message)| *message == Message::BarrierRequest);
    asked.unwrap().0
}

#[test]
fn c01_a_switch_that_goes_while_its_packet_is_decided_gets_nothing() {
    let (mut desk, near, far) = pair();
    let barrier = opening(&mut desk, near, far);
    desk.hang_up(near);
    desk.say(far, barrier, &Message::BarrierReply);
    assert!(desk.controller.conversations() == 0, "what could not be finished has not come about");
    let left: Vec<_> = desk.controller.wanted().into_iter().filter(|(_, slot, _)| slot.priority > 0).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!deletes(&desk.heard(far)).is_empty(), "the other switch is told");
    // What it had sent before and comes later belongs to nobody.
    desk.bytes(near, &wire(0, &Message::PacketIn(packet_in(1, &datagram(1, 3, 7, 8)))));
    assert!(desk.controller.conversations() == 0);
}

#[test]
fn c01_a_far_switch_that_goes_takes_the_opening_along() {
    let (mut desk, near, far) = pair();
    opening(&mut desk, near, far);
    desk.hang_up(far);
    assert!(desk.controller.conversations() == 0);
    assert!(adds(&desk.heard(near)).is_empty(), "the ingress never opened");
}

#[test]
fn c02_a_host_that_leaves_between_decision_and_entry_gets_none() {
    for leaves in [(0, 1), (1, 9)] {
        let (mut desk, near, far) = pair();
        let barrier = opening(&mut desk, near, far);
        let conn = [near, far][leaves.0];
        desk.say(conn, 0, &port_status(PortReason::MODIFY, leaves.1, false));
        desk.say(far, barrier, &Message::BarrierReply);
        assert!(desk.controller.conversations() == 0);
        assert!(adds(&desk.heard(near)).is_empty(), "the ingress never opened");
        assert!(!deletes(&desk.heard(far)).is_empty(), "and what was put in is taken out");
    }
}

#[test]
fn c03_a_policy_that_comes_between_decision_and_entry_decides() {
    let (mut desk, near, far) = pair();
    let barrier = opening(&mut desk, near, far);
    desk.step(Input::Policy(tests::rules("default deny;")));
    desk.say(far, barrier, &Message::BarrierReply);
    assert!(adds(&desk.heard(near)).is_empty(), "the ingress never opened");
    assert!(desk.controller.standing().into_iter().all(|one| one.template.verdict != Verdict::Allow));
    assert!(desk.events.iter().any(|event| matches!(event, Event::Revoked { .. })));
    // The same, where the new policy allows it as well: it opens, once.
    let (mut desk, near, far) = pair();
    let barrier = opening(&mut desk, near, far);
    desk.step(Input::Policy(tests::rules("allow from any to any for udp;\ndefault deny;")));
    desk.say(far, barrier, &Message::BarrierReply);
    assert_eq!(adds(&desk.heard(near)).len(), 2);
}

#[test]
fn c05_packets_of_one_flow_under_way_make_one_set_of_entries() {
    let (mut desk, near, far) = pair();
    let barrier = opening(&mut desk, near, far);
    for _ in 0..3 {
        desk.packet(near, 1, &datagram(1, 3, 5, 6));
    }
    // The other end begins the same conversation at the same time.
    desk.packet(far, 9, &datagram(3, 1, 6, 5));
    assert_eq!(desk.controller.conversations(), 1);
    assert!(adds(&desk.heard(far)).is_empty(), "nothing is sent twice");
    desk.say(far, barrier, &Message::BarrierReply);
    let heard = desk.heard(near);
    assert_eq!(adds(&heard).len(), 2, "one entry for each direction");
    let released = |heard: &[(u32, Message)], frame: &[u8]| {
        let is_it = |message: &Message| matches!(message, Message::PacketOut(out) if out.data == frame);
        heard.iter().filter(|(_, message)| is_it(message)).count()
    };
    assert_eq!(released(&heard, &datagram(1, 3, 5, 6)), 4, "no packet is forgotten");
    assert_eq!(released(&desk.heard(far), &datagram(3, 1, 6, 5)), 1, "of neither end");
    desk.say(far, barrier, &Message::BarrierReply);
    assert!(adds(&desk.heard(near)).is_empty());
}
