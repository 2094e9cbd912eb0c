//! From a packet to a decision, and from a decision to a way through the network. Fails closed: what cannot be read, identified,
//! routed or expressed does not pass. Knows nothing of bytes on the control channel.

use std::net::IpAddr;
use std::sync::Arc;

use compiler::principal::{self, Identity, Refusal};
use compiler::template::Template;
use lang::checked::{Attachment, MiddleboxId, Verdict};
use lang::flow::{End, Flow, Judgement, Place};
use net::{Dpid, FlowKey, FlowMatch, IpHeader, Location, MacAddr, Time};
use packet::{Frame, Payload};

use crate::controller::Controller;
use crate::dialect::{Action, PacketIn, ToSwitch};
use crate::effect::Effects;
use crate::event::{Decided, Event, Limit, Suspicion};
use crate::hosts::v4;
use crate::inventory::Role;
use crate::record::{Conversation, Direction, FlowId, HELD_LIMIT, Held, State};
use crate::route::{self, Hop, NoPath};

/// The part of all conversations that may be begun at one port: one over this.
const PORT_SHARE: usize = 16;

/// A packet at a switch, read.
struct Arrival<'a> {
    at: Location,
    packet: &'a PacketIn,
    key: FlowKey,
}

impl Controller {
    /// A switch sent a packet up.
    pub(crate) fn packet_in(&mut self, dpid: Dpid, packet: PacketIn, now: Time, out: &mut Effects) {
        let at = Location::new(dpid, packet.in_port);
        let bytes = packet.frame.clone();
        // A stump that the switch keeps no packet for can go nowhere.
        let stump = !packet.whole && packet.buffer.is_none();
        let Some(Frame { key, payload }) = packet::parse(&bytes).ok().filter(|_| !stump) else {
            self.counters.malformed += 1;
            return;
        };
        if let Payload::Lldp(unit) = payload {
            return self.probe_in(at, unit, now, out);
        }
        let arrival = Arrival { at, packet: &packet, key };
        if !self.is_edge(at) {
            return self.in_transit(&arrival, now, out);
        }
        if !self.learn(key.dl_src, at, now, out) {
            return;
        }
        match payload {
            Payload::Arp(arp) => self.arp_in(at, key.dl_src, &arp, now, out),
            Payload::Ip(ip) => self.ip_at_edge(&arrival, ip.bytes, now, out),
            Payload::Eapol(_) | Payload::Other => self.at_edge(&arrival, now, out),
            Payload::Lldp(_) => {}
        }
    }

    fn ip_at_edge(&mut self, arrival: &Arrival<'_>, content: &[u8], now: Time, out: &mut Effects) {
        let key = &arrival.key;
        let Some(ip) = key.ip else { return };
        if self.claims_by_sending(arrival.at, &ip.src) && !self.claim(key.dl_src, ip.src, arrival.at, now, out) {
            return;
        }
        match packet::icmp_error::quoted(&ip, content).and_then(|quoted| self.quoted_conversation(arrival, quoted)) {
            Some(to) => self.hand_on(arrival, to, now, out),
            None => self.at_edge(arrival, now, out),
        }
    }

    /// Where an ICMP error belongs that is about a packet of an allowed conversation, and comes from where that packet went. Not
    /// where middleboxes stand between: they would not see it.
    fn quoted_conversation(&self, arrival: &Arrival<'_>, quoted: IpHeader) -> Option<Location> {
        let first = FlowKey { dl_src: arrival.key.dl_dst, dl_dst: arrival.key.dl_src, ip: Some(quoted), ..arrival.key };
        let (id, direction) = self.known_conversation(&first)?;
        let conversation = self.records.get(id)?;
        let (last, begin) = (conversation.hops.last()?, conversation.ingress);
        let end = Location::new(last.dpid, last.out_port);
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
            None => self.initiated(arrival, now, out),
        }
    }

    /// True if a packet from this address at this port claims the address for its sender.
    fn claims_by_sending(&self, at: Location, address: &IpAddr) -> bool {
        let single = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
        single && !matches!(self.inventory.role(&self.policy, at), Role::Gateway(_))
    }

    /// The conversation that a packet belongs to: as a region with its DSCP, or as an answer whatever its DSCP.
    fn known_conversation(&self, key: &FlowKey) -> Option<(FlowId, Direction)> {
        let open = FlowMatch::exact(key);
        let fixed = self.program.fixes_dscp().then(|| FlowMatch { dscp: key.ip.map(|ip| ip.dscp), ..open });
        fixed.and_then(|region| self.records.find(&region)).or_else(|| self.records.find(&open))
    }

    /// A packet between switches, or from a middlebox, that its switch has no entry for: only a conversation that stands may
    /// bring it there.
    fn in_transit(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        if let Some((id, direction)) = self.known_conversation(&arrival.key) {
            self.again(id, direction, arrival, now, out);
        }
    }

    /// A packet of a conversation that was decided already.
    fn again(&mut self, id: FlowId, direction: Direction, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        if conversation.template.verdict != Verdict::Allow {
            return;
        }
        let held = held(arrival, direction);
        match &mut conversation.state {
            State::Opening { held: waiting, .. } | State::Closing { held: waiting, .. } => {
                // What is between switches came by an old way, and may stand behind a middlebox of the new one.
                let begins = conversation.template.via.is_empty() || held.at == conversation.ingress;
                if begins && waiting.len() < HELD_LIMIT {
                    waiting.push(held);
                }
            }
            State::Standing => self.pass_again(id, held, now, out),
        }
    }

    /// Puts entries that have timed out back, if that was not done a moment ago, and sends the packet on.
    fn pass_again(&mut self, id: FlowId, held: Held, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get(id) else { return };
        if hop_at(conversation, held.at, held.direction).is_none() {
            return;
        }
        if now.since(conversation.installed).as_millis() < 500 {
            return self.release(id, &held, out);
        }
        self.forget_present_at(id, held.at.dpid);
        self.open(id, vec![held], Vec::new(), now, out);
    }

    /// The first packet of a flow.
    fn initiated(&mut self, arrival: &Arrival<'_>, now: Time, out: &mut Effects) {
        let (src, dst) = match self.identify(arrival.at, &arrival.key) {
            Ok(ends) => ends,
            Err(refusal) => return self.unidentified(refusal, arrival, now, out),
        };
        let judgement = self.program.judge_key(&src, &dst, &arrival.key, now);
        let judgement = self.denied_rest(&arrival.key, now).unwrap_or(judgement);
        let template = self.program.template(&arrival.key, &dst, &judgement);
        let flow = Arc::new(Flow { headers: compiler::Program::headers(&arrival.key), src, dst, time: Some(now) });
        match judgement.verdict {
            // A policy that says more than to drop is not put in force: see `capability`.
            Verdict::Deny | Verdict::Reject | Verdict::Redirect => self.deny(arrival, flow, template, now, out),
            Verdict::Allow if matches!(flow.dst.place, Place::Broadcast | Place::Multicast) => {
                self.relay(arrival, &flow, &template, now, out);
            }
            Verdict::Allow => self.allow(arrival, flow, template, now, out),
        }
    }

    /// The denial of the conversation that a packet is the rest of, if that has lost its permission and not got it back: such a
    /// packet opens nothing.
    fn denied_rest(&mut self, key: &FlowKey, now: Time) -> Option<Judgement> {
        let ingress = self.ended.rest(key, now)?;
        let first = key.reply();
        let (src, dst) = self.identify(ingress, &first).ok()?;
        let judgement = self.program.judge_key(&src, &dst, &first, now);
        if judgement.verdict != Verdict::Allow {
            return Some(judgement);
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
            if let Some(address) = arrival.key.ip.and_then(|ip| v4(&ip.dst)) {
                self.ask_from(arrival.at, address, now, out);
            }
            return;
        }
        self.alarm(arrival.key.dl_src, arrival.at, Suspicion::Refused(refusal), now, out);
    }

    fn deny(&mut self, arrival: &Arrival<'_>, flow: Arc<Flow>, template: Template, now: Time, out: &mut Effects) {
        self.counters.denied += 1;
        decided(&flow, &template, 0, out);
        if !template.installable || self.is_full(arrival.at, out) {
            return;
        }
        let id = self.records.fresh();
        let conversation = Conversation {
            id,
            key: arrival.key,
            flow,
            template,
            ingress: arrival.at,
            hops: Vec::new(),
            generation: 0,
            state: State::Standing,
            installed: now,
        };
        self.records.insert(conversation);
        self.records.denial_ends(now.after(self.settings.drop_timeout), id);
        self.open(id, Vec::new(), Vec::new(), now, out);
    }

    fn allow(&mut self, arrival: &Arrival<'_>, flow: Arc<Flow>, template: Template, now: Time, out: &mut Effects) {
        let Some(to) = flow.dst.location else {
            if let Some(address) = arrival.key.ip.and_then(|ip| v4(&ip.dst)) {
                self.ask_from(arrival.at, address, now, out);
            }
            return;
        };
        let hops = match self.way(arrival.at, to, &template.via) {
            Ok(hops) => hops,
            Err(NoPath::SamePort(_)) => return,
            Err(why) => {
                self.counters.unroutable += 1;
                return out.event(Event::Unroutable { flow, why });
            }
        };
        if !template.installable {
            return self.hand_over(arrival, &flow, &template, to, now, out);
        }
        if self.is_full(arrival.at, out) {
            return;
        }
        self.yield_denial(&template, out);
        self.counters.allowed += 1;
        decided(&flow, &template, hops.len(), out);
        let id = self.records.fresh();
        let held = held(arrival, Direction::Forward);
        let (key, ingress) = (arrival.key, arrival.at);
        let state = State::Standing;
        let generation = 0;
        self.records.insert(Conversation { id, key, flow, template, ingress, hops, generation, state, installed: now });
        self.open(id, vec![held], Vec::new(), now, out);
    }

    /// The answers to an allowed conversation go before a denial of the same packets as a conversation of their own.
    fn yield_denial(&mut self, template: &Template, out: &mut Effects) {
        let Some((id, _)) = template.reply.and_then(|reply| self.records.find(&reply)) else { return };
        if self.records.get(id).is_some_and(|other| other.template.verdict != Verdict::Allow) {
            self.forget(id, out);
        }
    }

    /// The way from port to port through middleboxes.
    pub(crate) fn way(&mut self, from: Location, to: Location, via: &[MiddleboxId]) -> Result<Vec<Hop>, NoPath> {
        let policy = self.policy.clone();
        let attached: Vec<(MiddleboxId, Attachment)> = via
            .iter()
            .map(|id| policy.middleboxes.get(id.index()).map(|middlebox| (*id, middlebox.attachment)).ok_or(*id))
            .collect::<Result<_, _>>()
            .map_err(NoPath::MiddleboxDown)?;
        route::path(&mut self.topology, from, to, &attached)
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

    /// Sends an allowed broadcast or multicast frame out of every other edge port, a few a second from each.
    fn relay(&mut self, arrival: &Arrival<'_>, flow: &Arc<Flow>, template: &Template, now: Time, out: &mut Effects) {
        if is_link_constrained(arrival.key.dl_dst) || !self.may_carry(arrival, &template.via, now, out) {
            return;
        }
        self.counters.allowed += 1;
        decided(flow, template, 0, out);
        let ports: Vec<Location> = self.topology.ports_up().filter(|at| *at != arrival.at && self.is_edge(*at)).collect();
        for at in ports {
            self.send_frame(at.dpid, None, &arrival.packet.frame, &[Action::Output(at.port)], out);
        }
    }

    /// True if the controller may carry this packet itself: it has all of it, no middlebox must see it, and the port has not sent
    /// too many of its kind.
    fn may_carry(&mut self, arrival: &Arrival<'_>, via: &[MiddleboxId], now: Time, out: &mut Effects) -> bool {
        let may = via.is_empty() && {
            let within = self.hosts.relays.count(arrival.at, now) <= self.settings.relays_per_second;
            within && arrival.packet.whole
        };
        if !may {
            out.event(Event::Limited { at: arrival.at, what: Limit::Relays });
        }
        may
    }

    fn is_full(&self, at: Location, out: &mut Effects) -> bool {
        let all = self.settings.conversations;
        let full = self.records.len() >= all || self.records.begun_at(at) >= (all / PORT_SHARE).max(1);
        if full {
            out.event(Event::Limited { at, what: Limit::Conversations });
        }
        full
    }

    /// Sends a held packet along the way of its conversation, from where it is.
    pub(crate) fn release(&mut self, id: FlowId, held: &Held, out: &mut Effects) {
        let Some(hop) = self.records.get(id).and_then(|one| hop_at(one, held.at, held.direction)) else { return };
        let Some(session) = self.switches.up(held.at.dpid) else { return };
        let frame: &[u8] = if held.buffer.is_some() { &[] } else { &held.frame };
        let message = ToSwitch::PacketOut { in_port: Some(held.at.port), buffer: held.buffer, frame, out: &[action(&hop)] };
        session.say(&message, out);
    }
}

/// Addresses that bridges never pass on (IEEE 802.1Q §8.6.3): spanning tree, EAPOL, LLDP.
fn is_link_constrained(mac: MacAddr) -> bool {
    matches!(mac.0, [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f])
}

/// What a switch does with packets of a hop.
pub(crate) fn action(hop: &Hop) -> Action {
    if hop.in_port == hop.out_port { Action::Return } else { Action::Output(hop.out_port) }
}

/// The pass of a conversation's packets in one direction that comes in here.
fn hop_at(conversation: &Conversation, at: Location, direction: Direction) -> Option<Hop> {
    let comes_in = |hop: &Hop| hop.dpid == at.dpid && hop.in_port == at.port;
    match direction {
        Direction::Forward => conversation.hops.iter().copied().find(comes_in),
        Direction::Reply => route::reverse(&conversation.hops).into_iter().find(comes_in),
    }
}

fn held(arrival: &Arrival<'_>, direction: Direction) -> Held {
    Held { at: arrival.at, buffer: arrival.packet.buffer, frame: arrival.packet.frame.clone(), direction }
}

fn decided(flow: &Arc<Flow>, template: &Template, switches: usize, out: &mut Effects) {
    out.event(Event::Decided(Box::new(Decided {
        flow: flow.clone(),
        verdict: template.verdict,
        rule: template.rule,
        via: template.via.clone(),
        audited: template.audited.clone(),
        switches,
    })));
}
