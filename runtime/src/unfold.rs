//! Plain conversations where something happens to them: those that stay plain are judged again as they are, all others are written out
//! as conversations, and what follows is what follows for any. Knows nothing of how a conversation becomes plain.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use compiler::Placed;
use compiler::principal::{self, Identity};
use compiler::template::Template;
use lang::checked::{Duties, Verdict};
use lang::flow::{End, Flow, Headers};
use net::{
    Dpid, EtherType, FlowKey, FlowMatch, IpHeader, IpProto, Location, MacAddr, PortNo, Prefix, Time, Transport, VlanMatch,
    can_be_owned, is_link_local,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::controller::Controller;
use crate::course::Course;
use crate::dialect::{Action, Present};
use crate::effect::Effects;
use crate::flows::{self, Planned};
use crate::install::{Ends, FLOW_PRIORITY, Slot};
use crate::plain::{Opening, Plain, PlainId, Seat, SeatId, Trunk, Wire};
use crate::record::{Conversation, Direction, FlowId, Records, State};
use crate::rejudge::Again;
use crate::route::Hop;
use crate::session::FlowRemoved;

/// A packet's transport and what else policy sees of it.
pub(crate) fn headers(one: &Plain, address: IpAddr) -> Headers {
    let [src, dst] = one.ports;
    Headers {
        dl_type: Some(kind_of(address)),
        vlan: one.vlan,
        proto: Some(one.proto),
        dscp: Some(one.dscp),
        transport: Some(Transport::Ports { src, dst }),
    }
}

fn kind_of(address: IpAddr) -> EtherType {
    if address.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 }
}

/// The headers of its first packet, between these ends.
fn key_of(one: &Plain, src: (MacAddr, IpAddr), dst: (MacAddr, IpAddr)) -> FlowKey {
    let [sport, dport] = one.ports;
    let transport = Some(Transport::Ports { src: sport, dst: dport });
    let ip = IpHeader { src: src.1, dst: dst.1, proto: one.proto, dscp: one.dscp, transport };
    FlowKey { dl_src: src.0, dl_dst: dst.0, dl_type: kind_of(src.1), vlan: one.vlan, ip: Some(ip) }
}

/// A conversation between these seats as it was judged last.
fn judged_as(one: &Plain, src: &Seat, dst: &Seat) -> Flow {
    let judged = one.installed.max(src.judged).max(dst.judged);
    Flow { headers: headers(one, src.address), src: (*src.end).clone(), dst: (*dst.end).clone(), time: Some(judged) }
}

impl Controller {
    /// One that may lose its permission will be told of in the words of before.
    pub(crate) fn remember_words(&mut self, place: PlainId) {
        let Some(one) = self.plains.get(place) else { return };
        let [src, dst] = one.seats.map(|id| self.plains.seats.get(id));
        if let (Some(before), Some(src), Some(dst)) = (&mut self.before, src, dst) {
            before.remember(one.id, Arc::new(judged_as(one, src, dst)), one.rule);
        }
    }

    /// How policy sees a station with one of its addresses at its port, if a packet with both that comes in there is its, and only a
    /// decision is wanted for it.
    pub(crate) fn seat_of(&self, mac: MacAddr, address: IpAddr, at: Location) -> Option<(End, Placed)> {
        let reserved = mac == self.settings.mac || self.gateway_of(mac).is_some() || self.is_of_switch(mac, at);
        if !self.is_for_hosts(at) || reserved || !mac.is_unicast() || !can_be_owned(address) || is_link_local(address) {
            return None;
        }
        let ip = IpHeader { src: address, dst: address, proto: IpProto::UDP, dscp: 0, transport: None };
        let key = FlowKey { dl_src: mac, dl_dst: mac, dl_type: kind_of(address), vlan: None, ip: Some(ip) };
        let Identity::Known(end) = principal::source(&self.policy, &self.view, at, &key) else { return None };
        if principal::destination(&self.policy, &self.view, &key) != Identity::Known(end.clone()) {
            return None;
        }
        let placed = self.program.placed(&end)?;
        Some((end, placed))
    }

    /// Writes a plain conversation out, as if it had never been plain.
    pub(crate) fn unfold(&mut self, place: PlainId) -> Option<FlowId> {
        self.write_out(place, true)
    }

    /// The same; entries are compared with what their switch holds unless they are `fresh`.
    fn write_out(&mut self, place: PlainId, fresh: bool) -> Option<FlowId> {
        let conversation = self.written(place)?;
        let entries = self.entries_of(place);
        self.plains.remove(place)?;
        for entry in entries {
            if self.plains.away.contains(&entry.dpid) {
                self.tables.want(entry.dpid, entry.slot, entry.wanted);
            } else {
                self.tables.hold(entry.dpid, entry.slot, entry.wanted, fresh);
            }
        }
        let id = conversation.id;
        self.records.insert(conversation);
        Some(id)
    }

    /// The entries that the switches of a plain conversation are to hold.
    pub(crate) fn entries_of(&self, place: PlainId) -> Vec<Planned> {
        self.written(place).map_or_else(Vec::new, |written| self.entries_as_written(place, &written))
    }

    /// The same of one that was written out already.
    pub(crate) fn entries_as_written(&self, place: PlainId, written: &Conversation) -> Vec<Planned> {
        let Some(one) = self.plains.get(place) else { return Vec::new() };
        let opening = self.plains.opening.contains_key(&place);
        let there = |entry: &Planned| {
            let gone = FlowId::of_cookie(entry.wanted.cookie).is_some_and(|(_, direction)| one.is_idle(direction));
            !(gone || opening && entry.dpid == written.ingress.dpid)
        };
        flows::plan(written).into_iter().filter(there).collect()
    }

    /// A plain conversation as any other.
    pub(crate) fn written(&self, place: PlainId) -> Option<Conversation> {
        let one = self.plains.get(place)?;
        let [src, dst] = [self.plains.seats.get(one.seats[0])?, self.plains.seats.get(one.seats[1])?];
        let key = key_of(one, (src.mac, src.address), (dst.mac, dst.address));
        let template = Template {
            region: FlowMatch::exact(&key),
            reply: Some(FlowMatch::exact(&key.reply())),
            wide: false,
            verdict: Verdict::Allow,
            via: Vec::new(),
            duties: Duties::default(),
            installable: true,
            audited: Vec::new(),
            rule: one.rule,
        };
        let flow = judged_as(one, src, dst);
        let course = Course::along(Trunk::hops(one.trunk.as_deref(), src.at, dst.at));
        let written = Conversation::beginning(one.id, (src.at, key), (Arc::new(flow), template), course, one.installed);
        Some(match self.plains.opening.get(&place).cloned() {
            Some(Opening { awaiting, held }) => {
                Conversation { state: State::Opening { awaiting, stale: Vec::new(), held }, ..written }
            }
            None => written,
        })
    }

    /// Writes out the conversation with this number, if it is plain.
    pub(crate) fn unfold_flow(&mut self, id: FlowId) {
        if let Some(place) = self.plains.numbered(id) {
            self.unfold(place);
        }
    }

    /// Writes out the conversation that a packet belongs to, if it is plain.
    pub(crate) fn unfold_key(&mut self, key: &FlowKey) {
        if let Some((place, _)) = self.plain_of(key) {
            self.unfold(place);
        }
    }

    /// The plain conversation that a packet belongs to.
    pub(crate) fn plain_of(&self, key: &FlowKey) -> Option<(PlainId, Direction)> {
        if self.plains.is_empty() {
            return None;
        }
        let ip = key.ip.as_ref()?;
        let Some(Transport::Ports { src, dst }) = ip.transport else { return None };
        let seats = [self.plains.seats.find(key.dl_src, ip.src)?, self.plains.seats.find(key.dl_dst, ip.dst)?];
        self.plains.find(&Wire { seats, ports: [src, dst], proto: ip.proto, vlan: key.vlan.and_then(|tag| tag.id) })
    }

    /// The same of packets of an exact region.
    pub(crate) fn plain_of_region(&self, region: &FlowMatch) -> Option<(PlainId, Direction)> {
        let host = |prefix: Option<Prefix>| prefix.filter(Prefix::is_host).map(|prefix| prefix.network());
        let ip = IpHeader {
            src: host(region.nw_src)?,
            dst: host(region.nw_dst)?,
            proto: region.nw_proto?,
            dscp: 0,
            transport: Some(region.transport.single()??),
        };
        let vlan = match region.vlan {
            VlanMatch::Any => return None,
            VlanMatch::Untagged => None,
            VlanMatch::Id(id) => Some(net::VlanTag { id: Some(id), pcp: 0 }),
        };
        self.plain_of(&FlowKey { dl_src: region.dl_src?, dl_dst: region.dl_dst?, dl_type: region.dl_type?, vlan, ip: Some(ip) })
    }

    /// Writes out the plain conversation of an exact region.
    pub(crate) fn unfold_region(&mut self, region: &FlowMatch) {
        if let Some((place, _)) = self.plain_of_region(region) {
            self.unfold(place);
        }
    }

    /// As [`Records::is_confused`], of all conversations.
    pub(crate) fn is_confused(&mut self, template: &Template, id: Option<FlowId>) -> bool {
        for region in Records::carried_as(template) {
            self.unfold_region(&region);
        }
        self.records.is_confused(template, id)
    }

    /// Writes out what goes through such a port of a switch.
    pub(crate) fn unfold_through(&mut self, dpid: Dpid, passes: impl Fn(Location) -> bool) {
        if self.plains.held(dpid) == 0 {
            return;
        }
        let here = |at: Location| at.dpid == dpid && passes(at);
        let seats: FxHashSet<SeatId> = {
            let sits = |id: &SeatId| self.plains.seats.get(*id).is_some_and(|seat| here(seat.at));
            self.plains.seats.ids().into_iter().filter(sits).collect()
        };
        let goes = |one: &Plain| {
            let mut links = one.trunk.iter().flat_map(|trunk| &trunk.0);
            one.seats.iter().any(|seat| seats.contains(seat)) || links.any(|link| here(link.from) || here(link.to))
        };
        self.unfold_where(goes);
    }

    /// Writes out what is not open yet, and waits for a switch.
    pub(crate) fn unfold_opening(&mut self, dpid: Dpid) {
        let waiting: Vec<PlainId> = self.plains.opening.keys().copied().collect();
        let ingress = |one: &Plain| self.plains.seats.get(one.seats[0]).is_some_and(|seat| seat.at.dpid == dpid);
        let passes =
            |place: &PlainId| self.plains.get(*place).is_some_and(|one| ingress(one) || one.beyond().any(|next| next == dpid));
        let waiting: Vec<PlainId> = waiting.into_iter().filter(passes).collect();
        for place in waiting {
            self.unfold(place);
        }
    }

    fn unfold_where(&mut self, goes: impl Fn(&Plain) -> bool) {
        let all: Vec<PlainId> = self.plains.iter().filter(|(_, one)| goes(one)).map(|(place, _)| place).collect();
        for place in all {
            self.unfold(place);
        }
    }

    fn unfold_seat(&mut self, seat: SeatId) {
        for place in self.plains.of_seat(seat) {
            self.unfold(place);
        }
    }

    /// True if a station has plain conversations; with an address: that use it.
    pub(crate) fn is_seated(&self, mac: MacAddr, address: Option<IpAddr>) -> bool {
        let seats = self.plains.seats.of(mac).iter().filter_map(|id| self.plains.seats.get(*id));
        seats.filter(|seat| address.is_none_or(|address| seat.address == address)).any(|seat| !seat.is_idle())
    }

    /// Tells what seats have heard since this was last done to whoever waits for hosts to fall silent.
    pub(crate) fn tell_heard(&mut self) {
        for (mac, address, at, time) in self.plains.seats.heard() {
            // What it has given back a moment ago it does not get back by that.
            if self.view.owner(address) == Some(mac) {
                self.hosts.heard_at(mac, address, at, time);
            }
        }
    }

    /// The view says something else of a station: the program is told, and what plain conversations of it have changed by that is
    /// written out.
    pub(crate) fn update_station(&mut self, mac: MacAddr, now: Time) {
        self.program.update(&self.view, &[mac]);
        for id in self.plains.seats.of(mac).to_vec() {
            self.renew_seat(id, now);
        }
    }

    fn renew_seat(&mut self, id: SeatId, now: Time) {
        let Some(seat) = self.plains.seats.get(id) else { return };
        let (old, place) = (seat.end.clone(), (seat.mac, seat.address, seat.at));
        let Some((end, placed)) = self.seat_of(place.0, place.1, place.2) else { return self.end_seat(id) };
        if end == *old {
            return self.plains.seats.renew(id, old, placed);
        }
        let renewed = FxHashMap::from_iter([(id, Some(placed))]);
        for place in self.plains.of_seat(id) {
            match self.judge_plain(place, &renewed, now) {
                Some(Again::Allowed(rule)) => self.plains.allow(place, rule),
                Some(Again::Denied(_)) | None => {
                    self.unfold(place);
                }
            }
        }
        self.plains.seats.renew(id, Arc::new(end), placed);
    }

    /// Nobody sits there any more.
    pub(crate) fn end_seat(&mut self, id: SeatId) {
        self.unfold_seat(id);
        self.tell_heard();
        self.plains.seats.remove(id);
    }

    /// An entry of a plain conversation timed out: those of its direction go everywhere. False if it is none, or otherwise than it
    /// should be: then it is plain no more.
    pub(crate) fn plain_fell_silent(&mut self, dpid: Dpid, removed: &FlowRemoved, out: &mut Effects) -> bool {
        let of_cookie = FlowId::of_cookie(removed.cookie);
        let Some((place, direction)) = of_cookie.and_then(|(id, direction)| Some((self.plains.numbered(id)?, direction))) else {
            if let Some(region) = &removed.region {
                self.unfold_region(region);
            }
            return false;
        };
        let slot = removed.region.map(|region| Slot { region, priority: removed.priority });
        let mut own = self.entries_of(place);
        own.retain(|entry| FlowId::of_cookie(entry.wanted.cookie).is_some_and(|(_, way)| way == direction));
        let told = own
            .iter()
            .any(|entry| entry.dpid == dpid && Some(entry.slot) == slot && entry.wanted.ends == (Ends::Idle { notify: true }));
        if removed.deleted || !told || self.plains.opening.contains_key(&place) {
            self.unfold(place);
            return false;
        }
        for entry in own.into_iter().filter(|entry| entry.dpid != dpid) {
            self.tables.withdraw(entry.dpid, &entry.slot, self.switches.up(entry.dpid), out);
        }
        if self.plains.fell_silent(place, direction) {
            self.plains.remove(place);
        }
        true
    }

    /// A switch told what it holds, asked for it then: entries of plain conversations that are as they should be are taken off the list,
    /// and conversations with any that is not are written out. What was put in since is left alone. How many entries are right.
    pub(crate) fn verify_plain(&mut self, dpid: Dpid, found: &mut Vec<Present>, asked: Time) -> usize {
        if self.plains.held(dpid) == 0 {
            return 0;
        }
        self.unfold_opening(dpid);
        let (mut right, mut wrong): (FxHashSet<(PlainId, bool)>, BTreeSet<PlainId>) = Default::default();
        let of_plain: Vec<Option<PlainId>> = found
            .iter()
            .map(|one| {
                let (place, direction, is_right) = self.plain_entry(dpid, one)?;
                if is_right {
                    right.insert((place, direction == Direction::Reply));
                } else {
                    wrong.insert(place);
                }
                Some(place)
            })
            .collect();
        let ingress = |one: &Plain| self.plains.seats.get(one.seats[0]).is_some_and(|seat| seat.at.dpid == dpid);
        let here = |one: &Plain| ingress(one) || one.beyond().any(|next| next == dpid);
        let lacks = |place: PlainId, one: &Plain| {
            let [forward, reply] = one.idle;
            !(forward || right.contains(&(place, false))) || !(reply || right.contains(&(place, true)))
        };
        let since = |place: PlainId, one: &Plain| one.installed >= asked || self.verification.opened.contains(&(dpid, place));
        let missing = self.plains.iter().filter(|(place, one)| !since(*place, one) && here(one));
        wrong.extend(missing.filter(|(place, one)| lacks(*place, one)).map(|(place, _)| place));
        let before = found.len();
        let mut of_plain = of_plain.into_iter();
        found.retain(|_| of_plain.next().flatten().is_none_or(|place| wrong.contains(&place)));
        let kept = before - found.len();
        for place in wrong {
            let opened = self.verification.opened.contains(&(dpid, place));
            let fresh = opened || self.plains.get(place).is_some_and(|one| one.installed >= asked);
            self.write_out(place, fresh);
        }
        kept
    }

    /// The plain conversation that an entry found at a switch is of, or stands in the place of; and whether it is as it should be.
    fn plain_entry(&self, dpid: Dpid, one: &Present) -> Option<(PlainId, Direction, bool)> {
        let Some((place, direction)) =
            FlowId::of_cookie(one.cookie).and_then(|(id, direction)| Some((self.plains.numbered(id)?, direction)))
        else {
            let (place, direction) = self.plain_of_region(one.region.as_ref()?)?;
            return Some((place, direction, false));
        };
        let own = self.plains.get(place).filter(|own| !own.is_idle(direction));
        let right = own.and_then(|own| self.entry_at(own, direction, dpid)).is_some_and(|(slot, to)| {
            let same = one.slot() == Some(slot) && one.actions.as_deref() == Some(&[Action::Output(to)]);
            same && one.table == 0 && one.foreign.is_none()
        });
        Some((place, direction, right))
    }

    /// Where the entry of an open plain conversation is at a switch, and the port where its packets leave.
    fn entry_at(&self, one: &Plain, direction: Direction, dpid: Dpid) -> Option<(Slot, PortNo)> {
        let [src, dst] = [self.plains.seats.get(one.seats[0])?, self.plains.seats.get(one.seats[1])?];
        let Hop { in_port, out_port, .. } = Trunk::hop_at(one.trunk.as_deref(), src.at, dst.at, dpid)?;
        let key = key_of(one, (src.mac, src.address), (dst.mac, dst.address));
        let (region, from, to) = match direction {
            Direction::Forward => (FlowMatch::exact(&key), in_port, out_port),
            Direction::Reply => (FlowMatch::exact(&key.reply()), out_port, in_port),
        };
        Some((Slot { region: FlowMatch { in_port: Some(from), ..region }, priority: FLOW_PRIORITY }, to))
    }
}
