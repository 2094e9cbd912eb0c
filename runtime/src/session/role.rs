//! Which role we have with a switch of OpenFlow 1.3 (§6.3.4), and that nothing is said to one that takes changes from another alone.

use std::fmt;

use net::Time;

use super::{Said, Session, Stage};
use crate::dialect::{Role, ToSwitch};
use crate::effect::Effects;
use crate::record::FlowId;
use crate::settings::Settings;

/// How it showed that another controller is the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demotion {
    /// The switch says that we are a slave.
    Told,
    /// It refused a change because we are a slave.
    Refused,
    /// It refused our claim because it knows a newer one.
    Stale,
}

impl Session {
    /// Asks for the role that we have; claims to be the master, where that is wanted.
    pub(super) fn ask_role(&mut self, settings: &Settings, out: &mut Effects) {
        self.say(&ToSwitch::Role { claim: settings.master.then_some(settings.epoch) }, out);
    }

    /// The switch says which role we have.
    pub(super) fn role_told(&mut self, role: Role, settings: &Settings, now: Time, out: &mut Effects) -> Option<Said> {
        match role {
            Role::Slave => self.demoted(Demotion::Told, None, now),
            Role::Equal | Role::Master => {
                if matches!(self.stage, Stage::Standby(..)) {
                    // A slave may have been refused it.
                    self.say(&ToSwitch::SetConfig { miss_send_len: settings.miss_send_len }, out);
                    self.admit(settings, now, out);
                }
                None
            }
        }
    }

    /// Another is the master.
    pub(super) fn demoted(&mut self, why: Demotion, flow: Option<FlowId>, now: Time) -> Option<Said> {
        match self.stage {
            Stage::AwaitHello | Stage::AwaitFeatures(_) | Stage::AwaitPorts(..) | Stage::Pending(..) => None,
            Stage::Standby(_, dpid) => Some(Said::Standby { dpid, why: None, flow }),
            Stage::AwaitFlows(version, dpid, ..) | Stage::Up(version, dpid) => {
                // What it was asked before counts for nothing now: all of it is read anew.
                self.barriers.clear();
                self.enter(Stage::Standby(version, dpid), now);
                Some(Said::Standby { dpid, why: Some(why), flow })
            }
        }
    }

    /// The switch is to show that it lives: another connection says that it is this switch.
    pub(crate) fn prove(&mut self, now: Time, out: &mut Effects) {
        if self.proving.is_none() && self.say(&ToSwitch::EchoRequest, out) {
            self.proving = Some(now);
        }
    }
}

impl fmt::Display for Demotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Demotion::Told => "the switch says that we are a slave",
            Demotion::Refused => "the switch refused a change: we are a slave",
            Demotion::Stale => "the switch knows a master with a newer generation",
        })
    }
}
