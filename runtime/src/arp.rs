//! Answers ARP from the view, and asks around, within limits, for addresses that nobody is known to have. ARP never crosses the
//! network from host to host. Knows nothing of rules.

use std::net::{IpAddr, Ipv4Addr};

use net::{Location, MacAddr, Time};
use packet::arp::{Arp, Operation};

use crate::controller::Controller;
use crate::dialect::Action;
use crate::effect::Effects;
use crate::event::Suspicion;
use crate::inventory::Role;

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
    waiting: Vec<(Location, Arp)>,
}

impl Controller {
    /// An ARP packet came in at an edge port from a station that is believed.
    pub(crate) fn arp_in(&mut self, at: Location, frame_source: MacAddr, arp: &Arp, now: Time, out: &mut Effects) {
        if arp.sender_mac != frame_source {
            return self.alarm(frame_source, at, Suspicion::AddressOf(arp.sender_mac), now, out);
        }
        if !arp.sender_ip.is_unspecified() && !self.take_in(arp, at, now, out) {
            return;
        }
        if arp.operation == Operation::Request && arp.target_ip != arp.sender_ip {
            self.answer(at, arp, now, out);
        }
    }

    /// Believes, or not, that the sender has its address; whoever asked for it hears of it.
    fn take_in(&mut self, arp: &Arp, at: Location, now: Time, out: &mut Effects) -> bool {
        let address = IpAddr::V4(arp.sender_ip);
        let believed = match self.inventory.role(&self.policy, at) {
            Role::Gateway(gateway) => {
                // Who asks, asks from its own address; who answers may answer for others. A claim yields to the declared port.
                if arp.operation == Operation::Request
                    && let Some(owner) = self.view.owner(address)
                    && self.view.release(owner, address)
                {
                    self.alarm(owner, at, Suspicion::Reserved, now, out);
                    self.station_changed(owner, now, out);
                }
                let free = self.view.owner(address).is_none();
                if free && self.hosts.gateway_addresses.len() < QUESTIONS {
                    self.hosts.gateway_addresses.insert(arp.sender_ip, gateway);
                }
                free
            }
            _ => self.claim(arp.sender_mac, address, at, now, out),
        };
        if believed && let Some(question) = self.hosts.askers.remove(&arp.sender_ip) {
            for (asker, request) in question.waiting {
                self.reply(asker, &request, arp.sender_mac, out);
            }
        }
        believed
    }

    fn answer(&mut self, at: Location, arp: &Arp, now: Time, out: &mut Effects) {
        match self.holder(arp.target_ip) {
            Some((mac, true)) => self.reply(at, arp, mac, out),
            _ if !self.may_ask(at, arp.target_ip, now) => {}
            Some((mac, false)) => {
                let pin = self.view.station(mac).and_then(|station| station.host);
                let pin = pin.and_then(|host| self.policy.hosts.get(host.index())).and_then(|host| host.pin);
                self.ask(arp.target_ip, Some((at, *arp)), pin, now, out);
            }
            None => self.ask(arp.target_ip, Some((at, *arp)), None, now, out),
        }
    }

    /// Whose address it is, and whether they are where they can be reached.
    fn holder(&self, address: Ipv4Addr) -> Option<(MacAddr, bool)> {
        if let Some(mac) = self.view.owner(IpAddr::V4(address)) {
            return Some((mac, self.view.station(mac).is_some_and(|station| station.location.is_some())));
        }
        let declared = self.policy.gateways.iter().position(|gateway| gateway.addresses.contains(&IpAddr::V4(address)));
        let declared = declared.and_then(|place| u32::try_from(place).ok()).map(lang::checked::GatewayId);
        let gateway = declared.or_else(|| self.hosts.gateway_addresses.get(&address).copied())?;
        let mac = self.policy.gateways.get(gateway.index())?.mac.or_else(|| self.view.gateway_mac(gateway))?;
        Some((mac, true))
    }

    /// Asks for an address that somebody at this port has a packet for.
    pub(crate) fn ask_from(&mut self, at: Location, address: Ipv4Addr, now: Time, out: &mut Effects) {
        if self.may_ask(at, address, now) {
            self.ask(address, None, None, now, out);
        }
    }

    /// True if a question for this address may be put because of this port: it is put already, or the port has not caused too
    /// many this second. Whoever scans uses up his own share only.
    fn may_ask(&mut self, at: Location, address: Ipv4Addr, now: Time) -> bool {
        if self.hosts.askers.contains_key(&address) {
            return true;
        }
        self.hosts.asked.count(at, now) <= self.settings.relays_per_second
    }

    /// Asks for an address: at the one port where its owner must be, or at every edge port but the asker's. Once in a while only.
    fn ask(&mut self, address: Ipv4Addr, asker: Option<(Location, Arp)>, only: Option<Location>, now: Time, out: &mut Effects) {
        if let Some(question) = self.hosts.askers.get_mut(&address) {
            if let Some(asker) = asker.filter(|_| question.waiting.len() < ASKERS) {
                question.waiting.push(asker);
            }
            return;
        }
        if self.hosts.askers.len() >= QUESTIONS || !is_askable(address) {
            return;
        }
        self.hosts.askers.insert(address, Question { first: now, waiting: asker.into_iter().collect() });
        let frame = Arp::probe(self.settings.mac, address).to_frame();
        let except = asker.map(|(at, _)| at);
        let ports: Vec<Location> = match only {
            Some(at) => vec![at],
            None => self.topology.ports_up().filter(|at| Some(*at) != except && self.is_edge(*at)).collect(),
        };
        for at in ports {
            self.send_frame(at.dpid, None, &frame, &[Action::Output(at.port)], out);
        }
    }

    fn reply(&mut self, at: Location, request: &Arp, mac: MacAddr, out: &mut Effects) {
        let frame = request.reply(mac).to_frame();
        self.send_frame(at.dpid, None, &frame, &[Action::Output(at.port)], out);
    }
}

/// An address that a single host can have.
fn is_askable(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_broadcast() || address.is_multicast() || address.is_loopback())
}
