//! `ofp_match` of OpenFlow 1.3.5 §7.2.3, and its translation from and to the version-independent [`net::FlowMatch`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use net::{EtherType, FlowMatch, IpProto, PortBlock, Prefix, TransportMatch, VlanId, VlanMatch};
use smallvec::SmallVec;

use super::oxm::{OFPVID_NONE, OFPVID_PRESENT, Oxm, check};
use super::{BadMatch, PortNo};
use crate::cursor::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

const OFPMT_OXM: u16 = 1;

/// How many fields a match holds without allocation: those of an exact TCP flow at a port.
const INLINE: usize = 10;

/// A conjunction of fields; without fields it matches every packet. A field must come after those that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Match {
    fields: SmallVec<[Oxm; INLINE]>,
}

impl FromIterator<Oxm> for Match {
    fn from_iter<T: IntoIterator<Item = Oxm>>(fields: T) -> Self {
        Match { fields: fields.into_iter().collect() }
    }
}

impl Match {
    /// The match of every packet.
    pub const ANY: Match = Match { fields: SmallVec::new_const() };

    /// The fields in their order on the wire.
    #[must_use]
    pub fn fields(&self) -> &[Oxm] {
        &self.fields
    }

    /// Adds a field behind the others.
    pub fn push(&mut self, field: Oxm) {
        self.fields.push(field);
    }

    /// The port the packet came in on, if the match has it.
    #[must_use]
    pub fn in_port(&self) -> Option<PortNo> {
        self.fields.iter().find_map(|field| match field {
            Oxm::InPort(port) => Some(*port),
            _ => None,
        })
    }

    /// The match of exactly this region; nothing where a field's prerequisite is missing, since leaving the field out would
    /// make the entry wider.
    #[must_use]
    pub fn from_flow(flow: &FlowMatch) -> Option<Match> {
        let mut m = Match::ANY;
        if let Some(port) = flow.in_port {
            m.push(Oxm::InPort(port.into()));
        }
        if let Some(mac) = flow.dl_dst {
            m.push(Oxm::EthDst(mac, None));
        }
        if let Some(mac) = flow.dl_src {
            m.push(Oxm::EthSrc(mac, None));
        }
        if let Some(EtherType(value)) = flow.dl_type {
            m.push(Oxm::EthType(value));
        }
        match flow.vlan {
            VlanMatch::Any => {}
            VlanMatch::Untagged => m.push(Oxm::VlanVid(OFPVID_NONE, None)),
            VlanMatch::Id(id) => m.push(Oxm::VlanVid(OFPVID_PRESENT | id.get(), None)),
        }
        let ip = matches!(flow.dl_type, Some(EtherType::IPV4 | EtherType::IPV6));
        if let Some(dscp) = flow.dscp {
            m.push(Oxm::IpDscp(Some(dscp).filter(|dscp| ip && *dscp < 64)?));
        }
        if let Some(IpProto(proto)) = flow.nw_proto {
            m.push(Oxm::IpProto(Some(proto).filter(|_| ip)?));
        }
        if let Some(prefix) = flow.nw_src {
            m.push(address(flow.dl_type?, prefix, Oxm::Ipv4Src, Oxm::ArpSpa, Oxm::Ipv6Src)?);
        }
        if let Some(prefix) = flow.nw_dst {
            m.push(address(flow.dl_type?, prefix, Oxm::Ipv4Dst, Oxm::ArpTpa, Oxm::Ipv6Dst)?);
        }
        match flow.transport {
            TransportMatch::Any => {}
            TransportMatch::Ports { src, dst } => m.fields.extend(ports(flow.nw_proto?, src, dst)?),
            TransportMatch::Icmp { kind, code } => m.fields.extend(icmp(flow.dl_type?, flow.nw_proto?, kind, code)?),
        }
        Some(m)
    }

    /// The region, if [`FlowMatch`] can express it.
    #[must_use]
    pub fn to_flow(&self) -> Option<FlowMatch> {
        let mut flow = FlowMatch::default();
        let (mut src, mut dst, mut kind, mut code) = (None, None, None, None);
        for field in &self.fields {
            match field {
                Oxm::InPort(port) => flow.in_port = Some(port.physical()?),
                Oxm::EthDst(mac, None) => flow.dl_dst = Some(*mac),
                Oxm::EthSrc(mac, None) => flow.dl_src = Some(*mac),
                Oxm::EthType(value) => flow.dl_type = Some(EtherType(*value)),
                Oxm::VlanVid(OFPVID_NONE, None) => flow.vlan = VlanMatch::Untagged,
                Oxm::VlanVid(vid, None) if vid & OFPVID_PRESENT != 0 => {
                    flow.vlan = VlanMatch::Id(VlanId::new(vid & !OFPVID_PRESENT)?);
                }
                Oxm::IpDscp(value) => flow.dscp = Some(*value),
                Oxm::IpProto(value) => flow.nw_proto = Some(IpProto(*value)),
                Oxm::Ipv4Src(address, mask) | Oxm::ArpSpa(address, mask) => flow.nw_src = prefix4(*address, *mask)?,
                Oxm::Ipv4Dst(address, mask) | Oxm::ArpTpa(address, mask) => flow.nw_dst = prefix4(*address, *mask)?,
                Oxm::Ipv6Src(address, mask) => flow.nw_src = prefix6(*address, *mask)?,
                Oxm::Ipv6Dst(address, mask) => flow.nw_dst = prefix6(*address, *mask)?,
                Oxm::TcpSrc(port, None) | Oxm::UdpSrc(port, None) | Oxm::SctpSrc(port, None) => src = Some(*port),
                Oxm::TcpDst(port, mask) | Oxm::UdpDst(port, mask) | Oxm::SctpDst(port, mask) => dst = Some(block(*port, *mask)?),
                Oxm::Icmpv4Type(value) | Oxm::Icmpv6Type(value) => kind = Some(*value),
                Oxm::Icmpv4Code(value) | Oxm::Icmpv6Code(value) => code = Some(*value),
                _ => return None,
            }
        }
        flow.transport = match (src, dst, kind, code) {
            (None, None, None, None) => TransportMatch::Any,
            (src, dst, None, None) if flow.nw_proto.is_some_and(IpProto::has_ports) => {
                TransportMatch::Ports { src, dst: dst.unwrap_or(PortBlock::ANY) }
            }
            (None, None, Some(kind), code) if flow.nw_proto.is_some() => TransportMatch::Icmp { kind, code },
            _ => return None,
        };
        Some(flow)
    }

    /// Reads a match that tells something: fields that no table knows are kept.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Match, DecodeError> {
        let kind = r.peek_u16(0, "type")?;
        let length = usize::from(r.peek_u16(2, "length")?);
        if kind != OFPMT_OXM {
            return Err(r.fail_as("type", DecodeErrorKind::BadType, BadMatch::BAD_TYPE));
        }
        let mut oxms = r.structure(length, 4, "length", "ofp_match")?.answering(BadMatch::BAD_LEN);
        oxms.skip(4)?;
        let mut fields = SmallVec::new();
        while !oxms.is_empty() {
            fields.push(Oxm::read(&mut oxms)?);
        }
        r.skip(length.next_multiple_of(8).saturating_sub(length))?;
        Ok(Match { fields })
    }

    /// Reads a match that asks something of a switch, by all the rules.
    pub(super) fn read_asked(r: &mut Reader<'_>) -> Result<Match, DecodeError> {
        let m = Match::read(r)?;
        check(&m.fields, r)?;
        Ok(m)
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.property(OFPMT_OXM, |w| {
            for field in &self.fields {
                field.write(w);
            }
        });
    }
}

type Maskable<T> = fn(T, Option<T>) -> Oxm;

/// The address field that this Ethernet type has.
fn address(
    dl_type: EtherType,
    prefix: Prefix,
    ip: Maskable<Ipv4Addr>,
    arp: Maskable<Ipv4Addr>,
    ip6: Maskable<Ipv6Addr>,
) -> Option<Oxm> {
    let length = u32::from(prefix.length());
    match (dl_type, prefix.network()) {
        (EtherType::IPV4, IpAddr::V4(address)) => Some(ip(address, mask4(length))),
        (EtherType::ARP, IpAddr::V4(address)) => Some(arp(address, mask4(length))),
        (EtherType::IPV6, IpAddr::V6(address)) => Some(ip6(address, mask6(length))),
        _ => None,
    }
}

/// The fields of ports, of a protocol that has them.
fn ports(proto: IpProto, src: Option<u16>, dst: PortBlock) -> Option<impl Iterator<Item = Oxm>> {
    let (source, destination): (Maskable<u16>, Maskable<u16>) = match proto {
        IpProto::TCP => (Oxm::TcpSrc, Oxm::TcpDst),
        IpProto::UDP => (Oxm::UdpSrc, Oxm::UdpDst),
        IpProto::SCTP => (Oxm::SctpSrc, Oxm::SctpDst),
        _ => return None,
    };
    let mask = dst.single().is_none().then(|| dst.mask());
    let dst = (dst != PortBlock::ANY).then(|| destination(dst.first(), mask));
    Some(src.map(|src| source(src, None)).into_iter().chain(dst))
}

/// The fields of an ICMP message, of the protocol that the Ethernet type has.
fn icmp(dl_type: EtherType, proto: IpProto, kind: u8, code: Option<u8>) -> Option<impl Iterator<Item = Oxm>> {
    let (kind, code) = match (dl_type, proto) {
        (EtherType::IPV4, IpProto::ICMP) => (Oxm::Icmpv4Type(kind), code.map(Oxm::Icmpv4Code)),
        (EtherType::IPV6, IpProto::ICMPV6) => (Oxm::Icmpv6Type(kind), code.map(Oxm::Icmpv6Code)),
        _ => return None,
    };
    Some(std::iter::once(kind).chain(code))
}

/// The block of ports that agree with this one where the mask has ones, if those are its leading ones.
fn block(port: u16, mask: Option<u16>) -> Option<PortBlock> {
    let mask = mask.unwrap_or(u16::MAX);
    let block = PortBlock::around(port, u8::try_from(mask.leading_ones()).ok()?);
    (block.mask() == mask).then_some(block)
}

/// The mask of this many leading ones, nothing for all 32.
fn mask4(length: u32) -> Option<Ipv4Addr> {
    (length < 32).then(|| Ipv4Addr::from_bits(!u32::MAX.checked_shr(length).unwrap_or_default()))
}

/// The mask of this many leading ones, nothing for all 128.
fn mask6(length: u32) -> Option<Ipv6Addr> {
    (length < 128).then(|| Ipv6Addr::from_bits(!u128::MAX.checked_shr(length).unwrap_or_default()))
}

/// The prefix, nothing inside if no bit counts, nothing at all if the mask is not of leading ones.
fn prefix4(address: Ipv4Addr, mask: Option<Ipv4Addr>) -> Option<Option<Prefix>> {
    let length = mask.map_or(32, |mask| mask.to_bits().leading_ones());
    let contiguous = mask4(length).unwrap_or(Ipv4Addr::BROADCAST) == mask.unwrap_or(Ipv4Addr::BROADCAST);
    contiguous.then(|| prefix(IpAddr::V4(address), length))
}

/// As [`prefix4`].
fn prefix6(address: Ipv6Addr, mask: Option<Ipv6Addr>) -> Option<Option<Prefix>> {
    let all = Ipv6Addr::from_bits(u128::MAX);
    let length = mask.map_or(128, |mask| mask.to_bits().leading_ones());
    let contiguous = mask6(length).unwrap_or(all) == mask.unwrap_or(all);
    contiguous.then(|| prefix(IpAddr::V6(address), length))
}

fn prefix(address: IpAddr, length: u32) -> Option<Prefix> {
    let length = u8::try_from(length).ok().filter(|length| *length > 0)?;
    Prefix::truncate(address, length)
}
