//! Spoofed packets and sound ones, one line each.

use std::net::IpAddr;

use lang::checked::{Checked, EndTest, GatewayId, Group, HostId, Kind, SetExpr};
use lang::flow::Place;
use net::{Dpid, EtherType, FlowKey, IpHeader, IpProto, Location, MacAddr, PortNo, Transport};

use super::{Identity, Refusal, destination, source};
use crate::program::generate::{Draw, policy, span};
use crate::view::View;

const ALICE: MacAddr = MacAddr([2, 0, 0, 0, 0, 0]);
const BOB: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const GUEST: MacAddr = MacAddr([2, 9, 0, 0, 0, 1]);
const ROUTER: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xfe]);

fn at(port: u32) -> Location {
    Location::new(Dpid(1), PortNo(port))
}

/// Alice (10.0.1.0) at port 1, a guest (fe80::9) at port 2, Bob (10.0.1.1) nowhere; 10.0.0.0/16 is inside.
fn sample() -> (Checked, View) {
    let mut sample = policy(&mut Draw::new(1));
    sample.hosts.truncate(2);
    for (host, last) in sample.hosts.iter_mut().zip(0..) {
        host.macs = vec![MacAddr([2, 0, 0, 0, 0, last])];
        host.addresses = vec![IpAddr::from([10, 0, 1, last])];
        host.pin = None;
    }
    sample.gateways[0].mac = Some(ROUTER);
    let members = SetExpr::Leaf(EndTest::Address("10.0.0.0/16".parse().unwrap()));
    sample.groups = vec![Group { name: "site".into(), kind: Kind::Network, members, network: true, dynamic: None, span: span() }];
    let mut view = View::new(&sample);
    assert!(view.attach(ALICE, at(1), &sample) && view.attach(GUEST, at(2), &sample));
    assert!(view.claim(GUEST, "fe80::9".parse().unwrap()));
    (sample, view)
}

fn packet(dl_src: MacAddr, dl_dst: MacAddr, ip: Option<(&str, &str)>, port: u16) -> FlowKey {
    let ip = ip.map(|(src, dst)| IpHeader {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        proto: IpProto::UDP,
        dscp: 0,
        transport: Some(Transport::Ports { src: 68, dst: port }),
    });
    let dl_type = if ip.is_some() { EtherType::IPV4 } else { EtherType::ARP };
    FlowKey { dl_src, dl_dst, dl_type, vlan: None, ip }
}

fn from(mac: MacAddr, location: Location, address: Option<&str>, port: u16) -> Identity {
    let (policy, view) = sample();
    source(&policy, &view, location, &packet(mac, BOB, address.map(|address| (address, "10.0.1.1")), port))
}

fn to(mac: MacAddr, address: Option<&str>) -> Identity {
    let (policy, view) = sample();
    destination(&policy, &view, &packet(ALICE, mac, address.map(|address| ("10.0.1.0", address)), 53))
}

fn place(identity: Identity) -> Place {
    match identity {
        Identity::Known(end) => end.place,
        Identity::Refused(refusal) => panic!("{refusal}"),
    }
}

#[test]
fn a_station_sends_from_its_port_with_its_addresses() {
    let Identity::Known(alice) = from(ALICE, at(1), Some("10.0.1.0"), 53) else { panic!("refused") };
    assert_eq!((alice.host, alice.location, alice.mac), (Some(HostId(0)), Some(at(1)), Some(ALICE)));
    assert!(matches!(from(GUEST, at(2), Some("fe80::9"), 53), Identity::Known(_)));
    assert!(matches!(from(GUEST, at(2), None, 0), Identity::Known(end) if end.address.is_none()));
    assert!(matches!(from(GUEST, at(2), Some("0.0.0.0"), 67), Identity::Known(end) if end.address.is_none()));
}

#[test]
fn spoofed_packets_are_refused() {
    let border = sample().0.gateways[0].at;
    let cases = [
        (GUEST, at(1), Some("fe80::9"), Refusal::WrongPort { bound: at(2) }),
        (BOB, at(1), Some("10.0.1.1"), Refusal::UnknownStation),
        (MacAddr([2, 9, 9, 9, 9, 9]), at(1), None, Refusal::UnknownStation),
        (GUEST, at(2), Some("10.0.1.0"), Refusal::ForeignAddress { owner: Some(ALICE) }),
        (GUEST, at(2), Some("10.0.0.254"), Refusal::ForeignAddress { owner: None }),
        (GUEST, at(2), Some("10.0.2.2"), Refusal::UnclaimedAddress),
        (GUEST, at(2), Some("8.8.8.8"), Refusal::UnclaimedAddress),
        (GUEST, at(2), Some("0.0.0.0"), Refusal::NoSourceAddress),
        (ROUTER, at(2), Some("8.8.8.8"), Refusal::WrongPort { bound: border }),
        (MacAddr::BROADCAST, at(2), None, Refusal::GroupSource),
        (ROUTER, border, Some("10.0.1.0"), Refusal::InsideAddressFromOutside),
        (ROUTER, border, Some("10.0.77.1"), Refusal::InsideAddressFromOutside),
        (ALICE, border, Some("8.8.8.8"), Refusal::InsideAddressFromOutside),
        (ROUTER, border, Some("224.0.0.1"), Refusal::NoSourceAddress),
        (GUEST, border, None, Refusal::InsideAddressFromOutside),
    ];
    for (mac, location, address, refusal) in cases {
        assert_eq!(from(mac, location, address, 53), Identity::Refused(refusal), "{mac} at {location} as {address:?}");
    }
}

#[test]
fn beyond_a_gateway_lies_the_internet() {
    let border = sample().0.gateways[0].at;
    let gateway = GatewayId(0);
    assert_eq!(place(from(ROUTER, border, Some("8.8.8.8"), 53)), Place::Internet(Some(gateway)));
    assert_eq!(place(from(ROUTER, border, Some("10.0.0.254"), 53)), Place::Gateway(gateway));
    assert_eq!(place(from(ROUTER, border, None, 0)), Place::Gateway(gateway));
    assert_eq!(place(to(ROUTER, Some("8.8.8.8"))), Place::Internet(Some(gateway)));
    assert_eq!(place(to(ROUTER, Some("10.0.0.254"))), Place::Gateway(gateway));
    assert!(matches!(to(ROUTER, Some("8.8.8.8")), Identity::Known(end) if end.location == Some(border)));
}

#[test]
fn destinations_are_stations_groups_or_refused() {
    assert!(matches!(to(BOB, Some("10.0.1.1")), Identity::Known(end) if end.host == Some(HostId(1)) && end.location.is_none()));
    assert_eq!(place(to(MacAddr::BROADCAST, Some("255.255.255.255"))), Place::Broadcast);
    assert_eq!(place(to(MacAddr::BROADCAST, None)), Place::Broadcast);
    assert_eq!(place(to(MacAddr([1, 0, 0x5e, 0, 0, 0xfb]), Some("224.0.0.251"))), Place::Multicast);
    let cases = [
        (MacAddr([2, 9, 9, 9, 9, 9]), None, Refusal::UnknownStation),
        (GUEST, Some("10.0.1.1"), Refusal::ForeignAddress { owner: Some(BOB) }),
        (GUEST, Some("10.0.0.254"), Refusal::ForeignAddress { owner: None }),
        (GUEST, Some("224.0.0.251"), Refusal::GroupMismatch),
        (MacAddr::BROADCAST, Some("10.0.1.1"), Refusal::GroupMismatch),
        (MacAddr([1, 0, 0x5e, 0, 0, 0xfb]), Some("10.0.1.1"), Refusal::GroupMismatch),
        (ROUTER, Some("10.0.1.1"), Refusal::InsideAddressToOutside),
        (ROUTER, Some("10.0.77.1"), Refusal::InsideAddressToOutside),
        (ROUTER, Some("224.0.0.251"), Refusal::GroupMismatch),
    ];
    for (mac, address, refusal) in cases {
        assert_eq!(to(mac, address), Identity::Refused(refusal), "{mac} with {address:?}");
    }
}
