//! Mappings read by the tables of keys: every key that is unknown, and every value that is of another sort, is told. Knows nothing
//! of what is read.

use std::fmt;

use crate::draft::Draft;
use crate::place::Place;
use crate::{LeftOut, Problem};

use super::keys::{Row, Ty, Use};
use super::yaml::{self, Kind, Node};

/// A name or number by which something is known: a number is not the string that shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Int(i128),
    Str(String),
}

/// A key where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Ref {
    pub(crate) key: Key,
    pub(crate) place: Place,
}

/// A mapping by the words of its keys.
pub(crate) struct Fields<'n> {
    pub(crate) place: Place,
    entries: Vec<(&'n str, &'n Node, &'n Node)>,
}

/// What of a configuration there is to be told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) problems: Vec<Problem>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) notes: Vec<(Place, String)>,
}

/// What to write for a string where a number or true or false is wanted: YAML 1.1 knew more words for these.
fn unquoted(text: &str, ty: Ty) -> Option<String> {
    let (word, number) = match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" => ("true", 1),
        "no" | "n" | "off" => ("false", 0),
        _ if matches!(yaml::plain(text), Kind::Int(_) | Kind::Bool(_)) => {
            return Some("write it without quotes, as YAML does".to_owned());
        }
        _ => return None,
    };
    let number = if ty == Ty::Int { format!(" or `{number}`") } else { String::new() };
    Some(format!("write `{word}`{number}: since YAML 1.2, `{}` is a string like any other", crate::place::excerpt(text)))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Int(number) => number.fmt(f),
            Key::Str(text) => f.write_str(&crate::place::excerpt(text)),
        }
    }
}

impl Key {
    pub(crate) fn of(node: &Node) -> Option<Key> {
        match &node.kind {
            Kind::Int(number) => Some(Key::Int(*number)),
            Kind::Str(text) => Some(Key::Str(text.clone())),
            Kind::Null | Kind::Bool(_) | Kind::Float(_) | Kind::List(_) | Kind::Map(_) => None,
        }
    }
}

impl Told {
    pub(crate) fn wrong(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn lost(&mut self, place: Place, what: impl Into<String>, why: impl Into<String>) {
        self.left_out.push(LeftOut { place, what: what.into(), why: why.into() });
    }

    pub(crate) fn into_draft(self, draft: &mut Draft) {
        draft.problems.extend(self.problems);
        for LeftOut { place, what, why } in self.left_out {
            draft.leave_out(place, &what, why);
        }
        for (place, text) in self.notes {
            draft.note(place, text);
        }
    }

    /// The entries of a mapping, in order; none if it is nothing, or something else, which is told.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str) -> &'n [(Node, Node)] {
        match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Null => &[],
            _ => {
                self.wrong(Problem::new(node.place, format!("{what} is a mapping, and this is {}", node.sort())));
                &[]
            }
        }
    }

    /// A mapping whose keys are those of a table, and more that are told from others elsewhere.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, what: &str, rows: &[Row], more: &[&str]) -> Fields<'n> {
        let mut fields = Fields { place: node.place, entries: Vec::new() };
        for (key, value) in self.map(node, what) {
            let Kind::Str(word) = &key.kind else {
                self.wrong(Problem::new(key.place, format!("{what} has no key `{}`", key.shown())));
                continue;
            };
            match rows.iter().find(|(known, ..)| known == word) {
                Some((_, ty, used)) => {
                    if value.kind == Kind::Null {
                        continue;
                    }
                    if self.is(value, *ty, word) {
                        fields.entries.push((word, key, value));
                        if let Use::Lost(why) = used
                            && !is_off(value)
                        {
                            self.lost(key.place, format!("{word}: {}", value.shown()), *why);
                        }
                    }
                }
                // To leave away what is to be matched would match more.
                None if more.contains(&word.as_str()) && value.kind == Kind::Null => {
                    let found = Problem::new(value.place, format!("`{word}` is said, and is nothing"));
                    self.wrong(found.help("give it a value, or remove it"));
                }
                None if more.contains(&word.as_str()) => fields.entries.push((word, key, value)),
                None => {
                    let known = rows.iter().map(|(known, ..)| *known).chain(more.iter().copied());
                    let found = Problem::new(key.place, format!("{what} has no key `{}`", crate::place::excerpt(word)));
                    self.wrong(found.meant(word, known));
                }
            }
        }
        fields
    }

    /// True if the value is of this sort; else that is told.
    fn is(&mut self, value: &Node, ty: Ty, word: &str) -> bool {
        let fits = match (ty, &value.kind) {
            (Ty::Any, _)
            | (Ty::Bool | Ty::Int, Kind::Bool(_))
            | (Ty::Int | Ty::StrInt | Ty::Float | Ty::ListStrInt, Kind::Int(_))
            | (Ty::Float, Kind::Float(_))
            | (Ty::Str | Ty::StrInt | Ty::ListStrInt, Kind::Str(_))
            | (Ty::List | Ty::ListStrInt | Ty::MapList, Kind::List(_))
            | (Ty::Map | Ty::MapList, Kind::Map(_)) => true,
            (Ty::Bool | Ty::Int | Ty::Float | Ty::Str | Ty::StrInt | Ty::List | Ty::Map | Ty::ListStrInt | Ty::MapList, _) => {
                false
            }
        };
        if !fits {
            let wanted = match ty {
                Ty::Bool => "true or false",
                Ty::Int => "a number",
                Ty::Float => "a fraction",
                Ty::Str => "a string",
                Ty::StrInt => "a string or a number",
                Ty::List => "a list",
                Ty::Map => "a mapping",
                Ty::ListStrInt => "a list, a string or a number",
                Ty::MapList => "a mapping or a list",
                Ty::Any => "anything",
            };
            let found =
                Problem::new(value.place, format!("`{word}` is {wanted}, and this is {}: `{}`", value.sort(), value.shown()));
            self.wrong(match (ty, &value.kind) {
                (Ty::Int | Ty::Bool, Kind::Str(text)) => Problem { help: unquoted(text, ty), ..found },
                _ => found,
            });
        }
        fits
    }

    /// A number in these limits.
    pub(crate) fn number(&mut self, node: &Node, what: &str, low: i128, high: i128) -> Option<i128> {
        let number = match &node.kind {
            Kind::Int(number) => Some(*number),
            Kind::Bool(value) => Some(i128::from(*value)),
            Kind::Null | Kind::Float(_) | Kind::Str(_) | Kind::List(_) | Kind::Map(_) => None,
        };
        let found = number.filter(|number| (low..=high).contains(number));
        if found.is_none() {
            self.wrong(Problem::new(
                node.place,
                format!("{what} is a number from {low} to {high}, and this is `{}`", node.shown()),
            ));
        }
        found
    }

    /// A name or number by which something is known.
    pub(crate) fn key(&mut self, node: &Node, what: &str) -> Option<Ref> {
        let key = Key::of(node);
        if key.is_none() {
            self.wrong(Problem::new(node.place, format!("{what} is a string or a number, and this is {}", node.sort())));
        }
        key.map(|key| Ref { key, place: node.place })
    }

    /// A list of such.
    pub(crate) fn keys(&mut self, node: &Node, what: &str) -> Vec<Ref> {
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.key(item, what)).collect(),
            _ => self.key(node, what).into_iter().collect(),
        }
    }
}

/// True if a key says that it is not used.
fn is_off(value: &Node) -> bool {
    match &value.kind {
        Kind::Null | Kind::Bool(false) | Kind::Int(0) => true,
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        Kind::Bool(true) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => false,
    }
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, word: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(known, ..)| *known == word).map(|(.., value)| *value)
    }

    /// Where the key stands.
    pub(crate) fn place_of(&self, word: &str) -> Place {
        self.entries.iter().find(|(known, ..)| *known == word).map_or(self.place, |(_, key, _)| key.place)
    }

    pub(crate) fn is_on(&self, word: &str) -> bool {
        self.get(word).is_some_and(|value| !is_off(value))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'n str, &'n Node, &'n Node)> {
        self.entries.iter().copied()
    }
}
