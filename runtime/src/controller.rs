//! The runtime's state and the one step that changes it: `step(state, input, time) → effects`. The same inputs at the same times
//! give the same effects. Knows nothing of sockets, files or clocks.

mod admission;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compiler::{Cached, Program, View};
use lang::checked::Checked;
use net::{Dpid, Location, MacAddr, PortNo, Time};
use rustc_hash::FxHashMap;

use crate::adopt::Adoption;
use crate::dialect::{PortState, Subject, Version};
use crate::discovery::Discovery;
use crate::effect::{ConnId, Effects, Input, Peer};
use crate::ended::Ended;
use crate::event::{Cause, Event, SessionEnd};
use crate::fast::{Fast, Reached};
use crate::groups::Groups;
use crate::hosts::Hosts;
use crate::install::Tables;
use crate::limits::{Limits, PriceList};
use crate::meters::Meters;
use crate::plain::Plains;
use crate::planned::{PLAN, Standing};
use crate::record::Records;
use crate::route::Hop;
use crate::scans::Scans;
use crate::session::{Capabilities, Failure, Said, Session};
use crate::settings::Settings;
use crate::strays::Strays;
use crate::topology::{Link, Topology};
use crate::trees::Trees;
use crate::update::Naming;
use crate::verify::Verification;
use compiler::inventory::Inventory;

/// The port by which a switch's own system is attached (OpenFlow 1.3.5 §A.2.1), which has no carrier.
const LOCAL: u32 = 0xffff_fffe;
/// Ports of one switch that are kept.
pub(crate) const PORTS_LIMIT: usize = 65_536;

/// Everything the runtime knows.
#[derive(Debug)]
pub struct Controller {
    pub(crate) settings: Settings,
    pub(crate) policy: Arc<Checked>,
    pub(crate) program: Cached,
    pub(crate) inventory: Inventory,
    pub(crate) view: View,
    pub(crate) topology: Topology,
    pub(crate) switches: Switches,
    pub(crate) hosts: Hosts,
    pub(crate) records: Records,
    /// Conversations that are not among the records, because they are nothing but allowed.
    pub(crate) plains: Plains,
    pub(crate) fast: Fast,
    pub(crate) prices: PriceList,
    pub(crate) ended: Ended,
    pub(crate) tables: Tables,
    pub(crate) meters: Meters,
    pub(crate) groups: Groups,
    pub(crate) trees: Trees,
    pub(crate) verification: Verification,
    /// Drop entries of no conversation.
    pub(crate) strays: Strays,
    pub(crate) limits: Limits,
    pub(crate) scans: Scans,
    pub(crate) standing: Standing,
    pub(crate) adoption: Adoption,
    pub(crate) counters: Counters,
    pub(crate) discovery: Discovery,
    /// When the policy's times next make a difference.
    pub(crate) edge: Option<Time>,
    /// While conversations are judged under a new policy, the words of the one before.
    pub(crate) before: Option<Naming>,
}

/// Connections, and which of them speaks for which switch.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    sessions: FxHashMap<ConnId, Session>,
    spokesmen: FxHashMap<Dpid, ConnId>,
    ports: FxHashMap<Dpid, BTreeMap<PortNo, bool>>,
}

/// How often things happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that switches sent up.
    pub packet_ins: u64,
    /// Flows allowed and set up.
    pub allowed: u64,
    /// Flows denied.
    pub denied: u64,
    /// Conversations that lost their permission or their way.
    pub revoked: u64,
    /// Packets dropped because their sender was not believed.
    pub spoofed: u64,
    /// Frames that could not be read.
    pub malformed: u64,
    /// Packets dropped for a limit before they were looked at, or decided.
    pub shed: u64,
    /// Flows that the policy allows and the network could not carry.
    pub unroutable: u64,
}

/// How things stand, for a status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Switches that take flows.
    pub switches: usize,
    /// Links in use.
    pub links: usize,
    /// Stations attached.
    pub stations: usize,
    /// Conversations and denials.
    pub conversations: usize,
    /// Those of them that go along trees to many.
    pub trees: usize,
    /// Counters since the start.
    pub counters: Counters,
}

impl Switches {
    /// The session of a switch that takes flows.
    pub(crate) fn up(&mut self, dpid: Dpid) -> Option<&mut Session> {
        let conn = self.spokesmen.get(&dpid)?;
        self.sessions.get_mut(conn).filter(|session| session.is_up())
    }

    /// True if the switch takes flows.
    pub(crate) fn is_up(&self, dpid: Dpid) -> bool {
        self.spokesmen.get(&dpid).and_then(|conn| self.sessions.get(conn)).is_some_and(Session::is_up)
    }

    /// The version that a switch that is connected speaks.
    pub(crate) fn version(&self, dpid: Dpid) -> Option<Version> {
        self.sessions.get(self.spokesmen.get(&dpid)?)?.version()
    }

    /// What a switch that is connected can do, as far as it told.
    #[must_use]
    pub fn capabilities(&self, dpid: Dpid) -> Option<&Capabilities> {
        self.sessions.get(self.spokesmen.get(&dpid)?).map(Session::capabilities)
    }

    /// True if the switch is held because the policy does not declare it.
    pub(crate) fn is_pending(&self, dpid: Dpid) -> bool {
        self.spokesmen.get(&dpid).and_then(|conn| self.sessions.get(conn)).is_some_and(Session::is_pending)
    }

    /// How long a message to the switch and its answer take; nothing before that is known.
    pub(crate) fn round_trip(&self, dpid: Dpid) -> Option<std::time::Duration> {
        self.sessions.get(self.spokesmen.get(&dpid)?)?.round_trip()
    }

    /// True if the switch said that this port carries nothing.
    pub(crate) fn is_down(&self, at: Location) -> bool {
        at.port.0 != LOCAL && self.ports.get(&at.dpid).and_then(|ports| ports.get(&at.port)) == Some(&false)
    }

    /// Switches in use of which nothing was heard after this.
    pub(crate) fn silent_since(&self, then: Time) -> BTreeSet<Dpid> {
        let heard = |conn| self.sessions.get(conn).filter(|session| session.is_up()).map(Session::last_heard);
        self.spokesmen.iter().filter(|(_, conn)| heard(conn).is_some_and(|last| last <= then)).map(|(dpid, _)| *dpid).collect()
    }

    /// Holds a switch that was let in and is not in use yet, or not now.
    pub(crate) fn suspend(&mut self, dpid: Dpid, now: Time) {
        if let Some(session) = self.speaker(dpid) {
            session.suspend(now);
        }
    }

    pub(crate) fn session(&mut self, conn: ConnId) -> Option<&mut Session> {
        self.sessions.get_mut(&conn)
    }

    fn speaker(&mut self, dpid: Dpid) -> Option<&mut Session> {
        self.sessions.get_mut(self.spokesmen.get(&dpid)?)
    }
}

impl Controller {
    /// A runtime with this policy in force, before any switch connected.
    ///
    /// # Errors
    /// The policy exceeds what can be compiled.
    pub fn new(policy: Arc<Checked>, settings: Settings, now: Time) -> Result<Controller, compiler::CompileError> {
        let view = View::new(&policy);
        let program = Program::try_compile(policy.clone(), &view)?;
        let mut controller = Controller {
            fast: Fast::new(&settings, &program),
            prices: PriceList { packets: settings.packets.into(), flows: settings.flows.into() },
            program: Cached::new(program, settings.ready),
            plains: Plains::new(settings.hash_seed(), settings.ready),
            inventory: Inventory::new(&policy),
            records: Records::starting(settings.epoch, settings.hash_seed()),
            ended: Ended::default(),
            standing: Standing::default(),
            adoption: Adoption::starting(now, settings.settle),
            topology: Topology::default(),
            switches: Switches::default(),
            hosts: Hosts::new(settings.hash_seed()),
            tables: Tables::new(settings.hash_seed()),
            meters: Meters::default(),
            groups: Groups::default(),
            trees: Trees::default(),
            verification: Verification::default(),
            strays: Strays::default(),
            limits: Limits::new(settings.hash_seed()),
            scans: Scans::new(settings.hash_seed()),
            counters: Counters::default(),
            discovery: Discovery::starting(now),
            edge: None,
            before: None,
            settings,
            policy,
            view,
        };
        controller.edge = controller.edge_after(now);
        Ok(controller)
    }

    /// Takes one input in.
    pub fn step(&mut self, input: Input, now: Time, out: &mut Effects) {
        match input {
            Input::Connected(conn, peer) => {
                let session = Session::open(conn, peer, now, out);
                self.switches.sessions.insert(conn, session);
            }
            Input::Received(conn, bytes) => {
                if let Some(session) = self.switches.sessions.get_mut(&conn) {
                    session.receive(bytes);
                }
                self.listen(conn, now, out);
            }
            Input::Closed(conn) => self.end(conn, SessionEnd::Closed, out),
            Input::Policy(policy) => self.enforce_policy(policy, now, out),
            Input::Tick => self.tick(now, out),
        }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Arc<Checked> {
        &self.policy
    }

    /// The present view.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The present program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How many conversations and denials there are.
    #[must_use]
    pub fn conversations(&self) -> usize {
        self.records.len() + self.plains.len()
    }

    /// Links in use.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        self.topology.links()
    }

    /// What a switch that is connected can do, as far as it told.
    #[must_use]
    pub fn capabilities(&self, dpid: Dpid) -> Option<&Capabilities> {
        self.switches.capabilities(dpid)
    }

    /// Who is at the far end of a switch that is connected.
    #[must_use]
    pub fn peer(&self, dpid: Dpid) -> Option<Peer> {
        self.switches.sessions.get(self.switches.spokesmen.get(&dpid)?).map(Session::peer)
    }

    /// True if this connection speaks for a switch that takes flows.
    #[must_use]
    pub fn is_up(&self, conn: ConnId) -> bool {
        self.switches.sessions.get(&conn).is_some_and(Session::is_up)
    }

    /// True if this connection is of a switch that is held pending.
    #[must_use]
    pub fn is_pending(&self, conn: ConnId) -> bool {
        self.switches.sessions.get(&conn).is_some_and(Session::is_pending)
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            switches: self.topology.switches().len(),
            links: self.topology.links().count() / 2,
            stations: self.view.stations().filter(|station| station.location.is_some()).count(),
            conversations: self.conversations(),
            trees: self.records.trees().len(),
            counters: self.counters,
        }
    }

    /// Handles all that a connection has said so far.
    fn listen(&mut self, conn: ConnId, now: Time, out: &mut Effects) {
        loop {
            let reached = self.hear_fast(conn, now, out);
            let Some(session) = self.switches.sessions.get_mut(&conn) else { return };
            match session.next(&self.settings, now, out) {
                Ok(Some(Said::PacketIn(dpid, packet))) => {
                    self.counters.packet_ins += 1;
                    self.packet_in(dpid, packet, reached == Reached::Admitted, now, out);
                }
                Ok(Some(said)) => self.hear(conn, said, now, out),
                Ok(None) => return,
                Err(reason) => return self.end(conn, reason, out),
            }
        }
    }

    fn hear(&mut self, conn: ConnId, said: Said, now: Time, out: &mut Effects) {
        if !matches!(said, Said::FlowRemoved(..) | Said::Passed(_)) {
            self.fast.ports_changed();
        }
        match said {
            Said::Introduced(dpid, ports) => self.introduced(conn, dpid, ports, now, out),
            Said::Holds(dpid, held) => {
                self.meters.found(dpid, &held.meters);
                self.groups.found(dpid, &held.groups);
                self.join(dpid, now, out);
                self.resettle_meters(dpid, out);
                self.resettle_groups(dpid, out);
                self.read_back(dpid, held.flows, now, out);
            }
            Said::PacketIn(dpid, packet) => self.packet_in(dpid, packet, false, now, out),
            Said::PortStatus(dpid, port, deleted) => {
                // Who has not introduced itself yet speaks for nobody: another may be that switch.
                if self.switches.spokesmen.get(&dpid) == Some(&conn) {
                    self.port_status(dpid, port, deleted, now, out);
                }
            }
            Said::Verified(dpid, flows) => self.verified(dpid, flows, now, out),
            Said::FlowRemoved(dpid, removed) => self.flow_removed(dpid, &removed, now, out),
            Said::Passed(way) => self.passed(way, now, out),
            Said::Failed(failure) => self.failed(conn, failure, now, out),
            Said::Standby { dpid, why, flow } => {
                if let Some(flow) = flow {
                    self.unfold_flow(flow);
                    self.refused_by_switch(flow, out);
                }
                if let Some(why) = why {
                    out.event(Event::SwitchStandby { dpid, why });
                    self.leave(dpid, out);
                }
            }
        }
    }

    /// A switch could not do something.
    fn failed(&mut self, conn: ConnId, failure: Failure, now: Time, out: &mut Effects) {
        let Failure { xid, error, subject, flow, full } = failure;
        let flow = flow.filter(|flow| *flow != PLAN);
        let dpid = self.switches.sessions.get(&conn).and_then(Session::dpid);
        if let Some(flow) = flow {
            self.unfold_flow(flow);
        }
        let known = flow.and_then(|flow| self.records.get(flow));
        let text = known.map(|one| lang::flowspec::flow_text(&self.policy, &one.flow));
        out.event(Event::SwitchError { dpid, xid, error, about: subject, flow: text });
        if let Some(dpid) = dpid.filter(|_| subject == Some(Subject::Group)) {
            self.groups.refuse(dpid);
        }
        match (flow, dpid, subject) {
            (Some(flow), ..) => self.refused_by_switch(flow, out),
            // An entry of no conversation, or nobody knows what: an exception from what is planned may be missing.
            (None, Some(dpid), Some(Subject::Entry) | None) => self.unplan_switch(dpid, now, out),
            (None, ..) => {}
        }
        if let Some(dpid) = dpid.filter(|_| subject == Some(Subject::Removal)) {
            self.doubt(dpid, now);
        }
        if let Some(dpid) = dpid.filter(|_| full) {
            self.table_full(dpid, now, out);
        }
    }

    /// Switches that introduced themselves, in order.
    pub(crate) fn connected(&self) -> Vec<Dpid> {
        let mut all: Vec<Dpid> = self.switches.spokesmen.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// A declared switch is ready.
    fn join(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        let Some(version) = self.switches.speaker(dpid).and_then(|session| session.version()) else { return };
        self.topology.add_switch(dpid);
        self.adoption.progress(now);
        out.event(Event::SwitchJoined { dpid, version });
        let ports = self.switches.ports.get(&dpid).cloned().unwrap_or_default();
        for (port, up) in &ports {
            self.topology.set_port(Location::new(dpid, *port), *up);
        }
        self.trees.may_grow();
        self.ports_found(dpid, now, out);
        self.want_miss_entry(dpid, version);
        for port in ports.into_keys() {
            self.probe_port(Location::new(dpid, port), now, out);
        }
        self.plan_soon(Some(dpid));
    }

    /// Which ports of a switch carry is known again: what was at the others, or went through them, is there no longer.
    fn ports_found(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        let is_dead = |topology: &Topology, port: PortNo| !topology.is_up(Location::new(dpid, port));
        let gone: Vec<(MacAddr, Location)> = self
            .view
            .stations()
            .filter_map(|station| Some((station.mac, station.location?)))
            .filter(|(_, at)| at.dpid == dpid && is_dead(&self.topology, at.port))
            .collect();
        for (mac, at) in gone {
            self.detach(mac, at, now, out);
        }
        let dead: BTreeSet<PortNo> = self.plains.ports(dpid).into_iter().filter(|port| is_dead(&self.topology, *port)).collect();
        self.unfold_through(dpid, |at| dead.contains(&at.port));
        let passes_dead =
            |hop: Hop| hop.dpid == dpid && (is_dead(&self.topology, hop.in_port) || is_dead(&self.topology, hop.out_port));
        let cut = self.records.select(|one| one.course.passes().any(passes_dead));
        for id in cut {
            self.revalidate(id, Cause::NoPath, now, out);
        }
    }

    fn port_status(&mut self, dpid: Dpid, port: PortState, deleted: bool, now: Time, out: &mut Effects) {
        let ports = self.switches.ports.entry(dpid).or_default();
        let was = ports.get(&port.port).copied();
        if was.is_none() && (deleted || ports.len() >= PORTS_LIMIT) {
            return;
        }
        if deleted {
            ports.remove(&port.port);
        } else {
            ports.insert(port.port, port.up);
            if self.inventory.knows(dpid) {
                self.hosts.know_switch(dpid, std::iter::once((port.port, port.mac)));
            }
        }
        let up = port.up && !deleted;
        if !self.topology.has_switch(dpid) || (was == Some(up) && !up && !deleted) {
            return;
        }
        let at = Location::new(dpid, port.port);
        let before = self.topology.is_up(at);
        let lost = if deleted { self.topology.remove_port(at) } else { self.topology.set_port(at, up) };
        if before != up {
            self.trees.may_grow();
            self.discovery.port_changed(at, up, now);
            out.event(Event::Port { at, up });
        }
        if up {
            self.lift_refusals(out);
            self.probe_port(at, now, out);
        } else {
            self.port_down(at, lost, now, out);
        }
    }

    /// Ends a connection and takes back what it stood for.
    pub(crate) fn end(&mut self, conn: ConnId, reason: SessionEnd, out: &mut Effects) {
        self.fast.ports_changed();
        let Some(session) = self.switches.sessions.remove(&conn) else { return };
        let dpid = session.dpid();
        if reason != SessionEnd::Closed {
            out.closes.push(conn);
        }
        out.event(Event::SessionEnded { conn, dpid, reason });
        if let Some(dpid) = dpid.filter(|dpid| self.switches.spokesmen.get(dpid) == Some(&conn)) {
            self.switches.spokesmen.remove(&dpid);
            self.switches.ports.remove(&dpid);
            self.leave(dpid, out);
        }
    }

    /// A switch is out of reach. Packets that its entries allow go on flowing; nothing new is sent its way.
    pub(crate) fn leave(&mut self, dpid: Dpid, out: &mut Effects) {
        if !self.topology.has_switch(dpid) {
            return;
        }
        for link in self.topology.remove_switch(dpid) {
            out.event(Event::LinkDown(link));
        }
        self.unfold_opening(dpid);
        self.plains.away.insert(dpid);
        self.verification.forget(dpid);
        self.tables.disconnected(dpid);
        self.meters.disconnected(dpid);
        self.groups.disconnected(dpid);
        self.abandon_unfinished(dpid, out);
        out.event(Event::SwitchLeft { dpid });
    }

    fn tick(&mut self, now: Time, out: &mut Effects) {
        let mut conns: Vec<ConnId> = self.switches.sessions.keys().copied().collect();
        conns.sort_unstable();
        for conn in conns {
            let Some(session) = self.switches.sessions.get_mut(&conn) else { continue };
            if let Err(reason) = session.tick(&self.settings, now, out) {
                self.end(conn, reason, out);
            }
        }
        self.fast.ports_changed();
        self.discover(now, out);
        self.age_hosts(now, out);
        self.age_denials(now);
        self.age_strays(now);
        self.reopen_drained(now, out);
        self.age_limits(now, out);
        self.verify_in_turn(now, out);
        self.plan_in_turn(now, out);
        self.pass_edges(now, out);
        self.adopt_when_settled(now, out);
        self.regrow(now, out);
    }
}
