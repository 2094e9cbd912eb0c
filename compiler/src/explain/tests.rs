//! Explanations in full, on the shape of Ethane's sample policy.

use std::sync::Arc;

use lang::checked::{
    BuiltIn, Checked, Cond, EndTest, Group, GroupId, HeaderTest, HostId, Kind, Rule, RuleId, Service, ServiceTerm, SetExpr,
    UserId, Verdict,
};
use lang::flow::{End, Flow, Headers, Person, Side};
use net::{IpProto, Transport};

use super::explain;
use crate::program::Program;
use crate::program::generate::{Draw, policy, span};
use crate::view::View;

fn group(name: &str, kind: Kind, members: &[EndTest]) -> Group {
    let members = SetExpr::Union(members.iter().copied().map(SetExpr::Leaf).collect());
    Group { name: name.into(), kind, members, network: false, dynamic: None, span: span() }
}

fn rule(id: u32, name: &str, verdict: Verdict, cond: Vec<Cond>) -> Rule {
    Rule { name: Some(name.into()), ..Rule::plain(RuleId(id), Cond::All(cond), verdict, span()) }
}

/// Two deny rules between two allow rules, and a default that denies.
fn sample() -> Program {
    let web: Arc<[ServiceTerm]> = [ServiceTerm::Ports(IpProto::TCP, 80..=80), ServiceTerm::Ports(IpProto::TCP, 443..=443)].into();
    let desktops = EndTest::Group(GroupId(0));
    let private = EndTest::Group(GroupId(1));
    let members = EndTest::Group(GroupId(2));
    let sample = Checked {
        groups: vec![
            group("desktops", Kind::Host, &[EndTest::Host(HostId(0)), EndTest::Host(HostId(1))]),
            group("private", Kind::Host, &[desktops, EndTest::Host(HostId(2))]),
            group("members", Kind::User, &[EndTest::User(UserId(0)), EndTest::User(UserId(1))]),
        ],
        services: vec![Service { name: "web".into(), terms: web.clone(), span: None }],
        rules: vec![
            rule(
                0,
                "web",
                Verdict::Allow,
                vec![Cond::End(Side::Src, members), Cond::End(Side::Src, private), Cond::Header(HeaderTest::Service(web))],
            ),
            rule(
                1,
                "servers",
                Verdict::Deny,
                vec![
                    Cond::End(Side::Dst, private),
                    Cond::Not(Box::new(Cond::End(Side::Src, EndTest::BuiltIn(BuiltIn::Unregistered)))),
                ],
            ),
            rule(2, "rest", Verdict::Allow, vec![Cond::End(Side::Src, private)]),
        ],
        default: lang::checked::DefaultRule { verdict: Verdict::Deny, span: None },
        multi_user: lang::checked::MultiUser::LeastRestrictive,
        ..policy(&mut Draw::new(1))
    };
    let sample = Arc::new(sample);
    Program::compile(sample.clone(), &View::new(&sample))
}

fn flow(users: &[u32], src: u32, dst: u32, port: u16) -> Flow {
    let end = |users: &[u32], host| End {
        users: users.iter().map(|id| Person::declared(UserId(*id))).collect(),
        host: Some(HostId(host)),
        ..End::default()
    };
    let transport = Some(Transport::Ports { src: 1024, dst: port });
    let headers = Headers { proto: Some(IpProto::TCP), transport, ..Headers::default() };
    Flow { src: end(users, src), dst: end(&[], dst), headers, time: None }
}

#[test]
fn an_allow_names_the_facts_and_the_groups_between() {
    let explanation = explain(&sample(), &flow(&[0], 0, 1, 80));
    assert_eq!(explanation.judgement.rule, Some(RuleId(0)));
    assert_eq!(explanation.src, "u0 on h0");
    assert_eq!(
        explanation.because,
        ["usrc u0 is in group members", "hsrc h0 is in group private (through desktops)", "protocol tcp/80 is web",]
    );
    assert!(explanation.nearest.is_empty());
}

#[test]
fn a_deny_names_the_one_fact_that_each_allow_lacked() {
    let explanation = explain(&sample(), &flow(&[], 0, 2, 443));
    assert_eq!(explanation.judgement.rule, Some(RuleId(1)));
    assert_eq!(explanation.because, ["hsrc h0 is not unregistered", "hdst h2 is in group private"]);
    let nearest: Vec<_> = explanation.nearest.iter().map(|near| (near.rule, near.lacks.as_str())).collect();
    assert_eq!(nearest, [(RuleId(0), "usrc in group members (it is none)"), (RuleId(2), "a place before servers")]);
    let explanation = explain(&sample(), &flow(&[1], 0, 2, 22));
    assert_eq!(explanation.nearest[0].lacks, "protocol web (it is tcp/22)");
}

#[test]
fn the_default_and_several_users_are_named() {
    let explanation = explain(&sample(), &flow(&[0, 4], 4, 4, 80));
    assert_eq!(explanation.judgement.rule, None);
    assert_eq!(
        explanation.because,
        ["no rule matches, so the default decides", "of 2 pairs of users, u0 to none is judged least restrictively",]
    );
    assert_eq!(explanation.nearest[0].lacks, "hsrc in group private (it is h4)");
}

#[test]
fn trees_show_what_can_decide() {
    let program = sample();
    let flow = flow(&[0], 0, 2, 80);
    let pair = program.pair_tree(&flow.src, &flow.dst);
    let wanted = "u0 on h0 -> none on h2
  usrc in group members and hsrc in group private
    any destination
      protocol web: #1 allow (web)
  hsrc not unregistered
    hdst in group private
      any service: #2 deny (servers)
  otherwise: deny (default)
";
    assert_eq!(pair, wanted);
    let rest = "  hsrc in group private
    any destination
      any service: #3 allow (rest)
  otherwise: deny (default)
";
    assert!(program.tree().ends_with(rest), "{}", program.tree());
}

#[test]
fn explanations_answer_as_the_program_does() {
    for seed in 0..300 {
        let draw = &mut Draw::new(seed);
        let policy = Arc::new(policy(draw));
        let view = crate::program::generate::view(draw, &policy);
        let program = Program::compile(policy.clone(), &view);
        for _ in 0..10 {
            let flow = crate::program::generate::flow(draw, &view, &policy);
            let explanation = explain(&program, &flow);
            assert_eq!(explanation.judgement, program.judge(&flow));
            assert!(!explanation.because.is_empty() && explanation.because.iter().all(|fact| !fact.is_empty()), "seed {seed}");
        }
    }
}
