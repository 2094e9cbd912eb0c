//! DHCP for IPv6: the twins of the cases for IPv4, and prefixes that are delegated.

use std::net::Ipv6Addr;
use std::time::Duration;

use lang::checked::Served;
use net::{MacAddr, Prefix};
use packet::dhcp6::{Dhcp6, Kind};
use packet::udp::Datagram;
use runtime::event::{Event, Suspicion};
use runtime::{Loss, Source};
use tests::{World, at};

use crate::{
    GPHONE, RPHONE, SERVER, SERVER_IP, V10, V13, WITH_SERVER, advertise, binding, datagrams, hello, inject, link_local, owner,
    place, seconds, served, site, suspects,
};

const ALL_SERVERS: (MacAddr, Ipv6Addr) = (MacAddr([0x33, 0x33, 0, 1, 0, 2]), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2));
const LEASED: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 5, 0, 0, 0, 0x77);

fn message(kind: Kind, transaction: u32, addresses: &[(Ipv6Addr, u32)]) -> Dhcp6 {
    Dhcp6 { kind, transaction, addresses: addresses.to_vec(), prefixes: Vec::new() }
}

fn ask(world: &mut World, name: &str, mac: MacAddr, message: &Dhcp6) {
    let data = message.to_bytes(b"client", None);
    let datagram = Datagram { src: 546, dst: 547, data: &data };
    inject(world, name, packet::build::udp6((mac, link_local(mac)), ALL_SERVERS, &datagram).unwrap());
}

fn answer(world: &mut World, from: (&str, MacAddr), to: MacAddr, message: &Dhcp6) {
    let data = message.to_bytes(b"client", Some(b"server"));
    let datagram = Datagram { src: 547, dst: 546, data: &data };
    let ends = ((from.1, link_local(from.1)), (to, link_local(to)));
    inject(world, from.0, packet::build::udp6(ends.0, ends.1, &datagram).unwrap());
}

const BY_SERVER: (&str, MacAddr) = ("nfs-server", SERVER);

fn lease(world: &mut World, name: &str, mac: MacAddr, seconds: u32) {
    ask(world, name, mac, &message(Kind::Request, 1, &[]));
    answer(world, BY_SERVER, mac, &message(Kind::Reply, 1, &[(LEASED, seconds)]));
}

fn leased() -> World {
    let mut world = served();
    lease(&mut world, "gphone", GPHONE, 600);
    assert_eq!(binding(&world, LEASED).map(|one| (one.mac, one.source)), Some((GPHONE, Source::Lease)));
    world.take_events();
    world.network.forget_delivered();
    world
}

fn lost(world: &mut World, why: Loss) -> bool {
    world.take_events().iter().any(|event| matches!(event, Event::AddressReleased { why: one, .. } if *one == why))
}

#[test]
fn i07_requests_reach_trusted_servers_alone_and_answers_their_client_in_ipv6() {
    for versions in [V13, V10] {
        let mut world = World::campus(site("default allow;", WITH_SERVER), versions);
        hello(&mut world, "nfs-server", SERVER, SERVER_IP);
        world.network.forget_delivered();
        ask(&mut world, "gphone", GPHONE, &message(Kind::Solicit, 5, &[]));
        assert_eq!(datagrams(&world, "nfs-server", 547), 1);
        for other in ["rphone", "griffin", "border"] {
            assert_eq!(datagrams(&world, other, 547), 0, "{other}");
        }
        answer(&mut world, BY_SERVER, GPHONE, &message(Kind::Advertise, 5, &[(LEASED, 600)]));
        assert_eq!((datagrams(&world, "gphone", 546), owner(&world, LEASED)), (1, None));
        lease(&mut world, "gphone", GPHONE, 600);
        assert_eq!((datagrams(&world, "gphone", 546), owner(&world, LEASED)), (2, Some(GPHONE)));
    }
}

#[test]
fn i07_a_rogue_server_and_a_relay_agent_are_dropped_and_told_in_ipv6() {
    let mut world = served();
    ask(&mut world, "gphone", GPHONE, &message(Kind::Request, 1, &[]));
    world.network.forget_delivered();
    answer(&mut world, ("rphone", RPHONE), GPHONE, &message(Kind::Reply, 1, &[(LEASED, 600)]));
    assert!(suspects(&mut world, RPHONE, &Suspicion::NotServed(Served::Dhcpv6)));
    world.run(Duration::from_secs(1));
    ask(&mut world, "rphone", RPHONE, &message(Kind::RelayForward, 1, &[]));
    assert!(suspects(&mut world, RPHONE, &Suspicion::Relayed));
    assert_eq!((datagrams(&world, "gphone", 546), datagrams(&world, "nfs-server", 547)), (0, 0));
    assert_eq!(owner(&world, LEASED), None);
}

#[test]
fn i07_nobody_gives_back_what_another_has_in_ipv6() {
    let mut world = leased();
    for kind in [Kind::Release, Kind::Decline] {
        ask(&mut world, "rphone", RPHONE, &message(kind, 2, &[(LEASED, 0)]));
        assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)), "{kind:?}");
        world.run(Duration::from_secs(1));
    }
    assert_eq!(datagrams(&world, "nfs-server", 547), 0);
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
}

#[test]
fn i08_a_lease_ends_by_time_release_decline_and_the_server_in_ipv6() {
    for (kind, why) in [(Kind::Release, Loss::Released), (Kind::Decline, Loss::Declined), (Kind::Renew, Loss::Refused)] {
        let mut world = leased();
        ask(&mut world, "gphone", GPHONE, &message(kind, 3, &[(LEASED, 0)]));
        assert_eq!(datagrams(&world, "nfs-server", 547), 1, "the server hears of it");
        answer(&mut world, BY_SERVER, GPHONE, &message(Kind::Reply, 3, &[(LEASED, 0)]));
        assert_eq!(datagrams(&world, "gphone", 546), 1, "and confirms it");
        assert_eq!(owner(&world, LEASED), None, "{kind:?}");
        assert!(lost(&mut world, why), "{kind:?}");
    }
    let mut world = leased();
    seconds(&mut world, 602);
    assert_eq!(owner(&world, LEASED), None);
    assert!(lost(&mut world, Loss::Expired));
}

#[test]
fn a_delegated_prefix_lies_behind_its_router_while_it_lasts() {
    let mut world = served();
    let prefix: Prefix = "fd00:0:9::/48".parse().unwrap();
    let inner: Ipv6Addr = "fd00:0:9:1::5".parse().unwrap();
    inject(&mut world, "gphone", advertise(GPHONE, link_local(GPHONE)));
    ask(&mut world, "gphone", GPHONE, &message(Kind::Request, 4, &[]));
    answer(&mut world, BY_SERVER, GPHONE, &Dhcp6 { prefixes: vec![(prefix, 60)], ..message(Kind::Reply, 4, &[]) });
    let told = |event: &Event| matches!(event, Event::PrefixDelegated { mac: GPHONE, seconds: 60, .. });
    assert!(world.take_events().iter().any(told));
    inject(&mut world, "rphone", advertise(RPHONE, inner));
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    inject(&mut world, "gphone", advertise(GPHONE, inner));
    assert_eq!(owner(&world, inner), Some(GPHONE));
    assert_eq!(place(&world, GPHONE), Some(at(0x1, 5)));
    seconds(&mut world, 95);
    assert_eq!(owner(&world, inner), None, "it ends with the delegation");
}

#[test]
fn any_bytes_are_read_or_dropped_in_ipv6() {
    let mut world = served();
    let good = Dhcp6 { prefixes: vec![("fd00:9::/48".parse().unwrap(), 9)], ..message(Kind::Reply, 1, &[(LEASED, 9)]) };
    let good = good.to_bytes(b"client", Some(b"server"));
    let mut dice = fuzz::mutate::Dice(9);
    for round in 0..600_u32 {
        let mut bytes = good.clone();
        for _ in 0..=round % 8 {
            let at = dice.below(bytes.len());
            bytes[at] = u8::try_from(dice.below(256)).unwrap();
        }
        bytes.truncate(good.len() - dice.below(good.len()));
        for (name, mac, ports) in [("rphone", RPHONE, (546, 547)), ("nfs-server", SERVER, (547, 546))] {
            let datagram = Datagram { src: ports.0, dst: ports.1, data: &bytes };
            let frame = packet::build::udp6((mac, link_local(mac)), ALL_SERVERS, &datagram).unwrap();
            let node = world.node(name);
            world.network.inject(node, frame.into());
        }
        world.run(Duration::from_millis(5));
    }
    lease(&mut world, "gphone", GPHONE, 600);
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
}

#[test]
fn i07_a_prefix_is_given_back_by_whoever_has_it_and_where_it_was_given() {
    let mut world = served();
    let prefix: Prefix = "fd00:0:9::/48".parse().unwrap();
    let inner: Ipv6Addr = "fd00:0:9:1::5".parse().unwrap();
    inject(&mut world, "gphone", advertise(GPHONE, link_local(GPHONE)));
    ask(&mut world, "gphone", GPHONE, &message(Kind::Request, 4, &[]));
    answer(&mut world, BY_SERVER, GPHONE, &Dhcp6 { prefixes: vec![(prefix, 600)], ..message(Kind::Reply, 4, &[]) });
    world.network.forget_delivered();
    let release = Dhcp6 { prefixes: vec![(prefix, 0)], ..message(Kind::Release, 5, &[]) };
    ask(&mut world, "rphone", RPHONE, &release);
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    let part = Dhcp6 { prefixes: vec![("fd00:0:9:7::/64".parse().unwrap(), 0)], ..message(Kind::Release, 6, &[]) };
    world.run(Duration::from_secs(1));
    ask(&mut world, "rphone", RPHONE, &part);
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)), "nor a part of it");
    let other = Dhcp6 { prefixes: vec![("fd00:0:a::/48".parse().unwrap(), 0)], ..message(Kind::Release, 7, &[]) };
    ask(&mut world, "rphone", RPHONE, &other);
    assert_eq!(datagrams(&world, "nfs-server", 547), 0, "the server hears of none of it");
    inject(&mut world, "rphone", advertise(RPHONE, inner));
    assert_eq!(owner(&world, inner), None);
    world.run(Duration::from_secs(1));
    ask(&mut world, "gphone", GPHONE, &release);
    assert_eq!(datagrams(&world, "nfs-server", 547), 1);
    inject(&mut world, "rphone", advertise(RPHONE, inner));
    assert_eq!(owner(&world, inner), Some(RPHONE), "it lies behind nobody now");
}
