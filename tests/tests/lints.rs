//! Every lint and every claim on the example of its page: it is found there, not in the clean twin, and not where it is silenced.
#![expect(clippy::panic, reason = "what cannot be read has failed the test")]

use std::sync::Arc;

use compiler::{Budget, Program, View};
use lang::ast::Policy;
use lang::check::check;
use lang::codes::tests_and_assertions::{E0405, E0407, E0409};
use lang::codes::{Code, names, text};
use lang::diag::{Diagnostic, Severity};
use lang::lint::LINTS;
use lang::parse::parse;
use lang::source::SourceMap;
use net::Time;

/// 2026-11-27.
const NOW: Time = Time(1_795_737_600_000_000);

fn findings(text: &str) -> (Vec<Diagnostic>, SourceMap) {
    let (found, sources, _) = analysed(text);
    (found, sources)
}

fn analysed(text: &str) -> (Vec<Diagnostic>, SourceMap, Program) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", text);
    let (file, parsed) = parse(&sources, id);
    let tree = Policy { files: vec![file], entries: vec![id] };
    let (policy, found) = check(&sources, &tree, parsed);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{text}\n{found:#?}")));
    let view = View::new(&policy);
    let program = Program::compile(policy, &view);
    (compiler::findings(&program, &tree, Some(NOW), Budget::default()).1, sources, program)
}

fn codes(text: &str) -> Vec<Code> {
    let mut codes: Vec<Code> = findings(text).0.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn the_example_of_a_lint_earns_it_and_its_clean_twin_earns_nothing() {
    for lint in LINTS {
        let code = lint.page.code;
        let found = codes(lint.page.example);
        assert!(found.contains(&code), "{code}: {found:?}\n{}", lint.page.example);
        assert!(!codes(lint.clean).contains(&code), "{code}\n{}", lint.clean);
    }
}

#[test]
fn a_rule_that_matches_nothing_says_what_contradicts_where_one_clause_shows_it() {
    let told = |rule: &str| {
        let (found, _) = findings(&format!("host a {{ mac 02:00:00:00:00:01; }}\nhost b {{ mac 02:00:00:00:00:02; }}\n{rule}\n"));
        let found: Vec<_> = found.into_iter().filter(|found| found.code == lang::lint::matches_nothing::W0305).collect();
        assert_eq!(found.len(), 1, "{rule}");
        let related: Vec<String> = found[0].related.iter().map(|related| related.message.clone()).collect();
        format!("{}: {}", related.join("; "), found[0].help.clone().unwrap_or_default())
    };
    for (rule, why) in [
        ("allow from a and b;", "no flow comes from two hosts: `|` joins what is either of them: `a | b`"),
        ("allow from a to a and b;", "no flow goes to two hosts: `|` joins what is either of them: `a | b`"),
        ("allow from a to gateway;", "no gateway is declared: declare where the internet is: `gateway NAME { at SWITCH:PORT; }`"),
        ("allow when hdst = a and hdst = b;", "each end of a flow is one host: where either is meant, write `hdst in { a, b }`"),
        ("allow for tcp when protocol = udp;", ": what it asks contradicts itself, or what is declared of the names in it"),
    ] {
        assert_eq!(told(rule), why, "{rule}");
    }
}

#[test]
fn a_service_says_which_headers_there_are_and_a_vlan_tag_is_none_of_them() {
    let of = |rule: &str| codes(&format!("host a {{ mac 02:00:00:00:00:01; }}\nallow from a {rule};\n"));
    for rule in ["for ssh when not vlan = 5", "when for ssh and not vlan = 5", "when not tpdst = 5"] {
        assert_eq!(of(rule), [lang::lint::negated_absent_field::W0308], "{rule}");
    }
    for rule in ["for ssh when not tpsrc = 5", "when for ssh and not dscp = 5", "when not protocol = tcp and protocol != udp"] {
        assert!(of(rule).is_empty(), "{rule}: {:?}", of(rule));
    }
}

/// The second of them decides nothing; told of the first as well, one could remove both.
#[test]
fn two_rules_that_say_the_same_are_one_finding() {
    let hosts = "host a { mac 02:00:00:00:00:01; }\nhost b { mac 02:00:00:00:00:02; }\ndefault allow;\n";
    let found = codes(&format!("{hosts}deny from a to b;\ndeny from a to b;\n"));
    assert_eq!(found, [lang::lint::shadowed_rule::W0303]);
    let found = codes(&format!("{hosts}deny from a to b for ssh;\ndeny from a to b;\n"));
    assert_eq!(found, [lang::lint::redundant_rule::W0304]);
}

/// No flow is decided otherwise without it, and yet the other host would get what is for the group.
#[test]
fn a_denial_that_keeps_copies_from_somebody_makes_a_difference() {
    let hosts = "host a { mac 02:00:00:00:00:01; }\nhost b { mac 02:00:00:00:00:02; }\ndefault deny;\n";
    for to in ["multicast", "multicast 239.1.0.0/16", "broadcast | multicast"] {
        assert!(codes(&format!("{hosts}deny from a to b;\nallow from a to {to};\n")).is_empty(), "{to}");
        let behind = codes(&format!("{hosts}allow from a to {to};\ndeny from a to b;\n"));
        assert_eq!(behind, [lang::lint::redundant_rule::W0304], "{to}");
    }
}

#[test]
fn a_comment_with_a_reason_silences_each_lint_at_its_place() {
    for lint in LINTS {
        let code = lint.page.code;
        let (found, sources) = findings(lint.page.example);
        let lines: Vec<u32> =
            found.iter().filter(|found| found.code == code).map(|found| sources.position(found.span).line).collect();
        let silenced: Vec<String> = (1..)
            .zip(lint.page.example.lines())
            .map(
                |(number, line)| {
                    if lines.contains(&number) { format!("{line} # allow({code}): shown by a test") } else { line.to_owned() }
                },
            )
            .collect();
        let left = codes(&silenced.join("\n"));
        assert!(!left.contains(&code) && !left.contains(&text::W0702), "{code}: {left:?}\n{}", silenced.join("\n"));
    }
}

#[test]
fn claims_that_do_not_hold_are_errors_with_a_flow() {
    for code in [E0405, E0407, E0409] {
        let page = code.page().unwrap();
        let (found, _) = findings(page.example);
        let report = found.iter().find(|found| found.code == code).unwrap_or_else(|| panic!("{code}: {found:#?}"));
        assert_eq!(report.severity, Severity::Error);
        assert!(code == E0409 || report.witness.is_some(), "{code}");
    }
}

#[test]
fn a_rule_that_has_expired_is_an_error_from_that_moment_on() {
    let page = names::E0222.page().unwrap();
    assert!(codes(page.example).contains(&names::E0222));
    assert!(!codes(&page.example.replace("2020-01-01", "2026-11-27")).contains(&names::E0222), "to the end of the day");
    assert!(codes(&page.example.replace("2020-01-01", "2026-11-26")).contains(&names::E0222));
}

/// What is to be done hangs on the case: who is named, and which of several ways out there is.
#[test]
fn the_help_names_what_is_to_be_changed() {
    let site = "switch s { dpid 1; access 1-9; uplink 10-11; }\nhost a { mac 02:00:00:00:00:01; at s:1; }\n\
        host b { mac 02:00:00:00:00:02; }\nuser bob;\n";
    for (text, code, help) in [
        ("location l = s:2;\nallow from a;", "W0301", "name it in a rule, as in `at l`, or remove it"),
        ("time t = mon;\nallow from a;", "W0301", "name it in a rule, as in `when time in t`, or remove it"),
        ("group g = service { http };\nallow from a;", "W0301", "name it in a rule, as in `for g`, or remove it"),
        ("group g = switch { s };\nallow from a;", "W0301", "name it in a rule, as in `at g`, or remove it"),
        (
            "allow from a;\ndeny;\ndefault allow;",
            "W0307",
            "remove it, or narrow the rule at x.pol:6, which takes all flows that get there",
        ),
        (
            "allow for tcp;\ndeny when not protocol = tcp;\ndefault deny;",
            "W0307",
            "remove it, or narrow a rule, so that something is left to it",
        ),
        ("middlebox m { at s:5; }\nallow from a via m avoid s:5;", "W0310", "take `s:5` out of `avoid`, or `m` out of `via`"),
        ("allow from a pin s:1;", "W0311", "leave out `pin`: it can start nowhere else"),
        (
            "allow from a;\noutbound-only from a;",
            "W0311",
            "move it before the rule at x.pol:5, or say in two rules what is meant",
        ),
        (
            "deny from a until 2026-12-01;",
            "W0314",
            "give `until` a later date, or let it end: what it decides is then left to the rules behind it",
        ),
        (
            "group g = user { bob };\nallow from g;\ninvariant subset(g, bob - bob);",
            "E0409",
            "put `bob` into the second set, or take it out of the first",
        ),
        ("group g = bob - bob;\nallow from bob;\ninvariant nonempty(g);", "E0409", "give it a user, or remove the invariant"),
    ] {
        let (found, _) = findings(&format!("{site}{text}\n"));
        let helps: Vec<(&str, Option<&str>)> = found.iter().map(|found| (found.code.text(), found.help.as_deref())).collect();
        assert!(helps.contains(&(code, Some(help))), "{text}\n{helps:#?}");
    }
}

#[test]
fn a_time_is_over_when_its_last_window_has_ended() {
    let over = |windows: &str| {
        let text = format!("host roo {{ mac 00:16:3e:00:00:12; }}\ntime fair = {windows};\nallow from roo when time in fair;\n");
        codes(&text).contains(&lang::lint::past_time::W0319)
    };
    for windows in ["2026-11-26", "2026-11-01 to 2026-11-26 08:00-18:00", "2026-11-25 22:00-06:00", "2025-01-01, 2026-01-01"] {
        assert!(over(windows), "{windows}");
    }
    for windows in ["2026-11-27", "2026-11-26 22:00-06:00", "2025-01-01, 2036-01-01", "2025-01-01, mon 08:00-09:00"] {
        assert!(!over(windows), "{windows}");
    }
}

#[test]
fn errors_are_never_silenced() {
    let text = "host roo { mac 00:16:3e:00:00:12; }\nallow from roo;\nassert never from roo; # allow(E0405): no";
    let found = codes(text);
    assert!(found.contains(&E0405) && found.contains(&text::W0703), "{found:?}");
}

/// Whoever pastes the flow of a finding asks of what was found: each flow that the line stands for is decided as told.
#[test]
fn the_flow_of_a_finding_reads_back_as_the_one_that_is_meant() {
    let office = "time office = mon-fri 08:00-18:00;\nsection prelude {\n    allow for dhcp when time in office;\n\
        allow when dltype = arp;\n    deny from unregistered for dhcp;\n}\nhost roo { mac 00:16:3e:00:00:12; }\nallow from roo;\n";
    let analysable = |page: &&lang::codes::Page| page.code.text().starts_with("W03") || [E0405, E0407].contains(&page.code);
    let mut shown = Vec::new();
    for text in lang::codes::pages().filter(analysable).map(|page| page.example).chain([office]) {
        let (found, _, program) = analysed(text);
        for (code, witness) in found.iter().filter_map(|found| Some((found.code, found.witness.as_ref()?))) {
            let read = lang::flowspec::read(program.policy(), &witness.flow);
            let flows = read.unwrap_or_else(|why| panic!("{code}: {}: {:?}", witness.flow, why.found));
            for flow in flows {
                let by = program.judge(&flow).rule;
                let by = by.map_or("default".to_owned(), |id| lang::testing::rule_label(program.policy(), id));
                assert_eq!(by, witness.decided_by, "{code}: {}\n{text}", witness.flow);
            }
            shown.push((code, witness.flow.clone()));
        }
    }
    let night = (lang::lint::locked_out::W0313, "user none -> broadcast udp/67 time 2026-01-12 00:00".to_owned());
    assert!(shown.len() > 10 && shown.contains(&night), "{shown:#?}");
}

/// Reports of the analysis, as people see them, beside the policies that they are about.
#[test]
fn reports_of_the_analysis_name_places_shares_and_flows() {
    let pages =
        [lang::lint::shadowed_rule::PAGE, lang::lint::cut_outbound_only::PAGE, *E0405.page().unwrap(), *E0407.page().unwrap()];
    let mut shown = String::new();
    for page in pages {
        let (found, sources) = findings(page.example);
        for found in found.iter().filter(|found| found.code == page.code) {
            shown.push_str(page.example);
            shown.push_str("\n-----\n");
            shown.push_str(&lang::report::render(found, &sources, lang::report::Style::default()));
            shown.push_str("=====\n");
        }
    }
    insta::assert_snapshot!(shown);
}
