//! Seats: a station with one of its addresses, at its port, as policy sees it. While a seat stands, a packet with its MAC address and
//! its address that comes in at its port is its station's, and nothing more has to be looked up. Knows nothing of how that is known.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use compiler::Placed;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use lang::flow::End;
use net::{Location, MacAddr, Time, address_bits};
use smallvec::SmallVec;

use super::PlainId;
use crate::limits::Buckets;

/// A seat, numbered. The number of one that is gone is given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeatId(pub(super) u32);

/// A station with one of its addresses, at its port.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) mac: MacAddr,
    pub(crate) address: IpAddr,
    pub(crate) at: Location,
    /// As policy sees it.
    pub(crate) end: Arc<End>,
    /// Where the program finds it.
    pub(crate) placed: Placed,
    /// Where the buckets of its packets are, if that was found out.
    pub(crate) buckets: Option<Buckets>,
    /// When its port was last known to be one of hosts, as [`crate::fast::Fast`] counts.
    pub(crate) port_known: u32,
    /// When its conversations were last judged again.
    pub(crate) judged: Time,
    /// When it last sent something that is not told on yet; nothing if all is.
    heard: Option<Time>,
    /// Its conversations, and some that are gone.
    flows: Vec<PlainId>,
    live: u32,
    begun: u32,
}

impl Seat {
    /// One that has no conversations yet.
    pub(crate) fn new((mac, address): (MacAddr, IpAddr), at: Location, end: Arc<End>, placed: Placed) -> Seat {
        Seat {
            mac,
            address,
            at,
            end,
            placed,
            buckets: None,
            port_known: 0,
            judged: Time(0),
            heard: None,
            flows: Vec::new(),
            live: 0,
            begun: 0,
        }
    }

    pub(super) fn flows(&self) -> &[PlainId] {
        &self.flows
    }

    pub(super) fn is_cluttered(&self) -> bool {
        self.flows.len() > 16 + 2 * self.live as usize
    }

    /// True if it has no conversations.
    pub(crate) fn is_idle(&self) -> bool {
        self.live == 0
    }
}

/// All seats.
#[derive(Debug)]
pub(crate) struct Seats {
    all: Vec<Option<Seat>>,
    free: Vec<u32>,
    by_address: HashTable<u32>,
    by_mac: HashMap<MacAddr, SmallVec<[SeatId; 2]>, FixedState>,
    /// Conversations begun at each port.
    begun: HashMap<Location, u32, FixedState>,
    /// Those that have sent something which is not told on yet.
    heard: Vec<SeatId>,
    hasher: FixedState,
}

/// What tells one address of a station from others, in few words.
fn name_of(mac: MacAddr, address: IpAddr) -> (u64, u128) {
    (mac.to_bits() | u64::from(address.is_ipv6()) << 48, address_bits(address))
}

impl Seats {
    pub(super) fn new(seed: u64) -> Seats {
        let hasher = FixedState::with_seed(seed);
        Seats {
            all: Vec::new(),
            free: Vec::new(),
            by_address: HashTable::new(),
            by_mac: HashMap::with_hasher(hasher.clone()),
            begun: HashMap::with_hasher(hasher.clone()),
            heard: Vec::new(),
            hasher,
        }
    }

    /// The seat with this number.
    pub(crate) fn get(&self, id: SeatId) -> Option<&Seat> {
        self.all.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.all.get_mut(id.0 as usize)?.as_mut()
    }

    /// The seat of a station with this address.
    pub(crate) fn find(&self, mac: MacAddr, address: IpAddr) -> Option<SeatId> {
        let hash = self.hasher.hash_one(name_of(mac, address));
        let same = |place: &u32| {
            let seat = self.all.get(*place as usize).and_then(Option::as_ref);
            seat.is_some_and(|seat| seat.mac == mac && seat.address == address)
        };
        self.by_address.find(hash, same).map(|place| SeatId(*place))
    }

    /// Those of a station.
    pub(crate) fn of(&self, mac: MacAddr) -> &[SeatId] {
        self.by_mac.get(&mac).map_or(&[], |own| own.as_slice())
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn ids(&self) -> Vec<SeatId> {
        let numbered = (0..).map(SeatId).zip(&self.all);
        numbered.filter(|(_, seat)| seat.is_some()).map(|(id, _)| id).collect()
    }

    /// Puts one in: there is none of this station with this address yet.
    pub(crate) fn insert(&mut self, seat: Seat) -> SeatId {
        let id = SeatId(self.free.pop().unwrap_or_else(|| u32::try_from(self.all.len()).unwrap_or(u32::MAX)));
        let hash = self.hasher.hash_one(name_of(seat.mac, seat.address));
        self.by_mac.entry(seat.mac).or_default().push(id);
        match self.all.get_mut(id.0 as usize) {
            Some(place) => *place = Some(seat),
            None => self.all.push(Some(seat)),
        }
        let Seats { all, by_address, hasher, .. } = self;
        let hash_of = |place: &u32| {
            let seat = all.get(*place as usize).and_then(Option::as_ref);
            seat.map_or(0, |seat| hasher.hash_one(name_of(seat.mac, seat.address)))
        };
        by_address.insert_unique(hash, id.0, hash_of);
        id
    }

    /// Takes one out that has no conversations. Says when it last sent something, if that is not told on yet.
    pub(crate) fn remove(&mut self, id: SeatId) -> Option<(Seat, Option<Time>)> {
        let seat = self.all.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        let hash = self.hasher.hash_one(name_of(seat.mac, seat.address));
        if let Ok(entry) = self.by_address.find_entry(hash, |other| *other == id.0) {
            entry.remove();
        }
        if let Some(own) = self.by_mac.get_mut(&seat.mac) {
            own.retain(|one| *one != id);
            if own.is_empty() {
                self.by_mac.remove(&seat.mac);
            }
        }
        let heard = seat.heard;
        Some((seat, heard))
    }

    /// Policy sees it otherwise, or the program finds it elsewhere.
    pub(crate) fn renew(&mut self, id: SeatId, end: Arc<End>, placed: Placed) {
        if let Some(seat) = self.get_mut(id) {
            (seat.end, seat.placed) = (end, placed);
        }
    }

    /// The conversations of a station were judged again.
    pub(crate) fn judged(&mut self, mac: MacAddr, now: Time) {
        for id in self.by_mac.get(&mac).into_iter().flatten() {
            if let Some(seat) = self.all.get_mut(id.0 as usize).and_then(Option::as_mut) {
                seat.judged = now;
            }
        }
    }

    /// It sent something.
    pub(crate) fn hear(&mut self, id: SeatId, now: Time) {
        if let Some(seat) = self.all.get_mut(id.0 as usize).and_then(Option::as_mut)
            && seat.heard.replace(now).is_none()
        {
            self.heard.push(id);
        }
    }

    /// Who sent something since this was last asked, from which address, where, and when.
    pub(crate) fn heard(&mut self) -> Vec<(MacAddr, IpAddr, Location, Time)> {
        let heard = std::mem::take(&mut self.heard);
        let told = heard.into_iter().filter_map(|id| {
            let seat = self.get_mut(id)?;
            seat.heard.take().map(|time| (seat.mac, seat.address, seat.at, time))
        });
        told.collect()
    }

    /// How many plain conversations were begun at a port.
    pub(crate) fn begun_at(&self, at: Location) -> usize {
        self.begun.get(&at).map_or(0, |count| *count as usize)
    }

    /// How many a station has begun.
    pub(crate) fn begun_by(&self, mac: MacAddr) -> usize {
        self.of(mac).iter().filter_map(|id| self.get(*id)).map(|seat| seat.begun as usize).sum()
    }

    pub(super) fn take(&mut self, id: SeatId, flow: PlainId, begins: bool) {
        let Some(seat) = self.all.get_mut(id.0 as usize).and_then(Option::as_mut) else { return };
        seat.flows.push(flow);
        seat.live += 1;
        if begins {
            seat.begun += 1;
            *self.begun.entry(seat.at).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, id: SeatId, began: bool) {
        let Some(seat) = self.all.get_mut(id.0 as usize).and_then(Option::as_mut) else { return };
        seat.live = seat.live.saturating_sub(1);
        if seat.live == 0 {
            seat.flows = Vec::new();
        }
        if began {
            seat.begun = seat.begun.saturating_sub(1);
            if let Some(count) = self.begun.get_mut(&seat.at) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.begun.remove(&seat.at);
                }
            }
        }
    }

    pub(super) fn remember(&mut self, id: SeatId, flows: Vec<PlainId>) {
        if let Some(seat) = self.get_mut(id) {
            seat.flows = flows;
        }
    }
}
