//! Finds links: authenticated LLDP probes out of every port that may lead to a switch. Knows nothing of what links are used for.

use net::{Location, MacAddr, PortNo, Time};
use packet::{Probe, ProbeError, ProbeKey};

use crate::controller::Controller;
use crate::dialect::{Action, ToSwitch};
use crate::effect::Effects;
use crate::event::{Cause, Event};
use crate::inventory::Role;
use crate::topology::Link;

/// Discovery intervals without a probe after which a link is gone.
const MISSED: u32 = 3;

impl Controller {
    /// Sends probes when they are due, and forgets links that probes no longer confirm.
    pub(crate) fn discover(&mut self, now: Time, out: &mut Effects) {
        if now < self.next_probe {
            return;
        }
        self.next_probe = now.after(self.settings.discovery_interval);
        let ports: Vec<Location> = self.topology.ports_up().collect();
        for at in ports {
            self.probe_port(at, now, out);
        }
        let patience = self.settings.discovery_interval * MISSED;
        let since = Time(now.0.saturating_sub(u64::try_from(patience.as_micros()).unwrap_or(u64::MAX)));
        let lost = self.topology.expire(since);
        self.links_lost(&lost, now, out);
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
        if !matches!(self.inventory.role(&self.policy, at), Role::Uplink | Role::Open) {
            return self.refuse_probe(at, "came in on a port that is not an uplink", now, out);
        }
        let from = Location::new(probe.dpid, probe.port);
        let before: Vec<Link> = self.topology.links().filter(|link| link.to == at || link.from == at).collect();
        let found = self.topology.confirm(from, at, now);
        if found.is_none() && !self.topology.links().any(|link| link.to == at) {
            // Heard one way only: the other way is asked at once, not at the next interval.
            self.probe_port(at, now, out);
        }
        self.became_internal(at, now, out);
        let now_gone: Vec<Link> = before.into_iter().filter(|link| !self.topology.links().any(|other| other == *link)).collect();
        self.links_lost(&now_gone, now, out);
        if let Some(link) = found {
            out.event(Event::LinkUp(link));
            self.adoption.progress(now);
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
