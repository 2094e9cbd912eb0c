//! What a session is spoken with while many messages of few kinds are said to its switch, one after the other. Knows nothing of what
//! they are for.

use bytes::BytesMut;
use net::PortNo;
use openflow::ExactEntry;

use super::Session;
use super::sent::Sent;
use crate::dialect::{self, Subject, Version};
use crate::effect::Effects;
use crate::record::FlowId;

/// A session's voice, for as long as nothing else is said with it.
#[derive(Debug)]
pub(crate) struct Voice {
    version: Version,
    next_xid: u32,
    sent: Sent,
    said: BytesMut,
}

impl Voice {
    /// Adds the entry of a flow. False if the version cannot say it.
    pub(crate) fn add(&mut self, flow: FlowId, entry: &ExactEntry<'_>) -> bool {
        let added = dialect::add_exact(self.version, self.next_xid, entry, &mut self.said).is_some();
        if added {
            self.said_for(Subject::Entry, Some(flow));
        }
        added
    }

    /// Sends a packet on its way from port to port: the one that the switch keeps, or this. False if the version cannot say it.
    pub(crate) fn release(&mut self, ports: (PortNo, PortNo), buffer: Option<u32>, data: &[u8]) -> bool {
        let sent = dialect::release(self.version, self.next_xid, (ports, buffer, data), &mut self.said).is_some();
        if sent {
            self.said_for(Subject::PacketOut, None);
        }
        sent
    }

    fn said_for(&mut self, subject: Subject, flow: Option<FlowId>) {
        self.sent.remember(self.next_xid, subject, flow);
        self.next_xid = self.next_xid.checked_add(1).unwrap_or(1);
    }
}

impl Session {
    /// Lends its voice, while a version is agreed.
    pub(crate) fn lend_voice(&mut self, out: &mut Effects) -> Option<Voice> {
        let version = self.version()?;
        let said = std::mem::take(out.buffer(self.conn));
        Some(Voice { version, next_xid: self.next_xid, sent: std::mem::take(&mut self.sent), said })
    }

    /// Takes it back.
    pub(crate) fn take_voice(&mut self, voice: Voice, out: &mut Effects) {
        *out.buffer(self.conn) = voice.said;
        (self.sent, self.next_xid) = (voice.sent, voice.next_xid);
    }
}
