//! Lines of a policy's text with their numbers, as answers quote them. Knows nothing of why they are quoted.

use lang::source::{SourceMap, Span};

/// How many lines of one statement are quoted.
const MAX_LINES: usize = 4;

/// How many characters of a line.
const MAX_WIDTH: usize = 100;

/// The lines that a span covers, numbered, each ended, behind a margin.
pub fn of(sources: &SourceMap, span: Span, margin: &str) -> String {
    let first = sources.position(span).line;
    let lines = covered(sources, span);
    let mut out: String =
        (first..).zip(lines.iter().take(MAX_LINES)).map(|(number, line)| format!("{margin}{number} | {line}\n")).collect();
    if lines.len() > MAX_LINES {
        out.push_str(&format!("{margin}…\n"));
    }
    out
}

/// The first line that a span covers, blanks around it removed.
pub fn first_line(sources: &SourceMap, span: Span) -> String {
    covered(sources, span).first().map(|line| line.trim().to_owned()).unwrap_or_default()
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
    let fit = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let mut shown: String = line.trim_end().chars().take(MAX_WIDTH).map(fit).collect();
    if line.trim_end().chars().count() > MAX_WIDTH {
        shown.push('…');
    }
    shown
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
        assert!(!shown.contains('\u{1b}') && shown.chars().count() < 120, "{shown}");
    }
}
