//! Leases of trusted servers: the requests that wait for an answer, and what an answer binds. Knows nothing of the bytes of DHCP.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use net::{Location, MacAddr, Prefix, Time, can_be_owned};

use super::{Binding, Loss, Source, name};
use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::{Event, Limit, Suspicion};

/// How long a request waits: a client repeats it within 64 seconds at most (RFC 2131 §4.1).
const PATIENCE: Duration = Duration::from_secs(65);
/// Requests of one port that wait at one time: who makes up clients uses up his own share only.
const PENDING_AT: usize = 64;
/// Requests that wait in all.
const PENDING: usize = 65_536;
/// Answers to one request that are handed on: one or two from each server.
const ANSWERS: u8 = 16;
/// How long servers keep back an address that was declined, as far as is known of them.
const KEPT_BACK: Duration = Duration::from_secs(3600);
/// Declined addresses that are remembered.
const DECLINED: usize = 65_536;
/// Prefixes delegated at one time.
const DELEGATED: usize = 1024;

/// What joins an answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Query {
    /// The client.
    pub(crate) mac: MacAddr,
    /// The client's number for it.
    pub(crate) transaction: u32,
    /// True for DHCP for IPv6.
    pub(crate) v6: bool,
}

#[derive(Clone, Debug)]
struct Pending {
    at: Location,
    since: Time,
    answers: u8,
    name: Option<Box<[u8]>>,
}

/// What a server gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) address: IpAddr,
    pub(crate) seconds: u32,
}

/// Requests and what leases give beside addresses.
#[derive(Debug, Default)]
pub(super) struct Leases {
    pending: HashMap<Query, Pending>,
    pending_at: HashMap<Location, usize>,
    leased_at: HashMap<Location, usize>,
    names: HashMap<MacAddr, Arc<str>>,
    delegated: Vec<Delegated>,
    /// Addresses that were given back as not usable: they count at their port until then.
    declined: VecDeque<(Time, Location)>,
}

/// A prefix behind a station.
#[derive(Clone, Copy, Debug)]
struct Delegated {
    prefix: Prefix,
    mac: MacAddr,
    /// Where the station was.
    at: Location,
    until: Time,
}

impl Leases {
    /// A lease of a station that was here ended.
    pub(super) fn ended(&mut self, at: Location) {
        less(&mut self.leased_at, at);
    }

    /// A station without a lease is called nothing.
    pub(super) fn unname(&mut self, mac: MacAddr) {
        self.names.remove(&mac);
    }

    /// Who got a prefix that this address is in.
    pub(super) fn delegated_to(&self, address: IpAddr) -> Option<MacAddr> {
        self.delegated.iter().find(|one| one.prefix.contains(address)).map(|one| one.mac)
    }

    /// Who got this prefix, or one around it, or one within it; and where that was.
    pub(super) fn delegation(&self, prefix: Prefix) -> Option<(MacAddr, Location)> {
        let meets = |one: &&Delegated| one.prefix.covers(&prefix) || prefix.covers(&one.prefix);
        self.delegated.iter().find(meets).map(|one| (one.mac, one.at))
    }

    /// A station gives a prefix back.
    pub(super) fn undelegate(&mut self, mac: MacAddr, prefix: Prefix) {
        self.delegated.retain(|one| !(one.mac == mac && one.prefix == prefix));
    }

    /// All that a station has beside its addresses.
    pub(super) fn forget(&mut self, mac: MacAddr) {
        self.names.remove(&mac);
        self.delegated.retain(|one| one.mac != mac);
    }

    /// How many leases a port holds, with those that it declined a while ago.
    fn held_at(&self, at: Location) -> usize {
        self.leased_at.get(&at).copied().unwrap_or(0)
    }

    /// An address was declined here: its server keeps it back for a while, and so long it counts as a lease of the port.
    pub(super) fn declined(&mut self, at: Location, now: Time) {
        if self.declined.len() < DECLINED {
            *self.leased_at.entry(at).or_default() += 1;
            self.declined.push_back((now.after(KEPT_BACK), at));
        }
    }

    /// Requests that nobody answered, and delegations that have ended, are forgotten.
    pub(super) fn age(&mut self, now: Time) {
        let counts = &mut self.pending_at;
        self.pending.retain(|_, pending| {
            let waits = now.since(pending.since) < PATIENCE;
            if !waits {
                less(counts, pending.at);
            }
            waits
        });
        self.delegated.retain(|one| one.until > now);
        while let Some((_, at)) = self.declined.pop_front_if(|(until, _)| *until <= now) {
            less(&mut self.leased_at, at);
        }
    }
}

/// One less at a port.
fn less(counts: &mut HashMap<Location, usize>, at: Location) {
    if let Some(count) = counts.get_mut(&at) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&at);
        }
    }
}

impl Controller {
    /// What a station calls itself, by its lease.
    #[must_use]
    pub fn host_name(&self, mac: MacAddr) -> Option<&str> {
        self.hosts.leases.names.get(&mac).map(|name| &**name)
    }

    /// A client asks for something. False if its port has asked for too much.
    pub(crate) fn note_query(&mut self, query: Query, at: Location, name: Option<&[u8]>, now: Time, out: &mut Effects) -> bool {
        let leases = &mut self.hosts.leases;
        if let Some(before) = leases.pending.remove(&query) {
            less(&mut leases.pending_at, before.at);
        }
        let waiting = leases.pending_at.get(&at).copied().unwrap_or(0);
        let leased = leases.held_at(at);
        if waiting >= PENDING_AT || leases.pending.len() >= PENDING || leased >= self.settings.stations_per_port {
            self.limited(at, Limit::Leases, now, out);
            return false;
        }
        *leases.pending_at.entry(at).or_default() += 1;
        leases.pending.insert(query, Pending { at, since: now, answers: 0, name: name.map(Box::from) });
        true
    }

    /// Where the client is whose request this answers, if it still is where it asked.
    pub(crate) fn asker_of(&mut self, query: &Query) -> Option<Location> {
        let pending = self.hosts.leases.pending.get_mut(query)?;
        pending.answers = pending.answers.saturating_add(1);
        let at = pending.at;
        let few = pending.answers <= ANSWERS;
        let there = self.view.station(query.mac).and_then(|station| station.location) == Some(at);
        (few && there).then_some(at)
    }

    /// A trusted server gives an address to the client of a request. False if that cannot be.
    pub(crate) fn grant(&mut self, query: &Query, granted: Granted, at: Location, now: Time, out: &mut Effects) -> bool {
        let (mac, address) = (query.mac, granted.address);
        if !can_be_owned(address) || self.is_reserved(address) {
            self.alarm(mac, at, Suspicion::Reserved, now, out);
            return false;
        }
        if let Some(owner) = self.view.owner(address).filter(|owner| *owner != mac) {
            if self.is_registered(owner, address) && !self.are_one_host(owner, mac) {
                self.alarm(mac, at, Suspicion::AddressOf(owner), now, out);
                return false;
            }
            // Servers tell their clients apart by what these say of themselves, and anyone can say it.
            if self.has_live_lease(owner, address, now) && !self.are_one_host(owner, mac) {
                self.alarm(mac, at, Suspicion::AddressOf(owner), now, out);
                return false;
            }
            // The server is believed more than who merely says so, and knows its own leases better than we do.
            self.lose(owner, address, Loss::Taken, now, out);
        }
        if self.view.owner(address).is_none() && !self.has_room_for_lease(mac, at, now, out) {
            return false;
        }
        self.view.claim(mac, address);
        self.hosts.unbind_address(address);
        self.hosts.withheld.grant(address, mac);
        let until = now.after(Duration::from_secs(granted.seconds.into()));
        self.hosts.bindings.insert(address, Binding { mac, source: Source::Lease, seen: now, until: Some(until), at });
        *self.hosts.leases.leased_at.entry(at).or_default() += 1;
        self.take_name(query, at, out);
        let name = self.hosts.leases.names.get(&mac).cloned();
        out.event(Event::LeaseBound { mac, address, at, seconds: granted.seconds, name });
        self.station_changed(mac, now, out);
        true
    }

    /// True if a station that is attached has the address from a server, and its time is not over.
    fn has_live_lease(&self, mac: MacAddr, address: IpAddr, now: Time) -> bool {
        let binding = self.hosts.bindings.get(&address);
        let lasts = binding
            .is_some_and(|one| one.mac == mac && one.source == Source::Lease && one.until.is_some_and(|until| until > now));
        lasts && self.view.station(mac).is_some_and(|station| station.location.is_some())
    }

    /// A station with as many addresses as it may have gives one up that it merely claimed, for one that a server gave.
    fn has_room_for_lease(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        let Some(station) = self.view.station(mac) else { return false };
        if station.addresses.len() < self.settings.addresses_per_station {
            return true;
        }
        let is_claim = |address: &IpAddr| self.hosts.bindings.get(address).is_some_and(|one| one.source == Source::Claim);
        let weakest = station.addresses.iter().copied().find(is_claim);
        match weakest {
            Some(address) => self.lose(mac, address, Loss::Taken, now, out),
            None => {
                self.limited(at, Limit::Addresses, now, out);
                false
            }
        }
    }

    /// The name that the client gave: one that a declared host or another station has is not taken, nor is what is no name.
    fn take_name(&mut self, query: &Query, at: Location, out: &mut Effects) {
        let said = self.hosts.leases.pending.get(query).and_then(|pending| pending.name.clone());
        let Some(said) = said else { return };
        let own = self.view.station(query.mac).and_then(|station| station.host);
        let taken = |name: &str| {
            let declared = self.policy.hosts.iter().zip(0..).find(|(host, _)| host.name.eq_ignore_ascii_case(name));
            let by_other = self.hosts.leases.names.iter().any(|(mac, other)| *mac != query.mac && **other == *name);
            by_other || declared.is_some_and(|(_, id)| own != Some(lang::checked::HostId(id)))
        };
        match name::canonical(&said).filter(|name| !taken(name)) {
            Some(name) => {
                self.hosts.leases.names.insert(query.mac, name.into());
            }
            None => {
                self.hosts.leases.names.remove(&query.mac);
                out.event(Event::NameRefused { mac: query.mac, at });
            }
        }
    }

    /// A trusted server delegates a prefix: what is in it lies behind the client.
    pub(crate) fn delegate(
        &mut self,
        (mac, at): (MacAddr, Location),
        prefix: Prefix,
        seconds: u32,
        now: Time,
        out: &mut Effects,
    ) {
        let leases = &mut self.hosts.leases;
        leases.undelegate(mac, prefix);
        let foreign = leases.delegation(prefix).is_some();
        let declared = self.inventory.router(prefix.network()).is_some();
        if seconds == 0 || foreign || declared || prefix.length() < 16 || leases.delegated.len() >= DELEGATED {
            return;
        }
        leases.delegated.push(Delegated { prefix, mac, at, until: now.after(Duration::from_secs(seconds.into())) });
        out.event(Event::PrefixDelegated { mac, prefix, seconds });
    }

    /// Who got a prefix that meets this one, and where.
    pub(crate) fn delegation(&self, prefix: Prefix) -> Option<(MacAddr, Location)> {
        self.hosts.leases.delegation(prefix)
    }

    /// A station gives a prefix back.
    pub(crate) fn undelegate(&mut self, mac: MacAddr, prefix: Prefix) {
        self.hosts.leases.undelegate(mac, prefix);
    }

    /// True if a port may say that so many addresses, some of which it has leased, cannot be used: servers keep those back, and
    /// so they count there like leases. Whoever declines one after the other would else leave none for others.
    pub(crate) fn may_decline(&mut self, at: Location, (count, leased): (usize, usize), now: Time, out: &mut Effects) -> bool {
        if self.hosts.leases.held_at(at) + count - leased > self.settings.stations_per_port {
            self.limited(at, Limit::Leases, now, out);
            return false;
        }
        for _ in 0..count {
            self.hosts.leases.declined(at, now);
        }
        true
    }

    /// A request is answered for good.
    pub(crate) fn query_answered(&mut self, query: &Query) {
        if let Some(pending) = self.hosts.leases.pending.remove(query) {
            less(&mut self.hosts.leases.pending_at, pending.at);
        }
    }

    /// All leases of a station end.
    pub(crate) fn end_leases(&mut self, mac: MacAddr, v6: bool, why: Loss, now: Time, out: &mut Effects) {
        for address in self.leased_to(mac, v6) {
            self.lose(mac, address, why, now, out);
        }
        if !v6 {
            self.hosts.leases.names.remove(&mac);
        }
    }

    /// A station asks for a lease here: those that it got elsewhere hold no longer.
    pub(crate) fn end_leases_elsewhere(&mut self, mac: MacAddr, at: Location, v6: bool, now: Time, out: &mut Effects) {
        for address in self.leased_to(mac, v6) {
            if self.hosts.bindings.get(&address).is_some_and(|binding| binding.at != at) {
                self.lose(mac, address, Loss::Moved, now, out);
            }
        }
    }

    /// The addresses that a station has by lease.
    pub(crate) fn leased_to(&self, mac: MacAddr, v6: bool) -> Vec<IpAddr> {
        let station = self.view.station(mac);
        let all = station.into_iter().flat_map(|station| station.addresses.iter().copied());
        all.filter(|address| address.is_ipv6() == v6 && self.hosts.is_leased(*address)).collect()
    }
}
