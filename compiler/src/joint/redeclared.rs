//! What two policies declare in two ways, in words. Knows nothing of rules.

use std::fmt::Display;

use lang::checked::{Attachment, Checked, EndTest, Gateway, Group, Host, Middlebox, MultiUser, PortSet, Served, SetExpr, Switch};
use lang::flowspec::location_text;

use super::ids::Ids;
use super::places;

/// Something that both policies declare, otherwise; or that only one of them does, where that changes what ends are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeclared {
    /// What it is, with the name that it has now: `host griffin`.
    pub what: String,
    /// What the old policy says of it; nothing if it does not declare it.
    pub before: Option<String>,
    /// What the new policy says of it; nothing if it does not declare it.
    pub after: Option<String>,
}

/// All of it, by kind, in the order of the new policy; then what only the old one has.
pub(super) fn all(old: &Checked, new: &Checked, of_old: &Ids) -> Vec<Redeclared> {
    let mut found = Vec::new();
    let switches = |policy: &Checked| -> Vec<Named> { policy.switches.iter().map(switch).collect() };
    compare(&mut found, "switch", &switches(old), &switches(new), false);
    hosts(&mut found, old, new, of_old);
    let gateways = |policy: &Checked| -> Vec<Named> { policy.gateways.iter().map(|one| gateway(policy, one)).collect() };
    compare(&mut found, "gateway", &gateways(old), &gateways(new), true);
    let boxes = |policy: &Checked| -> Vec<Named> { policy.middleboxes.iter().map(|one| middlebox(policy, one)).collect() };
    compare(&mut found, "middlebox", &boxes(old), &boxes(new), false);
    let networks = |policy: &Checked| -> Vec<Named> { policy.groups.iter().filter(|group| group.network).map(network).collect() };
    compare(&mut found, "network", &networks(old), &networks(new), true);
    setting(&mut found, "setting multi-user", old, new, |policy| match policy.multi_user {
        MultiUser::LeastRestrictive => "least-restrictive",
        MultiUser::MostRestrictive => "most-restrictive",
    });
    if old.tests_time() || new.tests_time() {
        setting(&mut found, "setting time-zone", old, new, |policy| policy.calendar.zone());
    }
    found
}

/// A name, and what is declared of it.
type Named = (String, String);

/// What stands in both lists under one name and differs; what stands in one only, if that is wanted.
fn compare(found: &mut Vec<Redeclared>, kind: &str, old: &[Named], new: &[Named], alone: bool) {
    let told = |name: &str, before: Option<&String>, after: Option<&String>| Redeclared {
        what: format!("{kind} {name}"),
        before: before.cloned(),
        after: after.cloned(),
    };
    let known = |list: &[Named]| -> std::collections::HashMap<String, String> { list.iter().cloned().collect() };
    let (before, after) = (known(old), known(new));
    for (name, text) in new {
        match before.get(name) {
            Some(other) if other == text => {}
            None if !alone => {}
            other => found.push(told(name, other, Some(text))),
        }
    }
    let gone = old.iter().filter(|(name, _)| alone && !after.contains_key(name));
    found.extend(gone.map(|(name, text)| told(name, Some(text), None)));
}

fn setting<'p>(found: &mut Vec<Redeclared>, what: &str, old: &'p Checked, new: &'p Checked, of: impl Fn(&'p Checked) -> &'p str) {
    let (before, after) = (of(old), of(new));
    if before != after {
        found.push(Redeclared { what: what.into(), before: Some(before.into()), after: Some(after.into()) });
    }
}

/// Hosts by their matches: one may have another name.
fn hosts(found: &mut Vec<Redeclared>, old: &Checked, new: &Checked, of_old: &Ids) {
    let by_name = places(old.hosts.iter().map(|one| &one.name), new.hosts.iter().map(|one| &one.name));
    for ((host, place), by_name) in old.hosts.iter().zip(&of_old.hosts).zip(by_name) {
        let Some(other) = new.hosts.get(*place as usize) else { continue };
        let (before, after) = (host_text(old, host), host_text(new, other));
        if before == after && by_name.is_some() {
            continue;
        }
        let before = if by_name.is_some() { before } else { format!("{} (host {})", before, host.name) };
        found.push(Redeclared { what: format!("host {}", other.name), before: Some(before), after: Some(after) });
    }
}

fn host_text(policy: &Checked, host: &Host) -> String {
    let mut parts = vec![format!("mac {}", list(&host.macs))];
    if !host.addresses.is_empty() {
        parts.push(format!("ip {}", list(&host.addresses)));
    }
    parts.extend(host.pin.map(|at| format!("at {}", location_text(policy, at))));
    parts.extend((!host.serves.is_empty()).then(|| format!("serves {}", served(&host.serves))));
    parts.extend((!host.routes.is_empty()).then(|| format!("routes {}", list(&host.routes))));
    parts.join(", ")
}

fn switch(switch: &Switch) -> Named {
    let ports = |word: &str, set: &PortSet| {
        let one = |range: &std::ops::RangeInclusive<u32>| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}-{}", range.start(), range.end()),
        };
        (!set.is_empty()).then(|| format!("{word} {}", set.0.iter().map(one).collect::<Vec<_>>().join(", ")))
    };
    let parts = [Some(format!("dpid {}", switch.dpid)), ports("access", &switch.access), ports("uplink", &switch.uplink)];
    (switch.name.to_string(), parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn gateway(policy: &Checked, gateway: &Gateway) -> Named {
    let mut parts = vec![format!("at {}", location_text(policy, gateway.at))];
    parts.extend(gateway.mac.map(|mac| format!("mac {mac}")));
    if !gateway.addresses.is_empty() {
        parts.push(format!("ip {}", list(&gateway.addresses)));
    }
    if gateway.serves != Served::BY_GATEWAYS {
        parts.push(format!("serves {}", served(&gateway.serves)));
    }
    (gateway.name.to_string(), parts.join(", "))
}

fn served(all: &[Served]) -> String {
    let words: Vec<&str> = all.iter().map(|one| one.word()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn middlebox(policy: &Checked, middlebox: &Middlebox) -> Named {
    let text = |attachment: &Attachment| match *attachment {
        Attachment::Inline { inside, outside } => {
            format!("in {}, out {}", location_text(policy, inside), location_text(policy, outside))
        }
        Attachment::OneArmed { at } => format!("at {}", location_text(policy, at)),
    };
    (middlebox.name.to_string(), middlebox.attachments.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn network(group: &Group) -> Named {
    let mut prefixes = Vec::new();
    let mut open = vec![&group.members];
    while let Some(set) = open.pop() {
        match set {
            SetExpr::Leaf(EndTest::Address(prefix)) => prefixes.push(*prefix),
            SetExpr::Union(parts) => open.extend(parts),
            SetExpr::Leaf(_) | SetExpr::Intersection(..) | SetExpr::Difference(..) => {}
        }
    }
    prefixes.sort_unstable();
    (group.name.to_string(), list(&prefixes))
}

fn list<T: Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
