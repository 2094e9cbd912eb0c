//! Edits of a policy, each from the change to its findings, through the language server as an editor meets it. Knows nothing of
//! what policies say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::lsp::{Ended, Nothing, serve};
use lsp_server::{Connection, Message, Notification, Request};
use net::Time;
use serde_json::{Value, json};

/// The document; what it holds is not saved.
const URI: &str = "untitled:bench";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Opens a text, makes a mistake in its last line and mends it again, and so on: how long each took to be told of, ascending.
///
/// # Errors
/// The server does not answer.
pub fn measure(text: String, edits: u32) -> Result<Vec<Duration>, String> {
    let (server, editor) = Connection::memory();
    let machine = Nothing { now: Time(0), spawn: |work| drop(std::thread::spawn(work)) };
    let thread = std::thread::spawn(move || serve(&server, Arc::new(machine)) == Ended::InOrder);
    let last_line = text.lines().count().saturating_sub(1);
    say(&editor, Request::new(0.into(), "initialize".to_owned(), json!({ "capabilities": {} })))?;
    wait(&editor, |message| matches!(message, Message::Response(_)))?;
    tell(&editor, "initialized", json!({}))?;
    let document = json!({ "uri": URI, "languageId": "pentane", "version": 0, "text": text });
    tell(&editor, "textDocument/didOpen", json!({ "textDocument": document }))?;
    wait(&editor, |message| is_told(message, 0))?;
    let mut took = Vec::new();
    for version in 1..=edits {
        let (end, put) = if version % 2 == 1 { (0, "x ") } else { (2, "") };
        let range = json!({ "start": { "line": last_line, "character": 0 }, "end": { "line": last_line, "character": end } });
        let changes = json!([{ "range": range, "text": put }]);
        let start = Instant::now();
        let document = json!({ "uri": URI, "version": version });
        tell(&editor, "textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }))?;
        wait(&editor, |message| is_told(message, version))?;
        took.push(start.elapsed());
    }
    say(&editor, Request::new(1.into(), "shutdown".to_owned(), Value::Null))?;
    wait(&editor, |message| matches!(message, Message::Response(_)))?;
    tell(&editor, "exit", Value::Null)?;
    drop(editor);
    if !thread.join().unwrap_or(false) {
        return Err("the language server ended badly".to_owned());
    }
    took.sort_unstable();
    Ok(took)
}

/// True if it tells what was found in this state of the text.
fn is_told(message: &Message, version: u32) -> bool {
    matches!(message, Message::Notification(told)
        if told.method == "textDocument/publishDiagnostics" && told.params["version"] == version)
}

fn tell(editor: &Connection, method: &str, params: Value) -> Result<(), String> {
    say(editor, Notification::new(method.to_owned(), params))
}

fn say(editor: &Connection, message: impl Into<Message>) -> Result<(), String> {
    editor.sender.send(message.into()).map_err(|_| "the language server is gone".to_owned())
}

fn wait(editor: &Connection, wanted: impl Fn(&Message) -> bool) -> Result<(), String> {
    loop {
        match editor.receiver.recv_timeout(PATIENCE) {
            Ok(message) if wanted(&message) => return Ok(()),
            Ok(_) => {}
            Err(_) => return Err("the language server does not answer".to_owned()),
        }
    }
}
