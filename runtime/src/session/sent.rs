//! What was said to a switch lately, so that an error in answer can be tied to it. Bounded: what is too long ago is forgotten.

use std::collections::VecDeque;

use crate::dialect::Subject;
use crate::record::FlowId;

/// Messages remembered.
const REMEMBERED: usize = 4096;

/// The latest messages, by transaction.
#[derive(Debug, Default)]
pub(super) struct Sent(VecDeque<(u32, Subject, Option<FlowId>)>);

impl Sent {
    /// Remembers a message. Transactions grow, but for the day when they start anew.
    pub(super) fn remember(&mut self, xid: u32, subject: Subject, flow: Option<FlowId>) {
        if self.0.back().is_some_and(|(last, ..)| *last >= xid) {
            self.0.clear();
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((xid, subject, flow));
    }

    /// What was said in a transaction, and for which flow.
    pub(super) fn find(&self, xid: u32) -> Option<(Subject, Option<FlowId>)> {
        let place = self.0.binary_search_by_key(&xid, |(sent, ..)| *sent).ok()?;
        self.0.get(place).map(|(_, subject, flow)| (*subject, *flow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_messages_are_found_and_no_more_are_kept() {
        let mut sent = Sent::default();
        for xid in 1..=10_000 {
            sent.remember(xid, Subject::PacketOut, None);
        }
        assert_eq!(sent.0.len(), REMEMBERED);
        assert_eq!(sent.find(1), None);
        assert_eq!(sent.find(10_000), Some((Subject::PacketOut, None)));
        sent.remember(1, Subject::Barrier, None);
        assert_eq!((sent.find(1), sent.find(10_000)), (Some((Subject::Barrier, None)), None), "numbers started anew");
    }
}
