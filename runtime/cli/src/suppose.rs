//! What is supposed to be otherwise than a view and a policy say, as it is written on the command line. Changes a view file and a
//! policy's tree, and leaves it to others to read them again: what cannot be is refused as if it had stood there.

use clap::Args;
use compiler::view::{MemberFile, Present, StationFile, UserFile, ViewFile};
use daemon::Loaded;
use lang::ast::Item;
use lang::check::check;
use lang::checked::{Checked, EndTest, Group, Kind, SetExpr};
use lang::parse::parse;
use lang::suggest::{Candidate, did_you_mean, nearest};
use net::{Dpid, Location, MacAddr, PortNo};

use crate::exit::Failure;
use crate::members;

/// Changes, each of which may be given several times; they are made in this order.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Supposed {
    /// The host is attached nowhere; it goes by its name or its MAC address, here and below
    #[arg(long, value_name = "HOST")]
    detach: Vec<String>,
    /// The host is attached here
    #[arg(long = "move", value_name = "HOST=SWITCH:PORT")]
    moves: Vec<String>,
    /// The user is logged in there no more
    #[arg(long, value_name = "USER@HOST")]
    logout: Vec<String>,
    /// The user is logged in there, too
    #[arg(long, value_name = "USER@HOST")]
    login: Vec<String>,
    /// The user or host is no member of the group, be it declared or filled by others
    #[arg(long, value_name = "MEMBER=GROUP")]
    leave: Vec<String>,
    /// The user or host is a member of the group, too
    #[arg(long, value_name = "MEMBER=GROUP")]
    join: Vec<String>,
    /// The cable at this port is pulled
    #[arg(long, value_name = "SWITCH:PORT")]
    link_down: Vec<String>,
    /// The switch is off, and whatever is attached to it out of reach
    #[arg(long, value_name = "SWITCH")]
    down: Vec<String>,
}

/// What is wrong with a change.
type Why = String;

/// A change as it was typed, and the station of the view file that it is about.
pub struct Touch {
    /// Which, counted from 0.
    pub station: usize,
    /// `--move roo=edge1:9`
    pub typed: String,
}

impl Supposed {
    /// True if nothing is.
    pub fn is_nothing(&self) -> bool {
        *self == Supposed::default()
    }

    /// Changes the members of declared groups, and checks the policy again.
    ///
    /// # Errors
    /// The group cannot have such a member.
    pub fn amend(&self, loaded: &mut Loaded) -> Result<(), Failure> {
        for (option, all, sign) in [("--leave", &self.leave, '-'), ("--join", &self.join, '|')] {
            for text in all {
                let Some(policy) = loaded.policy.clone() else { return Ok(()) };
                let refused = |why: Why| Failure::Cannot(format!("`{option} {text}`: {why}"));
                let (member, group) = apart(text, '=').map_err(refused)?;
                let declared = declared(&policy, group).map_err(refused)?;
                if is_dynamic(&policy, declared) {
                    continue;
                }
                members::may_change(&policy, member, declared, sign == '|').map_err(refused)?;
                replace(loaded, &format!("{option} {text}"), (member, declared), sign).map_err(refused)?;
                let (checked, found) = check(&loaded.sources, &loaded.tree, Vec::new());
                let error = || found.iter().find(|one| one.severity == lang::diag::Severity::Error);
                let why = || error().map(|one| one.message.clone()).unwrap_or_default();
                let checked = checked.ok_or_else(|| refused(format!("the policy has errors with these members: {}", why())))?;
                loaded.policy = Some(std::sync::Arc::new(checked));
            }
        }
        Ok(())
    }

    /// Changes a view file; what a switch that is off takes along comes behind. Which stations it changes.
    ///
    /// # Errors
    /// What is to change is not there.
    pub fn change(&self, file: &mut ViewFile, policy: &Checked) -> Result<Vec<Touch>, Failure> {
        let mut touched = Vec::new();
        let mut touch =
            |option: &str, text: &str, station: usize| touched.push(Touch { station, typed: format!("{option} {text}") });
        each("--detach", &self.detach, |text| {
            let station = known(file, policy, text)?.filter(|station| station.at.is_some());
            station.ok_or_else(|| format!("`{text}` is attached nowhere in the view"))?.at = None;
            Ok(())
        })?;
        each("--move", &self.moves, |text| {
            let (host, at) = apart(text, '=')?;
            let (place, station) = station(file, policy, host)?;
            station.at = Some(at.to_owned());
            touch("--move", text, place);
            Ok(())
        })?;
        each("--logout", &self.logout, |text| {
            let (user, host) = apart(text, '@')?;
            let missing = || logged_out(policy, user, host);
            let station = known(file, policy, host)?.ok_or_else(missing)?;
            let place = station.users.iter().position(|one| name_of(one) == Some(user)).ok_or_else(missing)?;
            station.users.remove(place);
            Ok(())
        })?;
        each("--login", &self.login, |text| {
            let (user, host) = apart(text, '@')?;
            let (place, station) = station(file, policy, host)?;
            station.users.push(UserFile::Name(user.to_owned()));
            touch("--login", text, place);
            Ok(())
        })?;
        for (option, all, joins) in [("--leave", &self.leave, false), ("--join", &self.join, true)] {
            each(option, all, |text| {
                if let Some(place) = member(file, policy, text, joins)? {
                    touch(option, text, place);
                }
                Ok(())
            })?;
        }
        Ok(touched)
    }

    /// Takes cables out, and switches that are off with all that is attached to them. Which those are.
    ///
    /// # Errors
    /// What is to go is not there.
    pub fn cut(&self, present: &mut Present, policy: &Checked) -> Result<Vec<Dpid>, Failure> {
        each("--link-down", &self.link_down, |text| {
            let at = port(policy, text)?;
            let links = present.links.as_mut().ok_or_else(|| "the view tells no `links`".to_owned())?;
            let place = links.iter().position(|ends| ends.contains(&at));
            links.remove(place.ok_or_else(|| format!("no link of the view is at `{text}`"))?);
            Ok(())
        })?;
        let mut down = Vec::new();
        each("--down", &self.down, |text| {
            let dpid = switch(policy, text)?;
            down.push(dpid);
            let there = present.view.stations().filter(|station| station.location.is_some_and(|at| at.dpid == dpid));
            for mac in there.map(|station| station.mac).collect::<Vec<MacAddr>>() {
                present.view.detach(mac);
            }
            Ok(())
        })?;
        Ok(down)
    }
}

fn each(option: &str, all: &[String], mut one: impl FnMut(&str) -> Result<(), Why>) -> Result<(), Failure> {
    all.iter().try_for_each(|text| one(text).map_err(|why| Failure::Cannot(format!("`{option} {text}`: {why}"))))
}

/// The two words around a sign.
fn apart(text: &str, sign: char) -> Result<(&str, &str), Why> {
    let parts = text.split_once(sign).filter(|(one, other)| !one.is_empty() && !other.is_empty());
    parts.ok_or_else(|| format!("this is to be two words with `{sign}` between"))
}

/// That the policy declares no such name, and those that are near.
pub fn unknown<'n>(kind: &str, name: &str, names: impl Iterator<Item = &'n str>) -> Why {
    let near = nearest(name, None, names.map(|name| Candidate { name, kind: None }));
    let advice = did_you_mean(&near).map(|text| format!(": {text}")).unwrap_or_default();
    format!("the policy declares no {kind} `{name}`{advice}")
}

/// Why a user cannot be logged out who is not logged in there.
fn logged_out(policy: &Checked, user: &str, host: &str) -> Why {
    if policy.users.iter().any(|declared| &*declared.name == user) {
        format!("`{user}` is not logged in at `{host}` in the view")
    } else {
        unknown("user", user, policy.users.iter().map(|user| &*user.name))
    }
}

fn name_of(user: &UserFile) -> Option<&str> {
    match user {
        UserFile::Name(name) => Some(name),
        UserFile::Member(member) => member.name.as_deref(),
    }
}

/// Where the station of a host, or of a MAC address, stands in the file, if it does; and as what it would.
fn place(file: &ViewFile, policy: &Checked, name: &str) -> Result<(Option<usize>, StationFile), Why> {
    let declared = policy.hosts.iter().find(|host| &*host.name == name);
    let mac = name.parse::<MacAddr>().ok();
    let (macs, new) = match (declared, mac) {
        (Some(host), _) => (host.macs.clone(), StationFile { host: Some(name.to_owned()), ..StationFile::default() }),
        (None, Some(mac)) => (vec![mac], StationFile { mac: Some(mac), ..StationFile::default() }),
        (None, None) => return Err(unknown("host", name, policy.hosts.iter().map(|host| &*host.name))),
    };
    let of_host = |station: &StationFile| match station.mac {
        Some(mac) => Some(mac),
        None => policy.hosts.iter().find(|host| Some(&*host.name) == station.host.as_deref())?.macs.first().copied(),
    };
    let is_it = |station: &&StationFile| of_host(station).is_some_and(|mac| macs.contains(&mac));
    if file.stations.iter().filter(is_it).count() > 1 {
        return Err(format!("host `{name}` has several stations in the view: name one by its MAC address"));
    }
    Ok((file.stations.iter().position(|station| is_it(&station)), new))
}

/// The station, if the view has it.
fn known<'f>(file: &'f mut ViewFile, policy: &Checked, name: &str) -> Result<Option<&'f mut StationFile>, Why> {
    let (place, _) = place(file, policy, name)?;
    Ok(place.and_then(|place| file.stations.get_mut(place)))
}

/// The station, and which it is; a new one if the view has none.
fn station<'f>(file: &'f mut ViewFile, policy: &Checked, name: &str) -> Result<(usize, &'f mut StationFile), Why> {
    let (place, new) = place(file, policy, name)?;
    let place = place.unwrap_or_else(|| {
        file.stations.push(new);
        file.stations.len() - 1
    });
    let station = file.stations.get_mut(place).ok_or_else(|| "the view has no room for it".to_owned())?;
    Ok((place, station))
}

/// Changes the membership in a group that others fill; declared groups are the policy's. Which station it is that changes, if one.
fn member(file: &mut ViewFile, policy: &Checked, text: &str, joins: bool) -> Result<Option<usize>, Why> {
    let (member, name) = apart(text, '=')?;
    let group = declared(policy, name)?;
    if !is_dynamic(policy, group) {
        return Ok(None);
    }
    if group.kind != Kind::User {
        let (place, station) = station(file, policy, member)?;
        change(&mut station.groups, name, joins)?;
        return Ok(Some(place));
    }
    if !policy.users.iter().any(|user| &*user.name == member) {
        return Err(unknown("user", member, policy.users.iter().map(|user| &*user.name)));
    }
    let mut found = false;
    for user in file.stations.iter_mut().flat_map(|station| &mut station.users).filter(|user| name_of(user) == Some(member)) {
        found = true;
        let mut groups = match user {
            UserFile::Name(_) => Vec::new(),
            UserFile::Member(known) => std::mem::take(&mut known.groups),
        };
        change(&mut groups, name, joins)?;
        *user = UserFile::Member(MemberFile { name: Some(member.to_owned()), groups });
    }
    if found { Ok(None) } else { Err(format!("user `{member}` is logged in nowhere in the view")) }
}

fn change(groups: &mut Vec<String>, name: &str, joins: bool) -> Result<(), Why> {
    let place = groups.iter().position(|group| group == name);
    match (place, joins) {
        (None, true) => groups.push(name.to_owned()),
        (Some(place), false) => {
            groups.remove(place);
        }
        (Some(_), true) => return Err("it is a member already".to_owned()),
        (None, false) if groups.is_empty() => return Err("it is no member, and in no other group of the view".to_owned()),
        (None, false) => return Err(format!("it is no member; in the view it is in {}", members::quoted(groups))),
    }
    Ok(())
}

fn declared<'p>(policy: &'p Checked, name: &str) -> Result<&'p Group, Why> {
    // A dynamic set inside an expression has no name of its own.
    let named = || policy.groups.iter().filter(|group| !group.network && !group.name.contains(' ')).map(|group| &*group.name);
    let found = policy.groups.iter().find(|group| &*group.name == name && !group.network);
    found.ok_or_else(|| unknown("group", name, named()))
}

/// True if others fill the group.
fn is_dynamic(policy: &Checked, group: &Group) -> bool {
    let inner = match &group.members {
        SetExpr::Leaf(EndTest::Group(id)) => policy.groups.get(id.index()),
        SetExpr::Leaf(_) | SetExpr::Union(_) | SetExpr::Intersection(..) | SetExpr::Difference(..) => None,
    };
    group.dynamic.is_some() || inner.is_some_and(|inner| inner.dynamic.is_some())
}

/// Puts another declaration of a group into the tree: the members that it has, and one more or less.
fn replace(loaded: &mut Loaded, name: &str, (member, group): (&str, &Group), sign: char) -> Result<(), Why> {
    let kind = match group.kind {
        Kind::User => "user",
        Kind::Host => "host",
        Kind::Location | Kind::Switch | Kind::Network | Kind::Mac | Kind::Service => {
            return Err("members of groups of users and of hosts can be supposed".to_owned());
        }
    };
    let mut items = loaded.tree.files.iter_mut().flat_map(|file| &mut file.items);
    let declaration = items.find_map(|item| match item {
        Item::Group(declaration) if declaration.name.text == group.name => Some(declaration),
        _ => None,
    });
    let declaration = declaration.ok_or_else(|| "it is declared nowhere".to_owned())?;
    let text = loaded.sources.text(declaration.span).to_owned();
    let members = text.split_once('=').map(|(_, rest)| rest.trim_end().trim_end_matches(';'));
    let members = members.ok_or_else(|| "its declaration cannot be read".to_owned())?;
    let id = loaded.sources.add(name, format!("group {} = ({members}\n) {sign} {kind} {{ {member} }};\n", group.name));
    let (file, found) = parse(&loaded.sources, id);
    match <[Item; 1]>::try_from(file.items) {
        Ok([Item::Group(new)]) if found.is_empty() => *declaration = new,
        Ok(_) | Err(_) => return Err(format!("`{member}` is no name")),
    }
    Ok(())
}

fn switch(policy: &Checked, name: &str) -> Result<Dpid, Why> {
    let named = policy.switches.iter().find(|switch| &*switch.name == name);
    let found = named.or_else(|| policy.switch_of(name.parse().ok()?)).map(|switch| switch.dpid);
    found.ok_or_else(|| unknown("switch", name, policy.switches.iter().map(|switch| &*switch.name)))
}

/// `edge1:2`
fn port(policy: &Checked, text: &str) -> Result<Location, Why> {
    let wanted = || "this is to be a switch and the number of a port, like `edge1:25`".to_owned();
    let (name, port) = text.rsplit_once(':').ok_or_else(wanted)?;
    let port = port.parse().map_err(|_| wanted())?;
    Ok(Location::new(switch(policy, name)?, PortNo(port)))
}
