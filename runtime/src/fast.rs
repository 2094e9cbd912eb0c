//! The way of almost every packet that comes up: read in place, its ends known, decided, answered. What needs anything else is left to
//! [`crate::enforce`], untouched; what is done here is what would be done there. Knows nothing of how ends become known.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use compiler::{Class, Placed, Program};
use lang::checked::{RuleId, Verdict};
use lang::flow::{End, Flow};
use net::{Dpid, FlowKey, FlowMatch, IpProto, Location, MacAddr, PortNo, Time};
use rustc_hash::FxHashMap;

use crate::ahead::{self, AHEAD, Read};
use crate::controller::Controller;
use crate::dialect::{Action, Glance, ToSwitch, Version};
use crate::effect::{ConnId, Effects};
use crate::enforce::Arrival;
use crate::event::{Decided, Event, Limit};
use crate::install::{self, FLOW_PRIORITY, Slot};
use crate::limits::{Account, Asked, Scope, Sender};
use crate::plain::{Opening, Plain, PlainId, Seat, SeatId, Trunk, Wire};
use crate::record::{Direction, FlowId, HELD_LIMIT, Held, Way};
use crate::route::Spread;
use crate::session::Voice;
use crate::settings::{Settings, Width};
use crate::topology::Link;

/// How long after its entries were sent packets of a conversation may still come up, because they were under way.
const LATELY: Duration = Duration::from_millis(500);

/// Steps between pairs of switches that are remembered: all of some hundreds.
const WAYS: usize = 1 << 17;

/// What is known beforehand.
#[derive(Debug)]
pub(crate) struct Fast {
    /// Settings and policy leave room for it.
    on: bool,
    /// Settings do.
    possible: bool,
    /// Ports where hosts are, as long as nothing says that a port changes.
    ports: FxHashMap<Location, bool>,
    /// How often something may have changed at ports, and once more.
    since: u32,
    /// Packets that are read together: fewer while many of them go another way.
    together: usize,
    ways: Ways,
}

/// Shortest ways between switches, as long as links are the same.
#[derive(Debug, Default)]
struct Ways {
    /// As [`Topology::changes`] tells.
    as_of: u64,
    onward: FxHashMap<(Dpid, Dpid), Arc<[Link]>>,
    trunks: FxHashMap<Vec<Link>, Arc<Trunk>>,
    /// Those between switches that have no other.
    only: FxHashMap<(Dpid, Dpid), Arc<Trunk>>,
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
        let mut fast =
            Fast { on: false, possible, ports: FxHashMap::default(), since: 1, together: AHEAD, ways: Ways::default() };
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
        self.ports_changed();
    }

    /// A port may have changed.
    pub(crate) fn ports_changed(&mut self) {
        self.since = self.since.wrapping_add(1).max(1);
        self.ports.clear();
    }
}

/// A packet whose ends are known.
struct Known<'a> {
    at: Location,
    /// Where its receiver sits.
    to: Location,
    /// The links that its conversation takes, or would.
    trunk: Option<Arc<Trunk>>,
    /// Where the program finds both ends.
    placed: [Placed; 2],
    read: &'a Read<'a>,
    class: Class,
    wire: Wire,
}

/// A switch in whose name packets are heard, one after the other.
struct Speaker {
    dpid: Dpid,
    voice: Voice,
    /// Entries that it can still take; none if it gets no new ones for now.
    room: usize,
}

impl Controller {
    /// Hears packets at the head of what a connection said, as long as each is as almost all are. How far the first that is not one
    /// got.
    pub(crate) fn hear_fast(&mut self, conn: ConnId, now: Time, out: &mut Effects) -> Reached {
        if !self.fast.on {
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
        let mut speaker = Speaker { dpid, voice, room: self.room_of(dpid) };
        let (mut reached, mut done) = (Reached::Nothing, 0);
        'row: loop {
            let mut batch = ahead::read(version, input.get(done..).unwrap_or_default(), self.fast.together);
            if batch.is_empty() {
                break;
            }
            if batch.len() > 1 {
                self.look_ahead(&mut batch);
            }
            // What is read ahead behind a packet that goes another way is read again.
            let next = (self.fast.together * 2).min(AHEAD);
            self.fast.together = 1;
            for packet in &batch {
                reached = packet.read.as_ref().map_or(Reached::Nothing, |read| self.packet_fast(&mut speaker, read, now, out));
                if matches!(reached, Reached::Nothing | Reached::Admitted) {
                    break 'row;
                }
                self.counters.packet_ins += 1;
                done += packet.length;
                if reached != Reached::End {
                    break 'row;
                }
                reached = Reached::Nothing;
            }
            self.fast.together = next;
        }
        input.advance(done);
        if let Some(session) = self.switches.session(conn) {
            session.give_back(input, (done > 0).then_some(now));
            session.take_voice(speaker.voice, out);
        }
        reached
    }

    /// Entries that a switch can take before a limit stands against it.
    fn room_of(&self, dpid: Dpid) -> usize {
        if self.has_table_room(dpid, 0) { self.free_entries(dpid) } else { 0 }
    }

    fn packet_fast(&mut self, speaker: &mut Speaker, read: &Read<'_>, now: Time, out: &mut Effects) -> Reached {
        let at = Location::new(speaker.dpid, read.glance.in_port);
        let Some(known) = self.known(at, read) else { return Reached::Nothing };
        let sender = read.sender();
        let [src, _] = known.wire.seats;
        let Some(seat) = self.plains.seats.get_mut(src) else { return Reached::Nothing };
        let account = self.limits.account_again(&mut seat.buckets, at, sender);
        if let Err(what) = self.limits.take(account, Asked::Packet, &self.prices.packets, now) {
            return Reached::Excess(at, sender, what);
        }
        match self.plains.find(&known.wire) {
            Some((place, direction)) => self.come_again(speaker, &known, (place, direction), now),
            None => self.begin(speaker, known, account, now, out),
        }
    }

    /// A packet whose ends were learned of a moment ago: its conversation begins the short way, if that is one. False if nothing was
    /// done.
    pub(crate) fn begin_plainly(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) -> bool {
        let (packet, at) = (arrival.packet, arrival.at);
        let Some(version) = self.switches.version(at.dpid).filter(|_| self.fast.on) else { return false };
        let glance = Glance { in_port: at.port, buffer: packet.buffer.get(), frame: &packet.frame, whole: packet.whole };
        let Some(read) = ahead::read_one(version, glance) else { return false };
        let Some(known) = self.known(at, &read).filter(|known| self.plains.find(&known.wire).is_none()) else { return false };
        let room = self.room_of(at.dpid);
        let Some(voice) = self.switches.up(at.dpid).and_then(|session| session.lend_voice(out)) else { return false };
        let mut speaker = Speaker { dpid: at.dpid, voice, room };
        let sender = read.sender();
        let account = self.limits.account((at, Scope::Edge), sender);
        let reached = self.begin(&mut speaker, known, account, now, out);
        if let Some(session) = self.switches.up(at.dpid) {
            session.take_voice(speaker.voice, out);
        }
        if let Reached::Excess(at, sender, what) = reached {
            self.shed(at, sender, what, now, out);
        }
        let is_done = !matches!(reached, Reached::Nothing | Reached::Admitted);
        if is_done {
            packet.buffer.take();
        }
        is_done
    }

    /// A conversation begins, if it is a plain one.
    fn begin(&mut self, speaker: &mut Speaker, known: Known<'_>, account: Account, now: Time, out: &mut Effects) -> Reached {
        let (at, read) = (known.at, known.read);
        let Some(known) = self.routed(known) else { return Reached::Admitted };
        if !self.may_begin_plain(speaker, &known) || !self.is_new(&known, now) {
            return Reached::Admitted;
        }
        let Some(rule) = self.plain_rule(known.placed, (&read.headers, known.class), now) else { return Reached::Admitted };
        if let Err(what) = self.limits.take(account, Asked::Flow, &self.prices.flows, now) {
            self.plains.seats.hear(known.wire.seats[0], now);
            let sender = read.sender();
            return Reached::Excess(at, sender, what);
        }
        self.plains.seats.hear(known.wire.seats[0], now);
        if self.settings.tell_decisions {
            self.tell(&known, rule, now, out);
        }
        let (id, place) = self.record_plain(&known, rule, now);
        match &known.trunk {
            None => {
                let idle = install::seconds(self.settings.idle_timeout);
                install::add_pair(id, (at.port, known.to.port), [true, true], (&read.key, idle), &mut speaker.voice);
                speaker.room = speaker.room.saturating_sub(2);
                release(speaker, &known, known.to.port);
            }
            Some(trunk) => self.open_plain(&known, trunk, (id, place), now, out),
        }
        Reached::End
    }

    /// A packet of a plain conversation: it goes on, if the entries for it can only just have been put in.
    fn come_again(
        &mut self,
        speaker: &mut Speaker,
        known: &Known<'_>,
        (place, direction): (PlainId, Direction),
        now: Time,
    ) -> Reached {
        let Some(one) = self.plains.get(place) else { return Reached::Admitted };
        let lately = !one.is_idle(direction) && now.since(one.installed) < LATELY;
        let out_port = match (&one.trunk, direction) {
            (None, _) => Some(known.to.port),
            (Some(trunk), Direction::Forward) => trunk.0.first().map(|link| link.from.port),
            (Some(trunk), Direction::Reply) => trunk.0.last().map(|link| link.to.port),
        };
        if let Some(opening) = self.plains.opening.get_mut(&place) {
            if opening.held.len() < HELD_LIMIT {
                opening.held.push(known.held(direction));
            } else if known.read.glance.buffer.is_some() {
                return Reached::Admitted;
            }
        } else {
            let Some(out_port) = out_port.filter(|_| lately) else { return Reached::Admitted };
            release(speaker, known, out_port);
        }
        self.plains.seats.hear(known.wire.seats[0], now);
        Reached::End
    }

    /// The same, with the links that its conversation would take; nothing if there are none.
    fn routed<'a>(&mut self, known: Known<'a>) -> Option<Known<'a>> {
        if known.to.dpid == known.at.dpid {
            return Some(known);
        }
        let trunk = self.trunk(known.at.dpid, known.to.dpid, &known.read.key)?;
        Some(Known { trunk: Some(trunk), ..known })
    }

    /// The links of the way that [`crate::route::way`] would find for a conversation that is bound to nothing.
    fn trunk(&mut self, from: Dpid, to: Dpid, key: &FlowKey) -> Option<Arc<Trunk>> {
        if self.fast.ways.as_of != self.topology.changes() || self.fast.ways.onward.len() > WAYS {
            self.fast.ways = Ways { as_of: self.topology.changes(), ..Ways::default() };
        }
        if let Some(only) = self.fast.ways.only.get(&(from, to)) {
            return Some(only.clone());
        }
        let (mut links, mut here, mut alone) = (Vec::new(), from, true);
        let spread = self.settings.spread.then(|| Spread::of(&FlowMatch::exact(key), self.settings.spread_seed));
        while here != to {
            let topology = &mut self.topology;
            let onward = self.fast.ways.onward.entry((here, to)).or_insert_with(|| topology.onward(here, to).into());
            let choice = spread.map_or(0, |spread| spread.choice(here, 0, onward.len()));
            let link = *onward.get(choice)?;
            alone &= onward.len() == 1 || spread.is_none();
            links.push(link);
            here = link.to.dpid;
        }
        let ways = &mut self.fast.ways;
        let trunk = ways.trunks.entry(links).or_insert_with_key(|links| Arc::new(Trunk(links.clone()))).clone();
        if alone {
            ways.only.insert((from, to), trunk.clone());
        }
        Some(trunk)
    }

    /// True if every switch on the way is there, can say it and has room, and no limit stands against it.
    fn may_begin_plain(&mut self, speaker: &Speaker, known: &Known<'_>) -> bool {
        let mut room = speaker.room;
        for dpid in known.trunk.iter().flat_map(|trunk| trunk.beyond()) {
            let says =
                self.switches.is_up(dpid) && self.switches.version(dpid).is_some_and(|version| can_say(version, &known.read.key));
            if !says {
                return false;
            }
            room = room.min(self.room_of(dpid));
        }
        room >= 2 && self.may_begin_here(known.at, known.read.key.dl_src, room)
    }

    /// Records a plain conversation.
    fn record_plain(&mut self, known: &Known<'_>, rule: Option<RuleId>, now: Time) -> (FlowId, PlainId) {
        let id = self.records.fresh();
        let Wire { seats, ports, proto, .. } = known.wire;
        let dscp = known.read.key.ip.as_ref().map_or(0, |ip| ip.dscp);
        let (vlan, trunk) = (known.read.key.vlan, known.trunk.clone());
        let plain = Plain { id, seats, ports, proto, dscp, vlan, rule, installed: now, idle: [false, false], trunk };
        self.counters.allowed += 1;
        debug_assert!(self.is_vacant(known), "an entry of nobody's stands in the way of {id:?}");
        (id, self.plains.insert(plain))
    }

    /// True if tables know of nothing where the entries of a conversation will be: what is there would be somebody's.
    fn is_vacant(&self, known: &Known<'_>) -> bool {
        let (forward, reply) = (FlowMatch::exact(&known.read.key), FlowMatch::exact(&known.read.key.reply()));
        let vacant = |dpid: Dpid, region: FlowMatch, port: PortNo| {
            let region = FlowMatch { in_port: Some(port), ..region };
            self.tables.is_vacant(dpid, &Slot { region, priority: FLOW_PRIORITY })
        };
        let mut hops = Trunk::hops(known.trunk.as_deref(), known.at, known.to).into_iter();
        hops.all(|hop| vacant(hop.dpid, forward, hop.in_port) && vacant(hop.dpid, reply, hop.out_port))
    }

    /// Sends the entries of a plain conversation to the switches behind the first, and waits for them.
    fn open_plain(&mut self, known: &Known<'_>, trunk: &Trunk, (id, place): (FlowId, PlainId), now: Time, out: &mut Effects) {
        let idle = install::seconds(self.settings.idle_timeout);
        for hop in Trunk::hops(Some(trunk), known.at, known.to).into_iter().skip(1) {
            let Some(session) = self.switches.up(hop.dpid) else { continue };
            let Some(mut voice) = session.lend_voice(out) else { continue };
            let last = hop.dpid == known.to.dpid;
            install::add_pair(id, (hop.in_port, hop.out_port), [false, last], (&known.read.key, idle), &mut voice);
            session.take_voice(voice, out);
            session.barrier(Way { id, generation: 0 }, now, out);
        }
        self.plains.wait(place, Opening { awaiting: trunk.0.len(), held: vec![known.held(Direction::Forward)] });
    }

    /// A switch behind the first has the entries of a plain conversation; with the last of them it is open.
    pub(crate) fn plain_passed(&mut self, place: PlainId, way: Way, out: &mut Effects) {
        let Some(opening) = self.plains.opening.get_mut(&place).filter(|_| way.generation == 0) else { return };
        opening.awaiting = opening.awaiting.saturating_sub(1);
        if opening.awaiting > 0 {
            return;
        }
        let first = self.written(place).map(|one| (one.ingress, one.key, one.course));
        let ready = first.and_then(|(at, key, course)| Some((at, key, self.switches.up(at.dpid)?.lend_voice(out)?, course)));
        let Some((at, key, mut voice, course)) = ready else {
            self.unfold(place);
            return self.all_passed(way.id, out);
        };
        if self.verification.asked.contains_key(&at.dpid) {
            self.verification.opened.insert((at.dpid, place));
        }
        let held = self.plains.open(place);
        if let Some(hop) = course.hops.first() {
            let idle = install::seconds(self.settings.idle_timeout);
            install::add_pair(way.id, (hop.in_port, hop.out_port), [true, false], (&key, idle), &mut voice);
        }
        if let Some(session) = self.switches.up(at.dpid) {
            session.take_voice(voice, out);
        }
        for packet in held {
            let hops = if packet.direction == Direction::Forward { course.hops.clone() } else { course.back() };
            let Some(hop) = hops.first().filter(|hop| Location::new(hop.dpid, hop.in_port) == packet.at) else { continue };
            let frame: &[u8] = if packet.buffer.is_some() { &[] } else { &packet.frame };
            let actions = [Action::Output(hop.out_port)];
            let message = ToSwitch::PacketOut { in_port: Some(packet.at.port), buffer: packet.buffer, frame, out: &actions };
            if let Some(session) = self.switches.up(packet.at.dpid) {
                session.say(&message, out);
            }
        }
    }

    /// True if hosts are at this port, and nothing else.
    fn is_port_of_hosts(&mut self, at: Location) -> bool {
        if let Some(known) = self.fast.ports.get(&at) {
            return *known;
        }
        let of_hosts = self.is_for_hosts(at) && self.topology.is_up(at) && !self.switches.is_down(at);
        self.fast.ports.insert(at, of_hosts);
        of_hosts
    }

    /// The same of the port where a seat is.
    fn is_seat_of_host(&mut self, id: SeatId, at: Location) -> bool {
        let since = self.fast.since;
        if self.plains.seats.get(id).is_some_and(|seat| seat.port_known == since) {
            return true;
        }
        let of_hosts = self.is_port_of_hosts(at);
        if let (true, Some(seat)) = (of_hosts, self.plains.seats.get_mut(id)) {
            seat.port_known = since;
        }
        of_hosts
    }

    /// A packet of TCP, UDP or SCTP between two seats, from where its sender sits; nothing for all others, or where
    /// anything about the sender is in question.
    fn known<'a>(&mut self, at: Location, read: &'a Read<'a>) -> Option<Known<'a>> {
        let key = &read.key;
        if !self.hosts.is_calm(at, key.dl_src) {
            return None;
        }
        let [src, dst] = match read.seats {
            Some(seats) => seats,
            None => [self.seat(key.dl_src, read.ends[0], Some(at))?, self.seat(key.dl_dst, read.ends[1], None)?],
        };
        let (from, to) = (self.plains.seats.get(src)?, self.plains.seats.get(dst)?);
        let (placed, from, to) = ([from.placed, to.placed], from.at, to.at);
        if from != at || to == at || !self.is_seat_of_host(src, at) || !self.is_seat_of_host(dst, to) {
            return None;
        }
        let class = read.class.unwrap_or_else(|| self.program.class(&read.headers));
        Some(Known { at, to, trunk: None, placed, read, class, wire: read.wire([src, dst]) })
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
        let key = &known.read.key;
        !self.records.may_have(key)
            && !self.records.has_wide()
            && !self.records.carries_any()
            && self.ended.rest(key, now).is_none()
            // An earlier run may have left entries like these, which nobody has judged yet.
            && (!self.adoption.is_waiting() || self.is_vacant(known))
    }

    fn tell(&self, known: &Known<'_>, rule: Option<RuleId>, now: Time, out: &mut Effects) {
        let end = |id: SeatId| self.plains.seats.get(id).map_or_else(End::default, |seat| (*seat.end).clone());
        let [src, dst] = known.wire.seats.map(end);
        let flow = Arc::new(Flow { headers: known.read.headers, src, dst, time: Some(now) });
        out.event(Event::Decided(Box::new(Decided {
            flow,
            verdict: Verdict::Allow,
            rule,
            via: Vec::new(),
            audited: Vec::new(),
            switches: 1 + known.trunk.iter().flat_map(|trunk| trunk.beyond()).count(),
            covers: None,
        })));
    }
}

impl Known<'_> {
    /// The packet, to wait for its way.
    fn held(&self, direction: Direction) -> Held {
        let Glance { buffer, frame, .. } = self.read.glance;
        let frame = if buffer.is_some() { Bytes::new() } else { Bytes::copy_from_slice(frame) };
        Held { at: self.at, buffer, frame, direction }
    }
}

/// Sends a packet on its way.
fn release(speaker: &mut Speaker, known: &Known<'_>, out_port: PortNo) {
    let Glance { buffer, frame, .. } = known.read.glance;
    let data = if buffer.is_some() { &[][..] } else { frame };
    speaker.voice.release((known.at.port, out_port), buffer, data);
}

/// True if a version can match these packets of IP with ports.
pub(crate) fn can_say(version: Version, key: &FlowKey) -> bool {
    match version {
        Version::V10 => key.ip.is_some_and(|ip| ip.src.is_ipv4() && matches!(ip.proto, IpProto::TCP | IpProto::UDP)),
        Version::V13 => true,
    }
}
