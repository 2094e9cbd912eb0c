//! A port of the switch: its state, its configuration and its counters. Knows nothing of what is behind it.

use std::collections::BTreeMap;

use net::{Dpid, MacAddr, PortNo};

/// A port.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) number: PortNo,
    pub(super) mac: MacAddr,
    /// True while there is a signal on the cable.
    pub(super) link: bool,
    pub(super) config: PortConfig,
    pub(super) counters: Counters,
    pub(super) queues: BTreeMap<u32, Counted>,
}

/// A queue of a port. Nothing waits in it: it counts what would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its number at the port.
    pub id: u32,
    /// The rate that it is promised, in tenths of a percent of the port's.
    pub min_rate: Option<u16>,
    /// The rate that it is held to, likewise.
    pub max_rate: Option<u16>,
}

/// A queue with what was sent through it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) queue: Queue,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// What the controller has configured with port-mod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PortConfig {
    /// Administratively down.
    pub(super) down: bool,
    /// Drops what it receives.
    pub(super) no_recv: bool,
    /// Left out of floods; OpenFlow 1.0 only.
    pub(super) no_flood: bool,
    /// Drops what is to be sent.
    pub(super) no_fwd: bool,
    /// Sends no table misses to the controller.
    pub(super) no_packet_in: bool,
}

/// The counters of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets dropped on receipt.
    pub rx_dropped: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets dropped on sending.
    pub tx_dropped: u64,
}

impl Port {
    pub(super) fn new(dpid: Dpid, number: PortNo, queues: &[(PortNo, Queue)]) -> Port {
        let own = queues.iter().filter(|(port, _)| *port == number);
        let [.., d0, d1, d2] = dpid.0.to_be_bytes();
        let [.., p0, p1] = number.0.to_be_bytes();
        Port {
            number,
            mac: MacAddr([0x0e, d0, d1, d2, p0, p1]),
            link: true,
            config: PortConfig::default(),
            counters: Counters::default(),
            queues: own.map(|(_, queue)| (queue.id, Counted { queue: *queue, packets: 0, bytes: 0 })).collect(),
        }
    }

    pub(super) fn name(&self) -> String {
        format!("port{}", self.number)
    }

    /// True if frames can pass at all.
    pub(super) fn is_live(&self) -> bool {
        self.link && !self.config.down
    }
}
