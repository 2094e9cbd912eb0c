//! What rules mean where it is easily mistaken: policies with their own `test` blocks, answered by the plain evaluator.

use lang::ast::Policy;
use lang::check::check;
use lang::checked::Checked;
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
    holds("allow when usrc != bob and hsrc != roo;\ntest \"x\" { internet -> griffin => allow; unregistered -> griffin => allow; }");
}
