//! `pentane fix`: takes out what a policy says for nothing, where it is proved that its meaning stays. Everything is read before
//! anything is proved, and everything is proved before anything is written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use compiler::fix::{Changed, Fixed, Left, Request, Why};
use daemon::files::{PolicyFiles, read_bounded};
use lang::diag::Severity;
use lang::import;
use lang::source::SourceMap;
use similar::TextDiff;

use crate::effort::Effort;
use crate::exit::{Exit, Failure};
use crate::fold::{WIDTH, folded};
use crate::json::{self, FileDiff, Fix, LeftAsItIs};
use crate::load::{Policy, PolicyArgs, STDIN, now};
use crate::output::{self, Output, Paint};
use crate::replace::{Staged, stage};
use crate::report::{self, Format, counted};
use crate::{hash, settings};

/// What `fix` is asked.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The policy's files, in order; without them those that pentane.toml in this folder names
    #[arg(value_name = "FILES")]
    files: Vec<String>,
    #[command(flatten)]
    effort: Effort,
    /// Write nothing, show what would change, and end with 1 if anything would
    #[arg(long)]
    dry_run: bool,
    /// How the answer looks
    #[arg(long, value_parser = Format::own(), default_value = "human")]
    format: Format,
}

/// Repairs what can be repaired without a change of meaning.
///
/// # Errors
/// There is no policy, a file cannot be written or has changed meanwhile, or nobody takes the
/// output.
pub fn fix(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.format != Format::Human {
        out.plain();
    }
    if args.files.iter().any(|file| file == STDIN) {
        return Err(Failure::cannot("`fix` writes files in place, and standard input is none: name the file"));
    }
    refuse_parts(&args.files)?;
    let mut policy = Policy::load(&PolicyArgs { files: args.files.clone(), ..PolicyArgs::default() })?;
    policy.prove(args.effort.budget())?;
    let has_errors = policy.diagnostics.iter().any(|found| found.code.severity() == Severity::Error);
    if policy.program.is_none() || has_errors {
        return refuse(out, &mut policy, args.format);
    }
    let severities = settings::severities()?;
    let request = Request {
        entries: &policy.entries,
        sources: &policy.sources,
        now: Some(now()),
        budget: args.effort.budget(),
        severities: &|found| severities.apply(found),
    };
    let Ok(fixed) = compiler::fix::fix(&request) else { return refuse(out, &mut policy, args.format) };
    if !args.dry_run {
        write(&policy.sources, &fixed.changed)?;
    }
    if args.format == Format::Json {
        json::write(out, &as_json(args, &policy, &fixed))?;
    } else {
        write_text(out, args, &fixed)?;
    }
    let undecided = fixed.left.iter().any(|one| one.why == Why::Undecided);
    Ok(match args.dry_run && !fixed.done.is_empty() {
        true => Exit::Bad,
        false if undecided => Exit::Undecided,
        false => Exit::Good,
    })
}

/// Refuses files that are a part of the policy that pentane.toml names: what they say for nothing, the rest may need.
fn refuse_parts(files: &[String]) -> Result<(), Failure> {
    let real = |name: &str| std::fs::canonicalize(name).ok();
    let given: BTreeSet<PathBuf> = files.iter().filter_map(|name| real(name)).collect();
    let Ok(entries) = settings::policy_files() else { return Ok(()) };
    if given.is_empty() || given == entries.iter().filter_map(|name| real(name)).collect() {
        return Ok(());
    }
    let names: Vec<&str> = entries.iter().map(String::as_str).collect();
    let whole = import::load(&names, &PolicyFiles::of(&entries));
    let part = whole.sources.iter().find(|(_, source)| real(&source.name).is_some_and(|path| given.contains(&path)));
    match part {
        Some((_, source)) => Err(Failure::Cannot(format!(
            "`{}` is a part of the policy that pentane.toml names: call `pentane fix` without files",
            source.name
        ))),
        None => Ok(()),
    }
}

/// What is no policy has no meaning that could be kept: its errors are told, and nothing is done.
fn refuse(out: &mut Output, policy: &mut Policy, format: Format) -> Result<Exit, Failure> {
    policy.diagnostics.retain(|found| found.code.severity() == Severity::Error);
    report::write_instead(out, policy, format)?;
    Ok(if policy.is_undecided { Exit::Undecided } else { policy.exit_without_program() })
}

/// Puts all new texts in their places, or none.
fn write(sources: &SourceMap, changed: &[Changed]) -> Result<(), Failure> {
    let unwritten = |name: &str, error: &std::io::Error| Failure::Cannot(format!("`{name}` cannot be written: {error}"));
    for one in changed {
        if let Some(other) = same_file(sources, &one.name) {
            return Err(Failure::Cannot(format!("`{}` and `{other}` are one file: nothing was written", one.name)));
        }
    }
    let mut all: Vec<(&str, Staged)> = Vec::new();
    for one in changed {
        let staged = stage(Path::new(&*one.name), &one.new).map_err(|error| unwritten(&one.name, &error))?;
        all.push((&one.name, staged));
    }
    for one in changed {
        if read_bounded(Path::new(&*one.name)).ok().as_deref() != Some(one.old.as_bytes()) {
            return Err(Failure::Cannot(format!("`{}` has changed meanwhile: nothing was written", one.name)));
        }
    }
    for (name, staged) in all {
        staged.place().map_err(|error| unwritten(name, &error))?;
    }
    Ok(())
}

/// Another name under which the policy has the same file.
fn same_file(sources: &SourceMap, name: &str) -> Option<String> {
    let target = std::fs::canonicalize(name).ok()?;
    let mut others = sources.iter().map(|(_, source)| &*source.name).filter(|other| *other != name);
    others.find(|other| std::fs::canonicalize(other).is_ok_and(|other| other == target)).map(str::to_owned)
}

fn as_json(args: &Args, policy: &Policy, fixed: &Fixed) -> Fix {
    let done = fixed.done.iter().map(|one| json::Fixed {
        file: one.file.to_string(),
        line: one.line,
        code: one.code.text(),
        what: one.what.clone(),
    });
    let left = fixed.left.iter().map(|one| LeftAsItIs {
        file: one.file.to_string(),
        line: line_of(args, one),
        code: one.code.text(),
        why: one.why.to_string(),
        undecided: one.why == Why::Undecided,
    });
    let files = fixed.changed.iter().map(|one| FileDiff { file: one.name.to_string(), diff: diff(one) });
    Fix {
        schema: "pentane.fix/1",
        policy: policy.hash.clone(),
        fixed: hash::of_policy(&fixed.sources),
        written: !args.dry_run && !fixed.changed.is_empty(),
        fixes: done.collect(),
        left: left.collect(),
        files: files.collect(),
    }
}

/// The line of what is left, in the text that the file has now.
fn line_of(args: &Args, one: &Left) -> u32 {
    if args.dry_run { one.old_line } else { one.line }
}

fn write_text(out: &mut Output, args: &Args, fixed: &Fixed) -> Result<(), Failure> {
    let concise = args.format == Format::Concise;
    for one in &fixed.done {
        listed(out, concise, &format!("{}:{}: {} ({})", one.file, one.line, one.what, one.code))?;
    }
    for one in &fixed.left {
        let line = line_of(args, one);
        listed(out, concise, &format!("{}:{line}: left, since {} ({})", one.file, one.why, one.code))?;
    }
    let edits = counted(fixed.done.len(), "edit");
    let files = counted(fixed.changed.len(), "file");
    if args.dry_run && !fixed.changed.is_empty() {
        if !concise {
            out.line("")?;
            fixed.changed.iter().try_for_each(|one| out.text(&diff(one)))?;
        }
        output::complain(&format!("{edits} would be made in {files}\n"));
        return Ok(());
    }
    let done = match (fixed.done.is_empty(), fixed.left.is_empty()) {
        (true, true) => "nothing to fix".to_owned(),
        (true, false) => "nothing fixed".to_owned(),
        (false, _) => format!("{edits} in {files}"),
    };
    let left = if fixed.left.is_empty() { String::new() } else { format!(", {} left", counted(fixed.left.len(), "finding")) };
    let ok = out.paint(Paint::Green, "ok");
    let hash = hash::of_policy(&fixed.sources);
    out.line(format!("{ok}: {done}{left}, policy {}", hash::shown(&hash)))
}

/// One line, or as many as a terminal needs.
fn listed(out: &mut Output, concise: bool, text: &str) -> Result<(), Failure> {
    if concise {
        return out.line(text);
    }
    for (place, line) in folded(text, WIDTH - 4).into_iter().enumerate() {
        out.line(format!("{}{line}", if place == 0 { "" } else { "    " }))?;
    }
    Ok(())
}

fn diff(one: &Changed) -> String {
    TextDiff::from_lines(&*one.old, &*one.new).unified_diff().header(&one.name, &one.name).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::scratch::Scratch;

    /// What becomes of two files, of which the second holds something else than was read.
    fn written(second: &str) -> (Option<String>, Vec<String>, usize) {
        let scratch = Scratch::new("fix").unwrap();
        let names = ["a.pol", "b.pol"].map(|name| scratch.path().join(name).to_string_lossy().into_owned());
        fs::write(&names[0], "user a;\n").unwrap();
        match second {
            "link" => std::os::unix::fs::symlink("a.pol", &names[1]).unwrap(),
            "hard link" => fs::hard_link(&names[0], &names[1]).unwrap(),
            text => fs::write(&names[1], text).unwrap(),
        }
        let mut sources = SourceMap::default();
        names.iter().for_each(|name| {
            sources.add(name.as_str(), "");
        });
        let changed = |name: &String, old: &str| Changed { name: name.as_str().into(), old: old.into(), new: "user c;\n".into() };
        let told = write(&sources, &[changed(&names[0], "user a;\n"), changed(&names[1], "user b;\n")]);
        let why = told.err().map(|failure| match failure {
            Failure::Cannot(why) => why.replace(&*scratch.path().to_string_lossy(), ""),
            Failure::Output(error) => error.to_string(),
        });
        let texts = names.iter().map(|name| fs::read_to_string(name).unwrap()).collect();
        (why, texts, fs::read_dir(scratch.path()).unwrap().count())
    }

    #[test]
    fn all_files_are_written_or_none() {
        let (why, texts, files) = written("user b;\n");
        assert_eq!((why, texts, files), (None, vec!["user c;\n".to_owned(); 2], 2));
        let (why, texts, files) = written("user d;\n");
        assert_eq!(why.as_deref(), Some("`/b.pol` has changed meanwhile: nothing was written"));
        assert_eq!((texts, files), (vec!["user a;\n".to_owned(), "user d;\n".to_owned()], 2));
        let (why, texts, files) = written("hard link");
        assert!(why.is_some_and(|why| why.starts_with("`/a.pol` cannot be written: it has 2 names (hard links)")));
        assert_eq!((texts, files), (vec!["user a;\n".to_owned(); 2], 2));
        let (why, texts, files) = written("link");
        assert_eq!(why.as_deref(), Some("`/a.pol` and `/b.pol` are one file: nothing was written"));
        assert_eq!((texts, files), (vec!["user a;\n".to_owned(); 2], 2));
    }
}
