//! `pentane whatif`, and `pentane diff` of two views.

use crate::run::{Run, assert_run, run, told, with_texts, with_view};

const STATIONS: &str = r#"{"host":"roo","at":"wap1","ip":["10.0.1.12"],"users":["bob"]},{"host":"rphone","at":"edge1:6","ip":["10.0.1.16"]},
    {"host":"griffin","at":"edge1:1"},{"host":"www","at":"core:9"}"#;

fn view(stations: &str) -> String {
    format!(r#"{{"schema":"pentane.view/1","stations":[{stations}],"links":[["edge1:25","core:1"]]}}"#)
}

/// `whatif` of the small campus.
fn ask(name: &str, args: &[&str]) -> Run {
    let folder = with_view(name, &view(STATIONS));
    run(&folder, &[&["whatif", "small.pol", "--view", "v.json"], args].concat())
}

#[test]
fn what_changes_is_told_by_class_and_the_rest_is_proved() {
    assert_run!(ask("whatif-move", &["--move", "roo=edge1:9"]));
    assert_run!(ask("whatif-logout", &["--logout", "bob@roo"]));
    assert_run!(ask("whatif-detach", &["--detach", "www", "--format", "concise"]));
    assert_run!(ask("whatif-json", &["--move", "roo=edge1:9", "--format", "json"]));
    let same = ask("whatif-same", &["--move", "rphone=edge1:7", "--exit-code"]);
    assert_eq!(same.code, 0, "{same}");
    assert!(same.stdout.contains("no flow fares otherwise: proved, between these two states\n"), "{same}");
    assert_eq!(ask("whatif-code", &["--move", "roo=edge1:9", "--exit-code"]).code, 1);
}

#[test]
fn a_switch_or_a_cable_that_is_down_takes_flows_along() {
    assert_run!(ask("whatif-cable", &["--link-down", "core:1", "--format", "concise"]));
    assert_run!(ask("whatif-switch", &["--down", "core", "--format", "concise"]));
    let asked = ask("whatif-path", &["--link-down", "edge1:25", "--", "explain", "host roo -> www tcp/80"]);
    assert!(asked.stdout.contains("path     none: no links lead from switch `edge1` to switch `core`"), "{asked}");
}

#[test]
fn every_question_may_be_asked_of_the_changed_state() {
    let flow = "host roo -> internet tcp/22";
    let verdict = |change: &[&str], wanted: &str| {
        ask("whatif-asked", &[change, &["--", "explain", flow, "--expect", wanted]].concat()).code
    };
    assert_eq!(verdict(&["--move", "rphone=edge1:8"], "allow"), 0);
    assert_eq!(verdict(&["--logout", "bob@roo"], "deny"), 0);
    assert_eq!(verdict(&["--logout", "bob@roo", "--login", "plum@roo"], "allow"), 0);
    // A membership in a declared group is a change of the policy.
    assert_eq!(verdict(&["--leave", "bob=members"], "deny"), 0);
    assert_eq!(verdict(&["--leave", "bob=members", "--join", "bob=members"], "allow"), 0);
    let who = ask("whatif-who", &["--move", "roo=edge1:9", "--", "who", "can-reach", "www"]);
    assert!(who.code == 0 && who.stdout.contains("in the view v.json with changes"), "{who}");
    for question in [&["prove"][..], &["check"], &["matrix"]] {
        let told = ask("whatif-others", &[&["--detach", "roo", "--"], question].concat());
        assert_eq!(told.code, 0, "{told}");
    }
}

#[test]
fn groups_that_others_fill_are_the_views() {
    let policy = "switch s1 { dpid 0x1; access 1-8; }\nuser bob;\nhost pc { mac 02:00:00:00:00:01; }\nhost www { mac 02:00:00:00:00:02; }\n\
        group staff = user directory \"cn=staff\";\ngroup printers = host tagged \"printer\";\n\
        allow from staff to www for http;\nallow from printers to www for ipp;\n";
    let stations = r#"{"host":"pc","at":"s1:1","users":["bob"]},{"host":"www","at":"s1:2"}"#;
    let view = format!(r#"{{"schema":"pentane.view/1","stations":[{stations}]}}"#);
    let folder = with_texts("whatif-dynamic", &[("a.pol", policy), ("v.json", &view)]);
    let ask = |args: &[&str]| run(&folder, &[&["whatif", "a.pol", "--view", "v.json"], args].concat());
    assert_run!(ask(&["--join", "bob=staff"]));
    assert_run!(ask(&["--join", "pc=printers", "--format", "concise"]));
    let nowhere = ask(&["--logout", "bob@pc", "--join", "bob=staff"]);
    assert!(nowhere.stderr.contains("user `bob` is logged in nowhere in the view"), "{nowhere}");
}

#[test]
fn what_cannot_be_supposed_is_refused() {
    for (args, wanted) in [
        (&[][..], "nothing changes: say what does"),
        (&["--move", "roo"], "this is to be two words with `=` between"),
        (&["--move", "rooo=edge1:9"], "the policy declares no host `rooo`: did you mean `roo`?"),
        (&["--move", "roo=edge1:25"], "`--move roo=edge1:25`: host `roo` cannot be at `edge1:25`: an uplink leads to"),
        (
            &["--move", "griffin=edge1:2"],
            "`--move griffin=edge1:2`: host `griffin` cannot be at `edge1:2`: it is pinned to `edge1:1`",
        ),
        (&["--login", "bob@roo"], "`--login bob@roo`: user `bob` of host `roo` stands in the view twice"),
        (&["--login", "eve@roo"], "`--login eve@roo`: the policy declares no user `eve`"),
        (&["--move", "roo=edge1:9", "--login", "bobb@roo"], "`--login bobb@roo`: the policy declares no user `bobb`: did you"),
        (&["--login", "plum@roo", "--move", "roo=edge7:9"], "`--move roo=edge7:9`: the policy declares no switch `edge7`"),
        (&["--move", "roo=edge1:25", "--login", "eve@griffin"], "the view v.json with changes does not fit the policy: `--move"),
        (&["--logout", "bobb@roo"], "the policy declares no user `bobb`: did you mean `bob`?"),
        (&["--logout", "plum@roo"], "`plum` is not logged in at `roo` in the view"),
        (&["--detach", "02:00:00:00:00:77"], "is attached nowhere in the view"),
        (&["--join", "bob=nobody"], "the policy declares no group `nobody`"),
        (&["--join", "rphone=members"], "the policy declares no user `rphone`"),
        (&["--join", "wap1=waps"], "members of groups of users and of hosts can be supposed"),
        (&["--join", "b };=members"], "the policy declares no user `b };`"),
        (&["--leave", "bob=member"], "the policy declares no group `member`: did you mean `members`?"),
        (&["--join", "bob=members"], "`--join bob=members`: `bob` is a member already"),
        (&["--leave", "rphone=desktops"], "`--leave rphone=desktops`: `rphone` is no member; it is in `phones`"),
        (&["--leave", "www=desktops"], "`www` is no member, and in no other group"),
        (&["--detach", "roo", "--detach", "roo"], "`roo` is attached nowhere in the view"),
        (&["--down", "edge9"], "the policy declares no switch `edge9`: did you mean `edge1`?"),
        (&["--link-down", "edge1"], "this is to be a switch and the number of a port, like `edge1:25`"),
        (&["--link-down", "edge1:26"], "no link of the view is at `edge1:26`"),
        (&["--detach", "roo", "--", "fmt"], "`fmt` asks nothing of a view"),
        (&["--detach", "roo", "--", "who", "can-reach", "www", "small.pol"], "are told before `--`"),
        (&["--detach", "roo", "--", "wo"], "unrecognized subcommand"),
    ] {
        let told = ask("whatif-wrong", args);
        let flat = told.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(wanted), "{args:?}: {told}");
        assert_eq!((told.code, &*told.stdout), (2, ""), "{args:?}: {told}");
        for line in told.stderr.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    let bare = told(&["whatif", "small.pol", "--detach", "roo"]);
    assert!(bare.code == 2 && bare.stderr.contains("--view FILE"), "{bare}");
}

/// A view that is unfit as it stands is told as a view, not as a change.
#[test]
fn an_unfit_view_is_no_change_s_fault() {
    let folder = with_view("whatif-unfit", &view(r#"{"host":"griffin","at":"edge1:2"},{"host":"roo","at":"wap1"}"#));
    let told = run(&folder, &["whatif", "small.pol", "--view", "v.json", "--move", "roo=edge1:9"]);
    assert!(
        told.code == 2 && told.stderr.contains("the view v.json does not fit the policy:\n  stations[0]: host `griffin`"),
        "{told}"
    );
}

/// What is not known of ways is not proved; what is not compared is said.
#[test]
fn without_links_a_switch_that_is_down_leaves_flows_open() {
    let more = format!(r#"{{"schema":"pentane.view/1","stations":[{STATIONS}]}}"#);
    let third = "switch far { dpid 0x77; access 1-4; }\n";
    let folder = with_view("whatif-unlinked", &more);
    let ask = |args: &[&str]| run(&folder, &[&["whatif", "small.pol", "--view", "v.json", "--down", "core"], args].concat());
    // What stays at the one switch that is left passes no other.
    let json = ask(&["--format", "json"]).json();
    assert_eq!((&json["settled"], &json["notes"]), (&true.into(), &serde_json::json!([])), "{json}");
    let small = std::fs::read_to_string(folder.join("small.pol")).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(folder.join("small.pol"), format!("{small}{third}")).unwrap_or_else(|error| panic!("{error}"));
    let open = ask(&["--format", "json"]);
    let json = open.json();
    assert_eq!((open.code, &json["settled"]), (3, &false.into()), "{json}");
    assert_eq!(json["notes"], serde_json::json!(["the view tells no `links`: what passes through core is not known"]));
    let text = ask(&[]);
    assert!(text.stdout.contains("note: the view tells no `links`: what passes through core is not known\n"), "{text}");
    assert!(text.stdout.contains("that all others are unchanged is not proved"), "{text}");
    let flow = "host roo -> 02:00:00:00:00:77 tcp/80";
    let away = ask(&["--move", "02:00:00:00:00:77=far:1", "--", "explain", flow]);
    assert!(away.stdout.contains("path     not told: the view tells no `links`, and a switch is down"), "{away}");
    let here = ask(&["--move", "02:00:00:00:00:77=edge1:9", "--", "explain", flow]);
    assert!(here.stdout.starts_with("allow") && !here.stdout.contains("path"), "{here}");
}

#[test]
fn ways_are_compared_where_both_views_tell_links() {
    let folder = with_view("diff-links", &view(STATIONS));
    let unlinked = format!(r#"{{"schema":"pentane.view/1","stations":[{STATIONS}]}}"#);
    let cut = format!(r#"{{"schema":"pentane.view/1","stations":[{STATIONS}],"links":[]}}"#);
    for (name, text) in [("unlinked.json", unlinked), ("cut.json", cut)] {
        std::fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{error}"));
    }
    let ask = |old: &str, new: &str| {
        run(&folder, &["diff", "small.pol", "--view", old, "--view-after", new, "--format", "json"]).json()
    };
    let note = serde_json::json!(["only the view cut.json tells `links`: ways are not compared"]);
    for (old, new) in [("unlinked.json", "cut.json"), ("cut.json", "unlinked.json")] {
        let json = ask(old, new);
        assert_eq!(
            (&json["lost"], &json["gained"], &json["notes"]),
            (&serde_json::json!([]), &serde_json::json!([]), &note),
            "{json}"
        );
    }
    let json = ask("v.json", "cut.json");
    assert!(json["lost"].as_array().is_some_and(|lost| !lost.is_empty()) && json["notes"] == serde_json::json!([]), "{json}");
}

/// What every site has comes behind what the site says; and of what is gone it is said which end it is.
#[test]
fn the_prelude_comes_last_and_the_end_that_is_gone_is_named() {
    let told = ask("whatif-prelude", &["--detach", "www"]);
    let (site, prelude) = told.stdout.split_once("  by the prelude:\n").unwrap_or_else(|| panic!("{told}"));
    assert!(site.contains("no such flow: www is attached nowhere") && !site.contains("prelude"), "{told}");
    assert!(prelude.contains("prelude"), "{told}");
    let off = ask("whatif-off", &["--down", "core"]);
    assert!(off.stdout.contains("no such flow: www is at core, which is down"), "{off}");
}

#[test]
fn answers_by_the_rules_alone_say_so() {
    let who = ask("whatif-ways", &["--link-down", "core:1", "--", "who", "can-reach", "www"]);
    assert!(who.stdout.contains("ways not looked at"), "{who}");
    let matrix = ask("whatif-ways-matrix", &["--down", "core", "--", "matrix"]);
    assert!(matrix.stdout.contains("ways not looked at"), "{matrix}");
    let bare = told(&["who", "can-reach", "www", "small.pol", "--view", "view.json"]);
    assert!(!bare.stdout.contains("ways not looked at"), "{bare}");
}

#[test]
fn two_views_of_one_policy_are_compared() {
    let folder = with_view("diff-views", &view(STATIONS));
    std::fs::write(folder.join("w.json"), view(&STATIONS.replace("wap1", "edge1:9"))).unwrap_or_else(|error| panic!("{error}"));
    let args = ["diff", "small.pol", "--view", "v.json", "--view-after", "w.json"];
    assert_run!(run(&folder, &args));
    let json = run(&folder, &[&args[..], &["--format", "json"]].concat()).json();
    assert_eq!((&json["world"], &json["old_view"], &json["settled"]), (&"view".into(), &"v.json".into(), &true.into()));
    let back = run(&folder, &["diff", "small.pol", "--view", "w.json", "--view-after", "v.json", "--format", "json"]).json();
    let count = |sort: &str, of: &serde_json::Value| of[sort].as_array().map_or(0, Vec::len);
    assert_eq!(count("gained", &back), count("lost", &json), "{back}\n{json}");
    for wrong in [&["diff", "--view", "v.json"][..], &["diff", "a.pol", "b.pol", "--view", "v.json", "--view-after", "w.json"]] {
        assert_eq!(run(&folder, wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn ways_that_avoid_something_are_not_proved_to_stand() {
    let folder = with_view("whatif-avoid", &view(STATIONS));
    let small = std::fs::read_to_string(folder.join("small.pol")).unwrap_or_else(|error| panic!("{error}"));
    let avoiding = small.replace("allow from desktops to desktops;", "allow from desktops to desktops avoid core;");
    assert_ne!(small, avoiding);
    std::fs::write(folder.join("small.pol"), avoiding).unwrap_or_else(|error| panic!("{error}"));
    let told = run(&folder, &["whatif", "small.pol", "--view", "v.json", "--link-down", "core:1"]);
    assert!(told.code == 3 && told.stdout.contains("finds no ways that avoid"), "{told}");
}
