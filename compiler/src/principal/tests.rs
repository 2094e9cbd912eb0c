//! Spoofed packets and sound ones, one line each.

use std::net::IpAddr;

use lang::checked::{Checked, EndTest, GatewayId, Group, GroupId, HostId, Kind, SetExpr};
use lang::flow::{End, Flow, Place};
use lang::flowspec::{Reader, flow_text};
use net::{Dpid, EtherType, FlowKey, IpHeader, IpProto, Location, MacAddr, PortNo, Transport};

use super::{Identity, Refusal, destination, source};
use crate::program::Program;
use crate::program::generate::{self, Draw, policy, span};
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

/// The policy as text could say it: sets that somebody else fills have names of groups, and no host is pinned to a gateway's port.
fn in_text(mut policy: Checked) -> Checked {
    let taken: Vec<Location> = policy.gateways.iter().map(|gateway| gateway.at).collect();
    policy.hosts.iter_mut().for_each(|host| host.pin = host.pin.filter(|pin| !taken.contains(pin)));
    let dynamic = (0..).map(GroupId).zip(&policy.groups).filter(|(_, group)| group.dynamic.is_some());
    let named = dynamic.map(|(id, group)| Group {
        name: format!("d{}", id.0).into(),
        members: SetExpr::Leaf(EndTest::Group(id)),
        dynamic: None,
        ..group.clone()
    });
    let named: Vec<Group> = named.collect();
    policy.groups.extend(named);
    policy
}

/// Whoever a packet is from and for, the line of its flow is one that there can be: what text takes for impossible, no packet is.
#[test]
fn flows_of_packets_in_random_views_are_flows_in_text() {
    let (mut read_back, mut remarked) = (0, 0);
    for seed in 0..400 {
        let draw = &mut Draw::new(seed);
        let policy = in_text(policy(draw));
        let view = generate::view(draw, &policy);
        let reader = Reader::new(&policy);
        for _ in 0..1_000 {
            let (at, key) = (generate::location(draw), generate::key(draw));
            let (Identity::Known(src), Identity::Known(dst)) =
                (source(&policy, &view, at, &key), destination(&policy, &view, &key))
            else {
                continue;
            };
            // What an IP packet without a sound header is of, text has no words for.
            if key.ip.is_none() && matches!(key.dl_type, EtherType::IPV4 | EtherType::IPV6) {
                continue;
            }
            let time = policy.tests_time().then(|| generate::time(draw));
            let mut flow = Flow { src, dst, headers: Program::headers(&key), time };
            // In text a host that is pinned is there: while it is away, nothing is delivered to it.
            let pin = flow.dst.host.and_then(|id| policy.hosts[id.index()].pin);
            flow.dst.location = flow.dst.location.or(pin);
            let line = flow_text(&policy, &flow);
            let read = reader.read(&line);
            let flows = read.unwrap_or_else(|why| panic!("seed {seed}: {line}: {:?}\n{flow:#?}", why.found));
            if line.ends_with("# fragment") {
                remarked += 1;
            } else {
                assert!(flows == [flow.clone()], "seed {seed}: {line}\n{flow:#?}\n{flows:#?}");
                read_back += 1;
            }
        }
    }
    assert!(read_back > 500 && remarked > 10, "{read_back} {remarked}");
}

/// What a line says of an end, drawn from all that could be said, sound or not.
fn end_in_text(draw: &mut Draw, initiator: bool) -> String {
    let places = ["internet", "border", "broadcast", "multicast"];
    let mut words: Vec<String> = Vec::new();
    match draw.below(6) {
        0 => words.push(draw.pick(if initiator { &places[..2] } else { &places[..] }).to_owned()),
        1 => words.push(generate::mac(draw).to_string()),
        2 => words.push("unregistered".to_owned()),
        _ => words.push(format!("host h{}", draw.below(5))),
    }
    if draw.chance(3) {
        words.push(generate::address(draw).to_string());
    }
    if draw.chance(3) {
        let at = generate::location(draw);
        words.push(format!("at s{}:{}", at.dpid.0, at.port.0));
    }
    words.join(" ")
}

/// What a packet needs of an end that its line leaves open.
fn filled(policy: &Checked, end: &End, spare: u8, v6: bool) -> End {
    let mut end = end.clone();
    let group = matches!(end.place, Place::Broadcast | Place::Multicast);
    end.mac = end.mac.or(Some(if group { MacAddr([1, 0, 0x5e, 0, 0, spare]) } else { MacAddr([2, 7, 0, 0, 0, spare]) }));
    let inside =
        if v6 { IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 0x700 + u16::from(spare)]) } else { IpAddr::from([10, 0, 77, spare]) };
    end.address = end.address.or(match end.place {
        Place::Gateway(id) => policy.gateways[id.index()].addresses.iter().copied().find(|one| one.is_ipv6() == v6),
        Place::Inside => Some(inside),
        _ => None,
    });
    end.location = end.location.or((!group).then_some(at(60 + u32::from(spare))));
    end
}

/// The other way round: whatever ends text admits, there are a view and a packet that are of them.
#[test]
fn flows_in_text_are_those_of_some_packet() {
    let (mut admitted, mut refused) = (0, 0);
    for seed in 0..300 {
        let draw = &mut Draw::new(seed);
        let policy = in_text(policy(draw));
        let reader = Reader::new(&policy);
        for _ in 0..60 {
            let line = format!("{} -> {} udp/67", end_in_text(draw, true), end_in_text(draw, false));
            let Ok(flows) = reader.read(&line) else {
                refused += 1;
                continue;
            };
            for flow in flows {
                let v6 = flow.headers.dl_type == Some(EtherType::IPV6);
                let (src, dst) = (filled(&policy, &flow.src, 1, v6), filled(&policy, &flow.dst, 2, v6));
                let (Some(from), Some(to)) = (src.address, dst.address) else { continue };
                // Two ends are not one station.
                if src.mac == dst.mac || from == to || (src.host.is_some() && src.host == dst.host) {
                    continue;
                }
                let mut view = View::new(&policy);
                for end in [&src, &dst] {
                    let mac = end.mac.unwrap();
                    match end.place {
                        Place::Inside => {
                            view.attach(mac, end.location.unwrap(), &policy);
                            view.claim(mac, end.address.unwrap());
                        }
                        Place::Gateway(id) | Place::Internet(Some(id)) => view.set_gateway_mac(id, mac),
                        _ => {}
                    }
                }
                let transport = Some(Transport::Ports { src: 68, dst: 67 });
                let ip = Some(IpHeader { src: from, dst: to, proto: IpProto::UDP, dscp: 0, transport });
                let dl_type = if v6 { EtherType::IPV6 } else { EtherType::IPV4 };
                let key = FlowKey { dl_src: src.mac.unwrap(), dl_dst: dst.mac.unwrap(), dl_type, vlan: None, ip };
                let told = (source(&policy, &view, src.location.unwrap(), &key), destination(&policy, &view, &key));
                assert_eq!(told, (Identity::Known(src), Identity::Known(dst)), "seed {seed}: {line}\n{flow:#?}");
                admitted += 1;
            }
        }
    }
    assert!(admitted > 500 && refused > 500, "{admitted} {refused}");
}
