//! Matches of both versions from and to the version-independent region.

use std::net::{IpAddr, Ipv4Addr};

use net::{EtherType, FlowMatch, IpProto, PortBlock, PortNo, Prefix, Transport, TransportMatch, VlanId, VlanMatch};
use openflow::v13::Oxm;
use openflow::{v10, v13};

use super::MAC;

fn prefix(text: &str) -> Option<Prefix> {
    Some(text.parse().unwrap())
}

fn ip(proto: IpProto, transport: Option<Transport>) -> FlowMatch {
    FlowMatch {
        in_port: Some(PortNo(3)),
        dl_src: Some(MAC),
        dl_dst: Some(MAC),
        dl_type: Some(EtherType::IPV4),
        vlan: VlanMatch::Untagged,
        nw_src: prefix("10.4.0.0/16"),
        nw_dst: prefix("10.4.0.7"),
        dscp: Some(46),
        nw_proto: Some(proto),
        transport: transport.map_or(TransportMatch::Any, TransportMatch::exact),
    }
}

fn ip6(proto: IpProto, transport: Option<Transport>) -> FlowMatch {
    FlowMatch {
        dl_type: Some(EtherType::IPV6),
        nw_src: prefix("2001:db8::/32"),
        nw_dst: prefix("2001:db8::1"),
        ..ip(proto, transport)
    }
}

fn both() -> Vec<FlowMatch> {
    let ports = Some(Transport::Ports { src: 1024, dst: 443 });
    let icmp = Some(Transport::Icmp { kind: 8, code: 0 });
    vec![
        FlowMatch::default(),
        FlowMatch { vlan: VlanMatch::Untagged, ..FlowMatch::default() },
        FlowMatch { vlan: VlanMatch::Id(VlanId::new(4094).unwrap()), dl_type: Some(EtherType(0x88cc)), ..FlowMatch::default() },
        ip(IpProto::TCP, ports),
        ip(IpProto::UDP, ports),
        ip(IpProto::ICMP, icmp),
        ip(IpProto(47), None),
        FlowMatch {
            dl_type: Some(EtherType::ARP),
            nw_src: prefix("10.0.0.1"),
            nw_dst: prefix("10.0.0.0/8"),
            ..FlowMatch::default()
        },
    ]
}

#[test]
fn regions_come_back_from_both_versions() {
    for flow in both() {
        assert_eq!(v10::Match::from_flow(&flow).and_then(|m| m.to_flow()), Some(flow), "1.0");
        assert_eq!(v13::Match::from_flow(&flow).and_then(|m| m.to_flow()), Some(flow), "1.3");
    }
}

#[test]
fn ports_that_stay_open_come_back() {
    let region = |transport| FlowMatch { transport, ..ip(IpProto::TCP, None) };
    let web = TransportMatch::Ports { src: None, dst: PortBlock::port(80) };
    let from = TransportMatch::Ports { src: Some(53), dst: PortBlock::ANY };
    let ping = FlowMatch { transport: TransportMatch::Icmp { kind: 8, code: None }, ..ip(IpProto::ICMP, None) };
    for flow in [region(web), region(from), ping] {
        assert_eq!(v10::Match::from_flow(&flow).and_then(|m| m.to_flow()), Some(flow), "1.0");
        assert_eq!(v13::Match::from_flow(&flow).and_then(|m| m.to_flow()), Some(flow), "1.3");
    }
    // Only 1.3 as Open vSwitch speaks it masks ports.
    let high = region(TransportMatch::Ports { src: None, dst: PortBlock::around(0x8000, 1) });
    assert_eq!(v10::Match::from_flow(&high), None);
    assert_eq!(v13::Match::from_flow(&high).and_then(|m| m.to_flow()), Some(high));
}

#[test]
fn what_only_1_3_can_express_is_nothing_in_1_0() {
    let ports = Some(Transport::Ports { src: 1024, dst: 443 });
    let only = [
        ip6(IpProto::TCP, ports),
        ip6(IpProto::ICMPV6, Some(Transport::Icmp { kind: 135, code: 0 })),
        ip(IpProto::SCTP, ports),
        FlowMatch { in_port: Some(PortNo(0x1_0000)), ..FlowMatch::default() },
    ];
    for flow in only {
        assert_eq!(v10::Match::from_flow(&flow), None);
        assert_eq!(v13::Match::from_flow(&flow).and_then(|m| m.to_flow()), Some(flow));
    }
}

#[test]
fn a_missing_prerequisite_never_widens_a_match() {
    let whole = ip(IpProto::TCP, Some(Transport::Ports { src: 1, dst: 2 }));
    for flow in [
        FlowMatch { dl_type: None, ..whole },
        FlowMatch { dl_type: Some(EtherType::ARP), ..whole },
        FlowMatch { nw_proto: None, ..whole },
        FlowMatch { nw_proto: Some(IpProto::ICMP), ..whole },
        FlowMatch { nw_src: prefix("2001:db8::1"), ..whole },
        FlowMatch { dscp: Some(64), ..whole },
    ] {
        assert_eq!(v10::Match::from_flow(&flow), None, "{flow:?}");
        assert_eq!(v13::Match::from_flow(&flow), None, "{flow:?}");
    }
}

#[test]
fn what_a_region_cannot_express_is_nothing() {
    let tagged =
        v10::Match { wildcards: v10::Wildcards(v10::Wildcards::ALL.0 & !v10::Wildcards::DL_VLAN_PCP.0), ..v10::Match::ANY };
    assert_eq!(tagged.to_flow(), None);
    let mut half = v10::Match::from_flow(&ip(IpProto::ICMP, None)).unwrap();
    half.wildcards = v10::Wildcards(half.wildcards.0 & !v10::Wildcards::TP_DST.0);
    assert_eq!(half.to_flow(), None);
    let odd_ports = v13::Match::from_flow(&ip(IpProto::TCP, None)).unwrap();
    let odd_ports: v13::Match = odd_ports.fields().iter().cloned().chain([Oxm::TcpDst(80, Some(0xf0ff))]).collect();
    assert_eq!(odd_ports.to_flow(), None);
    let odd = Some(Ipv4Addr::new(255, 0, 255, 0));
    for field in [
        Oxm::Metadata(1, None),
        Oxm::EthDst(MAC, Some(MAC)),
        Oxm::VlanVid(0x1000, Some(0x1000)),
        Oxm::Ipv4Src(Ipv4Addr::UNSPECIFIED, odd),
        Oxm::TcpDst(80, None),
        Oxm::InPort(v13::PortNo::LOCAL),
    ] {
        assert_eq!([field.clone()].into_iter().collect::<v13::Match>().to_flow(), None, "{field:?}");
    }
}

#[test]
fn a_prefix_of_1_0_counts_from_the_right() {
    let m = v10::Match::from_flow(&ip(IpProto::TCP, None)).unwrap();
    assert_eq!((m.wildcards.nw_src_bits(), m.wildcards.nw_dst_bits()), (16, 0));
    assert_eq!((m.nw_src, m.nw_tos, m.dl_vlan), (Ipv4Addr::new(10, 4, 0, 0), 46 << 2, v10::OFP_VLAN_NONE));
    let any = Prefix::truncate(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let m = v10::Match::from_flow(&FlowMatch { nw_src: any, ..ip(IpProto::TCP, None) }).unwrap();
    assert_eq!(m.wildcards.nw_src_bits(), 32);
}
