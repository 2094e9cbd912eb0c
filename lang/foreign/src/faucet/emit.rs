//! A network of Faucet as rules: what its VLANs keep apart, then the lists of the VLANs, each a section that a flow passes or is
//! denied in, and at last the lists of the ports, which allow. The order of Faucet's tables is another; since each of them can only
//! drop or hand on, theirs and this one come to the same. Knows nothing of YAML.

use std::collections::{BTreeMap, BTreeSet};

use crate::draft::{Draft, Origin};
use crate::logic::{Class, Cond, Side};
use crate::names::Kind;
use crate::rule::{Duties, Verdict};

use super::Lists;
use super::acl::{Acl, Meter, Rule};
use super::network::{Dp, Network, Port, Vid};
use super::read::{Key, Ref, Told};

type Meters = BTreeMap<Key, Meter>;

/// A port by its datapath's place in the file and its number.
type At = (usize, u32);

struct Emit<'n> {
    network: &'n Network,
    lists: &'n Lists,
    meters: &'n Meters,
    told: &'n mut Told,
    draft: &'n mut Draft,
    /// The names of the switches.
    switches: Vec<String>,
    /// Groups of ports that were declared, by their members.
    groups: BTreeMap<BTreeSet<At>, String>,
}

/// Where the rules of a list hold.
struct Stage<'s> {
    /// The packets that it is asked about.
    about: Cond,
    /// What lets a packet pass in it.
    passes: Verdict,
    /// It replaces a test of the VLAN by its own.
    own_vlan: bool,
    /// Which ports a test of the port can mean; nothing: it is replaced by the list's own.
    ports: Option<&'s [usize]>,
}

/// Writes the rules of a list that holds for every port.
pub(super) fn list(acl: &Acl, meters: &Meters, told: &mut Told, draft: &mut Draft) {
    let (network, lists) = (Network::default(), Lists { acls: BTreeMap::new(), included: false });
    let mut emit = Emit { network: &network, lists: &lists, meters, told, draft, switches: Vec::new(), groups: BTreeMap::new() };
    let stage = Stage { about: Cond::Any, passes: Verdict::Allow, own_vlan: false, ports: Some(&[]) };
    emit.acls(&[acl], &stage);
    emit.draft.nothing_else();
}

/// Writes the rules of a network.
pub(super) fn network(network: &Network, lists: &Lists, meters: &Meters, told: &mut Told, draft: &mut Draft) {
    let switches = network.dps.iter().map(|dp| draft.names.name(Kind::Switch, &dp.name)).collect();
    let mut emit = Emit { network, lists, meters, told, draft, switches, groups: BTreeMap::new() };
    for place in 0..network.dps.len() {
        emit.declare(place);
    }
    emit.tags();
    emit.apart();
    emit.own_port();
    emit.vlan_lists();
    emit.port_lists();
    emit.draft.nothing_else();
}

impl Emit<'_> {
    fn declare(&mut self, place: usize) {
        let Some((dp, name)) = self.network.dps.get(place).zip(self.switches.get(place)) else { return };
        let ports = |stack: bool| -> Vec<u32> {
            dp.ports.iter().filter(|(_, port)| port.enabled && port.is_stack == stack).map(|(number, _)| *number).collect()
        };
        let mut text = format!("switch {name} {{ dpid {:#x};", dp.dpid);
        for (word, ports) in [("access", ports(false)), ("uplink", ports(true))] {
            if !ports.is_empty() {
                text.push_str(&format!(" {word} {};", ranges(&ports)));
            }
        }
        self.draft.switch(dp.place, text + " }");
        let alone = !dp.ports.values().any(|port| port.is_stack);
        if self.network.dps.len() > 1 && alone {
            let why =
                "it is in no stack: which of its ports leads to another datapath is not said, and nothing passes between them";
            self.told.lost(dp.place, format!("dps: {}", dp.name), why);
        }
        for port in dp.ports.values().filter(|port| port.is_stack && !port.acls.is_empty()) {
            let why = "a list at a link of the stack judges what passes it: nothing passes between datapaths";
            self.told.lost(port.place, format!("the list of interface {}", port.name), why);
        }
        if let (false, Some(acl)) = (alone, dp.acls.as_ref().and_then(|acls| acls.first())) {
            let why = "lists of a datapath judge what passes the links of its stack, too: nothing passes between datapaths";
            self.told.lost(acl.place, format!("dp_acls of {}", dp.name), why);
        }
    }

    /// Ports that hosts may use, with where they are.
    fn ports(&self) -> impl Iterator<Item = (At, &Port)> {
        self.network.dps.iter().enumerate().flat_map(|(place, dp)| {
            dp.ports.iter().filter(|(_, port)| port.enabled && !port.is_stack).map(move |(number, port)| ((place, *number), port))
        })
    }

    /// Ports at which what comes in may pass.
    fn sources(&self) -> impl Iterator<Item = (At, &Port)> {
        let copied: BTreeSet<At> = (0..self.network.dps.len()).flat_map(|place| self.copies(place)).collect();
        self.ports()
            .filter(move |(at, port)| !port.drops && !copied.contains(at) && (port.native.is_some() || !port.tagged.is_empty()))
    }

    /// Ports that a rule of a list that is used here copies packets to: what comes in at them is dropped.
    fn copies(&self, place: usize) -> Vec<At> {
        let Some(dp) = self.network.dps.get(place) else { return Vec::new() };
        let vlans = self.network.vlans.values().flat_map(|vlan| vlan.acls_in.iter().chain(&vlan.acls_out));
        let refs = dp.ports.values().flat_map(|port| &port.acls).chain(dp.acls.iter().flatten()).chain(vlans);
        let acls = refs.filter_map(|one| self.lists.acls.get(&one.key)).flatten();
        acls.flat_map(|acl| &acl.mirrors).filter_map(|target| dp.port(&target.key)).map(|number| (place, number)).collect()
    }

    /// True if flows pass between two datapaths: both are of the stack, and no list judges what passes its links.
    fn are_joined(&self, one: usize, other: usize) -> bool {
        let is_stacked = |dp: &Dp| dp.ports.values().any(|port| port.is_stack);
        let is_clear = |dp: &Dp| dp.acls.is_none() && dp.ports.values().all(|port| !port.is_stack || port.acls.is_empty());
        let of_stack = |place: usize| self.network.dps.get(place).is_some_and(is_stacked);
        one == other || of_stack(one) && of_stack(other) && self.network.dps.iter().filter(|dp| is_stacked(dp)).all(is_clear)
    }

    /// A set of ports: one as it is, several as a group.
    fn set(&mut self, ports: &BTreeSet<At>, like: &str) -> String {
        if let (1, Some(only)) = (ports.len(), ports.first()) {
            return self.port_text(*only);
        }
        if let Some(name) = self.groups.get(ports) {
            return name.clone();
        }
        let number = self.groups.len();
        let name = self.draft.names.name_like(Kind::LocationGroup, &format!("{like} {number}"), like);
        let members: Vec<String> = ports.iter().map(|at| self.port_text(*at)).collect();
        let place = crate::place::Place { line: u32::MAX, column: u32::try_from(number).unwrap_or(u32::MAX) };
        self.draft.group(place, format!("group {name} = location {{ {} }};", members.join(", ")));
        self.groups.insert(ports.clone(), name.clone());
        name
    }

    fn port_text(&self, (dp, number): At) -> String {
        format!("{}:{number}", self.switches.get(dp).map_or("", String::as_str))
    }

    fn at(&mut self, ports: &BTreeSet<At>, like: &str) -> Cond {
        if ports.is_empty() { Cond::Never } else { Cond::end(Side::Src, Class::Place, self.set(ports, like)) }
    }

    fn deny(&mut self, cond: Cond) {
        let origin = Origin { place: crate::place::Place::default(), what: String::new() };
        self.draft.rule(Verdict::Deny, &cond, &Duties::default(), &origin);
    }

    /// Frames with a tag pass where the port is in that VLAN, frames without one where it has a native VLAN.
    fn tags(&mut self) {
        let mut alike: BTreeMap<(bool, BTreeSet<Vid>), BTreeSet<At>> = BTreeMap::new();
        for (at, port) in self.sources() {
            alike.entry((port.native.is_some(), port.tagged.iter().copied().collect())).or_default().insert(at);
        }
        if !alike.is_empty() {
            self.draft.line("# Frames are taken without a tag, or with that of a VLAN that the port is in.");
        }
        for ((native, tagged), ports) in alike {
            let like = ports_like(self.network, &ports);
            let at = self.at(&ports, &like);
            let any = Cond::field("vlan in 1-4094");
            if !native {
                self.deny(Cond::All(vec![at.clone(), any.clone().negated()]));
            }
            let known = match tagged.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice() {
                [] => Cond::Never,
                [only] => Cond::field(format!("vlan = {only}")),
                several => Cond::field(format!("vlan in {{ {} }}", several.join(", "))),
            };
            self.deny(Cond::All(vec![at, any, known.negated()]));
        }
        self.draft.line("");
    }

    /// VLANs that hosts may send by, with the datapaths that each is of: those of a stack share theirs.
    fn domains(&self) -> Vec<(Vid, usize, BTreeSet<At>)> {
        let mut domains: Vec<(Vid, usize, BTreeSet<At>)> = Vec::new();
        for vid in self.network.vlans.keys() {
            for place in 0..self.network.dps.len() {
                if domains.iter().any(|(other, first, _)| other == vid && *first != place && self.are_joined(*first, place)) {
                    continue;
                }
                let is_in = |port: &Port| port.native == Some(*vid) || port.tagged.contains(vid);
                let members: BTreeSet<At> =
                    self.ports().filter(|((dp, _), port)| self.are_joined(place, *dp) && is_in(port)).map(|(at, _)| at).collect();
                if !members.is_empty() {
                    domains.push((*vid, place, members));
                }
            }
        }
        domains
    }

    /// The packets that come in by a VLAN of these datapaths.
    fn comes_by(&mut self, vid: Vid, members: &BTreeSet<At>) -> Cond {
        let name = self.network.vlans.get(&vid).map_or_else(|| vid.to_string(), |vlan| vlan.name.clone());
        let mut pure = BTreeSet::new();
        let mut native = BTreeSet::new();
        let mut tagged = BTreeSet::new();
        for (at, port) in self.sources().filter(|(at, _)| members.contains(at)) {
            match (port.native == Some(vid), port.tagged.is_empty()) {
                (true, true) => pure.insert(at),
                (true, false) => native.insert(at),
                (false, _) => tagged.insert(at),
            };
        }
        let like = format!("vlan-{name}");
        let pure = self.at(&pure, &like);
        let native = self.at(&native, &like);
        let tagged = self.at(&tagged, &like);
        Cond::Either(vec![
            pure,
            Cond::All(vec![native, Cond::field("vlan in 1-4094").negated()]),
            Cond::All(vec![tagged, Cond::field(format!("vlan = {vid}"))]),
        ])
    }

    /// Nothing passes between VLANs.
    fn apart(&mut self) {
        let all: BTreeSet<At> = self.network.dps.iter().enumerate().flat_map(|(place, dp)| places(place, dp)).collect();
        let reached: BTreeSet<At> = self.ports().map(|(at, _)| at).collect();
        let mut first = true;
        for (vid, _, members) in self.domains() {
            if all.is_subset(&members) {
                continue;
            }
            if std::mem::take(&mut first) {
                self.draft.line("# Nothing passes from one VLAN to another.");
            }
            let by = self.comes_by(vid, &members);
            let Some(vlan) = self.network.vlans.get(&vid) else { continue };
            let there = self.set(&members, &format!("vlan-{}", vlan.name));
            let word = if members.len() == 1 { format!("apdst != {there}") } else { format!("apdst not in {there}") };
            self.deny(Cond::All(vec![by.clone(), Cond::field(word)]));
            if !reached.is_subset(&members) {
                let groups = Cond::end(Side::Dst, Class::Address, "broadcast | multicast");
                self.deny(Cond::All(vec![by, groups]));
                let why = "what is sent to everyone or to a group reaches every port here, whatever its VLAN: it is denied";
                self.told.lost(vlan.place, format!("VLAN {}", vlan.name), why);
            }
        }
        if !first {
            self.draft.line("");
        }
    }

    /// Nothing goes back where it came from; ports that may not send broadcasts send none.
    fn own_port(&mut self) {
        let back: Vec<At> = self.sources().filter(|(_, port)| !port.hairpin).map(|(at, _)| at).collect();
        if !back.is_empty() {
            self.draft.line("# Nothing goes out of the port that it came in at.");
        }
        for at in back {
            let port = self.port_text(at);
            self.deny(Cond::All(vec![
                Cond::end(Side::Src, Class::Place, port.clone()),
                Cond::end(Side::Dst, Class::Place, port),
            ]));
        }
        let restricted: Vec<(At, crate::place::Place)> =
            self.sources().filter_map(|(at, port)| Some((at, port.restricted?))).collect();
        for (at, place) in restricted {
            let why =
                "which ports a broadcast reaches is not told apart: but for ARP and neighbour discovery, all of them are denied";
            self.told.lost(place, "restricted_bcast_arpnd: true", why);
            let port = Cond::end(Side::Src, Class::Place, self.port_text(at));
            let groups = Cond::end(Side::Dst, Class::Address, "broadcast | multicast");
            let discovery = Cond::All(vec![Cond::proto([58]), Cond::field("icmp-type in 133-136")]);
            let arp = Cond::ether(net::EtherType::ARP);
            self.deny(Cond::All(vec![port, groups, Cond::Either(vec![arp, discovery]).negated()]));
        }
        self.draft.line("");
    }

    /// The lists of VLANs: what comes in by a VLAN has to pass them.
    fn vlan_lists(&mut self) {
        let network = self.network;
        for (vid, first, members) in self.domains() {
            let Some(vlan) = network.vlans.get(&vid) else { continue };
            let joined: Vec<usize> = (0..network.dps.len()).filter(|place| self.are_joined(first, *place)).collect();
            for (refs, way) in [(&vlan.acls_in, "in"), (&vlan.acls_out, "out")] {
                if refs.is_empty() {
                    continue;
                }
                let about = self.comes_by(vid, &members);
                if about.settled() == Cond::Never {
                    continue;
                }
                let like = format!("vlan-{}-{way}", vlan.name);
                let section = self.draft.names.name_like(Kind::Section, &format!("{vid} {first} {way}"), &like);
                self.draft.line(format!("section {section} {{"));
                let stage = Stage { about: about.clone(), passes: Verdict::Pass, own_vlan: true, ports: Some(&joined) };
                self.named(refs, &stage);
                self.deny(about);
                self.draft.line("}");
                self.draft.line("");
            }
        }
    }

    /// The lists of ports, which allow. Ports with the same lists share the rules.
    fn port_lists(&mut self) {
        let mut alike: BTreeMap<Vec<Key>, (Vec<Ref>, BTreeSet<At>)> = BTreeMap::new();
        let mut whole: BTreeMap<usize, BTreeSet<At>> = BTreeMap::new();
        for (at, port) in self.sources() {
            if self.network.dps.get(at.0).is_some_and(|dp| dp.acls.is_some()) {
                whole.entry(at.0).or_default().insert(at);
                continue;
            }
            let keys = port.acls.iter().map(|one| one.key.clone()).collect();
            alike.entry(keys).or_insert_with(|| (port.acls.clone(), BTreeSet::new())).1.insert(at);
        }
        for (place, ports) in whole {
            let refs = self.network.dps.get(place).and_then(|dp| dp.acls.clone()).unwrap_or_default();
            let like = ports_like(self.network, &ports);
            let about = self.at(&ports, &like);
            self.named(&refs, &Stage { about: about.clone(), passes: Verdict::Allow, own_vlan: false, ports: Some(&[place]) });
            self.deny(about);
            self.draft.line("");
        }
        for (keys, (refs, ports)) in alike {
            let names = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
            let like = if keys.is_empty() { "open-ports".to_owned() } else { format!("ports-{names}") };
            let about = self.at(&ports, &like);
            if keys.is_empty() {
                self.draft.line("# Ports without a list.");
                let origin = Origin { place: crate::place::Place::default(), what: String::new() };
                self.draft.rule(Verdict::Allow, &about, &Duties::default(), &origin);
            } else {
                self.named(&refs, &Stage { about: about.clone(), passes: Verdict::Allow, own_vlan: false, ports: None });
                self.deny(about);
            }
            self.draft.line("");
        }
    }

    /// The rules of lists by their names; nothing passes one that is not there.
    fn named(&mut self, refs: &[Ref], stage: &Stage<'_>) {
        let lists = self.lists;
        let names: Vec<String> = refs.iter().map(|one| format!("`{}`", one.key)).collect();
        self.draft.comments(&[format!("List {}.", names.join(", "))]);
        if let Some(acls) = lists.all(refs) {
            self.acls(&acls, stage);
        }
    }

    fn acls(&mut self, acls: &[&Acl], stage: &Stage<'_>) {
        let exact = acls.first().is_some_and(|acl| acl.exact_match);
        let rules = acls.iter().flat_map(|acl| &acl.rules);
        // Of rules of one priority none is the first: whichever the switch took, nothing passes that one of them drops.
        let (denying, allowing): (Vec<&Rule>, Vec<&Rule>) =
            if exact { rules.partition(|rule| !rule.allows) } else { (rules.collect(), Vec::new()) };
        for rule in denying.into_iter().chain(allowing) {
            self.rule(rule, stage);
        }
    }

    fn rule(&mut self, rule: &Rule, stage: &Stage<'_>) {
        let mut parts = vec![stage.about.clone(), rule.matches.cond.clone()];
        if !stage.own_vlan {
            parts.push(rule.matches.vlan.clone());
        }
        if let (Some((number, place)), Some(dps)) = (rule.matches.in_port, stage.ports) {
            let known: BTreeSet<At> = self.sources().map(|(at, _)| at).collect();
            let ports: BTreeSet<At> = dps.iter().map(|dp| (*dp, number)).filter(|at| known.contains(at)).collect();
            let lost = match dps.len() {
                0 => Some("the file has no datapaths, so that no port is known"),
                1 => None,
                _ => Some("a list of a VLAN is asked at each switch of a stack, and at each the packet comes in elsewhere"),
            };
            parts.push(match lost {
                Some(why) => Cond::unsaid(place, format!("in_port: {number}"), why),
                None => self.at(&ports, &format!("port-{number}")),
            });
        }
        let cond = Cond::All(parts);
        let origin = Origin { place: rule.place, what: rule.text.clone() };
        let comments: Vec<String> = rule.comment.iter().cloned().collect();
        self.draft.comments(&comments);
        if !rule.allows {
            return self.draft.rule(Verdict::Deny, &cond, &Duties::default(), &origin);
        }
        match self.limit(rule, stage) {
            Ok(limit) => self.draft.rule(stage.passes, &cond, &Duties { via: Vec::new(), limit }, &origin),
            Err(why) => {
                self.told.lost(rule.place, format!("{} with a meter", rule.text), why);
                self.draft.rule(Verdict::Deny, &cond, &Duties::default(), &origin);
            }
        }
    }

    /// The rate that a rule limits what it allows to; or why that cannot be said, so that nothing is allowed.
    fn limit(&self, rule: &Rule, stage: &Stage<'_>) -> Result<Option<String>, String> {
        let Some(meter) = &rule.meter else { return Ok(None) };
        let meter = self.meters.get(&meter.key);
        match (meter, stage.passes) {
            (Some(Meter::Unlimited), _) => Ok(None),
            (Some(Meter::Kbps(rate)), Verdict::Allow) => Ok(Some(format!("{rate}kbps"))),
            (Some(Meter::Kbps(_)), _) => {
                Err("a list of a VLAN limits no rates here: what the rule lets pass is denied".to_owned())
            }
            (Some(Meter::Other(why)), _) => Err(format!("of its meter, {why}: what the rule lets pass is denied")),
            (None, _) => Err("its meter is in no file that is read: what the rule lets pass is denied".to_owned()),
        }
    }
}

/// All ports of a datapath that are no links, those that are down among them.
fn places(place: usize, dp: &Dp) -> impl Iterator<Item = At> {
    dp.ports.iter().filter(|(_, port)| !port.is_stack).map(move |(number, _)| (place, *number))
}

/// What a group of ports is called: by its datapath, if it has but one.
fn ports_like(network: &Network, ports: &BTreeSet<At>) -> String {
    let dps: BTreeSet<usize> = ports.iter().map(|(dp, _)| *dp).collect();
    match (dps.len(), dps.first().and_then(|dp| network.dps.get(*dp))) {
        (1, Some(dp)) => format!("{}-ports", dp.name),
        _ => "ports".to_owned(),
    }
}

/// `1-6, 8`
fn ranges(ports: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*port) => *last = *port,
            _ => ranges.push((*port, *port)),
        }
    }
    let shown = ranges.iter().map(|(low, high)| if low == high { low.to_string() } else { format!("{low}-{high}") });
    shown.collect::<Vec<_>>().join(", ")
}
