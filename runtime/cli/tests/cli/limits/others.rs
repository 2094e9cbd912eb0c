//! Policies that stand for very much, under the commands that answer about what a policy compiles to and about the flows that it
//! allows: they end, within bounds, with an answer, with what is undecided, or with what is to be split.

use super::{Folder, lines};

/// So many users, a group of all, and as many groups of all but one.
fn unions(count: usize) -> String {
    let users = lines(count, |number| format!("user u{number};\n"));
    let all = lines(count - 1, |number| format!("u{number},\n"));
    let groups = lines(count, |number| format!("group g{number} = base - u{number} | u{};\n", number * 7 % count));
    format!("{users}group base = user {{ {all}u{} }};\n{groups}", count - 1)
}

/// Commands that every one of these policies is put to.
const QUESTIONS: &[&[&str]] = &[
    &["compile", "a.pol"],
    &["who", "can-reach", "internet", "a.pol"],
    &["matrix", "a.pol", "--from", "internet", "--to", "internet"],
    &["diff", "a.pol", "small.pol"],
    &["diff", "small.pol", "a.pol"],
    &["fix", "--dry-run", "a.pol"],
];

fn asked(name: &str, text: String, codes: &[i32]) {
    let folder = Folder::new(name);
    folder.put("a.pol", text);
    folder.put("small.pol", "user u1;\nallow from u1 to 10.1.0.0/16 for tcp/80;\n");
    for question in QUESTIONS {
        let run = folder.run(question);
        assert!(codes.contains(&run.code), "{question:?}: {run}");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(codes == [1], said.contains("Error: "), "{question:?}: {run}");
    }
}

#[test]
fn groups_of_groups_are_asked_in_every_way() {
    let pairs = |number: usize| format!("allow from g{number} to g{};\n", (number + 1) % 1_000);
    asked("others-pairs", unions(1_000) + &lines(1_000, pairs) + "assert never from g7 to internet;\n", &[0, 1, 3]);
    let all = lines(999, |number| format!("g{number} |\n")) + "g999";
    asked(
        "others-all",
        format!("{}group all = {all};\nallow from all to all;\ndeny from all - g3;\n", unions(1_000)),
        &[0, 1, 3],
    );
}

#[test]
fn thousands_of_groups_of_as_many_are_proved_about() {
    let folder = Folder::new("others-thousands");
    let pairs = lines(2_999, |number| format!("allow from g{number} to u2;\n"));
    folder.put("a.pol", unions(3_000) + &pairs + "assert never from g7 to u1;\n");
    let run = folder.command("prove", "a.pol");
    assert_eq!((run.code, run.stdout.starts_with("proved: assert never from g7 to u1 ")), (0, true), "{run}");
}

#[test]
fn what_cannot_be_compiled_is_refused_by_every_question() {
    let both = |sign: &str, join: &str| {
        let all: Vec<String> = (1..70).map(|port| format!("(tpdst = {port} {join} tpsrc = {port})")).collect();
        format!("allow when {};\n", all.join(sign))
    };
    asked("others-cnf", both(" and ", "or").repeat(20), &[1]);
    asked("others-dnf", both(" or ", "and").repeat(20), &[1]);
    asked("others-nested", lines(30_000, |number| format!("deny for tcp/{}-{};\n", number + 1, 65_535 - number)), &[1]);
}

#[test]
fn what_is_told_apart_ten_thousandfold_is_answered_or_undecided() {
    asked("others-ports", lines(10_000, |number| format!("allow for tcp/{};\n", number + 1)), &[0, 1, 3]);
    asked("others-prefixes", lines(3_000, |number| format!("allow to 10.{}.{}.0/24;\n", number >> 8, number & 255)), &[0, 1, 3]);
    let opened =
        lines(150, |number| format!("section s{number} scope (for tcp or for udp/{number}) {{\npass for tcp/{number};\n"));
    asked("others-sections", format!("{opened}allow for tcp/1;\n{}default deny;\n", "}\n".repeat(150)), &[0, 1, 3]);
    for count in [300, 1_100] {
        let of = |number: usize| {
            format!("group d{number} = user directory \"cn={number}\";\nallow from d{number} to d{};\n", number / 3)
        };
        asked(&format!("others-dynamic-{count}"), lines(count, of), &[0, 1, 3]);
    }
}
