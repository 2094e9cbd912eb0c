//! The decision structure against the plain evaluator, incremental against whole, templates against every packet they match.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lang::checked::{Cond, EndTest, GroupId, RuleId};
use lang::eval;
use lang::flow::{Flow, Side};
use net::MacAddr;

use super::generate::{self, Draw};
use super::{CompileError, Program};
use crate::principal::{Identity, destination, source};
use crate::stations::Known;
use crate::view::View;

mod bounds;
mod million;

#[test]
fn every_answer_is_the_plain_evaluators() {
    let (mut by_rule, mut by_default, mut excess) = (0, 0, 0);
    for seed in 0..2000 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        excess += program.excess().len();
        for _ in 0..40 {
            let flow = generate::flow(draw, &view, &policy);
            let wanted = eval::judge(&policy, &flow);
            assert_eq!(program.judge(&flow), wanted, "seed {seed}: {flow:?}\n{:#?}", policy.rules);
            if wanted.rule.is_some() { by_rule += 1 } else { by_default += 1 }
        }
    }
    assert!(by_rule > 20_000 && by_default > 5_000 && excess > 0, "{by_rule} {by_default} {excess}");
}

#[test]
fn packets_are_judged_as_their_flows() {
    let mut known = 0;
    for seed in 0..500 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        for _ in 0..200 {
            let key = generate::key(draw);
            let at = generate::location(draw);
            if let (Identity::Known(src), Identity::Known(dst)) =
                (source(&policy, &view, at, &key), destination(&policy, &view, &key))
            {
                known += 1;
                let now = generate::time(draw);
                let flow = Flow { src: src.clone(), dst: dst.clone(), headers: Program::headers(&key), time: Some(now) };
                assert_eq!(program.judge_key(&src, &dst, &key, now), eval::judge(&policy, &flow), "seed {seed}: {key:?}");
            }
        }
    }
    assert!(known > 500, "{known}");
}

#[test]
fn an_updated_program_equals_one_compiled_from_nothing() {
    for seed in 0..300 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let mut view = View::new(&policy);
        let mut program = Program::compile(policy.clone(), &view);
        for _ in 0..8 {
            let mut changed: BTreeSet<MacAddr> = BTreeSet::new();
            for _ in 0..draw.below(6) {
                let before = view.clone();
                generate::disturb(draw, &mut view, &policy);
                changed.extend(before.changed_stations(&view));
            }
            program.update(&view, &changed.into_iter().collect::<Vec<_>>());
            let whole = Program::compile(policy.clone(), &view);
            assert_eq!(stations(&program), stations(&whole), "seed {seed}");
        }
    }
}

/// What the program knows of each station.
fn stations(program: &Program) -> BTreeMap<MacAddr, &Known> {
    program.stations.iter().map(|(_, known)| (known.mac, known)).collect()
}

#[test]
fn compiling_twice_gives_the_same_program() {
    for seed in 0..100 {
        let draw = &mut Draw::new(seed);
        let policy = generate::policy(draw);
        let view = generate::view(draw, &policy);
        let twice = [(); 2].map(|()| format!("{:?}", Program::compile(Arc::new(policy.clone()), &view)));
        assert_eq!(twice[0], twice[1], "seed {seed}");
    }
}

#[test]
fn every_packet_in_a_template_is_judged_as_the_first() {
    let (mut templates, mut others) = (0, 0);
    for seed in 0..2500 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        for _ in 0..30 {
            let (at, key) = (generate::location(draw), sender_of(draw, &view));
            let ends = |key: &_| match (source(&policy, &view, at, key), destination(&policy, &view, key)) {
                (Identity::Known(src), Identity::Known(dst)) => Some((src, dst)),
                _ => None,
            };
            let Some((src, dst)) = ends(&key) else { continue };
            let now = generate::time(draw);
            let judgement = program.judge_key(&src, &dst, &key, now);
            let template = program.template(&key, &dst, &judgement);
            if !template.installable {
                assert_eq!(template.reply, None);
                continue;
            }
            templates += 1;
            assert!(template.region.matches(at.port, &key), "seed {seed}: {key:?}");
            for _ in 0..20 {
                let other = nearby(draw, &key);
                if template.region.matches(at.port, &other) {
                    others += usize::from(other != key);
                    let (src, dst) = ends(&other).unwrap();
                    assert_eq!(program.judge_key(&src, &dst, &other, now), judgement, "seed {seed}: {key:?} {other:?}");
                }
            }
        }
    }
    assert!(templates > 1_000 && others > 1_000, "{templates} {others}");
}

/// A packet from one of the attached stations more often than not.
pub(crate) fn sender_of(draw: &mut Draw, view: &View) -> net::FlowKey {
    let mut key = generate::key(draw);
    let stations: Vec<_> = view.stations().filter(|station| station.location.is_some()).cloned().collect();
    if !stations.is_empty() {
        let (from, to) = (draw.pick(&stations), draw.pick(&stations));
        key.dl_src = from.mac;
        key.dl_dst = to.mac;
        if let (Some(ip), Some(src), Some(dst)) = (&mut key.ip, from.addresses.first(), to.addresses.first())
            && ip.src.is_ipv4() == src.is_ipv4()
            && ip.src.is_ipv4() == dst.is_ipv4()
        {
            (ip.src, ip.dst) = (*src, *dst);
        }
    }
    key
}

/// The packet with one thing taken from another.
fn nearby(draw: &mut Draw, key: &net::FlowKey) -> net::FlowKey {
    let (mut near, other) = (*key, generate::key(draw));
    match draw.below(8) {
        0 => near.dl_src = other.dl_src,
        1 => near.dl_dst = other.dl_dst,
        2 => near.vlan = other.vlan,
        3 => near.vlan = near.vlan.map(|tag| net::VlanTag { pcp: 7 - tag.pcp, ..tag }),
        4 => near.ip = other.ip,
        _ => {
            if let (Some(ip), Some(other)) = (&mut near.ip, other.ip) {
                match draw.below(3) {
                    0 => ip.dscp = other.dscp,
                    1 => ip.transport = other.transport,
                    _ => (ip.proto, ip.transport) = (other.proto, other.transport),
                }
            }
        }
    }
    sound(near)
}

/// The packet with what no parser would find in it taken away.
fn sound(mut key: net::FlowKey) -> net::FlowKey {
    let Some(ip) = &mut key.ip else { return key };
    key.dl_type = if ip.src.is_ipv4() { net::EtherType::IPV4 } else { net::EtherType::IPV6 };
    ip.transport = ip.transport.filter(|transport| match transport {
        net::Transport::Ports { .. } => ip.proto.has_ports(),
        net::Transport::Icmp { .. } => matches!(ip.proto, net::IpProto::ICMP | net::IpProto::ICMPV6),
    });
    key
}

#[test]
fn too_many_alternatives_are_reported_and_still_decided() {
    let draw = &mut Draw::new(7);
    let mut policy = generate::policy(draw);
    let end = |side, user| Cond::End(side, EndTest::User(lang::checked::UserId(user)));
    let pair = |n: u32| Cond::Any(vec![end(Side::Src, n % 5), end(Side::Dst, n / 5 % 5)]);
    policy.rules.truncate(1);
    policy.rules[0].cond = Cond::All((0..12).map(pair).collect());
    let policy = Arc::new(policy);
    let view = generate::view(draw, &policy);
    let error = Program::try_compile(policy.clone(), &view).unwrap_err();
    assert!(matches!(error, CompileError::TooManyAlternatives { rule: RuleId(0), .. }));
    let program = Program::compile(policy.clone(), &view);
    for _ in 0..2000 {
        let flow = generate::flow(draw, &view, &policy);
        assert_eq!(program.judge(&flow), eval::judge(&policy, &flow));
    }
}

#[test]
fn a_list_of_hosts_on_both_sides_is_one_alternative() {
    let draw = &mut Draw::new(3);
    let mut policy = generate::policy(draw);
    let list = |side| Cond::Any((0..5).map(|host| Cond::End(side, EndTest::Host(lang::checked::HostId(host)))).collect());
    policy.rules.truncate(1);
    policy.rules[0].cond = Cond::All(vec![list(Side::Src), list(Side::Dst), Cond::End(Side::Src, EndTest::Group(GroupId(0)))]);
    let program = Program::compile(Arc::new(policy), &View::default());
    assert_eq!(program.index.in_order().count(), 1);
}
