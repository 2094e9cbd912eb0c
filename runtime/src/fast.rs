//! The way of almost every packet that comes up: read in place, its ends known, decided, answered. What needs anything else is left to
//! [`crate::enforce`], untouched; what is done here is what would be done there. Knows nothing of how ends become known.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use compiler::{Placed, Program};
use lang::checked::{RuleId, Verdict};
use lang::flow::{End, Flow};
use net::{Dpid, FlowKey, FlowMatch, IpProto, Location, MacAddr, PortNo, Time, Transport};
use openflow::{Header, Release};
use packet::{Frame, Payload, dhcp, dhcp6};
use rustc_hash::FxHashMap;

use crate::controller::Controller;
use crate::dialect::{self, Glance, Version};
use crate::effect::{ConnId, Effects};
use crate::event::{Decided, Event, Limit};
use crate::install::{self, FLOW_PRIORITY, Slot};
use crate::limits::{Asked, Scope, Sender};
use crate::plain::{Plain, Seat, SeatId, Wire};
use crate::record::Direction;
use crate::session::Voice;
use crate::settings::{Settings, Width};
use compiler::inventory::Role;

/// How long after its entries were sent packets of a conversation may still come up, because they were under way.
const LATELY: Duration = Duration::from_millis(500);

/// What is known beforehand.
#[derive(Debug)]
pub(crate) struct Fast {
    /// Settings and policy leave room for it.
    on: bool,
    /// Settings do.
    possible: bool,
    /// Ports where hosts are, as long as nothing says that a port changes.
    ports: FxHashMap<Location, bool>,
}

/// How far a packet got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nothing was done.
    Nothing,
    /// It was counted against the limits of its port and sender, and is within them.
    Admitted,
    /// It exceeds a limit, and is to be dropped.
    Excess(Location, Sender, Limit),
    /// It is done with.
    End,
}

impl Fast {
    /// What the settings leave room for: entries of one conversation each, and no detours.
    pub(crate) fn new(settings: &Settings, program: &Program) -> Fast {
        let possible = settings.fast && settings.width == Width::Exact && !settings.failover;
        let mut fast = Fast { on: false, possible, ports: FxHashMap::default() };
        fast.on = fast.allowed_by(program);
        fast
    }

    /// True if entries with addresses, protocol and ports are all that policy needs.
    pub(crate) fn allowed_by(&self, program: &Program) -> bool {
        self.possible && !program.fixes_dscp() && !program.tests_pcp()
    }

    /// Another policy is in force.
    pub(crate) fn begin(&mut self, program: &Program) {
        self.on = self.allowed_by(program);
        self.ports.clear();
    }

    /// A port may have changed.
    pub(crate) fn ports_changed(&mut self) {
        self.ports.clear();
    }
}

/// A packet whose ends are known.
struct Known<'a> {
    at: Location,
    to: Location,
    /// Where the program finds both ends.
    placed: [Placed; 2],
    glance: &'a Glance<'a>,
    key: FlowKey,
    wire: Wire,
}

/// A switch in whose name packets are heard, one after the other.
struct Speaker {
    dpid: Dpid,
    version: Version,
    voice: Voice,
    /// Entries that it can still take; none if it gets no new ones for now.
    room: usize,
}

impl Controller {
    /// Hears packets at the head of what a connection said, as long as each is as almost all are. How far the first that is not one
    /// got.
    pub(crate) fn hear_fast(&mut self, conn: ConnId, now: Time, out: &mut Effects) -> Reached {
        if !self.fast.on || self.adoption.is_waiting() {
            return Reached::Nothing;
        }
        loop {
            let reached = self.hear_in_a_row(conn, now, out);
            // What is dropped may lead to more than that: see [`Controller::shed`].
            let Reached::Excess(at, sender, what) = reached else { return reached };
            self.shed(at, sender, what, now, out);
        }
    }

    fn hear_in_a_row(&mut self, conn: ConnId, now: Time, out: &mut Effects) -> Reached {
        let Some(session) = self.switches.session(conn) else { return Reached::Nothing };
        let Some((version, dpid)) = session.in_use().filter(|(version, _)| session.begins_with_packet(*version)) else {
            return Reached::Nothing;
        };
        let mut input = session.take_input();
        let Some(voice) = session.lend_voice(out) else { return Reached::Nothing };
        let mut speaker = Speaker { dpid, version, voice, room: self.room_of(dpid) };
        let (mut reached, mut heard) = (Reached::Nothing, None);
        while let Some(length) = packet_in(&input, version) {
            let Some(glance) = input.get(..length).and_then(|frame| dialect::glance(version, frame)) else { break };
            reached = self.packet_fast(&mut speaker, &glance, now, out);
            if matches!(reached, Reached::Nothing | Reached::Admitted) {
                break;
            }
            self.counters.packet_ins += 1;
            heard = Some(now);
            input.advance(length);
            if reached != Reached::End {
                break;
            }
            reached = Reached::Nothing;
        }
        if let Some(session) = self.switches.session(conn) {
            session.give_back(input, heard);
            session.take_voice(speaker.voice, out);
        }
        reached
    }

    /// Entries that a switch can take before a limit stands against it.
    fn room_of(&self, dpid: Dpid) -> usize {
        if self.has_table_room(dpid, 0) { self.free_entries(dpid) } else { 0 }
    }

    fn packet_fast(&mut self, speaker: &mut Speaker, glance: &Glance<'_>, now: Time, out: &mut Effects) -> Reached {
        let at = Location::new(speaker.dpid, glance.in_port);
        if !self.is_port_of_hosts(at) {
            return Reached::Nothing;
        }
        let Some(known) = self.known(at, speaker.version, glance) else { return Reached::Nothing };
        let sender = Sender { mac: known.key.dl_src, kind: known.key.dl_type };
        if let Err(what) = self.limits.ask(Asked::Packet, (at, Scope::Edge), sender, self.settings.packets, now) {
            return Reached::Excess(at, sender, what);
        }
        if let Some((place, direction)) = self.plains.find(&known.wire) {
            let lately = self.plains.get(place).filter(|one| !one.is_idle(direction) && now.since(one.installed) < LATELY);
            return if lately.is_some() { self.pass_on(speaker, &known, now) } else { Reached::Admitted };
        }
        if speaker.room < 2 || !self.may_begin_here(at, known.key.dl_src, speaker.room) || !self.is_new(&known, now) {
            return Reached::Admitted;
        }
        let Some(rule) = self.plain_rule(known.placed, &Program::headers(&known.key), now) else { return Reached::Admitted };
        if let Err(what) = self.limits.ask(Asked::Flow, (at, Scope::Edge), sender, self.settings.flows, now) {
            self.plains.seats.hear(known.wire.seats[0], now);
            return Reached::Excess(at, sender, what);
        }
        self.begin_plain(speaker, &known, rule, now);
        if self.settings.tell_decisions {
            self.tell(&known, rule, now, out);
        }
        self.pass_on(speaker, &known, now)
    }

    /// Records a plain conversation, and sends its entries.
    fn begin_plain(&mut self, speaker: &mut Speaker, known: &Known<'_>, rule: Option<RuleId>, now: Time) {
        let id = self.records.fresh();
        let Wire { seats, ports, proto, .. } = known.wire;
        let dscp = known.key.ip.as_ref().map_or(0, |ip| ip.dscp);
        let plain = Plain { id, seats, ports, proto, dscp, vlan: known.key.vlan, rule, installed: now, idle: [false, false] };
        self.plains.insert(plain);
        let idle = install::seconds(self.settings.idle_timeout);
        let (from, to) = (known.at.port, known.to.port);
        // The version can say it: see [`Controller::known`].
        install::add_exact(id, Direction::Forward, (from, to), (&known.key, idle), &mut speaker.voice);
        install::add_exact(id, Direction::Reply, (to, from), (&known.key.reply(), idle), &mut speaker.voice);
        speaker.room = speaker.room.saturating_sub(2);
        self.counters.allowed += 1;
    }

    /// True if hosts are at this port, and nothing else.
    fn is_port_of_hosts(&mut self, at: Location) -> bool {
        if let Some(known) = self.fast.ports.get(&at) {
            return *known;
        }
        let role = self.inventory.role(&self.policy, at);
        let hosts = matches!(role, Role::Access | Role::Open) && self.is_edge(at);
        let of_hosts = hosts && self.topology.is_up(at) && !self.switches.is_down(at);
        self.fast.ports.insert(at, of_hosts);
        of_hosts
    }

    /// A packet of TCP, UDP or SCTP between two seats of one switch, from where its sender sits; nothing for all others, or where
    /// anything about the sender is in question.
    fn known<'a>(&mut self, at: Location, version: Version, glance: &'a Glance<'a>) -> Option<Known<'a>> {
        let whole = glance.whole || glance.buffer.is_some();
        let Frame { key, payload } = packet::parse(glance.frame).ok().filter(|_| whole)?;
        let ip = key.ip.filter(|_| matches!(payload, Payload::Ip(_)))?;
        let Some(Transport::Ports { src: sport, dst: dport }) = ip.transport else { return None };
        let watched = [dhcp::SERVER_PORT, dhcp::CLIENT_PORT, dhcp6::SERVER_PORT, dhcp6::CLIENT_PORT];
        let expressible = match version {
            Version::V10 => ip.src.is_ipv4() && matches!(ip.proto, IpProto::TCP | IpProto::UDP),
            Version::V13 => true,
        };
        if watched.contains(&dport) || !expressible {
            return None;
        }
        let questions = !self.hosts.is_calm(at, key.dl_src);
        let src = self.seat(key.dl_src, ip.src, Some(at)).filter(|_| !questions)?;
        let dst = self.seat(key.dl_dst, ip.dst, None)?;
        let (from, to) = (self.plains.seats.get(src)?.placed, self.plains.seats.get(dst)?);
        let (placed, to) = ([from, to.placed], to.at);
        if to.dpid != at.dpid || to.port == at.port || !self.is_port_of_hosts(to) {
            return None;
        }
        let wire = Wire { seats: [src, dst], ports: [sport, dport], proto: ip.proto, vlan: key.vlan.and_then(|tag| tag.id) };
        Some(Known { at, to, placed, glance, key, wire })
    }

    /// The seat of a station's address: of one that is to be at this port, if one is named.
    fn seat(&mut self, mac: MacAddr, address: IpAddr, at: Option<Location>) -> Option<SeatId> {
        if let Some(id) = self.plains.seats.find(mac, address) {
            let own = self.plains.seats.get(id)?.at;
            return at.is_none_or(|at| at == own).then_some(id);
        }
        let own = self.view.station(mac)?.location?;
        if at.is_some_and(|at| at != own) {
            return None;
        }
        let (end, placed) = self.seat_of(mac, address, own)?;
        Some(self.plains.seats.insert(Seat::new((mac, address), own, Arc::new(end), placed)))
    }

    /// True if the packet is of no conversation that is not plain, and of none that was.
    fn is_new(&mut self, known: &Known<'_>, now: Time) -> bool {
        let key = &known.key;
        if self.ended.rest(key, now).is_some() || self.records.carries_any() || self.records.has_wide() {
            return false;
        }
        if self.records.is_empty() && !self.tables.holds_flows(known.at.dpid) {
            return true;
        }
        let forward = FlowMatch::exact(key);
        let reply = FlowMatch::exact(&key.reply());
        let unheld = |region: FlowMatch, port: PortNo| {
            self.tables
                .is_vacant(known.at.dpid, &Slot { region: FlowMatch { in_port: Some(port), ..region }, priority: FLOW_PRIORITY })
        };
        self.records.find(&forward).is_none()
            && self.records.find(&reply).is_none()
            && unheld(forward, known.at.port)
            && unheld(reply, known.to.port)
    }

    /// Sends a packet on to its receiver.
    fn pass_on(&mut self, speaker: &mut Speaker, known: &Known<'_>, now: Time) -> Reached {
        self.plains.seats.hear(known.wire.seats[0], now);
        let Glance { buffer, frame, .. } = *known.glance;
        let data = if buffer.is_some() { &[][..] } else { frame };
        let buffer_id = buffer.unwrap_or(openflow::v13::OFP_NO_BUFFER);
        speaker.voice.release(&Release { in_port: known.at.port, out_port: known.to.port, buffer_id, data });
        Reached::End
    }

    fn tell(&self, known: &Known<'_>, rule: Option<RuleId>, now: Time, out: &mut Effects) {
        let end = |id: SeatId| self.plains.seats.get(id).map_or_else(End::default, |seat| (*seat.end).clone());
        let [src, dst] = known.wire.seats.map(end);
        let flow = Arc::new(Flow { headers: Program::headers(&known.key), src, dst, time: Some(now) });
        out.event(Event::Decided(Box::new(Decided {
            flow,
            verdict: Verdict::Allow,
            rule,
            via: Vec::new(),
            audited: Vec::new(),
            switches: 1,
            covers: None,
        })));
    }
}

/// The length of the packet-in at the beginning, if there is one, whole.
fn packet_in(input: &[u8], version: Version) -> Option<usize> {
    const PACKET_IN: u8 = 10;
    let header = Header::read(input)?;
    let length = usize::from(header.length);
    (header.kind == PACKET_IN && header.version == version.wire() && length <= input.len()).then_some(length)
}
