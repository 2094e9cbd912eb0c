//! The life of a conversation's entries: opened destination first, taken out ingress first, put right when switches disagree.
//! Knows nothing of why a conversation is allowed.
//!
//! ```text
//!             every switch but the ingress          ingress              permission or way lost
//!   decided ──────────── Opening ─ all barriers ─▶ Standing ───────────────────────────────────▶ gone, ingress first
//!                           ▲                         │ other way, through middleboxes
//!                           └── barrier [drain] ── Closing ◀┘ (the ingress is shut first; of a tree, all of it)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use compiler::inventory::Role;

use compiler::template::Template;
use lang::checked::Verdict;
use lang::flow::Flow;
use net::{Dpid, Location, Time};

use crate::controller::Controller;
use crate::course::Course;
use crate::dialect::{Action, Actions, Version};
use crate::effect::Effects;
use crate::event::{Cause, Event};
use crate::install::{Ends, MISS_PRIORITY, Slot, Wanted};
use crate::planned::PLAN;
use crate::record::{Conversation, Direction, FlowId, Held, INFRASTRUCTURE, PLANNED, State, Way};
use crate::route::Hop;
use crate::session::FlowRemoved;
use crate::settings::Width;
use crate::tables::{self, Step};

/// One entry of a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) dpid: Dpid,
    pub(crate) slot: Slot,
    pub(crate) wanted: Wanted,
}

/// All entries of a conversation; those of the ingress switch come last.
pub(crate) fn plan(conversation: &Conversation) -> Vec<Planned> {
    let Conversation { id, template, ingress, .. } = conversation;
    let ends = |step: &Step| match template.verdict {
        Verdict::Allow if step.standby => Ends::Kept,
        Verdict::Allow => Ends::Idle { notify: step.first },
        Verdict::Deny | Verdict::Reject | Verdict::Redirect => Ends::Hard,
    };
    let planned = |step: Step| {
        let ends = ends(&step);
        let wanted = Wanted { actions: step.actions, cookie: id.cookie(step.direction), ends };
        Planned { dpid: step.dpid, slot: step.slot, wanted }
    };
    let Conversation { course, meter, groups, .. } = conversation;
    tables::of_guarded(template, *ingress, course, *meter, groups).into_iter().map(planned).collect()
}

/// How long the last packet of a way that is shut may be under way to where it is met by the new one: switches queue no longer.
const DRAIN: Duration = Duration::from_millis(20);

pub(crate) fn slots(entries: &[Planned]) -> impl Iterator<Item = (Dpid, Slot)> + '_ {
    entries.iter().map(|one| (one.dpid, one.slot))
}

impl Controller {
    /// Wants all entries of a conversation. Those at other switches than the ingress are sent, each switch is asked for a
    /// barrier, and the ingress follows when all have answered.
    pub(crate) fn open(&mut self, id: FlowId, held: Vec<Held>, stale: Vec<(Dpid, Slot)>, now: Time, out: &mut Effects) {
        if !self.meter(id, out) {
            self.drop_slots(id, &stale, out);
            return self.revoke(id, Cause::SwitchRefused, None, out);
        }
        self.guard(id, out);
        let Some(conversation) = self.records.get_mut(id) else { return };
        (conversation.installed, conversation.partial) = (now, false);
        let ingress = conversation.ingress.dpid;
        let entries = plan(conversation);
        let mut touched: Vec<Dpid> = Vec::new();
        for one in entries.iter().filter(|one| one.dpid != ingress) {
            match self.install_entry(one, out) {
                Some(true) if !touched.contains(&one.dpid) => touched.push(one.dpid),
                Some(_) => {}
                None => {
                    self.drop_slots(id, &stale, out);
                    return self.revoke(id, Cause::SwitchRefused, None, out);
                }
            }
        }
        if touched.is_empty() {
            return self.finish(id, &entries, &held, &stale, out);
        }
        let Some(way) = self.records.get(id).map(Conversation::way) else { return };
        for dpid in &touched {
            if let Some(session) = self.switches.up(*dpid) {
                session.barrier(way, now, out);
            }
        }
        if let Some(conversation) = self.records.get_mut(id) {
            conversation.state = State::Opening { awaiting: touched.len(), stale, held };
        }
    }

    /// A barrier of this way was passed.
    pub(crate) fn passed(&mut self, way: Way, now: Time, out: &mut Effects) {
        let id = way.id;
        if id == PLAN {
            return self.plan_passed(way, now, out);
        }
        if let Some(place) = self.plains.numbered(id) {
            return self.plain_passed(place, way, out);
        }
        let Some(conversation) = self.records.get_mut(id).filter(|one| one.way() == way) else { return };
        match &mut conversation.state {
            State::Opening { awaiting, .. } => {
                *awaiting = awaiting.saturating_sub(1);
                if *awaiting == 0 {
                    self.all_passed(id, out);
                }
            }
            State::Closing { awaiting, drain, .. } => {
                *awaiting = awaiting.saturating_sub(1);
                let (shut, drain) = (*awaiting == 0, *drain);
                if shut && drain {
                    self.records.drains(now.after(DRAIN), way);
                } else if shut {
                    self.reopen(id, now, out);
                }
            }
            State::Standing => {}
        }
    }

    /// Opens the new ways of conversations whose old ones are empty by now.
    pub(crate) fn reopen_drained(&mut self, now: Time, out: &mut Effects) {
        while let Some(way) = self.records.drained(now) {
            let shut = |one: &Conversation| one.way() == way && matches!(one.state, State::Closing { awaiting: 0, .. });
            if self.records.get(way.id).is_some_and(shut) {
                self.reopen(way.id, now, out);
            }
        }
    }

    /// Every switch but the ingress holds its entries.
    pub(crate) fn all_passed(&mut self, id: FlowId, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        let State::Opening { held, stale, .. } = std::mem::replace(&mut conversation.state, State::Standing) else { return };
        let entries = plan(conversation);
        self.finish(id, &entries, &held, &stale, out);
    }

    /// Opens the ingress, lets waiting packets go, and takes out what an old way left.
    fn finish(&mut self, id: FlowId, entries: &[Planned], held: &[Held], stale: &[(Dpid, Slot)], out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        conversation.state = State::Standing;
        let ingress = conversation.ingress.dpid;
        for one in entries.iter().filter(|one| one.dpid == ingress) {
            if self.install_entry(one, out).is_none() {
                self.drop_slots(id, stale, out);
                return self.revoke(id, Cause::SwitchRefused, None, out);
            }
        }
        for packet in held {
            self.release(id, packet, out);
        }
        self.drop_slots(id, stale, out);
        self.trim_groups(id, out);
    }

    /// The ingress is shut: the rest of the old way goes, the new one is opened.
    fn reopen(&mut self, id: FlowId, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        let State::Closing { old, held, .. } = std::mem::replace(&mut conversation.state, State::Standing) else { return };
        self.drop_slots(id, &old, out);
        self.open(id, held, Vec::new(), now, out);
    }

    /// Sends a conversation another way. Through middleboxes the ingress is shut first, so that no packet mixes two ways.
    pub(crate) fn reroute(&mut self, id: FlowId, course: Course, judged: (Arc<Flow>, Template), now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        let calm = !matches!(conversation.state, State::Closing { .. });
        let (held, late) = match std::mem::replace(&mut conversation.state, State::Standing) {
            State::Opening { held, stale, .. } => (held, stale),
            State::Closing { held, old, .. } => (held, old),
            State::Standing => (Vec::new(), Vec::new()),
        };
        conversation.generation = conversation.generation.wrapping_add(1);
        let (way, ingress) = (conversation.way(), conversation.ingress.dpid);
        let (old, was_bound) = (plan(conversation), conversation.is_bound());
        let (flow, template) = judged;
        // Only what would be done if a link failed may be another.
        let same = conversation.course.is_same_way(&course) && conversation.template.duties == template.duties;
        if !same {
            out.event(Event::Rerouted { flow: conversation.flow.clone(), switches: course.switches() });
        }
        conversation.judged_alike(flow, template);
        let was = std::mem::take(&mut conversation.course);
        // A way that ends elsewhere now, or goes where it may not any more, is shut before another is opened.
        let wrong = was.leaves_at() != course.leaves_at() || !conversation.template.duties.avoid.is_empty();
        let answers_enter = was.leaves_at();
        let drain = self.mixes(&was, &course);
        if let Some(conversation) = self.records.get_mut(id) {
            conversation.course = was;
        }
        self.records.set_course(id, course);
        let Some(conversation) = self.records.get_mut(id) else { return };
        if !(same && calm) && (was_bound || wrong || conversation.is_bound()) && self.switches.is_up(ingress) {
            let enters = |one: &Planned| {
                let at = one.slot.region.in_port.map(|port| Location::new(one.dpid, port));
                one.dpid == ingress || (drain && at.is_some() && at == answers_enter)
            };
            let (first, beyond): (Vec<Planned>, Vec<Planned>) = old.into_iter().partition(enters);
            let old: Vec<(Dpid, Slot)> = slots(&beyond).chain(late).collect();
            let mut doors: Vec<Dpid> = first.iter().map(|one| one.dpid).chain([ingress]).collect();
            doors.sort_unstable();
            doors.dedup();
            // One that the new way has nothing to do with is not waited for: if it goes, nobody would end the waiting.
            let new = plan(conversation);
            doors.retain(|dpid| *dpid == ingress || (self.switches.is_up(*dpid) && new.iter().any(|one| one.dpid == *dpid)));
            conversation.state = State::Closing { awaiting: doors.len(), old, drain, held };
            let (first, meter): (Vec<(Dpid, Slot)>, _) = (slots(&first).collect(), conversation.meter.take());
            self.drop_slots(id, &first, out);
            self.unmeter(ingress, meter, out);
            for dpid in doors {
                if let Some(session) = self.switches.up(dpid) {
                    session.barrier(way, now, out);
                }
            }
            return;
        }
        // Else the entries of new detours would be taken for what the old way left.
        self.guard(id, out);
        let Some(conversation) = self.records.get(id) else { return };
        let new = plan(conversation);
        let was = late.into_iter().chain(slots(&old));
        let stale = was.filter(|one| !new.iter().any(|other| (other.dpid, other.slot) == *one)).collect();
        self.open(id, held, stale, now, out);
    }

    /// A conversation that is bound is found with a way that it has no longer: that is shut, and then the present one is opened.
    pub(crate) fn close_first(&mut self, id: FlowId, found: Vec<(Dpid, Slot)>, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        let (way, ingress) = (conversation.way(), conversation.ingress.dpid);
        let own = plan(conversation);
        let (mut first, old): (Vec<_>, Vec<_>) = found.into_iter().partition(|(dpid, _)| *dpid == ingress);
        first.extend(slots(&own).filter(|(dpid, _)| *dpid == ingress));
        // How far packets had come on a way that nobody remembers is not known.
        conversation.state = State::Closing { awaiting: 1, old, drain: true, held: Vec::new() };
        self.drop_slots(id, &first, out);
        if let Some(session) = self.switches.up(ingress) {
            session.barrier(way, now, out);
        }
    }

    /// True if packets that are under way on the old course would have passed something else than the new one holds them to have, where
    /// the two meet.
    fn mixes(&self, old: &Course, new: &Course) -> bool {
        let copied =
            |course: &Course| course.beside.as_ref().is_some_and(|one| !one.copies.is_empty() || !one.copies_back.is_empty());
        if copied(old) || copied(new) {
            return true;
        }
        let of_old = [self.stages(&old.hops), self.stages(&old.back())];
        let of_new = [self.stages(&new.hops), self.stages(&new.back())];
        let met =
            |(at, stage): (&Location, &usize), other: &BTreeMap<Location, usize>| other.get(at).is_some_and(|one| one != stage);
        of_old.iter().zip(&of_new).any(|(old, new)| old.iter().any(|one| met(one, new)))
    }

    /// How many middleboxes packets have passed where they come in.
    fn stages(&self, hops: &[Hop]) -> BTreeMap<Location, usize> {
        let mut passed = 0;
        let stage = |hop: &Hop| {
            let at = Location::new(hop.dpid, hop.in_port);
            passed += usize::from(matches!(self.inventory.role(&self.policy, at), Role::Middlebox(_)));
            (at, passed)
        };
        hops.iter().map(stage).collect()
    }

    /// Takes a conversation's permission away: its entries go at once, at the ingress first.
    pub(crate) fn revoke(
        &mut self,
        id: FlowId,
        cause: Cause,
        denied_by: Option<Option<lang::checked::RuleId>>,
        out: &mut Effects,
    ) {
        let Some(conversation) = self.forget(id, out) else { return };
        if cause == Cause::SwitchRefused && conversation.course.tree().is_some() {
            self.trees.spare(conversation.ingress, conversation.installed);
        }
        if conversation.template.verdict == Verdict::Allow {
            self.counters.revoked += 1;
            let (flow, allowed_by) = self.named(&conversation);
            out.event(Event::Revoked { flow, allowed_by, cause, denied_by });
        }
    }

    /// Takes a conversation or denial out with all its entries.
    pub(crate) fn forget(&mut self, id: FlowId, out: &mut Effects) -> Option<Conversation> {
        let conversation = self.records.remove(id)?;
        let mut entries = plan(&conversation);
        entries.reverse();
        match &conversation.state {
            State::Opening { stale: rest, .. } | State::Closing { old: rest, .. } => self.drop_slots(id, rest, out),
            State::Standing => {}
        }
        for one in entries {
            if one.wanted.ends.is_hard() {
                if self.owns(id, one.dpid, &one.slot) {
                    self.tables.withdraw(one.dpid, &one.slot, self.switches.up(one.dpid), out);
                }
            } else {
                self.drop_slots(id, &[(one.dpid, one.slot)], out);
            }
        }
        self.unmeter(conversation.ingress.dpid, conversation.meter, out);
        self.unguard(&conversation.groups, out);
        Some(conversation)
    }

    /// Takes entries out, unless another conversation wants the same ones by now.
    pub(crate) fn drop_slots(&mut self, id: FlowId, slots: &[(Dpid, Slot)], out: &mut Effects) {
        for (dpid, slot) in slots {
            if self.owns(id, *dpid, slot) {
                self.tables.unwant(*dpid, slot);
                self.settle_entry(*dpid, slot, out);
            }
        }
    }

    /// True unless another conversation wants an entry in this slot.
    fn owns(&self, id: FlowId, dpid: Dpid, slot: &Slot) -> bool {
        let owner = self.tables.wanted(dpid, slot).and_then(|wanted| FlowId::of_cookie(wanted.cookie));
        owner.is_none_or(|(owner, _)| owner == id)
    }

    /// Wants an entry and makes its switch hold it: `Some(true)` if that took a message, nothing if it cannot be done.
    pub(crate) fn install_entry(&mut self, one: &Planned, out: &mut Effects) -> Option<bool> {
        let session = self.switches.up(one.dpid)?;
        self.tables.install((one.dpid, one.slot), one.wanted.clone(), session, &self.settings, out).ok()
    }

    /// Makes a switch hold what is wanted in a slot: `Some(true)` if that took a message, nothing if it cannot be done.
    pub(crate) fn settle_entry(&mut self, dpid: Dpid, slot: &Slot, out: &mut Effects) -> Option<bool> {
        match self.switches.up(dpid) {
            Some(session) => self.tables.settle(dpid, slot, session, &self.settings, out).ok(),
            None => None,
        }
    }

    /// An entry timed out, or somebody deleted it.
    pub(crate) fn flow_removed(&mut self, dpid: Dpid, removed: &FlowRemoved, now: Time, out: &mut Effects) {
        if self.plain_fell_silent(dpid, removed, out) {
            return;
        }
        let Some(region) = removed.region else { return self.doubt(dpid, now) };
        let slot = Slot { region, priority: removed.priority };
        let Some((id, direction)) = FlowId::of_cookie(removed.cookie) else {
            return self.infrastructure_removed(dpid, &slot, removed.cookie, now, out);
        };
        let ours = self.tables.wanted(dpid, &slot).is_some_and(|wanted| wanted.cookie == removed.cookie);
        if !ours {
            // Of what we have taken out ourselves nothing is wanted any more.
            if !removed.deleted || self.tables.wanted(dpid, &slot).is_some() {
                self.doubt(dpid, now);
            }
            return;
        }
        self.tables.lost(dpid, &slot);
        if removed.deleted {
            self.settle_entry(dpid, &slot, out);
            return;
        }
        self.direction_idle(id, direction, now, out);
    }

    /// An entry of no conversation is gone. Of those that we take out ourselves nothing is wanted any more.
    fn infrastructure_removed(&mut self, dpid: Dpid, slot: &Slot, cookie: u64, now: Time, out: &mut Effects) {
        if self.tables.wanted(dpid, slot).is_some() {
            self.tables.lost(dpid, slot);
            self.settle_entry(dpid, slot, out);
        } else if matches!(cookie, INFRASTRUCTURE | PLANNED) {
            return;
        }
        self.doubt(dpid, now);
    }

    /// No packet went this way for the idle time: its entries go; with the last direction the conversation ends.
    fn direction_idle(&mut self, id: FlowId, direction: Direction, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get(id) else { return };
        let (idle, other): (Vec<Planned>, Vec<Planned>) =
            plan(conversation).into_iter().partition(|one| FlowId::of_cookie(one.wanted.cookie) == Some((id, direction)));
        let idle: Vec<(Dpid, Slot)> = slots(&idle).collect();
        self.drop_slots(id, &idle, out);
        let alive = other.iter().any(|one| self.tables.wanted(one.dpid, &one.slot).is_some());
        if !alive {
            self.forget(id, out);
        } else if self.settings.width != Width::Exact {
            self.lift_wide_denials(id, now, out);
        }
    }

    /// Denials whose drop entries have ended by themselves are forgotten.
    pub(crate) fn age_denials(&mut self, now: Time) {
        while let Some(id) = self.records.ended_denial(now) {
            let denied = self.records.get(id).is_some_and(|one| one.template.verdict != Verdict::Allow);
            if denied && let Some(conversation) = self.records.remove(id) {
                for one in plan(&conversation) {
                    if self.owns(id, one.dpid, &one.slot) {
                        self.tables.unwant(one.dpid, &one.slot);
                    }
                }
            }
        }
    }

    /// A switch refused an entry: without all of its entries a conversation does not stand.
    pub(crate) fn refused_by_switch(&mut self, id: FlowId, out: &mut Effects) {
        if self.records.get(id).is_some() {
            self.revoke(id, Cause::SwitchRefused, None, out);
        }
    }

    /// Conversations that waited for a switch which is gone do not come about.
    pub(crate) fn abandon_unfinished(&mut self, dpid: Dpid, out: &mut Effects) {
        let waiting = |one: &Conversation| match &one.state {
            State::Standing => false,
            State::Opening { .. } => plan(one).iter().any(|planned| planned.dpid == dpid),
            State::Closing { old, .. } => {
                old.iter().any(|(at, _)| *at == dpid) || plan(one).iter().any(|planned| planned.dpid == dpid)
            }
        };
        for id in self.records.select(waiting) {
            self.revoke(id, Cause::NoPath, None, out);
        }
    }

    /// The switch is suspected not to hold this conversation's entries.
    pub(crate) fn forget_present_at(&mut self, id: FlowId, dpid: Dpid) {
        let Some(conversation) = self.records.get(id) else { return };
        for one in plan(conversation).iter().filter(|one| one.dpid == dpid) {
            self.tables.doubt(one.dpid, &one.slot);
        }
    }

    /// Wants the entry that sends everything else to us, where the version has no such default.
    pub(crate) fn want_miss_entry(&mut self, dpid: Dpid, version: Version) {
        if version.drops_misses() {
            let slot = Slot { region: net::FlowMatch::default(), priority: MISS_PRIORITY };
            let wanted = Wanted { actions: Actions::from_iter([Action::Controller]), cookie: INFRASTRUCTURE, ends: Ends::Never };
            self.tables.want(dpid, slot, wanted);
            return;
        }
        // Else the switch would keep all but the beginning of what is read in full here.
        let udp = |port| net::FlowMatch {
            dl_type: Some(net::EtherType::IPV4),
            nw_proto: Some(net::IpProto::UDP),
            transport: net::TransportMatch::Ports { src: None, dst: net::PortBlock::port(port) },
            ..net::FlowMatch::default()
        };
        let v6 = net::FlowMatch { dl_type: Some(net::EtherType::IPV6), ..net::FlowMatch::default() };
        for region in [udp(packet::dhcp::SERVER_PORT), udp(packet::dhcp::CLIENT_PORT), v6] {
            let wanted = Wanted { actions: Actions::from_iter([Action::Controller]), cookie: INFRASTRUCTURE, ends: Ends::Never };
            self.tables.want(dpid, Slot { region, priority: MISS_PRIORITY }, wanted);
        }
    }
}
