//! Meters of switches: whose packets each counts, and which are believed present. Knows nothing of entries.

use std::collections::BTreeMap;

use lang::checked::Rate;
use net::Dpid;
use rustc_hash::FxHashMap;

use crate::dialect::{MeterId, ToSwitch};
use crate::effect::Effects;
use crate::record::FlowId;
use crate::session::Session;

/// The meters of every switch.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    switches: FxHashMap<Dpid, BTreeMap<MeterId, Metered>>,
}

/// One meter; never one that is neither wanted nor present.
#[derive(Clone, Copy, Debug, Default)]
struct Metered {
    wanted: Option<(FlowId, Kbps)>,
    /// What the switch has; a meter of another kind than ours has no rate.
    present: Option<Option<Kbps>>,
}

/// A rate in the unit of a meter: 1000 bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kbps(pub u32);

impl Kbps {
    /// The greatest rate that is no more than this; nothing if it is less than a meter can say.
    #[must_use]
    pub fn within(rate: Rate) -> Option<Kbps> {
        u32::try_from(rate.0 / 1000).map_or(Some(Kbps(u32::MAX)), |kbps| (kbps > 0).then_some(Kbps(kbps)))
    }
}

impl Meters {
    /// A meter for a conversation that enters at this switch: the first that is free, up to `last`.
    pub(crate) fn claim(&mut self, dpid: Dpid, flow: FlowId, rate: Kbps, last: u32) -> Option<MeterId> {
        let meters = self.switches.entry(dpid).or_default();
        let free = (1..=last).map(MeterId).find(|id| !meters.contains_key(id))?;
        meters.insert(free, Metered { wanted: Some((flow, rate)), present: None });
        Some(free)
    }

    /// The conversation of an earlier run keeps the meter that its entry names, if nobody else has it by now.
    pub(crate) fn keep(&mut self, dpid: Dpid, flow: FlowId, rate: Kbps, id: MeterId) -> bool {
        let metered = self.switches.entry(dpid).or_default().entry(id).or_default();
        let free = metered.wanted.is_none();
        if free {
            metered.wanted = Some((flow, rate));
        }
        free
    }

    /// Makes the switch hold a wanted meter. True if it does, or will.
    pub(crate) fn settle(&mut self, dpid: Dpid, id: MeterId, session: &mut Session, out: &mut Effects) -> bool {
        let Some(metered) = self.switches.get_mut(&dpid).and_then(|meters| meters.get_mut(&id)) else { return false };
        let Some((flow, rate)) = metered.wanted else { return false };
        if metered.present == Some(Some(rate)) {
            return true;
        }
        let message = match metered.present {
            Some(_) => ToSwitch::ChangeMeter { id, rate },
            None => ToSwitch::AddMeter { id, rate },
        };
        let said = session.say_for(flow, &message, out).is_ok();
        // The switch may do what comes next first, unless a barrier stands between (OpenFlow 1.3.5 §6.2).
        if said && session.say(&ToSwitch::Barrier, out) {
            metered.present = Some(Some(rate));
        }
        said
    }

    /// Nobody wants the meter any more. The entries that use it are deleted before.
    pub(crate) fn release(&mut self, dpid: Dpid, id: MeterId, session: Option<&mut Session>, out: &mut Effects) {
        let Some(meters) = self.switches.get_mut(&dpid) else { return };
        let present = meters.remove(&id).is_some_and(|metered| metered.present.is_some());
        if let Some(session) = session.filter(|_| present) {
            session.say(&ToSwitch::Barrier, out);
            session.say(&ToSwitch::DeleteMeter { id }, out);
        }
    }

    /// The switch told which meters it has, when it connected.
    pub(crate) fn found(&mut self, dpid: Dpid, found: &[(MeterId, Option<Kbps>)]) {
        let meters = self.switches.entry(dpid).or_default();
        for (id, rate) in found {
            meters.entry(*id).or_default().present = Some(*rate);
        }
    }

    /// The connection is gone: what the switch has will be told when it is back.
    pub(crate) fn disconnected(&mut self, dpid: Dpid) {
        if let Some(meters) = self.switches.get_mut(&dpid) {
            meters.retain(|_, metered| {
                metered.present = None;
                metered.wanted.is_some()
            });
        }
    }

    /// Wanted meters that the switch is not known to have, or has otherwise.
    pub(crate) fn missing(&self, dpid: Dpid) -> Vec<MeterId> {
        let meters = self.switches.get(&dpid).into_iter().flatten();
        let missing = meters.filter(|(_, one)| one.wanted.is_some_and(|(_, rate)| one.present != Some(Some(rate))));
        missing.map(|(id, _)| *id).collect()
    }

    /// Meters that the switch has and nobody wants.
    pub(crate) fn unwanted(&self, dpid: Dpid) -> Vec<MeterId> {
        let meters = self.switches.get(&dpid).into_iter().flatten();
        meters.filter(|(_, metered)| metered.wanted.is_none()).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_never_more_than_was_said() {
        assert_eq!(Kbps::within(Rate(1_999)), Some(Kbps(1)));
        assert_eq!(Kbps::within(Rate(999)), None);
        assert_eq!(Kbps::within(Rate(u64::MAX)), Some(Kbps(u32::MAX)));
    }

    #[test]
    fn meters_are_claimed_from_the_first_that_is_free_and_no_further_than_the_switch_has() {
        let (mut meters, dpid, flow) = (Meters::default(), Dpid(1), FlowId(7));
        meters.found(dpid, &[(MeterId(1), Some(Kbps(5))), (MeterId(3), None)]);
        assert_eq!(meters.claim(dpid, flow, Kbps(9), 3), Some(MeterId(2)));
        assert_eq!(meters.claim(dpid, flow, Kbps(9), 3), None);
        assert_eq!(meters.unwanted(dpid), [MeterId(1), MeterId(3)]);
        assert!(meters.keep(dpid, flow, Kbps(6), MeterId(1)));
        assert!(!meters.keep(dpid, FlowId(8), Kbps(6), MeterId(1)));
        assert_eq!(meters.missing(dpid), [MeterId(1), MeterId(2)], "one has another rate, the other is not there");
        meters.disconnected(dpid);
        assert_eq!(meters.unwanted(dpid), []);
    }
}
