//! Packets out of wide templates against the decision: every one is answered as the first.

use std::sync::Arc;

use lang::checked::{Checked, Verdict};
use lang::eval;
use lang::flow::{End, Flow, Judgement};
use net::{EtherType, FlowKey, FlowMatch, IpProto, Location, Time, Transport, TransportMatch};

use super::Template;
use crate::principal::{Identity, destination, source};
use crate::program::generate::{self, Draw};
use crate::program::tests::sender_of;
use crate::{Program, View};

/// What every packet of a template is compared with.
struct World<'a> {
    policy: &'a Arc<Checked>,
    view: &'a View,
    at: Location,
    now: Time,
}

impl World<'_> {
    fn ends(&self, key: &FlowKey) -> Option<(End, End)> {
        match (source(self.policy, self.view, self.at, key), destination(self.policy, self.view, key)) {
            (Identity::Known(src), Identity::Known(dst)) => Some((src, dst)),
            (Identity::Known(_), Identity::Refused(_)) | (Identity::Refused(_), _) => None,
        }
    }

    /// The answer of the reference evaluator.
    fn judged(&self, key: &FlowKey) -> Option<Judgement> {
        let (src, dst) = self.ends(key)?;
        let flow = Flow { src, dst, headers: Program::headers(key), time: Some(self.now) };
        Some(eval::judge(self.policy, &flow))
    }
}

/// A packet of the region, with everything drawn anew that the region leaves open.
fn packet_in(draw: &mut Draw, region: &FlowMatch, key: &FlowKey) -> FlowKey {
    let other = generate::key(draw);
    let mut packet = *key;
    if region.vlan != FlowMatch::exact(key).vlan {
        packet.vlan = other.vlan;
    }
    if region.dl_dst.is_none() {
        packet.dl_dst = other.dl_dst;
    }
    let Some(ip) = &mut packet.ip else { return packet };
    if region.nw_dst.is_none() {
        let of_family = std::iter::repeat_with(|| generate::address(draw)).find(|one| one.is_ipv4() == ip.src.is_ipv4());
        ip.dst = of_family.unwrap();
    }
    if region.dscp.is_none() {
        ip.dscp = draw.pick(&[0, 10, 46, 63]);
    }
    if region.nw_proto.is_none() {
        ip.proto =
            draw.pick(&[IpProto::TCP, IpProto::UDP, IpProto::SCTP, IpProto::ICMP, IpProto::ICMPV6, IpProto(47), IpProto(200)]);
    }
    ip.transport = match region.transport {
        TransportMatch::Any => any_transport(draw, ip.proto, packet.dl_type),
        TransportMatch::Ports { src, dst } => {
            let width = u32::from(dst.last() - dst.first()) + 1;
            let edge = draw.pick(&[dst.first(), dst.last()]);
            let inside = dst.first() + u16::try_from(draw.below(width)).unwrap();
            let src = src.unwrap_or_else(|| port(draw));
            Some(Transport::Ports { src, dst: if draw.chance(2) { edge } else { inside } })
        }
        TransportMatch::Icmp { kind, code } => {
            let any = u8::try_from(draw.below(256)).unwrap();
            Some(Transport::Icmp { kind, code: code.unwrap_or(any) })
        }
    };
    packet
}

fn port(draw: &mut Draw) -> u16 {
    let near = draw.pick(&[0_u16, 22, 79, 80, 81, 443, 8080, 65_535]);
    let any = u16::try_from(draw.below(65_536)).unwrap();
    if draw.chance(3) { any } else { near.wrapping_add(u16::try_from(draw.below(3)).unwrap()).wrapping_sub(1) }
}

fn any_transport(draw: &mut Draw, proto: IpProto, family: EtherType) -> Option<Transport> {
    if draw.chance(6) {
        return None;
    }
    let own_icmp = if family == EtherType::IPV6 { IpProto::ICMPV6 } else { IpProto::ICMP };
    if proto.has_ports() {
        return Some(Transport::Ports { src: port(draw), dst: port(draw) });
    }
    let any = |draw: &mut Draw| u8::try_from(draw.below(256)).unwrap();
    (proto == own_icmp).then(|| Transport::Icmp {
        kind: if draw.chance(2) { any(draw) } else { draw.pick(&[0, 1, 3, 8, 9, 255]) },
        code: if draw.chance(2) { any(draw) } else { draw.pick(&[0, 1, 2, 255]) },
    })
}

/// What must be the same for all packets of one entry.
fn act(judgement: &Judgement) -> Judgement {
    Judgement { rule: None, ..judgement.clone() }
}

/// How many packets of each kind were compared.
#[derive(Debug, Default)]
struct Compared {
    packets: usize,
    all_destinations: usize,
    protocols: usize,
    blocks: usize,
    answers: usize,
}

fn compare(draw: &mut Draw, world: &World<'_>, key: &FlowKey, template: &Template, each: usize, compared: &mut Compared) {
    let first = world.judged(key).map(|judgement| act(&judgement));
    let region = &template.region;
    assert!(region.matches(world.at.port, key), "{key:?} {region:?}");
    for _ in 0..each {
        let packet = packet_in(draw, region, key);
        assert!(region.matches(world.at.port, &packet), "{packet:?} {region:?}");
        // A packet for nobody is not judged; where it would be dropped as well, that is all one.
        let Some(judged) = world.judged(&packet) else {
            assert_eq!(template.verdict, Verdict::Deny, "{packet:?} {region:?}");
            continue;
        };
        compared.packets += 1;
        assert_eq!(Some(act(&judged)), first, "{key:?} {packet:?} {region:?}");
    }
    compared.all_destinations += usize::from(region.nw_dst.is_none() && key.ip.is_some());
    let open = region.transport == TransportMatch::Any;
    compared.protocols += usize::from(open && region.nw_proto.is_some_and(IpProto::has_ports));
    let TransportMatch::Ports { src, dst } = region.transport else { return };
    compared.blocks += usize::from(src.is_none() || dst.single().is_none());
}

/// The answers of a wide conversation may be begun from the other side.
fn compare_answers(draw: &mut Draw, world: &World<'_>, key: &FlowKey, template: &Template, compared: &mut Compared) {
    let (Some(reply), TransportMatch::Any) = (template.reply, template.region.transport) else { return };
    let Some((_, dst)) = world.ends(key) else { return };
    let Some(at) = dst.location.filter(|_| key.ip.is_some_and(|ip| ip.transport.is_some())) else { return };
    let back = World { at, ..*world };
    for _ in 0..20 {
        let packet = packet_in(draw, &reply, &key.reply());
        assert!(reply.matches(at.port, &packet));
        let judged = back.judged(&packet).map(|judgement| act(&judgement));
        let verdict = judged.as_ref().map(|judged| (judged.verdict, judged.via.is_empty(), judged.audited.is_empty()));
        assert_eq!(verdict, Some((Verdict::Allow, true, true)), "{key:?} {packet:?} {reply:?}");
        compared.answers += 1;
    }
}

#[test]
fn every_packet_of_a_wide_template_is_answered_as_the_first() {
    let mut compared = Compared::default();
    for seed in 0..16_000 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        for _ in 0..12 {
            let key = sender_of(draw, &view);
            let at = view.station(key.dl_src).and_then(|station| station.location).unwrap_or_else(|| generate::location(draw));
            let world = World { policy: &policy, view: &view, at, now: generate::time(draw) };
            let Some((src, dst)) = world.ends(&key) else { continue };
            let template = program.widest(&key, (&src, &dst), world.now);
            if template.installable {
                compare(draw, &world, &key, &template, 60, &mut compared);
                compare_answers(draw, &world, &key, &template, &mut compared);
            }
        }
    }
    assert!(compared.packets > 1_000_000, "{compared:?}");
    assert!(
        compared.all_destinations > 500 && compared.protocols > 150 && compared.blocks > 200 && compared.answers > 1_000,
        "{compared:?}"
    );
}
