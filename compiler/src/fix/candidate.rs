//! Which findings have a plain repair, and what is never touched though it could be. Knows nothing of proofs.

use std::collections::BTreeSet;

use lang::ast::Item;
use lang::checked::{Part, Rule};
use lang::codes::text::W0702;
use lang::codes::{self, Code};
use lang::diag::Diagnostic;
use lang::facts::{Proof, RuleFact, Taken};
use lang::lint::duplicate_member::W0302;
use lang::lint::ends_soon::W0314;
use lang::lint::matches_nothing::W0305;
use lang::lint::order_decides::W0306;
use lang::lint::past_time::W0319;
use lang::lint::redundant_rule::W0304;
use lang::lint::shadowed_rule::W0303;
use lang::lint::unreachable_default::W0307;
use lang::lint::unused_name::W0301;
use lang::lint::{cut_outbound_only::W0311, locked_out::W0313, no_gateway::W0318, vacuous_assertion::W0317};
use lang::repair::{self, Edit};
use lang::source::{SourceMap, Span};
use lang::suppress;

use super::Why;
use super::state::State;

/// How many characters of what goes are shown.
const SHOWN: usize = 60;

/// What a finding is called while the text around it changes: its code, its text and what it is about, and which of several such it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Code, String, String, usize);

/// When a repair is tried: of a general rule and what spells out parts of it, either could go, and the general one is what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Whatever follows, this says nothing.
    First,
    /// A rule that others could stand for: only once they had their turn, it is known whether they stay.
    Second,
    /// A general rule behind those that spell it out: they go before it.
    Last,
}

/// A finding with a repair.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) code: Code,
    pub(super) key: Key,
    pub(super) turn: Turn,
    /// The finding's place.
    pub(super) at: Span,
    pub(super) edits: Vec<Edit>,
    /// What is done, in a few words.
    pub(super) what: String,
}

impl Key {
    pub(super) fn of(found: &Diagnostic, sources: &SourceMap) -> Key {
        let file = sources.get(found.span.source).map_or_else(String::new, |source| source.name.to_string());
        Key(found.code, file, in_one_line(sources.text(found.span)), 0)
    }

    pub(super) fn nth(self, place: usize) -> Key {
        Key(self.0, self.1, self.2, place)
    }
}

impl Candidate {
    /// True for findings whose repair is to be thought of.
    pub(super) fn is_of(code: Code) -> bool {
        repair::is_plain(code) || code == W0303
    }

    /// The repair of a finding, or why it is left.
    pub(super) fn new(state: &State, found: &Diagnostic, key: Key) -> Result<Candidate, Why> {
        if found.code == W0702 {
            check_silence(state, found)?;
        } else {
            check_statement(state, found)?;
        }
        let sources = &state.loaded.sources;
        let repairs = repair::of(found, sources, &state.loaded.policy);
        let edits = repairs.into_iter().find(|repair| repair.keeps_meaning).ok_or(Why::NoEdit)?.edits;
        Ok(Candidate { code: found.code, key, turn: turn(state, found), at: found.span, edits, what: what(found, sources) })
    }
}

fn turn(state: &State, found: &Diagnostic) -> Turn {
    match found.code {
        W0304 => Turn::Second,
        W0303 if is_spelt_out(state, found.span) => Turn::Last,
        _ => Turn::First,
    }
}

/// True for a rule that several before it cover together, each of which would leave its flows to this one.
fn is_spelt_out(state: &State, span: Span) -> bool {
    let rules = state.program.policy().site_rules();
    let Some(rule) = rules.iter().find(|rule| rule.span == span && rule.part == Part::Whole) else { return false };
    let fact = |id| state.facts.rules.iter().find(|(other, _)| *other == id).map(|(_, fact)| fact);
    let Some(RuleFact::Shadowed(by)) = fact(rule.id) else { return false };
    let leaves_to_it = |taken: &Taken| matches!(fact(taken.by), Some(RuleFact::Redundant(_, Some(id))) if *id == rule.id);
    by.len() > 1 && by.iter().all(leaves_to_it)
}

/// What is told of an edit that answers a finding.
fn what(found: &Diagnostic, sources: &SourceMap) -> String {
    let text = shortened(&in_one_line(sources.text(found.span)));
    match found.code {
        W0301 => format!("removed {}, which nothing uses", found.message.trim_end_matches(" is never used")),
        W0302 => format!("removed the second `{text}`"),
        W0303 => format!("removed `{text}`, which decides nothing"),
        W0304 => format!("removed `{text}`, which makes no difference"),
        W0305 => format!("removed `{text}`, which no flow can match"),
        _ => format!("removed `{text}`, which silences nothing"),
    }
}

/// Whether a declaration or a rule may go, as far as can be seen.
fn check_statement(state: &State, found: &Diagnostic) -> Result<(), Why> {
    let Some(item) = repair::item_at(&state.loaded.policy, found.span) else { return Err(Why::NoEdit) };
    let file = state.loaded.policy.file(found.span.source);
    if found.code != W0302
        && let Some(file) = file
    {
        let span = item.span();
        if file.comments.iter().any(|comment| (span.start..span.end).contains(&comment.span.start)) {
            return Err(Why::Comment);
        }
        if suppress::speaks_of(&state.loaded.sources, file, span) {
            return Err(Why::Silences);
        }
    }
    let policy = state.program.policy();
    if !matches!(item, Item::Rule(_)) {
        let is_part = found.code == W0301 && policy.site_rules().is_empty();
        return if is_part { Err(Why::Part) } else { Ok(()) };
    }
    let rule = policy.site_rules().iter().find(|rule| rule.span == found.span && rule.part == Part::Whole).ok_or(Why::NoEdit)?;
    if rule.name.is_some() || rule.log || rule.owner.is_some() || rule.ticket.is_some() {
        return Err(Why::Belongs);
    }
    if found.code == W0303 && !decided_alike(state, rule) {
        return Err(Why::Otherwise);
    }
    Ok(())
}

/// True if all that leave a rule nothing decide as it would, or one of them says just the same: else it was to do something that does
/// not happen.
fn decided_alike(state: &State, rule: &Rule) -> bool {
    let fact = state.facts.rules.iter().find(|(id, _)| *id == rule.id).map(|(_, fact)| fact);
    let Some(RuleFact::Shadowed(by)) = fact else { return false };
    let alike = |other: &Rule| (other.effect, &other.via, &other.duties) == (rule.effect, &rule.via, &rule.duties);
    let others = || by.iter().map(|taken| state.program.policy().rule(taken.by));
    let all_alike = !by.is_empty() && others().all(|other| other.is_some_and(alike));
    all_alike || others().flatten().any(|other| alike(other) && other.cond == rule.cond)
}

/// Whether a comment that silences nothing may go: not if what it silences was only not found, or will come with time.
fn check_silence(state: &State, found: &Diagnostic) -> Result<(), Why> {
    let code = suppress::code_of(state.loaded.sources.text(found.span)).and_then(codes::find).map(|page| page.code);
    let Some(code) = code else { return Err(Why::NoEdit) };
    // W0304 is told only where it was found out, W0306 of a few pairs, W0314 for two weeks, W0319 from some day on.
    let passing = [W0304, W0306, W0314, W0319].contains(&code);
    let of_proofs = [W0303, W0305, W0307, W0311, W0313, W0317, W0318].contains(&code);
    let facts = &state.facts;
    let all_found =
        facts.rules.iter().all(|(_, fact)| *fact != RuleFact::Undecided) && !matches!(facts.default, Some(Proof::Undecided(_)));
    if passing || (of_proofs && !all_found) { Err(Why::Comes) } else { Ok(()) }
}

/// Some of the candidates, in their order, of which no edits overlap.
pub(super) fn disjoint(all: &[Candidate], most: usize) -> Vec<&Candidate> {
    let mut taken: BTreeSet<Span> = BTreeSet::new();
    let mut chosen = Vec::new();
    for one in all {
        let meets = |edit: &Edit| {
            let with = |span: &Span| span.source == edit.span.source && span.start < edit.span.end && edit.span.start < span.end;
            taken.iter().any(with)
        };
        if chosen.len() < most && !one.edits.iter().any(meets) {
            taken.extend(one.edits.iter().map(|edit| edit.span));
            chosen.push(one);
        }
    }
    chosen
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().count() > SHOWN {
        shown = format!("{}…", shown.trim_end());
    }
    shown
}
