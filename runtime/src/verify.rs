//! Looks at what switches hold, now and then and when one says something odd, and puts right what differs; and what is done about
//! a switch whose table is full. Knows nothing of how entries are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lang::checked::Verdict;
use net::{Dpid, Time};

use crate::controller::Controller;
use crate::course::Course;
use crate::dialect::Present;
use crate::effect::Effects;
use crate::event::Event;
use crate::plain::PlainId;

/// Least time between two looks at a switch that says odd things.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a switch whose table is full gets no new conversation.
const RESPITE: Duration = Duration::from_secs(1);

/// How long it is remembered how much room a switch has shown that it has.
const REMEMBERED: Duration = Duration::from_secs(300);
/// The least room that is believed.
const LEAST_ROOM: usize = 16;
/// The room of a switch that did not tell: as many entries as are read when one connects.
const UNTOLD: usize = 2_000_000;

/// When switches were looked at, and which are full.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    /// When each switch is to be asked next what it holds.
    next: BTreeMap<Dpid, Time>,
    /// When each switch was asked that has not answered yet.
    pub(crate) asked: BTreeMap<Dpid, Time>,
    /// Plain conversations that were opened at such a switch since.
    pub(crate) opened: BTreeSet<(Dpid, PlainId)>,
    /// Since when each switch that is to hold something is out of reach.
    away: BTreeMap<Dpid, Time>,
    /// Until when each switch with a full table is spared.
    full: BTreeMap<Dpid, Time>,
    /// How many entries switches held when they were full, and until when that is remembered.
    learned: BTreeMap<Dpid, (usize, Time)>,
}

impl Verification {
    /// The switch is out of reach: how much it takes may be another when it is back.
    pub(crate) fn forget(&mut self, dpid: Dpid) {
        self.learned.remove(&dpid);
        self.asked.remove(&dpid);
        self.opened.retain(|(at, _)| *at != dpid);
    }

    /// True if a switch has been out of reach for so long.
    pub(crate) fn is_away(&self, dpid: Dpid, long: Duration, now: Time) -> bool {
        self.away.get(&dpid).is_some_and(|since| now.since(*since) >= long)
    }
}

impl Controller {
    /// Asks the switches whose turn it is what they hold.
    pub(crate) fn verify_in_turn(&mut self, now: Time, out: &mut Effects) {
        let wanted = self.tables.switches();
        self.verification.away.retain(|dpid, _| !self.switches.is_up(*dpid));
        for dpid in wanted.into_iter().filter(|dpid| !self.switches.is_up(*dpid)) {
            self.verification.away.entry(dpid).or_insert(now);
        }
        let interval = self.settings.verify_interval;
        self.verification.full.retain(|_, until| *until > now);
        self.verification.learned.retain(|_, (_, until)| *until > now);
        // What an earlier run left is not judged before the network is found: until then nobody knows what is wanted.
        if interval.is_zero() || self.adoption.is_waiting() {
            return;
        }
        for dpid in self.topology.switches() {
            let next = self.verification.next.entry(dpid).or_insert_with(|| now.after(interval));
            if *next <= now {
                *next = now.after(interval);
                self.ask_held(dpid, now, out);
            }
        }
    }

    /// A switch said something that does not go with what it is believed to hold: it is asked soon.
    pub(crate) fn doubt(&mut self, dpid: Dpid, now: Time) {
        let soon = now.after(PAUSE);
        if !self.settings.verify_interval.is_zero() {
            let next = self.verification.next.entry(dpid).or_insert(soon);
            *next = (*next).min(soon);
        }
    }

    fn ask_held(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        if self.switches.up(dpid).is_some_and(|session| session.ask_held(now, out)) {
            self.tables.verify_begins(dpid);
            self.verification.asked.insert(dpid, now);
        }
    }

    /// A switch told what it holds.
    pub(crate) fn verified(&mut self, dpid: Dpid, mut found: Vec<Present>, now: Time, out: &mut Effects) {
        if self.adoption.is_waiting() {
            return;
        }
        self.heard_through_entries(dpid, &found, now);
        let asked = self.verification.asked.remove(&dpid).unwrap_or(now);
        self.verify_plain(dpid, &mut found, asked);
        self.verification.opened.retain(|(at, _)| *at != dpid);
        let Some(session) = self.switches.up(dpid) else { return };
        let repair = self.tables.verify(dpid, &found, session, &self.settings, out);
        if repair.added + repair.removed + repair.foreign > 0 {
            let (added, removed, foreign) = (repair.added, repair.removed, repair.foreign);
            out.event(Event::Repaired { dpid, added, removed, foreign });
        }
    }

    /// A switch has no room for another entry: drop entries make room, and it gets no new conversation for a while. What stands
    /// stays.
    pub(crate) fn table_full(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        let news = self.verification.full.insert(dpid, now.after(RESPITE)).is_none();
        if news {
            // What it said that it takes, it does not. Of several refusals at once the first tells how much that is.
            let held = self.entries_at(dpid).saturating_sub(1).max(LEAST_ROOM);
            self.verification.learned.insert(dpid, (held, now.after(REMEMBERED)));
        }
        self.unplan_switch(dpid, now, out);
        let strays = self.evict_strays(dpid, out);
        let denials = self.records.select(|one| one.template.verdict != Verdict::Allow && one.ingress.dpid == dpid);
        let evicted = denials.len() + strays;
        for id in denials {
            self.forget(id, out);
        }
        if news {
            out.event(Event::TableFull { dpid, evicted });
        }
    }

    /// True if a switch may take entries of something new.
    pub(crate) fn has_table_room(&self, dpid: Dpid, more: usize) -> bool {
        let fits = self.entries_at(dpid) + more <= self.table_size(dpid);
        fits && !self.verification.full.contains_key(&dpid)
    }

    /// How many entries a switch takes: as it told, or as it showed.
    pub(crate) fn table_size(&self, dpid: Dpid) -> usize {
        let told = self.switches.capabilities(dpid).and_then(|own| own.max_entries(0));
        let told = told.map_or(UNTOLD, |told| usize::try_from(told).unwrap_or(usize::MAX));
        self.verification.learned.get(&dpid).map_or(told, |(learned, _)| told.min(*learned))
    }

    /// A switch that would have no room for the entries of a conversation that takes this course.
    pub(crate) fn first_full(&self, course: &Course) -> Option<Dpid> {
        let mut needed: BTreeMap<Dpid, usize> = BTreeMap::new();
        if let Some(tree) = course.tree() {
            needed.extend(tree.entrances().into_keys().map(|dpid| (dpid, 1)));
        } else {
            for hop in course.passes() {
                *needed.entry(hop.dpid).or_default() += 2;
            }
        }
        needed.into_iter().find(|(dpid, more)| !self.has_table_room(*dpid, *more)).map(|(dpid, _)| dpid)
    }
}
