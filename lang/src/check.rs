//! From tree to checked policy: the one way to a [`Checked`]. All independent mistakes are found in one run; what depends on a
//! mistake is not reported again. Knows nothing of text beyond its places, nor of the live network.

mod clauses;
mod conditions;
mod groups;
mod inventory;
mod sets;
mod statements;

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::ast;
use crate::builtin;
use crate::checked::{Checked, DefaultRule, MultiUser, Service, Verdict};
use crate::codes::names::E0201;
use crate::codes::syntax::E0115;
use crate::diag::{self, Diagnostic, Related};
use crate::flowspec::Mentions;
use crate::resolve::{self, Names, Statements};
use crate::source::SourceMap;

pub(crate) use inventory::port_of;

/// How many further uses of an unknown name a report shows.
const MAX_USES: usize = 3;

/// How many findings are reported; the rest are counted.
const MAX_FINDINGS: usize = 1_000;

/// Checks a parsed policy. `parsed` is what the parser found: its findings come out with the checker's, in the order of the
/// text, and an error among them forbids the policy as one of the checker's own does.
#[must_use]
pub fn check(sources: &SourceMap, policy: &ast::Policy, parsed: Vec<Diagnostic>) -> (Option<Checked>, Vec<Diagnostic>) {
    let items = policy.items();
    let mut found = parsed;
    let (statements, names) = resolve::collect(&items, &mut found);
    let mut checker = Checker::new(sources, names, found);
    checker.damaged = statements.damaged;
    checker.run(&statements);
    let Checker { policy, mut found, damaged, .. } = checker;
    diag::sort(&mut found, sources);
    let found = capped(join_unknown(found));
    // What could not be read has been reported; should it not have been, it still makes no policy.
    let sound = !damaged && !diag::any_error(&found);
    (sound.then_some(policy), found)
}

/// One report for each unknown name: later uses of it are joined to the first, a few of them by place.
fn join_unknown(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    for diagnostic in found {
        let known = first.get(&diagnostic.message).and_then(|place| joined.get_mut(*place));
        match known {
            Some(earlier) if diagnostic.code == E0201 => {
                if earlier.related.len() < MAX_USES {
                    earlier.related.push(Related { span: diagnostic.span, message: "used here too".to_owned() });
                }
                earlier.help = earlier.help.take().or(diagnostic.help);
            }
            Some(_) | None => {
                if diagnostic.code == E0201 {
                    first.insert(diagnostic.message.clone(), joined.len());
                }
                joined.push(diagnostic);
            }
        }
    }
    joined
}

/// The first findings, and how many more there are. Errors among those left out still forbid the policy: one is added for them.
fn capped(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = found.len().saturating_sub(MAX_FINDINGS);
    if let Some(next) = found.get(MAX_FINDINGS).map(|next| next.span) {
        found.truncate(MAX_FINDINGS);
        found.push(Diagnostic::new(E0115, next, format!("{more} more errors are not shown")));
    }
    found
}

/// The policy as it grows. Every declaration has its row, a damaged one with a stand-in, so that numbers fit; the policy leaves
/// the checker only if nothing was found.
pub(crate) struct Checker {
    /// What is known so far.
    policy: Checked,
    /// Names so far.
    names: Names,
    /// What was found.
    found: Vec<Diagnostic>,
    /// Something could not be read.
    damaged: bool,
    /// How many terms all services have together.
    terms: usize,
    /// The addresses that the policy mentions, found when a test first needs them: behind the rules.
    mentions: OnceCell<Mentions>,
    /// For each group: whether it is empty, and how deep it nests.
    facts: Vec<GroupFacts>,
}

/// What the checker keeps of a group besides its row.
#[derive(Clone, Copy)]
struct GroupFacts {
    empty: bool,
    depth: u32,
}

impl Checker {
    fn new(sources: &SourceMap, names: Names, found: Vec<Diagnostic>) -> Self {
        let policy = Checked {
            sources: sources.clone(),
            switches: Vec::new(),
            locations: Vec::new(),
            hosts: Vec::new(),
            users: Vec::new(),
            gateways: Vec::new(),
            middleboxes: Vec::new(),
            groups: Vec::new(),
            services: Vec::new(),
            rules: Vec::new(),
            default: DefaultRule { verdict: Verdict::Deny, span: None },
            multi_user: MultiUser::default(),
            tests: Vec::new(),
        };
        Checker { policy, names, found, damaged: false, terms: 0, mentions: OnceCell::new(), facts: Vec::new() }
    }

    fn run(&mut self, statements: &Statements<'_>) {
        self.inventory(statements);
        self.groups(&statements.sets);
        self.well_known_services();
        for rule in &statements.rules {
            self.rule(rule);
        }
        self.defaults(&statements.defaults);
        self.settings(&statements.settings);
        for block in &statements.tests {
            self.test(block);
        }
    }

    /// Adds the services that the language brings along, unless their names are declared.
    fn well_known_services(&mut self) {
        for (name, terms) in builtin::SERVICES {
            if self.names.get(name).is_none() {
                let terms = terms.iter().map(|term| term.term()).collect();
                self.policy.services.push(Service { name: (*name).into(), terms, span: None });
            }
        }
    }

    /// Records a finding.
    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }
}
