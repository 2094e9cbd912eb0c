//! Who is attached where, and which addresses they have: what packets at edge ports tell, and what of it is believed.
//! Knows nothing of policy's rules.
//!
//! ```text
//!             first packet                     packet at another port
//!   unknown ───────────────▶ attached at P ──────────────────────────────▶ moving to Q (old place is probed)
//!                               ▲   │ port down                              │ old place answers: stays, alarm
//!                               │   ▼                                        │ no answer in time, or old port down
//!                             detached                                       ▼
//!                                                                       attached at Q
//! ```

mod ageing;
mod bindings;
mod cards;
mod lease;
mod moves;
mod name;
mod withheld;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use foldhash::fast::FixedState;
use lang::checked::GatewayId;
use net::{Dpid, Location, MacAddr, PortNo, Prefix, Time};

pub use bindings::{Binding, Loss, Source};
pub(crate) use lease::{Granted, Query};

use crate::ask::Question;
use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::{Cause, Event, Limit, Suspicion};
use crate::neighbour::Tentative;
use compiler::inventory::Role;

/// Alarms remembered so that each is told once a second.
const ALARMS: usize = 4096;
/// Senders at one port that are told of within a second: who makes up addresses fills no log with them.
const ALARMS_AT_PORT: u32 = 16;
/// Stations remembered, with their addresses, while they are attached nowhere.
const LEFT: usize = 4096;
/// The port by which a switch's own system is attached (OpenFlow 1.3.5 §A.2.1).
const LOCAL: u32 = 0xffff_fffe;
/// MAC addresses of switches' ports remembered, at most.
const SWITCH_PORTS: usize = 65_536;

/// What is kept about hosts beside the view.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Moves that wait for the old place to answer.
    moves: HashMap<MacAddr, moves::Move>,
    /// When an old place last answered for a station that was seen elsewhere, by where that was.
    conflicts: HashMap<(Location, MacAddr), Time>,
    /// Whose packets are dropped at a port, and until when.
    quarantined: BTreeMap<(Location, MacAddr), Time>,
    /// Addresses that are not registered, and whose they are.
    bindings: HashMap<IpAddr, Binding, FixedState>,
    /// Prefixes that trusted routers advertise, with their ends.
    advertised: Vec<(Prefix, Time)>,
    /// Requests for leases, and what leases give beside addresses.
    leases: lease::Leases,
    /// Addresses whose leases ended a while ago.
    withheld: withheld::Withheld,
    /// Addresses that their station tests before it uses them.
    pub(crate) tentative: BTreeMap<Ipv6Addr, Tentative>,
    /// When each station last sent something that came here.
    heard: HashMap<MacAddr, Time, FixedState>,
    /// MAC addresses of switches' own ports.
    switch_ports: HashMap<MacAddr, Location>,
    /// When addresses and stations are next looked at for their age.
    next_ageing: [Time; 2],
    /// Who went, oldest first; some may be back.
    left: VecDeque<MacAddr>,
    /// Addresses seen behind gateway ports, which no declaration names.
    pub(crate) gateway_addresses: HashMap<IpAddr, GatewayId>,
    alarms: HashMap<(Location, MacAddr), Time>,
    /// Those of this second, per port.
    alarmed: PerSecond,
    /// Who waits to hear of an address.
    pub(crate) askers: HashMap<IpAddr, Question>,
    /// Relayed frames of this second, per port.
    pub(crate) relays: PerSecond,
    /// Questions for unknown addresses that a port has caused this second.
    pub(crate) asked: PerSecond,
    /// Answers of a port for addresses that others test.
    pub(crate) contests: PerSecond,
    /// Stations that would move to a port, this second.
    moving: PerSecond,
    /// Addresses that other cards of their hosts want.
    cards: HashMap<IpAddr, cards::Card>,
    /// Senders at a port that were told this second that they are refused.
    pub(crate) refused: PerSecond,
}

/// How often something happened because of each port within a second.
#[derive(Debug, Default)]
pub(crate) struct PerSecond(HashMap<Location, (Time, u32)>);

impl PerSecond {
    /// It happens once more: how often within this second, this time included.
    pub(crate) fn count(&mut self, at: Location, now: Time) -> u32 {
        self.count_within(Duration::from_secs(1), at, now)
    }

    /// The same within another time.
    pub(crate) fn count_within(&mut self, time: Duration, at: Location, now: Time) -> u32 {
        let (since, count) = self.0.entry(at).or_insert((now, 0));
        if now.since(*since) >= time {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count
    }

    /// Forgets the seconds that are over.
    pub(crate) fn age(&mut self, now: Time) {
        self.age_within(Duration::from_secs(1), now);
    }

    /// Forgets other times that are over.
    pub(crate) fn age_within(&mut self, time: Duration, now: Time) {
        self.0.retain(|_, (since, _)| now.since(*since) < time);
    }
}

impl Hosts {
    /// Nothing known yet; the seed keeps senders from choosing addresses that collide.
    pub(crate) fn new(seed: u64) -> Hosts {
        Hosts {
            bindings: HashMap::with_hasher(FixedState::with_seed(seed)),
            heard: HashMap::with_hasher(FixedState::with_seed(seed.rotate_left(16))),
            withheld: withheld::Withheld::new(seed.rotate_left(32)),
            ..Hosts::default()
        }
    }
}

impl Controller {
    /// A station sent a packet here. False if that is not believed; the packet must not be acted on then.
    pub(crate) fn learn(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        if let Role::Gateway(gateway) = self.inventory.role(&self.policy, at) {
            return self.learn_gateway(gateway, mac, at, now, out);
        }
        if self.hosts.quarantined.contains_key(&(at, mac)) {
            return false;
        }
        if mac == self.settings.mac || self.gateway_of(mac).is_some() || self.is_of_switch(mac, at) {
            self.alarm(mac, at, Suspicion::Reserved, now, out);
            return false;
        }
        let believed = match self.view.station(mac).and_then(|station| station.location) {
            Some(bound) if bound == at => {
                self.still_there(mac, at, now, out);
                true
            }
            Some(bound) => self.consider_move(mac, bound, at, now, out),
            None => self.attach(mac, at, now, out),
        };
        if believed {
            self.hosts.heard.insert(mac, now);
        }
        believed
    }

    /// True for the MAC address of a switch or of one of its ports, which is nobody else's; at that port itself its system may be
    /// the host. A declaration says better.
    pub(crate) fn is_of_switch(&self, mac: MacAddr, at: Location) -> bool {
        let port = self.hosts.switch_ports.get(&mac);
        port.is_some_and(|port| *port != at) && self.policy.host_of_mac(mac).is_none()
    }

    fn learn_gateway(&mut self, id: GatewayId, mac: MacAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        let declared = self.policy.gateways.get(id.index()).and_then(|gateway| gateway.mac);
        let known = declared.or_else(|| self.view.gateway_mac(id));
        if known == Some(mac) {
            return true;
        }
        // The port is declared: who only was seen with this address elsewhere yields to it, who is registered with it does not.
        let foreign = mac == self.settings.mac || self.view.station(mac).is_some_and(|station| station.host.is_some());
        if known.is_some() || foreign {
            self.alarm(mac, at, Suspicion::Reserved, now, out);
            return false;
        }
        self.view.set_gateway_mac(id, mac);
        out.event(Event::GatewayLearned { gateway: id, mac });
        self.station_changed(mac, now, out);
        true
    }

    fn attach(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        if !self.has_room(at, now, out) {
            return false;
        }
        if !self.view.attach(mac, at, &self.policy) {
            let suspicion = self.pin_of(mac).map_or(Suspicion::Reserved, Suspicion::Pinned);
            self.alarm(mac, at, suspicion, now, out);
            return false;
        }
        out.event(Event::StationAttached { mac, at });
        self.station_changed(mac, now, out);
        true
    }

    /// True if one more station may be at this port: one that is not registered and talks to nobody makes room.
    fn has_room(&mut self, at: Location, now: Time, out: &mut Effects) -> bool {
        if self.view.count_at(at) < self.settings.stations_per_port {
            return true;
        }
        let silent = |mac: MacAddr| self.records.of_station(mac).is_empty() && !self.is_seated(mac, None);
        let idle = self.view.at(at).find(|station| station.host.is_none() && silent(station.mac)).map(|station| station.mac);
        match idle {
            Some(mac) => self.detach(mac, at, now, out),
            None => self.limited(at, Limit::Stations, now, out),
        }
        idle.is_some()
    }

    /// A station is no longer attached where it was.
    pub(crate) fn detach(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) {
        if self.unbind(mac, at, out) {
            self.station_changed(mac, now, out);
            while self.hosts.left.len() > LEFT {
                self.forget_oldest(now, out);
            }
        }
    }

    /// Takes a station from its port and judges nothing: whoever calls judges its conversations again. True if it was attached.
    pub(crate) fn unbind(&mut self, mac: MacAddr, at: Location, out: &mut Effects) -> bool {
        let attached = self.view.detach(mac);
        if attached {
            self.hosts.moves.remove(&mac);
            self.hosts.left.push_back(mac);
            self.lift_quarantines(mac, out);
            out.event(Event::StationDetached { mac, at });
        }
        attached
    }

    /// The station that went first is forgotten, unless it is back.
    fn forget_oldest(&mut self, now: Time, out: &mut Effects) {
        let Some(mac) = self.hosts.left.pop_front() else { return };
        // Who may come back to a lease is forgotten with it.
        if self.view.station(mac).is_some_and(|station| station.location.is_none()) {
            self.forget_station(mac, now, out);
        }
    }

    /// Forgets all that was seen of a station.
    fn forget_station(&mut self, mac: MacAddr, now: Time, out: &mut Effects) {
        for address in self.view.station(mac).into_iter().flat_map(|station| &station.addresses) {
            self.hosts.unbind_address(*address);
        }
        self.hosts.leases.forget(mac);
        self.hosts.heard.remove(&mac);
        if self.view.remove(mac) {
            self.station_changed(mac, now, out);
        }
    }

    /// Something that decisions depend on changed at a station: its conversations are judged again.
    pub(crate) fn station_changed(&mut self, mac: MacAddr, now: Time, out: &mut Effects) {
        self.update_station(mac, now);
        self.plains.seats.judged(mac, now);
        self.unplan_station(mac, now, out);
        self.lift_refusals_of(mac, out);
        for id in self.records.of_station(mac) {
            self.revalidate(id, Cause::Endpoint, now, out);
        }
        self.receiver_changed(mac, now, out);
        if let Some(host) = self.view.station(mac).and_then(|station| station.host) {
            for id in self.records.avoiding(host) {
                self.revalidate(id, Cause::NoPath, now, out);
            }
        }
    }

    /// The gateway whose inner side has this MAC address.
    pub(crate) fn gateway_of(&self, mac: MacAddr) -> Option<GatewayId> {
        let known = |(gateway, id): (&lang::checked::Gateway, GatewayId)| gateway.mac.or_else(|| self.view.gateway_mac(id));
        let mut gateways = self.policy.gateways.iter().zip((0..).map(GatewayId));
        gateways.find(|(gateway, id)| known((gateway, *id)) == Some(mac)).map(|(_, id)| id)
    }

    fn pin_of(&self, mac: MacAddr) -> Option<Location> {
        let host = self.view.station(mac).and_then(|station| station.host).or_else(|| self.policy.host_of_mac(mac))?;
        self.policy.hosts.get(host.index())?.pin
    }

    /// Tells of a sender that is not believed, once a second for each port and address.
    pub(crate) fn alarm(&mut self, mac: MacAddr, at: Location, why: Suspicion, now: Time, out: &mut Effects) {
        self.counters.spoofed += 1;
        if self.hosts.is_news(at, mac, now) {
            out.event(Event::Spoofed { at, mac, why });
        }
    }
}

impl Hosts {
    /// The ports of a switch, and its own address where that is one of a maker: numbers given by hand are none.
    pub(crate) fn know_switch(&mut self, dpid: Dpid, ports: impl Iterator<Item = (PortNo, MacAddr)>) {
        let own = MacAddr::from_bits(dpid.0 & 0xffff_ffff_ffff);
        let own = (own.to_bits() >> 24 != 0).then_some((PortNo(LOCAL), own));
        for (port, mac) in own.into_iter().chain(ports).filter(|(_, mac)| mac.is_unicast()) {
            if self.switch_ports.len() < SWITCH_PORTS {
                self.switch_ports.insert(mac, Location::new(dpid, port));
            }
        }
    }

    /// Packets of a station were carried by entries, from this address.
    pub(crate) fn alive(&mut self, mac: MacAddr, address: Option<IpAddr>, now: Time) {
        if let Some(heard) = self.heard.get_mut(&mac) {
            *heard = now;
        }
        if let Some(binding) = address.and_then(|address| self.bindings.get_mut(&address)).filter(|one| one.mac == mac) {
            binding.seen = now;
        }
    }

    /// A station sent something from an address of its own.
    pub(crate) fn heard_at(&mut self, mac: MacAddr, address: IpAddr, at: Location, time: Time) {
        self.heard.insert(mac, time);
        self.touch(mac, address, at, time);
    }

    /// True if nothing about a station that sends from its own port is in question.
    pub(crate) fn is_calm(&self, at: Location, mac: MacAddr) -> bool {
        (self.moves.is_empty() || !self.moves.contains_key(&mac))
            && (self.quarantined.is_empty() || !self.quarantined.contains_key(&(at, mac)))
            && self.cards.is_empty()
    }

    /// True while it is in question whether a station is where it was.
    pub(crate) fn is_moving(&self, mac: MacAddr) -> bool {
        self.moves.contains_key(&mac)
    }

    /// True once a second for each port and address, and for a few addresses of each port.
    pub(crate) fn is_news(&mut self, at: Location, mac: MacAddr, now: Time) -> bool {
        if self.alarms.get(&(at, mac)).is_some_and(|last| now.since(*last).as_secs() < 1) {
            return false;
        }
        if self.alarmed.count(at, now) > ALARMS_AT_PORT {
            return false;
        }
        if self.alarms.len() >= ALARMS {
            self.alarms.clear();
        }
        self.alarms.insert((at, mac), now);
        true
    }
}
