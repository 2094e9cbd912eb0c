//! What becomes of flows when the network is in another state: who is where, who is logged in, which ways there are; and a policy
//! that changed with it. Knows nothing of texts, nor of how ways are found.
//!
//! Flows are compared by who their ends are: the same machine, with the same address, sends the same packet. Of a pair of machines
//! each part of their flows that is decided alike, for each pair of users, before and after, has one answer on each side: that of
//! one of its flows. Pairs of which nothing changed are not looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use lang::checked::{Checked, MiddleboxId, RuleId, Verdict};
use lang::flow::{Flow, Judgement, Place, Side};
use net::{Dpid, Location};

use super::align::{Match, align};
use super::{Analysis, Area, Budget, MAX_CHANGES, Space, Stopped};
use crate::analysis::area::Attr;
use crate::analysis::space::{ADDRESS, Addresses, WHO, end_attr};
use crate::analysis::together::Here;
use crate::analysis::walk::step;
use crate::joint::Joint;
use crate::program::Program;
use crate::view::View;

/// Says whether there is a way, before (0) or after (1), from a port to a port through middleboxes.
pub type Ways<'w> = dyn FnMut(usize, Location, Location, &[MiddleboxId]) -> bool + 'w;

/// What becomes otherwise.
#[derive(Debug)]
pub struct Turn {
    /// The policy before and after, in terms of both together.
    pub sides: [Arc<Checked>; 2],
    /// One flow of each class of flows that fare otherwise, by the rules that decide before and after.
    pub changes: Vec<Turned>,
    /// True if it is proved that there is nothing else.
    pub settled: bool,
}

/// Flows that fare otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// One of them before and after; nothing where there is no such flow: an end is not there, or has no such address.
    pub answers: [Option<Answered>; 2],
    /// Of how many pairs of machines, or of other ends, there are such flows.
    pub pairs: usize,
}

/// How one flow fares in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The flow.
    pub flow: Flow,
    /// The answer.
    pub judgement: Judgement,
    /// False if it is allowed and there is no way.
    pub has_way: bool,
}

impl Answered {
    /// True if the conversation is set up.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.judgement.verdict == Verdict::Allow && self.has_way
    }
}

/// The rule that decides, if there is such a flow, and whether it has a way.
type Decider = Option<(Option<RuleId>, bool)>;

/// Compares how flows fare in two states. Of several users on one host, it is their common answer.
#[must_use]
pub fn turn(old: (&Checked, &View), new: (&Checked, &View), ways: &mut Ways<'_>, budget: Budget) -> Turn {
    let Joint { sides, all, .. } = Joint::of(old.0, new.0);
    let views = [old.1.rebase(old.0, &sides[0]), new.1.rebase(new.0, &sides[1])];
    let programs = [0, 1].map(|side: usize| Program::compile(Arc::clone(&sides[side]), &views[side]));
    let both = [&views[0], &views[1]];
    let over = |side: usize| Analysis::over(&programs[side], Space::in_view_of(&all, both[side], &both).ok()?, budget);
    let (Some(of_old), Some(of_new)) = (over(0), over(1)) else { return Turn { sides, changes: Vec::new(), settled: false } };
    let analyses = [of_old, of_new];
    let ends = [0, 1].map(|side: usize| analyses[side].space.ends(both[side]));
    let steps = analyses[1].claims.get();
    let owners = |address: IpAddr| both.map(|view| view.owner(address));
    let is_taken = |one: &Addresses| one.sample.map(owners).is_some_and(|[before, after]| before != after);
    let samples = analyses[1].space.addresses.iter().enumerate();
    let likeness = analyses[1].space.likeness(&ends);
    let mut sorts = BTreeSet::new();
    // Of addresses that nothing tells apart one is enough.
    let is_new =
        |class: usize, sorts: &mut BTreeSet<usize>| likeness.addresses.get(class).is_some_and(|sort| sorts.insert(*sort));
    let taken: Vec<usize> =
        samples.filter(|(class, one)| is_taken(one) && is_new(*class, &mut sorts)).map(|(class, _)| class).collect();
    let kinds = likeness.whos;
    let mut comparison = Comparison {
        analyses: &analyses,
        ends,
        kinds,
        taken,
        ways,
        known: BTreeMap::new(),
        told: BTreeSet::new(),
        steps,
        odd: false,
    };
    let same_rules = align(&sides[0], &sides[1]).iter().flatten().all(|one| *one == Match::Same);
    let same = same_rules && sides[0].default.verdict == sides[1].default.verdict && sides[0].multi_user == sides[1].multi_user;
    let walked = comparison.pairs(!same, &vias(&sides));
    let settled = walked.is_ok() && !comparison.odd;
    let changes = comparison.known.into_values().map(|(turned, _)| turned).collect();
    Turn { sides, changes, settled }
}

/// Middleboxes that some rule demands, each list once.
fn vias(sides: &[Arc<Checked>; 2]) -> BTreeSet<Vec<MiddleboxId>> {
    let demanded = sides.iter().flat_map(|side| &side.rules).map(|rule| rule.via.clone());
    demanded.chain([Vec::new()]).collect()
}

/// What a pair of ends is told from others by: who they are, and whether they are at one port, before and after.
type PairKind = (usize, usize, [bool; 2]);

/// A comparison under way.
struct Comparison<'a, 'w> {
    /// Both number the classes of attributes alike.
    analyses: &'a [Analysis<'a>; 2],
    ends: [Vec<Option<Here>>; 2],
    /// For each end a number, the same for those that nothing tells apart.
    kinds: Vec<usize>,
    /// Classes of addresses that a machine has in one state, and another one or none in the other; one of each sort.
    taken: Vec<usize>,
    ways: &'w mut Ways<'w>,
    /// What is found, with the pair of ends of which it was found last.
    known: BTreeMap<[Decider; 2], (Turned, (usize, usize))>,
    /// What is found of the pair that is being looked at.
    told: BTreeSet<[Decider; 2]>,
    steps: u64,
    /// True if some part could not be compared.
    odd: bool,
}

impl Comparison<'_, '_> {
    fn pairs(&mut self, everything: bool, vias: &BTreeSet<Vec<MiddleboxId>>) -> Result<(), Stopped> {
        let count = self.ends[0].len();
        let moved: Vec<bool> = (0..count).map(|who| self.ends[0].get(who) != self.ends[1].get(who)).collect();
        let is_moved = |who: usize| moved.get(who).copied().unwrap_or(false);
        let mut lost: HashMap<(Dpid, Dpid), bool> = HashMap::new();
        // What is found of one pair is so of every pair of such ends.
        let mut alike: HashMap<PairKind, BTreeSet<[Decider; 2]>> = HashMap::new();
        for src in 0..count {
            for dst in (0..count).filter(|dst| *dst != src) {
                step(&mut self.steps)?;
                let kind = self.kind((src, dst));
                if let Some(told) = alike.get(&kind) {
                    for key in told {
                        self.known.entry(*key).and_modify(|(turned, _)| turned.pairs += 1);
                    }
                    continue;
                }
                self.told.clear();
                if everything || is_moved(src) || is_moved(dst) || self.ways_differ((src, dst), vias, &mut lost) {
                    let parts = [(Side::Src, src), (Side::Dst, dst)].map(|(side, who)| self.parts(side, who, is_moved(who)));
                    self.pair((src, dst), &parts)?;
                }
                self.with_taken((src, dst), [is_moved(src), is_moved(dst)])?;
                alike.insert(kind, std::mem::take(&mut self.told));
            }
        }
        Ok(())
    }

    fn kind(&self, (src, dst): (usize, usize)) -> PairKind {
        let of = |who: usize| self.kinds.get(who).copied().unwrap_or(who);
        let at = |state, who| self.here(state, who).and_then(|here| here.at);
        let together = [0, 1].map(|state| at(state, src).is_some() && at(state, src) == at(state, dst));
        (of(src), of(dst), together)
    }

    fn here(&self, side: usize, who: usize) -> Option<&Here> {
        self.ends[side].get(who)?.as_ref()
    }

    /// True if between two ends, which are where they were, there is a way in one state alone.
    fn ways_differ(
        &mut self,
        (src, dst): (usize, usize),
        vias: &BTreeSet<Vec<MiddleboxId>>,
        known: &mut HashMap<(Dpid, Dpid), bool>,
    ) -> bool {
        let at = |who| self.here(0, who).and_then(|here| here.at);
        let (Some(from), Some(to)) = (at(src), at(dst)) else { return false };
        if let Some(differs) = known.get(&(from.dpid, to.dpid)) {
            return *differs;
        }
        let differs = vias.iter().any(|via| (self.ways)(0, from, to, via) != (self.ways)(1, from, to, via));
        known.insert((from.dpid, to.dpid), differs);
        differs
    }

    /// An address that a machine gets or gives up is no longer, or now, that of another end.
    fn with_taken(&mut self, (src, dst): (usize, usize), moved: [bool; 2]) -> Result<(), Stopped> {
        let is_machine =
            |who: usize| [0, 1].iter().any(|state| self.here(*state, who).is_some_and(|here| here.addresses.is_some()));
        let free = [!is_machine(src), !is_machine(dst)];
        if self.taken.is_empty() || free == [false, false] {
            return Ok(());
        }
        let ends = [(Side::Src, src), (Side::Dst, dst)];
        for (place, (side, _)) in ends.into_iter().enumerate().filter(|(place, _)| free[*place]) {
            let mut parts = ends.map(|(side, who)| self.parts(side, who, moved[usize::from(side == Side::Dst)]));
            for class in self.taken.clone() {
                let Some(only) = self.analyses[1].space.class_of(end_attr(side, ADDRESS), |one| one == class) else { continue };
                let whole = std::mem::take(&mut parts[place]);
                parts[place] = whole.iter().filter_map(|(area, is_there)| Some((area.and(&only)?, *is_there))).collect();
                self.pair((src, dst), &parts)?;
                parts[place] = whole;
            }
        }
        Ok(())
    }

    fn pair(&mut self, whos: (usize, usize), parts: &[Vec<(Area, [bool; 2])>; 2]) -> Result<(), Stopped> {
        for (src, src_has) in &parts[0] {
            for (dst, dst_has) in &parts[1] {
                let is_there = [0, 1].map(|side: usize| src_has[side] && dst_has[side]);
                let Some(base) = src.and(dst).filter(|_| is_there != [false, false]) else { continue };
                let mut contexts = Vec::new();
                for side in [0, 1].into_iter().filter(|side| is_there[*side]) {
                    let (Some(src), Some(dst)) = (self.here(side, whos.0), self.here(side, whos.1)) else { continue };
                    contexts.extend(self.analyses[1].space.contexts(src, dst).into_iter().map(|area| (side, area)));
                }
                self.refine(base, &contexts, whos)?;
            }
        }
        Ok(())
    }

    /// The flows of an end; where it changed, apart by its addresses; each with the states in which there are such.
    fn parts(&self, side: Side, who: usize, moved: bool) -> Vec<(Area, [bool; 2])> {
        let space = &self.analyses[1].space;
        let itself = |attr: Attr, class: usize| space.class_of(attr, |one| one == class);
        let Some(own) = itself(end_attr(side, WHO), who) else { return Vec::new() };
        let states = [0, 1].map(|state| self.here(state, who));
        let machines = states.map(|here| here.and_then(|here| here.addresses.as_ref()));
        if !moved || machines == [None, None] {
            return vec![(own, states.map(|here| here.is_some()))];
        }
        let has = |sample: Option<IpAddr>| {
            machines.map(|addresses| addresses.is_some_and(|all| sample.is_none_or(|address| all.contains(&address))))
        };
        let of_class = |(class, one): (usize, &Addresses)| {
            let is_there = has(one.sample);
            if is_there == [false, false] {
                return None;
            }
            Some((own.and(&itself(end_attr(side, ADDRESS), class)?)?, is_there))
        };
        space.addresses.iter().enumerate().filter_map(of_class).collect()
    }

    /// Takes an area apart by who decides it, for each pair of users in each state.
    fn refine(&mut self, base: Area, contexts: &[(usize, Area)], pair: (usize, usize)) -> Result<(), Stopped> {
        let mut parts = vec![base];
        for (state, context) in contexts {
            let mut finer = Vec::new();
            for part in parts {
                finer.extend(self.analyses[*state].refined(part, std::slice::from_ref(context), &mut self.steps)?);
            }
            parts = finer;
        }
        for part in parts {
            self.compare(&part, contexts, pair)?;
        }
        Ok(())
    }

    /// Compares the answers to one flow of a part, which all of them have.
    fn compare(&mut self, part: &Area, contexts: &[(usize, Area)], pair: (usize, usize)) -> Result<(), Stopped> {
        let flows = self.witness(part, contexts)?;
        if flows == [None, None] {
            return Ok(());
        }
        let answers = [0, 1].map(|state: usize| {
            let flow = flows[state].clone()?;
            Some(self.answered(state, flow, pair))
        });
        if !differ(&answers) {
            return Ok(());
        }
        let key = answers.each_ref().map(|one| one.as_ref().map(|one| (one.judgement.rule, one.has_way)));
        if self.known.len() >= MAX_CHANGES && !self.known.contains_key(&key) {
            return Err(Stopped);
        }
        self.told.insert(key);
        let (turned, last) = self.known.entry(key).or_insert((Turned { answers, pairs: 1 }, pair));
        if *last != pair {
            (*last, turned.pairs) = (pair, turned.pairs + 1);
        }
        Ok(())
    }

    /// One flow of a part as it is in both states; nothing where there is none.
    fn witness(&mut self, part: &Area, contexts: &[(usize, Area)]) -> Result<[Option<Flow>; 2], Stopped> {
        let context = |state| contexts.iter().find(|(of, _)| *of == state).map(|(_, area)| area);
        let mut found = [None, None];
        for state in [0, 1] {
            let Some(area) = context(state).and_then(|context| part.and(context)) else { continue };
            found[state] = self.analyses[state].space.find(&area, &mut self.steps, None)?;
        }
        let flow = |state: usize, point| self.analyses[state].space.flow(point);
        let [Some(before), Some(after)] = &found else {
            return Ok([0, 1].map(|state: usize| found[state].as_ref().map(|point| flow(state, point))));
        };
        // The same packet on both sides.
        for (own, other, point) in [(1, 0, after), (0, 1, before)] {
            let space = &self.analyses[other].space;
            let Some(area) = context(other).and_then(|context| space.shared_of(point)?.and(context)) else { continue };
            if let Some(same) = space.find(&area, &mut self.steps, None)? {
                let mut flows = [None, None];
                flows[own] = Some(flow(own, point));
                flows[other] = Some(flow(other, &same));
                return Ok(flows);
            }
        }
        self.odd = true;
        Ok([None, None])
    }

    /// The answer with all users of both ends.
    fn answered(&mut self, state: usize, mut flow: Flow, (src, dst): (usize, usize)) -> Answered {
        for (end, who) in [(&mut flow.src, src), (&mut flow.dst, dst)] {
            self.ends[state].get(who).into_iter().flatten().for_each(|here| here.complete(end));
        }
        let judgement = self.analyses[state].program.judge(&flow);
        let handed_on = matches!(flow.dst.place, Place::Broadcast | Place::Multicast | Place::Controller);
        let ports = flow.src.location.zip(flow.dst.location).filter(|_| !handed_on && judgement.verdict == Verdict::Allow);
        let has_way = ports.is_none_or(|(from, to)| (self.ways)(state, from, to, &judgement.via));
        Answered { flow, judgement, has_way }
    }
}

/// True if a flow fares otherwise. Where it is not there and was not allowed, nothing is to be told.
fn differ(answers: &[Option<Answered>; 2]) -> bool {
    let passes = |one: &Option<Answered>| one.as_ref().is_some_and(Answered::passes);
    if passes(&answers[0]) != passes(&answers[1]) {
        return true;
    }
    let [Some(before), Some(after)] = answers else { return false };
    let told = |one: &Answered| (one.judgement.verdict, one.judgement.via.clone(), one.judgement.duties.clone());
    told(before) != told(after)
}

#[cfg(test)]
mod tests;
