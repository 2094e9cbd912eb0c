//! One flow table: entries hashed under each distinct mask, so that a look-up costs as many probes as there are masks, however many
//! entries there are (tuple space search, as in Open vSwitch). Knows nothing of actions or messages.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use net::Time;
use openflow::{v10, v13};
use rustc_hash::FxBuildHasher;

use super::action::Instructions;
use super::key::{Key, Region};

/// An entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) region: Region,
    pub(super) priority: u16,
    pub(super) cookie: u64,
    /// Seconds without a packet after which it goes; 0 for never.
    pub(super) idle_timeout: u16,
    /// Seconds after which it goes; 0 for never.
    pub(super) hard_timeout: u16,
    /// The flags of the flow-mod, as its version numbers them.
    pub(super) flags: u16,
    pub(super) send_removed: bool,
    pub(super) instructions: Arc<Instructions>,
    /// The entry as the controller wrote it, for statistics.
    pub(super) spelling: Arc<Spelling>,
    pub(super) installed: Time,
    pub(super) used: Time,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// An entry's match and actions in the words of the version that it was made in.
#[derive(Clone, Debug)]
pub(super) enum Spelling {
    V10 { matching: v10::Match, actions: Vec<v10::Action> },
    V13 { matching: Box<v13::Match>, instructions: Vec<v13::Instruction> },
}

impl Spelling {
    /// The same match with the actions of another entry.
    pub(super) fn acting_as(&self, other: &Spelling) -> Spelling {
        match (self, other) {
            (Spelling::V10 { matching, .. }, Spelling::V10 { actions, .. }) => {
                Spelling::V10 { matching: *matching, actions: actions.clone() }
            }
            (Spelling::V13 { matching, .. }, Spelling::V13 { instructions, .. }) => {
                Spelling::V13 { matching: matching.clone(), instructions: instructions.clone() }
            }
            // Entries do not outlive a change of version.
            (Spelling::V10 { .. }, Spelling::V13 { .. }) | (Spelling::V13 { .. }, Spelling::V10 { .. }) => self.clone(),
        }
    }
}

/// Why an entry went by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    Idle,
    Hard,
}

/// Names an entry as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    index: u32,
    generation: u32,
}

#[derive(Debug, Default)]
struct Cell {
    generation: u32,
    entry: Option<Entry>,
}

/// The entries under one mask.
#[derive(Debug)]
struct Subtable {
    mask: Key,
    /// How many entries have each priority.
    priorities: BTreeMap<u16, u32>,
    /// By masked headers; the highest priority first.
    entries: HashMap<Key, Vec<(u16, EntryId)>, FxBuildHasher>,
}

impl Subtable {
    fn greatest(&self) -> u16 {
        self.priorities.last_key_value().map_or(0, |(priority, _)| *priority)
    }
}

/// A flow table.
#[derive(Debug)]
pub(super) struct Table {
    capacity: usize,
    cells: Vec<Cell>,
    free: Vec<u32>,
    /// The highest priority first.
    subtables: Vec<Subtable>,
    /// When to look whether an entry has expired; its deadline may have moved since.
    deadlines: BinaryHeap<Reverse<(Time, EntryId)>>,
    pub(super) looked_up: u64,
    pub(super) matched: u64,
}

impl Entry {
    /// When it goes, if no packet comes.
    fn deadline(&self) -> Option<Time> {
        let seconds = |from: Time, seconds: u16| (seconds > 0).then(|| from.after(Duration::from_secs(u64::from(seconds))));
        let idle = seconds(self.used, self.idle_timeout);
        let hard = seconds(self.installed, self.hard_timeout);
        idle.into_iter().chain(hard).min()
    }

    fn expiry(&self) -> Expiry {
        let hard = self.installed.after(Duration::from_secs(u64::from(self.hard_timeout)));
        if self.hard_timeout > 0 && self.deadline() == Some(hard) { Expiry::Hard } else { Expiry::Idle }
    }

    /// True for the entry that is for packets which no other matches (OpenFlow 1.3.5 §5.4).
    pub(super) fn is_table_miss(&self) -> bool {
        self.priority == 0 && self.region.is_everything()
    }
}

impl Table {
    pub(super) fn new(capacity: usize) -> Table {
        Table {
            capacity,
            cells: Vec::new(),
            free: Vec::new(),
            subtables: Vec::new(),
            deadlines: BinaryHeap::new(),
            looked_up: 0,
            matched: 0,
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len() - self.free.len()
    }

    /// The entry with the highest priority that the packet belongs to.
    pub(super) fn look_up(&mut self, key: &Key) -> Option<EntryId> {
        self.looked_up += 1;
        let mut best: Option<(u16, EntryId)> = None;
        for subtable in &self.subtables {
            if best.is_some_and(|(priority, _)| priority >= subtable.greatest()) {
                break;
            }
            let found = subtable.entries.get(&(*key & subtable.mask)).and_then(|entries| entries.first());
            if let Some(found) = found
                && best.is_none_or(|(priority, _)| found.0 > priority)
            {
                best = Some(*found);
            }
        }
        self.matched += u64::from(best.is_some());
        best.map(|(_, id)| id)
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&Entry> {
        self.cells.get(id.index as usize).filter(|cell| cell.generation == id.generation)?.entry.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        self.cells.get_mut(id.index as usize).filter(|cell| cell.generation == id.generation)?.entry.as_mut()
    }

    /// The entry with exactly this region and priority.
    pub(super) fn find(&self, region: &Region, priority: u16) -> Option<EntryId> {
        let subtable = self.subtables.iter().find(|subtable| subtable.mask == region.mask)?;
        let entries = subtable.entries.get(&region.value)?;
        entries.iter().find(|(other, _)| *other == priority).map(|(_, id)| *id)
    }

    /// True if another entry of this priority can match the same packet (OpenFlow 1.3.5 §6.4).
    pub(super) fn overlaps(&self, region: &Region, priority: u16) -> bool {
        self.iter().any(|(_, entry)| entry.priority == priority && entry.region.overlaps(region))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.cells.iter().enumerate().filter_map(|(index, cell)| {
            Some((EntryId { index: index as u32, generation: cell.generation }, cell.entry.as_ref()?))
        })
    }

    /// Adds an entry, which no other must equal in region and priority; nothing if the table is full.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<EntryId> {
        if self.len() >= self.capacity {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.cells.push(Cell::default());
                u32::try_from(self.cells.len() - 1).ok()?
            }
        };
        let cell = self.cells.get_mut(index as usize)?;
        let id = EntryId { index, generation: cell.generation };
        let (region, priority, deadline) = (entry.region, entry.priority, entry.deadline());
        cell.entry = Some(entry);
        if let Some(deadline) = deadline {
            self.deadlines.push(Reverse((deadline, id)));
        }
        self.link(&region, priority, id);
        Some(id)
    }

    fn link(&mut self, region: &Region, priority: u16, id: EntryId) {
        let at = self.subtables.iter().position(|subtable| subtable.mask == region.mask).unwrap_or_else(|| {
            self.subtables.push(Subtable { mask: region.mask, priorities: BTreeMap::new(), entries: HashMap::default() });
            self.subtables.len() - 1
        });
        let subtable = &mut self.subtables[at];
        let before = (subtable.priorities.is_empty(), subtable.greatest());
        *subtable.priorities.entry(priority).or_default() += 1;
        let entries = subtable.entries.entry(region.value).or_default();
        let position = entries.partition_point(|(other, _)| *other > priority);
        entries.insert(position, (priority, id));
        if before != (false, subtable.greatest()) {
            self.subtables.sort_by_key(|subtable| Reverse(subtable.greatest()));
        }
    }

    pub(super) fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let cell = self.cells.get_mut(id.index as usize).filter(|cell| cell.generation == id.generation)?;
        let entry = cell.entry.take()?;
        cell.generation = cell.generation.wrapping_add(1);
        self.free.push(id.index);
        let at = self.subtables.iter().position(|subtable| subtable.mask == entry.region.mask)?;
        let subtable = &mut self.subtables[at];
        let greatest = subtable.greatest();
        if let Some(entries) = subtable.entries.get_mut(&entry.region.value) {
            entries.retain(|(_, other)| *other != id);
            if entries.is_empty() {
                subtable.entries.remove(&entry.region.value);
            }
        }
        if let Some(count) = subtable.priorities.get_mut(&entry.priority) {
            *count -= 1;
            if *count == 0 {
                subtable.priorities.remove(&entry.priority);
            }
        }
        if subtable.priorities.is_empty() {
            self.subtables.remove(at);
        } else if subtable.greatest() != greatest {
            self.subtables.sort_by_key(|subtable| Reverse(subtable.greatest()));
        }
        Some(entry)
    }

    /// Takes out what has expired by now.
    pub(super) fn expire(&mut self, now: Time) -> Vec<(Entry, Expiry)> {
        let mut gone = Vec::new();
        while let Some(Reverse((at, id))) = self.deadlines.peek().copied()
            && at <= now
        {
            self.deadlines.pop();
            let Some(deadline) = self.get(id).and_then(Entry::deadline) else { continue };
            if deadline > now {
                self.deadlines.push(Reverse((deadline, id)));
            } else if let Some(entry) = self.remove(id) {
                let expiry = entry.expiry();
                gone.push((entry, expiry));
            }
        }
        gone
    }

    /// The earliest time at which an entry may expire.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests;
