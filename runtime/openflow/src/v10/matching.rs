//! `ofp_match` of OpenFlow 1.0.1 §5.2.3, and its translation from and to the version-independent [`net::FlowMatch`].

use std::net::{IpAddr, Ipv4Addr};

use net::{EtherType, FlowMatch, IpProto, MacAddr, PortBlock, Prefix, TransportMatch, VlanId, VlanMatch};

use super::PortNo;
use crate::cursor::{flags, wire_struct};

/// The value of `dl_vlan` for packets without a tag (`OFP_VLAN_NONE`).
pub const OFP_VLAN_NONE: u16 = 0xffff;

flags! {
    /// `ofp_flow_wildcards`: which fields do not count. The two address fields are counts of right-hand bits that do not count;
    /// 32 and more means the whole field.
    Wildcards(u32) "OFPFW_" {
        IN_PORT = 1, DL_VLAN = 2, DL_SRC = 4, DL_DST = 8, DL_TYPE = 0x10, NW_PROTO = 0x20, TP_SRC = 0x40, TP_DST = 0x80,
        NW_SRC_ALL = 32 << 8, NW_DST_ALL = 32 << 14, DL_VLAN_PCP = 1 << 20, NW_TOS = 1 << 21, ALL = (1 << 22) - 1,
    }
}

wire_struct! {
    /// `ofp_match`. Fields that the wildcards leave out have no meaning.
    #[derive(Copy, Hash)]
    Match as "ofp_match" {
        /// Which fields do not count.
        wildcards: Wildcards,
        /// Port the packet came in on.
        in_port: PortNo,
        /// Source MAC address.
        dl_src: MacAddr,
        /// Destination MAC address.
        dl_dst: MacAddr,
        /// VLAN identifier, or [`OFP_VLAN_NONE`].
        dl_vlan: u16,
        /// VLAN priority, 0 to 7.
        dl_vlan_pcp: u8,
        /// Ethernet type.
        @1 dl_type: u16,
        /// The TOS byte: the DSCP in its upper six bits.
        nw_tos: u8,
        /// IP protocol, or the lower 8 bits of the ARP operation.
        nw_proto: u8,
        /// Source IP address, or the ARP sender's.
        @2 nw_src: Ipv4Addr,
        /// Destination IP address, or the ARP target's.
        nw_dst: Ipv4Addr,
        /// Source port, or ICMP type.
        tp_src: u16,
        /// Destination port, or ICMP code.
        tp_dst: u16,
    }
}

impl Wildcards {
    /// How many right-hand bits of `nw_src` do not count, 0 to 32.
    #[must_use]
    pub fn nw_src_bits(self) -> u8 {
        ignored_bits(self.0 >> 8)
    }

    /// How many right-hand bits of `nw_dst` do not count, 0 to 32.
    #[must_use]
    pub fn nw_dst_bits(self) -> u8 {
        ignored_bits(self.0 >> 14)
    }

    fn without(self, fields: Wildcards) -> Wildcards {
        Wildcards(self.0 & !fields.0)
    }
}

impl Match {
    /// The match of every packet.
    pub const ANY: Match = Match {
        wildcards: Wildcards::ALL,
        in_port: PortNo(0),
        dl_src: MacAddr::ZERO,
        dl_dst: MacAddr::ZERO,
        dl_vlan: 0,
        dl_vlan_pcp: 0,
        dl_type: 0,
        nw_tos: 0,
        nw_proto: 0,
        nw_src: Ipv4Addr::UNSPECIFIED,
        nw_dst: Ipv4Addr::UNSPECIFIED,
        tp_src: 0,
        tp_dst: 0,
    };

    /// The match of exactly this region; nothing where this version cannot express it, since leaving a field out would make
    /// the entry wider: IPv6 addresses, SCTP ports, ports above 16 bits, and fields whose prerequisite is missing.
    #[must_use]
    pub fn from_flow(flow: &FlowMatch) -> Option<Match> {
        let mut m = Match::ANY;
        if let Some(port) = flow.in_port {
            m.in_port = PortNo::of(port)?;
            m.fix(Wildcards::IN_PORT);
        }
        if let Some(mac) = flow.dl_src {
            m.dl_src = mac;
            m.fix(Wildcards::DL_SRC);
        }
        if let Some(mac) = flow.dl_dst {
            m.dl_dst = mac;
            m.fix(Wildcards::DL_DST);
        }
        if let Some(EtherType(dl_type)) = flow.dl_type {
            m.dl_type = dl_type;
            m.fix(Wildcards::DL_TYPE);
        }
        match flow.vlan {
            VlanMatch::Any => {}
            VlanMatch::Untagged => m.fix_vlan(OFP_VLAN_NONE),
            VlanMatch::Id(id) => m.fix_vlan(id.get()),
        }
        m.fix_network(flow)?;
        Some(m)
    }

    /// The region, if [`FlowMatch`] can express it. Fields that the Ethernet type or the protocol does not have are ignored, as
    /// §3.4 says.
    #[must_use]
    pub fn to_flow(&self) -> Option<FlowMatch> {
        let tests = |field| !self.wildcards.contains(field);
        if tests(Wildcards::DL_VLAN_PCP) && !(tests(Wildcards::DL_VLAN) && self.dl_vlan == OFP_VLAN_NONE) {
            return None;
        }
        let mut flow = FlowMatch {
            in_port: if tests(Wildcards::IN_PORT) { Some(self.in_port.physical()?) } else { None },
            dl_src: tests(Wildcards::DL_SRC).then_some(self.dl_src),
            dl_dst: tests(Wildcards::DL_DST).then_some(self.dl_dst),
            dl_type: tests(Wildcards::DL_TYPE).then_some(EtherType(self.dl_type)),
            ..FlowMatch::default()
        };
        if tests(Wildcards::DL_VLAN) {
            flow.vlan = match self.dl_vlan {
                OFP_VLAN_NONE => VlanMatch::Untagged,
                id => VlanMatch::Id(VlanId::new(id)?),
            };
        }
        match flow.dl_type {
            Some(EtherType::IPV4) => self.read_ip(&mut flow)?,
            Some(EtherType::ARP) if tests(Wildcards::NW_PROTO) => return None,
            Some(EtherType::ARP) => self.read_addresses(&mut flow)?,
            _ => {}
        }
        Some(flow)
    }

    fn fix(&mut self, field: Wildcards) {
        self.wildcards = self.wildcards.without(field);
    }

    fn fix_vlan(&mut self, dl_vlan: u16) {
        self.dl_vlan = dl_vlan;
        self.fix(Wildcards::DL_VLAN);
    }

    fn fix_network(&mut self, flow: &FlowMatch) -> Option<()> {
        let ip = flow.dl_type == Some(EtherType::IPV4);
        let arp = flow.dl_type == Some(EtherType::ARP);
        if let Some(prefix) = flow.nw_src {
            let (address, bits) = ipv4(prefix).filter(|_| ip || arp)?;
            self.nw_src = address;
            self.wildcards = Wildcards(self.wildcards.0 & !(0x3f << 8) | bits << 8);
        }
        if let Some(prefix) = flow.nw_dst {
            let (address, bits) = ipv4(prefix).filter(|_| ip || arp)?;
            self.nw_dst = address;
            self.wildcards = Wildcards(self.wildcards.0 & !(0x3f << 14) | bits << 14);
        }
        if let Some(dscp) = flow.dscp {
            self.nw_tos = Some(dscp).filter(|dscp| ip && *dscp < 64)? << 2;
            self.fix(Wildcards::NW_TOS);
        }
        if let Some(IpProto(proto)) = flow.nw_proto {
            self.nw_proto = Some(proto).filter(|_| ip)?;
            self.fix(Wildcards::NW_PROTO);
        }
        let (first, second) = match (flow.transport, flow.nw_proto) {
            (TransportMatch::Any, _) => (None, None),
            (TransportMatch::Ports { src, dst: PortBlock::ANY }, Some(IpProto::TCP | IpProto::UDP)) => (src, None),
            (TransportMatch::Ports { src, dst }, Some(IpProto::TCP | IpProto::UDP)) => (src, Some(dst.single()?)),
            (TransportMatch::Icmp { kind, code }, Some(IpProto::ICMP)) => (Some(u16::from(kind)), code.map(u16::from)),
            (TransportMatch::Ports { .. } | TransportMatch::Icmp { .. }, _) => return None,
        };
        if let Some(first) = first {
            self.tp_src = first;
            self.fix(Wildcards::TP_SRC);
        }
        if let Some(second) = second {
            self.tp_dst = second;
            self.fix(Wildcards::TP_DST);
        }
        Some(())
    }

    fn read_addresses(&self, flow: &mut FlowMatch) -> Option<()> {
        flow.nw_src = prefix(self.nw_src, self.wildcards.nw_src_bits())?;
        flow.nw_dst = prefix(self.nw_dst, self.wildcards.nw_dst_bits())?;
        Some(())
    }

    fn read_ip(&self, flow: &mut FlowMatch) -> Option<()> {
        self.read_addresses(flow)?;
        let tests = |field| !self.wildcards.contains(field);
        flow.dscp = tests(Wildcards::NW_TOS).then_some(self.nw_tos >> 2);
        flow.nw_proto = tests(Wildcards::NW_PROTO).then_some(IpProto(self.nw_proto));
        let ends = match flow.nw_proto {
            Some(IpProto::TCP | IpProto::UDP | IpProto::ICMP) => (tests(Wildcards::TP_SRC), tests(Wildcards::TP_DST)),
            _ => (false, false),
        };
        flow.transport = match (ends, flow.nw_proto) {
            ((false, false), _) => TransportMatch::Any,
            ((true, code), Some(IpProto::ICMP)) => TransportMatch::Icmp {
                kind: u8::try_from(self.tp_src).ok()?,
                code: if code { Some(u8::try_from(self.tp_dst).ok()?) } else { None },
            },
            ((false, true), Some(IpProto::ICMP)) => return None,
            ((src, dst), _) => TransportMatch::Ports {
                src: src.then_some(self.tp_src),
                dst: if dst { PortBlock::port(self.tp_dst) } else { PortBlock::ANY },
            },
        };
        Some(())
    }
}

fn ignored_bits(field: u32) -> u8 {
    u8::try_from((field & 0x3f).min(32)).unwrap_or(32)
}

/// The address and the number of its bits that do not count.
fn ipv4(prefix: Prefix) -> Option<(Ipv4Addr, u32)> {
    match prefix.network() {
        IpAddr::V4(address) => Some((address, u32::from(32_u8.saturating_sub(prefix.length())))),
        IpAddr::V6(_) => None,
    }
}

/// The prefix that counts, nothing at all if no bit does. The outer nothing is for no prefix, which cannot be.
fn prefix(address: Ipv4Addr, ignored: u8) -> Option<Option<Prefix>> {
    match 32_u8.saturating_sub(ignored) {
        0 => Some(None),
        length => Prefix::truncate(IpAddr::V4(address), length).map(Some),
    }
}
