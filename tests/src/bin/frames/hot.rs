//! What a controller does with OpenFlow for every new conversation, over and over, for callgrind to count: a packet-in is read, entries
//! and a packet are written. Knows nothing of what is decided between them.

use std::error::Error;
use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use net::{EtherType, FlowMatch, IpProto, MacAddr, PortBlock, PortNo, Prefix, TransportMatch, VlanMatch};
use openflow::{EncodeError, v10, v13};

/// A packet of the usual length.
const PACKET: [u8; 98] = [0x5a; 98];

/// Names of what can be repeated.
pub(crate) const KINDS: [&str; 6] =
    ["packet-in-1.0", "packet-in-1.3", "flow-mod-1.0", "flow-mod-1.3", "packet-out-1.0", "packet-out-1.3"];

/// The region of one TCP conversation at a port: every field is fixed.
fn conversation() -> Option<FlowMatch> {
    let prefix = |text: &str| text.parse::<Prefix>().ok();
    Some(FlowMatch {
        in_port: Some(PortNo(3)),
        dl_src: Some(MacAddr([2, 0, 0, 0, 0, 0x11])),
        dl_dst: Some(MacAddr([2, 0, 0, 0, 0, 0x12])),
        dl_type: Some(EtherType::IPV4),
        vlan: VlanMatch::Untagged,
        nw_src: Some(prefix("10.0.0.1")?),
        nw_dst: Some(prefix("10.0.0.2")?),
        dscp: None,
        nw_proto: Some(IpProto::TCP),
        transport: TransportMatch::Ports { src: Some(40_000), dst: PortBlock::port(443) },
    })
}

fn packet_in(kind: &str) -> Result<Bytes, EncodeError> {
    let (mut out, data) = (BytesMut::new(), Bytes::from_static(&PACKET));
    if kind.ends_with("1.0") {
        let (in_port, reason) = (v10::PortNo(3), v10::PacketInReason::NO_MATCH);
        let packet = v10::PacketIn { buffer_id: v10::OFP_NO_BUFFER, total_len: 98, in_port, reason, data };
        v10::Message::PacketIn(packet).encode(1, &mut out)?;
    } else {
        let matching = [v13::Oxm::InPort(v13::PortNo(3))].into_iter().collect();
        let (table_id, cookie, reason) = (0, 0, v13::PacketInReason::NO_MATCH);
        let packet = v13::PacketIn { buffer_id: v13::OFP_NO_BUFFER, total_len: 98, reason, table_id, cookie, matching, data };
        v13::Message::PacketIn(packet).encode(1, &mut out)?;
    }
    Ok(out.freeze())
}

/// Does it so many times; the buffer that is written to is emptied each time, as it is when its bytes are sent.
pub(crate) fn repeat(kind: &str, times: usize) -> Result<(), Box<dyn Error>> {
    let frame = packet_in(kind)?;
    let flow = conversation().ok_or("no such conversation")?;
    let old = [v10::Action::Output { port: v10::PortNo(4), max_len: 0 }];
    let new = [v13::Action::Output { port: v13::PortNo(4), max_len: 0 }];
    let mut out = BytesMut::with_capacity(4096);
    for _ in 0..times {
        out.clear();
        match black_box(kind) {
            "packet-in-1.0" => drop(black_box(v10::Message::decode(&frame))?),
            "packet-in-1.3" => drop(black_box(v13::Message::decode(&frame))?),
            "flow-mod-1.0" => {
                let matching = v10::Match::from_flow(&flow).ok_or("1.0 has no such match")?;
                v10::FlowMod::add(matching, 100).encode_applying(&old, 7, &mut out)?;
            }
            "flow-mod-1.3" => {
                let matching = v13::Match::from_flow(&flow).ok_or("1.3 has no such match")?;
                v13::FlowMod::add(0, matching, 100).encode_applying(None, &new, 7, &mut out)?;
            }
            "packet-out-1.0" => v10::PacketOut::encode_parts((v10::OFP_NO_BUFFER, v10::PortNo(3)), &old, &PACKET, 7, &mut out)?,
            "packet-out-1.3" => v13::PacketOut::encode_parts((v13::OFP_NO_BUFFER, v13::PortNo(3)), &new, &PACKET, 7, &mut out)?,
            other => return Err(format!("`{other}` is none of {KINDS:?}").into()),
        }
        black_box(&out);
    }
    Ok(())
}
