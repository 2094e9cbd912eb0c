//! The shipped policies: each checks clean with all its claims proved, is laid out, passes its tests by both evaluators, and its tests
//! reach every rule.
#![expect(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use compiler::analysis::difference;
use compiler::{Budget, Program, View};
use lang::checked::{Checked, Effect};
use lang::eval::judge;
use lang::facts::{Proof, RuleFact};
use lang::flow::Decide;
use lang::flowspec::flow_text;
use lang::import::{LoadError, Loader};
use lang::lint::order_decides::W0306;
use lang::source::SourceMap;
use lang::testing;
use net::Time;
use tests::repository;

/// 2026-11-27.
const NOW: Time = Time(1_795_737_600_000_000);

struct Folder(PathBuf);

impl Loader for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        std::fs::read(self.0.join(path)).map_err(|_| LoadError::NotFound)
    }
}

/// Folder and file of each policy; files that only others include are none.
fn entries() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(repository().join("policies")).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".pol") && name != "inventory.pol" {
                found.push((folder.clone(), name));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn shipped_policies_check_clean_with_every_claim_proved_and_every_rule_tested() {
    let entries = entries();
    assert!(entries.len() >= 8, "{entries:?}");
    for (folder, entry) in entries {
        let read = lang::import::load(&[&entry], &Folder(folder));
        let (checked, mut found) = lang::check::check(&read.sources, &read.policy, read.diagnostics);
        let policy = Arc::new(checked.unwrap_or_else(|| panic!("{entry}: {found:#?}")));
        let program = Program::compile(policy.clone(), &View::new(&policy));
        let (facts, analysed) = compiler::findings(&program, &read.policy, Some(NOW), Budget::default());
        found.extend(analysed);
        let lines: Vec<String> =
            found.iter().filter(|one| one.code != W0306).map(|one| lang::report::concise(one, &read.sources)).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
        assert!(facts.assertions.iter().all(|proof| *proof == Proof::Proved), "{entry}: {:?}", facts.assertions);
        let deciders: [&dyn Decide; 2] = [&lang::eval::Reference(&policy), &program];
        for decider in deciders {
            let run = testing::run(&policy, decider);
            let failed: Vec<_> = run.results.iter().filter(|one| !one.passed).collect();
            assert!(failed.is_empty() && !run.results.is_empty(), "{entry}: {failed:#?}");
            assert!(run.coverage.uncovered.is_empty(), "{entry}: no test reaches {:?}", run.coverage.uncovered);
        }
    }
}

/// Every policy file in a folder and in those below it.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if path.extension().is_some_and(|extension| extension == "pol") {
            found.push(path);
        }
    }
    found
}

#[test]
fn shipped_policies_are_laid_out() {
    let paths = texts(&repository().join("policies"));
    assert!(paths.len() >= 21, "{paths:?}");
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut sources = SourceMap::default();
        let id = sources.add("shipped.pol", text.as_str());
        let laid_out = lang::format::format(&sources, id).unwrap_or_else(|_| panic!("{}", path.display()));
        assert_eq!(laid_out, text, "{}", path.display());
    }
}

/// What a policy decides otherwise with one rule that only reports, and the flows that are told of it, asked of both.
#[test]
fn a_rule_that_is_put_out_of_force_changes_what_was_found_to_hang_on_it() {
    let (mut told, mut idle) = (0, 0);
    for (folder, entry) in entries() {
        let read = lang::import::load(&[&entry], &Folder(folder));
        let policy = Arc::new(lang::check::check(&read.sources, &read.policy, read.diagnostics).0.unwrap());
        let program = Program::compile(policy.clone(), &View::new(&policy));
        let facts = compiler::facts(&program, Budget::default());
        for (id, fact) in &facts.rules {
            let Some(Effect::Decide(verdict)) = policy.rule(*id).map(|rule| rule.effect) else { continue };
            let mut without = Checked::clone(&policy);
            without.rules[id.index()].effect = Effect::Audit(verdict);
            let found = difference(&policy, &without, Budget::default());
            assert!(found.is_settled() && found.redeclared.is_empty(), "{entry} {id:?}");
            let matters = matches!(fact, RuleFact::Decides(_));
            assert_eq!(!found.changes.is_empty(), matters, "{entry} {id:?} {fact:?}");
            idle += usize::from(!matters);
            for change in &found.changes {
                let text = flow_text(&found.sides[1], &change.flow);
                for (policy, answer) in [(&*policy, &change.before), (&without, &change.after)] {
                    let flows = lang::flowspec::read(policy, &text).unwrap_or_else(|why| panic!("{entry}: {text}: {why:?}"));
                    let judged = judge(policy, &flows[0]);
                    let same = (judged.verdict, judged.rule, &judged.via) == (answer.verdict, answer.rule, &answer.via);
                    assert!(same, "{entry}: {text}: {judged:?}, not {answer:?}");
                }
                told += 1;
            }
        }
    }
    assert!(told > 200, "{told} {idle}");
}
