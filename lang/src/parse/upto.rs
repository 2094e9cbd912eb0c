//! What may come next at a place in an unfinished text: what an editor proposes. Knows the grammar's terminals by their names.

use super::build::Build;
use super::mend::{Mender, Sort};
use super::{check_size, follows};
use crate::diag::Findings;
use crate::lexer::{Token, lex};
use crate::source::SourceId;

/// What stands before a place in a text, and what may follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpTo {
    /// The tokens of the statement that the place is in, up to it; none between statements.
    pub tokens: Vec<Token>,
    /// What the grammar allows next: words as they are, and `name`, `address`, `mac-address`, `port`, `number`, `protocol`,
    /// `string`, `set`, `field` for tokens of that sort. Empty where the statement is wrong already.
    pub allowed: Vec<String>,
}

/// What may follow the first `end` bytes of a text, of which the last word, if it is still being written, is no part.
#[must_use]
pub fn up_to(text: &str, end: usize) -> UpTo {
    let source = SourceId(0);
    let text = text.get(..end).unwrap_or(text);
    if check_size(source, text).is_some() {
        return UpTo::default();
    }
    let lexed = lex(source, text);
    if lexed.comments.last().is_some_and(|comment| comment.span.end as usize == text.len()) {
        return UpTo::default();
    }
    let tokens = open_statement(source, text, &lexed.tokens);
    let mut build = Build::new(source, text, Findings::default());
    let allowed = follows(&mut build, &tokens);
    UpTo { tokens, allowed: allowed.iter().map(|name| name.trim_matches('"').to_owned()).collect() }
}

/// The tokens of the statement that is not finished at the end.
fn open_statement(source: SourceId, text: &str, tokens: &[Token]) -> Vec<Token> {
    let mut mender = Mender::new(source, text, tokens);
    let mut last = Vec::new();
    while let Some(chunk) = mender.next_chunk() {
        match chunk.sort {
            Sort::Statement if !chunk.missing.is_empty() => last = chunk.tokens,
            Sort::SectionEnd if !chunk.missing.is_empty() => {}
            Sort::Statement | Sort::SectionEnd | Sort::TooDeep => last.clear(),
        }
    }
    // What was put in is not there.
    last.retain(|token| token.start < token.end);
    last
}

#[cfg(test)]
mod tests {
    use super::up_to;

    fn allowed(text: &str) -> Vec<String> {
        up_to(text, text.len()).allowed
    }

    #[test]
    fn what_may_follow_is_what_the_grammar_says() {
        for (text, yes, no) in [
            ("", "allow", "from"),
            ("user bob;\n", "allow", "from"),
            ("user bob;\nallow ", "from", "allow"),
            ("allow from ", "name", "from"),
            ("allow from bob ", "to", "name"),
            ("allow from bob for ", "protocol", "from"),
            ("switch s { ", "dpid", "mac"),
            ("host h { mac 02:00:00:00:00:01; ", "at", "dpid"),
            ("section s { ", "allow", "dpid"),
            ("section s {\n    allow from bob;\n    deny ", "from", "dpid"),
            ("test \"t\" {\n    bob -> internet ", "=>", "from"),
            ("test \"t\" {\n    bob -> internet tcp/80 => ", "allow", "from"),
            ("allow when ", "field", "name"),
            ("group g = ", "user", "allow"),
        ] {
            let allowed = allowed(text);
            assert!(allowed.iter().any(|word| word == yes), "{text}: {allowed:?}");
            assert!(!allowed.iter().any(|word| word == no), "{text}: {allowed:?}");
        }
    }

    #[test]
    fn nothing_is_proposed_in_comments_nor_behind_mistakes() {
        assert!(allowed("user bob; # allow ").is_empty());
        assert!(allowed("allow from from ").is_empty());
    }
}
