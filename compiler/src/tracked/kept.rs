//! One tracked flow: its ends, its headers, and what it came to. Knows nothing of other flows.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use lang::checked::{Avoid, Checked, Duties, HostId, MiddleboxId, Verdict};
use lang::flow::{End, Flow, Headers, Judgement};
use net::{MacAddr, Time};
use rustc_hash::{FxHashMap, FxHasher};

use crate::index::{ClauseId, Question, RuleSlot, Trace};
use crate::label::Record;
use crate::program::Program;
use crate::service::Class;

/// No rule: the default.
pub(super) const NONE: u32 = u32::MAX;

/// An end of a tracked flow.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// A station of the view, with this address, as it is now.
    Station {
        /// The station.
        mac: MacAddr,
        /// The address, which need not be its own any more.
        address: Option<IpAddr>,
    },
    /// Anything else, as it was.
    Other(Box<End>),
}

/// A tracked flow.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) ends: [Held; 2],
    pub(super) headers: Headers,
    time: Option<Time>,
    /// How many pairs of users it is judged for.
    pub(super) pairs: u32,
    outcome: u32,
    winner: u32,
    /// What there is besides one rule that decides.
    more: Option<Box<More>>,
}

/// Rules that a flow came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    /// All of them, ascending, the deciding one with them.
    rules: Vec<RuleSlot>,
    /// Those that audit, in their order.
    audited: Vec<RuleSlot>,
    /// Some pair of users came to the default.
    by_default: bool,
}

/// What an answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer<T> {
    pub(super) outcome: u32,
    winner: Option<T>,
    audited: Vec<T>,
}

/// What is done with flows, numbered.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcomes(FxHashMap<Outcome, u32>);

/// What is done with a flow, in names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Outcome {
    verdict: Verdict,
    via: Vec<Arc<str>>,
    mirror: Vec<Arc<str>>,
    hosts: Vec<Arc<str>>,
    /// Without hosts and middleboxes.
    duties: Duties,
}

/// What tells the text of a rule from others.
pub(super) fn mark(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Held {
    pub(super) fn of(program: &Program, end: &End) -> Held {
        match end.mac {
            Some(mac) if program.stations().place_of(end).is_some() => Held::Station { mac, address: end.address },
            Some(_) | None => Held::Other(Box::new(end.clone())),
        }
    }

    pub(super) fn mac(&self) -> Option<MacAddr> {
        match self {
            Held::Station { mac, .. } => Some(*mac),
            Held::Other(_) => None,
        }
    }

    /// True if the records of its station do not tell its labels: it is none, or gone, or has the address no more.
    pub(super) fn is_loose(&self, program: &Program) -> bool {
        match self {
            Held::Station { mac, address } => program.known(*mac).and_then(|known| known.with_address(*address)).is_none(),
            Held::Other(_) => true,
        }
    }

    fn end(&self, program: &Program) -> End {
        match self {
            Held::Station { mac, address } => match program.known(*mac) {
                Some(known) => known.end(*address),
                None => End { mac: Some(*mac), address: *address, ..End::default() },
            },
            Held::Other(end) => End::clone(end),
        }
    }

    fn records<'p>(&self, program: &'p Program) -> Cow<'p, [Record]> {
        if let Held::Station { mac, address } = self
            && let Some(known) = program.known(*mac)
            && let Some(place) = known.with_address(*address)
        {
            return Cow::Borrowed(known.records(place));
        }
        Cow::Owned(program.records(&self.end(program)).into_owned())
    }
}

impl Kept {
    pub(super) fn new(ends: [Held; 2], headers: Headers, time: Option<Time>) -> Kept {
        Kept { ends, headers, time, pairs: 0, outcome: 0, winner: NONE, more: None }
    }

    pub(super) fn flow(&self, program: &Program) -> Flow {
        let [src, dst] = self.ends.each_ref().map(|end| end.end(program));
        Flow { src, dst, headers: self.headers, time: self.time }
    }

    /// Finds what the flow comes to.
    pub(super) fn judge(&mut self, program: &Program, outcomes: &mut Outcomes) {
        let [srcs, dsts] = self.ends.each_ref().map(|end| end.records(program));
        let trace = Trace::noting();
        let decision = program.decision_traced(&srcs, &dsts, &self.headers, self.time, &trace);
        let slot = |id| program.index().slot(id);
        let (mut rules, by_default) = trace.came_to();
        rules.sort_unstable();
        rules.dedup();
        let audited: Vec<RuleSlot> = decision.audited.iter().filter_map(|id| slot(*id)).collect();
        let winner = decision.clause.map(|id| id.rule);
        let plain = audited.is_empty() && rules.as_slice() == winner.as_slice() && by_default == winner.is_none();
        self.pairs = u32::try_from(srcs.len().saturating_mul(dsts.len())).unwrap_or(u32::MAX);
        self.winner = winner.map_or(NONE, |slot| slot.0);
        self.more = (!plain).then(|| Box::new(More { rules, audited, by_default }));
        self.outcome = outcomes.number(program.policy(), &program.judgement(decision));
    }

    /// The rules that it came to.
    pub(super) fn rules(&self) -> Vec<RuleSlot> {
        match &self.more {
            Some(more) => more.rules.clone(),
            None => self.winner().into_iter().collect(),
        }
    }

    pub(super) fn came_to(&self, rule: RuleSlot) -> bool {
        match &self.more {
            Some(more) => more.rules.binary_search(&rule).is_ok(),
            None => self.winner == rule.0,
        }
    }

    fn winner(&self) -> Option<RuleSlot> {
        (self.winner != NONE).then_some(RuleSlot(self.winner))
    }

    /// The latest rule that it came to for some pair of users, or [`NONE`] for the default.
    pub(super) fn latest(&self, program: &Program) -> u32 {
        let Some(more) = &self.more else { return self.winner };
        let latest = more.rules.iter().max_by_key(|slot| program.index().order(ClauseId { rule: **slot, part: 0 }));
        if more.by_default { NONE } else { latest.map_or(NONE, |slot| slot.0) }
    }

    /// True if a clause holds for it, for some pair of users.
    pub(super) fn meets(&self, program: &Program, id: ClauseId, class: Class) -> bool {
        let [srcs, dsts] = self.ends.each_ref().map(|end| end.records(program));
        let (moment, trace) = (program.moment(self.time), Trace::default());
        srcs.iter().any(|src| {
            dsts.iter().any(|dst| {
                let question = Question { src, dst, headers: &self.headers, class, moment: &moment, trace: &trace };
                program.index().holds(id, &question)
            })
        })
    }

    pub(super) fn answer(&self) -> Answer<RuleSlot> {
        let audited = self.more.as_ref().map_or(Vec::new(), |more| more.audited.clone());
        Answer { outcome: self.outcome, winner: self.winner(), audited }
    }
}

impl Answer<RuleSlot> {
    /// The same with what tells rules apart when their slots do not.
    pub(super) fn marked(&self, marks: &[u64]) -> Answer<u64> {
        let mark = |slot: &RuleSlot| marks.get(slot.0 as usize).copied().unwrap_or(0);
        Answer { outcome: self.outcome, winner: self.winner.as_ref().map(mark), audited: self.audited.iter().map(mark).collect() }
    }
}

impl Outcomes {
    fn number(&mut self, policy: &Checked, judgement: &Judgement) -> u32 {
        let middlebox = |id: &MiddleboxId| policy.middleboxes.get(id.index()).map(|one| Arc::clone(&one.name));
        let host = |id: &HostId| policy.hosts.get(id.index()).map(|one| Arc::clone(&one.name));
        let (hosts, avoid): (Vec<&Avoid>, Vec<&Avoid>) =
            judgement.duties.avoid.iter().partition(|avoid| matches!(avoid, Avoid::Host(_)));
        let hosts = hosts.into_iter().filter_map(|avoid| if let Avoid::Host(id) = avoid { host(id) } else { None });
        let mut outcome = Outcome {
            verdict: judgement.verdict,
            via: judgement.via.iter().filter_map(middlebox).collect(),
            mirror: judgement.duties.mirror.iter().filter_map(middlebox).collect(),
            hosts: hosts.collect(),
            duties: Duties { avoid: avoid.into_iter().copied().collect(), mirror: Vec::new(), ..judgement.duties.clone() },
        };
        outcome.mirror.sort_unstable();
        outcome.hosts.sort_unstable();
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(outcome).or_insert(next)
    }
}
