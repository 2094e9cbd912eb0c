//! What goes out of a text with a statement, a member of a list or a comment: lines and blanks around it, and the comment behind it.
//! Every other comment stays. Knows places in the text alone.

use crate::ast::{Comment, File};
use crate::source::Span;

/// Where to cut: a text and its comments.
pub(super) struct Paper<'a> {
    text: &'a str,
    comments: &'a [Comment],
}

impl<'a> Paper<'a> {
    pub(super) fn new(text: &'a str, file: &'a File) -> Paper<'a> {
        Paper { text, comments: &file.comments }
    }

    /// The stretch of a statement: its lines with a comment behind it, and one of two blank lines that would meet; the statement
    /// alone if it shares a line with another. Nothing if a comment stands inside it.
    pub(super) fn statement(&self, span: Span) -> Option<Span> {
        if self.has_comment(span) {
            return None;
        }
        let lines = self.lines(span);
        let before = self.text.get(lines.start as usize..span.start as usize)?;
        let behind = self.text.get(span.end as usize..lines.end as usize)?;
        if before.trim().is_empty() && is_blank_or_comment(behind) {
            return Some(self.with_blank_line(lines));
        }
        Some(self.with_blanks(span))
    }

    /// The stretch of a comment.
    pub(super) fn comment(&self, span: Span) -> Span {
        let lines = self.lines(span);
        let before = self.text.get(lines.start as usize..span.start as usize).unwrap_or("");
        if before.trim().is_empty() { self.with_blank_line(lines) } else { self.with_blanks(span) }
    }

    /// The stretch of a member between its neighbours in a list, the first of which is there, with one of the commas beside it.
    /// Nothing if comments of others stand on both sides.
    pub(super) fn member(&self, before: Span, span: Span, behind: Option<Span>) -> Option<Span> {
        let with_comma_before = Span { start: before.end, ..span };
        let alone = self.lines(span);
        let lead = self.text.get(alone.start as usize..span.start as usize)?;
        let tail = self.text.get(span.end as usize..alone.end as usize)?;
        let has_comma = tail.trim_start().starts_with(',');
        if has_comma && lead.trim().is_empty() && is_blank_or_comment(tail.trim_start().trim_start_matches(',')) {
            return (!self.has_comment(span)).then_some(alone);
        }
        let with_comma_behind = behind.map(|next| Span { end: next.start, ..span });
        [Some(with_comma_before), with_comma_behind].into_iter().flatten().find(|stretch| !self.has_comment(*stretch))
    }

    /// The lines that a stretch stands on, the line end of the last included.
    fn lines(&self, span: Span) -> Span {
        let (start, end) = (span.start as usize, span.end as usize);
        let before = self.text.get(..start).unwrap_or("");
        let behind = self.text.get(end..).unwrap_or("");
        let first = before.rfind('\n').map_or(0, |at| at + 1);
        let last = behind.find('\n').map_or(self.text.len(), |at| end + at + 1);
        Span { start: size(first), end: size(last), ..span }
    }

    /// Where blank lines, or the start or the end of the text, would meet, one of them goes along.
    fn with_blank_line(&self, lines: Span) -> Span {
        let before = self.text.get(..lines.start as usize).unwrap_or("");
        let behind = self.text.get(lines.end as usize..).unwrap_or("");
        let ended = before.strip_suffix('\n').unwrap_or(before);
        let last = ended.rfind('\n').map_or(0, |at| at + 1);
        let blank_before = before.ends_with('\n') && ended.get(last..).is_some_and(|line| line.trim().is_empty());
        let first = behind.find('\n').map_or(behind.len(), |at| at + 1);
        let blank_behind = behind.get(..first).is_some_and(|line| line.trim().is_empty() && !line.is_empty());
        match (blank_before || before.is_empty(), blank_behind) {
            (true, true) => Span { end: lines.end + size(first), ..lines },
            (true, false) if blank_before && behind.trim().is_empty() => Span { start: size(last), ..lines },
            _ => lines,
        }
    }

    /// The blanks on one side: before it, if something stands there.
    fn with_blanks(&self, span: Span) -> Span {
        let lines = self.lines(span);
        let before = self.text.get(lines.start as usize..span.start as usize).unwrap_or("");
        let behind = self.text.get(span.end as usize..).unwrap_or("");
        if before.trim().is_empty() {
            let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
            return Span { end: span.end + size(blanks), ..span };
        }
        Span { start: lines.start + size(before.trim_end().len()), ..span }
    }

    fn has_comment(&self, span: Span) -> bool {
        self.comments.iter().any(|comment| (span.start..span.end).contains(&comment.span.start))
    }
}

fn is_blank_or_comment(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with('#')
}

/// Texts have fewer than 4 GiB.
fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::source::SourceMap;

    /// The text without the statement that starts with these words.
    fn without(text: &str, words: &str) -> Option<String> {
        let mut sources = SourceMap::default();
        let id = sources.add("x.pol", text);
        let (file, _) = parse(&sources, id);
        let item = file.items.iter().find(|item| sources.text(item.span()).starts_with(words)).unwrap();
        let stretch = Paper::new(text, &file).statement(item.span())?;
        Some(format!("{}{}", &text[..stretch.start as usize], &text[stretch.end as usize..]))
    }

    #[test]
    fn a_statement_goes_with_the_comment_behind_it_and_no_other() {
        for (text, left) in [
            ("user a;\n# why\nuser x; # him\nuser b;\n", "user a;\n# why\nuser b;\n"),
            ("user a;\n\nuser x;\n\nuser b;\n", "user a;\n\nuser b;\n"),
            ("user a;\n\nuser x;\nuser b;\n", "user a;\n\nuser b;\n"),
            ("user a;\nuser x;\n\nuser b;\n", "user a;\n\nuser b;\n"),
            ("user x;\n\nuser b;\n", "user b;\n"),
            ("user a;\n\nuser x;\n", "user a;\n"),
            ("user a;\n\nuser x;", "user a;\n"),
            ("user x;", ""),
            ("user a; user x; # both\n", "user a; # both\n"),
            ("user a; user x; user b;\n", "user a; user b;\n"),
            ("  user x; user b;\n", "  user b;\n"),
            ("user a;\r\n\r\nuser x;\r\n\r\nuser b;\r\n", "user a;\r\n\r\nuser b;\r\n"),
            ("user\n  x\n;\nuser b;\n", "user b;\n"),
        ] {
            assert_eq!(without(text, if text.contains("user\n") { "user\n" } else { "user x" }).unwrap(), left, "{text:?}");
        }
    }

    #[test]
    fn what_holds_comments_is_not_cut() {
        assert_eq!(without("user # him\nx;\n", "user"), None);
        assert_eq!(without("user\n# him\nx;\n", "user"), None);
    }
}
