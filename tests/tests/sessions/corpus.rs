//! Bytes that broke other programs, at every stage of a connection: Open vSwitch's fuzz seeds where `PENTANE_CORPUS` names their
//! folder, else the repository's own cases.

use std::path::{Path, PathBuf};

use openflow::v13::Message;

use super::desk::{Desk, PORTS_ASKED, announcement, features, hello, packet_in, port_desc, wire};

/// How much the process may grow over all seeds, in bytes.
const GROWTH: u64 = 64 << 20;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Cases of the repository: a hexadecimal frame is a paragraph without its comments.
fn own_seeds() -> Vec<Vec<u8>> {
    let folder = tests::repository().join("runtime/openflow/tests/cases");
    let mut seeds = Vec::new();
    for file in files(&folder) {
        for paragraph in std::fs::read_to_string(file).unwrap().split("\n\n") {
            let lines = paragraph.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_hexdigit()));
            let digits: Vec<u8> = lines.flat_map(str::bytes).filter(u8::is_ascii_hexdigit).collect();
            seeds.push(digits.chunks_exact(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect());
        }
    }
    seeds
}

fn seeds(corpus: &str) -> Vec<Vec<u8>> {
    match std::env::var_os("PENTANE_CORPUS") {
        Some(folder) => {
            let folder = Path::new(&folder).join("openflow/ovs-fuzzing-corpus").join(corpus);
            files(&folder).iter().map(|file| std::fs::read(file).unwrap()).collect()
        }
        None => own_seeds(),
    }
}

/// The seed as it is, and as a frame of the version spoken with a true length, so that it is read further.
fn shapes(seed: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![seed.to_vec()];
    let length = seed.len().min(65_535);
    if length >= 8 {
        let mut framed = seed[..length].to_vec();
        framed[0] = 4;
        framed[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        all.push(framed);
    }
    all
}

/// Resident memory of this process in bytes, where the system tells.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

#[test]
fn p29_fuzz_seeds_at_every_stage_break_nothing() {
    let (mut desk, good) = Desk::with_good();
    let stages: [&[Vec<u8>]; 4] = [&[], &[hello(&[4])], &[hello(&[4]), wire(1, &features(0x2, 0))], &[hello(&[1]), hello(&[1])]];
    let all = seeds("ofp_print_seed_corpus");
    assert!(all.len() > 20, "{} seeds", all.len());
    let before = resident();
    for shape in all.iter().flat_map(|seed| shapes(seed)) {
        for stage in stages {
            let bad = desk.connect();
            desk.bytes(bad, &[stage.concat(), shape.clone()].concat());
            desk.hang_up(bad);
        }
        let bad = desk.join(0x2, &[1, 25]);
        desk.bytes(bad, &shape);
        desk.bytes(bad, &shape);
        desk.hang_up(bad);
        desk.serves(good);
        desk.events.clear();
    }
    assert!(resident().saturating_sub(before) < GROWTH, "{} bytes more", resident().saturating_sub(before));
    assert_eq!(desk.controller.status().switches, 1);
}

#[test]
fn p29_fuzz_seeds_as_packets_break_nothing() {
    let (mut desk, good) = Desk::with_good();
    let bad = desk.join(0x2, &[1, 2, 25]);
    assert!(!desk.closed.contains(&bad));
    let before = resident();
    for seed in seeds("flow_extract_seed_corpus") {
        let frame = &seed[..seed.len().min(60_000)];
        desk.packet(bad, 1, frame);
        desk.packet(bad, 25, frame);
        desk.say(bad, 0, &Message::EchoReply(frame.to_vec().into()));
        desk.serves(good);
        desk.heard(bad);
        desk.events.clear();
    }
    assert!(resident().saturating_sub(before) < GROWTH);
    assert!(!desk.closed.contains(&bad));
    let again = desk.connect();
    desk.bytes(again, &[hello(&[4]), wire(1, &features(0x10, 0)), wire(PORTS_ASKED, &port_desc(&[9]))].concat());
    desk.say(again, 0, &Message::PacketIn(packet_in(9, &announcement(5))));
    desk.serves(good);
}
