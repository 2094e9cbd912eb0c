//! Which conversations have answers, and which packets leave no flow entry behind.

use lang::checked::{Duties, Verdict};
use lang::flow::{End, Judgement, Place};
use net::{EtherType, FlowKey, FlowMatch, IpHeader, IpProto, MacAddr, PortNo, Transport, TransportMatch};

use super::Template;

fn key(proto: IpProto, transport: Option<Transport>) -> FlowKey {
    let ip = IpHeader { src: [10, 0, 0, 1].into(), dst: [10, 0, 0, 2].into(), proto, dscp: 0, transport };
    FlowKey {
        dl_src: MacAddr([2, 0, 0, 0, 0, 1]),
        dl_dst: MacAddr([2, 0, 0, 0, 0, 2]),
        dl_type: EtherType::IPV4,
        vlan: None,
        ip: Some(ip),
    }
}

fn template(key: &FlowKey, place: Place, verdict: Verdict) -> Template {
    let dst = End { place, ..End::default() };
    Template::exact(
        key,
        &dst,
        &Judgement { verdict, rule: None, via: Vec::new(), duties: Duties::default(), audited: Vec::new() },
    )
}

#[test]
fn only_an_allowed_conversation_with_one_machine_has_answers() {
    let web = key(IpProto::TCP, Some(Transport::Ports { src: 1024, dst: 80 }));
    let allowed = template(&web, Place::Inside, Verdict::Allow);
    assert_eq!(allowed.reply, Some(FlowMatch::exact(&web.reply())));
    assert!(allowed.region.matches(PortNo(1), &web) && !allowed.region.matches(PortNo(1), &web.reply()));
    assert_eq!(template(&web, Place::Inside, Verdict::Deny).reply, None);
    assert_eq!(template(&web, Place::Multicast, Verdict::Allow).reply, None);
    assert_eq!(template(&web, Place::Broadcast, Verdict::Allow).reply, None);
}

#[test]
fn of_icmp_only_echo_requests_are_answered() {
    let icmp = |kind| template(&key(IpProto::ICMP, Some(Transport::Icmp { kind, code: 0 })), Place::Inside, Verdict::Allow).reply;
    assert_eq!(icmp(8).map(|reply| reply.transport), Some(TransportMatch::Icmp { kind: 0, code: Some(0) }));
    assert_eq!((icmp(0), icmp(3), icmp(5)), (None, None, None));
}

#[test]
fn fragments_and_damaged_packets_leave_no_entry_that_others_match() {
    let fragment = key(IpProto::TCP, None);
    let damaged = FlowKey { ip: None, ..fragment };
    let web = key(IpProto::TCP, Some(Transport::Ports { src: 1024, dst: 80 }));
    for packet in [fragment, damaged] {
        let template = template(&packet, Place::Inside, Verdict::Allow);
        assert!(!template.installable && template.reply.is_none());
        assert!(!template.region.matches(PortNo(1), &web));
    }
    let gre = key(IpProto(47), None);
    assert!(template(&gre, Place::Inside, Verdict::Allow).installable);
}
