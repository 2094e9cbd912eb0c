//! One switch floods: others are heard within a bounded number of rounds, and nobody is judged silent while what he said waits.

use std::net::Ipv6Addr;

use bytes::BytesMut;
use runtime::Peer;

use super::*;
use crate::connection::Connection;
use crate::doors::{Slots, Stream};
use crate::inbox::TURN;

struct Deaf;

impl Observer for Deaf {
    fn event(&mut self, _: &Event, _: Option<SocketAddr>, _: &Controller) {}
    fn reloaded(&mut self, _: &Reload<'_>) {}
}

fn said(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + body.len()).unwrap().to_be_bytes();
    [&[1, kind, length[0], length[1], 0, 0, 0, 1][..], body].concat()
}

/// A switch of OpenFlow 1.0 with these ports tells who it is.
fn features(dpid: u8, ports: u8) -> Vec<u8> {
    let mut body = vec![0; 24];
    (body[7], body[12]) = (dpid, 1);
    for port in 1..=ports {
        let mut one = vec![0; 48];
        (one[1], one[2], one[7]) = (port, 2, port);
        body.extend(one);
    }
    said(6, &body)
}

/// A datagram from host to host of one switch, as a packet-in of OpenFlow 1.0; the source port makes it a flow of its own.
fn packet(port: u8, from: u8, to: u8, source: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 1, to, 2, 0, 0, 0, 1, from, 8, 0];
    frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 7, 0, from, 10, 7, 0, to]);
    let sum = frame[14..34].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    frame[24..26].copy_from_slice(&(!sum).to_be_bytes());
    frame.extend(u16::try_from(source).unwrap().to_be_bytes());
    frame.extend([0, 9, 0, 12, 0, 0, 1, 2, 3, 4]);
    frame.resize(60, 0);
    let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
    let head = [0xff, 0xff, 0xff, 0xff, length[0], length[1], 0, port, 0, 0];
    said(10, &[&head[..], &frame].concat())
}

impl Reactor<'_> {
    /// Somebody is there whose bytes the test puts in.
    async fn somebody(&mut self) -> (ConnId, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let slot = Slots::new(8, 8).take(Ipv6Addr::LOCALHOST.into()).unwrap();
        self.accept(Arrival { stream: Stream::Plain(stream), peer: Peer::plain(peer), slot });
        (ConnId(self.next), far)
    }

    fn inbox(&self, conn: ConnId) -> &Inbox {
        &self.connections.get(&conn).map(|one: &Connection| one).unwrap().inbox
    }

    fn say(&self, conn: ConnId, messages: &[Vec<u8>]) {
        self.inbox(conn).put(BytesMut::from(&messages.concat()[..]));
    }

    /// One round, if anybody has something to say; how many messages of these types were sent to whom.
    fn turn(&mut self) -> bool {
        let waited = self.is_waited_for();
        self.round(None);
        waited
    }

    fn sent(&mut self, conn: ConnId, kind: u8) -> usize {
        let Some(bytes) = self.effects.sends.get(&conn) else { return 0 };
        let (mut count, mut rest) = (0, &bytes[..]);
        while let [_, is, high, low, ..] = *rest {
            count += usize::from(is == kind);
            rest = &rest[usize::from(u16::from_be_bytes([high, low]))..];
        }
        count
    }

    /// The switch is in use.
    async fn switch(&mut self, dpid: u8) -> (ConnId, TcpStream) {
        let (conn, far) = self.somebody().await;
        self.say(conn, &[said(0, &[]), features(dpid, 2)]);
        while self.turn() {}
        // Whichever of the questions it is: the entries are the last.
        for xid in 0..=20_u8 {
            let mut empty = said(17, &[0, 1, 0, 0]);
            empty[7] = xid;
            self.say(conn, &[empty]);
        }
        while self.turn() {}
        assert!(self.controller.is_up(conn), "in use");
        (conn, far)
    }
}

fn reactor(observer: &mut Deaf) -> Reactor<'_> {
    let text = "switch a { dpid 0x1; access 1-24; }\nswitch b { dpid 0x2; access 1-24; }\ndefault allow;\n";
    let folder = std::env::temp_dir().join(format!("pentane-fair-{}-{:?}", std::process::id(), std::thread::current().id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.pol");
    fs::write(&file, text).unwrap();
    let loaded = policy::load(&[file]);
    fs::remove_dir_all(&folder).unwrap();
    let clock = Clock::start();
    let controller = Controller::new(loaded.policy.clone().unwrap(), Settings::default(), clock.now()).unwrap();
    Reactor::new(controller, clock, observer, loaded)
}

#[tokio::test]
async fn r01_a_flooding_switch_keeps_others_waiting_for_one_round() {
    let mut observer = Deaf;
    let mut reactor = reactor(&mut observer);
    let (flooder, _one) = reactor.switch(1).await;
    let (other, _two) = reactor.switch(2).await;
    // Its hosts are known.
    reactor.say(other, &[packet(1, 1, 2, 1), packet(2, 2, 1, 1)]);
    while reactor.turn() {}
    let flood: Vec<Vec<u8>> = (0..20_000).map(|number| packet(1, 7, 8, number)).collect();
    reactor.say(flooder, &flood);
    assert!(reactor.turn() && reactor.turn(), "the flood is heard");
    let before = (reactor.sent(other, 14), reactor.controller.status().counters.packet_ins);
    reactor.say(other, &[packet(1, 1, 2, 99), said(2, b"alive?")]);
    assert!(reactor.turn());
    assert!(reactor.sent(other, 14) > before.0, "its flow has its entries after one round");
    assert_eq!(reactor.sent(other, 3), 1, "and its question is answered");
    let heard = reactor.controller.status().counters.packet_ins - before.1;
    assert!(heard <= u64::try_from(ROUND + 2 * TURN.1).unwrap(), "{heard}");
    assert!(reactor.unheard.all > 15_000, "{} of the flood are dropped: the oldest", reactor.unheard.all);
    let mut rounds = 0;
    while reactor.turn() {
        rounds += 1;
    }
    // However slow this machine is, some are heard in each.
    assert!(rounds <= 4096 / TURN.0 + 1, "what waits is bounded: {rounds} rounds");
}

#[tokio::test]
async fn p07_questions_without_end_keep_others_waiting_for_one_round() {
    let mut observer = Deaf;
    let mut reactor = reactor(&mut observer);
    let (other, _two) = reactor.switch(2).await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        let (conn, far) = reactor.somebody().await;
        reactor.say(conn, &[said(0, &[])]);
        reactor.say(conn, &vec![said(2, b""); 5_000]);
        peers.push((conn, far));
    }
    assert!(reactor.turn());
    reactor.say(other, &[said(2, b"alive?")]);
    let answered = |reactor: &mut Reactor<'_>| peers.iter().map(|(conn, _)| reactor.sent(*conn, 3)).sum::<usize>();
    let before = answered(&mut reactor);
    let mut rounds = 0;
    while reactor.sent(other, 3) == 0 {
        assert!(reactor.turn());
        rounds += 1;
    }
    let meanwhile = answered(&mut reactor) - before;
    assert!(rounds <= 3 && meanwhile <= 4 * 256, "{rounds} rounds, {meanwhile} answers of 20,000");
}

#[tokio::test]
async fn p27_what_a_flooding_switch_says_besides_is_heard_at_once_and_nobody_is_judged_before() {
    let mut observer = Deaf;
    let mut reactor = reactor(&mut observer);
    let (flooder, _one) = reactor.switch(1).await;
    let flood: Vec<Vec<u8>> = (0..4_000).map(|number| packet(1, 7, 8, number)).collect();
    reactor.say(flooder, &flood);
    reactor.say(flooder, &[said(2, b"alive?")]);
    let mut gone = vec![0; 56];
    (gone[0], gone[9], gone[10], gone[15]) = (2, 1, 2, 1);
    gone[43] = 1;
    reactor.say(flooder, &[said(12, &gone)]);
    let before = reactor.sent(flooder, 3);
    assert!(reactor.turn());
    assert_eq!(reactor.sent(flooder, 3), before + 1, "asked behind four thousand packets, answered before them");
    // Nobody is judged by a clock that runs ahead of what waits.
    reactor.say(flooder, &[said(2, b"again?")]);
    reactor.hear_everybody();
    assert_eq!(reactor.sent(flooder, 3), before + 2);
}

#[tokio::test]
async fn r01_a_crowd_is_heard_when_nobody_else_waits_and_each_of_it_in_turn() {
    let mut observer = Deaf;
    let mut reactor = reactor(&mut observer);
    let (one, _one) = reactor.switch(1).await;
    let (other, _two) = reactor.switch(2).await;
    let flood: Vec<Vec<u8>> = (0..6_000).map(|number| packet(1, 7, 8, number)).collect();
    reactor.say(one, &flood);
    reactor.say(other, &flood);
    assert!(reactor.inbox(one).is_crowded() && reactor.inbox(other).is_crowded());
    let mut turns = 0;
    while reactor.inbox(one).is_crowded() || reactor.inbox(other).is_crowded() {
        assert!(reactor.turn(), "something of a crowd is heard in each round");
        turns += 1;
    }
    assert!(turns <= 2 * 2048 / TURN.0 + 2, "{turns}");
    let left = reactor.controller.status().counters.packet_ins;
    assert!(left >= 2 * 2048, "both are heard: {left}");
    let (quiet, _three) = reactor.somebody().await;
    reactor.say(one, &flood);
    reactor.say(quiet, &[said(0, &[])]);
    assert!(reactor.turn());
    assert!(reactor.sent(quiet, 5) > 0, "who comes behind a crowd goes before it");
}
