//! What there is much to say of: findings, failures and names without end are no answer without end, in whichever format.

use super::{Folder, lines};

const FORMATS: &[&str] = &["human", "concise", "json", "sarif", "github", "junit"];

#[test]
fn findings_without_end_are_told_up_to_a_bound_in_each_format() {
    let folder = Folder::new("findings");
    let errors = lines(200_000, |number| format!("allow from v{number};\n"));
    let shadowed = format!("user a;\n{}", "allow from a;\n".repeat(50_000));
    for (text, code) in [(errors, 1), (shadowed, 0)] {
        folder.put("a.pol", text);
        for format in FORMATS {
            let run = folder.run(&["check", "--format", format, "a.pol"]);
            assert_eq!((run.code, run.stdout.is_empty()), (code, false), "{format}: {run}");
        }
    }
}

#[test]
fn what_run_refuses_without_end_is_told_up_to_a_bound_in_each_format() {
    let folder = Folder::new("refused");
    let rules = lines(20_000, |number| format!("r{number}: redirect portal from a for tcp/{};\n", number + 1));
    folder.put("a.pol", format!("user a;\n{rules}"));
    for format in FORMATS {
        let run = folder.run(&["check", "--for-run", "--format", format, "a.pol"]);
        assert_eq!((run.code, run.stdout.contains("19000 more errors are not shown")), (1, true), "{format}: {run}");
    }
    let run = folder.run(&["check", "a.pol"]);
    assert_eq!((run.code, run.stdout.contains("`run` refuses 20000 statements (S0602)")), (0, true), "{run}");
    let json = folder.run(&["check", "--format", "json", "a.pol"]);
    let answer: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let refused = answer["refused_by_run"].as_array().unwrap();
    assert_eq!((json.code, refused.len()), (0, 1_001));
    assert_eq!(refused.last().unwrap()["message"], "19000 more errors are not shown");
}

#[test]
fn failures_without_end_are_told_up_to_a_bound_in_each_format() {
    let folder = Folder::new("failures");
    let cases = "a -> internet => allow;\n".repeat(90_000);
    folder.put("a.pol", format!("user a;\ntest \"x\" {{\n{cases}}}\n"));
    for format in FORMATS.iter().filter(|format| **format != "json") {
        let run = folder.run(&["test", "--format", format, "a.pol"]);
        assert_eq!((run.code, run.stdout.contains("89000 more failures are not shown")), (1, true), "{format}: {run}");
    }
    let answer = |run: &super::Said| serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
    let run = folder.run(&["test", "--format", "json", "a.pol"]);
    let json = answer(&run);
    assert_eq!((json["failed"].as_u64(), json["left_out"].as_u64()), (Some(90_000), Some(89_000)));
    assert_eq!((run.code, json["tests"].as_array().map(Vec::len)), (1, Some(1_000)));
    let sarif = answer(&folder.run(&["test", "--format", "sarif", "a.pol"]));
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!((results.len(), results[1_000].get("locations")), (1_001, None));
    let junit = folder.run(&["test", "--format", "junit", "a.pol"]);
    assert!(junit.stdout.contains("tests=\"1001\" failures=\"1001\""), "{junit}");
    assert_eq!(junit.stdout.matches("<testcase ").count(), 1_001);

    folder.put("a.pol", format!("user a;\nallow from a;\ntest \"x\" {{\n{}}}\n", "a -> internet => allow;\n".repeat(12_000)));
    let run = folder.run(&["test", "--format", "json", "a.pol"]);
    let json = answer(&run);
    assert_eq!((run.code, json["passed"].as_u64(), json["left_out"].as_u64()), (0, Some(12_000), Some(2_000)));
    let junit = folder.run(&["test", "--format", "junit", "a.pol"]);
    assert!(junit.stdout.contains("<system-out>2000 more cases passed and are not shown</system-out>"), "{junit}");
    assert!(junit.stdout.contains("tests=\"10000\" failures=\"0\""), "{junit}");
}

#[test]
fn mistakes_without_end_in_policies_of_other_systems_are_told_up_to_a_bound() {
    let folder = Folder::new("mistakes");
    for (language, head, mistake) in
        [("pol-eth", "a = [\"b\"];\n%%\n", "[(hsrx=\"b\")] : deny;\n"), ("sepl", "", "alow() <= hsrc('a')\n")]
    {
        folder.put("x", format!("{head}{}", mistake.repeat(100_000)));
        for format in ["human", "json"] {
            let run = folder.run(&["import", language, "--format", format, "x"]);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!((run.code, said.contains("99000 more errors are not shown")), (1, true), "{language}, {format}: {run}");
        }
    }
}

#[test]
fn policies_of_other_systems_are_bounded_in_depth_and_in_alternatives() {
    let folder = Folder::new("imports");
    let pairs = |joiner: &str| {
        let all: Vec<String> = (0..2_000).map(|port| format!("(tpdst({port}) {joiner} tpsrc({port}))")).collect();
        all
    };
    for (language, text) in [
        ("sepl", format!("allow() <= {}hsrc('a'){}\n", "(".repeat(100_000), ")".repeat(100_000))),
        ("sepl", format!("allow() <= {}hsrc('a')\n", "~".repeat(100_000))),
        ("sepl", format!("allow() <= {}\n", pairs("|").join(" ^ "))),
        ("sepl", format!("allow() <= ~({})\n", pairs("^").join(" | "))),
        ("pol-eth", format!("a = [\"b\"];\n%%\n{}", "(".repeat(100_000))),
        ("pol-eth", format!("a = [\"{}\"];\n%%\n[(hsrc=in(\"a\"))] : deny;\n", "b".repeat(5_000_000))),
        ("faucet", "[".repeat(100_000)),
        ("faucet", "{a: ".repeat(100_000)),
        ("faucet", lines(5_000, |depth| format!("{}a:\n", " ".repeat(depth)))),
        ("faucet", lines(30, |number| format!("a{}: &a{} [*a{number}, *a{number}]\n", number + 1, number + 1))),
    ] {
        folder.put("x", &text);
        let run = folder.run(&["import", language, "x"]);
        assert_eq!(run.code, 1, "{language} {}: {run}", text.chars().take(40).collect::<String>());
    }
}

#[test]
fn long_names_are_cut_in_each_format() {
    let folder = Folder::new("long-names");
    let long = "n".repeat(500_000);
    folder.put("a.pol", format!("user {long};\nuser {long};\n{long}: allow from {long};\n{long}: deny from x{long};\n"));
    for format in FORMATS {
        let run = folder.run(&["check", "--format", format, "a.pol"]);
        assert_eq!(run.code, 1, "{format}: {run}");
        assert!(run.stdout.len() < 20_000, "{format} says {} bytes", run.stdout.len());
    }
}
