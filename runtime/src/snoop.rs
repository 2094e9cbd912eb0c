//! Watches DHCP of both families: requests go to the ports of trusted servers alone, answers to the client that asked, and what a
//! server gives is bound. Knows nothing of how long bindings hold.

use std::net::IpAddr;

use lang::checked::{Served, Verdict};
use net::{Location, MacAddr, Prefix, Time};
use packet::udp::Datagram;
use packet::{Dhcp, Dhcp6, IpPayload, dhcp, dhcp6};

use crate::controller::Controller;
use crate::dialect::Action;
use crate::effect::Effects;
use crate::enforce::Arrival;
use crate::event::Suspicion;
use crate::hosts::{Granted, Loss, Query};

impl Controller {
    /// A message for DHCP servers. True if that is all with it.
    pub(crate) fn dhcp_request_in(
        &mut self,
        arrival: &Arrival<'_>,
        payload: &IpPayload<'_>,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let (at, mac) = (arrival.at, arrival.key.dl_src);
        if !self.has_servers() || self.is_trusted(at, mac, Served::Dhcp) {
            return false;
        }
        let Some(message) = read(arrival, payload, |data| Dhcp::parse(data).ok()) else { return self.unreadable() };
        if message.kind.is_of_servers() {
            self.alarm(mac, at, Suspicion::NotServed(Served::Dhcp), now, out);
            return true;
        }
        if message.client != mac {
            self.alarm(mac, at, Suspicion::AddressOf(message.client), now, out);
            return true;
        }
        if message.relayed || !message.relay.is_unspecified() {
            self.alarm(mac, at, Suspicion::Relayed, now, out);
            return true;
        }
        let given_back = match message.kind {
            dhcp::Kind::Release => Some((IpAddr::V4(message.client_ip), Loss::Released)),
            dhcp::Kind::Decline => message.requested.map(|address| (IpAddr::V4(address), Loss::Declined)),
            _ => None,
        };
        if let Some((address, why)) = given_back {
            return self.given_back(arrival, &[address], why, false, now, out);
        }
        if message.kind == dhcp::Kind::Request {
            self.end_leases_elsewhere(mac, at, false, now, out);
        }
        let query = Query { mac, transaction: message.xid, v6: false };
        if !self.note_query(query, at, message.host_name, now, out) {
            return true;
        }
        self.bring_to_server(arrival, Served::Dhcp, now, out)
    }

    /// A message for DHCP clients. True if that is all with it.
    pub(crate) fn dhcp_answer_in(
        &mut self,
        arrival: &Arrival<'_>,
        payload: &IpPayload<'_>,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let key = &arrival.key;
        if let Some(done) = self.unserved(arrival, Served::Dhcp, now, out) {
            return done;
        }
        let Some(message) = read(arrival, payload, |data| Dhcp::parse(data).ok()) else { return self.unreadable() };
        let for_client = key.dl_dst == message.client || key.dl_dst.is_broadcast();
        if !message.kind.is_of_servers() || !for_client || !self.believes_source(arrival, now, out) {
            return true;
        }
        let query = Query { mac: message.client, transaction: message.xid, v6: false };
        let Some(to) = self.asker_of(&query) else { return true };
        match message.kind {
            dhcp::Kind::Ack if !message.your_ip.is_unspecified() => {
                // Whoever gives an address says for how long (RFC 2131 §4.3.1).
                let Some(seconds) = message.lease.filter(|seconds| *seconds > 0) else { return self.unreadable() };
                let granted = Granted { address: IpAddr::V4(message.your_ip), seconds };
                if !self.grant(&query, granted, to, now, out) {
                    return true;
                }
                self.query_answered(&query);
            }
            dhcp::Kind::Nak => {
                self.end_leases(message.client, false, Loss::Refused, now, out);
                self.query_answered(&query);
            }
            _ => {}
        }
        self.send_frame(to.dpid, None, &arrival.packet.frame, &[Action::Output(to.port)], out);
        true
    }

    /// A message for servers of DHCP for IPv6. True if that is all with it.
    pub(crate) fn dhcp6_request_in(
        &mut self,
        arrival: &Arrival<'_>,
        payload: &IpPayload<'_>,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let (at, mac) = (arrival.at, arrival.key.dl_src);
        if !self.has_servers() || self.is_trusted(at, mac, Served::Dhcpv6) {
            return false;
        }
        let Some(message) = read(arrival, payload, |data| Dhcp6::parse(data).ok()) else { return self.unreadable() };
        if message.kind.is_relayed() || message.kind.is_of_servers() {
            let relayed = message.kind.is_relayed();
            let why = if relayed { Suspicion::Relayed } else { Suspicion::NotServed(Served::Dhcpv6) };
            self.alarm(mac, at, why, now, out);
            return true;
        }
        let why = match message.kind {
            dhcp6::Kind::Release => Some(Loss::Released),
            dhcp6::Kind::Decline => Some(Loss::Declined),
            _ => None,
        };
        let query = Query { mac, transaction: message.transaction, v6: true };
        if let Some(why) = why {
            // The server confirms it.
            self.note_query(query, at, None, now, out);
            let addresses: Vec<IpAddr> = message.addresses.iter().map(|(address, _)| IpAddr::V6(*address)).collect();
            let prefixes: Vec<Prefix> = message.prefixes.iter().map(|(prefix, _)| *prefix).collect();
            if !self.may_give_back(arrival, &prefixes, now, out) {
                return true;
            }
            return self.given_back(arrival, &addresses, why, true, now, out);
        }
        if matches!(message.kind, dhcp6::Kind::Request | dhcp6::Kind::Renew | dhcp6::Kind::Rebind) {
            self.end_leases_elsewhere(mac, at, true, now, out);
        }
        if !self.note_query(query, at, None, now, out) {
            return true;
        }
        self.bring_to_server(arrival, Served::Dhcpv6, now, out)
    }

    /// A message for clients of DHCP for IPv6. True if that is all with it.
    pub(crate) fn dhcp6_answer_in(
        &mut self,
        arrival: &Arrival<'_>,
        payload: &IpPayload<'_>,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let key = &arrival.key;
        if let Some(done) = self.unserved(arrival, Served::Dhcpv6, now, out) {
            return done;
        }
        let Some(message) = read(arrival, payload, |data| Dhcp6::parse(data).ok()) else { return self.unreadable() };
        if !message.kind.is_of_servers() || !self.believes_source(arrival, now, out) {
            return true;
        }
        let query = Query { mac: key.dl_dst, transaction: message.transaction, v6: true };
        let Some(to) = self.asker_of(&query) else { return true };
        if message.kind == dhcp6::Kind::Reply {
            for (address, seconds) in &message.addresses {
                let address = IpAddr::V6(*address);
                if *seconds == 0 {
                    self.lose_lease(query.mac, address, now, out);
                } else if !self.grant(&query, Granted { address, seconds: *seconds }, to, now, out) {
                    return true;
                }
            }
            for (prefix, seconds) in &message.prefixes {
                self.delegate((query.mac, to), *prefix, *seconds, now, out);
            }
            self.query_answered(&query);
        }
        self.send_frame(to.dpid, None, &arrival.packet.frame, &[Action::Output(to.port)], out);
        true
    }

    /// The server no longer lets the client have an address.
    fn lose_lease(&mut self, mac: MacAddr, address: IpAddr, now: Time, out: &mut Effects) {
        if self.leased_to(mac, true).contains(&address) {
            self.lose(mac, address, Loss::Refused, now, out);
        }
    }

    /// A client gives addresses back. What are not its own by lease it cannot give back: the server does not hear of it.
    fn given_back(
        &mut self,
        arrival: &Arrival<'_>,
        addresses: &[IpAddr],
        why: Loss,
        v6: bool,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        let (at, mac) = (arrival.at, arrival.key.dl_src);
        let own = self.leased_to(mac, v6);
        let foreign = addresses.iter().find(|address| !own.contains(address));
        if let Some(owner) = foreign.and_then(|address| self.view.owner(*address)).filter(|owner| *owner != mac) {
            self.alarm(mac, at, Suspicion::AddressOf(owner), now, out);
            return true;
        }
        // Declined addresses were offered and never bound: nobody has them.
        if foreign.is_some() && why == Loss::Released {
            return true;
        }
        let leased = addresses.iter().filter(|address| own.contains(address)).count();
        if why == Loss::Declined && !self.may_decline(at, (addresses.len(), leased), now, out) {
            return true;
        }
        let served = if v6 { Served::Dhcpv6 } else { Served::Dhcp };
        let done = self.bring_to_server(arrival, served, now, out);
        for address in addresses.iter().filter(|address| own.contains(address)) {
            self.lose(mac, *address, why, now, out);
        }
        done
    }

    /// True if these prefixes are the sender's, and were given to it here. They are no longer.
    fn may_give_back(&mut self, arrival: &Arrival<'_>, prefixes: &[Prefix], now: Time, out: &mut Effects) -> bool {
        let (at, mac) = (arrival.at, arrival.key.dl_src);
        for prefix in prefixes {
            match self.delegation(*prefix) {
                Some(owner) if owner == (mac, at) => {}
                Some((owner, _)) => {
                    self.alarm(mac, at, Suspicion::AddressOf(owner), now, out);
                    return false;
                }
                None => return false,
            }
        }
        for prefix in prefixes {
            self.undelegate(mac, *prefix);
        }
        true
    }

    /// Brings a request to the one server that it names, if the policy lets it; false for what is for all servers, and for what the
    /// policy must be asked about in full.
    fn bring_to_server(&mut self, arrival: &Arrival<'_>, served: Served, now: Time, out: &mut Effects) -> bool {
        if arrival.key.dl_dst.is_multicast() {
            return false;
        }
        if !self.believes_source(arrival, now, out) {
            return true;
        }
        let Some(to) = self.allowed_server(arrival, served, now) else { return false };
        if self.may_carry(arrival, &[], now, out) {
            self.send_frame(to.dpid, None, &arrival.packet.frame, &[Action::Output(to.port)], out);
        }
        true
    }

    fn allowed_server(&self, arrival: &Arrival<'_>, served: Served, now: Time) -> Option<Location> {
        let (src, dst) = self.identify(arrival.at, &arrival.key).ok()?;
        let allowed = self.program.judge_key(&src, &dst, &arrival.key, now).verdict == Verdict::Allow;
        dst.location.filter(|to| allowed && self.inventory.serves(*to, served))
    }

    /// What cannot be read goes nowhere.
    fn unreadable(&mut self) -> bool {
        self.counters.malformed += 1;
        true
    }
}

/// The message in a datagram that came whole.
fn read<'a, T>(arrival: &Arrival<'_>, payload: &IpPayload<'a>, parse: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
    let datagram = Datagram::parse(payload.bytes).filter(|_| arrival.packet.whole)?;
    parse(datagram.data)
}
