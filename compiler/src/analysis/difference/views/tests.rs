//! Turns of small sites in text, and of random views against trying many packets.

use lang::eval;
use lang::flowspec::flow_text;
use lang::testing::outcome;

use super::super::tests::checked;
use super::*;
use crate::analysis::tests::is_whole;
use crate::principal::{Identity, destination, source};
use crate::program::generate::{self, Draw};
use crate::view::ViewFile;

const SITE: &str = "section prelude { }
switch edge { dpid 0x1; access 1-24; uplink 25; }
switch core { dpid 0x10; access 9-48; uplink 1; }
gateway border { at core:48; }
middlebox ids { at core:42; }
host a { mac 00:16:3e:00:00:01; ip 10.0.0.1; }
host b { mac 00:16:3e:00:00:02; }
user bob;
user eve;
network lan = 10.0.0.0/24;
group staff = user directory \"cn=staff\";
location desk = edge:5;
";

fn view(policy: &Checked, stations: &str) -> View {
    let text = format!(r#"{{"schema":"pentane.view/1","stations":[{stations}]}}"#);
    serde_json::from_str::<ViewFile>(&text).unwrap().resolve(policy).unwrap().view
}

fn line(found: &Turn, one: &Turned) -> String {
    let side = |side: usize| match &one.answers[side] {
        None => "not there".to_owned(),
        Some(answered) if answered.has_way => outcome(&found.sides[side], &answered.judgement).to_string(),
        Some(_) => "no way".to_owned(),
    };
    let flow = one.answers[1].as_ref().map(|one| (1, one)).or(one.answers[0].as_ref().map(|one| (0, one)));
    let flow = flow.map(|(side, one)| flow_text(&found.sides[side], &one.flow)).unwrap();
    format!("{flow}: {} -> {}, {} pairs", side(0), side(1), one.pairs)
}

fn lines(found: &Turn) -> String {
    let mut all: Vec<String> = found.changes.iter().map(|one| line(found, one)).collect();
    all.push(if found.settled { "nothing else" } else { "undecided" }.to_owned());
    all.join("\n")
}

/// What becomes of a site with these rules when it comes from one state into another.
fn told(rules: &str, before: &str, after: &str) -> String {
    let policy = checked(&format!("{SITE}{rules}"));
    let [before, after] = [before, after].map(|stations| view(&policy, stations));
    lines(&turn((&policy, &before), (&policy, &after), &mut |_, _, _, _| true, Budget::default()))
}

const RULES: &str =
    "desks: allow from any at desk to b for tcp/80;\nbobs: allow from bob to b;\nstaff: allow from staff to b for tcp/22;";
const B: &str = r#"{"host":"b","at":"core:9"}"#;

#[test]
fn who_moves_or_logs_in_gains_and_loses() {
    let a = |rest: &str| format!(r#"{B},{{"host":"a","at":{rest}}}"#);
    let moved = told(RULES, &a(r#""edge:1""#), &a(r#""edge:5""#));
    insta::assert_snapshot!(moved);
    insta::assert_snapshot!(told(RULES, &a(r#""edge:5""#), &a(r#""edge:5","users":["bob"]"#)));
    let member = r#""edge:1","users":[{"name":"eve","groups":["staff"]}]"#;
    insta::assert_snapshot!(told(RULES, &a(r#""edge:1","users":["eve"]"#), &a(member)));
    assert_eq!(told(RULES, &a(r#""edge:5""#), &a(r#""edge:5""#)), "nothing else");
    assert_eq!(told(RULES, &a(r#""edge:1""#), &a(r#""edge:2""#)), "nothing else");
}

#[test]
fn who_goes_takes_all_flows_along() {
    let both = format!(r#"{B},{{"host":"a","at":"edge:5"}}"#);
    insta::assert_snapshot!(told(RULES, &both, B));
    insta::assert_snapshot!(told("allow to a for tcp/22;\nallow from a to internet;", &both, B));
}

/// Two users at one host are judged together: what the second one brings is no gain where the first has it.
#[test]
fn users_of_one_host_are_judged_together() {
    let a = |users: &str| format!(r#"{B},{{"host":"a","at":"edge:1","users":[{users}]}}"#);
    let rules = "allow from bob to b for tcp/80-81;\ndeny from eve to b for tcp/81;\nallow from eve to b for tcp/80;";
    assert_eq!(told(rules, &a("\"bob\""), &a("\"bob\",\"eve\"")), "nothing else");
    let strict = format!("setting multi-user = most-restrictive;\n{rules}");
    insta::assert_snapshot!(told(&strict, &a("\"bob\""), &a("\"bob\",\"eve\"")));
}

#[test]
fn what_has_no_way_any_more_is_lost() {
    let policy = checked(&format!("{SITE}allow from a to b for tcp/80 via ids;\nallow from a to b for tcp/22;"));
    let both = view(&policy, &format!(r#"{B},{{"host":"a","at":"edge:5"}}"#));
    let mut ways = |state: usize, _: Location, _: Location, via: &[MiddleboxId]| state == 0 || via.is_empty();
    let found = turn((&policy, &both), (&policy, &both), &mut ways, Budget::default());
    insta::assert_snapshot!(lines(&found));
}

#[test]
fn a_policy_may_change_along_and_a_budget_may_not_suffice() {
    let old = checked(&format!("{SITE}group g = user {{ bob }};\nallow from g to b for tcp/80;"));
    let new = checked(&format!("{SITE}group g = user {{ bob, eve }};\nallow from g to b for tcp/80;"));
    let stations = format!(r#"{B},{{"host":"a","at":"edge:5","users":["eve"]}}"#);
    let [before, after] = [&old, &new].map(|policy| view(policy, &stations));
    let mut ways = |_: usize, _: Location, _: Location, _: &[MiddleboxId]| true;
    insta::assert_snapshot!(lines(&turn((&old, &before), (&new, &after), &mut ways, Budget::default())));
    let none = Budget { claims: 0, ..Budget::default() };
    assert_eq!(lines(&turn((&old, &before), (&new, &after), &mut ways, none)), "undecided");
}

/// The flow of a packet in a view, sent from wherever its sender is; nothing if it starts none.
fn flow_in(policy: &Checked, view: &View, at: Location, key: &net::FlowKey) -> Option<Flow> {
    let at = view.station(key.dl_src).and_then(|station| station.location).unwrap_or(at);
    let (Identity::Known(src), Identity::Known(dst)) = (source(policy, view, at, key), destination(policy, view, key)) else {
        return None;
    };
    let away = dst.place == Place::Inside && dst.location.is_none();
    let headers = Program::headers(key);
    (!away && is_whole(&headers)).then_some(Flow { src, dst, headers, time: None })
}

#[test]
fn whatever_a_random_packet_shows_to_fare_otherwise_is_told_and_what_is_told_is_so() {
    let (mut settled, mut different, mut changes, mut alike) = (0, 0, 0, 0);
    for seed in 0..500 {
        let draw = &mut Draw::new(seed);
        let policy = generate::policy(draw);
        let before = generate::view(draw, &policy);
        let mut after = before.clone();
        for _ in 0..=draw.below(3) {
            generate::disturb(draw, &mut after, &policy);
        }
        let found = turn((&policy, &before), (&policy, &after), &mut |_, _, _, _| true, Budget::default());
        for (one, side) in found.changes.iter().flat_map(|one| [(one, 0), (one, 1)]) {
            let Some(answered) = &one.answers[side] else { continue };
            assert_eq!(eval::judge(&found.sides[side], &answered.flow), answered.judgement, "seed {seed}");
            changes += 1;
        }
        if !found.settled {
            continue;
        }
        settled += 1;
        for _ in 0..1_000 {
            let (at, key, now) = (generate::location(draw), generate::key(draw), generate::time(draw));
            let answers = [&before, &after].map(|view| {
                let flow = Flow { time: Some(now), ..flow_in(&policy, view, at, &key)? };
                Some(Answered { judgement: eval::judge(&policy, &flow), flow, has_way: true })
            });
            // What was outside and is a machine of the site, or the other way round, is somebody else.
            let is_other =
                answers.iter().flatten().flat_map(|one| [(&one.flow.src, key.dl_src), (&one.flow.dst, key.dl_dst)]).any(
                    |(end, mac)| end.place != Place::Inside && [&before, &after].iter().any(|view| view.station(mac).is_some()),
                );
            if is_other || !differ(&answers) {
                alike += 1;
                continue;
            }
            different += 1;
            let class =
                |answers: &[Option<Answered>; 2]| answers.each_ref().map(|one| one.as_ref().map(|one| one.judgement.rule));
            let is_told = found.changes.iter().any(|one| class(&one.answers) == class(&answers));
            let flows = answers.each_ref().map(|one| one.as_ref().map(|one| flow_text(&policy, &one.flow)));
            assert!(is_told, "seed {seed}: {:?} {flows:?}\n{}", class(&answers), lines(&found));
        }
    }
    assert!(settled > 400 && different > 150 && changes > 150 && alike > 1_000, "{settled} {different} {changes} {alike}");
}

/// Stations that nothing tells apart are compared once, and of every pair only what concerns its ends is looked at.
#[test]
fn larger_views_are_settled_in_few_steps() {
    use std::fmt::Write as _;
    const STATIONS: usize = 200;
    let mut text =
        "section prelude { }\nswitch edge { dpid 0x1; access 1-999; }\nnetwork lan = 10.0.0.0/16;\nuser bob;\n".to_owned();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for n in 0..STATIONS {
        let _ = writeln!(text, "host h{n} {{ mac 02:00:00:00:00:{n:02x}; ip 10.0.0.{}; }}", n + 1);
        let station = |user: &str| format!(r#"{{"host":"h{n}","at":"edge:{}"{user}}}"#, n + 1);
        before.push(station(""));
        after.push(station(if n == 7 { r#","users":["bob"]"# } else { "" }));
    }
    text.push_str("group servers = h0 | h1 | h2;\nallow from bob to servers for tcp/22;\ndefault deny;");
    let policy = checked(&text);
    let [before, after] = [before, after].map(|stations| view(&policy, &stations.join(",")));
    let few = Budget { claims: 10 * (STATIONS * STATIONS) as u64, ..Budget::default() };
    let found = turn((&policy, &before), (&policy, &after), &mut |_, _, _, _| true, few);
    assert!(found.settled, "{}", lines(&found));
    assert_eq!(found.changes.iter().map(|one| one.pairs).sum::<usize>(), 3, "{}", lines(&found));
}
