//! What a flow's text leaves open, filled in. Knows nothing of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use net::{Location, MacAddr};

use crate::checked::{Checked, Gateway, GatewayId, HostId};
use crate::flow::{End, Place};

use super::ends::Draft;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// Addresses for examples (RFC 5737, RFC 3849) and, should a site have declared those, some that are in no site.
const BEYOND: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xfffe, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe)),
];

/// The groups that `multicast` alone stands for: administratively scoped (RFC 2365), transient site-local (RFC 4291 §2.7).
const GROUPS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(239, 255, 0, 1)), IpAddr::V6(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0, 1))];

/// The family of a flow; nothing if its parts disagree.
pub(super) fn family(policy: &Checked, src: &Draft, dst: &Draft, traffic: Option<Family>) -> Option<Family> {
    let said: Vec<Family> =
        traffic.into_iter().chain([src, dst].into_iter().filter_map(|end| end.address.map(Family::of))).collect();
    match said.split_first() {
        Some((first, rest)) => rest.iter().all(|family| family == first).then_some(*first),
        None if [src, dst].into_iter().any(|end| is_v6_only(policy, end)) => Some(Family::V6),
        None => Some(Family::V4),
    }
}

fn is_v6_only(policy: &Checked, draft: &Draft) -> bool {
    let addresses = match draft.place {
        Some(Place::Gateway(id)) => policy.gateways.get(id.index()).map(|gateway| &gateway.addresses),
        _ => host_of(policy, draft).and_then(|id| policy.hosts.get(id.index())).map(|host| &host.addresses),
    };
    addresses.is_some_and(|all| !all.is_empty() && all.iter().all(|address| address.is_ipv6()))
}

/// The host that a draft names, or that one of its addresses tells.
fn host_of(policy: &Checked, draft: &Draft) -> Option<HostId> {
    if draft.host.is_some() || draft.unregistered || draft.place.is_some() {
        return draft.host;
    }
    match (draft.mac, draft.address) {
        (Some(mac), _) => policy.host_of_mac(mac),
        (None, Some(address)) => policy.host_of_address(address),
        (None, None) => None,
    }
}

/// What sort of end a draft means: what it says, else what its addresses tell.
fn place_of(policy: &Checked, draft: &Draft, host: Option<HostId>) -> Place {
    if let Some(place) = draft.place {
        return match place {
            Place::Internet(_) => Place::Internet(gateway_at(policy, draft.location)),
            Place::Inside | Place::Gateway(_) | Place::Broadcast | Place::Multicast | Place::Controller => place,
        };
    }
    if host.is_some() || draft.unregistered {
        return Place::Inside;
    }
    if draft.mac == Some(MacAddr::BROADCAST) || draft.address == Some(IpAddr::V4(Ipv4Addr::BROADCAST)) {
        return Place::Broadcast;
    }
    if draft.mac.is_some_and(MacAddr::is_multicast) || draft.address.is_some_and(|address| address.is_multicast()) {
        return Place::Multicast;
    }
    if let Some(id) = gateway_with(policy, draft) {
        return Place::Gateway(id);
    }
    let at_gateway = |at| policy.gateways.iter().any(|gateway| gateway.at == at);
    let nothing_else = draft.location.is_none_or(at_gateway) && draft.mac.is_none() && draft.users.is_empty();
    match draft.address {
        Some(address) if nothing_else && !policy.gateways.is_empty() && !policy.is_inside(address) => {
            Place::Internet(gateway_at(policy, draft.location))
        }
        _ => Place::Inside,
    }
}

/// The gateway at a place; without a place, the first.
fn gateway_at(policy: &Checked, place: Option<Location>) -> Option<GatewayId> {
    let at = policy.gateways.iter().position(|gateway| place.is_none_or(|place| gateway.at == place)).unwrap_or(0);
    if policy.gateways.is_empty() { None } else { u32::try_from(at).ok().map(GatewayId) }
}

/// The gateway that has one of the draft's addresses.
fn gateway_with(policy: &Checked, draft: &Draft) -> Option<GatewayId> {
    let is_it = |gateway: &Gateway| match (draft.mac, draft.address) {
        (Some(mac), _) => gateway.mac == Some(mac),
        (None, Some(address)) => gateway.addresses.contains(&address),
        (None, None) => false,
    };
    let place = policy.gateways.iter().position(is_it)?;
    u32::try_from(place).ok().map(GatewayId)
}

/// The end that a draft means, in a flow of this family.
pub(super) fn end(policy: &Checked, draft: &Draft, family: Family) -> End {
    let host = host_of(policy, draft);
    let place = place_of(policy, draft, host);
    let first = |addresses: &[IpAddr]| addresses.iter().copied().find(|address| Family::of(*address) == family);
    let declared = host.and_then(|id| policy.hosts.get(id.index()));
    let mut end = End {
        users: draft.users.clone(),
        groups: draft.groups.clone(),
        host,
        location: draft.location.or_else(|| declared.and_then(|host| host.pin)),
        mac: draft.mac.or_else(|| declared.and_then(|host| host.macs.first().copied())),
        address: draft.address.or_else(|| declared.and_then(|host| first(&host.addresses))),
        place,
    };
    match place {
        Place::Inside | Place::Controller => {}
        Place::Internet(gateway) => {
            let gateway = gateway.and_then(|id| policy.gateways.get(id.index()));
            end.location = end.location.or_else(|| gateway.map(|gateway| gateway.at));
            end.mac = end.mac.or_else(|| gateway.and_then(|gateway| gateway.mac));
            end.address = end.address.or_else(|| beyond(policy, family));
        }
        Place::Gateway(id) => {
            let gateway = policy.gateways.get(id.index());
            end.location = end.location.or_else(|| gateway.map(|gateway| gateway.at));
            end.mac = end.mac.or_else(|| gateway.and_then(|gateway| gateway.mac));
            end.address = end.address.or_else(|| gateway.and_then(|gateway| first(&gateway.addresses)));
        }
        Place::Broadcast => {
            end.mac = end.mac.or(Some(MacAddr::BROADCAST));
            end.address = end.address.or((family == Family::V4).then_some(IpAddr::V4(Ipv4Addr::BROADCAST)));
        }
        Place::Multicast => {
            end.address = end.address.or_else(|| first(&GROUPS));
            end.mac = end.mac.or_else(|| end.address.map(group_mac));
        }
    }
    end
}

/// What stands for no address in packets of this family.
pub(super) fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// The address that an end has in text which says none, in a packet of IPv6 or of IPv4.
#[must_use]
pub fn usual_address(policy: &Checked, end: &End, v6: bool) -> Option<IpAddr> {
    let inside = end.place == Place::Inside;
    let place = (!inside).then_some(end.place);
    let draft = Draft { host: end.host, unregistered: inside && end.host.is_none(), place, ..Draft::default() };
    self::end(policy, &draft, if v6 { Family::V6 } else { Family::V4 }).address
}

/// An address in no declared network; where the site has declared them all, there is none.
pub(super) fn beyond(policy: &Checked, family: Family) -> Option<IpAddr> {
    BEYOND.into_iter().find(|address| Family::of(*address) == family && !policy.is_inside(*address))
}

/// The MAC address of a multicast group (RFC 1112 §6.4, RFC 2464 §7).
fn group_mac(address: IpAddr) -> MacAddr {
    match address {
        IpAddr::V4(v4) => {
            let [_, b, c, d] = v4.octets();
            MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            MacAddr([0x33, 0x33, a, b, c, d])
        }
    }
}
