//! The way of almost every packet that comes up: read in place, its ends known, decided, answered. What needs anything else is left to
//! [`crate::enforce`], untouched; what is done here is what would be done there. Knows nothing of how ends become known.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use compiler::Program;
use lang::checked::{RuleId, Verdict};
use lang::flow::{End, Flow};
use net::{Dpid, FlowKey, FlowMatch, Location, MacAddr, PortNo, Time, Transport};
use openflow::Header;
use packet::{Frame, Payload, dhcp, dhcp6};
use rustc_hash::FxHashMap;

use crate::controller::Controller;
use crate::dialect::{self, Action, Glance, ToSwitch, Version};
use crate::effect::{ConnId, Effects};
use crate::event::{Decided, Event};
use crate::install::{self, FLOW_PRIORITY, Slot};
use crate::plain::{Plain, Seat, SeatId, Wire};
use crate::record::{Direction, FlowId};
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
    glance: &'a Glance<'a>,
    key: FlowKey,
    wire: Wire,
}

impl Controller {
    /// Hears packets at the head of what a connection said, as long as each is as almost all are. How far the first that is not one
    /// got.
    pub(crate) fn hear_fast(&mut self, conn: ConnId, now: Time, out: &mut Effects) -> Reached {
        if !self.fast.on || self.adoption.is_waiting() {
            return Reached::Nothing;
        }
        let Some(session) = self.switches.session(conn) else { return Reached::Nothing };
        let Some((version, dpid)) = session.in_use() else { return Reached::Nothing };
        let mut input = session.take_input();
        let (mut reached, mut heard) = (Reached::Nothing, None);
        while let Some(length) = packet_in(&input, version) {
            let Some(glance) = input.get(..length).and_then(|frame| dialect::glance(version, frame)) else { break };
            reached = self.packet_fast(conn, (dpid, version), &glance, now, out);
            if reached != Reached::End {
                break;
            }
            self.counters.packet_ins += 1;
            heard = Some(now);
            input.advance(length);
            reached = Reached::Nothing;
        }
        if let Some(session) = self.switches.session(conn) {
            session.give_back(input, heard);
        }
        reached
    }

    fn packet_fast(
        &mut self,
        conn: ConnId,
        (dpid, version): (Dpid, Version),
        glance: &Glance<'_>,
        now: Time,
        out: &mut Effects,
    ) -> Reached {
        let at = Location::new(dpid, glance.in_port);
        if !self.is_port_of_hosts(at) {
            return Reached::Nothing;
        }
        let Some(known) = self.known(at, version, glance) else { return Reached::Nothing };
        if !self.admits_packet(at, glance.frame, now, out) {
            return Reached::End;
        }
        if let Some((place, direction)) = self.plains.find(&known.wire) {
            let lately = self.plains.get(place).filter(|one| !one.is_idle(direction) && now.since(one.installed) < LATELY);
            return match lately {
                Some(_) => self.pass_on(conn, &known, now, out),
                None => Reached::Admitted,
            };
        }
        if !self.is_new(&known, now) || !self.has_room_for(&known) {
            return Reached::Admitted;
        }
        let [src, dst] = known.wire.seats;
        let (Some(from), Some(to)) = (self.plains.seats.get(src), self.plains.seats.get(dst)) else { return Reached::Admitted };
        let (from, to) = (from.placed, to.placed);
        let Some(rule) = self.plain_rule(from, to, &Program::headers(&known.key), now) else { return Reached::Admitted };
        if !self.admits_flow_of(at, known.key.dl_src, known.key.dl_type, now, out) {
            self.plains.seats.hear(src, now);
            return Reached::End;
        }
        let id = self.records.fresh();
        let ip = known.key.ip.as_ref();
        let plain = Plain {
            id,
            seats: known.wire.seats,
            ports: known.wire.ports,
            proto: known.wire.proto,
            dscp: ip.map_or(0, |ip| ip.dscp),
            vlan: known.key.vlan,
            rule,
            installed: now,
            idle: [false, false],
        };
        self.plains.insert(plain);
        self.install_fast(conn, &known, id, out);
        self.counters.allowed += 1;
        if self.settings.tell_decisions {
            self.tell(&known, rule, now, out);
        }
        self.pass_on(conn, &known, now, out)
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
        if watched.contains(&dport) || (version == Version::V10 && !ip.src.is_ipv4()) {
            return None;
        }
        let questions = !self.hosts.is_calm(at, key.dl_src);
        let src = self.seat(key.dl_src, ip.src, Some(at)).filter(|_| !questions)?;
        let dst = self.seat(key.dl_dst, ip.dst, None)?;
        let to = self.plains.seats.get(dst)?.at;
        if to.dpid != at.dpid || to.port == at.port || !self.is_port_of_hosts(to) {
            return None;
        }
        let wire = Wire { seats: [src, dst], ports: [sport, dport], proto: ip.proto, vlan: key.vlan.and_then(|tag| tag.id) };
        Some(Known { at, glance, key, wire })
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
        let Some(to) = self.plains.seats.get(known.wire.seats[1]).map(|seat| seat.at.port) else { return false };
        self.records.find(&forward).is_none()
            && self.records.find(&reply).is_none()
            && unheld(forward, known.at.port)
            && unheld(reply, to)
    }

    /// True if nothing stands against one more conversation here.
    fn has_room_for(&self, known: &Known<'_>) -> bool {
        self.has_table_room(known.at.dpid, 2) && self.may_begin_here(known.at, known.key.dl_src)
    }

    /// Sends the entries of a plain conversation, and the packet behind them.
    fn install_fast(&mut self, conn: ConnId, known: &Known<'_>, id: FlowId, out: &mut Effects) {
        let Some(to) = self.plains.seats.get(known.wire.seats[1]).map(|seat| seat.at.port) else { return };
        let idle = install::seconds(self.settings.idle_timeout);
        let Some(session) = self.switches.session(conn) else { return };
        let (from, key) = (known.at.port, &known.key);
        // Its version can match them: see [`Controller::known`].
        install::add_exact(id, Direction::Forward, (from, to), (key, idle), session, out);
        install::add_exact(id, Direction::Reply, (to, from), (&key.reply(), idle), session, out);
    }

    /// Sends a packet on to its receiver.
    fn pass_on(&mut self, conn: ConnId, known: &Known<'_>, now: Time, out: &mut Effects) -> Reached {
        let [src, dst] = known.wire.seats;
        self.plains.seats.hear(src, now);
        let to = self.plains.seats.get(dst).map(|seat| seat.at.port);
        if let (Some(to), Some(session)) = (to, self.switches.session(conn)) {
            let buffer = known.glance.buffer;
            let frame: &[u8] = if buffer.is_some() { &[] } else { known.glance.frame };
            session.say(&ToSwitch::PacketOut { in_port: Some(known.at.port), buffer, frame, out: &[Action::Output(to)] }, out);
        }
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
