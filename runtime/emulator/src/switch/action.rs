//! What an entry does with a packet, the same for all versions of OpenFlow. Executes nothing.

use std::net::IpAddr;

use net::{MacAddr, PortNo};

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send it out.
    Output {
        /// Where.
        to: Target,
        /// How many bytes at most go to the controller; `0xffff` is all of them, unbuffered.
        max_len: u16,
    },
    /// Change a header.
    Set(Set),
    /// Add a VLAN tag with this type, outermost, a copy of the one behind it.
    PushVlan(u16),
    /// Take the outermost VLAN tag off.
    PopVlan,
    /// Choose the queue for outputs; none for the port's own, where also goes what names a queue that the port does not have.
    Queue(Option<u32>),
    /// Hand it to a group.
    Group(u32),
    /// Decrement the time to live; a packet at its end is dropped.
    DecrementTtl,
}

/// Where a packet is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Out of a port, not the one that it came in on.
    Port(PortNo),
    /// Out of the port that it came in on.
    InPort,
    /// Through the tables from the first; in a packet-out only.
    Table,
    /// Out of each port but the one that it came in on and those that do not flood.
    Flood,
    /// Out of each port but the one that it came in on.
    All,
    /// To the controller.
    Controller,
    /// To the switch's own stack: nothing listens there.
    Local,
}

/// A header and its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Source MAC address.
    DlSrc(MacAddr),
    /// Destination MAC address.
    DlDst(MacAddr),
    /// VLAN identifier of the outermost tag; a tag is added where there is none, if OpenFlow 1.0 asks.
    VlanId {
        /// The identifier.
        id: u16,
        /// Whether to add a tag.
        push: bool,
    },
    /// Priority of the outermost tag; as above.
    Pcp {
        /// The priority.
        pcp: u8,
        /// Whether to add a tag.
        push: bool,
    },
    /// Source address, for packets of its family.
    NwSrc(IpAddr),
    /// Destination address, for packets of its family.
    NwDst(IpAddr),
    /// Differentiated services code point.
    Dscp(u8),
    /// Source port.
    TpSrc(u16),
    /// Destination port.
    TpDst(u16),
}

/// What an entry does, in the order of OpenFlow 1.3.5 §5.9.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// The meter that it passes first.
    pub meter: Option<u32>,
    /// What is done at once.
    pub apply: Vec<Action>,
    /// Whether the action set is emptied.
    pub clear: bool,
    /// What is added to the action set.
    pub write: Vec<Action>,
    /// Bits of the metadata to change: value and mask.
    pub metadata: Option<(u64, u64)>,
    /// The table that goes on.
    pub goto: Option<u8>,
}

impl Instructions {
    /// Every action, now or later.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.apply.iter().chain(&self.write)
    }

    /// True if it may send packets to the port.
    #[must_use]
    pub fn outputs_to(&self, wanted: Target) -> bool {
        self.actions().any(|action| matches!(action, Action::Output { to, .. } if *to == wanted))
    }

    /// True if it may hand packets to the group.
    #[must_use]
    pub fn hands_to(&self, wanted: u32) -> bool {
        self.actions().any(|action| *action == Action::Group(wanted))
    }
}

/// The action set of a packet (OpenFlow 1.3.5 §5.10): one of each kind, executed in a fixed order.
#[derive(Debug, Default)]
pub(super) struct ActionSet(Vec<Action>);

impl ActionSet {
    /// The set of these actions, such as those of a bucket.
    pub(super) fn of(actions: &[Action]) -> ActionSet {
        let mut set = ActionSet::default();
        set.write(actions);
        set
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn write(&mut self, actions: &[Action]) {
        for action in actions {
            self.0.retain(|other| rank(other) != rank(action));
            self.0.push(action.clone());
        }
    }

    /// The actions in their order; with a group, the output is left out, and with neither the packet is dropped as it is.
    pub(super) fn into_actions(mut self) -> Vec<Action> {
        if !self.0.iter().any(|action| matches!(action, Action::Group(_) | Action::Output { .. })) {
            return Vec::new();
        }
        self.0.sort_by_key(rank);
        if self.0.iter().any(|action| matches!(action, Action::Group(_))) {
            self.0.retain(|action| !matches!(action, Action::Output { .. }));
        }
        self.0
    }
}

/// The place in the order of §5.10; setting different fields are different kinds.
fn rank(action: &Action) -> u8 {
    match action {
        Action::PopVlan => 0,
        Action::PushVlan(_) => 1,
        Action::DecrementTtl => 2,
        Action::Set(set) => match set {
            Set::DlSrc(_) => 3,
            Set::DlDst(_) => 4,
            Set::VlanId { .. } => 5,
            Set::Pcp { .. } => 6,
            Set::NwSrc(_) => 7,
            Set::NwDst(_) => 8,
            Set::Dscp(_) => 9,
            Set::TpSrc(_) => 10,
            Set::TpDst(_) => 11,
        },
        Action::Queue(_) => 12,
        Action::Group(_) => 13,
        Action::Output { .. } => 14,
    }
}
