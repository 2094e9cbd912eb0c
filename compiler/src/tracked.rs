//! Flows that were decided: which of them a change decides otherwise, exactly, and without judging all of them again. Knows nothing of
//! how they are carried out.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use lang::checked::Checked;
use lang::flow::{Flow, Judgement};
use net::MacAddr;

use crate::index::{ClauseId, Order, RuleSlot};
use crate::label::LabelId;
use crate::program::{Change, Extent, Parts, Program};
use crate::service::Class;
use crate::view::carried;

use kept::{Held, Kept, NONE, Outcomes};
use piles::Piles;

mod kept;
mod piles;

/// A tracked flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowNo(u32);

/// Decided flows of one program. An end that is a station of the view stands for that station with that address, whatever else
/// becomes of it; any other end stays what it was.
#[derive(Clone, Debug)]
pub struct Tracked {
    version: u64,
    policy: Arc<Checked>,
    flows: Vec<Option<Kept>>,
    free: Vec<FlowNo>,
    /// For each flow the latest rule that it came to, or [`NONE`] where that is the default, and the class of its packets.
    latest: Vec<u32>,
    classes: Vec<Class>,
    outcomes: Outcomes,
    /// A number for each station that is an end.
    stations: HashMap<MacAddr, u32, FixedState>,
    macs: Vec<MacAddr>,
    /// Flows by the number of their initiator and of their responder.
    by_end: [Piles; 2],
    /// Flows with an end on this side that is no station.
    loose: [Piles; 2],
    /// Flows by the rules that they came to; and those that came to the default.
    by_rule: Piles,
    by_default: Piles,
    /// Stations, by their numbers, by label.
    members: Piles,
    /// For each slot what tells its rule from others when all was compiled anew.
    marks: Vec<u64>,
}

/// What a change did to tracked flows, each list ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Another verdict, other middleboxes, other duties.
    pub decided: Vec<FlowNo>,
    /// The same for another reason: another rule decides, or others audit.
    pub reasoned: Vec<FlowNo>,
    /// How many flows were judged again to find them.
    pub judged: usize,
}

impl Tracked {
    /// No flows of this program.
    #[must_use]
    pub fn new(program: &Program) -> Tracked {
        let mut tracked = Tracked {
            version: program.version(),
            policy: Arc::clone(program.policy()),
            flows: Vec::new(),
            free: Vec::new(),
            latest: Vec::new(),
            classes: Vec::new(),
            outcomes: Outcomes::default(),
            stations: HashMap::with_hasher(program.stations().hasher()),
            macs: Vec::new(),
            by_end: Default::default(),
            loose: Default::default(),
            by_rule: Piles::default(),
            by_default: Piles::default(),
            members: Piles::default(),
            marks: Vec::new(),
        };
        tracked.mark_all(program);
        tracked
    }

    /// How many flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows.len() - self.free.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Judges a flow, and tracks it. The program must be the one as it was at the last change that was told.
    pub fn add(&mut self, program: &Program, flow: &Flow) -> FlowNo {
        let no = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.latest.push(NONE);
            self.classes.push(Class::default());
            FlowNo(u32::try_from(self.flows.len() - 1).unwrap_or(u32::MAX))
        });
        let ends = [&flow.src, &flow.dst].map(|end| Held::of(program, end));
        for (side, end) in ends.iter().enumerate() {
            self.file(program, no, side, end);
        }
        let kept = Kept::new(ends, flow.headers, flow.time);
        if let (Some(slot), Some(class)) = (self.flows.get_mut(no.0 as usize), self.classes.get_mut(no.0 as usize)) {
            *slot = Some(kept);
            *class = program.index().services.class(&flow.headers);
        }
        self.judge(program, no);
        no
    }

    /// Tracks a flow no more.
    pub fn remove(&mut self, no: FlowNo) {
        if self.flows.get_mut(no.0 as usize).and_then(Option::take).is_some() {
            self.free.push(no);
        }
    }

    /// A tracked flow as it is now.
    #[must_use]
    pub fn flow(&self, program: &Program, no: FlowNo) -> Option<Flow> {
        self.kept(no).map(|kept| kept.flow(program))
    }

    /// The answer to a tracked flow.
    #[must_use]
    pub fn judgement(&self, program: &Program, no: FlowNo) -> Option<Judgement> {
        self.flow(program, no).map(|flow| program.judge(&flow))
    }

    /// What a change of the policy does. Every change has to be told, in order; where one was not, all flows are affected.
    pub fn recompiled(&mut self, program: &Program, change: &Change) -> Affected {
        let known = self.version == change.from && program.version() == change.to;
        let old = std::mem::replace(&mut self.policy, Arc::clone(program.policy()));
        self.version = program.version();
        match &change.extent {
            Extent::Parts(parts) if known => {
                let candidates = self.candidates(program, parts);
                self.judge_again(program, candidates)
            }
            Extent::Parts(_) | Extent::Anew => {
                let mut affected = self.start_anew(program, &old);
                if !known {
                    affected.decided = self.numbers().collect();
                    affected.reasoned.clear();
                }
                affected
            }
        }
    }

    /// What a change of the view does: [`Program::update`] has been told of these stations.
    pub fn view_changed(&mut self, program: &Program, stations: &[MacAddr]) -> Affected {
        let candidates = stations.iter().flat_map(|mac| self.of_station(program, *mac)).collect();
        self.judge_again(program, candidates)
    }

    /// How many bytes it takes, by the size of its tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let piles = [&self.by_rule, &self.by_default, &self.members].into_iter().chain(&self.by_end).chain(&self.loose);
        let each = size_of::<Option<Kept>>() + size_of::<u32>() + size_of::<Class>();
        let stations = self.stations.capacity() * 12 + self.macs.capacity() * 6 + self.marks.capacity() * 8;
        self.flows.capacity() * each + stations + piles.map(Piles::bytes).sum::<usize>()
    }

    fn kept(&self, no: FlowNo) -> Option<&Kept> {
        self.flows.get(no.0 as usize).and_then(Option::as_ref)
    }

    fn numbers(&self) -> impl Iterator<Item = FlowNo> {
        (0..).map(FlowNo).zip(&self.flows).filter(|(_, kept)| kept.is_some()).map(|(no, _)| no)
    }

    /// Files a flow under one of its ends.
    fn file(&mut self, program: &Program, no: FlowNo, side: usize, end: &Held) {
        if end.is_loose(program) {
            self.file_loose(program, no, side);
        }
        let Some(mac) = end.mac() else { return };
        let station = match self.stations.get(&mac) {
            Some(station) => *station,
            None => {
                let station = u32::try_from(self.macs.len()).unwrap_or(u32::MAX);
                self.stations.insert(mac, station);
                self.macs.push(mac);
                self.file_station(program, station, mac);
                station
            }
        };
        let flows = &self.flows;
        if let Some(piles) = self.by_end.get_mut(side) {
            piles.add(station as usize, no.0, |other| end_at(flows, other, side).and_then(Held::mac) == Some(mac));
        }
    }

    /// Files a flow of whose end on this side the labels are not known by its station.
    fn file_loose(&mut self, program: &Program, no: FlowNo, side: usize) {
        let flows = &self.flows;
        if let Some(loose) = self.loose.get_mut(side) {
            loose.add(0, no.0, |other| end_at(flows, other, side).is_some_and(|end| end.is_loose(program)));
        }
    }

    /// Files a station under its labels.
    fn file_station(&mut self, program: &Program, station: u32, mac: MacAddr) {
        let Some(known) = program.known(mac) else { return };
        let macs = &self.macs;
        let mut labels: Vec<LabelId> =
            known.ends().flat_map(|(_, records)| records).flat_map(|record| record.labels()).copied().collect();
        labels.sort_unstable();
        labels.dedup();
        for label in labels {
            let has =
                |other: u32| macs.get(other as usize).and_then(|mac| program.known(*mac)).is_some_and(|known| known.has(label));
            self.members.add(label.index(), station, has);
        }
    }

    /// Flows of which a station is an end that is another one now.
    fn of_station(&mut self, program: &Program, mac: MacAddr) -> Vec<u32> {
        let Some(station) = self.stations.get(&mac).copied() else { return Vec::new() };
        self.file_station(program, station, mac);
        let sides = self.by_end.each_ref().map(|piles| piles.get(station as usize).to_vec());
        for (side, flows) in sides.iter().enumerate() {
            for no in flows {
                if end_at(&self.flows, *no, side).is_some_and(|end| end.mac() == Some(mac) && end.is_loose(program)) {
                    self.file_loose(program, FlowNo(*no), side);
                }
            }
        }
        sides.concat()
    }

    /// Flows that may be decided otherwise: with each that is, and few that are not.
    fn candidates(&mut self, program: &Program, parts: &Parts) -> Vec<u32> {
        if parts.classes {
            self.classify(program);
        }
        let mut found: Vec<u32> = Vec::new();
        for mac in &parts.stations {
            found.extend(self.of_station(program, *mac));
        }
        for slot in &parts.removed {
            found.extend(self.by_rule.take(slot.0 as usize));
        }
        if parts.groups {
            found.extend(self.loose.iter().flat_map(|piles| piles.get(0)));
        }
        if parts.default {
            found.extend(self.by_default.get(0));
        }
        if parts.multi_user {
            let several = |no: &FlowNo| self.kept(*no).is_some_and(|kept| kept.pairs > 1);
            found.extend(self.numbers().filter(several).map(|no| no.0));
        }
        for slot in &parts.inserted {
            self.mark(program, *slot);
            for (id, src, dst) in program.index().anchors(*slot) {
                self.meeting(program, id, [src, dst], &mut found);
            }
        }
        found
    }

    /// Adds the flows that a clause holds for, and that came to no rule before it alone.
    fn meeting(&self, program: &Program, id: ClauseId, anchors: [Option<LabelId>; 2], found: &mut Vec<u32>) {
        let order = program.index().order(id);
        let holds = |no: u32| self.comes_to(program, no, id, order);
        let fewest = anchors.iter().enumerate().filter_map(|(side, anchor)| anchor.map(|label| (side, label)));
        let Some((side, label)) = fewest.min_by_key(|(_, label)| self.members.get(label.index()).len()) else {
            found.extend((0..).take(self.flows.len()).filter(|no| holds(*no)));
            return;
        };
        let (Some(by_end), Some(loose)) = (self.by_end.get(side), self.loose.get(side)) else { return };
        for station in self.members.get(label.index()) {
            let has = |mac: &MacAddr| program.known(*mac).is_some_and(|known| known.has(label));
            if self.macs.get(*station as usize).is_some_and(has) {
                found.extend(by_end.get(*station as usize).iter().filter(|no| holds(**no)));
            }
        }
        found.extend(loose.get(0).iter().filter(|no| holds(**no)));
    }

    /// True if a flow may come to this clause, of this order, and the clause holds for it.
    fn comes_to(&self, program: &Program, no: u32, id: ClauseId, order: Order) -> bool {
        let latest = self.latest.get(no as usize).copied().unwrap_or(NONE);
        let class = self.classes.get(no as usize).copied().unwrap_or_default();
        let comes = latest == NONE || order < program.index().order(ClauseId { rule: RuleSlot(latest), part: u8::MAX });
        comes && program.index().has_class(id, class) && self.kept(FlowNo(no)).is_some_and(|kept| kept.meets(program, id, class))
    }

    /// Judges flows again: those of them that are decided otherwise, or for another reason.
    fn judge_again(&mut self, program: &Program, mut candidates: Vec<u32>) -> Affected {
        candidates.sort_unstable();
        candidates.dedup();
        let mut affected = Affected { judged: candidates.len(), ..Affected::default() };
        for no in candidates.into_iter().map(FlowNo) {
            let Some(before) = self.kept(no).map(Kept::answer) else { continue };
            self.judge(program, no);
            let Some(after) = self.kept(no).map(Kept::answer) else { continue };
            if before.outcome != after.outcome {
                affected.decided.push(no);
            } else if before != after {
                affected.reasoned.push(no);
            }
        }
        affected
    }

    /// Judges one flow, and files it under what decided it.
    fn judge(&mut self, program: &Program, no: FlowNo) {
        let Some(kept) = self.flows.get_mut(no.0 as usize).and_then(Option::as_mut) else { return };
        kept.judge(program, &mut self.outcomes);
        let latest = kept.latest(program);
        let (rules, by_default) = (kept.rules(), latest == NONE);
        if let Some(slot) = self.latest.get_mut(no.0 as usize) {
            *slot = latest;
        }
        let flows = &self.flows;
        let of = |other: u32| flows.get(other as usize).and_then(Option::as_ref);
        for rule in rules {
            self.by_rule.add(rule.0 as usize, no.0, |other| of(other).is_some_and(|kept| kept.came_to(rule)));
        }
        if by_default {
            let latest = &self.latest;
            self.by_default.add(0, no.0, |other| of(other).is_some() && latest.get(other as usize) == Some(&NONE));
        }
    }

    fn classify(&mut self, program: &Program) {
        for (kept, class) in self.flows.iter().zip(&mut self.classes) {
            if let Some(kept) = kept {
                *class = program.index().services.class(&kept.headers);
            }
        }
    }

    fn mark(&mut self, program: &Program, slot: RuleSlot) {
        let policy = program.policy();
        let Some(rule) = program.index().rule(slot).and_then(|id| policy.rule(id)) else { return };
        if self.marks.len() <= slot.0 as usize {
            self.marks.resize(slot.0 as usize + 1, 0);
        }
        if let Some(mark) = self.marks.get_mut(slot.0 as usize) {
            *mark = kept::mark(policy.sources.text(rule.span));
        }
    }

    fn mark_all(&mut self, program: &Program) {
        self.marks = Vec::new();
        program.index().slots().for_each(|slot| self.mark(program, slot));
    }

    /// All was compiled anew: ends are found by their names, and rules by their texts.
    fn start_anew(&mut self, program: &Program, old: &Checked) -> Affected {
        let outcomes = std::mem::take(&mut self.outcomes);
        let before = std::mem::replace(self, Tracked { outcomes, ..Tracked::new(program) });
        let mut affected = Affected { judged: before.len(), ..Affected::default() };
        self.free = before.free;
        for (no, kept) in (0..).map(FlowNo).zip(before.flows) {
            self.flows.push(None);
            self.latest.push(NONE);
            self.classes.push(Class::default());
            let Some(mut kept) = kept else { continue };
            let was = kept.answer().marked(&before.marks);
            for (side, end) in kept.ends.iter_mut().enumerate() {
                if let Held::Other(end) = end {
                    **end = carried(end, old, program.policy());
                }
                self.file(program, no, side, end);
            }
            if let (Some(slot), Some(class)) = (self.flows.get_mut(no.0 as usize), self.classes.get_mut(no.0 as usize)) {
                *class = program.index().services.class(&kept.headers);
                *slot = Some(kept);
            }
            self.judge(program, no);
            let Some(is) = self.kept(no).map(|kept| kept.answer().marked(&self.marks)) else { continue };
            if was.outcome != is.outcome {
                affected.decided.push(no);
            } else if was != is {
                affected.reasoned.push(no);
            }
        }
        affected
    }
}

/// The end of a flow on one side.
fn end_at(flows: &[Option<Kept>], no: u32, side: usize) -> Option<&Held> {
    flows.get(no as usize).and_then(Option::as_ref).and_then(|kept| kept.ends.get(side))
}

#[cfg(test)]
mod tests;
