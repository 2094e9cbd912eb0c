//! An editor for tests: starts the server, speaks with it over standard input and output, and keeps what was said. Knows nothing
//! of what is right.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what does not go as it should has failed the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::run::{command, scratch};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An editor with the server that it has started.
pub struct Editor {
    folder: PathBuf,
    server: Child,
    input: Option<ChildStdin>,
    heard: Receiver<Value>,
    /// What came while something else was waited for.
    waiting: Vec<Value>,
    asked: u64,
    /// Texts of open documents, with their versions.
    open: BTreeMap<String, (i32, String)>,
    kept: String,
}

impl Editor {
    /// Starts a server beside these files and greets it.
    pub fn start(name: &str, files: &[(&str, &str)]) -> Editor {
        let folder = scratch(name);
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut server = command(&folder, &["lsp"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (say, heard) = channel();
        let output = BufReader::new(server.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut output = output;
            while let Some(message) = read(&mut output) {
                if say.send(message).is_err() {
                    break;
                }
            }
        });
        let input = server.stdin.take();
        let mut editor =
            Editor { folder, server, input, heard, waiting: Vec::new(), asked: 0, open: BTreeMap::new(), kept: String::new() };
        let able = json!({ "capabilities": { "workspace": { "codeLens": { "refreshSupport": true } } } });
        let greeted = editor.request("initialize", able);
        assert_eq!(greeted["result"]["serverInfo"]["name"], "pentane", "{greeted}");
        editor.tell("initialized", json!({}));
        editor
    }

    /// Opens a file.
    pub fn open(&mut self, name: &str) {
        let text = fs::read_to_string(self.folder.join(name)).unwrap();
        self.open_text(name, &text);
    }

    /// Opens a document that holds this, whatever the file holds.
    pub fn open_text(&mut self, name: &str, text: &str) {
        self.keep(&format!("open {name}"));
        self.open.insert(name.to_owned(), (1, text.to_owned()));
        let document = json!({ "uri": self.uri(name), "languageId": "pentane", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Replaces the first place of some words of an open document.
    pub fn edit(&mut self, name: &str, old: &str, new: &str) {
        self.keep(&format!("edit {name}: {old:?} becomes {new:?}"));
        let text = self.open[name].1.clone();
        let start = text.find(old).unwrap();
        let range = json!({ "start": place(&text, start), "end": place(&text, start + old.len()) });
        let (version, text) = self.open.get_mut(name).unwrap();
        *version += 1;
        text.replace_range(start..start + old.len(), new);
        let document = json!({ "uri": self.uri(name), "version": self.open[name].0 });
        let changes = json!([{ "range": range, "text": new }]);
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// Closes a document.
    pub fn close(&mut self, name: &str) {
        self.keep(&format!("close {name}"));
        self.open.remove(name);
        self.tell("textDocument/didClose", json!({ "textDocument": { "uri": self.uri(name) } }));
    }

    /// What was found in a file: the next that is told of it.
    pub fn found(&mut self, name: &str) -> Value {
        let uri = self.uri(name);
        let told = self
            .wait(|message| message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str());
        let found = told["params"]["diagnostics"].clone();
        self.keep(&format!("found in {name}: {}", pretty(&found)));
        found
    }

    /// Waits until the policy is proved.
    pub fn proved(&mut self) {
        let told = self.wait(|message| message["method"] == "workspace/codeLens/refresh");
        self.send(&json!({ "jsonrpc": "2.0", "id": told["id"], "result": null }));
        self.keep("proved");
    }

    /// Asks about a document.
    pub fn ask(&mut self, method: &str, name: &str, more: Value) -> Value {
        self.ask_with(method, &format!("{name} {more}"), with(json!({ "textDocument": { "uri": self.uri(name) } }), more))
    }

    /// Asks about the place in a document where `^` stands in some words of it.
    pub fn ask_at(&mut self, method: &str, name: &str, words: &str, more: Value) -> Value {
        let position = self.position(name, words);
        let params = json!({ "textDocument": { "uri": self.uri(name) }, "position": position });
        self.ask_with(method, &format!("{name} at {words:?} {more}"), with(params, more))
    }

    /// Asks anything.
    pub fn ask_with(&mut self, method: &str, shown: &str, params: Value) -> Value {
        let answer = self.request(method, params);
        let told = answer.get("result").unwrap_or(&answer["error"]).clone();
        self.keep(&format!("ask {method} {shown}\n{}", pretty(&told)));
        told
    }

    /// Where `^` stands in some words of an open document.
    pub fn position(&self, name: &str, words: &str) -> Value {
        let text = &self.open[name].1;
        let start = text.find(&words.replace('^', "")).unwrap_or_else(|| panic!("{words} is not in {name}"));
        place(text, start + words.find('^').unwrap())
    }

    /// The text of a document with edits made, as they were answered.
    pub fn with_edits(&self, name: &str, edits: &Value) -> String {
        let mut text =
            self.open.get(name).map_or_else(|| fs::read_to_string(self.folder.join(name)).unwrap(), |open| open.1.clone());
        let mut edits: Vec<&Value> = edits.as_array().unwrap().iter().collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(byte(&text, &edit["range"]["start"])));
        for edit in edits {
            let (start, end) = (byte(&text, &edit["range"]["start"]), byte(&text, &edit["range"]["end"]));
            text.replace_range(start..end, edit["newText"].as_str().unwrap());
        }
        text
    }

    /// The URI of a file.
    pub fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.folder.display())
    }

    /// Says goodbye; the server ends in order. Brings what was said.
    pub fn leave(mut self) -> String {
        let answer = self.request("shutdown", Value::Null);
        assert_eq!(answer["result"], Value::Null, "{answer}");
        self.tell("exit", Value::Null);
        self.input.take();
        assert_eq!(self.server.wait().unwrap().code(), Some(0));
        self.kept.replace(&self.folder.display().to_string(), "[folder]")
    }

    /// Goes without a word. Brings the server's exit code.
    pub fn vanish(mut self) -> Option<i32> {
        self.input.take();
        self.server.wait().unwrap().code()
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.wait(|message| message["id"] == id && message.get("method").is_none())
    }

    /// Tells the server something that asks for no answer.
    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input.as_mut().unwrap(), "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.as_mut().unwrap().flush().unwrap();
    }

    /// The next message that is wanted; what comes before it is kept.
    pub fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at);
        }
        loop {
            let message = self.heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer; said so far:\n{}", self.kept));
            if wanted(&message) {
                return message;
            }
            self.waiting.push(message);
        }
    }

    fn keep(&mut self, line: &str) {
        self.kept.push_str(line.trim_end());
        self.kept.push('\n');
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // One that has ended already cannot be ended.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn read(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut bytes = vec![0; length];
    output.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn with(mut params: Value, more: Value) -> Value {
    if let (Some(all), Value::Object(more)) = (params.as_object_mut(), more) {
        all.extend(more);
    }
    params
}

fn place(text: &str, offset: usize) -> Value {
    let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    json!({ "line": text[..offset].matches('\n').count(), "character": text[line_start..offset].encode_utf16().count() })
}

fn byte(text: &str, place: &Value) -> usize {
    let (line, character) = (place["line"].as_u64().unwrap(), place["character"].as_u64().unwrap());
    let start: usize = text.split_inclusive('\n').take(usize::try_from(line).unwrap()).map(str::len).sum();
    let mut units = 0;
    for (at, letter) in text[start..].char_indices() {
        if units >= character {
            return start + at;
        }
        units += u64::try_from(letter.len_utf16()).unwrap();
    }
    text.len()
}

/// JSON with each range on one line: `2:4-2:9`.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&shorter(value)).unwrap()
}

fn shorter(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.len() == 2 && fields.contains_key("start") && fields.contains_key("end") => {
            let at = |place: &Value| format!("{}:{}", place["line"], place["character"]);
            Value::String(format!("{}-{}", at(&fields["start"]), at(&fields["end"])))
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shorter(value))).collect(),
        Value::Array(all) => all.iter().map(shorter).collect(),
        other => other.clone(),
    }
}
