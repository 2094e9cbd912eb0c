//! The analysis against brute force: over every point of small spaces, and over flows of real packets in random views.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use lang::ast::Policy;
use lang::check::check;
use lang::checked::{Assertion, Checked, Claim, Effect};
use lang::eval;
use lang::facts::RuleFact;
use lang::parse::parse;
use lang::source::SourceMap;

use super::*;
use crate::principal::{Identity, destination, source};
use crate::program::generate::{self, Draw, span};
use crate::view::View;

pub(super) fn program(text: &str) -> Program {
    let mut sources = SourceMap::default();
    let id = sources.add("test.pol", text);
    let (file, parsed) = parse(&sources, id);
    let (policy, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{found:#?}\n{text}")));
    let view = View::new(&policy);
    Program::compile(policy, &view)
}

fn told(program: &Program) -> Facts {
    facts(program, Budget::default())
}

/// Each rule of the site with what is known of it, in words.
fn rules_told(program: &Program) -> Vec<String> {
    let name = |id: RuleId| program.names().rule(id);
    let word = |fact: &RuleFact| match fact {
        RuleFact::Decides(_) => "decides".to_owned(),
        RuleFact::MatchesNothing => "matches nothing".to_owned(),
        RuleFact::Shadowed(by) => {
            let mut names: Vec<String> = by.iter().map(|taken| name(taken.by)).collect();
            names.sort();
            format!("shadowed by {}", names.join(", "))
        }
        RuleFact::Redundant(_, instead) => format!("redundant, {} does the same", instead.map_or("default".to_owned(), name)),
        RuleFact::Undecided => "undecided".to_owned(),
    };
    told(program).rules.iter().map(|(id, fact)| format!("{}: {}", name(*id), word(fact))).collect()
}

const SITE: &str = "section prelude { }\nswitch edge { dpid 0x1; access 1-24; }\nswitch core { dpid 0x10; access 9-48; }\ngateway border { at core:48; }\n\
    host a { mac 00:16:3e:00:00:01; ip 10.0.0.1; at edge:1; }\nhost b { mac 00:16:3e:00:00:02; }\nhost c { mac 00:16:3e:00:00:03; }\n\
    user bob;\nuser eve;\nnetwork lan = 10.0.0.0/24;\ngroup ab = host { a, b };\ngroup people = user { bob, eve };\n\
    group staff = user directory \"cn=staff\";\n";

#[test]
fn the_page_of_the_language_proves_its_assertions() {
    let text = include_str!("../../../lang/tests/whole.pol").replace("include \"more.pol\";", "");
    let facts = told(&program(&text));
    assert_eq!(facts.assertions, [Proof::Proved, Proof::Proved]);
    assert!(facts.rules.iter().all(|(_, fact)| matches!(fact, RuleFact::Decides(_))), "{:#?}", facts.rules);
}

#[test]
fn assertions_are_refuted_with_a_flow_that_the_program_confirms() {
    for (rules, wanted) in [
        ("deny from a; allow;\nassert never from a;", None),
        ("deny from a for tcp; allow;\nassert never from a to b;", Some("udp")),
        ("deny from a when nwsrc in lan; allow to b;\nassert never from a to b;", Some("a")),
        ("deny for tcp; deny for udp; allow when tpdst = 80; deny;\nassert never from a;", Some("sctp/80")),
        // Before it has an address.
        ("deny when nwsrc in 0.0.0.0/0 or nwsrc in ::/0; allow;\nassert never from a to b for udp;", Some("host a 0.0.0.0")),
        ("allow from staff; deny;\nassert never from people;", Some("staff")),
        ("invariant disjoint(people, staff);\nallow from staff; deny;\nassert never from people;", None),
        ("invariant subset(staff, people);\nallow from people; deny;\nassert always from staff;", None),
        ("allow from people; deny;\nassert always from staff;", Some("staff")),
        ("time office = mon-fri 08:00-18:00;\nallow from a when time in office;\nassert never from a;", Some("time")),
        (
            "time office = mon-fri 08:00-18:00;\ntime late = 18:00-08:00, sat, sun;\ndeny from a when time in office;\n\
          deny from a when time in late;\nallow from a;\nassert never from a;",
            None,
        ),
        ("allow from a to internet;\nassert never to lan;", None),
        ("allow from a at edge:2;\nassert never from a;", None),
        ("allow from b at edge:2;\nassert never from b;", Some("edge:2")),
        ("section s scope (from a) { pass for tcp; deny; }\nallow;\nassert never from a;", Some("tcp")),
        ("section s scope (from a) { pass for tcp; deny; }\ndeny from a for tcp;\nallow;\nassert never from a;", None),
        ("deny from a audit;\nallow;\nassert never from a;", Some("a")),
    ] {
        let program = program(&format!("{SITE}{rules}"));
        match (&told(&program).assertions[0], wanted) {
            (Proof::Proved, None) => {}
            (Proof::Refuted(flow), Some(part)) => {
                let text = lang::flowspec::flow_text(program.policy(), flow);
                assert!(text.contains(part), "{rules}\n{text}");
                let read = lang::flowspec::read(program.policy(), &text).unwrap_or_else(|why| panic!("{text}: {:?}", why.found));
                assert!(read.iter().any(|read| program.judge(read) == program.judge(flow)), "{rules}\n{text}");
            }
            (other, _) => panic!("{rules}: {other:?}"),
        }
    }
}

#[test]
fn assertions_about_nothing_are_told_with_the_clauses_that_exclude_each_other() {
    for (rules, wanted) in [
        ("deny; assert never from a at edge:2;", Some("from a/at edge:2")),
        ("deny; assert never from a at edge:1;", None),
        ("deny; assert never from b at edge:2;", None),
        ("allow; assert always from b to lan for tcp when hsrc = c;", Some("from b/when hsrc = c")),
        ("deny; assert never to internet for tcp when nwdst in lan;", Some("to internet/when nwdst in lan")),
        ("deny; assert never from any when hsrc = b and hsrc = c;", Some("when hsrc = b and hsrc = c")),
        ("deny; assert never from eve at edge for udp/53;", None),
        (
            "invariant disjoint(people, staff);\ndeny; assert never from people when usrc in staff;",
            Some("from people/when usrc in staff"),
        ),
        // What is refuted or open has a subject.
        ("allow; assert never from b;", None),
    ] {
        let program = program(&format!("{SITE}{rules}"));
        let policy = program.policy();
        let facts = told(&program);
        let clauses = facts.vacuous.first().map(|one| {
            assert!(!one.lacks_gateway, "{rules}");
            let spans = one.clauses.iter().map(|place| policy.assertions[one.assertion].clauses[*place].0);
            spans.map(|span| policy.sources.text(span)).collect::<Vec<_>>().join("/")
        });
        assert_eq!(clauses.as_deref(), wanted, "{rules}");
    }
}

#[test]
fn without_a_gateway_rules_and_assertions_about_the_internet_are_told() {
    let rules = "away: allow from a to internet;\nback: deny from internet for tcp;\nfirst: outbound-only from b to internet;\n\
        some: deny when not protocol = tcp;\nlast: deny from c to b;\ndefault deny;\n\
        assert never from c to internet for tcp;\nassert never from c to b for tcp;";
    for gateway in [true, false] {
        let site = if gateway { SITE.to_owned() } else { SITE.replace("gateway border { at core:48; }\n", "") };
        let program = program(&format!("{site}{rules}"));
        let facts = told(&program);
        let names: Vec<String> = facts.beyond_no_gateway.iter().map(|id| program.names().rule(*id)).collect();
        let wanted: &[&str] = if gateway { &[] } else { &["away", "back", "first", "first"] };
        assert_eq!(names, wanted);
        let vacuous: Vec<(usize, bool)> = facts.vacuous.iter().map(|one| (one.assertion, one.lacks_gateway)).collect();
        assert_eq!(vacuous, if gateway { vec![] } else { vec![(0, true)] });
    }
}

#[test]
fn rules_that_make_no_difference_are_told_with_those_that_cover_them() {
    let text = format!(
        "{SITE}one: deny from a;\ntwo: deny from b for tcp;\nthree: deny from b when not protocol = tcp;\nhidden: allow from ab to c;\n\
         false: deny when hsrc = a and hsrc = b;\nfour: allow from c to a;\nagain: allow from c to a for tcp/80;\n\
         same: deny from c to b;\npinned: allow from a at edge:9;\ndefault deny;"
    );
    assert_eq!(
        rules_told(&program(&text)),
        [
            "one: decides",
            "two: decides",
            "three: decides",
            "hidden: shadowed by one, three, two",
            "false: matches nothing",
            "four: decides",
            "again: shadowed by four",
            "same: redundant, default does the same",
            "pinned: matches nothing",
        ]
    );
}

/// What a `pass` leads past a rule does not get to it, and that is all that it changes.
#[test]
fn rules_in_and_behind_sections_with_pass_are_judged_like_others() {
    let text = format!(
        "{SITE}section s scope (from ab) {{\n  exit: pass from a for tcp;\n  gone: deny from a for tcp/80;\n  left: deny from a for tcp/80, udp/80;\n\
         section t scope (from b) {{ skip: pass from b for udp; all: deny from b; }}\n  late: allow from b for tcp;\n  back: reject from b for udp;\n}}\n\
         web: deny from a for tcp/80;\nmore: allow from a for tcp/22;\nagain: allow from a for tcp/22 to c;\nsame: deny from c to b;\ndefault deny;"
    );
    assert_eq!(
        rules_told(&program(&text)),
        [
            "exit: decides",
            "gone: shadowed by exit",
            "left: redundant, default does the same",
            "skip: decides",
            "all: decides",
            "late: shadowed by all",
            "back: decides",
            "web: redundant, default does the same",
            "more: decides",
            "again: shadowed by more",
            "same: redundant, default does the same",
        ]
    );
}

/// Values that no test names stand for a class of their own, whichever others are named.
#[test]
fn what_nobody_names_is_left_over() {
    for rules in [
        "deny when vlan in 2-4094; deny when vlan = 4094; x: deny when vlan != 4094; default allow;",
        "deny when dldst != 01:00:5e:00:00:01; x: deny when dldst = 01:00:5e:00:00:01 and hsrc = b; default allow;",
        "x: deny from internet when dlsrc = 00:16:3e:00:00:77; default allow;",
        "deny for ip/253, tcp, udp, icmp, icmpv6; x: deny when protocol != tcp and protocol != ip/253; default allow;",
        "deny when dltype in { 0x88b5, arp }; x: deny when dltype not in { 0x88b5, ipv4, ipv6 }; default allow;",
    ] {
        let told = rules_told(&program(&format!("{SITE}{rules}")));
        assert!(told.contains(&"x: decides".to_owned()), "{rules}\n{told:?}");
    }
}

#[test]
fn scopes_are_proved_or_shown_to_be_left() {
    let text = format!(
        "{SITE}section s scope (to ab or from ab) {{\n  inner: allow from a to c;\n  outer: allow from people to c;\n\
         section t scope (for tcp) {{ deep: deny from b; fine: deny from b for tcp/22; }}\n}}\ndefault deny;"
    );
    let program = program(&text);
    let facts = told(&program);
    let kept: Vec<bool> = facts.scopes.iter().map(|(_, proof)| *proof == Proof::Proved).collect();
    assert_eq!(kept, [true, false, false, true]);
}

#[test]
fn whether_the_default_is_reached_is_known() {
    for (rules, reached) in
        [("allow from a;", true), ("allow from a; deny;", false), ("allow for tcp; deny when protocol != tcp;", true)]
    {
        let facts = told(&program(&format!("{SITE}{rules}")));
        assert_eq!(matches!(facts.default, Some(Proof::Refuted(_))), reached, "{rules}");
    }
}

/// A rule that k earlier ones cover together, each a part of its ports, is found with all k; without one of them it is not.
#[test]
fn unions_of_up_to_six_rules_are_found_and_controls_are_not() {
    let mut found = 0;
    for seed in 0..60_u64 {
        let draw = &mut Draw::new(seed + 1);
        for k in 1..=6_u32 {
            let (from, to) = (draw.pick(&["a", "b", "ab", "people", "staff", "lan"]), draw.pick(&["c", "ab", "internet", "lan"]));
            let mut parts: Vec<String> = (0..k)
                .map(|part| {
                    let (low, high) = (1000 + part * 100, if part + 1 == k { 1999 } else { 1099 + part * 100 });
                    format!("p{part}: {} from {from} to {to} for tcp/{low}-{high};\n", draw.pick(&["allow", "deny"]))
                })
                .collect();
            parts.insert(draw.below(k) as usize, "allow from c to a for udp/53;\n".to_owned());
            let last = format!("last: {} from {from} to {to} for tcp/1000-1999;\n", draw.pick(&["allow", "deny"]));
            let policy = |parts: &[String]| format!("{SITE}{}{last}default reject;", parts.concat());
            let told = rules_told(&program(&policy(&parts)));
            let line = told.iter().find(|line| line.starts_with("last: ")).unwrap_or_else(|| panic!("{told:?}"));
            let wanted: Vec<String> = (0..k).map(|part| format!("p{part}")).collect();
            assert_eq!(*line, format!("last: shadowed by {}", wanted.join(", ")), "seed {seed}");
            found += 1;
            let gone = format!("p{}:", draw.below(k));
            let gone = parts.iter().position(|part| part.starts_with(&gone)).unwrap();
            parts.remove(gone);
            let told = rules_told(&program(&policy(&parts)));
            assert!(told.contains(&"last: decides".to_owned()), "seed {seed}: {told:?}");
        }
    }
    assert_eq!(found, 360);
}

/// A flow of a packet of a random view, of one user at each end; nothing if there is none, or it starts nothing.
pub(super) fn packet(draw: &mut Draw, policy: &Checked, view: &View) -> Option<Flow> {
    let (at, key, now) = (generate::location(draw), generate::key(draw), generate::time(draw));
    let (Identity::Known(mut src), Identity::Known(mut dst)) = (source(policy, view, at, &key), destination(policy, view, &key))
    else {
        return None;
    };
    src.users.truncate(1);
    dst.users.truncate(1);
    let headers = Program::headers(&key);
    is_whole(&headers).then_some(Flow { src, dst, headers, time: Some(now) })
}

/// True for packets that start something: neither damaged nor later fragments.
pub(super) fn is_whole(headers: &lang::flow::Headers) -> bool {
    let damaged = headers.proto.is_none() && matches!(headers.dl_type, Some(net::EtherType::IPV4 | net::EtherType::IPV6));
    let own = if headers.dl_type == Some(net::EtherType::IPV4) { net::IpProto::ICMP } else { net::IpProto::ICMPV6 };
    let tells = |proto: net::IpProto| proto.has_ports() || proto == own;
    !damaged && !headers.proto.is_some_and(|proto| tells(proto) && headers.transport.is_none())
}

/// An assertion of nothing but a pattern.
pub(super) fn claim_of(claim: Claim, pattern: Cond) -> Assertion {
    Assertion { name: "x".into(), claim, pattern, clauses: Vec::new(), via: Vec::new(), span: span() }
}

/// Flows of points all over a space.
fn points(space: &Space<'_>, count: usize) -> Vec<Flow> {
    let mut dice = Dice::new(7);
    let point = |_| space.find(&Area::all(), &mut u64::MAX.clone(), Some(&mut dice)).unwrap().map(|point| space.flow(&point));
    (0..count).filter_map(point).collect()
}

/// True if the rule matches the flow, whichever come first.
fn matches(policy: &Checked, rule: &Rule, flow: &Flow) -> bool {
    let alone =
        Checked { rules: vec![Rule::plain(RuleId(0), rule.cond.clone(), Verdict::Allow, span())], ..Checked::clone(policy) };
    eval::judge(&alone, flow).rule.is_some()
}

/// Random policies: no answer is contradicted by any of many points.
#[test]
fn answers_are_those_of_trying_many_points() {
    let (mut compared, mut shadowed, mut refuted) = (0, 0, 0);
    for seed in 0..400 {
        let draw = &mut Draw::new(seed);
        let mut policy = generate::policy(draw);
        policy.rules.truncate(4);
        let last = policy.rules.len();
        for rule in &mut policy.rules {
            if let Effect::Pass(to) = &mut rule.effect {
                to.0 = to.0.min(u32::try_from(last).unwrap());
            }
        }
        let pattern = policy.rules[0].cond.clone();
        policy.assertions = [Claim::Never, Claim::Always].map(|claim| claim_of(claim, pattern.clone())).to_vec();
        let policy = Arc::new(policy);
        let program = Program::compile(policy.clone(), &View::new(&policy));
        let analysis = Analysis::new(&program, Budget::default()).unwrap();
        let flows = points(&analysis.space, 300);
        compared += 1;
        let told = facts(&program, Budget::default());
        let mut deciding = BTreeSet::new();
        let mut left = false;
        let mut matched = BTreeSet::new();
        let mut broken = [false; 2];
        for flow in &flows {
            let judgement = eval::judge(&policy, flow);
            deciding.extend(judgement.rule);
            left |= judgement.rule.is_none();
            for rule in &policy.rules {
                if matches(&policy, rule, flow) {
                    matched.insert(rule.id);
                    if rule.id == RuleId(0) {
                        broken[0] |= judgement.verdict == Verdict::Allow;
                        broken[1] |= judgement.verdict != Verdict::Allow;
                    }
                }
            }
        }
        for (id, fact) in &told.rules {
            let rule = policy.rule(*id).unwrap();
            let wanted = match rule.effect {
                Effect::Decide(_) => deciding.contains(id),
                Effect::Audit(_) | Effect::Pass(_) => continue,
            };
            match fact {
                RuleFact::Undecided => {}
                RuleFact::Decides(flow) | RuleFact::Redundant(flow, _) => {
                    assert_eq!(
                        eval::judge(&policy, flow).rule,
                        Some(*id),
                        "seed {seed} {flow:?} {:?} {:?} {:?}",
                        rule.cond,
                        policy.groups,
                        policy.multi_user
                    );
                }
                RuleFact::Shadowed(by) => {
                    shadowed += 1;
                    assert!(!wanted, "seed {seed}: {id:?}");
                    for (taken, flow) in by.iter().take(6).map(|taken| (taken, taken.flow.as_ref().unwrap())) {
                        let other = policy.rule(taken.by).unwrap();
                        let passes = matches!(other.effect, Effect::Pass(_));
                        assert!(passes || eval::judge(&policy, flow).rule == Some(taken.by), "seed {seed}: {id:?} {taken:?}");
                        assert!([rule, other].iter().all(|one| matches(&policy, one, flow)), "seed {seed}: {id:?} {taken:?}");
                    }
                }
                RuleFact::MatchesNothing => {
                    assert!(!matched.contains(id), "seed {seed}: {id:?} {:?} {:?}", rule.cond, policy.groups)
                }
            }
        }
        for (proof, broken) in told.assertions.iter().zip(broken) {
            match proof {
                Proof::Proved => assert!(!broken, "seed {seed}"),
                Proof::Refuted(_) => {
                    refuted += 1;
                }
                Proof::Undecided(_) => {}
            }
        }
        assert!(told.default != Some(Proof::Proved) || !left, "seed {seed}");
    }
    assert!(compared > 20 && shadowed > 5 && refuted > 10, "{compared} {shadowed} {refuted}");
}

/// What is proved holds for packets of real stations in random views.
#[test]
fn what_is_proved_holds_for_packets_in_random_views() {
    let (mut known, mut proved, mut vacuous) = (0, 0, 0);
    for seed in 0..700 {
        let draw = &mut Draw::new(seed);
        let mut policy = generate::policy(draw);
        let pattern = policy.rules[0].cond.clone();
        policy.assertions = [Claim::Never, Claim::Always].map(|claim| claim_of(claim, pattern.clone())).to_vec();
        let policy = Arc::new(policy);
        let view = generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        let told = facts(&program, Budget { claim: 200_000, rule: 200_000, rules: 2_000_000, ..Budget::default() });
        let alone =
            Checked { rules: vec![Rule::plain(RuleId(0), pattern.clone(), Verdict::Allow, span())], ..Checked::clone(&policy) };
        vacuous += told.vacuous.len();
        proved += told.assertions.iter().filter(|proof| **proof == Proof::Proved).count();
        for _ in 0..1_500 {
            // Of each pair of users, and of packets that start something.
            let Some(flow) = packet(draw, &policy, &view) else { continue };
            known += 1;
            let judgement = eval::judge(&policy, &flow);
            if let Some(id) = judgement.rule {
                let fact = &told.rules.iter().find(|(other, _)| *other == id).unwrap().1;
                let dead = matches!(fact, RuleFact::Shadowed(_) | RuleFact::MatchesNothing);
                assert!(
                    !dead,
                    "seed {seed}: {id:?} {fact:?} decides {flow:?}\n{:?}\n{:?}",
                    policy.rule(id).unwrap().cond,
                    policy.groups
                );
            } else {
                assert!(told.default != Some(Proof::Proved), "seed {seed}: {flow:#?}");
            }
            let matched = eval::judge(&alone, &flow).rule.is_some();
            assert!(!matched || told.vacuous.is_empty(), "seed {seed}: {flow:#?} {pattern:#?}");
            if let Some(id) = told.beyond_no_gateway.iter().find(|id| matches(&policy, policy.rule(**id).unwrap(), &flow)) {
                panic!("seed {seed}: {id:?} matches {flow:#?}");
            }
            for (proof, wrong) in told.assertions.iter().zip([Verdict::Allow, Verdict::Deny]) {
                let against = matched && (judgement.verdict == Verdict::Allow) == (wrong == Verdict::Allow);
                assert!(*proof != Proof::Proved || !against, "seed {seed}: {flow:#?} {pattern:#?}");
            }
        }
    }
    assert!(known > 500 && proved > 200 && vacuous > 20, "{known} {proved} {vacuous}");
}

#[test]
fn what_exceeds_the_budget_is_undecided() {
    let mut text = SITE.to_owned();
    for n in 0..300 {
        let _ = writeln!(
            text,
            "allow from any to any for tcp/{}-{} when tpsrc in {}-{};",
            n * 7,
            n * 200 + 300,
            n * 11,
            60000 - n * 13
        );
    }
    text.push_str("assert always from a for tcp;\ndefault deny;");
    let program = program(&text);
    let analysis = Analysis::new(&program, Budget { claim: 2_000, rule: 2_000, rules: 2_000, ..Budget::default() }).unwrap();
    assert_eq!(analysis.assertion(&program.policy().assertions[0]), Proof::Undecided(Limit::Steps));
}

/// Rules between random combinations of groups that others fill, of which an assertion holds.
fn entangled(groups: u32, rules: u32) -> Program {
    let mut text = SITE.to_owned();
    (0..groups).for_each(|n| {
        let _ = writeln!(text, "group d{n} = user directory \"cn=d{n}\";");
    });
    let mut state = 1_u32;
    let mut draw = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
        1 + (state >> 16) % (groups - 1)
    };
    for n in 0..rules {
        let (word, but) = if n % 2 == 0 { ("deny", "") } else { ("allow", " - d0") };
        let [a, b, c, d, e, f] = [0; 6].map(|_| draw());
        if BTreeSet::from([a, b, c]).len() == 3 && BTreeSet::from([d, e, f]).len() == 3 {
            let _ = writeln!(text, "{word} from ((d{a} & d{b}) | d{c}){but} to (d{d} | d{e}) - d{f};");
        }
    }
    text.push_str("assert never from d0 to d1 | d2;\ndefault deny;");
    program(&text)
}

/// Of areas that name many attributes, what is made costs steps, and not only what is compared.
#[test]
fn steps_count_the_copying_of_areas() {
    let program = entangled(40, 60);
    let budget = Budget { claim: 300_000, ..Budget::default() };
    let analysis = Analysis::new(&program, budget).unwrap();
    let pattern = analysis.space.areas(&program.policy().assertions[0].pattern, true).unwrap();
    let (mut made, mut steps) = (0, budget.claim);
    for area in pattern {
        let _ = analysis.walk(area, RuleId(0), &mut steps, &mut |inside, _, _| {
            made += inside.sets() as u64;
            Ok(Control::GoOn)
        });
    }
    let spent = budget.claim - steps;
    assert!(made > 100_000 && made <= 16 * spent, "{made} sets in {spent} steps");
}

/// What comes apart into too much is undecided for that, whatever the steps.
#[test]
fn what_does_not_suffice_is_told() {
    let few = entangled(12, 255);
    let told = |program: &Program, budget| Analysis::new(program, budget).unwrap().assertion(&program.policy().assertions[0]);
    let steps = Budget { claim: 200_000, ..Budget::default() };
    assert_eq!(told(&few, steps), Proof::Undecided(Limit::Steps));
    assert_eq!(told(&few, Budget { claims: 200_000, ..Budget::default() }), Proof::Undecided(Limit::StepsOfAll));
    assert_eq!(told(&few, Budget::default().times(10)), Proof::Proved);
    assert_eq!(told(&entangled(40, 60), Budget::default().times(10)), Proof::Undecided(Limit::Parts));
}
