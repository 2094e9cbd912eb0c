//! The region of packets that a flow entry matches, independent of any version of OpenFlow.

use crate::{EtherType, FlowKey, IpHeader, IpProto, MacAddr, PortNo, Prefix, Transport, VlanId};

/// A conjunction over fields; an absent field matches everything. Prerequisites are the maker's duty: `ip_proto` needs
/// `dl_type`, ports need `ip_proto` (OpenFlow 1.3.5 §7.2.3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlowMatch {
    /// Port the packet came in on.
    pub in_port: Option<PortNo>,
    /// Source MAC address.
    pub dl_src: Option<MacAddr>,
    /// Destination MAC address.
    pub dl_dst: Option<MacAddr>,
    /// Ethernet type.
    pub dl_type: Option<EtherType>,
    /// VLAN tag.
    pub vlan: VlanMatch,
    /// Source IP prefix; for ARP the sender's address.
    pub nw_src: Option<Prefix>,
    /// Destination IP prefix; for ARP the target's address.
    pub nw_dst: Option<Prefix>,
    /// Differentiated services code point.
    pub dscp: Option<u8>,
    /// IP protocol.
    pub nw_proto: Option<IpProto>,
    /// Ports or ICMP type and code, exact, both.
    pub transport: Option<Transport>,
}

/// What a flow entry asks of the VLAN tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VlanMatch {
    /// Nothing.
    #[default]
    Any,
    /// No tag.
    Untagged,
    /// A tag with this identifier.
    Id(VlanId),
}

impl FlowMatch {
    /// True if a packet with this key, come in on this port, belongs to the region.
    #[must_use]
    pub fn matches(&self, in_port: PortNo, key: &FlowKey) -> bool {
        fits(self.in_port, in_port)
            && fits(self.dl_src, key.dl_src)
            && fits(self.dl_dst, key.dl_dst)
            && fits(self.dl_type, key.dl_type)
            && self.vlan.matches(key)
            && self.matches_ip(key.ip.as_ref())
    }

    /// The region of exactly this flow: every header field fixed, the port left open.
    #[must_use]
    pub fn exact(key: &FlowKey) -> FlowMatch {
        FlowMatch {
            in_port: None,
            dl_src: Some(key.dl_src),
            dl_dst: Some(key.dl_dst),
            dl_type: Some(key.dl_type),
            vlan: match key.vlan.and_then(|tag| tag.id) {
                Some(id) => VlanMatch::Id(id),
                None => VlanMatch::Untagged,
            },
            nw_src: key.ip.map(|ip| Prefix::host(ip.src)),
            nw_dst: key.ip.map(|ip| Prefix::host(ip.dst)),
            dscp: None,
            nw_proto: key.ip.map(|ip| ip.proto),
            transport: key.ip.and_then(|ip| ip.transport),
        }
    }

    fn matches_ip(&self, ip: Option<&IpHeader>) -> bool {
        let asks = self.nw_src.is_some()
            || self.nw_dst.is_some()
            || self.dscp.is_some()
            || self.nw_proto.is_some()
            || self.transport.is_some();
        let Some(ip) = ip else { return !asks };
        self.nw_src.is_none_or(|prefix| prefix.contains(ip.src))
            && self.nw_dst.is_none_or(|prefix| prefix.contains(ip.dst))
            && fits(self.dscp, ip.dscp)
            && fits(self.nw_proto, ip.proto)
            && self.transport.is_none_or(|transport| ip.transport == Some(transport))
    }
}

impl VlanMatch {
    fn matches(self, key: &FlowKey) -> bool {
        match self {
            VlanMatch::Any => true,
            VlanMatch::Untagged => key.vlan.and_then(|tag| tag.id).is_none(),
            VlanMatch::Id(id) => key.vlan.and_then(|tag| tag.id) == Some(id),
        }
    }
}

fn fits<T: PartialEq>(asked: Option<T>, actual: T) -> bool {
    asked.is_none_or(|asked| asked == actual)
}
