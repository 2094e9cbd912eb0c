//! What becomes of flows between two states of a network: two views, or one and what is supposed of it. Asks the compiler, tells.
//! Knows nothing of how it is found out, nor of where the states came from.

use compiler::Budget;
use compiler::analysis::{Answered, Turn, Turned, in_terms_of, turn};
use lang::checked::{Checked, MiddleboxId};
use lang::flow::{End, Place};
use lang::flowspec::flow_text;
use net::{Dpid, Location};
use runtime::map::Map;

use crate::diff::{bare_answer, full_answer};
use crate::effort::MORE;
use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded, hung};
use crate::hash;
use crate::json::{self, Changed, Diff, Rule};
use crate::load::Policy;
use crate::output::{Output, Paint};
use crate::report::{Format, counted};

/// How many classes of each sort are told to people; JSON has all.
const MAX_TOLD: usize = 50;

/// What is said where there is no flow, and not more is known.
const NOT_THERE: &str = "no such flow: an end is not there, or has no such address";

/// What becomes of a class of flows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Gained,
    Lost,
    Changed,
}

const SORTS: [(Sort, &str, &str, Paint); 3] = [
    (Sort::Gained, "gained", "set up after the change, not before", Paint::Green),
    (Sort::Lost, "lost", "set up before the change, not after", Paint::Red),
    (Sort::Changed, "changed", "set up, or not, in another way", Paint::Bold),
];

/// The ways of one state.
struct Network<'a> {
    policy: &'a Checked,
    map: Option<Map>,
    down: &'a [Dpid],
}

impl<'a> Network<'a> {
    fn of(state: &'a Policy, policy: &'a Checked, with_links: bool) -> Network<'a> {
        Network { policy, map: state.map(policy).filter(|_| with_links), down: &state.down }
    }

    fn leads(&mut self, from: Location, to: Location, via: &[MiddleboxId]) -> bool {
        let down = |at: &Location| self.down.contains(&at.dpid);
        let mut boxes = via.iter().filter_map(|id| self.policy.middleboxes.get(id.index()));
        let boxes_off = boxes.any(|one| one.attachments.iter().all(|instance| instance.ports().iter().any(down)));
        let is_off = boxes_off || [from, to].iter().any(down);
        !is_off && self.map.as_mut().is_none_or(|map| map.way(self.policy, from, to, via).is_ok())
    }
}

/// Compares two states and tells what becomes otherwise.
///
/// # Errors
/// Nobody takes the output.
pub fn tell(
    out: &mut Output,
    states: &[Policy; 2],
    budget: Budget,
    (format, exit_code): (Format, bool),
) -> Result<Exit, Failure> {
    let [Some(old), Some(new)] = states.each_ref().map(|state| state.program.as_ref().map(compiler::Program::policy)) else {
        return Ok(Exit::CannotDo);
    };
    let ways = Ways::of(states, new);
    let with_links = matches!(ways, Ways::Compared | Ways::Avoiding);
    let mut networks = [Network::of(&states[0], old, with_links), Network::of(&states[1], new, with_links)];
    let mut leads = |state: usize, from: Location, to: Location, via: &[MiddleboxId]| {
        networks.get_mut(state).is_some_and(|network| network.leads(from, to, via))
    };
    let mut found = turn((old, &states[0].view), (new, &states[1].view), &mut leads, budget);
    found.settled &= !matches!(ways, Ways::Unknown(_) | Ways::Avoiding);
    let told = Told { found: &found, policies: [old, new], states, notes: ways.notes() };
    match format {
        Format::Json => json::write(out, &as_json(states, &told))?,
        Format::Concise => found.changes.iter().try_for_each(|one| out.line(concise(&told, one)))?,
        _ => write_text(out, states, &told)?,
    }
    Ok(match (exit_code && !found.changes.is_empty(), found.settled) {
        (true, _) => Exit::Bad,
        (false, true) => Exit::Good,
        (false, false) => Exit::Undecided,
    })
}

/// What is known of ways.
#[derive(PartialEq, Eq)]
enum Ways {
    /// Both views tell links.
    Compared,
    /// Both do, the networks differ, and a rule demands ways that this version does not find.
    Avoiding,
    /// Neither does.
    Untold,
    /// One alone does, the one of this name, and its ways are compared with nothing.
    Unlike(String),
    /// Neither does, these switches are off, and flows between others may have passed through them.
    Unknown(Vec<String>),
}

impl Ways {
    fn of(states: &[Policy; 2], policy: &Checked) -> Ways {
        let named = |state: &Policy| Ways::Unlike(state.view_name.clone().unwrap_or_default());
        match states.each_ref().map(|state| state.links.is_some()) {
            [true, true] => {
                let alike = states[0].links == states[1].links && states[0].down == states[1].down;
                let avoids = policy.rules.iter().any(|rule| !rule.duties.avoid.is_empty());
                return if avoids && !alike { Ways::Avoiding } else { Ways::Compared };
            }
            [true, false] => return named(&states[0]),
            [false, true] => return named(&states[1]),
            [false, false] => {}
        }
        let is_off = |dpid: Dpid| states[1].down.contains(&dpid);
        let (off, on): (Vec<_>, Vec<_>) = policy.switches.iter().partition(|switch| is_off(switch.dpid));
        // What stays at one switch passes no other.
        if off.is_empty() || on.len() < 2 {
            return Ways::Untold;
        }
        Ways::Unknown(off.iter().map(|switch| switch.name.to_string()).collect())
    }

    /// What is to be said of them.
    fn notes(&self) -> Vec<String> {
        match self {
            Ways::Compared | Ways::Untold => Vec::new(),
            Ways::Avoiding => {
                vec![
                    "this version finds no ways that avoid something: whether those of rules with `avoid` stand is not known"
                        .to_owned(),
                ]
            }
            Ways::Unlike(name) => vec![format!("only the view {name} tells `links`: ways are not compared")],
            Ways::Unknown(off) => {
                vec![format!("the view tells no `links`: what passes through {} is not known", off.join(", "))]
            }
        }
    }
}

/// What was found, the policies in whose terms it is told, and what is to be said of the answer.
struct Told<'a> {
    found: &'a Turn,
    policies: [&'a Checked; 2],
    states: &'a [Policy; 2],
    notes: Vec<String>,
}

impl Told<'_> {
    /// The flow as it is after the change, or before it if it is not there after; and before, if it is in other words then.
    fn flows(&self, one: &Turned) -> (String, Option<String>) {
        let [old, new] = [0, 1].map(|side: usize| {
            let (joint, policy) = (&self.found.sides[side], self.policies[side]);
            one.answers[side].as_ref().map(|one| flow_text(policy, &in_terms_of(joint, &one.flow, policy)))
        });
        match (old, new) {
            (Some(old), Some(new)) if old != new => (new, Some(old)),
            (old, new) => (new.or(old).unwrap_or_default(), None),
        }
    }

    fn answer(&self, one: &Turned, side: usize, of: fn(&Checked, &lang::flow::Judgement) -> String) -> String {
        match &one.answers[side] {
            None => self.not_there(one, side),
            Some(answered) if answered.has_way => of(&self.found.sides[side], &answered.judgement),
            Some(answered) => format!("{}, and no path", of(&self.found.sides[side], &answered.judgement)),
        }
    }
}

impl Told<'_> {
    /// Why there is no such flow on this side, by what the view says of the ends that it has on the other.
    fn not_there(&self, one: &Turned, side: usize) -> String {
        let other = one.answers[1 - side].as_ref();
        let why = other.and_then(|other| [&other.flow.src, &other.flow.dst].into_iter().find_map(|end| self.absent(end, side)));
        why.map_or_else(|| NOT_THERE.to_owned(), |why| format!("no such flow: {why}"))
    }

    fn absent(&self, end: &End, side: usize) -> Option<String> {
        let mac = end.mac.filter(|_| end.place == Place::Inside)?;
        let (state, policy) = (&self.states[side], self.policies[side]);
        let host = policy.host_of_mac(mac).and_then(|id| policy.hosts.get(id.index()));
        let name = host.map_or_else(|| mac.to_string(), |host| host.name.to_string());
        let station = state.view.station(mac).filter(|station| station.location.is_some());
        if let Some(off) = end.location.filter(|at| station.is_none() && state.down.contains(&at.dpid)) {
            let switch = policy.switch_of(off.dpid).map_or_else(|| off.dpid.to_string(), |switch| switch.name.to_string());
            return Some(format!("{name} is at {switch}, which is down"));
        }
        if station.is_none() {
            return Some(format!("{name} is attached nowhere"));
        }
        let lost = end.address.filter(|address| state.view.owner(*address) != Some(mac))?;
        Some(format!("{name} does not have the address {lost}"))
    }

    /// True if it is the prelude that sets the flows up, or, where nothing does, that keeps them from it.
    fn is_of_prelude(&self, one: &Turned) -> bool {
        let is_its = |(side, answer): (usize, &Option<Answered>)| {
            let answered = answer.as_ref().filter(|answered| answered.passes() || sort(one) == Sort::Changed)?;
            Some(answered.judgement.rule.is_some_and(|rule| rule < self.policies[side].prelude_end))
        };
        one.answers.iter().enumerate().filter_map(is_its).all(|is_its| is_its)
    }

    /// The flows of a sort as people want them: what the site says before what every site has.
    fn in_order(&self, wanted: Sort) -> Vec<&Turned> {
        let (prelude, site): (Vec<_>, Vec<_>) = of_sort(self.found, wanted).partition(|one| self.is_of_prelude(one));
        site.into_iter().chain(prelude).collect()
    }
}

fn sort(one: &Turned) -> Sort {
    match one.answers.each_ref().map(|answer| answer.as_ref().is_some_and(Answered::passes)) {
        [false, true] => Sort::Gained,
        [true, false] => Sort::Lost,
        [true, true] | [false, false] => Sort::Changed,
    }
}

fn of_sort(found: &Turn, wanted: Sort) -> impl Iterator<Item = &Turned> {
    found.changes.iter().filter(move |one| sort(one) == wanted)
}

fn concise(told: &Told<'_>, one: &Turned) -> String {
    let wanted = sort(one);
    let word = SORTS.iter().find(|(of, ..)| *of == wanted).map_or("", |(_, word, ..)| word);
    let [before, after] = [0, 1].map(|side| told.answer(one, side, full_answer));
    format!("{word}: {}: {before} => {after}", told.flows(one).0)
}

fn write_text(out: &mut Output, states: &[Policy; 2], told: &Told<'_>) -> Result<(), Failure> {
    for (wanted, word, meaning, paint) in SORTS {
        let all = told.in_order(wanted);
        if all.is_empty() {
            continue;
        }
        let word = out.paint(paint, word);
        out.line(format!("{word}: {meaning}"))?;
        let mut is_site = true;
        for one in all.iter().take(MAX_TOLD) {
            if is_site && told.is_of_prelude(one) {
                is_site = false;
                out.line("  by the prelude:")?;
            }
            let (flow, before) = told.flows(one);
            out.line(hung(&format!("  {flow}")))?;
            if let Some(before) = before {
                out.line(hung(&format!("  before: {before}")))?;
            }
            for (side, when) in ["before", "after "].into_iter().enumerate() {
                let lines = folded(&told.answer(one, side, full_answer), WIDTH - 11).join("\n           ");
                out.line(format!("    {when} {lines}"))?;
            }
            if one.pairs > 1 {
                out.line(format!("    of {} of ends", counted(one.pairs, "pair")))?;
            }
        }
        if all.len() > MAX_TOLD {
            out.line(format!("  and {} more (all with --format json)", counted(all.len() - MAX_TOLD, "class")))?;
        }
        out.line("")?;
    }
    for note in &told.notes {
        out.line(hung(&format!("note: {note}")))?;
    }
    sum(out, states, told.found)
}

fn sum(out: &mut Output, states: &[Policy; 2], found: &Turn) -> Result<(), Failure> {
    let counts = SORTS.map(|(wanted, word, ..)| format!("{} {word}", of_sort(found, wanted).count())).join(", ");
    let first = match (found.changes.is_empty(), found.settled) {
        (true, true) => "no flow fares otherwise: proved, between these two states".to_owned(),
        (true, false) => format!("no difference was found\nthat there is none is not proved\n{MORE}"),
        (false, true) => format!("classes of flows: {counts}\nall other flows are proved unchanged, between these two states"),
        (false, false) => format!("classes of flows: {counts}\nthat all others are unchanged is not proved\n{MORE}"),
    };
    out.line(first)?;
    let [before, after] = states.each_ref().map(|state| state.view_name.as_deref().unwrap_or_default());
    let [old, new] = states.each_ref().map(|state| hash::shown(&state.hash));
    out.line(hung(&format!("from the view {before} to the view {after}")))?;
    out.line(if old == new { format!("policy {old}") } else { format!("policies {old} and {new}") })
}

fn as_json(states: &[Policy; 2], told: &Told<'_>) -> Diff {
    let changed = |one: &Turned| {
        let (flow, old_flow) = told.flows(one);
        let [before, after] = [0, 1].map(|side| told.answer(one, side, bare_answer));
        let rule = |side: usize| {
            let answered = one.answers[side].as_ref()?;
            Rule::deciding(&told.found.sides[side], answered.judgement.rule)
        };
        Changed { flow, old_flow, before, after, before_rule: rule(0), after_rule: rule(1), pairs: Some(one.pairs) }
    };
    let all = |wanted: Sort| of_sort(told.found, wanted).map(changed).collect();
    let [old_view, new_view] = states.each_ref().map(|state| state.view_name.clone());
    Diff {
        schema: "pentane.diff/1",
        old: states[0].hash.clone(),
        new: states[1].hash.clone(),
        world: "view",
        old_view,
        new_view,
        gained: all(Sort::Gained),
        lost: all(Sort::Lost),
        changed: all(Sort::Changed),
        redeclared: Vec::new(),
        undecided: Vec::new(),
        notes: Some(told.notes.clone()),
        settled: told.found.settled,
    }
}
