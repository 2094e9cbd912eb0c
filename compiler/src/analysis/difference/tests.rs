//! Differences of policies in text, and of random policies against trying many flows.

use lang::ast::Policy;
use lang::check::check;
use lang::checked::{Checked, Effect, Rule, RuleId};
use lang::eval;
use lang::flowspec::flow_text;
use lang::parse::parse;
use lang::source::SourceMap;
use lang::testing::outcome;

use super::*;
use crate::analysis::tests::packet;
use crate::program::generate::{self, Draw};

pub(super) fn checked(text: &str) -> Checked {
    let mut sources = SourceMap::default();
    let id = sources.add("test.pol", text);
    let (file, parsed) = parse(&sources, id);
    let (policy, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    policy.unwrap_or_else(|| panic!("{found:#?}\n{text}"))
}

const SITE: &str = "section prelude { }
switch edge { dpid 0x1; access 1-24; }
switch core { dpid 0x10; access 9-48; }
gateway border { at core:48; }
middlebox ids { at core:42; }
middlebox proxy { in core:40; out core:41; }
host a { mac 00:16:3e:00:00:01; ip 10.0.0.1; at edge:1; }
host b { mac 00:16:3e:00:00:02; }
host c { mac 00:16:3e:00:00:03; }
user bob;
user eve;
network lan = 10.0.0.0/24;
group people = user { bob, eve };
group staff = user directory \"cn=staff\";
";

/// What is told of two policies, each the site and some statements, line by line.
fn told(old: &str, new: &str) -> String {
    lines(&difference(&checked(&format!("{SITE}{old}")), &checked(&format!("{SITE}{new}")), Budget::default()))
}

fn lines(found: &Difference) -> String {
    let mut lines = Vec::new();
    for one in &found.redeclared {
        lines.push(format!("{}: {:?} -> {:?}", one.what, one.before, one.after));
    }
    for change in &found.changes {
        let flow = flow_text(&found.sides[1], &change.flow);
        let [before, after] = [(0, &change.before), (1, &change.after)].map(|(side, answer)| outcome(&found.sides[side], answer));
        lines.push(format!("{flow}: {before} -> {after}"));
    }
    lines.push(if found.is_settled() {
        "nothing else".into()
    } else {
        format!("undecided {:?} {}", found.undecided, found.is_cut)
    });
    lines.join("\n")
}

#[test]
fn the_same_policy_in_other_words_is_the_same() {
    let old = "one: allow from bob to a for tcp/80; deny from c;\nallow from people to b;";
    let new = "group others = user { bob, eve };\nallow from bob to a for tcp/80; deny from c;\ntwo: allow from others to b log;";
    insta::assert_snapshot!(told(old, new));
}

#[test]
fn what_is_gained_lost_and_led_elsewhere_is_told_with_a_flow() {
    let old = "web: allow from bob to internet for tcp/80 via proxy; ssh: allow from eve to a for tcp/22; no: deny to c;";
    let new = "web: allow from bob to internet for tcp/80 via ids; ssh: allow from bob to a for tcp/22; no: reject to c;";
    insta::assert_snapshot!(told(old, new));
}

#[test]
fn rules_in_another_order_differ_where_they_meet() {
    let old = "one: allow from bob to a; two: deny to a for tcp/80; three: allow from eve to b;";
    let new = "three: allow from eve to b; two: deny to a for tcp/80; one: allow from bob to a;";
    insta::assert_snapshot!(told(old, new));
}

#[test]
fn members_that_come_and_go_change_what_their_rules_decide() {
    let old = "group hosts = host { a, b };\nrule: allow from hosts to hosts for tcp/22; rest: deny from any;";
    let new = "group hosts = host { a, c };\nrule: allow from hosts to hosts for tcp/22; rest: deny from any;";
    insta::assert_snapshot!(told(old, new));
}

#[test]
fn a_host_that_is_declared_was_a_stranger_before() {
    let old = "strangers: allow from unregistered to a for tcp/80; known: allow from registered to b for tcp/22;";
    let new = format!("host d {{ mac 00:16:3e:00:00:04; }}\n{old}");
    insta::assert_snapshot!(told(old, &new));
}

#[test]
fn a_host_with_another_name_is_the_same_host() {
    let old = format!("{SITE}allow from b to a;\nassert never from c to a;");
    let new = old.replace("host b ", "host bee ").replace("from b ", "from bee ");
    insta::assert_snapshot!(lines(&difference(&checked(&old), &checked(&new), Budget::default())));
}

#[test]
fn what_is_declared_otherwise_is_listed() {
    let old = format!("{SITE}allow from b to a;");
    let new = old
        .replace("00:16:3e:00:00:01; ip 10.0.0.1", "00:16:3e:00:00:31; ip 10.0.0.7")
        .replace("border { at core:48", "outside { at core:47")
        .replace("proxy { in core:40", "proxy { in core:39")
        .replace("access 1-24", "access 1-23")
        .replace("10.0.0.0/24", "10.0.0.0/23, 2001:db8::/64")
        .replace("user bob", "setting multi-user = most-restrictive;\nuser bob");
    insta::assert_snapshot!(lines(&difference(&checked(&old), &checked(&new), Budget::default())));
}

#[test]
fn another_default_is_another_answer_to_what_no_rule_decides() {
    let old = "web: allow from bob for tcp/80;\ndefault deny;";
    let new = "web: allow from bob for tcp/80;\ndefault allow;";
    insta::assert_snapshot!(told(old, new));
    let all = "one: allow from any for tcp/80; two: deny from any;\n";
    insta::assert_snapshot!(told(&format!("{all}default deny;"), &format!("{all}default allow;")));
}

#[test]
fn a_rule_that_leads_past_others_differs_if_it_leads_past_more() {
    let old = "section web { pass from bob; deny to a for tcp/80; }\nno: deny to a for tcp/22;\nall: allow to a;";
    let new = "section web { pass from bob; deny to a for tcp/80; no: deny to a for tcp/22; }\nall: allow to a;";
    insta::assert_snapshot!(told(old, new));
}

#[test]
fn what_exceeds_the_budget_is_undecided() {
    let mut old = SITE.to_owned();
    for n in 0..200 {
        old.push_str(&format!(
            "allow from any to any for tcp/{}-{} when tpsrc in {}-{};\n",
            n * 7,
            n * 200 + 300,
            n * 11,
            60000 - n * 13
        ));
    }
    let new = format!("{old}allow from bob to a for tcp;");
    let budget = Budget { claim: 2_000, ..Budget::default() };
    let found = difference(&checked(&old), &checked(&new), budget);
    assert!(!found.is_settled());
    assert_eq!(found.undecided, [vec![], vec![RuleId(200)]]);
}

/// The policy with a few rules taken out, put in, moved, or changed; and now and then with another default.
fn edited(draw: &mut Draw, policy: &Checked) -> Checked {
    let mut rules = policy.rules.clone();
    for _ in 0..1 + draw.below(3) {
        let place = draw.below(u32::try_from(rules.len().max(1)).unwrap()) as usize;
        match draw.below(4) {
            0 if !rules.is_empty() => {
                rules.remove(place);
            }
            1 => rules.insert(place.min(rules.len()), generate::policy(draw).rules.remove(0)),
            2 if rules.len() > 1 => rules.swap(place, 0),
            _ => {
                let other = generate::policy(draw).rules.remove(0);
                if let Some(rule) = rules.get_mut(place) {
                    rule.cond = other.cond;
                }
            }
        }
    }
    let count = u32::try_from(rules.len()).unwrap();
    for (id, rule) in (0..).zip(&mut rules) {
        rule.id = RuleId(id);
        if let Effect::Pass(to) = &mut rule.effect {
            to.0 = to.0.clamp(id + 1, count.max(id + 1));
        }
    }
    let mut edited = Checked { rules: rules.into_iter().map(|rule| known(&rule, policy)).collect(), ..policy.clone() };
    if draw.chance(6) {
        edited.default.verdict = generate::policy(draw).default.verdict;
    }
    edited
}

/// The rule without tests of groups that the policy does not have.
fn known(rule: &Rule, policy: &Checked) -> Rule {
    fn cond(of: &lang::checked::Cond, groups: usize) -> lang::checked::Cond {
        use lang::checked::{Cond, EndTest};
        match of {
            Cond::End(_, EndTest::Group(id)) if id.index() >= groups => Cond::Any(Vec::new()),
            Cond::Not(inner) => Cond::Not(Box::new(cond(inner, groups))),
            Cond::All(parts) => Cond::All(parts.iter().map(|part| cond(part, groups)).collect()),
            Cond::Any(parts) => Cond::Any(parts.iter().map(|part| cond(part, groups)).collect()),
            other => other.clone(),
        }
    }
    Rule { cond: cond(&rule.cond, policy.groups.len()), ..rule.clone() }
}

/// The policies differ in their rules alone, so that a flow of the one is a flow of the other.
#[test]
fn whatever_a_random_packet_shows_to_differ_is_told_and_what_is_told_differs() {
    let (mut settled, mut different, mut changes, mut alike) = (0, 0, 0, 0);
    for seed in 0..600 {
        let draw = &mut Draw::new(seed);
        let old = generate::policy(draw);
        let new = edited(draw, &old);
        let found = difference(&old, &new, Budget { claim: 300_000, ..Budget::default() });
        for change in &found.changes {
            let [before, after] = [0, 1].map(|side: usize| eval::judge(&found.sides[side], &change.flow));
            assert_eq!((&before, &after), (&change.before, &change.after), "seed {seed}");
            assert!(before.verdict != after.verdict || before.via != after.via || before.duties != after.duties, "seed {seed}");
        }
        changes += found.changes.len();
        if !found.is_settled() {
            continue;
        }
        settled += 1;
        let view = generate::view(draw, &old);
        for _ in 0..1_000 {
            let Some(flow) = packet(draw, &old, &view) else { continue };
            let [before, after] = [&old, &new].map(|policy| eval::judge(policy, &flow));
            if (before.verdict, &before.via, &before.duties) == (after.verdict, &after.via, &after.duties) {
                alike += 1;
                continue;
            }
            different += 1;
            let class = [before.rule, after.rule];
            let is_told = found.changes.iter().any(|change| [change.before.rule, change.after.rule] == class);
            assert!(is_told, "seed {seed}: {class:?} {flow:#?}\n{}", lines(&found));
        }
    }
    assert!(settled > 300 && different > 500 && changes > 300 && alike > 1_000, "{settled} {different} {changes} {alike}");
}
