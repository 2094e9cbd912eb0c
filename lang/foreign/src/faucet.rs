//! Faucet's configuration carried over: its tables are stages, each of which drops a packet or hands it on, and become sections here
//! that a flow has to pass. Knows nothing of how YAML is read.

mod acl;
mod emit;
mod fields;
mod keys;
mod network;
mod read;
mod yaml;

use std::collections::BTreeMap;

use crate::draft::{Draft, Head};
use crate::place::Place;
use crate::{Imported, Problem};

use acl::Acl;
use network::Network;
use read::{Fields, Key, Ref, Told};
use yaml::Kind;

const REMARKS: &[&str] = &[
    "A packet passes if its port, its VLAN and their lists let it pass. Within a list the first rule that matches decides, \
        and what none matches is dropped.",
    "Faucet judged every packet alone, answers among them. Here the answers to what is allowed pass, and nothing else does.",
];

/// Carries a configuration over.
pub(crate) fn import(text: &str, file: &str, acl: Option<&str>) -> Result<Imported, Vec<Problem>> {
    let mut problems = Vec::new();
    let root = yaml::compose(text, &mut problems);
    let mut told = Told { problems, ..Told::default() };
    let mut draft = Draft::default();
    match root {
        Some(root) => {
            let fields = told.fields(&root, "a configuration", keys::TOP, &[]);
            configuration(&fields, acl, &mut told, &mut draft);
        }
        None if told.problems.is_empty() => {
            told.wrong(Problem::new(Place { line: 1, column: 1 }, "this configuration is empty"));
        }
        None => {}
    }
    told.into_draft(&mut draft);
    draft.finish(&Head { file, system: "a configuration of Faucet", remarks: REMARKS })
}

fn configuration(fields: &Fields<'_>, acl: Option<&str>, told: &mut Told, draft: &mut Draft) {
    if let Some(version) = fields.get("version").filter(|version| version.kind != Kind::Int(2)) {
        let found = Problem::new(version.place, format!("this is read as version 2, and the file says `{}`", version.shown()));
        told.wrong(found.help("write `version: 2`, if it is"));
    }
    let included = includes(fields, told);
    let acls = fields.get("acls").map(|node| acl::read_all(node, told)).unwrap_or_default();
    let meters = fields.get("meters").map(|node| acl::meters(node, told)).unwrap_or_default();
    let network = Network::read(fields.get("vlans"), fields.get("dps"), told);
    let lists = Lists { acls, included };
    lists.check_meters(&meters, told);
    if network.dps.is_empty() {
        alone(fields, &lists, acl, told, draft, &meters);
    } else {
        if let Some(name) = acl {
            let message = format!("list `{name}` is asked for, and this file has datapaths that say which lists they use");
            told.wrong(Problem::new(fields.place_of("dps"), message));
        }
        lists.check(&network, told);
        emit::network(&network, &lists, &meters, told, draft);
    }
}

/// True if the file includes others, which are not read.
fn includes(fields: &Fields<'_>, told: &mut Told) -> bool {
    let mut any = false;
    for word in ["include", "include-optional"] {
        let Some(Kind::List(files)) = fields.get(word).map(|node| &node.kind) else { continue };
        for file in files {
            let why = "one file is read: put what it says into this one, or ports by lists of it stay closed";
            told.lost(file.place, format!("{word}: {}", file.shown()), why);
            any = true;
        }
    }
    any
}

/// The lists of a file.
pub(crate) struct Lists {
    /// By name; nothing for one that is wrong.
    acls: BTreeMap<Key, Option<Acl>>,
    /// Others may be in files that are not read.
    included: bool,
}

impl Lists {
    /// The lists that are meant; nothing if one of them is not there.
    pub(crate) fn all<'l>(&'l self, refs: &[Ref]) -> Option<Vec<&'l Acl>> {
        refs.iter().map(|one| self.acls.get(&one.key).and_then(Option::as_ref)).collect()
    }

    /// Lists that are used are there, fit each other, and speak of ports that are there; those that are not used decide nothing.
    fn check(&self, network: &Network, told: &mut Told) {
        let mut used: Vec<&Key> = Vec::new();
        let vlans = network.vlans.values().flat_map(|vlan| [&vlan.acls_in, &vlan.acls_out]);
        let ports = network.dps.iter().flat_map(|dp| dp.ports.values().map(|port| &port.acls).chain(&dp.acls));
        for refs in vlans.chain(ports) {
            for one in refs {
                used.push(&one.key);
                if self.acls.contains_key(&one.key) {
                    continue;
                }
                if self.included {
                    let why = "the list is in no file that is read: where it is used, nothing is let pass";
                    told.lost(one.place, one.key.to_string(), why);
                    continue;
                }
                let known: Vec<String> = self.acls.keys().map(ToString::to_string).collect();
                let found = Problem::new(one.place, format!("there is no list `{}`", one.key));
                told.wrong(found.meant(&one.key.to_string(), known.iter().map(String::as_str)));
            }
            let acls = self.all(refs).unwrap_or_default();
            if let (Some(first), Some(last)) = (acls.first(), refs.last())
                && acls.iter().any(|acl| acl.exact_match != first.exact_match)
            {
                told.wrong(Problem::new(last.place, "lists that are used together agree on `exact_match`, and these do not"));
            }
        }
        for dp in &network.dps {
            let of_dp = dp.ports.values().flat_map(|port| &port.acls).chain(dp.acls.iter().flatten());
            let acls = of_dp.filter_map(|one| self.acls.get(&one.key)).flatten();
            for target in
                acls.flat_map(|acl| acl.mirrors.iter().chain(&acl.outputs)).filter(|target| dp.port(&target.key).is_none())
            {
                told.wrong(Problem::new(target.place, format!("datapath `{}` has no port `{}`", dp.name, target.key)));
            }
        }
        let sound = self.acls.iter().filter_map(|(name, acl)| Some((name, acl.as_ref()?)));
        for (name, acl) in sound.filter(|(name, _)| !used.contains(name)) {
            told.notes.push((acl.place, format!("list `{name}` is used nowhere, and decides nothing")));
        }
    }

    fn check_meters(&self, meters: &BTreeMap<Key, acl::Meter>, told: &mut Told) {
        for rule in self.acls.values().flatten().flat_map(|acl| &acl.rules) {
            if let Some(meter) = rule.meter.as_ref().filter(|meter| !meters.contains_key(&meter.key)) {
                if self.included {
                    continue;
                }
                let known: Vec<String> = meters.keys().map(ToString::to_string).collect();
                let found = Problem::new(meter.place, format!("there is no meter `{}`", meter.key));
                told.wrong(found.meant(&meter.key.to_string(), known.iter().map(String::as_str)));
            }
        }
    }
}

/// A file that others include has lists and no datapaths: one list is carried over, for whatever port it is used at.
fn alone(
    fields: &Fields<'_>,
    lists: &Lists,
    wanted: Option<&str>,
    told: &mut Told,
    draft: &mut Draft,
    meters: &BTreeMap<Key, acl::Meter>,
) {
    let named = |name: &Key| wanted.is_none_or(|wanted| name.to_string() == wanted);
    let found: Vec<(&Key, &Option<Acl>)> = lists.acls.iter().filter(|(name, _)| named(name)).collect();
    match (found.as_slice(), wanted) {
        // What is wrong with it has been told.
        ([(_, None)], _) => {}
        ([(name, Some(acl))], _) => {
            told.notes.push((acl.place, format!("this file has no `dps`: list `{name}` is carried over for every port")));
            emit::list(acl, meters, told, draft);
        }
        // What is wrong with the lists has been told.
        ([], None) if !told.problems.is_empty() => {}
        ([], None) => {
            let found = Problem::new(fields.place, "this file has neither `dps` nor a list");
            told.wrong(found.help("name a configuration of Faucet"));
        }
        ([], Some(wanted)) => {
            let known: Vec<String> = lists.acls.keys().map(ToString::to_string).collect();
            let found = Problem::new(fields.place_of("acls"), format!("there is no list `{wanted}`"));
            told.wrong(found.meant(wanted, known.iter().map(String::as_str)));
        }
        (several, _) => {
            let message = format!("this file has {} lists, and no `dps` that say where they are used", several.len());
            told.wrong(Problem::new(fields.place_of("acls"), message).help("say which one is meant: `--acl NAME`"));
        }
    }
}
