//! Two policies over one inventory: what both declare is one thing, so that one flow can be asked of both. Knows nothing of how
//! flows are decided.
//!
//! Things are the same if they have the same name; a host or a switch that only got another name is known by its addresses. Dynamic
//! groups are the same if they come from the same place, times if they hold at the same times, groups and networks if they have the
//! same members. A host that only one policy declares is a machine that nobody declared under the other. What is declared in two
//! ways is listed: flows are compared as if the declarations had changed first.

mod ids;
mod redeclared;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lang::checked::{
    Checked, Gateway, Group, GroupId, Host, HostId, Kind, Middlebox, NamedTime, PortSet, Rule, SetExpr, Switch, User,
};
use lang::checked::{EndTest, TimeId};
use lang::source::{SourceId, Span};
use net::Dpid;

use ids::Ids;
pub use redeclared::Redeclared;

/// The two policies, and what they have in common.
#[derive(Debug)]
pub(crate) struct Joint {
    /// The old policy and the new one, each with its own rules over the declarations of both.
    pub(crate) sides: [Arc<Checked>; 2],
    /// The rules of both.
    pub(crate) all: Arc<Checked>,
    /// What is declared in two ways.
    pub(crate) redeclared: Vec<Redeclared>,
}

impl Joint {
    /// Brings two policies together.
    pub(crate) fn of(old: &Checked, new: &Checked) -> Joint {
        let mut all = Checked { calendar: new.calendar.clone(), ..Checked::empty(new.sources.clone()) };
        let [mut of_old, mut of_new] = [Ids::default(), Ids::default()];
        join_switches(&mut all, old, new, &mut of_old);
        join_users(&mut all, old, new, [&mut of_old, &mut of_new]);
        join_hosts(&mut all, old, new, [&mut of_old, &mut of_new]);
        join_gateways(&mut all, old, new, [&mut of_old, &mut of_new]);
        join_middleboxes(&mut all, old, new, [&mut of_old, &mut of_new]);
        for (policy, ids) in [(new, &mut of_new), (old, &mut of_old)] {
            add_times(&mut all, policy, ids);
            add_groups(&mut all, policy, ids);
        }
        let facts = |policy: &Checked, ids: &Ids| policy.invariants.iter().map(|one| ids.invariant(one)).collect::<Vec<_>>();
        let known = facts(old, &of_old);
        // Only what both assume of memberships may be assumed.
        all.invariants = facts(new, &of_new).into_iter().filter(|one| known.iter().any(|old| old.fact == one.fact)).collect();
        all.locations = new.locations.clone();
        all.services = new.services.clone();
        let side = |policy: &Checked, ids: &Ids| {
            let rules: Vec<Rule> = policy.rules.iter().map(|rule| ids.rule(rule)).collect();
            let (default, multi_user) = (policy.default, policy.multi_user);
            Checked { rules, default, multi_user, sources: policy.sources.clone(), ..all.clone() }
        };
        let sides = [side(old, &of_old), side(new, &of_new)].map(Arc::new);
        let rules = sides.iter().flat_map(|side| side.rules.iter().cloned()).collect();
        let redeclared = redeclared::all(old, new, &of_old);
        Joint { sides, all: Arc::new(Checked { rules, ..all }), redeclared }
    }
}

/// For each name of the old policy where it stands among the new ones.
fn places<'n>(old: impl Iterator<Item = &'n Arc<str>>, new: impl Iterator<Item = &'n Arc<str>>) -> Vec<Option<usize>> {
    let new: HashMap<&str, usize> = new.enumerate().map(|(place, name)| (&**name, place)).collect();
    old.map(|name| new.get(&**name).copied()).collect()
}

/// A number for an id; tables have fewer entries than that.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Numbers from nought on.
fn numbers(count: usize) -> Vec<u32> {
    (0..number(count)).collect()
}

fn join_switches(all: &mut Checked, old: &Checked, new: &Checked, of_old: &mut Ids) {
    all.switches = new.switches.clone();
    let places = places(old.switches.iter().map(|one| &one.name), new.switches.iter().map(|one| &one.name));
    let known: HashMap<Dpid, usize> = new.switches.iter().enumerate().map(|(place, one)| (one.dpid, place)).collect();
    for (switch, place) in old.switches.iter().zip(places) {
        match place.or_else(|| known.get(&switch.dpid).copied()) {
            Some(place) => {
                if let Some(other) = all.switches.get_mut(place) {
                    of_old.dpids.insert(switch.dpid, other.dpid);
                    (other.access, other.uplink) = ports_of_both(switch, other);
                }
            }
            None => all.switches.push(switch.clone()),
        }
    }
}

/// Ports that hosts may use, and those that lead to switches, under one policy or the other.
fn ports_of_both(one: &Switch, other: &Switch) -> (PortSet, PortSet) {
    let is_open = |switch: &Switch| switch.access.is_empty() && switch.uplink.is_empty();
    if is_open(one) || is_open(other) {
        return (PortSet::default(), PortSet::default());
    }
    let both = |a: &PortSet, b: &PortSet| {
        let new = b.0.iter().filter(|range| !a.0.contains(range));
        PortSet(a.0.iter().chain(new).cloned().collect())
    };
    (both(&one.access, &other.access), both(&one.uplink, &other.uplink))
}

fn join_users(all: &mut Checked, old: &Checked, new: &Checked, [of_old, of_new]: [&mut Ids; 2]) {
    all.users = new.users.clone();
    of_new.users = numbers(new.users.len());
    let places = places(old.users.iter().map(|one| &one.name), new.users.iter().map(|one| &one.name));
    of_old.users = joined(&mut all.users, &old.users, places, User::clone);
}

/// Adds what is at no place; the number of each.
fn joined<T>(all: &mut Vec<T>, old: &[T], places: Vec<Option<usize>>, copy: impl Fn(&T) -> T) -> Vec<u32> {
    let place = |(one, place): (&T, Option<usize>)| {
        let place = place.unwrap_or_else(|| {
            all.push(copy(one));
            all.len() - 1
        });
        number(place)
    };
    old.iter().zip(places).map(place).collect()
}

fn join_hosts(all: &mut Checked, old: &Checked, new: &Checked, [of_old, of_new]: [&mut Ids; 2]) {
    all.hosts = new.hosts.clone();
    of_new.hosts = numbers(new.hosts.len());
    let mut places = places(old.hosts.iter().map(|one| &one.name), new.hosts.iter().map(|one| &one.name));
    let mut taken: HashSet<usize> = places.iter().flatten().copied().collect();
    for (host, place) in old.hosts.iter().zip(&mut places).filter(|(_, place)| place.is_none()) {
        *place = other_name(host, new).filter(|place| taken.insert(*place));
    }
    for (host, place) in old.hosts.iter().zip(&places) {
        if let Some(other) = place.and_then(|place| all.hosts.get_mut(place)) {
            add_new(&mut other.macs, &host.macs);
            add_new(&mut other.addresses, &host.addresses);
            add_new(&mut other.serves, &host.serves);
            add_new(&mut other.routes, &host.routes);
            other.pin = other.pin.filter(|pin| Some(*pin) == host.pin.map(|at| of_old.location(at)));
        }
    }
    let is_new: Vec<bool> = (0..new.hosts.len()).map(|place| !places.contains(&Some(place))).collect();
    let own = |host: &Host| Host { pin: host.pin.map(|at| of_old.location(at)), ..host.clone() };
    let hosts = joined(&mut all.hosts, &old.hosts, places, own);
    of_old.hosts = hosts;
    let only_new: Vec<usize> = is_new.iter().enumerate().filter(|(_, is)| **is).map(|(place, _)| place).collect();
    let only_old: Vec<usize> = (new.hosts.len()..all.hosts.len()).collect();
    of_old.strangers = add_strangers(all, "hosts of the new policy", &only_new);
    of_new.strangers = add_strangers(all, "hosts of the old policy", &only_old);
}

/// The one host of a policy that has all MAC addresses of a host that it does not know by name.
fn other_name(host: &Host, policy: &Checked) -> Option<usize> {
    let mut owners = host.macs.iter().map(|mac| policy.host_of_mac(*mac));
    let first = owners.next().flatten()?;
    owners.all(|owner| owner == Some(first)).then_some(first.index())
}

fn add_new<T: Copy + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(*one);
        }
    }
}

/// A group of the hosts that one of the policies does not declare.
fn add_strangers(all: &mut Checked, name: &str, hosts: &[usize]) -> Option<GroupId> {
    if hosts.is_empty() {
        return None;
    }
    let members = SetExpr::Union(hosts.iter().map(|place| SetExpr::Leaf(EndTest::Host(HostId(number(*place))))).collect());
    Some(add_group(all, name.into(), Kind::Host, members))
}

fn add_group(all: &mut Checked, name: Arc<str>, kind: Kind, members: SetExpr) -> GroupId {
    let span = Span { source: SourceId(0), start: 0, end: 0 };
    all.groups.push(Group { name, kind, members, network: false, dynamic: None, span });
    GroupId(number(all.groups.len() - 1))
}

fn join_gateways(all: &mut Checked, old: &Checked, new: &Checked, [of_old, of_new]: [&mut Ids; 2]) {
    all.gateways = new.gateways.clone();
    of_new.gateways = numbers(new.gateways.len());
    let places = places(old.gateways.iter().map(|one| &one.name), new.gateways.iter().map(|one| &one.name));
    let own = |one: &Gateway| Gateway { at: of_old.location(one.at), ..one.clone() };
    let gateways = joined(&mut all.gateways, &old.gateways, places, own);
    of_old.gateways = gateways;
}

fn join_middleboxes(all: &mut Checked, old: &Checked, new: &Checked, [of_old, of_new]: [&mut Ids; 2]) {
    all.middleboxes = new.middleboxes.clone();
    of_new.middleboxes = numbers(new.middleboxes.len());
    let places = places(old.middleboxes.iter().map(|one| &one.name), new.middleboxes.iter().map(|one| &one.name));
    let own = |one: &Middlebox| {
        let attachments = one.attachments.iter().map(|place| of_old.attachment(*place)).collect();
        Middlebox { attachments, ..one.clone() }
    };
    let middleboxes = joined(&mut all.middleboxes, &old.middleboxes, places, own);
    of_old.middleboxes = middleboxes;
}

fn add_times(all: &mut Checked, policy: &Checked, ids: &mut Ids) {
    for time in &policy.times {
        let known = all.times.iter().position(|other| other.windows == time.windows);
        let place = known.unwrap_or_else(|| {
            all.times.push(NamedTime::clone(time));
            all.times.len() - 1
        });
        ids.times.push(TimeId(number(place)));
    }
}

/// Adds groups with members that no group has yet. Those that are named in one stand before it, and are known by then.
fn add_groups(all: &mut Checked, policy: &Checked, ids: &mut Ids) {
    let mut known: HashMap<(Kind, bool, u64), Vec<usize>> = HashMap::new();
    for (place, group) in all.groups.iter().enumerate() {
        known.entry(ids::sort(group)).or_default().push(place);
    }
    for group in &policy.groups {
        let group = Group { members: ids.set(&group.members), ..group.clone() };
        let alike = known.entry(ids::sort(&group)).or_default();
        let same = |other: &Group| other.members == group.members && other.dynamic == group.dynamic;
        let place = alike.iter().copied().find(|place| all.groups.get(*place).is_some_and(same)).unwrap_or_else(|| {
            all.groups.push(group);
            alike.push(all.groups.len() - 1);
            all.groups.len() - 1
        });
        ids.groups.push(GroupId(number(place)));
    }
}

#[cfg(test)]
mod tests;
