//! The proof against policies without the rules, decided by the plain evaluator.

use lang::ast::Policy;
use lang::check::check;
use lang::eval;
use lang::facts::Limit;
use lang::flow::Judgement;
use lang::parse::parse;
use lang::source::SourceMap;

use super::*;
use crate::analysis::witness::Dice;
use crate::principal::{Identity, destination, source};
use crate::program::generate::{self, Draw};

const SITE: &str = "section prelude { }\nswitch edge { dpid 0x1; access 1-24; }\nmiddlebox ids { at edge:9; }\nmiddlebox proxy { at edge:10; }\n\
    host a { mac 00:16:3e:00:00:01; ip 10.0.0.1; }\nhost b { mac 00:16:3e:00:00:02; }\nuser bob;\nuser eve;\n\
    group staff = user directory \"cn=staff\";\ngroup guests = user directory \"cn=guests\";\n";

fn policy(text: &str) -> Checked {
    let mut sources = SourceMap::default();
    let id = sources.add("test.pol", format!("{SITE}{text}"));
    let (file, parsed) = parse(&sources, id);
    let (policy, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    policy.unwrap_or_else(|| panic!("{found:#?}\n{text}"))
}

/// The rules of these names.
fn named(policy: &Checked, names: &[&str]) -> Vec<RuleId> {
    let is_named = |rule: &&Rule| rule.name.as_ref().is_some_and(|name| names.contains(&&**name));
    policy.rules.iter().filter(is_named).map(|rule| rule.id).collect()
}

/// The policy without the rules, numbered anew.
fn cut(policy: &Checked, gone: &[RuleId]) -> Checked {
    let place = |id: RuleId| RuleId(id.0 - u32::try_from(gone.partition_point(|lost| *lost < id)).unwrap());
    let kept = policy.rules.iter().filter(|rule| !gone.contains(&rule.id)).map(|rule| {
        let effect = match rule.effect {
            Effect::Pass(to) => Effect::Pass(place(to)),
            other => other,
        };
        Rule { id: place(rule.id), effect, ..rule.clone() }
    });
    Checked { rules: kept.collect(), prelude_end: place(policy.prelude_end), ..policy.clone() }
}

/// An answer without the number of who decides, and with the old numbers of those who audit.
fn answer(policy: &Checked, gone: &[RuleId], flow: &Flow) -> (Judgement, bool) {
    let kept: Vec<RuleId> = (0..).map(RuleId).filter(|id| !gone.contains(id)).take(policy.rules.len()).collect();
    let judgement = eval::judge(policy, flow);
    let log = judgement.rule.and_then(|id| policy.rule(id)).is_some_and(|rule| rule.log);
    let audited = judgement.audited.iter().map(|id| kept[id.index()]).collect();
    (Judgement { rule: None, audited, ..judgement }, log)
}

#[test]
fn a_rule_goes_if_nothing_is_answered_otherwise() {
    for (rules, wanted) in [
        ("x: allow from a for tcp; allow from a; default deny;", true),
        ("x: allow from a for tcp; deny from a to b; allow from a; default deny;", false),
        ("deny from a to b; x: allow from a for tcp; deny from a to b; allow from a; default deny;", true),
        ("x: deny from a; default deny;", true),
        ("x: deny from a; default reject;", false),
        ("deny from a; x: allow from a to b; default deny;", true),
        ("x: allow when hsrc = a and hsrc = b; default deny;", true),
        ("x: allow from a log; allow from a; default deny;", false),
        ("x: deny from a log; default deny;", false),
        ("x: allow from a; deny from a audit; allow from a; default deny;", false),
        ("x: allow from a for tcp; deny from a for udp audit; allow from a; default deny;", true),
        ("x: deny from a audit; deny from a; default deny;", false),
        ("deny from a; x: deny from a to b audit; default deny;", true),
        ("section s { pass for tcp; x: deny from a for tcp; } default allow;", true),
        ("section s { pass for tcp; x: deny from a; } default allow;", false),
        ("section s { pass for tcp; x: pass for tcp/80; } default allow;", true),
        ("section s { x: pass for tcp; deny; } default allow;", false),
        ("section s { pass for tcp; x: deny for udp; deny; } default allow;", true),
        ("section s { x: deny for udp; pass for udp/53; deny; } default allow;", false),
        ("section s { pass for udp/53; x: deny for udp; } allow for tcp; default deny;", true),
        ("section s { x: deny for tcp; pass for tcp/80; } deny for tcp; default allow;", true),
        ("section s { deny for tcp; x: pass for tcp/80; } default allow;", true),
        // A view may break what is assumed.
        ("invariant disjoint(staff, guests); deny from staff; x: allow from staff & guests; default deny;", true),
        ("invariant disjoint(staff, guests); x: allow from staff & guests; default deny;", false),
        // Later fragments have no ports.
        ("deny for tcp/0-65535; x: deny for tcp; default allow;", false),
        ("deny for tcp; x: deny for tcp/0-65535; default allow;", true),
        ("deny for icmp/0, icmp/1; x: deny for icmp; default allow;", false),
        // Whom nobody has named: 253 and 254 are for experiments.
        ("deny for ip/253, tcp, udp, icmp, icmpv6; x: deny when protocol != tcp and protocol != ip/253; default allow;", false),
        ("deny when dltype in { 0x88b5, arp }; x: deny when dltype not in { 0x88b5, ipv4, ipv6 }; default allow;", false),
    ] {
        let policy = policy(rules);
        let gone = named(&policy, &["x"]);
        match same_without(&policy, &gone, Budget::default()) {
            Proof::Proved => assert!(wanted, "{rules}"),
            Proof::Refuted(flow) => {
                assert!(!wanted, "{rules}\n{flow:?}");
                assert_ne!(answer(&policy, &[], &flow), answer(&cut(&policy, &gone), &gone, &flow), "{rules}\n{flow:?}");
            }
            Proof::Undecided(_) => panic!("{rules}"),
        }
    }
}

#[test]
fn two_rules_that_stand_for_each_other_do_not_both_go() {
    let policy = policy("x: allow from a for tcp; y: allow from a for tcp; default deny;");
    assert_eq!(same_without(&policy, &named(&policy, &["x"]), Budget::default()), Proof::Proved);
    assert_eq!(same_without(&policy, &named(&policy, &["y"]), Budget::default()), Proof::Proved);
    assert!(matches!(same_without(&policy, &named(&policy, &["x", "y"]), Budget::default()), Proof::Refuted(_)));
}

/// No flow gets to `y` while `x` is there, and all that `x` decides need it once `x` is not.
#[test]
fn a_rule_that_passes_goes_alone_or_not_at_all() {
    let policy = policy("section s { x: allow from a for tcp; y: pass from a for tcp; deny from a; } allow from a;");
    for (gone, wanted) in [(&["x"][..], true), (&["y"], true), (&["x", "y"], false)] {
        let proved = same_without(&policy, &named(&policy, gone), Budget::default()) == Proof::Proved;
        assert_eq!(proved, wanted, "{gone:?}");
    }
}

/// The earlier of two rules binds the conversation of two users: which one that is may not change.
#[test]
fn boxes_of_several_users_come_in_the_same_order() {
    for (rules, wanted) in [
        ("x: allow from bob to b via ids; allow from eve via proxy; allow from bob via ids;", Proof::Undecided(Limit::Parts)),
        ("x: allow from bob to b via ids; allow from eve via ids; allow from bob via ids;", Proof::Proved),
        ("x: allow from bob to b via ids; allow from bob via ids; allow from eve via proxy;", Proof::Proved),
        ("x: allow from bob to b; allow from eve via proxy; allow from bob;", Proof::Proved),
    ] {
        let policy = policy(rules);
        assert_eq!(same_without(&policy, &named(&policy, &["x"]), Budget::default()), wanted, "{rules}");
    }
    // What is feared does happen.
    let policy = policy("x: allow from bob to b via ids; allow from eve via proxy; allow from bob via ids;");
    let flows = lang::flowspec::read(&policy, "user bob user eve host a -> b").unwrap();
    let gone = named(&policy, &["x"]);
    assert_ne!(answer(&policy, &[], &flows[0]), answer(&cut(&policy, &gone), &gone, &flows[0]));
}

#[test]
fn what_exceeds_the_budget_is_not_proved() {
    let rules: String =
        (0..200).map(|n| format!("allow for tcp/{}-{} when tpsrc in {n}-60000;\n", n * 7, n * 200 + 300)).collect();
    let policy = policy(&format!("{rules}x: allow from a for tcp;\ndefault deny;"));
    let budget = Budget { claim: 50, ..Budget::default() };
    assert_eq!(same_without(&policy, &named(&policy, &["x"]), budget), Proof::Undecided(Limit::Steps));
}

/// Random policies of which rules are cut: where that is proved to change nothing, it changes nothing for packets of any kind in
/// random views; and what refutes it is answered otherwise.
#[test]
fn what_is_proved_holds_for_packets_in_random_views() {
    let (mut proved, mut refuted, mut compared) = (0, 0, 0);
    for seed in (0..2_300).chain([8_261]) {
        let draw = &mut Draw::new(seed);
        let policy = generate::policy(draw);
        let view = generate::view(draw, &policy);
        let mut flows: Vec<Flow> = (0..1_500).filter_map(|_| packet(draw, &policy, &view)).collect();
        flows.extend(points(&policy, 60));
        for rule in &policy.rules {
            let mut gone = vec![rule.id];
            let other = draw.pick(&policy.rules).id;
            if draw.chance(3) && other > rule.id {
                gone.push(other);
            }
            let without = cut(&policy, &gone);
            match same_without(&policy, &gone, Budget::default()) {
                Proof::Proved => {
                    proved += 1;
                    for flow in &flows {
                        compared += 1;
                        let (old, new) = (answer(&policy, &[], flow), answer(&without, &gone, flow));
                        assert_eq!(old, new, "seed {seed} {gone:?}: {flow:?} {:?} {:?}", policy.rules, policy.groups);
                    }
                }
                // One that passes is taken to matter if a flow gets to it.
                Proof::Refuted(flow) if !gone.iter().any(|id| passes(&policy, *id)) => {
                    refuted += 1;
                    assert_ne!(
                        answer(&policy, &[], &flow),
                        answer(&without, &gone, &flow),
                        "seed {seed} {gone:?}: {flow:?} {:?} {:?} {:?}",
                        policy.rules.iter().map(|r| (r.id, &r.cond, r.effect)).collect::<Vec<_>>(),
                        policy.groups,
                        policy.default
                    );
                }
                Proof::Refuted(_) | Proof::Undecided(_) => {}
            }
        }
    }
    assert!(proved > 500 && refuted > 500 && compared > 50_000, "{proved} {refuted} {compared}");
}

fn passes(policy: &Checked, id: RuleId) -> bool {
    policy.rule(id).is_some_and(|rule| matches!(rule.effect, Effect::Pass(_)))
}

/// Flows of points all over the space.
fn points(policy: &Checked, count: usize) -> Vec<Flow> {
    let space = Space::with_fragments(policy).unwrap();
    let mut dice = Dice::new(7);
    let point = |_| space.find(&Area::all(), &mut u64::MAX.clone(), Some(&mut dice)).unwrap().map(|point| space.flow(&point));
    (0..count).filter_map(point).collect()
}

/// A flow of a random packet, if it is one that is judged: a packet without ports or kind is a later fragment.
fn packet(draw: &mut Draw, policy: &Checked, view: &View) -> Option<Flow> {
    let (at, key, now) = (generate::location(draw), generate::key(draw), generate::time(draw));
    let (Identity::Known(src), Identity::Known(dst)) = (source(policy, view, at, &key), destination(policy, view, &key)) else {
        return None;
    };
    let headers = Program::headers(&key);
    let family = headers.dl_type?;
    let foreign = matches!(
        (headers.proto, family),
        (Some(net::IpProto::ICMP), net::EtherType::IPV6) | (Some(net::IpProto::ICMPV6), net::EtherType::IPV4)
    );
    let damaged = headers.proto.is_none() && matches!(family, net::EtherType::IPV4 | net::EtherType::IPV6);
    if key.ip.is_some_and(|ip| ip.src.is_ipv4() != ip.dst.is_ipv4()) {
        return None;
    }
    // The parser finds no kind in what is ICMP of the other family.
    let judged = !damaged && (!foreign || headers.transport.is_none());
    judged.then_some(Flow { src, dst, headers, time: Some(now) })
}
