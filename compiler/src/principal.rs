//! From a packet to the two ends of its flow: who sent it and who is meant, or why that cannot be said. The anti-spoofing half
//! of policy: a refused packet is judged by nobody. Knows nothing of rules.

use std::fmt;
use std::net::IpAddr;

use lang::checked::{Checked, Gateway, GatewayId};
use lang::flow::{End, Flow, Headers, Place};
use net::{EtherType, FlowKey, IpHeader, IpProto, Location, MacAddr, Transport, can_be_owned, is_link_local};

use crate::view::{Station, View};

/// Who one end of a packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// This one.
    Known(End),
    /// Nobody that policy could speak about; the packet must not pass.
    Refused(Refusal),
}

/// Why an end is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No station with this MAC address is attached.
    UnknownStation,
    /// The station with this MAC address is attached elsewhere.
    WrongPort {
        /// Where it is attached.
        bound: Location,
    },
    /// The address belongs to another station, or to a gateway.
    ForeignAddress {
        /// The station that owns it; nothing for a gateway's.
        owner: Option<MacAddr>,
    },
    /// The address has not been claimed by this station.
    UnclaimedAddress,
    /// A packet from beyond a gateway with an address or a MAC address of the site.
    InsideAddressFromOutside,
    /// A packet to a gateway's MAC address whose destination is on the site.
    InsideAddressToOutside,
    /// The packet has no source address, and is none of those that may lack one.
    NoSourceAddress,
    /// A group or zero MAC address as source.
    GroupSource,
    /// A broadcast or multicast frame around a packet to one address, or the other way round.
    GroupMismatch,
}

/// Who sent a packet that came in here.
///
/// At a gateway's port: the gateway itself, or somebody on the internet. Elsewhere: the station with the frame's MAC address,
/// which must be attached here and own the packet's IP address.
#[must_use]
pub fn source(policy: &Checked, view: &View, at: Location, key: &FlowKey) -> Identity {
    if !key.dl_src.is_unicast() {
        return Identity::Refused(Refusal::GroupSource);
    }
    let known = match gateways(policy).find(|(_, gateway)| gateway.at == at) {
        Some((id, gateway)) => outside_source(policy, view, id, gateway, key),
        None => station_source(policy, view, at, key),
    };
    known.map_or_else(Identity::Refused, Identity::Known)
}

/// Whom a packet is meant for.
#[must_use]
pub fn destination(policy: &Checked, view: &View, key: &FlowKey) -> Identity {
    let known = if key.dl_dst.is_multicast() {
        group_destination(policy, key)
    } else if let Some((id, gateway)) = gateway_of_mac(policy, view, key.dl_dst) {
        outside_destination(policy, view, id, gateway, key)
    } else {
        station_destination(policy, view, key)
    };
    known.map_or_else(Identity::Refused, Identity::Known)
}

/// The first packet of a flow as it comes in, and where: what [`source`] and [`destination`] tell the two ends by. Nothing where
/// that is not known, or the flow is for a group.
#[must_use]
pub fn first_packet(policy: &Checked, view: &View, flow: &Flow) -> Option<(Location, FlowKey)> {
    let gateway = |end: &End| match end.place {
        Place::Internet(Some(id)) | Place::Gateway(id) => policy.gateways.get(id.index()).map(|gateway| (id, gateway)),
        Place::Internet(None) => gateways(policy).next(),
        Place::Inside | Place::Broadcast | Place::Multicast | Place::Controller => None,
    };
    let mac = |end: &End| match gateway(end) {
        Some((id, gateway)) => gateway_mac(view, id, gateway),
        None => end.mac,
    };
    let at = flow.src.location.or_else(|| gateway(&flow.src).map(|(_, gateway)| gateway.at))?;
    let dl_type = flow.headers.dl_type?;
    let ip = match (flow.src.address, flow.dst.address, flow.headers.proto) {
        (Some(src), Some(dst), Some(proto)) if src.is_ipv4() == dst.is_ipv4() => {
            let Headers { transport, dscp, .. } = flow.headers;
            Some(IpHeader { src, dst, proto, dscp: dscp.unwrap_or(0), transport })
        }
        _ if matches!(dl_type, EtherType::IPV4 | EtherType::IPV6) => return None,
        _ => None,
    };
    let dl_dst = mac(&flow.dst).filter(|mac| mac.is_unicast())?;
    Some((at, FlowKey { dl_src: mac(&flow.src)?, dl_dst, dl_type, vlan: flow.headers.vlan, ip }))
}

fn outside_source(policy: &Checked, view: &View, id: GatewayId, gateway: &Gateway, key: &FlowKey) -> Result<End, Refusal> {
    if let Some(station) = view.station(key.dl_src)
        && (station.host.is_some() || station.location.is_some())
    {
        return Err(Refusal::InsideAddressFromOutside);
    }
    let end = |place, address| End { mac: Some(key.dl_src), location: Some(gateway.at), address, place, ..End::default() };
    let itself = gateway_mac(view, id, gateway) == Some(key.dl_src);
    let Some(ip) = key.ip else {
        return if itself { Ok(end(Place::Gateway(id), None)) } else { Err(Refusal::NoSourceAddress) };
    };
    if gateway.addresses.contains(&ip.src) {
        return Ok(end(Place::Gateway(id), Some(ip.src)));
    }
    if view.owner(ip.src).is_some() || policy.is_inside(ip.src) || gateway_of_address(policy, ip.src) {
        return Err(Refusal::InsideAddressFromOutside);
    }
    if is_link_local(ip.src) {
        return if itself { Ok(end(Place::Gateway(id), Some(ip.src))) } else { Err(Refusal::UnclaimedAddress) };
    }
    if !is_global_unicast(ip.src) {
        return Err(Refusal::NoSourceAddress);
    }
    Ok(end(Place::Internet(Some(id)), Some(ip.src)))
}

fn station_source(policy: &Checked, view: &View, at: Location, key: &FlowKey) -> Result<End, Refusal> {
    if let Some((_, gateway)) = gateway_of_mac(policy, view, key.dl_src) {
        return Err(Refusal::WrongPort { bound: gateway.at });
    }
    let station = view.station(key.dl_src).ok_or(Refusal::UnknownStation)?;
    match station.location {
        Some(bound) if bound == at => {}
        Some(bound) => return Err(Refusal::WrongPort { bound }),
        None => return Err(Refusal::UnknownStation),
    }
    let Some(ip) = key.ip else { return Ok(end_of(station, None)) };
    if ip.src.is_unspecified() {
        return if may_lack_source(&ip) { Ok(end_of(station, None)) } else { Err(Refusal::NoSourceAddress) };
    }
    if gateway_of_address(policy, ip.src) {
        return Err(Refusal::ForeignAddress { owner: None });
    }
    match view.owner(ip.src) {
        Some(owner) if owner == station.mac => Ok(end_of(station, Some(ip.src))),
        Some(owner) => Err(Refusal::ForeignAddress { owner: Some(owner) }),
        None => Err(Refusal::UnclaimedAddress),
    }
}

fn group_destination(policy: &Checked, key: &FlowKey) -> Result<End, Refusal> {
    let place = if key.dl_dst.is_broadcast() { Place::Broadcast } else { Place::Multicast };
    let address = key.ip.map(|ip| ip.dst);
    let sound = address.is_none_or(|address| match place {
        Place::Multicast => address.is_multicast(),
        _ => policy.is_broadcast(address),
    });
    if !sound {
        return Err(Refusal::GroupMismatch);
    }
    Ok(End { mac: Some(key.dl_dst), address, place, ..End::default() })
}

fn outside_destination(policy: &Checked, view: &View, id: GatewayId, gateway: &Gateway, key: &FlowKey) -> Result<End, Refusal> {
    let end = |place, address| End { mac: Some(key.dl_dst), location: Some(gateway.at), address, place, ..End::default() };
    let Some(ip) = key.ip else { return Ok(end(Place::Gateway(id), None)) };
    if gateway.addresses.contains(&ip.dst) || is_link_local(ip.dst) {
        return Ok(end(Place::Gateway(id), Some(ip.dst)));
    }
    if view.owner(ip.dst).is_some() || policy.is_inside(ip.dst) || gateway_of_address(policy, ip.dst) {
        return Err(Refusal::InsideAddressToOutside);
    }
    if !is_global_unicast(ip.dst) {
        return Err(Refusal::GroupMismatch);
    }
    Ok(end(Place::Internet(Some(id)), Some(ip.dst)))
}

fn station_destination(policy: &Checked, view: &View, key: &FlowKey) -> Result<End, Refusal> {
    let station = view.station(key.dl_dst).ok_or(Refusal::UnknownStation)?;
    let Some(ip) = key.ip else { return Ok(end_of(station, None)) };
    if gateway_of_address(policy, ip.dst) {
        return Err(Refusal::ForeignAddress { owner: None });
    }
    if !is_global_unicast(ip.dst) && !is_link_local(ip.dst) {
        return Err(Refusal::GroupMismatch);
    }
    match view.owner(ip.dst) {
        Some(owner) if owner == station.mac => Ok(end_of(station, Some(ip.dst))),
        Some(owner) => Err(Refusal::ForeignAddress { owner: Some(owner) }),
        // Rules about the address would speak of a station that does not have it.
        None => Err(Refusal::UnclaimedAddress),
    }
}

/// The end that a station is, with one of its addresses or none.
pub(crate) fn end_of(station: &Station, address: Option<IpAddr>) -> End {
    End {
        users: station.users.clone(),
        groups: station.groups.clone(),
        host: station.host,
        location: station.location,
        mac: Some(station.mac),
        address,
        place: Place::Inside,
    }
}

pub(crate) fn gateways(policy: &Checked) -> impl Iterator<Item = (GatewayId, &Gateway)> {
    (0..).map(GatewayId).zip(&policy.gateways)
}

pub(crate) fn gateway_mac(view: &View, id: GatewayId, gateway: &Gateway) -> Option<MacAddr> {
    gateway.mac.or_else(|| view.gateway_mac(id))
}

fn gateway_of_mac<'a>(policy: &'a Checked, view: &View, mac: MacAddr) -> Option<(GatewayId, &'a Gateway)> {
    gateways(policy).find(|(id, gateway)| gateway_mac(view, *id, gateway) == Some(mac))
}

fn gateway_of_address(policy: &Checked, address: IpAddr) -> bool {
    policy.gateways.iter().any(|gateway| gateway.addresses.contains(&address))
}

/// DHCP requests (RFC 2131 §4.1), IGMP of snooping proxies (RFC 4541 §2.1.1), and ND and MLD before an address is confirmed
/// (RFC 4861 §4.1 and §4.3, RFC 3810 §5.2.13).
fn may_lack_source(ip: &IpHeader) -> bool {
    const IGMP: IpProto = IpProto(2);
    match (ip.src, ip.proto, ip.transport) {
        (IpAddr::V4(_), IpProto::UDP, Some(Transport::Ports { dst, .. })) => dst == 67,
        (IpAddr::V4(_), proto, _) => proto == IGMP,
        (IpAddr::V6(_), IpProto::ICMPV6, Some(Transport::Icmp { kind, .. })) => matches!(kind, 131 | 132 | 133 | 135 | 143),
        (IpAddr::V6(_), _, _) => false,
    }
}

/// Neither a group, nor nobody, nor somebody on this link or this machine only.
fn is_global_unicast(address: IpAddr) -> bool {
    can_be_owned(address) && !is_link_local(address)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownStation => f.write_str("no station with this MAC address is attached"),
            Refusal::WrongPort { bound } => write!(f, "this MAC address is attached at {bound}, not here"),
            Refusal::ForeignAddress { owner: Some(owner) } => write!(f, "the IP address belongs to {owner}"),
            Refusal::ForeignAddress { owner: None } => f.write_str("the IP address belongs to a gateway"),
            Refusal::UnclaimedAddress => f.write_str("the station has not claimed the address"),
            Refusal::InsideAddressFromOutside => f.write_str("an address of the site arrives from beyond a gateway"),
            Refusal::InsideAddressToOutside => f.write_str("a destination on the site is sent to a gateway"),
            Refusal::NoSourceAddress => f.write_str("the packet has no usable source address"),
            Refusal::GroupSource => f.write_str("the source MAC address is not one of a single station"),
            Refusal::GroupMismatch => f.write_str("the frame and the packet in it disagree on whether a group is meant"),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
