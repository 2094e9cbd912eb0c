//! Plain conversations under another policy, or at another time: each is judged again as it is. Those that stay plain are touched no
//! further, those that are denied are revoked as they are, and only what is allowed otherwise is written out. Knows nothing of what
//! changed.

use std::net::IpAddr;
use std::sync::Arc;

use compiler::{Class, Placed};
use lang::checked::{Duties, RuleId, Verdict};
use lang::flow::{End, Headers};
use net::Time;
use rustc_hash::FxHashMap;

use crate::controller::Controller;
use crate::effect::Effects;
use crate::event::{Cause, Event};
use crate::plain::{PlainId, SeatId};
use crate::record::FlowId;
use crate::unfold::headers;
use crate::update::Fate;

/// What policy says of a flow between two seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It is allowed by this rule, or by default, and bound to nothing.
    Allowed(Option<RuleId>),
    /// It is not allowed, by this rule or by default.
    Denied(Option<RuleId>),
}

/// A plain conversation that the policy in force denies, and that stands yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doomed {
    pub(crate) id: FlowId,
    place: PlainId,
    denied_by: Option<RuleId>,
}

/// Where the program finds seats by now, of those that may have changed; nothing for one that is none any more.
pub(crate) type Renewed = FxHashMap<SeatId, Option<Placed>>;

impl Controller {
    /// The rule that allows a flow between two seats and binds it to nothing; none if there is no such.
    pub(crate) fn plain_rule(&mut self, seats: [Placed; 2], packet: (&Headers, Class), now: Time) -> Option<Option<RuleId>> {
        match self.decide_plain(seats, packet, now) {
            Some(Again::Allowed(rule)) => Some(rule),
            Some(Again::Denied(_)) | None => None,
        }
    }

    /// What policy says of a flow between two seats; nothing if it says more than that.
    fn decide_plain(&mut self, [src, dst]: [Placed; 2], packet: (&Headers, Class), now: Time) -> Option<Again> {
        let decided = self.program.decide_in(src, dst, packet, Some(now));
        if !decided.alone {
            return None;
        }
        let rule = self.program.rule_of_decided(&decided);
        if decided.verdict != Verdict::Allow {
            return Some(Again::Denied(rule));
        }
        let unbound =
            rule.and_then(|id| self.policy.rule(id)).is_none_or(|rule| rule.via.is_empty() && rule.duties == Duties::default());
        unbound.then_some(Again::Allowed(rule))
    }

    /// What policy says of a plain conversation now; nothing if it cannot be told of two seats.
    pub(crate) fn judge_plain(&mut self, place: PlainId, renewed: &Renewed, now: Time) -> Option<Again> {
        let one = self.plains.get(place)?.clone();
        let [src, dst] = one.seats.map(|id| {
            let seat = self.plains.seats.get(id)?;
            Some((renewed.get(&id).copied().unwrap_or(Some(seat.placed))?, seat.address))
        });
        let ((src, address), (dst, _)): ((Placed, IpAddr), _) = src.zip(dst)?;
        let headers = headers(&one, address);
        let class = self.program.class(&headers);
        self.decide_plain([src, dst], (&headers, class), now)
    }

    /// The policy is another, or its times make it another: all plain conversations are judged again. How many stayed plain, and those
    /// that are to be revoked in their turn, in the order of their numbers.
    pub(crate) fn rejudge_plain(&mut self, now: Time) -> (usize, Vec<Doomed>) {
        let whole = self.fast.allowed_by(&self.program);
        let seen = |id: &SeatId| {
            let seat = self.plains.seats.get(*id)?;
            whole.then(|| self.seat_of(seat.mac, seat.address, seat.at)).flatten()
        };
        let ids = self.plains.seats.ids();
        let ends: FxHashMap<SeatId, Option<(End, Placed)>> = ids.into_iter().map(|id| (id, seen(&id))).collect();
        let renewed = ends.iter().map(|(id, end)| (*id, end.as_ref().map(|(_, placed)| *placed))).collect();
        let mut all: Vec<(FlowId, PlainId)> = self.plains.iter().map(|(place, one)| (one.id, place)).collect();
        all.sort_unstable();
        let (mut kept, mut doomed) = (0, Vec::new());
        for (id, place) in all {
            match self.judge_plain(place, &renewed, now) {
                Some(Again::Allowed(rule)) => {
                    self.plains.allow(place, rule);
                    kept += 1;
                }
                Some(Again::Denied(denied_by)) if self.plains.is_open(place) => {
                    self.remember_words(place);
                    doomed.push(Doomed { id, place, denied_by });
                }
                Some(Again::Denied(_)) | None => {
                    self.remember_words(place);
                    self.unfold(place);
                }
            }
        }
        self.renew_seats(ends, now);
        (kept, doomed)
    }

    fn renew_seats(&mut self, ends: FxHashMap<SeatId, Option<(End, Placed)>>, now: Time) {
        for (id, end) in ends {
            match end {
                Some((end, placed)) => {
                    self.plains.seats.renew(id, Arc::new(end), placed);
                    if let Some(mac) = self.plains.seats.get(id).map(|seat| seat.mac) {
                        self.plains.seats.judged(mac, now);
                    }
                }
                None => self.end_seat(id),
            }
        }
    }

    /// Judges all conversations and denials again that are not plain, and revokes the doomed, in the order of their numbers: what each
    /// of them came to.
    pub(crate) fn revalidate_all(&mut self, doomed: Vec<Doomed>, cause: Cause, now: Time, out: &mut Effects) -> Vec<Fate> {
        let mut doomed = doomed.into_iter().peekable();
        let mut fates = Vec::new();
        for id in self.records.ids() {
            while let Some(one) = doomed.next_if(|one| one.id < id) {
                fates.push(self.revoke_plain(&one, cause, now, out));
            }
            fates.push(self.revalidate(id, cause, now, out));
        }
        for one in doomed {
            fates.push(self.revoke_plain(&one, cause, now, out));
        }
        fates
    }

    /// Takes a plain conversation out that is denied: what comes of it is what would come of one that is written out.
    fn revoke_plain(&mut self, one: &Doomed, cause: Cause, now: Time, out: &mut Effects) -> Fate {
        if self.plains.get(one.place).is_none_or(|there| there.id != one.id) {
            return self.revalidate(one.id, cause, now, out);
        }
        let Some(written) = self.written(one.place) else { return Fate::Kept };
        let entries = self.entries_as_written(one.place, &written);
        if entries.iter().any(|entry| !self.switches.is_up(entry.dpid) || self.plains.away.contains(&entry.dpid)) {
            self.unfold(one.place);
            return self.revalidate(one.id, cause, now, out);
        }
        if let Some(reply) = written.template.reply {
            self.remember_ended(reply, false, written.ingress, now);
        }
        self.plains.remove(one.place);
        for entry in entries.into_iter().rev() {
            self.tables.withdraw(entry.dpid, &entry.slot, self.switches.up(entry.dpid), out);
        }
        self.counters.revoked += 1;
        let (flow, allowed_by) = self.named(&written);
        out.event(Event::Revoked { flow, allowed_by, cause, denied_by: Some(one.denied_by) });
        Fate::Changed
    }
}
