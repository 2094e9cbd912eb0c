//! Flow entries of OpenFlow 1.3.5: made and unmade (§7.3.4.2), and gone (§7.4.2).

use bytes::BytesMut;

use super::action::Action;
use super::instruction::{Instruction, read_instructions, write_apply_actions, write_instructions};
use super::{FlowModFailed, Match, PortNo, kind};
use crate::cursor::{Reader, Writer, codes, flags, write_frame};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};

/// The buffer number that stands for none.
pub const OFP_NO_BUFFER: u32 = 0xffff_ffff;
/// The table number that stands for every table, in deletions and questions.
pub const OFPTT_ALL: u8 = 0xff;
/// The greatest table number.
pub const OFPTT_MAX: u8 = 0xfe;

codes! {
    /// `ofp_flow_mod_command`.
    FlowModCommand(u8) "OFPFC_" { ADD = 0, MODIFY = 1, MODIFY_STRICT = 2, DELETE = 3, DELETE_STRICT = 4 }
}

flags! {
    /// `ofp_flow_mod_flags`.
    FlowModFlags(u16) "OFPFF_" { SEND_FLOW_REM = 1, CHECK_OVERLAP = 2, RESET_COUNTS = 4, NO_PKT_COUNTS = 8, NO_BYT_COUNTS = 16 }
}

codes! {
    /// `ofp_flow_removed_reason`.
    FlowRemovedReason(u8) "OFPRR_" { IDLE_TIMEOUT = 0, HARD_TIMEOUT = 1, DELETE = 2, GROUP_DELETE = 3 }
}

/// `ofp_flow_mod`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowMod {
    /// The controller's mark.
    pub cookie: u64,
    /// For changes and deletions: which bits of the cookie an entry must share; 0 for any entry.
    pub cookie_mask: u64,
    /// The table.
    pub table_id: u8,
    /// What to do.
    pub command: FlowModCommand,
    /// Seconds without a packet after which the entry goes; 0 for never.
    pub idle_timeout: u16,
    /// Seconds after which the entry goes; 0 for never.
    pub hard_timeout: u16,
    /// Higher goes first.
    pub priority: u16,
    /// A packet held back to apply the entry to, or [`OFP_NO_BUFFER`].
    pub buffer_id: u32,
    /// For deletions: only entries with an output to this port, unless `ANY`.
    pub out_port: PortNo,
    /// For deletions: only entries that use this group, unless `OFPG_ANY`.
    pub out_group: u32,
    /// Options.
    pub flags: FlowModFlags,
    /// The packets.
    pub matching: Match,
    /// What to do with packets; nothing drops them.
    pub instructions: Vec<Instruction>,
}

/// `ofp_flow_removed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRemoved {
    /// The entry's cookie.
    pub cookie: u64,
    /// The entry's priority.
    pub priority: u16,
    /// Why it went.
    pub reason: FlowRemovedReason,
    /// The entry's table.
    pub table_id: u8,
    /// How long it lived: seconds.
    pub duration_sec: u32,
    /// And nanoseconds on top.
    pub duration_nsec: u32,
    /// The entry's idle timeout in seconds.
    pub idle_timeout: u16,
    /// The entry's hard timeout in seconds.
    pub hard_timeout: u16,
    /// Packets that it matched.
    pub packet_count: u64,
    /// Bytes that it matched.
    pub byte_count: u64,
    /// The entry's match.
    pub matching: Match,
}

impl FlowMod {
    /// A new entry without instructions, timeouts or options.
    #[must_use]
    pub fn add(table_id: u8, matching: Match, priority: u16) -> FlowMod {
        FlowMod {
            cookie: 0,
            cookie_mask: 0,
            table_id,
            command: FlowModCommand::ADD,
            idle_timeout: 0,
            hard_timeout: 0,
            priority,
            buffer_id: OFP_NO_BUFFER,
            out_port: PortNo::ANY,
            out_group: super::OFPG_ANY,
            flags: FlowModFlags::NONE,
            matching,
            instructions: Vec::new(),
        }
    }

    /// Appends the whole message with one instruction to do these actions at once instead of its own instructions, so that a
    /// caller can keep both. Without actions there is no instruction, which drops the packets.
    ///
    /// # Errors
    /// When the message exceeds 65,535 bytes; nothing is written then.
    pub fn encode_applying(
        &self,
        meter: Option<u32>,
        actions: &[Action],
        xid: u32,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        write_frame(out, super::VERSION, kind::FLOW_MOD, xid, |w| {
            self.write_head(w);
            if let Some(meter) = meter {
                write_instructions(&[Instruction::Meter(meter)], w);
            }
            if !actions.is_empty() {
                write_apply_actions(actions, w);
            }
        })
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<FlowMod, DecodeError> {
        let cookie = r.get("cookie")?;
        let cookie_mask = r.get("cookie_mask")?;
        let table_id = r.get("table_id")?;
        let command: FlowModCommand = r.get("command")?;
        if command.name().is_none() {
            return Err(r.fail_as("command", DecodeErrorKind::BadValue, FlowModFailed::BAD_COMMAND));
        }
        let idle_timeout = r.get("idle_timeout")?;
        let hard_timeout = r.get("hard_timeout")?;
        let priority = r.get("priority")?;
        let buffer_id = r.get("buffer_id")?;
        let out_port = r.get("out_port")?;
        let out_group = r.get("out_group")?;
        let flags = r.get("flags")?;
        r.skip(2)?;
        let matching = Match::read_asked(r)?;
        let instructions = read_instructions(r.child(r.remaining(), "instructions", "ofp_flow_mod")?)?;
        Ok(FlowMod {
            cookie,
            cookie_mask,
            table_id,
            command,
            idle_timeout,
            hard_timeout,
            priority,
            buffer_id,
            out_port,
            out_group,
            flags,
            matching,
            instructions,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        self.write_head(w);
        write_instructions(&self.instructions, w);
    }

    fn write_head(&self, w: &mut Writer<'_>) {
        w.put(self.cookie);
        w.put(self.cookie_mask);
        w.put(self.table_id);
        w.put(self.command);
        w.put(self.idle_timeout);
        w.put(self.hard_timeout);
        w.put(self.priority);
        w.put(self.buffer_id);
        w.put(self.out_port);
        w.put(self.out_group);
        w.put(self.flags);
        w.pad(2);
        self.matching.write(w);
    }
}

impl FlowRemoved {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<FlowRemoved, DecodeError> {
        Ok(FlowRemoved {
            cookie: r.get("cookie")?,
            priority: r.get("priority")?,
            reason: r.get("reason")?,
            table_id: r.get("table_id")?,
            duration_sec: r.get("duration_sec")?,
            duration_nsec: r.get("duration_nsec")?,
            idle_timeout: r.get("idle_timeout")?,
            hard_timeout: r.get("hard_timeout")?,
            packet_count: r.get("packet_count")?,
            byte_count: r.get("byte_count")?,
            matching: Match::read(r)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.cookie);
        w.put(self.priority);
        w.put(self.reason);
        w.put(self.table_id);
        w.put(self.duration_sec);
        w.put(self.duration_nsec);
        w.put(self.idle_timeout);
        w.put(self.hard_timeout);
        w.put(self.packet_count);
        w.put(self.byte_count);
        self.matching.write(w);
    }
}
