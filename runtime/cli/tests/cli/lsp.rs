//! `pentane lsp`, driven over standard input and output as an editor drives it. Each session is kept as a snapshot: what was
//! asked, what came back.

mod editor;
mod wire;

use serde_json::{Value, json};

use crate::run::{assert_run, run, scratch};
use editor::Editor;

const SITE: &str = "\
# Who is here.
switch edge1 { dpid 0x1; access 1-24; uplink 25; }
host web { mac 02:00:00:00:00:01; ip 10.0.0.1; }
host db { mac 02:00:00:00:00:02; ip 10.0.0.2; }
host cam { mac 02:00:00:00:00:03; }
user ann;
user bob;
group staff = user { ann, bob };
group servers = host { web, db };
network office = 10.0.0.0/24;
service shop = tcp/8080;
location desk = edge1:5;
middlebox ids { in edge1:23; out edge1:24; }
time work = mon-fri 08:00-18:00;
";

const POLICY: &str = "\
include \"site.pol\";

section shop scope (to servers) owner \"shop team\" {
    buy: allow from staff to web for shop via ids until 2031-12-31;
    query: allow from web to db for postgresql;
}

cams: deny from cam;
nosy: allow from cam to web for http;
hours: allow from staff to internet for https when time in work owner \"netsec\" ticket \"CHG-1\";
staff-only: assert never from unauthenticated to db;

test \"shop\" {
    user ann host db -> web tcp/8080 => allow via ids by buy;
    host web -> host db tcp/5432 => allow by query;
    host cam -> host web tcp/80 => deny by cams;
}
";

fn site(name: &str) -> Editor {
    Editor::start(name, &[("pentane.toml", "policy = \"main.pol\"\n"), ("main.pol", POLICY), ("site.pol", SITE)])
}

fn leave(name: &str, editor: Editor) {
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots", omit_expression => true }, {
        insta::assert_snapshot!(format!("lsp__{name}"), editor.leave());
    });
}

#[test]
fn findings_come_as_one_types_and_go_when_they_are_mended() {
    let mut editor = site("lsp-findings");
    editor.open("main.pol");
    assert_eq!(editor.found("main.pol"), json!([]), "nothing is wrong before it is proved");
    editor.proved();
    let found = editor.found("main.pol");
    assert_eq!(found[0]["code"], "W0303", "{found}");
    editor.edit("main.pol", "from cam;", "frm cam;");
    let found = editor.found("main.pol");
    assert_eq!(found[0]["code"], "E0101", "{found}");
    editor.edit("main.pol", "frm cam;", "from kam;");
    let found = editor.found("main.pol");
    assert_eq!(found[0]["code"], "E0201", "{found}");
    editor.edit("main.pol", "from kam;", "from cam for ssh;");
    assert_eq!(editor.found("main.pol"), json!([]));
    leave("findings", editor);
}

#[test]
fn a_mistake_in_another_file_is_told_there_and_an_open_text_counts_before_the_file() {
    let mut editor = site("lsp-files");
    editor.open("main.pol");
    editor.found("main.pol");
    editor.open_text("site.pol", &SITE.replace("user bob;", "user rob;"));
    let found = editor.found("site.pol");
    assert_eq!(found[0]["code"], "E0201", "{found}");
    editor.close("site.pol");
    assert_eq!(editor.found("site.pol"), json!([]), "the file is as it was");
    leave("files", editor);
}

#[test]
fn a_document_alone_is_a_policy_and_one_that_is_no_file_too() {
    let mut editor = Editor::start("lsp-alone", &[("alone.pol", "user a;\nallow from a;\n"), ("other.pol", "nonsense\n")]);
    editor.open("alone.pol");
    assert_eq!(editor.found("alone.pol"), json!([]));
    let document = json!({ "uri": "untitled:Untitled-1", "languageId": "pentane", "version": 1, "text": "allow from nobody;\n" });
    editor.ask_with(
        "textDocument/hover",
        "nothing",
        json!({ "textDocument": { "uri": "untitled:x" }, "position": { "line": 0, "character": 0 } }),
    );
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let told = editor.wait(|message| message["params"]["uri"] == "untitled:Untitled-1");
    assert_eq!(told["params"]["diagnostics"][0]["code"], "E0201", "{told}");
    leave("alone", editor);
}

#[test]
fn a_file_belongs_to_the_policy_beside_it_that_includes_it() {
    let mut editor = Editor::start("lsp-beside", &[("main.pol", POLICY), ("site.pol", SITE)]);
    editor.open("site.pol");
    editor.found("main.pol");
    let places =
        editor.ask_at("textDocument/references", "site.pol", "host c^am", json!({ "context": { "includeDeclaration": false } }));
    assert_eq!(places.as_array().map(Vec::len), Some(3), "{places}");
    leave("beside", editor);
}

#[test]
fn hover_tells_members_shares_and_ends() {
    let mut editor = site("lsp-hover");
    editor.open("main.pol");
    editor.open("site.pol");
    editor.proved();
    for (name, words) in [
        ("site.pol", "group st^aff"),
        ("site.pol", "user an^n"),
        ("site.pol", "host we^b"),
        ("site.pol", "network off^ice"),
        ("main.pol", "section sh^op"),
        ("main.pol", "bu^y: allow"),
        ("main.pol", "cams: de^ny"),
        ("main.pol", "no^sy: allow"),
        ("main.pol", "for postgre^sql"),
        ("main.pol", "time in wo^rk"),
        ("main.pol", "by quer^y"),
        ("main.pol", "wh^en time"),
    ] {
        let told = editor.ask_at("textDocument/hover", name, words, json!({}));
        let is_word = words.contains("wh^en");
        assert_eq!(told.is_null(), is_word, "{words}");
        if let Some(text) = told["contents"]["value"].as_str() {
            // Days pass.
            assert!(!words.starts_with("bu^y") || text.contains("ends at 2032-01-01") && text.contains(" days"), "{text}");
        }
    }
    let kept = editor.leave();
    let days = kept.lines().map(|line| match line.split_once(": in ") {
        Some((before, rest)) if before.contains("ends at") => {
            format!("{before}: in N{}", rest.trim_start_matches(char::is_numeric))
        }
        _ => line.to_owned(),
    });
    let kept: String = days.map(|line| line + "\n").collect();
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots", omit_expression => true }, {
        insta::assert_snapshot!("lsp__hover", kept);
    });
}

#[test]
fn names_lead_to_their_declarations_and_uses() {
    let mut editor = site("lsp-names");
    editor.open("main.pol");
    for words in ["from st^aff to", "by quer^y", "via i^ds until", "include \"si^te.pol\"", "al^low from"] {
        editor.ask_at("textDocument/definition", "main.pol", words, json!({}));
    }
    editor.ask_at("textDocument/references", "main.pol", "from st^aff to", json!({ "context": { "includeDeclaration": true } }));
    editor.ask_at("textDocument/documentHighlight", "main.pol", "from ca^m;", json!({}));
    editor.ask("textDocument/documentSymbol", "main.pol", json!({}));
    editor.ask_with("workspace/symbol", "\"se\"", json!({ "query": "se" }));
    leave("names", editor);
}

#[test]
fn a_name_is_changed_in_every_file_and_only_to_what_is_free() {
    let mut editor = site("lsp-rename");
    editor.open("main.pol");
    editor.open("site.pol");
    editor.proved();
    editor.ask_at("textDocument/prepareRename", "main.pol", "from c^am;", json!({}));
    let edits = editor.ask_at("textDocument/rename", "main.pol", "from c^am;", json!({ "newName": "camera" }));
    for (name, text) in [("main.pol", POLICY), ("site.pol", SITE)] {
        let renamed = editor.with_edits(name, &edits["changes"][editor.uri(name)]);
        let wanted = text.replace("host cam", "host camera").replace("from cam", "from camera");
        assert_eq!(renamed, wanted);
    }
    let edits = editor.ask_at("textDocument/rename", "main.pol", "qu^ery: allow", json!({ "newName": "ask-db" }));
    let renamed = editor.with_edits("main.pol", &edits["changes"][editor.uri("main.pol")]);
    assert_eq!(renamed, POLICY.replace("query", "ask-db"));
    for new in ["web", "allow", "http", "tcp", "any", "a b", "", "10.0.0.1", "ünder", "x;", "buy"] {
        let told = editor.ask_at("textDocument/rename", "main.pol", "from c^am;", json!({ "newName": new }));
        assert!(told["message"].is_string() || new == "buy", "{new}: {told}");
    }
    let told = editor.ask_at("textDocument/prepareRename", "main.pol", "for postgr^esql", json!({}));
    assert!(told["message"].is_string(), "{told}");
    leave("rename", editor);
}

#[test]
fn what_is_proposed_fits_its_place() {
    let mut editor = site("lsp-complete");
    editor.open("main.pol");
    let all = |told: &Value| -> Vec<String> {
        told.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    };
    for (old, new, words, yes, no) in [
        ("", "", "^\nsection", &["allow", "section", "host"][..], &["from", "ann"][..]),
        (
            "cams: deny",
            "allow from \ncams: deny",
            "allow from ^\ncams",
            &["ann", "staff", "web", "any", "office"],
            &["shop", "ids", "buy"],
        ),
        ("allow from \n", "allow from ann for \n", "ann for ^\n", &["shop", "http", "tcp"], &["ann", "web", "ids"]),
        ("ann for \n", "ann via \n", "ann via ^\n", &["ids"], &["ann", "web", "shop"]),
        (
            "ann via \n",
            "ann when usrc in \n",
            "usrc in ^\n",
            &["ann", "staff", "authenticated", "none", "any"],
            &["web", "servers", "shop", "tcp", "internet", "registered", "host"],
        ),
        ("usrc in \n", "time in \n", "ann when time in ^\n", &["work"], &["ann", "web"]),
        ("time in \n", "hsrc in \n", "hsrc in ^\n", &["registered", "gateway"], &["ann", "internet", "tcp", "none"]),
        ("hsrc in \n", "dltype = \n", "dltype = ^\n", &["arp", "lldp"], &["ann", "http", "tcp", "any"]),
        ("dltype = \n", "tpdst = \n", "tpdst = ^\n", &[], &["ann", "http", "tcp", "any", "user"]),
        ("tpdst = \n", "time in \n", "when time in ^\n", &["work"], &["tcp"]),
        ("when time in \n", "when \n", "ann when ^\n", &["usrc", "tpdst", "time", "not"], &["ann"]),
        ("allow from ann when \n", "redirect \n", "redirect ^\n", &["portal"], &["ann"]),
        ("redirect \n", "deny \n", "\ndeny ^\n", &["from", "when", "log"], &["avoid", "limit", "via", "pin", "vlan", "usrc"]),
        ("\ndeny \n", "\nallow \n", "\nallow ^\n", &["from", "when", "limit", "vlan"], &["usrc", "tpdst", "one-way"]),
        ("\nallow \n", "\noutbound-only \n", "\noutbound-only ^\n", &["from", "via", "limit"], &["when", "pin", "usrc"]),
        ("\noutbound-only \n", "\nallow from ann to any via ids \n", "via ids ^\n", &["one-way", "log"], &["usrc"]),
        ("\nallow from ann to any via ids \n", "\ngroup x = user { a\n", "user { a^\n", &["ann", "staff"], &["web", "servers"]),
        ("group x = user { a\n", "host h { \n", "host h { ^\n", &["mac", "ip", "at"], &["dpid", "web"]),
        ("host h { \n", "x: assert \n", "x: assert ^\n", &["never", "always"], &["ann"]),
        ("x: assert \n", "\n", "by qu^ery", &["query", "default"], &["ann", "web"]),
        ("", "", "=> allow via i^ds by", &["ids"], &["ann"]),
    ] {
        if !old.is_empty() {
            editor.edit("main.pol", old, new);
        }
        let told = editor.ask_at("textDocument/completion", "main.pol", words, json!({}));
        let labels = all(&told);
        for word in yes {
            assert!(labels.iter().any(|label| label == word), "{words}: {word} is not in {labels:?}");
        }
        for word in no {
            assert!(!labels.iter().any(|label| label == word), "{words}: {word} is in {labels:?}");
        }
    }
    let kind = |told: &Value, label: &str| {
        told.as_array()
            .unwrap()
            .iter()
            .find(|item| item["label"] == label)
            .map(|item| (item["kind"].clone(), item["detail"].clone()))
    };
    editor.edit("main.pol", "cams: deny", "allow from st\ncams: deny");
    let told = editor.ask_at("textDocument/completion", "main.pol", "from st^\n", json!({}));
    assert_eq!(kind(&told, "staff"), Some((json!(7), json!("group of users"))));
    let staff = told.as_array().unwrap().iter().find(|item| item["label"] == "staff").unwrap().clone();
    let text = editor.with_edits("main.pol", &json!([staff["textEdit"]]));
    assert!(text.contains("allow from staff\ncams"), "the word that is being written is replaced: {text}");
    assert!(editor.leave().contains("ask textDocument/completion"));
}

#[test]
fn tokens_folds_and_layout() {
    let mut editor = Editor::start(
        "lsp-layout",
        &[(
            "a.pol",
            "# one\n# two\nuser  ann;\nbuy: allow   from ann\n  to edge1:5 for http when tpsrc=5; # ünd \u{1f511}\nsection s {\n  deny;\n}\nswitch edge1 { dpid 0x1; }\n",
        )],
    );
    editor.open("a.pol");
    let tokens = editor.ask("textDocument/semanticTokens/full", "a.pol", json!({}));
    assert_eq!(tokens["data"].as_array().unwrap().len() % 5, 0);
    editor.ask("textDocument/foldingRange", "a.pol", json!({}));
    let edits = editor.ask("textDocument/formatting", "a.pol", json!({ "options": { "tabSize": 8, "insertSpaces": false } }));
    let text = editor.with_edits("a.pol", &edits);
    editor.edit("a.pol", "user  ann;", "user ann");
    assert!(
        editor.ask("textDocument/formatting", "a.pol", json!({ "options": { "tabSize": 8, "insertSpaces": false } })).is_null()
    );
    let folder = scratch("lsp-layout-after");
    std::fs::write(folder.join("a.pol"), text).unwrap();
    assert_eq!(run(&folder, &["fmt", "--check", "a.pol"]).code, 0);
    leave("layout", editor);
}

#[test]
fn actions_answer_findings() {
    let text = "user ann;\ngroup spare = user { ann };\nhost web { mac 02:00:00:00:00:01; }\ngroup staff = user { ann, ann };\nfirst: deny from staff;\n\
        second: allow from ann to web;\nallow from anm to web;\nx: assert always from ann to web;\n";
    let mut editor = Editor::start("lsp-actions", &[("a.pol", text)]);
    editor.open("a.pol");
    let whole = json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } }, "context": { "diagnostics": [] } });
    let actions = editor.ask("textDocument/codeAction", "a.pol", whole.clone());
    assert_eq!(actions[0]["title"], "write `ann`", "{actions}");
    editor.edit("a.pol", "anm to web", "ann for dns");
    editor.proved();
    let actions = editor.ask("textDocument/codeAction", "a.pol", whole.clone());
    let edited = |title: &str| {
        let action = actions
            .as_array()
            .unwrap()
            .iter()
            .find(|action| action["title"].as_str().unwrap().starts_with(title))
            .unwrap_or_else(|| panic!("{title}: {actions}"));
        editor.with_edits("a.pol", &action["edit"]["changes"][editor.uri("a.pol")])
    };
    let now = text.replace("anm to web", "ann for dns");
    assert_eq!(edited("remove the declaration"), now.replace("group spare = user { ann };\n", ""));
    assert_eq!(edited("remove the second `ann`"), now.replace("{ ann, ann }", "{ ann }"));
    assert_eq!(
        edited("move the rule above"),
        now.replace("second: allow from ann to web;\n", "").replace("first:", "second: allow from ann to web;\nfirst:")
    );
    let tested = edited("add the flow as a test");
    let folder = scratch("lsp-actions-after");
    std::fs::write(folder.join("a.pol"), &tested).unwrap();
    let told = run(&folder, &["test", "a.pol"]);
    assert_eq!(told.code, 0, "{tested}\n{told}");
    leave("actions", editor);
}

#[test]
fn lenses_tell_of_rules_assertions_and_tests() {
    let mut editor = site("lsp-lens");
    editor.open("main.pol");
    editor.proved();
    let lenses = editor.ask("textDocument/codeLens", "main.pol", json!({}));
    let mut titles = Vec::new();
    for lens in lenses.as_array().unwrap().clone() {
        let shown = if lens["command"].is_null() { editor.ask_with("codeLens/resolve", "", lens) } else { lens };
        titles.push(shown["command"]["title"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        titles,
        [
            "1 case of the tests · decides 100 % of what it matches",
            "1 case of the tests · decides 100 % of what it matches",
            "1 case of the tests · decides 100 % of what it matches",
            "no test reaches it · decides nothing: earlier rules do",
            "no test reaches it · decides 100 % of what it matches",
            "refuted: user none host web -> db tcp/5432 time 2026-01-12 00:00",
            "3 passed",
        ]
    );
    editor.edit("main.pol", "host cam -> host web", "host db -> host web");
    editor.proved();
    let lenses = editor.ask("textDocument/codeLens", "main.pol", json!({}));
    let last = lenses.as_array().unwrap().last().unwrap();
    assert_eq!(last["command"]["title"], "1 of 3 failed; line 16: deny by default, and deny by cams is wanted");
    assert!(!editor.leave().is_empty());
}

#[test]
fn settings_count_and_bad_ones_are_told() {
    let toml = "policy = \"main.pol\"\n\n[severity]\nW0303 = \"off\"\nW0301 = \"error\"\n";
    let mut editor = Editor::start("lsp-settings", &[("pentane.toml", toml), ("main.pol", POLICY), ("site.pol", SITE)]);
    editor.open("site.pol");
    editor.proved();
    let found = editor.found("site.pol");
    let found = if found == json!([]) { editor.found("site.pol") } else { found };
    assert_eq!((found[0]["code"].as_str(), found[0]["severity"].as_u64()), (Some("W0301"), Some(1)), "{found}");
    std::fs::write(std::path::Path::new(&editor.uri("pentane.toml").replace("file://", "")), "policy =\n").unwrap();
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    let found = editor.found("pentane.toml");
    assert!(found[0]["message"].as_str().unwrap().contains("pentane.toml"), "{found}");
    assert!(!editor.leave().is_empty());
}

#[test]
fn what_is_not_understood_is_refused_and_nothing_ends() {
    let mut editor = site("lsp-odd");
    for (method, params) in [
        ("textDocument/nonsense", json!({})),
        ("textDocument/hover", json!({ "textDocument": 5 })),
        (
            "textDocument/hover",
            json!({ "textDocument": { "uri": "file:///gone.pol" }, "position": { "line": 0, "character": 0 } }),
        ),
        ("textDocument/rename", json!(null)),
    ] {
        editor.ask_with(method, &params.to_string(), params.clone());
    }
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": "file:///gone.pol", "version": 2 }, "contentChanges": [] }),
    );
    editor.tell("textDocument/didOpen", json!(7));
    editor.tell("$/setTrace", json!({ "value": "off" }));
    editor.open("main.pol");
    editor.found("main.pol");
    let far =
        json!({ "textDocument": { "uri": editor.uri("main.pol") }, "position": { "line": 4_000_000, "character": 4_000_000 } });
    editor.ask_with("textDocument/completion", "far beyond the end", far.clone());
    editor.ask_with("textDocument/hover", "far beyond the end", far);
    leave("odd", editor);
}

#[test]
fn an_editor_that_vanishes_ends_the_server() {
    let mut editor = site("lsp-gone");
    editor.open("main.pol");
    editor.found("main.pol");
    assert_eq!(editor.vanish(), Some(1));
}

#[test]
fn nonsense_on_the_line_is_told() {
    let folder = scratch("lsp-nonsense");
    let nobody = run(&folder, &["lsp"]);
    assert_eq!(nobody.code, 1, "an end of input is an editor that vanished: {nobody}");
    assert_run!(run(&folder, &["lsp", "--port", "5"]));
}
