//! What a switch can do, in words that every version shares: questions, and what their answers come to. Knows nothing of who asks.

use std::fmt;

/// Something about itself that a switch is asked. One that it does not understand, it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Who made it, and what it is.
    Description,
    /// How many entries its tables take.
    Tables,
    /// Which groups it has.
    Groups,
    /// Whether it has meters.
    Meters,
}

/// What it says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Description`].
    Description(Description),
    /// To [`Question::Tables`]; more follow if so marked.
    Tables {
        /// The tables of this part.
        rooms: Vec<Room>,
        /// Another part follows.
        more: bool,
    },
    /// To [`Question::Groups`].
    Groups(Groups),
    /// To [`Question::Meters`].
    Meters(Meters),
}

/// What a switch says that it is. Its maker's words: shown, never trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Who made it.
    pub vendor: String,
    /// The hardware.
    pub hardware: String,
    /// The software.
    pub software: String,
    /// The serial number.
    pub serial: String,
}

/// The room in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Which table.
    pub table: u8,
    /// How many entries it takes at most.
    pub entries: u32,
    /// It matches ports of TCP, UDP and SCTP under masks.
    pub port_masks: bool,
}

/// A kind of group (OpenFlow 1.3.5 §5.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// Every bucket.
    All,
    /// One bucket, by the switch's choice.
    Select,
    /// The one bucket.
    Indirect,
    /// The first live bucket.
    FastFailover,
}

/// Which groups a switch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// How many of each kind, in the order of [`GroupKind::EVERY`]; nothing for a kind that it lacks.
    pub most: [Option<u32>; 4],
    /// Buckets of a select group may have weights.
    pub weights: bool,
    /// A select group leaves out buckets that are not alive.
    pub select_liveness: bool,
    /// A group may lead to another.
    pub chaining: bool,
}

/// Which meters a switch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meters {
    /// How many.
    pub most: u32,
    /// Bands that one has at most.
    pub bands: u8,
    /// It has bands that drop.
    pub drops: bool,
    /// It has bands that lower the precedence (DSCP).
    pub remarks: bool,
    /// Rates may be in kilobits a second.
    pub kilobits: bool,
    /// Rates may be in packets a second.
    pub packets: bool,
    /// Bursts may be set.
    pub bursts: bool,
}

impl Question {
    /// Every question.
    pub const EVERY: [Question; 4] = [Question::Description, Question::Tables, Question::Groups, Question::Meters];
}

impl GroupKind {
    /// Every kind, in the order of the wire (`ofp_group_type`).
    pub const EVERY: [GroupKind; 4] = [GroupKind::All, GroupKind::Select, GroupKind::Indirect, GroupKind::FastFailover];
}

impl Groups {
    /// How many of a kind there may be; nothing if it has none.
    #[must_use]
    pub fn most(&self, kind: GroupKind) -> Option<u32> {
        let place = GroupKind::EVERY.iter().position(|one| *one == kind)?;
        self.most.get(place).copied().flatten()
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Question::Description => "description",
            Question::Tables => "tables",
            Question::Groups => "groups",
            Question::Meters => "meters",
        })
    }
}
