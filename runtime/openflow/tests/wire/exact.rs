//! What is written at once is what the versions' messages make.

use bytes::{Bytes, BytesMut};
use net::{EtherType, FlowKey, FlowMatch, IpHeader, IpProto, MacAddr, PortNo, Transport, VlanId, VlanTag};
use openflow::{ExactEntry, Release, v10, v13};

/// Numbers that differ, the same each time.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[2]
    }

    fn port(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    fn mac(&mut self) -> MacAddr {
        MacAddr([2, self.byte(), self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn key(&mut self, v6: bool, proto: IpProto) -> FlowKey {
        let mut address = || if v6 { [self.byte(); 16].into() } else { [10, self.byte(), self.byte(), self.byte()].into() };
        let (src, dst) = (address(), address());
        let transport = Some(Transport::Ports { src: self.port(), dst: self.port() });
        let id = VlanId::new(self.port() % 4095).filter(|_| self.byte() > 127);
        let vlan = (self.byte() > 100).then_some(VlanTag { id, pcp: self.byte() % 8 });
        let dl_type = if v6 { EtherType::IPV6 } else { EtherType::IPV4 };
        let ip = IpHeader { src, dst, proto, dscp: self.byte() % 64, transport };
        FlowKey { dl_src: self.mac(), dl_dst: self.mac(), dl_type, vlan, ip: Some(ip) }
    }
}

#[test]
fn entries_of_one_flow_are_what_flow_mods_make() {
    let mut draw = Draw(5);
    let mut expressible = 0;
    for round in 0..4000_u32 {
        let proto = [IpProto::TCP, IpProto::UDP, IpProto::SCTP][usize::try_from(round % 3).unwrap()];
        let key = draw.key(round % 2 == 0, proto);
        let (from, to) = (draw.port() % 0x7f00 + 1, draw.port() % 0x7f00 + 1);
        let (cookie, idle, priority, notify) = (draw.next(), draw.port(), draw.port(), round % 5 < 3);
        let turned = round % 7 < 3;
        let (in_port, out_port) = (PortNo(from.into()), PortNo(to.into()));
        let entry = ExactEntry { key: &key, turned, in_port, out_port, priority, cookie, idle, notify };
        let matched = if turned { key.reply() } else { key };
        let region = FlowMatch { in_port: Some(entry.in_port), ..FlowMatch::exact(&matched) };
        let (mut short, mut long) = (BytesMut::new(), BytesMut::new());

        let made = v13::FlowMod {
            cookie,
            idle_timeout: idle,
            flags: if notify { v13::FlowModFlags::SEND_FLOW_REM } else { v13::FlowModFlags::NONE },
            ..v13::FlowMod::add(0, v13::Match::from_flow(&region).unwrap(), priority)
        };
        let output = v13::Action::Output { port: v13::PortNo(to.into()), max_len: 0 };
        made.encode_applying(None, &[output], round, &mut long).unwrap();
        assert_eq!(v13::add_exact(&entry, round, &mut short), Some(()));
        assert_eq!(short, long, "{key:?}");

        let (mut short, mut long) = (BytesMut::new(), BytesMut::new());
        let written = v10::add_exact(&entry, round, &mut short);
        let matching = v10::Match::from_flow(&region);
        // SCTP's ports are none in this version.
        assert_eq!(written.is_some(), matching.is_some(), "{key:?}");
        let Some(matching) = matching else { continue };
        let made = v10::FlowMod {
            cookie,
            idle_timeout: idle,
            flags: if notify { v10::FlowModFlags::SEND_FLOW_REM } else { v10::FlowModFlags::NONE },
            ..v10::FlowMod::add(matching, priority)
        };
        made.encode_applying(&[v10::Action::Output { port: v10::PortNo(to), max_len: 0 }], round, &mut long).unwrap();
        assert_eq!(short, long, "{key:?}");
        expressible += 1;
    }
    assert_eq!(expressible, 1334, "IPv4 with TCP and UDP");
}

#[test]
fn packets_on_their_way_are_what_packet_outs_make() {
    let mut draw = Draw(6);
    for length in (0..2000).step_by(7).chain([65_495, 65_496, 65_511, 65_512, 70_000]) {
        let data = vec![draw.byte(); length];
        let (from, to, buffer) = (draw.port() % 0x7f00 + 1, draw.port() % 0x7f00 + 1, u32::try_from(length).unwrap());
        let packet = Release { in_port: PortNo(from.into()), out_port: PortNo(to.into()), buffer_id: buffer, data: &data };
        let (mut short, mut long) = (BytesMut::new(), BytesMut::new());
        let made = v10::PacketOut {
            buffer_id: buffer,
            in_port: v10::PortNo(from),
            actions: vec![v10::Action::Output { port: v10::PortNo(to), max_len: 0 }],
            data: Bytes::from(data.clone()),
        };
        let whole = v10::Message::PacketOut(made).encode(9, &mut long).is_ok();
        assert_eq!((v10::release(&packet, 9, &mut short).is_some(), &short), (whole, &long));
        let (mut short, mut long) = (BytesMut::new(), BytesMut::new());
        let made = v13::PacketOut {
            buffer_id: buffer,
            in_port: v13::PortNo(from.into()),
            actions: vec![v13::Action::Output { port: v13::PortNo(to.into()), max_len: 0 }],
            data: Bytes::from(data.clone()),
        };
        let whole = v13::Message::PacketOut(made).encode(9, &mut long).is_ok();
        assert_eq!((v13::release(&packet, 9, &mut short).is_some(), &short), (whole, &long));
    }
}

#[test]
fn a_glance_sees_what_the_decoder_does() {
    let mut draw = Draw(7);
    for port in [0_u32, 1, 77, 0xfeff, 0xff00, 0xff01, 0xffff, 0x0001_0000, 0xffff_ff00, 0xffff_ff01, 0xffff_fffe] {
        let data: Vec<u8> = (0..port % 90).map(|_| draw.byte()).collect();
        let (buffer_id, total_len) = (u32::try_from(draw.next() % 0xffff_ffff).unwrap(), draw.port());
        if let Ok(port) = u16::try_from(port) {
            let packet = v10::PacketIn {
                buffer_id,
                total_len,
                in_port: v10::PortNo(port),
                reason: v10::PacketInReason::NO_MATCH,
                data: Bytes::from(data.clone()),
            };
            let mut message = BytesMut::new();
            v10::Message::PacketIn(packet).encode(3, &mut message).unwrap();
            let seen = v10::glance(&message).map(|seen| (seen.in_port, seen.buffer_id, seen.total_len, seen.data.to_vec()));
            assert_eq!(seen, v10::PortNo(port).physical().map(|port| (port, buffer_id, total_len, data.clone())));
        }
        let packet = |matching| v13::PacketIn {
            buffer_id,
            total_len,
            reason: v13::PacketInReason::NO_MATCH,
            table_id: 0,
            cookie: 5,
            matching,
            data: Bytes::from(data.clone()),
        };
        let region = FlowMatch { in_port: Some(PortNo(port)), ..FlowMatch::default() };
        let mut message = BytesMut::new();
        v13::Message::PacketIn(packet(v13::Match::from_flow(&region).unwrap())).encode(3, &mut message).unwrap();
        let seen = v13::glance(&message).map(|seen| (seen.in_port, seen.buffer_id, seen.total_len, seen.data.to_vec()));
        assert_eq!(seen, v13::PortNo(port).physical().map(|port| (port, buffer_id, total_len, data.clone())));
        let more = FlowMatch { dl_src: Some(draw.mac()), ..region };
        let mut message = BytesMut::new();
        v13::Message::PacketIn(packet(v13::Match::from_flow(&more).unwrap())).encode(3, &mut message).unwrap();
        assert_eq!(v13::glance(&message), None, "what tells more is left to the decoder");
    }
}
