//! Takes in ARP, and answers it from the view. ARP never crosses the network from host to host. Knows nothing of rules.

use std::net::IpAddr;

use net::{Location, MacAddr, Time};
use packet::arp::{Arp, Operation};

use crate::ask::Asker;
use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::Suspicion;
use crate::hosts::Loss;
use compiler::inventory::Role;
use lang::checked::GatewayId;

/// Addresses of gateways that are learned, at most.
const GATEWAY_ADDRESSES: usize = 4096;

impl Controller {
    /// An ARP packet came in at an edge port from a station that is believed.
    pub(crate) fn arp_in(&mut self, at: Location, frame_source: MacAddr, arp: &Arp, now: Time, out: &mut Effects) {
        if arp.sender_mac != frame_source {
            return self.alarm(frame_source, at, Suspicion::AddressOf(arp.sender_mac), now, out);
        }
        let address = IpAddr::V4(arp.sender_ip);
        let asks = arp.operation == Operation::Request;
        if !arp.sender_ip.is_unspecified() && !self.take_in(arp.sender_mac, address, asks, at, now, out) {
            return;
        }
        if asks && arp.target_ip != arp.sender_ip {
            self.answer(at, IpAddr::V4(arp.target_ip), Asker::Arp(*arp), now, out);
        }
    }

    /// Believes, or not, that the sender has its address; whoever asked for it hears of it.
    pub(crate) fn take_in(
        &mut self,
        mac: MacAddr,
        address: IpAddr,
        asks: bool,
        at: Location,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let believed = match self.inventory.role(&self.policy, at) {
            Role::Gateway(gateway) => self.take_in_gateways(gateway, address, asks, at, now, out),
            Role::Access | Role::Uplink | Role::Open | Role::Middlebox(_) | Role::Closed => {
                self.claim(mac, address, at, now, out)
            }
        };
        if believed {
            self.answered(address, mac, out);
        }
        believed
    }

    /// Who asks, asks from its own address; who answers may answer for others. A claim yields to the declared port.
    fn take_in_gateways(
        &mut self,
        gateway: GatewayId,
        address: IpAddr,
        asks: bool,
        at: Location,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        // What a server gave is more than what anybody says.
        if asks
            && !self.hosts.is_leased(address)
            && let Some(owner) = self.view.owner(address)
            && self.lose(owner, address, Loss::Taken, now, out)
        {
            self.alarm(owner, at, Suspicion::Reserved, now, out);
        }
        let free = self.view.owner(address).is_none();
        if free && self.hosts.gateway_addresses.len() < GATEWAY_ADDRESSES {
            self.hosts.gateway_addresses.insert(address, gateway);
        }
        free
    }
}
