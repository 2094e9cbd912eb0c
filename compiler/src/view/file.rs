//! A view as text: the JSON of `--view`, in names instead of numbers. Knows the words of one policy, nothing of live sources.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;

use lang::checked::{Checked, EndTest, GatewayId, Group, GroupId, Host, Kind, SetExpr, UserId};
use lang::flow::Person;
use lang::flowspec::location_text;
use net::{Dpid, Location, MacAddr, PortNo};
use serde::{Deserialize, Serialize};

use super::{Station, View};

/// How many users may be on one station, and how many pairs of an address, or none, and a user all may come to.
const MAX_USERS: usize = 1_000;
const MAX_FACES: usize = 1_000_000;

/// The value of `schema` in a view file.
pub const SCHEMA: &str = "pentane.view/1";

/// `{"schema":"pentane.view/1","stations":[…],"gateways":[…]}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewFile {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What is known of single MAC addresses.
    #[serde(default)]
    pub stations: Vec<StationFile>,
    /// MAC addresses of gateways that the policy gives none for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<GatewayFile>,
}

/// One station: `{"mac":"02:00:00:00:00:11","host":"griffin","at":"edge1:1","ip":["10.0.0.1"],"users":["bob"]}`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationFile {
    /// Its MAC address; may be left out where `host` names a host with exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
    /// The declared host that it is; follows from `mac` where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where it is attached: a declared location, or `SWITCH:PORT` with the switch's name or datapath id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Its IP addresses beyond the declared ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip: Vec<IpAddr>,
    /// Users logged in on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserFile>,
    /// Dynamic groups that it is a member of, as the policy names or spells them: `printers`, `host tagged "printer"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// A user: `"bob"`, or `{"name":"bob","groups":["profs"]}` with dynamic groups. Without a name it is one whom nobody has declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UserFile {
    /// A declared user who is in no dynamic group.
    Name(String),
    /// One who may be.
    Member(MemberFile),
}

/// A user with dynamic groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberFile {
    /// The name, if it is a declared user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Dynamic groups, as the policy names or spells them: `profs`, `user directory "cn=profs"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// One gateway: `{"name":"border","mac":"02:00:00:00:00:fe"}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayFile {
    /// Its declared name.
    pub name: String,
    /// Its MAC address.
    pub mac: MacAddr,
}

/// What keeps a view file from being a view of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewError {
    /// `schema` is not [`SCHEMA`].
    Schema(String),
    /// A name that the policy does not declare.
    Unknown {
        /// What it should name.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A station without MAC address whose host is missing, or has none or several.
    NoMac {
        /// The host, if one is named.
        host: Option<String>,
    },
    /// The MAC address is not that of the named host.
    OtherHost {
        /// The MAC address.
        mac: MacAddr,
        /// The host named with it.
        host: String,
    },
    /// Two entries for one MAC address.
    Twice(MacAddr),
    /// The policy does not let the station be there: a pin elsewhere, a gateway's port, or a gateway's MAC address.
    Place {
        /// The station.
        mac: MacAddr,
        /// The place, as written.
        at: String,
    },
    /// The address is another station's, a gateway's, or none that a host can have.
    Address {
        /// The station.
        mac: MacAddr,
        /// The address.
        address: IpAddr,
    },
    /// More users are on one station, or more addresses and users on all together, than can be worked with.
    TooMany,
    /// The gateway's MAC address is declared otherwise, a host's, or a group address.
    GatewayMac {
        /// The gateway.
        name: String,
        /// The MAC address.
        mac: MacAddr,
    },
}

impl ViewFile {
    /// What the view says beyond the policy's own declarations.
    #[must_use]
    pub fn of(view: &View, policy: &Checked) -> ViewFile {
        let bare = View::new(policy);
        let gateways = policy.gateways.iter().zip(0..);
        ViewFile {
            schema: SCHEMA.to_owned(),
            stations: view.stations().filter_map(|station| StationFile::of(station, &bare, policy)).collect(),
            gateways: gateways
                .filter_map(|(gateway, id)| {
                    let mac = view.gateway_mac(GatewayId(id))?;
                    Some(GatewayFile { name: gateway.name.to_string(), mac })
                })
                .collect(),
        }
    }

    /// The view that it describes, or all that is wrong with it.
    ///
    /// # Errors
    /// Unknown names, contradictions with the policy (pins, registered addresses), contradictions within the file.
    pub fn resolve(&self, policy: &Checked) -> Result<View, Vec<ViewError>> {
        let words = Words::of(policy);
        let mut view = View::new(policy);
        let mut errors = Vec::new();
        if self.schema != SCHEMA {
            errors.push(ViewError::Schema(self.schema.clone()));
        }
        for gateway in &self.gateways {
            if let Err(error) = gateway.resolve(&words, &mut view) {
                errors.push(error);
            }
        }
        let mut seen = HashSet::new();
        let mut faces = 0_usize;
        for station in &self.stations {
            faces = faces.saturating_add(station.ip.len().saturating_add(1).saturating_mul(station.users.len().max(1)));
            if faces > MAX_FACES || station.users.len() > MAX_USERS {
                errors.push(ViewError::TooMany);
                break;
            }
            match station.mac(&words) {
                Ok(mac) if !seen.insert(mac) => errors.push(ViewError::Twice(mac)),
                Ok(mac) => station.resolve(mac, &words, &mut view, &mut errors),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(view) } else { Err(errors) }
    }
}

impl GatewayFile {
    fn resolve(&self, words: &Words<'_>, view: &mut View) -> Result<(), ViewError> {
        let Some(id) = words.gateways.get(&*self.name).copied() else {
            return Err(ViewError::Unknown { kind: "gateway", name: self.name.clone() });
        };
        view.set_gateway_mac(id, self.mac);
        let declared = words.policy.gateways.get(id.index()).and_then(|gateway| gateway.mac);
        let declared_otherwise = declared.is_some_and(|declared| declared != self.mac);
        if declared_otherwise || view.gateway_mac(id) != Some(self.mac) {
            return Err(ViewError::GatewayMac { name: self.name.clone(), mac: self.mac });
        }
        Ok(())
    }
}

impl StationFile {
    /// Nothing for a registered station of which nothing else is known.
    fn of(station: &Station, bare: &View, policy: &Checked) -> Option<StationFile> {
        let learned = |address: &&IpAddr| bare.owner(**address) != Some(station.mac);
        let file = StationFile {
            mac: Some(station.mac),
            host: station.host.and_then(|id| policy.hosts.get(id.index())).map(|host| host.name.to_string()),
            at: station.location.map(|location| location_text(policy, location)),
            ip: station.addresses.iter().filter(learned).copied().collect(),
            users: station.users.iter().map(|person| UserFile::of(person, policy)).collect(),
            groups: group_names(&station.groups, policy),
        };
        let told = !file.ip.is_empty() || !file.users.is_empty() || !file.groups.is_empty();
        let live = file.host.is_none() || file.at.is_some() || told;
        live.then_some(file)
    }

    fn mac(&self, words: &Words<'_>) -> Result<MacAddr, ViewError> {
        let Some(name) = &self.host else {
            return self.mac.ok_or(ViewError::NoMac { host: None });
        };
        let Some(host) = words.hosts.get(&**name) else {
            return Err(ViewError::Unknown { kind: "host", name: name.clone() });
        };
        match (self.mac, host.macs.as_slice()) {
            (Some(mac), macs) if macs.contains(&mac) => Ok(mac),
            (Some(mac), _) => Err(ViewError::OtherHost { mac, host: name.clone() }),
            (None, [mac]) => Ok(*mac),
            (None, _) => Err(ViewError::NoMac { host: Some(name.clone()) }),
        }
    }

    fn resolve(&self, mac: MacAddr, words: &Words<'_>, view: &mut View, errors: &mut Vec<ViewError>) {
        let policy = words.policy;
        view.know(mac, policy);
        if view.station(mac).is_none() {
            errors.push(ViewError::Place { mac, at: self.at.clone().unwrap_or_default() });
            return;
        }
        if let Some(at) = &self.at {
            match words.location(at) {
                Some(place) if view.attach(mac, place, policy) => {}
                Some(_) => errors.push(ViewError::Place { mac, at: at.clone() }),
                None => errors.push(ViewError::Unknown { kind: "location", name: at.clone() }),
            }
        }
        for address in &self.ip {
            if !view.claim(mac, *address) && view.owner(*address) != Some(mac) {
                errors.push(ViewError::Address { mac, address: *address });
            }
        }
        for user in &self.users {
            match user.resolve(words) {
                Ok(person) => {
                    view.login(mac, person);
                }
                Err(error) => errors.push(error),
            }
        }
        match words.dynamic_groups(&self.groups, false) {
            Ok(groups) => {
                view.join(mac, groups);
            }
            Err(error) => errors.push(error),
        }
    }
}

impl UserFile {
    fn of(person: &Person, policy: &Checked) -> UserFile {
        let name = person.user.and_then(|id| policy.users.get(id.index())).map(|user| user.name.to_string());
        match name {
            Some(name) if person.groups.is_empty() => UserFile::Name(name),
            name => UserFile::Member(MemberFile { name, groups: group_names(&person.groups, policy) }),
        }
    }

    fn resolve(&self, words: &Words<'_>) -> Result<Person, ViewError> {
        let (name, groups) = match self {
            UserFile::Name(name) => (Some(name), &[][..]),
            UserFile::Member(member) => (member.name.as_ref(), member.groups.as_slice()),
        };
        let user = match name {
            None => None,
            Some(name) => match words.users.get(&**name) {
                Some(id) => Some(*id),
                None => return Err(ViewError::Unknown { kind: "user", name: name.clone() }),
            },
        };
        Ok(Person { user, groups: words.dynamic_groups(groups, true)? })
    }
}

fn group_names(ids: &[GroupId], policy: &Checked) -> Vec<String> {
    ids.iter().filter_map(|id| policy.groups.get(id.index())).map(|group| group.name.to_string()).collect()
}

/// The names of a policy that a view may use.
struct Words<'a> {
    policy: &'a Checked,
    hosts: HashMap<&'a str, &'a Host>,
    users: HashMap<&'a str, UserId>,
    gateways: HashMap<&'a str, GatewayId>,
    groups: HashMap<&'a str, GroupId>,
    locations: HashMap<&'a str, Location>,
    switches: HashMap<&'a str, Dpid>,
}

impl<'a> Words<'a> {
    fn of(policy: &'a Checked) -> Words<'a> {
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
        }
    }

    /// Dynamic groups by what they are spelled as, or by the name of a group that is nothing else. Ascending.
    fn dynamic_groups(&self, names: &[String], of_users: bool) -> Result<Vec<GroupId>, ViewError> {
        let group = |id: GroupId| self.policy.groups.get(id.index());
        let fits =
            |id: &GroupId| group(*id).is_some_and(|group| group.dynamic.is_some() && (group.kind == Kind::User) == of_users);
        let mut ids = Vec::new();
        for name in names {
            let named = self.groups.get(&**name).copied();
            let id = match named.and_then(group) {
                Some(group) if group.dynamic.is_some() => named,
                Some(Group { members: SetExpr::Leaf(EndTest::Group(inner)), .. }) => Some(*inner),
                Some(_) | None => None,
            };
            match id.filter(fits) {
                Some(id) => ids.push(id),
                None => return Err(ViewError::Unknown { kind: "dynamic group", name: name.clone() }),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Reads a declared location or `SWITCH:PORT`.
    fn location(&self, text: &str) -> Option<Location> {
        if let Some(named) = self.locations.get(text) {
            return Some(*named);
        }
        let (switch, port) = text.rsplit_once(':')?;
        let dpid = match self.switches.get(switch) {
            Some(dpid) => *dpid,
            None => self.policy.switch_of(switch.parse().ok()?)?.dpid,
        };
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        port.parse().ok().filter(|_| digits).map(|port| Location::new(dpid, PortNo(port)))
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ViewError::Schema(schema) => write!(f, "the view's schema is `{schema}`, not `{SCHEMA}`"),
            ViewError::Unknown { kind, name } => write!(f, "the policy declares no {kind} `{name}`"),
            ViewError::NoMac { host: None } => f.write_str("a station has neither `mac` nor `host`"),
            ViewError::NoMac { host: Some(host) } => {
                write!(f, "the station of host `{host}` needs a `mac`, because the host does not have exactly one")
            }
            ViewError::OtherHost { mac, host } => write!(f, "{mac} is not a MAC address of host `{host}`"),
            ViewError::Twice(mac) => write!(f, "{mac} stands in the view twice"),
            ViewError::Place { mac, at } => {
                write!(f, "{mac} may not be attached at `{at}`: it is pinned elsewhere, or that is a gateway's place or address")
            }
            ViewError::Address { mac, address } => {
                write!(f, "{mac} cannot have {address}: it belongs to another, or no host can have it")
            }
            ViewError::TooMany => write!(
                f,
                "a station has more than {MAX_USERS} users, or all have more than {MAX_FACES} pairs of an address and a user"
            ),
            ViewError::GatewayMac { name, mac } => {
                write!(f, "gateway `{name}` cannot have {mac}: it is declared otherwise, a host's, or a group address")
            }
        }
    }
}

impl std::error::Error for ViewError {}
