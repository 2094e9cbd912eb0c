//! Cuts the tokens of a file into statements before any grammar sees them, and puts in each `;` and `}` that is missing, so that
//! a mistake never reaches into the next statement. Knows the heads of statements, not their insides.

use crate::codes::syntax;
use crate::diag::{Diagnostic, Findings};
use crate::keyword::{self, Keyword, Role};
use crate::lexer::{Tok, Token, span};
use crate::source::{SourceId, Span};

use super::expected::shown;
use super::{MAX_DEPTH, MAX_MISTAKES};

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
    /// The `}` of a section.
    SectionEnd,
    /// Leave it: it nests too deep, which has been reported, or belongs to a section that does.
    TooDeep,
}

/// Cuts statement after statement off.
#[derive(Debug)]
pub(super) struct Mender<'t> {
    source: SourceId,
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    /// The `{` of sections that are not closed yet.
    sections: Vec<Token>,
    /// True once a section was nested too deep: then it is no news that some are never closed.
    too_deep: bool,
    /// What is wrong between statements.
    pub(super) diagnostics: Findings,
}

/// How the head of a statement says that it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// To the next `;`.
    Simple,
    /// To the `{` behind which its statements stand.
    Section,
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
        Mender { source, text, tokens, at: 0, sections: Vec::new(), too_deep: false, diagnostics: Findings::default() }
    }

    /// The next statement; nothing at the end of the file. Each call takes at least one token, or closes a section.
    pub(super) fn next_chunk(&mut self) -> Option<Chunk> {
        self.skip_between();
        let Some(first) = self.tokens.get(self.at).copied() else { return self.close_at_end() };
        let labelled = first.tok == Tok::Name && self.tok(self.at + 1) == Some(Tok::Colon);
        let head = if labelled { self.at + 2 } else { self.at };
        let mut chunk = Chunk { tokens: Vec::new(), missing: Vec::new(), sort: Sort::Statement, name: self.name(labelled) };
        if first.tok == Tok::RBrace {
            chunk.sort = self.close_section();
            self.push(&mut chunk);
            return Some(chunk);
        }
        match self.tok(head).map(|tok| form(tok, labelled)) {
            Some(Form::Block { test }) => self.take_block(&mut chunk, test),
            Some(Form::Section) => {
                self.take_section_head(&mut chunk);
                self.check_sections(&mut chunk, first);
            }
            Some(Form::Simple) | None => self.take_simple(&mut chunk),
        }
        self.check_depth(&mut chunk);
        Some(chunk)
    }

    /// Leaves out the head of a section that is nested too deep; of those inside it nothing is said.
    fn check_sections(&mut self, chunk: &mut Chunk, first: Token) {
        if self.sections.len() > MAX_DEPTH {
            chunk.sort = Sort::TooDeep;
        }
        if self.sections.len() == MAX_DEPTH + 1 && !std::mem::replace(&mut self.too_deep, true) {
            let message = format!("sections are nested more than {MAX_DEPTH} deep");
            let found = Diagnostic::new(syntax::E0113, span(self.source, first.start, first.end), message);
            self.diagnostics.push(found.help("end some of the sections around it first"));
        }
    }

    /// Closes the innermost section. Of one that is nested too deep there is no head.
    fn close_section(&mut self) -> Sort {
        let sort = if self.sections.len() > MAX_DEPTH { Sort::TooDeep } else { Sort::SectionEnd };
        self.sections.pop();
        sort
    }

    /// Closes a section that the file leaves open.
    fn close_at_end(&mut self) -> Option<Chunk> {
        let open = *self.sections.last()?;
        let sort = self.close_section();
        let end = self.tokens.last().map_or(0, |last| last.end);
        let brace = Token { tok: Tok::RBrace, start: end, end, starts_line: false };
        let mut chunk = Chunk { tokens: vec![brace], missing: Vec::new(), sort, name: None };
        if !self.too_deep {
            let found = Diagnostic::new(syntax::E0103, span(self.source, open.start, open.end), "this `{` is never closed");
            let found = found.help("the file ends before its `}`; was it cut off?");
            chunk.missing.push(Missing { at: end, found, always: true });
        }
        Some(chunk)
    }

    /// Takes the head of a section with its `{`. Whatever stands behind it is in the section, should the brace be missing, too.
    fn take_section_head(&mut self, chunk: &mut Chunk) {
        let start = self.at;
        let mut parentheses = 0_usize;
        while let Some(token) = self.tokens.get(self.at).copied() {
            match token.tok {
                Tok::LBrace if parentheses == 0 => {
                    self.sections.push(token);
                    return self.push(chunk);
                }
                Tok::LParen => parentheses += 1,
                Tok::RParen => parentheses = parentheses.saturating_sub(1),
                Tok::Semi if parentheses == 0 => return self.push(chunk),
                Tok::RBrace if parentheses == 0 => break,
                _ => {}
            }
            if self.at > start && self.starts_statement(self.at) {
                break;
            }
            self.push(chunk);
        }
        let at = Self::put_in(chunk, Tok::LBrace);
        let found =
            Diagnostic::new(syntax::E0101, span(self.source, at, at), "expected `{` here, where the section's rules start");
        chunk.missing.push(Missing { at, found, always: true });
        self.sections.push(Token { tok: Tok::LBrace, start: at, end: at, starts_line: false });
    }

    fn tok(&self, at: usize) -> Option<Tok> {
        self.tokens.get(at).map(|token| token.tok)
    }

    /// Skips empty statements, and reports a `}` that closes nothing. One that closes a section is a statement.
    fn skip_between(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.tok {
                Tok::Semi => {}
                Tok::RBrace if !self.sections.is_empty() => return,
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
            // The words behind these are no names.
            Tok::Word(Keyword::Assert | Keyword::Invariant | Keyword::Setting) => false,
            Tok::Word(word) => keyword::KEYWORDS.iter().any(|row| row.keyword == word && row.role == Role::Statement),
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
        // A block can be all of a file; of the first ones is enough said.
        if chunk.missing.len() < MAX_MISTAKES {
            let before = chunk
                .tokens
                .iter()
                .rev()
                .nth(1)
                .and_then(|last| self.text.get(last.start..last.end))
                .filter(|word| !word.is_empty());
            let help = before.map(|word| format!("put a `;` behind {}", shown(word)));
            let found = Diagnostic::new(syntax::E0102, span(self.source, at, at), "a `;` is missing here").maybe_help(help);
            chunk.missing.push(Missing { at, found, always: false });
        }
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
        let unblocked = matches!(
            self.tok(start),
            Some(Tok::Word(
                Keyword::User | Keyword::Group | Keyword::Network | Keyword::Service | Keyword::Location | Keyword::Time
            ))
        ) && self.tok(start + 2) == Some(Tok::LBrace);
        let mut depth = 0_usize;
        while let Some(tok) = self.tok(self.at) {
            match tok {
                // These have no block: one that is written is a mistake, and not two.
                Tok::Semi if depth > 0 && unblocked && self.goes_on_as_block(self.at + 1) => {}
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
            let in_case =
                test && (Self::goes_on_as_case(chunk, *token, arrow && !decided) || self.is_rule_in_test(chunk, *token));
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
        let verdict = is_verdict(token.tok);
        begun && (!token.starts_line || lacks_verdict && verdict)
    }

    /// True if a rule surely stands in the test: on the line of what is before it, or with the `}` of the test behind it.
    fn is_rule_in_test(&self, chunk: &Chunk, token: Token) -> bool {
        let starts = matches!(chunk.tokens.last().map(|last| last.tok), Some(Tok::Semi | Tok::LBrace));
        if !starts || !is_verdict(token.tok) {
            return false;
        }
        let rest = self.tokens.get(self.at..).unwrap_or(&[]);
        let mut lines = rest.split_inclusive(|token| matches!(token.tok, Tok::Semi | Tok::LBrace | Tok::RBrace));
        let last = lines.find(|line| {
            line.last().is_some_and(|last| last.tok != Tok::Semi) || !line.first().is_some_and(|first| is_verdict(first.tok))
        });
        let closed = last.is_some_and(|line| line.iter().map(|token| token.tok).eq([Tok::RBrace]));
        !token.starts_line || closed && self.sections.is_empty()
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

    /// True if a statement surely starts here, whatever stands before.
    fn starts_statement(&self, at: usize) -> bool {
        let (Some(token), Some(before)) = (self.tokens.get(at), at.checked_sub(1).and_then(|at| self.tok(at))) else {
            return false;
        };
        let ended = can_end(before) || matches!(before, Tok::Semi | Tok::LBrace | Tok::RBrace);
        let (next, after) = (self.tok(at + 1), self.tok(at + 2));
        let named = matches!(next, Some(Tok::Name | Tok::Word(_) | Tok::Field | Tok::Set));
        let begins = match token.tok {
            Tok::Word(word) => match word {
                _ if is_verdict(token.tok) => {
                    let audited = before == Tok::Word(Keyword::Audit) && !token.starts_line;
                    return !audited
                        && !matches!(before, Tok::FatArrow | Tok::Colon | Tok::Word(Keyword::Default))
                        && (token.starts_line || ended);
                }
                Keyword::Include | Keyword::Test => next == Some(Tok::String),
                Keyword::Default => next.is_some_and(is_verdict),
                // `from gateway to { a }` may stand on two lines.
                Keyword::Switch | Keyword::Host | Keyword::Gateway | Keyword::Middlebox => {
                    (next == Some(Tok::Name) || ended && named) && after == Some(Tok::LBrace)
                }
                Keyword::Section => named && matches!(after, Some(Tok::Name | Tok::LBrace | Tok::Word(Keyword::Owner))),
                Keyword::Assert => next == Some(Tok::Name) && after != Some(Tok::Equal),
                Keyword::Audit => return next.is_some_and(is_verdict) && token.starts_line && ended,
                Keyword::Invariant => next == Some(Tok::Name) && after == Some(Tok::LParen),
                Keyword::Setting | Keyword::Group | Keyword::Network | Keyword::Service | Keyword::Location | Keyword::Time => {
                    named && after == Some(Tok::Equal)
                }
                Keyword::User => return named && after == Some(Tok::Semi) && token.starts_line && ended,
                _ => false,
            },
            Tok::Name => {
                let labelled =
                    after.is_some_and(|tok| is_verdict(tok) || matches!(tok, Tok::Word(Keyword::Assert | Keyword::Audit)));
                return next == Some(Tok::Colon) && labelled && token.starts_line && ended;
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
                let found = Diagnostic::new(syntax::E0113, span(self.source, token.start, token.end), message);
                self.diagnostics.push(found.help("give the inner parts names of their own: `group NAME = …;`"));
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
            | Keyword::Time
            | Keyword::Assert
            | Keyword::Invariant
            | Keyword::Audit
            | Keyword::Allow
            | Keyword::Deny
            | Keyword::Reject
            | Keyword::Redirect
            | Keyword::Pass
            | Keyword::OutboundOnly,
        ) => Form::Simple,
        Tok::Word(Keyword::Section) => Form::Section,
        _ => Form::Block { test: false },
    }
}

/// True for what a rule can do.
pub(super) fn is_verdict(tok: Tok) -> bool {
    matches!(
        tok,
        Tok::Word(Keyword::Allow | Keyword::Deny | Keyword::Reject | Keyword::Redirect | Keyword::Pass | Keyword::OutboundOnly)
    )
}

/// True for the words that lines of blocks start with.
pub(super) fn starts_line_of_block(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::Dpid
            | Keyword::Access
            | Keyword::Uplink
            | Keyword::Certificate
            | Keyword::Mac
            | Keyword::Ip
            | Keyword::At
            | Keyword::Serves
            | Keyword::Routes
            | Keyword::In
            | Keyword::Out
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
        | Tok::Junk => true,
        Tok::Word(Keyword::Log | Keyword::Audit | Keyword::OneWay | Keyword::Gateway | Keyword::Default) => true,
        Tok::Word(_) => is_verdict(tok),
        Tok::Field
        | Tok::Radius
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
