//! What was said on a connection and not heard yet. Knows nothing of what it says.

use bytes::BytesMut;
use net::{Dpid, Time};

use super::{Session, Stage};
use crate::dialect::Version;

impl Session {
    /// The version, and the switch, while it takes flows.
    #[must_use]
    pub fn in_use(&self) -> Option<(Version, Dpid)> {
        if let Stage::Up(version, dpid) = self.stage { Some((version, dpid)) } else { None }
    }

    /// True if a packet-in is the first of what was said and not heard yet.
    pub(crate) fn begins_with_packet(&self, version: Version) -> bool {
        const PACKET_IN: u8 = 10;
        matches!(*self.input, [wire, PACKET_IN, ..] if wire == version.wire())
    }

    /// Hands out what was said and not heard yet, for as long as nothing else is done with the session.
    pub(crate) fn take_input(&mut self) -> BytesMut {
        std::mem::take(&mut self.input)
    }

    /// Takes back what is left of it; whole messages were heard, if it is less.
    pub(crate) fn give_back(&mut self, input: BytesMut, heard: Option<Time>) {
        self.input = input;
        if let Some(now) = heard {
            (self.heard, self.asked, self.proving) = (now, 0, None);
        }
    }

    /// Takes in bytes; [`Session::next`] tells what they say.
    pub fn receive(&mut self, bytes: BytesMut) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input.extend_from_slice(&bytes);
        }
    }
}
