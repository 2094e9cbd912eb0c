//! What is true on the network now, as far as policy cares: who is attached where, with which addresses and users.
//! Pure data; knows nothing of how a fact was learned, nor of how long it holds.

mod error;
mod file;
mod links;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lang::checked::{Checked, GatewayId, GroupId, Host, HostId, UserId};
use lang::flow::{End, Person, Place};
use net::{Dpid, Location, MacAddr, PortNo, Prefix, address_bits, can_be_owned};

pub use error::{Fault, ViewError};
pub use file::{GatewayFile, MemberFile, SCHEMA, StationFile, UserFile, ViewFile};
pub use links::Cable;

/// The facts that policy depends on. Every iteration is in the order of addresses, so that equal views give equal programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    stations: BTreeMap<MacAddr, Station>,
    owners: BTreeMap<Number, (IpAddr, MacAddr)>,
    ports: BTreeMap<Location, BTreeSet<MacAddr>>,
    gateways: BTreeMap<GatewayId, MacAddr>,
    /// What registration gives, which nothing that is seen on the wire takes away.
    registered: BTreeMap<MacAddr, BTreeSet<IpAddr>>,
    /// Addresses of gateways, which no station may have.
    reserved: BTreeSet<IpAddr>,
}

/// What a view file tells: the facts that policy depends on, and those that ways depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Who is attached where, with which addresses and users.
    pub view: View,
    /// The cables between switches; nothing where the file does not say.
    pub links: Option<Vec<Cable>>,
}

/// An address as a number, in the order of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    v6: bool,
    bits: u128,
}

impl Number {
    fn of(address: IpAddr) -> Number {
        Number { v6: address.is_ipv6(), bits: address_bits(address) }
    }
}

/// One MAC address and what is bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// The MAC address.
    pub mac: MacAddr,
    /// The declared host that it belongs to.
    pub host: Option<HostId>,
    /// Where it is attached; nothing: known, but not attached now.
    pub location: Option<Location>,
    /// The IP addresses that it owns.
    pub addresses: BTreeSet<IpAddr>,
    /// Users logged in on it, ascending; empty is the pseudo-user `none`.
    pub users: Vec<Person>,
    /// Dynamic groups that it is a member of, but those of users. Ascending.
    pub groups: Vec<GroupId>,
}

impl View {
    /// The view before anything was seen: a station for each MAC address of a declared host, attached nowhere. Where a host has
    /// several MAC addresses, the first owns the declared addresses until another of them claims one.
    #[must_use]
    pub fn new(policy: &Checked) -> View {
        let reserved = policy.gateways.iter().flat_map(|gateway| gateway.addresses.iter().copied()).collect();
        let mut view = View { reserved, ..View::default() };
        for (host, id) in policy.hosts.iter().zip((0..).map(HostId)) {
            view.register(host, id);
        }
        view
    }

    fn register(&mut self, host: &Host, id: HostId) {
        let declared: BTreeSet<IpAddr> = host.addresses.iter().copied().collect();
        for mac in &host.macs {
            let station = Station { host: Some(id), ..Station::unknown(*mac) };
            self.stations.insert(*mac, station);
            self.registered.insert(*mac, declared.clone());
        }
        if let Some(first) = host.macs.first() {
            for address in &declared {
                self.claim(*first, *address);
            }
        }
    }

    /// The station with this MAC address, if it is known.
    #[must_use]
    pub fn station(&self, mac: MacAddr) -> Option<&Station> {
        self.stations.get(&mac)
    }

    /// All stations, by ascending MAC address.
    pub fn stations(&self) -> impl Iterator<Item = &Station> {
        self.stations.values()
    }

    /// The station that owns the address.
    #[must_use]
    pub fn owner(&self, address: IpAddr) -> Option<MacAddr> {
        self.owners.get(&Number::of(address)).map(|(_, mac)| *mac)
    }

    /// The stations attached here, by ascending MAC address.
    pub fn at(&self, location: Location) -> impl Iterator<Item = &Station> {
        self.ports.get(&location).into_iter().flatten().filter_map(|mac| self.stations.get(mac))
    }

    /// How many those are.
    #[must_use]
    pub fn count_at(&self, location: Location) -> usize {
        self.ports.get(&location).map_or(0, |macs| macs.len())
    }

    /// Where a declared host is attached, with each of its MAC addresses.
    #[must_use]
    pub fn places_of(&self, policy: &Checked, id: HostId) -> Vec<Location> {
        let macs = policy.hosts.get(id.index()).into_iter().flat_map(|host| &host.macs);
        macs.filter_map(|mac| self.stations.get(mac)?.location).collect()
    }

    /// The stations attached to this switch.
    pub(crate) fn on(&self, dpid: Dpid) -> impl Iterator<Item = MacAddr> {
        let (first, last) = (Location::new(dpid, PortNo(0)), Location::new(dpid, PortNo(u32::MAX)));
        self.ports.range(first..=last).flat_map(|(_, macs)| macs).copied()
    }

    /// The stations that own an address in this prefix.
    pub(crate) fn owners_in(&self, prefix: Prefix) -> impl Iterator<Item = MacAddr> {
        let behind = self.owners.range(Number::of(prefix.network())..).map(|(_, owned)| owned);
        behind.take_while(move |(address, _)| prefix.contains(*address)).map(|(_, mac)| *mac)
    }

    /// Attaches a station, which need not be known yet; one that is attached elsewhere moves. Whether a move is believed is the
    /// caller's question; what no move may do is refused here: to leave a pin, to stand on a gateway's port, to carry a
    /// gateway's or a group's MAC address. True if the view changed.
    pub fn attach(&mut self, mac: MacAddr, location: Location, policy: &Checked) -> bool {
        if !self.may_know(mac, policy) || policy.gateways.iter().any(|gateway| gateway.at == location) {
            return false;
        }
        let host = match self.stations.get(&mac) {
            Some(station) if station.location == Some(location) => return false,
            Some(station) => station.host,
            None => self.host_of_unknown(mac, policy),
        };
        let pin = host.and_then(|id| policy.hosts.get(id.index())).and_then(|host| host.pin);
        if pin.is_some_and(|pin| pin != location) {
            return false;
        }
        self.detach(mac);
        let station = self.stations.entry(mac).or_insert_with(|| Station { host, ..Station::unknown(mac) });
        station.location = Some(location);
        self.ports.entry(location).or_default().insert(mac);
        true
    }

    /// The station is attached nowhere now; it keeps its addresses and users until they are released and logged out.
    /// True if the view changed.
    pub fn detach(&mut self, mac: MacAddr) -> bool {
        let Some(location) = self.stations.get_mut(&mac).and_then(|station| station.location.take()) else {
            return false;
        };
        if let Some(here) = self.ports.get_mut(&location) {
            here.remove(&mac);
            if here.is_empty() {
                self.ports.remove(&location);
            }
        }
        true
    }

    /// Gives an address to a known station. Refused if another owns it, other MAC addresses of the same host excepted, and for
    /// what no station can own: gateways', unspecified, loopback, multicast and broadcast addresses. True if the view changed.
    pub fn claim(&mut self, mac: MacAddr, address: IpAddr) -> bool {
        let Some(host) = self.stations.get(&mac).map(|station| station.host) else { return false };
        if !can_be_owned(address) || self.reserved.contains(&address) {
            return false;
        }
        if let Some(owner) = self.owner(address) {
            let same_host = host.is_some() && self.stations.get(&owner).is_some_and(|station| station.host == host);
            if owner == mac || !same_host {
                return false;
            }
            if let Some(before) = self.stations.get_mut(&owner) {
                before.addresses.remove(&address);
            }
        }
        self.owners.insert(Number::of(address), (address, mac));
        self.stations.get_mut(&mac).is_some_and(|station| station.addresses.insert(address))
    }

    /// Takes an address from its owner; registered addresses stay. True if the view changed.
    pub fn release(&mut self, mac: MacAddr, address: IpAddr) -> bool {
        if self.owner(address) != Some(mac) || self.is_registered(mac, address) {
            return false;
        }
        self.owners.remove(&Number::of(address));
        self.stations.get_mut(&mac).is_some_and(|station| station.addresses.remove(&address))
    }

    /// Logs a user in on a known station, or tells anew in which dynamic groups one is. True if the view changed.
    pub fn login(&mut self, mac: MacAddr, person: Person) -> bool {
        let Some(station) = self.stations.get_mut(&mac) else { return false };
        let before = station.users.clone();
        station.users.retain(|other| other.user.is_none() || other.user != person.user);
        if let Err(place) = station.users.binary_search(&person) {
            station.users.insert(place, person);
        }
        station.users != before
    }

    /// Logs a declared user out. True if the view changed.
    pub fn logout(&mut self, mac: MacAddr, user: UserId) -> bool {
        let Some(station) = self.stations.get_mut(&mac) else { return false };
        let before = station.users.len();
        station.users.retain(|person| person.user != Some(user));
        station.users.len() != before
    }

    /// Tells of which dynamic groups a known station is a member, but those of users. True if the view changed.
    pub fn join(&mut self, mac: MacAddr, mut groups: Vec<GroupId>) -> bool {
        groups.sort_unstable();
        groups.dedup();
        let Some(station) = self.stations.get_mut(&mac) else { return false };
        std::mem::replace(&mut station.groups, groups) != station.groups
    }

    /// Forgets all that was seen of a station: a registered one falls back to what registration says, any other is unknown
    /// again. True if the view changed.
    pub fn remove(&mut self, mac: MacAddr) -> bool {
        let mut changed = self.detach(mac);
        let Some(station) = self.stations.get_mut(&mac) else { return changed };
        changed |= !station.users.is_empty() || !station.groups.is_empty();
        station.users.clear();
        station.groups.clear();
        let seen: Vec<IpAddr> = station.addresses.iter().copied().collect();
        for address in seen {
            changed |= self.release(mac, address);
        }
        if self.registered.contains_key(&mac) { changed } else { self.stations.remove(&mac).is_some() }
    }

    /// Notes the MAC address of a gateway whose declaration gives none. A station that carried it so far is forgotten.
    pub fn set_gateway_mac(&mut self, gateway: GatewayId, mac: MacAddr) {
        if mac.is_unicast() && !self.registered.contains_key(&mac) {
            self.remove(mac);
            self.gateways.insert(gateway, mac);
        }
    }

    /// The MAC address noted for a gateway.
    #[must_use]
    pub fn gateway_mac(&self, gateway: GatewayId) -> Option<MacAddr> {
        self.gateways.get(&gateway).copied()
    }

    /// The same live facts under another policy, whose ids may differ: stations are matched by MAC address, users and gateways
    /// by name. What the new policy forbids (a pin elsewhere, an address registered to another) is dropped, and so is what only
    /// the old registration gave.
    #[must_use]
    pub fn rebase(&self, old: &Checked, new: &Checked) -> View {
        let mut view = View::new(new);
        for (gateway, mac) in &self.gateways {
            let name = old.gateways.get(gateway.index()).map(|gateway| &gateway.name);
            let place = new.gateways.iter().position(|gateway| Some(&gateway.name) == name);
            if let Some(id) = place.and_then(|place| u32::try_from(place).ok()) {
                view.set_gateway_mac(GatewayId(id), *mac);
            }
        }
        for station in self.stations.values() {
            self.carry(station, old, new, &mut view);
        }
        view
    }

    /// The MAC addresses of stations that differ between the two views, ascending: what [`crate::Program::update`] wants to know.
    #[must_use]
    pub fn changed_stations(&self, after: &View) -> Vec<MacAddr> {
        let macs: BTreeSet<MacAddr> = self.stations.keys().chain(after.stations.keys()).copied().collect();
        macs.into_iter().filter(|mac| self.station(*mac) != after.station(*mac)).collect()
    }

    fn carry(&self, station: &Station, old: &Checked, new: &Checked, view: &mut View) {
        view.know(station.mac, new);
        if let Some(location) = station.location {
            view.attach(station.mac, location, new);
        }
        for address in station.addresses.iter().filter(|address| !self.is_registered(station.mac, **address)) {
            view.claim(station.mac, *address);
        }
        let groups = |ids: &[GroupId]| ids.iter().filter_map(|id| same_group(*id, old, new)).collect::<Vec<_>>();
        for person in &station.users {
            let user = person.user.map(|id| same_user(id, old, new));
            // A user whose declaration is gone is logged in no more; one who never had one goes on.
            if user != Some(None) {
                view.login(station.mac, Person { user: user.flatten(), groups: groups(&person.groups) });
            }
        }
        view.join(station.mac, groups(&station.groups));
    }

    /// Makes sure that there is a station with this MAC address.
    fn know(&mut self, mac: MacAddr, policy: &Checked) {
        if self.may_know(mac, policy) {
            let host = self.host_of_unknown(mac, policy);
            self.stations.entry(mac).or_insert_with(|| Station { host, ..Station::unknown(mac) });
        }
    }

    /// The host of a MAC address that may have no station yet. A view that was made from a policy has stations for all its
    /// hosts, so that a stranger costs no search.
    fn host_of_unknown(&self, mac: MacAddr, policy: &Checked) -> Option<HostId> {
        if self.registered.is_empty() { policy.host_of_mac(mac) } else { None }
    }

    /// True if the MAC address may be a station's: no group's, no gateway's.
    fn may_know(&self, mac: MacAddr, policy: &Checked) -> bool {
        mac.is_unicast()
            && !policy.gateways.iter().any(|gateway| gateway.mac == Some(mac))
            && !self.gateways.values().any(|learned| *learned == mac)
    }

    fn is_registered(&self, mac: MacAddr, address: IpAddr) -> bool {
        self.registered.get(&mac).is_some_and(|declared| declared.contains(&address))
    }
}

impl Station {
    fn unknown(mac: MacAddr) -> Station {
        Station { mac, host: None, location: None, addresses: BTreeSet::new(), users: Vec::new(), groups: Vec::new() }
    }
}

/// An end that is no station, under another policy whose ids may differ: what is declared is matched by name.
pub(crate) fn carried(end: &End, old: &Checked, new: &Checked) -> End {
    let gateway = |id: GatewayId| {
        let name = old.gateways.get(id.index()).map(|gateway| &gateway.name);
        let place = new.gateways.iter().position(|gateway| Some(&gateway.name) == name);
        place.and_then(|place| u32::try_from(place).ok()).map(GatewayId)
    };
    let host = |id: HostId| {
        let name = old.hosts.get(id.index()).map(|host| &host.name);
        let place = new.hosts.iter().position(|host| Some(&host.name) == name);
        place.and_then(|place| u32::try_from(place).ok()).map(HostId)
    };
    let groups = |ids: &[GroupId]| ids.iter().filter_map(|id| same_group(*id, old, new)).collect::<Vec<_>>();
    let person = |person: &Person| {
        let user = person.user.map(|id| same_user(id, old, new));
        (user != Some(None)).then(|| Person { user: user.flatten(), groups: groups(&person.groups) })
    };
    let place = match end.place {
        Place::Internet(behind) => Place::Internet(behind.and_then(gateway)),
        Place::Gateway(id) => gateway(id).map_or(Place::Internet(None), Place::Gateway),
        Place::Inside | Place::Broadcast | Place::Multicast | Place::Controller => end.place,
    };
    let mut users: Vec<Person> = end.users.iter().filter_map(person).collect();
    users.sort_unstable();
    End { users, host: end.host.and_then(host), groups: groups(&end.groups), place, ..end.clone() }
}

/// The user of that name in another policy.
fn same_user(id: UserId, old: &Checked, new: &Checked) -> Option<UserId> {
    let name = old.users.get(id.index()).map(|user| &user.name);
    let place = new.users.iter().position(|user| Some(&user.name) == name)?;
    u32::try_from(place).ok().map(UserId)
}

/// The dynamic group of that source in another policy.
fn same_group(id: GroupId, old: &Checked, new: &Checked) -> Option<GroupId> {
    let group = old.groups.get(id.index()).filter(|group| group.dynamic.is_some())?;
    let place = new.groups.iter().position(|other| other.dynamic == group.dynamic && other.kind == group.kind)?;
    u32::try_from(place).ok().map(GroupId)
}

#[cfg(test)]
mod tests;
