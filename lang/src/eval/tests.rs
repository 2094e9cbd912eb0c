//! What every test of an end and of a header means, absent values among them, and how users of one host are folded.

use std::sync::Arc;

use net::{Dpid, EtherType, IpProto, Location, MacAddr, PortNo, Transport, VlanId, VlanTag};

use super::*;
use crate::checked::{Group, GroupId, HostId, Kind, MiddleboxId, RuleId, UserId};
use crate::source::{SourceId, SourceMap, Span};

const SPAN: Span = Span { source: SourceId(0), start: 0, end: 0 };
const HERE: Location = Location { dpid: Dpid(1), port: PortNo(5) };

fn policy(rules: Vec<(Cond, Verdict, Vec<MiddleboxId>)>) -> Checked {
    let rules = rules
        .into_iter()
        .zip(0..)
        .map(|((cond, verdict, via), id)| Rule { via, ..Rule::plain(RuleId(id), cond, verdict, SPAN) })
        .collect();
    let user = |id| SetExpr::Leaf(EndTest::User(UserId(id)));
    let group = |name: &str, members| Group {
        name: Arc::from(name),
        kind: Kind::User,
        members,
        network: false,
        dynamic: None,
        span: SPAN,
    };
    Checked {
        groups: vec![
            group("staff", SetExpr::Union(vec![user(0), user(1)])),
            group("boss", SetExpr::Leaf(EndTest::User(UserId(1)))),
            group(
                "workers",
                SetExpr::Difference(
                    Box::new(SetExpr::Leaf(EndTest::Group(GroupId(0)))),
                    Box::new(SetExpr::Leaf(EndTest::Group(GroupId(1)))),
                ),
            ),
            group("both", SetExpr::Intersection(Box::new(user(0)), Box::new(SetExpr::Leaf(EndTest::Group(GroupId(0)))))),
        ],
        rules,
        ..Checked::empty(SourceMap::default())
    }
}

fn full_end() -> End {
    End {
        users: vec![Person::declared(UserId(0))],
        host: Some(HostId(3)),
        location: Some(HERE),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        address: Some("10.4.0.9".parse().unwrap()),
        place: Place::Inside,
        groups: Vec::new(),
    }
}

fn passes(test: EndTest, end: &End) -> bool {
    let user = end.users.first();
    end_passes(&policy(Vec::new()), test, end, user)
}

#[test]
fn each_test_of_an_end_has_its_yes_and_its_no_and_fails_on_absence() {
    let absent = End::default();
    let cases = [
        (EndTest::User(UserId(0)), EndTest::User(UserId(1))),
        (EndTest::Host(HostId(3)), EndTest::Host(HostId(4))),
        (EndTest::Location(HERE), EndTest::Location(Location { port: PortNo(6), ..HERE })),
        (EndTest::Switch(Dpid(1)), EndTest::Switch(Dpid(2))),
        (EndTest::Address("10.4.0.0/16".parse().unwrap()), EndTest::Address("10.5.0.0/16".parse().unwrap())),
        (EndTest::Mac(MacAddr([2, 0, 0, 0, 0, 1])), EndTest::Mac(MacAddr([2, 0, 0, 0, 0, 2]))),
        (EndTest::Group(GroupId(0)), EndTest::Group(GroupId(1))),
        (EndTest::Group(GroupId(2)), EndTest::Group(GroupId(9))),
        (EndTest::Group(GroupId(3)), EndTest::Group(GroupId(1))),
        (EndTest::BuiltIn(BuiltIn::Authenticated), EndTest::BuiltIn(BuiltIn::Unauthenticated)),
        (EndTest::BuiltIn(BuiltIn::Registered), EndTest::BuiltIn(BuiltIn::Unregistered)),
    ];
    for (yes, no) in cases {
        assert!(passes(yes, &full_end()), "{yes:?}");
        assert!(!passes(no, &full_end()), "{no:?}");
        assert!(!passes(yes, &absent), "{yes:?} on an end of which nothing is known");
    }
    assert!(passes(EndTest::BuiltIn(BuiltIn::Unauthenticated), &absent));
    assert!(passes(EndTest::BuiltIn(BuiltIn::Unregistered), &absent));
}

#[test]
fn places_are_told_apart() {
    use crate::checked::GatewayId;
    let sets = [BuiltIn::Internet, BuiltIn::Gateway, BuiltIn::Broadcast, BuiltIn::Multicast, BuiltIn::Controller];
    let places = [Place::Internet(None), Place::Gateway(GatewayId(0)), Place::Broadcast, Place::Multicast, Place::Controller];
    for (row, place) in places.into_iter().enumerate() {
        for (column, set) in sets.into_iter().enumerate() {
            let end = End { place, ..End::default() };
            assert_eq!(passes(EndTest::BuiltIn(set), &end), row == column, "{place:?} {set:?}");
        }
        assert!(!passes(EndTest::BuiltIn(sets[row]), &full_end()));
    }
}

fn full_headers() -> Headers {
    Headers {
        dl_type: Some(EtherType::IPV4),
        vlan: Some(VlanTag { id: VlanId::new(5), pcp: 3 }),
        proto: Some(IpProto::TCP),
        dscp: Some(46),
        transport: Some(Transport::Ports { src: 40000, dst: 80 }),
    }
}

#[test]
fn each_test_of_a_header_has_its_yes_and_its_no_and_fails_on_absence() {
    let ports = |low, high| HeaderTest::Service([ServiceTerm::Ports(IpProto::TCP, low..=high)].into());
    let cases = [
        (ports(80, 90), ports(81, 90)),
        (
            HeaderTest::Service([ServiceTerm::Protocol(IpProto::UDP), ServiceTerm::Protocol(IpProto::TCP)].into()),
            HeaderTest::Service([ServiceTerm::Ports(IpProto::UDP, 80..=80)].into()),
        ),
        (HeaderTest::DlType(EtherType::IPV4), HeaderTest::DlType(EtherType::IPV6)),
        (HeaderTest::Vlan(1..=5), HeaderTest::Vlan(6..=9)),
        (HeaderTest::Pcp(3..=3), HeaderTest::Pcp(4..=7)),
        (HeaderTest::Dscp(46..=46), HeaderTest::Dscp(0..=45)),
        (HeaderTest::TpSrc(40000..=65535), HeaderTest::TpSrc(0..=1023)),
        (HeaderTest::TpDst(80..=80), HeaderTest::TpDst(8080..=8080)),
    ];
    for (yes, no) in cases {
        assert!(header_passes(&yes, &full_headers()), "{yes:?}");
        assert!(!header_passes(&no, &full_headers()), "{no:?}");
        assert!(!header_passes(&yes, &Headers::default()), "{yes:?} without headers");
    }
}

#[test]
fn icmp_is_not_ports_and_a_priority_tag_is_no_vlan() {
    let echo = Headers {
        proto: Some(IpProto::ICMP),
        transport: Some(Transport::Icmp { kind: 8, code: 0 }),
        vlan: Some(VlanTag { id: None, pcp: 6 }),
        ..Headers::default()
    };
    let icmp = |proto, kind, code| HeaderTest::Service([ServiceTerm::Icmp(proto, kind, code)].into());
    for yes in [
        icmp(IpProto::ICMP, 8, None),
        icmp(IpProto::ICMP, 8, Some(0)),
        HeaderTest::IcmpType(8..=8),
        HeaderTest::IcmpCode(0..=3),
        HeaderTest::Pcp(6..=6),
    ] {
        assert!(header_passes(&yes, &echo), "{yes:?}");
    }
    for no in [
        icmp(IpProto::ICMP, 8, Some(1)),
        icmp(IpProto::ICMPV6, 8, None),
        icmp(IpProto::ICMP, 0, None),
        HeaderTest::IcmpType(0..=7),
        HeaderTest::IcmpCode(1..=255),
        HeaderTest::TpDst(0..=65535),
        HeaderTest::TpSrc(0..=65535),
        HeaderTest::Vlan(0..=4095),
    ] {
        assert!(!header_passes(&no, &echo), "{no:?}");
    }
    assert!(!header_passes(&HeaderTest::IcmpType(0..=255), &full_headers()));
    assert!(!header_passes(&HeaderTest::IcmpCode(0..=255), &full_headers()));
}

fn flow(src: End, dst: End) -> Flow {
    Flow { src, dst, headers: Headers::default(), time: None }
}

#[test]
fn negation_is_plain_even_where_the_header_is_absent() {
    let test = Cond::Header(HeaderTest::TpDst(80..=80));
    let not = policy(vec![(Cond::Not(Box::new(test)), Verdict::Allow, Vec::new())]);
    let verdict = |headers| judge(&not, &Flow { headers, ..flow(End::default(), End::default()) }).verdict;
    assert_eq!(verdict(Headers::default()), Verdict::Allow);
    assert_eq!(verdict(full_headers()), Verdict::Deny);
}

#[test]
fn the_first_match_decides_and_empty_conditions_are_their_units() {
    let always = Cond::All(Vec::new());
    let never = Cond::Any(Vec::new());
    let first = policy(vec![
        (never.clone(), Verdict::Deny, Vec::new()),
        (Cond::Any(vec![never, always.clone()]), Verdict::Allow, Vec::new()),
        (always, Verdict::Deny, Vec::new()),
    ]);
    let answer = Reference(&first).decide(&flow(End::default(), End::default()));
    assert_eq!((answer.verdict, answer.rule), (Verdict::Allow, Some(RuleId(1))));
    let nothing = judge(&policy(Vec::new()), &flow(full_end(), full_end()));
    assert_eq!((nothing.verdict, nothing.rule), (Verdict::Deny, None));
}

#[test]
fn users_of_one_host_are_judged_in_pairs_and_folded_as_the_policy_says() {
    let src = |id| Cond::End(Side::Src, EndTest::User(UserId(id)));
    let dst = |id| Cond::End(Side::Dst, EndTest::User(UserId(id)));
    let mut policy = policy(vec![
        (Cond::All(vec![src(0), dst(2)]), Verdict::Deny, Vec::new()),
        (Cond::All(vec![src(0), dst(3)]), Verdict::Allow, vec![MiddleboxId(0)]),
        (Cond::All(vec![src(1), dst(2)]), Verdict::Allow, Vec::new()),
        (Cond::All(vec![src(1), dst(3)]), Verdict::Allow, Vec::new()),
    ]);
    let users =
        |ids: &[u32]| End { users: ids.iter().copied().map(|id| Person::declared(UserId(id))).collect(), ..End::default() };
    let decided = |policy: &Checked, src: &[u32], dst: &[u32]| judge(policy, &flow(users(src), users(dst))).rule.map(|id| id.0);

    assert_eq!(decided(&policy, &[0, 1], &[2, 3]), Some(2), "plain allow wins, the earliest of two");
    assert_eq!(decided(&policy, &[0], &[2, 3]), Some(1), "allow with an obligation is less than deny");
    assert_eq!(decided(&policy, &[0, 7], &[2]), Some(0), "of two denies a rule is named before the default");
    assert_eq!(decided(&policy, &[], &[2]), None);

    policy.multi_user = MultiUser::MostRestrictive;
    assert_eq!(decided(&policy, &[0, 1], &[2, 3]), Some(0));
    assert_eq!(decided(&policy, &[0, 1], &[3]), Some(1), "allow with an obligation is more than allow");
    assert_eq!(decided(&policy, &[0, 7], &[2]), Some(0));
    assert_eq!(decided(&policy, &[1, 7], &[2]), None, "the default denies the pair with the stranger");
}

#[test]
fn a_pair_is_judged_as_a_whole() {
    // `usrc = 0 and usrc = 1` holds for no pair, although both users are there.
    let src = |id| Cond::End(Side::Src, EndTest::User(UserId(id)));
    let policy = policy(vec![(Cond::All(vec![src(0), src(1)]), Verdict::Allow, Vec::new())]);
    let both = End { users: [0, 1].map(|id| Person::declared(UserId(id))).to_vec(), ..End::default() };
    assert_eq!(judge(&policy, &flow(both, End::default())).verdict, Verdict::Deny);
}
