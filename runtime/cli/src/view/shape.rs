//! The shape that the JSON of a view file is to have, and what is said of another, in plain words. Knows nothing of any policy.

use std::net::IpAddr;

use lang::suggest::{Candidate, did_you_mean, nearest};
use net::MacAddr;
use serde_json::{Map, Value};

/// What a value is to be.
enum Shape {
    Text(&'static str),
    Mac,
    Address,
    /// A list of these.
    Each(&'static Shape),
    /// An object of a kind, with an example.
    Object(&'static str, &'static str, &'static [Field]),
    /// A name, or an object.
    User,
    /// The two ends of a cable.
    Cable,
}

/// What an object may have: the name, what it is to be, whether it may be `null`, and whether it may be left out.
type Field = (&'static str, Shape, bool, bool);

const VIEW: Shape = Shape::Object(
    "a view",
    "{\"schema\": \"pentane.view/1\", \"stations\": []}",
    &[
        ("schema", Shape::Text("\"pentane.view/1\""), false, false),
        ("stations", Shape::Each(&STATION), false, true),
        ("gateways", Shape::Each(&GATEWAY), false, true),
        ("links", Shape::Each(&Shape::Cable), true, true),
    ],
);

const STATION: Shape = Shape::Object(
    "a station",
    "{\"host\": \"pc1\", \"at\": \"edge1:1\"}",
    &[
        ("mac", Shape::Mac, true, true),
        ("host", Shape::Text("\"pc1\""), true, true),
        ("at", Shape::Text("\"edge1:1\""), true, true),
        ("ip", Shape::Each(&Shape::Address), false, true),
        ("users", Shape::Each(&Shape::User), false, true),
        ("groups", Shape::Each(&Shape::Text("\"printers\"")), false, true),
    ],
);

const GATEWAY: Shape = Shape::Object(
    "a gateway",
    "{\"name\": \"border\", \"mac\": \"02:00:00:00:00:fe\"}",
    &[("name", Shape::Text("\"border\""), false, false), ("mac", Shape::Mac, false, false)],
);

const MEMBER: Shape = Shape::Object(
    "a user",
    "{\"name\": \"bob\", \"groups\": [\"profs\"]}",
    &[("name", Shape::Text("\"bob\""), true, true), ("groups", Shape::Each(&Shape::Text("\"profs\"")), false, true)],
);

/// How much of a text that is wrong is shown.
const MAX_SHOWN: usize = 60;

/// The first thing that has another shape than it is to have.
pub fn misshapen(view: &Value) -> Option<String> {
    VIEW.check("", view).err()
}

impl Shape {
    /// What it is to be, in words.
    fn wanted(&self) -> String {
        match self {
            Shape::Text(example) => format!("a text in quotes, like {example}"),
            Shape::Mac => "a MAC address, like \"02:00:00:00:00:11\"".to_owned(),
            Shape::Address => "an IP address, like \"10.0.1.12\"".to_owned(),
            Shape::Each(_) => "a list".to_owned(),
            Shape::Object(_, example, _) => format!("an object, like {example}"),
            Shape::User => "a name, or an object with `name` and `groups`".to_owned(),
            Shape::Cable => "a list of two ports, like [\"edge1:25\", \"core:1\"]".to_owned(),
        }
    }

    fn check(&self, place: &str, value: &Value) -> Result<(), String> {
        let fits = match (self, value) {
            (Shape::Text(_) | Shape::User, Value::String(_)) => true,
            (Shape::Mac, Value::String(text)) => text.parse::<MacAddr>().is_ok(),
            (Shape::Address, Value::String(text)) => text.parse::<IpAddr>().is_ok(),
            (Shape::Each(inner), Value::Array(all)) => {
                return all.iter().enumerate().try_for_each(|(number, one)| inner.check(&format!("{place}[{number}]"), one));
            }
            (Shape::Object(kind, _, fields), Value::Object(object)) => return check_fields(place, kind, fields, object),
            (Shape::User, Value::Object(_)) => return MEMBER.check(place, value),
            (Shape::Cable, Value::Array(ends)) => ends.len() == 2 && ends.iter().all(Value::is_string),
            (
                Shape::Text(_) | Shape::Mac | Shape::Address | Shape::Each(_) | Shape::Object(..) | Shape::User | Shape::Cable,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
            ) => false,
        };
        if fits {
            return Ok(());
        }
        let place = match place {
            "" => "the file".to_owned(),
            field if field.ends_with(']') => field.to_owned(),
            field => format!("`{field}`"),
        };
        Err(format!("{place} is to be {}, and is {}", self.wanted(), what(self, value)))
    }
}

fn check_fields(place: &str, kind: &str, fields: &[Field], object: &Map<String, Value>) -> Result<(), String> {
    let of_place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let names = || fields.iter().map(|(name, ..)| *name);
    if let Some(odd) = object.keys().find(|key| names().all(|name| name != **key)) {
        let all: Vec<String> = names().map(|name| format!("`{name}`")).collect();
        let near = did_you_mean(&nearest(odd, None, names().map(|name| Candidate { name, kind: None })));
        let advice = near.unwrap_or_else(|| format!("its fields are {}", all.join(", ")));
        return Err(format!("{of_place}{kind} has no field `{}`: {advice}", shown(odd)));
    }
    for (name, shape, may_be_null, may_lack) in fields {
        match object.get(*name) {
            None if !may_lack => return Err(format!("{of_place}{kind} needs the field `{name}`, {}", shape.wanted())),
            Some(Value::Null) if *may_be_null => {}
            Some(value) => {
                let within = if place.is_empty() { (*name).to_owned() } else { format!("{place}.{name}") };
                shape.check(&within, value)?;
            }
            None => {}
        }
    }
    Ok(())
}

/// What a value is, with the text where that is what is wrong.
fn what(wanted: &Shape, value: &Value) -> String {
    match (wanted, value) {
        (_, Value::Null) => "null".to_owned(),
        (_, Value::Bool(_)) => "true or false".to_owned(),
        (_, Value::Number(_)) => "a number".to_owned(),
        (Shape::Address | Shape::Mac, Value::String(text)) => format!("\"{}\"", shown(text)),
        (Shape::Each(_), Value::String(text)) => format!("a text: write [\"{}\"]", shown(text)),
        (_, Value::String(_)) => "a text".to_owned(),
        (_, Value::Array(_)) => "a list".to_owned(),
        (_, Value::Object(_)) => "an object".to_owned(),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
