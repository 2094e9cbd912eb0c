//! `pentane import`.

use std::fs;

use crate::run::{assert_run, policies, run, scratch, told};

#[test]
fn the_policy_is_the_answer_and_what_is_to_be_known_goes_beside_it() {
    let told = told(&["import", "pol-eth", "campus.pol-eth"]);
    assert_eq!(told.code, 0, "{told}");
    assert_run!(told);
}

#[test]
fn what_has_no_counterpart_is_listed_and_ends_with_1() {
    assert_run!(told(&["import", "sepl", "gaps.sepl"]));
    let json = told(&["import", "sepl", "gaps.sepl", "--format", "json"]);
    let answer = json.json();
    assert_eq!((json.code, answer["left_out"].as_array().unwrap().len()), (1, 2), "{json}");
    assert_eq!(answer["policy"].as_str().unwrap(), told(&["import", "sepl", "gaps.sepl"]).stdout);
    assert_run!(json);
}

#[test]
fn a_malformed_file_is_told_all_its_mistakes_and_gives_no_policy() {
    let human = told(&["import", "faucet", "wrong.yaml"]);
    assert_eq!((human.code, &*human.stdout), (1, ""), "{human}");
    assert_run!(human);
    let json = told(&["import", "faucet", "wrong.yaml", "--format", "json"]);
    assert!(json.code == 1 && json.json()["policy"].is_null(), "{json}");
    assert_run!(json);
    let folder = scratch("import-wrong");
    fs::copy(policies().join("wrong.yaml"), folder.join("wrong.yaml")).unwrap();
    assert_eq!(run(&folder, &["import", "faucet", "wrong.yaml", "-o", "out.pol"]).code, 1);
    assert!(!folder.join("out.pol").exists());
}

#[test]
fn a_list_alone_is_carried_over_if_it_is_clear_which() {
    assert_run!(told(&["import", "faucet", "lists.yaml"]));
    assert_run!(told(&["import", "faucet", "lists.yaml", "--acl", "web"]));
    assert_run!(told(&["import", "faucet", "lists.yaml", "--acl", "wbe"]));
    assert_eq!(told(&["import", "sepl", "gaps.sepl", "--acl", "web"]).code, 2);
}

#[test]
fn a_file_that_is_there_is_replaced_by_force_alone() {
    let folder = scratch("import-output");
    fs::copy(policies().join("campus.pol-eth"), folder.join("campus.pol-eth")).unwrap();
    let first = run(&folder, &["import", "pol-eth", "campus.pol-eth", "--output", "new.pol"]);
    assert_eq!((first.code, &*first.stdout), (0, ""), "{first}");
    let written = fs::read_to_string(folder.join("new.pol")).unwrap();
    assert_eq!(written, told(&["import", "pol-eth", "campus.pol-eth"]).stdout);
    fs::write(folder.join("new.pol"), "default deny;\n").unwrap();
    let again = ["import", "pol-eth", "campus.pol-eth", "-o", "new.pol"];
    assert_run!(run(&folder, &again));
    assert_eq!(fs::read_to_string(folder.join("new.pol")).unwrap(), "default deny;\n");
    let folder_name = ["import", "pol-eth", "campus.pol-eth", "-o", ".", "--force"];
    assert_run!(run(&folder, &folder_name));
    let forced = run(&folder, &[&again[..], &["--force"]].concat());
    assert_eq!((forced.code, fs::read_to_string(folder.join("new.pol")).unwrap()), (0, written), "{forced}");
    assert_eq!(
        run(&folder, &["import", "pol-eth", "campus.pol-eth", "--force"]).code,
        2,
        "without a file there is nothing to force"
    );
}

#[test]
fn what_was_carried_over_is_a_policy_like_any_other() {
    let folder = scratch("import-use");
    fs::copy(policies().join("campus.pol-eth"), folder.join("campus.pol-eth")).unwrap();
    assert_eq!(run(&folder, &["import", "pol-eth", "campus.pol-eth", "-o", "new.pol"]).code, 0);
    assert_eq!(run(&folder, &["check", "new.pol"]).code, 0);
    assert_eq!(run(&folder, &["fmt", "--check", "new.pol"]).code, 0);
    let allow = ["explain", "user none host rlaptop at wap1 -> internet tcp/80", "new.pol", "--expect", "allow"];
    assert_eq!(run(&folder, &allow).code, 0);
    let deny = ["explain", "internet -> host glaptop tcp/22", "new.pol", "--expect", "deny"];
    assert_eq!(run(&folder, &deny).code, 0);
}

#[test]
fn what_cannot_be_read_ends_with_2_and_what_is_no_text_with_1() {
    assert_run!(told(&["import", "sepl", "gone.sepl"]));
    assert_eq!(told(&["import", "cisco", "gone"]).code, 2);
    assert_run!(told(&["import", "pol-eth", "latin1.pol"]));
    assert_eq!(told(&["import", "pol-eth", "campus.pol-eth", "--format", "junit"]).code, 2);
}
