//! `pentane who` and `pentane matrix`.
#![expect(clippy::unwrap_used, reason = "what cannot be written has failed the test")]

use std::fs;
use std::path::PathBuf;

use crate::run::{assert_run, run, scratch, told, with_texts};

const SITE: &str = "switch edge { dpid 0x1; access 1-24; }\nswitch core { dpid 0x10; access 9-48; }\ngateway border { at core:48; }\n\
    middlebox proxy { in core:40; out core:41; }\nlocation lobby = edge:3;\nhost www { mac 00:16:3e:00:00:01; ip 10.0.9.10; }\n\
    host files-1 { mac 00:16:3e:00:00:02; ip 10.0.9.11; }\nhost pc1 { mac 00:16:3e:00:00:03; }\nhost pc2 { mac 00:16:3e:00:00:04; }\n\
    user bob;\nuser eve;\nuser tom;\ngroup servers = host { www, files-1 };\ngroup pcs = host { pc1, pc2 };\n\
    group students = user { bob, eve };\ngroup staff = user directory \"cn=staff\";\nnetwork lab = 10.4.0.0/16;\n\
    deny from servers;\nweb: allow from students to www for tcp/80, tcp/443;\nfiles: allow from staff on pcs to files-1 for nfs;\n\
    lobby-web: allow from any at lobby to internet for tcp/80 via proxy;\nallow from pc1 to pcs;\n";

fn site(name: &str) -> PathBuf {
    let folder = scratch(name);
    let text = SITE.replace("from staff on pcs", "from staff and pcs");
    fs::write(folder.join("site.pol"), text).unwrap();
    folder
}

#[test]
fn those_who_can_reach_something_are_told_by_rule() {
    let folder = site("who");
    assert_run!(run(&folder, &["who", "can-reach", "servers", "site.pol"]));
    assert_run!(run(&folder, &["who", "can-reach", "servers", "site.pol", "--for", "tcp/443", "--format", "json"]));
    assert_run!(run(&folder, &["who", "can-reach", "internet", "site.pol", "--format", "concise"]));
    assert_run!(run(&folder, &["who", "can-reach", "lab", "site.pol", "--for", "ssh"]));
}

#[test]
fn what_can_be_reached_from_somewhere_is_told_by_rule() {
    let folder = site("who-from");
    assert_run!(run(&folder, &["who", "is-reachable-from", "pc1", "site.pol", "--for", "tcp/80"]));
    assert_run!(run(&folder, &["who", "is-reachable-from", "bob", "site.pol", "--for", "tcp/80", "--format", "concise"]));
}

#[test]
fn what_the_prelude_allows_is_told_last() {
    let folder = site("who-prelude");
    assert_run!(run(&folder, &["who", "can-reach", "border", "site.pol", "--for", "dns"]));
    let text = "host pc { mac 00:16:3e:00:00:03; }\nhost www { mac 00:16:3e:00:00:04; }\nuser bob;\nuser eve;\n\
        group admins = user { bob, eve };\nallow from pc to www and admins for ssh;\n";
    fs::write(folder.join("logged.pol"), text).unwrap();
    assert_run!(run(&folder, &["who", "is-reachable-from", "pc", "logged.pol"]));
}

#[test]
fn every_example_is_allowed_by_the_rule_that_is_told() {
    let folder = site("who-replayed");
    let json = run(&folder, &["who", "can-reach", "any", "site.pol", "--format", "json"]).json();
    let rows = json["allowed"].as_array().unwrap();
    assert!(rows.len() >= 4, "{json}");
    for row in rows {
        let flow = row["flow"].as_str().unwrap();
        let answer = run(&folder, &["explain", flow, "site.pol", "--format", "json"]).json();
        assert_eq!((&answer["verdict"], &answer["rule"]["line"]), (&"allow".into(), &row["rule"]["line"]), "{flow}");
    }
}

#[test]
fn questions_that_cannot_be_read_are_shown() {
    let folder = site("who-unreadable");
    for question in ["servrs", "www; default allow", "tcp/80", ""] {
        let told = run(&folder, &["who", "can-reach", question, "site.pol"]);
        assert_eq!(told.code, 2, "{question}: {told}");
        assert_run!(told);
    }
    let services = run(&folder, &["who", "can-reach", "www", "site.pol", "--for", "htpp"]);
    assert!(services.stderr.contains("--for:1:1") && !services.stderr.contains("deny"), "{services}");
    let json = run(&folder, &["who", "can-reach", "servrs", "site.pol", "--format", "json"]);
    assert_eq!(json.json()["diagnostics"][0]["file"], "X", "{json}");
    assert_eq!((json.code, json.json()["errors"].as_u64()), (2, Some(1)), "{json}");
    assert_run!(run(&folder, &["who", "www", "site.pol"]));
    assert_run!(run(&folder, &["matrix", "site.pol", "--from", "pcs", "servers"]));
    let wrong = told(&["who", "can-reach", "any", "five.pol"]);
    assert_eq!((wrong.code, &*wrong.stdout), (1, ""), "{wrong}");
}

#[test]
fn a_matrix_has_a_cell_for_each_pair_of_sets() {
    let folder = site("matrix");
    assert_run!(run(&folder, &["matrix", "site.pol"]));
    assert_run!(run(&folder, &["matrix", "site.pol", "--for", "tcp/80", "--from", "students, tom", "--to", "www,internet"]));
    assert_run!(run(&folder, &["matrix", "site.pol", "--from", "pc1", "--to", "pcs", "--format", "json"]));
    let wrong = run(&folder, &["matrix", "site.pol", "--from", "pc1,www", "--to", "pcs,servrs", "--format", "concise"]);
    assert_eq!((wrong.code, &*wrong.stderr), (2, "--to:1:1: error[E0201]: unknown name `servrs`\n"), "told once: {wrong}");
    assert_run!(run(
        &folder,
        &["matrix", "site.pol", "--from", "pc1, host { www, pc2 }", "--to", "pcs,files-1", "--format", "concise"]
    ));
}

#[test]
fn a_matrix_needs_sets_and_not_too_many() {
    let folder = scratch("matrix-sets");
    fs::write(folder.join("none.pol"), "user bob;\nallow from bob;\n").unwrap();
    assert_run!(run(&folder, &["matrix", "none.pol"]));
    let many: String = (0..61).map(|n| format!("group g{n} = user {{ bob }};\n")).collect();
    fs::write(folder.join("many.pol"), format!("user bob;\n{many}allow from bob;\n")).unwrap();
    assert_run!(run(&folder, &["matrix", "many.pol", "--to", "any"]));
}

const VIEW: &str = r#"{ "schema": "pentane.view/1", "stations": [
    { "mac": "00:16:3e:00:00:03", "at": "edge:1", "ip": ["10.0.9.23"], "users": ["bob"] },
    { "mac": "00:16:3e:00:00:01", "at": "edge:9" },
    { "mac": "00:16:3e:00:00:77", "at": "lobby" }
] }"#;

#[test]
fn in_a_view_those_are_told_who_are_there() {
    let folder = site("who-view");
    fs::write(folder.join("view.json"), VIEW).unwrap();
    assert_run!(run(&folder, &["who", "can-reach", "servers", "site.pol", "--view", "view.json"]));
    assert_run!(run(&folder, &["who", "can-reach", "internet", "site.pol", "--view", "view.json", "--format", "json"]));
    assert_run!(run(&folder, &["matrix", "site.pol", "--view", "view.json"]));
    assert_run!(run(&folder, &["who", "can-reach", "files-1", "site.pol", "--view", "view.json"]));
}

/// In a view all users of a host count together, as they do when a flow is decided.
#[test]
fn several_users_of_one_host_are_judged_together_in_a_view() {
    let policy = "switch s1 { dpid 0x1; access 1-8; }\nsection prelude { }\nuser bob;\nuser eve;\nhost pc { mac 02:00:00:00:00:01; }\n\
        host www { mac 02:00:00:00:00:02; }\nbobs: allow from bob to www for http;\nopen: allow to www for ssh;\n";
    let stations = r#"{"host":"pc","at":"s1:1","users":["bob","eve"]},{"host":"www","at":"s1:2"}"#;
    let view = format!(r#"{{"schema":"pentane.view/1","stations":[{stations}]}}"#);
    let strict = format!("setting multi-user = most-restrictive;\n{policy}");
    let folder = with_texts("who-together", &[("a.pol", policy), ("strict.pol", &strict), ("v.json", &view)]);
    let ask = |args: &[&str]| run(&folder, &[args, &["--view", "v.json", "--format", "json"]].concat()).json();
    let who = ask(&["who", "can-reach", "www", "a.pol", "--for", "http"]);
    assert_eq!(who["allowed"][0]["users"], serde_json::json!(["bob", "eve"]), "eve sits beside bob: {who}");
    let flow = who["allowed"][0]["flow"].as_str().unwrap_or_default();
    assert_eq!(run(&folder, &["explain", flow, "a.pol", "--view", "v.json", "--expect", "allow"]).code, 0, "{flow}");
    let who = ask(&["who", "can-reach", "www", "strict.pol", "--for", "http"]);
    assert_eq!(who["allowed"], serde_json::json!([]), "{who}");
    let open = ask(&["who", "can-reach", "www", "strict.pol", "--for", "ssh"]);
    assert_eq!(open["allowed"][0]["hosts"], serde_json::json!(["pc", "www"]), "{open}");
    let cell = |policy: &str| ask(&["matrix", policy, "--from", "eve", "--to", "www", "--for", "http"])["cells"][0][0].clone();
    assert_eq!((&cell("a.pol")["allowed"], &cell("strict.pol")["allowed"]), (&"all".into(), &"none".into()));
}

#[test]
fn words_in_the_wrong_place_are_put_right() {
    for (args, wanted) in [
        (&["can-reach", "small.pol", "www"][..], "X stands first, `who can-reach www small.pol`"),
        (&["is-reachable-from", "user", "bob", "small.pol"], "`who is-reachable-from 'user bob'`"),
        (&["can-reach", "www", "ssh", "small.pol"], "services stand behind `--for`"),
    ] {
        let told = told(&[&["who"], args].concat());
        let flat = told.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.code == 2 && flat.contains(wanted), "{args:?}: {told}");
    }
}
