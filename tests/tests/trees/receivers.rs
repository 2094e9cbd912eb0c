//! Who gets a copy, and by whom it is carried.

use std::time::Duration;

use lang::checked::Verdict;
use net::{EtherType, IpProto, MacAddr, TransportMatch};
use packet::build;
use runtime::{Event, Settings};
use tests::{World, rules};

use crate::casts::{
    ALL, CAMPUS, GROUP, PORT, V10, V13, all_but, cast, count, entries, frame, got, hello, is_calm, once, packet_ins, quiet, trees,
};

/// Without a bound, so that switches of any version begin trees.
fn unbounded() -> Settings {
    Settings { broadcasts_per_second: 0, ..quiet() }
}

fn campus(text: &str, versions: &[u8]) -> World {
    let mut world = World::campus_with(rules(text), versions, unbounded());
    hello(&mut world, &CAMPUS);
    world
}

#[test]
fn t12_each_receiver_gets_one_copy_and_switches_carry_it_over_both_versions() {
    for versions in [V10, V13] {
        for to in [GROUP, ALL] {
            let mut world = campus("default allow;", versions);
            world.take_events();
            assert_eq!(cast(&mut world, "griffin", to, PORT), all_but(&["griffin"]), "the first");
            let told = world.take_events();
            let decided = told.iter().find_map(|event| if let Event::Decided(decided) = event { Some(decided) } else { None });
            assert_eq!(decided.map(|one| (one.verdict, one.switches)), Some((Verdict::Allow, 3)), "told as a flow");
            let before = packet_ins(&world);
            for _ in 0..5 {
                assert_eq!(cast(&mut world, "griffin", to, PORT), all_but(&["griffin"]));
            }
            assert!(packet_ins(&world) - before <= 5, "the router answers each; else the controller has nothing to do with it");
            assert!(entries(&world).values().all(|regions| regions.len() == 1), "one entry at each switch");
            assert_eq!((count(&world), trees(&world)), (3, 1));
            assert!(is_calm(&world));
        }
    }
}

#[test]
fn t12_whom_an_earlier_rule_keeps_the_packet_from_gets_no_copy() {
    let text = "deny from griffin to roo;\ndeny from griffin to internet;\nallow from griffin to multicast 239.1.0.0/16;\n\
                deny from griffin to gphone;\ndefault deny;";
    for versions in [V10, V13] {
        let mut world = campus(text, versions);
        let wanted = all_but(&["griffin", "roo", "border"]);
        for _ in 0..3 {
            assert_eq!(cast(&mut world, "griffin", GROUP, PORT), wanted, "a rule behind the one that decides says nothing");
        }
        assert_eq!(trees(&world), 1);
        assert_eq!(cast(&mut world, "griffin", ALL, PORT), once(&[]), "the group is allowed, and not everybody");
        assert_eq!(cast(&mut world, "roo", GROUP, PORT), once(&[]));
    }
}

#[test]
fn t12_the_same_get_copies_by_hand_as_by_tree() {
    let text = "deny from griffin to roo;\nallow from griffin to multicast;\ndefault deny;";
    let mut world = World::campus_with(rules(text), V13, Settings { trees: 0, ..Settings::default() });
    hello(&mut world, &CAMPUS);
    for _ in 0..3 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin", "roo"]));
    }
    assert_eq!((count(&world), trees(&world)), (0, 0));
}

#[test]
fn t12_whoever_is_not_known_gets_a_copy_only_where_nobody_could_be_refused_one() {
    for (text, silent) in
        [("default allow;", true), ("deny from griffin to roo;\nallow from any to multicast;\ndefault deny;", false)]
    {
        let mut world = World::campus_with(rules(text), V13, unbounded());
        hello(&mut world, &["griffin", "glaptop"]);
        let got = cast(&mut world, "griffin", GROUP, PORT);
        assert_eq!((got.contains_key("glaptop"), got.contains_key("gphone")), (true, silent), "{got:?}");
        hello(&mut world, &["gphone"]);
        let got = cast(&mut world, "griffin", GROUP, PORT);
        assert!(got.contains_key("gphone"), "it is known now: {got:?}");
        assert_eq!(got.contains_key("roo"), silent, "{got:?}");
    }
}

#[test]
fn t12_what_is_bound_to_a_box_or_a_copy_goes_along_no_tree() {
    let mut world =
        campus("allow from griffin to multicast mirror ids;\nallow from roo to multicast limit 1mbps;\ndefault deny;", V13);
    assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]), "by hand, as before");
    assert_eq!(cast(&mut world, "roo", GROUP, PORT), all_but(&["roo"]));
    assert_eq!(trees(&world), 0);
}

#[test]
fn t12_copies_are_carried_in_a_vlan_and_delivered_as_they_were_sent() {
    for versions in [V10, V13] {
        let mut world = campus("allow from griffin to multicast vlan 30;\ndefault deny;", versions);
        for _ in 0..3 {
            assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
        }
        let tagged = world.network.delivered().filter(|one| packet::parse(&one.frame).unwrap().key.vlan.is_some());
        assert_eq!(tagged.count(), 0, "no host sees the VLAN");
        let of_edge = &entries(&world)[&net::Dpid(0x2)];
        assert!(of_edge.iter().all(|region| format!("{:?}", region.vlan).contains("30")), "{of_edge:?}");
        assert_eq!(trees(&world), 1);
    }
}

#[test]
fn t12_what_an_avoided_switch_would_have_to_carry_goes_another_way_or_not_at_all() {
    let mut world = campus("allow from griffin to multicast avoid core;\ndefault deny;", V13);
    for _ in 0..2 {
        assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin", "http-server", "nfs-server", "border"]));
    }
    assert!(!entries(&world).contains_key(&net::Dpid(0x10)));
}

#[test]
fn i08_what_asks_for_addresses_leases_and_memberships_is_never_covered_by_a_tree() {
    let mut world = campus("default allow;", V13);
    let griffin = world.host("griffin").mac();
    let node = world.node("griffin");
    let igmp = {
        let src_ip = world.ip("griffin");
        let ends =
            build::IpEnds { src_mac: griffin, dst_mac: MacAddr([1, 0, 0x5e, 0, 0, 22]), src_ip, dst_ip: [224, 0, 0, 22].into() };
        build::ipv4(&ends, IpProto(2), &[0x22, 0, 0, 0, 0, 0, 0, 0]).unwrap()
    };
    let unknown = |kind| build::ethernet(MacAddr::BROADCAST, griffin, kind, &[0; 46]);
    let spanning = build::ethernet(MacAddr([1, 0x80, 0xc2, 0, 0, 0]), griffin, EtherType(0x88b5), &[0; 46]);
    let lease = [frame(&mut world, "griffin", ALL, 67, b"lease"), frame(&mut world, "griffin", ALL, 68, b"lease")];
    let plain = [
        igmp.into(),
        unknown(EtherType::ARP).into(),
        unknown(EtherType(0x8035)).into(),
        unknown(EtherType::EAPOL).into(),
        spanning.into(),
    ];
    for sent in lease.into_iter().chain(plain) {
        for _ in 0..3 {
            world.network.inject(node, sent.clone());
            world.run(Duration::from_millis(50));
        }
        assert_eq!((count(&world), trees(&world)), (0, 0), "{sent:?}");
    }
    world.network.inject(node, unknown(EtherType(0x88b5)).into());
    world.run(Duration::from_millis(50));
    assert_eq!(trees(&world), 1, "what is only for many is");
    let fixed = |region: &net::FlowMatch| {
        region.in_port.is_some()
            && region.dl_src.is_some()
            && region.dl_type == Some(EtherType(0x88b5))
            && region.transport == TransportMatch::Any
    };
    assert!(entries(&world).values().flatten().all(fixed));
}

#[test]
fn i09_discovery_of_neighbours_and_listeners_is_never_covered_by_a_tree() {
    let mut world = campus("default allow;", V13);
    let node = world.node("griffin");
    let mac = world.host("griffin").mac();
    let here = "fe80::11".parse().unwrap();
    let all = "ff02::1".parse().unwrap();
    for kind in [130, 131, 132, 133, 134, 135, 136, 137, 143] {
        let frame = build::icmpv6((mac, here), (MacAddr([0x33, 0x33, 0, 0, 0, 1]), all), &[kind, 0, 0, 0, 0, 0, 0, 0]);
        for _ in 0..2 {
            world.network.inject(node, frame.clone().into());
            world.run(Duration::from_millis(50));
        }
        assert_eq!((count(&world), trees(&world)), (0, 0), "{kind}");
    }
}

#[test]
fn t12_a_stream_is_known_by_its_headers_and_another_is_decided_by_itself() {
    let mut world = campus("allow from griffin to multicast for udp/5004;\ndefault deny;", V13);
    assert_eq!(cast(&mut world, "griffin", GROUP, PORT), all_but(&["griffin"]));
    assert_eq!(cast(&mut world, "griffin", GROUP, 5005), once(&[]));
    assert_eq!(cast(&mut world, "griffin", [239, 1, 2, 4].into(), PORT), all_but(&["griffin"]));
    assert_eq!(trees(&world), 2);
    assert!(got(&world, b"never sent").is_empty());
}
