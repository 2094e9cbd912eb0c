//! What time does to what is known of hosts. A conversation whose entries stand keeps its ends alive, however silent they are for us:
//! its packets pass without our seeing them. Knows nothing of how anything was learned.

use std::net::IpAddr;
use std::time::Duration;

use lang::checked::Verdict;
use net::{Location, MacAddr, Time};

use super::{Binding, Loss, Source};
use crate::controller::Controller;
use crate::effect::Effects;
use crate::neighbour::CONTESTED;
use crate::plain::Plain;
use crate::record::Conversation;

/// How often addresses are looked at.
const ADDRESSES: Duration = Duration::from_secs(1);
/// How often stations are.
const STATIONS: Duration = Duration::from_secs(30);

impl Controller {
    /// Looks at the clock: what is due becomes true, and what has been silent for too long is forgotten.
    pub(crate) fn age_hosts(&mut self, now: Time, out: &mut Effects) {
        self.settle_moves(now, out);
        self.settle_cards(now, out);
        self.settle_tentative(now, out);
        self.end_quarantines(now, out);
        let patience = self.settings.move_probe * 3;
        self.hosts.askers.retain(|_, question| now.since(question.first) < patience);
        self.hosts.relays.age(now);
        self.hosts.asked.age(now);
        self.hosts.refused.age(now);
        self.hosts.moving.age(now);
        self.hosts.alarmed.age(now);
        self.hosts.contests.age_within(CONTESTED, now);
        let [addresses, stations] = self.hosts.next_ageing;
        if now >= addresses || now >= stations {
            self.tell_heard();
        }
        if now >= addresses {
            self.hosts.next_ageing = [now.after(ADDRESSES), stations];
            self.hosts.leases.age(now);
            self.hosts.withheld.age(now);
            self.scans.age(self.settings.scanning.window, now);
            self.hosts.advertised.retain(|(_, until)| *until > now);
            self.age_addresses(now, out);
        }
        if now >= stations {
            self.hosts.next_ageing = [now.after(ADDRESSES), now.after(STATIONS)];
            self.age_stations(now, out);
            self.forget_undeclared(now, out);
        }
    }

    /// Addresses behind a host that the policy in force puts there no longer, and those that it gave to others.
    fn forget_undeclared(&mut self, now: Time, out: &mut Effects) {
        let bindings = self.hosts.bindings.iter().map(|(address, one)| (*address, *one));
        let mut gone: Vec<(IpAddr, Binding)> = bindings
            .filter(|(address, one)| match self.view.owner(*address) {
                Some(owner) if owner == one.mac => {
                    one.source == Source::Registration
                        && !self.router_of(*address).is_some_and(|router| self.are_one(router, owner))
                }
                _ => true,
            })
            .collect();
        gone.sort_unstable_by_key(|(address, _)| *address);
        for (address, binding) in gone {
            self.lose(binding.mac, address, Loss::Undeclared, now, out);
        }
    }

    fn are_one(&self, one: MacAddr, other: MacAddr) -> bool {
        one == other || self.are_one_host(one, other)
    }

    fn age_addresses(&mut self, now: Time, out: &mut Effects) {
        let lifetime = self.settings.address_lifetime;
        let is_due = |binding: &Binding| match binding.source {
            Source::Lease => binding.until.is_some_and(|until| until <= now),
            // What is declared by name is no binding here; what lies behind a router comes and goes.
            Source::Claim | Source::Registration => now.since(binding.seen) >= lifetime,
        };
        let mut due: Vec<(IpAddr, Binding)> =
            self.hosts.bindings.iter().filter(|(_, one)| is_due(one)).map(|(address, one)| (*address, *one)).collect();
        due.sort_unstable_by_key(|(address, _)| *address);
        for (address, binding) in due {
            if binding.source == Source::Lease {
                self.lose(binding.mac, address, Loss::Expired, now, out);
            } else if self.is_registered(binding.mac, address) {
                self.hosts.unbind_address(address);
            } else if self.is_in_use(binding.mac, address) {
                if let Some(binding) = self.hosts.bindings.get_mut(&address) {
                    binding.seen = now;
                }
            } else {
                self.lose(binding.mac, address, Loss::Silent, now, out);
            }
        }
    }

    /// Stations that nothing was heard of, and that talk to nobody, are attached no longer.
    fn age_stations(&mut self, now: Time, out: &mut Effects) {
        let lifetime = self.settings.station_lifetime;
        let attached = self.view.stations().filter_map(|station| Some((station.mac, station.location?)));
        let mut silent: Vec<(MacAddr, Location)> = Vec::new();
        for (mac, at) in attached {
            let heard = *self.hosts.heard.entry(mac).or_insert(now);
            if now.since(heard) >= lifetime {
                silent.push((mac, at));
            }
        }
        for (mac, at) in silent {
            if self.talks(mac, now) {
                self.hosts.heard.insert(mac, now);
                continue;
            }
            self.detach(mac, at, now, out);
            let station = self.view.station(mac);
            let leased = station.is_some_and(|one| one.addresses.iter().any(|address| self.hosts.is_leased(*address)));
            if station.is_some_and(|one| one.host.is_none()) && !leased {
                self.forget_station(mac, now, out);
            }
        }
    }

    fn talks_plainly(&self, mac: MacAddr, now: Time) -> bool {
        let lifetime = self.settings.station_lifetime;
        let carries = |one: &Plain| {
            let ingress = self.plains.seats.get(one.seats[0]).map(|seat| seat.at.dpid);
            ingress.is_some_and(|dpid| !self.verification.is_away(dpid, lifetime, now))
        };
        let seats = self.plains.seats.of(mac).iter();
        seats.flat_map(|seat| self.plains.of_seat(*seat)).any(|place| self.plains.get(place).is_some_and(carries))
    }

    /// True while entries carry packets from or to the station. What a switch holds that has been out of reach for as long as stations
    /// are remembered carries nobody: nobody would tell of its end.
    fn talks(&self, mac: MacAddr, now: Time) -> bool {
        let lifetime = self.settings.station_lifetime;
        let carries = |one: &Conversation| {
            one.template.verdict == Verdict::Allow && !self.verification.is_away(one.ingress.dpid, lifetime, now)
        };
        self.talks_plainly(mac, now)
            || self.records.of_station(mac).into_iter().any(|id| self.records.get(id).is_some_and(carries))
    }
}
