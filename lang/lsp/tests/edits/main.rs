//! Random sessions: a policy is edited at random, word by word and letter by letter, and everything is asked in random places. The
//! server answers whatever it is asked, its places are in the text, its edits make the text no worse, and what it told last is what it
//! tells of the text when it is opened afresh.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a server that does not answer has failed the test")]

mod session;
mod text;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use session::Session;
use text::{Dice, Text};

const POLICIES: [&str; 4] = [
    include_str!("../../../../policies/home/home.pol"),
    include_str!("../../../../policies/hospital/hospital.pol"),
    include_str!("../../../../policies/branch/branch.pol"),
    include_str!("../../../tests/whole.pol"),
];

/// How often each policy is opened, and how many edits are made in it then.
const SESSIONS: u64 = 8;
const EDITS: i32 = 20;

/// Requests about one place.
const AT: [&str; 6] = ["hover", "completion", "definition", "references", "documentHighlight", "prepareRename"];

/// Requests about the whole document.
const OF: [&str; 5] = ["documentSymbol", "foldingRange", "semanticTokens/full", "codeLens", "formatting"];

#[test]
fn a_session_of_random_edits_ends_where_a_fresh_one_starts() {
    let (mut told, mut renamed, mut acted) = (BTreeSet::new(), 0, 0);
    for (number, policy) in (1_u64..).zip(POLICIES) {
        for seed in 0..SESSIONS {
            let mut dice = Dice::new(number * 1000 + seed);
            let mut text = Text::new(policy);
            let mut session = Session::open(&text);
            let mut found = session.told();
            for version in 1..=EDITS {
                let change = text.edit(&mut dice);
                session.change(version, &change);
                ask_around(&mut session, &text, &mut dice);
                renamed += usize::from(rename(&mut session, &text, &mut dice));
                found = session.told();
                acted += act(&mut session, &text, &found);
            }
            session.close();
            let mut fresh = Session::open(&text);
            assert_eq!(found, fresh.told(), "{}", text.as_str());
            told.extend(found.iter().filter_map(|one| one["code"].as_str().map(str::to_owned)));
            fresh.close();
        }
    }
    assert!(told.len() > 8 && renamed > 20 && acted > 20, "{told:?} {renamed} {acted}");
}

/// Everything that can be asked, each in another place, some of them outside of the text.
fn ask_around(session: &mut Session, text: &Text, dice: &mut Dice) {
    for method in AT {
        let answer = session.ask_at(method, text.place(dice));
        text.holds_all_ranges(&answer);
    }
    for method in OF {
        let answer = session.ask(method, json!({ "options": { "tabSize": 4, "insertSpaces": true } }));
        text.holds_all_ranges(&answer);
        if method == "formatting"
            && let Some(edits) = answer.as_array()
        {
            let once = text.with_edits(edits);
            assert_eq!(once.canonical().as_deref(), Some(once.as_str()), "the canonical form is laid out");
        }
    }
}

/// Renames what is in some place, if anything is: the policy is as good as before.
fn rename(session: &mut Session, text: &Text, dice: &mut Dice) -> bool {
    let at = text.place(dice);
    let params = json!({ "position": at, "newName": "a-name-that-nothing-has" });
    let answer = session.ask("rename", params);
    let Some(edits) = session.edits(&answer) else { return false };
    let after = text.with_edits(&edits);
    assert_eq!(text.errors(), after.errors(), "{}\nis no longer as good:\n{}", text.as_str(), after.as_str());
    true
}

/// Takes each action that is offered: what it is for is gone, and a policy without errors has none then.
fn act(session: &mut Session, text: &Text, found: &[Value]) -> usize {
    let mut taken = 0;
    for one in found.iter().take(4) {
        let context = json!({ "diagnostics": [one] });
        let answer = session.ask("codeAction", json!({ "range": one["range"], "context": context }));
        for action in answer.as_array().into_iter().flatten() {
            let Some(edits) = session.edits(&action["edit"]) else { continue };
            let after = text.with_edits(&edits);
            let (meant, place) =
                (action["diagnostics"][0]["message"].as_str().unwrap(), &action["diagnostics"][0]["range"]["start"]);
            let still = after.findings().iter().any(|(message, start)| meant.starts_with(message) && start == place);
            assert!(!still, "{action}\nhelps nothing:\n{}\n{}", text.as_str(), after.as_str());
            assert!(text.errors() > 0 || after.errors() == 0, "{action}\nmakes it worse:\n{}", after.as_str());
            taken += 1;
        }
    }
    taken
}
