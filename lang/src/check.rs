//! From tree to checked policy: the one way to a [`Checked`]. All independent mistakes are found in one run; what depends on a
//! mistake is not reported again. Knows nothing of text beyond its places, nor of the live network.

mod brackets;
mod clauses;
mod conditions;
mod groups;
mod inventory;
mod limits;
mod sections;
mod sets;
mod statements;
mod times;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast;
use crate::builtin;
use crate::checked::{Checked, DynamicSource, GroupId, Kind, Service};
use crate::codes::names::E0201;
use crate::diag::{self, Diagnostic, Findings, Related};
use crate::flowspec::Known;
use crate::import;
use crate::parse;
use crate::resolve::{self, Names, Statements};
use crate::source::{SourceMap, Span};

pub(crate) use inventory::port_of;
pub use limits::{MAX_CLAIMS, MAX_JOINED_TERMS, MAX_JUDGEMENTS, MAX_RULES, MAX_STATIONS, MAX_TEST_FLOWS};

/// How many further uses of an unknown name a report shows.
const MAX_USES: usize = 3;

/// How many are kept until those that belong together are joined.
const MAX_KEPT: usize = 10 * diag::MAX_FINDINGS;

/// Checks a parsed policy. `parsed` is what the parser found: its findings come out with the checker's, in the order of the
/// text, and an error among them forbids the policy as one of the checker's own does.
#[must_use]
pub fn check(sources: &SourceMap, policy: &ast::Policy, parsed: Vec<Diagnostic>) -> (Option<Checked>, Vec<Diagnostic>) {
    let items = policy.items();
    let mut found = Findings::with_room(MAX_KEPT);
    found.extend(parsed);
    // The texts of the policy keep their numbers.
    let mut all_sources = sources.clone();
    let prelude = if has_prelude(&items) { None } else { Some(built_in_prelude(&mut all_sources)) };
    let all: Vec<&ast::Item> = prelude.iter().flatten().chain(items).collect();
    let (statements, names) = resolve::collect(&all, &mut found);
    let mut checker = Checker::new(&all_sources, names, found);
    checker.damaged = statements.damaged;
    checker.run(&statements);
    let Checker { policy, found, damaged, .. } = checker;
    let (mut found, more) = found.into_kept();
    diag::sort(&mut found, sources);
    let mut found = join_unknown(found);
    diag::cap_counted(&mut found, more);
    // What could not be read has been reported; should it not have been, it still makes no policy.
    let sound = !damaged && !diag::any_error(&found);
    (sound.then_some(policy), found)
}

/// Checks a policy as it was loaded. If an include is missing, an unknown name may well be declared in it, be it ever so near to one
/// that is not: what is missing is reported, and no name is until all texts are there.
#[must_use]
pub fn check_loaded(loaded: &import::Loaded) -> (Option<Checked>, Vec<Diagnostic>) {
    let (checked, mut found) = check(&loaded.sources, &loaded.policy, loaded.diagnostics.clone());
    if loaded.policy.files.iter().any(lacks_include) {
        found.retain(|found| found.code != E0201);
    }
    (checked, found)
}

/// Adds the text of the built-in prelude where findings name places in it, so that they can be shown: behind all others, where
/// [`check`] has it.
pub fn add_prelude_of(found: &[Diagnostic], sources: &mut SourceMap) {
    let named = |span: Span| sources.get(span.source).is_none();
    if found.iter().any(|found| found.related.iter().any(|other| named(other.span))) {
        sources.add(builtin::PRELUDE_NAME, builtin::PRELUDE);
    }
}

/// True if an include of the file brought nothing in.
fn lacks_include(file: &ast::File) -> bool {
    file.items.iter().any(|item| matches!(item, ast::Item::Include(include) if include.target.is_none()))
}

/// True if the policy brings its own prelude.
fn has_prelude(items: &[&ast::Item]) -> bool {
    items.iter().any(|item| matches!(item, ast::Item::Section(head) if &*head.name.text == builtin::PRELUDE_NAME))
}

/// The statements of the prelude that the language brings along.
fn built_in_prelude(sources: &mut SourceMap) -> Vec<ast::Item> {
    let id = sources.add(builtin::PRELUDE_NAME, builtin::PRELUDE);
    parse::parse(sources, id).0.items
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
                    earlier.related.push(Related { span: diagnostic.span, message: "used here too".to_owned(), flow: None });
                }
                if earlier.help.is_none() {
                    (earlier.help, earlier.meant) = (diagnostic.help, diagnostic.meant);
                }
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

/// The policy as it grows. Every declaration has its row, a damaged one with a stand-in, so that numbers fit; the policy leaves
/// the checker only if nothing was found.
pub(crate) struct Checker {
    /// What is known so far.
    policy: Checked,
    /// Names so far.
    names: Names,
    /// What was found.
    found: Findings,
    /// Something could not be read.
    damaged: bool,
    /// What the policy has too much of.
    exceeded: Vec<limits::Counted>,
    /// How many terms all services have together.
    terms: usize,
    /// How many of them were joined with others.
    joined_terms: usize,
    /// How many flows all tests stand for.
    test_flows: usize,
    /// How many stations all hosts are.
    stations: usize,
    /// Where each name of a section is given first.
    sections: HashMap<Arc<str>, Span>,
    /// What flows of tests stand for, found when one first needs it: behind the rules.
    known: Known,
    /// For each group: whether it is empty, and how deep it nests.
    facts: Vec<GroupFacts>,
    /// Dynamic sets that have a group already.
    dynamic: HashMap<(Kind, DynamicSource), GroupId>,
}

/// What the checker keeps of a group besides its row.
#[derive(Clone, Copy)]
struct GroupFacts {
    empty: bool,
    depth: u32,
}

impl Checker {
    fn new(sources: &SourceMap, names: Names, found: Findings) -> Self {
        Checker {
            policy: Checked::empty(sources.clone()),
            names,
            found,
            damaged: false,
            exceeded: Vec::new(),
            terms: 0,
            joined_terms: 0,
            test_flows: 0,
            stations: 0,
            sections: HashMap::new(),
            known: Known::default(),
            facts: Vec::new(),
            dynamic: HashMap::new(),
        }
    }

    fn run(&mut self, statements: &Statements<'_>) {
        self.inventory(statements);
        self.groups(&statements.sets);
        self.well_known_services();
        self.settings(&statements.settings);
        self.times(&statements.times);
        self.body(&statements.body);
        self.defaults(&statements.defaults);
        statements.invariants.iter().for_each(|stmt| self.invariant(stmt));
        self.assertions(&statements.assertions);
        for block in &statements.tests {
            self.test(block);
        }
        self.judgements();
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
        let span = brackets::closed(&self.policy.sources, diagnostic.span);
        self.found.push(Diagnostic { span, ..diagnostic });
    }
}
