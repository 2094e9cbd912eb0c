//! The pipeline: packets go through the tables, actions are executed, entries come and go. The same for all versions of OpenFlow;
//! knows nothing of messages, and what happened is told as events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use net::{PortNo, Time};

use super::SwitchConfig;
use super::action::{Action, ActionSet, Instructions, Target};
use super::group::Groups;
use super::key::{Key, METADATA};
use super::meter::Meters;
use super::port::Port;
use super::rewrite;
use super::table::{Entry, Expiry, Table};

/// How long a packet-in is that is not held back.
const NO_BUFFER: u16 = 0xffff;
/// Groups that hand on to groups, at most: the depth at which a packet is dropped.
pub(super) const GROUP_DEPTH: u8 = 8;

/// What the switch does where no entry matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// Drop, as OpenFlow 1.3 does without a table-miss entry.
    Drop,
    /// Ask the controller, as OpenFlow 1.0 does.
    Controller,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    Send(PortNo, Bytes),
    PacketIn(PacketIn),
    Removed(Removed),
    PortChanged(PortNo),
}

#[derive(Debug)]
pub(super) struct PacketIn {
    pub(super) buffer: Option<u32>,
    pub(super) total: usize,
    pub(super) in_port: PortNo,
    pub(super) cause: Cause,
    pub(super) reason: Why,
    pub(super) metadata: u64,
    pub(super) data: Bytes,
}

/// Why a packet goes to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Miss,
    Action,
    /// Its time to live is over.
    EndOfLife,
}

/// The entry or message that an action comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cause {
    pub(super) table: u8,
    pub(super) cookie: u64,
    /// True for a table miss.
    pub(super) miss: bool,
    /// True for a packet-out, whose actions may name the tables.
    pub(super) packet_out: bool,
}

impl Cause {
    /// What action sets and groups send to the controller is no miss, whichever entry it comes from; as in Open vSwitch.
    fn indirect(self) -> Cause {
        Cause { miss: false, ..self }
    }
}

#[derive(Debug)]
pub(super) struct Removed {
    pub(super) entry: Entry,
    pub(super) table: u8,
    pub(super) reason: RemovedReason,
    pub(super) at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovedReason {
    Idle,
    Hard,
    Delete,
    GroupDelete,
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) in_port: PortNo,
    pub(super) bytes: Bytes,
    pub(super) metadata: u64,
    queue: Option<u32>,
    /// The key of `bytes`, as long as nothing was changed.
    key: Option<Key>,
}

impl Packet {
    pub(super) fn new(in_port: PortNo, bytes: Bytes) -> Packet {
        Packet { in_port, bytes, metadata: 0, queue: None, key: None }
    }

    pub(super) fn key(&mut self) -> Option<Key> {
        if self.key.is_none() {
            self.key = Key::of(self.in_port, &self.bytes);
        }
        let mut key = self.key?;
        key.set(METADATA, self.metadata);
        Some(key)
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::from(std::mem::take(&mut self.bytes));
        change(&mut bytes);
        self.bytes = bytes.into();
        self.key = None;
    }
}

/// Packets held back for the controller; the oldest gives way.
#[derive(Debug)]
pub(super) struct Buffers {
    pub(super) capacity: usize,
    next: u32,
    held: VecDeque<(u32, PortNo, Bytes)>,
}

impl Buffers {
    fn hold(&mut self, in_port: PortNo, bytes: &Bytes) -> Option<u32> {
        if self.capacity == 0 {
            return None;
        }
        if self.held.len() >= self.capacity {
            self.held.pop_front();
        }
        // All ones stands for no buffer.
        self.next = if self.next >= u32::MAX - 1 { 1 } else { self.next + 1 };
        self.held.push_back((self.next, in_port, bytes.clone()));
        Some(self.next)
    }

    /// Takes a packet out: the port it came in on, and all of it.
    pub(super) fn take(&mut self, buffer: u32) -> Option<(PortNo, Bytes)> {
        let at = self.held.iter().position(|(id, ..)| *id == buffer)?;
        self.held.remove(at).map(|(_, in_port, bytes)| (in_port, bytes))
    }
}

/// Tables, ports, groups, meters and buffers.
#[derive(Debug)]
pub(super) struct Datapath {
    pub(super) tables: Vec<Table>,
    pub(super) ports: BTreeMap<PortNo, Port>,
    pub(super) groups: Groups,
    pub(super) meters: Meters,
    pub(super) buffers: Buffers,
    pub(super) miss: Miss,
    pub(super) miss_send_len: u16,
}

impl Datapath {
    pub(super) fn new(ports: impl IntoIterator<Item = Port>, config: &SwitchConfig) -> Datapath {
        Datapath {
            tables: (0..config.tables.max(1)).map(|_| Table::new(config.capacity)).collect(),
            ports: ports.into_iter().map(|port| (port.number, port)).collect(),
            groups: Groups::default(),
            meters: Meters::new(config.meters),
            buffers: Buffers { capacity: config.buffers, next: 0, held: VecDeque::new() },
            miss: Miss::Drop,
            miss_send_len: 128,
        }
    }

    /// Forgets entries, groups, meters and buffers, as a reboot does.
    pub(super) fn clear(&mut self) {
        for table in &mut self.tables {
            *table = Table::new(table.capacity());
        }
        self.groups = Groups::default();
        self.meters = Meters::new(self.meters.capacity);
        self.buffers.held.clear();
        self.miss_send_len = 128;
        for port in self.ports.values_mut() {
            port.config = super::port::PortConfig::default();
        }
    }

    /// A frame from the wire.
    pub(super) fn receive(&mut self, in_port: PortNo, frame: Bytes, now: Time, out: &mut Vec<Event>) {
        let Some(port) = self.ports.get_mut(&in_port) else { return };
        if !port.is_live() || port.config.no_recv {
            port.counters.rx_dropped += 1;
            return;
        }
        port.counters.rx_packets += 1;
        port.counters.rx_bytes += frame.len() as u64;
        self.run(Packet::new(in_port, frame), now, out);
    }

    /// Through the tables, from the first (OpenFlow 1.3.5 §5.1.1).
    pub(super) fn run(&mut self, mut packet: Packet, now: Time, out: &mut Vec<Event>) {
        let mut set = ActionSet::default();
        let mut at = 0_u8;
        loop {
            let Some(key) = packet.key() else { return };
            let Some(table) = self.tables.get_mut(usize::from(at)) else { return };
            let Some(entry) = table.look_up(&key).and_then(|id| table.get_mut(id)) else {
                self.missed(&packet, at, out);
                return;
            };
            entry.packets += 1;
            entry.bytes += packet.bytes.len() as u64;
            entry.used = now;
            let miss = self.miss == Miss::Drop && entry.is_table_miss();
            let cause = Cause { table: at, cookie: entry.cookie, miss, packet_out: false };
            let instructions: Arc<Instructions> = entry.instructions.clone();
            if instructions.meter.is_some_and(|meter| !self.meters.pass(meter, packet.bytes.len(), now)) {
                return;
            }
            if !self.execute(&mut packet, &instructions.apply, cause, GROUP_DEPTH, now, out) {
                return;
            }
            if instructions.clear {
                set.clear();
            }
            set.write(&instructions.write);
            if let Some((value, mask)) = instructions.metadata {
                packet.metadata = packet.metadata & !mask | value & mask;
            }
            match instructions.goto {
                Some(next) if next > at => at = next,
                _ => {
                    self.execute(&mut packet, &set.into_actions(), cause.indirect(), GROUP_DEPTH, now, out);
                    return;
                }
            }
        }
    }

    fn missed(&mut self, packet: &Packet, table: u8, out: &mut Vec<Event>) {
        let silent = self.ports.get(&packet.in_port).is_some_and(|port| port.config.no_packet_in);
        if self.miss == Miss::Controller && !silent {
            let cause = Cause { table, cookie: u64::MAX, miss: true, packet_out: false };
            self.packet_in(packet, self.miss_send_len, cause, Why::Miss, out);
        }
    }

    fn packet_in(&mut self, packet: &Packet, max_len: u16, cause: Cause, reason: Why, out: &mut Vec<Event>) {
        let total = packet.bytes.len();
        let buffer = if max_len == NO_BUFFER { None } else { self.buffers.hold(packet.in_port, &packet.bytes) };
        let data = match buffer {
            Some(_) => packet.bytes.slice(..total.min(usize::from(max_len))),
            None => packet.bytes.clone(),
        };
        let (in_port, metadata) = (packet.in_port, packet.metadata);
        out.push(Event::PacketIn(PacketIn { buffer, total, in_port, cause, reason, metadata, data }));
    }

    /// Does what a list of actions says, in its order; false if the packet is gone.
    pub(super) fn execute(
        &mut self,
        packet: &mut Packet,
        actions: &[Action],
        cause: Cause,
        depth: u8,
        now: Time,
        out: &mut Vec<Event>,
    ) -> bool {
        for action in actions {
            match action {
                Action::Output { to, max_len } => self.output(packet, *to, *max_len, cause, now, out),
                Action::Set(set) => packet.change(|bytes| rewrite::set(bytes, *set)),
                Action::PushVlan(tpid) => packet.change(|bytes| rewrite::push_vlan(bytes, *tpid)),
                Action::PopVlan => packet.change(rewrite::pop_vlan),
                Action::Queue(queue) => packet.queue = *queue,
                Action::Group(group) => self.hand_to(packet, *group, cause, depth, now, out),
                Action::DecrementTtl => {
                    let mut alive = true;
                    packet.change(|bytes| alive = rewrite::decrement_ttl(bytes));
                    if !alive {
                        self.packet_in(packet, NO_BUFFER, cause, Why::EndOfLife, out);
                        return false;
                    }
                }
            }
        }
        true
    }

    fn hand_to(&mut self, packet: &mut Packet, group: u32, cause: Cause, depth: u8, now: Time, out: &mut Vec<Event>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let spread = packet.key().map_or(0, |key| key.spread());
        let ports = &self.ports;
        let live = |port: PortNo| ports.get(&port).is_some_and(Port::is_live);
        for actions in self.groups.choose(group, spread, packet.bytes.len(), live) {
            // Each bucket has a copy of its own, and its actions are a set (§5.6.1).
            self.execute(&mut packet.clone(), &ActionSet::of(&actions).into_actions(), cause.indirect(), depth, now, out);
        }
    }

    fn output(&mut self, packet: &Packet, to: Target, max_len: u16, cause: Cause, now: Time, out: &mut Vec<Event>) {
        match to {
            Target::Port(port) if port == packet.in_port => {}
            Target::Port(port) => self.send(port, packet, out),
            Target::InPort => self.send(packet.in_port, packet, out),
            Target::Table if cause.packet_out => self.run(Packet::new(packet.in_port, packet.bytes.clone()), now, out),
            Target::Flood | Target::All => {
                let others: Vec<PortNo> = self
                    .ports
                    .values()
                    .filter(|port| port.number != packet.in_port && port.is_live())
                    .filter(|port| to == Target::All || !port.config.no_flood)
                    .map(|port| port.number)
                    .collect();
                for port in others {
                    self.send(port, packet, out);
                }
            }
            Target::Controller => {
                let reason = if cause.miss { Why::Miss } else { Why::Action };
                self.packet_in(packet, max_len, cause, reason, out);
            }
            Target::Table | Target::Local => {}
        }
    }

    fn send(&mut self, number: PortNo, packet: &Packet, out: &mut Vec<Event>) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        if !port.is_live() || port.config.no_fwd {
            port.counters.tx_dropped += 1;
            return;
        }
        let length = packet.bytes.len() as u64;
        port.counters.tx_packets += 1;
        port.counters.tx_bytes += length;
        if let Some(queue) = packet.queue.and_then(|queue| port.queues.get_mut(&queue)) {
            queue.packets += 1;
            queue.bytes += length;
        }
        out.push(Event::Send(number, packet.bytes.clone()));
    }

    /// Lets entries expire.
    pub(super) fn tick(&mut self, now: Time, out: &mut Vec<Event>) {
        for (table, number) in self.tables.iter_mut().zip(0_u8..) {
            for (entry, expiry) in table.expire(now) {
                let reason = match expiry {
                    Expiry::Idle => RemovedReason::Idle,
                    Expiry::Hard => RemovedReason::Hard,
                };
                if entry.send_removed {
                    out.push(Event::Removed(Removed { entry, table: number, reason, at: now }));
                }
            }
        }
    }

    /// The earliest time at which an entry may expire.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.tables.iter().filter_map(Table::deadline).min()
    }
}
