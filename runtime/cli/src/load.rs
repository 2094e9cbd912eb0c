//! From file names to a checked policy and its program, with all that was found on the way. Knows nothing of how it is shown.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use compiler::view::{Cable, Present};
use compiler::{Budget, Program, View};
use daemon::Loaded;
use daemon::files::{PolicyFiles, take_bounded};
use lang::check::add_prelude_of;
use lang::checked::Checked;
use lang::codes::tests_and_assertions::{E0406, E0408};
use lang::diag::{self, Diagnostic, Severity};
use lang::facts::{Facts, Proof, RuleFact};
use lang::source::SourceMap;
use net::{Dpid, Time};
use runtime::map::Map;

use crate::exit::{Exit, Failure};
use crate::report::counted;
use crate::suppose::Supposed;
use crate::{hash, settings, view};

/// The file name that stands for standard input.
pub const STDIN: &str = "-";

/// What standard input is called in answers. Its includes are looked for in the current folder.
const STDIN_NAME: &str = "<stdin>";

/// Which policy, and which view of the network.
#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    /// The policy's files, in order; without them those that pentane.toml in this folder names. `-` reads standard input
    #[arg(value_name = "FILES")]
    pub files: Vec<String>,
    /// What is true on the network: a file of who is attached where, with which addresses and users
    #[arg(long, value_name = "FILE")]
    pub view: Option<PathBuf>,
    /// What is supposed to be otherwise.
    #[arg(skip)]
    pub supposed: Supposed,
}

impl PolicyArgs {
    /// The files that are named and not there.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str).filter(|file| *file != STDIN && !Path::new(file).exists())
    }
}

/// A policy as far as it could be had.
pub struct Policy {
    /// Its files as they were named.
    pub entries: Vec<String>,
    /// Its texts.
    pub sources: SourceMap,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The program over the view; nothing if an error was found.
    pub program: Option<Program>,
    /// The view that it was compiled against.
    pub view: View,
    /// The cables between switches, where the view tells them.
    pub links: Option<Vec<Cable>>,
    /// Switches that are supposed to be off.
    pub down: Vec<Dpid>,
    /// Where the view came from; nothing: no view was given, only registration is known.
    pub view_name: Option<String>,
    /// The tree that it was checked from.
    pub tree: lang::ast::Policy,
    /// What is proved of it: nothing before [`Policy::prove`].
    pub facts: Facts,
    /// What of that holds in the view that was given: nothing without one.
    pub in_view: Option<Facts>,
    /// The policy's hash, 64 digits.
    pub hash: String,
    /// True if one of the entries is not there or cannot be read.
    pub unreadable: bool,
    /// True if something could not be found out, and nothing worse was found.
    pub is_undecided: bool,
}

impl Policy {
    /// Loads, checks and compiles.
    ///
    /// # Errors
    /// No policy is named, or the view cannot be had or does not fit the policy.
    pub fn load(args: &PolicyArgs) -> Result<Policy, Failure> {
        let (entries, files) = files_of(args)?;
        let mut loaded = Loaded::read_from(&entries, &files);
        is_no_view(&loaded.sources)?;
        args.supposed.amend(&mut loaded)?;
        let mut down = Vec::new();
        let Present { view, links } = match (&loaded.policy, args.view.as_deref()) {
            (Some(policy), Some(path)) => {
                let mut present = view::read(path, policy, &args.supposed)?;
                down = args.supposed.cut(&mut present, policy)?;
                present
            }
            (Some(policy), None) => Present { view: View::new(policy), links: None },
            (None, _) => Present::default(),
        };
        let program = loaded.compile(&view);
        let hash = hash::of_policy(&loaded.sources);
        add_prelude_of(&loaded.diagnostics, &mut loaded.sources);
        Ok(Policy {
            tree: loaded.tree,
            facts: Facts::default(),
            in_view: None,
            hash,
            entries,
            program,
            view,
            links,
            down,
            view_name: args.view.as_deref().map(|path| name(path, &args.supposed)),
            unreadable: loaded.unreadable,
            is_undecided: false,
            sources: loaded.sources,
            diagnostics: loaded.diagnostics,
        })
    }

    /// The network that the view tells of, if it tells links.
    pub fn map(&self, policy: &Checked) -> Option<Map> {
        let mut map = Map::new(policy, self.links.as_ref()?);
        self.down.iter().for_each(|dpid| map.remove_switch(*dpid));
        Some(map)
    }

    /// Proves what the policy claims, looks for what is odd in it, and gives findings the severities that pentane.toml says.
    ///
    /// # Errors
    /// pentane.toml is there and cannot be read.
    pub fn prove(&mut self, budget: Budget) -> Result<(), Failure> {
        let Some(program) = &self.program else { return Ok(()) };
        let (facts, found) = compiler::findings(program, &self.tree, Some(now()), budget);
        let in_view = self.claims_in_view(program, &facts, budget);
        self.facts = facts;
        self.diagnostics.extend(found);
        self.take_in_view(in_view);
        settings::severities()?.apply(&mut self.diagnostics);
        add_prelude_of(&self.diagnostics, &mut self.sources);
        self.settle();
        Ok(())
    }

    /// What of the assertions holds in the view that was given.
    pub fn claims_in_view(&self, program: &Program, of_any: &Facts, budget: Budget) -> Option<(Facts, Vec<Diagnostic>)> {
        let name = self.view_name.as_deref()?;
        Some(compiler::claims_in_view(program, &self.tree, (name, &self.view), of_any, budget))
    }

    /// Keeps what was found out about the view.
    pub fn take_in_view(&mut self, found: Option<(Facts, Vec<Diagnostic>)>) {
        let Some((facts, found)) = found else { return };
        self.in_view = Some(facts);
        self.diagnostics.extend(found);
    }

    /// `in the view now.json: 2 assertions proved, 1 refuted`; nothing without a view or assertions.
    pub fn in_view_text(&self) -> Option<String> {
        let (facts, name) = (self.in_view.as_ref()?, self.view_name.as_ref()?);
        let count = |wanted: fn(&Proof) -> bool| facts.assertions.iter().filter(|proof| wanted(proof)).count();
        let counts = [
            (count(|proof| *proof == Proof::Proved), "proved"),
            (count(|proof| matches!(proof, Proof::Refuted(_))), "refuted"),
            (count(|proof| matches!(proof, Proof::Undecided(_))), "undecided"),
        ];
        let parts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", counted(*count, "assertion")))
            .collect();
        (!parts.is_empty()).then(|| format!("in the view {name}: {}", parts.join(", ")))
    }

    /// Puts findings into their order, and keeps as many as are told.
    pub fn settle(&mut self) {
        let mut errors = self.diagnostics.iter().filter(|found| found.severity == Severity::Error).peekable();
        self.is_undecided = errors.peek().is_some() && errors.all(|found| [E0406, E0408].contains(&found.code));
        diag::sort(&mut self.diagnostics, &self.sources);
        diag::cap(&mut self.diagnostics);
    }

    /// Of how many rules it was not found out whether they decide anything.
    pub fn unsettled_rules(&self) -> usize {
        self.facts.rules.iter().filter(|(_, fact)| *fact == RuleFact::Undecided).count()
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == severity).count()
    }

    /// Of which flows something is proved: all that there can be, or those of the view that was given.
    pub fn world(&self) -> &'static str {
        if self.view_name.is_some() { "view" } else { "any-view" }
    }

    /// The same for people.
    pub fn world_text(&self) -> String {
        self.view_name.as_ref().map_or_else(|| "in any view".to_owned(), |view| format!("in the view {view}"))
    }

    /// That a question of verdicts alone says nothing of ways, where there is something to say of them.
    pub fn but_ways_text(&self) -> &'static str {
        if self.links.is_some() || !self.down.is_empty() { ", ways not looked at" } else { "" }
    }

    /// How a command ends that needs a policy and does not get one: a file that was named is not there, or there are errors.
    pub fn exit_without_program(&self) -> Exit {
        if self.unreadable { Exit::CannotDo } else { Exit::Bad }
    }
}

/// The files that are asked for, and where they come from.
fn files_of(args: &PolicyArgs) -> Result<(Vec<String>, PolicyFiles), Failure> {
    let entries = if args.files.is_empty() { settings::policy_files()? } else { args.files.clone() };
    if !args.files.iter().any(|file| file == STDIN) {
        let files = PolicyFiles::of(&entries);
        return Ok((entries, files));
    }
    let named = |entry: String| if entry == STDIN { STDIN_NAME.to_owned() } else { entry };
    let entries: Vec<String> = entries.into_iter().map(named).collect();
    let files = PolicyFiles::of(&entries).with(STDIN_NAME, take_bounded(io::stdin().lock()));
    Ok((entries, files))
}

/// What a view is called.
fn name(path: &Path, supposed: &Supposed) -> String {
    let changed = if supposed.is_nothing() { "" } else { " with changes" };
    format!("{}{changed}", path.display())
}

/// The present.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Time(u64::try_from(since).unwrap_or(u64::MAX))
}

/// A view where a policy belongs has one mistake, and not one on each of its lines.
fn is_no_view(sources: &SourceMap) -> Result<(), Failure> {
    let is_json = |text: &str| text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    match sources.iter().map(|(_, source)| source).find(|source| is_json(&source.text)) {
        Some(source) => Err(Failure::Cannot(format!(
            "{name} is JSON and no policy: give a view with --view {name} (two views: diff --view A --view-after B)",
            name = source.name
        ))),
        None => Ok(()),
    }
}
