//! The server: one loop that takes what the editor says, keeps the policies of open documents checked, and answers. Knows nothing
//! of how an answer is made.

mod dispatch;
mod state;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError, select, unbounded};
use lsp_server::{Connection, Message, Notification, ProtocolError};
use lsp_types::notification as note;
use lsp_types::notification::Notification as _;
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

/// Serves one editor until it leaves.
///
/// # Errors
/// What the editor says is not the protocol.
pub fn serve(connection: &Connection, host: Arc<dyn Host>) -> Result<Ended, ProtocolError> {
    let (id, params) = match connection.initialize_start() {
        Ok(started) => started,
        Err(error) if error.channel_is_disconnected() => return Ok(Ended::Abandoned),
        Err(error) => return Err(error),
    };
    // What the editor can do is asked with care: a field that is not understood is one that is not there.
    let params: InitializeParams = serde_json::from_value(params).unwrap_or_default();
    let result = serde_json::json!({
        "capabilities": capabilities(),
        "serverInfo": ServerInfo { name: "pentane".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) },
    });
    connection.initialize_finish(id, result)?;
    let (done, proofs) = unbounded();
    let state = State::new(connection.sender.clone(), host, done, &params);
    run(connection, state, &proofs)
}

fn run(connection: &Connection, mut state: State, proofs: &Receiver<Proved>) -> Result<Ended, ProtocolError> {
    loop {
        // What was typed since is taken in before anything is checked.
        let message = match connection.receiver.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => return Ok(Ended::Abandoned),
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
                let Ok(message) = message else { return Ok(Ended::Abandoned) };
                message
            }
        };
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(Ended::InOrder);
                }
                state.refresh();
                state.answer(request);
            }
            Message::Notification(Notification { method, .. }) if method == note::Exit::METHOD => return Ok(Ended::Abandoned),
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
