//! Switches, their ports, and the links between them. A link is used once probes have passed it in both directions, and as long as
//! nobody else is heard at its ends.
//! Knows nothing of hosts, policy or messages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[cfg(test)]
use net::PortNo;
use net::{Dpid, Location, Time};
use petgraph::stable_graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashMap;

use crate::damping::{self, Pair};
use crate::distance::{self, Distances, Graph, Row};
use crate::neighbours::{Neighbours, Wiring};

/// A cable end to cable end: a packet sent out of `from` comes in at `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Where a packet leaves.
    pub from: Location,
    /// Where it arrives.
    pub to: Location,
}

/// The network graph. A port is the end of one link at most.
#[derive(Debug, Default)]
pub struct Topology {
    graph: Graph,
    nodes: FxHashMap<Dpid, NodeIndex>,
    /// The edge that leaves each port.
    edges: FxHashMap<Location, EdgeIndex>,
    distances: Distances,
    ports: BTreeMap<Location, bool>,
    neighbours: Neighbours,
    /// Cables that are not used for the time being.
    held: BTreeSet<Pair>,
    internal: BTreeSet<Location>,
    /// How often a link came into use or went out of it.
    changes: u64,
}

/// What a probe has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// No probe has passed there before.
    pub is_new: bool,
    /// The link that came into use.
    pub found: Option<Link>,
    /// Links that went out of use, in both directions.
    pub lost: Vec<Link>,
}

impl Topology {
    /// A switch is ready for flows.
    pub fn add_switch(&mut self, dpid: Dpid) {
        if !self.nodes.contains_key(&dpid) {
            let node = self.graph.add_node(dpid);
            self.nodes.insert(dpid, node);
            self.distances.node_added(&self.graph, node);
        }
    }

    /// A switch is gone, and every link of it. Returns the links that were in use.
    pub fn remove_switch(&mut self, dpid: Dpid) -> Vec<Link> {
        let mut lost = Vec::new();
        for link in self.links_from(dpid) {
            lost.extend(self.unuse(link.from));
        }
        if let Some(node) = self.nodes.remove(&dpid) {
            self.graph.remove_node(node);
            self.distances.node_removed(node);
        }
        self.ports.retain(|location, _| location.dpid != dpid);
        self.internal.retain(|location| location.dpid != dpid);
        self.neighbours.forget_switch(dpid);
        lost
    }

    /// How often a link came into use or went out of it: as long as that is the same, so are the links.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The links over which the switch is left on shortest ways to another, in the order of [`Topology::links_from`]; none if there is
    /// no way, or they are the same.
    #[must_use]
    pub fn onward(&mut self, from: Dpid, to: Dpid) -> Vec<Link> {
        self.prepare(&[to]);
        let row = self.distances(to, None);
        let least = self.distance(&row, from);
        let nearer = |link: &Link| {
            let left = self.distance(&row, link.to.dpid);
            left != distance::NOWHERE && least != distance::NOWHERE && left < least
        };
        self.links_from(from).into_iter().filter(nearer).collect()
    }

    /// True while the switch takes flows.
    #[must_use]
    pub fn has_switch(&self, dpid: Dpid) -> bool {
        self.nodes.contains_key(&dpid)
    }

    /// Switches in the order of their dpids.
    #[must_use]
    pub fn switches(&self) -> Vec<Dpid> {
        let mut all: Vec<Dpid> = self.nodes.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// A port came, went up or went down. Returns the links in use that this took away.
    pub fn set_port(&mut self, at: Location, up: bool) -> Vec<Link> {
        if self.ports.insert(at, up) == Some(up) || up {
            return Vec::new();
        }
        self.internal.remove(&at);
        self.forget(at)
    }

    /// A port no longer exists. Returns the links in use that this took away.
    pub fn remove_port(&mut self, at: Location) -> Vec<Link> {
        self.ports.remove(&at);
        self.internal.remove(&at);
        self.forget(at)
    }

    /// True if the port exists and has a carrier.
    #[must_use]
    pub fn is_up(&self, at: Location) -> bool {
        self.ports.get(&at) == Some(&true)
    }

    /// Every known port that is up.
    pub fn ports_up(&self) -> impl Iterator<Item = Location> {
        self.ports.iter().filter(|(_, up)| **up).map(|(at, _)| *at)
    }

    /// True if a probe ever arrived at this port since it came up: it leads to another switch, whatever else is behind it, and
    /// stays so while that switch is out of reach.
    #[must_use]
    pub fn is_internal(&self, at: Location) -> bool {
        self.internal.contains(&at)
    }

    /// A genuine probe sent out of `from` came in at `to`.
    pub fn confirm(&mut self, from: Location, to: Location, now: Time) -> Confirmed {
        if !self.is_up(from) || !self.is_up(to) {
            return Confirmed::default();
        }
        self.internal.insert(to);
        let is_new = self.neighbours.hear(from, to, now);
        let lost = self.doubt(&[from, to]);
        let usable = self.neighbours.peer(from) == Some(to) && !self.held.contains(&damping::pair(from, to));
        let found = (usable && self.connect(from, to)).then_some(Link { from, to });
        Confirmed { is_new, found, lost }
    }

    /// Drops what probes have not confirmed since `since`, but for links of `silent` switches: that their probes do not come says nothing
    /// of their cables. Returns the links in use that this took away.
    pub fn expire(&mut self, since: Time, silent: &BTreeSet<Dpid>) -> Vec<Link> {
        let ports = self.neighbours.expire(since, silent);
        self.doubt(&ports)
    }

    /// A cable is not used until it is released, whatever probes say. Returns what was in use of it.
    pub(crate) fn hold(&mut self, cable: Pair) -> Vec<Link> {
        self.held.insert(cable);
        let used = self.link_at(cable.0).is_some_and(|link| link.to == cable.1);
        if used { self.unuse(cable.0) } else { Vec::new() }
    }

    /// A cable may be used again, once a probe confirms it.
    pub(crate) fn release(&mut self, cable: Pair) {
        self.held.remove(&cable);
    }

    /// Wiring that is no cable between two switches, and was so for two intervals.
    #[must_use]
    pub fn faults(&self, interval: Duration, now: Time) -> BTreeSet<Wiring> {
        self.neighbours.faults(interval, now)
    }

    /// Takes links out of use whose ends are no longer alone with each other.
    fn doubt(&mut self, ports: &[Location]) -> Vec<Link> {
        let mut lost = Vec::new();
        for at in ports {
            if self.link_at(*at).is_some_and(|link| self.neighbours.peer(*at) != Some(link.to)) {
                lost.extend(self.unuse(*at));
            }
        }
        lost
    }

    /// Links in use, each direction for itself.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        self.graph.edge_weights().copied()
    }

    /// The link in use at a port, seen from there.
    #[must_use]
    pub fn link_at(&self, at: Location) -> Option<Link> {
        self.edges.get(&at).and_then(|edge| self.graph.edge_weight(*edge)).copied()
    }

    /// The links in use at a switch, seen from there: lower neighbours first, and lower ports.
    #[must_use]
    pub fn links_from(&self, dpid: Dpid) -> Vec<Link> {
        let node = self.nodes.get(&dpid).copied();
        let mut links: Vec<Link> = node.into_iter().flat_map(|node| self.graph.edges(node)).map(|edge| *edge.weight()).collect();
        links.sort_unstable_by_key(|link| (link.to.dpid, link.from.port));
        links
    }

    /// How many links lie between each switch and this one; over those alone that are usable, if not over all.
    pub(crate) fn prepare(&mut self, roots: &[Dpid]) {
        let roots: Vec<NodeIndex> = roots.iter().filter_map(|root| self.nodes.get(root).copied()).collect();
        self.distances.prepare(&self.graph, &roots);
    }

    /// Distances to a switch: those that were prepared, or, over some of the links alone, new ones.
    pub(crate) fn distances(&self, root: Dpid, usable: Option<&dyn Fn(&Link) -> bool>) -> Cow<'_, [u16]> {
        let Some(root) = self.nodes.get(&root).copied() else { return Cow::Owned(Row::new()) };
        match (usable, self.distances.to(root)) {
            (Some(usable), _) => Cow::Owned(distance::row(&self.graph, root, usable)),
            (None, Some(row)) => Cow::Borrowed(row),
            (None, None) => Cow::Owned(distance::row(&self.graph, root, |_| true)),
        }
    }

    /// A switch's distance among these.
    pub(crate) fn distance(&self, row: &[u16], dpid: Dpid) -> u16 {
        self.nodes.get(&dpid).map_or(distance::NOWHERE, |node| distance::at(row, *node))
    }

    /// How many links a shortest way from one switch to another has.
    #[must_use]
    pub fn links_between(&mut self, from: Dpid, to: Dpid) -> Option<u16> {
        self.prepare(&[to]);
        Some(self.distance(&self.distances(to, None), from)).filter(|distance| *distance != distance::NOWHERE)
    }

    /// Puts both directions into the graph; false if they are there already or a switch is not.
    fn connect(&mut self, a: Location, b: Location) -> bool {
        let (Some(&from), Some(&to)) = (self.nodes.get(&a.dpid), self.nodes.get(&b.dpid)) else { return false };
        if self.edges.contains_key(&a) || self.edges.contains_key(&b) {
            return false;
        }
        self.edges.insert(a, self.graph.add_edge(from, to, Link { from: a, to: b }));
        self.edges.insert(b, self.graph.add_edge(to, from, Link { from: b, to: a }));
        self.changes += 1;
        self.distances.link_added(&self.graph, from, to);
        true
    }

    /// Forgets what was heard at a port and from it.
    fn forget(&mut self, at: Location) -> Vec<Link> {
        self.neighbours.forget(at);
        self.unuse(at)
    }

    /// Takes the link at a port out of use, in both directions.
    fn unuse(&mut self, at: Location) -> Vec<Link> {
        let Some(out) = self.link_at(at) else { return Vec::new() };
        self.changes += 1;
        let lost = [out, Link { from: out.to, to: out.from }];
        for link in lost {
            if let Some(edge) = self.edges.remove(&link.from) {
                self.graph.remove_edge(edge);
            }
        }
        if let (Some(a), Some(b)) = (self.nodes.get(&out.from.dpid), self.nodes.get(&out.to.dpid)) {
            self.distances.link_removed(&self.graph, *a, *b);
        }
        lost.to_vec()
    }
}

/// The port `port` of switch `dpid`.
#[cfg(test)]
pub(crate) fn location(dpid: u64, port: u32) -> Location {
    Location::new(Dpid(dpid), PortNo(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Topology {
        let mut topology = Topology::default();
        for dpid in 1..=4 {
            topology.add_switch(Dpid(dpid));
            for port in 1..=2 {
                topology.set_port(location(dpid, port), true);
            }
        }
        for (a, b) in [((1, 1), (2, 1)), ((2, 2), (4, 1)), ((1, 2), (3, 1)), ((3, 2), (4, 2))] {
            let one_way = topology.confirm(location(a.0, a.1), location(b.0, b.1), Time(0));
            assert_eq!((one_way.is_new, one_way.found), (true, None), "one way is no link");
            assert!(topology.confirm(location(b.0, b.1), location(a.0, a.1), Time(0)).found.is_some());
        }
        topology
    }

    #[test]
    fn distances_follow_what_goes_down() {
        let mut topology = square();
        assert_eq!(topology.links_between(Dpid(1), Dpid(4)), Some(2));
        assert_eq!(topology.set_port(location(2, 2), false).len(), 2, "both directions go");
        assert_eq!(topology.links_between(Dpid(1), Dpid(4)), Some(2));
        assert_eq!(topology.links_between(Dpid(2), Dpid(4)), Some(3));
        assert_eq!(topology.remove_switch(Dpid(3)).len(), 4);
        assert_eq!(topology.links_between(Dpid(1), Dpid(4)), None);
        assert_eq!(topology.links_between(Dpid(1), Dpid(1)), Some(0));
    }

    #[test]
    fn a_link_that_probes_no_longer_confirm_goes_out_of_use() {
        let mut topology = square();
        topology.confirm(location(1, 1), location(2, 1), Time(10));
        topology.confirm(location(2, 1), location(1, 1), Time(10));
        assert_eq!(topology.expire(Time(5), &BTreeSet::from([Dpid(4)])).len(), 2, "but for those of a silent switch");
        assert_eq!(topology.expire(Time(5), &BTreeSet::new()).len(), 4);
        assert_eq!(topology.links().count(), 2);
    }

    #[test]
    fn a_third_port_that_is_heard_takes_the_link_out_of_use_until_the_old_one_is_forgotten() {
        let mut topology = square();
        topology.set_port(location(3, 3), true);
        assert_eq!(topology.confirm(location(3, 3), location(2, 1), Time(20)).lost.len(), 2);
        assert_eq!(topology.confirm(location(2, 1), location(3, 3), Time(20)).found, None, "which is it?");
        topology.expire(Time(10), &BTreeSet::new());
        assert!(topology.confirm(location(2, 1), location(3, 3), Time(30)).found.is_some());
    }

    #[test]
    fn a_port_that_goes_down_is_heard_no_longer_and_its_cable_may_be_moved() {
        let mut topology = square();
        topology.set_port(location(3, 3), true);
        topology.set_port(location(1, 1), false);
        topology.confirm(location(3, 3), location(2, 1), Time(1));
        assert!(topology.confirm(location(2, 1), location(3, 3), Time(1)).found.is_some());
    }

    #[test]
    fn a_cable_that_is_held_is_not_used() {
        let mut topology = square();
        let cable = damping::pair(location(2, 1), location(1, 1));
        assert_eq!(topology.hold(cable).len(), 2);
        assert_eq!(topology.confirm(cable.0, cable.1, Time(1)).found, None);
        topology.release(cable);
        assert!(topology.confirm(cable.0, cable.1, Time(2)).found.is_some());
    }
}
