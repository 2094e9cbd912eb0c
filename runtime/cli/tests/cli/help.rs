//! `pentane help`, and what comes before any command.

use crate::run::{assert_run, told};

#[test]
fn pages_are_printed_offline() {
    assert_run!(told(&["help", "e0102"]));
    let listed = told(&["help"]);
    assert_eq!(listed.code, 0);
    assert!(listed.stdout.contains("E0201") && listed.stdout.contains("Exit codes:"), "{listed}");
    assert_eq!(told(&["help", "check"]).code, 0);
    let nested = told(&["help", "who", "can-reach"]);
    assert!(nested.code == 0 && nested.stdout.contains("Usage: pentane who can-reach"), "{nested}");
}

#[test]
fn every_page_can_be_printed() {
    for page in lang::codes::pages() {
        let told = told(&["help", page.code.text()]);
        assert_eq!((told.code, &*told.stderr), (0, ""), "{told}");
        assert!(told.stdout.starts_with(page.code.text()), "{told}");
    }
}

#[test]
fn unknown_words_are_refused_with_advice() {
    assert_run!(told(&["help", "E0199"]));
    assert_run!(told(&["help", "zzz"]));
    assert_eq!(told(&["help", "E0201", "check"]).code, 2);
    assert_run!(told(&["chekc"]));
    assert_eq!(told(&["check", "--fromat", "json"]).code, 2);
    assert_eq!(told(&[]).code, 2);
}

#[test]
fn help_fits_a_terminal() {
    let commands = ["init", "check", "fmt", "fix", "test", "explain", "import", "run", "demo", "bench", "help"];
    let asked = commands.map(|command| vec![command, "--help"]);
    let more = [vec!["--help"], vec!["help"], vec!["bench", "openflow", "--help"], vec!["fmt", "-h"]];
    for args in asked.into_iter().chain(more) {
        let told = told(&args);
        assert_eq!(told.code, 0, "{told}");
        assert!(told.stdout.lines().all(|line| line.chars().count() <= 80), "{told}");
    }
}

#[test]
fn the_version_and_the_help_are_good_answers() {
    assert_run!(told(&["--version"]));
    for args in
        [&["--help"][..], &["check", "--help"], &["fmt", "-h"], &["test", "--help"], &["explain", "--help"], &["help", "--help"]]
    {
        let told = told(args);
        assert_eq!((told.code, &*told.stderr), (0, ""), "{told}");
        assert!(told.stdout.contains("Usage: pentane"), "{told}");
    }
}
