//! Names: what each declared name stands for, and what to say where one is unknown. Knows nothing of what statements mean.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::ast::{self, Ident, Item};
use crate::builtin;
use crate::checked::{Checked, GatewayId, GroupId, HostId, Kind, MiddleboxId, SwitchId, TimeId, UserId};
use crate::codes::names::{E0201, E0202, E0219};
use crate::diag::{Diagnostic, Findings};
use crate::keyword;
use crate::phrasebook::{self, Place};
use crate::source::Span;
use crate::suggest::{self, Candidate};
use crate::types;

/// How often unknown names are compared with others. Each costs a pass over all names; the first is looked for in any case.
const MAX_COMPARED: usize = 1_000_000;

/// Words that stand in front of a name or a literal, in sets and in flows.
const TERM_WORDS: [&str; 10] = ["user", "host", "location", "switch", "network", "mac", "service", "directory", "tagged", "at"];

/// What a declared name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// A switch.
    Switch(SwitchId),
    /// A location, by its place among the declared ones.
    Location(usize),
    /// A host.
    Host(HostId),
    /// A user.
    User(UserId),
    /// A gateway.
    Gateway(GatewayId),
    /// A middlebox.
    Middlebox(MiddleboxId),
    /// A group, network or service that is not resolved yet, by its place among their declarations.
    Unresolved(usize),
    /// A group or network.
    Group(GroupId),
    /// A service or a group of services, by its place among them.
    Service(usize),
    /// A time.
    Time(TimeId),
    /// Its declaration has been reported; uses of it are not.
    Damaged,
}

/// Declared names, in the order of the text, and the names of rules.
#[derive(Debug, Default)]
pub(crate) struct Names {
    table: IndexMap<Arc<str>, Symbol>,
    rules: IndexMap<Arc<str>, Span>,
    /// How often a name has been compared with another.
    compared: Cell<usize>,
}

/// A declaration of a set of ends or services.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SetDecl<'a> {
    /// `group`
    Group(&'a ast::GroupDecl),
    /// `network`
    Network(&'a ast::NetworkDecl),
    /// `service`
    Service(&'a ast::ServiceDecl),
}

/// The statements of a policy by sort, each in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Statements<'a> {
    pub switches: Vec<&'a ast::SwitchDecl>,
    pub locations: Vec<&'a ast::LocationDecl>,
    pub hosts: Vec<&'a ast::HostDecl>,
    pub users: Vec<&'a ast::UserDecl>,
    pub gateways: Vec<&'a ast::GatewayDecl>,
    pub middleboxes: Vec<&'a ast::MiddleboxDecl>,
    pub sets: Vec<SetDecl<'a>>,
    pub times: Vec<&'a ast::TimeDecl>,
    pub body: Vec<Body<'a>>,
    pub invariants: Vec<&'a ast::InvariantStmt>,
    pub assertions: Vec<&'a ast::AssertStmt>,
    pub defaults: Vec<&'a ast::DefaultStmt>,
    pub settings: Vec<&'a ast::SettingStmt>,
    pub tests: Vec<&'a ast::TestBlock>,
    /// True if a statement could not be read.
    pub damaged: bool,
    /// How many sections are open.
    open: usize,
    /// Statements about the whole policy in the sections that are open.
    misplaced: Findings,
}

/// What has an order: rules, and where sections start and end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// A section starts.
    Open(&'a ast::SectionHead),
    /// The innermost open section ends.
    Close,
    /// A rule.
    Rule(&'a ast::RuleStmt),
}

impl<'a> SetDecl<'a> {
    pub(crate) fn name(self) -> &'a Ident {
        match self {
            SetDecl::Group(decl) => &decl.name,
            SetDecl::Network(decl) => &decl.name,
            SetDecl::Service(decl) => &decl.name,
        }
    }
}

/// Sorts the statements and declares their names. A second declaration of a name is reported and gives way to the first.
pub(crate) fn collect<'a>(items: &[&'a Item], found: &mut Findings) -> (Statements<'a>, Names) {
    let mut statements = Statements::default();
    let mut declaring = Declaring { names: Names::default(), first: HashMap::new(), unsound: false, found };
    for item in items {
        statements.take(item, &mut declaring);
    }
    statements.damaged |= declaring.unsound;
    (statements, declaring.names)
}

/// Names being declared, with the place of each first declaration.
struct Declaring<'d> {
    names: Names,
    first: HashMap<Arc<str>, Span>,
    /// A name holds characters that names may not hold.
    unsound: bool,
    found: &'d mut Findings,
}

impl<'a> Statements<'a> {
    fn take(&mut self, item: &'a Item, declaring: &mut Declaring<'_>) {
        match item {
            Item::Include(_) => {}
            Item::Switch(decl) => declaring.declare(&decl.name, Symbol::Switch(SwitchId(add(&mut self.switches, decl)))),
            Item::Location(decl) => declaring.declare(&decl.name, Symbol::Location(add(&mut self.locations, decl) as usize)),
            Item::Host(decl) => declaring.declare(&decl.name, Symbol::Host(HostId(add(&mut self.hosts, decl)))),
            Item::User(decl) => declaring.declare(&decl.name, Symbol::User(UserId(add(&mut self.users, decl)))),
            Item::Gateway(decl) => declaring.declare(&decl.name, Symbol::Gateway(GatewayId(add(&mut self.gateways, decl)))),
            Item::Middlebox(decl) => {
                declaring.declare(&decl.name, Symbol::Middlebox(MiddleboxId(add(&mut self.middleboxes, decl))));
            }
            Item::Group(decl) => self.take_set(SetDecl::Group(decl), declaring),
            Item::Network(decl) => self.take_set(SetDecl::Network(decl), declaring),
            Item::Service(decl) => self.take_set(SetDecl::Service(decl), declaring),
            Item::Rule(rule) => {
                if let Some(label) = &rule.label {
                    declaring.label(label);
                }
                self.body.push(Body::Rule(rule));
            }
            Item::Section(head) => {
                self.open += 1;
                self.body.push(Body::Open(head));
            }
            Item::SectionEnd(span) => {
                self.open = self.open.saturating_sub(1);
                self.body.push(Body::Close);
                // Of a section that is never closed, which is an error already, nobody knows what it was to hold.
                if span.range().is_empty() {
                    self.misplaced = Findings::default();
                }
                if self.open == 0 {
                    declaring.found.append(std::mem::take(&mut self.misplaced));
                }
            }
            Item::Time(decl) => declaring.declare(&decl.name, Symbol::Time(TimeId(add(&mut self.times, decl)))),
            Item::Invariant(stmt) => self.invariants.push(stmt),
            Item::Assert(stmt) => self.assertions.push(stmt),
            Item::Default(stmt) => {
                self.outside(stmt.span, "default");
                self.defaults.push(stmt);
            }
            Item::Setting(stmt) => {
                self.outside(stmt.span, "setting");
                self.settings.push(stmt);
            }
            Item::Test(block) => self.tests.push(block),
            Item::Error(error) => {
                self.damaged = true;
                if let Some(name) = &error.name {
                    // It may have been a declaration or a rule: neither use of the name is to be reported.
                    declaring.names.table.entry(name.text.clone()).or_insert(Symbol::Damaged);
                    declaring.names.rules.entry(name.text.clone()).or_insert(name.span);
                }
            }
        }
    }

    /// Notes a statement about the whole policy that stands in a section.
    fn outside(&mut self, span: Span, word: &str) {
        if self.open > 0 {
            let message = format!("`{word}` is about the whole policy, and this stands in a section");
            self.misplaced.push(Diagnostic::new(E0219, span, message).help("write it outside of all sections"));
        }
    }

    fn take_set(&mut self, decl: SetDecl<'a>, declaring: &mut Declaring<'_>) {
        let place = add(&mut self.sets, decl) as usize;
        declaring.declare(decl.name(), Symbol::Unresolved(place));
    }
}

/// Appends, and tells the place. Offsets in texts are 32 bits, so there are fewer statements than that.
fn add<T>(list: &mut Vec<T>, item: T) -> u32 {
    list.push(item);
    u32::try_from(list.len() - 1).unwrap_or(u32::MAX)
}

impl Declaring<'_> {
    fn declare(&mut self, name: &Ident, symbol: Symbol) {
        self.unsound |= !name.is_sound();
        if let Some(first) = self.first.get(&name.text) {
            let message = format!("`{}` is declared twice", name.text);
            let diagnostic = Diagnostic::new(E0202, name.span, message).related(*first, "first declared here");
            self.found.push(diagnostic);
            return;
        }
        self.first.insert(name.text.clone(), name.span);
        self.names.table.insert(name.text.clone(), symbol);
    }

    fn label(&mut self, label: &Ident) {
        self.unsound |= !label.is_sound();
        if let Some(first) = self.names.rules.get(&label.text) {
            let message = format!("two rules have the name `{}`", label.text);
            self.found.push(Diagnostic::new(E0202, label.span, message).related(*first, "first used here"));
            return;
        }
        self.names.rules.insert(label.text.clone(), label.span);
    }
}

impl Names {
    /// The names of a checked policy.
    pub(crate) fn of(policy: &Checked) -> Names {
        let mut table = IndexMap::new();
        let mut put = |name: &Arc<str>, symbol| {
            table.insert(name.clone(), symbol);
        };
        policy.switches.iter().zip(0..).for_each(|(item, id)| put(&item.name, Symbol::Switch(SwitchId(id))));
        policy.locations.iter().zip(0..).for_each(|(item, place)| put(&item.name, Symbol::Location(place)));
        policy.hosts.iter().zip(0..).for_each(|(item, id)| put(&item.name, Symbol::Host(HostId(id))));
        policy.users.iter().zip(0..).for_each(|(item, id)| put(&item.name, Symbol::User(UserId(id))));
        policy.gateways.iter().zip(0..).for_each(|(item, id)| put(&item.name, Symbol::Gateway(GatewayId(id))));
        policy.middleboxes.iter().zip(0..).for_each(|(item, id)| put(&item.name, Symbol::Middlebox(MiddleboxId(id))));
        let named = policy.groups.iter().zip(0..).filter(|(item, _)| item.dynamic.is_none());
        named.for_each(|(item, id)| put(&item.name, Symbol::Group(GroupId(id))));
        policy.services.iter().zip(0..).for_each(|(item, place)| put(&item.name, Symbol::Service(place)));
        policy.times.iter().zip(0..).for_each(|(item, id)| put(&item.name, Symbol::Time(TimeId(id))));
        let named = policy.rules.iter().filter_map(|rule| Some((rule.name.clone()?, rule.span)));
        Names { table, rules: named.collect(), compared: Cell::new(0) }
    }

    /// What the name stands for.
    pub(crate) fn get(&self, name: &str) -> Option<Symbol> {
        self.table.get(name).copied()
    }

    /// Gives a declared name its meaning.
    pub(crate) fn define(&mut self, name: &Arc<str>, symbol: Symbol) {
        self.table.insert(name.clone(), symbol);
    }

    /// True if a rule has the name.
    pub(crate) fn is_rule(&self, name: &str) -> bool {
        self.rules.contains_key(name)
    }

    /// The report for a name that nothing declares; none if the name itself has been reported.
    pub(crate) fn unknown(&self, policy: &Checked, name: &Ident, wanted: Option<Kind>) -> Option<Diagnostic> {
        self.unknown_among(policy, name, wanted, std::iter::empty())
    }

    /// The same in a flow, where words of headers and of time may stand, too.
    pub(crate) fn unknown_in_flow(&self, policy: &Checked, name: &Ident, wanted: Option<Kind>) -> Option<Diagnostic> {
        self.unknown_among(policy, name, wanted, keyword::flow_words())
    }

    fn unknown_among(
        &self,
        policy: &Checked,
        name: &Ident,
        wanted: Option<Kind>,
        more_words: impl Iterator<Item = &'static str>,
    ) -> Option<Diagnostic> {
        if !name.is_sound() {
            return None;
        }
        let declared = self.table.iter().map(|(name, symbol)| Candidate { name, kind: symbol.kind(policy) });
        let services = builtin::SERVICES.iter().map(|(name, _)| *name).chain(builtin::PROTOCOLS.iter().map(|(name, _)| *name));
        let services = services.map(|name| Candidate { name, kind: Some(Kind::Service) });
        let sets = builtin::SETS.iter().map(|(name, meaning)| Candidate {
            name,
            kind: match meaning {
                builtin::SetMeaning::Any => wanted,
                builtin::SetMeaning::Set(set) => Some(types::built_in_kind(*set)),
            },
        });
        // A word in front of a name, misspelt, is taken for a name.
        let words = TERM_WORDS.into_iter().chain(more_words).map(|name| Candidate { name, kind: wanted });
        if let Some(advice) = phrasebook::advice(Place::Plural, &name.text) {
            let near = suggest::nearest(&name.text, wanted, declared);
            let report = unknown("name", name);
            return Some(if near.is_empty() { report.advised(advice) } else { report.meant(&near) });
        }
        if let Some((first, last)) = self.joined(&name.text) {
            let help = format!("`{first}` without `{last}` is written with blanks: `{first} - {last}`");
            return Some(unknown("name", name).help(help));
        }
        let candidates = declared.chain(services).chain(sets).chain(words);
        if let Some(advice) = phrasebook::advice(Place::Name, &name.text) {
            return Some(unknown("name", name).advised(advice));
        }
        Some(self.report_unknown("name", name, wanted, candidates))
    }

    /// The two declared names that a `-` without blanks joins to one that nothing declares.
    fn joined<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        let known = |part: &str| self.table.contains_key(part) || builtin::set(part).is_some();
        let halves = name.match_indices('-').filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)));
        halves.take(8).find(|(first, last)| known(first) && known(last))
    }

    /// The report for a name that no rule has.
    pub(crate) fn unknown_rule(&self, name: &Ident) -> Option<Diagnostic> {
        let rules = self.rules.keys().map(|name| &**name).chain(["default"]);
        let candidates = rules.map(|name| Candidate { name, kind: None });
        name.is_sound().then(|| self.report_unknown("rule", name, None, candidates))
    }

    fn report_unknown<'c>(
        &self,
        what: &str,
        name: &Ident,
        wanted: Option<Kind>,
        candidates: impl Iterator<Item = Candidate<'c>>,
    ) -> Diagnostic {
        let diagnostic = unknown(what, name);
        if self.compared.get() >= MAX_COMPARED {
            return diagnostic;
        }
        self.compared.set(self.compared.get() + self.table.len() + self.rules.len() + 1);
        diagnostic.meant(&suggest::nearest(&name.text, wanted, candidates))
    }
}

fn unknown(what: &str, name: &Ident) -> Diagnostic {
    Diagnostic::new(E0201, name.span, format!("unknown {what} `{}`", name.text))
}

impl Symbol {
    /// The kind of what is named, where it has one.
    pub(crate) fn kind(self, policy: &Checked) -> Option<Kind> {
        match self {
            Symbol::Switch(_) => Some(Kind::Switch),
            Symbol::Location(_) => Some(Kind::Location),
            Symbol::Host(_) | Symbol::Gateway(_) => Some(Kind::Host),
            Symbol::User(_) => Some(Kind::User),
            Symbol::Group(id) => policy.groups.get(id.index()).map(|group| group.kind),
            Symbol::Service(_) => Some(Kind::Service),
            Symbol::Middlebox(_) | Symbol::Time(_) | Symbol::Unresolved(_) | Symbol::Damaged => None,
        }
    }

    /// What it is, in words: `a host`, `a group of users`.
    pub(crate) fn what(self, policy: &Checked) -> String {
        match self {
            Symbol::Gateway(_) => "a gateway".to_owned(),
            Symbol::Middlebox(_) => "a middlebox".to_owned(),
            Symbol::Time(_) => "a time".to_owned(),
            Symbol::Unresolved(_) | Symbol::Damaged => "a name".to_owned(),
            Symbol::Group(id) => match policy.groups.get(id.index()) {
                Some(group) if group.network => "a network".to_owned(),
                Some(group) => format!("a group of {}", types::plural(group.kind)),
                None => "a group".to_owned(),
            },
            Symbol::Switch(_) | Symbol::Location(_) | Symbol::Host(_) | Symbol::User(_) | Symbol::Service(_) => {
                self.kind(policy).map_or("a name", types::one).to_owned()
            }
        }
    }
}
