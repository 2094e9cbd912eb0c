//! Ethane's sample policy from text to decision: its own tests, and the reasons for some answers in full.

use std::sync::Arc;

use lang::checked::Checked;
use lang::flow::Flow;
use lang::import::{LoadError, Loader};
use lang::source::SourceMap;

use crate::view::ViewFile;
use crate::{Explanation, Program, View, explain};

struct Shipped;

impl Loader for Shipped {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        match path {
            "campus.pol" => Ok(include_bytes!("../../policies/campus/campus.pol").to_vec()),
            "inventory.pol" => Ok(include_bytes!("../../policies/campus/inventory.pol").to_vec()),
            _ => Err(LoadError::NotFound),
        }
    }
}

fn campus() -> Arc<Checked> {
    let loaded = lang::import::load(&["campus.pol"], &Shipped);
    let (checked, found) = lang::check::check(&loaded.sources, &loaded.policy, loaded.diagnostics);
    Arc::new(checked.unwrap_or_else(|| panic!("{found:?}")))
}

fn flow(policy: &Checked, text: &str) -> Flow {
    let mut sources = SourceMap::default();
    let id = sources.add("flow", text);
    let (spec, found) = lang::parse::parse_flow(&sources, id);
    let spec = spec.unwrap_or_else(|| panic!("{found:?}"));
    lang::flowspec::flows(policy, &sources, &spec).unwrap().remove(0)
}

fn explained(text: &str) -> Explanation {
    let policy = campus();
    let program = Program::compile(policy.clone(), &View::new(&policy));
    explain(&program, &flow(&policy, text))
}

#[test]
fn the_policys_own_tests_pass_on_the_compiled_program() {
    let policy = campus();
    let program = Program::try_compile(policy.clone(), &View::new(&policy)).unwrap();
    let run = lang::testing::run(&policy, &program);
    assert_eq!(run.failed(), 0, "{:#?}", run.results);
    assert!(run.passed() > 30);
}

#[test]
fn a_deny_is_explained_with_its_nearest_allows() {
    let explanation = explained("user none host rphone at wap2 -> internet tcp/22");
    assert_eq!(explanation.because, ["apsrc wap2 is in group waps"]);
    let lacks: Vec<&str> = explanation.nearest.iter().map(|near| near.lacks.as_str()).collect();
    let wanted = ["hsrc in group laptops (it is rphone)", "usrc in group members (it is none)", "protocol web (it is tcp/22)"];
    assert_eq!(lacks, wanted);
}

#[test]
fn an_allow_is_explained_with_the_groups_between() {
    let explanation = explained("user bob host rphone at wap2 -> internet tcp/22");
    assert_eq!(explanation.because, ["usrc bob is in group members (through students)", "apsrc wap2 is in group waps"]);
    assert_eq!(explanation.src, "bob on rphone at wap2");
}

#[test]
fn a_view_in_words_becomes_a_view() {
    let policy = campus();
    let text = r#"{"schema":"pentane.view/1","stations":[{"host":"roo","at":"edge1:2","ip":["10.0.1.2"],"users":["bob"]},
        {"mac":"02:00:00:00:00:99","at":"wap1"}],"gateways":[{"name":"border","mac":"02:00:00:00:00:fe"}]}"#;
    let file: ViewFile = serde_json::from_str(text).unwrap();
    let view = file.resolve(&policy).unwrap().view;
    assert_eq!(view.stations().filter(|station| station.location.is_some()).count(), 2);
    let again: ViewFile = serde_json::from_value(serde_json::to_value(ViewFile::of(&view, &policy)).unwrap()).unwrap();
    assert_eq!(again.resolve(&policy).unwrap().view, view);
}
