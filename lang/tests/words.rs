//! What people write who know other tools: each is one report, which says how it is written here.
#![expect(clippy::unwrap_used, reason = "a test's own functions, outside of `#[test]`")]

use std::fmt::Write;

use lang::ast::Policy;
use lang::check::check;
use lang::diag::Severity;
use lang::parse::parse;
use lang::source::SourceMap;

/// What the statements are about.
const SITE: &str = "switch s1 { dpid 0x1; access 1-24; }\nhost pc { mac 02:00:00:00:00:01; }\nhost srv { mac 02:00:00:00:00:02; }\n\
    user anna;\ngroup staff = user { anna };\nmiddlebox ids { at s1:9; }\ntime office = mon-fri 08:00-18:00;\n";

/// Each statement with its only error, below it.
fn told(statements: &[&str]) -> String {
    let mut out = String::new();
    for statement in statements {
        let mut sources = SourceMap::default();
        let id = sources.add("x.pol", format!("{SITE}{statement}\n"));
        let (file, parsed) = parse(&sources, id);
        let (checked, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
        let errors: Vec<_> = found.iter().filter(|found| found.severity == Severity::Error).collect();
        assert!(checked.is_none() && errors.len() == 1, "{statement}: {errors:#?}");
        let error = errors[0];
        let (at, help) = (sources.position(error.span), error.help.as_deref().unwrap_or("-"));
        writeln!(out, "{statement}\n  {} {} {}\n  {help}", at.column, error.code, error.message).unwrap();
    }
    out
}

macro_rules! told {
    ($($test:ident [$($statement:literal,)*])*) => {$(
        #[test]
        fn $test() {
            insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(told(&[$($statement,)*])); });
        }
    )*};
}

told! {
    verdicts_of_other_tools [
        "drop from pc;", "BLOCK from pc;", "permit from pc;", "accept from pc;", "default block;", "web: drop from pc;",
        "test \"x\" { pc -> srv => permit; }", "web allow from pc;", "permit tcp any any eq 80\nallow from pc;",
        "access-list 101 permit tcp any any\nallow from pc;", "iptables -A INPUT -j DROP\nallow from pc;",
    ]
    services_of_other_tools [
        "allow from pc for port 80;", "allow from pc port 80;", "allow from pc for service http;", "allow from pc for tcp/http;",
        "allow from pc for tcp/any;", "allow from pc for icmp/echo;", "allow from pc for 80/tcp;", "allow from pc for tcp/80,443;",
        "allow from pc for esp;", "allow from pc for gre;", "allow from pc for any;", "allow from pc to srv tcp/80;",
        "allow from pc to srv tcp 80;", "deny from any on tcp/80;", "deny from any on s1:2;",
    ]
    sets_of_other_tools [
        "allow from all;", "allow from *;", "allow from any except pc;", "allow from group staff;", "allow from pc, srv;",
        "allow from \"pc\";", "allow from pc via middlebox ids;", "allow pc to srv;", "allow pc -> srv;", "allow any;",
        "allow host pc;", "allow http from pc;",
    ]
    times_of_other_tools [
        "allow from pc when office;", "allow from pc when time in mon-fri 08:00-18:00;", "allow from pc at 08:00-18:00;",
        "allow from pc during office;", "time t = mon-fri 08:00 - 18:00;", "time t = 2026-12-01 - 2026-12-31;",
        "time t = 2026-12-01-2026-12-31;", "allow from pc until 2026-12-31 25:00;", "allow from pc until \"2026-12-31\";",
        "allow from pc until;", "setting time-zone = Europe/Berlin;",
    ]
    conditions_of_other_tools [
        "allow from pc when tpdst > 1024;", "allow from pc when tpdst <= 1023;", "allow from pc when hsrc = pc, tpdst = 80;",
        "allow from pc when tpdst in 80, 443 log;", "allow from pc when tpdst != 80, 443;", "allow when hsrc = pc && tpdst = 80;",
        "allow when hsrc = pc || tpdst = 80;", "allow from pc if office;", "allow from pc log, audit;",
    ]
    rates_of_other_tools [
        "allow from pc limit 5MB/s;", "allow from pc limit 5 mbps;", "allow from pc limit 5 Mbit/s;", "allow from pc limit 5MBps;",
        "allow from pc limit 5Mbps;", "allow from pc limit;",
    ]
    addresses_of_other_tools [
        "host x { mac 02:00:00:00:00:09; at s1/2; }", "host x { mac 0200.0000.0009; }", "host x { mac 0200.00ab.0009; }",
        "host x { mac 02:00:00:00:00:0G; }", "host x { mac 02:00:00:00:00; }", "host x { mac 02:00:00:00:00:09; ip 10.0.0.0/24; }",
        "host x { mac 02:00:00:00:00:09; ip 10.0.0.5/24; }", "network a = 10.0.0.0/255.255.255.0;",
        "network a = 10.0.0.0 255.255.255.0;", "network a = 10.0.0.0 0.0.0.255;", "switch s2 { dpid 0x2; access 1..4; }",
        "switch s2 { dpid 0x2; access 1 - 4; }", "location l = s1/2;",
    ]
    flows_of_other_tools [
        "test \"x\" { anna -> srv port 80 => allow; }", "test \"x\" { anna -> srv tcp 80 => allow; }",
        "test \"x\" { pc -> srv 80/tcp => allow; }", "test \"x\" { pc -> srv http, https => allow; }",
        "test \"x\" { pc \u{2192} srv => allow; }", "test \"x\" { srv <- pc => allow; }", "test x { pc -> srv => allow; }",
    ]
    mistakes_whose_help_was_the_next_one [
        "deny all;",
        "deny everyone;",
        "allow from 'a';",
        "allow from 'pc' to srv;",
        "allow from 10.0.0.1-10.0.0.9;",
        "network a = 10.0.0.1-10.0.0.9;",
        "assert never pc -> srv;",
        "assert never pc to srv;",
        "assert never pc;",
        "allow from anna@pc;",
        "allow from anna on pc;",
        "deny from any on s1:2;",
        "default: deny;",
        "allow from users;",
        "allow from employees;",
        "time bh = 08:00-18:00 mon-fri;",
        "allow from user anna host pc to srv;",
        "allow from anna pc to srv;",
        "allow from anna, pc to srv;",
        "allow a to b;",
        "allow a -> b;",
        "assert never a -> b;",
        "allow from anna on room;",
        "allow from pc srv;",
        "allow from x y;",
    ]
    moments_and_days_in_other_words [
        "test \"x\" { pc -> srv time daily 10:00 => allow; }",
        "test \"x\" { pc -> srv time mon-fri 10:00 => allow; }",
        "test \"x\" { pc -> srv time monday 10:00 => allow; }",
        "test \"x\" { pc -> srv time weekdays 10:00 => allow; }",
        "test \"x\" { pc -> srv time 10:00 => allow; }",
        "time t = weekdays 08:00-18:00;",
        "time t = monday 08:00-18:00;",
        "time t = weekends 08:00-18:00;",
        "time t = weekday 08:00-18:00;",
        "time t = weekdays;",
        "time t = Monday-Friday 08:00-18:00;",
    ]
    datapath_identifiers_as_switches_print_them [
        "switch s2 { dpid 0000aabbccddeeff; }",
        "switch s2 { dpid 00:00:aa:bb:cc:dd:ee:ff; }",
        "switch s2 { dpid aabbccddeeff; }",
        "switch s2 { dpid aa:bb:cc:dd:ee:ff; }",
        "switch s2 { dpid 000000000000001f; }",
        "switch s2 { dpid 00:00:00:00:00:00:00:01; }",
        "switch s2 { dpid 8a; }",
    ]
    declarations_in_other_shapes [
        "host a mac 02:00:00:00:00:09;",
        "host a = 02:00:00:00:00:09;",
        "host a 02:00:00:00:00:09;",
        "host a = { mac 02:00:00:00:00:09; }",
        "host a { mac = 02:00:00:00:00:09; }",
        "host a { mac: 02:00:00:00:00:09; }",
        "host a { 02:00:00:00:00:09; }",
        "group g = pc, srv;",
        "group g { pc, srv }",
        "group g = { pc srv };",
        "group g = pc srv;",
        "group g = host { pc srv };",
        "group g = anna, anna;",
        "network office { 10.0.0.0/24; }",
        "network office { 10.0.0.0/24 }",
        "network office 10.0.0.0/24;",
        "service web { tcp/80 }",
        "service web { tcp/80, tcp/443; }",
        "service web tcp/80;",
        "location lobby { s1:3 }",
        "location lobby s1:3;",
        "time t { mon-fri 08:00-18:00 }",
        "time t mon-fri 08:00-18:00;",
        "user bob, alice;",
        "host a, b { mac 02:00:00:00:00:09; }",
    ]
    lists_and_ranges_in_other_shapes [
        "allow from pc for 80;",
        "allow from pc for tcp:80;",
        "allow from pc for tcp 80;",
        "allow from pc for http, 443;",
        "service web = 80, 443;",
        "service web = 80;",
        "allow from pc for ssh|http;",
        "allow from pc for ssh or http;",
        "allow from pc for ssh and http;",
        "allow from pc for ssh http;",
        "allow from pc for { ssh, http };",
        "allow from staff-anna;",
        "allow from pc-srv;",
        "allow from 10.0.0.*;",
        "network a = 10.0.0.*;",
        "network a = 10.0.*.*;",
    ]
    flows_in_other_shapes [
        "test \"x\" { pc to srv => allow; }",
        "test \"x\" { pc => srv => allow; }",
        "test \"x\" { pc => srv; }",
        "test \"x\" { pc - srv => allow; }",
        "test \"x\" { pc -> srv:445 => allow; }",
        "test \"x\" { pc -> srv port 445 => allow; }",
        "test \"x\" { pc -> srv 445 => allow; }",
        "test \"x\" { pc -> srv => denied; }",
        "test \"x\" { pc -> srv => allowed; }",
        "test \"x\" { pc -> srv => accept; }",
        "test \"x\" { pc -> srv => blocked; }",
    ]
    statements_that_lack_a_word [
        "redirect from pc;", "assert allow from pc to srv;", "assert from pc to srv;", "invariant from(pc);",
        "deny; test \"x\" { allow from pc to srv; }", "test \"x\" {\n  allow from pc;\n}\nallow from pc;",
        "user bob2 { }", "user bob2 { mac 02:00:00:00:00:09; }\nuser bob3;", "allow from pc owner netsec;",
    ]
}

/// A test that is never closed has no rule in it.
#[test]
fn a_rule_behind_a_test_that_is_not_closed_is_a_rule() {
    insta::assert_snapshot!(told(&["test \"x\" {\n  pc -> srv => allow;\nallow from pc;\nhost z { mac 02:00:00:00:00:07; }"]));
}
