//! `pentane prove`.

use crate::run::{Run, assert_run, run, scratch, told, with_texts};
use std::fs;

const CLAIMS: &str = "user bob;\nuser eve;\nsection eves scope (usrc = eve) {\n    allow from eve for ssh;\n}\nallow from bob for http;\n\
    nobody-but-bob: assert never from eve for http;\nbob-reads: assert always from bob for tcp/80;\n\
    bob-only-reads: assert never from bob for tcp/80-81;\n";

#[test]
fn each_assertion_gets_its_answer() {
    let folder = scratch("claims");
    fs::write(folder.join("claims.pol"), CLAIMS).unwrap();
    assert_run!(run(&folder, &["prove", "claims.pol"]));
    let json = run(&folder, &["prove", "claims.pol", "--format", "json"]);
    assert_eq!((json.code, json.json()["assertions"][2]["result"].as_str()), (1, Some("refuted")), "{json}");
    assert_run!(json);
}

#[test]
fn claims_that_hold_are_good_news_and_none_are_no_news() {
    let folder = scratch("claims-held");
    let held: String = CLAIMS.lines().take(8).map(|line| format!("{line}\n")).collect();
    fs::write(folder.join("held.pol"), held).unwrap();
    assert_run!(run(&folder, &["prove", "held.pol"]));
    fs::write(folder.join("none.pol"), "user bob;\nallow from bob;\n").unwrap();
    assert_run!(run(&folder, &["prove", "none.pol"]));
}

#[test]
fn a_claim_about_no_flow_is_not_passed_over() {
    let folder = scratch("claims-vacuous");
    fs::write(
        folder.join("vacuous.pol"),
        "user bob;\nuser eve;\nallow from bob;\nassert never from bob when usrc = eve;\nassert always from bob;\n",
    )
    .unwrap();
    assert_run!(run(&folder, &["prove", "vacuous.pol"]));
    let json = run(&folder, &["prove", "vacuous.pol", "--format", "json"]).json();
    let vacuous: Vec<bool> = json["assertions"].as_array().unwrap().iter().map(|one| one["vacuous"].as_bool().unwrap()).collect();
    assert_eq!(vacuous, [true, false]);
}

#[test]
fn a_rule_outside_its_scope_is_shown() {
    let folder = scratch("claims-scope");
    fs::write(folder.join("scope.pol"), CLAIMS.replace("allow from eve", "allow from bob")).unwrap();
    let told = run(&folder, &["prove", "scope.pol", "--format", "concise"]);
    assert_eq!(told.code, 1, "{told}");
    assert_run!(told);
}

#[test]
fn what_is_no_policy_is_not_proved() {
    let told = told(&["prove", "five.pol"]);
    assert_eq!((told.code, &*told.stdout), (1, ""), "{told}");
}

#[test]
fn formats_of_others_are_refused() {
    assert_run!(told(&["prove", "small.pol", "--format", "junit"]));
}

const IN_VIEW: &str = "switch s1 { dpid 0x1; access 1-8; }\nuser bob;\nuser eve;\nhost pc { mac 02:00:00:00:00:01; }\n\
    host www { mac 02:00:00:00:00:02; at s1:2; }\ngroup staff = user directory \"cn=staff\";\n\
    group guests = user directory \"cn=guests\";\ninvariant disjoint(staff, guests);\n\
    deny from guests when not usrc in staff;\nallow from staff to www for http;\nallow from eve to www for ssh;\n\
    web-alone: assert never to www for ssh;\nno-guests: assert never from guests to www;\n";

fn in_view(name: &str, users: &str) -> std::path::PathBuf {
    let stations = format!(r#"{{"host":"pc","at":"s1:1","users":[{users}]}},{{"host":"www","at":"s1:2"}}"#);
    with_texts(name, &[("a.pol", IN_VIEW), ("v.json", &format!(r#"{{"schema":"pentane.view/1","stations":[{stations}]}}"#))])
}

/// What does not hold in every view is an error, whether or not it holds in this one; both answers are told.
#[test]
fn assertions_are_settled_in_the_view_that_is_given_as_well() {
    let folder = in_view("claims-in-view", "\"bob\"");
    assert_run!(run(&folder, &["prove", "a.pol", "--view", "v.json"]));
    let told = run(&folder, &["prove", "a.pol", "--view", "v.json", "--format", "json"]);
    let answers = |told: &Run| -> Vec<String> {
        let all = told.json()["assertions"].as_array().unwrap().clone();
        all.iter().map(|one| format!("{} {} {}", one["name"], one["world"], one["result"]).replace('"', "")).collect()
    };
    let wanted = ["web-alone any-view refuted", "no-guests any-view proved", "web-alone view proved", "no-guests view proved"];
    assert_eq!((told.code, answers(&told)), (1, wanted.map(str::to_owned).to_vec()), "{told}");
    let checked = run(&folder, &["check", "a.pol", "--view", "v.json"]);
    assert!(checked.stdout.contains("in the view v.json: 2 assertions proved\n"), "{checked}");
    let here = in_view("claims-in-view-refuted", "\"eve\"");
    let told = run(&here, &["prove", "a.pol", "--view", "v.json", "--format", "json"]);
    let flow = "user eve host pc at s1:1 -> host www at s1:2 tcp/22";
    assert_eq!(told.json()["assertions"][2]["counterexample"], flow, "of stations that exist: {told}");
}

/// An invariant is assumed of any view. A view that breaks it is judged as it is, and what fails in it alone is an error, too.
#[test]
fn a_view_that_breaks_an_invariant_may_refute_what_is_proved_in_any() {
    let person = "{\"name\":\"bob\",\"groups\":[\"staff\",\"guests\"]}";
    let folder = in_view("claims-broken-invariant", person);
    fs::write(folder.join("a.pol"), IN_VIEW.replace("allow from eve to www for ssh;\n", "")).unwrap();
    assert_eq!(run(&folder, &["prove", "a.pol"]).code, 0);
    let told = run(&folder, &["prove", "a.pol", "--view", "v.json"]);
    assert_eq!(told.code, 1, "{told}");
    assert_run!(told);
    assert_run!(run(&folder, &["check", "a.pol", "--view", "v.json", "--format", "concise"]));
}

/// Rules between combinations of groups that others fill: what a group has in common with another is known of no two.
fn entangled() -> String {
    const GROUPS: u32 = 12;
    let mut text: String = (0..GROUPS).map(|n| format!("group g{n} = user directory \"cn=g{n}\";\n")).collect();
    let mut state = 1_u32;
    let mut draw = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
        1 + (state >> 16) % (GROUPS - 1)
    };
    for n in 0..255 {
        let (word, but) = if n % 2 == 0 { ("deny", "") } else { ("allow", " - g0") };
        let [a, b, c, d, e, f] = [0; 6].map(|_| draw());
        if a != b && a != c && b != c && d != e && d != f && e != f {
            text.push_str(&format!("{word} from ((g{a} & g{b}) | g{c}){but} to (g{d} | g{e}) - g{f};\n"));
        }
    }
    text + "asked: assert never from g0 to g1 | g2;\ndefault deny;\n"
}

#[test]
fn what_is_used_up_is_named_and_can_be_raised() {
    let folder = scratch("claims-budget");
    fs::write(folder.join("tight.pol"), entangled()).unwrap();
    let few = run(&folder, &["prove", "tight.pol"]);
    assert_eq!(few.code, 3, "{few}");
    assert_run!(few);
    let more = run(&folder, &["prove", "tight.pol", "--budget", "10"]);
    assert_eq!(more.code, 0, "{more}");
    assert_run!(more);
    for wrong in ["0", "1001", "much"] {
        let refused = run(&folder, &["prove", "tight.pol", "--budget", wrong]);
        assert_eq!(refused.code, 2, "{refused}");
    }
}
