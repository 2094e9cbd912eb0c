//! Groups in the words of OpenFlow 1.3: group-mods and group statistics. Sends nothing.

use net::Time;
use openflow::v13::{
    Bucket as WireBucket, BucketCounter, GroupCapabilities, GroupDesc, GroupFeatures, GroupMod, GroupModCommand, GroupModFailed,
    GroupStats, GroupType, OFPG_ALL, OFPG_ANY, OFPG_MAX,
};

use super::{Refusal, flow, seconds};
use crate::switch::change::Selection;
use crate::switch::datapath::{Datapath, Event, RemovedReason};
use crate::switch::group::{Bucket, Group, GroupKind};
use crate::switch::key::Region;

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
    let buckets: Result<Vec<Bucket>, Refusal> = wire.buckets.iter().map(|bucket| read_bucket(bucket, datapath)).collect();
    Ok(Group { kind, buckets: buckets?, written: wire.buckets.clone(), installed: now, packets: 0, bytes: 0 })
}

fn read_bucket(wire: &WireBucket, datapath: &Datapath) -> Result<Bucket, Refusal> {
    if wire.watch_group != OFPG_ANY {
        return Err(GroupModFailed::WATCH_UNSUPPORTED.into());
    }
    Ok(Bucket {
        weight: wire.weight,
        watch_port: wire.watch_port.physical(),
        actions: flow::actions(&wire.actions, datapath, false)?,
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
            datapath.groups.0.insert(wire.group_id, group);
        }
        GroupModCommand::DELETE => {
            let gone: Vec<u32> =
                datapath.groups.0.keys().copied().filter(|id| wire.group_id == OFPG_ALL || *id == wire.group_id).collect();
            for id in gone {
                datapath.groups.0.remove(&id);
                remove_users(id, datapath, now, events);
            }
        }
        _ => return Err(GroupModFailed::BAD_COMMAND.into()),
    }
    Ok(())
}

/// Entries that hand packets to a deleted group go with it (OpenFlow 1.3.5 §6.5).
fn remove_users(group: u32, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) {
    let users = Selection {
        table: None,
        region: Region::default(),
        strict: None,
        cookie: 0,
        cookie_mask: 0,
        out_port: None,
        out_group: Some(group),
    };
    for table in 0..datapath.tables.len() {
        if let Ok(table) = u8::try_from(table) {
            datapath.delete(table, &users, RemovedReason::GroupDelete, now, events);
        }
    }
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
        capabilities: GroupCapabilities::SELECT_WEIGHT | GroupCapabilities::CHAINING,
        max_groups: [GROUPS; 4],
        actions: [actions; 4],
    }
}
