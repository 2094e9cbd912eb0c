//! `pentane run`: how it refuses to start, and what its log says of whom.
#![expect(clippy::unwrap_used, reason = "a daemon that cannot be run or read has failed the test")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{command, run, scratch};

/// The lines of a daemon's log, each an object, while `act` does something at the address where it listens.
fn log_of(folder: &Path, last: &str, act: impl FnOnce(&str)) -> Vec<Value> {
    fs::write(folder.join("pentane.toml"), "policy = \"a.pol\"\nlisten = \"127.0.0.1:0\"\nlog.format = \"json\"\n").unwrap();
    let mut daemon = command(folder, &["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stderr.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let mut told = vec![next()];
    act(told[0]["listen"].as_str().unwrap());
    while told.last().unwrap()["event"] != last {
        told.push(next());
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    told
}

#[test]
fn who_connects_is_named_until_the_end() {
    let folder = scratch("peers");
    fs::write(folder.join("a.pol"), "host h { mac 02:00:00:00:00:01; }\noutbound-only from h;\ndefault deny;\n").unwrap();
    let mut peer = String::new();
    let told = log_of(&folder, "session-ended", |address| {
        let stream = TcpStream::connect(address).unwrap();
        peer = stream.local_addr().unwrap().to_string();
    });
    let events: Vec<&str> = told.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["started", "connected", "session-ended"]);
    assert_eq!(told[0]["rules"], 1, "an `outbound-only` is one rule");
    for line in &told[1..] {
        assert_eq!((line["peer"].as_str(), line["conn"].as_u64()), (Some(&*peer), Some(1)), "{line}");
    }
}

/// Every file descriptor but some is taken by peers that say nothing: the daemon says so, and is there when they are gone.
#[test]
fn r09_a_limit_of_file_descriptors_is_told_and_survived() {
    let folder = scratch("descriptors");
    fs::write(folder.join("a.pol"), "default deny;\n").unwrap();
    fs::write(folder.join("pentane.toml"), "policy = \"a.pol\"\nlisten = \"127.0.0.1:0\"\nlog.format = \"json\"\n").unwrap();
    let plain = command(&folder, &["run"]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("ulimit -n 64; exec \"$0\" run").arg(plain.get_program()).current_dir(&folder);
    let mut daemon = shell.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stderr.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let address = next()["listen"].as_str().unwrap().to_owned();
    // The system takes them in the daemon's name; they wait to be accepted.
    let idle: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut told = Vec::new();
    // Those that were accepted are cut off for their silence, which makes room again.
    while told.iter().filter(|line: &&Value| line["event"] == "session-ended").count() < 30 {
        told.push(next());
    }
    let said: Vec<&Value> = told.iter().filter(|line| line["message"] == "a connection could not be accepted").collect();
    assert!((1..=10).contains(&said.len()), "once a second: {said:?}");
    assert!(said[0]["error"].as_str().unwrap().contains("Too many open files"), "{said:?}");
    drop(idle);
    let mut late = TcpStream::connect(&address).unwrap();
    let mut greeting = [0];
    late.read_exact(&mut greeting).unwrap();
    assert!(daemon.try_wait().unwrap().is_none(), "it runs");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn tls_files_that_cannot_be_used_are_refused_at_the_start() {
    let folder = scratch("tls-files");
    fs::write(folder.join("a.pol"), "default deny;\n").unwrap();
    let text = "policy = \"a.pol\"\n[openflow.tls]\nlisten = \"127.0.0.1:0\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nca = \"ca.pem\"\n";
    fs::write(folder.join("pentane.toml"), text).unwrap();
    for command in [&["run"][..], &["check", "--for-run"]] {
        let gone = run(&folder, command);
        assert_eq!(gone.code, 2, "{}", gone.stderr);
        assert!(gone.stderr.contains("there is no file `") && gone.stderr.contains("ca.pem`"), "{}", gone.stderr);
    }
    fs::write(folder.join("ca.pem"), "nothing\n").unwrap();
    let empty = run(&folder, &["run"]);
    assert!(empty.code == 2 && empty.stderr.contains("ca.pem` holds no certificate"), "{}", empty.stderr);
}

#[test]
fn a_policy_that_no_switch_can_keep_is_warned_of() {
    let folder = scratch("by-hand");
    fs::write(folder.join("a.pol"), "deny from any when pcp = 3;\ndefault allow;\n").unwrap();
    let told = log_of(&folder, "carried-by-hand", |_| {});
    assert_eq!((told.len(), told[1]["level"].as_str()), (2, Some("WARN")), "{told:?}");
}

#[test]
fn rules_that_have_expired_are_told_at_the_start() {
    let folder = scratch("expired");
    let text = "host h { mac 02:00:00:00:00:01; }\nvisit: allow from h until 2020-01-01;\noutbound-only from h until 2020-01-01;\n\
        allow from h until 2999-01-01;\n";
    fs::write(folder.join("a.pol"), text).unwrap();
    let told = log_of(&folder, "rules-expired", |_| {});
    let last = told.last().unwrap();
    assert_eq!((last["level"].as_str(), last["count"].as_u64()), (Some("WARN"), Some(2)), "{told:?}");
    assert_eq!(last["rules"], "visit, rule at a.pol:3", "{told:?}");
}

#[test]
fn rules_that_nobody_can_match_are_told_at_the_start() {
    let folder = scratch("need-users");
    let text = "host h { mac 02:00:00:00:00:01; }\nhost i { mac 02:00:00:00:00:02; }\nuser bob;\ngroup people = user { bob };\n\
        ssh: allow from people to h for ssh;\nallow from h to authenticated;\nallow from h to i;\nallow from not bob to i;\n\
        deny from unauthenticated;\n";
    fs::write(folder.join("a.pol"), text).unwrap();
    let told = log_of(&folder, "rules-need-users", |_| {});
    let last = told.last().unwrap();
    assert_eq!((last["level"].as_str(), last["count"].as_u64()), (Some("WARN"), Some(2)), "{told:?}");
    assert_eq!(last["rules"], "ssh, rule at a.pol:6", "{told:?}");
}

#[test]
fn a_daemon_without_a_policy_says_why_it_does_not_start() {
    let folder = scratch("refused");
    let start = |settings: &str| {
        fs::write(folder.join("pentane.toml"), settings).unwrap();
        let told = run(&folder, &["run"]);
        (told.code, told.stdout, told.stderr)
    };
    let said = |code: i32, why: &str| (code, String::new(), why.to_owned());
    let gone = "error: there is no file `gone.pol`\nerror: the policy cannot be read: the daemon does not start\n";
    assert_eq!(start("policy = \"gone.pol\"\n"), said(2, gone));
    let range = "error: pentane.toml:2:22: `discovery.interval` must be 1 to 60, not 61\n";
    assert_eq!(start("policy = \"gone.pol\"\ndiscovery.interval = 61\n"), said(2, range));
    fs::write(folder.join("bad.pol"), "deny from\n").unwrap();
    let (code, _, why) = start("policy = \"bad.pol\"\n");
    assert!(code == 1 && why.ends_with("error: the policy has errors: the daemon does not start\n"), "{why}");
}
