//! Cuts the tokens of a file into statements before any grammar sees them, and puts in each `;` and `}` that is missing, so that
//! a mistake never reaches into the next statement. Knows the heads of statements, not their insides.

use crate::codes::syntax;
use crate::diag::{Diagnostic, Findings};
use crate::keyword::{self, Keyword, Role};
use crate::lexer::{Tok, Token, span};
use crate::source::{SourceId, Span};

use super::MAX_DEPTH;

/// One statement.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Its tokens, those included that were put in; it ends in `;` or `}`.
    pub(super) tokens: Vec<Token>,
    /// What was put in.
    pub(super) missing: Vec<Missing>,
    /// What is to be done with it.
    pub(super) sort: Sort,
    /// The name that it declares or carries, as far as can be told.
    pub(super) name: Option<Token>,
}

/// Something that was put in.
#[derive(Debug)]
pub(super) struct Missing {
    /// Where: at this byte.
    pub(super) at: usize,
    /// The report.
    pub(super) found: Diagnostic,
    /// True if it explains what the grammar finds wrong at the same place; false if the grammar knows better.
    pub(super) always: bool,
}

/// What is to be done with a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sort {
    /// Parse it.
    Statement,
    /// It starts with this word, which is kept for later.
    Reserved(Token),
    /// Leave it: it nests too deep, which has been reported.
    TooDeep,
}

/// Cuts statement after statement off.
#[derive(Debug)]
pub(super) struct Mender<'t> {
    source: SourceId,
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    /// What is wrong between statements.
    pub(super) diagnostics: Findings,
}

/// How the head of a statement says that it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// To the next `;`.
    Simple,
    /// To the `}` of its block, whose lines end in `;`.
    Block {
        /// True if the lines are cases of a test.
        test: bool,
    },
}

impl Chunk {
    /// From its first token to its last.
    pub(super) fn span(&self, source: SourceId) -> Span {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => span(source, first.start, last.end),
            _ => span(source, 0, 0),
        }
    }
}

impl<'t> Mender<'t> {
    pub(super) fn new(source: SourceId, text: &'t str, tokens: &'t [Token]) -> Self {
        Mender { source, text, tokens, at: 0, diagnostics: Findings::default() }
    }

    /// The next statement; nothing at the end of the file. Each call takes at least one token.
    pub(super) fn next_chunk(&mut self) -> Option<Chunk> {
        self.skip_between();
        self.tokens.get(self.at)?;
        let labelled = self.tok(self.at) == Some(Tok::Name) && self.tok(self.at + 1) == Some(Tok::Colon);
        let head = if labelled { self.at + 2 } else { self.at };
        let mut chunk = Chunk { tokens: Vec::new(), missing: Vec::new(), sort: Sort::Statement, name: self.name(labelled) };
        match (self.tok(head), self.tokens.get(head)) {
            (Some(Tok::Reserved), Some(word)) => {
                chunk.sort = Sort::Reserved(*word);
                self.take_reserved(&mut chunk, head);
            }
            (Some(tok), _) => match form(tok, labelled) {
                Form::Simple => self.take_simple(&mut chunk),
                Form::Block { test } => self.take_block(&mut chunk, test),
            },
            (None, _) => self.take_simple(&mut chunk),
        }
        self.check_depth(&mut chunk);
        Some(chunk)
    }

    fn tok(&self, at: usize) -> Option<Tok> {
        self.tokens.get(at).map(|token| token.tok)
    }

    /// Skips empty statements, and reports a `}` that closes nothing.
    fn skip_between(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.tok {
                Tok::Semi => {}
                Tok::RBrace => {
                    let place = span(self.source, token.start, token.end);
                    self.diagnostics.push(Diagnostic::new(syntax::E0104, place, "this `}` closes nothing"));
                }
                _ => return,
            }
            self.at += 1;
        }
    }

    fn name(&self, labelled: bool) -> Option<Token> {
        let at = if labelled { self.at } else { self.at + 1 };
        let declares = match self.tok(self.at)? {
            Tok::Word(word) => keyword::KEYWORDS.iter().any(|row| row.keyword == Some(word) && row.role == Role::Statement),
            Tok::Reserved => true,
            _ => labelled,
        };
        self.tokens.get(at).copied().filter(|token| declares && token.tok == Tok::Name)
    }

    fn push(&mut self, chunk: &mut Chunk) {
        chunk.tokens.extend(self.tokens.get(self.at));
        self.at += 1;
    }

    /// Puts a token in behind the last one.
    fn put_in(chunk: &mut Chunk, tok: Tok) -> usize {
        let at = chunk.tokens.last().map_or(0, |last| last.end);
        chunk.tokens.push(Token { tok, start: at, end: at, starts_line: false });
        at
    }

    /// Puts in a missing `;`.
    fn put_in_semi(&self, chunk: &mut Chunk) {
        let at = Self::put_in(chunk, Tok::Semi);
        let found = Diagnostic::new(syntax::E0102, span(self.source, at, at), "a `;` is missing here");
        chunk.missing.push(Missing { at, found, always: false });
    }

    /// Puts in a missing `}`, and a `;` before it if the last line has none.
    fn put_in_brace(&self, chunk: &mut Chunk, open: Token) {
        if !matches!(chunk.tokens.last().map(|last| last.tok), Some(Tok::Semi | Tok::LBrace | Tok::RBrace)) {
            Self::put_in(chunk, Tok::Semi);
        }
        let at = Self::put_in(chunk, Tok::RBrace);
        let mut found = Diagnostic::new(syntax::E0103, span(self.source, open.start, open.end), "this `{` is never closed");
        found = match self.tokens.get(self.at) {
            Some(next) => found.related(span(self.source, next.start, next.end), "the next statement starts here"),
            None => found.help("the file ends before its `}`; was it cut off?"),
        };
        chunk.missing.push(Missing { at, found, always: true });
    }

    /// Takes all up to the `;`.
    fn take_simple(&mut self, chunk: &mut Chunk) {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(tok) = self.tok(self.at) {
            match tok {
                Tok::Semi => return self.push(chunk),
                Tok::RBrace if depth == 0 => break,
                Tok::RBrace => depth -= 1,
                Tok::LBrace => depth += 1,
                _ => {}
            }
            if self.at > start && (self.starts_statement(self.at) || self.starts_user(self.at)) {
                break;
            }
            self.push(chunk);
        }
        self.put_in_semi(chunk);
    }

    /// True if a line says `user NAME` and nothing else, where a statement can have ended: no rule goes on so, though a flow may.
    fn starts_user(&self, at: usize) -> bool {
        let line_at = |at: usize| self.tokens.get(at).is_none_or(|token| token.starts_line);
        let ended = at.checked_sub(1).and_then(|before| self.tok(before)).is_some_and(can_end);
        let user = self.tok(at) == Some(Tok::Word(Keyword::User)) && self.tok(at + 1) == Some(Tok::Name);
        user && ended && line_at(at) && !line_at(at + 1) && line_at(at + 2)
    }

    /// Takes all up to the `}` of the block.
    fn take_block(&mut self, chunk: &mut Chunk, test: bool) {
        let start = self.at;
        while let Some(tok) = self.tok(self.at) {
            match tok {
                Tok::LBrace => return self.take_body(chunk, test),
                Tok::Semi if !self.goes_on_as_block(self.at + 1) => return self.push(chunk),
                Tok::Semi => return self.take_lines(chunk),
                Tok::RBrace => break,
                _ if self.at > start && self.starts_statement(self.at) => break,
                _ => self.push(chunk),
            }
        }
        self.put_in_semi(chunk);
    }

    /// True if a line of a block follows although none was opened.
    fn goes_on_as_block(&self, at: usize) -> bool {
        matches!(self.tok(at), Some(Tok::Word(word)) if starts_line_of_block(word)) || self.tok(at) == Some(Tok::RBrace)
    }

    /// Takes the lines of a block that was never opened, so that its one mistake is reported once.
    fn take_lines(&mut self, chunk: &mut Chunk) {
        while let Some(tok) = self.tok(self.at) {
            if self.starts_statement(self.at) {
                break;
            }
            self.push(chunk);
            if tok == Tok::RBrace {
                break;
            }
        }
    }

    /// Takes the block from its `{` on.
    fn take_body(&mut self, chunk: &mut Chunk, test: bool) {
        let open = self.tokens.get(self.at).copied();
        let mut depth = 0_usize;
        let (mut arrow, mut decided) = (false, false);
        while let Some(token) = self.tokens.get(self.at) {
            let outer = depth == 1;
            let in_case = test && Self::goes_on_as_case(chunk, *token, arrow && !decided);
            match token.tok {
                Tok::RBrace if outer => {
                    let last = chunk.tokens.last().map(|last| last.tok);
                    if !matches!(last, Some(Tok::Semi | Tok::LBrace)) {
                        self.put_in_semi(chunk);
                    }
                    return self.push(chunk);
                }
                Tok::RBrace => depth -= 1,
                Tok::LBrace => depth += 1,
                Tok::Arrow => arrow = true,
                Tok::FatArrow => decided = true,
                Tok::Semi => {
                    (arrow, decided) = (false, false);
                    // An empty line of a block says nothing.
                    if outer && matches!(chunk.tokens.last().map(|last| last.tok), Some(Tok::Semi | Tok::LBrace)) {
                        self.at += 1;
                        continue;
                    }
                }
                _ if outer && !in_case && self.starts_statement(self.at) => break,
                _ if outer && self.starts_line(chunk, *token, test, decided) => {
                    (arrow, decided) = (false, false);
                    self.put_in_semi(chunk);
                }
                _ => {}
            }
            self.push(chunk);
        }
        if let Some(open) = open {
            self.put_in_brace(chunk, open);
        }
    }

    /// True if the case of a test that is not finished surely goes on: within its line, or where the flow still lacks its verdict.
    fn goes_on_as_case(chunk: &Chunk, token: Token, lacks_verdict: bool) -> bool {
        let begun = !matches!(chunk.tokens.last().map(|last| last.tok), Some(Tok::Semi | Tok::LBrace));
        let verdict = matches!(token.tok, Tok::Word(Keyword::Allow | Keyword::Deny | Keyword::OutboundOnly));
        begun && (!token.starts_line || lacks_verdict && verdict)
    }

    /// True if a line of a block starts here although the last one has no `;`.
    fn starts_line(&self, chunk: &Chunk, token: Token, test: bool, decided: bool) -> bool {
        if !chunk.tokens.last().is_some_and(|last| can_end(last.tok)) {
            return false;
        }
        match token.tok {
            Tok::Word(Keyword::Via | Keyword::By) | Tok::Comma | Tok::Arrow => false,
            Tok::Word(word) if !test => starts_line_of_block(word),
            _ => test && decided && token.starts_line,
        }
    }

    /// Takes a statement that this version does not carry out: to its `;`, or to the `}` of its block.
    fn take_reserved(&mut self, chunk: &mut Chunk, head: usize) {
        let mut open = None;
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            match token.tok {
                Tok::Semi if depth == 0 => return self.push(chunk),
                Tok::RBrace if depth == 0 => break,
                Tok::RBrace if depth == 1 => return self.push(chunk),
                Tok::RBrace => depth -= 1,
                Tok::LBrace => {
                    depth += 1;
                    open = open.or(Some(*token));
                }
                // `audit deny …` is one statement.
                _ if depth == 0
                    && (self.at > head + 1 || self.at > head && token.starts_line)
                    && self.starts_statement(self.at) =>
                {
                    break;
                }
                _ => {}
            }
            self.push(chunk);
        }
        match open {
            Some(open) => self.put_in_brace(chunk, open),
            None => self.put_in_semi(chunk),
        }
    }

    /// True if a statement surely starts here, whatever stands before.
    fn starts_statement(&self, at: usize) -> bool {
        let (Some(token), Some(before)) = (self.tokens.get(at), at.checked_sub(1).and_then(|at| self.tok(at))) else {
            return false;
        };
        let ended = can_end(before) || matches!(before, Tok::Semi | Tok::LBrace | Tok::RBrace);
        let (next, after) = (self.tok(at + 1), self.tok(at + 2));
        let named = matches!(next, Some(Tok::Name | Tok::Reserved | Tok::Word(_) | Tok::Field | Tok::Set));
        let begins = match token.tok {
            Tok::Word(word) => match word {
                Keyword::Allow | Keyword::Deny | Keyword::OutboundOnly => {
                    return !matches!(before, Tok::FatArrow | Tok::Colon | Tok::Word(Keyword::Default))
                        && (token.starts_line || ended);
                }
                Keyword::Include | Keyword::Test => next == Some(Tok::String),
                Keyword::Default => matches!(next, Some(Tok::Reserved | Tok::Word(Keyword::Allow | Keyword::Deny))),
                Keyword::Switch | Keyword::Host | Keyword::Gateway | Keyword::Middlebox => named && after == Some(Tok::LBrace),
                Keyword::Setting | Keyword::Group | Keyword::Network | Keyword::Service | Keyword::Location => {
                    named && after == Some(Tok::Equal)
                }
                Keyword::User => return named && after == Some(Tok::Semi) && token.starts_line && ended,
                _ => false,
            },
            Tok::Name => {
                let verdict =
                    matches!(after, Some(Tok::Word(Keyword::Allow | Keyword::Deny | Keyword::OutboundOnly) | Tok::Reserved));
                return next == Some(Tok::Colon) && verdict && token.starts_line && ended;
            }
            Tok::Reserved => {
                let word = self.text.get(token.start..token.end).unwrap_or("");
                let role = keyword::row(word).map(|row| row.role);
                return matches!(role, Some(Role::Statement | Role::Verdict)) && token.starts_line && ended;
            }
            _ => false,
        };
        begins && (token.starts_line || ended)
    }

    fn check_depth(&mut self, chunk: &mut Chunk) {
        let mut depth = 0_usize;
        for token in &chunk.tokens {
            match token.tok {
                Tok::LParen | Tok::LBrace => depth += 1,
                Tok::RParen | Tok::RBrace => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                let message = format!("this is nested more than {MAX_DEPTH} deep");
                self.diagnostics.push(Diagnostic::new(syntax::E0113, span(self.source, token.start, token.end), message));
                chunk.sort = Sort::TooDeep;
                return;
            }
        }
    }
}

/// How a statement with this head goes on. What no statement starts with may be a misspelled block.
fn form(head: Tok, labelled: bool) -> Form {
    match head {
        _ if labelled => Form::Simple,
        Tok::Word(Keyword::Test) => Form::Block { test: true },
        Tok::Word(
            Keyword::Include
            | Keyword::Location
            | Keyword::User
            | Keyword::Group
            | Keyword::Network
            | Keyword::Service
            | Keyword::Default
            | Keyword::Setting
            | Keyword::Allow
            | Keyword::Deny
            | Keyword::OutboundOnly,
        ) => Form::Simple,
        _ => Form::Block { test: false },
    }
}

/// True for the words that lines of blocks start with.
fn starts_line_of_block(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::Dpid | Keyword::Access | Keyword::Uplink | Keyword::Mac | Keyword::Ip | Keyword::At | Keyword::In | Keyword::Out
    )
}

/// True if a statement or a line of a block can end in this token.
fn can_end(tok: Tok) -> bool {
    match tok {
        Tok::Name
        | Tok::Set
        | Tok::Multicast
        | Tok::Number
        | Tok::Address
        | Tok::Mac
        | Tok::Port
        | Tok::Service
        | Tok::String
        | Tok::RParen
        | Tok::RBrace
        | Tok::Reserved
        | Tok::Junk => true,
        Tok::Word(word) => matches!(
            word,
            Keyword::Log | Keyword::Gateway | Keyword::Allow | Keyword::Deny | Keyword::OutboundOnly | Keyword::Default
        ),
        Tok::Field
        | Tok::LBrace
        | Tok::LParen
        | Tok::Semi
        | Tok::Comma
        | Tok::Colon
        | Tok::Equal
        | Tok::NotEqual
        | Tok::FatArrow
        | Tok::Arrow
        | Tok::Pipe
        | Tok::Ampersand
        | Tok::Minus => false,
    }
}
