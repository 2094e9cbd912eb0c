//! The flows of one line of switches: which are offered, under way, released and complete. Knows nothing of messages.

use std::collections::VecDeque;

use super::case::{Case, Population};
use super::greeting::BUFFERS;
use super::population::{self, Flow};

/// Packets between two echo requests, where only those tell that packets are handled.
const FENCED: u32 = 32;

/// A line.
pub(super) struct Line {
    flows: Vec<Flow>,
    next: usize,
    /// The packets that are held back; a buffer's number names its place here, and how often that was used.
    held: Vec<Held>,
    free: Vec<u32>,
    window: usize,
    /// Places of released packets of which entries may be to come, in order.
    released: VecDeque<u32>,
    /// Only echo requests tell that packets are handled.
    fenced: bool,
    /// Packets before echo requests that are not answered, and when they were offered.
    fences: VecDeque<(u32, u64)>,
    /// Packets for which there is room before the window is full, if only echo requests tell.
    room: u32,
    /// Entries that were put in before these flows.
    before: Vec<u64>,
    /// Flows still to be offered.
    left: u32,
    /// Complete answers.
    done: u32,
    /// What was said of packets at the first switch: entries, and packets let go.
    told: u32,
    /// What each took, in microseconds.
    latencies: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Held {
    buffer: u32,
    since: u64,
    open: bool,
}

impl Line {
    /// With so many flows, none of them offered.
    pub(super) fn new(case: &Case, line: u16, flows: u32) -> Line {
        let window = case.window.max(1);
        let held = |buffer| Held { buffer, since: 0, open: false };
        Line {
            flows: population::flows(case, line, flows),
            next: 0,
            held: (0..window.next_power_of_two()).map(held).collect(),
            free: (0..window).rev().collect(),
            window: window as usize,
            released: VecDeque::with_capacity(window as usize),
            fenced: case.population == Population::Cbench,
            fences: VecDeque::with_capacity(window as usize),
            room: window,
            before: Vec::with_capacity(usize::from(case.hops)),
            left: 0,
            done: 0,
            told: 0,
            latencies: Vec::new(),
        }
    }

    /// Begins to count: so many flows are to be offered; so many entries were put in at each switch. The times of so many
    /// answers are kept.
    pub(super) fn begin(&mut self, count: u32, kept: usize, before: impl Iterator<Item = u64>) {
        (self.left, self.done, self.told) = (count, 0, 0);
        self.latencies.clear();
        self.latencies.reserve_exact(kept);
        self.before.clear();
        self.before.extend(before);
    }

    /// Offers no more flows.
    pub(super) fn stop(&mut self) {
        self.left = 0;
    }

    /// True if all flows are offered and answered.
    pub(super) fn is_done(&self) -> bool {
        let none_under_way = if self.fenced { self.fences.is_empty() } else { self.free.len() == self.window };
        self.left == 0 && none_under_way
    }

    /// Complete answers.
    pub(super) fn done(&self) -> u32 {
        self.done
    }

    /// How many packets got an entry, or were let go.
    pub(super) fn answered(&self) -> u32 {
        self.told.min(self.done)
    }

    /// Something was said of a packet.
    pub(super) fn told(&mut self) {
        self.told += 1;
    }

    /// What they took, in microseconds.
    pub(super) fn latencies(&self) -> &[u32] {
        &self.latencies
    }

    /// How many packets are to be offered now, and whether an echo request is to follow.
    pub(super) fn due(&self) -> (u32, bool) {
        if !self.fenced {
            return (self.left.min(u32::try_from(self.free.len()).unwrap_or(0)), false);
        }
        let together = FENCED.min(u32::try_from(self.window).unwrap_or(1)).min(self.left);
        if together > 0 && together <= self.room { (together, true) } else { (0, false) }
    }

    /// The next flow, and the buffer that its packet is held in.
    pub(super) fn offer(&mut self, now: u64) -> Option<(&Flow, u32)> {
        let place = if self.fenced { u32::try_from(self.next).unwrap_or(0) % BUFFERS } else { self.hold(now)? };
        let flow = self.flows.get(self.next)?;
        self.next = if self.next + 1 < self.flows.len() { self.next + 1 } else { 0 };
        self.left = self.left.saturating_sub(1);
        Some((flow, place))
    }

    /// Takes a place, and names the buffer.
    fn hold(&mut self, now: u64) -> Option<u32> {
        let place = self.free.pop()?;
        let places = self.places();
        let held = self.held.get_mut(place as usize)?;
        // A buffer that is let go twice must not be taken for the next one in its place.
        *held = Held { buffer: (held.buffer + places) % BUFFERS, since: now, open: true };
        Some(held.buffer)
    }

    fn places(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(1)
    }

    /// The packet in this buffer was let go.
    pub(super) fn released(&mut self, buffer: u32) {
        let place = buffer % self.places();
        if let Some(held) = self.held.get_mut(place as usize).filter(|held| held.open && held.buffer == buffer) {
            held.open = false;
            self.released.push_back(place);
        }
    }

    /// Completes the answers of which all entries are put in: so many are, at each switch, and so many are of one answer.
    pub(super) fn complete(&mut self, entries: impl Iterator<Item = (u64, u64)> + Clone, now: u64) {
        while let Some(place) = self.released.front().copied() {
            let all = u64::from(self.done) + 1;
            let are_there = |((there, each), before): ((u64, u64), &u64)| there - before >= each * all;
            if !entries.clone().zip(&self.before).all(are_there) {
                return;
            }
            self.released.pop_front();
            self.free.push(place);
            let since = self.held.get(place as usize).map_or(now, |held| held.since);
            self.took(1, now.saturating_sub(since));
        }
    }

    fn took(&mut self, answers: u32, nanos: u64) {
        self.done += answers;
        let micros = u32::try_from(nanos / 1_000).unwrap_or(u32::MAX);
        // What was set aside is not exceeded, so that nothing is allocated here.
        let kept = (self.latencies.capacity() - self.latencies.len()).min(answers as usize);
        self.latencies.extend(std::iter::repeat_n(micros, kept));
    }

    /// An echo request follows so many packets.
    pub(super) fn fence(&mut self, packets: u32, now: u64) {
        self.room -= packets;
        self.fences.push_back((packets, now));
    }

    /// An echo request was answered: the packets before it are handled, whatever came of them.
    pub(super) fn passed(&mut self, now: u64) {
        if let Some((packets, since)) = self.fences.pop_front() {
            self.room += packets;
            self.took(packets, now.saturating_sub(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{Mode, Version};
    use super::*;

    fn line(population: Population) -> Line {
        let (mode, version) = (Mode::Throughput, Version::V10);
        let case = Case {
            mode,
            version,
            population,
            lines: 1,
            hops: 2,
            hosts: 9,
            macs: 9,
            users: 0,
            rules: 0,
            flows: 9,
            rounds: 1,
            window: 3,
        };
        let mut line = Line::new(&case, 0, 9);
        line.begin(5, 5, [10, 20].into_iter());
        line
    }

    fn offered(line: &mut Line, now: u64) -> u32 {
        line.offer(now).unwrap().1
    }

    #[test]
    fn an_answer_is_complete_with_all_entries_and_the_packet() {
        let mut line = line(Population::Hosts);
        assert_eq!(line.due(), (3, false));
        let (one, two) = (offered(&mut line, 1_000), offered(&mut line, 2_000));
        line.released(two);
        line.complete([(12, 2), (21, 2)].into_iter(), 5_000);
        assert_eq!(line.done(), 0, "an entry at the second switch is to come");
        line.complete([(12, 2), (22, 2)].into_iter(), 5_000);
        assert_eq!((line.done(), line.latencies()), (1, &[3][..]));
        line.complete([(14, 2), (24, 2)].into_iter(), 6_000);
        assert_eq!(line.done(), 1, "the packet is to come");
        line.released(two);
        line.complete([(14, 2), (24, 2)].into_iter(), 7_000);
        assert_eq!(line.done(), 1, "a packet can be let go once");
        line.released(one);
        line.complete([(14, 2), (24, 2)].into_iter(), 8_000);
        assert_eq!((line.done(), line.latencies(), line.due()), (2, &[3, 7][..], (3, false)));
    }

    #[test]
    fn buffers_in_use_differ_and_their_numbers_do_not_come_back_at_once() {
        let mut line = line(Population::Hosts);
        let first = offered(&mut line, 0);
        line.released(first);
        line.complete([(10, 0), (20, 0)].into_iter(), 1);
        let second = offered(&mut line, 2);
        assert_ne!(first, second);
        line.released(first);
        assert!(line.released.is_empty());
    }

    #[test]
    fn all_is_done_when_the_last_packet_is_let_go() {
        let mut line = line(Population::Hosts);
        line.begin(1, 1, [0, 0].into_iter());
        let buffer = offered(&mut line, 0);
        assert!(!line.is_done());
        line.released(buffer);
        assert!(!line.is_done());
        line.complete([(1, 1), (1, 1)].into_iter(), 1);
        assert!(line.is_done());
    }

    #[test]
    fn packets_without_answers_are_handled_when_the_echo_is_back() {
        let mut line = line(Population::Cbench);
        assert_eq!(line.due(), (3, true), "as many as the window holds");
        for _ in 0..3 {
            offered(&mut line, 1_000);
        }
        line.fence(3, 1_000);
        assert_eq!((line.due(), line.done(), line.is_done()), ((0, false), 0, false));
        line.told();
        line.passed(9_000);
        assert_eq!((line.due(), line.done(), line.answered()), ((2, true), 3, 1));
        assert_eq!(line.latencies(), [8; 3]);
    }
}
