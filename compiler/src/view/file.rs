//! A view as text: the JSON of `--view`, in names instead of numbers. Knows the words of one policy, nothing of live sources.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use lang::checked::{Checked, GatewayId, GroupId};
use lang::flow::Person;
use lang::flowspec::location_text;
use net::{Location, MacAddr, can_be_owned};
use serde::{Deserialize, Serialize};

use super::error::{Fault, MAX_FACES, MAX_USERS, ViewError};
use super::links;
use super::words::Words;
use super::{Present, Station, View};

/// The value of `schema` in a view file.
pub const SCHEMA: &str = "pentane.view/1";

/// `{"schema":"pentane.view/1","stations":[…],"gateways":[…],"links":[…]}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a view")]
pub struct ViewFile {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What is known of single MAC addresses.
    #[serde(default)]
    pub stations: Vec<StationFile>,
    /// MAC addresses of gateways that the policy gives none for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<GatewayFile>,
    /// The cables between switches, each once: `["edge1:25","core:1"]`. Without it, nothing is known of ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<LinkFile>>,
}

/// One station: `{"mac":"02:00:00:00:00:11","host":"griffin","at":"edge1:1","ip":["10.0.0.1"],"users":["bob"]}`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a station")]
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
#[serde(untagged, expecting = "a user is to be a name, or an object with `name` and `groups`")]
pub enum UserFile {
    /// A declared user who is in no dynamic group.
    Name(String),
    /// One who may be.
    Member(MemberFile),
}

/// A user with dynamic groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a user")]
pub struct MemberFile {
    /// The name, if it is a declared user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Dynamic groups, as the policy names or spells them: `profs`, `user directory "cn=profs"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// One cable, by the two ports that it joins: `["edge1:25","core:1"]`
pub type LinkFile = [String; 2];

/// One gateway: `{"name":"border","mac":"02:00:00:00:00:fe"}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a gateway")]
pub struct GatewayFile {
    /// Its declared name.
    pub name: String,
    /// Its MAC address.
    pub mac: MacAddr,
}

impl ViewFile {
    /// What the view says beyond the policy's own declarations.
    #[must_use]
    pub fn of(view: &View, policy: &Checked) -> ViewFile {
        let bare = View::new(policy);
        let gateways = policy.gateways.iter().zip(0..);
        ViewFile {
            schema: SCHEMA.to_owned(),
            links: None,
            stations: view.stations().filter_map(|station| StationFile::of(station, &bare, policy)).collect(),
            gateways: gateways
                .filter_map(|(gateway, id)| {
                    let mac = view.gateway_mac(GatewayId(id))?;
                    Some(GatewayFile { name: gateway.name.to_string(), mac })
                })
                .collect(),
        }
    }

    /// What it describes, or all that is wrong with it.
    ///
    /// # Errors
    /// Unknown names, contradictions with the policy (pins, registered addresses, what ports are declared to be), contradictions
    /// within the file.
    pub fn resolve(&self, policy: &Checked) -> Result<Present, Vec<ViewError>> {
        let words = Words::of(policy);
        let mut view = View::new(policy);
        let mut errors = Vec::new();
        if self.schema != SCHEMA {
            errors.push(Fault::Schema(self.schema.clone()).at("schema"));
        }
        let mut told = HashSet::new();
        for (gateway, place) in self.gateways.iter().zip(0_usize..) {
            let once = told.insert(&*gateway.name);
            let twice = || Fault::Twice(format!("gateway `{}`", gateway.name));
            if let Err(fault) = once.then_some(()).ok_or_else(twice).and_then(|()| gateway.resolve(&words, &mut view)) {
                errors.push(fault.at(format!("gateways[{place}]")));
            }
        }
        let links = self.links.as_ref().map(|links| links::resolve(links, &words, &mut errors));
        let ends = links.iter().flatten().flatten().copied().collect();
        self.resolve_stations(&words, &ends, &mut view, &mut errors);
        if errors.is_empty() { Ok(Present { view, links }) } else { Err(errors) }
    }

    /// Stations, of which none may be at an end of a link.
    fn resolve_stations(&self, words: &Words<'_>, ends: &BTreeSet<Location>, view: &mut View, errors: &mut Vec<ViewError>) {
        let mut seen = HashSet::new();
        let mut faces = 0_usize;
        for (station, number) in self.stations.iter().zip(0_usize..) {
            let place = format!("stations[{number}]");
            faces = faces.saturating_add(station.ip.len().saturating_add(1).saturating_mul(station.users.len().max(1)));
            if faces > MAX_FACES || station.users.len() > MAX_USERS {
                errors.push(Fault::TooMany.at(place));
                break;
            }
            let mut faults = Vec::new();
            match station.mac(words) {
                Ok(mac) if !seen.insert(mac) => faults.push(Fault::Twice(called(mac, words))),
                Ok(mac) => station.resolve(mac, words, ends, view, &mut faults),
                Err(fault) => faults.push(fault),
            }
            errors.extend(faults.into_iter().map(|fault| fault.at(&*place)));
        }
    }
}

impl GatewayFile {
    fn resolve(&self, words: &Words<'_>, view: &mut View) -> Result<(), Fault> {
        let Some(id) = words.gateways.get(&*self.name).copied() else {
            return Err(Fault::unknown("gateway", &self.name, words.gateways.keys().copied()));
        };
        view.set_gateway_mac(id, self.mac);
        let declared = words.policy.gateways.get(id.index()).and_then(|gateway| gateway.mac);
        let declared_otherwise = declared.is_some_and(|declared| declared != self.mac);
        if declared_otherwise || view.gateway_mac(id) != Some(self.mac) {
            return Err(Fault::GatewayMac { name: self.name.clone(), mac: self.mac });
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

    fn mac(&self, words: &Words<'_>) -> Result<MacAddr, Fault> {
        let Some(name) = &self.host else {
            return self.mac.ok_or(Fault::NoMac { host: None });
        };
        let Some(host) = words.hosts.get(&**name) else {
            return Err(Fault::unknown("host", name, words.hosts.keys().copied()));
        };
        match (self.mac, host.macs.as_slice()) {
            (Some(mac), macs) if macs.contains(&mac) => Ok(mac),
            (Some(mac), _) => Err(Fault::OtherHost { mac, host: name.clone() }),
            (None, [mac]) => Ok(*mac),
            (None, _) => Err(Fault::NoMac { host: Some(name.clone()) }),
        }
    }

    fn resolve(&self, mac: MacAddr, words: &Words<'_>, ends: &BTreeSet<Location>, view: &mut View, faults: &mut Vec<Fault>) {
        view.know(mac, words.policy);
        if view.station(mac).is_none() {
            faults.push(Fault::NoStation { mac, whose: whose(mac, view, words) });
            return;
        }
        if let Some(at) = &self.at {
            match words.location(at) {
                Ok(place) => {
                    let why = why_not_at(mac, place, words, ends, view);
                    let misplaced = |why| Fault::Place { what: called(mac, words), at: at.clone(), why };
                    faults.extend(why.map(misplaced));
                    view.attach(mac, place, words.policy);
                }
                Err(fault) => faults.push(fault),
            }
        }
        for address in &self.ip {
            if !view.claim(mac, *address) && view.owner(*address) != Some(mac) {
                faults.push(Fault::Address { mac, address: *address, why: why_not_own(*address, view, words.policy) });
            }
        }
        self.resolve_users(mac, words, view, faults);
        match words.dynamic_groups(&self.groups, false) {
            Ok(groups) => {
                view.join(mac, groups);
            }
            Err(fault) => faults.push(fault),
        }
    }

    fn resolve_users(&self, mac: MacAddr, words: &Words<'_>, view: &mut View, faults: &mut Vec<Fault>) {
        let mut seen = HashSet::new();
        for user in &self.users {
            match user.resolve(words) {
                Ok(Person { user: Some(id), .. }) if !seen.insert(id) => {
                    let name = words.policy.users.get(id.index()).map_or("", |user| &*user.name);
                    faults.push(Fault::Twice(format!("user `{name}` of {}", called(mac, words))));
                }
                Ok(person) => {
                    view.login(mac, person);
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
}

/// What a station is called in messages: the host that it is, with the MAC address where it has several.
fn called(mac: MacAddr, words: &Words<'_>) -> String {
    let host = words.policy.host_of_mac(mac).and_then(|id| words.policy.hosts.get(id.index()));
    match host {
        Some(host) if host.macs.len() > 1 => format!("host `{}` ({mac})", host.name),
        Some(host) => format!("host `{}`", host.name),
        None => mac.to_string(),
    }
}

/// Whose a MAC address is that is no station's.
fn whose(mac: MacAddr, view: &View, words: &Words<'_>) -> String {
    let is_its = |id: &GatewayId| {
        let declared = words.policy.gateways.get(id.index()).and_then(|gateway| gateway.mac);
        declared == Some(mac) || view.gateway_mac(*id) == Some(mac)
    };
    let gateway = words.gateways.iter().find(|(_, id)| is_its(id)).map(|(name, _)| format!("that of gateway `{name}`"));
    gateway.unwrap_or_else(|| "that of a group, or of nobody".to_owned())
}

/// Why a station cannot be at a port, if so.
fn why_not_at(mac: MacAddr, at: Location, words: &Words<'_>, ends: &BTreeSet<Location>, view: &View) -> Option<String> {
    let host = view.station(mac).and_then(|station| station.host).and_then(|id| words.policy.hosts.get(id.index()));
    if let Some(pin) = host.and_then(|host| host.pin).filter(|pin| *pin != at) {
        return Some(format!("it is pinned to `{}`", location_text(words.policy, pin)));
    }
    let linked = ends.contains(&at).then(|| "a link of `links` is there".to_owned());
    words.why_not(at, false).or(linked)
}

/// Why a station cannot have an address that it is refused.
fn why_not_own(address: IpAddr, view: &View, policy: &Checked) -> String {
    if let Some(gateway) = policy.gateways.iter().find(|gateway| gateway.addresses.contains(&address)) {
        return format!("it is that of gateway `{}`", gateway.name);
    }
    let Some(owner) = view.owner(address).filter(|_| can_be_owned(address)) else { return "no host can have it".to_owned() };
    let host = view.station(owner).and_then(|station| station.host).and_then(|id| policy.hosts.get(id.index()));
    match host {
        Some(host) => format!("it is that of host `{}`", host.name),
        None => format!("it is that of {owner}"),
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

    fn resolve(&self, words: &Words<'_>) -> Result<Person, Fault> {
        let (name, groups) = match self {
            UserFile::Name(name) => (Some(name), &[][..]),
            UserFile::Member(member) => (member.name.as_ref(), member.groups.as_slice()),
        };
        let user = match name {
            None => None,
            Some(name) => match words.users.get(&**name) {
                Some(id) => Some(*id),
                None => return Err(Fault::unknown("user", name, words.users.keys().copied())),
            },
        };
        Ok(Person { user, groups: words.dynamic_groups(groups, true)? })
    }
}

fn group_names(ids: &[GroupId], policy: &Checked) -> Vec<String> {
    ids.iter().filter_map(|id| policy.groups.get(id.index())).map(|group| group.name.to_string()).collect()
}
