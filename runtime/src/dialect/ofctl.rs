//! Entries as text, in the notation that `ovs-ofctl add-flows` reads (ovs-fields(7), ovs-actions(7)). Sends nothing.

use net::{EtherType, FlowMatch, IpProto, PortBlock, Prefix, TransportMatch, VlanMatch};

use super::Action;

/// `priority=4096,in_port=3,tcp,nw_src=10.0.0.1,tp_dst=80 actions=drop`.
#[must_use]
pub fn line(region: &FlowMatch, priority: u16, actions: &[Action]) -> String {
    let mut text = format!("priority={priority}");
    for field in fields(region) {
        text.push(',');
        text.push_str(&field);
    }
    text.push_str(" actions=");
    text.push_str(&words(actions));
    text
}

/// `meter:3,mod_vlan_vid:30,output:2`, or `drop`.
fn words(actions: &[Action]) -> String {
    if actions.is_empty() {
        return "drop".to_owned();
    }
    let word = |action: &Action| match action {
        Action::Output(port) => format!("output:{port}"),
        Action::Return => "in_port".to_owned(),
        Action::Controller => "CONTROLLER:65535".to_owned(),
        Action::Tag(vlan) | Action::Retag(vlan) => format!("mod_vlan_vid:{}", vlan.get()),
        Action::Untag => "strip_vlan".to_owned(),
        Action::Queue(number) => format!("set_queue:{number}"),
        Action::Meter(meter) => format!("meter:{}", meter.0),
        Action::Group(group) => format!("group:{}", group.0),
    };
    actions.iter().map(word).collect::<Vec<_>>().join(",")
}

/// What a region asks of a packet, by field; a field behind those that it needs.
#[must_use]
pub fn fields(region: &FlowMatch) -> Vec<String> {
    let mut fields = Vec::new();
    fields.extend(region.in_port.map(|port| format!("in_port={port}")));
    let proto = protocol(region);
    fields.extend(proto.into_iter().flatten());
    fields.extend(match region.vlan {
        VlanMatch::Any => None,
        VlanMatch::Untagged => Some("dl_vlan=0xffff".to_owned()),
        VlanMatch::Id(id) => Some(format!("dl_vlan={}", id.get())),
    });
    fields.extend(region.dl_src.map(|mac| format!("dl_src={mac}")));
    fields.extend(region.dl_dst.map(|mac| format!("dl_dst={mac}")));
    fields.extend(region.nw_src.map(|prefix| address("src", region.dl_type, prefix)));
    fields.extend(region.nw_dst.map(|prefix| address("dst", region.dl_type, prefix)));
    fields.extend(region.dscp.map(|dscp| format!("ip_dscp={dscp}")));
    match region.transport {
        TransportMatch::Any => {}
        TransportMatch::Ports { src, dst } => {
            fields.extend(src.map(|port| format!("tp_src={port}")));
            fields.extend(block(dst));
        }
        TransportMatch::Icmp { kind, code } => {
            fields.push(format!("icmp_type={kind}"));
            fields.extend(code.map(|code| format!("icmp_code={code}")));
        }
    }
    fields
}

fn protocol(region: &FlowMatch) -> [Option<String>; 2] {
    let six = region.dl_type == Some(EtherType::IPV6);
    let family = match region.dl_type {
        None => None,
        Some(EtherType::IPV4) => Some("ip".to_owned()),
        Some(EtherType::IPV6) => Some("ipv6".to_owned()),
        Some(EtherType::ARP) => Some("arp".to_owned()),
        Some(EtherType(other)) => Some(format!("dl_type={other:#06x}")),
    };
    let word = match region.nw_proto {
        None => return [family, None],
        Some(IpProto::TCP) => "tcp",
        Some(IpProto::UDP) => "udp",
        Some(IpProto::SCTP) => "sctp",
        Some(IpProto::ICMP) if !six => "icmp",
        Some(IpProto::ICMPV6) if six => "icmp",
        Some(IpProto(other)) => return [family, Some(format!("nw_proto={other}"))],
    };
    [Some(format!("{word}{}", if six { "6" } else { "" })), None]
}

fn address(side: &str, dl_type: Option<EtherType>, prefix: Prefix) -> String {
    let field = if dl_type == Some(EtherType::IPV6) { "ipv6" } else { "nw" };
    let address = prefix.network();
    if prefix.is_host() { format!("{field}_{side}={address}") } else { format!("{field}_{side}={prefix}") }
}

fn block(dst: PortBlock) -> Option<String> {
    match dst.single() {
        Some(port) => Some(format!("tp_dst={port}")),
        None if dst == PortBlock::ANY => None,
        None => Some(format!("tp_dst={:#06x}/{:#06x}", dst.first(), dst.mask())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::{MacAddr, PortNo, VlanId};

    #[test]
    fn a_line_says_what_is_matched_and_done() {
        let region = FlowMatch {
            in_port: Some(PortNo(3)),
            dl_src: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            dl_type: Some(EtherType::IPV4),
            nw_src: "10.0.0.1".parse().ok(),
            nw_dst: "10.1.0.0/16".parse().ok(),
            nw_proto: Some(IpProto::TCP),
            transport: TransportMatch::Ports { src: None, dst: PortBlock::around(1024, 6) },
            ..FlowMatch::default()
        };
        assert_eq!(
            line(&region, 4096, &[]),
            "priority=4096,in_port=3,tcp,dl_src=02:00:00:00:00:01,nw_src=10.0.0.1,nw_dst=10.1.0.0/16,\
             tp_dst=0x0400/0xfc00 actions=drop"
        );
        let six = FlowMatch {
            dl_type: Some(EtherType::IPV6),
            nw_proto: Some(IpProto::ICMPV6),
            nw_src: "2001:db8::1".parse().ok(),
            vlan: VlanMatch::Id(VlanId::new(7).unwrap()),
            transport: TransportMatch::Icmp { kind: 128, code: Some(0) },
            ..FlowMatch::default()
        };
        assert_eq!(
            line(&six, 1, &[Action::Output(PortNo(2))]),
            "priority=1,icmp6,dl_vlan=7,ipv6_src=2001:db8::1,icmp_type=128,icmp_code=0 actions=output:2"
        );
        let gre = FlowMatch {
            dl_type: Some(EtherType::IPV4),
            nw_proto: Some(IpProto(47)),
            dscp: Some(46),
            vlan: VlanMatch::Untagged,
            ..FlowMatch::default()
        };
        assert_eq!(
            line(&gre, 0, &[Action::Controller]),
            "priority=0,ip,nw_proto=47,dl_vlan=0xffff,ip_dscp=46 actions=CONTROLLER:65535"
        );
    }
}
