//! The flows of one line of switches: which are offered, under way, released and complete. Knows nothing of messages.

use std::collections::VecDeque;

use super::case::Case;
use super::greeting::BUFFERS;
use super::population::{self, Flow};

/// A line.
pub(super) struct Line {
    flows: Vec<Flow>,
    next: usize,
    /// The packets that are held back; a buffer's number names its place here, and how often that was used.
    held: Vec<Held>,
    free: VecDeque<u32>,
    window: usize,
    /// Packets that can be under way, where more of them are than the window holds.
    places: usize,
    /// Places of released packets of which entries may be to come, in order.
    released: VecDeque<u32>,
    /// Entries that were put in before these flows.
    before: Vec<u64>,
    /// Flows still to be offered.
    left: u32,
    /// Complete answers.
    done: u32,
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
        let places = window.max(case.places);
        let held = |buffer| Held { buffer, since: 0, open: false };
        Line {
            flows: population::flows(case, line, flows),
            next: 0,
            held: (0..places.next_power_of_two()).map(held).collect(),
            free: (0..places).collect(),
            window: window as usize,
            places: places as usize,
            released: VecDeque::with_capacity(places as usize),
            before: Vec::with_capacity(usize::from(case.hops)),
            left: 0,
            done: 0,
            latencies: Vec::new(),
        }
    }

    /// Begins to count: so many flows are to be offered; so many entries were put in at each switch. The times of so many
    /// answers are kept.
    pub(super) fn begin(&mut self, count: u32, kept: usize, before: impl Iterator<Item = u64>) {
        (self.left, self.done) = (count, 0);
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
        self.left == 0 && self.under_way() == 0
    }

    /// Complete answers.
    pub(super) fn done(&self) -> u32 {
        self.done
    }

    /// What they took, in microseconds.
    pub(super) fn latencies(&self) -> &[u32] {
        &self.latencies
    }

    /// How many packets are to be offered now.
    pub(super) fn due(&self) -> u32 {
        self.left.min(u32::try_from(self.window.saturating_sub(self.under_way())).unwrap_or(0))
    }

    fn under_way(&self) -> usize {
        self.places - self.free.len()
    }

    /// Whatever is under way will not be answered any more.
    pub(super) fn give_up(&mut self) {
        self.released.clear();
        self.free.clear();
        for (held, place) in self.held.iter_mut().zip(0..).take(self.places) {
            held.open = false;
            self.free.push_back(place);
        }
    }

    /// The next flow, and the buffer that its packet is held in.
    pub(super) fn offer(&mut self, now: u64) -> Option<(&Flow, u32)> {
        let place = self.hold(now)?;
        let flow = self.flows.get(self.next)?;
        self.next = if self.next + 1 < self.flows.len() { self.next + 1 } else { 0 };
        self.left = self.left.saturating_sub(1);
        Some((flow, place))
    }

    /// Takes a place, and names the buffer.
    fn hold(&mut self, now: u64) -> Option<u32> {
        let place = self.free.pop_front()?;
        let places = self.rounded();
        let held = self.held.get_mut(place as usize)?;
        // A buffer that is let go twice must not be taken for the next one in its place.
        *held = Held { buffer: (held.buffer + places) % BUFFERS, since: now, open: true };
        Some(held.buffer)
    }

    fn rounded(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(1)
    }

    /// The packet in this buffer was let go.
    pub(super) fn released(&mut self, buffer: u32) {
        let place = buffer % self.rounded();
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
            self.free.push_back(place);
            let since = self.held.get(place as usize).map_or(now, |held| held.since);
            self.took(now.saturating_sub(since));
        }
    }

    fn took(&mut self, nanos: u64) {
        self.done += 1;
        // What was set aside is not exceeded, so that nothing is allocated here.
        if self.latencies.len() < self.latencies.capacity() {
            self.latencies.push(u32::try_from(nanos / 1_000).unwrap_or(u32::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{Mode, Population, Version};
    use super::*;

    fn line() -> Line {
        let (mode, version) = (Mode::Throughput, Version::V10);
        let case = Case {
            mode,
            version,
            population: Population::Hosts,
            lines: 1,
            hops: 2,
            hosts: 9,
            macs: 9,
            users: 0,
            rules: 0,
            flows: 9,
            rounds: 1,
            window: 3,
            places: 0,
            load: 0,
            changes: 0,
            flood: false,
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
        let mut line = line();
        assert_eq!(line.due(), 3);
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
        assert_eq!((line.done(), line.latencies(), line.due()), (2, &[3, 7][..], 3));
    }

    #[test]
    fn buffers_in_use_differ_and_their_numbers_do_not_come_back_at_once() {
        let mut line = line();
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
        let mut line = line();
        line.begin(1, 1, [0, 0].into_iter());
        let buffer = offered(&mut line, 0);
        assert!(!line.is_done());
        line.released(buffer);
        assert!(!line.is_done());
        line.complete([(1, 1), (1, 1)].into_iter(), 1);
        assert!(line.is_done());
    }
}
