//! As much of Python as a policy module of SNAC needs: calls, lists, assignments, and rules, `ACTION <= CONDITION`. Knows nothing
//! of what is called.
//!
//! Each statement is read alone: a mistake costs the statement that it stands in.

use crate::Problem;
use crate::place::Place;
use crate::token::{Dialect, Tok, Token, Tokens, unquoted};

/// A statement.
pub(crate) enum Statement {
    /// `ip_group = [ … ]`
    Assign(String, Expr),
    /// `allow() <= hsrc("x;roo")`
    Rule(RuleStmt),
    /// `cascade()`
    Call(Expr),
}

/// A rule as it is written.
pub(crate) struct RuleStmt {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) action: Expr,
    pub(crate) cond: Expr,
}

/// An expression where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Str(String),
    Int(u64),
    Bool(bool),
    None,
    /// `HSRC`, `discovered.UNAUTHENTICATED`
    Name(String),
    List(Vec<Expr>),
    Call(Call),
    /// `~a`
    Not(Box<Expr>),
    /// `a ^ b`
    Both(Box<Expr>, Box<Expr>),
    /// `a | b`
    Either(Box<Expr>, Box<Expr>),
}

/// `register_host("roo", dladdr=0x1)`
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) args: Vec<Expr>,
    pub(crate) named: Vec<(String, Expr)>,
}

/// How deep expressions may nest.
const MAX_DEPTH: usize = 100;

/// Statements of Python that no policy module needs.
const BEYOND: &[&str] = &[
    "def", "class", "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "return", "print", "global", "del",
];

/// A statement that cannot be read; what is wrong has been told.
struct Broken;

struct Parser<'t> {
    tokens: Tokens<'t>,
    /// The brackets that are open: within them, lines do not end.
    open: Vec<Token>,
    depth: usize,
    problems: Vec<Problem>,
}

/// Reads a module, with all that is wrong with it.
pub(crate) fn parse(text: &str) -> (Vec<Statement>, Vec<Problem>) {
    let mut problems = Vec::new();
    let tokens = Tokens::new(text, Dialect::Python, &mut problems);
    let mut parser = Parser { tokens, open: Vec::new(), depth: 0, problems };
    let statements = parser.module();
    (statements, parser.problems)
}

impl Parser<'_> {
    fn module(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.open.clear();
            self.depth = 0;
            let first = self.tokens.peek();
            match first.tok {
                Tok::End => return statements,
                Tok::Newline | Tok::Comment | Tok::Semi => {
                    self.tokens.bump();
                }
                Tok::Word if matches!(self.tokens.text(first), "from" | "import") => self.line(),
                Tok::Word if BEYOND.contains(&self.tokens.text(first)) => self.beyond(first),
                // A text alone does nothing: the module says what it is for.
                Tok::Str(true) if matches!(self.tokens.peek_second(), Tok::Newline | Tok::End) => self.line(),
                _ => match self.statement() {
                    Ok(statement) => statements.push(statement),
                    Err(Broken) => self.recover(first),
                },
            }
        }
    }

    /// A block that only an interpreter could run.
    fn beyond(&mut self, first: Token) {
        let word = self.tokens.text(first);
        let message = format!("`{word}` is beyond what can be read of a policy module: calls, lists and rules");
        self.problems.push(Problem::new(self.tokens.place(first), message).help("write out what it does as rules"));
        self.line();
        self.block();
    }

    /// Goes on behind the end of the line.
    fn line(&mut self) {
        while !matches!(self.tokens.bump().tok, Tok::Newline | Tok::End) {}
    }

    /// Goes on behind the lines that are indented.
    fn block(&mut self) {
        loop {
            let next = self.tokens.peek();
            match next.tok {
                Tok::End => return,
                Tok::Newline => {
                    self.tokens.bump();
                }
                _ if self.tokens.place(next).column > 1 => self.line(),
                _ => return,
            }
        }
    }

    /// Goes on behind a statement that cannot be read: at the next line that starts in the first column.
    fn recover(&mut self, first: Token) {
        let next = self.tokens.peek();
        if next == first {
            self.tokens.bump();
        } else if self.starts_statement(next) {
            return;
        }
        self.line();
        self.block();
    }

    /// True for a word in the first column: whatever is open before it, it starts a statement.
    fn starts_statement(&self, token: Token) -> bool {
        token.tok == Tok::Word && self.tokens.place(token).column == 1
    }

    fn statement(&mut self) -> Result<Statement, Broken> {
        let first = self.tokens.peek();
        if first.tok == Tok::Word && self.tokens.peek_second() == Tok::Equal {
            let name = self.tokens.text(first).to_owned();
            self.tokens.bump();
            self.tokens.bump();
            let inner = self.tokens.peek();
            let value = self.either()?;
            // `a = allow() <= …` is a rule, whatever it is called.
            if self.tokens.peek().tok == Tok::Rule { self.rule(inner, value) } else { self.ended(Statement::Assign(name, value)) }
        } else {
            let value = self.either()?;
            if self.tokens.peek().tok == Tok::Rule { self.rule(first, value) } else { self.ended(Statement::Call(value)) }
        }
    }

    fn rule(&mut self, first: Token, action: Expr) -> Result<Statement, Broken> {
        self.tokens.bump();
        let cond = self.either()?;
        let place = self.tokens.place(first);
        let rule = RuleStmt { place, text: self.tokens.since(first), action, cond };
        self.ended(Statement::Rule(rule))
    }

    fn ended(&mut self, statement: Statement) -> Result<Statement, Broken> {
        let next = self.tokens.peek();
        match next.tok {
            Tok::Newline | Tok::End | Tok::Comment | Tok::Semi => Ok(statement),
            _ => {
                self.unexpected("the end of the line, or an operator");
                Err(Broken)
            }
        }
    }

    fn either(&mut self) -> Result<Expr, Broken> {
        self.binary(Tok::Pipe, Self::both, ExprKind::Either)
    }

    fn both(&mut self) -> Result<Expr, Broken> {
        self.binary(Tok::Caret, Self::unary, ExprKind::Both)
    }

    fn binary(
        &mut self,
        operator: Tok,
        operand: fn(&mut Self) -> Result<Expr, Broken>,
        join: fn(Box<Expr>, Box<Expr>) -> ExprKind,
    ) -> Result<Expr, Broken> {
        let first = self.peek();
        let mut left = operand(self)?;
        while self.peek().tok == operator {
            self.tokens.bump();
            let right = operand(self)?;
            let kind = join(Box::new(left), Box::new(right));
            left = Expr { place: self.tokens.place(first), text: self.tokens.since(first), kind };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Broken> {
        let first = self.peek();
        if first.tok != Tok::Tilde {
            return self.primary();
        }
        self.tokens.bump();
        self.deeper(first, |parser| {
            let inner = parser.unary()?;
            Ok(ExprKind::Not(Box::new(inner)))
        })
    }

    fn primary(&mut self) -> Result<Expr, Broken> {
        let first = self.peek();
        match first.tok {
            Tok::LParen => self.parenthesised(first),
            Tok::LBracket => {
                self.tokens.bump();
                self.nested(first, first, |parser| parser.items(Tok::RBracket).map(ExprKind::List))
            }
            Tok::Str(closed) => {
                self.tokens.bump();
                if !closed {
                    let found = Problem::new(self.tokens.place(first), "this string has no closing quote");
                    self.problems.push(found);
                    return Err(Broken);
                }
                let mut text = unquoted(self.tokens.text(first));
                // Strings side by side are one.
                while let Tok::Str(true) = self.peek().tok {
                    let more = self.tokens.bump();
                    text.push_str(&unquoted(self.tokens.text(more)));
                }
                Ok(self.done(first, ExprKind::Str(text)))
            }
            Tok::Number => {
                self.tokens.bump();
                let Some(value) = number(self.tokens.text(first)) else {
                    let message = format!("`{}` is no number", self.tokens.text(first));
                    self.problems.push(Problem::new(self.tokens.place(first), message));
                    return Err(Broken);
                };
                Ok(self.done(first, ExprKind::Int(value)))
            }
            Tok::Word => self.word(first),
            _ => {
                self.unexpected("an action, a predicate or a value");
                Err(Broken)
            }
        }
    }

    /// `(a)` is `a`, `(a, b)` a list.
    fn parenthesised(&mut self, first: Token) -> Result<Expr, Broken> {
        self.tokens.bump();
        self.nested(first, first, |parser| {
            let mut items = parser.items(Tok::RParen)?;
            Ok(match (items.pop(), items.is_empty()) {
                (Some(only), true) => only.kind,
                (last, _) => ExprKind::List(items.into_iter().chain(last).collect()),
            })
        })
    }

    fn word(&mut self, first: Token) -> Result<Expr, Broken> {
        self.tokens.bump();
        let mut name = self.tokens.text(first).to_owned();
        let kind = match name.as_str() {
            "True" => ExprKind::Bool(true),
            "False" => ExprKind::Bool(false),
            "None" => ExprKind::None,
            "and" | "or" | "not" | "in" | "is" | "lambda" => {
                let message = format!("`{name}` joins no predicates: Python would take one side and drop the other");
                let found = Problem::new(self.tokens.place(first), message);
                self.problems.push(found.help("predicates are joined with `^` and `|`, and turned round with `~`"));
                return Err(Broken);
            }
            _ => {
                while self.peek().tok == Tok::Dot {
                    self.tokens.bump();
                    let part = self.expect(Tok::Word, "a name")?;
                    name = format!("{name}.{}", self.tokens.text(part));
                }
                if self.peek().tok != Tok::LParen {
                    return Ok(self.done(first, ExprKind::Name(name)));
                }
                let bracket = self.tokens.bump();
                return self.nested(first, bracket, |parser| parser.call(name));
            }
        };
        Ok(self.done(first, kind))
    }

    fn call(&mut self, name: String) -> Result<ExprKind, Broken> {
        let mut call = Call { name, args: Vec::new(), named: Vec::new() };
        while self.peek().tok != Tok::RParen {
            let first = self.peek();
            if first.tok == Tok::Word && self.tokens.peek_second() == Tok::Equal {
                let word = self.tokens.text(first).to_owned();
                self.tokens.bump();
                self.tokens.bump();
                call.named.push((word, self.either()?));
            } else {
                call.args.push(self.either()?);
            }
            if self.peek().tok != Tok::Comma {
                break;
            }
            self.tokens.bump();
        }
        self.expect(Tok::RParen, "`,` or `)`")?;
        Ok(ExprKind::Call(call))
    }

    /// Expressions with commas between them, the closing bracket included.
    fn items(&mut self, closing: Tok) -> Result<Vec<Expr>, Broken> {
        let mut items = Vec::new();
        while self.peek().tok != closing {
            items.push(self.either()?);
            if self.peek().tok != Tok::Comma {
                break;
            }
            self.tokens.bump();
        }
        self.expect(closing, if closing == Tok::RParen { "`,` or `)`" } else { "`,` or `]`" })?;
        Ok(items)
    }

    /// Reads what stands in brackets.
    fn nested(
        &mut self,
        first: Token,
        bracket: Token,
        read: impl FnOnce(&mut Self) -> Result<ExprKind, Broken>,
    ) -> Result<Expr, Broken> {
        self.open.push(bracket);
        let read = self.deeper(first, read)?;
        self.open.pop();
        Ok(read)
    }

    fn deeper(&mut self, first: Token, read: impl FnOnce(&mut Self) -> Result<ExprKind, Broken>) -> Result<Expr, Broken> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.problems.push(Problem::new(self.tokens.place(first), format!("this nests more than {MAX_DEPTH} deep")));
            return Err(Broken);
        }
        let kind = read(self)?;
        self.depth -= 1;
        Ok(self.done(first, kind))
    }

    fn done(&self, first: Token, kind: ExprKind) -> Expr {
        Expr { place: self.tokens.place(first), text: self.tokens.since(first), kind }
    }

    /// The next token; within brackets, line ends and comments are none.
    fn peek(&mut self) -> Token {
        while !self.open.is_empty() && matches!(self.tokens.peek().tok, Tok::Newline | Tok::Comment) {
            self.tokens.bump();
        }
        self.tokens.peek()
    }

    fn expect(&mut self, tok: Tok, wanted: &str) -> Result<Token, Broken> {
        if self.peek().tok == tok {
            return Ok(self.tokens.bump());
        }
        self.unexpected(wanted);
        Err(Broken)
    }

    fn unexpected(&mut self, wanted: &str) {
        let token = self.peek();
        if let Some(bracket) = self.open.last().copied().filter(|_| token.tok == Tok::End || self.starts_statement(token)) {
            let message = format!("this `{}` is never closed", self.tokens.text(bracket));
            self.problems.push(Problem::new(self.tokens.place(bracket), message));
            return;
        }
        let found = self.tokens.found();
        let problem = Problem::new(self.tokens.place(token), format!("{found} stands where {wanted} is expected"));
        let help = match self.tokens.text(token) {
            "&" => Some("`^` joins predicates of which all have to hold"),
            "!" | "!=" => Some("`~` turns a predicate round"),
            "=" | "==" => Some("a rule is written `ACTION <= CONDITION`"),
            "and" | "or" => Some("predicates are joined with `^` and `|`"),
            _ => None,
        };
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}

/// A number of Python: decimal, hexadecimal, octal, with or without the mark of a long one.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_end_matches(['l', 'L']);
    let lower = text.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = lower.strip_prefix("0b") {
        return u64::from_str_radix(digits, 2).ok();
    }
    match lower.strip_prefix('0').map(|digits| digits.trim_start_matches('o')) {
        Some(digits) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => lower.parse().ok(),
    }
}
