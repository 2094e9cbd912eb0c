//! One of each message of OpenFlow 1.3, and of each multipart body, instruction, action and match field.

use std::net::Ipv6Addr;

use bytes::{Bytes, BytesMut};
use net::{Dpid, MacAddr};
use openflow::v13::{
    Action, AggregateStats, AsyncConfig, Bucket, BucketCounter, Capabilities, ConfigFlags, Desc, ElementId, Error, FeaturesReply,
    FlowMod, FlowModCommand, FlowModFailed, FlowModFlags, FlowRemoved, FlowRemovedReason, FlowStats, FlowStatsRequest,
    GroupCapabilities, GroupDesc, GroupFeatures, GroupMod, GroupModCommand, GroupStats, GroupType, Instruction, Match, Message,
    MeterBand, MeterBandStats, MeterConfig, MeterFeatures, MeterFlags, MeterMod, MeterModCommand, MeterStats, MultipartFlags,
    MultipartReply, MultipartReplyBody, MultipartRequest, MultipartRequestBody, OFP_NO_BUFFER, OFPCML_NO_BUFFER, OFPG_ANY,
    OFPM_ALL, OFPQ_ALL, OFPTT_ALL, Oxm, PacketIn, PacketInReason, PacketOut, PacketQueue, Port, PortConfig, PortFeatures,
    PortMod, PortNo, PortReason, PortState, PortStats, PortStatsRequest, PortStatus, QueueGetConfigReply, QueueGetConfigRequest,
    QueueProperty, QueueStats, QueueStatsRequest, Role, RoleRequest, SwitchConfig, TableFeatureBody, TableFeatureProp,
    TableFeaturePropType, TableFeatures, TableMod, TableStats,
};
use openflow::{Hello, Text};

use super::{MAC, PAYLOAD, XID};

pub(super) fn messages() -> Vec<Message> {
    let mut all = vec![
        Message::Hello(Hello::offering(&[1, 4])),
        Message::Error(Error::answering(FlowModFailed::TABLE_FULL, &Bytes::from_static(&[4, 14, 0, 8, 0, 0, 0, 1]))),
        Message::EchoRequest(PAYLOAD),
        Message::EchoReply(PAYLOAD),
        Message::Experimenter { experimenter: 0x2320, exp_type: 12, data: PAYLOAD },
        Message::FeaturesRequest,
        Message::FeaturesReply(FeaturesReply {
            datapath_id: Dpid(0x1_0000_0000_0001),
            n_buffers: 0,
            n_tables: 254,
            auxiliary_id: 0,
            capabilities: Capabilities::FLOW_STATS | Capabilities::PORT_BLOCKED,
            reserved: 0,
        }),
        Message::GetConfigRequest,
        Message::GetConfigReply(SwitchConfig { flags: ConfigFlags::FRAG_REASM, miss_send_len: 128 }),
        Message::SetConfig(SwitchConfig { flags: ConfigFlags::FRAG_NORMAL, miss_send_len: OFPCML_NO_BUFFER }),
        Message::TableMod(TableMod { table_id: OFPTT_ALL, config: 3 }),
        Message::BarrierRequest,
        Message::BarrierReply,
        Message::RoleRequest(RoleRequest { role: Role::MASTER, generation_id: 7 }),
        Message::RoleReply(RoleRequest { role: Role::SLAVE, generation_id: u64::MAX }),
        Message::GetAsyncRequest,
        Message::GetAsyncReply(masks()),
        Message::SetAsync(masks()),
    ];
    all.extend(packets());
    all.extend(entries());
    all.extend(ports());
    all.extend(requests().into_iter().map(|body| Message::MultipartRequest(MultipartRequest::new(body))));
    all.extend(
        replies()
            .into_iter()
            .chain(meter_replies())
            .map(|body| Message::MultipartReply(MultipartReply { flags: MultipartFlags::MORE, body })),
    );
    all
}

fn packets() -> Vec<Message> {
    let other = Oxm::Other { class: 1, field: 5, has_mask: true, value: Bytes::from_static(&[1, 2, 3, 4]) };
    vec![
        Message::PacketIn(PacketIn {
            buffer_id: OFP_NO_BUFFER,
            total_len: 60,
            reason: PacketInReason::INVALID_TTL,
            table_id: 4,
            cookie: u64::MAX,
            matching: [Oxm::InPort(PortNo(3)), Oxm::TunnelId(9, None), other].into_iter().collect(),
            data: PAYLOAD,
        }),
        Message::PacketOut(PacketOut {
            buffer_id: OFP_NO_BUFFER,
            in_port: PortNo::CONTROLLER,
            actions: actions(),
            data: PAYLOAD,
        }),
        Message::PacketOut(PacketOut { buffer_id: 5, in_port: PortNo(1), actions: Vec::new(), data: Bytes::new() }),
    ]
}

fn entries() -> Vec<Message> {
    let group = |command, kind| Message::GroupMod(GroupMod { command, kind, group_id: 9, buckets: buckets() });
    let meter =
        MeterMod { command: MeterModCommand::ADD, flags: MeterFlags::KBPS | MeterFlags::BURST, meter_id: 1, bands: bands() };
    let mut all = vec![
        Message::FlowMod(entry()),
        Message::FlowMod(FlowMod { command: FlowModCommand::DELETE, table_id: OFPTT_ALL, ..FlowMod::add(0, Match::ANY, 0) }),
        Message::FlowRemoved(FlowRemoved {
            cookie: 1,
            priority: 2,
            reason: FlowRemovedReason::GROUP_DELETE,
            table_id: 3,
            duration_sec: 4,
            duration_nsec: 5,
            idle_timeout: 6,
            hard_timeout: 7,
            packet_count: 8,
            byte_count: 9,
            matching: tcp(),
        }),
        group(GroupModCommand::ADD, GroupType::SELECT),
        group(GroupModCommand::DELETE, GroupType::FF),
        Message::MeterMod(meter),
    ];
    all.extend(matches().into_iter().map(|matching| Message::FlowMod(FlowMod::add(1, matching, 5))));
    all
}

fn ports() -> Vec<Message> {
    let properties = vec![
        QueueProperty::MinRate(500),
        QueueProperty::MaxRate(900),
        QueueProperty::Experimenter { experimenter: 0x2320, data: Bytes::from_static(&[7; 5]) },
        QueueProperty::Other { property: 9, data: Bytes::from_static(&[7; 13]) },
    ];
    vec![
        Message::PortStatus(PortStatus { reason: PortReason::DELETE, desc: port() }),
        Message::PortMod(PortMod {
            port_no: PortNo(3),
            hw_addr: MAC,
            config: PortConfig::PORT_DOWN,
            mask: PortConfig::PORT_DOWN | PortConfig::NO_PACKET_IN,
            advertise: PortFeatures::COPPER,
        }),
        Message::QueueGetConfigRequest(QueueGetConfigRequest { port: PortNo::ANY }),
        Message::QueueGetConfigReply(QueueGetConfigReply {
            port: PortNo(3),
            queues: vec![
                PacketQueue { queue_id: 1, port: PortNo(3), properties },
                PacketQueue { queue_id: 2, port: PortNo(3), properties: Vec::new() },
            ],
        }),
    ]
}

fn masks() -> AsyncConfig {
    AsyncConfig {
        packet_in_mask: 7,
        packet_in_mask_slave: 0,
        port_status_mask: 7,
        port_status_mask_slave: 7,
        flow_removed_mask: 15,
        flow_removed_mask_slave: 0,
    }
}

fn port() -> Port {
    Port {
        port_no: PortNo(3),
        hw_addr: MAC,
        name: Text::new("a port of 16 bytes"),
        config: PortConfig::NO_FWD,
        state: PortState::LIVE,
        curr: PortFeatures::TEN_GB_FD | PortFeatures::FIBER,
        advertised: PortFeatures::NONE,
        supported: PortFeatures(0xffff),
        peer: PortFeatures::NONE,
        curr_speed: 10_000_000,
        max_speed: 10_000_000,
    }
}

fn tcp() -> Match {
    [
        Oxm::InPort(PortNo(3)),
        Oxm::EthDst(MAC, Some(MacAddr::BROADCAST)),
        Oxm::EthSrc(MAC, None),
        Oxm::EthType(0x0800),
        Oxm::VlanVid(0x1064, None),
        Oxm::VlanPcp(5),
        Oxm::IpDscp(46),
        Oxm::IpEcn(1),
        Oxm::IpProto(6),
        Oxm::Ipv4Src([10, 0, 0, 0].into(), Some([255, 0, 0, 0].into())),
        Oxm::Ipv4Dst([10, 0, 0, 1].into(), None),
        Oxm::TcpSrc(1024, None),
        Oxm::TcpDst(80, None),
    ]
    .into_iter()
    .collect()
}

fn matches() -> Vec<Match> {
    let ip = |proto| vec![Oxm::EthType(0x0800), Oxm::IpProto(proto)];
    let ip6 = |proto| vec![Oxm::EthType(0x86dd), Oxm::IpProto(proto)];
    let extended = |mut fields: Vec<Oxm>, more: Vec<Oxm>| -> Match {
        fields.extend(more);
        fields.into_iter().collect()
    };
    let mask = Some(Ipv6Addr::from_bits(u128::MAX << 64));
    vec![
        tcp(),
        extended(ip(17), vec![Oxm::UdpSrc(53, None), Oxm::UdpDst(53, None)]),
        extended(ip(132), vec![Oxm::SctpSrc(1, None), Oxm::SctpDst(2, None)]),
        extended(ip(1), vec![Oxm::Icmpv4Type(8), Oxm::Icmpv4Code(0)]),
        extended(
            vec![Oxm::EthType(0x0806)],
            vec![
                Oxm::ArpOp(1),
                Oxm::ArpSpa([10, 0, 0, 1].into(), None),
                Oxm::ArpTpa([10, 0, 0, 0].into(), Some([255, 255, 255, 0].into())),
                Oxm::ArpSha(MAC, None),
                Oxm::ArpTha(MAC, Some(MacAddr::BROADCAST)),
            ],
        ),
        extended(
            ip6(58),
            vec![
                Oxm::Ipv6Src(Ipv6Addr::from_bits(0xfe80 << 112), mask),
                Oxm::Ipv6Dst(Ipv6Addr::LOCALHOST, None),
                Oxm::Ipv6Flabel(0xf_ffff, Some(0xf_ffff)),
                Oxm::Ipv6Exthdr(0x1ff, None),
                Oxm::Icmpv6Type(135),
                Oxm::Icmpv6Code(0),
                Oxm::Ipv6NdTarget(Ipv6Addr::LOCALHOST),
                Oxm::Ipv6NdSll(MAC),
            ],
        ),
        extended(ip6(58), vec![Oxm::Icmpv6Type(136), Oxm::Ipv6NdTll(MAC)]),
        extended(vec![Oxm::EthType(0x8847)], vec![Oxm::MplsLabel(0xf_ffff), Oxm::MplsTc(7), Oxm::MplsBos(1)]),
        extended(vec![Oxm::EthType(0x88e7)], vec![Oxm::PbbIsid([1, 2, 3], Some([0xff, 0xff, 0xff]))]),
        extended(
            vec![Oxm::InPort(PortNo::LOCAL), Oxm::InPhyPort(PortNo(2))],
            vec![Oxm::Metadata(1, Some(u64::MAX)), Oxm::TunnelId(5, None), Oxm::VlanVid(0x1000, Some(0x1000)), Oxm::VlanPcp(1)],
        ),
    ]
}

fn entry() -> FlowMod {
    FlowMod {
        cookie: 0x1122_3344_5566_7788,
        cookie_mask: u64::MAX,
        command: FlowModCommand::MODIFY_STRICT,
        idle_timeout: 60,
        hard_timeout: 3600,
        out_port: PortNo(3),
        flags: FlowModFlags::SEND_FLOW_REM | FlowModFlags::RESET_COUNTS,
        instructions: instructions(),
        ..FlowMod::add(2, tcp(), 100)
    }
}

fn instructions() -> Vec<Instruction> {
    vec![
        Instruction::Meter(1),
        Instruction::ApplyActions(actions()),
        Instruction::ClearActions,
        Instruction::WriteActions(vec![Action::Group(9)]),
        Instruction::WriteMetadata { metadata: 5, metadata_mask: 0xff },
        Instruction::GotoTable(3),
        Instruction::Experimenter { experimenter: 0x2320, data: Bytes::from_static(&[1; 8]) },
    ]
}

fn actions() -> Vec<Action> {
    vec![
        Action::Output { port: PortNo::CONTROLLER, max_len: OFPCML_NO_BUFFER },
        Action::CopyTtlOut,
        Action::CopyTtlIn,
        Action::SetMplsTtl(63),
        Action::DecMplsTtl,
        Action::PushVlan(0x8100),
        Action::PopVlan,
        Action::PushMpls(0x8847),
        Action::PopMpls(0x0800),
        Action::SetQueue(1),
        Action::Group(9),
        Action::SetNwTtl(64),
        Action::DecNwTtl,
        Action::SetField(Oxm::VlanVid(0x1064, None)),
        Action::SetField(Oxm::EthDst(MAC, None)),
        Action::SetField(Oxm::Ipv6Src(Ipv6Addr::LOCALHOST, None)),
        Action::PushPbb(0x88e7),
        Action::PopPbb,
        Action::Experimenter { experimenter: 0x2320, data: Bytes::from_static(&[1; 8]) },
    ]
}

fn buckets() -> Vec<Bucket> {
    let output = Action::Output { port: PortNo(1), max_len: 0 };
    vec![
        Bucket { weight: 1, watch_port: PortNo::ANY, watch_group: OFPG_ANY, actions: vec![output] },
        Bucket { weight: 2, watch_port: PortNo(2), watch_group: OFPG_ANY, actions: Vec::new() },
    ]
}

fn bands() -> Vec<MeterBand> {
    vec![MeterBand::Drop { rate: 1000, burst_size: 100 }, MeterBand::DscpRemark { rate: 500, burst_size: 0, prec_level: 1 }]
}

fn requests() -> Vec<MultipartRequestBody> {
    let flows = FlowStatsRequest {
        table_id: OFPTT_ALL,
        out_port: PortNo::ANY,
        out_group: OFPG_ANY,
        cookie: 0,
        cookie_mask: 0,
        matching: tcp(),
    };
    vec![
        MultipartRequestBody::Desc,
        MultipartRequestBody::Flow(flows.clone()),
        MultipartRequestBody::Aggregate(flows),
        MultipartRequestBody::Table,
        MultipartRequestBody::PortStats(PortStatsRequest { port_no: PortNo::ANY }),
        MultipartRequestBody::Queue(QueueStatsRequest { port_no: PortNo::ANY, queue_id: OFPQ_ALL }),
        MultipartRequestBody::Group(9),
        MultipartRequestBody::GroupDesc,
        MultipartRequestBody::GroupFeatures,
        MultipartRequestBody::Meter(OFPM_ALL),
        MultipartRequestBody::MeterConfig(OFPM_ALL),
        MultipartRequestBody::MeterFeatures,
        MultipartRequestBody::TableFeatures(Vec::new()),
        MultipartRequestBody::TableFeatures(vec![table_features()]),
        MultipartRequestBody::PortDesc,
        MultipartRequestBody::Experimenter { experimenter: 0x2320, exp_type: 1, data: PAYLOAD },
    ]
}

fn replies() -> Vec<MultipartReplyBody> {
    vec![
        MultipartReplyBody::Desc(Box::new(Desc {
            mfr_desc: Text::new("Pentane"),
            hw_desc: Text::new("none"),
            sw_desc: Text::new("0.1"),
            serial_num: Text::new("1"),
            dp_desc: Text::new("rack 1"),
        })),
        MultipartReplyBody::Flow(vec![flow_stats(instructions()), flow_stats(Vec::new())]),
        MultipartReplyBody::Aggregate(AggregateStats { packet_count: 1, byte_count: 64, flow_count: 2 }),
        MultipartReplyBody::Table(vec![TableStats { table_id: 1, active_count: 2, lookup_count: 3, matched_count: 4 }]),
        MultipartReplyBody::PortStats(vec![port_stats()]),
        MultipartReplyBody::Queue(vec![QueueStats {
            port_no: PortNo(3),
            queue_id: 1,
            tx_bytes: 64,
            tx_packets: 1,
            tx_errors: 0,
            duration_sec: 9,
            duration_nsec: 8,
        }]),
        MultipartReplyBody::Group(vec![group_stats()]),
        MultipartReplyBody::GroupDesc(vec![GroupDesc { kind: GroupType::ALL, group_id: 9, buckets: buckets() }]),
        MultipartReplyBody::GroupFeatures(GroupFeatures {
            types: 15,
            capabilities: GroupCapabilities::SELECT_WEIGHT | GroupCapabilities::CHAINING,
            max_groups: [1, 2, 3, 4],
            actions: [5, 6, 7, 8],
        }),
        MultipartReplyBody::TableFeatures(vec![table_features(), table_features()]),
        MultipartReplyBody::PortDesc(vec![port(), port()]),
        MultipartReplyBody::Experimenter { experimenter: 0x2320, exp_type: 1, data: PAYLOAD },
    ]
}

fn meter_replies() -> Vec<MultipartReplyBody> {
    let mut bands = bands();
    bands.push(MeterBand::Experimenter { rate: 1, burst_size: 2, experimenter: 3, data: Bytes::from_static(&[4; 8]) });
    vec![
        MultipartReplyBody::Meter(vec![MeterStats {
            meter_id: 1,
            flow_count: 2,
            packet_in_count: 3,
            byte_in_count: 4,
            duration_sec: 5,
            duration_nsec: 6,
            band_stats: vec![MeterBandStats { packet_band_count: 7, byte_band_count: 8 }],
        }]),
        MultipartReplyBody::MeterConfig(vec![MeterConfig { flags: MeterFlags::PKTPS, meter_id: 1, bands }]),
        MultipartReplyBody::MeterFeatures(MeterFeatures {
            max_meter: 100,
            band_types: 6,
            capabilities: 15,
            max_bands: 1,
            max_color: 0,
        }),
    ]
}

fn flow_stats(instructions: Vec<Instruction>) -> FlowStats {
    FlowStats {
        table_id: 1,
        duration_sec: 2,
        duration_nsec: 3,
        priority: 4,
        idle_timeout: 5,
        hard_timeout: 6,
        flags: FlowModFlags::SEND_FLOW_REM,
        cookie: 7,
        packet_count: 8,
        byte_count: 9,
        matching: tcp(),
        instructions,
    }
}

fn group_stats() -> GroupStats {
    GroupStats {
        group_id: 9,
        ref_count: 1,
        packet_count: 2,
        byte_count: 3,
        duration_sec: 4,
        duration_nsec: 5,
        bucket_stats: vec![BucketCounter { packet_count: 6, byte_count: 7 }, BucketCounter { packet_count: 8, byte_count: 9 }],
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
        collisions: 12,
        duration_sec: 13,
        duration_nsec: 14,
    }
}

fn table_features() -> TableFeatures {
    let property = |kind, body| TableFeatureProp { kind, body };
    let padded = ElementId { kind: 0xffff, rest: Bytes::from_static(&[0, 0, 0x23, 0x20]) };
    TableFeatures {
        table_id: 1,
        name: Text::new("table 1"),
        metadata_match: u64::MAX,
        metadata_write: u64::MAX,
        config: 3,
        max_entries: 1_000_000,
        properties: vec![
            property(
                TableFeaturePropType::INSTRUCTIONS,
                TableFeatureBody::Elements(vec![ElementId::standard(1), ElementId::standard(4)]),
            ),
            property(TableFeaturePropType::NEXT_TABLES, TableFeatureBody::NextTables(vec![2, 3, 4])),
            property(TableFeaturePropType::APPLY_ACTIONS_MISS, TableFeatureBody::Elements(vec![ElementId::standard(0), padded])),
            property(TableFeaturePropType::MATCH, TableFeatureBody::Oxms(vec![0x8000_0004, 0x8000_0706])),
            property(TableFeaturePropType::EXPERIMENTER, TableFeatureBody::Experimenter(Bytes::from_static(&[1; 8]))),
        ],
    }
}

#[test]
fn borrowed_parts_make_the_same_bytes() {
    let (mut whole, mut parts) = (BytesMut::new(), BytesMut::new());
    let instructions = vec![Instruction::Meter(9), Instruction::ApplyActions(actions())];
    let applying = FlowMod { instructions, ..entry() };
    Message::FlowMod(applying).encode(XID, &mut whole).unwrap();
    entry().encode_applying(Some(9), &actions(), XID, &mut parts).unwrap();
    Message::FlowMod(FlowMod { instructions: Vec::new(), ..entry() }).encode(XID, &mut whole).unwrap();
    entry().encode_applying(None, &[], XID, &mut parts).unwrap();
    let packet = PacketOut { buffer_id: 9, in_port: PortNo(2), actions: actions(), data: PAYLOAD };
    Message::PacketOut(packet).encode(XID, &mut whole).unwrap();
    PacketOut::encode_parts((9, PortNo(2)), &actions(), &PAYLOAD, XID, &mut parts).unwrap();
    assert_eq!(whole, parts);
}
