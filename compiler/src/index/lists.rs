//! Where clauses hang: a list for each label, in the order in which rules are tried. Knows nothing of what else a clause asks.

use super::clauses::Stored;
use super::order::{Order, RuleSlot};
use crate::blocks::Blocks;
use crate::label::LabelId;
use crate::service::{Class, ServiceSet, Services};

/// A clause: a rule, and which of its alternatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClauseId {
    pub(crate) rule: RuleSlot,
    pub(crate) part: u8,
}

/// A clause in a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(super) order: Order,
    /// The label that the other end must have, or [`ANY`].
    other: LabelId,
    pub(super) service: ServiceSet,
    pub(super) clause: ClauseId,
    /// Nothing else is asked.
    pub(super) told: bool,
}

/// No label.
const ANY: LabelId = LabelId(u32::MAX);

/// Sets of more classes than this are not listed by class.
const MAX_CLASSES: usize = 64;

/// How long the lists by class may be together.
const MAX_LISTED: usize = 4_000_000;

/// For each label its clauses, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    lists: Blocks<Vec<Entry>>,
    /// One bit for each list that was ever more than empty: most are not, and need not be looked at.
    used: Vec<u64>,
}

/// All lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forest {
    /// Clauses with a source anchor, by that.
    pub(super) by_src: Lists,
    /// Clauses with a destination anchor only, by that.
    pub(super) by_dst: Lists,
    /// Clauses without anchors of few classes, by class.
    pub(super) by_class: Lists,
    /// The other clauses without anchors.
    pub(super) anywhere: Vec<Entry>,
    /// How long the lists by class are together.
    listed: usize,
}

impl Entry {
    fn of(stored: &Stored, clause: ClauseId, order: Order) -> Entry {
        let other = if stored.src.is_some() { stored.dst } else { None };
        Entry { order, other: other.unwrap_or(ANY), service: stored.service, clause, told: stored.is_told_by_anchors() }
    }

    /// The label that the other end must have.
    pub(super) fn other(&self) -> Option<LabelId> {
        (self.other != ANY).then_some(self.other)
    }
}

/// The part of a list from an order on.
pub(super) fn behind(list: &[Entry], from: Order) -> &[Entry] {
    if from == Order::FIRST { list } else { list.get(list.partition_point(|entry| entry.order < from)..).unwrap_or_default() }
}

fn insert(list: &mut Vec<Entry>, entry: Entry) {
    let place = list.partition_point(|other| other.order < entry.order);
    list.insert(place, entry);
}

fn remove(list: &mut Vec<Entry>, order: Order) -> bool {
    let place = list.binary_search_by_key(&order, |entry| entry.order);
    place.map(|place| list.remove(place)).is_ok()
}

impl Lists {
    pub(super) fn of(&self, place: usize) -> &[Entry] {
        let used = self.used.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1);
        if used { self.lists.get(place).map_or(&[], Vec::as_slice) } else { &[] }
    }

    fn at(&mut self, place: usize) -> Option<&mut Vec<Entry>> {
        self.lists.grow(place + 1);
        if self.used.len() <= place / 64 {
            self.used.resize(place / 64 + 1, 0);
        }
        if let Some(word) = self.used.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
        self.lists.get_mut(place)
    }

    /// All lists with their places.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[Entry])> {
        self.lists.iter().map(Vec::as_slice).enumerate()
    }

    fn bytes(&self) -> usize {
        self.used.len() * 8
            + self.lists.bytes()
            + self.lists.iter().map(|list| list.capacity() * size_of::<Entry>()).sum::<usize>()
    }
}

impl Forest {
    pub(super) fn insert(&mut self, stored: &Stored, clause: ClauseId, order: Order, services: &Services) {
        let entry = Entry::of(stored, clause, order);
        match (stored.src, stored.dst) {
            (Some(src), _) => {
                if let Some(list) = self.by_src.at(src.index()) {
                    insert(list, entry);
                }
            }
            (None, Some(dst)) => {
                if let Some(list) = self.by_dst.at(dst.index()) {
                    insert(list, entry);
                }
            }
            (None, None) => match self.classes_to_list(stored.service, services) {
                Some(classes) => {
                    self.listed += classes.len();
                    for class in classes {
                        if let Some(list) = self.by_class.at(class.index()) {
                            insert(list, entry);
                        }
                    }
                }
                None => insert(&mut self.anywhere, entry),
            },
        }
    }

    /// The classes of a set, if they are so few that there is a list for each.
    fn classes_to_list(&self, set: ServiceSet, services: &Services) -> Option<Vec<Class>> {
        let classes: Vec<Class> = services.classes_of(set).take(MAX_CLASSES + 1).collect();
        (classes.len() <= MAX_CLASSES && self.listed + classes.len() <= MAX_LISTED).then_some(classes)
    }

    pub(super) fn remove(&mut self, stored: &Stored, order: Order, services: &Services) {
        match (stored.src, stored.dst) {
            (Some(src), _) => {
                self.by_src.at(src.index()).map(|list| remove(list, order));
            }
            (None, Some(dst)) => {
                self.by_dst.at(dst.index()).map(|list| remove(list, order));
            }
            (None, None) => {
                if !remove(&mut self.anywhere, order) {
                    for class in services.classes_of(stored.service) {
                        let removed = self.by_class.at(class.index()).is_some_and(|list| remove(list, order));
                        self.listed -= usize::from(removed);
                    }
                }
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let lists = self.by_src.bytes() + self.by_dst.bytes() + self.by_class.bytes();
        lists + self.anywhere.capacity() * size_of::<Entry>()
    }
}
