//! What the fuzzer asks of any text, asked of every policy, sample and example of the repository, of what was found before
//! (tests/fuzz/corpus), and of texts made out of them by a few words. The fuzzer itself goes on from there: `tests/fuzz/run`.
#![expect(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzz::messages::{Reader, frames};
use fuzz::samples::samples;
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

/// Frames that a target of bytes starts from: sound ones, those that were found before, and seeds of Open vSwitch where
/// `PENTANE_CORPUS` names their folder.
fn wire(target: &str) -> Vec<Vec<u8>> {
    let mut all = samples(target);
    assert!(!all.is_empty(), "{target} starts from nothing");
    all.extend(known(target));
    if let Some(folder) = std::env::var_os("PENTANE_CORPUS") {
        let seeds = files(&Path::new(&folder).join("openflow/ovs-fuzzing-corpus"));
        assert!(seeds.len() >= 660, "{} seeds", seeds.len());
        all.extend(seeds.into_iter().map(read));
    }
    all
}

/// What must hold of these frames, of every beginning of the shorter ones, and of each with a few bytes changed.
fn asked_of_bytes(target: &str) {
    let mut dice = mutate::Dice(0x5eed);
    for sample in wire(target) {
        holds(target, &sample);
        for length in (0..sample.len()).filter(|_| sample.len() < 150) {
            holds(target, &sample[..length]);
        }
        for _ in 0..MADE {
            let mut bytes = sample.clone();
            for _ in 0..=dice.below(4) {
                let at = dice.below(bytes.len());
                if let Some(place) = bytes.get_mut(at) {
                    *place = if dice.once_in(2) { dice.one(&[0, 1, 4, 8, 0x7f, 0xff]) } else { dice.bytes::<1>()[0] };
                }
            }
            holds(target, &bytes);
        }
    }
}

#[test]
fn p29_frames_of_1_0_come_back_or_are_errors() {
    asked_of_bytes("openflow10");
}

#[test]
fn p29_frames_of_1_3_come_back_or_are_errors() {
    asked_of_bytes("openflow13");
}

#[test]
fn p28_streams_fall_into_the_same_frames_however_they_come_in() {
    asked_of_bytes("stream");
}

#[test]
fn p24_matches_come_back_as_the_same_region() {
    asked_of_bytes("match");
}

#[test]
fn packets_are_read_within_their_bytes() {
    for target in ["packet", "arp", "ndp", "quote", "lldp"] {
        asked_of_bytes(target);
    }
}

#[test]
fn what_hosts_send_is_read_or_refused() {
    let seeds = seeds("frames");
    assert!(seeds.len() >= 4);
    let mut dice = mutate::Dice(11);
    for seed in &seeds {
        holds("frames", seed);
        for turn in 0..20_000 {
            let mut bytes = seed.clone();
            for _ in 0..=turn % 6 {
                let at = dice.below(bytes.len());
                bytes[at] = u8::try_from(dice.below(256)).unwrap();
            }
            bytes.truncate(seed.len() - if turn % 3 == 0 { dice.below(seed.len()) } else { 0 });
            holds("frames", &bytes);
        }
    }
}

/// Thousands of messages, as many of each kind: each comes back, byte by byte.
#[test]
fn messages_of_every_kind_come_back_byte_by_byte() {
    let mut kinds = BTreeSet::new();
    for seed in 0..300 {
        for frame in frames(seed, Reader::Specification) {
            let mut again = bytes::BytesMut::new();
            let read = match frame[0] {
                1 => openflow::v10::Message::decode(&frame).map(|(xid, message)| message.encode(xid, &mut again)),
                _ => openflow::v13::Message::decode(&frame).map(|(xid, message)| message.encode(xid, &mut again)),
            };
            assert_eq!(read, Ok(Ok(())), "{frame:x}");
            assert_eq!(again, frame);
            let statistics = matches!((frame[0], frame[1]), (1, 16 | 17) | (4, 18 | 19));
            kinds.insert((frame[0], frame[1], statistics.then(|| u16::from_be_bytes([frame[8], frame[9]]))));
        }
    }
    // 20 and 28 types of message beside statistics, and 8 and 15 types of those, asked and answered.
    assert_eq!(kinds.len(), 20 + 28 + 2 * (8 + 15), "{kinds:?}");
    // What Open vSwitch is given is of the same kinds but for experimenters, who are no business of its.
    let kinds = |reader| (0..40).flat_map(|seed| frames(seed, reader)).map(|frame| (frame[0], frame[1])).collect::<BTreeSet<_>>();
    let missing: Vec<_> = kinds(Reader::Specification).difference(&kinds(Reader::OpenVSwitch)).copied().collect();
    assert_eq!(missing, [(1, 4), (4, 4)]);
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
