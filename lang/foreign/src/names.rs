//! Names on the way from another language: each thing gets one that the policy language takes, as near to its own as can be, and
//! that no other thing has. Knows nothing of what is named beyond its kind.

use std::collections::{BTreeMap, BTreeSet};

use lang::{builtin, keyword};

/// What is named. Things of different kinds may have one name in the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    User,
    Host,
    Location,
    Switch,
    Middlebox,
    Section,
    Service,
    /// A group of what this is: addresses and MAC addresses have no names but in groups.
    UserGroup,
    HostGroup,
    LocationGroup,
    SwitchGroup,
    AddressGroup,
    MacGroup,
    ServiceGroup,
}

/// Which names are given to what.
#[derive(Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
    given: BTreeMap<(Kind, String), String>,
}

impl Kind {
    /// What is put behind a name that something else has, or that the language keeps for itself.
    fn word(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Host => "host",
            Kind::Location => "location",
            Kind::Switch => "switch",
            Kind::Middlebox => "box",
            Kind::Section => "section",
            Kind::Service => "service",
            Kind::UserGroup => "users",
            Kind::HostGroup => "hosts",
            Kind::LocationGroup => "locations",
            Kind::SwitchGroup => "switches",
            Kind::AddressGroup => "addresses",
            Kind::MacGroup => "macs",
            Kind::ServiceGroup => "services",
        }
    }
}

impl Names {
    /// The name of a thing: always the same for the same thing.
    pub(crate) fn name(&mut self, kind: Kind, original: &str) -> String {
        self.name_like(kind, original, original)
    }

    /// The name of a thing, spelled like another word: of a thing that has more words in the original than tell it.
    pub(crate) fn name_like(&mut self, kind: Kind, original: &str, like: &str) -> String {
        if let Some(given) = self.given.get(&(kind, original.to_owned())) {
            return given.clone();
        }
        let base = spelled(like, kind.word());
        let second = format!("{base}-{}", kind.word());
        let numbered = (2..u32::MAX).map(|number| format!("{second}-{number}"));
        let mut candidates = [base, second.clone()].into_iter().chain(numbered);
        let name = candidates.find(|name| !is_kept(name) && !self.taken.contains(name)).unwrap_or(second);
        self.taken.insert(name.clone());
        self.given.insert((kind, original.to_owned()), name.clone());
        name
    }
}

/// The original in characters that names may hold.
fn spelled(original: &str, word: &str) -> String {
    let may = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let text: String = original.chars().map(may).collect();
    let text = text.trim_matches(['-', '.', '_']);
    match text.chars().next() {
        None => word.to_owned(),
        Some(first) if first.is_ascii_alphabetic() => text.to_owned(),
        Some(_) => format!("{word}-{text}"),
    }
}

/// True if the language means something by it.
fn is_kept(name: &str) -> bool {
    const OTHERS: &[&str] =
        &["radius", "class", "portal", "daily", "setting", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "prelude"];
    keyword::row(name).is_some()
        || keyword::field(name).is_some()
        || builtin::SETS.iter().any(|(set, _)| *set == name)
        || builtin::SERVICES.iter().any(|(service, _)| *service == name)
        || builtin::PROTOCOLS.iter().any(|(protocol, _)| *protocol == name)
        || builtin::ETHER_TYPES.iter().any(|(ether, _)| *ether == name)
        || OTHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_where_it_can_be() {
        let mut names = Names::default();
        assert_eq!(names.name(Kind::Host, "http_server"), "http_server");
        assert_eq!(names.name(Kind::Host, "http_server"), "http_server");
        assert_eq!(names.name(Kind::HostGroup, "group"), "group-hosts", "a word of the language");
        assert_eq!(names.name(Kind::User, "http_server"), "http_server-user", "another thing");
        assert_eq!(names.name(Kind::HostGroup, "Built-in;DNS Servers"), "Built-in-DNS-Servers");
        assert_eq!(names.name(Kind::HostGroup, "Built-in DNS Servers"), "Built-in-DNS-Servers-hosts");
        assert_eq!(names.name(Kind::HostGroup, "Built-in:DNS Servers"), "Built-in-DNS-Servers-hosts-2");
        assert_eq!(names.name(Kind::Host, "7up"), "host-7up");
        assert_eq!(names.name(Kind::Host, "ü;"), "host-host", "`host` is a word of the language");
        assert_eq!(names.name(Kind::Host, "internet"), "internet-host");
        assert_eq!(names.name(Kind::Host, "ssh"), "ssh-host");
    }
}
