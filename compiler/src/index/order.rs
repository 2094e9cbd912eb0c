//! The order of rules. Each has a slot that it keeps while rules come and go around it, and a key that grows along the order.
//! Knows nothing of what rules say.

use std::sync::Arc;

use lang::checked::RuleId;

use crate::blocks::Blocks;

/// A rule, whatever its number is now. A slot that became free is given away again one change later at the earliest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuleSlot(pub(crate) u32);

/// When an alternative of a rule is tried: the smaller, the earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Order(u64);

/// Bits of an order that tell the alternatives of one rule apart: [`crate::normal::MAX_ALTERNATIVES`] fit.
const PART_BITS: u32 = 7;

/// Keys of rules are below this.
const KEYS: u64 = 1 << (64 - PART_BITS);

/// Keys are given anew until they are so far apart.
const ROOMY: u64 = 1 << 10;

/// How many rules a run of the order holds at most.
const RUN: usize = 128;

/// The place in a run where it is split.
const HALF: u32 = 64;

/// The rules in their order, in runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// By slot.
    places: Blocks<Place>,
    /// By number the rules of each run. Those that are empty stand in no sequence.
    runs: Vec<Arc<Vec<RuleSlot>>>,
    /// By number of the run the number of its first rule: all close together, as many of them change at once.
    starts: Vec<u32>,
    /// The runs in their order; and those that are empty.
    sequence: Vec<u32>,
    spare: Vec<u32>,
    /// Slots that no rule has; the second list is of those that one had before the last change.
    free: Vec<RuleSlot>,
    resting: Vec<RuleSlot>,
    count: usize,
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: u64,
    run: u32,
    offset: u32,
}

impl Order {
    pub(crate) const FIRST: Order = Order(0);
    pub(crate) const NEVER: Order = Order(u64::MAX);

    /// The order of another alternative of the same rule.
    pub(crate) fn part(self, part: u8) -> Order {
        Order::of(self.0 >> PART_BITS, part)
    }

    fn of(key: u64, part: u8) -> Order {
        Order((key << PART_BITS) | u64::from(part))
    }
}

impl Line {
    /// So many rules, in the order of their slots.
    pub(crate) fn of(count: usize) -> Line {
        let gap = KEYS / (count as u64 + 1);
        let slots: Vec<RuleSlot> = (0..).map(RuleSlot).take(count).collect();
        let mut line = Line {
            places: (1..).map(|nth| Place { key: nth * gap, ..Place::default() }).take(count).collect(),
            count,
            ..Line::default()
        };
        line.runs = slots.chunks(HALF as usize).map(|rules| Arc::new(rules.to_vec())).collect();
        line.starts = (0..).step_by(HALF as usize).take(line.runs.len()).collect();
        line.sequence = (0..).take(line.runs.len()).collect();
        (0..).take(line.runs.len()).for_each(|run| line.place_rules_of(run));
        line
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The number of a rule.
    pub(crate) fn rule(&self, slot: RuleSlot) -> Option<RuleId> {
        let place = self.places.get(slot.0 as usize)?;
        self.starts.get(place.run as usize).map(|start| RuleId(start + place.offset))
    }

    /// The rule with this number.
    pub(crate) fn slot(&self, rule: RuleId) -> Option<RuleSlot> {
        let (_, run, offset) = self.run_at(rule.index())?;
        self.runs.get(run as usize)?.get(offset).copied()
    }

    /// When an alternative of a rule is tried.
    pub(crate) fn order(&self, slot: RuleSlot, part: u8) -> Order {
        self.places.get(slot.0 as usize).map_or(Order::NEVER, |place| Order::of(place.key, part))
    }

    /// From here on the rule with this number and those behind it are tried.
    pub(crate) fn order_from(&self, rule: RuleId) -> Order {
        self.slot(rule).map_or(Order::NEVER, |slot| self.order(slot, 0))
    }

    /// All rules in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RuleSlot> {
        self.sequence.iter().filter_map(|run| self.runs.get(*run as usize)).flat_map(|rules| rules.iter().copied())
    }

    /// A change begins: slots that were freed before the last one may be given away.
    pub(crate) fn begin_change(&mut self) {
        self.free.append(&mut self.resting);
    }

    /// Puts a rule at this place. Other rules may have got new keys: told are those, if any, and their order before.
    pub(crate) fn insert(&mut self, at: usize) -> (RuleSlot, Vec<(RuleSlot, Order)>) {
        let (mut before, mut behind) = self.keys_around(at);
        let mut moved = Vec::new();
        if behind - before < 2 {
            moved = self.spread(at);
            (before, behind) = self.keys_around(at);
        }
        let slot = self.free.pop().unwrap_or(RuleSlot(u32::try_from(self.places.len()).unwrap_or(u32::MAX)));
        self.places.grow(slot.0 as usize + 1);
        self.set_key(slot, before + (behind - before) / 2);
        let (nth, run, offset) = self.run_at(at).unwrap_or_else(|| self.first_run());
        if let Some(rules) = self.runs.get_mut(run as usize) {
            let offset = offset.min(rules.len());
            Arc::make_mut(rules).insert(offset, slot);
        }
        self.count += 1;
        self.shift_behind(nth, |start| start + 1);
        self.keep_short(nth, run);
        (slot, moved)
    }

    /// Takes away the rule with this number.
    pub(crate) fn remove(&mut self, at: usize) -> Option<RuleSlot> {
        let (nth, run, offset) = self.run_at(at)?;
        let rules = self.runs.get_mut(run as usize).filter(|rules| offset < rules.len())?;
        let slot = Arc::make_mut(rules).remove(offset);
        self.count -= 1;
        self.resting.push(slot);
        self.shift_behind(nth, |start| start - 1);
        self.keep_short(nth, run);
        Some(slot)
    }

    /// The run that has a place, or would: where it stands, its number, and the place in it.
    fn run_at(&self, at: usize) -> Option<(usize, u32, usize)> {
        let start = |run: &u32| self.starts.get(*run as usize).map_or(0, |start| *start as usize);
        let nth = self.sequence.partition_point(|run| start(run) <= at).saturating_sub(1);
        self.sequence.get(nth).map(|run| (nth, *run, at - start(run)))
    }

    fn first_run(&mut self) -> (usize, u32, usize) {
        let run = self.new_run(0, Vec::new());
        self.sequence.push(run);
        (0, run, 0)
    }

    fn new_run(&mut self, start: u32, rules: Vec<RuleSlot>) -> u32 {
        let spare = self.spare.pop().map(|run| run as usize);
        if let Some((run, (old, first))) = spare.and_then(|run| Some((run, (self.runs.get_mut(run)?, self.starts.get_mut(run)?))))
        {
            (*old, *first) = (Arc::new(rules), start);
            return u32::try_from(run).unwrap_or(u32::MAX);
        }
        self.runs.push(Arc::new(rules));
        self.starts.push(start);
        u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX)
    }

    fn shift_behind(&mut self, nth: usize, shift: impl Fn(u32) -> u32) {
        for run in self.sequence.iter().skip(nth + 1) {
            if let Some(start) = self.starts.get_mut(*run as usize) {
                *start = shift(*start);
            }
        }
    }

    /// Splits a run that changed, if it is long, or lets it go, if it is empty; and places its rules.
    fn keep_short(&mut self, nth: usize, run: u32) {
        let Some(rules) = self.runs.get_mut(run as usize) else { return };
        if rules.is_empty() {
            self.sequence.remove(nth);
            self.spare.push(run);
        } else if rules.len() > RUN {
            let rest = Arc::make_mut(rules).split_off(HALF as usize);
            let start = self.starts.get(run as usize).copied().unwrap_or(0) + HALF;
            let new = self.new_run(start, rest);
            self.sequence.insert(nth + 1, new);
            self.place_rules_of(new);
        }
        self.place_rules_of(run);
    }

    /// The keys between which one put here has its own.
    fn keys_around(&self, at: usize) -> (u64, u64) {
        let before = at.checked_sub(1).map_or(0, |before| self.key_at(before));
        let behind = if at < self.count { self.key_at(at) } else { KEYS };
        (before, behind)
    }

    fn key_at(&self, at: usize) -> u64 {
        let slot = u32::try_from(at).ok().and_then(|at| self.slot(RuleId(at)));
        slot.and_then(|slot| self.places.get(slot.0 as usize)).map_or(KEYS, |place| place.key)
    }

    fn set_key(&mut self, slot: RuleSlot, key: u64) {
        if let Some(place) = self.places.get_mut(slot.0 as usize) {
            place.key = key;
        }
    }

    /// Gives the rules around a place keys that are far apart: of as few rules as leaves them room.
    fn spread(&mut self, at: usize) -> Vec<(RuleSlot, Order)> {
        let mut width = 16;
        loop {
            let (from, to) = (at.saturating_sub(width), (at + width).min(self.count));
            let below = from.checked_sub(1).map_or(0, |before| self.key_at(before));
            let above = if to < self.count { self.key_at(to) } else { KEYS };
            let gap = (above - below) / ((to - from) as u64 + 1);
            if gap >= ROOMY || (from == 0 && to == self.count) {
                let slots = (from..to).filter_map(|at| self.slot(RuleId(u32::try_from(at).unwrap_or(u32::MAX))));
                let moved: Vec<(RuleSlot, Order)> = slots.map(|slot| (slot, self.order(slot, 0))).collect();
                for (nth, (slot, _)) in (1..).zip(&moved) {
                    self.set_key(*slot, below + nth * gap);
                }
                return moved;
            }
            width *= 2;
        }
    }

    fn place_rules_of(&mut self, run: u32) {
        let Some(rules) = self.runs.get(run as usize).map(Arc::clone) else { return };
        for (offset, slot) in (0..).zip(rules.iter()) {
            if let Some(place) = self.places.get_mut(slot.0 as usize)
                && (place.run, place.offset) != (run, offset)
            {
                (place.run, place.offset) = (run, offset);
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.places.bytes() + self.count * size_of::<RuleSlot>() + self.runs.len() * 56
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::generate::Draw;

    #[test]
    fn rules_keep_their_slots_and_their_order() {
        for seed in 0..20 {
            let draw = &mut Draw::new(seed);
            let count = draw.below(600);
            let mut line = Line::of(count as usize);
            let mut twin: Vec<RuleSlot> = (0..count).map(RuleSlot).collect();
            for _ in 0..800 {
                line.begin_change();
                let at = draw.below(u32::try_from(twin.len()).unwrap() + 1) as usize;
                if draw.chance(3) && at < twin.len() {
                    assert_eq!(line.remove(at), Some(twin.remove(at)));
                } else {
                    let (slot, _) = line.insert(at);
                    assert!(!twin.contains(&slot));
                    twin.insert(at, slot);
                }
            }
            same(&line, &twin);
        }
    }

    #[test]
    fn keys_are_given_anew_where_there_is_no_room() {
        let mut line = Line::of(100);
        let mut twin: Vec<RuleSlot> = (0..100).map(RuleSlot).collect();
        let mut moved = 0;
        for _ in 0..2_000 {
            let (slot, others) = line.insert(50);
            twin.insert(50, slot);
            moved += others.len();
        }
        assert!(moved > 0);
        same(&line, &twin);
    }

    fn same(line: &Line, twin: &[RuleSlot]) {
        assert_eq!(line.iter().collect::<Vec<_>>(), twin);
        for (number, slot) in (0..).map(RuleId).zip(twin) {
            assert_eq!((line.rule(*slot), line.slot(number)), (Some(number), Some(*slot)));
        }
        assert!(twin.windows(2).all(|two| line.order(two[0], 127) < line.order(two[1], 0)));
        assert_eq!(line.slot(RuleId(u32::try_from(twin.len()).unwrap())), None);
    }
}
