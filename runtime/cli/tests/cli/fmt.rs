//! `pentane fmt`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::run::{Run, assert_run, command, policies, run, scratch, told};

#[test]
fn a_file_is_laid_out_once_and_then_left_alone() {
    let folder = scratch("fmt");
    let file = folder.join("untidy.pol");
    fs::copy(policies().join("untidy.pol"), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert_run!(run(&folder, &["fmt", "--check", "untidy.pol"]));
    assert_run!(run(&folder, &["fmt", "--diff", "untidy.pol"]));
    assert_eq!(fs::read(&file).unwrap(), fs::read(policies().join("untidy.pol")).unwrap(), "only shown");
    let first = run(&folder, &["fmt", "untidy.pol"]);
    assert_eq!((first.code, &*first.stdout, &*first.stderr), (0, "", ""));
    let tidy = fs::read_to_string(&file).unwrap();
    insta::assert_snapshot!(tidy);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(run(&folder, &["fmt", "--check", "untidy.pol"]).code, 0);
    assert_eq!(run(&folder, &["fmt", "untidy.pol"]).code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), tidy);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_with_errors_is_left_as_it_is() {
    let folder = scratch("fmt-errors");
    let text = "user   bob\nallow form bob;\n";
    fs::write(folder.join("wrong.pol"), text).unwrap();
    assert_run!(run(&folder, &["fmt", "wrong.pol"]));
    assert_eq!(fs::read_to_string(folder.join("wrong.pol")).unwrap(), text);
    assert_run!(told(&["fmt", "latin1.pol", "gone.pol"]));
}

#[test]
fn a_link_stays_a_link() {
    let folder = scratch("fmt-link");
    fs::write(folder.join("real.pol"), "user   bob;\n").unwrap();
    std::os::unix::fs::symlink("real.pol", folder.join("link.pol")).unwrap();
    assert_eq!(run(&folder, &["fmt", "link.pol"]).code, 0);
    assert!(fs::symlink_metadata(folder.join("link.pol")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(folder.join("real.pol")).unwrap(), "user bob;\n");
}

#[test]
fn without_files_the_policy_and_its_includes_are_meant() {
    let folder = scratch("fmt-settings");
    fs::write(folder.join("pentane.toml"), "policy = \"a.pol\"\n").unwrap();
    fs::write(folder.join("a.pol"), "include   \"b.pol\";\n").unwrap();
    fs::write(folder.join("b.pol"), "user   bob;\n").unwrap();
    assert_run!(run(&folder, &["fmt", "--check"]));
    assert_eq!(run(&folder, &["fmt"]).code, 0);
    assert_eq!(fs::read_to_string(folder.join("b.pol")).unwrap(), "user bob;\n");
}

#[test]
fn a_dash_is_standard_input_and_output() {
    let mut child =
        command(&policies(), &["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"user   bob;").unwrap();
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, "user bob;\n", ""));
}
