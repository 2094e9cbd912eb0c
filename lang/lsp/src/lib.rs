//! The language server (LSP 3.17): what an editor asks of a policy while it is being written. Answers come from the same checker,
//! formatter and compiler as the command line's. Knows nothing of files, clocks and threads beyond what a [`Host`] gives it.

mod action;
mod complete;
mod document;
mod finding;
mod fold;
mod host;
mod hover;
mod lens;
mod names;
mod place;
mod project;
mod proof;
mod rename;
mod server;
mod symbol;
mod text;
mod token;
mod uri;

pub use host::{Host, Nothing, Settings};
pub use server::{Ended, serve};
