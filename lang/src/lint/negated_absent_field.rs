//! W0308: a negated test of a header that may be absent.

use net::Field;

use super::Input;
use crate::ast::{Clause, ClauseKind, CompareOp, Cond, CondField, Item};
use crate::diag::Diagnostic;
use crate::keyword::field_word;

lint! {
    W0308 "negated test of a header that may be absent" {
        what "A condition says `not` of a test of a header, without asking that the header is there. A test of an absent header is false, so its negation holds: for packets without that header, too."
        why "`not tpdst = 22` matches ARP and ICMP as well as every other port."
        example "host roo { mac 00:16:3e:00:00:12; }\nallow from roo when not tpdst = 22;"
        instead "Write `tpdst != 22`, which asks for the header, or say which packets are meant: `for tcp when not tpdst = 22`."
        clean "host roo { mac 00:16:3e:00:00:12; }\nallow from roo when tpdst != 22;"
    }
}

/// What a packet of a service has: all but a VLAN tag. Which of ports and ICMP type it has is said by the service.
const OF_SERVICES: &[Field] =
    &[Field::Protocol, Field::Dscp, Field::NwSrc, Field::NwDst, Field::TpSrc, Field::TpDst, Field::IcmpType, Field::IcmpCode];

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for item in input.tree.items() {
        let clauses: &[Clause] = match item {
            Item::Rule(rule) => &rule.clauses,
            Item::Assert(stmt) => &stmt.clauses,
            _ => continue,
        };
        let by_service = clauses.iter().any(|clause| matches!(clause.kind, ClauseKind::For(_)));
        for clause in clauses {
            if let ClauseKind::When(cond) = &clause.kind {
                let mut guards = asked(cond);
                guards.extend(OF_SERVICES.iter().filter(|_| by_service));
                negated(cond, &guards, &mut found);
            }
        }
    }
    found
}

/// Fields that must be there for the condition to hold: those of its positive tests that are not alternatives.
fn asked(cond: &Cond) -> Vec<Field> {
    match cond {
        Cond::And(parts) => parts.iter().flat_map(asked).collect(),
        Cond::Test(test) => match test.field.value {
            CondField::Header(field) => vec![field],
            CondField::User(_) | CondField::Host(_) | CondField::AccessPoint(_) => Vec::new(),
        },
        Cond::For(..) => OF_SERVICES.to_vec(),
        Cond::Or(_) | Cond::Not(..) | Cond::Time { .. } | Cond::From(..) | Cond::To(..) | Cond::At(..) | Cond::Error(_) => {
            Vec::new()
        }
    }
}

fn negated(cond: &Cond, guards: &[Field], found: &mut Vec<Diagnostic>) {
    match cond {
        Cond::And(parts) | Cond::Or(parts) => parts.iter().for_each(|part| negated(part, guards, found)),
        Cond::Not(inner, span) => {
            let Cond::Test(test) = &**inner else { return };
            let CondField::Header(field) = test.field.value else { return };
            let positive = matches!(test.op.value, CompareOp::Equal | CompareOp::In);
            if positive && may_be_absent(field) && !guards.contains(&field) {
                let word = field_word(test.field.value);
                let message = format!("this holds for packets without a `{word}`, too");
                let other = if test.op.value == CompareOp::Equal { "!=" } else { "not in" };
                found.push(
                    Diagnostic::new(W0308, *span, message).help(format!("write `{word} {other} …`, which asks for the header")),
                );
            }
        }
        Cond::Test(_) | Cond::Time { .. } | Cond::From(..) | Cond::To(..) | Cond::At(..) | Cond::For(..) | Cond::Error(_) => {}
    }
}

fn may_be_absent(field: Field) -> bool {
    !matches!(field, Field::DlType | Field::InPort | Field::DlSrc | Field::DlDst)
}
