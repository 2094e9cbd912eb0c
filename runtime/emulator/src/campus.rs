//! Networks from a plan, and the plan of the campus that the shipped policy `policies/campus` speaks of. Knows the inventory's names
//! and addresses, nothing of its rules.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use net::{Dpid, Location, MacAddr, PortNo, Prefix, Time};

use crate::gateway::Gateway;
use crate::host::{Host, HostConfig};
use crate::middlebox::{Middlebox, Shape};
use crate::network::Network;
use crate::switch::SwitchConfig;

/// Keys that a box remembers for each of its cables.
const KEYS: usize = 256;

/// A network to be built.
#[derive(Clone, Debug)]
pub struct Campus {
    /// The addresses inside.
    pub site: Prefix,
    /// Switches.
    pub switches: Vec<SwitchPlan>,
    /// Cables between switches.
    pub links: Vec<(Location, Location)>,
    /// Hosts.
    pub hosts: Vec<HostPlan>,
    /// The router to the rest of the world.
    pub gateway: Option<HostPlan>,
    /// Boxes.
    pub middleboxes: Vec<MiddleboxPlan>,
}

/// A switch to be built.
#[derive(Clone, Debug)]
pub struct SwitchPlan {
    /// Its name in the inventory.
    pub name: &'static str,
    /// Its identity.
    pub dpid: Dpid,
    /// How many ports it has.
    pub ports: u32,
    /// The versions of OpenFlow that it offers.
    pub versions: Vec<u8>,
}

/// A host to be built.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// Its name in the inventory.
    pub name: &'static str,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Its address.
    pub ip: Ipv4Addr,
    /// The port that it is plugged into.
    pub at: Location,
}

/// A box to be built.
#[derive(Clone, Debug)]
pub struct MiddleboxPlan {
    /// Its name in the inventory.
    pub name: &'static str,
    /// The port of its first cable.
    pub at: Location,
    /// The port of its second cable, if it is in line.
    pub out: Option<Location>,
}

const EDGE1: Dpid = Dpid(0x1);
const EDGE2: Dpid = Dpid(0x2);
const CORE: Dpid = Dpid(0x10);
const CORE2: Dpid = Dpid(0x11);

fn at(dpid: Dpid, port: u32) -> Location {
    Location::new(dpid, PortNo(port))
}

fn host(name: &'static str, last: u8, [third, fourth]: [u8; 2], at: Location) -> HostPlan {
    HostPlan { name, mac: MacAddr([2, 0, 0, 0, 0, last]), ip: Ipv4Addr::new(10, 0, third, fourth), at }
}

impl Campus {
    /// Ethane's campus with 2 to 4 switches: `edge1` and `core`, then `edge2` and `core2`, with a second way between the edges.
    #[must_use]
    pub fn ethane(switches: usize) -> Campus {
        let plan = |name, dpid, ports| SwitchPlan { name, dpid, ports, versions: vec![1, 4] };
        let mut all = vec![plan("edge1", EDGE1, 26), plan("core", CORE, 48), plan("edge2", EDGE2, 26), plan("core2", CORE2, 48)];
        all.truncate(switches.clamp(2, 4));
        let mut links = vec![
            (at(EDGE1, 25), at(CORE, 1)),
            (at(EDGE2, 25), at(CORE, 2)),
            (at(CORE, 8), at(CORE2, 8)),
            (at(EDGE1, 26), at(CORE2, 1)),
            (at(EDGE2, 26), at(CORE2, 2)),
        ];
        links.retain(|(a, b)| [a, b].iter().all(|end| all.iter().any(|switch| switch.dpid == end.dpid)));
        let roo = if all.len() > 2 { at(EDGE2, 2) } else { at(EDGE1, 2) };
        Campus {
            site: Prefix::truncate(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8)
                .unwrap_or(Prefix::host(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)))),
            switches: all,
            links,
            hosts: vec![
                host("griffin", 0x11, [1, 11], at(EDGE1, 1)),
                host("roo", 0x12, [1, 12], roo),
                host("glaptop", 0x13, [1, 13], at(EDGE1, 3)),
                host("rlaptop", 0x14, [1, 14], at(EDGE1, 4)),
                host("gphone", 0x15, [1, 15], at(EDGE1, 5)),
                host("rphone", 0x16, [1, 16], at(EDGE1, 6)),
                host("http-server", 0x21, [9, 10], at(CORE, 9)),
                host("nfs-server", 0x22, [9, 11], at(CORE, 10)),
            ],
            gateway: Some(host("border", 0xfe, [0, 1], at(CORE, 48))),
            middleboxes: vec![
                MiddleboxPlan { name: "http-proxy", at: at(CORE, 40), out: Some(at(CORE, 41)) },
                MiddleboxPlan { name: "ids", at: at(CORE, 42), out: None },
            ],
        }
    }

    /// Makes every switch offer these versions of OpenFlow.
    #[must_use]
    pub fn speaking(mut self, versions: &[u8]) -> Campus {
        for switch in &mut self.switches {
            switch.versions = versions.to_vec();
        }
        self
    }

    /// Builds the network; no switch is connected yet.
    #[must_use]
    pub fn build(&self, start: Time, latency: Duration) -> Network {
        let mut network = Network::new(start, latency);
        for plan in &self.switches {
            network.add_switch(SwitchConfig { versions: plan.versions.clone(), ..SwitchConfig::new(plan.dpid, plan.ports) });
        }
        for (a, b) in &self.links {
            network.link(*a, *b);
        }
        let router = self.gateway.as_ref().map(|gateway| gateway.ip);
        for plan in &self.hosts {
            let config = HostConfig { prefix: self.site, gateway: router, ..HostConfig::new(plan.mac, plan.ip) };
            network.add_node(plan.name, Host::new(config).into(), plan.at, None);
        }
        if let Some(plan) = &self.gateway {
            network.add_node(plan.name, Gateway::new(plan.mac, plan.ip, self.site).into(), plan.at, None);
        }
        for plan in &self.middleboxes {
            let shape = if plan.out.is_some() { Shape::Inline } else { Shape::OneArmed };
            network.add_node(plan.name, Middlebox::new(shape, KEYS).into(), plan.at, plan.out);
        }
        network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_its_port_and_every_port_one_cable() {
        for switches in 2..=4 {
            let campus = Campus::ethane(switches);
            let network = campus.build(Time(0), Duration::ZERO);
            assert_eq!(network.switches().count(), switches);
            assert_eq!(network.nodes().count(), 11);
            let mut used: Vec<Location> = campus.hosts.iter().map(|host| host.at).collect();
            used.extend(campus.gateway.iter().map(|gateway| gateway.at));
            used.extend(campus.middleboxes.iter().flat_map(|plan| [Some(plan.at), plan.out]).flatten());
            used.extend(campus.links.iter().flat_map(|(a, b)| [*a, *b]));
            let cables = used.len();
            used.sort_unstable();
            used.dedup();
            assert_eq!(used.len(), cables);
            for end in used {
                let switch = network.switch(end.dpid).unwrap();
                assert!(switch.ports().any(|port| port == end.port), "{end}");
            }
        }
    }
}
