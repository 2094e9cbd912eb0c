//! The lexer: every byte of a text is in a token, in a comment, blank, or in something that is reported.

use std::ops::Range;

use lang::lexer::{Lexed, Tok, lex};
use lang::source::SourceMap;

use crate::sound;

/// Fails, if a byte gets lost or is taken twice.
pub(crate) fn holds(text: &str) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let Lexed { tokens, comments, diagnostics } = lex(id, text);
    let mut taken: Vec<Range<usize>> = tokens.iter().map(|token| token.start..token.end).collect();
    taken.extend(comments.iter().map(|comment| comment.span.range()));
    taken.sort_by_key(|range| range.start);
    let junk = tokens.iter().filter(|token| token.tok == Tok::Junk).count();
    let total = diagnostics.total();
    let (found, _) = diagnostics.into_sorted();
    sound::findings(&found, &sources);
    assert!(junk == 0 || total > 0, "bad characters are reported");
    let mut end = 0;
    for range in taken {
        assert!(end <= range.start && range.start < range.end, "{range:?} overlaps what ends at {end}, or is empty");
        let gap = text.get(end..range.start);
        assert!(gap.is_some_and(|gap| total > 0 || is_blank(gap)), "{gap:?} is lost before {range:?}");
        end = range.end;
    }
    let rest = text.get(end..);
    assert!(rest.is_some_and(|rest| total > 0 || is_blank(rest)), "{rest:?} is lost");
}

/// A byte order mark may stand first.
fn is_blank(gap: &str) -> bool {
    gap.trim_start_matches('\u{feff}').chars().all(|letter| matches!(letter, ' ' | '\t' | '\r' | '\n' | '\u{c}'))
}
