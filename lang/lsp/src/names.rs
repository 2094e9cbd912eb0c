//! Every name of a policy by its place: what it stands for, where that is declared, where else it is used. Knows nothing of the
//! protocol.

use std::collections::HashMap;
use std::sync::Arc;

use lang::ast::{Expr, Ident, Item, Policy, Term};
use lang::checked::Kind;
use lang::occurrences::{Role, visit};
use lang::source::{SourceId, Span};

/// Which names a name can be taken for: names of different spaces do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Space {
    /// What rules can name.
    Declared,
    /// Rules.
    Labels,
    /// Sections and assertions, which nothing names.
    Heads,
}

/// What a declaration makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sort {
    /// A user.
    User,
    /// A host.
    Host,
    /// A switch.
    Switch,
    /// A location.
    Location,
    /// A group; of what, where the text says.
    Group(Option<Kind>),
    /// A network.
    Network,
    /// A service.
    Service,
    /// A gateway.
    Gateway,
    /// A middlebox.
    Middlebox,
    /// A time.
    Time,
    /// A rule.
    Rule,
    /// A section.
    Section,
    /// An assertion.
    Assertion,
}

/// One name at one place.
#[derive(Clone, Debug)]
pub(crate) struct Occurrence {
    pub(crate) name: Arc<str>,
    pub(crate) span: Span,
    pub(crate) space: Space,
    /// True where it is declared.
    pub(crate) declares: bool,
}

/// A declaration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration {
    /// The name in it.
    pub(crate) name: Span,
    /// All of it.
    pub(crate) item: Span,
    /// What it makes.
    pub(crate) sort: Sort,
}

/// All names of a policy.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// By place.
    all: Vec<Occurrence>,
    declared: HashMap<(Space, Arc<str>), Declaration>,
}

impl Names {
    pub(crate) fn of(tree: &Policy) -> Names {
        let mut names = Names::default();
        for item in tree.files.iter().flat_map(|file| &file.items) {
            visit(item, &mut |ident, role| names.add(item, ident, role));
        }
        names.all.sort_by_key(|one| one.span);
        names
    }

    fn add(&mut self, item: &Item, ident: &Ident, role: Role) {
        let (space, declares) = match role {
            Role::Declares => (Space::Declared, true),
            Role::Uses => (Space::Declared, false),
            Role::Labels => (Space::Labels, true),
            Role::UsesLabel => (Space::Labels, false),
            Role::Heads => (Space::Heads, true),
        };
        if let (true, Some(sort)) = (declares, sort_of(item)) {
            let made = Declaration { name: ident.span, item: item.span(), sort };
            self.declared.entry((space, Arc::clone(&ident.text))).or_insert(made);
        }
        self.all.push(Occurrence { name: Arc::clone(&ident.text), span: ident.span, space, declares });
    }

    /// The name at a byte of a text, its end included.
    pub(crate) fn at(&self, source: SourceId, offset: usize) -> Option<&Occurrence> {
        let offset = u32::try_from(offset).ok()?;
        let behind = self.all.partition_point(|one| (one.span.source, one.span.start) <= (source, offset));
        let one = self.all.get(behind.checked_sub(1)?)?;
        (one.span.source == source && offset <= one.span.end).then_some(one)
    }

    /// The names of one text, in order.
    pub(crate) fn in_text(&self, source: SourceId) -> &[Occurrence] {
        let start = self.all.partition_point(|one| one.span.source < source);
        let end = self.all.partition_point(|one| one.span.source <= source);
        self.all.get(start..end).unwrap_or_default()
    }

    /// Where a name is declared.
    pub(crate) fn declaration(&self, space: Space, name: &str) -> Option<Declaration> {
        self.declared.get(&(space, Arc::from(name))).copied()
    }

    /// All places of a name.
    pub(crate) fn places(&self, space: Space, name: &str) -> impl Iterator<Item = &Occurrence> {
        self.all.iter().filter(move |one| one.space == space && &*one.name == name)
    }

    /// Everything that is declared, by name.
    pub(crate) fn declarations(&self) -> Vec<(&str, Declaration)> {
        let mut all: Vec<(&str, Declaration)> = self.declared.iter().map(|((_, name), made)| (&**name, *made)).collect();
        all.sort_by_key(|(name, made)| (*name, made.name));
        all
    }
}

impl Sort {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Sort::User => "user",
            Sort::Host => "host",
            Sort::Switch => "switch",
            Sort::Location => "location",
            Sort::Group(_) => "group",
            Sort::Network => "network",
            Sort::Service => "service",
            Sort::Gateway => "gateway",
            Sort::Middlebox => "middlebox",
            Sort::Time => "time",
            Sort::Rule => "rule",
            Sort::Section => "section",
            Sort::Assertion => "assertion",
        }
    }
}

/// What a statement makes.
pub(crate) fn sort_of(item: &Item) -> Option<Sort> {
    Some(match item {
        Item::Switch(_) => Sort::Switch,
        Item::Location(_) => Sort::Location,
        Item::Host(_) => Sort::Host,
        Item::Gateway(_) => Sort::Gateway,
        Item::User(_) => Sort::User,
        Item::Group(decl) => Sort::Group(kind_of(&decl.members)),
        Item::Network(_) => Sort::Network,
        Item::Service(_) => Sort::Service,
        Item::Middlebox(_) => Sort::Middlebox,
        Item::Time(_) => Sort::Time,
        Item::Rule(_) => Sort::Rule,
        Item::Section(_) => Sort::Section,
        Item::Assert(_) => Sort::Assertion,
        Item::Include(_)
        | Item::SectionEnd(_)
        | Item::Invariant(_)
        | Item::Default(_)
        | Item::Setting(_)
        | Item::Test(_)
        | Item::Error(_) => return None,
    })
}

/// The kind that the text gives the members of a group.
fn kind_of(members: &Expr) -> Option<Kind> {
    match members {
        Expr::Braced { kind, .. } => kind.map(|kind| kind.value),
        Expr::Term(Term { kind, .. }) => kind.map(|kind| kind.value),
        Expr::Chain { first, .. } => kind_of(first),
        Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => parts.iter().find_map(kind_of),
        Expr::Not(..) | Expr::Error(_) => None,
    }
}
