//! Faucet: generated configurations and packets, judged table by table as its switches do, and by what they became here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lang::checked::Verdict;
use lang::flow::{End, Flow, Headers, Place};
use net::{Dpid, EtherType, IpProto, Location, MacAddr, PortNo, Transport, VlanId, VlanTag};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::checked::{self, Policy};
use crate::switches::{ACLS, Config, Field, GUEST, MACS, More, OFFICE, Packet, Port, Rule, To, bits, v6};

fn location((dp, port): (usize, u32)) -> Location {
    Location::new(Dpid(u64::try_from(dp).expect("a small number") + 1), PortNo(port))
}

fn flow(packet: &Packet) -> Flow {
    let address = |at: usize| match packet.ether {
        0x0800 => Some(IpAddr::V4(Ipv4Addr::from_bits(bits(packet.addresses[at])))),
        0x86dd => Some(IpAddr::V6(v6(packet.addresses[at]))),
        _ => None,
    };
    let mac = |at: usize| MACS[packet.macs[at]].parse().ok();
    let src = End { location: Some(location(packet.from)), mac: mac(0), address: address(0), ..End::default() };
    let group = |place, mac, v4: u32| {
        let address = match packet.ether {
            0x0800 => Some(IpAddr::V4(Ipv4Addr::from_bits(v4))),
            0x86dd => Some(IpAddr::V6(Ipv6Addr::from_bits(0xff02 << 112 | 1))),
            _ => None,
        };
        End { mac: Some(mac), address, place, ..End::default() }
    };
    let dst = match packet.to {
        To::Port(dp, port) => End { location: Some(location((dp, port))), mac: mac(1), address: address(1), ..End::default() },
        To::Unknown => End { mac: mac(1), address: address(1), ..End::default() },
        To::Broadcast => group(Place::Broadcast, MacAddr([0xff; 6]), u32::MAX),
        To::Multicast => group(Place::Multicast, MacAddr([1, 0, 0x5e, 0, 0, 1]), 0xe000_0001),
    };
    let ip = address(0).is_some();
    let proto = ip.then_some(IpProto(packet.proto));
    let [sport, dport] = packet.ports;
    let transport = match packet.proto {
        6 | 17 if ip => Some(Transport::Ports { src: sport, dst: dport }),
        1 if ip => Some(Transport::Icmp { kind: packet.icmp, code: 0 }),
        _ => None,
    };
    let vlan = packet.vlan.map(|id| VlanTag { id: VlanId::new(id), pcp: 0 });
    let headers = Headers { dl_type: Some(EtherType(packet.ether)), vlan, proto, dscp: ip.then_some(packet.dscp), transport };
    Flow { src, dst, headers, time: None }
}

fn a_field() -> impl Strategy<Value = Field> {
    let port = select(vec![0x50_u16, 0x53, 443, 53]);
    let dst = any::<bool>();
    prop_oneof![
        (dst, 0..3_usize, select(vec![u32::MAX, 0xff00_0000, 0xff00_00ff, 0, 0xffff_ff00]), any::<bool>())
            .prop_map(|(dst, address, mask, length)| Field::V4(dst, address, mask, length)),
        (dst, select(vec![0_u8, 32, 128])).prop_map(|(dst, length)| Field::V6(dst, length)),
        (dst, port.clone(), select(vec![0xffff_u16, 0xfff0, 1])).prop_map(|(dst, port, mask)| Field::Tcp(dst, port, mask)),
        (dst, port.clone()).prop_map(|(dst, port)| Field::Udp(dst, port)),
        port.prop_map(Field::Tp),
        select(vec![0_u8, 8]).prop_map(Field::IcmpType),
        select(vec![0_u8, 46]).prop_map(Field::Dscp),
        (select(vec![OFFICE, GUEST]), 0..4_u8).prop_map(|(vid, how)| Field::Vlan(vid, how)),
        (dst, 0..2_usize).prop_map(|(dst, mac)| Field::Mac(dst, mac)),
        Just(Field::Group),
        (1..4_u32).prop_map(Field::InPort),
        select(vec![1_u8, 2]).prop_map(Field::ArpOp),
    ]
}

/// Mostly with the fields that a switch wants beside the others.
fn a_rule() -> impl Strategy<Value = Rule> {
    let ether = (select(vec![0x0800_u16, 0x0800, 0x86dd, 0x0806]), 0..3_u8).prop_map(|(value, how)| Field::Ether(value, how));
    let proto = (select(vec![6_u8, 17, 1, 47]), any::<bool>()).prop_map(|(value, old)| Field::Proto(value, old));
    let more = prop_oneof![12 => Just(More::Nothing), 1 => Just(More::Meter), 1 => Just(More::Mirror), 1 => Just(More::Output)];
    let parts = (proptest::option::weighted(0.8, ether), proptest::option::weighted(0.6, proto), vec(a_field(), 0..3));
    (parts, any::<bool>(), more).prop_map(|((ether, proto, rest), allow, more)| {
        let mut fields: Vec<Field> = ether.into_iter().chain(proto).collect();
        for field in rest {
            if !fields.iter().any(|other| other.name() == field.name()) {
                fields.push(field);
            }
        }
        Rule { fields, allow, more }
    })
}

/// A rule all of which can be carried over.
fn a_clean_rule() -> impl Strategy<Value = Rule> {
    let clean = |rule: &Rule| {
        rule.is_taken()
            && matches!(rule.more, More::Nothing | More::Meter)
            && rule.fields.iter().all(|field| match field {
                Field::V4(_, _, mask, _) => mask.leading_ones() == mask.count_ones(),
                Field::Tcp(_, _, mask) => *mask != 1,
                Field::ArpOp(_) | Field::InPort(_) => false,
                _ => true,
            })
    };
    // What a switch would not take with the rest is left away.
    a_rule().prop_map(move |mut rule| {
        rule.more = More::Nothing;
        while !clean(&rule) {
            rule.fields.pop();
        }
        rule
    })
}

fn a_port(vlans: Vec<Option<u16>>) -> impl Strategy<Value = Port> {
    let flags = (proptest::bool::weighted(0.2), proptest::bool::weighted(0.9), proptest::bool::weighted(0.2));
    (select(vlans), flags, vec(0..ACLS.len(), 0..3)).prop_map(|(native, (tagged, enabled, hairpin), acls)| Port {
        native,
        tagged,
        acls,
        enabled,
        hairpin,
    })
}

fn a_config() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>()).prop_flat_map(|(clean, several)| {
        // With one VLAN and one stack, all can be carried over.
        let vlans = if several { vec![Some(OFFICE), Some(GUEST), None] } else { vec![Some(OFFICE)] };
        let port = a_port(vlans).prop_map(move |port| Port { tagged: port.tagged && several, ..port }).boxed();
        let rule = if clean { a_clean_rule().boxed() } else { a_rule().boxed() };
        let exact = proptest::bool::weighted(0.1).prop_map(move |exact| exact && !clean);
        let acls = (vec(vec(rule, 1..5), 3), exact)
            .prop_map(|(acls, exact)| acls.into_iter().map(|rules| (rules, exact)).collect::<Vec<(Vec<Rule>, bool)>>());
        let dps = [vec(port.clone(), 3), vec(port, 3)];
        let some = || proptest::option::weighted(0.2, 0..ACLS.len());
        let stacked = proptest::bool::weighted(0.7).prop_map(move |stacked| stacked || clean);
        (acls, dps, stacked, some().prop_map(move |acl| acl.filter(|_| !clean)), some(), some())
            .prop_map(|(acls, dps, stacked, dp_acl, vlan_in, vlan_out)| Config { acls, dps, stacked, dp_acl, vlan_in, vlan_out })
    })
}

fn a_packet() -> impl Strategy<Value = Packet> {
    let to = prop_oneof![
        6 => (0..2_usize, 1..4_u32).prop_map(|(dp, port)| To::Port(dp, port)),
        1 => Just(To::Unknown),
        1 => Just(To::Broadcast),
        1 => Just(To::Multicast),
    ];
    let tag = prop_oneof![6 => Just(None), 1 => Just(Some(OFFICE)), 1 => Just(Some(GUEST)), 1 => Just(Some(7))];
    let wire = (select(vec![0x0800_u16, 0x0800, 0x86dd, 0x0806, 0x88cc]), [0..3_usize, 0..3], [0..2_usize, 0..2]);
    let inner = (
        select(vec![6_u8, 17, 1, 47]),
        [select(vec![0x50_u16, 53, 3000]), select(vec![0x50_u16, 0x51, 53, 443])],
        select(vec![0_u8, 8]),
        select(vec![0_u8, 46]),
        select(vec![1_u8, 2]),
    );
    ((0..2_usize, 1..4_u32), to, tag, wire, inner).prop_map(
        |(from, to, vlan, (ether, addresses, macs), (proto, ports, icmp, dscp, arp_op))| Packet {
            from,
            to,
            vlan,
            ether,
            addresses,
            macs,
            proto,
            ports,
            icmp,
            dscp,
            arp_op,
        },
    )
}

fn carried(config: &Config) -> Policy {
    checked::policy(&config.text(), foreign::faucet(&config.text(), "generated.yaml", None))
}

/// What differs in the answers, if anything does that must not.
fn difference(config: &Config, policy: &Policy, packet: &Packet) -> Option<String> {
    let wanted = config.delivers(packet);
    let judged = policy.judge(&flow(packet));
    let allowed = judged.verdict == Verdict::Allow;
    let right = if policy.left_out.is_empty() { allowed == wanted } else { wanted || !allowed };
    (!right).then(|| format!("{}\n{}\n{packet:?}\nwanted {wanted}, is {judged:?}", config.text(), policy.text))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_carried_over_decides_like_the_original(config in a_config(), packets in vec(a_packet(), 60)) {
        let policy = carried(&config);
        for packet in &packets {
            let found = difference(&config, &policy, packet);
            prop_assert!(found.is_none(), "{}", found.unwrap_or_default());
        }
    }
}

/// The comparison finds what is wrong: policies that a careless import could have made are told from the right one.
#[test]
fn a_careless_import_is_caught() {
    let mut caught = [0_usize; 5];
    let (mut exact, mut allowed) = (0, 0);
    for (config, packets) in checked::drawn(600, a_config(), vec(a_packet(), 80)) {
        let careful = carried(&config);
        exact += usize::from(careful.left_out.is_empty());
        allowed += packets.iter().filter(|packet| careful.judge(&flow(packet)).verdict == Verdict::Allow).count();
        // The end of a list, VLANs, lists of VLANs, tags, and the family of packets not looked at.
        let texts = [
            careful.text.replace("default deny;", "default allow;").replace("\ndeny at ports-", "\nallow at ports-"),
            without(&careful.text, |line| line.contains("apdst not in") || line.contains("apdst !=")),
            careful.text.replace("    deny ", "    pass "),
            without(&careful.text, |line| line.contains("vlan in 1-4094")),
            careful.text.replace("dltype = ipv4", "dltype in { ipv4, ipv6 }"),
        ];
        for (count, text) in caught.iter_mut().zip(texts) {
            let Ok(checked) = checked::checked(&text) else { continue };
            let careless = Policy { text, left_out: careful.left_out.clone(), checked };
            *count += usize::from(packets.iter().any(|packet| difference(&config, &careless, packet).is_some()));
        }
    }
    assert!(exact >= 60 && allowed >= 1000, "of {exact} configurations all was carried over, and {allowed} packets pass");
    assert!(caught.iter().all(|count| *count >= 5), "{caught:?}");
}

fn without(text: &str, unwanted: impl Fn(&str) -> bool) -> String {
    text.lines().filter(|line| !unwanted(line)).map(|line| format!("{line}\n")).collect()
}
