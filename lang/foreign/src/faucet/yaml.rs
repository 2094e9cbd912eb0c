//! YAML as values with places: mappings keep their order and refuse a key said twice, anchors are followed, `<<` is merged. What
//! plain words stand for is read as YAML 1.2 does, and Faucet with it. Knows nothing of what keys mean.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::Problem;
use crate::place::{Place, excerpt};

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i128),
    /// As it is written.
    Float(String),
    Str(String),
    List(Vec<Node>),
    /// Keys with their values, in order.
    Map(Vec<(Node, Node)>),
}

/// How deep values may nest.
const MAX_DEPTH: usize = 64;

/// How many values a text may stand for, anchors followed: a few lines can stand for billions.
const MAX_NODES: usize = 1_000_000;

struct Composer<'p> {
    events: Parser<'p, saphyr_parser::StrInput<'p>>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    problems: Vec<Problem>,
}

/// A text that is no YAML, which ends the reading.
struct Broken;

/// The value of a text; nothing if it is empty or cannot be read, which is told.
pub(crate) fn compose(text: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    let mut composer =
        Composer { events: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0, problems: std::mem::take(problems) };
    let read = composer.document();
    *problems = composer.problems;
    // Where a text ends too early, the line behind its last one is named.
    let last = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
    for problem in problems.iter_mut().filter(|problem| problem.place.line > last) {
        problem.place = Place { line: last, column: 1 };
    }
    read.ok().flatten()
}

impl Composer<'_> {
    fn document(&mut self) -> Result<Option<Node>, Broken> {
        let mut found = None;
        loop {
            let (event, place) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(found),
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                other if found.is_some() => {
                    let _ = other;
                    let message = "this file holds several documents, and a configuration is one";
                    self.problems.push(Problem::new(place, message).help("remove the `---` line, or what stands behind it"));
                    return Err(Broken);
                }
                other => found = Some(self.node(other, place, 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'static>, Place), Broken> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((owned(event), place(span.start))),
            Some(Err(error)) => {
                let message = format!("this is no YAML: {}", excerpt(error.info()));
                self.problems.push(Problem::new(place(*error.marker()), message));
                Err(Broken)
            }
            None => Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
        }
    }

    fn node(&mut self, event: Event<'static>, place: Place, depth: usize) -> Result<Node, Broken> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            let what = if depth > MAX_DEPTH { "nests too deep" } else { "stands for too many values" };
            self.problems.push(Problem::new(place, format!("this configuration {what}")));
            return Err(Broken);
        }
        let before = self.nodes;
        let (kind, anchor) = match event {
            Event::Alias(id) => return self.alias(id, place),
            Event::Scalar(text, style, anchor, tag) => (self.scalar(&text, style, tag.as_deref(), place), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => (Kind::Null, 0),
        };
        let node = Node { place, kind };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    /// What an anchor stands for; its places are those of the anchor.
    fn alias(&mut self, id: usize, place: Place) -> Result<Node, Broken> {
        let Some((node, size)) = self.anchors.get(&id) else {
            self.problems.push(Problem::new(place, "this refers to an anchor that is not complete here"));
            return Err(Broken);
        };
        self.nodes += size;
        if self.nodes > MAX_NODES {
            self.problems.push(Problem::new(place, "this configuration stands for too many values"));
            return Err(Broken);
        }
        Ok(node.clone())
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Broken> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Kind::List(items)),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, Broken> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                (event, place) => self.node(event, place, depth + 1)?,
            };
            let (event, place) = self.next()?;
            let value = self.node(event, place, depth + 1)?;
            if key.kind == Kind::Str("<<".to_owned()) {
                merged.push(value);
            } else if entries.iter().any(|(other, _)| other.kind == key.kind) {
                self.problems
                    .push(Problem::new(key.place, format!("`{}` is said twice", key.shown())).help("remove one of them"));
            } else {
                entries.push((key, value));
            }
        }
        for node in merged {
            self.merge(node, &mut entries);
        }
        Ok(Kind::Map(entries))
    }

    /// Adds what a mapping does not say itself.
    fn merge(&mut self, node: Node, entries: &mut Vec<(Node, Node)>) {
        match node.kind {
            Kind::Map(more) => {
                for (key, value) in more {
                    if !entries.iter().any(|(other, _)| other.kind == key.kind) {
                        entries.push((key, value));
                    }
                }
            }
            Kind::List(list) => {
                for one in list {
                    self.merge(one, entries);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {
                self.problems.push(Problem::new(node.place, "`<<` takes a mapping"));
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Kind {
        match tag.map(|tag| tag.suffix.as_str()) {
            None if style == ScalarStyle::Plain => plain(text),
            None | Some("str" | "") => Kind::Str(text.to_owned()),
            Some("int" | "bool" | "null" | "float") => plain(text),
            Some(other) => {
                self.problems.push(Problem::new(place, format!("nothing is known of a tag `{}`", excerpt(other))));
                Kind::Str(text.to_owned())
            }
        }
    }
}

/// What a plain word stands for (YAML 1.2, core schema).
pub(super) fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if let Some(number) = integer(text) {
        return Kind::Int(number);
    }
    let digits = text.trim_start_matches(['+', '-']);
    let float = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(['.', 'e', 'E'])
        && digits.chars().any(|c| c.is_ascii_digit())
        && text.parse::<f64>().is_ok();
    if float { Kind::Float(text.to_owned()) } else { Kind::Str(text.to_owned()) }
}

fn integer(text: &str) -> Option<i128> {
    let radix = |digits: &str, radix: u32| {
        let sound = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix) || c == '_');
        sound.then(|| i128::from_str_radix(&digits.replace('_', ""), radix).ok()).flatten()
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    match text.strip_prefix('-') {
        Some(digits) => radix(digits, 10).map(|number| -number),
        None => radix(text.strip_prefix('+').unwrap_or(text), 10),
    }
}

fn place(marker: Marker) -> Place {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Place { line: number(marker.line()), column: number(marker.col() + 1) }
}

fn owned(event: Event<'_>) -> Event<'static> {
    use std::borrow::Cow;
    let tag = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| Cow::Owned(tag.into_owned()));
    match event {
        Event::Nothing => Event::Nothing,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(explicit) => Event::DocumentStart(explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(id) => Event::Alias(id),
        Event::Scalar(text, style, anchor, found) => Event::Scalar(Cow::Owned(text.into_owned()), style, anchor, tag(found)),
        Event::SequenceStart(anchor, found) => Event::SequenceStart(anchor, tag(found)),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingStart(anchor, found) => Event::MappingStart(anchor, tag(found)),
        Event::MappingEnd => Event::MappingEnd,
    }
}

impl Node {
    /// The value as a message shows it.
    pub(crate) fn shown(&self) -> String {
        match &self.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Int(value) => value.to_string(),
            Kind::Float(text) | Kind::Str(text) => excerpt(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }

    /// What the value is, in words.
    pub(crate) fn sort(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) => "a number",
            Kind::Float(_) => "a fraction",
            Kind::Str(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<Problem>) {
        let mut problems = Vec::new();
        let node = compose(text, &mut problems);
        (node, problems)
    }

    fn entry<'n>(node: &'n Node, wanted: &str) -> &'n Node {
        let Kind::Map(entries) = &node.kind else { panic!("{node:?}") };
        &entries.iter().find(|(key, _)| key.shown() == wanted).unwrap().1
    }

    #[test]
    fn words_are_what_yaml_takes_them_for() {
        let (node, problems) = read(
            "a: 0x800\nb: '0x800'\nc: yes\nd: True\ne: 1_000\nf: 0o17\ng: 01:02:03:04:05:06\nh: -1\ni: 1.5\nj:\nk: 10.0.0.1\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let node = node.unwrap();
        let kind = |key| entry(&node, key).kind.clone();
        let text = |text: &str| Kind::Str(text.to_owned());
        assert_eq!([kind("a"), kind("e"), kind("f"), kind("h")], [2048, 1000, 15, -1].map(Kind::Int));
        assert_eq!([kind("b"), kind("c"), kind("g"), kind("k")], ["0x800", "yes", "01:02:03:04:05:06", "10.0.0.1"].map(text));
        assert_eq!((kind("d"), kind("i"), kind("j")), (Kind::Bool(true), Kind::Float("1.5".to_owned()), Kind::Null));
        assert_eq!(entry(&node, "b").place, Place { line: 2, column: 4 });
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let (node, problems) = read("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: &l [1, 2]\ne: *l\n");
        assert!(problems.is_empty(), "{problems:?}");
        let node = node.unwrap();
        assert_eq!(entry(entry(&node, "b"), "q").kind, Kind::Int(2));
        assert_eq!((&entry(entry(&node, "c"), "p").kind, &entry(entry(&node, "c"), "q").kind), (&Kind::Int(1), &Kind::Int(3)));
        assert_eq!(entry(&node, "d"), entry(&node, "e"));
    }

    #[test]
    fn what_is_said_twice_is_told_each_time_and_the_rest_is_read() {
        let (node, problems) = read("a: 1\nb: 2\na: 3\nb: 4\n");
        let places: Vec<u32> = problems.iter().map(|problem| problem.place.line).collect();
        assert_eq!((places, entry(&node.unwrap(), "a").kind.clone()), (vec![3, 4], Kind::Int(1)));
    }

    #[test]
    fn what_is_no_yaml_or_too_much_of_it_is_refused() {
        assert_eq!(read("").0, None);
        let (node, problems) = read("a: [1\nb: 2\n");
        assert!(node.is_none() && problems.len() == 1 && problems[0].message.starts_with("this is no YAML"), "{problems:?}");
        assert!(read("a: 1\n---\nb: 2\n").1[0].message.contains("several documents"));
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(&laughs).1[0].message.contains("too many values"));
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(read(&deep).1[0].message.contains("nests too deep"));
    }
}
