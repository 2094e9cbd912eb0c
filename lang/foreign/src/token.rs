//! Pol-Eth and SEPL cut into tokens: words, numbers, strings and signs are the same in both but for strings. Knows nothing of
//! grammar.

use logos::Logos;

use crate::Problem;
use crate::place::{Lines, Place, excerpt};

/// Whose text it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Strings hold names and end where those do, closing quote or not: the sample that was printed lacks one.
    #[default]
    PolEth,
    /// Strings are those of Python.
    Python,
}

/// A sort of token.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(skip r"[ \t\r\f]+")]
#[logos(skip r"\\[ \t]*\r?\n")]
#[logos(extras = Dialect)]
pub(crate) enum Tok {
    #[token("\n")]
    Newline,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    /// `hsrc`, `outbound-only`
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z_][A-Za-z0-9_]*)*")]
    Word,
    /// `80`, `0x0800`, `80L`
    #[regex(r"[0-9][A-Za-z0-9_]*")]
    Number,
    /// A string; false if its closing quote is missing.
    #[regex(r#"[uU]?["']"#, string)]
    Str(bool),
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token(",")]
    Comma,
    #[token(";")]
    Semi,
    #[token(":")]
    Colon,
    #[token("=")]
    Equal,
    #[token("<=")]
    Rule,
    #[token("^")]
    Caret,
    #[token("|")]
    Pipe,
    #[token("~")]
    Tilde,
    #[token(".")]
    Dot,
    #[token("*")]
    Star,
    #[token("%%")]
    Split,
    /// A sign that neither language has a use for here.
    #[regex(r"[!<>+\-/&@{}%$?`\\]=?")]
    #[token("==")]
    Sign,
    /// The end of the text.
    End,
}

/// A token, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A text in tokens.
pub(crate) struct Tokens<'t> {
    text: &'t str,
    lines: Lines<'t>,
    all: Vec<Token>,
    next: usize,
}

/// Takes the rest of a string behind its opening quote.
fn string(lexer: &mut logos::Lexer<'_, Tok>) -> bool {
    let quote = lexer.slice().chars().next_back().unwrap_or('"');
    let rest = lexer.remainder();
    let (length, closed) = match lexer.extras {
        Dialect::PolEth => names(rest, quote),
        Dialect::Python => python(rest, quote),
    };
    lexer.bump(length);
    closed
}

/// How long a string of names is, its closing quote included.
fn names(rest: &str, quote: char) -> (usize, bool) {
    let end = rest.find([quote, '\n', '(', ')', '[', ']', ',', ';', '^', ':', '=']);
    match end {
        Some(end) if rest.get(end..).is_some_and(|tail| tail.starts_with(quote)) => (end + quote.len_utf8(), true),
        Some(end) => (end, false),
        None => (rest.len(), false),
    }
}

/// How long a string of Python is, its closing quote included.
fn python(rest: &str, quote: char) -> (usize, bool) {
    let pair: String = std::iter::repeat_n(quote, 2).collect();
    let long = rest.starts_with(&pair);
    let closing = if long { format!("{pair}{quote}") } else { quote.to_string() };
    let mut at = if long { 2 } else { 0 };
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with(&closing) {
            return (at + closing.len(), true);
        }
        let escaped = usize::from(tail.starts_with('\\'));
        let first = tail.chars().nth(escaped).or_else(|| tail.chars().next()).unwrap_or(quote);
        if first == '\n' && !long && escaped == 0 {
            return (at, false);
        }
        at += escaped + if escaped == 1 && tail.chars().count() == 1 { 0 } else { first.len_utf8() };
    }
    (rest.len(), false)
}

impl<'t> Tokens<'t> {
    /// Cuts a text; characters that are nothing are problems.
    pub(crate) fn new(text: &'t str, dialect: Dialect, problems: &mut Vec<Problem>) -> Self {
        let lines = Lines::new(text);
        let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut lexer = Tok::lexer_with_extras(text.get(bom..).unwrap_or(""), dialect);
        let mut all = Vec::new();
        let mut junk: Option<usize> = None;
        while let Some(tok) = lexer.next() {
            let span = lexer.span();
            let (start, end) = (span.start + bom, span.end + bom);
            match tok {
                Ok(tok) => all.push(Token { tok, start, end }),
                // Neighbours earn one report.
                Err(()) if junk == Some(start) => {}
                Err(()) => {
                    let message = format!("`{}` has no meaning here", excerpt(text.get(start..end).unwrap_or("")));
                    problems.push(Problem::new(lines.place(start), message));
                }
            }
            junk = tok.is_err().then_some(end);
        }
        all.push(Token { tok: Tok::End, start: text.len(), end: text.len() });
        Tokens { text, lines, all, next: 0 }
    }

    pub(crate) fn peek(&self) -> Token {
        let end = Token { tok: Tok::End, start: self.text.len(), end: self.text.len() };
        self.all.get(self.next).copied().unwrap_or(end)
    }

    /// The token behind the next one.
    pub(crate) fn peek_second(&self) -> Tok {
        self.all.get(self.next + 1).map_or(Tok::End, |token| token.tok)
    }

    pub(crate) fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.tok != Tok::End {
            self.next += 1;
        }
        token
    }

    /// Takes the next token if it is this.
    pub(crate) fn take(&mut self, tok: Tok) -> Option<Token> {
        (self.peek().tok == tok).then(|| self.bump())
    }

    pub(crate) fn text(&self, token: Token) -> &'t str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    pub(crate) fn place(&self, token: Token) -> Place {
        self.lines.place(token.start)
    }

    /// Where the token that was taken last ends.
    pub(crate) fn place_behind(&self) -> Place {
        let last = self.next.checked_sub(1).and_then(|last| self.all.get(last));
        self.lines.place(last.map_or(0, |token| token.end))
    }

    /// The text from the start of a token to the end of the one that was taken last.
    pub(crate) fn since(&self, first: Token) -> String {
        let last = self.next.checked_sub(1).and_then(|last| self.all.get(last)).map_or(first.end, |token| token.end);
        excerpt(self.text.get(first.start..last).unwrap_or(""))
    }

    /// The next token in words, for messages.
    pub(crate) fn found(&self) -> String {
        match self.peek().tok {
            Tok::End => "the end of the file".to_owned(),
            Tok::Newline => "the end of the line".to_owned(),
            _ => format!("`{}`", excerpt(self.text(self.peek()))),
        }
    }
}

/// What a string says, without its quotes and with its escapes read; Python's bytes above 127 are read as Latin-1.
pub(crate) fn unquoted(written: &str) -> String {
    let written = written.trim_start_matches(['u', 'U']);
    let Some(quote) = written.chars().next() else { return String::new() };
    let long: String = std::iter::repeat_n(quote, 3).collect();
    let mark = if written.starts_with(&long) && written.len() >= 6 { long } else { quote.to_string() };
    let inner = written.strip_prefix(&mark).unwrap_or(written);
    let inner = inner.strip_suffix(&mark).unwrap_or(inner);
    let mut said = String::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            said.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => said.push('\n'),
            Some('t') => said.push('\t'),
            Some('r') => said.push('\r'),
            Some('\n') | None => {}
            Some('x') => {
                let digits: String = rest.clone().take(2).collect();
                match u8::from_str_radix(&digits, 16) {
                    Ok(byte) if digits.len() == 2 => {
                        said.push(char::from(byte));
                        rest.nth(1);
                    }
                    _ => said.push_str("\\x"),
                }
            }
            Some(other @ ('\\' | '\'' | '"')) => said.push(other),
            Some(other) => {
                said.push('\\');
                said.push(other);
            }
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, dialect: Dialect) -> (Vec<(Tok, String)>, Vec<Problem>) {
        let mut problems = Vec::new();
        let tokens = Tokens::new(text, dialect, &mut problems);
        (tokens.all.iter().map(|token| (token.tok, tokens.text(*token).to_owned())).collect(), problems)
    }

    fn words(text: &str, dialect: Dialect) -> Vec<String> {
        cut(text, dialect).0.into_iter().map(|(_, text)| text).filter(|text| !text.is_empty()).collect()
    }

    #[test]
    fn both_languages_are_cut_into_their_tokens() {
        let printed = words("[(hsrc=in(\"a\"))^(protocol=\"http)] : outbound-only; %% # x", Dialect::PolEth);
        let wanted = [
            "[",
            "(",
            "hsrc",
            "=",
            "in",
            "(",
            "\"a\"",
            ")",
            ")",
            "^",
            "(",
            "protocol",
            "=",
            "\"http",
            ")",
            "]",
            ":",
            "outbound-only",
            ";",
            "%%",
            "# x",
        ];
        assert_eq!(printed, wanted);
        let (sepl, problems) = cut("allow() <= ~tpdst(0x50L) ^ u'a\\'b' \\\n | \"\"\"c\nd\"\"\"", Dialect::Python);
        assert!(problems.is_empty());
        assert_eq!(sepl.iter().filter(|(tok, _)| matches!(tok, Tok::Str(true))).count(), 2, "{sepl:?}");
        assert!(!sepl.iter().any(|(tok, _)| *tok == Tok::Newline), "a line that goes on has no end: {sepl:?}");
    }

    #[test]
    fn a_string_that_is_not_closed_ends_with_its_line_or_name() {
        let (printed, _) = cut("(protocol=\"http)", Dialect::PolEth);
        assert!(printed.contains(&(Tok::Str(false), "\"http".to_owned())), "{printed:?}");
        let (sepl, _) = cut("hsrc('a)\nallow()", Dialect::Python);
        assert!(
            sepl.contains(&(Tok::Str(false), "'a)".to_owned())) && sepl.contains(&(Tok::Newline, "\n".to_owned())),
            "{sepl:?}"
        );
    }

    #[test]
    fn junk_is_reported_once_where_it_starts() {
        let (_, problems) = cut("a §§ b", Dialect::Python);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].place, Place { line: 1, column: 3 });
    }

    #[test]
    fn escapes_are_those_of_python() {
        assert_eq!(unquoted("'a\\'b\\\\c\\x41\\n\\q'"), "a'b\\cA\n\\q");
        assert_eq!(unquoted("u\"\"\"a\"b\"\"\""), "a\"b");
        assert_eq!(unquoted("\"http"), "http");
        assert_eq!(unquoted("''"), "");
    }

    #[test]
    fn any_text_is_cut_to_its_end() {
        for text in ["'", "'\\", "\"\"\"", "u'", "'''a", "\\", "a-", "%", "0x", "\u{feff}a"] {
            for dialect in [Dialect::PolEth, Dialect::Python] {
                let (tokens, _) = cut(text, dialect);
                assert_eq!(tokens.last().map(|(tok, _)| *tok), Some(Tok::End), "{text:?}");
            }
        }
    }
}
