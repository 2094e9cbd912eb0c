//! Switches, their ports, and the links between them. A link is used once probes have passed it in both directions.
//! Knows nothing of hosts, policy or messages.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

#[cfg(test)]
use net::PortNo;
use net::{Dpid, Location, Time};
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use rustc_hash::FxHashMap;

/// A cable end to cable end: a packet sent out of `from` comes in at `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Where a packet leaves.
    pub from: Location,
    /// Where it arrives.
    pub to: Location,
}

/// The network graph. `version` grows with every change that can alter a path.
#[derive(Debug, Default)]
pub struct Topology {
    graph: StableDiGraph<Dpid, Link>,
    nodes: HashMap<Dpid, NodeIndex>,
    ports: BTreeMap<Location, bool>,
    heard: BTreeMap<Location, Heard>,
    internal: BTreeSet<Location>,
    trees: FxHashMap<Dpid, Tree>,
    version: u64,
}

/// What the last probe that arrived at a port told.
#[derive(Clone, Copy, Debug)]
struct Heard {
    from: Location,
    at: Time,
}

/// For every switch that can be reached: the link by which a shortest path from the root arrives.
type Tree = FxHashMap<Dpid, Link>;

impl Topology {
    /// Grows with every change that can alter a path.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A switch is ready for flows.
    pub fn add_switch(&mut self, dpid: Dpid) {
        self.nodes.entry(dpid).or_insert_with(|| self.graph.add_node(dpid));
        self.changed();
    }

    /// A switch is gone, and every link of it. Returns the links that were in use.
    pub fn remove_switch(&mut self, dpid: Dpid) -> Vec<Link> {
        let lost = self.links().filter(|link| link.from.dpid == dpid || link.to.dpid == dpid).collect();
        if let Some(node) = self.nodes.remove(&dpid) {
            self.graph.remove_node(node);
        }
        self.ports.retain(|location, _| location.dpid != dpid);
        self.internal.retain(|location| location.dpid != dpid);
        self.heard.retain(|to, heard| to.dpid != dpid && heard.from.dpid != dpid);
        self.changed();
        lost
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

    /// A genuine probe sent out of `from` came in at `to`. Returns the link if it comes into use by this.
    pub fn confirm(&mut self, from: Location, to: Location, now: Time) -> Option<Link> {
        if from == to || !self.is_up(from) || !self.is_up(to) {
            return None;
        }
        self.internal.insert(to);
        let before = self.heard.insert(to, Heard { from, at: now });
        if before.is_some_and(|heard| heard.from != from) {
            self.unuse(to);
        }
        let both = self.heard.get(&from).is_some_and(|heard| heard.from == to);
        (both && self.connect(from, to)).then_some(Link { from, to })
    }

    /// Drops what probes have not confirmed since `since`. Returns the links in use that this took away.
    pub fn expire(&mut self, since: Time) -> Vec<Link> {
        let stale: Vec<Location> = self.heard.iter().filter(|(_, heard)| heard.at < since).map(|(to, _)| *to).collect();
        stale.into_iter().flat_map(|at| self.forget(at)).collect()
    }

    /// Links in use, each direction for itself.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        self.graph.edge_weights().copied()
    }

    /// A shortest way from one switch to another as the links to take; empty if they are the same. Of several, always the same
    /// one: lower dpids and ports first.
    pub fn shortest(&mut self, from: Dpid, to: Dpid) -> Option<Vec<Link>> {
        if !self.has_switch(from) || !self.has_switch(to) {
            return None;
        }
        if !self.trees.contains_key(&from) {
            let tree = self.tree(from);
            self.trees.insert(from, tree);
        }
        let tree = self.trees.get(&from)?;
        let mut links = Vec::new();
        let mut at = to;
        while at != from {
            let link = tree.get(&at)?;
            links.push(*link);
            at = link.from.dpid;
        }
        links.reverse();
        Some(links)
    }

    fn tree(&self, root: Dpid) -> Tree {
        let mut tree = Tree::default();
        let mut queue = VecDeque::from([root]);
        while let Some(dpid) = queue.pop_front() {
            let Some(node) = self.nodes.get(&dpid) else { continue };
            let mut links: Vec<Link> = self.graph.edges(*node).map(|edge| *edge.weight()).collect();
            links.sort_unstable_by_key(|link| (link.to.dpid, link.from.port));
            for link in links {
                if link.to.dpid != root && !tree.contains_key(&link.to.dpid) {
                    tree.insert(link.to.dpid, link);
                    queue.push_back(link.to.dpid);
                }
            }
        }
        tree
    }

    /// Puts both directions into the graph; false if they are there already or a switch is not.
    fn connect(&mut self, a: Location, b: Location) -> bool {
        let (Some(&from), Some(&to)) = (self.nodes.get(&a.dpid), self.nodes.get(&b.dpid)) else { return false };
        if self.links().any(|link| link.from == a && link.to == b) {
            return false;
        }
        self.graph.add_edge(from, to, Link { from: a, to: b });
        self.graph.add_edge(to, from, Link { from: b, to: a });
        self.changed();
        true
    }

    /// Forgets what was heard at a port and from it.
    fn forget(&mut self, at: Location) -> Vec<Link> {
        self.heard.retain(|to, heard| *to != at && heard.from != at);
        self.unuse(at)
    }

    /// Takes the links that start or end at a port out of use.
    fn unuse(&mut self, at: Location) -> Vec<Link> {
        let lost: Vec<Link> = self.links().filter(|link| link.from == at || link.to == at).collect();
        if !lost.is_empty() {
            self.graph.retain_edges(|graph, edge| graph.edge_weight(edge).is_none_or(|link| link.from != at && link.to != at));
            self.changed();
        }
        lost
    }

    fn changed(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.trees.clear();
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
            assert_eq!(topology.confirm(location(a.0, a.1), location(b.0, b.1), Time(0)), None, "one way is no link");
            assert!(topology.confirm(location(b.0, b.1), location(a.0, a.1), Time(0)).is_some());
        }
        topology
    }

    fn dpids(topology: &mut Topology, from: u64, to: u64) -> Option<Vec<u64>> {
        topology.shortest(Dpid(from), Dpid(to)).map(|links| links.iter().map(|link| link.to.dpid.0).collect())
    }

    #[test]
    fn shortest_ways_are_the_same_each_time_and_turn_to_the_other_side_when_a_port_goes_down() {
        let mut topology = square();
        assert_eq!(dpids(&mut topology, 1, 4), Some(vec![2, 4]));
        assert_eq!(topology.set_port(location(2, 2), false).len(), 2, "both directions go");
        assert_eq!(dpids(&mut topology, 1, 4), Some(vec![3, 4]));
        assert!(!topology.remove_switch(Dpid(3)).is_empty());
        assert_eq!(dpids(&mut topology, 1, 4), None);
        assert_eq!(dpids(&mut topology, 1, 1), Some(vec![]));
    }

    #[test]
    fn a_link_that_probes_no_longer_confirm_goes_out_of_use() {
        let mut topology = square();
        topology.confirm(location(1, 1), location(2, 1), Time(10));
        topology.confirm(location(2, 1), location(1, 1), Time(10));
        assert_eq!(topology.expire(Time(5)).len(), 6);
        assert_eq!(topology.links().count(), 2);
    }

    #[test]
    fn a_cable_moved_to_another_port_replaces_the_link() {
        let mut topology = square();
        topology.set_port(location(3, 3), true);
        assert!(topology.confirm(location(3, 3), location(2, 1), Time(1)).is_none());
        assert!(topology.links().all(|link| link.from != location(2, 1)), "the old partner is no longer believed");
        assert!(topology.confirm(location(2, 1), location(3, 3), Time(1)).is_some());
    }
}
