//! Puts printed lines and comments together: which comment goes where, which blank lines stay. Knows places in the text alone.

use crate::ast::Comment;
use crate::source::Span;

/// Something printed and the stretch of the text that it stands for.
#[derive(Debug)]
pub(super) struct Line {
    span: Span,
    indent: usize,
    text: String,
    closes: bool,
}

/// Where lines and comments come together.
pub(super) struct Layout<'t> {
    text: &'t str,
    comments: &'t [Comment],
    out: String,
    /// The byte behind what was printed last.
    done: u32,
}

impl Line {
    pub(super) fn new(span: Span, indent: usize, text: String) -> Self {
        Line { span, indent, text, closes: false }
    }

    /// The line, deeper by so many levels.
    pub(super) fn indented(self, levels: usize) -> Self {
        Line { indent: self.indent + levels, ..self }
    }

    /// A line that ends a block: comments before it are the block's.
    pub(super) fn closing(span: Span, indent: usize, text: &str) -> Self {
        Line { span, indent, text: text.to_owned(), closes: true }
    }
}

impl<'t> Layout<'t> {
    pub(super) fn new(text: &'t str, comments: &'t [Comment]) -> Self {
        Layout { text, comments, out: String::new(), done: 0 }
    }

    pub(super) fn write(mut self, lines: &[Line]) -> String {
        for (place, line) in lines.iter().enumerate() {
            self.comments_before(line);
            self.line(line, lines.get(place + 1));
        }
        self.rest();
        self.out
    }

    /// Comments that start before the line, or in it: they go above it, each on its own line.
    fn comments_before(&mut self, line: &Line) {
        let indent = if line.closes { line.indent + 1 } else { line.indent };
        while let Some(comment) = self.comments.first().filter(|comment| comment.span.start < line.span.end) {
            self.blank_before(comment.span.start);
            self.comment(*comment, indent);
        }
        if !line.closes {
            self.blank_before(line.span.start);
        }
        self.done = self.done.max(line.span.start);
    }

    /// A line, and the comment behind it on the same line of the text, if it is the last there.
    fn line(&mut self, line: &Line, next: Option<&Line>) {
        for (place, part) in line.text.split('\n').enumerate() {
            if place > 0 {
                self.out.push('\n');
            }
            self.indent(line.indent);
            self.out.push_str(part);
        }
        self.done = self.done.max(line.span.end);
        let before_next = |comment: &&Comment| next.is_none_or(|next| comment.span.start < next.span.start);
        if let Some(comment) = self.comments.first().filter(before_next)
            && !self.between(line.span.end, comment.span.start).contains('\n')
        {
            self.out.push_str("  ");
            self.out.push_str(self.slice(comment.span));
            self.done = comment.span.end;
            self.comments = self.comments.get(1..).unwrap_or_default();
        }
        self.out.push('\n');
    }

    fn comment(&mut self, comment: Comment, indent: usize) {
        self.indent(indent);
        self.out.push_str(self.slice(comment.span));
        self.out.push('\n');
        self.done = self.done.max(comment.span.end);
        self.comments = self.comments.get(1..).unwrap_or_default();
    }

    /// Comments behind the last line.
    fn rest(&mut self) {
        while let Some(comment) = self.comments.first() {
            self.blank_before(comment.span.start);
            self.comment(*comment, 0);
        }
    }

    /// Keeps one of the blank lines that the text has here; none at its start.
    fn blank_before(&mut self, start: u32) {
        let blank = self.between(self.done, start).matches('\n').count() > 1;
        if blank && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, indent: usize) {
        for _ in 0..indent {
            self.out.push_str("    ");
        }
    }

    fn between(&self, start: u32, end: u32) -> &'t str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or("").trim_end()
    }
}
