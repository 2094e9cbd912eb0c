//! What a change does to what was decided before: conversations are judged again, and exactly those whose answer or way is another
//! are touched. Knows nothing of what the change was.

use std::sync::Arc;

use compiler::Program;
use compiler::template::Template;
use lang::checked::{Checked, MiddleboxId, RuleId, Verdict};
use lang::flow::Flow;
use net::{Dpid, FlowMatch, IpProto, Location, MacAddr, Time, TransportMatch};
use rustc_hash::FxHashMap;

use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::{Cause, Event};
use crate::record::{Conversation, FlowId};
use crate::route::{self, NoPath};
use compiler::inventory::Inventory;

/// What became of a conversation or denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing was sent for it.
    Kept,
    /// It was revoked or sent another way.
    Changed,
    /// It was a denial, and is none any more.
    Undropped,
}

impl Controller {
    /// Puts a policy in force: compiles what it changes, and judges every conversation again.
    pub(crate) fn enforce_policy(&mut self, policy: Arc<Checked>, now: Time, out: &mut Effects) {
        let view = self.view.rebase(&self.policy, &policy);
        let renumbered = renumbers(&self.policy, &policy);
        self.before = Some(Naming { policy: self.policy.clone(), flows: self.allowed_flows(), renumbered });
        self.inventory = Inventory::new(&policy);
        self.program.recompile(policy.clone(), &view);
        self.view = view;
        self.policy = policy;
        self.edge = self.edge_after(now);
        self.hosts.gateway_addresses.clear();
        self.clear_ports_that_are_no_edge(out);
        self.fast.begin(&self.program);
        let (plain, doomed) = self.rejudge_plain(now);
        self.lift_refusals(out);
        let fates = self.revalidate_all(doomed, Cause::Policy, now, out);
        self.before = None;
        let came_to = |fate: Fate| fates.iter().filter(|one| **one == fate).count();
        let (kept, changed, undropped) = (plain + came_to(Fate::Kept), came_to(Fate::Changed), came_to(Fate::Undropped));
        self.adoption.hurry(now);
        self.adopt_when_settled(now, out);
        for dpid in self.connected() {
            self.admit_again(dpid, now, out);
        }
        for dpid in self.tables.switches() {
            // One that is out of reach as well: what it is to hold is not kept for it.
            if !self.inventory.knows(dpid) {
                self.let_go_of(dpid, now, out);
            }
        }
        self.plan_now(now, out);
        out.event(Event::PolicyInForce { kept, changed, undropped });
    }

    /// A time that the policy names has begun or ended: every conversation is judged again.
    pub(crate) fn pass_edges(&mut self, now: Time, out: &mut Effects) {
        if self.edge.is_none_or(|edge| edge > now) {
            return;
        }
        self.edge = self.edge_after(now);
        self.lift_refusals(out);
        self.adoption.hurry(now);
        let (policy, renumbered) = (self.policy.clone(), false);
        self.before = Some(Naming { policy, flows: FxHashMap::default(), renumbered });
        let (_, doomed) = self.rejudge_plain(now);
        self.revalidate_all(doomed, Cause::Time, now, out);
        self.before = None;
        self.plan_now(now, out);
    }

    /// The next instant at which the policy's times make a difference.
    pub(crate) fn edge_after(&self, now: Time) -> Option<Time> {
        let policy = &self.policy;
        if !policy.tests_time() {
            return None;
        }
        let ends = policy.ends().into_iter().filter(|end| *end > now);
        ends.chain(policy.calendar.next_edge(&policy.windows(), now)).min()
    }

    /// Whoever was a host at a port that is declared to be something else now is none. Conversations are not judged here: those
    /// that were not yet judged under the policy in force speak of ends by the numbers of the one before.
    fn clear_ports_that_are_no_edge(&mut self, out: &mut Effects) {
        let attached = self.view.stations().filter_map(|station| Some((station.mac, station.location?)));
        let gone: Vec<(MacAddr, Location)> = attached.filter(|(_, at)| !self.is_edge(*at)).collect();
        for (mac, at) in gone {
            if self.unbind(mac, at, out) {
                self.program.update(&self.view, &[mac]);
            }
        }
    }

    /// Takes everything of ours out of a switch that is no longer one of ours, and conversations off it.
    fn let_go_of(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        self.unplan_switch(dpid, now, out);
        self.unfold_through(dpid, |_| true);
        self.tables.clear(dpid, self.switches.up(dpid), out);
        self.leave(dpid, out);
        if let Some(session) = self.switches.up(dpid) {
            session.suspend(now);
        }
        for id in self.records.select(|one| one.course.passes().any(|hop| hop.dpid == dpid) || one.ingress.dpid == dpid) {
            self.revalidate(id, Cause::NoPath, now, out);
        }
    }

    /// A switch may have become declared, or undeclared.
    fn admit_again(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        if self.refuse_again(dpid, out) {
            return;
        }
        if self.inventory.knows(dpid) {
            self.admit_or_hold(dpid, now, out);
            return;
        }
        if self.switches.is_pending(dpid) {
            return;
        }
        if self.switches.is_up(dpid) {
            self.let_go_of(dpid, now, out);
        } else {
            self.switches.suspend(dpid, now);
        }
        out.event(Event::SwitchPending { dpid, certificate: self.peer(dpid).and_then(|peer| peer.certificate) });
    }

    /// Judges again every conversation whose way enters or leaves a switch at this port.
    pub(crate) fn revalidate_through(&mut self, at: Location, cause: Cause, now: Time, out: &mut Effects) {
        self.unplan_through(at, now, out);
        self.unfold_through(at.dpid, |one| one == at);
        for id in self.records.through(at) {
            self.revalidate(id, cause, now, out);
        }
    }

    /// Judges one conversation or denial again, in the present view and under the present policy.
    pub(crate) fn revalidate(&mut self, id: FlowId, cause: Cause, now: Time, out: &mut Effects) -> Fate {
        let Some(conversation) = self.records.get(id) else { return Fate::Kept };
        let (key, ingress, was) = (conversation.key, conversation.ingress, conversation.template.verdict);
        let (reply, wide) = (conversation.template.reply, conversation.template.wide);
        let Ok((src, dst)) = self.identify(ingress, &key) else {
            return self.no_longer(id, was, Cause::Endpoint, out);
        };
        if !self.is_edge(ingress) {
            return self.no_longer(id, was, cause, out);
        }
        let judgement = self.program.judge_key(&src, &dst, &key, now);
        let Some(conversation) = self.records.get(id) else { return Fate::Kept };
        let template = self.template_again(conversation, (&src, &dst), &judgement, now);
        let same_region = conversation.template.region == template.region;
        let flow = Arc::new(Flow { headers: Program::headers(&key), src, dst, time: Some(now) });
        let allows = |verdict| verdict == Verdict::Allow;
        match (allows(was), allows(judgement.verdict)) {
            // Of what is no longer denied with the rest, nothing was asked.
            (false, false) if !same_region => self.no_longer(id, was, cause, out),
            (false, false) => {
                self.judged_alike(id, flow, template);
                Fate::Kept
            }
            (false, true) => self.no_longer(id, was, cause, out),
            (true, false) => {
                if let Some(reply) = reply {
                    self.remember_ended(reply, wide, ingress, now);
                }
                self.revoke(id, cause, Some(judgement.rule), out);
                Fate::Changed
            }
            (true, true) if self.records.trees().contains_key(&id) => {
                self.tree_still_allowed(id, (flow, template), cause, now, out)
            }
            (true, true) => self.still_allowed(id, flow, template, cause, now, out),
        }
    }

    /// What a responder has under way must not go on as a conversation of its own. Of many conversations only what belongs to TCP
    /// connections is known for it: any other packet may as well be the first of one that its sender may begin.
    pub(crate) fn remember_ended(&mut self, reply: FlowMatch, wide: bool, ingress: Location, now: Time) {
        let limit = self.settings.conversations;
        if wide {
            if reply.nw_proto.is_none_or(|proto| proto == IpProto::TCP) {
                let connections = FlowMatch { nw_proto: Some(IpProto::TCP), transport: TransportMatch::Any, ..reply };
                self.ended.remember_wide(connections, ingress, limit, now);
            }
        } else {
            self.ended.remember(reply, ingress, limit, now);
        }
    }

    fn no_longer(&mut self, id: FlowId, was: Verdict, cause: Cause, out: &mut Effects) -> Fate {
        self.revoke(id, cause, None, out);
        if was != Verdict::Allow { Fate::Undropped } else { Fate::Changed }
    }

    /// Allowed before and now: the way stays as it is if it still satisfies the constraints.
    fn still_allowed(
        &mut self,
        id: FlowId,
        flow: Arc<Flow>,
        template: Template,
        cause: Cause,
        now: Time,
        out: &mut Effects,
    ) -> Fate {
        let Some(conversation) = self.records.get(id) else { return Fate::Kept };
        let same_regions = conversation.template.region == template.region && conversation.template.reply == template.reply;
        let same_way = conversation.template.via == template.via
            && conversation.template.duties == template.duties
            && flow.dst.location == conversation.course.leaves_at();
        if !same_regions {
            // Some of many conversations are allowed no longer, or otherwise: those that are go on as conversations of their own.
            let Conversation { ingress, template: was, .. } = conversation;
            if let (Some(reply), true, at) = (was.reply, was.wide, *ingress) {
                self.remember_ended(reply, true, at, now);
            }
            self.revoke(id, cause, None, out);
            return Fate::Changed;
        }
        // What names boxes and hosts by number may name others in another policy.
        let renumbered = cause == Cause::Policy && self.before.as_ref().is_none_or(|before| before.renumbered);
        let renamed = renumbered && (!template.duties.mirror.is_empty() || !template.duties.avoid.is_empty());
        if same_way && cause != Cause::NoPath && !renamed && !self.moved_middlebox(id) {
            self.judged_alike(id, flow, template);
            return Fate::Kept;
        }
        let (ingress, standing) = (conversation.ingress, conversation.course.hops.clone());
        let course = flow.dst.location.map(|to| self.course(ingress, to, &template, &standing));
        let confused = self.is_confused(&template, Some(id));
        match course.map(|course| course.and_then(|course| if confused { Err(NoPath::Confused) } else { Ok(course) })) {
            Some(Ok(course)) => {
                let bound = |one: &Conversation| one.course == course && one.template.duties == template.duties;
                if self.records.get(id).is_some_and(bound) {
                    self.judged_alike(id, flow, template);
                    return Fate::Kept;
                }
                self.reroute(id, course, (flow, template), now, out);
            }
            Some(Err(why)) => {
                self.counters.unroutable += 1;
                // What its responder has under way must not open a conversation past the box that is missed.
                if let Some(reply) = template.reply.filter(|_| !template.via.is_empty() || !template.duties.mirror.is_empty()) {
                    self.ended.remember(reply, ingress, self.settings.conversations, now);
                }
                self.revoke(id, Cause::NoPath, None, out);
                out.event(Event::Unroutable { flow, why });
            }
            None => self.revoke(id, Cause::Endpoint, None, out),
        }
        Fate::Changed
    }

    /// True if the policy has put a middlebox of the conversation to other ports than its way uses.
    fn moved_middlebox(&self, id: FlowId) -> bool {
        let Some(conversation) = self.records.get(id) else { return false };
        let declared = |via: &MiddleboxId| self.policy.middleboxes.get(via.index());
        let hops = &conversation.course.hops;
        let passed =
            |via| declared(via).is_some_and(|middlebox| middlebox.attachments.iter().any(|one| route::passes(hops, one)));
        !conversation.template.via.iter().all(passed)
    }

    pub(crate) fn judged_alike(&mut self, id: FlowId, flow: Arc<Flow>, template: Template) {
        if let Some(conversation) = self.records.get_mut(id) {
            conversation.judged_alike(flow, template);
        }
    }

    /// A conversation and the place that allowed it, in the words of the policy in force; while that takes the place of another, in the
    /// words of the other.
    pub(crate) fn named(&self, conversation: &Conversation) -> (Arc<str>, Arc<str>) {
        let before = self.before.as_ref().and_then(|before| Some((&before.policy, before.flows.get(&conversation.id)?)));
        match before {
            Some((policy, (flow, rule))) => named(policy, flow, *rule),
            None => named(&self.policy, &conversation.flow, conversation.template.rule),
        }
    }

    /// Allowed conversations with the rules that allowed them.
    fn allowed_flows(&self) -> FxHashMap<FlowId, (Arc<Flow>, Option<RuleId>)> {
        let allowed = self.records.iter().filter(|one| one.template.verdict == Verdict::Allow);
        allowed.map(|one| (one.id, (one.flow.clone(), one.template.rule))).collect()
    }
}

/// The words of a policy that is no longer in force: what it allowed is told in them, as the new one may no longer have them.
#[derive(Debug)]
pub(crate) struct Naming {
    policy: Arc<Checked>,
    flows: FxHashMap<FlowId, (Arc<Flow>, Option<RuleId>)>,
    /// Boxes or hosts have other numbers in the one that is in force.
    renumbered: bool,
}

impl Naming {
    /// A conversation as it was allowed.
    pub(crate) fn remember(&mut self, id: FlowId, flow: Arc<Flow>, rule: Option<RuleId>) {
        self.flows.insert(id, (flow, rule));
    }
}

/// True if a middlebox or host has another number in the second policy, or what is behind a number is at other ports.
fn renumbers(old: &Checked, new: &Checked) -> bool {
    let boxes =
        |policy: &Checked| policy.middleboxes.iter().map(|one| (one.name.clone(), one.attachments.clone())).collect::<Vec<_>>();
    old.hosts.iter().map(|one| &one.name).ne(new.hosts.iter().map(|one| &one.name)) || boxes(old) != boxes(new)
}

/// A flow and the place that decided it, in the words of a policy.
fn named(policy: &Checked, flow: &Flow, rule: Option<RuleId>) -> (Arc<str>, Arc<str>) {
    let place = match policy.deciding_span(rule).map(|span| policy.sources.position(span)) {
        Some(position) => format!("{}:{}", position.file, position.line),
        None => "default".to_owned(),
    };
    (Arc::from(lang::flowspec::flow_text(policy, flow)), Arc::from(place))
}
