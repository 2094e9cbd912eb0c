//! One of each message of OpenFlow 1.0, and of each statistics body and action.

use bytes::{Bytes, BytesMut};
use net::Dpid;
use openflow::v10::{
    Action, AggregateStats, Capabilities, ConfigFlags, DescStats, Error, FeaturesReply, FlowMod, FlowModCommand, FlowModFailed,
    FlowModFlags, FlowRemoved, FlowRemovedReason, FlowStats, FlowStatsRequest, Match, Message, OFP_NO_BUFFER, OFPQ_ALL, PacketIn,
    PacketInReason, PacketOut, PacketQueue, PhyPort, PortConfig, PortFeatures, PortMod, PortNo, PortReason, PortState, PortStats,
    PortStatus, QueueGetConfigReply, QueueGetConfigRequest, QueueProperty, QueueStats, QueueStatsRequest, StatsFlags, StatsReply,
    StatsReplyBody, StatsRequest, StatsRequestBody, SwitchConfig, TableStats, Wildcards,
};
use openflow::{Hello, Text};

use super::{MAC, PAYLOAD, XID};

pub(super) fn messages() -> Vec<Message> {
    let mut all = vec![
        Message::Hello(Hello { version: 1, bitmap: None }),
        Message::Error(Error::answering(FlowModFailed::OVERLAP, &Bytes::from_static(&[1, 14, 0, 8, 0, 0, 0, 1]))),
        Message::EchoRequest(PAYLOAD),
        Message::EchoReply(PAYLOAD),
        Message::Vendor { vendor: 0x2320, data: PAYLOAD },
        Message::FeaturesRequest,
        Message::FeaturesReply(features()),
        Message::GetConfigRequest,
        Message::GetConfigReply(SwitchConfig { flags: ConfigFlags::FRAG_DROP, miss_send_len: 128 }),
        Message::SetConfig(SwitchConfig { flags: ConfigFlags::FRAG_NORMAL, miss_send_len: 0xffff }),
        Message::PacketIn(PacketIn {
            buffer_id: 7,
            total_len: 60,
            in_port: PortNo(3),
            reason: PacketInReason::NO_MATCH,
            data: PAYLOAD,
        }),
        Message::FlowRemoved(removed()),
        Message::PortStatus(PortStatus { reason: PortReason::MODIFY, desc: port() }),
        Message::PacketOut(PacketOut { buffer_id: OFP_NO_BUFFER, in_port: PortNo::NONE, actions: actions(), data: PAYLOAD }),
        Message::FlowMod(entry()),
        Message::PortMod(PortMod {
            port_no: PortNo(3),
            hw_addr: MAC,
            config: PortConfig::PORT_DOWN,
            mask: PortConfig::PORT_DOWN | PortConfig::NO_FLOOD,
            advertise: PortFeatures::NONE,
        }),
        Message::BarrierRequest,
        Message::BarrierReply,
        Message::QueueGetConfigRequest(QueueGetConfigRequest { port: PortNo(3) }),
        Message::QueueGetConfigReply(QueueGetConfigReply {
            port: PortNo(3),
            queues: vec![
                PacketQueue { queue_id: 1, properties: vec![QueueProperty::MinRate(500)] },
                PacketQueue {
                    queue_id: 2,
                    properties: vec![QueueProperty::Other { property: 2, data: Bytes::from_static(&[9; 8]) }],
                },
                PacketQueue { queue_id: 3, properties: Vec::new() },
            ],
        }),
    ];
    all.extend(requests().into_iter().map(|body| Message::StatsRequest(StatsRequest { flags: StatsFlags::NONE, body })));
    all.extend(replies().into_iter().map(|body| Message::StatsReply(StatsReply { flags: StatsFlags::REPLY_MORE, body })));
    all
}

fn port() -> PhyPort {
    PhyPort {
        port_no: PortNo(3),
        hw_addr: MAC,
        name: Text::new("eth3"),
        config: PortConfig::NO_FLOOD,
        state: PortState::LINK_DOWN,
        curr: PortFeatures::ONE_GB_FD | PortFeatures::COPPER,
        advertised: PortFeatures::ONE_GB_FD,
        supported: PortFeatures(0xfff),
        peer: PortFeatures::NONE,
    }
}

fn features() -> FeaturesReply {
    FeaturesReply {
        datapath_id: Dpid(0x1_0000_0000_0001),
        n_buffers: 256,
        n_tables: 2,
        capabilities: Capabilities::FLOW_STATS | Capabilities::ARP_MATCH_IP,
        actions: 0xfff,
        ports: vec![port(), PhyPort { port_no: PortNo::LOCAL, ..port() }],
    }
}

fn matching() -> Match {
    Match {
        wildcards: Wildcards(0x3f_ffff & !Wildcards::IN_PORT.0 & !Wildcards::DL_SRC.0),
        in_port: PortNo(3),
        dl_src: MAC,
        ..Match::ANY
    }
}

fn removed() -> FlowRemoved {
    FlowRemoved {
        matching: matching(),
        cookie: 0xfedc_ba98_7654_3210,
        priority: 100,
        reason: FlowRemovedReason::HARD_TIMEOUT,
        duration_sec: 10,
        duration_nsec: 500,
        idle_timeout: 60,
        packet_count: 5,
        byte_count: 300,
    }
}

fn entry() -> FlowMod {
    FlowMod {
        cookie: 0x1122_3344_5566_7788,
        command: FlowModCommand::MODIFY_STRICT,
        idle_timeout: 60,
        hard_timeout: 3600,
        flags: FlowModFlags::SEND_FLOW_REM | FlowModFlags::CHECK_OVERLAP,
        actions: actions(),
        ..FlowMod::add(matching(), 100)
    }
}

fn actions() -> Vec<Action> {
    vec![
        Action::Output { port: PortNo::CONTROLLER, max_len: 128 },
        Action::SetVlanVid(100),
        Action::SetVlanPcp(5),
        Action::StripVlan,
        Action::SetDlSrc(MAC),
        Action::SetDlDst(MAC),
        Action::SetNwSrc([10, 0, 0, 1].into()),
        Action::SetNwDst([10, 0, 0, 2].into()),
        Action::SetNwTos(0x28),
        Action::SetTpSrc(80),
        Action::SetTpDst(8080),
        Action::Enqueue { port: PortNo(3), queue_id: 1 },
        Action::Vendor { vendor: 0x2320, data: Bytes::from_static(&[0, 1, 0, 2, 0, 0, 0, 3]) },
    ]
}

fn requests() -> Vec<StatsRequestBody> {
    let flows = FlowStatsRequest { matching: Match::ANY, table_id: 0xff, out_port: PortNo::NONE };
    vec![
        StatsRequestBody::Desc,
        StatsRequestBody::Flow(flows.clone()),
        StatsRequestBody::Aggregate(flows),
        StatsRequestBody::Table,
        StatsRequestBody::Port(PortNo::NONE),
        StatsRequestBody::Queue(QueueStatsRequest { port_no: PortNo::ALL, queue_id: OFPQ_ALL }),
        StatsRequestBody::PortDesc,
        StatsRequestBody::Vendor { vendor: 0x2320, data: PAYLOAD },
    ]
}

fn replies() -> Vec<StatsReplyBody> {
    vec![
        StatsReplyBody::Desc(Box::new(DescStats {
            mfr_desc: Text::new("Pentane"),
            hw_desc: Text::new("none"),
            sw_desc: Text::new("0.1"),
            serial_num: Text::new("1"),
            dp_desc: Text::new("rack 1"),
        })),
        StatsReplyBody::Flow(vec![flow_stats(actions()), flow_stats(Vec::new())]),
        StatsReplyBody::Aggregate(AggregateStats { packet_count: 1, byte_count: 64, flow_count: 2 }),
        StatsReplyBody::Table(vec![TableStats {
            table_id: 0,
            name: Text::new("classifier"),
            wildcards: Wildcards::ALL,
            max_entries: 1 << 20,
            active_count: 3,
            lookup_count: 40,
            matched_count: 30,
        }]),
        StatsReplyBody::Port(vec![port_stats()]),
        StatsReplyBody::Queue(vec![QueueStats {
            port_no: PortNo(3),
            queue_id: 1,
            tx_bytes: 64,
            tx_packets: 1,
            tx_errors: u64::MAX,
        }]),
        StatsReplyBody::PortDesc(vec![port()]),
        StatsReplyBody::Vendor { vendor: 0x2320, data: PAYLOAD },
    ]
}

fn flow_stats(actions: Vec<Action>) -> FlowStats {
    FlowStats {
        table_id: 0,
        matching: matching(),
        duration_sec: 1,
        duration_nsec: 2,
        priority: 3,
        idle_timeout: 4,
        hard_timeout: 5,
        cookie: 6,
        packet_count: 7,
        byte_count: 8,
        actions,
    }
}

fn port_stats() -> PortStats {
    PortStats {
        port_no: PortNo(3),
        rx_packets: 1,
        tx_packets: 2,
        rx_bytes: 3,
        tx_bytes: 4,
        rx_dropped: 5,
        tx_dropped: 6,
        rx_errors: 7,
        tx_errors: 8,
        rx_frame_err: 9,
        rx_over_err: 10,
        rx_crc_err: 11,
        collisions: u64::MAX,
    }
}

#[test]
fn borrowed_parts_make_the_same_bytes() {
    let (mut whole, mut parts) = (BytesMut::new(), BytesMut::new());
    Message::FlowMod(entry()).encode(XID, &mut whole).unwrap();
    FlowMod { actions: Vec::new(), ..entry() }.encode_applying(&actions(), XID, &mut parts).unwrap();
    let packet = PacketOut { buffer_id: 9, in_port: PortNo(2), actions: actions(), data: PAYLOAD };
    Message::PacketOut(packet).encode(XID, &mut whole).unwrap();
    PacketOut::encode_parts((9, PortNo(2)), &actions(), &PAYLOAD, XID, &mut parts).unwrap();
    assert_eq!(whole, parts);
}
