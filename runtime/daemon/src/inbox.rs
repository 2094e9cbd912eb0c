//! What a switch has said and the deciding task has not heard yet: packets in one lane, everything else in another that goes
//! before it. Knows nothing of what is said beyond the length and type of messages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use runtime::ConnId;
use tokio::sync::{Notify, mpsc};

/// The header of every message (OpenFlow 1.0 §5.1, 1.3.5 §7.1.1): version, type, length, transaction.
const HEADER: usize = 8;
/// The type of a packet-in, in both versions that are spoken.
const PACKET_IN: u8 = 10;
/// Bytes of everything but packets that may wait; then the switch has to wait.
const URGENT: usize = 1024 * 1024;
/// The same of who is no switch in use: anybody may be that.
const EARLY: usize = 64 * 1024;
/// Packets of one switch that may wait; then the oldest goes.
const PACKETS: usize = 4096;
/// Bytes of them.
const PACKET_BYTES: usize = 1024 * 1024;
/// What one connection is heard of in its turn: packets, as many as it takes its share of time to hear, within these bounds,
pub const TURN: (usize, usize) = (16, 256);
/// that share of time, less of it where more comes than is decided,
const SHARE: Duration = Duration::from_micros(256);
const SHARE_OF_CROWD: Duration = Duration::from_micros(64);
/// and before them everything else: messages,
const TURN_OTHERS: usize = 128;
/// and bytes of them.
const TURN_BYTES: usize = 128 * 1024;

/// The waiting messages of one connection: the reader puts them in, the deciding task takes them out.
#[derive(Clone)]
pub struct Inbox {
    conn: ConnId,
    lanes: Arc<Mutex<Lanes>>,
    /// Hears of a connection that has something to say; each is in there once at most.
    ready: mpsc::UnboundedSender<ConnId>,
    /// The reader waits for room.
    room: Arc<Notify>,
}

#[derive(Default)]
struct Lanes {
    /// The beginning of a message.
    partial: BytesMut,
    urgent: BytesMut,
    packets: BytesMut,
    count: usize,
    dropped: u64,
    /// It speaks for a switch that takes flows: packets may wait, and be dropped.
    sorted: bool,
    closed: bool,
    queued: bool,
    /// What it took to hear a packet lately, in nanoseconds; nothing at first.
    cost: u64,
}

/// What a connection says in its turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// Whole messages: everything else first, then packets.
    pub bytes: BytesMut,
    /// Packets among them.
    pub packets: usize,
    /// Others.
    pub others: usize,
    /// Packets that were dropped unheard since its last turn.
    pub dropped: u64,
    /// It has ended, and this is the last of it.
    pub closed: bool,
}

impl Inbox {
    /// Nothing was said yet.
    #[must_use]
    pub fn new(conn: ConnId, ready: mpsc::UnboundedSender<ConnId>) -> Inbox {
        Inbox { conn, lanes: Arc::default(), ready, room: Arc::default() }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, packets wait in a lane of their own.
    pub fn sort(&self) {
        self.lanes().sorted = true;
    }

    /// These bytes came.
    pub fn put(&self, bytes: BytesMut) {
        let mut lanes = self.lanes();
        lanes.take_in(bytes);
        self.announce(&mut lanes);
    }

    /// The connection has ended.
    pub fn close(&self) {
        let mut lanes = self.lanes();
        lanes.closed = true;
        self.announce(&mut lanes);
    }

    fn announce(&self, lanes: &mut Lanes) {
        if !lanes.queued && !lanes.is_quiet() {
            // The daemon may be ending.
            lanes.queued = self.ready.send(self.conn).is_ok();
        }
    }

    /// True while so many packets wait that some may have to be dropped soon.
    pub fn is_crowded(&self) -> bool {
        self.lanes().is_crowded()
    }

    /// Waits until there is room for what is not a packet.
    pub async fn room(&self) {
        while self.lanes().is_full() {
            self.room.notified().await;
        }
    }

    /// So many packets of a turn took so long to hear: its next turns have as many as fit their share of time.
    pub fn heard(&self, packets: usize, time: Duration) {
        let took = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if let Some(each) = u64::try_from(packets).ok().and_then(|packets| took.checked_div(packets)) {
            let mut lanes = self.lanes();
            lanes.cost = if lanes.cost == 0 { each } else { (lanes.cost * 3 + each) / 4 }.max(1);
        }
    }

    /// It is this connection's turn. If there is more, it is announced again, behind all others.
    #[must_use]
    pub fn turn(&self) -> Turn {
        let mut lanes = self.lanes();
        lanes.queued = false;
        let turn = lanes.turn();
        self.announce(&mut lanes);
        drop(lanes);
        self.room.notify_one();
        turn
    }
}

impl Lanes {
    /// Packets that are heard in a turn.
    fn share(&self) -> usize {
        let share = if self.is_crowded() { SHARE_OF_CROWD } else { SHARE };
        let share = u64::try_from(share.as_nanos()).unwrap_or(u64::MAX).checked_div(self.cost);
        share.and_then(|share| usize::try_from(share).ok()).unwrap_or(TURN.1).clamp(TURN.0, TURN.1)
    }

    fn is_crowded(&self) -> bool {
        self.count > PACKETS / 2
    }

    fn is_quiet(&self) -> bool {
        self.urgent.is_empty() && self.packets.is_empty() && !self.closed
    }

    fn is_full(&self) -> bool {
        self.urgent.len() >= if self.sorted { URGENT } else { EARLY }
    }

    fn take_in(&mut self, bytes: BytesMut) {
        append(&mut self.partial, bytes);
        if self.sorted {
            self.sort();
        } else {
            let mut end = 0;
            while let Some((_, length)) = whole(self.partial.get(end..).unwrap_or_default()) {
                end += length;
            }
            append(&mut self.urgent, self.partial.split_to(end));
        }
        if is_broken(&self.partial) {
            // Whoever decodes it ends the connection.
            append(&mut self.urgent, self.partial.split());
        }
    }

    /// Puts each whole message into its lane; the oldest packets make room for others.
    fn sort(&mut self) {
        while let Some((kind, length)) = whole(&self.partial) {
            let message = self.partial.get(..length).unwrap_or_default();
            if kind == PACKET_IN {
                self.packets.extend_from_slice(message);
                self.count += 1;
            } else {
                self.urgent.extend_from_slice(message);
            }
            self.partial.advance(length);
        }
        while self.count > PACKETS || self.packets.len() > PACKET_BYTES {
            let Some((_, length)) = whole(&self.packets) else { break };
            self.packets.advance(length);
            self.count -= 1;
            self.dropped += 1;
        }
    }

    fn turn(&mut self) -> Turn {
        let dropped = std::mem::take(&mut self.dropped);
        let (others, end) = count(&self.urgent, TURN_OTHERS, TURN_BYTES);
        // What no message begins with goes as it is: whoever decodes it ends the connection.
        let broken = end == 0 || is_broken(self.urgent.get(end..).unwrap_or_default());
        let end = if broken { self.urgent.len() } else { end };
        let mut bytes = self.urgent.split_to(end);
        if !self.urgent.is_empty() {
            return Turn { bytes, others, dropped, ..Turn::default() };
        }
        if self.closed {
            // Nobody is there any more to send the packets on.
            self.packets.clear();
            self.closed = false;
            return Turn { bytes, others, dropped, closed: true, ..Turn::default() };
        }
        let (packets, end) = count(&self.packets, self.share(), PACKET_BYTES);
        self.count -= packets;
        append(&mut bytes, self.packets.split_to(end));
        Turn { bytes, packets, others, dropped, closed: false }
    }
}

/// How many whole messages stand at the beginning, and how many bytes those are; as many as may, one at least.
fn count(bytes: &[u8], most: usize, most_bytes: usize) -> (usize, usize) {
    let (mut messages, mut end) = (0, 0);
    while let Some((_, length)) = whole(bytes.get(end..).unwrap_or_default()) {
        if messages >= most || (messages > 0 && end + length > most_bytes) {
            break;
        }
        (messages, end) = (messages + 1, end + length);
    }
    (messages, end)
}

/// Type and length of the message at the beginning, if all of it is there.
fn whole(bytes: &[u8]) -> Option<(u8, usize)> {
    let [_, kind, high, low, ..] = *bytes else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    (length >= HEADER && bytes.len() >= length).then_some((kind, length))
}

/// True if no message can begin like this.
fn is_broken(bytes: &[u8]) -> bool {
    matches!(*bytes, [_, _, high, low, ..] if usize::from(u16::from_be_bytes([high, low])) < HEADER)
}

fn append(to: &mut BytesMut, bytes: BytesMut) {
    if to.is_empty() {
        *to = bytes;
    } else {
        to.extend_from_slice(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, mark: u8) -> Vec<u8> {
        vec![1, kind, 0, 9, 0, 0, 0, 0, mark]
    }

    fn bytes(messages: &[Vec<u8>]) -> BytesMut {
        BytesMut::from(&messages.concat()[..])
    }

    fn inbox() -> (Inbox, mpsc::UnboundedReceiver<ConnId>) {
        let (ready, readied) = mpsc::unbounded_channel();
        let inbox = Inbox::new(ConnId(1), ready);
        inbox.sort();
        (inbox, readied)
    }

    #[test]
    fn what_is_no_packet_goes_before_packets_in_its_order() {
        let (inbox, mut ready) = inbox();
        let said = [message(PACKET_IN, 1), message(3, 2), message(PACKET_IN, 3), message(12, 4)];
        // In any portions.
        for portion in said.concat().chunks(5) {
            inbox.put(BytesMut::from(portion));
        }
        assert_eq!((ready.try_recv(), ready.try_recv().is_err()), (Ok(ConnId(1)), true), "announced once");
        let turn = inbox.turn();
        assert_eq!(turn.bytes, bytes(&[message(3, 2), message(12, 4), message(PACKET_IN, 1), message(PACKET_IN, 3)]));
        assert_eq!((turn.packets, turn.dropped, ready.try_recv().is_err()), (2, 0, true));
    }

    #[test]
    fn p28_nothing_is_sorted_before_a_switch_is_in_use_and_nothing_behind_what_is_broken() {
        let (ready, _readied) = mpsc::unbounded_channel();
        let inbox = Inbox::new(ConnId(1), ready);
        let said = bytes(&[message(PACKET_IN, 1), message(0, 2)]);
        inbox.put(said.clone());
        assert_eq!(inbox.turn().bytes, said);
        inbox.sort();
        inbox.put(BytesMut::from(&[1, 3, 0, 7, 9, 9][..]));
        assert_eq!(&inbox.turn().bytes[..], [1, 3, 0, 7, 9, 9]);
    }

    #[test]
    fn r01_the_oldest_packets_of_a_flood_go_and_are_counted() {
        let (inbox, mut ready) = inbox();
        let mark = |number: usize| u8::try_from(number % 251).unwrap();
        for number in 0..PACKETS + 100 {
            inbox.put(bytes(&[message(PACKET_IN, mark(number))]));
        }
        inbox.put(bytes(&[message(3, 7)]));
        let turn = inbox.turn();
        assert_eq!((turn.packets, turn.dropped), (TURN.1, 100));
        assert_eq!(&turn.bytes[..18], bytes(&[message(3, 7), message(PACKET_IN, mark(100))]));
        let mut turns = 1;
        while ready.try_recv().is_ok() && turns < 1000 {
            turns += usize::from(inbox.turn().packets > 0);
        }
        assert_eq!(turns, PACKETS / TURN.1, "each turn takes its share");
        let large = vec![BytesMut::from(&[&[1, PACKET_IN, 255, 255][..], &vec![0; 65_531]].concat()[..]); 100];
        large.into_iter().for_each(|one| inbox.put(one));
        assert!(inbox.lanes().packets.len() <= PACKET_BYTES);
    }

    #[tokio::test]
    async fn r06_who_says_too_much_else_has_to_wait() {
        let (inbox, _ready) = inbox();
        while !inbox.lanes().is_full() {
            inbox.put(bytes(&vec![message(3, 1); 1000]));
        }
        let waits = |inbox: &Inbox| {
            let inbox = inbox.clone();
            tokio::spawn(async move { inbox.room().await })
        };
        let reader = waits(&inbox);
        tokio::task::yield_now().await;
        assert!(!reader.is_finished() && inbox.lanes().urgent.len() < URGENT + 10_000);
        while inbox.lanes().is_full() {
            assert_eq!(inbox.turn().others, TURN_OTHERS);
        }
        reader.await.unwrap();
    }

    #[test]
    fn a_connection_that_ends_is_heard_out_but_for_its_packets() {
        let (inbox, _ready) = inbox();
        inbox.put(bytes(&[message(PACKET_IN, 1), message(12, 2)]));
        inbox.close();
        let turn = inbox.turn();
        assert_eq!((turn.bytes, turn.packets, turn.closed), (bytes(&[message(12, 2)]), 0, true));
    }
}
