//! The grammar of Pol-Eth (Casado et al., SIGCOMM 2007, section 4): groups, `%%`, rules of conjunctions. Knows nothing of what
//! names stand for.
//!
//! Each statement is read alone, and to its end where a word of it is wrong: what is told then is no policy, whatever stands for that
//! word. Two slips of the sample policy as it was printed
//! can be read in one way only, and are: a `)` that is missing at the end of a test, and a `"` at the end of a name.

use std::collections::BTreeSet;

use crate::place::{Place, comment};
use crate::token::{Dialect, Tok, Token, Tokens, unquoted};
use crate::{Note, Problem};

/// A policy file.
#[derive(Default)]
pub(crate) struct File {
    pub(crate) groups: Vec<Group>,
    pub(crate) rules: Vec<Rule>,
    /// The names of groups that cannot be read, which has been told.
    pub(crate) broken: BTreeSet<String>,
}

/// `desktops = ["griffin", "roo"];`
pub(crate) struct Group {
    pub(crate) name: Name,
    pub(crate) members: Vec<Name>,
    pub(crate) comments: Vec<String>,
}

/// `[(hsrc=in("phones"))^(hdst=in("computers"))] : deny;`
pub(crate) struct Rule {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) tests: Vec<Test>,
    pub(crate) action: Action,
    pub(crate) comments: Vec<String>,
}

/// `(hsrc=in("phones"))`
pub(crate) struct Test {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) field: Field,
    pub(crate) value: Value,
}

/// What a test asks for.
pub(crate) enum Value {
    /// `"bob"`, `["bob", "linda"]`
    Names(Vec<Name>),
    /// `in("students")`
    Group(Name),
}

/// What a rule does.
pub(crate) enum Action {
    Allow,
    Deny,
    Waypoints(Vec<Name>),
    OutboundOnly,
}

/// A name where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// What a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Usrc,
    Udst,
    Hsrc,
    Hdst,
    Apsrc,
    Apdst,
    Protocol,
}

/// The fields by their words. The printed sample says `user` for the one whom its rule is about.
const FIELDS: &[(&str, Field)] = &[
    ("usrc", Field::Usrc),
    ("udst", Field::Udst),
    ("hsrc", Field::Hsrc),
    ("hdst", Field::Hdst),
    ("apsrc", Field::Apsrc),
    ("apdst", Field::Apdst),
    ("protocol", Field::Protocol),
    ("user", Field::Usrc),
];

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 64;

const ACTIONS: &[&str] = &["allow", "deny", "waypoints", "outbound-only"];

/// A statement that cannot be read; what is wrong has been told.
struct Broken;

struct Parser<'t> {
    tokens: Tokens<'t>,
    comments: Vec<String>,
    problems: Vec<Problem>,
    notes: Vec<Note>,
}

/// Reads a file. What is wrong with it, and how slips were read, is told beside it.
pub(crate) fn parse(text: &str) -> (File, Vec<Problem>, Vec<Note>) {
    let mut problems = Vec::new();
    let tokens = Tokens::new(text, Dialect::PolEth, &mut problems);
    let mut parser = Parser { tokens, comments: Vec::new(), problems, notes: Vec::new() };
    let file = parser.file();
    (file, parser.problems, parser.notes)
}

impl Parser<'_> {
    fn file(&mut self) -> File {
        let mut file = File::default();
        let mut split: Option<Place> = None;
        loop {
            let token = self.peek();
            let place = self.tokens.place(token);
            let read = match token.tok {
                Tok::End => return file,
                Tok::Split => {
                    self.tokens.bump();
                    if split.replace(place).is_some() {
                        self.problems
                            .push(Problem::new(place, "`%%` stands between groups and rules, once, and this is the second"));
                    }
                    Ok(())
                }
                Tok::LBracket => self.rule().map(|rule| {
                    if split.is_none() && !file.groups.is_empty() && file.rules.is_empty() {
                        let found = Problem::new(place, "`%%` is missing between the groups and the rules");
                        self.problems.push(found.help("put a line `%%` in front of this rule"));
                    }
                    file.rules.push(rule);
                }),
                Tok::Word => self.group().map(|group| {
                    if split.is_some() || !file.rules.is_empty() {
                        let found = Problem::new(place, format!("group `{}` stands among the rules", group.name.text));
                        self.problems.push(found.help("declare it in front of `%%`"));
                    }
                    file.groups.push(group);
                }),
                _ => self
                    .unexpected("a group, such as `phones = [\"gphone\"];`, or a rule, such as `[] : deny;`")
                    .map(|_: Token| ()),
            };
            if read.is_err() {
                if token.tok == Tok::Word {
                    file.broken.insert(self.tokens.text(token).to_owned());
                }
                self.recover();
            }
        }
    }

    fn group(&mut self) -> Result<Group, Broken> {
        let comments = std::mem::take(&mut self.comments);
        let word = self.expect(Tok::Word, "the name of a group")?;
        let name = Name { text: self.tokens.text(word).to_owned(), place: self.tokens.place(word) };
        self.expect(Tok::Equal, "`=`")?;
        let members = if self.peek().tok == Tok::LBracket { self.list()? } else { vec![self.name()?] };
        self.end()?;
        Ok(Group { name, members, comments: self.with_own(comments) })
    }

    fn rule(&mut self) -> Result<Rule, Broken> {
        let comments = std::mem::take(&mut self.comments);
        let first = self.expect(Tok::LBracket, "`[`")?;
        let mut tests = Vec::new();
        if self.peek().tok != Tok::RBracket {
            self.conjunction(&mut tests, 0)?;
        }
        self.expect(Tok::RBracket, "`^` and another test, or `]`")?;
        self.expect(Tok::Colon, "`:` and what the rule does")?;
        let action = self.action()?;
        let text = self.tokens.since(first);
        self.end()?;
        Ok(Rule { place: self.tokens.place(first), text, tests, action, comments: self.with_own(comments) })
    }

    /// Tests that all have to hold: how parentheses group them makes no difference.
    fn conjunction(&mut self, tests: &mut Vec<Test>, depth: usize) -> Result<(), Broken> {
        loop {
            if self.peek().tok == Tok::LParen && depth < MAX_DEPTH {
                self.tokens.bump();
                self.conjunction(tests, depth + 1)?;
                self.close()?;
            } else {
                tests.extend(self.test()?);
            }
            match self.peek().tok {
                Tok::Caret => {}
                Tok::Pipe | Tok::Tilde | Tok::Sign => self.joins_nothing(),
                _ => return Ok(()),
            }
            self.tokens.bump();
        }
    }

    fn joins_nothing(&mut self) {
        let found = self.tokens.found();
        let place = self.tokens.place(self.tokens.peek());
        let problem = Problem::new(place, format!("{found} joins nothing: a condition is a conjunction"));
        self.problems.push(problem.help("join tests with `^`, and write one rule for each alternative"));
    }

    /// A test; nothing if it is of a field that there is not, which is told.
    fn test(&mut self) -> Result<Option<Test>, Broken> {
        let first = self.peek();
        let word = self.expect(Tok::Word, "a test, such as `(hsrc=\"roo\")`")?;
        let written = self.tokens.text(word);
        let place = self.tokens.place(word);
        let field = FIELDS.iter().find(|(name, _)| *name == written).map(|(_, field)| *field);
        if field.is_none() {
            let known = FIELDS.iter().map(|(name, _)| *name);
            let found = Problem::new(place, format!("no flow has a field `{written}`"));
            let fields = "the fields are `usrc`, `udst`, `hsrc`, `hdst`, `apsrc`, `apdst` and `protocol`";
            self.problems.push(found.help(fields).meant(written, known));
        }
        if written == "user" {
            self.notes.push(Note { place, text: "`user` is read as `usrc`".to_owned() });
        }
        self.expect(Tok::Equal, "`=` and a value")?;
        let value = self.value()?;
        Ok(field.map(|field| Test { place, text: self.tokens.since(first), field, value }))
    }

    fn value(&mut self) -> Result<Value, Broken> {
        let first = self.peek();
        match first.tok {
            Tok::Word if self.tokens.text(first) == "in" => {
                self.tokens.bump();
                self.expect(Tok::LParen, "`(` and the name of a group")?;
                let group = self.name()?;
                self.expect(Tok::RParen, "`)`")?;
                Ok(Value::Group(group))
            }
            Tok::LBracket => self.list().map(Value::Names),
            _ => self.name().map(|name| Value::Names(vec![name])),
        }
    }

    fn action(&mut self) -> Result<Action, Broken> {
        let word = self.expect(Tok::Word, "what the rule does: `allow`, `deny`, `waypoints(\"…\")` or `outbound-only`")?;
        match self.tokens.text(word) {
            "allow" => Ok(Action::Allow),
            "deny" => Ok(Action::Deny),
            "outbound-only" => Ok(Action::OutboundOnly),
            "waypoints" => {
                self.expect(Tok::LParen, "`(` and the names of waypoints")?;
                let names = self.names(Tok::RParen)?;
                self.expect(Tok::RParen, "`)`")?;
                Ok(Action::Waypoints(names))
            }
            other => {
                let found = Problem::new(self.tokens.place(word), format!("no rule does `{other}`"));
                let actions = "a rule does `allow`, `deny`, `waypoints(\"…\")` or `outbound-only`";
                self.problems.push(found.help(actions).meant(other, ACTIONS.iter().copied()));
                Ok(Action::Deny)
            }
        }
    }

    /// `["griffin", "roo"]`
    fn list(&mut self) -> Result<Vec<Name>, Broken> {
        self.expect(Tok::LBracket, "`[`")?;
        let names = self.names(Tok::RBracket)?;
        self.expect(Tok::RBracket, "`,` and another name, or `]`")?;
        Ok(names)
    }

    /// At least one name, up to the closing sign.
    fn names(&mut self, closing: Tok) -> Result<Vec<Name>, Broken> {
        let mut names = vec![self.name()?];
        while self.peek().tok == Tok::Comma {
            self.tokens.bump();
            if self.peek().tok == closing {
                break;
            }
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn name(&mut self) -> Result<Name, Broken> {
        let token = self.peek();
        let place = self.tokens.place(token);
        match token.tok {
            Tok::Str(closed) => {
                self.tokens.bump();
                let text = unquoted(self.tokens.text(token)).trim().to_owned();
                if text.is_empty() {
                    self.problems.push(Problem::new(place, "a name is empty"));
                }
                if !closed {
                    self.notes.push(Note { place, text: format!("a closing `\"` is missing, and was read behind `{text}`") });
                }
                Ok(Name { text, place })
            }
            Tok::Word | Tok::Number => {
                self.tokens.bump();
                let text = self.tokens.text(token).to_owned();
                let found = Problem::new(place, format!("the name `{text}` stands without quotes"));
                self.problems.push(found.help(format!("write \"{text}\"")));
                Ok(Name { text, place })
            }
            _ => self.unexpected("a name in quotes"),
        }
    }

    /// Takes a `)`, or reads it where it can only be meant.
    fn close(&mut self) -> Result<(), Broken> {
        let next = self.peek();
        match next.tok {
            Tok::RParen => {
                self.tokens.bump();
                Ok(())
            }
            Tok::RBracket => {
                self.notes.push(Note { place: self.tokens.place(next), text: "a `)` is missing, and was read here".to_owned() });
                Ok(())
            }
            _ => self.unexpected("`^` and another test, or `)`"),
        }
    }

    /// Takes the `;`. Where it is missing at the end of a line, the next statement is read all the same.
    fn end(&mut self) -> Result<(), Broken> {
        let behind = self.tokens.place_behind();
        let ends_line = matches!(self.tokens.peek().tok, Tok::Newline | Tok::Comment | Tok::End);
        if self.peek().tok == Tok::Semi {
            self.tokens.bump();
            return Ok(());
        }
        if !ends_line {
            return self.unexpected("`;`");
        }
        self.problems.push(Problem::new(behind, "the `;` at the end of this statement is missing"));
        Ok(())
    }

    /// The comments of a statement: those in front of it, in it, and behind it on its line.
    fn with_own(&mut self, mut comments: Vec<String>) -> Vec<String> {
        comments.append(&mut self.comments);
        if let Some(behind) = self.tokens.take(Tok::Comment) {
            comments.extend(comment(self.tokens.text(behind)));
        }
        comments
    }

    /// The next token that means something; comments on the way are kept.
    fn peek(&mut self) -> Token {
        loop {
            let token = self.tokens.peek();
            match token.tok {
                Tok::Newline => {}
                Tok::Comment => self.comments.extend(comment(self.tokens.text(token))),
                _ => return token,
            }
            self.tokens.bump();
        }
    }

    fn expect(&mut self, tok: Tok, wanted: &str) -> Result<Token, Broken> {
        if self.peek().tok == tok { Ok(self.tokens.bump()) } else { self.unexpected(wanted) }
    }

    fn unexpected<T>(&mut self, wanted: &str) -> Result<T, Broken> {
        let token = self.peek();
        let found = self.tokens.found();
        self.problems.push(Problem::new(self.tokens.place(token), format!("{found} stands where {wanted} is expected")));
        Err(Broken)
    }

    /// Goes on behind the `;` of a broken statement, or in front of what starts a line like another one.
    fn recover(&mut self) {
        self.comments.clear();
        let mut starts_line = false;
        loop {
            let token = self.tokens.peek();
            let begins = match token.tok {
                Tok::LBracket | Tok::Split => true,
                Tok::Word => self.tokens.peek_second() == Tok::Equal,
                _ => false,
            };
            if token.tok == Tok::End || starts_line && begins {
                return;
            }
            self.tokens.bump();
            if token.tok == Tok::Semi {
                return;
            }
            starts_line = token.tok == Tok::Newline;
        }
    }
}
