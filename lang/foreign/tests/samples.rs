//! Policies of other systems beside what becomes of them, and files with several mistakes each beside what is told of them: the
//! sources stand in `tests/samples`, the results in `tests/snapshots`.
#![expect(clippy::panic, reason = "what is taken or refused against expectation has failed the test")]

use foreign::{Imported, LeftOut, Note, Place, Problem};

type Import = fn(&str, &str) -> Result<Imported, Vec<Problem>>;

/// A sample: its name and its text.
macro_rules! sample {
    ($file:literal) => {
        ($file, include_str!(concat!("samples/", $file)))
    };
}

fn at(place: Place) -> String {
    format!("{}:{}", place.line, place.column)
}

/// All that is told, one thing a line, and the policy.
fn shown(result: &Result<Imported, Vec<Problem>>) -> String {
    let mut text = String::new();
    match result {
        Ok(Imported { text: policy, left_out, notes }) => {
            for LeftOut { place, what, why } in left_out {
                text.push_str(&format!("{} left out `{what}`: {why}\n", at(*place)));
            }
            for Note { place, text: note } in notes {
                text.push_str(&format!("{} note: {note}\n", at(*place)));
            }
            text.push_str("----\n");
            text.push_str(policy);
        }
        Err(problems) => {
            for Problem { place, message, help } in problems {
                text.push_str(&format!("{} {message}\n", at(*place)));
                text.extend(help.iter().map(|help| format!("    help: {help}\n")));
            }
        }
    }
    text
}

fn carried(import: Import, (file, text): (&str, &str)) -> String {
    let result = import(text, file);
    assert!(result.is_ok(), "{file}: {}", shown(&result));
    shown(&result)
}

fn refused(import: Import, (file, text): (&str, &str)) -> String {
    match import(text, file) {
        Ok(imported) => panic!("{file} is taken:\n{}", imported.text),
        Err(problems) => {
            assert!(problems.len() >= 5, "{file} has several mistakes, and these are told: {problems:#?}");
            shown(&Err(problems))
        }
    }
}

#[test]
fn the_campus_of_ethane() {
    insta::assert_snapshot!(carried(foreign::pol_eth, sample!("campus.pol-eth")));
}

#[test]
fn slips_that_can_be_read_in_one_way_are_read_and_told() {
    insta::assert_snapshot!(carried(foreign::pol_eth, sample!("slips.pol-eth")));
}

#[test]
fn a_wrong_policy_of_ethane_is_refused_with_all_its_mistakes() {
    insta::assert_snapshot!(refused(foreign::pol_eth, sample!("wrong.pol-eth")));
}

#[test]
fn a_site_of_snac() {
    insta::assert_snapshot!(carried(foreign::sepl, sample!("site.sepl.py")));
}

#[test]
fn what_of_sepl_has_no_counterpart_narrows_the_policy() {
    insta::assert_snapshot!(carried(foreign::sepl, sample!("gaps.sepl.py")));
}

#[test]
fn a_wrong_policy_of_snac_is_refused_with_all_its_mistakes() {
    insta::assert_snapshot!(refused(foreign::sepl, sample!("wrong.sepl.py")));
}

fn faucet(text: &str, file: &str) -> Result<Imported, Vec<Problem>> {
    foreign::faucet(text, file, None)
}

#[test]
fn an_office_of_faucet() {
    insta::assert_snapshot!(carried(faucet, sample!("office.faucet.yaml")));
}

#[test]
fn what_of_faucet_has_no_counterpart_narrows_the_policy() {
    insta::assert_snapshot!(carried(faucet, sample!("gaps.faucet.yaml")));
}

#[test]
fn a_wrong_configuration_of_faucet_is_refused_with_all_its_mistakes() {
    insta::assert_snapshot!(refused(faucet, sample!("wrong.faucet.yaml")));
}
