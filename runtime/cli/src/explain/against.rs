//! What a flow says of its ends and the view says otherwise. The flow has its way: it may ask what would be. Knows nothing of rules.

use compiler::View;
use lang::checked::Checked;
use lang::flow::{End, Flow, Person, Place};
use lang::flowspec::location_text;

/// In words, one for each thing that the view has otherwise; of a flow that the view has completed.
pub fn against(view: &View, policy: &Checked, flow: &Flow) -> Vec<String> {
    [&flow.src, &flow.dst].into_iter().flat_map(|end| against_end(view, policy, end)).collect()
}

fn against_end(view: &View, policy: &Checked, end: &End) -> Vec<String> {
    let station = end.mac.filter(|_| end.place == Place::Inside).and_then(|mac| view.station(mac));
    let Some(station) = station else { return Vec::new() };
    let host = station.host.and_then(|id| policy.hosts.get(id.index()));
    let name = host.map_or_else(|| station.mac.to_string(), |host| host.name.to_string());
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

/// `bob, plum`, or `none`.
fn users(policy: &Checked, people: &[Person]) -> String {
    let name = |person: &Person| {
        let declared = person.user.and_then(|id| policy.users.get(id.index()));
        declared.map_or_else(|| "somebody undeclared".to_owned(), |user| user.name.to_string())
    };
    if people.is_empty() { "none".to_owned() } else { people.iter().map(name).collect::<Vec<_>>().join(", ") }
}
