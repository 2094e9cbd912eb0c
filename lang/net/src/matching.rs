//! The region of packets that a flow entry matches, independent of any version of OpenFlow.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::{EtherType, FlowKey, IpHeader, IpProto, MacAddr, PortNo, Prefix, Transport, VlanId};

/// A conjunction over fields; an absent field matches everything. Prerequisites are the maker's duty: `ip_proto` needs
/// `dl_type`, ports need `ip_proto` (OpenFlow 1.3.5 §7.2.3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// Few wide writes instead of many narrow ones: regions are the keys of the largest tables. Regions that differ only in what is not
/// written here (DSCP, VLAN, prefix lengths) share a bucket, which is rare.
impl Hash for FlowMatch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mac = |mac: Option<MacAddr>| mac.map_or(0, |mac| mac.to_bits() | 1 << 48);
        let port = self.in_port.map_or(0, |port| u64::from(port.0) | 1 << 32);
        let (kind, src, dst) = match self.transport {
            None => (0, 0, 0),
            Some(Transport::Ports { src, dst }) => (1, src, dst),
            Some(Transport::Icmp { kind, code }) => (2, u16::from(kind), u16::from(code)),
        };
        let proto = self.nw_proto.map_or(0, |proto| u64::from(proto.0) | 1 << 8);
        state.write_u64(mac(self.dl_src) | (self.dl_type.map_or(0, |kind| u64::from(kind.0 & 0xff)) << 56));
        state.write_u64(mac(self.dl_dst) ^ (port << 24));
        state.write_u64(u64::from(src) | u64::from(dst) << 16 | kind << 32 | proto << 40);
        state.write_u64(address(self.nw_src) ^ address(self.nw_dst).rotate_left(32));
    }
}

/// The address in 64 bits: enough to spread by.
fn address(prefix: Option<Prefix>) -> u64 {
    match prefix.map(|prefix| prefix.network()) {
        None => 0,
        Some(IpAddr::V4(v4)) => u64::from(v4.to_bits()) | 1 << 40,
        Some(IpAddr::V6(v6)) => {
            let bits = v6.to_bits().to_be_bytes();
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bits;
            u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ u64::from_be_bytes([i, j, k, l, m, n, o, p]).rotate_left(17)
        }
    }
}

fn fits<T: PartialEq>(asked: Option<T>, actual: T) -> bool {
    asked.is_none_or(|asked| asked == actual)
}
