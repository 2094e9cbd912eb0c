//! Who is let in as which switch: by datapath identifier, and by certificate where the policy declares one. Knows nothing of how
//! certificates are checked: the connection has done that.

use net::{Dpid, Fingerprint, Time};

use super::Controller;
use crate::dialect::PortState;
use crate::effect::{ConnId, Effects, Peer};
use crate::event::{Event, SessionEnd};
use crate::session::Session;

/// What the policy says to somebody who is there as a switch.
enum Admission {
    /// It is that switch.
    Welcome,
    /// The policy does not declare it.
    Pending,
    /// It is not that switch.
    Refused(SessionEnd),
}

impl Controller {
    /// A switch told who it is and which ports it has.
    pub(super) fn introduced(&mut self, conn: ConnId, dpid: Dpid, ports: Vec<PortState>, now: Time, out: &mut Effects) {
        let Some(peer) = self.switches.sessions.get(&conn).map(Session::peer) else { return };
        if let Admission::Refused(reason) = self.admission(dpid, peer) {
            return self.end(conn, reason, out);
        }
        let holder = self.switches.spokesmen.get(&dpid).copied().filter(|other| *other != conn);
        if let Some(holder) = holder
            && !self.displaces(holder, peer, dpid, now, out)
        {
            return self.end(conn, SessionEnd::DuplicateDpid, out);
        }
        self.switches.spokesmen.insert(dpid, conn);
        if self.inventory.knows(dpid) {
            self.hosts.know_switch(dpid, ports.iter().map(|port| (port.port, port.mac)));
        }
        self.switches.ports.insert(dpid, ports.iter().map(|port| (port.port, port.up)).collect());
        self.admit_or_hold(dpid, now, out);
    }

    /// Somebody says that it is a switch which is connected. True if that makes room: with a certificate against one without. Else the
    /// one that is there stays, and has to show at once that it lives; if it does not, the next attempt finds room.
    fn displaces(&mut self, holder: ConnId, peer: Peer, dpid: Dpid, now: Time, out: &mut Effects) -> bool {
        let Some(session) = self.switches.sessions.get_mut(&holder) else { return true };
        let there = session.peer();
        out.event(Event::DpidClaimed { dpid, holder: there.address, by: peer.address });
        if peer.certificate.is_some() && there.certificate.is_none() {
            self.end(holder, SessionEnd::Displaced, out);
            return true;
        }
        session.prove(now, out);
        false
    }

    /// Admits a switch that the inventory knows, holds any other.
    pub(crate) fn admit_or_hold(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        let known = self.inventory.knows(dpid);
        let Some(session) = self.switches.spokesmen.get(&dpid).and_then(|conn| self.switches.sessions.get_mut(conn)) else {
            return;
        };
        if !session.is_pending() {
            return;
        }
        if known {
            session.admit(&self.settings, now, out);
        } else {
            out.event(Event::SwitchPending { dpid, certificate: session.peer().certificate });
        }
    }

    /// The policy changed: ends the connection of who is not that switch any longer. True if it did.
    pub(crate) fn refuse_again(&mut self, dpid: Dpid, out: &mut Effects) -> bool {
        let Some(conn) = self.switches.spokesmen.get(&dpid).copied() else { return false };
        let Some(peer) = self.switches.sessions.get(&conn).map(Session::peer) else { return false };
        let Admission::Refused(reason) = self.admission(dpid, peer) else { return false };
        self.end(conn, reason, out);
        true
    }

    fn admission(&self, dpid: Dpid, peer: Peer) -> Admission {
        let declared = self.inventory.switch(&self.policy, dpid);
        let wanted = declared.map_or(&[][..], |switch| &switch.certificates);
        if !wanted.is_empty() {
            return match peer.certificate {
                Some(shown) if wanted.contains(&shown) => Admission::Welcome,
                shown => Admission::Refused(SessionEnd::NotItsCertificate { shown }),
            };
        }
        match (peer.certificate.and_then(|shown| self.owner_of(shown)), declared) {
            (Some(owner), _) => Admission::Refused(SessionEnd::CertificateOf(owner)),
            (None, Some(_)) => Admission::Welcome,
            (None, None) => Admission::Pending,
        }
    }

    /// The switch that is declared with this certificate.
    fn owner_of(&self, certificate: Fingerprint) -> Option<Dpid> {
        self.policy.switches.iter().find(|switch| switch.certificates.contains(&certificate)).map(|switch| switch.dpid)
    }
}
