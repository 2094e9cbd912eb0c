//! Conversations: what was decided about each, and the way it takes. Knows nothing of how entries get into switches.

mod kin;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque, btree_map};
use std::sync::Arc;

use bytes::Bytes;
use compiler::template::Template;
use foldhash::fast::FixedState;
use lang::checked::{Avoid, Duties, HostId, Verdict};
use lang::flow::Flow;
use net::{Dpid, FlowKey, FlowMatch, Location, MacAddr, PortNo, Shape, Time, VlanId, VlanMatch};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::course::Course;
use crate::dialect::{GroupId, MeterId};
use crate::install::Slot;
use crate::relief::{Begun, Place};
use kin::Kin;

/// A conversation, or a denial. It is part of the cookie of each entry: 40 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// Which way an entry carries packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the initiator.
    Forward,
    /// Replies.
    Reply,
}

/// One of the ways that a conversation took, one after the other: a barrier of an old one tells nothing of the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The conversation.
    pub id: FlowId,
    /// Which of its ways.
    pub generation: u32,
}

/// Groups that a conversation uses.
pub type GroupsOf = BTreeMap<(Dpid, [PortNo; 2]), GroupId>;

/// A decided flow and where its packets go.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Its number.
    pub id: FlowId,
    /// Headers of its first packet.
    pub key: FlowKey,
    /// The flow that was judged.
    pub flow: Arc<Flow>,
    /// The region, the verdict and why.
    pub template: Template,
    /// Where the initiator is attached.
    pub ingress: Location,
    /// Where its packets go; nowhere for a denial. Once recorded, [`Records::set_course`] changes it.
    pub course: Course,
    /// The meter of the first switch that counts them, if their rate is limited.
    pub meter: Option<MeterId>,
    /// Groups that send its packets another way where a link is down, by switch and ports.
    pub groups: GroupsOf,
    /// Grows with every change of the way.
    pub generation: u32,
    /// How far the installation is.
    pub state: State,
    /// When entries were last put in.
    pub installed: Time,
    /// Entries of a direction that was silent are gone, while the other goes on.
    pub partial: bool,
}

/// How far a conversation is.
#[derive(Clone, Debug)]
pub enum State {
    /// The old way of a bound conversation is being closed at its ingress, or an old tree everywhere, before any of the new one is
    /// opened.
    Closing {
        /// Barriers to come.
        awaiting: usize,
        /// Entries of the old way at other switches, to take out once no packet enters it; all of an old tree, which are out already.
        old: Vec<(Dpid, Slot)>,
        /// The new way comes in where the old one does, and goes on otherwise: packets under way are waited for.
        drain: bool,
        /// Packets to release at the end.
        held: Vec<Held>,
    },
    /// Every switch but the ingress has its entries and was asked for a barrier.
    Opening {
        /// Barriers to come.
        awaiting: usize,
        /// Entries of an old way, to take out once the new one is open.
        stale: Vec<(Dpid, Slot)>,
        /// Packets to release at the end.
        held: Vec<Held>,
    },
    /// All entries are in.
    Standing,
}

/// A packet that waits for its way.
#[derive(Clone, Debug)]
pub struct Held {
    /// Where it is.
    pub at: Location,
    /// Where the switch keeps it, if it does.
    pub buffer: Option<u32>,
    /// The packet.
    pub frame: Bytes,
    /// Which way it goes.
    pub direction: Direction,
}

/// Packets that wait for one conversation.
pub const HELD_LIMIT: usize = 8;

/// All conversations and denials.
#[derive(Debug, Default)]
pub struct Records {
    all: FxHashMap<FlowId, Box<Conversation>>,
    regions: HashMap<FlowMatch, (FlowId, Direction), FixedState>,
    /// What tells at once that a flow is of none of them.
    kin: Kin,
    /// The shapes of regions of more than one flow, and how many there are of each.
    shapes: BTreeMap<Shape, usize>,
    stations: HashMap<MacAddr, FxHashSet<FlowId>, FixedState>,
    /// Packets of conversations between switches, where those are carried in a VLAN.
    carried: HashMap<FlowMatch, (FlowId, Direction), FixedState>,
    /// Of these, in which.
    vlans: BTreeMap<FlowId, VlanId>,
    /// Those that keep off a host, wherever it is.
    avoiding: BTreeMap<FlowId, Vec<HostId>>,
    denials: VecDeque<(Time, FlowId)>,
    /// Ways that are shut, and when the last packet has left them.
    draining: VecDeque<(Time, Way)>,
    begun_at: FxHashMap<Location, Begun>,
    begun_by: HashMap<Place, Begun, FixedState>,
    /// Those that go along trees, and where they begin.
    trees: BTreeMap<FlowId, Location>,
    /// Conversations by the ports that their ways enter and leave switches at.
    passing: FxHashMap<Location, FxHashSet<FlowId>>,
    next: u64,
}

/// Marks a cookie as ours.
const MAGIC: u64 = 0x50 << 56;
const REPLY: u64 = 1 << 55;
const ID: u64 = (1 << 40) - 1;

/// The cookie of infrastructure entries: ours, of no conversation.
pub const INFRASTRUCTURE: u64 = MAGIC;

/// The cookie of entries that stand before any packet comes: ours, of no conversation.
pub const PLANNED: u64 = MAGIC | 1 << 54;

impl FlowId {
    /// The cookie of its entries in one direction.
    #[must_use]
    pub fn cookie(self, direction: Direction) -> u64 {
        MAGIC | (self.0 & ID) | if direction == Direction::Reply { REPLY } else { 0 }
    }

    /// The conversation and direction that a cookie of ours stands for.
    #[must_use]
    pub fn of_cookie(cookie: u64) -> Option<(FlowId, Direction)> {
        let id = cookie & ID;
        let direction = if cookie & REPLY == 0 { Direction::Forward } else { Direction::Reply };
        (is_ours(cookie) && id != 0).then_some((FlowId(id), direction))
    }
}

/// True if we made an entry with this cookie, in this run or an earlier one.
#[must_use]
pub fn is_ours(cookie: u64) -> bool {
    cookie & (0xff << 56) == MAGIC
}

impl Conversation {
    /// A decided flow that begins: nothing is installed yet.
    #[must_use]
    pub fn beginning(
        id: FlowId,
        (ingress, key): (Location, FlowKey),
        (flow, template): (Arc<Flow>, Template),
        course: Course,
        now: Time,
    ) -> Conversation {
        Conversation {
            id,
            key,
            flow,
            template,
            ingress,
            course,
            meter: None,
            groups: GroupsOf::new(),
            generation: 0,
            state: State::Standing,
            installed: now,
            partial: false,
        }
    }

    /// True if a packet that went one part of its way by an old course and another by the new would miss what it is bound to.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        let duties = &self.template.duties;
        !self.template.via.is_empty() || !duties.mirror.is_empty() || duties.vlan.is_some() || duties.limit.is_some()
    }

    /// The answer is the same: only who decided it, what it is bound to, and the words for its ends, may be others now.
    pub fn judged_alike(&mut self, flow: Arc<Flow>, template: Template) {
        self.flow = flow;
        let Template { region, reply, wide, .. } = self.template;
        self.template = Template { region, reply, wide, ..template };
    }

    /// Its present way, for barriers.
    #[must_use]
    pub fn way(&self) -> Way {
        Way { id: self.id, generation: self.generation }
    }
}

impl Records {
    /// Records of a run that starts in this epoch (seconds): its numbers do not meet those that an earlier run left in switches.
    /// The seed keeps senders from choosing headers that collide.
    #[must_use]
    pub fn starting(epoch: u64, seed: u64) -> Records {
        Records {
            next: (epoch << 16) & ID,
            kin: Kin::new(seed.rotate_left(8)),
            regions: HashMap::with_hasher(FixedState::with_seed(seed)),
            carried: HashMap::with_hasher(FixedState::with_seed(seed.rotate_left(16))),
            stations: HashMap::with_hasher(FixedState::with_seed(seed.rotate_left(32))),
            begun_by: HashMap::with_hasher(FixedState::with_seed(seed.rotate_left(48))),
            ..Records::default()
        }
    }

    /// A number that is not in use.
    pub fn fresh(&mut self) -> FlowId {
        loop {
            self.next = (self.next + 1) & ID;
            let id = FlowId(self.next);
            if self.next != 0 && !self.all.contains_key(&id) {
                return id;
            }
        }
    }

    /// Puts a conversation in.
    pub fn insert(&mut self, conversation: Conversation) {
        let id = conversation.id;
        for shape in shapes(&conversation.template) {
            *self.shapes.entry(shape).or_default() += 1;
        }
        self.kin.add(&conversation.template.region);
        self.regions.insert(conversation.template.region, (id, Direction::Forward));
        if let Some(reply) = conversation.template.reply {
            self.regions.entry(reply).or_insert((id, Direction::Reply));
        }
        for mac in [conversation.key.dl_src, conversation.key.dl_dst] {
            self.stations.entry(mac).or_default().insert(id);
        }
        if conversation.course.tree().is_some() {
            self.trees.insert(id, conversation.ingress);
        }
        let allowed = conversation.template.verdict == Verdict::Allow;
        let place = (conversation.ingress, conversation.key.dl_src);
        for begun in [self.begun_at.entry(place.0).or_default(), self.begun_by.entry(place).or_default()] {
            *begun.of(allowed) += 1;
        }
        self.keeps_off(id, &conversation.template.duties);
        self.carries(id, &conversation.template);
        for at in ports(&conversation.course) {
            self.passing.entry(at).or_default().insert(id);
        }
        self.all.insert(id, Box::new(conversation));
    }

    /// True if any is carried in a VLAN between switches.
    #[must_use]
    pub fn carries_any(&self) -> bool {
        !self.carried.is_empty()
    }

    /// False if no conversation or denial of one flow has packets like this, in either direction.
    #[must_use]
    pub fn may_have(&self, key: &FlowKey) -> bool {
        self.kin.has(key)
    }

    /// True if any is of more than one flow.
    #[must_use]
    pub fn has_wide(&self) -> bool {
        !self.shapes.is_empty()
    }

    /// How many conversations and denials were begun at this port.
    #[must_use]
    pub fn begun_at(&self, at: Location) -> Begun {
        self.begun_at.get(&at).copied().unwrap_or_default()
    }

    /// How many were begun at this port by this MAC address.
    #[must_use]
    pub fn begun_by(&self, at: Location, mac: MacAddr) -> Begun {
        self.begun_by.get(&(at, mac)).copied().unwrap_or_default()
    }

    /// Conversations that go along trees, and where each begins, in the order of their numbers.
    #[must_use]
    pub fn trees(&self) -> &BTreeMap<FlowId, Location> {
        &self.trees
    }

    /// Takes a conversation out.
    pub fn remove(&mut self, id: FlowId) -> Option<Conversation> {
        let conversation = self.all.remove(&id)?;
        self.kin.remove(&conversation.template.region);
        self.trees.remove(&id);
        for shape in shapes(&conversation.template) {
            if let btree_map::Entry::Occupied(mut count) = self.shapes.entry(shape) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
        let allowed = conversation.template.verdict == Verdict::Allow;
        let place = (conversation.ingress, conversation.key.dl_src);
        less(self.begun_at.entry(place.0), allowed);
        less(self.begun_by.entry(place), allowed);
        for region in [Some(conversation.template.region), conversation.template.reply].into_iter().flatten() {
            if self.regions.get(&region).is_some_and(|(owner, _)| *owner == id) {
                self.regions.remove(&region);
            }
        }
        for mac in [conversation.key.dl_src, conversation.key.dl_dst] {
            if let Some(ids) = self.stations.get_mut(&mac) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.stations.remove(&mac);
                }
            }
        }
        self.pass_no_longer(id, &conversation.course);
        self.avoiding.remove(&id);
        self.carries_no_longer(id, &conversation.template);
        Some(*conversation)
    }

    /// A conversation takes another way.
    pub fn set_course(&mut self, id: FlowId, course: Course) {
        let Some(conversation) = self.all.get_mut(&id) else { return };
        let old = std::mem::replace(&mut conversation.course, course);
        let new: Vec<Location> = ports(&conversation.course).collect();
        let template = conversation.template.clone();
        self.keeps_off(id, &template.duties);
        self.carries_no_longer(id, &template);
        self.carries(id, &template);
        self.pass_no_longer(id, &old);
        for at in new {
            self.passing.entry(at).or_default().insert(id);
        }
    }

    fn carries(&mut self, id: FlowId, template: &Template) {
        let Some(vlan) = template.duties.vlan else { return };
        for (region, direction) in carried(template, vlan) {
            self.carried.entry(region).or_insert((id, direction));
        }
        self.vlans.insert(id, vlan);
    }

    fn carries_no_longer(&mut self, id: FlowId, template: &Template) {
        let Some(vlan) = self.vlans.remove(&id) else { return };
        for (region, _) in carried(template, vlan) {
            if self.carried.get(&region).is_some_and(|(owner, _)| *owner == id) {
                self.carried.remove(&region);
            }
        }
    }

    /// The conversation that packets of this region belong to between switches.
    #[must_use]
    pub fn find_carried(&self, region: &FlowMatch) -> Option<(FlowId, Direction)> {
        self.carried.get(region).copied()
    }

    /// True if between switches no entry could tell packets of this template, which may be that of a conversation itself, from those
    /// of another that stands.
    #[must_use]
    pub fn is_confused(&self, template: &Template, id: Option<FlowId>) -> bool {
        let of_other = |map: &HashMap<FlowMatch, (FlowId, Direction), FixedState>, region: &FlowMatch| {
            map.get(region).is_some_and(|(owner, _)| Some(*owner) != id)
        };
        if std::iter::once(&template.region).chain(&template.reply).any(|region| of_other(&self.carried, region)) {
            return true;
        }
        let Some(vlan) = template.duties.vlan else { return false };
        carried(template, vlan).any(|(region, _)| {
            let is_its_own = region == template.region || Some(region) == template.reply;
            of_other(&self.carried, &region) || (!is_its_own && of_other(&self.regions, &region))
        })
    }

    /// The regions that packets of this template have between switches, if they are carried in a VLAN.
    pub(crate) fn carried_as(template: &Template) -> impl Iterator<Item = FlowMatch> + use<> {
        let regions = template.duties.vlan.map(|vlan| carried(template, vlan).map(|(region, _)| region));
        regions.into_iter().flatten()
    }

    fn keeps_off(&mut self, id: FlowId, duties: &Duties) {
        let hosts = duties.avoid.iter().filter_map(|avoid| if let Avoid::Host(host) = avoid { Some(*host) } else { None });
        let hosts: Vec<HostId> = hosts.collect();
        if hosts.is_empty() {
            self.avoiding.remove(&id);
        } else {
            self.avoiding.insert(id, hosts);
        }
    }

    /// Conversations that keep off a host, in the order of their numbers.
    #[must_use]
    pub fn avoiding(&self, host: HostId) -> Vec<FlowId> {
        self.avoiding.iter().filter(|(_, hosts)| hosts.contains(&host)).map(|(id, _)| *id).collect()
    }

    fn pass_no_longer(&mut self, id: FlowId, course: &Course) {
        for at in ports(course) {
            if let Some(ids) = self.passing.get_mut(&at) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.passing.remove(&at);
                }
            }
        }
    }

    /// The conversation with this number.
    #[must_use]
    pub fn get(&self, id: FlowId) -> Option<&Conversation> {
        self.all.get(&id).map(Box::as_ref)
    }

    /// The conversation with this number, to change its progress.
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Conversation> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    /// The conversation that packets of this region belong to.
    #[must_use]
    pub fn find(&self, region: &FlowMatch) -> Option<(FlowId, Direction)> {
        self.regions.get(region).copied()
    }

    /// The conversation or denial of more than one flow that a packet belongs to; one that is allowed goes first.
    #[must_use]
    pub fn find_wide(&self, key: &FlowKey) -> Option<(FlowId, Direction)> {
        let mut denial = None;
        for region in self.shapes.keys().filter_map(|shape| shape.around(key)) {
            let Some(found) = self.find(&region) else { continue };
            if self.get(found.0).is_some_and(|one| one.template.verdict == Verdict::Allow) {
                return Some(found);
            }
            denial = Some(found);
        }
        denial
    }

    /// Conversations of a station, in the order of their numbers.
    #[must_use]
    pub fn of_station(&self, mac: MacAddr) -> Vec<FlowId> {
        let mut ids: Vec<FlowId> = self.stations.get(&mac).into_iter().flatten().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Conversations whose way enters or leaves a switch at this port.
    #[must_use]
    pub fn through(&self, at: Location) -> Vec<FlowId> {
        let mut ids: Vec<FlowId> = self.passing.get(&at).into_iter().flatten().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Conversation> {
        self.all.values().map(Box::as_ref)
    }

    /// Those for which it holds, in the order of their numbers.
    pub fn select(&self, holds: impl Fn(&Conversation) -> bool) -> Vec<FlowId> {
        let mut ids: Vec<FlowId> = self.all.values().filter(|one| holds(one)).map(|one| one.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Numbers of all, ascending.
    #[must_use]
    pub fn ids(&self) -> Vec<FlowId> {
        self.select(|_| true)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Remembers when the drop entry of a denial ends.
    pub fn denial_ends(&mut self, at: Time, id: FlowId) {
        self.denials.push_back((at, id));
    }

    /// A way is shut, and empty at this time.
    pub fn drains(&mut self, until: Time, way: Way) {
        self.draining.push_back((until, way));
    }

    /// The next way that is empty by now.
    pub fn drained(&mut self, now: Time) -> Option<Way> {
        self.draining.pop_front_if(|(until, _)| *until <= now).map(|(_, way)| way)
    }

    /// The next denial whose drop entry has ended.
    pub fn ended_denial(&mut self, now: Time) -> Option<FlowId> {
        let (at, _) = self.denials.front()?;
        if *at > now {
            return None;
        }
        self.denials.pop_front().map(|(_, id)| id)
    }
}

/// The shapes of what a template covers, if that is more than one flow.
fn shapes(template: &Template) -> impl Iterator<Item = Shape> + use<> {
    let regions = [Some(template.region), template.reply].map(|region| region.filter(|_| template.wide));
    regions.into_iter().flatten().map(|region| Shape::of(&region))
}

/// One less.
fn less<K>(entry: Entry<'_, K, Begun>, allowed: bool) {
    if let Entry::Occupied(mut begun) = entry {
        let count = begun.get_mut().of(allowed);
        *count = count.saturating_sub(1);
        if begun.get().is_empty() {
            begun.remove();
        }
    }
}

/// The packets of a template while they are in a VLAN, by direction.
fn carried(template: &Template, vlan: VlanId) -> impl Iterator<Item = (FlowMatch, Direction)> + use<> {
    let within = move |region: FlowMatch| FlowMatch { vlan: VlanMatch::Id(vlan), ..region };
    let reply = template.reply.map(|reply| (within(reply), Direction::Reply));
    std::iter::once((within(template.region), Direction::Forward)).chain(reply)
}

/// Where a way enters and leaves switches.
fn ports(course: &Course) -> impl Iterator<Item = Location> + '_ {
    course.passes().flat_map(|hop| [Location::new(hop.dpid, hop.in_port), Location::new(hop.dpid, hop.out_port)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_tell_flow_and_direction_and_whose_they_are() {
        let id = FlowId(0x12_3456_789a);
        assert_eq!(FlowId::of_cookie(id.cookie(Direction::Reply)), Some((id, Direction::Reply)));
        assert_eq!(FlowId::of_cookie(id.cookie(Direction::Forward)), Some((id, Direction::Forward)));
        assert_eq!(FlowId::of_cookie(INFRASTRUCTURE), None);
        assert!(is_ours(INFRASTRUCTURE));
        assert!(!is_ours(0));
        assert_eq!(FlowId::of_cookie(7), None);
    }
}
