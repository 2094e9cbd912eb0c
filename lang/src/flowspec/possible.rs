//! Which ends there can be. What no packet has is no flow: a test of it would pass for nothing.

use std::net::IpAddr;

use net::{can_be_owned, is_link_local};

use crate::checked::{Checked, Gateway, GatewayId, HostId};
use crate::flow::{End, Place, Side};

use super::location_text;

/// Why no end of a flow is this one; nothing if one can be. What is open stays open: an end at no place that is known can be
/// anywhere.
pub(super) fn refusal(policy: &Checked, side: Side, end: &End) -> Option<String> {
    match end.place {
        Place::Inside => inside(policy, end),
        // Without a gateway nothing is the internet yet. What rules would say of it may be asked all the same.
        Place::Internet(None) => None,
        Place::Internet(Some(id)) => internet(policy, id, end),
        Place::Gateway(id) => gateway(policy, id, end),
        Place::Broadcast | Place::Multicast | Place::Controller if side == Side::Src => {
            Some("no flow starts at a group address or at the controller".to_owned())
        }
        Place::Broadcast | Place::Multicast => group(policy, end),
        Place::Controller => None,
    }
}

fn group(policy: &Checked, end: &End) -> Option<String> {
    if let Some(at) = end.location {
        return Some(format!("a group address is at no port, not at {} either", location_text(policy, at)));
    }
    let everyone = end.place == Place::Broadcast;
    if let Some(mac) = end.mac.filter(|mac| mac.is_broadcast() != everyone || !mac.is_multicast()) {
        let what = if everyone { "everyone" } else { "a group" };
        return Some(format!("{mac} is not the MAC address of {what}"));
    }
    let address = end.address?;
    let sound = if everyone { policy.is_broadcast(address) } else { address.is_multicast() };
    (!sound).then(|| format!("{address} is a single machine's address, and the frame is for a group"))
}

fn inside(policy: &Checked, end: &End) -> Option<String> {
    if let Some(mac) = end.mac.filter(|mac| !mac.is_unicast()) {
        return Some(format!("{mac} is the MAC address of a group, and of no machine"));
    }
    let name = |id: HostId| policy.hosts.get(id.index()).map_or("", |host| &host.name);
    if let Some((gateway, at)) = policy.gateways.iter().find(|gateway| end.location == Some(gateway.at)).zip(end.location) {
        let at = location_text(policy, at);
        return Some(format!("at {at} is gateway `{}`, and no machine of the site", gateway.name));
    }
    if let Some((mac, id)) = end.mac.and_then(|mac| Some((mac, policy.host_of_mac(mac)?)))
        && end.host != Some(id)
    {
        return Some(format!("{mac} is declared for host `{}`", name(id)));
    }
    if let Some((host, pin)) = end.host.and_then(|id| policy.hosts.get(id.index())).and_then(|host| Some((host, host.pin?)))
        && let Some(at) = end.location.filter(|at| *at != pin)
    {
        let (pin, at) = (location_text(policy, pin), location_text(policy, at));
        return Some(format!("host `{}` is pinned to {pin}, so it is not at {at}", host.name));
    }
    let address = end.address?;
    if let Some(id) = policy.host_of_address(address).filter(|id| end.host != Some(*id)) {
        return Some(format!("{address} is declared for host `{}`", name(id)));
    }
    if let Some(gateway) = gateway_with(policy, address) {
        return Some(format!("{address} is declared for gateway `{}`", gateway.name));
    }
    (!can_be_owned(address)).then(|| format!("{address} is no address of a machine"))
}

fn internet(policy: &Checked, id: GatewayId, end: &End) -> Option<String> {
    if end.host.is_some() || !end.users.is_empty() || !end.groups.is_empty() {
        return Some("hosts, users and members of groups are on the site, not on the internet".to_owned());
    }
    let gateway = policy.gateways.get(id.index())?;
    if end.location != Some(gateway.at) {
        let (at, wrong) = (location_text(policy, gateway.at), end.location.map(|at| location_text(policy, at)));
        return Some(format!("the internet is at {at}, not at {}", wrong.unwrap_or_default()));
    }
    let address = end.address?;
    if policy.host_of_address(address).is_some() || policy.is_inside(address) || gateway_with(policy, address).is_some() {
        return Some(format!("{address} is an address of the site, not of the internet"));
    }
    (!can_be_owned(address) || is_link_local(address)).then(|| format!("{address} is no address of the internet"))
}

fn gateway(policy: &Checked, id: GatewayId, end: &End) -> Option<String> {
    let gateway = policy.gateways.get(id.index())?;
    if end.location != Some(gateway.at) {
        let (at, wrong) = (location_text(policy, gateway.at), end.location.map(|at| location_text(policy, at)));
        return Some(format!("gateway `{}` is at {at}, not at {}", gateway.name, wrong.unwrap_or_default()));
    }
    let address = end.address?;
    let own = gateway.addresses.contains(&address) || is_link_local(address);
    (!own).then(|| format!("{address} is not declared for gateway `{}`", gateway.name))
}

fn gateway_with(policy: &Checked, address: IpAddr) -> Option<&Gateway> {
    policy.gateways.iter().find(|gateway| gateway.addresses.contains(&address))
}
