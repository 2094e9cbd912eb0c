//! Rules as JSON names them. Knows nothing of what was asked.

use lang::checked::{Checked, RuleId};
use serde::Serialize;

/// A rule.
#[derive(Serialize)]
pub struct Rule {
    /// Its name, if it has one; `default` for the default.
    pub name: Option<String>,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
}

impl Rule {
    /// The rule that decides, or the default, where it stands; nothing for a default that is not written.
    pub fn deciding(policy: &Checked, rule: Option<RuleId>) -> Option<Rule> {
        let at = policy.sources.position(policy.deciding_span(rule)?);
        let name = match rule {
            // No rule has this name: it is a word of the language.
            None => Some("default"),
            Some(id) => policy.rule(id).and_then(|rule| rule.name.as_deref()),
        };
        Some(Rule { name: name.map(str::to_owned), file: at.file.to_string(), line: at.line })
    }
}

/// A rule that would have allowed a flow.
#[derive(Serialize)]
pub struct Near {
    /// Its name, or its place.
    pub rule: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The one fact that was missing.
    pub lacks: String,
}
