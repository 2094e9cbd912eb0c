//! Semantic tokens: what each word is, names by what they stand for. Knows nothing of colours.

use std::collections::HashMap;

use lang::keyword::{KEYWORDS, Role};
use lang::lexer::{Tok, Token, lex};
use lsp_types::{SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensLegend};

use crate::names::{Occurrence, Sort, Space};
use crate::place::Place;
use crate::text::{Text, small};

const TYPES: &[SemanticTokenType] = &[
    SemanticTokenType::KEYWORD,
    SemanticTokenType::COMMENT,
    SemanticTokenType::STRING,
    SemanticTokenType::NUMBER,
    SemanticTokenType::OPERATOR,
    SemanticTokenType::PROPERTY,
    SemanticTokenType::ENUM_MEMBER,
    SemanticTokenType::VARIABLE,
    SemanticTokenType::CLASS,
    SemanticTokenType::FUNCTION,
    SemanticTokenType::NAMESPACE,
    SemanticTokenType::MODIFIER,
];

const DECLARATION: u32 = 1;
const BROUGHT_ALONG: u32 = 2;

/// What the numbers in the answers stand for.
pub(crate) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: TYPES.to_vec(),
        token_modifiers: vec![SemanticTokenModifier::DECLARATION, SemanticTokenModifier::DEFAULT_LIBRARY],
    }
}

/// The tokens of a document.
pub(crate) fn tokens(place: &Place<'_>) -> SemanticTokens {
    let Some(text) = place.text() else { return SemanticTokens::default() };
    let lexed = lex(place.source, text.as_str());
    let names: HashMap<u32, &Occurrence> =
        place.snapshot.names().in_text(place.source).iter().map(|one| (one.span.start, one)).collect();
    let mut marks: Vec<(usize, usize, SemanticTokenType, u32)> = Vec::new();
    for token in &lexed.tokens {
        let name = names.get(&small(token.start));
        marks.extend(of_token(place, text, token, name.copied()));
    }
    for comment in &lexed.comments {
        marks.push((comment.span.range().start, comment.span.range().end, SemanticTokenType::COMMENT, 0));
    }
    marks.sort_by_key(|(start, ..)| *start);
    SemanticTokens { result_id: None, data: encode(text, &marks) }
}

fn of_token(
    place: &Place<'_>,
    text: &Text,
    token: &Token,
    name: Option<&Occurrence>,
) -> Option<(usize, usize, SemanticTokenType, u32)> {
    let all = |kind| Some((token.start, token.end, kind, 0));
    match token.tok {
        Tok::Word(keyword) => {
            let verdict = KEYWORDS.iter().any(|row| row.keyword == keyword && row.role == Role::Verdict);
            all(if verdict { SemanticTokenType::MODIFIER } else { SemanticTokenType::KEYWORD })
        }
        Tok::Radius => all(SemanticTokenType::KEYWORD),
        Tok::Set | Tok::Multicast => Some((token.start, token.end, SemanticTokenType::ENUM_MEMBER, BROUGHT_ALONG)),
        Tok::Field => all(SemanticTokenType::PROPERTY),
        Tok::Number | Tok::Address | Tok::Mac | Tok::Service => all(SemanticTokenType::NUMBER),
        Tok::String => all(SemanticTokenType::STRING),
        Tok::Equal | Tok::NotEqual | Tok::FatArrow | Tok::Arrow | Tok::Pipe | Tok::Ampersand | Tok::Minus => {
            all(SemanticTokenType::OPERATOR)
        }
        Tok::Name | Tok::Port => {
            let Some(name) = name else {
                // Words whose meaning hangs on their place: `never`, `scope`, `portal`.
                return (token.tok == Tok::Name && is_word(text, token)).then_some((
                    token.start,
                    token.end,
                    SemanticTokenType::KEYWORD,
                    0,
                ));
            };
            let declared = place.snapshot.names().declaration(name.space, &name.name);
            let brought = declared.is_none() && lang::builtin::service(&name.name).is_some();
            let modifiers = if name.declares { DECLARATION } else { 0 } | if brought { BROUGHT_ALONG } else { 0 };
            let kind = kind(name.space, declared.map(|made| made.sort));
            Some((name.span.range().start, name.span.range().end, kind, modifiers))
        }
        Tok::LBrace | Tok::RBrace | Tok::LParen | Tok::RParen | Tok::Semi | Tok::Comma | Tok::Colon | Tok::Junk => None,
    }
}

fn is_word(text: &Text, token: &Token) -> bool {
    let word = text.as_str().get(token.start..token.end).unwrap_or("");
    ["never", "always", "scope", "portal", "disjoint", "subset", "nonempty", "class"].contains(&word)
}

fn kind(space: Space, sort: Option<Sort>) -> SemanticTokenType {
    match (space, sort) {
        (Space::Labels, _) => SemanticTokenType::FUNCTION,
        (Space::Heads, _) => SemanticTokenType::NAMESPACE,
        (Space::Declared, Some(Sort::Group(_) | Sort::Network | Sort::Service | Sort::Time)) => SemanticTokenType::CLASS,
        (Space::Declared, _) => SemanticTokenType::VARIABLE,
    }
}

/// Each token by its distance from the one before.
fn encode(text: &Text, marks: &[(usize, usize, SemanticTokenType, u32)]) -> Vec<SemanticToken> {
    let mut last = (0, 0);
    let mut data = Vec::with_capacity(marks.len());
    for (start, end, kind, modifiers) in marks {
        let (start, end) = (text.position(*start), text.position(*end));
        // None of the language's tokens goes over a line end.
        if start.line != end.line {
            continue;
        }
        let delta_line = start.line - last.0;
        data.push(SemanticToken {
            delta_line,
            delta_start: if delta_line == 0 { start.character - last.1 } else { start.character },
            length: end.character - start.character,
            token_type: small(TYPES.iter().position(|known| known == kind).unwrap_or(0)),
            token_modifiers_bitset: *modifiers,
        });
        last = (start.line, start.character);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_used_is_in_the_legend_once() {
        for (place, kind) in TYPES.iter().enumerate() {
            assert_eq!(TYPES.iter().position(|other| other == kind), Some(place));
        }
    }
}
