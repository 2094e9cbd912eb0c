//! Groups of OpenFlow 1.3.5 §5.6: sets of buckets, of which some or all are executed. Executes nothing itself.

use std::collections::BTreeMap;

use net::{PortNo, Time};

use super::action::Action;

/// Which buckets of a group are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    /// Every one.
    All,
    /// One, chosen by the packet's conversation and the buckets' weights.
    Select,
    /// The only one.
    Indirect,
    /// The first whose port is live.
    FastFailover,
}

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) weight: u16,
    pub(super) watch_port: Option<PortNo>,
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

/// The groups of a switch.
#[derive(Debug, Default)]
pub(super) struct Groups(pub(super) BTreeMap<u32, Group>);

impl Groups {
    /// The action lists to execute for a packet, counted.
    pub(super) fn choose(&mut self, group: u32, spread: u64, length: usize, live: impl Fn(PortNo) -> bool) -> Vec<Vec<Action>> {
        let Some(group) = self.0.get_mut(&group) else { return Vec::new() };
        group.packets += 1;
        group.bytes += length as u64;
        let kind = group.kind;
        let chosen: Vec<&mut Bucket> = match kind {
            GroupKind::All => group.buckets.iter_mut().collect(),
            GroupKind::Indirect => group.buckets.iter_mut().take(1).collect(),
            GroupKind::FastFailover => {
                group.buckets.iter_mut().filter(|bucket| bucket.watch_port.is_some_and(&live)).take(1).collect()
            }
            GroupKind::Select => {
                let weights: u64 = group.buckets.iter().map(|bucket| u64::from(bucket.weight)).sum();
                let mut left = if weights == 0 { 0 } else { spread % weights };
                let hit = |bucket: &&mut Bucket| {
                    let here = left < u64::from(bucket.weight);
                    left = left.saturating_sub(u64::from(bucket.weight));
                    here
                };
                group.buckets.iter_mut().filter(|bucket| bucket.weight > 0).find(hit).into_iter().collect()
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
