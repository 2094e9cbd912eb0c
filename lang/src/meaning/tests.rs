//! What counts as the same, and what does not.

use super::lacking;
use crate::ast::Policy;
use crate::check::check;
use crate::checked::Checked;
use crate::parse::parse;
use crate::source::SourceMap;

const SITE: &str = "host a { mac 00:16:3e:00:00:01; }\nhost b { mac 00:16:3e:00:00:02; }\nuser bob;\nuser eve;\n\
    switch edge { dpid 0x1; access 1-9; }\nmiddlebox ids { at edge:9; }\n";

fn checked(text: &str) -> Checked {
    let mut sources = SourceMap::default();
    let id = sources.add("x.pol", format!("{SITE}{text}"));
    let (file, parsed) = parse(&sources, id);
    let (policy, found) = check(&sources, &Policy { files: vec![file], entries: vec![id] }, parsed);
    policy.unwrap_or_else(|| panic!("{text}: {found:#?}"))
}

/// The lines of the old text whose rules the new one lacks, or why it does not say the same.
fn told(old: &str, new: &str) -> Result<Vec<u32>, String> {
    let old = checked(old);
    let gone = lacking(&old, &checked(new))?;
    let line = |id| old.sources.position(old.rule(id).unwrap().span).line - 6;
    Ok(gone.into_iter().map(line).collect())
}

#[test]
fn rules_may_be_lacking_and_are_told() {
    let text = "allow from a;\ndeny from b;\nallow from a;\npinned: allow from bob pin edge:3;\n";
    assert_eq!(told(text, text), Ok(vec![]));
    assert_eq!(told(text, &text.replace("deny from b;\n", "")), Ok(vec![2]));
    assert_eq!(told(text, "deny from b;\nallow from a;\n"), Ok(vec![1, 4, 4]), "`pin` is two rules");
    assert_eq!(told(text, "allow from a;\n").map(|gone| gone.len()), Ok(4));
}

#[test]
fn numbers_do_not_count_and_names_do() {
    let old = "group x = user { bob };\ngroup y = user { eve };\ntime t = mon;\ntime u = tue;\nallow from y when time in u;\n";
    let new = "time u = tue;\ngroup y = user { eve, eve };\nallow from y when time in u;\n";
    assert_eq!(told(old, new), Ok(vec![]));
    assert_eq!(told(new, old), Err("`t` would stand for something else".to_owned()));
    assert_eq!(told(old, &new.replace("eve, eve", "eve, bob")), Err("`y` would stand for something else".to_owned()));
    assert_eq!(told(old, &new.replace("tue", "wed")), Err("`u` would stand for something else".to_owned()));
}

#[test]
fn whatever_else_is_said_is_compared() {
    let old = "network lan = 10.0.0.0/24;\nsection s scope (from a) owner \"x\" { pass for tcp; deny from a; }\n\
        allow to lan via ids log;\ndefault reject;\ninvariant disjoint(bob, eve);\nassert never from a for udp;\n\
        test \"t\" { b -> lan => allow; }\n";
    assert_eq!(told(old, old), Ok(vec![]));
    for (was, is, why) in [
        ("deny from a; }\nallow", "}\ndeny from a;\nallow", "a rule"),
        ("scope (from a)", "scope (from a or from b)", "sections"),
        ("owner \"x\"", "owner \"y\"", "sections"),
        ("via ids log", "via ids", "a rule"),
        ("via ids log", "log", "a rule"),
        ("default reject", "default deny", "default"),
        ("default reject;", "", "default"),
        ("disjoint(bob, eve)", "disjoint(eve, bob)", "invariants"),
        ("never from a", "never from b", "assertions"),
        ("b -> lan", "a -> lan", "tests"),
        ("=> allow;", "=> deny;", "tests"),
        ("10.0.0.0/24", "10.0.0.0/25", "`lan`"),
        ("", "user pete;\n", "users"),
        ("", "setting multi-user = most-restrictive;\n", "settings"),
        ("", "setting time-zone = \"Europe/Berlin\";\n", "settings"),
    ] {
        let new = old.replacen(was, is, 1);
        assert_ne!(new, old);
        let told = told(old, &new).unwrap_err();
        assert!(told.contains(why), "{new}\n{told}");
    }
}

#[test]
fn rules_stay_in_their_section() {
    let old = "section s { allow from a; }\nsection t { deny from b; }\n";
    let told_of_sections = told(old, "section s { }\nsection t { allow from a; deny from b; }\n");
    assert!(told_of_sections.is_err(), "{told_of_sections:?}");
    let passes = "section s { section t { pass for tcp; deny from b; } deny from a; }\nallow from a;\n";
    let other = "section s { section t { deny from b; } pass for tcp; deny from a; }\nallow from a;\n";
    assert!(lacking(&checked(passes), &checked(other)).is_err());
}

#[test]
fn a_network_is_what_the_internet_is_not() {
    let (with, without) = ("network lan = 10.0.0.0/24;\ndeny from a;\n", "deny from a;\n");
    assert_eq!(told(with, without), Ok(vec![]));
    let gateway = "gateway g { at edge:1; }\n";
    assert_eq!(
        told(&format!("{gateway}{with}"), &format!("{gateway}{without}")),
        Err("the internet would not be the same".into())
    );
}

#[test]
fn a_set_that_others_fill_is_who_fills_it() {
    let old = "group staff = user directory \"cn=staff\";\nallow from user directory \"cn=staff\";\n";
    assert_eq!(told(old, "allow from user directory \"cn=staff\";\n"), Ok(vec![]));
    assert!(told(old, "allow from user directory \"cn=boss\";\n").is_err());
}
