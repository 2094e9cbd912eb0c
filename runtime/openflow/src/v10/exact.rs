//! The entry of one flow, and a packet on its way: OpenFlow 1.0.1 §5.3.3 and §5.3.6.

use std::net::IpAddr;

use bytes::BytesMut;
use net::IpProto;
use zerocopy::byteorder::network_endian::{U16, U32, U64};
use zerocopy::{Immutable, IntoBytes, Unaligned};

use super::{OFP_NO_BUFFER, OFP_VLAN_NONE, PortNo, VERSION, kind};
use crate::exact::{Ends, ExactEntry, Release, WireHeader};

/// Everything is asked for but the VLAN priority and the type of service.
const WILDCARDS: u32 = super::Wildcards::DL_VLAN_PCP.0 | super::Wildcards::NW_TOS.0;

#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Output {
    kind: U16,
    length: U16,
    port: U16,
    max_len: U16,
}

impl Output {
    fn to(port: PortNo) -> Output {
        Output { kind: U16::new(0), length: U16::new(8), port: U16::new(port.0), max_len: U16::new(0) }
    }
}

/// `ofp_flow_mod` with one action.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Add {
    header: WireHeader,
    wildcards: U32,
    in_port: U16,
    dl_src: [u8; 6],
    dl_dst: [u8; 6],
    dl_vlan: U16,
    pad: [u8; 2],
    dl_type: U16,
    nw_tos: u8,
    nw_proto: u8,
    pad_nw: [u8; 2],
    nw_src: [u8; 4],
    nw_dst: [u8; 4],
    tp: [U16; 2],
    cookie: U64,
    command: U16,
    idle_timeout: U16,
    hard_timeout: U16,
    priority: U16,
    buffer_id: U32,
    out_port: U16,
    flags: U16,
    output: Output,
}

/// `ofp_packet_out` with one action.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Out {
    header: WireHeader,
    buffer_id: U32,
    in_port: U16,
    actions_len: U16,
    output: Output,
}

/// Appends a `FLOW_MOD` that adds the entry. Nothing if this version cannot match such packets, and then nothing is written.
pub fn add_exact(entry: &ExactEntry<'_>, xid: u32, out: &mut BytesMut) -> Option<()> {
    let Ends { dl_src, dl_dst, src: IpAddr::V4(src), dst: IpAddr::V4(dst), proto, ports } = Ends::of(entry)? else { return None };
    let [sport, dport] = ports;
    if !matches!(IpProto(proto), IpProto::TCP | IpProto::UDP) {
        return None;
    }
    let message = Add {
        header: WireHeader::new(VERSION, kind::FLOW_MOD, 80, xid),
        wildcards: U32::new(WILDCARDS),
        in_port: U16::new(PortNo::of(entry.in_port)?.0),
        dl_src,
        dl_dst,
        dl_vlan: U16::new(entry.key.vlan.and_then(|tag| tag.id).map_or(OFP_VLAN_NONE, net::VlanId::get)),
        pad: [0; 2],
        dl_type: U16::new(entry.key.dl_type.0),
        nw_tos: 0,
        nw_proto: proto,
        pad_nw: [0; 2],
        nw_src: src.octets(),
        nw_dst: dst.octets(),
        tp: [U16::new(sport), U16::new(dport)],
        cookie: U64::new(entry.cookie),
        command: U16::new(super::FlowModCommand::ADD.0),
        idle_timeout: U16::new(entry.idle),
        hard_timeout: U16::new(0),
        priority: U16::new(entry.priority),
        buffer_id: U32::new(OFP_NO_BUFFER),
        out_port: U16::new(PortNo::NONE.0),
        flags: U16::new(if entry.notify { super::FlowModFlags::SEND_FLOW_REM.0 } else { 0 }),
        output: Output::to(PortNo::of(entry.out_port)?),
    };
    out.extend_from_slice(message.as_bytes());
    Some(())
}

/// Appends a `PACKET_OUT`. Nothing if a port has no number in this version or the packet is too long, and then nothing is written.
pub fn release(packet: &Release<'_>, xid: u32, out: &mut BytesMut) -> Option<()> {
    let length = u16::try_from(size_of::<Out>().checked_add(packet.data.len())?).ok()?;
    let message = Out {
        header: WireHeader::new(VERSION, kind::PACKET_OUT, length, xid),
        buffer_id: U32::new(packet.buffer_id),
        in_port: U16::new(PortNo::of(packet.in_port)?.0),
        actions_len: U16::new(8),
        output: Output::to(PortNo::of(packet.out_port)?),
    };
    out.extend_from_slice(message.as_bytes());
    out.extend_from_slice(packet.data);
    Some(())
}
