//! `pentane check`.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::run::{Run, assert_run, command, run, scratch, told};

#[test]
fn a_sound_policy_is_summed_up() {
    assert_run!(told(&["check", "small.pol"]));
}

#[test]
fn five_independent_mistakes_are_five_reports() {
    let told = told(&["check", "five.pol"]);
    assert_eq!(told.stdout.matches("Error").count(), 5, "{told}");
    assert_run!(told);
}

#[test]
fn every_finding_has_its_place_on_one_line() {
    assert_run!(told(&["check", "five.pol", "--format", "concise"]));
}

#[test]
fn json_has_its_fields_for_good_and_for_bad_policies() {
    let good = told(&["check", "small.pol", "--format", "json"]);
    assert_eq!(good.code, 0, "{good}");
    assert_eq!(good.json()["policy"].as_str().unwrap().len(), 64);
    assert_run!(good);
    let bad = told(&["check", "five.pol", "--format", "json"]);
    assert_eq!((bad.code, bad.json()["errors"].as_u64()), (1, Some(5)), "{bad}");
    assert_run!(bad);
}

#[test]
fn files_that_cannot_be_had_end_with_two() {
    let folder = scratch("unreadable");
    fs::create_dir(folder.join("folder.pol")).unwrap();
    assert_run!(run(&folder, &["check", "gone.pol"]));
    assert_run!(run(&folder, &["check", "folder.pol"]));
    for this in [".", "./", "folder.pol/.."] {
        let told = run(&folder, &["check", this]);
        assert_eq!((told.code, &*told.stderr), (2, "error: `.` is a folder, not a file (name the policy's first file in it)\n"));
    }
    assert_run!(run(&folder, &["check", "gone.pol", "--format", "json"]));
    assert_run!(run(&folder, &["check", "gone.pol/below"]));
    for command in ["test", "check"] {
        let told = run(&folder, &[command, "gone.pol", "folder.pol", "--format", "concise"]);
        let why = "error: `folder.pol` is a folder, not a file (name the policy's first file in it)\nerror: there is no file `gone.pol`\n";
        let mut lines: Vec<&str> = told.stderr.lines().collect();
        lines.sort_unstable();
        assert_eq!((told.code, &*told.stdout, lines), (2, "", why.lines().collect()), "{command}");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = scratch("kinds");
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.pol")).status().unwrap();
    assert!(made.success());
    for file in ["pipe.pol", "/dev/zero"] {
        let why = format!("error: `{file}` cannot be read: it is no regular file (`-` is standard input)\n");
        for command in ["check", "test", "fmt"] {
            let told = run(&folder, &[command, file]);
            assert_eq!((told.code, &*told.stdout, &*told.stderr), (2, "", &*why), "{command}");
        }
    }
    fs::write(folder.join("a.pol"), "include \"pipe.pol\";\n").unwrap();
    assert_eq!(run(&folder, &["check", "a.pol"]).code, 1);
    assert_eq!(run(&folder, &["run", "-c", "/dev/zero"]).code, 2);
}

#[test]
fn a_sound_policy_is_good_news_in_one_line_too() {
    let told = told(&["check", "small.pol", "--format", "concise"]);
    assert_eq!((told.code, told.stdout.lines().count()), (0, 1), "{told}");
    assert!(told.stdout.starts_with("ok: ") && told.stderr.is_empty(), "{told}");
}

#[test]
fn texts_that_are_no_policy_end_with_one() {
    assert_run!(told(&["check", "empty.pol"]));
    assert_run!(told(&["check", "latin1.pol"]));
}

#[test]
fn a_missing_include_is_one_report_at_its_place() {
    assert_run!(told(&["check", "missing-include.pol"]));
}

#[test]
fn includes_stay_in_the_folder() {
    let folder = scratch("links");
    fs::create_dir_all(folder.join("policy/sub")).unwrap();
    fs::write(folder.join("outside.pol"), "user mallory;\n").unwrap();
    fs::write(folder.join("policy/inside.pol"), "user bob;\n").unwrap();
    std::os::unix::fs::symlink(folder.join("outside.pol"), folder.join("policy/link.pol")).unwrap();
    std::os::unix::fs::symlink(&folder, folder.join("policy/up")).unwrap();
    std::os::unix::fs::symlink("inside.pol", folder.join("policy/alias.pol")).unwrap();
    let lines = ["alias.pol", "../outside.pol", "link.pol", "up/outside.pol", "sub", "/etc/passwd"]
        .map(|path| format!("include \"{path}\";\n"));
    fs::write(folder.join("policy/main.pol"), lines.concat()).unwrap();
    assert_run!(run(&folder, &["check", "policy/main.pol", "--format", "concise"]));
    // The entry itself may be a link: it was named by the user.
    std::os::unix::fs::symlink("policy/inside.pol", folder.join("entry.pol")).unwrap();
    assert_eq!(run(&folder, &["check", "entry.pol"]).code, 0);
}

#[test]
fn pentane_toml_names_the_policy() {
    let folder = scratch("settings");
    assert_run!(run(&folder, &["check"]));
    fs::write(folder.join("pentane.toml"), "policy = [\"etc/a.pol\", \"etc/b.pol\"]\nlisten = \"127.0.0.1:6653\"\n").unwrap();
    fs::create_dir(folder.join("etc")).unwrap();
    fs::write(folder.join("etc/a.pol"), "user bob;\n").unwrap();
    fs::write(folder.join("etc/b.pol"), "deny from bob;\n").unwrap();
    assert_run!(run(&folder, &["check"]));
    fs::write(folder.join("pentane.toml"), "policy = 5\n").unwrap();
    assert_run!(run(&folder, &["check"]));
}

#[test]
fn views_must_fit_the_policy() {
    assert_eq!(told(&["check", "small.pol", "--view", "view.json"]).code, 0);
    let folder = scratch("views");
    fs::write(folder.join("a.pol"), "user bob;\n").unwrap();
    fs::copy(crate::run::policies().join("view.json"), folder.join("view.json")).unwrap();
    fs::write(folder.join("bad.json"), "{\"schema\": \"pentane.view/1\", \"station\": []}").unwrap();
    assert_run!(run(&folder, &["check", "a.pol", "--view", "view.json"]));
    assert_run!(run(&folder, &["check", "a.pol", "--view", "bad.json"]));
    assert_run!(run(&folder, &["check", "a.pol", "--view", "gone.json"]));
}

/// What `run` refuses, at the words that it cannot carry out.
const NOT_YET: &str = "switch edge { dpid 0x1; access 1-9; }\nmiddlebox ids { at edge:8; }\nhost a { mac 02:00:00:00:00:11; }\n\
    host b { mac 02:00:00:00:00:12; }\ngroup class = user tagged \"class\";\ngroup both = class | user { bob };\nuser bob;\n\
    busy: allow from a to b when vlan = 5 vlan 7 limit 5mbps mirror ids;\nredirect portal from b to a for http;\nallow from both to b;\n\
    allow from b for http;\nreject from a;\ndefault deny;\n";

#[test]
fn it_is_said_whether_run_takes_a_policy() {
    let folder = scratch("for-run");
    fs::write(folder.join("a.pol"), NOT_YET).unwrap();
    let told = run(&folder, &["check", "a.pol"]);
    assert_eq!(told.code, 0, "{told}");
    assert_run!(told);
    let shown = run(&folder, &["check", "a.pol", "--for-run"]);
    assert_run!(shown);
    let json = run(&folder, &["check", "a.pol", "--format", "json"]);
    let refused = json.json()["refused_by_run"].as_array().unwrap().len();
    assert_eq!((json.code, json.json()["errors"].as_u64(), refused), (0, Some(0), 2), "{json}");
    let json = run(&folder, &["check", "a.pol", "--for-run", "--format", "json"]);
    assert_eq!((json.code, json.json()["errors"].as_u64()), (1, Some(2)), "{json}");
    // The daemon says the same, and as `check` does.
    fs::write(folder.join("pentane.toml"), "policy = \"a.pol\"\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let started = run(&folder, &["run"]);
    assert_eq!(started.code, 1, "{started}");
    let reports = shown.stdout.strip_suffix("a.pol: 2 errors\n").unwrap();
    assert!(started.stderr.starts_with(reports), "{started}");
    fs::write(folder.join("b.pol"), "host a { mac 02:00:00:00:00:11; }\nallow from a;\n").unwrap();
    assert_eq!(run(&folder, &["check", "b.pol", "--for-run"]).code, 0);
}

#[test]
fn what_run_would_not_start_with_is_told_for_run() {
    let folder = scratch("for-run-settings");
    fs::write(folder.join("a.pol"), "user bob;\nhost a { mac 02:00:00:00:00:11; }\nweb: allow from bob;\nallow from a;\n")
        .unwrap();
    for settings in ["policy = \"a.pol\"\nlistn = 5\n", "policy = \"a.pol\"\ndiscovery.interval = 61\n"] {
        fs::write(folder.join("pentane.toml"), settings).unwrap();
        let (checked, started) = (run(&folder, &["check", "--for-run"]), run(&folder, &["run"]));
        assert_eq!((checked.code, &*checked.stdout, &checked.stderr), (2, "", &started.stderr), "{checked}\n{started}");
        assert_eq!(run(&folder, &["check"]).code, 0, "the rest is the daemon's");
    }
    fs::write(folder.join("pentane.toml"), "policy = \"a.pol\"\n").unwrap();
    let note = "note: nothing logs users in in this version, so 1 rule for users will match\n      nothing: web\n";
    let told = run(&folder, &["check", "--for-run"]);
    assert!(told.code == 0 && told.stdout.ends_with(note), "{told}");
}

#[test]
fn warnings_that_count_as_errors_are_called_so() {
    let folder = scratch("deny-warnings");
    fs::write(folder.join("a.pol"), "user bob;\ngroup idle = user { bob };\nallow from bob;\n").unwrap();
    let told = run(&folder, &["check", "a.pol", "--deny-warnings"]);
    assert_eq!(told.code, 1, "{told}");
    assert!(told.stdout.ends_with("a.pol: 1 warning\nnot ok: `--deny-warnings` counts warnings as errors\n"), "{told}");
}

#[test]
fn standard_input_is_a_policy() {
    let folder = scratch("stdin");
    fs::write(folder.join("users.pol"), "user bob;\n").unwrap();
    let fed = |args: &[&str], text: &str| {
        let mut command = command(&folder, args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses standard input does not read it.
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        Run::of(child.wait_with_output().unwrap())
    };
    let sound = "include \"users.pol\";\nallow from bob;\ntest \"t\" { bob -> internet tcp/80 => allow; }\n";
    for args in [&["check", "-"][..], &["test", "-"], &["prove", "-"], &["explain", "bob -> internet tcp/80", "-"]] {
        assert_eq!(fed(args, sound).code, 0, "{args:?}");
    }
    assert_run!(fed(&["check", "-", "--format", "concise"], "user bob;\nallow from bbo;\n"));
    assert_eq!(fed(&["check", "users.pol", "-"], "allow from bob;\n").code, 0);
    assert_run!(fed(&["fix", "-"], sound));
}

#[test]
fn what_is_not_a_terminal_gets_no_colour() {
    for (name, value) in [("NO_COLOR", "1"), ("NO_COLOR", ""), ("TERM", "xterm")] {
        let output = command(&crate::run::policies(), &["check", "five.pol"]).env(name, value).output().unwrap();
        assert!(!output.stdout.is_empty() && !output.stdout.contains(&0x1b), "{name}={value}");
    }
}

#[test]
fn findings_are_told_to_the_tools_of_others() {
    for format in ["sarif", "github", "junit"] {
        assert_run!(told(&["check", "five.pol", "--format", format]));
    }
    for policy in ["small.pol", "five.pol", "gone.pol", "missing-include.pol"] {
        let sarif = told(&["check", policy, "--format", "sarif"]);
        let log = sarif.json();
        let run = &log["runs"][0];
        assert_eq!((log["version"].as_str(), run["tool"]["driver"]["name"].as_str()), (Some("2.1.0"), Some("pentane")));
        let json = told(&["check", policy, "--format", "json"]);
        let (found, results) = (json.json()["diagnostics"].as_array().unwrap().len(), run["results"].as_array().unwrap());
        assert_eq!((sarif.code, results.len()), (json.code, found), "{policy}");
        for result in results {
            let place = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][place]["id"], result["ruleId"]);
        }
    }
}
