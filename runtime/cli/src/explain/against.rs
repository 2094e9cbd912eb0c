//! What a flow says of its ends and the view says otherwise. The flow has its way: it may ask what would be. Knows nothing of rules.

use compiler::View;
use compiler::view::Station;
use lang::checked::Checked;
use lang::flow::{End, Flow, Person, Place};
use lang::flowspec::location_text;

use crate::who::list;

/// In words, one for each thing that the view has otherwise; of a flow that the view has completed.
pub fn against(view: &View, policy: &Checked, flow: &Flow) -> Vec<String> {
    [&flow.src, &flow.dst].into_iter().flat_map(|end| against_end(view, policy, end)).collect()
}

fn against_end(view: &View, policy: &Checked, end: &End) -> Vec<String> {
    let station = end.mac.filter(|_| end.place == Place::Inside).and_then(|mac| view.station(mac));
    let Some(station) = station else { return elsewhere(view, policy, end) };
    let name = name(policy, station);
    let mut said = Vec::new();
    if let Some(at) = end.location.filter(|at| station.location != Some(*at)) {
        let at = location_text(policy, at);
        said.push(match station.location {
            Some(known) => format!("in the view {name} is at {}, not at {at}", location_text(policy, known)),
            None => format!("in the view {name} is attached nowhere, not at {at}"),
        });
    }
    if end.users != station.users {
        let known = users(policy, &station.users);
        said.push(format!("in the view the user of {name} is {known}, not {}", users(policy, &end.users)));
    }
    if let Some(address) = end.address.filter(|address| view.owner(*address) != Some(station.mac)) {
        said.push(format!("in the view {name} does not have the address {address}"));
    }
    said
}

/// Where the users of an end that is no machine of the view are logged in.
fn elsewhere(view: &View, policy: &Checked, end: &End) -> Vec<String> {
    if end.place != Place::Inside || end.host.is_some() || end.mac.is_some() {
        return Vec::new();
    }
    let mut said = Vec::new();
    for id in end.users.iter().filter_map(|person| person.user) {
        let is_there = |station: &&Station| station.users.iter().any(|person| person.user == Some(id));
        let names: Vec<String> = view.stations().filter(is_there).map(|station| name(policy, station)).collect();
        let (Some(user), Some(first)) = (policy.users.get(id.index()), view.stations().find(is_there)) else { continue };
        let is_host = first.host.is_some();
        let (user, first) = (&user.name, name(policy, first));
        let on = list(&names, None);
        let machine = if is_host { format!("host {first}") } else { first };
        said.push(format!(
            "in the view {user} is logged in on {on}; the flow is of an undeclared machine: write `user {user} {machine}`"
        ));
    }
    said
}

/// The host, or the MAC address of an unregistered machine.
fn name(policy: &Checked, station: &Station) -> String {
    let host = station.host.and_then(|id| policy.hosts.get(id.index()));
    host.map_or_else(|| station.mac.to_string(), |host| host.name.to_string())
}

/// `bob, plum`, or `none`.
fn users(policy: &Checked, people: &[Person]) -> String {
    let name = |person: &Person| {
        let declared = person.user.and_then(|id| policy.users.get(id.index()));
        declared.map_or_else(|| "somebody undeclared".to_owned(), |user| user.name.to_string())
    };
    if people.is_empty() { "none".to_owned() } else { people.iter().map(name).collect::<Vec<_>>().join(", ") }
}
