//! Changes of entries as flow-mods ask for them (OpenFlow 1.0.1 §4.6, 1.3.5 §6.4). Knows no message.

use std::sync::Arc;

use net::Time;

use super::action::{Instructions, Target};
use super::datapath::{Datapath, Event, Removed, RemovedReason};
use super::key::Region;
use super::table::{Entry, EntryId, Spelling, Table};

/// What a flow-mod asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Add,
    Modify,
    Delete,
}

/// Which entries a question or a change is about.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// One table, or all.
    pub(super) table: Option<u8>,
    pub(super) region: Region,
    /// The priority, if only the entry with exactly this region and priority is meant.
    pub(super) strict: Option<u16>,
    pub(super) cookie: u64,
    /// Bits of the cookie that count; none in OpenFlow 1.0.
    pub(super) cookie_mask: u64,
    pub(super) out_port: Option<Target>,
    pub(super) out_group: Option<u32>,
    /// The meter that entries name.
    pub(super) meter: Option<u32>,
}

/// A flow-mod.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) command: Command,
    pub(super) selection: Selection,
    pub(super) priority: u16,
    pub(super) cookie: u64,
    pub(super) idle_timeout: u16,
    pub(super) hard_timeout: u16,
    pub(super) flags: u16,
    pub(super) send_removed: bool,
    pub(super) check_overlap: bool,
    /// Whether an entry that replaces its equal starts its counters anew.
    pub(super) reset_counts: bool,
    /// OpenFlow 1.0: a modification that finds nothing adds, and one that finds changes the cookie.
    pub(super) modify_adds: bool,
    pub(super) instructions: Arc<Instructions>,
    pub(super) spelling: Arc<Spelling>,
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Overlap,
    BadTable,
}

impl Selection {
    /// Every entry.
    fn all() -> Selection {
        Selection {
            table: None,
            region: Region::default(),
            strict: None,
            cookie: 0,
            cookie_mask: 0,
            out_port: None,
            out_group: None,
            meter: None,
        }
    }

    /// The entries that hand packets to a group.
    pub(super) fn handing_to(group: u32) -> Selection {
        Selection { out_group: Some(group), ..Selection::all() }
    }

    /// The entries that name a meter.
    pub(super) fn metered_by(meter: u32) -> Selection {
        Selection { meter: Some(meter), ..Selection::all() }
    }

    fn fits(&self, entry: &Entry) -> bool {
        let region = match self.strict {
            Some(priority) => entry.priority == priority && entry.region == self.region,
            None => self.region.covers(&entry.region),
        };
        region
            && entry.cookie & self.cookie_mask == self.cookie & self.cookie_mask
            && self.out_port.is_none_or(|port| entry.instructions.outputs_to(port))
            && self.out_group.is_none_or(|group| entry.instructions.hands_to(group))
            && self.meter.is_none_or(|meter| entry.instructions.meter == Some(meter))
    }

    fn ids(&self, table: &Table) -> Vec<EntryId> {
        match self.strict {
            Some(priority) => {
                let id = table.find(&self.region, priority);
                id.filter(|id| table.get(*id).is_some_and(|entry| self.fits(entry))).into_iter().collect()
            }
            None => table.iter().filter(|(_, entry)| self.fits(entry)).map(|(id, _)| id).collect(),
        }
    }
}

impl Datapath {
    /// The entries that are meant, with their tables.
    pub(super) fn select<'a>(&'a self, selection: &'a Selection) -> impl Iterator<Item = (u8, &'a Entry)> {
        (0_u8..)
            .zip(&self.tables)
            .filter(|(number, _)| selection.table.is_none_or(|table| table == *number))
            .flat_map(|(number, table)| table.iter().map(move |(_, entry)| (number, entry)))
            .filter(|(_, entry)| selection.fits(entry))
    }

    /// Carries a flow-mod out.
    pub(super) fn change(&mut self, change: &Change, now: Time, out: &mut Vec<Event>) -> Result<(), Refused> {
        let tables: Vec<u8> = match change.selection.table {
            Some(table) if usize::from(table) < self.tables.len() => vec![table],
            None if change.command == Command::Delete => (0_u8..).zip(&self.tables).map(|(number, _)| number).collect(),
            Some(_) | None => return Err(Refused::BadTable),
        };
        match change.command {
            Command::Add => tables.into_iter().try_for_each(|table| self.add(table, change, now)),
            Command::Modify => tables.into_iter().try_for_each(|table| self.modify(table, change, now)),
            Command::Delete => {
                for table in tables {
                    self.delete(table, &change.selection, RemovedReason::Delete, now, out);
                }
                Ok(())
            }
        }
    }

    fn add(&mut self, number: u8, change: &Change, now: Time) -> Result<(), Refused> {
        let table = self.tables.get_mut(usize::from(number)).ok_or(Refused::BadTable)?;
        let equal = table.find(&change.selection.region, change.priority);
        if change.check_overlap && table.overlaps(&change.selection.region, change.priority) {
            return Err(Refused::Overlap);
        }
        let replaced = equal.and_then(|id| table.remove(id)).filter(|_| !change.reset_counts);
        let entry = Entry {
            region: change.selection.region,
            priority: change.priority,
            cookie: change.cookie,
            idle_timeout: change.idle_timeout,
            hard_timeout: change.hard_timeout,
            flags: change.flags,
            send_removed: change.send_removed,
            instructions: change.instructions.clone(),
            spelling: change.spelling.clone(),
            installed: now,
            used: now,
            packets: replaced.as_ref().map_or(0, |entry| entry.packets),
            bytes: replaced.as_ref().map_or(0, |entry| entry.bytes),
        };
        table.insert(entry).map(|_| ()).ok_or(Refused::Full)
    }

    fn modify(&mut self, number: u8, change: &Change, now: Time) -> Result<(), Refused> {
        let table = self.tables.get_mut(usize::from(number)).ok_or(Refused::BadTable)?;
        let ids = change.selection.ids(table);
        if ids.is_empty() {
            return if change.modify_adds { self.add(number, change, now) } else { Ok(()) };
        }
        for id in ids {
            let Some(entry) = table.get_mut(id) else { continue };
            entry.instructions = change.instructions.clone();
            entry.spelling = Arc::new(entry.spelling.acting_as(&change.spelling));
            if change.modify_adds {
                entry.cookie = change.cookie;
            }
            if change.reset_counts {
                (entry.packets, entry.bytes) = (0, 0);
            }
        }
        Ok(())
    }

    /// Removes what is selected in every table, and tells of those that asked for it.
    pub(super) fn delete_everywhere(&mut self, selection: &Selection, reason: RemovedReason, now: Time, out: &mut Vec<Event>) {
        let numbers: Vec<u8> = (0_u8..).zip(&self.tables).map(|(number, _)| number).collect();
        for number in numbers {
            self.delete(number, selection, reason, now, out);
        }
    }

    /// Removes what is selected in one table, and tells of those that asked for it.
    fn delete(&mut self, number: u8, selection: &Selection, reason: RemovedReason, now: Time, out: &mut Vec<Event>) {
        let Some(table) = self.tables.get_mut(usize::from(number)) else { return };
        for id in selection.ids(table) {
            if let Some(entry) = table.remove(id)
                && entry.send_removed
            {
                out.push(Event::Removed(Removed { entry, table: number, reason, at: now }));
            }
        }
    }
}
