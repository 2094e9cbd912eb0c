//! A host's neighbour cache (RFC 826, RFC 1122 §2.3.2): who has an address, and what waits for the answer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use net::{MacAddr, Time};
use packet::arp::Arp;

use super::{RETRY, TRIES};

/// How long an answer is believed.
const LIFETIME: Duration = Duration::from_secs(300);
/// Frames that wait for one answer, at most.
const WAITING: usize = 64;
/// Questions that wait for an answer, at most.
const ASKED: usize = 4096;
/// Neighbours that are remembered, at most.
const KNOWN: usize = 65_536;

#[derive(Debug)]
struct Question {
    frame: Bytes,
    tries: u8,
    next: Time,
    waiting: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
pub(super) struct Neighbours {
    known: BTreeMap<Ipv4Addr, (MacAddr, Time)>,
    asked: BTreeMap<Ipv4Addr, Question>,
}

fn address(mut frame: Vec<u8>, mac: MacAddr) -> Bytes {
    if let Some(dst) = frame.first_chunk_mut() {
        *dst = mac.0;
    }
    frame.into()
}

impl Neighbours {
    /// The frame to send now: this one, addressed, or the question for its next hop; nothing while that is being asked.
    pub(super) fn send(&mut self, hop: Ipv4Addr, frame: Vec<u8>, question: &Arp, now: Time) -> Option<Bytes> {
        if let Some((mac, until)) = self.known.get(&hop)
            && *until > now
        {
            return Some(address(frame, *mac));
        }
        if let Some(asked) = self.asked.get_mut(&hop) {
            if asked.waiting.len() < WAITING {
                asked.waiting.push(frame);
            }
            return None;
        }
        if self.asked.len() >= ASKED {
            return None;
        }
        let text: Bytes = question.to_frame().into();
        let asked = Question { frame: text.clone(), tries: 1, next: now.after(RETRY), waiting: vec![frame] };
        self.asked.insert(hop, asked);
        Some(text)
    }

    /// Remembers a neighbour that was asked for, that asks us, or that was known already; gives what waited for it.
    pub(super) fn learn(&mut self, ip: Ipv4Addr, mac: MacAddr, for_us: bool, now: Time) -> Vec<Bytes> {
        let asked = self.asked.remove(&ip);
        let room = self.known.len() < KNOWN;
        if self.known.contains_key(&ip) || room && (for_us || asked.is_some()) {
            self.known.insert(ip, (mac, now.after(LIFETIME)));
        }
        asked.into_iter().flat_map(|asked| asked.waiting).map(|frame| address(frame, mac)).collect()
    }

    /// Questions to ask again; what waited for one that nobody answers is dropped.
    pub(super) fn tick(&mut self, now: Time) -> Vec<Bytes> {
        let mut again = Vec::new();
        self.asked.retain(|_, question| {
            if question.next > now {
                return true;
            }
            if question.tries >= TRIES {
                return false;
            }
            question.tries += 1;
            question.next = now.after(RETRY);
            again.push(question.frame.clone());
            true
        });
        again
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.asked.values().map(|question| question.next).min()
    }
}
