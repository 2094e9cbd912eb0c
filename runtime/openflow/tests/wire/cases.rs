//! The cases in `tests/cases`: for each a name, a frame, and the message it must decode to, or the error with its answer.
//!
//! ```text
//! # name
//! hexadecimal digits, on as many lines as they need
//! = message as Rust shows it
//! ```
//! or `! what is wrong (type/code of the answer)`.

use bytes::Bytes;

use crate::{decode, encode, hex};

const FILES: [(&str, &str); 3] = [
    ("v10", include_str!("../cases/v10.hex")),
    ("v13", include_str!("../cases/v13.hex")),
    ("malformed", include_str!("../cases/malformed.hex")),
];

struct Case {
    name: &'static str,
    frame: Bytes,
    outcome: &'static str,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (file, text) in FILES {
        for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
            let name = block.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(file);
            let digits: String = block.lines().filter(|line| !line.starts_with(['#', '=', '!'])).collect();
            let outcome = block.lines().find(|line| line.starts_with(['=', '!'])).unwrap_or("");
            cases.push(Case { name, frame: hex(&digits), outcome });
        }
    }
    cases
}

/// The frames of all cases.
pub(crate) fn frames() -> impl Iterator<Item = Bytes> {
    cases().into_iter().map(|case| case.frame)
}

#[test]
fn each_case_has_its_outcome() {
    let mut wrong = Vec::new();
    for case in cases() {
        let outcome = match decode(&case.frame) {
            Ok((xid, message)) => {
                assert_eq!(encode(&message, xid), case.frame, "{}", case.name);
                format!("= {message:?}")
            }
            Err(error) => format!("! {error} ({}/{})", error.answer().0, error.answer().1),
        };
        if outcome != case.outcome {
            wrong.push(format!("# {}\n{outcome}", case.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
