//! Broadcast and multicast in the switches: a flow for many that the policy allows goes along a tree of shortest ways to every port where
//! somebody stands who gets a copy. It is a conversation like others, judged again when anything changes. What no tree is made for is
//! relayed. Knows nothing of rules: the program says who gets a copy.
//!
//! Two trees at once could make a loop. So a tree changes in place only where packets go on coming in at every switch as before:
//! then what is cut off goes first, and what grows comes after. Else the old tree is taken out everywhere, each switch is asked for a
//! barrier, and the new one is opened like any conversation, its first switch last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use compiler::audience;
use compiler::template::Template;
use lang::checked::Duties;
use lang::flow::{End, Flow};
use net::{Dpid, EtherType, FlowKey, IpProto, Location, MacAddr, Time, Transport};
use packet::{dhcp, dhcp6};
use rustc_hash::FxHashMap;

use crate::controller::Controller;
use crate::course::{Course, Tree};
use crate::dialect;
use crate::effect::Effects;
use crate::enforce::{Arrival, decided, held};
use crate::event::{Cause, Event, Limit};
use crate::flows::{plan, slots};
use crate::install::Slot;
use crate::meters::Pace;
use crate::record::{Conversation, Direction, FlowId, State};
use crate::route::Avoided;
use crate::tables;
use crate::topology::Link;
use crate::update::Fate;

/// The part of all trees that may begin at one port: one over this.
const PORT_SHARE: usize = 16;
/// How long the frames of a port are relayed after a switch refused a tree of it.
const SPARED: Duration = Duration::from_secs(60);
/// Time between two looks at whether trees may grow.
const REGROWTH: Duration = Duration::from_secs(1);
/// Trees that are looked at for that in one go.
const REGROWN: usize = 32;

/// What is kept about trees beside their conversations.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    /// Something came up that trees may grow to.
    stale: bool,
    /// When they may be looked at next.
    next: Time,
    /// Those that wait to be looked at.
    pending: VecDeque<FlowId>,
    /// Ports whose trees a switch refused, and until when their frames are relayed.
    spared: BTreeMap<Location, Time>,
    /// Where each station was when it was last asked about.
    stood: FxHashMap<MacAddr, Location>,
}

/// Ports that get copies of a flow, and whether somebody may be kept out.
#[derive(Debug)]
pub(crate) struct Audience {
    pub(crate) ports: BTreeSet<Location>,
    selective: bool,
}

/// A flow for many, where it begins, and what it is bound to.
struct Broadcast<'a> {
    ingress: Location,
    key: &'a FlowKey,
    flow: &'a Flow,
    duties: &'a Duties,
}

impl Trees {
    /// A port, a link or a switch came.
    pub(crate) fn may_grow(&mut self) {
        self.stale = true;
    }

    /// A switch refused a tree that began here.
    pub(crate) fn spare(&mut self, at: Location, since: Time) {
        self.spared.insert(at, since.after(SPARED));
    }
}

impl Controller {
    /// An allowed flow for everybody or for a group: along a tree if there can be one. True if that is done; else it is to be relayed
    /// to these ports.
    pub(crate) fn plant(
        &mut self,
        arrival: &Arrival<'_>,
        flow: &Arc<Flow>,
        template: &Template,
        audience: &Audience,
        now: Time,
        out: &mut Effects,
    ) -> bool {
        if !bears(template) || must_be_seen(&arrival.key) || self.trees.spared.contains_key(&arrival.at) {
            return false;
        }
        if !self.has_room_for_tree(arrival.at, now, out) || !self.can_pace(arrival.at) {
            return false;
        }
        let course = Course::spread(self.grow(arrival.at, audience, &template.duties));
        let grows = course.tree().is_some_and(|tree| !tree.leaves.is_empty());
        if !grows || !self.can_hold(arrival.at, template, &course) || self.is_confused(template, None) {
            return false;
        }
        self.counters.allowed += 1;
        decided(flow, template, course.switches(), out);
        let id = self.records.fresh();
        let judged = (flow.clone(), template.clone());
        self.records.insert(Conversation::beginning(id, (arrival.at, arrival.key), judged, course, now));
        self.open(id, vec![held(arrival, Direction::Forward)], Vec::new(), now, out);
        true
    }

    /// True if one more tree may begin at this port.
    fn has_room_for_tree(&mut self, at: Location, now: Time, out: &mut Effects) -> bool {
        let (all, most) = (self.records.trees(), self.settings.trees);
        if most == 0 {
            return false;
        }
        let here = all.values().filter(|ingress| **ingress == at).count();
        let room = all.len() < most && here < (most / PORT_SHARE).max(1);
        if !room {
            self.limited(at, Limit::Trees, now, out);
        }
        room && self.conversations() < self.settings.conversations
    }

    /// True if the switch of this port can bound what the port sends into trees, or nobody wants that.
    fn can_pace(&self, at: Location) -> bool {
        self.settings.broadcasts_per_second == 0 || self.most_paced(at.dpid).is_some_and(|most| self.meters.can_share(at, most))
    }

    /// How many meters a switch has that count packets.
    fn most_paced(&self, dpid: Dpid) -> Option<u32> {
        let able = self.switches.capabilities(dpid).and_then(|own| own.meters());
        able.filter(|meters| meters.drops && meters.packets).map(|meters| meters.most)
    }

    /// Has all that a port sends into trees counted together. False if its switch cannot.
    pub(crate) fn pace(&mut self, id: FlowId, out: &mut Effects) -> bool {
        let most = self.settings.broadcasts_per_second;
        let Some(conversation) = self.records.get(id).filter(|_| most > 0) else { return most == 0 };
        let (at, claimed) = (conversation.ingress, conversation.meter);
        let last = self.most_paced(at.dpid).unwrap_or(0);
        let meter = claimed.or_else(|| self.meters.share(at, id, Pace::Packets(most), last));
        let (Some(meter), Some(conversation)) = (meter, self.records.get_mut(id)) else { return false };
        conversation.meter = Some(meter);
        self.switches.up(at.dpid).is_some_and(|session| self.meters.settle(at.dpid, meter, session, out))
    }

    /// True if every switch of a tree has room for its entry, and can say what that matches.
    fn can_hold(&mut self, ingress: Location, template: &Template, course: &Course) -> bool {
        let steps = tables::of_conversation(template, ingress, course, None);
        let fits = |step: &tables::Step| {
            let version = self.switches.up(step.dpid).and_then(|session| session.version());
            version.is_some_and(|version| dialect::can_match(version, &step.slot.region))
        };
        steps.iter().all(fits) && self.first_full(course).is_none()
    }

    /// The tree from a port to all of its audience that can be reached.
    fn grow(&self, ingress: Location, audience: &Audience, duties: &Duties) -> Tree {
        let avoided = self.avoided(duties);
        let tree = Tree::grown(&self.topology, ingress, &audience.ports, |link: &Link| !avoided.has_link(link));
        Tree { selective: audience.selective, ..tree }
    }

    fn avoided(&self, duties: &Duties) -> Avoided {
        Avoided::new(&duties.avoid, |id| self.view.places_of(&self.policy, id))
    }

    /// Every port but its own where a flow for many is heard: with somebody there, and nobody who gets no copy. Where nobody can be
    /// refused one, it does not matter who is there.
    pub(crate) fn audience(&self, ingress: Location, key: &FlowKey, flow: &Flow, template: &Template, now: Time) -> Audience {
        let selective = self.program.may_refuse_copies(&flow.src, template.rule, key, now);
        let broadcast = Broadcast { ingress, key, flow, duties: &template.duties };
        let avoided = self.avoided(&template.duties);
        let ports = self.topology.ports_up().filter(|at| self.may_hear(&broadcast, &avoided, *at));
        let ports = ports.filter(|at| !selective || self.is_entitled(&broadcast, *at, now)).collect();
        Audience { ports, selective }
    }

    fn may_hear(&self, broadcast: &Broadcast<'_>, avoided: &Avoided, at: Location) -> bool {
        at != broadcast.ingress && !avoided.has(at) && self.is_edge(at) && self.hears(at, broadcast.key)
    }

    /// True if somebody is known to be at this port, and everybody who is gets a copy.
    fn is_entitled(&self, broadcast: &Broadcast<'_>, at: Location, now: Time) -> bool {
        let Flow { src, dst, .. } = broadcast.flow;
        let there: Vec<End> = audience::receivers(&self.policy, &self.view, at, broadcast.key);
        !there.is_empty() && there.iter().all(|receiver| self.program.gets_copy(src, dst, receiver, broadcast.key, now))
    }

    /// A station came, went or is another: trees that end at its port, or now have to, change.
    pub(crate) fn receiver_changed(&mut self, mac: MacAddr, now: Time, out: &mut Effects) {
        let here = self.view.station(mac).and_then(|station| station.location);
        let before = match here {
            Some(at) => self.trees.stood.insert(mac, at),
            None => self.trees.stood.remove(&mac),
        };
        if self.records.trees().is_empty() {
            return;
        }
        let gateway = self.gateway_of(mac).and_then(|id| self.policy.gateways.get(id.index())).map(|gateway| gateway.at);
        let ports: BTreeSet<Location> = [here, before, gateway].into_iter().flatten().collect();
        let trees = self.records.trees().keys().filter_map(|id| self.records.get(*id));
        let changed: Vec<FlowId> =
            trees.filter(|one| ports.iter().any(|at| self.differs(one, *at, now))).map(|one| one.id).collect();
        for id in changed {
            self.revalidate(id, Cause::Endpoint, now, out);
        }
    }

    /// True if a port is a leaf of a selective tree and should not be, or the other way round.
    fn differs(&self, one: &Conversation, at: Location, now: Time) -> bool {
        let Some(tree) = one.course.tree().filter(|tree| tree.selective) else { return false };
        let duties = &one.template.duties;
        let broadcast = Broadcast { ingress: one.ingress, key: &one.key, flow: &one.flow, duties };
        let hears = self.topology.is_up(at) && self.may_hear(&broadcast, &self.avoided(broadcast.duties), at);
        tree.leaves.contains(&at) != (hears && self.is_entitled(&broadcast, at, now))
    }

    /// A port that was taken for one of hosts leads to a switch: no tree ends there.
    pub(crate) fn leaf_became_link(&mut self, at: Location, now: Time, out: &mut Effects) {
        let ends = |one: &Conversation| one.course.tree().is_some_and(|tree| tree.leaves.contains(&at));
        let ids: Vec<FlowId> = self.records.trees().keys().copied().collect();
        for id in ids {
            if self.records.get(id).is_some_and(ends) {
                self.revalidate(id, Cause::NoPath, now, out);
            }
        }
    }

    /// Lets trees grow to what came up since. One that passes a switch which is out of reach stays as it is: its entries there go on
    /// working.
    pub(crate) fn regrow(&mut self, now: Time, out: &mut Effects) {
        self.trees.spared.retain(|_, until| *until > now);
        if self.trees.stale && self.trees.pending.is_empty() && now >= self.trees.next {
            (self.trees.stale, self.trees.next) = (false, now.after(REGROWTH));
            self.trees.pending = self.records.trees().keys().copied().collect();
        }
        for _ in 0..REGROWN {
            let Some(id) = self.trees.pending.pop_front() else { return };
            let whole = |one: &Conversation| one.course.passes().all(|hop| self.topology.has_switch(hop.dpid));
            if self.records.get(id).is_some_and(whole) {
                self.revalidate(id, Cause::Endpoint, now, out);
            }
        }
    }

    /// A flow for many is still allowed: its tree stays, changes, or ends.
    pub(crate) fn tree_still_allowed(
        &mut self,
        id: FlowId,
        (flow, template): (Arc<Flow>, Template),
        cause: Cause,
        now: Time,
        out: &mut Effects,
    ) -> Fate {
        let Some(one) = self.records.get(id) else { return Fate::Kept };
        let (ingress, key) = (one.ingress, one.key);
        let same_duties = one.template.duties == template.duties;
        let audience = self.audience(ingress, &key, &flow, &template, now);
        let tree = self.grow(ingress, &audience, &template.duties);
        if tree.leaves.is_empty() || !bears(&template) || self.is_confused(&template, Some(id)) {
            self.revoke(id, cause, None, out);
            return Fate::Changed;
        }
        let standing = self.records.get(id).and_then(|one| one.course.tree());
        if same_duties
            && standing.is_some_and(|standing| (&standing.branches, &standing.leaves) == (&tree.branches, &tree.leaves))
        {
            self.records.set_course(id, Course::spread(tree));
            self.judged_alike(id, flow, template);
            return Fate::Kept;
        }
        self.redraw(id, tree, (flow, template), now, out);
        Fate::Changed
    }

    /// A tree changes: in place if no mix of the two is a loop, else by way of none.
    fn redraw(&mut self, id: FlowId, tree: Tree, judged: (Arc<Flow>, Template), now: Time, out: &mut Effects) {
        let Some(one) = self.records.get(id) else { return };
        let Some(old) = one.course.tree() else { return };
        let calm = match &one.state {
            State::Standing => true,
            State::Opening { stale, .. } => stale.is_empty(),
            State::Closing { .. } => false,
        };
        if !calm || one.template.duties != judged.1.duties || !old.agrees(&tree) {
            return self.replant(id, Course::spread(tree), judged, now, out);
        }
        let common = old.common(&tree);
        if common.branches != old.branches {
            self.prune(id, common, out);
        }
        self.reroute(id, Course::spread(tree), judged, now, out);
    }

    /// Cuts branches off, at once and at every switch.
    fn prune(&mut self, id: FlowId, tree: Tree, out: &mut Effects) {
        let Some(one) = self.records.get(id) else { return };
        let old: Vec<(Dpid, Slot)> = slots(&plan(one)).collect();
        self.records.set_course(id, Course::spread(tree));
        let Some(one) = self.records.get(id) else { return };
        let kept = plan(one);
        // The first switch last in the plan: it feeds the others.
        for entry in kept.iter().rev() {
            if self.tables.wanted(entry.dpid, &entry.slot).is_some() {
                self.install_entry(entry, out);
            }
        }
        let gone: Vec<(Dpid, Slot)> = old.into_iter().filter(|slot| !slots(&kept).any(|other| other == *slot)).collect();
        self.drop_slots(id, &gone, out);
    }

    /// Takes a tree out everywhere, and opens another once every switch says that it is gone.
    fn replant(&mut self, id: FlowId, course: Course, judged: (Arc<Flow>, Template), now: Time, out: &mut Effects) {
        let Some(one) = self.records.get_mut(id) else { return };
        let ingress = one.ingress.dpid;
        if !self.switches.is_up(ingress) {
            return self.revoke(id, Cause::NoPath, None, out);
        }
        let (held, late) = match std::mem::replace(&mut one.state, State::Standing) {
            State::Opening { held, stale, .. } => (held, stale),
            State::Closing { held, old, .. } => (held, old),
            State::Standing => (Vec::new(), Vec::new()),
        };
        one.generation = one.generation.wrapping_add(1);
        let (way, meter) = (one.way(), one.meter);
        let mut gone: Vec<(Dpid, Slot)> = slots(&plan(one)).collect();
        gone.reverse();
        gone.extend(late);
        one.meter = None;
        out.event(Event::Rerouted { flow: one.flow.clone(), switches: course.switches() });
        let (flow, template) = judged;
        one.judged_alike(flow, template);
        self.records.set_course(id, course);
        self.drop_slots(id, &gone, out);
        self.unmeter(ingress, meter, out);
        let asked: BTreeSet<Dpid> = gone.iter().map(|(dpid, _)| *dpid).chain([ingress]).collect();
        let mut awaiting = 0;
        for dpid in asked {
            if let Some(session) = self.switches.up(dpid) {
                session.barrier(way, now, out);
                awaiting += 1;
            }
        }
        if let Some(one) = self.records.get_mut(id) {
            one.state = State::Closing { awaiting, old: gone, drain: false, held };
        }
    }

    /// A flow for many that an earlier run allowed: its entries stay if they are where those of its tree would be now. A mix of two
    /// trees could be a loop, so that of any other nothing stays, and the next packet plants one.
    pub(crate) fn adopt_tree(
        &mut self,
        (id, ingress, key): (FlowId, Location, FlowKey),
        (flow, template): (Arc<Flow>, Template),
        found: &[(Dpid, Direction, Slot)],
        now: Time,
        out: &mut Effects,
    ) {
        if !bears(&template) || must_be_seen(&key) || !self.has_room_for_tree(ingress, now, out) || !self.can_pace(ingress) {
            return;
        }
        let audience = self.audience(ingress, &key, &flow, &template, now);
        let course = Course::spread(self.grow(ingress, &audience, &template.duties));
        let steps = tables::of_conversation(&template, ingress, &course, None);
        let is_step = |dpid: Dpid, slot: Slot| steps.iter().any(|step| (step.dpid, step.slot) == (dpid, slot));
        if steps.len() != found.len() || !found.iter().all(|(dpid, _, slot)| is_step(*dpid, *slot)) {
            return;
        }
        let meter = self.adoption.meter(id, ingress.dpid);
        let most = self.settings.broadcasts_per_second;
        let meter = meter.filter(|meter| most > 0 && self.meters.keep_shared(ingress, id, Pace::Packets(most), *meter));
        let tree = Conversation::beginning(id, (ingress, key), (flow, template), course, now);
        self.records.insert(Conversation { meter, ..tree });
        self.open(id, Vec::new(), Vec::new(), now, out);
    }
}

/// True if a tree can keep what the flow is bound to: no box can be passed by one, nor a copy be made of it, and its rate is that of its
/// port.
fn bears(template: &Template) -> bool {
    let duties = &template.duties;
    template.installable && template.via.is_empty() && duties.mirror.is_empty() && duties.limit.is_none()
}

/// True for what changes the view, and for what asks who has an address, a lease or a membership: the controller sees each of these.
fn must_be_seen(key: &FlowKey) -> bool {
    const RARP: EtherType = EtherType(0x8035);
    const IGMP: IpProto = IpProto(2);
    const CLIENTS_AND_SERVERS: [u16; 4] = [dhcp::SERVER_PORT, dhcp::CLIENT_PORT, dhcp6::SERVER_PORT, dhcp6::CLIENT_PORT];
    if matches!(key.dl_type, EtherType::ARP | RARP | EtherType::LLDP | EtherType::EAPOL) {
        return true;
    }
    match key.ip.map(|ip| (ip.proto, ip.transport)) {
        Some((IGMP, _)) => true,
        // Listeners, routers, neighbours, names of nodes (RFC 2710, RFC 4861, RFC 4620, RFC 3810), and what is like them.
        Some((IpProto::ICMPV6, Some(Transport::Icmp { kind, .. }))) => matches!(kind, 130..=158),
        Some((IpProto::UDP, Some(Transport::Ports { src, dst }))) => {
            [src, dst].iter().any(|port| CLIENTS_AND_SERVERS.contains(port))
        }
        Some(_) | None => false,
    }
}
