//! What only declared ports may say, and who hears it: router advertisements, and the answers of DHCP servers. Neighbour discovery is
//! handed to its own. Knows nothing of leases.

use lang::checked::Served;
use net::{FlowKey, IpProto, Location, MacAddr, Time, Transport};
use packet::ndp::{self, NdpError};
use packet::{IpPayload, dhcp, dhcp6};

use crate::controller::Controller;
use crate::dialect::Action;
use crate::effect::Effects;
use crate::enforce::Arrival;
use crate::event::Suspicion;
use compiler::inventory::Role;

const SOLICITATION_OF_ROUTERS: u8 = 133;
const ADVERTISEMENT_OF_ROUTER: u8 = 134;
const REDIRECT: u8 = 137;

impl Controller {
    /// A packet of a station that is believed came in at an edge port. True if that is all with it; else the policy decides.
    pub(crate) fn snoop(&mut self, arrival: &Arrival<'_>, payload: &IpPayload<'_>, now: Time, out: &mut Effects) -> bool {
        let Some(ip) = arrival.key.ip else { return false };
        match (ip.proto, ip.transport) {
            (IpProto::ICMPV6, Some(Transport::Icmp { kind: 135 | 136, .. })) => {
                self.neighbour_in(arrival.at, &arrival.key, &ip, payload, now, out);
                true
            }
            (IpProto::ICMPV6, Some(Transport::Icmp { kind: SOLICITATION_OF_ROUTERS, .. })) => {
                self.came_through_router(arrival, payload, now, out)
            }
            (IpProto::ICMPV6, Some(Transport::Icmp { kind: kind @ (ADVERTISEMENT_OF_ROUTER | REDIRECT), .. })) => {
                self.router_in(arrival, kind, payload, now, out)
            }
            (IpProto::UDP, Some(Transport::Ports { dst, .. })) => match (ip.src.is_ipv4(), dst) {
                (true, dhcp::SERVER_PORT) => self.dhcp_request_in(arrival, payload, now, out),
                (true, dhcp::CLIENT_PORT) => self.dhcp_answer_in(arrival, payload, now, out),
                (false, dhcp6::SERVER_PORT) => self.dhcp6_request_in(arrival, payload, now, out),
                (false, dhcp6::CLIENT_PORT) => self.dhcp6_answer_in(arrival, payload, now, out),
                _ => false,
            },
            _ => false,
        }
    }

    fn came_through_router(&mut self, arrival: &Arrival<'_>, payload: &IpPayload<'_>, now: Time, out: &mut Effects) -> bool {
        if payload.hop_limit == 255 {
            return false;
        }
        self.alarm(arrival.key.dl_src, arrival.at, Suspicion::Discovery(NdpError::HopLimit), now, out);
        true
    }

    /// A router advertises itself, or sends somebody another way.
    fn router_in(&mut self, arrival: &Arrival<'_>, kind: u8, payload: &IpPayload<'_>, now: Time, out: &mut Effects) -> bool {
        let (at, key) = (arrival.at, &arrival.key);
        if let Some(done) = self.unserved(arrival, Served::Ra, now, out) {
            return done;
        }
        let Some(ip) = key.ip else { return false };
        if kind == ADVERTISEMENT_OF_ROUTER {
            match ndp::prefixes(&ip, payload) {
                Ok(prefixes) => {
                    let lasting = |seconds: u32| now.after(std::time::Duration::from_secs(seconds.into()));
                    for (prefix, seconds) in prefixes {
                        self.hosts.advertise(prefix, lasting(seconds));
                    }
                }
                Err(error) => {
                    self.alarm(key.dl_src, at, Suspicion::Discovery(error), now, out);
                    return true;
                }
            }
        } else if self.came_through_router(arrival, payload, now, out) {
            return true;
        }
        if key.dl_dst.is_multicast() || !self.believes_source(arrival, now, out) {
            // To everybody: a broadcast as any other, which the prelude lets through.
            return !key.dl_dst.is_multicast();
        }
        self.deliver(arrival, key.dl_dst, now, out);
        true
    }

    /// True if what is sent from here is from the address that it names.
    pub(crate) fn believes_source(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) -> bool {
        let Some(ip) = arrival.key.ip else { return false };
        !self.claims_by_sending(arrival.at, &ip.src) || self.claim(arrival.key.dl_src, ip.src, arrival.at, now, out)
    }

    /// Brings an answer of a trusted server to the one station that it is for.
    fn deliver(&mut self, arrival: &Arrival<'_>, to: MacAddr, now: Time, out: &mut Effects) {
        let place = self.view.station(to).and_then(|station| station.location);
        if let Some(to) = place
            && self.may_carry(arrival, &[], now, out)
        {
            self.send_frame(to.dpid, None, &arrival.packet.frame, &[Action::Output(to.port)], out);
        }
    }

    /// What only servers send, from a sender that is none: whether that is all with it. Nothing if it is from a server.
    pub(crate) fn unserved(&mut self, arrival: &Arrival<'_>, served: Served, now: Time, out: &mut Effects) -> Option<bool> {
        let (at, mac) = (arrival.at, arrival.key.dl_src);
        if !self.has_servers() {
            return Some(false);
        }
        if self.is_trusted(at, mac, served) {
            return None;
        }
        self.alarm(mac, at, Suspicion::NotServed(served), now, out);
        Some(true)
    }

    /// True if the policy says of anything who serves it. Where it does not, the rules alone decide who answers.
    pub(crate) fn has_servers(&self) -> bool {
        self.inventory.has_servers()
    }

    /// True if what this sender answers here is believed.
    pub(crate) fn is_trusted(&self, at: Location, mac: MacAddr, served: Served) -> bool {
        if !self.inventory.serves(at, served) {
            return false;
        }
        let host = self.view.station(mac).and_then(|station| station.host).and_then(|id| self.policy.hosts.get(id.index()));
        matches!(self.inventory.role(&self.policy, at), Role::Gateway(_)) || host.is_some_and(|one| one.serves.contains(&served))
    }

    /// True if a port hears what is sent to everybody: requests to servers are for the ports of servers.
    pub(crate) fn hears(&self, at: Location, key: &FlowKey) -> bool {
        let Some(ip) = key.ip else { return true };
        let audience = match (ip.proto, ip.transport) {
            (IpProto::ICMPV6, Some(Transport::Icmp { kind: SOLICITATION_OF_ROUTERS, .. })) => Served::Ra,
            (IpProto::UDP, Some(Transport::Ports { dst: dhcp::SERVER_PORT, .. })) if ip.dst.is_ipv4() => Served::Dhcp,
            (IpProto::UDP, Some(Transport::Ports { dst: dhcp6::SERVER_PORT, .. })) if ip.dst.is_ipv6() => Served::Dhcpv6,
            _ => return true,
        };
        !self.has_servers() || self.inventory.serves(at, audience)
    }
}
