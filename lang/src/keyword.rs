//! THE table of the language's words. The lexer, the suggestions and the reports derive from it. Knows nothing of grammar beyond the role of a word.

use net::{FIELDS, Field};

use crate::ast::CondField;
use crate::flow::Side;

/// What a word does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Starts a statement.
    Statement,
    /// Says what a rule does.
    Verdict,
    /// Starts a clause of a rule.
    Clause,
    /// Starts a line of a block.
    Member,
    /// Joins or turns round expressions.
    Operator,
    /// Says what deciding rule a test wants.
    Case,
    /// Makes a set whose members are known at run time.
    Set,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The word.
    pub word: &'static str,
    /// The word as a token.
    pub keyword: Keyword,
    /// What it does.
    pub role: Role,
}

macro_rules! keywords {
    ($($carried:ident $word:literal $role:ident,)*) => {
        /// A word of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Keyword {
            $(#[doc = $word] $carried,)*
        }

        /// Every word except the names of fields, which are in [`field`].
        pub const KEYWORDS: &[Row] = &[
            $(Row { word: $word, keyword: Keyword::$carried, role: Role::$role },)*
        ];

        /// The row of a word.
        #[must_use]
        pub fn row(word: &str) -> Option<Row> {
            match word {
                $($word => Some(Row { word: $word, keyword: Keyword::$carried, role: Role::$role }),)*
                _ => None,
            }
        }
    };
}

keywords! {
    Include "include" Statement,
    Switch "switch" Statement,
    Location "location" Statement,
    Host "host" Statement,
    User "user" Statement,
    Group "group" Statement,
    Network "network" Statement,
    Service "service" Statement,
    Gateway "gateway" Statement,
    Middlebox "middlebox" Statement,
    Default "default" Statement,
    Setting "setting" Statement,
    Test "test" Statement,
    Section "section" Statement,
    Time "time" Statement,
    Assert "assert" Statement,
    Invariant "invariant" Statement,
    Allow "allow" Verdict,
    Deny "deny" Verdict,
    Reject "reject" Verdict,
    Redirect "redirect" Verdict,
    Pass "pass" Verdict,
    OutboundOnly "outbound-only" Verdict,
    From "from" Clause,
    To "to" Clause,
    For "for" Clause,
    At "at" Clause,
    Via "via" Clause,
    When "when" Clause,
    OneWay "one-way" Clause,
    Avoid "avoid" Clause,
    Pin "pin" Clause,
    Limit "limit" Clause,
    Mirror "mirror" Clause,
    Queue "queue" Clause,
    Log "log" Clause,
    Audit "audit" Clause,
    Until "until" Clause,
    Owner "owner" Clause,
    Ticket "ticket" Clause,
    Dpid "dpid" Member,
    Access "access" Member,
    Uplink "uplink" Member,
    Certificate "certificate" Member,
    Mac "mac" Member,
    Ip "ip" Member,
    Serves "serves" Member,
    Routes "routes" Member,
    Out "out" Member,
    In "in" Operator,
    And "and" Operator,
    Or "or" Operator,
    Not "not" Operator,
    By "by" Case,
    Directory "directory" Set,
    Tagged "tagged" Set,
}

/// The fields that are not headers.
const END_FIELDS: &[(&str, CondField)] = &[
    ("usrc", CondField::User(Side::Src)),
    ("udst", CondField::User(Side::Dst)),
    ("hsrc", CondField::Host(Side::Src)),
    ("hdst", CondField::Host(Side::Dst)),
    ("apsrc", CondField::AccessPoint(Side::Src)),
    ("apdst", CondField::AccessPoint(Side::Dst)),
];

/// All fields that `when` can name, with their words.
pub fn fields() -> impl Iterator<Item = (&'static str, CondField)> {
    let headers = FIELDS.iter().filter(|row| row.field != Field::InPort).map(|row| (row.name, CondField::Header(row.field)));
    END_FIELDS.iter().copied().chain(headers)
}

/// The words behind the ends and the service of a flow.
pub fn flow_words() -> impl Iterator<Item = &'static str> {
    let headers = fields().filter(|(_, field)| matches!(field, CondField::Header(_))).map(|(word, _)| word);
    headers.chain(["time"])
}

/// The field with this word.
#[must_use]
pub fn field(word: &str) -> Option<CondField> {
    fields().find(|(name, _)| *name == word).map(|(_, field)| field)
}

/// The word of a field.
#[must_use]
pub fn field_word(wanted: CondField) -> &'static str {
    fields().find(|(_, field)| *field == wanted).map_or("field", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_word_and_no_word_has_two_rows() {
        for (i, one) in KEYWORDS.iter().enumerate() {
            assert_eq!(row(one.word).unwrap().keyword, one.keyword);
            assert!(KEYWORDS[i + 1..].iter().all(|other| other.word != one.word), "{}", one.word);
            assert!(field(one.word).is_none(), "{} is a field too", one.word);
        }
    }

    #[test]
    fn fields_are_those_of_the_table_of_match_fields_and_the_ends() {
        assert_eq!(fields().count(), FIELDS.len() - 1 + 6);
        for (word, of) in fields() {
            assert_eq!((field(word), field_word(of)), (Some(of), word));
        }
        assert!(field("in_port").is_none());
    }
}
