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

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::FixedState;
use lang::checked::{GatewayId, Verdict};
use net::{Location, MacAddr, Time};
use packet::arp::Arp;

use crate::controller::Controller;
use crate::dialect::Action;
use crate::effect::Effects;
use crate::event::{Cause, Event, Limit, Suspicion};
use crate::inventory::Role;

/// Alarms remembered so that each is told once a second.
const ALARMS: usize = 4096;
/// Stations remembered, with their addresses, while they are attached nowhere.
const LEFT: usize = 4096;
/// Questions that an old place must leave unanswered before a move is believed: one may get lost.
const QUESTIONS: u32 = 3;
/// Moves that may be in question at one time.
const MOVES: usize = 4096;

/// What is kept about hosts beside the view.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Moves that wait for the old place to answer.
    moves: HashMap<MacAddr, Move>,
    /// When each claimed address was last seen.
    seen: HashMap<IpAddr, Time, FixedState>,
    /// Who went, oldest first; some may be back.
    left: VecDeque<MacAddr>,
    /// Addresses seen behind gateway ports, which no declaration names.
    pub(crate) gateway_addresses: HashMap<Ipv4Addr, GatewayId>,
    alarms: HashMap<(Location, MacAddr), Time>,
    /// Who waits to hear of an address.
    pub(crate) askers: HashMap<Ipv4Addr, crate::arp::Question>,
    /// Relayed frames of this second, per port.
    pub(crate) relays: PerSecond,
    /// Questions for unknown addresses that a port has caused this second.
    pub(crate) asked: PerSecond,
}

/// How often something happened because of each port within a second.
#[derive(Debug, Default)]
pub(crate) struct PerSecond(HashMap<Location, (Time, u32)>);

impl PerSecond {
    /// It happens once more: how often within this second, this time included.
    pub(crate) fn count(&mut self, at: Location, now: Time) -> u32 {
        let (since, count) = self.0.entry(at).or_insert((now, 0));
        if now.since(*since).as_secs() >= 1 {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count
    }

    /// Forgets the seconds that are over.
    fn age(&mut self, now: Time) {
        self.0.retain(|_, (since, _)| now.since(*since).as_secs() < 1);
    }
}

impl Hosts {
    /// Nothing known yet; the seed keeps senders from choosing addresses that collide.
    pub(crate) fn new(seed: u64) -> Hosts {
        Hosts { seen: HashMap::with_hasher(FixedState::with_seed(seed)), ..Hosts::default() }
    }
}

/// A station that sends from another place than its own, which has not answered yet.
#[derive(Clone, Copy, Debug)]
struct Move {
    to: Location,
    /// Questions sent to the old place.
    asked: u32,
    /// When the next is due, or when silence counts as an answer.
    next: Time,
}

impl Controller {
    /// A station sent a packet here. False if that is not believed; the packet must not be acted on then.
    pub(crate) fn learn(&mut self, mac: MacAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        if let Role::Gateway(gateway) = self.inventory.role(&self.policy, at) {
            return self.learn_gateway(gateway, mac, at, now, out);
        }
        if mac == self.settings.mac || self.gateway_of(mac).is_some() {
            self.alarm(mac, at, Suspicion::Reserved, now, out);
            return false;
        }
        match self.view.station(mac).and_then(|station| station.location) {
            Some(bound) if bound == at => {
                if let Some(attempt) = self.hosts.moves.remove(&mac) {
                    self.alarm(mac, attempt.to, Suspicion::StillAt(at), now, out);
                }
                true
            }
            Some(bound) => self.consider_move(mac, bound, at, now, out),
            None => self.attach(mac, at, now, out),
        }
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

    /// A station that is attached elsewhere sends here: believed at once if its old port is down, else once the old place has
    /// not answered in time.
    fn consider_move(&mut self, mac: MacAddr, bound: Location, at: Location, now: Time, out: &mut Effects) -> bool {
        if let Some(pin) = self.pin_of(mac).filter(|pin| *pin != at) {
            self.alarm(mac, at, Suspicion::Pinned(pin), now, out);
            return false;
        }
        if !self.topology.is_up(bound) && self.switches.is_up(bound.dpid) {
            return self.relocate(mac, bound, at, now, out);
        }
        if !self.hosts.moves.contains_key(&mac) && self.hosts.moves.len() < MOVES {
            self.question_move(mac, bound, Move { to: at, asked: 0, next: now }, now, out);
        }
        false
    }

    /// Asks the old place once more. A place that cannot be asked keeps its station until its port goes down: no switch there to
    /// ask through, or no address to ask for.
    fn question_move(&mut self, mac: MacAddr, bound: Location, attempt: Move, now: Time, out: &mut Effects) {
        let addresses: Vec<Ipv4Addr> = self.view.station(mac).into_iter().flat_map(|s| &s.addresses).filter_map(v4).collect();
        if addresses.is_empty() || !self.switches.is_up(bound.dpid) {
            return self.alarm(mac, attempt.to, Suspicion::StillAt(bound), now, out);
        }
        for address in addresses {
            let frame = Arp::probe(self.settings.mac, address).to_frame();
            self.send_frame(bound.dpid, None, &frame, &[Action::Output(bound.port)], out);
        }
        let next = now.after(self.settings.move_probe / QUESTIONS);
        self.hosts.moves.insert(mac, Move { asked: attempt.asked + 1, next, ..attempt });
    }

    /// True if one more station may be at this port: one that is not registered and talks to nobody makes room.
    fn has_room(&mut self, at: Location, now: Time, out: &mut Effects) -> bool {
        if self.view.at(at).count() < self.settings.stations_per_port {
            return true;
        }
        let silent = |mac: MacAddr| self.records.of_station(mac).is_empty();
        let idle = self.view.at(at).find(|station| station.host.is_none() && silent(station.mac)).map(|station| station.mac);
        match idle {
            Some(mac) => self.detach(mac, at, now, out),
            None => out.event(Event::Limited { at, what: Limit::Stations }),
        }
        idle.is_some()
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
            out.event(Event::StationDetached { mac, at });
        }
        attached
    }

    /// The station that went first is forgotten, unless it is back.
    fn forget_oldest(&mut self, now: Time, out: &mut Effects) {
        let Some(mac) = self.hosts.left.pop_front() else { return };
        let Some(station) = self.view.station(mac).filter(|station| station.location.is_none()) else { return };
        for address in &station.addresses {
            self.hosts.seen.remove(address);
        }
        if self.view.remove(mac) {
            self.station_changed(mac, now, out);
        }
    }

    /// A station uses an address. False if that is not believed.
    pub(crate) fn claim(&mut self, mac: MacAddr, address: IpAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        match self.view.owner(address) {
            Some(owner) if owner == mac => {
                self.hosts.seen.insert(address, now);
                true
            }
            Some(owner) if self.are_one_host(owner, mac) => {
                let taken = self.view.claim(mac, address);
                self.station_changed(owner, now, out);
                self.station_changed(mac, now, out);
                taken
            }
            Some(owner) if self.is_held(owner, address, now) => {
                self.alarm(mac, at, Suspicion::AddressOf(owner), now, out);
                false
            }
            Some(owner) => {
                self.view.release(owner, address);
                self.station_changed(owner, now, out);
                self.claim_free(mac, address, at, now, out)
            }
            None => self.claim_free(mac, address, at, now, out),
        }
    }

    fn claim_free(&mut self, mac: MacAddr, address: IpAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        let is_gateways = self.policy.gateways.iter().any(|gateway| gateway.addresses.contains(&address));
        if is_gateways || v4(&address).is_some_and(|v4| self.hosts.gateway_addresses.contains_key(&v4)) {
            self.alarm(mac, at, Suspicion::Reserved, now, out);
            return false;
        }
        if !self.may_be_inside(mac, address) {
            self.alarm(mac, at, Suspicion::Outside(address), now, out);
            return false;
        }
        if self.view.station(mac).is_some_and(|station| station.addresses.len() >= self.settings.addresses_per_station) {
            out.event(Event::Limited { at, what: Limit::Addresses });
            return false;
        }
        if !self.view.claim(mac, address) {
            return false;
        }
        self.hosts.seen.insert(address, now);
        out.event(Event::AddressClaimed { mac, address });
        self.program.update(&self.view, &[mac]);
        true
    }

    /// True if both are network cards of one registered host.
    fn are_one_host(&self, one: MacAddr, other: MacAddr) -> bool {
        let host = |mac| self.view.station(mac).and_then(|station| station.host);
        host(one).is_some() && host(one) == host(other)
    }

    /// Where there is a gateway, public addresses lie beyond it, unless a declaration says otherwise: who could claim one inside
    /// would cut everybody off from it.
    fn may_be_inside(&self, mac: MacAddr, address: IpAddr) -> bool {
        let host = self.view.station(mac).and_then(|station| station.host).and_then(|id| self.policy.hosts.get(id.index()));
        let registered = host.is_some_and(|host| host.addresses.contains(&address));
        self.policy.gateways.is_empty() || registered || is_private(address) || self.policy.is_inside(address)
    }

    /// True if nobody else may claim the address: it is registered, or was seen lately at a station that is attached, or a
    /// conversation of that station uses it.
    fn is_held(&self, owner: MacAddr, address: IpAddr, now: Time) -> bool {
        let Some(station) = self.view.station(owner) else { return false };
        let host = station.host.and_then(|id| self.policy.hosts.get(id.index()));
        if host.is_some_and(|host| host.addresses.contains(&address)) {
            return true;
        }
        let fresh = self.hosts.seen.get(&address).is_some_and(|seen| now.since(*seen) < self.settings.address_lifetime);
        station.location.is_some() && (fresh || self.is_in_use(owner, address))
    }

    /// True if an allowed conversation of the station uses the address: its packets pass without our seeing them.
    fn is_in_use(&self, mac: MacAddr, address: IpAddr) -> bool {
        self.records.of_station(mac).into_iter().filter_map(|id| self.records.get(id)).any(|one| {
            let uses = one
                .key
                .ip
                .is_some_and(|ip| (one.key.dl_src == mac && ip.src == address) || (one.key.dl_dst == mac && ip.dst == address));
            uses && one.template.verdict == Verdict::Allow
        })
    }

    /// Moves whose old place has not answered in time are believed.
    pub(crate) fn age_hosts(&mut self, now: Time, out: &mut Effects) {
        let mut due: Vec<(MacAddr, Move)> =
            self.hosts.moves.iter().filter(|(_, one)| one.next <= now).map(|(mac, one)| (*mac, *one)).collect();
        due.sort_unstable_by_key(|(mac, _)| *mac);
        for (mac, attempt) in due {
            self.hosts.moves.remove(&mac);
            if !self.is_edge(attempt.to) || !self.topology.is_up(attempt.to) {
                continue;
            }
            let Some(from) = self.view.station(mac).and_then(|station| station.location) else { continue };
            if attempt.asked < QUESTIONS {
                self.question_move(mac, from, attempt, now, out);
            } else {
                self.relocate(mac, from, attempt.to, now, out);
            }
        }
        let patience = self.settings.move_probe * 3;
        self.hosts.askers.retain(|_, question| now.since(question.first) < patience);
        self.hosts.relays.age(now);
        self.hosts.asked.age(now);
    }

    /// Something that decisions depend on changed at a station: its conversations are judged again.
    pub(crate) fn station_changed(&mut self, mac: MacAddr, now: Time, out: &mut Effects) {
        self.program.update(&self.view, &[mac]);
        for id in self.records.of_station(mac) {
            self.revalidate(id, Cause::Endpoint, now, out);
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
    /// True once a second for each port and address.
    pub(crate) fn is_news(&mut self, at: Location, mac: MacAddr, now: Time) -> bool {
        if self.alarms.get(&(at, mac)).is_some_and(|last| now.since(*last).as_secs() < 1) {
            return false;
        }
        if self.alarms.len() >= ALARMS {
            self.alarms.clear();
        }
        self.alarms.insert((at, mac), now);
        true
    }
}

/// An address that means something on a site only: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The IPv4 address, if it is one.
pub(crate) fn v4(address: &IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    }
}
