//! View files: what is told of a file that is no view, or none of the policy; and the ways that one with links shows.

use std::fs;

use crate::run::{Run, assert_run, policies, run, scratch, told, with_view};

/// `explain` with a view of this text.
fn explained(name: &str, view: &str) -> Run {
    run(&with_view(name, view), &["explain", "host roo -> www tcp/80", "small.pol", "--view", "v.json"])
}

#[test]
fn what_is_no_view_is_told_in_words() {
    for (view, wanted) in [
        ("", "v.json is not a view: EOF while parsing a value at line 1 column 0"),
        (
            "[]",
            "v.json is not a view: the file is to be an object, like {\"schema\": \"pentane.view/1\", \"stations\": []}, and is a list",
        ),
        ("null", "v.json is not a view: the file is to be an object"),
        (r#"{"schema":"pentane.view/1","stations":[["roo"]]}"#, "v.json is not a view: stations[0] is to be an object"),
        (r#"{"schema":"pentane.view/1","gateways":["border"]}"#, "gateways[0] is to be an object, like {\"name\": \"border\""),
        (r#"{"schema":"pentane.view/1","stations":{}}"#, "`stations` is to be a list, and is an object"),
        (
            r#"{"schema":"pentane.view/1","hosts":[]}"#,
            "a view has no field `hosts`: its fields are `schema`, `stations`, `gateways`, `links`",
        ),
        (
            r#"{"schema":"pentane.view/1","stations":[{"hots":"roo"}]}"#,
            "stations[0]: a station has no field `hots`: did you mean `host`?",
        ),
        (
            r#"{"schema":"pentane.view/1","stations":[{"host":"roo","users":[7]}]}"#,
            "stations[0].users[0] is to be a name, or an object with `name` and `groups`, and is a number",
        ),
        (r#"{"schema":"pentane.view/1","stations":[{"host":"roo","host":"roo"}]}"#, "duplicate field `host`"),
        (
            r#"{"schema":"pentane.view/1","links":[["edge1:25"]]}"#,
            "links[0] is to be a list of two ports, like [\"edge1:25\", \"core:1\"], and is a list",
        ),
        (r#"{"stations":[]}"#, "a view needs the field `schema`, a text in quotes, like \"pentane.view/1\""),
        (
            r#"{"schema":"pentane.view/1","stations":[{"host":"roo","ip":"10.1.0.11"}]}"#,
            "`stations[0].ip` is to be a list, and is a text: write [\"10.1.0.11\"]",
        ),
        (
            r#"{"schema":"pentane.view/1","stations":[{"host":"roo","ip":["10.1.0.300"]}]}"#,
            "stations[0].ip[0] is to be an IP address, like \"10.0.1.12\", and is \"10.1.0.300\"",
        ),
        (
            r#"{"schema":"pentane.view/1","stations":[{"mac":"02:00"}]}"#,
            "`stations[0].mac` is to be a MAC address, like \"02:00:00:00:00:11\", and is \"02:00\"",
        ),
        (r#"{"schema":"pentane.view/1","gateways":[{"name":"border"}]}"#, "gateways[0]: a gateway needs the field `mac`"),
        ("\u{feff}{}", "v.json is not a view: it starts with a byte order mark"),
    ] {
        let told = explained("no-view", view);
        let flat = told.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(wanted), "{view}: {told}");
        assert_eq!((told.code, &*told.stdout), (2, ""), "{view}: {told}");
        for line in told.stderr.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn what_is_no_file_of_a_view_is_told() {
    let folder = with_view("no-view-file", "{}");
    for (named, wanted) in [("-", "not from standard input"), ("small.pol", "small.pol is a policy: a view is JSON")] {
        let told = run(&folder, &["explain", "host roo -> www tcp/80", "small.pol", "--view", named]);
        assert!(told.code == 2 && told.stderr.contains(wanted), "{told}");
    }
}

/// Names that are near, and places that are none.
#[test]
fn what_a_view_means_is_guessed() {
    for (station, wanted) in [
        (r#""host":"rooo""#, "the policy declares no host `rooo`: did you mean `roo`?"),
        (r#""host":"roo","users":["bobb"]"#, "the policy declares no user `bobb`: did you mean `bob`?"),
        (r#""host":"roo","at":"wap""#, "the policy declares no location `wap`: did you mean `wap1`?"),
        (r#""host":"roo","at":"edg1:2""#, "the policy declares no switch `edg1`: did you mean `edge1`?"),
        (r#""host":"roo","at":"edge1""#, "`edge1` is no place: it is a switch; a place is a port of it, such as `edge1:1`"),
        (r#""host":"roo","at":"edge1:x""#, "`edge1:x` is no place: behind `:` stands the number of a port"),
        (r#""host":"roo"},{"host":"roo""#, "host `roo` stands in the view twice"),
        (r#""host":"roo","groups":["desktops"]"#, "group `desktops` has its members in the policy"),
    ] {
        let told = explained("meant", &format!(r#"{{"schema":"pentane.view/1","stations":[{{{station}}}]}}"#));
        let flat = told.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.code == 2 && flat.contains(wanted), "{station}: {told}");
    }
}

/// A host is at its pin only while the view has it there, or the flow puts it there; a user is at a machine of the view only if the flow
/// says so.
#[test]
fn what_the_view_knows_of_ends_is_told() {
    let ask = |stations: &str, flow: &str| {
        let view = format!(r#"{{"schema":"pentane.view/1","stations":[{stations}],"links":[["edge1:25","core:1"]]}}"#);
        let told = run(&with_view("ends", &view), &["explain", flow, "small.pol", "--view", "v.json"]);
        told.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let www = r#"{"host":"www","at":"core:9"}"#;
    let nowhere = ask(www, "host griffin -> www tcp/80");
    assert!(nowhere.contains("path none: host `griffin` is attached nowhere in the view"), "{nowhere}");
    let placed = ask(www, "host griffin at edge1:1 -> www tcp/80");
    assert!(placed.contains("path edge1:1 > edge1:25, core:1 > core:9"), "{placed}");
    let there = ask(&format!(r#"{www},{{"host":"griffin","at":"edge1:1"}}"#), "host griffin -> www tcp/80");
    assert!(there.contains("path edge1:1 > edge1:25, core:1 > core:9"), "{there}");
    let bob = ask(&format!(r#"{www},{{"host":"roo","at":"wap1","users":["bob"]}}"#), "user bob -> www tcp/80");
    let wanted = "but in the view bob is logged in on roo; the flow is of an undeclared machine: write `user bob host roo`";
    assert!(bob.contains(wanted), "{bob}");
    let plum = ask(&format!(r#"{www},{{"host":"roo","at":"wap1","users":["bob"]}}"#), "user plum -> www tcp/80");
    assert!(!plum.contains("logged in on"), "{plum}");
}

/// The campus that is shipped, in the state that is shipped with it; and the example of the page on view files.
#[test]
fn the_shipped_view_and_the_page_fit_the_campus() {
    let campus = policies().join("../../../../policies/campus");
    let asked = run(&campus, &["explain", "user bob host roo -> internet tcp/22", "campus.pol", "--view", "now.json"]);
    assert!(asked.code == 0 && asked.stdout.contains("edge1:25, core:1"), "{asked}");
    let page = told(&["help", "view"]);
    assert_eq!(page.code, 0, "{page}");
    assert!(page.stdout.lines().all(|line| line.chars().count() <= 80), "{page}");
    let is_end = |line: &&str| *line != "    }";
    let example: String = page.stdout.lines().skip_while(|line| *line != "    {").take_while(is_end).chain(["}"]).collect();
    let folder = scratch("page-view");
    fs::write(folder.join("v.json"), example).unwrap();
    for file in ["campus.pol", "inventory.pol"] {
        fs::copy(campus.join(file), folder.join(file)).unwrap();
    }
    let fits = run(&folder, &["explain", "host roo -> internet tcp/80", "campus.pol", "--view", "v.json"]);
    assert_eq!(fits.code, 0, "{fits}");
}

/// What pages show of the shipped view is what the commands say.
#[test]
fn sessions_with_the_shipped_view_are_what_the_commands_say() {
    let root = policies().join("../../../..");
    let mut held = 0;
    for page in ["cli.md", "tutorial.md"] {
        let text = fs::read_to_string(root.join("docs").join(page)).unwrap().replace("\\\n", " ");
        for block in text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let Some((command, output)) = block.split_once('\n').filter(|(command, _)| command.contains("--view now.json"))
            else {
                continue;
            };
            let quoted = command.trim_start_matches("$ pentane ").split('\'').enumerate();
            let words: Vec<&str> = quoted
                .flat_map(|(place, part)| if place % 2 == 1 { vec![part] } else { part.split_whitespace().collect() })
                .collect();
            let asked = run(&root.join("policies/campus"), &words);
            assert_eq!((&*asked.stdout, &*asked.stderr), (output, ""), "{page}: {command}");
            held += 1;
        }
    }
    assert!(held >= 6, "only {held} commands were held");
}

/// All that is wrong comes out in one run, each with its place in the file.
#[test]
fn what_contradicts_the_inventory_is_told_with_its_place() {
    assert_run!(explained(
        "contradictions",
        r#"{"schema":"pentane.view/1","stations":[
            {"host":"griffin","at":"edge1:2"},
            {"host":"roo","at":"edge1:25","ip":["10.0.9.10"]},
            {"host":"rphone","at":"edge1:27"},
            {"host":"www","at":"core:48"},
            {"mac":"02:00:00:00:00:fe","at":"core:40"},
            {"mac":"02:00:00:00:00:12"},
            {"mac":"02:00:00:00:00:77","users":["bob","bob"],"groups":["desktops"]}],
            "gateways":[{"name":"border","mac":"02:00:00:00:00:ff"}],
            "links":[["edge1:25","core:9"],["edge1:1","core:2"],["edge1:26","edge1:26"],["core","core:3"]]}"#
    ));
}

#[test]
fn an_allowed_flow_shows_its_way_through_its_middleboxes() {
    let ask = |flow: &str, more: &[&str]| told(&[&["explain", flow, "small.pol", "--view", "cabled.json"], more].concat());
    assert_run!(ask("user none host roo -> internet tcp/80", &[]));
    let json = ask("user none host roo -> internet tcp/80", &["--format", "json"]).json();
    let ports = ["edge1:5", "edge1:25", "core:1", "core:40", "core:41", "core:48"];
    assert_eq!(json["path"], serde_json::json!(ports));
    assert_eq!(json["via"], serde_json::json!(["http-proxy"]));
    let denied = ask("host rphone -> host roo tcp/80", &["--format", "json"]).json();
    assert_eq!((&denied["verdict"], &denied["path"], &denied["no_path"]), (&"deny".into(), &().into(), &().into()));
    let unlinked = told(&["explain", "host roo -> www tcp/80", "small.pol", "--view", "view.json"]);
    assert!(!unlinked.stdout.contains("path"), "{unlinked}");
}

/// No path, no flow: the answer says so, and it is not the allow that is expected.
#[test]
fn an_allowed_flow_without_a_way_is_told() {
    let stations = r#"{"host":"roo","at":"wap1","users":["bob"]},{"host":"griffin","at":"edge1:1"},{"host":"www","at":"core:9"}"#;
    let folder = with_view("no-way", &format!(r#"{{"schema":"pentane.view/1","stations":[{stations}],"links":[]}}"#));
    let ask = |flow: &str, more: &[&str]| run(&folder, &[&["explain", flow, "small.pol", "--view", "v.json"], more].concat());
    assert_run!(ask("host roo -> www tcp/80", &[]));
    let json = ask("host roo -> www tcp/80", &["--format", "json"]).json();
    assert_eq!((&json["verdict"], &json["path"]), (&"allow".into(), &().into()));
    assert_eq!(json["no_path"], "no links lead from switch `edge1` to switch `core`");
    for (flow, expected, code) in [
        ("host roo -> www tcp/80", "allow", 1),
        ("host roo -> www tcp/80", "deny", 1),
        ("host roo -> host griffin tcp/22", "allow", 0),
        ("desktops -> www tcp/80", "allow", 1),
    ] {
        assert_eq!(ask(flow, &["--expect", expected]).code, code, "{flow} {expected}");
    }
    let both = ask("host griffin -> www web", &[]);
    assert!(both.stdout.contains("  no path  for 2 of 2, such as "), "{both}");
}

/// Groups that others fill are flat: users and stations are members, groups are not, however the policy names them.
#[test]
fn groups_that_others_fill_are_in_no_others_and_in_no_cycle() {
    let folder = scratch("dynamic-groups");
    let policy = "switch s1 { dpid 0x1; access 1-8; }\nuser bob;\nhost pc { mac 02:00:00:00:00:01; }\nhost www { mac 02:00:00:00:00:02; }\n\
        group a = user directory \"cn=b\";\ngroup b = user directory \"cn=a\";\ngroup both = a | b;\n\
        allow from a to www for http;\nallow from b to www for ssh;\nallow from both to www for https;\n";
    fs::write(folder.join("a.pol"), policy).unwrap();
    let ask = |groups: &str, port: u16| {
        let user = format!(r#"{{"name":"bob","groups":[{groups}]}}"#);
        let stations = format!(r#"{{"host":"pc","at":"s1:1","users":[{user}]}},{{"host":"www","at":"s1:2"}}"#);
        fs::write(folder.join("v.json"), format!(r#"{{"schema":"pentane.view/1","stations":[{stations}]}}"#)).unwrap();
        run(&folder, &["explain", &format!("host pc -> www tcp/{port}"), "a.pol", "--view", "v.json", "--expect", "allow"])
    };
    // Of two groups that are named after each other, a member of one is no member of the other.
    for (groups, port, code) in [("\"a\"", 80, 0), ("\"a\"", 22, 1), ("\"b\"", 22, 0), ("\"b\"", 80, 1), ("\"a\"", 443, 0)] {
        assert_eq!(ask(groups, port).code, code, "{groups} {port}");
    }
    let composed = ask("\"both\"", 443);
    assert!(composed.stderr.contains("stations[0]: group `both` has its members in the policy"), "{composed}");
    let cycle = policy.replace("group both = a | b;", "group both = a | more;\ngroup more = both | b;");
    fs::write(folder.join("cycle.pol"), cycle).unwrap();
    let told = run(&folder, &["check", "cycle.pol", "--format", "json"]).json();
    assert_eq!((told["errors"].as_u64(), told["diagnostics"][0]["code"].as_str()), (Some(1), Some("E0205")), "{told}");
}
