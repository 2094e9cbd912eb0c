//! Random edits of a policy, each as somebody might make it in the text. The same seed gives the same edits.

use std::sync::Arc;

use lang::checked::{Checked, DefaultRule, Effect, MultiUser, Rule, RuleId};

use super::generate::{self, Draw};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Nothing that decides anything.
    Text,
    /// Rules were put in, taken out, moved or written anew.
    Rules,
    /// A group has other members.
    Members,
    /// The default, or how several users are judged.
    Whole,
    /// Something that numbers follow from.
    Declarations,
}

/// Edits a policy in one way.
pub(crate) fn edit(draw: &mut Draw, policy: &mut Checked) -> Done {
    match draw.below(20) {
        0..=3 => put_in(draw, policy),
        4..=6 => take_out(draw, policy),
        7 | 8 => {
            if take_out(draw, policy) == Done::Rules {
                put_in(draw, policy);
            }
            Done::Rules
        }
        9 | 10 => move_rule(draw, policy),
        11 | 12 => change_rule(draw, policy),
        13..=15 => change_members(draw, policy),
        16 | 17 => change_text(draw, policy),
        18 => {
            if draw.chance(2) {
                policy.default = DefaultRule { verdict: generate::verdict(draw), span: None };
            } else {
                policy.multi_user = draw.pick(&[MultiUser::LeastRestrictive, MultiUser::MostRestrictive]);
            }
            Done::Whole
        }
        _ => change_declarations(draw, policy),
    }
}

fn place(draw: &mut Draw, policy: &Checked) -> Option<usize> {
    u32::try_from(policy.rules.len()).ok().filter(|count| *count > 0).map(|count| draw.below(count) as usize)
}

fn groups(policy: &Checked) -> u32 {
    u32::try_from(policy.groups.len()).unwrap()
}

/// Puts a rule at a place; where rules lead to it, it may stand inside their section or behind it.
pub(crate) fn insert(policy: &mut Checked, at: usize, rule: Rule, inside: bool) {
    let at_id = u32::try_from(at).unwrap();
    for other in &mut policy.rules {
        if let Effect::Pass(behind) = &mut other.effect
            && (behind.0 > at_id || (behind.0 == at_id && inside))
        {
            behind.0 += 1;
        }
    }
    policy.rules.insert(at, rule);
    number(policy);
}

/// Takes the rule at a place out.
pub(crate) fn remove(policy: &mut Checked, at: usize) -> Rule {
    let rule = policy.rules.remove(at);
    for other in &mut policy.rules {
        if let Effect::Pass(behind) = &mut other.effect
            && behind.index() > at
        {
            behind.0 -= 1;
        }
    }
    number(policy);
    rule
}

fn number(policy: &mut Checked) {
    for (rule, id) in policy.rules.iter_mut().zip((0..).map(RuleId)) {
        rule.id = id;
        // Nobody leads back.
        if let Effect::Pass(behind) = &mut rule.effect {
            behind.0 = behind.0.max(id.0 + 1);
        }
    }
}

fn put_in(draw: &mut Draw, policy: &mut Checked) -> Done {
    let count = u32::try_from(policy.rules.len()).unwrap();
    let at = draw.below(count + 1);
    let rule = generate::rule(draw, RuleId(at), groups(policy), count + 1);
    let inside = draw.chance(2);
    insert(policy, at as usize, rule, inside);
    Done::Rules
}

fn take_out(draw: &mut Draw, policy: &mut Checked) -> Done {
    let Some(at) = place(draw, policy) else { return Done::Text };
    remove(policy, at);
    Done::Rules
}

fn move_rule(draw: &mut Draw, policy: &mut Checked) -> Done {
    let Some(at) = place(draw, policy) else { return Done::Text };
    let mut rule = remove(policy, at);
    let to = draw.below(u32::try_from(policy.rules.len()).unwrap() + 1);
    if let Effect::Pass(behind) = &mut rule.effect {
        *behind = RuleId(to + 1);
    }
    let inside = draw.chance(2);
    insert(policy, to as usize, rule, inside);
    Done::Rules
}

fn change_rule(draw: &mut Draw, policy: &mut Checked) -> Done {
    let Some(at) = place(draw, policy) else { return Done::Text };
    let (groups, count) = (groups(policy), u32::try_from(policy.rules.len()).unwrap());
    let id = RuleId(u32::try_from(at).unwrap());
    let other = generate::rule(draw, id, groups, count);
    let rule = &mut policy.rules[at];
    if draw.chance(2) {
        rule.cond = other.cond;
    } else {
        (rule.effect, rule.via, rule.duties) = (other.effect, other.via, other.duties);
    }
    Done::Rules
}

fn change_members(draw: &mut Draw, policy: &mut Checked) -> Done {
    let open: Vec<u32> = (0..groups(policy)).filter(|id| policy.groups[*id as usize].dynamic.is_none()).collect();
    if open.is_empty() {
        return Done::Text;
    }
    for _ in 0..=draw.below(2) {
        let id = draw.pick(&open);
        let kind = policy.groups[id as usize].kind;
        policy.groups[id as usize].members = generate::set(draw, kind, id, 3);
    }
    Done::Members
}

fn change_text(draw: &mut Draw, policy: &mut Checked) -> Done {
    if let Some(at) = place(draw, policy) {
        policy.rules[at].name = draw.some(|draw| Arc::from(format!("r{}", draw.below(100))));
        policy.rules[at].owner = draw.some(|_| "somebody".into());
        policy.rules[at].log = draw.chance(2);
    }
    Done::Text
}

fn change_declarations(draw: &mut Draw, policy: &mut Checked) -> Done {
    match draw.below(3) {
        0 => policy.users.swap(0, 1),
        1 => policy.times.swap(0, 1),
        _ => {
            let name: Arc<str> = format!("h{}", 50 + draw.below(50)).into();
            if let Some(host) = policy.hosts.get_mut(4) {
                host.name = name;
            }
        }
    }
    Done::Declarations
}
