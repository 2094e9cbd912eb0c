//! The names of a policy that a view may use, and what its ports are declared to be. Knows nothing of the form of a view file.

use std::collections::HashMap;

use lang::checked::{Checked, EndTest, GatewayId, Group, GroupId, Host, Kind, SetExpr, UserId};
use net::{Dpid, Location, PortNo};

use super::error::Fault;
use crate::inventory::{Inventory, Role};

/// The names of a policy that a view may use.
pub(super) struct Words<'a> {
    pub policy: &'a Checked,
    pub hosts: HashMap<&'a str, &'a Host>,
    pub users: HashMap<&'a str, UserId>,
    pub gateways: HashMap<&'a str, GatewayId>,
    groups: HashMap<&'a str, GroupId>,
    locations: HashMap<&'a str, Location>,
    switches: HashMap<&'a str, Dpid>,
    inventory: Inventory,
}

impl<'a> Words<'a> {
    pub fn of(policy: &'a Checked) -> Words<'a> {
        // A dynamic set inside an expression is called what a group may be called, too: the first of one name is meant.
        let mut groups = HashMap::new();
        for (group, id) in policy.groups.iter().zip((0..).map(GroupId)) {
            groups.entry(&*group.name).or_insert(id);
        }
        Words {
            policy,
            hosts: policy.hosts.iter().map(|host| (&*host.name, host)).collect(),
            users: policy.users.iter().zip(0..).map(|(user, id)| (&*user.name, UserId(id))).collect(),
            gateways: policy.gateways.iter().zip(0..).map(|(gateway, id)| (&*gateway.name, GatewayId(id))).collect(),
            groups,
            locations: policy.locations.iter().map(|named| (&*named.name, named.at)).collect(),
            switches: policy.switches.iter().map(|switch| (&*switch.name, switch.dpid)).collect(),
            inventory: Inventory::new(policy),
        }
    }

    /// Dynamic groups by what they are spelled as, or by the name of a group that is nothing else. Ascending.
    pub fn dynamic_groups(&self, names: &[String], of_users: bool) -> Result<Vec<GroupId>, Fault> {
        let mut ids = Vec::new();
        for name in names {
            ids.push(self.dynamic_group(name, of_users)?);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn dynamic_group(&self, name: &str, of_users: bool) -> Result<GroupId, Fault> {
        let group = |id: GroupId| self.policy.groups.get(id.index());
        let fits =
            |id: &GroupId| group(*id).is_some_and(|group| group.dynamic.is_some() && (group.kind == Kind::User) == of_users);
        let named = self.groups.get(name).copied();
        let is_network = |id: GroupId| group(id).is_some_and(|group| group.network);
        let id = match named.and_then(group) {
            Some(group) if group.dynamic.is_some() => named,
            Some(Group { members: SetExpr::Leaf(EndTest::Group(inner)), .. }) => Some(*inner),
            Some(_) | None => None,
        };
        let why = match (id.filter(|id| group(*id).is_some_and(|group| group.dynamic.is_some())), named) {
            (Some(id), _) if fits(&id) => return Ok(id),
            (Some(_), _) if of_users => "is none of users: it stands in `groups` of a station",
            (Some(_), _) => "is of users: it stands in `groups` of a user",
            (None, Some(id)) if !is_network(id) => "has its members in the policy: a view tells those of groups that others fill",
            (None, _) => {
                let dynamic = self.groups.iter().filter(|(_, id)| fits(id)).map(|(name, _)| *name);
                return Err(Fault::unknown("dynamic group", name, dynamic));
            }
        };
        Err(Fault::Group { name: name.to_owned(), why })
    }

    /// Reads a declared location or `SWITCH:PORT`, with the switch's name or datapath id.
    pub fn location(&self, text: &str) -> Result<Location, Fault> {
        if let Some(named) = self.locations.get(text) {
            return Ok(*named);
        }
        let no_place = |why: String| Fault::NoPlace { text: text.to_owned(), why };
        let Some((switch, port)) = text.rsplit_once(':') else {
            return Err(match self.switches.contains_key(text) {
                true => no_place(format!("it is a switch; a place is a port of it, such as `{text}:1`")),
                false => Fault::unknown("location", text, self.locations.keys().copied()),
            });
        };
        let by_dpid = || Some(self.policy.switch_of(switch.parse().ok()?)?.dpid);
        let unknown = || Fault::unknown("switch", switch, self.switches.keys().copied());
        let dpid = self.switches.get(switch).copied().or_else(by_dpid).ok_or_else(unknown)?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let no_port = || no_place("behind `:` stands the number of a port".to_owned());
        let port = port.parse().ok().filter(|_| digits).ok_or_else(no_port)?;
        Ok(Location::new(dpid, PortNo(port)))
    }

    /// Why a station, or a link, cannot be at a port, if so: by what is declared.
    pub fn why_not(&self, at: Location, is_link: bool) -> Option<String> {
        let why = match self.inventory.role(self.policy, at) {
            Role::Open => return None,
            Role::Access if is_link => "an access port leads to hosts, never to a switch".to_owned(),
            Role::Uplink if !is_link => "an uplink leads to a switch, never to a host".to_owned(),
            Role::Access | Role::Uplink => return None,
            Role::Middlebox(id) => {
                let name = self.policy.middleboxes.get(id.index()).map_or("", |middlebox| &*middlebox.name);
                format!("middlebox `{name}` is there")
            }
            Role::Gateway(id) => {
                let name = self.policy.gateways.get(id.index()).map_or("", |gateway| &*gateway.name);
                format!("gateway `{name}` is there")
            }
            Role::Closed => format!("the declaration of switch `{}` has no such port", self.switch(at.dpid)),
        };
        Some(why)
    }

    /// A switch by its name.
    pub fn switch(&self, dpid: Dpid) -> String {
        self.policy.switch_of(dpid).map_or_else(|| dpid.to_string(), |switch| switch.name.to_string())
    }
}
