//! Findings for people: an excerpt of the text with arrows, or one line. The only module that knows ariadne, which draws the
//! excerpts; what it draws from are excerpts of our own making, so that long lines and odd characters cannot spoil the picture.

use std::fmt::Write as _;

use ariadne::{Cache, Config, IndexType, Label, LabelAttach, Report, ReportKind};

use crate::diag::{Diagnostic, Severity};
use crate::source::{BYTE_ORDER_MARK, SourceId, SourceMap, Span, hides, shown_name};

/// How many columns a report may take.
pub const WIDTH: usize = 80;

/// What is said at a place of which there is nothing to be said.
const HERE: &str = "here";

/// What the margin with the line numbers takes of them.
const MARGIN: usize = 12;

/// How reports look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With terminal colours.
    pub color: bool,
}

/// The finding with an excerpt of the text, several lines, the last one ended.
#[must_use]
pub fn render(found: &Diagnostic, sources: &SourceMap, style: Style) -> String {
    let mut excerpts = Excerpts::new(found, sources);
    let mut notes: Vec<String> = Vec::new();
    let main = excerpts.place(found.span);
    let config = Config::new()
        .with_color(style.color)
        // Places in excerpts are counted in characters, as ariadne counts; ours in texts are bytes.
        .with_index_type(IndexType::Char)
        .with_label_attach(LabelAttach::Start)
        .with_compact(false);
    let kind = match found.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
        Severity::Info => ReportKind::Advice,
    };
    let prefix = found.code.text().len() + "[] Warning: ".len();
    let mut report = Report::build(kind, main.clone()).with_config(config).with_code(found.code).with_message(wrapped(
        &found.message,
        WIDTH - prefix,
        "        ",
    ));
    let shown: Vec<(Place, &str)> = places(found).into_iter().map(|(span, words)| (excerpts.place(span), words)).collect();
    for (place, words) in &shown {
        // The words of all places of a line start behind the last of them.
        let beside = shown.iter().filter(|(other, _)| other.0 == place.0 && excerpts.line(other) == excerpts.line(place));
        let column = beside.map(|(other, _)| excerpts.column(other) + other.1.len()).max().unwrap_or(0);
        report.add_label(label(column, place.clone(), words, &mut notes));
    }
    if let Some(witness) = &found.witness {
        notes.push(format!("a flow that shows it: {} (decided by {})", witness.flow, witness.decided_by));
    }
    notes.extend(flows_of_places(found, sources));
    if let Some(help) = &found.help {
        report.set_help(wrapped(help, WIDTH - MARGIN - "Help 1: ".len(), ""));
    }
    report.set_note_if(&notes);
    let mut out = Vec::new();
    let drawn = report.finish().write(&mut excerpts, &mut out).is_ok();
    let text = String::from_utf8_lossy(&out);
    if !drawn {
        return concise(found, sources) + "\n";
    }
    let text = excerpts.with_true_column(&text, found.span, &main);
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Draws the findings of a policy one after the other. An excerpt costs as much as there are lines before it: where that comes to
/// very many, findings that are left are told without one.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    style: Style,
    lines: u32,
}

/// How many lines may stand before all excerpts together.
const MAX_LINES: u32 = 3_000_000;

impl Pen {
    /// A pen for reports that look like this.
    #[must_use]
    pub fn new(style: Style) -> Pen {
        Pen { style, lines: MAX_LINES }
    }

    /// The finding, several lines, the last one ended.
    pub fn draw(&mut self, found: &Diagnostic, sources: &SourceMap) -> String {
        let last = places(found).into_iter().map(|(span, _)| sources.position(span).line).max().unwrap_or(0);
        match self.lines.checked_sub(last) {
            Some(left) => {
                self.lines = left;
                render(found, sources, self.style)
            }
            None => {
                let at = sources.position(found.span);
                let word = match found.severity {
                    Severity::Error => "Error",
                    Severity::Warning => "Warning",
                    Severity::Info => "Advice",
                };
                let message = wrapped(&found.message, WIDTH - MARGIN, "        ");
                let help = found.help.as_ref().map_or_else(String::new, |help| format!("   Help: {help}\n"));
                format!("[{}] {word}: {message}\n   at {}:{}:{}\n{help}", found.code, at.file, at.line, at.column)
            }
        }
    }
}

/// The finding on one line: `file:line:column: error[E0201]: message`.
#[must_use]
pub fn concise(found: &Diagnostic, sources: &SourceMap) -> String {
    let at = sources.position(found.span);
    let file = shown_name(&at.file);
    let mut line = format!("{file}:{}:{}: {}[{}]: {}", at.line, at.column, found.severity.word(), found.code, found.message);
    if let Some(witness) = &found.witness {
        // Writing to a string cannot fail.
        let _ = write!(line, " ({}, decided by {})", witness.flow, witness.decided_by);
    }
    line
}

/// All places of a finding with their words: those in its own text first, each text's in order, as ariadne wants them.
fn places(found: &Diagnostic) -> Vec<(Span, &str)> {
    let main = (found.span, found.label.as_deref().unwrap_or(HERE));
    let mut places: Vec<(Span, &str)> =
        std::iter::once(main).chain(found.related.iter().map(|other| (other.span, other.message.as_str()))).collect();
    places.sort_by_key(|(span, _)| (span.source != found.span.source, span.source, span.start));
    places
}

/// The flows of other places.
fn flows_of_places(found: &Diagnostic, sources: &SourceMap) -> impl Iterator<Item = String> {
    found.related.iter().filter_map(|other| {
        let at = sources.position(other.span);
        other.flow.as_ref().map(|flow| format!("a flow for {}:{}: {flow}", at.file, at.line))
    })
}

/// What ariadne calls a span: the excerpt and characters of it.
type Place = (SourceId, std::ops::Range<usize>);

trait Notes {
    fn set_note_if(&mut self, notes: &[String]);
}

impl Notes for ariadne::ReportBuilder<'_, Place> {
    fn set_note_if(&mut self, notes: &[String]) {
        for note in notes {
            self.add_note(wrapped(note, WIDTH - MARGIN - "Note 1: ".len(), ""));
        }
    }
}

/// An arrow with its words; words that do not fit beside it become a note, which a number ties to its arrow.
fn label(column: usize, place: Place, words: &str, notes: &mut Vec<String>) -> Label<Place> {
    let label = Label::new(place);
    if MARGIN + column + words.chars().count() <= WIDTH {
        return label.with_message(words);
    }
    if words == HERE {
        return label.with_message(HERE);
    }
    let number = notes.len() + 1;
    notes.push(format!("({number}) {words}"));
    label.with_message(format!("({number})"))
}

/// The text broken into lines of at most `width` characters where words allow it.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// The lines of texts that one report shows, cut to a width that fits; all other lines are empty.
struct Excerpts {
    texts: Vec<Excerpt>,
}

struct Excerpt {
    id: SourceId,
    name: String,
    drawn: ariadne::Source<String>,
    /// For each line that holds a place: its characters, by their bytes in the text and their numbers in the excerpt.
    shown: Vec<Vec<(u32, usize)>>,
}

impl Excerpts {
    fn new(found: &Diagnostic, sources: &SourceMap) -> Self {
        let spans: Vec<Span> = std::iter::once(found.span).chain(found.related.iter().map(|other| other.span)).collect();
        let mut texts: Vec<Excerpt> = Vec::new();
        for span in &spans {
            if texts.iter().all(|text| text.id != span.source) {
                let starts: Vec<u32> =
                    spans.iter().filter(|other| other.source == span.source).map(|other| other.start).collect();
                texts.push(Excerpt::new(span.source, sources, &starts));
            }
        }
        Excerpts { texts }
    }

    fn text(&self, id: SourceId) -> Option<&Excerpt> {
        self.texts.iter().find(|text| text.id == id)
    }

    /// Where a span is in its excerpt: never longer than its first line, never empty.
    fn place(&self, span: Span) -> Place {
        let range = self.text(span.source).map_or(0..0, |text| text.range(span));
        (span.source, range)
    }

    fn line(&self, (id, range): &Place) -> usize {
        self.text(*id).map_or(0, |text| text.drawn.text().chars().take(range.start).filter(|c| *c == '\n').count())
    }

    fn column(&self, (id, range): &Place) -> usize {
        let text = self.text(*id).map_or("", |text| text.drawn.text());
        text.chars().take(range.start).fold(0, |column, c| if c == '\n' { 0 } else { column + 1 })
    }

    /// Long lines are cut on the left, too: puts the true column where the drawing names the column of the excerpt.
    fn with_true_column(&self, drawn: &str, span: Span, place: &Place) -> String {
        let Some(text) = self.text(span.source) else { return drawn.to_owned() };
        let Some(true_column) = text.true_column(span.start) else { return drawn.to_owned() };
        let line = text.drawn.text().chars().take(place.1.start).filter(|c| *c == '\n').count() + 1;
        let wrong = format!("{}:{line}:{} ", text.name, self.column(place) + 1);
        drawn.replacen(&wrong, &format!("{}:{line}:{true_column} ", text.name), 1)
    }
}

impl Excerpt {
    /// The lines that hold one of the places, and their neighbours.
    fn new(id: SourceId, sources: &SourceMap, starts: &[u32]) -> Self {
        let (name, whole) = sources.get(id).map_or_else(|| ("?".into(), ""), |source| (shown_name(&source.name), &*source.text));
        let line_of = |start: &u32| sources.position(Span { source: id, start: *start, end: *start }).line as usize;
        let lines: Vec<(usize, u32)> = starts.iter().map(|start| (line_of(start), *start)).collect();
        let last = lines.iter().map(|(line, _)| *line).max().unwrap_or(1);
        let mut text = Drawn::default();
        let mut shown = Vec::new();
        let mut offset = 0_usize;
        for (number, line) in (1..=last).zip(whole.split_inclusive('\n').chain(std::iter::repeat(""))) {
            let near = lines.iter().min_by_key(|(labelled, _)| labelled.abs_diff(number));
            if let Some((labelled, start)) = near.filter(|(labelled, _)| labelled.abs_diff(number) <= 2) {
                let focus = if *labelled == number { (*start as usize).saturating_sub(offset) } else { 0 };
                let places = window(line, focus, offset, &mut text);
                if *labelled == number {
                    shown.push(places);
                }
            }
            // The blank is the place of what is missing at the end of the line.
            text.push(' ');
            text.push('\n');
            offset += line.len();
        }
        Excerpt { id, name: name.to_string(), drawn: ariadne::Source::from(text.text), shown }
    }

    /// The characters of the excerpt that show the first line of a span, at least one.
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let holds = |places: &&Vec<(u32, usize)>| {
            places.first().is_some_and(|(first, _)| *first <= span.start)
                && places.last().is_some_and(|(last, _)| *last >= span.start)
        };
        let Some(places) = self.shown.iter().find(holds) else { return 0..1 };
        let at = |offset: u32| places.iter().rev().find(|(of, _)| *of <= offset).map_or(0, |(_, at)| *at);
        let start = at(span.start);
        let next = places.iter().map(|(_, at)| *at).find(|at| *at > start).unwrap_or(start + 1);
        start..at(span.end).max(next)
    }

    /// The column in the text, from 1, if the excerpt's line does not start with the text's.
    fn true_column(&self, start: u32) -> Option<usize> {
        let places = self.shown.iter().find(|places| places.iter().any(|(of, _)| *of == start))?;
        let (_, first) = places.first()?;
        let cut = self.drawn.text().chars().nth(*first) == Some('…');
        let hidden = places.get(1).map(|(of, _)| *of)?.checked_sub(places.first()?.0)?;
        let shown = places.iter().position(|(of, _)| *of == start)?;
        // Bytes stand for characters in the part that is cut off: names and literals are ASCII.
        cut.then_some(hidden as usize + shown)
    }
}

/// A text that grows, and its number of characters.
#[derive(Default)]
struct Drawn {
    text: String,
    length: usize,
}

impl Drawn {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.length += 1;
    }
}

/// Appends a line without its end, cut around the focus to what fits, odd characters replaced. Gives the place of each character in
/// the text and in the excerpt, and those of the ends.
fn window(line: &str, focus: usize, offset: usize, text: &mut Drawn) -> Vec<(u32, usize)> {
    let room = WIDTH - MARGIN - 2;
    let body = line.trim_end_matches(['\n', '\r']);
    let mark = if offset == 0 && body.starts_with(BYTE_ORDER_MARK) { 1 } else { 0 };
    let chars: Vec<(usize, char)> = body.char_indices().skip(mark).take(focus.saturating_add(4 * room)).collect();
    let wanted = chars.iter().position(|(at, _)| *at >= focus).unwrap_or(chars.len());
    let from = if wanted + 8 < room { 0 } else { wanted - room / 3 };
    let place = |at: usize| u32::try_from(offset + at).unwrap_or(u32::MAX);
    let mut places = Vec::new();
    if from > 0 {
        places.push((place(chars.first().map_or(0, |(at, _)| *at)), text.length));
        text.push('…');
    }
    for (at, c) in chars.iter().skip(from).take(room) {
        places.push((place(*at), text.length));
        text.push(if *c == '\t' || !(c.is_control() || hides(*c)) { *c } else { '\u{fffd}' });
    }
    let next = chars.get(from + room).map(|(at, _)| *at);
    places.push((place(next.unwrap_or(body.len())), text.length));
    if next.is_some() {
        text.push('…');
    }
    places
}

impl Cache<SourceId> for &mut Excerpts {
    type Storage = String;

    fn fetch(&mut self, id: &SourceId) -> Result<&ariadne::Source<String>, impl std::fmt::Debug> {
        self.text(*id).map(|text| &text.drawn).ok_or("a text that no label names")
    }

    fn display<'a>(&self, id: &'a SourceId) -> Option<impl std::fmt::Display + 'a> {
        self.text(*id).map(|text| text.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::syntax;
    use crate::lexer::span;

    fn drawn(text: &str, found: impl Fn(SourceId) -> Diagnostic) -> String {
        let mut sources = SourceMap::default();
        sources.add("other.pol", "# another file\nuser bob;\n");
        let id = sources.add("x.pol", text);
        let found = found(id);
        let out = render(&found, &sources, Style::default());
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert!(!out.contains('\u{1b}'), "no colour unless asked for");
        format!("{}\n{out}", concise(&found, &sources))
    }

    #[test]
    fn a_report_shows_the_place_the_other_places_and_the_advice() {
        let text = "user bill;\n\ngroup a = user { bob };\nallow from bbo;\n";
        insta::assert_snapshot!(drawn(text, |id| {
            Diagnostic::new(syntax::E0101, span(id, 47, 50), "there is nothing called `bbo`")
                .label("not declared")
                .related(span(SourceId(0), 20, 23), "`bob` is declared here")
                .related(span(id, 28, 31), "and used here")
                .help("did you mean `bob`? If not, declare it: `user bbo;` makes a user, `host bbo { mac …; }` makes a host")
                .witness("user bob -> internet tcp/80", "default")
        }));
    }

    #[test]
    fn words_that_do_not_fit_are_tied_to_their_places_by_numbers() {
        let text = "user bill;\nuser bob;\nuser bo;\n";
        insta::assert_snapshot!(drawn(text, |id| {
            Diagnostic::new(syntax::E0101, span(id, 5, 9), "three of a kind")
                .label("this is the first of them, and there is a good deal more to be said of it than fits here")
                .related(
                    span(id, 16, 19),
                    "this is the second of them, which does not fit beside its place either, long as it is",
                )
                .related(span(id, 26, 28), "the third")
        }));
    }

    #[test]
    fn long_lines_odd_characters_and_ends_of_lines_are_shown_soundly() {
        let long = format!("allow from {}x\u{202e};\n", "a | ".repeat(100));
        let at = |needle: &str| long.find(needle).unwrap();
        insta::assert_snapshot!(drawn(&long, |id| {
            Diagnostic::new(syntax::E0101, span(id, at("x"), at("x") + 1), "there is nothing called `x`, ".repeat(6))
                .label("not declared")
        }));
        insta::assert_snapshot!(drawn("user bob", |id| Diagnostic::new(syntax::E0102, span(id, 8, 8), "a `;` is missing here")));
        insta::assert_snapshot!(drawn("", |id| Diagnostic::new(syntax::E0136, span(id, 0, 0), "this policy holds no statement")));
        insta::assert_snapshot!(drawn("# grün \u{202e}x", |id| {
            Diagnostic::new(syntax::E0108, span(id, 8, 11), "a character that changes the direction of the text")
        }));
        insta::assert_snapshot!(drawn("\u{feff}allow from x;", |id| {
            Diagnostic::new(syntax::E0101, span(id, 14, 15), "there is nothing called `x`")
        }));
    }

    #[test]
    fn colour_comes_only_on_request() {
        let mut sources = SourceMap::default();
        let id = sources.add("x.pol", "user bob");
        let found = Diagnostic::new(syntax::E0102, span(id, 8, 8), "a `;` is missing here");
        assert!(render(&found, &sources, Style { color: true }).contains('\u{1b}'));
    }
}
