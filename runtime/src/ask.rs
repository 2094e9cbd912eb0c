//! Asks around, within limits, for addresses that nobody is known to have, and tells who waits for them. Questions never cross the
//! network from host to host. Knows nothing of who is believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use net::{Location, MacAddr, Time};
use packet::Ndp;
use packet::arp::Arp;
use packet::ndp::solicited_node;

use crate::controller::Controller;
use crate::dialect::Action;
use crate::effect::Effects;
use crate::event::Limit;

/// Addresses that may be asked for at one time.
const QUESTIONS: usize = 4096;
/// Stations that may wait for one answer.
const ASKERS: usize = 8;

/// An address that is being asked for.
#[derive(Debug)]
pub(crate) struct Question {
    /// When it was first asked for.
    pub(crate) first: Time,
    /// Requests to answer.
    waiting: Vec<(Location, Asker)>,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    /// By ARP.
    Arp(Arp),
    /// By neighbour discovery.
    Neighbour {
        /// Its MAC address.
        mac: MacAddr,
        /// Its address; unspecified for one that tests whether the address is free.
        address: Ipv6Addr,
        /// The address that it asks for.
        target: Ipv6Addr,
    },
}

impl Asker {
    fn mac(self) -> MacAddr {
        match self {
            Asker::Arp(request) => request.sender_mac,
            Asker::Neighbour { mac, .. } => mac,
        }
    }
}

impl Controller {
    /// Answers a request with the owner if that is within reach, else asks for it.
    pub(crate) fn answer(&mut self, at: Location, target: IpAddr, asker: Asker, now: Time, out: &mut Effects) {
        let holder = self.holder(target).or_else(|| self.reaches_router_of(target).map(|router| (router, true)));
        match holder {
            // Who tests an address of its own would take the answer for another's.
            Some((mac, _)) if mac == asker.mac() => {}
            Some((mac, true)) => self.reply(at, asker, mac, out),
            _ if !self.may_ask(at, target, now, out) => {}
            Some((mac, false)) => {
                let pin = self.view.station(mac).and_then(|station| station.host);
                let pin = pin.and_then(|host| self.policy.hosts.get(host.index())).and_then(|host| host.pin);
                self.note_scan(at, asker.mac(), target, now, out);
                self.ask(target, (at, Some(asker)), pin, now, out);
            }
            None => {
                self.note_scan(at, asker.mac(), target, now, out);
                self.ask(target, (at, Some(asker)), None, now, out);
            }
        }
    }

    /// The router behind which an address lies, if it is there.
    fn reaches_router_of(&self, address: IpAddr) -> Option<MacAddr> {
        self.router_of(address).filter(|mac| self.view.station(*mac).is_some_and(|one| one.location.is_some()))
    }

    /// Whose address it is, and whether they are where they can be reached.
    pub(crate) fn holder(&self, address: IpAddr) -> Option<(MacAddr, bool)> {
        if let Some(mac) = self.view.owner(address) {
            return Some((mac, self.view.station(mac).is_some_and(|station| station.location.is_some())));
        }
        let declared = self.policy.gateways.iter().position(|gateway| gateway.addresses.contains(&address));
        let declared = declared.and_then(|place| u32::try_from(place).ok()).map(lang::checked::GatewayId);
        let gateway = declared.or_else(|| self.hosts.gateway_addresses.get(&address).copied())?;
        let mac = self.policy.gateways.get(gateway.index())?.mac.or_else(|| self.view.gateway_mac(gateway))?;
        Some((mac, true))
    }

    /// Asks for an address that somebody at this port has a packet for.
    pub(crate) fn ask_from(&mut self, at: Location, address: IpAddr, now: Time, out: &mut Effects) {
        if self.may_ask(at, address, now, out) {
            self.ask(address, (at, None), None, now, out);
        }
    }

    /// True if a question for this address may be put because of this port: it is put already, or the port has not caused too
    /// many this second. Whoever scans uses up his own share only.
    pub(crate) fn may_ask(&mut self, at: Location, address: IpAddr, now: Time, out: &mut Effects) -> bool {
        if self.hosts.askers.contains_key(&address) {
            return true;
        }
        let may = self.hosts.asked.count(at, now) <= self.settings.relays_per_second;
        if !may {
            self.limited(at, Limit::Questions, now, out);
        }
        may
    }

    /// Asks for an address because of this port: at the one port where its owner must be, or at every edge port but the asker's.
    /// Once in a while only. True if it is asked for, everywhere.
    pub(crate) fn ask(
        &mut self,
        address: IpAddr,
        (at, asker): (Location, Option<Asker>),
        only: Option<Location>,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let waiting = asker.map(|asker| (at, asker));
        if let Some(question) = self.hosts.askers.get_mut(&address) {
            if let Some(asker) = waiting.filter(|_| question.waiting.len() < ASKERS) {
                question.waiting.push(asker);
            }
            return true;
        }
        if self.hosts.askers.len() >= QUESTIONS || !is_askable(address) {
            return false;
        }
        let except = asker.map(|_| at);
        let ports: Vec<Location> = match only {
            Some(at) => vec![at],
            None => self.topology.ports_up().filter(|at| Some(*at) != except && self.is_edge(*at)).collect(),
        };
        if !self.may_copy(&ports, at, now, out) {
            return false;
        }
        self.hosts.askers.insert(address, Question { first: now, waiting: waiting.into_iter().collect() });
        let frame = self.question(address);
        for at in ports {
            self.send_frame(at.dpid, None, &frame, &[Action::Output(at.port)], out);
        }
        true
    }

    /// The frame that asks who has an address.
    pub(crate) fn question(&self, address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(address) => Arp::probe(self.settings.mac, address).to_frame(),
            IpAddr::V6(address) => self.solicitation(address),
        }
    }

    /// Whoever asked for an address hears of its owner.
    pub(crate) fn answered(&mut self, address: IpAddr, owner: MacAddr, out: &mut Effects) {
        for (at, asker) in self.hosts.askers.remove(&address).into_iter().flat_map(|question| question.waiting) {
            let own = matches!(asker, Asker::Neighbour { mac, address, .. } if mac == owner && address.is_unspecified());
            if !own {
                self.reply(at, asker, owner, out);
            }
        }
    }

    /// Tells one station whose an address is.
    pub(crate) fn reply(&mut self, at: Location, asker: Asker, owner: MacAddr, out: &mut Effects) {
        let frame = match asker {
            Asker::Arp(request) => request.reply(owner).to_frame(),
            Asker::Neighbour { mac, address, target } => self.advertisement(owner, target, (mac, address)),
        };
        self.send_frame(at.dpid, None, &frame, &[Action::Output(at.port)], out);
    }

    /// The controller's question for an address: from an address of its own, so that nobody who tests the address takes it for
    /// another who does.
    pub(crate) fn solicitation(&self, target: Ipv6Addr) -> Vec<u8> {
        let own = (self.settings.mac, self.own_address());
        Ndp::Solicitation { target, source_mac: Some(own.0) }.to_frame(own, solicited_node(target))
    }

    /// The controller's own address on each link.
    pub(crate) fn own_address(&self) -> Ipv6Addr {
        packet::ndp::link_local(self.settings.mac)
    }
}

/// An address that a single host can have.
fn is_askable(address: IpAddr) -> bool {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    !(address.is_unspecified() || broadcast || address.is_multicast() || address.is_loopback())
}
