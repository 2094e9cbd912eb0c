//! Statements in the shapes of other languages: lists without braces, blocks where a list belongs, signs in the wrong place.
//! Asked about statements that are wrong already. Knows of declarations only what their heads show.

use super::advice::Stumble;
use super::mend::{is_verdict, starts_line_of_block};
use crate::builtin;
use crate::keyword::Keyword;
use crate::lexer::Tok;
use crate::literal;

/// Longer stretches of text are not quoted.
const MAX_QUOTED: usize = 60;

/// Longer texts are not searched for a declaration.
const MAX_SEARCHED: usize = 256 << 10;

impl<'a> Stumble<'a> {
    /// What to write for a statement of another shape.
    pub(super) fn shape(&self) -> Option<String> {
        self.assigned()
            .or_else(|| self.bare_line())
            .or_else(|| self.block())
            .or_else(|| self.members())
            .or_else(|| self.list())
            .or_else(|| self.users())
            .or_else(|| self.services())
            .or_else(|| self.arrow())
    }

    /// `mac = 02:00:00:00:00:09;`
    fn assigned(&self) -> Option<String> {
        let sign = matches!(self.tok(0)?, Tok::Equal | Tok::Colon);
        let Tok::Word(member) = self.tok(-1)? else { return None };
        let line = sign && self.at > 2 && starts_line_of_block(member);
        line.then(|| format!("leave the `{}` out: `{} {}`", self.word(0), self.word(-1), self.word(1)))
    }

    /// `host a { 02:00:00:00:00:09; }`
    fn bare_line(&self) -> Option<String> {
        let word = match self.tok(0)? {
            Tok::Mac => "mac",
            Tok::Address => "ip",
            Tok::Port => "at",
            Tok::Number => "dpid",
            _ => return None,
        };
        let line =
            matches!(self.tok(-1)?, Tok::LBrace | Tok::Semi) && self.wants(word) && !self.wants("->") && !self.wants("name");
        line.then(|| format!("write `{word} {}`", self.word(0)))
    }

    /// `host a mac 02:00:00:00:00:09;`, `host a, b { … }`
    fn block(&self) -> Option<String> {
        if self.at != 2 || !self.wants("{") {
            return None;
        }
        let (word, name) = (self.word(-2), self.word(-1));
        if self.tok(0)? == Tok::Comma {
            return Some(format!("declare each in a statement of its own: `{word} {name} {{ … }}`"));
        }
        let signs = usize::from(matches!(self.tok(0)?, Tok::Equal | Tok::Colon));
        let first = self.tokens.get(self.at + signs)?;
        let line = match first.tok {
            Tok::LBrace => return Some(format!("leave the `{}` out: `{word} {name} {{ … }}`", self.word(0))),
            Tok::Mac => "mac ",
            Tok::Address => "ip ",
            Tok::Port => "at ",
            Tok::Number => "dpid ",
            Tok::Word(member) if starts_line_of_block(member) => "",
            _ => return None,
        };
        let rest = self.stretch(self.at + signs);
        Some(format!("a {word} has a block: `{word} {name} {{ {line}{rest}; }}`"))
    }

    /// `group g = a, b;`, `group g { a, b }`, `group g = { a b };`
    fn members(&self) -> Option<String> {
        let listed = match self.tok(0)? {
            Tok::Comma => self.at > 3 && self.wants(";"),
            Tok::Name => self.at > 3 && self.tok(-1) == Some(Tok::Name),
            Tok::LBrace => self.at == 2,
            _ => false,
        };
        if !listed || !self.starts_with(Keyword::Group) {
            return None;
        }
        let signs = |tok: Tok| matches!(tok, Tok::Equal | Tok::LBrace | Tok::RBrace | Tok::Comma | Tok::Semi);
        let mut parts = self.tokens.get(2..)?.iter().filter(|token| !signs(token.tok)).peekable();
        let said = parts.next_if(|token| matches!(token.tok, Tok::Word(Keyword::Host | Keyword::User)));
        let members: Option<Vec<&str>> =
            parts.map(|token| self.text.get(token.start..token.end).filter(|_| token.tok == Tok::Name)).collect();
        let name = self.tokens.get(1).and_then(|name| self.text.get(name.start..name.end))?;
        let written = members.filter(|members| !members.is_empty()).map(|members| {
            let kind = said.and_then(|kind| self.text.get(kind.start..kind.end));
            let kind = kind.or_else(|| self.declared(members.first()?)).filter(|kind| matches!(*kind, "host" | "user"));
            format!("{}{{ {} }}", kind.map_or(String::new(), |kind| format!("{kind} ")), members.join(", "))
        });
        // Words side by side may be another mistake.
        if written.is_none() && self.tok(0) == Some(Tok::Name) {
            return None;
        }
        let written = written.filter(|written| written.len() <= MAX_QUOTED).unwrap_or_else(|| "host { a, b }".to_owned());
        Some(format!("the members of a group stand in braces, with commas: `group {name} = {written};`"))
    }

    /// `network office { 10.0.0.0/24 }`, `location lobby edge1:3;`
    fn list(&self) -> Option<String> {
        if self.at != 2 || self.terminals.len() != 1 || !self.wants("=") {
            return None;
        }
        let signs = usize::from(matches!(self.tok(0)?, Tok::LBrace | Tok::Colon));
        Some(format!("write `{} {} = {};`", self.word(-2), self.word(-1), self.stretch(self.at + signs)))
    }

    /// `user bob, alice;`
    fn users(&self) -> Option<String> {
        if !self.starts_with(Keyword::User) || self.tok(0)? != Tok::Comma {
            return None;
        }
        let names = self.tokens.iter().filter(|token| token.tok == Tok::Name).take(3);
        let each: Vec<String> =
            names.filter_map(|token| Some(format!("user {};", self.text.get(token.start..token.end)?))).collect();
        Some(format!("write a statement for each: `{}`", each.join(" ")))
    }

    /// `for 80`, `for tcp:80`, `for ssh|http`, `for ssh http`
    fn services(&self) -> Option<String> {
        let found = self.word(0);
        if self.wants("protocol") {
            let written = match self.tok(0)? {
                Tok::Number => format!("tcp/{found}"),
                _ => found.replacen(':', "/", 1),
            };
            if written != found && literal::service(&written).is_ok() {
                return Some(format!("write `{written}`"));
            }
        }
        let listed = self.clause_around() == Some(Keyword::For) || self.starts_with(Keyword::Service);
        let service = |tok: Option<Tok>| matches!(tok, Some(Tok::Name | Tok::Service));
        if listed && self.wants("protocol") && self.tok(0) == Some(Tok::LBrace) {
            return Some(format!("services are listed with commas, without braces: `{}`", self.stretch(self.at + 1)));
        }
        let next = match self.tok(0)? {
            Tok::Pipe | Tok::Word(Keyword::Or | Keyword::And) => 1,
            Tok::Service => 0,
            Tok::Name if builtin::service(found).is_some() => 0,
            _ => return None,
        };
        let both = listed && service(self.tok(-1)) && service(self.tok(next));
        both.then(|| format!("services are listed with commas: `{}, {}`", self.word(-1), self.word(next)))
    }

    /// `a to b`, `a => b` in a flow.
    fn arrow(&self) -> Option<String> {
        let sign = matches!(self.tok(0)?, Tok::Word(Keyword::To) | Tok::FatArrow | Tok::Minus);
        let ends = self.tok(1).is_some_and(|tok| matches!(tok, Tok::Name | Tok::Set | Tok::Address) && !is_verdict(tok));
        let flow = self.wants("->") && sign && ends;
        flow.then(|| format!("the ends of a flow are joined with `->`: `{} -> {}`", self.word(-1), self.word(1)))
    }

    /// `from user bob host a`, `from a b`: what joins the two.
    pub(super) fn joined(&self) -> Option<String> {
        let word = self.clause_around()?;
        let kind = matches!(self.tok(0)?, Tok::Word(Keyword::Host | Keyword::User)) && self.tok(1) == Some(Tok::Name);
        let plain = self.tok(0)? == Tok::Name;
        if !self.in_clauses() || !matches!(word, Keyword::From | Keyword::To) || !kind && !plain || self.token(0)?.starts_line {
            return None;
        }
        let before = self.clause_text()?;
        let behind = if kind { format!("{} {}", self.word(0), self.word(1)) } else { self.word(0).to_owned() };
        let kinds = if kind {
            (self.tok(-1)? == Tok::Name).then(|| (self.declared(self.word(-1)).unwrap_or(self.word(-2)), self.word(0)))
        } else {
            self.declared(self.word(-1)).zip(self.declared(self.word(0)))
        };
        match kinds {
            Some((first, second)) if first == second => {
                Some(format!("either of them is written with `|`: `{before} | {behind}`"))
            }
            Some(_) => Some(format!("a user at a host is joined with `and`: `{before} and {behind}`")),
            None => Some(format!("either of them is written with `|`, a user at a host with `and`: `{before} and {behind}`")),
        }
    }

    /// The clause that the token is in, by its first token.
    fn clause_start(&self) -> Option<(usize, Keyword)> {
        let before = self.tokens.get(..self.at)?.iter().enumerate();
        before.rev().take_while(|(_, token)| token.tok != Tok::Semi).find_map(|(at, token)| match token.tok {
            Tok::Word(word) if super::advice::starts_clause(word) => Some((at, word)),
            _ => None,
        })
    }

    /// The text of that clause up to the token, if it is short.
    pub(super) fn clause_text(&self) -> Option<&'a str> {
        let (start, _) = self.clause_start()?;
        let text = self.text.get(self.tokens.get(start)?.start..self.token(-1)?.end)?;
        (text.len() <= MAX_QUOTED && !text.contains('\n')).then_some(text)
    }

    /// The word of the clause that the token is in.
    pub(super) fn clause_around(&self) -> Option<Keyword> {
        self.clause_start().map(|(_, word)| word)
    }

    /// The text from a token on, up to the end of the line or block.
    fn stretch(&self, from: usize) -> &'a str {
        let rest = self.tokens.get(from..).unwrap_or(&[]);
        let count = rest.iter().take_while(|token| !matches!(token.tok, Tok::Semi | Tok::LBrace | Tok::RBrace)).count();
        let ends = rest.first().zip(count.checked_sub(1).and_then(|last| rest.get(last)));
        let text = ends.and_then(|(first, last)| self.text.get(first.start..last.end));
        text.filter(|text| text.len() <= MAX_QUOTED && !text.contains('\n')).unwrap_or("…")
    }

    /// The word that the name is declared with in this text, as far as the heads of lines show.
    pub(super) fn declared(&self, name: &str) -> Option<&'static str> {
        let text = Some(self.text).filter(|text| text.len() <= MAX_SEARCHED && !name.is_empty())?;
        text.match_indices(name).find_map(|(at, _)| {
            let whole = !text.get(at + name.len()..)?.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c));
            let head = text.get(..at)?.strip_suffix(' ').filter(|_| whole)?;
            let word = ["host", "user", "switch", "location", "gateway"].into_iter().find(|word| head.ends_with(word))?;
            let line = head.strip_suffix(word)?.trim_end_matches([' ', '\t']);
            (line.is_empty() || line.ends_with(['\n', ';', '}'])).then_some(word)
        })
    }
}
