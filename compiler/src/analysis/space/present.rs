//! What one view leaves of the space: the stations that it knows, as they are. Knows nothing of rules.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lang::checked::{GroupId, HeaderTest, Kind, ServiceTerm};
use lang::flow::{Headers, Side};
use net::{EtherType, IpProto, Location, MacAddr, is_link_local};

use super::{ADDRESS, AT, Area, Login, PACKET, Space, USER, WHO, Who, end_attr};
use crate::service::passes;
use crate::view::{Station, View};

/// The stations that are no declared hosts.
pub(super) fn strangers(view: &View) -> impl Iterator<Item = MacAddr> {
    view.stations().filter(|station| station.host.is_none()).map(|station| station.mac)
}

/// Where stations are.
pub(super) fn locations(view: &View) -> impl Iterator<Item = Location> {
    view.stations().filter_map(|station| station.location)
}

/// The addresses of stations.
pub(super) fn addresses(view: &View) -> impl Iterator<Item = IpAddr> {
    view.stations().flat_map(|station| station.addresses.iter().copied())
}

/// For each address the next ones, up and down, that no station has. What lies between has one.
pub(super) fn free_neighbours(views: &[&View], addresses: &[IpAddr]) -> BTreeSet<IpAddr> {
    let free = |from: IpAddr, up: bool| {
        let mut next = step(from, up)?;
        while views.iter().any(|view| view.owner(next).is_some()) {
            next = step(next, up)?;
        }
        Some(next)
    };
    addresses.iter().flat_map(|address| [free(*address, true), free(*address, false)]).flatten().collect()
}

/// The next address, or the one before.
fn step(address: IpAddr, up: bool) -> Option<IpAddr> {
    let by = if up { 1 } else { -1 };
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_add_signed(by).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        IpAddr::V6(v6) => v6.to_bits().checked_add_signed(by.into()).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    }
}

/// The packets that may go out without a source address, as `principal` lets them.
pub(super) fn may_lack_source() -> Vec<HeaderTest> {
    const IGMP: IpProto = IpProto(2);
    let messages = [131, 132, 133, 135, 143].map(|kind| ServiceTerm::Icmp(IpProto::ICMPV6, kind, None));
    let terms = [ServiceTerm::Ports(IpProto::UDP, 67..=67), ServiceTerm::Protocol(IGMP)].into_iter().chain(messages);
    terms.map(|term| HeaderTest::Service([term].into())).collect()
}

/// True if packets like this one may go out without a source address.
fn may_lack(headers: &Headers) -> bool {
    let ends = match headers.dl_type {
        Some(EtherType::IPV4) => [IpProto::UDP, IpProto(2)].map(Some).contains(&headers.proto),
        Some(EtherType::IPV6) => headers.proto == Some(IpProto::ICMPV6),
        Some(_) | None => false,
    };
    ends && may_lack_source().iter().any(|test| passes(test, headers))
}

impl Space<'_> {
    /// Adds what no station of the view is, at one end.
    pub(super) fn forbid_absent(&self, side: Side, view: &View, rows: &mut Vec<Area>) {
        let known = |who: &Who| match who {
            Who::Hosts(hosts) => hosts.iter().any(|(_, mac)| view.station(*mac).is_some()),
            Who::Stranger(mac) => mac.and_then(|mac| view.station(mac)).is_some_and(|station| station.host.is_none()),
            Who::Gateway(_) | Who::Internet(_) | Who::Broadcast | Who::Multicast | Who::Controller => true,
        };
        Self::forbid(rows, [self.who(side, |who| !known(who))]);
        for class in 0..self.whos.len() {
            let mac = match self.whos.get(class) {
                Some(Who::Hosts(hosts)) => hosts.first().map(|(_, mac)| *mac),
                Some(Who::Stranger(mac)) => *mac,
                _ => None,
            };
            if let Some(station) = mac.and_then(|mac| view.station(mac)) {
                self.forbid_unlike(side, class, station, rows);
            }
        }
        self.forbid_owned(side, view, rows);
    }

    /// Adds what a station is not.
    fn forbid_unlike(&self, side: Side, class: usize, station: &Station, rows: &mut Vec<Area>) {
        let one = |attr, wanted: &dyn Fn(usize) -> bool| self.where_(attr, wanted).pop();
        let itself = || one(end_attr(side, WHO), &|other| other == class);
        if station.location.is_none() {
            // It sends nothing, and nothing is delivered to it.
            Self::forbid(rows, [itself()]);
            return;
        }
        let elsewhere = one(end_attr(side, AT), &|place| self.places.get(place) != Some(&station.location));
        Self::forbid(rows, [itself(), elsewhere]);
        let own = |place: usize| match self.addresses.get(place).and_then(|one| one.sample) {
            Some(address) => station.addresses.contains(&address),
            None => true,
        };
        Self::forbid(rows, [itself(), one(end_attr(side, ADDRESS), &|place| !own(place))]);
        self.forbid_unaddressed(side, class, station, rows);
        let logins: Vec<(usize, &[GroupId])> = station
            .users
            .iter()
            .filter_map(|person| Some((self.class_of_login(person.user)?, person.groups.as_slice())))
            .collect();
        let nobody = |place: usize| self.logins.get(place) == Some(&Login::Nobody);
        let is_in = |place: usize| logins.iter().any(|(other, _)| *other == place) || logins.is_empty() && nobody(place);
        Self::forbid(rows, [itself(), one(end_attr(side, USER), &|place| !is_in(place))]);
        for (place, id) in self.dynamic.iter().enumerate() {
            let value = |member: bool| one(self.dynamic_attr(side, place), &|class| class == usize::from(member));
            let of_users = self.policy.groups.get(id.index()).is_some_and(|group| group.kind == Kind::User);
            if !of_users {
                Self::forbid(rows, [itself(), value(!station.groups.contains(id))]);
                continue;
            }
            for login in 0..self.logins.len() {
                let persons = || logins.iter().filter(|(other, _)| *other == login);
                for member in [false, true] {
                    // Of users whom nothing tells apart, one may be a member and another not.
                    if persons().next().is_some() && persons().all(|(_, groups)| groups.contains(id) != member) {
                        let user = one(end_attr(side, USER), &|place| place == login);
                        Self::forbid(rows, [itself(), user, value(member)]);
                    }
                }
            }
        }
    }

    /// A station with addresses has one of the family in every packet, but for those that may go out without. Of a station without
    /// any, the addresses are not known.
    fn forbid_unaddressed(&self, side: Side, class: usize, station: &Station, rows: &mut Vec<Area>) {
        let one = |attr, wanted: &dyn Fn(usize) -> bool| self.where_(attr, wanted).pop();
        if station.addresses.is_empty() {
            return;
        }
        for dl_type in [EtherType::IPV4, EtherType::IPV6] {
            let itself = one(end_attr(side, WHO), &|other| other == class);
            let nothing =
                one(end_attr(side, ADDRESS), &|place| self.addresses.get(place).is_some_and(|one| one.sample.is_none()));
            let needs = |headers: &Headers| headers.dl_type == Some(dl_type) && (side == Side::Dst || !may_lack(headers));
            let packets = one(PACKET, &|place| self.packets.get(place).is_some_and(needs));
            Self::forbid(rows, [itself, nothing, packets]);
        }
    }

    /// An address that a station owns is nobody else's, but for the last one of a network.
    fn forbid_owned(&self, side: Side, view: &View, rows: &mut Vec<Area>) {
        for (class, one) in self.addresses.iter().enumerate() {
            let Some(address) = one.sample else { continue };
            let Some(owner) = view.owner(address) else { continue };
            let is_owner = |who: &Who| match who {
                Who::Hosts(hosts) => hosts.iter().any(|(_, mac)| *mac == owner),
                Who::Stranger(mac) => *mac == Some(owner),
                Who::Broadcast => one.directed,
                // An address of the link is not told from that of a station.
                Who::Gateway(_) => is_link_local(address),
                Who::Internet(_) | Who::Multicast | Who::Controller => false,
            };
            let others = self.who(side, |who| !is_owner(who));
            Self::forbid(rows, [others, self.where_(end_attr(side, ADDRESS), |other| other == class).pop()]);
        }
    }
}
