//! From file names to a checked policy and its program, with all that was found on the way. Knows nothing of how it is shown.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use compiler::view::{ViewError, ViewFile};
use compiler::{Budget, Program, View};
use daemon::Loaded;
use daemon::files::{PolicyFiles, read_bounded, take_bounded, unreadable};
use lang::check::add_prelude_of;
use lang::checked::Checked;
use lang::codes::tests_and_assertions::{E0406, E0408};
use lang::diag::{self, Diagnostic, Severity};
use lang::facts::{Facts, RuleFact};
use lang::source::SourceMap;
use net::Time;

use crate::exit::{Exit, Failure};
use crate::{hash, settings};

/// The file name that stands for standard input.
pub const STDIN: &str = "-";

/// What standard input is called in answers. Its includes are looked for in the current folder.
const STDIN_NAME: &str = "<stdin>";

/// How many of the mistakes of a view are told.
const MAX_TOLD: usize = 100;

/// How many characters of each.
const MAX_LENGTH: usize = 300;

/// Which policy, and which view of the network.
#[derive(Args, Debug)]
pub struct PolicyArgs {
    /// The policy's files, in order; without them those that pentane.toml in this folder names. `-` reads standard input
    #[arg(value_name = "FILES")]
    pub files: Vec<String>,
    /// What is true on the network: a file of who is attached where, with which addresses and users
    #[arg(long, value_name = "FILE")]
    pub view: Option<PathBuf>,
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
    /// Where the view came from; nothing: no view was given, only registration is known.
    pub view_name: Option<String>,
    /// The tree that it was checked from.
    pub tree: lang::ast::Policy,
    /// What is proved of it: nothing before [`Policy::prove`].
    pub facts: Facts,
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
        let view = match (&loaded.policy, args.view.as_deref()) {
            (Some(policy), Some(path)) => read_view(path, policy)?,
            (Some(policy), None) => View::new(policy),
            (None, _) => View::default(),
        };
        let program = loaded.compile(&view);
        let hash = hash::of_policy(&loaded.sources);
        add_prelude_of(&loaded.diagnostics, &mut loaded.sources);
        Ok(Policy {
            tree: loaded.tree,
            facts: Facts::default(),
            hash,
            entries,
            program,
            view,
            view_name: args.view.as_deref().map(|path| path.display().to_string()),
            unreadable: loaded.unreadable,
            is_undecided: false,
            sources: loaded.sources,
            diagnostics: loaded.diagnostics,
        })
    }

    /// Proves what the policy claims, looks for what is odd in it, and gives findings the severities that pentane.toml says.
    ///
    /// # Errors
    /// pentane.toml is there and cannot be read.
    pub fn prove(&mut self) -> Result<(), Failure> {
        let Some(program) = &self.program else { return Ok(()) };
        let (facts, found) = compiler::findings(program, &self.tree, Some(now()), Budget::default());
        self.facts = facts;
        self.diagnostics.extend(found);
        settings::severities()?.apply(&mut self.diagnostics);
        add_prelude_of(&self.diagnostics, &mut self.sources);
        self.settle();
        Ok(())
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

/// The present.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Time(u64::try_from(since).unwrap_or(u64::MAX))
}

fn read_view(path: &Path, policy: &Checked) -> Result<View, Failure> {
    let name = path.display();
    let bytes = read_bounded(path).map_err(|error| Failure::Cannot(unreadable(&name.to_string(), &error)))?;
    let file: ViewFile =
        serde_json::from_slice(&bytes).map_err(|error| Failure::Cannot(format!("{name} is not a view: {error}")))?;
    file.resolve(policy).map_err(|errors| {
        let one = |error: &ViewError| format!("\n  {}", error.to_string().chars().take(MAX_LENGTH).collect::<String>());
        let all: Vec<String> = errors.iter().take(MAX_TOLD).map(one).collect();
        let more = errors.len() - all.len();
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        Failure::Cannot(format!("the view {name} does not fit the policy:{}{more}", all.concat()))
    })
}
