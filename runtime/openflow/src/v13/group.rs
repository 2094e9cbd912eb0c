//! Groups of OpenFlow 1.3.5: made and unmade (§7.3.4.4), and what a switch tells of them (§7.3.5.6 to §7.3.5.8).

use super::action::{Action, read_actions, write_actions};
use super::{GroupModFailed, PortNo};
use crate::cursor::{Reader, Wire, Writer, codes, flags, wire_struct};
use crate::error::{DecodeError, DecodeErrorKind};

/// The group number that stands for every group (`OFPG_ALL`).
pub const OFPG_ALL: u32 = 0xffff_fffc;
/// The group number that asks for no particular group (`OFPG_ANY`).
pub const OFPG_ANY: u32 = 0xffff_ffff;
/// The greatest group number (`OFPG_MAX`).
pub const OFPG_MAX: u32 = 0xffff_ff00;

codes! {
    /// `ofp_group_mod_command`.
    GroupModCommand(u16) "OFPGC_" { ADD = 0, MODIFY = 1, DELETE = 2 }
}

codes! {
    /// `ofp_group_type`.
    GroupType(u8) "OFPGT_" { ALL = 0, SELECT = 1, INDIRECT = 2, FF = 3 }
}

flags! {
    /// `ofp_group_capabilities`.
    GroupCapabilities(u32) "OFPGFC_" { SELECT_WEIGHT = 1, SELECT_LIVENESS = 2, CHAINING = 4, CHAINING_CHECKS = 8 }
}

/// `ofp_group_mod`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMod {
    /// What to do.
    pub command: GroupModCommand,
    /// What the group does with its buckets.
    pub kind: GroupType,
    /// The group.
    pub group_id: u32,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
}

/// `ofp_bucket`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its share, in groups that select.
    pub weight: u16,
    /// The port whose liveness it has, or `ANY`.
    pub watch_port: PortNo,
    /// The group whose liveness it has, or [`OFPG_ANY`].
    pub watch_group: u32,
    /// What it does.
    pub actions: Vec<Action>,
}

/// `ofp_group_stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStats {
    /// The group.
    pub group_id: u32,
    /// How many entries and groups use it.
    pub ref_count: u32,
    /// Packets that it handled.
    pub packet_count: u64,
    /// Bytes that it handled.
    pub byte_count: u64,
    /// Its age: seconds.
    pub duration_sec: u32,
    /// And nanoseconds on top.
    pub duration_nsec: u32,
    /// Its buckets, in order.
    pub bucket_stats: Vec<BucketCounter>,
}

wire_struct! {
    /// `ofp_bucket_counter`.
    BucketCounter as "ofp_bucket_counter" {
        /// Packets that it handled.
        packet_count: u64,
        /// Bytes that it handled.
        byte_count: u64,
    }
}

/// `ofp_group_desc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDesc {
    /// What the group does with its buckets.
    pub kind: GroupType,
    /// The group.
    pub group_id: u32,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
}

wire_struct! {
    /// `ofp_group_features`. The four numbers are for the four types in order.
    GroupFeatures as "ofp_group_features" {
        /// Bit `n` says that it has groups of type `n`.
        types: u32,
        /// What they can do.
        capabilities: GroupCapabilities,
        /// How many groups at most.
        max_groups: [u32; 4],
        /// Bit `n` says that they take the action of type `n`.
        actions: [u32; 4],
    }
}

impl Wire for [u32; 4] {
    fn get(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        Ok([r.get(field)?, r.get(field)?, r.get(field)?, r.get(field)?])
    }

    fn put(&self, w: &mut Writer<'_>) {
        w.put_all(self);
    }
}

impl GroupMod {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<GroupMod, DecodeError> {
        let command: GroupModCommand = r.get("command")?;
        if command.name().is_none() {
            return Err(r.fail_as("command", DecodeErrorKind::BadValue, GroupModFailed::BAD_COMMAND));
        }
        let kind: GroupType = r.get("type")?;
        if kind.name().is_none() {
            return Err(r.fail_as("type", DecodeErrorKind::BadType, GroupModFailed::BAD_TYPE));
        }
        r.skip(1)?;
        Ok(GroupMod { command, kind, group_id: r.get("group_id")?, buckets: r.list(Bucket::read)? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.command);
        w.put(self.kind);
        w.pad(1);
        w.put(self.group_id);
        for bucket in &self.buckets {
            bucket.write(w);
        }
    }
}

impl Bucket {
    fn read(r: &mut Reader<'_>) -> Result<Bucket, DecodeError> {
        let length = usize::from(r.peek_u16(0, "len")?);
        if length < 16 || length % 8 != 0 {
            return Err(r.fail_as("len", DecodeErrorKind::BadLength, GroupModFailed::BAD_BUCKET));
        }
        let mut r = r.child(length, "len", "ofp_bucket")?;
        r.skip(2)?;
        let weight = r.get("weight")?;
        let watch_port = r.get("watch_port")?;
        let watch_group = r.get("watch_group")?;
        r.skip(4)?;
        Ok(Bucket { weight, watch_port, watch_group, actions: read_actions(r)? })
    }

    fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(2);
        w.put(self.weight);
        w.put(self.watch_port);
        w.put(self.watch_group);
        w.pad(4);
        write_actions(&self.actions, w);
        w.fill_length(start, start);
    }
}

impl GroupStats {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<GroupStats, DecodeError> {
        let length = usize::from(r.peek_u16(0, "length")?);
        let mut r = r.structure(length, 40, "length", "ofp_group_stats")?;
        r.skip(4)?;
        let group_id = r.get("group_id")?;
        let ref_count = r.get("ref_count")?;
        r.skip(4)?;
        Ok(GroupStats {
            group_id,
            ref_count,
            packet_count: r.get("packet_count")?,
            byte_count: r.get("byte_count")?,
            duration_sec: r.get("duration_sec")?,
            duration_nsec: r.get("duration_nsec")?,
            bucket_stats: r.values("bucket_stats")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(4);
        w.put(self.group_id);
        w.put(self.ref_count);
        w.pad(4);
        w.put(self.packet_count);
        w.put(self.byte_count);
        w.put(self.duration_sec);
        w.put(self.duration_nsec);
        w.put_all(&self.bucket_stats);
        w.fill_length(start, start);
    }
}

impl GroupDesc {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<GroupDesc, DecodeError> {
        let length = usize::from(r.peek_u16(0, "length")?);
        let mut r = r.structure(length, 8, "length", "ofp_group_desc")?;
        r.skip(2)?;
        let kind = r.get("type")?;
        r.skip(1)?;
        Ok(GroupDesc { kind, group_id: r.get("group_id")?, buckets: r.list(Bucket::read)? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.pad(2);
        w.put(self.kind);
        w.pad(1);
        w.put(self.group_id);
        for bucket in &self.buckets {
            bucket.write(w);
        }
        w.fill_length(start, start);
    }
}
