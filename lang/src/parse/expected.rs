//! What the generated parser says, in a person's words. Knows the grammar's terminals by their names.

use std::collections::BTreeSet;

use lalrpop_util::ParseError;

use super::Failure;
use super::advice::{CASE, Stumble};
use crate::codes::syntax;
use crate::diag::Diagnostic;
use crate::keyword::{self, KEYWORDS, Keyword, Role};
use crate::lexer::{Tok, Token, span};
use crate::phrasebook::{self, Advice, Place};
use crate::source::{SourceId, Span};
use crate::suggest::{self, Candidate};

/// How many expected things a message names at most.
const MAX_NAMED: usize = 3;

/// The place of the token that was put in, if the parser stumbled over one.
pub(super) fn put_in(tokens: &[Token], failure: &Failure) -> Option<usize> {
    match failure {
        ParseError::UnrecognizedToken { token: (start, _, end), .. } | ParseError::ExtraToken { token: (start, _, end) } => {
            (start == end).then_some(*start)
        }
        ParseError::UnrecognizedEof { .. } => tokens.last().map(|last| last.end),
        ParseError::InvalidToken { .. } | ParseError::User { .. } => None,
    }
}

/// The report of a failure; nothing if the token in question has been reported by itself.
pub(super) fn explain(source: SourceId, text: &str, tokens: &[Token], failure: &Failure) -> Option<Diagnostic> {
    let (start, tok, end, expected) = match failure {
        ParseError::UnrecognizedToken { token: (start, tok, end), expected } => (*start, Some(*tok), *end, expected.as_slice()),
        ParseError::ExtraToken { token: (start, tok, end) } => (*start, Some(*tok), *end, [].as_slice()),
        ParseError::UnrecognizedEof { expected, .. } => {
            let end = tokens.last().map_or(0, |last| last.end);
            (end, None, end, expected.as_slice())
        }
        ParseError::InvalidToken { location } => (*location, None, *location, [].as_slice()),
        ParseError::User { error: () } => return None,
    };
    if tok == Some(Tok::Junk) {
        return None;
    }
    if let Some(report) = word_as_label(source, text, tokens, start) {
        return Some(report);
    }
    if let Some(report) = no_statement(source, text, tokens, start, expected) {
        return Some(report);
    }
    let terminals: BTreeSet<&str> = expected.iter().map(|name| name.trim_matches('"')).collect();
    if let Some(report) = doubled(source, text, start) {
        return Some(report);
    }
    let at = tokens.partition_point(|token| token.start < start);
    let stumble = Stumble { source, text, tokens, at, terminals: &terminals };
    if let Some(report) = stumble.report() {
        return Some(report);
    }
    if let Some(report) = before_number(source, text, tokens, start, &terminals) {
        return Some(report);
    }
    let found = text.get(start..end).unwrap_or("");
    let place = span(source, start, end);
    let only_names = terminals.contains("name") && terminals.iter().all(|name| matches!(*name, "name" | "port"));
    let foreign = stumble.of_word();
    if only_names && foreign.is_none() && tok.is_some_and(|tok| is_word(tok, found)) {
        return Some(word_as_name(place, found));
    }
    let verdict = tok.is_some_and(super::mend::is_verdict);
    if verdict && terminals.contains("=>") {
        let message = format!("expected `=>` before `{found}`");
        return Some(Diagnostic::new(syntax::E0101, place, message).help(CASE));
    }
    let wanted = stumble.instant().map_or_else(|| listed(&phrases(&terminals)), str::to_owned);
    let message = match (found.is_empty(), wanted.is_empty()) {
        (false, false) => format!("expected {wanted}, found {}", shown(found)),
        (false, true) => format!("{} cannot stand here", shown(found)),
        (true, false) => format!("expected {wanted} here"),
        (true, true) => "the statement is not complete".to_owned(),
    };
    let report = Diagnostic::new(syntax::E0101, place, message);
    if let Some(advice) = foreign {
        return Some(report.advised(advice));
    }
    let near = if tok == Some(Tok::Name) && !stumble.lacks_from() {
        near_words(found, tokens.get(at + 1), &terminals)
    } else {
        Vec::new()
    };
    if !near.is_empty() {
        return Some(report.meant(&near));
    }
    let help = stumble.guess().or_else(|| named_network(tokens, &terminals)).or_else(|| hint(tok, found, &terminals));
    Some(report.maybe_help(help.or_else(|| before(text, tokens, start))))
}

fn word_as_name(place: Span, word: &str) -> Diagnostic {
    let message = format!("`{word}` is a word of the language, so it cannot be a name");
    Diagnostic::new(syntax::E0111, place, message).help(format!("choose another name, `{word}-1` for example"))
}

/// The report of a rule that is named by a word of the language: `directory: allow …`.
fn word_as_label(source: SourceId, text: &str, tokens: &[Token], at: usize) -> Option<Diagnostic> {
    let [first, second, ..] = tokens else { return None };
    let word = text.get(first.start..first.end).unwrap_or("");
    if !is_word(first.tok, word) || second.tok != Tok::Colon || at > second.start {
        return None;
    }
    let verdict = tokens.get(2).filter(|third| first.tok == Tok::Word(Keyword::Default) && super::mend::is_verdict(third.tok));
    if let Some(verdict) = verdict.and_then(|third| text.get(third.start..third.end)) {
        let place = span(source, second.start, second.end);
        let found = Diagnostic::new(syntax::E0101, place, "expected a verdict, found `:`");
        return Some(found.help(format!("`default` is no name: write `default {verdict};`")));
    }
    Some(word_as_name(span(source, first.start, first.end), word))
}

/// What to write for a network that is made of others.
fn named_network(tokens: &[Token], terminals: &BTreeSet<&str>) -> Option<String> {
    let declares = tokens.first().is_some_and(|first| first.tok == Tok::Word(Keyword::Network));
    (declares && terminals.len() == 1 && terminals.contains("address"))
        .then(|| "a network is made of prefixes; several networks together are a group: `group NAME = network { … };`".to_owned())
}

/// A token as messages show it: short, on one line.
pub(super) fn shown(found: &str) -> String {
    let mut letters = found.chars();
    let start: String = letters.by_ref().take(40).collect();
    let more = if letters.next().is_some() { "…" } else { "" };
    format!("`{start}{more}`")
}

/// The report of a statement that starts with no word that statements start with.
fn no_statement(source: SourceId, text: &str, tokens: &[Token], at: usize, expected: &[String]) -> Option<Diagnostic> {
    let first = tokens.first()?;
    let label = first.tok == Tok::Name && tokens.get(1).is_none_or(|second| second.start == at) && expected == ["\":\""];
    let statement = first.start == at && expected.iter().any(|name| name == "\"include\"");
    if !label && !statement {
        return None;
    }
    let word = text.get(first.start..first.end).unwrap_or("");
    let known = KEYWORDS.iter().filter(|row| matches!(row.role, Role::Statement | Role::Verdict));
    let near = suggest::nearest(word, None, known.map(|row| Candidate { name: row.word, kind: None }));
    let message = format!("no statement starts with {}", shown(word));
    let report = Diagnostic::new(syntax::E0101, span(source, first.start, first.end), message);
    if let Some(advice) = foreign_start(word) {
        return Some(report.advised(advice));
    }
    if let Some(verdict) = verdict_behind(text, first).filter(|_| near.is_empty()) {
        return Some(report.help(format!("a rule's name has a colon behind it: `{word}: {verdict} …`")));
    }
    Some(report.meant(&near))
}

/// The verdict behind a name, on its line: the next statement starts there.
fn verdict_behind<'t>(text: &'t str, name: &Token) -> Option<&'t str> {
    let rest = text.get(name.end..).filter(|_| name.tok == Tok::Name)?.trim_start_matches([' ', '\t']);
    let word = rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).next()?;
    keyword::row(word).filter(|row| row.role == Role::Verdict).map(|_| word)
}

/// What to do about a word of another tool that a statement starts with.
fn foreign_start(word: &str) -> Option<Advice> {
    phrasebook::advice(Place::Verdict, word).or_else(|| phrasebook::advice(Place::Statement, word))
}

/// True if the end of a statement says nothing, as it is none of the language's, or has a block that does not belong to it.
pub(super) fn hides_end(text: &str, tokens: &[Token], failure: &Failure) -> bool {
    let ParseError::UnrecognizedToken { token: (start, tok, _), expected } = failure else { return false };
    let unknown = no_statement(SourceId(0), text, tokens, *start, expected).is_some_and(|report| report.meant.is_empty());
    unknown
        || *tok == Tok::LBrace
            && tokens.iter().rev().find(|token| token.start < token.end).is_some_and(|last| last.tok == Tok::RBrace)
}

/// True for what cannot be a name as it means something.
fn is_word(tok: Tok, found: &str) -> bool {
    matches!(tok, Tok::Word(_) | Tok::Radius | Tok::Field | Tok::Set | Tok::Multicast)
        || tok == Tok::Service && !found.contains('/')
}

/// The report of a doubled operator of other languages, found at its second character.
fn doubled(source: SourceId, text: &str, at: usize) -> Option<Diagnostic> {
    let doubled = text.get(at.checked_sub(1)?..at + 1)?;
    let word = match doubled {
        "&&" => "and",
        "||" => "or",
        _ => return None,
    };
    let place = span(source, at - 1, at + 1);
    Some(Diagnostic::new(syntax::E0101, place, format!("`{doubled}` has no meaning here")).help(format!("write `{word}`")))
}

/// The word that the name before was probably meant for, where what follows goes with a word: `locatio { … }`, `onwer "…"`.
fn before(text: &str, tokens: &[Token], at: usize) -> Option<String> {
    let place = tokens.partition_point(|token| token.start < at);
    let (last, this) = (tokens.get(place.checked_sub(1)?)?, tokens.get(place)?);
    if this.start != at || last.tok != Tok::Name || !matches!(this.tok, Tok::LBrace | Tok::LParen | Tok::String) {
        return None;
    }
    let word = text.get(last.start..last.end)?;
    let near = suggest::nearest(word, None, KEYWORDS.iter().map(|row| Candidate { name: row.word, kind: None }));
    suggest::did_you_mean(&near)
}

/// The report of a number behind a name that is nearly a word which a number follows: `vlna 5`.
fn before_number(source: SourceId, text: &str, tokens: &[Token], at: usize, terminals: &BTreeSet<&str>) -> Option<Diagnostic> {
    let place = tokens.partition_point(|token| token.start < at);
    let (last, this) = (tokens.get(place.checked_sub(1)?)?, tokens.get(place)?);
    if this.start != at || last.tok != Tok::Name || this.tok != Tok::Number || !terminals.contains("field") {
        return None;
    }
    let word = text.get(last.start..last.end)?;
    let near = near_words(word, Some(this), terminals);
    (!near.is_empty()).then(|| unknown_word(span(source, last.start, last.end), word, &near))
}

/// The report of a word that is none of those that can stand there.
pub(super) fn unknown_word(place: Span, word: &str, near: &[&str]) -> Diagnostic {
    Diagnostic::new(syntax::E0118, place, format!("{} is no word that can stand here", shown(word))).meant(near)
}

/// Expected words near a name.
fn near_words<'t>(found: &str, next: Option<&Token>, terminals: &BTreeSet<&'t str>) -> Vec<&'t str> {
    let mut words: Vec<&'t str> = terminals.iter().copied().filter(|name| KEYWORDS.iter().any(|row| row.word == *name)).collect();
    // Where a rule goes on, a field has a number or a value behind it.
    let compared = next.is_some_and(|next| matches!(next.tok, Tok::Number | Tok::Equal | Tok::NotEqual | Tok::Word(Keyword::In)));
    if terminals.contains("field") && (compared || !terminals.contains("until")) {
        // Of a flow, fields are headers alone: it has no clauses.
        if terminals.contains("from") {
            words.extend(keyword::fields().map(|(name, _)| name));
        } else {
            words.extend(keyword::flow_words().map(|word| -> &'t str { word }));
        }
    }
    suggest::nearest(found, None, words.into_iter().map(|name| Candidate { name, kind: None }))
}

/// What was probably meant by something else than a name.
fn hint(tok: Option<Tok>, found: &str, terminals: &BTreeSet<&str>) -> Option<String> {
    let tok = tok.filter(|tok| *tok != Tok::Name)?;
    let name = terminals.contains("name") && is_word(tok, found) && !is_clause(tok);
    name.then(|| format!("`{found}` is a word of the language, so it cannot be a name"))
}

/// True for words that go on with a rule, or start the next one: none of them is meant as a name.
fn is_clause(tok: Tok) -> bool {
    let Tok::Word(word) = tok else { return false };
    let common =
        [Keyword::From, Keyword::To, Keyword::For, Keyword::At, Keyword::Via, Keyword::When, Keyword::Log, Keyword::Until];
    let role = KEYWORDS.iter().find(|row| row.keyword == word).map(|row| row.role);
    common.contains(&word) || matches!(role, Some(Role::Verdict | Role::Operator))
}

/// The expected terminals as phrases, the most telling first.
fn phrases(terminals: &BTreeSet<&str>) -> Vec<String> {
    let has = |name: &str| terminals.contains(name);
    let expression = has("name") && has("address");
    let comparison = has("=") && has("!=");
    let mut ranked: BTreeSet<(u8, String)> = BTreeSet::new();
    for terminal in terminals {
        let phrase: (u8, &str) = match *terminal {
            "junk" | "by" => continue,
            "name" => (0, "a name"),
            "address" => (1, "an address"),
            "set" | "multicast" | "gateway" if expression => (2, "a built-in set"),
            "set" | "multicast" => (2, "a built-in set"),
            "mac-address" | "port" | "number" | "protocol" | "(" | "not" | "{" if expression => continue,
            "user" | "host" | "location" | "switch" | "network" | "mac" | "service" if has("name") => continue,
            "mac-address" => (1, "a MAC address"),
            "port" => (1, "a location such as `edge1:5`"),
            "number" => (1, "a number"),
            "protocol" => (1, "a service such as `tcp/80`"),
            "string" => (1, "a string in quotes"),
            // Of a flow: headers and the time stand last, and are seldom what is missing.
            "field" | "time" if has("=>") => continue,
            "field" if has("from") && has("(") && has("time") => (0, "a condition such as `usrc = NAME`"),
            "field" if has("from") => continue,
            "field" => (1, "a field such as `usrc`"),
            "not" | "(" if has("field") => continue,
            "=" | "!=" | "in" | "not" if comparison => (1, "a comparison (`=`, `!=`, `in`)"),
            "allow" | "deny" | "reject" | "redirect" | "pass" | "outbound-only" => (1, "a verdict"),
            "|" | "&" | "-" | "and" | "or" => (5, "an operator"),
            "directory" | "radius" | "tagged" => continue,
            "time" | "from" | "to" | "for" | "at" if has("field") && has("(") => continue,
            "at" if has("from") => (4, "a clause such as `from`"),
            word if has("from") && keyword::row(word).is_some_and(|row| row.role == Role::Clause) => {
                (4, "a clause such as `from`")
            }
            other => {
                let rank = if matches!(other, ";" | "=" | "=>" | "->" | ":") { 0 } else { 3 };
                ranked.insert((rank, format!("`{other}`")));
                continue;
            }
        };
        ranked.insert((phrase.0, phrase.1.to_owned()));
    }
    ranked.into_iter().map(|(_, phrase)| phrase).take(MAX_NAMED).collect()
}

/// "a, b or c"
fn listed(phrases: &[String]) -> String {
    match phrases {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
