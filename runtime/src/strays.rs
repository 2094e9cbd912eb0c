//! Drop entries that belong to no conversation, each for a while: for packets that nothing brought to their place, for senders
//! that are not believed, for flows without a way, and for ports that ask too much. Knows nothing of why any of it is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use net::{Dpid, FlowMatch, Location, MacAddr, Time};
use rustc_hash::FxHashMap;

use crate::controller::Controller;
use crate::dialect::Actions;
use crate::effect::Effects;
use crate::enforce::Arrival;
use crate::event::{Event, Limit};
use crate::install::{Ends, SENDER_SHED_PRIORITY, SHED_PRIORITY, STRAY_PRIORITY, Slot, Wanted};
use crate::limits::{Blame, Sender};
use crate::record::INFRASTRUCTURE;
use crate::settings::Width;

/// Such entries at one time, in all switches.
const STRAYS: usize = 4096;
/// The same at one port.
const STRAYS_AT_PORT: usize = 256;
/// How long packets of a sender that is not believed, or without a way, are dropped by the switch, in seconds.
const REFUSED: u16 = 2;

/// Why an entry drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No conversation brought it there.
    Stray,
    /// Its sender is not believed, or it has no way: that may change at any time.
    Refused,
    /// There is too much of it.
    Excess,
}

/// The entries, by when they end.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    ends: BTreeMap<(Time, u64), (Why, Dpid, Slot)>,
    at: FxHashMap<Location, usize>,
    refused: usize,
    next: u64,
}

impl Strays {
    fn has_room(&self, at: Location) -> bool {
        self.ends.len() < STRAYS && self.at.get(&at).copied().unwrap_or(0) < STRAYS_AT_PORT
    }

    fn add(&mut self, until: Time, why: Why, dpid: Dpid, slot: Slot) {
        self.next += 1;
        self.ends.insert((until, self.next), (why, dpid, slot));
        self.refused += usize::from(why == Why::Refused);
        if let Some(at) = port_of(dpid, &slot) {
            *self.at.entry(at).or_default() += 1;
        }
    }

    fn remove(&mut self, key: (Time, u64)) -> Option<(Dpid, Slot)> {
        let (why, dpid, slot) = self.ends.remove(&key)?;
        self.refused -= usize::from(why == Why::Refused);
        if let Some(at) = port_of(dpid, &slot)
            && let Some(count) = self.at.get_mut(&at)
        {
            *count -= 1;
            if *count == 0 {
                self.at.remove(&at);
            }
        }
        Some((dpid, slot))
    }

    /// Takes out the next one that has ended.
    fn ended(&mut self, now: Time) -> Option<(Dpid, Slot)> {
        let (key, _) = self.ends.first_key_value().filter(|((until, _), _)| *until <= now)?;
        self.remove(*key)
    }

    /// Takes out those for which it holds.
    fn take(&mut self, holds: impl Fn(Why, Dpid, &Slot) -> bool) -> Vec<(Dpid, Slot)> {
        let all = self.ends.iter().filter(|(_, (why, dpid, slot))| holds(*why, *dpid, slot));
        let keys: Vec<(Time, u64)> = all.map(|(key, _)| *key).collect();
        keys.into_iter().filter_map(|key| self.remove(key)).collect()
    }
}

fn port_of(dpid: Dpid, slot: &Slot) -> Option<Location> {
    slot.region.in_port.map(|port| Location::new(dpid, port))
}

impl Controller {
    /// Stops what no conversation brought here, at its port and for a while: what a middlebox makes of copies, what an old way
    /// left. Whatever a conversation wants there goes before it.
    pub(crate) fn drop_stray(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        if self.may_be_planned(&arrival.key, now) {
            return;
        }
        let seconds = u16::try_from(self.settings.drop_timeout.as_secs()).unwrap_or(u16::MAX);
        self.drop_exactly(arrival, Why::Stray, seconds, now, out);
    }

    /// Stops packets like this for a moment: their sender is not believed, or they have no way.
    pub(crate) fn drop_refused(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        if arrival.key.ip.is_some() {
            self.drop_exactly(arrival, Why::Refused, REFUSED, now, out);
        }
    }

    fn drop_exactly(&mut self, arrival: &Arrival<'_>, why: Why, seconds: u16, now: Time, out: &mut Effects) {
        // Without ports an entry would stop what others have between the same ends.
        let distinct = arrival.key.ip.is_none_or(|ip| ip.transport.is_some());
        if !distinct || !self.has_table_room(arrival.at.dpid, 1) {
            return;
        }
        if !self.strays.has_room(arrival.at) {
            return self.limited(arrival.at, Limit::Strays, now, out);
        }
        let region = FlowMatch { in_port: Some(arrival.at.port), ..FlowMatch::exact(&arrival.key) };
        self.drop_for(arrival.at.dpid, Slot { region, priority: STRAY_PRIORITY }, why, seconds, now, out);
    }

    /// Has a switch drop what matches, for so long. True if it was asked to.
    fn drop_for(&mut self, dpid: Dpid, slot: Slot, why: Why, seconds: u16, now: Time, out: &mut Effects) -> bool {
        let Some(session) = self.switches.up(dpid) else { return false };
        if self.tables.wanted(dpid, &slot).is_some() {
            return false;
        }
        let wanted = Wanted { actions: Actions::new(), cookie: INFRASTRUCTURE, ends: Ends::For(seconds) };
        let sent = self.tables.install((dpid, slot), wanted, session, &self.settings, out).is_ok();
        if sent {
            self.strays.add(now.after(Duration::from_secs(seconds.into())), why, dpid, slot);
        }
        sent
    }

    /// Has the switch of a port drop for a while what the port asks too much: under everything that a conversation wants there.
    pub(crate) fn shut(&mut self, at: Location, blame: Blame, seconds: u16, now: Time, out: &mut Effects) {
        if !self.has_table_room(at.dpid, 1) {
            return;
        }
        let port = FlowMatch { in_port: Some(at.port), ..FlowMatch::default() };
        let region = match blame {
            Blame::Host(mac) => FlowMatch { dl_src: Some(mac), ..port },
            Blame::Kind(kind) => FlowMatch { dl_type: Some(kind), ..port },
            Blame::Port => port,
        };
        let of_sender = matches!(blame, Blame::Host(_)) && self.settings.width == Width::Proactive;
        let priority = if of_sender { SENDER_SHED_PRIORITY } else { SHED_PRIORITY };
        if self.drop_for(at.dpid, Slot { region, priority }, Why::Excess, seconds, now, out) {
            out.event(Event::Shut { at, blame, seconds });
        }
    }

    /// A sender has used up its share of something: its switch drops for a while what is new of it.
    pub(crate) fn shut_sender(&mut self, at: Location, sender: Sender, now: Time, out: &mut Effects) {
        if let Some(seconds) = self.limits.shut_at_once(at, now) {
            self.shut(at, Blame::Host(sender.mac), seconds, now, out);
        }
    }

    /// Forgets drop entries that have ended by themselves.
    pub(crate) fn age_strays(&mut self, now: Time) {
        while let Some((dpid, slot)) = self.strays.ended(now) {
            self.tables.unwant(dpid, &slot);
        }
    }

    /// Takes such entries out of a switch that needs room. How many there were.
    pub(crate) fn evict_strays(&mut self, dpid: Dpid, out: &mut Effects) -> usize {
        let gone = self.strays.take(|_, at, _| at == dpid);
        self.withdraw_all(&gone, out);
        gone.len()
    }

    /// What was refused may be let through now, as the network or the policy is another.
    pub(crate) fn lift_refusals(&mut self, out: &mut Effects) {
        let gone = self.strays.take(|why, _, _| matches!(why, Why::Refused | Why::Stray));
        self.withdraw_all(&gone, out);
    }

    /// The same of packets from or for one station.
    pub(crate) fn lift_refusals_of(&mut self, mac: MacAddr, out: &mut Effects) {
        if self.strays.refused == 0 {
            return;
        }
        let concerns = |slot: &Slot| slot.region.dl_src == Some(mac) || slot.region.dl_dst == Some(mac);
        let gone = self.strays.take(|why, _, slot| why == Why::Refused && concerns(slot));
        self.withdraw_all(&gone, out);
    }

    fn withdraw_all(&mut self, all: &[(Dpid, Slot)], out: &mut Effects) {
        for (dpid, slot) in all {
            self.tables.withdraw(*dpid, slot, self.switches.up(*dpid), out);
        }
    }
}
