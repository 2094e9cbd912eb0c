//! The default, settings and `test` blocks. Knows nothing of how flows are answered.

use std::collections::HashMap;

use crate::ast::{ByRef, CaseStmt, DefaultStmt, Setting, SettingStmt, TestBlock, VerdictWord};
use crate::checked::{DecidedBy, DefaultRule, Rule, Test, TestCase, Verdict};
use crate::codes::names::E0212;
use crate::codes::tests_and_assertions::E0404;
use crate::diag::Diagnostic;
use crate::flowspec;
use crate::lexer::lex;
use crate::source::{SourceId, Span};

use super::Checker;
use super::limits::{Counted, MAX_TEST_FLOWS};

/// The verdict that a word is for one flow; nothing for words that are none.
fn verdict_of(word: VerdictWord) -> Option<Verdict> {
    match word {
        VerdictWord::Allow => Some(Verdict::Allow),
        VerdictWord::Deny => Some(Verdict::Deny),
        VerdictWord::Reject => Some(Verdict::Reject),
        VerdictWord::Redirect => Some(Verdict::Redirect),
        VerdictWord::Pass | VerdictWord::OutboundOnly => None,
    }
}

impl Checker {
    /// Takes the default; a second one is refused.
    pub(super) fn defaults(&mut self, stmts: &[&DefaultStmt]) {
        let Some((first, others)) = stmts.split_first() else { return };
        for other in others {
            let diagnostic = Diagnostic::new(E0212, other.span, "a policy has one default, and this is another");
            self.report(diagnostic.related(first.span, "the first is here"));
        }
        match verdict_of(first.verdict.value) {
            Some(verdict) => self.policy.default = DefaultRule { verdict, span: Some(first.span) },
            // The parser refuses it; should it not, there is no policy.
            None => self.damaged = true,
        }
    }

    /// Takes the settings; one that is set twice is refused.
    pub(super) fn settings(&mut self, stmts: &[&SettingStmt]) {
        let mut set: HashMap<&str, Span> = HashMap::new();
        for stmt in stmts {
            let name = match &stmt.setting.value {
                Setting::MultiUser(value) => {
                    self.policy.multi_user = *value;
                    "multi-user"
                }
                Setting::TimeZone(calendar) => {
                    self.policy.calendar = calendar.clone();
                    "time-zone"
                }
            };
            if let Some(first) = set.insert(name, stmt.span) {
                let diagnostic = Diagnostic::new(E0212, stmt.span, format!("`{name}` is set twice"));
                self.report(diagnostic.related(first, "first set here"));
            }
        }
    }

    /// Checks a `test` block and adds it.
    pub(super) fn test(&mut self, block: &TestBlock) {
        let cases: Vec<Option<TestCase>> = block.cases.iter().map(|case| self.case(case)).collect();
        if block.cases.is_empty() {
            let found = Diagnostic::new(E0404, block.name.span, "a test without a line cannot fail");
            self.report(found.help("add what it is to show: `FLOW => VERDICT;`"));
        }
        let sound = cases.iter().all(Option::is_some);
        self.damaged |= !sound;
        self.policy.tests.push(Test {
            name: block.name.value.clone(),
            span: block.name.span,
            cases: cases.into_iter().flatten().collect(),
        });
    }

    fn case(&mut self, case: &CaseStmt) -> Option<TestCase> {
        if self.test_flows > MAX_TEST_FLOWS {
            return None;
        }
        let flows = case.flow.as_ref().and_then(|flow| {
            match flowspec::resolve(&self.policy, &self.names, &self.known, &self.policy.sources, flow) {
                Ok(flows) => Some(flows),
                Err(found) => {
                    self.found.extend(found);
                    None
                }
            }
        });
        // The parser takes no other words.
        let verdict = case.verdict.and_then(|word| verdict_of(word.value));
        let via = match &case.via {
            None => Some(None),
            Some(names) => self.boxes(names).map(Some),
        };
        if verdict.is_some_and(|verdict| verdict != Verdict::Allow)
            && let Some(first) = case.via.as_ref().and_then(|names| names.first())
        {
            let found = Diagnostic::new(E0404, first.span, "only an allowed flow passes middleboxes");
            self.report(found.help("expect `allow`, or leave out `via`"));
        }
        let by = match &case.by {
            None => Some(None),
            Some(ByRef::Default(_)) => Some(Some(DecidedBy::Default)),
            Some(ByRef::Rule(name)) if self.names.is_rule(&name.text) => {
                Some(Some(DecidedBy::Rules(self.policy.rules_named(&name.text).to_vec())))
            }
            Some(ByRef::Rule(name)) => {
                self.found.extend(self.names.unknown_rule(name));
                None
            }
        };
        if let (Some(verdict), Some(Some(by)), Some(by_ref)) = (verdict, &by, &case.by) {
            self.fitting_decider(verdict, by, by_ref);
        }
        let span = case.flow.as_ref()?.span;
        let flows = flows?;
        self.test_flows = self.test_flows.saturating_add(flows.len());
        if !self.room_for(Counted::TestFlows, self.test_flows, case.span) {
            return None;
        }
        Some(TestCase {
            flows,
            verdict: verdict?,
            via: via?,
            by: by?,
            flow_text: in_a_line(span.source, self.policy.sources.text(span)).into(),
            span: case.span,
        })
    }

    /// Reports a verdict that what is to decide never gives.
    fn fitting_decider(&mut self, wanted: Verdict, by: &DecidedBy, by_ref: &ByRef) {
        let (given, span, what) = match (by, by_ref) {
            (DecidedBy::Default, ByRef::Default(span)) => (vec![self.policy.default.verdict], *span, "the default".to_owned()),
            (DecidedBy::Rules(ids), ByRef::Rule(name)) => {
                let verdicts = ids.iter().filter_map(|id| self.policy.rule(*id)).filter_map(Rule::verdict);
                (verdicts.collect(), name.span, format!("`{}`", name.text))
            }
            (DecidedBy::Default, ByRef::Rule(_)) | (DecidedBy::Rules(_), ByRef::Default(_)) => return,
        };
        if let Some(first) = given.first()
            && !given.contains(&wanted)
        {
            let message = format!("{what} gives `{first}`, never `{wanted}`");
            let help = format!("expect `{first}`, or name the rule that gives `{wanted}`");
            self.report(Diagnostic::new(E0404, span, message).help(help));
        }
    }
}

/// The words of a text with a blank where there was room between them, and without comments.
fn in_a_line(source: SourceId, text: &str) -> String {
    let mut line = String::new();
    let mut end = 0;
    for token in lex(source, text).tokens {
        if end > 0 && token.start > end {
            line.push(' ');
        }
        line.push_str(text.get(token.start..token.end).unwrap_or_default());
        end = token.end;
    }
    line
}
