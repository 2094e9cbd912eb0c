//! `pentane explain`.

use std::fs;

use crate::run::{assert_run, run, scratch, told};

#[test]
fn an_allow_names_its_rule_and_its_obligations() {
    assert_run!(told(&["explain", "user none host roo at wap1 -> internet tcp/80", "small.pol"]));
}

#[test]
fn a_deny_names_what_would_have_allowed_it() {
    assert_run!(told(&["explain", "user none host roo at wap1 -> internet tcp/22", "small.pol"]));
    assert_run!(told(&["explain", "internet -> www tcp/80", "small.pol"]));
}

#[test]
fn json_has_its_fields() {
    assert_run!(told(&["explain", "user none host roo at wap1 -> internet tcp/22", "small.pol", "--format", "json"]));
    assert_run!(told(&["explain", "internet -> www tcp/80", "small.pol", "--format", "json"]));
}

/// The default is named where the text states it, and is nothing where it does not.
#[test]
fn the_default_is_named_where_it_stands() {
    let folder = scratch("default");
    let ask = |text: &str| {
        fs::write(folder.join("a.pol"), text).unwrap();
        run(&folder, &["explain", "user none -> internet", "a.pol", "--format", "json"]).json()["rule"].clone()
    };
    let stated = serde_json::json!({ "name": "default", "file": "a.pol", "line": 2 });
    assert_eq!(ask("user bob;\ndefault allow;\n"), stated);
    assert_eq!(ask("user bob;\n"), serde_json::Value::Null);
}

#[test]
fn an_unexpected_verdict_ends_with_one() {
    let flow = "host griffin -> host roo tcp/22";
    for (expected, code) in [("allow", 0), ("deny", 1)] {
        let told = told(&["explain", flow, "--expect", expected, "--policy", "small.pol"]);
        assert_eq!(told.code, code, "{told}");
    }
}

#[test]
fn flows_that_are_judged_differently_are_undecided() {
    let flow = "host griffin -> www web";
    assert_run!(told(&["explain", "desktops -> www web", "small.pol"]));
    assert_eq!(told(&["explain", flow, "small.pol", "--expect", "allow"]).code, 0);
    let mixed = "host griffin -> www mixed";
    assert_run!(told(&["explain", mixed, "small.pol"]));
    assert_run!(told(&["explain", mixed, "small.pol", "--format", "concise"]));
    assert_run!(told(&["explain", mixed, "small.pol", "--format", "json"]));
    assert_eq!(told(&["explain", mixed, "small.pol", "--expect", "allow"]).code, 1);
}

#[test]
fn a_flow_that_cannot_be_read_is_shown_with_its_mistake() {
    assert_run!(told(&["explain", "host griffin > www tcp/80", "small.pol"]));
    assert_run!(told(&["explain", "host grifin -> www tcp/80", "small.pol", "--format", "concise"]));
    assert_run!(told(&["explain", "", "small.pol"]));
    assert_run!(told(&["explain", "desktops -> any", "small.pol"]));
    assert_run!(told(&["explain", "roomz -> x", "small.pol", "--format", "json"]));
    let empty = told(&["explain", "", "small.pol", "--format", "json"]);
    assert_eq!((empty.code, empty.json()["errors"].as_u64()), (2, Some(1)), "{empty}");
}

#[test]
fn a_flow_in_the_wrong_place_is_met_with_the_right_one() {
    assert_run!(told(&["explain", "small.pol", "host roo -> www tcp/80"]));
    assert_run!(told(&["explain", "roo", "www"]));
}

const LONG: &str = "user none host roo 10.0.9.1 at wap1 -> internet 198.51.100.7 tcp/22 time 2026-11-30 17:24:41";

#[test]
fn answers_fit_a_terminal() {
    for flow in [
        "user none host roo at wap1 -> internet tcp/22",
        "internet -> www tcp/80",
        "desktops -> www web",
        "host roo -> www",
        LONG,
    ] {
        let told = told(&["explain", flow, "small.pol"]);
        for line in told.stdout.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn a_view_says_what_the_flow_does_not() {
    let args = ["explain", "host roo -> internet tcp/22", "small.pol", "--view", "view.json"];
    assert_run!(told(&args));
    // Whom the flow names is not replaced by whom the view knows.
    let args = ["explain", "user none host roo -> internet tcp/22", "small.pol", "--view", "view.json", "--expect", "deny"];
    assert_eq!(told(&args).code, 0);
    // An address that a station of the view has is that station's.
    let args = ["explain", "10.0.1.16 -> host griffin tcp/22", "small.pol", "--view", "view.json", "--format", "json"];
    assert_eq!(told(&args).json()["rule"]["line"], 8);
}

#[test]
fn what_the_view_says_otherwise_is_told() {
    let view = ["small.pol", "--view", "view.json"];
    let ask = |flow: &str, more: &[&str]| told(&[&["explain", flow], &view[..], more].concat());
    let elsewhere = ask("user none host roo at edge1:9 10.0.9.99 -> internet tcp/22", &[]);
    assert_run!(elsewhere);
    let json = ask("host roo at edge1:9 -> internet tcp/22", &["--format", "json"]).json();
    assert_eq!(json["against_view"], serde_json::json!(["in the view roo is at wap1, not at edge1:9"]));
    let bare = ask("user bob host roo 0.0.0.0 -> broadcast dhcp", &[]);
    assert!(bare.stdout.contains("from     bob on roo at wap1\n"), "{bare}");
    for agreed in ["host roo -> internet tcp/22", "user bob host roo at wap1 -> internet tcp/22"] {
        assert_eq!(ask(agreed, &["--format", "json"]).json()["against_view"], serde_json::json!([]), "{agreed}");
    }
}

#[test]
fn what_the_verdict_hangs_on_is_said() {
    assert_run!(told(&["explain", "host roo -> internet tcp/80", "small.pol"]));
    assert_run!(told(&["explain", "host roo at wap1 -> internet tcp/22", "small.pol"]));
    let said = told(&["explain", "user none host roo at wap1 -> internet tcp/22", "small.pol", "--format", "json"]);
    assert_eq!(said.json()["unless"], serde_json::json!([]), "{said}");
}

#[test]
fn a_policy_with_errors_explains_nothing() {
    let told = told(&["explain", "host griffin -> www tcp/80", "five.pol"]);
    assert_eq!((told.code, &*told.stdout), (1, ""), "{told}");
}

/// Obligations and audits are in every form of the answer; a rule that has ended is told, though it decides in the past.
#[test]
fn obligations_and_ends_are_told() {
    let folder = scratch("explain-obligations");
    let text = "host pc { mac 02:00:00:00:00:01; }\nstrict: audit deny from pc for tcp;\n\
                contract: allow from pc limit 5mbps queue 2 until 2020-01-01;\n";
    fs::write(folder.join("a.pol"), text).unwrap();
    let flow = "pc -> unregistered tcp/80 time 2019-06-01 10:00";
    let answer: serde_json::Value =
        serde_json::from_str(&run(&folder, &["explain", flow, "a.pol", "--format", "json"]).stdout).unwrap();
    assert_eq!(answer["bound_to"], serde_json::json!(["limit 5mbps", "queue 2"]));
    assert_eq!(answer["audited"], serde_json::json!(["deny by strict"]));
    let told = run(&folder, &["explain", flow, "a.pol"]).stdout;
    assert!(told.contains("ended    at 2020-01-02 00:00: now this rule decides nothing"), "{told}");
}

/// What is not IP has no address of IP, whatever its station has.
#[test]
fn a_view_gives_no_address_to_packets_without_one_and_completes_tests() {
    let folder = scratch("explain-arp");
    let policy = "switch s1 { dpid 0x1; access 1-24; }\nhost a { mac 00:16:3e:00:00:01; ip 10.4.0.1; }\n\
        host b { mac 00:16:3e:00:00:02; ip 10.4.0.2; }\nuser bob;\nallow from 10.0.0.0/8 to b;\nallow from bob to a;\ndefault deny;\n\
        test \"in a view\" { a -> b dltype arp => deny; b -> a tcp/80 => allow; }\n";
    fs::write(folder.join("arp.pol"), policy).unwrap();
    let view = r#"{ "schema": "pentane.view/1", "stations": [{ "host": "a", "at": "s1:2" }, { "host": "b", "at": "s1:3", "users": ["bob"] }] }"#;
    fs::write(folder.join("view.json"), view).unwrap();
    let told = run(&folder, &["explain", "a -> b dltype arp", "arp.pol", "--view", "view.json", "--expect", "deny"]);
    assert_eq!(told.code, 0, "{told}");
    assert_eq!(run(&folder, &["test", "arp.pol", "--view", "view.json"]).code, 0);
    assert_eq!(run(&folder, &["test", "arp.pol"]).code, 1);
}
