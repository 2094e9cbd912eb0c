//! Policy files from the file system to a checked policy that compiles. Knows nothing of what the policy says.

use std::path::PathBuf;
use std::sync::Arc;

use compiler::{Budget, Program, View};
use lang::ast;
use lang::check::add_prelude_of;
use lang::checked::{Checked, Part};
use lang::codes::syntax::E0130;
use lang::diag::{self, Diagnostic};
use lang::import;
use lang::report::{Pen, Style};
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
