//! Multipart messages of OpenFlow 1.3.

use openflow::v13::{
    AggregateStats, BucketCounter, Desc, ElementId, FlowModFlags, FlowStats, FlowStatsRequest, GroupCapabilities, GroupDesc,
    GroupFeatures, GroupStats, GroupType, Message, MeterBand, MeterBandStats, MeterConfig, MeterFeatures, MeterFlags, MeterStats,
    MultipartFlags, MultipartReply, MultipartReplyBody as Reply, MultipartRequest, MultipartRequestBody as Request, OFPG_ANY,
    Port, PortConfig, PortFeatures, PortNo, PortState, PortStats, PortStatsRequest, QueueStats, QueueStatsRequest,
    TableFeatureBody, TableFeatureProp, TableFeaturePropType, TableFeatures, TableStats,
};

use super::Draw;
use super::fields::matching;
use super::v13::{band, buckets, instructions, physical};

/// One request and one reply of every type.
pub(super) fn messages(draw: &mut Draw) -> Vec<Message> {
    let mut all: Vec<Message> =
        requests(draw).into_iter().map(|body| Message::MultipartRequest(MultipartRequest::new(body))).collect();
    let mut bodies = replies(draw);
    bodies.extend(groups_and_meters(draw));
    for body in bodies {
        // A description comes in one part, and so does what stands for a whole.
        let flags = MultipartFlags(u16::from(matches!(body, Reply::Flow(_) | Reply::PortStats(_)) && draw.dice.once_in(2)));
        all.push(Message::MultipartReply(MultipartReply { flags, body }));
    }
    all
}

fn flows(draw: &mut Draw) -> FlowStatsRequest {
    FlowStatsRequest {
        table_id: draw.u8(),
        out_port: PortNo(draw.dice.one(&[0xffff_ffff, 5])),
        out_group: draw.dice.one(&[OFPG_ANY, 5]),
        cookie: draw.u64(),
        cookie_mask: draw.u64(),
        matching: matching(draw).0,
    }
}

fn requests(draw: &mut Draw) -> Vec<Request> {
    let mut all = vec![
        Request::Desc,
        Request::Flow(flows(draw)),
        Request::Aggregate(flows(draw)),
        Request::Table,
        Request::PortStats(PortStatsRequest { port_no: PortNo(draw.dice.one(&[0xffff_ffff, 5])) }),
        Request::Queue(QueueStatsRequest { port_no: PortNo(draw.dice.one(&[0xffff_ffff, 5])), queue_id: draw.u32() }),
        Request::Group(draw.u32()),
        Request::GroupDesc,
        Request::GroupFeatures,
        Request::Meter(draw.u32()),
        Request::MeterConfig(draw.u32()),
        Request::MeterFeatures,
        Request::TableFeatures(Vec::new()),
        Request::PortDesc,
    ];
    if draw.anything() {
        all.push(Request::TableFeatures(draw.some(table_features)));
        all.push(Request::Experimenter { experimenter: draw.u32(), exp_type: draw.u32(), data: draw.data(30) });
    }
    all
}

fn replies(draw: &mut Draw) -> Vec<Reply> {
    let mut all = vec![
        Reply::Desc(Box::new(Desc {
            mfr_desc: draw.text(),
            hw_desc: draw.text(),
            sw_desc: draw.text(),
            serial_num: draw.text(),
            dp_desc: draw.text(),
        })),
        Reply::Flow(draw.some(flow_stats)),
        Reply::Aggregate(AggregateStats { packet_count: draw.u64(), byte_count: draw.u64(), flow_count: draw.u32() }),
        Reply::Table(draw.some(|draw| TableStats {
            table_id: draw.u8(),
            active_count: draw.u32(),
            lookup_count: draw.u64(),
            matched_count: draw.u64(),
        })),
        Reply::PortStats(draw.some(port_stats)),
        Reply::Queue(draw.some(|draw| QueueStats {
            port_no: physical(draw),
            queue_id: draw.u32(),
            tx_bytes: draw.u64(),
            tx_packets: draw.u64(),
            tx_errors: draw.u64(),
            duration_sec: draw.u32(),
            duration_nsec: draw.u32(),
        })),
        Reply::PortDesc(draw.some(port)),
        Reply::TableFeatures(tables(draw)),
    ];
    if draw.anything() {
        all.push(Reply::Experimenter { experimenter: draw.u32(), exp_type: draw.u32(), data: draw.data(30) });
    }
    all
}

fn groups_and_meters(draw: &mut Draw) -> Vec<Reply> {
    let numbers = |draw: &mut Draw| [draw.u32(), draw.u32(), draw.u32(), draw.u32()];
    vec![
        Reply::Group(draw.some(group_stats)),
        Reply::GroupDesc(draw.some(|draw| {
            let kind = GroupType(draw.below(4) as u8);
            GroupDesc { kind, group_id: draw.bits(31) as u32, buckets: buckets(draw, kind) }
        })),
        Reply::GroupFeatures(GroupFeatures {
            types: draw.bits(4) as u32,
            capabilities: GroupCapabilities(draw.bits(4) as u32),
            max_groups: numbers(draw),
            actions: numbers(draw),
        }),
        Reply::Meter(draw.some(meter_stats)),
        Reply::MeterConfig(draw.some(|draw| {
            let mut bands = draw.some(band);
            if draw.anything() {
                let (rate, burst_size) = (draw.u32(), draw.u32());
                bands.push(MeterBand::Experimenter { rate, burst_size, experimenter: draw.u32(), data: draw.eights(20) });
            }
            MeterConfig { flags: MeterFlags::KBPS, meter_id: 1 + draw.bits(16) as u32, bands }
        })),
        Reply::MeterFeatures(MeterFeatures {
            max_meter: draw.u32(),
            band_types: draw.bits(2) as u32 * 2,
            capabilities: draw.bits(4) as u32,
            max_bands: draw.u8(),
            max_color: draw.u8(),
        }),
    ]
}

pub(super) fn port(draw: &mut Draw) -> Port {
    Port {
        port_no: physical(draw),
        hw_addr: draw.mac(),
        name: draw.text(),
        config: PortConfig(draw.bits(7) as u32 & 0x65),
        state: PortState(draw.bits(3) as u32),
        curr: PortFeatures(draw.bits(16) as u32),
        advertised: PortFeatures(draw.bits(16) as u32),
        supported: PortFeatures(draw.bits(16) as u32),
        peer: PortFeatures(draw.bits(16) as u32),
        curr_speed: draw.u32(),
        max_speed: draw.u32(),
    }
}

fn flow_stats(draw: &mut Draw) -> FlowStats {
    let (matching, packets) = matching(draw);
    FlowStats {
        table_id: draw.bits(6) as u8,
        duration_sec: draw.u32(),
        duration_nsec: draw.u32(),
        priority: draw.u16(),
        idle_timeout: draw.u16(),
        hard_timeout: draw.u16(),
        flags: FlowModFlags(draw.bits(5) as u16),
        cookie: draw.u64(),
        packet_count: draw.u64(),
        byte_count: draw.u64(),
        matching,
        instructions: instructions(draw, packets),
    }
}

fn port_stats(draw: &mut Draw) -> PortStats {
    PortStats {
        port_no: physical(draw),
        rx_packets: draw.u64(),
        tx_packets: draw.u64(),
        rx_bytes: draw.u64(),
        tx_bytes: draw.u64(),
        rx_dropped: draw.u64(),
        tx_dropped: draw.u64(),
        rx_errors: draw.u64(),
        tx_errors: draw.u64(),
        rx_frame_err: draw.u64(),
        rx_over_err: draw.u64(),
        rx_crc_err: draw.u64(),
        collisions: draw.u64(),
        duration_sec: draw.u32(),
        duration_nsec: draw.u32(),
    }
}

fn group_stats(draw: &mut Draw) -> GroupStats {
    GroupStats {
        group_id: draw.u32(),
        ref_count: draw.u32(),
        packet_count: draw.u64(),
        byte_count: draw.u64(),
        duration_sec: draw.u32(),
        duration_nsec: draw.u32(),
        bucket_stats: draw.some(|draw| BucketCounter { packet_count: draw.u64(), byte_count: draw.u64() }),
    }
}

fn meter_stats(draw: &mut Draw) -> MeterStats {
    MeterStats {
        meter_id: draw.u32(),
        flow_count: draw.u32(),
        packet_in_count: draw.u64(),
        byte_in_count: draw.u64(),
        duration_sec: draw.u32(),
        duration_nsec: draw.u32(),
        band_stats: draw.some(|draw| MeterBandStats { packet_band_count: draw.u64(), byte_band_count: draw.u64() }),
    }
}

/// One table at the least: a switch without tables is none.
fn tables(draw: &mut Draw) -> Vec<TableFeatures> {
    let times = 1 + draw.below(3);
    draw.times(times, table_features)
}

/// A table with every property once, as a switch has to tell them.
fn table_features(draw: &mut Draw) -> TableFeatures {
    let elements = |numbers: &[u16]| TableFeatureBody::Elements(numbers.iter().copied().map(ElementId::standard).collect());
    let oxms = || TableFeatureBody::Oxms(vec![0x8000_0004, 0x8000_0a02, 0x8000_1604, 0x8000_1a02]);
    let mut properties = Vec::new();
    for number in [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15] {
        let body = match number {
            0 | 1 => elements(&[1, 2, 3, 4, 5, 6]),
            2 | 3 => TableFeatureBody::NextTables((100..100 + draw.below(20) as u8).collect()),
            4..=7 => elements(&[0, 17, 18, 21, 22, 23, 24, 25]),
            _ => oxms(),
        };
        properties.push(TableFeatureProp { kind: TableFeaturePropType(number), body });
    }
    if draw.anything() {
        let kind = TableFeaturePropType(draw.dice.one(&[0xfffe, 0xffff]));
        properties.push(TableFeatureProp { kind, body: TableFeatureBody::Experimenter(draw.eights(24)) });
    }
    TableFeatures {
        table_id: draw.bits(6) as u8,
        name: draw.text(),
        metadata_match: draw.u64(),
        metadata_write: draw.u64(),
        config: draw.bits(2) as u32,
        max_entries: draw.u32(),
        properties,
    }
}
