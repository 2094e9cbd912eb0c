//! The packet-in that begins a flow: its bytes are built once, and what differs is put in place. Knows nothing of who begins flows.

use super::case::{Population, Version};
use super::population::Flow;
use super::wire::put;

/// Length of the Ethernet and IPv4 headers.
const ETHERNET: usize = 14;
const IPV4: usize = 20;
/// The IPv4 protocols of a flow: TCP, and what cbench sends.
const TCP: u8 = 6;
const EXPERIMENTAL: u8 = 255;
/// Length of cbench's frame, and of its packet as the header tells it.
const CBENCH_FRAME: usize = 64;
const CBENCH_PACKET: u16 = 50;
/// Where the fields stand that differ, in the frame.
const IP_CHECKSUM: usize = ETHERNET + 10;
const ADDRESSES: usize = ETHERNET + 12;
const PORTS: usize = ETHERNET + IPV4;
const TCP_CHECKSUM: usize = PORTS + 16;

/// The message, with what is the same in all.
pub(super) struct Initiation {
    bytes: Vec<u8>,
    /// Where the port and the frame stand.
    port_at: usize,
    frame_at: usize,
    /// Sums of what is the same in all, for the checksums.
    ip_sum: u32,
    tcp_sum: Option<u32>,
}

impl Initiation {
    /// The packet-in of this version for these flows.
    pub(super) fn new(version: Version, population: Population) -> Initiation {
        let is_tcp = population != Population::Cbench;
        let frame = if is_tcp { syn() } else { cbench() };
        let (mut bytes, port_at) = before(version, frame.len());
        let frame_at = bytes.len();
        bytes.extend_from_slice(&frame);
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        put(&mut bytes, 2, &length.to_be_bytes());
        let ip_sum = sum(frame.get(ETHERNET..ETHERNET + IPV4).unwrap_or_default());
        // Of the pseudo-header, the protocol and the length are the same in all.
        let tcp_sum = is_tcp.then(|| sum(frame.get(PORTS..PORTS + 20).unwrap_or_default()) + u32::from(TCP) + 20);
        Initiation { bytes, port_at, frame_at, ip_sum, tcp_sum }
    }

    /// Appends the message for a flow, its packet in this buffer.
    pub(super) fn write(&self, flow: &Flow, buffer: u32, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&self.bytes);
        let Some(message) = out.get_mut(at..) else { return };
        put(message, 8, &buffer.to_be_bytes());
        put(message, self.port_at, &flow.in_port.to_be_bytes());
        let Some(frame) = message.get_mut(self.frame_at..) else { return };
        put(frame, 0, &flow.dst_mac.0);
        put(frame, 6, &flow.src_mac.0);
        put(frame, ADDRESSES, &flow.src_ip);
        put(frame, ADDRESSES + 4, &flow.dst_ip);
        let addresses = sum(&flow.src_ip) + sum(&flow.dst_ip);
        put(frame, IP_CHECKSUM, &folded(self.ip_sum + addresses));
        if let Some(fixed) = self.tcp_sum {
            put(frame, PORTS, &flow.src_port.to_be_bytes());
            put(frame, PORTS + 2, &flow.dst_port.to_be_bytes());
            let ports = u32::from(flow.src_port) + u32::from(flow.dst_port);
            put(frame, TCP_CHECKSUM, &folded(fixed + addresses + ports));
        }
    }
}

/// The start of a packet-in up to its frame, and where the port stands.
fn before(version: Version, frame: usize) -> (Vec<u8>, usize) {
    let total = u16::try_from(frame).unwrap_or(u16::MAX).to_be_bytes();
    match version {
        Version::V10 => ([&[1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &total, &[0; 4]].concat(), 14),
        Version::V13 => {
            // No table, the cookie of no entry; a match of OXM with the port alone, and its padding; two bytes before the frame.
            let port = [0, 1, 0, 12, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0];
            let start = [&[4, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &total, &[0; 2], &[0xff; 8], &port, &[0; 2]];
            (start.concat(), 34)
        }
    }
}

/// Ethernet and IPv4 with neither addresses nor checksum.
fn headers(packet: u16, protocol: u8) -> Vec<u8> {
    let [high, low] = packet.to_be_bytes();
    let ip = [0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [&[0; 12][..], &[8, 0], &ip].concat()
}

/// A SYN, padded to the least that a wire carries.
fn syn() -> Vec<u8> {
    let tcp = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
    packet::build::pad([headers(40, TCP), tcp.to_vec()].concat())
}

fn cbench() -> Vec<u8> {
    let mut frame = headers(CBENCH_PACKET, EXPERIMENTAL);
    frame.resize(CBENCH_FRAME, 0);
    frame
}

/// The sum of 16-bit words.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks_exact(2).map(|pair| pair.first_chunk().map_or(0, |pair| u32::from(u16::from_be_bytes(*pair)))).sum()
}

/// The ones' complement of a sum of words (RFC 1071).
fn folded(sum: u32) -> [u8; 2] {
    let once = (sum & 0xffff) + (sum >> 16);
    let twice = (once & 0xffff) + (once >> 16);
    u16::try_from(!twice & 0xffff).unwrap_or(0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use net::MacAddr;
    use packet::build::{IpEnds, pad, tcp};
    use packet::tcp::{SYN, Segment};

    use super::*;

    fn flow() -> Flow {
        let (src_mac, dst_mac) = (MacAddr([2, 0x10, 0, 0, 1, 7]), MacAddr([2, 0x10, 0, 0, 1, 8]));
        Flow { src_mac, dst_mac, src_ip: [10, 0, 255, 254], dst_ip: [10, 1, 2, 3], src_port: 65_000, dst_port: 443, in_port: 17 }
    }

    fn expected(flow: &Flow) -> Vec<u8> {
        let ends =
            IpEnds { src_mac: flow.src_mac, dst_mac: flow.dst_mac, src_ip: flow.src_ip.into(), dst_ip: flow.dst_ip.into() };
        let segment = Segment { src: flow.src_port, dst: flow.dst_port, seq: 1, ack: 0, flags: SYN, data: &[] };
        pad(tcp(&ends, &segment).unwrap())
    }

    #[test]
    fn what_is_written_is_what_the_codec_reads() {
        let flow = flow();
        let mut out = vec![9, 9];
        Initiation::new(Version::V10, Population::Hosts).write(&flow, 77, &mut out);
        let (_, message) = openflow::v10::Message::decode(&Bytes::from(out.split_off(2))).unwrap();
        let openflow::v10::Message::PacketIn(packet) = message else { panic!("{message:?}") };
        assert_eq!((packet.buffer_id, packet.in_port.0, packet.total_len), (77, 17, 60));
        assert_eq!(packet::parse(&packet.data).unwrap().key, packet::parse(&Bytes::from(expected(&flow))).unwrap().key);

        Initiation::new(Version::V13, Population::Hosts).write(&flow, 78, &mut out);
        let (_, message) = openflow::v13::Message::decode(&Bytes::from(out.split_off(2))).unwrap();
        let openflow::v13::Message::PacketIn(packet) = message else { panic!("{message:?}") };
        assert_eq!((packet.buffer_id, packet.in_port().unwrap().0, packet.total_len), (78, 17, 60));
        assert_eq!(packet::parse(&packet.data).unwrap().key, packet::parse(&Bytes::from(expected(&flow))).unwrap().key);
    }

    #[test]
    fn checksums_are_right() {
        let mut out = Vec::new();
        Initiation::new(Version::V10, Population::Hosts).write(&flow(), 1, &mut out);
        let frame = out.split_off(18);
        assert_eq!(folded(sum(&frame[ETHERNET..PORTS])), [0, 0]);
        let pseudo = sum(&frame[ADDRESSES..PORTS]) + u32::from(TCP) + 20;
        assert_eq!(folded(sum(&frame[PORTS..PORTS + 20]) + pseudo), [0, 0]);
    }

    #[test]
    fn a_message_of_cbench_has_82_bytes() {
        let mut out = Vec::new();
        Initiation::new(Version::V10, Population::Cbench).write(&flow(), 1, &mut out);
        assert_eq!((out.len(), out[2..4].to_vec(), out[18 + 23]), (82, vec![0, 82], 255));
        assert_eq!(out[18 + 16..18 + 18], [0, 50]);
    }
}
