//! Conversations: what was decided about each, and the way it takes. Knows nothing of how entries get into switches.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use compiler::template::Template;
use foldhash::fast::FixedState;
use lang::flow::Flow;
use net::{Dpid, FlowKey, FlowMatch, Location, MacAddr, Time};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::install::Slot;
use crate::route::Hop;

/// A conversation, or a denial. It is part of the cookie of each entry: 40 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// Which way an entry carries packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the initiator.
    Forward,
    /// Replies.
    Reply,
}

/// One of the ways that a conversation took, one after the other: a barrier of an old one tells nothing of the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The conversation.
    pub id: FlowId,
    /// Which of its ways.
    pub generation: u32,
}

/// A decided flow and where its packets go.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Its number.
    pub id: FlowId,
    /// Headers of its first packet.
    pub key: FlowKey,
    /// The flow that was judged.
    pub flow: Arc<Flow>,
    /// The region, the verdict and why.
    pub template: Template,
    /// Where the initiator is attached.
    pub ingress: Location,
    /// The way from initiator to responder; empty for a denial.
    pub hops: Vec<Hop>,
    /// Grows with every change of the way.
    pub generation: u32,
    /// How far the installation is.
    pub state: State,
    /// When entries were last put in.
    pub installed: Time,
}

/// How far a conversation is.
#[derive(Clone, Debug)]
pub enum State {
    /// The old way of a waypointed conversation is being closed at its ingress, before any of the new one is opened.
    Closing {
        /// Barriers to come.
        awaiting: usize,
        /// The new way.
        next: Vec<Hop>,
        /// Packets to release at the end.
        held: Vec<Held>,
    },
    /// Every switch but the ingress has its entries and was asked for a barrier.
    Opening {
        /// Barriers to come.
        awaiting: usize,
        /// Entries of an old way, to take out once the new one is open.
        stale: Vec<(Dpid, Slot)>,
        /// Packets to release at the end.
        held: Vec<Held>,
    },
    /// All entries are in.
    Standing,
}

/// A packet that waits for its way.
#[derive(Clone, Debug)]
pub struct Held {
    /// Where it is.
    pub at: Location,
    /// Where the switch keeps it, if it does.
    pub buffer: Option<u32>,
    /// The packet.
    pub frame: Bytes,
    /// Which way it goes.
    pub direction: Direction,
}

/// Packets that wait for one conversation.
pub const HELD_LIMIT: usize = 8;

/// All conversations and denials.
#[derive(Debug, Default)]
pub struct Records {
    all: FxHashMap<FlowId, Box<Conversation>>,
    regions: HashMap<FlowMatch, (FlowId, Direction), FixedState>,
    stations: HashMap<MacAddr, FxHashSet<FlowId>, FixedState>,
    denials: VecDeque<(Time, FlowId)>,
    begun_at: FxHashMap<Location, usize>,
    next: u64,
}

/// Marks a cookie as ours.
const MAGIC: u64 = 0x50 << 56;
const REPLY: u64 = 1 << 55;
const ID: u64 = (1 << 40) - 1;

/// The cookie of infrastructure entries: ours, of no conversation.
pub const INFRASTRUCTURE: u64 = MAGIC;

impl FlowId {
    /// The cookie of its entries in one direction.
    #[must_use]
    pub fn cookie(self, direction: Direction) -> u64 {
        MAGIC | (self.0 & ID) | if direction == Direction::Reply { REPLY } else { 0 }
    }

    /// The conversation and direction that a cookie of ours stands for.
    #[must_use]
    pub fn of_cookie(cookie: u64) -> Option<(FlowId, Direction)> {
        let id = cookie & ID;
        let direction = if cookie & REPLY == 0 { Direction::Forward } else { Direction::Reply };
        (is_ours(cookie) && id != 0).then_some((FlowId(id), direction))
    }
}

/// True if we made an entry with this cookie, in this run or an earlier one.
#[must_use]
pub fn is_ours(cookie: u64) -> bool {
    cookie & (0xff << 56) == MAGIC
}

impl Conversation {
    /// Its present way, for barriers.
    #[must_use]
    pub fn way(&self) -> Way {
        Way { id: self.id, generation: self.generation }
    }
}

impl Records {
    /// Records of a run that starts in this epoch (seconds): its numbers do not meet those that an earlier run left in switches.
    /// The seed keeps senders from choosing headers that collide.
    #[must_use]
    pub fn starting(epoch: u64, seed: u64) -> Records {
        Records {
            next: (epoch << 16) & ID,
            regions: HashMap::with_hasher(FixedState::with_seed(seed)),
            stations: HashMap::with_hasher(FixedState::with_seed(seed.rotate_left(32))),
            ..Records::default()
        }
    }

    /// A number that is not in use.
    pub fn fresh(&mut self) -> FlowId {
        loop {
            self.next = (self.next + 1) & ID;
            let id = FlowId(self.next);
            if self.next != 0 && !self.all.contains_key(&id) {
                return id;
            }
        }
    }

    /// Puts a conversation in.
    pub fn insert(&mut self, conversation: Conversation) {
        let id = conversation.id;
        self.regions.insert(conversation.template.region, (id, Direction::Forward));
        if let Some(reply) = conversation.template.reply {
            self.regions.entry(reply).or_insert((id, Direction::Reply));
        }
        for mac in [conversation.key.dl_src, conversation.key.dl_dst] {
            self.stations.entry(mac).or_default().insert(id);
        }
        *self.begun_at.entry(conversation.ingress).or_default() += 1;
        self.all.insert(id, Box::new(conversation));
    }

    /// How many conversations and denials were begun at this port.
    #[must_use]
    pub fn begun_at(&self, at: Location) -> usize {
        self.begun_at.get(&at).copied().unwrap_or(0)
    }

    /// Takes a conversation out.
    pub fn remove(&mut self, id: FlowId) -> Option<Conversation> {
        let conversation = self.all.remove(&id)?;
        if let Entry::Occupied(mut count) = self.begun_at.entry(conversation.ingress) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        for region in [Some(conversation.template.region), conversation.template.reply].into_iter().flatten() {
            if self.regions.get(&region).is_some_and(|(owner, _)| *owner == id) {
                self.regions.remove(&region);
            }
        }
        for mac in [conversation.key.dl_src, conversation.key.dl_dst] {
            if let Some(ids) = self.stations.get_mut(&mac) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.stations.remove(&mac);
                }
            }
        }
        Some(*conversation)
    }

    /// The conversation with this number.
    #[must_use]
    pub fn get(&self, id: FlowId) -> Option<&Conversation> {
        self.all.get(&id).map(Box::as_ref)
    }

    /// The conversation with this number, to change its progress.
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Conversation> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    /// The conversation that packets of this region belong to.
    #[must_use]
    pub fn find(&self, region: &FlowMatch) -> Option<(FlowId, Direction)> {
        self.regions.get(region).copied()
    }

    /// Conversations of a station, in the order of their numbers.
    #[must_use]
    pub fn of_station(&self, mac: MacAddr) -> Vec<FlowId> {
        let mut ids: Vec<FlowId> = self.stations.get(&mac).into_iter().flatten().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Conversations whose way enters or leaves a switch at this port.
    #[must_use]
    pub fn through(&self, at: Location) -> Vec<FlowId> {
        let passes = |hop: &Hop| hop.dpid == at.dpid && (hop.in_port == at.port || hop.out_port == at.port);
        self.select(|one| one.hops.iter().any(passes))
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Conversation> {
        self.all.values().map(Box::as_ref)
    }

    /// Those for which it holds, in the order of their numbers.
    pub fn select(&self, holds: impl Fn(&Conversation) -> bool) -> Vec<FlowId> {
        let mut ids: Vec<FlowId> = self.all.values().filter(|one| holds(one)).map(|one| one.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Numbers of all, ascending.
    #[must_use]
    pub fn ids(&self) -> Vec<FlowId> {
        self.select(|_| true)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Remembers when the drop entry of a denial ends.
    pub fn denial_ends(&mut self, at: Time, id: FlowId) {
        self.denials.push_back((at, id));
    }

    /// The next denial whose drop entry has ended.
    pub fn ended_denial(&mut self, now: Time) -> Option<FlowId> {
        let (at, _) = self.denials.front()?;
        if *at > now {
            return None;
        }
        self.denials.pop_front().map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_tell_flow_and_direction_and_whose_they_are() {
        let id = FlowId(0x12_3456_789a);
        assert_eq!(FlowId::of_cookie(id.cookie(Direction::Reply)), Some((id, Direction::Reply)));
        assert_eq!(FlowId::of_cookie(id.cookie(Direction::Forward)), Some((id, Direction::Forward)));
        assert_eq!(FlowId::of_cookie(INFRASTRUCTURE), None);
        assert!(is_ours(INFRASTRUCTURE));
        assert!(!is_ours(0));
        assert_eq!(FlowId::of_cookie(7), None);
    }
}
