//! `pentane init`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::run::{assert_run, command, run, scratch};

#[test]
fn a_new_policy_is_good_in_every_respect() {
    let folder = scratch("init");
    let made = run(&folder, &["init", "office"]);
    assert!(made.stdout.lines().all(|line| line.chars().count() <= 80), "{made}");
    assert_run!(made);
    let office = folder.join("office");
    let mut files: Vec<_> = fs::read_dir(&office).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["office.pol", "pentane.toml"]);
    for args in [&["check", "--deny-warnings"][..], &["test", "--coverage", "--uncovered"], &["prove"]] {
        let told = run(&office, args);
        assert_eq!((told.code, &*told.stderr), (0, ""), "{told}");
        assert_run!(told);
    }
    for args in [&["fmt", "--check"][..], &["fix", "--dry-run"]] {
        let told = run(&office, args);
        assert_eq!(told.code, 0, "{told}");
    }
    // Findings that are told on request alone are none of it either.
    let all = fs::read_to_string(office.join("pentane.toml")).unwrap().replace("# W0301", "W0306 = \"error\"\nW0301");
    fs::write(office.join("pentane.toml"), all).unwrap();
    assert_eq!(run(&office, &["check"]).code, 0);
    let text = fs::read_to_string(office.join("office.pol")).unwrap();
    assert!(text.starts_with("# office: ") && !text.contains("NAME"), "{text}");
}

#[test]
fn the_daemon_takes_a_new_policy() {
    let folder = scratch("init-run");
    assert_eq!(run(&folder, &["init", ".", "--name", "site"]).code, 0);
    let settings = fs::read_to_string(folder.join("pentane.toml")).unwrap();
    insta::assert_snapshot!(settings);
    fs::write(folder.join("pentane.toml"), settings.replace(":6653", ":0")).unwrap();
    let mut daemon = command(&folder, &["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let first = BufReader::new(daemon.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(first.contains("started"), "{first}");
}

#[test]
fn nothing_is_written_over() {
    let folder = scratch("init-there");
    fs::create_dir(folder.join("office")).unwrap();
    fs::write(folder.join("office/office.pol"), "default deny;\n").unwrap();
    assert_run!(run(&folder, &["init", "office"]));
    assert_eq!(fs::read_dir(folder.join("office")).unwrap().count(), 1);
    // A link that leads nowhere is there, too.
    std::os::unix::fs::symlink("nowhere", folder.join("office/pentane.toml")).unwrap();
    assert_run!(run(&folder, &["init", "office"]));
    assert_eq!(fs::read_to_string(folder.join("office/office.pol")).unwrap(), "default deny;\n");
    assert!(!folder.join("office/nowhere").exists());
    let other = run(&folder, &["init", "office/office.pol"]);
    assert_eq!(other.code, 2, "{other}");
}

#[test]
fn the_policy_is_called_as_its_folder_or_as_one_wishes() {
    let folder = scratch("init-names");
    assert_eq!(run(&folder, &["init"]).code, 0);
    assert!(folder.join("init-names.pol").exists());
    assert_eq!(run(&folder, &["init", "deep/er/2nd floor"]).code, 0);
    assert!(folder.join("deep/er/2nd floor/site.pol").exists());
    assert_eq!(run(&folder.join("deep/er/2nd floor"), &["check"]).code, 0);
    let refused = run(&folder, &["init", "other", "--name", "../up"]);
    assert_run!(refused);
    assert!(!folder.join("other").exists());
}
