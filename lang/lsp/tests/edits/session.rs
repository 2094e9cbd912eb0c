//! One editor and one server, joined without a pipe.
#![expect(clippy::disallowed_methods, reason = "the server runs beside the test")]

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lsp::{Ended, Nothing, serve};
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use net::Time;
use serde_json::{Value, json};

use crate::text::Text;

const URI: &str = "untitled:policy";

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A session with one open document.
pub struct Session {
    editor: Connection,
    server: JoinHandle<Ended>,
    asked: i32,
    /// What was told last.
    told: Vec<Value>,
}

impl Session {
    /// Opens the text.
    pub fn open(text: &Text) -> Session {
        let (server, editor) = Connection::memory();
        // Nothing is proved: what is told is what the check found.
        let machine = Nothing { now: Time(1_790_000_000_000_000), spawn: drop };
        let server = std::thread::spawn(move || serve(&server, Arc::new(machine)));
        let mut session = Session { editor, server, asked: 0, told: Vec::new() };
        session.request("initialize", json!({ "capabilities": {} }));
        session.tell("initialized", json!({}));
        let document = json!({ "uri": URI, "languageId": "pentane", "version": 0, "text": text.as_str() });
        session.tell("textDocument/didOpen", json!({ "textDocument": document }));
        session
    }

    /// Tells of a change.
    pub fn change(&mut self, version: i32, change: &Value) {
        let document = json!({ "uri": URI, "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    }

    /// Asks about the document.
    pub fn ask(&mut self, method: &str, mut params: Value) -> Value {
        params["textDocument"] = json!({ "uri": URI });
        self.request(&format!("textDocument/{method}"), params)
    }

    /// Asks about a place in it.
    pub fn ask_at(&mut self, method: &str, place: Value) -> Value {
        self.ask(method, json!({ "position": place, "context": { "includeDeclaration": true, "triggerKind": 1 } }))
    }

    /// The edits of the document in an edit of a workspace.
    pub fn edits(&self, edit: &Value) -> Option<Vec<Value>> {
        edit["changes"][URI].as_array().cloned()
    }

    /// What was found in the text as it is. It is told before anything is answered, if it is not what was told before.
    pub fn told(&mut self) -> Vec<Value> {
        self.ask("foldingRange", json!({}));
        self.told.clone()
    }

    /// Says goodbye in order.
    pub fn close(mut self) {
        self.request("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        assert_eq!(self.server.join().unwrap(), Ended::InOrder);
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = RequestId::from(self.asked);
        self.editor.sender.send(Request::new(id.clone(), method.to_owned(), params).into()).unwrap();
        loop {
            match self.next() {
                Message::Response(response) if response.id == id => {
                    return match response.response_result {
                        Ok(value) => value,
                        Err(error) => {
                            let refused = lsp_server::ErrorCode::RequestFailed as i32;
                            assert_eq!(error.code, refused, "{method}: {error:?}");
                            assert!(!error.message.is_empty(), "{method} is refused without a reason");
                            Value::Null
                        }
                    };
                }
                message => self.take(&message),
            }
        }
    }

    fn tell(&self, method: &str, params: Value) {
        self.editor.sender.send(Notification::new(method.to_owned(), params).into()).unwrap();
    }

    fn next(&self) -> Message {
        self.editor.receiver.recv_timeout(PATIENCE).unwrap()
    }

    fn take(&mut self, message: &Message) {
        if let Message::Notification(told) = message
            && told.method == "textDocument/publishDiagnostics"
        {
            self.told.clone_from(told.params["diagnostics"].as_array().unwrap());
        }
    }
}
