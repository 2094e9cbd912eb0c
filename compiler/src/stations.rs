//! The stations of the view as decisions need them: for each its records, found by its MAC address. Knows nothing of rules.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
use lang::checked::{Checked, EndTest, GroupId, HostId, UserId};
use lang::flow::{End, Person, Place};
use net::{Location, MacAddr};
use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use crate::blocks::Blocks;
use crate::label::{Ends, LabelId, Labels, Record, Scratch};
use crate::view::{Station, View};

/// A station, numbered. The number of one that is gone is given to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StationId(pub(crate) u32);

/// All stations. A copy shares their records.
#[derive(Clone, Debug)]
pub(crate) struct Stations {
    places: HashMap<MacAddr, StationId, FixedState>,
    known: Blocks<Option<Arc<Known>>>,
    /// How often what is known of each was changed.
    epochs: Blocks<u32>,
    /// How often anything was changed.
    changes: u64,
    free: Vec<StationId>,
    /// Where users are logged in; nothing before somebody asks.
    by_user: Option<Arc<FxHashMap<UserId, Vec<StationId>>>>,
    scratch: Scratch,
}

/// What is known of a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) mac: MacAddr,
    host: Option<HostId>,
    location: Option<Location>,
    users: SmallVec<[Person; 1]>,
    groups: Vec<GroupId>,
    /// Without an address, and with each of its own: one record for each user.
    ends: Ends,
}

impl Known {
    fn of(policy: &Checked, labels: &Labels, station: &Station, scratch: &mut Scratch) -> Known {
        let mut end = std::mem::take(&mut scratch.end);
        end.users.clone_from(&station.users);
        end.groups.clone_from(&station.groups);
        (end.host, end.location, end.mac) = (station.host, station.location, Some(station.mac));
        let ends = labels.records_by_address(policy, &mut end, station.addresses.iter().copied(), scratch);
        scratch.end = end;
        Known {
            mac: station.mac,
            host: station.host,
            location: station.location,
            users: station.users.iter().cloned().collect(),
            groups: station.groups.clone(),
            ends,
        }
    }

    /// True if it passes the test as this user, with whatever address; false for tests that ask for something else.
    fn passes(&self, test: EndTest, user: Option<&Person>) -> bool {
        match test {
            EndTest::User(id) => user.is_some_and(|person| person.user == Some(id)),
            EndTest::Host(id) => self.host == Some(id),
            EndTest::Mac(mac) => self.mac == mac,
            EndTest::Location(at) => self.location == Some(at),
            EndTest::Switch(dpid) => self.location.is_some_and(|at| at.dpid == dpid),
            EndTest::Address(_) | EndTest::Group(_) | EndTest::BuiltIn(_) | EndTest::Known(_) => false,
        }
    }

    /// Adds the label of a test, which no record has yet, to those that pass it.
    fn add_label(&mut self, label: LabelId, test: EndTest) {
        let holds: SmallVec<[bool; 2]> = match self.users.as_slice() {
            [] => SmallVec::from_elem(self.passes(test, None), 1),
            users => users.iter().map(|user| self.passes(test, Some(user))).collect(),
        };
        let mut before: Option<[Arc<[Record]>; 2]> = None;
        for (_, records) in &mut self.ends {
            if let Some([_, new]) = before.as_ref().filter(|[old, _]| Arc::ptr_eq(old, records)) {
                *records = Arc::clone(new);
                continue;
            }
            let new = records
                .iter()
                .enumerate()
                .map(|(place, one)| if holds.get(place) == Some(&true) { one.with(label) } else { one.clone() });
            let new: Arc<[Record]> = new.collect();
            let old = std::mem::replace(records, Arc::clone(&new));
            before = Some([old, new]);
        }
    }

    /// True if the view says the same of the station.
    fn is_of(&self, station: &Station) -> bool {
        let addresses = self.ends.iter().filter_map(|(address, _)| *address);
        self.host == station.host
            && self.location == station.location
            && self.users.as_slice() == station.users
            && self.groups == station.groups
            && addresses.eq(station.addresses.iter().copied())
    }

    /// The station as an end with this address.
    pub(crate) fn end(&self, address: Option<IpAddr>) -> End {
        End {
            users: self.users.to_vec(),
            groups: self.groups.clone(),
            host: self.host,
            location: self.location,
            mac: Some(self.mac),
            address,
            place: Place::Inside,
        }
    }

    /// Which of its ends this is, if it is one.
    fn place_of(&self, end: &End) -> Option<usize> {
        let same = end.place == Place::Inside
            && end.host == self.host
            && end.location == self.location
            && end.users.as_slice() == self.users.as_slice()
            && end.groups == self.groups;
        if same { self.ends.iter().position(|(address, _)| *address == end.address) } else { None }
    }

    /// The records of an end, by its place.
    pub(crate) fn records(&self, place: usize) -> &[Record] {
        self.ends.get(place).map_or(&[], |(_, records)| records)
    }

    /// Its ends by their addresses.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (Option<IpAddr>, &[Record])> {
        self.ends.iter().map(|(address, records)| (*address, &**records))
    }

    /// True if it has the label with some address, as some user.
    pub(crate) fn has(&self, label: LabelId) -> bool {
        self.ends().flat_map(|(_, records)| records).any(|record| record.has(label))
    }

    /// The place of the end with this address.
    pub(crate) fn with_address(&self, address: Option<IpAddr>) -> Option<usize> {
        self.ends.iter().position(|(own, _)| *own == address)
    }

    fn bytes(&self) -> usize {
        let mut bytes = size_of::<Known>() + 2 * size_of::<usize>() + self.groups.capacity() * size_of::<GroupId>();
        if self.users.spilled() {
            bytes += self.users.capacity() * size_of::<Person>();
        }
        if self.ends.spilled() {
            bytes += self.ends.capacity() * size_of::<(Option<IpAddr>, Arc<[Record]>)>();
        }
        let mut before: Option<&Arc<[Record]>> = None;
        for (_, records) in &self.ends {
            if before.is_none_or(|before| !Arc::ptr_eq(before, records)) {
                bytes += records.iter().map(Record::bytes).sum::<usize>();
            }
            before = Some(records);
        }
        bytes
    }
}

impl Stations {
    /// Those of the view. The hash is keyed with the names of the policy, which whoever chooses MAC addresses does not know.
    pub(crate) fn new(policy: &Checked, labels: &Labels, view: &View) -> Stations {
        let mut key = FxHasher::default();
        policy.users.iter().for_each(|user| user.name.hash(&mut key));
        policy.hosts.iter().for_each(|host| host.name.hash(&mut key));
        let mut scratch = Scratch::default();
        let known: Blocks<Option<Arc<Known>>> =
            view.stations().map(|station| Some(Arc::new(Known::of(policy, labels, station, &mut scratch)))).collect();
        let mut places = HashMap::with_capacity_and_hasher(known.len(), FixedState::with_seed(key.finish()));
        places.extend(known.iter().flatten().map(|known| known.mac).zip((0..).map(StationId)));
        let epochs = known.iter().map(|_| 0).collect();
        Stations { places, known, epochs, changes: 0, free: Vec::new(), by_user: None, scratch }
    }

    /// What keys the hashes of MAC addresses.
    pub(crate) fn hasher(&self) -> FixedState {
        self.places.hasher().clone()
    }

    pub(crate) fn find(&self, mac: MacAddr) -> Option<StationId> {
        self.places.get(&mac).copied()
    }

    pub(crate) fn get(&self, id: StationId) -> Option<&Known> {
        self.known.get(id.0 as usize).and_then(Option::as_deref)
    }

    /// All, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (StationId, &Known)> {
        let numbered = (0..).map(StationId).zip(self.known.iter());
        numbered.filter_map(|(id, known)| known.as_deref().map(|known| (id, known)))
    }

    /// How often anything was changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// How often what is known of it was changed.
    pub(crate) fn epoch(&self, id: StationId) -> u32 {
        self.epochs.get(id.0 as usize).copied().unwrap_or(0)
    }

    /// The station and the place of the end in it, if it is as the view has it.
    pub(crate) fn place_of(&self, end: &End) -> Option<(StationId, usize)> {
        let id = self.find(end.mac?)?;
        self.get(id)?.place_of(end).map(|place| (id, place))
    }

    /// The records of an end, one for each of its users.
    pub(crate) fn records(&self, policy: &Checked, labels: &Labels, end: &End) -> Cow<'_, [Record]> {
        let known = end.mac.and_then(|mac| self.get(self.find(mac)?));
        match known.and_then(|known| known.place_of(end).map(|place| known.records(place))) {
            Some(records) => Cow::Borrowed(records),
            None => Cow::Owned(labels.records(policy, end)),
        }
    }

    /// Derives anew what depends on a station of the view, or forgets it. True if that made a difference.
    pub(crate) fn update(&mut self, policy: &Checked, labels: &Labels, view: &View, mac: MacAddr) -> bool {
        let known = view.station(mac).map(|station| Arc::new(Known::of(policy, labels, station, &mut self.scratch)));
        let id = match (self.find(mac), &known) {
            (Some(id), _) => id,
            (None, None) => return false,
            (None, Some(_)) => {
                let id = self.free.pop().unwrap_or(StationId(u32::try_from(self.known.len()).unwrap_or(u32::MAX)));
                self.known.grow(id.0 as usize + 1);
                self.epochs.grow(id.0 as usize + 1);
                self.places.insert(mac, id);
                id
            }
        };
        let Some(slot) = self.known.get_mut(id.0 as usize) else { return false };
        if *slot == known {
            return false;
        }
        if known.is_none() {
            self.places.remove(&mac);
            self.free.push(id);
        }
        let before = std::mem::replace(slot, known.clone());
        self.bump(id);
        self.note_users(id, before.as_deref(), known.as_deref());
        true
    }

    /// Adds the label of a test of individuals, which is new, to the records of a station that pass it: the same as deriving them anew.
    /// True if there are any.
    pub(crate) fn add_label(&mut self, mac: MacAddr, label: LabelId, test: EndTest) -> bool {
        let Some(id) = self.find(mac) else { return false };
        let Some(known) = self.known.get_mut(id.0 as usize).and_then(Option::as_mut).filter(|known| !known.has(label)) else {
            return false;
        };
        let passes = known.passes(test, None) || known.users.iter().any(|user| known.passes(test, Some(user)));
        if passes {
            Arc::make_mut(known).add_label(label, test);
            self.bump(id);
        }
        passes
    }

    fn bump(&mut self, id: StationId) {
        if let Some(epoch) = self.epochs.get_mut(id.0 as usize) {
            *epoch = epoch.wrapping_add(1);
        }
        self.changes += 1;
    }

    fn note_users(&mut self, id: StationId, before: Option<&Known>, after: Option<&Known>) {
        let users =
            |known: Option<&Known>| known.map_or(Vec::new(), |known| known.users.iter().filter_map(|one| one.user).collect());
        let Some(by_user) = &mut self.by_user else { return };
        let (before, after): (Vec<UserId>, Vec<UserId>) = (users(before), users(after));
        if before == after {
            return;
        }
        let by_user = Arc::make_mut(by_user);
        for user in before {
            if let Some(ids) = by_user.get_mut(&user) {
                ids.retain(|other| *other != id);
            }
        }
        for user in after {
            by_user.entry(user).or_default().push(id);
        }
    }

    /// Where a user is logged in. The first to ask has all stations looked at.
    pub(crate) fn of_user(&mut self, user: UserId) -> Vec<MacAddr> {
        if self.by_user.is_none() {
            let mut by_user: FxHashMap<UserId, Vec<StationId>> = FxHashMap::default();
            for (id, known) in self.iter() {
                for user in known.users.iter().filter_map(|person| person.user) {
                    by_user.entry(user).or_default().push(id);
                }
            }
            self.by_user = Some(Arc::new(by_user));
        }
        let ids = self.by_user.as_ref().and_then(|by_user| by_user.get(&user));
        ids.into_iter().flatten().filter_map(|id| self.get(*id)).map(|known| known.mac).collect()
    }

    /// The stations that the view tells otherwise, or that only one of the two has.
    pub(crate) fn differing(&self, view: &View) -> Vec<MacAddr> {
        let mut all: Vec<MacAddr> = Vec::new();
        for station in view.stations() {
            if !self.find(station.mac).and_then(|id| self.get(id)).is_some_and(|known| known.is_of(station)) {
                all.push(station.mac);
            }
        }
        all.extend(self.iter().map(|(_, known)| known.mac).filter(|mac| view.station(*mac).is_none()));
        all
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let places = self.places.capacity() * (size_of::<(MacAddr, StationId)>() + 1);
        let users = self.by_user.as_ref().map_or(0, |by_user| by_user.len() * 48);
        places + users + self.known.bytes() + self.epochs.bytes() + self.iter().map(|(_, known)| known.bytes()).sum::<usize>()
    }
}
