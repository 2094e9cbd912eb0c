//! Diagnostics as data: what is wrong, where, and what else is to be known. Knows nothing of how they are shown.

use crate::codes::{Code, syntax, text};
use crate::phrasebook::Advice;
use crate::source::{SourceMap, Span, hides};
use crate::suggest;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What sort of finding; its page says more.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop at the end: what is wrong, with the value.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to write at that place under the excerpt, if the message does not say it all.
    pub label: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// What to do about it.
    pub help: Option<String>,
    /// Words of which one was probably meant in place of what stands there, the likeliest first.
    pub meant: Vec<String>,
    /// The word that stands here for the one that stands there, which is of another tool. The advice says so already.
    pub instead: Option<&'static str>,
    /// A flow that shows it.
    pub witness: Option<Witness>,
}

/// Another place that belongs to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// Why it belongs.
    pub message: String,
    /// A flow of which that is so, in the spelling of a witness.
    pub flow: Option<String>,
}

impl Related {
    /// Why it belongs, and the flow: for whoever shows each place by itself.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.flow {
            Some(flow) => format!("{}, such as {flow}", self.message),
            None => self.message.clone(),
        }
    }
}

/// A flow that shows a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The flow, in the spelling that `pentane explain` and test blocks read.
    pub flow: String,
    /// What decides it: a rule's name or place, or `default`.
    pub decided_by: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably not what was meant; the policy can be used.
    Warning,
    /// The policy cannot be used.
    Error,
}

impl Severity {
    /// `error`, `warning`, `info`: as reports and JSON have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How many characters of a text in a finding are kept at its start, and at its end, if it is longer than both: names and literals
/// that it quotes can be as long as a line.
const KEPT: (usize, usize) = (600, 100);

/// The text on one line, without its middle, if it is very long, and without what would do something to a terminal or a page that
/// shows it: it may quote anything, and what goes over several lines.
fn bounded(text: impl Into<String>) -> String {
    let mut text = one_line(text.into());
    if text.contains(hides) {
        text = text.replace(hides, "\u{fffd}");
    }
    let (start, end) = KEPT;
    if text.len() <= start + end {
        return text;
    }
    let head = text.char_indices().nth(start).map(|(at, _)| at);
    let tail = text.char_indices().nth_back(end - 1).map(|(at, _)| at);
    match (head, tail) {
        (Some(head), Some(tail)) if head < tail => {
            format!("{}…{}", text.get(..head).unwrap_or(""), text.get(tail..).unwrap_or(""))
        }
        _ => text,
    }
}

fn one_line(text: String) -> String {
    if text.contains(['\n', '\r', '\t']) { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { text }
}

impl Diagnostic {
    /// A finding with the severity that its code has by default.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: code.severity(),
            message: bounded(message),
            span,
            label: None,
            related: Vec::new(),
            help: None,
            meant: Vec::new(),
            instead: None,
            witness: None,
        }
    }

    /// With words under the excerpt.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(bounded(label));
        self
    }

    /// With another place.
    #[must_use]
    pub fn related(self, span: Span, message: impl Into<String>) -> Self {
        self.related_by_flow(span, message, None)
    }

    /// With another place, and a flow of which it is so.
    #[must_use]
    pub fn related_by_flow(mut self, span: Span, message: impl Into<String>, flow: Option<String>) -> Self {
        self.related.push(Related { span, message: bounded(message), flow });
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(bounded(help));
        self
    }

    /// With advice, if there is any.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(bounded).or(self.help);
        self
    }

    /// With words that were probably meant in place of what stands there, in the advice too.
    #[must_use]
    pub fn meant(mut self, words: &[&str]) -> Self {
        self.meant = words.iter().map(|word| (*word).to_owned()).collect();
        self.maybe_help(suggest::did_you_mean(words))
    }

    /// With what stands for a word of another tool.
    #[must_use]
    pub(crate) fn advised(self, advice: Advice) -> Self {
        Diagnostic { instead: advice.instead, ..self.help(advice.help) }
    }

    /// With a flow that shows it.
    #[must_use]
    pub fn witness(mut self, flow: impl Into<String>, decided_by: impl Into<String>) -> Self {
        self.witness = Some(Witness { flow: flow.into(), decided_by: decided_by.into() });
        self
    }
}

/// Findings of which only the first are kept: a text that is all mistakes must not fill the memory.
#[derive(Clone, Debug)]
pub struct Findings {
    kept: Vec<Diagnostic>,
    total: usize,
    room: usize,
}

/// How many findings of one text are kept; the rest are counted.
pub const MAX_REPORTS: usize = 100;

impl Default for Findings {
    /// None so far, and room for those of one text.
    fn default() -> Self {
        Findings::with_room(MAX_REPORTS)
    }
}

impl Findings {
    /// None so far, and room for this many.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Findings { kept: Vec::new(), total: 0, room }
    }

    /// Adds a finding.
    pub fn push(&mut self, found: Diagnostic) {
        self.total += 1;
        if self.kept.len() < self.room {
            self.kept.push(found);
        }
    }

    /// Takes back all that were added since there were `total`.
    pub fn take_back(&mut self, total: usize) {
        self.kept.truncate(total);
        self.total = total.min(self.total);
    }

    /// How many there are, those that are not kept included.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Those that are kept.
    #[must_use]
    pub fn kept(&self) -> &[Diagnostic] {
        &self.kept
    }

    /// Adds those of another pass over the same text.
    pub fn append(&mut self, other: Findings) {
        self.total += other.total;
        self.kept.extend(other.kept);
    }

    /// Those that are kept, in the order of the text, and how many are not among them.
    #[must_use]
    pub fn into_sorted(mut self) -> (Vec<Diagnostic>, usize) {
        self.kept.sort_by_key(|found| (found.span.start, found.span.end, found.code));
        self.kept.truncate(self.room);
        let more = self.total - self.kept.len();
        (self.kept, more)
    }

    /// Those that are kept, in the order in which they came, and how many are not among them.
    #[must_use]
    pub fn into_kept(self) -> (Vec<Diagnostic>, usize) {
        let more = self.total - self.kept.len();
        (self.kept, more)
    }
}

impl Extend<Diagnostic> for Findings {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, findings: T) {
        for found in findings {
            self.push(found);
        }
    }
}

/// How many findings of each severity are told of a policy; the rest are counted.
pub const MAX_FINDINGS: usize = 1_000;

/// Keeps the first findings of each severity, and tells how many more there are. Errors among those left out still forbid the policy:
/// the finding that tells of them is an error, too.
pub fn cap(found: &mut Vec<Diagnostic>) {
    cap_counted(found, 0);
}

/// The same, where so many errors behind these have been left out already.
pub(crate) fn cap_counted(found: &mut Vec<Diagnostic>, lost: usize) {
    for (severity, lost) in [(Severity::Error, lost), (Severity::Warning, 0), (Severity::Info, 0)] {
        let mut more = lost;
        let mut place = None;
        let mut kept = 0;
        found.retain(|one| {
            if one.severity != severity {
                return true;
            }
            kept += 1;
            if kept <= MAX_FINDINGS {
                place = Some(one.span);
                return true;
            }
            more += 1;
            false
        });
        if let Some(place) = place.filter(|_| more > 0) {
            let (code, message) = match severity {
                Severity::Error => (syntax::E0115, format!("{more} more errors are not shown")),
                Severity::Warning => (text::W0704, format!("{more} more warnings are not shown")),
                Severity::Info => (text::W0704, format!("{more} more remarks are not shown")),
            };
            found.push(Diagnostic { severity, ..Diagnostic::new(code, place, message) });
        }
    }
}

/// True if any of them forbids the use of the policy.
#[must_use]
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// Puts findings into the order of the text, for reports that do not depend on the order of the passes; equal ones stay once.
pub fn sort(diagnostics: &mut Vec<Diagnostic>, sources: &SourceMap) {
    let place = |span: Span| (sources.get(span.source).is_none(), span.source, span.start, span.end);
    diagnostics.sort_by_key(|found| (place(found.span), found.code));
    diagnostics.dedup();
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, SourceMap, Span, syntax};

    #[test]
    fn a_message_holds_nothing_that_does_something_to_a_terminal() {
        let mut sources = SourceMap::default();
        let id = sources.add("x.pol", "x");
        let found = Diagnostic::new(syntax::E0101, Span { source: id, start: 0, end: 1 }, "a\tb\u{1b}[1mc\u{202e}d\n e");
        assert_eq!(found.message, "a b\u{fffd}[1mc\u{fffd}d e");
    }
}
