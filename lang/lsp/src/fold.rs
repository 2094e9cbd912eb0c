//! What of a text can be folded away: blocks, and runs of comments. Knows nothing of what they say.

use lang::lexer::{Tok, lex};
use lang::source::SourceId;
use lsp_types::{FoldingRange, FoldingRangeKind};

use crate::place::Place;
use crate::text::Text;

/// The stretches, as whole lines.
pub(crate) fn ranges(place: &Place<'_>) -> Option<Vec<FoldingRange>> {
    Some(of_text(place.text()?))
}

fn of_text(text: &Text) -> Vec<FoldingRange> {
    let lexed = lex(SourceId(0), text.as_str());
    let line = |offset: usize| text.position(offset).line;
    let mut open = Vec::new();
    let mut ranges = Vec::new();
    for token in &lexed.tokens {
        match token.tok {
            Tok::LBrace => open.push(line(token.start)),
            // The closing brace stays to be seen.
            Tok::RBrace => {
                let end = line(token.start).saturating_sub(1);
                ranges.extend(open.pop().and_then(|start| fold(start, end, None)));
            }
            _ => {}
        }
    }
    let mut run: Option<(u32, u32)> = None;
    for comment in lexed.comments.iter().filter(|comment| comment.own_line) {
        let here = line(comment.span.range().start);
        run = match run {
            Some((start, last)) if last + 1 == here => Some((start, here)),
            other => {
                ranges.extend(other.and_then(|(start, last)| fold(start, last, Some(FoldingRangeKind::Comment))));
                Some((here, here))
            }
        };
    }
    ranges.extend(run.and_then(|(start, last)| fold(start, last, Some(FoldingRangeKind::Comment))));
    ranges.sort_by_key(|range| (range.start_line, range.end_line));
    ranges
}

fn fold(start_line: u32, end_line: u32, kind: Option<FoldingRangeKind>) -> Option<FoldingRange> {
    (end_line > start_line).then(|| FoldingRange { start_line, end_line, kind, ..FoldingRange::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_runs_of_comments_fold() {
        let text = "# one\n# two\nsection s {\n    test \"t\" {\n        a -> b => allow;\n        # x\n    }\n}\nhost h { mac x; }\n# end\n";
        let folded: Vec<_> =
            of_text(&Text::new(text.to_owned())).iter().map(|range| (range.start_line, range.end_line)).collect();
        assert_eq!(folded, [(0, 1), (2, 6), (3, 5)]);
    }
}
