//! Who is let in as which switch, and what becomes of two who are the same.

use std::time::Duration;

use net::{Dpid, Fingerprint};
use runtime::event::SessionEnd;
use runtime::{ConnId, Event, Input};

use super::desk::{Desk, announcement};

const PORTS: &[u32] = &[1, 2, 25, 26];

fn print(mark: u8) -> Fingerprint {
    Fingerprint([mark; 32])
}

/// Everything is allowed; `a` has two certificates, `b` one, `c` none.
fn text() -> String {
    let (a, z, b) = (print(0xa1), print(0xa2), print(0xb1));
    format!(
        "switch a {{ dpid 0xa; certificate \"{a}\"; certificate \"{z}\"; access 1-24; }}\n\
         switch b {{ dpid 0xb; certificate \"{b}\"; access 1-24; }}\n\
         switch c {{ dpid 0xc; access 1-24; }}\ndefault allow;"
    )
}

fn end(desk: &Desk, conn: ConnId) -> Option<SessionEnd> {
    desk.events.iter().find_map(|event| match event {
        Event::SessionEnded { conn: which, reason, .. } if *which == conn => Some(reason.clone()),
        _ => None,
    })
}

fn claims(desk: &Desk) -> usize {
    desk.events.iter().filter(|event| matches!(event, Event::DpidClaimed { .. })).count()
}

#[test]
fn p10_a_switch_with_certificates_is_let_in_with_one_of_them_alone() {
    let mut desk = Desk::under(&text());
    for certificate in [print(0xa1), print(0xa2)] {
        let conn = desk.join_with(Some(certificate), 0xa, PORTS);
        assert!(desk.is_up(0xa));
        desk.hang_up(conn);
    }
    for (shown, why) in [
        (None, SessionEnd::NotItsCertificate { shown: None }),
        (Some(print(7)), SessionEnd::NotItsCertificate { shown: Some(print(7)) }),
        (Some(print(0xb1)), SessionEnd::NotItsCertificate { shown: Some(print(0xb1)) }),
    ] {
        let thief = desk.join_with(shown, 0xa, PORTS);
        assert_eq!(end(&desk, thief), Some(why));
        assert!(desk.closed.contains(&thief) && !desk.is_up(0xa));
    }
}

#[test]
fn p12_a_certificate_of_one_switch_is_none_for_another() {
    let mut desk = Desk::under(&text());
    for dpid in [0xc, 0xd] {
        let thief = desk.join_with(Some(print(0xb1)), dpid, PORTS);
        assert_eq!(end(&desk, thief), Some(SessionEnd::CertificateOf(Dpid(0xb))), "{dpid:#x}");
        assert!(!desk.is_up(dpid));
    }
    let plain = desk.join(0xc, PORTS);
    assert!(desk.is_up(0xc), "a switch without a certificate is known by its dpid");
    desk.hang_up(plain);
    desk.join_with(Some(print(9)), 0xc, PORTS);
    assert!(desk.is_up(0xc), "over TLS too, with any certificate that is of the CA");
}

#[test]
fn p11_a_pending_switch_tells_the_certificate_by_which_it_can_be_declared() {
    let mut desk = Desk::under(&text());
    desk.join_with(Some(print(9)), 0xd, PORTS);
    let told = desk.events.iter().find_map(|event| match event {
        Event::SwitchPending { dpid: Dpid(0xd), certificate } => Some(*certificate),
        _ => None,
    });
    assert_eq!(told, Some(Some(print(9))));
}

#[test]
fn p10_the_one_with_the_certificate_wins() {
    let mut desk = Desk::under(&text());
    let there = desk.join_with(Some(print(0xa1)), 0xa, PORTS);
    let thief = desk.join(0xa, PORTS);
    assert!(matches!(end(&desk, thief), Some(SessionEnd::NotItsCertificate { .. })));
    assert!(desk.is_up(0xa) && !desk.closed.contains(&there));
    // A switch that is known by its dpid alone: whoever shows a certificate of the CA takes the place of one who shows none.
    let plain = desk.join(0xc, PORTS);
    let better = desk.join_with(Some(print(9)), 0xc, PORTS);
    assert_eq!(end(&desk, plain), Some(SessionEnd::Displaced));
    assert!(desk.closed.contains(&plain) && desk.is_up(0xc) && !desk.closed.contains(&better));
    let again = desk.join(0xc, PORTS);
    assert_eq!(end(&desk, again), Some(SessionEnd::DuplicateDpid));
    assert!(desk.is_up(0xc));
    assert_eq!(claims(&desk), 2);
}

#[test]
fn p10_the_one_that_is_there_is_asked_at_once_and_makes_room_if_it_is_dead() {
    let (mut desk, good) = Desk::with_good();
    desk.wait(Duration::from_secs(1));
    desk.heard(good);
    let thief = desk.join(0x1, PORTS);
    assert_eq!(end(&desk, thief), Some(SessionEnd::DuplicateDpid));
    let asked = desk.heard(good).iter().filter(|(_, message)| matches!(message, openflow::v13::Message::EchoRequest(_))).count();
    assert_eq!((asked, claims(&desk)), (1, 1));
    desk.wait(Duration::from_secs(30));
    assert!(!desk.closed.contains(&good), "it lives");
    desk.serves(good);
    // It loses its power; what it comes back with is refused once, and finds room in the time of an answer.
    desk.falls_silent(good);
    let early = desk.join(0x1, PORTS);
    assert_eq!(end(&desk, early), Some(SessionEnd::DuplicateDpid));
    desk.wait(Duration::from_millis(5_100));
    assert_eq!(end(&desk, good), Some(SessionEnd::Silent));
    let back = desk.join(0x1, PORTS);
    assert!(desk.is_up(0x1) && !desk.closed.contains(&back));
    desk.packet(back, 1, &announcement(1));
    desk.packet(back, 2, &announcement(2));
    desk.serves(back);
}

#[test]
fn p10_attempts_without_end_ask_no_more_than_one_question_at_a_time() {
    let (mut desk, good) = Desk::with_good();
    desk.falls_silent(good);
    desk.heard(good);
    for _ in 0..500 {
        desk.join(0x1, PORTS);
    }
    assert_eq!(desk.heard(good).len(), 1);
    desk.wait(Duration::from_secs(6));
    assert_eq!(end(&desk, good), Some(SessionEnd::Silent));
}

#[test]
fn a_policy_that_declares_another_certificate_ends_the_connection_and_one_that_declares_none_does_not() {
    let mut desk = Desk::under(&text());
    let a = desk.join_with(Some(print(0xa1)), 0xa, PORTS);
    let c = desk.join_with(Some(print(0xc1)), 0xc, PORTS);
    let strict = text()
        .replace(&format!("certificate \"{}\"; ", print(0xa1)), "")
        .replace("dpid 0xc;", &format!("dpid 0xc; certificate \"{}\";", print(0xc1)));
    desk.step(Input::Policy(tests::rules(&strict)));
    assert_eq!(end(&desk, a), Some(SessionEnd::NotItsCertificate { shown: Some(print(0xa1)) }));
    assert!(!desk.is_up(0xa) && desk.is_up(0xc) && !desk.closed.contains(&c));
    desk.join_with(Some(print(0xa2)), 0xa, PORTS);
    assert!(desk.is_up(0xa));
    desk.step(Input::Policy(tests::rules(&text().replace("switch b", "switch e { dpid 0xe; }\nswitch b"))));
    assert!(desk.is_up(0xa) && desk.is_up(0xc));
}

#[test]
fn a_switch_that_is_undeclared_while_its_tables_are_read_is_held_pending() {
    let mut desk = Desk::under(&text());
    let conn = desk.connect();
    let ports = super::desk::port_desc(&[1]);
    let step = [super::desk::hello(&[4]), super::desk::wire(1, &super::desk::features(0xc, 0))].concat();
    desk.bytes(conn, &step);
    desk.say(conn, super::desk::PORTS_ASKED, &ports);
    desk.step(Input::Policy(tests::rules(&text().replace("dpid 0xc", "dpid 0xf"))));
    desk.say(conn, super::desk::FLOWS_ASKED, &super::desk::no_flows(false));
    assert!(!desk.is_up(0xc) && !desk.closed.contains(&conn));
    assert!(desk.events.iter().any(|event| matches!(event, Event::SwitchPending { dpid: Dpid(0xc), .. })));
}
