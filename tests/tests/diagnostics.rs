//! Every code has a text that earns it, and its report as people see it stands in a snapshot: a code that lacks one of them fails here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions, outside of `#[test]`")]

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::{Budget, Program, View};
use lang::codes::names::{E0206, E0230, E0231};
use lang::codes::syntax::{E0108, E0109, E0113, E0114, E0115, E0131, E0132, E0134, E0135};
use lang::codes::tests_and_assertions::{E0401, E0406, E0408};
use lang::codes::text::W0704;
use lang::codes::{Code, Page, pages};
use lang::diag::{self, Diagnostic};
use lang::import::{LoadError, Loader};
use lang::report::{Style, render};
use lang::source::SourceMap;
use net::Time;

/// 2026-11-27.
const NOW: Time = Time(1_795_737_600_000_000);

/// The files of a case, by name. The policy is the first one.
struct Files(BTreeMap<String, Vec<u8>>);

impl Loader for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        match self.0.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None if path.starts_with("link-") => Err(LoadError::Symlink),
            None => Err(LoadError::NotFound),
        }
    }
}

impl Files {
    fn one(text: impl Into<Vec<u8>>) -> Files {
        Files::of([("a.pol".to_owned(), text.into())])
    }

    fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Files {
        Files(files.into_iter().collect())
    }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// What earns the code of a page: its example, but where that shows only the principle.
fn case(page: &Page) -> Files {
    let example = || page.example.as_bytes().to_vec();
    match page.code {
        E0108 => Files::one("user b\u{200b}ob;\n"),
        E0109 => Files::one(b"user gr\xfcn;\n"),
        E0113 => Files::one(format!("allow from {}any{};\n", "(".repeat(300), ")".repeat(300))),
        E0114 => Files::one(format!("user bob;\nuser eve; # {}\n", "x".repeat(1 << 20))),
        E0115 => Files::one(lines(200, |number| format!("acl {number} permit;\n"))),
        E0131 => Files::of([("campus.pol".to_owned(), example())]),
        E0132 => Files::of([("a.pol".to_owned(), example()), ("inventory.pol".to_owned(), b"user bob;\n".to_vec())]),
        E0134 => Files::one(example()),
        E0135 => {
            Files::of((100..200).map(|number| (format!("{number}.pol"), format!("include \"{}.pol\";\n", number + 1).into())))
        }
        E0206 => Files::one(format!(
            "user bob;\ngroup g0 = user {{ bob }};\n{}allow from g600;\n",
            lines(600, |number| format!("group g{} = g{number};\n", number + 1))
        )),
        E0230 => {
            Files::one(format!("allow when {}tpdst = 1;\n", lines(9, |port| format!("(tpdst = {port} or tpsrc = {port}) and "))))
        }
        E0231 => Files::one(format!("user bob;\nallow from bob;\n{}", "assert always from bob;\n".repeat(20_001))),
        E0406 => Files::one("user bob;\nallow from bob;\nassert never from bob;\n"),
        E0408 => Files::one("user bob;\nsection lab scope (from bob) {\n    allow from bob for tcp;\n}\n"),
        W0704 => Files::one(format!(
            "user bob;\nallow from bob;\n{}",
            lines(2_000, |number| format!("group g{number} = user {{ bob }};\n"))
        )),
        _ => Files::one(example()),
    }
}

/// All that the commands say of a policy which they read, in their order.
fn findings(files: &Files, budget: Budget) -> (Vec<Diagnostic>, SourceMap) {
    let entry = files.0.keys().next().unwrap();
    let read = lang::import::load(&[entry], files);
    let (checked, mut found) = lang::check::check(&read.sources, &read.policy, read.diagnostics);
    if let Some(policy) = checked.map(Arc::new) {
        let program = Program::compile(policy.clone(), &View::new(&policy));
        found.extend(program.excess().iter().filter_map(|excess| excess.diagnostic(&policy)));
        found.extend(compiler::findings(&program, &read.policy, Some(NOW), budget).1);
        found.extend(runtime::capability::refusals(&policy));
    }
    diag::cap(&mut found);
    (found, read.sources)
}

/// The report of a code.
fn report(page: &Page) -> String {
    // What is not found out within the budget is told where there is none.
    let undecided = [E0406, E0408].contains(&page.code);
    let budget = if undecided { Budget { claims: 0, ..Budget::default() } } else { Budget::default() };
    let (found, mut sources) = findings(&case(page), budget);
    let of_code = |one: &&Diagnostic| one.code == page.code;
    let codes: Vec<Code> = found.iter().map(|one| one.code).collect();
    let first = found.iter().find(of_code).unwrap_or_else(|| panic!("no {}: {codes:?}", page.code));
    lang::check::add_prelude_of(&found, &mut sources);
    render(first, &sources, Style::default())
}

#[test]
fn each_code_is_earned_by_a_text_and_its_report_is_known() {
    let mut ranges: BTreeMap<&str, String> = BTreeMap::new();
    // A failed test is no finding: `test` tells it in each of its formats.
    for page in pages().filter(|page| page.code != E0401) {
        let range = ranges.entry(page.code.text().get(..3).unwrap()).or_default();
        range.push_str(&report(page));
        range.push('\n');
    }
    for (range, reports) in ranges {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(range, reports); });
    }
}
