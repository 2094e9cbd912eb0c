//! Flows in words, as `pentane explain` takes them, held against a policy that declares something of every kind.

use std::sync::LazyLock;

use lang::checked::Checked;
use lang::diag::any_error;
use lang::eval::judge;
use lang::flowspec::{flow_text, read};

use crate::{check, sound};

/// The policy that flows are of.
const SITE: &str = include_str!("site.pol");

static POLICY: LazyLock<Option<Checked>> = LazyLock::new(|| check::checked(SITE.as_bytes()).1);

/// How many of the flows that a line stands for are looked at.
const FLOWS: usize = 50;

/// Fails, if a line stands for nothing without a report, or for something that does not read back.
pub(crate) fn holds(line: &str) {
    assert!(POLICY.is_some(), "the policy that flows are of does not check");
    let Some(policy) = POLICY.as_ref() else { return };
    match read(policy, line) {
        Err(why) => {
            assert!(any_error(&why.found), "a flow is lost without an error");
            sound::findings(&why.found, &why.sources);
        }
        Ok(flows) => {
            assert!(!flows.is_empty(), "the line stands for nothing");
            for flow in flows.iter().take(FLOWS) {
                let text = flow_text(policy, flow);
                let again = read(policy, &text).unwrap_or_default();
                let same = again.iter().any(|other| judge(policy, other) == judge(policy, flow));
                assert!(same, "`{text}` is another flow than {flow:?}: {again:?}");
            }
        }
    }
}
