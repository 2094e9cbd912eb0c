//! What a view refuses, what survives a change of policy, and its form as text.

use std::net::IpAddr;

use lang::checked::{Checked, GatewayId, HostId, UserId};
use lang::flow::Person;
use net::{Dpid, Location, MacAddr, PortNo};

use super::{View, ViewError, ViewFile};
use crate::program::generate::{Draw, disturb, policy, view};

const GUEST: MacAddr = MacAddr([2, 9, 0, 0, 0, 1]);

fn at(port: u32) -> Location {
    Location::new(Dpid(1), PortNo(port))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Hosts `h0` with two MAC addresses and `h1`, pinned to port 1, each with one address.
fn sample() -> Checked {
    let mut sample = policy(&mut Draw::new(1));
    sample.hosts.truncate(2);
    for (host, last) in sample.hosts.iter_mut().zip(0..) {
        host.macs = vec![MacAddr([2, 0, 0, 0, 0, last])];
        host.addresses = vec![IpAddr::from([10, 0, 1, last])];
        host.pin = None;
    }
    sample.hosts[0].macs.push(MacAddr([2, 0, 0, 0, 1, 0]));
    sample.hosts[1].pin = Some(at(1));
    sample.gateways[0].mac = None;
    sample
}

fn macs(policy: &Checked) -> (MacAddr, MacAddr, MacAddr) {
    (policy.hosts[0].macs[0], policy.hosts[0].macs[1], policy.hosts[1].macs[0])
}

#[test]
fn registered_hosts_are_known_from_the_start_and_stay() {
    let policy = sample();
    let (first, second, pinned) = macs(&policy);
    let mut view = View::new(&policy);
    assert_eq!(view.stations().count(), 3);
    assert_eq!(view.station(second).unwrap().host, Some(HostId(0)));
    assert_eq!(view.owner(address("10.0.1.0")), Some(first));
    assert!(!view.release(first, address("10.0.1.0")));
    assert!(view.attach(pinned, at(1), &policy) && view.remove(pinned));
    assert_eq!(view, View::new(&policy));
}

#[test]
fn pins_gateways_and_groups_are_no_places_for_stations() {
    let policy = sample();
    let (_, _, pinned) = macs(&policy);
    let mut view = View::new(&policy);
    assert!(!view.attach(pinned, at(2), &policy));
    assert!(!view.attach(GUEST, policy.gateways[0].at, &policy));
    assert!(!view.attach(MacAddr::BROADCAST, at(2), &policy) && !view.attach(MacAddr::ZERO, at(2), &policy));
    assert!(view.attach(GUEST, at(2), &policy) && !view.attach(GUEST, at(2), &policy));
    assert!(view.attach(GUEST, at(3), &policy));
    assert_eq!(view.at(at(2)).count() + view.at(at(3)).count(), 1);
    view.set_gateway_mac(GatewayId(0), GUEST);
    assert!(view.station(GUEST).is_none() && !view.attach(GUEST, at(3), &policy));
}

#[test]
fn an_address_has_one_owner_which_may_be_another_card_of_the_same_host() {
    let policy = sample();
    let (first, second, _) = macs(&policy);
    let mut view = View::new(&policy);
    assert!(view.attach(GUEST, at(2), &policy));
    assert!(!view.claim(GUEST, address("10.0.1.0")));
    assert!(view.claim(second, address("10.0.1.0")));
    assert_eq!((view.owner(address("10.0.1.0")), view.station(first).unwrap().addresses.len()), (Some(second), 0));
    assert!(view.claim(GUEST, address("fe80::9")) && !view.claim(GUEST, address("fe80::9")));
    for none in ["0.0.0.0", "::", "127.0.0.1", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:10.0.0.1"] {
        assert!(!view.claim(GUEST, address(none)), "{none}");
    }
    assert!(view.release(GUEST, address("fe80::9")) && view.owner(address("fe80::9")).is_none());
}

#[test]
fn live_facts_survive_a_policy_whose_numbers_differ() {
    let old = sample();
    let (first, _, pinned) = macs(&old);
    let mut view = View::new(&old);
    assert!(
        view.attach(first, at(1), &old)
            && view.login(first, Person::declared(UserId(1)))
            && view.claim(first, address("10.0.2.7"))
    );
    assert!(view.attach(pinned, at(1), &old) && view.login(pinned, Person::declared(UserId(0))));
    assert!(view.attach(GUEST, at(3), &old) && view.claim(GUEST, address("10.0.2.9")));
    let mut new = old.clone();
    new.hosts.reverse();
    new.hosts[0].pin = Some(at(2));
    new.hosts[1].addresses = vec![address("10.0.2.9")];
    new.users.remove(0);
    let after = view.rebase(&old, &new);
    let station = after.station(first).unwrap();
    assert_eq!(
        (station.host, station.location, &*station.users),
        (Some(HostId(1)), Some(at(1)), &[Person::declared(UserId(0))][..])
    );
    assert_eq!(station.addresses, [address("10.0.2.7"), address("10.0.2.9")].into());
    assert_eq!(after.station(pinned).unwrap().location, None);
    assert!(after.station(pinned).unwrap().users.is_empty());
    assert!(after.station(GUEST).unwrap().addresses.is_empty());
    assert_eq!(view.rebase(&old, &old), view);
}

#[test]
fn a_view_written_and_read_again_is_the_same() {
    for seed in 0..300 {
        let draw = &mut Draw::new(seed);
        let policy = policy(draw);
        let before = view(draw, &policy);
        let text = serde_json::to_string(&ViewFile::of(&before, &policy)).unwrap();
        let file: ViewFile = serde_json::from_str(&text).unwrap();
        assert_eq!(file.resolve(&policy).unwrap(), before, "seed {seed}: {text}");
    }
}

#[test]
fn every_mistake_of_a_view_file_is_named() {
    let text = r#"{"schema":"pentane.view/1","stations":[
        {"host":"h1","at":"s1:2"},
        {"host":"h0"},
        {"host":"h9","at":"s1:1"},
        {"mac":"02:00:00:00:00:01","host":"h0"},
        {"mac":"02:09:00:00:00:01","at":"nowhere","ip":["10.0.1.0"],"users":["u0","nobody"]},
        {"mac":"02:09:00:00:00:01"},
        {"users":["u0"]}],
        "gateways":[{"name":"border","mac":"02:00:00:00:00:00"},{"name":"other","mac":"02:00:00:00:00:fe"}]}"#;
    let file: ViewFile = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = file.resolve(&sample()).unwrap_err().iter().map(ViewError::to_string).collect();
    assert_eq!(
        errors,
        [
            "gateway `border` cannot have 02:00:00:00:00:00: it is declared otherwise, a host's, or a group address",
            "the policy declares no gateway `other`",
            "02:00:00:00:00:01 may not be attached at `s1:2`: it is pinned elsewhere, or that is a gateway's place or address",
            "the station of host `h0` needs a `mac`, because the host does not have exactly one",
            "the policy declares no host `h9`",
            "02:00:00:00:00:01 is not a MAC address of host `h0`",
            "the policy declares no location `nowhere`",
            "02:09:00:00:00:01 cannot have 10.0.1.0: it belongs to another, or no host can have it",
            "the policy declares no user `nobody`",
            "02:09:00:00:00:01 stands in the view twice",
            "a station has neither `mac` nor `host`",
        ]
    );
    assert!(serde_json::from_str::<ViewFile>(r#"{"schema":"pentane.view/1","hosts":[]}"#).is_err());
}

#[test]
fn addresses_and_ports_always_agree_with_the_stations() {
    for seed in 0..200 {
        let draw = &mut Draw::new(seed);
        let policy = policy(draw);
        let mut view = View::new(&policy);
        for _ in 0..60 {
            disturb(draw, &mut view, &policy);
            let owned: usize = view.stations().map(|station| station.addresses.len()).sum();
            assert_eq!(owned, view.owners.len());
            assert!(view.owners.iter().all(|(address, mac)| view.station(*mac).unwrap().addresses.contains(address)));
            let attached = view.stations().filter(|station| station.location.is_some()).count();
            assert_eq!(attached, view.ports.values().map(|here| here.len()).sum::<usize>());
            assert!(view.ports.iter().all(|(at, here)| here.iter().all(|mac| view.station(*mac).unwrap().location == Some(*at))));
        }
    }
}
