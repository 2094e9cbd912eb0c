//! Bytes that no editor should send: the server answers with an error and goes on. Knows nothing of policies.
#![expect(clippy::unwrap_used, reason = "what does not go as it should has failed the test")]

use std::io::{Read, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::run::{command, scratch};

const GREETING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
const ASKING: &str = r#"{"jsonrpc":"2.0","id":"still","method":"workspace/symbol","params":{"query":""}}"#;
const SHUTDOWN: &str = r#"{"jsonrpc":"2.0","id":9,"method":"shutdown"}"#;
const EXIT: &str = r#"{"jsonrpc":"2.0","method":"exit"}"#;

fn framed(text: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{text}", text.len())
}

/// What the server answers to these bytes, what it complains of, and its exit code.
fn spoken(name: &str, parts: &[&[u8]]) -> (Vec<Value>, String, i32) {
    let mut server =
        command(&scratch(name), &["lsp"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = server.stdin.take().unwrap();
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
    let talk = std::thread::spawn(move || {
        for part in parts {
            // One that ended early does not hear the rest.
            let _ = input.write_all(&part);
        }
    });
    let output = server.wait_with_output().unwrap();
    talk.join().unwrap();
    let mut answers = Vec::new();
    let mut rest = output.stdout.as_slice();
    while !rest.is_empty() {
        let end = rest.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
        let length = std::str::from_utf8(&rest[..end]).unwrap().strip_prefix("Content-Length: ").unwrap().parse().unwrap();
        let mut body = vec![0_u8; length];
        rest = &rest[end + 4..];
        rest.read_exact(&mut body).unwrap();
        answers.push(serde_json::from_slice(&body).unwrap());
    }
    (answers, String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
}

/// The errors that the server answers when this comes between a greeting and a question, which it answers too.
fn refused(name: &str, odd: &[&[u8]]) -> Vec<(Value, i64)> {
    let before = framed(GREETING);
    let behind = [ASKING, SHUTDOWN, EXIT].map(framed).concat();
    let mut parts = vec![before.as_bytes()];
    parts.extend(odd);
    parts.push(behind.as_bytes());
    let (answers, complaint, code) = spoken(name, &parts);
    assert_eq!((complaint.as_str(), code), ("", 0), "{name}: {answers:?}");
    assert!(answers.iter().any(|one| one["id"] == "still" && one["result"] == json!([])), "{name}: {answers:?}");
    let errors = answers.iter().filter(|one| !one["error"].is_null());
    errors.map(|one| (one["id"].clone(), one["error"]["code"].as_i64().unwrap())).collect()
}

#[test]
fn what_is_no_message_is_answered_and_ends_nothing() {
    for (body, id, code) in [
        ("{abc}", json!(null), -32700),
        ("", json!(null), -32700),
        ("{\"a\":\"", json!(null), -32700),
        ("{}", json!(null), -32600),
        ("[]", json!(null), -32600),
        ("7", json!(null), -32600),
        (r#"{"id":5}"#, json!(5), -32600),
        (r#"{"id":"x","method":3}"#, json!("x"), -32600),
        (r#"{"id":1.5,"method":"shutdown"}"#, json!(1.5), -32600),
        (r#"{"id":5000000000,"method":"shutdown"}"#, json!(5_000_000_000_u64), -32600),
        (r#"{"id":null,"method":"exit"}"#, json!(null), -32600),
    ] {
        assert_eq!(refused("lsp-wire-body", &[framed(body).as_bytes()]), [(id, code)], "{body}");
    }
    assert_eq!(refused("lsp-wire-utf8", &[b"Content-Length: 3\r\n\r\n\"\xff\""]), [(json!(null), -32700)]);
    let deep = "[".repeat(100_000);
    assert_eq!(refused("lsp-wire-deep", &[framed(&deep).as_bytes()]), [(json!(null), -32700)]);
    assert_eq!(refused("lsp-wire-told", &[framed(r#"{"id":null,"error":{"code":1,"message":"x"}}"#).as_bytes()]), []);
}

#[test]
fn reading_goes_on_behind_a_header_that_is_none() {
    let endless = "x".repeat(100_000);
    for odd in [
        "Content-Length: -5\r\n\r\n{}",
        "Content-Length: five\r\n\r\n{\"a\": 1}",
        "Content-Length: 99999999999999999999999999\r\n\r\n{}",
        "Content-Type: text\r\n\r\n{}",
        "nonsense\r\n\r\n",
        "{\"jsonrpc\": \"2.0\"}\n",
        "\r\n",
        &endless,
    ] {
        assert_eq!(refused("lsp-wire-header", &[odd.as_bytes()]), [(json!(null), -32600)], "{odd}");
    }
    let lenient = format!("content-type: x\ncontent-length:{}\n\n{{}}", 2);
    assert_eq!(refused("lsp-wire-lenient", &[lenient.as_bytes()]), [(json!(null), -32600)]);
}

#[test]
fn nothing_is_reserved_for_what_has_not_come() {
    // Nothing comes after it: what was promised is waited for in vain, and not made room for.
    for (length, wanted) in [("99999999999999", 2), ("1073741824", 2), ("60000000", 1)] {
        let odd = format!("{}Content-Length: {length}\r\n\r\n{{}}", framed(GREETING));
        let (answers, complaint, code) = spoken("lsp-wire-promise", &[odd.as_bytes()]);
        assert_eq!((answers.len(), code), (wanted, 1), "{length}: {answers:?}\n{complaint}");
    }
    let long = vec![b' '; (64 << 20) + 1];
    let header = format!("Content-Length: {}\r\n\r\n", long.len());
    assert_eq!(refused("lsp-wire-long", &[header.as_bytes(), &long]), [(json!(null), -32600)]);
}

#[test]
fn who_leaves_says_so_first() {
    let said = |name: &str, texts: &[&str]| {
        let text: String = texts.iter().map(|text| framed(text)).collect();
        let (answers, complaint, code) = spoken(name, &[text.as_bytes()]);
        assert_eq!(complaint, "", "{name}");
        let errors: Vec<(Value, Value)> = answers
            .iter()
            .filter(|one| !one["error"].is_null())
            .map(|one| (one["id"].clone(), one["error"]["code"].clone()))
            .collect();
        (errors, code)
    };
    let late = (json!("still"), json!(-32600));
    assert_eq!(said("lsp-exit-first", &[EXIT]), (vec![], 1));
    assert_eq!(said("lsp-exit-rude", &[GREETING, EXIT]), (vec![], 1));
    assert_eq!(said("lsp-exit-early", &[ASKING, GREETING, EXIT]), (vec![(json!("still"), json!(-32002))], 1));
    assert_eq!(said("lsp-exit-order", &[GREETING, SHUTDOWN, EXIT]), (vec![], 0));
    assert_eq!(said("lsp-exit-late", &[GREETING, SHUTDOWN, ASKING, EXIT]), (vec![late], 0));
    assert_eq!(said("lsp-exit-silent", &[GREETING, SHUTDOWN]), (vec![], 0));
    assert_eq!(said("lsp-exit-twice", &[GREETING, GREETING, SHUTDOWN, EXIT]), (vec![(json!(1), json!(-32600))], 0));
}
