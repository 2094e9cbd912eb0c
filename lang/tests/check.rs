//! Policies in `tests/check`, each with all that the checker finds in it beside it as a snapshot.
#![expect(clippy::unwrap_used, reason = "a test's own functions, outside of `#[test]`")]

use std::fmt::Write;

use lang::ast::Policy;
use lang::check::{check, check_loaded};
use lang::checked::Checked;
use lang::codes::{names, syntax, tests_and_assertions};
use lang::diag::{Diagnostic, any_error};
use lang::eval::Reference;
use lang::import::{LoadError, Loader, load};
use lang::parse::parse;
use lang::source::SourceMap;
use lang::testing;
use proptest::prelude::{any, prop};
use proptest::{prop_assert_eq, proptest};

fn check_text(name: &str, text: &str) -> (Option<Checked>, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add(name, text);
    let (file, parsed) = parse(&sources, id);
    let policy = Policy { files: vec![file], entries: vec![id] };
    let (checked, found) = check(&sources, &policy, parsed);
    (checked, found, sources)
}

fn render(found: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for diagnostic in found {
        let at = sources.position(diagnostic.span);
        let excerpt = sources.text(diagnostic.span).split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(out, "{}:{} {} {}", at.line, at.column, diagnostic.code, diagnostic.message).unwrap();
        writeln!(out, "    at `{excerpt}`").unwrap();
        for related in &diagnostic.related {
            let at = sources.position(related.span);
            writeln!(out, "    {}:{} {}", at.line, at.column, related.message).unwrap();
        }
        if let Some(help) = &diagnostic.help {
            writeln!(out, "    help: {help}").unwrap();
        }
    }
    out
}

macro_rules! found_in {
    ($($test:ident)*) => {$(
        #[test]
        fn $test() {
            let text = include_str!(concat!("check/", stringify!($test), ".pol"));
            let (checked, found, sources) = check_text(concat!(stringify!($test), ".pol"), text);
            assert!(checked.is_none(), "a policy with mistakes passed");
            insta::with_settings!({ snapshot_path => "check", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(stringify!($test), render(&found, &sources));
            });
        }
    )*};
}

found_in! { names kinds groups inventory rules conditions flows }

#[test]
fn the_campus_checks_clean_and_passes_its_test() {
    let (checked, found, sources) = check_text("campus.pol", include_str!("check/campus.pol"));
    assert_eq!(render(&found, &sources), "");
    let policy = checked.unwrap();
    let run = testing::run(&policy, &Reference(&policy));
    assert_eq!((run.passed(), run.failed()), (4, 0), "{:#?}", run.results);
    assert_eq!((run.coverage.covered.len(), run.coverage.total()), (4, 10));
}

#[test]
fn the_example_on_each_page_earns_its_code() {
    // E0206 would need 500 groups, E0231 far too many rules; the others are not found by the checker, which knows neither the time nor all flows.
    let claims = tests_and_assertions::PAGES.iter().map(|page| page.code).filter(|code| *code >= tests_and_assertions::E0405);
    let elsewhere: Vec<_> =
        [names::E0206, names::E0222, names::E0230, names::E0231, tests_and_assertions::E0401].into_iter().chain(claims).collect();
    let pages = names::PAGES.iter().chain(tests_and_assertions::PAGES);
    for page in pages.filter(|page| !elsewhere.contains(&page.code)) {
        let (checked, found, sources) = check_text("example.pol", page.example);
        let findings = render(&found, &sources);
        assert!(checked.is_none(), "{} passes:\n{}", page.code, page.example);
        assert!(found.iter().any(|diagnostic| diagnostic.code == page.code), "{}:\n{}\n{findings}", page.code, page.example);
    }
}

/// A policy of groups, each in the next.
fn nested(depth: usize) -> String {
    let mut text = "host roo { mac 02:00:00:00:00:12; }\ngroup g0 = host { roo };\n".to_owned();
    for level in 1..=depth {
        writeln!(text, "group g{level} = g{};", level - 1).unwrap();
    }
    writeln!(text, "allow from g{depth};").unwrap();
    text
}

#[test]
fn groups_nest_as_deep_as_evaluation_can_follow_and_no_deeper() {
    let (checked, found, sources) = check_text("deep.pol", &nested(400));
    assert!(checked.is_some(), "{}", render(&found, &sources));
    let (checked, found, _) = check_text("deep.pol", &nested(10_000));
    assert!(checked.is_none());
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), [names::E0206], "one report, and nothing behind it");
}

#[test]
fn a_block_that_is_never_closed_is_one_report() {
    let campus = include_str!("check/campus.pol");
    let sections = "user bob;\nsection lab scope (from bob) {\n    allow from bob for ssh;\n    section inner {\n        \
        deny from bob for http;\n    }\n}\nsetting multi-user = most-restrictive;\ndefault deny;\n";
    for text in [campus, sections] {
        for (at, _) in text.match_indices('}') {
            let cut = format!("{}{}", &text[..at], &text[at + 1..]);
            let (checked, found, sources) = check_text("cut.pol", &cut);
            assert!(checked.is_none() && found.len() == 1, "{cut}\n{}", render(&found, &sources));
        }
    }
    let two = sections.replace("default", "} section more {\n    default");
    let (_, found, sources) = check_text("two.pol", &format!("{two}}}"));
    let codes: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, [syntax::E0104, names::E0219], "{}", render(&found, &sources));
}

#[test]
fn a_circle_of_ten_thousand_groups_is_one_report() {
    let mut text = String::new();
    for level in 0..10_000 {
        writeln!(text, "group g{level} = g{};", (level + 1) % 10_000).unwrap();
    }
    let (checked, found, sources) = check_text("circle.pol", &text);
    assert!(checked.is_none());
    insta::assert_snapshot!(render(&found, &sources), @r"
    1:7 E0205 `g0` contains itself: `g0` → `g1` → `g2` → `g3` → `g4` → `g5` → `g6` → `g7` → … 9992 more … → `g0`
        at `g0`
        10000:15 the circle closes here
    ");
}

#[test]
fn long_chains_are_refused_or_flat() {
    let members: String = (0..20_000).map(|n| format!("user u{n};\n")).collect();
    let union = (0..20_000).map(|n| format!("u{n}")).collect::<Vec<_>>().join("\n| ");
    let (checked, found, sources) = check_text("wide.pol", &format!("{members}group all = {union};\nallow from all;"));
    assert!(checked.is_some(), "{}", render(&found, &sources));
    let difference = (0..20_000).map(|n| format!("u{n}")).collect::<Vec<_>>().join("\n- ");
    let (checked, found, _) = check_text("long.pol", &format!("{members}group rest = any - {difference};\nallow from rest;"));
    assert!(checked.is_none());
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), [names::E0206]);
}

#[test]
fn outbound_only_becomes_a_deny_and_then_an_allow() {
    let text = "switch core { dpid 0x10; }\nhost roo { mac 02:00:00:00:00:12; }\nhost kanga { mac 02:00:00:00:00:13; }\n\
                middlebox ids { at core:1; }\nfirst: deny from kanga to kanga;\n\
                out1: outbound-only from roo to kanga for ssh at core:4 via ids log;";
    let (checked, found, sources) = check_text("outbound.pol", text);
    assert_eq!(render(&found, &sources), "");
    let policy = checked.unwrap();
    let shown: Vec<String> = policy
        .site_rules()
        .iter()
        .map(|rule| format!("{} {:?} {:?} {:?} {:?}", rule.id.0, rule.part, rule.effect, rule.via, rule.cond))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    7 Whole Decide(Deny) [] All([End(Src, Host(HostId(1))), End(Dst, Host(HostId(1)))])
    8 OutboundDeny Decide(Deny) [] All([End(Dst, Host(HostId(0))), End(Src, Host(HostId(1)))])
    9 OutboundAllow Decide(Allow) [MiddleboxId(0)] All([End(Src, Host(HostId(0))), End(Dst, Host(HostId(1))), Header(Service([Ports(IpProto(6), 22..=22)])), End(Src, Location(0x10:4))])
    ");
}

/// The answers of a policy to the cases of its tests, wanted or not.
fn answers(text: &str) -> String {
    let (checked, found, sources) = check_text("answers.pol", text);
    assert_eq!(render(&found, &sources), "");
    let policy = checked.unwrap();
    let run = testing::run(&policy, &Reference(&policy));
    run.results.iter().map(|result| format!("{} => {}\n", result.flow, result.actual)).collect()
}

#[test]
fn outbound_only_works_in_both_directions() {
    let text = "user bob; host a { mac 02:00:00:00:00:01; }\nhost b { mac 02:00:00:00:00:02; }\nhost c { mac 02:00:00:00:00:03; }\n\
                both: outbound-only from a | b;\nrest: allow;\n\
                test \"directions\" { a -> c => allow by both; c -> a => deny by both; a -> b => deny by both; b -> a => deny by both;\n\
                b -> internet => allow by both; c -> internet => allow by rest; internet -> b => deny by both; }";
    insta::assert_snapshot!(answers(text), @r"
    a -> c => allow by both
    c -> a => deny by both
    a -> b => deny by both
    b -> a => deny by both
    b -> internet => allow by both
    c -> internet => allow by rest
    internet -> b => deny by both
    ");
}

#[test]
fn a_failed_case_names_the_flow_and_what_decided() {
    let text = "user bob; user bill; host a { mac 02:00:00:00:00:01; }\ngroup all = user { bob, bill };\n\
                setting multi-user = most-restrictive;\nno-bill: deny from bill;\nallow from all;\n\
                test \"sets\" { all -> a ssh => deny by default; user bob user bill -> a => allow; user bob -> a ssh => deny by no-bill; }";
    let (checked, found, sources) = check_text("failed.pol", text);
    assert_eq!(render(&found, &sources), "");
    let policy = checked.unwrap();
    let run = testing::run(&policy, &Reference(&policy));
    let shown: Vec<String> = run
        .results
        .iter()
        .map(|result| {
            format!(
                "{}:{} {} {}: wanted {}, got {}",
                result.position.line, result.position.column, result.passed, result.flow, result.expected, result.actual
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    6:15 false user bob -> a tcp/22: wanted deny by default, got allow by rule at failed.pol:5
    6:48 false user bob user bill -> a: wanted allow, got deny by no-bill
    6:82 false user bob -> a tcp/22: wanted deny by no-bill, got allow by rule at failed.pol:5
    ");
}

/// The shipped policies, by path.
const SHIPPED: [(&str, &str); 4] = [
    ("campus/campus.pol", include_str!("../../policies/campus/campus.pol")),
    ("campus/inventory.pol", include_str!("../../policies/campus/inventory.pol")),
    ("lab/campus.pol", include_str!("../../policies/lab/campus.pol")),
    ("lab/inventory.pol", include_str!("../../policies/lab/inventory.pol")),
];

/// What stands in the missing file is not known: no name is reported, be it near to one that is declared.
#[test]
fn names_are_not_unknown_while_an_include_is_missing() {
    struct One;
    impl Loader for One {
        fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
            let text = "include \"inventry.pol\";\ngroup printers = host { printer-g, files };\nallow from printers;\nallow form files;\n";
            (path == "a.pol").then(|| text.as_bytes().to_vec()).ok_or(LoadError::NotFound)
        }
    }
    let loaded = load(&["a.pol"], &One);
    let (checked, found) = check_loaded(&loaded);
    assert!(checked.is_none());
    let codes: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, [syntax::E0130, syntax::E0101], "{}", render(&found, &loaded.sources));
}

struct Shipped;

impl Loader for Shipped {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let found = SHIPPED.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or(LoadError::NotFound)
    }
}

#[test]
fn shipped_policies_check_clean_and_pass_their_tests() {
    for entry in ["campus/campus.pol", "lab/campus.pol"] {
        let loaded = load(&[entry], &Shipped);
        let (checked, found) = check(&loaded.sources, &loaded.policy, loaded.diagnostics);
        assert_eq!(render(&found, &loaded.sources), "", "{entry}");
        let policy = checked.unwrap();
        let run = testing::run(&policy, &Reference(&policy));
        let failed: Vec<_> = run.results.iter().filter(|result| !result.passed).collect();
        assert!(failed.is_empty() && run.passed() > 0, "{entry}: {failed:#?}");
    }
}

#[test]
fn groups_that_name_one_another_many_times_are_evaluated_once_each() {
    // Followed naively, the last of them would be asked for two to the power of a hundred times.
    let mut text = "host a { mac 02:00:00:00:00:01; }\nhost b { mac 02:00:00:00:00:02; }\nnetwork n = 10.0.0.0/8;\n\
                    group g0 = host { a };\nnetwork n0 = 10.0.0.0/8;\ngroup m0 = n0;\n"
        .to_owned();
    for level in 1..=100 {
        writeln!(text, "group g{level} = g{0} | (g{0} & g{0}) | g{0};\ngroup m{level} = m{0} | m{0};", level - 1).unwrap();
    }
    text.push_str(
        "deny from g100 - g99;\nallow from g100;\nallow from m100 - m99;\ntest \"t\" { a -> b => allow; b -> a => deny; }",
    );
    let (checked, found, sources) = check_text("many.pol", &text);
    assert_eq!(render(&found, &sources), "");
    let policy = checked.unwrap();
    assert_eq!(testing::run(&policy, &Reference(&policy)).failed(), 0);
}

#[test]
fn services_within_services_stay_bounded() {
    let mut text = "service s0 = tcp/1;\n".to_owned();
    for level in 1..=3_000 {
        writeln!(text, "service s{level} = s{}, udp/{level};", level - 1).unwrap();
    }
    let (checked, found, _) = check_text("services.pol", &text);
    assert!(checked.is_none());
    assert!(found.iter().all(|found| found.code == names::E0206) && !found.is_empty());
}

#[test]
fn findings_are_counted_beyond_a_limit() {
    let text: String = (0..2_000).map(|n| format!("allow from nobody{n};\n")).collect();
    let (checked, found, _) = check_text("many.pol", &text);
    assert!(checked.is_none());
    assert_eq!(found.len(), 1_001);
    assert_eq!(found.last().unwrap().message, "1000 more errors are not shown");
}

proptest! {
    /// Words of the campus are replaced by others of its words: whatever comes of it is a policy, or it is reported.
    #[test]
    fn a_policy_is_refused_exactly_with_an_error(swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4)) {
        let campus = include_str!("check/campus.pol");
        let mut words: Vec<&str> = campus.split_inclusive([' ', ';', '\n', ':']).collect();
        for (to, from) in swaps {
            let word = *from.get(&words);
            *to.get_mut(&mut words) = word;
        }
        let text = words.concat();
        let (checked, found, sources) = check_text("campus.pol", &text);
        prop_assert_eq!(checked.is_none(), any_error(&found), "{}\n{}", text, render(&found, &sources));
        if let Some(policy) = checked {
            let run = testing::run(&policy, &Reference(&policy));
            let deciding = policy.site_rules().iter().filter(|rule| rule.verdict().is_some()).count();
            prop_assert_eq!(run.coverage.total(), deciding);
        }
    }
}
