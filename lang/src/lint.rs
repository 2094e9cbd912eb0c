//! THE table of lints, and what they look at. Each lint is one file: its page, its code, its cases. Knows nothing of how findings
//! are shown or silenced.

use net::Time;

use crate::ast::Policy;
use crate::checked::{Checked, RuleId};
use crate::codes::Page;
use crate::diag::Diagnostic;
use crate::facts::Facts;
use crate::flow::{Decide, Flow};
use crate::flowspec::flow_text;
use crate::testing::rule_label;

/// Makes the page of a lint: a constant of the code's name, and `PAGE`.
macro_rules! lint {
    ($name:ident $title:literal { what $what:literal why $why:literal example $example:literal instead $instead:literal clean $clean:literal }) => {
        #[doc = $title]
        pub const $name: $crate::codes::Code = $crate::codes::Code::named(stringify!($name));

        /// Its page.
        pub const PAGE: $crate::codes::Page =
            $crate::codes::Page { code: $name, title: $title, what: $what, why: $why, example: $example, instead: $instead };

        /// A policy that does not earn it.
        pub const CLEAN: &str = $clean;
    };
}

pub mod bare_test;
pub mod cut_outbound_only;
pub mod cut_waypoint;
pub mod duplicate_member;
pub mod empty_group;
pub mod ends_soon;
pub mod locked_out;
pub mod matches_nothing;
pub mod negated_absent_field;
pub mod no_gateway;
pub mod order_decides;
pub mod past_time;
pub mod random_mac;
pub mod redundant_rule;
pub mod shadowed_rule;
pub mod unreachable_default;
pub mod unused_name;
pub mod vacuous_assertion;
pub mod whole_day;
pub mod whole_protocol;

/// How much of one sort a lint tells, where a text can have very much of it.
pub(crate) const MOST: usize = 10_000;

/// What a lint looks at.
pub struct Input<'a> {
    /// The policy.
    pub policy: &'a Checked,
    /// The text that it was made from.
    pub tree: &'a Policy,
    /// What is proved of it.
    pub facts: &'a Facts,
    /// Whatever answers flows.
    pub decide: &'a dyn Decide,
    /// The present, if it is to count.
    pub now: Option<Time>,
}

/// One lint.
#[derive(Clone, Copy)]
pub struct Lint {
    /// Its page.
    pub page: Page,
    /// A policy that does not earn it.
    pub clean: &'static str,
    /// Finds it.
    pub check: fn(&Input<'_>) -> Vec<Diagnostic>,
}

macro_rules! table {
    ($($module:ident),* $(,)?) => {
        /// All lints, by code.
        pub const LINTS: &[Lint] = &[$(Lint { page: $module::PAGE, clean: $module::CLEAN, check: $module::check }),*];

        /// Their pages, by code.
        pub const PAGES: &[Page] = &[$($module::PAGE),*];
    };
}

table! {
    unused_name,
    duplicate_member,
    shadowed_rule,
    redundant_rule,
    matches_nothing,
    order_decides,
    unreachable_default,
    negated_absent_field,
    empty_group,
    cut_waypoint,
    cut_outbound_only,
    random_mac,
    locked_out,
    ends_soon,
    whole_protocol,
    whole_day,
    vacuous_assertion,
    no_gateway,
    past_time,
    bare_test,
}

/// What all lints find.
#[must_use]
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    LINTS.iter().flat_map(|lint| (lint.check)(input)).collect()
}

impl Input<'_> {
    /// How a rule is named in messages: its label with its place, or its place.
    pub(crate) fn rule(&self, id: RuleId) -> String {
        let label = rule_label(self.policy, id);
        match self.policy.rule(id).filter(|rule| rule.name.is_some()) {
            Some(rule) => {
                let at = self.policy.sources.position(rule.span);
                format!("`{label}` ({}:{})", at.file, at.line)
            }
            None => format!("the {label}"),
        }
    }

    /// The finding with a flow that shows it.
    pub(crate) fn shown_by(&self, found: Diagnostic, flow: &Flow) -> Diagnostic {
        let by = self.decide.decide(flow).rule;
        let by = by.map_or_else(|| "default".to_owned(), |id| rule_label(self.policy, id));
        found.witness(flow_text(self.policy, flow), by)
    }
}
