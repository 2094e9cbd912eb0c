//! Texts of a policy and places in them. Knows nothing of what the texts say.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Says at the start of a text how it is stored, and is no character of its first line.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// THE table of characters that a policy may hold nowhere: what to call one that is invisible, looks like a blank and is none, changes
/// the direction of the text, or shows what the font likes (Unicode UAX #9, UTS #39, default ignorable code points). Nothing for all
/// others: the variation selectors U+FE0E and U+FE0F, which belong to the writing of emoji, are no names' and hide nothing.
#[must_use]
pub fn hidden_name(c: char) -> Option<&'static str> {
    Some(match c {
        '\t' | '\n' | '\r' | ' '..='~' => return None,
        '\0' => "a NUL character",
        _ if c.is_control() => "a control character",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a character that changes the direction of the text"
        }
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' => "a space that is not the one of ASCII",
        '\u{2028}' | '\u{2029}' => "a separator that only some editors show as a line end",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "a Hangul filler, which is seen as a blank",
        '\u{2800}' => "a Braille pattern without dots, which is seen as a blank",
        '\u{17b4}' | '\u{17b5}' => "an invisible Khmer vowel",
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => "a variation selector",
        '\u{fff9}'..='\u{fffb}' => "an invisible mark of an annotation",
        '\u{fffc}' => "a placeholder for an object that is not in the text",
        '\u{1d173}'..='\u{1d17a}' => "an invisible sign of musical notation",
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => "a character for private use, which each font draws as it likes",
        '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' => "an invisible character",
        '\u{feff}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{e0000}'..='\u{e0fff}' => "an invisible character",
        _ => return None,
    })
}

/// True for the characters of [`hidden_name`].
#[must_use]
pub fn hides(c: char) -> bool {
    hidden_name(c).is_some()
}

/// A text without what hides in it.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(hides) { Cow::Owned(text.replace(hides, "")) } else { Cow::Borrowed(text) }
}

/// Which text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A stretch of bytes in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// Byte behind the last.
    pub end: u32,
}

/// A named text, with its lines found once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name under which the user knows it: a path as given on the command line or in an `include`.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    line_starts: Vec<u32>,
}

/// All texts of one policy, the first file first, then its includes in order of appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    sources: Vec<Source>,
}

/// Where a span starts, as people count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The text's name.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Span {
    /// The bytes as a range.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// True if the other stretch is in this one.
    #[must_use]
    pub fn holds(&self, other: Span) -> bool {
        self.source == other.source && self.start <= other.start && other.end <= self.end
    }

    /// The stretch from the start of this one to the end of the other, both in one text.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

impl SourceMap {
    /// Adds a text. Offsets are 32 bits: texts of 4 GiB and more must be refused before.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        let text = text.into();
        let newlines = text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let line_starts = std::iter::once(0).chain(newlines).collect();
        let id = SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        self.sources.push(Source { name: name.into(), text, line_starts });
        id
    }

    /// The text with this number, if there is one.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }

    /// All texts in order.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().zip(0..).map(|(source, id)| (SourceId(id), source))
    }

    /// Where the span starts.
    #[must_use]
    pub fn position(&self, span: Span) -> Position {
        match self.get(span.source) {
            Some(source) => source.position(span.start),
            None => Position { file: Arc::from("?"), line: 1, column: 1 },
        }
    }

    /// What the span covers.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).and_then(|source| source.text.get(span.range())).unwrap_or("")
    }
}

/// A file's name without what would do something to a terminal that shows it.
#[must_use]
pub fn shown_name(name: &Arc<str>) -> Arc<str> {
    let bad = |c: char| hides(c) || matches!(c, '\t' | '\n' | '\r');
    if name.contains(bad) { name.replace(bad, "\u{fffd}").into() } else { Arc::clone(name) }
}

impl Source {
    /// The place of a byte.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start as usize..offset as usize).unwrap_or("");
        let before = if start == 0 { before.strip_prefix(BYTE_ORDER_MARK).unwrap_or(before) } else { before };
        Position {
            file: self.name.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_or_seen_as_something_else_hides_and_letters_and_emoji_do_not() {
        let hidden = "\0\u{7f}\u{9f}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{1680}\u{17b4}\u{17b5}\u{180b}\u{180e}\u{2000}\
            \u{200a}\u{200b}\u{200d}\u{200f}\u{2028}\u{202e}\u{202f}\u{205f}\u{2060}\u{2069}\u{2800}\u{3000}\u{3164}\u{e000}\
            \u{f8ff}\u{fe00}\u{fe0d}\u{feff}\u{ffa0}\u{fff9}\u{fffc}\u{1d173}\u{1d17a}\u{e0020}\u{e0100}\u{f0000}\u{10fffd}";
        for c in hidden.chars() {
            assert!(hides(c), "U+{:04X}", u32::from(c));
        }
        let seen = "\t\r\n ~\u{a1}\u{fc}\u{1161}\u{2010}\u{2026}\u{2190}\u{2801}\u{3001}\u{ac00}\u{fe0e}\u{fe0f}\u{fffd}\u{1d172}\u{1f427}";
        for c in seen.chars() {
            assert!(!hides(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut map = SourceMap::default();
        let id = map.add("a.pol", "user ä;\nuser b;\n");
        let at = |start| map.position(Span { source: id, start, end: start });
        assert_eq!((at(0).line, at(0).column), (1, 1));
        assert_eq!((at(7).line, at(7).column), (1, 7));
        assert_eq!((at(9).line, at(9).column), (2, 1));
        assert_eq!((at(17).line, at(17).column), (3, 1));
        let id = map.add("b.pol", "\u{feff}user a;\n\u{feff}user b;\n");
        let at = |start| map.position(Span { source: id, start, end: start });
        assert_eq!((at(0).column, at(3).column, at(8).column), (1, 1, 6));
        assert_eq!((at(11).line, at(14).line, at(14).column), (2, 2, 2));
    }
}
