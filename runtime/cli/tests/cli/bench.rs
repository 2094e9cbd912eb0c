//! `pentane bench openflow`: a few flows of each kind are set up by a daemon, and answered by the null responder.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::{Run, told};

fn measured(more: &[&str]) -> Vec<Value> {
    let few = ["bench", "openflow", "--quick", "--flows", "200", "--hosts", "5", "--rules", "3", "--format", "json"];
    let run = told(&[&few, more].concat());
    assert_eq!((run.code, &*run.stderr), (0, ""), "{run}");
    let document = run.json();
    assert_eq!(document["schema"], "pentane.bench/1");
    assert!(document["machine"].as_str().is_some_and(|machine| machine.contains(" × ")), "{document}");
    let results = document["results"].as_array().cloned().unwrap_or_default();
    for one in &results {
        for field in ["flows_per_s", "cpu_s_per_million", "null_flows_per_s", "ratio_to_null"] {
            assert!(one[field].as_f64().is_some_and(|figure| figure > 0.0), "{field}: {one}");
        }
        assert!(one["p50_us"].as_u64() <= one["p99_us"].as_u64() && one["p99_us"].as_u64() <= one["p999_us"].as_u64(), "{one}");
    }
    let names: BTreeSet<&str> = results.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names.len(), results.len(), "each has a name of its own: {names:?}");
    results
}

fn field<'a>(results: &'a [Value], name: &str) -> Vec<&'a Value> {
    results.iter().map(|one| &one[name]).collect()
}

#[test]
fn flows_are_set_up_in_every_version_over_one_switch_and_over_three() {
    let results = measured(&["--of", "1.0,1.3", "--hops", "1,3", "--switches", "2", "--mode", "throughput"]);
    assert_eq!(field(&results, "of"), ["1.0", "1.0", "1.3", "1.3"]);
    assert_eq!(field(&results, "hops"), [1, 3, 1, 3]);
    assert_eq!(field(&results, "switches"), [2, 6, 2, 6]);
    assert_eq!(field(&results, "flows"), [200; 4], "all are answered");
    assert_eq!(field(&results, "rules"), [10; 4]);
}

#[test]
fn every_flow_is_timed_when_one_is_under_way() {
    let results = measured(&["--mode", "latency", "--switches", "1"]);
    assert_eq!(field(&results, "mode"), ["latency"]);
    assert_eq!(field(&results, "flows"), [20]);
    assert!(results[0]["p50_us"].as_u64().is_some_and(|micros| micros > 0), "{results:?}");
}

#[test]
fn strangers_are_answered_and_so_is_one_address_of_many() {
    let only = ["--population", "unknown,cbench", "--macs", "40", "--switches", "1", "--mode", "throughput"];
    let results = measured(&only);
    assert_eq!(field(&results, "population"), ["unknown", "cbench"]);
    assert_eq!(field(&results, "macs"), [40, 40]);
    assert_eq!(field(&results, "flows"), [200, 200]);
}

#[test]
fn flows_are_offered_at_a_rate_beside_changes_and_beside_a_flood() {
    let results = measured(&["--mode", "load", "--load", "20", "--changes", "100", "--switches", "2"]);
    assert_eq!(field(&results, "mode"), ["load"]);
    assert_eq!(field(&results, "load_percent"), [20]);
    assert_eq!(field(&results, "changes_per_s"), [100]);
    assert!(results[0]["offered_per_s"].as_f64() > Some(0.0) && results[0]["flood"].is_null(), "{results:?}");
    let results = measured(&["--mode", "latency", "--flood", "--switches", "1"]);
    assert_eq!(field(&results, "flood"), [true]);
    assert_eq!(field(&results, "flows"), [20]);
}

#[test]
fn figures_for_people_fit_a_terminal() {
    let few = ["--flows", "50", "--hosts", "5", "--rules", "0", "--switches", "1", "--mode", "throughput"];
    let run = told(&[&["bench", "openflow", "--quick"][..], &few].concat());
    assert_eq!(run.code, 0, "{run}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "hosts, OpenFlow 1.0, 1 hop, 5 MAC addresses at each switch");
    assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= 80), "{run}");
    assert_eq!(lines[1].split_whitespace().filter(|word| ["null/s", "ratio"].contains(word)).count(), 2);
}

fn refused(options: &[&str]) -> Run {
    let run = told(&[&["bench", "openflow"], options].concat());
    assert_eq!((run.code, &*run.stdout), (2, ""), "{run}");
    run
}

#[test]
fn what_cannot_be_measured_is_refused_at_once() {
    for (options, why) in [
        (&["--hops", "0"][..], "`--hops` takes 1 to 16"),
        (&["--switches", "4,0"], "`--switches` takes 1 to 2000"),
        (&["--hosts", "1"], "`--hosts` takes 2 to 1000000"),
        (&["--window", "0"], "`--window` takes 1 to 2048"),
        (&["--flows", "0"], "`--flows` takes 1 to"),
        (&["--population", "cbench", "--of", "1.3"], "cbench speaks OpenFlow 1.0 alone"),
        (&["--population", "cbench", "--hops", "2"], "its switches have no links"),
        (&["--population", "unknown", "--macs", "100000", "--switches", "64"], "are too many"),
        (&["--population", "nobody"], "invalid value 'nobody'"),
        (&["--of", "1.2"], "invalid value '1.2'"),
        (&["--null-responder", "nowhere.json"], "`nowhere.json` cannot be read"),
    ] {
        let run = refused(options);
        // Long lines are folded.
        let said = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(why), "{options:?}: {run}");
    }
}
