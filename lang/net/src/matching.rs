//! The region of packets that a flow entry matches, independent of any version of OpenFlow.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::RangeInclusive;

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
    /// Ports, or ICMP type and code.
    pub transport: TransportMatch,
}

/// What a flow entry asks of ports, or of ICMP type and code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransportMatch {
    /// Nothing: packets without such a header belong, too.
    #[default]
    Any,
    /// Ports.
    Ports {
        /// The source port; nothing: any.
        src: Option<u16>,
        /// The destination port.
        dst: PortBlock,
    },
    /// An ICMP message.
    Icmp {
        /// The type.
        kind: u8,
        /// The code; nothing: any.
        code: Option<u8>,
    },
}

/// Ports that agree in their leading bits. The rest of `first` is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortBlock {
    first: u16,
    length: u8,
}

impl PortBlock {
    /// Every port.
    pub const ANY: PortBlock = PortBlock { first: 0, length: 0 };

    /// This port alone.
    #[must_use]
    pub fn port(port: u16) -> PortBlock {
        PortBlock { first: port, length: 16 }
    }

    /// The ports that agree with this one in so many leading bits, 0 to 16.
    #[must_use]
    pub fn around(port: u16, length: u8) -> PortBlock {
        let length = length.min(16);
        PortBlock { first: port & mask(length), length }
    }

    /// The fewest blocks that hold exactly these ports, ascending: at most 30.
    pub fn covering(ports: RangeInclusive<u16>) -> impl Iterator<Item = PortBlock> {
        let (mut next, last) = (u32::from(*ports.start()), u32::from(*ports.end()));
        std::iter::from_fn(move || {
            let first = u16::try_from(next).ok().filter(|_| next <= last)?;
            let fits = |length: &u8| {
                let block = PortBlock::around(first, *length);
                block.first == first && u32::from(block.last()) <= last
            };
            let block = PortBlock::around(first, (0..16).find(fits).unwrap_or(16));
            next = u32::from(block.last()) + 1;
            Some(block)
        })
    }

    /// The lowest port.
    #[must_use]
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    #[must_use]
    pub fn last(self) -> u16 {
        self.first | !self.mask()
    }

    /// A one for each bit that all ports agree in.
    #[must_use]
    pub fn mask(self) -> u16 {
        mask(self.length)
    }

    /// The port, if it is one alone.
    #[must_use]
    pub fn single(self) -> Option<u16> {
        (self.length == 16).then_some(self.first)
    }

    /// True if the port is one of them.
    #[must_use]
    pub fn contains(self, port: u16) -> bool {
        port & self.mask() == self.first
    }
}

/// So many leading ones, 0 to 16.
fn mask(length: u8) -> u16 {
    !u16::MAX.checked_shr(u32::from(length)).unwrap_or(0)
}

impl TransportMatch {
    /// Exactly this.
    #[must_use]
    pub fn exact(transport: Transport) -> TransportMatch {
        match transport {
            Transport::Ports { src, dst } => TransportMatch::Ports { src: Some(src), dst: PortBlock::port(dst) },
            Transport::Icmp { kind, code } => TransportMatch::Icmp { kind, code: Some(code) },
        }
    }

    /// The one header that belongs; nothing inside where none is asked for, nothing at all where several belong.
    #[must_use]
    pub fn single(self) -> Option<Option<Transport>> {
        match self {
            TransportMatch::Any => Some(None),
            TransportMatch::Ports { src, dst } => Some(Some(Transport::Ports { src: src?, dst: dst.single()? })),
            TransportMatch::Icmp { kind, code } => Some(Some(Transport::Icmp { kind, code: code? })),
        }
    }

    /// True if packets with this header belong.
    #[must_use]
    pub fn matches(self, actual: Option<Transport>) -> bool {
        match (self, actual) {
            (TransportMatch::Any, _) => true,
            (TransportMatch::Ports { src, dst }, Some(Transport::Ports { src: from, dst: to })) => {
                fits(src, from) && dst.contains(to)
            }
            (TransportMatch::Icmp { kind, code }, Some(Transport::Icmp { kind: is, code: of })) => kind == is && fits(code, of),
            (TransportMatch::Ports { .. } | TransportMatch::Icmp { .. }, _) => false,
        }
    }
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
            transport: key.ip.and_then(|ip| ip.transport).map_or(TransportMatch::Any, TransportMatch::exact),
        }
    }

    fn matches_ip(&self, ip: Option<&IpHeader>) -> bool {
        let asks = self.nw_src.is_some()
            || self.nw_dst.is_some()
            || self.dscp.is_some()
            || self.nw_proto.is_some()
            || self.transport != TransportMatch::Any;
        let Some(ip) = ip else { return !asks };
        self.nw_src.is_none_or(|prefix| prefix.contains(ip.src))
            && self.nw_dst.is_none_or(|prefix| prefix.contains(ip.dst))
            && fits(self.dscp, ip.dscp)
            && fits(self.nw_proto, ip.proto)
            && self.transport.matches(ip.transport)
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

/// Which fields a region asks for, and how much of each, whatever it asks of them: regions of one shape that hold a packet are one
/// and the same, so that whose a packet is can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    fields: [bool; 6],
    nw_src: Option<u8>,
    nw_dst: Option<u8>,
    transport: TransportShape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum TransportShape {
    Any,
    Ports { src: bool, length: u8 },
    Icmp { code: bool },
}

impl Shape {
    /// The shape of a region; its port does not count.
    #[must_use]
    pub fn of(region: &FlowMatch) -> Shape {
        let transport = match region.transport {
            TransportMatch::Any => TransportShape::Any,
            TransportMatch::Ports { src, dst } => TransportShape::Ports { src: src.is_some(), length: dst.length },
            TransportMatch::Icmp { code, .. } => TransportShape::Icmp { code: code.is_some() },
        };
        let fields = [
            region.dl_src.is_some(),
            region.dl_dst.is_some(),
            region.dl_type.is_some(),
            region.vlan != VlanMatch::Any,
            region.dscp.is_some(),
            region.nw_proto.is_some(),
        ];
        let length = |prefix: Option<Prefix>| prefix.map(|prefix| prefix.length());
        Shape { fields, nw_src: length(region.nw_src), nw_dst: length(region.nw_dst), transport }
    }

    /// The region of this shape, open to every port, that packets with this key belong to; nothing where they lack what it asks for.
    #[must_use]
    pub fn around(&self, key: &FlowKey) -> Option<FlowMatch> {
        let exact = FlowMatch::exact(key);
        let [dl_src, dl_dst, dl_type, vlan, dscp, nw_proto] = self.fields;
        let transport = match (self.transport, key.ip.and_then(|ip| ip.transport)) {
            (TransportShape::Any, _) => TransportMatch::Any,
            (TransportShape::Ports { src: asked, length }, Some(Transport::Ports { src, dst })) => {
                TransportMatch::Ports { src: Some(src).filter(|_| asked), dst: PortBlock::around(dst, length) }
            }
            (TransportShape::Icmp { code: asked }, Some(Transport::Icmp { kind, code })) => {
                TransportMatch::Icmp { kind, code: Some(code).filter(|_| asked) }
            }
            (TransportShape::Ports { .. } | TransportShape::Icmp { .. }, _) => return None,
        };
        let needs_ip = dscp || nw_proto || self.nw_src.is_some() || self.nw_dst.is_some();
        if needs_ip && key.ip.is_none() {
            return None;
        }
        let within = |length: Option<u8>, address: Option<IpAddr>| match length {
            None => Some(None),
            Some(length) => Prefix::truncate(address?, length).map(Some),
        };
        Some(FlowMatch {
            dl_src: exact.dl_src.filter(|_| dl_src),
            dl_dst: exact.dl_dst.filter(|_| dl_dst),
            dl_type: exact.dl_type.filter(|_| dl_type),
            vlan: if vlan { exact.vlan } else { VlanMatch::Any },
            nw_src: within(self.nw_src, key.ip.map(|ip| ip.src))?,
            nw_dst: within(self.nw_dst, key.ip.map(|ip| ip.dst))?,
            dscp: key.ip.map(|ip| ip.dscp).filter(|_| dscp),
            nw_proto: exact.nw_proto.filter(|_| nw_proto),
            transport,
            in_port: None,
        })
    }
}

/// Few wide writes instead of many narrow ones: regions are the keys of the largest tables. Regions that differ only in what is not
/// written here (DSCP, VLAN, lengths of prefixes and blocks) share a bucket, which is rare.
impl Hash for FlowMatch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mac = |mac: Option<MacAddr>| mac.map_or(0, |mac| mac.to_bits() | 1 << 48);
        let port = self.in_port.map_or(0, |port| u64::from(port.0) | 1 << 32);
        let (kind, src, dst) = match self.transport {
            TransportMatch::Any => (0, 0, 0),
            TransportMatch::Ports { src, dst } => (1, src.unwrap_or(0), dst.first),
            TransportMatch::Icmp { kind, code } => (2, u16::from(kind), u16::from(code.unwrap_or(0))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_covered_by_few_blocks_and_nothing_else() {
        for (first, last, most) in
            [(0, 65_535, 1), (80, 80, 1), (1_024, 65_535, 6), (1, 65_534, 30), (65_535, 65_535, 1), (6, 9, 2)]
        {
            let blocks: Vec<PortBlock> = PortBlock::covering(first..=last).collect();
            assert!(blocks.len() <= most, "{first}-{last}: {blocks:?}");
            for port in 0..=u16::MAX {
                let holding = blocks.iter().filter(|block| block.contains(port)).count();
                assert_eq!(holding, usize::from((first..=last).contains(&port)), "{first}-{last}: {port}");
            }
        }
    }

    #[test]
    fn a_block_is_what_agrees_in_its_leading_bits() {
        let block = PortBlock::around(1_029, 13);
        assert_eq!((block.first(), block.last(), block.mask()), (1_024, 1_031, 0xfff8));
        assert_eq!((PortBlock::ANY.first(), PortBlock::ANY.last(), PortBlock::ANY.mask()), (0, u16::MAX, 0));
        assert_eq!((PortBlock::port(80).single(), block.single()), (Some(80), None));
    }

    #[test]
    fn whose_a_packet_is_follows_from_the_shape_of_the_region() {
        let ip = IpHeader {
            src: [10, 0, 0, 1].into(),
            dst: [10, 0, 0, 2].into(),
            proto: IpProto::TCP,
            dscp: 3,
            transport: Some(Transport::Ports { src: 7, dst: 1_027 }),
        };
        let (dl_src, dl_dst) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
        let key = FlowKey { dl_src, dl_dst, dl_type: EtherType::IPV4, vlan: None, ip: Some(ip) };
        let exact = FlowMatch::exact(&key);
        let block = TransportMatch::Ports { src: None, dst: PortBlock::around(1_024, 6) };
        let regions = [
            exact,
            FlowMatch { dscp: Some(3), ..exact },
            FlowMatch { dl_dst: None, nw_dst: None, vlan: VlanMatch::Any, transport: TransportMatch::Any, ..exact },
            FlowMatch { transport: block, nw_dst: Prefix::truncate(ip.dst, 24), ..exact },
            FlowMatch { dl_type: Some(EtherType::IPV4), ..FlowMatch::default() },
        ];
        for region in regions {
            assert_eq!(Shape::of(&region).around(&key), Some(region));
            assert!(region.matches(PortNo(1), &key));
        }
        let other = FlowKey { ip: Some(IpHeader { proto: IpProto::UDP, ..ip }), ..key };
        assert_ne!(Shape::of(&exact).around(&other), Some(exact));
        let bare = FlowKey { ip: None, ..key };
        assert_eq!(Shape::of(&exact).around(&bare), None);
        let silent = FlowKey { ip: Some(IpHeader { transport: None, ..ip }), ..key };
        assert_eq!(Shape::of(&exact).around(&silent), None);
    }

    #[test]
    fn what_asks_for_a_header_does_not_match_its_absence() {
        let any_code = TransportMatch::Icmp { kind: 3, code: None };
        assert!(any_code.matches(Some(Transport::Icmp { kind: 3, code: 9 })) && !any_code.matches(None));
        let low = TransportMatch::Ports { src: None, dst: PortBlock::around(0, 6) };
        assert!(low.matches(Some(Transport::Ports { src: 9, dst: 1_023 })) && !low.matches(None));
        assert!(!low.matches(Some(Transport::Ports { src: 9, dst: 1_024 })) && TransportMatch::Any.matches(None));
        assert_eq!(low.single(), None);
        let web = Transport::Ports { src: 9, dst: 80 };
        assert_eq!(TransportMatch::exact(web).single(), Some(Some(web)));
    }
}
