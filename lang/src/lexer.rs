//! Text to tokens and comments. Decides the sort of a token by its shape alone; what a literal's value is, and whether it has one,
//! is for `literal`. Bad characters are reported here and nowhere else.

use logos::Logos;

use crate::ast::Comment;
use crate::builtin;
use crate::codes::syntax;
use crate::diag::{Diagnostic, Findings};
use crate::keyword::{self, Keyword, Role};
use crate::parse::MAX_WORDS;
use crate::phrasebook;
use crate::source::{SourceId, Span, hidden_name, hides, shown};

/// Shapes that logos finds.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n\f]+")]
enum Shape {
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    #[regex(r"//[^\n]*", allow_greedy = true)]
    #[regex(r"/\*([^*]|\*+[^*/])*(\*+/)?", allow_greedy = true)]
    ForeignComment,
    #[regex(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?")]
    Word,
    /// `edge1:5`, `02:00:00:00:00:11`, `2001:db8:4::/48`
    #[regex(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?(:[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?)+(/[A-Za-z0-9]*)?")]
    #[regex(r"([A-Za-z0-9_]+(:[A-Za-z0-9_]+)*)?(::([A-Za-z0-9_.]+(:[A-Za-z0-9_.]+)*)?)+(/[A-Za-z0-9]*)?")]
    Colons,
    /// `tcp/80`, `10.4.0.0/16`
    #[regex(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?(/([A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?)?)+")]
    Slashes,
    /// A word with letters that names may not hold. It starts with a letter, so that a line of dashes is not looked through again
    /// from each of them.
    #[regex(r"([A-Za-z0-9_][A-Za-z0-9_.\-]*)?[^\x00-\x7F]([A-Za-z0-9_.\-]|[^\x00-\x7F])*", priority = 1)]
    WideWord,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    String,
    #[regex(r#""([^"\\\n]|\\[^\n])*\\?"#, priority = 2)]
    OpenString,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token(";")]
    Semi,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token("=")]
    #[token("==")]
    Equal,
    #[token("!=")]
    NotEqual,
    #[token("=>")]
    FatArrow,
    #[token("->")]
    Arrow,
    #[token("|")]
    Pipe,
    #[token("&")]
    Ampersand,
    #[token("-")]
    Minus,
}

/// What the grammar sees. Literals carry no value: their text is read when the grammar knows what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tok {
    /// A word of the language.
    Word(Keyword),
    /// `radius` in front of `class`.
    Radius,
    /// A name of the user's.
    Name,
    /// A built-in set, but `gateway` and `multicast`.
    Set,
    /// `multicast`
    Multicast,
    /// A field of a flow.
    Field,
    /// `80`, `0x10`, `1-24`
    Number,
    /// `10.0.9.10`, `2001:db8:4::/48`
    Address,
    /// `02:00:00:00:00:11`
    Mac,
    /// `edge1:5`
    Port,
    /// `tcp`, `tcp/80`
    Service,
    /// `"…"`
    String,
    /// `{`
    LBrace,
    /// `}`
    RBrace,
    /// `(`
    LParen,
    /// `)`
    RParen,
    /// `;`
    Semi,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=>`
    FatArrow,
    /// `->`
    Arrow,
    /// `|`
    Pipe,
    /// `&`
    Ampersand,
    /// `-`
    Minus,
    /// Bad characters, already reported.
    Junk,
}

/// A token and its place. One that was put in where the text lacks it is empty: it starts where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub tok: Tok,
    /// First byte.
    pub start: usize,
    /// Byte behind the last.
    pub end: usize,
    /// True if it is the first on its line.
    pub starts_line: bool,
}

/// What a text consists of.
#[derive(Debug, Default)]
pub struct Lexed {
    /// Tokens in order.
    pub tokens: Vec<Token>,
    /// Comments in order.
    pub comments: Vec<Comment>,
    /// Bad characters.
    pub diagnostics: Findings,
}

/// Bytes of a token, with the blanks before it, in an ordinary text.
const USUAL_TOKEN: usize = 6;

/// Cuts a text into tokens. Total: every byte is in a token, in a comment, between tokens, or reported; but behind one word more than
/// [`MAX_WORDS`] nothing is looked at.
#[must_use]
pub fn lex(source: SourceId, text: &str) -> Lexed {
    let mut cutter = Cutter { source, text, out: Lexed::default(), last_end: 0, line: 0, seen: 0, quoted: None };
    cutter.out.tokens.reserve((text.len() / USUAL_TOKEN).min(MAX_WORDS));
    cutter.report_hidden();
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    cutter.last_end = bom;
    cutter.cut(bom, text.len());
    cutter.out
}

struct Cutter<'a> {
    source: SourceId,
    text: &'a str,
    out: Lexed,
    last_end: usize,
    /// Where the line starts that the last bad character was in, and how far the text has been looked through for it.
    line: usize,
    seen: usize,
    /// Where the line starts in which a single quote has been reported.
    quoted: Option<usize>,
}

impl Cutter<'_> {
    fn cut(&mut self, start: usize, end: usize) {
        let mut shapes = Shape::lexer(self.text.get(start..end).unwrap_or(""));
        while self.out.tokens.len() + self.out.comments.len() <= MAX_WORDS
            && let Some(shape) = shapes.next()
        {
            let range = shapes.span();
            self.take(shape.ok(), start + range.start, start + range.end);
        }
    }

    fn take(&mut self, shape: Option<Shape>, start: usize, end: usize) {
        let text = self.text.get(start..end).unwrap_or("");
        match shape {
            Some(Shape::Comment) => {
                let end = start + text.trim_end_matches('\r').len();
                let line = self.text.get(..start).unwrap_or("").rsplit('\n').next().unwrap_or("");
                let own_line = line.trim_start_matches('\u{feff}').trim().is_empty();
                self.out.comments.push(Comment { span: self.span(start, end), own_line });
            }
            Some(Shape::ForeignComment) => self.report_foreign(start, end),
            Some(Shape::Word) => self.push(word(text), start, end),
            Some(Shape::Colons) => self.push_colons(text, start, end),
            Some(Shape::Slashes) => self.push(slashes(text), start, end),
            Some(Shape::WideWord) => self.push_wide(text, start, end),
            Some(Shape::String) => self.push(Tok::String, start, end),
            Some(Shape::OpenString) => self.push_open_string(text, start, end),
            Some(shape) => self.push(punctuation(shape), start, end),
            None => self.push_junk(text, start, end),
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        span(self.source, start, end)
    }

    fn push(&mut self, tok: Tok, start: usize, end: usize) {
        let gap = self.text.get(self.last_end..start).unwrap_or("");
        let starts_line = self.out.tokens.is_empty() || gap.contains('\n');
        self.last_end = end;
        if let (Tok::Name, Some(last)) = (tok, self.out.tokens.last_mut()) {
            // `radius` is also a well-known service: only in front of `class` it makes a set.
            let radius = last.tok == Tok::Name && self.text.get(last.start..last.end) == Some("radius");
            if radius && self.text.get(start..end) == Some("class") {
                last.tok = Tok::Radius;
            }
        }
        self.out.tokens.push(Token { tok, start, end, starts_line });
    }

    /// `label:allow` is a label and a verdict; everything else with colons is a literal.
    fn push_colons(&mut self, text: &str, start: usize, end: usize) {
        if let Some((label, verdict)) = text.split_once(':')
            && keyword::row(verdict).is_some_and(|row| row.role == Role::Verdict)
        {
            let colon = start + label.len();
            self.push(word(label), start, colon);
            self.push(Tok::Colon, colon, colon + 1);
            self.push(word(verdict), colon + 1, end);
        } else {
            self.push(colons(text), start, end);
        }
    }

    /// What hides has been reported: it is read as a blank where it looks like one or stands at the edge of a word, and else as nothing,
    /// so that the word is what it seems to be.
    fn push_wide(&mut self, text: &str, start: usize, end: usize) {
        if text.contains(|c: char| c.is_whitespace()) || text.starts_with(hides) || text.ends_with(hides) {
            let mut at = start;
            for piece in text.split_inclusive(char::is_whitespace) {
                let from = at + piece.len() - piece.trim_start_matches(hides).len();
                self.cut(from, from + piece.trim_matches(hides).len());
                at += piece.len();
            }
            return;
        }
        let shown = shown(text);
        if shown.is_ascii() {
            // A number or an address would be read with what hides in it.
            let tok = Some(word(&shown)).filter(|tok| matches!(tok, Tok::Name | Tok::Word(_)));
            return self.push(tok.unwrap_or(Tok::Junk), start, end);
        }
        self.report_letters(text, start);
        // A name all the same, so that the statement can be read on; nothing can be declared under it twice or be missed.
        let is_name = shown.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        self.push(if is_name { Tok::Name } else { Tok::Junk }, start, end);
    }

    /// Reports the first letter of another alphabet.
    fn report_letters(&mut self, text: &str, start: usize) {
        let foreign = text.char_indices().find(|(_, c)| !c.is_ascii() && !hides(*c));
        if let Some((_, c)) = foreign.filter(|(at, c)| *at == 0 && phrasebook::is_arrow(*c)) {
            let found =
                Diagnostic::new(syntax::E0106, self.span(start, start + c.len_utf8()), format!("`{c}` has no meaning here"));
            self.out.diagnostics.push(found.maybe_help(phrasebook::sign(c, "", "")));
        } else if let Some((at, c)) = foreign {
            let message = format!("names are spelled in ASCII letters, and `{c}` (U+{:04X}) is none", u32::from(c));
            let at = start + at;
            let help = looks_like(c).map(|ascii| format!("it looks like `{ascii}`, but is another character"));
            let found = Diagnostic::new(syntax::E0107, self.span(at, at + c.len_utf8()), message).maybe_help(help);
            self.out.diagnostics.push(found);
        }
    }

    /// The string ends with the line; a `;` or `{` at the end of the line is taken for what it was meant to be.
    fn push_open_string(&mut self, text: &str, start: usize, end: usize) {
        let found = Diagnostic::new(syntax::E0105, self.span(start, start + 1), "this string has no closing quote on its line")
            .help("put a `\"` where the string ends");
        self.out.diagnostics.push(found);
        let line = text.trim_end();
        let tail = match line.as_bytes().last() {
            Some(b';') if line.len() > 1 => Some(Tok::Semi),
            Some(b'{') if line.len() > 1 => Some(Tok::LBrace),
            _ => None,
        };
        match tail {
            Some(tok) => {
                let at = start + line.len() - 1;
                self.push(Tok::String, start, at);
                self.push(tok, at, at + 1);
            }
            None => self.push(Tok::String, start, end),
        }
    }

    fn report_foreign(&mut self, start: usize, end: usize) {
        let mark = self.text.get(start..start + 2).unwrap_or("//");
        let message = format!("comments start with `#`, not with `{mark}`");
        self.out.diagnostics.push(Diagnostic::new(syntax::E0116, self.span(start, start + 2), message));
        if self.last_end == 0 && self.out.tokens.is_empty() {
            self.last_end = end;
        }
    }

    /// Neighbouring bad characters earn one report.
    fn push_junk(&mut self, text: &str, start: usize, end: usize) {
        let shown = text.chars().find(|c| !hides(*c));
        match self.out.tokens.last_mut() {
            Some(last) if last.tok == Tok::Junk && last.end == start => {
                last.end = end;
                self.last_end = end;
            }
            _ => {
                let line = self.line_of(start);
                let reported = shown == Some('\'') && self.quoted == Some(line);
                if let Some(c) = shown.filter(|_| !reported) {
                    let message = format!("`{c}` has no meaning here");
                    let help = phrasebook::sign(c, self.text.get(start..).unwrap_or(""), self.last_word());
                    let found = Diagnostic::new(syntax::E0106, self.span(start, end), message);
                    self.out.diagnostics.push(found.maybe_help(help));
                    self.quoted = (c == '\'').then_some(line).or(self.quoted);
                }
                self.push(Tok::Junk, start, end);
            }
        }
    }

    /// The last token's text.
    fn last_word(&self) -> &str {
        self.out.tokens.last().and_then(|last| self.text.get(last.start..last.end)).unwrap_or("")
    }

    /// Where the line starts that a place is in, which is behind all that were asked about.
    fn line_of(&mut self, start: usize) -> usize {
        let passed = self.text.get(self.seen..start).and_then(|passed| passed.rfind('\n'));
        self.line = passed.map_or(self.line, |newline| self.seen + newline + 1);
        self.seen = start;
        self.line
    }

    /// Reports characters that make a text mean something else than what is seen, wherever they stand.
    fn report_hidden(&mut self) {
        for (at, c) in self.text.char_indices().filter(|(at, c)| !(*at == 0 && *c == '\u{feff}')) {
            let Some(name) = hidden_name(c) else { continue };
            let help = match c.is_whitespace() && !c.is_control() {
                true => "write a space of ASCII for it",
                false => "remove it: the text does not mean what it seems to",
            };
            let message = format!("{name} (U+{:04X}) at byte {at}", u32::from(c));
            self.out.diagnostics.push(Diagnostic::new(syntax::E0108, self.span(at, at + c.len_utf8()), message).help(help));
        }
        self.report_lone_return();
    }

    /// Editors show a carriage return alone as a line end, and a comment would go on behind it. The first one is reported: a text
    /// from an old system is full of them.
    fn report_lone_return(&mut self) {
        let bytes = self.text.as_bytes();
        let mut lone = (0..bytes.len()).filter(|at| bytes.get(*at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n'));
        if let Some(at) = lone.next() {
            let more = match lone.count() {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            let message = format!("a carriage return (U+000D) without a line feed at byte {at}{more}");
            let found = Diagnostic::new(syntax::E0108, self.span(at, at + 1), message).help("write LF or CRLF line ends");
            self.out.diagnostics.push(found);
        }
    }
}

/// A span of bytes of one text; texts are far below 4 GiB.
#[must_use]
pub fn span(source: SourceId, start: usize, end: usize) -> Span {
    Span { source, start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
}

/// The sort of a word of letters, digits, `.`, `-` and `_`.
fn word(text: &str) -> Tok {
    let bytes = text.as_bytes();
    if bytes.first().is_some_and(u8::is_ascii_digit) {
        let only = |more: &[u8]| bytes.iter().all(|b| b.is_ascii_digit() || more.contains(b));
        if only(b"-") && !is_dashed_mac(text) {
            return Tok::Number;
        }
        if only(b".-") && !is_dashed_mac(text) {
            return Tok::Address;
        }
        if text.strip_prefix("0x").is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Tok::Number;
        }
    }
    if is_dashed_mac(text) {
        return Tok::Mac;
    }
    match keyword::row(text) {
        Some(row) => Tok::Word(row.keyword),
        None if text == "multicast" => Tok::Multicast,
        None if builtin::set(text).is_some() => Tok::Set,
        None if builtin::protocol(text).is_some() => Tok::Service,
        None if keyword::field(text).is_some() => Tok::Field,
        None => Tok::Name,
    }
}

/// `02-00-00-00-00-01`
fn is_dashed_mac(text: &str) -> bool {
    text.len() == 17 && text.split('-').count() == 6 && text.split('-').all(|pair| pair.len() == 2 && is_hex(pair))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The sort of a word with colons.
fn colons(text: &str) -> Tok {
    let groups = text.split(':').count();
    // One with a wrong letter is no address of another sort.
    let pairs = text.split(':').all(|group| (1..=2).contains(&group.len()));
    match groups {
        2 => Tok::Port,
        8 => Tok::Address,
        _ if pairs => Tok::Mac,
        _ => Tok::Address,
    }
}

/// The sort of a word with slashes.
fn slashes(text: &str) -> Tok {
    let before = text.split('/').next().unwrap_or("");
    if before.bytes().all(|b| b.is_ascii_digit() || b == b'.') { Tok::Address } else { Tok::Service }
}

fn punctuation(shape: Shape) -> Tok {
    match shape {
        Shape::LBrace => Tok::LBrace,
        Shape::RBrace => Tok::RBrace,
        Shape::LParen => Tok::LParen,
        Shape::RParen => Tok::RParen,
        Shape::Semi => Tok::Semi,
        Shape::Comma => Tok::Comma,
        Shape::Colon => Tok::Colon,
        Shape::Equal => Tok::Equal,
        Shape::NotEqual => Tok::NotEqual,
        Shape::FatArrow => Tok::FatArrow,
        Shape::Arrow => Tok::Arrow,
        Shape::Pipe => Tok::Pipe,
        Shape::Ampersand => Tok::Ampersand,
        Shape::Minus => Tok::Minus,
        Shape::Comment
        | Shape::ForeignComment
        | Shape::Word
        | Shape::Colons
        | Shape::Slashes
        | Shape::WideWord
        | Shape::String
        | Shape::OpenString => Tok::Junk,
    }
}

/// The ASCII letter that a letter of another alphabet is mostly mistaken for (Unicode UTS #39, the common ones).
fn looks_like(c: char) -> Option<char> {
    const ALIKE: &[(&str, char)] = &[
        ("\u{430}\u{3b1}\u{251}", 'a'),
        ("\u{441}\u{3f2}", 'c'),
        ("\u{501}", 'd'),
        ("\u{435}", 'e'),
        ("\u{4bb}", 'h'),
        ("\u{456}\u{3b9}\u{131}", 'i'),
        ("\u{458}", 'j'),
        ("\u{43a}\u{3ba}", 'k'),
        ("\u{4cf}", 'l'),
        ("\u{43e}\u{3bf}\u{3c3}", 'o'),
        ("\u{440}\u{3c1}", 'p'),
        ("\u{455}", 's'),
        ("\u{3c5}", 'u'),
        ("\u{3bd}", 'v'),
        ("\u{445}\u{3c7}", 'x'),
        ("\u{443}\u{3b3}", 'y'),
        ("\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}", '-'),
        ("\u{201c}\u{201d}\u{201e}", '"'),
    ];
    ALIKE.iter().find(|(letters, _)| letters.contains(c)).map(|(_, ascii)| *ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(text: &str) -> Vec<Tok> {
        lex(SourceId(0), text).tokens.iter().map(|token| token.tok).collect()
    }

    #[test]
    fn shapes_are_told_apart() {
        for name in ["griffin", "http-server", "wap1", "8021x-printers", "jane.doe", "50mbps", "_x", "10.0.9.x", "radius"] {
            assert_eq!(toks(name), [Tok::Name], "{name}");
        }
        for number in ["80", "0x10", "1-24", "2026-01-31"] {
            assert_eq!(toks(number), [Tok::Number], "{number}");
        }
        for address in ["10.0.9.10", "10.4.0.0/16", "10.0.0.0/", "2001:db8:4::/48", "::/0", "::1", "fe80::", "1:2:3:4:5:6:7:8"] {
            assert_eq!(toks(address), [Tok::Address], "{address}");
        }
        for mac in ["02:00:00:00:00:11", "AA:bb:CC:dd:EE:ff", "02-00-00-00-00-11", "aa-bb-cc-dd-ee-ff", "02:00:00:00:00"] {
            assert_eq!(toks(mac), [Tok::Mac], "{mac}");
        }
        for service in ["tcp", "tcp/80", "tcp/8000-8080", "icmp/3/1", "ip/89", "tpc/80"] {
            assert_eq!(toks(service), [Tok::Service], "{service}");
        }
        assert_eq!(toks("edge1:5"), [Tok::Port]);
        assert_eq!(toks("no-such-edge:0x5"), [Tok::Port]);
    }

    #[test]
    fn labels_arrows_and_differences_need_no_blanks_or_need_them() {
        let label = [Tok::Name, Tok::Colon, Tok::Word(Keyword::Allow)];
        assert_eq!(toks("guest-web: allow"), label);
        assert_eq!(toks("guest-web:allow"), label);
        assert_eq!(toks("internet->roo"), [Tok::Set, Tok::Arrow, Tok::Name]);
        assert_eq!(toks("a - b"), [Tok::Name, Tok::Minus, Tok::Name]);
        assert_eq!(toks("a-b"), [Tok::Name]);
        assert_eq!(toks("user radius class \"x\""), [Tok::Word(Keyword::User), Tok::Radius, Tok::Name, Tok::String]);
    }

    #[test]
    fn words_are_what_they_seem_to_be_whatever_hides_in_them() {
        assert_eq!(toks("user\u{a0}bob\u{3000};"), [Tok::Word(Keyword::User), Tok::Name, Tok::Semi]);
        assert_eq!(toks("a\u{a0}-\u{202f}b"), [Tok::Name, Tok::Minus, Tok::Name]);
        assert_eq!(toks("al\u{200b}low bo\u{34f}b\u{3164}"), [Tok::Word(Keyword::Allow), Tok::Name]);
        assert_eq!(toks("8\u{200b}0 \u{2800}"), [Tok::Junk]);
        for text in ["\u{a0}", "b\u{a0}\u{200b}", "\u{200b}user\u{200b} b\u{200b}ob", "1\u{2000}.\u{ad}2"] {
            let hidden = text.chars().filter(|c| hides(*c)).count();
            let found = lex(SourceId(0), text).diagnostics;
            assert_eq!(found.kept().iter().filter(|found| found.code == syntax::E0108).count(), hidden, "{text:?}");
        }
    }

    #[test]
    fn line_starts_and_comments_are_known() {
        let lexed = lex(SourceId(0), "\u{feff}# one\r\nuser bob; # two\r\n");
        assert!(lexed.diagnostics.kept().is_empty());
        let starts: Vec<bool> = lexed.tokens.iter().map(|token| token.starts_line).collect();
        assert_eq!(starts, [true, false, false]);
        let own: Vec<bool> = lexed.comments.iter().map(|comment| comment.own_line).collect();
        assert_eq!(own, [true, false]);
        assert_eq!(lexed.comments[0].span.range(), 3..8);
    }

    #[test]
    fn an_open_string_keeps_what_ends_the_statement() {
        assert_eq!(toks("include \"a.pol;\nuser b;")[..3], [Tok::Word(Keyword::Include), Tok::String, Tok::Semi]);
        assert_eq!(toks("\""), [Tok::String]);
        assert_eq!(toks("\"a\\"), [Tok::String]);
        assert_eq!(lex(SourceId(0), "test \"x {\n").diagnostics.total(), 1);
    }
}
