//! Lists of rules: what each matches, and what becomes of a packet that it matches. Knows nothing of ports and VLANs.

use std::collections::BTreeMap;

use crate::Problem;
use crate::place::{Place, comment, excerpt};

use super::fields::{self, Match};
use super::keys;
use super::read::{Fields, Key, Ref, Told};
use super::yaml::{Kind, Node};

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct Acl {
    pub(crate) place: Place,
    pub(crate) rules: Vec<Rule>,
    /// All rules have one priority: of those that match, none is the first.
    pub(crate) exact_match: bool,
    /// Ports that get copies of packets, and nothing in any more.
    pub(crate) mirrors: Vec<Ref>,
    /// Ports that packets are sent to.
    pub(crate) outputs: Vec<Ref>,
}

/// A rule of a list.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) place: Place,
    /// What it matches, as it is written.
    pub(crate) text: String,
    pub(crate) matches: Match,
    pub(crate) allows: bool,
    /// The meter that what it allows passes.
    pub(crate) meter: Option<Ref>,
    pub(crate) comment: Option<String>,
}

/// A rate, or why there is none.
#[derive(Clone, Debug)]
pub(crate) enum Meter {
    /// So many thousand bits a second.
    Kbps(u64),
    /// It drops nothing.
    Unlimited,
    /// It limits something else: this.
    Other(&'static str),
}

/// The lists of a file, by name; nothing for one that is wrong, which is told.
pub(crate) fn read_all(node: &Node, told: &mut Told) -> BTreeMap<Key, Option<Acl>> {
    let mut acls = BTreeMap::new();
    for (key, value) in told.map(node, "`acls`") {
        if let Some(name) = told.key(key, "the name of a list") {
            acls.insert(name.key, read(key, value, told));
        }
    }
    acls
}

fn read(key: &Node, value: &Node, told: &mut Told) -> Option<Acl> {
    let mut exact_match = false;
    let list = match &value.kind {
        Kind::List(list) => list.as_slice(),
        Kind::Map(_) => {
            let fields = told.fields(value, &format!("list `{}`", key.shown()), keys::ACL, &[]);
            exact_match = fields.is_on("exact_match");
            if exact_match {
                let why = "rules of one priority have no order: what one of them denies is denied, whichever else matches";
                told.lost(fields.place_of("exact_match"), "exact_match: true", why);
            }
            match fields.get("rules").map(|rules| &rules.kind) {
                Some(Kind::List(list)) => list.as_slice(),
                _ => &[],
            }
        }
        _ => {
            told.wrong(Problem::new(
                value.place,
                format!("list `{}` is a list of rules, and this is {}", key.shown(), value.sort()),
            ));
            return None;
        }
    };
    if list.is_empty() {
        let found = Problem::new(key.place, format!("list `{}` has no rules", key.shown()));
        told.wrong(found.help("an empty list would drop everything: write a rule that says so"));
        return None;
    }
    let mut acl = Acl { place: key.place, rules: Vec::new(), exact_match, mirrors: Vec::new(), outputs: Vec::new() };
    let mut sound = true;
    for item in list {
        match rule(item, &mut acl, told) {
            Some(rule) => acl.rules.push(rule),
            None => sound = false,
        }
    }
    sound.then_some(acl)
}

/// `- rule: { … }`, or the mapping alone.
fn rule(item: &Node, acl: &mut Acl, told: &mut Told) -> Option<Rule> {
    let Kind::Map(entries) = &item.kind else {
        told.wrong(
            Problem::new(item.place, format!("a rule is a mapping, and this is {}", item.sort()))
                .help("write `- rule:`, and what it matches below"),
        );
        return None;
    };
    let inner = match entries.as_slice() {
        [(key, value)] if key.kind == Kind::Str("rule".to_owned()) && value.kind != Kind::Null => value,
        _ => item,
    };
    // `- rule:` with what follows not set in: the word stands for nothing.
    let shifted: Vec<(Node, Node)> = match &inner.kind {
        Kind::Map(entries) => {
            let is_rule = |key: &Node| key.kind == Kind::Str("rule".to_owned());
            entries.iter().filter(|(key, value)| !is_rule(key) || value.kind != Kind::Null).cloned().collect()
        }
        _ => Vec::new(),
    };
    let inner = match &inner.kind {
        Kind::Map(_) => &Node { place: inner.place, kind: Kind::Map(shifted) },
        _ => inner,
    };
    if let Kind::Map(entries) = &inner.kind
        && let Some((key, _)) = entries.iter().find(|(key, value)| key.shown() == "actions" && value.kind == Kind::Null)
    {
        told.wrong(Problem::new(key.place, "`actions` says nothing").help("write `allow: 1` or `allow: 0`"));
        return None;
    }
    let mut names = fields::names();
    names.push("rule");
    let read = told.fields(inner, "a rule", keys::RULE, &names);
    if let Some(nested) = read.get("rule") {
        told.wrong(Problem::new(nested.place, "what a rule matches stands beside `rule`, and something inside it, too"));
        return None;
    }
    if let Some(cookie) = read.get("cookie") {
        told.number(cookie, "`cookie`", 0, 1 << 16)?;
    }
    let matches = fields::read(&read, told);
    let place = entries.first().map_or(item.place, |(key, _)| key.place);
    let mut rule = Rule {
        place,
        text: written(&read),
        matches: matches?,
        allows: false,
        meter: None,
        comment: match read.get("description").map(|node| &node.kind) {
            Some(Kind::Str(text)) => comment(text),
            _ => None,
        },
    };
    match read.get("actions") {
        None => {
            // A rule that does nothing drops; so does one without the key.
            told.notes.push((place, "a rule without `actions` drops what it matches".to_owned()));
        }
        Some(actions) => actions_of(actions, &mut rule, acl, told)?,
    }
    Some(rule)
}

/// What the rule matches, as it is written.
fn written(fields: &Fields<'_>) -> String {
    let parts: Vec<String> = fields
        .iter()
        .filter(|(word, ..)| *word != "actions" && *word != "description" && *word != "cookie")
        .map(|(word, _, value)| format!("{word}: {}", value.shown()))
        .collect();
    excerpt(&format!("rule: {{ {} }}", parts.join(", ")))
}

fn actions_of(node: &Node, rule: &mut Rule, acl: &mut Acl, told: &mut Told) -> Option<()> {
    if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
        told.wrong(Problem::new(node.place, "`actions` says nothing").help("write `allow: 1` or `allow: 0`"));
        return None;
    }
    let actions = told.fields(node, "`actions`", keys::ACTIONS, &[]);
    let flag = |word: &str| actions.get(word).is_some_and(|value| matches!(value.kind, Kind::Int(1) | Kind::Bool(true)));
    rule.allows = flag("allow");
    if let Some(value) = actions.get("allow").filter(|value| !matches!(value.kind, Kind::Int(0 | 1) | Kind::Bool(_))) {
        told.notes
            .push((value.place, format!("`allow: {}` is not 1, so that Faucet drops what the rule matches", value.shown())));
    }
    if let Some(mirror) = actions.get("mirror") {
        let why = "no copies are made of what passes";
        told.lost(actions.place_of("mirror"), format!("mirror: {}", mirror.shown()), why);
        acl.mirrors.extend(told.key(mirror, "`mirror`"));
        // Alone, it lets the packet pass as well.
        rule.allows |= actions.get("allow").is_none();
    }
    if rule.allows && flag("force_port_vlan") {
        let why = "what it lets pass is subject to its port's VLANs and their lists here, as everything is";
        told.lost(actions.place_of("force_port_vlan"), "force_port_vlan: 1", why);
    }
    rule.meter = actions.get("meter").and_then(|meter| told.key(meter, "`meter`"));
    if let Some(output) = actions.get("output") {
        self::output(output, actions.place_of("output"), rule, acl, told);
    }
    if actions.get("ct").is_some() {
        let why = "Pentane follows conversations by itself: what the rule matches is denied";
        told.lost(actions.place_of("ct"), "ct", why);
        rule.allows = false;
    }
    Some(())
}

/// Copies go elsewhere and do not matter; a packet that is changed, or sent elsewhere alone, is not the one that was sent.
fn output(node: &Node, place: Place, rule: &mut Rule, acl: &mut Acl, told: &mut Told) {
    let parts = match &node.kind {
        Kind::List(parts) => parts.iter().collect(),
        _ => vec![node],
    };
    let mut changes = false;
    for part in parts {
        let fields = told.fields(part, "`output`", keys::OUTPUT, &[]);
        if matches!(node.kind, Kind::List(_)) && fields.iter().count() > 1 {
            told.wrong(Problem::new(part.place, "each item of `output` says one thing").help("write one item for each"));
        }
        for (one, other) in [("port", "ports"), ("vlan_vid", "vlan_vids")] {
            if fields.get(one).is_some() && fields.get(other).is_some() {
                told.wrong(Problem::new(fields.place_of(other), format!("`output` has both `{one}` and `{other}`")));
            }
        }
        for ports in [fields.get("port"), fields.get("ports")].into_iter().flatten() {
            acl.outputs.extend(told.keys(ports, "a port"));
        }
        changes |= fields.iter().any(|(word, ..)| !matches!(word, "port" | "ports" | "failover"));
    }
    let why = match (rule.allows, changes) {
        (true, false) => "no copies are made of what passes",
        (true, true) => "packets are not changed on their way: what the rule matches is denied",
        (false, _) => "packets are not sent elsewhere than they are addressed to: what the rule matches is denied",
    };
    told.lost(place, "output", why);
    rule.allows &= !changes;
}

/// The meters of a file, by name.
pub(crate) fn meters(node: &Node, told: &mut Told) -> BTreeMap<Key, Meter> {
    let mut meters = BTreeMap::new();
    for (key, value) in told.map(node, "`meters`") {
        let Some(name) = told.key(key, "the name of a meter") else { continue };
        let what = format!("meter `{}`", key.shown());
        let fields = told.fields(value, &what, keys::METER, &[]);
        let Some(entry) = fields.get("entry") else {
            told.wrong(Problem::new(key.place, format!("{what} has no `entry`")));
            continue;
        };
        let entry = told.fields(entry, "`entry`", keys::ENTRY, &[]);
        meters.insert(name.key, rate(&entry, told));
    }
    meters
}

fn rate(entry: &Fields<'_>, told: &mut Told) -> Meter {
    let flags: Vec<String> = match entry.get("flags").map(|flags| &flags.kind) {
        Some(Kind::Str(flag)) => vec![flag.to_ascii_uppercase()],
        Some(Kind::List(flags)) => flags.iter().map(|flag| flag.shown().to_ascii_uppercase()).collect(),
        _ => Vec::new(),
    };
    let bands = match entry.get("bands").map(|bands| &bands.kind) {
        Some(Kind::List(bands)) => bands.as_slice(),
        _ => &[],
    };
    if flags.is_empty() || bands.is_empty() {
        told.wrong(
            Problem::new(entry.place, "a meter has `flags` and `bands`")
                .help("such as `flags: KBPS` and `bands: [{type: DROP, rate: 1000}]`"),
        );
        return Meter::Unlimited;
    }
    let mut lowest: Option<u64> = None;
    for band in bands {
        let field = |wanted: &str| match &band.kind {
            Kind::Map(entries) => entries.iter().find(|(key, _)| key.shown() == wanted).map(|(_, value)| value),
            _ => None,
        };
        let drops = field("type").is_some_and(|value| value.shown().eq_ignore_ascii_case("drop"));
        let Some(value) = field("rate") else {
            told.wrong(Problem::new(band.place, "a band has a `type` and a `rate`"));
            continue;
        };
        if let (true, Some(rate)) = (drops, told.number(value, "`rate`", 0, i128::from(u32::MAX))) {
            let rate = u64::try_from(rate).unwrap_or(u64::MAX);
            lowest = Some(lowest.map_or(rate, |other| other.min(rate)));
        }
    }
    match lowest {
        None => Meter::Unlimited,
        Some(_) if !flags.iter().any(|flag| flag == "KBPS") => Meter::Other("it counts packets, and a limit here is of bits"),
        Some(0) => Meter::Other("it lets nothing pass"),
        Some(rate) => Meter::Kbps(rate),
    }
}
