//! What was probably meant where a statement stops making sense: words of other tools, and ways to write that come close. Asked about
//! texts that are wrong already, and changes nothing of what they are taken for.

use std::collections::BTreeSet;

use super::expected::shown;
use super::mend::is_verdict;
use crate::builtin;
use crate::codes::syntax;
use crate::diag::Diagnostic;
use crate::keyword::Keyword;
use crate::lexer::{Tok, Token, span};
use crate::literal::{self, when};
use crate::phrasebook::{self, Advice, Place};
use crate::source::SourceId;
use crate::suggest;

/// How a line of a test is written.
pub(super) const CASE: &str = "a line of a test is `FLOW => VERDICT;`";

/// Where times stand in a rule.
const TIMES: &str = "declare the time, `time NAME = mon-fri 08:00-18:00;`, and write `when time in NAME`";

/// The token at which a statement stops making sense, what is around it, and what could stand there.
pub(super) struct Stumble<'a> {
    pub(super) source: SourceId,
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    /// The number of the token.
    pub(super) at: usize,
    pub(super) terminals: &'a BTreeSet<&'a str>,
}

impl<'a> Stumble<'a> {
    pub(super) fn token(&self, offset: isize) -> Option<Token> {
        self.tokens.get(self.at.checked_add_signed(offset)?).copied()
    }

    pub(super) fn tok(&self, offset: isize) -> Option<Tok> {
        self.token(offset).map(|token| token.tok)
    }

    pub(super) fn word(&self, offset: isize) -> &'a str {
        self.token(offset).and_then(|token| self.text.get(token.start..token.end)).unwrap_or("")
    }

    pub(super) fn is_word(&self, offset: isize, word: Keyword) -> bool {
        self.tok(offset) == Some(Tok::Word(word))
    }

    pub(super) fn wants(&self, terminal: &str) -> bool {
        self.terminals.contains(terminal)
    }

    pub(super) fn starts_with(&self, word: Keyword) -> bool {
        self.tokens.first().is_some_and(|first| first.tok == Tok::Word(word))
    }

    /// True where a rule may go on, or end.
    pub(super) fn in_clauses(&self) -> bool {
        self.wants("from") && self.wants("until")
    }

    /// True where a date or a part of one is needed, or a rate.
    fn in_instant(&self) -> bool {
        ["name", "number", "port", "address"].iter().all(|terminal| self.wants(terminal)) && !self.wants("set")
    }

    /// A report in other words than what could stand there.
    pub(super) fn report(&self) -> Option<Diagnostic> {
        let token = self.token(0)?;
        let found = self.word(0);
        let place = span(self.source, token.start, token.end);
        let wanted = |wanted: &str, help: &str| {
            Some(Diagnostic::new(syntax::E0101, place, format!("expected {wanted}, found {}", shown(found))).help(help))
        };
        let block = self.starts_with(Keyword::Test) && matches!(self.tok(-1), Some(Tok::LBrace | Tok::Semi));
        if block && is_verdict(token.tok) {
            return Some(Diagnostic::new(syntax::E0101, place, "a test holds no rules").help(CASE));
        }
        let only = |terminal: &str| self.terminals.len() == 1 && self.wants(terminal);
        let dpid = self.is_word(-1, Keyword::Dpid) && only("number");
        if let Some(error) = dpid.then(|| literal::printed_dpid(found)).flatten() {
            return Some(Diagnostic::new(error.code, place, error.message).maybe_help(error.help));
        }
        if only("mac-address") && matches!(token.tok, Tok::Name | Tok::Address | Tok::Number) {
            let error = literal::not_a_mac(found);
            return Some(Diagnostic::new(error.code, place, error.message).maybe_help(error.help));
        }
        if token.start == token.end {
            return None;
        }
        match self.tok(-1)? {
            Tok::Word(Keyword::Redirect) if only("name") => {
                wanted("`portal`", "write `redirect portal`: there is nowhere else to redirect to")
            }
            Tok::Word(Keyword::Assert) if only("name") => {
                wanted("`never` or `always`", "an assertion says `assert never from A to B;` or `assert always from A to B;`")
            }
            Tok::Word(Keyword::Invariant) if only("name") => {
                wanted("`disjoint`, `subset` or `nonempty`", "an invariant says `invariant disjoint(A, B);`, for example")
            }
            Tok::Word(Keyword::Limit) if token.tok == Tok::Service => {
                let error = when::rate(found).err()?;
                Some(Diagnostic::new(error.code, place, error.message).maybe_help(error.help))
            }
            _ if token.tok == Tok::Service && found.contains('/') && self.wants("port") && !self.wants("protocol") => {
                let help = format!("a port of a switch is written with a colon: `{}`", found.replacen('/', ":", 1));
                wanted("a location such as `edge1:5`", &help)
            }
            _ => None,
        }
    }

    /// What stands for a word of another tool, or for one that is not needed here.
    pub(super) fn of_word(&self) -> Option<Advice> {
        let found = self.word(0);
        let verdict = self.wants("allow") && !self.in_clauses();
        self.needless()
            .map(Advice::say)
            .or_else(|| self.on())
            .or_else(|| verdict.then(|| phrasebook::advice(Place::Verdict, found)).flatten())
            .or_else(|| self.in_clauses().then(|| phrasebook::advice(Place::Clause, found)).flatten())
    }

    /// `from group staff`, `for any`
    fn needless(&self) -> Option<String> {
        let kind = matches!(
            self.tok(0)?,
            Tok::Word(
                Keyword::Group
                    | Keyword::Network
                    | Keyword::Service
                    | Keyword::Host
                    | Keyword::User
                    | Keyword::Switch
                    | Keyword::Location
                    | Keyword::Gateway
                    | Keyword::Middlebox
                    | Keyword::Time
            )
        );
        let named = matches!(self.tok(1), Some(Tok::Name | Tok::Service));
        if kind && named && self.wants("name") {
            return Some(format!("drop the word `{}`: a name stands alone", self.word(0)));
        }
        let all = matches!(self.word(0), "any" | "all");
        (all && self.is_word(-1, Keyword::For)).then(|| "leave `for` out: a rule without it is about all services".to_owned())
    }

    /// `on tcp/80`, `on edge1:5`
    fn on(&self) -> Option<Advice> {
        if !self.in_clauses() || self.word(0) != "on" {
            return None;
        }
        let service = self.tok(1) == Some(Tok::Service) || builtin::service(self.word(1)).is_some();
        let next = self.word(1);
        let place = matches!(self.declared(next), Some("switch" | "location")) || self.tok(1) != Some(Tok::Name);
        let before = matches!(self.clause_around(), Some(Keyword::From | Keyword::To)) && self.tok(-1) == Some(Tok::Name);
        if service || place || !before {
            return Some(Advice::write(if service { "for" } else { "at" }, "on"));
        }
        let last = self.clause_text().unwrap_or_else(|| self.word(-1));
        if self.declared(next).is_some() {
            return Some(Advice::say(format!("a user at a host is joined with `and`: `{last} and {next}`")));
        }
        Some(Advice::say(format!("write `{last} and {next}` if `{next}` is a host, `at {next}` if it is a switch or location")))
    }

    /// What was probably meant, by what is around the token.
    pub(super) fn guess(&self) -> Option<String> {
        self.quotes()
            .or_else(|| self.rate())
            .or_else(|| self.clause())
            .or_else(|| self.number_of_port())
            .or_else(|| self.comma())
            .or_else(|| self.mask())
            .or_else(|| self.time())
            .or_else(|| self.range())
            .or_else(|| self.service())
            .or_else(|| self.case())
            .or_else(|| self.shape())
            .or_else(|| self.joined())
            .or_else(|| {
                let user = self.starts_with(Keyword::User) && self.tok(0) == Some(Tok::LBrace);
                user.then(|| format!("a user is declared by its name alone: `user {};`", self.word(-1)))
            })
    }

    fn quotes(&self) -> Option<String> {
        let found = self.word(0);
        let only_string = self.wants("string") && self.terminals.iter().all(|terminal| matches!(*terminal, "string" | "name"));
        let alone = matches!(self.tok(1), Some(Tok::Semi | Tok::LBrace));
        match self.tok(0)? {
            Tok::Name | Tok::Service | Tok::Address | Tok::Number | Tok::Word(_) if only_string && alone => {
                Some(format!("put it in quotes: `\"{found}\"`"))
            }
            Tok::String if self.wants("name") && !self.wants("string") => {
                let inner = found.trim_matches('"');
                let plain = !inner.is_empty() && !inner.contains(|c: char| c.is_whitespace() || "\"\\;".contains(c));
                plain.then(|| format!("write it without quotes: `{inner}`"))
            }
            _ => None,
        }
    }

    /// `allow pc to srv`, `allow from pc to srv tcp/80`
    fn clause(&self) -> Option<String> {
        if !self.in_clauses() {
            return None;
        }
        let found = self.word(0);
        if self.clause_around() == Some(Keyword::For) && matches!(self.tok(-1), Some(Tok::Name | Tok::Service)) {
            return None;
        }
        if self.tok(0) == Some(Tok::Service) || builtin::service(found).is_some() {
            let port = format!("{found}/{}", self.word(1));
            let port = (self.tok(1) == Some(Tok::Number) && literal::service(&port).is_ok()).then_some(port);
            return Some(format!("write `for {}`", port.as_deref().unwrap_or(found)));
        }
        if !self.at_first_clause() {
            return None;
        }
        match self.tok(0)? {
            Tok::Name | Tok::Set | Tok::Address | Tok::Mac => {
                let from = phrasebook::advice(Place::Name, found).and_then(|advice| advice.instead).unwrap_or(found);
                let to = matches!(self.tok(2), Some(Tok::Name | Tok::Set | Tok::Address)).then(|| self.word(2));
                let to = to.map(|to| phrasebook::advice(Place::Name, to).and_then(|advice| advice.instead).unwrap_or(to));
                match (self.tok(1), to) {
                    (Some(Tok::Arrow), Some(to)) => Some(format!("a rule has no arrow: write `from {from} to {to}`")),
                    (Some(Tok::Word(Keyword::To)), Some(to)) => Some(format!("write `from {from} to {to}`")),
                    _ => Some(format!("write `from {from}`")),
                }
            }
            Tok::Word(Keyword::Host | Keyword::User | Keyword::Network) if self.tok(1) == Some(Tok::Name) => {
                Some(format!("write `from {found} {}`", self.word(1)))
            }
            _ => None,
        }
    }

    /// True where the first clause of a rule or an assertion starts.
    fn at_first_clause(&self) -> bool {
        let claim = self.is_word(-2, Keyword::Assert) && self.tok(-1) == Some(Tok::Name);
        self.in_clauses() && (claim || self.tok(-1).is_some_and(is_verdict))
    }

    /// True where a rule surely lacks its `from`: the name is no misspelt word, as no set follows it.
    pub(super) fn lacks_from(&self) -> bool {
        let alone = ["log", "audit", "one-way"].map(|name| suggest::Candidate { name, kind: None });
        self.at_first_clause()
            && match self.tok(1) {
                Some(Tok::Arrow | Tok::Pipe) => true,
                Some(Tok::Word(word)) => starts_clause(word),
                Some(Tok::Semi) => suggest::nearest(self.word(0), None, alone).is_empty(),
                _ => false,
            }
    }

    /// `limit 5 mbps`
    fn rate(&self) -> Option<String> {
        if !self.is_word(-2, Keyword::Limit) || self.tok(-1) != Some(Tok::Number) {
            return None;
        }
        let joined = format!("{}{}", self.word(-1), self.word(0));
        if when::rate(&joined).is_ok() { Some(format!("write `{joined}`, without a blank")) } else { when::meant_rate(&joined) }
    }

    /// `port 80`, `tcp 80`
    fn number_of_port(&self) -> Option<String> {
        let protocol = match self.word(-1) {
            word @ ("tcp" | "udp" | "sctp") => word,
            "port" | "ports" | "dport" => "tcp",
            _ => return None,
        };
        let written = format!("{protocol}/{}", self.word(0));
        let sound = self.tok(0) == Some(Tok::Number) && literal::service(&written).is_ok();
        sound.then(|| format!("ports belong to a service: write `{written}`"))
    }

    fn comma(&self) -> Option<String> {
        if self.tok(0)? != Tok::Comma {
            return None;
        }
        if self.starts_with(Keyword::Test) || self.wants("->") {
            return Some("write a line of the test for each: a flow has one initiator, one responder and one service".to_owned());
        }
        match self.clause_around()? {
            _ if !self.in_clauses() => None,
            Keyword::When => Some(self.values().unwrap_or_else(|| "conditions are joined with `and`".to_owned())),
            Keyword::From | Keyword::To | Keyword::At | Keyword::Pin => Some("sets are joined with `|`: `a | b`".to_owned()),
            _ => Some("clauses follow one another without a comma".to_owned()),
        }
    }

    /// `tpdst in 80, 443`
    fn values(&self) -> Option<String> {
        let value =
            |tok: Tok| matches!(tok, Tok::Number | Tok::Name | Tok::Address | Tok::Mac | Tok::Port | Tok::Service | Tok::Set);
        let operator = |tok: Option<Tok>| matches!(tok, Some(Tok::Equal | Tok::NotEqual | Tok::Word(Keyword::In)));
        if !value(self.tok(1)?) || !value(self.tok(-1)?) || operator(self.tok(2)) || !operator(self.tok(-2)) {
            return None;
        }
        let rest = self.tokens.get(self.at + 1..)?;
        let count = rest.iter().take_while(|token| value(token.tok) || token.tok == Tok::Comma).count();
        let last = rest.get(count.checked_sub(1)?)?;
        let list = self.text.get(self.token(-1)?.start..last.end)?;
        let short = list.len() <= 60 && !list.contains('\n');
        let list = if short { list } else { "A, B" };
        let op = if self.tok(-2) == Some(Tok::NotEqual) { "not in" } else { "in" };
        Some(format!("several values stand in braces: `{op} {{ {list} }}`"))
    }

    /// `10.0.0.0 255.255.255.0`
    fn mask(&self) -> Option<String> {
        let addresses = self.tok(0) == Some(Tok::Address) && self.tok(-1) == Some(Tok::Address);
        let length = literal::mask_length(self.word(0)).filter(|_| addresses)?;
        let written = format!("{}/{length}", self.word(-1));
        literal::prefix(&written).is_ok().then(|| format!("write `{written}`"))
    }

    fn time(&self) -> Option<String> {
        let found = self.word(0);
        let condition = self.wants("field") && self.wants("time") && self.wants("(");
        let compared = matches!(self.tok(1), Some(Tok::Equal | Tok::NotEqual | Tok::Word(Keyword::In | Keyword::Not)));
        if condition && self.tok(0) == Some(Tok::Name) && !compared {
            return Some(format!("if `{found}` is a time, write `time in {found}`"));
        }
        let clock = |word: &str| when::clock(word).is_ok();
        if self.tok(0) == Some(Tok::Minus) && self.starts_with(Keyword::Time) {
            let (first, last) = (self.word(-1), self.word(1));
            return match when::window(&[first, "to", last]) {
                Ok(_) => Some(format!("days are joined with `to`: `{first} to {last}`")),
                Err(_) => clock(&format!("{first}-{last}")).then(|| format!("write `{first}-{last}`, without blanks")),
            };
        }
        (clock(found) && !self.starts_with(Keyword::Time)).then(|| TIMES.to_owned())
    }

    /// `1..4`, `1 - 4`, `1:4`
    fn range(&self) -> Option<String> {
        let digits = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let ends = match self.tok(0)? {
            Tok::Minus => Some((self.word(-1), self.word(1))),
            _ if self.wants("number") => ["..", ":"].iter().find_map(|sign| self.word(0).split_once(sign)),
            _ => None,
        };
        let (first, last) = ends.filter(|(first, last)| digits(first) && digits(last))?;
        Some(format!("write `{first}-{last}`"))
    }

    /// `80/tcp`, `tcp/80,443`
    fn service(&self) -> Option<String> {
        let found = self.word(0);
        if !self.wants("protocol") {
            return None;
        }
        if let Some(meant) = literal::reversed_service(found) {
            return Some(format!("write `{meant}`"));
        }
        let protocol = self.word(-2).split_once('/').map(|(protocol, _)| protocol)?;
        let written = format!("{protocol}/{found}");
        let goes_on = self.tok(0) == Some(Tok::Number) && self.tok(-1) == Some(Tok::Comma) && literal::service(&written).is_ok();
        goes_on.then(|| format!("each service has its protocol: write `{written}`"))
    }

    /// What a line of a test lacks.
    fn case(&self) -> Option<String> {
        let whole = self.wants("=>") && matches!(self.tok(0)?, Tok::Semi | Tok::Equal);
        (self.starts_with(Keyword::Test) && whole).then(|| CASE.to_owned())
    }

    /// What is needed where a date, a time or a rate is.
    pub(super) fn instant(&self) -> Option<&'static str> {
        match self.tok(-1)? {
            _ if !self.in_instant() => None,
            Tok::Word(Keyword::Limit) => Some("a rate such as `50mbps`"),
            Tok::Word(Keyword::Until) => Some("a date such as `2026-12-31`"),
            Tok::Word(Keyword::Time) => Some("a moment such as `mon 10:00`"),
            Tok::Equal | Tok::Comma if self.starts_with(Keyword::Time) => Some("days and hours such as `mon-fri 08:00-18:00`"),
            _ => None,
        }
    }
}

/// True for the words that clauses start with.
pub(super) fn starts_clause(word: Keyword) -> bool {
    crate::keyword::KEYWORDS.iter().any(|row| row.keyword == word && row.role == crate::keyword::Role::Clause)
}
