//! The policy language: text to checked policy. `parse` turns text into a tree, `check` turns the tree into a [`Checked`] policy,
//! `format` prints a tree; `eval` is the plain reference evaluator that tests hold the compiler's decision structure against.
//! Knows nothing of the live network and performs no I/O: sources come in as values.

pub mod ast;
pub mod builtin;
pub mod calendar;
pub mod check;
pub mod checked;
pub mod codes;
pub mod diag;
pub mod eval;
pub mod facts;
pub mod flow;
pub mod flowspec;
pub mod format;
pub mod import;
pub mod keyword;
pub mod lexer;
pub mod lint;
pub mod literal;
pub mod meaning;
pub mod occurrences;
pub mod parse;
mod phrasebook;
pub mod proofs;
pub mod repair;
pub mod report;
mod resolve;
pub mod services;
pub mod source;
pub mod suggest;
pub mod suppress;
pub mod testing;
mod types;
