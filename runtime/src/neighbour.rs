//! Takes in neighbour discovery of IPv6, and answers it from the view: the twin of ARP, with tests of addresses before their use.
//! It never crosses the network from host to host. Knows nothing of rules.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use lang::checked::Served;
use net::{FlowKey, IpHeader, Location, MacAddr, Time};
use packet::ndp::{ALL_NODES, Flags};
use packet::{IpPayload, Ndp};

use crate::ask::Asker;
use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::{Event, Limit, Suspicion};
use compiler::inventory::Role;

/// Addresses that are tested at one time.
const TENTATIVE: usize = 4096;

/// Addresses that are tested at one port.
const TENTATIVE_AT: usize = 64;
/// Tests of others that one port may speak against, without being known to have the address, in the time below.
const CONTESTS: u32 = 4;
/// One minute.
pub(crate) const CONTESTED: Duration = Duration::from_secs(60);

/// An address that its station tests before it uses it (RFC 4862 §5.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tentative {
    mac: MacAddr,
    at: Location,
    /// When nobody has objected.
    due: Time,
}

impl Controller {
    /// A message of neighbour discovery came in at an edge port from a station that is believed.
    pub(crate) fn neighbour_in(
        &mut self,
        at: Location,
        key: &FlowKey,
        ip: &IpHeader,
        payload: &IpPayload<'_>,
        now: Time,
        out: &mut Effects,
    ) {
        let mac = key.dl_src;
        let IpAddr::V6(src) = ip.src else { return };
        match Ndp::parse(ip, payload) {
            Err(error) => self.alarm(mac, at, Suspicion::Discovery(error), now, out),
            Ok(Ndp::Solicitation { source_mac: Some(named), .. } | Ndp::Advertisement { target_mac: Some(named), .. })
                if named != mac =>
            {
                self.alarm(mac, at, Suspicion::AddressOf(named), now, out);
            }
            Ok(Ndp::Solicitation { target, .. }) if src.is_unspecified() => self.tested(at, mac, target, now, out),
            Ok(Ndp::Solicitation { target, .. }) => {
                if self.take_in(mac, ip.src, true, at, now, out) && target != src {
                    let asker = Asker::Neighbour { mac, address: src, target };
                    self.answer(at, IpAddr::V6(target), asker, now, out);
                }
            }
            Ok(Ndp::Advertisement { target, .. }) => {
                // Who speaks of an address speaks from one that it has.
                if src == target || self.take_in(mac, ip.src, true, at, now, out) {
                    self.take_in(mac, IpAddr::V6(target), false, at, now, out);
                }
            }
        }
    }

    /// A station tests an address: whose it is already defends it through us; else the test goes on, and the address is the station's
    /// when nobody has objected.
    fn tested(&mut self, at: Location, mac: MacAddr, target: Ipv6Addr, now: Time, out: &mut Effects) {
        let asker = Asker::Neighbour { mac, address: Ipv6Addr::UNSPECIFIED, target };
        let address = IpAddr::V6(target);
        if let Role::Gateway(_) = self.inventory.role(&self.policy, at) {
            self.take_in(mac, address, true, at, now, out);
            return;
        }
        let tester = self.hosts.tentative.get(&target).map(|test| test.mac);
        let other = tester.filter(|other| *other != mac);
        let owner = self.holder(address).map(|(owner, _)| owner).filter(|owner| *owner != mac);
        let held = owner.filter(|owner| self.is_reserved(address) || self.is_held(*owner, address, now));
        let routed = self.router_of(address).filter(|router| *router != mac);
        if address == IpAddr::V6(self.own_address()) {
            let own = self.settings.mac;
            self.reply(at, asker, own, out);
            return self.alarm(mac, at, Suspicion::Reserved, now, out);
        }
        if let Some(defended) = held.or(other).or(routed) {
            self.reply(at, asker, defended, out);
            return self.alarm(mac, at, Suspicion::AddressOf(defended), now, out);
        }
        if self.view.owner(address) == Some(mac) || tester == Some(mac) {
            return;
        }
        let here = self.hosts.tentative.values().filter(|test| test.at == at).count();
        if self.hosts.tentative.len() >= TENTATIVE || here >= TENTATIVE_AT {
            return self.limited(at, Limit::Tests, now, out);
        }
        // What nobody could be asked about is nobody's for having been silent.
        if self.may_ask(at, address, now, out) && self.ask(address, (at, Some(asker)), None, now, out) {
            self.hosts.tentative.insert(target, Tentative { mac, at, due: now.after(self.settings.move_probe) });
        }
    }

    /// Nobody was known to have an address that somebody has now. True unless another tests it just now, and this port has spoken
    /// against too many tests: whoever answers for all addresses would keep others from having any.
    pub(crate) fn may_answer_test(&mut self, mac: MacAddr, address: IpAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        let IpAddr::V6(target) = address else { return true };
        let Some(tester) = self.hosts.tentative.get(&target).map(|test| test.mac).filter(|tester| *tester != mac) else {
            return true;
        };
        if self.hosts.contests.count_within(CONTESTED, at, now) > CONTESTS {
            self.limited(at, Limit::Contests, now, out);
            self.alarm(mac, at, Suspicion::Contested, now, out);
            return false;
        }
        out.event(Event::AddressContested { mac, at, address, tester });
        true
    }

    /// Addresses whose test nobody objected to are their stations'.
    pub(crate) fn settle_tentative(&mut self, now: Time, out: &mut Effects) {
        let due: Vec<(Ipv6Addr, Tentative)> =
            self.hosts.tentative.iter().filter(|(_, test)| test.due <= now).map(|(target, test)| (*target, *test)).collect();
        for (target, test) in due {
            self.hosts.tentative.remove(&target);
            let there = self.view.station(test.mac).and_then(|station| station.location) == Some(test.at);
            if there && self.view.owner(IpAddr::V6(target)).is_none_or(|owner| owner == test.mac) {
                self.take_in(test.mac, IpAddr::V6(target), true, test.at, now, out);
            }
        }
    }

    /// The frame that tells one station, or one that tests an address, whose that is.
    pub(crate) fn advertisement(&self, owner: MacAddr, target: Ipv6Addr, to: (MacAddr, Ipv6Addr)) -> Vec<u8> {
        let test = to.1.is_unspecified();
        let flags = Flags { router: self.is_router(owner), solicited: !test, overriding: true };
        let message = Ndp::Advertisement { target, target_mac: Some(owner), flags };
        message.to_frame((owner, target), if test { ALL_NODES } else { to })
    }

    /// True for gateways, and for hosts that are trusted to advertise themselves as routers: others would lose a router that is said
    /// to be none (RFC 4861 §7.2.5).
    fn is_router(&self, mac: MacAddr) -> bool {
        let host = self.view.station(mac).and_then(|station| station.host).and_then(|id| self.policy.hosts.get(id.index()));
        self.gateway_of(mac).is_some() || host.is_some_and(|host| host.serves.contains(&Served::Ra))
    }
}
