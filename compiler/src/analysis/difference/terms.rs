//! A flow of two policies together as one of them would have it. Knows nothing of why it is told.

use lang::checked::{Checked, GatewayId, GroupId, HostId, Kind, UserId};
use lang::flow::{End, Flow, Person, Place};

/// The flow in the terms of one of two policies that were brought together: what that one does not declare is nobody's there.
#[must_use]
pub fn in_terms_of(joint: &Checked, flow: &Flow, policy: &Checked) -> Flow {
    Flow { src: end(joint, &flow.src, policy), dst: end(joint, &flow.dst, policy), ..flow.clone() }
}

fn end(joint: &Checked, end: &End, policy: &Checked) -> End {
    End {
        users: end.users.iter().map(|person| self::person(joint, person, policy)).collect(),
        host: end.host.and_then(|id| host(joint, id, end, policy)),
        groups: groups(joint, &end.groups, policy),
        place: place(joint, end.place, policy),
        ..end.clone()
    }
}

fn person(joint: &Checked, person: &Person, policy: &Checked) -> Person {
    let name = person.user.and_then(|id| joint.users.get(id.index())).map(|user| &user.name);
    let user = (0..).map(UserId).zip(&policy.users).find(|(_, user)| Some(&user.name) == name).map(|(id, _)| id);
    Person { user, groups: groups(joint, &person.groups, policy) }
}

/// By name, else by the MAC address.
fn host(joint: &Checked, id: HostId, end: &End, policy: &Checked) -> Option<HostId> {
    let name = joint.hosts.get(id.index()).map(|host| &host.name);
    let named = (0..).map(HostId).zip(&policy.hosts).find(|(_, host)| Some(&host.name) == name).map(|(id, _)| id);
    named.or_else(|| end.mac.and_then(|mac| policy.host_of_mac(mac)))
}

/// Dynamic groups by where they come from.
fn groups(joint: &Checked, groups: &[GroupId], policy: &Checked) -> Vec<GroupId> {
    let same = |id: &GroupId| {
        let group = joint.groups.get(id.index())?;
        let mut others = (0..).map(GroupId).zip(&policy.groups);
        let is_it = |kind: Kind| kind == group.kind;
        others.find(|(_, other)| is_it(other.kind) && other.dynamic.is_some() && other.dynamic == group.dynamic).map(|(id, _)| id)
    };
    let mut ids: Vec<GroupId> = groups.iter().filter_map(same).collect();
    ids.sort_unstable();
    ids
}

fn place(joint: &Checked, place: Place, policy: &Checked) -> Place {
    let same = |id: GatewayId| {
        let name = joint.gateways.get(id.index()).map(|one| &one.name);
        (0..).map(GatewayId).zip(&policy.gateways).find(|(_, one)| Some(&one.name) == name).map(|(id, _)| id)
    };
    match place {
        Place::Internet(Some(id)) => Place::Internet(same(id)),
        Place::Gateway(id) => same(id).map_or(Place::Internet(None), Place::Gateway),
        Place::Inside | Place::Internet(None) | Place::Broadcast | Place::Multicast | Place::Controller => place,
    }
}
