//! Entries that an earlier run left in the switches: kept while the network is found again, then judged like any other flow, so that
//! a restart interrupts nothing that is allowed. Knows nothing of how entries are read.

use std::sync::Arc;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use lang::checked::Verdict;
use lang::flow::{Flow, Place};
use net::{Dpid, FlowKey, FlowMatch, IpHeader, Location, Time, Transport, VlanMatch, VlanTag};

use crate::controller::Controller;
use crate::dialect::{Action, MeterId, Present};
use crate::effect::Effects;
use crate::event::Event;
use crate::flows;
use crate::install::{FLOW_PRIORITY, Slot, WIDE_PRIORITY};
use crate::meters::{Kbps, Pace};
use crate::record::{Conversation, Direction, FlowId, PLANNED};
use crate::tables;
use compiler::inventory::Role;

/// Time without a new switch or link after which the network counts as found.
const QUIET: Duration = Duration::from_millis(1500);

/// What is kept until the network is found.
#[derive(Debug)]
pub(crate) struct Adoption {
    /// When waiting ends at the latest; nothing once it has ended.
    until: Option<Time>,
    /// When a switch or link last appeared.
    progress: Time,
    found: BTreeMap<FlowId, Vec<(Dpid, Direction, Slot)>>,
    /// Entries that stood before any packet came.
    planned: Vec<(Dpid, Slot)>,
    /// The meters that entries of conversations use.
    meters: BTreeMap<(FlowId, Dpid), MeterId>,
}

impl Adoption {
    /// Waits from now on for the network to be found.
    pub(crate) fn starting(now: Time, settle: Duration) -> Adoption {
        Adoption {
            until: Some(now.after(settle)),
            progress: now,
            found: BTreeMap::new(),
            planned: Vec::new(),
            meters: BTreeMap::new(),
        }
    }

    /// True until the network counts as found.
    pub(crate) fn is_waiting(&self) -> bool {
        self.until.is_some()
    }

    /// The meter that an entry of this conversation uses at a switch.
    pub(crate) fn meter(&self, id: FlowId, dpid: Dpid) -> Option<MeterId> {
        self.meters.get(&(id, dpid)).copied()
    }

    /// What an earlier run left is judged now, whatever is not found yet: somebody has changed what is allowed.
    pub(crate) fn hurry(&mut self, now: Time) {
        self.until = self.until.map(|until| until.min(now));
    }

    /// A switch or link appeared.
    pub(crate) fn progress(&mut self, now: Time) {
        self.progress = now;
    }
}

impl Controller {
    /// A switch told what it holds: compares with what is wanted, and keeps conversations of an earlier run for judgement.
    pub(crate) fn read_back(&mut self, dpid: Dpid, mut found: Vec<Present>, now: Time, out: &mut Effects) {
        let kept = self.verify_plain(dpid, &mut found, Time(u64::MAX));
        self.plains.away.remove(&dpid);
        let waiting = self.adoption.until.is_some();
        let spare = |one: &Present| waiting && (is_conversation(one) || is_planned(one));
        let Some(session) = self.switches.up(dpid) else { return };
        let repair = self.tables.read_back(dpid, &found, &spare, session, &self.settings, out);
        out.event(Event::Reconciled {
            dpid,
            kept: repair.kept + kept,
            added: repair.added,
            removed: repair.removed,
            foreign: repair.foreign,
            adopted: repair.adopted,
        });
        if waiting {
            let slots = found.iter().filter(|one| is_planned(one)).filter_map(Present::slot);
            self.adoption.planned.extend(slots.map(|slot| (dpid, slot)));
            for one in found.iter().filter(|one| is_conversation(one)) {
                if let (Some((id, direction)), Some(region)) = (FlowId::of_cookie(one.cookie), one.region) {
                    let slot = Slot { region, priority: one.priority };
                    self.adoption.found.entry(id).or_default().push((dpid, direction, slot));
                    if let Some([Action::Meter(meter), ..]) = one.actions.as_deref() {
                        self.adoption.meters.insert((id, dpid), *meter);
                    }
                }
            }
        } else {
            self.drop_meters(dpid, out);
            self.drop_groups(dpid, out);
        }
        self.adoption.progress(now);
    }

    /// Once the network is found, or waiting has ended: judges what an earlier run left, and takes out what nothing wants.
    pub(crate) fn adopt_when_settled(&mut self, now: Time, out: &mut Effects) {
        let Some(until) = self.adoption.until else { return };
        let complete = self.inventory.dpids().all(|dpid| self.switches.is_up(dpid));
        let quiet = now.since(self.adoption.progress) >= QUIET;
        if now < until && !(complete && quiet) {
            return;
        }
        self.adoption.until = None;
        let found = std::mem::take(&mut self.adoption.found);
        let planned = std::mem::take(&mut self.adoption.planned);
        let of_flows = found.values().flatten().map(|(dpid, _, slot)| (*dpid, *slot));
        let slots: Vec<(Dpid, Slot)> = of_flows.chain(planned).collect();
        self.restore_bindings(&slots, now, out);
        let mut later: HashSet<(Dpid, Slot)> = HashSet::new();
        for (id, entries) in &found {
            later.extend(self.adopt(*id, entries, now, out));
        }
        self.plan_now(now, out);
        for dpid in slots.into_iter().map(|(dpid, _)| dpid).collect::<BTreeSet<_>>() {
            for slot in self.tables.unwanted(dpid).into_iter().filter(|slot| !later.contains(&(dpid, *slot))) {
                self.settle_entry(dpid, &slot, out);
            }
        }
        self.adoption.meters.clear();
        for dpid in self.connected() {
            self.drop_meters(dpid, out);
            self.drop_groups(dpid, out);
        }
    }

    /// Whoever an earlier run let talk was attached where its packets come in.
    fn restore_bindings(&mut self, found: &[(Dpid, Slot)], now: Time, out: &mut Effects) {
        for (dpid, slot) in found {
            let (Some(port), Some(mac)) = (slot.region.in_port, slot.region.dl_src) else { continue };
            let at = Location::new(*dpid, port);
            if !self.is_edge(at) || !self.topology.is_up(at) || !mac.is_unicast() {
                continue;
            }
            let elsewhere = self.view.station(mac).and_then(|station| station.location).is_some_and(|bound| bound != at);
            if elsewhere || !self.learn(mac, at, now, out) {
                continue;
            }
            let gateway = matches!(self.inventory.role(&self.policy, at), Role::Gateway(_));
            if let Some(address) = slot.region.nw_src.filter(|prefix| prefix.is_host() && !gateway) {
                self.claim(mac, address.network(), at, now, out);
            }
        }
    }

    /// Judges a conversation of an earlier run. Those of its entries that its present way does without, and that go only when this is open,
    /// are told.
    fn adopt(&mut self, id: FlowId, entries: &[(Dpid, Direction, Slot)], now: Time, out: &mut Effects) -> Vec<(Dpid, Slot)> {
        let Some(conversation) = self.adopted(id, entries, now, out) else { return Vec::new() };
        let bound = conversation.is_bound();
        self.records.insert(conversation);
        // Which entries there are for links that may fail shows once their groups are there.
        self.guard(id, out);
        let Some(conversation) = self.records.get(id) else { return Vec::new() };
        let planned: HashSet<(Dpid, Slot)> = flows::plan(conversation).into_iter().map(|one| (one.dpid, one.slot)).collect();
        let found = entries.iter().map(|(dpid, _, slot)| (*dpid, *slot));
        let stale: Vec<(Dpid, Slot)> = found.filter(|one| !planned.contains(one)).collect();
        if bound && !stale.is_empty() {
            self.close_first(id, stale.clone(), now, out);
        } else {
            self.open(id, Vec::new(), stale.clone(), now, out);
        }
        stale
    }

    /// The conversation that these entries were of, if it is allowed, and can be as the network is now. A tree is put in as it was, or not at
    /// all.
    fn adopted(&mut self, id: FlowId, entries: &[(Dpid, Direction, Slot)], now: Time, out: &mut Effects) -> Option<Conversation> {
        let forward = entries.iter().filter(|(_, direction, _)| *direction == Direction::Forward);
        let start = forward
            .filter_map(|(dpid, _, slot)| Some((Location::new(*dpid, slot.region.in_port?), key_of(slot)?, *slot)))
            .find(|(at, key, _)| self.identify(*at, key).is_ok());
        let (ingress, key, slot) = start?;
        self.unfold_key(&key);
        if self.records.get(id).is_some() || self.records.find(&FlowMatch::exact(&key)).is_some() {
            return None;
        }
        let (src, dst) = self.identify(ingress, &key).ok()?;
        let judgement = self.program.judge_key(&src, &dst, &key, now);
        let template = self.template_of_entry(ingress, &key, (&src, &dst), &judgement, &slot, now);
        // What its responder has under way must not open a conversation of its own in place of this one.
        let wide = slot.priority == WIDE_PRIORITY;
        let rest = if wide { tables::answers(&slot.region) } else { FlowMatch::exact(&key.reply()) };
        let template = template.filter(|one| judgement.verdict == Verdict::Allow && one.installable);
        let flow = Arc::new(Flow { headers: compiler::Program::headers(&key), src, dst, time: Some(now) });
        if let (Some(template), Place::Broadcast | Place::Multicast) = (&template, flow.dst.place) {
            self.adopt_tree((id, ingress, key), (flow, template.clone()), entries, now, out);
            return None;
        }
        let way = template.zip(flow.dst.location).and_then(|(template, to)| {
            let course = self.course(ingress, to, &template, &[]).ok()?;
            (!self.is_confused(&template, None)).then_some((template, course))
        });
        let Some((template, course)) = way else {
            self.remember_ended(rest, wide, ingress, now);
            return None;
        };
        let pace = template.duties.limit.and_then(Kbps::within).map(Pace::Bits);
        let meter = self.adoption.meter(id, ingress.dpid);
        let meter = meter.filter(|meter| pace.is_some_and(|pace| self.meters.keep(ingress.dpid, id, pace, *meter)));
        Some(Conversation { meter, ..Conversation::beginning(id, (ingress, key), (flow, template), course, now) })
    }
}

/// True for entries that carry an allowed conversation.
fn is_conversation(one: &Present) -> bool {
    let carries = one.actions.as_ref().is_some_and(|actions| !actions.is_empty());
    let of_flows = matches!(one.priority, FLOW_PRIORITY | WIDE_PRIORITY);
    FlowId::of_cookie(one.cookie).is_some() && of_flows && one.table == 0 && carries
}

/// True for entries that stood before any packet came.
fn is_planned(one: &Present) -> bool {
    one.cookie == PLANNED && one.table == 0
}

/// The headers of the packets that an exact region matches, or of one that a wide one does: they are all judged alike.
fn key_of(slot: &Slot) -> Option<FlowKey> {
    let (region, wide) = (&slot.region, slot.priority == WIDE_PRIORITY);
    let ip = match (region.nw_src, region.nw_dst, region.nw_proto) {
        (Some(src), Some(dst), Some(proto)) if src.is_host() && dst.is_host() => Some(IpHeader {
            src: src.network(),
            dst: dst.network(),
            proto,
            dscp: region.dscp.unwrap_or(0),
            transport: match region.transport.single()? {
                None if wide && proto.has_ports() => Some(Transport::Ports { src: 1024, dst: 1024 }),
                own => own,
            },
        }),
        (None, None, None) => None,
        _ => return None,
    };
    let vlan = match region.vlan {
        VlanMatch::Any if !wide => return None,
        VlanMatch::Any | VlanMatch::Untagged => None,
        VlanMatch::Id(id) => Some(VlanTag { id: Some(id), pcp: 0 }),
    };
    Some(FlowKey { dl_src: region.dl_src?, dl_dst: region.dl_dst?, dl_type: region.dl_type?, vlan, ip })
}
