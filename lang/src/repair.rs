//! Edits that answer findings: what an editor offers, and what `pentane fix` does by itself. Knows texts and trees; whether an edit
//! keeps the meaning is for the caller to prove.

use crate::ast::{ClauseKind, Expr, Item, Policy, RuleStmt, VerdictWord};
use crate::codes::Code;
use crate::codes::text::W0702;
use crate::diag::Diagnostic;
use crate::lint::duplicate_member::W0302;
use crate::lint::matches_nothing::W0305;
use crate::lint::redundant_rule::W0304;
use crate::lint::shadowed_rule::W0303;
use crate::lint::unused_name::W0301;
use crate::source::{SourceMap, Span};
use cut::Paper;

mod cut;

/// A stretch of text and what is to stand in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The stretch.
    pub span: Span,
    /// What is to stand there.
    pub text: String,
}

/// One answer to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What it does, in a few words.
    pub title: String,
    /// How, in one text; the stretches do not overlap.
    pub edits: Vec<Edit>,
    /// True if it is meant to change no verdict.
    pub keeps_meaning: bool,
}

/// The answers to a finding, the likeliest first. None of them loses a comment but that behind a statement that goes.
#[must_use]
pub fn of(found: &Diagnostic, sources: &SourceMap, tree: &Policy) -> Vec<Repair> {
    let words = found.meant.iter().map(String::as_str).chain(found.instead);
    let mut repairs: Vec<Repair> = words.map(|word| write_instead(found.span, word)).collect();
    let (Some(source), Some(file)) = (sources.get(found.span.source), tree.file(found.span.source)) else { return repairs };
    let paper = Paper::new(&source.text, file);
    if found.code == W0702 {
        repairs.push(removal(paper.comment(found.span), "remove the comment".to_owned()));
        return repairs;
    }
    let Some(item) = item_at(tree, found.span) else { return repairs };
    let remove = |title: &str| paper.statement(item.span()).map(|stretch| removal(stretch, title.to_owned()));
    match (found.code, item) {
        (W0301, _) => repairs.extend(remove("remove the declaration")),
        (W0302, Item::Group(decl)) => repairs.extend(remove_member(&paper, sources, &decl.members, found.span)),
        (W0303, Item::Rule(rule)) if is_one_rule(rule) => {
            let above = found.related.iter().map(|other| other.span).filter(|span| span.source == rule.span.source);
            let mut above: Vec<&Item> = above.filter_map(|span| item_at(tree, span)).collect();
            above.sort_by_key(|item| item.span());
            repairs.extend(move_above(sources, item, rule, &above));
            repairs.extend(remove("remove the rule"));
        }
        (W0304 | W0305, Item::Rule(rule)) if is_one_rule(rule) => repairs.extend(remove("remove the rule")),
        _ => {}
    }
    repairs
}

/// True for findings whose first repair, if there is one, keeps the meaning and loses nothing that somebody may have meant to do.
#[must_use]
pub fn is_plain(code: Code) -> bool {
    [W0301, W0302, W0304, W0305, W0702].contains(&code)
}

/// The text with the edits of one repair, which are all in it.
#[must_use]
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        let range = edit.span.range();
        out.push_str(text.get(done..range.start).unwrap_or(""));
        out.push_str(&edit.text);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or(""));
    out
}

/// The statement that holds a stretch of text.
#[must_use]
pub fn item_at(tree: &Policy, span: Span) -> Option<&Item> {
    let mut items = tree.file(span.source)?.items.iter();
    items.find(|item| item.span().start <= span.start && span.end <= item.span().end)
}

/// The other two are two rules each, of which a finding means one.
fn is_one_rule(rule: &RuleStmt) -> bool {
    rule.verdict.value != VerdictWord::OutboundOnly
        && !rule.clauses.iter().any(|clause| matches!(clause.kind, ClauseKind::Pin(_)))
}

fn write_instead(span: Span, word: &str) -> Repair {
    Repair { title: format!("write `{word}`"), edits: vec![Edit { span, text: word.to_owned() }], keeps_meaning: false }
}

fn removal(stretch: Span, title: String) -> Repair {
    Repair { title, edits: vec![Edit { span: stretch, text: String::new() }], keeps_meaning: true }
}

/// Moves a rule above those that leave it nothing, which are in order.
fn move_above(sources: &SourceMap, item: &Item, rule: &RuleStmt, above: &[&Item]) -> Option<Repair> {
    let first = above.first()?;
    let place = lines(sources, first.span());
    let taken = lines(sources, item.span());
    let mut text = sources.text(taken).to_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let start = Span { end: place.start, ..place };
    let line = |item: &Item| sources.position(item.span()).line;
    // What the policy does then that it does not do now: the first of them that says otherwise.
    let other = above.iter().find_map(|item| match item {
        Item::Rule(other) if other.verdict.value != rule.verdict.value => Some((does(other.verdict.value), line(item))),
        _ => None,
    });
    let change = other.map_or_else(String::new, |(other, at)| format!(": {} what line {at} {other}", does(rule.verdict.value)));
    Some(Repair {
        title: format!("move the rule above line {}{change}", line(first)),
        edits: vec![Edit { span: start, text }, Edit { span: taken, text: String::new() }],
        keeps_meaning: false,
    })
}

fn does(verdict: VerdictWord) -> &'static str {
    match verdict {
        VerdictWord::Allow => "allows",
        VerdictWord::Deny => "denies",
        VerdictWord::Reject => "rejects",
        VerdictWord::Redirect => "redirects",
        VerdictWord::Pass => "passes",
        VerdictWord::OutboundOnly => "allows outbound",
    }
}

/// Takes a member out of the list that it stands in, with one of the commas beside it.
fn remove_member(paper: &Paper<'_>, sources: &SourceMap, expr: &Expr, member: Span) -> Option<Repair> {
    let members = list_of(expr, member)?;
    let place = members.iter().position(|one| one.span() == member)?;
    let before = members.get(place.checked_sub(1)?)?.span();
    let behind = members.get(place + 1).map(Expr::span);
    let stretch = paper.member(before, member, behind)?;
    Some(removal(stretch, format!("remove the second `{}`", sources.text(member))))
}

fn list_of(expr: &Expr, member: Span) -> Option<&[Expr]> {
    match expr {
        Expr::Braced { members, .. } if members.iter().any(|one| one.span() == member) => Some(members),
        Expr::Braced { members: parts, .. } | Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().find_map(|part| list_of(part, member))
        }
        Expr::Chain { first, rest } => list_of(first, member).or_else(|| rest.iter().find_map(|(_, part)| list_of(part, member))),
        Expr::Not(inner, _) => list_of(inner, member),
        Expr::Term(_) | Expr::Error(_) => None,
    }
}

/// The lines of a statement, its line end and a comment behind it included; the statement alone if it shares a line with another.
fn lines(sources: &SourceMap, span: Span) -> Span {
    let Some(source) = sources.get(span.source) else { return span };
    let (before, behind) = (source.text.get(..span.start as usize), source.text.get(span.end as usize..));
    let (Some(before), Some(behind)) = (before, behind) else { return span };
    let lead = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    let tail = behind.find('\n').map_or(behind.len(), |at| at + 1);
    let blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty() || text.trim_start().starts_with('#'));
    let alone = blank(before.get(before.len() - lead..)) && blank(behind.get(..tail));
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    if alone { Span { start: span.start - size(lead), end: span.end + size(tail), ..span } } else { span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{LoadError, Loaded, Loader, load};

    struct One<'t>(&'t str);

    impl Loader for One<'_> {
        fn read(&self, _: &str) -> Result<Vec<u8>, LoadError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }

    fn read(text: &str) -> Loaded {
        load(&["a.pol"], &One(text))
    }

    /// The text after each repair of a finding of this sort at the first place where the word stands.
    fn repaired(text: &str, code: Code, word: &str, related: &str) -> Vec<String> {
        let loaded = read(text);
        let id = loaded.policy.files[0].source;
        let place = |word: &str, start: usize| {
            let start = text[start..].find(word).unwrap() + start;
            crate::lexer::span(id, start, start + word.len())
        };
        let first = place(word, 0);
        let span = if code == W0302 { place(word, first.end as usize) } else { first };
        let found = Diagnostic::new(code, span, "found").related(place(related, 0), "here");
        of(&found, &loaded.sources, &loaded.policy).iter().map(|repair| apply(text, &repair.edits)).collect()
    }

    #[test]
    fn declarations_and_members_are_removed_with_what_joins_them() {
        let text = "user bob;\n# idle\n    group g = user { bob, bob }; # twice\nallow from bob;\n";
        assert_eq!(repaired(text, W0301, "g =", "user"), ["user bob;\n# idle\nallow from bob;\n"]);
        let one = "group g = user { bob, bob };\n";
        assert_eq!(repaired(one, W0302, "bob", "user"), ["group g = user { bob };\n"]);
        let comments = "group g = user {\n    bob, # boss\n    bob, # twice\n    eve,\n};\n";
        assert_eq!(repaired(comments, W0302, "bob", "user"), ["group g = user {\n    bob, # boss\n    eve,\n};\n"]);
        let last = "group g = user { eve,\n    bob, # boss\n    bob # twice\n};\n";
        assert!(repaired(last, W0302, "bob", "user").is_empty(), "a comment would be lost");
        assert_eq!(repaired("user a; group g = user { a };", W0301, "g =", "user"), ["user a;"]);
    }

    #[test]
    fn a_shadowed_rule_is_moved_or_removed() {
        let text = "allow from any;\n\ndeny from bob; # him\n";
        assert_eq!(
            repaired(text, W0303, "deny from bob;", "allow from any;"),
            ["deny from bob; # him\nallow from any;\n\n", "allow from any;\n"]
        );
        assert!(
            repaired("allow from any;\noutbound-only from bob;\n", W0303, "outbound-only from bob;", "allow from any;")
                .is_empty()
        );
    }

    #[test]
    fn what_was_meant_is_written() {
        let loaded = read("allow from bbo;\n");
        let id = loaded.policy.files[0].source;
        let found = Diagnostic::new(W0301, crate::lexer::span(id, 11, 14), "unknown").meant(&["bob", "bo"]);
        let all = of(&Diagnostic { code: crate::codes::names::E0201, ..found }, &loaded.sources, &loaded.policy);
        assert_eq!(all.iter().map(|repair| repair.title.as_str()).collect::<Vec<_>>(), ["write `bob`", "write `bo`"]);
        assert_eq!(apply("allow from bbo;\n", &all[0].edits), "allow from bob;\n");
    }

    /// Words of other tools, each with what stands for it: one word for one.
    #[test]
    fn the_word_that_stands_for_that_of_another_tool_is_written() {
        for (text, wanted) in [
            ("drop from bob;\n", Some("deny from bob;\n")),
            ("allow from bob through ids;\n", Some("allow from bob via ids;\n")),
            ("allow from bob on tcp/80;\n", Some("allow from bob for tcp/80;\n")),
            ("allow from anyone;\n", Some("allow from any;\n")),
            ("device d { mac 02:00:00:00:00:01; }\n", Some("host d { mac 02:00:00:00:00:01; }\n")),
            // More than a word is to be written.
            ("allow from bob port 80;\n", None),
            ("iptables -A INPUT;\n", None),
        ] {
            let loaded = read(text);
            let (_, found) = crate::check::check_loaded(&loaded);
            let first = found.first().unwrap_or_else(|| panic!("{text}"));
            let written = of(first, &loaded.sources, &loaded.policy).first().map(|repair| apply(text, &repair.edits));
            assert_eq!(written.as_deref(), wanted, "{text}: {first:?}");
        }
    }
}
