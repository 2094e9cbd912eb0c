//! Policy files from the file system to a checked policy that compiles. Knows nothing of what the policy says.

use std::path::PathBuf;
use std::sync::Arc;

use compiler::{Budget, Program, View};
use lang::ast;
use lang::check::add_prelude_of;
use lang::checked::{Checked, Part};
use lang::codes::syntax::E0130;
use lang::diag::{self, Diagnostic, Severity};
use lang::import;
use lang::report::{Pen, Style, concise};
use lang::source::SourceMap;

use crate::files::PolicyFiles;

/// What loading came to: a policy, unless there are errors.
#[derive(Debug)]
pub struct Loaded {
    /// Its texts, for reports.
    pub sources: SourceMap,
    /// The policy, if it may be used.
    pub policy: Option<Arc<Checked>>,
    /// Errors and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// True if an entry is not there or cannot be read.
    pub unreadable: bool,
    /// The tree that it was checked from.
    pub tree: ast::Policy,
    /// True if it compiled and no switch can keep what it says: see [`Program::tests_pcp`].
    pub by_hand: bool,
}

/// Reads, checks and compiles a policy from these files.
#[must_use]
pub fn load(files: &[PathBuf]) -> Loaded {
    let entries: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let mut loaded = Loaded::read(&entries);
    if let Some(policy) = loaded.policy.clone() {
        if let Some(program) = loaded.compile(&View::new(&policy)) {
            loaded.prove(&program);
        }
        loaded.refuse(runtime::capability::refusals(&policy));
    }
    loaded
}

impl Loaded {
    /// Reads and checks a policy from the files with these names.
    #[must_use]
    pub fn read(entries: &[String]) -> Loaded {
        Loaded::read_from(entries, &PolicyFiles::of(entries))
    }

    /// Reads and checks a policy of these entries.
    #[must_use]
    pub fn read_from(entries: &[String], files: &PolicyFiles) -> Loaded {
        let names: Vec<&str> = entries.iter().map(String::as_str).collect();
        let read = import::load(&names, files);
        // With a file missing, what it declares would be reported as unknown everywhere else.
        if files.lacks_entry() {
            return Loaded {
                sources: read.sources,
                policy: None,
                diagnostics: read.diagnostics,
                tree: ast::Policy::default(),
                unreadable: true,
                by_hand: false,
            };
        }
        let (checked, diagnostics) = lang::check::check_loaded(&read);
        Loaded {
            sources: read.sources,
            policy: checked.map(Arc::new),
            diagnostics,
            tree: read.policy,
            unreadable: false,
            by_hand: false,
        }
    }

    /// Compiles the policy against a view. A policy that exceeds what can be compiled is none: what exceeds is among the findings.
    pub fn compile(&mut self, view: &View) -> Option<Program> {
        let policy = self.policy.clone()?;
        let program = Program::compile(policy.clone(), view);
        self.by_hand = program.tests_pcp();
        self.diagnostics.extend(program.excess().iter().filter_map(|excess| excess.diagnostic(&policy)));
        diag::sort(&mut self.diagnostics, &self.sources);
        diag::cap(&mut self.diagnostics);
        if diag::any_error(&self.diagnostics) {
            self.policy = None;
        }
        self.policy.is_some().then_some(program)
    }

    /// Proves what the policy claims. One whose claims do not hold is none. Rules that have expired match nothing; a daemon that
    /// starts then is not to stay down for them.
    fn prove(&mut self, program: &Program) {
        self.refuse(compiler::claims(program, &self.tree, Budget::default()).1);
    }

    /// Takes findings for errors: a policy that has some is none.
    fn refuse(&mut self, refusals: Vec<Diagnostic>) {
        if !refusals.is_empty() {
            self.diagnostics.extend(refusals);
            diag::sort(&mut self.diagnostics, &self.sources);
            self.policy = None;
        }
    }

    /// The report of all findings, without colour.
    #[must_use]
    pub fn report(&self) -> String {
        let mut sources = self.sources.clone();
        add_prelude_of(&self.diagnostics, &mut sources);
        let mut pen = Pen::new(Style::default());
        let one = |found: &Diagnostic| match is_of_entry(found, &sources) {
            true => format!("error: {}\n", found.message),
            false => pen.draw(found, &sources) + "\n",
        };
        self.diagnostics.iter().map(one).collect()
    }

    /// The findings, errors first, one on a line, as many as asked for at most; then how many more there are.
    #[must_use]
    pub fn lines(&self, most: usize) -> String {
        let mut sources = self.sources.clone();
        add_prelude_of(&self.diagnostics, &mut sources);
        let one = |found: &Diagnostic| match is_of_entry(found, &sources) {
            true => format!("error: {}", found.message),
            false => concise(found, &sources),
        };
        let (errors, rest): (Vec<_>, Vec<_>) = self.diagnostics.iter().partition(|found| found.severity == Severity::Error);
        let mut lines: Vec<String> = errors.into_iter().chain(rest).take(most).map(one).collect();
        let more = self.diagnostics.len() - lines.len();
        if more > 0 {
            lines.push(format!("and {more} more: `pentane check` shows them"));
        }
        lines.join("\n")
    }

    /// The files that it was read from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.sources.iter().map(|(_, source)| PathBuf::from(source.name.as_ref())).collect()
    }
}

/// How many rules a policy states, the prelude not counted. An `outbound-only` is two rules for the compiler and one for its
/// author, and so is a rule with `pin`.
#[must_use]
pub fn rule_count(policy: &Checked) -> usize {
    policy.site_rules().iter().filter(|rule| !matches!(rule.part, Part::OutboundDeny | Part::PinDeny)).count()
}

/// True if the finding is that an entry cannot be had: there is no text to show it in.
#[must_use]
pub fn is_of_entry(found: &Diagnostic, sources: &SourceMap) -> bool {
    found.code == E0130 && sources.get(found.span.source).is_none_or(|source| source.text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_a_line_each_and_few() {
        let wrong: String = (0..30).map(|number| format!("deny from x{number};\n")).collect();
        let text = format!("user bob;\n{wrong}");
        let entries = ["a.pol".to_owned(), "gone.pol".to_owned()];
        let files = PolicyFiles::of(&entries).with("a.pol", Ok(text.into_bytes()));
        let alone = Loaded::read_from(&entries[..1], &files);
        let lines = alone.lines(3);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!((lines.len(), lines[3]), (4, "and 27 more: `pentane check` shows them"), "{lines:?}");
        assert!(lines[0].starts_with("a.pol:2:11: error[E0201]: "), "{lines:?}");
        assert_eq!(Loaded::read_from(&entries, &files).lines(3), "error: there is no file `gone.pol`");
    }
}
