//! Stretches of text with the brackets that belong to them: the tree keeps none, so that a set starts behind its first one and ends
//! before its last. Knows nothing of what stands in them.

use crate::source::{SourceMap, Span};

/// Longer stretches are left as they are: whoever quotes them cuts them short.
const MAX_LOOK: usize = 4096;

/// The stretch, grown by the round brackets that stand around it and of which it holds only the other half.
pub(super) fn closed(sources: &SourceMap, span: Span) -> Span {
    let stretch = sources.text(span);
    let whole = sources.get(span.source).map_or("", |source| &source.text);
    let (Some(mut before), Some(mut behind)) = (whole.get(..span.range().start), whole.get(span.range().end..)) else {
        return span;
    };
    let (opening, closing) = if stretch.len() > MAX_LOOK { (0, 0) } else { lacking(stretch) };
    for _ in 0..opening {
        before = before.trim_end().strip_suffix('(').unwrap_or(before);
    }
    for _ in 0..closing {
        behind = behind.trim_start().strip_prefix(')').unwrap_or(behind);
    }
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: place(before.len()), end: place(whole.len() - behind.len()), ..span }
}

/// How many opening brackets are missing before the text, and how many closing ones behind it. Brackets in strings and in comments
/// are none.
fn lacking(text: &str) -> (usize, usize) {
    let (mut opening, mut closing) = (0, 0_usize);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' => closing += 1,
            ')' if closing == 0 => opening += 1,
            ')' => closing -= 1,
            '#' => _ = chars.by_ref().find(|c| *c == '\n'),
            '"' => while chars.next().is_some_and(|c| c != '"' && (c != '\\' || chars.next().is_some())) {},
            _ => {}
        }
    }
    (opening, closing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    /// The stretch between the marks `<` and `>`, closed.
    fn told(marked: &str) -> String {
        let start = marked.find('<').unwrap();
        let end = marked.find('>').unwrap() - 1;
        let mut sources = SourceMap::default();
        sources.add("a.pol", marked.replace(['<', '>'], ""));
        let place = |at: usize| u32::try_from(at).unwrap();
        let span = Span { source: SourceId(0), start: place(start), end: place(end) };
        sources.text(closed(&sources, span)).to_owned()
    }

    #[test]
    fn what_is_half_in_brackets_is_grown_to_them() {
        for (marked, wanted) in [
            ("from (<a & b) - c>;", "(a & b) - c"),
            ("from (( <a & b ) | d) - (c - (e>\n));", "(( a & b ) | d) - (c - (e\n))"),
            ("from (<a - a>);", "a - a"),
            ("from a & (<user tagged \"(\">);", "user tagged \"(\""),
            ("from (<a # (\n) - user tagged \"\\\")\">;", "(a # (\n) - user tagged \"\\\")\""),
        ] {
            assert_eq!(told(marked), wanted, "{marked}");
        }
    }
}
