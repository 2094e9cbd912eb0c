//! Texts with something wrong in them, whatever it is: each is read to its end, and is refused or becomes a policy that checks.

use foreign::{Imported, Problem};
use proptest::prelude::*;

use crate::checked;

const SAMPLES: &[&str] = &[
    include_str!("../samples/campus.pol-eth"),
    include_str!("../samples/slips.pol-eth"),
    include_str!("../samples/site.sepl.py"),
    include_str!("../samples/gaps.sepl.py"),
    include_str!("../samples/office.faucet.yaml"),
    include_str!("../samples/gaps.faucet.yaml"),
];

const PIECES: &[&str] =
    &["", "(", ")", "[", "]", "\"", "'", "\n", "\\", "#", "~", "^", ": ", "- ", "{", "0x", "\u{202e}", "é", "<<", "&a ", "*a"];

fn all(text: &str) -> [Result<Imported, Vec<Problem>>; 3] {
    [foreign::pol_eth(text, "x"), foreign::sepl(text, "x"), foreign::faucet(text, "x", None)]
}

/// A sample with a stretch of it replaced.
fn damaged() -> impl Strategy<Value = String> {
    (0..SAMPLES.len(), any::<prop::sample::Index>(), 0..8_usize, 0..PIECES.len()).prop_map(|(sample, at, length, piece)| {
        let letters: Vec<char> = SAMPLES[sample].chars().collect();
        let at = at.index(letters.len());
        let behind = (at + length).min(letters.len());
        let text: String = letters[..at].iter().collect();
        text + PIECES[piece] + &letters[behind..].iter().collect::<String>()
    })
}

fn sound(text: &str) -> Result<(), TestCaseError> {
    let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
    for result in all(text) {
        match result {
            Ok(imported) => prop_assert!(checked::checked(&imported.text).is_ok(), "{text}\n{}", imported.text),
            Err(problems) => {
                prop_assert!(!problems.is_empty(), "{text}");
                for problem in &problems {
                    let inside = (1..=lines).contains(&problem.place.line) && problem.place.column > 0;
                    prop_assert!(inside, "{problem:?} is not in\n{text}");
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_refused_or_becomes_a_sound_policy(text in damaged()) {
        sound(&text)?;
    }

    #[test]
    fn any_text_is_read_to_its_end(text in "[\\x20-\\x7e\n\u{e9}\u{202e}]{0,80}") {
        sound(&text)?;
    }
}
