//! What must hold of findings: each has its place in a text, and can be shown in every form. Knows nothing of what is wrong.

use lang::diag::Diagnostic;
use lang::report::{self, Style};
use lang::source::{SourceMap, Span};

/// How many findings of a text are drawn: each costs as much as there are lines.
const DRAWN: usize = 20;

/// Fails, if a finding cannot be shown.
pub(crate) fn findings(found: &[Diagnostic], sources: &SourceMap) {
    for one in found {
        span(one.span, sources);
        one.related.iter().for_each(|other| span(other.span, sources));
        assert!(!one.message.is_empty() && !one.message.contains('\n'), "{one:?}");
        let line = report::concise(one, sources);
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    for one in found.iter().take(DRAWN) {
        let drawn = report::render(one, sources, Style { color: false });
        assert!(drawn.contains(one.code.text()) && drawn.ends_with('\n'), "{one:?}\n{drawn}");
    }
}

/// Fails, if a place is not in its text, or cuts a letter.
pub(crate) fn span(span: Span, sources: &SourceMap) {
    let text = sources.get(span.source).map(|source| &*source.text);
    assert!(text.is_some_and(|text| text.get(span.range()).is_some()), "{span:?}");
}
