//! Messages of OpenFlow 1.0.

use net::Dpid;
use openflow::Hello;
use openflow::v10::{
    Action, AggregateStats, Capabilities, ConfigFlags, DescStats, Error, ErrorType, FeaturesReply, FlowMod, FlowModCommand,
    FlowModFlags, FlowRemoved, FlowRemovedReason, FlowStats, FlowStatsRequest, Match, Message, OFP_NO_BUFFER, OFP_VLAN_NONE,
    PacketIn, PacketInReason, PacketOut, PacketQueue, PhyPort, PortConfig, PortFeatures, PortMod, PortNo, PortReason, PortState,
    PortStats, PortStatus, QueueGetConfigReply, QueueGetConfigRequest, QueueProperty, QueueStats, QueueStatsRequest, StatsFlags,
    StatsReply, StatsReplyBody, StatsRequest, StatsRequestBody, SwitchConfig, TableStats, Wildcards,
};

use super::{Draw, quoted};

/// One of every kind.
pub(super) fn messages(draw: &mut Draw) -> Vec<Message> {
    let mut all = vec![
        Message::Hello(Hello { version: 1, bitmap: None }),
        Message::Error(Error { kind: ErrorType(draw.below(6) as u16), code: draw.below(2) as u16, data: quoted(1) }),
        Message::EchoRequest(draw.data(40)),
        Message::EchoReply(draw.data(40)),
        Message::FeaturesRequest,
        Message::FeaturesReply(FeaturesReply {
            datapath_id: Dpid(draw.u64()),
            n_buffers: draw.u32(),
            n_tables: draw.u8(),
            capabilities: Capabilities(draw.bits(8) as u32),
            actions: draw.bits(12) as u32,
            ports: draw.some(port),
        }),
        Message::GetConfigRequest,
        Message::GetConfigReply(config(draw)),
        Message::SetConfig(config(draw)),
        packet_in(draw),
        Message::FlowRemoved(removed(draw)),
        Message::PortStatus(PortStatus { reason: PortReason(draw.below(3) as u8), desc: port(draw) }),
        Message::PacketOut(PacketOut {
            buffer_id: OFP_NO_BUFFER,
            in_port: physical(draw),
            actions: draw.some(action),
            data: draw.data(90),
        }),
        Message::PacketOut(PacketOut {
            buffer_id: draw.below(900) as u32,
            in_port: PortNo::NONE,
            actions: draw.some(action),
            data: draw.data(0),
        }),
        Message::FlowMod(entry(draw)),
        Message::PortMod(PortMod {
            port_no: physical(draw),
            hw_addr: draw.mac(),
            config: PortConfig(draw.bits(7) as u32),
            mask: PortConfig(draw.bits(7) as u32),
            advertise: PortFeatures(draw.bits(12) as u32),
        }),
        Message::BarrierRequest,
        Message::BarrierReply,
        Message::QueueGetConfigRequest(QueueGetConfigRequest { port: physical(draw) }),
        Message::QueueGetConfigReply(QueueGetConfigReply { port: physical(draw), queues: draw.some(queue) }),
    ];
    all.extend(requests(draw).into_iter().map(|body| Message::StatsRequest(StatsRequest { flags: StatsFlags::NONE, body })));
    for body in replies(draw) {
        all.push(Message::StatsReply(StatsReply { flags: StatsFlags(draw.below(2) as u16), body }));
    }
    if draw.anything() {
        all.push(Message::Vendor { vendor: draw.u32(), data: draw.data(30) });
    }
    all
}

fn config(draw: &mut Draw) -> SwitchConfig {
    SwitchConfig { flags: ConfigFlags(draw.below(3) as u16), miss_send_len: draw.u16() }
}

fn physical(draw: &mut Draw) -> PortNo {
    PortNo(1 + draw.bits(15) as u16)
}

/// A port that a packet can be sent to.
fn target(draw: &mut Draw) -> PortNo {
    let special = [0xfff8, 0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe];
    if draw.dice.once_in(3) { PortNo(draw.dice.one(&special)) } else { physical(draw) }
}

fn port(draw: &mut Draw) -> PhyPort {
    PhyPort {
        port_no: physical(draw),
        hw_addr: draw.mac(),
        name: draw.text(),
        config: PortConfig(draw.bits(7) as u32),
        state: PortState(draw.dice.one(&[0, 1, 0x100, 0x200, 0x300, 0x301])),
        curr: PortFeatures(draw.bits(12) as u32),
        advertised: PortFeatures(draw.bits(12) as u32),
        supported: PortFeatures(draw.bits(12) as u32),
        peer: PortFeatures(draw.bits(12) as u32),
    }
}

fn packet_in(draw: &mut Draw) -> Message {
    let data = draw.data(90);
    Message::PacketIn(PacketIn {
        buffer_id: draw.dice.one(&[1, 0x1234, OFP_NO_BUFFER]),
        total_len: data.len() as u16,
        in_port: physical(draw),
        reason: PacketInReason(draw.below(2) as u8),
        data,
    })
}

fn matching(draw: &mut Draw) -> Match {
    Match {
        wildcards: Wildcards(
            draw.bits(22) as u32 & !(0x3f << 8) & !(0x3f << 14) | (draw.below(33) as u32) << 8 | (draw.below(33) as u32) << 14,
        ),
        in_port: physical(draw),
        dl_src: draw.mac(),
        dl_dst: draw.mac(),
        dl_vlan: if draw.dice.once_in(4) { OFP_VLAN_NONE } else { draw.bits(12) as u16 },
        dl_vlan_pcp: draw.bits(3) as u8,
        dl_type: draw.dice.one(&[0x0800, 0x0806, 0x86dd, 0x88cc]),
        nw_tos: (draw.bits(6) as u8) << 2,
        nw_proto: draw.dice.one(&[1, 6, 17, 2]),
        nw_src: draw.u32().into(),
        nw_dst: draw.u32().into(),
        tp_src: draw.u16(),
        tp_dst: draw.u16(),
    }
}

fn action(draw: &mut Draw) -> Action {
    match draw.below(if draw.anything() { 13 } else { 12 }) {
        0 => Action::Output { port: target(draw), max_len: draw.u16() },
        1 => Action::SetVlanVid(draw.bits(12) as u16),
        2 => Action::SetVlanPcp(draw.bits(3) as u8),
        3 => Action::StripVlan,
        4 => Action::SetDlSrc(draw.mac()),
        5 => Action::SetDlDst(draw.mac()),
        6 => Action::SetNwSrc(draw.u32().into()),
        7 => Action::SetNwDst(draw.u32().into()),
        8 => Action::SetNwTos((draw.bits(6) as u8) << 2),
        9 => Action::SetTpSrc(draw.u16()),
        10 => Action::SetTpDst(draw.u16()),
        11 => Action::Enqueue { port: physical(draw), queue_id: draw.u32() },
        _ => Action::Vendor { vendor: draw.u32(), data: draw.eights(24) },
    }
}

fn entry(draw: &mut Draw) -> FlowMod {
    FlowMod {
        matching: matching(draw),
        cookie: draw.u64(),
        command: FlowModCommand(draw.below(5) as u16),
        idle_timeout: draw.u16(),
        hard_timeout: draw.u16(),
        priority: draw.u16(),
        buffer_id: OFP_NO_BUFFER,
        out_port: PortNo(draw.dice.one(&[PortNo::NONE.0, 5, 0xfffe])),
        flags: FlowModFlags(draw.bits(2) as u16),
        actions: draw.some(action),
    }
}

fn removed(draw: &mut Draw) -> FlowRemoved {
    FlowRemoved {
        matching: matching(draw),
        cookie: draw.u64(),
        priority: draw.u16(),
        reason: FlowRemovedReason(draw.below(3) as u8),
        duration_sec: draw.u32(),
        duration_nsec: draw.u32(),
        idle_timeout: draw.u16(),
        packet_count: draw.u64(),
        byte_count: draw.u64(),
    }
}

fn queue(draw: &mut Draw) -> PacketQueue {
    PacketQueue { queue_id: draw.u32(), properties: draw.some(|draw| QueueProperty::MinRate(draw.bits(10) as u16)) }
}

fn flows(draw: &mut Draw) -> FlowStatsRequest {
    FlowStatsRequest { matching: matching(draw), table_id: draw.u8(), out_port: PortNo(draw.dice.one(&[0xffff, 3])) }
}

fn requests(draw: &mut Draw) -> Vec<StatsRequestBody> {
    let mut all = vec![
        StatsRequestBody::Desc,
        StatsRequestBody::Flow(flows(draw)),
        StatsRequestBody::Aggregate(flows(draw)),
        StatsRequestBody::Table,
        StatsRequestBody::Port(PortNo(draw.dice.one(&[0xffff, 3]))),
        StatsRequestBody::Queue(QueueStatsRequest { port_no: PortNo(draw.dice.one(&[0xfffc, 3])), queue_id: draw.u32() }),
        StatsRequestBody::PortDesc,
    ];
    if draw.anything() {
        all.push(StatsRequestBody::Vendor { vendor: draw.u32(), data: draw.data(30) });
    }
    all
}

fn replies(draw: &mut Draw) -> Vec<StatsReplyBody> {
    let mut all = vec![
        StatsReplyBody::Desc(Box::new(DescStats {
            mfr_desc: draw.text(),
            hw_desc: draw.text(),
            sw_desc: draw.text(),
            serial_num: draw.text(),
            dp_desc: draw.text(),
        })),
        StatsReplyBody::Flow(draw.some(flow_stats)),
        StatsReplyBody::Aggregate(AggregateStats { packet_count: draw.u64(), byte_count: draw.u64(), flow_count: draw.u32() }),
        StatsReplyBody::Table(draw.some(|draw| TableStats {
            table_id: draw.u8(),
            name: draw.text(),
            wildcards: Wildcards(draw.bits(22) as u32),
            max_entries: draw.u32(),
            active_count: draw.u32(),
            lookup_count: draw.u64(),
            matched_count: draw.u64(),
        })),
        StatsReplyBody::Port(draw.some(port_stats)),
        StatsReplyBody::Queue(draw.some(|draw| QueueStats {
            port_no: physical(draw),
            queue_id: draw.u32(),
            tx_bytes: draw.u64(),
            tx_packets: draw.u64(),
            tx_errors: draw.u64(),
        })),
        StatsReplyBody::PortDesc(draw.some(port)),
    ];
    if draw.anything() {
        all.push(StatsReplyBody::Vendor { vendor: draw.u32(), data: draw.data(30) });
    }
    all
}

fn flow_stats(draw: &mut Draw) -> FlowStats {
    FlowStats {
        table_id: draw.u8(),
        matching: matching(draw),
        duration_sec: draw.u32(),
        duration_nsec: draw.u32(),
        priority: draw.u16(),
        idle_timeout: draw.u16(),
        hard_timeout: draw.u16(),
        cookie: draw.u64(),
        packet_count: draw.u64(),
        byte_count: draw.u64(),
        actions: draw.some(action),
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
    }
}
