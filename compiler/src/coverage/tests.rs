//! Which alternatives of rules the tests of a policy reach.

use std::sync::Arc;

use lang::ast::Policy;
use lang::check::check;
use lang::parse::parse;
use lang::source::SourceMap;

use super::*;
use crate::view::View;

fn program(text: &str) -> Program {
    let mut sources = SourceMap::default();
    let id = sources.add("test.pol", text);
    let (file, parsed) = parse(&sources, id);
    let (policy, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{found:#?}")));
    let view = View::new(&policy);
    Program::compile(policy, &view)
}

const SITE: &str = "host a { mac 00:16:3e:00:00:01; }\nhost b { mac 00:16:3e:00:00:02; }\nuser bob;\n";

#[test]
fn each_alternative_of_a_rule_is_a_region_and_those_of_the_prelude_are_not_counted() {
    let text = format!(
        "{SITE}either: allow when (usrc = bob and hdst = b) or (hsrc = a and tpdst = 22);\n\
         note: deny from a to b audit;\n\
         test \"one\" {{ user bob -> b => allow by either; user none a -> b tcp/80 => deny by default; }}"
    );
    let regions = program(&text).regions_of_tests();
    let told = |list: &[Region]| {
        list.iter().map(|one| format!("{} of {}: {}", one.alternative, one.alternatives, one.text)).collect::<Vec<_>>()
    };
    assert_eq!(told(&regions.covered), ["0 of 2: usrc bob, hdst b, any service"]);
    assert_eq!(told(&regions.uncovered), ["1 of 2: hsrc a, any destination, tpdst 22"]);
}

#[test]
fn a_rule_that_another_hides_is_not_reached_by_its_flows() {
    let text = format!("{SITE}first: deny from a;\nsecond: allow from a to b;\ntest \"t\" {{ a -> b => deny; }}");
    let regions = program(&text).regions_of_tests();
    assert_eq!((regions.covered.len(), regions.uncovered.len()), (1, 1));
    assert_eq!(regions.uncovered[0].text, "hsrc a, hdst b, any service");
}

/// Each region that no test reaches gets a line that passes and reaches it: with all lines, nothing is left.
#[test]
fn lines_that_are_proposed_reach_what_they_are_proposed_for() {
    let text = format!(
        "{SITE}switch edge {{ dpid 0x1; access 1-24; }}\nmiddlebox ids {{ at edge:24; }}\ngateway border {{ at edge:23; }}\n\
         time office = mon-fri 08:00-18:00;\n\
         first: deny from a to b for ssh, dns;\n\
         second: allow when (usrc = bob and hdst = b) or (hsrc = a and tpdst in 20-30) or vlan = 5 or dltype = arp;\n\
         third: allow to internet via ids when time in office;\n\
         fourth: allow from 10.4.0.0/16 to b for icmp/8;\n\
         deny from b to 10.4.7.0/24 when dscp = 46;\n\
         hidden: deny from a to b for dns;\n"
    );
    let policy = program(&text);
    let regions = policy.regions_of_tests();
    let fit = |flow: &Flow| lang::testing::case_text(policy.policy(), flow, &policy.judge(flow)).is_some();
    let flows = crate::Analysis::new(&policy, crate::Budget::default()).unwrap().examples(&regions.uncovered, &fit);
    let without: Vec<&str> =
        regions.uncovered.iter().zip(&flows).filter(|(_, flow)| flow.is_none()).map(|(one, _)| &*one.text).collect();
    assert_eq!(without, ["hsrc a, hdst b, protocol dns"], "only what is hidden has none");
    let lines: Vec<String> =
        flows.iter().flatten().filter_map(|flow| lang::testing::case_text(policy.policy(), flow, &policy.judge(flow))).collect();
    let tested = program(&format!("{text}test \"proposed\" {{ {} }}", lines.join("\n")));
    let run = lang::testing::run(tested.policy(), &tested);
    assert_eq!(run.failed(), 0, "{lines:#?}\n{run:#?}");
    assert_eq!(tested.regions_of_tests().uncovered.len(), without.len(), "{lines:#?}");
}
