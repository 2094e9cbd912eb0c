//! Finds links: authenticated LLDP probes out of every port that may lead to a switch. Knows nothing of what links are used for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use net::{Location, MacAddr, PortNo, Time};
use packet::{Probe, ProbeError, ProbeKey};

use crate::controller::Controller;
use crate::damping::{self, Damping};
use crate::dialect::{Action, ToSwitch};
use crate::effect::Effects;
use crate::event::{Cause, Event, Limit};
use crate::hosts::PerSecond;
use crate::neighbours::Wiring;
use crate::topology::{Confirmed, Link};
use compiler::inventory::Role;

/// Discovery intervals without a probe after which a link is gone.
const MISSED: u32 = 3;
/// LLDP frames of one port that are looked at in a second.
const PROBES_PER_SECOND: u32 = 20;
/// How long a port is no cable after it went down with a host at it.
const FORMER: Duration = Duration::from_secs(60);

/// What discovery remembers of ports, besides who is heard where.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// When probes are due.
    next: Time,
    damping: Damping,
    /// What is told of already.
    faults: BTreeSet<Wiring>,
    arrived: PerSecond,
    /// When ports last went down: a probe that was sent before is not believed.
    went_down: BTreeMap<Location, Time>,
    /// Since when hosts are at ports that are declared to be nothing.
    occupied: BTreeMap<Location, Time>,
    /// When such a port was last seen with a host.
    former: BTreeMap<Location, Time>,
}

impl Discovery {
    /// Probes are due from now on.
    pub(crate) fn starting(now: Time) -> Discovery {
        Discovery { next: now, ..Discovery::default() }
    }

    /// A port went up or down.
    pub(crate) fn port_changed(&mut self, at: Location, up: bool, now: Time) {
        self.damping.stirred(at, now);
        if !up {
            self.went_down.insert(at, now);
        }
    }

    /// True if a probe between these ports was under way when one of them went down.
    fn is_cut(&self, from: Location, to: Location, sent: Time) -> bool {
        [from, to].iter().any(|at| self.went_down.get(at).is_some_and(|down| *down >= sent))
    }
}

impl Controller {
    /// Sends probes when they are due, and forgets links that probes no longer confirm.
    pub(crate) fn discover(&mut self, now: Time, out: &mut Effects) {
        for cable in self.discovery.damping.calmed(now) {
            self.topology.release(cable);
            self.probe_port(cable.0, now, out);
            self.probe_port(cable.1, now, out);
        }
        if now < self.discovery.next {
            return;
        }
        self.discovery.next = now.after(self.settings.discovery_interval);
        let ports: Vec<Location> = self.topology.ports_up().collect();
        for at in ports {
            self.probe_port(at, now, out);
        }
        let patience = self.settings.discovery_interval * MISSED;
        let since = Time(now.0.saturating_sub(u64::try_from(patience.as_micros()).unwrap_or(u64::MAX)));
        // A switch that said nothing since the first of the probes that are missed may be out of reach, its cables as they were.
        let silent = self.switches.silent_since(since.after(self.settings.discovery_interval));
        let lost = self.topology.expire(since, &silent);
        self.links_lost(&lost, now, out);
        let faults = self.topology.faults(self.settings.discovery_interval, now);
        for fault in faults.difference(&self.discovery.faults) {
            out.event(Event::Miswired(fault.clone()));
        }
        self.discovery.faults = faults;
        self.note_hosts(now);
    }

    /// Notes where hosts are at ports that may as well lead to a switch, or may do so under the next policy, and forgets what is long past.
    fn note_hosts(&mut self, now: Time) {
        let places = self.view.stations().filter_map(|station| station.location);
        let for_hosts = |at: &Location| {
            matches!(self.inventory.role(&self.policy, *at), Role::Open | Role::Access) && self.topology.is_up(*at)
        };
        let occupied: BTreeSet<Location> = places.filter(for_hosts).collect();
        let Discovery { occupied: since, former, went_down, arrived, .. } = &mut self.discovery;
        since.retain(|at, _| occupied.contains(at));
        for at in occupied {
            let first = *since.entry(at).or_insert(now);
            if now.since(first) >= self.settings.discovery_interval * 2 {
                former.insert(at, now);
            }
        }
        former.retain(|_, last| now.since(*last) < FORMER);
        let patience = self.settings.discovery_interval * MISSED;
        went_down.retain(|_, down| now.since(*down) < patience);
        arrived.age(now);
    }

    /// Why a genuine probe makes no link here, if it must not.
    fn unfit(&self, probe: &Probe, at: Location) -> Option<&'static str> {
        let from = Location::new(probe.dpid, probe.port);
        let role = self.inventory.role(&self.policy, at);
        if !matches!(role, Role::Uplink | Role::Open) {
            return Some("came in on a port that is not an uplink");
        }
        if self.discovery.is_cut(from, at, probe.sent) {
            return Some("was sent before a port on its way went down");
        }
        let is_dead = |at: Location| self.topology.has_switch(at.dpid) && !self.topology.is_up(at);
        if is_dead(from) || is_dead(at) {
            return Some("passed a port that is down");
        }
        let was_host = matches!(role, Role::Open) && self.discovery.former.contains_key(&at);
        was_host.then_some("came in on a port where a host is, or was a minute ago")
    }

    /// True if a probe was longer under way than on a cable, its way to and from the switches set aside: two hosts that hand it on need
    /// time. Where the policy says that both ports lead to switches, whatever is between them is its business.
    fn took_a_detour(&self, from: Location, at: Location, age: Duration) -> bool {
        let limit = self.settings.link_latency;
        let is_link = self.topology.link_at(from).is_some_and(|link| link.to == at);
        let is_open = |at| matches!(self.inventory.role(&self.policy, at), Role::Open);
        if limit.is_zero() || is_link || !(is_open(from) || is_open(at)) {
            return false;
        }
        let control = |dpid| self.switches.round_trip(dpid).unwrap_or_default();
        age.saturating_sub(control(from.dpid) + control(at.dpid)) > limit
    }

    /// Sends a probe out of a port, if a switch may be behind it.
    pub(crate) fn probe_port(&mut self, at: Location, now: Time, out: &mut Effects) {
        let may_lead_on = matches!(self.inventory.role(&self.policy, at), Role::Uplink | Role::Open);
        if !may_lead_on || !self.topology.is_up(at) {
            return;
        }
        let probe = Probe { dpid: at.dpid, port: at.port, nonce: self.settings.epoch, sent: now };
        let frame = probe.build(&ProbeKey(self.settings.probe_key), self.settings.mac);
        self.send_frame(at.dpid, None, &frame, &[Action::Output(at.port)], out);
    }

    /// An LLDP frame came in.
    pub(crate) fn probe_in(&mut self, at: Location, payload: &[u8], now: Time, out: &mut Effects) {
        let arrived = self.discovery.arrived.count(at, now);
        if arrived > PROBES_PER_SECOND {
            return self.limited(at, Limit::Probes, now, out);
        }
        let probe = match Probe::verify(payload, &ProbeKey(self.settings.probe_key)) {
            Ok(probe) => probe,
            Err(ProbeError::NotOurs) => return,
            Err(ProbeError::Forged) => return self.refuse_probe(at, "forged, or of another run", now, out),
            Err(ProbeError::Malformed) => return self.refuse_probe(at, "malformed", now, out),
        };
        let age = now.since(probe.sent);
        if probe.nonce != self.settings.epoch || age > self.settings.discovery_interval || probe.sent > now {
            return self.refuse_probe(at, "replayed", now, out);
        }
        if let Some(why) = self.unfit(&probe, at) {
            return self.refuse_probe(at, why, now, out);
        }
        let from = Location::new(probe.dpid, probe.port);
        if self.took_a_detour(from, at, age) {
            return self.refuse_probe(at, "was under way for longer than a cable takes", now, out);
        }
        let was_internal = self.topology.is_internal(at);
        let Confirmed { is_new, found, lost } = self.topology.confirm(from, at, now);
        if is_new && found.is_none() {
            // Heard one way only: the other way is asked at once, and once, not at the next interval.
            self.probe_port(at, now, out);
        }
        self.became_internal(at, now, out);
        if !was_internal {
            self.leaf_became_link(at, now, out);
        }
        self.links_lost(&lost, now, out);
        if let Some(link) = found {
            self.trees.may_grow();
            self.lift_refusals(out);
            out.event(Event::LinkUp(link));
            self.adoption.progress(now);
            self.plan_soon(None);
        }
    }

    /// Tells of a probe that is not believed, once a second for each port.
    fn refuse_probe(&mut self, at: Location, why: &'static str, now: Time, out: &mut Effects) {
        if self.hosts.is_news(at, MacAddr::ZERO, now) {
            out.event(Event::ProbeRefused { at, why });
        }
    }

    /// A port went down: links over it are lost, stations at it are gone.
    pub(crate) fn port_down(&mut self, at: Location, lost: Vec<Link>, now: Time, out: &mut Effects) {
        let stations: Vec<MacAddr> = self.view.at(at).map(|station| station.mac).collect();
        for mac in stations {
            self.detach(mac, at, now, out);
        }
        self.links_lost(&lost, now, out);
        self.revalidate_through(at, Cause::NoPath, now, out);
    }

    fn links_lost(&mut self, lost: &[Link], now: Time, out: &mut Effects) {
        for link in lost {
            out.event(Event::LinkDown(*link));
        }
        for link in lost.iter().filter(|link| link.from < link.to) {
            let cable = damping::pair(link.from, link.to);
            if self.discovery.damping.lost(cable, now) {
                self.topology.hold(cable);
                out.event(Event::LinkHeld { link: *link, quiet: damping::QUIET });
            }
        }
        for link in lost {
            self.revalidate_through(link.from, Cause::NoPath, now, out);
        }
    }

    /// Probes arrive here: whoever was taken for a host at this port is behind another switch.
    fn became_internal(&mut self, at: Location, now: Time, out: &mut Effects) {
        let stations: Vec<MacAddr> = self.view.at(at).map(|station| station.mac).collect();
        for mac in stations {
            self.detach(mac, at, now, out);
        }
    }

    /// True if hosts may be at this port.
    pub(crate) fn is_edge(&self, at: Location) -> bool {
        match self.inventory.role(&self.policy, at) {
            Role::Access | Role::Gateway(_) => true,
            Role::Open => !self.topology.is_internal(at),
            Role::Uplink | Role::Middlebox(_) | Role::Closed => false,
        }
    }

    /// Sends a frame out of a switch.
    pub(crate) fn send_frame(
        &mut self,
        dpid: net::Dpid,
        in_port: Option<PortNo>,
        frame: &[u8],
        actions: &[Action],
        out: &mut Effects,
    ) {
        if let Some(session) = self.switches.up(dpid) {
            session.say(&ToSwitch::PacketOut { in_port, buffer: None, frame, out: actions }, out);
        }
    }
}
