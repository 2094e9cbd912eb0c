//! Places in a text as people count them, and excerpts fit to be shown on one line. Knows nothing of what texts say.

use lang::source::hides;

/// Where something stands in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Finds places by offsets.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Where the byte with this offset stands.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        let count = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
        Place { line: count(line), column: count(column) }
    }
}

/// How much of an excerpt is shown.
const EXCERPT: usize = 100;

/// A text of the original on one line, without blanks that mean nothing and without characters that hide: fit for comments and
/// messages.
pub(crate) fn excerpt(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = joined.chars().take(EXCERPT).map(plain).collect();
    if joined.chars().nth(EXCERPT).is_some() { format!("{shown}…") } else { shown }
}

/// A comment of the original, without its mark, fit to be a comment of the policy. Nothing if it says nothing. What a comment
/// silences in the policy language starts with `allow(`; an original's never does.
pub(crate) fn comment(text: &str) -> Option<String> {
    let said = text.trim_start_matches('#').trim();
    let plain: String = said.chars().map(plain).collect();
    (!plain.is_empty()).then(|| if plain.starts_with("allow") { format!("({plain})") } else { plain })
}

/// Characters that would change how a line is shown, or end it, become `?`: no policy may hold them. Blanks become spaces.
fn plain(c: char) -> char {
    match c {
        _ if c.is_control() => '?',
        _ if c.is_whitespace() => ' ',
        _ if hides(c) => '?',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let lines = Lines::new("ä b\n\nc");
        let at = |offset| {
            let Place { line, column } = lines.place(offset);
            (line, column)
        };
        assert_eq!([at(0), at(3), at(4), at(5), at(6), at(7)], [(1, 1), (1, 3), (1, 4), (2, 1), (3, 1), (3, 2)]);
    }

    #[test]
    fn an_excerpt_stands_on_one_line_and_hides_nothing() {
        assert_eq!(excerpt(" a\n  b\u{202e}c "), "a b?c");
        assert_eq!(excerpt(&"x".repeat(101)), format!("{}…", "x".repeat(100)));
    }

    #[test]
    fn a_comment_holds_nothing_that_hides() {
        assert_eq!(
            comment("# salle\u{a0}12\u{3164}:\u{202f}\u{e000}\u{1f427}\u{fe0f}").as_deref(),
            Some("salle 12?: ?\u{1f427}\u{fe0f}")
        );
    }

    #[test]
    fn a_comment_silences_nothing() {
        assert_eq!(comment("## allow(W0301): all is well").as_deref(), Some("(allow(W0301): all is well)"));
        assert_eq!(comment("#"), None);
    }
}
