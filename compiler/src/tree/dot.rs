//! Decision trees as a graph in the language of Graphviz. Knows nothing of how they are made.

use std::fmt::Write;

use super::{Forest, Program};

/// Trees side by side, each below its name.
pub(super) fn graph(forests: &[(String, Forest)], program: &Program) -> String {
    let mut graph = Graph { text: "digraph policy {\n  rankdir=LR;\n  node [shape=box];\n".to_owned(), nodes: 0 };
    for (name, forest) in forests {
        let root = graph.node(if name.is_empty() { "flow" } else { name }, None);
        for (src, branches) in forest {
            let from = graph.node(src, Some(root));
            for (dst, leaves) in branches {
                let to = graph.node(dst, Some(from));
                for (rule, rest) in leaves {
                    let service = graph.node(rest, Some(to));
                    graph.node(&program.answer(*rule), Some(service));
                }
            }
        }
        let otherwise = format!("otherwise: {} (default)", program.policy().default.verdict);
        graph.node(&otherwise, Some(root));
    }
    graph.text.push_str("}\n");
    graph.text
}

/// A graph so far.
struct Graph {
    text: String,
    nodes: usize,
}

impl Graph {
    /// Adds a node, and the edge that leads to it.
    fn node(&mut self, label: &str, from: Option<usize>) -> usize {
        let node = self.nodes;
        self.nodes += 1;
        let label = label.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "  n{node} [label=\"{label}\"];");
        if let Some(from) = from {
            let _ = writeln!(self.text, "  n{from} -> n{node};");
        }
        node
    }
}
