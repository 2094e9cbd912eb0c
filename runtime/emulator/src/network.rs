//! Switches, hosts and boxes joined by cables, in simulated time: frames are delivered in order, timers fire when they are due.
//! Controller traffic goes in and out as bytes. Does no I/O and reads no clock; knows nothing of policy.

mod jitter;
mod node;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use net::{Dpid, Location, PortNo, Time};

use crate::gateway::Gateway;
use crate::host::Host;
use crate::middlebox::{Middlebox, Side};
use crate::switch::{ControllerId, Output, Switch, SwitchConfig};

pub use node::{Node, NodeId};

use jitter::{Jitter, Lane};
use node::Attached;

/// Switches and boxes that a frame may pass before it is taken for looping.
const HOPS: u16 = 64;
/// Frames under way at a time: more are a storm, and are dropped.
const UNDER_WAY: usize = 100_000;
/// Deliveries to nodes that are remembered.
const REMEMBERED: usize = 10_000;

/// The far end of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Port(Location),
    Node(NodeId, Side),
    /// A plain switch that sends what one port sends to all others.
    Segment(usize),
}

#[derive(Clone, Copy, Debug)]
struct Cable {
    far: End,
    up: bool,
}

/// What is under way.
#[derive(Debug)]
enum Flying {
    Frame {
        to: End,
        frame: Bytes,
        hops: u16,
    },
    /// From a switch to its controller.
    Up(Dpid, Bytes),
    /// From a controller to its switch.
    Down(Dpid, Bytes),
}

/// A frame that reached a node.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// When.
    pub at: Time,
    /// The node.
    pub node: NodeId,
    /// Which of its cables.
    pub side: Side,
    /// The frame.
    pub frame: Bytes,
}

/// What went wrong, or at least was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Frames dropped after 64 hops.
    pub loops: u64,
    /// Frames dropped because too many were under way.
    pub storm: u64,
    /// Frames sent into a cable that is down or is not there.
    pub unplugged: u64,
}

/// A network.
#[derive(Debug)]
pub struct Network {
    switches: BTreeMap<Dpid, Switch>,
    nodes: Vec<Attached>,
    cables: BTreeMap<Location, Cable>,
    segments: Vec<Vec<Location>>,
    flying: BTreeMap<(Time, u64), Flying>,
    order: u64,
    now: Time,
    latency: Duration,
    jitter: Option<Jitter>,
    to_controller: Vec<(Dpid, Bytes)>,
    closed: Vec<Dpid>,
    delivered: VecDeque<Delivered>,
    faults: Faults,
}

impl Network {
    /// An empty network whose cables delay each frame by `latency`.
    #[must_use]
    pub fn new(start: Time, latency: Duration) -> Network {
        Network {
            switches: BTreeMap::new(),
            nodes: Vec::new(),
            cables: BTreeMap::new(),
            segments: Vec::new(),
            flying: BTreeMap::new(),
            order: 0,
            now: start,
            latency,
            jitter: None,
            to_controller: Vec::new(),
            closed: Vec::new(),
            delivered: VecDeque::new(),
            faults: Faults::default(),
        }
    }

    /// From now on each frame, and each message between a switch and its controller, is late by up to `most`, as the seed says. Of
    /// what is sent on one cable or one connection the order is kept.
    pub fn delay_by_seed(&mut self, seed: u64, most: Duration) {
        self.jitter = Some(Jitter::new(seed, most));
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// What went wrong so far.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults
    }

    /// Adds a switch, or replaces the one with the same dpid; its ports are down until a cable is plugged in.
    pub fn add_switch(&mut self, config: SwitchConfig) {
        let mut switch = Switch::new(config);
        let ports: Vec<PortNo> = switch.ports().collect();
        for port in ports {
            switch.set_port(port, false, self.now);
        }
        self.switches.insert(switch.dpid(), switch);
    }

    /// A switch.
    #[must_use]
    pub fn switch(&self, dpid: Dpid) -> Option<&Switch> {
        self.switches.get(&dpid)
    }

    /// The switches, in order.
    pub fn switches(&self) -> impl Iterator<Item = &Switch> {
        self.switches.values()
    }

    /// Adds a node by one cable, or by two for a box in line: `at` is where its first cable goes, `out` its second.
    pub fn add_node(&mut self, name: &str, node: Node, at: Location, out: Option<Location>) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(Attached { name: name.to_owned(), node, at: Some(at), out });
        self.plug(at, End::Node(id, Side::In));
        if let Some(out) = out {
            self.plug(out, End::Node(id, Side::Out));
        }
        id
    }

    /// Joins two ports with a cable.
    pub fn link(&mut self, a: Location, b: Location) {
        self.plug(a, End::Port(b));
        self.plug(b, End::Port(a));
    }

    /// A fibre in one direction: what leaves `from` comes in at `to`. What leaves `to` goes where it went.
    pub fn wire(&mut self, from: Location, to: Location) {
        self.plug(from, End::Port(to));
        self.set_port(to, true);
    }

    /// Joins ports by a plain switch.
    pub fn segment(&mut self, ports: &[Location]) {
        for at in ports {
            self.plug(*at, End::Segment(self.segments.len()));
        }
        self.segments.push(ports.to_vec());
    }

    fn plug(&mut self, at: Location, far: End) {
        self.cables.insert(at, Cable { far, up: true });
        self.set_port(at, true);
    }

    fn set_port(&mut self, at: Location, up: bool) {
        let now = self.now;
        if let Some(switch) = self.switches.get_mut(&at.dpid) {
            let outputs = switch.set_port(at.port, up, now);
            self.carry(at.dpid, outputs, 0);
        }
    }

    fn set_cable(&mut self, at: Location, up: bool) {
        let Some(cable) = self.cables.get_mut(&at) else { return };
        cable.up = up;
        let far = cable.far;
        self.set_port(at, up);
        if let End::Port(other) = far {
            if let Some(cable) = self.cables.get_mut(&other) {
                cable.up = up;
            }
            self.set_port(other, up);
        }
    }

    /// Cuts the cable at a port; what is under way in it still arrives.
    pub fn cable_down(&mut self, at: Location) {
        self.set_cable(at, false);
    }

    /// Mends the cable at a port.
    pub fn cable_up(&mut self, at: Location) {
        self.set_cable(at, true);
    }

    /// Plugs a node's first cable out and into another port.
    pub fn move_node(&mut self, id: NodeId, to: Location) {
        let Some(attached) = self.nodes.get_mut(id.0) else { return };
        if let Some(from) = attached.at.replace(to) {
            self.cables.remove(&from);
            self.set_port(from, false);
        }
        self.plug(to, End::Node(id, Side::In));
    }

    /// The node with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|attached| attached.name == name).map(NodeId)
    }

    /// The nodes with their names, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &str, &Node)> {
        self.nodes.iter().enumerate().map(|(at, attached)| (NodeId(at), attached.name.as_str(), &attached.node))
    }

    /// Where a node's first cable goes.
    #[must_use]
    pub fn location(&self, id: NodeId) -> Option<Location> {
        self.nodes.get(id.0)?.at
    }

    /// A host.
    #[must_use]
    pub fn host(&self, id: NodeId) -> Option<&Host> {
        self.nodes.get(id.0)?.node.host()
    }

    /// A host, to make it talk: its frames go out with the next [`Network::step`].
    pub fn host_mut(&mut self, id: NodeId) -> Option<&mut Host> {
        self.nodes.get_mut(id.0)?.node.host_mut()
    }

    /// A gateway.
    #[must_use]
    pub fn gateway(&self, id: NodeId) -> Option<&Gateway> {
        self.nodes.get(id.0)?.node.gateway()
    }

    /// A gateway, to make it talk.
    pub fn gateway_mut(&mut self, id: NodeId) -> Option<&mut Gateway> {
        self.nodes.get_mut(id.0)?.node.gateway_mut()
    }

    /// A box.
    #[must_use]
    pub fn middlebox(&self, id: NodeId) -> Option<&Middlebox> {
        self.nodes.get(id.0)?.node.middlebox()
    }

    /// A box, to make it drop.
    pub fn middlebox_mut(&mut self, id: NodeId) -> Option<&mut Middlebox> {
        self.nodes.get_mut(id.0)?.node.middlebox_mut()
    }

    /// What is under way between a switch and its controller is lost with their connection.
    fn lose(&mut self, dpid: Dpid) {
        self.flying.retain(|_, flying| match flying {
            Flying::Frame { .. } => true,
            Flying::Up(other, _) | Flying::Down(other, _) => *other != dpid,
        });
    }

    /// Connects a switch to its controller: it says HELLO.
    pub fn connect(&mut self, dpid: Dpid) {
        let now = self.now;
        self.lose(dpid);
        if let Some(switch) = self.switches.get_mut(&dpid) {
            let outputs = switch.connect(now);
            self.carry(dpid, outputs, 0);
        }
    }

    /// Takes a switch's connection away; it goes on forwarding.
    pub fn disconnect(&mut self, dpid: Dpid) {
        self.lose(dpid);
        if let Some(switch) = self.switches.get_mut(&dpid) {
            switch.disconnect();
        }
    }

    /// Switches a switch off and on: tables empty, connection gone, same dpid.
    pub fn reboot(&mut self, dpid: Dpid) {
        self.lose(dpid);
        if let Some(switch) = self.switches.get_mut(&dpid) {
            switch.reboot();
            self.closed.push(dpid);
        }
    }

    /// Takes the messages for controllers out, in order.
    pub fn to_controller(&mut self) -> std::vec::Drain<'_, (Dpid, Bytes)> {
        self.to_controller.drain(..)
    }

    /// Takes out which switches have closed their connections.
    pub fn closed(&mut self) -> std::vec::Drain<'_, Dpid> {
        self.closed.drain(..)
    }

    /// Bytes from a switch's controller.
    pub fn from_controller(&mut self, dpid: Dpid, bytes: &[u8], now: Time) {
        self.now = self.now.max(now);
        match &mut self.jitter {
            Some(jitter) => {
                let due = jitter.due(Lane::Down(dpid), self.now);
                self.launch(due, Flying::Down(dpid, Bytes::copy_from_slice(bytes)));
            }
            None => self.hand_over(dpid, bytes),
        }
    }

    fn hand_over(&mut self, dpid: Dpid, bytes: &[u8]) {
        let now = self.now;
        if let Some(switch) = self.switches.get_mut(&dpid) {
            let outputs = switch.from_controller(bytes, now);
            self.carry(dpid, outputs, 0);
        }
    }

    fn launch(&mut self, due: Time, flying: Flying) {
        self.order += 1;
        self.flying.insert((due, self.order), flying);
    }

    /// The last frames that reached nodes, the newest last.
    pub fn delivered(&self) -> impl Iterator<Item = &Delivered> {
        self.delivered.iter()
    }

    /// Forgets the frames that reached nodes so far.
    pub fn forget_delivered(&mut self) {
        self.delivered.clear();
    }

    /// A node sends a frame of a test's own making.
    pub fn inject(&mut self, id: NodeId, frame: Bytes) {
        self.send_from(id, Side::In, frame, 0);
    }

    /// Does all that is due at the next moment at which something is due, unless that is after `until`; false if there was nothing,
    /// and the time is `until` then. What controllers are to hear should be handed to them between steps.
    pub fn step(&mut self, until: Time) -> bool {
        let next = self.deadline().map(|next| next.max(self.now));
        let Some(next) = next.filter(|next| *next <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = next;
        self.tick();
        while let Some(entry) = self.flying.first_entry()
            && entry.key().0 <= next
        {
            let flying = entry.remove();
            self.deliver(flying);
        }
        true
    }

    /// Steps until nothing is due any more before `until`.
    pub fn run(&mut self, until: Time) {
        while self.step(until) {}
    }

    /// When something is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let frames = self.flying.first_key_value().map(|((at, _), _)| *at);
        let nodes = self.nodes.iter().filter_map(|attached| attached.node.deadline());
        let switches = self.switches.values().filter_map(Switch::deadline);
        frames.into_iter().chain(nodes).chain(switches).min()
    }

    fn tick(&mut self) {
        let now = self.now;
        for at in 0..self.nodes.len() {
            let due = self.nodes.get_mut(at).filter(|attached| attached.node.deadline().is_some_and(|due| due <= now));
            let frames = due.map(|attached| attached.node.tick(now)).unwrap_or_default();
            for frame in frames {
                self.send_from(NodeId(at), Side::In, frame, 0);
            }
        }
        let due: Vec<Dpid> =
            self.switches.values().filter(|switch| switch.deadline().is_some_and(|due| due <= now)).map(Switch::dpid).collect();
        for dpid in due {
            if let Some(switch) = self.switches.get_mut(&dpid) {
                let outputs = switch.tick(now);
                self.carry(dpid, outputs, 0);
            }
        }
    }

    fn send_from(&mut self, id: NodeId, side: Side, frame: Bytes, hops: u16) {
        let Some(attached) = self.nodes.get(id.0) else { return };
        let at = match side {
            Side::In => attached.at,
            Side::Out => attached.out,
        };
        match at {
            Some(at) if self.cables.get(&at).is_some_and(|cable| cable.up) => self.fly(End::Port(at), frame, hops),
            Some(_) | None => self.faults.unplugged += 1,
        }
    }

    fn fly(&mut self, to: End, frame: Bytes, hops: u16) {
        if hops > HOPS {
            self.faults.loops += 1;
        } else if self.flying.len() >= UNDER_WAY {
            self.faults.storm += 1;
        } else {
            let soonest = self.now.after(self.latency);
            let due = self.jitter.as_mut().map_or(soonest, |jitter| jitter.due(Lane::Cable(to), soonest));
            self.launch(due, Flying::Frame { to, frame, hops });
        }
    }

    fn deliver(&mut self, flying: Flying) {
        match flying {
            Flying::Frame { to, frame, hops } => self.arrive(to, frame, hops),
            Flying::Up(dpid, bytes) => self.to_controller.push((dpid, bytes)),
            Flying::Down(dpid, bytes) => self.hand_over(dpid, &bytes),
        }
    }

    fn arrive(&mut self, to: End, frame: Bytes, hops: u16) {
        let now = self.now;
        match to {
            End::Port(at) => {
                if let Some(switch) = self.switches.get_mut(&at.dpid) {
                    let outputs = switch.from_port(at.port, frame, now);
                    self.carry(at.dpid, outputs, hops + 1);
                }
            }
            End::Segment(_) => {}
            End::Node(id, side) => {
                if self.delivered.len() >= REMEMBERED {
                    self.delivered.pop_front();
                }
                self.delivered.push_back(Delivered { at: now, node: id, side, frame: frame.clone() });
                let Some(attached) = self.nodes.get_mut(id.0) else { return };
                let (passes_on, sent) = attached.node.receive(side, frame, now);
                let hops = if passes_on { hops + 1 } else { 0 };
                for (side, frame) in sent {
                    self.send_from(id, side, frame, hops);
                }
            }
        }
    }

    fn tell(&mut self, dpid: Dpid, bytes: Bytes) {
        match &mut self.jitter {
            Some(jitter) => {
                let due = jitter.due(Lane::Up(dpid), self.now);
                self.launch(due, Flying::Up(dpid, bytes));
            }
            None => self.to_controller.push((dpid, bytes)),
        }
    }

    /// Carries out what a switch wants.
    fn carry(&mut self, dpid: Dpid, outputs: Vec<Output>, hops: u16) {
        for output in outputs {
            match output {
                // A network has one controller.
                Output::Controller(ControllerId::FIRST, bytes) => self.tell(dpid, bytes),
                Output::Controller(..) => {}
                Output::Port(port, frame) => match self.cables.get(&Location::new(dpid, port)) {
                    Some(Cable { far: End::Segment(id), up: true }) => {
                        let all = self.segments.get(*id).cloned().unwrap_or_default();
                        for at in all.into_iter().filter(|at| *at != Location::new(dpid, port)) {
                            self.fly(End::Port(at), frame.clone(), hops);
                        }
                    }
                    Some(Cable { far, up: true }) => self.fly(*far, frame, hops),
                    Some(_) | None => self.faults.unplugged += 1,
                },
                Output::Close(_) => self.closed.push(dpid),
            }
        }
    }
}

#[cfg(test)]
mod tests;
