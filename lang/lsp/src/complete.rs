//! What may come next at a place: words that the grammar allows, and names of the sorts that fit there. Knows nothing of what is
//! wrong with the rest of the text.

use lang::builtin;
use lang::checked::Kind;
use lang::keyword::{Keyword, fields};
use lang::lexer::{Tok, Token};
use lang::parse::{UpTo, up_to};
use lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, TextEdit};

use crate::names::Sort;
use crate::place::Place;

/// What can be written at a byte of the document.
pub(crate) fn complete(place: &Place<'_>, offset: usize) -> Option<Vec<CompletionItem>> {
    let text = place.text()?;
    let before = text.as_str().get(..offset)?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let start = before.trim_end_matches(is_part).len();
    let follows = up_to(text.as_str(), start);
    let range = text.range(start..offset);
    let wanted = wanted(&follows.tokens, text.as_str());
    let rule = RuleSoFar::of(&follows);
    let mut offers: Vec<Offer> = Vec::new();
    for allowed in &follows.allowed {
        match allowed.as_str() {
            "name" => offers.extend(names(place, wanted)),
            "set" => offers.extend(sets().filter(|(_, kind)| wanted.takes(*kind)).map(|(offer, _)| offer)),
            "field" => {
                let fitting = fields().filter(|(word, _)| rule.as_ref().is_none_or(|rule| rule.takes_field(word)));
                offers.extend(fitting.map(|(word, _)| Offer::new(word, CompletionItemKind::FIELD, "field of a flow")));
            }
            "protocol" if wanted.takes(Some(Kind::Service)) => offers.extend(protocols()),
            "protocol" => {}
            // Words of statements, too: as sets, they are among those.
            "gateway" | "multicast" if follows.allowed.iter().any(|other| other == "set") => {}
            word if rule.as_ref().is_some_and(|rule| !rule.takes_clause(word)) => {}
            word if kind_of(word).is_some_and(|kind| !wanted.takes(Some(kind))) => {}
            "radius" => offers.push(Offer::new("radius class", CompletionItemKind::KEYWORD, "members by their RADIUS class")),
            "number" | "address" | "mac-address" | "port" | "string" | "junk" => {}
            word if word.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
                offers.push(Offer::new(word, CompletionItemKind::KEYWORD, ""));
            }
            _ => {}
        }
    }
    offers.sort_by(|one, other| (one.order(), &one.text).cmp(&(other.order(), &other.text)));
    offers.dedup_by(|one, other| one.text == other.text);
    let item = |(number, offer): (usize, Offer)| CompletionItem {
        label: offer.text.clone(),
        kind: Some(offer.kind),
        detail: (!offer.detail.is_empty()).then_some(offer.detail),
        // Names of the policy before words of the language, each in the order of the alphabet.
        sort_text: Some(format!("{number:06}")),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: offer.text })),
        ..CompletionItem::default()
    };
    Some(offers.into_iter().enumerate().map(item).collect())
}

/// One thing that can be written.
struct Offer {
    text: String,
    kind: CompletionItemKind,
    detail: String,
}

impl Offer {
    fn new(text: &str, kind: CompletionItemKind, detail: &str) -> Offer {
        Offer { text: text.to_owned(), kind, detail: detail.to_owned() }
    }

    fn order(&self) -> usize {
        match self.kind {
            CompletionItemKind::KEYWORD => 2,
            CompletionItemKind::ENUM_MEMBER | CompletionItemKind::FIELD | CompletionItemKind::UNIT => 1,
            _ => 0,
        }
    }
}

fn sets() -> impl Iterator<Item = (Offer, Option<Kind>)> {
    let offer = |name| Offer::new(name, CompletionItemKind::ENUM_MEMBER, "built-in set");
    builtin::SETS.iter().map(move |(name, meaning)| (offer(name), meaning.kind()))
}

/// The kind that stands before members: `user { … }`.
fn kind_of(word: &str) -> Option<Kind> {
    match word {
        "user" => Some(Kind::User),
        "host" => Some(Kind::Host),
        "location" => Some(Kind::Location),
        "switch" => Some(Kind::Switch),
        "network" => Some(Kind::Network),
        "service" => Some(Kind::Service),
        _ => None,
    }
}

/// A rule that is not finished: its verdict is known, and a clause may come next.
struct RuleSoFar {
    verdict: Keyword,
    has_via: bool,
    /// A clause may come next; else the rule is within a condition.
    at_clause: bool,
}

impl RuleSoFar {
    fn of(follows: &UpTo) -> Option<RuleSoFar> {
        let verdicts = [Keyword::Allow, Keyword::Deny, Keyword::Reject, Keyword::Redirect, Keyword::Pass, Keyword::OutboundOnly];
        let words: Vec<Tok> = follows.tokens.iter().map(|token| token.tok).collect();
        let first = match words.as_slice() {
            [Tok::Name, Tok::Colon, first, ..] | [first, ..] => *first,
            [] => return None,
        };
        let verdict = verdicts.into_iter().find(|word| first == Tok::Word(*word))?;
        let has_via = words.contains(&Tok::Word(Keyword::Via));
        Some(RuleSoFar { verdict, has_via, at_clause: follows.allowed.iter().any(|word| word == "log") })
    }

    fn binds(&self) -> bool {
        matches!(self.verdict, Keyword::Allow | Keyword::OutboundOnly)
    }

    /// Where a clause may come, a field is that of an obligation.
    fn takes_field(&self, word: &str) -> bool {
        !self.at_clause || word == "vlan" && self.binds()
    }

    /// False for clauses that do not go with the verdict (E0215).
    fn takes_clause(&self, word: &str) -> bool {
        match word {
            "via" | "avoid" | "limit" | "mirror" | "queue" => self.binds(),
            "one-way" => self.has_via,
            "pin" => self.verdict == Keyword::Allow,
            "when" => self.verdict != Keyword::OutboundOnly,
            "audit" => self.verdict != Keyword::Pass,
            _ => true,
        }
    }
}

fn protocols() -> impl Iterator<Item = Offer> {
    builtin::PROTOCOLS.iter().map(|(name, _)| Offer::new(name, CompletionItemKind::UNIT, "protocol"))
}

/// Which names fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// A new name is being given.
    New,
    /// An end of a flow.
    End,
    /// Members of this kind.
    Of(Kind),
    /// Somewhere in the network.
    Somewhere,
    /// A location, spelled out or by name, not a group.
    OnePlace,
    Services,
    /// Names of Ethernet types.
    EtherTypes,
    /// What stands behind an end in a flow: more of it, or a service.
    EndOrService,
    Middleboxes,
    Times,
    Rules,
    /// A word whose meaning hangs on its place.
    Words(&'static [&'static str]),
    Anything,
}

impl Wanted {
    /// True if members of this kind fit, or, for no kind, those of every kind.
    fn takes(self, kind: Option<Kind>) -> bool {
        let Some(kind) = kind else { return !matches!(self, Wanted::Words(_) | Wanted::EtherTypes | Wanted::Services) };
        match self {
            Wanted::Of(wanted) => wanted == kind,
            Wanted::Somewhere => matches!(kind, Kind::Location | Kind::Switch),
            Wanted::Services => kind == Kind::Service,
            Wanted::End => kind != Kind::Service,
            Wanted::Words(_) | Wanted::EtherTypes => false,
            Wanted::New
            | Wanted::OnePlace
            | Wanted::EndOrService
            | Wanted::Middleboxes
            | Wanted::Times
            | Wanted::Rules
            | Wanted::Anything => true,
        }
    }
}

fn names(place: &Place<'_>, wanted: Wanted) -> Vec<Offer> {
    if wanted == Wanted::EtherTypes {
        let known = builtin::ETHER_TYPES.iter();
        return known.map(|(name, _)| Offer::new(name, CompletionItemKind::ENUM_MEMBER, "Ethernet type")).collect();
    }
    if let Wanted::Words(words) = wanted {
        return words.iter().map(|word| Offer::new(word, CompletionItemKind::KEYWORD, "")).collect();
    }
    let declared = place.snapshot.names().declarations();
    let fitting = declared.iter().filter(|(_, made)| fits(wanted, made.sort));
    let mut offers: Vec<Offer> = fitting.map(|(name, made)| Offer::new(name, kind(made.sort), &detail(made.sort))).collect();
    if matches!(wanted, Wanted::Services | Wanted::EndOrService | Wanted::Anything) {
        let known = builtin::SERVICES.iter().filter(|(name, _)| !declared.iter().any(|(other, _)| other == name));
        offers.extend(known.map(|(name, _)| Offer::new(name, CompletionItemKind::ENUM, "well-known service")));
    }
    offers
}

/// Which names fit behind the tokens of an unfinished statement.
fn wanted(tokens: &[Token], text: &str) -> Wanted {
    let word = |token: &Token| text.get(token.start..token.end).unwrap_or("");
    let Some(last) = tokens.last() else { return Wanted::New };
    let in_test = tokens.first().is_some_and(|token| token.tok == Tok::Word(Keyword::Test));
    let in_rule = tokens.iter().any(|token| matches!(token.tok, Tok::Word(Keyword::From | Keyword::To | Keyword::At)));
    match last.tok {
        Tok::Word(Keyword::Redirect) => return Wanted::Words(&["portal"]),
        Tok::Word(Keyword::Assert) => return Wanted::Words(&["never", "always"]),
        Tok::Word(Keyword::Invariant) => return Wanted::Words(&["disjoint", "subset", "nonempty"]),
        Tok::Word(Keyword::Setting) => return Wanted::Words(&["multi-user", "time-zone"]),
        Tok::Radius => return Wanted::Words(&["class"]),
        _ => {}
    }
    if let [first, rest @ ..] = tokens {
        match (first.tok, rest) {
            (Tok::Word(Keyword::Section), [_, ..]) => return Wanted::Words(&["scope"]),
            (Tok::Word(Keyword::Setting), [name, ..]) if word(name) == "multi-user" => {
                return Wanted::Words(&["least-restrictive", "most-restrictive"]);
            }
            (tok, []) if declares(tok) => return Wanted::New,
            _ => {}
        }
    }
    for (place, token) in tokens.iter().enumerate().rev() {
        let opens = tokens.get(place + 1).is_none_or(|next| next.tok == Tok::LBrace);
        match token.tok {
            Tok::Word(Keyword::From | Keyword::To) => return Wanted::End,
            Tok::Word(Keyword::User) if opens && place > 0 => return Wanted::Of(Kind::User),
            Tok::Word(Keyword::Host) if opens && place > 0 => return Wanted::Of(Kind::Host),
            Tok::Word(Keyword::Location) if opens && place > 0 => return Wanted::Of(Kind::Location),
            Tok::Word(Keyword::Switch) if opens && place > 0 => return Wanted::Of(Kind::Switch),
            Tok::Word(Keyword::Network) if opens && place > 0 => return Wanted::Of(Kind::Network),
            Tok::Word(Keyword::For | Keyword::Service) => return Wanted::Services,
            Tok::Word(Keyword::Via | Keyword::Mirror) => return Wanted::Middleboxes,
            Tok::Word(Keyword::Avoid | Keyword::Out) => return Wanted::OnePlace,
            Tok::Word(Keyword::At) if in_test || !in_rule || place == 0 => return Wanted::OnePlace,
            Tok::Word(Keyword::At | Keyword::Pin) if in_rule_head(tokens) => return Wanted::Somewhere,
            Tok::Word(Keyword::At | Keyword::Pin) => return Wanted::OnePlace,
            Tok::Word(Keyword::By) => return Wanted::Rules,
            Tok::Word(Keyword::Time) => return Wanted::Times,
            Tok::Word(Keyword::Middlebox | Keyword::Gateway) => return Wanted::OnePlace,
            Tok::Field => {
                return match word(token) {
                    "usrc" | "udst" => Wanted::Of(Kind::User),
                    "hsrc" | "hdst" => Wanted::Of(Kind::Host),
                    "apsrc" | "apdst" => Wanted::Somewhere,
                    "nw_src" | "nw_dst" | "nwsrc" | "nwdst" => Wanted::Of(Kind::Network),
                    "dlsrc" | "dldst" | "dl_src" | "dl_dst" => Wanted::Of(Kind::Mac),
                    "protocol" => Wanted::Services,
                    "dltype" => Wanted::EtherTypes,
                    _ => Wanted::Words(&[]),
                };
            }
            Tok::Arrow => return Wanted::EndOrService,
            Tok::LBrace | Tok::Semi if in_test => return Wanted::End,
            _ => {}
        }
    }
    Wanted::Anything
}

/// True if the statement is a rule or an assertion, in which places may be sets.
fn in_rule_head(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| {
        matches!(
            token.tok,
            Tok::Word(
                Keyword::Allow
                    | Keyword::Deny
                    | Keyword::Reject
                    | Keyword::Redirect
                    | Keyword::Pass
                    | Keyword::OutboundOnly
                    | Keyword::Assert
                    | Keyword::Section
            )
        )
    })
}

fn declares(tok: Tok) -> bool {
    matches!(
        tok,
        Tok::Word(
            Keyword::User
                | Keyword::Host
                | Keyword::Switch
                | Keyword::Location
                | Keyword::Group
                | Keyword::Network
                | Keyword::Service
                | Keyword::Gateway
                | Keyword::Middlebox
                | Keyword::Time
                | Keyword::Section
        )
    )
}

fn fits(wanted: Wanted, sort: Sort) -> bool {
    let group_of = |kinds: &[Kind]| matches!(sort, Sort::Group(kind) if kind.is_none_or(|kind| kinds.contains(&kind)));
    match wanted {
        Wanted::New | Wanted::Words(_) | Wanted::EtherTypes => false,
        Wanted::End => {
            let plain = matches!(sort, Sort::User | Sort::Host | Sort::Switch | Sort::Location | Sort::Network);
            plain || matches!(sort, Sort::Group(kind) if kind != Some(Kind::Service))
        }
        Wanted::EndOrService => fits(Wanted::End, sort) || fits(Wanted::Services, sort),
        Wanted::Of(Kind::User) => sort == Sort::User || group_of(&[Kind::User]),
        Wanted::Of(Kind::Host) => sort == Sort::Host || group_of(&[Kind::Host]),
        Wanted::Of(Kind::Location) => sort == Sort::Location || group_of(&[Kind::Location]),
        Wanted::Of(Kind::Switch) => sort == Sort::Switch || group_of(&[Kind::Switch]),
        Wanted::Of(Kind::Network) => sort == Sort::Network || group_of(&[Kind::Network]),
        Wanted::Of(Kind::Mac) => group_of(&[Kind::Mac]),
        Wanted::Of(Kind::Service) | Wanted::Services => sort == Sort::Service || group_of(&[Kind::Service]),
        Wanted::Somewhere => matches!(sort, Sort::Location | Sort::Switch) || group_of(&[Kind::Location, Kind::Switch]),
        Wanted::OnePlace => matches!(sort, Sort::Location | Sort::Switch),
        Wanted::Middleboxes => sort == Sort::Middlebox,
        Wanted::Times => sort == Sort::Time,
        Wanted::Rules => sort == Sort::Rule,
        Wanted::Anything => !matches!(sort, Sort::Rule | Sort::Section | Sort::Assertion | Sort::Middlebox | Sort::Time),
    }
}

fn kind(sort: Sort) -> CompletionItemKind {
    match sort {
        Sort::User => CompletionItemKind::CONSTANT,
        Sort::Host => CompletionItemKind::VARIABLE,
        Sort::Switch | Sort::Gateway | Sort::Middlebox => CompletionItemKind::MODULE,
        Sort::Location => CompletionItemKind::REFERENCE,
        Sort::Group(_) => CompletionItemKind::CLASS,
        Sort::Network => CompletionItemKind::STRUCT,
        Sort::Service => CompletionItemKind::ENUM,
        Sort::Time => CompletionItemKind::EVENT,
        Sort::Rule => CompletionItemKind::FUNCTION,
        Sort::Section | Sort::Assertion => CompletionItemKind::INTERFACE,
    }
}

fn detail(sort: Sort) -> String {
    let of = match sort {
        Sort::Group(Some(Kind::User)) => "group of users",
        Sort::Group(Some(Kind::Host)) => "group of hosts",
        Sort::Group(Some(Kind::Location)) => "group of locations",
        Sort::Group(Some(Kind::Switch)) => "group of switches",
        Sort::Group(Some(Kind::Network)) => "group of networks",
        Sort::Group(Some(Kind::Mac)) => "group of MAC addresses",
        Sort::Group(Some(Kind::Service)) => "group of services",
        other => other.word(),
    };
    of.to_owned()
}
