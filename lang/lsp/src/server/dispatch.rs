//! Requests and notifications by their methods. Knows nothing of how an answer is made.

use lsp_server::{ErrorCode, Notification, Request, RequestId, Response};
use lsp_types::notification as note;
use lsp_types::notification::Notification as _;
use lsp_types::request as ask;
use lsp_types::{
    CompletionResponse, DocumentSymbolResponse, GotoDefinitionResponse, SemanticTokensResult, TextDocumentPositionParams, Url,
    WorkspaceSymbolResponse,
};
use serde_json::Value;

use super::state::State;
use crate::place::Place;
use crate::{action, complete, fold, hover, lens, rename, symbol, token, uri};

/// Why there is no answer, for the one who asked.
type Refused = String;

/// What a request comes to.
type Answer = Result<Value, Refused>;

impl State {
    /// Answers a request.
    pub(super) fn answer(&mut self, request: Request) {
        let Request { id, method, params } = request;
        let answer = match self.find_answer(&method, params) {
            None => Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("there is no method `{method}`")),
            Some(Err(Problem::Params(why))) => Response::new_err(id, ErrorCode::InvalidParams as i32, why),
            Some(Ok(answer)) => respond(id, answer),
        };
        self.say(answer);
    }

    fn find_answer(&self, method: &str, params: Value) -> Option<Result<Answer, Problem>> {
        use ask::Request as _;
        Some(match method {
            ask::HoverRequest::METHOD => with::<ask::HoverRequest>(params, |params| {
                self.at(&params.text_document_position_params, |place, at| hover::hover(place, at, self.now()))
            }),
            ask::Completion::METHOD => with::<ask::Completion>(params, |params| {
                self.at(&params.text_document_position, complete::complete).map(CompletionResponse::Array)
            }),
            ask::GotoDefinition::METHOD => with::<ask::GotoDefinition>(params, |params| {
                let found = self.at(&params.text_document_position_params, symbol::definition);
                found.map(GotoDefinitionResponse::Scalar)
            }),
            ask::References::METHOD => with::<ask::References>(params, |params| {
                let declaration = params.context.include_declaration;
                self.at(&params.text_document_position, |place, at| symbol::references(place, at, declaration))
            }),
            ask::DocumentHighlightRequest::METHOD => with::<ask::DocumentHighlightRequest>(params, |params| {
                self.at(&params.text_document_position_params, symbol::highlights)
            }),
            ask::DocumentSymbolRequest::METHOD => with::<ask::DocumentSymbolRequest>(params, |params| {
                self.of(&params.text_document.uri, |place| Some(DocumentSymbolResponse::Nested(symbol::outline(place))))
            }),
            ask::WorkspaceSymbolRequest::METHOD => with::<ask::WorkspaceSymbolRequest>(params, |params| {
                let all = self.policies().flat_map(|(_, snapshot)| symbol::matching(snapshot, &params.query)).collect();
                Some(WorkspaceSymbolResponse::Flat(all))
            }),
            ask::PrepareRenameRequest::METHOD => try_with::<ask::PrepareRenameRequest>(params, |params| {
                let place = self.place(&params.text_document.uri);
                place.map_or(Ok(None), |place| rename::prepare(&place, params.position).map(Some))
            }),
            ask::Rename::METHOD => try_with::<ask::Rename>(params, |params| {
                let uri = &params.text_document_position.text_document.uri;
                let (Some(place), Some(key)) = (self.place(uri), self.home(uri)) else { return Ok(None) };
                let again = |documents: &crate::document::Documents| self.load(key, documents);
                rename::rename(&place, params.text_document_position.position, &params.new_name, &self.documents, again).map(Some)
            }),
            ask::Formatting::METHOD => {
                with::<ask::Formatting>(params, |params| self.of(&params.text_document.uri, action::format))
            }
            ask::FoldingRangeRequest::METHOD => {
                with::<ask::FoldingRangeRequest>(params, |params| self.of(&params.text_document.uri, fold::ranges))
            }
            ask::CodeActionRequest::METHOD => with::<ask::CodeActionRequest>(params, |params| {
                self.of(&params.text_document.uri, |place| Some(action::actions(place, params.range)))
            }),
            ask::CodeLensRequest::METHOD => with::<ask::CodeLensRequest>(params, |params| {
                self.of(&params.text_document.uri, |place| Some(lens::lenses(place, &params.text_document.uri)))
            }),
            ask::CodeLensResolve::METHOD => with::<ask::CodeLensResolve>(params, |asked| {
                let uri = lens::uri_of(&asked);
                let place = uri.as_ref().and_then(|uri| self.place(uri));
                lens::resolve(place.as_ref(), asked)
            }),
            ask::SemanticTokensFullRequest::METHOD => with::<ask::SemanticTokensFullRequest>(params, |params| {
                self.of(&params.text_document.uri, |place| Some(SemanticTokensResult::Tokens(token::tokens(place))))
            }),
            _ => return None,
        })
    }

    fn of<T>(&self, uri: &Url, make: impl FnOnce(&Place<'_>) -> Option<T>) -> Option<T> {
        make(&self.place(uri)?)
    }

    /// An answer about a place in a document, given as the byte that it is.
    fn at<T>(&self, at: &TextDocumentPositionParams, make: impl FnOnce(&Place<'_>, usize) -> Option<T>) -> Option<T> {
        let place = self.place(&at.text_document.uri)?;
        let offset = place.snapshot.text(place.source)?.offset(at.position);
        make(&place, offset)
    }

    /// Takes note of what the editor tells.
    pub(super) fn notice(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            note::DidOpenTextDocument::METHOD => {
                let Some(params) = read::<note::DidOpenTextDocument>(params) else { return };
                let (path, document) = (uri::path_of(&params.text_document.uri), params.text_document);
                self.documents.open(path.clone(), document.version, document.text);
                self.touch(path);
            }
            note::DidChangeTextDocument::METHOD => {
                let Some(params) = read::<note::DidChangeTextDocument>(params) else { return };
                let path = uri::path_of(&params.text_document.uri);
                if self.documents.change(&path, params.text_document.version, params.content_changes) {
                    self.touch(path);
                }
            }
            note::DidCloseTextDocument::METHOD => {
                let Some(params) = read::<note::DidCloseTextDocument>(params) else { return };
                let path = uri::path_of(&params.text_document.uri);
                self.documents.close(&path);
                self.touch(path);
            }
            note::DidSaveTextDocument::METHOD | note::DidChangeWatchedFiles::METHOD | note::DidChangeConfiguration::METHOD => {
                self.touch_all();
            }
            // Whatever else it tells asks for nothing.
            _ => {}
        }
    }
}

/// Why a request is not understood.
enum Problem {
    Params(String),
}

fn read<N: note::Notification>(params: Value) -> Option<N::Params> {
    serde_json::from_value(params).ok()
}

fn with<R: ask::Request>(params: Value, make: impl FnOnce(R::Params) -> R::Result) -> Result<Answer, Problem> {
    try_with::<R>(params, |params| Ok(make(params)))
}

fn try_with<R: ask::Request>(
    params: Value,
    make: impl FnOnce(R::Params) -> Result<R::Result, Refused>,
) -> Result<Answer, Problem> {
    let params = serde_json::from_value(params).map_err(|error| Problem::Params(error.to_string()))?;
    Ok(make(params).and_then(|result| serde_json::to_value(result).map_err(|error| error.to_string())))
}

fn respond(id: RequestId, answer: Answer) -> Response {
    match answer {
        Ok(value) => Response { id, response_result: Ok(value) },
        Err(why) => Response::new_err(id, ErrorCode::RequestFailed as i32, why),
    }
}
