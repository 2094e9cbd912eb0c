//! The affected flows of every change are those that differ when all are judged before and after, no more and no fewer.

use std::sync::Arc;

use lang::checked::{Avoid, Checked, RuleId};
use lang::eval;
use lang::flow::{End, Flow, Judgement};

use super::*;
use crate::principal::end_of;
use crate::program::edited::{self, Done};
use crate::program::generate::{self, Draw};
use crate::view::View;

/// A tracked flow as its twin knows it: what ends it is between, whatever becomes of them.
#[derive(Clone)]
struct Twin {
    no: FlowNo,
    flow: Flow,
    stations: [bool; 2],
}

impl Twin {
    fn new(no: FlowNo, flow: Flow, view: &View) -> Twin {
        let is_station = |end: &End| {
            end.mac.and_then(|mac| view.station(mac)).is_some_and(|station| {
                end.address.is_none_or(|address| station.addresses.contains(&address)) && end_of(station, end.address) == *end
            })
        };
        let stations = [is_station(&flow.src), is_station(&flow.dst)];
        Twin { no, flow, stations }
    }

    fn now(&self, view: &View) -> Flow {
        let end = |end: &End, is_station: bool| match end.mac.filter(|_| is_station) {
            Some(mac) => match view.station(mac) {
                Some(station) => end_of(station, end.address),
                None => End { mac: Some(mac), address: end.address, ..End::default() },
            },
            None => end.clone(),
        };
        Flow { src: end(&self.flow.src, self.stations[0]), dst: end(&self.flow.dst, self.stations[1]), ..self.flow.clone() }
    }
}

/// What is done, in names.
fn done(policy: &Checked, judgement: &Judgement) -> String {
    let duties = &judgement.duties;
    let via: Vec<_> = judgement.via.iter().map(|id| &policy.middleboxes[id.index()].name).collect();
    let mirror: Vec<_> = duties.mirror.iter().map(|id| &policy.middleboxes[id.index()].name).collect();
    let avoid: Vec<String> = duties
        .avoid
        .iter()
        .map(|avoid| match avoid {
            Avoid::Host(id) => policy.hosts[id.index()].name.to_string(),
            Avoid::Switch(_) | Avoid::Port(_) => format!("{avoid:?}"),
        })
        .collect();
    format!(
        "{:?} {via:?} {mirror:?} {avoid:?} {:?} {:?} {:?} {:?}",
        judgement.verdict, duties.one_way, duties.vlan, duties.limit, duties.queue
    )
}

/// Why: the slots of the rules.
fn why(program: &Program, judgement: &Judgement) -> (Option<RuleSlot>, Vec<RuleSlot>) {
    let slot = |id: &RuleId| program.index().slot(*id).unwrap();
    (judgement.rule.as_ref().map(slot), judgement.audited.iter().map(slot).collect())
}

/// What is done, and why: the deciding rule, and those that audit.
type Answer = (String, (Option<RuleSlot>, Vec<RuleSlot>));

struct Script {
    policy: Arc<Checked>,
    view: View,
    program: Program,
    tracked: Tracked,
    twins: Vec<Twin>,
    /// What is done with each twin, and why.
    answers: Vec<Answer>,
}

impl Script {
    fn new(draw: &mut Draw) -> Script {
        let policy = Arc::new(generate::policy(draw));
        let view = generate::view(draw, &policy);
        let program = Program::compile(Arc::clone(&policy), &view);
        let tracked = Tracked::new(&program);
        let mut script = Script { policy, view, program, tracked, twins: Vec::new(), answers: Vec::new() };
        (0..60).for_each(|_| script.begin(draw));
        script.answers = script.answers();
        script
    }

    /// One more flow.
    fn begin(&mut self, draw: &mut Draw) {
        let flow = generate::flow(draw, &self.view, &self.policy);
        let no = self.tracked.add(&self.program, &flow);
        self.twins.retain(|twin| twin.no != no);
        self.twins.push(Twin::new(no, flow, &self.view));
    }

    fn answers(&self) -> Vec<Answer> {
        let answer = |twin: &Twin| {
            let flow = twin.now(&self.view);
            let judgement = eval::judge(&self.policy, &flow);
            assert_eq!(self.tracked.flow(&self.program, twin.no), Some(flow));
            assert_eq!(self.tracked.judgement(&self.program, twin.no).as_ref(), Some(&judgement));
            (done(&self.policy, &judgement), why(&self.program, &judgement))
        };
        self.twins.iter().map(answer).collect()
    }

    /// Compares what was told with what judging all again tells; in how many ways there were any.
    fn compare(&mut self, affected: &Affected, slots_kept: bool, seed: u64) -> (usize, usize) {
        let after = self.answers();
        let mut wanted = Affected { judged: affected.judged, ..Affected::default() };
        for ((twin, before), after) in self.twins.iter().zip(&self.answers).zip(&after) {
            if before.0 != after.0 {
                wanted.decided.push(twin.no);
            } else if before.1 != after.1 {
                wanted.reasoned.push(twin.no);
            }
        }
        wanted.decided.sort_unstable();
        wanted.reasoned.sort_unstable();
        assert_eq!(affected.decided, wanted.decided, "seed {seed}");
        if slots_kept {
            assert_eq!(affected.reasoned, wanted.reasoned, "seed {seed}");
        }
        self.answers = after;
        (wanted.decided.len(), wanted.reasoned.len())
    }
}

#[test]
fn the_affected_flows_are_those_that_differ() {
    let (mut decided, mut reasoned, mut judged, mut steps) = (0, 0, 0, 0);
    for seed in 0..250 {
        let draw = &mut Draw::new(seed);
        let mut script = Script::new(draw);
        for _ in 0..16 {
            steps += 1;
            if draw.chance(3) {
                let before = script.view.clone();
                for _ in 0..=draw.below(2) {
                    generate::disturb(draw, &mut script.view, &script.policy);
                }
                let changed = before.changed_stations(&script.view);
                script.program.update(&script.view, &changed);
                let affected = script.tracked.view_changed(&script.program, &changed);
                let found = script.compare(&affected, true, seed);
                (decided, reasoned) = (decided + found.0, reasoned + found.1);
                continue;
            }
            let mut edited = Checked::clone(&script.policy);
            let kind = edited::edit(draw, &mut edited);
            let edited = Arc::new(edited);
            script.view = script.view.rebase(&script.policy, &edited);
            if kind == Done::Declarations {
                // Ends that are no stations are carried over by their names.
                for twin in &mut script.twins {
                    let Flow { src, dst, .. } = &mut twin.flow;
                    for end in [src, dst] {
                        *end = carried(end, &script.policy, &edited);
                    }
                }
            }
            let change = script.program.recompile(Arc::clone(&edited), &script.view);
            script.policy = edited;
            let affected = script.tracked.recompiled(&script.program, &change);
            if change.is_empty() {
                assert_eq!(affected, Affected::default(), "seed {seed}");
            }
            let found = script.compare(&affected, change.is_partial(), seed);
            if change.is_partial() {
                (decided, reasoned, judged) = (decided + found.0, reasoned + found.1, judged + affected.judged);
            }
            if draw.chance(3) {
                let twin = script.twins.swap_remove(0);
                script.answers.swap_remove(0);
                script.tracked.remove(twin.no);
                script.begin(draw);
                script.answers = script.answers();
            }
        }
    }
    assert!(decided > 4_000 && reasoned > 1_000, "{decided} {reasoned} of {judged} in {steps}");
}

#[test]
fn a_change_that_was_not_told_affects_all() {
    let draw = &mut Draw::new(3);
    let mut script = Script::new(draw);
    let mut edited = Checked::clone(&script.policy);
    edited::remove(&mut edited, 0);
    let once = Arc::new(edited.clone());
    script.program.recompile(once, &script.view);
    edited::remove(&mut edited, 0);
    let change = script.program.recompile(Arc::new(edited), &script.view);
    let affected = script.tracked.recompiled(&script.program, &change);
    assert_eq!((affected.decided.len(), script.tracked.len()), (60, 60));
}
