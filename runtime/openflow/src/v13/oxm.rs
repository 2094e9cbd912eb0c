//! OXM fields of the basic class: OpenFlow 1.3.5 §7.2.3. One table says number, type and whether a field may be masked; the
//! rules of §7.2.3.5 to §7.2.3.8 are checked where a match asks something of a switch. Knows nothing of flows.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use net::MacAddr;

use super::{BadMatch, PortNo};
use crate::cursor::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// `OFPXMC_NXM_0` and `OFPXMC_NXM_1`, the fields of Nicira's older format, which Open vSwitch still has beside OXM.
const NXM: [u16; 2] = [0, 1];
/// `OFPXMC_OPENFLOW_BASIC`.
pub const OFPXMC_OPENFLOW_BASIC: u16 = 0x8000;
/// The bit of `vlan_vid` that says that there is a tag.
pub const OFPVID_PRESENT: u16 = 0x1000;
/// The `vlan_vid` of packets without a tag.
pub const OFPVID_NONE: u16 = 0;

/// A field that may be masked, as a number.
trait Bits: Copy {
    fn bits(self) -> u128;
}

macro_rules! bits {
    ($($ty:ty = $bits:expr;)*) => {$(
        impl Bits for $ty {
            fn bits(self) -> u128 {
                ($bits)(self)
            }
        }
    )*};
}

bits! {
    u16 = u128::from;
    u32 = u128::from;
    u64 = u128::from;
    [u8; 3] = |[a, b, c]: [u8; 3]| u128::from(u32::from_be_bytes([0, a, b, c]));
    MacAddr = |mac: MacAddr| u128::from(mac.to_bits());
    Ipv4Addr = |address: Ipv4Addr| u128::from(address.to_bits());
    Ipv6Addr = Ipv6Addr::to_bits;
}

macro_rules! oxm_fields {
    (
        exact { $($(#[$emeta:meta])* $exact:ident = $enumber:literal, $ety:ty, $ename:literal;)* }
        maskable { $($(#[$mmeta:meta])* $maskable:ident = $mnumber:literal, $mty:ty, $mname:literal;)* }
    ) => {
        /// A field with its value, and its mask if it has one.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Oxm {
            $($(#[$emeta])* $exact($ety),)*
            $($(#[$mmeta])* $maskable($mty, Option<$mty>),)*
            /// One of another class, of an unknown number, or masked although the specification has no mask for it: vendors
            /// send them, and they are kept as they came.
            Other {
                /// The class.
                class: u16,
                /// The number, 0 to 127.
                field: u8,
                /// Whether the second half of the value is a mask.
                has_mask: bool,
                /// The value; for the experimenter class its experimenter before it.
                value: Bytes,
            },
        }

        impl Oxm {
            /// The number in the basic class.
            #[must_use]
            pub fn field(&self) -> Option<u8> {
                match self {
                    $(Oxm::$exact(_) => Some($enumber),)*
                    $(Oxm::$maskable(..) => Some($mnumber),)*
                    Oxm::Other { .. } => None,
                }
            }

            /// The name in the specification, in small letters without its prefix.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Oxm::$exact(_) => $ename,)*
                    $(Oxm::$maskable(..) => $mname,)*
                    Oxm::Other { .. } => "oxm",
                }
            }

            fn read_value(field: u8, has_mask: bool, r: &mut Reader<'_>) -> Result<Option<Oxm>, DecodeError> {
                Ok(Some(match (field, has_mask) {
                    $(($enumber, false) => Oxm::$exact(r.get($ename)?),)*
                    $(($mnumber, false) => Oxm::$maskable(r.get($mname)?, None),)*
                    $(($mnumber, true) => Oxm::$maskable(r.get($mname)?, Some(r.get($mname)?)),)*
                    _ => return Ok(None),
                }))
            }

            fn write_value(&self, w: &mut Writer<'_>) {
                match self {
                    $(Oxm::$exact(value) => w.put(*value),)*
                    $(Oxm::$maskable(value, mask) => {
                        w.put(*value);
                        if let Some(mask) = mask {
                            w.put(*mask);
                        }
                    })*
                    Oxm::Other { value, .. } => w.put_slice(value),
                }
            }

            /// True if it carries a mask.
            #[must_use]
            pub fn has_mask(&self) -> bool {
                match self {
                    $(Oxm::$exact(_) => false,)*
                    $(Oxm::$maskable(_, mask) => mask.is_some(),)*
                    Oxm::Other { has_mask, .. } => *has_mask,
                }
            }

            /// False if the value has a bit where its mask has none (§7.2.3.5).
            fn mask_covers_value(&self) -> bool {
                match self {
                    $(Oxm::$exact(_) => true,)*
                    $(Oxm::$maskable(value, mask) => mask.is_none_or(|mask| value.bits() & !mask.bits() == 0),)*
                    Oxm::Other { .. } => true,
                }
            }
        }

        /// How many numbers of the basic class are taken, from 0 on.
        const COUNT: usize = [$($enumber,)* $($mnumber),*].len();
    };
}

oxm_fields! {
    exact {
        /// Port the packet came in on; may be a reserved one.
        InPort = 0, PortNo, "in_port";
        /// Physical port below a logical one.
        InPhyPort = 1, PortNo, "in_phy_port";
        /// Ethernet type behind the VLAN tags.
        EthType = 5, u16, "eth_type";
        /// VLAN priority, 0 to 7.
        VlanPcp = 7, u8, "vlan_pcp";
        /// Differentiated services code point, 0 to 63.
        IpDscp = 8, u8, "ip_dscp";
        /// ECN bits, 0 to 3.
        IpEcn = 9, u8, "ip_ecn";
        /// IP protocol.
        IpProto = 10, u8, "ip_proto";
        /// ICMP type.
        Icmpv4Type = 19, u8, "icmpv4_type";
        /// ICMP code.
        Icmpv4Code = 20, u8, "icmpv4_code";
        /// ARP operation.
        ArpOp = 21, u16, "arp_op";
        /// ICMPv6 type.
        Icmpv6Type = 29, u8, "icmpv6_type";
        /// ICMPv6 code.
        Icmpv6Code = 30, u8, "icmpv6_code";
        /// Target of neighbour discovery.
        Ipv6NdTarget = 31, Ipv6Addr, "ipv6_nd_target";
        /// Source link-layer address of neighbour discovery.
        Ipv6NdSll = 32, MacAddr, "ipv6_nd_sll";
        /// Target link-layer address of neighbour discovery.
        Ipv6NdTll = 33, MacAddr, "ipv6_nd_tll";
        /// MPLS label, 20 bits.
        MplsLabel = 34, u32, "mpls_label";
        /// MPLS traffic class, 0 to 7.
        MplsTc = 35, u8, "mpls_tc";
        /// MPLS bottom of stack, 0 or 1.
        MplsBos = 36, u8, "mpls_bos";
    }
    maskable {
        /// Metadata between tables.
        Metadata = 2, u64, "metadata";
        /// Destination MAC address.
        EthDst = 3, MacAddr, "eth_dst";
        /// Source MAC address.
        EthSrc = 4, MacAddr, "eth_src";
        /// VLAN identifier, with [`OFPVID_PRESENT`] if there is a tag.
        VlanVid = 6, u16, "vlan_vid";
        /// IPv4 source address.
        Ipv4Src = 11, Ipv4Addr, "ipv4_src";
        /// IPv4 destination address.
        Ipv4Dst = 12, Ipv4Addr, "ipv4_dst";
        /// TCP source port. Masked by Open vSwitch alone: the specification has no mask for it.
        TcpSrc = 13, u16, "tcp_src";
        /// TCP destination port. Masked by Open vSwitch alone: the specification has no mask for it.
        TcpDst = 14, u16, "tcp_dst";
        /// UDP source port. Masked by Open vSwitch alone: the specification has no mask for it.
        UdpSrc = 15, u16, "udp_src";
        /// UDP destination port. Masked by Open vSwitch alone: the specification has no mask for it.
        UdpDst = 16, u16, "udp_dst";
        /// SCTP source port. Masked by Open vSwitch alone: the specification has no mask for it.
        SctpSrc = 17, u16, "sctp_src";
        /// SCTP destination port. Masked by Open vSwitch alone: the specification has no mask for it.
        SctpDst = 18, u16, "sctp_dst";
        /// ARP sender's IPv4 address.
        ArpSpa = 22, Ipv4Addr, "arp_spa";
        /// ARP target's IPv4 address.
        ArpTpa = 23, Ipv4Addr, "arp_tpa";
        /// ARP sender's MAC address.
        ArpSha = 24, MacAddr, "arp_sha";
        /// ARP target's MAC address.
        ArpTha = 25, MacAddr, "arp_tha";
        /// IPv6 source address.
        Ipv6Src = 26, Ipv6Addr, "ipv6_src";
        /// IPv6 destination address.
        Ipv6Dst = 27, Ipv6Addr, "ipv6_dst";
        /// IPv6 flow label, 20 bits.
        Ipv6Flabel = 28, u32, "ipv6_flabel";
        /// PBB service identifier, 24 bits in network order.
        PbbIsid = 37, [u8; 3], "pbb_isid";
        /// Metadata of a logical port.
        TunnelId = 38, u64, "tunnel_id";
        /// Which IPv6 extension headers there are, 9 bits.
        Ipv6Exthdr = 39, u16, "ipv6_exthdr";
    }
}

/// What the fields before have fixed.
#[derive(Default)]
struct Fixed {
    in_port: bool,
    eth_type: Option<u16>,
    tagged: bool,
    ip_proto: Option<u8>,
    icmpv6_type: Option<u8>,
}

impl Oxm {
    /// Reads one field in any place; what no table knows is kept as it came.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Oxm, DecodeError> {
        let class: u16 = r.get("oxm_class")?;
        let number: u8 = r.get("oxm_field")?;
        let length: u8 = r.get("oxm_length")?;
        let (field, has_mask) = (number >> 1, number & 1 == 1);
        let mut r = r.child(usize::from(length), "oxm_length", "ofp_oxm")?;
        if class == OFPXMC_OPENFLOW_BASIC
            && let Some(oxm) = Oxm::read_value(field, has_mask, &mut r)?
        {
            return if r.is_empty() { Ok(oxm) } else { Err(r.fail(oxm.name(), DecodeErrorKind::BadLength)) };
        }
        if has_mask && length % 2 == 1 {
            return Err(r.fail("oxm_length", DecodeErrorKind::BadLength));
        }
        Ok(Oxm::Other { class, field, has_mask, value: r.rest() })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let (class, field) = self.header();
        w.put(class);
        w.put(field << 1 | u8::from(self.has_mask()));
        let place = w.at();
        w.put(0_u8);
        let start = w.at();
        self.write_value(w);
        w.fill_short_length(start, place);
    }

    /// The class and the number.
    fn header(&self) -> (u16, u8) {
        match self {
            Oxm::Other { class, field, .. } => (*class, *field),
            known => (OFPXMC_OPENFLOW_BASIC, known.field().unwrap_or_default()),
        }
    }

    /// False if the value has bits that the field has not (§7.2.3.7).
    pub(super) fn in_range(&self) -> bool {
        match self {
            Oxm::VlanVid(value, mask) => *value <= 0x1fff && mask.is_none_or(|mask| mask <= 0x1fff),
            Oxm::VlanPcp(value) | Oxm::MplsTc(value) => *value < 8,
            Oxm::IpDscp(value) => *value < 64,
            Oxm::IpEcn(value) => *value < 4,
            Oxm::MplsBos(value) => *value < 2,
            Oxm::MplsLabel(value) => *value < 1 << 20,
            Oxm::Ipv6Flabel(value, mask) => *value < 1 << 20 && mask.is_none_or(|mask| mask < 1 << 20),
            Oxm::Ipv6Exthdr(value, mask) => *value < 1 << 9 && mask.is_none_or(|mask| mask < 1 << 9),
            _ => true,
        }
    }

    /// What is wrong with it on its own, for a switch that is asked to test it.
    fn fault(&self) -> Option<(DecodeErrorKind, BadMatch)> {
        match self {
            Oxm::Other { class, .. } if NXM.contains(class) => return None,
            Oxm::Other { class: OFPXMC_OPENFLOW_BASIC, field, .. } if usize::from(*field) < COUNT => {
                return Some((DecodeErrorKind::BadMask, BadMatch::BAD_MASK));
            }
            Oxm::Other { .. } => return Some((DecodeErrorKind::Unsupported, BadMatch::BAD_FIELD)),
            _ => {}
        }
        if !self.in_range() {
            return Some((DecodeErrorKind::BadValue, BadMatch::BAD_VALUE));
        }
        (!self.mask_covers_value()).then_some((DecodeErrorKind::BadMask, BadMatch::BAD_WILDCARDS))
    }

    /// True if what it needs was fixed before it (§7.2.3.8, table 11).
    fn has_prerequisite(&self, fixed: &Fixed) -> bool {
        let eth_type = |types: &[u16]| fixed.eth_type.is_some_and(|fixed| types.contains(&fixed));
        let ip_proto = |proto| fixed.ip_proto == Some(proto);
        match self {
            Oxm::InPhyPort(_) => fixed.in_port,
            Oxm::VlanPcp(_) => fixed.tagged,
            Oxm::IpDscp(_) | Oxm::IpEcn(_) | Oxm::IpProto(_) => eth_type(&[0x0800, 0x86dd]),
            Oxm::Ipv4Src(..) | Oxm::Ipv4Dst(..) => eth_type(&[0x0800]),
            Oxm::TcpSrc(..) | Oxm::TcpDst(..) => ip_proto(6),
            Oxm::UdpSrc(..) | Oxm::UdpDst(..) => ip_proto(17),
            Oxm::SctpSrc(..) | Oxm::SctpDst(..) => ip_proto(132),
            Oxm::Icmpv4Type(_) | Oxm::Icmpv4Code(_) => eth_type(&[0x0800]) && ip_proto(1),
            Oxm::ArpOp(_) | Oxm::ArpSpa(..) | Oxm::ArpTpa(..) | Oxm::ArpSha(..) | Oxm::ArpTha(..) => eth_type(&[0x0806]),
            Oxm::Ipv6Src(..) | Oxm::Ipv6Dst(..) | Oxm::Ipv6Flabel(..) | Oxm::Ipv6Exthdr(..) => eth_type(&[0x86dd]),
            Oxm::Icmpv6Type(_) | Oxm::Icmpv6Code(_) => eth_type(&[0x86dd]) && ip_proto(58),
            Oxm::Ipv6NdTarget(_) => matches!(fixed.icmpv6_type, Some(135 | 136)),
            Oxm::Ipv6NdSll(_) => fixed.icmpv6_type == Some(135),
            Oxm::Ipv6NdTll(_) => fixed.icmpv6_type == Some(136),
            Oxm::MplsLabel(_) | Oxm::MplsTc(_) | Oxm::MplsBos(_) => eth_type(&[0x8847, 0x8848]),
            Oxm::PbbIsid(..) => eth_type(&[0x88e7]),
            Oxm::InPort(_)
            | Oxm::Metadata(..)
            | Oxm::EthDst(..)
            | Oxm::EthSrc(..)
            | Oxm::EthType(_)
            | Oxm::VlanVid(..)
            | Oxm::TunnelId(..)
            | Oxm::Other { .. } => true,
        }
    }
}

/// Checks a match that asks something of a switch: values and masks in range, prerequisites before their fields, no field
/// twice, and none of a class or number that nobody here knows; fields of [`NXM`] pass, whoever installs them must judge.
pub(super) fn check(fields: &[Oxm], r: &Reader<'_>) -> Result<(), DecodeError> {
    let mut fixed = Fixed::default();
    for (index, oxm) in fields.iter().enumerate() {
        if let Some((kind, code)) = oxm.fault() {
            return Err(r.fail_as(oxm.name(), kind, code));
        }
        if fields.iter().take(index).any(|before| before.header() == oxm.header()) {
            return Err(r.fail_as(oxm.name(), DecodeErrorKind::Duplicate, BadMatch::DUP_FIELD));
        }
        if !oxm.has_prerequisite(&fixed) {
            return Err(r.fail_as(oxm.name(), DecodeErrorKind::Prerequisite, BadMatch::BAD_PREREQ));
        }
        match oxm {
            Oxm::InPort(_) => fixed.in_port = true,
            Oxm::EthType(value) => fixed.eth_type = Some(*value),
            Oxm::VlanVid(value, mask) => fixed.tagged = *value != OFPVID_NONE || mask.is_some(),
            Oxm::IpProto(value) => fixed.ip_proto = Some(*value),
            Oxm::Icmpv6Type(value) => fixed.icmpv6_type = Some(*value),
            _ => {}
        }
    }
    Ok(())
}
