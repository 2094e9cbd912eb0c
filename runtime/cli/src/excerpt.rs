//! Lines of a policy's text with their numbers, as answers quote them. Knows nothing of why they are quoted.

use lang::source::{SourceMap, Span};

use crate::fold::WIDTH;

/// How many lines of one statement are quoted.
const MAX_LINES: usize = 4;

/// How many characters of a line are shown, however little room there is.
const MIN_WIDTH: usize = 20;

/// The lines that a span covers, numbered, each ended, behind a margin.
pub fn of(sources: &SourceMap, span: Span, margin: &str) -> String {
    let first = sources.position(span).line;
    let lines = covered(sources, span);
    let quoted = |(number, line): (u32, &String)| {
        let before = format!("{margin}{number} | ");
        format!("{before}{}\n", cut(line, WIDTH.saturating_sub(before.chars().count())))
    };
    let mut out: String = (first..).zip(lines.iter().take(MAX_LINES)).map(quoted).collect();
    if lines.len() > MAX_LINES {
        out.push_str(&format!("{margin}…\n"));
    }
    out
}

/// The first line that a span covers, blanks around it removed, in as many characters as there is room for.
pub fn first_line(sources: &SourceMap, span: Span, most: usize) -> String {
    covered(sources, span).first().map(|line| cut(line.trim(), most)).unwrap_or_default()
}

/// The whole lines that a span touches, fit to be shown.
fn covered(sources: &SourceMap, span: Span) -> Vec<String> {
    let text = sources.get(span.source).map_or("", |source| &source.text);
    let range = span.range();
    let start = text.get(..range.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let end = text.get(range.end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |newline| range.end + newline);
    text.get(start..end).unwrap_or("").lines().map(shown).collect()
}

fn shown(line: &str) -> String {
    let fit = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    line.trim_end().replace('\t', "    ").chars().map(fit).collect()
}

/// As much of a line as fits, with a mark where there is more.
fn cut(line: &str, most: usize) -> String {
    let most = most.max(MIN_WIDTH);
    if line.chars().count() <= most {
        return line.to_owned();
    }
    line.chars().take(most - 1).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lang::source::SourceId;

    fn quote(text: &str, start: u32, end: u32) -> String {
        let mut sources = SourceMap::default();
        sources.add("a.pol", text);
        of(&sources, Span { source: SourceId(0), start, end }, "  ")
    }

    #[test]
    fn whole_lines_are_quoted_with_their_numbers() {
        let text = "user bob;\n  allow from bob\n    to any;   # no\n";
        assert_eq!(quote(text, 12, 40), "  2 |   allow from bob\n  3 |     to any;   # no\n");
        assert_eq!(quote(text, 0, 9), "  1 | user bob;\n");
        assert_eq!(quote("a\nb\nc\nd\ne\nf", 0, 11), "  1 | a\n  2 | b\n  3 | c\n  4 | d\n  …\n");
    }

    #[test]
    fn long_lines_and_control_characters_do_no_harm() {
        let shown = quote(&format!("\u{1b}[31m{}", "x".repeat(500)), 0, 10);
        assert!(!shown.contains('\u{1b}') && shown.trim_end().chars().count() == 80, "{shown}");
    }
}
