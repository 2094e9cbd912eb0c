//! What a policy says that this version cannot carry out on switches: such a policy is not put in force. Knows nothing of why a
//! rule says it.

use std::collections::BTreeSet;

use lang::checked::{BuiltIn, Checked, Cond, EndTest, GroupId, Kind, Part, Rule, RuleId, SetExpr, Verdict};
use lang::codes::switches::{S0602, S0603};
use lang::diag::Diagnostic;
use lang::keyword::Keyword;
use lang::lexer::{Tok, Token, lex};
use lang::source::Span;

/// One finding for each word that cannot be carried out, where it stands; none where the policy can be put in force as it is.
#[must_use]
pub fn refusals(policy: &Checked) -> Vec<Diagnostic> {
    let known = dynamic_of_groups(policy);
    let mut found: Vec<Diagnostic> = policy.rules.iter().flat_map(|rule| of_rule(policy, &known, rule)).collect();
    if let Some(span) = policy.default.span {
        found.extend(verdict(policy, policy.default.verdict, span));
    }
    // Both halves of a statement say the same.
    let mut seen = BTreeSet::new();
    found.retain(|one| seen.insert((one.span, one.message.clone())));
    found
}

/// The rules of the site that hold of no flow unless somebody is logged in at an end of it, in their order. Nothing logs users in in
/// this version.
#[must_use]
pub fn needing_users(policy: &Checked) -> Vec<RuleId> {
    let site = policy.site_rules().iter().filter(|rule| !matches!(rule.part, Part::OutboundDeny | Part::PinDeny));
    site.filter(|rule| needs_user(policy, &rule.cond)).map(|rule| rule.id).collect()
}

/// False where it was not found out.
fn needs_user(policy: &Checked, cond: &Cond) -> bool {
    match cond {
        Cond::End(_, test) => is_of_users(policy, *test),
        Cond::All(parts) => parts.iter().any(|part| needs_user(policy, part)),
        Cond::Any(parts) => !parts.is_empty() && parts.iter().all(|part| needs_user(policy, part)),
        Cond::Header(_) | Cond::Time(_) | Cond::Not(_) => false,
    }
}

/// True if only somebody who is logged in passes the test.
fn is_of_users(policy: &Checked, test: EndTest) -> bool {
    match test {
        EndTest::User(_) | EndTest::BuiltIn(BuiltIn::Authenticated) => true,
        EndTest::Group(id) => policy.groups.get(id.index()).is_some_and(|group| match group.dynamic {
            Some(_) => group.kind == Kind::User,
            None => holds_users(policy, &group.members),
        }),
        _ => false,
    }
}

fn holds_users(policy: &Checked, set: &SetExpr) -> bool {
    match set {
        SetExpr::Leaf(test) => is_of_users(policy, *test),
        SetExpr::Union(parts) => !parts.is_empty() && parts.iter().all(|part| holds_users(policy, part)),
        SetExpr::Intersection(one, other) => holds_users(policy, one) || holds_users(policy, other),
        SetExpr::Difference(all, _) => holds_users(policy, all),
    }
}

fn of_rule(policy: &Checked, known: &[Option<GroupId>], rule: &Rule) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = rule.verdict().and_then(|word| verdict(policy, word, rule.span)).into_iter().collect();
    let groups = dynamic(known, &rule.cond);
    let groups = groups.and_then(|(named, inner)| policy.groups.get(named.index()).zip(policy.groups.get(inner.index())));
    if let Some((named, group)) = groups {
        let message = format!("nothing fills `{}` in this version", group.name);
        let sources =
            [(Tok::Word(Keyword::Directory), "directory"), (Tok::Word(Keyword::Tagged), "tagged"), (Tok::Radius, "radius")];
        let words: Vec<(Tok, &str)> = std::iter::once((Tok::Name, &*named.name)).chain(sources).collect();
        let at = word_at(policy, rule.span, &words);
        found.push(Diagnostic::new(S0603, at, message).help("name the members in the policy"));
    }
    found
}

fn verdict(policy: &Checked, verdict: Verdict, span: Span) -> Option<Diagnostic> {
    match verdict {
        Verdict::Allow | Verdict::Deny | Verdict::Reject => None,
        Verdict::Redirect => {
            let at = word_at(policy, span, &[(Tok::Word(Keyword::Redirect), verdict.word())]);
            let message = format!("this version cannot carry out `{verdict}`");
            Some(Diagnostic::new(S0602, at, message).help("write `deny` until it can"))
        }
    }
}

/// Where the first of these words stands in a statement; the whole statement if none does.
fn word_at(policy: &Checked, statement: Span, words: &[(Tok, &str)]) -> Span {
    let text = policy.sources.text(statement);
    let is_one =
        |token: &&Token| words.iter().any(|(tok, word)| token.tok == *tok && text.get(token.start..token.end) == Some(*word));
    let place = lex(statement.source, text).tokens.iter().find(is_one).copied();
    let offset = |byte: usize| statement.start.saturating_add(u32::try_from(byte).unwrap_or(u32::MAX));
    place.map_or(statement, |token| Span { source: statement.source, start: offset(token.start), end: offset(token.end) })
}

/// For each group the first dynamic one that it is or holds.
fn dynamic_of_groups(policy: &Checked) -> Vec<Option<GroupId>> {
    let mut known: Vec<Option<GroupId>> = Vec::with_capacity(policy.groups.len());
    // What a group names stands before it.
    for (number, group) in (0..).zip(&policy.groups) {
        let own = group.dynamic.is_some().then_some(GroupId(number));
        known.push(own.or_else(|| of_members(&known, &group.members)));
    }
    known
}

fn of_members(known: &[Option<GroupId>], set: &SetExpr) -> Option<GroupId> {
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => known.get(id.index()).copied().flatten(),
        SetExpr::Leaf(_) => None,
        SetExpr::Union(parts) => parts.iter().find_map(|part| of_members(known, part)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => of_members(known, a).or_else(|| of_members(known, b)),
    }
}

/// The first dynamic group that a condition asks about, behind the group that it names.
fn dynamic(known: &[Option<GroupId>], cond: &Cond) -> Option<(GroupId, GroupId)> {
    match cond {
        Cond::End(_, EndTest::Group(id)) => known.get(id.index()).copied().flatten().map(|inner| (*id, inner)),
        Cond::End(..) | Cond::Header(_) | Cond::Time(_) => None,
        Cond::Not(inner) => dynamic(known, inner),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().find_map(|part| dynamic(known, part)),
    }
}
