//! Networks to be built: switches that are joined by cables, a host at each. Knows nothing of what goes wrong in them.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use emulator::campus::{Campus, HostPlan, SwitchPlan};
use lang::checked::Checked;
use net::{Dpid, Location, MacAddr, Prefix};
use runtime::Event;
use tests::{World, at, policy};

/// The first port of a switch that a cable is in.
pub const FIRST_LINK: u32 = 10;
const PORTS: u32 = 60;
/// The port of the host.
pub const HOST: u32 = 1;

/// Switches 1 to `size`, each with its host, cables between these of them.
pub fn plan(size: usize, edges: &[(usize, usize)]) -> Campus {
    let mut next = vec![FIRST_LINK; size + 1];
    let mut port = |node: usize| {
        next[node] += 1;
        at(node as u64, next[node] - 1)
    };
    let links: Vec<(Location, Location)> = edges.iter().map(|(a, b)| (port(*a), port(*b))).collect();
    let low = |node: usize| u8::try_from(node % 250).unwrap();
    let high = |node: usize| u8::try_from(node / 250).unwrap();
    Campus {
        site: Prefix::truncate(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8).unwrap(),
        switches: (1..=size)
            .map(|node| SwitchPlan { name: "", dpid: Dpid(node as u64), ports: PORTS, versions: vec![1, 4] })
            .collect(),
        links,
        hosts: (1..=size)
            .map(|node| HostPlan {
                name: Box::leak(name(node).into_boxed_str()),
                mac: MacAddr([2, 0, 0, 0, high(node), low(node)]),
                ip: Ipv4Addr::new(10, 0, high(node), low(node) + 1),
                at: at(node as u64, HOST),
            })
            .collect(),
        gateway: None,
        middleboxes: Vec::new(),
    }
}

/// What the host of a switch is called.
pub fn name(node: usize) -> String {
    format!("h{node}")
}

/// A policy that allows everything between these switches, whose cables are declared.
pub fn open_policy(size: usize) -> Arc<Checked> {
    let mut text = "default allow;\n".to_owned();
    for node in 1..=size {
        writeln!(text, "switch s{node} {{ dpid {node:#x}; access 1-9; uplink 10-60; }}").unwrap();
    }
    policy(&[("open.pol", text)])
}

/// The network under that policy, after links are found.
pub fn world(size: usize, edges: &[(usize, usize)]) -> World {
    World::over(&plan(size, edges), open_policy(size))
}

/// True if the host of one switch reaches that of another.
pub fn reaches(world: &mut World, from: usize, to: usize) -> bool {
    let address = world.ip(&name(to));
    world.ping(&name(from), address)
}

/// Links in use, each once.
pub fn links(world: &World) -> usize {
    world.controller.as_ref().unwrap().status().links
}

/// How many events there were of a kind since the last look.
pub fn count(world: &mut World, kind: impl Fn(&Event) -> bool) -> usize {
    world.take_events().iter().filter(|event| kind(event)).count()
}
