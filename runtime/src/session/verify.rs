//! Reads back what a switch in use holds. Knows nothing of what it should hold.

use std::time::Duration;

use net::Time;

use super::{FLOWS_LIMIT, Said, Session, Stage};
use crate::dialect::{Present, ToSwitch};
use crate::effect::Effects;

/// How long the whole answer may take; then it is given up, and asked for anew when it is time again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A question that is under way.
#[derive(Debug)]
pub(super) struct Verifying {
    xid: u32,
    asked: Time,
    found: Vec<Present>,
}

impl Session {
    /// Asks what the switch holds, unless that is being asked already. True if it is asked now.
    pub fn ask_held(&mut self, now: Time, out: &mut Effects) -> bool {
        let waits = self.verifying.as_ref().is_some_and(|asked| now.since(asked.asked) < PATIENCE);
        if waits || !matches!(self.stage, Stage::Up(..)) {
            return false;
        }
        let xid = self.next_xid;
        let said = self.say(&ToSwitch::FlowsRequest, out);
        self.verifying = said.then(|| Verifying { xid, asked: now, found: Vec::new() });
        said
    }

    /// A part of the answer. An answer that is more than can be, or to nothing that was asked, is none.
    pub(super) fn verified(&mut self, xid: u32, mut part: Vec<Present>, more: bool) -> Option<Said> {
        let Stage::Up(_, dpid) = self.stage else { return None };
        let asked = self.verifying.as_mut().filter(|asked| asked.xid == xid)?;
        asked.found.append(&mut part);
        if asked.found.len() > FLOWS_LIMIT {
            self.verifying = None;
            return None;
        }
        if more {
            return None;
        }
        self.verifying.take().map(|asked| Said::Verified(dpid, asked.found))
    }
}
