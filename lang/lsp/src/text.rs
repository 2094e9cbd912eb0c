//! Places in a text as the protocol counts them: lines from 0, and UTF-16 units in the line. Knows nothing of policies.

use std::ops;

use lsp_types::{Position, Range, TextDocumentContentChangeEvent};

/// A text with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Text {
    pub(crate) fn new(text: String) -> Text {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { text, starts }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The place of a byte; behind the end, the end.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let units = self.text.get(start..offset).unwrap_or("").encode_utf16().count();
        Position { line: small(line), character: small(units) }
    }

    /// The byte at a place; behind the end of a line, its end.
    pub(crate) fn offset(&self, at: Position) -> usize {
        let line = at.line as usize;
        let Some(start) = self.starts.get(line).copied() else { return self.text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r']);
        let mut units = 0;
        for (place, letter) in text.char_indices() {
            if units >= at.character as usize {
                return start + place;
            }
            units += letter.len_utf16();
        }
        start + text.len()
    }

    pub(crate) fn range(&self, bytes: ops::Range<usize>) -> Range {
        Range { start: self.position(bytes.start), end: self.position(bytes.end) }
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Range {
        self.range(0..self.text.len())
    }

    /// The text after changes, each of which is of the text that the one before left.
    pub(crate) fn changed(&self, changes: Vec<TextDocumentContentChangeEvent>) -> Text {
        let mut text = self.clone();
        for change in changes {
            text = match change.range {
                None => Text::new(change.text),
                Some(range) => {
                    let (start, end) = (text.offset(range.start), text.offset(range.end));
                    let mut whole = text.text;
                    whole.replace_range(start..end.max(start), &change.text);
                    Text::new(whole)
                }
            };
        }
        text
    }
}

pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_utf16_units_and_back() {
        let text = Text::new("user ä;\r\n# \u{1f511} key\nuser b;".to_owned());
        for offset in [0, 5, 7, 8, 10, 12, 16, 21, 27, 28] {
            assert_eq!(text.offset(text.position(offset)), offset, "{offset}");
        }
        assert_eq!(text.position(16), Position { line: 1, character: 4 });
        assert_eq!(text.offset(Position { line: 0, character: 99 }), 8, "the end of a line is before its line end");
        assert_eq!(text.offset(Position { line: 9, character: 0 }), text.as_str().len());
        assert_eq!(text.offset(Position { line: 1, character: 3 }), 16, "half a letter is none");
    }

    #[test]
    fn changes_follow_one_another() {
        let change = |range: Option<[u32; 4]>, text: &str| TextDocumentContentChangeEvent {
            range: range
                .map(|[a, b, c, d]| Range { start: Position { line: a, character: b }, end: Position { line: c, character: d } }),
            range_length: None,
            text: text.to_owned(),
        };
        let text = Text::new("one\ntwo\n".to_owned());
        let after =
            text.changed(vec![change(Some([1, 0, 1, 3]), "2"), change(Some([0, 3, 1, 0]), " "), change(Some([9, 0, 9, 0]), "!")]);
        assert_eq!(after.as_str(), "one 2\n!");
        assert_eq!(text.changed(vec![change(None, "new")]).as_str(), "new");
        assert_eq!(
            text.changed(vec![change(Some([1, 2, 0, 1]), "x")]).as_str(),
            "one\ntwxo\n",
            "a range that runs backwards is empty"
        );
    }
}
