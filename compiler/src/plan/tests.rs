//! Packets through planned entries against the reference evaluator: nothing passes or drops that policy does not say so of.

use std::sync::Arc;

use lang::checked::{Checked, RuleId, Verdict};
use lang::eval;
use lang::flow::{End, Flow, Judgement};
use net::{EtherType, FlowKey, IpProto, Location, Time, Transport};

use super::{Asked, Means, Outcome, Plan, TooMany};
use crate::cells::{Reads, gather};
use crate::principal::{Identity, destination, source};
use crate::program::generate::{self, Draw};
use crate::program::tests::sender_of;
use crate::{Program, View};

const ALL: Means = Means { modern: true, blocks: true };

/// What a switch does with a packet: the outcome of the highest layer that it belongs to. It reads what is not there as zero.
fn looked_up(plan: &Plan, at: Location, key: &FlowKey) -> Outcome {
    let mut seen = *key;
    if let Some(ip) = &mut seen.ip {
        let icmp = matches!(ip.proto, IpProto::ICMP | IpProto::ICMPV6);
        let zero = if icmp { Transport::Icmp { kind: 0, code: 0 } } else { Transport::Ports { src: 0, dst: 0 } };
        ip.transport = ip.transport.or(Some(zero));
    }
    if plan.watched.iter().any(|region| region.matches(at.port, &seen)) {
        return Outcome::Ask;
    }
    let fits = |entry: &&super::Planned| entry.ingress == at && entry.region.matches(at.port, &seen);
    let mut found: Vec<_> = plan.entries.iter().filter(fits).collect();
    found.sort_by_key(|entry| std::cmp::Reverse(entry.layer));
    if let [first, second, ..] = found.as_slice() {
        assert!(first.layer != second.layer || first.outcome == second.outcome, "{first:?} {second:?}");
    }
    found.first().map_or(Outcome::Ask, |entry| entry.outcome)
}

struct World<'a> {
    policy: &'a Arc<Checked>,
    view: &'a View,
    now: Time,
}

impl World<'_> {
    fn ends(&self, at: Location, key: &FlowKey) -> Option<(End, End)> {
        match (source(self.policy, self.view, at, key), destination(self.policy, self.view, key)) {
            (Identity::Known(src), Identity::Known(dst)) => Some((src, dst)),
            (Identity::Known(_), Identity::Refused(_)) | (Identity::Refused(_), _) => None,
        }
    }

    fn judged(&self, at: Location, key: &FlowKey) -> Option<(Judgement, Option<Location>)> {
        let (src, dst) = self.ends(at, key)?;
        let to = dst.location;
        let flow = Flow { src, dst, headers: Program::headers(key), time: Some(self.now) };
        Some((eval::judge(self.policy, &flow), to))
    }

    fn is_plain(&self, judgement: &Judgement, verdict: Verdict) -> bool {
        let rule = judgement.rule.and_then(|id| self.policy.rule(id));
        let bound = !judgement.via.is_empty() || judgement.duties != Default::default() || !judgement.audited.is_empty();
        judgement.verdict == verdict && !bound && !rule.is_some_and(|rule| rule.log)
    }
}

/// An answer to the packet, with what an answer may have otherwise.
fn answer(draw: &mut Draw, key: &FlowKey) -> FlowKey {
    let mut back = key.reply();
    if let Some(ip) = &mut back.ip {
        ip.dscp = draw.pick(&[0, 10, 46]);
    }
    back
}

fn plan(draw: &mut Draw, program: &Program, view: &View, now: Time) -> Plan {
    let means = draw.pick(&[ALL, Means { modern: false, blocks: false }, Means { modern: true, blocks: false }]);
    program.plan(view, &asked(means, 1_000_000), now).unwrap()
}

fn asked(means: Means, limit: usize) -> Asked<'static> {
    Asked { between: None, means, limit }
}

/// A policy of which switches can do much: in most, nothing is asked but who and which service.
fn policy(draw: &mut Draw) -> Arc<Checked> {
    let mut policy = generate::policy(draw);
    if !draw.chance(4) {
        policy.rules.retain(|rule| {
            let mut reads = Reads::default();
            let mut tests = Vec::new();
            gather(&rule.cond, &mut tests);
            tests.iter().for_each(|test| reads.note(test));
            !reads.more_than_entries_tell() && rule.verdict().is_some()
        });
        for (rule, id) in policy.rules.iter_mut().zip((0..).map(RuleId)) {
            rule.id = id;
        }
    }
    Arc::new(policy)
}

/// A view in which most stations are somewhere and have addresses.
fn view(draw: &mut Draw, policy: &Checked) -> View {
    let mut view = generate::view(draw, policy);
    for _ in 0..60 {
        let mac = generate::mac(draw);
        view.attach(mac, generate::location(draw), policy);
        view.claim(mac, generate::address(draw));
    }
    view
}

#[test]
fn what_switches_do_unasked_is_what_policy_says() {
    let (mut dropped, mut delivered, mut asked, mut fragments) = (0, 0, 0, 0);
    for seed in 0..800 {
        let draw = &mut Draw::new(seed);
        let policy = policy(draw);
        let view = view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        let now = generate::time(draw);
        let plan = plan(draw, &program, &view, now);
        for _ in 0..400 {
            let mut key = sender_of(draw, &view);
            if let Some(ip) = &mut key.ip {
                ip.transport = ip.transport.filter(|_| !draw.chance(10));
                fragments += usize::from(ip.proto.has_ports() && ip.transport.is_none());
            }
            let here = view.station(key.dl_src).and_then(|station| station.location);
            let at = here.filter(|_| !draw.chance(5)).unwrap_or_else(|| generate::location(draw));
            let world = World { policy: &policy, view: &view, now };
            match (looked_up(&plan, at, &key), world.judged(at, &key)) {
                (Outcome::Ask, _) => asked += 1,
                // Nobody's packet may go nowhere, but never anywhere.
                (Outcome::Drop, None) => {}
                (Outcome::Drop, Some((judgement, _))) => {
                    dropped += 1;
                    assert!(world.is_plain(&judgement, Verdict::Deny), "seed {seed}: {key:?} {judgement:?}");
                }
                (Outcome::Deliver { to }, judged) => {
                    delivered += 1;
                    let (judgement, there) = judged.unwrap_or_else(|| panic!("seed {seed}: {key:?}"));
                    assert!(world.is_plain(&judgement, Verdict::Allow) && there == Some(to), "seed {seed}: {key:?}");
                    let back = world.judged(to, &answer(draw, &key));
                    let may = back.is_some_and(|(judgement, _)| world.is_plain(&judgement, Verdict::Allow));
                    assert!(may, "seed {seed}: the answer to {key:?}");
                }
            }
        }
    }
    let all = (dropped, delivered, asked, fragments);
    assert!(dropped > 10_000 && delivered > 3_000 && asked > 10_000 && fragments > 1_000, "{all:?}");
}

#[test]
fn what_the_controller_wants_to_see_reaches_it() {
    let draw = &mut Draw::new(5);
    let mut policy = generate::policy(draw);
    policy.rules.clear();
    policy.default.verdict = Verdict::Deny;
    let policy = Arc::new(policy);
    let (mut view, mut key) = (View::new(&policy), generate::key(draw));
    let station = view.stations().next().unwrap().mac;
    let address = std::net::IpAddr::from([10, 0, 1, 77]);
    let at = Location::new(net::Dpid(1), net::PortNo(3));
    assert!(view.attach(station, at, &policy) && view.claim(station, address));
    let plan = Program::compile(policy.clone(), &view).plan(&view, &asked(ALL, 100), Time(0)).unwrap();
    let packet = |proto, transport| net::IpHeader { src: address, dst: [10, 0, 1, 2].into(), proto, dscp: 0, transport };
    (key.dl_src, key.dl_type) = (station, EtherType::IPV4);
    let ports = |dst| Some(Transport::Ports { src: 9, dst });
    for (proto, transport, outcome) in [
        (IpProto::UDP, ports(67), Outcome::Ask),
        (IpProto::UDP, ports(69), Outcome::Drop),
        (IpProto::TCP, ports(67), Outcome::Drop),
        (IpProto::ICMP, Some(Transport::Icmp { kind: 3, code: 4 }), Outcome::Ask),
        (IpProto::ICMP, Some(Transport::Icmp { kind: 8, code: 0 }), Outcome::Drop),
        (IpProto(47), None, Outcome::Drop),
    ] {
        key.ip = Some(packet(proto, transport));
        assert_eq!(looked_up(&plan, at, &key), outcome, "{proto:?} {transport:?}");
    }
}

#[test]
fn a_plan_that_grows_too_long_is_refused() {
    let (program, view, whole) = (1..)
        .map(|seed| {
            let draw = &mut Draw::new(seed);
            let policy = policy(draw);
            let view = view(draw, &policy);
            let program = Program::compile(policy, &view);
            let whole = program.plan(&view, &asked(ALL, 1_000_000), Time(0)).unwrap();
            (program, view, whole)
        })
        .find(|(.., whole)| whole.entries.len() > 3)
        .unwrap();
    assert_eq!(program.plan(&view, &asked(ALL, 2), Time(0)), Err(TooMany { limit: 2 }));
    assert_eq!(program.plan(&view, &asked(ALL, 1_000_000), Time(0)).unwrap(), whole);
}
