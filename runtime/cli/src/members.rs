//! Who is in which group that a policy declares, as far as the policy says. Knows nothing of the members that others put in.

use std::collections::BTreeMap;

use lang::checked::{Checked, EndTest, Group, GroupId, HostId, Kind, SetExpr, UserId};

use crate::suppose::unknown;
use crate::who::list;

/// Whether a user or host may become a member of a group, or be one no more.
///
/// # Errors
/// There is no such user or host, or nothing would change: then with the groups that it is in.
pub fn may_change(policy: &Checked, name: &str, group: &Group, joins: bool) -> Result<(), String> {
    let member = match group.kind {
        Kind::User => {
            let place = policy.users.iter().zip(0..).find(|(user, _)| &*user.name == name);
            let missing = || unknown("user", name, policy.users.iter().map(|user| &*user.name));
            EndTest::User(UserId(place.ok_or_else(missing)?.1))
        }
        Kind::Host => {
            let place = policy.hosts.iter().zip(0..).find(|(host, _)| &*host.name == name);
            let missing = || unknown("host", name, policy.hosts.iter().map(|host| &*host.name));
            EndTest::Host(HostId(place.ok_or_else(missing)?.1))
        }
        Kind::Location | Kind::Switch | Kind::Network | Kind::Mac | Kind::Service => {
            return Err("members of groups of users and of hosts can be supposed".to_owned());
        }
    };
    let mut known = Known { policy, member, of_groups: BTreeMap::new() };
    match (known.of_set(&group.members), joins) {
        (Some(true), true) => return Err(format!("`{name}` is a member already")),
        (Some(false), false) => {}
        (Some(true), false) | (Some(false), true) | (None, _) => return Ok(()),
    }
    let is_in = |one: &&Group| one.kind == group.kind && !one.name.contains(' ') && known.of_set(&one.members) == Some(true);
    let names: Vec<String> = policy.groups.iter().filter(is_in).map(|group| group.name.to_string()).collect();
    Err(if names.is_empty() {
        format!("`{name}` is no member, and in no other group")
    } else {
        format!("`{name}` is no member; it is in {}", quoted(&names))
    })
}

/// As many as a line should hold.
pub fn quoted(names: &[String]) -> String {
    list(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>(), None)
}

/// What is known of one user or host.
struct Known<'a> {
    policy: &'a Checked,
    member: EndTest,
    /// Of groups that were looked at.
    of_groups: BTreeMap<GroupId, Option<bool>>,
}

impl Known<'_> {
    /// True if it is in the set; nothing if others decide that.
    fn of_set(&mut self, set: &SetExpr) -> Option<bool> {
        match set {
            SetExpr::Leaf(EndTest::Group(id)) => self.of_group(*id),
            SetExpr::Leaf(test @ (EndTest::User(_) | EndTest::Host(_))) => Some(*test == self.member),
            SetExpr::Leaf(_) => None,
            SetExpr::Union(parts) => {
                let mut all = Some(false);
                for part in parts {
                    match self.of_set(part) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => all = None,
                    }
                }
                all
            }
            SetExpr::Intersection(one, other) => match (self.of_set(one), self.of_set(other)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                (None, Some(true) | None) | (Some(true), None) => None,
            },
            SetExpr::Difference(one, other) => match (self.of_set(one), self.of_set(other)) {
                (Some(false), _) | (_, Some(true)) => Some(false),
                (Some(true), Some(false)) => Some(true),
                (None, Some(false) | None) | (Some(true), None) => None,
            },
        }
    }

    fn of_group(&mut self, id: GroupId) -> Option<bool> {
        if let Some(known) = self.of_groups.get(&id) {
            return *known;
        }
        let policy = self.policy;
        let found =
            policy.groups.get(id.index()).filter(|group| group.dynamic.is_none()).and_then(|group| self.of_set(&group.members));
        self.of_groups.insert(id, found);
        found
    }
}
