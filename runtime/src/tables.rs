//! Entries at every switch of a way: those of one conversation, and those planned for a whole view. Sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use compiler::plan::{LAYERS, Outcome, Plan, Planned};
use compiler::template::Template;
use lang::checked::{Checked, RuleId, Verdict};
use net::{Dpid, FlowMatch, Location, PortNo, VlanId, VlanMatch};

use crate::course::{Branch, Course, Tree};
use crate::dialect::{Action, Actions, MeterId};
use crate::failover::Detour;
use crate::install::{FLOW_PRIORITY, MISS_PRIORITY, Slot, WIDE_PRIORITY};
use crate::map::Map;
use crate::record::{Conversation, Direction, GroupsOf};
use crate::route::{Hop, NoPath};

/// Priority of the lowest layer of planned entries: under conversations, over what is asked anyway.
pub const PLAN_PRIORITY: u16 = 0x1000;

/// One entry of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its switch.
    pub dpid: Dpid,
    /// What it matches, and its priority.
    pub slot: Slot,
    /// What it does; nothing drops.
    pub actions: Actions,
    /// Of which direction.
    pub direction: Direction,
    /// The first of its direction: whose silence ends the conversation.
    pub first: bool,
    /// For packets that come only while a link is down.
    pub standby: bool,
}

/// A planned entry at one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it matches, and its priority.
    pub slot: Slot,
    /// What it does; nothing drops.
    pub actions: Actions,
    /// The rules that say so; nothing inside is the default.
    pub rules: BTreeSet<Option<RuleId>>,
    /// Why the controller is asked although policy would let the packets pass.
    pub gap: Option<Gap>,
}

/// Why permitted packets are not delivered unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// No links are known.
    Untold,
    /// There is no way.
    NoPath(NoPath),
}

/// All entries of a conversation that came in here and takes this course; those of the first switch come last. The meter is one of
/// that switch.
#[must_use]
pub fn of_conversation(template: &Template, ingress: Location, course: &Course, meter: Option<MeterId>) -> Vec<Step> {
    of_guarded(template, ingress, course, meter, &GroupsOf::new())
}

/// The same, with detours where there are groups for them.
#[must_use]
pub fn of_guarded(
    template: &Template,
    ingress: Location,
    course: &Course,
    meter: Option<MeterId>,
    groups: &GroupsOf,
) -> Vec<Step> {
    if template.verdict != Verdict::Allow {
        let region = FlowMatch { in_port: Some(ingress.port), ..template.region };
        let slot = Slot { region, priority: priority(template) };
        return vec![Step {
            dpid: ingress.dpid,
            slot,
            actions: Actions::new(),
            direction: Direction::Forward,
            first: true,
            standby: false,
        }];
    }
    let mut steps = Vec::with_capacity(course.hops.len() * 2);
    let beside = course.beside.as_deref();
    let marks = Marks { groups: Some(groups), ..Marks::of(template, meter, ingress) };
    if let Some(tree) = course.tree() {
        marks.fan_out(&template.region, tree, &mut steps);
        steps.sort_by_key(|step| step.dpid == ingress.dpid);
        return steps;
    }
    let copies = beside.map_or(&[][..], |beside| &beside.copies);
    let detours = beside.map_or(&[][..], |beside| &beside.detours);
    marks.follow(Direction::Forward, &template.region, &course.hops, (copies, detours), &mut steps);
    if let Some(reply) = &template.reply {
        let copies = beside.map_or(&[][..], |beside| &beside.copies_back);
        let detours = beside.map_or(&[][..], |beside| &beside.detours_back);
        marks.follow(Direction::Reply, reply, &course.back(), (copies, detours), &mut steps);
    }
    steps.sort_by_key(|step| step.dpid == ingress.dpid);
    steps
}

/// What is done to packets of a conversation on their way.
struct Marks<'a> {
    groups: Option<&'a GroupsOf>,
    vlan: Option<VlanId>,
    queue: Option<u32>,
    meter: Option<MeterId>,
    ingress: Location,
    priority: u16,
}

/// Entries for one flow go before those for many.
fn priority(template: &Template) -> u16 {
    if template.wide { WIDE_PRIORITY } else { FLOW_PRIORITY }
}

impl Marks<'_> {
    fn of(template: &Template, meter: Option<MeterId>, ingress: Location) -> Self {
        let Template { duties, .. } = template;
        Marks { groups: None, vlan: duties.vlan, queue: duties.queue, meter, ingress, priority: priority(template) }
    }

    /// Entries along a way, and for the copies that leave it.
    fn follow(
        &self,
        direction: Direction,
        region: &FlowMatch,
        hops: &[Hop],
        (copies, detours): (&[Branch], &[Detour]),
        steps: &mut Vec<Step>,
    ) {
        let carried = self.carried(region);
        let group = |detour: &Detour| self.groups?.get(&(detour.at.dpid, detour.ports)).copied();
        let way = steps.len();
        for (place, hop) in hops.iter().enumerate() {
            let (first, last) = (place == 0, place + 1 == hops.len());
            let copied = copies.iter().filter(|branch| branch.at == entrance(hop));
            let mut actions = Actions::new();
            // Both directions pass the port of the initiator, and the meter counts them together.
            if (first && direction == Direction::Forward) || (last && exit(hop) == self.ingress) {
                actions.extend(self.meter.map(Action::Meter));
            }
            let mut vlan = if first { region.vlan } else { carried.vlan };
            for branch in copied {
                self.enter(&mut vlan, &mut actions);
                actions.push(out(branch.at.port, branch.out));
            }
            if last {
                leave(vlan, region.vlan, &mut actions);
            } else {
                self.enter(&mut vlan, &mut actions);
            }
            actions.extend(self.queue.map(Action::Queue));
            let detour = detours.iter().find(|detour| detour.at == entrance(hop)).and_then(group);
            actions.push(detour.map_or(action(hop), Action::Group));
            let region = if first { region } else { &carried };
            steps.push(self.step(entrance(hop), region, actions, direction, first));
        }
        let apart = |branch: &&Branch| !hops.iter().any(|hop| entrance(hop) == branch.at);
        for (at, outs) in by_entrance(copies.iter().filter(apart)) {
            steps.push(self.step(at, &carried, outs.into_iter().map(|port| out(at.port, port)).collect(), direction, false));
        }
        let own = steps.get(way..).unwrap_or(&[]).to_vec();
        for detour in detours.iter().filter(|detour| group(detour).is_some()) {
            self.stand_by(detour, &carried, &own, steps);
        }
    }

    /// Entries of a detour, the last of which does what the way does where the packets come back to it.
    fn stand_by(&self, detour: &Detour, carried: &FlowMatch, way: &[Step], steps: &mut Vec<Step>) {
        let like = |one: &&Step| one.dpid == detour.joins.dpid && one.slot.region.in_port == Some(detour.like);
        let Some(joined) = way.iter().find(like) else { return };
        let direction = joined.direction;
        let mut add = |at: Location, actions: Actions| {
            let one = Step { standby: true, ..self.step(at, carried, actions, direction, false) };
            // Detours may share their last switches.
            if !steps.contains(&one) {
                steps.push(one);
            }
        };
        for hop in &detour.hops {
            add(entrance(hop), self.queue.map(Action::Queue).into_iter().chain([action(hop)]).collect());
        }
        add(detour.joins, joined.actions.clone());
    }

    fn step(&self, at: Location, region: &FlowMatch, actions: Actions, direction: Direction, first: bool) -> Step {
        let slot = Slot { region: FlowMatch { in_port: Some(at.port), ..*region }, priority: self.priority };
        Step { dpid: at.dpid, slot, actions, direction, first, standby: false }
    }

    /// Entries of a tree, one at each switch: on to others as packets are carried, out of the network as they were sent.
    fn fan_out(&self, region: &FlowMatch, tree: &Tree, steps: &mut Vec<Step>) {
        let (carried, sent) = (self.carried(region), region.vlan);
        for (at, outs) in by_entrance(tree.branches.iter()) {
            let first = at == self.ingress;
            let (leaves, onward): (BTreeSet<PortNo>, BTreeSet<PortNo>) =
                outs.into_iter().partition(|port| tree.leaves.contains(&Location::new(at.dpid, *port)));
            let all = |ports: &BTreeSet<PortNo>| ports.iter().map(|port| out(at.port, *port)).collect::<Vec<Action>>();
            let mut actions: Actions = self.meter.filter(|_| first).map(Action::Meter).into_iter().collect();
            actions.extend(self.queue.map(Action::Queue));
            let region = if first { region } else { &carried };
            let mut vlan = region.vlan;
            if first {
                actions.extend(all(&leaves));
                if !onward.is_empty() {
                    self.enter(&mut vlan, &mut actions);
                }
                actions.extend(all(&onward));
            } else {
                actions.extend(all(&onward));
                if !leaves.is_empty() {
                    leave(vlan, sent, &mut actions);
                }
                actions.extend(all(&leaves));
            }
            steps.push(self.step(at, region, actions, Direction::Forward, first));
        }
    }

    /// The packets of a region as they are between the first switch and the last.
    fn carried(&self, region: &FlowMatch) -> FlowMatch {
        FlowMatch { vlan: self.vlan.map_or(region.vlan, VlanMatch::Id), ..*region }
    }

    /// Puts packets into the VLAN that they are carried in.
    fn enter(&self, vlan: &mut VlanMatch, actions: &mut Actions) {
        let Some(own) = self.vlan.filter(|own| *vlan != VlanMatch::Id(*own)) else { return };
        actions.push(if *vlan == VlanMatch::Untagged { Action::Tag(own) } else { Action::Retag(own) });
        *vlan = VlanMatch::Id(own);
    }
}

/// Gives packets back the tag that they were sent with.
fn leave(now: VlanMatch, sent: VlanMatch, actions: &mut Actions) {
    match sent {
        _ if now == sent => {}
        VlanMatch::Untagged | VlanMatch::Any => actions.push(Action::Untag),
        VlanMatch::Id(id) => actions.push(Action::Retag(id)),
    }
}

fn by_entrance<'a>(branches: impl Iterator<Item = &'a Branch>) -> BTreeMap<Location, BTreeSet<PortNo>> {
    let mut all: BTreeMap<Location, BTreeSet<PortNo>> = BTreeMap::new();
    for branch in branches {
        all.entry(branch.at).or_default().insert(branch.out);
    }
    all
}

fn entrance(hop: &Hop) -> Location {
    Location::new(hop.dpid, hop.in_port)
}

fn exit(hop: &Hop) -> Location {
    Location::new(hop.dpid, hop.out_port)
}

fn out(in_port: PortNo, port: PortNo) -> Action {
    if in_port == port { Action::Return } else { Action::Output(port) }
}

/// What a switch does with packets of a conversation in one direction that come in here; nothing if they do not.
#[must_use]
pub fn actions_at(conversation: &Conversation, at: Location, direction: Direction) -> Option<Actions> {
    let Conversation { template, ingress, course, meter, groups, .. } = conversation;
    let here = |step: &Step| step.direction == direction && step.dpid == at.dpid && step.slot.region.in_port == Some(at.port);
    let steps = of_guarded(template, *ingress, course, *meter, groups);
    // A packet that is sent out of hand passes no meter.
    let sent = |action: &Action| !matches!(action, Action::Meter(_));
    steps.into_iter().find(here).map(|step| step.actions.into_iter().filter(sent).collect())
}

/// What a switch does with packets of a hop.
#[must_use]
pub fn action(hop: &Hop) -> Action {
    out(hop.in_port, hop.out_port)
}

/// A plan at every switch: where packets come in, and on the way of those that are delivered. Without links only what stays at
/// one switch is delivered; the controller is asked for the rest, as the last entry of each switch says.
#[must_use]
pub fn of_plan(plan: &Plan, policy: &Checked, mut map: Option<&mut Map>) -> BTreeMap<Dpid, Vec<Line>> {
    let mut tables: BTreeMap<Dpid, Vec<Line>> = BTreeMap::new();
    let free = |slot| Line { slot, actions: ask(), rules: BTreeSet::new(), gap: None };
    // OpenFlow 1.3 drops what no entry matches.
    let miss = Slot { region: FlowMatch::default(), priority: MISS_PRIORITY };
    for dpid in plan.entries.iter().map(|entry| entry.ingress.dpid) {
        let first = || std::iter::once(miss).chain(plan.watched.iter().map(watched)).map(free).collect();
        tables.entry(dpid).or_insert_with(first);
    }
    for entry in &plan.entries {
        let way = match entry.outcome {
            Outcome::Deliver { to } => way(entry.ingress, to, policy, map.as_deref_mut()),
            Outcome::Drop | Outcome::Ask => Ok(Vec::new()),
        };
        let (hops, gap) = way.map_or_else(|gap| (Vec::new(), Some(gap)), |hops| (hops, None));
        for (dpid, slot, actions) in lines(entry, &hops) {
            tables.entry(dpid).or_default().push(Line { slot, actions, rules: entry.rules.clone(), gap });
        }
    }
    tables
}

fn way(from: Location, to: Location, policy: &Checked, map: Option<&mut Map>) -> Result<Vec<Hop>, Gap> {
    match map {
        Some(map) => map.way(policy, from, to, &[]).map_err(Gap::NoPath),
        None if to.dpid == from.dpid => Ok(vec![Hop { dpid: to.dpid, in_port: from.port, out_port: to.port }]),
        None => Err(Gap::Untold),
    }
}

/// Where the entry stands that sends the controller what it wants to see, whatever is planned.
pub(crate) fn watched(region: &FlowMatch) -> Slot {
    Slot { region: *region, priority: PLAN_PRIORITY + u16::from(LAYERS) }
}

/// The controller decides.
pub(crate) fn ask() -> Actions {
    Actions::from_iter([Action::Controller])
}

/// The priority of a planned entry.
pub(crate) fn plan_priority(entry: &Planned) -> u16 {
    PLAN_PRIORITY + u16::from(entry.layer)
}

/// The entries that carry a planned one out along this way. What has no way is asked about.
pub(crate) fn lines(entry: &Planned, hops: &[Hop]) -> Vec<(Dpid, Slot, Actions)> {
    let at = |port| Slot { region: FlowMatch { in_port: Some(port), ..entry.region }, priority: plan_priority(entry) };
    let here = |actions| vec![(entry.ingress.dpid, at(entry.ingress.port), actions)];
    match entry.outcome {
        Outcome::Drop => here(Actions::new()),
        Outcome::Deliver { .. } if !hops.is_empty() => {
            hops.iter().map(|hop| (hop.dpid, at(hop.in_port), Actions::from_iter([action(hop)]))).collect()
        }
        Outcome::Deliver { .. } | Outcome::Ask => here(ask()),
    }
}

/// The region of the answers to packets of one that asks for no source port.
pub(crate) fn answers(region: &FlowMatch) -> FlowMatch {
    let FlowMatch { dl_src, dl_dst, nw_src, nw_dst, .. } = *region;
    FlowMatch { in_port: None, dl_src: dl_dst, dl_dst: dl_src, nw_src: nw_dst, nw_dst: nw_src, ..*region }
}
