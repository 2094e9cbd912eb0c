//! `# allow(W0303): reason`: silences one finding at one line. Knows nothing of what findings mean.
//!
//! A comment behind a statement is about its line; one on a line of its own is about the next line that is not a comment. A rule,
//! an assertion or a list that goes over several lines is one line here: where its comments stand in it is for layout to say.
//! Only warnings and what is worth knowing can be silenced, and only with a reason.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::ast::{Comment, File, Item, Policy};
use crate::codes::{self, Code, text};
use crate::diag::{Diagnostic, Severity};
use crate::source::{SourceId, SourceMap, Span};

/// One comment that silences.
struct Suppression {
    span: Span,
    code: String,
    reason: bool,
    /// The lines that it is about.
    lines: RangeInclusive<u32>,
}

/// The findings without those that comments of the policy silence; with those about comments that do not.
#[must_use]
pub fn apply(sources: &SourceMap, policy: &Policy, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let all: Vec<Suppression> =
        policy.files.iter().flat_map(|file| file.comments.iter().filter_map(|comment| read(sources, file, comment))).collect();
    if all.is_empty() {
        return found;
    }
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut kept: Vec<Diagnostic> = found
        .into_iter()
        .filter(|found| {
            let place = lines_of(sources, found.span);
            let fits = |one: &Suppression| {
                let here = one.span.source == found.span.source && found.code.text() == one.code;
                here && (one.lines.contains(place.start()) || one.lines.contains(place.end()))
            };
            let by = all.iter().position(fits).filter(|_| found.severity != Severity::Error);
            used.extend(by);
            by.and_then(|place| all.get(place)).is_none_or(|one| !one.reason)
        })
        .collect();
    for (place, one) in all.iter().enumerate() {
        kept.extend(complaint(one, used.contains(&place)));
    }
    kept
}

/// True if a comment above a statement of the file silences something of it: were the statement gone, it would be about the next one.
#[must_use]
pub fn speaks_of(sources: &SourceMap, file: &File, statement: Span) -> bool {
    let lines = lines_of(sources, statement);
    let above = file.comments.iter().filter(|comment| comment.own_line && comment.span.start < statement.start);
    let mut spoken = above.filter_map(|comment| read(sources, file, comment)).map(|one| one.lines);
    spoken.any(|one| one.start() <= lines.end() && lines.start() <= one.end())
}

/// The code that a comment is to silence: `W0303` of `# allow(W0303): reason`.
#[must_use]
pub fn code_of(comment: &str) -> Option<&str> {
    let (code, _) = comment.trim_start_matches('#').trim_start().strip_prefix("allow(")?.split_once(')')?;
    Some(code.trim())
}

/// What is wrong with a comment that silences.
fn complaint(one: &Suppression, used: bool) -> Option<Diagnostic> {
    let known = codes::find(&one.code).map(|page| page.code);
    let silent = |code: &Code| code.severity() != Severity::Error;
    if !known.as_ref().is_some_and(silent) {
        let message = match known {
            Some(code) => format!("{code} is an error, which no comment silences"),
            None => format!("there is no code `{}`", one.code),
        };
        return Some(Diagnostic::new(text::W0703, one.span, message));
    }
    if !one.reason {
        let message = format!("{} is to be silenced, and no reason is given", one.code);
        let help = format!("write `# allow({}): why`", one.code);
        return Some(Diagnostic::new(text::W0701, one.span, message).help(help));
    }
    (!used).then(|| {
        Diagnostic::new(text::W0702, one.span, format!("there is no {} here to be silenced", one.code)).help("remove it")
    })
}

fn read(sources: &SourceMap, file: &File, comment: &Comment) -> Option<Suppression> {
    let span = comment.span;
    let text = sources.text(span);
    let code = code_of(text)?;
    let (_, rest) = text.split_once(')')?;
    let reason = rest.trim_start().strip_prefix(':').is_some_and(|reason| !reason.trim().is_empty());
    let here = sources.position(span).line;
    let line = if comment.own_line { next_line(sources, span.source, here) } else { here };
    Some(Suppression { span, code: code.to_owned(), reason, lines: statement(sources, file, line) })
}

/// The lines of the statement that has this one, unless it is a block of several, each with a line of its own.
fn statement(sources: &SourceMap, file: &File, line: u32) -> RangeInclusive<u32> {
    let whole = file.items.iter().map(|item| (item, lines_of(sources, item.span()))).find(|(_, lines)| lines.contains(&line));
    match whole {
        Some((
            Item::Rule(_)
            | Item::Assert(_)
            | Item::Group(_)
            | Item::Network(_)
            | Item::Service(_)
            | Item::Time(_)
            | Item::Invariant(_),
            lines,
        )) => lines,
        Some(_) | None => line..=line,
    }
}

/// The next line that says something.
fn next_line(sources: &SourceMap, source: SourceId, after: u32) -> u32 {
    let text = sources.get(source).map_or("", |source| &source.text);
    let lines = (1..).zip(text.lines()).skip(after as usize);
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    lines.into_iter().find(|(_, line)| says(line)).map_or(after, |(number, _)| number)
}

/// The lines that a stretch of text covers.
fn lines_of(sources: &SourceMap, span: Span) -> RangeInclusive<u32> {
    let last = Span { start: span.end.saturating_sub(1).max(span.start), ..span };
    sources.position(span).line..=sources.position(last).line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::text::{W0701, W0702, W0703};
    use crate::lint::unused_name;
    use crate::parse::parse;

    /// The codes that are left of a warning at the word `here`.
    fn left(text: &str) -> Vec<Code> {
        let mut sources = SourceMap::default();
        let id = sources.add("x.pol", text);
        let (file, _) = parse(&sources, id);
        let at = u32::try_from(text.find("here").unwrap()).unwrap();
        let found = Diagnostic::new(unused_name::W0301, Span { source: id, start: at, end: at + 4 }, "x");
        let policy = Policy { files: vec![file], entries: vec![id] };
        apply(&sources, &policy, vec![found]).iter().map(|found| found.code).collect()
    }

    #[test]
    fn a_comment_with_a_reason_silences_its_line_or_the_next() {
        for text in [
            "user here; # allow(W0301): the help desk wants it",
            "# allow(W0301): the help desk wants it\nuser here;",
            "# allow(W0301): so\n# and more of it\n\nuser here;",
            "# allow(W0301): so\nallow from a\n    to here\n    for http;",
            "allow from a # allow(W0301): so\n    to b\n    for here;",
        ] {
            assert_eq!(left(text), [], "{text}");
        }
    }

    #[test]
    fn without_a_reason_at_another_line_or_for_another_code_nothing_is_silenced() {
        for (text, wanted) in [
            ("user here; # allow(W0301)", vec![unused_name::W0301, W0701]),
            ("user here; # allow(W0301):  ", vec![unused_name::W0301, W0701]),
            ("user here;\nuser b; # allow(W0301): so", vec![unused_name::W0301, W0702]),
            ("user here; # allow(W0303): so", vec![unused_name::W0301, W0702]),
            ("user here; # allow(E0201): so", vec![unused_name::W0301, W0703]),
            ("user here; # allow(W9999): so", vec![unused_name::W0301, W0703]),
            ("user here; # allow everything", vec![unused_name::W0301]),
            (
                "test \"t\" {\n    a -> b => allow; # allow(W0301): so\n    here -> b => allow;\n}",
                vec![unused_name::W0301, W0702],
            ),
        ] {
            assert_eq!(left(text), wanted, "{text}");
        }
    }
}
