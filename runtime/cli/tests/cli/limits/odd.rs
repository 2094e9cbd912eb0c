//! What is no policy at all: bytes that are no text, files that are none, and views, settings and flows of that sort.

use std::process::Command;

use super::{COMMANDS, Folder, lines};

/// Bytes that look like nothing, the same each time.
fn junk(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn bytes_that_are_no_policy_are_refused_at_their_place() {
    let folder = Folder::new("junk");
    let sixteen: Vec<u8> = "user bob;\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, code) in [
        (junk(2 << 20), "E0109"),
        (b"\xff\xfe".iter().chain(&sixteen).copied().collect(), "E0109"),
        (b"user a;\nuser gr\xfcn;\n".to_vec(), "E0109"),
        (b"\0\n".repeat(1 << 18), "E0108"),
        (b"user a;\rallow from a;\r".to_vec(), "E0108"),
        (b"user a;\r".repeat(2 << 20), "E0114"),
        (b"\"\n".repeat(1 << 18), "E0105"),
        (b"/*\n".repeat(1 << 20), "E0116"),
    ] {
        folder.put("a.pol", &bytes);
        for command in COMMANDS {
            let run = folder.command(command, "a.pol");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(run.code, 1, "{command}, {code}: {run}");
            assert!(said.contains(code), "{command}, {code}: {run}");
            assert!(said.contains("a.pol"), "{command}, {code}: {run}");
        }
    }
    assert_eq!(folder.checked("\u{feff}user a;\nallow from a;\n").code, 0);
}

#[test]
fn files_that_never_end_or_never_begin_are_not_opened() {
    let folder = Folder::new("files");
    std::os::unix::fs::symlink("loop-2", folder.0.join("loop-1")).unwrap();
    std::os::unix::fs::symlink("loop-1", folder.0.join("loop-2")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.0.join("fifo")).status().unwrap().success());
    folder.put("folder/a.pol", "user a;\n");
    for (file, why) in [
        ("/dev/zero", "it is no regular file"),
        ("fifo", "it is no regular file"),
        ("folder", "is a folder, not a file"),
        ("loop-1", "cannot be read"),
        ("gone", "there is no file"),
        ("", "there is no file"),
    ] {
        for command in COMMANDS {
            let run = folder.command(command, file);
            assert_eq!((run.code, run.stderr.contains(why)), (2, true), "{command} {file}: {run}");
        }
        if !file.is_empty() {
            let run = folder.run(&["check", "folder/a.pol", "--view", file]);
            assert_eq!((run.code, run.stderr.contains(why)), (2, true), "--view {file}: {run}");
            let run = folder.checked(format!("user a;\ninclude \"{file}\";\n"));
            assert_eq!((run.code, run.stdout.contains("a.pol:2:9")), (1, true), "include {file}: {run}");
        }
    }
}

#[test]
fn views_beyond_all_measure_are_a_message() {
    let folder = Folder::new("views");
    folder
        .put("a.pol", "switch s { dpid 1; access 1-24; }\nuser a;\ngroup g = host tagged \"x\";\nallow from a;\nallow from g;\n");
    let mac = |number: usize| format!("02:00:00:{:02x}:{:02x}:{:02x}", number >> 16, number >> 8 & 255, number & 255);
    let stations = |count, rest: &str| {
        let all: Vec<String> = (0..count).map(|number| format!("{{\"mac\":\"{}\"{rest}}}", mac(number))).collect();
        format!("{{\"schema\":\"pentane.view/1\",\"stations\":[{}]}}", all.join(","))
    };
    let crowd = format!(",\"users\":[{}]", vec!["\"a\""; 2_000].join(","));
    for (view, code) in [
        (" ".repeat(100_000_000), 2),
        ("[".repeat(1_000_000), 2),
        ("{\"schema\":".repeat(100_000), 2),
        (format!("{{\"schema\":\"{}\"}}", "x".repeat(1_000_000)), 2),
        (stations(100_000, ",\"at\":\"s:1\""), 0),
        (stations(100_000, ",\"at\":\"nowhere\""), 2),
        (stations(2, &crowd), 2),
        (stations(50_000, ",\"users\":[\"a\"],\"groups\":[\"g\"],\"ip\":[]"), 0),
    ] {
        folder.put("view.json", &view);
        let run = folder.run(&["explain", "a -> internet", "a.pol", "--view", "view.json"]);
        assert_eq!((run.code, run.code == 0 || run.stderr.contains("view.json")), (code, true), "{run}");
        assert!(run.stderr.len() < 20_000, "{}", run.stderr.len());
    }
    folder.put("view.json", junk(1 << 20));
    assert_eq!(folder.run(&["check", "a.pol", "--view", "view.json"]).code, 2);
}

#[test]
fn settings_beyond_all_measure_are_a_message() {
    let folder = Folder::new("settings");
    folder.put("a.pol", "user a;\n");
    for text in [
        "#".repeat(100_000_000),
        format!("a = {}", "[".repeat(1_000_000)),
        format!("[{}a]\n", "a.".repeat(500_000)),
        format!("a = {}", "{a = ".repeat(100_000)),
        format!("policy = [{}]\n", "\"a.pol\",".repeat(500_000)),
        lines(500_000, |number| format!("k{number} = 1\n")),
        "\0".repeat(1_000),
    ] {
        folder.put("pentane.toml", &text);
        for args in [&["check"][..], &["run"]] {
            let run = folder.run(args);
            assert_eq!((run.code, run.stderr.contains("pentane.toml")), (2, true), "{args:?}: {run}");
            assert!(run.stderr.len() < 5_000, "{args:?} says {} bytes", run.stderr.len());
        }
    }
    for bytes in [junk(1 << 20), b"policy = \"\xff\"\n".to_vec()] {
        folder.put("pentane.toml", bytes);
        for args in [&["check"][..], &["run"]] {
            let run = folder.run(args);
            assert_eq!((run.code, run.stderr.contains("not UTF-8")), (2, true), "{args:?}: {run}");
        }
    }
}

#[test]
fn flows_as_long_as_an_argument_can_be_are_a_message() {
    let folder = Folder::new("flows");
    folder.put("a.pol", "user a;\nallow from a;\n");
    for flow in [
        "x".repeat(120_000),
        "(".repeat(120_000),
        "{".repeat(120_000),
        "\"".repeat(120_000),
        "\u{1}\u{2}".repeat(50_000),
        String::new(),
    ] {
        let run = folder.run(&["explain", &flow, "a.pol"]);
        assert_eq!((run.code, run.stderr.contains("FLOW:1:")), (2, true), "{run}");
        assert!(run.stderr.len() < 100_000, "{}", run.stderr.len());
    }
    let run = folder.run(&["explain", &format!("{}-> internet", "user a ".repeat(15_000)), "a.pol"]);
    assert_eq!(run.code, 0, "{run}");
}
