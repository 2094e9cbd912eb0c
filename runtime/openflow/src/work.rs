//! How much work a frame can make: reads are counted in tests, and no frame, however it is made, takes more of them than a few for
//! each of its bytes. So nothing loops, and what a frame costs is known without a clock.

#![expect(clippy::arithmetic_side_effects, reason = "a test fails where a number overflows")]

use std::cell::Cell;

use bytes::Bytes;

use crate::{v10, v13};

thread_local! {
    static READS: Cell<usize> = const { Cell::new(0) };
}

/// Counts one read.
pub(crate) fn count() {
    READS.set(READS.get().saturating_add(1));
}

/// Most reads for a frame of so many bytes.
fn most(length: usize) -> usize {
    length * 3 + 32
}

/// Decodes the frame as both versions; the greater number of reads.
fn reads(frame: &Bytes) -> usize {
    let decoders: [fn(&Bytes) -> bool; 2] = [|f| v10::Message::decode(f).is_ok(), |f| v13::Message::decode(f).is_ok()];
    let counted = decoders.map(|decode| {
        READS.set(0);
        decode(frame);
        READS.get()
    });
    counted.into_iter().max().unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A frame of all bytes that fit: a head, and one structure over and over. Lengths that are marked `LLLL` are those of all from
/// there to the end.
fn full(head: &str, again: &str) -> Bytes {
    let (head, place) = match head.split_once("LLLL") {
        Some((before, after)) => (format!("{before}0000{after}"), Some(hex(before).len())),
        None => (head.to_owned(), None),
    };
    let (mut frame, again) = (hex(&head), hex(again));
    while frame.len() + again.len() <= 65_528 {
        frame.extend_from_slice(&again);
    }
    let length = u16::try_from(frame.len()).unwrap();
    frame[2..4].copy_from_slice(&length.to_be_bytes());
    if let Some(place) = place {
        let start = if head.starts_with("040d") || head.starts_with("010d") { hex(&head).len() } else { place - 2 };
        let inner = u16::try_from(frame.len() - start).unwrap();
        frame[place..place + 2].copy_from_slice(&inner.to_be_bytes());
    }
    frame.into()
}

/// The least structures of every list, as many as a frame holds.
fn fullest() -> Vec<Bytes> {
    let flow_mod =
        "040e0000 00000001 0000000000000000 0000000000000000 00 00 0000 0000 0000 ffffffff ffffffff ffffffff 0000 0000";
    vec![
        full("04000000 00000001", "0002 0004 00000000"),
        full(&format!("{flow_mod} 0001 0004 00000000"), "0005 0008 00000000"),
        full(&format!("{flow_mod} 0001 0004 00000000 0004 LLLL 00000000"), "0010 0008 00000000"),
        full("040a0000 00000001 ffffffff 0000 00 00 0000000000000000 0001 LLLL", "00010000"),
        full("040a0000 00000001 ffffffff 0000 00 00 0000000000000000 0001 LLLL", "80001001 07"),
        full(&format!("{flow_mod} 0001 LLLL"), "00010000"),
        full("010d0000 00000001 ffffffff 0001 LLLL", "0003 0008 00000000"),
        full("040d0000 00000001 ffffffff 00000001 LLLL 000000000000", "0012 0008 00000000"),
        full("01110000 00000001 0005 0000", &"00".repeat(32)),
        full("01150000 00000001 0001 000000000000", "00000001 0008 0000"),
        full("04170000 00000001 00000001 00000000", "00000001 00000001 0010 000000000000"),
        full("040f0000 00000001 0000 00 00 00000001", "0010 0001 ffffffff ffffffff 00000000"),
        full("041d0000 00000001 0000 0001 00000001", "0001 0010 000003e8 00000000 00000000"),
        full("04130000 00000001 0007 0000 00000000", "0008 00 00 00000001"),
        full("04130000 00000001 000a 0000 00000000", "0008 0001 00000001"),
    ]
}

fn cases() -> Vec<Bytes> {
    let files = [
        include_str!("../tests/cases/v10.hex"),
        include_str!("../tests/cases/v13.hex"),
        include_str!("../tests/cases/malformed.hex"),
    ];
    let blocks = files.into_iter().flat_map(|text| text.split("\n\n"));
    let digits = blocks.map(|block| block.lines().filter(|line| !line.starts_with(['#', '=', '!'])).collect::<String>());
    digits.map(|digits| hex(&digits).into()).filter(|frame: &Bytes| frame.len() >= 8).collect()
}

#[test]
fn p22_no_frame_takes_more_reads_than_a_few_for_each_byte() {
    let full = fullest();
    for frame in full.iter().chain(&cases()) {
        let reads = reads(frame);
        assert!(reads <= most(frame.len()), "{reads} reads of {} bytes: {:x}", frame.len(), frame.slice(..frame.len().min(64)));
    }
    // They are no errors at their beginning: the work is really done.
    assert!(full.iter().filter(|frame| reads(frame) > frame.len() / 32).count() >= 13);
}

#[test]
fn p29_no_damaged_frame_takes_more_reads_than_a_few_for_each_byte() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(bound).unwrap()).unwrap()
    };
    for frame in cases() {
        for _ in 0..300 {
            let mut bytes = frame.to_vec();
            for _ in 0..=below(4) {
                let place = below(bytes.len());
                bytes[place] = [0, 1, 4, 8, 16, 0xff][below(6)];
            }
            let length = u16::try_from(bytes.len()).unwrap();
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            let reads = reads(&bytes.clone().into());
            assert!(reads <= most(bytes.len()), "{reads} reads: {:x}", Bytes::from(bytes));
        }
    }
}
