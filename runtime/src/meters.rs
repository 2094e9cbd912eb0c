//! Meters of switches: whose packets each counts, and which are believed present. One is of a conversation, or of all that a port sends
//! to everybody. Knows nothing of entries.

use std::collections::BTreeMap;

use lang::checked::Rate;
use net::{Dpid, Location, PortNo};
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
    wanted: Option<(FlowId, Pace)>,
    /// The port whose broadcasts share it, and how many conversations do.
    shared: Option<(PortNo, usize)>,
    /// What the switch has; a meter of another kind than ours has no rate.
    present: Option<Option<Pace>>,
}

/// What a meter lets pass in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// So many bits.
    Bits(Kbps),
    /// So many packets.
    Packets(u32),
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
    pub(crate) fn claim(&mut self, dpid: Dpid, flow: FlowId, pace: Pace, last: u32) -> Option<MeterId> {
        let free = self.free(dpid, last)?;
        let metered = Metered { wanted: Some((flow, pace)), ..Metered::default() };
        self.switches.entry(dpid).or_default().insert(free, metered);
        Some(free)
    }

    /// The meter of a port's broadcasts, for one more conversation: the one that it has, or the first that is free, up to `last`.
    pub(crate) fn share(&mut self, at: Location, flow: FlowId, pace: Pace, last: u32) -> Option<MeterId> {
        if let Some(id) = self.of_port(at) {
            self.join(at, id);
            return Some(id);
        }
        let id = self.claim(at.dpid, flow, pace, last)?;
        self.join(at, id);
        Some(id)
    }

    /// True if [`Meters::share`] would find one.
    pub(crate) fn can_share(&self, at: Location, last: u32) -> bool {
        self.of_port(at).is_some() || self.free(at.dpid, last).is_some()
    }

    fn of_port(&self, at: Location) -> Option<MeterId> {
        let mut meters = self.switches.get(&at.dpid)?.iter();
        meters.find(|(_, one)| one.shared.is_some_and(|(port, _)| port == at.port)).map(|(id, _)| *id)
    }

    fn free(&self, dpid: Dpid, last: u32) -> Option<MeterId> {
        let meters = self.switches.get(&dpid);
        (1..=last).map(MeterId).find(|id| meters.is_none_or(|meters| !meters.contains_key(id)))
    }

    fn join(&mut self, at: Location, id: MeterId) {
        if let Some(metered) = self.switches.get_mut(&at.dpid).and_then(|meters| meters.get_mut(&id)) {
            let users = metered.shared.map_or(0, |(_, users)| users);
            metered.shared = Some((at.port, users + 1));
        }
    }

    /// The conversation of an earlier run keeps the meter that its entry names, if nobody else has it by now.
    pub(crate) fn keep(&mut self, dpid: Dpid, flow: FlowId, pace: Pace, id: MeterId) -> bool {
        let metered = self.switches.entry(dpid).or_default().entry(id).or_default();
        let free = metered.wanted.is_none();
        if free {
            metered.wanted = Some((flow, pace));
        }
        free
    }

    /// The same with a meter of a port's broadcasts, which others of that port may have kept before.
    pub(crate) fn keep_shared(&mut self, at: Location, flow: FlowId, pace: Pace, id: MeterId) -> bool {
        let kept = match self.of_port(at) {
            Some(own) => own == id,
            None => self.keep(at.dpid, flow, pace, id),
        };
        if kept {
            self.join(at, id);
        }
        kept
    }

    /// Makes the switch hold a wanted meter. True if it does, or will.
    pub(crate) fn settle(&mut self, dpid: Dpid, id: MeterId, session: &mut Session, out: &mut Effects) -> bool {
        let Some(metered) = self.switches.get_mut(&dpid).and_then(|meters| meters.get_mut(&id)) else { return false };
        let Some((flow, pace)) = metered.wanted else { return false };
        if metered.present == Some(Some(pace)) {
            return true;
        }
        let message = match metered.present {
            Some(_) => ToSwitch::ChangeMeter { id, pace },
            None => ToSwitch::AddMeter { id, pace },
        };
        let said = session.say_for(flow, &message, out).is_ok();
        // The switch may do what comes next first, unless a barrier stands between (OpenFlow 1.3.5 §6.2).
        if said && session.say(&ToSwitch::Barrier, out) {
            metered.present = Some(Some(pace));
        }
        said
    }

    /// One conversation wants the meter no more; with the last it goes. The entries that use it are deleted before.
    pub(crate) fn release(&mut self, dpid: Dpid, id: MeterId, session: Option<&mut Session>, out: &mut Effects) {
        let Some(meters) = self.switches.get_mut(&dpid) else { return };
        if let Some((_, users)) = meters.get_mut(&id).and_then(|metered| metered.shared.as_mut()).filter(|(_, users)| *users > 1)
        {
            *users -= 1;
            return;
        }
        let present = meters.remove(&id).is_some_and(|metered| metered.present.is_some());
        if let Some(session) = session.filter(|_| present) {
            session.say(&ToSwitch::Barrier, out);
            session.say(&ToSwitch::DeleteMeter { id }, out);
        }
    }

    /// The switch told which meters it has, when it connected.
    pub(crate) fn found(&mut self, dpid: Dpid, found: &[(MeterId, Option<Pace>)]) {
        let meters = self.switches.entry(dpid).or_default();
        for (id, pace) in found {
            meters.entry(*id).or_default().present = Some(*pace);
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
        let missing = meters.filter(|(_, one)| one.wanted.is_some_and(|(_, pace)| one.present != Some(Some(pace))));
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
        let pace = |kbps| Pace::Bits(Kbps(kbps));
        meters.found(dpid, &[(MeterId(1), Some(pace(5))), (MeterId(3), None)]);
        assert_eq!(meters.claim(dpid, flow, pace(9), 3), Some(MeterId(2)));
        assert_eq!(meters.claim(dpid, flow, pace(9), 3), None);
        assert_eq!(meters.unwanted(dpid), [MeterId(1), MeterId(3)]);
        assert!(meters.keep(dpid, flow, pace(6), MeterId(1)));
        assert!(!meters.keep(dpid, FlowId(8), pace(6), MeterId(1)));
        assert_eq!(meters.missing(dpid), [MeterId(1), MeterId(2)], "one has another rate, the other is not there");
        meters.disconnected(dpid);
        assert_eq!(meters.unwanted(dpid), []);
    }

    #[test]
    fn the_broadcasts_of_a_port_share_one_meter_until_the_last_is_gone() {
        let (mut meters, pace, mut out) = (Meters::default(), Pace::Packets(9), Effects::default());
        let at = |port| Location::new(Dpid(1), PortNo(port));
        assert_eq!(meters.share(at(1), FlowId(1), pace, 2), Some(MeterId(1)));
        assert_eq!(meters.share(at(1), FlowId(2), pace, 2), Some(MeterId(1)));
        assert_eq!(meters.share(at(2), FlowId(3), pace, 2), Some(MeterId(2)));
        assert!(meters.can_share(at(2), 2) && !meters.can_share(at(3), 2));
        meters.release(Dpid(1), MeterId(1), None, &mut out);
        assert_eq!(meters.share(at(3), FlowId(4), pace, 2), None, "one still has it");
        meters.release(Dpid(1), MeterId(1), None, &mut out);
        assert_eq!(meters.share(at(3), FlowId(4), pace, 2), Some(MeterId(1)));
        assert!(
            meters.keep_shared(at(3), FlowId(5), pace, MeterId(1)) && !meters.keep_shared(at(3), FlowId(6), pace, MeterId(2))
        );
    }
}
