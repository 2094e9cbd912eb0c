//! Groups of OpenFlow 1.3.5 §5.6: sets of buckets, of which some or all are executed. Executes nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use net::{PortNo, Time};

use super::action::Action;

/// Groups that watch groups, at most.
const DEPTH: u8 = 8;

/// Which buckets of a group are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    /// Every one.
    All,
    /// A live one, chosen by the packet's conversation and the buckets' weights.
    Select,
    /// The only one.
    Indirect,
    /// The first that is live.
    FastFailover,
}

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) weight: u16,
    /// The port and the group whose liveness it has; without either it is always live.
    pub(super) watch_port: Option<PortNo>,
    pub(super) watch_group: Option<u32>,
    pub(super) actions: Vec<Action>,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) kind: GroupKind,
    pub(super) buckets: Vec<Bucket>,
    /// The buckets as the controller wrote them, for its questions.
    pub(super) written: Vec<openflow::v13::Bucket>,
    pub(super) installed: Time,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Bucket {
    fn is_live(&self, groups: &Groups, live: &impl Fn(PortNo) -> bool, depth: u8) -> bool {
        (self.watch_port.is_none() && self.watch_group.is_none())
            || self.watch_port.is_some_and(live)
            || self.watch_group.is_some_and(|group| groups.is_live(group, live, depth))
    }
}

impl Group {
    /// The groups that its buckets hand packets to.
    pub(super) fn hands_on(&self) -> impl Iterator<Item = u32> {
        let actions = self.buckets.iter().flat_map(|bucket| &bucket.actions);
        actions.filter_map(|action| if let Action::Group(next) = action { Some(*next) } else { None })
    }
}

/// The groups of a switch.
#[derive(Debug, Default)]
pub(super) struct Groups(pub(super) BTreeMap<u32, Group>);

impl Groups {
    /// A group is live with one of its buckets (§6.5); `depth` bounds groups that watch one another in a ring.
    fn is_live(&self, group: u32, live: &impl Fn(PortNo) -> bool, depth: u8) -> bool {
        let (Some(group), Some(depth)) = (self.0.get(&group), depth.checked_sub(1)) else { return false };
        group.buckets.iter().any(|bucket| bucket.is_live(self, live, depth))
    }

    /// True if packets of one group can come to another.
    pub(super) fn leads(&self, from: u32, to: u32) -> bool {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(group) = open.pop().and_then(|next| self.0.get(&next)) {
            for next in group.hands_on() {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// The action lists to execute for a packet, counted.
    pub(super) fn choose(&mut self, group: u32, spread: u64, length: usize, live: impl Fn(PortNo) -> bool) -> Vec<Vec<Action>> {
        let is_live = |bucket: &Bucket| bucket.is_live(self, &live, DEPTH);
        let alive: Vec<bool> = self.0.get(&group).into_iter().flat_map(|group| &group.buckets).map(is_live).collect();
        let Some(group) = self.0.get_mut(&group) else { return Vec::new() };
        group.packets += 1;
        group.bytes += length as u64;
        let kind = group.kind;
        let buckets = group.buckets.iter_mut();
        let mut living = buckets.zip(alive).filter(|(_, alive)| *alive || matches!(kind, GroupKind::All | GroupKind::Indirect));
        let chosen: Vec<&mut Bucket> = match kind {
            GroupKind::All => living.map(|(bucket, _)| bucket).collect(),
            GroupKind::Indirect | GroupKind::FastFailover => living.next().map(|(bucket, _)| bucket).into_iter().collect(),
            GroupKind::Select => {
                let living: Vec<&mut Bucket> = living.map(|(bucket, _)| bucket).collect();
                let weights: u64 = living.iter().map(|bucket| u64::from(bucket.weight)).sum();
                let mut left = if weights == 0 { 0 } else { spread % weights };
                let hit = |bucket: &&mut Bucket| {
                    let here = left < u64::from(bucket.weight);
                    left = left.saturating_sub(u64::from(bucket.weight));
                    here
                };
                living.into_iter().find(hit).into_iter().collect()
            }
        };
        chosen
            .into_iter()
            .map(|bucket| {
                bucket.packets += 1;
                bucket.bytes += length as u64;
                bucket.actions.clone()
            })
            .collect()
    }
}
