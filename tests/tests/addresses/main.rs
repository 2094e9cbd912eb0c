//! Who has which address, and how that is known: neighbour discovery, router advertisements, leases, moves, age, and machines behind
//! others. Each case of the catalogue of faults by its id.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

mod ageing;
mod dhcp;
mod dhcp6;
mod neighbour;
mod places;
mod routers;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use lang::checked::Checked;
use net::{Location, MacAddr};
use packet::build::{self, IpEnds};
use packet::ndp::{Flags, solicited_node};
use packet::udp::Datagram;
use packet::{Arp, Ndp, Payload};
use runtime::event::Suspicion;
use runtime::{Binding, Event, Settings};
use tests::{World, inventory, policy};

const V13: &[u8] = &[1, 4];
const V10: &[u8] = &[1];
const CONTROLLER: MacAddr = MacAddr([0x02, 0x70, 0x65, 0x6e, 0x74, 0x01]);
const ROUTER: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xfe]);
const ROUTER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const GPHONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x15]);
const RPHONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x16]);
const SERVER: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x22]);
const SERVER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 9, 11);
/// A machine that is not declared.
const STRANGER: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x77]);
const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// The campus with these rules, and each of these texts of its inventory replaced.
fn site(rules: &str, changes: &[(&str, &str)]) -> Arc<Checked> {
    let mut inventory = inventory();
    for (from, to) in changes {
        assert!(inventory.contains(from), "{from}");
        inventory = inventory.replace(from, to);
    }
    policy(&[("test.pol", format!("include \"inventory.pol\";\n{rules}")), ("inventory.pol", inventory)])
}

/// `nfs-server` gives out addresses, and the gateway alone advertises itself.
const WITH_SERVER: &[(&str, &str)] = &[
    (
        "host nfs-server { mac 02:00:00:00:00:22; ip 10.0.9.11; }",
        "host nfs-server { mac 02:00:00:00:00:22; ip 10.0.9.11; at core:10; serves dhcp, dhcpv6; }",
    ),
    ("gateway border { at core:48; }", "gateway border { at core:48; serves ra; }"),
];

fn served() -> World {
    let mut world = World::campus(site("default allow;", WITH_SERVER), V13);
    hello(&mut world, "nfs-server", SERVER, SERVER_IP);
    world
}

fn open() -> World {
    World::campus(site("default allow;", &[]), V13)
}

fn inject(world: &mut World, name: &str, frame: Vec<u8>) {
    let node = world.node(name);
    world.network.inject(node, frame.into());
    world.run(Duration::from_millis(50));
}

/// A station speaks for the first time.
fn hello(world: &mut World, name: &str, mac: MacAddr, ip: Ipv4Addr) {
    inject(world, name, Arp::request(mac, ip, ip).to_frame());
}

fn seconds(world: &mut World, count: u64) {
    for _ in 0..count {
        world.run(Duration::from_secs(1));
    }
}

fn owner(world: &World, address: impl Into<IpAddr>) -> Option<MacAddr> {
    world.controller.as_ref().unwrap().view().owner(address.into())
}

fn binding(world: &World, address: impl Into<IpAddr>) -> Option<Binding> {
    world.controller.as_ref().unwrap().binding(address.into())
}

fn place(world: &World, mac: MacAddr) -> Option<Location> {
    world.controller.as_ref().unwrap().view().station(mac)?.location
}

/// What is suspected, since the last look.
fn suspicions(world: &mut World) -> Vec<(MacAddr, Suspicion)> {
    let why = |event: Event| match event {
        Event::Spoofed { mac, why, .. } => Some((mac, why)),
        _ => None,
    };
    world.take_events().into_iter().filter_map(why).collect()
}

fn suspects(world: &mut World, mac: MacAddr, why: &Suspicion) -> bool {
    suspicions(world).iter().any(|(one, other)| *one == mac && other == why)
}

/// The frames that a node received since they were last forgotten.
fn frames(world: &World, name: &str) -> Vec<Vec<u8>> {
    let node = world.node(name);
    world.network.delivered().filter(|one| one.node == node).map(|one| one.frame.to_vec()).collect()
}

/// Messages of neighbour discovery among them, with the MAC addresses of their frames.
fn heard(world: &World, name: &str) -> Vec<(MacAddr, MacAddr, Ndp)> {
    let read = |frame: Vec<u8>| {
        let parsed = packet::parse(&frame).ok()?;
        let Payload::Ip(payload) = parsed.payload else { return None };
        let message = Ndp::parse(&parsed.key.ip?, &payload).ok()?;
        Some((parsed.key.dl_src, parsed.key.dl_dst, message))
    };
    frames(world, name).into_iter().filter_map(read).collect()
}

/// How many datagrams to this port a node received.
fn datagrams(world: &World, name: &str, port: u16) -> usize {
    let is = |frame: &Vec<u8>| packet::parse(frame).is_ok_and(|frame| frame.key.tp_dst() == Some(port));
    frames(world, name).iter().filter(|frame| is(frame)).count()
}

fn link_local(mac: MacAddr) -> Ipv6Addr {
    packet::ndp::link_local(mac)
}

fn solicit(mac: MacAddr, src: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let source_mac = (!src.is_unspecified()).then_some(mac);
    Ndp::Solicitation { target, source_mac }.to_frame((mac, src), solicited_node(target))
}

/// A station tests an address before it uses it.
fn test_address(mac: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    solicit(mac, Ipv6Addr::UNSPECIFIED, target)
}

/// A station says that it has an address.
fn advertise(mac: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    let flags = Flags { router: false, solicited: false, overriding: true };
    Ndp::Advertisement { target, target_mac: Some(mac), flags }.to_frame((mac, target), packet::ndp::ALL_NODES)
}

fn datagram(src: (MacAddr, Ipv4Addr), dst: (MacAddr, Ipv4Addr), ports: (u16, u16), data: &[u8]) -> Vec<u8> {
    let ends = IpEnds { src_mac: src.0, dst_mac: dst.0, src_ip: src.1, dst_ip: dst.1 };
    build::udp(&ends, &Datagram { src: ports.0, dst: ports.1, data }).unwrap()
}

fn settings() -> Settings {
    Settings::default()
}
