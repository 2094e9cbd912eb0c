//! Flow entries of OpenFlow 1.0.1: made and unmade (§5.3.3), and gone (§5.4.2).

use bytes::BytesMut;

use super::action::{Action, read_actions};
use super::{FlowModFailed, Match, PortNo, kind};
use crate::cursor::{Reader, Wire, Writer, codes, flags, wire_struct, write_frame};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};

/// The buffer number that stands for none.
pub const OFP_NO_BUFFER: u32 = 0xffff_ffff;

codes! {
    /// `ofp_flow_mod_command`.
    FlowModCommand(u16) "OFPFC_" { ADD = 0, MODIFY = 1, MODIFY_STRICT = 2, DELETE = 3, DELETE_STRICT = 4 }
}

flags! {
    /// `ofp_flow_mod_flags`.
    FlowModFlags(u16) "OFPFF_" { SEND_FLOW_REM = 1, CHECK_OVERLAP = 2, EMERG = 4 }
}

codes! {
    /// `ofp_flow_removed_reason`.
    FlowRemovedReason(u8) "OFPRR_" { IDLE_TIMEOUT = 0, HARD_TIMEOUT = 1, DELETE = 2 }
}

/// `ofp_flow_mod`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowMod {
    /// The packets.
    pub matching: Match,
    /// The controller's mark.
    pub cookie: u64,
    /// What to do.
    pub command: FlowModCommand,
    /// Seconds without a packet after which the entry goes; 0 for never.
    pub idle_timeout: u16,
    /// Seconds after which the entry goes; 0 for never.
    pub hard_timeout: u16,
    /// Higher goes first; entries without wildcards go before all.
    pub priority: u16,
    /// A packet held back to apply the entry to, or [`OFP_NO_BUFFER`].
    pub buffer_id: u32,
    /// For deletions: only entries with an output to this port, unless `NONE`.
    pub out_port: PortNo,
    /// Options.
    pub flags: FlowModFlags,
    /// What to do with packets; nothing drops them.
    pub actions: Vec<Action>,
}

wire_struct! {
    /// `ofp_flow_removed`.
    FlowRemoved as "ofp_flow_removed" {
        /// The entry's match.
        matching: Match,
        /// The entry's cookie.
        cookie: u64,
        /// The entry's priority.
        priority: u16,
        /// Why it went.
        reason: FlowRemovedReason,
        /// How long it lived: seconds.
        @1 duration_sec: u32,
        /// And nanoseconds on top.
        duration_nsec: u32,
        /// The entry's idle timeout in seconds.
        idle_timeout: u16,
        /// Packets that it matched.
        @2 packet_count: u64,
        /// Bytes that it matched.
        byte_count: u64,
    }
}

impl FlowMod {
    /// A new entry without actions, timeouts or options.
    #[must_use]
    pub fn add(matching: Match, priority: u16) -> FlowMod {
        FlowMod {
            matching,
            cookie: 0,
            command: FlowModCommand::ADD,
            idle_timeout: 0,
            hard_timeout: 0,
            priority,
            buffer_id: OFP_NO_BUFFER,
            out_port: PortNo::NONE,
            flags: FlowModFlags::NONE,
            actions: Vec::new(),
        }
    }

    /// Appends the whole message with these actions instead of its own, so that a caller can keep both.
    ///
    /// # Errors
    /// When the message exceeds 65,535 bytes; nothing is written then.
    pub fn encode_applying(&self, actions: &[Action], xid: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        write_frame(out, super::VERSION, kind::FLOW_MOD, xid, |w| self.write(actions, w))
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<FlowMod, DecodeError> {
        let matching = r.get("match")?;
        let cookie = r.get("cookie")?;
        let command: FlowModCommand = r.get("command")?;
        if command.name().is_none() {
            return Err(r.fail_as("command", DecodeErrorKind::BadValue, FlowModFailed::BAD_COMMAND));
        }
        Ok(FlowMod {
            matching,
            cookie,
            command,
            idle_timeout: r.get("idle_timeout")?,
            hard_timeout: r.get("hard_timeout")?,
            priority: r.get("priority")?,
            buffer_id: r.get("buffer_id")?,
            out_port: r.get("out_port")?,
            flags: r.get("flags")?,
            actions: read_actions(r.child(r.remaining(), "actions", "ofp_flow_mod")?)?,
        })
    }

    pub(super) fn write(&self, actions: &[Action], w: &mut Writer<'_>) {
        self.matching.put(w);
        w.put(self.cookie);
        w.put(self.command);
        w.put(self.idle_timeout);
        w.put(self.hard_timeout);
        w.put(self.priority);
        w.put(self.buffer_id);
        w.put(self.out_port);
        w.put(self.flags);
        for action in actions {
            action.write(w);
        }
    }
}
