//! From a packet to a decision, and from a decision to a way through the network. Fails closed: what cannot be read, identified,
//! routed or expressed does not pass. Knows nothing of bytes on the control channel.

use std::net::IpAddr;
use std::sync::Arc;

use compiler::principal::{self, Identity, Refusal};
use compiler::template::Template;
use lang::checked::{MiddleboxId, Verdict};
use lang::flow::{End, Flow, Judgement, Place};
use net::{Dpid, FlowKey, FlowMatch, IpHeader, Location, MacAddr, Time};
use packet::tcp::{ACK, SYN};
use packet::{Frame, Payload};

use crate::controller::Controller;
use crate::course::Course;
use crate::dialect::{Action, PacketIn, ToSwitch};
use crate::effect::Effects;
use crate::ended::Rest;
use crate::event::{Decided, Event, Limit, Suspicion};
use crate::record::{Conversation, Direction, FlowId, HELD_LIMIT, Held, State};
use crate::route::NoPath;
use crate::tables;
use compiler::inventory::Role;

/// A packet at a switch, read.
pub(crate) struct Arrival<'a> {
    pub(crate) at: Location,
    pub(crate) packet: &'a PacketIn,
    pub(crate) key: FlowKey,
    /// It asks for a TCP connection, and belongs to none yet (RFC 9293 §3.5).
    pub(crate) begins: bool,
    /// The short way was not gone as far as to its limits: its ends may be known by now.
    pub(crate) fresh: bool,
}

impl Controller {
    /// A switch sent a packet up.
    pub(crate) fn packet_in(&mut self, dpid: Dpid, packet: PacketIn, admitted: bool, now: Time, out: &mut Effects) {
        let at = Location::new(dpid, packet.in_port);
        // What waited here while its port went down is of nobody who is there now.
        if self.switches.is_down(at) || (!admitted && !self.admits_packet(at, &packet.frame, now, out)) {
            return;
        }
        self.packet_read(at, &packet, !admitted, now, out);
        if let Some(buffer) = packet.buffer.take() {
            self.discard(at, buffer, out);
        }
    }

    /// Nothing is to become of a packet that its switch keeps: an output to nowhere drops it (OpenFlow 1.0.1 §5.3.6).
    fn discard(&mut self, at: Location, buffer: u32, out: &mut Effects) {
        if let Some(session) = self.switches.up(at.dpid) {
            session.say(&ToSwitch::PacketOut { in_port: Some(at.port), buffer: Some(buffer), frame: &[], out: &[] }, out);
        }
    }

    fn packet_read(&mut self, at: Location, packet: &PacketIn, fresh: bool, now: Time, out: &mut Effects) {
        let bytes = packet.frame.clone();
        // A stump that the switch keeps no packet for can go nowhere.
        let stump = !packet.whole && packet.buffer.get().is_none();
        let Some(Frame { key, payload }) = packet::parse(&bytes).ok().filter(|_| !stump) else {
            self.counters.malformed += 1;
            return;
        };
        if let Payload::Lldp(unit) = payload {
            self.fast.ports_changed();
            return self.probe_in(at, unit, now, out);
        }
        let arrival = Arrival { at, packet, key, begins: begins(&payload), fresh };
        if !self.is_edge(at) {
            return self.in_transit(&arrival, now, out);
        }
        if !self.learn(key.dl_src, at, now, out) {
            self.drop_reflected(&arrival, now, out);
            // Who may be here in a moment is not kept waiting.
            if !self.hosts.is_moving(key.dl_src) {
                self.drop_refused(&arrival, now, out);
            }
            return;
        }
        match payload {
            Payload::Arp(arp) => self.arp_in(at, key.dl_src, &arp, now, out),
            Payload::Ip(ip) if self.snoop(&arrival, &ip, now, out) => {}
            Payload::Ip(ip) => self.ip_at_edge(&arrival, ip.bytes, now, out),
            Payload::Eapol(_) | Payload::Other => self.at_edge(&arrival, now, out),
            Payload::Lldp(_) => {}
        }
    }

    /// Stops what a tree sent out of one port and something behind that sends back into another.
    fn drop_reflected(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let known = self.known_conversation(&arrival.key);
        let known = known.and_then(|(id, _)| self.records.trees().get(&id));
        if known.is_some_and(|ingress| *ingress != arrival.at) {
            self.drop_stray(arrival, now, out);
        }
    }

    fn ip_at_edge(&mut self, arrival: &Arrival<'_>, content: &[u8], now: Time, out: &mut Effects) {
        let key = &arrival.key;
        let Some(ip) = key.ip else { return };
        if self.claims_by_sending(arrival.at, &ip.src) && !self.claim(key.dl_src, ip.src, arrival.at, now, out) {
            return self.drop_refused(arrival, now, out);
        }
        let supposed = self.suppose_behind(key.dl_dst, ip.dst, now);
        match packet::icmp_error::quoted(&ip, content).and_then(|quoted| self.quoted_conversation(arrival, quoted)) {
            Some(to) => self.hand_on(arrival, to, now, out),
            None if arrival.fresh && !supposed && self.begin_plainly(arrival, now, out) => {}
            None => self.at_edge(arrival, now, out),
        }
        if supposed {
            self.keep_behind(key.dl_dst, ip.dst, now, out);
        }
    }

    /// Where an ICMP error belongs that is about a packet of an allowed conversation, and comes from where that packet went. Not
    /// where middleboxes stand between: they would not see it.
    fn quoted_conversation(&mut self, arrival: &Arrival<'_>, quoted: IpHeader) -> Option<Location> {
        let first = FlowKey { dl_src: arrival.key.dl_dst, dl_dst: arrival.key.dl_src, ip: Some(quoted), ..arrival.key };
        let (id, direction) = self.known_conversation(&first)?;
        let conversation = self.records.get(id)?;
        let (end, begin) = (conversation.course.leaves_at()?, conversation.ingress);
        let (from, to) = match direction {
            Direction::Forward => (end, begin),
            Direction::Reply => (begin, end),
        };
        let allowed = conversation.template.verdict == Verdict::Allow && conversation.template.via.is_empty();
        (allowed && from == arrival.at).then_some(to)
    }

    /// Brings one packet to a port by hand, a few a second from each port.
    fn hand_on(&mut self, arrival: &Arrival<'_>, to: Location, now: Time, out: &mut Effects) {
        if self.may_carry(arrival, &[], now, out) {
            self.send_frame(to.dpid, None, &arrival.packet.frame, &[Action::Output(to.port)], out);
        }
    }

    fn at_edge(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let key = &arrival.key;
        match self.known_conversation(key) {
            Some((id, direction)) => self.again(id, direction, arrival, now, out),
            // What is too much leads to nothing that is sent.
            None if !self.admits_flow(arrival, now, out) => drop(arrival.packet.buffer.take()),
            None => self.initiated(arrival, now, out),
        }
    }

    /// True if a packet from this address at this port claims the address for its sender.
    pub(crate) fn claims_by_sending(&self, at: Location, address: &IpAddr) -> bool {
        let single = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
        single && !matches!(self.inventory.role(&self.policy, at), Role::Gateway(_))
    }

    /// The conversation that a packet belongs to: as a region with its DSCP, or as an answer whatever its DSCP.
    fn known_conversation(&mut self, key: &FlowKey) -> Option<(FlowId, Direction)> {
        self.unfold_key(key);
        let own = self.with_dscp_or_without(key, |region| self.records.find(region));
        own.or_else(|| self.records.find_wide(key))
    }

    fn with_dscp_or_without<T>(&self, key: &FlowKey, find: impl Fn(&FlowMatch) -> Option<T>) -> Option<T> {
        let open = FlowMatch::exact(key);
        let fixed = self.program.fixes_dscp().then(|| FlowMatch { dscp: key.ip.map(|ip| ip.dscp), ..open });
        fixed.and_then(|region| find(&region)).or_else(|| find(&open))
    }

    /// A packet between switches, or from a middlebox, that its switch has no entry for: only a conversation that stands may
    /// bring it there.
    fn in_transit(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let carried = self.with_dscp_or_without(&arrival.key, |region| self.records.find_carried(region));
        let known = carried.or_else(|| self.known_conversation(&arrival.key));
        match known.filter(|(id, direction)| self.comes_by(*id, *direction, arrival.at)) {
            Some((id, direction)) => self.again(id, direction, arrival, now, out),
            None => self.drop_stray(arrival, now, out),
        }
    }

    /// True if packets of this conversation may come in here, by its way or by one that it had a moment ago.
    fn comes_by(&self, id: FlowId, direction: Direction, at: Location) -> bool {
        let Some(conversation) = self.records.get(id) else { return false };
        match conversation.state {
            State::Opening { .. } | State::Closing { .. } => true,
            State::Standing => tables::actions_at(conversation, at, direction).is_some(),
        }
    }

    /// A packet of a conversation that was decided already.
    fn again(&mut self, id: FlowId, direction: Direction, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        if conversation.template.verdict != Verdict::Allow {
            return;
        }
        let bound = conversation.is_bound() || conversation.course.tree().is_some();
        match &mut conversation.state {
            State::Opening { held: waiting, .. } | State::Closing { held: waiting, .. } => {
                // What is between switches came by an old way, and may stand behind a middlebox of the new one, or have been copied.
                let begins = !bound || arrival.at == conversation.ingress;
                if begins && waiting.len() < HELD_LIMIT {
                    waiting.push(held(arrival, direction));
                }
            }
            State::Standing => self.pass_again(id, arrival, direction, now, out),
        }
    }

    /// Puts entries that have timed out back, if that was not done a moment ago, and sends the packet on, unless it is one of copies.
    fn pass_again(&mut self, id: FlowId, arrival: &Arrival<'_>, direction: Direction, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get(id) else { return };
        if tables::actions_at(conversation, arrival.at, direction).is_none() {
            return;
        }
        let lately = now.since(conversation.installed).as_millis() < 500;
        // What is on its way in a tree has been copied: from here it might come to somebody twice.
        let copied = conversation.course.tree().is_some() && arrival.at != conversation.ingress;
        let held = (!copied).then(|| held(arrival, direction));
        if lately {
            if let Some(held) = held {
                self.release(id, &held, out);
            }
            return;
        }
        self.forget_present_at(id, arrival.at.dpid);
        self.open(id, held.into_iter().collect(), Vec::new(), now, out);
    }

    /// The first packet of a flow.
    fn initiated(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let (src, dst) = match self.identify(arrival.at, &arrival.key) {
            Ok(ends) => ends,
            Err(refusal) => return self.unidentified(refusal, arrival, now, out),
        };
        let (judgement, template) = match self.denied_rest(arrival, now) {
            Some(judgement) => {
                let template = self.program.template(&arrival.key, &dst, &judgement);
                (judgement, template)
            }
            None => {
                let judgement = self.program.judge_key(&src, &dst, &arrival.key, now);
                let template = self.template(arrival.at, &arrival.key, (&src, &dst), &judgement, now);
                (judgement, template)
            }
        };
        let flow = Arc::new(Flow { headers: compiler::Program::headers(&arrival.key), src, dst, time: Some(now) });
        match judgement.verdict {
            Verdict::Reject => {
                self.tell_refused(arrival, now, out);
                self.deny(arrival, flow, template, now, out);
            }
            // A policy that redirects is not put in force: see `capability`.
            Verdict::Deny | Verdict::Redirect => self.deny(arrival, flow, template, now, out),
            Verdict::Allow if matches!(flow.dst.place, Place::Broadcast | Place::Multicast) => {
                self.multiply(arrival, &flow, &template, now, out);
            }
            Verdict::Allow => self.allow(arrival, flow, template, now, out),
        }
    }

    /// The denial of the conversation that a packet is the rest of, if that has lost its permission and not got it back: such a
    /// packet opens nothing.
    fn denied_rest(&mut self, arrival: &Arrival<'_>, now: Time) -> Option<Judgement> {
        let key = &arrival.key;
        let Rest { ingress, wide } = self.ended.rest(key, now)?;
        if wide && arrival.begins {
            return None;
        }
        let first = key.reply();
        let (src, dst) = self.identify(ingress, &first).ok()?;
        let judgement = self.program.judge_key(&src, &dst, &first, now);
        if judgement.verdict != Verdict::Allow {
            return Some(judgement);
        }
        if !judgement.via.is_empty() || !judgement.duties.mirror.is_empty() {
            // It may go on as it was bound, and not as a conversation of its own that is bound to less.
            return Some(Judgement { verdict: Verdict::Deny, ..judgement });
        }
        self.ended.forget(key);
        None
    }

    /// Both ends of a packet's flow, or why one of them is nobody.
    pub(crate) fn identify(&self, at: Location, key: &FlowKey) -> Result<(End, End), Refusal> {
        let src = match principal::source(&self.policy, &self.view, at, key) {
            Identity::Known(end) => end,
            Identity::Refused(refusal) => return Err(refusal),
        };
        match principal::destination(&self.policy, &self.view, key) {
            Identity::Known(end) => Ok((src, end)),
            Identity::Refused(refusal) => Err(refusal),
        }
    }

    fn unidentified(&mut self, refusal: Refusal, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        if matches!(refusal, Refusal::UnknownStation | Refusal::UnclaimedAddress) {
            // The sender was learned a moment ago, so it is the destination that nobody has seen.
            if let Some(ip) = arrival.key.ip {
                self.note_scan(arrival.at, arrival.key.dl_src, ip.dst, now, out);
                self.ask_from(arrival.at, ip.dst, now, out);
            }
            return;
        }
        self.alarm(arrival.key.dl_src, arrival.at, Suspicion::Refused(refusal), now, out);
        self.drop_refused(arrival, now, out);
    }

    /// Tells the initiator that its packet is refused: so many a second from each port, and what is beyond that is dropped in silence.
    fn tell_refused(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        if self.hosts.refused.count(arrival.at, now) > self.settings.relays_per_second {
            return self.limited(arrival.at, Limit::Refusals, now, out);
        }
        if let Some(frame) = packet::refusal(&arrival.packet.frame) {
            self.send_frame(arrival.at.dpid, None, &frame, &[Action::Output(arrival.at.port)], out);
        }
    }

    fn deny(&mut self, arrival: &Arrival<'_>, flow: Arc<Flow>, template: Template, now: Time, out: &mut Effects) {
        self.counters.denied += 1;
        decided(&flow, &template, 0, out);
        if let Some(ip) = arrival.key.ip {
            self.note_scan(arrival.at, arrival.key.dl_src, ip.dst, now, out);
        }
        if !template.installable || !self.may_deny(arrival, now, out) {
            return;
        }
        let id = self.records.fresh();
        let judged = (flow, template);
        let conversation = Conversation::beginning(id, (arrival.at, arrival.key), judged, Course::default(), now);
        self.records.insert(conversation);
        self.records.denial_ends(now.after(self.settings.drop_timeout), id);
        self.open(id, Vec::new(), Vec::new(), now, out);
    }

    fn allow(&mut self, arrival: &Arrival<'_>, flow: Arc<Flow>, template: Template, now: Time, out: &mut Effects) {
        let Some(to) = flow.dst.location else {
            if let Some(ip) = arrival.key.ip {
                self.ask_from(arrival.at, ip.dst, now, out);
            }
            return;
        };
        let course = match self.course(arrival.at, to, &template, &[]) {
            Ok(course) => course,
            Err(NoPath::SamePort(_)) => return,
            Err(why) => {
                self.counters.unroutable += 1;
                out.event(Event::Unroutable { flow, why });
                return self.drop_refused(arrival, now, out);
            }
        };
        if !template.installable {
            return self.hand_over(arrival, &flow, &template, to, now, out);
        }
        if !self.may_begin(arrival, &course, now, out) {
            return;
        }
        let full = self.first_full(&course).map(NoPath::TableFull);
        if let Some(why) = full.or_else(|| self.is_confused(&template, None).then_some(NoPath::Confused)) {
            self.counters.unroutable += 1;
            return out.event(Event::Unroutable { flow, why });
        }
        self.yield_denial(&template, out);
        self.counters.allowed += 1;
        decided(&flow, &template, course.switches(), out);
        let id = self.records.fresh();
        let held = held(arrival, Direction::Forward);
        self.records.insert(Conversation::beginning(id, (arrival.at, arrival.key), (flow, template), course, now));
        self.open(id, vec![held], Vec::new(), now, out);
    }

    /// The answers to an allowed conversation go before a denial of the same packets as a conversation of their own.
    fn yield_denial(&mut self, template: &Template, out: &mut Effects) {
        let Some((id, _)) = template.reply.and_then(|reply| self.records.find(&reply)) else { return };
        if self.records.get(id).is_some_and(|other| other.template.verdict != Verdict::Allow) {
            self.forget(id, out);
        }
    }

    /// Brings one allowed packet to its destination's port by hand, where switches could not tell its kind from others: later
    /// fragments. Not past middleboxes, and a few a second from each port.
    fn hand_over(
        &mut self,
        arrival: &Arrival<'_>,
        flow: &Arc<Flow>,
        template: &Template,
        to: Location,
        now: Time,
        out: &mut Effects,
    ) {
        if !self.may_carry(arrival, &template.via, now, out) {
            return;
        }
        self.counters.allowed += 1;
        decided(flow, template, 0, out);
        self.send_frame(to.dpid, None, &arrival.packet.frame, &[Action::Output(to.port)], out);
    }

    /// An allowed broadcast or multicast frame: by a tree, or by hand.
    fn multiply(&mut self, arrival: &Arrival<'_>, flow: &Arc<Flow>, template: &Template, now: Time, out: &mut Effects) {
        if is_link_constrained(arrival.key.dl_dst) {
            return;
        }
        // Whoever sends many of them makes us look at all ports so often, and no more.
        if self.hosts.relays.count(arrival.at, now) > self.settings.relays_per_second {
            return self.limited(arrival.at, Limit::Relays, now, out);
        }
        let audience = self.audience(arrival.at, &arrival.key, flow, template, now);
        if self.plant(arrival, flow, template, &audience, now, out) {
            return;
        }
        if !template.via.is_empty() || !arrival.packet.whole {
            return self.limited(arrival.at, Limit::Relays, now, out);
        }
        self.counters.allowed += 1;
        decided(flow, template, 0, out);
        let ports: Vec<Location> = audience.ports.into_iter().collect();
        if !self.may_copy(&ports, arrival.at, now, out) {
            return;
        }
        for at in ports {
            self.send_frame(at.dpid, None, &arrival.packet.frame, &[Action::Output(at.port)], out);
        }
    }

    /// True if the controller may carry this packet itself: it has all of it, no middlebox must see it, and the port has not sent
    /// too many of its kind.
    pub(crate) fn may_carry(&mut self, arrival: &Arrival<'_>, via: &[MiddleboxId], now: Time, out: &mut Effects) -> bool {
        let may = via.is_empty() && {
            let within = self.hosts.relays.count(arrival.at, now) <= self.settings.relays_per_second;
            within && arrival.packet.whole
        };
        if !may {
            self.limited(arrival.at, Limit::Relays, now, out);
        }
        may
    }

    /// Sends a held packet along the way of its conversation, from where it is.
    pub(crate) fn release(&mut self, id: FlowId, held: &Held, out: &mut Effects) {
        let Some(actions) = self.records.get(id).and_then(|one| tables::actions_at(one, held.at, held.direction)) else { return };
        let Some(session) = self.switches.up(held.at.dpid) else { return };
        let frame: &[u8] = if held.buffer.is_some() { &[] } else { &held.frame };
        let message = ToSwitch::PacketOut { in_port: Some(held.at.port), buffer: held.buffer, frame, out: &actions };
        session.say(&message, out);
    }
}

/// True for the first segment of a TCP connection.
fn begins(payload: &Payload<'_>) -> bool {
    let Payload::Ip(ip) = payload else { return false };
    ip.tcp_flags.is_some_and(|flags| flags & (SYN | ACK) == SYN)
}

/// Addresses that bridges never pass on (IEEE 802.1Q §8.6.3): spanning tree, EAPOL, LLDP.
fn is_link_constrained(mac: MacAddr) -> bool {
    matches!(mac.0, [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f])
}

pub(crate) fn held(arrival: &Arrival<'_>, direction: Direction) -> Held {
    Held { at: arrival.at, buffer: arrival.packet.buffer.take(), frame: arrival.packet.frame.clone(), direction }
}

pub(crate) fn decided(flow: &Arc<Flow>, template: &Template, switches: usize, out: &mut Effects) {
    out.event(Event::Decided(Box::new(Decided {
        flow: flow.clone(),
        verdict: template.verdict,
        rule: template.rule,
        via: template.via.clone(),
        audited: template.audited.clone(),
        switches,
        covers: template.wide.then_some(template.region),
    })));
}
