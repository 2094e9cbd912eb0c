//! Groups in the words of OpenFlow 1.3: group-mods and group statistics. Sends nothing.

use net::Time;
use openflow::v13::{
    Bucket as WireBucket, BucketCounter, GroupCapabilities, GroupDesc, GroupFeatures, GroupMod, GroupModCommand, GroupModFailed,
    GroupStats, GroupType, OFPG_ALL, OFPG_ANY, OFPG_MAX, PortNo,
};

use super::action::{self, Given};
use super::{Refusal, seconds};
use crate::switch::change::Selection;
use crate::switch::datapath::{Datapath, Event, RemovedReason};
use crate::switch::group::{Bucket, Group, GroupKind};

/// How many groups the switch holds.
const GROUPS: u32 = 1024;
/// How many buckets a group holds.
const BUCKETS: usize = 256;

fn kind(wire: GroupType) -> Result<GroupKind, Refusal> {
    Ok(match wire {
        GroupType::ALL => GroupKind::All,
        GroupType::SELECT => GroupKind::Select,
        GroupType::INDIRECT => GroupKind::Indirect,
        GroupType::FF => GroupKind::FastFailover,
        _ => return Err(GroupModFailed::BAD_TYPE.into()),
    })
}

fn spelled(kind: GroupKind) -> GroupType {
    match kind {
        GroupKind::All => GroupType::ALL,
        GroupKind::Select => GroupType::SELECT,
        GroupKind::Indirect => GroupType::INDIRECT,
        GroupKind::FastFailover => GroupType::FF,
    }
}

fn group(wire: &GroupMod, datapath: &Datapath, now: Time) -> Result<Group, Refusal> {
    let kind = kind(wire.kind)?;
    if wire.buckets.len() > BUCKETS {
        return Err(GroupModFailed::OUT_OF_BUCKETS.into());
    }
    if kind == GroupKind::Indirect && wire.buckets.len() != 1 {
        return Err(GroupModFailed::INVALID_GROUP.into());
    }
    let buckets: Result<Vec<Bucket>, Refusal> = wire.buckets.iter().map(|bucket| read_bucket(bucket, kind, datapath)).collect();
    Ok(Group { kind, buckets: buckets?, written: wire.buckets.clone(), installed: now, packets: 0, bytes: 0 })
}

fn read_bucket(wire: &WireBucket, kind: GroupKind, datapath: &Datapath) -> Result<Bucket, Refusal> {
    let watches = wire.watch_port != PortNo::ANY || wire.watch_group != OFPG_ANY;
    match kind {
        GroupKind::All | GroupKind::Indirect if watches => return Err(GroupModFailed::WATCH_UNSUPPORTED.into()),
        GroupKind::FastFailover if !watches => return Err(GroupModFailed::INVALID_GROUP.into()),
        GroupKind::All | GroupKind::Indirect | GroupKind::FastFailover if wire.weight != 0 => {
            return Err(GroupModFailed::INVALID_GROUP.into());
        }
        GroupKind::All | GroupKind::Indirect | GroupKind::FastFailover | GroupKind::Select => {}
    }
    Ok(Bucket {
        weight: wire.weight,
        watch_port: (wire.watch_port != PortNo::ANY).then_some(net::PortNo(wire.watch_port.0)),
        watch_group: (wire.watch_group != OFPG_ANY).then_some(wire.watch_group),
        actions: action::read(&wire.actions, datapath, &mut Given::in_bucket())?,
        packets: 0,
        bytes: 0,
    })
}

/// Carries a group-mod out.
pub(super) fn carry_out(wire: &GroupMod, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let known = datapath.groups.0.contains_key(&wire.group_id);
    match wire.command {
        GroupModCommand::ADD if wire.group_id > OFPG_MAX => return Err(GroupModFailed::INVALID_GROUP.into()),
        GroupModCommand::ADD if known => return Err(GroupModFailed::GROUP_EXISTS.into()),
        GroupModCommand::ADD if datapath.groups.0.len() >= GROUPS as usize => return Err(GroupModFailed::OUT_OF_GROUPS.into()),
        GroupModCommand::MODIFY if !known => return Err(GroupModFailed::UNKNOWN_GROUP.into()),
        GroupModCommand::ADD | GroupModCommand::MODIFY => {
            let group = group(wire, datapath, now)?;
            if group.hands_on().any(|next| next == wire.group_id || datapath.groups.leads(next, wire.group_id)) {
                return Err(GroupModFailed::LOOP.into());
            }
            datapath.groups.0.insert(wire.group_id, group);
        }
        GroupModCommand::DELETE => {
            let gone: Vec<u32> =
                datapath.groups.0.keys().copied().filter(|id| wire.group_id == OFPG_ALL || *id == wire.group_id).collect();
            if wire.group_id != OFPG_ALL
                && datapath.groups.0.values().any(|group| group.hands_on().any(|next| next == wire.group_id))
            {
                return Err(GroupModFailed::CHAINED_GROUP.into());
            }
            for id in gone {
                datapath.groups.0.remove(&id);
                // Entries that hand packets to it go with it (§6.5).
                datapath.delete_everywhere(&Selection::handing_to(id), RemovedReason::GroupDelete, now, events);
            }
        }
        _ => return Err(GroupModFailed::BAD_COMMAND.into()),
    }
    Ok(())
}

/// The groups that are asked for: one, or all.
fn chosen(wanted: u32, datapath: &Datapath) -> impl Iterator<Item = (u32, &Group)> {
    datapath.groups.0.iter().filter(move |(id, _)| wanted == OFPG_ALL || **id == wanted).map(|(id, group)| (*id, group))
}

pub(super) fn statistics(wanted: u32, datapath: &Datapath, now: Time) -> Vec<GroupStats> {
    chosen(wanted, datapath)
        .map(|(group_id, group)| {
            let age = now.since(group.installed);
            let users = datapath.tables.iter().flat_map(|table| table.iter());
            let users = users.filter(|(_, entry)| entry.instructions.hands_to(group_id)).count();
            GroupStats {
                group_id,
                ref_count: u32::try_from(users).unwrap_or(u32::MAX),
                packet_count: group.packets,
                byte_count: group.bytes,
                duration_sec: seconds(age),
                duration_nsec: age.subsec_nanos(),
                bucket_stats: group
                    .buckets
                    .iter()
                    .map(|bucket| BucketCounter { packet_count: bucket.packets, byte_count: bucket.bytes })
                    .collect(),
            }
        })
        .collect()
}

pub(super) fn descriptions(datapath: &Datapath) -> Vec<GroupDesc> {
    chosen(OFPG_ALL, datapath)
        .map(|(group_id, group)| GroupDesc { kind: spelled(group.kind), group_id, buckets: group.written.clone() })
        .collect()
}

/// All four types; actions output, VLAN tags, queue, group, TTL and set-field.
pub(super) fn features() -> GroupFeatures {
    let actions = 1 | 1 << 17 | 1 << 18 | 1 << 21 | 1 << 22 | 1 << 24 | 1 << 25;
    GroupFeatures {
        types: 0b1111,
        capabilities: GroupCapabilities::SELECT_WEIGHT
            | GroupCapabilities::SELECT_LIVENESS
            | GroupCapabilities::CHAINING
            | GroupCapabilities::CHAINING_CHECKS,
        max_groups: [GROUPS; 4],
        actions: [actions; 4],
    }
}
