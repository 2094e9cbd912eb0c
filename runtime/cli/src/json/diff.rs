//! The answer of `diff`, and of `whatif` without a question, as JSON. Knows nothing of how it is found.

use serde::Serialize;

use super::Rule;

/// `pentane diff --format json`
#[derive(Serialize)]
pub struct Diff {
    /// `pentane.diff/1`
    pub schema: &'static str,
    /// The old policy's hash.
    pub old: String,
    /// The new policy's hash.
    pub new: String,
    /// `any-view`: of all flows that there can be; `view`: of those that there are before or after.
    pub world: &'static str,
    /// Between two views: the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_view: Option<String>,
    /// And the one after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_view: Option<String>,
    /// Flows that only the new policy allows: one of each class.
    pub gained: Vec<Changed>,
    /// Flows that only the old policy allows.
    pub lost: Vec<Changed>,
    /// Flows that both allow, or neither, in another way.
    pub changed: Vec<Changed>,
    /// What both declare, otherwise.
    pub redeclared: Vec<Redeclaration>,
    /// Rules of which it was not found out what becomes of all of their flows.
    pub undecided: Vec<Unsettled>,
    /// Between two views: what of ways is not known, or not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<String>>,
    /// True if all other flows are proved unchanged: nothing is undecided, and nothing declared otherwise.
    pub settled: bool,
}

/// Flows that one rule decided before, and one decides after.
#[derive(Serialize)]
pub struct Changed {
    /// One of them.
    pub flow: String,
    /// The same as the old policy reads it, if that is in other words.
    pub old_flow: Option<String>,
    /// What the old policy does with it: `allow via proxy`.
    pub before: String,
    /// What the new policy does with it.
    pub after: String,
    /// The rule of the old policy; nothing for a default that is not written.
    pub before_rule: Option<Rule>,
    /// The rule of the new policy.
    pub after_rule: Option<Rule>,
    /// Between two views: of how many pairs of ends there are such flows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<usize>,
}

/// What is declared otherwise.
#[derive(Serialize)]
pub struct Redeclaration {
    /// `host griffin`
    pub what: String,
    /// What the old policy says; nothing if it does not declare it.
    pub before: Option<String>,
    /// What the new policy says.
    pub after: Option<String>,
}

/// A rule of one of two policies.
#[derive(Serialize)]
pub struct Unsettled {
    /// `old` or `new`
    pub policy: &'static str,
    /// The rule.
    pub rule: Rule,
}
