//! A port of the switch: its state, its configuration and its counters. Knows nothing of what is behind it.

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
    pub(super) fn new(dpid: Dpid, number: PortNo) -> Port {
        let [.., d0, d1, d2] = dpid.0.to_be_bytes();
        let [.., p0, p1] = number.0.to_be_bytes();
        Port {
            number,
            mac: MacAddr([0x0e, d0, d1, d2, p0, p1]),
            link: true,
            config: PortConfig::default(),
            counters: Counters::default(),
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
