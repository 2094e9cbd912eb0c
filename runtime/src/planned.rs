//! Entries that stand before any packet comes: what stations may send each other both ways, and what they may not send at all. They
//! are planned for the whole view, follow every change of it, and lie under those of conversations. Knows nothing of how a plan is
//! made, or of how entries are sent.
//!
//! ```text
//!   the view, the policy or a time changes ─▶ what is planned no longer is taken out at once
//!                                          └▶ what is planned anew: every switch but the ingress ─ all barriers ─▶ ingress
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use compiler::View;
use compiler::plan::{Asked, Means, Outcome, Plan, Planned};
use foldhash::fast::FixedState;
use lang::checked::{RuleId, Verdict};
use net::{Dpid, FlowKey, FlowMatch, Location, MacAddr, Prefix, Time};

use crate::controller::Controller;
use crate::dialect::{Actions, Present, ToSwitch, Version};
use crate::effect::Effects;
use crate::event::Event;
use crate::install::{Ends, Slot, Wanted};
use crate::record::{FlowId, PLANNED, Way};
use crate::route::{self, Constraint, Hop};
use crate::settings::Width;
use crate::tables;

/// How long nothing is planned at a switch that could not take it.
const RESPITE: Duration = Duration::from_secs(60);

/// Time between two plans, unless permission is taken away.
const PAUSE: Duration = Duration::from_secs(1);

/// Stations that entries are planned for: pairs of them are looked at one by one.
const MOST_STATIONS: usize = 256;

/// Numbers the plans, for their barriers; no conversation has this number.
pub(crate) const PLAN: FlowId = FlowId(0);

/// Whose packets a group of entries is for: where they come in, from whom, and for whom, if not for anybody. Entries of a group
/// complete one another, so that one without the others would be wrong.
type Key = (Location, MacAddr, Prefix, Option<(MacAddr, Prefix)>);

/// What stands, and when it is looked at again.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    groups: BTreeMap<Key, Group>,
    /// How many lines they have at each switch.
    lines: BTreeMap<Dpid, usize>,
    watched: BTreeMap<Dpid, Vec<Slot>>,
    /// Something has changed since the last plan.
    stale: bool,
    next: Option<Time>,
    generation: u32,
    /// Barriers to come, and whose packets are let in behind them.
    awaiting: usize,
    behind: BTreeSet<Key>,
    /// How many lines those will have at each switch.
    waiting: BTreeMap<Dpid, usize>,
    /// Switches that could not take what was planned, and until when packets are asked about there.
    refused: BTreeMap<Dpid, Time>,
    /// Switches whose barriers are to come.
    awaited: BTreeSet<Dpid>,
    /// Packets that entries at ingress ports had carried when they were looked at last.
    carried: HashMap<(Dpid, Slot), u64, FixedState>,
    /// There would be too many, and that was told.
    over: bool,
}

/// Planned entries with their lines in switches.
#[derive(Clone, Debug)]
struct Group {
    planned: Vec<Planned>,
    hops: Vec<Hop>,
    /// At the switch where the packets come in, exceptions first.
    ingress: Vec<Line>,
    /// At those behind it.
    beyond: Vec<Line>,
    /// Something is asked only because there is no way.
    gap: bool,
}

/// One entry of one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    dpid: Dpid,
    slot: Slot,
    actions: Actions,
}

impl Controller {
    /// Something that decisions about this station depend on has changed: nothing stands for it before it is planned anew.
    pub(crate) fn unplan_station(&mut self, mac: MacAddr, now: Time, out: &mut Effects) {
        if self.settings.width == Width::Proactive {
            self.standing.stale = true;
            self.unplan(&|(_, src, _, to), _| *src == mac || to.is_some_and(|(dst, _)| dst == mac), now, out);
        }
    }

    /// A port or link is gone: nothing stands that goes over it.
    pub(crate) fn unplan_through(&mut self, at: Location, now: Time, out: &mut Effects) {
        if self.settings.width == Width::Proactive {
            self.standing.stale = true;
            let passes = |hop: &Hop| hop.dpid == at.dpid && (hop.in_port == at.port || hop.out_port == at.port);
            self.unplan(&|_, group| group.hops.iter().any(passes), now, out);
        }
    }

    /// A switch could not take an entry that belongs to no conversation: nothing is planned there for a while, or before it is back.
    pub(crate) fn unplan_switch(&mut self, dpid: Dpid, now: Time, out: &mut Effects) {
        if self.settings.width != Width::Proactive || self.standing.refused.insert(dpid, now.after(RESPITE)).is_some() {
            return;
        }
        self.unplan(&|key, group| key.0.dpid == dpid || group.hops.iter().any(|hop| hop.dpid == dpid), now, out);
        for slot in self.standing.watched.remove(&dpid).unwrap_or_default() {
            self.take_out(dpid, &slot, out);
        }
    }

    /// More may stand than before: at this switch, if one is named.
    pub(crate) fn plan_soon(&mut self, dpid: Option<Dpid>) {
        if let Some(dpid) = dpid {
            self.standing.refused.remove(&dpid);
        }
        self.standing.stale = true;
    }

    /// Plans anew what has changed, now and then.
    pub(crate) fn plan_in_turn(&mut self, now: Time, out: &mut Effects) {
        let refused = self.standing.refused.len();
        self.standing.refused.retain(|_, until| *until > now);
        self.standing.stale |= self.standing.refused.len() < refused;
        if self.standing.stale && self.standing.next.is_none_or(|next| next <= now) {
            self.plan_now(now, out);
        }
    }

    /// Plans for the present view and policy: what is planned no longer goes, and what is new is put in.
    pub(crate) fn plan_now(&mut self, now: Time, out: &mut Effects) {
        if self.settings.width != Width::Proactive || self.adoption.is_waiting() {
            return;
        }
        self.standing.stale = false;
        self.standing.next = Some(now.after(PAUSE));
        let Some(plan) = self.planned(now, out) else {
            return self.unplan(&|_, _| true, now, out);
        };
        let mut groups: BTreeMap<Key, Vec<Planned>> = BTreeMap::new();
        for one in plan.entries {
            if let Some(key) = key_of(&one) {
                groups.entry(key).or_default().push(one);
            }
        }
        let same =
            |one: &Planned, other: &Planned| (one.region, one.layer, one.outcome) == (other.region, other.layer, other.outcome);
        let alike = |these: &[Planned], those: &[Planned]| {
            these.len() == those.len() && these.iter().zip(those).all(|(one, other)| same(one, other))
        };
        let kept = |key: &Key, group: &Group| !group.gap && groups.get(key).is_some_and(|new| alike(new, &group.planned));
        self.unplan(&|key, group| !kept(key, group), now, out);
        self.watch(&plan.watched, now, out);
        self.put_in(groups, now, out);
    }

    /// What is to stand; nothing if that would be too much.
    fn planned(&mut self, now: Time, out: &mut Effects) -> Option<Plan> {
        let stations = self.view.stations().filter(|one| one.location.is_some()).count();
        let (means, limit) = (self.common_means(), self.settings.planned);
        let asked = Asked { between: None, means, limit };
        let all = if stations <= MOST_STATIONS { self.program.plan(&self.view, &asked, now).ok() } else { None };
        // Whoever is not declared can be many at once: those who are keep what they have.
        let plan = all.or_else(|| {
            let declared = self.view_of_declared();
            let few = declared.stations().filter(|one| one.location.is_some()).count() <= MOST_STATIONS;
            if few { self.program.plan(&declared, &asked, now).ok() } else { None }
        });
        let over = std::mem::replace(&mut self.standing.over, plan.is_none());
        if plan.is_none() && !over {
            out.event(Event::NothingPlanned { stations, limit });
        }
        plan
    }

    /// The view without stations that the policy does not declare.
    fn view_of_declared(&self) -> View {
        let mut view = self.view.clone();
        let others: Vec<MacAddr> = view.stations().filter(|one| one.host.is_none()).map(|one| one.mac).collect();
        for mac in others {
            view.remove(mac);
        }
        view
    }

    /// What every switch can be told.
    fn common_means(&self) -> Means {
        let all: Vec<(Version, bool)> = self.topology.switches().into_iter().filter_map(|dpid| self.means(dpid)).collect();
        let modern = all.iter().all(|(version, _)| *version == Version::V13);
        Means { modern, blocks: modern && all.iter().all(|(_, blocks)| *blocks) }
    }

    /// What the controller wants to see goes before everything that stands. A switch without room for that has nothing planned.
    fn watch(&mut self, watched: &[FlowMatch], now: Time, out: &mut Effects) {
        let slots: Vec<Slot> = watched.iter().map(tables::watched).collect();
        for dpid in self.topology.switches() {
            let held = self.standing.watched.get(&dpid) == Some(&slots);
            if !self.has_plan_room(dpid, if held { 0 } else { slots.len() }) {
                self.unplan_switch(dpid, now, out);
            }
            if held || self.standing.refused.contains_key(&dpid) {
                continue;
            }
            let old = self.standing.watched.insert(dpid, slots.clone()).unwrap_or_default();
            for slot in old.into_iter().filter(|slot| !slots.contains(slot)) {
                self.take_out(dpid, &slot, out);
            }
            for slot in &slots {
                self.want_planned(&Line { dpid, slot: *slot, actions: tables::ask() }, out);
            }
        }
    }

    /// Conversations have half of a table for themselves. What waits to be let in has its room already.
    fn has_plan_room(&self, dpid: Dpid, more: usize) -> bool {
        let waiting = self.standing.waiting.get(&dpid).copied().unwrap_or(0);
        let watched = self.standing.watched.get(&dpid).map_or(0, Vec::len);
        let own = watched + self.standing.lines.get(&dpid).copied().unwrap_or(0);
        let fits = more == 0 || self.has_table_room(dpid, waiting + more);
        (own + more) * 2 <= self.table_size(dpid) && fits
    }

    /// Lines that a group has in switches, counted.
    fn count_lines(&mut self, group: &Group, count: impl Fn(usize) -> usize) {
        for line in group.ingress.iter().chain(&group.beyond) {
            let lines = self.standing.lines.entry(line.dpid).or_default();
            *lines = count(*lines);
        }
    }

    /// Puts groups in that do not stand: at every switch but the ingress first, and behind their barriers there.
    fn put_in(&mut self, groups: BTreeMap<Key, Vec<Planned>>, now: Time, out: &mut Effects) {
        // What was not answered yet is waited for as well.
        let mut touched = std::mem::take(&mut self.standing.awaited);
        for (key, planned) in groups {
            let drops = planned.iter().any(|one| one.outcome == Outcome::Drop);
            if let Some(group) = self.standing.groups.get_mut(&key) {
                group.planned = planned;
                continue;
            }
            if drops && self.would_stop_answers(key.1) {
                continue;
            }
            let Some(group) = self.group(key, planned) else { continue };
            self.count_lines(&group, |lines| lines + 1);
            for line in &group.beyond {
                if self.want_planned(line, out) {
                    touched.insert(line.dpid);
                }
            }
            self.standing.behind.insert(key);
            *self.standing.waiting.entry(key.0.dpid).or_default() += group.ingress.len();
            self.standing.groups.insert(key, group);
        }
        self.standing.generation = self.standing.generation.wrapping_add(1);
        let way = Way { id: PLAN, generation: self.standing.generation };
        self.standing.awaiting = 0;
        for dpid in touched {
            if let Some(session) = self.switches.up(dpid) {
                session.barrier(way, now, out);
                self.standing.awaiting += 1;
                self.standing.awaited.insert(dpid);
            }
        }
        self.let_in(now, out);
    }

    /// The lines of a group; nothing where a switch is not there, or would have no room for all of them.
    fn group(&mut self, key: Key, planned: Vec<Planned>) -> Option<Group> {
        let (at, ..) = key;
        let mut group = Group { planned, hops: Vec::new(), ingress: Vec::new(), beyond: Vec::new(), gap: false };
        for one in &group.planned {
            let hops = match one.outcome {
                Outcome::Deliver { to } if group.hops.is_empty() => self.plain_way(at, to),
                Outcome::Deliver { .. } => Some(group.hops.clone()),
                Outcome::Drop | Outcome::Ask => Some(Vec::new()),
            };
            group.gap |= hops.is_none();
            let hops = hops.unwrap_or_default();
            for (dpid, slot, actions) in tables::lines(one, &hops) {
                let line = Line { dpid, slot, actions };
                if dpid == at.dpid { group.ingress.push(line) } else { group.beyond.push(line) }
            }
            if !hops.is_empty() {
                group.hops = hops;
            }
        }
        group.ingress.sort_by_key(|line| std::cmp::Reverse(line.slot.priority));
        let mut needed: BTreeMap<Dpid, usize> = BTreeMap::new();
        for line in group.ingress.iter().chain(&group.beyond) {
            *needed.entry(line.dpid).or_default() += 1;
        }
        let has_room = |(dpid, more): (&Dpid, &usize)| {
            self.standing.watched.contains_key(dpid) && self.switches.is_up(*dpid) && self.has_plan_room(*dpid, *more)
        };
        (needed.iter().all(has_room) && self.is_edge(at)).then_some(group)
    }

    /// The way of packets that are bound to nothing.
    fn plain_way(&mut self, from: Location, to: Location) -> Option<Vec<Hop>> {
        route::way(&mut self.topology, &self.policy, from, to, &[], &Constraint::default()).ok()
    }

    /// A barrier of a plan was passed.
    pub(crate) fn plan_passed(&mut self, way: Way, now: Time, out: &mut Effects) {
        if way.generation == self.standing.generation {
            self.standing.awaiting = self.standing.awaiting.saturating_sub(1);
            self.let_in(now, out);
        }
    }

    /// Once every switch behind holds its lines, those of the ingress follow: exceptions first, and a barrier before what they are
    /// exceptions from.
    fn let_in(&mut self, now: Time, out: &mut Effects) {
        if self.standing.awaiting > 0 {
            return;
        }
        self.standing.awaited.clear();
        self.standing.waiting.clear();
        let mut by_priority: BTreeMap<std::cmp::Reverse<u16>, Vec<(Key, Line)>> = BTreeMap::new();
        for key in std::mem::take(&mut self.standing.behind) {
            for line in self.standing.groups.get(&key).map(|group| group.ingress.clone()).unwrap_or_default() {
                by_priority.entry(std::cmp::Reverse(line.slot.priority)).or_default().push((key, line));
            }
        }
        let mut behind: BTreeSet<Dpid> = BTreeSet::new();
        for lines in by_priority.into_values() {
            let switches: BTreeSet<Dpid> = lines.iter().map(|(_, line)| line.dpid).collect();
            for dpid in behind.intersection(&switches).copied().collect::<Vec<_>>() {
                if let Some(session) = self.switches.up(dpid) {
                    session.say(&ToSwitch::Barrier, out);
                }
            }
            // A group may be gone by now, with a switch that could not take another.
            for (key, line) in lines {
                if !self.standing.groups.contains_key(&key) {
                    continue;
                }
                if self.want_planned(&line, out) {
                    behind.insert(line.dpid);
                } else if self.tables.wanted(line.dpid, &line.slot).is_none() {
                    // It cannot be said there, and nothing that it is an exception from may stand.
                    self.unplan_switch(line.dpid, now, out);
                }
            }
        }
    }

    /// True if it took a message.
    fn want_planned(&mut self, line: &Line, out: &mut Effects) -> bool {
        let wanted = Wanted { actions: line.actions.clone(), cookie: PLANNED, ends: Ends::Never };
        let Some(session) = self.switches.up(line.dpid) else { return false };
        self.tables.install((line.dpid, line.slot), wanted, session, &self.settings, out).unwrap_or(false)
    }

    /// Takes groups out, what is wide before its exceptions, and the ingress before what is behind it. What answers them, and is
    /// under way, opens nothing that was not allowed.
    fn unplan(&mut self, gone: &dyn Fn(&Key, &Group) -> bool, now: Time, out: &mut Effects) {
        let gone: Vec<Key> = self.standing.groups.iter().filter(|(key, group)| gone(key, group)).map(|(key, _)| *key).collect();
        for key in gone {
            let Some(group) = self.standing.groups.remove(&key) else { continue };
            self.count_lines(&group, |lines| lines.saturating_sub(1));
            if self.standing.behind.remove(&key)
                && let Some(waiting) = self.standing.waiting.get_mut(&key.0.dpid)
            {
                *waiting -= group.ingress.len();
            }
            for line in group.ingress.iter().rev().chain(&group.beyond) {
                self.standing.carried.remove(&(line.dpid, line.slot));
                self.take_out(line.dpid, &line.slot, out);
            }
            for one in group.planned.iter().filter(|one| matches!(one.outcome, Outcome::Deliver { .. })) {
                self.remember_ended(tables::answers(&one.region), true, key.0, now);
            }
        }
    }

    /// Entries of a conversation went in their silence: nothing may drop the answers to it before they come up.
    pub(crate) fn unplan_drops_of(&mut self, ends: [MacAddr; 2], now: Time, out: &mut Effects) {
        let drops = |group: &Group| group.planned.iter().any(|one| one.outcome == Outcome::Drop);
        self.unplan(&|(_, src, ..), group| ends.contains(src) && drops(group), now, out);
    }

    fn take_out(&mut self, dpid: Dpid, slot: &Slot, out: &mut Effects) {
        self.tables.unwant(dpid, slot);
        self.settle_entry(dpid, slot, out);
    }

    /// A switch told what it holds: whoever's packets were carried since is alive, though nothing came up.
    pub(crate) fn heard_through_entries(&mut self, dpid: Dpid, found: &[Present], now: Time) {
        for one in found.iter().filter(|one| one.cookie == PLANNED && one.table == 0) {
            let Some(region) = one.region else { continue };
            let (Some(port), Some(mac)) = (region.in_port, region.dl_src) else { continue };
            let at = Location::new(dpid, port);
            if self.view.station(mac).is_none_or(|station| station.location != Some(at)) {
                continue;
            }
            let before = self.standing.carried.insert((dpid, Slot { region, priority: one.priority }), one.packets);
            if one.packets > before.unwrap_or(0) {
                self.hosts.alive(mac, region.nw_src.map(|prefix| prefix.network()), now);
            }
        }
    }

    /// True if a packet between switches may be one that a planned entry let in a moment ago.
    pub(crate) fn may_be_planned(&self, key: &FlowKey, now: Time) -> bool {
        let at = self.view.station(key.dl_src).and_then(|station| station.location);
        let Some(at) = at.filter(|_| self.settings.width == Width::Proactive) else { return false };
        let ends = self.identify(at, key);
        ends.is_ok_and(|(src, dst)| self.program.judge_key(&src, &dst, key, now).verdict == Verdict::Allow)
    }

    /// The rules that an entry which was planned stands for; none inside is the default.
    #[must_use]
    pub fn planned_by(&self, dpid: Dpid, slot: &Slot) -> Option<&BTreeSet<Option<RuleId>>> {
        let holds = |one: &&Planned| {
            let region = FlowMatch { in_port: slot.region.in_port, ..one.region };
            region == slot.region && tables::plan_priority(one) == slot.priority
        };
        let here = |group: &&Group| group.ingress.iter().chain(&group.beyond).any(|line| line.dpid == dpid && line.slot == *slot);
        let group = self.standing.groups.values().find(here)?;
        group.planned.iter().find(holds).map(|one| &one.rules)
    }
}

/// Whose packets an entry is for.
fn key_of(one: &Planned) -> Option<Key> {
    let FlowMatch { dl_src, dl_dst, nw_src, nw_dst, .. } = one.region;
    Some((one.ingress, dl_src?, nw_src?, dl_dst.zip(nw_dst)))
}
