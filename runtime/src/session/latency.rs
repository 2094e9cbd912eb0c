//! How long a switch takes to answer: asked now and then, whether or not it says something by itself. A control channel that
//! shares a jammed link answers late long before it falls silent. Knows nothing of what is done about it.

use std::time::Duration;

use net::{Dpid, Time};

use super::Session;
use crate::dialect::ToSwitch;
use crate::effect::Effects;
use crate::event::Event;
use crate::settings::Settings;

/// Questions that are given up when they were not answered for so many intervals: another is asked.
const GIVEN_UP: u32 = 6;

/// The question that is under way, and what is known of the answers.
#[derive(Debug, Default)]
pub(super) struct Latency {
    /// Its transaction, and when it was asked.
    open: Option<(u32, Time)>,
    /// When the last one was asked.
    asked: Time,
    /// How long the last answer took.
    last: Option<Duration>,
    /// It was told that the switch is slow.
    slow: bool,
}

impl Session {
    /// Asks when it is time, and tells at once of an answer that is overdue.
    pub(super) fn look_at_latency(&mut self, dpid: Dpid, settings: &Settings, now: Time, out: &mut Effects) {
        if let Some((_, asked)) = self.latency.open {
            let waited = now.since(asked);
            self.judge_latency(dpid, waited, false, settings, out);
            if waited >= settings.echo_interval * GIVEN_UP {
                self.latency.open = None;
            }
        } else if now.since(self.latency.asked) >= settings.echo_interval {
            let xid = self.next_xid;
            if self.say(&ToSwitch::EchoRequest, out) {
                self.latency.asked = now;
                self.latency.open = Some((xid, now));
            }
        }
    }

    /// An answer came.
    pub(super) fn echo_answered(&mut self, xid: u32, settings: &Settings, now: Time, out: &mut Effects) {
        let Some((_, asked)) = self.latency.open.filter(|(open, _)| *open == xid) else { return };
        self.latency.open = None;
        self.latency.last = Some(now.since(asked));
        if let Some(dpid) = self.up() {
            self.judge_latency(dpid, now.since(asked), true, settings, out);
        }
    }

    /// How long a message to the switch and its answer took when it was last asked.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.latency.last
    }

    fn judge_latency(&mut self, dpid: Dpid, took: Duration, answered: bool, settings: &Settings, out: &mut Effects) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let slow = took > settings.echo_limit;
        if slow && !self.latency.slow {
            out.event(Event::EchoSlow { dpid, millis });
        } else if !slow && answered && self.latency.slow {
            out.event(Event::EchoPrompt { dpid, millis });
        }
        self.latency.slow = slow || (self.latency.slow && !answered);
    }
}
