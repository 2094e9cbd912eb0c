//! Packets of a sender that has sent too many, over and over, for callgrind to count: from the bytes of a switch to where they
//! are dropped.

use std::error::Error;
use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};
use net::{Dpid, MacAddr, Time};
use openflow::{Hello, v10};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::{ConnId, Controller, Effects, Input, Peer, Settings};

const NOW: Time = Time(1_790_000_000_000_000);
const CONN: ConnId = ConnId(1);

/// All that a switch of OpenFlow 1.0 without entries says until it is in use.
pub(crate) fn greeting(datapath_id: Dpid, n_buffers: u32, ports: Vec<v10::PhyPort>) -> Result<BytesMut, Box<dyn Error>> {
    let mut bytes = BytesMut::new();
    Hello::offering(&[1]).encode(1, &mut bytes)?;
    let capabilities = v10::Capabilities::NONE;
    let features = v10::FeaturesReply { datapath_id, n_buffers, n_tables: 1, capabilities, actions: 0, ports };
    v10::Message::FeaturesReply(features).encode(2, &mut bytes)?;
    // Whichever of its questions it is: that for its entries is among them.
    for xid in 0..20 {
        let body = v10::StatsReplyBody::Flow(Vec::new());
        v10::Message::StatsReply(v10::StatsReply { flags: v10::StatsFlags::NONE, body }).encode(xid, &mut bytes)?;
    }
    Ok(bytes)
}

/// A runtime with one switch of OpenFlow 1.0 in use.
fn with_switch() -> Result<Controller, Box<dyn Error>> {
    let text = "switch a { dpid 0x1; access 1-24; }\ndefault allow;\n".to_owned();
    let mut controller = Controller::new(tests::policy(&[("a.pol", text)]), Settings::default(), NOW)?;
    let mut out = Effects::default();
    controller.step(Input::Connected(CONN, Peer::plain((Ipv4Addr::LOCALHOST, 40_000).into())), NOW, &mut out);
    controller.step(Input::Received(CONN, greeting(Dpid(1), 0, Vec::new())?), NOW, &mut out);
    if controller.is_up(CONN) { Ok(controller) } else { Err("the switch is not in use".into()) }
}

fn packet_in() -> Result<Bytes, Box<dyn Error>> {
    let ends = IpEnds {
        src_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        dst_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        src_ip: Ipv4Addr::new(10, 0, 0, 1),
        dst_ip: Ipv4Addr::new(10, 0, 0, 2),
    };
    let data = Bytes::from(build::udp(&ends, &Datagram { src: 7, dst: 9, data: &[0x5a; 56] }).ok_or("no such datagram")?);
    let (in_port, reason) = (v10::PortNo(3), v10::PacketInReason::NO_MATCH);
    let packet = v10::PacketIn { buffer_id: v10::OFP_NO_BUFFER, total_len: 98, in_port, reason, data };
    let mut out = BytesMut::new();
    v10::Message::PacketIn(packet).encode(1, &mut out)?;
    Ok(out.freeze())
}

/// So many packets at one instant, sixty-four in a portion.
pub(crate) fn repeat(times: usize) -> Result<(), Box<dyn Error>> {
    const PORTION: usize = 64;
    let mut controller = with_switch()?;
    let frame = packet_in()?;
    let mut out = Effects::default();
    let mut left = times;
    while left > 0 {
        let count = left.min(PORTION);
        let portion = BytesMut::from(&frame.repeat(count)[..]);
        controller.step(Input::Received(CONN, portion), NOW, &mut out);
        out.sends.clear();
        out.events.clear();
        left -= count;
    }
    Ok(())
}
