//! Pol-Eth, the policy language of Ethane, carried over. Its rules are tried in the order of the text, and of the users of one host
//! the least restricted decides: both as here, so that each rule becomes one rule. Knows nothing of how the text is read.

mod parse;

use std::collections::{BTreeMap, BTreeSet};

use net::EtherType;

use crate::draft::{Draft, Head, Origin};
use crate::logic::{Class, Cond, Side, Test};
use crate::names::Kind;
use crate::rule::{Duties, Verdict};
use crate::{Imported, Problem};

use parse::{Action, Field, File, Group, Name, Rule, Value};

const REMARKS: &[&str] = &["The first rule that matches decides, there as here. A flow that none matches is denied."];

/// Carries a file over.
pub(crate) fn import(text: &str, file: &str) -> Result<Imported, Vec<Problem>> {
    let (read, problems, notes) = parse::parse(text);
    let mut draft = Draft::default();
    draft.problems = problems;
    draft.notes = notes;
    let groups = declared(&read, &mut draft);
    let mut carry = Carry { draft, groups, broken: &read.broken, used: BTreeMap::new(), said: BTreeSet::new() };
    carry.rules(&read);
    carry.unused(&read);
    carry.draft.finish(&Head { file, system: "a policy of Ethane (Pol-Eth)", remarks: REMARKS })
}

/// The groups by name; a name declared twice is a mistake.
fn declared<'f>(file: &'f File, draft: &mut Draft) -> BTreeMap<&'f str, &'f Group> {
    let mut groups = BTreeMap::new();
    for group in &file.groups {
        if groups.insert(group.name.text.as_str(), group).is_some() {
            draft.problems.push(Problem::new(group.name.place, format!("group `{}` is declared twice", group.name.text)));
        }
    }
    groups
}

/// What names in a place stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    User,
    Host,
    AccessPoint,
    Protocol,
}

struct Carry<'f> {
    draft: Draft,
    groups: BTreeMap<&'f str, &'f Group>,
    /// Those that cannot be read, of which enough is said.
    broken: &'f BTreeSet<String>,
    /// Groups that were declared, with what they hold, and their names; nothing while they are being declared.
    used: BTreeMap<(&'f str, Sort), Option<String>>,
    /// Principals that were declared.
    said: BTreeSet<(Sort, String)>,
}

impl<'f> Carry<'f> {
    fn rules(&mut self, file: &'f File) {
        for (place, rule) in file.rules.iter().enumerate() {
            self.rule(rule, place + 1 == file.rules.len());
        }
        if !matches!(file.rules.last(), Some(Rule { tests, action: Action::Allow | Action::Deny, .. }) if tests.is_empty()) {
            self.draft.otherwise(Verdict::Deny);
        }
    }

    fn rule(&mut self, rule: &'f Rule, is_last: bool) {
        let mut ends = Vec::new();
        let mut traffic = Vec::new();
        for test in &rule.tests {
            let (sort, side) = meaning(test.field);
            match sort {
                Sort::Protocol => traffic.push(self.protocol(test)),
                _ => ends.extend(self.set(&test.value, sort).map(|set| Cond::end(side, class(sort), set))),
            }
        }
        let duties = match &rule.action {
            Action::Waypoints(names) => self.waypoints(names),
            Action::Allow | Action::Deny | Action::OutboundOnly => Duties::default(),
        };
        let origin = Origin { place: rule.place, what: rule.text.clone() };
        let cond = Cond::All(ends.iter().chain(&traffic).cloned().collect());
        self.draft.comments(&rule.comments);
        match rule.action {
            Action::Allow if is_last && rule.tests.is_empty() => self.draft.otherwise(Verdict::Allow),
            Action::Deny if is_last && rule.tests.is_empty() => self.draft.otherwise(Verdict::Deny),
            Action::Allow | Action::Waypoints(_) => self.draft.rule(Verdict::Allow, &cond, &duties, &origin),
            Action::Deny => self.draft.rule(Verdict::Deny, &cond, &duties, &origin),
            Action::OutboundOnly => {
                // Ethane did not say what others may do to such an end under another protocol or elsewhere: nothing.
                self.draft.outbound_only(&Cond::All(ends), &Cond::All(traffic), &origin);
            }
        }
    }

    fn waypoints(&mut self, names: &'f [Name]) -> Duties {
        let mut via: Vec<String> = Vec::new();
        for name in names {
            let given = self.draft.middlebox(&name.text, name.place);
            if via.contains(&given) {
                self.draft.problems.push(Problem::new(name.place, format!("waypoint `{}` is named twice", name.text)));
            } else {
                via.push(given);
            }
        }
        Duties { via, limit: None }
    }

    /// The set that a test asks for, with what it needs declared; nothing if a part of it is wrong, which is told.
    fn set(&mut self, value: &'f Value, sort: Sort) -> Option<String> {
        match value {
            Value::Group(name) => self.group(name, sort),
            Value::Names(names) => {
                let known: Vec<Option<String>> = names.iter().map(|name| self.principal(name, sort)).collect();
                let known: Vec<String> = known.into_iter().collect::<Option<_>>()?;
                Some(known.join(" | "))
            }
        }
    }

    fn principal(&mut self, name: &Name, sort: Sort) -> Option<String> {
        if self.groups.contains_key(name.text.as_str()) {
            let found = Problem::new(name.place, format!("`{}` is a group", name.text));
            self.draft.problems.push(found.help(format!("write in(\"{}\")", name.text)));
            return None;
        }
        Some(self.declare(name, sort))
    }

    /// The name of a principal; declares it at its first mention.
    fn declare(&mut self, name: &Name, sort: Sort) -> String {
        let kind = match sort {
            Sort::User => Kind::User,
            Sort::Host => Kind::Host,
            Sort::AccessPoint => Kind::Location,
            Sort::Protocol => Kind::Service,
        };
        let given = self.draft.names.name(kind, &name.text);
        if self.said.insert((sort, name.text.clone())) {
            match sort {
                Sort::User => self.draft.user(name.place, format!("user {given};")),
                Sort::Host => self.draft.stand_in_host(&given, name.place),
                Sort::AccessPoint => self.draft.stand_in_location(&given, name.place),
                Sort::Protocol => {}
            }
        }
        given
    }

    /// The name of a group of this sort, declared with all that it holds.
    fn group(&mut self, name: &Name, sort: Sort) -> Option<String> {
        let Some((known, group)) = self.groups.get_key_value(name.text.as_str()).map(|(known, group)| (*known, *group)) else {
            if self.broken.contains(&name.text) {
                return None;
            }
            let found = Problem::new(name.place, format!("there is no group `{}`", name.text));
            let help = "declare it in front of `%%`, or write the name without `in`";
            self.draft.problems.push(found.help(help).meant(&name.text, self.groups.keys().copied()));
            return None;
        };
        match self.used.get(&(known, sort)) {
            Some(Some(given)) => return Some(given.clone()),
            Some(None) => {
                self.draft.problems.push(Problem::new(name.place, format!("group `{}` contains itself", name.text)));
                return None;
            }
            None => {}
        }
        self.used.insert((known, sort), None);
        let members: Vec<Option<String>> = group.members.iter().map(|member| self.member(member, sort)).collect();
        let given = self.draft.names.name(group_kind(sort), known);
        // Under its name even if a member is wrong, so that it is told once.
        self.used.insert((known, sort), Some(given.clone()));
        let members: Vec<String> = members.into_iter().collect::<Option<_>>()?;
        let text = group_text(&given, sort, &members);
        let lines = group.comments.iter().map(|text| format!("# {text}")).chain([text]).collect::<Vec<_>>();
        self.draft.group(group.name.place, lines.join("\n"));
        Some(given)
    }

    fn member(&mut self, member: &Name, sort: Sort) -> Option<String> {
        if self.groups.contains_key(member.text.as_str()) { self.group(member, sort) } else { Some(self.declare(member, sort)) }
    }

    /// The traffic that a test of `protocol` asks for.
    fn protocol(&mut self, test: &'f parse::Test) -> Cond {
        let mut names: Vec<&Name> = Vec::new();
        match &test.value {
            Value::Names(list) => names.extend(list),
            Value::Group(group) => {
                let mut open = Vec::new();
                self.protocols(group, &mut open, &mut names);
            }
        }
        let mut services: Vec<String> = Vec::new();
        let mut others = Vec::new();
        for name in names {
            match traffic(&name.text) {
                Some(Traffic::Service(service)) if services.contains(&service) => {}
                Some(Traffic::Service(service)) => services.push(service),
                Some(Traffic::Ether(value)) => others.push(Cond::ether(value)),
                None => {
                    let why = format!("nothing says what protocol `{}` is", name.text);
                    others.push(Cond::unsaid(test.place, &test.text, why));
                }
            }
        }
        if !services.is_empty() {
            others.insert(0, Cond::Test(Test::Service(services)));
        }
        Cond::Either(others)
    }

    /// The members of a group of protocols.
    fn protocols(&mut self, name: &Name, open: &mut Vec<&'f str>, names: &mut Vec<&'f Name>) {
        let Some((known, group)) = self.groups.get_key_value(name.text.as_str()).map(|(known, group)| (*known, *group)) else {
            if self.broken.contains(&name.text) {
                return;
            }
            let found = Problem::new(name.place, format!("there is no group `{}`", name.text));
            self.draft.problems.push(found.meant(&name.text, self.groups.keys().copied()));
            return;
        };
        if open.contains(&known) {
            self.draft.problems.push(Problem::new(name.place, format!("group `{}` contains itself", name.text)));
            return;
        }
        self.used.insert((known, Sort::Protocol), Some(String::new()));
        open.push(known);
        for member in &group.members {
            if self.groups.contains_key(member.text.as_str()) {
                self.protocols(member, open, names);
            } else {
                names.push(member);
            }
        }
        open.pop();
    }

    /// Groups that no rule asks for are of no sort. What they hold may be wrong all the same.
    fn unused(&mut self, file: &'f File) {
        for group in &file.groups {
            if !self.used.keys().any(|(name, _)| *name == group.name.text) {
                let why = "no rule asks for it, so that nothing says whether it holds users, hosts, access points or protocols";
                self.draft.leave_out(group.name.place, &group.name.text, why);
            }
        }
    }
}

/// What a field is about, and at which end.
fn meaning(field: Field) -> (Sort, Side) {
    match field {
        Field::Usrc => (Sort::User, Side::Src),
        Field::Udst => (Sort::User, Side::Dst),
        Field::Hsrc => (Sort::Host, Side::Src),
        Field::Hdst => (Sort::Host, Side::Dst),
        Field::Apsrc => (Sort::AccessPoint, Side::Src),
        Field::Apdst => (Sort::AccessPoint, Side::Dst),
        Field::Protocol => (Sort::Protocol, Side::Dst),
    }
}

fn class(sort: Sort) -> Class {
    match sort {
        Sort::User => Class::User,
        Sort::Host | Sort::Protocol => Class::Host,
        Sort::AccessPoint => Class::Place,
    }
}

fn group_kind(sort: Sort) -> Kind {
    match sort {
        Sort::User => Kind::UserGroup,
        Sort::Host => Kind::HostGroup,
        Sort::AccessPoint => Kind::LocationGroup,
        Sort::Protocol => Kind::ServiceGroup,
    }
}

fn group_text(name: &str, sort: Sort, members: &[String]) -> String {
    let word = match sort {
        Sort::User => "user",
        Sort::Host | Sort::Protocol => "host",
        Sort::AccessPoint => "location",
    };
    let mut distinct: Vec<&str> = Vec::new();
    for member in members {
        if !distinct.contains(&member.as_str()) {
            distinct.push(member);
        }
    }
    format!("group {name} = {word} {{ {} }};", distinct.join(", "))
}

/// Traffic as the policy language names it.
enum Traffic {
    Service(String),
    Ether(EtherType),
}

/// What a protocol's name stands for: a service or protocol that the policy language brings along.
fn traffic(name: &str) -> Option<Traffic> {
    let name = name.to_ascii_lowercase();
    let services = lang::builtin::SERVICES.iter().map(|(known, _)| *known);
    let protocols = lang::builtin::PROTOCOLS.iter().map(|(known, _)| *known);
    if services.chain(protocols).any(|known| known == name) {
        return Some(Traffic::Service(name));
    }
    let ether = lang::builtin::ETHER_TYPES.iter().find(|(known, _)| *known == name);
    ether.map(|(_, value)| Traffic::Ether(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let problems = import(text, "x").unwrap_err();
        crate::told(&problems)
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        let text = "a = [\"x\", y];\nb = [\"b\"];\nb = [\"c\"];\n%%\n[(hsrc=in(\"bb\"))] : deny;\n[(hsrx=\"x\")] : deny;\n\
            [(hsrc=\"x\")] : alow;\n[(hsrc=\"x\") | (hdst=\"y\")] : deny;\n[(hsrc=in(\"b\"))] : deny\n[] : allow;\n%%\n";
        assert_eq!(
            told(text),
            [
                "1:11 the name `y` stands without quotes (write \"y\")",
                "3:1 group `b` is declared twice",
                "5:11 there is no group `bb` (did you mean `b`?)",
                "6:3 no flow has a field `hsrx` (did you mean `hsrc`?)",
                "7:16 no rule does `alow` (did you mean `allow`?)",
                "8:13 `|` joins nothing: a condition is a conjunction (join tests with `^`, and write one rule for each alternative)",
                "9:24 the `;` at the end of this statement is missing",
                "11:1 `%%` stands between groups and rules, once, and this is the second",
            ]
        );
    }

    #[test]
    fn of_a_group_that_cannot_be_read_nothing_more_is_said() {
        let text = "all = [\"x\", \"y\";\nempty = [];\n%%\n[(hsrc=in(\"all\"))] : allow;\n[(hsrc=in(\"empty\"))] : deny;\n";
        assert_eq!(
            told(text),
            [
                "1:16 `;` stands where `,` and another name, or `]` is expected",
                "2:10 `]` stands where a name in quotes is expected",
            ]
        );
    }

    #[test]
    fn all_mistakes_of_one_statement_are_told() {
        let text = "%%\n[(hsrc=in(\"stff\"))^(bar=\"x\")|(hdst=roo)] : alow;\n";
        assert_eq!(
            told(text),
            [
                "2:11 there is no group `stff` (declare it in front of `%%`, or write the name without `in`)",
                "2:21 no flow has a field `bar` (the fields are `usrc`, `udst`, `hsrc`, `hdst`, `apsrc`, `apdst` and `protocol`)",
                "2:29 `|` joins nothing: a condition is a conjunction (join tests with `^`, and write one rule for each alternative)",
                "2:36 the name `roo` stands without quotes (write \"roo\")",
                "2:44 no rule does `alow` (did you mean `allow`?)",
            ]
        );
    }

    #[test]
    fn a_policy_of_this_language_is_told_as_such_once() {
        for text in
            ["user bob;\nallow from bob;\n", "# mine\nuser bob;\nallow from bbo;\ngroup g = user { bob }\ndefault deny;\n"]
        {
            for problems in [crate::pol_eth(text, "x"), crate::sepl(text, "x"), crate::faucet(text, "x", None)] {
                let told = crate::told(&problems.unwrap_err());
                assert_eq!(told, ["1:1 this is a policy of Pentane already (`pentane check` reads it as it is)"], "{text}");
            }
        }
    }

    #[test]
    fn groups_that_contain_themselves_are_refused() {
        assert_eq!(told("a = [\"b\"];\nb = [\"a\"];\n%%\n[(hsrc=in(\"a\"))] : deny;\n"), ["2:6 group `a` contains itself"]);
    }
}
