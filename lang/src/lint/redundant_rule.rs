//! W0304: a rule without which everything would be decided just so.

use std::collections::HashSet;

use super::Input;
use crate::checked::{BuiltIn, Checked, Cond, EndTest, Part, Rule, RuleId, SetExpr, Verdict};
use crate::diag::Diagnostic;
use crate::facts::RuleFact;
use crate::flow::Side;

lint! {
    W0304 "rule that makes no difference" {
        what "A rule decides flows, but without it they would be decided in the same way: by a later rule, or by the default if the text states one. Rules with a label, a log, an owner or a ticket are there for those and not reported, and of two rules that say the same only the one that decides nothing is (W0303)."
        why "It looks as if it did something. Whoever changes it changes nothing."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\nallow from roo to kanga;"
        instead "Remove it; or keep it for its label, its log or its owner, and say so: `# allow(W0304): counted by the help desk`."
        clean "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\ndeny from roo;\nallow to kanga;"
    }
}

/// Finds them. A rule that has a name, logs, or belongs to somebody is there for that.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let nothing: HashSet<RuleId> =
        input.facts.rules.iter().filter(|(_, fact)| matches!(fact, RuleFact::Shadowed(_))).map(|(id, _)| *id).collect();
    let mut all = Vec::new();
    for (id, fact) in &input.facts.rules {
        let RuleFact::Redundant(flow, instead) = fact else { continue };
        let Some(rule) = input.policy.rule(*id).filter(|rule| rule.part == Part::Whole) else { continue };
        if rule.name.is_some() || rule.log || rule.ticket.is_some() || rule.owner.is_some() {
            continue;
        }
        // Where the text states no default, a deny in words says what nobody else does.
        if instead.is_none() && input.policy.default.span.is_none() {
            continue;
        }
        if keeps_copies(input.policy, rule) {
            continue;
        }
        // Of two that say the same, the one is to go that decides nothing: this one is needed then.
        let cond = |id: RuleId| input.policy.rule(id).map(|rule| &rule.cond);
        if instead.is_some_and(|other| nothing.contains(&other) && cond(other) == cond(*id)) {
            continue;
        }
        let by = instead.map_or_else(|| "the default".to_owned(), |id| input.rule(id));
        let message = format!("this rule makes no difference: without it {by} would decide the same");
        let mut found = Diagnostic::new(W0304, rule.span, message);
        if let Some(other) = instead.and_then(|id| input.policy.rule(id)) {
            found = found.related(other.span, "decides the same");
        }
        all.push(input.shown_by(found, flow));
    }
    all
}

/// True if the rule may keep copies from somebody, of what a rule behind it lets go to everybody or to a group: no flow is decided
/// otherwise then, and yet it makes a difference.
fn keeps_copies(policy: &Checked, rule: &Rule) -> bool {
    let keeps = rule.verdict() != Some(Verdict::Allow) || rule.has_obligations();
    let behind = policy.rules.iter().skip(rule.id.index() + 1);
    keeps && behind.filter(|other| other.verdict() == Some(Verdict::Allow)).any(|other| is_for_many(policy, &other.cond))
}

/// True if a condition names a destination that is many.
fn is_for_many(policy: &Checked, cond: &Cond) -> bool {
    match cond {
        Cond::End(Side::Dst, test) => names_many(policy, *test),
        Cond::Not(inner) => is_for_many(policy, inner),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().any(|part| is_for_many(policy, part)),
        Cond::End(Side::Src, _) | Cond::Header(_) | Cond::Time(_) => false,
    }
}

fn names_many(policy: &Checked, test: EndTest) -> bool {
    match test {
        EndTest::BuiltIn(set) => matches!(set, BuiltIn::Broadcast | BuiltIn::Multicast),
        EndTest::Mac(mac) => mac.is_multicast(),
        EndTest::Address(prefix) => prefix.network().is_multicast(),
        // Groups are no circles.
        EndTest::Group(id) => policy.groups.get(id.index()).is_some_and(|group| holds_many(policy, &group.members)),
        EndTest::User(_) | EndTest::Host(_) | EndTest::Location(_) | EndTest::Switch(_) | EndTest::Known(_) => false,
    }
}

fn holds_many(policy: &Checked, set: &SetExpr) -> bool {
    match set {
        SetExpr::Leaf(test) => names_many(policy, *test),
        SetExpr::Union(parts) => parts.iter().any(|part| holds_many(policy, part)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => holds_many(policy, a) || holds_many(policy, b),
    }
}
