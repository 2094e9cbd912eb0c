//! What a view refuses, what survives a change of policy, and its form as text.

use std::net::IpAddr;

use lang::checked::{Attachment, Checked, GatewayId, HostId, PortSet, UserId};
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
        assert_eq!(file.resolve(&policy).unwrap().view, before, "seed {seed}: {text}");
    }
}

/// What is wrong with a view file.
fn mistakes(text: &str, policy: &Checked) -> Vec<String> {
    let file: ViewFile = serde_json::from_str(text).unwrap();
    file.resolve(policy).unwrap_err().iter().map(ViewError::to_string).collect()
}

#[test]
fn every_mistake_of_a_view_file_is_named() {
    let text = r#"{"schema":"pentane.view/2","stations":[
        {"host":"h1","at":"s1:2"},
        {"host":"h0"},
        {"host":"h9","at":"s1:1"},
        {"mac":"02:00:00:00:00:01","host":"h0"},
        {"mac":"02:09:00:00:00:01","at":"nowhere","ip":["10.0.1.0","127.0.0.1","10.0.0.254"],"users":["u0","nobody","u0"]},
        {"mac":"02:09:00:00:00:01"},
        {"users":["u0"]},
        {"mac":"02:09:00:00:00:03","at":"s1:x"},
        {"mac":"02:09:00:00:00:04","at":"s9:1"},
        {"mac":"02:09:00:00:00:fe"},
        {"mac":"03:00:00:00:00:00"}],
        "gateways":[{"name":"border","mac":"02:09:00:00:00:fe"},{"name":"other","mac":"02:00:00:00:00:fe"},
                    {"name":"border","mac":"02:00:00:00:00:00"}]}"#;
    assert_eq!(
        mistakes(text, &sample()),
        [
            "schema: it is `pentane.view/2`, not `pentane.view/1`",
            "gateways[1]: the policy declares no gateway `other`",
            "gateways[2]: gateway `border` stands in the view twice",
            "stations[0]: host `h1` cannot be at `s1:2`: it is pinned to `wap`",
            "stations[1]: it needs a `mac`, because host `h0` does not have exactly one",
            "stations[2]: the policy declares no host `h9`: did you mean `h0` or `h1`?",
            "stations[3]: 02:00:00:00:00:01 is not a MAC address of host `h0`",
            "stations[4]: the policy declares no location `nowhere`",
            "stations[4]: 02:09:00:00:00:01 cannot have 10.0.1.0: it is that of host `h0`",
            "stations[4]: 02:09:00:00:00:01 cannot have 127.0.0.1: no host can have it",
            "stations[4]: 02:09:00:00:00:01 cannot have 10.0.0.254: it is that of gateway `border`",
            "stations[4]: the policy declares no user `nobody`",
            "stations[4]: user `u0` of 02:09:00:00:00:01 stands in the view twice",
            "stations[5]: 02:09:00:00:00:01 stands in the view twice",
            "stations[6]: it has neither `mac` nor `host`",
            "stations[7]: `s1:x` is no place: behind `:` stands the number of a port",
            "stations[8]: the policy declares no switch `s9`: did you mean `s1` or `s2`?",
            "stations[9]: 02:09:00:00:00:fe is no station's: it is that of gateway `border`",
            "stations[10]: 03:00:00:00:00:00 is no station's: it is that of a group, or of nobody",
        ]
    );
    let gateway = r#"{"schema":"pentane.view/1","gateways":[{"name":"border","mac":"02:00:00:00:00:00"}]}"#;
    let told =
        "gateways[0]: gateway `border` cannot have 02:00:00:00:00:00: it is declared otherwise, a host's, or a group address";
    assert_eq!(mistakes(gateway, &sample()), [told]);
    assert!(serde_json::from_str::<ViewFile>(r#"{"schema":"pentane.view/1","hosts":[]}"#).is_err());
}

/// The sample with a second switch that lists its ports, and a middlebox there.
fn cabled() -> Checked {
    let mut cabled = sample();
    cabled.gateways[0].at = at(9);
    let second = cabled.switches.iter_mut().find(|switch| switch.dpid == Dpid(2)).unwrap();
    second.access = PortSet(vec![1..=4]);
    second.uplink = PortSet(vec![5..=6]);
    let box_at = Location::new(Dpid(2), PortNo(6));
    cabled.middleboxes.truncate(1);
    cabled.middleboxes[0].attachments = vec![Attachment::OneArmed { at: box_at }];
    cabled
}

#[test]
fn stations_and_links_are_where_the_inventory_has_room_for_them() {
    let policy = cabled();
    let text = r#"{"schema":"pentane.view/1","stations":[
        {"mac":"02:09:00:00:00:01","at":"s2:5"},
        {"mac":"02:09:00:00:00:02","at":"s2:9"},
        {"mac":"02:09:00:00:00:03","at":"s2:6"},
        {"mac":"02:09:00:00:00:04","at":"s1:9"},
        {"mac":"02:09:00:00:00:05","at":"s1:7"}],
        "links":[["s1:7","s2:5"],["s1:8","s2:1"],["s1:8","s2:6"],["s1:4","s2:7"],["s1:9","s16:1"],["s1:3","s1:6"],
                 ["s1:7","s16:3"],["s9:1","wap"],["s1:2","s16:2"]]}"#;
    assert_eq!(
        mistakes(text, &policy),
        [
            "links[1]: a link cannot be at `s2:1`: an access port leads to hosts, never to a switch",
            "links[2]: an end of a link at `s1:8` stands in the view twice",
            "links[2]: a link cannot be at `s2:6`: middlebox `ids` is there",
            "links[3]: a link cannot be at `s2:7`: the declaration of switch `s2` has no such port",
            "links[4]: a link cannot be at `s1:9`: gateway `border` is there",
            "links[5]: both ends of the link are on switch `s1`",
            "links[6]: an end of a link at `s1:7` stands in the view twice",
            "links[7]: the policy declares no switch `s9`: did you mean `s1` or `s2`?",
            "stations[0]: 02:09:00:00:00:01 cannot be at `s2:5`: an uplink leads to a switch, never to a host",
            "stations[1]: 02:09:00:00:00:02 cannot be at `s2:9`: the declaration of switch `s2` has no such port",
            "stations[2]: 02:09:00:00:00:03 cannot be at `s2:6`: middlebox `ids` is there",
            "stations[3]: 02:09:00:00:00:04 cannot be at `s1:9`: gateway `border` is there",
            "stations[4]: 02:09:00:00:00:05 cannot be at `s1:7`: a link of `links` is there",
        ]
    );
    let file: ViewFile = serde_json::from_str(r#"{"schema":"pentane.view/1","links":[["s1:7","2:5"]]}"#).unwrap();
    let ends = [at(7), Location::new(Dpid(2), PortNo(5))];
    assert_eq!(file.resolve(&policy).unwrap().links, Some(vec![ends]));
    let file: ViewFile = serde_json::from_str(r#"{"schema":"pentane.view/1"}"#).unwrap();
    assert_eq!(file.resolve(&policy).unwrap().links, None, "nothing is said of links");
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
            assert!(view.owners.values().all(|(address, mac)| view.station(*mac).unwrap().addresses.contains(address)));
            let attached = view.stations().filter(|station| station.location.is_some()).count();
            assert_eq!(attached, view.ports.values().map(|here| here.len()).sum::<usize>());
            assert!(view.ports.iter().all(|(at, here)| here.iter().all(|mac| view.station(*mac).unwrap().location == Some(*at))));
        }
    }
}
