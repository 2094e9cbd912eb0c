//! Graphs of switches: those of GraphML files, and drawn ones. Knows nothing of ports in use or of ways.

use std::collections::BTreeMap;
use std::path::Path;

use fuzz::mutate::Dice;
use net::Location;
use tests::at;

/// The first port of a switch that a cable is in.
pub const FIRST_LINK: u32 = 10;

/// Switches 1 to `size`, and which two of them have a cable; more than one, where they are named more than once.
pub struct Graph {
    /// What it is called.
    pub name: String,
    /// How many switches.
    pub size: usize,
    edges: Vec<(usize, usize)>,
}

impl Graph {
    /// Every cable by the ports at its ends.
    pub fn cables(&self) -> Vec<(Location, Location)> {
        let mut next = vec![FIRST_LINK; self.size];
        let mut port = |node: usize| {
            next[node] += 1;
            at(node as u64 + 1, next[node] - 1)
        };
        self.edges.iter().map(|(a, b)| (port(*a), port(*b))).collect()
    }
}

/// Every graph of the corpus.
pub fn given(folder: &Path) -> Vec<Graph> {
    let mut graphs: Vec<Graph> = tests::files(folder, "graphml").iter().map(|path| read(path)).collect();
    graphs.retain(|graph| !graph.edges.is_empty());
    assert!(graphs.len() > 150, "{} graphs", graphs.len());
    graphs
}

/// Nodes and edges of a GraphML file; edges from a node to itself are no cables.
fn read(path: &Path) -> Graph {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{}: {tag}", path.display()));
        rest.split('"').next().unwrap().to_owned()
    };
    let tags =
        |name: &'static str| text.split('<').filter(move |tag| tag.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for tag in tags("node") {
        let place = places.len();
        places.insert(attribute(tag, "id"), place);
    }
    let edges = tags("edge").map(|tag| (places[&attribute(tag, "source")], places[&attribute(tag, "target")]));
    let edges = edges.filter(|(a, b)| a != b).collect();
    Graph { name: path.file_stem().unwrap().to_string_lossy().into_owned(), size: places.len(), edges }
}

/// A graph out of a seed: a tree, some cables more, and at times a part of its own.
pub fn drawn(seed: u64) -> Graph {
    let dice = &mut Dice(seed << 1 | 1);
    let size = 2 + dice.below(18);
    let mut edges = Vec::new();
    for node in 1..size {
        if dice.below(12) > 0 {
            edges.push((dice.below(node), node));
        }
    }
    for _ in 0..dice.below(size) {
        let (a, b) = (dice.below(size), dice.below(size));
        if a != b {
            edges.push((a, b));
        }
    }
    if edges.is_empty() {
        edges.push((0, 1));
    }
    Graph { name: format!("drawn of seed {seed}"), size, edges }
}
