//! What patterns stand for, and that the line for a flow reads back as the flow.

use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::flow_text;
use crate::ast::Policy;
use crate::check::check;
use crate::checked::Checked;
use crate::codes::tests_and_assertions::E0402;
use crate::flow::{Flow, Place};
use crate::parse::parse;
use crate::source::SourceMap;

const SITE: &str = "
switch edge1 { dpid 0x1; access 1-24; uplink 25-26; }
switch core { dpid 0x10; uplink 1-8; access 9-48; }
location wap1 = edge1:5;
location wap2 = edge1:6;
host griffin { mac 02:00:00:00:00:11; at edge1:1; }
host roo { mac 02:00:00:00:00:12, 02:00:00:00:00:1a; ip 10.0.9.12, 2001:db8:9::12; }
host six { mac 02:00:00:00:00:13; ip 2001:db8:9::13; }
host bare { mac 02:00:00:00:00:14; }
user bob;
user bill;
gateway border { at core:48; ip 10.0.0.1; mac 02:00:00:00:00:fe; }
gateway backup { at core:47; }
group students = user { bob, bill };
group hosts = host { griffin, roo };
group waps = location { wap1, wap2 };
network lab = 10.4.0.0/16, 2001:db8:4::/48;
network small = 10.5.0.0/16;
group rest = small - 10.5.0.0/24;
service web = tcp/80, tcp/443;
";

fn site() -> Checked {
    let mut sources = SourceMap::default();
    let id = sources.add("site.pol", SITE);
    let (file, parsed) = parse(&sources, id);
    let (policy, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    policy.unwrap_or_else(|| panic!("{found:#?}"))
}

fn read(policy: &Checked, text: &str) -> Vec<Flow> {
    super::read(policy, text).unwrap_or_else(|unreadable| panic!("{text}: {:#?}", unreadable.found))
}

fn lines(text: &str) -> String {
    let policy = site();
    read(&policy, text).iter().map(|flow| flow_text(&policy, flow) + "\n").collect()
}

#[test]
fn sets_stand_for_each_choice_out_of_them() {
    insta::assert_snapshot!(lines("students hosts at waps -> rest web"), @r"
    user bob host roo at wap1 -> 10.5.1.0 tcp/80
    user bob host roo at wap1 -> 10.5.1.0 tcp/443
    user bob host roo at wap2 -> 10.5.1.0 tcp/80
    user bob host roo at wap2 -> 10.5.1.0 tcp/443
    user bill host roo at wap1 -> 10.5.1.0 tcp/80
    user bill host roo at wap1 -> 10.5.1.0 tcp/443
    user bill host roo at wap2 -> 10.5.1.0 tcp/80
    user bill host roo at wap2 -> 10.5.1.0 tcp/443
    ");
}

#[test]
fn services_stand_for_examples() {
    insta::assert_snapshot!(lines("roo -> griffin tcp/8000-8080") + &lines("roo -> griffin ping") + &lines("roo -> griffin udp")
        + &lines("roo -> griffin ip/89") + &lines("roo -> griffin icmp/3/1") + &lines("roo -> griffin tcp/22-23"), @r"
    user none host roo -> host griffin at edge1:1 tcp/8000
    user none host roo -> host griffin at edge1:1 tcp/8040
    user none host roo -> host griffin at edge1:1 tcp/8080
    user none host roo -> host griffin at edge1:1 icmp/8
    user none host roo -> host griffin at edge1:1 udp/65000
    user none host roo -> host griffin at edge1:1 ip/89
    user none host roo -> host griffin at edge1:1 icmp/3/1
    user none host roo -> host griffin at edge1:1 tcp/22
    user none host roo -> host griffin at edge1:1 tcp/23
    ");
}

#[test]
fn families_follow_what_is_said() {
    insta::assert_snapshot!(lines("roo -> lab ssh") + &lines("roo -> six ssh") + &lines("10.4.0.9 -> lab") + &lines("six -> roo icmpv6"), @r"
    user none host roo -> 10.4.0.1 tcp/22
    user none host roo -> 2001:db8:4::1 tcp/22
    user none host roo -> six tcp/22
    user none 10.4.0.9 -> 10.4.0.1
    user none host six -> roo icmpv6/128
    ");
}

#[test]
fn addresses_tell_who_it_is() {
    let policy = site();
    let end = |text: &str| read(&policy, &format!("griffin -> {text}")).remove(0).dst;
    let roo = end("roo");
    assert_eq!(end("10.0.9.12"), roo);
    assert_eq!(end("02:00:00:00:00:12"), roo);
    assert_eq!(end("unregistered 10.0.9.77").host, None);
    assert_eq!(end("10.4.0.7").place, Place::Inside);
    assert!(matches!(end("8.8.8.8").place, Place::Internet(Some(_))));
    assert_eq!(end("8.8.8.8 at wap1").place, Place::Inside);
    assert_eq!(end("10.0.0.1"), end("gateway border"));
    assert_eq!(end("internet at core:47").place, Place::Internet(Some(crate::checked::GatewayId(1))));
    assert_eq!(end("255.255.255.255"), end("broadcast"));
    assert_eq!(end("239.255.0.1"), end("multicast"));
    assert!(!policy.is_inside(end("internet").address.unwrap()));
}

/// Texts of ends, over all that can be said of them.
fn end_text() -> impl Strategy<Value = String> {
    let users = prop_oneof![Just(""), Just("user none"), Just("user bob"), Just("user bill user bob")];
    let machine = prop_oneof![
        Just("unregistered"),
        Just("host griffin"),
        Just("host roo"),
        Just("host roo 02:00:00:00:00:1a"),
        Just("host six"),
        Just("host bare"),
        Just("02:00:00:00:00:12"),
        Just("unregistered 02:00:00:00:00:12"),
        Just("02:00:00:00:77:77"),
    ];
    let address = prop_oneof![
        4 => Just(""),
        1 => Just("10.4.3.2"),
        1 => Just("8.8.8.8"),
        1 => Just("10.0.9.12"),
        1 => Just("2001:db8:4::9"),
        1 => Just("2001:db8:9::12"),
    ];
    let at = prop_oneof![Just(""), Just("at wap1"), Just("at edge1:1"), Just("at core:48")];
    let inside = (users, machine, address, at).prop_map(|(users, machine, address, at)| [users, machine, address, at].join(" "));
    let special = prop::sample::select(vec![
        "internet",
        "internet 9.9.9.9",
        "internet at core:47",
        "gateway",
        "backup",
        "border",
        "broadcast",
        "multicast",
        "multicast 239.1.2.3",
        "multicast ff02::fb",
        "controller",
        "8.8.8.8",
        "10.4.3.2",
        "10.0.9.12",
        "10.0.0.1",
        "unregistered 9.9.9.9",
        "wap2",
        "bob",
        "roo",
        "2001:db8:4::9",
        "2620:fe::9",
        "239.1.2.3",
        "unregistered",
    ]);
    prop_oneof![2 => inside, 1 => special.prop_map(str::to_owned)]
}

fn service_text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "tcp/80",
        "udp/53",
        "sctp/9",
        "tcp",
        "icmp",
        "icmp/3/1",
        "icmpv6",
        "icmpv6/135",
        "ip/89",
        "web",
        "ping",
    ])
}

/// Every way to miss one letter: left out, put in, taken for another, swapped with the next.
fn slips(word: &str) -> Vec<String> {
    let mut slips = Vec::new();
    for (at, c) in word.char_indices() {
        let (before, after) = (&word[..at], &word[at + 1..]);
        slips.extend([format!("{before}{after}"), format!("{before}x{after}"), format!("{before}{c}x{after}")]);
        slips.extend(after.chars().next().map(|next| format!("{before}{next}{c}{}", &after[1..])));
    }
    slips.sort_unstable();
    slips.dedup();
    slips
}

#[test]
fn a_word_of_a_flow_with_one_wrong_letter_is_met_with_the_right_one() {
    let policy = site();
    let mut missed = Vec::new();
    for (line, words) in [
        ("roo -> border tcp/80 @ mon 10:00", &["time"][..]),
        ("roo -> border @ mon 10:00", &["time"]),
        ("roo -> border tcp/80 @ mon", &["time"]),
        ("roo -> border tcp/80 @ 2026-12-24T10:00", &["time"]),
        ("roo -> border tcp/80 @ 2026-12-24 10:00", &["time"]),
        ("roo -> border web vlan 5 @ mon 10:00", &["time"]),
        ("roo -> border tcp/80 @ 5", &["vlan", "pcp", "dscp", "tpsrc"]),
        ("roo -> border web @ 5 time mon 10:00", &["vlan", "pcp", "dscp", "tpsrc"]),
        ("roo -> border @ 5", &["vlan", "pcp", "dscp"]),
        ("roo -> border web pcp 1 @ 5", &["vlan", "dscp", "tpsrc"]),
        ("roo -> border @ arp", &["dltype"]),
        ("roo -> border @ 0x88b5", &["dltype"]),
        ("roo -> border @/80", &["tcp", "udp", "sctp"]),
        ("roo -> border @/3/1", &["icmp", "icmpv6"]),
        ("roo -> border @", &["tcp", "udp", "sctp", "icmp", "icmpv6"]),
        ("@ bob @ bill roo -> border web", &["user"]),
        ("@ roo -> @ griffin", &["host"]),
        ("roo @ wap1 -> border", &["at"]),
        ("roo @ edge1:5 -> border", &["at"]),
    ] {
        for word in words {
            let right = line.replace('@', word);
            read(&policy, &right);
            for slip in slips(word) {
                let Err(unreadable) = super::read(&policy, &line.replace('@', &slip)) else { continue };
                let helps: Vec<&str> = unreadable.found.iter().filter_map(|found| found.help.as_deref()).collect();
                // Three services that it may be as well come before.
                if !["ctp"].contains(&&*slip) && !helps.iter().any(|help| help.contains(&format!("`{word}`"))) {
                    missed.push(format!("{line}: {slip} for {word}: {:?}", unreadable.found));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

proptest! {
    #[test]
    fn the_line_for_a_flow_reads_back_as_the_flow(src in end_text(), dst in end_text(), service in service_text()) {
        let policy = site();
        let text = format!("{src} -> {dst} {service}");
        let read_back = super::read(&policy, &text);
        // Texts that mix the families stand for nothing; all others are flows.
        let mixed = read_back.as_ref().is_err_and(|unreadable| unreadable.found.iter().all(|found| found.code == E0402));
        prop_assert!(read_back.is_ok() || mixed, "{}: {:?}", text, read_back);
        for flow in read_back.unwrap_or_default() {
            let line = flow_text(&policy, &flow);
            prop_assert_eq!(read(&policy, &line), vec![flow], "{}", line);
        }
    }
}

/// What is quoted of a flow is its own text, on one line, whatever the policy's text has in that place.
#[test]
fn what_does_not_fit_is_quoted_from_the_flow() {
    let said = |text: &str| -> Vec<String> {
        super::read(&site(), text).unwrap_err().found.into_iter().map(|found| found.message).collect()
    };
    assert_eq!(said("user  roo -> internet"), ["`user  roo` is not a user"]);
    assert_eq!(said("user\n  roo -> internet"), ["`user roo` is not a user"]);
}

/// A counterexample may fall on a second.
#[test]
fn a_second_of_the_day_reads_back() {
    assert_eq!(lines("user bob -> internet time 2020-01-01 23:59:59"), "user bob -> internet time 2020-01-01 23:59:59\n");
}

/// The family is told by `dltype` where nothing else does; the MAC address of a group, where it is not the usual one.
#[test]
fn families_and_group_addresses_read_back() {
    insta::assert_snapshot!(lines("roo -> unregistered tcp/80 dltype ipv6"), @"user none host roo 2001:db8:9::12 -> unregistered tcp/80");
    insta::assert_snapshot!(lines("user bob -> unregistered icmpv6 dltype ipv4"), @"user bob -> unregistered icmpv6 dltype ipv4");
    insta::assert_snapshot!(lines("user bob -> unregistered tcp/80 dltype ipv6"), @"user bob -> unregistered tcp/80 dltype ipv6");
    insta::assert_snapshot!(lines("roo -> unregistered ping dltype ipv6"), @"user none host roo -> unregistered icmpv6/128");
    insta::assert_snapshot!(
        lines("roo -> 01:00:5e:01:01:01 239.1.1.1 tcp/80"),
        @"user none host roo -> multicast 239.1.1.1 tcp/80"
    );
    insta::assert_snapshot!(
        lines("roo -> multicast 239.1.1.1 01:00:5e:7f:00:01 tcp/80"),
        @"user none host roo -> multicast 239.1.1.1 01:00:5e:7f:00:01 tcp/80"
    );
    let mixed = super::read(&site(), "roo 10.4.3.2 -> unregistered tcp/80 dltype ipv6").unwrap_err();
    assert_eq!(mixed.found.first().map(|found| found.code), Some(E0402));
}

/// A test of what cannot be would pass for nothing.
#[test]
fn ends_that_there_cannot_be_are_refused() {
    let said = |text: &str| super::read(&site(), text).map_err(|unreadable| unreadable.found[0].message.clone()).err();
    let refused = [
        "internet 10.4.0.9 -> roo",
        "internet 10.0.9.12 -> roo",
        "internet 127.0.0.1 -> roo",
        "internet host roo -> griffin",
        "user bob internet -> griffin",
        "internet at edge1:3 -> griffin",
        "controller -> griffin",
        "broadcast -> griffin",
        "239.1.1.1 -> griffin",
        "unregistered 02:00:00:00:00:12 -> griffin",
        "unregistered 10.0.9.12 -> griffin",
        "roo at core:48 -> griffin",
        "unregistered 10.0.0.1 -> griffin",
        "unregistered 127.0.0.1 -> griffin",
        "griffin -> border 10.9.9.9",
        "roo -> multicast 239.1.1.1 at edge1:3",
        "roo -> 01:00:5e:00:00:01 10.4.0.9",
        "roo -> broadcast 10.4.0.9",
        "roo -> 02:00:00:00:00:77 239.1.1.1",
        "host roo 01:00:5e:00:00:01 -> griffin",
    ];
    let all: String = refused.iter().map(|text| format!("{text}: {}\n", said(text).unwrap_or_default())).collect();
    insta::assert_snapshot!(all);
    assert_eq!(said("8.8.8.8 at core:48 -> roo"), None);
}

/// As in the packets of DHCP and of neighbour discovery.
#[test]
fn who_has_no_address_yet_sends_from_none() {
    let policy = site();
    for (line, written) in [
        ("user none host roo 0.0.0.0 -> broadcast udp/67", "user none host roo 0.0.0.0 -> broadcast udp/67"),
        ("host griffin :: -> unregistered icmpv6/135", "user none host griffin at edge1:1 -> unregistered icmpv6/135"),
        ("unregistered 0.0.0.0 -> broadcast udp/67", "user none -> broadcast udp/67"),
    ] {
        let read = read(&policy, line);
        assert_eq!(read.iter().map(|flow| flow.src.address).collect::<Vec<_>>(), [None], "{line}");
        let text = flow_text(&policy, &read[0]);
        assert_eq!((&*text, self::read(&policy, &text)), (written, read));
    }
    for line in ["griffin -> host roo 0.0.0.0 tcp/80", "internet 0.0.0.0 -> roo"] {
        assert!(super::read(&policy, line).is_err(), "{line}");
    }
}
