//! A program with its latest answers kept: flows of the same two stations and the same class of packets are looked up, not searched for.
//! Knows nothing of how an answer is found.

use std::ops::Deref;
use std::sync::Arc;

use lang::checked::{Checked, RuleId, Verdict};
use lang::flow::{End, Flow, Headers, Judgement};
use net::{MacAddr, Time};

use crate::index::{ClauseId, RuleSlot, Trace};
use crate::program::{Change, Program};
use crate::stations::StationId;
use crate::view::View;

/// A program and its latest answers. What changes the program goes through it, so that no answer outlives what it was found with.
#[derive(Debug)]
pub struct Cached {
    program: Program,
    answers: Vec<Answer>,
    /// How many changes of the program this holds for; see [`Cached::forget_in_time`].
    era: u64,
}

/// A station of the view with one of its addresses, or none: found once, for many questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    station: StationId,
    end: u8,
}

/// A decision: what happens, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What happens.
    pub verdict: Verdict,
    rule: Option<RuleSlot>,
    /// Nothing but that one rule, or the default, says how: no other rule binds the conversation, and none audits it.
    pub alone: bool,
}

/// An answer that is kept, or [`UNUSED`].
#[derive(Clone, Copy, Debug)]
struct Answer {
    src: u32,
    dst: u32,
    class: u16,
    src_end: u8,
    dst_end: u8,
    /// The sum of all epochs that it depends on.
    stamp: u32,
    /// The slot of the rule and one more, or 0; and the verdict in the last two bits.
    decided: u32,
}

/// What no decision is packed into.
const NOTHING: u32 = u32::MAX;

const UNUSED: Answer = Answer { src: 0, dst: 0, class: 0, src_end: 0, dst_end: 0, stamp: 0, decided: NOTHING };

/// The class of a packet's headers; nothing if there are too many to keep answers by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class(Option<u16>);

/// After so many changes no stamp may be compared with earlier ones.
const ERA: u64 = 1 << 30;

/// How many answers are kept if nothing else is said.
pub const ANSWERS: usize = 1 << 20;

impl Deref for Cached {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Cached {
    /// Keeps so many answers: rounded up to a power of two, 20 bytes each.
    #[must_use]
    pub fn new(program: Program, answers: usize) -> Cached {
        Cached { program, answers: vec![UNUSED; answers.max(1).next_power_of_two()], era: 0 }
    }

    /// The program, without answers.
    #[must_use]
    pub fn into_program(self) -> Program {
        self.program
    }

    /// As [`Program::update`].
    pub fn update(&mut self, view: &View, changed: &[MacAddr]) {
        self.program.update(view, changed);
        self.forget_in_time();
    }

    /// As [`Program::recompile`].
    pub fn recompile(&mut self, policy: Arc<Checked>, view: &View) -> Change {
        let change = self.program.recompile(policy, view);
        if !change.is_partial() {
            // Stations are numbered anew, and their epochs begin anew.
            self.forget();
        }
        self.forget_in_time();
        change
    }

    /// Epochs only grow, so a sum of them that is the same was made of the same; until it no longer fits.
    fn forget_in_time(&mut self) {
        let era = self.program.changes() / ERA;
        if era != self.era {
            self.era = era;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.answers.fill(UNUSED);
    }

    /// The answer to a flow, as [`Program::judge`] gives it.
    pub fn judge(&mut self, flow: &Flow) -> Judgement {
        let (Some(src), Some(dst)) = (self.program.placed(&flow.src), self.program.placed(&flow.dst)) else {
            return self.program.judge(flow);
        };
        let decided = self.decide(src, dst, &flow.headers, flow.time);
        if !decided.alone {
            return self.program.judge(flow);
        }
        self.program.judgement_alone(decided.verdict, self.program.rule_of_decided(&decided))
    }

    /// Reads what [`Cached::decide`] will read of the same flow, so that it need not wait for memory; what it is means nothing.
    #[must_use]
    pub fn glimpse(&self, src: Placed, dst: Placed, class: Class) -> u64 {
        let Class(Some(class)) = class else { return 0 };
        let stations = self.program.stations();
        let asked = Answer { src: src.station.0, dst: dst.station.0, class, src_end: src.end, dst_end: dst.end, ..UNUSED };
        let kept = self.answers.get(asked.place() & (self.answers.len() - 1)).map_or(0, |kept| kept.stamp);
        u64::from(stations.epoch(src.station) ^ stations.epoch(dst.station) ^ kept)
    }

    /// What rules that name services tell packets with these headers from others by.
    #[must_use]
    pub fn class(&self, headers: &Headers) -> Class {
        Class(u16::try_from(self.program.index().services.class(headers).index()).ok())
    }

    /// What happens to a flow between two stations. Both must have been found since the program last changed.
    pub fn decide(&mut self, src: Placed, dst: Placed, headers: &Headers, time: Option<Time>) -> Decided {
        self.decide_in(src, dst, (headers, self.class(headers)), time)
    }

    /// The same where the class of the headers is known, which the program must have told since it last changed.
    pub fn decide_in(&mut self, src: Placed, dst: Placed, (headers, class): (&Headers, Class), time: Option<Time>) -> Decided {
        let Class(Some(class)) = class else { return self.program.decide(src, dst, headers, time).0 };
        let stations = self.program.stations();
        let epochs = [src, dst].map(|end| stations.epoch(end.station));
        #[expect(clippy::cast_possible_truncation, reason = "of the version what tells it apart within one era")]
        let version = self.program.version() as u32;
        let stamp = version.wrapping_add(epochs[0]).wrapping_add(epochs[1]);
        let fresh =
            Answer { src: src.station.0, dst: dst.station.0, class, src_end: src.end, dst_end: dst.end, stamp, decided: 0 };
        let place = fresh.place() & (self.answers.len() - 1);
        if let Some(kept) = self.answers.get(place).filter(|kept| kept.is_about(&fresh)) {
            return kept.decided();
        }
        let (decided, may_keep) = self.program.decide(src, dst, headers, time);
        if let (Some(slot), true, Some(packed)) = (self.answers.get_mut(place), may_keep, packed(&decided)) {
            *slot = Answer { decided: packed, ..fresh };
        }
        decided
    }
}

impl Program {
    /// A station of the view that is this end, if there is one.
    #[must_use]
    pub fn placed(&self, end: &End) -> Option<Placed> {
        let (station, place) = self.stations().place_of(end)?;
        u8::try_from(place).ok().map(|end| Placed { station, end })
    }

    /// The rule that decided; nothing is the default. The policy must be the one that it was decided by.
    #[must_use]
    pub fn rule_of_decided(&self, decided: &Decided) -> Option<RuleId> {
        decided.rule.and_then(|slot| self.index().rule(slot))
    }

    /// What happens to a flow between two stations; and whether the stations and the class of its packets alone tell that.
    fn decide(&self, src: Placed, dst: Placed, headers: &Headers, time: Option<Time>) -> (Decided, bool) {
        let records = |end: Placed| self.stations().get(end.station).map_or(&[][..], |known| known.records(usize::from(end.end)));
        let trace = Trace::default();
        let decision = self.decision_traced(records(src), records(dst), headers, time, &trace);
        let rule = decision.clause.map(|ClauseId { rule, .. }| rule);
        let alone = decision.audited.is_empty() && decision.others.len() <= usize::from(rule.is_some());
        (Decided { verdict: self.verdict_of(decision.clause), rule, alone }, alone && !trace.beyond.get())
    }
}

impl Answer {
    /// Where it is kept, to be cut to the size of the table.
    fn place(&self) -> usize {
        let ends = (u64::from(self.src) << 32 | u64::from(self.dst)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rest = u64::from(self.class) << 16 | u64::from(self.src_end) << 8 | u64::from(self.dst_end);
        let mixed = (ends ^ (ends >> 29) ^ rest).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from(mixed >> 32).unwrap_or(0)
    }

    fn is_about(&self, other: &Answer) -> bool {
        self.decided != NOTHING
            && (self.src, self.dst, self.class, self.src_end, self.dst_end, self.stamp)
                == (other.src, other.dst, other.class, other.src_end, other.dst_end, other.stamp)
    }

    fn decided(&self) -> Decided {
        let verdict = match self.decided & 3 {
            0 => Verdict::Allow,
            1 => Verdict::Redirect,
            2 => Verdict::Reject,
            _ => Verdict::Deny,
        };
        Decided { verdict, rule: (self.decided >> 2).checked_sub(1).map(RuleSlot), alone: true }
    }
}

/// A decision in 32 bits, if it fits.
fn packed(decided: &Decided) -> Option<u32> {
    let verdict = match decided.verdict {
        Verdict::Allow => 0,
        Verdict::Redirect => 1,
        Verdict::Reject => 2,
        Verdict::Deny => 3,
    };
    let rule = decided.rule.map_or(0, |slot| slot.0.saturating_add(1));
    (rule < (1 << 30) - 1).then_some(rule << 2 | verdict)
}

#[cfg(test)]
mod tests;
