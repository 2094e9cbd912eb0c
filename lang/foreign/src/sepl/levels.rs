//! SEPL's rules in the order that decides here. Rules of one priority have none among themselves: of those that match, the most
//! secure action is taken, and the waypoints of all. Knows nothing of how rules are read.

use crate::draft::{Draft, Origin};
use crate::logic::{Cond, Test};
use crate::rule::{Duties, Verdict};

use super::Rule;
use super::action::Act;

/// Up to so many rules with waypoints of one priority, every way in which they can match together is written out.
const MOST_TOGETHER: usize = 4;

/// Writes all rules.
pub(super) fn write(mut rules: Vec<Rule>, draft: &mut Draft) {
    // Stable: rules of one priority stay in the order of the text.
    rules.sort_by_key(|rule| rule.priority);
    several_users(&rules, draft);
    draft.line("# SNAC lets every multicast pass before it asks a rule.");
    draft.line("allow to multicast;");
    let mut rest = rules.as_slice();
    while let Some(first) = rest.first() {
        let (level, behind) = rest.split_at(rest.partition_point(|rule| rule.priority == first.priority));
        rest = behind;
        if behind.is_empty()
            && let [Rule { acts, cond: Cond::Any, comments, .. }] = level
            && let [act @ (Act::Allow | Act::Deny)] = acts.as_slice()
        {
            draft.line("");
            draft.comments(comments);
            return draft.otherwise(if *act == Act::Allow { Verdict::Allow } else { Verdict::Deny });
        }
        draft.line("");
        one_level(level, draft);
    }
    draft.otherwise(Verdict::Deny);
}

/// Of the users of one host, the least restricted decides in both languages. Where several pairs must pass waypoints, SNAC sends
/// the flow through those of all, and this language through those of one: unless the most restricted decides.
fn several_users(rules: &[Rule], draft: &mut Draft) {
    let waypoints =
        |rule: &Rule| rule.acts.iter().find_map(|act| if let Act::Waypoints(via) = act { Some(via.clone()) } else { None });
    let mut with: Vec<(&Rule, Vec<String>)> = rules.iter().filter_map(|rule| Some((rule, waypoints(rule)?))).collect();
    let Some((_, first)) = with.first().cloned() else { return };
    let by_user = rules.iter().any(|rule| asks_for_users(&rule.cond));
    with.retain(|(_, via)| *via != first);
    if let (true, Some((rule, _))) = (by_user, with.first()) {
        let why = "of several users of one host, each sent through other waypoints, SNAC passed all: \
            here the most restricted of them decides";
        draft.leave_out(rule.origin.place, &rule.origin.what, why);
        draft.line("setting multi-user = most-restrictive;");
        draft.line("");
    }
}

fn asks_for_users(cond: &Cond) -> bool {
    match cond {
        Cond::Any | Cond::Never => false,
        Cond::Test(test) => matches!(test, Test::End(_, crate::logic::Class::User, _)),
        Cond::Not(inner) => asks_for_users(inner),
        Cond::All(parts) | Cond::Either(parts) => parts.iter().any(asks_for_users),
        Cond::Unsaid(unsaid) => asks_for_users(&unsaid.at_least) || asks_for_users(&unsaid.at_most),
    }
}

/// Rules of one priority, by how secure what they do is.
fn one_level(level: &[Rule], draft: &mut Draft) {
    let none = Duties::default();
    for rule in level.iter().filter(|rule| rule.acts.contains(&Act::Deny)) {
        draft.comments(&rule.comments);
        draft.rule(Verdict::Deny, &rule.cond, &none, &rule.origin);
        answers(rule, draft);
    }
    waypoints(level, draft);
    for rule in level.iter().filter(|rule| rule.acts.contains(&Act::Allow)) {
        draft.comments(&rule.comments);
        draft.rule(Verdict::Allow, &rule.cond, &none, &rule.origin);
        answers(rule, draft);
    }
    // The controller's own functions go before those of the module.
    for wanted in [false, true] {
        for rule in level {
            for act in &rule.acts {
                function(act, wanted, rule, draft);
            }
        }
    }
    for rule in level {
        for act in &rule.acts {
            if let Act::Nat(what, place) = act {
                draft.leave_out(*place, what, "Pentane translates no addresses: what it is about is decided by the other rules");
            }
        }
    }
}

/// What a function did, it did in place of setting the flow up.
fn function(act: &Act, wanted: bool, rule: &Rule, draft: &mut Draft) {
    let none = Duties::default();
    match act {
        Act::Redirect if !wanted => {
            draft.comments(&rule.comments);
            draft.rule(Verdict::Redirect, &rule.cond, &none, &rule.origin);
            answers(rule, draft);
        }
        Act::Function { what, python } if *python == wanted => {
            draft.comments(&rule.comments);
            let why = "nothing runs functions on packets: the flows that it was called for are denied";
            draft.leave_out(rule.origin.place, what, why);
            draft.rule(Verdict::Deny, &rule.cond, &none, &rule.origin);
            answers(rule, draft);
        }
        Act::Allow | Act::Deny | Act::Waypoints(_) | Act::Redirect | Act::Function { .. } | Act::Nat(..) => {}
    }
}

/// Rules with waypoints: where several match, all of their waypoints are passed.
fn waypoints(level: &[Rule], draft: &mut Draft) {
    let with: Vec<(&Rule, &Vec<String>)> = level
        .iter()
        .filter_map(|rule| {
            let via = rule.acts.iter().find_map(|act| if let Act::Waypoints(via) = act { Some(via) } else { None });
            via.map(|via| (rule, via))
        })
        .collect();
    let differ = with.iter().any(|(_, via)| with.first().is_some_and(|(_, first)| first != via));
    if differ && with.len() <= MOST_TOGETHER {
        together(&with, draft);
    } else if differ {
        apart(&with, draft);
    }
    for (rule, via) in with {
        draft.comments(&rule.comments);
        draft.rule(Verdict::Allow, &rule.cond, &Duties { via: via.clone(), limit: None }, &rule.origin);
        answers(rule, draft);
    }
}

/// Every way in which two or more of them can match, the most of them first.
fn together(with: &[(&Rule, &Vec<String>)], draft: &mut Draft) {
    let mut choices: Vec<u32> = (0..1_u32 << with.len()).filter(|choice| choice.count_ones() > 1).collect();
    choices.sort_by_key(|choice| std::cmp::Reverse(choice.count_ones()));
    for choice in choices {
        let chosen: Vec<_> =
            with.iter().enumerate().filter(|(place, _)| choice & (1 << place) != 0).map(|(_, one)| one).collect();
        let mut via: Vec<String> = Vec::new();
        for name in chosen.iter().flat_map(|(_, via)| via.iter()) {
            if !via.contains(name) {
                via.push(name.clone());
            }
        }
        let cond = Cond::All(chosen.iter().map(|(rule, _)| rule.cond.clone()).collect());
        if let Some((rule, _)) = chosen.first() {
            draft.rule(Verdict::Allow, &cond, &Duties { via, limit: None }, &rule.origin);
        }
    }
}

/// Too many ways: where two of them match, nothing is allowed.
fn apart(with: &[(&Rule, &Vec<String>)], draft: &mut Draft) {
    for (place, (one, via)) in with.iter().enumerate() {
        for (other, _) in with.iter().skip(place + 1).filter(|(_, others)| others != via) {
            let cond = Cond::All(vec![one.cond.clone(), other.cond.clone()]);
            if cond.settled() == Cond::Never {
                continue;
            }
            let Origin { place: at, .. } = one.origin;
            let why = format!(
                "{} rules of one priority have waypoints: where this one matches with another that has others, nothing is allowed",
                with.len()
            );
            draft.leave_out(at, &one.origin.what, why);
            draft.rule(Verdict::Deny, &cond, &Duties::default(), &one.origin);
        }
    }
}

/// What a rule says of answers. They pass here with what they answer: to deny them is to deny that.
fn answers(rule: &Rule, draft: &mut Draft) {
    let Some(cond) = &rule.answers else { return };
    let allows = rule.acts.iter().any(|act| matches!(act, Act::Allow | Act::Waypoints(_)));
    if allows {
        let why = "answers pass with what they answer, and need no rule: only first packets are carried over";
        draft.leave_out(rule.origin.place, &rule.origin.what, why);
    } else {
        let why = "answers pass with what they answer: what the rule refuses to answer is denied itself";
        draft.leave_out(rule.origin.place, &rule.origin.what, why);
        draft.rule(Verdict::Deny, &cond.mirrored(), &Duties::default(), &rule.origin);
    }
}
