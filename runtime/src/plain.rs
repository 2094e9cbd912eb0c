//! Plain conversations: allowed, exact, bound to nothing, between two stations, by a shortest way. Almost all
//! conversations are of this kind, and of each all else follows from two seats, two ports and the rule: a few words are kept in
//! place of a [`crate::record::Conversation`]. Knows nothing of packets, entries or decisions.

mod seat;
mod trunk;

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use lang::checked::RuleId;
use net::{Dpid, IpProto, PortNo, Time, VlanId, VlanTag};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use seat::{Seat, SeatId, Seats};
pub(crate) use trunk::Trunk;

use crate::record::{Direction, FlowId, Held};

/// Where a plain conversation is kept. The place of one that is gone is given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlainId(u32);

/// One plain conversation.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    /// Its number.
    pub(crate) id: FlowId,
    /// Who began it, and who answers.
    pub(crate) seats: [SeatId; 2],
    /// The initiator's port, and the responder's.
    pub(crate) ports: [u16; 2],
    /// TCP, UDP or SCTP.
    pub(crate) proto: IpProto,
    /// The DSCP of its first packet, which no rule asks for.
    pub(crate) dscp: u8,
    /// The tag of its first packet.
    pub(crate) vlan: Option<VlanTag>,
    /// The rule that allows it; nothing is the default.
    pub(crate) rule: Option<RuleId>,
    /// When its entries were put in.
    pub(crate) installed: Time,
    /// Directions, forward first, whose entries are gone because nothing used them.
    pub(crate) idle: [bool; 2],
    /// The links that it takes; nothing within one switch.
    pub(crate) trunk: Option<Arc<Trunk>>,
}

/// A plain conversation whose first switch waits for the others to have their entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening {
    /// Barriers to come.
    pub(crate) awaiting: usize,
    /// Packets to release at the end.
    pub(crate) held: Vec<Held>,
}

/// What tells a plain conversation from others, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wire {
    /// The sender and the receiver of a packet.
    pub(crate) seats: [SeatId; 2],
    /// Their ports.
    pub(crate) ports: [u16; 2],
    /// TCP, UDP or SCTP.
    pub(crate) proto: IpProto,
    /// The VLAN that it is tagged with.
    pub(crate) vlan: Option<VlanId>,
}

impl Wire {
    /// The same packet from the other end.
    fn turned(&self) -> Wire {
        let ([src, dst], [sport, dport]) = (self.seats, self.ports);
        Wire { seats: [dst, src], ports: [dport, sport], ..*self }
    }

    /// The same number for both directions.
    fn hash(&self, hasher: &FixedState) -> u64 {
        let end = |place: usize| {
            let seat = self.seats.get(place).map_or(0, |seat| seat.0);
            let port = self.ports.get(place).copied().unwrap_or(0);
            u64::from(seat) << 16 | u64::from(port)
        };
        let (one, other) = (end(0).min(end(1)), end(0).max(end(1)));
        hasher.hash_one((one, other, u64::from(self.proto.0) << 16 | u64::from(self.vlan.map_or(0, VlanId::get))))
    }
}

impl Plain {
    /// How many entries it has in each of its switches.
    fn entries(&self) -> usize {
        self.idle.iter().filter(|gone| !**gone).count()
    }

    /// True if its entry in this direction is gone.
    pub(crate) fn is_idle(&self, direction: Direction) -> bool {
        let [forward, reply] = self.idle;
        match direction {
            Direction::Forward => forward,
            Direction::Reply => reply,
        }
    }

    /// Its switches behind the first.
    pub(crate) fn beyond(&self) -> impl Iterator<Item = Dpid> + '_ {
        self.trunk.iter().flat_map(|trunk| trunk.beyond())
    }

    /// Its packets from the initiator.
    pub(crate) fn wire(&self) -> Wire {
        Wire { seats: self.seats, ports: self.ports, proto: self.proto, vlan: self.vlan.and_then(|tag| tag.id) }
    }
}

/// All plain conversations.
#[derive(Debug)]
pub(crate) struct Plains {
    /// Who may talk so.
    pub(crate) seats: Seats,
    /// Without a number where nothing is kept.
    all: Vec<Plain>,
    free: Vec<u32>,
    by_wire: HashTable<u32>,
    by_number: HashTable<u32>,
    /// Those that are not open yet.
    pub(crate) opening: FxHashMap<PlainId, Opening>,
    /// Entries of theirs that each switch holds.
    held: FxHashMap<Dpid, usize>,
    /// Switches that are out of reach: what they hold is not known until they are back and have told.
    pub(crate) away: FxHashSet<Dpid>,
    hasher: FixedState,
}

/// The place of a number among others: those that follow each other lie beside each other, as they are given out and looked for.
fn place_of(id: FlowId) -> u64 {
    const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
    // The upper bits tell apart what lies close together.
    (id.0 & ((1 << 40) - 1)) | (id.0.wrapping_mul(MIXER) & !((1 << 57) - 1))
}

impl Plains {
    /// None yet, with room for so many; the seed keeps senders from choosing headers that collide.
    pub(crate) fn new(seed: u64, room: usize) -> Plains {
        Plains {
            seats: Seats::new(seed.rotate_left(24)),
            all: Vec::with_capacity(room),
            free: Vec::new(),
            by_wire: HashTable::with_capacity(room),
            by_number: HashTable::with_capacity(room),
            opening: FxHashMap::default(),
            held: FxHashMap::default(),
            away: FxHashSet::default(),
            hasher: FixedState::with_seed(seed.rotate_left(40)),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_wire.len()
    }

    /// True if there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_wire.is_empty()
    }

    /// What is kept there.
    pub(crate) fn get(&self, place: PlainId) -> Option<&Plain> {
        self.all.get(place.0 as usize).filter(|one| one.id != FlowId(0))
    }

    /// The same, to change its progress.
    pub(crate) fn get_mut(&mut self, place: PlainId) -> Option<&mut Plain> {
        self.all.get_mut(place.0 as usize).filter(|one| one.id != FlowId(0))
    }

    /// Another rule allows it.
    pub(crate) fn allow(&mut self, place: PlainId, rule: Option<RuleId>) {
        if let Some(one) = self.get_mut(place) {
            one.rule = rule;
        }
    }

    /// True unless its first switch waits for the others.
    pub(crate) fn is_open(&self, place: PlainId) -> bool {
        !self.opening.contains_key(&place)
    }

    /// Entries of theirs that a switch holds.
    pub(crate) fn held(&self, dpid: Dpid) -> usize {
        self.held.get(&dpid).copied().unwrap_or(0)
    }

    /// Ports of a switch that they may go through.
    pub(crate) fn ports(&self, dpid: Dpid) -> BTreeSet<PortNo> {
        if self.held(dpid) == 0 {
            return BTreeSet::new();
        }
        let seats = self.seats.ids().into_iter().filter_map(|id| self.seats.get(id)).map(|seat| seat.at);
        let links = self.iter().filter_map(|(_, one)| one.trunk.as_ref()).flat_map(|trunk| &trunk.0);
        let ends = links.flat_map(|link| [link.from, link.to]);
        seats.chain(ends).filter(|at| at.dpid == dpid).map(|at| at.port).collect()
    }

    /// The first switch of one waits for the others, and has no entries of it meanwhile.
    pub(crate) fn wait(&mut self, place: PlainId, opening: Opening) {
        self.weigh_first(place, usize::saturating_sub);
        self.opening.insert(place, opening);
    }

    /// It waits no longer. The packets that waited with it.
    pub(crate) fn open(&mut self, place: PlainId) -> Vec<Held> {
        let Some(opening) = self.opening.remove(&place) else { return Vec::new() };
        self.weigh_first(place, |held, entries| held + entries);
        opening.held
    }

    fn weigh_first(&mut self, place: PlainId, count: impl Fn(usize, usize) -> usize) {
        let Some(one) = self.get(place).cloned() else { return };
        self.weigh(&Plain { trunk: None, ..one }, true, count);
    }

    /// Counts the entries of one in all its switches, or those behind the first.
    fn weigh(&mut self, one: &Plain, first: bool, count: impl Fn(usize, usize) -> usize) {
        let first = self.seats.get(one.seats[0]).map(|seat| seat.at.dpid).filter(|_| first);
        for dpid in first.into_iter().chain(one.beyond()) {
            let held = self.held.entry(dpid).or_default();
            *held = count(*held, one.entries());
            if *held == 0 {
                self.held.remove(&dpid);
            }
        }
    }

    /// The entry of one direction is gone, because nothing used it. True if the other is gone, too.
    pub(crate) fn fell_silent(&mut self, place: PlainId, direction: Direction) -> bool {
        let Some(one) = self.get(place).cloned() else { return false };
        self.weigh(&one, true, usize::saturating_sub);
        let [forward, reply] = one.idle;
        let idle = match direction {
            Direction::Forward => [true, reply],
            Direction::Reply => [forward, true],
        };
        let one = Plain { idle, ..one };
        self.weigh(&one, true, |held, entries| held + entries);
        if let Some(slot) = self.get_mut(place) {
            slot.idle = idle;
        }
        idle == [true, true]
    }

    /// All, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PlainId, &Plain)> {
        (0..).map(PlainId).zip(&self.all).filter(|(_, one)| one.id != FlowId(0))
    }

    /// Puts one in whose packets are nobody's yet, and whose number is not in use.
    pub(crate) fn insert(&mut self, one: Plain) -> PlainId {
        let place = match self.free.pop() {
            Some(place) => place,
            None => u32::try_from(self.all.len()).unwrap_or(u32::MAX),
        };
        let (seats, wire, id) = (one.seats, one.wire(), one.id);
        self.weigh(&one, true, |held, entries| held + entries);
        match self.all.get_mut(place as usize) {
            Some(slot) => *slot = one,
            None => self.all.push(one),
        }
        let Plains { all, hasher, by_wire, by_number, .. } = self;
        let at = |place: &u32| all.get(*place as usize);
        by_wire.insert_unique(wire.hash(hasher), place, |place| at(place).map_or(0, |one| one.wire().hash(hasher)));
        by_number.insert_unique(place_of(id), place, |place| at(place).map_or(0, |one| place_of(one.id)));
        let place = PlainId(place);
        let [src, dst] = seats;
        self.seats.take(src, place, true);
        self.seats.take(dst, place, false);
        self.tidy(src);
        self.tidy(dst);
        place
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, place: PlainId) -> Option<Plain> {
        let one = self.get(place)?.clone();
        let open = self.opening.remove(&place).is_none();
        if let Ok(entry) = self.by_wire.find_entry(one.wire().hash(&self.hasher), |other| *other == place.0) {
            entry.remove();
        }
        if let Ok(entry) = self.by_number.find_entry(place_of(one.id), |other| *other == place.0) {
            entry.remove();
        }
        if let Some(slot) = self.all.get_mut(place.0 as usize) {
            (slot.id, slot.trunk) = (FlowId(0), None);
            self.free.push(place.0);
        }
        let [src, dst] = one.seats;
        self.weigh(&one, open, usize::saturating_sub);
        self.seats.leave(src, true);
        self.seats.leave(dst, false);
        Some(one)
    }

    /// The conversation that a packet belongs to, and which way that goes.
    pub(crate) fn find(&self, wire: &Wire) -> Option<(PlainId, Direction)> {
        let turned = wire.turned();
        let same = |place: &u32| {
            let own = self.all.get(*place as usize).map(Plain::wire);
            own.as_ref() == Some(wire) || own.as_ref() == Some(&turned)
        };
        let place = *self.by_wire.find(wire.hash(&self.hasher), same)?;
        let forward = self.all.get(place as usize).is_some_and(|one| one.wire() == *wire);
        Some((PlainId(place), if forward { Direction::Forward } else { Direction::Reply }))
    }

    /// The conversation with this number.
    pub(crate) fn numbered(&self, id: FlowId) -> Option<PlainId> {
        let same = |place: &u32| self.all.get(*place as usize).is_some_and(|one| one.id == id);
        self.by_number.find(place_of(id), same).map(|place| PlainId(*place))
    }

    /// The conversations of a seat, in the order of their numbers.
    pub(crate) fn of_seat(&self, seat: SeatId) -> Vec<PlainId> {
        let places = self.seats.get(seat).map_or(&[][..], |one| one.flows());
        let mut own: Vec<(FlowId, PlainId)> = places
            .iter()
            .filter_map(|place| self.get(*place).filter(|one| one.seats.contains(&seat)).map(|one| (one.id, *place)))
            .collect();
        own.sort_unstable();
        own.dedup();
        own.into_iter().map(|(_, place)| place).collect()
    }

    /// Drops what a seat remembers of conversations that are gone, once that is most of it.
    fn tidy(&mut self, seat: SeatId) {
        if self.seats.get(seat).is_some_and(Seat::is_cluttered) {
            let own = self.of_seat(seat);
            self.seats.remember(seat, own);
        }
    }
}

#[cfg(test)]
mod tests;
