//! Whether one policy says what another one says, but for rules that it lacks and names that nothing uses. Knows what policies say, not
//! what rules do: that those that are lacking decide nothing is for others to prove.

mod words;

use std::collections::BTreeMap;

use crate::checked::{Checked, Effect, Group, RuleId};
use words::Words;

/// The rules of the old policy that the new one lacks, where it says the same otherwise.
///
/// Everything is compared by names, since numbers differ. Declarations may be lacking; that nothing uses them follows, for
/// whatever is there is there as it was. A network may only where there is no gateway: else it says what the internet is not.
///
/// # Errors
/// What the new policy says that the old one does not, in a few words.
pub fn lacking(old: &Checked, new: &Checked) -> Result<Vec<RuleId>, String> {
    let (old_words, new_words) = (Words(old), Words(new));
    for ((what, old), (_, new)) in parts(&old_words).into_iter().zip(parts(&new_words)) {
        if old != new {
            return Err(format!("the {what} would not be the same"));
        }
    }
    let known = declared(&old_words);
    for (name, text) in declared(&new_words) {
        if known.get(&name) != Some(&text) {
            return Err(format!("`{name}` would stand for something else"));
        }
    }
    let networks = |policy: &Checked| policy.groups.iter().filter(|group| group.network).count();
    if networks(old) != networks(new) && !old.gateways.is_empty() {
        return Err("the internet would not be the same".to_owned());
    }
    let gone = gone(&old_words, &new_words)?;
    keeps_places(old, new, &gone)?;
    Ok(gone)
}

/// What must be the same, under the word that it goes by.
fn parts(words: &Words<'_>) -> [(&'static str, Vec<String>); 10] {
    let policy = words.0;
    [
        ("switches", policy.switches.iter().map(|one| words.switch(one)).collect()),
        ("hosts", policy.hosts.iter().map(|one| words.host(one)).collect()),
        ("users", policy.users.iter().map(|one| one.name.to_string()).collect()),
        ("gateways", policy.gateways.iter().map(|one| words.gateway(one)).collect()),
        ("middleboxes", policy.middleboxes.iter().map(|one| words.middlebox(one)).collect()),
        ("default and settings", vec![words.settings()]),
        ("sections", policy.sections.iter().map(|one| words.section(one)).collect()),
        ("invariants", policy.invariants.iter().map(|one| words.fact(&one.fact)).collect()),
        ("assertions", policy.assertions.iter().map(|one| words.assertion(one)).collect()),
        ("tests", policy.tests.iter().flat_map(|one| words.test(one)).collect()),
    ]
}

/// Declarations that rules name, by what they are named by: sets that somebody else fills by that.
fn declared(words: &Words<'_>) -> BTreeMap<String, String> {
    let policy = words.0;
    let key = |group: &Group| match group.dynamic {
        Some(_) => words.dynamic(group),
        None => group.name.to_string(),
    };
    let groups = policy.groups.iter().map(|group| (key(group), words.group(group)));
    let services = policy.services.iter().filter(|service| service.span.is_some());
    let services = services.map(|service| (service.name.to_string(), words.service(&service.terms)));
    let times = policy.times.iter().map(|time| (time.name.to_string(), words.time(time)));
    let locations = policy.locations.iter().map(|place| (place.name.to_string(), format!("location {}", place.at)));
    groups.chain(services).chain(times).chain(locations).collect()
}

/// The rules of the old policy between and around those of the new one, which are in it in their order.
fn gone(old: &Words<'_>, new: &Words<'_>) -> Result<Vec<RuleId>, String> {
    let mut gone = Vec::new();
    let mut left = old.0.rules.iter();
    for rule in &new.0.rules {
        let text = new.rule(rule);
        loop {
            let Some(other) = left.next() else { return Err("a rule would not be the same".to_owned()) };
            if old.rule(other) == text {
                break;
            }
            gone.push(other.id);
        }
    }
    gone.extend(left.map(|rule| rule.id));
    Ok(gone)
}

/// Sections begin and end, and rules that pass lead, between the same rules.
fn keeps_places(old: &Checked, new: &Checked, gone: &[RuleId]) -> Result<(), String> {
    let place = |id: RuleId| id.index() - gone.partition_point(|lost| *lost < id);
    let moved = |old: RuleId, new: RuleId| place(old) != new.index();
    let mut kept = old.rules.iter().filter(|rule| gone.binary_search(&rule.id).is_err()).zip(&new.rules);
    let leads_elsewhere = kept.any(|(old, new)| match (old.effect, new.effect) {
        (Effect::Pass(old), Effect::Pass(new)) => moved(old, new),
        _ => false,
    });
    let sections = old.sections.iter().zip(&new.sections);
    let cut_elsewhere = sections.into_iter().any(|(old, new)| moved(old.first, new.first) || moved(old.end, new.end));
    if leads_elsewhere || cut_elsewhere || moved(old.prelude_end, new.prelude_end) {
        return Err("sections would not begin and end where they do".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
