//! `pentane fix`.
#![expect(clippy::unwrap_used, reason = "a test that cannot make its files has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{Run, assert_run, run, scratch};

const LOOSE: &str = "include \"groups.pol\";\n\n# who may what\nallow from desk to files for ssh;  # the old way\n\
    allow from desk to files;\n\ndeny from tablet to files;\n# once more\ndeny from tablet to files for smb;\n\
    night: deny from tablet to files for ssh;\nallow from tablet to files for http;\ndefault deny;\n\n\
    test \"desk\" {\n    desk -> files ssh => allow;\n    tablet -> files smb => deny;\n}\n";

const GROUPS: &str = "host desk { mac 02:00:00:00:00:11; }\nhost tablet { mac 02:00:00:00:00:12; }\n\
    host files { mac 02:00:00:00:00:22; }\n\n# nobody is in it any more\ngroup idle = host { desk, tablet };\nuser bob;\n";

/// A folder with a policy of two files that says much for nothing.
fn loose(name: &str) -> std::path::PathBuf {
    let folder = scratch(name);
    fs::write(folder.join("pentane.toml"), "policy = \"loose.pol\"\n").unwrap();
    fs::write(folder.join("loose.pol"), LOOSE).unwrap();
    fs::write(folder.join("groups.pol"), GROUPS).unwrap();
    folder
}

fn narrow(run: &Run) {
    let own = run.stdout.lines().filter(|line| !line.starts_with(['+', '-', '@', ' ']));
    assert!(own.chain(run.stderr.lines()).all(|line| line.chars().count() <= 80), "{run}");
}

#[test]
fn what_is_said_for_nothing_is_taken_out_once() {
    let folder = loose("fix");
    fs::set_permissions(folder.join("loose.pol"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::rename(folder.join("groups.pol"), folder.join("real.pol")).unwrap();
    std::os::unix::fs::symlink("real.pol", folder.join("groups.pol")).unwrap();
    let before = run(&folder, &["test"]);
    let first = run(&folder, &["fix"]);
    narrow(&first);
    assert_run!(first);
    let texts = ["loose.pol", "groups.pol"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    insta::assert_snapshot!(texts.join("=====\n"));
    assert_eq!(fs::metadata(folder.join("loose.pol")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(folder.join("groups.pol")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4, "nothing is left beside them");
    assert_eq!(run(&folder, &["fmt", "--check"]).code, 0, "what was laid out stays so");
    assert_eq!(run(&folder, &["test"]).code, before.code);
    let second = run(&folder, &["fix"]);
    assert_run!(second);
    assert_eq!(fs::read_to_string(folder.join("loose.pol")).unwrap(), texts[0]);
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let folder = loose("fix-dry");
    let shown = run(&folder, &["fix", "--dry-run"]);
    narrow(&shown);
    assert_run!(shown);
    assert_run!(run(&folder, &["fix", "--dry-run", "--format", "concise"]));
    assert_eq!(fs::read_to_string(folder.join("loose.pol")).unwrap(), LOOSE);
    assert_eq!(fs::read_to_string(folder.join("groups.pol")).unwrap(), GROUPS);
    assert_eq!(run(&folder, &["fix"]).code, 0);
    assert_eq!(run(&folder, &["fix", "--dry-run"]).code, 0, "nothing is left to do");
}

#[test]
fn json_has_its_fields() {
    let folder = loose("fix-json");
    let dry = run(&folder, &["fix", "--dry-run", "--format", "json"]);
    assert_eq!((dry.code, dry.json()["written"].as_bool()), (1, Some(false)), "{dry}");
    assert_run!(dry);
    let done = run(&folder, &["fix", "--format", "json"]).json();
    assert_eq!((&done["fixes"], &done["fixed"]), (&dry.json()["fixes"], &dry.json()["fixed"]));
    let again = run(&folder, &["fix", "--format", "json"]).json();
    assert_eq!(
        (again["fixes"].as_array().unwrap().len(), &again["policy"], &again["fixed"]),
        (0, &done["fixed"], &done["fixed"])
    );
}

#[test]
fn a_policy_with_errors_is_left_as_it_is() {
    let folder = loose("fix-errors");
    let text = format!("{LOOSE}assert never from desk to files;\nallow from desk to files for smb;\n");
    fs::write(folder.join("loose.pol"), &text).unwrap();
    let told = run(&folder, &["fix", "--format", "concise"]);
    assert_eq!((told.code, &*told.stdout), (1, ""));
    assert_run!(told);
    fs::write(folder.join("loose.pol"), "allow form desk\n").unwrap();
    assert_eq!(run(&folder, &["fix"]).code, 1);
    assert_eq!(run(&folder, &["fix", "gone.pol"]).code, 2);
    assert_eq!(run(&folder, &["fix", "--format", "sarif"]).code, 2);
    assert_eq!(fs::read_to_string(folder.join("groups.pol")).unwrap(), GROUPS);
}

#[test]
fn what_a_site_does_not_want_to_hear_of_is_not_fixed() {
    let folder = loose("fix-severity");
    let settings = "policy = \"loose.pol\"\n[severity]\nW0301 = \"off\"\nW0304 = \"error\"\n";
    fs::write(folder.join("pentane.toml"), settings).unwrap();
    let told = run(&folder, &["fix", "--format", "concise"]);
    assert_eq!(told.code, 0, "{told}");
    assert!(told.stdout.contains("W0304") && !told.stdout.contains("W0301"), "{told}");
    assert_eq!(fs::read_to_string(folder.join("groups.pol")).unwrap(), GROUPS);
}

#[test]
fn a_part_of_a_policy_is_not_fixed_alone() {
    let folder = loose("fix-part");
    fs::write(folder.join("groups.pol"), format!("{GROUPS}allow from bob;\n")).unwrap();
    let told = run(&folder, &["fix", "groups.pol"]);
    assert_eq!(told.code, 2);
    assert_run!(told);
    assert_eq!(run(&folder, &["fix", "--dry-run", "./loose.pol"]).code, 1, "that is the policy");
    fs::remove_file(folder.join("pentane.toml")).unwrap();
    fs::write(folder.join("groups.pol"), GROUPS).unwrap();
    let told = run(&folder, &["fix", "groups.pol"]);
    assert_eq!(told.code, 0, "{told}");
    assert!(told.stdout.contains("no rule is there that could use it"), "{told}");
}

/// The earlier rule binds the conversation of two users on one host: without the first rule another one might.
#[test]
fn what_is_not_proved_is_not_done() {
    let folder = scratch("fix-undecided");
    let text = "switch edge { dpid 0x1; access 1-9; }\nmiddlebox ids { at edge:8; }\nmiddlebox proxy { at edge:9; }\n\
        user bob;\nuser eve;\nhost a { mac 02:00:00:00:00:11; }\nallow from bob to a via ids;\nallow from eve via proxy;\n\
        allow from bob via ids;\n";
    fs::write(folder.join("a.pol"), text).unwrap();
    let told = run(&folder, &["fix", "a.pol"]);
    assert_eq!(told.code, 3);
    assert_run!(told);
    assert_eq!(fs::read_to_string(folder.join("a.pol")).unwrap(), text);
}

#[test]
fn where_one_file_cannot_be_written_none_is() {
    let folder = loose("fix-unwritten");
    // The name of the new text beside it would be too long.
    let long = format!("{}.pol", "x".repeat(250));
    fs::rename(folder.join("groups.pol"), folder.join(&long)).unwrap();
    let text = LOOSE.replace("groups.pol", &long);
    fs::write(folder.join("loose.pol"), &text).unwrap();
    assert_eq!(run(&folder, &["fix", "--dry-run"]).code, 1);
    let told = run(&folder, &["fix"]);
    assert_eq!((told.code, &*told.stdout), (2, ""), "{told}");
    assert!(told.stderr.contains("cannot be written"), "{told}");
    assert_eq!(fs::read_to_string(folder.join("loose.pol")).unwrap(), text);
    assert_eq!(fs::read_to_string(folder.join(&long)).unwrap(), GROUPS);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "nothing is left beside them");
}
