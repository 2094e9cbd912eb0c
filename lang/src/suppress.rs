//! `# allow(W0303): reason`: silences one finding at one line. Knows nothing of what findings mean.
//!
//! A comment behind a statement is about its line; one on a line of its own is about the next line that is not a comment. A rule,
//! an assertion or a list that goes over several lines is one line here: where its comments stand in it is for layout to say.
//! Only warnings and what is worth knowing can be silenced, and only with a reason.

use std::collections::{BTreeSet, HashMap};

use crate::ast::{File, Item, Policy};
use crate::codes::{self, Code, text};
use crate::diag::{Diagnostic, Severity};
use crate::lint::MOST;
use crate::source::{SourceId, SourceMap, Span};
use crate::suggest::{self, Candidate};

/// How many comments are spelled out for one that names several codes.
const MOST_SPELLED: usize = 3;

/// One comment that silences.
struct Suppression {
    span: Span,
    code: String,
    reason: bool,
    /// The line that it is about.
    line: u32,
}

/// The statements of a file that go over several lines and are one for comments: their first and last lines, in order.
struct Long(Vec<(u32, u32)>);

impl Long {
    fn of(sources: &SourceMap, file: &File) -> Long {
        let one = |item: &&Item| {
            matches!(
                item,
                Item::Rule(_)
                    | Item::Assert(_)
                    | Item::Group(_)
                    | Item::Network(_)
                    | Item::Service(_)
                    | Item::Time(_)
                    | Item::Invariant(_)
            )
        };
        let lines = file.items.iter().filter(one).map(|item| lines_of(sources, item.span()));
        Long(lines.filter(|[first, last]| first < last).map(|[first, last]| (first, last)).collect())
    }

    /// The line, or the first of the statement that it belongs to.
    fn first(&self, line: u32) -> u32 {
        let before = self.0.partition_point(|(first, _)| *first <= line);
        let whole = before.checked_sub(1).and_then(|place| self.0.get(place)).filter(|(_, last)| line <= *last);
        whole.map_or(line, |(first, _)| *first)
    }
}

/// The findings without those that comments of the policy silence; with those about comments that do not.
#[must_use]
pub fn apply(sources: &SourceMap, policy: &Policy, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let all: Vec<Suppression> = policy.files.iter().flat_map(|file| of_file(sources, file)).collect();
    if all.is_empty() {
        return found;
    }
    let long: HashMap<SourceId, Long> = policy.files.iter().map(|file| (file.source, Long::of(sources, file))).collect();
    let first = |source: SourceId, line: u32| long.get(&source).map_or(line, |long| long.first(line));
    let mut places: HashMap<(SourceId, u32, &str), usize> = HashMap::new();
    for (place, one) in all.iter().enumerate() {
        places.entry((one.span.source, first(one.span.source, one.line), &one.code)).or_insert(place);
    }
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut kept: Vec<Diagnostic> = found
        .into_iter()
        .filter(|found| {
            let lines = lines_of(sources, found.span);
            let source = found.span.source;
            let at = |line: u32| places.get(&(source, first(source, line), found.code.text())).copied();
            let by = lines.into_iter().filter_map(at).min().filter(|_| found.severity != Severity::Error);
            used.extend(by);
            by.and_then(|place| all.get(place)).is_none_or(|one| !one.reason)
        })
        .collect();
    let complaints = all.iter().enumerate().filter_map(|(place, one)| complaint(one, used.contains(&place)));
    kept.extend(complaints.take(MOST));
    kept
}

/// True if a comment silences something of a statement of the file: somebody has said that it is meant as it is.
#[must_use]
pub fn speaks_of(sources: &SourceMap, file: &File, statement: Span) -> bool {
    let [first, last] = lines_of(sources, statement);
    of_file(sources, file).iter().any(|one| (first..=last).contains(&one.line))
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
    if !known.is_some_and(silent) {
        let (message, help) = unfit(&one.code, known);
        return Some(Diagnostic::new(text::W0703, one.span, message).maybe_help(help));
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

/// True if findings of the code can be silenced.
fn silent(code: Code) -> bool {
    code.severity() != Severity::Error
}

/// What is said of a comment that names no code which can be silenced, and what to do.
fn unfit(named: &str, known: Option<Code>) -> (String, Option<String>) {
    let words = named.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).filter(|word| !word.is_empty());
    let several: Vec<Code> =
        words.filter_map(codes::find).map(|page| page.code).filter(|code| silent(*code)).take(MOST_SPELLED).collect();
    if let (None, [_, ..]) = (known, several.as_slice()) {
        let each: Vec<String> = several.iter().map(|code| format!("`# allow({code}): why`")).collect();
        let help = format!("write {}, each on a line of its own above the statement", each.join(", "));
        return (format!("one comment silences one code, and this names `{named}`"), Some(help));
    }
    match known {
        Some(code) => (format!("{code} is an error, which no comment silences"), Some("correct it".to_owned())),
        None if named.is_empty() => ("this silences no code".to_owned(), Some("write `# allow(CODE): why`".to_owned())),
        None => {
            let all = codes::pages().filter(|page| silent(page.code));
            let near = suggest::nearest(named, None, all.map(|page| Candidate { name: page.code.text(), kind: None }));
            (format!("there is no code `{named}`"), suggest::did_you_mean(&near))
        }
    }
}

/// The comments of a file that silence, in order.
fn of_file(sources: &SourceMap, file: &File) -> Vec<Suppression> {
    let text = sources.get(file.source).map_or("", |source| &source.text);
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut saying = (1..).zip(text.lines()).filter(|(_, line)| says(line)).map(|(number, _)| number).peekable();
    let mut all = Vec::new();
    for comment in &file.comments {
        let Some((code, reason)) = read(sources.text(comment.span)) else { continue };
        let here = sources.position(comment.span).line;
        // The next line that says something, if the comment stands alone.
        while comment.own_line && saying.next_if(|line| *line <= here).is_some() {}
        let line = if comment.own_line { saying.peek().copied().unwrap_or(here) } else { here };
        all.push(Suppression { span: comment.span, code, reason, line });
    }
    all
}

/// The code that a comment silences, and whether it says why.
fn read(comment: &str) -> Option<(String, bool)> {
    let code = code_of(comment)?;
    let (_, rest) = comment.split_once(')')?;
    let reason = rest.trim_start().strip_prefix(':').is_some_and(|reason| !reason.trim().is_empty());
    let code = codes::find(code).map_or(code, |page| page.code.text());
    Some((code.to_owned(), reason))
}

/// The lines that a finding's place covers: its first and its last.
fn lines_of(sources: &SourceMap, span: Span) -> [u32; 2] {
    let last = Span { start: span.end.saturating_sub(1).max(span.start), ..span };
    [sources.position(span).line, sources.position(last).line]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::text::{W0701, W0702, W0703};
    use crate::lint::unused_name;
    use crate::parse::parse;

    /// What is left of a warning at the word `here`.
    fn kept(text: &str) -> Vec<Diagnostic> {
        let mut sources = SourceMap::default();
        let id = sources.add("x.pol", text);
        let (file, _) = parse(&sources, id);
        let at = u32::try_from(text.find("here").unwrap()).unwrap();
        let found = Diagnostic::new(unused_name::W0301, Span { source: id, start: at, end: at + 4 }, "x");
        let policy = Policy { files: vec![file], entries: vec![id] };
        apply(&sources, &policy, vec![found])
    }

    fn left(text: &str) -> Vec<Code> {
        kept(text).iter().map(|found| found.code).collect()
    }

    #[test]
    fn a_comment_with_a_reason_silences_its_line_or_the_next() {
        for text in [
            "user here; # allow(W0301): the help desk wants it",
            "# allow(W0301): the help desk wants it\nuser here;",
            "# allow(W0301): so\n# and more of it\n\nuser here;",
            "# allow(W0301): so\nallow from a\n    to here\n    for http;",
            "allow from a # allow(W0301): so\n    to b\n    for here;",
            "# allow(w0301): so\nuser here;",
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

    #[test]
    fn what_names_no_code_is_told_what_to_write() {
        let two = "write `# allow(W0301): why`, `# allow(W0303): why`, each on a line of its own above the statement";
        for (named, said, help) in [
            ("W0301, W0303", "one comment silences one code, and this names `W0301, W0303`", two),
            ("w0301 W0303", "one comment silences one code, and this names `w0301 W0303`", two),
            ("E0201", "E0201 is an error, which no comment silences", "correct it"),
            ("W0031", "there is no code `W0031`", "did you mean `W0301`?"),
            ("", "this silences no code", "write `# allow(CODE): why`"),
        ] {
            let found = kept(&format!("user here; # allow({named}): so")).pop().unwrap();
            assert_eq!((&*found.message, found.help.as_deref()), (said, Some(help)));
        }
        assert_eq!(left("# allow(W0301): so\n# allow(W0303): so\nuser here;"), [W0702]);
    }
}
