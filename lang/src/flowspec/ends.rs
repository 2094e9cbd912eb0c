//! What the text says of one end of a flow, one draft for each choice out of the sets that it names. Knows nothing of defaults.

use std::net::IpAddr;

use net::{Location, MacAddr, PortNo};

use crate::ast::{Atom, EndTerm, Ident, LocationRef, Term};
use crate::builtin;
use crate::check::port_of;
use crate::checked::{BuiltIn, Checked, DynamicSource, Group, GroupId, HostId, Kind, UserId};
use crate::codes::names::E0203;
use crate::codes::tests_and_assertions::{E0402, E0403};
use crate::diag::Diagnostic;
use crate::flow::{Person, Place};
use crate::resolve::{Names, Symbol};
use crate::source::{SourceMap, Span};
use crate::types;

use super::members::{Known, dynamic_member, ports};
use super::{MAX_FLOWS, Mentions};

/// What the text says of one end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub users: Vec<Person>,
    /// Dynamic groups that it is a member of, but those of users.
    pub groups: Vec<GroupId>,
    pub host: Option<HostId>,
    /// `unregistered`: no declared host, whatever its addresses.
    pub unregistered: bool,
    pub location: Option<Location>,
    pub mac: Option<MacAddr>,
    pub address: Option<IpAddr>,
    /// Where a gateway beyond `internet` is meant, the completion finds it.
    pub place: Option<Place>,
}

/// One thing said of an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Said {
    Nobody,
    User(Person),
    Host(HostId),
    Member(GroupId),
    Unregistered,
    At(Location),
    Mac(MacAddr),
    Address(IpAddr),
    Place(Place),
    Internet(Option<IpAddr>),
    Multicast(IpAddr),
}

/// What can be said once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    NoUser,
    User,
    Host,
    At,
    Mac,
    Address,
    Place,
    Group,
}

impl Said {
    fn slot(&self) -> Slot {
        match self {
            Said::Nobody => Slot::NoUser,
            Said::User(_) => Slot::User,
            Said::Member(_) => Slot::Group,
            Said::Host(_) | Said::Unregistered => Slot::Host,
            Said::At(_) => Slot::At,
            Said::Mac(_) => Slot::Mac,
            Said::Address(_) => Slot::Address,
            Said::Place(_) | Said::Internet(_) | Said::Multicast(_) => Slot::Place,
        }
    }

    pub(super) fn write(self, draft: &mut Draft) {
        match self {
            Said::Nobody => {}
            Said::User(person) => draft.users.push(person),
            Said::Member(group) => draft.groups.push(group),
            Said::Host(host) => draft.host = Some(host),
            Said::Unregistered => draft.unregistered = true,
            Said::At(location) => draft.location = Some(location),
            Said::Mac(mac) => draft.mac = Some(mac),
            Said::Address(address) => draft.address = Some(address),
            Said::Place(place) => draft.place = Some(place),
            Said::Internet(address) => {
                draft.place = Some(Place::Internet(None));
                draft.address = draft.address.or(address);
            }
            Said::Multicast(address) => {
                draft.place = Some(Place::Multicast);
                draft.address = Some(address);
            }
        }
    }
}

impl Slot {
    /// True if one end cannot have both.
    fn excludes(self, other: Slot) -> bool {
        match (self, other) {
            (Slot::User, Slot::User) | (Slot::Group, Slot::Group) => false,
            (Slot::User, Slot::NoUser) | (Slot::NoUser, Slot::User) => true,
            _ => self == other,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Slot::NoUser | Slot::User => "users",
            Slot::Host => "hosts",
            Slot::At => "places",
            Slot::Mac => "MAC addresses",
            Slot::Address => "addresses",
            Slot::Place => "sorts of end",
            Slot::Group => "groups",
        }
    }
}

/// What terms are about.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub policy: &'a Checked,
    pub names: &'a Names,
    pub known: &'a Known,
    /// Where the flow was read from.
    pub texts: &'a SourceMap,
}

impl Site<'_> {
    fn mentions(&self) -> &Mentions {
        self.known.mentions(self.policy)
    }
}

/// Reads terms, collecting what is wrong with them.
struct Reader<'a> {
    site: Site<'a>,
    policy: &'a Checked,
    names: &'a Names,
    found: &'a mut Vec<Diagnostic>,
}

/// What all terms of an end say: of each, one thing or another.
struct Choices {
    all: Vec<(Slot, Vec<Said>)>,
    /// What is said already, each once.
    slots: Vec<Slot>,
    /// How many ends it comes to.
    count: usize,
}

impl Default for Choices {
    fn default() -> Self {
        Choices { all: Vec::new(), slots: Vec::new(), count: 1 }
    }
}

/// The drafts of one end; nothing if something is wrong with it, which is found or has been reported.
pub(super) fn drafts(site: Site<'_>, terms: &[&EndTerm], flow: Span, found: &mut Vec<Diagnostic>) -> Option<Vec<Draft>> {
    let Site { policy, names, .. } = site;
    if terms.is_empty() {
        found.push(Diagnostic::new(E0402, flow, "the flow lacks an end").help("name both: who starts it, `->`, who answers"));
        return None;
    }
    let named_gateway = terms.iter().any(|term| is_gateway_name(names, term));
    let mut reader = Reader { site, policy, names, found };
    let mut choices = Choices::default();
    let mut sound = true;
    for term in terms {
        // `gateway border` says which gateway; the word adds nothing.
        if named_gateway && matches!(term, EndTerm::Term(Term { atom: Atom::BuiltIn(BuiltIn::Gateway), .. })) {
            continue;
        }
        match reader.term(term) {
            None => sound = false,
            Some(said) => sound &= reader.add(&mut choices, said, term.span()),
        }
    }
    let mut choices = choices.all;
    // `internet 9.9.9.9` means this address.
    if choices.iter().any(|(slot, _)| *slot == Slot::Address) {
        choices.iter_mut().for_each(|(_, said)| said.retain(|said| !matches!(said, Said::Internet(Some(_)))));
    }
    let (drafts, impossible) = sort(policy, sound.then(|| expand(&choices))?);
    match impossible {
        Some((why, help)) if drafts.is_empty() => reader.refuse(E0402, flow, why, help),
        Some(_) | None => Some(drafts),
    }
}

/// The choices that can be; why the first of the others cannot, and what to do.
fn sort(policy: &Checked, mut drafts: Vec<Draft>) -> (Vec<Draft>, Option<(String, String)>) {
    let mut first = None;
    drafts.retain(|draft| {
        let why = impossible(policy, draft);
        let possible = why.is_none();
        first = first.take().or(why);
        possible
    });
    (drafts, first)
}

/// Why no host is what the draft says, and what to do: it is pinned elsewhere, or an address is declared for another.
fn impossible(policy: &Checked, draft: &Draft) -> Option<(String, String)> {
    let host = policy.hosts.get(draft.host?.index())?;
    if let (Some(pin), Some(at)) = (host.pin, draft.location)
        && pin != at
    {
        let (pin, at) = (super::location_text(policy, pin), super::location_text(policy, at));
        let help = format!("write `at {pin}`, or leave the place out");
        return Some((format!("host `{}` is pinned to {pin} and cannot be at {at}", host.name), help));
    }
    let other = |owner: Option<HostId>| owner.filter(|id| draft.host != Some(*id)).and_then(|id| policy.hosts.get(id.index()));
    if let Some(mac) = draft.mac
        && let Some(other) = other(policy.host_of_mac(mac))
    {
        let help = format!("write host `{}`, or leave the address out", other.name);
        return Some((format!("{mac} is declared for host `{}`, not for `{}`", other.name, host.name), help));
    }
    if let Some(address) = draft.address
        && let Some(other) = other(policy.host_of_address(address))
    {
        let help = format!("write host `{}`, or leave the address out", other.name);
        return Some((format!("{address} is declared for host `{}`, not for `{}`", other.name, host.name), help));
    }
    None
}

fn is_gateway_name(names: &Names, term: &EndTerm) -> bool {
    match term {
        EndTerm::Term(Term { atom: Atom::Name(name), .. }) => matches!(names.get(&name.text), Some(Symbol::Gateway(_))),
        EndTerm::Term(_) | EndTerm::Member { .. } | EndTerm::At(..) => false,
    }
}

/// One draft for each choice, users in ascending order.
fn expand(choices: &[(Slot, Vec<Said>)]) -> Vec<Draft> {
    let mut drafts = vec![Draft::default()];
    for (_, said) in choices {
        if let ([only], [draft]) = (said.as_slice(), drafts.as_mut_slice()) {
            only.clone().write(draft);
            continue;
        }
        let mut next = Vec::with_capacity(drafts.len().saturating_mul(said.len()));
        for draft in &drafts {
            for said in said {
                let mut draft = draft.clone();
                said.clone().write(&mut draft);
                next.push(draft);
            }
        }
        drafts = next;
    }
    for draft in &mut drafts {
        draft.users.sort_unstable();
        draft.users.dedup();
        draft.groups.sort_unstable();
        draft.groups.dedup();
    }
    drafts
}

impl Reader<'_> {
    fn fail<T>(&mut self, code: crate::codes::Code, span: Span, message: impl Into<String>) -> Option<T> {
        self.found.push(Diagnostic::new(code, span, message));
        None
    }

    /// The same, with what to do about it.
    fn refuse<T>(
        &mut self,
        code: crate::codes::Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.found.push(Diagnostic::new(code, span, message).help(help));
        None
    }

    /// Adds what a term says, unless it contradicts an earlier one or makes too many choices.
    fn add(&mut self, choices: &mut Choices, said: Vec<Said>, span: Span) -> bool {
        let Some(slot) = said.first().map(|said| said.slot()) else {
            let help = format!("name an end, or give `{}` a member", self.site.texts.text(span));
            let found = Diagnostic::new(E0403, span, "this stands for no end: it has no members that the text lists");
            self.found.push(found.help(help));
            return false;
        };
        if choices.slots.iter().any(|earlier| earlier.excludes(slot)) {
            let help = match slot {
                Slot::NoUser | Slot::User => "leave out `none`, or the users".to_owned(),
                _ => format!("keep one of the {}: the other end stands on the other side of `->`", slot.word()),
            };
            let found = Diagnostic::new(E0402, span, format!("one end of a flow cannot have two {}", slot.word()));
            self.found.push(found.help(help));
            return false;
        }
        let count = choices.count.saturating_mul(said.len());
        if count > MAX_FLOWS {
            self.found.push(super::report_count(span, count));
            return false;
        }
        choices.count = count;
        if !choices.slots.contains(&slot) {
            choices.slots.push(slot);
        }
        choices.all.push((slot, said));
        true
    }

    fn term(&mut self, term: &EndTerm) -> Option<Vec<Said>> {
        match term {
            EndTerm::At(at, _) => self.at(at),
            EndTerm::Member { of, groups, .. } => self.joined(of, groups),
            EndTerm::Term(term) => self.plain(term),
        }
    }

    /// Somebody who is a member of dynamic groups.
    fn joined(&mut self, of: &Term, groups: &[Term]) -> Option<Vec<Said>> {
        let mut said = self.plain(of)?;
        for group in groups {
            let id = self.dynamic_group(group)?;
            let of_users = self.policy.groups.get(id.index()).is_some_and(|group| group.kind == Kind::User);
            for said in &mut said {
                match said {
                    Said::User(person) if of_users => {
                        person.groups.push(id);
                        person.groups.sort_unstable();
                        person.groups.dedup();
                    }
                    _ => {
                        let message =
                            "only users are members of groups of users; another end is joined by naming its group beside it";
                        let (end, name) = (self.site.texts.text(of.span), self.site.texts.text(group.span));
                        let help = format!("write `{end} {name}`, without `&`");
                        return self.refuse(E0402, group.span, message, help);
                    }
                }
            }
        }
        Some(said)
    }

    /// The dynamic group that a term names.
    fn dynamic_group(&mut self, term: &Term) -> Option<GroupId> {
        let said = self.plain(term)?;
        match said.as_slice() {
            [Said::User(Person { user: None, groups })] if !groups.is_empty() => groups.first().copied(),
            [Said::Member(group)] => Some(*group),
            _ => {
                let message =
                    format!("`{}` is no dynamic group: its members are what the text says", self.site.texts.text(term.span));
                self.refuse(E0402, term.span, message, "name a member of it for the end, or leave it out")
            }
        }
    }

    fn plain(&mut self, term: &Term) -> Option<Vec<Said>> {
        let said = self.atom(term)?;
        let (Some(kind), Some(first)) = (term.kind, said.first()) else { return Some(said) };
        let fits = match (kind.value, first.slot()) {
            (Kind::User, Slot::User | Slot::NoUser)
            | (Kind::Host, Slot::Host)
            | (Kind::Location | Kind::Switch, Slot::At)
            | (Kind::Network, Slot::Address)
            | (Kind::Mac, Slot::Mac) => true,
            (Kind::Host, Slot::Group) => true,
            (Kind::Host, Slot::Place) => matches!(first, Said::Place(Place::Gateway(_) | Place::Controller)),
            _ => false,
        };
        if fits {
            return Some(said);
        }
        let wanted = types::one(kind.value);
        self.fail(E0203, term.span, format!("`{}` is not {wanted}", self.site.texts.text(term.span)))
    }

    fn atom(&mut self, term: &Term) -> Option<Vec<Said>> {
        match &term.atom {
            Atom::Name(name) => self.name(name, term.kind.map(|kind| kind.value)),
            Atom::BuiltIn(BuiltIn::Unregistered) if term.kind.is_some_and(|kind| kind.value == Kind::User) => {
                Some(vec![Said::User(Person::default())])
            }
            Atom::BuiltIn(set) => self.built_in(*set, term.span),
            Atom::Multicast(prefix) if prefix.value.network().is_multicast() => {
                Some(self.site.mentions().within(prefix.value).into_iter().map(Said::Multicast).collect())
            }
            Atom::Multicast(prefix) => {
                let message = format!("{} is no multicast group", prefix.value);
                self.refuse(E0402, prefix.span, message, "multicast groups are 224.0.0.0/4 and ff00::/8")
            }
            Atom::Address(prefix) => Some(self.site.mentions().within(*prefix).into_iter().map(Said::Address).collect()),
            Atom::Mac(mac) => Some(vec![Said::Mac(*mac)]),
            Atom::Port { switch, port } => self.port(switch, port.value, term.span),
            Atom::Dynamic(source) => self.dynamic(source, term),
            Atom::Any => {
                let help = "name an end, or a set: `registered` stands for each declared host";
                self.refuse(E0402, term.span, "`any` is no example", help)
            }
            Atom::Service(_) => self.refuse(E0402, term.span, "a service stands last in a flow", "move it behind both ends"),
            Atom::Number(_) => self.fail(E0203, term.span, "a number is no end of a flow"),
        }
    }

    /// A member of a dynamic set that a rule or a group names; of others nothing is told.
    fn dynamic(&mut self, source: &DynamicSource, term: &Term) -> Option<Vec<Said>> {
        let wanted = match (source, term.kind) {
            (DynamicSource::Tagged(_), Some(kind)) => kind.value,
            (DynamicSource::Tagged(_), None) => return self.fail(E0203, term.span, "say what is tagged: `host tagged \"…\"`"),
            (DynamicSource::Directory(_) | DynamicSource::RadiusClass(_), _) => Kind::User,
        };
        let known = |group: &Group| group.dynamic.as_ref() == Some(source) && group.kind == wanted;
        let Some(id) = self.policy.groups.iter().zip((0..).map(GroupId)).find(|(group, _)| known(group)).map(|(_, id)| id) else {
            let help = "name one that the policy speaks of, or leave it out";
            return self.refuse(E0402, term.span, format!("no rule and no group speaks of `{source}`"), help);
        };
        Some(vec![dynamic_member(self.policy, id)])
    }

    fn built_in(&mut self, set: BuiltIn, span: Span) -> Option<Vec<Said>> {
        let said = match set {
            BuiltIn::Unauthenticated => Said::Nobody,
            BuiltIn::Unregistered => Said::Unregistered,
            BuiltIn::Internet => {
                let others = self.site.known.beyond(self.policy).iter().copied().map(Some);
                return Some(std::iter::once(None).chain(others).map(Said::Internet).collect());
            }
            BuiltIn::Broadcast => Said::Place(Place::Broadcast),
            BuiltIn::Multicast => Said::Place(Place::Multicast),
            BuiltIn::Controller => Said::Place(Place::Controller),
            BuiltIn::Gateway if self.policy.gateways.is_empty() => {
                return self.refuse(E0402, span, "no gateway is declared", "declare one: `gateway NAME { at SWITCH:PORT; }`");
            }
            BuiltIn::Gateway => Said::Place(Place::Gateway(crate::checked::GatewayId(0))),
            BuiltIn::Authenticated => {
                // Those who are declared, and somebody who is not.
                let declared = (0..).map(UserId).zip(&self.policy.users).map(|(id, _)| Person::declared(id));
                return Some(declared.chain([Person::default()]).map(Said::User).collect());
            }
            BuiltIn::Registered if self.policy.hosts.is_empty() => {
                return self.refuse(E0402, span, "no host is declared", "declare one: `host NAME { mac ADDRESS; }`");
            }
            BuiltIn::Registered => {
                return Some((0..).map(HostId).zip(&self.policy.hosts).map(|(id, _)| Said::Host(id)).collect());
            }
        };
        Some(vec![said])
    }

    fn name(&mut self, name: &Ident, wanted: Option<Kind>) -> Option<Vec<Said>> {
        let symbol = self.names.get(&name.text);
        if matches!(symbol, Some(Symbol::Service(_))) || symbol.is_none() && builtin::service(&name.text).is_some() {
            let message =
                format!("a flow has one kind of traffic, the last word: `{}` is a service, too, or stands too early", name.text);
            return self.refuse(E0402, name.span, message, format!("take `{}` out, or let it be the last word", name.text));
        }
        let Some(symbol) = symbol else {
            self.found.extend(self.names.unknown_in_flow(self.policy, name, wanted));
            return None;
        };
        match symbol {
            Symbol::User(id) => Some(vec![Said::User(Person::declared(id))]),
            Symbol::Host(id) => Some(vec![Said::Host(id)]),
            Symbol::Gateway(id) => Some(vec![Said::Place(Place::Gateway(id))]),
            Symbol::Location(place) => self.policy.locations.get(place).map(|location| vec![Said::At(location.at)]),
            Symbol::Switch(id) => self.policy.switches.get(id.index()).map(ports),
            Symbol::Group(id) => match self.site.known.members(self.policy, id) {
                Some(said) => Some(said.to_vec()),
                None => {
                    let message = format!("the members of `{}` are too many to be found", name.text);
                    self.refuse(E0403, name.span, message, "name a member of it")
                }
            },
            Symbol::Service(_) | Symbol::Middlebox(_) | Symbol::Time(_) => {
                let what = symbol.what(self.policy);
                self.fail(E0203, name.span, format!("`{}` is {what}, which is no end of a flow", name.text))
            }
            Symbol::Damaged | Symbol::Unresolved(_) => None,
        }
    }

    fn at(&mut self, at: &LocationRef) -> Option<Vec<Said>> {
        match at {
            LocationRef::Port { switch, port, span } => self.port(switch, port.value, *span),
            LocationRef::Name(name) => {
                let said = self.name(name, Some(Kind::Location))?;
                if said.first().is_some_and(|said| said.slot() != Slot::At) {
                    return self.fail(E0203, name.span, format!("`{}` is no location", name.text));
                }
                Some(said)
            }
        }
    }

    fn port(&mut self, switch: &Ident, port: PortNo, span: Span) -> Option<Vec<Said>> {
        match port_of(self.policy, self.names, switch, port, span) {
            Ok(place) => Some(vec![Said::At(place)]),
            Err(diagnostic) => {
                self.found.extend(diagnostic.map(|diagnostic| *diagnostic));
                None
            }
        }
    }
}
