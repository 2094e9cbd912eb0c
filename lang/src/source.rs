//! Texts of a policy and places in them. Knows nothing of what the texts say.

use std::ops::Range;
use std::sync::Arc;

/// Says at the start of a text how it is stored, and is no character of its first line.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// True for control characters, and for those that are invisible or change the direction of the text (Unicode UAX #9, UTS #39).
#[must_use]
pub fn hides(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => c.is_control(),
    }
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
