//! Hosts that a question names and that are nowhere in the view it is asked in: an answer says of them only that nobody is there.
//! Knows nothing of answers.

use std::collections::BTreeSet;

use lang::checked::{Checked, Cond, EndTest, HostId, SetExpr};

use crate::fold::hung;
use crate::load::Policy;
use crate::who::{leaves, list};

/// Which of the hosts that the patterns name are not attached in the view that was given; nothing where all are, or none was given.
pub fn note(policy: &Policy, checked: &Checked, patterns: &[Cond]) -> Option<String> {
    let view = policy.view_name.as_ref()?;
    let mut named = BTreeSet::new();
    for pattern in patterns {
        hosts(checked, pattern, &mut named);
    }
    let attached: BTreeSet<HostId> =
        policy.view.stations().filter(|station| station.location.is_some()).filter_map(|station| station.host).collect();
    let absent = named.difference(&attached).filter_map(|id| checked.hosts.get(id.index()));
    let absent: Vec<String> = absent.map(|host| host.name.to_string()).collect();
    (!absent.is_empty()).then(|| hung(&format!("note: not attached in the view {view}: {}", list(&absent, None))))
}

/// The hosts that a condition asks for.
fn hosts(policy: &Checked, cond: &Cond, found: &mut BTreeSet<HostId>) {
    match cond {
        Cond::End(_, test) => {
            let mut members = BTreeSet::new();
            if leaves(policy, &SetExpr::Leaf(*test), &mut members).is_some() {
                found.extend(members.iter().filter_map(|member| if let EndTest::Host(id) = member { Some(*id) } else { None }));
            }
        }
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| hosts(policy, part, found)),
        Cond::Header(_) | Cond::Time(_) | Cond::Not(_) => {}
    }
}
