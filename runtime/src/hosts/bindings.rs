//! Which station has which address: where that is known from, how far that is trusted, and how long it holds. What is trusted less
//! never takes from what is trusted more. Knows nothing of packets.

use std::fmt;
use std::net::IpAddr;

use lang::checked::Verdict;
use net::{Location, MacAddr, Prefix, Time};

use super::Hosts;
use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::{Event, Limit, Suspicion};

/// Addresses behind one router that are known at one time.
const ROUTED: usize = 4096;

/// Prefixes on the link that routers advertise, at most.
const ADVERTISED: usize = 64;

/// Where a binding comes from; each is trusted more than those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The station says so, by ARP, neighbour discovery, or by using it.
    Claim,
    /// A trusted DHCP server gave it.
    Lease,
    /// The policy declares it, by `ip` or `routes`.
    Registration,
}

/// A binding of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Whose it is.
    pub mac: MacAddr,
    /// Where that is known from.
    pub source: Source,
    /// When it was last seen in use.
    pub seen: Time,
    /// When it ends, if that is settled.
    pub until: Option<Time>,
    /// Where its station was.
    pub at: Location,
}

/// Why a binding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing was seen of it, and no conversation used it.
    Silent,
    /// The lease ended.
    Expired,
    /// The station gave it back.
    Released,
    /// The station found it in use.
    Declined,
    /// The server refused to go on.
    Refused,
    /// The station asks for a lease at another port.
    Moved,
    /// Somebody who is believed more, or spoke later, has it.
    Taken,
    /// The policy no longer declares it.
    Undeclared,
}

impl Controller {
    /// What is known of an address that a station has.
    #[must_use]
    pub fn binding(&self, address: IpAddr) -> Option<Binding> {
        let mac = self.view.owner(address)?;
        let at =
            self.view.station(mac).and_then(|station| station.location).unwrap_or(Location::new(net::Dpid(0), net::PortNo(0)));
        let registered = Binding { mac, source: Source::Registration, seen: Time(0), until: None, at };
        let is_registered = self.is_registered(mac, address);
        if is_registered { Some(registered) } else { self.hosts.bindings.get(&address).copied() }
    }

    /// A station uses an address. False if that is not believed.
    pub(crate) fn claim(&mut self, mac: MacAddr, address: IpAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        // How long its owner has been silent may count.
        self.tell_heard();
        match self.view.owner(address) {
            Some(owner) if owner == mac => {
                self.hosts.touch(mac, address, at, now);
                self.card_answers(mac, address, now, out);
                true
            }
            Some(owner) if self.are_one_host(owner, mac) => self.claim_of_card(owner, (mac, at), address, now, out),
            Some(owner) if self.is_held(owner, address, now) => {
                self.alarm(mac, at, Suspicion::AddressOf(owner), now, out);
                false
            }
            Some(owner) => {
                self.lose(owner, address, Loss::Taken, now, out);
                self.claim_free(mac, address, at, now, out)
            }
            None => self.claim_free(mac, address, at, now, out),
        }
    }

    fn claim_free(&mut self, mac: MacAddr, address: IpAddr, at: Location, now: Time, out: &mut Effects) -> bool {
        if self.is_reserved(address) {
            self.alarm(mac, at, Suspicion::Reserved, now, out);
            return false;
        }
        if self.hosts.withheld.is_from(mac, address, now) && !self.is_registered(mac, address) {
            self.alarm(mac, at, Suspicion::Withheld(address), now, out);
            return false;
        }
        let routed = match self.router_of(address) {
            Some(router) if router == mac || self.are_one_host(router, mac) => true,
            Some(router) => {
                self.alarm(mac, at, Suspicion::AddressOf(router), now, out);
                return false;
            }
            None => false,
        };
        if !routed && !self.may_be_inside(mac, address) {
            self.alarm(mac, at, Suspicion::Outside(address), now, out);
            return false;
        }
        let most = if routed { ROUTED } else { self.settings.addresses_per_station };
        if self.claimed(mac, routed) >= most {
            self.limited(at, Limit::Addresses, now, out);
            return false;
        }
        if !self.may_answer_test(mac, address, at, now, out) {
            return false;
        }
        if !self.view.claim(mac, address) {
            return false;
        }
        let source = if routed { Source::Registration } else { Source::Claim };
        self.hosts.bindings.insert(address, Binding { mac, source, seen: now, until: None, at });
        out.event(Event::AddressClaimed { mac, address, source });
        self.update_station(mac, now);
        self.plan_soon(None);
        self.receiver_changed(mac, now, out);
        true
    }

    /// How many addresses a station has of its own, or how many lie behind it: neither takes from the other.
    fn claimed(&self, mac: MacAddr, routed: bool) -> usize {
        let all = self.view.station(mac).into_iter().flat_map(|station| &station.addresses);
        let behind = |address: &IpAddr| {
            let source = self.hosts.bindings.get(address).map(|binding| binding.source);
            source == Some(Source::Registration) && !self.is_registered(mac, *address)
        };
        all.filter(|address| behind(address) == routed).count()
    }

    /// A packet for an address behind a router that nobody has heard of yet: it is the router's, whoever is there. Until the
    /// packet is decided, nothing is remembered of it. True if [`Controller::keep_behind`] is to say what is.
    pub(crate) fn suppose_behind(&mut self, mac: MacAddr, address: IpAddr, now: Time) -> bool {
        let supposed = self.view.owner(address).is_none()
            && self.router_of(address) == Some(mac)
            && !self.is_reserved(address)
            && self.view.station(mac).is_some_and(|station| station.location.is_some())
            && self.claimed(mac, true) < ROUTED
            && self.view.claim(mac, address);
        if supposed {
            self.update_station(mac, now);
        }
        supposed
    }

    /// Whoever is behind a router is remembered if the packet may go there: else anybody could fill the router's share.
    pub(crate) fn keep_behind(&mut self, mac: MacAddr, address: IpAddr, now: Time, out: &mut Effects) {
        let at = self.view.station(mac).and_then(|station| station.location);
        if let Some(at) = at.filter(|_| self.is_in_use(mac, address)) {
            let source = Source::Registration;
            self.hosts.bindings.insert(address, Binding { mac, source, seen: now, until: None, at });
            out.event(Event::AddressClaimed { mac, address, source });
            self.plan_soon(None);
            return self.receiver_changed(mac, now, out);
        }
        self.view.release(mac, address);
        self.update_station(mac, now);
    }

    /// A station has an address no longer. True if it had it.
    pub(crate) fn lose(&mut self, mac: MacAddr, address: IpAddr, why: Loss, now: Time, out: &mut Effects) -> bool {
        let source = self.hosts.unbind_address(address).map_or(Source::Claim, |binding| binding.source);
        let lost = self.view.release(mac, address);
        if source == Source::Lease {
            // Who asks for it at another port may have it yet, whatever comes of the question.
            if !matches!(why, Loss::Moved | Loss::Undeclared) {
                self.hosts.withheld.withhold(address, mac, now.after(self.settings.address_lifetime));
            }
            if address.is_ipv4() {
                self.hosts.leases.unname(mac);
            }
        }
        if lost {
            out.event(Event::AddressReleased { mac, address, source, why });
            self.station_changed(mac, now, out);
        }
        lost
    }

    /// Addresses of gateways and of the controller itself.
    pub(crate) fn is_reserved(&self, address: IpAddr) -> bool {
        self.policy.gateways.iter().any(|gateway| gateway.addresses.contains(&address))
            || self.hosts.gateway_addresses.contains_key(&address)
            || address == IpAddr::V6(self.own_address())
    }

    /// The station behind which an address lies, by declaration or by a delegated prefix.
    pub(crate) fn router_of(&self, address: IpAddr) -> Option<MacAddr> {
        if let Some(host) = self.inventory.router(address).and_then(|id| self.policy.hosts.get(id.index())) {
            let here = host.macs.iter().copied().find(|mac| self.view.station(*mac).is_some_and(|one| one.location.is_some()));
            return here.or(host.macs.first().copied());
        }
        self.hosts.leases.delegated_to(address)
    }

    /// True if both are network cards of one registered host.
    pub(super) fn are_one_host(&self, one: MacAddr, other: MacAddr) -> bool {
        let host = |mac| self.view.station(mac).and_then(|station| station.host);
        host(one).is_some() && host(one) == host(other)
    }

    pub(crate) fn is_registered(&self, mac: MacAddr, address: IpAddr) -> bool {
        let host = self.view.station(mac).and_then(|station| station.host).and_then(|id| self.policy.hosts.get(id.index()));
        host.is_some_and(|host| host.addresses.contains(&address))
    }

    /// Where there is a gateway, public addresses lie beyond it, unless a declaration says otherwise: who could claim one inside
    /// would cut everybody off from it.
    fn may_be_inside(&self, mac: MacAddr, address: IpAddr) -> bool {
        self.policy.gateways.is_empty()
            || self.is_registered(mac, address)
            || is_private(address)
            || self.policy.is_inside(address)
            || self.hosts.is_advertised(address)
    }

    /// True if nobody else may claim the address: it is registered or leased, or was seen lately at a station that is attached, or a
    /// conversation of that station uses it.
    pub(crate) fn is_held(&self, owner: MacAddr, address: IpAddr, now: Time) -> bool {
        let Some(station) = self.view.station(owner) else { return false };
        if self.is_registered(owner, address) {
            return true;
        }
        let Some(binding) = self.hosts.bindings.get(&address).filter(|one| one.mac == owner) else { return false };
        if binding.source == Source::Lease && binding.until.is_some_and(|until| until > now) {
            return true;
        }
        let fresh = now.since(binding.seen) < self.settings.address_lifetime;
        station.location.is_some() && (fresh || self.is_in_use(owner, address))
    }

    /// True if an allowed conversation of the station uses the address: its packets pass without our seeing them.
    pub(super) fn is_in_use(&self, mac: MacAddr, address: IpAddr) -> bool {
        if self.is_seated(mac, Some(address)) {
            return true;
        }
        self.records.of_station(mac).into_iter().filter_map(|id| self.records.get(id)).any(|one| {
            let uses = one
                .key
                .ip
                .is_some_and(|ip| (one.key.dl_src == mac && ip.src == address) || (one.key.dl_dst == mac && ip.dst == address));
            uses && one.template.verdict == Verdict::Allow
        })
    }
}

impl Hosts {
    /// An address was seen at its owner, which may be another card of the same host now.
    pub(super) fn touch(&mut self, mac: MacAddr, address: IpAddr, at: Location, now: Time) {
        let fresh = Binding { mac, source: Source::Claim, seen: now, until: None, at };
        let binding = self.bindings.entry(address).or_insert(fresh);
        (binding.mac, binding.seen) = (mac, now);
    }

    /// Forgets what was known of an address.
    pub(super) fn unbind_address(&mut self, address: IpAddr) -> Option<Binding> {
        let binding = self.bindings.remove(&address)?;
        if binding.source == Source::Lease {
            self.leases.ended(binding.at);
        }
        Some(binding)
    }

    /// A trusted router says that addresses of this prefix are on the link.
    pub(crate) fn advertise(&mut self, prefix: Prefix, until: Time) {
        self.advertised.retain(|(other, _)| *other != prefix);
        if self.advertised.len() < ADVERTISED {
            self.advertised.push((prefix, until));
        }
    }

    fn is_advertised(&self, address: IpAddr) -> bool {
        self.advertised.iter().any(|(prefix, _)| prefix.contains(address))
    }

    /// True while somebody has a lease of the address.
    pub(crate) fn is_leased(&self, address: IpAddr) -> bool {
        self.bindings.get(&address).is_some_and(|binding| binding.source == Source::Lease)
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

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Claim => "claim",
            Source::Lease => "lease",
            Source::Registration => "registration",
        })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::Silent => "nothing was seen of it",
            Loss::Expired => "its lease ended",
            Loss::Released => "its station gave it back",
            Loss::Declined => "its station found it in use",
            Loss::Refused => "the server refused it",
            Loss::Moved => "its station asks for a lease at another port",
            Loss::Taken => "another has it",
            Loss::Undeclared => "the policy no longer declares it",
        })
    }
}
