//! Samples and fuzz seeds of other projects, read where `PENTANE_CORPUS` names their folder.

use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use openflow::split_frame;
use serde_json::Value;

use crate::{decode, encode, hex};

/// One third-party sample.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) grade: String,
    pub(crate) frame: Bytes,
}

/// Samples (by line) whose message comes back in other bytes, and why the difference says nothing.
const REENCODED_DIFFERENTLY: &[(usize, &str)] =
    &[(205, "a HELLO with an element of unknown type and a fragment behind the last: both are ignored, as §7.5.1 says")];

/// Samples (by line) to refuse whose fault is not in what this package knows.
const NOT_OURS_TO_REFUSE: &[(usize, &str)] =
    &[(22, "the fault is within an experimenter's own bytes, which are handed on as they are to whoever speaks them")];

#[expect(clippy::disallowed_methods, reason = "the environment names third-party data")]
fn folder() -> Option<PathBuf> {
    std::env::var("PENTANE_CORPUS").ok().map(|folder| Path::new(&folder).join("openflow"))
}

#[expect(clippy::disallowed_methods, reason = "a test reads its data")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// All samples; none where the corpus is not at hand.
pub(crate) fn samples() -> Vec<Sample> {
    let Some(folder) = folder() else { return Vec::new() };
    let messages = String::from_utf8(read(&folder.join("messages.jsonl"))).unwrap();
    let rows = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.enumerate()
        .map(|(index, row)| Sample {
            name: format!("{} {} {} {}", index + 1, row["source"], row["version"], row["type"]),
            grade: row["grade"].as_str().unwrap().to_owned(),
            frame: hex(row["hex"].as_str().unwrap()),
        })
        .collect()
}

fn listed(list: &[(usize, &str)], sample: &Sample) -> bool {
    list.iter().any(|(line, _)| sample.name.starts_with(&format!("{line} ")))
}

#[test]
fn what_every_decoder_accepts_is_accepted_and_comes_back_the_same() {
    let mut wrong = Vec::new();
    for sample in samples().iter().filter(|sample| sample.grade == "must-decode") {
        match decode(&sample.frame) {
            Err(error) => wrong.push(format!("{}: {error}", sample.name)),
            Ok((xid, message)) => {
                let again = encode(&message, xid);
                if again != sample.frame && !listed(REENCODED_DIFFERENTLY, sample) {
                    wrong.push(format!("{}: {message:?}\n  {:x}\n  {again:x}", sample.name, sample.frame));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_every_decoder_refuses_is_refused() {
    for sample in samples().iter().filter(|sample| sample.grade == "must-reject-or-error") {
        let refused = decode(&sample.frame).is_err();
        assert_eq!(refused, !listed(NOT_OURS_TO_REFUSE, sample), "{}", sample.name);
    }
}

/// Where the corpus is given, it is given whole: a sample that vanishes would prove nothing.
#[test]
fn the_corpus_does_not_shrink() {
    let Some(folder) = folder() else { return };
    let samples = samples();
    let graded = |grade| samples.iter().filter(|sample| sample.grade == grade).count();
    assert!(samples.len() >= 296, "{} samples", samples.len());
    assert!(graded("must-decode") >= 177, "{} to decode", graded("must-decode"));
    assert!(graded("must-reject-or-error") >= 4, "{} to refuse", graded("must-reject-or-error"));
    let known = samples.iter().filter(|sample| ["must-decode", "must-reject-or-error", "disputed"].contains(&&*sample.grade));
    assert_eq!(known.count(), samples.len(), "a grade that no test knows");
    for (seeds, least) in [("flow_extract_seed_corpus", 13), ("ofp_print_seed_corpus", 647)] {
        let there = std::fs::read_dir(folder.join("ovs-fuzzing-corpus").join(seeds)).unwrap().count();
        assert!(there >= least, "{there} in {seeds}");
    }
}

/// How much is read for such frames is bounded for any frame: src/work.rs.
#[test]
fn frames_that_hang_other_decoders_are_errors() {
    let Some(folder) = folder() else { return };
    let rows: Value = serde_json::from_slice(&read(&folder.join("malformed.json"))).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() >= 6, "{} frames", rows.len());
    for row in rows {
        let error = decode(&hex(row["hex"].as_str().unwrap())).map(|(_, message)| message).unwrap_err();
        assert!(error.offset >= 8 && !error.to_string().is_empty(), "{}: {error}", row["name"]);
    }
}

#[test]
fn fuzz_seeds_decode_or_are_errors() {
    let Some(folder) = folder() else { return };
    let mut seen = 0;
    for seeds in ["flow_extract_seed_corpus", "ofp_print_seed_corpus"] {
        for entry in std::fs::read_dir(folder.join("ovs-fuzzing-corpus").join(seeds)).unwrap() {
            let seed = read(&entry.unwrap().path());
            let mut stream = BytesMut::from(&seed[..]);
            while let Ok(Some(frame)) = split_frame(&mut stream) {
                seen += usize::from(decode(&frame).is_ok());
            }
            for version in [1, 4] {
                seen += usize::from(decode(&dressed(&seed, version)).is_ok());
            }
        }
    }
    assert!(seen > 0);
}

/// The bytes with a header of this version and their own length.
fn dressed(seed: &[u8], version: u8) -> Bytes {
    let mut frame = seed.to_vec();
    frame.resize(frame.len().clamp(8, 65_535), 0);
    let length = u16::try_from(frame.len()).unwrap();
    frame[0] = version;
    frame[2..4].copy_from_slice(&length.to_be_bytes());
    frame.into()
}
