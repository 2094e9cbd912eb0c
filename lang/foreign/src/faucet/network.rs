//! Datapaths with their ports, and VLANs: which port is in which VLAN, and by which lists its packets are judged. Knows nothing of
//! what the lists say.

use std::collections::BTreeMap;

use crate::Problem;
use crate::place::Place;

use super::keys;
use super::read::{Fields, Key, Ref, Told};
use super::yaml::{Kind, Node};

/// A VLAN identifier.
pub(crate) type Vid = u16;

/// The VLANs by name; nothing for one that is wrong, which has been told.
type Names = BTreeMap<Key, Option<Vid>>;

/// The network that a file describes.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) vlans: BTreeMap<Vid, Vlan>,
    pub(crate) dps: Vec<Dp>,
}

/// A VLAN.
pub(crate) struct Vlan {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Lists for what comes in by it, and for what goes out.
    pub(crate) acls_in: Vec<Ref>,
    pub(crate) acls_out: Vec<Ref>,
}

/// A datapath.
pub(crate) struct Dp {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) dpid: u64,
    pub(crate) ports: BTreeMap<u32, Port>,
    /// Lists in place of those of the ports.
    pub(crate) acls: Option<Vec<Ref>>,
}

/// A port.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) native: Option<Vid>,
    pub(crate) tagged: Vec<Vid>,
    pub(crate) acls: Vec<Ref>,
    /// It leads to another datapath of the stack.
    pub(crate) is_stack: bool,
    /// It is up.
    pub(crate) enabled: bool,
    /// What comes in at it is dropped.
    pub(crate) drops: bool,
    /// What comes in at it may go out there again.
    pub(crate) hairpin: bool,
    /// It may not send broadcasts but of ARP and neighbour discovery to others of its sort.
    pub(crate) restricted: Option<Place>,
}

impl Network {
    pub(crate) fn read(vlans: Option<&Node>, dps: Option<&Node>, told: &mut Told) -> Network {
        let mut network = Network::default();
        let mut names: Names = BTreeMap::new();
        for (key, value) in vlans.map_or(&[][..], |node| told.map(node, "`vlans`")) {
            network.vlan(key, value, &mut names, told);
        }
        for (key, value) in dps.map_or(&[][..], |node| told.map(node, "`dps`")) {
            network.dp(key, value, &names, told);
        }
        network
    }

    fn vlan(&mut self, key: &Node, value: &Node, names: &mut Names, told: &mut Told) {
        let Some(name) = told.key(key, "the name of a VLAN") else { return };
        names.insert(name.key.clone(), None);
        let fields = told.fields(value, &format!("VLAN `{}`", name.key), keys::VLAN, &[]);
        let vid = match (fields.get("vid"), &name.key) {
            (Some(vid), _) => vid,
            (None, Key::Int(_)) => key,
            (None, Key::Str(_)) => {
                let found = Problem::new(name.place, format!("VLAN `{}` has no `vid`", name.key));
                return told.wrong(found.help("give it its number, such as `vid: 100`"));
            }
        };
        let Some(vid) = told.number(vid, "a VLAN", 1, 4094).and_then(|vid| Vid::try_from(vid).ok()) else { return };
        let text = string(&fields, "name").unwrap_or_else(|| name.key.to_string());
        if name.key.to_string() != text && name.key.to_string() != vid.to_string() {
            told.wrong(Problem::new(
                name.place,
                format!("VLAN `{}` is known by neither its name, `{text}`, nor its number", name.key),
            ));
        }
        let acls_in = lists(&fields, "acl_in", "acls_in", told);
        let acls_out = lists(&fields, "acl_out", "acls_out", told);
        names.insert(name.key, Some(vid));
        let vlan = Vlan { name: text, place: name.place, acls_in, acls_out };
        if self.vlans.insert(vid, vlan).is_some() {
            told.wrong(Problem::new(name.place, format!("two VLANs have number {vid}")));
        }
    }

    fn dp(&mut self, key: &Node, value: &Node, names: &Names, told: &mut Told) {
        let Some(name) = told.key(key, "the name of a datapath") else { return };
        let what = format!("datapath `{}`", name.key);
        let fields = told.fields(value, &what, keys::DP, &[]);
        if let Some(other) = string(&fields, "name").filter(|other| *other != name.key.to_string()) {
            told.wrong(Problem::new(fields.place_of("name"), format!("{what} calls itself `{other}`")));
        }
        let dpid = match fields.get("dp_id") {
            Some(dpid) => told.number(dpid, "`dp_id`", 0, i128::from(u64::MAX)).and_then(|dpid| u64::try_from(dpid).ok()),
            None => {
                let found = Problem::new(name.place, format!("{what} has no `dp_id`"));
                told.wrong(found.help("give it the number by which the switch introduces itself, such as `dp_id: 0x1`"));
                None
            }
        };
        let mut dp = Dp {
            name: name.key.to_string(),
            place: name.place,
            dpid: dpid.unwrap_or_default(),
            ports: BTreeMap::new(),
            acls: fields.get("dp_acls").map(|acls| told.keys(acls, "the name of a list")).filter(|acls| !acls.is_empty()),
        };
        if !fields.is_on("interfaces") && !fields.is_on("interface_ranges") {
            told.wrong(Problem::new(name.place, format!("{what} has no `interfaces`")));
        }
        self.ports(&fields, &mut dp, names, told);
        for port in dp.ports.values() {
            if let (Some(_), Some(acl)) = (&dp.acls, port.acls.first()) {
                let found =
                    Problem::new(acl.place, format!("{what} has `dp_acls`, and its port `{}` has lists of its own", port.name));
                told.wrong(found.help("use one or the other"));
            }
        }
        if let (Some(dpid), Some(other)) = (dpid, self.dps.iter().find(|other| Some(other.dpid) == dpid)) {
            told.wrong(Problem::new(
                name.place,
                format!("datapaths `{}` and `{}` have one `dp_id`: {dpid:#x}", other.name, dp.name),
            ));
        }
        self.dps.push(dp);
    }

    fn ports(&mut self, fields: &Fields<'_>, dp: &mut Dp, names: &Names, told: &mut Told) {
        // A range gives what an interface of its own does not say.
        let mut all: BTreeMap<u32, (Ref, Vec<(Node, Node)>)> = BTreeMap::new();
        for (key, value) in fields.get("interfaces").map_or(&[][..], |node| told.map(node, "`interfaces`")) {
            let Some(name) = told.key(key, "the name of an interface") else { continue };
            let entries = told.map(value, &format!("interface `{}`", name.key)).to_vec();
            let own = entries.iter().find(|(key, _)| key.kind == Kind::Str("number".to_owned())).map(|(_, value)| value);
            let number = match (own, &name.key) {
                (Some(number), _) => told.number(number, "the number of an interface", 1, 0xffff_ff00),
                (None, Key::Int(_)) => told.number(key, "the number of an interface", 1, 0xffff_ff00),
                (None, Key::Str(_)) => {
                    let found = Problem::new(name.place, format!("interface `{}` has no `number`", name.key));
                    told.wrong(found.help("give it the number of its port, such as `number: 1`"));
                    None
                }
            };
            let Some(number) = number.and_then(|number| u32::try_from(number).ok()) else { continue };
            let place = name.place;
            if all.insert(number, (name, entries)).is_some() {
                told.wrong(Problem::new(place, format!("two interfaces have number {number}")));
            }
        }
        for (key, value) in fields.get("interface_ranges").map_or(&[][..], |node| told.map(node, "`interface_ranges`")) {
            let entries = told.map(value, "a range of interfaces").to_vec();
            for number in range(key, told) {
                let name = Ref { key: Key::Int(number.into()), place: key.place };
                let (_, own) = all.entry(number).or_insert((name, Vec::new()));
                let more = entries.iter().filter(|(key, _)| key.kind != Kind::Str("number".to_owned()));
                for (key, value) in more {
                    if !own.iter().any(|(other, _)| other.kind == key.kind) {
                        own.push((key.clone(), value.clone()));
                    }
                }
            }
        }
        for (number, (name, entries)) in all {
            let node = Node { place: name.place, kind: Kind::Map(entries) };
            if let Some(port) = self.port(number, &name, &node, names, told) {
                dp.ports.insert(number, port);
            }
        }
        mirror_targets(dp, fields, told);
    }

    fn port(&mut self, number: u32, name: &Ref, node: &Node, names: &Names, told: &mut Told) -> Option<Port> {
        let what = format!("interface `{}`", name.key);
        let fields = told.fields(node, &what, keys::PORT, &[]);
        let text = string(&fields, "name").unwrap_or_else(|| name.key.to_string());
        if name.key.to_string() != text && name.key.to_string() != number.to_string() {
            told.wrong(Problem::new(name.place, format!("{what} is known by neither its name, `{text}`, nor its number")));
        }
        let native = fields.get("native_vlan").and_then(|vlan| self.vid(vlan, names, told));
        let tagged = match fields.get("tagged_vlans").map(|vlans| &vlans.kind) {
            Some(Kind::List(vlans)) => vlans.iter().filter_map(|vlan| self.vid(vlan, names, told)).collect(),
            _ => Vec::new(),
        };
        if let Some(both) = native.filter(|native| tagged.contains(native)) {
            told.wrong(Problem::new(name.place, format!("VLAN {both} is both native and tagged at {what}")));
        }
        let is_stack = fields.is_on("stack");
        if let Some(stack) = fields.get("stack").filter(|_| is_stack) {
            let stack = told.fields(stack, "`stack`", keys::STACK, &[]);
            for missing in ["dp", "port"].into_iter().filter(|word| stack.get(word).is_none()) {
                told.wrong(Problem::new(stack.place, format!("`stack` has no `{missing}`")));
            }
        }
        conflicts(&fields, &what, told);
        let mut drops = fields.is_on("output_only") || fields.is_on("mirror");
        for (word, why) in [
            ("dot1x", "nothing logs hosts in by 802.1X: nothing that comes in at this port is let pass"),
            ("coprocessor", "nothing is handed to other controllers: nothing that comes in at this port is let pass"),
        ] {
            if fields.is_on(word) {
                told.lost(fields.place_of(word), word, why);
                drops = true;
            }
        }
        if fields.is_on("mirror") {
            told.lost(fields.place_of("mirror"), "mirror", "no copies are made of what passes a port");
        }
        Some(Port {
            name: text,
            place: name.place,
            native,
            tagged,
            acls: lists(&fields, "acl_in", "acls_in", told),
            is_stack,
            enabled: fields.get("enabled").is_none_or(|enabled| enabled.kind != Kind::Bool(false)),
            drops,
            hairpin: fields.is_on("hairpin") || fields.is_on("hairpin_unicast"),
            restricted: fields.is_on("restricted_bcast_arpnd").then(|| fields.place_of("restricted_bcast_arpnd")),
        })
    }

    /// A VLAN by its name or number; one that is named by a number alone is made.
    fn vid(&mut self, node: &Node, names: &Names, told: &mut Told) -> Option<Vid> {
        let found = told.key(node, "a VLAN")?;
        if let Some(vid) = names.get(&found.key) {
            return *vid;
        }
        match &found.key {
            Key::Int(_) => {
                let vid = told.number(node, "a VLAN", 1, 4094).and_then(|vid| Vid::try_from(vid).ok())?;
                let vlan = || Vlan { name: vid.to_string(), place: found.place, acls_in: Vec::new(), acls_out: Vec::new() };
                self.vlans.entry(vid).or_insert_with(vlan);
                Some(vid)
            }
            Key::Str(word) => {
                let problem = Problem::new(found.place, format!("there is no VLAN `{word}`"));
                let known: Vec<String> = names.keys().map(ToString::to_string).collect();
                told.wrong(problem.meant(word, known.iter().map(String::as_str)));
                None
            }
        }
    }
}

/// What cannot be said of one port together.
fn conflicts(fields: &Fields<'_>, what: &str, told: &mut Told) {
    let vlan = ["native_vlan", "tagged_vlans"].into_iter().find(|word| fields.is_on(word));
    let other = ["output_only", "stack", "mirror", "coprocessor"].into_iter().find(|word| fields.is_on(word));
    let list = ["acl_in", "acls_in"].into_iter().find(|word| fields.is_on(word));
    let pairs = [
        (vlan, other),
        (list, Some("dot1x").filter(|word| fields.is_on(word))),
        (Some("hairpin").filter(|word| fields.is_on(word)), Some("hairpin_unicast").filter(|word| fields.is_on(word))),
    ];
    for (one, other) in pairs.into_iter().filter_map(|(one, other)| one.zip(other)) {
        let message = format!("{what} has both `{one}` and `{other}`, which exclude each other");
        told.wrong(Problem::new(fields.place_of(other), message).help("remove one of them"));
    }
}

/// Ports that others are copied to: what comes in at them is dropped, and what the copies are of has to exist.
fn mirror_targets(dp: &Dp, fields: &Fields<'_>, told: &mut Told) {
    let entries = fields.get("interfaces").map_or(&[][..], |node| match &node.kind {
        Kind::Map(entries) => entries.as_slice(),
        _ => &[],
    });
    for (_, port) in entries {
        let Kind::Map(keys) = &port.kind else { continue };
        let Some((_, mirror)) = keys.iter().find(|(key, _)| key.kind == Kind::Str("mirror".to_owned())) else { continue };
        for target in told.keys(mirror, "a port that is mirrored") {
            if dp.port(&target.key).is_none() {
                told.wrong(Problem::new(target.place, format!("datapath `{}` has no port `{}`", dp.name, target.key)));
            }
        }
    }
}

/// `1-6,8`
fn range(key: &Node, told: &mut Told) -> Vec<u32> {
    let text = key.shown();
    let mut numbers = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        match (low.trim().parse::<u32>(), high.trim().parse::<u32>()) {
            (Ok(low), Ok(high)) if 0 < low && low <= high && high - low < 4096 => numbers.extend(low..=high),
            _ => {
                let found = Problem::new(key.place, format!("`{part}` is no range of ports"));
                told.wrong(found.help("write such as `1-6,8`"));
            }
        }
    }
    numbers
}

/// The lists under either of two keys.
fn lists(fields: &Fields<'_>, one: &str, several: &str, told: &mut Told) -> Vec<Ref> {
    match (fields.get(one), fields.get(several)) {
        (Some(_), Some(_)) => {
            let found = Problem::new(fields.place_of(one), format!("both `{one}` and `{several}` are said"));
            told.wrong(found.help(format!("use `{several}` alone")));
            Vec::new()
        }
        (Some(node), None) | (None, Some(node)) => told.keys(node, "the name of a list"),
        (None, None) => Vec::new(),
    }
}

fn string(fields: &Fields<'_>, word: &str) -> Option<String> {
    match fields.get(word).map(|node| &node.kind) {
        Some(Kind::Str(text)) => Some(text.clone()),
        _ => None,
    }
}

impl Dp {
    /// The number of a port by its number or name.
    pub(crate) fn port(&self, key: &Key) -> Option<u32> {
        match key {
            Key::Int(number) => u32::try_from(*number).ok().filter(|number| self.ports.contains_key(number)),
            Key::Str(name) => self.ports.iter().find(|(_, port)| port.name == *name).map(|(number, _)| *number),
        }
    }
}
