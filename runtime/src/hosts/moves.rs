//! Stations that are seen at another port than their own: believed when the old place is proved empty, put in quarantine there when
//! it is proved not to be. Knows nothing of addresses beyond that they can be asked for.

use std::net::IpAddr;

use net::{FlowMatch, Location, MacAddr, Time};

use crate::controller::Controller;
use crate::dialect::{Action, Actions};
use crate::effect::Effects;
use crate::event::{Event, Limit, Suspicion};
use crate::install::{Ends, QUARANTINE_PRIORITY, Slot, Wanted};
use crate::record::INFRASTRUCTURE;

/// Questions that an old place must leave unanswered before a move is believed: one may get lost.
const QUESTIONS: u32 = 3;
/// Addresses of one station that its old place is asked for, at most.
const ASKED: usize = 16;
/// Moves that may be in question at one time.
const MOVES: usize = 4096;
/// Places remembered where somebody was seen who is elsewhere.
const CONFLICTS: usize = 4096;
/// Two conflicts within so many seconds are no roaming.
const FLAPPING: u64 = 5;
/// Stations in quarantine at one time.
const QUARANTINED: usize = 1024;
/// Of these at one port.
const QUARANTINED_AT: usize = 16;
/// Stations that may be about to move to one port.
const MOVES_TO: usize = 64;

/// A station that sends from another place than its own, which has not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    to: Location,
    /// Questions sent to the old place.
    asked: u32,
    /// When the next is due, or when silence counts as an answer.
    next: Time,
}

impl Controller {
    /// A station speaks at its own place: whoever claims to be it elsewhere is not.
    pub(super) fn still_there(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) {
        let Some(attempt) = self.hosts.moves.remove(&mac) else { return };
        let place = (attempt.to, mac);
        if self.hosts.conflicts.len() >= CONFLICTS {
            self.hosts.conflicts.clear();
        }
        let last = self.hosts.conflicts.insert(place, now);
        let flaps = last.is_some_and(|last| now.since(last).as_secs() < FLAPPING);
        if flaps && self.may_quarantine(attempt.to, now, out) {
            return self.quarantine(mac, attempt.to, now, out);
        }
        self.alarm(mac, attempt.to, Suspicion::StillAt(at), now, out);
    }

    /// True if one more sender may be put in quarantine at a port.
    pub(crate) fn may_quarantine(&mut self, at: Location, now: Time, out: &mut Effects) -> bool {
        let here = self.hosts.quarantined.range((at, MacAddr::ZERO)..=(at, MacAddr([0xff; 6]))).count();
        let may = here < QUARANTINED_AT && self.hosts.quarantined.len() < QUARANTINED && self.has_table_room(at.dpid, 1);
        if !may {
            self.limited(at, Limit::Quarantines, now, out);
        }
        may
    }

    /// Drops what a port sends under this MAC address, in the switch itself. Its owner, elsewhere, hears nothing of it.
    pub(crate) fn quarantine(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) {
        let lasts = self.settings.quarantine;
        self.counters.spoofed += 1;
        self.hosts.quarantined.insert((at, mac), now.after(lasts));
        let wanted = Wanted { actions: Actions::new(), cookie: INFRASTRUCTURE, ends: Ends::Never };
        self.tables.want(at.dpid, quarantine_slot(at, mac), wanted);
        self.settle_entry(at.dpid, &quarantine_slot(at, mac), out);
        out.event(Event::Quarantined { mac, at, seconds: lasts.as_secs() });
    }

    /// Ends the quarantines whose time has passed.
    pub(super) fn end_quarantines(&mut self, now: Time, out: &mut Effects) {
        let over: Vec<(Location, MacAddr)> =
            self.hosts.quarantined.iter().filter(|(_, until)| **until <= now).map(|(place, _)| *place).collect();
        for (at, mac) in over {
            self.end_quarantine(at, mac, out);
        }
        self.hosts.conflicts.retain(|_, last| now.since(*last).as_secs() < FLAPPING);
    }

    /// The owner of a MAC address left its place: it may be anywhere now.
    pub(super) fn lift_quarantines(&mut self, mac: MacAddr, out: &mut Effects) {
        let all: Vec<Location> = self.hosts.quarantined.keys().filter(|(_, one)| *one == mac).map(|(at, _)| *at).collect();
        for at in all {
            self.end_quarantine(at, mac, out);
        }
    }

    fn end_quarantine(&mut self, at: Location, mac: MacAddr, out: &mut Effects) {
        self.hosts.quarantined.remove(&(at, mac));
        self.tables.unwant(at.dpid, &quarantine_slot(at, mac));
        self.settle_entry(at.dpid, &quarantine_slot(at, mac), out);
    }

    /// A station that is attached elsewhere sends here: believed at once if its old port is down, else once the old place has
    /// not answered in time.
    pub(super) fn consider_move(&mut self, mac: MacAddr, bound: Location, at: Location, now: Time, out: &mut Effects) -> bool {
        if let Some(pin) = self.pin_of(mac).filter(|pin| *pin != at) {
            self.alarm(mac, at, Suspicion::Pinned(pin), now, out);
            return false;
        }
        if !self.topology.is_up(bound) && self.switches.is_up(bound.dpid) {
            return self.relocate(mac, bound, at, now, out);
        }
        if !self.hosts.moves.contains_key(&mac) && self.may_question(at, now, out) {
            self.question_move(mac, bound, Move { to: at, asked: 0, next: now }, now, out);
        }
        false
    }

    /// True if one more station may be about to move to this port: whoever makes them up uses up the share of his port.
    fn may_question(&mut self, at: Location, now: Time, out: &mut Effects) -> bool {
        let may = self.hosts.moves.len() < MOVES
            && self.hosts.moving.count(at, now) <= self.settings.relays_per_second
            && self.hosts.moves.values().filter(|one| one.to == at).count() < MOVES_TO;
        if !may {
            self.limited(at, Limit::Moves, now, out);
        }
        may
    }

    /// Asks the old place once more. A place that cannot be asked keeps its station until its port goes down: no switch there to
    /// ask through, or no address to ask for.
    fn question_move(&mut self, mac: MacAddr, bound: Location, attempt: Move, now: Time, out: &mut Effects) {
        let mut addresses: Vec<IpAddr> = self.view.station(mac).into_iter().flat_map(|s| s.addresses.iter().copied()).collect();
        // A router answers for its own, and not for those behind it.
        addresses.sort_by_key(|address| self.router_of(*address) == Some(mac));
        if addresses.is_empty() || !self.switches.is_up(bound.dpid) {
            return self.alarm(mac, attempt.to, Suspicion::StillAt(bound), now, out);
        }
        for address in addresses.into_iter().take(ASKED) {
            let frame = self.question(address);
            self.send_frame(bound.dpid, None, &frame, &[Action::Output(bound.port)], out);
        }
        let next = now.after(self.settings.move_probe / QUESTIONS);
        self.hosts.moves.insert(mac, Move { asked: attempt.asked + 1, next, ..attempt });
    }

    fn relocate(&mut self, mac: MacAddr, from: Location, to: Location, now: Time, out: &mut Effects) -> bool {
        if !self.has_room(to, now, out) {
            return false;
        }
        if !self.view.attach(mac, to, &self.policy) {
            return false;
        }
        out.event(Event::StationMoved { mac, from, to });
        self.station_changed(mac, now, out);
        true
    }

    /// Moves whose old place has not answered in time are believed.
    pub(super) fn settle_moves(&mut self, now: Time, out: &mut Effects) {
        let mut due: Vec<(MacAddr, Move)> =
            self.hosts.moves.iter().filter(|(_, one)| one.next <= now).map(|(mac, one)| (*mac, *one)).collect();
        due.sort_unstable_by_key(|(mac, _)| *mac);
        for (mac, attempt) in due {
            self.hosts.moves.remove(&mac);
            if !self.is_edge(attempt.to) || !self.topology.is_up(attempt.to) {
                continue;
            }
            let Some(from) = self.view.station(mac).and_then(|station| station.location) else { continue };
            // Of what it says something may be dropped: its silence proves nothing.
            if attempt.asked < QUESTIONS || self.is_strained(from, now) {
                self.question_move(mac, from, attempt, now, out);
            } else {
                self.relocate(mac, from, attempt.to, now, out);
            }
        }
    }
}

fn quarantine_slot(at: Location, mac: MacAddr) -> Slot {
    let region = FlowMatch { in_port: Some(at.port), dl_src: Some(mac), ..FlowMatch::default() };
    Slot { region, priority: QUARANTINE_PRIORITY }
}
