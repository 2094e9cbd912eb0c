//! The program printed as decision trees: source label, destination label, service, rule. Knows nothing of switches.

mod dot;

use std::fmt::Write;

use indexmap::IndexMap;
use lang::checked::{Effect, RuleId};
use lang::flow::{End, Flow, Headers, Side};

use crate::explain::end_text;
use crate::index::{Body, Clause, Conjunction};
use crate::label::Record;
use crate::program::Program;

/// Source anchor, destination anchor, then what else is asked and the answer, best first.
type Forest = IndexMap<String, IndexMap<String, Vec<(RuleId, String)>>>;

impl Program {
    /// The whole program. The number before each answer is the rule's rank: of all branches that fit a flow, the lowest decides.
    #[must_use]
    pub fn tree(&self) -> String {
        self.print(&self.whole_forest())
    }

    /// The same as a graph in the language of Graphviz.
    #[must_use]
    pub fn tree_dot(&self) -> String {
        dot::graph(&[(String::new(), self.whole_forest())], self)
    }

    /// The program restricted to two ends, one tree for each pair of their users: the rules that can still decide between
    /// them, up to the first that takes any service.
    #[must_use]
    pub fn pair_tree(&self, src: &End, dst: &End) -> String {
        let mut text = String::new();
        for (pair, forest) in self.pair_forests(src, dst) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{pair}");
            text.push_str(&self.print(&forest));
        }
        text
    }

    /// The same as a graph in the language of Graphviz.
    #[must_use]
    pub fn pair_dot(&self, src: &End, dst: &End) -> String {
        dot::graph(&self.pair_forests(src, dst), self)
    }

    fn whole_forest(&self) -> Forest {
        let mut forest = Forest::new();
        for clause in self.index().in_order() {
            self.plant(&mut forest, &clause);
        }
        forest
    }

    /// One for each pair of users, with what the pair is called.
    fn pair_forests(&self, src: &End, dst: &End) -> Vec<(String, Forest)> {
        let flow = Flow { src: src.clone(), dst: dst.clone(), headers: Headers::default(), time: None };
        let mut forests = Vec::new();
        for (src_face, src) in self.records(src).iter().enumerate() {
            for (dst_face, dst) in self.records(dst).iter().enumerate() {
                let (from, to) = (end_text(self, &flow, Side::Src, src_face), end_text(self, &flow, Side::Dst, dst_face));
                forests.push((format!("{from} -> {to}"), self.pair_forest(src, dst)));
            }
        }
        forests
    }

    fn pair_forest(&self, src: &Record, dst: &Record) -> Forest {
        let mut forest = Forest::new();
        for clause in self.index().in_order() {
            match clause.body {
                Body::Conjunction(all) if sides_hold(all, src, dst) => {
                    self.plant(&mut forest, &clause);
                    let decides = self.policy().rule(clause.rule).is_some_and(|rule| rule.verdict().is_some());
                    let always = all.headers.is_empty() && all.times.is_empty();
                    if decides && always && self.index().services.is_all(clause.service) {
                        break;
                    }
                }
                Body::Conjunction(_) => {}
                Body::Whole(_) => self.plant(&mut forest, &clause),
            }
        }
        forest
    }

    /// What a clause asks, on one line.
    pub(crate) fn clause_text(&self, clause: &Clause<'_>) -> String {
        let (src, dst, rest) = self.branch(clause);
        format!("{src}, {dst}, {rest}")
    }

    fn plant(&self, forest: &mut Forest, clause: &Clause<'_>) {
        let (src, dst, rest) = self.branch(clause);
        forest.entry(src).or_default().entry(dst).or_default().push((clause.rule, rest));
    }

    /// Source, destination, and what else is asked.
    fn branch(&self, clause: &Clause<'_>) -> (String, String, String) {
        match clause.body {
            Body::Conjunction(all) => (self.side(Side::Src, all), self.side(Side::Dst, all), self.service_text(all)),
            Body::Whole(_) => ("any source".to_owned(), "any destination".to_owned(), "condition as written".to_owned()),
        }
    }

    fn side(&self, side: Side, all: &Conjunction) -> String {
        let (literals, any) = match side {
            Side::Src => (&all.src, "any source"),
            Side::Dst => (&all.dst, "any destination"),
        };
        let texts: Vec<String> = literals.iter().map(|(label, wanted)| self.names().label(side, *label, *wanted)).collect();
        if texts.is_empty() { any.to_owned() } else { texts.join(" and ") }
    }

    fn service_text(&self, all: &Conjunction) -> String {
        let tests = all.service.iter().chain(&all.headers);
        let times = all.times.iter().map(|(test, wanted)| self.names().time(*test, *wanted));
        let texts: Vec<String> = tests.map(|(test, wanted)| self.names().header(test, *wanted)).chain(times).collect();
        if texts.is_empty() { "any service".to_owned() } else { texts.join(" and ") }
    }

    fn print(&self, forest: &Forest) -> String {
        let mut text = String::new();
        for (src, branches) in forest {
            let _ = writeln!(text, "  {src}");
            for (dst, leaves) in branches {
                let _ = writeln!(text, "    {dst}");
                for (rule, rest) in leaves {
                    let _ = writeln!(text, "      {rest}: {}", self.answer(*rule));
                }
            }
        }
        let default = self.policy().default.verdict;
        let _ = writeln!(text, "  otherwise: {default} (default)");
        text
    }

    fn answer(&self, id: RuleId) -> String {
        let Some(rule) = self.policy().rule(id) else { return String::new() };
        let via: Vec<&str> = rule
            .via
            .iter()
            .filter_map(|id| self.policy().middleboxes.get(id.index()))
            .map(|middlebox| &*middlebox.name)
            .collect();
        let via = if via.is_empty() { String::new() } else { format!(" via {}", via.join(", ")) };
        let effect = match rule.effect {
            Effect::Decide(verdict) => verdict.to_string(),
            Effect::Audit(verdict) => format!("audit {verdict}"),
            Effect::Pass(behind) => format!("pass to #{}", u64::from(behind.0) + 1),
        };
        format!("#{} {effect}{via} ({})", u64::from(id.0) + 1, self.names().rule(id))
    }
}

fn sides_hold(all: &Conjunction, src: &Record, dst: &Record) -> bool {
    all.src.iter().all(|(label, wanted)| src.has(*label) == *wanted)
        && all.dst.iter().all(|(label, wanted)| dst.has(*label) == *wanted)
}
