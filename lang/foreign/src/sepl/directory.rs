//! Principals and groups: what a module registers, and what becomes of those that some other directory keeps. Knows nothing of
//! rules.

use std::collections::{BTreeMap, BTreeSet};

use net::Dpid;

use crate::Problem;
use crate::logic::{Class, Cond, Side};
use crate::names::Kind;
use crate::place::Place;
use crate::standin;

use super::Module;
use super::parse::{Call, Expr, ExprKind};

/// What the members of a registered group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GroupKind {
    Switch,
    Location,
    Host,
    User,
    Mac,
    Address,
}

/// What a call registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registers {
    Switch,
    Location,
    Host,
    User,
    Group(GroupKind),
}

/// The calls that register.
pub(super) const CALLS: &[(&str, Registers)] = &[
    ("register_switch", Registers::Switch),
    ("register_location", Registers::Location),
    ("register_host", Registers::Host),
    ("register_user", Registers::User),
    ("register_switch_group", Registers::Group(GroupKind::Switch)),
    ("register_location_group", Registers::Group(GroupKind::Location)),
    ("register_host_group", Registers::Group(GroupKind::Host)),
    ("register_user_group", Registers::Group(GroupKind::User)),
    ("register_dladdr_group", Registers::Group(GroupKind::Mac)),
    ("register_nwaddr_group", Registers::Group(GroupKind::Address)),
];

/// The arguments of `register_host` that are read, with their places in a call that does not name them.
const HOST_ARGS: &[(usize, &str)] = &[(0, "name"), (1, "dpid"), (2, "port"), (3, "dladdr"), (6, "nwaddr")];

/// What a module registers, by the whole name.
#[derive(Default)]
pub(super) struct Directory {
    switches: BTreeMap<String, Dpid>,
    locations: BTreeMap<String, (SwitchRef, u32)>,
    hosts: BTreeMap<String, HostEntry>,
    users: BTreeMap<String, Place>,
    groups: BTreeMap<(GroupKind, String), GroupEntry>,
    /// What has been declared in the policy.
    declared: BTreeSet<(Kind, String)>,
    /// Groups that have been declared, by what names them; nothing where they have no members.
    named: BTreeMap<(GroupKind, String), Option<String>>,
    /// Groups that are being declared.
    open: Vec<(GroupKind, String)>,
}

/// A switch by its number or its name.
#[derive(Clone, Debug)]
enum SwitchRef {
    Dpid(Dpid),
    Name(String),
}

#[derive(Clone, Debug, Default)]
struct HostEntry {
    place: Place,
    mac: Option<net::MacAddr>,
    address: Option<std::net::Ipv4Addr>,
    at: Option<(Dpid, u32)>,
}

struct GroupEntry {
    place: Place,
    members: Vec<Expr>,
    subgroups: Vec<Expr>,
}

/// The directory that names without one are of.
const OWN: &str = "sepl_directory";

/// A name with the directory that it is of.
pub(super) fn key(name: &str) -> String {
    if name.contains(';') { name.to_owned() } else { format!("{OWN};{name}") }
}

/// A name without the directory that it is of.
pub(super) fn bare(key: &str) -> &str {
    key.rsplit_once(';').map_or(key, |(_, name)| name)
}

/// True if the call registers something, or is a wrapper around one that does.
pub(super) fn is_registration(call: &Call) -> bool {
    registration(call).is_some()
}

/// The registration that a call is, or carries as its only argument.
fn registration(call: &Call) -> Option<(&Call, Registers)> {
    match (CALLS.iter().find(|(name, _)| *name == call.name), call.args.as_slice()) {
        (Some((_, registers)), _) => Some((call, *registers)),
        (None, [Expr { kind: ExprKind::Call(inner), .. }]) => registration(inner),
        (None, _) => None,
    }
}

/// Principals that stand for nobody in particular.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    Unauthenticated,
    Authenticated,
    Unknown,
}

/// `"discovered;unauthenticated"`, `discovered.UNAUTHENTICATED`
fn special(arg: &Expr) -> Option<Special> {
    let (directory, name) = match &arg.kind {
        ExprKind::Str(key) => key.split_once(';')?,
        ExprKind::Name(name) => name.split_once('.')?,
        _ => return None,
    };
    let known = matches!(directory, "discovered" | OWN);
    match name.to_ascii_lowercase().as_str() {
        "unauthenticated" if known => Some(Special::Unauthenticated),
        "authenticated" if known => Some(Special::Authenticated),
        "unknown" if known => Some(Special::Unknown),
        _ => None,
    }
}

impl Module {
    /// Takes what a call registers.
    pub(super) fn registration(&mut self, call: &Call) {
        let Some((call, registers)) = registration(call) else { return };
        let Some(name) = call.args.first() else { return };
        let ExprKind::Str(text) = &name.kind else {
            self.draft.problems.push(Problem::new(name.place, format!("`{}` is no name in quotes", name.text)));
            return;
        };
        let key = key(text);
        match registers {
            Registers::Switch => {
                if let Some(dpid) = call.args.get(1).or_else(|| named(call, "dpid")).and_then(|arg| self.dpid(arg)) {
                    self.directory.switches.insert(key, dpid);
                }
            }
            Registers::Location => self.register_location(call, key),
            Registers::Host => self.register_host(call, key, name.place),
            Registers::User => {
                self.directory.users.insert(key, name.place);
            }
            Registers::Group(kind) => {
                let list =
                    |place: usize, word: &str| match call.args.get(place).or_else(|| named(call, word)).map(|arg| &arg.kind) {
                        Some(ExprKind::List(list)) => list.clone(),
                        _ => Vec::new(),
                    };
                let entry = GroupEntry { place: name.place, members: list(2, "principals"), subgroups: list(3, "subgroups") };
                self.directory.groups.insert((kind, key), entry);
            }
        }
    }

    fn dpid(&mut self, arg: &Expr) -> Option<Dpid> {
        match arg.kind {
            ExprKind::Int(number) => Some(Dpid(number)),
            _ => self.refuse(Problem::new(arg.place, format!("`{}` is no datapath identifier", arg.text))),
        }
    }

    fn register_location(&mut self, call: &Call, key: String) {
        let Some(switch) = call.args.get(1).or_else(|| named(call, "dpid")) else { return };
        let port = match call.args.get(2).or_else(|| named(call, "port")).map(|arg| (&arg.kind, arg)) {
            Some((ExprKind::Int(port), _)) => u32::try_from(*port).ok(),
            Some((_, arg)) => self.refuse(Problem::new(arg.place, format!("`{}` is no port", arg.text))),
            None => None,
        };
        let switch = match &switch.kind {
            ExprKind::Str(name) => Some(SwitchRef::Name(self::key(name))),
            _ => self.dpid(switch).map(SwitchRef::Dpid),
        };
        if let (Some(switch), Some(port)) = (switch, port) {
            self.directory.locations.insert(key, (switch, port));
        }
    }

    fn register_host(&mut self, call: &Call, key: String, place: Place) {
        let arg = |place: usize, word: &str| {
            let found = named(call, word).or_else(|| call.args.get(place));
            found.filter(|arg| !matches!(arg.kind, ExprKind::None)).cloned()
        };
        self.unread(call, HOST_ARGS);
        let mut entry = HostEntry { place, ..HostEntry::default() };
        if let (Some(dpid), Some(Expr { kind: ExprKind::Int(port), .. })) = (arg(1, "dpid"), arg(2, "port")) {
            entry.at = self.dpid(&dpid).zip(u32::try_from(port).ok());
        } else {
            for arg in [arg(1, "dpid"), arg(2, "port")].into_iter().flatten() {
                let why =
                    "a host is at a port if both its datapath and the number of the port are given; a MAC address is `dladdr`";
                self.draft.leave_out(arg.place, &arg.text, why);
            }
        }
        entry.mac = arg(3, "dladdr").and_then(|arg| self.mac(&arg));
        entry.address = arg(6, "nwaddr").and_then(|arg| self.address(&arg));
        self.directory.hosts.insert(key, entry);
    }

    /// Lists the arguments of a registration that say nothing here.
    fn unread(&mut self, call: &Call, known: &[(usize, &str)]) {
        let placed = call.args.iter().enumerate().filter(|(place, _)| !known.iter().any(|(other, _)| other == place));
        let words = call.named.iter().filter(|(word, _)| !known.iter().any(|(_, other)| other == word));
        for arg in placed.map(|(_, arg)| arg).chain(words.map(|(_, arg)| arg)) {
            if !matches!(arg.kind, ExprKind::None | ExprKind::Bool(_)) {
                self.draft.leave_out(arg.place, &arg.text, format!("nothing here has this argument of `{}`", call.name));
            }
        }
    }

    /// Declares who is registered and in no rule: of hosts, it makes a difference that they are known.
    pub(super) fn declare_registered(&mut self) {
        let hosts: Vec<(String, Place)> = self.directory.hosts.iter().map(|(key, entry)| (key.clone(), entry.place)).collect();
        for (key, place) in hosts {
            self.host(&key, place);
        }
        for (key, place) in self.directory.users.clone() {
            self.user(&key, place);
        }
    }

    /// That the host at an end is this one.
    pub(super) fn host_is(&mut self, side: Side, arg: &Expr) -> Option<Cond> {
        let known = |set: &str| Cond::end(side, Class::Host, set);
        match (special(arg), &arg.kind) {
            (Some(Special::Unauthenticated), _) => {
                let text = "`unregistered` is every host that is not declared here: declare those that the directory knows";
                self.draft.note(arg.place, text);
                Some(known("unregistered"))
            }
            (Some(Special::Authenticated | Special::Unknown), _) => {
                let why = "hosts are declared here or they are not: there is none that is known and has no name";
                Some(Cond::bounded(arg.place, &arg.text, why, known("unregistered"), Cond::Never))
            }
            (None, ExprKind::Str(name)) => Some(known(&self.host(&key(name), arg.place))),
            (None, _) => self.refuse(Problem::new(arg.place, format!("nothing is known of a host `{}`", arg.text))),
        }
    }

    /// That the user at an end is this one.
    pub(super) fn user_is(&mut self, side: Side, arg: &Expr) -> Option<Cond> {
        let known = |set: &str| Cond::end(side, Class::User, set);
        match (special(arg), &arg.kind) {
            (Some(Special::Unauthenticated), _) => Some(known("none")),
            (Some(Special::Authenticated | Special::Unknown), _) => {
                let why = "there is no set of users who are logged in and have no name";
                Some(Cond::bounded(arg.place, &arg.text, why, known("authenticated"), Cond::Never))
            }
            (None, ExprKind::Str(name)) => Some(known(&self.user(&key(name), arg.place))),
            (None, _) => self.refuse(Problem::new(arg.place, format!("nothing is known of a user `{}`", arg.text))),
        }
    }

    /// The name of a user; declares it at its first mention.
    fn user(&mut self, key: &str, place: Place) -> String {
        let name = self.draft.names.name_like(Kind::User, key, bare(key));
        if self.directory.declared.insert((Kind::User, key.to_owned())) {
            self.draft.user(place, format!("user {name};"));
        }
        name
    }

    /// The name of a host; declares it at its first mention.
    fn host(&mut self, key: &str, place: Place) -> String {
        let name = self.draft.names.name_like(Kind::Host, key, bare(key));
        if !self.directory.declared.insert((Kind::Host, key.to_owned())) {
            return name;
        }
        let entry = self.directory.hosts.get(key).cloned().unwrap_or_default();
        let Some(mac) = entry.mac else {
            self.draft.stand_in_host(&name, place);
            return name;
        };
        let mut text = format!("host {name} {{ mac {mac};");
        if let Some(address) = entry.address {
            text.push_str(&format!(" ip {address};"));
        }
        match entry.at {
            Some((_, 0)) => {
                let why = "no port of OpenFlow has number 0: it may be anywhere";
                self.draft.leave_out(place, &format!("the port of host {name}"), why);
            }
            Some((dpid, port)) => {
                let switch = self.switch_of(dpid, place);
                text.push_str(&format!(" at {switch}:{port};"));
            }
            None => {}
        }
        self.draft.host(place, text + " }");
        name
    }

    /// The name of a switch by its number; declares it at its first mention.
    fn switch_of(&mut self, dpid: Dpid, place: Place) -> String {
        let registered = self.directory.switches.iter().find(|(_, other)| **other == dpid).map(|(key, _)| key.clone());
        let key = registered.unwrap_or_else(|| format!("switch-{dpid}"));
        let name = self.draft.names.name_like(Kind::Switch, &key, bare(&key));
        if self.directory.declared.insert((Kind::Switch, key)) {
            self.draft.switch(place, format!("switch {name} {{ dpid {dpid}; }}"));
        }
        name
    }

    /// The name of a location; declares it at its first mention.
    pub(super) fn location(&mut self, key: &str, place: Place) -> String {
        let name = self.draft.names.name_like(Kind::Location, key, bare(key));
        if !self.directory.declared.insert((Kind::Location, key.to_owned())) {
            return name;
        }
        let entry = self.directory.locations.get(key).cloned();
        let found = entry.and_then(|(switch, port)| match switch {
            SwitchRef::Dpid(dpid) => Some((dpid, port)),
            SwitchRef::Name(switch) => self.directory.switches.get(&switch).map(|dpid| (*dpid, port)),
        });
        match found.filter(|(_, port)| *port > 0) {
            Some((dpid, port)) => {
                let switch = self.switch_of(dpid, place);
                self.draft.location(place, format!("location {name} = {switch}:{port};"));
            }
            None => self.draft.stand_in_location(&name, place),
        }
        name
    }

    /// The name of a registered group, declared with all that it holds; within, nothing if it has no member. Nothing at all if it
    /// is wrong, which is told.
    pub(super) fn group(&mut self, kind: GroupKind, written: &str, place: Place) -> Option<Option<String>> {
        let key = key(written);
        let entry = (kind, key.clone());
        if let Some(name) = self.directory.named.get(&entry) {
            return Some(name.clone());
        }
        if self.directory.open.contains(&entry) {
            return self.refuse(Problem::new(place, format!("group `{}` contains itself", bare(&key))));
        }
        self.directory.open.push(entry.clone());
        let name = self.declare_group(kind, &key, place);
        self.directory.open.pop();
        if let Some(name) = &name {
            self.directory.named.insert(entry, name.clone());
        }
        name
    }

    fn declare_group(&mut self, kind: GroupKind, key: &str, place: Place) -> Option<Option<String>> {
        let name = |module: &mut Self| module.draft.names.name_like(kind.name(), key, bare(key));
        let Some(entry) = self.directory.groups.get(&(kind, key.to_owned())) else {
            let name = name(self);
            self.foreign_group(kind, key, &name, place);
            return Some(Some(name));
        };
        let (place, members, subgroups) = (entry.place, entry.members.clone(), entry.subgroups.clone());
        let mut sets = Vec::new();
        let mut sound = true;
        for member in &members {
            match self.member(kind, member) {
                Some(set) => sets.push(set),
                None => sound = false,
            }
        }
        for group in &subgroups {
            match &group.kind {
                ExprKind::Str(written) => match self.group(kind, written, group.place) {
                    Some(set) => sets.extend(set),
                    None => sound = false,
                },
                _ => {
                    sound = self
                        .refuse(Problem::new(group.place, format!("`{}` is no name of a group in quotes", group.text)))
                        .unwrap_or(false)
                }
            }
        }
        if !sound {
            return None;
        }
        if sets.is_empty() {
            return Some(None);
        }
        let name = name(self);
        let mut seen = BTreeSet::new();
        sets.retain(|set| seen.insert(set.clone()));
        self.draft.group(place, format!("group {name} = {} {{ {} }};", kind.word(), sets.join(", ")));
        Some(Some(name))
    }

    fn member(&mut self, kind: GroupKind, member: &Expr) -> Option<String> {
        match (kind, &member.kind) {
            (GroupKind::Mac, _) => self.mac(member).map(|mac| mac.to_string()),
            (GroupKind::Address, _) => self.address(member).map(|address| address.to_string()),
            (GroupKind::Host, ExprKind::Str(name)) => Some(self.host(&key(name), member.place)),
            (GroupKind::User, ExprKind::Str(name)) => Some(self.user(&key(name), member.place)),
            (GroupKind::Location, ExprKind::Str(name)) => Some(self.location(&key(name), member.place)),
            (GroupKind::Switch, ExprKind::Str(name)) => match self.directory.switches.get(&key(name)).copied() {
                Some(dpid) => Some(self.switch_of(dpid, member.place)),
                None => self.refuse(Problem::new(member.place, format!("switch `{name}` is not registered"))),
            },
            _ => self.refuse(Problem::new(member.place, format!("`{}` is no name in quotes", member.text))),
        }
    }

    /// A group that another directory keeps.
    fn foreign_group(&mut self, kind: GroupKind, key: &str, name: &str, place: Place) {
        let sound = key.chars().all(|c| c == ' ' || c.is_ascii_graphic() && c != '"' && c != '\\');
        let tag = if sound { key } else { name };
        let stands_in = match kind {
            GroupKind::Host | GroupKind::User => {
                self.draft.group(place, format!("group {name} = {} tagged \"{tag}\";", kind.word()));
                let why = "a directory says who is in it; as long as it says `tagged`, `run` refuses the policy (S0603)";
                self.draft.note(place, format!("group `{name}`: {why}"));
                return;
            }
            GroupKind::Location => Some(format!("{}:{}", standin::SWITCH, self.draft.stand_ins.location())),
            GroupKind::Switch => {
                self.draft.stand_ins.location();
                Some(standin::SWITCH.to_owned())
            }
            GroupKind::Mac => self.draft.stand_ins.mac().map(|mac| mac.to_string()),
            GroupKind::Address => self.draft.stand_ins.address(),
        };
        match stands_in {
            Some(member) => {
                self.draft.group(place, format!("group {name} = {} {{ {member} }};", kind.word()));
                self.draft.note(place, format!("group `{name}`: a directory says what is in it, {member} stands in"));
            }
            None => {
                self.draft.problems.push(Problem::new(place, "there are more groups without members than stand-ins for them"))
            }
        }
    }

    /// Groups that no rule asks for may contain themselves all the same.
    pub(super) fn check_groups(&mut self) {
        let mut wrong = Vec::new();
        for (kind, start) in self.directory.groups.keys() {
            let mut seen = BTreeSet::new();
            let mut open = vec![start.clone()];
            while let Some(one) = open.pop() {
                let Some(entry) = self.directory.groups.get(&(*kind, one)) else { continue };
                for group in &entry.subgroups {
                    let ExprKind::Str(name) = &group.kind else { continue };
                    let name = key(name);
                    if name == *start {
                        wrong.push(Problem::new(group.place, format!("group `{}` contains itself", bare(start))));
                    } else if seen.insert(name.clone()) {
                        open.push(name);
                    }
                }
            }
        }
        self.draft.problems.extend(wrong);
    }
}

fn named<'c>(call: &'c Call, word: &str) -> Option<&'c Expr> {
    call.named.iter().find(|(name, _)| name == word).map(|(_, value)| value)
}

impl GroupKind {
    fn name(self) -> Kind {
        match self {
            GroupKind::Switch => Kind::SwitchGroup,
            GroupKind::Location => Kind::LocationGroup,
            GroupKind::Host => Kind::HostGroup,
            GroupKind::User => Kind::UserGroup,
            GroupKind::Mac => Kind::MacGroup,
            GroupKind::Address => Kind::AddressGroup,
        }
    }

    /// The word of the policy language.
    fn word(self) -> &'static str {
        match self {
            GroupKind::Switch => "switch",
            GroupKind::Location => "location",
            GroupKind::Host => "host",
            GroupKind::User => "user",
            GroupKind::Mac => "mac",
            GroupKind::Address => "network",
        }
    }
}
