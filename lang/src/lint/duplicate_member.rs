//! W0302: a member that is listed twice.

use std::collections::HashMap;

use super::{Input, MOST};
use crate::ast::{Expr, Item};
use crate::diag::Diagnostic;
use crate::source::Span;

lint! {
    W0302 "member listed twice" {
        what "A list of members names one of them twice."
        why "One of the two was probably to be another."
        example "user bob;\ngroup g = user { bob, bob };\nallow from g;"
        instead "Remove one, or write what was meant."
        clean "user bob;\nuser bill;\ngroup g = user { bob, bill };\nallow from g;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for item in input.tree.items() {
        if let Item::Group(decl) = item {
            list(input, &decl.members, &mut found);
        }
    }
    found
}

fn list(input: &Input<'_>, expr: &Expr, found: &mut Vec<Diagnostic>) {
    match expr {
        Expr::Braced { members, .. } => {
            let mut first: HashMap<&str, Span> = HashMap::new();
            for member in members {
                let text = input.policy.sources.text(member.span());
                if found.len() >= MOST {
                    return;
                }
                if let Some(earlier) = first.get(text) {
                    let twice = Diagnostic::new(W0302, member.span(), format!("`{text}` is listed twice"));
                    let help = format!("remove the second `{text}`, or write the member that was meant");
                    found.push(twice.related(*earlier, "first listed here").help(help));
                } else {
                    first.insert(text, member.span());
                }
                list(input, member, found);
            }
        }
        Expr::Chain { first, rest } => {
            list(input, first, found);
            rest.iter().for_each(|(_, part)| list(input, part, found));
        }
        Expr::Intersection(parts) | Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| list(input, part, found)),
        Expr::Not(inner, _) => list(input, inner, found),
        Expr::Term(_) | Expr::Error(_) => {}
    }
}
