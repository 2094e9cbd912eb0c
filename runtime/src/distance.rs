//! How many links lie between switches, kept for each switch that was asked for and repaired where a link event changes it. Which of
//! equally short ways is taken is not decided here, so that what is kept depends on the graph alone and not on its history.
//! Knows nothing of ports, of middleboxes or of policy.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use net::Dpid;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, NodeIndexable};

use crate::topology::Link;

/// No way leads there.
pub const NOWHERE: u16 = u16::MAX;

/// Distances kept at most, over all switches: 32 MB of them. What was asked for first goes first.
const CELLS: usize = 1 << 24;

/// Switches looked at to repair what one event changes. Distances that it changes beyond that are dropped, and found anew when
/// they are asked for.
const VISITS: usize = 1 << 17;

/// The network graph: each link is two edges.
pub(crate) type Graph = StableDiGraph<Dpid, Link>;

/// Links between each switch and one, by the number of the node.
pub(crate) type Row = Vec<u16>;

/// Distances to the switches that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Distances {
    rows: BTreeMap<NodeIndex, Row>,
    asked: VecDeque<NodeIndex>,
}

impl Distances {
    /// Distances to these are at hand after this, as long as the graph stays as it is.
    pub(crate) fn prepare(&mut self, graph: &Graph, roots: &[NodeIndex]) {
        let size = bound(graph);
        for root in roots {
            if !self.rows.contains_key(root) {
                self.rows.insert(*root, row(graph, *root, |_| true));
                self.asked.push_back(*root);
            }
        }
        while self.rows.len() * size > CELLS && self.rows.len() > roots.len() {
            let Some(oldest) = self.asked.pop_front() else { return };
            if roots.contains(&oldest) {
                self.asked.push_back(oldest);
            } else {
                self.rows.remove(&oldest);
            }
        }
    }

    /// Distances to a switch, if they are at hand.
    pub(crate) fn to(&self, root: NodeIndex) -> Option<&Row> {
        self.rows.get(&root)
    }

    /// A switch came; no link leads to it yet.
    pub(crate) fn node_added(&mut self, graph: &Graph, node: NodeIndex) {
        let size = bound(graph);
        for row in self.rows.values_mut() {
            row.resize(size.max(row.len()), NOWHERE);
            set(row, node, NOWHERE);
        }
    }

    /// A switch is gone; its links went before.
    pub(crate) fn node_removed(&mut self, node: NodeIndex) {
        self.rows.remove(&node);
        self.asked.retain(|other| *other != node);
        self.rows.values_mut().for_each(|row| set(row, node, NOWHERE));
    }

    /// The graph has a link more between these.
    pub(crate) fn link_added(&mut self, graph: &Graph, a: NodeIndex, b: NodeIndex) {
        self.repair(|row, visits| {
            let (near, far) = if at(row, a) <= at(row, b) { (a, b) } else { (b, a) };
            let new = at(row, near).saturating_add(1);
            new >= at(row, far) || nearer(graph, row, far, new, visits)
        });
    }

    /// The graph has a link less between these.
    pub(crate) fn link_removed(&mut self, graph: &Graph, a: NodeIndex, b: NodeIndex) {
        self.repair(|row, visits| {
            let far = if at(row, a) <= at(row, b) { b } else { a };
            at(row, a) == at(row, b) || is_fed(graph, row, far, at(row, far)) || farther(graph, row, far, visits)
        });
    }

    /// Repairs every row; those for which it says no are dropped.
    fn repair(&mut self, repaired: impl Fn(&mut Row, &mut usize) -> bool) {
        let mut visits = VISITS;
        let before = self.rows.len();
        self.rows.retain(|_, row| repaired(row, &mut visits));
        if self.rows.len() < before {
            self.asked.retain(|root| self.rows.contains_key(root));
        }
    }
}

/// Distances to a switch over links that are usable.
pub(crate) fn row(graph: &Graph, root: NodeIndex, usable: impl Fn(&Link) -> bool) -> Row {
    let mut row = vec![NOWHERE; bound(graph)];
    set(&mut row, root, 0);
    let mut open = VecDeque::from([root]);
    while let Some(node) = open.pop_front() {
        let next = at(&row, node).saturating_add(1);
        for edge in graph.edges(node).filter(|edge| usable(edge.weight())) {
            let other = edge.target();
            if at(&row, other) == NOWHERE {
                set(&mut row, other, next);
                open.push_back(other);
            }
        }
    }
    row
}

/// The distance of a switch.
pub(crate) fn at(row: &[u16], node: NodeIndex) -> u16 {
    row.get(node.index()).copied().unwrap_or(NOWHERE)
}

fn set(row: &mut [u16], node: NodeIndex, distance: u16) {
    if let Some(cell) = row.get_mut(node.index()) {
        *cell = distance;
    }
}

/// More than the number of any node.
fn bound(graph: &Graph) -> usize {
    NodeIndexable::node_bound(graph)
}

/// True if a neighbour is so near to the root that the switch has this distance by it.
fn is_fed(graph: &Graph, row: &[u16], node: NodeIndex, distance: u16) -> bool {
    distance != NOWHERE && graph.neighbors(node).any(|other| at(row, other).checked_add(1) == Some(distance))
}

/// A switch has become nearer, and with it others. False if that took too long.
fn nearer(graph: &Graph, row: &mut Row, first: NodeIndex, new: u16, visits: &mut usize) -> bool {
    set(row, first, new);
    let mut open = VecDeque::from([first]);
    while let Some(node) = open.pop_front() {
        let next = at(row, node).saturating_add(1);
        for other in graph.neighbors(node) {
            let Some(left) = visits.checked_sub(1) else { return false };
            *visits = left;
            if next < at(row, other) {
                set(row, other, next);
                open.push_back(other);
            }
        }
    }
    true
}

/// A switch has lost the last link by which it had its distance. False if the repair took too long.
fn farther(graph: &Graph, row: &mut Row, first: NodeIndex, visits: &mut usize) -> bool {
    let mut lost = Vec::new();
    let mut open = VecDeque::from([(first, at(row, first))]);
    set(row, first, NOWHERE);
    // Level by level: whoever had its distance from those that have lost theirs alone has lost it, too.
    while let Some((node, was)) = open.pop_front() {
        lost.push(node);
        for other in graph.neighbors(node) {
            let Some(left) = visits.checked_sub(1) else { return false };
            *visits = left;
            let distance = at(row, other);
            if was.checked_add(1) == Some(distance) && !is_fed(graph, row, other, distance) {
                set(row, other, NOWHERE);
                open.push_back((other, distance));
            }
        }
    }
    let from_outside =
        |node: &NodeIndex| Some(Reverse((graph.neighbors(*node).map(|other| at(row, other)).min()?.checked_add(1)?, *node)));
    let mut open: BinaryHeap<Reverse<(u16, NodeIndex)>> = lost.iter().filter_map(from_outside).collect();
    while let Some(Reverse((distance, node))) = open.pop() {
        if distance >= at(row, node) {
            continue;
        }
        set(row, node, distance);
        for other in graph.neighbors(node) {
            let Some(left) = visits.checked_sub(1) else { return false };
            *visits = left;
            if distance.saturating_add(1) < at(row, other) {
                open.push(Reverse((distance.saturating_add(1), other)));
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::location;

    /// A graph that changes at random, and the distances that are kept of it.
    struct Site {
        graph: Graph,
        nodes: Vec<NodeIndex>,
        distances: Distances,
        state: u64,
    }

    impl Site {
        fn new(size: u64, seed: u64) -> Site {
            let mut site = Site { graph: Graph::default(), nodes: Vec::new(), distances: Distances::default(), state: seed };
            for dpid in 0..size {
                let node = site.graph.add_node(Dpid(dpid));
                site.nodes.push(node);
                site.distances.node_added(&site.graph, node);
            }
            site
        }

        fn below(&mut self, bound: usize) -> usize {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.state >> 33) as usize % bound
        }

        fn change(&mut self) {
            let (a, b) = (self.below(self.nodes.len()), self.below(self.nodes.len()));
            let (a, b) = (self.nodes[a], self.nodes[b]);
            if a == b {
                return;
            }
            if let Some(edge) = self.graph.find_edge(a, b)
                && self.below(4) > 0
            {
                let back = self.graph.find_edge(b, a).unwrap();
                self.graph.remove_edge(edge);
                self.graph.remove_edge(back);
                self.distances.link_removed(&self.graph, a, b);
            } else {
                let link = Link { from: location(0, 0), to: location(0, 0) };
                self.graph.add_edge(a, b, link);
                self.graph.add_edge(b, a, link);
                self.distances.link_added(&self.graph, a, b);
            }
        }
    }

    #[test]
    fn what_is_repaired_is_what_would_be_found_anew() {
        for size in [4_u64, 9, 30] {
            let mut site = Site::new(size, size);
            for _ in 0..1_500 {
                site.change();
                let root = site.below(site.nodes.len());
                let root = site.nodes[root];
                site.distances.prepare(&site.graph, &[root]);
                for (root, kept) in &site.distances.rows {
                    assert_eq!(kept, &row(&site.graph, *root, |_| true));
                }
            }
            assert_eq!(site.distances.rows.len(), site.nodes.len(), "repaired, and not dropped");
        }
    }

    #[test]
    fn a_switch_that_takes_the_number_of_another_begins_far_from_all() {
        let mut site = Site::new(3, 1);
        let link = Link { from: location(0, 0), to: location(0, 0) };
        let [a, b, c] = [site.nodes[0], site.nodes[1], site.nodes[2]];
        site.graph.add_edge(a, b, link);
        let edge = site.graph.add_edge(b, a, link);
        site.distances.prepare(&site.graph, &[a, b, c]);
        assert_eq!(site.distances.to(a).map(|row| at(row, b)), Some(1));
        site.graph.remove_edge(edge);
        site.graph.remove_node(b);
        site.distances.link_removed(&site.graph, a, b);
        site.distances.node_removed(b);
        let again = site.graph.add_node(Dpid(9));
        assert_eq!(again, b);
        site.distances.node_added(&site.graph, again);
        assert_eq!((site.distances.to(again), site.distances.to(a).map(|row| at(row, again))), (None, Some(NOWHERE)));
    }
}
