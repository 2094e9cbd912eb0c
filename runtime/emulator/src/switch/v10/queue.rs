//! Queues in the words of OpenFlow 1.0: what is told of them. They are made with the switch; no message of this version changes them.

use openflow::v10::{
    OFPQ_ALL, PacketQueue, PortNo as Wire, QueueGetConfigReply, QueueOpFailed, QueueProperty, QueueStats, QueueStatsRequest,
};

use super::Refusal;
use crate::switch::datapath::Datapath;
use crate::switch::port::{Counted, Port};

/// A port that has queues of its own.
fn port(wanted: Wire, datapath: &Datapath) -> Result<&Port, Refusal> {
    wanted.physical().and_then(|port| datapath.ports.get(&port)).ok_or(QueueOpFailed::BAD_PORT.into())
}

/// This version has no word for the rate that a queue is held to.
pub(super) fn configurations(wanted: Wire, datapath: &Datapath) -> Result<QueueGetConfigReply, Refusal> {
    let queues = port(wanted, datapath)?.queues.values().map(|Counted { queue, .. }| PacketQueue {
        queue_id: queue.id,
        properties: queue.min_rate.map(QueueProperty::MinRate).into_iter().collect(),
    });
    Ok(QueueGetConfigReply { port: wanted, queues: queues.collect() })
}

pub(super) fn statistics(wanted: &QueueStatsRequest, datapath: &Datapath) -> Result<Vec<QueueStats>, Refusal> {
    let ports: Vec<&Port> = match wanted.port_no {
        Wire::ALL => datapath.ports.values().collect(),
        one => vec![port(one, datapath)?],
    };
    let queues = ports.into_iter().flat_map(|port| port.queues.values().map(move |queue| (port, queue)));
    let told: Vec<QueueStats> = queues
        .filter(|(_, counted)| wanted.queue_id == OFPQ_ALL || counted.queue.id == wanted.queue_id)
        .filter_map(|(port, counted)| {
            Some(QueueStats {
                port_no: Wire::of(port.number)?,
                queue_id: counted.queue.id,
                tx_bytes: counted.bytes,
                tx_packets: counted.packets,
                tx_errors: 0,
            })
        })
        .collect();
    if told.is_empty() && wanted.queue_id != OFPQ_ALL { Err(QueueOpFailed::BAD_QUEUE.into()) } else { Ok(told) }
}
