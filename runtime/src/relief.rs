//! What the controller does when it is asked too much: drops before it looks, tells of it, has switches drop, and gives each port
//! and host no more than its share of a table. Knows nothing of what packets are for.

use net::{Dpid, Location, MacAddr, Time};

use crate::controller::Controller;
use crate::course::Course;
use crate::effect::Effects;
use crate::enforce::Arrival;
use crate::event::{Event, Limit};
use crate::limits::{Asked, Scope, Sender};
use compiler::inventory::Role;

/// Conversations that each port and host may begin, however little room is left.
const LEAST: usize = 16;
/// The part of all conversations that may be begun at one port: one over this.
const PORT_SHARE: usize = 16;
/// Drop entries of one port: one over this of the room that is left.
const DENIALS_OF_PORT: usize = 8;
/// Of one host.
const DENIALS_OF_HOST: usize = 16;
/// And at most, of a port and of a host.
const MOST_DENIALS: (usize, usize) = (1024, 256);

/// What a port or a host has in its switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Conversations that it began.
    pub allowed: usize,
    /// Denials of such.
    pub denied: usize,
}

impl Begun {
    pub(crate) fn of(&mut self, allowed: bool) -> &mut usize {
        if allowed { &mut self.allowed } else { &mut self.denied }
    }

    /// True if there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Begun::default()
    }
}

/// Whose share of a table is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    Host,
    Port,
}

impl Controller {
    /// True if a packet that came up is looked at: neither its sender nor its port nor its switch has sent too many.
    pub(crate) fn admits_packet(&mut self, at: Location, frame: &[u8], now: Time, out: &mut Effects) -> bool {
        let Some(sender) = Sender::of(frame) else { return true };
        let scope = self.scope(at);
        match self.limits.ask(Asked::Packet, (at, scope), sender, &self.prices.packets, now) {
            Ok(()) => true,
            Err(what) => {
                self.shed(at, sender, what, now, out);
                false
            }
        }
    }

    /// The same of a flow that is to be decided.
    pub(crate) fn admits_flow(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) -> bool {
        self.admits_flow_of(arrival.at, arrival.key.dl_src, arrival.key.dl_type, now, out)
    }

    /// The same of a flow from this sender here.
    pub(crate) fn admits_flow_of(
        &mut self,
        at: Location,
        mac: MacAddr,
        kind: net::EtherType,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let sender = Sender { mac, kind };
        match self.limits.ask(Asked::Flow, (at, self.scope(at)), sender, &self.prices.flows, now) {
            Ok(()) => true,
            Err(what) => {
                self.shed(at, sender, what, now, out);
                false
            }
        }
    }

    fn scope(&self, at: Location) -> Scope {
        match self.inventory.role(&self.policy, at) {
            Role::Access => Scope::Edge,
            Role::Open if !self.topology.is_internal(at) => Scope::Edge,
            Role::Open | Role::Uplink | Role::Middlebox(_) | Role::Gateway(_) | Role::Closed => Scope::Trunk,
        }
    }

    /// Drops a packet for a limit, and has the switch drop the like of it where that has gone on for too long.
    pub(crate) fn shed(&mut self, at: Location, sender: Sender, what: Limit, now: Time, out: &mut Effects) {
        self.counters.shed += 1;
        self.limited(at, what, now, out);
        let due = self.limits.exceeded(at, sender, now);
        if let Some((blame, seconds)) = due.filter(|_| self.scope(at) == Scope::Edge) {
            self.shut(at, blame, seconds, now, out);
        }
    }

    /// Tells that a limit was reached: at once, and then once a second with how often.
    pub(crate) fn limited(&mut self, at: Location, what: Limit, now: Time, out: &mut Effects) {
        if let Some(dropped) = self.limits.reached(at, what, now) {
            out.event(Event::Limited { at, what, dropped });
        }
    }

    /// True if a frame may go out of all of these ports because of this one.
    pub(crate) fn may_copy(&mut self, ports: &[Location], at: Location, now: Time, out: &mut Effects) -> bool {
        match self.limits.copy(ports, self.settings.copies, now) {
            Ok(()) => true,
            Err(what) => {
                self.limited(at, what, now, out);
                false
            }
        }
    }

    /// True if hosts are at this port, and nothing that others are behind.
    pub(crate) fn is_for_hosts(&self, at: Location) -> bool {
        self.scope(at) == Scope::Edge
    }

    /// Tells what is left to tell of limits.
    pub(crate) fn age_limits(&mut self, now: Time, out: &mut Effects) {
        for (at, what, dropped) in self.limits.age(now) {
            out.event(Event::Limited { at, what, dropped });
        }
    }

    /// Packets dropped at a port for a limit since the start.
    #[must_use]
    pub fn shed_at(&self, at: Location) -> u64 {
        self.limits.dropped(at)
    }

    /// True if no more may be recorded for a sender: neither in all, nor of its port, nor of its share of the switches on the
    /// way.
    pub(crate) fn may_begin(&mut self, arrival: &Arrival<'_>, course: &Course, now: Time, out: &mut Effects) -> bool {
        let (at, all) = (arrival.at, self.settings.conversations);
        let here = self.begun_at(at);
        if self.conversations() >= all || here.allowed + here.denied >= (all / PORT_SHARE).max(1) {
            self.limited(at, Limit::Conversations, now, out);
            return false;
        }
        let free = course.passes().map(|hop| self.free_entries(hop.dpid)).min().unwrap_or_else(|| self.free_entries(at.dpid));
        let by = self.begun_by(at, arrival.key.dl_src);
        let used_up = if self.scope(at) == Scope::Edge && by.allowed * 2 >= (free / 2).max(LEAST) {
            Some(Share::Host)
        } else {
            (here.allowed * 2 >= free.max(LEAST)).then_some(Share::Port)
        };
        self.within_share(arrival, used_up, Limit::Room, now, out)
    }

    /// True if a conversation within one switch may be begun here, where so many entries are free: no limit stands against it.
    pub(crate) fn may_begin_here(&self, at: Location, mac: MacAddr, free: usize) -> bool {
        let (all, here) = (self.settings.conversations, self.begun_at(at));
        let of_host = (free / 2).max(LEAST);
        self.conversations() < all
            && here.allowed + here.denied < (all / PORT_SHARE).max(1)
            && here.allowed * 2 < free.max(LEAST)
            // What a port has not begun, no host of it has.
            && (here.allowed * 2 < of_host || self.begun_by(at, mac).allowed * 2 < of_host)
    }

    /// How many conversations and denials were begun at this port.
    fn begun_at(&self, at: Location) -> Begun {
        let begun = self.records.begun_at(at);
        Begun { allowed: begun.allowed + self.plains.seats.begun_at(at), ..begun }
    }

    /// How many were begun at this port by this MAC address.
    fn begun_by(&self, at: Location, mac: MacAddr) -> Begun {
        let begun = self.records.begun_by(at, mac);
        Begun { allowed: begun.allowed + self.plains.seats.begun_by(mac), ..begun }
    }

    /// Entries that a switch holds, or is to hold.
    pub(crate) fn entries_at(&self, dpid: Dpid) -> usize {
        self.tables.count(dpid) + self.plains.held(dpid)
    }

    /// True if one more drop entry may be made for a sender. Else what is new of it is dropped by its switch for a while, which
    /// is wider and ends sooner.
    pub(crate) fn may_deny(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) -> bool {
        let at = arrival.at;
        if !self.has_table_room(at.dpid, 1) || self.conversations() >= self.settings.conversations {
            return false;
        }
        let free = self.free_entries(at.dpid);
        let by = self.records.begun_by(at, arrival.key.dl_src).denied;
        let here = self.records.begun_at(at).denied;
        let used_up = if self.scope(at) == Scope::Edge && by >= (free / DENIALS_OF_HOST).clamp(LEAST / 2, MOST_DENIALS.1) {
            Some(Share::Host)
        } else {
            (here >= (free / DENIALS_OF_PORT).clamp(LEAST, MOST_DENIALS.0)).then_some(Share::Port)
        };
        self.within_share(arrival, used_up, Limit::Denials, now, out)
    }

    fn within_share(&mut self, arrival: &Arrival<'_>, used_up: Option<Share>, what: Limit, now: Time, out: &mut Effects) -> bool {
        let (at, sender) = (arrival.at, sender_of(arrival));
        match used_up {
            None => return true,
            Some(Share::Host) => {
                self.limited(at, what, now, out);
                self.shut_sender(at, sender, now, out);
            }
            // Nobody is to blame alone: what goes on is shut as anything that exceeds.
            Some(Share::Port) => self.shed(at, sender, what, now, out),
        }
        false
    }

    /// Entries that a switch can still take.
    pub(crate) fn free_entries(&self, dpid: Dpid) -> usize {
        self.table_size(dpid).saturating_sub(self.entries_at(dpid))
    }

    /// True while what a port does not say proves nothing: some of it is dropped.
    pub(crate) fn is_strained(&self, at: Location, now: Time) -> bool {
        self.limits.is_strained(at, now)
    }
}

fn sender_of(arrival: &Arrival<'_>) -> Sender {
    Sender { mac: arrival.key.dl_src, kind: arrival.key.dl_type }
}

/// Who began something, where.
pub(crate) type Place = (Location, MacAddr);
