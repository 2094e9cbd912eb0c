//! A reader that goes away, and a disk that is full.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::run::{Run, command, policies};

#[test]
fn a_reader_that_has_seen_enough_ends_the_command_quietly() {
    for args in
        [&["help"][..], &["check", "five.pol"], &["check", "small.pol", "--format", "json"], &["--help"], &["test", "small.pol"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(&policies(), args).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        // Only Linux has the device; elsewhere the reader that went away stands for it.
        return a_reader_that_has_seen_enough_ends_the_command_quietly();
    };
    let output = command(&policies(), &["check", "small.pol"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let run = Run::of(output);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.starts_with("error: the output cannot be written"), "{run}");
}
