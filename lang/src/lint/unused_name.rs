//! W0301: a name that is declared and never used.

use std::collections::BTreeSet;

use super::{Input, MOST};
use crate::ast::{Ident, Item};
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
    let declared = items.iter().filter_map(|item| declared(input, item));
    let unused = declared.filter(|(name, _)| !used.contains(&*name.text)).take(MOST);
    unused.map(|(name, what)| Diagnostic::new(W0301, name.span, format!("{what} `{}` is never used", name.text))).collect()
}

/// What a statement declares that should be used.
fn declared<'a>(input: &Input<'_>, item: &'a Item) -> Option<(&'a Ident, &'static str)> {
    match item {
        Item::Group(decl) => Some((&decl.name, "the group")),
        Item::Service(decl) => Some((&decl.name, "the service")),
        Item::Time(decl) => Some((&decl.name, "the time")),
        Item::Location(decl) => Some((&decl.name, "the location")),
        // Declared networks are what the internet is not.
        Item::Network(decl) if input.policy.gateways.is_empty() => Some((&decl.name, "the network")),
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
