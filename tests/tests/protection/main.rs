//! What one host, one port or one switch can take from the others: floods, full tables, scans, questions without end. Each case
//! of the catalogue of faults by its id.

#![expect(clippy::unwrap_used, reason = "what cannot be made has failed the test")]

mod channel;
mod flood;
mod questions;
mod scan;
mod share;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use net::{Location, MacAddr};
use packet::Arp;
use packet::build::{self, IpEnds};
use packet::tcp::Segment;
use runtime::Event;
use runtime::event::Limit;
use tests::World;

const V13: &[u8] = &[1, 4];
const V10: &[u8] = &[1];
const GPHONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x15]);
const RPHONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x16]);
const SERVER: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x21]);
/// Where `rphone` is.
const PORT: (u64, u32) = (0x1, 6);

fn inject(world: &mut World, name: &str, frame: Vec<u8>) {
    let node = world.node(name);
    world.network.inject(node, frame.into());
}

/// Both ends of what follows are known.
fn acquainted(world: &mut World) {
    for name in ["rphone", "gphone", "http-server", "griffin"] {
        let (mac, ip) = (world.host(name).mac(), world.ip(name));
        inject(world, name, Arp::request(mac, ip, ip).to_frame());
    }
    world.run(Duration::from_millis(200));
    world.take_events();
}

/// Something that nobody answers.
fn segment(src: (MacAddr, Ipv4Addr), dst: (MacAddr, Ipv4Addr), ports: (u16, u16)) -> Vec<u8> {
    const RESET: u8 = 4;
    let ends = IpEnds { src_mac: src.0, dst_mac: dst.0, src_ip: src.1, dst_ip: dst.1 };
    build::tcp(&ends, &Segment { src: ports.0, dst: ports.1, seq: 1, ack: 0, flags: RESET, data: b"" }).unwrap()
}

fn counters(world: &World) -> runtime::Counters {
    world.controller.as_ref().unwrap().status().counters
}

/// How often this limit was told, and how much was dropped for it as far as was told.
fn told(events: &[Event], wanted: Limit) -> (usize, u64) {
    let all = events.iter().filter_map(|event| match event {
        Event::Limited { what, dropped, .. } if *what == wanted => Some(*dropped),
        _ => None,
    });
    all.fold((0, 0), |(count, sum), dropped| (count + 1, sum + dropped))
}

fn owner(world: &World, address: impl Into<IpAddr>) -> Option<MacAddr> {
    world.controller.as_ref().unwrap().view().owner(address.into())
}

fn port() -> Location {
    tests::at(PORT.0, PORT.1)
}
