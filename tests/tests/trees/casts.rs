//! Sends frames for many, and counts who gets them. Knows nothing of trees.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use net::{Dpid, FlowMatch, MacAddr};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::Settings;
use runtime::install::FLOW_PRIORITY;
use tests::World;

pub const V10: &[u8] = &[1];
pub const V13: &[u8] = &[1, 4];
/// A group of the site, and everybody.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
pub const ALL: Ipv4Addr = Ipv4Addr::BROADCAST;
/// The port that is sent to.
pub const PORT: u16 = 5004;
pub const CAMPUS: [&str; 8] = ["griffin", "roo", "glaptop", "rlaptop", "gphone", "rphone", "http-server", "nfs-server"];

/// How many copies each node got of one frame, by name; who got none is not there.
pub type Copies = BTreeMap<String, usize>;

/// A datagram from a host to a group, or to everybody.
pub fn frame(world: &mut World, from: &str, to: Ipv4Addr, port: u16, data: &[u8]) -> Bytes {
    let dst_mac = if to.is_broadcast() {
        MacAddr::BROADCAST
    } else {
        let [_, b, c, d] = to.octets();
        MacAddr([1, 0, 0x5e, b & 0x7f, c, d])
    };
    let host = world.host(from);
    let ends = IpEnds { src_mac: host.mac(), dst_mac, src_ip: host.ip(), dst_ip: to };
    build::udp(&ends, &Datagram { src: 4000, dst: port, data }).unwrap().into()
}

/// Who has got frames with this text since the last look.
pub fn got(world: &World, data: &[u8]) -> Copies {
    let mut copies = Copies::new();
    for one in world.network.delivered().filter(|one| one.frame.windows(data.len()).any(|part| part == data)) {
        let name = world.network.nodes().find(|(id, ..)| *id == one.node).map(|(_, name, _)| name.to_owned()).unwrap();
        *copies.entry(name).or_default() += 1;
    }
    copies
}

/// Sends one frame and waits until it is everywhere.
pub fn cast(world: &mut World, from: &str, to: Ipv4Addr, port: u16) -> Copies {
    let sent = frame(world, from, to, port, b"to many");
    let node = world.node(from);
    world.network.forget_delivered();
    world.network.inject(node, sent);
    world.run(Duration::from_millis(100));
    got(world, b"to many")
}

/// Each of these once.
pub fn once(names: &[&str]) -> Copies {
    names.iter().map(|name| ((*name).to_owned(), 1)).collect()
}

/// Each of the campus but these, once.
pub fn all_but(names: &[&str]) -> Copies {
    let border = ["border"];
    let all = CAMPUS.iter().chain(&border).copied();
    once(&all.filter(|name| !names.contains(name)).collect::<Vec<_>>())
}

/// Everybody says something, so that it is known where they are.
pub fn hello(world: &mut World, names: &[&str]) {
    for name in names {
        let asked = Ipv4Addr::new(10, 0, 250, 250);
        let now = world.network.now();
        world.host(name).ping(asked, now);
    }
    world.run(Duration::from_secs(2));
}

/// What entries of conversations for many match, by switch.
pub fn entries(world: &World) -> BTreeMap<Dpid, Vec<FlowMatch>> {
    let mut all: BTreeMap<Dpid, Vec<FlowMatch>> = BTreeMap::new();
    for switch in world.network.switches() {
        let regions = switch.flows().filter(|flow| flow.priority == FLOW_PRIORITY).filter_map(|flow| flow.matching);
        for region in regions.filter(|region| region.dl_dst.is_some_and(MacAddr::is_multicast)) {
            all.entry(switch.dpid()).or_default().push(region);
        }
    }
    all
}

/// How many of these entries there are.
pub fn count(world: &World) -> usize {
    entries(world).values().map(Vec::len).sum()
}

/// Links are found at the start, and not asked for again: so that what comes to the controller can be counted.
pub fn quiet() -> Settings {
    Settings { discovery_interval: Duration::from_secs(3600), ..Settings::default() }
}

/// Packets that came to the controller so far.
pub fn packet_ins(world: &World) -> u64 {
    world.controller.as_ref().unwrap().status().counters.packet_ins
}

/// How many trees there are.
pub fn trees(world: &World) -> usize {
    world.controller.as_ref().unwrap().status().trees
}

/// True if no frame went round, and none was lost for there being too many.
pub fn is_calm(world: &World) -> bool {
    let faults = world.network.faults();
    (faults.loops, faults.storm) == (0, 0)
}
