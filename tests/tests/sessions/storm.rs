//! Many switches at once.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use openflow::v13::Message;
use runtime::{ConnId, Event};

use super::desk::{Desk, announcement};

const SWITCHES: u64 = 1_000;
/// How long they may take, in the time of whoever waits for them.
const SERVED: Duration = Duration::from_secs(30);

fn everywhere() -> String {
    (0..SWITCHES).fold("default allow;\n".to_owned(), |mut text, number| {
        writeln!(text, "switch s{number} {{ dpid {:#x}; access 1-24; uplink 25-26; }}", 0x1000 + number).unwrap();
        text
    })
}

/// All of them connect at the same moment.
fn storm(desk: &mut Desk) -> Vec<ConnId> {
    let started = Instant::now();
    let dpids: Vec<u64> = (0..SWITCHES).map(|number| 0x1000 + number).collect();
    let conns = desk.join_at_once(&dpids, &[1, 2, 25]);
    assert!(started.elapsed() < SERVED, "{:?}", started.elapsed());
    conns
}

#[test]
fn r04_a_thousand_switches_that_come_back_at_once_are_all_served() {
    let mut desk = Desk::under(&everywhere());
    let mut conns = storm(&mut desk);
    for round in 1..=3 {
        assert_eq!(desk.controller.status().switches, 1_000, "round {round}");
        // A host at one of them, and what it says, is served as if nobody else were there.
        let good = conns[500];
        desk.packet(good, 1, &announcement(1));
        desk.packet(good, 2, &announcement(2));
        desk.serves(good);
        let joined = desk.events.iter().filter(|event| matches!(event, Event::SwitchJoined { .. })).count();
        assert_eq!(joined, 1_000, "each once: no thrash");
        let most = conns.iter().map(|conn| desk.heard(*conn).len()).max().unwrap();
        assert!(most < 40, "{most} messages to one switch");
        desk.events.clear();
        for conn in std::mem::take(&mut conns) {
            desk.hang_up(conn);
        }
        assert_eq!(desk.controller.status().switches, 0);
        let left = desk.events.iter().filter(|event| matches!(event, Event::SwitchLeft { .. })).count();
        assert_eq!(left, 1_000);
        desk.events.clear();
        conns = storm(&mut desk);
    }
    desk.wait(Duration::from_secs(2));
    assert!(desk.closed.is_empty(), "nobody is cut off for the crowd");
}

#[test]
fn r04_a_thousand_that_come_back_before_they_are_missed_are_refused_once_and_then_served() {
    let mut desk = Desk::under(&everywhere());
    let first = storm(&mut desk);
    for conn in &first {
        desk.falls_silent(*conn);
        desk.heard(*conn);
    }
    let early: BTreeSet<ConnId> = storm(&mut desk).into_iter().collect();
    assert_eq!(desk.closed, early, "those that are there stay, for they may live");
    let asked = |(_, message): &(u32, Message)| matches!(message, Message::EchoRequest(_));
    assert!(first.iter().all(|conn| desk.heard(*conn).iter().filter(|one| asked(one)).count() == 1));
    desk.wait(Duration::from_millis(5_100));
    assert!(first.iter().all(|conn| desk.closed.contains(conn)), "they were asked, and are dead");
    storm(&mut desk);
    assert_eq!(desk.controller.status().switches, 1_000);
}
