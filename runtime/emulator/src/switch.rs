//! A software switch with a real OpenFlow pipeline, 1.0 and 1.3: bytes from the controller and frames from the ports in, bytes and
//! frames out. Does no I/O and reads no clock; knows nothing of what its ports lead to.

mod action;
mod change;
mod datapath;
mod group;
mod key;
mod meter;
mod port;
mod rewrite;
mod session;
mod table;
mod v10;
mod v13;

use bytes::Bytes;
use net::{Dpid, FlowMatch, MacAddr, PortNo, Time};

pub use action::{Action, Instructions, Set, Target};
pub use port::{Counters, Queue};

use datapath::{Datapath, Event};
use port::Port;
use session::Session;
use table::{Entry, Spelling};

/// How a switch is made.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// Its identity.
    pub dpid: Dpid,
    /// Its ports.
    pub ports: Vec<PortNo>,
    /// The versions of OpenFlow that it offers: 1 for 1.0, 4 for 1.3.
    pub versions: Vec<u8>,
    /// How many tables it has; OpenFlow 1.0 uses the first only.
    pub tables: u8,
    /// How many entries each table holds.
    pub capacity: usize,
    /// How many packets it holds back for the controller; with none, packet-ins carry whole packets.
    pub buffers: usize,
    /// How many meters it holds; OpenFlow 1.0 has none.
    pub meters: u32,
    /// The queues of its ports, beside the one that each has for what names none.
    pub queues: Vec<(PortNo, Queue)>,
}

impl SwitchConfig {
    /// A switch with ports 1 to `ports`, both versions, 8 tables of 1,000,000 entries, 1024 meters, without
    /// buffers and queues.
    #[must_use]
    pub fn new(dpid: Dpid, ports: u32) -> SwitchConfig {
        SwitchConfig {
            dpid,
            ports: (1..=ports).map(PortNo).collect(),
            versions: vec![1, 4],
            tables: 8,
            capacity: 1_000_000,
            buffers: 0,
            meters: 1024,
            queues: Vec::new(),
        }
    }
}

/// Names a controller of one switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControllerId(pub u8);

impl ControllerId {
    /// The one controller of a switch that has no others.
    pub const FIRST: ControllerId = ControllerId(0);
}

/// What a switch wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// One whole OpenFlow message to a controller.
    Controller(ControllerId, Bytes),
    /// A frame out of a port.
    Port(PortNo, Bytes),
    /// The connection to a controller is closed, after what was sent before.
    Close(ControllerId),
}

/// An entry, as tests see it.
#[derive(Clone, Debug)]
pub struct FlowView<'a> {
    /// Its table.
    pub table: u8,
    /// Its priority.
    pub priority: u16,
    /// Its match, where the version-independent form can express it.
    pub matching: Option<FlowMatch>,
    /// What it does.
    pub instructions: &'a Instructions,
    /// Its cookie.
    pub cookie: u64,
    /// Seconds without a packet after which it goes; 0 for never.
    pub idle_timeout: u16,
    /// Seconds after which it goes; 0 for never.
    pub hard_timeout: u16,
    /// Packets that it matched.
    pub packets: u64,
    /// Bytes that it matched.
    pub bytes: u64,
    /// When it was added.
    pub installed: Time,
}

/// A software switch.
#[derive(Debug)]
pub struct Switch {
    config: SwitchConfig,
    datapath: Datapath,
    session: Session,
}

impl Switch {
    /// A switch without entries and without a connection; every port is up.
    #[must_use]
    pub fn new(config: SwitchConfig) -> Switch {
        let ports = config.ports.iter().map(|number| Port::new(config.dpid, *number, &config.queues));
        let datapath = Datapath::new(ports, &config);
        Switch { datapath, session: Session::new(&config.versions), config }
    }

    /// Its identity.
    #[must_use]
    pub fn dpid(&self) -> Dpid {
        self.config.dpid
    }

    /// The version agreed with the first controller.
    #[must_use]
    pub fn version(&self) -> Option<u8> {
        self.session.version(ControllerId::FIRST)
    }

    /// True from [`Switch::connect`] until that connection ends.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session.is_connected(ControllerId::FIRST)
    }

    /// The connection to the first controller stands: a HELLO goes out.
    pub fn connect(&mut self, now: Time) -> Vec<Output> {
        self.connect_to(ControllerId::FIRST, now)
    }

    /// The connection to a controller stands: a HELLO goes out. While another is connected, its version alone is offered.
    pub fn connect_to(&mut self, controller: ControllerId, _now: Time) -> Vec<Output> {
        self.session.connect(controller).into_iter().map(|hello| Output::Controller(controller, hello)).collect()
    }

    /// The first connection is gone. Entries stay and go on forwarding ("fail secure", OpenFlow 1.3.5 §6.3.2).
    pub fn disconnect(&mut self) {
        self.disconnect_from(ControllerId::FIRST);
    }

    /// A connection is gone. Others stay.
    pub fn disconnect_from(&mut self, controller: ControllerId) {
        self.session.disconnect(controller);
    }

    /// Loses connections, entries, groups, meters and configuration, as after a power cut.
    pub fn reboot(&mut self) {
        self.session.forget();
        self.datapath.clear();
    }

    /// Bytes from the first controller, cut anywhere.
    pub fn from_controller(&mut self, bytes: &[u8], now: Time) -> Vec<Output> {
        self.from(ControllerId::FIRST, bytes, now)
    }

    /// Bytes from a controller, cut anywhere.
    pub fn from(&mut self, controller: ControllerId, bytes: &[u8], now: Time) -> Vec<Output> {
        let mut out = Vec::new();
        self.session.receive((controller, bytes), &self.config, &mut self.datapath, now, &mut out);
        out
    }

    /// A frame from the wire at a port.
    pub fn from_port(&mut self, port: PortNo, frame: impl Into<Bytes>, now: Time) -> Vec<Output> {
        let mut events = Vec::new();
        self.datapath.receive(port, frame.into(), now, &mut events);
        self.outputs(events)
    }

    /// Lets entries expire; to be called at [`Switch::deadline`] or later.
    pub fn tick(&mut self, now: Time) -> Vec<Output> {
        let mut events = Vec::new();
        self.datapath.tick(now, &mut events);
        self.outputs(events)
    }

    /// When an entry may expire next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.datapath.deadline()
    }

    /// The cable at a port gets or loses its signal.
    pub fn set_port(&mut self, port: PortNo, up: bool, _now: Time) -> Vec<Output> {
        match self.datapath.ports.get_mut(&port) {
            Some(found) if found.link != up => {
                found.link = up;
                self.outputs(vec![Event::PortChanged(port)])
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// The counters of a port.
    #[must_use]
    pub fn counters(&self, port: PortNo) -> Option<Counters> {
        self.datapath.ports.get(&port).map(|port| port.counters)
    }

    /// The hardware address of a port.
    #[must_use]
    pub fn port_mac(&self, port: PortNo) -> Option<MacAddr> {
        self.datapath.ports.get(&port).map(|port| port.mac)
    }

    /// The numbers of its ports, in order.
    pub fn ports(&self) -> impl Iterator<Item = PortNo> {
        self.datapath.ports.keys().copied()
    }

    /// The numbers of its meters.
    pub fn meters(&self) -> impl Iterator<Item = u32> {
        self.datapath.meters.by_number.keys().copied()
    }

    /// The numbers of its groups.
    pub fn groups(&self) -> impl Iterator<Item = u32> {
        self.datapath.groups.0.keys().copied()
    }

    /// Every entry, in no stated order within a table.
    pub fn flows(&self) -> impl Iterator<Item = FlowView<'_>> {
        (0_u8..)
            .zip(&self.datapath.tables)
            .flat_map(|(number, table)| table.iter().map(move |(_, entry)| FlowView::of(number, entry)))
    }

    fn outputs(&self, events: Vec<Event>) -> Vec<Output> {
        let mut out = Vec::new();
        self.session.tell(&self.datapath, events, &mut out);
        out
    }
}

impl<'a> FlowView<'a> {
    fn of(table: u8, entry: &'a Entry) -> FlowView<'a> {
        FlowView {
            table,
            priority: entry.priority,
            matching: match &*entry.spelling {
                Spelling::V10 { matching, .. } => matching.to_flow(),
                Spelling::V13 { matching, .. } => matching.to_flow(),
            },
            instructions: &entry.instructions,
            cookie: entry.cookie,
            idle_timeout: entry.idle_timeout,
            hard_timeout: entry.hard_timeout,
            packets: entry.packets,
            bytes: entry.bytes,
            installed: entry.installed,
        }
    }
}

#[cfg(test)]
mod tests;
