//! W0305: a rule whose condition never holds.

use std::collections::{HashMap, HashSet};

use super::Input;
use crate::ast::{Atom, Clause, ClauseKind, CompareOp, Cond, CondField, Expr, Item, RuleStmt, Term};
use crate::checked::{BuiltIn, Part, Rule};
use crate::diag::Diagnostic;
use crate::facts::RuleFact;
use crate::flow::Side;
use crate::source::Span;

lint! {
    W0305 "condition that never holds" {
        what "There is no flow that a rule matches: what it asks contradicts itself, or what is declared (two hosts at one end, a pinned host at another port, an address of the site beyond the gateway, a port of a protocol without ports)."
        why "The rule says something that cannot happen; something else was meant."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow when hsrc = roo and hsrc = kanga;"
        instead "Correct the condition: `or` where either is meant, the other field where the other end is."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow when hsrc = roo or hsrc = kanga;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let never = input.facts.rules.iter().filter(|(_, fact)| *fact == RuleFact::MatchesNothing);
    let rules: Vec<&Rule> = never.filter_map(|(id, _)| input.policy.rule(*id)).filter(|rule| rule.part == Part::Whole).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let items = input.tree.files.iter().flat_map(|file| &file.items);
    let statements: HashMap<Span, &RuleStmt> =
        items.filter_map(|item| if let Item::Rule(rule) = item { Some((rule.span, rule)) } else { None }).collect();
    let known =
        Known { hosts: input.policy.hosts.iter().map(|host| &*host.name).collect(), gateway: !input.policy.gateways.is_empty() };
    let why = |rule: &Rule| statements.get(&rule.span)?.clauses.iter().find_map(|clause| known.contradiction(clause));
    rules
        .into_iter()
        .map(|rule| {
            let found = Diagnostic::new(W0305, rule.span, "no flow can match this rule");
            match why(rule) {
                Some(why) => found.related(why.at, why.what).help(why.help),
                None => found.help("what it asks contradicts itself, or what is declared of the names in it"),
            }
        })
        .collect()
}

/// A contradiction that one clause shows by itself.
struct Why {
    at: Span,
    what: &'static str,
    help: String,
}

/// What is declared.
struct Known<'a> {
    hosts: HashSet<&'a str>,
    gateway: bool,
}

impl Known<'_> {
    fn contradiction(&self, clause: &Clause) -> Option<Why> {
        match &clause.kind {
            ClauseKind::From(set) => self.of_end(set, clause.span, "no flow comes from two hosts"),
            ClauseKind::To(set) => self.of_end(set, clause.span, "no flow goes to two hosts"),
            ClauseKind::When(Cond::And(tests)) => self.of_tests(tests, clause.span),
            _ => None,
        }
    }

    /// `from a and b` of two hosts; `to gateway` without one.
    fn of_end(&self, set: &Expr, at: Span, two: &'static str) -> Option<Why> {
        let parts = match set {
            Expr::And(parts) | Expr::Intersection(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let gateway = |part: &Expr| matches!(part, Expr::Term(Term { atom: Atom::BuiltIn(BuiltIn::Gateway), .. }));
        if !self.gateway && parts.iter().any(gateway) {
            let help = "declare where the internet is: `gateway NAME { at SWITCH:PORT; }`".to_owned();
            return Some(Why { at, what: "no gateway is declared", help });
        }
        let (one, other) = self.two_hosts(parts.iter())?;
        let help = format!("`|` joins what is either of them: `{one} | {other}`");
        Some(Why { at, what: two, help })
    }

    /// `hsrc = a and hsrc = b` of two hosts.
    fn of_tests(&self, tests: &[Cond], at: Span) -> Option<Why> {
        let of = |side: Side| {
            let values = tests.iter().filter_map(move |test| match test {
                Cond::Test(test) if test.op.value == CompareOp::Equal && test.field.value == CondField::Host(side) => {
                    Some(&test.value)
                }
                _ => None,
            });
            self.two_hosts(values)
        };
        let (word, (one, other)) = of(Side::Src).map(|two| ("hsrc", two)).or_else(|| of(Side::Dst).map(|two| ("hdst", two)))?;
        let help = format!("where either is meant, write `{word} in {{ {one}, {other} }}`");
        Some(Why { at, what: "each end of a flow is one host", help })
    }

    /// The first two of the sets that are different hosts.
    fn two_hosts<'e>(&self, sets: impl Iterator<Item = &'e Expr>) -> Option<(&'e str, &'e str)> {
        let mut hosts = sets.filter_map(|set| match set {
            Expr::Term(Term { atom: Atom::Name(name), .. }) if self.hosts.contains(&*name.text) => Some(&*name.text),
            _ => None,
        });
        let first = hosts.next()?;
        hosts.find(|other| *other != first).map(|other| (first, other))
    }
}
