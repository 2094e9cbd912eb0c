//! What a switch can do, as far as it told. What it did not tell, or refused to tell, it cannot do. Knows nothing of who asks for it.

use std::collections::BTreeMap;

use crate::dialect::{Answer, Description, Features, GroupKind, Groups, Meters, Question, Room};

/// Questions that wait for their answers, and what came of the others.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    buffers: u32,
    n_tables: u8,
    statistics: u32,
    actions: Option<u32>,
    description: Option<Description>,
    rooms: BTreeMap<u8, Room>,
    groups: Option<Groups>,
    meters: Option<Meters>,
    /// By their transactions.
    open: Vec<(u32, Question)>,
}

impl Capabilities {
    /// What the features of a switch tell.
    #[must_use]
    pub(super) fn of(features: &Features) -> Capabilities {
        Capabilities {
            buffers: features.buffers,
            n_tables: features.tables,
            statistics: features.capabilities,
            actions: features.actions,
            ..Capabilities::default()
        }
    }

    /// A question is under way.
    pub(super) fn asked(&mut self, xid: u32, question: Question) {
        self.open.retain(|(_, other)| *other != question);
        self.open.push((xid, question));
    }

    /// Takes in an answer. False if it is none to what was asked, or brings nothing new.
    pub(super) fn answered(&mut self, xid: u32, answer: Answer) -> bool {
        let Some(question) = self.open.iter().find(|(asked, _)| *asked == xid).map(|(_, question)| *question) else {
            return false;
        };
        match (question, answer) {
            (Question::Description, Answer::Description(description)) => self.description = Some(description),
            (Question::Tables, Answer::Tables { rooms, more }) => {
                let known = self.rooms.len();
                // At most 256 of them, however many parts come.
                self.rooms.extend(rooms.into_iter().map(|room| (room.table, room)));
                if more {
                    return self.rooms.len() > known;
                }
            }
            (Question::Groups, Answer::Groups(groups)) => self.groups = Some(groups),
            (Question::Meters, Answer::Meters(meters)) => self.meters = Some(meters),
            // Something else under the same number is no answer.
            (Question::Description | Question::Tables | Question::Groups | Question::Meters, _) => return false,
        }
        self.open.retain(|(asked, _)| *asked != xid);
        true
    }

    /// The switch does not answer this: it lacks the feature. False if that was not asked.
    pub(super) fn refused(&mut self, xid: u32) -> bool {
        let before = self.open.len();
        self.open.retain(|(asked, _)| *asked != xid);
        self.open.len() < before
    }

    /// Packets that it can hold back.
    #[must_use]
    pub fn buffers(&self) -> u32 {
        self.buffers
    }

    /// How many tables it has.
    #[must_use]
    pub fn n_tables(&self) -> u8 {
        self.n_tables
    }

    /// The bits of `ofp_capabilities`, in the meaning of its version.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.statistics
    }

    /// OpenFlow 1.0: bit `n` says that it has the action of type `n`.
    #[must_use]
    pub fn actions(&self) -> Option<u32> {
        self.actions
    }

    /// What it says that it is.
    #[must_use]
    pub fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// How many entries a table takes at most, if it told.
    #[must_use]
    pub fn max_entries(&self, table: u8) -> Option<u32> {
        self.rooms.get(&table).map(|room| room.entries)
    }

    /// True if a table told that it takes blocks of ports, which the standard does not demand (OpenFlow 1.3.5 §7.2.3.7).
    #[must_use]
    pub fn masks_ports(&self, table: u8) -> bool {
        self.rooms.get(&table).is_some_and(|room| room.port_masks)
    }

    /// Its groups, if it has any.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.groups.as_ref().filter(|groups| groups.most.iter().any(Option::is_some))
    }

    /// True if it has groups of some kind.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        self.groups().is_some()
    }

    /// True if it has groups of this kind.
    #[must_use]
    pub fn has_group(&self, kind: GroupKind) -> bool {
        self.groups().is_some_and(|groups| groups.most(kind).is_some())
    }

    /// True if it has groups that fall over to another bucket by themselves.
    #[must_use]
    pub fn has_fast_failover(&self) -> bool {
        self.has_group(GroupKind::FastFailover)
    }

    /// Its meters, if it has any.
    #[must_use]
    pub fn meters(&self) -> Option<&Meters> {
        self.meters.as_ref().filter(|meters| meters.most > 0)
    }

    /// True if it has meters.
    #[must_use]
    pub fn has_meters(&self) -> bool {
        self.meters().is_some()
    }
}
