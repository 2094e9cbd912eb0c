//! What the fuzzer asks of any text, asked of every policy, sample and example of the repository, of what was found before
//! (tests/fuzz/corpus), and of texts made out of them by a few words. The fuzzer itself goes on from there: `tests/fuzz/run`.
#![expect(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, holds, mutate};
use tests::repository;

/// How many texts are made out of each.
const MADE: u32 = 40;

/// Longer ones take too long to be asked so often.
const LONGEST: usize = 8_000;

/// All files in a folder and the folders in it; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What stands between fences in the pages of the documentation.
fn examples() -> Vec<Vec<u8>> {
    let pages = files(&repository().join("docs")).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "md"));
    let texts = pages.map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .flat_map(|text| text.split("```").skip(1).step_by(2).map(|block| block.as_bytes().to_vec()).collect::<Vec<_>>())
        .collect()
}

/// Texts that a target starts from.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folders: &[&str] = match target {
        "import" => &["lang/foreign/tests/samples"],
        "flow" => &[],
        _ => &["policies", "lang/tests"],
    };
    let paths = folders.iter().flat_map(|folder| files(&repository().join(folder)));
    let mut texts: Vec<Vec<u8>> = paths.filter(|path| path.extension().is_some_and(|ext| ext != "snap")).map(read).collect();
    match target {
        "flow" => texts.extend(flows(&examples())),
        "import" => {}
        _ => texts.extend(examples()),
    }
    texts.extend(known(target));
    texts
}

/// Lines of test blocks up to their answer.
fn flows(texts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let lines: BTreeSet<&str> = texts.iter().flat_map(|text| std::str::from_utf8(text).unwrap().lines()).collect();
    let flows = lines.into_iter().filter(|line| line.contains(" -> "));
    flows.map(|line| line.split("=>").next().unwrap_or_default().trim().as_bytes().to_vec()).collect()
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// What was found before.
fn known(target: &str) -> Vec<Vec<u8>> {
    files(&repository().join("tests/fuzz/corpus").join(target)).into_iter().map(read).collect()
}

fn asked(target: &str, at_least: usize) {
    let seeds = seeds(target);
    assert!(seeds.len() >= at_least, "{target}: {} texts", seeds.len());
    for (number, seed) in seeds.iter().enumerate() {
        holds(target, seed);
        let Ok(text) = std::str::from_utf8(seed) else { continue };
        for turn in (0..MADE).filter(|_| text.len() <= LONGEST) {
            holds(target, mutate::words(text, u32::try_from(number).unwrap() * MADE + turn).as_bytes());
        }
    }
}

#[test]
fn the_lexer_loses_no_byte() {
    asked("lexer", 200);
}

#[test]
fn the_parser_loses_no_statement() {
    asked("parser", 200);
}

#[test]
fn the_canonical_form_keeps_everything() {
    asked("format", 200);
}

#[test]
fn what_checks_is_decided_in_one_way() {
    asked("check", 200);
}

#[test]
fn flows_in_words_read_back() {
    asked("flow", 40);
}

#[test]
fn what_is_carried_over_checks() {
    asked("import", 8);
}

/// Each target is a program of its own, which the fuzzer's script runs, and nothing else is.
#[test]
fn every_target_has_its_program() {
    let folder = repository().join("tests/fuzz");
    let script = std::fs::read_to_string(folder.join("run")).unwrap();
    let manifest: toml::Table = std::fs::read_to_string(folder.join("targets/Cargo.toml")).unwrap().parse().unwrap();
    let named: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    let programs: BTreeSet<&str> = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(named, programs);
    for target in &named {
        let program = std::fs::read_to_string(folder.join(format!("targets/fuzz_targets/{target}.rs"))).unwrap();
        assert!(program.contains(&format!("targets::target!(\"{target}\");")), "{target}");
    }
    let all = script.lines().find_map(|line| line.strip_prefix("all=(")?.strip_suffix(')')).unwrap();
    assert_eq!(named, all.split(' ').collect::<BTreeSet<&str>>());
    let corpus = std::fs::read_dir(folder.join("corpus")).unwrap().map(|entry| entry.unwrap().file_name());
    for kept in corpus {
        assert!(named.contains(kept.to_str().unwrap()), "{} is of no target", kept.display());
    }
}
