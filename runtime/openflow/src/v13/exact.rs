//! The entry of one flow, and a packet on its way: OpenFlow 1.3.5 §7.3.4.1 and §7.3.7.

use std::net::IpAddr;

use bytes::BytesMut;
use net::{IpProto, VlanId};
use zerocopy::byteorder::network_endian::{U16, U32, U64};
use zerocopy::{Immutable, IntoBytes, Unaligned};

use super::{OFP_NO_BUFFER, PortNo, VERSION, kind};
use crate::exact::{Ends, ExactEntry, Release, WireHeader};

/// `OFPXMC_OPENFLOW_BASIC` fields with their lengths (§7.2.3.2, §7.2.3.7).
mod oxm {
    pub(super) const IN_PORT: u32 = 0x8000_0004;
    pub(super) const ETH_DST: u32 = 0x8000_0606;
    pub(super) const ETH_SRC: u32 = 0x8000_0806;
    pub(super) const ETH_TYPE: u32 = 0x8000_0a02;
    pub(super) const VLAN_VID: u32 = 0x8000_0c02;
    pub(super) const IP_PROTO: u32 = 0x8000_1401;
    pub(super) const IPV4: [u32; 2] = [0x8000_1604, 0x8000_1804];
    pub(super) const IPV6: [u32; 2] = [0x8000_3410, 0x8000_3610];
    pub(super) const TCP: [u32; 2] = [0x8000_1a02, 0x8000_1c02];
    pub(super) const UDP: [u32; 2] = [0x8000_1e02, 0x8000_2002];
    pub(super) const SCTP: [u32; 2] = [0x8000_2202, 0x8000_2402];
}

#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Output {
    kind: U16,
    length: U16,
    port: U32,
    max_len: U16,
    pad: [u8; 6],
}

impl Output {
    fn to(port: net::PortNo) -> Output {
        Output { kind: U16::new(0), length: U16::new(16), port: U32::new(port.0), max_len: U16::new(0), pad: [0; 6] }
    }
}

/// `ofp_flow_mod` up to its match, and the match up to the addresses.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    header: WireHeader,
    cookie: U64,
    cookie_mask: U64,
    table_id: u8,
    command: u8,
    idle_timeout: U16,
    hard_timeout: U16,
    priority: U16,
    buffer_id: U32,
    out_port: U32,
    out_group: U32,
    flags: U16,
    pad: [u8; 2],
    match_kind: U16,
    match_length: U16,
    in_port_field: U32,
    in_port: U32,
    eth_dst_field: U32,
    eth_dst: [u8; 6],
    eth_src_field: U32,
    eth_src: [u8; 6],
    eth_type_field: U32,
    eth_type: U16,
    vlan_field: U32,
    vlan_vid: U16,
    ip_proto_field: U32,
    ip_proto: u8,
}

#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Addresses4 {
    src_field: U32,
    src: [u8; 4],
    dst_field: U32,
    dst: [u8; 4],
}

#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Addresses6 {
    src_field: U32,
    src: [u8; 16],
    dst_field: U32,
    dst: [u8; 16],
}

/// The ports, what fills the match up to eight bytes (as many for both families), and what is done.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Tail {
    src_field: U32,
    src: U16,
    dst_field: U32,
    dst: U16,
    pad: [u8; 3],
    instruction: U16,
    length: U16,
    pad_instruction: [u8; 4],
    output: Output,
}

/// `ofp_packet_out` with one action.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Out {
    header: WireHeader,
    buffer_id: U32,
    in_port: U32,
    actions_len: U16,
    pad: [u8; 6],
    output: Output,
}

fn vid(vlan: Option<VlanId>) -> u16 {
    vlan.map_or(super::OFPVID_NONE, |id| super::OFPVID_PRESENT | id.get())
}

fn head(entry: &ExactEntry<'_>, [dl_src, dl_dst]: [[u8; 6]; 2], proto: u8, (length, match_length): (u16, u16), xid: u32) -> Head {
    Head {
        header: WireHeader::new(VERSION, kind::FLOW_MOD, length, xid),
        cookie: U64::new(entry.cookie),
        cookie_mask: U64::new(0),
        table_id: 0,
        command: super::FlowModCommand::ADD.0,
        idle_timeout: U16::new(entry.idle),
        hard_timeout: U16::new(0),
        priority: U16::new(entry.priority),
        buffer_id: U32::new(OFP_NO_BUFFER),
        out_port: U32::new(PortNo::ANY.0),
        out_group: U32::new(super::OFPG_ANY),
        flags: U16::new(if entry.notify { super::FlowModFlags::SEND_FLOW_REM.0 } else { 0 }),
        pad: [0; 2],
        match_kind: U16::new(1),
        match_length: U16::new(match_length),
        in_port_field: U32::new(oxm::IN_PORT),
        in_port: U32::new(entry.in_port.0),
        eth_dst_field: U32::new(oxm::ETH_DST),
        eth_dst: dl_dst,
        eth_src_field: U32::new(oxm::ETH_SRC),
        eth_src: dl_src,
        eth_type_field: U32::new(oxm::ETH_TYPE),
        eth_type: U16::new(entry.key.dl_type.0),
        vlan_field: U32::new(oxm::VLAN_VID),
        vlan_vid: U16::new(vid(entry.key.vlan.and_then(|tag| tag.id))),
        ip_proto_field: U32::new(oxm::IP_PROTO),
        ip_proto: proto,
    }
}

/// Appends a `FLOW_MOD` that adds the entry to the first table. Nothing if it has no ports, and then nothing is written.
pub fn add_exact(entry: &ExactEntry<'_>, xid: u32, out: &mut BytesMut) -> Option<()> {
    let Ends { dl_src, dl_dst, src, dst, proto, ports } = Ends::of(entry)?;
    let macs = [dl_src, dl_dst];
    let [src_field, dst_field] = match IpProto(proto) {
        IpProto::TCP => oxm::TCP,
        IpProto::UDP => oxm::UDP,
        IpProto::SCTP => oxm::SCTP,
        _ => return None,
    };
    let [sport, dport] = ports;
    let tail = Tail {
        src_field: U32::new(src_field),
        src: U16::new(sport),
        dst_field: U32::new(dst_field),
        dst: U16::new(dport),
        pad: [0; 3],
        instruction: U16::new(4),
        length: U16::new(24),
        pad_instruction: [0; 4],
        output: Output::to(entry.out_port),
    };
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            out.extend_from_slice(head(entry, macs, proto, (152, 77), xid).as_bytes());
            let [src_field, dst_field] = oxm::IPV4.map(U32::new);
            out.extend_from_slice(Addresses4 { src_field, src: src.octets(), dst_field, dst: dst.octets() }.as_bytes());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            out.extend_from_slice(head(entry, macs, proto, (176, 101), xid).as_bytes());
            let [src_field, dst_field] = oxm::IPV6.map(U32::new);
            out.extend_from_slice(Addresses6 { src_field, src: src.octets(), dst_field, dst: dst.octets() }.as_bytes());
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    }
    out.extend_from_slice(tail.as_bytes());
    Some(())
}

/// Appends a `PACKET_OUT`. Nothing if the packet is too long, and then nothing is written.
pub fn release(packet: &Release<'_>, xid: u32, out: &mut BytesMut) -> Option<()> {
    let length = u16::try_from(size_of::<Out>().checked_add(packet.data.len())?).ok()?;
    let message = Out {
        header: WireHeader::new(VERSION, kind::PACKET_OUT, length, xid),
        buffer_id: U32::new(packet.buffer_id),
        in_port: U32::new(packet.in_port.0),
        actions_len: U16::new(16),
        pad: [0; 6],
        output: Output::to(packet.out_port),
    };
    out.extend_from_slice(message.as_bytes());
    out.extend_from_slice(packet.data);
    Some(())
}
