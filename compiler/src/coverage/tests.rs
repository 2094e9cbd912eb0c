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
