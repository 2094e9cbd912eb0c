//! W0301: a name that is declared and never used.

use std::collections::{BTreeSet, HashMap};

use super::{Input, MOST};
use crate::ast::{Ident, Item};
use crate::checked::Kind;
use crate::diag::Diagnostic;
use crate::occurrences::{Role, visit};

lint! {
    W0301 "name that nothing uses" {
        what "A group, network, service, time or location is declared, and nothing names it. Hosts, users, switches and middleboxes are an inventory, of which not everything needs to be named; a network also says what is inside the site, and is not reported if a gateway is declared."
        why "It may be what another name was to be, or be left from a rule that is gone."
        example "user bob;\ngroup idle = user { bob };\nallow from bob;"
        instead "Use it, or remove it."
        clean "user bob;\ngroup busy = user { bob };\nallow from busy;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let items = input.tree.items();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for item in &items {
        visit(item, &mut |name, role| {
            if role == Role::Uses {
                used.insert(&name.text);
            }
        });
    }
    // Groups of services are none of these.
    let kinds: HashMap<&str, Kind> = input.policy.groups.iter().map(|group| (&*group.name, group.kind)).collect();
    let declared = items.iter().filter_map(|item| declared(input, &kinds, item));
    let unused = declared.filter(|(name, _)| !used.contains(&*name.text)).take(MOST);
    let report = |(name, what): (&Ident, What)| {
        let (word, clause) = (what.word(), what.clause());
        let found = Diagnostic::new(W0301, name.span, format!("the {word} `{}` is never used", name.text));
        found.help(format!("name it in a rule, as in `{clause} {}`, or remove it", name.text))
    };
    unused.map(report).collect()
}

/// What can be declared and should be used.
enum What {
    Group(Option<Kind>),
    Service,
    Time,
    Location,
    Network,
}

impl What {
    fn word(&self) -> &'static str {
        match self {
            What::Group(_) => "group",
            What::Service => "service",
            What::Time => "time",
            What::Location => "location",
            What::Network => "network",
        }
    }

    /// How a rule speaks of it.
    fn clause(&self) -> &'static str {
        match self {
            What::Group(Some(Kind::Location | Kind::Switch)) | What::Location => "at",
            What::Group(None | Some(Kind::Service)) | What::Service => "for",
            What::Time => "when time in",
            What::Group(Some(Kind::User | Kind::Host | Kind::Network | Kind::Mac)) | What::Network => "from",
        }
    }
}

/// What a statement declares that should be used.
fn declared<'a>(input: &Input<'_>, kinds: &HashMap<&str, Kind>, item: &'a Item) -> Option<(&'a Ident, What)> {
    match item {
        Item::Group(decl) => Some((&decl.name, What::Group(kinds.get(&*decl.name.text).copied()))),
        Item::Service(decl) => Some((&decl.name, What::Service)),
        Item::Time(decl) => Some((&decl.name, What::Time)),
        Item::Location(decl) => Some((&decl.name, What::Location)),
        // Declared networks are what the internet is not.
        Item::Network(decl) if input.policy.gateways.is_empty() => Some((&decl.name, What::Network)),
        Item::Network(_)
        | Item::Include(_)
        | Item::Switch(_)
        | Item::Host(_)
        | Item::User(_)
        | Item::Gateway(_)
        | Item::Middlebox(_)
        | Item::Rule(_)
        | Item::Section(_)
        | Item::SectionEnd(_)
        | Item::Invariant(_)
        | Item::Assert(_)
        | Item::Default(_)
        | Item::Setting(_)
        | Item::Test(_)
        | Item::Error(_) => None,
    }
}
