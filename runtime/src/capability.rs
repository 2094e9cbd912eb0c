//! What a policy says that this version cannot carry out on switches: such a policy is not put in force. Knows nothing of why a
//! rule says it.

use lang::checked::{Checked, Cond, Duties, EndTest, Rule, SetExpr, Verdict};
use lang::codes::switches::{S0601, S0602, S0603};
use lang::diag::Diagnostic;
use lang::source::Span;

/// One finding for each statement that cannot be carried out; none where the policy can be put in force as it stands.
#[must_use]
pub fn refusals(policy: &Checked) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = policy.rules.iter().flat_map(|rule| of_rule(policy, rule)).collect();
    if let Some(span) = policy.default.span {
        found.extend(verdict(policy.default.verdict, span));
    }
    // Both halves of a statement say the same.
    found.dedup();
    found
}

fn of_rule(policy: &Checked, rule: &Rule) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = rule.verdict().and_then(|word| verdict(word, rule.span)).into_iter().collect();
    let duties = duties(&rule.duties);
    if !duties.is_empty() {
        let message = format!("this version cannot carry out {}", duties.join(", "));
        let help = "the policy is checked in full, and refused by `run`: take the obligation out, or deny these flows";
        found.push(Diagnostic::new(S0601, rule.span, message).help(help));
    }
    if let Some(group) = dynamic(policy, &rule.cond) {
        let message = format!("nothing fills `{group}` in this version");
        found.push(Diagnostic::new(S0603, rule.span, message).help("name the members in the policy"));
    }
    found
}

fn verdict(verdict: Verdict, span: Span) -> Option<Diagnostic> {
    match verdict {
        Verdict::Allow | Verdict::Deny => None,
        Verdict::Reject | Verdict::Redirect => {
            let message = format!("this version cannot carry out `{verdict}`");
            Some(Diagnostic::new(S0602, span, message).help("write `deny` until it can"))
        }
    }
}

/// The words of what an allowed conversation is bound to, besides middleboxes.
fn duties(duties: &Duties) -> Vec<&'static str> {
    let all = [
        ("`one-way`", duties.one_way),
        ("`avoid`", !duties.avoid.is_empty()),
        ("`vlan`", duties.vlan.is_some()),
        ("`limit`", duties.limit.is_some()),
        ("`mirror`", !duties.mirror.is_empty()),
        ("`queue`", duties.queue.is_some()),
    ];
    all.into_iter().filter_map(|(word, said)| said.then_some(word)).collect()
}

/// The first dynamic group that a condition asks about.
fn dynamic<'a>(policy: &'a Checked, cond: &Cond) -> Option<&'a str> {
    match cond {
        Cond::End(_, EndTest::Group(id)) => {
            let group = policy.groups.get(id.index())?;
            if group.dynamic.is_some() { Some(&group.name) } else { dynamic_member(policy, &group.members) }
        }
        Cond::End(..) | Cond::Header(_) | Cond::Time(_) => None,
        Cond::Not(inner) => dynamic(policy, inner),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().find_map(|part| dynamic(policy, part)),
    }
}

fn dynamic_member<'a>(policy: &'a Checked, set: &SetExpr) -> Option<&'a str> {
    match set {
        SetExpr::Leaf(test @ EndTest::Group(_)) => dynamic(policy, &Cond::End(lang::flow::Side::Src, *test)),
        SetExpr::Leaf(_) => None,
        SetExpr::Union(parts) => parts.iter().find_map(|part| dynamic_member(policy, part)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
            dynamic_member(policy, a).or_else(|| dynamic_member(policy, b))
        }
    }
}
