//! Who gets through, of policies in text and of random policies against random packets.

use std::sync::Arc;

use lang::checked::{Checked, Claim};
use lang::eval;
use lang::flow::{Person, Place};

use super::*;
use crate::analysis::Budget;
use crate::analysis::tests::{claim_of, packet, program};
use crate::program::Program;
use crate::program::generate::{self, Draw, span};
use crate::view::View;

const SITE: &str = "section prelude { }
switch edge { dpid 0x1; access 1-24; }
switch core { dpid 0x10; access 9-48; }
gateway border { at core:48; }
host a { mac 00:16:3e:00:00:01; ip 10.0.0.1; at edge:1; }
host b { mac 00:16:3e:00:00:02; ip 10.0.0.2; }
host c { mac 00:16:3e:00:00:03; }
user bob;
user eve;
user tom;
group people = user { bob, eve };
group staff = user directory \"cn=staff\";
";

fn told(rules: &str, pattern: &str, side: Side) -> String {
    let program = program(&format!("{SITE}{rules}\nassert never {pattern};"));
    let policy = program.policy();
    let analysis = Analysis::new(&program, Budget::default()).unwrap();
    let reach = analysis.reach(&policy.assertions[0].pattern, side);
    let mut lines: Vec<String> = Vec::new();
    for row in &reach.rows {
        let by = row.rule.map_or("default".to_owned(), |id| program.names().rule(id));
        let users: Vec<&str> = row.users.iter().map(|id| &*policy.users[id.index()].name).collect();
        let hosts: Vec<&str> = row.hosts.iter().map(|id| &*policy.hosts[id.index()].name).collect();
        let groups: Vec<&str> = row.members_of.iter().map(|id| &*policy.groups[id.index()].name).collect();
        lines.push(format!(
            "{by}: {users:?} nobody {} undeclared {} on {hosts:?} {:?} in {groups:?}",
            row.nobody, row.undeclared, row.others
        ));
    }
    lines.push(if reach.settled { "all".to_owned() } else { "undecided".to_owned() });
    lines.join("\n")
}

#[test]
fn those_who_reach_a_host_are_told_by_rule() {
    let rules = "one: allow from people to a for ssh; two: allow from staff at edge:5 to a; three: allow from b to a for udp;";
    insta::assert_snapshot!(told(rules, "to a", Side::Src));
    insta::assert_snapshot!(told(rules, "to a for udp", Side::Src));
    insta::assert_snapshot!(told(rules, "to c", Side::Src));
}

#[test]
fn what_is_reached_is_told_by_rule() {
    let rules = "no: deny to b; one: allow from bob; two: allow from unregistered to internet; three: allow to 10.0.0.1 for udp;";
    insta::assert_snapshot!(told(rules, "from bob", Side::Dst));
    insta::assert_snapshot!(told(rules, "from none", Side::Dst));
}

#[test]
fn an_address_is_of_one_of_the_hosts_that_nothing_else_tells_apart() {
    insta::assert_snapshot!(told("one: allow from bob to 10.0.0.2;", "from bob", Side::Dst));
    insta::assert_snapshot!(told("one: allow from bob to a | b;", "from bob", Side::Dst));
}

#[test]
fn the_fate_of_flows_is_shown_by_one_of_each_sort() {
    let fate = |rules: &str, pattern: &str| {
        let program = program(&format!("{SITE}{rules}\nassert never {pattern};"));
        let analysis = Analysis::new(&program, Budget::default()).unwrap();
        let fate = analysis.fate(&program.policy().assertions[0].pattern);
        assert!(fate.settled);
        (fate.allowed.is_some(), fate.refused.is_some())
    };
    let rules = "allow from people to a for ssh;";
    assert_eq!(fate(rules, "from bob to a for ssh"), (true, false));
    assert_eq!(fate(rules, "from bob to a"), (true, true));
    assert_eq!(fate(rules, "from tom to a"), (false, true));
    assert_eq!(fate(rules, "from bob when not from people"), (false, false));
}

/// Everyone whose packet gets through in a random view is told.
#[test]
fn whoever_gets_through_in_a_random_view_is_told() {
    let (mut allowed, mut settled) = (0, 0);
    for seed in 0..3_000 {
        let draw = &mut Draw::new(seed);
        let mut policy = generate::policy(draw);
        let allows = policy.rules.iter().find(|rule| rule.verdict() == Some(Verdict::Allow));
        let pattern = allows.unwrap_or(&policy.rules[0]).cond.clone();
        let claim = claim_of(Claim::Never, pattern);
        policy.assertions = vec![claim.clone()];
        let policy = Arc::new(policy);
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &View::new(&policy));
        let Some(analysis) = Analysis::new(&program, Budget { claim: 400_000, ..Budget::default() }) else { continue };
        let side = draw.pick(&[Side::Src, Side::Dst]);
        let reach = analysis.reach(&claim.pattern, side);
        let fate = analysis.fate(&claim.pattern);
        assert!(!(reach.settled && fate.settled) || fate.allowed.is_some() != reach.rows.is_empty(), "seed {seed}");
        for row in &reach.rows {
            let judgement = eval::judge(&policy, &row.flow);
            assert_eq!((judgement.verdict, judgement.rule), (Verdict::Allow, row.rule), "seed {seed}");
        }
        if !reach.settled {
            continue;
        }
        settled += 1;
        let matched = Checked {
            rules: vec![lang::checked::Rule::plain(RuleId(0), claim.pattern.clone(), Verdict::Deny, span())],
            ..Checked::clone(&policy)
        };
        for _ in 0..600 {
            let Some(flow) = packet(draw, &policy, &view) else { continue };
            let pin = flow.dst.host.and_then(|id| policy.hosts[id.index()].pin);
            if pin.is_some() && flow.dst.location.is_none() {
                // It is away, and nothing is delivered to it.
                continue;
            }
            let (judgement, end) = (eval::judge(&policy, &flow), flow.end(side));
            if eval::judge(&matched, &flow).rule.is_none() {
                continue;
            }
            if judgement.verdict != Verdict::Allow {
                assert!(!fate.settled || fate.refused.is_some(), "seed {seed}");
                continue;
            }
            allowed += 1;
            let row = reach.rows.iter().find(|row| row.rule == judgement.rule);
            let row = row.unwrap_or_else(|| panic!("seed {seed}: {:?} allows {flow:#?}", judgement.rule));
            match (end.host, end.place) {
                (Some(host), _) => assert!(row.hosts.contains(&host), "seed {seed}: {end:#?} {row:#?}"),
                (None, Place::Inside) => assert!(row.others.contains(&Other::Unregistered), "seed {seed}: {end:#?}"),
                (None, Place::Internet(_)) => assert!(row.others.contains(&Other::Internet), "seed {seed}: {end:#?}"),
                (None, Place::Gateway(id)) => assert!(row.others.contains(&Other::Gateway(id)), "seed {seed}: {end:#?}"),
                (None, Place::Broadcast) => assert!(row.others.contains(&Other::Broadcast), "seed {seed}: {end:#?}"),
                (None, Place::Multicast) => assert!(row.others.contains(&Other::Multicast), "seed {seed}: {end:#?}"),
                (None, Place::Controller) => assert!(row.others.contains(&Other::Controller), "seed {seed}: {end:#?}"),
            }
            match end.users.first() {
                None => assert!(row.nobody, "seed {seed}: {end:#?}"),
                Some(Person { user: None, .. }) => assert!(row.undeclared, "seed {seed}: {end:#?} {row:#?}"),
                Some(Person { user: Some(user), .. }) => assert!(row.users.contains(user), "seed {seed}: {end:#?}"),
            }
        }
    }
    assert!(settled > 1_000 && allowed > 1_000, "{settled} {allowed}");
}

/// In one view, all users of both ends count together.
#[test]
fn whoever_gets_through_beside_others_in_a_random_view_is_told() {
    let (mut allowed, mut refused) = (0, 0);
    for seed in 0..1_500 {
        let draw = &mut Draw::new(seed);
        let mut policy = generate::policy(draw);
        let pattern = policy.rules[draw.below(u32::try_from(policy.rules.len()).unwrap()) as usize].cond.clone();
        let claim = claim_of(Claim::Never, pattern);
        policy.assertions = vec![claim.clone()];
        let policy = Arc::new(policy);
        let mut view = generate::view(draw, &policy);
        let macs: Vec<_> = view.stations().map(|station| station.mac).collect();
        for mac in macs {
            for user in [0, 1] {
                view.login(mac, Person::declared(UserId(user)));
            }
        }
        let program = Program::compile(policy.clone(), &view);
        let Some(analysis) = Analysis::in_view(&program, &view, Budget { claim: 400_000, ..Budget::default() }) else { continue };
        let side = draw.pick(&[Side::Src, Side::Dst]);
        let (reach, fate) = (analysis.reach(&claim.pattern, side), analysis.fate(&claim.pattern));
        for row in &reach.rows {
            let judgement = eval::judge(&policy, &row.flow);
            assert_eq!((judgement.verdict, judgement.rule), (Verdict::Allow, row.rule), "seed {seed}");
        }
        if !reach.settled || !fate.settled {
            continue;
        }
        let pattern = lang::checked::Rule::plain(RuleId(0), claim.pattern.clone(), Verdict::Deny, span());
        let matched = Checked { rules: vec![pattern], ..Checked::clone(&policy) };
        for _ in 0..300 {
            let Some(one) = packet(draw, &policy, &view) else { continue };
            let station = |end: &lang::flow::End| end.mac.filter(|_| end.host.is_some() || end.location.is_some());
            let users = |end: &lang::flow::End| {
                station(end).and_then(|mac| view.station(mac)).map_or(Vec::new(), |one| one.users.clone())
            };
            let (src, dst) = (users(&one.src), users(&one.dst));
            let away = one.dst.place == Place::Inside && one.dst.location.is_none();
            if away || one.src.mac == one.dst.mac || src.len() < 2 && dst.len() < 2 || eval::judge(&matched, &one).rule.is_none()
            {
                continue;
            }
            let mut flow = one.clone();
            (flow.src.users, flow.dst.users) = (src, dst);
            let judgement = eval::judge(&policy, &flow);
            if judgement.verdict != Verdict::Allow {
                refused += 1;
                assert!(fate.refused.is_some(), "seed {seed}: {flow:?}");
                continue;
            }
            allowed += 1;
            assert!(fate.allowed.is_some(), "seed {seed}");
            let row = reach.rows.iter().find(|row| row.rule == judgement.rule).unwrap_or_else(|| panic!("seed {seed}: {flow:?}"));
            let end = flow.end(side);
            assert!(end.host.is_none_or(|host| row.hosts.contains(&host)), "seed {seed}: {row:?}");
            let is_listed = |person: &Person| person.user.is_none_or(|user| row.users.contains(&user));
            assert!(end.users.iter().all(is_listed), "seed {seed}: {row:?}");
        }
    }
    assert!(allowed > 50 && refused > 50, "{allowed} {refused}");
}
