//! Software switches joined by cables, filled through OpenFlow. Knows nothing of policy.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use emulator::switch::{Output, Switch, SwitchConfig};
use lang::checked::Checked;
use net::{Dpid, FlowMatch, Location, PortNo, Time};
use openflow::Hello;
use runtime::dialect::{Action, Actions, Entry, ToSwitch, Version, encode};
use runtime::install::{MISS_PRIORITY, Slot};

/// Two ports that are one wire.
pub type Cable = [Location; 2];

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It left the network here.
    Delivered(Location),
    /// A switch kept it.
    Dropped,
    /// A switch asked the controller.
    Asked,
}

pub struct Fabric {
    switches: BTreeMap<Dpid, Switch>,
    cables: BTreeMap<Location, Location>,
}

/// All declared switches in a row, by ports that are declared for links: from each the last, to the next the first.
pub fn row(policy: &Checked) -> Vec<Cable> {
    let links: Vec<(Dpid, u32, u32)> = policy
        .switches
        .iter()
        .filter_map(|switch| {
            let (first, last) = (switch.uplink.0.first()?, switch.uplink.0.last()?);
            (first.start() != last.end()).then(|| (switch.dpid, *first.start(), *last.end()))
        })
        .collect();
    let at = |dpid, port| Location::new(dpid, PortNo(port));
    links.windows(2).map(|pair| [at(pair[0].0, pair[0].2), at(pair[1].0, pair[1].1)]).collect()
}

impl Fabric {
    /// Switches with these entries; nothing drops, and what no entry matches is asked.
    pub fn new(cables: &[Cable], version: Version, entries: impl Iterator<Item = (Dpid, Slot, Actions)>) -> Fabric {
        let mut by_switch: BTreeMap<Dpid, Vec<(Slot, Actions)>> = BTreeMap::new();
        for (dpid, slot, actions) in entries {
            by_switch.entry(dpid).or_default().push((slot, actions));
        }
        let switches = by_switch.into_iter().map(|(dpid, entries)| (dpid, filled(dpid, version, &entries))).collect();
        let both = cables.iter().flat_map(|[from, to]| [(*from, *to), (*to, *from)]);
        Fabric { switches, cables: both.collect() }
    }

    /// Sends a frame in here, and follows it.
    pub fn send(&mut self, at: Location, frame: &[u8]) -> Fate {
        let (mut at, mut frame) = (at, bytes::Bytes::copy_from_slice(frame));
        for _ in 0..20 {
            // A switch without entries asks, as one with a miss alone.
            let Some(switch) = self.switches.get_mut(&at.dpid) else { return Fate::Asked };
            let outputs = switch.from_port(at.port, frame, Time(1));
            assert!(outputs.len() <= 1, "{outputs:?}");
            match outputs.into_iter().next() {
                None => return Fate::Dropped,
                Some(Output::Controller(..)) => return Fate::Asked,
                Some(Output::Close(_)) => panic!("{at} closes its connection"),
                Some(Output::Port(port, out)) => {
                    let left = Location::new(at.dpid, port);
                    let Some(next) = self.cables.get(&left) else { return Fate::Delivered(left) };
                    (at, frame) = (*next, out);
                }
            }
        }
        panic!("a frame goes round at {at}");
    }
}

fn filled(dpid: Dpid, version: Version, entries: &[(Slot, Actions)]) -> Switch {
    let ports: BTreeSet<PortNo> =
        (1..=64).map(PortNo).chain(entries.iter().filter_map(|(slot, _)| slot.region.in_port)).collect();
    let mut config = SwitchConfig::new(dpid, 64);
    config.ports = ports.into_iter().collect();
    let mut switch = Switch::new(config);
    switch.connect(Time(0));
    let mut bytes = BytesMut::new();
    Hello::offering(&[version.wire()]).encode(1, &mut bytes).unwrap();
    let miss = (Slot { region: FlowMatch::default(), priority: MISS_PRIORITY }, Actions::from_iter([Action::Controller]));
    for (slot, actions) in entries.iter().chain([&miss]) {
        let entry = Entry { region: slot.region, priority: slot.priority, actions, cookie: 1, idle: 0, hard: 0, notify: false };
        // What a version cannot say is not installed, and asked.
        let _ = encode(version, 2, &ToSwitch::Add(entry), &mut bytes);
    }
    let answers = switch.from_controller(&bytes, Time(0));
    assert!(answers.is_empty(), "{answers:?}");
    switch
}
