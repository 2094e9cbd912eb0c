//! The same question has the same answer: byte for byte in every process, whatever its hash seeds; and in whatever order files are
//! included that do not speak of one another.
#![expect(clippy::unwrap_used, reason = "what cannot be written has failed the test")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{policies, run, scratch};

/// How many processes answer each question.
const PROCESSES: usize = 3;

/// Every command that answers about one policy, with a flow that it can be asked about.
fn questions(file: &str, flow: &str) -> Vec<Vec<String>> {
    let asked: [&[&str]; 14] = [
        &["check", file, "--format", "json"],
        &["check", file],
        &["prove", file, "--format", "json"],
        &["test", file, "--format", "json", "--coverage"],
        &["explain", flow, file, "--format", "json"],
        &["compile", file, "--emit", "tree"],
        &["compile", file, "--emit", "dot"],
        &["compile", file, "--pair", flow],
        &["who", "can-reach", "internet", file, "--format", "json"],
        &["who", "is-reachable-from", "internet", file, "--for", "tcp/80", "--format", "json"],
        &["matrix", file, "--format", "json"],
        &["matrix", file],
        &["fmt", "--check", file],
        &["fix", "--dry-run", file],
    ];
    asked.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

fn answer(folder: &Path, question: &[String]) -> String {
    let words: Vec<&str> = question.iter().map(String::as_str).collect();
    run(folder, &words).to_string()
}

/// Copies files, and those in folders.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &copied) } else { fs::write(copied, fs::read(&path).unwrap()).unwrap() }
    }
}

/// A copy of the repository's policies, and of those of these tests.
fn shipped(name: &str) -> PathBuf {
    let folder = scratch(name);
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies"), &folder);
    copy(&policies(), &folder.join("odd"));
    folder
}

fn assert_same(folder: &Path, question: &[String]) -> String {
    let first = answer(folder, question);
    for _ in 1..PROCESSES {
        assert_eq!(answer(folder, question), first, "{question:?}");
    }
    first
}

#[test]
fn every_process_says_the_same_of_the_same_files() {
    let folder = shipped("same-bytes");
    let mut said = 0;
    for (file, flow) in [
        ("university/university.pol", "internet -> internet tcp/80"),
        ("stanford/stanford.pol", "unregistered -> internet tcp/22"),
        ("hospital/hospital.pol", "interns host cart at wards:7 -> records https time tue 10:00"),
        ("snac/snac.pol", "unregistered -> internet udp/53"),
        ("odd/five.pol", "10.0.0.1 -> 10.0.0.2 tcp/80"),
        ("odd/failing.pol", "10.0.0.1 -> 10.0.0.2 tcp/80"),
        ("odd/untidy.pol", "10.0.0.1 -> 10.0.0.2 tcp/80"),
    ] {
        said += questions(file, flow).iter().map(|question| assert_same(&folder, question).len()).sum::<usize>();
    }
    for (old, new) in [("campus/campus.pol", "lab/campus.pol"), ("stanford/stanford.pol", "hospital/hospital.pol")] {
        let question = ["diff", old, new, "--format", "json"].map(str::to_owned);
        said += assert_same(&folder, &question).len();
    }
    assert!(said > 100_000, "{said} bytes");
}

const PARTS: [(&str, &str); 4] = [
    (
        "people.pol",
        "user bob;\nuser eve;\nuser tom;\ngroup students = user { bob, eve };\ngroup staff = user directory \"cn=staff\";\n\
         group idle = user { tom };\n",
    ),
    (
        "machines.pol",
        "switch edge { dpid 0x1; access 1-24; uplink 25; }\nswitch core { dpid 0x10; access 9-48; uplink 1; }\n\
         gateway border { at core:48; }\nmiddlebox proxy { in core:40; out core:41; }\nlocation lobby = edge:3;\n\
         host www { mac 00:16:3e:00:00:01; ip 10.0.9.10; }\nhost files { mac 00:16:3e:00:00:02; ip 10.0.9.11; }\n\
         host pc1 { mac 00:16:3e:00:00:03; }\nhost pc2 { mac 00:16:3e:00:00:04; }\ngroup servers = host { www, files };\n\
         group pcs = host { pc1, pc2 };\ngroup marked = host tagged \"lab\";\n",
    ),
    (
        "networks.pol",
        "network lab = 10.4.0.0/16;\nnetwork dorm = 10.5.0.0/16, 2001:db8:5::/48;\nservice web = tcp/80, tcp/443;\n\
         service chat = tcp/5222, udp/5222;\ntime office = mon-fri 08:00-18:00;\n",
    ),
    (
        "guests.pol",
        "switch edge2 { dpid 0x2; access 1-24; uplink 25; }\nlocation cafe = edge2:4;\n\
         host kiosk { mac 00:16:3e:00:00:09; at edge2:9; }\nhost beamer { mac 00:16:3e:00:00:0a; }\n\
         group devices = host { kiosk, beamer };\nuser guest;\nnetwork cameras = 10.6.0.0/16;\n",
    ),
];

const RULES: &str = "deny from servers;\nweb: allow from students to www for web;\nfiles: allow from staff to files for nfs;\n\
    lobby-web: allow from any at lobby to internet for tcp/80 via proxy;\nallow from pc1 to pcs;\n\
    cafe: allow from any at cafe to internet for web when time in office;\nallow from lab to dorm for chat;\n\
    never: allow from servers to lab;\nallow from students to www for tcp/80;\nallow from cameras to kiosk for tcp/554;\n\
    deny from devices to marked;\nallow from devices to beamer;\nassert never from servers to internet;\n\
    assert never from lab to internet;\nassert always from students to www for web;\nassert never from devices;\n\
    test \"all\" { bob -> www http => allow by web; lab -> dorm chat => allow; kiosk -> beamer ssh => allow; }\n";

/// What names an example among flows.
const EXAMPLES: [&str; 4] = ["flow", "counterexample", "allowed_flow", "refused_flow"];

/// Without what an order of declarations may change: the hash over the texts, which of many flows is the example, and the order in
/// which names are listed.
fn told(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| name != "policy");
            let kept = kept.map(|(name, value)| {
                let is_example = EXAMPLES.contains(&name.as_str());
                (name, if is_example { Value::Bool(!value.is_null()) } else { told(value) })
            });
            Value::Object(kept.collect())
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(told).collect();
            if values.iter().all(Value::is_string) {
                values.sort_by_key(Value::to_string);
            }
            Value::Array(values)
        }
        other => other,
    }
}

#[test]
fn the_order_of_files_that_do_not_speak_of_one_another_changes_no_answer() {
    let mut answers: Vec<Vec<String>> = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1], [1, 0, 3, 2], [0, 3, 1, 2]] {
        let folder = scratch(&format!("same-order-{order:?}"));
        PARTS.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
        let includes: String = order.iter().map(|part| format!("include \"{}\";\n", PARTS[*part].0)).collect();
        fs::write(folder.join("main.pol"), includes + RULES).unwrap();
        let json: [&[&str]; 7] = [
            &["check", "main.pol"],
            &["prove", "main.pol"],
            &["test", "main.pol"],
            &["explain", "bob -> www http", "main.pol"],
            &["who", "can-reach", "internet", "main.pol"],
            &["who", "is-reachable-from", "pcs", "main.pol"],
            &["matrix", "main.pol", "--from", "students,pcs,devices", "--to", "servers,pcs,lab,internet"],
        ];
        let of_json =
            json.iter().map(|question| told(run(&folder, &[question, &["--format", "json"][..]].concat()).json()).to_string());
        let compiled = [["compile", "main.pol", "--emit", "tree"], ["compile", "main.pol", "--emit", "dot"]];
        answers.push(of_json.chain(compiled.iter().map(|question| run(&folder, question).to_string())).collect());
    }
    for (question, first) in answers[0].iter().enumerate() {
        assert!(first.len() > 100, "{first}");
        for other in &answers[1..] {
            assert_eq!(&other[question], first);
        }
    }
}
