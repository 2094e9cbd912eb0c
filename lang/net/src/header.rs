//! The headers of a packet as policy and switches see them: an absent header is an absent value.

use std::fmt;
use std::net::IpAddr;

use crate::{MacAddr, VlanId};

/// An Ethernet type (IANA 802 numbers), 0x0600 and above; for 802.3 length frames 0x05ff, as OpenFlow 1.0.1 §3.4 has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: EtherType = EtherType(0x0800);
    /// ARP (RFC 826).
    pub const ARP: EtherType = EtherType(0x0806);
    /// IPv6 (RFC 2464).
    pub const IPV6: EtherType = EtherType(0x86dd);
    /// LLDP (IEEE 802.1AB).
    pub const LLDP: EtherType = EtherType(0x88cc);
    /// EAP over LAN (IEEE 802.1X).
    pub const EAPOL: EtherType = EtherType(0x888e);
    /// The tag of IEEE 802.1Q.
    pub const VLAN: EtherType = EtherType(0x8100);
    /// The outer tag of IEEE 802.1ad.
    pub const QINQ: EtherType = EtherType(0x88a8);
    /// What stands for a frame with an 802.3 length and no SNAP type (OpenFlow 1.0.1 §3.4).
    pub const LENGTH_FRAME: EtherType = EtherType(0x05ff);
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// An IP protocol number (IANA protocol numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProto(pub u8);

impl IpProto {
    /// ICMP (RFC 792).
    pub const ICMP: IpProto = IpProto(1);
    /// TCP (RFC 9293).
    pub const TCP: IpProto = IpProto(6);
    /// UDP (RFC 768).
    pub const UDP: IpProto = IpProto(17);
    /// ICMPv6 (RFC 4443).
    pub const ICMPV6: IpProto = IpProto(58);
    /// SCTP (RFC 9260).
    pub const SCTP: IpProto = IpProto(132);

    /// True if its header starts with a source and a destination port.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }
}

/// The outermost 802.1Q tag of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VlanTag {
    /// The VLAN, or nothing for a priority-tagged frame (identifier 0).
    pub id: Option<VlanId>,
    /// Priority code point, 0 to 7.
    pub pcp: u8,
}

/// What a packet-in tells of a packet. Equal keys are the same flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Source MAC address.
    pub dl_src: MacAddr,
    /// Destination MAC address.
    pub dl_dst: MacAddr,
    /// Ethernet type behind any VLAN tags.
    pub dl_type: EtherType,
    /// The outermost VLAN tag, if any.
    pub vlan: Option<VlanTag>,
    /// The IP header, if the packet has a sound one.
    pub ip: Option<IpHeader>,
}

/// The IP header of a packet, both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpHeader {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// The upper-layer protocol, behind IPv6 extension headers.
    pub proto: IpProto,
    /// Differentiated services code point, 0 to 63 (RFC 2474).
    pub dscp: u8,
    /// The upper-layer header, absent in later fragments, for other protocols, and where the packet ends before it.
    pub transport: Option<Transport>,
}

/// What identifies a conversation above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP, UDP or SCTP ports.
    Ports {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
    },
    /// ICMP or ICMPv6 type and code.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
}

impl FlowKey {
    /// The destination port of TCP, UDP or SCTP.
    #[must_use]
    pub fn tp_dst(&self) -> Option<u16> {
        match self.ip?.transport? {
            Transport::Ports { dst, .. } => Some(dst),
            Transport::Icmp { .. } => None,
        }
    }

    /// The source port of TCP, UDP or SCTP.
    #[must_use]
    pub fn tp_src(&self) -> Option<u16> {
        match self.ip?.transport? {
            Transport::Ports { src, .. } => Some(src),
            Transport::Icmp { .. } => None,
        }
    }

    /// The key of the answers to this packet: ends swapped, an ICMP echo request answered by an echo reply.
    #[must_use]
    pub fn reply(&self) -> FlowKey {
        FlowKey {
            dl_src: self.dl_dst,
            dl_dst: self.dl_src,
            ip: self.ip.map(|ip| IpHeader { src: ip.dst, dst: ip.src, transport: ip.transport.map(|t| t.reply(ip.proto)), ..ip }),
            ..*self
        }
    }
}

impl Transport {
    fn reply(self, proto: IpProto) -> Transport {
        match self {
            Transport::Ports { src, dst } => Transport::Ports { src: dst, dst: src },
            Transport::Icmp { kind, code } => Transport::Icmp { kind: echo_partner(proto, kind), code },
        }
    }
}

/// Echo request and echo reply are each other's answer (RFC 792, RFC 4443 §4); other types have none.
fn echo_partner(proto: IpProto, kind: u8) -> u8 {
    match (proto, kind) {
        (IpProto::ICMP, 8) => 0,
        (IpProto::ICMP, 0) => 8,
        (IpProto::ICMPV6, 128) => 129,
        (IpProto::ICMPV6, 129) => 128,
        _ => kind,
    }
}
