//! The server: one loop that takes what the editor says, keeps the policies of open documents checked, and answers. Knows nothing
//! of how an answer is made.

mod dispatch;
mod state;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError, select, unbounded};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification as note;
use lsp_types::notification::Notification as _;
use lsp_types::request as ask;
use lsp_types::request::Request as _;
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions, CompletionOptions,
    FoldingRangeProviderCapability, HoverProviderCapability, InitializeParams, OneOf, RenameOptions, SaveOptions,
    SemanticTokensFullOptions, SemanticTokensOptions, SemanticTokensServerCapabilities, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
    WorkDoneProgressOptions,
};

use crate::host::Host;
use crate::proof::Proved;
use crate::token;
use state::State;

/// How long nothing is typed before the policy is proved: a proof of what stands no longer is of no use, and takes time from checks.
const PAUSE: Duration = Duration::from_millis(200);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The editor said goodbye in order.
    InOrder,
    /// The editor is gone without a word.
    Abandoned,
}

/// Serves one editor until it leaves. What does not belong where it is said is refused or passed over: it ends nothing.
#[must_use]
pub fn serve(connection: &Connection, host: Arc<dyn Host>) -> Ended {
    let Some((id, params)) = greeting(connection) else { return Ended::Abandoned };
    // What the editor can do is asked with care: a field that is not understood is one that is not there.
    let params: InitializeParams = serde_json::from_value(params).unwrap_or_default();
    let result = serde_json::json!({
        "capabilities": capabilities(),
        "serverInfo": ServerInfo { name: "pentane".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) },
    });
    say(connection, Response { id, response_result: Ok(result) });
    let (done, proofs) = unbounded();
    let state = State::new(connection.sender.clone(), host, done, &params);
    run(connection, state, &proofs)
}

/// What the editor asks first, once it does; nothing if it leaves before.
fn greeting(connection: &Connection) -> Option<(RequestId, serde_json::Value)> {
    loop {
        match connection.receiver.recv().ok()? {
            Message::Request(Request { id, method, params }) if method == ask::Initialize::METHOD => return Some((id, params)),
            Message::Request(Request { id, method, .. }) => {
                let why = format!("`{method}` comes before `{}`", ask::Initialize::METHOD);
                say(connection, Response::new_err(id, ErrorCode::ServerNotInitialized as i32, why));
            }
            Message::Notification(told) if told.method == note::Exit::METHOD => return None,
            Message::Notification(_) | Message::Response(_) => {}
        }
    }
}

/// Waits for the editor to leave once it has said that it will.
fn leave_taking(connection: &Connection) -> Ended {
    loop {
        match connection.receiver.recv() {
            Ok(Message::Request(request)) => refuse(connection, request, "the server is shut down"),
            Ok(Message::Notification(told)) if told.method == note::Exit::METHOD => return Ended::InOrder,
            Ok(_) => {}
            Err(_) => return Ended::InOrder,
        }
    }
}

fn refuse(connection: &Connection, request: Request, why: &str) {
    say(connection, Response::new_err(request.id, ErrorCode::InvalidRequest as i32, why.to_owned()));
}

fn say(connection: &Connection, answer: Response) {
    // An editor that is gone is met where the next message is waited for.
    let _ = connection.sender.send(answer.into());
}

fn run(connection: &Connection, mut state: State, proofs: &Receiver<Proved>) -> Ended {
    loop {
        // What was typed since is taken in before anything is checked.
        let message = match connection.receiver.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => return Ended::Abandoned,
            Err(TryRecvError::Empty) => {
                state.refresh();
                let pause = if state.has_to_prove() { PAUSE } else { Duration::MAX };
                let message = select! {
                    recv(connection.receiver) -> message => message,
                    recv(proofs) -> proved => {
                        if let Ok(proved) = proved {
                            state.take(proved);
                        }
                        continue;
                    }
                    default(pause) => {
                        state.prove_next();
                        continue;
                    }
                };
                let Ok(message) = message else { return Ended::Abandoned };
                message
            }
        };
        match message {
            Message::Request(Request { id, method, .. }) if method == ask::Shutdown::METHOD => {
                say(connection, Response { id, response_result: Ok(serde_json::Value::Null) });
                return leave_taking(connection);
            }
            Message::Request(request) if request.method == ask::Initialize::METHOD => {
                refuse(connection, request, "the server is initialized already");
            }
            Message::Request(request) => {
                state.refresh();
                state.answer(request);
            }
            Message::Notification(Notification { method, .. }) if method == note::Exit::METHOD => return Ended::Abandoned,
            Message::Notification(notification) => state.notice(notification),
            // Answers to what the server asks say nothing.
            Message::Response(_) => {}
        }
    }
}

fn capabilities() -> ServerCapabilities {
    let none = WorkDoneProgressOptions::default();
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([" ", "{", "(", ",", "="].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions { prepare_provider: Some(true), work_done_progress_options: none })),
        document_formatting_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(true) }),
        semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(SemanticTokensOptions {
            legend: token::legend(),
            full: Some(SemanticTokensFullOptions::Bool(true)),
            ..SemanticTokensOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}
