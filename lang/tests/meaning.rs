//! What rules mean where it is easily mistaken: policies with their own `test` blocks, answered by the plain evaluator.
#![expect(clippy::panic, reason = "a test's own functions, outside of `#[test]`")]

use lang::ast::Policy;
use lang::check::check;
use lang::checked::Checked;
use lang::codes::names::E0213;
use lang::diag::Diagnostic;
use lang::eval::Reference;
use lang::parse::parse;
use lang::source::SourceMap;
use lang::testing;

const SITE: &str = "
switch edge1 { dpid 0x1; access 1-24; }
switch core { dpid 0x10; access 9-48; }
location wap1 = edge1:5;
host griffin { mac 02:00:00:00:00:11; }
host roo { mac 02:00:00:00:00:12; }
host server { mac 02:00:00:00:00:21; ip 10.0.9.10; }
user bob;
user bill;
gateway border { at core:48; }
middlebox ids { at core:42; }
middlebox proxy { in core:40; out core:41; }
network lab = 10.4.0.0/16;
";

fn checked(text: &str) -> (Option<Checked>, Vec<Diagnostic>) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", format!("{SITE}{text}"));
    let (file, parsed) = parse(&sources, id);
    check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed)
}

/// The policy's own tests pass.
fn holds(text: &str) {
    let (policy, found) = checked(text);
    let policy = policy.unwrap_or_else(|| panic!("{text}: {found:#?}"));
    let cases = policy.tests.iter().map(|test| test.cases.len()).sum::<usize>();
    let report = testing::run(&policy, &Reference(&policy));
    assert!(cases > 0 && report.failed() == 0, "{text}: {:#?}", report.results);
}

#[test]
fn a_comparison_with_what_is_absent_fails_and_not_is_plain_negation() {
    for (condition, there, absent) in [
        ("tpdst != 80", "tcp/22", "icmp"),
        ("tpsrc not in 1-10", "tcp/22", "icmp"),
        ("icmp-type != 0", "icmp", "tcp/22"),
        ("icmp-code != 3", "icmp", "tcp/22"),
        ("protocol != udp", "tcp/22", ""),
        ("protocol not in { udp, ip/89 }", "tcp/22", ""),
    ] {
        holds(&format!(
            "r: allow when {condition};\ntest \"x\" {{ roo -> 10.4.0.1 {there} => allow; roo -> 10.4.0.1 {absent} => deny; }}"
        ));
    }
    for (condition, there, absent) in [
        ("nwsrc != 10.0.9.11", "server", "roo"),
        ("nwsrc not in lab", "server", "roo"),
        ("dlsrc != 02:00:00:00:00:12", "server", "10.4.0.1"),
        ("apsrc != wap1", "roo at core:9", "roo"),
        ("apsrc not in edge1", "roo at core:9", "roo"),
    ] {
        holds(&format!("allow when {condition};\ntest \"x\" {{ {there} -> griffin => allow; {absent} -> griffin => deny; }}"));
        let negated = condition.replacen("!=", "=", 1).replacen("not in", "in", 1);
        holds(&format!("allow when not {negated};\ntest \"x\" {{ {absent} -> griffin => allow; }}"));
    }
    holds("allow when vlan != 5 or pcp != 1;\ntest \"x\" { roo -> griffin => deny; }");
    holds(
        "allow when usrc != bob and hsrc != roo;\ntest \"x\" { internet -> griffin => allow; unregistered -> griffin => allow; }",
    );
}

#[test]
fn a_stranger_is_a_machine_on_the_site() {
    let policy = "r: deny from unregistered;\ns: deny to unregistered;\ndefault allow;\ntest \"x\" {";
    let strangers = "unregistered -> roo => deny by r; 10.4.0.9 -> roo => deny by r; roo -> unregistered => deny by s;";
    let others = "internet -> roo => allow; gateway -> roo => allow; roo -> controller => allow; roo -> internet => allow;
        roo -> broadcast => allow; roo -> multicast => allow; roo -> gateway => allow; griffin -> roo => allow;";
    holds(&format!("{policy} {strangers} {others} }}"));
    // Everybody but one host still takes in those who are neither declared nor strangers.
    let rest = "internet -> roo => deny; unregistered -> roo => deny; griffin -> roo => deny; roo -> griffin => allow;
        gateway -> griffin => deny; roo -> broadcast => allow;";
    holds(&format!("deny from any - {{ roo }};\ndefault allow;\ntest \"x\" {{ {rest} }}"));
    holds("deny from none;\ndefault allow;\ntest \"x\" { internet -> roo => deny; user bob host roo -> griffin => allow; }");
}

#[test]
fn a_host_needs_a_mac_address() {
    let (policy, found) = checked("host ghost { ip 10.0.9.77; }\nallow from ghost;");
    assert!(policy.is_none());
    let codes: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, [E0213], "{found:#?}");
    assert!(found[0].help.is_some());
}

#[test]
fn outbound_only_denies_whoever_knocks_wherever_the_host_is() {
    holds(
        "outbound-only from roo at wap1 for tcp/80;\ndefault allow;
        test \"x\" {
            griffin -> roo at wap1 tcp/22 => deny;
            griffin -> roo at core:9 tcp/22 => deny;
            griffin -> roo tcp/22 => deny;
            roo at wap1 -> griffin tcp/80 => allow;
            roo at core:9 -> griffin tcp/80 => allow by default;
        }",
    );
}

#[test]
fn where_the_most_restrictive_wins_the_boxes_of_all_users_are_passed() {
    let rules =
        "a: allow from user bob for tcp/80 via ids;\nb: allow from user bill for tcp via proxy, ids;\nallow from user bob;";
    let both = "user bob user bill host roo -> griffin";
    holds(&format!(
        "setting multi-user = most-restrictive;\n{rules}\ntest \"x\" {{
            {both} tcp/80 => allow via ids, proxy by a;
            {both} tcp/81 => allow via proxy, ids by b;
            {both} udp/81 => deny by default;
            user bob host roo -> griffin tcp/80 => allow via ids;
        }}"
    ));
    holds(&format!("{rules}\ntest \"x\" {{ {both} tcp/80 => allow via ids by a; {both} tcp/81 => allow; }}"));
}

/// The addresses of the responder that a line stands for.
fn responders(text: &str, flow: &str) -> Vec<String> {
    let (policy, found) = checked(text);
    let policy = policy.unwrap_or_else(|| panic!("{text}: {found:#?}"));
    let flows = lang::flowspec::read(&policy, flow).unwrap_or_else(|unreadable| panic!("{flow}: {:#?}", unreadable.found));
    flows.iter().map(|flow| flow.dst.address.map_or("none".to_owned(), |address| address.to_string())).collect()
}

#[test]
fn a_network_stands_for_all_its_addresses() {
    assert_eq!(responders("default allow;", "roo -> lab"), ["10.4.0.1"]);
    let cut = "deny to 10.4.0.0/24;\nallow to 10.4.0.7;\ngroup g = network { 10.4.255.0/24 };\nhost h { mac 02:00:00:00:00:31; ip 10.4.9.9; }\ndeny to 10.0.0.0/8;";
    assert_eq!(responders(cut, "roo -> lab"), ["10.4.1.0", "10.4.0.1", "10.4.0.7", "10.4.9.9", "10.4.255.1"]);
    assert_eq!(responders(cut, "roo -> 10.4.0.4/30"), ["10.4.0.5", "10.4.0.7"]);
    assert_eq!(responders(cut, "roo -> 10.4.3.0/24"), ["10.4.3.1"]);
    let halves =
        "network whole = 10.9.0.0/24, 2001:db8::/32;\ndeny to 10.9.0.0/25;\ndeny to 10.9.0.128/25;\ndeny to 2001:db8:1::/48;";
    assert_eq!(responders(halves, "roo -> whole"), ["10.9.0.1", "10.9.0.129", "2001:db8::1", "2001:db8:1::1"]);
    let group = "group rest = lab - 10.4.0.0/17;\ndeny to 10.4.128.0/18;\ndefault allow;";
    assert_eq!(responders(group, "roo -> rest"), ["10.4.192.0", "10.4.128.1"]);
    assert_eq!(responders("deny to multicast 239.1.0.0/24;", "roo -> multicast 239.1.0.0/16"), ["239.1.1.0", "239.1.0.1"]);
    assert_eq!(responders("default deny;", "roo -> 0.0.0.0/0").len(), 3);
}

#[test]
fn the_internet_stands_for_all_that_is_not_declared() {
    assert_eq!(responders("default allow;", "roo -> internet"), ["198.51.100.1"]);
    let rules = "network site = 10.0.0.0/8;\ndeny to 8.8.8.0/24;\ndeny to 10.3.0.0/16;\ndeny to 198.51.100.0/24;\ndeny to 2001:db8:77::/48;";
    let all = ["198.51.100.1", "1.0.0.0", "8.8.8.1", "2001:db8:77::1"];
    assert_eq!(responders(rules, "roo -> internet"), all);
    assert_eq!(responders(rules, "roo -> internet 9.9.9.9"), ["9.9.9.9"]);
    let (policy, found) = checked("deny to 8.8.8.0/24;\ndefault allow;\ntest \"x\" { roo -> internet => allow; }");
    let policy = policy.unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(testing::run(&policy, &Reference(&policy)).failed(), 1);
}

/// The codes of what is wrong.
fn codes(text: &str) -> String {
    let (policy, found) = checked(text);
    assert_eq!(policy.is_none(), !found.is_empty(), "{text}: {found:#?}");
    found.iter().map(|found| found.code.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_service_of_both_families_is_that_of_the_ends() {
    assert_eq!(responders("default allow;", "roo -> lab ping"), ["10.4.0.1"]);
    assert_eq!(responders("default allow;", "roo -> 2001:db8::7 ping"), ["2001:db8::7"]);
    assert_eq!(responders("service s = ping, tcp/80;\ndefault allow;", "roo -> griffin s").len(), 2);
    holds("allow for ping;\ntest \"x\" { roo -> 2001:db8::7 ping => allow; roo -> griffin ping => allow; }");
}

#[test]
fn the_dscp_of_a_flow_in_text_is_0() {
    holds("allow when dscp = 0;\ntest \"x\" { roo -> griffin => allow; roo -> griffin tcp/80 => allow; }");
    holds("allow when dscp != 46;\ntest \"x\" { roo -> griffin => allow; }");
}

#[test]
fn a_flow_of_a_host_that_is_elsewhere_or_somebody_else_cannot_be() {
    let case = |flow: &str| {
        codes(&format!(
            "host pinned {{ mac 02:00:00:00:00:31; ip 10.0.9.31; at edge1:1; }}\ngroup all = host {{ pinned, roo }};
            default allow;\ntest \"x\" {{ {flow} => allow; }}"
        ))
    };
    for sound in
        ["pinned at edge1:1 -> roo", "all at wap1 -> roo", "host roo 10.0.9.77 -> pinned", "host pinned 10.0.9.31 -> roo"]
    {
        assert_eq!(case(sound), "", "{sound}");
    }
    for odd in
        ["pinned at wap1 -> roo", "roo -> pinned at edge1:2", "host roo 02:00:00:00:00:31 -> roo", "host roo 10.0.9.31 -> roo"]
    {
        assert_eq!(case(odd), "E0402", "{odd}");
    }
}

#[test]
fn a_test_that_cannot_fail_or_cannot_pass_is_refused() {
    assert_eq!(codes("default deny;\ntest \"x\" { }"), "E0404");
    let case = |expected: &str| {
        codes(&format!("r: deny from roo;\no: outbound-only from server;\ntest \"x\" {{ roo -> griffin => {expected}; }}"))
    };
    for odd in ["allow by default", "allow by r"] {
        assert_eq!(case(odd), "E0404", "{odd}");
    }
    for sound in ["deny by default", "deny by r", "allow by o", "deny by o"] {
        assert_eq!(case(sound), "", "{sound}");
    }
    assert_eq!(codes("default allow;\ntest \"x\" { roo -> griffin => deny by default; }"), "E0404");
}

#[test]
fn names_addresses_and_places_that_cannot_be_are_refused() {
    for (text, wanted) in [
        ("user 1x;", "E0107"),
        ("user _x;", "E0107"),
        ("host h { mac 02:00:00:00:00:41; ip 239.1.1.1; }", "E0121"),
        ("host h { mac 02:00:00:00:00:41; ip 0.0.0.0, 127.0.0.1, 255.255.255.255; }", "E0121 E0121 E0121"),
        ("gateway g { at core:47; ip ::1; }", "E0121"),
        ("location inside = core:48;", "E0211"),
        ("location boxed = core:41;", "E0211"),
        ("audit deny to roo audit;", "E0214"),
        ("assert never;", "E0404"),
        ("host none-such { mac 02:00:00:00:00:41; } section x { setting multi-user = most-restrictive; }", "E0219"),
        ("test \"x\" { roo -> griffin http https => deny; }", "E0402"),
    ] {
        assert_eq!(codes(&format!("{text}\ndefault deny;")), wanted, "{text}");
    }
}

#[test]
fn misspelt_fields_and_foreign_operators_are_met_with_the_right_words() {
    for (text, wanted) in [
        ("allow when hscr = roo;", "`hsrc`"),
        ("allow when protcol = tcp;", "`protocol`"),
        ("allow when hsrc = roo && tpdst = 80;", "`and`"),
        ("allow when hsrc = roo || tpdst = 80;", "`or`"),
        ("allow when !hsrc = roo;", "`not`"),
        ("include 'x.pol';", "double quotes"),
    ] {
        let (_, found) = checked(text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(found[0].help.as_ref().is_some_and(|help| help.contains(wanted)), "{text}: {found:#?}");
    }
    holds("allow when hsrc == roo;\ntest \"x\" { roo -> griffin => allow; }");
}

#[test]
fn a_path_avoids_links_by_either_port_but_no_port_that_the_switch_has_not() {
    let codes = |what: &str| -> Vec<String> {
        let (_, found) = checked(&format!("switch far {{ dpid 0x20; uplink 1-8; access 9-48; }} allow from bob avoid {what};"));
        found.iter().map(|one| one.code.to_string()).collect()
    };
    for sound in ["far", "far:1", "far:48", "far:1, far:9", "roo"] {
        assert!(codes(sound).is_empty(), "{sound}: {:?}", codes(sound));
    }
    assert_eq!(codes("far:49"), ["E0209"]);
    assert_eq!(codes("edge:1"), ["E0201"]);
    assert_eq!(codes("bob"), ["E0203"]);
}

#[test]
fn built_in_sets_of_people_and_machines_stand_for_all_of_them() {
    holds(
        "deny from bob to server;\n\
         mine: deny from griffin to roo;\n\
         allow from authenticated;\n\
         default deny;\n\
         test \"each\" {\n\
         user unregistered host griffin -> server ssh => allow;\n\
         user bill host griffin -> server ssh => allow;\n\
         user none host griffin -> server ssh => deny by default;\n\
         authenticated host server -> roo ssh => allow;\n\
         griffin -> roo ssh => deny by mine;\n\
         }",
    );
    let failed = |line: &str| {
        let (policy, _) =
            checked(&format!("deny from bob to server;\nallow from registered when usrc = bill;\ntest \"t\" {{ {line} }}"));
        let policy = policy.unwrap();
        testing::run(&policy, &Reference(&policy)).results.remove(0).flow
    };
    assert_eq!(failed("user bill registered -> roo => deny;"), "user bill host griffin -> roo");
    assert_eq!(failed("authenticated host griffin -> server => deny;"), "user bill host griffin -> server");
}
