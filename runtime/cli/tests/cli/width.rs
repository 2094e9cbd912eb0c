//! Text of Pentane's own fits a terminal.

use std::fs;

use crate::run::{Run, policies, run, scratch, told};

fn assert_fits(run: &Run) {
    for line in run.stdout.lines().chain(run.stderr.lines()) {
        assert!(line.chars().count() <= 80, "{line}\n{run}");
    }
}

#[test]
fn every_page_of_help_fits() {
    let commands = told(&["--help"]).stdout;
    let commands = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    let commands: Vec<String> =
        commands.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned).collect();
    assert!(commands.len() > 12, "{commands:?}");
    let codes = lang::codes::pages().map(|page| page.code.text().to_owned());
    for topic in codes.chain(commands) {
        assert_fits(&told(&["help", &topic]));
    }
    assert_fits(&told(&["help"]));
}

#[test]
fn what_is_made_fits() {
    let folder = scratch("width-made");
    assert_fits(&run(&folder, &["init", "office"]));
    for file in ["office/pentane.toml", "office/office.pol"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let prelude = told(&["check", "--show-prelude"]);
    assert_fits(&prelude);
    fs::write(folder.join("prelude.pol"), prelude.stdout).unwrap();
    assert_eq!(run(&folder, &["fmt", "--check", "prelude.pol"]).code, 0, "a site that replaces it begins with it");
    for (language, file) in [("pol-eth", "campus.pol-eth"), ("sepl", "gaps.sepl"), ("faucet", "wrong.yaml")] {
        assert_fits(&told(&["import", language, file]));
    }
}

#[test]
fn what_keeps_a_command_from_answering_fits() {
    let folder = scratch("width-errors");
    fs::copy(policies().join("small.pol"), folder.join("small.pol")).unwrap();
    fs::copy(policies().join("inventory.pol"), folder.join("inventory.pol")).unwrap();
    fs::write(folder.join("bad.json"), "{\"schema\": \"pentane.view/1\", \"station\": []}").unwrap();
    for args in [
        &["check", "small.pol", "--view", "bad.json"][..],
        &["check", "gone.pol"],
        &["check", "/dev/zero"],
        &["fmt", "/dev/zero"],
        &["fix", "-"],
        &["init", "office", "--name", "../up"],
        &["test", "small.pol", "--coverage", "--format", "junit"],
        &["prove", "small.pol", "--format", "junit"],
        &["help", "E0999"],
        &["import", "sepl", "small.pol", "--acl", "web"],
        &["run", "-c", "gone.toml"],
    ] {
        let told = run(&folder, args);
        assert!([1, 2].contains(&told.code) && told.stdout.is_empty(), "{told}");
        assert_fits(&told);
    }
    for (text, place) in [
        ("policy = \"small.pol\"\n[severity]\nW0399 = \"off\"\n", "3:9"),
        ("policy = \"small.pol\"\n[severity]\nE0201 = \"warning\"\n", "3:9"),
        ("policy = \"small.pol\"\n[severity]\nW0303 = \"loud\"\n", "3:9"),
        ("policy = \"small.pol\"\nlisten = = 5\n", "2:10"),
        ("policy = \"small.pol\n", "1:20"),
        ("policy = 5\n", "1:10"),
    ] {
        fs::write(folder.join("pentane.toml"), text).unwrap();
        let told = run(&folder, &["check"]);
        assert_eq!((told.code, &*told.stdout), (2, ""), "{told}");
        assert!(told.stderr.starts_with(&format!("error: pentane.toml:{place}: ")), "{told}");
        assert!(!told.stderr.contains(" | "), "no excerpt: {told}");
        assert_fits(&told);
    }
}
