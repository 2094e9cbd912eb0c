//! Copies against what the plain evaluator says of the group and of the receiver.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use lang::checked::{Checked, GatewayId, MultiUser, RuleId, Verdict};
use lang::eval;
use lang::flow::{End, Flow, Place};
use net::{EtherType, FlowKey, IpHeader, IpProto, MacAddr, Time, Transport};

use super::receivers;
use crate::principal::{Identity, destination, source};
use crate::program::Program;
use crate::program::generate::{self, Draw};
use crate::view::View;

/// A frame for everybody or for a group, from a station of the view.
fn group_key(draw: &mut Draw, view: &View) -> Option<(net::Location, FlowKey)> {
    let stations: Vec<_> = view.stations().filter(|station| station.location.is_some()).cloned().collect();
    let from = (!stations.is_empty()).then(|| draw.pick(&stations))?;
    let src = from.addresses.iter().find(|address| address.is_ipv4());
    let transport = Some(Transport::Ports { src: 5353, dst: draw.pick(&[53, 80, 443, 5353]) });
    let (mac, dst) = draw.pick(&[
        (MacAddr::BROADCAST, IpAddr::from([255, 255, 255, 255])),
        (MacAddr([1, 0, 0x5e, 1, 2, 3]), IpAddr::from([239, 1, 2, 3])),
        (MacAddr([1, 0, 0x5e, 0, 0, 1]), IpAddr::from([224, 0, 0, 1])),
    ]);
    let ip = src.map(|src| IpHeader { src: *src, dst, proto: IpProto::UDP, dscp: 0, transport });
    let dl_type = if ip.is_some() { EtherType::IPV4 } else { EtherType(0x88b5) };
    Some((from.location?, FlowKey { dl_src: from.mac, dl_dst: mac, dl_type, vlan: None, ip }))
}

/// The same, for each pair of users by itself, in the words of the rule.
fn expected(policy: &Checked, src: &End, group: &End, receiver: &End, key: &FlowKey, now: Time) -> bool {
    let each = |end: &End| match end.users.as_slice() {
        [] => vec![end.clone()],
        users => users.iter().map(|user| End { users: vec![user.clone()], ..end.clone() }).collect(),
    };
    let judged = |src: &End, dst: &End| {
        let flow = Flow { src: src.clone(), dst: dst.clone(), headers: Program::headers(key), time: Some(now) };
        eval::judge(policy, &flow)
    };
    let place = |rule: Option<RuleId>| rule.map_or(usize::MAX, RuleId::index);
    let mut answers = BTreeSet::new();
    for src in each(src) {
        let whole = judged(&src, group);
        for receiver in each(receiver) {
            let own = judged(&src, &receiver);
            let free = own.verdict == Verdict::Allow && own.rule.is_none_or(|id| !policy.rules[id.index()].has_obligations());
            answers.insert(whole.verdict == Verdict::Allow && (place(own.rule) >= place(whole.rule) || free));
        }
    }
    match policy.multi_user {
        MultiUser::LeastRestrictive => answers.contains(&true),
        MultiUser::MostRestrictive => !answers.contains(&false),
    }
}

#[test]
fn a_copy_is_kept_from_whom_an_earlier_rule_keeps_the_packet_from() {
    let (mut got, mut kept, mut free) = (0, 0, 0);
    for seed in 0..1500 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        for _ in 0..10 {
            let Some((at, key)) = group_key(draw, &view) else { continue };
            let (Identity::Known(src), Identity::Known(group)) =
                (source(&policy, &view, at, &key), destination(&policy, &view, &key))
            else {
                continue;
            };
            let now = generate::time(draw);
            let judged = program.judge_key(&src, &group, &key, now);
            if judged.verdict != Verdict::Allow {
                continue;
            }
            let may_refuse = program.may_refuse_copies(&src, judged.rule, &key, now);
            free += usize::from(!may_refuse);
            for _ in 0..6 {
                for receiver in receivers(&policy, &view, generate::location(draw), &key) {
                    let gets = program.gets_copy(&src, &group, &receiver, &key, now);
                    assert_eq!(gets, expected(&policy, &src, &group, &receiver, &key, now), "seed {seed}: {receiver:?}");
                    assert!(gets || may_refuse, "seed {seed}: {receiver:?}\n{:#?}", policy.rules);
                    if gets { got += 1 } else { kept += 1 }
                }
            }
        }
    }
    assert!(got > 1000 && kept > 100 && free > 300, "{got} {kept} {free}");
}

#[test]
fn a_receiver_is_a_station_with_each_address_or_a_gateway_and_what_lies_beyond() {
    let draw = &mut Draw::new(3);
    let mut policy = generate::policy(draw);
    policy.gateways.truncate(1);
    let border = policy.gateways[0].at;
    policy.gateways[0].addresses = vec!["10.0.0.254".parse().unwrap()];
    let mut view = View::new(&policy);
    let (mac, at) = (MacAddr([2, 9, 0, 0, 0, 1]), net::Location::new(net::Dpid(7), net::PortNo(1)));
    assert!(view.attach(mac, at, &policy));
    let key = |dst: &str| FlowKey {
        dl_src: mac,
        dl_dst: MacAddr([1, 0, 0x5e, 0, 0, 1]),
        dl_type: EtherType::IPV4,
        vlan: None,
        ip: Some(IpHeader {
            src: IpAddr::from([10, 0, 1, 1]),
            dst: dst.parse().unwrap(),
            proto: IpProto::UDP,
            dscp: 0,
            transport: None,
        }),
    };
    let addresses =
        |view: &View| receivers(&policy, view, at, &key("224.0.0.1")).into_iter().map(|end| end.address).collect::<Vec<_>>();
    assert_eq!(addresses(&view), [None]);
    for address in ["10.0.1.7", "10.0.1.8", "fe80::7"] {
        assert!(view.claim(mac, address.parse().unwrap()));
    }
    let both = ["10.0.1.7", "10.0.1.8"].map(|address| Some(address.parse::<IpAddr>().unwrap()));
    assert_eq!(addresses(&view), both);
    let places = |dst| receivers(&policy, &view, border, &key(dst)).into_iter().map(|end| end.place).collect::<Vec<_>>();
    let (gateway, beyond) = (Place::Gateway(GatewayId(0)), Place::Internet(Some(GatewayId(0))));
    assert_eq!(places("224.0.0.251"), [gateway], "routers keep it on its link");
    assert_eq!(places("239.1.2.3"), [gateway, beyond]);
    assert_eq!(places("255.255.255.255"), [gateway]);
    assert!(receivers(&policy, &view, net::Location::new(net::Dpid(7), net::PortNo(2)), &key("224.0.0.1")).is_empty());
}
