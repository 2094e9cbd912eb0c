//! What is said for almost every flow, in the words of each version: the entry of one flow of TCP, UDP or SCTP over IP, from port to
//! port, and the packet on its way behind it. The same bytes as the versions' messages make, of which there are few kinds: each is one
//! structure, written at once. Knows nothing of when they are wanted.

use std::net::IpAddr;

use net::{FlowKey, PortNo, Transport};
use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{Immutable, IntoBytes, Unaligned};

/// An entry for packets that are alike in all but TTL, DSCP and what IP options there are.
#[derive(Clone, Copy, Debug)]
pub struct ExactEntry<'a> {
    /// The packets: of IP, with ports.
    pub key: &'a FlowKey,
    /// Those that answer such packets, and not these.
    pub turned: bool,
    /// Where they come in.
    pub in_port: PortNo,
    /// Where they go out: another port.
    pub out_port: PortNo,
    /// Higher wins.
    pub priority: u16,
    /// Its provenance.
    pub cookie: u64,
    /// Seconds of silence after which it goes; 0: never.
    pub idle: u16,
    /// The switch tells when it goes.
    pub notify: bool,
}

/// A packet that goes out of one port.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// Where it came in.
    pub in_port: PortNo,
    /// Where it goes out: another port.
    pub out_port: PortNo,
    /// Where the switch keeps it, or `OFP_NO_BUFFER`.
    pub buffer_id: u32,
    /// The packet, if the switch does not keep it.
    pub data: &'a [u8],
}

/// `ofp_header`, the same in all versions (OpenFlow 1.3.5 §7.1.1).
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct WireHeader {
    version: u8,
    kind: u8,
    length: U16,
    xid: U32,
}

impl WireHeader {
    pub(crate) fn new(version: u8, kind: u8, length: u16, xid: u32) -> WireHeader {
        WireHeader { version, kind, length: U16::new(length), xid: U32::new(xid) }
    }
}

/// The addresses and ports of an exact entry.
pub(crate) struct Ends {
    pub(crate) dl_src: [u8; 6],
    pub(crate) dl_dst: [u8; 6],
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) proto: u8,
    pub(crate) ports: [u16; 2],
}

impl Ends {
    pub(crate) fn of(entry: &ExactEntry<'_>) -> Option<Ends> {
        let ip = entry.key.ip.as_ref()?;
        let Some(Transport::Ports { src, dst }) = ip.transport else { return None };
        let proto = ip.proto.0;
        let (dl_src, dl_dst) = (entry.key.dl_src.0, entry.key.dl_dst.0);
        Some(if entry.turned {
            Ends { dl_src: dl_dst, dl_dst: dl_src, src: ip.dst, dst: ip.src, proto, ports: [dst, src] }
        } else {
            Ends { dl_src, dl_dst, src: ip.src, dst: ip.dst, proto, ports: [src, dst] }
        })
    }
}
