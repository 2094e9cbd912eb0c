//! Queues in the words of OpenFlow 1.3: what is told of them. They are made with the switch; no message of this version changes them.

use openflow::v13::{
    OFPQ_ALL, PacketQueue, PortNo, QueueGetConfigReply, QueueOpFailed, QueueProperty, QueueStats, QueueStatsRequest,
};

use super::Refusal;
use crate::switch::datapath::Datapath;
use crate::switch::port::{Counted, Port};

/// The queues of one port, or of all.
fn chosen(wanted: PortNo, datapath: &Datapath) -> Result<impl Iterator<Item = (&Port, &Counted)>, Refusal> {
    let known = wanted.physical().is_some_and(|port| datapath.ports.contains_key(&port));
    if !known && wanted != PortNo::ANY {
        return Err(QueueOpFailed::BAD_PORT.into());
    }
    let ports = datapath.ports.values().filter(move |port| wanted == PortNo::ANY || wanted.physical() == Some(port.number));
    Ok(ports.flat_map(|port| port.queues.values().map(move |queue| (port, queue))))
}

pub(super) fn configurations(port: PortNo, datapath: &Datapath) -> Result<QueueGetConfigReply, Refusal> {
    let queues = chosen(port, datapath)?.map(|(port, Counted { queue, .. })| {
        let least = queue.min_rate.map(QueueProperty::MinRate);
        let most = queue.max_rate.map(QueueProperty::MaxRate);
        PacketQueue { queue_id: queue.id, port: port.number.into(), properties: least.into_iter().chain(most).collect() }
    });
    Ok(QueueGetConfigReply { port, queues: queues.collect() })
}

pub(super) fn statistics(wanted: &QueueStatsRequest, datapath: &Datapath) -> Result<Vec<QueueStats>, Refusal> {
    let told: Vec<QueueStats> = chosen(wanted.port_no, datapath)?
        .filter(|(_, counted)| wanted.queue_id == OFPQ_ALL || counted.queue.id == wanted.queue_id)
        .map(|(port, counted)| QueueStats {
            port_no: port.number.into(),
            queue_id: counted.queue.id,
            tx_bytes: counted.bytes,
            tx_packets: counted.packets,
            tx_errors: 0,
            // Nobody told the switch when it was switched on.
            duration_sec: 0,
            duration_nsec: 0,
        })
        .collect();
    if told.is_empty() && wanted.queue_id != OFPQ_ALL { Err(QueueOpFailed::BAD_QUEUE.into()) } else { Ok(told) }
}
